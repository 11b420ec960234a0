/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The core's only door to the kernel's headers.  What is included here is
 * all of the kernel that the protocol uses; tests/shim supplies the same
 * names to userspace.  The core knows no socket, skb, lock or clock: time is
 * an argument (u64, nanoseconds), the caller holds the connection's lock.
 */
#ifndef _QUIC_KERN_H
#define _QUIC_KERN_H

#include <linux/types.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/bug.h>
#include <linux/jump_label.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <linux/random.h>
#include <linux/jhash.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/overflow.h>
#include <crypto/algapi.h>	/* crypto_memneq() */
#include <uapi/linux/tls.h>	/* TLS_CIPHER_* */
#include <uapi/linux/quic.h>

/*
 * A local of the hot path that is written before it is read: kernels that clear
 * all locals leave it alone.
 */
#define quic_uninitialized	__attribute__((__uninitialized__))

/* Somebody reads a trace: then, and only then, ops->trace is told. */
DECLARE_STATIC_KEY_FALSE(quic_tracing);

#define QUIC_NSEC_PER_USEC	1000ULL
#define QUIC_NSEC_PER_MSEC	1000000ULL
#define QUIC_NSEC_PER_SEC	1000000000ULL
#define QUIC_TIME_NEVER		U64_MAX

#endif /* _QUIC_KERN_H */

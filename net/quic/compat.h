/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Differences between kernel versions, and nothing else.  The rest of the
 * module is written for the newest kernel that is tested.
 */
#ifndef _QUIC_COMPAT_H
#define _QUIC_COMPAT_H

#include <linux/version.h>
#include <crypto/chacha.h>
#include <linux/hrtimer.h>
#include <linux/slab.h>
#include <linux/sysctl.h>
#include <linux/uaccess.h>
#include <net/sock.h>

/* 6.10: the arguments of accept() in one structure */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
#define QUIC_DEFINE_ACCEPT(name, fn)							\
static int name(struct socket *sock, struct socket *newsock,				\
		struct proto_accept_arg *arg)						\
{											\
	return fn(sock, newsock, arg->flags);						\
}
#else
#define QUIC_DEFINE_ACCEPT(name, fn)							\
static int name(struct socket *sock, struct socket *newsock, int flags, bool kern)	\
{											\
	return fn(sock, newsock, flags);						\
}
#endif

/* 6.5: the value goes through a kernel pointer */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define QUIC_DEFINE_IOCTL(name, fn)							\
static int name(struct sock *sk, int cmd, int *karg)					\
{											\
	return fn(sk, cmd, karg);							\
}
#else
#define QUIC_DEFINE_IOCTL(name, fn)							\
static int name(struct sock *sk, int cmd, unsigned long arg)				\
{											\
	int value, err = fn(sk, cmd, &value);						\
											\
	return err ?: put_user(value, (int __user *)arg);				\
}
#endif

/* 6.6: where a protocol keeps its struct ipv6_pinfo; before: at its end */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#define QUIC_PINFO_OFFSET(type, member)	.ipv6_pinfo_offset = offsetof(type, member),
#else
#define QUIC_PINFO_OFFSET(type, member)
#endif

/* 6.13 */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/* 6.6: the number of entries is told; before: an empty one ends the table */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
#define register_net_sysctl_sz(net, path, table, n)	register_net_sysctl(net, path, table)
#endif

/* until 6.4: flags that sendpage() passed down */
#ifndef MSG_SENDPAGE_NOTLAST
#define MSG_SENDPAGE_NOTLAST	0
#endif

/* 6.16: a type of its own for the state of ChaCha20 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 16, 0)
static inline void quic_chacha20_block(u32 state[16], u8 *out)
{
	struct chacha_state s;

	memcpy(s.x, state, sizeof(s.x));
	chacha20_block(&s, out);
	chacha_zeroize_state(&s);
}
#else
static inline void quic_chacha20_block(u32 state[16], u8 *out)
{
	chacha20_block(state, out);
}
#endif

/* 6.12: moved */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#endif /* _QUIC_COMPAT_H */

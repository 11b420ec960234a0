/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Differences between kernel versions, and nothing else.  The rest of the
 * module is written for the newest kernel that is tested.
 */
#ifndef _QUIC_COMPAT_H
#define _QUIC_COMPAT_H

#include <linux/version.h>
#include <crypto/chacha.h>
#include <linux/bvec.h>
#include <linux/hrtimer.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/sysctl.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
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

/*
 * 6.5: pages come by sendmsg(), and the end of a splice is told; some stable
 * kernels before have the names, but nothing that uses them.  Before: a page a
 * call, and no word about the end: so pages that follow one another in the
 * pipe are held back for one another, the last of them never.
 */
#ifdef MSG_SPLICE_PAGES
#define QUIC_SPLICE_EOF(fn)	.splice_eof = fn,
#else
#define QUIC_SPLICE_EOF(fn)
#define MSG_SPLICE_PAGES	0x8000000
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
#define MSG_SENDPAGE_NOTLAST	0
#define QUIC_SENDPAGE
#else
#define QUIC_SENDPAGE		.sendpage = quic_compat_sendpage,
static inline ssize_t quic_compat_sendpage(struct socket *sock, struct page *page, int offset,
					   size_t size, int flags)
{
	struct bio_vec bv = { .bv_page = page, .bv_offset = offset, .bv_len = size };
	struct msghdr msg = {
		.msg_flags = (flags & (MSG_DONTWAIT | MSG_NOSIGNAL)) | MSG_SPLICE_PAGES |
			     (flags & MSG_SENDPAGE_NOTLAST ? MSG_MORE : 0),
	};

	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, &bv, 1, size);
	return sock->ops->sendmsg(sock, &msg, size);
}
#endif

/*
 * 6.3: a protocol may look at options of SOL_SOCKET itself.  Before, nobody but
 * TCP and UDP can have SO_ZEROCOPY set: so it is on from the start.
 */
#ifdef SOCK_CUSTOM_SOCKOPT
static inline void quic_compat_zerocopy(struct socket *sock)
{
	set_bit(SOCK_CUSTOM_SOCKOPT, &sock->flags);
	set_bit(SOCK_SUPPORT_ZC, &sock->flags);
}
#else
static inline void quic_compat_zerocopy(struct socket *sock)
{
	sock_set_flag(sock->sk, SOCK_ZEROCOPY);
	set_bit(SOCK_SUPPORT_ZC, &sock->flags);
}
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

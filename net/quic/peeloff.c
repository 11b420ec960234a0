// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A socket for one stream (the option STREAM_PEELOFF): a struct sock of its own
 * for what belongs to a descriptor (waiters, timeouts, a pending error), while
 * the stream, its memory and its lock stay the connection's.
 *
 * Lives.  The peel holds a reference to the connection's sock and pins the
 * stream (quic_stream_pin()), so both outlast it, whatever is closed first: with
 * peels left, close() of the connection's own descriptor only makes an orphan of
 * it, and neither ends nor frees the connection (sock.c).  The last peel of an
 * orphan closes the connection.
 *
 * Locks.  All of a peel but its wait queue is under the lock of the
 * connection's sock.  Calls on the descriptor take it; the core's wake-ups come
 * under it, are collected, and delivered once a train (quic_peel_settle()).  A
 * peel that is in a list is alive: release() takes it out under the lock.
 */
#include <linux/errqueue.h>
#include <linux/file.h>
#include <linux/module.h>
#include <linux/sockios.h>
#include <asm/ioctls.h>
#include <net/inet_common.h>
#include "netns.h"

struct quic_peel {
	struct inet_sock inet;		/* must be first */
	struct sock *conn_sk;		/* reference held */
	struct quic_stream *stream;	/* pinned; NULL until it is peeled off */
	struct list_head node;		/* quic_sock.peels */
	struct list_head blocked;	/* quic_sock.peels_blocked */
	struct list_head woken;		/* quic_sock.peels_woken */
	struct ipv6_pinfo inet6;
};

static struct quic_peel *peel(const struct sock *sk)
{
	return (struct quic_peel *)sk;
}

static struct sock *peel_sk(struct quic_peel *p)
{
	return &p->inet.sk;
}

/* ---- wake-ups: lock of the connection's sock held, any context ---- */

void quic_peel_wake(void *priv, void *owner, bool read)
{
	struct quic_sock *qs = quic_sk(priv);
	struct quic_peel *p = owner;

	if (!read)
		qs->conn.wake |= QUIC_WAKE_WRITE;	/* all that wait; room is shared */
	else if (list_empty(&p->woken))
		list_add_tail(&p->woken, &qs->peels_woken);
}

void quic_peel_settle(struct sock *sk, bool write)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_peel *p, *next;

	list_for_each_entry_safe(p, next, &qs->peels_woken, woken) {
		list_del_init(&p->woken);
		peel_sk(p)->sk_data_ready(peel_sk(p));
	}
	if (!write)
		return;
	list_for_each_entry_safe(p, next, &qs->peels_blocked, blocked) {
		list_del_init(&p->blocked);
		quic_sock_wake_writers(peel_sk(p));
	}
}

void quic_peel_ended(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_peel *p;

	list_for_each_entry(p, &qs->peels, node) {
		if (qs->conn.close.err) {
			WRITE_ONCE(peel_sk(p)->sk_err, qs->conn.close.err);
			sk_error_report(peel_sk(p));
		}
		inet_sk_set_state(peel_sk(p), TCP_CLOSE);
		peel_sk(p)->sk_state_change(peel_sk(p));
	}
}

void quic_peel_blocked(struct sock *on)
{
	struct quic_peel *p = peel(on);

	if (list_empty(&p->blocked))
		list_add_tail(&p->blocked, &quic_sk(p->conn_sk)->peels_blocked);
}

/* ---- poll ---- */

static bool writable(const struct quic_peel *p)
{
	const struct quic_conn *c = &quic_sk(p->conn_sk)->conn;

	/* a send that fails at once does not block either */
	return p->stream->has_snd &&
	       (!quic_stream_writable(p->stream) ||
		(c->state == QUIC_CONN_ESTABLISHED && quic_sock_wspace(p->conn_sk) > 0 &&
		 quic_stream_credit(&c->streams, p->stream)));
}

/* Has the receiving part ended, or was it given up? */
static bool input_over(const struct quic_stream *st)
{
	return !st->has_rcv || st->stopped || st->rcv_state != QUIC_STREAM_RECV_STATE_RECV;
}

static __poll_t poll_mask(struct quic_peel *p)
{
	const struct quic_stream *st = p->stream;
	bool open = quic_conn_is_open(&quic_sk(p->conn_sk)->conn);
	bool data = quic_recvbuf_readable(&st->rcv) &&
		    quic_sock_enough(quic_sk(p->conn_sk), st, peel_sk(p)->sk_rcvlowat);
	bool readable = st->has_rcv && (data || st->stopped ||
					st->rcv_state > QUIC_STREAM_RECV_STATE_SIZE_KNOWN);
	__poll_t mask = 0;

	if (peel_sk(p)->sk_err || !skb_queue_empty_lockless(&peel_sk(p)->sk_error_queue))
		mask |= EPOLLERR;
	if (readable || !open)
		mask |= EPOLLIN | EPOLLRDNORM;
	if ((st->has_rcv && input_over(st)) || !open)
		mask |= EPOLLRDHUP;
	if (!open || (input_over(st) && (!st->has_snd || !quic_stream_writable(st))))
		mask |= EPOLLHUP;
	if (open && writable(p))
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}

static __poll_t poll(struct file *file, struct socket *sock, struct poll_table_struct *wait)
{
	struct quic_peel *p = peel(sock->sk);
	__poll_t mask;

	sock_poll_wait(file, sock, wait);
	lock_sock(p->conn_sk);
	mask = poll_mask(p);
	if (p->stream->has_snd && !(mask & EPOLLOUT)) {
		sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sock->sk);
		set_bit(SOCK_NOSPACE, &sock->flags);
		quic_peel_blocked(sock->sk);
	}
	release_sock(p->conn_sk);
	return mask;
}

/* ---- calls ---- */

static int sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	struct quic_peel *p = peel(sock->sk);

	return quic_sendmsg_stream(p->conn_sk, sock->sk, p->stream, msg);
}

static int recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	struct quic_peel *p = peel(sock->sk);

	return quic_recvmsg_stream(p->conn_sk, sock->sk, p->stream, msg, len, flags);
}

static void splice_eof(struct socket *sock)
{
	struct quic_peel *p = peel(sock->sk);

	lock_sock(p->conn_sk);
	quic_splice_eof(p->conn_sk, p->stream);
	release_sock(p->conn_sk);
}

static int get_name(struct socket *sock, struct sockaddr *uaddr, int peer)
{
	return quic_sock_getname(peel(sock->sk)->conn_sk, uaddr, peer);
}

static int ioctl(struct socket *sock, unsigned int cmd, unsigned long arg)
{
	struct quic_peel *p = peel(sock->sk);
	struct quic_stream *st = p->stream;
	u64 n;

	if (cmd != SIOCINQ && cmd != SIOCOUTQ && cmd != SIOCOUTQNSD)
		return -ENOIOCTLCMD;
	lock_sock(p->conn_sk);
	if (cmd == SIOCINQ)
		n = quic_recvbuf_readable(&st->rcv);
	else if (cmd == SIOCOUTQ)
		n = quic_sendbuf_held(&st->snd);
	else
		n = st->snd.end - st->snd.next;
	release_sock(p->conn_sk);
	return put_user((int)min_t(u64, n, INT_MAX), (int __user *)arg);
}

/* The draft: a FIN for the sending part, STOP_SENDING for the receiving part, where they may be. */
static void hang_up(struct quic_peel *p, int how)
{
	struct quic_streams *ss = &quic_sk(p->conn_sk)->conn.streams;
	struct quic_stream *st = p->stream;

	if (!quic_conn_is_open(&quic_sk(p->conn_sk)->conn))
		return;
	if (how & SEND_SHUTDOWN && quic_stream_writable(st))
		quic_stream_finish(ss, st);
	if (how & RCV_SHUTDOWN && st->has_rcv && st->rcv_state != QUIC_STREAM_RECV_STATE_READ)
		quic_stream_stop(ss, st, 0);
}

static int shutdown(struct socket *sock, int how)
{
	struct quic_peel *p = peel(sock->sk);
	int err = 0;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	if ((how == SHUT_RD && !p->stream->has_rcv) || (how == SHUT_WR && !p->stream->has_snd))
		return -EINVAL;
	lock_sock(p->conn_sk);
	if (quic_conn_is_open(&quic_sk(p->conn_sk)->conn)) {
		hang_up(p, how + 1);
		quic_output_flush(p->conn_sk);
		sock->sk->sk_state_change(sock->sk);
	} else {
		err = -ENOTCONN;
	}
	release_sock(p->conn_sk);
	return err;
}

/* What the packets of all streams have in common is the connection's. */
static bool is_shared(int level, int optname)
{
	if (level == SOL_IP)
		return optname == IP_TOS || optname == IP_TTL || optname == IP_MTU ||
		       optname == IP_MTU_DISCOVER;
	return level == SOL_IPV6 &&
	       (optname == IPV6_TCLASS || optname == IPV6_UNICAST_HOPS || optname == IPV6_MTU ||
		optname == IPV6_MTU_DISCOVER);
}

static int setsockopt(struct socket *sock, int level, int optname, sockptr_t optval,
		      unsigned int optlen)
{
	if (level == SOL_SOCKET)
		return quic_set_sol_socket(sock->sk, optname, optval, optlen);
	return is_shared(level, optname) ?
	       quic_setsockopt(peel(sock->sk)->conn_sk, level, optname, optval, optlen) :
	       -ENOPROTOOPT;
}

static int getsockopt(struct socket *sock, int level, int optname, char __user *optval,
		      int __user *optlen)
{
	return is_shared(level, optname) ?
	       quic_getsockopt(peel(sock->sk)->conn_sk, level, optname, optval, optlen) :
	       -ENOPROTOOPT;
}

static void detach(struct quic_peel *p)
{
	struct sock *csk = p->conn_sk;

	lock_sock(csk);
	hang_up(p, SHUTDOWN_MASK);
	list_del(&p->node);
	list_del(&p->blocked);
	list_del(&p->woken);
	quic_stream_release(&quic_sk(csk)->conn.streams, p->stream);
	quic_sock_unpeeled(csk);
	quic_output_flush(csk);
	release_sock(csk);
}

static int release(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct quic_peel *p;

	if (!sk)
		return 0;
	p = peel(sk);
	if (p->stream)
		detach(p);
	sock->sk = NULL;
	inet_sk_set_state(sk, TCP_CLOSE);
	sk_common_release(sk);
	return 0;
}

#define COMMON_OPS					\
	.owner		= THIS_MODULE,			\
	.release	= release,			\
	.bind		= sock_no_bind,			\
	.connect	= sock_no_connect,		\
	.socketpair	= sock_no_socketpair,		\
	.accept		= sock_no_accept,		\
	.getname	= get_name,			\
	.poll		= poll,				\
	.ioctl		= ioctl,			\
	.listen		= sock_no_listen,		\
	.shutdown	= shutdown,			\
	.setsockopt	= setsockopt,			\
	.getsockopt	= getsockopt,			\
	.sendmsg	= sendmsg,			\
	.recvmsg	= recvmsg,			\
	QUIC_SPLICE_EOF(splice_eof)			\
	QUIC_SENDPAGE					\
	.mmap		= sock_no_mmap

static const struct proto_ops inet_ops = { .family = PF_INET, COMMON_OPS };
static const struct proto_ops inet6_ops = { .family = PF_INET6, COMMON_OPS };

/* ---- life ---- */

static void destroy(struct sock *sk)
{
	sock_put(peel(sk)->conn_sk);
}

static void unhash(struct sock *sk)
{
	/* sk_common_release() calls it */
}

struct proto quic_peel_prot = {
	.name		= "QUICSTREAM",
	.owner		= THIS_MODULE,
	.obj_size	= sizeof(struct quic_peel),
	QUIC_PINFO_OFFSET(struct quic_peel, inet6)
	.destroy	= destroy,
	.unhash		= unhash,
	.no_autobind	= true,
};

static void init_sock(struct socket *sock, struct sock *sk, struct sock *csk)
{
	struct quic_peel *p = peel(sk);

	sock_init_data(sock, sk);
	sk->sk_protocol = csk->sk_protocol;
	sk->sk_state = TCP_ESTABLISHED;
	sk->sk_destruct = inet_sock_destruct;
	quic_child_settings(sk, csk);
	security_sk_clone(csk, sk);
	if (sk->sk_family == AF_INET6)
		p->inet.pinet6 = &p->inet6;
	INIT_LIST_HEAD(&p->node);
	INIT_LIST_HEAD(&p->blocked);
	INIT_LIST_HEAD(&p->woken);
	sock_hold(csk);
	p->conn_sk = csk;
	sock->ops = sk->sk_family == AF_INET6 ? &inet6_ops : &inet_ops;
	sock->state = SS_CONNECTED;
	quic_compat_zerocopy(sock);
}

/* A file with a socket that has no stream yet. */
static struct file *new_file(struct sock *csk, int flags)
{
	struct socket *sock;
	struct sock *sk;
	int err;

	err = sock_create_lite(csk->sk_family, SOCK_STREAM, IPPROTO_QUIC, &sock);
	if (err)
		return ERR_PTR(err);
	sk = sk_alloc(sock_net(csk), csk->sk_family, GFP_KERNEL, &quic_peel_prot, 0);
	if (!sk) {
		sock_release(sock);
		return ERR_PTR(-ENOMEM);
	}
	__module_get(THIS_MODULE);	/* sock_release() puts it */
	init_sock(sock, sk, csk);
	return sock_alloc_file(sock, flags, NULL);	/* releases the socket if it fails */
}

int quic_peel_off(struct sock *csk, struct quic_stream_peeloff *info)
{
	struct quic_sock *qs = quic_sk(csk);
	struct quic_stream *st;
	struct quic_peel *p;
	struct file *file;
	int err;

	if (info->flags & ~(SOCK_CLOEXEC | SOCK_NONBLOCK) || info->stream_id < 0 ||
	    qs->lq || qs->byte_stream)
		return -EINVAL;
	if (!quic_conn_is_open(&qs->conn))
		return -EPIPE;
	st = quic_streams_find(&qs->conn.streams, info->stream_id, true, &err);
	if (!st && err == -EINVAL)
		st = quic_streams_find(&qs->conn.streams, info->stream_id, false, &err);
	if (!st || st->owner)
		return st || err != -ENOMEM ? -EINVAL : -ENOMEM;
	info->sd = get_unused_fd_flags(info->flags & SOCK_CLOEXEC);
	if (info->sd < 0)
		return info->sd;
	file = new_file(csk, info->flags & SOCK_NONBLOCK);
	if (IS_ERR(file)) {
		put_unused_fd(info->sd);
		return PTR_ERR(file);
	}
	p = peel(sock_from_file(file)->sk);
	p->stream = st;
	list_add_tail(&p->node, &qs->peels);
	quic_stream_pin(&qs->conn.streams, st, p);
	fd_install(info->sd, file);
	return info->sd;
}

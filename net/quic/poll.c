// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * poll() and the queue-length ioctls.  Masks are computed without the socket
 * lock, as for TCP: a change that is missed here wakes the waiter again.
 */
#include <linux/sockios.h>
#include <asm/ioctls.h>
#include "sock.h"

bool quic_sock_readable(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	return !list_empty(&qs->event_queue) || !list_empty(&qs->conn.streams.readable) ||
	       READ_ONCE(qs->conn.dgrams.in.last) || READ_ONCE(qs->conn.crypto_ready);
}

/*
 * Half of the credit that the peer has got since the last read is always enough: it
 * must not wait for us while we wait for it.
 */
bool quic_sock_enough(const struct quic_sock *qs, const struct quic_stream *st, int lowat)
{
	const struct quic_streams *ss = &qs->conn.streams;

	return st->rcv_state != QUIC_STREAM_RECV_STATE_RECV ||
	       quic_recvbuf_readable(&st->rcv) >=
	       min_t(u64, lowat, (st->rcv_max - st->rcv.read_off) / 2) ||
	       ss->rcv_used - ss->rcv_read >= (ss->rcv_max - ss->rcv_read) / 2;
}

static bool stream_pollin(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_stream *st;
	bool enough = false;

	lock_sock(sk);
	list_for_each_entry(st, &qs->conn.streams.readable, readable) {
		enough = quic_sock_enough(qs, st, sk->sk_rcvlowat);
		if (enough)
			break;
	}
	release_sock(sk);
	return enough;
}

bool quic_sock_pollin(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	if (likely(READ_ONCE(sk->sk_rcvlowat) <= 1))
		return quic_sock_readable(sk);
	return !list_empty(&qs->event_queue) || READ_ONCE(qs->conn.dgrams.in.last) ||
	       READ_ONCE(qs->conn.crypto_ready) || stream_pollin(sk);
}

/*
 * Would a send take at least a byte?  Which stream it will be for is not known:
 * so if one was just refused by its stream's flow control, then not before
 * something changes (a program that only polls and writes must not spin).
 * Flow control does not concern datagrams (RFC 9221 §5.3), so nor does it a
 * program that sends some.
 */
bool quic_sock_writable(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_conn *c = &qs->conn;

	if (c->state != QUIC_CONN_ESTABLISHED)
		return c->state == QUIC_CONN_HANDSHAKE;
	if (quic_sock_wspace(sk) <= 0)
		return false;
	return READ_ONCE(qs->sends_dgrams) ||
	       (!READ_ONCE(qs->tx_refused) && c->streams.snd_max > c->streams.snd_used);
}

/* As below: who finds no room will be woken. */
static __poll_t poll_byte_stream(struct socket *sock, struct sock *sk)
{
	__poll_t mask = quic_bytestream_poll(sk);

	if (mask & EPOLLOUT)
		return mask;
	sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
	set_bit(SOCK_NOSPACE, &sock->flags);
	smp_mb__after_atomic();		/* pairs with the wake-up's test */
	return quic_bytestream_poll(sk);
}

__poll_t quic_poll(struct file *file, struct socket *sock, struct poll_table_struct *wait)
{
	struct sock *sk = sock->sk;
	enum quic_conn_state state = READ_ONCE(quic_sk(sk)->conn.state);
	__poll_t mask = 0;

	sock_poll_wait(file, sock, wait);
	if (quic_sk(sk)->lq)
		return quic_listen_ready(sk) ? EPOLLIN | EPOLLRDNORM : 0;
	if (quic_sk(sk)->byte_stream)
		return poll_byte_stream(sock, sk);
	if (sk->sk_err || !skb_queue_empty_lockless(&sk->sk_error_queue))
		mask |= EPOLLERR;
	if (state == QUIC_CONN_IDLE || state >= QUIC_CONN_CLOSING)
		mask |= EPOLLHUP;
	if (sk->sk_shutdown & RCV_SHUTDOWN || state >= QUIC_CONN_CLOSING)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (quic_sock_pollin(sk))
		mask |= EPOLLIN | EPOLLRDNORM;
	/* so that a handshake can wait for TLS alone, beside 0-RTT data that nobody reads */
	if (READ_ONCE(quic_sk(sk)->conn.crypto_ready))
		mask |= EPOLLPRI;
	if (quic_sock_writable(sk)) {
		mask |= EPOLLOUT | EPOLLWRNORM;
	} else if (state < QUIC_CONN_CLOSING) {
		sk_set_bit(SOCKWQ_ASYNC_NOSPACE, sk);
		set_bit(SOCK_NOSPACE, &sock->flags);
		smp_mb__after_atomic();		/* pairs with the wake-up's test */
		if (quic_sock_writable(sk))
			mask |= EPOLLOUT | EPOLLWRNORM;
	}
	return mask;
}

/* Bytes that can be read, of all streams and datagrams. */
static int inq(struct quic_sock *qs)
{
	struct quic_stream *s;
	u64 n = qs->conn.dgrams.in_bytes;

	list_for_each_entry(s, &qs->conn.streams.readable, readable)
		n += quic_recvbuf_readable(&s->rcv);
	return min_t(u64, n, INT_MAX);
}

int quic_ioctl_inq(struct sock *sk, int cmd, int *value)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_streams *ss = &qs->conn.streams;
	u64 dgrams;
	int err = 0;

	lock_sock(sk);
	dgrams = qs->conn.dgrams.out_bytes;
	if (qs->lq)
		err = -EINVAL;
	else if (cmd == SIOCINQ)
		*value = inq(qs);
	else if (cmd == SIOCOUTQ)
		*value = min_t(u64, ss->snd_held + dgrams, INT_MAX);
	else if (cmd == SIOCOUTQNSD)
		*value = min_t(u64, quic_streams_unsent(ss) + dgrams, INT_MAX);
	else
		err = -ENOIOCTLCMD;
	release_sock(sk);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * QUIC_SOCKOPT_BYTE_STREAM: a socket that is one stream, as those of TCP are,
 * for programs that know nothing of QUIC (quicize(1)).
 *
 * The stream is the client's first bidirectional one.  The client opens it as
 * soon as the handshake is done, and tells the peer so by MAX_STREAM_DATA (RFC
 * 9000 §3.2: that opens a stream), because in many protocols the server speaks
 * first.  The end of the stream stays readable, shutdown(SHUT_WR) is its FIN,
 * an orderly close by the peer is its end too.
 *
 * The handshake is somebody else's business, who has the same socket: CRYPTO
 * messages go only to recvmsg() with a control buffer, and show in poll() as
 * POLLMSG, for which no program asks that does not know.  Until the stream is
 * open, reads and writes wait, and poll() reports nothing.
 *
 * Called under the socket lock but for poll().
 */
#include "netns.h"

int quic_bytestream_set(struct sock *sk, bool on)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_tparam tp = qs->conn.local_tp;

	if (qs->conn.state != QUIC_CONN_IDLE)
		return -EINVAL;
	if (qs->byte_stream == on)
		return 0;
	tp.max_streams_bidi = on ? 1 : QUIC_STREAMS_DEFAULT;
	tp.max_streams_uni = on ? 0 : QUIC_STREAMS_DEFAULT;
	quic_conn_set_local_tp(&qs->conn, &tp);
	qs->byte_stream = on;
	return 0;
}

/* connect() on a socket that is connected, or about to be. */
int quic_bytestream_again(struct sock *sk)
{
	switch (quic_sk(sk)->conn.state) {
	case QUIC_CONN_HANDSHAKE:
		return -EALREADY;
	case QUIC_CONN_ESTABLISHED:
		return -EISCONN;
	default:
		return -(quic_bytestream_end(quic_sk(sk)) ?: EISCONN);
	}
}

static struct quic_stream *the_stream(struct quic_sock *qs)
{
	struct quic_streams *ss = &qs->conn.streams;
	int err;

	return ss->active < 0 ? NULL : quic_streams_find(ss, ss->active, true, &err);
}

/* -EPIPE: FIN is out already, or the stream was reset. */
static void finish(struct quic_sock *qs)
{
	struct quic_stream *st = the_stream(qs);

	if (st)
		quic_stream_finish(&qs->conn.streams, st);
}

static bool open_stream(struct quic_sock *qs)
{
	struct quic_streams *ss = &qs->conn.streams;
	struct quic_stream *st;

	if (ss->active < 0 && !qs->conn.server && !quic_streams_open(ss, -1, false, true, &st))
		quic_stream_announce(ss, st);
	return ss->active >= 0;
}

bool quic_bytestream_settle(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	if (qs->stream_open || qs->conn.state != QUIC_CONN_ESTABLISHED || !open_stream(qs))
		return false;
	qs->stream_open = true;
	qs->conn.streams.dir[0].remote_window = 0;	/* and remains the only one */
	qs->conn.wake |= QUIC_WAKE_WRITE;
	if (sk->sk_shutdown & SEND_SHUTDOWN)
		finish(qs);
	return true;
}

/* A handshake that ends without an error of its own has failed all the same. */
int quic_bytestream_end(const struct quic_sock *qs)
{
	const struct quic_conn *c = &qs->conn;

	if (c->close.err || qs->stream_open)
		return c->close.err;
	return c->close.local ? ECONNABORTED : ECONNREFUSED;
}

void quic_bytestream_update(struct sock *sk, const struct quic_stream_update *u)
{
	struct quic_sock *qs = quic_sk(sk);

	if (u->state == QUIC_STREAM_RECV_STATE_RESET_RECVD) {
		WRITE_ONCE(sk->sk_err, ECONNRESET);
		qs->conn.wake |= QUIC_WAKE_READ;
	} else if (u->state != QUIC_STREAM_RECV_STATE_RECVD) {
		return;
	}
	WRITE_ONCE(qs->stream_ended, true);
}

/* To be sent on when the stream is there: 0 or a negative errno. */
int quic_bytestream_wait(struct sock *sk, long *timeo)
{
	struct quic_sock *qs = quic_sk(sk);
	int err;

	while (!qs->stream_open) {
		if (sk->sk_err)
			return sock_error(sk);
		if (qs->conn.state == QUIC_CONN_IDLE || !quic_conn_is_open(&qs->conn) ||
		    sk->sk_shutdown & SEND_SHUTDOWN)
			return -EPIPE;
		err = quic_sock_wait(sk, sk, timeo, true);
		if (err)
			return err;
	}
	return quic_conn_is_open(&qs->conn) ? 0 : -EPIPE;
}

/* Is there nothing more to read, ever, and no error that says why? */
bool quic_bytestream_at_end(const struct quic_sock *qs)
{
	return qs->byte_stream && qs->stream_open &&
	       (qs->stream_ended || !quic_conn_is_open(&qs->conn));
}

/* Before establishment there is no half of it to close: as for TCP, all goes. */
bool quic_bytestream_shutdown(struct sock *sk, int how)
{
	struct quic_sock *qs = quic_sk(sk);

	if (!qs->byte_stream || qs->conn.state != QUIC_CONN_ESTABLISHED)
		return false;
	if (how & SEND_SHUTDOWN && qs->stream_open)
		finish(qs);
	return true;
}

static __poll_t poll_open(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	__poll_t mask = 0;

	if (READ_ONCE(qs->stream_ended) || sk->sk_shutdown & RCV_SHUTDOWN)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (!list_empty(&qs->conn.streams.readable) && quic_sock_pollin(sk))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (sk->sk_shutdown & SEND_SHUTDOWN ||
	    (READ_ONCE(qs->stream_open) && quic_sock_writable(sk)))
		mask |= EPOLLOUT | EPOLLWRNORM;
	if (sk->sk_shutdown == SHUTDOWN_MASK)
		mask |= EPOLLHUP;
	return mask;
}

/* Over: reads drain what is there, then end; writes fail at once. */
static __poll_t poll_over(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	__poll_t mask = EPOLLIN | EPOLLRDNORM | EPOLLRDHUP | EPOLLOUT | EPOLLWRNORM;

	if (quic_bytestream_end(qs) || sk->sk_shutdown & SEND_SHUTDOWN)
		mask |= EPOLLHUP;
	return mask;
}

__poll_t quic_bytestream_poll(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	enum quic_conn_state state = READ_ONCE(qs->conn.state);
	bool err = sk->sk_err || !skb_queue_empty_lockless(&sk->sk_error_queue);
	__poll_t mask = err ? EPOLLERR : 0;

	if (state == QUIC_CONN_IDLE)
		return mask | EPOLLOUT | EPOLLWRNORM | EPOLLHUP;
	if (state == QUIC_CONN_HANDSHAKE)
		return mask | (READ_ONCE(qs->conn.crypto_ready) ? EPOLLMSG : 0);
	return mask | (state == QUIC_CONN_ESTABLISHED ? poll_open(sk) : poll_over(sk));
}

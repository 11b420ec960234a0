// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * recvmsg(): TLS messages first, then events, then a datagram or stream data (in
 * turns), a stream a call.  Data is copied from the chunks that packets were opened into.
 * Process context, socket lock held but for waits.
 */
#include <linux/uio.h>
#include <net/inet_common.h>
#include "sock.h"

/* Flags that a recvmsg() returns are tolerated as input: programs pass them back. */
#define RECV_FLAGS	(MSG_PEEK | MSG_DONTWAIT | MSG_WAITALL | MSG_NOSIGNAL | MSG_TRUNC | \
			 MSG_CTRUNC | MSG_EOR | MSG_QUIC_STREAM_FIN | MSG_QUIC_STREAM_NEW | \
			 MSG_QUIC_STREAM_UNI | MSG_QUIC_STREAM_DONTWAIT | \
			 MSG_ERRQUEUE | MSG_QUIC_DATAGRAM | MSG_QUIC_NOTIFICATION | \
			 MSG_CMSG_CLOEXEC | MSG_CMSG_COMPAT)
#define RECV_VECS	16

/* Room for the level at least: a message is nothing without it. */
static bool level_fits(const struct msghdr *msg)
{
	size_t head = msg->msg_flags & MSG_CMSG_COMPAT ? 3 * sizeof(u32) : sizeof(struct cmsghdr);

	return msg->msg_controllen > head;
}

/* What is there of one TLS message. */
static int recv_crypto(struct sock *sk, struct msghdr *msg, size_t len, int flags)
{
	struct quic_conn *c = &quic_sk(sk)->conn;
	struct quic_handshake_info info = {};
	const u8 *data;
	size_t n;
	u8 level;

	n = quic_conn_crypto_peek(c, &level, &data);
	/* the draft: recv() of a handshake message MUST be EINVAL */
	if (!level_fits(msg))
		return -EINVAL;
	n = min(n, len);
	if (copy_to_iter(data, n, &msg->msg_iter) != n)
		return -EFAULT;
	info.crypto_level = level;
	put_cmsg(msg, SOL_QUIC, QUIC_HANDSHAKE_INFO, sizeof(info), &info);
	if (!(flags & MSG_PEEK))
		quic_conn_crypto_consume(c, level, n);
	return n;
}

static int recv_event(struct quic_sock *qs, struct msghdr *msg, size_t len, int flags)
{
	struct quic_notice *e = list_first_entry(&qs->event_queue, struct quic_notice, list);
	size_t n = min_t(size_t, len, e->len - e->off);

	if (copy_to_iter(e->data + e->off, n, &msg->msg_iter) != n)
		return -EFAULT;
	msg->msg_flags |= MSG_QUIC_NOTIFICATION;
	if (n == e->len - e->off)
		msg->msg_flags |= MSG_EOR;
	if (flags & MSG_PEEK)
		return n;
	e->off += n;
	if (e->off < e->len)
		return n;
	list_del(&e->list);
	qs->nevents--;
	kfree(e);
	return n;
}

/* One datagram, or what is left of it. */
static int recv_dgram(struct quic_sock *qs, struct msghdr *msg, size_t len, int flags)
{
	struct quic_dgrams *d = &qs->conn.dgrams;
	const struct quic_slice *s = quic_dgrams_peek(d);
	size_t n = min_t(size_t, len, s->len);

	if (copy_to_iter(s->data, n, &msg->msg_iter) != n)
		return -EFAULT;
	msg->msg_flags |= MSG_QUIC_DATAGRAM;
	if (n == s->len)
		msg->msg_flags |= MSG_EOR;
	if (!(flags & MSG_PEEK))
		qs->dgrams_read = quic_dgrams_consume(d, n);
	return n;
}

/* Copy from @s what is in order, from @skip on: bytes, or -EFAULT if none. */
static int copy_stream(struct quic_stream *s, struct msghdr *msg, size_t len, u64 skip)
{
	struct quic_vec v[RECV_VECS] quic_uninitialized;
	unsigned int i, k;
	size_t done = 0, n;

	while (done < len) {
		k = quic_recvbuf_vecs(&s->rcv, skip + done, v, ARRAY_SIZE(v));
		if (!k)
			break;
		for (i = 0; i < k && done < len; i++) {
			n = copy_to_iter(v[i].base, min_t(size_t, v[i].len, len - done),
					 &msg->msg_iter);
			done += n;
			if (n < min_t(size_t, v[i].len, len - (done - n)))
				return done ? (int)done : -EFAULT;
		}
	}
	return done;
}

static void put_stream_info(struct msghdr *msg, u64 id, bool fin)
{
	struct quic_stream_info info = {
		.stream_id = id,
		.stream_flags = fin ? MSG_QUIC_STREAM_FIN : 0,
	};

	put_cmsg(msg, SOL_QUIC, QUIC_STREAM_INFO, sizeof(info), &info);
	if (fin)
		msg->msg_flags |= MSG_QUIC_STREAM_FIN;
}

/* What a call has got so far. */
struct recv {
	size_t done;
	bool stream;		/* bytes of stream id: only more of it may follow */
	bool fin;
	u64 id;
	size_t target;		/* bytes worth waiting for: SO_RCVLOWAT, MSG_WAITALL */
};

static size_t target(const struct sock *on, size_t len, int flags)
{
	return flags & MSG_PEEK || !len ? 0 : sock_rcvlowat(on, flags & MSG_WAITALL, len);
}

/* From the next readable stream: bytes; 0 with FIN at a stream's end; -EAGAIN: none. */
static int recv_stream(struct sock *sk, struct msghdr *msg, size_t len, int flags, struct recv *r)
{
	struct quic_conn *c = &quic_sk(sk)->conn;
	struct quic_streams *ss = &c->streams;
	struct quic_stream *s = quic_streams_readable(ss);
	int n;

	if (!s || (r->stream && s->id != r->id))
		return -EAGAIN;
	n = copy_stream(s, msg, len, 0);
	if (n < 0)
		return n;
	r->stream = true;
	r->id = s->id;
	r->fin = quic_stream_at_fin(s, n);
	if (!(flags & MSG_PEEK))
		quic_stream_consumed(ss, s, n, r->fin && !quic_sk(sk)->byte_stream, quic_now(),
				     quic_loss_srtt(&c->loss));
	return n;
}

/* Is the CRYPTO message that waits for this caller? */
static bool wants_crypto(const struct quic_sock *qs, const struct msghdr *msg)
{
	return !qs->byte_stream || (msg->msg_controllen && qs->conn.state == QUIC_CONN_HANDSHAKE);
}

/* One message of whatever is there; -EAGAIN: nothing is, or nothing that may follow. */
static int recv_one(struct sock *sk, struct msghdr *msg, size_t len, int flags, struct recv *r)
{
	struct quic_sock *qs = quic_sk(sk);
	const u8 *data;
	u8 level;
	int n;

	if (sk->sk_shutdown & RCV_SHUTDOWN)
		return -EAGAIN;
	if (quic_conn_crypto_peek(&qs->conn, &level, &data) && wants_crypto(qs, msg))
		return r->stream ? -EAGAIN : recv_crypto(sk, msg, len, flags);
	if (!list_empty(&qs->event_queue))
		return r->stream ? -EAGAIN : recv_event(qs, msg, len, flags);
	if (!quic_dgrams_peek(&qs->conn.dgrams))
		return recv_stream(sk, msg, len, flags, r);
	/* neither keeps the reader from the other for long */
	if (!qs->dgrams_read)
		return r->stream ? -EAGAIN : recv_dgram(qs, msg, len, flags);
	n = recv_stream(sk, msg, len, flags, r);
	if (n == -EAGAIN && !r->stream)
		return recv_dgram(qs, msg, len, flags);
	if (!(flags & MSG_PEEK))
		qs->dgrams_read = false;
	return n;
}

/* More of the stream just read, until it ends. */
static bool want_more(const struct recv *r)
{
	return r->stream && !r->fin && r->done < r->target;
}

/* MAX_DATA and its kin. */
static void push_credit(struct sock *sk)
{
	struct quic_conn *c = &quic_sk(sk)->conn;

	if (c->state == QUIC_CONN_ESTABLISHED && quic_streams_want_tx(&c->streams, false))
		quic_output_push(sk);
}

/* Nothing to receive: wait for it.  Not 0, or *end: there is no point in waiting. */
static int recv_wait(struct sock *sk, const struct recv *r, long *timeo, bool *end)
{
	struct quic_sock *qs = quic_sk(sk);
	int err;

	if (r->done) {		/* an error is for the next call */
		*end = sk->sk_err || sk->sk_shutdown & RCV_SHUTDOWN ||
		       !quic_conn_is_open(&qs->conn) || quic_sock_readable(sk);
		push_credit(sk);
	} else {
		err = quic_sock_recv_error(sk);
		*end = sk->sk_shutdown & RCV_SHUTDOWN;
		if ((!err || err == -ENOTCONN) && quic_bytestream_at_end(qs))
			*end = true;
		else if (err)
			return err;
	}
	return *end ? 0 : quic_sock_wait(sk, sk, timeo, false);
}

static int recv_loop(struct sock *sk, struct msghdr *msg, size_t len, int flags, long timeo)
{
	struct recv r = { .target = target(sk, len, flags) };
	bool end = false;
	int n;

	do {
		n = recv_one(sk, msg, len - r.done, flags, &r);
		if (n >= 0) {
			r.done += n;
			end = !want_more(&r);
		} else if (n == -EAGAIN) {
			n = recv_wait(sk, &r, &timeo, &end);
		}
	} while (n >= 0 && !end);
	if (r.stream && !quic_sk(sk)->byte_stream)
		put_stream_info(msg, r.id, r.fin);
	return r.done ? (int)r.done : min(n, 0);
}

int quic_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags, int *addr_len)
{
	struct quic_sock *qs = quic_sk(sk);
	int n;

	if (flags & ~RECV_FLAGS)
		return -EINVAL;
	/* the notices of MSG_ZEROCOPY; MSG_QUIC_STREAM_SNDBLOCK, of the same value, only sends */
	if (flags & MSG_ERRQUEUE)
		return inet_recv_error(sk, msg, len, addr_len);
	lock_sock(sk);
	msg->msg_flags &= MSG_CMSG_COMPAT;	/* put_cmsg() looks at it */
	if (qs->lq)
		n = -ENOTCONN;
	else
		n = recv_loop(sk, msg, len, flags, sock_rcvtimeo(sk, flags & MSG_DONTWAIT));
	if (n >= 0)
		push_credit(sk);
	release_sock(sk);
	return n;
}

/* ---- one stream, with a socket of its own ---- */

/* Bytes; 0 at its end, for ever; -EAGAIN: nothing there. */
static int recv_pinned(struct sock *sk, struct quic_stream *st, struct msghdr *msg, size_t len,
		       int flags, struct recv *r)
{
	struct quic_conn *c = &quic_sk(sk)->conn;
	int n;

	/* a reset that was asked for by STOP_SENDING is no news */
	if (!st->stopped && st->rcv_state >= QUIC_STREAM_RECV_STATE_RESET_RECVD) {
		quic_stream_reset_read(&c->streams, st);
		return -ECONNRESET;
	}
	r->fin = st->stopped || st->rcv_state == QUIC_STREAM_RECV_STATE_READ;
	if (r->fin || !len)
		return 0;
	n = copy_stream(st, msg, len, 0);
	if (n < 0)
		return n;
	r->fin = quic_stream_at_fin(st, n);
	if (!n && !r->fin)
		return -EAGAIN;
	if (!(flags & MSG_PEEK))
		quic_stream_consumed(&c->streams, st, n, r->fin, quic_now(),
				     quic_loss_srtt(&c->loss));
	return n;
}

static int wait_pinned(struct sock *sk, struct sock *on, const struct recv *r, long *timeo)
{
	int err = r->done ? 0 : sock_error(on);

	if (!err && !quic_conn_is_open(&quic_sk(sk)->conn))
		err = -ENOTCONN;
	push_credit(sk);
	return err ?: quic_sock_wait(sk, on, timeo, false);
}

int quic_recvmsg_stream(struct sock *sk, struct sock *on, struct quic_stream *st,
			struct msghdr *msg, size_t len, int flags)
{
	long timeo = sock_rcvtimeo(on, flags & MSG_DONTWAIT);
	struct recv r = { .stream = true, .id = st->id, .target = target(on, len, flags) };
	int n, addr_len = 0;
	bool more;

	if (flags & ~RECV_FLAGS)
		return -EINVAL;
	if (flags & MSG_ERRQUEUE)
		return inet_recv_error(on, msg, len, &addr_len);
	if (!st->has_rcv)
		return -EINVAL;
	lock_sock(sk);
	msg->msg_flags &= MSG_CMSG_COMPAT;	/* put_cmsg() looks at it */
	do {
		n = recv_pinned(sk, st, msg, len - r.done, flags, &r);
		more = n == -EAGAIN;
		if (n >= 0) {
			r.done += n;
			more = want_more(&r);
		} else if (more) {
			n = wait_pinned(sk, on, &r, &timeo);
		}
	} while (n >= 0 && more);
	if ((n >= 0 || r.done) && msg->msg_controllen)
		put_stream_info(msg, r.id, r.fin);
	else if (r.fin)
		msg->msg_flags |= MSG_QUIC_STREAM_FIN;
	push_credit(sk);
	release_sock(sk);
	return r.done ? (int)r.done : min(n, 0);
}

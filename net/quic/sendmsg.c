// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sendmsg(): user bytes are copied once, into the chunks of the connection's
 * send side; TLS messages (HANDSHAKE_INFO) go to the CRYPTO streams; datagrams
 * (RFC 9221) to their own queue.  Process context, socket lock held but for
 * waits.
 */
#include <linux/uio.h>
#include "sock.h"

#define STREAM_FLAGS	(MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN | MSG_QUIC_STREAM_UNI | \
			 MSG_QUIC_STREAM_DONTWAIT | MSG_QUIC_STREAM_SNDBLOCK)
#define SEND_FLAGS	(STREAM_FLAGS | MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL | MSG_WAITALL | \
			 MSG_BATCH | MSG_QUIC_DATAGRAM | MSG_ZEROCOPY | MSG_SPLICE_PAGES | \
			 MSG_SENDPAGE_NOTLAST | MSG_NO_SHARED_FRAGS | MSG_CMSG_COMPAT)
#define PUSH_BYTES	(64 * 1024)	/* hand to output at least this often */
#define CRYPTO_MSG_MAX	QUIC_CRYPTO_BUF_MAX
#define MEMORY_WAIT	(HZ / 20L + 1)	/* jiffies, where the system has none */
#define WRAP_PAGES	16	/* pages of a chunk that wraps some */

struct send {
	bool has_stream;	/* a STREAM_INFO came along */
	bool has_level;
	u8 level;
	u32 flags;		/* STREAM_FLAGS and MSG_MORE */
	s64 id;
	long timeo;
	bool pages;		/* refer to the pages that the bytes lie in */
	struct ubuf_info *uarg;	/* MSG_ZEROCOPY: told when they are free again */
	struct sock *on;	/* whose waiters and errors: the socket, or that of one stream */
	bool opened;		/* stream id, by this call */
	s64 was_active;		/* before it did */
};

/* A payload may be shorter than ours (zero-extended) or longer (zero tail). */
static int copy_cmsg(void *to, size_t size, struct cmsghdr *cm)
{
	size_t len = cm->cmsg_len - CMSG_ALIGN(sizeof(*cm));

	if (!len)
		return -EINVAL;
	if (len > size && memchr_inv(CMSG_DATA(cm) + size, 0, len - size))
		return -EINVAL;
	memset(to, 0, size);
	memcpy(to, CMSG_DATA(cm), min(len, size));
	return 0;
}

static int parse_cmsg(struct send *s, struct cmsghdr *cm)
{
	struct quic_stream_info si;
	struct quic_handshake_info hi;
	int err;

	if (s->has_stream || s->has_level)
		return -EINVAL;
	switch (cm->cmsg_type) {
	case QUIC_STREAM_INFO:
		err = copy_cmsg(&si, sizeof(si), cm);
		if (err)
			return err;
		if (si.stream_flags & ~STREAM_FLAGS)
			return -EINVAL;
		s->has_stream = true;
		s->id = si.stream_id;
		s->flags |= si.stream_flags;
		return 0;
	case QUIC_HANDSHAKE_INFO:
		err = copy_cmsg(&hi, sizeof(hi), cm);
		if (err)
			return err;
		s->has_level = true;
		s->level = hi.crypto_level;
		return 0;
	}
	return -EINVAL;
}

static int parse(struct send *s, struct msghdr *msg)
{
	struct cmsghdr *cm;
	int err;

	if (msg->msg_flags & ~SEND_FLAGS)
		return -EINVAL;
	s->id = -1;
	s->flags = msg->msg_flags & (STREAM_FLAGS | MSG_MORE);
	s->pages = msg->msg_flags & MSG_SPLICE_PAGES;
	if (!msg->msg_controllen)
		return 0;
	for_each_cmsghdr(cm, msg) {
		if (!CMSG_OK(msg, cm))
			return -EINVAL;
		if (cm->cmsg_level != SOL_QUIC)
			continue;
		err = parse_cmsg(s, cm);
		if (err)
			return err;
	}
	return 0;
}

/* A TLS message: all of it or nothing. */
static int send_crypto(struct sock *sk, struct send *s, struct msghdr *msg, size_t len)
{
	struct quic_conn *c = &quic_sk(sk)->conn;
	u8 *buf;
	int err;

	if (c->state == QUIC_CONN_IDLE || s->flags & STREAM_FLAGS)
		return -EINVAL;
	if (len > CRYPTO_MSG_MAX)
		return -EMSGSIZE;
	buf = kvmalloc(len ?: 1, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	err = copy_from_iter_full(buf, len, &msg->msg_iter) ? 0 : -EFAULT;
	if (!err)
		err = quic_conn_crypto_write(c, s->level, buf, len, s->flags & MSG_MORE);
	kvfree(buf);
	if (err)
		return err;
	if (!(s->flags & MSG_MORE))
		quic_output_push(sk);
	return len;
}

/* ---- without a copy ---- */

/*
 * MSG_ZEROCOPY: pages are referred to, and a notice on the error queue says when
 * they are free again; io_uring brings a way of its own.  0 or -ENOBUFS.
 */
static int zerocopy_start(struct send *s, struct msghdr *msg)
{
	if (!(msg->msg_flags & MSG_ZEROCOPY) || !msg_data_left(msg))
		return 0;
	if (msg->msg_ubuf) {
		s->uarg = msg->msg_ubuf;
		net_zcopy_get(s->uarg);
	} else if (sock_flag(s->on, SOCK_ZEROCOPY)) {
		s->uarg = msg_zerocopy_realloc(s->on, msg_data_left(msg), NULL);
		if (!s->uarg)
			return -ENOBUFS;
	}
	s->pages = s->uarg;
	return 0;
}

/* @sent is what the call returns. */
static void zerocopy_end(struct send *s, const struct msghdr *msg, int sent)
{
	if (!s->uarg)
		return;
	if (sent < 0 && !msg->msg_ubuf) {
		net_zcopy_put_abort(s->uarg, true);	/* nothing to be told of */
		return;
	}
	if (!s->pages && !msg->msg_ubuf)
		uarg_to_msgzc(s->uarg)->zerocopy = 0;	/* some was copied after all */
	net_zcopy_put(s->uarg);
}

/* Pages that must not be referred to: then nothing of the call is any more. */
static bool can_wrap(struct page **page, unsigned int n)
{
	while (n--)
		if (!sendpage_ok(page[n]) || PageHighMem(page[n]))
			return false;
	return true;
}

static int write_pages(struct sock *sk, struct quic_stream *st, struct quic_chunk *c,
		       struct page **page, size_t off, size_t len, bool more)
{
	struct quic_streams *ss = &quic_sk(sk)->conn.streams;
	size_t n;
	int err;

	for (; len; len -= n, page++) {
		n = min_t(size_t, len, PAGE_SIZE - off);
		err = quic_stream_write_chunk(ss, st, c, page_address(*page) + off, n,
					      more || n < len);
		if (err)
			return err;
		off = 0;
	}
	return 0;
}

/* As send_piece(), but the bytes stay where they are. -EAGAIN: no room now. */
static int send_pages(struct sock *sk, struct send *s, struct quic_stream *st,
		      struct msghdr *msg, bool more)
{
	struct page *page[WRAP_PAGES];
	struct quic_chunk *c = NULL;
	unsigned int n;
	ssize_t len;
	size_t off;
	int err;

	len = iov_iter_get_pages2(&msg->msg_iter, page, SIZE_MAX, WRAP_PAGES, &off);
	if (len <= 0)
		return len ?: -EFAULT;
	n = DIV_ROUND_UP(off + len, PAGE_SIZE);
	s->pages = can_wrap(page, n);
	if (s->pages)
		c = quic_mem_wrap_pages(sk, page, n, len, s->uarg);
	if (!c) {
		iov_iter_revert(&msg->msg_iter, len);
		while (n--)
			put_page(page[n]);
		return s->pages ? -EAGAIN : 0;
	}
	err = write_pages(sk, st, c, page, off, len, more || msg_data_left(msg));
	quic_chunk_put(c);
	return err ?: (int)len;
}

void quic_splice_eof(struct sock *sk, struct quic_stream *st)
{
	if (!st || !quic_stream_writable(st))
		return;
	quic_stream_write(&quic_sk(sk)->conn.streams, st, NULL, 0, false);
	quic_output_push(sk);
}

/* ---- datagrams ---- */

/* Wait for room in the send buffer. */
static int wait_wspace(struct sock *sk, struct send *s)
{
	int err = 0;

	while (!err && quic_sock_wspace(sk) <= 0) {
		quic_output_push(sk);
		err = quic_sock_wait(sk, sk, &s->timeo, true);
		if (!err && !quic_conn_is_open(&quic_sk(sk)->conn))
			err = -EPIPE;
	}
	return err;
}

/* A client that remembers the server's limits may do so before the handshake: 0-RTT */
int quic_sock_may_write(const struct quic_sock *qs)
{
	const struct quic_conn *c = &qs->conn;

	if (c->state == QUIC_CONN_ESTABLISHED)
		return 0;
	if (c->state != QUIC_CONN_HANDSHAKE)
		return -EPIPE;
	return !c->server && (qs->tp_remembered || c->peer_params_set) ? 0 : -EINVAL;
}

/* All of it or nothing, as one frame. */
static int send_dgram(struct sock *sk, struct send *s, struct msghdr *msg, size_t len)
{
	struct quic_conn *c = &quic_sk(sk)->conn;
	int err = quic_sock_may_write(quic_sk(sk)), max;
	u8 *p;

	if (err)
		return err;
	if (s->flags & STREAM_FLAGS)
		return -EINVAL;
	max = quic_conn_dgram_max(c);
	if (max < 0 || len > max)
		return max < 0 ? max : -EMSGSIZE;
	WRITE_ONCE(quic_sk(sk)->sends_dgrams, true);
	err = wait_wspace(sk, s);
	if (err)
		return err;
	p = quic_dgrams_reserve(&c->dgrams, len, true);
	if (!p)
		return -ENOBUFS;
	err = zerocopy_start(s, msg);
	if (err)
		return err;
	err = copy_from_iter_full(p, len, &msg->msg_iter) ? 0 : -EFAULT;
	s->pages = false;
	zerocopy_end(s, msg, err);
	if (err)
		return err;
	quic_dgrams_queue(&c->dgrams, len);
	if (!(s->flags & MSG_MORE))
		quic_output_push(sk);
	return len;
}

/* ---- streams ---- */

/* Open a stream, waiting for the peer's permission unless told not to. */
int quic_sock_open_stream(struct sock *sk, s64 id, bool uni, bool dontwait, long *timeo,
			  struct quic_stream **st, s64 *active)
{
	struct quic_conn *c = &quic_sk(sk)->conn;
	int err;

	for (;;) {
		err = quic_sock_may_write(quic_sk(sk));
		if (err)
			return err;
		*active = c->streams.active;
		err = quic_streams_open(&c->streams, id, uni, true, st);
		if (err != -EAGAIN)
			return err;
		quic_output_push(sk);		/* STREAMS_BLOCKED */
		if (dontwait)
			return -EAGAIN;
		err = quic_sock_wait(sk, sk, timeo, true);
		if (err)
			return err;
	}
}

static int open_stream(struct sock *sk, struct send *s, bool uni, struct quic_stream **st)
{
	bool dontwait = !s->timeo || s->flags & MSG_QUIC_STREAM_DONTWAIT;
	int err = quic_sock_open_stream(sk, s->id, uni, dontwait, &s->timeo, st,
					&s->was_active);

	s->opened = !err;
	if (!err)
		s->id = (*st)->id;
	return err == -EEXIST ? -EINVAL : err;
}

/*
 * A call that fails has no effect: a program that tries again, or the kernel, after a
 * signal, would open one stream more each time.
 */
static void unopen_stream(struct sock *sk, const struct send *s)
{
	struct quic_conn *c = &quic_sk(sk)->conn;
	struct quic_stream *st;
	int err;

	if (!quic_conn_is_open(c))
		return;
	st = quic_streams_find(&c->streams, s->id, true, &err);
	if (st)
		quic_streams_unopen(&c->streams, st, s->was_active);
}

static int find_stream(struct sock *sk, struct send *s, struct quic_stream **st)
{
	struct quic_streams *ss = &quic_sk(sk)->conn.streams;
	int err;

	if (s->id < -1)
		return -EINVAL;
	if (s->flags & MSG_QUIC_STREAM_NEW)
		return open_stream(sk, s, s->flags & MSG_QUIC_STREAM_UNI, st);
	if (s->id < 0)
		s->id = ss->active;
	if (s->id < 0)		/* a plain write(): the first bidirectional one */
		return open_stream(sk, s, false, st);
	*st = quic_streams_find(ss, s->id, true, &err);
	if (*st && (*st)->owner)
		return -EINVAL;		/* it has a socket of its own */
	return *st ? 0 : err;
}

/* What a blocked non-blocking send says, and the peer, if the user wants it told. */
static int blocked_errno(struct sock *sk, const struct send *s, struct quic_stream *st)
{
	struct quic_streams *ss = &quic_sk(sk)->conn.streams;

	if (!quic_stream_credit(ss, st))
		WRITE_ONCE(quic_sk(sk)->tx_refused, true);
	if (s->flags & MSG_QUIC_STREAM_SNDBLOCK)
		quic_stream_block(ss, st);
	return s->has_stream && !quic_stream_credit(ss, st) ? -ENOSPC : -EAGAIN;
}

/* Nobody says when the system has memory again. */
static int wait_memory(struct sock *sk, struct sock *on, long *timeo)
{
	long part = min(*timeo, MEMORY_WAIT), left = part;
	int err;

	if (signal_pending(current))
		return sock_intr_errno(*timeo);
	err = quic_sock_wait(sk, on, &left, true);
	if (*timeo != MAX_SCHEDULE_TIMEOUT)
		*timeo -= part - left;
	return err;
}

/*
 * Wait for room.  The stream may go meanwhile (reset by the peer's
 * STOP_SENDING and freed): it is looked up again.
 */
static int wait_room(struct sock *sk, struct send *s, struct quic_stream **st)
{
	struct quic_conn *c = &quic_sk(sk)->conn;
	bool memory = quic_sock_wspace(sk) > 0;	/* that is what is missing */
	u64 id = (*st)->id;
	int err;

	quic_output_push(sk);
	if (!s->timeo)
		return blocked_errno(sk, s, *st);
	err = memory ? wait_memory(sk, s->on, &s->timeo) :
		       quic_sock_wait(sk, s->on, &s->timeo, true);
	if (err)
		return err;
	if (!quic_conn_is_open(c))
		return -EPIPE;
	if (s->on != sk)
		return 0;
	*st = quic_streams_find(&c->streams, id, true, &err);
	if (*st && (*st)->owner)
		return -EINVAL;
	return *st ? 0 : err;
}

/* One piece: as much as the chunk under way takes. Bytes, or an errno. */
static int send_piece(struct sock *sk, struct send *s, struct quic_stream *st,
		      struct msghdr *msg, bool more)
{
	struct quic_streams *ss = &quic_sk(sk)->conn.streams;
	u32 room, n;
	u8 *p;
	int err;

	room = min_t(size_t, msg_data_left(msg), U32_MAX);
	p = quic_streams_reserve(ss, true, &room);
	if (!p)
		return -EAGAIN;
	n = min_t(size_t, room, msg_data_left(msg));
	if (copy_from_iter(p, n, &msg->msg_iter) != n)
		return -EFAULT;
	more = more || msg_data_left(msg);
	err = quic_stream_write(ss, st, p, n, more);
	return err ?: (int)n;
}

/* Not all was taken, and nobody says that there will be more: what there is of it goes out. */
static void let_go(struct sock *sk, const struct send *s, u64 id)
{
	struct quic_conn *c = &quic_sk(sk)->conn;
	struct quic_stream *st;
	int err;

	if (s->flags & MSG_MORE || !quic_conn_is_open(c))
		return;
	st = quic_streams_find(&c->streams, id, true, &err);
	if (st && quic_stream_writable(st))
		quic_stream_write(&c->streams, st, NULL, 0, false);
}

static int write_data(struct sock *sk, struct send *s, struct quic_stream *st, struct msghdr *msg)
{
	struct quic_streams *ss = &quic_sk(sk)->conn.streams;
	size_t done = 0, unpushed = 0;
	u64 id = st->id;
	int err = 0;

	if (msg_data_left(msg) && !quic_stream_writable(st))
		return -EPIPE;
	if (msg_data_left(msg) && !s->timeo && !quic_stream_credit(ss, st)) {
		err = blocked_errno(sk, s, st);
		goto out;
	}
	while (msg_data_left(msg)) {
		err = -EAGAIN;
		if (quic_sock_wspace(sk) > 0)
			err = s->pages ? send_pages(sk, s, st, msg, s->flags & MSG_MORE) :
					 send_piece(sk, s, st, msg, s->flags & MSG_MORE);
		if (err == -EAGAIN) {
			unpushed = 0;
			err = wait_room(sk, s, &st);
			if (err)
				goto out;
			continue;
		}
		if (err < 0)
			goto out;
		WRITE_ONCE(quic_sk(sk)->tx_refused, false);
		done += err;
		unpushed += err;
		err = 0;
		if (unpushed >= PUSH_BYTES) {
			unpushed = 0;
			quic_output_push(sk);
		}
	}
	if (s->flags & MSG_QUIC_STREAM_FIN)
		err = quic_stream_finish(ss, st);
out:
	if (done && msg_data_left(msg))
		let_go(sk, s, id);
	if (s->flags & MSG_QUIC_STREAM_FIN)
		quic_output_flush(sk);
	else
		quic_output_push(sk);
	return done ? (int)done : err;
}

static int send_data(struct sock *sk, struct send *s, struct quic_stream *st, struct msghdr *msg)
{
	int err = zerocopy_start(s, msg);

	if (err)
		return err;
	err = write_data(sk, s, st, msg);
	zerocopy_end(s, msg, err);
	return err;
}

static int send_stream(struct sock *sk, struct send *s, struct msghdr *msg)
{
	struct quic_stream *st;
	int err = find_stream(sk, s, &st);

	if (err)
		return err;
	err = send_data(sk, s, st, msg);
	if (err < 0 && s->opened)
		unopen_stream(sk, s);
	return err;
}

int quic_sendmsg_stream(struct sock *sk, struct sock *on, struct quic_stream *st,
			struct msghdr *msg)
{
	struct send s = { .on = on };
	int err;

	err = parse(&s, msg);
	if (err)
		return err;
	if (s.has_level || msg->msg_flags & MSG_QUIC_DATAGRAM || !st->has_snd ||
	    s.flags & (MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_UNI) || (s.id != -1 && s.id != st->id))
		return -EINVAL;
	lock_sock(sk);
	s.timeo = sock_sndtimeo(on, msg->msg_flags & MSG_DONTWAIT);
	err = quic_conn_is_open(&quic_sk(sk)->conn) ? send_data(sk, &s, st, msg) : -EPIPE;
	if (err < 0)
		err = sk_stream_error(on, msg->msg_flags, err);
	release_sock(sk);
	return err;
}

int quic_sendmsg(struct sock *sk, struct msghdr *msg, size_t len)
{
	struct quic_sock *qs = quic_sk(sk);
	struct send s = { .on = sk };
	int err;

	err = parse(&s, msg);
	if (err)
		return err;
	lock_sock(sk);
	s.timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	if (qs->lq)
		err = -EPIPE;
	else if (sk->sk_shutdown & SEND_SHUTDOWN || !quic_conn_is_open(&qs->conn))
		err = -EPIPE;
	else if (s.has_level)
		err = send_crypto(sk, &s, msg, len);
	else if (msg->msg_flags & MSG_QUIC_DATAGRAM)
		err = send_dgram(sk, &s, msg, len);
	else if (qs->byte_stream)
		err = quic_bytestream_wait(sk, &s.timeo) ?: send_stream(sk, &s, msg);
	else
		err = quic_sock_may_write(qs) ?: send_stream(sk, &s, msg);
	if (qs->byte_stream && err == -ENOSTR)
		err = -EPIPE;
	/* the error of a handshake is for the program's SO_ERROR, not for who does it */
	if (err < 0 && !(qs->byte_stream && s.has_level))
		err = sk_stream_error(sk, msg->msg_flags, err);
	release_sock(sk);
	return err;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The receiving half of a qcat session and its end.
 *
 * close() discards what the peer has not acknowledged, so neither side closes
 * before the event SEND_STATE_RECVD says that all of its data has arrived
 * (plain), or before the verdict is there (parts).  The side that learns it
 * first closes; for the other an orderly close is then the same good end.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <netinet/quic.h>

#include "common.h"
#include "net.h"
#include "qcat.h"

#define RECV_BUF	(256 << 10)

void session_init(struct session *s, const struct session_opts *opts, int sd, int in_fd,
		  int out_fd)
{
	struct stat st;

	memset(s, 0, sizeof(*s));
	s->opts = opts;
	s->sd = sd;
	s->in_fd = in_fd;
	s->out_fd = out_fd;
	s->send_sid = -1;
	s->peer_sid = -1;
	s->recv_sid = -1;
	s->verdict_sid = -1;
	if (in_fd >= 0 && !fstat(in_fd, &st) && S_ISREG(st.st_mode))
		s->in_size = st.st_size;
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->peer_opened, NULL);
	pthread_cond_init(&s->has_begun, NULL);
	parts_init(&s->parts);
	s->buf = xcalloc(1, RECV_BUF);
}

static bool sends_parts(const struct session *s)
{
	return s->opts->streams && s->in_fd >= 0;
}

/* The first error is the one that the user sees. */
static void fail(struct session *s, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void fail(struct session *s, int code, const char *fmt, ...)
{
	va_list ap;

	if (s->exit_code)
		return;
	s->exit_code = code;
	va_start(ap, fmt);
	vsnprintf(s->error, sizeof(s->error), fmt, ap);
	va_end(ap);
}

static bool session_done(const struct session *s)
{
	if (s->exit_code)
		return true;
	if (sends_parts(s))
		return s->verdict_in;
	if (s->verdict_sid >= 0)
		return s->verdict_acked;
	return s->send_acked && s->recv_done;
}

/* Without seeking (a pipe, an append) the bytes must come in order. */
static int sink_file(void *ctx, uint64_t offset, const void *buf, size_t len)
{
	struct session *s = ctx;
	const uint8_t *p = buf;
	ssize_t n;
	int err;

	if (lseek(s->out_fd, 0, SEEK_CUR) < 0 || fcntl(s->out_fd, F_GETFL) & O_APPEND) {
		if (offset != s->out_next)
			return -ESPIPE;
		err = write_all(s->out_fd, buf, len);
		s->out_next += err ? 0 : len;
		return err;
	}
	while (len) {
		n = pwrite(s->out_fd, p, len, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		offset += n;
		len -= n;
	}
	return 0;
}

static void parts_failed(struct session *s, int err)
{
	if (err == -EBADMSG)
		fail(s, EX_DATA, "%s", s->parts.error);
	else
		fail(s, EX_LOCAL, "write: %s%s", strerror(-err),
		     err == -ESPIPE ? " (several streams need a regular file: -o FILE)" : "");
}

static void part_data(struct session *s, int64_t sid, size_t len, bool fin)
{
	int err = parts_feed(&s->parts, sid, s->buf, len, fin, sink_file, s);

	atomic_store(&s->received, s->parts.received);
	if (err) {
		parts_failed(s, err);
		return;
	}
	if (!parts_complete(&s->parts))
		return;
	s->recv_done = true;
	err = send_verdict(s);
	if (err)
		note("verdict not sent: %s", strerror(-err));
}

static void verdict_data(struct session *s, size_t len, bool fin)
{
	uint64_t bytes;

	if (len > sizeof(s->verdict) - s->verdict_len)
		len = sizeof(s->verdict) - s->verdict_len;
	memcpy(s->verdict + s->verdict_len, s->buf, len);
	s->verdict_len += len;
	if (!fin)
		return;
	s->verdict_in = true;
	if (!verdict_decode(s->verdict, s->verdict_len, &bytes))
		fail(s, EX_DATA, "the peer's verdict is damaged: not a qcat?");
	else if (bytes != s->in_size)
		fail(s, EX_DATA, "incomplete: the peer has %" PRIu64 " of %" PRIu64 " bytes",
		     bytes, s->in_size);
}

static void plain_data(struct session *s, int64_t sid, size_t len, bool fin)
{
	int err;

	if (!(sid & QUIC_STREAM_TYPE_SERVER_MASK) == s->opts->server)
		send_peer_opened(s, sid);
	if (s->recv_sid < 0)
		s->recv_sid = sid;
	if (s->recv_sid != sid) {
		note("data on stream %" PRId64 " ignored", sid);
		return;
	}
	err = write_all(s->out_fd, s->buf, len);
	if (err)
		fail(s, EX_LOCAL, "write: %s", strerror(-err));
	atomic_fetch_add(&s->received, len);
	if (fin)
		s->recv_done = true;
}

static void stream_update(struct session *s, const struct quic_stream_update *u)
{
	switch (u->state) {
	case QUIC_STREAM_SEND_STATE_RECVD:
		pthread_mutex_lock(&s->lock);
		if (u->id == s->send_sid)
			s->send_acked = true;
		pthread_mutex_unlock(&s->lock);
		if (u->id == s->verdict_sid)
			s->verdict_acked = true;
		break;
	case QUIC_STREAM_RECV_STATE_RESET_RECVD:
		fail(s, EX_DATA, "the peer reset stream %" PRId64 " (error %u)",
		     (int64_t)u->id, u->errcode);
		break;
	case QUIC_STREAM_SEND_STATE_RESET_SENT:
		fail(s, EX_DATA, "the peer stopped reading stream %" PRId64 " (error %u)",
		     (int64_t)u->id, u->errcode);
		break;
	}
}

static void close_event(struct session *s, const uint8_t *data, size_t len)
{
	struct quic_connection_close c;

	if (len < sizeof(c))
		return;
	memcpy(&c, data, sizeof(c));
	data += sizeof(c);
	len -= sizeof(c);
	if (c.errcode)
		fail(s, sends_parts(s) ? EX_DATA : EX_NET,
		     "connection closed by the peer with error %u%s%.*s", c.errcode,
		     len && *data ? ": " : "", (int)len, (const char *)data);
}

static void event(struct session *s, size_t len)
{
	struct quic_stream_update u;

	if (len < 1)
		return;
	if (s->buf[0] == QUIC_EVENT_STREAM_UPDATE && len > sizeof(u)) {
		memcpy(&u, s->buf + 1, sizeof(u));
		stream_update(s, &u);
	} else if (s->buf[0] == QUIC_EVENT_CONNECTION_CLOSE) {
		close_event(s, s->buf + 1, len - 1);
	}
}

/* The connection is gone: was it the good end? */
static void closed(struct session *s, int err)
{
	if (err != ENOTCONN && err != EPIPE) {
		fail(s, net_exit_code(-err), "%s", net_strerror(-err));
		return;
	}
	if (s->recv_done && (s->verdict_sid >= 0 || s->recv_sid >= 0))
		return;
	if (s->parts.nr)
		fail(s, EX_DATA, "incomplete: %" PRIu64 " of %" PRIu64 " bytes received",
		     s->parts.received, s->parts.total);
	else if (sends_parts(s))
		fail(s, EX_DATA, "the peer closed the connection without a verdict");
	else if (s->recv_sid >= 0 || !s->send_acked)
		fail(s, EX_DATA, "the peer closed the connection before the end of the data");
}

/* One message of the socket; false when there will be no more. */
static bool session_step(struct session *s)
{
	int64_t sid = -1;
	uint32_t flags = 0;
	ssize_t n = quic_recvmsg(s->sd, s->buf, RECV_BUF, &sid, &flags);
	bool fin = flags & MSG_QUIC_STREAM_FIN;

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n < 0 || (!n && !fin)) {
		closed(s, n < 0 ? errno : ENOTCONN);
		return false;
	}
	if (flags & MSG_QUIC_NOTIFICATION)
		event(s, n);
	else if (flags & MSG_QUIC_DATAGRAM)
		note("datagram of %zd bytes ignored", n);
	else if (!(sid & QUIC_STREAM_TYPE_UNI_MASK))
		plain_data(s, sid, n, fin);
	else if (sends_parts(s))
		verdict_data(s, n, fin);
	else
		part_data(s, sid, n, fin);
	return true;
}

static void enable_event(struct session *s, uint8_t type)
{
	struct quic_event_option opt = { .type = type, .on = 1 };

	if (setsockopt(s->sd, SOL_QUIC, QUIC_SOCKOPT_EVENT, &opt, sizeof(opt)))
		die(EX_LOCAL, "event %u: %s", type, strerror(errno));
}

/* The peer learns the reason with the close. */
static void tell_peer(struct session *s)
{
	uint8_t raw[sizeof(struct quic_connection_close) + sizeof(s->error)] = { 0 };
	struct quic_connection_close c = { .errcode = s->exit_code };
	size_t len = strlen(s->error);

	memcpy(raw, &c, sizeof(c));
	memcpy(raw + sizeof(c), s->error, len);
	setsockopt(s->sd, SOL_QUIC, QUIC_SOCKOPT_CONNECTION_CLOSE, raw, sizeof(c) + len);
}

/* Threads send from here on: before the handshake that is 0-RTT. */
void session_start(struct session *s)
{
	s->start = now_ns();
	enable_event(s, QUIC_EVENT_STREAM_UPDATE);
	enable_event(s, QUIC_EVENT_CONNECTION_CLOSE);
	progress_start(s);
	send_start(s);
}

/* To the end, after the handshake.  Returns the exit code; an error has been reported. */
int session_run(struct session *s)
{
	while (!session_done(s) && session_step(s))
		;
	progress_end(s);
	if (s->exit_code) {
		warn_msg("%s", s->error);
		tell_peer(s);
	}
	return s->exit_code;
}

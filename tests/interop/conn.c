// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A connection: the handshake in steps, then messages of the socket to the
 * protocol and its output back, until the peer closes or there is an error.
 *
 * Flow control: ENOSPC says that the peer's limits stop this stream.  If the
 * limit is the stream's own, the event STREAM_MAX_DATA tells when it is raised;
 * if it is the connection's, poll() shows no POLLOUT until then.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "endpoint.h"

#define RECV_BUF	(256 << 10)
#define RECV_TURN	64	/* messages before other connections have their turn */

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

struct conn *conn_new(int sd, void *session)
{
	struct conn *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return NULL;
	c->sd = sd;
	c->session = session;
	c->queue_tail = &c->queue;
	c->handshake_events = POLLIN;
	err = quic_handshake_init(session, &c->handshake);
	if (err) {
		warn("handshake: %s\n", strerror(-err));
		free(c);
		return NULL;
	}
	return c;
}

void conn_free(struct conn *c)
{
	if (c->handshake)
		quic_handshake_deinit(c->handshake);
	if (c->proto && c->proto->free)
		c->proto->free(c);
	streams_free(&c->streams);
	quic_session_free(c->session);
	close(c->sd);
	free(c);
}

void conn_close(struct conn *c)
{
	struct quic_connection_close info = { .errcode = c->proto ? c->proto->no_error : 0 };

	if (!c->dead)
		setsockopt(c->sd, SOL_QUIC, QUIC_SOCKOPT_CONNECTION_CLOSE, &info, sizeof(info));
	conn_free(c);
}

void conn_fail(struct conn *c, int err)
{
	if (c->dead)
		return;
	c->dead = true;
	c->err = err;
	say("%d: ended: %s\n", c->sd, strerror(-err));
}

short conn_events(const struct conn *c)
{
	if (c->handshake)
		return c->handshake_events;
	return POLLIN | (c->want_write ? POLLOUT : 0);
}

int conn_timeout(const struct conn *c)
{
	int64_t left = c->handshake_due - now_ms();

	if (!c->handshake)
		return -1;
	return left < 0 ? 0 : left;
}

/* ---- out ---- */

static ssize_t send_once(struct conn *c, struct stream *s, struct iovec *iov, int n, bool fin)
{
	struct quic_stream_info info = {
		.stream_id = s->id,
		.stream_flags = fin ? MSG_QUIC_STREAM_FIN : 0,
	};
	union {
		char buf[CMSG_SPACE(sizeof(info))];
		struct cmsghdr align;
	} control = { 0 };
	struct msghdr msg = {
		.msg_iov = iov, .msg_iovlen = n,
		.msg_control = control.buf, .msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);
	ssize_t done;

	cm->cmsg_level = SOL_QUIC;
	cm->cmsg_type = QUIC_STREAM_INFO;
	cm->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(cm), &info, sizeof(info));
	do {
		done = sendmsg(c->sd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (done < 0 && errno == EINTR);
	return done < 0 ? -errno : done;
}

static bool writable(const struct conn *c)
{
	struct pollfd p = { .fd = c->sd, .events = POLLOUT };

	return poll(&p, 1, 0) > 0 && p.revents & POLLOUT;
}

ssize_t conn_send(struct conn *c, struct stream *s, struct iovec *iov, int n, bool fin)
{
	ssize_t done = send_once(c, s, iov, n, fin);

	if (done == -ENOSPC) {
		if (!writable(c)) {
			done = -EAGAIN;
		} else {
			done = send_once(c, s, iov, n, fin);
			s->blocked = done == -ENOSPC;
		}
	}
	if (done == -EAGAIN)
		c->want_write = true;
	return done;
}

int64_t conn_open_stream(struct conn *c, bool uni)
{
	struct quic_stream_info info = {
		.stream_id = -1,
		.stream_flags = MSG_QUIC_STREAM_DONTWAIT | (uni ? MSG_QUIC_STREAM_UNI : 0),
	};
	socklen_t len = sizeof(info);

	if (getsockopt(c->sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_OPEN, &info, &len))
		return -errno;
	return info.stream_id;
}

static void stream_error(struct conn *c, struct stream *s, int option, uint32_t code)
{
	struct quic_errinfo info = { .stream_id = s->id, .errcode = code };

	if (setsockopt(c->sd, SOL_QUIC, option, &info, sizeof(info)))
		say("%d: stream %" PRId64 ": option %d: %s\n", c->sd, s->id, option,
		    strerror(errno));
}

void conn_reset_stream(struct conn *c, struct stream *s, uint32_t code)
{
	stream_error(c, s, QUIC_SOCKOPT_STREAM_RESET, code);
	s->out_done = true;
}

void conn_stop_stream(struct conn *c, struct stream *s, uint32_t code)
{
	stream_error(c, s, QUIC_SOCKOPT_STREAM_STOP_SENDING, code);
}

void conn_stream_done(struct conn *c, struct stream *s)
{
	if (s->in_done && s->out_done && !s->queued)
		stream_del(&c->streams, s);
}

/* ---- in ---- */

static void key_update(struct conn *c)
{
	if (!opt.key_update || c->key_updated)
		return;
	if (!setsockopt(c->sd, SOL_QUIC, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0))
		c->key_updated = true;
	say("%d: key update: %s\n", c->sd, c->key_updated ? "begun" : strerror(errno));
}

static int data_in(struct conn *c, int64_t id, const uint8_t *data, size_t len, bool fin)
{
	struct stream *s = stream_add(&c->streams, id);

	if (!s)
		return -ENOMEM;
	key_update(c);
	return c->proto->input(c, s, data, len, fin);
}

static void stream_update(struct conn *c, const uint8_t *data, size_t len)
{
	struct quic_stream_update u;
	struct stream *s;
	int err;

	if (len < sizeof(u))
		return;
	memcpy(&u, data, sizeof(u));
	s = stream_find(&c->streams, u.id);
	if (!s)
		return;
	switch (u.state) {
	case QUIC_STREAM_RECV_STATE_RESET_RECVD:
		warn("stream %" PRId64 " (%s) was reset: %u\n", s->id, s->path, u.errcode);
		stream_input_end(s, false);
		break;
	case QUIC_STREAM_SEND_STATE_RESET_SENT:		/* the peer's STOP_SENDING */
	case QUIC_STREAM_SEND_STATE_RESET_RECVD:
		s->out_done = true;
		break;
	default:
		return;
	}
	err = c->proto->ended(c, s);
	if (err)
		conn_fail(c, err);
}

static void max_data(struct conn *c, const uint8_t *data, size_t len)
{
	struct quic_stream_max_data m;
	struct stream *s;

	if (len < sizeof(m))
		return;
	memcpy(&m, data, sizeof(m));
	s = stream_find(&c->streams, m.id);
	if (!s || !s->blocked)
		return;
	s->blocked = false;
	c->proto->unblock(c, s);
}

static void event_in(struct conn *c, const uint8_t *data, size_t len)
{
	struct quic_connection_close close_info;

	switch (len ? data[0] : QUIC_EVENT_NONE) {
	case QUIC_EVENT_STREAM_UPDATE:
		stream_update(c, data + 1, len - 1);
		break;
	case QUIC_EVENT_STREAM_MAX_DATA:
		max_data(c, data + 1, len - 1);
		break;
	case QUIC_EVENT_CONNECTION_CLOSE:
		if (len < 1 + sizeof(close_info))
			break;
		memcpy(&close_info, data + 1, sizeof(close_info));
		say("%d: closed with code %u: %.*s\n", c->sd, close_info.errcode,
		    (int)(len - 1 - sizeof(close_info)),
		    (const char *)data + 1 + sizeof(close_info));
		break;
	}
}

/* One message of the socket: 0, -EAGAIN if there was none, or the end. */
static int recv_one(struct conn *c)
{
	static uint8_t buf[RECV_BUF];
	uint32_t flags = MSG_DONTWAIT;
	int64_t id = -1;
	ssize_t n = quic_recvmsg(c->sd, buf, sizeof(buf), &id, &flags);
	bool fin = flags & MSG_QUIC_STREAM_FIN;

	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (flags & MSG_QUIC_NOTIFICATION) {
		event_in(c, buf, n);
		return 0;
	}
	if (id < 0)
		return n ? 0 : -ENOTCONN;
	return data_in(c, id, buf, n, fin);
}

/* ---- the course of things ---- */

static int established(struct conn *c)
{
	char alpn[256];
	size_t len = sizeof(alpn);
	int err;

	quic_handshake_deinit(c->handshake);
	c->handshake = NULL;
	c->established = true;
	if (c->early)
		return 0;
	err = quic_session_get_alpn(c->session, alpn, &len);
	if (err)
		return err;
	c->proto = !strncmp(alpn, "h3", 2) ? &proto_h3 : &proto_hq;
	say("%d: established, %s%s\n", c->sd, alpn,
	    quic_session_early_data(c->session) ? ", 0-RTT" : "");
	return c->proto->open ? c->proto->open(c) : 0;
}

static int handshake(struct conn *c)
{
	int timeout = -1, err;

	err = quic_handshake_step(c->handshake, &c->handshake_events, &timeout);
	if (!err)
		return established(c);
	if (err == -EAGAIN)
		c->handshake_due = timeout < 0 ? UINT64_MAX / 2 : now_ms() + timeout;
	else
		warn("handshake: %s\n", strerror(-err));
	return err;
}

/* Requests that have not been made, as long as there are streams for them. */
static int make_requests(struct conn *c)
{
	struct request *r;
	struct stream *s;
	int64_t id;
	int err = 0;

	while (!err && c->next_request < c->nr_requests) {
		id = conn_open_stream(c, false);
		if (id < 0)
			return id == -EAGAIN ? 0 : id;
		s = stream_add(&c->streams, id);
		if (!s)
			return -ENOMEM;
		r = &c->requests[c->next_request++];
		r->sent = true;
		s->request = r;
		snprintf(s->path, sizeof(s->path), "%s", r->path);
		snprintf(s->method, sizeof(s->method), "%s", opt.method);
		err = c->proto->request(c, s);
	}
	return err;
}

void conn_early(struct conn *c)
{
	int err;

	c->early = true;
	c->proto = !strncmp(opt.alpns, "h3", 2) ? &proto_h3 : &proto_hq;
	err = c->proto->open ? c->proto->open(c) : 0;
	if (!err)
		err = make_requests(c);
	if (!err)
		err = c->proto->output(c);
	say("%d: %u requests early\n", c->sd, c->next_request);
	if (err && err != -EAGAIN)
		conn_fail(c, err);
}

void conn_step(struct conn *c)
{
	unsigned int i;
	int err = 0;

	if (c->handshake)
		err = handshake(c);
	for (i = 0; !err && c->established && i < RECV_TURN; i++)
		err = recv_one(c);
	if (c->established && (!err || err == -EAGAIN)) {
		c->want_write = false;
		err = make_requests(c);
		if (!err)
			err = c->proto->output(c);
	}
	if (err && err != -EAGAIN)
		conn_fail(c, err);
}

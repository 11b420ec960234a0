// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hq-interop: HTTP/0.9 over QUIC.  "GET /path\r\n" and FIN on a bidirectional
 * stream of the client; the bytes of the file and FIN are the answer.  There is
 * no way to say that there is no such file but to reset the stream.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "endpoint.h"

#define HQ_NOT_FOUND	4	/* an application error code; nobody defines any */

static void enqueue(struct conn *c, struct stream *s)
{
	if (s->queued)
		return;
	s->queued = true;
	s->queue_next = NULL;
	*c->queue_tail = s;
	c->queue_tail = &s->queue_next;
}

static struct stream *dequeue(struct conn *c)
{
	struct stream *s = c->queue;

	c->queue = s->queue_next;
	if (!c->queue)
		c->queue_tail = &c->queue;
	s->queued = false;
	return s;
}

static int hq_request(struct conn *c, struct stream *s)
{
	s->head_len = snprintf(s->head, sizeof(s->head), "GET %s\r\n", s->path);
	s->fin = true;
	enqueue(c, s);
	return 0;
}

static void respond(struct conn *c, struct stream *s)
{
	char *line = s->path, *path = line + 4;
	int err;

	line[strcspn(line, "\r\n")] = 0;
	err = strncmp(line, "GET ", 4) ? -EBADMSG : file_map(&s->body, opt.www, path);
	say("%d: %s: %s\n", c->sd, line, err ? strerror(-err) : "found");
	if (err) {
		conn_reset_stream(c, s, HQ_NOT_FOUND);
		return;
	}
	s->fin = true;
	enqueue(c, s);
}

static int hq_input(struct conn *c, struct stream *s, const uint8_t *data, size_t len, bool fin)
{
	size_t room = sizeof(s->path) - 1 - s->path_len;
	int err = 0;

	if (s->request) {
		err = stream_sink(s, data, len);
		if (fin)
			stream_input_end(s, !err);
	} else if (!opt.server || s->id & 3) {
		s->in_done = fin;	/* nothing that we asked for, and not answered */
		s->out_done = true;
	} else {
		len = len < room ? len : room;
		memcpy(s->path + s->path_len, data, len);
		s->path_len += len;
		if (fin) {
			s->in_done = true;
			respond(c, s);
		}
	}
	conn_stream_done(c, s);
	return err;
}

/* Bytes sent of what is left of head and body, or as conn_send(). */
static ssize_t send_some(struct conn *c, struct stream *s)
{
	size_t head = s->out_off < s->head_len ? s->head_len - s->out_off : 0;
	size_t off = head ? 0 : s->out_off - s->head_len;
	size_t body = s->body.len - off;
	bool all = body <= SEND_TURN;
	struct iovec iov[2] = {
		{ s->head + s->head_len - head, head },
		{ (void *)(s->body.data + off), all ? body : SEND_TURN },
	};
	ssize_t n = conn_send(c, s, iov, 2, s->fin && all);

	if (n < 0)
		return n;
	s->out_off += n;
	if (all && s->out_off == s->head_len + s->body.len)
		s->out_done = true;
	return n;
}

static int hq_output(struct conn *c)
{
	struct stream *s;
	ssize_t n;

	while (c->queue && !c->want_write) {
		s = c->queue;
		n = s->out_done ? 0 : send_some(c, s);
		if (n == -EAGAIN)
			break;
		dequeue(c);
		if (n == -ENOTCONN)
			return n;
		if (n < 0 && n != -ENOSPC) {
			say("%d: stream %lld: %s\n", c->sd, (long long)s->id, strerror(-n));
			s->out_done = true;	/* stopped by the peer, or all is closed */
		}
		if (s->out_done)
			conn_stream_done(c, s);
		else if (!s->blocked)
			enqueue(c, s);
	}
	return 0;
}

static int hq_ended(struct conn *c, struct stream *s)
{
	conn_stream_done(c, s);
	return 0;
}

const struct proto proto_hq = {
	.alpn = "hq-interop",
	.request = hq_request,
	.input = hq_input,
	.output = hq_output,
	.unblock = enqueue,
	.ended = hq_ended,
};

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * HTTP/3, by libnghttp3, which knows no transport: it is given what the socket
 * received and says what to send on which stream.  What it holds until it is
 * acknowledged is released as soon as the kernel has copied it.
 *
 * GET is answered with a file of the server's folder; the body of POST and PUT
 * is stored in the folder of uploads, and the answer says how long it was.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <nghttp3/nghttp3.h>

#include "endpoint.h"

#define VECS	16

static int h3_errno(struct conn *c, const char *what, int err)
{
	warn("%d: %s: %s\n", c->sd, what, nghttp3_strerror(err));
	return err == NGHTTP3_ERR_NOMEM ? -ENOMEM : -EPROTO;
}

/* ---- what nghttp3 tells ---- */

static struct stream *find(void *user, int64_t id)
{
	struct conn *c = user;

	return stream_find(&c->streams, id);
}

static int recv_data(nghttp3_conn *h3, int64_t id, const uint8_t *data, size_t len,
		     void *user, void *stream_user)
{
	struct stream *s = find(user, id);

	(void)h3, (void)stream_user;
	if (s && s->request && s->status != 200)
		return 0;
	return s && stream_sink(s, data, len) ? NGHTTP3_ERR_CALLBACK_FAILURE : 0;
}

static void copy_value(char *to, size_t size, nghttp3_rcbuf *value)
{
	nghttp3_vec v = nghttp3_rcbuf_get_buf(value);

	snprintf(to, size, "%.*s", (int)v.len, (const char *)v.base);
}

static int recv_header(nghttp3_conn *h3, int64_t id, int32_t token, nghttp3_rcbuf *name,
		       nghttp3_rcbuf *value, uint8_t flags, void *user, void *stream_user)
{
	struct stream *s = find(user, id);
	char number[16];

	(void)h3, (void)name, (void)flags, (void)stream_user;
	if (!s)
		return 0;
	switch (token) {
	case NGHTTP3_QPACK_TOKEN__METHOD:
		copy_value(s->method, sizeof(s->method), value);
		break;
	case NGHTTP3_QPACK_TOKEN__PATH:
		copy_value(s->path, sizeof(s->path), value);
		break;
	case NGHTTP3_QPACK_TOKEN__STATUS:
		copy_value(number, sizeof(number), value);
		s->status = atoi(number);
		break;
	}
	return 0;
}

static nghttp3_ssize read_data(nghttp3_conn *h3, int64_t id, nghttp3_vec *vec, size_t nr,
			       uint32_t *flags, void *user, void *stream_user)
{
	struct stream *s = find(user, id);
	size_t left;

	(void)h3, (void)stream_user;
	if (!s || !nr)
		return NGHTTP3_ERR_CALLBACK_FAILURE;
	left = s->body.len - s->out_off;
	vec->base = (uint8_t *)s->body.data + s->out_off;
	vec->len = left < SEND_TURN ? left : SEND_TURN;
	s->out_off += vec->len;
	if (s->out_off == s->body.len)
		*flags |= NGHTTP3_DATA_FLAG_EOF;
	return vec->len ? 1 : 0;
}

#define NV(n, v) { (uint8_t *)(n), (uint8_t *)(v), strlen(n), strlen(v), NGHTTP3_NV_FLAG_NONE }

static int respond(nghttp3_conn *h3, struct stream *s)
{
	nghttp3_data_reader body = { .read_data = read_data };
	bool post = !strcmp(s->method, "POST") || !strcmp(s->method, "PUT");
	const char *status = "200";
	char length[24];
	nghttp3_nv nv[] = { NV(":status", status), NV("server", "quic-sockets"),
			    NV("content-length", "") };

	if (!post && file_map(&s->body, opt.www, s->path))
		status = "404";
	if (post) {
		nv[2].name = (uint8_t *)"x-received";
		nv[2].namelen = strlen("x-received");
	}
	snprintf(length, sizeof(length), "%zu", post ? (size_t)s->received : s->body.len);
	nv[0].value = (uint8_t *)status;
	nv[2].value = (uint8_t *)length;
	nv[2].valuelen = strlen(length);
	say("%s %s: %s, %llu bytes received\n", s->method, s->path, status,
	    (unsigned long long)s->received);
	return nghttp3_conn_submit_response(h3, s->id, nv, 3, s->body.len ? &body : NULL);
}

static int end_stream(nghttp3_conn *h3, int64_t id, void *user, void *stream_user)
{
	struct stream *s = find(user, id);

	(void)stream_user;
	if (!s)
		return 0;
	if (s->request && s->status != 200)
		warn("%s: status %d\n", s->path, s->status);
	stream_input_end(s, s->status == 200);
	return opt.server && respond(h3, s) ? NGHTTP3_ERR_CALLBACK_FAILURE : 0;
}

static int stop_sending(nghttp3_conn *h3, int64_t id, uint64_t code, void *user,
			void *stream_user)
{
	struct stream *s = find(user, id);

	(void)h3, (void)stream_user;
	if (s)
		conn_stop_stream(user, s, code);
	return 0;
}

static int reset_stream(nghttp3_conn *h3, int64_t id, uint64_t code, void *user,
			void *stream_user)
{
	struct stream *s = find(user, id);

	(void)h3, (void)stream_user;
	if (s)
		conn_reset_stream(user, s, code);
	return 0;
}

static const nghttp3_callbacks callbacks = {
	.recv_data = recv_data,
	.recv_header = recv_header,
	.end_stream = end_stream,
	.stop_sending = stop_sending,
	.reset_stream = reset_stream,
};

/* ---- what it is told ---- */

/* A stream for @what; its ID, or a negative errno. */
static int64_t open_uni(struct conn *c)
{
	int64_t id = conn_open_stream(c, true);

	if (id >= 0 && !stream_add(&c->streams, id))
		return -ENOMEM;
	return id;
}

static int h3_open(struct conn *c)
{
	nghttp3_settings settings;
	nghttp3_conn *h3;
	int64_t control, encoder, decoder;
	int err;

	nghttp3_settings_default(&settings);
	err = opt.server ? nghttp3_conn_server_new(&h3, &callbacks, &settings, NULL, c) :
			   nghttp3_conn_client_new(&h3, &callbacks, &settings, NULL, c);
	if (err)
		return h3_errno(c, "nghttp3", err);
	c->h3 = h3;
	if (opt.server)
		nghttp3_conn_set_max_client_streams_bidi(h3, 1ULL << 40);
	control = open_uni(c);
	encoder = open_uni(c);
	decoder = open_uni(c);
	if (control < 0 || encoder < 0 || decoder < 0) {
		warn("%d: no unidirectional streams: %lld\n", c->sd, (long long)decoder);
		return -EPROTO;
	}
	err = nghttp3_conn_bind_control_stream(h3, control) ?:
	      nghttp3_conn_bind_qpack_streams(h3, encoder, decoder);
	return err ? h3_errno(c, "control streams", err) : 0;
}

static void h3_free(struct conn *c)
{
	if (c->h3)
		nghttp3_conn_del(c->h3);
}

static int h3_request(struct conn *c, struct stream *s)
{
	nghttp3_data_reader body = { .read_data = read_data };
	char length[24];
	nghttp3_nv nv[] = {
		NV(":method", s->method), NV(":scheme", "https"),
		NV(":authority", s->request->host), NV(":path", s->path),
		NV("user-agent", "quic-sockets"), NV("content-length", ""),
	};
	size_t n = 5;
	int err;

	if (opt.upload) {
		err = file_map(&s->body, "", opt.upload);
		if (err)
			return err;
		snprintf(length, sizeof(length), "%zu", s->body.len);
		nv[n].value = (uint8_t *)length;
		nv[n++].valuelen = strlen(length);
	}
	err = nghttp3_conn_submit_request(c->h3, s->id, nv, n, opt.upload ? &body : NULL, NULL);
	return err ? h3_errno(c, "request", err) : 0;
}

static int close_stream(struct conn *c, struct stream *s)
{
	int64_t id = s->id;
	int err;

	if (!s->in_done || !s->out_done)
		return 0;
	conn_stream_done(c, s);
	err = nghttp3_conn_close_stream(c->h3, id, NGHTTP3_H3_NO_ERROR);
	return err && err != NGHTTP3_ERR_STREAM_NOT_FOUND ? h3_errno(c, "close", err) : 0;
}

static int h3_input(struct conn *c, struct stream *s, const uint8_t *data, size_t len, bool fin)
{
	nghttp3_ssize n = nghttp3_conn_read_stream(c->h3, s->id, data, len, fin);

	if (n < 0)
		return h3_errno(c, "input", n);
	return close_stream(c, s);
}

static int sent(struct conn *c, struct stream *s, size_t n, size_t asked, bool fin)
{
	int err = nghttp3_conn_add_write_offset(c->h3, s->id, n) ?:
		  nghttp3_conn_add_ack_offset(c->h3, s->id, n);

	if (err)
		return h3_errno(c, "output", err);
	if (!fin || n < asked)
		return 0;
	s->out_done = true;
	return close_stream(c, s);
}

/* What the socket did not take. */
static int not_sent(struct conn *c, struct stream *s, int err)
{
	switch (err) {
	case -EAGAIN:
	case -ENOTCONN:
		return err;
	case -ENOSPC:
		nghttp3_conn_block_stream(c->h3, s->id);
		return 0;
	}
	say("%d: stream %lld: %s\n", c->sd, (long long)s->id, strerror(-err));
	/* Stopped by the peer; or the connection is closed, which recv() will tell. */
	nghttp3_conn_shutdown_stream_write(c->h3, s->id);
	s->out_done = true;
	return close_stream(c, s);
}

static int h3_output(struct conn *c)
{
	nghttp3_vec vec[VECS];
	size_t len, i;
	nghttp3_ssize n;
	struct stream *s;
	int64_t id;
	ssize_t done;
	int fin, err = 0;

	while (!err) {
		n = nghttp3_conn_writev_stream(c->h3, &id, &fin, vec, VECS);
		if (n < 0)
			return h3_errno(c, "output", n);
		if (id < 0)
			return 0;
		s = find(c, id);
		if (!s)
			return -EPROTO;
		for (i = 0, len = 0; i < (size_t)n; i++)
			len += vec[i].len;
		/* nghttp3_vec is laid out as struct iovec */
		done = conn_send(c, s, (struct iovec *)vec, n, fin);
		err = done < 0 ? not_sent(c, s, done) : sent(c, s, done, len, fin);
	}
	return err == -EAGAIN ? 0 : err;
}

static void h3_unblock(struct conn *c, struct stream *s)
{
	nghttp3_conn_unblock_stream(c->h3, s->id);
}

static int h3_ended(struct conn *c, struct stream *s)
{
	if (s->in_done)
		nghttp3_conn_shutdown_stream_read(c->h3, s->id);
	if (s->out_done)
		nghttp3_conn_shutdown_stream_write(c->h3, s->id);
	return close_stream(c, s);
}

const struct proto proto_h3 = {
	.alpn = "h3",
	.no_error = NGHTTP3_H3_NO_ERROR,
	.open = h3_open,
	.request = h3_request,
	.input = h3_input,
	.output = h3_output,
	.unblock = h3_unblock,
	.ended = h3_ended,
	.free = h3_free,
};

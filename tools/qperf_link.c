// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A link is a connection of the test; a lane is a stream on it.  Over TCP and
 * kTLS a link has one lane, and its FIN is the connection's.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "qperf.h"

#define IDLE_TIMEOUT_US		3600000000U	/* nobody idles longer in a test */
#define DEFAULT_STREAMS		100

/* Before connect() or listen(): what the test wants of the transport */
void link_setup_quic(int sd, void *ctx)
{
	const struct test *t = ctx;
	struct quic_transport_param p = {
		.disable_1rtt_encryption = t->proto == PROTO_QUIC_PLAIN,
		.max_idle_timeout = t->kind == KIND_IDLE ? IDLE_TIMEOUT_US : 0,
		.max_streams_bidi = t->streams > DEFAULT_STREAMS ? t->streams : 0,
		.max_data = t->window,
		.max_stream_data_bidi_local = t->window,
		.max_stream_data_bidi_remote = t->window,
	};
	struct quic_config c = {
		.stream_data_nodelay = t->kind == KIND_RR,
		.congestion_control_algo = t->cc ? t->cc - 1 : 0,
	};

	if (setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_TRANSPORT_PARAM, &p, sizeof(p)))
		warn_msg("transport parameters: %s", strerror(errno));
	if (setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_CONFIG, &c, sizeof(c)))
		warn_msg("configuration: %s", strerror(errno));
}

static int dial_tcp(const struct link_opts *o)
{
	int fd = net_tcp_dial(o->net, o->host), err = 0, on = 1;
	char line[QPERF_LINE];

	if (fd < 0)
		return fd;
	if (o->test->kind == KIND_RR)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	snprintf(line, sizeof(line), "data %s", o->token);
	if (!line_write(fd, line))
		err = -EPIPE;
	else if (o->test->proto == PROTO_KTLS)
		err = ktls_handshake(o->ktls, fd, o->net->hostname);
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* A byte in 0-RTT, if the server remembers us, then the handshake. */
static int early_handshake(const struct link_opts *o, struct link *link, void *session)
{
	int err = 0;

	if (net_quic_early(o->net, link->fd))
		err = link_send(link, link_open_lane(link), "", 1, true);
	if (!err)
		err = quic_handshake(session);
	if (!err)
		link->early = quic_session_early_data(session);
	return err;
}

static int try_quic(const struct link_opts *o, const struct addrinfo *ai, struct link *link,
		    void **session)
{
	void *test = (void *)o->test;
	int err;

	if (!o->test->early)
		return net_quic_try_dial(o->net, ai, link_setup_quic, test, session);
	link->fd = net_quic_try_connect(o->net, ai, link_setup_quic, test, session);
	if (link->fd < 0)
		return link->fd;
	err = early_handshake(o, link, *session);
	if (!err)
		return link->fd;
	quic_session_free(*session);
	close(link->fd);
	return err;
}

static int dial_quic(const struct link_opts *o, struct link *link, void **session)
{
	struct addrinfo *list = net_resolve(o->net, o->host, true), *ai;
	int fd = -EADDRNOTAVAIL;

	for (ai = list; ai && fd < 0; ai = ai->ai_next)
		fd = try_quic(o, ai, link, session);
	freeaddrinfo(list);
	return fd;
}

/* The same with the session of QUIC, which the caller frees */
int link_dial_session(const struct link_opts *o, struct link *link, void **session)
{
	*link = (struct link){ .proto = o->test->proto };
	link->fd = dial_quic(o, link, session);
	return link->fd < 0 ? link->fd : 0;
}

/* 0 or a negative errno, for net_strerror() */
int link_dial(const struct link_opts *o, struct link *link)
{
	void *session;
	int err;

	if (proto_is_quic(o->test->proto)) {
		err = link_dial_session(o, link, &session);
		if (!err)
			quic_session_free(session);
		return err;
	}
	*link = (struct link){ .proto = o->test->proto, .fd = dial_tcp(o) };
	return link->fd < 0 ? link->fd : 0;
}

int64_t link_open_lane(struct link *link)
{
	struct quic_stream_info info = { .stream_id = -1 };
	socklen_t len = sizeof(info);

	if (!proto_is_quic(link->proto))
		return 0;
	if (getsockopt(link->fd, SOL_QUIC, QUIC_SOCKOPT_STREAM_OPEN, &info, &len))
		return -errno;
	return info.stream_id;
}

static int send_tcp(struct link *link, const char *p, size_t len, bool fin)
{
	int err = write_all(link->fd, p, len);

	if (!err && fin && shutdown(link->fd, SHUT_WR))
		err = -errno;
	return err;
}

/* All of it, waiting as needed: 0 or a negative errno */
int link_send(struct link *link, int64_t lane, const void *buf, size_t len, bool fin)
{
	if (!proto_is_quic(link->proto))
		return send_tcp(link, buf, len, fin);
	return net_quic_send(link->fd, buf, len, lane, fin, NULL);
}

/* Bytes of one lane; fin: no more on it.  0 without fin: the link is closed. */
ssize_t link_recv(struct link *link, void *buf, size_t len, int64_t *lane, bool *fin)
{
	uint32_t flags = 0;
	ssize_t n;

	do {
		if (proto_is_quic(link->proto)) {
			flags = 0;
			n = quic_recvmsg(link->fd, buf, len, lane, &flags);
			*fin = flags & MSG_QUIC_STREAM_FIN;
		} else {
			n = recv(link->fd, buf, len, 0);
			*lane = 0;
			*fin = !n;
		}
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The client: a connection for all requests of one server; for each request one
 * where the test case is about handshakes; a second, resumed one where it is
 * about resumption.  It closes when it has all files.
 */
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#include "endpoint.h"

#define TICKET_TIMEOUT_MS	5000

struct client {
	struct quic_handshake_params params;
	uint8_t ticket[4096];
	size_t ticket_len;
};

static int dial(const struct request *r)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM }, *all, *ai;
	const char *host = opt.connect_addr ?: r->host;
	int err, sd = -1;

	err = getaddrinfo(host, r->port, &hints, &all);
	if (err) {
		warn("%s: %s\n", host, gai_strerror(err));
		return -1;
	}
	for (ai = all; ai && sd < 0; ai = ai->ai_next) {
		sd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			    IPPROTO_QUIC);
		if (sd < 0 || socket_setup(sd) || connect(sd, ai->ai_addr, ai->ai_addrlen)) {
			warn("%s: %s\n", host, strerror(errno));
			if (sd >= 0)
				close(sd);
			sd = -1;
		}
	}
	freeaddrinfo(all);
	return sd;
}

static struct conn *open_conn(struct client *cl, struct request *r, unsigned int n)
{
	int sd = dial(r), err;
	void *session;
	struct conn *c;

	if (sd < 0)
		return NULL;
	cl->params.hostname = r->host;
	cl->params.session_data = cl->ticket_len ? cl->ticket : NULL;
	cl->params.session_data_len = cl->ticket_len;
	cl->params.early_data = opt.early;
	err = quic_client_session_new(sd, &cl->params, &session);
	if (err) {
		warn("session: %s\n", strerror(-err));
		close(sd);
		return NULL;
	}
	c = conn_new(sd, session);
	if (!c) {
		quic_session_free(session);
		close(sd);
		return NULL;
	}
	c->requests = r;
	c->nr_requests = n;
	if (opt.early && cl->ticket_len)
		conn_early(c);
	return c;
}

static bool all_done(const struct conn *c)
{
	unsigned int i;

	for (i = 0; i < c->nr_requests; i++)
		if (!c->requests[i].done)
			return false;
	return true;
}

/* The ticket of this connection, for the next one. */
static bool have_ticket(struct client *cl, struct conn *c)
{
	int err;

	if (cl->ticket_len)
		return true;
	cl->ticket_len = sizeof(cl->ticket);
	err = quic_session_get_data(c->session, cl->ticket, &cl->ticket_len);
	if (err)
		cl->ticket_len = 0;
	return !err;
}

/* One connection, from beginning to end. */
static bool fetch(struct client *cl, struct request *r, unsigned int n)
{
	bool want_ticket = opt.resume && !cl->ticket_len, ok = true;
	struct conn *c = open_conn(cl, r, n);
	uint64_t ticket_due = 0;
	struct pollfd p;
	unsigned int i;
	int timeout;

	if (!c)
		return false;
	for (conn_step(c); !c->dead; conn_step(c)) {
		if (all_done(c)) {
			ticket_due = ticket_due ?: now_ms() + TICKET_TIMEOUT_MS;
			if (!want_ticket || have_ticket(cl, c) || now_ms() > ticket_due)
				break;
		}
		timeout = conn_timeout(c);
		p = (struct pollfd){ .fd = c->sd, .events = conn_events(c) };
		poll(&p, 1, ticket_due ? 100 : timeout);
	}
	for (i = 0; i < n; i++) {
		if (!r[i].ok)
			warn("%s: %s\n", r[i].path,
			     r[i].done ? "failed" : c->err ? strerror(-c->err) : "not done");
		ok = ok && r[i].ok;
	}
	if (want_ticket && !cl->ticket_len)
		warn("no session ticket\n");
	conn_close(c);
	return ok;
}

static bool same_server(const struct request *a, const struct request *b)
{
	return !strcmp(a->host, b->host) && !strcmp(a->port, b->port);
}

int run_client(struct request *requests, unsigned int nr)
{
	struct client cl = {
		.params = { .size = sizeof(cl.params), .alpns = opt.alpns,
			    .priority = opt.ciphers, .insecure = !opt.cafile,
			    .timeout_ms = HANDSHAKE_TIMEOUT_MS },
	};
	struct quic_handshake_params files = { .size = sizeof(files), .cafile = opt.cafile,
					       .insecure = !opt.cafile };
	unsigned int i, n;
	bool ok = true;

	if (quic_client_credentials_new(&files, &cl.params.credentials))
		return 1;
	for (i = 0; i < nr; i += n) {
		for (n = 1; i + n < nr && same_server(&requests[i], &requests[i + n]); n++)
			if (opt.multiconnect || (opt.resume && !i))
				break;
		ok = fetch(&cl, requests + i, n) && ok;
	}
	quic_credentials_free(cl.params.credentials);
	return ok ? 0 : 1;
}

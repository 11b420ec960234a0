// SPDX-License-Identifier: GPL-2.0-or-later
/* See roles.h. */
#include <arpa/inet.h>
#include <netinet/quic.h>
#include <stdio.h>
#include <string.h>

#include "roles.h"

int fail(const char *what)
{
	perror(what);
	return 1;
}

static int run_client(const struct roles *r, int sd, const char *ip, const char *name)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(r->port) };

	if (inet_pton(AF_INET6, ip, &a.sin6_addr) != 1 ||
	    connect(sd, (struct sockaddr *)&a, sizeof(a)))
		return fail("connect");
	return quic_client_handshake(sd, NULL, name, r->alpn) || r->client(sd);
}

static int run_server(const struct roles *r, int sd, const char *key, const char *certificate)
{
	struct quic_event_option updates = { .type = QUIC_EVENT_STREAM_UPDATE, .on = 1 };
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(r->port) };

	/* accepted sockets inherit the event */
	if (setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_EVENT, &updates, sizeof(updates)) ||
	    bind(sd, (struct sockaddr *)&a, sizeof(a)) || listen(sd, 16))
		return fail("listen");
	sd = accept(sd, NULL, NULL);
	if (sd < 0)
		return fail("accept");
	return quic_server_handshake(sd, key, certificate, r->alpn) || r->server(sd);
}

int roles_main(const struct roles *r, int argc, char **argv)
{
	int sd = socket(AF_INET6, SOCK_STREAM, IPPROTO_QUIC);

	if (argc < 4) {
		fprintf(stderr, "usage: %s server KEY CERTIFICATE | client IPV6 NAME\n", r->name);
		return 1;
	}
	if (sd < 0)
		return fail("socket");
	if (!strcmp(argv[1], "client"))
		return run_client(r, sd, argv[2], argv[3]);
	return run_server(r, sd, argv[2], argv[3]);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A stream as a socket of its own, which code for TCP can be given.
 *
 *	stream-socket server KEY CERTIFICATE
 *	stream-socket client IPV6 NAME
 *
 * The client opens a stream and peels it off; the server peels off the stream
 * that an event told of, and hands it to stdio.
 */
#include <arpa/inet.h>
#include <netinet/quic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int peel(int sd, int64_t id)
{
	struct quic_stream_peeloff p = { .stream_id = id };
	socklen_t len = sizeof(p);

	return getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_PEELOFF, &p, &len) < 0 ? -1 : p.sd;
}

static int client(int sd)
{
	struct quic_stream_info info = { .stream_id = -1 };
	socklen_t len = sizeof(info);
	char buf[100];
	ssize_t n;
	int stream;

	if (getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_OPEN, &info, &len))
		return fail("open a stream");
	stream = peel(sd, info.stream_id);
	if (stream < 0)
		return fail("peel it off");
	if (write(stream, "one\ntwo\nthree\n", 14) != 14 || shutdown(stream, SHUT_WR))
		return fail("write");
	while ((n = read(stream, buf, sizeof(buf))) > 0)
		printf("%.*s", (int)n, buf);
	return close(stream);
}

/* The first stream of the peer: an event tells. */
static int64_t next_stream(int sd)
{
	struct quic_stream_update u;
	char buf[200];
	uint32_t flags;

	for (;;) {
		flags = 0;
		if (quic_recvmsg(sd, buf, sizeof(buf), NULL, &flags) < 0)
			return -1;
		memcpy(&u, buf + 1, sizeof(u));
		if (flags & MSG_QUIC_NOTIFICATION && buf[0] == QUIC_EVENT_STREAM_UPDATE &&
		    u.state == QUIC_STREAM_RECV_STATE_RECV)
			return u.id;
	}
}

static int serve(int sd)
{
	int64_t id = next_stream(sd);
	int stream = id < 0 ? -1 : peel(sd, id), lines = 0;
	FILE *in = stream < 0 ? NULL : fdopen(stream, "r");
	char line[100];

	if (!in)
		return fail("peel off");
	while (fgets(line, sizeof(line), in))
		lines++;
	dprintf(stream, "%d lines\n", lines);
	fclose(in);
	/* the connection lasts until the client has closed it */
	while (read(sd, line, sizeof(line)) >= 0)
		;
	return lines != 3;
}

int main(int argc, char **argv)
{
	struct quic_event_option updates = { .type = QUIC_EVENT_STREAM_UPDATE, .on = 1 };
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(4435) };
	int sd = socket(AF_INET6, SOCK_STREAM, IPPROTO_QUIC);

	if (argc < 4 || sd < 0)
		return fail("stream-socket server KEY CERTIFICATE | client IPV6 NAME");
	if (!strcmp(argv[1], "client")) {
		if (inet_pton(AF_INET6, argv[2], &a.sin6_addr) != 1 ||
		    connect(sd, (struct sockaddr *)&a, sizeof(a)))
			return fail("connect");
		return quic_client_handshake(sd, NULL, argv[3], "lines") || client(sd);
	}
	if (setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_EVENT, &updates, sizeof(updates)) ||
	    bind(sd, (struct sockaddr *)&a, sizeof(a)) || listen(sd, 16))
		return fail("listen");
	sd = accept(sd, NULL, NULL);
	if (sd < 0)
		return fail("accept");
	return quic_server_handshake(sd, argv[2], argv[3], "lines") || serve(sd);
}

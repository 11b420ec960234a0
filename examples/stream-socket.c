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
#include <netinet/quic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "roles.h"

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
	static const struct roles roles = { "stream-socket", "lines", 4435, client, serve };

	return roles_main(&roles, argc, argv);
}

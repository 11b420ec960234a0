// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Several streams of one connection, and events.
 *
 *	multi-stream server KEY CERTIFICATE
 *	multi-stream client IPV6 NAME
 *
 * The client asks on two bidirectional streams at once, a piece of each in
 * turn.  The server is told by events when streams begin, and answers each on
 * a unidirectional stream of its own.
 */
#include <netinet/quic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "roles.h"

#define NEW	MSG_QUIC_STREAM_NEW
#define FIN	MSG_QUIC_STREAM_FIN

struct text {
	char bytes[100];
	size_t len;
};

static void add(struct text *t, const char *bytes, size_t len)
{
	if (len > sizeof(t->bytes) - t->len)
		len = sizeof(t->bytes) - t->len;
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
}

static int client(int sd)
{
	uint32_t flags;
	int64_t id;
	char buf[100];
	ssize_t n;
	int i;

	if (quic_sendmsg(sd, "what is ", 8, 0, NEW) != 8 ||
	    quic_sendmsg(sd, "where is ", 9, 4, NEW) != 9 ||
	    quic_sendmsg(sd, "QUIC?", 5, 0, FIN) != 5 ||
	    quic_sendmsg(sd, "the kernel?", 11, 4, FIN) != 11)
		return fail("send");
	for (i = 0; i < 2; i++) {
		flags = 0;
		n = quic_recvmsg(sd, buf, sizeof(buf), &id, &flags);
		if (n < 0)
			return fail("receive");
		printf("stream %d answers: %.*s\n", (int)id, (int)n, buf);
	}
	return 0;
}

/* The question on stream 0 or 4 is complete. */
static int answer(int sd, const struct text *question)
{
	char buf[120];
	int n = snprintf(buf, sizeof(buf), "you ask '%.*s'", (int)question->len, question->bytes);

	return quic_sendmsg(sd, buf, (size_t)n, -1, NEW | FIN | MSG_QUIC_STREAM_UNI) != n;
}

/* Byte 0 of an event is its type, the rest is not aligned. */
static void show_event(const char *buf)
{
	struct quic_stream_update u;

	memcpy(&u, buf + 1, sizeof(u));
	if (buf[0] == QUIC_EVENT_STREAM_UPDATE && u.state == QUIC_STREAM_RECV_STATE_RECV)
		printf("stream %d begins\n", (int)u.id);
}

static int serve(int sd)
{
	struct text question[2] = { 0 };
	uint32_t flags;
	int64_t id;
	char buf[100];
	ssize_t n;

	for (;;) {
		flags = 0;
		n = quic_recvmsg(sd, buf, sizeof(buf), &id, &flags);
		if (n < 0)	/* the client has closed */
			return 0;
		if (flags & MSG_QUIC_NOTIFICATION) {
			show_event(buf);
			continue;
		}
		if (id != 0 && id != 4)
			continue;
		add(&question[id / 4], buf, (size_t)n);
		if (flags & FIN && answer(sd, &question[id / 4]))
			return fail("answer");
	}
}

int main(int argc, char **argv)
{
	static const struct roles roles = { "multi-stream", "questions", 4434, client, serve };

	return roles_main(&roles, argc, argv);
}

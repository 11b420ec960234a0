// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A server with one thread for everybody: handshakes and data in one poll().
 *
 *	async-server KEY CERTIFICATE
 *
 * It speaks to hello-client and resume.  A handshake that takes long, or never ends, keeps
 * nobody else waiting.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/quic.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define PEERS_MAX	64

struct peer {
	int sd;
	void *session;
	struct quic_handshake_ctx *handshake;	/* NULL: established */
	short events;
	int timeout_ms;		/* until step() wants to be called; -1: no need */
};

static struct peer peers[PEERS_MAX];
static int count;
/* an echo does no harm when it is asked for twice: 0-RTT is welcome */
static struct quic_handshake_params params = { .size = sizeof(params), .alpns = "hello",
					       .early_data = 1 };

static void end(struct peer *p)
{
	quic_handshake_deinit(p->handshake);
	quic_session_free(p->session);
	close(p->sd);
	*p = peers[--count];
}

static void greet(int ls)
{
	struct peer p = { .events = POLLIN };

	p.sd = count < PEERS_MAX ? accept4(ls, NULL, NULL, SOCK_NONBLOCK) : -1;
	if (p.sd < 0)
		return;
	if (quic_server_session_new(p.sd, &params, &p.session) ||
	    quic_handshake_init(p.session, &p.handshake)) {
		quic_session_free(p.session);
		close(p.sd);
		return;
	}
	peers[count++] = p;
}

/* 0: go on with this peer */
static int step(struct peer *p)
{
	int err = quic_handshake_step(p->handshake, &p->events, &p->timeout_ms);

	if (err)
		return err == -EAGAIN ? 0 : err;
	quic_handshake_deinit(p->handshake);
	p->handshake = NULL;
	p->events = POLLIN;
	p->timeout_ms = -1;
	return 0;
}

/* Answers and is done: what was written still arrives after close(). 0: go on */
static int echo(struct peer *p)
{
	char buf[100];
	ssize_t n = read(p->sd, buf, sizeof(buf));

	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n > 0)
		send(p->sd, buf, (size_t)n, MSG_QUIC_STREAM_FIN | MSG_NOSIGNAL);
	return 1;
}

static void serve(int ls)
{
	struct pollfd fds[PEERS_MAX + 1];
	int i, n, timeout = -1;

	fds[0] = (struct pollfd){ .fd = ls, .events = POLLIN };
	for (n = 0; n < count; n++) {
		fds[n + 1] = (struct pollfd){ .fd = peers[n].sd, .events = peers[n].events };
		if (peers[n].timeout_ms >= 0 && (timeout < 0 || peers[n].timeout_ms < timeout))
			timeout = peers[n].timeout_ms;
	}
	poll(fds, (nfds_t)n + 1, timeout);
	/* from the end: one that goes is replaced by the last, which was seen to */
	for (i = n - 1; i >= 0; i--)
		if (peers[i].handshake ? step(&peers[i]) : fds[i + 1].revents && echo(&peers[i]))
			end(&peers[i]);
	if (fds[0].revents)
		greet(ls);
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(4433) };
	int ls = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_QUIC);
	struct quic_handshake_params files = { .size = sizeof(files) };

	if (argc < 3 || bind(ls, (struct sockaddr *)&a, sizeof(a)) || listen(ls, 64)) {
		perror("async-server KEY CERTIFICATE");
		return 1;
	}
	files.keyfile = argv[1];
	files.certfile = argv[2];
	if (quic_server_credentials_new(&files, &params.credentials))
		return 1;
	for (;;)
		serve(ls);
}

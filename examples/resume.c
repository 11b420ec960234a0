// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A client that comes back: the second connection resumes the first one's
 * session, so that no certificate is sent and verified again, and says hello
 * without waiting for the handshake (0-RTT).  Who records its packets can send
 * them again: what is said early must do no harm when it is said twice.
 *
 *	resume IPV6 NAME	(the server: async-server, which takes 0-RTT, or hello-server)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/quic.h>
#include <stdio.h>
#include <unistd.h>

static struct sockaddr_in6 server = { .sin6_family = AF_INET6 };

static int hello(int sd)
{
	return send(sd, "hello", 5, MSG_QUIC_STREAM_FIN | MSG_NOSIGNAL) == 5;
}

/* The answer; then @data, of *@len bytes, that will resume the session. */
static int finish(int sd, void *session, void *data, size_t *len, size_t size)
{
	char buf[100];
	ssize_t n = read(sd, buf, sizeof(buf));
	int err, tries;

	printf("%s handshake%s\n", quic_session_is_resumed(session) ? "resumed" : "full",
	       quic_session_early_data(session) ? ", 0-RTT accepted" : "");
	printf("%.*s\n", n > 0 ? (int)n : 0, buf);
	/* the ticket comes when the server likes */
	for (tries = 0; tries < 100; tries++) {
		*len = size;
		err = quic_session_get_data(session, data, len);
		if (err != -EAGAIN)
			break;
		usleep(20000);
	}
	return err;
}

/* One connection; @data is what resumes, if any, and what will. */
static int visit(const char *name, void *data, size_t *len, size_t size)
{
	struct quic_handshake_params p = { .size = sizeof(p), .hostname = name, .alpns = "hello",
					   .early_data = 1 };
	int sd = socket(AF_INET6, SOCK_STREAM, IPPROTO_QUIC), err, early;
	void *session;

	if (sd < 0 || connect(sd, (struct sockaddr *)&server, sizeof(server)))
		return 1;
	p.session_data = *len ? data : NULL;
	p.session_data_len = *len;
	if (quic_client_session_new(sd, &p, &session))
		return 1;
	/* if the server refuses it, the kernel sends it again after the handshake */
	early = *len && hello(sd);
	err = quic_handshake(session);
	if (!err && !early && !hello(sd))
		err = -errno;
	if (!err)
		err = finish(sd, session, data, len, size);
	quic_session_free(session);
	close(sd);
	return err != 0;
}

int main(int argc, char **argv)
{
	static char data[16384];
	size_t len = 0;

	server.sin6_port = htons(4433);
	if (argc < 3 || inet_pton(AF_INET6, argv[1], &server.sin6_addr) != 1)
		return 1;
	return visit(argv[2], data, &len, sizeof(data)) || visit(argv[2], data, &len, sizeof(data));
}

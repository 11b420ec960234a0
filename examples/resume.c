// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A client that comes back: the second connection resumes the first one's
 * session, so that no certificate is sent and verified again.
 *
 *	resume IPV6 NAME	(the server: hello-server)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/quic.h>
#include <stdio.h>
#include <unistd.h>

static struct sockaddr_in6 server = { .sin6_family = AF_INET6 };

/* Says hello; @data, of *@len bytes, is what resumes, if any, and what will. */
static int visit(const char *name, void *data, size_t *len, size_t size)
{
	struct quic_handshake_params p = { .size = sizeof(p), .hostname = name, .alpns = "hello" };
	int sd = socket(AF_INET6, SOCK_STREAM, IPPROTO_QUIC), err, tries;
	void *session;
	char buf[100];
	ssize_t n;

	if (sd < 0 || connect(sd, (struct sockaddr *)&server, sizeof(server)))
		return 1;
	p.session_data = *len ? data : NULL;
	p.session_data_len = *len;
	if (quic_client_session_new(sd, &p, &session))
		return 1;
	err = quic_handshake(session);
	if (!err) {
		printf("%s handshake\n", gnutls_session_is_resumed(session) ? "resumed" : "full");
		send(sd, "hello", 5, MSG_QUIC_STREAM_FIN);
		n = read(sd, buf, sizeof(buf));
		printf("%.*s\n", n > 0 ? (int)n : 0, buf);
		/* the ticket comes when the server likes */
		for (tries = 0; tries < 100; tries++) {
			*len = size;
			err = quic_session_get_data(session, data, len);
			if (err != -EAGAIN)
				break;
			usleep(20000);
		}
	}
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

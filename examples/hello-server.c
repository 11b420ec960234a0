// SPDX-License-Identifier: GPL-2.0-or-later
/* Answers each connection's first message. hello-server KEY.pem CERT.pem */
#include <netinet/in.h>
#include <netinet/quic.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(4433) };
	int ls = socket(AF_INET6, SOCK_STREAM, IPPROTO_QUIC), sd;
	char buf[100];
	ssize_t n;

	if (argc < 3 || bind(ls, (struct sockaddr *)&a, sizeof(a)) || listen(ls, 16))
		return 1;
	while ((sd = accept(ls, NULL, NULL)) >= 0) {
		if (!quic_server_handshake(sd, argv[1], argv[2], "hello") &&
		    (n = read(sd, buf, sizeof(buf))) > 0)
			send(sd, buf, n, MSG_QUIC_STREAM_FIN);
		close(sd);
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* Says hello to hello-server and prints what comes back. hello-client IPV6 NAME */
#include <arpa/inet.h>
#include <netinet/quic.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(4433) };
	int sd = socket(AF_INET6, SOCK_STREAM, IPPROTO_QUIC);
	char buf[100];
	ssize_t n;

	if (argc < 3 || inet_pton(AF_INET6, argv[1], &a.sin6_addr) != 1 ||
	    connect(sd, (struct sockaddr *)&a, sizeof(a)) ||
	    quic_client_handshake(sd, NULL, argv[2], "hello"))
		return 1;
	send(sd, "hello", 5, MSG_QUIC_STREAM_FIN);
	while ((n = read(sd, buf, sizeof(buf))) > 0)
		printf("%.*s\n", (int)n, buf);
	return close(sd);
}

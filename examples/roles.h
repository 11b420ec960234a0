/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way to a connection, for examples that are client and server in one. */
#ifndef EXAMPLES_ROLES_H
#define EXAMPLES_ROLES_H

struct roles {
	const char *name;		/* of the program */
	const char *alpn;
	unsigned short port;
	int (*client)(int sd);		/* after the handshake; the exit status */
	int (*server)(int sd);
};

/* NAME server KEY CERTIFICATE, or NAME client IPV6 NAME */
int roles_main(const struct roles *r, int argc, char **argv);

int fail(const char *what);		/* says why; 1 */

#endif /* EXAMPLES_ROLES_H */

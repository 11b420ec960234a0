/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client and a server that shake hands through the fake kernel */
#ifndef _TESTS_PAIR_H
#define _TESTS_PAIR_H

#include <stdbool.h>
#include "fake_kernel.h"
#include "pki.h"

struct pair {
	struct quic_handshake_params client, server;
	int client_err, server_err;
	bool client_raw, server_raw;	/* a session of the program's own */
	bool auto_ticket;		/* server_raw: the TLS library sends tickets */
	void (*client_setup)(void *session);	/* before the handshake */
	void (*client_done)(void *session);	/* after one that succeeded */
	void (*server_done)(void *session);
};

void pair_init(struct pair *p);		/* certificate mode, all as it should be */
void pair_run(struct pair *p);		/* both, each in a thread */
bool pair_agrees(void);			/* both established, with the same secrets */
bool logged(const char *text);		/* since pair_init() */
extern char log_text[8192];

#endif /* _TESTS_PAIR_H */

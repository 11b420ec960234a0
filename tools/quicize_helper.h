/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process beside the program: does handshakes, see quicize_helper.c.
 */
#ifndef TOOLS_QUICIZE_HELPER_H
#define TOOLS_QUICIZE_HELPER_H

#include <netinet/quic.h>

struct helper_opts {
	struct quic_handshake_params client;	/* no credentials in either: not possible */
	struct quic_handshake_params server;
	const char *alpn;
};

/* Serves requests from @sd until nobody is left at its other end. */
void helper_run(int sd, const struct helper_opts *opts);

#endif /* TOOLS_QUICIZE_HELPER_H */

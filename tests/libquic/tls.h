/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests need of a TLS library itself: tls_gnutls.c or tls_openssl.c is linked.
 */
#ifndef _TESTS_LIBQUIC_TLS_H
#define _TESTS_LIBQUIC_TLS_H

#include <stdbool.h>
#include <netinet/quic.h>

/* A session that the program made itself, as in appendix C of the draft but for the CA */
struct tls_raw {
	void *session;
	void *credentials;
};

int tls_raw_client(struct tls_raw *r, const struct quic_handshake_params *p);
int tls_raw_server(struct tls_raw *r, const struct quic_handshake_params *p, bool auto_ticket);
void tls_raw_free(struct tls_raw *r);

void tls_verify_itself(void *session, const char *host);	/* the library is told to */
void tls_offer_old(void *session);	/* TLS 1.2, too */

/* A ClientHello (a message, no record) without QUIC's parameters; its length.
 * @old: of TLS 1.2 alone
 */
size_t tls_hello(bool old, unsigned char *to, size_t size);

/* The traces of a full handshake, see fake_kernel.h. */
extern const char tls_client_trace[], tls_server_trace[];
extern const char tls_early_client_trace[];	/* its beginning */
/* Old tickets are none for 0-RTT when a list of ClientHellos begins, see replay.c */
extern const bool tls_early_window;
/* A server's priority that a client's first key share does not meet */
extern const char tls_retry_priority[];

#endif /* _TESTS_LIBQUIC_TLS_H */

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the OpenSSL side share.
 *
 * The record of a session is extra data of the SSL, which OpenSSL frees with it.
 */
#ifndef _LIBQUIC_TLS_OPENSSL_H
#define _LIBQUIC_TLS_OPENSSL_H

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "tls.h"

#define ALPN_WIRE_MAX	(QUIC_ALPN_MAX + 1)	/* a length before each name, no commas */

struct lq_openssl {
	struct quic_session session;
	bool is_server;			/* the handshake under way */
	bool hooked;			/* the SSL has our callbacks, and no BIO any more: */
	int sd;
	bool resumed;
	bool has_ticket_key;
	uint8_t read_level, write_level;	/* of CRYPTO */
	bool done_reading;		/* the last read secret was given */
	unsigned char *in;		/* for OpenSSL to read, until it releases it */
	size_t in_len;
	bool in_given;
	unsigned char params[QUIC_TRANSPORT_PARAMS_MAX];	/* OpenSSL has no copy */
	unsigned char ticket_key[QUIC_TICKET_KEY_SIZE];
	unsigned char alpn[ALPN_WIRE_MAX];
	unsigned int alpn_len;
	char offered[256];		/* server: the client's ALPN names, for a message */
	char psk_unknown[64];		/* server: an identity that no key was found for */
};

static inline struct lq_openssl *lq_openssl(struct quic_session *s)
{
	return (struct lq_openssl *)s;
}

/* Callbacks of credentials */
int lq_openssl_on_verify(int ok, X509_STORE_CTX *x);
int lq_openssl_on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *in, unsigned int in_len, void *arg);
/* What the library's verifier is to check of a server */
int lq_openssl_expect_host(SSL *ssl, const char *host);

#endif /* _LIBQUIC_TLS_OPENSSL_H */

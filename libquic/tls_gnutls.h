/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the GnuTLS side share.
 *
 * The record of a session is the private data of the transport parameters
 * extension that we register on it: GnuTLS frees it with the session, and the
 * program's own gnutls_session_set_ptr() stays free.
 */
#ifndef _LIBQUIC_TLS_GNUTLS_H
#define _LIBQUIC_TLS_GNUTLS_H

#include <gnutls/gnutls.h>

#include "tls.h"

struct lq_gnutls {
	struct quic_session session;
	bool is_server;			/* the handshake under way */
	bool ticket_sent;
	bool verified;			/* the peer's certificate was checked */
	unsigned int nonfatal;
	unsigned char *hello;		/* server: the ClientHello, until answered */
	size_t hello_len;
};

static inline struct lq_gnutls *lq_gnutls(struct quic_session *s)
{
	return (struct lq_gnutls *)s;
}

/* Callbacks of the session while it shakes hands */
void lq_gnutls_set_hooks(gnutls_session_t tls, bool is_server);
int lq_gnutls_params_recv(gnutls_session_t tls, const unsigned char *data, size_t len);
int lq_gnutls_params_send(gnutls_session_t tls, gnutls_buffer_t to);
int lq_gnutls_on_psk(gnutls_session_t tls, const gnutls_datum_t *name, gnutls_datum_t *key);
int lq_gnutls_verify_client(gnutls_session_t tls);

#endif /* _LIBQUIC_TLS_GNUTLS_H */

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The seam between a QUIC handshake and a TLS library.  The build chooses one side:
 *
 *	tls_gnutls*.c	libquic, where a session is a gnutls_session_t
 *	tls_openssl*.c	libquic-openssl, where it is an SSL *
 *
 * lq_tls_*() is what such a side has to offer, lq_handshake_*() is what it calls
 * while a handshake is under way; without one these do nothing.  Levels are
 * QUIC_CRYPTO_*, errors negative errnos.
 */
#ifndef _LIBQUIC_TLS_H
#define _LIBQUIC_TLS_H

#include "internal.h"

/* The record of a session, made if there is none; NULL: no memory */
struct quic_session *lq_session(void *tls);

int lq_tls_socket(void *tls);		/* negative: none */

/* HMAC of SHA-256; @mac may be @key. */
int lq_tls_hmac(const void *key, size_t key_len, const void *data, size_t len,
		unsigned char mac[LQ_HMAC_SIZE]);

/* Making sessions: each call that fails for another reason than memory logs it. */
int lq_tls_new(int sd, bool is_server, bool early_data, const struct quic_credentials *c,
	       void **tls);
void lq_tls_free(void *tls);
/* @cipher: TLS_CIPHER_*, of use without @priority; 0: any */
int lq_tls_set_priority(struct quic_session *s, const char *priority, uint32_t cipher);
int lq_tls_set_server_name(struct quic_session *s, const char *name, size_t len);
/* Server: tickets; the key has QUIC_TICKET_KEY_SIZE bytes. */
void lq_tls_set_ticket_key(struct quic_session *s, const unsigned char *key);
int lq_tls_set_keylog(struct quic_session *s);
void lq_tls_require_certificate(struct quic_session *s);	/* server */
int lq_tls_set_alpn(struct quic_session *s, const struct lq_data *names, unsigned int count);

/* What was agreed on */
bool lq_tls_alpn(struct quic_session *s, struct lq_data *name);	/* false: none */
bool lq_tls_is_resumed(struct quic_session *s);		/* by a ticket */
bool lq_tls_early_data(struct quic_session *s);		/* accepted */

/* Client: tickets and the state to resume from */
int lq_tls_ticket(struct quic_session *s, const void *ticket, size_t len);
int lq_tls_export(struct quic_session *s, struct lq_data *state);	/* -EAGAIN: no ticket */
void lq_tls_export_free(struct lq_data *state);
int lq_tls_import(struct quic_session *s, const void *state, size_t len);

/* Credentials.  *why is the library's explanation. */
enum lq_pair_fault { PAIR_OK, PAIR_MEMORY, PAIR_MISMATCH, PAIR_CERTIFICATE, PAIR_ENCRYPTED, PAIR_KEY };

int lq_tls_credentials_new(struct quic_credentials *c);	/* before the files are known */
void lq_tls_credentials_free(struct quic_credentials *c);
enum lq_pair_fault lq_tls_load_pair(struct quic_credentials *c, const struct lq_data *cert,
				    const struct lq_data *key, const char **why);
bool lq_tls_trust_system(struct quic_credentials *c);	/* false: nobody */
int lq_tls_trust(struct quic_credentials *c, const struct lq_data *ca, const char **why);
int lq_tls_load_psk(struct quic_credentials *c);		/* those of c->psks */

/* The handshake; those that return an error say why in lq_handshake_failure(). */
int lq_tls_begin(struct quic_session *s, bool is_server);
int lq_tls_receive(struct quic_session *s, int level, const void *data, size_t len);
/* 0: done, tickets are sent; -EAGAIN: it needs input */
int lq_tls_run(struct quic_session *s);
void lq_tls_end(struct quic_session *s);
/* Is the peer the one that was wanted?  What the library has not checked itself. */
int lq_tls_verify(struct quic_session *s, bool is_server, struct lq_failure *failure);
/* Server: the names that the client offered, for a message; "": none */
void lq_tls_offered_alpns(struct quic_session *s, char *text, size_t size);

struct lq_failure *lq_handshake_failure(struct quic_session *s);	/* NULL: no handshake */
int lq_handshake_message(struct quic_session *s, uint8_t level, const void *data, size_t len);
int lq_handshake_secret(struct quic_session *s, const struct quic_crypto_secret *secret);
int lq_handshake_params_received(struct quic_session *s, const void *data, size_t len);
ssize_t lq_handshake_params(struct quic_session *s, void *data, size_t size);
void lq_handshake_alert(struct quic_session *s, int alert);
/* Before the first message that answers the peer's: may it go out? */
int lq_handshake_check_peer(struct quic_session *s);
bool lq_handshake_peer_checked(const struct quic_session *s);

#endif /* _LIBQUIC_TLS_H */

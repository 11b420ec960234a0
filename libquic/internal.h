/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of libquic share.
 *
 *   log          messages, level, callback
 *   stream       quic_sendmsg(), quic_recvmsg()
 *   session      struct quic_session: what we know of a gnutls_session_t
 *   handshake    TLS messages, secrets and parameters between GnuTLS and kernel
 *   verify       is this the peer that we wanted?
 *   credentials  key, certificate and PSK files
 *   endpoint     sessions and handshakes from parameters
 *   replay       a server accepts 0-RTT of a ClientHello once
 *
 * A struct quic_session hangs on the TLS session as the private data of our
 * extension, so it is freed by gnutls_deinit().  No global state but the log and
 * the list of replay.
 */
#ifndef _LIBQUIC_INTERNAL_H
#define _LIBQUIC_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <netinet/quic.h>

#define QUIC_TLS_EXT_TRANSPORT_PARAMS	0x39	/* RFC 9001 §8.2 */
#define QUIC_TRANSPORT_PARAMS_MAX	256
#define QUIC_TICKET_KEY_SIZE		64
#define QUIC_TICKET_MAX			4096
#define QUIC_ALPN_MAX			256
#define QUIC_REASON_SIZE		512

#define QUIC_ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* log */
void lq_log(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Copies text of a peer or a file, other than printable ASCII as '?'. */
void lq_printable(char *to, size_t size, const void *from, size_t len);

/* Why a handshake fails: the first reason given is kept. */
struct lq_failure {
	int err;			/* negative errno, 0: none */
	int alert;			/* GNUTLS_A_*, -1: none to send */
	bool closed;			/* the kernel has closed already */
	char text[QUIC_REASON_SIZE];
};

void lq_fail(struct lq_failure *failure, int err, int alert, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* session */
struct quic_session {
	gnutls_session_t tls;
	struct quic_handshake_ctx *handshake;	/* while there is one */
	struct quic_credentials *credentials;	/* of quic_*_session_new() */
	char *alpns;			/* as set, NULL: none */
	char *hostname;			/* NULL: not checked */
	char *keylogfile;
	unsigned int timeout_ms;
	bool verify_off;
	bool verified;			/* the peer's certificate was checked */
	bool psk_only;			/* a peer with a certificate is refused */
	bool ticket_read;
	bool remembers;			/* client: the kernel is to be told of: */
	struct quic_transport_param remembered;	/* the server's, of an earlier connection */
	char psk_asked[64];		/* server: identity that a key was given for */
};

struct quic_session *lq_session(gnutls_session_t tls);	/* NULL: no memory */
int lq_errno(int gnutls_error);

int lq_session_remember(struct quic_session *s);	/* tells the kernel; -EINVAL: not connected */

/* replay */
void lq_replay_protect(gnutls_session_t tls);

/* handshake: called by GnuTLS while one is under way */
int lq_params_recv(gnutls_session_t tls, const unsigned char *data, size_t len);
int lq_params_send(gnutls_session_t tls, gnutls_buffer_t to);

struct lq_failure *lq_handshake_failure(gnutls_session_t tls);	/* NULL: no handshake */
int lq_verify_client(gnutls_session_t tls);	/* a gnutls_certificate_verify_function */

/* verify */
int lq_verify_peer(struct quic_session *s, bool is_server, struct lq_failure *failure);
bool lq_is_address(const char *host);

/* credentials */
struct lq_psk {
	char *identity;
	unsigned char *key;
	unsigned int key_len;
};

struct quic_credentials {
	unsigned int refs;
	bool is_server;
	bool verify_clients;
	gnutls_certificate_credentials_t x509;
	gnutls_psk_client_credentials_t psk_client;
	gnutls_psk_server_credentials_t psk_server;
	struct lq_psk *psks;		/* server */
	size_t psk_count;
};

int lq_credentials_new(const struct quic_handshake_params *p, bool is_server,
		       struct quic_credentials **credentials);
struct quic_credentials *lq_credentials_get(struct quic_credentials *credentials);

/* psk file */
int lq_psk_read(const char *path, struct lq_psk **psks, size_t *count);
void lq_psk_free(struct lq_psk *psks, size_t count);
int lq_file_read(const char *path, const char *what, gnutls_datum_t *to);
void lq_file_free(gnutls_datum_t *data);

#endif /* _LIBQUIC_INTERNAL_H */

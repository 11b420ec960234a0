/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of libquic share.
 *
 *   log          messages, level, callback
 *   alert        TLS alerts: names, and what one of the peer says
 *   stream       quic_sendmsg(), quic_recvmsg()
 *   session      struct quic_session: what we know of a session of the TLS library
 *   handshake    TLS messages, secrets and parameters between TLS and kernel
 *   flight       the kernel's side of that
 *   verify       why a peer is not the one that we wanted, in words
 *   credentials  key, certificate and PSK files
 *   endpoint     sessions and handshakes from parameters
 *   replay       a server accepts 0-RTT of a ClientHello once
 *   file         files with keys
 *   tls.h        the seam: tls_gnutls*.c or tls_openssl*.c is linked
 *
 * A struct quic_session hangs on the TLS session and is freed with it.  No global
 * state but the log and the list of replay.
 */
#ifndef _LIBQUIC_INTERNAL_H
#define _LIBQUIC_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include <netinet/quic.h>

#define QUIC_TRANSPORT_PARAMS_MAX	256
#define QUIC_TICKET_KEY_SIZE		64
#define QUIC_TICKET_MAX			4096
#define QUIC_ALPN_MAX			256
#define QUIC_ALPN_COUNT_MAX		8	/* GnuTLS takes no more */
#define QUIC_REASON_SIZE		512

#define QUIC_ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Bytes: a file, a name, the state of a session */
struct lq_data {
	unsigned char *data;
	unsigned int size;
};

/* log */
void lq_log(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Copies text of a peer or a file, other than printable ASCII as '?'. */
void lq_printable(char *to, size_t size, const void *from, size_t len);
/* Appends a line of the NSS key log format (with its newline) to the file. */
void lq_keylog_write(const char *path, const char *line);

/* alert: those of RFC 8446 §6 that we send or understand */
enum lq_alert {
	LQ_ALERT_NONE			= -1,
	LQ_ALERT_UNEXPECTED_MESSAGE	= 10,
	LQ_ALERT_HANDSHAKE_FAILURE	= 40,
	LQ_ALERT_BAD_CERTIFICATE	= 42,
	LQ_ALERT_UNSUPPORTED_CERTIFICATE = 43,
	LQ_ALERT_CERTIFICATE_REVOKED	= 44,
	LQ_ALERT_CERTIFICATE_EXPIRED	= 45,
	LQ_ALERT_CERTIFICATE_UNKNOWN	= 46,
	LQ_ALERT_ILLEGAL_PARAMETER	= 47,
	LQ_ALERT_UNKNOWN_CA		= 48,
	LQ_ALERT_ACCESS_DENIED		= 49,
	LQ_ALERT_DECRYPT_ERROR		= 51,
	LQ_ALERT_PROTOCOL_VERSION	= 70,
	LQ_ALERT_INSUFFICIENT_SECURITY	= 71,
	LQ_ALERT_INTERNAL_ERROR		= 80,
	LQ_ALERT_MISSING_EXTENSION	= 109,
	LQ_ALERT_UNRECOGNIZED_NAME	= 112,
	LQ_ALERT_UNKNOWN_PSK_IDENTITY	= 115,
	LQ_ALERT_CERTIFICATE_REQUIRED	= 116,
	LQ_ALERT_NO_APPLICATION_PROTOCOL = 120,
};

const char *lq_alert_name(int alert);
int lq_alert_errno(int alert);		/* what an alert of the peer says about us */

/* Why a handshake fails: the first reason given is kept. */
struct lq_failure {
	int err;			/* negative errno, 0: none */
	int alert;			/* enum lq_alert, or another of TLS */
	bool closed;			/* the kernel has closed already */
	char text[QUIC_REASON_SIZE];
};

void lq_fail(struct lq_failure *failure, int err, int alert, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* session */
#define LQ_HMAC_SIZE	32	/* SHA-256 */

struct quic_session {
	void *tls;			/* gnutls_session_t, SSL * */
	struct quic_handshake_ctx *handshake;	/* while there is one */
	struct quic_credentials *credentials;	/* of quic_*_session_new() */
	char *alpns;			/* as set, NULL: none */
	char *hostname;			/* NULL: not checked */
	char *keylogfile;
	unsigned int timeout_ms;
	bool verify_off;
	bool psk_only;			/* a peer with a certificate is refused */
	bool ticket_read;
	bool remembers;			/* client: the kernel is to be told of: */
	struct quic_transport_param remembered;	/* the server's, of an earlier connection */
	bool resumes;			/* client: session data was set, of a server checked as */
	unsigned char check[LQ_HMAC_SIZE];	/* this says, see session.c */
	char psk_asked[64];		/* server: identity that a key was given for */
};

void lq_session_init(struct quic_session *s, void *tls);
void lq_session_clear(struct quic_session *s);
int lq_session_remember(struct quic_session *s);	/* tells the kernel; -EINVAL: not connected */
/* 0, or -EINVAL: the session data would stand for a check that it did not come by */
int lq_session_still_checked(struct quic_session *s);

/* replay: 0, -EEXIST, -ENOSPC or -ENOMEM; of the id, LQ_REPLAY_ID bytes are looked at */
#define LQ_REPLAY_ID		16
#define LQ_REPLAY_WINDOW	3600	/* seconds that a ClientHello is remembered */

int lq_replay_add(const void *id, time_t expires);

/* verify */
enum lq_fault {
	LQ_FAULT_ABSENT,		/* no certificate */
	LQ_FAULT_ISSUER,
	LQ_FAULT_EXPIRED,
	LQ_FAULT_NOT_YET,
	LQ_FAULT_NAME,
	LQ_FAULT_REVOKED,
	LQ_FAULT_OTHER,
};

#define LQ_NAMES_SIZE	200

struct lq_verdict {
	enum lq_fault fault;
	char subject[160], issuer[160];
	char names[LQ_NAMES_SIZE];	/* that it is for, see lq_verdict_name() */
	time_t from, until;		/* -1: unknown */
	char text[160];			/* the TLS library's word for it */
};

void lq_verdict_name(struct lq_verdict *v, const char *name);
void lq_verdict_address(struct lq_verdict *v, const void *address, size_t len);
int lq_verdict_fail(const struct lq_verdict *v, bool is_server, const char *host,
		    struct lq_failure *failure);
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
	bool x509;			/* certificates are in use */
	struct lq_psk *psks;		/* a client uses the first */
	size_t psk_count;
	unsigned char binding[LQ_HMAC_SIZE];	/* of all that, see lq_credentials_bind() */
	void *tls;			/* the TLS library's form of it all */
};

int lq_credentials_new(const struct quic_handshake_params *p, bool is_server,
		       struct quic_credentials **credentials);
struct quic_credentials *lq_credentials_get(struct quic_credentials *credentials);
/* Makes the kernel's ticket key one of these credentials alone. */
int lq_credentials_bind(const struct quic_credentials *c,
			unsigned char key[QUIC_TICKET_KEY_SIZE]);
const struct lq_psk *lq_credentials_psk(const struct quic_credentials *c, const void *identity,
					size_t len);

/* file */
int lq_psk_read(const char *path, struct lq_psk **psks, size_t *count);
void lq_psk_free(struct lq_psk *psks, size_t count);
int lq_file_read(const char *path, const char *what, struct lq_data *to);
void lq_file_free(struct lq_data *data);

#endif /* _LIBQUIC_INTERNAL_H */

/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libquic: the TLS handshake and the stream calls of QUIC sockets.
 *
 * The kernel carries packets, streams and keys; this library speaks TLS 1.3
 * with GnuTLS (libquic) or OpenSSL (libquic-openssl, LIBQUIC_OPENSSL defined)
 * through the socket and hands the secrets to the kernel.
 *
 * Unless stated otherwise a function returns 0 or a negative errno, and a
 * failure logs one message (see quic_set_log_level()).  Errors, units and
 * ranges are described in libquic(3).
 */
#ifndef _NETINET_QUIC_H
#define _NETINET_QUIC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/socket.h>
#include <linux/quic.h>
#ifdef LIBQUIC_OPENSSL		/* as libquic-openssl.pc says */
#include <openssl/ssl.h>
#else
#include <gnutls/gnutls.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* For gnutls_priority_set_direct(), SSL_set_ciphersuites(): what QUIC allows of
 * TLS (RFC 9001 §4.2, §5.3, §8.4).
 */
#ifdef LIBQUIC_OPENSSL
#define QUIC_PRIORITY \
	"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:" \
	"TLS_AES_128_CCM_SHA256"
#else
#define QUIC_PRIORITY \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:" \
	"-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-CCM:" \
	"-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-SECP521R1:" \
	"+ECDHE-PSK:+DHE-PSK:%DISABLE_TLS13_COMPAT_MODE"
#endif

#define QUIC_HANDSHAKE_TIMEOUT_MS	15000	/* default, whole handshake */

/* Stream data.  Both return a byte count, or -1 with errno. */

/* @sid: stream, or -1 for the active one; @flags: MSG_QUIC_* and MSG_* */
ssize_t quic_sendmsg(int sd, const void *msg, size_t len, int64_t sid, uint32_t flags);

/* @sid and @flags may be NULL; without a stream (events, datagrams) *sid is
 * set to -1.  *flags: in MSG_*, out MSG_* and MSG_QUIC_*.
 */
ssize_t quic_recvmsg(int sd, void *msg, size_t len, int64_t *sid, uint32_t *flags);

/* Handshake in one call, on a connected or accepted socket. */

/* @pkey_file: pre-shared keys, or NULL for certificates; @hostname: the
 * server's name, or NULL to check the certificate's chain and dates alone;
 * @alpns: "h3,hq", or NULL.
 */
int quic_client_handshake(int sd, const char *pkey_file, const char *hostname,
			  const char *alpns);

/* @pkey_file: private key, or the pre-shared keys when @cert_file is NULL */
int quic_server_handshake(int sd, const char *pkey_file, const char *cert_file,
			  const char *alpns);

struct quic_credentials;

/* Zero the structure, set size to its sizeof, then what is needed. */
struct quic_handshake_params {
	size_t size;
	const char *hostname;		/* client: the server's name */
	const char *alpns;		/* "h3,hq" */
	const char *cafile;		/* PEM; client: instead of the system's;
					 * server: client certificates required
					 */
	const char *certfile;		/* PEM, own certificate first */
	const char *keyfile;		/* PEM */
	const char *pskfile;		/* lines of identity:hexkey */
	const char *psk_identity;	/* client: which line; NULL: the first */
	const char *keylogfile;		/* appended to, instead of SSLKEYLOGFILE */
	const char *priority;		/* the TLS library's; NULL: QUIC_PRIORITY */
	int insecure;			/* do not verify the peer's certificate */
	unsigned int timeout_ms;	/* 0: QUIC_HANDSHAKE_TIMEOUT_MS */
	const void *session_data;	/* client: resume, quic_session_get_data() */
	size_t session_data_len;
	struct quic_credentials *credentials;	/* instead of the files above */
	int early_data;			/* 0-RTT: client: send, if session_data allows it;
					 * server: accept, but never twice
					 */
};

int quic_client_handshake_params(int sd, const struct quic_handshake_params *params);
int quic_server_handshake_params(int sd, const struct quic_handshake_params *params);

/* Files read once for many handshakes; may be used by several threads. */
int quic_client_credentials_new(const struct quic_handshake_params *params,
				struct quic_credentials **credentials);
int quic_server_credentials_new(const struct quic_handshake_params *params,
				struct quic_credentials **credentials);
void quic_credentials_free(struct quic_credentials *credentials);

/* Sessions.  A session is a gnutls_session_t, made by the program with gnutls_init()
 * and gnutls_transport_set_int(); or an SSL *, by SSL_new() and SSL_set_fd(); or it
 * is made here from parameters.
 */
int quic_client_session_new(int sd, const struct quic_handshake_params *params,
			    void **session);
int quic_server_session_new(int sd, const struct quic_handshake_params *params,
			    void **session);
void quic_session_free(void *session);	/* only those of quic_*_session_new() */

/* Does the whole handshake, waiting with poll() whether or not the socket is
 * non-blocking.
 */
int quic_handshake(void *session);

/* The same for a program with an event loop. */
struct quic_handshake_ctx;

int quic_handshake_init(void *session, struct quic_handshake_ctx **ctx);

/* 0: established.  -EAGAIN: call again when poll() shows one of *events, or
 * after *timeout_ms milliseconds.  Else failed.
 */
int quic_handshake_step(struct quic_handshake_ctx *ctx, short *events, int *timeout_ms);
void quic_handshake_deinit(struct quic_handshake_ctx *ctx);

/* "h3,hq": what to offer or accept, in order of preference; before the
 * handshake.  After it, the one chosen ("" if none); *len: size in, length out.
 */
int quic_session_set_alpn(void *session, const void *alpns, size_t len);
int quic_session_get_alpn(void *session, void *alpn, size_t *len);

/* Client, after the handshake: what resumes this session, with the server's
 * transport parameters, which 0-RTT needs.  -EAGAIN as long as
 * the server's ticket has not come; -EMSGSIZE with *len set if *len (4096
 * suffices but for long certificate chains) is too small.
 */
int quic_session_get_data(void *session, void *data, size_t *len);
/* Client, after connect() and before the handshake: resume.  Streams may be
 * written to from then on.
 */
int quic_session_set_data(void *session, const void *data, size_t len);

/* After the handshake: 1 if a ticket was used, and if 0-RTT was accepted; else 0. */
int quic_session_is_resumed(void *session);
int quic_session_early_data(void *session);

/* A client's handshake verifies the server's certificate even if the session
 * was made by the program, which may do otherwise with QUIC_VERIFY_NONE.
 */
#define QUIC_VERIFY_NONE	0	/* the program verifies, or nobody */
#define QUIC_VERIFY_PEER	1	/* default: chain, dates, and @hostname */

int quic_session_set_verify(void *session, int mode, const char *hostname);
int quic_session_set_timeout(void *session, unsigned int timeout_ms);

/* Logging: levels are those of syslog.h. */
#define QUIC_LOG_NONE		0
#define QUIC_LOG_ERROR		3	/* default: why a handshake failed */
#define QUIC_LOG_WARNING	4
#define QUIC_LOG_INFO		6
#define QUIC_LOG_DEBUG		7	/* never secrets */

typedef void (*quic_log_func)(int level, const char *message, void *arg);

void quic_set_log_level(int level);
/* NULL: to stderr.  The message has no newline. */
void quic_set_log_func(quic_log_func func, void *arg);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* _NETINET_QUIC_H */

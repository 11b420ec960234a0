// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A handshake by OpenSSL's TLS for QUIC stacks, SSL_set_quic_tls_cbs(3).
 *
 *	lq_tls_receive(), lq_tls_run() -> SSL_do_handshake()
 *		-> on_read(), on_release(): CRYPTO bytes that came
 *		-> on_message(), on_secret(), on_params(), on_alert()
 *
 * OpenSSL does not say of which level CRYPTO bytes are: of the last secret for
 * that direction.  A callback that finds fault notes the reason and fails.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/tls.h>
#include <openssl/core_dispatch.h>

#include "tls_openssl.h"

static uint32_t cipher_type(const SSL_CIPHER *cipher)
{
	switch (cipher ? SSL_CIPHER_get_id(cipher) : 0) {
	case TLS1_3_CK_AES_128_GCM_SHA256:
		return TLS_CIPHER_AES_GCM_128;
	case TLS1_3_CK_AES_256_GCM_SHA384:
		return TLS_CIPHER_AES_GCM_256;
	case TLS1_3_CK_AES_128_CCM_SHA256:
		return TLS_CIPHER_AES_CCM_128;
	case TLS1_3_CK_CHACHA20_POLY1305_SHA256:
		return TLS_CIPHER_CHACHA20_POLY1305;
	default:
		return 0;
	}
}

/* ALPN (RFC 7301) */

static void list_offered(struct lq_openssl *o, const unsigned char *in, unsigned int len)
{
	unsigned int pos = 0, n;
	size_t at = 0;

	o->offered[0] = '\0';
	while (pos < len && at + 2 < sizeof(o->offered)) {
		n = in[pos++];
		if (n > len - pos)
			break;
		if (at)
			o->offered[at++] = ',';
		lq_printable(o->offered + at, sizeof(o->offered) - at, in + pos, n);
		at = strlen(o->offered);
		pos += n;
	}
}

/* In the server's order; nothing in common is for lq_handshake_check_peer() to refuse. */
int lq_openssl_on_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *in, unsigned int in_len, void *arg)
{
	struct quic_session *s = lq_session(ssl);
	struct lq_openssl *o;

	(void)arg;
	if (!s || !lq_openssl(s)->alpn_len)
		return SSL_TLSEXT_ERR_NOACK;
	o = lq_openssl(s);
	list_offered(o, in, in_len);
	return SSL_select_next_proto((unsigned char **)out, out_len, o->alpn, o->alpn_len, in,
				     in_len) == OPENSSL_NPN_NEGOTIATED ?
	       SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

void lq_tls_offered_alpns(struct quic_session *s, char *text, size_t size)
{
	lq_printable(text, size, lq_openssl(s)->offered, strlen(lq_openssl(s)->offered));
}

/* Callbacks of the handshake: 1, or 0 for an error */

/* A client must know its server before it says anything under handshake keys. */
static int on_message(SSL *ssl, const unsigned char *data, size_t len, size_t *consumed, void *arg)
{
	struct lq_openssl *o = arg;
	struct quic_session *s = &o->session;

	(void)ssl;
	*consumed = len;
	if (!o->is_server && o->write_level == QUIC_CRYPTO_HANDSHAKE && lq_handshake_check_peer(s))
		return 0;
	lq_log(QUIC_LOG_DEBUG, "send TLS messages, %zu bytes", len);
	return !lq_handshake_message(s, o->write_level, data, len);
}

static int on_read(SSL *ssl, const unsigned char **data, size_t *len, void *arg)
{
	struct lq_openssl *o = arg;

	(void)ssl;
	*data = o->in_given ? NULL : o->in;
	*len = o->in_given ? 0 : o->in_len;
	o->in_given = o->in;
	return 1;
}

static void drop_input(struct lq_openssl *o)
{
	if (o->in)
		explicit_bzero(o->in, o->in_len);
	free(o->in);
	o->in = NULL;
	o->in_len = 0;
	o->in_given = false;
}

static int on_release(SSL *ssl, size_t len, void *arg)
{
	struct lq_openssl *o = arg;

	(void)ssl;
	if (!o->in_given || len != o->in_len)
		return 0;
	drop_input(o);
	return 1;
}

/* CRYPTO bytes are never of the level EARLY: RFC 9001 §8.3 does without EndOfEarlyData. */
static void move_level(struct lq_openssl *o, uint8_t level, bool send)
{
	if (level == QUIC_CRYPTO_EARLY)
		return;
	if (send)
		o->write_level = level;
	else
		o->read_level = level;
	if (!send && level == QUIC_CRYPTO_APP)
		o->done_reading = true;
}

static const SSL_CIPHER *cipher_of(SSL *ssl, uint8_t level)
{
	const SSL_CIPHER *pending = SSL_get_pending_cipher(ssl);

	if (level == QUIC_CRYPTO_EARLY)
		return SSL_SESSION_get0_cipher(SSL_get0_session(ssl));
	return pending ? pending : SSL_get_current_cipher(ssl);
}

static int add_secret(SSL *ssl, struct lq_openssl *o, uint8_t level, bool send,
		      const unsigned char *data, size_t len)
{
	struct quic_crypto_secret secret = {
		.send = send,
		.level = level,
		.type = cipher_type(cipher_of(ssl, level)),
	};
	int err;

	if (!secret.type || len > sizeof(secret.secret)) {
		lq_fail(lq_handshake_failure(&o->session), -EPROTO, LQ_ALERT_INTERNAL_ERROR,
			"cipher %s is not one of QUIC's",
			SSL_CIPHER_get_name(cipher_of(ssl, level)));
		return 0;
	}
	memcpy(secret.secret, data, len);
	err = lq_handshake_secret(&o->session, &secret);
	explicit_bzero(&secret, sizeof(secret));
	return !err;
}

/*
 * A server's first handshake secret comes with the ServerHello, which has not left
 * yet: is the ClientHello acceptable?  (A HelloRetryRequest comes with none.)
 */
static int on_secret(SSL *ssl, uint32_t protection, int direction, const unsigned char *data,
		     size_t len, void *arg)
{
	static const uint8_t levels[] = {
		[OSSL_RECORD_PROTECTION_LEVEL_NONE]		= QUIC_CRYPTO_INITIAL,
		[OSSL_RECORD_PROTECTION_LEVEL_EARLY]		= QUIC_CRYPTO_EARLY,
		[OSSL_RECORD_PROTECTION_LEVEL_HANDSHAKE]	= QUIC_CRYPTO_HANDSHAKE,
		[OSSL_RECORD_PROTECTION_LEVEL_APPLICATION]	= QUIC_CRYPTO_APP,
	};
	struct lq_openssl *o = arg;
	struct quic_session *s = &o->session;
	uint8_t level;

	if (protection >= QUIC_ARRAY_SIZE(levels) || !s->handshake)
		return 0;
	level = levels[protection];
	move_level(o, level, direction);
	if (o->is_server && level == QUIC_CRYPTO_HANDSHAKE && lq_handshake_check_peer(s))
		return 0;
	return add_secret(ssl, o, level, direction, data, len);
}

static int set_params(struct lq_openssl *o)
{
	ssize_t len = lq_handshake_params(&o->session, o->params, sizeof(o->params));

	return len >= 0 && SSL_set_quic_tls_transport_params(o->session.tls, o->params,
							     (size_t)len);
}

static int on_params(SSL *ssl, const unsigned char *data, size_t len, void *arg)
{
	struct lq_openssl *o = arg;

	(void)ssl;
	if (!o->session.handshake)
		return 0;
	if (lq_handshake_params_received(&o->session, data, len))
		return 0;
	/* A server's answer depends on the client's. */
	return o->is_server ? set_params(o) : 1;
}

static int on_alert(SSL *ssl, unsigned char alert, void *arg)
{
	struct lq_openssl *o = arg;

	(void)ssl;
	if (alert != SSL_AD_CLOSE_NOTIFY)
		lq_handshake_alert(&o->session, alert);
	return 1;
}

static const OSSL_DISPATCH callbacks[] = {
	{ OSSL_FUNC_SSL_QUIC_TLS_CRYPTO_SEND, (void (*)(void))on_message },
	{ OSSL_FUNC_SSL_QUIC_TLS_CRYPTO_RECV_RCD, (void (*)(void))on_read },
	{ OSSL_FUNC_SSL_QUIC_TLS_CRYPTO_RELEASE_RCD, (void (*)(void))on_release },
	{ OSSL_FUNC_SSL_QUIC_TLS_YIELD_SECRET, (void (*)(void))on_secret },
	{ OSSL_FUNC_SSL_QUIC_TLS_GOT_TRANSPORT_PARAMS, (void (*)(void))on_params },
	{ OSSL_FUNC_SSL_QUIC_TLS_ALERT, (void (*)(void))on_alert },
	{ 0, NULL }
};

/* The steps */

/*
 * A client verifies its server even if the program's SSL would not; a verifier of
 * the program's own stays, and OpenSSL's gets our words.
 */
static int set_verifier(struct quic_session *s, bool is_server)
{
	SSL_verify_cb verifier = SSL_get_verify_callback(s->tls);
	int mode = SSL_get_verify_mode(s->tls);

	if (!is_server && !s->verify_off && !s->psk_only)
		mode |= SSL_VERIFY_PEER;
	if (mode & SSL_VERIFY_PEER)
		SSL_set_verify(s->tls, mode, verifier ? verifier : lq_openssl_on_verify);
	return !is_server && s->hostname ? lq_openssl_expect_host(s->tls, s->hostname) : 0;
}

/* OpenSSL fails where early data's session is of another name or protocol. */
static bool early_data_fits(struct lq_openssl *o, const SSL_SESSION *session)
{
	const char *host = SSL_SESSION_get0_hostname(session);
	const char *ours = SSL_get_servername(o->session.tls, TLSEXT_NAMETYPE_host_name);
	const unsigned char *alpn;
	unsigned int pos;
	size_t len;

	if (!SSL_SESSION_get_max_early_data(session) ||
	    (host && (!ours || strcmp(host, ours))))
		return false;
	SSL_SESSION_get0_alpn_selected(session, &alpn, &len);
	for (pos = 0; len && pos < o->alpn_len; pos += 1U + o->alpn[pos])
		if (o->alpn[pos] == len && !memcmp(o->alpn + pos + 1, alpn, len))
			return true;
	return !len;
}

/* RFC 9001 §4.6.1: the size is QUIC's business; not 0 is a wish for 0-RTT. */
static bool wants_early_data(struct lq_openssl *o)
{
	SSL *ssl = o->session.tls;
	SSL_SESSION *session = SSL_get0_session(ssl);

	if (!SSL_get_max_early_data(ssl))
		return false;
	return o->is_server || (session && early_data_fits(o, session));
}

static int hook(struct lq_openssl *o)
{
	SSL *ssl = o->session.tls;
	int err;

	if (o->is_server)
		SSL_set_accept_state(ssl);
	else
		SSL_set_connect_state(ssl);
	err = set_verifier(&o->session, o->is_server);
	if (err)
		return err;
	/* Credentials of ours have it. */
	if (o->is_server && o->alpn_len && !o->session.credentials)
		SSL_CTX_set_alpn_select_cb(SSL_get_SSL_CTX(ssl), lq_openssl_on_alpn, NULL);
	o->sd = SSL_get_fd(ssl);
	if (!SSL_set_quic_tls_cbs(ssl, callbacks, o) ||
	    !SSL_set_quic_tls_early_data_enabled(ssl, wants_early_data(o)))
		return -ENOMEM;
	o->hooked = true;
	return 0;
}

int lq_tls_begin(struct quic_session *s, bool is_server)
{
	struct lq_openssl *o = lq_openssl(s);
	int newest = SSL_get_max_proto_version(s->tls), err;

	o->is_server = is_server;
	o->read_level = o->write_level = QUIC_CRYPTO_INITIAL;
	if (newest && newest < TLS1_3_VERSION) {
		/* RFC 9001 §4.2 */
		lq_fail(lq_handshake_failure(s), -EINVAL, LQ_ALERT_PROTOCOL_VERSION,
			"the session offers a TLS version older than 1.3, which QUIC forbids");
		return 0;
	}
	err = o->hooked ? -EBUSY : hook(o);
	if (!err && !is_server && !set_params(o))
		err = lq_handshake_failure(s)->err ? lq_handshake_failure(s)->err : -ENOMEM;
	ERR_clear_error();
	return err;
}

void lq_tls_end(struct quic_session *s)
{
	drop_input(lq_openssl(s));
}

/* What OpenSSL's first reason means for us; others are just broken TLS. */
static int tls_failed(struct quic_session *s)
{
	struct lq_failure *failure = lq_handshake_failure(s);
	unsigned long error = ERR_peek_error();
	const char *why = ERR_reason_error_string(error);
	int alert = failure->alert < 0 ? LQ_ALERT_INTERNAL_ERROR : failure->alert;

	why = why ? why : "unknown error";
	switch (ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0) {
	case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
		lq_fail(failure, -EKEYREJECTED, LQ_ALERT_CERTIFICATE_REQUIRED,
			"the client sent no certificate");
		break;
	case SSL_R_CERTIFICATE_VERIFY_FAILED:
		lq_fail(failure, -EKEYREJECTED, alert,
			"the peer's certificate is refused by the session: %s",
			X509_verify_cert_error_string(SSL_get_verify_result(s->tls)));
		break;
	case SSL_R_UNSUPPORTED_PROTOCOL:
		lq_fail(failure, -ECONNREFUSED, LQ_ALERT_PROTOCOL_VERSION,
			"the %s speaks no TLS 1.3", lq_openssl(s)->is_server ? "client" : "server");
		break;
	case SSL_R_BINDER_DOES_NOT_VERIFY:
		if (*s->psk_asked)
			lq_fail(failure, -EKEYREJECTED, LQ_ALERT_DECRYPT_ERROR,
				"the client has another key than we for the PSK identity '%s'",
				s->psk_asked);
		break;
	case SSL_R_NO_CERTIFICATE_SET:
	case SSL_R_NO_SHARED_CIPHER:
	case SSL_R_NO_SHARED_GROUPS:
	case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
	case SSL_R_NO_SUITABLE_GROUPS:
	case SSL_R_NO_SUITABLE_KEY_SHARE:
	case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
		if (*lq_openssl(s)->psk_unknown)
			lq_fail(failure, -EKEYREJECTED, LQ_ALERT_UNKNOWN_PSK_IDENTITY,
				"no key for the client's PSK identity '%s'",
				lq_openssl(s)->psk_unknown);
		lq_fail(failure, -ECONNREFUSED, alert,
			"no cipher, group or kind of key (certificate, PSK) in common: %s", why);
		break;
	}
	lq_fail(failure, ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE ? -ENOMEM : -EPROTO, alert,
		"TLS: %s", why);
	return failure->err;
}

/* 0: done.  With 0-RTT a server's SSL is done before it has the client's Finished. */
static int advance(struct lq_openssl *o)
{
	struct lq_failure *failure = lq_handshake_failure(&o->session);
	SSL *ssl = o->session.tls;
	int ret, why;

	if (failure->err)
		return failure->err;
	ERR_clear_error();
	ret = SSL_do_handshake(ssl);
	why = SSL_get_error(ssl, ret);
	if (why == SSL_ERROR_SSL || why == SSL_ERROR_SYSCALL)
		tls_failed(&o->session);
	else if (why != SSL_ERROR_NONE && why != SSL_ERROR_WANT_READ)
		lq_fail(failure, -EOPNOTSUPP, LQ_ALERT_INTERNAL_ERROR,
			"a callback of the session's makes OpenSSL wait, which is not supported");
	ERR_clear_error();
	if (failure->err)
		return failure->err;
	return ret > 0 && o->done_reading ? 0 : -EAGAIN;
}

static int set_input(struct lq_openssl *o, const void *data, size_t len)
{
	if (o->in)
		return -EPROTO;
	o->in = malloc(len);
	if (!o->in)
		return -ENOMEM;
	memcpy(o->in, data, len);
	o->in_len = len;
	return 0;
}

int lq_tls_receive(struct quic_session *s, int level, const void *data, size_t len)
{
	struct lq_failure *failure = lq_handshake_failure(s);
	struct lq_openssl *o = lq_openssl(s);
	int err;

	/* RFC 9001 §4.1.3: data of a level that is over */
	if (level != o->read_level) {
		lq_fail(failure, -EPROTO, LQ_ALERT_UNEXPECTED_MESSAGE,
			"TLS: data of an encryption level that is over");
		return failure->err;
	}
	err = set_input(o, data, len);
	if (err) {
		lq_fail(failure, err, LQ_ALERT_INTERNAL_ERROR, "%s", strerror(-err));
		return err;
	}
	err = advance(o);
	return err == -EAGAIN ? 0 : err;
}

int lq_tls_run(struct quic_session *s)
{
	struct lq_openssl *o = lq_openssl(s);
	int err = advance(o);

	/* SSL_session_reused() is true of external keys, too. */
	if (!err)
		o->resumed = SSL_session_reused(s->tls) &&
			     (o->is_server ? !*s->psk_asked :
			      SSL_SESSION_has_ticket(SSL_get0_session(s->tls)));
	return err;
}

/* After the handshake SSL_read() is what takes messages: of no bytes, there are none. */
int lq_tls_ticket(struct quic_session *s, const void *ticket, size_t len)
{
	struct lq_openssl *o = lq_openssl(s);
	unsigned char none;
	int err, ret, why;
	size_t n;

	err = o->hooked ? set_input(o, ticket, len) : -EAGAIN;	/* EAGAIN: too early for one */
	if (err)
		return err;
	ERR_clear_error();
	ret = SSL_read_ex(s->tls, &none, 0, &n);
	why = ret ? SSL_ERROR_NONE : SSL_get_error(s->tls, ret);
	if (why != SSL_ERROR_NONE && why != SSL_ERROR_WANT_READ) {
		lq_log(QUIC_LOG_ERROR, "session ticket: %s",
		       ERR_reason_error_string(ERR_peek_error()));
		err = -EPROTO;
	}
	ERR_clear_error();
	drop_input(o);
	return err;
}

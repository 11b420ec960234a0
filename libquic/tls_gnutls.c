// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A handshake by GnuTLS: its callbacks, and what feeds and runs it.
 *
 *	lq_tls_receive() -> gnutls_handshake_write()
 *	lq_tls_run()     -> gnutls_handshake() -> on_message(), on_secret(), on_alert()
 *
 * A callback that finds fault notes the reason and makes GnuTLS stop.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/tls.h>

#include "tls_gnutls.h"

#define HELLO_MAX		16384	/* of a ClientHello kept for messages */
#define NONFATAL_MAX		32	/* results that ask for another try */

#define EXT_ALPN		16	/* RFC 7301 §3.1 */
#define EXT_SUPPORTED_VERSIONS	43	/* RFC 8446 §4.2.1 */

/* Levels: GnuTLS counts in the order of the handshake, the socket API not. */
static const uint8_t level_to_kernel[] = {
	[GNUTLS_ENCRYPTION_LEVEL_INITIAL]	= QUIC_CRYPTO_INITIAL,
	[GNUTLS_ENCRYPTION_LEVEL_EARLY]		= QUIC_CRYPTO_EARLY,
	[GNUTLS_ENCRYPTION_LEVEL_HANDSHAKE]	= QUIC_CRYPTO_HANDSHAKE,
	[GNUTLS_ENCRYPTION_LEVEL_APPLICATION]	= QUIC_CRYPTO_APP,
};

static const gnutls_record_encryption_level_t level_from_kernel[] = {
	[QUIC_CRYPTO_APP]	= GNUTLS_ENCRYPTION_LEVEL_APPLICATION,
	[QUIC_CRYPTO_INITIAL]	= GNUTLS_ENCRYPTION_LEVEL_INITIAL,
	[QUIC_CRYPTO_HANDSHAKE]	= GNUTLS_ENCRYPTION_LEVEL_HANDSHAKE,
	[QUIC_CRYPTO_EARLY]	= GNUTLS_ENCRYPTION_LEVEL_EARLY,
};

static uint32_t cipher_type(gnutls_cipher_algorithm_t cipher)
{
	switch (cipher) {
	case GNUTLS_CIPHER_AES_128_GCM:
		return TLS_CIPHER_AES_GCM_128;
	case GNUTLS_CIPHER_AES_256_GCM:
		return TLS_CIPHER_AES_GCM_256;
	case GNUTLS_CIPHER_AES_128_CCM:
		return TLS_CIPHER_AES_CCM_128;
	case GNUTLS_CIPHER_CHACHA20_POLY1305:
		return TLS_CIPHER_CHACHA20_POLY1305;
	default:
		return 0;
	}
}

/* Transport parameters (RFC 9001 §8.2) */

int lq_gnutls_params_recv(gnutls_session_t tls, const unsigned char *data, size_t len)
{
	struct quic_session *s = lq_session(tls);

	return s && lq_handshake_params_received(s, data, len) ? GNUTLS_E_ILLEGAL_PARAMETER : 0;
}

int lq_gnutls_params_send(gnutls_session_t tls, gnutls_buffer_t to)
{
	unsigned char ext[QUIC_TRANSPORT_PARAMS_MAX];
	struct quic_session *s = lq_session(tls);
	ssize_t len;
	int err;

	if (!s || !s->handshake)
		return 0;
	len = lq_handshake_params(s, ext, sizeof(ext));
	if (len < 0)
		return GNUTLS_E_INTERNAL_ERROR;
	err = gnutls_buffer_append_data(to, ext, (size_t)len);
	if (err)
		return err;
	return len ? (int)len : GNUTLS_E_INT_RET_0;
}

/* ALPN: what the client offered, for the message alone */

struct alpn_list {
	char *text;
	size_t size, len;
};

static int list_alpns(void *arg, unsigned int type, const unsigned char *data, unsigned int size)
{
	struct alpn_list *list = arg;
	unsigned int pos = 2, len;

	if (type != EXT_ALPN)
		return 0;
	while (pos < size && list->len + 2 < list->size) {
		len = data[pos++];
		if (len > size - pos)
			break;
		if (list->len)
			list->text[list->len++] = ',';
		lq_printable(list->text + list->len, list->size - list->len, data + pos, len);
		list->len = strlen(list->text);
		pos += len;
	}
	return 0;
}

/* The ClientHello is the first message: type (1 byte), length (3), body. */
void lq_tls_offered_alpns(struct quic_session *s, char *text, size_t size)
{
	struct alpn_list list = { .text = text, .size = size };
	struct lq_gnutls *g = lq_gnutls(s);
	gnutls_datum_t body;
	size_t len;

	memset(text, 0, size);
	if (g->hello_len < 4)
		return;
	len = (size_t)g->hello[1] << 16 | (size_t)g->hello[2] << 8 | g->hello[3];
	if (len > g->hello_len - 4)
		return;
	body.data = g->hello + 4;
	body.size = (unsigned int)len;
	gnutls_ext_raw_parse(&list, list_alpns, &body, GNUTLS_EXT_RAW_FLAG_TLS_CLIENT_HELLO);
}

static int keep_hello(struct lq_gnutls *g, const void *data, size_t len)
{
	unsigned char *hello;

	if (!g->is_server || lq_handshake_peer_checked(&g->session) || !g->session.alpns)
		return 0;
	if (len > HELLO_MAX - g->hello_len)
		return 0;
	hello = realloc(g->hello, g->hello_len + len);
	if (!hello)
		return -ENOMEM;
	memcpy(hello + g->hello_len, data, len);
	g->hello = hello;
	g->hello_len += len;
	return 0;
}

static void drop_hello(struct lq_gnutls *g)
{
	free(g->hello);
	g->hello = NULL;
	g->hello_len = 0;
}

static int check_peer(struct lq_gnutls *g, gnutls_record_encryption_level_t level,
		      gnutls_handshake_description_t type)
{
	int err;

	if (g->is_server ? type != GNUTLS_HANDSHAKE_SERVER_HELLO :
	    level != GNUTLS_ENCRYPTION_LEVEL_HANDSHAKE)
		return 0;
	err = lq_handshake_check_peer(&g->session);
	if (!err)
		drop_hello(g);
	return err;
}

/* supported_versions, RFC 8446 §4.2.1: is TLS 1.3 there, and what is older? */
struct tls_versions {
	bool has_13;
	bool has_old;
};

static int list_versions(void *arg, unsigned int type, const unsigned char *data, unsigned int size)
{
	struct tls_versions *found = arg;
	unsigned int pos, version;

	if (type != EXT_SUPPORTED_VERSIONS)
		return 0;
	for (pos = 1; pos + 1 < size; pos += 2) {
		version = (unsigned int)data[pos] << 8 | data[pos + 1];
		found->has_13 |= version == 0x0304;
		found->has_old |= version >= 0x0300 && version < 0x0304;
	}
	return 0;
}

/*
 * RFC 9001 §4.2: a client MUST NOT offer, and nobody negotiate, a TLS version
 * older than 1.3.  A session of the program's own may have been set up to.
 */
static int check_version(struct lq_gnutls *g, gnutls_handshake_description_t type,
			 const void *data, size_t len)
{
	struct lq_failure *failure = lq_handshake_failure(&g->session);
	gnutls_datum_t body = { .data = (unsigned char *)data + 4, .size = (unsigned int)len - 4 };
	struct tls_versions offered = { .has_13 = false };

	if (type == GNUTLS_HANDSHAKE_CLIENT_HELLO && len > 4) {
		gnutls_ext_raw_parse(&offered, list_versions, &body,
				     GNUTLS_EXT_RAW_FLAG_TLS_CLIENT_HELLO);
		if (offered.has_13 && !offered.has_old)
			return 0;
		lq_fail(failure, -EINVAL, LQ_ALERT_NONE,
			"the session offers a TLS version older than 1.3, which QUIC forbids");
		return -EINVAL;
	}
	if (gnutls_protocol_get_version(g->session.tls) == GNUTLS_TLS1_3)
		return 0;
	lq_fail(failure, -ECONNREFUSED, LQ_ALERT_PROTOCOL_VERSION,
		"the %s speaks no TLS 1.3", g->is_server ? "client" : "server");
	return -ECONNREFUSED;
}

/* Callbacks of GnuTLS */

static int on_message(gnutls_session_t tls, gnutls_record_encryption_level_t level,
		      gnutls_handshake_description_t type, const void *data, size_t len)
{
	struct quic_session *s = lq_session(tls);

	/* RFC 9001 §6, §8.4: QUIC has its own key update and no CCS. */
	if (!s || !s->handshake || type == GNUTLS_HANDSHAKE_KEY_UPDATE ||
	    type == GNUTLS_HANDSHAKE_CHANGE_CIPHER_SPEC || !len)
		return 0;
	/* RFC 9001 §8.3: nor EndOfEarlyData. */
	if (type == GNUTLS_HANDSHAKE_END_OF_EARLY_DATA)
		return 0;
	if (lq_handshake_failure(s)->err || check_version(lq_gnutls(s), type, data, len) ||
	    check_peer(lq_gnutls(s), level, type))
		return GNUTLS_E_INTERNAL_ERROR;	/* the reason is in failure */

	if (type == GNUTLS_HANDSHAKE_NEW_SESSION_TICKET)
		lq_gnutls(s)->ticket_sent = true;
	lq_log(QUIC_LOG_DEBUG, "send %s, %zu bytes", gnutls_handshake_description_get_name(type),
	       len);
	if (lq_handshake_message(s, level_to_kernel[level], data, len))
		return GNUTLS_E_MEMORY_ERROR;
	return 0;
}

static int add_secret(struct quic_session *s, gnutls_record_encryption_level_t level,
		      bool send, const void *data, size_t len)
{
	gnutls_session_t tls = s->tls;
	struct quic_crypto_secret secret = {
		.send = send,
		.level = level_to_kernel[level],
	};
	int err;

	secret.type = cipher_type(level == GNUTLS_ENCRYPTION_LEVEL_EARLY ?
				  gnutls_early_cipher_get(tls) : gnutls_cipher_get(tls));
	if (!secret.type || len > sizeof(secret.secret)) {
		lq_fail(lq_handshake_failure(s), -EPROTO, LQ_ALERT_INTERNAL_ERROR,
			"cipher %s is not one of QUIC's",
			gnutls_cipher_get_name(gnutls_cipher_get(tls)));
		return GNUTLS_E_INTERNAL_ERROR;
	}
	memcpy(secret.secret, data, len);
	err = lq_handshake_secret(s, &secret);
	explicit_bzero(&secret, sizeof(secret));
	return err ? GNUTLS_E_MEMORY_ERROR : 0;
}

static int on_secret(gnutls_session_t tls, gnutls_record_encryption_level_t level,
		     const void *rx, const void *tx, size_t len)
{
	struct quic_session *s = lq_session(tls);
	int err = 0;

	if (!s || !s->handshake)
		return 0;
	if (tx)
		err = add_secret(s, level, true, tx, len);
	if (!err && rx)
		err = add_secret(s, level, false, rx, len);
	return err;
}

static int on_alert(gnutls_session_t tls, gnutls_record_encryption_level_t level,
		    gnutls_alert_level_t alert_level, gnutls_alert_description_t alert)
{
	struct quic_session *s = lq_session(tls);

	(void)level;
	if (s && alert_level == GNUTLS_AL_FATAL)
		lq_handshake_alert(s, (int)alert);
	return 0;
}

/* Called by GnuTLS, which wipes and frees the copy of the key. */
int lq_gnutls_on_psk(gnutls_session_t tls, const gnutls_datum_t *name, gnutls_datum_t *key)
{
	struct quic_session *s = lq_session(tls);
	const struct lq_psk *psk;
	char text[64];

	if (!s || !s->credentials)
		return -1;
	lq_printable(text, sizeof(text), name->data, name->size);
	psk = lq_credentials_psk(s->credentials, name->data, name->size);
	if (!psk) {
		if (s->handshake)
			lq_fail(lq_handshake_failure(s), -EKEYREJECTED,
				LQ_ALERT_UNKNOWN_PSK_IDENTITY,
				"no key for the client's PSK identity '%s'", text);
		return -1;
	}
	key->data = gnutls_malloc(psk->key_len);
	if (!key->data)
		return -1;
	memcpy(key->data, psk->key, psk->key_len);
	key->size = psk->key_len;
	memcpy(s->psk_asked, text, sizeof(text));
	return 0;
}

int lq_gnutls_verify_client(gnutls_session_t tls)
{
	struct quic_session *s = lq_session(tls);

	return s && s->handshake && !lq_tls_verify(s, true, lq_handshake_failure(s)) ? 0 : -1;
}

void lq_gnutls_set_hooks(gnutls_session_t tls, bool is_server)
{
	gnutls_handshake_set_read_function(tls, on_message);
	gnutls_handshake_set_secret_function(tls, on_secret);
	gnutls_alert_set_read_function(tls, on_alert);
	gnutls_handshake_set_timeout(tls, 0);
	/* RFC 9001 §4.6.1: 0-RTT data is bounded by QUIC, not by TLS. */
	if (is_server)
		gnutls_record_set_max_early_data_size(tls, 0xffffffffU);
}

/* The steps */

static int tls_failed(struct quic_session *s, int ret)
{
	struct lq_failure *failure = lq_handshake_failure(s);
	int alert = failure->alert, level;

	if (alert < 0)
		alert = gnutls_error_to_alert(ret, &level);
	if (ret == GNUTLS_E_MEMORY_ERROR)
		lq_fail(failure, -ENOMEM, LQ_ALERT_INTERNAL_ERROR, "out of memory");
	else if (ret == GNUTLS_E_CERTIFICATE_REQUIRED)
		lq_fail(failure, -EKEYREJECTED, LQ_ALERT_CERTIFICATE_REQUIRED,
			"the client sent no certificate");
	else if (ret == GNUTLS_E_CERTIFICATE_ERROR ||
		 ret == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR)
		lq_fail(failure, -EKEYREJECTED, alert,
			"the peer's certificate is refused by the session: %s",
			gnutls_strerror(ret));
	/* GnuTLS has no code of its own for a PSK binder that does not match. */
	else if (ret == GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER && *s->psk_asked &&
		 !lq_handshake_peer_checked(s))
		lq_fail(failure, -EKEYREJECTED, LQ_ALERT_DECRYPT_ERROR,
			"the client has another key than we for the PSK identity '%s'",
			s->psk_asked);
	else if (ret == GNUTLS_E_NO_CIPHER_SUITES || ret == GNUTLS_E_INSUFFICIENT_CREDENTIALS ||
		 ret == GNUTLS_E_NO_COMMON_KEY_SHARE)
		lq_fail(failure, -ECONNREFUSED, alert,
			"no cipher, group or kind of key (certificate, PSK) in common: %s",
			gnutls_strerror(ret));
	else
		lq_fail(failure, -EPROTO, alert, "TLS: %s", gnutls_strerror(ret));
	return failure->err;
}

int lq_tls_begin(struct quic_session *s, bool is_server)
{
	lq_gnutls(s)->is_server = is_server;
	lq_gnutls(s)->ticket_sent = false;
	lq_gnutls(s)->nonfatal = 0;
	lq_gnutls_set_hooks(s->tls, is_server);
	return 0;
}

void lq_tls_end(struct quic_session *s)
{
	drop_hello(lq_gnutls(s));
}

int lq_tls_receive(struct quic_session *s, int level, const void *data, size_t len)
{
	int ret;

	ret = keep_hello(lq_gnutls(s), data, len) ? GNUTLS_E_MEMORY_ERROR :
	      gnutls_handshake_write(s->tls, level_from_kernel[level], data, len);
	if (!ret || !gnutls_error_is_fatal(ret))
		return 0;
	/* RFC 9001 §4.1.3: data of a level that is over */
	if (ret == GNUTLS_E_DECRYPTION_FAILED)
		lq_handshake_failure(s)->alert = LQ_ALERT_UNEXPECTED_MESSAGE;
	return tls_failed(s, ret);
}

static void send_ticket(struct lq_gnutls *g)
{
	int ret;

	if (!g->is_server || g->ticket_sent)
		return;
	ret = gnutls_session_ticket_send(g->session.tls, 1, 0);
	if (ret)
		lq_log(QUIC_LOG_DEBUG, "no session ticket: %s", gnutls_strerror(ret));
}

int lq_tls_run(struct quic_session *s)
{
	struct lq_gnutls *g = lq_gnutls(s);
	int ret;

	do {
		ret = gnutls_handshake(s->tls);
		if (lq_handshake_failure(s)->err)
			return lq_handshake_failure(s)->err;
		if (ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED)
			return -EAGAIN;
	} while (ret && !gnutls_error_is_fatal(ret) && ++g->nonfatal <= NONFATAL_MAX);
	if (ret)
		return tls_failed(s, ret);
	send_ticket(g);
	return 0;
}

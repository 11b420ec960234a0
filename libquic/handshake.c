// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * TLS 1.3 between GnuTLS and the kernel (RFC 9001 §4).
 *
 *        recvmsg            gnutls_handshake_write()        on_message()
 * kernel -------> CRYPTO ---------------------------> GnuTLS -----------> flight
 *    ^                                                   |  on_secret()      |
 *    +---------------------------------------------------+-------------------+
 *           sendmsg, CRYPTO_SECRET, TRANSPORT_PARAM_EXT, ALPN
 *
 * A context lives from quic_handshake_init() to _deinit() and goes through
 *
 *	TLS --gnutls_handshake() is done--> FLUSH --all is sent--> DONE
 *
 * A callback that finds fault notes the reason in ctx->failure and makes
 * GnuTLS stop; step() alone ends the connection and logs.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <linux/tls.h>

#include "flight.h"

#define RECV_SIZE		16384
#define HELLO_MAX		16384	/* of a ClientHello kept for messages */
#define BUSY_MS			50	/* between looks past the program's data, to be safe */
#define NONFATAL_MAX		32	/* GnuTLS results that ask for another try */

enum phase { PHASE_TLS, PHASE_FLUSH, PHASE_DONE };

struct quic_handshake_ctx {
	struct quic_session *session;
	int sd;
	bool is_server;
	enum phase phase;
	uint64_t deadline;		/* ms, monotonic */
	struct lq_flight flight;
	struct lq_failure failure;
	bool failed;			/* failure was logged and sent */
	bool heard;			/* a CRYPTO message came */
	bool params_received;
	bool peer_checked;
	bool ticket_sent;
	unsigned int nonfatal;
	unsigned char *hello;		/* server: the ClientHello, until answered */
	size_t hello_len;
	unsigned char buf[RECV_SIZE];
};

static struct quic_handshake_ctx *context(gnutls_session_t tls)
{
	struct quic_session *s = lq_session(tls);

	return s ? s->handshake : NULL;
}

struct lq_failure *lq_handshake_failure(gnutls_session_t tls)
{
	struct quic_handshake_ctx *ctx = context(tls);

	return ctx ? &ctx->failure : NULL;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

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

int lq_params_recv(gnutls_session_t tls, const unsigned char *data, size_t len)
{
	struct quic_handshake_ctx *ctx = context(tls);

	/* A ClientHello that answers a HelloRetryRequest repeats them. */
	if (!ctx || ctx->params_received)
		return 0;

	if (setsockopt(ctx->sd, SOL_QUIC, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, data, len)) {
		ctx->failure.closed = true;	/* with TRANSPORT_PARAMETER_ERROR */
		lq_fail(&ctx->failure, -EPROTO, -1,
			"the peer's transport parameters are refused by the kernel: %s",
			strerror(errno));
		return GNUTLS_E_ILLEGAL_PARAMETER;
	}
	ctx->params_received = true;
	return 0;
}

int lq_params_send(gnutls_session_t tls, gnutls_buffer_t to)
{
	struct quic_handshake_ctx *ctx = context(tls);
	unsigned char ext[QUIC_TRANSPORT_PARAMS_MAX];
	socklen_t len = sizeof(ext);
	int err;

	if (!ctx)
		return 0;
	if (getsockopt(ctx->sd, SOL_QUIC, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, ext, &len)) {
		lq_fail(&ctx->failure, -errno, GNUTLS_A_INTERNAL_ERROR,
			"no transport parameters from the kernel: %s", strerror(errno));
		return GNUTLS_E_INTERNAL_ERROR;
	}
	err = gnutls_buffer_append_data(to, ext, len);
	if (err)
		return err;
	return len ? (int)len : GNUTLS_E_INT_RET_0;
}

/* ALPN: what the client offered, for the message alone */

struct alpn_list {
	char text[256];
	size_t len;
};

static int list_alpns(void *arg, unsigned int type, const unsigned char *data, unsigned int size)
{
	struct alpn_list *list = arg;
	unsigned int pos = 2, len;

	if (type != 16)		/* RFC 7301 §3.1 */
		return 0;
	while (pos < size && list->len + 2 < sizeof(list->text)) {
		len = data[pos++];
		if (len > size - pos)
			break;
		if (list->len)
			list->text[list->len++] = ',';
		lq_printable(list->text + list->len, sizeof(list->text) - list->len,
			     data + pos, len);
		list->len = strlen(list->text);
		pos += len;
	}
	return 0;
}

/* The ClientHello is the first message: type (1 byte), length (3), body. */
static void offered_alpns(const struct quic_handshake_ctx *ctx, struct alpn_list *list)
{
	gnutls_datum_t body;
	size_t len;

	memset(list, 0, sizeof(*list));
	if (ctx->hello_len < 4)
		return;
	len = (size_t)ctx->hello[1] << 16 | (size_t)ctx->hello[2] << 8 | ctx->hello[3];
	if (len > ctx->hello_len - 4)
		return;
	body.data = ctx->hello + 4;
	body.size = (unsigned int)len;
	gnutls_ext_raw_parse(list, list_alpns, &body, GNUTLS_EXT_RAW_FLAG_TLS_CLIENT_HELLO);
}

/* RFC 9001 §8.1: no protocol in common ends the connection. */
static int check_alpn(struct quic_handshake_ctx *ctx)
{
	gnutls_datum_t name;
	struct alpn_list list;

	if (!ctx->session->alpns ||
	    !gnutls_alpn_get_selected_protocol(ctx->session->tls, &name))
		return 0;

	if (!ctx->is_server) {
		lq_fail(&ctx->failure, -ENOPROTOOPT, GNUTLS_A_NO_APPLICATION_PROTOCOL,
			"the server chose no application protocol (ALPN), offered were '%s'",
			ctx->session->alpns);
		return -ENOPROTOOPT;
	}
	offered_alpns(ctx, &list);
	lq_fail(&ctx->failure, -ENOPROTOOPT, GNUTLS_A_NO_APPLICATION_PROTOCOL,
		"no application protocol (ALPN) in common: the client offered %s%s%s, here is '%s'",
		*list.text ? "'" : "none", list.text, *list.text ? "'" : "",
		ctx->session->alpns);
	return -ENOPROTOOPT;
}

/* RFC 9001 §8.2: without the extension, missing_extension */
static int check_params(struct quic_handshake_ctx *ctx)
{
	if (ctx->params_received)
		return 0;
	lq_fail(&ctx->failure, -EPROTO, GNUTLS_A_MISSING_EXTENSION,
		"the peer sent no QUIC transport parameters");
	return -EPROTO;
}

static void tell_alpn(struct quic_handshake_ctx *ctx)
{
	gnutls_datum_t name;

	if (gnutls_alpn_get_selected_protocol(ctx->session->tls, &name) || !name.size)
		return;
	if (setsockopt(ctx->sd, SOL_QUIC, QUIC_SOCKOPT_ALPN, name.data, name.size))
		lq_log(QUIC_LOG_WARNING, "selected ALPN not taken by the kernel: %s",
		       strerror(errno));
}

/* Before the first answer: is the ClientHello acceptable? */
static int check_client_hello(struct quic_handshake_ctx *ctx)
{
	if (check_params(ctx) || check_alpn(ctx))
		return -EPROTO;
	tell_alpn(ctx);
	free(ctx->hello);
	ctx->hello = NULL;
	ctx->hello_len = 0;
	return 0;
}

/* Before anything of ours goes out under handshake keys: is it the server? */
static int check_server(struct quic_handshake_ctx *ctx)
{
	if (check_params(ctx) || check_alpn(ctx))
		return -EPROTO;
	return lq_verify_peer(ctx->session, false, &ctx->failure);
}

int lq_verify_client(gnutls_session_t tls)
{
	struct quic_handshake_ctx *ctx = context(tls);

	return ctx && !lq_verify_peer(ctx->session, true, &ctx->failure) ? 0 : -1;
}

static int check_peer(struct quic_handshake_ctx *ctx, gnutls_record_encryption_level_t level,
		      gnutls_handshake_description_t type)
{
	int err;

	if (ctx->peer_checked)
		return 0;
	if (ctx->is_server ? type != GNUTLS_HANDSHAKE_SERVER_HELLO :
	    level != GNUTLS_ENCRYPTION_LEVEL_HANDSHAKE)
		return 0;
	err = ctx->is_server ? check_client_hello(ctx) : check_server(ctx);
	ctx->peer_checked = !err;
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

	if (type != 43)
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
static int check_version(struct quic_handshake_ctx *ctx, gnutls_handshake_description_t type,
			 const void *data, size_t len)
{
	gnutls_datum_t body = { .data = (unsigned char *)data + 4, .size = (unsigned int)len - 4 };
	struct tls_versions offered = { .has_13 = false };

	if (type == GNUTLS_HANDSHAKE_CLIENT_HELLO && len > 4) {
		gnutls_ext_raw_parse(&offered, list_versions, &body,
				     GNUTLS_EXT_RAW_FLAG_TLS_CLIENT_HELLO);
		if (offered.has_13 && !offered.has_old)
			return 0;
		lq_fail(&ctx->failure, -EINVAL, -1,
			"the session offers a TLS version older than 1.3, which QUIC forbids");
		return -EINVAL;
	}
	if (gnutls_protocol_get_version(ctx->session->tls) == GNUTLS_TLS1_3)
		return 0;
	lq_fail(&ctx->failure, -ECONNREFUSED, GNUTLS_A_PROTOCOL_VERSION,
		"the %s speaks no TLS 1.3", ctx->is_server ? "client" : "server");
	return -ECONNREFUSED;
}

/* Callbacks of GnuTLS */

static int on_message(gnutls_session_t tls, gnutls_record_encryption_level_t level,
		      gnutls_handshake_description_t type, const void *data, size_t len)
{
	struct quic_handshake_ctx *ctx = context(tls);

	/* RFC 9001 §6, §8.4: QUIC has its own key update and no CCS. */
	if (!ctx || type == GNUTLS_HANDSHAKE_KEY_UPDATE ||
	    type == GNUTLS_HANDSHAKE_CHANGE_CIPHER_SPEC || !len)
		return 0;
	/* RFC 9001 §8.3: nor EndOfEarlyData. */
	if (type == GNUTLS_HANDSHAKE_END_OF_EARLY_DATA)
		return 0;
	if (ctx->failure.err || check_version(ctx, type, data, len) ||
	    check_peer(ctx, level, type))
		return GNUTLS_E_INTERNAL_ERROR;	/* the reason is in failure */

	if (type == GNUTLS_HANDSHAKE_NEW_SESSION_TICKET)
		ctx->ticket_sent = true;
	lq_log(QUIC_LOG_DEBUG, "send %s, %zu bytes", gnutls_handshake_description_get_name(type),
	       len);
	if (lq_flight_add_message(&ctx->flight, level_to_kernel[level], data, len))
		return GNUTLS_E_MEMORY_ERROR;
	return 0;
}

static int add_secret(struct quic_handshake_ctx *ctx, gnutls_record_encryption_level_t level,
		      bool send, const void *data, size_t len)
{
	gnutls_session_t tls = ctx->session->tls;
	struct quic_crypto_secret secret = {
		.send = send,
		.level = level_to_kernel[level],
	};
	bool early = level == GNUTLS_ENCRYPTION_LEVEL_EARLY;
	int err;

	secret.type = cipher_type(early ? gnutls_early_cipher_get(tls) : gnutls_cipher_get(tls));
	if (!secret.type || len > sizeof(secret.secret)) {
		lq_fail(&ctx->failure, -EPROTO, GNUTLS_A_INTERNAL_ERROR,
			"cipher %s is not one of QUIC's",
			gnutls_cipher_get_name(gnutls_cipher_get(tls)));
		return GNUTLS_E_INTERNAL_ERROR;
	}
	memcpy(secret.secret, data, len);
	/* Early keys are a help, not a need: the kernel may not take them.
	 * At once, for early data goes out with the ClientHello.
	 */
	if (early) {
		err = lq_secret_set(ctx->sd, &secret);
		if (err)
			lq_log(QUIC_LOG_INFO, "no 0-RTT: %s", strerror(-err));
		err = 0;
	} else {
		err = lq_flight_add_secret(&ctx->flight, &secret);
	}
	explicit_bzero(&secret, sizeof(secret));
	return err ? GNUTLS_E_MEMORY_ERROR : 0;
}

static int on_secret(gnutls_session_t tls, gnutls_record_encryption_level_t level,
		     const void *rx, const void *tx, size_t len)
{
	struct quic_handshake_ctx *ctx = context(tls);
	int err = 0;

	if (!ctx)
		return 0;
	if (tx)
		err = add_secret(ctx, level, true, tx, len);
	if (!err && rx)
		err = add_secret(ctx, level, false, rx, len);
	return err;
}

static int on_alert(gnutls_session_t tls, gnutls_record_encryption_level_t level,
		    gnutls_alert_level_t alert_level, gnutls_alert_description_t alert)
{
	struct quic_handshake_ctx *ctx = context(tls);

	(void)level;
	if (ctx && alert_level == GNUTLS_AL_FATAL && ctx->failure.alert < 0 && !ctx->failure.err)
		ctx->failure.alert = (int)alert;
	return 0;
}

/* The steps */

static int tls_failed(struct quic_handshake_ctx *ctx, int ret)
{
	int alert = ctx->failure.alert, level;

	if (alert < 0)
		alert = gnutls_error_to_alert(ret, &level);
	if (ret == GNUTLS_E_MEMORY_ERROR)
		lq_fail(&ctx->failure, -ENOMEM, GNUTLS_A_INTERNAL_ERROR, "out of memory");
	else if (ret == GNUTLS_E_CERTIFICATE_REQUIRED)
		lq_fail(&ctx->failure, -EKEYREJECTED, GNUTLS_A_CERTIFICATE_REQUIRED,
			"the client sent no certificate");
	else if (ret == GNUTLS_E_CERTIFICATE_ERROR ||
		 ret == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR)
		lq_fail(&ctx->failure, -EKEYREJECTED, alert,
			"the peer's certificate is refused by the session: %s",
			gnutls_strerror(ret));
	/* GnuTLS has no code of its own for a PSK binder that does not match. */
	else if (ret == GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER && *ctx->session->psk_asked &&
		 !ctx->peer_checked)
		lq_fail(&ctx->failure, -EKEYREJECTED, GNUTLS_A_DECRYPT_ERROR,
			"the client has another key than we for the PSK identity '%s'",
			ctx->session->psk_asked);
	else if (ret == GNUTLS_E_NO_CIPHER_SUITES || ret == GNUTLS_E_INSUFFICIENT_CREDENTIALS ||
		 ret == GNUTLS_E_NO_COMMON_KEY_SHARE)
		lq_fail(&ctx->failure, -ECONNREFUSED, alert,
			"no cipher, group or kind of key (certificate, PSK) in common: %s",
			gnutls_strerror(ret));
	else
		lq_fail(&ctx->failure, -EPROTO, alert, "TLS: %s", gnutls_strerror(ret));
	return ctx->failure.err;
}

static int keep_hello(struct quic_handshake_ctx *ctx, const void *data, size_t len)
{
	unsigned char *hello;

	if (!ctx->is_server || ctx->peer_checked || !ctx->session->alpns)
		return 0;
	if (len > HELLO_MAX - ctx->hello_len)
		return 0;
	hello = realloc(ctx->hello, ctx->hello_len + len);
	if (!hello)
		return -ENOMEM;
	memcpy(hello + ctx->hello_len, data, len);
	ctx->hello = hello;
	ctx->hello_len += len;
	return 0;
}

/* Feeds one CRYPTO message to GnuTLS; -EAGAIN or -EBUSY if there is none. */
static int receive(struct quic_handshake_ctx *ctx)
{
	ssize_t n;
	int level, ret;

	n = lq_crypto_recv(ctx->sd, ctx->buf, sizeof(ctx->buf), &level);
	if (n == -EAGAIN || n == -EBUSY)
		return (int)n;
	if (n <= 0) {
		lq_fail_closed(ctx->sd, n ? (int)n : -ECONNRESET, ctx->is_server, &ctx->failure);
		return ctx->failure.err;
	}
	if (level >= QUIC_CRYPTO_MAX) {
		lq_fail(&ctx->failure, -EPROTO, GNUTLS_A_INTERNAL_ERROR,
			"unknown crypto level %d from the kernel", level);
		return ctx->failure.err;
	}
	ctx->heard = true;
	ret = keep_hello(ctx, ctx->buf, n) ? GNUTLS_E_MEMORY_ERROR :
	      gnutls_handshake_write(ctx->session->tls, level_from_kernel[level], ctx->buf, n);
	if (ret && gnutls_error_is_fatal(ret)) {
		/* RFC 9001 §4.1.3: data of a level that is over */
		if (ret == GNUTLS_E_DECRYPTION_FAILED)
			ctx->failure.alert = GNUTLS_A_UNEXPECTED_MESSAGE;
		return tls_failed(ctx, ret);
	}
	return 0;
}

static void send_ticket(struct quic_handshake_ctx *ctx)
{
	int ret;

	if (!ctx->is_server || ctx->ticket_sent)
		return;
	ret = gnutls_session_ticket_send(ctx->session->tls, 1, 0);
	if (ret)
		lq_log(QUIC_LOG_DEBUG, "no session ticket: %s", gnutls_strerror(ret));
}

/* Runs GnuTLS; 0: go on, -EAGAIN: it needs input. */
static int run_tls(struct quic_handshake_ctx *ctx)
{
	int ret = gnutls_handshake(ctx->session->tls);

	if (ctx->failure.err)
		return ctx->failure.err;
	if (!ret) {
		ctx->phase = PHASE_FLUSH;
		send_ticket(ctx);
		return 0;
	}
	if (ret == GNUTLS_E_AGAIN || ret == GNUTLS_E_INTERRUPTED)
		return -EAGAIN;
	if (!gnutls_error_is_fatal(ret) && ++ctx->nonfatal <= NONFATAL_MAX)
		return 0;
	return tls_failed(ctx, ret);
}

/* A send error may hide the peer's reason for closing, which came first. */
static int flush(struct quic_handshake_ctx *ctx)
{
	struct lq_failure failure = { .alert = -1 };
	int err = lq_flight_flush(&ctx->flight, &failure);

	if (!err || err == -EAGAIN)
		return err;
	if (err == -EPIPE || err == -ENOTCONN || err == -ECONNRESET || err == -ECONNREFUSED ||
	    err == -ETIMEDOUT)
		lq_fail_closed(ctx->sd, err, ctx->is_server, &ctx->failure);
	else
		lq_fail(&ctx->failure, failure.err, GNUTLS_A_INTERNAL_ERROR, "%s", failure.text);
	return ctx->failure.err;
}

/* Goes as far as possible: 0 done, -EAGAIN with *events, else failed. */
static int advance(struct quic_handshake_ctx *ctx, short *events)
{
	int err, input;

	while (ctx->phase != PHASE_DONE) {
		input = ctx->phase == PHASE_TLS ? run_tls(ctx) : 0;
		if (input && input != -EAGAIN)
			return input;

		*events = POLLOUT;
		err = flush(ctx);
		if (err)
			return err;
		if (ctx->phase == PHASE_FLUSH) {
			ctx->phase = PHASE_DONE;
			break;
		}

		*events = POLLIN;
		err = input ? receive(ctx) : 0;
		/* The program's data keep the socket readable; CRYPTO is urgent data besides. */
		if (err == -EBUSY) {
			*events = POLLPRI;
			return -EAGAIN;
		}
		if (err)
			return err;
	}
	return 0;
}

static int remaining_ms(const struct quic_handshake_ctx *ctx)
{
	uint64_t now = now_ms();

	return now < ctx->deadline ? (int)(ctx->deadline - now) : 0;
}

static void fail_timeout(struct quic_handshake_ctx *ctx)
{
	const char *peer = ctx->is_server ? "client" : "server";
	unsigned int ms = ctx->session->timeout_ms;

	lq_fail(&ctx->failure, -ETIMEDOUT, -1, "%s the %s within %u.%03u s",
		ctx->heard ? "not finished by" : "no answer from", peer, ms / 1000, ms % 1000);
}

static int finish_failed(struct quic_handshake_ctx *ctx)
{
	if (!ctx->failed) {
		ctx->failed = true;
		lq_log(QUIC_LOG_ERROR, "%s handshake: %s", ctx->is_server ? "server" : "client",
		       ctx->failure.text);
		lq_close(ctx->sd, &ctx->failure);
		lq_flight_free(&ctx->flight);
	}
	return ctx->failure.err;
}

int quic_handshake_step(struct quic_handshake_ctx *ctx, short *events, int *timeout_ms)
{
	short wanted = 0;
	int err, left;

	if (!ctx)
		return -EINVAL;
	if (ctx->failed)
		return ctx->failure.err;

	err = advance(ctx, &wanted);
	left = remaining_ms(ctx);
	if (err == -EAGAIN && !left) {
		fail_timeout(ctx);
		err = -ETIMEDOUT;
	}
	if (wanted == POLLPRI && left > BUSY_MS)
		left = BUSY_MS;
	if (events)
		*events = err == -EAGAIN ? wanted : 0;
	if (timeout_ms)
		*timeout_ms = err == -EAGAIN ? left : 0;
	if (err && err != -EAGAIN)
		return finish_failed(ctx);
	return err;
}

/* A server socket has no token to give (and a connected socket has none yet). */
static int find_role(int sd, bool *is_server)
{
	unsigned char token[512];
	socklen_t len = sizeof(token);

	*is_server = false;
	if (!getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_TOKEN, token, &len))
		return 0;
	if (errno != EINVAL)
		return -errno;
	*is_server = true;
	return 0;
}

static void set_hooks(gnutls_session_t tls, bool is_server)
{
	gnutls_handshake_set_read_function(tls, on_message);
	gnutls_handshake_set_secret_function(tls, on_secret);
	gnutls_alert_set_read_function(tls, on_alert);
	gnutls_handshake_set_timeout(tls, 0);
	/* RFC 9001 §4.6.1: 0-RTT data is bounded by QUIC, not by TLS. */
	if (is_server)
		gnutls_record_set_max_early_data_size(tls, 0xffffffffU);
}

int quic_handshake_init(void *session, struct quic_handshake_ctx **result)
{
	struct quic_handshake_ctx *ctx;
	struct quic_session *s;
	bool is_server;
	int sd, err;

	if (!session || !result)
		return -EINVAL;
	*result = NULL;
	sd = gnutls_transport_get_int(session);
	err = sd < 0 ? -EBADF : find_role(sd, &is_server);
	if (err) {
		lq_log(QUIC_LOG_ERROR, "handshake: descriptor %d is no QUIC socket: %s", sd,
		       strerror(-err));
		return err;
	}
	s = lq_session(session);
	ctx = s ? calloc(1, sizeof(*ctx)) : NULL;
	if (!ctx)
		return -ENOMEM;
	if (s->handshake) {
		free(ctx);
		return -EBUSY;
	}

	ctx->session = s;
	ctx->sd = sd;
	ctx->is_server = is_server;
	ctx->deadline = now_ms() + s->timeout_ms;
	ctx->failure.alert = -1;
	lq_flight_init(&ctx->flight, sd);
	if (!is_server && lq_session_remember(s))
		lq_log(QUIC_LOG_INFO, "no 0-RTT: the kernel takes no remembered parameters");
	set_hooks(session, is_server);
	s->handshake = ctx;
	*result = ctx;
	return 0;
}

void quic_handshake_deinit(struct quic_handshake_ctx *ctx)
{
	if (!ctx)
		return;
	ctx->session->handshake = NULL;
	lq_flight_free(&ctx->flight);
	free(ctx->hello);
	explicit_bzero(ctx->buf, sizeof(ctx->buf));
	free(ctx);
}

/* Waits; a socket that hangs up and has nothing to say is dead. */
static int wait_for(struct quic_handshake_ctx *ctx, short events, int timeout_ms, short *revents)
{
	struct pollfd p = { .fd = ctx->sd, .events = events };
	int n = poll(&p, 1, timeout_ms);

	if (n < 0 && errno != EINTR && errno != EAGAIN)
		return -errno;
	*revents = n > 0 ? p.revents : 0;
	return *revents & POLLNVAL ? -EBADF : 0;
}

int quic_handshake(void *session)
{
	struct quic_handshake_ctx *ctx;
	short events = 0, revents = 0;
	int err, timeout_ms = 0;

	err = quic_handshake_init(session, &ctx);
	if (err)
		return err;

	for (;;) {
		err = quic_handshake_step(ctx, &events, &timeout_ms);
		if (err != -EAGAIN)
			break;
		if (revents & (POLLHUP | POLLERR))
			err = -ENOTCONN;
		else
			err = wait_for(ctx, events, timeout_ms, &revents);
		if (err) {
			lq_fail_closed(ctx->sd, err, ctx->is_server, &ctx->failure);
			err = finish_failed(ctx);
			break;
		}
	}
	quic_handshake_deinit(ctx);
	return err;
}

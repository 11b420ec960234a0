// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * TLS 1.3 between a TLS library and the kernel (RFC 9001 §4).
 *
 *        recvmsg            lq_tls_receive()      lq_handshake_message()
 * kernel -------> CRYPTO --------------------> TLS ---------------------> flight
 *    ^                                          |  lq_handshake_secret()    |
 *    +------------------------------------------+---------------------------+
 *           sendmsg, CRYPTO_SECRET, TRANSPORT_PARAM_EXT, ALPN
 *
 * A context lives from quic_handshake_init() to _deinit() and goes through
 *
 *	TLS --lq_tls_run() is done--> FLUSH --all is sent--> DONE
 *
 * A call of the TLS library that finds fault notes the reason in ctx->failure and
 * fails; step() alone ends the connection and logs.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "flight.h"
#include "tls.h"

#define RECV_SIZE		16384
#define BUSY_MS			50	/* between looks past the program's data, to be safe */

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
	unsigned char buf[RECV_SIZE];
};

struct lq_failure *lq_handshake_failure(struct quic_session *s)
{
	return s->handshake ? &s->handshake->failure : NULL;
}

bool lq_handshake_peer_checked(const struct quic_session *s)
{
	return s->handshake && s->handshake->peer_checked;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Transport parameters (RFC 9001 §8.2) */

int lq_handshake_params_received(struct quic_session *s, const void *data, size_t len)
{
	struct quic_handshake_ctx *ctx = s->handshake;

	/* A ClientHello that answers a HelloRetryRequest repeats them. */
	if (!ctx || ctx->params_received)
		return 0;

	if (setsockopt(ctx->sd, SOL_QUIC, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, data, len)) {
		ctx->failure.closed = true;	/* with TRANSPORT_PARAMETER_ERROR */
		lq_fail(&ctx->failure, -EPROTO, LQ_ALERT_NONE,
			"the peer's transport parameters are refused by the kernel: %s",
			strerror(errno));
		return -EPROTO;
	}
	ctx->params_received = true;
	return 0;
}

ssize_t lq_handshake_params(struct quic_session *s, void *data, size_t size)
{
	struct quic_handshake_ctx *ctx = s->handshake;
	socklen_t len = size;

	if (!ctx)
		return 0;
	if (getsockopt(ctx->sd, SOL_QUIC, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, data, &len)) {
		lq_fail(&ctx->failure, -errno, LQ_ALERT_INTERNAL_ERROR,
			"no transport parameters from the kernel: %s", strerror(errno));
		return ctx->failure.err;
	}
	return len;
}

/* Is the peer acceptable? */

/* RFC 9001 §8.1: no protocol in common ends the connection. */
static int check_alpn(struct quic_handshake_ctx *ctx)
{
	char offered[256];
	struct lq_data name;

	if (!ctx->session->alpns || lq_tls_alpn(ctx->session, &name))
		return 0;

	if (!ctx->is_server) {
		lq_fail(&ctx->failure, -ENOPROTOOPT, LQ_ALERT_NO_APPLICATION_PROTOCOL,
			"the server chose no application protocol (ALPN), offered were '%s'",
			ctx->session->alpns);
		return -ENOPROTOOPT;
	}
	lq_tls_offered_alpns(ctx->session, offered, sizeof(offered));
	lq_fail(&ctx->failure, -ENOPROTOOPT, LQ_ALERT_NO_APPLICATION_PROTOCOL,
		"no application protocol (ALPN) in common: the client offered %s%s%s, here is '%s'",
		*offered ? "'" : "none", offered, *offered ? "'" : "", ctx->session->alpns);
	return -ENOPROTOOPT;
}

/* RFC 9001 §8.2: without the extension, missing_extension */
static int check_params(struct quic_handshake_ctx *ctx)
{
	if (ctx->params_received)
		return 0;
	lq_fail(&ctx->failure, -EPROTO, LQ_ALERT_MISSING_EXTENSION,
		"the peer sent no QUIC transport parameters");
	return -EPROTO;
}

static void tell_alpn(struct quic_handshake_ctx *ctx)
{
	struct lq_data name;

	if (!lq_tls_alpn(ctx->session, &name) || !name.size)
		return;
	if (setsockopt(ctx->sd, SOL_QUIC, QUIC_SOCKOPT_ALPN, name.data, name.size))
		lq_log(QUIC_LOG_WARNING, "selected ALPN not taken by the kernel: %s",
		       strerror(errno));
}

/*
 * A server asks before its first answer: is the ClientHello acceptable?  A client
 * before anything of it goes out under handshake keys: is it the server?
 */
int lq_handshake_check_peer(struct quic_session *s)
{
	struct quic_handshake_ctx *ctx = s->handshake;

	if (!ctx || ctx->peer_checked)
		return 0;
	if (ctx->failure.err || check_params(ctx) || check_alpn(ctx))
		return -EPROTO;
	if (ctx->is_server)
		tell_alpn(ctx);
	else if (lq_tls_verify(s, false, &ctx->failure))
		return -EPROTO;
	ctx->peer_checked = true;
	return 0;
}

/* What TLS has for the kernel and the peer */

static int no_memory(struct quic_handshake_ctx *ctx)
{
	lq_fail(&ctx->failure, -ENOMEM, LQ_ALERT_INTERNAL_ERROR, "out of memory");
	return ctx->failure.err;
}

int lq_handshake_message(struct quic_session *s, uint8_t level, const void *data, size_t len)
{
	struct quic_handshake_ctx *ctx = s->handshake;

	if (!ctx)
		return 0;
	return lq_flight_add_message(&ctx->flight, level, data, len) ? no_memory(ctx) : 0;
}

/*
 * Early keys are a help, not a need: the kernel may not take them.  At once, for
 * early data goes out with the ClientHello.
 */
int lq_handshake_secret(struct quic_session *s, const struct quic_crypto_secret *secret)
{
	struct quic_handshake_ctx *ctx = s->handshake;
	int err;

	if (!ctx)
		return 0;
	if (secret->level != QUIC_CRYPTO_EARLY)
		return lq_flight_add_secret(&ctx->flight, secret) ? no_memory(ctx) : 0;
	err = lq_secret_set(ctx->sd, secret);
	if (err)
		lq_log(QUIC_LOG_INFO, "no 0-RTT: %s", strerror(-err));
	return 0;
}

void lq_handshake_alert(struct quic_session *s, int alert)
{
	struct quic_handshake_ctx *ctx = s->handshake;

	if (ctx && ctx->failure.alert < 0 && !ctx->failure.err)
		ctx->failure.alert = alert;
}

/* The steps */

/* Feeds one CRYPTO message to TLS; -EAGAIN or -EBUSY if there is none. */
static int receive(struct quic_handshake_ctx *ctx)
{
	ssize_t n;
	int level;

	n = lq_crypto_recv(ctx->sd, ctx->buf, sizeof(ctx->buf), &level);
	if (n == -EAGAIN || n == -EBUSY)
		return (int)n;
	if (n <= 0) {
		lq_fail_closed(ctx->sd, n ? (int)n : -ECONNRESET, ctx->is_server, &ctx->failure);
		return ctx->failure.err;
	}
	if (level >= QUIC_CRYPTO_MAX) {
		lq_fail(&ctx->failure, -EPROTO, LQ_ALERT_INTERNAL_ERROR,
			"unknown crypto level %d from the kernel", level);
		return ctx->failure.err;
	}
	ctx->heard = true;
	return lq_tls_receive(ctx->session, level, ctx->buf, (size_t)n);
}

/* Runs TLS; 0: go on, -EAGAIN: it needs input. */
static int run_tls(struct quic_handshake_ctx *ctx)
{
	int err = lq_tls_run(ctx->session);

	if (ctx->failure.err)
		return ctx->failure.err;
	if (!err)
		ctx->phase = PHASE_FLUSH;
	return err;
}

/* A send error may hide the peer's reason for closing, which came first. */
static int flush(struct quic_handshake_ctx *ctx)
{
	struct lq_failure failure = { .alert = LQ_ALERT_NONE };
	int err = lq_flight_flush(&ctx->flight, &failure);

	if (!err || err == -EAGAIN)
		return err;
	if (err == -EPIPE || err == -ENOTCONN || err == -ECONNRESET || err == -ECONNREFUSED ||
	    err == -ETIMEDOUT)
		lq_fail_closed(ctx->sd, err, ctx->is_server, &ctx->failure);
	else
		lq_fail(&ctx->failure, failure.err, LQ_ALERT_INTERNAL_ERROR, "%s", failure.text);
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

int quic_handshake_init(void *session, struct quic_handshake_ctx **result)
{
	struct quic_handshake_ctx *ctx;
	struct quic_session *s;
	bool is_server;
	int sd, err;

	if (!session || !result)
		return -EINVAL;
	*result = NULL;
	sd = lq_tls_socket(session);
	err = sd < 0 ? -EBADF : find_role(sd, &is_server);
	if (err) {
		lq_log(QUIC_LOG_ERROR, "handshake: descriptor %d is no QUIC socket: %s", sd,
		       strerror(-err));
		return err;
	}
	s = lq_session(session);
	if (!s)
		return -ENOMEM;
	err = s->handshake ? -EBUSY : lq_session_still_checked(s);
	if (err)
		return err;
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return -ENOMEM;

	ctx->session = s;
	ctx->sd = sd;
	ctx->is_server = is_server;
	ctx->deadline = now_ms() + s->timeout_ms;
	ctx->failure.alert = LQ_ALERT_NONE;
	lq_flight_init(&ctx->flight, sd);
	if (!is_server && lq_session_remember(s))
		lq_log(QUIC_LOG_INFO, "no 0-RTT: the kernel takes no remembered parameters");
	s->handshake = ctx;
	err = lq_tls_begin(s, is_server);
	if (err) {
		quic_handshake_deinit(ctx);
		return err;
	}
	*result = ctx;
	return 0;
}

void quic_handshake_deinit(struct quic_handshake_ctx *ctx)
{
	if (!ctx)
		return;
	lq_tls_end(ctx->session);
	ctx->session->handshake = NULL;
	lq_flight_free(&ctx->flight);
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

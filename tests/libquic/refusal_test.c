// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Handshakes that fail: the error of both sides, the message, and what the
 * kernel is told.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "pair.h"
#include "test.h"
#include "tls.h"

/* The client refuses with an alert, which the server then names. */
static const char *client_refuses(struct pair *p, const char *close, const char *why,
				  const char *peer)
{
	pair_run(p);
	CHECK(p->client_err == -EKEYREJECTED);
	CHECK(p->server_err == -EKEYREJECTED);
	CHECK(strstr(fake[0].trace, close));
	CHECK(!fake_established(&fake[0]) && !fake_established(&fake[1]));
	CHECK(!strstr(fake[0].trace, ">h"));	/* nothing under handshake keys */
	CHECK(logged(why));
	CHECK(logged(peer));
	return NULL;
}

static const char *wrong_ca(void)
{
	struct pair p;

	pair_init(&p);
	p.client.cafile = pki_path("other-ca.pem");
	return client_refuses(&p, "C130 S", "client handshake: the server's certificate (CN=server.test) has an unknown issuer (CN=Test CA)",
			      "server handshake: peer sent TLS alert: unknown_ca (48)");
}

static const char *system_store(void)
{
	struct pair p;

	pair_init(&p);
	p.client.cafile = NULL;
	return client_refuses(&p, "C130 S", "unknown issuer", "unknown_ca");
}

static const char *raw_session_wrong_ca(void)
{
	struct pair p;

	pair_init(&p);
	p.client_raw = true;
	p.client.cafile = pki_path("other-ca.pem");
	return client_refuses(&p, "C130 S", "unknown issuer", "unknown_ca");
}

static const char *wrong_host(void)
{
	struct pair p;

	pair_init(&p);
	p.client.hostname = "elsewhere.test";
	return client_refuses(&p, "C12a S",
			      "the server's certificate is for 'server.test, 192.0.2.1', not for 'elsewhere.test'",
			      "server handshake: peer sent TLS alert: ");
}

static const char *wrong_address(void)
{
	struct pair p;

	pair_init(&p);
	p.client.hostname = "192.0.2.7";
	return client_refuses(&p, "C12a S", "not for '192.0.2.7'", "peer sent TLS alert: ");
}

static const char *expired(void)
{
	struct pair p;

	pair_init(&p);
	p.server.certfile = pki_path("expired.pem");
	p.server.keyfile = pki_path("expired.key");
	return client_refuses(&p, "C12d S", "the server's certificate expired on 2001-01-01 00:00 UTC",
			      "peer sent TLS alert: certificate_expired (45)");
}

/* A client's certificate does not make a server. */
static const char *wrong_purpose(void)
{
	struct pair p;

	pair_init(&p);
	p.server.certfile = pki_path("client.pem");
	p.server.keyfile = pki_path("client.key");
	p.client.hostname = NULL;
	return client_refuses(&p, "C12a S", "the server's certificate is refused", "peer sent");
}

/* The TLS library refuses by itself, as the program's session asked. */
static void verify_by_tls(void *session)
{
	tls_verify_itself(session, "elsewhere.test");
}

static const char *raw_session_tls_refuses(void)
{
	struct pair p;

	pair_init(&p);
	p.client_raw = true;
	p.client_setup = verify_by_tls;
	pair_run(&p);
	CHECK(p.client_err == -EPROTO || p.client_err == -EKEYREJECTED);
	CHECK(p.server_err == -EKEYREJECTED);
	CHECK(!fake_established(&fake[0]));
	return NULL;
}

/* With TLS 1.3 a client learns after its handshake that it was refused. */
static const char *client_certificate_refused(const char *certfile, const char *keyfile,
					      const char *why)
{
	struct pair p;

	pair_init(&p);
	p.server.cafile = pki_path("ca.pem");
	p.client.certfile = certfile;
	p.client.keyfile = keyfile;
	pair_run(&p);
	CHECK(p.server_err == -EKEYREJECTED);
	CHECK(logged(why));
	CHECK(!fake_established(&fake[1]));
	CHECK(fake[0].peer_close_code > 0x100);
	return NULL;
}

static const char *client_certificates(void)
{
	const char *why = client_certificate_refused(NULL, NULL, "the client sent no certificate");

	return why ? why :
		client_certificate_refused(pki_path("expired.pem"), pki_path("expired.key"),
			"the client's certificate expired on 2001-01-01");
}

static const char *no_common_alpn(void)
{
	struct pair p;

	pair_init(&p);
	p.client.alpns = "h3,hq";
	p.server.alpns = "smb,echo";
	pair_run(&p);
	CHECK(p.server_err == -ENOPROTOOPT);
	CHECK(p.client_err == -ENOPROTOOPT);
	CHECK(strstr(fake[1].trace, "C178 S"));
	CHECK(logged("in common: the client offered 'h3,hq', here is 'smb,echo'"));
	CHECK(logged("client handshake: peer sent TLS alert: "));
	return NULL;
}

static const char *no_alpn_offered(void)
{
	struct pair p;

	pair_init(&p);
	p.server.alpns = "smb";
	pair_run(&p);
	CHECK(p.server_err == -ENOPROTOOPT && p.client_err == -ENOPROTOOPT);
	CHECK(logged("the client offered none, here is 'smb'"));
	return NULL;
}

static const char *bad_alpn_list(void)
{
	static const char * const lists[] = { "", ",", "a,", "a,,b", "1,2,3,4,5,6,7,8,9" };
	struct pair p;
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		pair_init(&p);
		p.client.alpns = lists[i];
		CHECK(quic_client_handshake_params(FAKE_FD, &p.client) < 0);
		CHECK(logged("ALPN list"));
		CHECK(!fake[0].trace[0]);
	}
	return NULL;
}

static const char *psk_refused(const char *client_file, int client_err)
{
	struct pair p;

	pair_init(&p);
	p.client.cafile = p.client.hostname = NULL;
	p.client.pskfile = client_file;
	p.server.certfile = p.server.keyfile = NULL;
	p.server.pskfile = pki_path("psk.txt");
	pair_run(&p);
	CHECK(p.server_err < 0);
	CHECK(p.client_err == client_err);
	CHECK(!fake_established(&fake[0]) && !fake_established(&fake[1]));
	CHECK(logged("server handshake: ") && logged("client handshake: peer sent TLS alert"));
	return NULL;
}

static const char *psk_wrong_key(void)
{
	return psk_refused(pki_path("psk2.txt"), -EKEYREJECTED);
}

static const char *psk_unknown(void)
{
	const char *why;

	CHECK(!pki_write("psk3.txt", "carol:00112233445566778899aabbccddeeff", 38));
	why = psk_refused(pki_path("psk3.txt"), -EKEYREJECTED);
	CHECK(why || logged("no key for the client's PSK identity 'carol'"));
	return why;
}

/* A client with a PSK must not fall back to a certificate, nor the reverse. */
static const char *psk_modes_differ(void)
{
	struct pair p;

	pair_init(&p);
	p.client.cafile = p.client.hostname = NULL;
	p.client.pskfile = pki_path("psk.txt");
	pair_run(&p);
	CHECK(p.client_err && p.server_err && !fake_established(&fake[0]));

	pair_init(&p);
	p.server.certfile = p.server.keyfile = NULL;
	p.server.pskfile = pki_path("psk.txt");
	pair_run(&p);
	CHECK(p.client_err && p.server_err && !fake_established(&fake[0]));
	return NULL;
}

static const char *server_files(const char *cert, const char *key, int err, const char *why)
{
	struct pair p;

	pair_init(&p);
	CHECK(quic_server_handshake(FAKE_FD + 1, key ? pki_path(key) : NULL,
				    cert ? pki_path(cert) : NULL, NULL) == err);
	if (!logged(why))
		return log_text[0] ? log_text : "nothing logged";
	CHECK(!fake[1].trace[0]);
	return NULL;
}

static const char *files(void)
{
	static const struct {
		const char *cert, *key;
		int err;
		const char *why;
	} cases[] = {
		{ "server.pem", "other.key", -EKEYREJECTED, "other.key' does not match the certificate in '" },
		{ "none.pem", "server.key", -ENOENT, "certificate file '" },
		{ "server.pem", "none.key", -ENOENT, "none.key': No such file or directory" },
		{ "server.key", "server.key", -EBADMSG, "server.key' is not a PEM certificate" },
		{ "server.pem", "server.pem", -EBADMSG, "server.pem' is not a usable PEM private key" },
		{ "empty.txt", "server.key", -EBADMSG, "empty.txt' is not a PEM certificate" },
		{ ".", "server.key", -EISDIR, "Is a directory" },
		{ "server.pem", NULL, -EINVAL, "no key file given" },
		{ NULL, NULL, -EINVAL, "a server needs a certificate and its key, or a PSK file" },
		{ NULL, "none.txt", -ENOENT, "PSK file '" },
		{ NULL, "empty.txt", -EBADMSG, "empty.txt' holds no key" },
		{ NULL, "badpsk.txt", -EBADMSG, "line 1: not of the form identity:hexkey" },
	};
	const char *why = NULL;
	size_t i;

	for (i = 0; !why && i < sizeof(cases) / sizeof(cases[0]); i++)
		why = server_files(cases[i].cert, cases[i].key, cases[i].err, cases[i].why);
	return why;
}

static const char *client_files(void)
{
	struct pair p;

	pair_init(&p);
	p.client.cafile = pki_path("none.pem");
	CHECK(quic_client_handshake_params(FAKE_FD, &p.client) == -ENOENT);
	CHECK(logged("CA file '"));
	p.client.cafile = pki_path("empty.txt");
	CHECK(quic_client_handshake_params(FAKE_FD, &p.client) == -EBADMSG);
	CHECK(logged("holds no PEM certificate"));
	p.client.cafile = NULL;
	p.client.pskfile = pki_path("psk.txt");
	p.client.psk_identity = "mallory";
	CHECK(quic_client_handshake_params(FAKE_FD, &p.client) == -ENOKEY);
	CHECK(logged("has no identity 'mallory'"));
	return NULL;
}

static const char *bad_arguments(void)
{
	struct quic_handshake_ctx *ctx;
	struct {
		struct quic_handshake_params p;
		long beyond;
	} newer;
	void *session;
	struct pair p;

	pair_init(&p);
	CHECK(quic_client_handshake_params(FAKE_FD, NULL) == -EINVAL);
	p.client.size = 0;
	CHECK(quic_client_handshake_params(FAKE_FD, &p.client) == -EINVAL);
	newer.p = p.client;
	newer.p.size = sizeof(newer);
	newer.beyond = 1;
	CHECK(quic_client_handshake_params(FAKE_FD, &newer.p) == -E2BIG);
	p.client.size = sizeof(p.client);
	p.client.priority = "NONSENSE";
	CHECK(quic_client_handshake_params(FAKE_FD, &p.client) == -EINVAL);
	CHECK(logged("priority string 'NONSENSE'"));
	p.client.priority = NULL;
	CHECK(quic_client_handshake_params(STDERR_FILENO, &p.client) < 0);
	CHECK(logged("is no QUIC socket"));
	CHECK(quic_client_handshake_params(-1, &p.client) < 0);
	CHECK(quic_handshake_init(NULL, &ctx) == -EINVAL);
	CHECK(quic_handshake(NULL) == -EINVAL);
	CHECK(quic_handshake_step(NULL, NULL, NULL) == -EINVAL);
	CHECK(quic_session_set_verify(NULL, 0, NULL) == -EINVAL);
	quic_handshake_deinit(NULL);
	quic_session_free(NULL);
	quic_credentials_free(NULL);
	newer.beyond = 0;
	newer.p.size = sizeof(newer);
	CHECK(!quic_client_session_new(FAKE_FD, &newer.p, &session));
	CHECK(quic_session_set_verify(session, 7, NULL) == -EINVAL);
	quic_session_free(session);
	return NULL;
}

static const char *garbage(void)
{
	static const unsigned char junk[64] = { 0x5a, 0, 0, 60 };
	struct pair p;

	pair_init(&p);
	fake_inject(&fake[1], QUIC_CRYPTO_INITIAL, junk, sizeof(junk));
	CHECK(quic_server_handshake_params(FAKE_FD + 1, &p.server) == -EPROTO);
	CHECK(logged("server handshake: TLS: "));
	CHECK(strstr(fake[1].trace, "C1") && strstr(fake[1].trace, " S"));

	pair_init(&p);
	fake_inject(&fake[0], QUIC_CRYPTO_INITIAL, junk, sizeof(junk));
	CHECK(quic_client_handshake_params(FAKE_FD, &p.client) == -EPROTO);
	CHECK(logged("client handshake: TLS: "));
	return NULL;
}

/* One bit flipped in each message in turn: both fail, or one waits in vain. */
static const char *flipped_bits(void)
{
	struct pair p;
	int side, n;

	for (side = 0; side < 2; side++) {
		for (n = 1; n <= (side ? 2 : 5); n++) {
			pair_init(&p);
			p.client.timeout_ms = p.server.timeout_ms = 300;
			fake[side].garble = n;
			pair_run(&p);
			CHECK(p.client_err || p.server_err);
			CHECK(!fake_established(&fake[0]) || !fake_established(&fake[1]));
			CHECK(logged("handshake: "));
		}
	}
	return NULL;
}

/* A ClientHello with a few bytes changed, or cut off: refused, never worse. */
static unsigned int next_random(unsigned int *state)
{
	*state = *state * 1103515245 + 12345;
	return *state >> 8;
}

static const char *mutated_hello(struct pair *p, const unsigned char *hello, size_t len,
				 unsigned int seed)
{
	unsigned char copy[2048];
	size_t part = seed % 4 ? len : next_random(&seed) % len + 1;
	struct quic_handshake_ctx *ctx;
	void *session;
	int i, err;

	memcpy(copy, hello, len);
	for (i = next_random(&seed) % 4; i >= 0; i--)
		copy[4 + next_random(&seed) % (len - 4)] = next_random(&seed);
	fake_reset();
	fake_inject(&fake[1], QUIC_CRYPTO_INITIAL, copy, part);
	CHECK(!quic_server_session_new(FAKE_FD + 1, &p->server, &session));
	CHECK(!quic_handshake_init(session, &ctx));
	err = quic_handshake_step(ctx, NULL, NULL);
	CHECK(err < 0);
	CHECK(!fake_established(&fake[1]));
	quic_handshake_deinit(ctx);
	quic_session_free(session);
	return NULL;
}

static const char *mutated_hellos(void)
{
	struct quic_handshake_ctx *ctx;
	unsigned char hello[2048];
	const char *why = NULL;
	unsigned int seed;
	void *session;
	struct pair p;
	size_t len;

	pair_init(&p);
	p.client.alpns = "h3,hq-interop";
	CHECK(!quic_client_session_new(FAKE_FD, &p.client, &session));
	CHECK(!quic_handshake_init(session, &ctx));
	CHECK(quic_handshake_step(ctx, NULL, NULL) == -EAGAIN);
	quic_handshake_deinit(ctx);
	quic_session_free(session);
	len = fake[1].in->len;
	CHECK(len > 4 && len <= sizeof(hello));
	memcpy(hello, fake[1].in->data, len);

	p.server.alpns = "none-of-them";
	for (seed = 0; !why && seed < 500; seed++)
		why = mutated_hello(&p, hello, len, seed);
	return why;
}

/* Data of a level that is over: RFC 9001 §4.1.3 */
static const char *level_over(void)
{
	struct quic_handshake_ctx *ctx[2];
	struct pair p;
	void *session[2];
	int i;

	pair_init(&p);
	CHECK(!quic_client_session_new(FAKE_FD, &p.client, &session[0]));
	CHECK(!quic_server_session_new(FAKE_FD + 1, &p.server, &session[1]));
	for (i = 0; i < 2; i++) {
		CHECK(!quic_handshake_init(session[i], &ctx[i]));
		CHECK(quic_handshake_step(ctx[i], NULL, NULL) == -EAGAIN);
	}
	fake_inject(&fake[1], QUIC_CRYPTO_INITIAL, "\1\0\0\1x", 5);
	CHECK(quic_handshake_step(ctx[1], NULL, NULL) == -EPROTO);
	CHECK(strstr(fake[1].trace, "C10a S"));
	CHECK(quic_handshake_step(ctx[1], NULL, NULL) == -EPROTO);	/* and stays so */
	for (i = 0; i < 2; i++) {
		quic_handshake_deinit(ctx[i]);
		quic_session_free(session[i]);
	}
	return NULL;
}

/* RFC 9001 §4.2: MUST NOT offer older versions than TLS 1.3 */
static const char *old_tls_client(void)
{
	struct pair p;

	pair_init(&p);
	p.client_setup = tls_offer_old;
	p.server.timeout_ms = 200;
	pair_run(&p);
	CHECK(p.client_err == -EINVAL);
	CHECK(!strstr(fake[0].trace, ">i"));
	CHECK(logged("client handshake: the session offers a TLS version older than 1.3"));
	return NULL;
}

/* RFC 9001 §4.2: MUST terminate the connection if an older version is negotiated */
static const char *old_tls_server(void)
{
	struct quic_handshake_ctx *ctx;
	unsigned char hello[2048];
	struct pair p;
	void *session;
	size_t len;
	int old;

	len = tls_hello(true, hello, sizeof(hello));
	CHECK(len);
	for (old = 0; old < 2; old++) {	/* a server of TLS 1.3 alone; and one of both */
		pair_init(&p);
		p.server.alpns = NULL;
		CHECK(!quic_server_session_new(FAKE_FD + 1, &p.server, &session));
		if (old)
			tls_offer_old(session);
		CHECK(!quic_handshake_init(session, &ctx));
		fake_inject(&fake[1], QUIC_CRYPTO_INITIAL, hello, len);
		CHECK(quic_handshake_step(ctx, NULL, NULL) < 0);
		CHECK(strstr(fake[1].trace, "C146 S"));
		CHECK(!strstr(fake[1].trace, ">i"));
		quic_handshake_deinit(ctx);
		quic_session_free(session);
	}
	return NULL;
}

static const char *timeout(void)
{
	struct timespec a, b;
	struct pair p;
	long ms;

	pair_init(&p);
	fake[1].deaf = true;
	p.client.timeout_ms = 200;
	clock_gettime(CLOCK_MONOTONIC, &a);
	CHECK(quic_client_handshake_params(FAKE_FD, &p.client) == -ETIMEDOUT);
	clock_gettime(CLOCK_MONOTONIC, &b);
	ms = (b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000;
	CHECK(ms >= 190 && ms < 2000);
	CHECK(logged("client handshake: no answer from the server within 0.200 s"));
	CHECK(strstr(fake[0].trace, " S") && !strstr(fake[0].trace, "C"));

	/* The server answers, but its answer is lost on the way. */
	pair_init(&p);
	fake[0].deaf = true;
	p.client.timeout_ms = p.server.timeout_ms = 200;
	pair_run(&p);
	CHECK(p.client_err == -ETIMEDOUT || p.client_err == -ECONNRESET);
	CHECK(p.server_err == -ETIMEDOUT || p.server_err == -ECONNRESET);
	return NULL;
}

static const char *kernel_error(int err, int expect, const char *why)
{
	struct pair p;

	pair_init(&p);
	fake[0].recv_errno = err;
	CHECK(quic_client_handshake_params(FAKE_FD, &p.client) == expect);
	CHECK(logged(why));
	CHECK(!strstr(fake[0].trace, "S"));
	return NULL;
}

static const char *kernel_errors(void)
{
	const char *why;

	why = kernel_error(ECONNREFUSED, -ECONNREFUSED, "no server at that address and port");
	if (!why)
		why = kernel_error(ETIMEDOUT, -ETIMEDOUT, "no answer from the server");
	if (!why)
		why = kernel_error(ENETUNREACH, -ENETUNREACH, "Network is unreachable");
	if (!why)
		why = kernel_error(ENOTCONN, -ECONNRESET, "the server closed the connection");
	return why;
}

static const char *peer_closes(void)
{
	struct pair p;

	pair_init(&p);
	fake[0].closed = true;
	fake[0].peer_close_code = QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED;
	strcpy(fake[0].peer_phrase, "busy\n");
	CHECK(quic_client_handshake_params(FAKE_FD, &p.client) == -ECONNREFUSED);
	CHECK(logged("peer closed the connection, error 0x2, frame 0x0: busy?"));
	return NULL;
}

static const char *bad_params(void)
{
	struct pair p;

	pair_init(&p);
	fake[1].bad_params = true;
	pair_run(&p);
	CHECK(p.server_err == -EPROTO);
	CHECK(p.client_err == -ECONNRESET);
	CHECK(logged("server handshake: the peer's transport parameters are refused by the kernel"));
	CHECK(logged("client handshake: peer closed the connection, error 0x8"));
	CHECK(!strstr(fake[1].trace, "C"));

	pair_init(&p);
	fake[0].bad_params = true;
	pair_run(&p);
	CHECK(p.client_err == -EPROTO && p.server_err == -ECONNRESET);
	return NULL;
}

/* A peer that speaks TLS, but not for QUIC: RFC 9001 §8.2 */
static const char *no_params(void)
{
	unsigned char hello[2048];
	struct pair p;
	size_t len;

	pair_init(&p);
	len = tls_hello(false, hello, sizeof(hello));
	CHECK(len);
	fake_inject(&fake[1], QUIC_CRYPTO_INITIAL, hello, len);
	CHECK(quic_server_handshake_params(FAKE_FD + 1, &p.server) == -EPROTO);
	CHECK(logged("the peer sent no QUIC transport parameters"));
	CHECK(strstr(fake[1].trace, "C16d S"));
	return NULL;
}

const struct test refusal_tests[] = {
	{ "wrong_ca", wrong_ca },
	{ "system_store", system_store },
	{ "raw_session_wrong_ca", raw_session_wrong_ca },
	{ "wrong_host", wrong_host },
	{ "wrong_address", wrong_address },
	{ "expired", expired },
	{ "wrong_purpose", wrong_purpose },
	{ "raw_session_tls_refuses", raw_session_tls_refuses },
	{ "client_certificates", client_certificates },
	{ "no_common_alpn", no_common_alpn },
	{ "no_alpn_offered", no_alpn_offered },
	{ "bad_alpn_list", bad_alpn_list },
	{ "psk_wrong_key", psk_wrong_key },
	{ "psk_unknown", psk_unknown },
	{ "psk_modes_differ", psk_modes_differ },
	{ "files", files },
	{ "client_files", client_files },
	{ "bad_arguments", bad_arguments },
	{ "garbage", garbage },
	{ "flipped_bits", flipped_bits },
	{ "mutated_hellos", mutated_hellos },
	{ "level_over", level_over },
	{ "old_tls_client", old_tls_client },
	{ "old_tls_server", old_tls_server },
	{ "timeout", timeout },
	{ "kernel_errors", kernel_errors },
	{ "peer_closes", peer_closes },
	{ "bad_params", bad_params },
	{ "no_params", no_params },
	{ NULL, NULL }
};

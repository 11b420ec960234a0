// SPDX-License-Identifier: GPL-2.0-or-later
/* Handshakes that succeed: modes, levels, order, resumption, slow sockets */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <linux/tls.h>

#include "../../libquic/internal.h"
#include "fake_clock.h"
#include "pair.h"
#include "test.h"
#include "tls.h"

static const char *check_pair(const struct pair *p)
{
	CHECK(!p->client_err);
	CHECK(!p->server_err);
	CHECK(pair_agrees());
	CHECK(!logged("<3>"));
	return NULL;
}

static const char *run_ok(struct pair *p)
{
	pair_run(p);
	return check_pair(p);
}

static const char *certificate(void)
{
	struct pair p;

	pair_init(&p);
	return run_ok(&p);
}

/* RFC 9001 §4.1.4: keys before what needs them, Finished before 1-RTT keys */
static const char *order(void)
{
	const char *why;
	struct pair p;

	pair_init(&p);
	why = run_ok(&p);
	if (why)
		return why;
	CHECK(!strcmp(fake[0].trace, tls_client_trace));
	CHECK(!strcmp(fake[1].trace, tls_server_trace));
	return NULL;
}

static const char *alpn(void)
{
	const char *why;
	struct pair p;

	pair_init(&p);
	p.client.alpns = "x-one, h3,hq";
	p.server.alpns = "hq,h3";
	why = run_ok(&p);
	if (why)
		return why;
	CHECK(!strcmp(fake[1].alpn, "hq"));
	return NULL;
}

static char got_alpn[16];
static size_t got_alpn_len;

static void get_alpn(void *session)
{
	size_t small = 1;

	got_alpn_len = sizeof(got_alpn);
	if (quic_session_get_alpn(session, got_alpn, &small) != -EMSGSIZE || small != 2 ||
	    quic_session_get_alpn(session, got_alpn, &got_alpn_len))
		got_alpn_len = 0;
}

static const char *alpn_get(void)
{
	const char *why;
	struct pair p;

	pair_init(&p);
	p.client.alpns = "h3";
	p.server.alpns = "h3";
	p.client_done = get_alpn;
	why = run_ok(&p);
	if (why)
		return why;
	CHECK(got_alpn_len == 2 && !strcmp(got_alpn, "h3"));
	return NULL;
}

static const char *no_alpn_offered_none_wanted(void)
{
	struct pair p;

	pair_init(&p);
	p.client.alpns = "h3";
	pair_run(&p);
	/* RFC 9001 §8.1: this client wanted one, and MUST say no_application_protocol. */
	CHECK(strstr(fake[0].trace, "C178 S"));
	CHECK(p.client_err == -ENOPROTOOPT);
	CHECK(logged("the server chose no application protocol (ALPN), offered were 'h3'"));
	return NULL;
}

/* RFC 9001 §8.4: MUST NOT ask for the compatibility mode: an empty legacy_session_id */
static const char *no_compatibility(void)
{
	struct quic_handshake_ctx *ctx;
	struct fake_message *hello;
	struct pair p;
	void *session;

	pair_init(&p);
	CHECK(!quic_client_session_new(FAKE_FD, &p.client, &session));
	CHECK(!quic_handshake_init(session, &ctx));
	CHECK(quic_handshake_step(ctx, NULL, NULL) == -EAGAIN);
	hello = fake[1].in;
	CHECK(hello && hello->len > 4 + 2 + 32);
	CHECK(hello->data[0] == 1 && !hello->data[4 + 2 + 32]);
	quic_handshake_deinit(ctx);
	quic_session_free(session);
	return NULL;
}

static const char *host_address(void)
{
	struct pair p;

	pair_init(&p);
	p.client.hostname = "192.0.2.1";
	return run_ok(&p);
}

static const char *host_null(void)
{
	struct pair p;

	pair_init(&p);
	p.client.hostname = NULL;
	return run_ok(&p);
}

static const char *insecure(void)
{
	struct pair p;

	pair_init(&p);
	p.client.cafile = NULL;
	p.client.hostname = "elsewhere.test";
	p.client.insecure = 1;
	return run_ok(&p);
}

static const char *psk(void)
{
	struct pair p;

	pair_init(&p);
	p.client.cafile = p.client.hostname = NULL;
	p.server.certfile = p.server.keyfile = NULL;
	p.client.pskfile = pki_path("psk.txt");
	p.client.psk_identity = "bob";
	p.server.pskfile = pki_path("psk.txt");
	return run_ok(&p);
}

/* The draft's calls: PSK files alone */
static void *psk_server(void *arg)
{
	*(int *)arg = quic_server_handshake(FAKE_FD + 1, pki_path("psk.txt"), NULL, "x");
	return NULL;
}

static const char *psk_simple(void)
{
	pthread_t thread;
	struct pair p;

	pair_init(&p);
	pthread_create(&thread, NULL, psk_server, &p.server_err);
	p.client_err = quic_client_handshake(FAKE_FD, pki_path("psk.txt"), NULL, "x");
	pthread_join(thread, NULL);
	return check_pair(&p);
}

static const char *psk_and_certificate(void)
{
	const char *why;
	struct pair p;

	pair_init(&p);
	p.server.pskfile = pki_path("psk.txt");
	why = run_ok(&p);
	if (why)
		return why;
	pair_init(&p);
	p.server.pskfile = pki_path("psk.txt");
	p.client.cafile = p.client.hostname = NULL;
	p.client.pskfile = pki_path("psk.txt");
	return run_ok(&p);
}

static const char *client_certificate(void)
{
	struct pair p;

	pair_init(&p);
	p.server.cafile = pki_path("ca.pem");
	p.client.certfile = pki_path("client.pem");
	p.client.keyfile = pki_path("client.key");
	return run_ok(&p);
}

/* A server that does not verify still wants a certificate, but takes any. */
static const char *client_certificate_any(void)
{
	struct pair p;

	pair_init(&p);
	p.server.cafile = pki_path("ca.pem");
	p.server.insecure = 1;
	p.client.certfile = pki_path("expired.pem");
	p.client.keyfile = pki_path("expired.key");
	return run_ok(&p);
}

static const char *one_cipher(uint32_t type)
{
	const char *why;
	struct pair p;

	pair_init(&p);
	fake[0].cipher = type;
	why = run_ok(&p);
	if (why)
		return why;
	CHECK(fake[0].secret[QUIC_CRYPTO_APP][1].type == type);
	CHECK(fake[0].secret[QUIC_CRYPTO_HANDSHAKE][0].type == type);
	return NULL;
}

static const char *ciphers(void)
{
	static const uint32_t types[] = {
		TLS_CIPHER_AES_GCM_128, TLS_CIPHER_AES_GCM_256,
		TLS_CIPHER_AES_CCM_128, TLS_CIPHER_CHACHA20_POLY1305,
	};
	const char *why = NULL;
	size_t i;

	for (i = 0; !why && i < 4; i++)
		why = one_cipher(types[i]);
	return why;
}

/* HelloRetryRequest: two ClientHellos, the parameters set once */
static const char *retry_request(void)
{
	struct pair p;

	pair_init(&p);
	p.client.alpns = p.server.alpns = "h3";
	p.server.priority = tls_retry_priority;
	return run_ok(&p);
}

/* Bytes come in pieces, calls are interrupted or would block. */
static const char *pieces(void)
{
	const char *why = NULL;
	struct pair p;
	size_t n;

	for (n = 1; !why && n < 300; n = n * 3 + 1) {
		pair_init(&p);
		p.client.alpns = p.server.alpns = "h3";
		fake[0].chunk = fake[1].chunk = n;
		fake[0].send_limit = fake[1].send_limit = n + 5;
		fake[0].intr_every = 3;
		fake[0].again_every = 5;
		fake[1].intr_every = 4;
		fake[1].again_every = 3;
		why = run_ok(&p);
	}
	return why;
}

static unsigned char blob[4096];
static size_t blob_len;
static int resumed;

static void get_data(void *session)
{
	int err, i = 0;

	do {	/* the ticket may still be on its way */
		blob_len = sizeof(blob);
		err = quic_session_get_data(session, blob, &blob_len);
	} while (err == -EAGAIN && i++ < 5000 && !usleep(1000));
	if (err)
		blob_len = 0;
}

static void get_resumed(void *session)
{
	resumed = quic_session_is_resumed(session);
}

static const char *resume_as(const char *pskfile)
{
	const char *why;
	struct pair p;
	int i;

	for (i = 0; i < 2; i++) {
		pair_init(&p);
		if (pskfile) {
			p.client.cafile = p.client.hostname = NULL;
			p.server.certfile = p.server.keyfile = NULL;
			p.client.pskfile = p.server.pskfile = pskfile;
		}
		p.client.session_data = i ? blob : NULL;
		p.client.session_data_len = blob_len;
		p.client_done = i ? get_resumed : get_data;
		resumed = 0;
		why = run_ok(&p);
		if (why)
			return why;
		CHECK(blob_len);
	}
	CHECK(resumed);
	return NULL;
}

static const char *resume(void)
{
	return resume_as(NULL);
}

/*
 * Session data hold the server's parameters, which the kernel is told before
 * the handshake, and the version, in which alone they are used (RFC 9369 §5).
 */
static const char *resume_params(void)
{
	const char *why;
	struct pair p;
	int i;

	for (i = 0; i < 3; i++) {
		pair_init(&p);
		fake[0].has_params = true;
		fake[0].version = i == 2 ? QUIC_VERSION_V2 : QUIC_VERSION_V1;
		p.client.session_data = i ? blob : NULL;
		p.client.session_data_len = blob_len;
		p.client_done = i ? get_resumed : get_data;
		resumed = 0;
		why = run_ok(&p);
		if (why)
			return why;
		CHECK(!!resumed == (i == 1));
		CHECK(fake[0].remembered.max_data == (i == 1 ? 4711 : 0));
		CHECK(fake[0].remembered.remote == (i == 1));
		if (i == 1)
			CHECK(!strncmp(fake[0].trace, "r pg ", 5));
	}
	/* cut short */
	CHECK(blob_len > 100 && !memcmp(blob, "QUIC", 4));
	pair_init(&p);
	p.client.session_data = blob;
	p.client.session_data_len = 50;
	pair_run(&p);
	CHECK(p.client_err == -EINVAL);
	return NULL;
}

static const char *resume_psk(void)
{
	return resume_as(pki_path("psk.txt"));
}

/* Another server's ticket: a full handshake instead */
static const char *resume_refused(void)
{
	const char *why;
	struct pair p;

	why = resume_as(NULL);
	if (why)
		return why;
	pair_init(&p);
	memset(fake[1].ticket_key, 0x77, sizeof(fake[1].ticket_key));
	p.client.session_data = blob;
	p.client.session_data_len = blob_len;
	p.client_done = get_resumed;
	why = run_ok(&p);
	if (why)
		return why;
	CHECK(!resumed);
	return NULL;
}

/*
 * The kernel has one ticket key for all servers of a namespace: a ticket of one that
 * wants no certificate must not open another that does.
 */
static const char *resume_elsewhere(void)
{
	const char *why = resume_as(NULL);
	struct pair p;

	if (why)
		return why;
	pair_init(&p);
	p.server.cafile = pki_path("ca.pem");
	p.client.session_data = blob;
	p.client.session_data_len = blob_len;
	pair_run(&p);
	CHECK(p.server_err == -EKEYREJECTED && logged("the client sent no certificate"));

	pair_init(&p);
	p.server.cafile = pki_path("ca.pem");
	p.client.certfile = pki_path("client.pem");
	p.client.keyfile = pki_path("client.key");
	p.client.session_data = blob;
	p.client.session_data_len = blob_len;
	p.client_done = get_resumed;
	why = run_ok(&p);
	CHECK(why || !resumed);
	return why;
}

/*
 * RFC 8446 §4.6.1: a session is resumed only where what was checked then is what is to
 * be checked now.  Here the server is one that the second client must refuse.
 */
static const char *resume_unchecked(void)
{
	const char *why;
	struct pair p;

	pair_init(&p);
	p.client.insecure = 1;
	p.client.cafile = NULL;
	p.client_done = get_data;
	why = run_ok(&p);
	if (why)
		return why;
	CHECK(blob_len);

	pair_init(&p);
	p.client.cafile = pki_path("other-ca.pem");
	p.client.session_data = blob;
	p.client.session_data_len = blob_len;
	pair_run(&p);
	CHECK(p.client_err == -EKEYREJECTED);
	return NULL;
}

static const char *resume_other_name(void)
{
	const char *why = resume_as(NULL);
	struct pair p;

	if (why)
		return why;
	pair_init(&p);
	p.client.hostname = "elsewhere.test";
	p.client.session_data = blob;
	p.client.session_data_len = blob_len;
	pair_run(&p);
	CHECK(p.client_err == -EKEYREJECTED);
	return NULL;
}

static void expect_elsewhere(void *session)
{
	quic_session_set_verify(session, QUIC_VERIFY_PEER, "elsewhere.test");
}

/* What is verified must not change once the session data is in. */
static const char *resume_name_changed(void)
{
	const char *why = resume_as(NULL);
	struct pair p;

	if (why)
		return why;
	pair_init(&p);
	p.client.session_data = blob;
	p.client.session_data_len = blob_len;
	p.client_setup = expect_elsewhere;
	p.server.timeout_ms = 100;
	pair_run(&p);
	CHECK(p.client_err == -EINVAL && logged("after the session data was set"));
	return NULL;
}

static int data_err, data_err2;
static size_t data_needed;

static void get_data_errors(void *session)
{
	unsigned char small[8];

	data_needed = sizeof(small);
	data_err = quic_session_get_data(session, small, &data_needed);
	data_err2 = quic_session_set_data(session, "garbage", 7);
}

static const char *resume_refused_psk(void)
{
	const char *why;
	struct pair p;

	why = resume_as(pki_path("psk.txt"));
	if (why)
		return why;
	pair_init(&p);
	memset(fake[1].ticket_key, 0x77, sizeof(fake[1].ticket_key));
	p.client.cafile = p.client.hostname = NULL;
	p.server.certfile = p.server.keyfile = NULL;
	p.client.pskfile = p.server.pskfile = pki_path("psk.txt");
	p.client.session_data = blob;
	p.client.session_data_len = blob_len;
	p.client_done = get_resumed;
	why = run_ok(&p);
	if (why)
		return why;
	CHECK(!resumed);
	return NULL;
}

/* The draft's appendix C on both sides; the second handshake has 0-RTT keys. */
static const char *early_with(bool no_early)
{
	const struct quic_crypto_secret *c = &fake[0].secret[QUIC_CRYPTO_EARLY][1];
	const struct quic_crypto_secret *s = &fake[1].secret[QUIC_CRYPTO_EARLY][0];
	const char *why;
	struct pair p;
	int i;

	for (i = 0; i < 2; i++) {
		pair_init(&p);
		p.client_raw = p.server_raw = true;
		p.client.alpns = p.server.alpns = "h3";
		p.client.session_data = i ? blob : NULL;
		p.client.session_data_len = blob_len;
		p.client_done = i ? get_resumed : get_data;
		fake[0].no_early = fake[1].no_early = no_early;
		why = run_ok(&p);
		if (why)
			return why;
	}
	CHECK(resumed);
	if (no_early)
		return NULL;
	CHECK(!strncmp(fake[0].trace, tls_early_client_trace, strlen(tls_early_client_trace)));
	CHECK(strstr(fake[1].trace, "+er"));
	CHECK(c->type && c->type == s->type && !memcmp(c->secret, s->secret, 48));
	return NULL;
}

static const char *early(void)
{
	return early_with(false);
}

static const char *early_refused_by_kernel(void)
{
	return early_with(true);
}

static int early_taken;

static void get_early(void *session)
{
	early_taken = quic_session_early_data(session);
}

/* One more handshake, which resumes @ticket or gives one. */
static const char *early_run(void *ticket, size_t ticket_len)
{
	struct pair p;

	pair_init(&p);
	fake[0].has_params = true;
	p.client.early_data = p.server.early_data = 1;
	p.client.session_data = ticket;
	p.client.session_data_len = ticket_len;
	p.client_done = ticket ? NULL : get_data;
	p.server_done = get_early;
	return run_ok(&p);
}

/* Times are in seconds: the last one counts in full, or there would be a gap before its end. */
static const char *early_seen(void)
{
	unsigned char id[LQ_REPLAY_ID] = "early_seen";

	CHECK(!lq_replay_add(id, time(NULL) + 10));
	fake_clock_skip(10);
	CHECK(lq_replay_add(id, time(NULL) + 10) == -EEXIST);
	fake_clock_skip(2);
	CHECK(!lq_replay_add(id, time(NULL) + 10));
	return NULL;
}

/* Tickets are good for 0-RTT for an hour, whenever others came back (RFC 8446 §8.2). */
static const char *early_later(void)
{
	static const unsigned int pause[4] = { 1000, 1000, 3600, 1 };
	unsigned char tickets[4][sizeof(blob)];
	size_t len[4];
	const char *why;
	int i;

	for (i = 0; i < 4; i++) {
		why = early_run(NULL, 0);
		if (why)
			return why;
		CHECK(blob_len && !early_taken);
		memcpy(tickets[i], blob, len[i] = blob_len);
	}
	for (i = 0; i < 4; i++) {
		fake_clock_skip(pause[i]);
		why = early_run(tickets[i], len[i]);
		if (why)
			return why;
		CHECK(i == 2 || !!early_taken == (i < 2 || !tls_early_window));	/* [2] begins a new list */
	}
	return NULL;
}

static int early_client, early_server;
static size_t early_piece;	/* 0: messages are not cut */

static void get_early_client(void *session)
{
	get_resumed(session);
	early_client = quic_session_early_data(session);
	get_data(session);	/* a resumed session has a ticket of its own */
}

static void get_early_server(void *session)
{
	early_server = quic_session_early_data(session);
}

/* Sessions made from parameters: a first handshake for its ticket, and one with 0-RTT. */
static const char *early_params(struct pair *p, const char *alpn, const char *next_alpn,
				const char *next_host)
{
	const char *why;
	int i;

	for (i = 0; i < 2; i++) {
		pair_init(p);
		fake[0].has_params = true;
		p->client.early_data = p->server.early_data = 1;
		p->client.alpns = i ? next_alpn : alpn;
		p->server.alpns = "h3,hq";
		if (i && next_host)
			p->client.hostname = next_host;
		p->client.session_data = i ? blob : NULL;
		p->client.session_data_len = blob_len;
		p->client_done = i ? get_early_client : get_data;
		p->server_done = get_early_server;
		fake[0].chunk = fake[1].chunk = fake[0].send_limit = fake[1].send_limit = early_piece;
		resumed = 0;
		why = run_ok(p);
		if (why)
			return why;
		CHECK(blob_len);
		CHECK(i || (!early_server && !strstr(fake[0].trace, "+e")));
	}
	return NULL;
}

static const char *early_data(void)
{
	struct pair p;
	const char *why = early_params(&p, "h3", "h3", NULL);

	if (why)
		return why;
	CHECK(resumed && early_client && early_server);
	CHECK(strstr(fake[0].trace, "+ew") && strstr(fake[1].trace, "+er"));
	return NULL;
}

static const char *early_pieces(void)
{
	const char *why;

	early_piece = 23;
	why = early_data();
	early_piece = 0;
	return why;
}

/* RFC 8446 §4.2.10: early data is for the protocol that was chosen before. */
static const char *early_other_alpn(void)
{
	struct pair p;
	const char *why = early_params(&p, "h3", "hq", NULL);

	if (why)
		return why;
	CHECK(!early_client && !early_server && !strstr(fake[1].trace, "+er"));
	CHECK(!strcmp(fake[1].alpn, "hq"));
	return NULL;
}

/* A session data's other name is no reason to fail, and none to resume. */
static const char *early_other_name(void)
{
	struct pair p;
	const char *why = early_params(&p, "h3", "h3", "192.0.2.1");

	if (why)
		return why;
	CHECK(!resumed && !early_client && !early_server);
	return NULL;
}

/* What a server does with a ClientHello whose 0-RTT another has taken */
static const char *early_again(const struct pair *p, const unsigned char *hello, size_t len,
			       bool *early)
{
	struct quic_handshake_ctx *ctx;
	void *session;

	fake_reset();
	fake_inject(&fake[1], QUIC_CRYPTO_INITIAL, hello, len);
	CHECK(!quic_server_session_new(FAKE_FD + 1, &p->server, &session));
	CHECK(!quic_handshake_init(session, &ctx));
	CHECK(quic_handshake_step(ctx, NULL, NULL) == -EAGAIN);
	CHECK(strstr(fake[1].trace, "+aw"));
	*early = strstr(fake[1].trace, "+er");
	quic_handshake_deinit(ctx);
	quic_session_free(session);
	return NULL;
}

/* RFC 9001 §9.2, RFC 8446 §8: a ClientHello's 0-RTT is accepted once. */
static const char *early_replay(void)
{
	struct quic_handshake_ctx *ctx;
	unsigned char hello[4096];
	const char *why;
	struct pair p;
	void *session;
	bool early[2];
	size_t len;
	int i;

	why = early_params(&p, "h3", "h3", NULL);
	if (why)
		return why;
	fake_reset();
	p.client.session_data_len = blob_len;
	CHECK(!quic_client_session_new(FAKE_FD, &p.client, &session));
	CHECK(!quic_handshake_init(session, &ctx));
	CHECK(quic_handshake_step(ctx, NULL, NULL) == -EAGAIN);
	quic_handshake_deinit(ctx);
	quic_session_free(session);
	len = fake[1].in->len;
	CHECK(len <= sizeof(hello) && strstr(fake[0].trace, "+ew"));
	memcpy(hello, fake[1].in->data, len);
	for (i = 0; !why && i < 2; i++)
		why = early_again(&p, hello, len, &early[i]);
	CHECK(why || (early[0] && !early[1]));
	return why;
}

static const char *no_ticket(void)
{
	struct pair p;

	pair_init(&p);
	fake[1].no_tickets = true;
	p.client_done = get_data_errors;
	pair_run(&p);
	CHECK(!p.client_err && !p.server_err && pair_agrees());
	CHECK(data_err == -EAGAIN);
	CHECK(data_err2 == -EINVAL);
	CHECK(!strstr(fake[1].trace, ">a"));
	return NULL;
}

static const char *credentials(void)
{
	struct quic_credentials *c, *s;
	const char *why = NULL;
	struct pair p;
	int i;

	pair_init(&p);
	CHECK(!quic_client_credentials_new(&p.client, &c));
	CHECK(!quic_server_credentials_new(&p.server, &s));
	for (i = 0; !why && i < 3; i++) {
		pair_init(&p);
		p.client.cafile = p.server.certfile = p.server.keyfile = NULL;
		p.client.credentials = c;
		p.server.credentials = s;
		why = run_ok(&p);
	}
	p.client.credentials = s;
	CHECK(quic_client_handshake_params(FAKE_FD, &p.client) == -EINVAL);
	quic_credentials_free(c);
	quic_credentials_free(s);
	return why;
}

static const char *raw_session(void)
{
	struct pair p;

	pair_init(&p);
	p.client_raw = p.server_raw = true;
	return run_ok(&p);
}

/* The TLS library sends tickets by itself: we send none on top, and none too early. */
static const char *auto_ticket(void)
{
	const char *why, *keys, *ticket;
	struct pair p;

	pair_init(&p);
	p.client_raw = p.server_raw = p.auto_ticket = true;
	p.client_done = get_data;
	why = run_ok(&p);
	if (why)
		return why;
	keys = strstr(fake[1].trace, "+aw");
	ticket = strstr(fake[1].trace, ">a");
	CHECK(keys && ticket && keys < ticket);
	CHECK(blob_len);
	return NULL;
}

static void verify_none(void *session)
{
	quic_session_set_verify(session, QUIC_VERIFY_NONE, NULL);
}

static const char *raw_session_unverified(void)
{
	struct pair p;

	pair_init(&p);
	p.client_raw = true;
	p.client.cafile = pki_path("other-ca.pem");
	p.client_setup = verify_none;
	return run_ok(&p);
}

static void verify_by_tls(void *session)
{
	tls_verify_itself(session, PKI_HOST);
}

static const char *raw_session_verified_by_tls(void)
{
	struct pair p;

	pair_init(&p);
	p.client_raw = true;
	p.client_setup = verify_by_tls;
	return run_ok(&p);
}

static const char *keylog_of(const char *file)
{
	struct pair p;
	const char *why;
	char text[4096];
	struct stat st;
	size_t n;
	FILE *f;

	pair_init(&p);
	p.client.keylogfile = file;
	why = run_ok(&p);
	if (why)
		return why;
	f = fopen(pki_path("keys.log"), "r");
	CHECK(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	CHECK(strstr(text, "CLIENT_HANDSHAKE_TRAFFIC_SECRET "));
	CHECK(strstr(text, "SERVER_TRAFFIC_SECRET_0 "));
	CHECK(!stat(pki_path("keys.log"), &st) && (!file || (st.st_mode & 0777) == 0600));
	CHECK(!unlink(pki_path("keys.log")));
	return NULL;
}

static const char *keylog(void)
{
	return keylog_of(pki_path("keys.log"));
}

/* Events and 0-RTT data stay for the program, without a busy loop. */
static const char *leaves_data(void)
{
	const char *why;
	struct pair p;

	pair_init(&p);
	fake[0].app_data = fake[1].app_data = true;
	why = run_ok(&p);
	if (why)
		return why;
	CHECK(fake[0].app_peeks + fake[1].app_peeks < 1000);

	pair_init(&p);
	fake[0].app_data = true;
	p.client.timeout_ms = 100;
	CHECK(quic_client_handshake_params(FAKE_FD, &p.client) == -ETIMEDOUT);
	CHECK(fake[0].app_peeks > 2 && fake[0].app_peeks < 50);
	return NULL;
}

/* One thread, one event loop, both ends */
static const char *steps(void)
{
	struct quic_handshake_ctx *ctx[2], *again;
	int err[2] = { -EAGAIN, -EAGAIN }, timeout_ms, i, turns = 0;
	void *session[2];
	struct pair p;
	short events;

	pair_init(&p);
	CHECK(!quic_client_session_new(FAKE_FD, &p.client, &session[0]));
	CHECK(!quic_server_session_new(FAKE_FD + 1, &p.server, &session[1]));
	for (i = 0; i < 2; i++)
		CHECK(!quic_handshake_init(session[i], &ctx[i]));
	CHECK(quic_handshake_init(session[0], &again) == -EBUSY && !again);

	while ((err[0] == -EAGAIN || err[1] == -EAGAIN) && turns++ < 20) {
		for (i = 0; i < 2; i++) {
			if (err[i] != -EAGAIN)
				continue;
			err[i] = quic_handshake_step(ctx[i], &events, &timeout_ms);
			CHECK(err[i] != -EAGAIN || (events == POLLIN && timeout_ms > 0 &&
						    timeout_ms <= 5000));
		}
	}
	CHECK(quic_handshake_step(ctx[0], NULL, NULL) == 0);
	for (i = 0; i < 2; i++) {
		quic_handshake_deinit(ctx[i]);
		quic_session_free(session[i]);
	}
	p.client_err = err[0];
	p.server_err = err[1];
	return check_pair(&p);
}

/* A full send buffer asks for POLLOUT. */
static const char *step_pollout(void)
{
	struct quic_handshake_ctx *ctx;
	void *session;
	struct pair p;
	short events;

	pair_init(&p);
	fake[0].again_every = 1;
	CHECK(!quic_client_session_new(FAKE_FD, &p.client, &session));
	CHECK(!quic_handshake_init(session, &ctx));
	CHECK(quic_handshake_step(ctx, &events, NULL) == -EAGAIN);
	CHECK(events == POLLOUT);
	CHECK(!fake[1].in);
	fake[0].again_every = 0;
	CHECK(quic_handshake_step(ctx, &events, NULL) == -EAGAIN);
	CHECK(events == POLLIN);
	CHECK(fake[1].in);
	quic_handshake_deinit(ctx);
	quic_session_free(session);
	return NULL;
}

const struct test handshake_tests[] = {
	{ "certificate", certificate },
	{ "order", order },
	{ "alpn", alpn },
	{ "alpn_get", alpn_get },
	{ "alpn_unanswered", no_alpn_offered_none_wanted },
	{ "no_compatibility", no_compatibility },
	{ "host_address", host_address },
	{ "host_null", host_null },
	{ "insecure", insecure },
	{ "psk", psk },
	{ "psk_simple", psk_simple },
	{ "psk_and_certificate", psk_and_certificate },
	{ "client_certificate", client_certificate },
	{ "client_certificate_any", client_certificate_any },
	{ "ciphers", ciphers },
	{ "retry_request", retry_request },
	{ "pieces", pieces },
	{ "resume", resume },
	{ "resume_psk", resume_psk },
	{ "resume_params", resume_params },
	{ "resume_refused", resume_refused },
	{ "resume_refused_psk", resume_refused_psk },
	{ "resume_elsewhere", resume_elsewhere },
	{ "resume_unchecked", resume_unchecked },
	{ "resume_other_name", resume_other_name },
	{ "resume_name_changed", resume_name_changed },
	{ "early", early },
	{ "early_refused_by_kernel", early_refused_by_kernel },
	{ "early_seen", early_seen },
	{ "early_later", early_later },
	{ "early_data", early_data },
	{ "early_pieces", early_pieces },
	{ "early_other_alpn", early_other_alpn },
	{ "early_other_name", early_other_name },
	{ "early_replay", early_replay },
	{ "no_ticket", no_ticket },
	{ "credentials", credentials },
	{ "raw_session", raw_session },
	{ "auto_ticket", auto_ticket },
	{ "raw_session_unverified", raw_session_unverified },
	{ "raw_session_verified_by_tls", raw_session_verified_by_tls },
	{ "keylog", keylog },
	{ "leaves_data", leaves_data },
	{ "steps", steps },
	{ "step_pollout", step_pollout },
	{ NULL, NULL }
};

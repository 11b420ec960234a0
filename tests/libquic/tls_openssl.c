// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "pair.h"
#include "test.h"
#include "tls.h"

const char tls_client_trace[] = "pg >i <i +hw +hr <h ps <h <h <h >h +aw +ar";
const char tls_server_trace[] = "<i ps pg >iM +hw +hr >hM >hM >hM >h +aw <h +ar >a";
const char tls_early_client_trace[] = "pg +ew >i ";
const bool tls_early_window = false;
const char tls_retry_priority[] = QUIC_PRIORITY ":P-384";

static int set_up(struct tls_raw *r, int fd, const struct quic_handshake_params *p)
{
	SSL *ssl = SSL_new(r->credentials);

	r->session = ssl;
	if (!ssl || !SSL_set_fd(ssl, fd) || !SSL_set_max_early_data(ssl, UINT32_MAX))
		return -1;
	return p->alpns ? quic_session_set_alpn(ssl, p->alpns, strlen(p->alpns)) : 0;
}

int tls_raw_client(struct tls_raw *r, const struct quic_handshake_params *p)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int err;

	r->credentials = ctx;
	if (!ctx || !SSL_CTX_load_verify_file(ctx, p->cafile))
		return -1;
	err = set_up(r, FAKE_FD, p);
	if (!err && p->session_data)
		err = quic_session_set_data(r->session, p->session_data, p->session_data_len);
	return err;
}

/* Without the library's anti-replay tickets are good in the next SSL_CTX, too. */
int tls_raw_server(struct tls_raw *r, const struct quic_handshake_params *p, bool auto_ticket)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	static unsigned char keys[80];

	r->credentials = ctx;
	if (!ctx || !SSL_CTX_use_certificate_chain_file(ctx, p->certfile) ||
	    !SSL_CTX_use_PrivateKey_file(ctx, p->keyfile, SSL_FILETYPE_PEM) ||
	    !SSL_CTX_set_tlsext_ticket_keys(ctx, keys, sizeof(keys)) ||
	    !SSL_CTX_set_num_tickets(ctx, auto_ticket ? 2 : 1))
		return -1;
	SSL_CTX_set_options(ctx, SSL_OP_NO_ANTI_REPLAY);
	return set_up(r, FAKE_FD + 1, p);
}

void tls_raw_free(struct tls_raw *r)
{
	SSL_free(r->session);
	SSL_CTX_free(r->credentials);
}

void tls_verify_itself(void *session, const char *host)
{
	SSL_set_verify(session, SSL_VERIFY_PEER, NULL);
	SSL_set1_host(session, host);
}

void tls_offer_old(void *session)
{
	SSL_set_min_proto_version(session, 0);
	SSL_set_max_proto_version(session, TLS1_2_VERSION);
}

size_t tls_hello(bool old, unsigned char *to, size_t size)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	BIO *out = BIO_new(BIO_s_mem());
	SSL *ssl = SSL_new(ctx);
	int len;

	if (old)
		SSL_set_max_proto_version(ssl, TLS1_2_VERSION);
	else
		SSL_set_min_proto_version(ssl, TLS1_3_VERSION);
	SSL_clear_options(ssl, SSL_OP_ENABLE_MIDDLEBOX_COMPAT);
	BIO_up_ref(out);
	SSL_set_bio(ssl, BIO_new(BIO_s_mem()), out);
	SSL_connect(ssl);
	len = BIO_read(out, to, (int)size);
	BIO_free(out);
	SSL_free(ssl);
	SSL_CTX_free(ctx);
	if (len <= 5)
		return 0;
	/* without the five bytes of the record header */
	memmove(to, to + 5, (size_t)len - 5);
	return (size_t)len - 5;
}

/* A client's and a server's session with handshakes; the client's hello is on its way. */
static const char *begin(struct pair *p, void *session[2], struct quic_handshake_ctx *ctx[2])
{
	int i;

	pair_init(p);
	CHECK(!quic_client_session_new(FAKE_FD, &p->client, &session[0]));
	CHECK(!quic_server_session_new(FAKE_FD + 1, &p->server, &session[1]));
	for (i = 0; i < 2; i++)
		CHECK(!quic_handshake_init(session[i], &ctx[i]));
	CHECK(quic_handshake_step(ctx[0], NULL, NULL) == -EAGAIN);
	return NULL;
}

static void end(void *session[2], struct quic_handshake_ctx *ctx[2])
{
	int i;

	for (i = 0; i < 2; i++) {
		quic_handshake_deinit(ctx[i]);
		quic_session_free(session[i]);
	}
}

static const char *one_handshake(void)
{
	struct quic_handshake_ctx *ctx[2];
	void *session[2];
	struct pair p;
	const char *why = begin(&p, session, ctx);

	if (why)
		return why;
	quic_handshake_deinit(ctx[0]);
	CHECK(quic_handshake_init(session[0], &ctx[0]) == -EBUSY && !ctx[0]);
	end(session, ctx);
	return NULL;
}

static int verifier(int ok, X509_STORE_CTX *x)
{
	(void)x;
	return ok;
}

static void watch_only(void *session)
{
	SSL_set_verify(session, SSL_VERIFY_NONE, verifier);
}

/* A client's server is verified, also where a verifier of the program's is asked. */
static const char *own_verifier(void)
{
	struct pair p;

	pair_init(&p);
	p.client_raw = true;
	p.client.cafile = pki_path("other-ca.pem");
	p.client_setup = watch_only;
	pair_run(&p);
	CHECK(p.client_err == -EKEYREJECTED);
	return NULL;
}

static int wait_for_it(SSL *ssl, void *arg)
{
	(void)ssl;
	(void)arg;
	return -1;
}

static const char *waiting_callback(void)
{
	struct quic_handshake_ctx *ctx[2];
	void *session[2];
	struct pair p;
	const char *why = begin(&p, session, ctx);

	if (why)
		return why;
	SSL_set_cert_cb(session[1], wait_for_it, NULL);
	CHECK(quic_handshake_step(ctx[1], NULL, NULL) == -EOPNOTSUPP);
	CHECK(logged("makes OpenSSL wait") && strstr(fake[1].trace, "C150 S"));
	end(session, ctx);
	return NULL;
}

/* Cipher suites and groups in one string, see libquic(3) */
static const char *priority(void)
{
	static const struct {
		const char *text;
		int err, suites;
	} cases[] = {
		{ "TLS_AES_256_GCM_SHA384:X25519:P-256", 0, 1 },
		{ "P-256", 0, 4 },
		{ "TLS_AES_128_CCM_SHA256", 0, 1 },
		{ "TLS_NO_SUCH_SUITE", -EINVAL, 0 },
		{ "X25519:no-such-group", -EINVAL, 0 },
	};
	STACK_OF(SSL_CIPHER) *ciphers;
	void *session;
	struct pair p;
	size_t i;
	int n;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		pair_init(&p);
		p.client.priority = cases[i].text;
		CHECK(quic_client_session_new(FAKE_FD, &p.client, &session) == cases[i].err);
		if (cases[i].err) {
			CHECK(logged("priority string"));
			continue;
		}
		ciphers = SSL_get1_supported_ciphers(session);
		n = sk_SSL_CIPHER_num(ciphers);
		sk_SSL_CIPHER_free(ciphers);
		quic_session_free(session);
		CHECK(n == cases[i].suites);
	}
	return NULL;
}

/* Debian's OpenSSL does not look at it. */
static const char *keylog_environment(void)
{
	const char *path = pki_path("environment.log");
	char text[4096];
	struct pair p;
	size_t n = 0;
	FILE *f;

	pair_init(&p);
	CHECK(!setenv("SSLKEYLOGFILE", path, 1));
	pair_run(&p);
	unsetenv("SSLKEYLOGFILE");
	CHECK(!p.client_err && !p.server_err);
	f = fopen(path, "r");
	if (f) {
		n = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
	}
	text[n] = '\0';
	CHECK(strstr(text, "CLIENT_HANDSHAKE_TRAFFIC_SECRET ") &&
	      strstr(text, "SERVER_TRAFFIC_SECRET_0 "));
	return NULL;
}

const struct test tls_tests[] = {
	{ "openssl_one_handshake", one_handshake },
	{ "openssl_waiting_callback", waiting_callback },
	{ "openssl_own_verifier", own_verifier },
	{ "openssl_priority", priority },
	{ "openssl_keylog_environment", keylog_environment },
	{ NULL, NULL }
};

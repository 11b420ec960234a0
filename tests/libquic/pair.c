// SPDX-License-Identifier: GPL-2.0-or-later
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pair.h"
#include "tls.h"

char log_text[8192];
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static void keep(int level, const char *message, void *arg)
{
	size_t len;

	(void)arg;
	pthread_mutex_lock(&log_lock);
	len = strlen(log_text);
	snprintf(log_text + len, sizeof(log_text) - len, "<%d> %s\n", level, message);
	pthread_mutex_unlock(&log_lock);
	if (getenv("VERBOSE"))
		fprintf(stderr, "# %s\n", message);
}

bool logged(const char *text)
{
	return strstr(log_text, text);
}

void pair_init(struct pair *p)
{
	log_text[0] = '\0';
	quic_set_log_func(keep, NULL);
	quic_set_log_level(getenv("VERBOSE") ? QUIC_LOG_DEBUG : QUIC_LOG_ERROR);
	fake_reset();
	memset(p, 0, sizeof(*p));
	p->client.size = sizeof(p->client);
	p->client.cafile = pki_path("ca.pem");
	p->client.hostname = PKI_HOST;
	p->client.timeout_ms = 5000;
	p->server.size = sizeof(p->server);
	p->server.certfile = pki_path("server.pem");
	p->server.keyfile = pki_path("server.key");
	p->server.timeout_ms = 5000;
}

static void *run_client(void *arg)
{
	struct tls_raw raw = { .session = NULL };
	struct pair *p = arg;
	void *session = NULL;

	if (p->client_raw) {
		p->client_err = tls_raw_client(&raw, &p->client);
		session = raw.session;
	} else {
		p->client_err = quic_client_session_new(FAKE_FD, &p->client, &session);
	}
	if (!p->client_err && p->client_setup)
		p->client_setup(session);
	if (!p->client_err)
		p->client_err = quic_handshake(session);
	if (!p->client_err && p->client_done)
		p->client_done(session);
	if (p->client_raw)
		tls_raw_free(&raw);
	else
		quic_session_free(session);
	return NULL;
}

static void *run_server(void *arg)
{
	struct tls_raw raw = { .session = NULL };
	struct pair *p = arg;
	void *session = NULL;

	if (p->server_raw) {
		p->server_err = tls_raw_server(&raw, &p->server, p->auto_ticket);
		session = raw.session;
	} else {
		p->server_err = quic_server_session_new(FAKE_FD + 1, &p->server, &session);
	}
	if (!p->server_err)
		p->server_err = quic_handshake(session);
	if (!p->server_err && p->server_done)
		p->server_done(session);
	if (p->server_raw)
		tls_raw_free(&raw);
	else
		quic_session_free(session);
	return NULL;
}

void pair_run(struct pair *p)
{
	pthread_t server;

	pthread_create(&server, NULL, run_server, p);
	run_client(p);
	pthread_join(server, NULL);
	if (getenv("VERBOSE"))
		fprintf(stderr, "# client %d: %s\n# server %d: %s\n", p->client_err, fake[0].trace,
			p->server_err, fake[1].trace);
}

static bool same_secret(int level, int client_sends)
{
	const struct quic_crypto_secret *c = &fake[0].secret[level][client_sends];
	const struct quic_crypto_secret *s = &fake[1].secret[level][!client_sends];

	return c->type && c->type == s->type && !memcmp(c->secret, s->secret, sizeof(c->secret));
}

bool pair_agrees(void)
{
	return fake_established(&fake[0]) && fake_established(&fake[1]) &&
	       same_secret(QUIC_CRYPTO_HANDSHAKE, 0) && same_secret(QUIC_CRYPTO_HANDSHAKE, 1) &&
	       same_secret(QUIC_CRYPTO_APP, 0) && same_secret(QUIC_CRYPTO_APP, 1) &&
	       fake[0].peer_params_len == fake[1].params_len &&
	       fake[1].peer_params_len == fake[0].params_len &&
	       !memcmp(fake[0].peer_params, fake[1].params, fake[1].params_len) &&
	       !memcmp(fake[1].peer_params, fake[0].params, fake[0].params_len);
}

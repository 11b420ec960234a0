// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Each allocation of libquic fails in turn: -ENOMEM, no crash, no leak (which
 * the address sanitizer looks for at the end).  The TLS library's own are not touched.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pair.h"
#include "test.h"

static int countdown;		/* 0: none fails */
static bool hit;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *s);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *s);

static bool fails(void)
{
	if (!countdown || --countdown)
		return false;
	hit = true;
	errno = ENOMEM;
	return true;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *s)
{
	return fails() ? NULL : __real_strdup(s);
}

static int step_both(struct quic_handshake_ctx *ctx[2])
{
	int err[2] = { -EAGAIN, -EAGAIN }, turns = 0, i;

	while ((err[0] == -EAGAIN || err[1] == -EAGAIN) && turns++ < 20)
		for (i = 0; i < 2; i++)
			if (err[i] == -EAGAIN)
				err[i] = quic_handshake_step(ctx[i], NULL, NULL);
	return err[0] == -ENOMEM || err[1] == -ENOMEM ? -ENOMEM : err[0] ? err[0] : err[1];
}

/* Both ends in one thread, so that the nth allocation is always the same. */
static int handshake(const struct pair *p)
{
	struct quic_handshake_ctx *ctx[2] = { NULL, NULL };
	void *session[2] = { NULL, NULL };
	int err, i;

	err = quic_client_session_new(FAKE_FD, &p->client, &session[0]);
	if (!err)
		err = quic_server_session_new(FAKE_FD + 1, &p->server, &session[1]);
	for (i = 0; !err && i < 2; i++)
		err = quic_handshake_init(session[i], &ctx[i]);
	if (!err)
		err = step_both(ctx);
	for (i = 0; i < 2; i++) {
		quic_handshake_deinit(ctx[i]);
		quic_session_free(session[i]);
	}
	return err;
}

static const char *every_allocation(const struct pair *p)
{
	int n, err;

	for (n = 1; n < 1000; n++) {
		log_text[0] = '\0';
		fake_reset();
		hit = false;
		countdown = n;
		err = handshake(p);
		countdown = 0;
		if (!hit) {
			CHECK(!err && pair_agrees());
			CHECK(n > 10);
			return NULL;
		}
		/* A ticket is no need. */
		CHECK(err == -ENOMEM ||
		      (!err && pair_agrees() && !strstr(fake[1].trace, ">a")));
	}
	return "no end of allocations";
}

static const char *no_memory(void)
{
	struct pair p;

	pair_init(&p);
	p.client.alpns = p.server.alpns = "h3";
	p.client.keylogfile = pki_path("keys.log");
	return every_allocation(&p);
}

static const char *no_memory_psk(void)
{
	struct pair p;

	pair_init(&p);
	p.client.cafile = p.client.hostname = NULL;
	p.server.certfile = p.server.keyfile = NULL;
	p.client.pskfile = p.server.pskfile = pki_path("psk.txt");
	return every_allocation(&p);
}

const struct test memory_tests[] = {
	{ "no_memory", no_memory },
	{ "no_memory_psk", no_memory_psk },
	{ NULL, NULL }
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pair of connections and a hostile peer of one of them, for KUnit. */
#ifndef _QUIC_CONN_CTX_TEST_H
#define _QUIC_CONN_CTX_TEST_H

#include <kunit/test.h>
#include "conn_harness_test.h"
#include "crypto_test_ops.h"

#define APP	QUIC_CRYPTO_APP
#define INI	QUIC_CRYPTO_INITIAL
#define HS	QUIC_CRYPTO_HANDSHAKE
#define ERR(e)	QUIC_TRANSPORT_ERROR_##e

struct ctx {
	struct pair p;
	struct hostile h;
};

static inline struct ctx *ctx_new(struct kunit *test)
{
	struct ctx *x = kzalloc(sizeof(*x), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, x);
	pair_init(&x->p, quic_test_crypto());
	return x;
}

static inline void ctx_free(struct kunit *test, struct ctx *x)
{
	if (x->h.victim)
		hostile_free(&x->h);
	pair_free(&x->p);
	KUNIT_EXPECT_EQ(test, x->p.error, 0);
	kfree(x);
}

/* A connection at the stage where it has keys of @level, and a hostile peer of it. */
static inline struct ctx *ctx_at(struct kunit *test, int side, u8 level)
{
	struct ctx *x = ctx_new(test);

	if (level == APP)
		pair_establish(&x->p);
	else
		pair_middle(&x->p);
	hostile_init(&x->h, &x->p.e[side]);
	return x;
}

static inline struct quic_conn *victim(struct ctx *x)
{
	return &x->h.victim->c;
}

#endif /* _QUIC_CONN_CTX_TEST_H */

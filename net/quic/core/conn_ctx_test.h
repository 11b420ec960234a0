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
#define TOKEN16	1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16

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

/* It closed with this error, and says so to the peer, RFC 9000 §11.1. */
static inline void expect_fault(struct kunit *test, struct ctx *x, u64 code, u64 type,
				const char *what)
{
	struct quic_conn *c = victim(x);
	const struct quic_frame *f;
	u8 level;

	KUNIT_EXPECT_EQ_MSG(test, (int)c->state, (int)QUIC_CONN_CLOSING, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, c->close.code, code, "%s", what);
	KUNIT_EXPECT_EQ_MSG(test, c->close.frame_type, type, "%s", what);
	KUNIT_EXPECT_TRUE(test, c->close.local && !c->close.app);
	KUNIT_EXPECT_EQ(test, c->close.err, EPROTO);
	KUNIT_EXPECT_EQ(test, end_events(x->h.victim, QUIC_EVENT_CONNECTION_CLOSE, NULL), 1);
	KUNIT_EXPECT_EQ_MSG(test, hostile_look(&x->h), 1, "%s", what);
	for (level = 0; level < PAIR_LEVELS; level++) {
		f = hostile_saw(&x->h, level, QUIC_FRAME_CONNECTION_CLOSE);
		if (!f)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, f->close.code, code, "%s", what);
		KUNIT_EXPECT_EQ_MSG(test, f->close.frame_type, type, "%s", what);
	}
	f = hostile_saw(&x->h, c->confirmed ? APP : HS, QUIC_FRAME_CONNECTION_CLOSE);
	KUNIT_EXPECT_TRUE_MSG(test, f, "%s: no CLOSE at the highest level", what);
}

#endif /* _QUIC_CONN_CTX_TEST_H */

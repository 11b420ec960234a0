// SPDX-License-Identifier: GPL-2.0-or-later
/* The QUIC bit, RFC 9287: who may clear it, and when; who must take it cleared. */
#include "conn_ctx_test.h"

static struct ctx *grease_ctx(struct kunit *test, bool client, bool server)
{
	struct ctx *x = ctx_new(test);

	x->p.e[0].c.local_tp.grease_quic_bit = client;
	x->p.e[1].c.local_tp.grease_quic_bit = server;
	return x;
}

/* Packets in which the victim cleared the bit, of about @n. */
static u32 cleared(struct ctx *x, u32 n)
{
	u32 sum = 0;

	while (n--) {
		HOSTILE(&x->h, APP, QUIC_FRAME_PING);
		hostile_look(&x->h);
		sum += x->h.cleared;
	}
	return sum;
}

/* RFC 9287 §3.1: SHOULD be unpredictable where the peer announced it, and only there. */
static void sends(struct kunit *test)
{
	struct ctx *x;
	u32 side, says, n;

	for (side = 0; side < 2; side++) {
		for (says = 0; says < 2; says++) {
			/* what the peer of the victim says counts; what it says itself does not */
			x = grease_ctx(test, side ? says : !says, side ? !says : says);
			pair_establish(&x->p);
			hostile_init(&x->h, &x->p.e[side]);
			x->h.any_bit = true;
			n = cleared(x, 64);
			KUNIT_EXPECT_GE(test, n, says ? 10 : 0);
			KUNIT_EXPECT_LE(test, n, says ? 54 : 0);
			ctx_free(test, x);
		}
	}
}

/* RFC 9287 §3.1: MUST NOT before the peer's parameters were processed. */
static void not_before_parameters(struct kunit *test)
{
	struct ctx *x;
	u32 i, side;

	for (i = 0; i < 32; i++) {
		x = grease_ctx(test, true, true);
		pair_middle(&x->p);
		for (side = 0; side < 2; side++) {
			if (!x->p.e[side].c.peer_params_set)
				KUNIT_EXPECT_FALSE(test, x->p.e[side].c.grease);
		}
		KUNIT_EXPECT_FALSE(test, x->p.e[0].c.peer_params_set);
		KUNIT_EXPECT_TRUE(test, x->p.e[1].c.grease);
		ctx_free(test, x);
		/* and yet every handshake with it succeeds */
		x = grease_ctx(test, true, true);
		pair_establish(&x->p);
		KUNIT_EXPECT_TRUE(test, x->p.e[0].c.grease);
		ctx_free(test, x);
	}
}

/* RFC 9287 §3: who announced it MUST take a 0; RFC 9000 §17.2: who did not, discards. */
static void receives(struct kunit *test)
{
	static const u8 levels[] = { INI, HS, APP };
	struct ctx *x;
	u32 i, side, says, before;

	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		for (side = 0; side < 2; side++) {
			for (says = 0; says < 2; says++) {
				x = grease_ctx(test, side ? !says : says, side ? says : !says);
				if (levels[i] == APP)
					pair_establish(&x->p);
				else
					pair_middle(&x->p);
				hostile_init(&x->h, &x->p.e[side]);
				x->h.clear = QUIC_HDR_FIXED;
				before = victim(x)->stats.rx_packets;
				HOSTILE(&x->h, levels[i], QUIC_FRAME_PING);
				KUNIT_EXPECT_EQ(test, victim(x)->stats.rx_packets, before + says);
				KUNIT_EXPECT_TRUE(test, quic_conn_is_open(victim(x)));
				ctx_free(test, x);
			}
		}
	}
}

static struct kunit_case conn_grease_cases[] = {
	KUNIT_CASE(sends),
	KUNIT_CASE(not_before_parameters),
	KUNIT_CASE(receives),
	{}
};

static struct kunit_suite conn_grease_suite = {
	.name = "conn_grease",
	.test_cases = conn_grease_cases,
};
kunit_test_suite(conn_grease_suite);

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of CUBIC against values worked out from RFC 9438's formulas:
 * W_cubic(t) = 0.4 (t - K)^3 + W_max packets, K = cbrt((W_max - cwnd) / 0.4) s.
 * An ACK of a whole window moves cwnd all the way to its target, which makes
 * the target visible.
 */
#include <kunit/test.h>
#include "cc.h"

#define MSS	1200
#define MS	QUIC_NSEC_PER_MSEC
#define SEC	QUIC_NSEC_PER_SEC

/* A window acknowledged at @now. */
static void ack_window(struct quic_cc *cc, u64 now, u64 rtt)
{
	struct quic_cc_ack a = { .now = now, .bytes = cc->cwnd, .fresh = cc->cwnd,
				 .rtt_smoothed = rtt };

	cc->ops->ack(cc, &a);
}

/* Congestion at a window of @packets. */
static void cut(struct quic_cc *cc, u64 packets)
{
	quic_cc_init(cc, QUIC_CONG_ALG_CUBIC, MSS);
	cc->cwnd = packets * MSS;
	cc->ops->congestion(cc);
}

static bool near(u64 a, u64 b, u64 within)
{
	return a > b ? a - b <= within : b - a <= within;
}

/* RFC 9438 §4.6: beta is 0.7 */
static void test_decrease(struct kunit *test)
{
	struct quic_cc cc;

	cut(&cc, 100);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 70ull * MSS);
	KUNIT_EXPECT_EQ(test, cc.ssthresh, 70ull * MSS);
	KUNIT_EXPECT_EQ(test, cc.cubic.w_max, 100ull * MSS);
	KUNIT_EXPECT_EQ(test, cc.cubic.cwnd_prior, 100ull * MSS);
	cut(&cc, 2);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 2ull * MSS);
	KUNIT_EXPECT_EQ(test, cc.ssthresh, 2ull * MSS);
}

/* RFC 9438 §4.2, figure 2 */
static void test_k(struct kunit *test)
{
	static const struct {
		u64 packets, us;
	} table[] = {
		{ 3, 1310371 }, { 10, 1957434 }, { 100, 4217163 }, { 1000, 9085603 },
		{ 100000, 42171633 },
	};
	struct quic_cc cc;
	int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		cut(&cc, table[i].packets);
		ack_window(&cc, SEC, 100 * MS);
		KUNIT_EXPECT_TRUE_MSG(test, near(cc.cubic.k, table[i].us * 1000, 1000 * 1000),
				      "%llu packets: %llu ns", table[i].packets, cc.cubic.k);
	}
	/* windows beyond reason stay within 64 bits */
	cut(&cc, 1ULL << 40);
	ack_window(&cc, SEC, 100 * MS);
	KUNIT_EXPECT_GT(test, cc.cubic.k, 130 * SEC);
	KUNIT_EXPECT_LT(test, cc.cubic.k, 133 * SEC);
	KUNIT_EXPECT_GE(test, cc.cwnd, cc.ssthresh);
}

struct point {
	u32 ms;			/* t + RTT */
	u32 bytes;		/* W_cubic */
};

static void follow(struct kunit *test, u64 packets, const struct point *table, int n, u64 rtt_ms)
{
	struct quic_cc cc;
	u64 ms, within;
	int i = 0;

	cut(&cc, packets);
	for (ms = rtt_ms; i < n; ms += rtt_ms) {	/* t = 0 at the first ACK, target at RTT */
		ack_window(&cc, 5 * SEC + ms * MS, rtt_ms * MS);
		if (ms != table[i].ms)
			continue;
		within = table[i].bytes / 2000 + 2;
		KUNIT_EXPECT_TRUE_MSG(test, near(cc.cwnd, table[i].bytes, within),
				      "at %llu ms: %llu, not %u", ms, cc.cwnd, table[i].bytes);
		i++;
	}
}

/* RFC 9438 §4.2, figure 1; §4.4 concave until K, §4.5 convex after */
static void test_curve(struct kunit *test)
{
	/* W_max 100 packets, K 4.2172 s */
	static const struct point small[] = {
		{ 400, 93303 }, { 1000, 104017 }, { 2000, 114768 },
		{ 3000, 119134 }, { 4000, 119995 }, { 5000, 120230 }, { 6000, 122720 },
		{ 7000, 130344 }, { 8000, 145983 }, { 9000, 172517 }, { 10000, 212825 },
	};
	/* W_max 2000 packets, K 11.4471 s */
	static const struct point large[] = {
		{ 1000, 1852689 }, { 5000, 2271370 }, { 10000, 2398545 }, { 12000, 2400081 },
		{ 15000, 2421527 }, { 20000, 2700314 }, { 30000, 5465305 },
	};

	follow(test, 100, small, ARRAY_SIZE(small), 200);
	follow(test, 2000, large, ARRAY_SIZE(large), 250);
}

/* RFC 9438 §4.2: the target is at most one and a half windows, §4.4: reached over a window */
static void test_target_bound(struct kunit *test)
{
	struct quic_cc_ack a = { .now = 2 * SEC, .fresh = 7000, .rtt_smoothed = 10 * SEC };
	struct quic_cc cc;

	cut(&cc, 100);
	ack_window(&cc, SEC, 10 * SEC);
	/* t is 0 and W_cubic(t) the window itself: the one that Reno adds to is larger, §4.3 */
	KUNIT_EXPECT_EQ(test, cc.cwnd, 84635ull);
	cc.cwnd = 84000;
	cc.ops->ack(&cc, &a);	/* a twelfth of the window acknowledged */
	KUNIT_EXPECT_EQ(test, cc.cwnd, 84000ull + 42000 * 7000 / 84000);
	ack_window(&cc, 3 * SEC, 10 * SEC);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 87500ull + 87500 / 2);
}

/* RFC 9438 §4.3: alpha 9/17 until cwnd_prior, then 1; the RTT is short */
static void test_reno_friendly(struct kunit *test)
{
	struct quic_cc cc;
	u64 now = SEC;
	int i;

	cut(&cc, 100);
	for (i = 1; i <= 51; i++, now += MS) {
		ack_window(&cc, now, MS);
		/* 70 packets and 9/17 for each round trip: 635.29 bytes */
		KUNIT_ASSERT_TRUE(test, near(cc.cubic.w_est, 84000 + i * 10800 / 17, 2));
		KUNIT_EXPECT_GE(test, cc.cwnd, cc.cubic.w_est);
	}
	KUNIT_EXPECT_TRUE(test, near(cc.cwnd, 97 * MSS, 50));
	while (cc.cubic.w_est < 100 * MSS)
		ack_window(&cc, now += MS, MS);
	for (i = 0; i < 10; i++)
		ack_window(&cc, now += MS, MS);
	KUNIT_EXPECT_GE(test, cc.cubic.w_est, 110ull * MSS);
	KUNIT_EXPECT_LE(test, cc.cubic.w_est, 111ull * MSS);
	KUNIT_EXPECT_EQ(test, cc.cwnd, cc.cubic.w_est);
}

/* The same growth, whether a window is acknowledged whole or in many pieces. */
static void test_pieces(struct kunit *test)
{
	struct quic_cc_ack a = { .fresh = MSS, .rtt_smoothed = 200 * MS };
	struct quic_cc cc;
	u64 acked = 0;

	cut(&cc, 2000);
	/* 5 s at 1500 packets in 200 ms: 7.5 in a ms */
	for (a.now = SEC; a.now < 6 * SEC; a.now += MS / 8) {
		cc.ops->ack(&cc, &a);
		acked++;
	}
	KUNIT_EXPECT_EQ(test, acked, 40000ull);
	/* W_cubic(5) is 2271370; the window follows its target by somewhat less than an RTT */
	KUNIT_EXPECT_LE(test, cc.cwnd, 2275000ull);
	KUNIT_EXPECT_GE(test, cc.cwnd, 2255000ull);
}

/* RFC 9438 §4.7: W_max shrinks to 85 % of a window that did not reach it again */
static void test_fast_convergence(struct kunit *test)
{
	struct quic_cc cc;

	cut(&cc, 100);
	cc.cwnd = 80 * MSS;
	cc.ops->congestion(&cc);
	KUNIT_EXPECT_EQ(test, cc.cubic.w_max, 68ull * MSS);
	KUNIT_EXPECT_EQ(test, cc.cubic.cwnd_prior, 80ull * MSS);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 56ull * MSS);
	ack_window(&cc, SEC, 100 * MS);	/* K = cbrt(12 / 0.4) */
	KUNIT_EXPECT_TRUE(test, near(cc.cubic.k, 3107232506, 1000 * 1000));
	cc.cwnd = 90 * MSS;
	cc.ops->congestion(&cc);
	KUNIT_EXPECT_EQ(test, cc.cubic.w_max, 90ull * MSS);
}

/* RFC 9438 §4.10: slow start left without loss, and §4.8: after persistent congestion */
static void test_undefined_w_max(struct kunit *test)
{
	static const struct point table[] = {
		{ 100, 60000 }, { 1000, 60480 }, { 2000, 63840 }, { 5000, 120000 },
	};
	struct quic_cc cc;
	int i, round;

	for (round = 0; round < 2; round++) {
		quic_cc_init(&cc, QUIC_CONG_ALG_CUBIC, MSS);
		if (round) {
			cc.cwnd = 1000 * MSS;
			cc.ops->congestion(&cc);
			cc.ops->persistent(&cc);
		}
		cc.cwnd = 50 * MSS;
		cc.ssthresh = cc.cwnd;
		ack_window(&cc, SEC, 0);
		KUNIT_EXPECT_EQ(test, cc.cubic.k, 0ull);
		KUNIT_EXPECT_EQ(test, cc.cubic.w_max, 50ull * MSS);
		KUNIT_EXPECT_EQ(test, cc.cubic.cwnd_prior, 50ull * MSS);
		for (i = 0; i < ARRAY_SIZE(table); i++) {
			struct quic_cc_ack a = { .now = SEC, .fresh = 2 * cc.cwnd,
						 .rtt_smoothed = table[i].ms * MS };

			cc.cubic.last = SEC;
			cc.cubic.t = 0;
			cc.cubic.w_est = 0;
			cc.cwnd = 50 * MSS;
			a.fresh = cc.cwnd;
			cc.ops->ack(&cc, &a);
			/* §4.2: at most one and a half windows */
			KUNIT_EXPECT_TRUE(test, near(cc.cwnd, min(table[i].bytes, 90000u), 2));
		}
	}
}

/* RFC 9438 §4.2, §5.8: t does not include idle periods */
static void test_idle(struct kunit *test)
{
	struct quic_cc cc;

	cut(&cc, 100);
	ack_window(&cc, SEC, 100 * MS);
	ack_window(&cc, SEC + 50 * MS, 100 * MS);
	KUNIT_EXPECT_EQ(test, cc.cubic.t, 50 * MS);
	ack_window(&cc, 60 * SEC, 100 * MS);
	KUNIT_EXPECT_EQ(test, cc.cubic.t, 150 * MS);
	/* W_cubic(0.25) is 90030 */
	KUNIT_EXPECT_TRUE(test, near(cc.cwnd, 90030, 50));
}

static struct kunit_case cubic_cases[] = {
	KUNIT_CASE(test_decrease),
	KUNIT_CASE(test_k),
	KUNIT_CASE(test_curve),
	KUNIT_CASE(test_target_bound),
	KUNIT_CASE(test_reno_friendly),
	KUNIT_CASE(test_pieces),
	KUNIT_CASE(test_fast_convergence),
	KUNIT_CASE(test_undefined_w_max),
	KUNIT_CASE(test_idle),
	{}
};

static struct kunit_suite cubic_suite = {
	.name		= "quic_cc_cubic",
	.test_cases	= cubic_cases,
};

kunit_test_suite(cubic_suite);

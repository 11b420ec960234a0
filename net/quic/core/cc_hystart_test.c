// SPDX-License-Identifier: GPL-2.0-or-later
/* Tests of HyStart++ (RFC 9406): when slow start turns conservative, and how it ends. */
#include <kunit/test.h>
#include "cc.h"

#define MSS	1200
#define MS	QUIC_NSEC_PER_MSEC

/* An ACK of a packet in slow start with an RTT sample: bytes of growth. */
static u64 ack(struct quic_cc *cc, u64 rtt)
{
	struct quic_cc_ack a = { .now = 1, .fresh = MSS, .rtt_latest = rtt };
	u64 growth = quic_cc_hystart_growth(cc, &a);

	cc->cwnd += growth;
	return growth;
}

/* A round of @n samples of @rtt, begun anew. */
static void round_of(struct quic_cc *cc, int n, u64 rtt)
{
	quic_cc_hystart_round(cc);
	while (n--)
		ack(cc, rtt);
}

static void start(struct quic_cc *cc)
{
	quic_cc_init(cc, QUIC_CONG_ALG_CUBIC, MSS);
}

/* RFC 9406 §4.2: nothing happens while the RTT is steady */
static void test_steady(struct kunit *test)
{
	struct quic_cc cc;
	int i;

	start(&cc);
	for (i = 0; i < 10; i++)
		round_of(&cc, 20, 50 * MS);
	KUNIT_EXPECT_FALSE(test, cc.hs.css);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 12000ull + 200 * MSS);
	KUNIT_EXPECT_EQ(test, cc.ssthresh, U64_MAX);
}

/* RFC 9406 §4.2: the threshold is an eighth of the RTT, within 4 and 16 ms */
static void test_threshold(struct kunit *test)
{
	static const u32 table[][2] = {	/* last round's RTT, threshold, us */
		{ 1000, 4000 }, { 32000, 4000 }, { 40000, 5000 }, { 100000, 12500 },
		{ 128000, 16000 }, { 400000, 16000 },
	};
	struct quic_cc cc;
	int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		u64 rtt = table[i][0] * QUIC_NSEC_PER_USEC, more = table[i][1] * QUIC_NSEC_PER_USEC;

		start(&cc);
		round_of(&cc, 8, rtt);
		round_of(&cc, 8, rtt + more - 1);
		KUNIT_EXPECT_FALSE(test, cc.hs.css);
		start(&cc);
		round_of(&cc, 8, rtt);
		round_of(&cc, 8, rtt + more);
		KUNIT_EXPECT_TRUE(test, cc.hs.css);
		KUNIT_EXPECT_EQ(test, cc.hs.css_baseline_rtt, rtt + more);
	}
}

/* RFC 9406 §4.2: at least eight samples, and a round before to compare with */
static void test_samples(struct kunit *test)
{
	struct quic_cc cc;

	start(&cc);
	round_of(&cc, 7, 30 * MS);
	KUNIT_EXPECT_FALSE(test, cc.hs.css);
	round_of(&cc, 7, 60 * MS);
	KUNIT_EXPECT_FALSE(test, cc.hs.css);
	ack(&cc, 0);		/* no sample */
	KUNIT_EXPECT_FALSE(test, cc.hs.css);
	ack(&cc, 90 * MS);	/* the minimum counts */
	KUNIT_EXPECT_TRUE(test, cc.hs.css);
	KUNIT_EXPECT_EQ(test, cc.hs.css_baseline_rtt, 60 * MS);
	start(&cc);
	round_of(&cc, 20, 30 * MS);
	quic_cc_hystart_round(&cc);	/* a round without samples */
	round_of(&cc, 20, 90 * MS);
	KUNIT_EXPECT_FALSE(test, cc.hs.css);
}

static void enter_css(struct quic_cc *cc)
{
	start(cc);
	round_of(cc, 8, 30 * MS);
	round_of(cc, 8, 40 * MS);
}

/* RFC 9406 §4.3: a quarter of the growth for five rounds, the first a partial one */
static void test_css(struct kunit *test)
{
	struct quic_cc cc;
	int i;

	enter_css(&cc);
	KUNIT_ASSERT_TRUE(test, cc.hs.css);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, ack(&cc, 40 * MS), (u64)MSS / 4);
		round_of(&cc, 10, 41 * MS);
		KUNIT_EXPECT_EQ(test, cc.ssthresh, U64_MAX);
	}
	quic_cc_hystart_round(&cc);
	KUNIT_EXPECT_EQ(test, cc.ssthresh, cc.cwnd);
	KUNIT_EXPECT_FALSE(test, quic_cc_in_slow_start(&cc));
	KUNIT_EXPECT_TRUE(test, cc.hs.done);
}

/* RFC 9406 §4.2: back to slow start if the RTT falls below the baseline */
static void test_spurious(struct kunit *test)
{
	struct quic_cc cc;

	enter_css(&cc);
	round_of(&cc, 7, 39 * MS);
	KUNIT_EXPECT_TRUE(test, cc.hs.css);	/* too few samples */
	ack(&cc, 45 * MS);
	KUNIT_EXPECT_FALSE(test, cc.hs.css);
	KUNIT_EXPECT_EQ(test, ack(&cc, 39 * MS), (u64)MSS);
	/* and it may turn conservative again, with all its rounds */
	round_of(&cc, 8, 60 * MS);
	KUNIT_EXPECT_TRUE(test, cc.hs.css);
	KUNIT_EXPECT_EQ(test, cc.hs.css_rounds, 0);
}

/* RFC 9406 §4.2, §4.3: over with the first loss; later slow starts are plain */
static void test_loss(struct kunit *test)
{
	struct quic_cc cc;
	int i;

	enter_css(&cc);
	quic_cc_ce(&cc, 10, 20);
	KUNIT_EXPECT_TRUE(test, cc.hs.done);
	cc.cwnd = 2 * MSS;
	cc.ssthresh = 1000 * MSS;
	for (i = 0; i < 10; i++) {
		round_of(&cc, 8, (30 + 20 * i) * MS);
		KUNIT_EXPECT_EQ(test, ack(&cc, 30 * MS), (u64)MSS);
	}
	KUNIT_EXPECT_EQ(test, cc.ssthresh, 1000ull * MSS);
	/* it does not grow beyond ssthresh */
	cc.cwnd = cc.ssthresh - 7;
	KUNIT_EXPECT_EQ(test, ack(&cc, 30 * MS), 7ull);
}

static struct kunit_case hystart_cases[] = {
	KUNIT_CASE(test_steady),
	KUNIT_CASE(test_threshold),
	KUNIT_CASE(test_samples),
	KUNIT_CASE(test_css),
	KUNIT_CASE(test_spurious),
	KUNIT_CASE(test_loss),
	{}
};

static struct kunit_suite hystart_suite = {
	.name		= "quic_cc_hystart",
	.test_cases	= hystart_cases,
};

kunit_test_suite(hystart_suite);

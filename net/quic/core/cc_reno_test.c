// SPDX-License-Identifier: GPL-2.0-or-later
/* Tests of NewReno's window. */
#include <kunit/test.h>
#include "cc.h"

#define MSS	1200

static void ack(struct quic_cc *cc, u64 bytes)
{
	struct quic_cc_ack a = { .now = 1, .bytes = bytes, .fresh = bytes };

	cc->ops->ack(cc, &a);
}

/* RFC 9002 §7.3.1: slow start grows by the bytes acknowledged */
static void test_slow_start(struct kunit *test)
{
	struct quic_cc cc;

	quic_cc_init(&cc, QUIC_CONG_ALG_RENO, MSS);
	ack(&cc, 1200);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 13200ull);
	ack(&cc, 77);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 13277ull);
}

/* RFC 9002 §7.3.3: at most one packet for each window acknowledged */
static void test_avoidance(struct kunit *test)
{
	struct quic_cc cc;
	u64 total = 0;

	quic_cc_init(&cc, QUIC_CONG_ALG_RENO, MSS);
	cc.ssthresh = cc.cwnd;
	ack(&cc, 11999);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 12000ull);
	ack(&cc, 1);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 13200ull);
	/* windows of 11, 12 ... 20 packets take 155 to grow to 21, in whatever pieces */
	while (cc.cwnd < 21 * MSS) {
		ack(&cc, 700);
		total += 700;
	}
	KUNIT_EXPECT_GE(test, total, 155ull * MSS);
	KUNIT_EXPECT_LT(test, total, 155ull * MSS + 700);
	/* more than a window in one ACK */
	cc.reno.acked = 0;
	ack(&cc, 21 * MSS + 22 * MSS);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 23ull * MSS);
}

/* RFC 9002 §7.3.2: half the window */
static void test_decrease(struct kunit *test)
{
	struct quic_cc cc;

	quic_cc_init(&cc, QUIC_CONG_ALG_RENO, MSS);
	cc.cwnd = 100001;
	cc.reno.acked = 5000;
	cc.ops->congestion(&cc);
	KUNIT_EXPECT_EQ(test, cc.ssthresh, 50000ull);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 50000ull);
	KUNIT_EXPECT_EQ(test, cc.reno.acked, 0ull);
	KUNIT_EXPECT_FALSE(test, quic_cc_in_slow_start(&cc));
	cc.cwnd = 3000;
	cc.ops->congestion(&cc);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 2400ull);
	KUNIT_EXPECT_EQ(test, cc.ssthresh, 1500ull);
}

static struct kunit_case reno_cases[] = {
	KUNIT_CASE(test_slow_start),
	KUNIT_CASE(test_avoidance),
	KUNIT_CASE(test_decrease),
	{}
};

static struct kunit_suite reno_suite = {
	.name		= "quic_cc_reno",
	.test_cases	= reno_cases,
};

kunit_test_suite(reno_suite);

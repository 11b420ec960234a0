// SPDX-License-Identifier: GPL-2.0-or-later
/* Tests of what congestion control has in common: windows, flight, recovery, full use. */
#include <kunit/test.h>
#include "cc.h"

#define MSS	1200
#define MS	QUIC_NSEC_PER_MSEC

/* @bytes acknowledged at @now, all sent after recovery began. */
static void ack(struct quic_cc *cc, u64 bytes, u64 now)
{
	struct quic_cc_ack a = { .now = now, .bytes = bytes, .fresh = bytes,
				 .rtt_latest = 30 * MS, .rtt_smoothed = 30 * MS,
				 .largest_acked = 1, .next_pn = 100 };

	quic_cc_acked(cc, &a);
}

/* RFC 9002 §7.2: ten packets, at most the larger of 14720 bytes and two packets */
static void test_initial_window(struct kunit *test)
{
	static const u32 table[][2] = {
		{ 1200, 12000 }, { 1452, 14520 }, { 1472, 14720 }, { 1500, 14720 },
		{ 7360, 14720 }, { 7361, 14722 }, { 9000, 18000 }, { 65527, 131054 },
	};
	struct quic_cc cc;
	int i;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		quic_cc_init(&cc, QUIC_CONG_ALG_CUBIC, table[i][0]);
		KUNIT_EXPECT_EQ(test, cc.cwnd, (u64)table[i][1]);
		KUNIT_EXPECT_EQ(test, cc.ssthresh, U64_MAX);
		KUNIT_EXPECT_TRUE(test, quic_cc_in_slow_start(&cc));
		KUNIT_EXPECT_EQ(test, quic_cc_room(&cc), cc.cwnd);
	}
	KUNIT_EXPECT_PTR_EQ(test, cc.ops, &quic_cc_cubic);
	quic_cc_init(&cc, QUIC_CONG_ALG_RENO, MSS);
	KUNIT_EXPECT_PTR_EQ(test, cc.ops, &quic_cc_reno);
	quic_cc_init(&cc, QUIC_CONG_ALG_MAX, MSS);
	KUNIT_EXPECT_PTR_EQ(test, cc.ops, &quic_cc_reno);
}

/* RFC 9002 §7.2: the initial window follows the datagram size */
static void test_set_mss(struct kunit *test)
{
	struct quic_cc cc;

	quic_cc_init(&cc, QUIC_CONG_ALG_RENO, MSS);
	quic_cc_set_mss(&cc, 1452);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 14520ull);
	quic_cc_set_mss(&cc, 1200);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 12000ull);
	/* a later one keeps its bytes, but two packets always fit */
	quic_cc_sent(&cc, 12000);
	ack(&cc, 3000, MS);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 15000ull);
	quic_cc_set_mss(&cc, 1452);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 15000ull);
	quic_cc_set_mss(&cc, 9000);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 18000ull);
}

static void test_flight(struct kunit *test)
{
	struct quic_cc cc;

	quic_cc_init(&cc, QUIC_CONG_ALG_RENO, MSS);
	quic_cc_sent(&cc, 1200);
	quic_cc_sent(&cc, 800);
	KUNIT_EXPECT_EQ(test, cc.in_flight, 2000ull);
	KUNIT_EXPECT_EQ(test, quic_cc_room(&cc), 10000ull);
	quic_cc_discard(&cc, 800);
	KUNIT_EXPECT_EQ(test, cc.in_flight, 1200ull);
	ack(&cc, 1200, MS);
	KUNIT_EXPECT_EQ(test, cc.in_flight, 0ull);
	KUNIT_EXPECT_EQ(test, cc.delivered, 1200ull);
	quic_cc_sent(&cc, 20000);	/* probes exceed the window */
	KUNIT_EXPECT_EQ(test, quic_cc_room(&cc), 0ull);
}

/* As many packets as leave one by one as long as there is room; nothing in flight: one at least. */
static void test_packets(struct kunit *test)
{
	struct quic_cc cc;

	quic_cc_init(&cc, QUIC_CONG_ALG_RENO, 1200);
	cc.cwnd = 5999;
	KUNIT_EXPECT_EQ(test, quic_cc_packets(&cc, 1200), 4ull);
	KUNIT_EXPECT_EQ(test, quic_cc_packets(&cc, 6000), 1ull);
	quic_cc_sent(&cc, 1199);
	KUNIT_EXPECT_EQ(test, quic_cc_packets(&cc, 1200), 4ull);
	quic_cc_sent(&cc, 1);
	KUNIT_EXPECT_EQ(test, quic_cc_packets(&cc, 1200), 3ull);
	KUNIT_EXPECT_EQ(test, quic_cc_packets(&cc, 6000), 0ull);
	cc.cwnd = 1000;
	KUNIT_EXPECT_EQ(test, quic_cc_packets(&cc, 1200), 0ull);
}

/* RFC 9002 §7.8: SHOULD NOT grow if underutilized, in slow start */
static void test_underused_slow_start(struct kunit *test)
{
	struct quic_cc cc;

	quic_cc_init(&cc, QUIC_CONG_ALG_RENO, MSS);
	quic_cc_sent(&cc, 5999);
	ack(&cc, 5999, MS);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 12000ull);
	quic_cc_sent(&cc, 6000);
	ack(&cc, 6000, 2 * MS);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 18000ull);
}

/* RFC 9002 §7.8, in congestion avoidance */
static void test_underused_avoidance(struct kunit *test)
{
	struct quic_cc cc;

	quic_cc_init(&cc, QUIC_CONG_ALG_RENO, MSS);
	cc.cwnd = 80 * MSS;
	cc.ssthresh = cc.cwnd;
	quic_cc_sent(&cc, 68 * MSS - 1);	/* less than all but an eighth and two packets */
	ack(&cc, 68 * MSS - 1, MS);
	KUNIT_EXPECT_EQ(test, cc.reno.acked, 0ull);
	quic_cc_sent(&cc, 68 * MSS);
	ack(&cc, 68 * MSS, 2 * MS);
	KUNIT_EXPECT_EQ(test, cc.reno.acked, 68ull * MSS);
}

/* The peak of this round and the one before counts, not the instant of an ACK. */
static void test_peak(struct kunit *test)
{
	struct quic_cc_ack a = { .now = MS, .bytes = 1200, .fresh = 1200, .next_pn = 10 };
	struct quic_cc cc;

	quic_cc_init(&cc, QUIC_CONG_ALG_RENO, MSS);
	quic_cc_sent(&cc, 12000);
	ack(&cc, 9600, MS);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 21600ull);
	quic_cc_acked(&cc, &a);		/* 2400 in flight: the peak was 12000 */
	KUNIT_EXPECT_EQ(test, cc.cwnd, 22800ull);
	KUNIT_EXPECT_EQ(test, cc.in_flight, 1200ull);
	/* rounds go by with a packet in flight */
	cc.round_end = 0;
	quic_cc_acked(&cc, &(struct quic_cc_ack){ .now = MS, .next_pn = 1 });
	KUNIT_EXPECT_EQ(test, cc.last_peak, 2400ull);
	KUNIT_EXPECT_EQ(test, cc.peak, 1200ull);
	quic_cc_acked(&cc, &(struct quic_cc_ack){ .now = MS, .largest_acked = 1, .next_pn = 2 });
	KUNIT_EXPECT_EQ(test, cc.last_peak, 1200ull);
	ack(&cc, 600, 2 * MS);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 22800ull);
	/* after idleness the window has to be filled anew before it grows */
	ack(&cc, 600, 3 * MS);
	cc.last_peak = cc.cwnd;
	quic_cc_sent(&cc, 1200);
	KUNIT_EXPECT_EQ(test, cc.last_peak, 0ull);
	KUNIT_EXPECT_EQ(test, cc.peak, 1200ull);
}

/* RFC 9002 §7.3.2, §B.6: one reduction for all that was sent before recovery began */
static void test_recovery(struct kunit *test)
{
	struct quic_cc_ack old = { .now = 120, .bytes = 1200, .next_pn = 10 };
	struct quic_cc cc;

	quic_cc_init(&cc, QUIC_CONG_ALG_RENO, MSS);
	quic_cc_sent(&cc, 12000);
	quic_cc_lost(&cc, 1200, 50, false, 100);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 6000ull);
	KUNIT_EXPECT_EQ(test, cc.recovery_start, 100ull);
	KUNIT_EXPECT_EQ(test, cc.prior, 12000);
	KUNIT_EXPECT_EQ(test, cc.in_flight, 10800ull);
	quic_cc_lost(&cc, 1200, 100, false, 110);
	quic_cc_ce(&cc, 99, 115);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 6000ull);
	KUNIT_EXPECT_EQ(test, cc.events, 1ull);
	/* no growth by what was sent before */
	quic_cc_acked(&cc, &old);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 6000ull);
	KUNIT_EXPECT_EQ(test, cc.reno.acked, 0ull);
	KUNIT_EXPECT_EQ(test, cc.prior, 12000);
	/* over with an ACK of what was sent in it */
	ack(&cc, 1200, 130);
	KUNIT_EXPECT_EQ(test, cc.prior, 0);
	KUNIT_EXPECT_EQ(test, cc.reno.acked, 1200ull);
	/* an ACK that shows a loss itself adds nothing */
	quic_cc_lost(&cc, 1200, 101, false, 140);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 3000ull);
	KUNIT_EXPECT_EQ(test, cc.events, 2ull);
	ack(&cc, 1200, 140);
	KUNIT_EXPECT_EQ(test, cc.reno.acked, 0ull);
}

/* RFC 9002 §7.1: CE is a congestion event as loss is */
static void test_ce(struct kunit *test)
{
	struct quic_cc cc;

	quic_cc_init(&cc, QUIC_CONG_ALG_RENO, MSS);
	quic_cc_ce(&cc, 10, 20);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 6000ull);
	KUNIT_EXPECT_EQ(test, cc.ssthresh, 6000ull);
	quic_cc_ce(&cc, 20, 30);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 6000ull);
	quic_cc_ce(&cc, 21, 30);
	KUNIT_EXPECT_EQ(test, cc.cwnd, 3000ull);
}

/* RFC 9002 §7.6.2: the minimum window, and slow start up to ssthresh */
static void test_persistent(struct kunit *test)
{
	static const u8 algos[] = { QUIC_CONG_ALG_RENO, QUIC_CONG_ALG_CUBIC };
	struct quic_cc cc;
	int i;

	for (i = 0; i < ARRAY_SIZE(algos); i++) {
		quic_cc_init(&cc, algos[i], MSS);
		quic_cc_sent(&cc, 12000);
		quic_cc_lost(&cc, 12000, 50, true, 100);
		KUNIT_EXPECT_EQ(test, cc.cwnd, 2400ull);
		KUNIT_EXPECT_EQ(test, cc.recovery_start, 0ull);
		KUNIT_EXPECT_TRUE(test, quic_cc_in_slow_start(&cc));
		quic_cc_sent(&cc, 2400);
		ack(&cc, 2400, 200);
		KUNIT_EXPECT_EQ(test, cc.cwnd, 4800ull);
		quic_cc_sent(&cc, 4800);
		ack(&cc, 4800, 300);	/* not beyond ssthresh in one step */
		KUNIT_EXPECT_EQ(test, cc.cwnd, cc.ssthresh);
	}
}

/* RFC 9002 §7.2: never below two packets, however many events */
static void test_minimum(struct kunit *test)
{
	struct quic_cc cc;
	u8 algo;
	u64 t;

	for (algo = 0; algo < QUIC_CONG_ALG_MAX; algo++) {
		quic_cc_init(&cc, algo, MSS);
		for (t = 1; t < 20; t++)
			quic_cc_ce(&cc, 10 * t, 10 * t + 1);
		KUNIT_EXPECT_EQ(test, cc.cwnd, 2400ull);
		KUNIT_EXPECT_FALSE(test, quic_cc_in_slow_start(&cc));
		KUNIT_EXPECT_EQ(test, cc.events, 19ull);
	}
}

static struct kunit_case cc_cases[] = {
	KUNIT_CASE(test_initial_window),
	KUNIT_CASE(test_set_mss),
	KUNIT_CASE(test_flight),
	KUNIT_CASE(test_packets),
	KUNIT_CASE(test_underused_slow_start),
	KUNIT_CASE(test_underused_avoidance),
	KUNIT_CASE(test_peak),
	KUNIT_CASE(test_recovery),
	KUNIT_CASE(test_ce),
	KUNIT_CASE(test_persistent),
	KUNIT_CASE(test_minimum),
	{}
};

static struct kunit_suite cc_suite = {
	.name		= "quic_cc",
	.test_cases	= cc_cases,
};

kunit_test_suite(cc_suite);

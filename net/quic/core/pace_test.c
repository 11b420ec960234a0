// SPDX-License-Identifier: GPL-2.0-or-later
/* Tests of pacing: rates, bursts, trains, and that nothing is lost to rounding. */
#include <kunit/test.h>
#include "pace.h"

#define MSS	1200
#define MS	QUIC_NSEC_PER_MSEC
#define SEC	QUIC_NSEC_PER_SEC

struct fixture {
	struct quic_pace p;
	struct quic_cc cc;
	u64 srtt;
};

/* A window of @packets in congestion avoidance. */
static void start(struct fixture *x, u64 packets, u64 srtt)
{
	quic_pace_init(&x->p);
	quic_cc_init(&x->cc, QUIC_CONG_ALG_RENO, MSS);
	x->cc.cwnd = packets * MSS;
	x->cc.ssthresh = x->cc.cwnd;
	x->srtt = srtt;
}

/* Packets that leave at @now. */
static u64 send_all(struct fixture *x, u64 now)
{
	u64 n = 0;

	while (quic_pace_next(&x->p, &x->cc, x->srtt, MSS, now) <= now && n < 100000) {
		quic_pace_sent(&x->p, &x->cc, x->srtt, MSS, now);
		n++;
	}
	return n;
}

/* Come back at @at, or less than a microsecond earlier? */
static void expect_next(struct kunit *test, struct fixture *x, u64 now, u64 at)
{
	u64 next = quic_pace_next(&x->p, &x->cc, x->srtt, MSS, now);

	KUNIT_EXPECT_LE(test, next, at);
	KUNIT_EXPECT_GT(test, next, at - QUIC_NSEC_PER_USEC);
}

/* RFC 9002 §7.7: rate = N * congestion_window / smoothed_rtt */
static void test_rate(struct kunit *test)
{
	struct fixture x;

	start(&x, 100, 100 * MS);
	KUNIT_EXPECT_EQ(test, quic_pace_rate(&x.p, &x.cc, x.srtt), 1500000ull);
	/* in recovery: a window that was halved, one that was not */
	x.cc.prior = 200 * MSS;
	KUNIT_EXPECT_EQ(test, quic_pace_rate(&x.p, &x.cc, x.srtt), 2400000ull);
	x.cc.prior = 143 * MSS;
	KUNIT_EXPECT_EQ(test, quic_pace_rate(&x.p, &x.cc, x.srtt), 1500000ull);
	x.cc.prior = 0;
	x.cc.ssthresh = U64_MAX;
	KUNIT_EXPECT_EQ(test, quic_pace_rate(&x.p, &x.cc, x.srtt), 2400000ull);
	x.p.max_rate = 1000000;
	KUNIT_EXPECT_EQ(test, quic_pace_rate(&x.p, &x.cc, x.srtt), 1000000ull);
	x.p.max_rate = 1;
	KUNIT_EXPECT_EQ(test, quic_pace_rate(&x.p, &x.cc, x.srtt), 1000ull);
	x.p.max_rate = 0;
	x.cc.cwnd = U64_MAX / 4;
	KUNIT_EXPECT_EQ(test, quic_pace_rate(&x.p, &x.cc, 0), 1000000000000ull);
}

/* RFC 9002 §7.7: bursts SHOULD be limited to the initial window */
static void test_burst(struct kunit *test)
{
	struct fixture x;

	start(&x, 20, 100 * MS);
	x.cc.ssthresh = U64_MAX;	/* slow start: 480 kB/s, a packet takes 2.5 ms */
	KUNIT_EXPECT_EQ(test, send_all(&x, 10 * SEC), 10ull);
	expect_next(test, &x, 10 * SEC, 10 * SEC + 5 * MS / 2);
	KUNIT_EXPECT_EQ(test, send_all(&x, 10 * SEC + 5 * MS / 2 - 1000), 0ull);
	KUNIT_EXPECT_EQ(test, send_all(&x, 10 * SEC + 5 * MS / 2), 1ull);
	/* idleness earns one burst, no more */
	KUNIT_EXPECT_EQ(test, send_all(&x, 10 * SEC + 15 * MS / 2), 2ull);
	KUNIT_EXPECT_EQ(test, send_all(&x, 3600 * SEC), 10ull);
}

/* What an ACK sets free leaves at once, and one packet that the window has grown by; never more. */
static void test_ack_clock(struct kunit *test)
{
	u64 now = 10 * SEC, n, sum = 0;
	struct fixture x;
	int i;

	start(&x, 20, 100 * MS);	/* 300 kB/s: a packet takes 4 ms; ACKs come each 10 ms */
	KUNIT_EXPECT_EQ(test, send_all(&x, now), 3ull);
	expect_next(test, &x, now, now + 4 * MS);
	for (i = 0; i < 20; i++) {
		now += 10 * MS;
		n = send_all(&x, now);
		KUNIT_EXPECT_GE(test, n, 2ull);
		KUNIT_EXPECT_LE(test, n, 3ull);
		KUNIT_EXPECT_GT(test, quic_pace_next(&x.p, &x.cc, x.srtt, MSS, now), now);
		sum += n;
	}
	KUNIT_EXPECT_EQ(test, sum, 50ull);
	KUNIT_EXPECT_EQ(test, send_all(&x, now + 4 * MS), 1ull);
	KUNIT_EXPECT_EQ(test, send_all(&x, 3600 * SEC), 3ull);
}

/* A fast sender's trains stay whole: what leaves in two milliseconds is a burst. */
static void test_trains(struct kunit *test)
{
	struct fixture x;
	u64 now = 10 * SEC, next;
	int i;

	start(&x, 3200, 20 * MS);	/* 200 packets a ms */
	KUNIT_EXPECT_EQ(test, send_all(&x, now), 401ull);
	for (i = 0; i < 50; i++) {
		next = quic_pace_next(&x.p, &x.cc, x.srtt, MSS, now);
		KUNIT_EXPECT_GE(test, next, now + MS - MS / 100);
		KUNIT_EXPECT_LE(test, next, now + MS + MS / 100);
		now = next;
		KUNIT_EXPECT_GE(test, send_all(&x, now), 199ull);
	}
}

/* Over a long time the rate is met, whatever the moments of sending. */
static void test_long_run(struct kunit *test)
{
	struct fixture x;
	u64 now = 10 * SEC, rnd = 1, sent = 0;

	start(&x, 33, 77 * MS);		/* 642857 bytes/s: 535.7 packets */
	send_all(&x, now);
	while (now < 30 * SEC) {
		rnd = rnd * 6364136223846793005ULL + 1442695040888963407ULL;
		now += rnd >> 44;	/* up to a ms */
		sent += send_all(&x, now);
	}
	KUNIT_EXPECT_GE(test, sent, 10713ull);
	KUNIT_EXPECT_LE(test, sent, 10715ull);
}

/* What passed by unpaced is a debt, but a bounded one. */
static void test_debt(struct kunit *test)
{
	struct fixture x;
	int i;

	start(&x, 20, 100 * MS);
	for (i = 0; i < 1000; i++)
		quic_pace_sent(&x.p, &x.cc, x.srtt, MSS, 10 * SEC);
	/* nine packets of four ms; then one more for the one to leave */
	expect_next(test, &x, 10 * SEC, 10 * SEC + 36 * MS);
}

/* A new window is a new rate at once; so is a new limit of the user. */
static void test_changes(struct kunit *test)
{
	struct fixture x;

	start(&x, 20, 100 * MS);
	send_all(&x, 10 * SEC);
	x.cc.cwnd = 10 * MSS;
	x.cc.ssthresh = x.cc.cwnd;
	KUNIT_EXPECT_EQ(test, send_all(&x, 10 * SEC + 4 * MS), 1ull);
	expect_next(test, &x, 10 * SEC + 5 * MS, 10 * SEC + 12 * MS);
	x.p.max_rate = 12000;		/* 100 ms a packet */
	KUNIT_EXPECT_EQ(test, send_all(&x, 10 * SEC + 12 * MS), 1ull);
	expect_next(test, &x, 10 * SEC + 13 * MS, 10 * SEC + 112 * MS);
	quic_pace_init(&x.p);
	KUNIT_EXPECT_EQ(test, quic_pace_next(&x.p, &x.cc, x.srtt, MSS, 0), 0ull);
}

/* What is let go at once, and booked at once, is what is let go packet by packet. */
static void test_together(struct kunit *test)
{
	u64 now = 10 * SEC, rnd = 7, n;
	struct fixture x, y;
	int i;

	start(&x, 20, 100 * MS);
	for (i = 0; i < 2000; i++) {
		rnd = rnd * 6364136223846793005ULL + 1442695040888963407ULL;
		now += rnd >> (38 + rnd % 8);
		x.cc.cwnd = (2 + (rnd >> 50)) * MSS;
		x.cc.ssthresh = i % 3 ? x.cc.cwnd : U64_MAX;
		y = x;
		n = quic_pace_packets(&x.p, &x.cc, x.srtt, MSS, now);
		if (n)
			quic_pace_sent_many(&x.p, &x.cc, x.srtt, MSS, n, now);
		KUNIT_ASSERT_EQ(test, n, send_all(&y, now));
		KUNIT_ASSERT_EQ(test, x.p.next, y.p.next);
	}
}

/* So fast that a byte takes no time: there is no bound. */
static void test_no_bound(struct kunit *test)
{
	struct fixture x;

	start(&x, 20, 100 * MS);
	KUNIT_EXPECT_LT(test, quic_pace_packets(&x.p, &x.cc, x.srtt, MSS, SEC), 100ull);
	x.cc.cwnd = U32_MAX;
	x.srtt = 1;
	KUNIT_EXPECT_GT(test, quic_pace_packets(&x.p, &x.cc, x.srtt, MSS, SEC), 1000ull);
	KUNIT_EXPECT_EQ(test, quic_pace_packets(&x.p, &x.cc, x.srtt, 0, SEC), U64_MAX);
}

static struct kunit_case pace_cases[] = {
	KUNIT_CASE(test_rate),
	KUNIT_CASE(test_burst),
	KUNIT_CASE(test_ack_clock),
	KUNIT_CASE(test_trains),
	KUNIT_CASE(test_long_run),
	KUNIT_CASE(test_debt),
	KUNIT_CASE(test_changes),
	KUNIT_CASE(test_together),
	KUNIT_CASE(test_no_bound),
	{}
};

static struct kunit_suite pace_suite = {
	.name		= "quic_pace",
	.test_cases	= pace_cases,
};

kunit_test_suite(pace_suite);

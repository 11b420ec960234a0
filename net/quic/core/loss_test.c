// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of loss recovery: the RTT estimator, both thresholds, the timer in its
 * modes, persistent congestion, ECN validation, spaces that come and go, and
 * a random walk over all of it that keeps books of its own.
 */
#include <kunit/test.h>
#include "loss.h"

#define MSS	1200
#define MS	QUIC_NSEC_PER_MSEC
#define T0	(1000 * MS)		/* when a test begins */
#define INIT	QUIC_SPACE_INITIAL
#define HS	QUIC_SPACE_HANDSHAKE
#define APP	QUIC_SPACE_APP

enum {
	PLAIN		= QUIC_SENT_ELICITING | QUIC_SENT_IN_FLIGHT,
	ACK_ONLY	= 0,
	PADDING		= QUIC_SENT_IN_FLIGHT,
	MARKED		= PLAIN | QUIC_SENT_ECT,
};

#define PKTS	4096			/* numbers that a test may use in a space */

struct fixture {
	struct quic_loss l;
	struct quic_loss_space space[QUIC_SPACES];
	struct quic_cc cc;
	struct quic_pkt p;
	u8 acked[QUIC_SPACES][PKTS];	/* how often each packet's item came back */
	u8 lost[QUIC_SPACES][PKTS];
	u64 last_acked, last_lost;	/* packet numbers */
	u8 bytes[1024];			/* ranges of an ACK */
};

static void on_acked(void *priv, enum quic_space_id sp, const struct quic_sent_item *it)
{
	struct fixture *x = priv;

	x->acked[sp][it->off % PKTS]++;
	x->last_acked = it->off;
}

static void on_lost(void *priv, enum quic_space_id sp, const struct quic_sent_item *it)
{
	struct fixture *x = priv;

	x->lost[sp][it->off % PKTS]++;
	x->last_lost = it->off;
}

static const struct quic_loss_ops test_ops = { .acked = on_acked, .lost = on_lost };

static void release(void *x)
{
	quic_loss_free(&((struct fixture *)x)->l);
}

/* All spaces open; handshake confirmed; max_ack_delay 25 ms. */
static struct fixture *new_fixture(struct kunit *test, bool server)
{
	struct fixture *x = kunit_kzalloc(test, sizeof(*x), GFP_KERNEL);
	int sp;

	KUNIT_ASSERT_NOT_NULL(test, x);
	quic_cc_init(&x->cc, QUIC_CONG_ALG_RENO, MSS);
	quic_loss_init(&x->l, &x->cc, &test_ops, x, server, QUIC_INITIAL_RTT);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, release, x), 0);
	for (sp = 0; sp < QUIC_SPACES; sp++)
		quic_loss_space_open(&x->l, sp, &x->space[sp]);
	x->l.max_ack_delay = 25 * MS;
	x->l.handshake_confirmed = true;
	return x;
}

static u64 xmit_size(struct fixture *x, enum quic_space_id sp, u8 flags, u16 size, u64 now)
{
	struct quic_sent *s = &x->l.sp[sp]->sent;
	u64 pn = s->next;

	quic_pkt_start(&x->p, 0, MSS);
	quic_pkt_item(&x->p, flags & QUIC_SENT_ELICITING ? QUIC_ITEM_STREAM : QUIC_ITEM_ACK,
		      0, pn, 0, false);
	if (!quic_sent_reserve(s, 1))
		quic_loss_sent(&x->l, sp, quic_sent_add(s, &x->p, size, flags, now), now);
	return pn;
}

static u64 xmit(struct fixture *x, enum quic_space_id sp, u8 flags, u64 now)
{
	return xmit_size(x, sp, flags, MSS, now);
}

/* @n packets of data at once. */
static void xmit_n(struct fixture *x, int n, u64 now)
{
	while (n--)
		xmit(x, APP, PLAIN, now);
}

/* An ACK of @n ranges, pairs of lowest and highest, the highest range first. */
static struct quic_frame_ack make_ack(struct fixture *x, const u64 *r, int n)
{
	struct quic_frame_ack a = { .largest = r[1], .first_range = r[1] - r[0],
				    .nranges = n - 1, .ranges = x->bytes };
	struct quic_wr w;

	quic_wr_init(&w, x->bytes, sizeof(x->bytes));
	for (; n > 1; n--, r += 2) {
		quic_wr_varint(&w, r[0] - r[3] - 2);
		quic_wr_varint(&w, r[3] - r[2]);
	}
	a.ranges_len = w.p - x->bytes;
	return a;
}

static int ack_delayed(struct fixture *x, enum quic_space_id sp, u64 lo, u64 hi, u64 delay,
		       u64 now)
{
	u64 r[2] = { lo, hi };
	struct quic_frame_ack a = make_ack(x, r, 1);

	return quic_loss_ack(&x->l, sp, &a, delay, now);
}

static int ack(struct fixture *x, enum quic_space_id sp, u64 lo, u64 hi, u64 now)
{
	return ack_delayed(x, sp, lo, hi, 0, now);
}

/* An ACK of two ranges. */
static int ack2(struct fixture *x, u64 lo, u64 hi, u64 lo2, u64 hi2, u64 now)
{
	u64 r[4] = { lo, hi, lo2, hi2 };
	struct quic_frame_ack a = make_ack(x, r, 2);

	return quic_loss_ack(&x->l, APP, &a, 0, now);
}

static int ack_ecn(struct fixture *x, u64 lo, u64 hi, u64 ect0, u64 ect1, u64 ce, u64 now)
{
	u64 r[2] = { lo, hi };
	struct quic_frame_ack a = make_ack(x, r, 1);

	a.ecn = true;
	a.ect0 = ect0;
	a.ect1 = ect1;
	a.ce = ce;
	return quic_loss_ack(&x->l, APP, &a, 0, now);
}

/* in_flight and the counts are what the tracked packets add up to. */
static void check_books(struct kunit *test, struct fixture *x)
{
	struct quic_loss_space *ls;
	struct quic_sent_pkt *p;
	u64 bytes = 0, pn;
	u32 eliciting;
	int sp;

	for (sp = 0; sp < QUIC_SPACES; sp++) {
		ls = x->l.sp[sp];
		if (!ls)
			continue;
		eliciting = 0;
		for (pn = ls->sent.first; pn < ls->sent.next; pn++) {
			p = quic_sent_get(&ls->sent, pn);
			if (p->flags & (QUIC_SENT_ACKED | QUIC_SENT_LOST))
				continue;
			eliciting += !!(p->flags & QUIC_SENT_ELICITING);
			bytes += p->flags & QUIC_SENT_IN_FLIGHT ? p->size : 0;
		}
		KUNIT_ASSERT_EQ(test, ls->eliciting_in_flight, eliciting);
	}
	KUNIT_ASSERT_EQ(test, x->cc.in_flight, bytes);
}

/* Give the estimator its first sample. */
static void settle_rtt(struct fixture *x, u64 rtt, u64 now)
{
	u64 pn = xmit(x, APP, PLAIN, now - rtt);

	ack(x, APP, pn, pn, now);
}

/* RFC 9002 §5.3: before any sample, kInitialRtt */
static void test_rtt_initial(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	KUNIT_EXPECT_EQ(test, quic_loss_srtt(&x->l), 333 * MS);
	KUNIT_EXPECT_EQ(test, x->l.var, 333 * MS / 2);
	/* §6.2.2: handshakes start with a PTO of about a second */
	KUNIT_EXPECT_EQ(test, quic_loss_pto(&x->l, INIT), 999 * MS);
	KUNIT_EXPECT_EQ(test, quic_loss_pto(&x->l, APP), 1024 * MS);
}

/* RFC 9002 §5.3: the first sample, and those after it */
static void test_rtt_samples(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	settle_rtt(x, 100 * MS, T0);
	KUNIT_EXPECT_EQ(test, x->l.smoothed, 100 * MS);
	KUNIT_EXPECT_EQ(test, x->l.var, 50 * MS);
	KUNIT_EXPECT_EQ(test, x->l.min, 100 * MS);
	KUNIT_EXPECT_EQ(test, x->l.first_sample, T0);
	settle_rtt(x, 140 * MS, T0 + 200 * MS);
	/* rttvar = 3/4 * 50 + 1/4 * |100 - 140|; smoothed_rtt = 7/8 * 100 + 1/8 * 140 */
	KUNIT_EXPECT_EQ(test, x->l.var, 47500000ull);
	KUNIT_EXPECT_EQ(test, x->l.smoothed, 105 * MS);
	KUNIT_EXPECT_EQ(test, x->l.min, 100 * MS);
	settle_rtt(x, 65 * MS, T0 + 400 * MS);
	KUNIT_EXPECT_EQ(test, x->l.var, 45625000ull);
	KUNIT_EXPECT_EQ(test, x->l.smoothed, 100 * MS);
	KUNIT_EXPECT_EQ(test, x->l.min, 65 * MS);	/* §5.2 */
	KUNIT_EXPECT_EQ(test, x->l.latest, 65 * MS);
	/* §6.2.1 */
	KUNIT_EXPECT_EQ(test, quic_loss_pto(&x->l, HS), 100 * MS + 182500000ull);
	KUNIT_EXPECT_EQ(test, quic_loss_pto(&x->l, APP), 125 * MS + 182500000ull);
}

/* RFC 9002 §5.3: the delay that the peer reports */
static void test_rtt_ack_delay(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);
	u64 pn;

	settle_rtt(x, 100 * MS, T0);
	/* 20 ms are taken off 130 */
	pn = xmit(x, APP, PLAIN, T0);
	ack_delayed(x, APP, pn, pn, 20 * MS, T0 + 130 * MS);
	KUNIT_EXPECT_EQ(test, x->l.smoothed, 101250000ull);
	KUNIT_EXPECT_EQ(test, x->l.latest, 130 * MS);
	/* not if the result were below min_rtt: 124 */
	x->l.smoothed = 100 * MS;
	pn = xmit(x, APP, PLAIN, T0 + 200 * MS);
	ack_delayed(x, APP, pn, pn, 24 * MS + 1, T0 + 324 * MS);
	KUNIT_EXPECT_EQ(test, x->l.smoothed, 103 * MS);
	/* the lesser of the delay and max_ack_delay once confirmed: 200 - 25 */
	x->l.smoothed = 100 * MS;
	pn = xmit(x, APP, PLAIN, T0 + 400 * MS);
	ack_delayed(x, APP, pn, pn, 80 * MS, T0 + 600 * MS);
	KUNIT_EXPECT_EQ(test, x->l.smoothed, 109375000ull);
	/* before that max_ack_delay is ignored: 200 - 80 */
	x->l.handshake_confirmed = false;
	x->l.smoothed = 100 * MS;
	pn = xmit(x, APP, PLAIN, T0 + 700 * MS);
	ack_delayed(x, APP, pn, pn, 80 * MS, T0 + 900 * MS);
	KUNIT_EXPECT_EQ(test, x->l.smoothed, 102500000ull);
}

/* RFC 9002 §5.3: MAY ignore samples that were a wait for keys, before the confirmation */
static void test_rtt_waited(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);
	u64 pn;

	x->l.handshake_confirmed = false;
	/* nothing to compare it with, and more than the guess */
	pn = xmit(x, HS, PLAIN, T0);
	ack_delayed(x, HS, pn, pn, 900 * MS, T0 + 1000 * MS);
	KUNIT_EXPECT_EQ(test, x->l.first_sample, 0ull);
	KUNIT_EXPECT_EQ(test, x->l.smoothed, 333 * MS);
	/* less than the guess is better than it */
	pn = xmit(x, HS, PLAIN, T0 + 2000 * MS);
	ack_delayed(x, HS, pn, pn, 60 * MS, T0 + 2100 * MS);
	KUNIT_EXPECT_EQ(test, x->l.smoothed, 100 * MS);
	/* what is left of it counts, for the time threshold as well */
	pn = xmit(x, HS, PLAIN, T0 + 3000 * MS);
	ack_delayed(x, HS, pn, pn, 4900 * MS, T0 + 8000 * MS);
	KUNIT_EXPECT_EQ(test, x->l.smoothed, 100 * MS);
	KUNIT_EXPECT_EQ(test, x->l.latest, 100 * MS);
	/* less than min_rtt is left of it */
	pn = xmit(x, HS, PLAIN, T0 + 8000 * MS);
	ack_delayed(x, HS, pn, pn, 4950 * MS, T0 + 13000 * MS);
	KUNIT_EXPECT_EQ(test, x->l.smoothed, 100 * MS);
	KUNIT_EXPECT_EQ(test, x->l.latest, 100 * MS);
}

/* RFC 9002 §6.2.3: a probe before the PTO, which does not back off */
static void test_hurry(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	KUNIT_EXPECT_FALSE(test, quic_loss_hurry(&x->l, INIT, T0));	/* nothing in flight */
	xmit(x, INIT, PLAIN, T0);
	KUNIT_EXPECT_FALSE(test, quic_loss_hurry(&x->l, INIT, T0));	/* it left just now */
	KUNIT_EXPECT_TRUE(test, quic_loss_hurry(&x->l, INIT, T0 + MS));
	KUNIT_EXPECT_EQ(test, (u32)x->l.probes, QUIC_PROBES);
	KUNIT_EXPECT_EQ(test, (u32)x->l.probe_space, INIT);
	KUNIT_EXPECT_EQ(test, x->l.pto_count, 0);
	KUNIT_EXPECT_FALSE(test, quic_loss_hurry(&x->l, INIT, T0 + 2 * MS));	/* under way */
	quic_loss_space_discard(&x->l, INIT, T0 + 3 * MS);
	KUNIT_EXPECT_EQ(test, (u32)x->l.probes, 0);
	KUNIT_EXPECT_FALSE(test, quic_loss_hurry(&x->l, INIT, T0 + 4 * MS));
}

/* RFC 9002 §5.1: of the largest only, newly acknowledged, by an ACK that was elicited */
static void test_rtt_no_sample(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	xmit(x, APP, ACK_ONLY, T0);			/* 0 */
	ack(x, APP, 0, 0, T0 + 10 * MS);
	KUNIT_EXPECT_EQ(test, x->l.first_sample, 0ull);
	xmit(x, APP, PLAIN, T0);			/* 1 */
	xmit(x, APP, ACK_ONLY, T0 + 20 * MS);		/* 2 */
	ack(x, APP, 1, 2, T0 + 50 * MS);		/* 2 is the largest, 1 elicited */
	KUNIT_EXPECT_EQ(test, x->l.latest, 30 * MS);
	xmit(x, APP, PLAIN, T0 + 50 * MS);		/* 3 */
	xmit(x, APP, PLAIN, T0 + 50 * MS);		/* 4 */
	ack(x, APP, 4, 4, T0 + 100 * MS);
	KUNIT_EXPECT_EQ(test, x->l.latest, 50 * MS);
	ack(x, APP, 3, 4, T0 + 101 * MS);		/* the largest is not new */
	KUNIT_EXPECT_EQ(test, x->l.latest, 50 * MS);
	ack(x, APP, 3, 4, T0 + 200 * MS);		/* nothing is */
	KUNIT_EXPECT_EQ(test, x->l.latest, 50 * MS);
	KUNIT_EXPECT_EQ(test, x->acked[APP][3], 1);
	KUNIT_EXPECT_EQ(test, x->acked[APP][4], 1);
}

/* RFC 8899 §4.3: what is lost is large, and only that */
static void test_black_hole(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);
	u64 now = T0, pn;
	int i;

	for (i = 0; i < QUIC_LOSS_HOLES; i++, now += 20 * MS) {
		KUNIT_EXPECT_EQ(test, (int)x->l.holes, i);
		pn = xmit_size(x, APP, PLAIN, 1400, now);
		xmit_n(x, 4, now);
		KUNIT_EXPECT_EQ(test, ack(x, APP, pn + 1, pn + 4, now + 10 * MS), 0);
	}
	KUNIT_EXPECT_EQ(test, (int)x->l.holes, QUIC_LOSS_HOLES);
	/* a probe that arrives changes nothing, a packet of data does */
	pn = xmit_size(x, APP, PLAIN | QUIC_SENT_PROBE, 1400, now);
	ack(x, APP, pn, pn, now + 10 * MS);
	KUNIT_EXPECT_EQ(test, (int)x->l.holes, QUIC_LOSS_HOLES);
	pn = xmit_size(x, APP, PLAIN, 1400, now);
	ack(x, APP, pn, pn, now + 10 * MS);
	KUNIT_EXPECT_EQ(test, (int)x->l.holes, 0);
	/* small ones are lost, too: congestion */
	pn = xmit_size(x, APP, PLAIN, 1400, now);
	xmit_n(x, 5, now);
	ack(x, APP, pn + 2, pn + 5, now + 10 * MS);
	KUNIT_EXPECT_EQ(test, (int)x->l.holes, 0);
}

/* A burst of large packets is lost in a full queue: one round, whose timers fire one by one. */
static void test_no_black_hole(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);
	u64 pn;
	int i;

	settle_rtt(x, 20 * MS, T0);
	pn = x->l.sp[APP]->sent.next;
	for (i = 0; i < 5; i++)
		xmit_size(x, APP, PLAIN, 1400, T0 + i * MS);
	ack(x, APP, pn + 4, pn + 4, T0 + 4 * MS + 20 * MS);
	KUNIT_EXPECT_EQ(test, x->l.lost_packets, 2ull);
	for (i = 3; i < 5; i++) {
		quic_loss_timeout(&x->l, x->l.deadline);
		KUNIT_EXPECT_EQ(test, x->l.lost_packets, (u64)i);
	}
	KUNIT_EXPECT_EQ(test, (int)x->l.holes, 1);
	check_books(test, x);
}

/* RFC 9002 §6.1.1: three packets later */
static void test_packet_threshold(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	settle_rtt(x, 100 * MS, T0);			/* 0 */
	xmit_n(x, 6, T0);				/* 1 to 6 */
	ack(x, APP, 3, 3, T0 + 80 * MS);
	KUNIT_EXPECT_EQ(test, x->l.lost_packets, 0ull);
	ack(x, APP, 3, 4, T0 + 81 * MS);
	KUNIT_EXPECT_EQ(test, x->lost[APP][1], 1);
	KUNIT_EXPECT_EQ(test, x->lost[APP][2], 0);
	KUNIT_EXPECT_EQ(test, x->l.lost_bytes, 1200ull);
	KUNIT_EXPECT_EQ(test, x->cc.in_flight, 3ull * MSS);
	KUNIT_EXPECT_EQ(test, x->cc.events, 1ull);
	ack(x, APP, 6, 6, T0 + 82 * MS);
	KUNIT_EXPECT_EQ(test, x->lost[APP][2], 1);
	KUNIT_EXPECT_EQ(test, x->lost[APP][5], 0);
	KUNIT_EXPECT_EQ(test, x->cc.events, 1ull);	/* the same recovery period */
	check_books(test, x);
}

/* RFC 9002 §7.3.2: what was sent before recovery began does not grow the window after it */
static void test_fresh(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	settle_rtt(x, 100 * MS, T0);			/* 0 */
	xmit_n(x, 9, T0);				/* 1 to 9 */
	ack(x, APP, 4, 4, T0 + 100 * MS);		/* 1 is lost: recovery */
	KUNIT_EXPECT_EQ(test, x->cc.recovery_start, T0 + 100 * MS);
	xmit_n(x, 2, T0 + 101 * MS);			/* 10, 11 */
	ack(x, APP, 2, 10, T0 + 200 * MS);
	KUNIT_EXPECT_EQ(test, x->cc.events, 1ull);
	KUNIT_EXPECT_EQ(test, x->cc.reno.acked, 1ull * MSS);	/* 10 alone */
	check_books(test, x);
}

/* RFC 9002 §6.1.2: 9/8 of the RTT later, by an ACK or by the timer */
static void test_time_threshold(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	settle_rtt(x, 80 * MS, T0);			/* 0; then RTTs of 80 ms throughout */
	xmit(x, APP, PLAIN, T0);			/* 1 */
	xmit(x, APP, PLAIN, T0 + 5 * MS);		/* 2 */
	xmit(x, APP, PLAIN, T0 + 9 * MS);		/* 3 */
	ack(x, APP, 3, 3, T0 + 89 * MS);
	KUNIT_EXPECT_EQ(test, x->lost[APP][1], 0);
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + 90 * MS);
	quic_loss_timeout(&x->l, T0 + 90 * MS - 1);
	KUNIT_EXPECT_EQ(test, x->lost[APP][1], 0);
	quic_loss_timeout(&x->l, T0 + 90 * MS);
	KUNIT_EXPECT_EQ(test, x->lost[APP][1], 1);
	KUNIT_EXPECT_EQ(test, x->lost[APP][2], 0);
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + 95 * MS);
	KUNIT_EXPECT_EQ(test, x->l.pto_count, 0u);
	KUNIT_EXPECT_EQ(test, x->l.probes, 0);
	quic_loss_timeout(&x->l, T0 + 95 * MS);
	KUNIT_EXPECT_EQ(test, x->lost[APP][2], 1);
	KUNIT_EXPECT_EQ(test, x->l.deadline, QUIC_TIME_NEVER);
	/* the larger of latest and smoothed; kGranularity at least */
	x->l.smoothed = 100 * QUIC_NSEC_PER_USEC;
	x->l.min = x->l.smoothed;
	xmit(x, APP, PLAIN, T0 + 200 * MS);		/* 4 */
	xmit(x, APP, PLAIN, T0 + 200 * MS);		/* 5 */
	ack(x, APP, 5, 5, T0 + 200 * MS + 100 * QUIC_NSEC_PER_USEC);
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + 201 * MS);
	check_books(test, x);
}

/* RFC 9002 §6.1: only what is in flight is lost; the rest is just forgotten */
static void test_ack_only_not_lost(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	settle_rtt(x, 100 * MS, T0);			/* 0 */
	xmit(x, APP, ACK_ONLY, T0);			/* 1 */
	xmit(x, APP, PADDING, T0);			/* 2: in flight, elicits nothing */
	xmit_n(x, 4, T0);				/* 3 to 6 */
	KUNIT_EXPECT_EQ(test, x->cc.in_flight, 5ull * MSS);
	ack(x, APP, 3, 3, T0 + 1 * MS);
	/* of 2: 9/8 of an RTT that is 7/8 * 100 + 1/8 */
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + 98578125ull);
	ack(x, APP, 3, 6, T0 + 80 * MS);
	KUNIT_EXPECT_EQ(test, x->lost[APP][1], 0);
	KUNIT_EXPECT_EQ(test, x->lost[APP][2], 1);
	KUNIT_EXPECT_EQ(test, x->l.lost_packets, 1ull);
	KUNIT_EXPECT_EQ(test, x->cc.in_flight, 0ull);
	/* it sets no timer either */
	xmit(x, APP, ACK_ONLY, T0 + 80 * MS);		/* 7 */
	xmit(x, APP, PLAIN, T0 + 80 * MS);		/* 8 */
	ack(x, APP, 8, 8, T0 + 81 * MS);
	KUNIT_EXPECT_EQ(test, x->l.deadline, QUIC_TIME_NEVER);
	/* it may still be acknowledged: the ranges that it reported end (RFC 9000 §13.2.4) */
	ack(x, APP, 1, 6, T0 + 90 * MS);
	KUNIT_EXPECT_EQ(test, x->acked[APP][1], 1);
	KUNIT_EXPECT_EQ(test, x->l.spurious, 1ull);	/* 2 alone */
	check_books(test, x);
}

/* RFC 9000 §13.1: the ACK of a packet that was never sent */
static void test_never_sent(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	KUNIT_EXPECT_EQ(test, ack(x, APP, 0, 0, T0), QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION);
	xmit_n(x, 3, T0);
	KUNIT_EXPECT_EQ(test, ack(x, APP, 0, 3, T0), QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION);
	KUNIT_EXPECT_EQ(test, ack(x, HS, 0, 0, T0), QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION);
	KUNIT_EXPECT_EQ(test, x->l.acked_packets, 0ull);
	KUNIT_EXPECT_EQ(test, x->l.sp[APP]->largest_acked, -1ll);
	KUNIT_EXPECT_EQ(test, ack(x, APP, 0, 2, T0), 0);
	/* in a space that is gone it means nothing */
	quic_loss_space_discard(&x->l, HS, T0);
	KUNIT_EXPECT_EQ(test, ack(x, HS, 0, 0, T0), 0);
}

/* RFC 9000 §21.4: nor of one that was skipped, in whichever range */
static void test_skipped(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	xmit_n(x, 2, T0);			/* 0, 1 */
	quic_sent_skip(&x->l.sp[APP]->sent);	/* 2 */
	xmit_n(x, 3, T0);			/* 3 to 5 */
	quic_sent_skip(&x->l.sp[APP]->sent);	/* 6 */
	xmit_n(x, 2, T0);			/* 7, 8 */
	KUNIT_EXPECT_EQ(test, ack(x, APP, 6, 6, T0), QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION);
	KUNIT_EXPECT_EQ(test, ack(x, APP, 0, 5, T0), QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION);
	KUNIT_EXPECT_EQ(test, ack2(x, 7, 8, 2, 3, T0), QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION);
	KUNIT_EXPECT_EQ(test, x->l.acked_packets, 0ull);
	KUNIT_EXPECT_EQ(test, ack2(x, 7, 8, 3, 5, T0 + MS), 0);
	KUNIT_EXPECT_EQ(test, ack2(x, 3, 5, 0, 1, T0 + MS), 0);
	KUNIT_EXPECT_EQ(test, x->l.acked_packets, 7ull);
	/* a hole that we made is no loss, nor in the way of any */
	KUNIT_EXPECT_EQ(test, x->l.sp[APP]->sent.first, 9ull);
	KUNIT_EXPECT_EQ(test, ack(x, APP, 6, 8, T0), QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION);
	check_books(test, x);
}

/* Ranges may be as huge or as many as they like; each packet is settled once. */
static void test_ranges(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);
	struct quic_frame_ack a;
	u64 r[128], pn;
	int i;

	settle_rtt(x, 100 * MS, T0);			/* 0 */
	xmit_n(x, 128, T0);				/* 1 to 128 */
	for (i = 0; i < 64; i++) {			/* every other */
		r[2 * i] = 128 - 2 * i;
		r[2 * i + 1] = r[2 * i];
	}
	a = make_ack(x, r, 64);
	KUNIT_EXPECT_EQ(test, quic_loss_ack(&x->l, APP, &a, 0, T0 + MS), 0);
	KUNIT_EXPECT_EQ(test, x->l.acked_packets, 65ull);
	KUNIT_EXPECT_EQ(test, x->l.lost_packets, 63ull);	/* 127 is within the threshold */
	KUNIT_EXPECT_EQ(test, quic_loss_ack(&x->l, APP, &a, 0, T0 + MS), 0);
	KUNIT_EXPECT_EQ(test, x->l.acked_packets, 65ull);
	check_books(test, x);
	ack(x, APP, 0, 128, T0 + 2 * MS);
	for (pn = 1; pn <= 128; pn++)
		KUNIT_EXPECT_EQ(test, x->acked[APP][pn], 1);
	KUNIT_EXPECT_EQ(test, x->l.spurious, 63ull);
	KUNIT_EXPECT_EQ(test, x->l.sp[APP]->sent.first, 129ull);
	check_books(test, x);
}

/* Runs of acknowledged packets are crossed right, from whatever end they were made. */
static void test_runs(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);
	u64 rnd = 7, lo, hi, pn;
	int i;

	x->l.smoothed = 1000 * MS;
	xmit_n(x, 600, T0);
	for (i = 0; i < 2000; i++) {
		rnd = rnd * 6364136223846793005ULL + 1442695040888963407ULL;
		lo = 1 + (rnd >> 33) % 500;
		hi = lo + (rnd >> 20) % 60;
		KUNIT_ASSERT_EQ(test, ack(x, APP, lo, hi, T0 + MS), 0);
		for (pn = lo; pn <= hi; pn++)
			KUNIT_ASSERT_EQ(test, x->acked[APP][pn], 1);
	}
	for (pn = 0; pn < 600; pn++)
		KUNIT_EXPECT_LE(test, x->acked[APP][pn], 1);
	KUNIT_EXPECT_EQ(test, x->acked[APP][0], 0);
	check_books(test, x);
}

/* RFC 9000 §13.3: a lost packet that is acknowledged after all */
static void test_spurious(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	settle_rtt(x, 100 * MS, T0);
	xmit_n(x, 5, T0);				/* 1 to 5 */
	ack(x, APP, 4, 5, T0 + 100 * MS);
	KUNIT_EXPECT_EQ(test, x->lost[APP][1], 1);
	KUNIT_EXPECT_EQ(test, x->lost[APP][2], 1);
	KUNIT_EXPECT_EQ(test, x->cc.in_flight, 1ull * MSS);
	ack(x, APP, 1, 5, T0 + 101 * MS);
	KUNIT_EXPECT_EQ(test, x->acked[APP][1], 1);
	KUNIT_EXPECT_EQ(test, x->l.spurious, 2ull);
	KUNIT_EXPECT_EQ(test, x->cc.in_flight, 0ull);
	/* but not for ever: after two PTOs they are forgotten */
	xmit_n(x, 8, T0 + 200 * MS);			/* 6 to 13 */
	ack(x, APP, 12, 13, T0 + 300 * MS);
	KUNIT_EXPECT_EQ(test, x->lost[APP][6], 1);
	KUNIT_EXPECT_EQ(test, x->l.sp[APP]->sent.first, 6ull);
	xmit_n(x, 1, T0 + 5000 * MS);			/* 14 */
	ack(x, APP, 14, 14, T0 + 5100 * MS);
	ack(x, APP, 6, 14, T0 + 5101 * MS);
	KUNIT_EXPECT_EQ(test, x->acked[APP][6], 0);
	KUNIT_EXPECT_EQ(test, x->l.spurious, 2ull);
	check_books(test, x);
}

/* RFC 9002 §6.1.1, §6.1.2: the thresholds learn from losses that were none, and forget */
static void test_reordering(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);
	u64 now = T0, pn;
	int i;

	settle_rtt(x, 100 * MS, now);
	KUNIT_EXPECT_EQ(test, (u32)x->l.packets, QUIC_LOSS_PACKETS);
	xmit_n(x, 10, now);				/* 1 to 10 */
	ack(x, APP, 2, 10, now + 100 * MS);
	KUNIT_EXPECT_EQ(test, x->lost[APP][1], 1);
	ack(x, APP, 1, 10, now + 101 * MS);
	KUNIT_EXPECT_EQ(test, (u32)x->l.packets, 10);
	KUNIT_EXPECT_EQ(test, (u32)x->l.eighths, QUIC_LOSS_EIGHTHS + 1);
	/* as far behind again: not lost; one more: lost */
	now += 200 * MS;
	xmit_n(x, 11, now);				/* 11 to 21 */
	ack(x, APP, 12, 20, now + 100 * MS);
	KUNIT_EXPECT_EQ(test, x->lost[APP][11], 0);
	ack(x, APP, 12, 21, now + 100 * MS);
	KUNIT_EXPECT_EQ(test, x->lost[APP][11], 1);
	/* bounded, however late */
	now += 200 * MS;
	xmit_n(x, 300, now);				/* 22 to 321 */
	ack(x, APP, 23, 321, now + 100 * MS);
	ack(x, APP, 22, 321, now + 101 * MS);
	KUNIT_EXPECT_EQ(test, (u32)x->l.packets, QUIC_LOSS_PACKETS_MAX);
	for (i = 0; i < 10; i++) {
		now += 200 * MS;
		pn = x->l.sp[APP]->sent.next;
		xmit_n(x, 140, now);
		ack(x, APP, pn + 1, pn + 139, now + 100 * MS);
		ack(x, APP, pn, pn + 139, now + 101 * MS);
	}
	KUNIT_EXPECT_EQ(test, (u32)x->l.eighths, QUIC_LOSS_EIGHTHS_MAX);
	/* real losses, for long enough: as it was */
	for (i = 0; i < QUIC_LOSS_PATIENCE; i++) {
		KUNIT_EXPECT_EQ(test, (u32)x->l.packets, QUIC_LOSS_PACKETS_MAX);
		now += 1000 * MS;
		pn = x->l.sp[APP]->sent.next;
		xmit_n(x, 2, now);
		ack(x, APP, pn + 1, pn + 1, now + 100 * MS);
		quic_loss_timeout(&x->l, now + 300 * MS);
	}
	KUNIT_EXPECT_EQ(test, (u32)x->l.packets, QUIC_LOSS_PACKETS);
	KUNIT_EXPECT_EQ(test, (u32)x->l.eighths, QUIC_LOSS_EIGHTHS);
	check_books(test, x);
}

/* RFC 9002 §6.2.1: the PTO, restarted by each packet, doubled by each expiry */
static void test_pto(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);
	u64 at, pto = 325 * MS;				/* 100 + 4 * 50 + 25 */
	int i;

	settle_rtt(x, 100 * MS, T0);			/* 0 */
	KUNIT_EXPECT_EQ(test, x->l.deadline, QUIC_TIME_NEVER);
	xmit_n(x, 1, T0);				/* 1 */
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + pto);
	xmit_n(x, 1, T0 + 10 * MS);			/* 2 */
	quic_loss_arm(&x->l, T0 + 10 * MS);
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + 10 * MS + pto);
	xmit(x, APP, ACK_ONLY, T0 + 20 * MS);		/* 3: starts nothing */
	quic_loss_arm(&x->l, T0 + 20 * MS);
	at = T0 + 10 * MS + pto;
	KUNIT_EXPECT_EQ(test, x->l.deadline, at);
	quic_loss_timeout(&x->l, at - 1);
	KUNIT_EXPECT_EQ(test, x->l.probes, 0);
	for (i = 1; i < 6; i++) {
		quic_loss_timeout(&x->l, at);
		KUNIT_EXPECT_EQ(test, x->l.probes, 2);
		KUNIT_EXPECT_EQ(test, x->l.probe_space, APP);
		KUNIT_EXPECT_EQ(test, x->l.pto_count, (u32)i);
		x->l.probes = 0;
		xmit_n(x, 2, at);
		quic_loss_arm(&x->l, at);
		KUNIT_EXPECT_EQ(test, x->l.deadline, at + (pto << i));
		at = x->l.deadline;
	}
	/* §6.2: a PTO MUST NOT cause packets to be marked as lost */
	KUNIT_EXPECT_EQ(test, x->l.lost_packets, 0ull);
	KUNIT_EXPECT_EQ(test, x->cc.in_flight, 12ull * MSS);	/* §7.5 */
	/* any ACK resets the backoff */
	ack(x, APP, 1, 13, at);
	KUNIT_EXPECT_EQ(test, x->l.pto_count, 0u);
	KUNIT_EXPECT_EQ(test, x->l.deadline, QUIC_TIME_NEVER);
	/* however long the silence, it stays a time */
	x->l.pto_count = 1000;
	x->l.smoothed = 1ULL << 60;
	xmit_n(x, 1, at);
	KUNIT_EXPECT_GT(test, x->l.deadline, at);
	KUNIT_EXPECT_LT(test, x->l.deadline, QUIC_TIME_NEVER);
	check_books(test, x);
}

/* RFC 9002 §6.2.1: kGranularity at least for the variation */
static void test_pto_granularity(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	x->l.smoothed = 2 * MS;
	x->l.var = MS / 4 - 1;
	KUNIT_EXPECT_EQ(test, quic_loss_pto(&x->l, INIT), 3 * MS);
}

/* RFC 9002 §6.2.1: the earlier of Initial and Handshake; App only when confirmed */
static void test_pto_spaces(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	x->l.handshake_confirmed = false;
	xmit(x, APP, PLAIN, T0);
	KUNIT_EXPECT_EQ(test, x->l.deadline, QUIC_TIME_NEVER);
	xmit(x, HS, PLAIN, T0 + 2 * MS);
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + 1001 * MS);
	xmit(x, INIT, PLAIN, T0 + 1 * MS);
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + 1000 * MS);
	quic_loss_timeout(&x->l, T0 + 1000 * MS);
	KUNIT_EXPECT_EQ(test, x->l.probe_space, INIT);
	/* a timeout in one space doubles the period in all */
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + 1999 * MS);
	quic_loss_space_discard(&x->l, INIT, T0 + 1100 * MS);
	KUNIT_EXPECT_EQ(test, x->l.pto_count, 0u);
	KUNIT_EXPECT_EQ(test, x->l.probes, 0);
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + 1001 * MS);
	quic_loss_timeout(&x->l, T0 + 1100 * MS);
	KUNIT_EXPECT_EQ(test, x->l.probe_space, HS);
	/* §6.2.1: max_ack_delay for Application Data, which starts when confirmed */
	x->l.handshake_confirmed = true;
	quic_loss_space_discard(&x->l, HS, T0 + 1100 * MS);
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + 1024 * MS);
	check_books(test, x);
}

/* RFC 9002 §6.2.2.1: the server's timer is off while it cannot send */
static void test_at_limit(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	x->l.handshake_confirmed = false;
	x->l.at_limit = true;
	xmit(x, INIT, PLAIN, T0);
	KUNIT_EXPECT_EQ(test, x->l.deadline, QUIC_TIME_NEVER);
	quic_loss_timeout(&x->l, T0 + 5000 * MS);
	KUNIT_EXPECT_EQ(test, x->l.pto_count, 0u);
	/* a datagram arrives: armed again, in the past if it is so */
	x->l.at_limit = false;
	quic_loss_arm(&x->l, T0 + 5000 * MS);
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + 999 * MS);
	/* §A.8: time threshold loss detection goes on in any case */
	xmit(x, INIT, PLAIN, T0 + 5000 * MS);
	ack(x, INIT, 1, 1, T0 + 5001 * MS);
	KUNIT_EXPECT_EQ(test, x->lost[INIT][0], 1);
	x->l.latest = 100 * MS;
	x->l.smoothed = 100 * MS;
	xmit(x, INIT, PLAIN, T0 + 6000 * MS);
	xmit(x, INIT, PLAIN, T0 + 6000 * MS);
	x->l.at_limit = true;
	ack(x, INIT, 3, 3, T0 + 6001 * MS);
	KUNIT_EXPECT_NE(test, x->l.deadline, QUIC_TIME_NEVER);
	KUNIT_EXPECT_EQ(test, x->l.deadline, x->l.sp[INIT]->loss_time);
}

/* RFC 9002 §6.2.2.1: a client keeps a timer until the server has validated its address */
static void test_client_deadlock(struct kunit *test)
{
	struct fixture *x = new_fixture(test, false);

	x->l.handshake_confirmed = false;
	quic_loss_space_discard(&x->l, HS, T0);		/* no Handshake keys yet */
	xmit(x, INIT, PLAIN, T0);
	ack(x, INIT, 0, 0, T0 + 100 * MS);		/* 100 + 4 * 50 */
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + 400 * MS);
	quic_loss_arm(&x->l, T0 + 200 * MS);		/* arming again does not put it off */
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + 400 * MS);
	/* 0-RTT in flight does not stand in for it: there is no PTO for it */
	xmit(x, APP, PLAIN, T0 + 100 * MS);
	quic_loss_arm(&x->l, T0 + 200 * MS);
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + 400 * MS);
	quic_loss_timeout(&x->l, T0 + 400 * MS);
	KUNIT_EXPECT_EQ(test, x->l.probes, QUIC_PROBES);
	KUNIT_EXPECT_EQ(test, x->l.probe_space, INIT);
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + 1000 * MS);
	/* §6.2.1: the backoff is not reset by an ACK of an Initial packet */
	xmit(x, INIT, PLAIN, T0 + 400 * MS);
	ack(x, INIT, 1, 1, T0 + 500 * MS);
	KUNIT_EXPECT_EQ(test, x->l.pto_count, 1u);
	/* a Handshake packet if there are keys */
	quic_loss_space_open(&x->l, HS, &x->space[HS]);
	quic_loss_space_discard(&x->l, INIT, T0 + 600 * MS);
	KUNIT_EXPECT_EQ(test, x->l.pto_count, 0u);
	quic_loss_timeout(&x->l, x->l.deadline);
	KUNIT_EXPECT_EQ(test, x->l.probe_space, HS);
	KUNIT_EXPECT_EQ(test, x->l.probes, QUIC_PROBES);
	/* its ACK ends it */
	xmit(x, HS, PLAIN, T0 + 2000 * MS);
	ack(x, HS, 0, 0, T0 + 2100 * MS);
	KUNIT_EXPECT_TRUE(test, x->l.peer_validated);
	KUNIT_EXPECT_EQ(test, x->l.pto_count, 0u);
	KUNIT_EXPECT_EQ(test, x->l.deadline, QUIC_TIME_NEVER);
	check_books(test, x);
}

/* Nothing sent yet and no address validated: the client's timer starts when armed. */
static void test_client_first(struct kunit *test)
{
	struct fixture *x = new_fixture(test, false);

	x->l.handshake_confirmed = false;
	quic_loss_timeout(&x->l, T0);
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + 999 * MS);
	x->l.handshake_confirmed = true;
	quic_loss_arm(&x->l, T0);
	KUNIT_EXPECT_EQ(test, x->l.deadline, QUIC_TIME_NEVER);
}

/* RFC 9002 §6.4: keys dropped, packets leave flight without being lost */
static void test_discard(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	xmit(x, INIT, PLAIN, T0);
	xmit(x, INIT, PLAIN, T0);
	xmit(x, HS, PLAIN, T0);
	ack(x, INIT, 1, 1, T0 + 10 * MS);
	KUNIT_EXPECT_EQ(test, x->l.deadline, x->l.sp[INIT]->loss_time);
	quic_loss_space_discard(&x->l, INIT, T0 + 11 * MS);
	KUNIT_EXPECT_NULL(test, x->l.sp[INIT]);
	KUNIT_EXPECT_EQ(test, x->l.lost_packets, 0ull);
	KUNIT_EXPECT_EQ(test, x->lost[INIT][0], 0);
	KUNIT_EXPECT_EQ(test, x->cc.in_flight, 1ull * MSS);
	KUNIT_EXPECT_EQ(test, x->cc.events, 0ull);
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + 30 * MS);	/* Handshake: 10 + 4 * 5 */
	quic_loss_space_discard(&x->l, INIT, T0 + 12 * MS);
	check_books(test, x);
}

/* RFC 9002 §6.3, §6.4: Retry and rejected 0-RTT send everything again, without blame */
static void test_requeue_all(struct kunit *test)
{
	struct fixture *x = new_fixture(test, false);
	u64 pn;

	x->l.handshake_confirmed = false;
	xmit_n(x, 5, T0);
	xmit(x, APP, ACK_ONLY, T0);
	xmit(x, INIT, PLAIN, T0);
	quic_loss_timeout(&x->l, x->l.deadline);
	KUNIT_EXPECT_EQ(test, x->l.probes, 2);
	x->l.sp[APP]->loss_time = T0 + 1;
	quic_loss_requeue_all(&x->l, APP);
	for (pn = 0; pn < 5; pn++)
		KUNIT_EXPECT_EQ(test, x->lost[APP][pn], 1);
	KUNIT_EXPECT_EQ(test, x->l.lost_packets, 0ull);
	KUNIT_EXPECT_EQ(test, x->cc.events, 0ull);
	KUNIT_EXPECT_EQ(test, x->cc.in_flight, 1ull * MSS);
	KUNIT_EXPECT_EQ(test, x->l.pto_count, 0u);
	KUNIT_EXPECT_EQ(test, x->l.probes, 0);
	KUNIT_EXPECT_NULL(test, quic_sent_get(&x->l.sp[APP]->sent, 0));
	quic_loss_arm(&x->l, T0 + 1500 * MS);
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + 999 * MS);	/* the Initial's */
	quic_loss_requeue_all(&x->l, INIT);
	quic_loss_arm(&x->l, T0 + 1500 * MS);
	KUNIT_EXPECT_EQ(test, x->l.deadline, T0 + 2499 * MS);	/* anew */
	/* numbers go on, and acknowledgments of the old ones say nothing */
	KUNIT_EXPECT_EQ(test, xmit(x, APP, PLAIN, T0 + 1600 * MS), 6ull);
	KUNIT_EXPECT_EQ(test, ack(x, APP, 0, 6, T0 + 1700 * MS), 0);
	KUNIT_EXPECT_EQ(test, x->acked[APP][0], 0);
	KUNIT_EXPECT_EQ(test, x->acked[APP][6], 1);
	KUNIT_EXPECT_EQ(test, x->cc.in_flight, 0ull);
	check_books(test, x);
}

/* RFC 9002 §6.2.4: probes repeat what is out, each another packet, each once */
static void test_requeue_oldest(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	KUNIT_EXPECT_FALSE(test, quic_loss_requeue_oldest(&x->l, APP));
	settle_rtt(x, 100 * MS, T0);			/* 0 */
	xmit(x, APP, ACK_ONLY, T0);			/* 1: an item that need not be repeated */
	xmit_n(x, 3, T0);				/* 2 to 4 */
	ack(x, APP, 3, 3, T0 + 50 * MS);
	KUNIT_EXPECT_TRUE(test, quic_loss_requeue_oldest(&x->l, APP));
	KUNIT_EXPECT_EQ(test, x->last_lost, 2ull);
	KUNIT_EXPECT_TRUE(test, quic_loss_requeue_oldest(&x->l, APP));
	KUNIT_EXPECT_EQ(test, x->last_lost, 4ull);
	KUNIT_EXPECT_FALSE(test, quic_loss_requeue_oldest(&x->l, APP));
	KUNIT_EXPECT_EQ(test, x->cc.in_flight, 2ull * MSS);
	xmit_n(x, 3, T0 + 300 * MS);			/* 5 to 7 */
	ack(x, APP, 7, 7, T0 + 400 * MS);
	KUNIT_EXPECT_EQ(test, x->l.lost_packets, 2ull);
	KUNIT_EXPECT_EQ(test, x->lost[APP][2], 1);	/* lost now, but handed back before */
	KUNIT_EXPECT_EQ(test, x->lost[APP][4], 1);
	ack(x, APP, 2, 2, T0 + 401 * MS);
	KUNIT_EXPECT_EQ(test, x->acked[APP][2], 1);
	check_books(test, x);
}

/*
 * RFC 9002 §7.6.3: the example, its times in @unit; the PTO with max_ack_delay
 * is 120 + 55 + 25 = 200 ms, so that 600 ms are needed.  The last ACK takes
 * 120 ms, which only lowers the variation, to 41.25: 558.75 ms.
 */
static void persistent_example(struct fixture *x, u64 unit)
{
	static const u8 sent_at[] = { 2, 3, 4, 5, 6, 8, 12 };
	int i;

	x->l.first_sample = T0;
	xmit(x, APP, PLAIN, T0 + 10);			/* 0, at t = 0 */
	xmit(x, APP, PLAIN, T0 + unit);			/* 1 */
	ack(x, APP, 0, 0, T0 + unit + unit / 5);
	for (i = 0; i < ARRAY_SIZE(sent_at); i++)	/* 2 to 8 */
		xmit(x, APP, PLAIN, T0 + sent_at[i] * unit);
	x->l.smoothed = 120 * MS;
	x->l.var = 55 * MS / 4;
	x->l.min = 50 * MS;
}

/* The last packet is acknowledged: 1 to 7 are lost. */
static void persistent_end(struct fixture *x, u64 unit)
{
	ack(x, APP, 8, 8, T0 + 12 * unit + 120 * MS);
}

static void test_persistent(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	persistent_example(x, 100 * MS);
	KUNIT_EXPECT_EQ(test, x->cc.cwnd, 12000ull);
	persistent_end(x, 100 * MS);
	KUNIT_EXPECT_EQ(test, x->l.lost_packets, 7ull);
	KUNIT_EXPECT_EQ(test, x->cc.recovery_start, 0ull);
	/* the minimum; and the packet acknowledged was sent in no recovery */
	KUNIT_EXPECT_EQ(test, x->cc.cwnd, 2400ull + 1200);
	KUNIT_EXPECT_EQ(test, x->l.min, 120 * MS);	/* §5.2: the newest sample */
	check_books(test, x);
}

/* RFC 9002 §7.6.2: not if the period is too short ... */
static void test_persistent_short(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	persistent_example(x, 79 * MS);			/* 7 * 79 is 553 */
	persistent_end(x, 79 * MS);
	KUNIT_EXPECT_EQ(test, x->l.lost_packets, 7ull);
	KUNIT_EXPECT_EQ(test, x->cc.cwnd, 6000ull);

	quic_loss_free(&x->l);
	x = new_fixture(test, true);
	persistent_example(x, 80 * MS);			/* 560 */
	persistent_end(x, 80 * MS);
	KUNIT_EXPECT_EQ(test, x->cc.cwnd, 3600ull);
}

/* ... or something in between was acknowledged, in this space ... */
static void test_persistent_acked(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	persistent_example(x, 100 * MS);
	ack2(x, 8, 8, 4, 4, T0 + 1320 * MS);
	KUNIT_EXPECT_EQ(test, x->l.lost_packets, 6ull);
	KUNIT_EXPECT_EQ(test, x->cc.cwnd, 6000ull);
}

/* ... or in another; or they were sent before the first sample */
static void test_persistent_spaces(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	persistent_example(x, 100 * MS);
	xmit(x, HS, PLAIN, T0 + 450 * MS);
	ack(x, HS, 0, 0, T0 + 570 * MS);
	persistent_end(x, 100 * MS);
	KUNIT_EXPECT_EQ(test, x->l.lost_packets, 7ull);
	KUNIT_EXPECT_EQ(test, x->cc.cwnd, 6600ull);

	quic_loss_free(&x->l);
	x = new_fixture(test, true);
	persistent_example(x, 100 * MS);
	x->l.first_sample = T0 + 250 * MS;
	persistent_end(x, 100 * MS);
	KUNIT_EXPECT_EQ(test, x->cc.cwnd, 6000ull);
}

/* RFC 9000 §14.4: the loss of a PMTU probe is no congestion */
static void test_mtu_probe(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	settle_rtt(x, 100 * MS, T0);			/* 0 */
	xmit_size(x, APP, PLAIN | QUIC_SENT_PROBE, 1452, T0);
	xmit_n(x, 3, T0);
	ack(x, APP, 2, 4, T0 + 100 * MS);
	KUNIT_EXPECT_EQ(test, x->lost[APP][1], 1);
	KUNIT_EXPECT_EQ(test, x->cc.events, 0ull);
	KUNIT_EXPECT_EQ(test, x->cc.in_flight, 0ull);
	check_books(test, x);
}

/* RFC 9000 §13.4.2.1: counts that bear out what was sent */
static void test_ecn_valid(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);
	int i;

	KUNIT_EXPECT_TRUE(test, quic_loss_ecn_mark(&x->l));
	for (i = 0; i < 4; i++)
		xmit(x, APP, MARKED, T0);
	KUNIT_EXPECT_EQ(test, ack_ecn(x, 0, 1, 2, 0, 0, T0 + 10 * MS), 0);
	KUNIT_EXPECT_TRUE(test, x->l.ecn_capable);
	KUNIT_EXPECT_EQ(test, x->cc.events, 0ull);
	/* RFC 9002 §7.1: one more CE is congestion */
	ack_ecn(x, 0, 2, 2, 0, 1, T0 + 11 * MS);
	KUNIT_EXPECT_FALSE(test, x->l.ecn_failed);
	KUNIT_EXPECT_EQ(test, x->cc.events, 1ull);
	ack_ecn(x, 0, 3, 3, 0, 1, T0 + 12 * MS);
	KUNIT_EXPECT_EQ(test, x->cc.events, 1ull);
	/* it stays so while packets are not marked */
	xmit_n(x, 1, T0 + 20 * MS);
	ack(x, APP, 4, 4, T0 + 30 * MS);
	KUNIT_EXPECT_TRUE(test, x->l.ecn_capable);
	/* an ACK that was lost may have told of more than the next one acknowledges */
	xmit(x, APP, MARKED, T0 + 40 * MS);
	xmit(x, APP, MARKED, T0 + 40 * MS);
	ack_ecn(x, 6, 6, 5, 0, 1, T0 + 50 * MS);
	KUNIT_EXPECT_TRUE(test, x->l.ecn_capable);
	/* MUST NOT fail for an ACK that does not raise the largest acknowledged */
	ack_ecn(x, 5, 5, 1, 0, 0, T0 + 51 * MS);
	KUNIT_EXPECT_TRUE(test, x->l.ecn_capable);
	KUNIT_EXPECT_EQ(test, x->l.sp[APP]->ect0, 5ull);
}

/* Packets that are told of together count as they do one by one, marks that end in between too. */
static void test_together(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true), *y = new_fixture(test, true);
	u64 now = T0, pn;
	u32 i, k;
	u8 flags;

	for (i = 1; i < 8; i++, now += MS) {
		flags = quic_loss_ecn_mark(&x->l) ? MARKED : PLAIN;
		KUNIT_EXPECT_EQ(test, quic_loss_ecn_steady(&x->l), flags == PLAIN);
		for (k = 0; k < i; k++)
			xmit(x, APP, flags, now);
		quic_pkt_start(&y->p, 0, MSS);
		quic_pkt_item(&y->p, QUIC_ITEM_STREAM, 0, 0, 0, false);
		for (k = 0; k < i; k++) {
			KUNIT_ASSERT_EQ(test, quic_sent_reserve(&y->space[APP].sent, 1), 0);
			quic_sent_add(&y->space[APP].sent, &y->p, MSS, flags, now);
		}
		pn = y->space[APP].sent.next - 1;
		quic_loss_sent_many(&y->l, APP, quic_sent_get(&y->space[APP].sent, pn), i, now);
		KUNIT_EXPECT_EQ(test, x->cc.in_flight, y->cc.in_flight);
		KUNIT_EXPECT_EQ(test, x->cc.peak, y->cc.peak);
		KUNIT_EXPECT_EQ(test, x->l.deadline, y->l.deadline);
		KUNIT_EXPECT_EQ(test, x->l.ect_tested, y->l.ect_tested);
		KUNIT_EXPECT_EQ(test, x->space[APP].ect_sent, y->space[APP].ect_sent);
		KUNIT_EXPECT_EQ(test, x->space[APP].eliciting_in_flight,
				y->space[APP].eliciting_in_flight);
		KUNIT_EXPECT_EQ(test, x->space[APP].last_eliciting, y->space[APP].last_eliciting);
	}
	KUNIT_EXPECT_EQ(test, x->l.ect_tested, QUIC_ECN_TESTING);
	check_books(test, y);
}

/* RFC 9000 §13.4.2.1: what fails validation */
static void test_ecn_invalid(struct kunit *test)
{
	static const struct {
		bool ecn;
		u8 ect0, ect1, ce;
	} table[] = {
		{ false },		/* no counts */
		{ true, 2, 0, 0 },	/* three were marked */
		{ true, 1, 0, 1 },
		{ true, 4, 0, 0 },	/* more than were marked */
		{ true, 3, 1, 0 },	/* ECT(1) was never applied */
	};
	struct fixture *x;
	int i, j;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		x = new_fixture(test, true);
		for (j = 0; j < 3; j++)
			xmit(x, APP, MARKED, T0);
		if (table[i].ecn)
			ack_ecn(x, 0, 2, table[i].ect0, table[i].ect1, table[i].ce, T0 + 10 * MS);
		else
			ack(x, APP, 0, 2, T0 + 10 * MS);
		KUNIT_EXPECT_TRUE(test, x->l.ecn_failed);
		KUNIT_EXPECT_FALSE(test, quic_loss_ecn_mark(&x->l));
		KUNIT_EXPECT_EQ(test, x->cc.events, 0ull);	/* such a CE is not believed */
	}
}

/* RFC 9000 §13.4.2: validation that fails later, counts that fall */
static void test_ecn_later(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	xmit(x, APP, MARKED, T0);
	xmit(x, APP, MARKED, T0);
	ack_ecn(x, 0, 0, 1, 0, 0, T0 + 10 * MS);
	KUNIT_EXPECT_TRUE(test, x->l.ecn_capable);
	ack_ecn(x, 1, 1, 0, 0, 9, T0 + 10 * MS);
	KUNIT_EXPECT_FALSE(test, x->l.ecn_capable);
	KUNIT_EXPECT_TRUE(test, x->l.ecn_failed);
	KUNIT_EXPECT_EQ(test, x->cc.events, 0ull);
}

/* RFC 9000 §13.4.2: all packets that were marked are lost */
static void test_ecn_black_hole(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);
	u64 pn;
	int i;

	for (i = 0; i < QUIC_ECN_TESTING; i++) {
		KUNIT_EXPECT_TRUE(test, quic_loss_ecn_mark(&x->l));
		xmit(x, APP, MARKED, T0);
	}
	KUNIT_EXPECT_FALSE(test, quic_loss_ecn_mark(&x->l));	/* enough for a verdict */
	pn = xmit(x, APP, PLAIN, T0 + 2000 * MS);
	ack(x, APP, pn, pn, T0 + 2010 * MS);
	KUNIT_EXPECT_EQ(test, x->l.lost_packets, 10ull);
	KUNIT_EXPECT_TRUE(test, x->l.ecn_failed);

	quic_loss_free(&x->l);
	x = new_fixture(test, true);
	xmit(x, APP, MARKED, T0);
	quic_loss_timeout(&x->l, x->l.deadline);
	KUNIT_EXPECT_FALSE(test, quic_loss_ecn_mark(&x->l));	/* not on probes */
	pn = xmit(x, APP, PLAIN, T0 + 2000 * MS);
	ack(x, APP, pn, pn, T0 + 2010 * MS);
	KUNIT_EXPECT_EQ(test, x->lost[APP][0], 1);
	KUNIT_EXPECT_TRUE(test, quic_loss_ecn_mark(&x->l));	/* one alone proves nothing */

	quic_loss_free(&x->l);
	x = new_fixture(test, true);
	xmit(x, HS, MARKED, T0);
	for (i = 0; i < 3; i++)
		xmit(x, APP, MARKED, T0);
	quic_loss_space_discard(&x->l, HS, T0);		/* nobody will know of that one */
	pn = xmit(x, APP, PLAIN, T0 + 2000 * MS);
	ack(x, APP, pn, pn, T0 + 2010 * MS);
	KUNIT_EXPECT_TRUE(test, x->l.ecn_failed);
}

/* RFC 9000 §9.4: packets of the old path do not contribute to the new one */
static void test_reset_path(struct kunit *test)
{
	struct fixture *x = new_fixture(test, true);

	settle_rtt(x, 100 * MS, T0);			/* 0 */
	xmit(x, APP, MARKED, T0);			/* 1 */
	xmit_n(x, 5, T0);				/* 2 to 6 */
	xmit(x, APP, MARKED, T0);			/* 7 */
	ack(x, APP, 5, 5, T0 + 100 * MS);
	KUNIT_EXPECT_EQ(test, x->cc.events, 1ull);
	quic_loss_timeout(&x->l, T0 + 150 * MS);
	quic_loss_reset_path(&x->l, QUIC_CONG_ALG_CUBIC, 1300);
	KUNIT_EXPECT_EQ(test, x->cc.cwnd, 13000ull);
	KUNIT_EXPECT_EQ(test, x->cc.in_flight, 0ull);
	KUNIT_EXPECT_EQ(test, x->l.smoothed, 333 * MS);
	KUNIT_EXPECT_EQ(test, x->l.first_sample, 0ull);
	check_books(test, x);
	/* they are acknowledged still, without sample or growth; but lost, too */
	xmit_n(x, 4, T0 + 200 * MS);			/* 8 to 11 */
	KUNIT_EXPECT_EQ(test, x->cc.in_flight, 4ull * MSS);
	ack(x, APP, 7, 7, T0 + 210 * MS);
	KUNIT_EXPECT_EQ(test, x->acked[APP][7], 1);
	KUNIT_EXPECT_EQ(test, x->l.first_sample, 0ull);
	KUNIT_EXPECT_EQ(test, x->cc.cwnd, 13000ull);
	KUNIT_EXPECT_EQ(test, x->cc.in_flight, 4ull * MSS);
	KUNIT_EXPECT_FALSE(test, x->l.ecn_failed);
	ack(x, APP, 9, 9, T0 + 230 * MS);
	KUNIT_EXPECT_EQ(test, x->lost[APP][6], 1);
	KUNIT_EXPECT_EQ(test, x->cc.events, 0ull);
	KUNIT_EXPECT_EQ(test, x->l.smoothed, 30 * MS);
	check_books(test, x);
}

/* ---- a random walk ---- */

struct walk {
	u64 rnd;
	u64 now;
};

static u32 draw(struct walk *w, u32 below)
{
	w->rnd = w->rnd * 6364136223846793005ULL + 1442695040888963407ULL;
	return (w->rnd >> 33) % below;
}

static void walk_send(struct fixture *x, struct walk *w, enum quic_space_id sp)
{
	static const u8 kinds[] = { PLAIN, PLAIN, PLAIN, MARKED, ACK_ONLY, PADDING,
				    PLAIN | QUIC_SENT_PROBE };
	u32 n = draw(w, 20);

	if (!draw(w, 8))
		quic_sent_skip(&x->l.sp[sp]->sent);
	while (n-- && x->l.sp[sp]->sent.next < PKTS)
		xmit_size(x, sp, kinds[draw(w, ARRAY_SIZE(kinds))], 50 + draw(w, 1400), w->now);
}

/* Up to eight descending ranges among what was sent; some are refused for a skipped number. */
static void walk_ack(struct kunit *test, struct fixture *x, struct walk *w, enum quic_space_id sp)
{
	u64 next = x->l.sp[sp]->sent.next, r[16], top = next;
	struct quic_frame_ack a;
	int n = 0, err;

	while (n < 8 && top > 12) {
		r[2 * n + 1] = top - 1 - draw(w, 6);
		r[2 * n] = r[2 * n + 1] - draw(w, 6);
		top = r[2 * n] - 1;
		n++;
	}
	if (!n)
		return;
	a = make_ack(x, r, 1 + draw(w, n));
	a.ecn = draw(w, 2);
	a.ect0 = draw(w, 100);
	a.ce = draw(w, 3);
	err = quic_loss_ack(&x->l, sp, &a, draw(w, 20) * MS, w->now);
	KUNIT_ASSERT_TRUE(test, !err || err == QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION);
}

static void walk_step(struct kunit *test, struct fixture *x, struct walk *w)
{
	enum quic_space_id sp = draw(w, QUIC_SPACES);
	u32 what = draw(w, 200);

	w->now += draw(w, 30) * MS;
	if (!x->l.sp[sp])
		return;
	if (what < 90)
		walk_send(x, w, sp);
	else if (what < 170)
		walk_ack(test, x, w, sp);
	else if (what < 185)
		quic_loss_timeout(&x->l, x->l.deadline == QUIC_TIME_NEVER ? w->now :
				  max(w->now, x->l.deadline));
	else if (what < 192)
		quic_loss_requeue_oldest(&x->l, sp);
	else if (what < 194)
		quic_loss_requeue_all(&x->l, sp);
	else if (what < 195)
		quic_loss_reset_path(&x->l, draw(w, 2), MSS);
	else if (what < 196 && sp != APP)
		quic_loss_space_discard(&x->l, sp, w->now);
}

/* Each packet comes back acknowledged at most once and lost at most once. */
static void check_items(struct kunit *test, const struct fixture *x)
{
	int sp, pn;

	for (sp = 0; sp < QUIC_SPACES; sp++) {
		for (pn = 0; pn < PKTS; pn++) {
			KUNIT_ASSERT_LE(test, x->acked[sp][pn], 1);
			KUNIT_ASSERT_LE(test, x->lost[sp][pn], 1);
		}
	}
}

static void test_random_walk(struct kunit *test)
{
	struct walk w = { .rnd = 1 };
	struct fixture *x;
	int run, i;

	for (run = 0; run < 20; run++) {
		x = new_fixture(test, run & 1);
		w.now = T0;
		for (i = 0; i < 600; i++) {
			walk_step(test, x, &w);
			check_books(test, x);
			KUNIT_ASSERT_GE(test, x->cc.cwnd, 2400ull);
		}
		check_items(test, x);
		KUNIT_EXPECT_GT(test, x->l.acked_packets, 100ull);
		KUNIT_EXPECT_GT(test, x->l.lost_packets, 20ull);
	}
}

static struct kunit_case loss_cases[] = {
	KUNIT_CASE(test_rtt_initial),
	KUNIT_CASE(test_rtt_samples),
	KUNIT_CASE(test_rtt_ack_delay),
	KUNIT_CASE(test_rtt_waited),
	KUNIT_CASE(test_hurry),
	KUNIT_CASE(test_rtt_no_sample),
	KUNIT_CASE(test_packet_threshold),
	KUNIT_CASE(test_black_hole),
	KUNIT_CASE(test_no_black_hole),
	KUNIT_CASE(test_fresh),
	KUNIT_CASE(test_time_threshold),
	KUNIT_CASE(test_ack_only_not_lost),
	KUNIT_CASE(test_never_sent),
	KUNIT_CASE(test_skipped),
	KUNIT_CASE(test_ranges),
	KUNIT_CASE(test_runs),
	KUNIT_CASE(test_spurious),
	KUNIT_CASE(test_reordering),
	KUNIT_CASE(test_pto),
	KUNIT_CASE(test_pto_granularity),
	KUNIT_CASE(test_pto_spaces),
	KUNIT_CASE(test_at_limit),
	KUNIT_CASE(test_client_deadlock),
	KUNIT_CASE(test_client_first),
	KUNIT_CASE(test_discard),
	KUNIT_CASE(test_requeue_all),
	KUNIT_CASE(test_requeue_oldest),
	KUNIT_CASE(test_persistent),
	KUNIT_CASE(test_persistent_short),
	KUNIT_CASE(test_persistent_acked),
	KUNIT_CASE(test_persistent_spaces),
	KUNIT_CASE(test_mtu_probe),
	KUNIT_CASE(test_ecn_valid),
	KUNIT_CASE(test_together),
	KUNIT_CASE(test_ecn_invalid),
	KUNIT_CASE(test_ecn_later),
	KUNIT_CASE(test_ecn_black_hole),
	KUNIT_CASE(test_reset_path),
	KUNIT_CASE(test_random_walk),
	{}
};

static struct kunit_suite loss_suite = {
	.name		= "quic_loss",
	.test_cases	= loss_cases,
};

kunit_test_suite(loss_suite);

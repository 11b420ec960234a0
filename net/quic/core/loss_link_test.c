// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A bulk sender over a link in virtual time: loss recovery, congestion control
 * and pacing on one side, the ACK tracker on the other, and in between a
 * bottleneck of 10 Mbit/s with a queue that drops its tail, a round trip of
 * 30 ms and random loss.  The bounds hold what theory says of the algorithms.
 */
#include <kunit/test.h>
#include "acktr.h"
#include "loss.h"
#include "pace.h"

#define MSS		1200
#define MS		QUIC_NSEC_PER_MSEC
#define BYTE_TIME	800ULL		/* ns: 10 Mbit/s */
#define ONE_WAY		(15 * MS)
#define FLIGHTS		1024		/* packets on their way */
#define ACKS		64
#define ACK_BYTES	512
#define SECONDS(n)	((n) * QUIC_NSEC_PER_SEC)

struct flight {
	u64 at;			/* when it arrives */
	u64 pn;
};

struct ack_flight {
	u64 at;
	u32 len;
	u8 bytes[ACK_BYTES];
};

struct link {
	struct quic_loss l;
	struct quic_loss_space space;
	struct quic_cc cc;
	struct quic_pace pace;
	struct quic_acktr acktr;
	struct quic_pkt pkt;
	struct quic_frame frame;
	struct kunit *test;
	u64 now, end;
	u64 app_left;		/* bytes that the application still wants to send */
	u64 received;		/* bytes, each packet once */
	u64 queue_free;		/* when the bottleneck is idle */
	u64 queue_max;		/* bytes */
	u32 loss_permille;
	u64 rnd;
	u64 max_cwnd;
	u64 dropped, sent;
	struct flight flight[FLIGHTS];
	struct ack_flight ack[ACKS];
	u32 flight_first, flight_next, ack_first, ack_next;
};

static void ignore(void *priv, enum quic_space_id sp, const struct quic_sent_item *it)
{
}

static const struct quic_loss_ops link_ops = { .acked = ignore, .lost = ignore };

static void release(void *p)
{
	struct link *k = p;

	quic_loss_free(&k->l);
	quic_acktr_free(&k->acktr);
}

/* A queue of @queue packets. */
static struct link *new_link(struct kunit *test, u8 algo, u64 queue, u32 loss_permille)
{
	struct link *k = kunit_kzalloc(test, sizeof(*k), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, k);
	quic_cc_init(&k->cc, algo, MSS);
	quic_loss_init(&k->l, &k->cc, &link_ops, k, true, QUIC_INITIAL_RTT);
	quic_pace_init(&k->pace);
	quic_acktr_init(&k->acktr);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, release, k), 0);
	quic_loss_space_open(&k->l, QUIC_SPACE_APP, &k->space);
	k->l.handshake_confirmed = true;
	k->l.max_ack_delay = 25 * MS;
	k->test = test;
	k->now = SECONDS(1);
	k->app_left = U64_MAX;
	k->queue_max = queue * MSS;
	k->loss_permille = loss_permille;
	k->rnd = 1;
	return k;
}

static u32 draw(struct link *k, u32 below)
{
	k->rnd = k->rnd * 6364136223846793005ULL + 1442695040888963407ULL;
	return (k->rnd >> 33) % below;
}

/* The bottleneck: serialise, or drop at the tail or by chance. */
static void transmit(struct link *k, u64 pn)
{
	u64 start = max(k->queue_free, k->now);

	k->sent++;
	if (start - k->now > k->queue_max * BYTE_TIME || draw(k, 1000) < k->loss_permille) {
		k->dropped++;
		return;
	}
	KUNIT_ASSERT_LT(k->test, k->flight_next - k->flight_first, (u32)FLIGHTS);
	k->queue_free = start + MSS * BYTE_TIME;
	k->flight[k->flight_next++ % FLIGHTS] =
		(struct flight){ .at = k->queue_free + ONE_WAY, .pn = pn };
}

static void send_packet(struct link *k)
{
	struct quic_sent *s = &k->l.sp[QUIC_SPACE_APP]->sent;
	u64 pn = s->next;

	KUNIT_ASSERT_EQ(k->test, quic_sent_reserve(s, 1), 0);
	quic_pkt_start(&k->pkt, 0, MSS);
	quic_pkt_item(&k->pkt, QUIC_ITEM_STREAM, 0, 0, MSS, false);
	quic_loss_sent(&k->l, QUIC_SPACE_APP,
		       quic_sent_add(s, &k->pkt, MSS, QUIC_SENT_ELICITING | QUIC_SENT_IN_FLIGHT,
				     k->now), k->now);
	quic_pace_sent(&k->pace, &k->cc, quic_loss_srtt(&k->l), MSS, k->now);
	k->app_left -= MSS;
	transmit(k, pn);
}

/* When the sender may go on: now, at the pacer's word, or with the next ACK. */
static u64 send_time(struct link *k)
{
	if (k->l.probes)
		return k->now;
	if (k->app_left < MSS || quic_cc_room(&k->cc) < MSS)
		return QUIC_TIME_NEVER;
	return quic_pace_next(&k->pace, &k->cc, quic_loss_srtt(&k->l), MSS, k->now);
}

static void send_all(struct link *k)
{
	while (send_time(k) <= k->now) {
		if (k->l.probes)
			k->l.probes--;
		send_packet(k);
	}
	quic_loss_arm(&k->l, k->now);
	k->max_cwnd = max(k->max_cwnd, k->cc.cwnd);
}

static void send_ack(struct link *k)
{
	struct ack_flight *a = &k->ack[k->ack_next++ % ACKS];

	KUNIT_ASSERT_LE(k->test, k->ack_next - k->ack_first, (u32)ACKS);
	quic_pkt_start(&k->pkt, 0, ACK_BYTES);
	KUNIT_ASSERT_TRUE(k->test, quic_acktr_put(&k->acktr, &k->pkt, 3, k->now));
	memcpy(a->bytes, k->pkt.scratch, k->pkt.len);
	a->len = k->pkt.len;
	a->at = k->now + ONE_WAY;
	quic_acktr_sent(&k->acktr);
}

static void receive_packet(struct link *k)
{
	struct flight *f = &k->flight[k->flight_first++ % FLIGHTS];

	if (quic_acktr_is_dup(&k->acktr, f->pn))
		return;
	k->received += MSS;
	quic_acktr_received(&k->acktr, f->pn, true, false, false, QUIC_ECN_NONE, k->now, 25 * MS);
}

static void receive_ack(struct link *k)
{
	struct ack_flight *a = &k->ack[k->ack_first++ % ACKS];
	struct quic_cur c;

	quic_cur_init(&c, a->bytes, a->len);
	KUNIT_ASSERT_EQ(k->test, quic_frame_parse(&c, &k->frame), 0);
	KUNIT_ASSERT_EQ(k->test,
			quic_loss_ack(&k->l, QUIC_SPACE_APP, &k->frame.ack,
				      k->frame.ack.delay * 8 * QUIC_NSEC_PER_USEC, k->now), 0);
}

static u64 next_event(struct link *k)
{
	u64 at = min3(send_time(k), k->l.deadline, k->acktr.deadline);

	if (k->flight_first != k->flight_next)
		at = min(at, k->flight[k->flight_first % FLIGHTS].at);
	if (k->ack_first != k->ack_next)
		at = min(at, k->ack[k->ack_first % ACKS].at);
	return at;
}

/* Run for @time; ends early when nothing is going on any more. */
static void run(struct link *k, u64 time)
{
	u64 end = k->now + time, at;

	for (at = next_event(k); at <= end; at = next_event(k)) {
		k->now = max(k->now, at);
		if (k->flight_first != k->flight_next &&
		    k->flight[k->flight_first % FLIGHTS].at <= k->now)
			receive_packet(k);
		if (k->ack_first != k->ack_next && k->ack[k->ack_first % ACKS].at <= k->now)
			receive_ack(k);
		if (k->l.deadline <= k->now)
			quic_loss_timeout(&k->l, k->now);
		if (quic_acktr_due(&k->acktr, k->now))
			send_ack(k);
		send_all(k);
	}
	k->now = max(k->now, end);
}

/* Per cent of what the link carries in @time. */
static u64 utilisation(struct link *k, u64 time)
{
	u64 before = k->received;

	run(k, time);
	return div64_u64((k->received - before) * 100, div_u64(time, BYTE_TIME));
}

/* All that is in flight comes back; the books are even. */
static void drain(struct link *k)
{
	k->app_left = 0;
	run(k, SECONDS(10));
	KUNIT_EXPECT_EQ(k->test, k->cc.in_flight, 0ull);
	KUNIT_EXPECT_EQ(k->test, k->l.sp[QUIC_SPACE_APP]->eliciting_in_flight, 0u);
	KUNIT_EXPECT_EQ(k->test, k->l.deadline, QUIC_TIME_NEVER);
	KUNIT_EXPECT_EQ(k->test, k->l.spurious, 0ull);	/* nothing is reordered here */
}

struct expectation {
	u8 algo;
	u16 queue;		/* packets; the bandwidth-delay product is 31 */
	u8 permille;
	u8 least, most;		/* per cent */
};

static void check(struct kunit *test, const struct expectation *e)
{
	struct link *k = new_link(test, e->algo, e->queue, e->permille);
	u64 got;

	run(k, SECONDS(3));	/* slow start and what comes of it */
	got = utilisation(k, SECONDS(20));
	KUNIT_EXPECT_GE_MSG(test, got, (u64)e->least, "%s, queue %u, loss %u",
			    k->cc.ops->name, e->queue, e->permille);
	KUNIT_EXPECT_LE_MSG(test, got, (u64)e->most, "%s, queue %u, loss %u",
			    k->cc.ops->name, e->queue, e->permille);
	drain(k);
	KUNIT_EXPECT_EQ(test, k->l.lost_packets, k->dropped);
}

/* Without random loss the link is full; a queue of one BDP hides even Reno's halving. */
static void test_clean(struct kunit *test)
{
	static const struct expectation table[] = {
		{ QUIC_CONG_ALG_RENO, 31, 0, 98, 100 },
		{ QUIC_CONG_ALG_CUBIC, 31, 0, 98, 100 },
		{ QUIC_CONG_ALG_RENO, 8, 0, 80, 100 },
		{ QUIC_CONG_ALG_CUBIC, 8, 0, 88, 100 },
		{ QUIC_CONG_ALG_RENO, 200, 0, 98, 100 },
		{ QUIC_CONG_ALG_CUBIC, 200, 0, 98, 100 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		check(test, &table[i]);
}

/*
 * One packet in a hundred lost at random: the window is about
 * sqrt(3/2 / p) = 12 packets of the 31 for Reno, and somewhat more for CUBIC.
 */
static void test_lossy(struct kunit *test)
{
	static const struct expectation table[] = {
		{ QUIC_CONG_ALG_RENO, 31, 10, 28, 50 },
		{ QUIC_CONG_ALG_CUBIC, 31, 10, 30, 60 },
		{ QUIC_CONG_ALG_RENO, 31, 1, 75, 100 },
		{ QUIC_CONG_ALG_CUBIC, 31, 1, 80, 100 },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(table); i++)
		check(test, &table[i]);
}

/* The window doubles each round trip until the path is full, within a few of them. */
static void test_slow_start(struct kunit *test)
{
	struct link *k = new_link(test, QUIC_CONG_ALG_CUBIC, 200, 0);

	run(k, 45 * MS);	/* the first ACKs came after 31 ms */
	KUNIT_EXPECT_GT(test, k->cc.cwnd, 12000ull);
	run(k, 25 * MS);
	KUNIT_EXPECT_GE(test, k->cc.cwnd, 24000ull);
	run(k, 200 * MS);
	KUNIT_EXPECT_GE(test, k->cc.cwnd, 37500ull);
	KUNIT_EXPECT_GE(test, utilisation(k, SECONDS(2)), 98ull);
	drain(k);
}

/* RFC 9406: the growing queue is noticed before a deep one overflows. */
static void test_hystart(struct kunit *test)
{
	struct link *k = new_link(test, QUIC_CONG_ALG_CUBIC, 400, 0);

	run(k, SECONDS(2));
	KUNIT_EXPECT_EQ(test, k->dropped, 0ull);
	KUNIT_EXPECT_FALSE(test, quic_cc_in_slow_start(&k->cc));
	KUNIT_EXPECT_LT(test, k->max_cwnd, 400ull * MSS);
	KUNIT_EXPECT_GT(test, k->max_cwnd, 31ull * MSS);
}

/* RFC 9002 §7.8: who sends little does not earn a window by it */
static void test_app_limited(struct kunit *test)
{
	struct link *k = new_link(test, QUIC_CONG_ALG_RENO, 31, 0);
	int i;

	for (i = 0; i < 200; i++) {
		k->app_left = 4 * MSS;
		run(k, 50 * MS);
	}
	KUNIT_EXPECT_EQ(test, k->received, 800ull * MSS);
	KUNIT_EXPECT_EQ(test, k->cc.cwnd, 12000ull);
	/* nor does one who is held back by a limit on the rate */
	k->pace.max_rate = 200000;	/* five packets in a round trip */
	k->app_left = U64_MAX;
	run(k, SECONDS(10));
	KUNIT_EXPECT_LE(test, k->cc.cwnd, 36000ull);	/* twice the first burst, and an ACK */
	KUNIT_EXPECT_GE(test, k->received, 2700000ull);
	KUNIT_EXPECT_LE(test, k->received, 3000000ull);
}

/* After idleness the window is still there, but leaves at the pace of a path that is known. */
static void test_idle(struct kunit *test)
{
	struct link *k = new_link(test, QUIC_CONG_ALG_CUBIC, 31, 0);
	u64 cwnd, dropped;

	run(k, SECONDS(5));
	k->app_left = 0;
	run(k, SECONDS(5));
	cwnd = k->cc.cwnd;
	dropped = k->dropped;
	k->app_left = U64_MAX;
	run(k, 20 * MS);
	KUNIT_EXPECT_LE(test, k->cc.in_flight, cwnd);
	run(k, 100 * MS);
	KUNIT_EXPECT_LE(test, k->dropped - dropped, 2ull);
	KUNIT_EXPECT_GE(test, utilisation(k, SECONDS(2)), 98ull);
}

/* The path goes dark for two seconds, and comes back: probes find it. */
static void test_blackout(struct kunit *test)
{
	struct link *k = new_link(test, QUIC_CONG_ALG_RENO, 31, 0);
	u64 received;

	run(k, SECONDS(3));
	k->loss_permille = 1000;
	run(k, SECONDS(2));
	received = k->received;
	run(k, 100 * MS);
	KUNIT_EXPECT_EQ(test, k->received, received);
	KUNIT_EXPECT_GE(test, k->l.pto_count, 3u);
	k->loss_permille = 0;
	/* the next probe: backed off, at most to the 2.1 s that it was dark, and a PTO */
	run(k, 2500 * MS);
	KUNIT_EXPECT_GT(test, k->received, received);
	KUNIT_EXPECT_EQ(test, k->l.pto_count, 0u);
	run(k, SECONDS(3));
	KUNIT_EXPECT_GE(test, utilisation(k, SECONDS(2)), 95ull);
	drain(k);
}

static struct kunit_case link_cases[] = {
	KUNIT_CASE(test_clean),
	KUNIT_CASE(test_lossy),
	KUNIT_CASE(test_slow_start),
	KUNIT_CASE(test_hystart),
	KUNIT_CASE(test_app_limited),
	KUNIT_CASE(test_idle),
	KUNIT_CASE(test_blackout),
	{}
};

static struct kunit_suite link_suite = {
	.name		= "quic_loss_link",
	.test_cases	= link_cases,
};

kunit_test_suite(link_suite);

// SPDX-License-Identifier: GPL-2.0-or-later
/* Tests of received packet numbers and of the ACK frames made from them. */
#include <kunit/test.h>
#include "acktr.h"

#define MS	QUIC_NSEC_PER_MSEC
#define DELAY	(25 * MS)

struct fixture {
	struct quic_acktr a;
	struct quic_pkt p;
	struct quic_frame f;
};

static struct fixture *new_fixture(struct kunit *test)
{
	struct fixture *x = kunit_kzalloc(test, sizeof(*x), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, x);
	quic_acktr_init(&x->a);
	return x;
}

/* A lone ack-eliciting packet that nothing hurries. */
static void get(struct fixture *x, u64 pn, u64 now)
{
	quic_acktr_received(&x->a, pn, true, false, false, QUIC_ECN_NONE, now, DELAY);
}

static void get_ecn(struct fixture *x, u64 pn, enum quic_ecn ecn, u64 now)
{
	quic_acktr_received(&x->a, pn, true, false, false, ecn, now, DELAY);
}

/* Write an ACK into @room bytes and parse it to x->f.ack. */
static bool put(struct kunit *test, struct fixture *x, u32 room, u64 now)
{
	struct quic_cur c;

	quic_pkt_start(&x->p, 0, room);
	if (!quic_acktr_put(&x->a, &x->p, 3, now)) {
		KUNIT_EXPECT_EQ(test, x->p.len, 0u);
		KUNIT_EXPECT_EQ(test, x->p.nitem, 0);
		return false;
	}
	KUNIT_EXPECT_LE(test, x->p.len, room);
	quic_cur_init(&c, x->p.scratch, x->p.len);
	KUNIT_ASSERT_EQ(test, quic_frame_parse(&c, &x->f), 0);
	KUNIT_EXPECT_EQ(test, quic_cur_left(&c), 0u);
	return true;
}

static void test_dup(struct kunit *test)
{
	struct fixture *x = new_fixture(test);

	KUNIT_EXPECT_EQ(test, quic_acktr_largest(&x->a), -1ll);
	KUNIT_EXPECT_FALSE(test, quic_acktr_is_dup(&x->a, 0));
	KUNIT_EXPECT_FALSE(test, put(test, x, 100, 1));
	get(x, 5, 1);
	get(x, 3, 1);
	KUNIT_EXPECT_EQ(test, quic_acktr_largest(&x->a), 5ll);
	KUNIT_EXPECT_TRUE(test, quic_acktr_is_dup(&x->a, 5));
	KUNIT_EXPECT_TRUE(test, quic_acktr_is_dup(&x->a, 3));
	KUNIT_EXPECT_FALSE(test, quic_acktr_is_dup(&x->a, 4));
	KUNIT_EXPECT_FALSE(test, quic_acktr_is_dup(&x->a, 6));
	KUNIT_EXPECT_FALSE(test, quic_acktr_is_dup(&x->a, 0));
	quic_acktr_free(&x->a);
}

static void test_write(struct kunit *test)
{
	struct fixture *x = new_fixture(test);
	struct quic_ack_iter it;
	struct quic_cur c;
	struct quic_wr w;
	u8 buf[64];

	get_ecn(x, 0, QUIC_ECN_ECT0, 1);
	get_ecn(x, 2, QUIC_ECN_ECT0, 2);
	get(x, 3, 3);
	quic_wr_init(&w, buf, sizeof(buf));
	quic_acktr_write(&x->a, &w);
	quic_cur_init(&c, buf, w.p - buf);
	KUNIT_ASSERT_EQ(test, quic_frame_parse(&c, &x->f), 0);
	KUNIT_EXPECT_EQ(test, quic_cur_left(&c), 0u);
	KUNIT_EXPECT_EQ(test, x->f.ack.delay, 0ull);
	KUNIT_EXPECT_EQ(test, x->f.ack.ect0, 2ull);
	quic_ack_iter_init(&it, &x->f.ack);
	KUNIT_EXPECT_TRUE(test, quic_ack_iter_next(&it, &x->f.ack) && it.lo == 2 && it.hi == 3);
	KUNIT_EXPECT_TRUE(test, quic_ack_iter_next(&it, &x->f.ack) && !it.lo && !it.hi);
	KUNIT_EXPECT_FALSE(test, quic_ack_iter_next(&it, &x->f.ack));
	quic_acktr_free(&x->a);
}

/* RFC 9000 §13.2.1: within max_ack_delay; §13.2.2: after two */
static void test_delayed(struct kunit *test)
{
	struct fixture *x = new_fixture(test);

	KUNIT_EXPECT_EQ(test, x->a.deadline, QUIC_TIME_NEVER);
	get(x, 0, 10 * MS);
	KUNIT_EXPECT_EQ(test, x->a.deadline, 35 * MS);
	KUNIT_EXPECT_FALSE(test, quic_acktr_due(&x->a, 35 * MS - 1));
	KUNIT_EXPECT_TRUE(test, quic_acktr_due(&x->a, 35 * MS));
	KUNIT_EXPECT_TRUE(test, quic_acktr_owed(&x->a));
	get(x, 1, 12 * MS);
	KUNIT_EXPECT_TRUE(test, quic_acktr_due(&x->a, 12 * MS));
	quic_acktr_sent(&x->a);
	KUNIT_EXPECT_EQ(test, x->a.deadline, QUIC_TIME_NEVER);
	KUNIT_EXPECT_FALSE(test, quic_acktr_owed(&x->a));
	get(x, 2, 50 * MS);
	KUNIT_EXPECT_EQ(test, x->a.deadline, 75 * MS);
	quic_acktr_free(&x->a);
}

/* RFC 9000 §13.2.1: MUST NOT answer packets that are not ack-eliciting */
static void test_not_eliciting(struct kunit *test)
{
	struct fixture *x = new_fixture(test);
	u64 pn;

	for (pn = 0; pn < 20; pn += 2)	/* not even with gaps */
		quic_acktr_received(&x->a, pn, false, false, false, QUIC_ECN_CE, pn, DELAY);
	KUNIT_EXPECT_EQ(test, x->a.deadline, QUIC_TIME_NEVER);
	KUNIT_EXPECT_FALSE(test, quic_acktr_owed(&x->a));
	/* they are reported with the next ACK */
	KUNIT_ASSERT_TRUE(test, put(test, x, 1000, 100));
	KUNIT_EXPECT_EQ(test, x->f.ack.largest, 18ull);
	KUNIT_EXPECT_EQ(test, x->f.ack.nranges, 9ull);
	KUNIT_EXPECT_EQ(test, x->f.ack.ce, 10ull);
	/* a gap below that they left is not one between ack-eliciting packets */
	get(x, 20, MS);
	KUNIT_EXPECT_EQ(test, x->a.deadline, 26 * MS);
	quic_acktr_free(&x->a);
}

/* RFC 9000 §13.2.1: without delay when out of order */
static void test_reordering(struct kunit *test)
{
	struct fixture *x = new_fixture(test);

	get(x, 0, MS);
	get(x, 1, MS);
	quic_acktr_sent(&x->a);
	get(x, 3, 2 * MS);	/* 2 is missing */
	KUNIT_EXPECT_EQ(test, x->a.deadline, 2 * MS);
	quic_acktr_sent(&x->a);
	get(x, 4, 3 * MS);	/* in order after 3, though 2 is missing still */
	KUNIT_EXPECT_EQ(test, x->a.deadline, 28 * MS);
	quic_acktr_sent(&x->a);
	get(x, 2, 4 * MS);	/* less than another that was received */
	KUNIT_EXPECT_EQ(test, x->a.deadline, 4 * MS);
	quic_acktr_sent(&x->a);
	/* 5 elicits nothing; with it there, 6 is in order */
	quic_acktr_received(&x->a, 5, false, false, false, QUIC_ECN_NONE, 5 * MS, DELAY);
	get(x, 6, 5 * MS);
	KUNIT_EXPECT_EQ(test, x->a.deadline, 30 * MS);
	quic_acktr_sent(&x->a);
	/* the first packet may have any number */
	quic_acktr_free(&x->a);
	quic_acktr_init(&x->a);
	get(x, 7, MS);
	KUNIT_EXPECT_EQ(test, x->a.deadline, 26 * MS);
	quic_acktr_free(&x->a);
}

/* RFC 9000 §13.2.1: CE at once; Initial and Handshake, and whatever asks for it */
static void test_at_once(struct kunit *test)
{
	struct fixture *x = new_fixture(test);

	get_ecn(x, 0, QUIC_ECN_ECT0, MS);
	KUNIT_EXPECT_EQ(test, x->a.deadline, 26 * MS);
	quic_acktr_sent(&x->a);
	get_ecn(x, 1, QUIC_ECN_CE, 2 * MS);
	KUNIT_EXPECT_EQ(test, x->a.deadline, 2 * MS);
	quic_acktr_sent(&x->a);
	quic_acktr_received(&x->a, 2, true, true, true, QUIC_ECN_NONE, 3 * MS, DELAY);
	KUNIT_EXPECT_EQ(test, x->a.deadline, 3 * MS);
	quic_acktr_free(&x->a);
}

/* RFC 9000 §13.2.2: MAY process the packets at hand before it decides */
static void test_train(struct kunit *test)
{
	struct fixture *x = new_fixture(test);
	u64 pn;

	for (pn = 0; pn < 63; pn++) {
		quic_acktr_received(&x->a, pn, true, false, true, QUIC_ECN_NONE, MS, DELAY);
		KUNIT_EXPECT_FALSE(test, quic_acktr_due(&x->a, MS));
	}
	/* were the last one damaged: soon */
	KUNIT_EXPECT_EQ(test, x->a.deadline, 2 * MS);
	quic_acktr_received(&x->a, pn, true, false, false, QUIC_ECN_NONE, MS, DELAY);
	KUNIT_EXPECT_TRUE(test, quic_acktr_due(&x->a, MS));
	quic_acktr_sent(&x->a);
	/* the last of a train need not elicit anything itself */
	quic_acktr_received(&x->a, 64, true, false, true, QUIC_ECN_NONE, 5 * MS, DELAY);
	quic_acktr_received(&x->a, 65, true, false, true, QUIC_ECN_NONE, 5 * MS, DELAY);
	quic_acktr_received(&x->a, 66, false, false, false, QUIC_ECN_NONE, 5 * MS, DELAY);
	KUNIT_EXPECT_TRUE(test, quic_acktr_due(&x->a, 5 * MS));
	quic_acktr_free(&x->a);
}

/* RFC 9000 §19.3: the frame, byte by byte */
static void test_bytes(struct kunit *test)
{
	static const u8 want[] = {
		0x03,			/* ACK_ECN */
		0x0a,			/* largest 10 */
		0x43, 0xe8,		/* 8000 us >> 3 = 1000 */
		0x02,			/* two more ranges */
		0x00,			/* 10 alone */
		0x01, 0x02,		/* 9, 8 missing; 7 to 5 */
		0x00, 0x03,		/* 4 missing; 3 to 0 */
		0x01, 0x02, 0x41, 0x00,	/* ECT(0) 1, ECT(1) 2, CE 256 */
	};
	struct fixture *x = new_fixture(test);
	u64 pn;

	for (pn = 0; pn <= 10; pn++)
		if (pn != 4 && pn != 8 && pn != 9)
			get(x, pn, 100 * MS);
	x->a.ect0 = 1;
	x->a.ect1 = 2;
	x->a.ce = 256;
	KUNIT_ASSERT_TRUE(test, put(test, x, 1000, 108 * MS));
	KUNIT_ASSERT_EQ(test, x->p.len, (u32)sizeof(want));
	KUNIT_EXPECT_MEMEQ(test, x->p.scratch, want, sizeof(want));
	KUNIT_EXPECT_EQ(test, x->p.nitem, 1);
	KUNIT_EXPECT_EQ(test, x->p.item[0].type, QUIC_ITEM_ACK);
	KUNIT_EXPECT_EQ(test, x->p.item[0].off, 10ull);
	KUNIT_EXPECT_FALSE(test, x->p.ack_eliciting);
	KUNIT_EXPECT_FALSE(test, x->p.in_flight);
	x->a.ect0 = 0;
	x->a.ect1 = 0;
	x->a.ce = 0;
	KUNIT_ASSERT_TRUE(test, put(test, x, 1000, 101 * MS));
	KUNIT_EXPECT_EQ(test, x->p.scratch[0], QUIC_FRAME_ACK);
	KUNIT_EXPECT_EQ(test, x->f.ack.delay, 125ull);
	KUNIT_EXPECT_EQ(test, x->p.len, (u32)sizeof(want) - 4);
	/* time does not run backwards; neither does the delay */
	KUNIT_ASSERT_TRUE(test, put(test, x, 1000, 99 * MS));
	KUNIT_EXPECT_EQ(test, x->f.ack.delay, 0ull);
	quic_acktr_free(&x->a);
}

/* RFC 9000 §13.2.5: the delay is that of the largest */
static void test_delay_of_largest(struct kunit *test)
{
	struct fixture *x = new_fixture(test);

	get(x, 9, 10 * MS);
	get(x, 8, 20 * MS);
	KUNIT_ASSERT_TRUE(test, put(test, x, 100, 26 * MS));
	KUNIT_EXPECT_EQ(test, x->f.ack.delay, 16000ull / 8);
	quic_acktr_free(&x->a);
}

/* RFC 9000 §13.4.1: one count for each packet, reported from then on */
static void test_ecn_counts(struct kunit *test)
{
	struct fixture *x = new_fixture(test);

	get_ecn(x, 0, QUIC_ECN_NONE, 1);
	KUNIT_ASSERT_TRUE(test, put(test, x, 100, 1));
	KUNIT_EXPECT_FALSE(test, x->f.ack.ecn);
	get_ecn(x, 1, QUIC_ECN_ECT0, 1);
	get_ecn(x, 2, QUIC_ECN_ECT0, 1);
	get_ecn(x, 3, QUIC_ECN_ECT1, 1);
	get_ecn(x, 4, QUIC_ECN_CE, 1);
	get_ecn(x, 5, QUIC_ECN_NONE, 1);
	KUNIT_ASSERT_TRUE(test, put(test, x, 100, 1));
	KUNIT_EXPECT_TRUE(test, x->f.ack.ecn);
	KUNIT_EXPECT_EQ(test, x->f.ack.ect0, 2ull);
	KUNIT_EXPECT_EQ(test, x->f.ack.ect1, 1ull);
	KUNIT_EXPECT_EQ(test, x->f.ack.ce, 1ull);
	quic_acktr_free(&x->a);
}

/* The ranges of the parsed ACK are @n of a->got, from the top. */
static void check_top_ranges(struct kunit *test, struct fixture *x, u32 n)
{
	const struct quic_range *r = x->a.got.r + x->a.got.n;
	struct quic_ack_iter it;
	u32 i;

	KUNIT_ASSERT_EQ(test, x->f.ack.nranges + 1, (u64)n);
	quic_ack_iter_init(&it, &x->f.ack);
	for (i = 0; i < n; i++) {
		r--;
		KUNIT_ASSERT_TRUE(test, quic_ack_iter_next(&it, &x->f.ack));
		KUNIT_EXPECT_EQ(test, it.lo, r->lo);
		KUNIT_EXPECT_EQ(test, it.hi, r->hi - 1);
	}
	KUNIT_EXPECT_FALSE(test, quic_ack_iter_next(&it, &x->f.ack));
}

/* RFC 9000 §13.2.3: older ranges are omitted if the frame does not fit */
static void test_room(struct kunit *test)
{
	struct fixture *x = new_fixture(test);
	u32 room, last = 0;
	u64 i;

	for (i = 0; i < 40; i++)
		get(x, i * 100 + i, 100);	/* gaps of 2 bytes, ranges of 1 */
	x->a.ce = 70;
	/* type, largest, delay, count, first range; three counts of 1, 1 and 2 bytes */
	for (room = 0; room < 1 + 2 + 1 + 1 + 1 + 4; room++)
		KUNIT_EXPECT_FALSE(test, put(test, x, room, 100));
	for (; room < 200; room++) {
		KUNIT_ASSERT_TRUE(test, put(test, x, room, 100));
		check_top_ranges(test, x, min_t(u32, 40, 1 + (room - 10) / 3));
		KUNIT_EXPECT_GE(test, x->f.ack.nranges, (u64)last);
		last = x->f.ack.nranges;
	}
	KUNIT_EXPECT_EQ(test, last, 39u);
	/* a packet without a free item takes none, nor one whose scratch is full */
	x->p.nitem = QUIC_PKT_ITEMS;
	KUNIT_EXPECT_FALSE(test, quic_acktr_put(&x->a, &x->p, 3, 100));
	quic_pkt_start(&x->p, 0, 5000);
	KUNIT_ASSERT_NOT_NULL(test, quic_pkt_put(&x->p, QUIC_PKT_SCRATCH - 13));
	KUNIT_EXPECT_TRUE(test, quic_acktr_put(&x->a, &x->p, 3, 100));
	KUNIT_EXPECT_EQ(test, x->p.len, (u32)QUIC_PKT_SCRATCH);
	quic_acktr_free(&x->a);
}

/* RFC 9000 §13.2.3: a bound on ranges, and what is forgotten is not accepted again */
static void test_bound(struct kunit *test)
{
	struct fixture *x = new_fixture(test);
	u64 pn;

	for (pn = 100; pn < 100 + 2 * QUIC_ACK_RANGES; pn += 2)
		get(x, pn, 1);
	KUNIT_EXPECT_EQ(test, x->a.got.n, (u32)QUIC_ACK_RANGES);
	KUNIT_EXPECT_EQ(test, x->a.floor, 0ull);
	KUNIT_ASSERT_TRUE(test, put(test, x, 1000, 1));
	check_top_ranges(test, x, QUIC_ACK_RANGES);
	/* one more on top pushes out the lowest */
	get(x, pn, 1);
	KUNIT_EXPECT_EQ(test, x->a.got.n, (u32)QUIC_ACK_RANGES);
	KUNIT_EXPECT_EQ(test, quic_acktr_largest(&x->a), (s64)pn);
	KUNIT_EXPECT_TRUE(test, quic_acktr_is_dup(&x->a, 100));
	KUNIT_EXPECT_TRUE(test, quic_acktr_is_dup(&x->a, 99));
	KUNIT_EXPECT_FALSE(test, quic_acktr_is_dup(&x->a, 101));
	quic_acktr_free(&x->a);
	/* one below all of a full set: not remembered, but not accepted twice */
	quic_acktr_init(&x->a);
	for (pn = 100; pn < 100 + 2 * QUIC_ACK_RANGES; pn += 2)
		get(x, pn, 1);
	KUNIT_EXPECT_FALSE(test, quic_acktr_is_dup(&x->a, 50));
	get(x, 50, 1);
	KUNIT_EXPECT_TRUE(test, quic_acktr_is_dup(&x->a, 50));
	KUNIT_EXPECT_FALSE(test, quic_acktr_is_dup(&x->a, 51));
	KUNIT_EXPECT_TRUE(test, quic_acktr_is_dup(&x->a, 100));
	quic_acktr_free(&x->a);
}

/* RFC 9000 §13.2.4: ranges end with the ACK of their ACK; §13.2.3: the largest stays */
static void test_acked(struct kunit *test)
{
	struct fixture *x = new_fixture(test);
	u64 pn;

	quic_acktr_acked(&x->a, 5);	/* nothing received yet: nothing happens */
	KUNIT_EXPECT_EQ(test, x->a.floor, 0ull);
	for (pn = 0; pn < 30; pn++)
		if (pn != 10)
			get(x, pn, 1);
	quic_acktr_acked(&x->a, 19);
	KUNIT_EXPECT_EQ(test, x->a.floor, 20ull);
	KUNIT_ASSERT_TRUE(test, put(test, x, 100, 1));
	check_top_ranges(test, x, 1);
	KUNIT_EXPECT_EQ(test, x->f.ack.first_range, 9ull);
	KUNIT_EXPECT_TRUE(test, quic_acktr_is_dup(&x->a, 10));
	quic_acktr_acked(&x->a, 7);	/* an older ACK, late */
	KUNIT_EXPECT_EQ(test, x->a.floor, 20ull);
	quic_acktr_acked(&x->a, 29);
	KUNIT_EXPECT_EQ(test, quic_acktr_largest(&x->a), 29ll);
	KUNIT_EXPECT_TRUE(test, quic_acktr_is_dup(&x->a, 29));
	KUNIT_EXPECT_FALSE(test, quic_acktr_is_dup(&x->a, 30));
	KUNIT_ASSERT_TRUE(test, put(test, x, 100, 1));
	KUNIT_EXPECT_EQ(test, x->f.ack.largest, 29ull);
	KUNIT_EXPECT_EQ(test, x->f.ack.first_range, 0ull);
	quic_acktr_free(&x->a);
}

/* Random numbers against a plain bitmap: never twice, and reported only if received. */
static void test_random(struct kunit *test)
{
	struct fixture *x = new_fixture(test);
	u8 *seen = kunit_kzalloc(test, 2048, GFP_KERNEL);
	struct quic_ack_iter it;
	u64 pn, rnd = 1;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, seen);
	for (i = 0; i < 6000; i++) {
		rnd = rnd * 6364136223846793005ULL + 1442695040888963407ULL;
		pn = min_t(u64, i / 4 + (rnd >> 56), 2047);
		if (seen[pn])
			KUNIT_ASSERT_TRUE(test, quic_acktr_is_dup(&x->a, pn));
		if (quic_acktr_is_dup(&x->a, pn))
			continue;
		get(x, pn, i);
		seen[pn] = 1;
		if (i % 50 == 49)
			quic_acktr_acked(&x->a, pn / 2);
		if (i % 8)
			continue;
		KUNIT_ASSERT_TRUE(test, put(test, x, 40 + (rnd >> 57), i));
		KUNIT_EXPECT_EQ(test, (s64)x->f.ack.largest, quic_acktr_largest(&x->a));
		quic_ack_iter_init(&it, &x->f.ack);
		while (quic_ack_iter_next(&it, &x->f.ack))
			for (pn = it.lo; pn <= it.hi; pn++)
				KUNIT_ASSERT_EQ(test, seen[pn], 1);
	}
	quic_acktr_free(&x->a);
}

/* The usual packet is told from others, and its short way does what the long one does. */
static void test_follow(struct kunit *test)
{
	struct fixture *x = new_fixture(test), *y = new_fixture(test);
	u64 pn;

	KUNIT_EXPECT_FALSE(test, quic_acktr_follows(&x->a, 0));
	for (pn = 0; pn < 4; pn++) {
		KUNIT_EXPECT_EQ(test, quic_acktr_follows(&x->a, pn), pn > 0);
		KUNIT_EXPECT_FALSE(test, quic_acktr_follows(&x->a, pn + 1));
		quic_acktr_received(&y->a, pn, true, false, pn < 3, QUIC_ECN_ECT0, pn * MS, DELAY);
		if (pn)
			quic_acktr_follow(&x->a, pn < 3, QUIC_ECN_ECT0, pn * MS);
		else
			quic_acktr_received(&x->a, pn, true, false, true, QUIC_ECN_ECT0, 0, DELAY);
		KUNIT_EXPECT_EQ(test, quic_acktr_largest(&x->a), (s64)pn);
		KUNIT_EXPECT_EQ(test, x->a.largest_eliciting, y->a.largest_eliciting);
		KUNIT_EXPECT_EQ(test, x->a.largest_time, y->a.largest_time);
		KUNIT_EXPECT_EQ(test, x->a.deadline, y->a.deadline);
		KUNIT_EXPECT_EQ(test, x->a.unacked, y->a.unacked);
		KUNIT_EXPECT_EQ(test, x->a.ect0, y->a.ect0);
	}
	KUNIT_EXPECT_FALSE(test, quic_acktr_follows(&x->a, 3));
	/* behind one that elicits nothing: another asks whether numbers are missing */
	quic_acktr_received(&x->a, 4, false, false, false, QUIC_ECN_NONE, 3 * MS, DELAY);
	KUNIT_EXPECT_FALSE(test, quic_acktr_follows(&x->a, 5));
	get(x, 5, 3 * MS);
	KUNIT_EXPECT_TRUE(test, quic_acktr_follows(&x->a, 6));
	/* nothing is owed: nothing says yet when the next must be acknowledged */
	quic_acktr_sent(&x->a);
	KUNIT_EXPECT_FALSE(test, quic_acktr_follows(&x->a, 6));
	quic_acktr_free(&x->a);
	quic_acktr_free(&y->a);
}

static struct kunit_case acktr_cases[] = {
	KUNIT_CASE(test_dup),
	KUNIT_CASE(test_write),
	KUNIT_CASE(test_delayed),
	KUNIT_CASE(test_not_eliciting),
	KUNIT_CASE(test_reordering),
	KUNIT_CASE(test_at_once),
	KUNIT_CASE(test_train),
	KUNIT_CASE(test_follow),
	KUNIT_CASE(test_bytes),
	KUNIT_CASE(test_delay_of_largest),
	KUNIT_CASE(test_ecn_counts),
	KUNIT_CASE(test_room),
	KUNIT_CASE(test_bound),
	KUNIT_CASE(test_acked),
	KUNIT_CASE(test_random),
	{}
};

static struct kunit_suite acktr_suite = {
	.name		= "quic_acktr",
	.test_cases	= acktr_cases,
};

kunit_test_suite(acktr_suite);

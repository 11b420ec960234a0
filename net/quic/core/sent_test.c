// SPDX-License-Identifier: GPL-2.0-or-later
/* Tests of the record of sent packets: rings that grow, wrap and shrink, and skipped numbers. */
#include <kunit/test.h>
#include "sent.h"

#define DATA	(QUIC_SENT_ELICITING | QUIC_SENT_IN_FLIGHT)

static struct quic_pkt *new_pkt(struct kunit *test)
{
	struct quic_pkt *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	return p;
}

/* Send the next number with @nitem items that say (number, index). */
static void xmit(struct kunit *test, struct quic_sent *s, struct quic_pkt *p, unsigned int nitem,
		 u8 flags)
{
	unsigned int i;

	KUNIT_ASSERT_EQ(test, quic_sent_reserve(s, nitem), 0);
	p->nitem = nitem;
	for (i = 0; i < nitem; i++)
		p->item[i] = (struct quic_sent_item){
			.type = QUIC_ITEM_STREAM, .id = s->next, .off = i };
	quic_sent_add(s, p, 1200, flags, 1000 + s->next);
}

static void check(struct kunit *test, struct quic_sent *s, u64 pn, unsigned int nitem)
{
	struct quic_sent_pkt *p = quic_sent_get(s, pn);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, p->time, 1000 + pn);
	KUNIT_EXPECT_EQ(test, p->size, 1200);
	KUNIT_ASSERT_EQ(test, p->nitem, nitem);
	for (i = 0; i < nitem; i++) {
		KUNIT_EXPECT_EQ(test, quic_sent_item(s, p, i)->id, pn);
		KUNIT_EXPECT_EQ(test, quic_sent_item(s, p, i)->off, (u64)i);
	}
}

static void test_empty(struct kunit *test)
{
	struct quic_sent s;

	quic_sent_init(&s);
	KUNIT_EXPECT_NULL(test, quic_sent_get(&s, 0));
	quic_sent_trim(&s, U64_MAX);
	KUNIT_EXPECT_EQ(test, s.pkt_cap, 0u);
	quic_sent_free(&s);
	KUNIT_EXPECT_EQ(test, s.next, 0ull);
}

/* Packets and items keep their places while the rings double around them. */
static void test_growth(struct kunit *test)
{
	struct quic_pkt *p = new_pkt(test);
	struct quic_sent s;
	u64 pn;

	quic_sent_init(&s);
	for (pn = 0; pn < 20; pn++)	/* so that rings wrap when they are copied */
		xmit(test, &s, p, 3, DATA);
	for (pn = 0; pn < 15; pn++)
		quic_sent_get(&s, pn)->flags |= QUIC_SENT_ACKED;
	quic_sent_trim(&s, 0);
	KUNIT_EXPECT_EQ(test, s.first, 15ull);
	for (pn = 20; pn < 1000; pn++)
		xmit(test, &s, p, pn % (QUIC_PKT_ITEMS + 1), DATA);
	KUNIT_EXPECT_NULL(test, quic_sent_get(&s, 14));
	KUNIT_EXPECT_NULL(test, quic_sent_get(&s, 1000));
	for (pn = 15; pn < 20; pn++)
		check(test, &s, pn, 3);
	for (pn = 20; pn < 1000; pn++)
		check(test, &s, pn, pn % (QUIC_PKT_ITEMS + 1));
	KUNIT_EXPECT_EQ(test, s.pkt_cap, 1024u);
	quic_sent_free(&s);
	KUNIT_EXPECT_NULL(test, s.pkt);
	KUNIT_EXPECT_NULL(test, s.item);
}

/* Long use at a constant window costs no memory beyond the window. */
static void test_sliding(struct kunit *test)
{
	struct quic_pkt *p = new_pkt(test);
	struct quic_sent s;
	u64 pn;

	quic_sent_init(&s);
	s.item_first = U32_MAX - 1000;	/* the free running index wraps */
	s.item_next = s.item_first;
	for (pn = 0; pn < 5000; pn++) {
		xmit(test, &s, p, 2, DATA);
		if (pn < 20)
			continue;
		check(test, &s, pn - 20, 2);
		quic_sent_get(&s, pn - 20)->flags |= QUIC_SENT_ACKED;
		quic_sent_trim(&s, 0);
	}
	KUNIT_EXPECT_EQ(test, s.pkt_cap, 32u);
	KUNIT_EXPECT_EQ(test, s.item_cap, 64u);
	quic_sent_free(&s);
}

/* A receiver's ACK-only packets do not pile up behind one another. */
static void test_ack_only(struct kunit *test)
{
	struct quic_pkt *p = new_pkt(test);
	struct quic_sent s;
	u64 pn;

	quic_sent_init(&s);
	for (pn = 0; pn < 10000; pn++)
		xmit(test, &s, p, 1, 0);
	KUNIT_EXPECT_EQ(test, s.pkt_cap, 32u);
	KUNIT_EXPECT_EQ(test, s.item_cap, 32u);
	KUNIT_EXPECT_EQ(test, s.next, 10000ull);
	check(test, &s, 9999, 1);
	/* but they stay behind one that is waited for */
	xmit(test, &s, p, 1, DATA);
	for (pn = 10001; pn < 10100; pn++)
		xmit(test, &s, p, 1, 0);
	check(test, &s, 10000, 1);
	check(test, &s, 10001, 1);
	quic_sent_free(&s);
}

/* RFC 9000 §13.3: lost packets are remembered for a while, unless memory is short */
static void test_trim_lost(struct kunit *test)
{
	struct quic_pkt *p = new_pkt(test);
	struct quic_sent s;
	u64 pn;

	quic_sent_init(&s);
	for (pn = 0; pn < 4; pn++)
		xmit(test, &s, p, 1, DATA);
	quic_sent_get(&s, 0)->flags |= QUIC_SENT_LOST;	/* left at 1000 */
	quic_sent_get(&s, 1)->flags |= QUIC_SENT_ACKED;
	quic_sent_trim(&s, 1000);
	KUNIT_EXPECT_EQ(test, s.first, 0ull);
	quic_sent_trim(&s, 1001);
	KUNIT_EXPECT_EQ(test, s.first, 2ull);
	KUNIT_EXPECT_EQ(test, s.item_next - s.item_first, 2u);
	quic_sent_get(&s, 2)->flags |= QUIC_SENT_LOST;
	for (pn = 4; pn < 34; pn++)
		xmit(test, &s, p, 1, DATA);
	KUNIT_EXPECT_EQ(test, s.first, 2ull);
	xmit(test, &s, p, 1, DATA);
	KUNIT_EXPECT_EQ(test, s.first, 3ull);
	KUNIT_EXPECT_EQ(test, s.pkt_cap, 32u);
	quic_sent_free(&s);
}

/* What is silent gives its rings back, though its last packet was an ACK. */
static void test_release(struct kunit *test)
{
	struct quic_pkt *p = new_pkt(test);
	struct quic_sent s;

	quic_sent_init(&s);
	xmit(test, &s, p, 1, DATA);
	xmit(test, &s, p, 1, 0);
	quic_sent_release(&s);
	check(test, &s, 0, 1);		/* it may have to be sent again */
	quic_sent_get(&s, 0)->flags |= QUIC_SENT_ACKED;
	quic_sent_release(&s);
	KUNIT_EXPECT_NULL(test, s.pkt);
	KUNIT_EXPECT_NULL(test, s.item);
	xmit(test, &s, p, 1, DATA);
	check(test, &s, 2, 1);
	quic_sent_free(&s);
}

static void test_shrink(struct kunit *test)
{
	struct quic_pkt *p = new_pkt(test);
	struct quic_sent s;
	u64 pn;

	quic_sent_init(&s);
	for (pn = 0; pn < 200; pn++)
		xmit(test, &s, p, 1, DATA);
	KUNIT_EXPECT_EQ(test, s.pkt_cap, 256u);
	for (pn = 0; pn < 200; pn++)
		quic_sent_get(&s, pn)->flags |= QUIC_SENT_ACKED;
	quic_sent_trim(&s, 0);
	KUNIT_EXPECT_NULL(test, s.pkt);
	KUNIT_EXPECT_EQ(test, s.next, 200ull);
	/* and it goes on from there; small rings stay */
	xmit(test, &s, p, 1, DATA);
	check(test, &s, 200, 1);
	quic_sent_clear(&s);
	KUNIT_EXPECT_NOT_NULL(test, s.pkt);
	KUNIT_EXPECT_NULL(test, quic_sent_get(&s, 200));
	xmit(test, &s, p, 1, DATA);
	check(test, &s, 201, 1);
	quic_sent_free(&s);
}

static void test_bounds(struct kunit *test)
{
	struct quic_pkt *p = new_pkt(test);
	struct quic_sent s;
	u64 pn;

	quic_sent_init(&s);
	for (pn = 0; pn < QUIC_SENT_MAX; pn++)
		xmit(test, &s, p, 1, DATA);
	KUNIT_EXPECT_EQ(test, quic_sent_reserve(&s, 1), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, quic_sent_reserve(&s, 1), -ENOBUFS);
	check(test, &s, 0, 1);
	quic_sent_get(&s, 0)->flags |= QUIC_SENT_ACKED;
	KUNIT_EXPECT_EQ(test, quic_sent_reserve(&s, 1), 0);
	quic_sent_free(&s);

	quic_sent_init(&s);
	for (pn = 0; pn < QUIC_SENT_ITEMS_MAX / QUIC_PKT_ITEMS; pn++)
		xmit(test, &s, p, QUIC_PKT_ITEMS, DATA);
	KUNIT_EXPECT_EQ(test, quic_sent_reserve(&s, 0), 0);
	KUNIT_EXPECT_EQ(test, quic_sent_reserve(&s, 1), -ENOBUFS);
	check(test, &s, 0, QUIC_PKT_ITEMS);
	quic_sent_free(&s);
}

static bool skipped(struct quic_sent *s, u64 lo, u64 hi)
{
	u64 skip = s->skipped;

	return quic_sent_skipped_in(s, lo, hi, &skip);
}

/* One item at a time, as often as there is room: as if it came in a packet. */
static void test_one(struct kunit *test)
{
	struct quic_pkt *p = new_pkt(test);
	struct quic_sent_item it = { .type = QUIC_ITEM_STREAM };
	struct quic_sent s;
	u32 room;

	quic_sent_init(&s);
	xmit(test, &s, p, QUIC_PKT_ITEMS, DATA);
	while (s.next < 200) {
		KUNIT_ASSERT_EQ(test, quic_sent_reserve(&s, QUIC_PKT_ITEMS), 0);
		room = quic_sent_room(&s, QUIC_PKT_ITEMS);
		KUNIT_ASSERT_GT(test, room, 0);
		while (room--) {
			/* the next would still have found its place without another one */
			KUNIT_EXPECT_LT(test, s.next - s.first, (u64)s.pkt_cap);
			KUNIT_EXPECT_LE(test, s.item_next - s.item_first + QUIC_PKT_ITEMS,
					s.item_cap);
			it.id = s.next;
			quic_sent_add_one(&s, &it, 1200, DATA, 1000 + s.next);
			check(test, &s, s.next - 1, 1);
		}
		KUNIT_EXPECT_TRUE(test, s.next - s.first == s.pkt_cap ||
				  s.item_next - s.item_first + QUIC_PKT_ITEMS == s.item_cap + 1);
	}
	check(test, &s, 0, QUIC_PKT_ITEMS);
	check(test, &s, 150, 1);
	quic_sent_free(&s);
}

/* RFC 9000 §21.4: numbers left out are known while an ACK may claim them */
static void test_skip(struct kunit *test)
{
	struct quic_pkt *p = new_pkt(test);
	struct quic_sent s;
	u64 pn, skip;

	quic_sent_init(&s);
	KUNIT_EXPECT_FALSE(test, skipped(&s, 0, U64_MAX - 1));
	for (pn = 0; pn < 100; pn++) {
		if (pn % 30 == 10)	/* 10, 40, 70 */
			quic_sent_skip(&s);
		else
			xmit(test, &s, p, 1, DATA);
	}
	KUNIT_EXPECT_EQ(test, s.next, 100ull);
	KUNIT_EXPECT_EQ(test, quic_sent_get(&s, 40)->flags, QUIC_SENT_SKIPPED);
	for (pn = 0; pn < 100; pn++)
		KUNIT_EXPECT_EQ(test, skipped(&s, pn, pn), pn % 30 == 10);
	KUNIT_EXPECT_TRUE(test, skipped(&s, 0, 99));
	KUNIT_EXPECT_FALSE(test, skipped(&s, 41, 69));
	/* as ranges of one ACK, descending */
	skip = s.skipped;
	KUNIT_EXPECT_FALSE(test, quic_sent_skipped_in(&s, 71, 99, &skip));
	KUNIT_EXPECT_FALSE(test, quic_sent_skipped_in(&s, 41, 69, &skip));
	KUNIT_EXPECT_FALSE(test, quic_sent_skipped_in(&s, 11, 39, &skip));
	KUNIT_EXPECT_TRUE(test, quic_sent_skipped_in(&s, 0, 10, &skip));
	/* the newest is known even when it is no longer tracked */
	for (pn = 0; pn < 100; pn++)
		quic_sent_get(&s, pn)->flags |= QUIC_SENT_ACKED;
	quic_sent_trim(&s, 0);
	KUNIT_EXPECT_EQ(test, s.first, 100ull);
	KUNIT_EXPECT_TRUE(test, skipped(&s, 70, 70));
	KUNIT_EXPECT_FALSE(test, skipped(&s, 0, 69));
	quic_sent_free(&s);
}

static struct kunit_case sent_cases[] = {
	KUNIT_CASE(test_empty),
	KUNIT_CASE(test_growth),
	KUNIT_CASE(test_sliding),
	KUNIT_CASE(test_ack_only),
	KUNIT_CASE(test_trim_lost),
	KUNIT_CASE(test_shrink),
	KUNIT_CASE(test_release),
	KUNIT_CASE(test_bounds),
	KUNIT_CASE(test_one),
	KUNIT_CASE(test_skip),
	{}
};

static struct kunit_suite sent_suite = {
	.name		= "quic_sent",
	.test_cases	= sent_cases,
};

kunit_test_suite(sent_suite);

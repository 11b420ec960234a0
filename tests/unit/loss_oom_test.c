// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Out of memory in sent packets, spaces and received packet numbers: what was
 * recorded stays, and the next try finds everything in order.  Host only: the
 * kernel's allocator cannot be told to fail.
 */
#include <kunit/test.h>
#include "acktr.h"
#include "loss.h"

#define DATA	(QUIC_SENT_ELICITING | QUIC_SENT_IN_FLIGHT)

static void add(struct kunit *test, struct quic_sent *s, struct quic_pkt *p)
{
	KUNIT_ASSERT_EQ(test, quic_sent_reserve(s, 1), 0);
	quic_pkt_start(p, 0, 1200);
	quic_pkt_item(p, QUIC_ITEM_STREAM, 0, s->next, 0, false);
	quic_sent_add(s, p, 1200, DATA, 1 + s->next);
}

static void test_sent(struct kunit *test)
{
	struct quic_pkt *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	struct quic_sent s;
	long allow;
	u64 pn;

	quic_sent_init(&s);
	shim_fail_alloc_after(0);
	KUNIT_EXPECT_EQ(test, quic_sent_reserve(&s, 1), -ENOMEM);
	quic_sent_skip(&s);		/* without memory nothing is left out */
	KUNIT_EXPECT_EQ(test, s.next, 0ull);
	KUNIT_EXPECT_EQ(test, s.skipped, QUIC_SENT_NO_SKIP);
	shim_fail_alloc_after(-1);
	for (pn = 0; pn < 32; pn++)
		add(test, &s, p);
	/* full: one ring, then the other cannot grow */
	for (allow = 0; allow < 2; allow++) {
		shim_fail_alloc_after(allow);
		KUNIT_EXPECT_EQ(test, quic_sent_reserve(&s, 1), -ENOMEM);
		shim_fail_alloc_after(-1);
		for (pn = 0; pn < 32; pn++)
			KUNIT_EXPECT_EQ(test, quic_sent_item(&s, quic_sent_get(&s, pn), 0)->off, pn);
	}
	/* an ACK makes room without any allocation */
	quic_sent_get(&s, 0)->flags |= QUIC_SENT_ACKED;
	shim_fail_alloc_after(0);
	add(test, &s, p);
	shim_fail_alloc_after(-1);
	KUNIT_EXPECT_EQ(test, s.first, 1ull);
	quic_sent_free(&s);
}

/* RFC 9000 §13.2.3: what cannot be remembered is not accepted again */
static void test_acktr(struct kunit *test)
{
	struct quic_acktr a;
	u64 pn;

	quic_acktr_init(&a);
	shim_fail_alloc_after(0);
	for (pn = 10; pn < 100; pn += 3) {
		quic_acktr_received(&a, pn, true, false, false, QUIC_ECN_NONE, pn, 25);
		KUNIT_EXPECT_TRUE(test, quic_acktr_is_dup(&a, pn));
		KUNIT_EXPECT_EQ(test, quic_acktr_largest(&a), (s64)pn);
	}
	quic_acktr_received(&a, 5, true, false, false, QUIC_ECN_NONE, pn, 25);
	KUNIT_EXPECT_TRUE(test, quic_acktr_is_dup(&a, 5));
	KUNIT_EXPECT_FALSE(test, quic_acktr_is_dup(&a, 98));
	shim_fail_alloc_after(-1);
	quic_acktr_free(&a);
}

static struct kunit_case loss_oom_cases[] = {
	KUNIT_CASE(test_sent),
	KUNIT_CASE(test_acktr),
	{}
};

static struct kunit_suite loss_oom_suite = {
	.name		= "quic_loss_oom",
	.test_cases	= loss_oom_cases,
};

kunit_test_suite(loss_oom_suite);

// SPDX-License-Identifier: GPL-2.0-or-later
/* Tests of pmtud.c: what the search finds on paths of all sizes, and in how many probes. */
#include <kunit/test.h>
#include "pmtud.h"

#define INTERVAL	(5 * QUIC_NSEC_PER_SEC)

/* Probe until the search is over, on a path that takes @mtu: how many probes were sent. */
static u32 search(struct quic_pmtud *p, u16 mtu, u64 now)
{
	u32 n = 0;

	while (p->pending && n < 1000) {
		p->pending = false;
		n++;
		if (p->size <= mtu)
			quic_pmtud_acked(p, p->size, now);
		else
			quic_pmtud_lost(p, p->size, now);
	}
	return n;
}

static void begin(struct quic_pmtud *p, u16 max)
{
	quic_pmtud_init(p, INTERVAL);
	quic_pmtud_limit(p, max);
	quic_pmtud_start(p);
}

/* RFC 8899 §5.3.2: the largest first: one probe where it fits */
static void fits(struct kunit *test)
{
	struct quic_pmtud p;

	begin(&p, 8952);
	KUNIT_EXPECT_EQ(test, p.size, 8952);
	KUNIT_EXPECT_EQ(test, p.low, 1200);
	KUNIT_EXPECT_EQ(test, search(&p, 9000, 7), 1);
	KUNIT_EXPECT_EQ(test, p.low, 8952);
	KUNIT_EXPECT_EQ(test, p.at, QUIC_TIME_NEVER);
	begin(&p, 1200);
	KUNIT_EXPECT_EQ(test, search(&p, 9000, 7), 0);
}

static void all_sizes(struct kunit *test)
{
	struct quic_pmtud p;
	u16 mtu;

	for (mtu = 1200; mtu < 1473; mtu++) {
		begin(&p, 1472);
		KUNIT_EXPECT_LE(test, search(&p, mtu, 7), 6 * QUIC_PMTUD_TRIES);
		KUNIT_EXPECT_LE(test, p.low, mtu);
		KUNIT_EXPECT_GE(test, p.low + QUIC_PMTUD_STEP, mtu);
	}
	begin(&p, 65527);
	KUNIT_EXPECT_LE(test, search(&p, 20000, 7), 14 * QUIC_PMTUD_TRIES);
	KUNIT_EXPECT_GE(test, p.low + QUIC_PMTUD_STEP, 20000);
}

/* §5.1.1: tried again after the interval, and found when the path has grown */
static void raise(struct kunit *test)
{
	struct quic_pmtud p;

	begin(&p, 1472);
	search(&p, 1300, 7);
	KUNIT_EXPECT_EQ(test, p.at, 7 + INTERVAL);
	quic_pmtud_timeout(&p, 6 + INTERVAL);
	KUNIT_EXPECT_FALSE(test, p.pending);
	quic_pmtud_timeout(&p, 7 + INTERVAL);
	KUNIT_EXPECT_EQ(test, search(&p, 1500, 8 + INTERVAL), 1);
	KUNIT_EXPECT_EQ(test, p.low, 1472);
}

/* §4.3: packets that arrived do not any more */
static void black_hole(struct kunit *test)
{
	struct quic_pmtud p;

	begin(&p, 1472);
	search(&p, 1500, 7);
	quic_pmtud_collapse(&p, 1472);
	KUNIT_EXPECT_EQ(test, p.low, 1200);
	KUNIT_EXPECT_TRUE(test, p.pending);
	KUNIT_EXPECT_LT(test, p.size, 1472);
	search(&p, 1372, 9);
	KUNIT_EXPECT_LE(test, p.low, 1372);
	KUNIT_EXPECT_GE(test, p.low + QUIC_PMTUD_STEP, 1372);
	quic_pmtud_collapse(&p, 1200);
	KUNIT_EXPECT_EQ(test, p.low, 1200);
}

/* RFC 9000 §14.2: the route, or ICMP, knows better */
static void limits(struct kunit *test)
{
	struct quic_pmtud p;

	begin(&p, 1472);
	p.pending = false;
	quic_pmtud_limit(&p, 1372);		/* while the probe is out */
	KUNIT_EXPECT_EQ(test, p.size, 1372);
	quic_pmtud_acked(&p, 1472, 7);		/* it came through, but was forbidden since */
	KUNIT_EXPECT_EQ(test, p.low, 1200);
	quic_pmtud_lost(&p, 1472, 7);
	KUNIT_EXPECT_TRUE(test, p.pending);
	search(&p, 1500, 7);
	KUNIT_EXPECT_EQ(test, p.low, 1372);
	quic_pmtud_limit(&p, 1250);
	KUNIT_EXPECT_EQ(test, p.low, 1250);
	quic_pmtud_limit(&p, 1452);
	KUNIT_EXPECT_EQ(test, search(&p, 1500, 7), 1);
	KUNIT_EXPECT_EQ(test, p.low, 1452);
}

static struct kunit_case pmtud_cases[] = {
	KUNIT_CASE(fits),
	KUNIT_CASE(all_sizes),
	KUNIT_CASE(raise),
	KUNIT_CASE(black_hole),
	KUNIT_CASE(limits),
	{}
};

static struct kunit_suite pmtud_suite = {
	.name = "pmtud",
	.test_cases = pmtud_cases,
};
kunit_test_suite(pmtud_suite);

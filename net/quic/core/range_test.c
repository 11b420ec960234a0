// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of interval sets: each edge by hand, then random operations against a
 * bitmap, with and without a bound that is hit all the time.
 */
#include <kunit/test.h>
#include "range.h"
#include "chunk_test.h"

#define BITS	256

/* The set is exactly @n intervals, given as pairs. */
static void expect_set(struct kunit *test, const struct quic_ranges *s,
		       const struct quic_range *want, u32 n)
{
	u32 i;

	KUNIT_ASSERT_EQ(test, s->n, n);
	for (i = 0; i < n; i++) {
		KUNIT_EXPECT_EQ(test, s->r[i].lo, want[i].lo);
		KUNIT_EXPECT_EQ(test, s->r[i].hi, want[i].hi);
	}
}

#define EXPECT_SET(test, s, ...) do {						\
	static const struct quic_range __want[] = { __VA_ARGS__ };		\
										\
	expect_set(test, s, __want, ARRAY_SIZE(__want));			\
} while (0)

static void fill(struct kunit *test, struct quic_ranges *s, u32 max)
{
	quic_ranges_init(s, max);
	KUNIT_ASSERT_EQ(test, quic_ranges_add(s, 10, 20, GFP_KERNEL), 0);
	KUNIT_ASSERT_EQ(test, quic_ranges_add(s, 30, 40, GFP_KERNEL), 0);
	KUNIT_ASSERT_EQ(test, quic_ranges_add(s, 50, 60, GFP_KERNEL), 0);
}

static void adds(struct kunit *test)
{
	struct quic_ranges s;

	fill(test, &s, 8);
	EXPECT_SET(test, &s, { 10, 20 }, { 30, 40 }, { 50, 60 });
	quic_ranges_add(&s, 5, 5, GFP_KERNEL);		/* nothing */
	quic_ranges_add(&s, 35, 38, GFP_KERNEL);	/* there already */
	EXPECT_SET(test, &s, { 10, 20 }, { 30, 40 }, { 50, 60 });
	quic_ranges_add(&s, 20, 21, GFP_KERNEL);	/* touches below */
	quic_ranges_add(&s, 29, 30, GFP_KERNEL);	/* touches above */
	EXPECT_SET(test, &s, { 10, 21 }, { 29, 40 }, { 50, 60 });
	quic_ranges_add(&s, 21, 29, GFP_KERNEL);	/* closes the hole exactly */
	EXPECT_SET(test, &s, { 10, 40 }, { 50, 60 });
	quic_ranges_add(&s, 0, 1, GFP_KERNEL);
	EXPECT_SET(test, &s, { 0, 1 }, { 10, 40 }, { 50, 60 });
	quic_ranges_add(&s, 0, 100, GFP_KERNEL);	/* swallows all */
	EXPECT_SET(test, &s, { 0, 100 });
	quic_ranges_add(&s, U64_MAX - 1, U64_MAX, GFP_KERNEL);
	EXPECT_SET(test, &s, { 0, 100 }, { U64_MAX - 1, U64_MAX });
	quic_ranges_free(&s);
	KUNIT_EXPECT_EQ(test, s.n, 0);
}

static void removes(struct kunit *test)
{
	struct quic_ranges s;

	fill(test, &s, 8);
	quic_ranges_remove(&s, 20, 30, GFP_KERNEL);	/* a hole */
	quic_ranges_remove(&s, 0, 10, GFP_KERNEL);
	quic_ranges_remove(&s, 60, 99, GFP_KERNEL);
	quic_ranges_remove(&s, 35, 35, GFP_KERNEL);	/* nothing */
	EXPECT_SET(test, &s, { 10, 20 }, { 30, 40 }, { 50, 60 });
	quic_ranges_remove(&s, 33, 36, GFP_KERNEL);	/* splits */
	EXPECT_SET(test, &s, { 10, 20 }, { 30, 33 }, { 36, 40 }, { 50, 60 });
	quic_ranges_remove(&s, 18, 38, GFP_KERNEL);	/* cuts two, drops one */
	EXPECT_SET(test, &s, { 10, 18 }, { 38, 40 }, { 50, 60 });
	quic_ranges_remove(&s, 10, 18, GFP_KERNEL);	/* exactly one */
	EXPECT_SET(test, &s, { 38, 40 }, { 50, 60 });
	quic_ranges_remove_below(&s, 55);
	EXPECT_SET(test, &s, { 55, 60 });
	quic_ranges_remove_below(&s, 60);
	KUNIT_EXPECT_EQ(test, s.n, 0);
	KUNIT_EXPECT_PTR_EQ(test, s.r, &s.in[0]);	/* memory given back */
}

static void bound(struct kunit *test)
{
	struct quic_ranges s;

	fill(test, &s, 3);
	KUNIT_EXPECT_EQ(test, quic_ranges_add(&s, 70, 80, GFP_KERNEL), -ENOSPC);
	KUNIT_EXPECT_EQ(test, quic_ranges_add(&s, 22, 23, GFP_KERNEL), -ENOSPC);
	KUNIT_EXPECT_EQ(test, quic_ranges_remove(&s, 12, 13, GFP_KERNEL), -ENOSPC);
	EXPECT_SET(test, &s, { 10, 20 }, { 30, 40 }, { 50, 60 });
	/* what needs no interval more still works */
	KUNIT_EXPECT_EQ(test, quic_ranges_add(&s, 60, 61, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, quic_ranges_remove(&s, 10, 11, GFP_KERNEL), 0);
	EXPECT_SET(test, &s, { 11, 20 }, { 30, 40 }, { 50, 61 });
	quic_ranges_free(&s);
}

static void over_adds(struct kunit *test)
{
	struct quic_ranges s;

	fill(test, &s, 3);
	quic_ranges_add_over(&s, 22, 24, GFP_KERNEL);	/* 2 from below, 6 from above */
	EXPECT_SET(test, &s, { 10, 24 }, { 30, 40 }, { 50, 60 });
	quic_ranges_add_over(&s, 47, 48, GFP_KERNEL);	/* nearer to the one above */
	EXPECT_SET(test, &s, { 10, 24 }, { 30, 40 }, { 47, 60 });
	quic_ranges_add_over(&s, 0, 2, GFP_KERNEL);	/* none below */
	quic_ranges_add_over(&s, 90, 91, GFP_KERNEL);	/* none above */
	EXPECT_SET(test, &s, { 0, 24 }, { 30, 40 }, { 47, 91 });
	quic_ranges_free(&s);
}

static void lookup(struct kunit *test)
{
	struct quic_ranges s;

	fill(test, &s, 8);
	KUNIT_EXPECT_FALSE(test, quic_ranges_contains(&s, 9));
	KUNIT_EXPECT_TRUE(test, quic_ranges_contains(&s, 10));
	KUNIT_EXPECT_TRUE(test, quic_ranges_contains(&s, 19));
	KUNIT_EXPECT_FALSE(test, quic_ranges_contains(&s, 20));
	KUNIT_EXPECT_FALSE(test, quic_ranges_contains(&s, U64_MAX));
	KUNIT_EXPECT_TRUE(test, quic_ranges_covers(&s, 30, 40));
	KUNIT_EXPECT_FALSE(test, quic_ranges_covers(&s, 29, 40));
	KUNIT_EXPECT_FALSE(test, quic_ranges_covers(&s, 30, 41));
	KUNIT_EXPECT_TRUE(test, quic_ranges_covers(&s, 25, 25));
	KUNIT_EXPECT_EQ(test, quic_ranges_from(&s, 0)->lo, 10ULL);
	KUNIT_EXPECT_EQ(test, quic_ranges_from(&s, 19)->lo, 10ULL);
	KUNIT_EXPECT_EQ(test, quic_ranges_from(&s, 20)->lo, 30ULL);
	KUNIT_EXPECT_NULL(test, quic_ranges_from(&s, 60));
	KUNIT_EXPECT_NULL(test, quic_ranges_from(&s, U64_MAX));
	quic_ranges_free(&s);
}

/* ---- against a bitmap ---- */

static void set_bits(u8 *bits, u64 lo, u64 hi, u8 v)
{
	for (; lo < hi; lo++)
		bits[lo] = v;
}

/* The set says what the bitmap says, in its one representation. */
static bool agrees(const struct quic_ranges *s, const u8 *bits)
{
	u64 prev = 0;
	u32 i, v;

	for (v = 0; v < BITS; v++)
		if (quic_ranges_contains(s, v) != !!bits[v])
			return false;
	for (i = 0; i < s->n; i++) {
		if (s->r[i].lo >= s->r[i].hi || (i && s->r[i].lo <= prev))
			return false;
		prev = s->r[i].hi;
	}
	return s->n <= s->max;
}

static int operate(struct quic_ranges *s, u8 *bits, u64 *state)
{
	u64 lo = rnd(state, BITS), hi = min_t(u64, lo + rnd(state, 12), BITS);
	u8 op = rnd(state, 16);
	int err = 0;

	if (op < 8) {
		err = quic_ranges_add(s, lo, hi, GFP_KERNEL);
		set_bits(bits, lo, err ? lo : hi, 1);
	} else if (op < 15) {
		err = quic_ranges_remove(s, lo, hi, GFP_KERNEL);
		set_bits(bits, lo, err ? lo : hi, 0);
	} else {
		quic_ranges_remove_below(s, lo / 8);
		set_bits(bits, 0, lo / 8, 0);
	}
	return err;
}

static void random_ops(struct kunit *test, u32 max)
{
	u8 *bits = kunit_kzalloc(test, BITS, GFP_KERNEL);
	struct quic_ranges s;
	u64 state = max;
	u32 i, full = 0;
	int err;

	KUNIT_ASSERT_NOT_NULL(test, bits);
	quic_ranges_init(&s, max);
	for (i = 0; i < 4000; i++) {
		err = operate(&s, bits, &state);
		if ((err && (err != -ENOSPC || s.n != max)) || !agrees(&s, bits)) {
			KUNIT_FAIL(test, "operation %u of bound %u: %d", i, max, err);
			break;
		}
		full += err == -ENOSPC;
	}
	KUNIT_EXPECT_EQ(test, full > 0, max < 20);
	quic_ranges_free(&s);
}

static void random_sets(struct kunit *test)
{
	static const u32 bounds[] = { 1, 2, 3, 7, 19, BITS };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(bounds); i++)
		random_ops(test, bounds[i]);
}

static struct kunit_case range_cases[] = {
	KUNIT_CASE(adds),
	KUNIT_CASE(removes),
	KUNIT_CASE(bound),
	KUNIT_CASE(over_adds),
	KUNIT_CASE(lookup),
	KUNIT_CASE(random_sets),
	{}
};

static struct kunit_suite range_suite = {
	.name = "range",
	.test_cases = range_cases,
};
kunit_test_suite(range_suite);

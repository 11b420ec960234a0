// SPDX-License-Identifier: GPL-2.0-or-later
/* Tests of two sides against each other, see streams_pair.h. */
#include "streams_pair.h"

static void orderly(struct kunit *test)
{
	run(test, 1, 0, false, NULL);
	run(test, 2, 0, false, NULL);
}

static void lossy(struct kunit *test)
{
	u32 seed;

	for (seed = 10; seed < 18; seed++)
		run(test, seed, 1 + seed % 6, false, NULL);
}

static void lossy_with_aborts(struct kunit *test)
{
	u32 seed;

	for (seed = 20; seed < 32; seed++)
		run(test, seed, seed % 8, true, NULL);
}

static struct kunit_case pair_cases[] = {
	KUNIT_CASE_SLOW(orderly),
	KUNIT_CASE_SLOW(lossy),
	KUNIT_CASE_SLOW(lossy_with_aborts),
	{}
};

static struct kunit_suite pair_suite = {
	.name = "streams_pair",
	.test_cases = pair_cases,
};
kunit_test_suite(pair_suite);

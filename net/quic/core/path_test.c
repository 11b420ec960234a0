// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of path.c: the anti-amplification limit to the byte, the schedule of
 * challenges, which answers count, and the bound on answers owed.
 */
#include <kunit/test.h>
#include "path.h"

#define PTO	100ULL
#define NEVER	QUIC_TIME_NEVER

static const struct quic_addr here = { 4, 4433, 0, { 10, 0, 0, 1 } };
static const struct quic_addr there = { 4, 5544, 0, { 10, 0, 0, 2 } };

static void init(struct kunit *test)
{
	struct quic_path p;

	quic_path_init(&p, &here, &there, false);
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&p.local, &here));
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&p.remote, &there));
	KUNIT_EXPECT_EQ(test, (int)p.state, (int)QUIC_PATH_UNVALIDATED);
	/* RFC 9000 §14.1: every path is taken to carry 1200 bytes */
	KUNIT_EXPECT_EQ(test, p.mtu, 1200);
	KUNIT_EXPECT_EQ(test, p.challenge_expire, NEVER);
	KUNIT_EXPECT_FALSE(test, p.challenge_pending);
	quic_path_init(&p, &here, &there, true);
	KUNIT_EXPECT_EQ(test, (int)p.state, (int)QUIC_PATH_VALIDATED);
	KUNIT_EXPECT_EQ(test, quic_path_credit(&p), U32_MAX);
}

/* RFC 9000 §8, §8.1: three times what came, to the byte */
static void amplification(struct kunit *test)
{
	struct quic_path p;

	quic_path_init(&p, &here, &there, false);
	KUNIT_EXPECT_EQ(test, quic_path_credit(&p), 0U);
	quic_path_received(&p, 1200);
	KUNIT_EXPECT_EQ(test, quic_path_credit(&p), 3600U);
	quic_path_sent(&p, 1200);
	quic_path_sent(&p, 2399);
	KUNIT_EXPECT_EQ(test, quic_path_credit(&p), 1U);
	quic_path_sent(&p, 1);
	KUNIT_EXPECT_EQ(test, quic_path_credit(&p), 0U);
	/* sent in spite of it: not negative */
	quic_path_sent(&p, 100);
	KUNIT_EXPECT_EQ(test, quic_path_credit(&p), 0U);
	quic_path_received(&p, 40);
	KUNIT_EXPECT_EQ(test, quic_path_credit(&p), 20U);
	quic_path_validated(&p);
	KUNIT_EXPECT_EQ(test, quic_path_credit(&p), U32_MAX);
	quic_path_sent(&p, 1000000);
	KUNIT_EXPECT_EQ(test, quic_path_credit(&p), U32_MAX);
}

static void amplification_large(struct kunit *test)
{
	struct quic_path p;

	quic_path_init(&p, &here, &there, false);
	quic_path_received(&p, U32_MAX);
	KUNIT_EXPECT_EQ(test, quic_path_credit(&p), U32_MAX);
	quic_path_sent(&p, U32_MAX);
	quic_path_sent(&p, U32_MAX);
	KUNIT_EXPECT_EQ(test, quic_path_credit(&p), U32_MAX);
	quic_path_sent(&p, U32_MAX - 1);
	KUNIT_EXPECT_EQ(test, quic_path_credit(&p), 1U);
}

/* §8.2.1, §8.2.4: tries at 0, 1 and 3 PTO, three more to answer, then failed */
static void challenge_schedule(struct kunit *test)
{
	u8 seen[QUIC_PATH_CHALLENGES][8];
	struct quic_path p;
	u64 now = 1000;
	int i, j;

	quic_path_init(&p, &here, &there, false);
	quic_path_challenge(&p, now, PTO);
	KUNIT_EXPECT_EQ(test, (int)p.state, (int)QUIC_PATH_VALIDATING);
	for (i = 0; i < QUIC_PATH_CHALLENGES; i++) {
		KUNIT_EXPECT_TRUE(test, p.challenge_pending);
		p.challenge_pending = false;
		memcpy(seen[i], p.challenge, 8);
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_MEMNEQ(test, seen[j], seen[i], 8);
		KUNIT_EXPECT_EQ(test, p.challenge_expire, now + (i + 1) * PTO);
		KUNIT_EXPECT_FALSE(test, quic_path_timeout(&p, p.challenge_expire - 1, PTO));
		KUNIT_EXPECT_FALSE(test, p.challenge_pending);
		now = p.challenge_expire;
		KUNIT_EXPECT_EQ(test, quic_path_timeout(&p, now, PTO), i == 2);
	}
	KUNIT_EXPECT_EQ(test, (int)p.state, (int)QUIC_PATH_FAILED);
	KUNIT_EXPECT_EQ(test, p.challenge_expire, NEVER);
	KUNIT_EXPECT_FALSE(test, p.challenge_pending);
	/* abandoned: an answer comes too late */
	for (i = 0; i < QUIC_PATH_CHALLENGES; i++)
		KUNIT_EXPECT_FALSE(test, quic_path_on_response(&p, seen[i]));
	/* a failed path is still limited, and may be tried again */
	KUNIT_EXPECT_EQ(test, quic_path_credit(&p), 0U);
	quic_path_challenge(&p, now, PTO);
	KUNIT_EXPECT_EQ(test, (int)p.state, (int)QUIC_PATH_VALIDATING);
	KUNIT_EXPECT_EQ(test, p.challenges, 1);
}

/* §8.2.3: the data of any challenge of this validation, and no other */
static void responses(struct kunit *test)
{
	u8 seen[QUIC_PATH_CHALLENGES][8], other[8];
	struct quic_path p;
	int tries, which, i;

	for (tries = 1; tries <= QUIC_PATH_CHALLENGES; tries++) {
		for (which = 0; which < tries; which++) {
			quic_path_init(&p, &here, &there, false);
			quic_path_challenge(&p, 0, PTO);
			for (i = 0; i < tries; i++) {
				if (i)
					quic_path_timeout(&p, p.challenge_expire, PTO);
				memcpy(seen[i], p.challenge, 8);
				p.challenge_pending = false;
				quic_path_challenge_sent(&p, 1200);
			}
			memcpy(other, seen[which], 8);
			other[7] ^= 1;
			KUNIT_EXPECT_FALSE(test, quic_path_on_response(&p, other));
			KUNIT_EXPECT_EQ(test, (int)p.state, (int)QUIC_PATH_VALIDATING);
			KUNIT_EXPECT_TRUE(test, quic_path_on_response(&p, seen[which]));
			KUNIT_EXPECT_EQ(test, (int)p.state, (int)QUIC_PATH_VALIDATED);
			KUNIT_EXPECT_EQ(test, p.challenge_expire, NEVER);
			KUNIT_EXPECT_EQ(test, quic_path_credit(&p), U32_MAX);
			/* once is enough */
			KUNIT_EXPECT_FALSE(test, quic_path_on_response(&p, seen[which]));
			KUNIT_EXPECT_FALSE(test, quic_path_timeout(&p, 1000000, PTO));
			KUNIT_EXPECT_EQ(test, (int)p.state, (int)QUIC_PATH_VALIDATED);
		}
	}
}

/* Nothing answers what was not asked, or not sent yet. */
static void unasked(struct kunit *test)
{
	static const u8 zeros[8];
	struct quic_path p;
	u8 data[8];

	quic_path_init(&p, &here, &there, false);
	KUNIT_EXPECT_FALSE(test, quic_path_on_response(&p, zeros));
	quic_path_challenge(&p, 0, PTO);
	memcpy(data, p.challenge, 8);
	KUNIT_EXPECT_FALSE(test, quic_path_on_response(&p, zeros));
	KUNIT_EXPECT_FALSE(test, quic_path_on_response(&p, data));
	p.challenge_pending = false;
	KUNIT_EXPECT_FALSE(test, quic_path_on_response(&p, zeros));
	KUNIT_EXPECT_TRUE(test, quic_path_on_response(&p, data));
}

/* §8.2.1, §8.2.3: below 1200 bytes the address is validated, the MTU is not */
static void small_challenge(struct kunit *test)
{
	struct quic_path p;
	u8 data[8];

	quic_path_init(&p, &here, &there, false);
	quic_path_challenge(&p, 0, PTO);
	p.challenge_pending = false;
	quic_path_challenge_sent(&p, 1199);
	memcpy(data, p.challenge, 8);
	KUNIT_EXPECT_TRUE(test, quic_path_on_response(&p, data));
	KUNIT_EXPECT_EQ(test, (int)p.state, (int)QUIC_PATH_VALIDATED);
	KUNIT_EXPECT_TRUE(test, p.challenge_pending);
	KUNIT_EXPECT_MEMNEQ(test, p.challenge, data, 8);
	KUNIT_EXPECT_NE(test, p.challenge_expire, NEVER);
	p.challenge_pending = false;
	quic_path_challenge_sent(&p, 1200);
	memcpy(data, p.challenge, 8);
	KUNIT_EXPECT_TRUE(test, quic_path_on_response(&p, data));
	KUNIT_EXPECT_FALSE(test, p.challenge_pending);
	KUNIT_EXPECT_EQ(test, p.challenge_expire, NEVER);
}

/* Asked again and again: a new validation begins when the tries are used up. */
static void restarted(struct kunit *test)
{
	struct quic_path p;
	u8 first[8];
	int i;

	quic_path_init(&p, &here, &there, false);
	quic_path_challenge(&p, 0, PTO);
	memcpy(first, p.challenge, 8);
	for (i = 2; i <= 2 * QUIC_PATH_CHALLENGES; i++) {
		quic_path_challenge(&p, 0, PTO);
		KUNIT_EXPECT_LE(test, p.challenges, QUIC_PATH_CHALLENGES);
	}
	KUNIT_EXPECT_EQ(test, p.challenges, QUIC_PATH_CHALLENGES);
	KUNIT_EXPECT_EQ(test, p.challenge_expire, QUIC_PATH_CHALLENGES * PTO);
	KUNIT_EXPECT_FALSE(test, quic_path_on_response(&p, first));
}

/* §9.3.3: the path in use may be asked; it stays in use until that fails */
static void validated_asked(struct kunit *test)
{
	struct quic_path p;
	int i;

	quic_path_init(&p, &here, &there, true);
	quic_path_challenge(&p, 0, PTO);
	for (i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, (int)p.state, (int)QUIC_PATH_VALIDATED);
		KUNIT_EXPECT_EQ(test, quic_path_credit(&p), U32_MAX);
		KUNIT_EXPECT_FALSE(test, quic_path_timeout(&p, p.challenge_expire, PTO));
	}
	KUNIT_EXPECT_TRUE(test, quic_path_timeout(&p, p.challenge_expire, PTO));
	KUNIT_EXPECT_EQ(test, (int)p.state, (int)QUIC_PATH_FAILED);
	KUNIT_EXPECT_EQ(test, quic_path_credit(&p), 0U);
}

/* §8.2.2: one answer a challenge, in their order; a bound on those owed */
static void answers(struct kunit *test)
{
	struct quic_path p;
	u8 data[8] = { 0 };
	int i;

	quic_path_init(&p, &here, &there, true);
	KUNIT_EXPECT_FALSE(test, quic_path_next_response(&p, data));
	for (i = 0; i < QUIC_PATH_RESPONSES + 3; i++) {
		data[0] = i;
		quic_path_on_challenge(&p, data);
	}
	KUNIT_EXPECT_EQ(test, p.nresponse, QUIC_PATH_RESPONSES);
	for (i = 0; i < QUIC_PATH_RESPONSES; i++) {
		KUNIT_EXPECT_TRUE(test, quic_path_next_response(&p, data));
		KUNIT_EXPECT_EQ(test, data[0], i);
		if (i == 1) {
			data[0] = 99;
			quic_path_on_challenge(&p, data);
		}
	}
	KUNIT_EXPECT_TRUE(test, quic_path_next_response(&p, data));
	KUNIT_EXPECT_EQ(test, data[0], 99);
	KUNIT_EXPECT_FALSE(test, quic_path_next_response(&p, data));
}

static struct kunit_case path_cases[] = {
	KUNIT_CASE(init),
	KUNIT_CASE(amplification),
	KUNIT_CASE(amplification_large),
	KUNIT_CASE(challenge_schedule),
	KUNIT_CASE(responses),
	KUNIT_CASE(unasked),
	KUNIT_CASE(small_challenge),
	KUNIT_CASE(restarted),
	KUNIT_CASE(validated_asked),
	KUNIT_CASE(answers),
	{}
};

static struct kunit_suite path_suite = {
	.name = "path",
	.test_cases = path_cases,
};
kunit_test_suite(path_suite);

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of the send buffer: what is offered to be sent, in which order, what
 * is freed; and random packets, losses and acknowledgements (late and
 * doubtful ones too) against an array of what became of each byte, with room
 * for all ranges and with almost none.
 */
#include <kunit/test.h>
#include "sendbuf.h"
#include "chunk_test.h"

#define SPACE		3000	/* bytes of the random test */
#define PACKETS		64

enum fate { UNSENT, FLYING, LOST, ACKED };

struct fixture {
	struct chunk_mem mem;
	struct quic_sendbuf b;
	struct quic_chunk *c;
	u8 fate[SPACE];		/* by the last thing that happened to it */
	bool acked[SPACE];	/* ever */
	struct { u64 off; u32 len; bool used; } pkt[PACKETS];
};

static int init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	if (!f)
		return -ENOMEM;
	f->mem.budget = -1;
	quic_sendbuf_init(&f->b);
	test->priv = f;
	return 0;
}

static void leave(struct kunit *test)
{
	struct fixture *f = test->priv;

	quic_sendbuf_free(&f->b);
	if (f->c)
		quic_chunk_put(f->c);
	KUNIT_EXPECT_EQ(test, f->mem.live, 0);
}

/* @len more bytes, from the chunk under way; @gap bytes of it are left out. */
static void append(struct kunit *test, u32 len, u32 gap)
{
	struct fixture *f = test->priv;

	if (!f->c || f->c->used + gap + len > f->c->size || f->c->slices_used == f->c->nslices) {
		if (f->c)
			quic_chunk_put(f->c);
		f->c = chunk_mem_alloc(&f->mem, 1000);
		KUNIT_ASSERT_NOT_NULL(test, f->c);
	}
	f->c->used += gap;
	pattern_fill(f->c->base + f->c->used, 0, f->b.end, len);
	KUNIT_ASSERT_EQ(test, quic_sendbuf_append(&f->b, f->c, f->c->base + f->c->used, len), 0);
	f->c->used += len;
}

/* Gathers [off, off + len) and compares. */
static void check_bytes(struct kunit *test, u64 off, u32 len)
{
	struct fixture *f = test->priv;
	struct quic_vec v[3];
	unsigned int i, n;
	u32 got, sum;

	while (len) {
		n = quic_sendbuf_vecs(&f->b, off, len, v, ARRAY_SIZE(v), &got);
		KUNIT_ASSERT_GT(test, n, 0);
		for (i = 0, sum = 0; i < n; i++) {
			KUNIT_ASSERT_TRUE(test, pattern_is(v[i].base, 0, off + sum, v[i].len));
			sum += v[i].len;
		}
		KUNIT_ASSERT_EQ(test, sum, got);
		KUNIT_ASSERT_LE(test, got, len);
		off += got;
		len -= got;
	}
}

static void expect_next(struct kunit *test, u64 limit, u32 max, u64 off, u32 len)
{
	struct fixture *f = test->priv;
	u64 at;

	KUNIT_EXPECT_EQ(test, quic_sendbuf_peek(&f->b, limit, max, &at), len);
	if (len)
		KUNIT_EXPECT_EQ(test, at, off);
}

static void fresh_data(struct kunit *test)
{
	struct fixture *f = test->priv;

	expect_next(test, U64_MAX, 100, 0, 0);
	append(test, 150, 0);
	append(test, 100, 0);	/* adjacent: joins */
	KUNIT_EXPECT_EQ(test, f->c->slices_used, 1);
	append(test, 50, 1);
	KUNIT_EXPECT_EQ(test, f->c->slices_used, 2);
	KUNIT_EXPECT_EQ(test, quic_sendbuf_pending(&f->b), 300ULL);
	expect_next(test, U64_MAX, 100, 0, 100);
	expect_next(test, 30, 100, 0, 30);	/* flow control */
	expect_next(test, 0, 100, 0, 0);
	check_bytes(test, 0, 300);
	quic_sendbuf_sent(&f->b, 0, 100);
	expect_next(test, U64_MAX, 1000, 100, 200);
	expect_next(test, 100, 1000, 0, 0);
	quic_sendbuf_sent(&f->b, 100, 200);
	KUNIT_EXPECT_EQ(test, quic_sendbuf_pending(&f->b), 0ULL);
	KUNIT_EXPECT_TRUE(test, quic_sendbuf_unacked(&f->b));
	append(test, 10, 0);	/* joins a slice that was sent whole */
	expect_next(test, U64_MAX, 1000, 300, 10);
	check_bytes(test, 300, 10);
	quic_sendbuf_sent(&f->b, 300, 10);
	KUNIT_EXPECT_EQ(test, quic_sendbuf_acked(&f->b, 0, 310), 310);
	KUNIT_EXPECT_EQ(test, quic_sendbuf_held(&f->b), 0ULL);
	KUNIT_EXPECT_FALSE(test, quic_sendbuf_unacked(&f->b));
	append(test, 5, 0);
	expect_next(test, U64_MAX, 1000, 310, 5);
	check_bytes(test, 310, 5);
}

/* What was never sent, in one piece; no more pieces than asked for, no byte that is not there. */
static void copies(struct kunit *test)
{
	struct fixture *f = test->priv;
	u8 to[301];
	u32 i;

	KUNIT_EXPECT_FALSE(test, quic_sendbuf_copy(&f->b, to, 1, 9));
	for (i = 0; i < 3; i++)
		append(test, 100, i);
	for (i = 0; i < 300; i += 50) {
		KUNIT_EXPECT_TRUE(test, quic_sendbuf_copy(&f->b, to, 300 - i, 3));
		KUNIT_EXPECT_TRUE(test, pattern_is(to, 0, i, 300 - i));
		KUNIT_EXPECT_FALSE(test, quic_sendbuf_copy(&f->b, to, 301 - i, 9));
		KUNIT_EXPECT_EQ(test, quic_sendbuf_copy(&f->b, to, 300 - i, 2), i >= 100);
		KUNIT_EXPECT_EQ(test, quic_sendbuf_copy(&f->b, to, 300 - i, 1), i >= 200);
		quic_sendbuf_sent(&f->b, i, 50);
	}
	KUNIT_EXPECT_FALSE(test, quic_sendbuf_copy(&f->b, to, 1, 9));
	append(test, 10, 0);
	KUNIT_EXPECT_TRUE(test, quic_sendbuf_copy(&f->b, to, 10, 1));
	KUNIT_EXPECT_TRUE(test, pattern_is(to, 0, 300, 10));
}

/* RFC 9000 §13.3: lost data before new data */
static void lost_data(struct kunit *test)
{
	struct fixture *f = test->priv;

	append(test, 1000, 0);
	quic_sendbuf_sent(&f->b, 0, 600);
	quic_sendbuf_lost(&f->b, 300, 100);
	quic_sendbuf_lost(&f->b, 100, 100);
	KUNIT_EXPECT_NE(test, quic_sendbuf_pending(&f->b), 0ULL);
	expect_next(test, 0, 1000, 100, 100);	/* no credit needed */
	expect_next(test, U64_MAX, 60, 100, 60);
	quic_sendbuf_sent(&f->b, 100, 60);
	expect_next(test, U64_MAX, 1000, 160, 40);
	quic_sendbuf_sent(&f->b, 160, 40);
	expect_next(test, U64_MAX, 1000, 300, 100);
	/* the packet was only late: nothing left to repeat */
	quic_sendbuf_acked(&f->b, 300, 100);
	expect_next(test, U64_MAX, 1000, 600, 400);
	/* what is acknowledged is never lost again */
	quic_sendbuf_lost(&f->b, 250, 200);
	expect_next(test, U64_MAX, 1000, 250, 50);
	quic_sendbuf_sent(&f->b, 250, 50);
	expect_next(test, U64_MAX, 1000, 400, 50);
	quic_sendbuf_sent(&f->b, 400, 50);
	/* nor what was never sent */
	quic_sendbuf_lost(&f->b, 600, 400);
	expect_next(test, U64_MAX, 1000, 600, 400);
	KUNIT_EXPECT_EQ(test, f->b.lost.n, 0);
}

static void acked_data(struct kunit *test)
{
	struct fixture *f = test->priv;

	append(test, 500, 0);
	append(test, 500, 0);
	append(test, 500, 0);
	quic_sendbuf_sent(&f->b, 0, 1500);
	KUNIT_EXPECT_EQ(test, quic_sendbuf_acked(&f->b, 500, 900), 0);
	KUNIT_EXPECT_EQ(test, quic_sendbuf_acked(&f->b, 100, 100), 0);
	KUNIT_EXPECT_EQ(test, quic_sendbuf_acked(&f->b, 0, 100), 200);
	KUNIT_EXPECT_EQ(test, quic_sendbuf_acked(&f->b, 0, 100), 0);	/* again */
	KUNIT_EXPECT_EQ(test, f->mem.live, 2);
	KUNIT_EXPECT_EQ(test, quic_sendbuf_acked(&f->b, 150, 400), 1200);
	KUNIT_EXPECT_EQ(test, f->mem.live, 1);	/* slices are freed from the front */
	KUNIT_EXPECT_EQ(test, quic_sendbuf_held(&f->b), 100ULL);
	check_bytes(test, 1400, 100);
}

/* A late acknowledgement reaches over one island up to the next. */
static void acked_over_islands(struct kunit *test)
{
	struct fixture *f = test->priv;

	append(test, 500, 0);
	quic_sendbuf_sent(&f->b, 0, 500);
	quic_sendbuf_acked(&f->b, 100, 50);
	quic_sendbuf_acked(&f->b, 300, 200);
	KUNIT_EXPECT_EQ(test, quic_sendbuf_acked(&f->b, 0, 300), 500);
	KUNIT_EXPECT_EQ(test, f->b.acked.n, 0);
}

/* RFC 9001 §4.6.2 */
static void rewinds(struct kunit *test)
{
	struct fixture *f = test->priv;

	append(test, 500, 0);
	quic_sendbuf_sent(&f->b, 0, 400);
	quic_sendbuf_lost(&f->b, 100, 10);
	quic_sendbuf_acked(&f->b, 200, 10);
	quic_sendbuf_rewind(&f->b);
	expect_next(test, U64_MAX, 1000, 0, 500);
	check_bytes(test, 0, 500);
	/* news of packets from before mean nothing */
	quic_sendbuf_lost(&f->b, 100, 10);
	KUNIT_EXPECT_EQ(test, quic_sendbuf_acked(&f->b, 0, 400), 0);
	expect_next(test, U64_MAX, 1000, 0, 500);
}

static void no_slot(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct quic_chunk *c;

	f->mem.nslices = 1;
	c = chunk_mem_alloc(&f->mem, 100);
	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_EXPECT_EQ(test, quic_sendbuf_append(&f->b, c, c->base, 10), 0);
	KUNIT_EXPECT_EQ(test, quic_sendbuf_append(&f->b, c, c->base + 20, 10), -ENOMEM);
	KUNIT_EXPECT_EQ(test, f->b.end, 10ULL);
	KUNIT_EXPECT_EQ(test, quic_sendbuf_append(&f->b, c, c->base + 10, 10), 0);
	KUNIT_EXPECT_EQ(test, quic_sendbuf_append(&f->b, c, c->base, 0), 0);
	KUNIT_EXPECT_EQ(test, f->b.end, 20ULL);
	quic_chunk_put(c);
}

/* ---- random ---- */

static void send_one(struct kunit *test, u64 *state, bool exact)
{
	struct fixture *f = test->priv;
	u32 i, k, len;
	u64 off;

	for (i = 0; i < PACKETS && f->pkt[i].used; i++)
		;
	len = i < PACKETS ? quic_sendbuf_peek(&f->b, U64_MAX, 1 + rnd(state, 50), &off) : 0;
	if (!len)
		return;
	for (k = 0; k < len && exact; k++)
		KUNIT_ASSERT_TRUE(test, f->fate[off + k] == UNSENT || f->fate[off + k] == LOST);
	check_bytes(test, off, len);
	quic_sendbuf_sent(&f->b, off, len);
	memset(f->fate + off, FLYING, len);
	f->pkt[i].off = off;
	f->pkt[i].len = len;
	f->pkt[i].used = true;
}

static void note(struct fixture *f, u32 i, enum fate fate)
{
	u32 k;

	for (k = f->pkt[i].off; k < f->pkt[i].off + f->pkt[i].len; k++) {
		if (f->fate[k] != ACKED)
			f->fate[k] = fate;
		f->acked[k] |= fate == ACKED;
	}
}

/* A packet is lost (and may yet turn out not to be), or acknowledged. */
static void resolve_one(struct kunit *test, u64 *state, u64 *freed)
{
	struct fixture *f = test->priv;
	u32 i = rnd(state, PACKETS);

	if (!f->pkt[i].used)
		return;
	if (!rnd(state, 3)) {
		quic_sendbuf_lost(&f->b, f->pkt[i].off, f->pkt[i].len);
		note(f, i, LOST);
		f->pkt[i].used = !rnd(state, 2);
		return;
	}
	*freed += quic_sendbuf_acked(&f->b, f->pkt[i].off, f->pkt[i].len);
	note(f, i, ACKED);
	f->pkt[i].used = false;
}

/*
 * With room for all ranges, 'lost' and 'acked' are what the model says.  With
 * little room: nothing is believed acknowledged without being so, and a byte
 * that is neither flying nor believed acknowledged is to be sent.
 */
static void check_fates(struct kunit *test, bool exact)
{
	struct fixture *f = test->priv;
	bool lost, acked;
	u64 k;

	/* nothing that could be freed is kept */
	KUNIT_ASSERT_FALSE(test, quic_ranges_contains(&f->b.acked, f->b.base));
	for (k = 0; k < SPACE; k++) {
		lost = quic_ranges_contains(&f->b.lost, k);
		acked = k < f->b.base || quic_ranges_contains(&f->b.acked, k);
		if (acked)
			KUNIT_ASSERT_TRUE(test, f->acked[k]);
		else if (f->fate[k] == LOST || f->fate[k] == ACKED)
			KUNIT_ASSERT_TRUE(test, lost);
		if (!exact)
			continue;
		KUNIT_ASSERT_EQ(test, lost, f->fate[k] == LOST);
		KUNIT_ASSERT_EQ(test, acked, f->fate[k] == ACKED);
	}
}

static void random_run(struct kunit *test, u32 max, bool exact, u64 state)
{
	struct fixture *f = test->priv;
	u64 freed = 0;
	u32 i;

	quic_sendbuf_free(&f->b);
	quic_sendbuf_init(&f->b);
	memset(f->fate, 0, sizeof(f->fate));
	memset(f->acked, 0, sizeof(f->acked));
	memset(f->pkt, 0, sizeof(f->pkt));
	quic_ranges_init(&f->b.acked, max);
	quic_ranges_init(&f->b.lost, max);
	for (i = 0; i < 60000 && f->b.base < SPACE; i++) {
		if (f->b.end < SPACE && !rnd(&state, 8))
			append(test, min_t(u64, 1 + rnd(&state, 90), SPACE - f->b.end),
			       rnd(&state, 2));
		if (rnd(&state, 2))
			send_one(test, &state, exact);
		else
			resolve_one(test, &state, &freed);
		KUNIT_ASSERT_EQ(test, freed, f->b.base);
		if (!(i % 4))
			check_fates(test, exact);
	}
	KUNIT_EXPECT_EQ(test, f->b.base, (u64)SPACE);
	KUNIT_EXPECT_EQ(test, quic_sendbuf_pending(&f->b), 0ULL);
	KUNIT_EXPECT_EQ(test, f->b.acked.n + f->b.lost.n, 0);
}

static void random_exact(struct kunit *test)
{
	u64 seed;

	for (seed = 0; seed < 20; seed++)
		random_run(test, QUIC_SENDBUF_RANGES, true, seed);
}

static void random_one_range(struct kunit *test)
{
	u64 seed;

	for (seed = 0; seed < 20; seed++)
		random_run(test, 1, false, seed);
}

static void random_few_ranges(struct kunit *test)
{
	u64 seed;

	for (seed = 0; seed < 20; seed++)
		random_run(test, 4, false, seed);
}

static struct kunit_case sendbuf_cases[] = {
	KUNIT_CASE(fresh_data),
	KUNIT_CASE(copies),
	KUNIT_CASE(lost_data),
	KUNIT_CASE(acked_data),
	KUNIT_CASE(acked_over_islands),
	KUNIT_CASE(rewinds),
	KUNIT_CASE(no_slot),
	KUNIT_CASE(random_exact),
	KUNIT_CASE(random_one_range),
	KUNIT_CASE(random_few_ranges),
	{}
};

static struct kunit_suite sendbuf_suite = {
	.name = "sendbuf",
	.init = init,
	.exit = leave,
	.test_cases = sendbuf_cases,
};
kunit_test_suite(sendbuf_suite);

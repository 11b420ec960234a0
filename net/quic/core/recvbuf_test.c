// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of reassembly (RFC 9000 §2.2): order, overlap, failure, and random
 * frames against an array that knows which bytes arrived.
 */
#include <kunit/test.h>
#include "recvbuf.h"
#include "chunk_test.h"

#define SPACE	2000	/* bytes of the random test's stream */

struct fixture {
	struct chunk_mem mem;
	struct quic_recvbuf b;
	u8 seen[SPACE];
	u64 high;
};

static int init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	if (!f)
		return -ENOMEM;
	f->mem.budget = -1;
	quic_recvbuf_init(&f->b);
	test->priv = f;
	return 0;
}

static void leave(struct kunit *test)
{
	struct fixture *f = test->priv;

	quic_recvbuf_free(&f->b);
	KUNIT_EXPECT_EQ(test, f->mem.live, 0);
}

/* A frame in a chunk of its own. */
static int add(struct kunit *test, u64 off, u32 len)
{
	struct fixture *f = test->priv;
	struct quic_chunk *c = chunk_mem_alloc(&f->mem, len);
	int err;

	KUNIT_ASSERT_NOT_NULL(test, c);
	pattern_fill(c->base, 0, off, len);
	err = quic_recvbuf_add(&f->b, off, c->base, len, c);
	quic_chunk_put(c);
	return err;
}

/* What can be read is the pattern; its length. */
static u64 check_readable(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 at = 0, len = quic_recvbuf_readable(&f->b);
	struct quic_vec v[2];
	unsigned int i, n;

	while ((n = quic_recvbuf_vecs(&f->b, at, v, ARRAY_SIZE(v)))) {
		for (i = 0; i < n; i++) {
			KUNIT_ASSERT_GT(test, v[i].len, 0);
			KUNIT_ASSERT_TRUE(test, pattern_is(v[i].base, 0, f->b.read_off + at,
							   v[i].len));
			at += v[i].len;
		}
	}
	KUNIT_ASSERT_EQ(test, at, len);
	return len;
}

static void in_order(struct kunit *test)
{
	struct fixture *f = test->priv;
	u8 copy[40];
	const u8 *data;

	KUNIT_EXPECT_EQ(test, quic_recvbuf_peek(&f->b, &data), 0);
	add(test, 0, 100);
	add(test, 100, 50);
	KUNIT_EXPECT_EQ(test, check_readable(test), 150);
	quic_recvbuf_copy(&f->b, 80, copy, sizeof(copy));
	KUNIT_EXPECT_TRUE(test, pattern_is(copy, 0, 80, sizeof(copy)));
	KUNIT_EXPECT_EQ(test, quic_recvbuf_peek(&f->b, &data), 100);
	quic_recvbuf_consume(&f->b, 30);
	KUNIT_EXPECT_EQ(test, quic_recvbuf_peek(&f->b, &data), 70);
	KUNIT_EXPECT_EQ(test, data[0], pattern(0, 30));
	KUNIT_EXPECT_EQ(test, f->b.bytes, 120);
	quic_recvbuf_consume(&f->b, 71);
	KUNIT_EXPECT_EQ(test, f->mem.live, 1);	/* the first is freed */
	KUNIT_EXPECT_EQ(test, check_readable(test), 49);
	quic_recvbuf_consume(&f->b, 49);
	KUNIT_EXPECT_EQ(test, f->b.bytes, 0);
	KUNIT_EXPECT_EQ(test, f->b.read_off, 150ULL);
	/* old bytes are nothing new */
	add(test, 0, 150);
	KUNIT_EXPECT_EQ(test, f->mem.live, 0);
	KUNIT_EXPECT_EQ(test, check_readable(test), 0);
}

static void holes(struct kunit *test)
{
	struct fixture *f = test->priv;

	add(test, 20, 10);
	add(test, 40, 10);
	KUNIT_EXPECT_EQ(test, check_readable(test), 0);
	KUNIT_EXPECT_EQ(test, f->b.high, 50ULL);
	add(test, 0, 20);
	KUNIT_EXPECT_EQ(test, check_readable(test), 30);
	add(test, 25, 20);	/* overlaps both */
	KUNIT_EXPECT_EQ(test, check_readable(test), 50);
	KUNIT_EXPECT_EQ(test, f->b.bytes, 50);
	KUNIT_EXPECT_EQ(test, f->mem.live, 4);
}

/* One frame over many islands takes one slice, and theirs are freed. */
static void replaces(struct kunit *test)
{
	struct fixture *f = test->priv;
	u32 i;

	for (i = 1; i < 50; i++)
		add(test, i * 10, 3);
	KUNIT_EXPECT_EQ(test, f->mem.live, 49);
	f->mem.nslices = 1;
	KUNIT_EXPECT_EQ(test, add(test, 5, 486), 0);
	KUNIT_EXPECT_EQ(test, f->mem.live, 2);	/* the last island sticks out by 2 */
	KUNIT_EXPECT_EQ(test, f->b.bytes, 488);
	add(test, 0, 5);
	KUNIT_EXPECT_EQ(test, check_readable(test), 493);
	/* what the reader was offered is not replaced */
	add(test, 0, 600);
	KUNIT_EXPECT_EQ(test, f->mem.live, 4);
	KUNIT_EXPECT_EQ(test, check_readable(test), 600);
}

static void empty_frames(struct kunit *test)
{
	struct fixture *f = test->priv;

	KUNIT_EXPECT_EQ(test, add(test, 70, 0), 0);
	KUNIT_EXPECT_EQ(test, f->mem.live, 0);
	KUNIT_EXPECT_EQ(test, f->b.high, 70ULL);	/* a FIN there has this size */
	KUNIT_EXPECT_EQ(test, check_readable(test), 0);
}

static void no_slot(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct quic_chunk *c;

	add(test, 10, 10);
	f->mem.nslices = 1;
	c = chunk_mem_alloc(&f->mem, 100);
	KUNIT_ASSERT_NOT_NULL(test, c);
	pattern_fill(c->base, 0, 0, 100);
	quic_slice_put(quic_chunk_slice(c, c->base, 0));
	KUNIT_EXPECT_EQ(test, quic_recvbuf_add(&f->b, 0, c->base, 30, c), -ENOMEM);
	KUNIT_EXPECT_EQ(test, f->b.high, 20ULL);
	KUNIT_EXPECT_EQ(test, f->b.bytes, 10);
	KUNIT_EXPECT_EQ(test, check_readable(test), 0);
	/* no slot is needed for what is there */
	KUNIT_EXPECT_EQ(test, quic_recvbuf_add(&f->b, 12, c->base + 12, 5, c), 0);
	quic_chunk_put(c);
	KUNIT_EXPECT_EQ(test, add(test, 0, 30), 0);
	KUNIT_EXPECT_EQ(test, check_readable(test), 30);
}

/* Data that follows goes to the end, unless something lies above, or no slice is left. */
static void appends(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct quic_chunk *c;

	f->mem.nslices = 2;
	c = chunk_mem_alloc(&f->mem, 100);
	KUNIT_ASSERT_NOT_NULL(test, c);
	pattern_fill(c->base, 0, 0, 100);
	KUNIT_EXPECT_TRUE(test, quic_recvbuf_append(&f->b, c->base, 10, c));
	KUNIT_EXPECT_EQ(test, check_readable(test), 10);
	KUNIT_EXPECT_EQ(test, f->b.high, 10ULL);
	KUNIT_EXPECT_EQ(test, f->b.bytes, 10);
	add(test, 15, 5);
	KUNIT_EXPECT_FALSE(test, quic_recvbuf_append(&f->b, c->base + 10, 5, c));
	KUNIT_EXPECT_EQ(test, add(test, 10, 5), 0);
	KUNIT_EXPECT_TRUE(test, quic_recvbuf_append(&f->b, c->base + 20, 5, c));
	KUNIT_EXPECT_FALSE(test, quic_recvbuf_append(&f->b, c->base + 25, 5, c));
	KUNIT_EXPECT_EQ(test, check_readable(test), 25);
	KUNIT_EXPECT_EQ(test, f->b.high, 25ULL);
	quic_chunk_put(c);
}

static void discards(struct kunit *test)
{
	struct fixture *f = test->priv;

	add(test, 0, 10);
	add(test, 20, 10);
	quic_recvbuf_discard(&f->b);
	KUNIT_EXPECT_EQ(test, f->mem.live, 0);
	KUNIT_EXPECT_EQ(test, f->b.read_off, 30ULL);
	add(test, 10, 10);	/* counts as read */
	KUNIT_EXPECT_EQ(test, f->mem.live, 0);
	add(test, 25, 10);
	KUNIT_EXPECT_EQ(test, check_readable(test), 5);
}

static u64 contiguous(const struct fixture *f)
{
	u64 i = f->b.read_off;

	while (i < SPACE && f->seen[i])
		i++;
	return i - f->b.read_off;
}

static void add_random(struct kunit *test, u64 *state)
{
	struct fixture *f = test->priv;
	u64 off = rnd(state, SPACE);
	u32 len = min_t(u64, 1 + rnd(state, 60), SPACE - off);

	/* frames near the reader are likelier */
	if (rnd(state, 3))
		off = min_t(u64, f->b.read_off + rnd(state, 100), SPACE - len);
	KUNIT_ASSERT_EQ(test, add(test, off, len), 0);
	memset(f->seen + off, 1, len);
	f->high = max(f->high, off + len);
}

static void random_frames(struct kunit *test)
{
	struct fixture *f = test->priv;
	u64 state = 42, n, held;
	u32 i, k;

	for (i = 0; i < 3000 && f->b.read_off < SPACE; i++) {
		add_random(test, &state);
		n = check_readable(test);
		KUNIT_ASSERT_EQ(test, n, contiguous(f));
		for (held = 0, k = f->b.read_off; k < SPACE; k++)
			held += f->seen[k];
		KUNIT_ASSERT_EQ(test, f->b.bytes, held);
		KUNIT_ASSERT_EQ(test, f->b.high, f->high);
		if (n && !rnd(&state, 3))
			quic_recvbuf_consume(&f->b, 1 + rnd(&state, n));
	}
	KUNIT_EXPECT_EQ(test, f->b.read_off, (u64)SPACE);
}

static struct kunit_case recvbuf_cases[] = {
	KUNIT_CASE(in_order),
	KUNIT_CASE(holes),
	KUNIT_CASE(replaces),
	KUNIT_CASE(empty_frames),
	KUNIT_CASE(no_slot),
	KUNIT_CASE(appends),
	KUNIT_CASE(discards),
	KUNIT_CASE(random_frames),
	{}
};

static struct kunit_suite recvbuf_suite = {
	.name = "recvbuf",
	.init = init,
	.exit = leave,
	.test_cases = recvbuf_cases,
};
kunit_test_suite(recvbuf_suite);

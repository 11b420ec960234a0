// SPDX-License-Identifier: GPL-2.0-or-later
/* Tests of chunks and slices: who keeps a chunk alive, slots, the order of slices. */
#include <kunit/test.h>
#include "chunk_test.h"

static struct quic_chunk *new_chunk(struct kunit *test, struct chunk_mem *m)
{
	struct quic_chunk *c = chunk_mem_alloc(m, 1000);

	KUNIT_ASSERT_NOT_NULL(test, c);
	return c;
}

static void lifetime(struct kunit *test)
{
	struct chunk_mem m = { .budget = -1 };
	struct quic_chunk *c = new_chunk(test, &m);
	struct quic_slice *a, *b;

	KUNIT_EXPECT_EQ(test, c->size, 1000);
	KUNIT_EXPECT_PTR_EQ(test, c->priv, &m);
	a = quic_chunk_slice(c, c->base, 10);
	b = quic_chunk_slice(c, c->base + 10, 5);
	KUNIT_EXPECT_PTR_EQ(test, b->data, c->base + 10);
	KUNIT_EXPECT_EQ(test, b->len, 5);
	KUNIT_EXPECT_EQ(test, c->refs, 3);
	quic_chunk_put(c);
	quic_slice_put(a);
	KUNIT_EXPECT_EQ(test, m.live, 1);
	quic_slice_put(b);
	KUNIT_EXPECT_EQ(test, m.live, 0);
}

static void slots(struct kunit *test)
{
	struct chunk_mem m = { .budget = -1, .nslices = 2 };
	struct quic_chunk *c = new_chunk(test, &m);
	struct quic_slice *a = quic_chunk_slice(c, c->base, 1);
	struct quic_slice *b = quic_chunk_slice(c, c->base, 1);

	KUNIT_EXPECT_PTR_NE(test, a, b);
	KUNIT_EXPECT_NULL(test, quic_chunk_slice(c, c->base, 1));
	quic_slice_put(a);
	/* not reused while b lives */
	KUNIT_EXPECT_NULL(test, quic_chunk_slice(c, c->base, 1));
	KUNIT_EXPECT_FALSE(test, quic_chunk_rewind(c));
	quic_slice_put(b);
	c->used = 77;
	KUNIT_EXPECT_TRUE(test, quic_chunk_rewind(c));
	KUNIT_EXPECT_EQ(test, c->used, 0);
	a = quic_chunk_slice(c, c->base, 1);
	KUNIT_ASSERT_NOT_NULL(test, a);
	quic_slice_put(a);
	quic_chunk_put(c);
	KUNIT_EXPECT_EQ(test, m.live, 0);
}

static struct quic_slice *put_at(struct kunit *test, struct quic_slices *t,
				 struct quic_chunk *c, u64 off, u32 len)
{
	struct quic_slice *s = quic_chunk_slice(c, c->base, len);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->off = off;
	quic_slices_insert(t, s);
	return s;
}

static void order(struct kunit *test)
{
	struct chunk_mem m = { .budget = -1 };
	struct quic_chunk *c = new_chunk(test, &m);
	struct quic_slice *a, *b, *d;
	struct quic_slices t;

	quic_slices_init(&t);
	KUNIT_EXPECT_NULL(test, quic_slices_first(&t));
	KUNIT_EXPECT_NULL(test, quic_slices_from(&t, 0));
	b = put_at(test, &t, c, 100, 50);
	d = put_at(test, &t, c, 200, 50);
	a = put_at(test, &t, c, 0, 50);
	KUNIT_EXPECT_PTR_EQ(test, t.last, d);
	KUNIT_EXPECT_PTR_EQ(test, quic_slices_first(&t), a);
	KUNIT_EXPECT_PTR_EQ(test, quic_slice_next(a), b);
	KUNIT_EXPECT_PTR_EQ(test, quic_slice_next(b), d);
	KUNIT_EXPECT_NULL(test, quic_slice_next(d));
	KUNIT_EXPECT_PTR_EQ(test, quic_slices_from(&t, 49), a);
	KUNIT_EXPECT_PTR_EQ(test, quic_slices_from(&t, 50), b);
	KUNIT_EXPECT_PTR_EQ(test, quic_slices_from(&t, 249), d);
	KUNIT_EXPECT_NULL(test, quic_slices_from(&t, 250));
	quic_slices_remove(&t, d);
	KUNIT_EXPECT_PTR_EQ(test, t.last, b);
	quic_slices_remove(&t, a);
	quic_slices_remove(&t, b);
	KUNIT_EXPECT_NULL(test, t.last);
	put_at(test, &t, c, 7, 1);
	put_at(test, &t, c, 5, 1);
	quic_chunk_put(c);
	KUNIT_EXPECT_EQ(test, m.live, 1);
	quic_slices_free(&t);
	KUNIT_EXPECT_EQ(test, m.live, 0);
}

static struct kunit_case chunk_cases[] = {
	KUNIT_CASE(lifetime),
	KUNIT_CASE(slots),
	KUNIT_CASE(order),
	{}
};

static struct kunit_suite chunk_suite = {
	.name = "chunk",
	.test_cases = chunk_cases,
};
kunit_test_suite(chunk_suite);

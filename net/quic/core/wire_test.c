// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of wire.h: variable-length integers and the two cursors.  Property:
 * after the first access past the end nothing is read, written or believed any
 * more, and no byte outside is touched.
 */
#include <kunit/test.h>
#include "vectors_test.h"

/* RFC 9000 §16, appendix A.1 */
static void varint_vectors(struct kunit *test)
{
	const struct vec_varint *v;
	struct quic_cur c;
	struct quic_wr w;
	u8 out[8];

	for (v = vec_varints; v < vec_varints + ARRAY_SIZE(vec_varints); v++) {
		quic_cur_init(&c, v->bytes, v->len);
		KUNIT_EXPECT_EQ(test, quic_cur_varint(&c), v->value);
		KUNIT_EXPECT_FALSE(test, c.bad);
		KUNIT_EXPECT_EQ(test, quic_cur_left(&c), 0);
		KUNIT_EXPECT_EQ(test, quic_varint_len(v->value) == v->len, v->shortest);
		quic_wr_init(&w, out, sizeof(out));
		quic_wr_varint_n(&w, v->value, v->len);
		KUNIT_EXPECT_EQ(test, w.p - out, v->len);
		KUNIT_EXPECT_MEMEQ(test, out, v->bytes, v->len);
	}
}

/* RFC 9000 §16: a cut integer is no integer */
static void varint_cut(struct kunit *test)
{
	const struct vec_varint *v;
	struct quic_cur c;

	for (v = vec_varints_cut; v < vec_varints_cut + ARRAY_SIZE(vec_varints_cut); v++) {
		quic_cur_init(&c, v->bytes, v->len);
		KUNIT_EXPECT_EQ(test, quic_cur_varint(&c), 0);
		KUNIT_EXPECT_TRUE(test, c.bad);
		KUNIT_EXPECT_EQ(test, quic_cur_left(&c), 0);
	}
	quic_cur_init(&c, vec_varints_cut[0].bytes, 0);
	KUNIT_EXPECT_EQ(test, quic_cur_varint(&c), 0);
	KUNIT_EXPECT_TRUE(test, c.bad);
}

/* Both sides of each length's edge, and every length of a value that fits. */
static void varint_lengths(struct kunit *test)
{
	static const u64 edges[] = { 0, 1ULL << 6, 1ULL << 14, 1ULL << 30, 1ULL << 62 };
	struct quic_cur c;
	struct quic_wr w;
	unsigned int i, n;
	u8 out[8];

	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_EQ(test, quic_varint_len(edges[i]), 1 << i);
		KUNIT_EXPECT_EQ(test, quic_varint_len(edges[i + 1] - 1), 1 << i);
		for (n = 1 << i; n <= 8; n *= 2) {
			quic_wr_init(&w, out, sizeof(out));
			quic_wr_varint_n(&w, edges[i + 1] - 1, n);
			quic_cur_init(&c, out, n);
			KUNIT_EXPECT_EQ(test, quic_cur_varint(&c), edges[i + 1] - 1);
			KUNIT_EXPECT_EQ(test, quic_cur_left(&c), 0);
		}
	}
	KUNIT_EXPECT_EQ(test, QUIC_VARINT_MAX, edges[4] - 1);
}

static void cur_reads(struct kunit *test)
{
	static const u8 in[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };
	struct quic_cur c;
	u8 two[2];

	quic_cur_init(&c, in, sizeof(in));
	KUNIT_EXPECT_EQ(test, quic_cur_u8(&c), 1);
	KUNIT_EXPECT_EQ(test, quic_cur_u16(&c), 0x0203);
	KUNIT_EXPECT_EQ(test, quic_cur_u32(&c), 0x04050607);
	KUNIT_EXPECT_EQ(test, quic_cur_be(&c, 3), 0x08090a);
	quic_cur_bytes(&c, two, 2);
	KUNIT_EXPECT_EQ(test, two[0], 11);
	KUNIT_EXPECT_EQ(test, two[1], 12);
	KUNIT_EXPECT_EQ(test, quic_cur_left(&c), 0);
	KUNIT_EXPECT_PTR_EQ(test, quic_cur_take(&c, 0), in + sizeof(in));
	KUNIT_EXPECT_FALSE(test, c.bad);
}

static void cur_sticky(struct kunit *test)
{
	static const u8 in[] = { 1, 2, 3 };
	struct quic_cur c;
	u8 four[4] = { 9, 9, 9, 9 };

	quic_cur_init(&c, in, sizeof(in));
	KUNIT_EXPECT_EQ(test, quic_cur_u32(&c), 0);
	KUNIT_EXPECT_TRUE(test, c.bad);
	KUNIT_EXPECT_EQ(test, quic_cur_left(&c), 0);
	KUNIT_EXPECT_EQ(test, quic_cur_u8(&c), 0);
	KUNIT_EXPECT_NULL(test, quic_cur_take(&c, 0));
	quic_cur_bytes(&c, four, 4);
	KUNIT_EXPECT_EQ(test, four[0] | four[1] | four[2] | four[3], 0);
	/* a length that wraps a pointer */
	quic_cur_init(&c, in, sizeof(in));
	KUNIT_EXPECT_NULL(test, quic_cur_take(&c, QUIC_VARINT_MAX));
	KUNIT_EXPECT_TRUE(test, c.bad);
	quic_cur_init(&c, in, sizeof(in));
	KUNIT_EXPECT_NULL(test, quic_cur_take(&c, U64_MAX));
	KUNIT_EXPECT_TRUE(test, c.bad);
}

static void wr_writes(struct kunit *test)
{
	static const u8 want[] = { 1, 2, 3, 4, 5, 6, 7, 0x40, 0x25, 8, 9 };
	struct quic_wr w;
	u8 out[sizeof(want)];

	quic_wr_init(&w, out, sizeof(out));
	quic_wr_u8(&w, 1);
	quic_wr_u16(&w, 0x0203);
	quic_wr_u32(&w, 0x04050607);
	quic_wr_varint_n(&w, 37, 2);
	quic_wr_bytes(&w, want + 9, 2);
	quic_wr_bytes(&w, NULL, 0);
	KUNIT_EXPECT_FALSE(test, w.bad);
	KUNIT_EXPECT_EQ(test, quic_wr_left(&w), 0);
	KUNIT_EXPECT_MEMEQ(test, out, want, sizeof(want));
}

static void wr_sticky(struct kunit *test)
{
	u8 out[8] = { 0, 0, 0, 7, 7, 7, 7, 7 };
	struct quic_wr w;

	quic_wr_init(&w, out, 3);
	quic_wr_u32(&w, ~0U);
	KUNIT_EXPECT_TRUE(test, w.bad);
	KUNIT_EXPECT_NULL(test, quic_wr_take(&w, 0));
	quic_wr_u8(&w, 5);
	quic_wr_varint(&w, 5);
	quic_wr_bytes(&w, "x", 1);
	KUNIT_EXPECT_PTR_EQ(test, w.p, &out[0]);
	KUNIT_EXPECT_EQ(test, out[0], 0);
	KUNIT_EXPECT_EQ(test, out[3], 7);
}

static void cid_equal(struct kunit *test)
{
	struct quic_cid a = { 4, { 1, 2, 3, 4, 5 } };
	struct quic_cid b = { 4, { 1, 2, 3, 4, 6 } };

	KUNIT_EXPECT_TRUE(test, quic_cid_equal(&a, &b));
	b.len = 5;
	KUNIT_EXPECT_FALSE(test, quic_cid_equal(&a, &b));
	a.len = 5;
	KUNIT_EXPECT_FALSE(test, quic_cid_equal(&a, &b));
	a.len = 0;
	b.len = 0;
	KUNIT_EXPECT_TRUE(test, quic_cid_equal(&a, &b));
}

static struct kunit_case wire_cases[] = {
	KUNIT_CASE(varint_vectors),
	KUNIT_CASE(varint_cut),
	KUNIT_CASE(varint_lengths),
	KUNIT_CASE(cur_reads),
	KUNIT_CASE(cur_sticky),
	KUNIT_CASE(wr_writes),
	KUNIT_CASE(wr_sticky),
	KUNIT_CASE(cid_equal),
	{}
};

static struct kunit_suite wire_suite = {
	.name = "wire",
	.test_cases = wire_cases,
};

kunit_test_suite(wire_suite);

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of pkt.c: the gather holds exactly what was put, in order; nothing
 * that does not fit changes anything; items and the two flags follow.
 */
#include <kunit/test.h>
#include "pkt.h"
#include "hdr.h"

static const struct quic_frame ping = { .type = QUIC_FRAME_PING };
static const u8 outside[] = "outside data";

static int init(struct kunit *test)
{
	struct quic_pkt *p = kunit_kmalloc(test, sizeof(*p), GFP_KERNEL);

	if (!p)
		return -ENOMEM;
	memset(p, 0xa5, sizeof(*p));
	quic_pkt_start(p, QUIC_PKT_1RTT, 1200);
	test->priv = p;
	return 0;
}

/* The pieces as one string of bytes; its length is p->len. */
static u8 *flatten(struct kunit *test, const struct quic_pkt *p)
{
	u8 *flat = kunit_kzalloc(test, p->len + 1, GFP_KERNEL);
	unsigned int i;
	u32 len = 0;

	KUNIT_ASSERT_NOT_NULL(test, flat);
	for (i = 0; i < p->nvec; i++) {
		KUNIT_ASSERT_LE(test, len + p->vec[i].len, p->len);
		memcpy(flat + len, p->vec[i].base, p->vec[i].len);
		len += p->vec[i].len;
	}
	KUNIT_EXPECT_EQ(test, len, p->len);
	return flat;
}

static void start(struct kunit *test)
{
	struct quic_pkt *p = test->priv;

	KUNIT_EXPECT_EQ(test, p->pkt_type, QUIC_PKT_1RTT);
	KUNIT_EXPECT_EQ(test, p->len, 0);
	KUNIT_EXPECT_EQ(test, quic_pkt_left(p), 1200);
	KUNIT_EXPECT_EQ(test, p->nvec, 0);
	KUNIT_EXPECT_EQ(test, p->nitem, 0);
	KUNIT_EXPECT_FALSE(test, p->ack_eliciting);
	KUNIT_EXPECT_FALSE(test, p->in_flight);
	KUNIT_EXPECT_EQ(test, quic_pkt_vecs(p), QUIC_PKT_VECS - 1);
}

/* Bytes put one after the other are one piece; data outside begins another. */
static void gather(struct kunit *test)
{
	struct quic_pkt *p = test->priv;
	struct quic_vec v[2] = { { outside, 7 }, { outside + 7, 5 } };
	u8 *at;

	memcpy(quic_pkt_put(p, 2), "ab", 2);
	at = quic_pkt_put(p, 2);
	memcpy(at, "cd", 2);
	KUNIT_EXPECT_EQ(test, p->nvec, 1);
	KUNIT_EXPECT_TRUE(test, quic_pkt_data(p, v, 2));
	KUNIT_EXPECT_EQ(test, p->nvec, 3);
	KUNIT_EXPECT_PTR_EQ(test, p->vec[1].base, &outside[0]);
	memcpy(quic_pkt_put(p, 1), "e", 1);
	memcpy(quic_pkt_put(p, 1), "f", 1);
	KUNIT_EXPECT_EQ(test, p->nvec, 4);
	KUNIT_EXPECT_EQ(test, p->len, 18);
	KUNIT_EXPECT_EQ(test, p->used, 6);
	KUNIT_EXPECT_EQ(test, quic_pkt_left(p), 1182);
	KUNIT_EXPECT_MEMEQ(test, flatten(test, p), "abcdoutside dataef", 18);
}

static void room(struct kunit *test)
{
	struct quic_pkt *p = test->priv;
	struct quic_vec v = { outside, 12 };

	quic_pkt_start(p, QUIC_PKT_1RTT, 20);
	KUNIT_EXPECT_TRUE(test, quic_pkt_fits(p, 20));
	KUNIT_EXPECT_FALSE(test, quic_pkt_fits(p, 21));
	KUNIT_EXPECT_NULL(test, quic_pkt_put(p, 21));
	KUNIT_EXPECT_EQ(test, p->nvec, 0);
	KUNIT_EXPECT_NOT_NULL(test, quic_pkt_put(p, 9));
	KUNIT_EXPECT_FALSE(test, quic_pkt_data(p, &v, 1));
	KUNIT_EXPECT_EQ(test, p->len, 9);
	KUNIT_EXPECT_EQ(test, p->nvec, 1);
	v.len = 11;
	KUNIT_EXPECT_TRUE(test, quic_pkt_data(p, &v, 1));
	KUNIT_EXPECT_EQ(test, quic_pkt_left(p), 0);
	KUNIT_EXPECT_NULL(test, quic_pkt_put(p, 1));
	KUNIT_EXPECT_FALSE(test, quic_pkt_fits(p, 1));
	KUNIT_EXPECT_FALSE(test, quic_pkt_frame(p, &ping, QUIC_ITEM_PING, 0));
	KUNIT_EXPECT_EQ(test, p->nitem, 0);
}

/* A sum of lengths above 32 bits does not fit by wrapping. */
static void room_wraps(struct kunit *test)
{
	struct quic_pkt *p = test->priv;
	struct quic_vec v[2] = { { outside, 0x80000000 }, { outside, 0x80000001 } };

	KUNIT_EXPECT_FALSE(test, quic_pkt_data(p, v, 2));
	KUNIT_EXPECT_EQ(test, p->len, 0);
	KUNIT_EXPECT_EQ(test, p->nvec, 0);
}

/* The scratch ends before the room of a large packet does. */
static void scratch(struct kunit *test)
{
	struct quic_pkt *p = test->priv;

	quic_pkt_start(p, QUIC_PKT_1RTT, 9000);
	KUNIT_EXPECT_TRUE(test, quic_pkt_fits(p, QUIC_PKT_SCRATCH));
	KUNIT_EXPECT_FALSE(test, quic_pkt_fits(p, QUIC_PKT_SCRATCH + 1));
	KUNIT_EXPECT_NULL(test, quic_pkt_put(p, QUIC_PKT_SCRATCH + 1));
	KUNIT_EXPECT_NOT_NULL(test, quic_pkt_put(p, QUIC_PKT_SCRATCH));
	KUNIT_EXPECT_NULL(test, quic_pkt_put(p, 1));
	KUNIT_EXPECT_FALSE(test, quic_pkt_fits(p, 1));
	KUNIT_EXPECT_EQ(test, p->len, QUIC_PKT_SCRATCH);
}

/* What fits leaves a piece for data; with the last piece gone nothing fits. */
static void pieces(struct kunit *test)
{
	struct quic_pkt *p = test->priv;
	struct quic_vec v[QUIC_PKT_VECS + 1];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(v); i++)
		v[i] = (struct quic_vec){ outside, 1 };
	KUNIT_EXPECT_FALSE(test, quic_pkt_data(p, v, QUIC_PKT_VECS + 1));
	KUNIT_EXPECT_TRUE(test, quic_pkt_data(p, v, QUIC_PKT_VECS - 2));
	KUNIT_EXPECT_TRUE(test, quic_pkt_fits(p, 1));
	KUNIT_EXPECT_EQ(test, quic_pkt_vecs(p), 1);
	KUNIT_EXPECT_NOT_NULL(test, quic_pkt_put(p, 1));
	KUNIT_EXPECT_EQ(test, quic_pkt_vecs(p), 0);
	KUNIT_EXPECT_FALSE(test, quic_pkt_fits(p, 1));
	KUNIT_EXPECT_FALSE(test, quic_pkt_data(p, v, 2));
	KUNIT_EXPECT_TRUE(test, quic_pkt_data(p, v, 1));
	KUNIT_EXPECT_EQ(test, p->nvec, QUIC_PKT_VECS);
	KUNIT_EXPECT_EQ(test, quic_pkt_vecs(p), 0);
	KUNIT_EXPECT_NULL(test, quic_pkt_put(p, 1));
	KUNIT_EXPECT_FALSE(test, quic_pkt_data(p, v, 1));
	KUNIT_EXPECT_EQ(test, p->len, QUIC_PKT_VECS);
}

/* RFC 9002 §2: all but ACK elicits an ACK and is in flight */
static void items(struct kunit *test)
{
	struct quic_pkt *p = test->priv;
	unsigned int i;

	quic_pkt_item(p, QUIC_ITEM_ACK, 0, 77, 0, false);
	KUNIT_EXPECT_FALSE(test, p->ack_eliciting);
	KUNIT_EXPECT_FALSE(test, p->in_flight);
	KUNIT_EXPECT_EQ(test, p->item[0].off, 77);
	quic_pkt_item(p, QUIC_ITEM_STREAM, 4, 1ULL << 40, 1000, true);
	KUNIT_EXPECT_TRUE(test, p->ack_eliciting);
	KUNIT_EXPECT_TRUE(test, p->in_flight);
	KUNIT_EXPECT_EQ(test, p->nitem, 2);
	KUNIT_EXPECT_EQ(test, p->item[1].type, QUIC_ITEM_STREAM);
	KUNIT_EXPECT_EQ(test, p->item[1].id, 4);
	KUNIT_EXPECT_EQ(test, p->item[1].off, 1ULL << 40);
	KUNIT_EXPECT_EQ(test, p->item[1].len, 1000);
	KUNIT_EXPECT_EQ(test, p->item[1].fin, 1);
	for (i = 2; i < QUIC_PKT_ITEMS; i++) {
		KUNIT_EXPECT_TRUE(test, quic_pkt_fits(p, 1));
		quic_pkt_item(p, QUIC_ITEM_PING, 0, 0, 0, false);
	}
	KUNIT_EXPECT_FALSE(test, quic_pkt_fits(p, 1));
	KUNIT_EXPECT_FALSE(test, quic_pkt_frame(p, &ping, QUIC_ITEM_PING, 0));
	KUNIT_EXPECT_EQ(test, p->len, 0);
}

static void frames(struct kunit *test)
{
	static const struct quic_frame max = {
		.type = QUIC_FRAME_MAX_STREAM_DATA, .max_stream_data = { 4, 1 << 20 }
	};
	struct quic_pkt *p = test->priv;
	struct quic_frame f;
	struct quic_cur c;

	KUNIT_EXPECT_TRUE(test, quic_pkt_frame(p, &max, QUIC_ITEM_MAX_STREAM_DATA, 4));
	KUNIT_EXPECT_TRUE(test, quic_pkt_frame(p, &ping, QUIC_ITEM_PING, 0));
	KUNIT_EXPECT_EQ(test, p->nitem, 2);
	KUNIT_EXPECT_EQ(test, p->item[0].type, QUIC_ITEM_MAX_STREAM_DATA);
	KUNIT_EXPECT_EQ(test, p->item[0].id, 4);
	KUNIT_EXPECT_EQ(test, p->item[0].off, 0);
	KUNIT_EXPECT_EQ(test, p->item[0].len, 0);
	KUNIT_EXPECT_EQ(test, p->item[0].fin, 0);
	KUNIT_EXPECT_EQ(test, p->len, quic_frame_len(&max) + 1);
	quic_cur_init(&c, flatten(test, p), p->len);
	KUNIT_EXPECT_EQ(test, quic_frame_parse(&c, &f), 0);
	KUNIT_EXPECT_EQ(test, f.type, QUIC_FRAME_MAX_STREAM_DATA);
	KUNIT_EXPECT_EQ(test, f.max_stream_data.max, 1 << 20);
	KUNIT_EXPECT_EQ(test, quic_frame_parse(&c, &f), 0);
	KUNIT_EXPECT_EQ(test, f.type, QUIC_FRAME_PING);
	KUNIT_EXPECT_EQ(test, quic_cur_left(&c), 0);
}

/* @p is one byte 0x01, then zeros, @len in all. */
static void expect_padded(struct kunit *test, const struct quic_pkt *p, u32 len)
{
	u8 *flat = flatten(test, p);

	KUNIT_EXPECT_EQ(test, p->len, len);
	KUNIT_EXPECT_EQ(test, flat[0], QUIC_FRAME_PING);
	KUNIT_EXPECT_NULL(test, memchr_inv(flat + 1, 0, p->len - 1));
}

/* RFC 9002 §2: PADDING is in flight and elicits nothing */
static void padding(struct kunit *test)
{
	struct quic_pkt *p = test->priv;

	*quic_pkt_put(p, 1) = QUIC_FRAME_PING;
	quic_pkt_pad(p, 0);
	quic_pkt_pad(p, 1);
	KUNIT_EXPECT_EQ(test, p->len, 1);
	KUNIT_EXPECT_FALSE(test, p->in_flight);
	quic_pkt_pad(p, 2);
	expect_padded(test, p, 2);
	KUNIT_EXPECT_TRUE(test, p->in_flight);
	KUNIT_EXPECT_FALSE(test, p->ack_eliciting);
	quic_pkt_pad(p, 1199);
	expect_padded(test, p, 1199);
	quic_pkt_pad(p, 5000);		/* no more than fits */
	expect_padded(test, p, 1200);
	KUNIT_EXPECT_EQ(test, p->nvec, 1);
}

/* A probe of a large MTU: more zeros than the scratch has, shared ones. */
static void padding_large(struct kunit *test)
{
	struct quic_pkt *p = test->priv;

	quic_pkt_start(p, QUIC_PKT_1RTT, 20000);
	*quic_pkt_put(p, 1) = QUIC_FRAME_PING;
	quic_pkt_pad(p, 8952);
	expect_padded(test, p, 8952);
	KUNIT_EXPECT_LE(test, p->nvec, QUIC_PKT_VECS);
	/* after data of others, and with no scratch left at all */
	quic_pkt_start(p, QUIC_PKT_1RTT, 9000);
	KUNIT_EXPECT_NOT_NULL(test, quic_pkt_put(p, QUIC_PKT_SCRATCH));
	quic_pkt_pad(p, 9000);
	KUNIT_EXPECT_EQ(test, p->len, QUIC_PKT_SCRATCH);
	KUNIT_EXPECT_EQ(test, p->nvec, 1);
}

static struct kunit_case pkt_cases[] = {
	KUNIT_CASE(start),
	KUNIT_CASE(gather),
	KUNIT_CASE(room),
	KUNIT_CASE(room_wraps),
	KUNIT_CASE(scratch),
	KUNIT_CASE(pieces),
	KUNIT_CASE(items),
	KUNIT_CASE(frames),
	KUNIT_CASE(padding),
	KUNIT_CASE(padding_large),
	{}
};

static struct kunit_suite pkt_suite = {
	.name = "pkt",
	.init = init,
	.test_cases = pkt_cases,
};

kunit_test_suite(pkt_suite);

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of frame.c: each frame from bytes and back to the same bytes, every
 * cut of each, every value that the RFCs forbid, and the tables.
 */
#include <kunit/test.h>
#include "frame.h"
#include "hdr.h"
#include "vectors_test.h"

#define MALFORMED	QUIC_TRANSPORT_ERROR_FRAME_ENCODING
#define VIOLATION	QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION

static const u64 all_types[] = {
	0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e,
	0x0f, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d,
	0x1e, 0x30, 0x31,
};

static int parse(const u8 *p, u32 len, struct quic_frame *f)
{
	struct quic_cur c;

	quic_cur_init(&c, p, len);
	return quic_frame_parse(&c, f);
}

/* A frame of each kind that quic_frame_put() writes, with lengths of 1, 2, 4 and 8. */
static const struct quic_frame small[] = {
	{ .type = QUIC_FRAME_PING },
	{ .type = QUIC_FRAME_RESET_STREAM, .reset = { 4, 16384, QUIC_VARINT_MAX } },
	{ .type = QUIC_FRAME_STOP_SENDING, .stop = { 1ULL << 40, 77 } },
	{ .type = QUIC_FRAME_MAX_DATA, .max_data = { 1 << 20 } },
	{ .type = QUIC_FRAME_MAX_STREAM_DATA, .max_stream_data = { 5, QUIC_VARINT_MAX } },
	{ .type = QUIC_FRAME_MAX_STREAMS_BIDI, .max_streams = { 100, false } },
	{ .type = QUIC_FRAME_MAX_STREAMS_UNI, .max_streams = { QUIC_STREAMS_MAX, true } },
	{ .type = QUIC_FRAME_DATA_BLOCKED, .max_data = { 63 } },
	{ .type = QUIC_FRAME_STREAM_DATA_BLOCKED, .max_stream_data = { 64, 0 } },
	{ .type = QUIC_FRAME_STREAMS_BLOCKED_BIDI, .max_streams = { QUIC_STREAMS_MAX, false } },
	{ .type = QUIC_FRAME_STREAMS_BLOCKED_UNI, .max_streams = { 0, true } },
	{ .type = QUIC_FRAME_NEW_CONNECTION_ID, .new_cid = {
		9, 9, { 20, { 1, 2, 3, [19] = 20 } }, { 0xaa, [15] = 0xbb } } },
	{ .type = QUIC_FRAME_NEW_CONNECTION_ID, .new_cid = { 1, 0, { 1, { 7 } }, { 1 } } },
	{ .type = QUIC_FRAME_RETIRE_CONNECTION_ID, .retire_cid = { 1 << 14 } },
	{ .type = QUIC_FRAME_PATH_CHALLENGE, .path = { { 1, 2, 3, 4, 5, 6, 7, 8 } } },
	{ .type = QUIC_FRAME_PATH_RESPONSE, .path = { { 8, 7, 6, 5, 4, 3, 2, 1 } } },
	{ .type = QUIC_FRAME_CONNECTION_CLOSE, .close = { 0x128, 6, 0, NULL } },
	{ .type = QUIC_FRAME_CONNECTION_CLOSE, .close = { 10, 0x4001, 3, (const u8 *)"why" } },
	{ .type = QUIC_FRAME_CONNECTION_CLOSE_APP, .close = { 1 << 30, 0, 3, (const u8 *)"why" } },
	{ .type = QUIC_FRAME_NEW_TOKEN, .token = { 5, (const u8 *)"token" } },
	{ .type = QUIC_FRAME_HANDSHAKE_DONE },
};

/* Written, read, and written again: the same bytes, of the length foretold. */
static void round_trip(struct kunit *test)
{
	struct quic_frame f;
	struct quic_cur c;
	struct quic_wr w;
	u8 a[64], b[64];
	unsigned int i, len;

	for (i = 0; i < ARRAY_SIZE(small); i++) {
		len = quic_frame_len(&small[i]);
		KUNIT_ASSERT_LE(test, len, QUIC_FRAME_SMALL_MAX);
		quic_wr_init(&w, a, len);
		quic_frame_put(&w, &small[i]);
		KUNIT_EXPECT_FALSE(test, w.bad);
		KUNIT_EXPECT_EQ(test, quic_wr_left(&w), 0);
		memset(&f, 0xa5, sizeof(f));
		quic_cur_init(&c, a, len);
		KUNIT_EXPECT_EQ(test, quic_frame_parse(&c, &f), 0);
		KUNIT_EXPECT_EQ(test, quic_cur_left(&c), 0);
		KUNIT_EXPECT_EQ(test, f.type, small[i].type);
		quic_wr_init(&w, b, sizeof(b));
		quic_frame_put(&w, &f);
		KUNIT_EXPECT_EQ(test, w.p - b, len);
		KUNIT_EXPECT_MEMEQ(test, a, b, len);
	}
}

/* RFC 9000 §12.4: frames are complete; a cut one is malformed at every byte */
static void cut(struct kunit *test)
{
	struct quic_frame f;
	struct quic_wr w;
	unsigned int i, n, len;
	u8 a[64], *exact;

	for (i = 0; i < ARRAY_SIZE(small); i++) {
		len = quic_frame_len(&small[i]);
		quic_wr_init(&w, a, len);
		quic_frame_put(&w, &small[i]);
		for (n = 0; n < len; n++) {
			exact = kunit_kzalloc(test, n + !n, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, exact);
			memcpy(exact, a, n);
			KUNIT_EXPECT_EQ(test, parse(exact, n, &f), MALFORMED);
			kunit_kfree(test, exact);
			quic_wr_init(&w, a, n);
			quic_frame_put(&w, &small[i]);
			KUNIT_EXPECT_TRUE(test, w.bad);
		}
	}
}

/* @f, just parsed from @p, is written as the same bytes. */
static void expect_put(struct kunit *test, const struct quic_frame *f, const u8 *p, u32 len)
{
	struct quic_wr w;
	u8 out[64];

	quic_wr_init(&w, out, sizeof(out));
	memset(out, 0xff, sizeof(out));
	quic_frame_put(&w, f);
	KUNIT_EXPECT_EQ(test, w.p - out, len);
	KUNIT_EXPECT_MEMEQ(test, out, p, len);
}

/* Where each value goes. */
static void fields(struct kunit *test)
{
	static const u8 reset[] = { 0x04, 0x01, 0x40, 0x42, 0x80, 1, 0, 3 };
	static const u8 stop[] = { 0x05, 0x01, 0x02 };
	static const u8 max_data[] = { 0x10, 0x05 };
	static const u8 max_sd[] = { 0x11, 0x05, 0x06 };
	static const u8 uni[] = { 0x13, 0x07 };
	static const u8 cid[] = { 0x18, 3, 2, 1, 0xcc, [5 ... 20] = 0xdd };
	static const u8 close[] = { 0x1c, 0x41, 0x28, 0x06, 0x02, 'h', 'i' };
	static const u8 app[] = { 0x1d, 0x09, 0x02, 'h', 'i' };
	struct quic_frame f;

	KUNIT_EXPECT_EQ(test, parse(reset, sizeof(reset), &f), 0);
	KUNIT_EXPECT_EQ(test, f.reset.id, 1);
	KUNIT_EXPECT_EQ(test, f.reset.code, 0x42);
	KUNIT_EXPECT_EQ(test, f.reset.final_size, 0x10003);
	expect_put(test, &f, reset, sizeof(reset));
	KUNIT_EXPECT_EQ(test, parse(stop, sizeof(stop), &f), 0);
	KUNIT_EXPECT_EQ(test, f.stop.id, 1);
	KUNIT_EXPECT_EQ(test, f.stop.code, 2);
	expect_put(test, &f, stop, sizeof(stop));
	KUNIT_EXPECT_EQ(test, parse(max_data, sizeof(max_data), &f), 0);
	KUNIT_EXPECT_EQ(test, f.max_data.max, 5);
	expect_put(test, &f, max_data, sizeof(max_data));
	KUNIT_EXPECT_EQ(test, parse(max_sd, sizeof(max_sd), &f), 0);
	KUNIT_EXPECT_EQ(test, f.max_stream_data.id, 5);
	KUNIT_EXPECT_EQ(test, f.max_stream_data.max, 6);
	expect_put(test, &f, max_sd, sizeof(max_sd));
	KUNIT_EXPECT_EQ(test, parse(uni, sizeof(uni), &f), 0);
	KUNIT_EXPECT_EQ(test, f.max_streams.max, 7);
	KUNIT_EXPECT_TRUE(test, f.max_streams.uni);
	expect_put(test, &f, uni, sizeof(uni));
	KUNIT_EXPECT_EQ(test, parse(cid, sizeof(cid), &f), 0);
	KUNIT_EXPECT_EQ(test, f.new_cid.seq, 3);
	KUNIT_EXPECT_EQ(test, f.new_cid.prior_to, 2);
	KUNIT_EXPECT_EQ(test, f.new_cid.cid.len, 1);
	KUNIT_EXPECT_EQ(test, f.new_cid.cid.id[0], 0xcc);
	KUNIT_EXPECT_MEMEQ(test, f.new_cid.token, cid + 5, 16);
	expect_put(test, &f, cid, sizeof(cid));
	KUNIT_EXPECT_EQ(test, parse(close, sizeof(close), &f), 0);
	KUNIT_EXPECT_EQ(test, f.close.code, 0x128);
	KUNIT_EXPECT_EQ(test, f.close.frame_type, 6);
	KUNIT_EXPECT_EQ(test, f.close.len, 2);
	KUNIT_EXPECT_PTR_EQ(test, f.close.phrase, close + 5);
	expect_put(test, &f, close, sizeof(close));
	KUNIT_EXPECT_EQ(test, parse(app, sizeof(app), &f), 0);
	KUNIT_EXPECT_EQ(test, f.close.code, 9);
	KUNIT_EXPECT_EQ(test, f.close.frame_type, 0);
	KUNIT_EXPECT_EQ(test, f.close.len, 2);
	expect_put(test, &f, app, sizeof(app));
}

/* RFC 9000 §19.1; a run is one frame, and ends where it ends */
static void padding(struct kunit *test)
{
	static const u8 in[] = { 0, 0, 0, 1, 0 };
	struct quic_frame f;
	struct quic_cur c;

	quic_cur_init(&c, in, sizeof(in));
	KUNIT_EXPECT_EQ(test, quic_frame_parse(&c, &f), 0);
	KUNIT_EXPECT_EQ(test, f.type, QUIC_FRAME_PADDING);
	KUNIT_EXPECT_EQ(test, f.padding, 3);
	KUNIT_EXPECT_EQ(test, quic_frame_parse(&c, &f), 0);
	KUNIT_EXPECT_EQ(test, f.type, QUIC_FRAME_PING);
	KUNIT_EXPECT_EQ(test, quic_frame_parse(&c, &f), 0);
	KUNIT_EXPECT_EQ(test, f.padding, 1);
	KUNIT_EXPECT_EQ(test, quic_cur_left(&c), 0);
	KUNIT_EXPECT_EQ(test, quic_frame_parse(&c, &f), MALFORMED);
}

/* RFC 9000 §12.4: unknown types, and known ones written too long */
static void types(struct kunit *test)
{
	u8 in[64] = {};
	struct quic_frame f;
	struct quic_wr w;
	unsigned int i;
	u64 type;

	for (type = 0; type < 0x40; type++) {
		bool known = false;

		for (i = 0; i < ARRAY_SIZE(all_types); i++)
			known |= all_types[i] == type;
		in[0] = type;
		memset(in + 1, 0, sizeof(in) - 1);
		/* what is invalid when all zero: an empty token, an ID of length 0 */
		in[1] = type == QUIC_FRAME_NEW_TOKEN;
		in[3] = type == QUIC_FRAME_NEW_CONNECTION_ID;
		KUNIT_EXPECT_EQ_MSG(test, parse(in, sizeof(in), &f), known ? 0 : MALFORMED,
				    "type %llu", type);
	}
	for (i = 0; i < ARRAY_SIZE(all_types); i++) {
		quic_wr_init(&w, in, sizeof(in));
		quic_wr_varint_n(&w, all_types[i], 2);
		KUNIT_EXPECT_EQ(test, parse(in, sizeof(in), &f), VIOLATION);
		quic_wr_init(&w, in, sizeof(in));
		quic_wr_varint_n(&w, all_types[i], 8);
		KUNIT_EXPECT_EQ(test, parse(in, sizeof(in), &f), VIOLATION);
	}
	quic_wr_init(&w, in, sizeof(in));
	quic_wr_varint(&w, 0x4001);
	KUNIT_EXPECT_EQ(test, parse(in, sizeof(in), &f), MALFORMED);
	quic_wr_init(&w, in, sizeof(in));
	quic_wr_varint(&w, QUIC_VARINT_MAX);
	KUNIT_EXPECT_EQ(test, parse(in, sizeof(in), &f), MALFORMED);
	in[0] = 0x40;
	KUNIT_EXPECT_EQ(test, parse(in, 1, &f), MALFORMED);
	KUNIT_EXPECT_EQ(test, parse(in, 0, &f), MALFORMED);
}

/* RFC 9000 §19.8: all eight types */
static void stream_bits(struct kunit *test)
{
	u8 in[8];
	struct quic_frame f;
	struct quic_cur c;
	struct quic_wr w;
	u64 type;

	for (type = 0x08; type <= 0x0f; type++) {
		quic_wr_init(&w, in, sizeof(in));
		quic_wr_u8(&w, type);
		quic_wr_u8(&w, 0x05);
		if (type & QUIC_STREAM_BIT_OFF)
			quic_wr_u8(&w, 0x07);
		if (type & QUIC_STREAM_BIT_LEN)
			quic_wr_u8(&w, 2);
		quic_wr_bytes(&w, "abc", 3);
		quic_cur_init(&c, in, w.p - in);
		KUNIT_EXPECT_EQ(test, quic_frame_parse(&c, &f), 0);
		KUNIT_EXPECT_EQ(test, f.type, type);
		KUNIT_EXPECT_EQ(test, f.stream.id, 5);
		KUNIT_EXPECT_EQ(test, f.stream.off, type & QUIC_STREAM_BIT_OFF ? 7 : 0);
		KUNIT_EXPECT_EQ(test, f.stream.fin, !!(type & QUIC_STREAM_BIT_FIN));
		KUNIT_EXPECT_EQ(test, f.stream.len, type & QUIC_STREAM_BIT_LEN ? 2 : 3);
		KUNIT_EXPECT_PTR_EQ(test, f.stream.data, w.p - 3);
		KUNIT_EXPECT_EQ(test, quic_cur_left(&c), 3 - f.stream.len);
	}
}

/* Length longer than the packet, up to what a varint holds. */
static void data_too_long(struct kunit *test)
{
	static const u8 kinds[] = { 0x06, 0x07, 0x0a, 0x0e, 0x1c, 0x1d, 0x31 };
	static const u8 integers[] = { 1, 0, 1, 2, 2, 1, 0 };	/* before the length */
	static const u64 lens[] = { 4, 1ULL << 32, (1ULL << 32) + 3, QUIC_VARINT_MAX };
	struct quic_frame f;
	struct quic_wr w;
	unsigned int i, j, n;
	u8 in[32];

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (j = 0; j < ARRAY_SIZE(lens); j++) {
			quic_wr_init(&w, in, sizeof(in));
			quic_wr_u8(&w, kinds[i]);
			n = integers[i];
			while (n--)
				quic_wr_u8(&w, 0);
			quic_wr_varint(&w, lens[j]);
			quic_wr_bytes(&w, "abc", 3);
			KUNIT_EXPECT_EQ(test, parse(in, w.p - in, &f), MALFORMED);
		}
	}
}

/* RFC 9000 §19.6, §19.8: MUST NOT reach beyond 2^62-1 */
static void end_offset(struct kunit *test)
{
	static const u8 kinds[] = { 0x06, 0x0e, 0x0c };
	struct quic_frame f;
	struct quic_wr w;
	unsigned int i, len;
	u8 in[32];

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (len = 0; len <= 3; len++) {
			quic_wr_init(&w, in, sizeof(in));
			quic_wr_u8(&w, kinds[i]);
			if (kinds[i] != 0x06)
				quic_wr_u8(&w, 0);
			quic_wr_varint(&w, QUIC_VARINT_MAX - 2);
			if (kinds[i] != 0x0c)
				quic_wr_u8(&w, len);
			quic_wr_bytes(&w, "abc", len);
			KUNIT_EXPECT_EQ(test, parse(in, w.p - in, &f), len <= 2 ? 0 : MALFORMED);
		}
	}
}

/* RFC 9000 §19.7 */
static void empty_token(struct kunit *test)
{
	static const u8 in[] = { 0x07, 0x00, 0x00 };
	struct quic_frame f;

	KUNIT_EXPECT_EQ(test, parse(in, sizeof(in), &f), MALFORMED);
}

/* RFC 9000 §19.11, §19.14: at most 2^60 */
static void stream_counts(struct kunit *test)
{
	static const u8 kinds[] = { 0x12, 0x13, 0x16, 0x17 };
	struct quic_frame f;
	struct quic_wr w;
	unsigned int i;
	u8 in[16];

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		in[0] = kinds[i];
		quic_wr_init(&w, in + 1, 8);
		quic_wr_varint(&w, 1ULL << 60);
		KUNIT_EXPECT_EQ(test, parse(in, 9, &f), 0);
		KUNIT_EXPECT_EQ(test, f.max_streams.max, 1ULL << 60);
		KUNIT_EXPECT_EQ(test, f.max_streams.uni, kinds[i] & 1);
		quic_wr_init(&w, in + 1, 8);
		quic_wr_varint(&w, (1ULL << 60) + 1);
		KUNIT_EXPECT_EQ(test, parse(in, 9, &f), MALFORMED);
	}
}

/* RFC 9000 §19.15: lengths of 1 to 20; Retire Prior To at most Sequence Number */
static void new_cid_limits(struct kunit *test)
{
	struct quic_frame f;
	unsigned int len;
	u8 in[64] = { 0x18, 5, 5 };

	for (len = 0; len < 256; len++) {
		in[3] = len;
		KUNIT_EXPECT_EQ(test, parse(in, sizeof(in), &f),
				len >= 1 && len <= 20 ? 0 : MALFORMED);
	}
	in[3] = 8;
	in[2] = 6;
	KUNIT_EXPECT_EQ(test, parse(in, sizeof(in), &f), MALFORMED);
}

/* RFC 9000 §19.3: ranges, and a walk over them */
static void ack_ranges(struct kunit *test)
{
	/* 100..95, 92, 50..0 */
	static const u8 in[] = { 0x02, 0x40, 100, 7, 2, 5, 1, 0, 40, 50, 0x01 };
	static const u64 want[3][2] = { { 95, 100 }, { 92, 92 }, { 0, 50 } };
	struct quic_ack_iter it;
	struct quic_frame f;
	struct quic_cur c;
	unsigned int n;

	quic_cur_init(&c, in, sizeof(in));
	KUNIT_ASSERT_EQ(test, quic_frame_parse(&c, &f), 0);
	KUNIT_EXPECT_EQ(test, quic_cur_left(&c), 1);
	KUNIT_EXPECT_EQ(test, f.ack.largest, 100);
	KUNIT_EXPECT_EQ(test, f.ack.delay, 7);
	KUNIT_EXPECT_EQ(test, f.ack.nranges, 2);
	KUNIT_EXPECT_EQ(test, f.ack.ranges_len, 4);
	KUNIT_EXPECT_FALSE(test, f.ack.ecn);
	KUNIT_EXPECT_EQ(test, f.ack.ect0 | f.ack.ect1 | f.ack.ce, 0);
	quic_ack_iter_init(&it, &f.ack);
	for (n = 0; quic_ack_iter_next(&it, &f.ack); n++) {
		KUNIT_ASSERT_LT(test, n, 3);
		KUNIT_EXPECT_EQ(test, it.lo, want[n][0]);
		KUNIT_EXPECT_EQ(test, it.hi, want[n][1]);
	}
	KUNIT_EXPECT_EQ(test, n, 3);
	KUNIT_EXPECT_FALSE(test, quic_ack_iter_next(&it, &f.ack));
	for (n = 0; n < sizeof(in) - 1; n++)
		KUNIT_EXPECT_EQ(test, parse(in, n, &f), MALFORMED);
}

/* RFC 9000 §19.3.1: a packet number below zero is FRAME_ENCODING_ERROR */
static void ack_negative(struct kunit *test)
{
	static const struct {
		u8 in[9];
		bool ok;
	} cases[] = {
		{ { 0x02, 5, 0, 0, 5 }, true },		/* 5..0 */
		{ { 0x02, 5, 0, 0, 6 }, false },
		{ { 0x02, 5, 0, 1, 0, 3, 0 }, true },	/* 5, 0 */
		{ { 0x02, 5, 0, 1, 0, 4, 0 }, false },	/* 5, -1 */
		{ { 0x02, 5, 0, 1, 0, 3, 1 }, false },	/* 5, 0..-1 */
		{ { 0x02, 5, 0, 1, 4, 0, 0 }, false },	/* 5..1, -1 */
		{ { 0x02, 5, 0, 1, 3, 0, 0 }, true },	/* 5..2, 0 */
		{ { 0x02, 5, 0, 1, 5, 0, 0 }, false },	/* 5..0, -2 */
		{ { 0x02, 9, 0, 2, 0, 1, 2, 2, 0 }, true },	/* 9, 6..4, 0 */
		{ { 0x02, 9, 0, 2, 0, 1, 2, 3, 0 }, false },	/* 9, 6..4, -1 */
		{ { 0x02, 9, 0, 2, 0, 1, 2, 2, 1 }, false },	/* 9, 6..4, 0..-1 */
	};
	static const u8 huge[] = { 0x02, 5, 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
				   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct quic_frame f;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		KUNIT_EXPECT_EQ_MSG(test, !parse(cases[i].in, 9, &f), cases[i].ok, "case %u", i);
	KUNIT_EXPECT_EQ(test, parse(huge, sizeof(huge), &f), MALFORMED);
}

/* A count of ranges far above what the packet holds ends with the packet. */
static void ack_count(struct kunit *test)
{
	static const u8 in[] = { 0x02, 0xbf, 0xff, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0xff, 0xff,
				 0xff, 0xff, 0xff, 0, 0, 0, 0, 0 };
	struct quic_frame f;

	KUNIT_EXPECT_EQ(test, parse(in, sizeof(in), &f), MALFORMED);
}

/* RFC 9000 §19.3.2 */
static void ack_ecn(struct kunit *test)
{
	static const u8 in[] = { 0x03, 9, 0, 1, 0, 2, 1, 0x40, 70, 0, 3 };
	struct quic_frame f;
	unsigned int n;

	KUNIT_ASSERT_EQ(test, parse(in, sizeof(in), &f), 0);
	KUNIT_EXPECT_TRUE(test, f.ack.ecn);
	KUNIT_EXPECT_EQ(test, f.ack.ranges_len, 2);
	KUNIT_EXPECT_EQ(test, f.ack.ect0, 70);
	KUNIT_EXPECT_EQ(test, f.ack.ect1, 0);
	KUNIT_EXPECT_EQ(test, f.ack.ce, 3);
	for (n = 0; n < sizeof(in); n++)
		KUNIT_EXPECT_EQ(test, parse(in, n, &f), MALFORMED);
}

/* RFC 9221 §4: with and without a length; empty ones are allowed */
static void datagrams(struct kunit *test)
{
	static const u8 in[] = { 0x31, 0, 0x31, 2, 'a', 'b', 0x30, 'c', 'd', 'e' };
	struct quic_frame f;
	struct quic_cur c;

	quic_cur_init(&c, in, sizeof(in));
	KUNIT_EXPECT_EQ(test, quic_frame_parse(&c, &f), 0);
	KUNIT_EXPECT_EQ(test, f.datagram.len, 0);
	KUNIT_EXPECT_EQ(test, quic_frame_parse(&c, &f), 0);
	KUNIT_EXPECT_EQ(test, f.datagram.len, 2);
	KUNIT_EXPECT_PTR_EQ(test, f.datagram.data, in + 4);
	KUNIT_EXPECT_EQ(test, quic_frame_parse(&c, &f), 0);
	KUNIT_EXPECT_EQ(test, f.datagram.len, 3);
	KUNIT_EXPECT_EQ(test, quic_cur_left(&c), 0);
	KUNIT_EXPECT_EQ(test, parse(in + 6, 1, &f), 0);
	KUNIT_EXPECT_EQ(test, f.datagram.len, 0);
}

/* Headers of data frames: the length foretold, and what the parser makes of them. */
static void data_headers(struct kunit *test)
{
	static const u64 offs[] = { 0, 1, 16384, 1ULL << 40 };
	struct quic_frame f;
	struct quic_wr w;
	unsigned int i, bits, len;
	u8 out[64];

	for (i = 0; i < ARRAY_SIZE(offs); i++) {
		for (bits = 0; bits < 4; bits++) {
			quic_wr_init(&w, out, sizeof(out));
			quic_frame_put_stream_hdr(&w, 0x44, offs[i], 3, bits & 1, bits & 2);
			len = quic_frame_stream_hdr_len(0x44, offs[i], 3, bits & 1);
			KUNIT_EXPECT_EQ(test, w.p - out, len);
			KUNIT_EXPECT_EQ(test, parse(out, len + 3, &f), 0);
			KUNIT_EXPECT_EQ(test, f.stream.id, 0x44);
			KUNIT_EXPECT_EQ(test, f.stream.off, offs[i]);
			KUNIT_EXPECT_EQ(test, f.stream.len, 3);
			KUNIT_EXPECT_EQ(test, f.stream.fin, !!(bits & 2));
		}
		quic_wr_init(&w, out, sizeof(out));
		quic_frame_put_crypto_hdr(&w, offs[i], 3);
		len = quic_frame_crypto_hdr_len(offs[i], 3);
		KUNIT_EXPECT_EQ(test, w.p - out, len);
		KUNIT_EXPECT_EQ(test, parse(out, len + 3, &f), 0);
		KUNIT_EXPECT_EQ(test, f.type, QUIC_FRAME_CRYPTO);
		KUNIT_EXPECT_EQ(test, f.crypto.off, offs[i]);
		KUNIT_EXPECT_EQ(test, f.crypto.len, 3);
	}
	quic_wr_init(&w, out, sizeof(out));
	quic_frame_put_datagram_hdr(&w, 3);
	KUNIT_EXPECT_EQ(test, w.p - out, quic_frame_datagram_hdr_len(3));
	KUNIT_EXPECT_EQ(test, parse(out, 5, &f), 0);
	KUNIT_EXPECT_EQ(test, f.datagram.len, 3);
	KUNIT_EXPECT_EQ(test, quic_frame_datagram_hdr_len(16384), 5);
}

/* RFC 9000 §12.4 table 3, §12.5; RFC 9221 §5 */
static void allowed_table(struct kunit *test)
{
	/* in the order of all_types */
	static const char *const pkts[] = {
		"IH01", "IH01", "IH1", "IH1", "01", "01", "IH1", "1", "01", "01", "01", "01", "01",
		"01", "01", "01", "01", "01", "01", "01", "01", "01", "01", "01", "01", "1", "01",
		"1", "IH01", "01", "1", "01", "01",
	};
	unsigned int i;

	BUILD_BUG_ON(ARRAY_SIZE(pkts) != ARRAY_SIZE(all_types));
	for (i = 0; i < ARRAY_SIZE(all_types); i++) {
		KUNIT_EXPECT_EQ(test, quic_frame_allowed(all_types[i], QUIC_PKT_INITIAL),
				!!strchr(pkts[i], 'I'));
		KUNIT_EXPECT_EQ(test, quic_frame_allowed(all_types[i], QUIC_PKT_HANDSHAKE),
				!!strchr(pkts[i], 'H'));
		KUNIT_EXPECT_EQ(test, quic_frame_allowed(all_types[i], QUIC_PKT_0RTT),
				!!strchr(pkts[i], '0'));
		KUNIT_EXPECT_EQ(test, quic_frame_allowed(all_types[i], QUIC_PKT_1RTT),
				!!strchr(pkts[i], '1'));
	}
	KUNIT_EXPECT_FALSE(test, quic_frame_allowed(0x1f, QUIC_PKT_1RTT));
	KUNIT_EXPECT_FALSE(test, quic_frame_allowed(0x32, QUIC_PKT_1RTT));
	KUNIT_EXPECT_FALSE(test, quic_frame_allowed(QUIC_VARINT_MAX, QUIC_PKT_1RTT));
}

/* RFC 9000 §12.4 table 3 columns N and P, §9.1, §13.2.1 */
static void classes(struct kunit *test)
{
	unsigned int i;
	u64 t;

	for (i = 0; i < ARRAY_SIZE(all_types); i++) {
		t = all_types[i];
		KUNIT_EXPECT_EQ(test, quic_frame_ack_eliciting(t),
				!(t == 0 || t == 2 || t == 3 || t == 0x1c || t == 0x1d));
		KUNIT_EXPECT_EQ(test, quic_frame_probing(t),
				t == 0 || t == 0x18 || t == 0x1a || t == 0x1b);
		KUNIT_EXPECT_EQ(test, quic_frame_is_stream(t), t >= 8 && t <= 15);
	}
}

/* The payloads of the RFCs' Initials: ACK, CRYPTO. */
static void vectors(struct kunit *test)
{
	struct quic_frame f;
	struct quic_cur c;

	KUNIT_EXPECT_EQ(test, parse(vec_client_crypto, sizeof(vec_client_crypto), &f), 0);
	KUNIT_EXPECT_EQ(test, f.type, QUIC_FRAME_CRYPTO);
	KUNIT_EXPECT_EQ(test, f.crypto.off, 0);
	KUNIT_EXPECT_EQ(test, f.crypto.len, sizeof(vec_client_crypto) - 4);
	quic_cur_init(&c, vec_server_payload, sizeof(vec_server_payload));
	KUNIT_EXPECT_EQ(test, quic_frame_parse(&c, &f), 0);
	KUNIT_EXPECT_EQ(test, f.type, QUIC_FRAME_ACK);
	KUNIT_EXPECT_EQ(test, f.ack.largest, 0);
	KUNIT_EXPECT_EQ(test, quic_frame_parse(&c, &f), 0);
	KUNIT_EXPECT_EQ(test, f.type, QUIC_FRAME_CRYPTO);
	KUNIT_EXPECT_EQ(test, quic_cur_left(&c), 0);
}

static struct kunit_case frame_cases[] = {
	KUNIT_CASE(round_trip),
	KUNIT_CASE(cut),
	KUNIT_CASE(fields),
	KUNIT_CASE(padding),
	KUNIT_CASE(types),
	KUNIT_CASE(stream_bits),
	KUNIT_CASE(data_too_long),
	KUNIT_CASE(end_offset),
	KUNIT_CASE(empty_token),
	KUNIT_CASE(stream_counts),
	KUNIT_CASE(new_cid_limits),
	KUNIT_CASE(ack_ranges),
	KUNIT_CASE(ack_negative),
	KUNIT_CASE(ack_count),
	KUNIT_CASE(ack_ecn),
	KUNIT_CASE(datagrams),
	KUNIT_CASE(data_headers),
	KUNIT_CASE(allowed_table),
	KUNIT_CASE(classes),
	KUNIT_CASE(vectors),
	{}
};

static struct kunit_suite frame_suite = {
	.name = "frame",
	.test_cases = frame_cases,
};

kunit_test_suite(frame_suite);

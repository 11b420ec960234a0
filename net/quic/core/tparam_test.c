// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of tparam.c: defaults, a round trip of everything, each range's edges,
 * all that RFC 9000 §7.3, §7.4 and §18.2, RFC 9287 §3 and RFC 9368 §4 forbid.
 */
#include <kunit/test.h>
#include "tparam.h"
#include "vectors_test.h"

#define ERROR	QUIC_TRANSPORT_ERROR_TRANSPORT_PARAM
#define VN	QUIC_TRANSPORT_ERROR_VERSION_NEGOTIATION

static const struct quic_cid cid8 = { 8, { 1, 2, 3, 4, 5, 6, 7, 8 } };
static const struct quic_cid cid20 = { 20, { 9, 9, 9, [19] = 1 } };
static const struct quic_cid cid0;

/* Both sides of a test need one, and it is no thing for a kernel stack. */
struct fixture {
	struct quic_tparam in, out;
	u8 buf[QUIC_TPARAM_EXT_MAX];
};

static int init(struct kunit *test)
{
	struct fixture *x = kunit_kzalloc(test, sizeof(*x), GFP_KERNEL);

	if (!x)
		return -ENOMEM;
	quic_tparam_default(&x->in);
	test->priv = x;
	return 0;
}

/* RFC 9000 §18.2: what absence means */
static void expect_defaults(struct kunit *test, const struct quic_tparam *tp)
{
	KUNIT_EXPECT_EQ(test, tp->max_idle_timeout, 0);
	KUNIT_EXPECT_EQ(test, tp->max_udp_payload_size, 65527);
	KUNIT_EXPECT_EQ(test, tp->max_data, 0);
	KUNIT_EXPECT_EQ(test, tp->max_stream_data_bidi_local, 0);
	KUNIT_EXPECT_EQ(test, tp->max_stream_data_bidi_remote, 0);
	KUNIT_EXPECT_EQ(test, tp->max_stream_data_uni, 0);
	KUNIT_EXPECT_EQ(test, tp->max_streams_bidi, 0);
	KUNIT_EXPECT_EQ(test, tp->max_streams_uni, 0);
	KUNIT_EXPECT_EQ(test, tp->ack_delay_exponent, 3);
	KUNIT_EXPECT_EQ(test, tp->max_ack_delay, 25);
	KUNIT_EXPECT_EQ(test, tp->active_connection_id_limit, 2);
	KUNIT_EXPECT_EQ(test, tp->max_datagram_frame_size, 0);
	KUNIT_EXPECT_FALSE(test, tp->disable_active_migration);
	KUNIT_EXPECT_FALSE(test, tp->grease_quic_bit);
	KUNIT_EXPECT_FALSE(test, tp->disable_1rtt_encryption);
	KUNIT_EXPECT_FALSE(test, tp->has_odcid || tp->has_iscid || tp->has_rscid);
	KUNIT_EXPECT_FALSE(test, tp->has_token || tp->has_preferred || tp->has_versions);
}

static void defaults(struct kunit *test)
{
	struct fixture *x = test->priv;

	memset(&x->out, 0xff, sizeof(x->out));
	quic_tparam_default(&x->out);
	expect_defaults(test, &x->out);
	memset(&x->out, 0xff, sizeof(x->out));
	KUNIT_EXPECT_EQ(test, quic_tparam_parse(&x->out, x->buf, 0, true), 0);
	expect_defaults(test, &x->out);
}

static void fill(struct quic_tparam *tp)
{
	tp->max_idle_timeout = 30000;
	tp->max_udp_payload_size = 1200;
	tp->max_data = QUIC_VARINT_MAX;
	tp->max_stream_data_bidi_local = 1ULL << 20;
	tp->max_stream_data_bidi_remote = 1ULL << 33;
	tp->max_stream_data_uni = 63;
	tp->max_streams_bidi = 100;
	tp->max_streams_uni = QUIC_STREAMS_MAX;
	tp->ack_delay_exponent = 20;
	tp->max_ack_delay = 16383;
	tp->active_connection_id_limit = 8;
	tp->max_datagram_frame_size = 65535;
	tp->disable_active_migration = true;
	tp->grease_quic_bit = true;
	tp->disable_1rtt_encryption = true;
	tp->has_iscid = true;
	tp->iscid = cid8;
	tp->has_versions = true;
	tp->chosen_version = QUIC_VERSION_V2;
	tp->versions[0] = QUIC_VERSION_V2;
	tp->versions[1] = QUIC_VERSION_V1;
	tp->nversions = 2;
}

static void fill_server(struct quic_tparam *tp)
{
	fill(tp);
	tp->has_odcid = true;
	tp->odcid = cid20;
	tp->has_rscid = true;
	tp->rscid = cid0;
	tp->has_token = true;
	memset(tp->token, 0x77, sizeof(tp->token));
	tp->has_preferred = true;
	memset(tp->preferred.ipv4, 4, 4);
	memset(tp->preferred.ipv6, 6, 16);
	tp->preferred.port4 = 443;
	tp->preferred.port6 = 65535;
	tp->preferred.cid = cid20;
	memset(tp->preferred.token, 0x88, sizeof(tp->preferred.token));
}

/* Written as a server, read as a client: the same in every field. */
static void round_trip_server(struct kunit *test)
{
	struct fixture *x = test->priv;
	int len;

	fill_server(&x->in);
	len = quic_tparam_put(&x->in, x->buf, sizeof(x->buf), false);
	KUNIT_ASSERT_GT(test, len, 0);
	memset(&x->out, 0, sizeof(x->out));
	KUNIT_ASSERT_EQ(test, quic_tparam_parse(&x->out, x->buf, len, false), 0);
	KUNIT_EXPECT_MEMEQ(test, &x->in, &x->out, sizeof(x->in));
	/* RFC 9000 §18.2: a server MUST refuse them from a client */
	KUNIT_EXPECT_EQ(test, quic_tparam_parse(&x->out, x->buf, len, true), ERROR);
}

/* RFC 9000 §18.2: what a client MUST NOT send is not written for one */
static void round_trip_client(struct kunit *test)
{
	struct fixture *x = test->priv;
	int len;

	fill_server(&x->in);
	len = quic_tparam_put(&x->in, x->buf, sizeof(x->buf), true);
	KUNIT_ASSERT_GT(test, len, 0);
	KUNIT_ASSERT_EQ(test, quic_tparam_parse(&x->out, x->buf, len, true), 0);
	quic_tparam_default(&x->in);
	fill(&x->in);
	KUNIT_EXPECT_MEMEQ(test, &x->in, &x->out, sizeof(x->in));
}

/* Too little room at every length; nothing is written past it. */
static void put_no_room(struct kunit *test)
{
	struct fixture *x = test->priv;
	int len, n;

	fill_server(&x->in);
	/* without the greased one, whose length is random */
	len = 8 * 11 + 8;
	for (n = 0; n < len; n++) {
		memset(x->buf, 0x5a, sizeof(x->buf));
		KUNIT_EXPECT_EQ(test, quic_tparam_put(&x->in, x->buf, n, false), -EMSGSIZE);
		KUNIT_EXPECT_EQ(test, x->buf[n], 0x5a);
	}
}

/* All that we can send, each integer at its longest, fits QUIC_TPARAM_EXT_MAX. */
static void put_longest(struct kunit *test)
{
	struct fixture *x = test->priv;
	unsigned int i;
	int len;

	fill_server(&x->in);
	x->in.max_idle_timeout = QUIC_VARINT_MAX;
	x->in.max_udp_payload_size = QUIC_VARINT_MAX;
	x->in.max_stream_data_bidi_local = QUIC_VARINT_MAX;
	x->in.max_stream_data_bidi_remote = QUIC_VARINT_MAX;
	x->in.max_stream_data_uni = QUIC_VARINT_MAX;
	x->in.max_streams_bidi = QUIC_STREAMS_MAX;
	x->in.active_connection_id_limit = QUIC_VARINT_MAX;
	x->in.max_datagram_frame_size = QUIC_VARINT_MAX;
	x->in.iscid = cid20;
	x->in.rscid = cid20;
	for (i = 0; i < QUIC_TPARAM_VERSIONS; i++)
		x->in.versions[i] = QUIC_VERSION_V1;
	x->in.nversions = QUIC_TPARAM_VERSIONS;
	x->in.chosen_version = QUIC_VERSION_V1;
	for (i = 0; i < 64; i++) {
		len = quic_tparam_put(&x->in, x->buf, sizeof(x->buf), false);
		KUNIT_ASSERT_GT(test, len, 0);
		KUNIT_EXPECT_EQ(test, quic_tparam_parse(&x->out, x->buf, len, false), 0);
		KUNIT_EXPECT_MEMEQ(test, &x->in, &x->out, sizeof(x->in));
	}
}

/* RFC 9000 §18.1: exactly one parameter of the form 31 * N + 27 */
static void grease(struct kunit *test)
{
	struct fixture *x = test->priv;
	unsigned int i, reserved;
	struct quic_cur c;
	int len;
	u64 id;

	for (i = 0; i < 64; i++) {
		len = quic_tparam_put(&x->in, x->buf, sizeof(x->buf), true);
		KUNIT_ASSERT_GT(test, len, 0);
		quic_cur_init(&c, x->buf, len);
		for (reserved = 0; quic_cur_left(&c); reserved += id >= 27) {
			id = quic_cur_varint(&c);
			KUNIT_EXPECT_TRUE(test, id >= 27 && (id - 27) % 31 == 0);
			quic_cur_take(&c, quic_cur_varint(&c));
		}
		KUNIT_EXPECT_FALSE(test, c.bad);
		KUNIT_EXPECT_EQ(test, reserved, 1);
	}
}

/* One parameter with an integer value, written in @n bytes. */
static int parse_one(struct fixture *x, u64 id, u64 v, unsigned int n, bool from_client)
{
	struct quic_wr w;

	quic_wr_init(&w, x->buf, sizeof(x->buf));
	quic_wr_varint(&w, id);
	quic_wr_varint(&w, n);
	quic_wr_varint_n(&w, v, n);
	return quic_tparam_parse(&x->out, x->buf, w.p - x->buf, from_client);
}

/* RFC 9000 §18.2, §4.6: the edges of each range */
static void ranges(struct kunit *test)
{
	static const struct {
		u64 id, min, max;
	} r[] = {
		{ 0x01, 0, QUIC_VARINT_MAX }, { 0x03, 1200, QUIC_VARINT_MAX },
		{ 0x04, 0, QUIC_VARINT_MAX }, { 0x05, 0, QUIC_VARINT_MAX },
		{ 0x06, 0, QUIC_VARINT_MAX }, { 0x07, 0, QUIC_VARINT_MAX },
		{ 0x08, 0, 1ULL << 60 }, { 0x09, 0, 1ULL << 60 },
		{ 0x0a, 0, 20 }, { 0x0b, 0, (1 << 14) - 1 },
		{ 0x0e, 2, QUIC_VARINT_MAX }, { 0x20, 0, QUIC_VARINT_MAX },
	};
	struct fixture *x = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(r); i++) {
		KUNIT_EXPECT_EQ(test, parse_one(x, r[i].id, r[i].min, 8, true), 0);
		KUNIT_EXPECT_EQ(test, parse_one(x, r[i].id, r[i].max, 8, false), 0);
		if (r[i].min)
			KUNIT_EXPECT_EQ(test, parse_one(x, r[i].id, r[i].min - 1, 8, true), ERROR);
		if (r[i].max < QUIC_VARINT_MAX)
			KUNIT_EXPECT_EQ(test, parse_one(x, r[i].id, r[i].max + 1, 8, true), ERROR);
	}
	KUNIT_EXPECT_EQ(test, parse_one(x, 0x08, 7, 1, true), 0);
	KUNIT_EXPECT_EQ(test, x->out.max_streams_bidi, 7);
	KUNIT_EXPECT_EQ(test, parse_one(x, 0x09, 7, 1, true), 0);
	KUNIT_EXPECT_EQ(test, x->out.max_streams_uni, 7);
}

static int parse(struct fixture *x, const u8 *p, u32 len, bool from_client)
{
	return quic_tparam_parse(&x->out, p, len, from_client);
}

/* RFC 9000 §18: the value is all of its length, and inside the extension */
static void lengths(struct kunit *test)
{
	static const u8 long_value[] = { 0x04, 2, 1, 1 };
	static const u8 short_value[] = { 0x04, 1, 0x40 };
	static const u8 no_value[] = { 0x04, 0 };
	static const u8 outside[] = { 0x04, 2, 0x40 };
	static const u8 no_length[] = { 0x04 };
	static const u8 huge[] = { 0x60, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static const u8 unknown[] = { 0x60, 0, 3, 1, 2, 3, 0x04, 1, 9 };
	static const u8 unknown_cut[] = { 0x60, 0, 3, 1, 2 };
	struct fixture *x = test->priv;

	KUNIT_EXPECT_EQ(test, parse(x, long_value, sizeof(long_value), true), ERROR);
	KUNIT_EXPECT_EQ(test, parse(x, short_value, sizeof(short_value), true), ERROR);
	KUNIT_EXPECT_EQ(test, parse(x, no_value, sizeof(no_value), true), ERROR);
	KUNIT_EXPECT_EQ(test, parse(x, outside, sizeof(outside), true), ERROR);
	KUNIT_EXPECT_EQ(test, parse(x, no_length, sizeof(no_length), true), ERROR);
	KUNIT_EXPECT_EQ(test, parse(x, huge, sizeof(huge), true), ERROR);
	/* RFC 9000 §7.4.2: unknown ones MUST be ignored */
	KUNIT_EXPECT_EQ(test, parse(x, unknown, sizeof(unknown), true), 0);
	KUNIT_EXPECT_EQ(test, x->out.max_data, 9);
	KUNIT_EXPECT_EQ(test, parse(x, unknown_cut, sizeof(unknown_cut), true), ERROR);
}

/* Cut anywhere, all parameters give an error, or fewer parameters; never a bad read. */
static void cut(struct kunit *test)
{
	struct fixture *x = test->priv;
	int len, n, err, good = 0;
	u8 *exact;

	fill_server(&x->in);
	len = quic_tparam_put(&x->in, x->buf, sizeof(x->buf), false);
	for (n = 0; n <= len; n++) {
		exact = kunit_kzalloc(test, n + !n, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, exact);
		memcpy(exact, x->buf, n);
		err = parse(x, exact, n, false);
		KUNIT_EXPECT_TRUE(test, err == 0 || err == ERROR);
		good += !err;
		kunit_kfree(test, exact);
	}
	/* one prefix for each of 12 integers, 3 flags, 6 others, the greased, and none */
	KUNIT_EXPECT_EQ(test, good, 12 + 3 + 6 + 1 + 1);
}

/* RFC 9000 §7.4: duplicates */
static void duplicates(struct kunit *test)
{
	static const u8 known[] = { 0x04, 1, 9, 0x05, 1, 1, 0x04, 1, 9 };
	static const u8 flag[] = { 0x6a, 0xb2, 0, 0x6a, 0xb2, 0 };
	static const u8 migration[] = { 0x0c, 0, 0x0c, 0 };
	static const u8 datagram[] = { 0x20, 1, 9, 0x20, 1, 9 };
	static const u8 cid[] = { 0x0f, 1, 7, 0x0f, 1, 7 };
	static const u8 information[] = { 0x11, 4, 0, 0, 0, 1, 0x11, 4, 0, 0, 0, 1 };
	static const u8 longer_id[] = { 0x04, 1, 9, 0x40, 0x04, 1, 9 };
	static const u8 not_same[] = { 0x1b, 0, 0x20, 1, 9, 0x00, 0, 0x40, 0x40, 0 };
	struct fixture *x = test->priv;

	KUNIT_EXPECT_EQ(test, parse(x, known, sizeof(known), true), ERROR);
	KUNIT_EXPECT_EQ(test, parse(x, flag, sizeof(flag), true), ERROR);
	KUNIT_EXPECT_EQ(test, parse(x, migration, sizeof(migration), true), ERROR);
	KUNIT_EXPECT_EQ(test, parse(x, datagram, sizeof(datagram), true), ERROR);
	KUNIT_EXPECT_EQ(test, parse(x, cid, sizeof(cid), true), ERROR);
	KUNIT_EXPECT_EQ(test, parse(x, information, sizeof(information), false), ERROR);
	KUNIT_EXPECT_EQ(test, parse(x, information, 6, false), 0);
	KUNIT_EXPECT_EQ(test, parse(x, longer_id, sizeof(longer_id), true), ERROR);
	KUNIT_EXPECT_EQ(test, parse(x, not_same, sizeof(not_same), false), 0);
}

/* RFC 9000 §18.2, RFC 9287 §3: flags have no value */
static void flags(struct kunit *test)
{
	static const u8 all[] = { 0x0c, 0, 0x6a, 0xb2, 0, 0x80, 0, 0xba, 0xad, 0 };
	static const u8 bad[][6] = {
		{ 0x0c, 1, 0 }, { 0x6a, 0xb2, 1, 0 }, { 0x80, 0, 0xba, 0xad, 1, 0 },
	};
	static const u8 bad_len[] = { 3, 4, 6 };
	struct fixture *x = test->priv;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, parse(x, all, sizeof(all), true), 0);
	KUNIT_EXPECT_TRUE(test, x->out.disable_active_migration);
	KUNIT_EXPECT_TRUE(test, x->out.grease_quic_bit);
	KUNIT_EXPECT_TRUE(test, x->out.disable_1rtt_encryption);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		KUNIT_EXPECT_EQ(test, parse(x, bad[i], bad_len[i], true), ERROR);
}

/* RFC 9000 §18.2: server-only parameters from a client MUST be refused */
static void server_only(struct kunit *test)
{
	u8 in[64] = { 0, 16 };
	static const u8 ids[] = { 0x00, 0x02, 0x10 };
	struct fixture *x = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		in[0] = ids[i];
		KUNIT_EXPECT_EQ(test, parse(x, in, 18, true), ERROR);
		KUNIT_EXPECT_EQ(test, parse(x, in, 18, false), 0);
	}
	in[0] = 0x0d;
	in[1] = 42;
	in[2 + 24] = 1;
	KUNIT_EXPECT_EQ(test, parse(x, in, 44, true), ERROR);
	KUNIT_EXPECT_EQ(test, parse(x, in, 44, false), 0);
}

/* Connection IDs of 0 to 20 bytes, reset tokens of 16 */
static void id_lengths(struct kunit *test)
{
	u8 in[64] = {};
	struct fixture *x = test->priv;
	unsigned int len;

	for (len = 0; len < 40; len++) {
		in[1] = len;
		in[0] = 0x00;
		KUNIT_EXPECT_EQ(test, parse(x, in, len + 2, false), len <= 20 ? 0 : ERROR);
		in[0] = 0x0f;
		KUNIT_EXPECT_EQ(test, parse(x, in, len + 2, false), len <= 20 ? 0 : ERROR);
		in[0] = 0x10;
		KUNIT_EXPECT_EQ(test, parse(x, in, len + 2, false), len <= 20 ? 0 : ERROR);
		in[0] = 0x02;
		KUNIT_EXPECT_EQ(test, parse(x, in, len + 2, false), len == 16 ? 0 : ERROR);
	}
}

/* RFC 9000 §18.2: preferred_address, its ID of 1 to 20 bytes, not with an empty ID in use */
static void preferred(struct kunit *test)
{
	u8 in[80] = { 0x0d };
	struct fixture *x = test->priv;
	unsigned int len;

	for (len = 0; len <= 21; len++) {
		in[1] = 41 + len;
		in[2 + 24] = len;
		KUNIT_EXPECT_EQ(test, parse(x, in, 43 + len, false), len && len <= 20 ? 0 : ERROR);
		in[1] = 42 + len;	/* one byte too many */
		KUNIT_EXPECT_EQ(test, parse(x, in, 44 + len, false), ERROR);
		in[1] = 40 + len;	/* one too few */
		KUNIT_EXPECT_EQ(test, parse(x, in, 42 + len, false), ERROR);
	}
	in[1] = 42;
	in[2 + 24] = 1;
	in[44] = 0x0f;
	in[45] = 0;
	KUNIT_EXPECT_EQ(test, parse(x, in, 46, false), ERROR);
	in[45] = 1;
	KUNIT_EXPECT_EQ(test, parse(x, in, 47, false), 0);
}

/* RFC 9368 §3, §4: version_information */
static void versions(struct kunit *test)
{
	/* chosen 1; available 0x1a2a3a4a, v2, 1 */
	static const u8 good[] = { 0x11, 16, 0, 0, 0, 1, 0x1a, 0x2a, 0x3a, 0x4a,
				   0x6b, 0x33, 0x43, 0xcf, 0, 0, 0, 1 };
	u8 in[sizeof(good)];
	struct fixture *x = test->priv;
	unsigned int len;

	KUNIT_EXPECT_EQ(test, parse(x, good, sizeof(good), true), 0);
	KUNIT_EXPECT_TRUE(test, x->out.has_versions);
	KUNIT_EXPECT_EQ(test, x->out.chosen_version, 1);
	KUNIT_EXPECT_EQ(test, x->out.nversions, 2);
	KUNIT_EXPECT_EQ(test, x->out.versions[0], QUIC_VERSION_V2);
	KUNIT_EXPECT_EQ(test, x->out.versions[1], QUIC_VERSION_V1);
	/* too short, or not divisible by four */
	memcpy(in, good, sizeof(in));
	for (len = 0; len <= 16; len++) {
		in[1] = len;
		KUNIT_EXPECT_EQ(test, parse(x, in, len + 2, false),
				len && len % 4 == 0 ? 0 : ERROR);
		/* the client's chosen one must be among the available, which is last */
		KUNIT_EXPECT_EQ(test, parse(x, in, len + 2, true), len == 16 ? 0 : ERROR);
	}
	/* an empty list is allowed to the server */
	in[1] = 4;
	KUNIT_EXPECT_EQ(test, parse(x, in, 6, false), 0);
	KUNIT_EXPECT_TRUE(test, x->out.versions_empty);
	/* zero, chosen or available */
	in[1] = 16;
	in[17] = 0;
	KUNIT_EXPECT_EQ(test, parse(x, in, sizeof(in), false), ERROR);
	in[17] = 1;
	in[5] = 0;
	KUNIT_EXPECT_EQ(test, parse(x, in, sizeof(in), false), ERROR);
	in[1] = 4;
	KUNIT_EXPECT_EQ(test, parse(x, in, 6, false), ERROR);
}

/* More versions than we keep: read, and those beyond dropped. */
static void versions_many(struct kunit *test)
{
	struct fixture *x = test->priv;
	struct quic_wr w;
	unsigned int i, n;

	for (n = 1; n <= 41; n++) {
		quic_wr_init(&w, x->buf, sizeof(x->buf));
		quic_wr_varint(&w, 0x11);
		quic_wr_varint(&w, 4 * (1 + n));
		for (i = 0; i <= n; i++)
			quic_wr_u32(&w, QUIC_VERSION_V2);
		KUNIT_EXPECT_EQ(test, parse(x, x->buf, w.p - x->buf, true), 0);
		KUNIT_EXPECT_EQ(test, x->out.nversions, min(n, (unsigned int)QUIC_TPARAM_VERSIONS));
	}
}

/* RFC 9000 §7.3 */
static void check_cids(struct kunit *test)
{
	struct fixture *x = test->priv;
	struct quic_tparam *tp = &x->in;

	KUNIT_EXPECT_EQ(test, quic_tparam_check_cids(tp, true, &cid0, NULL, NULL), ERROR);
	tp->has_iscid = true;
	tp->iscid = cid8;
	KUNIT_EXPECT_EQ(test, quic_tparam_check_cids(tp, true, &cid8, NULL, NULL), 0);
	KUNIT_EXPECT_EQ(test, quic_tparam_check_cids(tp, true, &cid0, NULL, NULL), ERROR);
	KUNIT_EXPECT_EQ(test, quic_tparam_check_cids(tp, true, &cid20, NULL, NULL), ERROR);
	/* the server's original_destination_connection_id: absent, wrong, right */
	KUNIT_EXPECT_EQ(test, quic_tparam_check_cids(tp, false, &cid8, &cid0, NULL), ERROR);
	tp->has_odcid = true;
	tp->odcid = cid20;
	KUNIT_EXPECT_EQ(test, quic_tparam_check_cids(tp, false, &cid8, &cid8, NULL), ERROR);
	KUNIT_EXPECT_EQ(test, quic_tparam_check_cids(tp, false, &cid8, &cid20, NULL), 0);
	KUNIT_EXPECT_EQ(test, quic_tparam_check_cids(tp, false, &cid20, &cid20, NULL), ERROR);
	/* retry_source_connection_id: after a Retry, and only then */
	KUNIT_EXPECT_EQ(test, quic_tparam_check_cids(tp, false, &cid8, &cid20, &cid0), ERROR);
	tp->has_rscid = true;
	KUNIT_EXPECT_EQ(test, quic_tparam_check_cids(tp, false, &cid8, &cid20, NULL), ERROR);
	KUNIT_EXPECT_EQ(test, quic_tparam_check_cids(tp, false, &cid8, &cid20, &cid0), 0);
	KUNIT_EXPECT_EQ(test, quic_tparam_check_cids(tp, false, &cid8, &cid20, &cid8), ERROR);
}

static void set_versions(struct quic_tparam *tp, u32 chosen, u32 a, u32 b)
{
	tp->has_versions = true;
	tp->chosen_version = chosen;
	tp->versions[0] = a;
	tp->versions[1] = b;
	tp->nversions = !!a + !!b;
	tp->versions_empty = !tp->nversions;
}

/* RFC 9368 §4 */
static void check_version(struct kunit *test)
{
	const u32 v1 = QUIC_VERSION_V1, v2 = QUIC_VERSION_V2;
	struct fixture *x = test->priv;
	struct quic_tparam *peer = &x->in, *own = &x->out;

	/* missing: an error only to a client that acted on Version Negotiation */
	KUNIT_EXPECT_EQ(test, quic_tparam_check_version(peer, true, NULL, v1, 0), 0);
	KUNIT_EXPECT_EQ(test, quic_tparam_check_version(peer, false, own, v1, 0), 0);
	/* RFC 9368 §8: as if it had said that it knows version 1 alone */
	KUNIT_EXPECT_EQ(test, quic_tparam_check_version(peer, false, own, v1, v1), 0);
	KUNIT_EXPECT_EQ(test, quic_tparam_check_version(peer, false, own, v2, v1), VN);
	/* a server: the client's chosen one is that of its first flight */
	set_versions(peer, v1, v2, v1);
	KUNIT_EXPECT_EQ(test, quic_tparam_check_version(peer, true, NULL, v1, 0), 0);
	KUNIT_EXPECT_EQ(test, quic_tparam_check_version(peer, true, NULL, v2, 0), VN);
	/* a client: the server's is the negotiated one, and one of ours */
	set_versions(own, v1, v2, v1);
	set_versions(peer, v2, v1, v2);
	KUNIT_EXPECT_EQ(test, quic_tparam_check_version(peer, false, own, v2, 0), 0);
	KUNIT_EXPECT_EQ(test, quic_tparam_check_version(peer, false, own, v1, 0), VN);
	set_versions(own, v1, v1, 0);
	KUNIT_EXPECT_EQ(test, quic_tparam_check_version(peer, false, own, v2, 0), VN);
	/* after Version Negotiation: it would lead to the same attempt with the server's list */
	set_versions(own, v1, v2, v1);
	set_versions(peer, v1, v1, 0);
	KUNIT_EXPECT_EQ(test, quic_tparam_check_version(peer, false, own, v1, v1), 0);
	set_versions(peer, v1, v2, 0);
	KUNIT_EXPECT_EQ(test, quic_tparam_check_version(peer, false, own, v1, v1), 0);
	/* ... from which the server may have moved on */
	set_versions(peer, v2, v1, v2);
	KUNIT_EXPECT_EQ(test, quic_tparam_check_version(peer, false, own, v2, v1), 0);
	set_versions(peer, v2, v2, 0);
	KUNIT_EXPECT_EQ(test, quic_tparam_check_version(peer, false, own, v2, v1), VN);
	KUNIT_EXPECT_EQ(test, quic_tparam_check_version(peer, false, own, v2, 0), 0);
	set_versions(own, v1, v1, v2);
	set_versions(peer, v1, 0, 0);		/* an empty list */
	KUNIT_EXPECT_EQ(test, quic_tparam_check_version(peer, false, own, v1, v1), VN);
	KUNIT_EXPECT_EQ(test, quic_tparam_check_version(peer, false, own, v1, 0), 0);
	peer->versions_empty = false;		/* only versions that we do not speak */
	KUNIT_EXPECT_EQ(test, quic_tparam_check_version(peer, false, own, v1, v1), 0);
}

/* The extension in the ClientHello of RFC 9001 appendix A.2 (its last 50 bytes) */
static void vector(struct kunit *test)
{
	const u8 *p = vec_client_crypto + sizeof(vec_client_crypto) - 50;
	struct fixture *x = test->priv;

	KUNIT_ASSERT_EQ(test, parse(x, p, 50, true), 0);
	KUNIT_EXPECT_EQ(test, x->out.max_data, QUIC_VARINT_MAX);
	KUNIT_EXPECT_EQ(test, x->out.max_stream_data_bidi_local, 65535);
	KUNIT_EXPECT_EQ(test, x->out.max_streams_bidi, 16);
	KUNIT_EXPECT_EQ(test, x->out.max_idle_timeout, 30000);
	KUNIT_EXPECT_EQ(test, x->out.iscid.len, 8);
	KUNIT_EXPECT_MEMEQ(test, x->out.iscid.id, vec_keys[0].dcid, 8);
}

static struct kunit_case tparam_cases[] = {
	KUNIT_CASE(defaults),
	KUNIT_CASE(round_trip_server),
	KUNIT_CASE(round_trip_client),
	KUNIT_CASE(put_no_room),
	KUNIT_CASE(put_longest),
	KUNIT_CASE(grease),
	KUNIT_CASE(ranges),
	KUNIT_CASE(lengths),
	KUNIT_CASE(cut),
	KUNIT_CASE(duplicates),
	KUNIT_CASE(flags),
	KUNIT_CASE(server_only),
	KUNIT_CASE(id_lengths),
	KUNIT_CASE(preferred),
	KUNIT_CASE(versions),
	KUNIT_CASE(versions_many),
	KUNIT_CASE(check_cids),
	KUNIT_CASE(check_version),
	KUNIT_CASE(vector),
	{}
};

static struct kunit_suite tparam_suite = {
	.name = "tparam",
	.init = init,
	.test_cases = tparam_cases,
};

kunit_test_suite(tparam_suite);

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of hdr.c: the headers that the RFCs print, each way; every cut of each
 * of them; what must be dropped; packet number coding.
 */
#include <kunit/test.h>
#include "hdr.h"
#include "vectors_test.h"

static const struct quic_cid cid4 = { 4, { 0xa1, 0xa2, 0xa3, 0xa4 } };
static const struct quic_cid cid20 = {
	20, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 }
};

static const u8 token[3] = { 't', 'o', 'k' };

static void expect_initial(struct kunit *test, const struct vec_initial *v)
{
	struct quic_hdr h;

	KUNIT_ASSERT_EQ(test, quic_hdr_parse(v->packet, v->packet_len, 16, false, &h), 0);
	KUNIT_EXPECT_EQ(test, (int)h.type, (int)QUIC_PKT_INITIAL);
	KUNIT_EXPECT_EQ(test, h.first, v->packet[0]);
	KUNIT_EXPECT_EQ(test, h.version, v->version);
	KUNIT_EXPECT_TRUE(test, quic_cid_equal(&h.dcid, &v->dcid));
	KUNIT_EXPECT_TRUE(test, quic_cid_equal(&h.scid, &v->scid));
	KUNIT_EXPECT_EQ(test, h.token_len, 0);
	KUNIT_EXPECT_EQ(test, h.nversions, 0);
	KUNIT_EXPECT_EQ(test, h.pn_off, v->header_len - v->pn_len);
	KUNIT_EXPECT_EQ(test, h.len, v->packet_len);
}

/* RFC 9001 appendices A.2, A.3; RFC 9369 appendices A.2, A.3 */
static void initial_parse(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		expect_initial(test, &vec_client_initials[i]);
		expect_initial(test, &vec_server_initials[i]);
	}
}

static void put_initial(struct kunit *test, const struct vec_initial *v)
{
	u8 out[32], *length;
	struct quic_wr w;

	quic_wr_init(&w, out, sizeof(out));
	quic_hdr_put_long(&w, QUIC_PKT_INITIAL, v->version, &v->dcid, &v->scid, NULL, 0,
			  v->pn, v->pn_len, &length);
	KUNIT_ASSERT_FALSE(test, w.bad);
	quic_hdr_set_length(length, v->pn_len + v->payload_len + QUIC_TAG_LEN);
	KUNIT_EXPECT_EQ(test, w.p - out, v->header_len);
	KUNIT_EXPECT_MEMEQ(test, out, v->header, v->header_len);
}

static void initial_put(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		put_initial(test, &vec_client_initials[i]);
		put_initial(test, &vec_server_initials[i]);
	}
}

/* Write a long header of @type, 4 bytes of packet number and @tail more; its length. */
static u32 make_long(u8 *out, u32 cap, enum quic_pkt_type type, u32 version, u16 tail)
{
	struct quic_wr w;
	u8 *length;

	quic_wr_init(&w, out, cap);
	quic_hdr_put_long(&w, type, version, &cid20, &cid4, token, type ? 0 : 3, 0x01020304, 4,
			  &length);
	quic_hdr_set_length(length, 4 + tail);
	memset(w.p, 0xee, tail);
	return w.p - out + tail;
}

/* RFC 9000 §17.2 table 5, RFC 9369 §3.2: first bytes of the types of both versions */
static void long_types(struct kunit *test)
{
	static const u8 first[2][3] = { { 0xc3, 0xd3, 0xe3 }, { 0xd3, 0xe3, 0xf3 } };
	static const u32 version[2] = { QUIC_VERSION_V1, QUIC_VERSION_V2 };
	struct quic_hdr h;
	u8 pkt[80];
	u32 v, len;
	int t;

	for (v = 0; v < 2; v++) {
		for (t = QUIC_PKT_INITIAL; t <= QUIC_PKT_HANDSHAKE; t++) {
			len = make_long(pkt, sizeof(pkt), t, version[v], 20);
			KUNIT_EXPECT_EQ(test, pkt[0], first[v][t]);
			KUNIT_ASSERT_EQ(test, quic_hdr_parse(pkt, len, 0, false, &h), 0);
			KUNIT_EXPECT_EQ(test, (int)h.type, t);
			KUNIT_EXPECT_EQ(test, h.version, version[v]);
			KUNIT_EXPECT_TRUE(test, quic_cid_equal(&h.dcid, &cid20));
			KUNIT_EXPECT_TRUE(test, quic_cid_equal(&h.scid, &cid4));
			KUNIT_EXPECT_EQ(test, h.token_len, t == QUIC_PKT_INITIAL ? 3 : 0);
			KUNIT_EXPECT_EQ(test, h.pn_off, len - 24);
			KUNIT_EXPECT_EQ(test, h.len, len);
		}
	}
	len = make_long(pkt, sizeof(pkt), QUIC_PKT_INITIAL, QUIC_VERSION_V1, 0);
	KUNIT_ASSERT_EQ(test, quic_hdr_parse(pkt, len, 0, false, &h), 0);
	KUNIT_EXPECT_MEMEQ(test, h.token, token, 3);
}

/* RFC 9000 §12.2: Length ends the packet; what follows is another one */
static void coalesced(struct kunit *test)
{
	struct quic_hdr h;
	u8 pkt[160];
	u32 a, b;

	a = make_long(pkt, sizeof(pkt), QUIC_PKT_INITIAL, QUIC_VERSION_V1, 20);
	b = make_long(pkt + a, sizeof(pkt) - a, QUIC_PKT_HANDSHAKE, QUIC_VERSION_V1, 30);
	KUNIT_ASSERT_EQ(test, quic_hdr_parse(pkt, a + b, 0, false, &h), 0);
	KUNIT_EXPECT_EQ(test, h.len, a);
	KUNIT_ASSERT_EQ(test, quic_hdr_parse(pkt + a, b, 0, false, &h), 0);
	KUNIT_EXPECT_EQ(test, h.len, b);
	KUNIT_EXPECT_EQ(test, (int)h.type, (int)QUIC_PKT_HANDSHAKE);
}

/* Every prefix of a packet with a Length is refused; ASan sees a read past it. */
static void long_cut(struct kunit *test)
{
	struct quic_hdr h;
	u8 pkt[80], *cut;
	u32 len, n;

	len = make_long(pkt, sizeof(pkt), QUIC_PKT_INITIAL, QUIC_VERSION_V1, 20);
	for (n = 0; n < len; n++) {
		cut = kunit_kzalloc(test, n + !n, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, cut);
		memcpy(cut, pkt, n);
		KUNIT_EXPECT_EQ(test, quic_hdr_parse(cut, n, 0, false, &h), -EBADMSG);
		kunit_kfree(test, cut);
	}
}

/* RFC 9000 §17.2: a Length without room for a packet number, or past the end */
static void long_length(struct kunit *test)
{
	static const u8 v1[] = { 0xc0, 0, 0, 0, 1, 0, 0, 0, 0x00, 1, 2, 3 };
	struct quic_hdr h;
	u8 pkt[sizeof(v1)];

	memcpy(pkt, v1, sizeof(pkt));
	KUNIT_EXPECT_EQ(test, quic_hdr_parse(pkt, sizeof(pkt), 0, false, &h), -EBADMSG);
	pkt[8] = 1;
	KUNIT_EXPECT_EQ(test, quic_hdr_parse(pkt, sizeof(pkt), 0, false, &h), 0);
	KUNIT_EXPECT_EQ(test, h.pn_off, 9);
	KUNIT_EXPECT_EQ(test, h.len, 10);
	pkt[8] = 3;
	KUNIT_EXPECT_EQ(test, quic_hdr_parse(pkt, sizeof(pkt), 0, false, &h), 0);
	KUNIT_EXPECT_EQ(test, h.len, 12);
	pkt[8] = 4;
	KUNIT_EXPECT_EQ(test, quic_hdr_parse(pkt, sizeof(pkt), 0, false, &h), -EBADMSG);
	/* a token longer than the datagram, up to what a varint can say */
	pkt[7] = 0x20;
	KUNIT_EXPECT_EQ(test, quic_hdr_parse(pkt, sizeof(pkt), 0, false, &h), -EBADMSG);
	pkt[7] = 0xff;
	KUNIT_EXPECT_EQ(test, quic_hdr_parse(pkt, sizeof(pkt), 0, false, &h), -EBADMSG);
}

/* RFC 9000 §17.2: IDs of more than 20 bytes MUST be dropped */
static void long_cid_length(struct kunit *test)
{
	struct quic_hdr h;
	u8 pkt[80];
	u32 len;

	len = make_long(pkt, sizeof(pkt), QUIC_PKT_HANDSHAKE, QUIC_VERSION_V1, 20);
	KUNIT_EXPECT_EQ(test, quic_hdr_parse(pkt, len, 0, false, &h), 0);
	/* 4 + 20 bytes of IDs, 20 + 4, and 21 + 3, well formed but for the length */
	pkt[5] = 4;
	pkt[10] = 20;
	KUNIT_EXPECT_EQ(test, quic_hdr_parse(pkt, len, 0, false, &h), 0);
	KUNIT_EXPECT_EQ(test, h.scid.len, 20);
	pkt[5] = 20;
	pkt[26] = 4;
	KUNIT_EXPECT_EQ(test, quic_hdr_parse(pkt, len, 0, false, &h), 0);
	KUNIT_EXPECT_EQ(test, h.scid.len, 4);
	pkt[5] = 21;
	pkt[27] = 3;
	KUNIT_EXPECT_EQ(test, quic_hdr_parse(pkt, len, 0, false, &h), -EBADMSG);
	/* 0 + 24 */
	pkt[5] = 0;
	pkt[6] = 24;
	KUNIT_EXPECT_EQ(test, quic_hdr_parse(pkt, len, 0, false, &h), -EBADMSG);
}

/* RFC 9000 §17.2, §17.3.1: a cleared fixed bit MUST be discarded; RFC 9287 §3 */
static void fixed_bit(struct kunit *test)
{
	static const u8 plain_short[24] = { 0x00, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct quic_hdr h;
	u8 pkt[80];
	u32 len;

	len = make_long(pkt, sizeof(pkt), QUIC_PKT_HANDSHAKE, QUIC_VERSION_V1, 20);
	pkt[0] &= ~QUIC_HDR_FIXED;
	KUNIT_EXPECT_EQ(test, quic_hdr_parse(pkt, len, 0, false, &h), -EBADMSG);
	KUNIT_EXPECT_EQ(test, quic_hdr_parse(pkt, len, 0, true, &h), 0);
	KUNIT_EXPECT_EQ(test, (int)h.type, (int)QUIC_PKT_HANDSHAKE);
	KUNIT_EXPECT_EQ(test, quic_hdr_parse(plain_short, 24, 8, false, &h), -EBADMSG);
	KUNIT_EXPECT_EQ(test, quic_hdr_parse(plain_short, 24, 8, true, &h), 0);
	KUNIT_EXPECT_EQ(test, (int)h.type, (int)QUIC_PKT_1RTT);
}

/* RFC 9000 §17.3.1; RFC 9001 appendix A.5 */
static void short_header(struct kunit *test)
{
	const struct vec_short *v = &vec_shorts[0];
	u8 out[32];
	struct quic_cid none = {};
	struct quic_wr w;
	struct quic_hdr h;
	unsigned int n;

	quic_wr_init(&w, out, sizeof(out));
	quic_hdr_put_short(&w, &none, false, false, v->pn, v->pn_len);
	KUNIT_EXPECT_EQ(test, w.p - out, sizeof(v->header));
	KUNIT_EXPECT_MEMEQ(test, out, v->header, sizeof(v->header));
	KUNIT_ASSERT_EQ(test, quic_hdr_parse(v->packet, sizeof(v->packet), 0, false, &h), 0);
	KUNIT_EXPECT_EQ(test, h.pn_off, 1);
	KUNIT_EXPECT_EQ(test, h.len, sizeof(v->packet));

	quic_wr_init(&w, out, sizeof(out));
	quic_hdr_put_short(&w, &cid20, true, true, 0xabcd, 2);
	KUNIT_EXPECT_EQ(test, w.p - out, 23);
	KUNIT_EXPECT_EQ(test, out[0], QUIC_HDR_FIXED | QUIC_HDR_SPIN | QUIC_HDR_KEY_PHASE | 1);
	KUNIT_EXPECT_EQ(test, out[21] << 8 | out[22], 0xabcd);
	for (n = 0; n <= 23; n++)
		KUNIT_EXPECT_EQ(test, quic_hdr_parse(out, n, 20, false, &h), n < 22 ? -EBADMSG : 0);
	KUNIT_EXPECT_TRUE(test, quic_cid_equal(&h.dcid, &cid20));
	KUNIT_EXPECT_EQ(test, h.scid.len, 0);
	KUNIT_EXPECT_EQ(test, h.version, 0);
	KUNIT_EXPECT_EQ(test, h.pn_off, 21);
	KUNIT_EXPECT_EQ(test, h.len, 23);
	KUNIT_EXPECT_EQ(test, quic_hdr_parse(out, 23, 21, false, &h), -EBADMSG);
}

/* RFC 9001 appendix A.4, RFC 9369 appendix A.4 */
static void retry_vectors(struct kunit *test)
{
	struct quic_cid none = {};
	struct quic_hdr h;
	struct quic_wr w;
	unsigned int i;
	u8 out[36];

	for (i = 0; i < 2; i++) {
		const struct vec_retry *v = &vec_retries[i];

		KUNIT_ASSERT_EQ(test, quic_hdr_parse(v->packet, 36, 0, false, &h), 0);
		KUNIT_EXPECT_EQ(test, (int)h.type, (int)QUIC_PKT_RETRY);
		KUNIT_EXPECT_EQ(test, h.version, v->version);
		KUNIT_EXPECT_EQ(test, h.dcid.len, 0);
		KUNIT_EXPECT_TRUE(test, quic_cid_equal(&h.scid, &v->scid));
		KUNIT_ASSERT_EQ(test, h.token_len, sizeof(v->token));
		KUNIT_EXPECT_MEMEQ(test, h.token, v->token, sizeof(v->token));
		KUNIT_EXPECT_EQ(test, h.len, sizeof(v->packet));

		quic_wr_init(&w, out, sizeof(out));
		quic_hdr_put_retry(&w, v->version, &none, &v->scid, v->token, sizeof(v->token),
				   0xff);
		KUNIT_EXPECT_EQ(test, quic_wr_left(&w), QUIC_TAG_LEN);
		KUNIT_EXPECT_MEMEQ(test, out, v->packet, sizeof(out) - QUIC_TAG_LEN);
		/* RFC 9000 §17.2.5.2: a zero-length token MUST be discarded */
		KUNIT_EXPECT_EQ(test, quic_hdr_parse(v->packet, 36 - 5, 0, false, &h), -EBADMSG);
		KUNIT_EXPECT_EQ(test, quic_hdr_parse(v->packet, 36 - 4, 0, false, &h), 0);
	}
}

/* RFC 9000 §17.2.1, RFC 8999 §6 */
static void version_negotiation(struct kunit *test)
{
	static const u32 versions[] = { QUIC_VERSION_V1, QUIC_VERSION_V2, 0x1a2a3a4a };
	struct quic_vec dcid = { cid4.id, 4 }, scid = { cid20.id, 20 };
	struct quic_hdr h;
	struct quic_wr w;
	unsigned int n, whole;
	u8 out[64];

	quic_wr_init(&w, out, sizeof(out));
	quic_hdr_put_vn(&w, &dcid, &scid, versions, 3, 0x15);
	KUNIT_ASSERT_FALSE(test, w.bad);
	whole = w.p - out;
	KUNIT_EXPECT_EQ(test, out[0], 0xd5);
	KUNIT_ASSERT_EQ(test, quic_hdr_parse(out, whole, 0, false, &h), 0);
	KUNIT_EXPECT_EQ(test, (int)h.type, (int)QUIC_PKT_VN);
	KUNIT_EXPECT_TRUE(test, quic_cid_equal(&h.dcid, &cid4));
	KUNIT_EXPECT_TRUE(test, quic_cid_equal(&h.scid, &cid20));
	KUNIT_ASSERT_EQ(test, h.nversions, 3);
	KUNIT_EXPECT_PTR_EQ(test, h.versions, out + whole - 12);
	KUNIT_EXPECT_EQ(test, h.versions[11], 0x4a);
	/* a list that is empty, or cut, MUST be ignored */
	for (n = 0; n < whole; n++)
		KUNIT_EXPECT_EQ(test, quic_hdr_parse(out, n, 0, false, &h),
				n == whole - 8 || n == whole - 4 ? 0 : -EBADMSG);
	/* RFC 9000 §17.2.1: clients MUST ignore the other bits of the first byte */
	out[0] = 0x80;
	KUNIT_EXPECT_EQ(test, quic_hdr_parse(out, whole, 0, false, &h), 0);
}

/* RFC 9000 §17.2.1: the IDs' length MUST NOT decide about Version Negotiation */
static void unknown_version(struct kunit *test)
{
	u8 *pkt = kunit_kzalloc(test, 600, GFP_KERNEL);
	u8 *out = kunit_kzalloc(test, 600, GFP_KERNEL);
	u32 version = QUIC_VERSION_V1;
	struct quic_hdr h;
	struct quic_wr w;

	KUNIT_ASSERT_NOT_NULL(test, pkt);
	KUNIT_ASSERT_NOT_NULL(test, out);
	pkt[0] = 0x80;
	memset(pkt + 1, 0x1a, 4);
	pkt[5] = 255;
	memset(pkt + 6, 0xdd, 255);
	pkt[261] = 21;
	memset(pkt + 262, 0xcc, 21);
	KUNIT_ASSERT_EQ(test, quic_hdr_parse(pkt, 600, 0, false, &h), 0);
	KUNIT_EXPECT_EQ(test, (int)h.type, (int)QUIC_PKT_UNKNOWN);
	KUNIT_EXPECT_EQ(test, h.version, 0x1a1a1a1a);
	KUNIT_EXPECT_EQ(test, h.len, 600);
	KUNIT_EXPECT_EQ(test, h.dcid.len, 0);
	KUNIT_EXPECT_EQ(test, h.dcid_raw.len, 255);
	KUNIT_EXPECT_EQ(test, h.scid_raw.len, 21);
	KUNIT_EXPECT_PTR_EQ(test, h.scid_raw.base, pkt + 262);

	quic_wr_init(&w, out, 600);
	quic_hdr_put_vn(&w, &h.scid_raw, &h.dcid_raw, &version, 1, 0);
	KUNIT_EXPECT_FALSE(test, w.bad);
	/* RFC 9000 §17.2.1: both IDs MUST be echoed, crossed over */
	KUNIT_EXPECT_EQ(test, w.p - out, 5 + 1 + 21 + 1 + 255 + 4);
	KUNIT_EXPECT_EQ(test, out[5], 21);
	KUNIT_EXPECT_MEMEQ(test, out + 6, pkt + 262, 21);
	KUNIT_EXPECT_MEMEQ(test, out + 28, pkt + 6, 255);

	/* cut inside the second ID */
	KUNIT_EXPECT_EQ(test, quic_hdr_parse(pkt, 282, 0, false, &h), -EBADMSG);
	/* IDs that version 1 could have, too, are in both places */
	pkt[5] = 8;
	pkt[14] = 20;
	KUNIT_EXPECT_EQ(test, quic_hdr_parse(pkt, 34, 0, false, &h), -EBADMSG);
	KUNIT_ASSERT_EQ(test, quic_hdr_parse(pkt, 600, 0, false, &h), 0);
	KUNIT_EXPECT_EQ(test, h.dcid.len, 8);
	KUNIT_EXPECT_EQ(test, h.scid.len, 20);
	KUNIT_EXPECT_FALSE(test, quic_version_known(h.version));
}

static void put_no_room(struct kunit *test)
{
	struct quic_wr w;
	u8 out[20], *length;

	quic_wr_init(&w, out, 12);
	quic_hdr_put_long(&w, QUIC_PKT_INITIAL, 1, &cid20, &cid4, NULL, 0, 1, 1, &length);
	KUNIT_EXPECT_TRUE(test, w.bad);
	KUNIT_EXPECT_NULL(test, length);
	quic_wr_init(&w, out, 20);
	quic_hdr_put_short(&w, &cid20, false, false, 1, 1);
	KUNIT_EXPECT_TRUE(test, w.bad);
}

/* RFC 9000 §17.1, appendix A.2 */
static void pn_encode(struct kunit *test)
{
	const struct vec_pn_encode *v;
	struct quic_wr w;
	struct quic_cur c;
	u8 out[4];

	for (v = vec_pn_encodes; v < vec_pn_encodes + ARRAY_SIZE(vec_pn_encodes); v++) {
		KUNIT_EXPECT_EQ(test, quic_pn_len(v->pn, v->largest_acked), v->len);
		quic_wr_init(&w, out, v->len);
		quic_wr_be(&w, v->pn, v->len);
		quic_cur_init(&c, out, v->len);
		KUNIT_EXPECT_EQ(test, quic_cur_be(&c, v->len), v->encoded);
	}
}

/* RFC 9000 appendix A.3 */
static void pn_decode(struct kunit *test)
{
	const struct vec_pn_decode *v;

	for (v = vec_pn_decodes; v < vec_pn_decodes + ARRAY_SIZE(vec_pn_decodes); v++)
		KUNIT_EXPECT_EQ(test, quic_pn_decode(v->largest, v->truncated, v->len), v->pn);
	/* as far above the expected number as below: the upper one */
	KUNIT_EXPECT_EQ(test, quic_pn_decode(0x17e, 0xff, 1), 0x1ff);
}

/*
 * RFC 9000 §17.1: whatever of the packets since the largest acknowledged one
 * arrived, the number comes out whole.
 */
static void pn_round_trip(struct kunit *test)
{
	static const s64 acked[] = { -1, 0, 0x7f, 0xfffe, 0xffffff, 0x123456789 };
	u64 pn, span, mask;
	unsigned int i;
	u8 n;

	for (i = 0; i < ARRAY_SIZE(acked); i++) {
		for (span = 1; span <= 1 << 25; span = span * 3 + 1) {
			pn = acked[i] + span;
			n = quic_pn_len(pn, acked[i]);
			mask = (1ULL << n * 8) - 1;
			KUNIT_EXPECT_EQ(test, quic_pn_decode(acked[i], pn & mask, n), pn);
			KUNIT_EXPECT_EQ(test, quic_pn_decode(pn - 1, pn & mask, n), pn);
			KUNIT_EXPECT_EQ(test, quic_pn_decode(pn - span / 2, pn & mask, n), pn);
		}
	}
}

static struct kunit_case hdr_cases[] = {
	KUNIT_CASE(initial_parse),
	KUNIT_CASE(initial_put),
	KUNIT_CASE(long_types),
	KUNIT_CASE(coalesced),
	KUNIT_CASE(long_cut),
	KUNIT_CASE(long_length),
	KUNIT_CASE(long_cid_length),
	KUNIT_CASE(fixed_bit),
	KUNIT_CASE(short_header),
	KUNIT_CASE(retry_vectors),
	KUNIT_CASE(version_negotiation),
	KUNIT_CASE(unknown_version),
	KUNIT_CASE(put_no_room),
	KUNIT_CASE(pn_encode),
	KUNIT_CASE(pn_decode),
	KUNIT_CASE(pn_round_trip),
	{}
};

static struct kunit_suite hdr_suite = {
	.name = "hdr",
	.test_cases = hdr_cases,
};

kunit_test_suite(hdr_suite);

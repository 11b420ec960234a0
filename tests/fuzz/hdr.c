// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Headers, packet after packet of a datagram.  Properties: all that the parser
 * returns lies in the datagram, packets make progress, and a header written
 * from what was read reads the same.
 */
#include "fuzz.h"
#include "hdr.h"
#include "vectors_test.h"

static const u8 two_bytes[] = { 0, 0 };
static const u8 vn[] = { 0x14, 0x80, 0, 0, 0, 0, 2, 1, 2, 1, 9, 0, 0, 0, 1,
			 0x6b, 0x33, 0x43, 0xcf };
static const u8 other[] = { 0x10, 0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 3, 1, 2, 3, 0, 7, 7, 7 };
static const u8 with_token[] = { 0x08, 0xc1, 0, 0, 0, 1, 4, 1, 2, 3, 4, 1, 9, 3, 't', 'o', 'k',
				 0x40, 4, 0, 1, 8, 8, 0xe0, 0, 0, 0, 1, 0, 0, 2, 1, 2, 0x45, 1, 1 };

/* The first byte is no part of the datagram: ID length, and whether to grease. */
FUZZ_SEEDS(FUZZ_SEED(two_bytes), FUZZ_SEED(vn), FUZZ_SEED(other), FUZZ_SEED(with_token),
	   FUZZ_SEED(vec_client_packet_v1), FUZZ_SEED(vec_server_packet_v1),
	   FUZZ_SEED(vec_server_packet_v2), FUZZ_SEED(vec_retries[0].packet),
	   FUZZ_SEED(vec_shorts[0].packet));

static void check_inside(const struct quic_hdr *h, const u8 *p, u32 len)
{
	NEVER(!h->len || h->len > len || h->pn_off > h->len);
	NEVER(h->dcid.len > QUIC_CID_MAX || h->scid.len > QUIC_CID_MAX);
	NEVER(h->token_len && !fuzz_inside(h->token, h->token_len, p, h->len));
	NEVER(h->nversions && !fuzz_inside(h->versions, 4ULL * h->nversions, p, h->len));
	if (h->type == QUIC_PKT_1RTT)
		return;
	NEVER(!fuzz_inside(h->dcid_raw.base, h->dcid_raw.len, p, h->len));
	NEVER(!fuzz_inside(h->scid_raw.base, h->scid_raw.len, p, h->len));
}

static void check_same(const struct quic_hdr *a, const struct quic_hdr *b)
{
	NEVER(a->type != b->type || a->version != b->version);
	NEVER(!quic_cid_equal(&a->dcid, &b->dcid) || !quic_cid_equal(&a->scid, &b->scid));
	NEVER(a->token_len != b->token_len);
	NEVER(a->token_len && memcmp(a->token, b->token, a->token_len));
	NEVER(a->nversions != b->nversions);
}

static void put(struct quic_wr *w, const struct quic_hdr *h)
{
	u32 versions[64] = {};
	u8 *length;

	switch (h->type) {
	case QUIC_PKT_1RTT:
		quic_hdr_put_short(w, &h->dcid, h->first & QUIC_HDR_SPIN, false, 0, 1);
		break;
	case QUIC_PKT_RETRY:
		quic_hdr_put_retry(w, h->version, &h->dcid, &h->scid, h->token, h->token_len,
				   h->first);
		quic_wr_take(w, QUIC_TAG_LEN);
		break;
	case QUIC_PKT_VN:
		quic_hdr_put_vn(w, &h->dcid_raw, &h->scid_raw, versions,
				min_t(u32, h->nversions, ARRAY_SIZE(versions)), h->first);
		break;
	default:
		quic_hdr_put_long(w, h->type, h->version, &h->dcid, &h->scid, h->token,
				  h->token_len, 0, 1, &length);
		if (length)
			quic_hdr_set_length(length, 1);
	}
}

static void check_put(const struct quic_hdr *h)
{
	static u8 out[8192];
	struct quic_hdr again;
	struct quic_wr w;

	if (h->type == QUIC_PKT_UNKNOWN || h->nversions > 64)
		return;
	quic_wr_init(&w, out, sizeof(out));
	put(&w, h);
	NEVER(w.bad);
	NEVER(quic_hdr_parse(out, w.p - out, h->dcid.len, false, &again));
	check_same(h, &again);
}

int LLVMFuzzerTestOneInput(const u8 *p, size_t len)
{
	struct quic_hdr h;
	u8 dcid_len;
	bool grease;

	if (!len)
		return 0;
	dcid_len = *p % (QUIC_CID_MAX + 2);
	grease = *p & 0x80;
	p++;
	len--;
	while (!quic_hdr_parse(p, len, dcid_len, grease, &h)) {
		check_inside(&h, p, len);
		check_put(&h);
		p += h.len;
		len -= h.len;
	}
	return 0;
}

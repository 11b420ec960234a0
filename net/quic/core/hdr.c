// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Packet headers: RFC 8999 (what all versions share), RFC 9000 §17 (version 1)
 * and RFC 9369 §3.2 (version 2, whose long packet types are numbered anew).
 *
 * Parsing looks at bytes whose header protection is still on, so it stops at
 * the packet number and leaves the low bits of the first byte to keys.c.  It
 * never fails for want of memory and keeps no state; all that it returns leads
 * into the datagram.  A header that is not well formed costs the rest of its
 * datagram, never the connection: nothing in it was authenticated.
 *
 * Callers: conn_rx and the kernel's input for each packet, without any lock
 * of the connection; conn_tx and listen to write.
 */
#include "hdr.h"

#define LONG_TYPE_MASK	0x30
#define LONG_TYPE_SHIFT	4

/* RFC 9000 §17.2, table 5; RFC 9369 §3.2: each version's code points in order */
static const u8 v1_types[4] = {
	QUIC_PKT_INITIAL, QUIC_PKT_0RTT, QUIC_PKT_HANDSHAKE, QUIC_PKT_RETRY,
};

static const u8 v2_types[4] = {
	QUIC_PKT_RETRY, QUIC_PKT_INITIAL, QUIC_PKT_0RTT, QUIC_PKT_HANDSHAKE,
};

bool quic_version_known(u32 version)
{
	return version == QUIC_VERSION_V1 || version == QUIC_VERSION_V2;
}

static u8 encode_type(enum quic_pkt_type type, u32 version)
{
	u8 code = type;		/* the enum's order is version 1's */

	if (version == QUIC_VERSION_V2)
		code = (code + 1) & 3;
	return code << LONG_TYPE_SHIFT;
}

/* Lengths above what a version allows leave @cid empty; @raw has them all. */
static void parse_cid(struct quic_cur *c, struct quic_cid *cid, struct quic_vec *raw)
{
	raw->len = quic_cur_u8(c);
	raw->base = quic_cur_take(c, raw->len);
	cid->len = 0;
	if (!raw->base || raw->len > QUIC_CID_MAX)
		return;
	cid->len = raw->len;
	memcpy(cid->id, raw->base, raw->len);
}

/* RFC 9000 §17.2.1 */
static int parse_vn(struct quic_cur *c, struct quic_hdr *h)
{
	u32 left = quic_cur_left(c);

	/* RFC 8999 §6: no Supported Version, or a cut one: MUST be ignored */
	if (!left || left % 4)
		return -EBADMSG;
	h->nversions = left / 4;
	h->versions = quic_cur_take(c, left);
	return 0;
}

/* RFC 9000 §17.2.5; it has no Length, so it is the rest of the datagram (§12.2) */
static int parse_retry(struct quic_cur *c, struct quic_hdr *h)
{
	u32 left = quic_cur_left(c);

	/* RFC 9000 §17.2.5.2: MUST discard a Retry with a zero-length token */
	if (left <= QUIC_TAG_LEN)
		return -EBADMSG;
	h->token_len = left - QUIC_TAG_LEN;
	h->token = quic_cur_take(c, h->token_len);
	return 0;
}

/* RFC 9000 §17.2.2 to §17.2.4: what stands before the packet number */
static int parse_numbered(struct quic_cur *c, const u8 *start, struct quic_hdr *h)
{
	u64 len;

	if (h->type == QUIC_PKT_INITIAL) {
		len = quic_cur_varint(c);
		h->token = quic_cur_take(c, len);
		h->token_len = h->token ? len : 0;
	}
	len = quic_cur_varint(c);
	/* RFC 9000 §17.2: Length covers a packet number of one byte at least */
	if (c->bad || !len || len > quic_cur_left(c))
		return -EBADMSG;
	h->pn_off = c->p - start;
	h->len = h->pn_off + len;
	return 0;
}

static int parse_known(struct quic_cur *c, const u8 *start, bool grease, struct quic_hdr *h)
{
	u8 code = (h->first & LONG_TYPE_MASK) >> LONG_TYPE_SHIFT;

	/* RFC 9000 §17.2: MUST drop IDs longer than 20 bytes */
	if (h->dcid_raw.len > QUIC_CID_MAX || h->scid_raw.len > QUIC_CID_MAX)
		return -EBADMSG;
	/* RFC 9000 §17.2: MUST discard a cleared fixed bit; RFC 9287 §3 lifts that */
	if (!(h->first & QUIC_HDR_FIXED) && !grease)
		return -EBADMSG;
	h->type = h->version == QUIC_VERSION_V2 ? v2_types[code] : v1_types[code];
	if (h->type == QUIC_PKT_RETRY)
		return parse_retry(c, h);
	return parse_numbered(c, start, h);
}

/* RFC 8999 §5.1 */
static int parse_long(struct quic_cur *c, bool grease, struct quic_hdr *h)
{
	const u8 *start = c->p - 1;

	h->len = quic_cur_left(c) + 1;
	h->version = quic_cur_u32(c);
	parse_cid(c, &h->dcid, &h->dcid_raw);
	parse_cid(c, &h->scid, &h->scid_raw);
	if (c->bad)
		return -EBADMSG;
	h->pn_off = h->len;
	if (quic_version_known(h->version))
		return parse_known(c, start, grease, h);
	if (!h->version) {
		h->type = QUIC_PKT_VN;
		return parse_vn(c, h);
	}
	h->type = QUIC_PKT_UNKNOWN;
	return 0;
}

int quic_hdr_parse(const u8 *p, u32 len, u8 dcid_len, bool grease,
		   struct quic_hdr *h)
{
	struct quic_cur c;

	if (!len || dcid_len > QUIC_CID_MAX)
		return -EBADMSG;
	h->first = p[0];
	h->version = 0;
	h->dcid_raw = (struct quic_vec){};
	h->scid_raw = (struct quic_vec){};
	h->token = NULL;
	h->token_len = 0;
	h->versions = NULL;
	h->nversions = 0;
	if (!(h->first & QUIC_HDR_LONG))
		return quic_hdr_parse_short(p, len, dcid_len, grease, h);
	quic_cur_init(&c, p, len);
	quic_cur_u8(&c);
	return parse_long(&c, grease, h);
}

static void put_cid(struct quic_wr *w, const u8 *id, u8 len)
{
	quic_wr_u8(w, len);
	quic_wr_bytes(w, id, len);
}

static void put_long_start(struct quic_wr *w, u8 first, u32 version,
			   const struct quic_cid *dcid, const struct quic_cid *scid)
{
	quic_wr_u8(w, QUIC_HDR_LONG | QUIC_HDR_FIXED | first);
	quic_wr_u32(w, version);
	put_cid(w, dcid->id, dcid->len);
	put_cid(w, scid->id, scid->len);
}

void quic_hdr_put_long(struct quic_wr *w, enum quic_pkt_type type, u32 version,
		       const struct quic_cid *dcid, const struct quic_cid *scid,
		       const u8 *token, u32 token_len, u64 pn, u8 pn_len,
		       u8 **length)
{
	put_long_start(w, encode_type(type, version) | (pn_len - 1), version, dcid, scid);
	if (type == QUIC_PKT_INITIAL) {
		quic_wr_varint(w, token_len);
		quic_wr_bytes(w, token, token_len);
	}
	*length = quic_wr_take(w, 2);
	quic_wr_be(w, pn, pn_len);
}

void quic_hdr_set_length(u8 *length, u16 value)
{
	struct quic_wr w;

	quic_wr_init(&w, length, 2);
	quic_wr_varint_n(&w, value, 2);
}

void quic_hdr_put_short(struct quic_wr *w, const struct quic_cid *dcid,
			bool spin, bool key_phase, u64 pn, u8 pn_len)
{
	u8 *p = quic_wr_take(w, 1 + dcid->len + pn_len);
	u8 i;

	if (!p)
		return;
	*p++ = QUIC_HDR_FIXED | (spin ? QUIC_HDR_SPIN : 0) |
	       (key_phase ? QUIC_HDR_KEY_PHASE : 0) | (pn_len - 1);
	memcpy(p, dcid->id, dcid->len);
	p += dcid->len;
	for (i = pn_len; i--; pn >>= 8)
		p[i] = pn;
}

void quic_hdr_put_vn(struct quic_wr *w, const struct quic_vec *dcid,
		     const struct quic_vec *scid, const u32 *versions,
		     unsigned int n, u8 first_random)
{
	/* RFC 9000 §17.2.1: SHOULD set 0x40, all else in the byte is arbitrary */
	quic_wr_u8(w, QUIC_HDR_LONG | QUIC_HDR_FIXED | first_random);
	quic_wr_u32(w, 0);
	put_cid(w, dcid->base, dcid->len);
	put_cid(w, scid->base, scid->len);
	while (n--)
		quic_wr_u32(w, *versions++);
}

void quic_hdr_put_retry(struct quic_wr *w, u32 version,
			const struct quic_cid *dcid, const struct quic_cid *scid,
			const u8 *token, u32 token_len, u8 first_random)
{
	/* RFC 9000 §17.2.5: the four Unused bits are arbitrary */
	put_long_start(w, encode_type(QUIC_PKT_RETRY, version) | (first_random & 0x0f),
		       version, dcid, scid);
	quic_wr_bytes(w, token, token_len);
}

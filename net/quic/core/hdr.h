/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packet headers, RFC 8999, RFC 9000 §17, RFC 9369 §3.  Stateless: bytes to
 * struct and back.  Callers: conn_rx and the kernel's input (parse), conn_tx
 * and listen (put).
 */
#ifndef _QUIC_HDR_H
#define _QUIC_HDR_H

#include "wire.h"

enum quic_pkt_type {		/* independent of the version's code points */
	QUIC_PKT_INITIAL,
	QUIC_PKT_0RTT,
	QUIC_PKT_HANDSHAKE,
	QUIC_PKT_RETRY,
	QUIC_PKT_1RTT,
	QUIC_PKT_VN,		/* Version Negotiation */
	QUIC_PKT_UNKNOWN,	/* a long header of a version that we do not speak */
};

#define QUIC_HDR_LONG		0x80
#define QUIC_HDR_FIXED		0x40
#define QUIC_HDR_SPIN		0x20
#define QUIC_HDR_KEY_PHASE	0x04

/* A header whose protection is still on; pointers lead into the datagram. */
struct quic_hdr {
	enum quic_pkt_type type;
	u8 first;		/* first byte, still protected */
	u32 version;		/* long headers */
	struct quic_cid dcid;
	struct quic_cid scid;	/* long headers */
	struct quic_vec dcid_raw; /* long headers: the IDs in the datagram, */
	struct quic_vec scid_raw; /* up to 255 bytes with other versions (RFC 8999 §5.1) */
	const u8 *token;	/* Initial: token; Retry: token */
	u32 token_len;
	const u8 *versions;	/* Version Negotiation: list of u32 */
	u32 nversions;
	u32 pn_off;		/* offset of the packet number from the packet's start */
	u32 len;		/* bytes of this packet, header included */
};

bool quic_version_known(u32 version);

/*
 * Parse the packet at @p of the @len bytes left of the datagram.  A short
 * header's destination ID is @dcid_len bytes long (what we issue).
 * 0; -EBADMSG: malformed, drop the rest of the datagram (RFC 9000 §12.2).
 * A cleared fixed bit is -EBADMSG too, unless @grease (RFC 9287).
 * A long header of an unknown version gives QUIC_PKT_UNKNOWN with version and
 * IDs set and len = @len; RFC 9000 §17.2.1: the length of its IDs MUST NOT
 * decide whether Version Negotiation is sent, so those longer than 20 bytes are
 * in dcid_raw and scid_raw alone, dcid and scid are then empty.
 */
int quic_hdr_parse(const u8 *p, u32 len, u8 dcid_len, bool grease,
		   struct quic_hdr *h);
/*
 * The same where the first byte says that the header is short; what only long headers
 * have stays as it is in @h.  RFC 9000 §17.3.1; always the last packet of its datagram (§12.2).
 */
static inline int quic_hdr_parse_short(const u8 *p, u32 len, u8 dcid_len, bool grease,
				       struct quic_hdr *h)
{
	h->first = p[0];
	if (!(h->first & QUIC_HDR_FIXED) && !grease)
		return -EBADMSG;
	h->type = QUIC_PKT_1RTT;
	h->pn_off = 1 + dcid_len;
	h->len = len;
	if (len <= h->pn_off)
		return -EBADMSG;
	h->dcid.len = dcid_len;
	if (dcid_len == QUIC_CID_LOCAL_LEN)	/* a constant, for the compiler */
		memcpy(h->dcid.id, p + 1, QUIC_CID_LOCAL_LEN);
	else
		memcpy(h->dcid.id, p + 1, dcid_len);
	h->scid.len = 0;
	return 0;
}

/*
 * Write an Initial, 0-RTT or Handshake header; the Length field is always
 * two bytes and is filled in later by quic_hdr_set_length() with what follows
 * it, packet number and tag included (at most 16383).  *@length: where it is,
 * NULL if @w is full.  @pn_len: 1 to 4.  @token: Initial only.
 */
void quic_hdr_put_long(struct quic_wr *w, enum quic_pkt_type type, u32 version,
		       const struct quic_cid *dcid, const struct quic_cid *scid,
		       const u8 *token, u32 token_len, u64 pn, u8 pn_len,
		       u8 **length);
void quic_hdr_set_length(u8 *length, u16 value);
void quic_hdr_put_short(struct quic_wr *w, const struct quic_cid *dcid,
			bool spin, bool key_phase, u64 pn, u8 pn_len);
/*
 * RFC 9000 §17.2.1; @dcid is the received scid_raw, @scid the received dcid_raw
 * (525 bytes of header at most); @first_random: any byte, made to look like a v1 header
 */
void quic_hdr_put_vn(struct quic_wr *w, const struct quic_vec *dcid,
		     const struct quic_vec *scid, const u32 *versions,
		     unsigned int n, u8 first_random);
/* RFC 9000 §17.2.5, without the integrity tag (keys.h seals it) */
void quic_hdr_put_retry(struct quic_wr *w, u32 version,
			const struct quic_cid *dcid, const struct quic_cid *scid,
			const u8 *token, u32 token_len, u8 first_random);

/* RFC 9000 §17.1, appendix A.2: bytes (1 to 4) needed; @largest_acked -1: none */
static inline u8 quic_pn_len(u64 pn, s64 largest_acked)
{
	/* RFC 9000 §17.1: MUST span more than twice what is not acknowledged */
	u64 unacked = pn - largest_acked;

	return unacked <= 0x80 ? 1 : unacked <= 0x8000 ? 2 : unacked <= 0x800000 ? 3 : 4;
}

/* RFC 9000 appendix A.3; @largest -1: none received yet */
static inline u64 quic_pn_decode(s64 largest, u64 truncated, u8 pn_len)
{
	u64 expected = largest + 1;
	u64 win = 1ULL << (pn_len * 8);
	u64 pn = (expected & ~(win - 1)) | truncated;

	/* RFC 9000 §A.3: the number nearest to the expected one */
	if (pn + win / 2 <= expected && pn < QUIC_PN_MAX + 1 - win)
		return pn + win;
	if (pn > expected + win / 2 && pn >= win)
		return pn - win;
	return pn;
}

#endif /* _QUIC_HDR_H */

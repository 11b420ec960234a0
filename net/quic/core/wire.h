/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes on the wire: constants, variable-length integers, and the two bounds
 * checked cursors.  Every read of received bytes goes through struct quic_cur,
 * every write of sent bytes through struct quic_wr.  Both are sticky: after
 * the first read or write past the end, 'bad' is set, reads give zeros and
 * writes are dropped, so that a decoder checks once, at its end.
 */
#ifndef _QUIC_WIRE_H
#define _QUIC_WIRE_H

#include "kern.h"

#define QUIC_VARINT_MAX		((1ULL << 62) - 1)	/* RFC 9000 §16 */
#define QUIC_CID_MAX		20	/* RFC 9000 §17.2: versions 1 and 2 */
#define QUIC_CID_LOCAL_LEN	16	/* ours: 128 bits of entropy */
#define QUIC_RESET_TOKEN_LEN	16	/* RFC 9000 §10.3 */
#define QUIC_RESET_MIN		(5 + QUIC_RESET_TOKEN_LEN)	/* the same: bytes of a stateless reset */
#define QUIC_TAG_LEN		16	/* RFC 9001 §5.3 */
#define QUIC_PN_MAX		QUIC_VARINT_MAX
#define QUIC_INITIAL_MIN	1200	/* RFC 9000 §14.1 */
#define QUIC_UDP_PAYLOAD_MAX	65527
#define QUIC_TOKEN_MAX		512
#define QUIC_PHRASE_MAX		1024
#define QUIC_STREAMS_MAX	(1ULL << 60)	/* RFC 9000 §4.6 */

struct quic_cid {
	u8 len;
	u8 id[QUIC_CID_MAX];
};

static inline bool quic_cid_equal(const struct quic_cid *a,
				  const struct quic_cid *b)
{
	if (a->len != b->len)
		return false;
	/* the length of ours lets the compiler compare words */
	return a->len == QUIC_CID_LOCAL_LEN ? !memcmp(a->id, b->id, QUIC_CID_LOCAL_LEN) :
					      !memcmp(a->id, b->id, a->len);
}

/* A piece of memory; gathers are arrays of these. */
struct quic_vec {
	const u8 *base;
	u32 len;
};

struct quic_cur {
	const u8 *p;
	const u8 *end;
	bool bad;
};

static inline void quic_cur_init(struct quic_cur *c, const u8 *p, u32 len)
{
	c->p = p;
	c->end = len ? p + len : p;	/* NULL + 0 is not C */
	c->bad = false;
}

static inline u32 quic_cur_left(const struct quic_cur *c)
{
	return c->end - c->p;
}

/* The next @n bytes, or NULL (and bad) when there are fewer. */
static inline const u8 *quic_cur_take(struct quic_cur *c, u64 n)
{
	const u8 *p = c->p;

	if (c->bad || n > quic_cur_left(c)) {
		c->bad = true;
		c->p = c->end;
		return NULL;
	}
	c->p += n;
	return p;
}

static inline u64 quic_cur_be(struct quic_cur *c, unsigned int n)
{
	const u8 *p = quic_cur_take(c, n);
	u64 v = 0;

	if (!p)
		return 0;
	while (n--)
		v = v << 8 | *p++;
	return v;
}

static inline u8 quic_cur_u8(struct quic_cur *c)
{
	return quic_cur_be(c, 1);
}

static inline u16 quic_cur_u16(struct quic_cur *c)
{
	return quic_cur_be(c, 2);
}

static inline u32 quic_cur_u32(struct quic_cur *c)
{
	return quic_cur_be(c, 4);
}

/* RFC 9000 §16 */
static inline u64 quic_cur_varint(struct quic_cur *c)
{
	__be64 be;
	u8 n;

	if (c->p == c->end) {	/* so it is whenever the cursor is bad */
		c->bad = true;
		return 0;
	}
	if (*c->p < 64)
		return *c->p++;
	n = 1 << (*c->p >> 6);
	if (quic_cur_left(c) < sizeof(be))
		return quic_cur_be(c, n) & ((1ULL << (n * 8 - 2)) - 1);
	/* a word that begins with it: without the prefix of two bits, and what follows */
	memcpy(&be, c->p, sizeof(be));
	c->p += n;
	return be64_to_cpu(be) << 2 >> (66 - 8 * n);
}

static inline void quic_cur_bytes(struct quic_cur *c, void *to, u32 n)
{
	const u8 *p = quic_cur_take(c, n);

	if (p)
		memcpy(to, p, n);
	else
		memset(to, 0, n);
}

static inline unsigned int quic_varint_len(u64 v)
{
	return v < 64 ? 1 : v < 16384 ? 2 : v < 1073741824 ? 4 : 8;
}

/* @v to @p, where quic_varint_len(@v) bytes are free; returns what follows them. */
static inline u8 *quic_varint_put(u8 *p, u64 v)
{
	__be64 be8;
	__be32 be4;
	__be16 be2;

	switch (quic_varint_len(v)) {
	case 1:
		*p = v;
		return p + 1;
	case 2:
		be2 = cpu_to_be16(v | 1 << 14);
		memcpy(p, &be2, sizeof(be2));
		return p + sizeof(be2);
	case 4:
		be4 = cpu_to_be32(v | 2U << 30);
		memcpy(p, &be4, sizeof(be4));
		return p + sizeof(be4);
	default:
		be8 = cpu_to_be64(v | 3ULL << 62);
		memcpy(p, &be8, sizeof(be8));
		return p + sizeof(be8);
	}
}

struct quic_wr {
	u8 *p;
	u8 *end;
	bool bad;
};

static inline void quic_wr_init(struct quic_wr *w, u8 *p, u32 len)
{
	w->p = p;
	w->end = len ? p + len : p;
	w->bad = false;
}

static inline u32 quic_wr_left(const struct quic_wr *w)
{
	return w->end - w->p;
}

/* Room for @n bytes, or NULL (and bad). */
static inline u8 *quic_wr_take(struct quic_wr *w, u32 n)
{
	u8 *p = w->p;

	if (w->bad || n > quic_wr_left(w)) {
		w->bad = true;
		return NULL;
	}
	w->p += n;
	return p;
}

static inline void quic_wr_be(struct quic_wr *w, u64 v, unsigned int n)
{
	u8 *p = quic_wr_take(w, n);
	__be64 be;

	if (!p || !n)
		return;
	be = cpu_to_be64(v << (64 - 8 * n));
	switch (n) {	/* constants let the compiler store a word */
	case 1:
		memcpy(p, &be, 1);
		break;
	case 2:
		memcpy(p, &be, 2);
		break;
	case 4:
		memcpy(p, &be, 4);
		break;
	case 8:
		memcpy(p, &be, 8);
		break;
	default:
		memcpy(p, &be, n);
	}
}

static inline void quic_wr_u8(struct quic_wr *w, u8 v)
{
	quic_wr_be(w, v, 1);
}

static inline void quic_wr_u16(struct quic_wr *w, u16 v)
{
	quic_wr_be(w, v, 2);
}

static inline void quic_wr_u32(struct quic_wr *w, u32 v)
{
	quic_wr_be(w, v, 4);
}

/* @v in @n (1, 2, 4 or 8) bytes, which must be enough for it. */
static inline void quic_wr_varint_n(struct quic_wr *w, u64 v, unsigned int n)
{
	u64 prefix = n == 1 ? 0 : n == 2 ? 1 : n == 4 ? 2 : 3;

	quic_wr_be(w, v | prefix << (n * 8 - 2), n);
}

static inline void quic_wr_varint(struct quic_wr *w, u64 v)
{
	u8 *p = quic_wr_take(w, quic_varint_len(v));

	if (p)
		quic_varint_put(p, v);
}

static inline void quic_wr_bytes(struct quic_wr *w, const void *from, u32 n)
{
	u8 *p = quic_wr_take(w, n);

	if (p && n)
		memcpy(p, from, n);
}

#endif /* _QUIC_WIRE_H */

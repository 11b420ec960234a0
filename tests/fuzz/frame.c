// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames, one after the other of a payload.  Properties: data lies in the
 * payload, each frame makes progress, the ranges of an ACK descend to zero at
 * most, limits of the RFC hold, and a frame written again reads the same.
 */
#include "fuzz.h"
#include "frame.h"
#include "hdr.h"
#include "vectors_test.h"

static const u8 acks[] = { 0x02, 0x40, 100, 7, 2, 5, 1, 0, 40, 50, 0x03, 9, 0, 1, 0, 2, 1, 0x40, 70,
			   0, 3 };
static const u8 control[] = { 0x01, 0x04, 1, 2, 3, 0x05, 1, 2, 0x10, 0x45, 0, 0x11, 5, 0x80, 1, 0,
			      0, 0x12, 7, 0x13, 8, 0x14, 9, 0x15, 1, 9, 0x16, 7, 0x17, 8, 0x19, 1,
			      0x1e };
static const u8 ids[] = { 0x18, 3, 2, 4, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9,
			  0x1a, 1, 2, 3, 4, 5, 6, 7, 8, 0x1b, 1, 2, 3, 4, 5, 6, 7, 8 };
static const u8 close[] = { 0x1c, 0x41, 0x28, 6, 2, 'h', 'i', 0x1d, 9, 2, 'h', 'i', 0x07, 2, 1, 1 };
static const u8 data[] = { 0x0f, 4, 7, 2, 'a', 'b', 0x0a, 8, 1, 'c', 0x31, 1, 'x', 0x0c, 0, 0xc0, 0,
			   0, 0, 1, 0, 0, 0, 'r', 'e', 's', 't' };

FUZZ_SEEDS(FUZZ_SEED(acks), FUZZ_SEED(control), FUZZ_SEED(ids), FUZZ_SEED(close), FUZZ_SEED(data),
	   FUZZ_SEED(vec_client_crypto), FUZZ_SEED(vec_server_payload));

static void check_ack(const struct quic_frame_ack *a, const u8 *p, size_t len)
{
	struct quic_ack_iter it;
	u64 n = 0, below = 0;

	NEVER(!fuzz_inside(a->ranges, a->ranges_len, p, len));
	quic_ack_iter_init(&it, a);
	while (quic_ack_iter_next(&it, a)) {
		NEVER(it.lo > it.hi || it.hi > a->largest);
		/* at least one number between two ranges */
		NEVER(n++ && it.hi + 1 >= below);
		below = it.lo;
	}
	NEVER(n != a->nranges + 1 || quic_cur_left(&it.cur) || it.cur.bad);
}

/* A frame whose data stands behind a header of its own; its header's length. */
static u32 put_hdr(struct quic_wr *w, const struct quic_frame *f, u32 *len, const u8 **p)
{
	if (f->type == QUIC_FRAME_CRYPTO) {
		*len = f->crypto.len;
		*p = f->crypto.data;
		quic_frame_put_crypto_hdr(w, f->crypto.off, *len);
		return quic_frame_crypto_hdr_len(f->crypto.off, *len);
	}
	if (quic_frame_is_stream(f->type)) {
		*len = f->stream.len;
		*p = f->stream.data;
		quic_frame_put_stream_hdr(w, f->stream.id, f->stream.off, *len, true,
					  f->stream.fin);
		return quic_frame_stream_hdr_len(f->stream.id, f->stream.off, *len, true);
	}
	*len = f->datagram.len;
	*p = f->datagram.data;
	quic_frame_put_datagram_hdr(w, *len);
	return quic_frame_datagram_hdr_len(*len);
}

static bool has_hdr(u64 type)
{
	return type == QUIC_FRAME_CRYPTO || quic_frame_is_stream(type) ||
	       type == QUIC_FRAME_DATAGRAM || type == QUIC_FRAME_DATAGRAM_LEN;
}

static void check_data(const struct quic_frame *f, const u8 *p, size_t len)
{
	u8 hdr[32];
	struct quic_wr w;
	const u8 *at;
	u32 n;

	quic_wr_init(&w, hdr, sizeof(hdr));
	NEVER(put_hdr(&w, f, &n, &at) != w.p - hdr || w.bad);
	NEVER(!fuzz_inside(at, n, p, len));
	if (f->type == QUIC_FRAME_CRYPTO)
		NEVER(f->crypto.off + n > QUIC_VARINT_MAX);
	if (f->type == QUIC_FRAME_DATAGRAM || f->type == QUIC_FRAME_DATAGRAM_LEN)
		NEVER(f->datagram.size != len);
	if (quic_frame_is_stream(f->type))
		NEVER(f->stream.off + n > QUIC_VARINT_MAX);
}

/* All others: write, read, write; the same bytes both times. */
static void check_put(const struct quic_frame *f)
{
	static u8 a[8192], b[8192];
	struct quic_frame again;
	struct quic_cur c;
	struct quic_wr w;
	u32 len = quic_frame_len(f);

	NEVER(len > QUIC_FRAME_SMALL_MAX && f->type != QUIC_FRAME_NEW_TOKEN &&
	      f->type != QUIC_FRAME_CONNECTION_CLOSE &&
	      f->type != QUIC_FRAME_CONNECTION_CLOSE_APP);
	quic_wr_init(&w, a, sizeof(a));
	quic_frame_put(&w, f);
	NEVER(w.bad || w.p - a != len);
	quic_cur_init(&c, a, len);
	NEVER(quic_frame_parse(&c, &again) || quic_cur_left(&c));
	quic_wr_init(&w, b, sizeof(b));
	quic_frame_put(&w, &again);
	NEVER(w.p - b != len || memcmp(a, b, len));
}

static void check(const struct quic_frame *f, const u8 *p, size_t len)
{
	NEVER(!quic_frame_allowed(f->type, QUIC_PKT_1RTT));
	if (f->type == QUIC_FRAME_ACK || f->type == QUIC_FRAME_ACK_ECN)
		check_ack(&f->ack, p, len);
	else if (has_hdr(f->type))
		check_data(f, p, len);
	else if (f->type != QUIC_FRAME_PADDING)
		check_put(f);
	else
		NEVER(!f->padding || f->padding > len);
}

int LLVMFuzzerTestOneInput(const u8 *p, size_t len)
{
	struct quic_frame f;
	struct quic_cur c;
	const u8 *before;

	quic_cur_init(&c, p, len);
	while (quic_cur_left(&c)) {
		before = c.p;
		memset(&f, 0xa5, sizeof(f));
		if (quic_frame_parse(&c, &f))
			return 0;
		NEVER(c.bad || c.p <= before);
		check(&f, before, c.p - before);
	}
	return 0;
}

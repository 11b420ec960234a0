// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reassembly, RFC 9000 §2.2.
 *
 *   read_off        ready_off                    high
 *      v               v                           v
 *      [====contiguous=]    [==]   [=======]  [====]
 *
 * Bytes below ready_off are the reader's and never replaced.  Above it lie
 * islands: new data that covers islands replaces them, so that one frame
 * always costs one slice, however many holes it fills; what overlaps an
 * island in part is trimmed.  "The data at a given offset MUST NOT change"
 * (§2.2), so it does not matter whose copy is kept.
 * In-order data costs O(1), out-of-order data O(log islands).  Called by
 * stream_rx.c and the CRYPTO code under the connection's lock.
 */
#include "recvbuf.h"

void quic_recvbuf_init(struct quic_recvbuf *b)
{
	memset(b, 0, sizeof(*b));
	quic_slices_init(&b->slices);
}

void quic_recvbuf_free(struct quic_recvbuf *b)
{
	quic_slices_free(&b->slices);
	b->bytes = 0;
}

static void drop(struct quic_recvbuf *b, struct quic_slice *s)
{
	b->bytes -= s->len;
	quic_slices_remove(&b->slices, s);
}

/* Islands within (.., end) from @s on go; the end of what is new is returned. */
static u64 replace(struct quic_recvbuf *b, struct quic_slice *s, u64 end)
{
	struct quic_slice *next;

	for (; s && quic_slice_end(s) <= end; s = next) {
		next = quic_slice_next(s);
		drop(b, s);
	}
	return s ? min(s->off, end) : end;
}

static void advance(struct quic_recvbuf *b, struct quic_slice *s)
{
	for (; s && s->off == b->ready_off; s = quic_slice_next(s))
		b->ready_off += s->len;
}

static int keep(struct quic_recvbuf *b, u64 lo, u64 end, const u8 *data,
		struct quic_chunk *chunk)
{
	struct quic_slice *next = NULL, *s;
	u64 from = lo;

	if (b->slices.last && lo < quic_slice_end(b->slices.last))
		next = quic_slices_from(&b->slices, lo);
	for (; next && next->off <= lo; next = quic_slice_next(next)) {
		lo = quic_slice_end(next);
		if (lo >= end)
			return 0;
	}
	s = quic_chunk_slice(chunk, data + (lo - from), 0);
	if (!s)
		return -ENOMEM;
	end = replace(b, next, end);
	s->off = lo;
	s->len = end - lo;
	b->bytes += s->len;
	quic_slices_insert(&b->slices, s);
	advance(b, s);
	return 0;
}

int quic_recvbuf_add(struct quic_recvbuf *b, u64 off, const u8 *data, u32 len,
		     struct quic_chunk *chunk)
{
	u64 lo = max(off, b->ready_off);
	u64 end = off + len;
	int err = 0;

	if (lo < end)
		err = keep(b, lo, end, data + (lo - off), chunk);
	if (!err)
		b->high = max(b->high, end);
	return err;
}

unsigned int quic_recvbuf_vecs(const struct quic_recvbuf *b, u64 skip,
			       struct quic_vec *v, unsigned int max)
{
	u64 at = b->read_off + skip;
	struct quic_slice *s = NULL;
	unsigned int n = 0;

	if (at < b->ready_off)
		s = quic_slices_from(&b->slices, at);
	for (; s && s->off < b->ready_off && n < max; s = quic_slice_next(s), n++) {
		v[n].base = s->data + (at - s->off);
		v[n].len = quic_slice_end(s) - at;
		at = quic_slice_end(s);
	}
	return n;
}

u32 quic_recvbuf_peek(const struct quic_recvbuf *b, const u8 **data)
{
	struct quic_vec v;

	if (!quic_recvbuf_vecs(b, 0, &v, 1))
		return 0;
	*data = v.base;
	return v.len;
}

void quic_recvbuf_consume(struct quic_recvbuf *b, u64 n)
{
	struct quic_slice *s;
	u32 part;

	if (WARN_ON_ONCE(n > quic_recvbuf_readable(b)))
		return;
	b->read_off += n;
	while (n) {
		s = quic_slices_first(&b->slices);
		part = min_t(u64, s->len, n);
		n -= part;
		if (part == s->len) {
			drop(b, s);
			continue;
		}
		/* what is left stays the first: its place in the tree is right */
		s->off += part;
		s->data += part;
		s->len -= part;
		b->bytes -= part;
	}
}

void quic_recvbuf_discard(struct quic_recvbuf *b)
{
	quic_recvbuf_free(b);
	b->read_off = b->high;
	b->ready_off = b->high;
}

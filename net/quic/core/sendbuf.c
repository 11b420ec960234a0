// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Send buffer: retransmission is a range operation, no frame is kept.
 *
 *   base                        next            end
 *    v                            v              v
 *    [ lost ][in flight][ACKED][..][ never sent  ]
 *
 * A byte between base and next that is in neither set is in flight.  Every
 * byte is held until base passes it, so a range may always be sent again.
 * When memory for a set is out, the error is on the safe side: a range that
 * cannot be recorded as acknowledged counts as lost, one that cannot be
 * recorded as lost takes its neighbourhood along, one that cannot be taken
 * off 'lost' is sent twice.  Nothing is ever left unsent.
 * Called by stream_tx.c and the CRYPTO code under the connection's lock.
 */
#include "sendbuf.h"

void quic_sendbuf_init(struct quic_sendbuf *b)
{
	memset(b, 0, sizeof(*b));
	quic_slices_init(&b->slices);
	quic_ranges_init(&b->acked, QUIC_SENDBUF_RANGES);
	quic_ranges_init(&b->lost, QUIC_SENDBUF_RANGES);
}

void quic_sendbuf_free(struct quic_sendbuf *b)
{
	quic_slices_free(&b->slices);
	quic_ranges_free(&b->acked);
	quic_ranges_free(&b->lost);
	b->cursor = NULL;
}

int quic_sendbuf_append(struct quic_sendbuf *b, struct quic_chunk *chunk,
			const u8 *data, u32 len)
{
	struct quic_slice *s = b->slices.last;

	if (!len)
		return 0;
	if (s && s->chunk == chunk && s->data + s->len == data && s->len + len > len) {
		s->len += len;
	} else {
		s = quic_chunk_slice(chunk, data, len);
		if (!s)
			return -ENOMEM;
		s->off = b->end;
		quic_slices_insert(&b->slices, s);
	}
	b->end += len;
	if (!b->cursor)
		b->cursor = s;
	return 0;
}

u32 quic_sendbuf_peek(const struct quic_sendbuf *b, u64 limit, u32 max, u64 *off)
{
	u64 end = min(b->end, limit);

	if (b->lost.n) {
		*off = b->lost.r[0].lo;
		return min_t(u64, b->lost.r[0].hi - *off, max);
	}
	*off = b->next;
	return b->next < end ? min_t(u64, end - b->next, max) : 0;
}

unsigned int quic_sendbuf_vecs(struct quic_sendbuf *b, u64 off, u32 len,
			       struct quic_vec *v, unsigned int nv, u32 *got)
{
	struct quic_slice *s = b->cursor;
	unsigned int n;

	*got = 0;
	if (!s || off < s->off || off >= quic_slice_end(s))
		s = quic_slices_from(&b->slices, off);
	if (WARN_ON_ONCE(len && (!s || off < s->off)))
		return 0;
	for (n = 0; n < nv && *got < len && s; n++, s = quic_slice_next(s)) {
		v[n].base = s->data + (off - s->off);
		v[n].len = min_t(u64, quic_slice_end(s) - off, len - *got);
		*got += v[n].len;
		off += v[n].len;
	}
	return n;
}

bool quic_sendbuf_copy(const struct quic_sendbuf *b, u8 *to, u32 len, unsigned int pieces)
{
	const struct quic_slice *s = b->cursor;
	u64 off = b->next;
	u32 n;

	for (; s && pieces--; s = quic_slice_next(s)) {
		n = min_t(u64, quic_slice_end(s) - off, len);
		memcpy(to, s->data + (off - s->off), n);
		len -= n;
		if (!len)
			return true;
		to += n;
		off += n;
	}
	return false;
}

void quic_sendbuf_sent(struct quic_sendbuf *b, u64 off, u32 len)
{
	u64 end = off + len;

	/* no memory to split 'lost': these bytes are sent once more */
	if (b->lost.n)
		quic_ranges_remove(&b->lost, off, end, GFP_ATOMIC);
	if (end <= b->next)
		return;
	b->next = end;
	while (b->cursor && quic_slice_end(b->cursor) <= end)
		b->cursor = quic_slice_next(b->cursor);
}

void quic_sendbuf_lost(struct quic_sendbuf *b, u64 off, u32 len)
{
	u64 hi = min(off + len, b->next);
	u64 lo = max(off, b->base);
	const struct quic_range *r;
	u64 stop;

	while (lo < hi) {
		r = quic_ranges_from(&b->acked, lo);
		stop = r ? min(r->lo, hi) : hi;
		if (lo < stop)
			quic_ranges_add_over(&b->lost, lo, stop, GFP_ATOMIC);
		if (!r)
			return;
		lo = r->hi;
	}
}

/* All below @to is acknowledged: free it. */
static u32 move_base(struct quic_sendbuf *b, u64 to)
{
	u32 freed = to - b->base;
	struct quic_slice *s;

	b->base = to;
	quic_ranges_remove_below(&b->acked, to);
	quic_ranges_remove_below(&b->lost, to);
	/* the cursor's slice ends above next, so it stays */
	while ((s = quic_slices_first(&b->slices)) && quic_slice_end(s) <= to)
		quic_slices_remove(&b->slices, s);
	return freed;
}

u32 quic_sendbuf_acked(struct quic_sendbuf *b, u64 off, u32 len)
{
	u64 hi = min(off + len, b->next);
	u64 lo = max(off, b->base);
	const struct quic_range *r;

	if (lo >= hi)
		return 0;
	if (lo > b->base) {
		if (quic_ranges_add(&b->acked, lo, hi, GFP_ATOMIC))
			quic_ranges_add_over(&b->lost, lo, hi, GFP_ATOMIC);
		else
			quic_ranges_remove(&b->lost, lo, hi, GFP_ATOMIC);
		return 0;
	}
	/* what follows may be acknowledged already */
	r = quic_ranges_from(&b->acked, hi);
	return move_base(b, r && r->lo <= hi ? r->hi : hi);
}

void quic_sendbuf_rewind(struct quic_sendbuf *b)
{
	quic_ranges_free(&b->acked);
	quic_ranges_free(&b->lost);
	b->next = b->base;
	b->cursor = quic_slices_first(&b->slices);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reassembly, RFC 9000 §2.2.
 *
 *   read_off        ready_off                    high
 *      v               v                           v
 *      [====contiguous=]    [==]   [=======]  [====]
 *
 * Bytes below ready_off are the reader's and never replaced: a list, to which
 * data in order is appended and from which the reader takes.  Above it lie
 * islands, in a tree: new data that covers islands replaces them, so that one frame
 * always costs one slice, however many holes it fills; what overlaps an
 * island in part is trimmed.  "The data at a given offset MUST NOT change"
 * (§2.2), so it does not matter whose copy is kept.
 * In-order data costs O(1), out-of-order data O(log islands).  A reader of many
 * pieces goes on where it was ('hint'), also if it does not take them.  Called by
 * stream_rx.c and the CRYPTO code under the connection's lock.
 */
#include "recvbuf.h"

void quic_recvbuf_init(struct quic_recvbuf *b)
{
	memset(b, 0, sizeof(*b));
	quic_slices_init(&b->islands);
}

static void pop_first(struct quic_recvbuf *b)
{
	struct quic_slice *s = b->head;

	b->head = s->next;
	if (!b->head)
		b->tail = NULL;
	if (b->hint == s)
		b->hint = NULL;
	b->bytes -= s->len;
	quic_slice_put(s);
}

void quic_recvbuf_free(struct quic_recvbuf *b)
{
	while (b->head)
		pop_first(b);
	quic_slices_free(&b->islands);
	b->bytes = 0;
}

static void append(struct quic_recvbuf *b, struct quic_slice *s)
{
	s->next = NULL;
	if (b->tail)
		b->tail->next = s;
	else
		b->head = s;
	b->tail = s;
	b->ready_off += s->len;
}

static void drop_island(struct quic_recvbuf *b, struct quic_slice *s)
{
	b->bytes -= s->len;
	quic_slices_remove(&b->islands, s);
}

/* Islands within (.., end) from @s on go; the end of what is new is returned. */
static u64 replace(struct quic_recvbuf *b, struct quic_slice *s, u64 end)
{
	struct quic_slice *next;

	for (; s && quic_slice_end(s) <= end; s = next) {
		next = quic_slice_next(s);
		drop_island(b, s);
	}
	return s ? min(s->off, end) : end;
}

/* Islands that the list has reached are part of it. */
static void advance(struct quic_recvbuf *b)
{
	struct quic_slice *s;

	while (b->islands.last) {
		s = quic_slices_first(&b->islands);
		if (s->off != b->ready_off)
			return;
		quic_slices_take(&b->islands, s);
		append(b, s);
	}
}

static int keep(struct quic_recvbuf *b, u64 lo, u64 end, const u8 *data,
		struct quic_chunk *chunk)
{
	struct quic_slice *next = NULL, *s;
	u64 from = lo;

	if (b->islands.last && lo < quic_slice_end(b->islands.last))
		next = quic_slices_from(&b->islands, lo);
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
	if (lo > b->ready_off) {
		quic_slices_insert(&b->islands, s);
		return 0;
	}
	append(b, s);
	advance(b);
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

bool quic_recvbuf_append(struct quic_recvbuf *b, const u8 *data, u32 len,
			 struct quic_chunk *chunk)
{
	struct quic_slice *s;

	if (b->high != b->ready_off)
		return false;
	s = quic_chunk_slice(chunk, data, len);
	if (!s)
		return false;
	s->off = b->ready_off;
	append(b, s);
	b->high = b->ready_off;
	b->bytes += len;
	return true;
}

unsigned int quic_recvbuf_vecs(struct quic_recvbuf *b, u64 skip,
			       struct quic_vec *v, unsigned int max)
{
	struct quic_slice *s = b->hint ?: b->head;
	u64 at = b->read_off + skip;
	unsigned int n = 0;

	if (at >= b->ready_off)
		return 0;
	if (at < s->off)
		s = b->head;
	while (quic_slice_end(s) <= at)
		s = s->next;
	for (; s && n < max; s = s->next, n++) {
		v[n].base = s->data + (at - s->off);
		v[n].len = quic_slice_end(s) - at;
		at = quic_slice_end(s);
		b->hint = s;
	}
	return n;
}

u32 quic_recvbuf_peek(const struct quic_recvbuf *b, const u8 **data)
{
	if (!b->head)
		return 0;
	*data = b->head->data;
	return b->head->len;
}

void quic_recvbuf_copy(struct quic_recvbuf *b, u64 skip, u8 *to, u32 n)
{
	struct quic_vec v;
	u32 got = 0, len;

	while (got < n && quic_recvbuf_vecs(b, skip + got, &v, 1)) {
		len = min(v.len, n - got);
		memcpy(to + got, v.base, len);
		got += len;
	}
}

void quic_recvbuf_consume(struct quic_recvbuf *b, u64 n)
{
	struct quic_slice *s;
	u32 part;

	if (WARN_ON_ONCE(n > quic_recvbuf_readable(b)))
		return;
	b->read_off += n;
	while (n) {
		s = b->head;
		part = min_t(u64, s->len, n);
		n -= part;
		if (part == s->len) {
			pop_first(b);
			continue;
		}
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a stream (or CRYPTO level) has to send: slices from the first byte not
 * acknowledged on, and what became of each byte: acknowledged (above the
 * front), to be sent again, never sent yet (from 'next').
 */
#ifndef _QUIC_SENDBUF_H
#define _QUIC_SENDBUF_H

#include "wire.h"
#include "chunk.h"
#include "range.h"

#define QUIC_SENDBUF_RANGES	4096	/* gaps kept; beyond, data counts as lost */

struct quic_sendbuf {
	struct quic_slices slices;
	struct quic_slice *cursor;	/* holds 'next', or NULL */
	u64 base;		/* all below is acknowledged and freed */
	u64 next;		/* first byte never sent */
	u64 end;		/* bytes written by the user, ever */
	struct quic_ranges acked;	/* above base */
	struct quic_ranges lost;	/* to be sent again */
};

void quic_sendbuf_init(struct quic_sendbuf *b);
/* All data goes; base, next and end stay. */
void quic_sendbuf_free(struct quic_sendbuf *b);
/* Append [data, data + len) of @chunk (joins the last slice if adjacent). 0 or -ENOMEM: no slot */
int quic_sendbuf_append(struct quic_sendbuf *b, struct quic_chunk *chunk,
			const u8 *data, u32 len);
/*
 * What to send now, lost bytes first: the offset and at most @max bytes below
 * @limit (flow control; lost bytes were below it already).  Returns the length
 * (0: nothing).  Marks nothing.
 */
u32 quic_sendbuf_peek(const struct quic_sendbuf *b, u64 limit, u32 max, u64 *off);
/* Gather [off, off + len); pieces filled in, at most @nv; *got: bytes covered. */
unsigned int quic_sendbuf_vecs(struct quic_sendbuf *b, u64 off, u32 len,
			       struct quic_vec *v, unsigned int nv, u32 *got);
/*
 * The first @len bytes never sent to @to, if they lie in no more than @pieces; false:
 * they do not, or are fewer.
 */
bool quic_sendbuf_copy(const struct quic_sendbuf *b, u8 *to, u32 len, unsigned int pieces);
/* [off, off + len) went out in a packet. */
void quic_sendbuf_sent(struct quic_sendbuf *b, u64 off, u32 len);
void quic_sendbuf_lost(struct quic_sendbuf *b, u64 off, u32 len);
/* Frees what is acknowledged from the front; returns bytes freed. */
u32 quic_sendbuf_acked(struct quic_sendbuf *b, u64 off, u32 len);
/* Nothing was ever sent: rejected 0-RTT.  What was acknowledged stays so. */
void quic_sendbuf_rewind(struct quic_sendbuf *b);
static inline u64 quic_sendbuf_pending(const struct quic_sendbuf *b)
{
	return b->end - b->next + (b->lost.n ? 1 : 0);	/* nonzero: something to send */
}
static inline u64 quic_sendbuf_held(const struct quic_sendbuf *b)
{
	return b->end - b->base;
}
static inline bool quic_sendbuf_unacked(const struct quic_sendbuf *b)
{
	return b->base < b->next;
}

#endif /* _QUIC_SENDBUF_H */

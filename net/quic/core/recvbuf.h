/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reassembly of one stream (or one CRYPTO level): slices by offset, without
 * overlap, from which the reader takes in order.
 */
#ifndef _QUIC_RECVBUF_H
#define _QUIC_RECVBUF_H

#include "wire.h"
#include "chunk.h"

struct quic_recvbuf {
	struct quic_slice *head, *tail;	/* [read_off, ready_off), a list; NULL: empty */
	struct quic_slice *hint;	/* in it: where quic_recvbuf_vecs() ended; NULL: nowhere */
	struct quic_slices islands;	/* above ready_off */
	u64 read_off;		/* next byte for the reader */
	u64 high;		/* highest offset received + 1 */
	u64 ready_off;		/* all below is contiguous from read_off */
	u32 bytes;		/* held */
};

void quic_recvbuf_init(struct quic_recvbuf *b);
void quic_recvbuf_free(struct quic_recvbuf *b);
/*
 * Keep what is new of [off, off + len) at @data, which lies in @chunk.
 * 0 (also when nothing was new); -ENOMEM, and nothing changed: no slice left
 * in @chunk, the caller brings the bytes in another one.  One call takes at
 * most one slice.
 * If @len is small next to what the chunk holds alive, that is the owner's
 * accounting to know (chunk->truesize).
 */
int quic_recvbuf_add(struct quic_recvbuf *b, u64 off, const u8 *data, u32 len,
		     struct quic_chunk *chunk);
/*
 * The usual case of it: all of @len bytes, which follow what is there, and nothing lies
 * above.  False: it is not so, or no slice is left; nothing changed.
 */
bool quic_recvbuf_append(struct quic_recvbuf *b, const u8 *data, u32 len,
			 struct quic_chunk *chunk);
static inline u64 quic_recvbuf_readable(const struct quic_recvbuf *b)
{
	return b->ready_off - b->read_off;
}

/* The bytes at read_off: length of the first piece (0: none) and where it is. */
u32 quic_recvbuf_peek(const struct quic_recvbuf *b, const u8 **data);
/* Up to @max pieces from read_off + @skip on; how many were filled. */
unsigned int quic_recvbuf_vecs(struct quic_recvbuf *b, u64 skip,
			       struct quic_vec *v, unsigned int max);
/* The @n readable bytes from read_off + @skip on, left where they are. */
void quic_recvbuf_copy(struct quic_recvbuf *b, u64 skip, u8 *to, u32 n);
void quic_recvbuf_consume(struct quic_recvbuf *b, u64 n);	/* n <= readable */
/* Drop all that is held; all below 'high' counts as read from now on. */
void quic_recvbuf_discard(struct quic_recvbuf *b);

#endif /* _QUIC_RECVBUF_H */

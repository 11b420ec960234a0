/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chunks: reference-counted blocks of memory that hold stream data, and
 * slices of them.  On receive the AEAD writes a packet's plaintext to the
 * connection's current chunk, and slices of it queue until recvmsg() copies
 * from them; on send user bytes are copied into a chunk once and slices queue
 * until acknowledged.  A chunk may also wrap foreign memory (an skb, a page).
 * The owner of the memory supplies it and charges it to the socket.
 * Slices come out of the chunk that they point into, so that no packet costs
 * an allocation.  Counts are not atomic: all under the connection's lock.
 */
#ifndef _QUIC_CHUNK_H
#define _QUIC_CHUNK_H

#include "kern.h"

struct quic_chunk;

struct quic_slice {
	struct rb_node node;	/* recvbuf: by off */
	struct list_head list;	/* sendbuf: by off */
	u64 off;		/* of the first byte, in its stream */
	const u8 *data;
	u32 len;
	struct quic_chunk *chunk;
};

struct quic_chunk_pool;
struct quic_chunk_ops {
	/*
	 * A chunk of at least @size data bytes with @nslices slices, made by
	 * quic_chunk_setup(); never sleeps if !@may_sleep; NULL when memory
	 * or the socket's budget is out.
	 */
	struct quic_chunk *(*alloc)(void *priv, u32 size, bool tx, bool may_sleep);
	void (*free)(struct quic_chunk *c);	/* last reference is gone */
};

struct quic_chunk {
	u32 refs;
	u32 size;		/* bytes at base */
	u32 used;		/* handed out so far */
	u16 nslices;
	u16 slices_used;
	bool tx;
	u8 *base;
	const struct quic_chunk_ops *ops;
	void *priv;		/* as given to alloc() */
	void *mem;		/* the owner's: page, skb */
	u32 truesize;		/* what the owner charged */
	struct quic_slice slice[];
};

#define QUIC_CHUNK_SIZE		32768	/* data bytes asked for usually */
#define QUIC_CHUNK_SLICES	32	/* slices a chunk carries usually */

/* Slots are never reused while the chunk lives: fits QUIC_CHUNK_SLICES slices. */
static inline size_t quic_chunk_struct_size(unsigned int nslices)
{
	return sizeof(struct quic_chunk) + nslices * sizeof(struct quic_slice);
}

void quic_chunk_setup(struct quic_chunk *c, u8 *base, u32 size, unsigned int nslices,
		      const struct quic_chunk_ops *ops, void *priv);
static inline void quic_chunk_get(struct quic_chunk *c)
{
	c->refs++;
}
void quic_chunk_put(struct quic_chunk *c);
/* A slice of [data, data + len) that holds a reference; NULL: no slot left. */
struct quic_slice *quic_chunk_slice(struct quic_chunk *c, const u8 *data, u32 len);
static inline void quic_slice_put(struct quic_slice *s)
{
	quic_chunk_put(s->chunk);
}

#endif /* _QUIC_CHUNK_H */

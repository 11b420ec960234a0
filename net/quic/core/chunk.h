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
	union {
		struct rb_node node;		/* of a struct quic_slices */
		struct quic_slice *next;	/* of a list in the order of offsets */
	};
	u64 off;		/* of the first byte, in its stream */
	const u8 *data;
	struct quic_chunk *chunk;
	u32 len;
};

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

/* Slots are never reused while a slice lives: fits QUIC_CHUNK_SLICES slices. */
static inline size_t quic_chunk_struct_size(unsigned int nslices)
{
	return sizeof(struct quic_chunk) + nslices * sizeof(struct quic_slice);
}

/* One reference, the caller's; 'mem', 'truesize' and 'tx' are the caller's to set. */
void quic_chunk_setup(struct quic_chunk *c, u8 *base, u32 size, unsigned int nslices,
		      const struct quic_chunk_ops *ops, void *priv);
static inline void quic_chunk_get(struct quic_chunk *c)
{
	c->refs++;
}
void quic_chunk_put(struct quic_chunk *c);
/* Only the caller holds @c, no slice of it lives: start over. False: not so. */
static inline bool quic_chunk_rewind(struct quic_chunk *c)
{
	if (c->refs > 1)
		return false;
	c->used = 0;
	c->slices_used = 0;
	return true;
}

/* A slice of [data, data + len) that holds a reference; NULL: no slot left. */
static inline struct quic_slice *quic_chunk_slice(struct quic_chunk *c, const u8 *data, u32 len)
{
	struct quic_slice *s;

	if (c->slices_used == c->nslices)
		return NULL;
	s = &c->slice[c->slices_used++];
	s->off = 0;
	s->data = data;
	s->len = len;
	s->chunk = c;
	quic_chunk_get(c);
	return s;
}

static inline void quic_slice_put(struct quic_slice *s)
{
	quic_chunk_put(s->chunk);
}

static inline u64 quic_slice_end(const struct quic_slice *s)
{
	return s->off + s->len;
}

/* Slices in the order of their offsets; they never overlap. */
struct quic_slices {
	struct rb_root root;
	struct quic_slice *last;	/* the highest: where data in order goes */
};

static inline void quic_slices_init(struct quic_slices *t)
{
	t->root = RB_ROOT;
	t->last = NULL;
}

void quic_slices_free(struct quic_slices *t);	/* puts them all */
void quic_slices_insert(struct quic_slices *t, struct quic_slice *s);	/* O(1) at the end */
void quic_slices_take(struct quic_slices *t, struct quic_slice *s);	/* out, still alive */
void quic_slices_remove(struct quic_slices *t, struct quic_slice *s);	/* and puts it */
/* The first slice that ends after @off, or NULL. */
struct quic_slice *quic_slices_from(const struct quic_slices *t, u64 off);
struct quic_slice *quic_slices_first(const struct quic_slices *t);
struct quic_slice *quic_slice_next(const struct quic_slice *s);

#endif /* _QUIC_CHUNK_H */

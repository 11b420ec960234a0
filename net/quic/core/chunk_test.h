/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chunks for tests: from kmalloc(), counted, with a budget; bytes that tell
 * where they belong; and random numbers that repeat.
 */
#ifndef _QUIC_CHUNK_TEST_H
#define _QUIC_CHUNK_TEST_H

#include "chunk.h"

struct chunk_mem {
	long live;
	long budget;	/* chunks still to be had; below 0: any number */
	u16 nslices;	/* of a chunk; 0: the usual */
	u32 size;	/* of a chunk, whatever is asked for; 0: what is asked for */
};

static inline void chunk_mem_free(struct quic_chunk *c)
{
	((struct chunk_mem *)c->mem)->live--;
	kfree(c);
}

static const struct quic_chunk_ops chunk_mem_free_ops = { .free = chunk_mem_free };

static inline struct quic_chunk *chunk_mem_alloc(struct chunk_mem *m, u32 size)
{
	u16 n = m->nslices ? m->nslices : QUIC_CHUNK_SLICES;
	struct quic_chunk *c;

	if (!m->budget)
		return NULL;
	size = m->size ? m->size : size;
	c = kmalloc(quic_chunk_struct_size(n) + size, GFP_KERNEL);
	if (!c)
		return NULL;
	m->budget -= m->budget > 0;
	m->live++;
	quic_chunk_setup(c, (u8 *)&c->slice[n], size, n, &chunk_mem_free_ops, m);
	c->mem = m;
	c->truesize = size;
	return c;
}

/* The byte at @off of stream @id. */
static inline u8 pattern(u64 id, u64 off)
{
	return off ^ off >> 8 ^ off >> 16 ^ id * 59;
}

static inline void pattern_fill(u8 *p, u64 id, u64 off, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		p[i] = pattern(id, off + i);
}

static inline bool pattern_is(const u8 *p, u64 id, u64 off, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		if (p[i] != pattern(id, off + i))
			return false;
	return true;
}

/* [0, below) */
static inline u32 rnd(u64 *state, u32 below)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(*state >> 33) % below;
}

#endif /* _QUIC_CHUNK_TEST_H */

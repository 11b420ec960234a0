// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Chunks, slices, and slices in order.
 *
 * A chunk lives as long as somebody refers to it: whoever fills it, and every
 * slice of it.  A slice is a slot of its chunk's own array, taken once; when
 * the slots are out, the owner brings another chunk.  recvbuf and sendbuf
 * keep slices in a red-black tree, because a peer decides in which order
 * bytes arrive and which are lost; data in order goes to the right end
 * without a descent.  All under the connection's lock.
 */
#include "chunk.h"

void quic_chunk_setup(struct quic_chunk *c, u8 *base, u32 size, unsigned int nslices,
		      const struct quic_chunk_ops *ops, void *priv)
{
	memset(c, 0, sizeof(*c));
	c->refs = 1;
	c->size = size;
	c->nslices = nslices;
	c->base = base;
	c->ops = ops;
	c->priv = priv;
}

void quic_chunk_put(struct quic_chunk *c)
{
	if (WARN_ON_ONCE(!c->refs))
		return;
	if (!--c->refs)
		c->ops->free(c);
}

static struct quic_slice *entry(struct rb_node *n)
{
	return n ? rb_entry(n, struct quic_slice, node) : NULL;
}

void quic_slices_free(struct quic_slices *t)
{
	struct quic_slice *s, *next;

	rbtree_postorder_for_each_entry_safe(s, next, &t->root, node)
		quic_slice_put(s);
	quic_slices_init(t);
}

void quic_slices_insert(struct quic_slices *t, struct quic_slice *s)
{
	struct rb_node **link = &t->root.rb_node, *parent = NULL;

	if (t->last && t->last->off < s->off) {
		/* the highest has no right child */
		parent = &t->last->node;
		link = &parent->rb_right;
	}
	while (*link) {
		parent = *link;
		link = s->off < entry(parent)->off ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&s->node, parent, link);
	rb_insert_color(&s->node, &t->root);
	if (!t->last || t->last->off < s->off)
		t->last = s;
}

void quic_slices_take(struct quic_slices *t, struct quic_slice *s)
{
	if (t->last == s)
		t->last = entry(rb_prev(&s->node));
	rb_erase(&s->node, &t->root);
}

void quic_slices_remove(struct quic_slices *t, struct quic_slice *s)
{
	quic_slices_take(t, s);
	quic_slice_put(s);
}

struct quic_slice *quic_slices_from(const struct quic_slices *t, u64 off)
{
	struct rb_node *n = t->root.rb_node;
	struct quic_slice *best = NULL;

	while (n) {
		if (quic_slice_end(entry(n)) > off) {
			best = entry(n);
			n = n->rb_left;
		} else {
			n = n->rb_right;
		}
	}
	return best;
}

struct quic_slice *quic_slices_first(const struct quic_slices *t)
{
	return entry(rb_first(&t->root));
}

struct quic_slice *quic_slice_next(const struct quic_slice *s)
{
	return entry(rb_next(&s->node));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Userspace stand-in: a treap behind the red-black tree's interface (shim.c). */
#ifndef _SHIM_LINUX_RBTREE_H
#define _SHIM_LINUX_RBTREE_H

#include <linux/kernel.h>

struct rb_node {
	struct rb_node *shim_parent;	/* itself: in no tree */
	struct rb_node *rb_left, *rb_right;
};

struct rb_root {
	struct rb_node *rb_node;
};

#define RB_ROOT			((struct rb_root) { NULL })
#define RB_EMPTY_ROOT(root)	(!(root)->rb_node)
#define RB_EMPTY_NODE(n)	((n)->shim_parent == (n))
#define RB_CLEAR_NODE(n)	((n)->shim_parent = (n))
#define rb_parent(n)		((n)->shim_parent)
#define rb_entry(p, t, m)	container_of(p, t, m)
#define rb_entry_safe(p, t, m) ({				\
	struct rb_node *__n = (p);				\
								\
	__n ? rb_entry(__n, t, m) : NULL;			\
})

static inline void rb_link_node(struct rb_node *n, struct rb_node *parent,
				struct rb_node **link)
{
	n->shim_parent = parent;
	n->rb_left = n->rb_right = NULL;
	*link = n;
}

void rb_insert_color(struct rb_node *n, struct rb_root *root);
void rb_erase(struct rb_node *n, struct rb_root *root);
void rb_replace_node(struct rb_node *old, struct rb_node *n, struct rb_root *root);
struct rb_node *rb_first(const struct rb_root *root);
struct rb_node *rb_last(const struct rb_root *root);
struct rb_node *rb_next(const struct rb_node *n);
struct rb_node *rb_prev(const struct rb_node *n);
struct rb_node *rb_first_postorder(const struct rb_root *root);
struct rb_node *rb_next_postorder(const struct rb_node *n);

/* Each entry may be freed in the body. */
#define rbtree_postorder_for_each_entry_safe(pos, n, root, m)			\
	for (pos = rb_entry_safe(rb_first_postorder(root), typeof(*pos), m);	\
	     pos && ({ n = rb_entry_safe(rb_next_postorder(&pos->m),		\
					 typeof(*pos), m); 1; });		\
	     pos = n)

#endif

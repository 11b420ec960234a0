// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What of the shim is not inline: allocation (counted, and failing on
 * demand), repeatable random numbers, warnings, and the ordered tree.  One
 * thread, no locks.
 *
 * The tree is a treap: a node's priority is a hash of its address, so that
 * sorted insertions stay cheap and nothing has to be stored in the node.
 */
#include <linux/jump_label.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/random.h>
#include <linux/rbtree.h>
#include <linux/slab.h>
#include <malloc.h>

DEFINE_STATIC_KEY_FALSE(quic_tracing);

long shim_allocs_live;
long shim_allocs_made;
static long allocs_left = -1;
static u64 random_state;

void shim_bug(const char *what, const char *file, int line)
{
	fflush(stdout);
	fprintf(stderr, "WARNING at %s:%d: %s\n", file, line, what);
	abort();
}

void shim_fail_alloc_after(long n)
{
	allocs_left = n;
}

static bool alloc_fails(size_t n)
{
	shim_allocs_made++;
	if (allocs_left > 0)
		allocs_left--;
	else if (!allocs_left)
		return true;
	return n > (1UL << 30);
}

void *kmalloc(size_t n, gfp_t gfp)
{
	void *p;

	if (alloc_fails(n))
		return NULL;
	p = malloc(n);
	if (!p)
		return NULL;
	shim_allocs_live++;
	memset(p, gfp & __GFP_ZERO ? 0 : 0xa5, n);
	return p;
}

void *krealloc(const void *old, size_t n, gfp_t gfp)
{
	void *p = kmalloc(n, gfp);

	if (!p || !old)
		return p;
	memcpy(p, old, min(n, malloc_usable_size((void *)old)));
	kfree(old);
	return p;
}

void kfree(const void *p)
{
	if (p)
		shim_allocs_live--;
	free((void *)p);
}

void kfree_sensitive(const void *p)
{
	if (p)
		memzero_explicit((void *)p, malloc_usable_size((void *)p));
	kfree(p);
}

void *kmemdup(const void *from, size_t n, gfp_t gfp)
{
	void *p = kmalloc(n, gfp);

	return p ? memcpy(p, from, n) : NULL;
}

ssize_t strscpy(char *to, const char *from, size_t n)
{
	size_t len = strnlen(from, n);

	if (!n)
		return -E2BIG;
	memcpy(to, from, min(len, n - 1));
	to[min(len, n - 1)] = 0;
	return len < n ? (ssize_t)len : -E2BIG;
}

void *memchr_inv(const void *p, int c, size_t n)
{
	const u8 *b = p;

	for (; n; n--, b++)
		if (*b != (u8)c)
			return (void *)b;
	return NULL;
}

void shim_random_seed(u64 seed)
{
	random_state = seed;
}

/* A counter and a finaliser with full avalanche: every seed gives a good stream. */
u64 get_random_u64(void)
{
	u64 v = random_state += 0x9e3779b97f4a7c15ULL;

	v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9ULL;
	v = (v ^ v >> 27) * 0x94d049bb133111ebULL;
	return v ^ v >> 31;
}

void get_random_bytes(void *to, size_t n)
{
	u8 *p = to;

	while (n--)
		*p++ = get_random_u64() >> 24;
}

static u64 priority(const struct rb_node *n)
{
	u64 v = (uintptr_t)n * 0x9e3779b97f4a7c15ULL;

	return (v ^ v >> 32) * 0xd6e8feb86659fd93ULL;
}

/* Make @with the child where @n hangs from its parent. */
static void relink(struct rb_root *root, struct rb_node *n, struct rb_node *with)
{
	struct rb_node *up = n->shim_parent;

	if (!up)
		root->rb_node = with;
	else if (up->rb_left == n)
		up->rb_left = with;
	else
		up->rb_right = with;
	if (with)
		with->shim_parent = up;
}

/* Turn @n, a child, up to where its parent is. */
static void rotate_up(struct rb_root *root, struct rb_node *n)
{
	struct rb_node *up = n->shim_parent;
	struct rb_node *moved;

	relink(root, up, n);
	if (up->rb_left == n) {
		moved = up->rb_left = n->rb_right;
		n->rb_right = up;
	} else {
		moved = up->rb_right = n->rb_left;
		n->rb_left = up;
	}
	up->shim_parent = n;
	if (moved)
		moved->shim_parent = up;
}

void rb_insert_color(struct rb_node *n, struct rb_root *root)
{
	while (n->shim_parent && priority(n) > priority(n->shim_parent))
		rotate_up(root, n);
}

void rb_erase(struct rb_node *n, struct rb_root *root)
{
	while (n->rb_left && n->rb_right)
		rotate_up(root, priority(n->rb_left) > priority(n->rb_right) ?
			  n->rb_left : n->rb_right);
	relink(root, n, n->rb_left ? n->rb_left : n->rb_right);
}

void rb_replace_node(struct rb_node *old, struct rb_node *n, struct rb_root *root)
{
	relink(root, old, n);
	n->rb_left = old->rb_left;
	n->rb_right = old->rb_right;
	if (n->rb_left)
		n->rb_left->shim_parent = n;
	if (n->rb_right)
		n->rb_right->shim_parent = n;
}

struct rb_node *rb_first(const struct rb_root *root)
{
	struct rb_node *n = root->rb_node;

	while (n && n->rb_left)
		n = n->rb_left;
	return n;
}

struct rb_node *rb_last(const struct rb_root *root)
{
	struct rb_node *n = root->rb_node;

	while (n && n->rb_right)
		n = n->rb_right;
	return n;
}

struct rb_node *rb_next(const struct rb_node *n)
{
	if (RB_EMPTY_NODE(n))
		return NULL;
	if (n->rb_right)
		return rb_first(&(struct rb_root){ n->rb_right });
	while (n->shim_parent && n->shim_parent->rb_right == n)
		n = n->shim_parent;
	return n->shim_parent;
}

struct rb_node *rb_prev(const struct rb_node *n)
{
	if (RB_EMPTY_NODE(n))
		return NULL;
	if (n->rb_left)
		return rb_last(&(struct rb_root){ n->rb_left });
	while (n->shim_parent && n->shim_parent->rb_left == n)
		n = n->shim_parent;
	return n->shim_parent;
}

struct rb_node *rb_first_postorder(const struct rb_root *root)
{
	struct rb_node *n = root->rb_node;

	while (n && (n->rb_left || n->rb_right))
		n = n->rb_left ? n->rb_left : n->rb_right;
	return n;
}

struct rb_node *rb_next_postorder(const struct rb_node *n)
{
	struct rb_node *up = n->shim_parent;

	if (up && up->rb_left == n && up->rb_right)
		return rb_first_postorder(&(struct rb_root){ up->rb_right });
	return up;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of the shim itself, host only: the tree that stands in for the
 * kernel's keeps its order whatever is inserted and erased, the allocator
 * fails when told to, random numbers repeat and spread.
 */
#include <kunit/test.h>
#include <linux/rbtree.h>
#include <linux/random.h>

#define NODES	500

struct item {
	struct rb_node node;
	u32 key;
	bool in;
};

static void insert(struct rb_root *root, struct item *it)
{
	struct rb_node **link = &root->rb_node, *parent = NULL;

	while (*link) {
		parent = *link;
		link = it->key < rb_entry(parent, struct item, node)->key ?
		       &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&it->node, parent, link);
	rb_insert_color(&it->node, root);
	it->in = true;
}

/* Both ways round: ascending, and as many as are in. */
static void expect_ordered(struct kunit *test, struct rb_root *root, unsigned int in)
{
	struct rb_node *n, *last = NULL;
	unsigned int seen = 0;

	for (n = rb_first(root); n; last = n, n = rb_next(n)) {
		seen++;
		KUNIT_EXPECT_PTR_EQ(test, rb_prev(n), last);
		if (last)
			KUNIT_EXPECT_LE(test, rb_entry(last, struct item, node)->key,
					rb_entry(n, struct item, node)->key);
	}
	KUNIT_EXPECT_EQ(test, seen, in);
	KUNIT_EXPECT_PTR_EQ(test, rb_last(root), last);
	seen = 0;
	for (n = rb_first_postorder(root); n; n = rb_next_postorder(n))
		seen++;
	KUNIT_EXPECT_EQ(test, seen, in);
}

static unsigned int depth(const struct rb_node *n)
{
	return n ? 1 + max(depth(n->rb_left), depth(n->rb_right)) : 0;
}

static void tree(struct kunit *test)
{
	struct item *items = kunit_kcalloc(test, NODES, sizeof(*items), GFP_KERNEL);
	struct rb_root root = RB_ROOT;
	unsigned int i, n, in = 0;

	KUNIT_ASSERT_NOT_NULL(test, items);
	for (i = 0; i < 20 * NODES; i++) {
		n = get_random_u32_below(NODES);
		if (items[n].in) {
			rb_erase(&items[n].node, &root);
			items[n].in = false;
			in--;
		} else {
			items[n].key = get_random_u32_below(NODES);
			insert(&root, &items[n]);
			in++;
		}
		if (i % 100 == 0)
			expect_ordered(test, &root, in);
	}
	for (n = 0; n < NODES; n++)
		if (items[n].in)
			rb_erase(&items[n].node, &root);
	KUNIT_EXPECT_TRUE(test, RB_EMPTY_ROOT(&root));
}

/* Keys in order, as data comes in: no list. */
static void tree_depth(struct kunit *test)
{
	struct item *items = kunit_kcalloc(test, NODES, sizeof(*items), GFP_KERNEL);
	struct rb_root root = RB_ROOT;
	struct item other = {};
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, items);
	for (i = 0; i < NODES; i++) {
		items[i].key = i;
		insert(&root, &items[i]);
	}
	expect_ordered(test, &root, NODES);
	KUNIT_EXPECT_LT(test, depth(root.rb_node), 50);
	other.key = 7;
	rb_replace_node(&items[7].node, &other.node, &root);
	expect_ordered(test, &root, NODES);
	KUNIT_EXPECT_PTR_EQ(test, rb_next(&items[6].node), &other.node);
}

static void failing_allocator(struct kunit *test)
{
	void *p, *q;

	shim_fail_alloc_after(1);
	p = kmalloc(8, GFP_ATOMIC);
	KUNIT_EXPECT_NOT_NULL(test, p);
	KUNIT_EXPECT_NULL(test, kzalloc(8, GFP_ATOMIC));
	KUNIT_EXPECT_NULL(test, krealloc(p, 16, GFP_ATOMIC));
	shim_fail_alloc_after(-1);
	q = krealloc(p, 4000, GFP_ATOMIC);
	KUNIT_EXPECT_NOT_NULL(test, q);
	KUNIT_EXPECT_EQ(test, *(u8 *)q, 0xa5);
	kfree(q);
	KUNIT_EXPECT_NULL(test, kmalloc_array(SIZE_MAX / 2, 4, GFP_ATOMIC));
}

static void random_numbers(struct kunit *test)
{
	unsigned int i, hits[10] = {};
	u64 a, b;

	shim_random_seed(5);
	a = get_random_u64();
	b = get_random_u64();
	shim_random_seed(5);
	KUNIT_EXPECT_EQ(test, get_random_u64(), a);
	KUNIT_EXPECT_NE(test, a, b);
	for (i = 0; i < 10000; i++)
		hits[get_random_u32_below(10)]++;
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_TRUE(test, hits[i] > 800 && hits[i] < 1200);
}

static struct kunit_case shim_cases[] = {
	KUNIT_CASE(tree),
	KUNIT_CASE(tree_depth),
	KUNIT_CASE(failing_allocator),
	KUNIT_CASE(random_numbers),
	{}
};

static struct kunit_suite shim_suite = {
	.name = "shim",
	.test_cases = shim_cases,
};

kunit_test_suite(shim_suite);

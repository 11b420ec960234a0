#include <kunit/test.h>
#include "sent.h"
#include "streams.h"
#include "keys.h"
#include "token.h"
struct e { struct rb_node n; u32 v; };
static void tree(struct kunit *test)
{
	struct rb_root r = RB_ROOT; struct e *e, *x; struct rb_node **l, *p; u32 i, last = 0, cnt = 0;
	struct e *all[500];
	for (i = 0; i < 500; i++) {
		all[i] = e = kunit_kzalloc(test, sizeof(*e), GFP_ATOMIC);
		e->v = get_random_u32();
		for (l = &r.rb_node, p = NULL; *l;) { p = *l; l = e->v < rb_entry(p, struct e, n)->v ? &p->rb_left : &p->rb_right; }
		rb_link_node(&e->n, p, l); rb_insert_color(&e->n, &r);
	}
	for (i = 0; i < 500; i += 2) rb_erase(&all[i]->n, &r);
	for (p = rb_first(&r); p; p = rb_next(p)) { KUNIT_EXPECT_GE(test, rb_entry(p, struct e, n)->v, last); last = rb_entry(p, struct e, n)->v; cnt++; }
	KUNIT_EXPECT_EQ(test, cnt, 250);
	for (cnt = 0, p = rb_last(&r); p; p = rb_prev(p)) cnt++;
	KUNIT_EXPECT_EQ(test, cnt, 250);
	cnt = 0;
	rbtree_postorder_for_each_entry_safe(e, x, &r, n) { cnt++; kunit_kfree(test, e); }
	KUNIT_EXPECT_EQ(test, cnt, 250);
	(void)kmalloc(3, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, clamp(5, 7, 9), 8);
	KUNIT_ASSERT_TRUE_MSG(test, min(cnt, 5U) == 6, "n %d", 3);
}
static struct kunit_case cs[] = { KUNIT_CASE(tree), {} };
static struct kunit_suite s = { .name = "x", .test_cases = cs };
kunit_test_suite(s);

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Streams without memory (only on the host: the kernel's allocator does not
 * fail on demand).  Each way to open a stream with each allocation failing in
 * turn: nothing has changed, and the second try works.  Then two sides over a
 * bad link with allocations failing all the time.
 */
#include "streams_pair.h"

/* What there is to compare before and after a failure. */
struct state {
	u32 count, unborn;
	u64 local_next, remote_next, rcv_used;
	s64 active;
};

static struct state state_of(const struct side *d)
{
	const struct quic_streams_dir *dir = &d->ss.dir[0];

	return (struct state){ d->ss.count, dir->local_unborn.n + dir->remote_unborn.n,
			       dir->local_next, dir->remote_next, d->ss.rcv_used, d->ss.active };
}

/* Streams 4, 8, 12... of the peer and 5, 13... of ours are open, with runs between. */
static struct side *holey(struct kunit *test)
{
	struct side *d = side_new(test, true);
	struct quic_stream *s;
	u32 i;

	d->local.max_streams_bidi = 100;
	quic_streams_set_local(&d->ss);
	quic_streams_rx_max_streams(&d->ss, false, 100);
	for (i = 1; i < 7; i += 2) {
		KUNIT_ASSERT_EQ(test, side_rx_blocked(d, i * 20), 0);
		KUNIT_ASSERT_EQ(test, quic_streams_open(&d->ss, i * 20 + 1, false, false, &s), 0);
	}
	return d;
}

static int op_rx_new(struct side *d)
{
	return side_rx_blocked(d, 360);
}

static int op_rx_unborn(struct side *d)
{
	return side_rx_blocked(d, 40);
}

static int open_id(struct side *d, s64 id)
{
	struct quic_stream *s;
	int err = quic_streams_open(&d->ss, id, false, false, &s);

	return err == -EEXIST ? 0 : err;
}

static int op_open_new(struct side *d)
{
	return open_id(d, 361);
}

static int op_open_unborn(struct side *d)
{
	return open_id(d, 41);
}

static int op_find_unborn(struct side *d)
{
	return side_errno(d, 40, true);
}

static int (*const ops[])(struct side *d) = {
	op_rx_new, op_rx_unborn, op_open_new, op_open_unborn, op_find_unborn,
};

static void try_op(struct kunit *test, int (*op)(struct side *d))
{
	struct side *d = holey(test);
	struct state before, after;
	u32 n, fails = 0;
	int err = -ENOMEM;

	for (n = 0; err; n++) {
		before = state_of(d);
		shim_fail_alloc_after(n);
		err = op(d);
		shim_fail_alloc_after(-1);
		after = state_of(d);
		if (!err)
			break;
		fails++;
		KUNIT_ASSERT_EQ(test, err, -ENOMEM);
		KUNIT_ASSERT_MEMEQ(test, &before, &after, sizeof(before));
	}
	KUNIT_EXPECT_GT(test, fails, 0);
	KUNIT_EXPECT_EQ(test, op(d), 0);
	side_free(test, d);
}

static void opening(struct kunit *test)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(ops); i++)
		try_op(test, ops[i]);
}

/* Every second stream from above: runs are thinned, and each allocation may fail. */
static void thinning(struct kunit *test)
{
	struct side *d = side_new(test, true);
	u32 i, fails = 0;
	int err;

	d->local.max_streams_uni = 8192;
	quic_streams_set_local(&d->ss);
	for (i = 0; i < 4096; i++) {
		shim_fail_alloc_after(i % 3);
		err = side_rx_blocked(d, (8190 - 2 * i) * 4 + 2);
		shim_fail_alloc_after(-1);
		fails += !!err;
		if (err)
			KUNIT_ASSERT_EQ(test, side_rx_blocked(d, (8190 - 2 * i) * 4 + 2), 0);
	}
	KUNIT_EXPECT_GT(test, fails, 1000);
	for (i = 0; i < 8191; i++)
		KUNIT_ASSERT_EQ(test, side_errno(d, i * 4 + 2, false), 0);
	KUNIT_EXPECT_EQ(test, d->ss.count, 8191);
	KUNIT_EXPECT_EQ(test, d->ss.dir[1].remote_unborn.n, 0);
	side_free(test, d);
}

static void init_fails(struct kunit *test)
{
	struct quic_tparam tp;
	struct quic_streams *ss = kunit_kzalloc(test, sizeof(*ss), GFP_KERNEL);

	side_params(&tp);
	shim_fail_alloc_after(0);
	KUNIT_EXPECT_EQ(test, quic_streams_init(ss, false, &side_ops, &side_chunk_ops, NULL,
						&tp, &tp), -ENOMEM);
}

static void starve(struct world *w, bool on)
{
	shim_fail_alloc_after(on ? rnd(&w->rnd, 4) : -1);
}

static void starving_pair(struct kunit *test)
{
	u32 seed;

	for (seed = 40; seed < 50; seed++)
		run(test, seed, seed % 6, seed & 1, starve);
}

static struct kunit_case oom_cases[] = {
	KUNIT_CASE(opening),
	KUNIT_CASE(thinning),
	KUNIT_CASE(init_fails),
	KUNIT_CASE(starving_pair),
	{}
};

static struct kunit_suite oom_suite = {
	.name = "streams_oom",
	.test_cases = oom_cases,
};
kunit_test_suite(oom_suite);

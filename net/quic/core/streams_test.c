// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of the set of streams: opening by either side, limits, streams
 * without an object, the errnos of the user, death and the credit for it.
 */
#include "streams_test.h"
#include "streams_int.h"

#define FLOW	QUIC_TRANSPORT_ERROR_FLOW_CONTROL
#define LIMIT	QUIC_TRANSPORT_ERROR_STREAM_LIMIT
#define STATE	QUIC_TRANSPORT_ERROR_STREAM_STATE

/* RFC 9000 §2.1, table 1 */
static void local_ids(struct kunit *test)
{
	struct side *c = side_new(test, false), *v = side_new(test, true);

	KUNIT_EXPECT_EQ(test, c->ss.active, -1);
	KUNIT_EXPECT_EQ(test, side_open(test, c, false)->id, 0ULL);
	KUNIT_EXPECT_EQ(test, side_open(test, c, false)->id, 4ULL);
	KUNIT_EXPECT_EQ(test, side_open(test, c, true)->id, 2ULL);
	KUNIT_EXPECT_EQ(test, c->ss.active, 2);
	KUNIT_EXPECT_EQ(test, side_open(test, v, false)->id, 1ULL);
	KUNIT_EXPECT_EQ(test, side_open(test, v, true)->id, 3ULL);
	KUNIT_EXPECT_EQ(test, side_open(test, v, true)->id, 7ULL);
	side_free(test, c);
	side_free(test, v);
}

/* RFC 9000 §2.1: lower ones are opened, too; they get objects when used */
static void local_gap(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s, *t;

	KUNIT_EXPECT_EQ(test, quic_streams_open(&d->ss, 36, false, false, &s), 0);
	KUNIT_EXPECT_EQ(test, d->ss.count, 1);
	KUNIT_EXPECT_EQ(test, quic_streams_open(&d->ss, 36, false, false, &t), -EEXIST);
	KUNIT_EXPECT_PTR_EQ(test, t, s);
	KUNIT_EXPECT_EQ(test, quic_streams_open(&d->ss, 16, false, false, &t), -EEXIST);
	KUNIT_EXPECT_EQ(test, t->id, 16ULL);
	KUNIT_EXPECT_EQ(test, d->ss.count, 2);
	/* the peer knows them all */
	KUNIT_EXPECT_EQ(test, quic_streams_rx_max_stream_data(&d->ss, 20, 5000), 0);
	KUNIT_EXPECT_EQ(test, side_find(d, 20, true)->snd_max, 5000ULL);
	KUNIT_EXPECT_EQ(test, quic_streams_rx_max_stream_data(&d->ss, 40, 5000), STATE);
	KUNIT_EXPECT_EQ(test, d->ss.count, 3);
	side_free(test, d);
}

/* A call that failed takes its stream back, with those that it opened below. */
static void taken_back(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s, *t;

	s = side_open(test, d, false);
	KUNIT_EXPECT_EQ(test, quic_streams_open(&d->ss, 20, false, false, &t), 0);
	quic_streams_unopen(&d->ss, t, 0);
	KUNIT_EXPECT_EQ(test, d->ss.count, 1);
	KUNIT_EXPECT_EQ(test, d->ss.active, 0);
	KUNIT_EXPECT_EQ(test, d->ss.dir[0].local_unborn.n, 0);
	KUNIT_EXPECT_EQ(test, side_errno(d, 4, true), -EINVAL);
	t = side_open(test, d, false);
	KUNIT_EXPECT_EQ(test, t->id, 4ULL);
	/* too late: another came after it */
	quic_streams_unopen(&d->ss, s, -1);
	KUNIT_EXPECT_EQ(test, side_errno(d, 0, true), 0);
	/* the peer is told of it, or was */
	t->snd_max = 0;
	quic_stream_block(&d->ss, t);
	quic_streams_unopen(&d->ss, t, -1);
	KUNIT_EXPECT_EQ(test, side_errno(d, 4, true), 0);
	t = side_open(test, d, false);
	quic_stream_finish(&d->ss, t);
	quic_streams_unopen(&d->ss, t, -1);
	KUNIT_EXPECT_EQ(test, side_errno(d, 8, true), 0);
	KUNIT_EXPECT_EQ(test, d->ss.active, 8);
	side_free(test, d);
}

static void local_errnos(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s;

	KUNIT_EXPECT_EQ(test, quic_streams_open(&d->ss, 1, false, false, &s), -EINVAL);
	KUNIT_EXPECT_EQ(test, quic_streams_open(&d->ss, -2, false, false, &s), -EINVAL);
	KUNIT_EXPECT_EQ(test, quic_streams_open(&d->ss, 1LL << 62, false, false, &s), -EINVAL);
	KUNIT_EXPECT_EQ(test, quic_streams_open(&d->ss, 40, false, false, &s), -EAGAIN);
	KUNIT_EXPECT_NULL(test, s);
	KUNIT_EXPECT_EQ(test, side_errno(d, 0, true), -EINVAL);
	KUNIT_EXPECT_EQ(test, side_errno(d, 1, true), -EINVAL);
	KUNIT_EXPECT_EQ(test, side_errno(d, U64_MAX, true), -EINVAL);
	s = side_open(test, d, true);
	KUNIT_EXPECT_EQ(test, side_errno(d, 2, true), 0);
	KUNIT_EXPECT_EQ(test, side_errno(d, 2, false), -EINVAL);	/* send-only */
	KUNIT_EXPECT_EQ(test, side_rx(d, 3, 0, 1, false), 0);
	KUNIT_EXPECT_EQ(test, side_errno(d, 3, false), 0);
	KUNIT_EXPECT_EQ(test, side_errno(d, 3, true), -EINVAL);		/* receive-only */
	/* closed */
	quic_stream_finish(&d->ss, s);
	side_tx(test, d, 1000);
	side_acked(d);
	KUNIT_EXPECT_EQ(test, side_errno(d, 2, true), -ENOSTR);
	KUNIT_EXPECT_EQ(test, quic_streams_open(&d->ss, 2, true, false, &s), -ENOSTR);
	side_free(test, d);
}

/* RFC 9000 §4.6, §19.14: once a limit, and again when that packet is lost */
static void local_limit(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s;
	u32 i;

	for (i = 0; i < 10; i++)
		side_open(test, d, true);
	KUNIT_EXPECT_EQ(test, quic_streams_open(&d->ss, -1, true, false, &s), -EAGAIN);
	KUNIT_EXPECT_FALSE(test, quic_streams_want_tx(&d->ss, false));
	KUNIT_EXPECT_EQ(test, quic_streams_open(&d->ss, -1, true, true, &s), -EAGAIN);
	KUNIT_EXPECT_TRUE(test, quic_streams_want_tx(&d->ss, false));
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 1);
	expect_type(test, d, 0, QUIC_FRAME_STREAMS_BLOCKED_UNI);
	KUNIT_EXPECT_EQ(test, d->f[0].max_streams.max, 10ULL);
	quic_streams_open(&d->ss, -1, true, true, &s);
	KUNIT_EXPECT_FALSE(test, quic_streams_want_tx(&d->ss, false));
	side_lost(d);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 1);
	/* what does not raise the limit is ignored */
	KUNIT_EXPECT_EQ(test, quic_streams_rx_max_streams(&d->ss, true, 10), 0);
	KUNIT_EXPECT_EQ(test, d->max_streams, 0);
	KUNIT_EXPECT_EQ(test, quic_streams_rx_max_streams(&d->ss, true, 11), 0);
	KUNIT_EXPECT_EQ(test, d->max_streams, 1);
	KUNIT_EXPECT_EQ(test, d->writable, 1);
	side_lost(d);	/* not blocked on that limit any more */
	KUNIT_EXPECT_FALSE(test, quic_streams_want_tx(&d->ss, false));
	side_open(test, d, true);
	KUNIT_EXPECT_EQ(test, quic_streams_rx_max_streams(&d->ss, true, 1), 0);
	KUNIT_EXPECT_EQ(test, d->ss.dir[1].local_max, 11ULL);
	/* RFC 9000 §19.11 */
	KUNIT_EXPECT_EQ(test, quic_streams_rx_max_streams(&d->ss, false, 1ULL << 60), 0);
	KUNIT_EXPECT_EQ(test, quic_streams_rx_max_streams(&d->ss, false, (1ULL << 60) + 1),
			QUIC_TRANSPORT_ERROR_FRAME_ENCODING);
	side_free(test, d);
}

/* A local user may leave any gap below the peer's limit: it costs nothing. */
static void local_far(struct kunit *test)
{
	struct side *d = side_new(test, true);
	struct quic_stream *s;
	s64 id = ((1LL << 60) - 1) * 4 + 1;

	quic_streams_rx_max_streams(&d->ss, false, 1ULL << 60);
	KUNIT_EXPECT_EQ(test, quic_streams_open(&d->ss, id, false, false, &s), 0);
	KUNIT_EXPECT_EQ(test, d->ss.count, 1);
	KUNIT_EXPECT_EQ(test, quic_streams_open(&d->ss, -1, false, false, &s), -EINVAL);
	KUNIT_EXPECT_EQ(test, side_errno(d, id - 4, true), 0);
	side_free(test, d);
}

/* RFC 9000 §4.6, §19.11 */
static void remote_limit(struct kunit *test)
{
	struct side *d = side_new(test, true);

	KUNIT_EXPECT_EQ(test, side_rx(d, 40, 0, 1, false), LIMIT);
	KUNIT_EXPECT_EQ(test, side_rx(d, 42, 0, 1, false), LIMIT);
	KUNIT_EXPECT_EQ(test, side_rx_reset(d, 40, 0, 0), LIMIT);
	KUNIT_EXPECT_EQ(test, side_rx_stop(d, 40, 0), LIMIT);
	KUNIT_EXPECT_EQ(test, side_rx_blocked(d, 40), LIMIT);
	KUNIT_EXPECT_EQ(test, quic_streams_rx_max_stream_data(&d->ss, 40, 1), LIMIT);
	KUNIT_EXPECT_EQ(test, side_rx(d, QUIC_VARINT_MAX - 3, 0, 1, false), LIMIT);
	KUNIT_EXPECT_EQ(test, d->ss.count, 0);
	KUNIT_EXPECT_EQ(test, side_rx(d, 36, 0, 1, false), 0);
	KUNIT_EXPECT_EQ(test, side_rx(d, 38, 0, 1, false), 0);
	KUNIT_EXPECT_EQ(test, d->ss.count, 2);
	KUNIT_EXPECT_EQ(test, d->ss.active, 36);	/* bidirectional ones only */
	side_free(test, d);
}

/* RFC 9000 §3.2: which frames open a stream, §19.*: which may not come at all */
static void remote_frames(struct kunit *test)
{
	struct side *d = side_new(test, true);
	struct quic_stream *s;

	KUNIT_EXPECT_EQ(test, side_rx_blocked(d, 0), 0);
	KUNIT_EXPECT_EQ(test, side_rx_stop(d, 4, 9), 0);
	KUNIT_EXPECT_EQ(test, quic_streams_rx_max_stream_data(&d->ss, 8, 2000), 0);
	KUNIT_EXPECT_EQ(test, side_rx_reset(d, 12, 9, 0), 0);
	KUNIT_EXPECT_EQ(test, d->ss.count, 4);
	/* a stream that the peer only sends on */
	KUNIT_EXPECT_EQ(test, side_rx_stop(d, 2, 0), STATE);
	KUNIT_EXPECT_EQ(test, quic_streams_rx_max_stream_data(&d->ss, 2, 1), STATE);
	KUNIT_EXPECT_EQ(test, side_rx_blocked(d, 2), 0);
	/* ours, not yet created */
	KUNIT_EXPECT_EQ(test, side_rx(d, 1, 0, 1, false), STATE);
	KUNIT_EXPECT_EQ(test, side_rx_stop(d, 1, 0), STATE);
	KUNIT_EXPECT_EQ(test, side_rx_reset(d, 1, 0, 0), STATE);
	KUNIT_EXPECT_EQ(test, quic_streams_rx_max_stream_data(&d->ss, 1, 1), STATE);
	/* ours, send-only */
	s = side_open(test, d, true);
	KUNIT_EXPECT_EQ(test, side_rx(d, s->id, 0, 1, false), STATE);
	KUNIT_EXPECT_EQ(test, side_rx_reset(d, s->id, 0, 0), STATE);
	KUNIT_EXPECT_EQ(test, side_rx_blocked(d, s->id), STATE);
	KUNIT_EXPECT_EQ(test, side_rx_stop(d, s->id, 0), 0);
	side_free(test, d);
}

/* RFC 9000 §18.2: which limit is for which kind of stream */
static void initial_limits(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s;

	d->local.max_stream_data_bidi_local = 11;
	d->local.max_stream_data_bidi_remote = 12;
	d->local.max_stream_data_uni = 13;
	d->remote.max_stream_data_bidi_local = 2100;
	d->remote.max_stream_data_bidi_remote = 2200;
	d->remote.max_stream_data_uni = 2300;
	s = side_open(test, d, false);
	KUNIT_EXPECT_EQ(test, s->rcv_max, 11ULL);
	KUNIT_EXPECT_EQ(test, s->snd_max, 2200ULL);
	s = side_open(test, d, true);
	KUNIT_EXPECT_EQ(test, s->snd_max, 2300ULL);
	KUNIT_EXPECT_EQ(test, side_rx(d, 1, 0, 12, false), 0);
	KUNIT_EXPECT_EQ(test, side_rx(d, 5, 0, 13, false), FLOW);
	KUNIT_EXPECT_EQ(test, side_find(d, 1, true)->snd_max, 2100ULL);
	KUNIT_EXPECT_EQ(test, side_rx(d, 3, 0, 13, false), 0);
	KUNIT_EXPECT_EQ(test, side_rx(d, 7, 0, 14, false), FLOW);
	/* remembered limits (0-RTT) only rise */
	d->remote.max_stream_data_uni = 2000;
	d->remote.max_stream_data_bidi_remote = 2500;
	d->remote.max_data = 9000;
	d->remote.max_streams_uni = 3;
	quic_streams_set_remote(&d->ss);
	KUNIT_EXPECT_EQ(test, side_find(d, 2, true)->snd_max, 2300ULL);
	KUNIT_EXPECT_EQ(test, side_find(d, 0, true)->snd_max, 2500ULL);
	KUNIT_EXPECT_EQ(test, d->ss.snd_max, 9000ULL);
	KUNIT_EXPECT_EQ(test, d->ss.dir[1].local_max, 10ULL);
	side_free(test, d);
}

static void local_params(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s = side_open(test, d, false);

	d->local.max_data = 100;
	d->local.max_stream_data_bidi_local = 50;
	d->local.max_streams_bidi = 2;
	quic_streams_set_local(&d->ss);
	KUNIT_EXPECT_EQ(test, s->rcv_max, 50ULL);
	KUNIT_EXPECT_EQ(test, d->ss.rcv_max, 100ULL);
	KUNIT_EXPECT_EQ(test, side_rx(d, 5, 0, 1, false), 0);
	KUNIT_EXPECT_EQ(test, side_rx(d, 9, 0, 1, false), LIMIT);
	side_free(test, d);
}

/* The peer's stream @id comes and goes. */
static void live_and_die(struct kunit *test, struct side *d, u64 id)
{
	struct quic_stream *s;
	bool fin;

	KUNIT_ASSERT_EQ(test, side_rx(d, id, 0, 5, true), 0);
	s = side_find(d, id, false);
	KUNIT_ASSERT_NOT_NULL(test, s);
	if (!quic_stream_id_uni(id))
		quic_stream_finish(&d->ss, s);
	side_tx(test, d, 1000);
	side_acked(d);
	KUNIT_EXPECT_EQ(test, side_read(d, s, 100, &fin, 0, 0), 5);
	KUNIT_EXPECT_TRUE(test, fin);
}

/* RFC 9000 §4.6: the limit rises as streams close, here of ten at a time by five */
static void credit_for_closed(struct kunit *test)
{
	static const struct quic_frame blocked = {
		.type = QUIC_FRAME_STREAMS_BLOCKED_UNI, .max_streams = { .uni = true },
	};
	struct side *d = side_new(test, true);
	u32 i;

	for (i = 0; i < 100; i++) {
		live_and_die(test, d, i * 4);
		KUNIT_EXPECT_EQ(test, d->ss.dir[0].remote_max, 10ULL + (i + 1) / 5 * 5);
		KUNIT_EXPECT_EQ(test, d->ss.count, 0);
		KUNIT_EXPECT_EQ(test, side_errno(d, i * 4, true), -ENOSTR);
		KUNIT_ASSERT_EQ(test, side_tx(test, d, 1000), (i + 1) % 5 == 0);
		if ((i + 1) % 5 == 0) {
			expect_type(test, d, 0, QUIC_FRAME_MAX_STREAMS_BIDI);
			KUNIT_EXPECT_EQ(test, d->f[0].max_streams.max, 11ULL + i);
		}
		/* late frames for it: nothing happens (§3.2) */
		KUNIT_EXPECT_EQ(test, side_rx(d, i * 4, 0, 5, true), 0);
		KUNIT_EXPECT_EQ(test, side_rx(d, i * 4, 0, 900, true), 0);
		KUNIT_EXPECT_EQ(test, side_rx_reset(d, i * 4, 0, 5), 0);
		KUNIT_EXPECT_EQ(test, side_rx_stop(d, i * 4, 0), 0);
		KUNIT_EXPECT_EQ(test, d->ss.count, 0);
	}
	KUNIT_EXPECT_EQ(test, d->ss.dir[1].remote_max, 10ULL);
	live_and_die(test, d, 2);
	KUNIT_EXPECT_EQ(test, d->ss.dir[1].remote_max, 10ULL);
	quic_streams_rx_blocked(&d->ss, &blocked);
	KUNIT_EXPECT_EQ(test, d->ss.dir[1].remote_max, 11ULL);
	/* lost: sent again, while it is the last word */
	side_tx(test, d, 1000);
	side_lost(d);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 1);
	live_and_die(test, d, 6);
	quic_streams_rx_blocked(&d->ss, &blocked);
	side_tx(test, d, 1000);
	quic_streams_rx_blocked(&d->ss, &blocked);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 0);	/* it has all there is */
	quic_streams_lost(&d->ss, &(struct quic_sent_item){
			  .type = QUIC_ITEM_MAX_STREAMS, .id = 1, .off = 11 });
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 0);
	side_free(test, d);
}

/*
 * RFC 9000 §4.6: a peer that keeps @open streams open and opens one for each that ends is
 * never kept waiting, and hears at most once for half of what it has left.
 */
static void credit_of(struct kunit *test, u32 window, u32 open)
{
	struct side *d = side_new(test, true);
	u32 i, heard = 0, at_most = 1000 / max((window - open + 1) / 2, 1U) + 1;
	bool fin;

	d->local.max_streams_uni = window;
	d->local.max_data = 1 << 20;
	quic_streams_set_local(&d->ss);
	for (i = 0; i < 1000 + open; i++) {
		KUNIT_ASSERT_LT(test, i, d->ss.dir[1].remote_max);
		KUNIT_ASSERT_EQ(test, side_rx(d, i * 4 + 2, 0, 1, true), 0);
		if (i + 1 >= open)
			side_read(d, side_find(d, (i + 1 - open) * 4 + 2, false), 1, &fin, 0, 0);
		if (side_tx(test, d, 1000))
			heard++;
	}
	KUNIT_EXPECT_GT(test, heard, 0);
	KUNIT_EXPECT_LE(test, heard, at_most);
	/* one that opens all it may without an end of any is told of each end after that */
	while (i < d->ss.dir[1].remote_max)
		KUNIT_ASSERT_EQ(test, side_rx(d, i++ * 4 + 2, 0, 1, true), 0);
	side_tx(test, d, 1000);
	KUNIT_EXPECT_EQ(test, d->ss.dir[1].remote_max,
			d->ss.dir[1].remote_closed + window);
	side_free(test, d);
}

static void credit_in_time(struct kunit *test)
{
	credit_of(test, 1, 1);
	credit_of(test, 2, 1);
	credit_of(test, 2, 2);
	credit_of(test, 3, 1);
	credit_of(test, 100, 1);
	credit_of(test, 100, 60);
	credit_of(test, 100, 99);
	credit_of(test, 100, 100);
}

static struct side *many(struct kunit *test, u32 streams)
{
	struct side *d = side_new(test, true);

	d->local.max_streams_uni = streams;
	d->local.max_data = 1 << 20;
	quic_streams_set_local(&d->ss);
	return d;
}

/* The highest first: one object.  Then all the others: the table grows. */
static void highest_first(struct kunit *test)
{
	struct side *d = many(test, 65535);
	u32 i;

	KUNIT_EXPECT_EQ(test, side_rx(d, 65534 * 4 + 2, 0, 1, false), 0);
	KUNIT_EXPECT_EQ(test, d->ss.count, 1);
	KUNIT_EXPECT_EQ(test, d->ss.dir[1].remote_unborn.n, 1);
	KUNIT_EXPECT_EQ(test, side_errno(d, 2, false), 0);
	KUNIT_EXPECT_EQ(test, d->ss.count, 2);
	for (i = 0; i < 2000; i++)
		KUNIT_ASSERT_EQ(test, side_rx(d, i * 4 + 2, 0, 1, false), 0);
	KUNIT_EXPECT_EQ(test, d->ss.count, 2001);
	KUNIT_EXPECT_GE(test, d->ss.buckets, 1024);
	for (i = 0; i < 2000; i++)
		KUNIT_ASSERT_EQ(test, side_find(d, i * 4 + 2, false)->id, i * 4 + 2ULL);
	side_free(test, d);
}

/* Every second one, from above: more runs than are kept, so some are given objects. */
static void too_many_runs(struct kunit *test)
{
	struct side *d = many(test, 65535);
	u32 i, n = 4 * QUIC_STREAMS_UNBORN_MAX;

	for (i = 0; i < n; i++) {
		KUNIT_ASSERT_EQ(test, side_rx(d, (65534 - 2 * i) * 4 + 2, 0, 1, false), 0);
		KUNIT_ASSERT_LE(test, d->ss.dir[1].remote_unborn.n, (u32)QUIC_STREAMS_UNBORN_MAX);
	}
	KUNIT_EXPECT_GT(test, d->ss.count, n);
	KUNIT_EXPECT_LE(test, d->ss.count, 2 * n);
	/* each of them is still open */
	for (i = 0; i < 65535; i++)
		KUNIT_ASSERT_NE(test, quic_ranges_contains(&d->ss.dir[1].remote_unborn, i),
				!!quic_streams_lookup(&d->ss, i * 4 + 2));
	side_free(test, d);
}

static void too_many_local_runs(struct kunit *test)
{
	struct side *d = side_new(test, true);
	struct quic_stream *s;
	int err = 0;
	u32 i;

	quic_streams_rx_max_streams(&d->ss, true, 1ULL << 60);
	for (i = 1; i <= QUIC_STREAMS_UNBORN_MAX + 1; i++) {
		KUNIT_ASSERT_EQ(test, err, 0);
		err = quic_streams_open(&d->ss, (i * 1000ULL) << 2 | 3, true, false, &s);
	}
	/* runs of 999: none short enough */
	KUNIT_EXPECT_EQ(test, err, -ENOBUFS);
	KUNIT_EXPECT_NULL(test, s);
	KUNIT_EXPECT_EQ(test, d->ss.count, (u32)QUIC_STREAMS_UNBORN_MAX);
	KUNIT_EXPECT_EQ(test, side_open(test, d, true)->id, d->ss.dir[1].local_next * 4 - 1);
	side_free(test, d);
}

/* A peeled-off stream outlives its end, and is not in the common queue. */
static void pinned(struct kunit *test)
{
	struct side *d = side_new(test, true);
	struct quic_stream *s;
	bool fin;

	side_rx(d, 2, 0, 10, false);
	s = quic_streams_readable(&d->ss);
	KUNIT_ASSERT_NOT_NULL(test, s);
	quic_stream_pin(&d->ss, s, test);
	KUNIT_EXPECT_NULL(test, quic_streams_readable(&d->ss));
	d->readable = 0;
	side_rx(d, 2, 10, 10, true);
	KUNIT_EXPECT_NULL(test, quic_streams_readable(&d->ss));
	KUNIT_EXPECT_EQ(test, d->readable, 0);
	KUNIT_EXPECT_EQ(test, d->owner_reads, 1);
	KUNIT_EXPECT_EQ(test, side_read(d, s, 100, &fin, 0, 0), 20);
	KUNIT_EXPECT_TRUE(test, quic_stream_is_closed(s));
	KUNIT_EXPECT_EQ(test, d->ss.count, 1);
	KUNIT_EXPECT_EQ(test, d->ss.dir[1].remote_max, 10ULL);
	KUNIT_EXPECT_EQ(test, d->ss.dir[1].remote_closed, 0ULL);
	quic_stream_release(&d->ss, s);
	KUNIT_EXPECT_EQ(test, d->ss.count, 0);
	KUNIT_EXPECT_EQ(test, d->ss.dir[1].remote_closed, 1ULL);
	/* one that still has data returns to the queue */
	side_rx(d, 6, 0, 10, false);
	s = quic_streams_readable(&d->ss);
	quic_stream_pin(&d->ss, s, test);
	quic_stream_release(&d->ss, s);
	KUNIT_EXPECT_PTR_EQ(test, quic_streams_readable(&d->ss), s);
	/* and one that was reset meanwhile is over */
	quic_stream_pin(&d->ss, s, test);
	side_rx_reset(d, 6, 5, 10);
	KUNIT_EXPECT_EQ(test, (int)s->rcv_state, (int)RCV(RESET_RECVD));
	KUNIT_EXPECT_EQ(test, d->owner_reads, 2);
	KUNIT_EXPECT_EQ(test, d->ss.count, 1);
	quic_stream_release(&d->ss, s);
	KUNIT_EXPECT_EQ(test, d->ss.count, 0);
	side_free(test, d);
}

static struct kunit_case streams_cases[] = {
	KUNIT_CASE(local_ids),
	KUNIT_CASE(local_gap),
	KUNIT_CASE(taken_back),
	KUNIT_CASE(local_errnos),
	KUNIT_CASE(local_limit),
	KUNIT_CASE(local_far),
	KUNIT_CASE(remote_limit),
	KUNIT_CASE(remote_frames),
	KUNIT_CASE(initial_limits),
	KUNIT_CASE(local_params),
	KUNIT_CASE(credit_for_closed),
	KUNIT_CASE(credit_in_time),
	KUNIT_CASE(highest_first),
	KUNIT_CASE(too_many_runs),
	KUNIT_CASE(too_many_local_runs),
	KUNIT_CASE(pinned),
	{}
};

static struct kunit_suite streams_suite = {
	.name = "streams",
	.test_cases = streams_cases,
};
kunit_test_suite(streams_suite);

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of control frames: all kinds in one packet, little room, more than a
 * packet records, and what a lost packet makes owed again (RFC 9000 §13.3).
 */
#include "streams_test.h"

/* Make the connection owe one frame of every kind; the stream that it is about. */
static void owe_all(struct kunit *test, struct side *d)
{
	static const struct quic_frame blocked = {
		.type = QUIC_FRAME_STREAMS_BLOCKED_UNI, .max_streams = { .uni = true },
	};
	struct quic_stream *s, *u;
	bool fin;
	u32 i;

	d->ss.tuning = false;
	for (i = 0; i < 2; i++) {		/* MAX_DATA, MAX_STREAMS */
		side_rx(d, i * 4 + 3, 0, 1000, true);
		side_read(d, side_find(d, i * 4 + 3, false), 1000, &fin, 1, 1);
	}
	quic_streams_rx_blocked(&d->ss, &blocked);
	side_rx_reset(d, 1, 0, 0);
	s = side_find(d, 1, true);
	quic_stream_reset(&d->ss, s, 1);	/* RESET_STREAM */
	side_rx(d, 5, 0, 600, false);
	side_read(d, side_find(d, 5, false), 600, &fin, 1, 1);	/* MAX_STREAM_DATA */
	side_rx(d, 11, 0, 1, false);
	quic_stream_stop(&d->ss, side_find(d, 11, false), 2);	/* STOP_SENDING */
	for (i = 0; i < 10; i++)
		u = side_open(test, d, true);
	quic_streams_open(&d->ss, -1, true, true, &s);		/* STREAMS_BLOCKED */
	u->snd_max = 0;
	quic_stream_block(&d->ss, u);				/* STREAM_DATA_BLOCKED */
	d->ss.snd_max = 0;
	quic_stream_block(&d->ss, u);				/* DATA_BLOCKED */
}

static const u64 all_types[] = {
	QUIC_FRAME_MAX_DATA, QUIC_FRAME_DATA_BLOCKED, QUIC_FRAME_MAX_STREAMS_UNI,
	QUIC_FRAME_STREAMS_BLOCKED_UNI, QUIC_FRAME_RESET_STREAM,
	QUIC_FRAME_MAX_STREAM_DATA, QUIC_FRAME_STOP_SENDING, QUIC_FRAME_STREAM_DATA_BLOCKED,
};

static void all_kinds(struct kunit *test)
{
	struct side *d = side_new(test, false);
	u32 i;

	owe_all(test, d);
	KUNIT_ASSERT_EQ(test, side_tx(test, d, 1000), (u32)ARRAY_SIZE(all_types));
	for (i = 0; i < ARRAY_SIZE(all_types); i++)
		expect_type(test, d, i, all_types[i]);
	KUNIT_EXPECT_FALSE(test, quic_streams_want_tx(&d->ss, false));
	/* all lost: all owed, in their order of precedence */
	side_lost(d);
	KUNIT_ASSERT_EQ(test, side_tx(test, d, 1000), (u32)ARRAY_SIZE(all_types));
	side_acked(d);
	/* late news of the first copy: all but RESET_STREAM and STOP_SENDING, which are settled */
	side_lost(d);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 6);
	side_free(test, d);
}

/* A packet at a time with hardly any room: each frame goes once, none is skipped. */
static void little_room(struct kunit *test)
{
	struct side *d = side_new(test, false);
	u32 room, i, n = 0;

	owe_all(test, d);
	for (room = 0; room < 6; room++) {
		i = side_tx(test, d, room % 4);
		KUNIT_EXPECT_LE(test, i, 1);
		n += i;
	}
	for (i = 0; i < 20 && quic_streams_want_tx(&d->ss, false); i++)
		n += side_tx(test, d, 6);
	KUNIT_EXPECT_EQ(test, n, (u32)ARRAY_SIZE(all_types));
	side_free(test, d);
}

/* More than a packet records */
static void many(struct kunit *test)
{
	struct side *d = side_new(test, false);
	u32 i;

	quic_streams_rx_max_streams(&d->ss, true, 100);
	for (i = 0; i < 40; i++)
		quic_stream_reset(&d->ss, side_open(test, d, true), i);
	for (i = 0; i < 40; ) {
		u32 k, n = side_tx(test, d, 1000);

		KUNIT_ASSERT_GT(test, n, 0);
		for (k = 0; k < n; k++, i++) {
			expect_type(test, d, k, QUIC_FRAME_RESET_STREAM);
			KUNIT_EXPECT_EQ(test, d->f[k].reset.id, i * 4 + 2ULL);
			KUNIT_EXPECT_EQ(test, d->f[k].reset.code, (u64)i);
		}
		side_acked(d);
	}
	KUNIT_EXPECT_EQ(test, d->ss.count, 0);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 0);
	side_free(test, d);
}

/* An old value lost is no news */
static void last_word(struct kunit *test)
{
	struct side *d = side_new(test, true);
	struct quic_sent_item old[2];
	struct quic_stream *s;
	bool fin;

	d->ss.tuning = false;
	side_rx(d, 0, 0, 1000, false);
	s = side_find(d, 0, false);
	side_read(d, s, 500, &fin, 1, 1);
	KUNIT_ASSERT_EQ(test, side_tx(test, d, 1000), 1);
	old[0] = d->p.item[0];
	side_read(d, s, 500, &fin, 1, 1);
	side_rx(d, 0, 1000, 500, false);
	side_read(d, s, 500, &fin, 1, 1);
	KUNIT_ASSERT_EQ(test, side_tx(test, d, 1000), 2);
	old[1] = d->p.item[0];
	side_rx(d, 0, 1500, 1000, false);
	side_rx(d, 4, 0, 1000, false);
	side_read(d, s, 1000, &fin, 1, 1);
	side_read(d, side_find(d, 4, false), 1000, &fin, 1, 1);
	KUNIT_ASSERT_EQ(test, side_tx(test, d, 1000), 3);
	quic_streams_lost(&d->ss, &old[0]);
	quic_streams_lost(&d->ss, &old[1]);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 0);
	side_free(test, d);
}

/* RFC 9000 §3.2: a stream without data, and the peer knows of it */
static void announce(struct kunit *test)
{
	struct side *d = side_new(test, false), *peer = side_new(test, true);
	struct quic_stream *s = side_open(test, d, false);

	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 0);
	quic_stream_announce(&d->ss, s);
	KUNIT_ASSERT_EQ(test, side_tx(test, d, 1000), 1);
	side_lost(d);
	KUNIT_ASSERT_EQ(test, side_tx(test, d, 1000), 1);
	expect_type(test, d, 0, QUIC_FRAME_MAX_STREAM_DATA);
	KUNIT_EXPECT_EQ(test, peer->ss.active, -1);
	KUNIT_EXPECT_EQ(test, quic_streams_rx_max_stream_data(&peer->ss, s->id,
							      d->f[0].max_stream_data.max), 0);
	KUNIT_EXPECT_EQ(test, peer->ss.active, (s64)s->id);
	side_acked(d);
	side_free(test, peer);
	side_free(test, d);
}

static struct kunit_case stream_ctl_cases[] = {
	KUNIT_CASE(all_kinds),
	KUNIT_CASE(little_room),
	KUNIT_CASE(many),
	KUNIT_CASE(last_word),
	KUNIT_CASE(announce),
	{}
};

static struct kunit_suite stream_ctl_suite = {
	.name = "stream_ctl",
	.test_cases = stream_ctl_cases,
};
kunit_test_suite(stream_ctl_suite);

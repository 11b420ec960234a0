// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of sending parts: frames and FIN, turns, Nagle and MSG_MORE, credit
 * and *_BLOCKED, resets, rejected 0-RTT, and the accounts of all that.
 */
#include "streams_test.h"

/* Header of a STREAM frame of stream 0 or 2 at offset 0, without Length */
#define BARE	2

static void whole_stream(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s = side_open(test, d, true);

	KUNIT_EXPECT_FALSE(test, quic_streams_want_tx(&d->ss, false));
	KUNIT_EXPECT_EQ(test, side_write(d, s, 300, false), 0);
	KUNIT_EXPECT_EQ(test, quic_stream_finish(&d->ss, s), 0);
	KUNIT_EXPECT_EQ(test, d->ss.snd_held, 300ULL);
	KUNIT_EXPECT_EQ(test, quic_streams_unsent(&d->ss), 300ULL);
	KUNIT_EXPECT_TRUE(test, quic_streams_want_tx(&d->ss, false));
	KUNIT_EXPECT_EQ(test, (int)s->snd_state, (int)SND(READY));
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 1);
	expect_stream(test, d, 0, 2, 0, 300, true);
	KUNIT_EXPECT_EQ(test, (int)s->snd_state, (int)SND(SENT));
	KUNIT_EXPECT_FALSE(test, quic_streams_want_tx(&d->ss, false));
	KUNIT_EXPECT_EQ(test, quic_streams_unsent(&d->ss), 0ULL);
	KUNIT_EXPECT_EQ(test, d->ss.snd_held, 300ULL);
	KUNIT_EXPECT_EQ(test, side_write(d, s, 1, false), -EPIPE);
	KUNIT_EXPECT_EQ(test, quic_stream_finish(&d->ss, s), -EPIPE);
	KUNIT_EXPECT_EQ(test, d->nev, 0);
	side_acked(d);
	expect_event(test, d, 2, SND(RECVD), 0, 0);
	KUNIT_EXPECT_EQ(test, d->ss.snd_held, 0ULL);
	KUNIT_EXPECT_EQ(test, d->ss.count, 0);
	KUNIT_EXPECT_EQ(test, d->writable, 1);
	side_acked(d);	/* again: nothing */
	side_lost(d);
	side_free(test, d);
}

static void fin_only(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s = side_open(test, d, true);

	quic_stream_finish(&d->ss, s);	/* an empty stream */
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 1);
	expect_stream(test, d, 0, 2, 0, 0, true);
	side_lost(d);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 1);
	expect_stream(test, d, 0, 2, 0, 0, true);
	side_acked(d);
	expect_event(test, d, 2, SND(RECVD), 0, 0);
	/* FIN after the data; credit is not needed */
	s = side_open(test, d, true);
	side_write(d, s, 1000, false);
	side_tx(test, d, 1200);
	side_acked(d);
	KUNIT_EXPECT_EQ(test, d->nev, 0);
	quic_stream_finish(&d->ss, s);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 1);
	expect_stream(test, d, 0, 6, 1000, 0, true);
	side_acked(d);
	expect_event(test, d, 6, SND(RECVD), 0, 0);
	side_free(test, d);
}

/* The end is "all data and FIN", in whatever order it is acknowledged. */
static void fin_before_data(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s = side_open(test, d, true);
	struct quic_sent_item data;

	side_write(d, s, 100, false);
	side_tx(test, d, 1000);
	data = d->p.item[0];
	quic_stream_finish(&d->ss, s);
	side_tx(test, d, 1000);
	side_acked(d);
	KUNIT_EXPECT_EQ(test, d->nev, 0);
	/* the data is lost: sent again, with the FIN that is known already */
	quic_streams_lost(&d->ss, &data);
	side_tx(test, d, 1000);
	expect_stream(test, d, 0, 2, 0, 100, true);
	quic_streams_acked(&d->ss, &data);
	expect_event(test, d, 2, SND(RECVD), 0, 0);
	side_free(test, d);
}

/* RFC 9000 §19.8: no Length field in a frame that fills the packet */
static void full_packets(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s = side_open(test, d, true);
	u32 room;

	side_write(d, s, 1000, true);
	for (room = 100; room < 108; room++) {
		KUNIT_EXPECT_EQ(test, side_tx(test, d, room), 1);
		KUNIT_EXPECT_EQ(test, d->p.len, room);
		KUNIT_EXPECT_EQ(test, d->f[0].type & QUIC_STREAM_BIT_LEN, 0ULL);
		side_acked(d);
	}
	side_free(test, d);
}

/* Data that is about as large as the packet, at each size around it. */
static void packet_edges(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s;
	u32 len, sent, pieces;

	quic_streams_rx_max_streams(&d->ss, true, 1000);
	quic_streams_rx_max_data(&d->ss, 1 << 20);
	for (len = 55; len < 105; len++) {
		s = side_open(test, d, true);
		side_write(d, s, len, false);
		quic_stream_finish(&d->ss, s);
		for (sent = 0, pieces = 0; sent < len; pieces++) {
			KUNIT_ASSERT_EQ(test, side_tx(test, d, 100), 1);
			KUNIT_ASSERT_EQ(test, d->f[0].stream.off, (u64)sent);
			sent += d->f[0].stream.len;
			expect_stream(test, d, 0, s->id, sent - d->f[0].stream.len,
				      d->f[0].stream.len, sent == len);
		}
		KUNIT_EXPECT_LE(test, pieces, 2);
		KUNIT_EXPECT_FALSE(test, quic_streams_want_tx(&d->ss, false));
	}
	side_free(test, d);
}

/* A packet full of new data: what quic_streams_tx_data() would put into it; else nothing. */
static void bulk(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *a = side_open(test, d, true), *b = side_open(test, d, true);
	struct quic_sent_item it;
	u8 to[200];

	KUNIT_EXPECT_FALSE(test, quic_streams_bulk_put(&d->ss, to, 100, &it));
	side_write(d, a, 500, false);
	side_write(d, b, 500, false);
	/* not the first frame, which changes the stream's state */
	KUNIT_EXPECT_FALSE(test, quic_streams_bulk_put(&d->ss, to, 100, &it));
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 1);
	expect_stream(test, d, 0, 2, 0, 100 - BARE, false);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 1);
	/* then they take turns; what was put is only taken when it is told to be sent */
	KUNIT_ASSERT_TRUE(test, quic_streams_bulk_put(&d->ss, to, 102, &it));
	KUNIT_ASSERT_TRUE(test, quic_streams_bulk_put(&d->ss, to, 104, &it));
	KUNIT_EXPECT_EQ(test, to[0], QUIC_FRAME_STREAM | QUIC_STREAM_BIT_OFF);
	KUNIT_EXPECT_EQ(test, it.id, 2ULL);
	KUNIT_EXPECT_EQ(test, it.off, 98ULL);
	KUNIT_EXPECT_EQ(test, it.len, 100);
	KUNIT_EXPECT_TRUE(test, pattern_is(to + 4, 2, 98, 100));
	KUNIT_EXPECT_EQ(test, d->ss.snd_used, 2 * 98ULL);
	quic_streams_bulk_sent(&d->ss, &it);
	KUNIT_EXPECT_EQ(test, d->ss.snd_used, 2 * 98 + 100ULL);
	KUNIT_ASSERT_TRUE(test, quic_streams_bulk_put(&d->ss, to, 104, &it));
	KUNIT_EXPECT_EQ(test, it.id, 6ULL);
	quic_streams_bulk_sent(&d->ss, &it);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 1);
	expect_stream(test, d, 0, 2, 198, 96, false);
	/* what is left of it is one packet: its last, with or without FIN */
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 1);
	KUNIT_EXPECT_FALSE(test, quic_streams_bulk_put(&d->ss, to, 210, &it));
	KUNIT_EXPECT_TRUE(test, quic_streams_bulk_put(&d->ss, to, 150, &it));
	/* flow control of the stream, and of the connection */
	a->snd_max = it.off + it.len;
	KUNIT_EXPECT_FALSE(test, quic_streams_bulk_put(&d->ss, to, 150, &it));
	a->snd_max++;
	KUNIT_EXPECT_TRUE(test, quic_streams_bulk_put(&d->ss, to, 150, &it));
	d->ss.snd_max = d->ss.snd_used + it.len;
	KUNIT_EXPECT_FALSE(test, quic_streams_bulk_put(&d->ss, to, 150, &it));
	d->ss.snd_max++;
	KUNIT_EXPECT_TRUE(test, quic_streams_bulk_put(&d->ss, to, 150, &it));
	/* RFC 9000 §13.3: lost data goes first */
	side_lost(d);
	KUNIT_EXPECT_EQ(test, a->snd.lost.n + b->snd.lost.n, 1);
	while (!list_first_entry(&d->ss.ready, struct quic_stream, ready)->snd.lost.n)
		list_move_tail(d->ss.ready.next, &d->ss.ready);
	KUNIT_EXPECT_FALSE(test, quic_streams_bulk_put(&d->ss, to, 50, &it));
	side_free(test, d);
}

static void turns(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *a = side_open(test, d, true);
	struct quic_stream *b = side_open(test, d, true);
	struct quic_stream *c = side_open(test, d, true);

	side_write(d, a, 500, false);
	side_write(d, b, 40, false);
	side_write(d, c, 1000, false);
	/* a packet each; room that one leaves is the next one's */
	side_tx(test, d, 100);
	KUNIT_EXPECT_EQ(test, d->nf, 1);
	expect_stream(test, d, 0, a->id, 0, 100 - BARE, false);
	side_tx(test, d, 100);
	KUNIT_EXPECT_EQ(test, d->nf, 2);
	expect_stream(test, d, 0, b->id, 0, 40, false);
	KUNIT_EXPECT_EQ(test, d->f[1].stream.id, c->id);
	side_tx(test, d, 100);
	KUNIT_EXPECT_EQ(test, d->f[0].stream.id, a->id);
	side_tx(test, d, 100);
	KUNIT_EXPECT_EQ(test, d->f[0].stream.id, c->id);
	side_tx(test, d, 100);
	KUNIT_EXPECT_EQ(test, d->f[0].stream.id, a->id);
	side_free(test, d);
}

/* RFC 9000 §13.3: lost before new, within a stream */
static void lost_first(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s = side_open(test, d, true);
	struct quic_sent_item first;

	side_write(d, s, 900, false);
	side_tx(test, d, 202);
	first = d->p.item[0];
	side_tx(test, d, 204);
	expect_stream(test, d, 0, 2, 200, 200, false);
	quic_streams_lost(&d->ss, &first);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 500), 2);
	expect_stream(test, d, 0, 2, 0, 200, false);
	KUNIT_EXPECT_EQ(test, d->f[1].stream.off, 400ULL);
	KUNIT_EXPECT_EQ(test, d->ss.snd_used, s->snd.next);
	side_free(test, d);
}

static void nagle(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s = side_open(test, d, true);
	struct quic_stream *t = side_open(test, d, true);

	side_write(d, s, 10, false);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 1);	/* nothing is out */
	side_write(d, s, 10, false);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 0);	/* held */
	KUNIT_EXPECT_FALSE(test, quic_streams_want_tx(&d->ss, false));
	side_write(d, s, 80, false);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 0);	/* 90 still do not fill it */
	side_write(d, s, 20, false);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 1);	/* a full one goes */
	KUNIT_EXPECT_EQ(test, d->p.len, 100);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 0);	/* the rest waits */
	/* where a packet leaves anyway, it may come along */
	quic_stream_finish(&d->ss, t);
	side_write(d, s, 1, false);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 2);
	KUNIT_EXPECT_EQ(test, d->f[0].stream.id, t->id);
	side_write(d, s, 10, false);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 0);
	quic_streams_acked(&d->ss, &(struct quic_sent_item){
			   .type = QUIC_ITEM_STREAM, .id = s->id, .off = 0, .len = s->snd.next });
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 1);	/* all acknowledged: goes */
	side_write(d, s, 10, false);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 0);
	quic_stream_finish(&d->ss, s);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 1);	/* FIN lets it go */
	side_free(test, d);
}

static void nodelay(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s = side_open(test, d, true);
	u32 i;

	d->ss.nodelay = true;
	for (i = 0; i < 5; i++) {
		side_write(d, s, 10, false);
		KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 1);
	}
	side_free(test, d);
}

static void msg_more(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s = side_open(test, d, true);
	struct quic_stream *t = side_open(test, d, true);

	d->ss.nodelay = true;
	side_write(d, s, 10, true);
	quic_stream_finish(&d->ss, t);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 1);	/* not even along with others */
	KUNIT_EXPECT_EQ(test, d->f[0].stream.id, t->id);
	side_write(d, s, 100, true);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 1);	/* full packets go */
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 0);
	KUNIT_EXPECT_EQ(test, quic_stream_write(&d->ss, s, NULL, 0, false), 0);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 1);
	side_write(d, s, 10, true);
	quic_stream_finish(&d->ss, s);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 100), 1);
	KUNIT_EXPECT_TRUE(test, d->f[0].stream.fin);
	side_free(test, d);
}

static void full_only(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s = side_open(test, d, true), *t = side_open(test, d, true);

	side_write(d, s, 1000, false);
	KUNIT_EXPECT_FALSE(test, quic_streams_want_tx(&d->ss, true));
	side_write(d, t, 200, false);
	KUNIT_EXPECT_TRUE(test, quic_streams_want_tx(&d->ss, true));
	side_free(test, d);
}

/* RFC 9000 §4.1, §19.13: the stream's limit is kept, told once, and again if lost */
static void stream_blocked(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s = side_open(test, d, true);
	struct quic_sent_item blocked;

	KUNIT_EXPECT_EQ(test, quic_stream_credit(&d->ss, s), 1000ULL);
	side_write(d, s, 1200, false);
	KUNIT_EXPECT_EQ(test, quic_stream_credit(&d->ss, s), 0ULL);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1400), 1);
	expect_stream(test, d, 0, 2, 0, 1000, false);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1400), 1);
	expect_type(test, d, 0, QUIC_FRAME_STREAM_DATA_BLOCKED);
	KUNIT_EXPECT_EQ(test, d->f[0].max_stream_data.max, 1000ULL);
	blocked = d->p.item[0];
	quic_stream_block(&d->ss, s);
	KUNIT_EXPECT_FALSE(test, quic_streams_want_tx(&d->ss, false));
	quic_streams_lost(&d->ss, &blocked);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1400), 1);
	quic_streams_reblock(&d->ss);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1400), 1);
	/* what does not raise the limit is ignored */
	quic_streams_rx_max_stream_data(&d->ss, 2, 1000);
	KUNIT_EXPECT_EQ(test, d->max_data, 0);
	quic_streams_rx_max_stream_data(&d->ss, 2, 1100);
	KUNIT_EXPECT_EQ(test, d->max_data, 1);
	quic_streams_lost(&d->ss, &blocked);	/* not blocked there any more */
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1400), 1);
	expect_stream(test, d, 0, 2, 1000, 100, false);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1400), 1);
	KUNIT_EXPECT_EQ(test, d->f[0].max_stream_data.max, 1100ULL);
	quic_streams_rx_max_stream_data(&d->ss, 2, 5000);
	quic_stream_finish(&d->ss, s);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1400), 1);
	expect_stream(test, d, 0, 2, 1100, 100, true);
	/* RFC 9000 §3.1: ignored in "Data Sent" */
	quic_streams_rx_max_stream_data(&d->ss, 2, 9000);
	KUNIT_EXPECT_EQ(test, d->max_data, 2);
	side_free(test, d);
}

/* RFC 9000 §4.1, §19.12: the connection's limit; lost data and FIN need no credit */
static void connection_blocked(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s[5];
	struct quic_sent_item first;
	u32 i;

	d->ss.nodelay = true;
	for (i = 0; i < 5; i++) {
		s[i] = side_open(test, d, true);
		side_write(d, s[i], 900, false);
	}
	KUNIT_EXPECT_EQ(test, quic_stream_credit(&d->ss, s[0]), 0ULL);
	for (i = 0; i < 4; i++) {
		side_tx(test, d, 910);
		if (!i)
			first = d->p.item[0];
	}
	KUNIT_EXPECT_EQ(test, d->ss.snd_used, 3000ULL);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 910), 1);
	expect_type(test, d, 0, QUIC_FRAME_DATA_BLOCKED);
	KUNIT_EXPECT_EQ(test, d->f[0].max_data.max, 3000ULL);
	side_lost(d);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 910), 1);
	KUNIT_EXPECT_FALSE(test, quic_streams_want_tx(&d->ss, false));
	/* lost data of a stream without credit */
	quic_streams_lost(&d->ss, &first);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 910), 1);
	expect_stream(test, d, 0, 2, 0, 900, false);
	quic_stream_finish(&d->ss, s[1]);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 910), 1);
	expect_stream(test, d, 0, 6, 900, 0, true);
	KUNIT_EXPECT_FALSE(test, quic_streams_want_tx(&d->ss, false));
	d->writable = 0;
	quic_streams_rx_max_data(&d->ss, 3000);
	KUNIT_EXPECT_EQ(test, d->writable, 0);
	quic_streams_rx_max_data(&d->ss, 3100);
	KUNIT_EXPECT_EQ(test, d->writable, 1);
	KUNIT_EXPECT_TRUE(test, quic_streams_want_tx(&d->ss, false));
	side_tx(test, d, 910);
	KUNIT_EXPECT_EQ(test, d->ss.snd_used, 3100ULL);
	quic_streams_rx_max_data(&d->ss, 9000);
	for (i = 0; i < 3; i++)
		side_tx(test, d, 1400);
	KUNIT_EXPECT_EQ(test, d->ss.snd_used, 4500ULL);
	KUNIT_EXPECT_EQ(test, quic_streams_unsent(&d->ss), 0ULL);
	side_free(test, d);
}

/* The user has no credit and nothing unsent: told, too. */
static void user_blocked(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s = side_open(test, d, true);

	quic_stream_block(&d->ss, s);
	KUNIT_EXPECT_FALSE(test, quic_streams_want_tx(&d->ss, false));
	side_write(d, s, 1000, false);
	side_tx(test, d, 1400);
	quic_stream_block(&d->ss, s);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1400), 1);
	expect_type(test, d, 0, QUIC_FRAME_STREAM_DATA_BLOCKED);
	/* RFC 9000 §3.1: it is the first frame of a stream with no credit at all */
	d->remote.max_stream_data_uni = 0;
	s = side_open(test, d, true);
	quic_stream_block(&d->ss, s);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1400), 1);
	KUNIT_EXPECT_EQ(test, d->f[0].max_stream_data.max, 0ULL);
	KUNIT_EXPECT_EQ(test, (int)s->snd_state, (int)SND(SEND));
	side_free(test, d);
}

/* RFC 9000 §3.1, §4.5: data goes at once, the size is what was sent */
static void reset(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s = side_open(test, d, true);
	struct quic_sent_item data;

	side_write(d, s, 900, false);
	side_tx(test, d, 302);
	data = d->p.item[0];
	KUNIT_EXPECT_EQ(test, quic_stream_reset(&d->ss, s, 7), 0);
	KUNIT_EXPECT_EQ(test, quic_stream_reset(&d->ss, s, 8), -EINVAL);
	KUNIT_EXPECT_EQ(test, side_write(d, s, 1, false), -EPIPE);
	KUNIT_EXPECT_EQ(test, d->ss.snd_held, 0ULL);
	KUNIT_EXPECT_EQ(test, quic_streams_unsent(&d->ss), 0ULL);
	KUNIT_EXPECT_EQ(test, d->nev, 0);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 1);
	expect_type(test, d, 0, QUIC_FRAME_RESET_STREAM);
	KUNIT_EXPECT_EQ(test, d->f[0].reset.code, 7ULL);
	KUNIT_EXPECT_EQ(test, d->f[0].reset.final_size, 300ULL);
	/* RFC 9000 §13.3: what was in flight is never sent again, the reset is */
	quic_streams_lost(&d->ss, &data);
	KUNIT_EXPECT_FALSE(test, quic_streams_want_tx(&d->ss, false));
	side_lost(d);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 1);
	KUNIT_EXPECT_EQ(test, d->f[0].reset.final_size, 300ULL);
	quic_streams_acked(&d->ss, &data);
	KUNIT_EXPECT_EQ(test, d->nev, 0);
	side_acked(d);
	expect_event(test, d, 2, SND(RESET_RECVD), 7, 0);
	KUNIT_EXPECT_EQ(test, d->ss.count, 0);
	/* the first frame of a stream */
	s = side_open(test, d, true);
	quic_stream_reset(&d->ss, s, 9);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 1);
	KUNIT_EXPECT_EQ(test, d->f[0].reset.final_size, 0ULL);
	side_free(test, d);
}

/* RFC 9000 §3.5, §19.5 */
static void stop_sending(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s = side_open(test, d, false);

	side_write(d, s, 100, false);
	KUNIT_EXPECT_EQ(test, side_rx_stop(d, 0, 55), 0);
	expect_event(test, d, 0, SND(RESET_SENT), 55, 0);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 1);
	expect_type(test, d, 0, QUIC_FRAME_RESET_STREAM);
	KUNIT_EXPECT_EQ(test, d->f[0].reset.code, 55ULL);
	KUNIT_EXPECT_EQ(test, side_rx_stop(d, 0, 56), 0);	/* a copy */
	KUNIT_EXPECT_EQ(test, d->nev, 0);
	side_acked(d);
	expect_event(test, d, 0, SND(RESET_RECVD), 55, 0);
	KUNIT_EXPECT_EQ(test, side_rx_stop(d, 0, 56), 0);
	KUNIT_EXPECT_EQ(test, d->nev, 0);
	KUNIT_EXPECT_EQ(test, quic_stream_reset(&d->ss, s, 1), -EINVAL);
	/* in "Data Sent": reset at once */
	s = side_open(test, d, true);
	quic_stream_finish(&d->ss, s);
	side_tx(test, d, 1000);
	KUNIT_EXPECT_EQ(test, side_rx_stop(d, 2, 1), 0);
	expect_event(test, d, 2, SND(RESET_SENT), 1, 0);
	side_acked(d);	/* the FIN: too late */
	KUNIT_EXPECT_EQ(test, (int)s->snd_state, (int)SND(RESET_SENT));
	side_free(test, d);
}

/* RFC 9001 §4.6.2: the server took no 0-RTT, and has lower limits */
static void rejected(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *a = side_open(test, d, true), *b = side_open(test, d, true);
	struct quic_stream *r = side_open(test, d, false);

	side_write(d, a, 400, false);
	quic_stream_finish(&d->ss, a);
	side_write(d, b, 50, false);
	side_write(d, r, 60, false);
	side_tx(test, d, 1400);
	quic_stream_reset(&d->ss, r, 3);
	side_tx(test, d, 1400);
	KUNIT_EXPECT_EQ(test, d->ss.snd_used, 510ULL);
	d->remote.max_streams_uni = 1;
	d->remote.max_stream_data_uni = 300;
	d->remote.max_data = 1000;
	quic_streams_rewind(&d->ss);
	KUNIT_EXPECT_EQ(test, d->ss.snd_used, 0ULL);
	KUNIT_EXPECT_EQ(test, quic_streams_unsent(&d->ss), 450ULL);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1400), 2);
	expect_type(test, d, 0, QUIC_FRAME_RESET_STREAM);
	KUNIT_EXPECT_EQ(test, d->f[0].reset.final_size, 0ULL);
	expect_stream(test, d, 1, 2, 0, 300, false);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1400), 1);
	expect_type(test, d, 0, QUIC_FRAME_STREAM_DATA_BLOCKED);
	KUNIT_EXPECT_FALSE(test, quic_streams_want_tx(&d->ss, false));
	/* the second stream waits until it is admitted */
	quic_streams_rx_max_streams(&d->ss, true, 2);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1400), 1);
	expect_stream(test, d, 0, 6, 0, 50, false);
	quic_streams_rx_max_stream_data(&d->ss, 2, 400);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1400), 1);
	expect_stream(test, d, 0, 2, 300, 100, true);
	KUNIT_EXPECT_EQ(test, d->ss.snd_used, 450ULL);
	side_free(test, d);
}

/* Small writes to many streams: more pieces than a packet points at. */
static void many_pieces(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *a = side_open(test, d, true), *b = side_open(test, d, true);
	u32 i, len, got = 0;

	for (i = 0; i < 100; i++) {
		side_write(d, a, 2, true);
		side_write(d, b, 1, true);
	}
	quic_stream_finish(&d->ss, a);
	quic_stream_reset(&d->ss, b, 0);
	while (got < 200) {
		KUNIT_ASSERT_GT(test, side_tx(test, d, 1000), 0);
		len = d->f[d->nf - 1].stream.len;
		expect_stream(test, d, d->nf - 1, a->id, got, len, got + len == 200);
		KUNIT_ASSERT_LE(test, (int)d->p.nvec, QUIC_PKT_VECS);
		got += len;
	}
	KUNIT_EXPECT_EQ(test, got, 200);
	side_free(test, d);
}

/* Chunks are asked for by need, filled up, used again, and given back. */
static void reserve(struct kunit *test)
{
	struct side *d = side_new(test, false);
	struct quic_stream *s = side_open(test, d, true);
	struct quic_chunk *c;
	u32 room = 10;
	u8 *p;

	p = quic_streams_reserve(&d->ss, false, &room);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, room, 2048);
	KUNIT_EXPECT_EQ(test, quic_stream_write(&d->ss, s, p + 1, 1, false), -ENOMEM);
	KUNIT_EXPECT_EQ(test, quic_stream_write(&d->ss, s, p, room + 1, false), -ENOMEM);
	KUNIT_EXPECT_EQ(test, quic_stream_write(&d->ss, s, p, 8, false), 0);
	room = 0;
	KUNIT_EXPECT_PTR_EQ(test, quic_streams_reserve(&d->ss, false, &room), p + 8);
	KUNIT_EXPECT_EQ(test, room, 2040);
	quic_stream_finish(&d->ss, s);
	side_tx(test, d, 100);
	side_acked(d);
	KUNIT_EXPECT_PTR_EQ(test, quic_streams_reserve(&d->ss, false, &room), p);
	quic_streams_trim(&d->ss);
	KUNIT_EXPECT_EQ(test, d->mem.live, 0);
	room = 0;
	KUNIT_EXPECT_NOT_NULL(test, quic_streams_reserve(&d->ss, false, &room));
	KUNIT_EXPECT_EQ(test, room, (u32)QUIC_CHUNK_SIZE);
	/* foreign memory */
	s = side_open(test, d, true);
	c = chunk_mem_alloc(&d->mem, 50);
	KUNIT_ASSERT_NOT_NULL(test, c);
	pattern_fill(c->base, s->id, 0, 50);
	KUNIT_EXPECT_EQ(test, quic_stream_write_chunk(&d->ss, s, c, c->base, 50, false), 0);
	quic_chunk_put(c);
	side_tx(test, d, 100);
	expect_stream(test, d, 0, s->id, 0, 50, false);
	KUNIT_EXPECT_EQ(test, d->mem.live, 2);
	side_acked(d);
	KUNIT_EXPECT_EQ(test, d->mem.live, 1);
	/* out of budget */
	quic_streams_trim(&d->ss);
	d->mem.budget = 0;
	KUNIT_EXPECT_NULL(test, quic_streams_reserve(&d->ss, false, &room));
	KUNIT_EXPECT_EQ(test, side_write(d, s, 5, false), -EAGAIN);
	side_free(test, d);
}

static struct kunit_case stream_tx_cases[] = {
	KUNIT_CASE(whole_stream),
	KUNIT_CASE(fin_only),
	KUNIT_CASE(fin_before_data),
	KUNIT_CASE(full_packets),
	KUNIT_CASE(packet_edges),
	KUNIT_CASE(bulk),
	KUNIT_CASE(turns),
	KUNIT_CASE(lost_first),
	KUNIT_CASE(nagle),
	KUNIT_CASE(nodelay),
	KUNIT_CASE(msg_more),
	KUNIT_CASE(full_only),
	KUNIT_CASE(stream_blocked),
	KUNIT_CASE(connection_blocked),
	KUNIT_CASE(user_blocked),
	KUNIT_CASE(reset),
	KUNIT_CASE(stop_sending),
	KUNIT_CASE(rejected),
	KUNIT_CASE(many_pieces),
	KUNIT_CASE(reserve),
	{}
};

static struct kunit_suite stream_tx_suite = {
	.name = "stream_tx",
	.test_cases = stream_tx_cases,
};
kunit_test_suite(stream_tx_suite);

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One side of a connection's streams for tests: parameters, chunks, what the
 * owner was told, packets in both directions.
 */
#ifndef _QUIC_STREAMS_TEST_H
#define _QUIC_STREAMS_TEST_H

#include <kunit/test.h>
#include "streams.h"
#include "chunk_test.h"

#define SIDE_EVENTS	32
#define SIDE_PACKET	1500

#define SND(s)	QUIC_STREAM_SEND_STATE_##s
#define RCV(s)	QUIC_STREAM_RECV_STATE_##s

struct side {
	struct quic_streams ss;
	struct quic_tparam local, remote;
	struct chunk_mem mem;
	struct quic_stream_update ev[SIDE_EVENTS];
	u32 nev;		/* all; the last SIDE_EVENTS are kept */
	u32 readable, writable, max_data, max_streams, owner_reads, owner_writes;
	struct quic_pkt p;	/* the last packet */
	struct quic_frame f[QUIC_PKT_ITEMS];	/* its frames */
	u32 nf;
	u8 flat[SIDE_PACKET];	/* its bytes, for the frames to point into */
};

static inline void side_update(void *priv, const struct quic_stream_update *u)
{
	struct side *d = priv;

	d->ev[d->nev++ % SIDE_EVENTS] = *u;
}

static inline void side_max_data(void *priv, u64 id, u64 max)
{
	((struct side *)priv)->max_data++;
}

static inline void side_max_streams(void *priv, bool uni, u64 max)
{
	((struct side *)priv)->max_streams++;
}

static inline void side_readable(void *priv)
{
	((struct side *)priv)->readable++;
}

static inline void side_writable(void *priv)
{
	((struct side *)priv)->writable++;
}

static inline void side_owner_wake(void *priv, struct quic_stream *s, bool read)
{
	struct side *d = priv;

	d->owner_reads += read;
	d->owner_writes += !read;
}

static const struct quic_streams_ops side_ops = {
	.update		= side_update,
	.max_data	= side_max_data,
	.max_streams	= side_max_streams,
	.readable	= side_readable,
	.writable	= side_writable,
	.owner_wake	= side_owner_wake,
};

static inline struct quic_chunk *side_alloc(void *priv, u32 size, bool tx, bool may_sleep)
{
	return chunk_mem_alloc(&((struct side *)priv)->mem, size);
}

static const struct quic_chunk_ops side_chunk_ops = { .alloc = side_alloc };

/* 10 streams of each kind, 1000 bytes a stream, 3000 in all, in both directions. */
static inline void side_params(struct quic_tparam *tp)
{
	memset(tp, 0, sizeof(*tp));
	tp->max_data = 3000;
	tp->max_stream_data_bidi_local = 1000;
	tp->max_stream_data_bidi_remote = 1000;
	tp->max_stream_data_uni = 1000;
	tp->max_streams_bidi = 10;
	tp->max_streams_uni = 10;
}

static inline struct side *side_new(struct kunit *test, bool server)
{
	struct side *d = kunit_kzalloc(test, sizeof(*d), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, d);
	d->mem.budget = -1;
	side_params(&d->local);
	side_params(&d->remote);
	KUNIT_ASSERT_EQ(test, quic_streams_init(&d->ss, server, &side_ops, &side_chunk_ops, d,
						&d->local, &d->remote), 0);
	quic_streams_set_remote(&d->ss);
	d->writable = 0;
	return d;
}

/* Everything is given back. */
static inline void side_free(struct kunit *test, struct side *d)
{
	quic_streams_free(&d->ss);
	KUNIT_EXPECT_EQ(test, d->mem.live, 0);
}

static inline struct quic_stream *side_open(struct kunit *test, struct side *d, bool uni)
{
	struct quic_stream *s;

	KUNIT_ASSERT_EQ(test, quic_streams_open(&d->ss, -1, uni, false, &s), 0);
	return s;
}

static inline struct quic_stream *side_find(struct side *d, u64 id, bool send)
{
	int err;

	return quic_streams_find(&d->ss, id, send, &err);
}

/* The errno that the user gets for @id, 0 if there is such a stream. */
static inline int side_errno(struct side *d, u64 id, bool send)
{
	int err;

	quic_streams_find(&d->ss, id, send, &err);
	return err;
}

/* A STREAM frame arrives, in a chunk of its own. */
static inline int side_rx(struct side *d, u64 id, u64 off, u32 len, bool fin)
{
	struct quic_frame f = {
		.type = QUIC_FRAME_STREAM,
		.stream = { .id = id, .off = off, .len = len, .fin = fin },
	};
	struct quic_chunk *c = chunk_mem_alloc(&d->mem, len);
	int err;

	if (!c)
		return -ENOMEM;
	pattern_fill(c->base, id, off, len);
	f.stream.data = c->base;
	err = quic_streams_rx_stream(&d->ss, &f, c);
	quic_chunk_put(c);
	return err;
}

static inline int side_rx_reset(struct side *d, u64 id, u64 code, u64 size)
{
	struct quic_frame f = {
		.type = QUIC_FRAME_RESET_STREAM,
		.reset = { id, code, size },
	};

	return quic_streams_rx_reset(&d->ss, &f);
}

static inline int side_rx_stop(struct side *d, u64 id, u64 code)
{
	struct quic_frame f = { .type = QUIC_FRAME_STOP_SENDING, .stop = { id, code } };

	return quic_streams_rx_stop(&d->ss, &f);
}

static inline int side_rx_blocked(struct side *d, u64 id)
{
	struct quic_frame f = {
		.type = QUIC_FRAME_STREAM_DATA_BLOCKED,
		.max_stream_data = { id, 0 },
	};

	return quic_streams_rx_blocked(&d->ss, &f);
}

/* The user writes @len bytes of the stream's pattern. */
static inline int side_write(struct side *d, struct quic_stream *s, u32 len, bool more)
{
	u32 room, n;
	int err = 0;
	u8 *p;

	while (len && !err) {
		room = len;
		p = quic_streams_reserve(&d->ss, false, &room);
		if (!p)
			return -EAGAIN;
		n = min(room, len);
		pattern_fill(p, s->id, s->snd.end, n);
		len -= n;
		err = quic_stream_write(&d->ss, s, p, n, more || len);
	}
	return err;
}

/* What the user can read of @s, at most @max: checked and consumed; -1: wrong bytes. */
static inline s64 side_read(struct side *d, struct quic_stream *s, u64 max, bool *fin,
			    u64 now, u64 srtt)
{
	u64 off = s->rcv.read_off, n = 0;
	struct quic_vec v;
	u32 len;

	while (n < max && quic_recvbuf_vecs(&s->rcv, n, &v, 1)) {
		len = min_t(u64, v.len, max - n);
		if (!pattern_is(v.base, s->id, off + n, len))
			return -1;
		n += len;
	}
	*fin = quic_stream_at_fin(s, n);
	quic_stream_consumed(&d->ss, s, n, *fin, now, srtt);
	return n;
}

static inline void side_flatten(struct side *d)
{
	u32 i, n = 0;

	for (i = 0; i < d->p.nvec; n += d->p.vec[i++].len)
		memcpy(d->flat + n, d->p.vec[i].base, d->p.vec[i].len);
}

/* Build a packet with @room bytes, parse it again; how many frames there are. */
static inline u32 side_tx(struct kunit *test, struct side *d, u32 room)
{
	struct quic_cur cur;

	quic_pkt_start(&d->p, 0, room);
	quic_streams_tx_control(&d->ss, &d->p);
	quic_streams_tx_data(&d->ss, &d->p);
	KUNIT_ASSERT_LE(test, d->p.len, room);
	side_flatten(d);
	quic_cur_init(&cur, d->flat, d->p.len);
	for (d->nf = 0; quic_cur_left(&cur); d->nf++) {
		KUNIT_ASSERT_LT(test, d->nf, (u32)QUIC_PKT_ITEMS);
		KUNIT_ASSERT_EQ(test, quic_frame_parse(&cur, &d->f[d->nf]), 0);
	}
	KUNIT_ASSERT_EQ(test, d->nf, (u32)d->p.nitem);
	return d->nf;
}

/* The last packet is acknowledged, or lost. */
static inline void side_acked(struct side *d)
{
	u32 i;

	for (i = 0; i < d->p.nitem; i++)
		quic_streams_acked(&d->ss, &d->p.item[i]);
}

static inline void side_lost(struct side *d)
{
	u32 i;

	for (i = 0; i < d->p.nitem; i++)
		quic_streams_lost(&d->ss, &d->p.item[i]);
}

/* The last packet has exactly this STREAM frame as its @i-th, with the right bytes. */
static inline void expect_stream(struct kunit *test, struct side *d, u32 i, u64 id,
				 u64 off, u32 len, bool fin)
{
	const struct quic_frame *f = &d->f[i];

	KUNIT_ASSERT_LT(test, i, d->nf);
	KUNIT_ASSERT_TRUE(test, quic_frame_is_stream(f->type));
	KUNIT_EXPECT_EQ(test, f->stream.id, id);
	KUNIT_EXPECT_EQ(test, f->stream.off, off);
	KUNIT_ASSERT_EQ(test, f->stream.len, len);
	KUNIT_EXPECT_EQ(test, f->stream.fin, fin);
	KUNIT_EXPECT_TRUE(test, pattern_is(f->stream.data, id, off, len));
}

static inline void expect_type(struct kunit *test, struct side *d, u32 i, u64 type)
{
	KUNIT_ASSERT_LT(test, i, d->nf);
	KUNIT_EXPECT_EQ(test, d->f[i].type, type);
}

/* Exactly one event since the last look, and it is this. */
static inline void expect_event(struct kunit *test, struct side *d, s64 id, u8 state,
				u32 code, u64 size)
{
	KUNIT_ASSERT_EQ(test, d->nev, 1);
	KUNIT_EXPECT_EQ(test, d->ev[0].id, id);
	KUNIT_EXPECT_EQ(test, d->ev[0].state, state);
	KUNIT_EXPECT_EQ(test, d->ev[0].errcode, code);
	KUNIT_EXPECT_EQ(test, d->ev[0].finalsz, size);
	d->nev = 0;
}

#endif /* _QUIC_STREAMS_TEST_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two sides against each other over a link that loses, reorders, repeats and
 * delays packets, and that calls packets lost which arrive all the same.
 * Users write, finish, reset, stop and read at random, under windows that are
 * small at first.  All bytes and FINs arrive, in order; afterwards both sides
 * agree on every account and nothing is left.  Memory may run out at any
 * moment ('starve'): that costs time, and nothing else.
 */
#ifndef _QUIC_STREAMS_PAIR_H
#define _QUIC_STREAMS_PAIR_H

#include "streams_test.h"

#define SLOTS	24	/* packets on the way */
#define IDS	48	/* streams that the test follows: IDs below this */
#define RTT	(10 * QUIC_NSEC_PER_MSEC)

struct packet {
	bool used, arrived, lost;
	bool from;		/* 1: the server's */
	u8 nitem;
	u16 len;
	struct quic_sent_item item[QUIC_PKT_ITEMS];
	u8 data[SIDE_PACKET];
};

struct flow {	/* one direction of a stream */
	u32 size;		/* that the user means to write */
	u32 got;		/* that the reader has */
	bool reset, stopped, fin_sent, fin_got;
};

struct world {
	struct kunit *test;
	struct side *side[2];
	struct packet pkt[SLOTS];
	struct flow flow[2][IDS];	/* by who sends */
	u64 rnd, now;
	u32 lossy;		/* of 16 packets, how many are lost */
	bool abort;		/* users reset and stop */
	void (*starve)(struct world *w, bool on);	/* allocations fail, or NULL */
};

static inline int handle(struct world *w, struct side *d, const struct quic_frame *f,
		   struct quic_chunk *c)
{
	struct quic_streams *ss = &d->ss;
	int err;

	if (quic_frame_is_stream(f->type))
		err = quic_streams_rx_stream(ss, f, c);
	else if (f->type == QUIC_FRAME_RESET_STREAM)
		err = quic_streams_rx_reset(ss, f);
	else if (f->type == QUIC_FRAME_STOP_SENDING)
		err = quic_streams_rx_stop(ss, f);
	else if (f->type == QUIC_FRAME_MAX_DATA)
		err = quic_streams_rx_max_data(ss, f->max_data.max);
	else if (f->type == QUIC_FRAME_MAX_STREAM_DATA)
		err = quic_streams_rx_max_stream_data(ss, f->max_stream_data.id,
						      f->max_stream_data.max);
	else if (f->type <= QUIC_FRAME_MAX_STREAMS_UNI)
		err = quic_streams_rx_max_streams(ss, f->max_streams.uni, f->max_streams.max);
	else
		err = quic_streams_rx_blocked(ss, f);
	KUNIT_ASSERT_TRUE_MSG(w->test, !err || (w->starve && err < 0), "frame type %llu: %d",
			      (unsigned long long)f->type, err);
	return err;
}

static inline void deliver(struct world *w, struct packet *p)
{
	struct side *d = w->side[!p->from];
	struct quic_chunk *c = chunk_mem_alloc(&d->mem, p->len);
	struct quic_frame f;
	struct quic_cur cur;
	int err = 0;

	KUNIT_ASSERT_TRUE(w->test, c || w->starve);
	if (!c)
		return;
	memcpy(c->base, p->data, p->len);
	quic_cur_init(&cur, c->base, p->len);
	while (quic_cur_left(&cur) && !err) {
		KUNIT_ASSERT_EQ(w->test, quic_frame_parse(&cur, &f), 0);
		err = handle(w, d, &f, c);
	}
	quic_chunk_put(c);
	/* after a local failure it is not acknowledged, and comes again */
	p->arrived |= !err;
}

static inline void transmit(struct world *w, bool from)
{
	struct side *d = w->side[from];
	struct packet *p;
	u32 i;

	for (i = 0; i < SLOTS && w->pkt[i].used; i++)
		;
	if (i == SLOTS || !quic_streams_want_tx(&d->ss, false))
		return;
	p = &w->pkt[i];
	if (!side_tx(w->test, d, 20 + rnd(&w->rnd, 400)))
		return;
	memset(p, 0, sizeof(*p));
	p->used = true;
	p->from = from;
	p->nitem = d->p.nitem;
	p->len = d->p.len;
	memcpy(p->item, d->p.item, p->nitem * sizeof(p->item[0]));
	memcpy(p->data, d->flat, p->len);
}

static inline void tell(struct world *w, struct packet *p, bool acked)
{
	struct quic_streams *ss = &w->side[p->from]->ss;
	u32 i;

	for (i = 0; i < p->nitem; i++) {
		if (acked)
			quic_streams_acked(ss, &p->item[i]);
		else
			quic_streams_lost(ss, &p->item[i]);
	}
}

/* Something happens to a packet on the way. */
static inline void disturb(struct world *w)
{
	struct packet *p = &w->pkt[rnd(&w->rnd, SLOTS)];
	u32 dice = rnd(&w->rnd, 16);

	if (!p->used)
		return;
	if (dice < w->lossy && !p->lost) {
		/* called lost; in half of the cases it was only late */
		tell(w, p, false);
		p->lost = true;
		p->used = p->arrived || rnd(&w->rnd, 2);
	} else if (!p->arrived || dice == 15) {
		deliver(w, p);
	} else {
		tell(w, p, true);
		p->used = false;
	}
}

static inline struct quic_stream *own(struct world *w, bool side, u64 id, bool snd)
{
	struct quic_stream *s = side_find(w->side[side], id, snd);

	return s && (snd ? s->has_snd : s->has_rcv) ? s : NULL;
}

static inline void user_writes(struct world *w, bool side, u64 id)
{
	struct quic_stream *s = own(w, side, id, true);
	struct flow *f = &w->flow[side][id];
	u64 n;

	if (!s || !quic_stream_writable(s))
		return;
	if (w->abort && !rnd(&w->rnd, 60)) {
		f->reset = true;
		quic_stream_reset(&w->side[side]->ss, s, id);
		return;
	}
	n = min_t(u64, f->size - s->snd.end, 1 + rnd(&w->rnd, 300));
	/* now and then more than there is credit for */
	if (rnd(&w->rnd, 8))
		n = min(n, quic_stream_credit(&w->side[side]->ss, s));
	if (!n)
		quic_stream_block(&w->side[side]->ss, s);
	n = side_write(w->side[side], s, n, rnd(&w->rnd, 2));
	KUNIT_ASSERT_TRUE(w->test, !n || w->starve);
	if (s->snd.end == f->size) {
		f->fin_sent = true;
		KUNIT_ASSERT_EQ(w->test, quic_stream_finish(&w->side[side]->ss, s), 0);
	}
}

static inline void user_reads(struct world *w, bool side)
{
	struct side *d = w->side[side];
	struct quic_stream *s = quic_streams_readable(&d->ss);
	struct flow *f;
	bool fin;
	s64 n;

	if (!s)
		return;
	KUNIT_ASSERT_LT(w->test, s->id, (u64)IDS);
	f = &w->flow[!side][s->id];
	if (w->abort && !rnd(&w->rnd, 40)) {
		f->stopped = true;
		KUNIT_ASSERT_EQ(w->test, quic_stream_stop(&d->ss, s, 9), 0);
		return;
	}
	n = side_read(d, s, 1 + rnd(&w->rnd, 500), &fin, w->now, RTT);
	KUNIT_ASSERT_GE(w->test, n, 0);	/* the right bytes */
	f->got += n;
	f->fin_got |= fin;
}

static inline void user_acts(struct world *w, bool side)
{
	struct quic_streams *ss = &w->side[side]->ss;
	bool uni = rnd(&w->rnd, 2);
	struct quic_stream *s;

	if (!rnd(&w->rnd, 10) && ss->dir[uni].local_next < IDS / 4)
		quic_streams_open(ss, -1, uni, true, &s);
	user_writes(w, side, rnd(&w->rnd, IDS));
	user_reads(w, side);
}

/* Open all that the test follows, wherever the dice did not. */
static inline void open_rest(struct world *w)
{
	struct quic_stream *s;
	u32 i, uni;

	for (i = 0; i < 2; i++)
		for (uni = 0; uni < 2; uni++)
			if (w->side[i]->ss.dir[uni].local_next < IDS / 4)
				quic_streams_open(&w->side[i]->ss, -1, uni, true, &s);
}

static inline bool is_over(struct world *w)
{
	u32 i, k;

	for (i = 0; i < 2; i++) {
		if (w->side[i]->ss.count || quic_streams_want_tx(&w->side[i]->ss, false))
			return false;
		for (k = 0; k < 2; k++)
			if (w->side[i]->ss.dir[k].local_next < IDS / 4)
				return false;
	}
	for (i = 0; i < SLOTS; i++)
		if (w->pkt[i].used)
			return false;
	return true;
}

static inline void check_flow(struct world *w, bool from, u64 id)
{
	struct flow *f = &w->flow[from][id];
	bool sends = !quic_stream_id_uni(id) || quic_stream_id_server(id) == from;

	if (!sends || f->reset || f->stopped)
		return;
	KUNIT_EXPECT_TRUE_MSG(w->test, f->fin_sent && f->fin_got, "stream %llu", id);
	KUNIT_EXPECT_EQ_MSG(w->test, f->got, f->size, "stream %llu", id);
}

static inline void check_end(struct world *w)
{
	struct quic_streams *a = &w->side[0]->ss, *b = &w->side[1]->ss;
	u32 id;

	for (id = 0; id < IDS; id++) {
		check_flow(w, false, id);
		check_flow(w, true, id);
	}
	KUNIT_EXPECT_EQ(w->test, a->snd_used, b->rcv_used);
	KUNIT_EXPECT_EQ(w->test, b->snd_used, a->rcv_used);
	KUNIT_EXPECT_EQ(w->test, a->rcv_read, a->rcv_used);
	KUNIT_EXPECT_EQ(w->test, b->rcv_read, b->rcv_used);
	KUNIT_EXPECT_EQ(w->test, a->snd_held + b->snd_held, 0ULL);
	KUNIT_EXPECT_EQ(w->test, quic_streams_unsent(a) + quic_streams_unsent(b), 0ULL);
	KUNIT_EXPECT_EQ(w->test, a->snd_max, b->rcv_max);
	KUNIT_EXPECT_EQ(w->test, b->snd_max, a->rcv_max);
	KUNIT_EXPECT_EQ(w->test, a->dir[1].local_max, b->dir[1].remote_max);
	KUNIT_EXPECT_EQ(w->test, a->dir[0].remote_closed, (u64)IDS / 4);
}

static inline void step(struct world *w)
{
	u32 side = rnd(&w->rnd, 2);
	bool starve = w->starve && rnd(&w->rnd, 2);

	w->now += RTT / 20;
	if (starve)
		w->starve(w, true);
	switch (rnd(&w->rnd, 4)) {
	case 0:
		user_acts(w, side);
		break;
	case 1:
		transmit(w, side);
		break;
	default:
		disturb(w);
	}
	if (starve)
		w->starve(w, false);
}

static inline void init_world(struct kunit *test, struct world *w, u64 seed, u32 lossy, bool abort,
		       void (*starve)(struct world *w, bool on))
{
	u32 i, k;

	memset(w, 0, sizeof(*w));
	w->test = test;
	w->rnd = seed;
	w->now = 1;
	w->lossy = lossy;
	w->abort = abort;
	w->starve = starve;
	for (i = 0; i < 2; i++) {
		w->side[i] = side_new(test, i);
		w->side[i]->ss.nodelay = seed & 1;
		w->side[i]->mem.nslices = 64;
		for (k = 0; k < IDS; k++)
			w->flow[i][k].size = rnd(&w->rnd, 4) ? rnd(&w->rnd, 5000) : rnd(&w->rnd, 3);
	}
}

static inline void run(struct kunit *test, u64 seed, u32 lossy, bool abort,
		void (*starve)(struct world *w, bool on))
{
	struct world *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, w);
	init_world(test, w, seed, lossy, abort, starve);
	for (i = 0; i < 1000000 && !is_over(w); i++) {
		step(w);
		if (!(i % 64))
			open_rest(w);
	}
	KUNIT_EXPECT_TRUE_MSG(test, is_over(w), "seed %llu hangs", (unsigned long long)seed);
	check_end(w);
	side_free(test, w->side[0]);
	side_free(test, w->side[1]);
}

#endif /* _QUIC_STREAMS_PAIR_H */

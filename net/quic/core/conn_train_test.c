// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Trains: what goes the short way (quic_rx.bulk) leaves a connection exactly as the general
 * way does.  Two connections, alike, get the same trains; one of them forgets after each
 * datagram what it knew of the train, and is looked at after each beside the other.
 */
#include "conn_ctx_test.h"

#define TRAIN		24	/* datagrams at most */
#define FRAMES		800	/* bytes in a packet at most */
#define STREAMS		3
#define WARM_UP		70	/* packets before which nothing goes the short way */

/* What a datagram of a train is. */
#define KINDS(X) \
	X(DATA) X(DATA_TO_THE_END) X(FIN) X(EMPTY) X(GAP) X(DOUBLED) X(AHEAD) X(BEHIND)	\
	X(OVERLAP) X(OTHER) X(TWO) X(PADDED) X(PADDING) X(PING) X(ACK_OF_OURS) X(MAX_DATA) \
	X(RESET) X(NEW_STREAM) X(FLIPPED_SPIN) X(CHALLENGE) X(BAD_TAG) X(BAD_ID) X(LONG_HEADER) \
	X(NO_FIXED_BIT) X(RUNT) X(NEW_KEYS)						\
	/* those that end the connection */						\
	X(CLOSE) X(RESERVED_BIT) X(NO_FRAMES) X(MALFORMED) X(TOO_MUCH) X(TOO_LONG)

#define X_NUMBER(k)	k,
#define X_NAME(k)	#k,

enum kind { KINDS(X_NUMBER) NKINDS };

static const char *const names[] = { KINDS(X_NAME) };

struct side {
	struct ctx *x;
	struct quic_conn *c;
	struct quic_rx rx;
	struct quic_chunk *train;	/* its memory */
	u32 len[TRAIN];
	u64 got;			/* bytes of UDP payload */
	u32 woken;			/* times that the owner of a stream was told */
};

struct twins {
	struct kunit *test;
	struct side s[2];		/* [1] forgets */
	u64 off[STREAMS + 1];		/* next byte of each stream, the last is AHEAD's */
	bool over[STREAMS];
	u32 cur;			/* the stream that DATA is of */
	u64 opened;			/* streams of NEW_STREAM */
	u64 random;
	u32 short_ways;			/* datagrams before which something was known */
};

/* ---- what the two have in common ---- */

static void owner_wake(void *priv, void *owner, bool read)
{
	*(u32 *)owner += read;
}

static struct twins *twins_new(struct kunit *test, bool plain, u64 seed)
{
	struct twins *t = kzalloc(sizeof(*t), GFP_KERNEL);
	struct side *s;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->test = test;
	t->random = seed;
	for (s = t->s; s < t->s + 2; s++) {
		s->x = ctx_at(test, 1, APP);
		s->c = victim(s->x);
		s->c->keys.plain = s->x->h.keys.plain = plain;
		s->c->spins = true;
		s->x->h.victim->ops.owner_wake = owner_wake;
		hostile_look(&s->x->h);
		hostile_ack(&s->x->h, APP);
	}
	return t;
}

static void twins_free(struct twins *t)
{
	struct side *s;

	for (s = t->s; s < t->s + 2; s++) {
		if (s->train)
			quic_chunk_put(s->train);
		s->x->h.victim->mem.budget = -1;
		ctx_free(t->test, s->x);
	}
	kfree(t);
}

static void same_acks(struct twins *t, const char *what)
{
	const struct quic_acktr *a = &t->s[0].c->space[QUIC_SPACE_APP]->ack;
	const struct quic_acktr *b = &t->s[1].c->space[QUIC_SPACE_APP]->ack;
	u32 i;

	KUNIT_ASSERT_EQ_MSG(t->test, a->got.n, b->got.n, "%s", what);
	for (i = 0; i < a->got.n; i++) {
		KUNIT_EXPECT_EQ_MSG(t->test, a->got.r[i].lo, b->got.r[i].lo, "%s", what);
		KUNIT_EXPECT_EQ_MSG(t->test, a->got.r[i].hi, b->got.r[i].hi, "%s", what);
	}
	KUNIT_EXPECT_EQ_MSG(t->test, a->floor, b->floor, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->largest_time, b->largest_time, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->deadline, b->deadline, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->largest_eliciting, b->largest_eliciting, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->unacked, b->unacked, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->ect0, b->ect0, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->ect1, b->ect1, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->ce, b->ce, "%s", what);
}

static void same_stream(struct twins *t, u64 id, const char *what)
{
	struct quic_stream *a, *b;
	int err[2];

	a = quic_streams_find(&t->s[0].c->streams, id, false, &err[0]);
	b = quic_streams_find(&t->s[1].c->streams, id, false, &err[1]);
	KUNIT_EXPECT_EQ_MSG(t->test, err[0], err[1], "%s", what);
	KUNIT_ASSERT_EQ_MSG(t->test, !a, !b, "%s", what);
	if (!a)
		return;
	KUNIT_EXPECT_EQ_MSG(t->test, a->rcv_state, b->rcv_state, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->rcv_event, b->rcv_event, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->rcv_max, b->rcv_max, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->final_size, b->final_size, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->rcv.read_off, b->rcv.read_off, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->rcv.ready_off, b->rcv.ready_off, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->rcv.high, b->rcv.high, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->rcv.bytes, b->rcv.bytes, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, list_empty(&a->readable), list_empty(&b->readable), "%s", what);
}

static void same_streams(struct twins *t, const char *what)
{
	const struct quic_streams *a = &t->s[0].c->streams, *b = &t->s[1].c->streams;
	u64 i;

	KUNIT_EXPECT_EQ_MSG(t->test, a->count, b->count, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->active, b->active, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->rcv_used, b->rcv_used, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->rcv_read, b->rcv_read, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->rcv_max, b->rcv_max, "%s", what);
	for (i = 0; i < STREAMS + t->opened; i++)
		same_stream(t, 4 * i, what);
}

static void same(struct twins *t, const char *what)
{
	const struct quic_conn *a = t->s[0].c, *b = t->s[1].c;
	const struct end *e[2] = { t->s[0].x->h.victim, t->s[1].x->h.victim };
	int i;

	KUNIT_ASSERT_EQ_MSG(t->test, (int)a->state, (int)b->state, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->close.code, b->close.code, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->close.frame_type, b->close.frame_type, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->wake, b->wake, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->work, b->work, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->spin, b->spin, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->idle_at, b->idle_at, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->idle_stale, b->idle_stale, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->idle_restarted, b->idle_restarted, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->stats.rx_packets, b->stats.rx_packets, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->stats.rx_bytes - t->s[0].got, b->stats.rx_bytes - t->s[1].got,
			    "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->path.rx_bytes, b->path.rx_bytes, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->path.remote.port, b->path.remote.port, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->keys.phase, b->keys.phase, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->keys.phase_first_rx, b->keys.phase_first_rx, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->keys.phase_last_rx, b->keys.phase_last_rx, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, a->keys.forged, b->keys.forged, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, e[0]->nev, e[1]->nev, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, e[0]->mem.live, e[1]->mem.live, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, t->s[0].woken, t->s[1].woken, "%s", what);
	for (i = 0; i < QUIC_MIB_CORE_MAX; i++)
		KUNIT_EXPECT_EQ_MSG(t->test, e[0]->mib[i], e[1]->mib[i], "%s: counter %d", what, i);
	if (a->state != QUIC_CONN_ESTABLISHED)
		return;
	same_acks(t, what);
	same_streams(t, what);
}

/* ---- packets ---- */

/* A STREAM frame of stream @i at @off. */
static void stream(struct quic_wr *w, u32 i, u64 off, u32 len, u8 bits)
{
	u8 *to;

	quic_wr_varint(w, QUIC_FRAME_STREAM | QUIC_STREAM_BIT_OFF | bits);
	quic_wr_varint(w, 4 * i);
	quic_wr_varint(w, off);
	if (bits & QUIC_STREAM_BIT_LEN)
		quic_wr_varint(w, len);
	to = quic_wr_take(w, len);
	if (to)
		pattern_fill(to, 4 * i, off, len);
}

/* The next @len bytes of a stream. */
static void next(struct twins *t, struct quic_wr *w, u32 i, u32 len, u8 bits)
{
	stream(w, i, t->off[i], len, bits);
	t->off[i] += len;
}

static void put_small(struct quic_wr *w, u64 type, u64 a, u64 b, u64 c)
{
	const struct quic_frame f = { .type = type, .reset = { a, b, c } };

	quic_frame_put(w, &f);
}

static u32 some(struct twins *t)
{
	return 1 + rnd(&t->random, rnd(&t->random, 4) ? 300 : 20);
}

/* Frames of STREAM type and what else changes streams. */
static void put_stream_kind(struct twins *t, enum kind kind, struct quic_wr *w)
{
	u32 n = some(t), i = t->cur;
	u64 off = t->off[i];

	switch (kind) {
	case FIN:
		next(t, w, i, n, QUIC_STREAM_BIT_FIN | QUIC_STREAM_BIT_LEN);
		t->over[i] = true;
		break;
	case EMPTY:
		next(t, w, i, 0, QUIC_STREAM_BIT_LEN);
		break;
	case AHEAD:
		stream(w, i, off + n, n, 0);
		break;
	case BEHIND:
		stream(w, i, off - min_t(u64, off, n), min_t(u64, off, n), 0);
		break;
	case OVERLAP:
		stream(w, i, off - min_t(u64, off, n), n + min_t(u64, off, n), QUIC_STREAM_BIT_LEN);
		t->off[i] += n;
		break;
	case OTHER:
		t->cur = rnd(&t->random, STREAMS);
		if (!t->over[t->cur])
			next(t, w, t->cur, n, 0);
		else
			quic_wr_u8(w, QUIC_FRAME_PING);
		break;
	case TWO:
		next(t, w, i, n, QUIC_STREAM_BIT_LEN);
		next(t, w, i, n, QUIC_STREAM_BIT_LEN);
		break;
	case PADDED:
		next(t, w, i, n, QUIC_STREAM_BIT_LEN);
		quic_wr_u8(w, QUIC_FRAME_PADDING);
		break;
	case RESET:
		put_small(w, QUIC_FRAME_RESET_STREAM, 4 * i, 7, off + n);
		t->off[i] += n;
		t->over[i] = true;
		break;
	case NEW_STREAM:
		stream(w, STREAMS + t->opened++, 0, 1, QUIC_STREAM_BIT_LEN);
		break;
	case TOO_MUCH:		/* RFC 9000 §4.1: beyond what the peer may send */
		stream(w, i, 1 << 24, n, 0);
		break;
	case TOO_LONG:		/* RFC 9000 §19.8: beyond what an offset can be */
		stream(w, i, QUIC_VARINT_MAX, n, 0);
		break;
	default:
		next(t, w, i, n, kind == DATA ? QUIC_STREAM_BIT_LEN : 0);
	}
}

static void put_kind(struct twins *t, enum kind kind, struct quic_wr *w)
{
	switch (kind) {
	case PADDING:
		quic_wr_varint(w, QUIC_FRAME_PADDING);
		break;
	case PING:
	case BAD_TAG:
	case BAD_ID:
	case LONG_HEADER:
	case NO_FIXED_BIT:
	case RUNT:
		quic_wr_varint(w, QUIC_FRAME_PING);
		break;
	case ACK_OF_OURS:
		quic_wr_bytes(w, (const u8 []){ QUIC_FRAME_ACK, 0, 0, 0, 0 }, 5);
		break;
	case MAX_DATA:
		put_small(w, QUIC_FRAME_MAX_DATA, 1 << 21, 0, 0);
		break;
	case CHALLENGE:
		put_small(w, QUIC_FRAME_PATH_CHALLENGE, 1, 0, 0);
		break;
	case CLOSE:
		quic_wr_bytes(w, (const u8 []){ QUIC_FRAME_CONNECTION_CLOSE_APP, 5, 0 }, 3);
		break;
	case NO_FRAMES:
		break;
	case MALFORMED:		/* RFC 9000 §12.4 */
		quic_wr_varint(w, 0x1f);
		break;
	default:
		put_stream_kind(t, kind, w);
	}
}

/*
 * The sealed packet, as somebody else's: what comes next has its number, and its
 * bytes.  The length that it has then.
 */
static u32 spoil(struct hostile *h, enum kind kind, u8 *p, u32 len)
{
	switch (kind) {
	case BAD_TAG:
		p[len - 1] ^= 1;
		break;
	case BAD_ID:
		p[1] ^= 1;
		break;
	case LONG_HEADER:
		memset(p, 0xff, len);
		break;
	case NO_FIXED_BIT:
		p[0] &= ~QUIC_HDR_FIXED;
		break;
	case RUNT:
		len = 1 + len % 20;
		break;
	default:
		return len;
	}
	h->pn[APP]--;
	return len;
}

static void flip_keys(struct side *s)
{
	struct pair *p = &s->x->p;

	PAIR_MUST(p, !quic_keys_prepare(&s->x->h.keys));
	PAIR_MUST(p, !quic_keys_flip(&s->x->h.keys, s->x->h.pn[APP], p->now));
}

static void build(struct side *s, enum kind kind, u32 n, const u8 *frames, u32 len)
{
	u8 *to = s->train->base + n * PAIR_DGRAM;
	struct hostile *h = &s->x->h;

	if (kind == DOUBLED && n) {
		s->len[n] = s->len[n - 1];
		memcpy(to, to - PAIR_DGRAM, s->len[n]);
		return;
	}
	h->pn[APP] += kind == GAP;
	if (kind == NEW_KEYS && !h->keys.plain)
		flip_keys(s);
	h->reserved = kind == FLIPPED_SPIN ? QUIC_HDR_SPIN : kind == RESERVED_BIT ? 0x08 : 0;
	s->len[n] = spoil(h, kind, to, hostile_build(h, APP, frames, len, to));
	h->reserved = 0;
}

/* ---- trains ---- */

/* Their memory; it wraps the datagrams of an unprotected connection, as the kernel's input does. */
static void begin(struct twins *t, u8 ecn)
{
	struct side *s;

	for (s = t->s; s < t->s + 2; s++) {
		struct end *e = s->x->h.victim;

		if (s->train)
			quic_chunk_put(s->train);
		s->train = chunk_mem_alloc(&e->mem, TRAIN * PAIR_DGRAM);
		KUNIT_ASSERT_NOT_NULL(t->test, s->train);
		s->rx = (struct quic_rx){
			.ecn = ecn, .local = e->addr, .remote = e->pair->e[!e->side].addr,
			.wrap = e->c.keys.plain ? s->train : NULL,
		};
	}
}

/* What can be: a stream that has ended has no more data, and forgery needs protection. */
static enum kind possible(struct twins *t, enum kind kind)
{
	const struct quic_keys *k = &t->s[0].c->keys;
	u32 i;

	for (i = 0; i < STREAMS && t->over[t->cur]; i++)
		t->cur = (t->cur + 1) % STREAMS;
	if (t->over[t->cur] || (k->plain && kind == BAD_TAG) || (!k->prepared && kind == NEW_KEYS))
		return PING;
	return kind;
}

static void add(struct twins *t, enum kind kind, u32 n)
{
	u8 frames[FRAMES];
	struct quic_wr w;
	u32 k;

	kind = possible(t, kind);
	quic_wr_init(&w, frames, sizeof(frames));
	if (kind != DOUBLED || !n)
		put_kind(t, kind, &w);
	KUNIT_ASSERT_FALSE(t->test, w.bad);
	for (k = 0; k < 2; k++)
		build(&t->s[k], kind, n, frames, w.p - frames);
}

static void feed(struct twins *t, u32 n, const char *what)
{
	struct side *s;
	u32 i;

	for (i = 0; i < n; i++) {
		t->short_ways += !!t->s[0].rx.bulk;
		t->s[1].rx.bulk = NULL;
		for (s = t->s; s < t->s + 2; s++) {
			s->rx.data = s->train->base + i * PAIR_DGRAM;
			s->rx.len = s->len[i];
			s->rx.more = i + 1 < n;
			quic_conn_rx(s->c, &s->rx, s->x->p.now);
		}
		same(t, what);
	}
	KUNIT_EXPECT_FALSE_MSG(t->test, t->s[0].rx.bulk, "%s", what);
}

/* What the two have to say is the same as well, and is acknowledged. */
static void answer(struct twins *t, const char *what)
{
	struct hostile *h[2] = { &t->s[0].x->h, &t->s[1].x->h };
	const struct quic_frame *f[2];
	int k;

	KUNIT_EXPECT_EQ_MSG(t->test, hostile_look(h[0]), hostile_look(h[1]), "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, h[0]->nseen, h[1]->nseen, "%s", what);
	for (k = 0; k < 2; k++)
		f[k] = hostile_saw(h[k], APP, QUIC_FRAME_ACK);
	KUNIT_ASSERT_EQ_MSG(t->test, !f[0], !f[1], "%s", what);
	if (f[0]) {
		KUNIT_EXPECT_EQ_MSG(t->test, f[0]->ack.largest, f[1]->ack.largest, "%s", what);
		KUNIT_EXPECT_EQ_MSG(t->test, f[0]->ack.nranges, f[1]->ack.nranges, "%s", what);
		KUNIT_EXPECT_EQ_MSG(t->test, f[0]->ack.ect0, f[1]->ack.ect0, "%s", what);
	}
	for (k = 0; k < 2 && h[0]->ndgrams; k++)
		hostile_ack(h[k], APP);
	for (k = 0; k < 2; k++) {
		t->s[k].got = t->s[k].c->stats.rx_bytes;
		t->s[k].c->wake = 0;		/* collected, once a train */
	}
	same(t, what);
}

static void sleep(struct twins *t, u64 ns)
{
	struct side *s;

	for (s = t->s; s < t->s + 2; s++)
		s->x->p.now += ns;
}

/* The readers take all that is there; end_read() looks at each byte. */
static void read_both(struct twins *t, const char *what)
{
	struct end *e[2] = { t->s[0].x->h.victim, t->s[1].x->h.victim };

	end_read(e[0]);
	end_read(e[1]);
	KUNIT_EXPECT_EQ_MSG(t->test, e[0]->got, e[1]->got, "%s", what);
	KUNIT_EXPECT_EQ_MSG(t->test, e[0]->fins, e[1]->fins, "%s", what);
	same(t, what);
}

/* @n datagrams with data, as a train; nobody reads. */
static void plain_train(struct twins *t, u32 n)
{
	u32 i;

	begin(t, QUIC_ECN_ECT0);
	for (i = 0; i < n; i++)
		add(t, i % 2 ? DATA : DATA_TO_THE_END, i);
	feed(t, n, "data");
}

static void warm_up(struct twins *t)
{
	u32 i;

	for (i = 0; i < WARM_UP; i += TRAIN) {
		plain_train(t, TRAIN);
		read_both(t, "warming up");
		answer(t, "warming up");
		sleep(t, PAIR_MS);
	}
	t->short_ways = 0;
}

/* ---- cases ---- */

/* All but the first of a train goes the short way, and the next train begins anew. */
static void data_alone(struct kunit *test)
{
	u32 plain, i;

	for (plain = 0; plain < 2; plain++) {
		struct twins *t = twins_new(test, plain, 1);

		warm_up(t);
		for (i = 0; i < 4; i++) {
			t->short_ways = 0;
			plain_train(t, TRAIN);
			KUNIT_EXPECT_EQ(test, t->short_ways, TRAIN - 1);
			answer(t, "an answer");
			if (i % 2)
				read_both(t, "the reader");
			sleep(t, PAIR_MS);
		}
		twins_free(t);
	}
}

/* In the middle of such a train comes a datagram of every other kind. */
static void one_of_a_kind(struct kunit *test)
{
	struct twins *t;
	const char *name;
	u32 kind, run, i;

	for (run = 0; run < 2 * NKINDS; run++) {
		kind = run / 2;
		name = names[kind];
		t = twins_new(test, run % 2, run);
		warm_up(t);
		begin(t, QUIC_ECN_ECT0);
		for (i = 0; i < TRAIN; i++)
			add(t, i == TRAIN / 2 ? kind : DATA, i);
		feed(t, TRAIN, name);
		/* what does not end the connection is followed by data as before it */
		KUNIT_EXPECT_EQ_MSG(test, quic_conn_is_open(t->s[0].c), kind < CLOSE, "%s", name);
		KUNIT_EXPECT_GE_MSG(test, t->short_ways, kind < CLOSE ? TRAIN - 3 : TRAIN / 2,
				    "%s", name);
		answer(t, name);
		read_both(t, name);
		twins_free(t);
	}
}

/* RFC 9000 §4.1: to the byte; on the short way, too */
static void limits(struct kunit *test)
{
	struct quic_stream *st;
	struct twins *t;
	int run, k, err;
	u64 *max;

	for (run = 0; run < 4; run++) {
		t = twins_new(test, false, run);
		warm_up(t);
		begin(t, QUIC_ECN_NONE);
		for (k = 0; k < 4; k++)
			add(t, DATA, k);
		for (k = 0; k < 2; k++) {
			st = quic_streams_find(&t->s[k].c->streams, 0, false, &err);
			KUNIT_ASSERT_NOT_NULL(test, st);
			max = run / 2 ? &t->s[k].c->streams.rcv_max : &st->rcv_max;
			*max = t->off[0] - run % 2;
		}
		feed(t, 4, "limits");
		KUNIT_EXPECT_EQ(test, t->short_ways, 3);
		KUNIT_EXPECT_EQ(test, quic_conn_is_open(t->s[0].c), !(run % 2));
		KUNIT_EXPECT_EQ(test, t->s[0].c->close.code, run % 2 ? ERR(FLOW_CONTROL) : 0);
		twins_free(t);
	}
}

/* Stream @i, pinned for a socket of its own on both sides. */
static void peel_off(struct twins *t, u32 i)
{
	struct quic_stream *st;
	int k, err;

	for (k = 0; k < 2; k++) {
		st = quic_streams_find(&t->s[k].c->streams, 4 * i, false, &err);
		KUNIT_ASSERT_NOT_NULL(t->test, st);
		quic_stream_pin(&t->s[k].c->streams, st, &t->s[k].woken);
	}
}

/* RFC 9000 §3.5: after STOP_SENDING data still counts, and is dropped */
static void stop(struct twins *t, u32 i)
{
	struct quic_stream *st;
	int k, err;

	for (k = 0; k < 2; k++) {
		st = quic_streams_find(&t->s[k].c->streams, 4 * i, false, &err);
		KUNIT_ASSERT_NOT_NULL(t->test, st);
		KUNIT_EXPECT_EQ(t->test, quic_stream_stop(&t->s[k].c->streams, st, 1), 0);
	}
}

/* A peeled-off stream's socket is told, not the connection's. */
static void owned_stream(struct kunit *test)
{
	struct twins *t = twins_new(test, false, 1);

	warm_up(t);
	peel_off(t, 0);
	plain_train(t, TRAIN);
	KUNIT_EXPECT_EQ(test, t->short_ways, TRAIN - 1);
	KUNIT_EXPECT_GE(test, t->s[0].woken, TRAIN);
	KUNIT_EXPECT_FALSE(test, t->s[0].c->wake & QUIC_WAKE_READ);
	t->short_ways = 0;
	stop(t, 0);
	plain_train(t, TRAIN);
	KUNIT_EXPECT_EQ(test, t->short_ways, 0);
	twins_free(t);
}

/* The first data of a stream is an event, whoever knew of it before. */
static void first_data(struct kunit *test)
{
	struct twins *t = twins_new(test, false, 1);

	warm_up(t);
	t->cur = 1;
	begin(t, QUIC_ECN_NONE);
	add(t, EMPTY, 0);
	feed(t, 1, "opened");
	peel_off(t, 1);
	begin(t, QUIC_ECN_NONE);
	add(t, PING, 0);
	add(t, DATA, 1);
	add(t, DATA, 2);
	feed(t, 3, "first data");
	KUNIT_EXPECT_EQ(test, t->short_ways, 1);
	twins_free(t);
}

/* RFC 9000 §4.5: nothing lies beyond a final size, though it follows in order */
static void beyond_the_end(struct kunit *test)
{
	struct twins *t = twins_new(test, false, 1);
	u32 i;

	warm_up(t);
	begin(t, QUIC_ECN_NONE);
	for (i = 0; i < 8; i++) {
		add(t, i == 4 ? FIN : DATA, i);
		t->over[0] = false;
	}
	feed(t, 8, "beyond the end");
	KUNIT_EXPECT_EQ(test, t->s[0].c->close.code, ERR(FINAL_SIZE));
	twins_free(t);
}

/* Nothing was unread or in order so far, or for us: the short way begins with the train's first. */
static void forged_first(struct kunit *test)
{
	struct twins *t = twins_new(test, false, 1);
	const struct quic_acktr *a = &t->s[0].c->space[QUIC_SPACE_APP]->ack;
	u8 ecn;

	warm_up(t);
	for (ecn = QUIC_ECN_NONE; ecn <= QUIC_ECN_CE; ecn++) {
		plain_train(t, 1);		/* owes an ACK, for later */
		KUNIT_EXPECT_GT(test, a->deadline, t->s[0].x->p.now);
		begin(t, ecn);
		t->short_ways = 0;
		add(t, BAD_TAG, 0);
		add(t, DATA, 1);
		add(t, DATA, 2);
		sleep(t, PAIR_MS);
		feed(t, 3, "forged first");
		/* RFC 9000 §13.2.1: CE SHOULD be told at once, and is none of the usual */
		KUNIT_EXPECT_EQ(test, t->short_ways, ecn == QUIC_ECN_CE ? 0 : 2);
		answer(t, "forged first");
	}
	twins_free(t);
}

/* RFC 9000 §8.1: all that comes counts, as long as the path is not validated */
static void unvalidated_path(struct kunit *test)
{
	struct twins *t = twins_new(test, false, 1);
	u64 before;
	int k;

	warm_up(t);
	for (k = 0; k < 2; k++)
		t->s[k].c->path.state = QUIC_PATH_UNVALIDATED;
	before = t->s[0].c->stats.rx_bytes - t->s[0].c->path.rx_bytes;
	plain_train(t, TRAIN);
	KUNIT_EXPECT_EQ(test, t->s[0].c->stats.rx_bytes - t->s[0].c->path.rx_bytes, before);
	for (k = 0; k < 2; k++)
		t->s[k].c->path.state = QUIC_PATH_VALIDATED;
	twins_free(t);
}

/* RFC 9000 §9.3: a late packet moves nothing, but the newest one of the train behind it does */
static void another_path(struct kunit *test)
{
	struct twins *t = twins_new(test, false, 1);
	struct side *s;

	warm_up(t);
	begin(t, QUIC_ECN_NONE);
	add(t, GAP, 0);
	feed(t, 1, "a gap");
	begin(t, QUIC_ECN_NONE);
	for (s = t->s; s < t->s + 2; s++) {
		s->rx.remote.port++;
		s->x->h.pn[APP] -= 2;
	}
	add(t, PING, 0);
	for (s = t->s; s < t->s + 2; s++)
		s->x->h.pn[APP]++;
	add(t, DATA, 1);
	add(t, DATA, 2);
	feed(t, 3, "another path");
	KUNIT_EXPECT_EQ(test, t->s[0].c->path.remote.port, t->s[0].rx.remote.port);
	twins_free(t);
}

/* RFC 9000 §13.4.1, §13.2.2: marks are counted; the end of the train is when the ACK is due */
static void marks(struct kunit *test)
{
	struct twins *t = twins_new(test, false, 1);
	const struct quic_acktr *a = &t->s[0].c->space[QUIC_SPACE_APP]->ack;
	u64 ect0;

	warm_up(t);
	ect0 = a->ect0;
	plain_train(t, TRAIN);
	KUNIT_EXPECT_EQ(test, a->ect0, ect0 + TRAIN);
	KUNIT_EXPECT_EQ(test, a->deadline, t->s[0].x->p.now);
	twins_free(t);
}

static enum kind any_kind(struct twins *t)
{
	if (rnd(&t->random, 100) < 75)
		return rnd(&t->random, 2) ? DATA : DATA_TO_THE_END;
	return rnd(&t->random, rnd(&t->random, 40) ? CLOSE : NKINDS);
}

/* At random there is little memory, or chunks have few slices. */
static void starve(struct twins *t)
{
	long budget = rnd(&t->random, 6) ? -1 : rnd(&t->random, 3);
	u16 nslices = rnd(&t->random, 3) ? 0 : 1 + rnd(&t->random, 8);
	struct side *s;

	for (s = t->s; s < t->s + 2; s++) {
		s->x->h.victim->mem.budget = budget;
		s->x->h.victim->mem.nslices = nslices;
	}
}

static void feast(struct twins *t)
{
	struct side *s;

	for (s = t->s; s < t->s + 2; s++)
		s->x->h.victim->mem.budget = -1;
}

/* Any mixture, in trains of any length; up to the end, if something ends the connection. */
static u32 random_trains(struct kunit *test, u64 seed)
{
	struct twins *t = twins_new(test, seed % 2, seed);
	u32 i, n, trains, short_ways;
	enum kind kind;
	bool updated;

	warm_up(t);
	for (trains = 0; trains < 8 && t->s[0].c->state == QUIC_CONN_ESTABLISHED; trains++) {
		begin(t, rnd(&t->random, 8) ? QUIC_ECN_ECT0 : rnd(&t->random, 4));
		n = 1 + rnd(&t->random, TRAIN);
		for (i = 0, updated = false; i < n; i++) {
			kind = any_kind(t);
			/* the keys after the next are made between trains */
			add(t, updated && kind == NEW_KEYS ? DATA : kind, i);
			updated |= kind == NEW_KEYS;
		}
		starve(t);
		feed(t, n, "random");
		feast(t);
		if (rnd(&t->random, 2))
			read_both(t, "random");
		answer(t, "random");
		sleep(t, rnd(&t->random, 2) ? PAIR_MS : 0);
	}
	read_both(t, "random");
	short_ways = t->short_ways;
	twins_free(t);
	return short_ways;
}

static void any_trains(struct kunit *test)
{
	u32 seed, short_ways = 0;

	for (seed = 0; seed < 60; seed++)
		short_ways += random_trains(test, seed);
	KUNIT_EXPECT_GE(test, short_ways, 60 * TRAIN);
}

static struct kunit_case conn_train_cases[] = {
	KUNIT_CASE(data_alone),
	KUNIT_CASE(one_of_a_kind),
	KUNIT_CASE(limits),
	KUNIT_CASE(owned_stream),
	KUNIT_CASE(first_data),
	KUNIT_CASE(beyond_the_end),
	KUNIT_CASE(forged_first),
	KUNIT_CASE(unvalidated_path),
	KUNIT_CASE(another_path),
	KUNIT_CASE(marks),
	KUNIT_CASE(any_trains),
	{}
};

static struct kunit_suite conn_train_suite = {
	.name = "conn_train",
	.test_cases = conn_train_cases,
};
kunit_test_suite(conn_train_suite);

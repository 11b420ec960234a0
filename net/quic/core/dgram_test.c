// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unreliable datagrams, RFC 9221: the queues alone, then those of a connection,
 * against its peer and against a hostile one.
 */
#include "conn_ctx_test.h"

#define FRAME_MAX	1000

/* ---- the queues ---- */

struct alone {
	struct quic_dgrams d;
	struct chunk_mem mem;
	struct quic_pkt pkt;
};

static struct quic_chunk *alone_alloc(void *priv, u32 size, bool tx, bool may_sleep)
{
	return chunk_mem_alloc(priv, size);
}

static const struct quic_chunk_ops alone_ops = { .alloc = alone_alloc };

static struct alone *alone_new(struct kunit *test)
{
	struct alone *a = kzalloc(sizeof(*a), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, a);
	a->mem.budget = -1;
	quic_dgrams_init(&a->d, &alone_ops, &a->mem);
	return a;
}

static void alone_free(struct kunit *test, struct alone *a)
{
	quic_dgrams_free(&a->d);
	KUNIT_EXPECT_EQ(test, a->mem.live, 0);
	kfree(a);
}

static int queue_one(struct quic_dgrams *d, u32 id, u32 len)
{
	u8 *to = quic_dgrams_reserve(d, len, false);

	if (!to)
		return -ENOMEM;
	pattern_fill(to, id, 0, len);
	quic_dgrams_queue(d, len);
	return 0;
}

/* Chunks are shared by a few, and given back as soon as their datagrams are sent. */
static void out_queue(struct kunit *test)
{
	struct alone *a = alone_new(test);
	u32 i, sent = 0, rounds = 0;

	for (i = 0; i < 100; i++)
		KUNIT_ASSERT_EQ(test, queue_one(&a->d, i, i * 10), 0);
	KUNIT_EXPECT_EQ(test, a->d.out_bytes, 49500);
	KUNIT_EXPECT_LE(test, a->mem.live, 50);
	while (quic_dgrams_pending(&a->d) && rounds++ < 200) {
		quic_pkt_start(&a->pkt, QUIC_PKT_1RTT, 1200);
		KUNIT_EXPECT_EQ(test, quic_dgrams_put(&a->d, &a->pkt, U16_MAX, 1190, true), 0);
		sent += a->pkt.nitem;
		KUNIT_EXPECT_TRUE(test, a->pkt.ack_eliciting);
		KUNIT_EXPECT_TRUE(test, quic_dgrams_sent(&a->d));
		KUNIT_EXPECT_FALSE(test, quic_dgrams_sent(&a->d));
	}
	KUNIT_EXPECT_EQ(test, sent, 100);
	KUNIT_EXPECT_EQ(test, a->d.out_bytes, 0);
	quic_dgrams_trim(&a->d);
	KUNIT_EXPECT_EQ(test, a->mem.live, 0);
	alone_free(test, a);
}

/* A packet that could not be sealed gives them back, in order. */
static void unsent(struct kunit *test)
{
	struct alone *a = alone_new(test);
	u32 round;

	queue_one(&a->d, 1, 10);
	queue_one(&a->d, 2, 20);
	for (round = 0; round < 2; round++) {
		quic_pkt_start(&a->pkt, QUIC_PKT_1RTT, 1200);
		quic_dgrams_put(&a->d, &a->pkt, U16_MAX, 1190, true);
		KUNIT_EXPECT_FALSE(test, quic_dgrams_pending(&a->d));
		KUNIT_EXPECT_EQ(test, a->pkt.len, 34);
		KUNIT_EXPECT_EQ(test, a->pkt.item[0].id, 0);
		if (!round)
			quic_dgrams_unsent(&a->d);
		KUNIT_EXPECT_EQ(test, a->d.out_bytes, 30);
	}
	quic_dgrams_sent(&a->d);
	KUNIT_EXPECT_EQ(test, a->d.out_bytes, 0);
	alone_free(test, a);
}

/* The path became narrower: what never fits goes, the rest does not wait for it. */
static void too_long_now(struct kunit *test)
{
	struct alone *a = alone_new(test);

	queue_one(&a->d, 1, 100);
	queue_one(&a->d, 2, 1400);
	queue_one(&a->d, 3, 1400);
	queue_one(&a->d, 4, 100);
	quic_pkt_start(&a->pkt, QUIC_PKT_1RTT, 1160);
	KUNIT_EXPECT_EQ(test, quic_dgrams_put(&a->d, &a->pkt, U16_MAX, 1150, true), 2);
	KUNIT_EXPECT_EQ(test, a->pkt.nitem, 2);
	quic_dgrams_sent(&a->d);
	KUNIT_EXPECT_EQ(test, a->d.out_bytes, 0);
	alone_free(test, a);
}

static void no_memory(struct kunit *test)
{
	struct alone *a = alone_new(test);

	a->mem.budget = 1;
	KUNIT_EXPECT_EQ(test, queue_one(&a->d, 1, 2000), 0);
	while (!queue_one(&a->d, 2, 2000))
		;
	KUNIT_EXPECT_EQ(test, a->mem.live, 1);
	KUNIT_EXPECT_EQ(test, a->d.out_bytes, 8000);
	alone_free(test, a);
}

/* RFC 9221 §5.3: what waits to be read is bounded by the memory that it keeps. */
static void in_bound(struct kunit *test)
{
	struct alone *a = alone_new(test);
	struct quic_chunk *c;
	u32 n = 0, i;
	int err;

	a->d.in_max = 10 * 4096;
	do {		/* a byte each, and each keeps a chunk */
		c = chunk_mem_alloc(&a->mem, 4096);
		KUNIT_ASSERT_NOT_NULL(test, c);
		err = quic_dgrams_receive(&a->d, c->base, 1, c);
		n += !err;
		quic_chunk_put(c);
	} while (!err && n < 100);
	KUNIT_EXPECT_EQ(test, err, -ENOSPC);
	KUNIT_EXPECT_EQ(test, n, 10);
	KUNIT_EXPECT_EQ(test, a->mem.live, 10);
	KUNIT_EXPECT_TRUE(test, quic_dgrams_consume(&a->d, 1));
	c = chunk_mem_alloc(&a->mem, 4096);
	err = 0;
	for (i = 0; i < 40 && !err; i++)	/* one chunk, many slices */
		err = quic_dgrams_receive(&a->d, c->base + i, 1, c);
	KUNIT_EXPECT_EQ(test, err, -ENOBUFS);
	quic_chunk_put(c);
	KUNIT_EXPECT_EQ(test, a->d.in_held, a->d.in_max);
	quic_dgrams_discard(&a->d);
	KUNIT_EXPECT_EQ(test, a->d.in_held, 0);
	KUNIT_EXPECT_EQ(test, a->d.in_bytes, 0);
	alone_free(test, a);
}

/* However small the bound: one gets through. */
static void in_one(struct kunit *test)
{
	struct alone *a = alone_new(test);
	struct quic_chunk *c = chunk_mem_alloc(&a->mem, 4096);
	const struct quic_slice *s;

	a->d.in_max = 1;
	pattern_fill(c->base, 7, 0, 100);
	KUNIT_EXPECT_EQ(test, quic_dgrams_receive(&a->d, c->base, 100, c), 0);
	KUNIT_EXPECT_EQ(test, quic_dgrams_receive(&a->d, c->base, 100, c), -ENOSPC);
	quic_chunk_put(c);
	/* read in pieces */
	KUNIT_EXPECT_FALSE(test, quic_dgrams_consume(&a->d, 60));
	s = quic_dgrams_peek(&a->d);
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_EQ(test, s->len, 40);
	KUNIT_EXPECT_TRUE(test, pattern_is(s->data, 7, 60, 40));
	KUNIT_EXPECT_TRUE(test, quic_dgrams_consume(&a->d, 40));
	KUNIT_EXPECT_NULL(test, quic_dgrams_peek(&a->d));
	alone_free(test, a);
}

/* ---- a connection ---- */

static struct ctx *dgram_ctx(struct kunit *test, u64 client_takes, u64 server_takes)
{
	struct ctx *x = ctx_new(test);

	x->p.e[0].c.local_tp.max_datagram_frame_size = client_takes;
	x->p.e[1].c.local_tp.max_datagram_frame_size = server_takes;
	pair_establish(&x->p);
	return x;
}

/* The next datagram of @e has @len bytes of the pattern @id. */
static bool got(struct end *e, u32 id, u32 len)
{
	const struct quic_slice *s = quic_dgrams_peek(&e->c.dgrams);

	if (!s || s->len != len || !pattern_is(s->data, id, 0, len))
		return false;
	return quic_dgrams_consume(&e->c.dgrams, len);
}

static int post(struct end *e, u32 id, u32 len)
{
	int max = quic_conn_dgram_max(&e->c);

	if (max < 0 || len > max)
		return max < 0 ? max : -EMSGSIZE;
	return queue_one(&e->c.dgrams, id, len);
}

/* Every size, both ways, the empty one and the longest included. */
static void every_size(struct kunit *test)
{
	struct ctx *x = dgram_ctx(test, U16_MAX, U16_MAX);
	int max = quic_conn_dgram_max(&x->p.e[0].c);
	int len, side;

	/* mtu - short header with 4 bytes of number - tag - type */
	KUNIT_EXPECT_EQ(test, max, PAIR_MTU - (1 + QUIC_CID_LOCAL_LEN + 4) - QUIC_TAG_LEN - 1);
	for (len = 0; len <= max; len++) {
		side = len & 1;
		KUNIT_ASSERT_EQ(test, post(&x->p.e[side], len, len), 0);
		pair_flush(&x->p);
		KUNIT_ASSERT_TRUE(test, got(&x->p.e[!side], len, len));
		KUNIT_ASSERT_TRUE(test, x->p.e[!side].c.wake & QUIC_WAKE_READ);
		KUNIT_ASSERT_TRUE(test, x->p.e[side].c.wake & QUIC_WAKE_WRITE);
		x->p.e[!side].c.wake = 0;
		x->p.e[side].c.wake = 0;
	}
	KUNIT_EXPECT_EQ(test, post(&x->p.e[0], 1, max + 1), -EMSGSIZE);
	ctx_free(test, x);
}

/* RFC 9221 §3: the limit counts the whole frame, and is of one direction. */
static void peer_limit(struct kunit *test)
{
	static const u64 limits[] = { 1, 2, 3, 4, 64, 65, 66, 67, 68, 500 };
	struct ctx *x;
	u32 i, len;

	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		x = dgram_ctx(test, 0, limits[i]);
		KUNIT_EXPECT_EQ(test, quic_conn_dgram_max(&x->p.e[0].c), limits[i] - 1);
		KUNIT_EXPECT_EQ(test, quic_conn_dgram_max(&x->p.e[1].c), -EINVAL);
		for (len = 0; len < limits[i]; len++) {
			KUNIT_EXPECT_EQ(test, post(&x->p.e[0], len, len), 0);
			pair_flush(&x->p);
			KUNIT_EXPECT_TRUE(test, got(&x->p.e[1], len, len));
		}
		KUNIT_EXPECT_TRUE(test, quic_conn_is_open(&x->p.e[1].c));
		ctx_free(test, x);
	}
}

/* RFC 9221 §3: not announced, or longer than announced: PROTOCOL_VIOLATION. */
static void violations(struct kunit *test)
{
	static const struct {
		u64 limit;
		u8 n, frame[8];
		bool ok;
	} t[] = {
		{ 0, 1, { 0x30 } },
		{ 0, 2, { 0x31, 0 } },
		{ 1, 1, { 0x30 }, true },
		{ 1, 2, { 0x31, 0 } },
		{ 2, 2, { 0x31, 0 }, true },
		{ 2, 3, { 0x31, 0x40, 0 } },		/* a long Length counts, too */
		{ 3, 3, { 0x31, 0x40, 0 }, true },
		{ 4, 5, { 0x30, 1, 2, 3, 4 } },
		{ 5, 5, { 0x30, 1, 2, 3, 4 }, true },
		{ 5, 6, { 0x31, 4, 1, 2, 3, 4 } },
		{ 6, 6, { 0x31, 4, 1, 2, 3, 4 }, true },
	};
	struct ctx *x;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		x = dgram_ctx(test, U16_MAX, t[i].limit);
		hostile_init(&x->h, &x->p.e[1]);
		hostile_send(&x->h, APP, t[i].frame, t[i].n);
		if (t[i].ok) {
			KUNIT_EXPECT_TRUE(test, quic_conn_is_open(victim(x)));
			KUNIT_EXPECT_NOT_NULL(test, quic_dgrams_peek(&victim(x)->dgrams));
		} else {
			KUNIT_EXPECT_EQ(test, victim(x)->close.code, ERR(PROTOCOL_VIOLATION));
			KUNIT_EXPECT_NULL(test, quic_dgrams_peek(&victim(x)->dgrams));
		}
		ctx_free(test, x);
	}
}

/* A Length that leads out of the packet. */
static void cut_off(struct kunit *test)
{
	struct ctx *x = dgram_ctx(test, U16_MAX, U16_MAX);

	hostile_init(&x->h, &x->p.e[1]);
	HOSTILE(&x->h, APP, 0x31, 5, 1, 2, 3);
	KUNIT_EXPECT_EQ(test, victim(x)->close.code, ERR(FRAME_ENCODING));
	ctx_free(test, x);
}

/* RFC 9221 §5.2: elicits an ACK, which may wait; §5: is never sent again. */
static void lost(struct kunit *test)
{
	struct ctx *x = dgram_ctx(test, U16_MAX, U16_MAX);
	struct end *cli = &x->p.e[0], *srv = &x->p.e[1];

	cli->mute = true;
	KUNIT_EXPECT_EQ(test, post(cli, 1, 100), 0);
	KUNIT_EXPECT_EQ(test, end_tx(cli), 1);
	KUNIT_EXPECT_GT(test, cli->c.cc.in_flight, 100);
	cli->mute = false;
	pair_sleep(&x->p, 2 * PAIR_SEC);
	/* RFC 9002 §6.2.4: probes were sent, and told of the loss */
	KUNIT_EXPECT_EQ(test, cli->c.cc.in_flight, 0);
	KUNIT_EXPECT_GT(test, cli->mib[QUIC_MIB_PTO], 0);
	KUNIT_EXPECT_NULL(test, quic_dgrams_peek(&srv->c.dgrams));
	KUNIT_EXPECT_EQ(test, post(cli, 2, 100), 0);
	end_tx(cli);
	x->p.now += PAIR_LEG;
	end_deliver(srv);
	KUNIT_EXPECT_TRUE(test, got(srv, 2, 100));
	KUNIT_EXPECT_EQ(test, end_tx(srv), 0);		/* the ACK waits */
	pair_sleep(&x->p, 100 * PAIR_MS);
	KUNIT_EXPECT_EQ(test, cli->c.cc.in_flight, 0);
	ctx_free(test, x);
}

/* RFC 9221 §5.4: congestion control holds it back, and lets it go in its time. */
static void congestion(struct kunit *test)
{
	struct ctx *x = dgram_ctx(test, U16_MAX, U16_MAX);
	struct end *cli = &x->p.e[0];
	u32 i, n;

	for (i = 0; i < 100; i++)
		KUNIT_EXPECT_EQ(test, post(cli, i, 1300), 0);
	for (n = 0; end_tx(cli); n++)
		;
	KUNIT_EXPECT_LE(test, cli->c.cc.in_flight, cli->c.cc.cwnd);
	KUNIT_EXPECT_TRUE(test, quic_dgrams_pending(&cli->c.dgrams));
	pair_sleep(&x->p, 2 * PAIR_SEC);
	for (i = 0; i < 100; i++)
		KUNIT_EXPECT_TRUE(test, got(&x->p.e[1], i, 1300));
	ctx_free(test, x);
}

/* How many packets had datagrams, how many streams, of the first @most sent. */
static void count_turns(struct ctx *x, u32 *dgrams, u32 *streams)
{
	u32 i, d = U32_MAX, s = U32_MAX;

	*dgrams = *streams = 0;
	for (i = 0; i < x->h.nseen; i++) {
		if (quic_frame_is_stream(x->h.seen[i].f.type) && x->h.seen[i].dgram != s) {
			s = x->h.seen[i].dgram;
			++*streams;
		}
		if (x->h.seen[i].f.type >= QUIC_FRAME_DATAGRAM && x->h.seen[i].dgram != d) {
			d = x->h.seen[i].dgram;
			++*dgrams;
		}
	}
}

/* Streams and datagrams take turns: neither waits for the end of the other. */
static void fair(struct kunit *test)
{
	struct ctx *x = dgram_ctx(test, U16_MAX, U16_MAX);
	u32 dgrams, streams, i;
	s64 id;

	hostile_init(&x->h, &x->p.e[0]);
	id = end_open(x->h.victim, false);
	KUNIT_EXPECT_EQ(test, end_write(x->h.victim, id, 100000, true), 0);
	for (i = 0; i < 50; i++)
		KUNIT_EXPECT_EQ(test, post(x->h.victim, i, 1300), 0);
	KUNIT_EXPECT_GT(test, hostile_look(&x->h), 7);
	count_turns(x, &dgrams, &streams);
	KUNIT_EXPECT_GE(test, dgrams, x->h.ndgrams / 2);
	KUNIT_EXPECT_GE(test, streams, x->h.ndgrams / 2);
	ctx_free(test, x);
}

/* Small ones share a packet; in the order of their queue. */
static void bundled(struct kunit *test)
{
	struct ctx *x = dgram_ctx(test, U16_MAX, U16_MAX);
	u32 i;

	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_EQ(test, post(&x->p.e[0], i, 50 + i), 0);
	KUNIT_EXPECT_EQ(test, end_tx(&x->p.e[0]), 1);
	end_deliver(&x->p.e[1]);
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_TRUE(test, got(&x->p.e[1], i, 50 + i));
	ctx_free(test, x);
}

/* A receiver that does not read: datagrams are dropped and acknowledged, streams go on. */
static void unread(struct kunit *test)
{
	struct ctx *x = dgram_ctx(test, U16_MAX, U16_MAX);
	struct end *srv = &x->p.e[1];
	u32 i, n;
	s64 id;

	srv->c.dgrams.in_max = 20000;
	for (i = 0; i < 200; i++) {
		KUNIT_EXPECT_EQ(test, post(&x->p.e[0], i, 1000), 0);
		pair_sleep(&x->p, 50 * PAIR_MS);
	}
	KUNIT_EXPECT_LE(test, srv->c.dgrams.in_held, 20000);
	KUNIT_EXPECT_GT(test, srv->mib[QUIC_MIB_DROP_DATAGRAM], 100);
	KUNIT_EXPECT_EQ(test, x->p.e[0].c.cc.in_flight, 0);
	for (n = 0; got(srv, n, 1000); n++)
		;
	KUNIT_EXPECT_EQ(test, n + srv->mib[QUIC_MIB_DROP_DATAGRAM], 200);
	id = end_open(&x->p.e[0], false);
	KUNIT_EXPECT_EQ(test, end_write(&x->p.e[0], id, 50000, true), 0);
	pair_sleep(&x->p, PAIR_SEC);
	end_read(srv);
	KUNIT_EXPECT_EQ(test, srv->got, 50000);
	ctx_free(test, x);
}

/* Without memory for a chunk of its own it is dropped; the connection lives. */
static void no_chunk(struct kunit *test)
{
	struct ctx *x = dgram_ctx(test, U16_MAX, U16_MAX);
	struct end *srv = &x->p.e[1];
	u8 frames[200];
	u32 i, n = 0;

	hostile_init(&x->h, srv);
	for (i = 0; i < sizeof(frames); i += 2) {
		frames[i] = QUIC_FRAME_DATAGRAM_LEN;
		frames[i + 1] = 0;
	}
	srv->mem.budget = 1;		/* the packet's, with fewer slices than frames */
	hostile_send(&x->h, APP, frames, sizeof(frames));
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(&srv->c));
	while (got(srv, 0, 0))
		n++;
	KUNIT_EXPECT_EQ(test, n, QUIC_CHUNK_SLICES);
	KUNIT_EXPECT_EQ(test, srv->mib[QUIC_MIB_DROP_DATAGRAM], 100 - n);
	srv->mem.budget = -1;
	hostile_send(&x->h, APP, frames, sizeof(frames));
	for (n = 0; got(srv, 0, 0); )
		n++;
	KUNIT_EXPECT_EQ(test, n, 100);
	ctx_free(test, x);
}

static struct kunit_case dgram_cases[] = {
	KUNIT_CASE(out_queue),
	KUNIT_CASE(unsent),
	KUNIT_CASE(too_long_now),
	KUNIT_CASE(no_memory),
	KUNIT_CASE(in_bound),
	KUNIT_CASE(in_one),
	KUNIT_CASE(every_size),
	KUNIT_CASE(peer_limit),
	KUNIT_CASE(violations),
	KUNIT_CASE(cut_off),
	KUNIT_CASE(lost),
	KUNIT_CASE(congestion),
	KUNIT_CASE(fair),
	KUNIT_CASE(bundled),
	KUNIT_CASE(unread),
	KUNIT_CASE(no_chunk),
	{}
};

static struct kunit_suite dgram_suite = {
	.name = "dgram",
	.test_cases = dgram_cases,
};
kunit_test_suite(dgram_suite);

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs of datagrams against datagrams made one by one: two pairs of connections
 * live through the same, one with runs and one without, and must say the same
 * and keep the same records; under random loads, and at each bound of a run.
 */
#include "conn_ctx_test.h"

#define STREAMS_AT_ONCE	5

struct twins {
	struct ctx *x[2];	/* [0] makes runs */
	u64 rnd;
	s64 id[STREAMS_AT_ONCE];	/* open streams; -1: none */
};

static u32 dice(struct twins *t, u32 sides)
{
	t->rnd = t->rnd * 6364136223846793005ULL + 1442695040888963407ULL;
	return (u32)(t->rnd >> 33) % sides;
}

static struct end *twin(struct twins *t, int k, int side)
{
	return &t->x[k]->p.e[side];
}

static struct quic_sent *records(struct end *e)
{
	return &e->c.loss.sp[QUIC_SPACE_APP]->sent;
}

/* What each connection has by chance, both twins have. */
static void liken(struct twins *t)
{
	int k, side;

	for (side = 0; side < 2; side++) {
		records(twin(t, 1, side))->skip_at = records(twin(t, 0, side))->skip_at;
		for (k = 0; k < 2; k++)
			twin(t, k, side)->c.spins = true;
	}
}

static void twins_init(struct kunit *test, struct twins *t, u64 seed, bool plain, u32 window)
{
	struct quic_tparam tp;
	struct end *e;
	int k, side;

	t->rnd = seed;
	for (k = 0; k < STREAMS_AT_ONCE; k++)
		t->id[k] = -1;
	for (k = 0; k < 2; k++) {
		t->x[k] = ctx_new(test);
		if (k)
			t->x[k]->p.run = 0;
		for (side = 0; side < 2; side++) {
			e = twin(t, k, side);
			tp = e->c.local_tp;
			tp.disable_1rtt_encryption = plain;
			tp.max_data = 2 * window;
			tp.max_stream_data_bidi_remote = window;
			quic_conn_set_local_tp(&e->c, &tp);
			e->c.streams.tuning = false;
		}
		pair_establish(&t->x[k]->p);
		for (side = 0; side < 2; side++) {
			twin(t, k, side)->c.spin = false;
			/* their handshakes may differ by a few bytes */
			memset(&twin(t, k, side)->c.stats, 0, sizeof(e->c.stats));
		}
	}
	KUNIT_EXPECT_EQ(test, t->x[0]->p.now, t->x[1]->p.now);
	liken(t);
}

static void twins_free(struct kunit *test, struct twins *t)
{
	int k;

	for (k = 0; k < 2; k++)
		ctx_free(test, t->x[k]);
}

/*
 * IDs are random, and so the tags that cover them, and in small packets the mask that comes
 * of a tag: whoever opens the packets checks all that.
 */
static void same_datagram(struct kunit *test, const struct dgram *a, const struct dgram *b,
			  bool plain)
{
	u32 from = 1 + QUIC_CID_LOCAL_LEN, end = a->len - (plain ? 0 : QUIC_TAG_LEN);

	KUNIT_ASSERT_EQ(test, a->len, b->len);
	KUNIT_EXPECT_EQ(test, (u32)a->ecn, (u32)b->ecn);
	if (end < from + 4 + QUIC_SAMPLE_LEN)
		return;
	KUNIT_EXPECT_EQ(test, (u32)a->data[0], (u32)b->data[0]);
	KUNIT_EXPECT_EQ(test, memcmp(a->data + from, b->data + from, end - from), 0);
}

static void same_packet(struct kunit *test, struct quic_sent *a, struct quic_sent *b, u64 pn)
{
	const struct quic_sent_pkt *p = quic_sent_get(a, pn), *q = quic_sent_get(b, pn);
	const struct quic_sent_item *i, *j;
	u32 n;

	KUNIT_EXPECT_EQ(test, p->time, q->time);
	KUNIT_EXPECT_EQ(test, (u32)p->size, (u32)q->size);
	KUNIT_EXPECT_EQ(test, (u32)p->flags, (u32)q->flags);
	KUNIT_ASSERT_EQ(test, (u32)p->nitem, (u32)q->nitem);
	for (n = 0; n < p->nitem; n++) {
		i = quic_sent_item(a, p, n);
		j = quic_sent_item(b, q, n);
		KUNIT_EXPECT_EQ(test, (u32)i->type, (u32)j->type);
		KUNIT_EXPECT_EQ(test, (u32)i->fin, (u32)j->fin);
		KUNIT_EXPECT_EQ(test, i->len, j->len);
		KUNIT_EXPECT_EQ(test, i->id, j->id);
		KUNIT_EXPECT_EQ(test, i->off, j->off);
	}
}

static void same_state(struct kunit *test, struct end *a, struct end *b)
{
	struct quic_sent *s = records(a), *r = records(b);
	u64 pn, now = a->pair->now;

	KUNIT_ASSERT_EQ(test, s->first, r->first);
	KUNIT_ASSERT_EQ(test, s->next, r->next);
	KUNIT_EXPECT_EQ(test, s->skipped, r->skipped);
	for (pn = s->first; pn < s->next; pn++)
		same_packet(test, s, r, pn);
	KUNIT_EXPECT_EQ(test, a->c.cc.in_flight, b->c.cc.in_flight);
	KUNIT_EXPECT_EQ(test, a->c.cc.cwnd, b->c.cc.cwnd);
	KUNIT_EXPECT_EQ(test, a->c.cc.peak, b->c.cc.peak);
	KUNIT_EXPECT_EQ(test, a->c.pace.next, b->c.pace.next);
	KUNIT_EXPECT_EQ(test, a->c.pace_at, b->c.pace_at);
	KUNIT_EXPECT_EQ(test, a->c.idle_at, b->c.idle_at);
	KUNIT_EXPECT_EQ(test, quic_conn_deadline(&a->c, now), quic_conn_deadline(&b->c, now));
	KUNIT_EXPECT_EQ(test, a->c.streams.snd_used, b->c.streams.snd_used);
	KUNIT_EXPECT_EQ(test, a->c.keys.tx.cur.used, b->c.keys.tx.cur.used);
	KUNIT_EXPECT_EQ(test, (u32)a->c.keys.phase, (u32)b->c.keys.phase);
	KUNIT_EXPECT_EQ(test, (u32)a->c.loss.ect_tested, (u32)b->c.loss.ect_tested);
	KUNIT_EXPECT_EQ(test, a->c.loss.sp[QUIC_SPACE_APP]->ect_sent,
			b->c.loss.sp[QUIC_SPACE_APP]->ect_sent);
	KUNIT_EXPECT_EQ(test, a->c.stats.tx_packets, b->c.stats.tx_packets);
	KUNIT_EXPECT_EQ(test, a->c.stats.tx_bytes, b->c.stats.tx_bytes);
	KUNIT_EXPECT_EQ(test, memcmp(a->mib, b->mib, sizeof(a->mib)), 0);
	KUNIT_EXPECT_EQ(test, a->tx_err, b->tx_err);
}

/* Both send what they have; how many datagrams. */
static u32 send_both(struct kunit *test, struct twins *t, int side)
{
	struct end *a = twin(t, 0, side), *b = twin(t, 1, side);
	struct queue *q = &twin(t, 0, !side)->in, *r = &twin(t, 1, !side)->in;
	u32 had = q->n, i, n;

	liken(t);
	n = end_tx(a);
	KUNIT_ASSERT_EQ(test, end_tx(b), n);
	KUNIT_ASSERT_EQ(test, q->n, r->n);
	for (i = had; i < q->n; i++)
		same_datagram(test, queue_at(q, i), queue_at(r, i), a->c.keys.plain);
	same_state(test, a, b);
	KUNIT_EXPECT_EQ(test, b->in_runs, 0);
	return n;
}

static void lose_some(struct twins *t, int side)
{
	struct queue *q = &twin(t, 0, side)->in;
	u32 i, kept = 0;
	int k;

	for (i = 0; i < q->n; i++) {
		if (!dice(t, 12))
			continue;
		for (k = 0; k < 2; k++)
			*queue_at(&twin(t, k, side)->in, kept) =
				*queue_at(&twin(t, k, side)->in, i);
		kept++;
	}
	for (k = 0; k < 2; k++)
		twin(t, k, side)->in.n = kept;
}

static void pass_time(struct twins *t, u64 ns)
{
	int k, side;

	for (k = 0; k < 2; k++) {
		t->x[k]->p.now += ns;
		for (side = 0; side < 2; side++)
			quic_conn_timeout(&twin(t, k, side)->c, t->x[k]->p.now);
	}
}

static void write_both(struct kunit *test, struct twins *t, u32 i, u32 bytes, bool fin)
{
	s64 a, b;
	int err;

	if (t->id[i] < 0) {
		a = end_open(twin(t, 0, 0), false);
		b = end_open(twin(t, 1, 0), false);
		KUNIT_ASSERT_EQ(test, a, b);
		t->id[i] = a;
		if (a < 0)
			return;
	}
	err = end_write(twin(t, 0, 0), t->id[i], bytes, fin);
	KUNIT_EXPECT_EQ(test, end_write(twin(t, 1, 0), t->id[i], bytes, fin), err);
	if (fin)
		t->id[i] = -1;
}

static void update_both(struct kunit *test, struct twins *t)
{
	int k, side, err[2];

	for (k = 0; k < 2; k++) {
		for (side = 0; side < 2; side++)
			quic_keys_prepare(&twin(t, k, side)->c.keys);
		err[k] = quic_conn_key_update(&twin(t, k, 0)->c, t->x[k]->p.now);
	}
	KUNIT_EXPECT_EQ(test, err[0], err[1]);
}

static void one_thing(struct kunit *test, struct twins *t)
{
	int k;

	switch (dice(t, 16)) {
	case 0:
		update_both(test, t);
		break;
	case 1:
		pass_time(t, (u64)dice(t, 400) * PAIR_MS);
		break;
	case 2:
	case 3:
	case 4:
		for (k = 0; k < 2; k++)
			end_read(twin(t, k, 1));
		break;
	case 5:
	case 6:
		write_both(test, t, dice(t, STREAMS_AT_ONCE), dice(t, 300), !dice(t, 3));
		break;
	default:
		write_both(test, t, dice(t, STREAMS_AT_ONCE), dice(t, 40000), !dice(t, 12));
	}
}

static void turn(struct kunit *test, struct twins *t)
{
	int k, side;

	one_thing(test, t);
	for (side = 0; side < 2; side++) {
		send_both(test, t, side);
		lose_some(t, !side);
	}
	pass_time(t, (u64)dice(t, 20) * PAIR_MS);
	for (k = 0; k < 2; k++)
		for (side = 0; side < 2; side++)
			end_deliver(twin(t, k, side));
}

/*
 * Several streams, FIN, flow control limits, losses, key updates: each datagram, record,
 * window, pacing and timer is what it would be without runs (RFC 9000 §4.1, §12.3,
 * §13.4, §17.1; RFC 9001 §6; RFC 9002 §7).
 */
static void random_loads(struct kunit *test)
{
	struct twins t = {};
	u64 seed;
	u32 i;

	for (seed = 1; seed <= 8; seed++) {
		twins_init(test, &t, seed, seed & 1, seed & 2 ? 40000 : 1 << 20);
		for (i = 0; i < 300; i++)
			turn(test, &t);
		KUNIT_EXPECT_GE_MSG(test, twin(&t, 0, 0)->in_runs, 100, "seed %llu", seed);
		KUNIT_EXPECT_GT(test, twin(&t, 0, 1)->got, 100000);
		KUNIT_EXPECT_EQ(test, twin(&t, 0, 1)->got, twin(&t, 1, 1)->got);
		KUNIT_EXPECT_EQ(test, twin(&t, 0, 1)->fins, twin(&t, 1, 1)->fins);
		KUNIT_EXPECT_GT(test, twin(&t, 0, 0)->c.loss.lost_packets, 5);
		if (!(seed & 1))
			KUNIT_EXPECT_GT(test, twin(&t, 0, 0)->mib[QUIC_MIB_KEY_UPDATE], 2);
		twins_free(test, &t);
	}
}

/* ---- the bounds of a run ---- */

/* Twins with more to send than a burst has room for. */
static struct end *loaded(struct kunit *test, struct twins *t, u64 cwnd)
{
	int k;

	twins_init(test, t, 1, false, 1 << 20);
	for (k = 0; k < 2; k++) {
		KUNIT_EXPECT_EQ(test, quic_keys_prepare(&twin(t, k, 0)->c.keys), 0);
		twin(t, k, 0)->c.cc.cwnd = cwnd;
		twin(t, k, 0)->c.cc.ssthresh = U64_MAX;
	}
	write_both(test, t, 0, 100000, false);
	return twin(t, 0, 0);
}

static void expect_same(struct kunit *test, struct twins *t, u32 packets)
{
	KUNIT_EXPECT_EQ(test, send_both(test, t, 0), packets);
	KUNIT_EXPECT_GT(test, twin(t, 0, 0)->in_runs, 0);
	twins_free(test, t);
}

/* RFC 9000 §17.1: the number's length changes in the middle of a burst */
static void number_grows(struct kunit *test)
{
	struct twins t = {};
	struct quic_loss_space *ls;
	int k;

	loaded(test, &t, 1 << 20);
	for (k = 0; k < 2; k++) {
		ls = twin(&t, k, 0)->c.loss.sp[QUIC_SPACE_APP];
		ls->largest_acked = (s64)ls->sent.next + 4 - 0x8000;
		KUNIT_EXPECT_EQ(test, (u32)quic_conn_pn_len(ls, ls->sent.next + 4), 2);
		KUNIT_EXPECT_EQ(test, (u32)quic_conn_pn_len(ls, ls->sent.next + 5), 3);
	}
	expect_same(test, &t, PAIR_QUEUE / 2);
}

/* RFC 9000 §21.4: a number is left out */
static void number_skipped(struct kunit *test)
{
	struct twins t = {};
	struct end *e = loaded(test, &t, 1 << 20);
	u64 skip = records(e)->next + 5;

	records(e)->skip_at = skip;
	KUNIT_EXPECT_EQ(test, send_both(test, &t, 0), PAIR_QUEUE / 2);
	KUNIT_EXPECT_EQ(test, records(e)->skipped, skip);
	KUNIT_EXPECT_GT(test, e->in_runs, 0);
	twins_free(test, &t);
}

/* RFC 9001 §6.6: the keys are worn, and updated, before they are worn out */
static void keys_worn(struct kunit *test)
{
	struct twins t = {};
	struct end *e = loaded(test, &t, 1 << 20);
	struct quic_key *key;
	int k;

	for (k = 0; k < 2; k++) {
		key = &twin(&t, k, 0)->c.keys.tx.cur;
		key->used = 0;
		key->used = quic_keys_left(&twin(&t, k, 0)->c.keys) - 5;
	}
	KUNIT_EXPECT_EQ(test, send_both(test, &t, 0), PAIR_QUEUE / 2);
	KUNIT_EXPECT_TRUE(test, e->c.keys.phase);
	KUNIT_EXPECT_EQ(test, (u64)e->c.keys.tx.cur.used, PAIR_QUEUE / 2 - 5);
	KUNIT_EXPECT_EQ(test, e->c.keys.phase_first_tx, records(e)->next - (PAIR_QUEUE / 2 - 5));
	KUNIT_EXPECT_GT(test, e->in_runs, 0);
	twins_free(test, &t);
}

/* RFC 9000 §13.4.2: of the packets of a run, not one more is marked than is tested with */
static void marks_end(struct kunit *test)
{
	struct twins t = {};
	struct quic_loss *l;
	int k;

	loaded(test, &t, 1 << 20);
	for (k = 0; k < 2; k++) {
		l = &twin(&t, k, 0)->c.loss;
		l->ecn_capable = false;
		l->ecn_failed = false;
		l->ect_tested = QUIC_ECN_TESTING - 3;
	}
	expect_same(test, &t, PAIR_QUEUE / 2);
}

/* RFC 9002 §7: the window is full before the burst is over; the first packet always leaves */
static void window_full(struct kunit *test)
{
	struct twins t = {};
	u32 room;

	for (room = 1; room < 8; room++) {
		loaded(test, &t, room * PAIR_MTU + room);
		KUNIT_EXPECT_EQ(test, send_both(test, &t, 0), room);
		twins_free(test, &t);
	}
	loaded(test, &t, PAIR_MTU / 2);
	KUNIT_EXPECT_EQ(test, send_both(test, &t, 0), 1);
	twins_free(test, &t);
}

/* RFC 9002 §7.7: pacing ends it; and lets go what it lets go one by one */
static void paced(struct kunit *test)
{
	struct twins t = {};
	struct end *e = loaded(test, &t, 1 << 20);
	u32 i, n, sum = 0;
	u64 ns;
	int k;

	for (k = 0; k < 2; k++)
		twin(&t, k, 0)->c.pace.max_rate = 100 * PAIR_MTU;	/* 10 ms a packet */
	for (i = 0; i < 30; i++) {
		n = send_both(test, &t, 0);
		twin(&t, 0, 1)->in.n = twin(&t, 1, 1)->in.n = 0;
		sum += n;
		ns = (u64)dice(&t, 30) * PAIR_MS + dice(&t, 1000);
		for (k = 0; k < 2; k++)
			t.x[k]->p.now += ns;
	}
	KUNIT_EXPECT_GT(test, sum, 30);
	KUNIT_EXPECT_LT(test, sum, 100000 / PAIR_MTU + 2);
	KUNIT_EXPECT_GT(test, e->in_runs, 0);
	twins_free(test, &t);
}

/* ---- what goes wrong in it ---- */

static u32 seals_left;

static int seal_some(struct quic_aead *a, const u8 *nonce, const u8 *aad, u32 aad_len,
		     const struct quic_vec *src, unsigned int nsrc, u8 *dst)
{
	if (!seals_left)
		return -ENOMEM;
	seals_left--;
	return quic_test_crypto()->seal(a, nonce, aad, aad_len, src, nsrc, dst);
}

/* The cipher fails in the middle: what was sealed leaves, nothing is lost, numbers have no gap. */
static void seal_fails(struct kunit *test)
{
	struct quic_crypto_ops ops = *quic_test_crypto();
	struct ctx *x = ctx_new(test);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];
	u32 i;
	s64 id;

	pair_establish(&x->p);
	id = end_open(c, true);
	ops.seal = seal_some;
	c->c.keys.ops = &ops;
	records(c)->skip_at = U64_MAX;
	for (i = 0; i < 10; i++) {
		u64 next = records(c)->next;

		KUNIT_EXPECT_EQ(test, end_write(c, id, 8000, i == 9), 0);
		seals_left = i % 5;
		KUNIT_EXPECT_EQ(test, end_tx(c), i % 5);
		KUNIT_EXPECT_EQ(test, c->tx_err, -ENOMEM);
		KUNIT_EXPECT_EQ(test, records(c)->next, next + i % 5);
		seals_left = 1000;
		pair_sleep(&x->p, 200 * PAIR_MS);
		end_read(s);
	}
	KUNIT_EXPECT_EQ(test, s->got, 80000);
	KUNIT_EXPECT_EQ(test, s->fins, 1);
	KUNIT_EXPECT_EQ(test, c->c.loss.lost_packets, 0);
	KUNIT_EXPECT_GT(test, c->in_runs, 0);
	c->c.keys.ops = quic_test_crypto();
	ctx_free(test, x);
}

/* No memory for records: nothing leaves, and all of it when there is some. */
static void no_records(struct kunit *test)
{
	struct twins t = {};
	int k;

	loaded(test, &t, 1 << 20);
	for (k = 0; k < 2; k++) {
		struct quic_sent *s = records(twin(&t, k, 0));

		quic_sent_trim(s, U64_MAX);
		quic_sent_release(s);
	}
	expect_same(test, &t, PAIR_QUEUE / 2);
}

/* RFC 9287 §3.1: the QUIC bit of each packet is as unpredictable as that of others */
static void greased(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];
	u32 i, n, clear = 0, sum = 0;
	s64 id;

	c->c.local_tp.grease_quic_bit = s->c.local_tp.grease_quic_bit = true;
	pair_establish(&x->p);
	id = end_open(c, true);
	while (sum < 64) {
		KUNIT_EXPECT_EQ(test, end_write(c, id, 16 * PAIR_MTU, false), 0);
		n = end_tx(c);
		for (i = 0; i < n; i++)
			clear += !(queue_at(&s->in, i)->data[0] & QUIC_HDR_FIXED);
		sum += n;
		pair_sleep(&x->p, 100 * PAIR_MS);
		end_read(s);
	}
	KUNIT_EXPECT_GE(test, clear, 10);
	KUNIT_EXPECT_LE(test, clear, sum - 10);
	KUNIT_EXPECT_GT(test, c->in_runs, 32);
	pair_sleep(&x->p, QUIC_NSEC_PER_SEC);
	end_read(s);
	KUNIT_EXPECT_EQ(test, (u64)s->got, c->c.streams.snd_written);
	ctx_free(test, x);
}

static struct kunit_case conn_bulk_cases[] = {
	KUNIT_CASE(random_loads),
	KUNIT_CASE(number_grows),
	KUNIT_CASE(number_skipped),
	KUNIT_CASE(keys_worn),
	KUNIT_CASE(marks_end),
	KUNIT_CASE(window_full),
	KUNIT_CASE(paced),
	KUNIT_CASE(seal_fails),
	KUNIT_CASE(no_records),
	KUNIT_CASE(greased),
	{}
};

static struct kunit_suite conn_bulk_suite = {
	.name = "conn_bulk",
	.test_cases = conn_bulk_cases,
};
kunit_test_suite(conn_bulk_suite);

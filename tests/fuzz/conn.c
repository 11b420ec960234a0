// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A whole connection: the input is a small program that a hostile network and a
 * hostile peer of either side run against two connections, at any stage of
 * their life: frames of any bytes sealed with the right keys at any level, raw
 * datagrams, real ones changed, dropped, doubled, swapped; time, the user and
 * the memory do as they like.
 *
 * Properties, checked after each step: a server sends at most three times
 * what it got before the client's address is validated; what is in flight adds
 * up; flow control accounts are in order; no timer fires for ever; memory held
 * for a peer is bounded; a closed connection is silent; and all is freed.
 */
#include "fuzz.h"
#include "conn_harness_test.h"
#include "crypto_ossl.h"

#define STEPS_MAX	48
#define CHUNKS_MAX	4096

unsigned int fuzz_cost = 50;

enum {
	OP_FRAMES, OP_RAW, OP_FLUSH, OP_CHANGE, OP_LOSE, OP_SLEEP, OP_USER, OP_KEYS, OP_COALESCED,
	OP_MEMORY, OP_CLOSE, OP_SWAP, OPS
};

enum { AT_START, AT_HELLO, AT_MIDDLE, AT_END, STAGES };

#define STEP(op, side)	((op) | (side) << 7)

static const u8 streams_seed[] = {
	AT_END, STEP(OP_USER, 0), 0x00, 90, STEP(OP_USER, 1), 0x40, 90, STEP(OP_FLUSH, 0),
	STEP(OP_FRAMES, 1), 0, 12, 0x0a, 0, 1, 'x', 0x0e, 4, 9, 1, 'y', 0x0b, 8, 0,
	STEP(OP_FRAMES, 1), 0, 9, 0x04, 0, 0, 5, 0x05, 4, 0, 0x15, 8, STEP(OP_FLUSH, 0),
	STEP(OP_SLEEP, 0), 50, STEP(OP_USER, 0), 0x80, 9,
};
static const u8 limits_seed[] = {
	AT_END, STEP(OP_FRAMES, 0), 0, 15, 0x10, 0x7f, 0xff, 0x11, 1, 0x40, 0x50, 0x12, 9, 0x13, 9,
	0x14, 8, 0x16, 4, STEP(OP_FRAMES, 1), 0, 8, 0x02, 3, 0, 1, 1, 0, 0, 0x01,
	STEP(OP_SLEEP, 1), 200, STEP(OP_FRAMES, 0), 0, 10, 0x03, 2, 0, 0, 1, 1, 0, 0, 0x1e, 0,
};
static const u8 ids_seed[] = {
	AT_END, STEP(OP_FRAMES, 0), 0, 30, 0x18, 7, 3, 4, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 9, 0x19, 3, 0x1a, 1, 2, 3, 4, 5, 6, 7, 8, STEP(OP_FLUSH, 0),
	STEP(OP_FRAMES, 1), 0, 11, 0x19, 2, 0x1a, 1, 2, 3, 4, 5, 6, 7, 8, STEP(OP_KEYS, 0), 0,
	STEP(OP_FLUSH, 0), STEP(OP_KEYS, 1), 1, STEP(OP_FRAMES, 0), 0, 1, 0x01,
};
static const u8 early_seed[] = {
	AT_MIDDLE, STEP(OP_FRAMES, 0), 2, 8, 0x06, 0, 5, 103, 0, 2, 0, 0, STEP(OP_FRAMES, 1), 1, 5,
	0x02, 0, 0, 0, 0, STEP(OP_FRAMES, 1), 2, 6, 0x06, 0, 3, 104, 0, 2, STEP(OP_FLUSH, 0),
	STEP(OP_COALESCED, 1), 2, 1, 0x01, STEP(OP_FLUSH, 0), STEP(OP_SLEEP, 0), 99,
};
static const u8 net_seed[] = {
	AT_HELLO, STEP(OP_CHANGE, 1), 5, 1, STEP(OP_LOSE, 1), 0, STEP(OP_SLEEP, 0), 250,
	STEP(OP_FLUSH, 0), STEP(OP_USER, 0), 0x41, 200, STEP(OP_SWAP, 1), 1, STEP(OP_LOSE, 0), 1,
	STEP(OP_SLEEP, 1), 250, STEP(OP_MEMORY, 0), 3, STEP(OP_FLUSH, 0), STEP(OP_MEMORY, 0), 255,
	STEP(OP_CLOSE, 0), 7, STEP(OP_FLUSH, 0), STEP(OP_FRAMES, 0), 0, 3, 0x1d, 1, 0,
};
static const u8 raw_seed[] = {
	AT_HELLO, STEP(OP_RAW, 0), 30, 0xf5, 0, 0, 0, 1, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 't', 1, 2, 3, 4,
	5, 6, 7, 8, 9, 10, 11, 12, STEP(OP_RAW, 0), 12, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2,
	STEP(OP_RAW, 1), 1, 0x40, STEP(OP_FLUSH, 0),
};
static const u8 close_seed[] = {
	AT_MIDDLE, STEP(OP_FRAMES, 0), 1, 4, 0x1c, 1, 6, 0, STEP(OP_FRAMES, 1), 2, 1, 0x1f,
	STEP(OP_FLUSH, 0), STEP(OP_FRAMES, 1), 2, 1, 1, STEP(OP_SLEEP, 0), 255, STEP(OP_SLEEP, 0), 255,
};
static const u8 tickets_seed[] = {
	AT_END, STEP(OP_FRAMES, 0), 0, 10, 0x06, 0, 7, 4, 0, 0, 3, 'a', 'b', 'c', STEP(OP_FRAMES, 0), 0,
	6, 0x07, 2, 1, 2, 0x1e, 0, STEP(OP_FRAMES, 1), 0, 8, 0x06, 0, 5, 24, 0, 0, 1, 0,
};
static const u8 dgrams_seed[] = {
	AT_END | 0x20, STEP(OP_USER, 0), 0x10, 5, STEP(OP_USER, 0), 0x10, 60, STEP(OP_USER, 1), 0x12, 9,
	STEP(OP_FLUSH, 0), STEP(OP_FRAMES, 0), 0, 9, 0x31, 2, 1, 2, 0x31, 0, 0x30, 'a', 'b',
	STEP(OP_USER, 0), 0x10, 1, STEP(OP_FLUSH, 0), STEP(OP_LOSE, 1), 0, STEP(OP_SLEEP, 0), 99,
};

static const u8 bulk_seed[] = {
	AT_END | 0x40, STEP(OP_USER, 0), 0x00, 250, STEP(OP_USER, 0), 0x40, 250, STEP(OP_FLUSH, 0),
	STEP(OP_USER, 0), 0x40, 250, STEP(OP_CHANGE, 1), 30, 1, STEP(OP_FLUSH, 0),
	STEP(OP_FLUSH, 0),
	STEP(OP_USER, 0), 0x40, 250, STEP(OP_LOSE, 1), 1, STEP(OP_SWAP, 1), 2, STEP(OP_FLUSH, 0),
	STEP(OP_USER, 1), 0x20, 0, STEP(OP_MEMORY, 0), 4, STEP(OP_USER, 0), 0x41, 250,
	STEP(OP_FLUSH, 0), STEP(OP_SLEEP, 0), 99,
};

FUZZ_SEEDS(FUZZ_SEED(streams_seed), FUZZ_SEED(limits_seed), FUZZ_SEED(ids_seed),
	   FUZZ_SEED(early_seed), FUZZ_SEED(net_seed), FUZZ_SEED(raw_seed), FUZZ_SEED(close_seed),
	   FUZZ_SEED(tickets_seed), FUZZ_SEED(dgrams_seed), FUZZ_SEED(bulk_seed));

static struct pair pair;
static struct hostile hostile[2];	/* [side]: whose victim has that side */
static bool armed[2];

/* ---- properties ---- */

static u64 flight_of(struct quic_loss_space *ls)
{
	const u8 gone = QUIC_SENT_ACKED | QUIC_SENT_LOST;
	struct quic_sent_pkt *p;
	u64 pn, sum = 0;

	for (pn = ls->sent.first; pn != ls->sent.next; pn++) {
		p = quic_sent_get(&ls->sent, pn);
		if (p->flags & QUIC_SENT_IN_FLIGHT && !(p->flags & gone))
			sum += p->size;
	}
	return sum;
}

static void check_conn(struct end *e)
{
	struct quic_conn *c = &e->c;
	struct quic_streams *ss = &c->streams;
	u64 flight = 0;
	int sp;

	if (c->state == QUIC_CONN_IDLE)
		return;
	for (sp = 0; sp < QUIC_SPACES; sp++)
		if (c->loss.sp[sp])
			flight += flight_of(c->loss.sp[sp]);
	NEVER(flight != c->cc.in_flight);
	NEVER(ss->rcv_read > ss->rcv_used || ss->rcv_used > ss->rcv_max);
	NEVER(ss->snd_used > ss->snd_max && quic_conn_is_open(c));
	NEVER(ss->snd_used > ss->snd_written);
	NEVER(c->nheld > QUIC_HELD_MAX);
	NEVER(c->dgrams.in_held > c->dgrams.in_max || c->dgrams.out_bytes >> 32);
	NEVER(e->mem.live > CHUNKS_MAX);
	NEVER(e->cids > QUIC_CIDS_MAX);
	NEVER(c->server && c->path.state != QUIC_PATH_VALIDATED &&
	      e->sent_bytes > QUIC_AMPLIFICATION * e->got_bytes);
	NEVER(c->close.local && quic_conn_is_open(c));
}

/* Whatever is due now: done with in a few turns. */
static void settle(struct end *e)
{
	u32 turns = 0;
	u64 at;

	for (;;) {
		end_tx(e);
		if (e->tx_err)		/* no memory: the owner waits a little */
			return;
		at = quic_conn_deadline(&e->c, pair.now);
		if (at > pair.now)
			return;
		NEVER(turns++ > 100);
		quic_conn_timeout(&e->c, pair.now);
	}
}

static void check(void)
{
	int i;

	for (i = 0; i < 2; i++) {
		u32 sent = pair.e[i].sent;
		enum quic_conn_state state = pair.e[i].c.state;

		check_conn(&pair.e[i]);
		settle(&pair.e[i]);
		check_conn(&pair.e[i]);
		NEVER(state >= QUIC_CONN_DRAINING && pair.e[i].sent != sent);
	}
}

/* ---- steps ---- */

static struct hostile *hostile_of(int side)
{
	struct end *e = &pair.e[side];

	if (e->c.state == QUIC_CONN_IDLE)
		return NULL;
	if (!armed[side]) {
		shim_fail_alloc_after(-1);
		hostile_init(&hostile[side], e);
		armed[side] = true;
	}
	hostile[side].keys.plain = e->c.keys.plain;
	return &hostile[side];
}

static void do_frames(struct quic_cur *in, int side, bool coalesced)
{
	static const u8 levels[] = { QUIC_CRYPTO_APP, QUIC_CRYPTO_INITIAL, QUIC_CRYPTO_HANDSHAKE };
	u8 how = quic_cur_u8(in), level = levels[(how & 3) % 3];
	u32 len = min_t(u32, quic_cur_u8(in), quic_cur_left(in));
	const u8 *frames = quic_cur_take(in, len);
	struct hostile *h = hostile_of(side);
	int n;

	if (!h || !quic_cids_remote_active(&pair.e[side].c.dcids))
		return;
	h->ecn = how >> 2 & 3;
	h->pn[level] += how >> 4 & 1 ? 1 : 0;
	h->pad = level != QUIC_CRYPTO_APP ? QUIC_INITIAL_MIN / 2 : len ? 0 : how & 0x20;
	/* RFC 9001 §5.4.2 holds for hostile peers, too */
	h->pad = max_t(u32, h->pad, len ? 0 : 1);
	if (!coalesced) {
		hostile_send(h, level, frames, len);
		return;
	}
	n = hostile_build(h, level, frames, len, h->buf);
	if (n > 0 && level != QUIC_CRYPTO_APP)
		n += hostile_build(h, QUIC_CRYPTO_HANDSHAKE, frames, len, h->buf + n);
	if (n > 0)
		hostile_datagram(h, h->buf, n);
}

/* A raw datagram; what begins as a Retry gets a right tag, what may be a reset a right token. */
static void do_raw(struct quic_cur *in, int side)
{
	u32 len = min_t(u32, quic_cur_u8(in), quic_cur_left(in));
	const u8 *data = quic_cur_take(in, len);
	struct quic_conn *c = &pair.e[side].c;
	u8 buf[256 + QUIC_TAG_LEN];

	if (!data && len)
		return;
	if (len)
		memcpy(buf, data, len);
	if (len > 5 && (buf[0] & 0xf0) == 0xf0 && c->state != QUIC_CONN_IDLE) {
		shim_fail_alloc_after(-1);
		quic_keys_retry_tag(pair.e[side].ops.crypto, QUIC_VERSION_V1, &c->odcid, buf, len,
				    buf + len);
		len += QUIC_TAG_LEN;
	}
	end_rx(&pair.e[side], buf, len);
	end_tls(&pair.e[side]);
}

/* The user's side of datagrams. */
static void do_dgrams(struct end *e, u32 len)
{
	struct quic_dgrams *d = &e->c.dgrams;
	int max = quic_conn_dgram_max(&e->c);
	u8 *to;

	while (quic_dgrams_peek(d))
		quic_dgrams_consume(d, len / 16 + 1);
	if (e->c.state != QUIC_CONN_ESTABLISHED || max < 0)
		return;
	len = min_t(u32, len, max);
	to = quic_dgrams_reserve(d, len, false);
	if (!to)
		return;
	memset(to, len, len);
	quic_dgrams_queue(d, len);
}

static void do_user(struct quic_cur *in, int side)
{
	u8 what = quic_cur_u8(in);
	u32 len = quic_cur_u8(in) * 16;
	struct end *e = &pair.e[side];
	struct quic_streams *ss = &e->c.streams;
	struct quic_stream *s;
	s64 id;
	int err;

	if (!quic_conn_is_open(&e->c))
		return;
	if (what & 0x20)
		end_read(e);
	if (what & 0x10)
		do_dgrams(e, len);
	if (what & 0x40 || what & 0x80) {
		id = what & 0x1f;
		s = quic_streams_find(ss, id, what & 0x40, &err);
		if (!s)
			return;
		if (what & 0x80 && what & 0x40)
			quic_stream_reset(ss, s, len);
		else if (what & 0x80)
			quic_stream_stop(ss, s, len);
		else
			end_write(e, id, len, what & 1);
		return;
	}
	id = end_open(e, what & 2);
	if (id >= 0)
		end_write(e, id, len, what & 1);
}

static void do_change(struct quic_cur *in, int side)
{
	u32 at = quic_cur_u8(in), bits = quic_cur_u8(in);
	struct queue *q = &pair.e[side].in;

	if (q->n)
		queue_at(q, 0)->data[at % queue_at(q, 0)->len] ^= bits;
}

static void do_lose(struct quic_cur *in, int side)
{
	struct queue *q = &pair.e[side].in;
	u8 how = quic_cur_u8(in);

	if (!q->n)
		return;
	if (how & 1)
		queue_push(q, queue_at(q, 0)->data, queue_at(q, 0)->len, 0);
	else
		q->n--;
}

static void do_swap(struct quic_cur *in, int side)
{
	struct queue *q = &pair.e[side].in;
	u32 i = quic_cur_u8(in);
	static struct dgram d;

	if (q->n < 2)
		return;
	i %= q->n;
	d = *queue_at(q, 0);
	*queue_at(q, 0) = *queue_at(q, i);
	*queue_at(q, i) = d;
}

static void do_keys(struct quic_cur *in, int side)
{
	struct hostile *h;
	u8 how = quic_cur_u8(in);

	if (!(how & 1)) {
		quic_conn_key_update(&pair.e[side].c, pair.now);
		return;
	}
	h = hostile_of(side);
	if (h && !h->keys.plain && !quic_keys_prepare(&h->keys))
		quic_keys_flip(&h->keys, h->pn[QUIC_CRYPTO_APP], pair.now);
}

static void do_flush(void)
{
	int i;

	end_tx(&pair.e[0]);
	end_tx(&pair.e[1]);
	pair.now += PAIR_LEG;
	for (i = 1; i >= 0; i--) {
		end_deliver(&pair.e[i]);
		end_tls(&pair.e[i]);
	}
}

static void do_sleep(struct quic_cur *in)
{
	u8 how = quic_cur_u8(in);
	int i;

	pair.now += (u64)(how & 31) * PAIR_MS << (how >> 5) * 2;
	for (i = 0; i < 2; i++)
		quic_conn_timeout(&pair.e[i].c, pair.now);
}

static void step(struct quic_cur *in)
{
	u8 b = quic_cur_u8(in);
	int side = b >> 7;

	switch ((b & 0x7f) % OPS) {
	case OP_FRAMES:
		return do_frames(in, side, false);
	case OP_COALESCED:
		return do_frames(in, side, true);
	case OP_RAW:
		return do_raw(in, side);
	case OP_FLUSH:
		return do_flush();
	case OP_CHANGE:
		return do_change(in, side);
	case OP_LOSE:
		return do_lose(in, side);
	case OP_SWAP:
		return do_swap(in, side);
	case OP_SLEEP:
		return do_sleep(in);
	case OP_USER:
		return do_user(in, side);
	case OP_KEYS:
		return do_keys(in, side);
	case OP_MEMORY:
		b = quic_cur_u8(in);
		return shim_fail_alloc_after(b == 255 ? -1 : b);
	case OP_CLOSE:
		b = quic_cur_u8(in);
		return quic_conn_close(&pair.e[side].c, b & 1, b << 1, NULL, 0, pair.now);
	}
}

int LLVMFuzzerTestOneInput(const u8 *p, size_t len)
{
	struct quic_cur in;
	u32 steps = 0;
	u8 stage;
	int i;

	shim_random_seed(1);
	memset(&pair, 0, sizeof(pair));
	memset(armed, 0, sizeof(armed));
	quic_cur_init(&in, p, len);
	stage = quic_cur_u8(&in);
	pair_init(&pair, &shim_crypto_null_ops);
	for (i = 0; i < 2; i++) {
		pair.e[i].c.local_tp.disable_1rtt_encryption = stage >> 4 & 1;
		pair.e[i].c.local_tp.max_datagram_frame_size = stage >> 5 & 1 ? 100 + 1000 * i : 0;
	}
	if (stage % STAGES == AT_HELLO)
		pair_hello(&pair);
	else if (stage % STAGES == AT_MIDDLE)
		pair_middle(&pair);
	else if (stage % STAGES == AT_END)
		pair_establish(&pair);
	for (i = 0; i < 2 && stage & 0x40; i++)		/* old enough for the short way in */
		pair.e[i].c.stats.rx_packets += 100;
	while (quic_cur_left(&in) && steps++ < STEPS_MAX) {
		step(&in);
		check();
	}
	shim_fail_alloc_after(-1);
	for (i = 0; i < 2; i++) {
		if (armed[i])
			hostile_free(&hostile[i]);
		quic_conn_free(&pair.e[i].c);
		NEVER(pair.e[i].mem.live || pair.e[i].cids);
	}
	kfree(pair.scratch);
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two connections in memory for tests: a stand-in for TLS (framed messages at
 * the right levels, which carry the transport parameters; secrets that both
 * know), a queue of datagrams each way that a test may look into, change or
 * drop, and a clock that only moves when told to.
 *
 * And the hostile peer: whoever holds the keys of one end may seal any frames
 * at any level towards the other, and open what that one sends.
 *
 * Needs neither KUnit nor a kernel: what goes wrong is noted in pair.error
 * (a line number), which tests expect to be 0.
 */
#ifndef _QUIC_CONN_HARNESS_TEST_H
#define _QUIC_CONN_HARNESS_TEST_H

#include "conn.h"
#include "chunk_test.h"

#define PAIR_MS		QUIC_NSEC_PER_MSEC
#define PAIR_SEC	QUIC_NSEC_PER_SEC
#define PAIR_QUEUE	32	/* datagrams in flight, each way */
#define PAIR_DGRAM	1600
#define PAIR_RUN	8	/* datagrams that are made at once, at most */
#define PAIR_MTU	1452
#define PAIR_EVENTS	64
#define PAIR_LEG	(10 * PAIR_MS)	/* one way */
#define PAIR_LEVELS	QUIC_CRYPTO_MAX

/* What TLS says first at the Handshake level is as in real life: the core looks into it. */
enum { TLS_EXTENSIONS = 8, TLS_CLIENT_HELLO = 101, TLS_SERVER_HELLO, TLS_FLIGHT, TLS_FINISHED };

#define TLS_MSG_HEAD	3	/* type, 16 bits of length */
#define TLS_MSG_MAX	4096

struct dgram {
	struct quic_addr from, to;
	u32 len;
	u8 ecn;
	u8 data[PAIR_DGRAM];
};

struct queue {
	u32 first, n;
	struct dgram d[PAIR_QUEUE];
};

struct pair;

struct end {
	struct quic_conn c;
	struct quic_conn_ops ops;
	struct pair *pair;
	int side;		/* 0 client, 1 server */
	struct quic_addr addr;
	struct quic_pkt pkt;
	struct chunk_mem mem;
	struct queue in;	/* on the way to this end */
	u32 mib[QUIC_MIB_CORE_MAX];
	u32 cids;		/* live IDs of ours */
	bool mute;		/* what it sends is lost */
	bool deaf;		/* the stand-in for TLS reads nothing more */
	u32 sent;		/* datagrams, lost ones too */
	u32 in_runs;		/* of them, made together with others */
	u64 sent_bytes, got_bytes;
	u32 last_len;
	int tx_err;		/* what quic_conn_tx() said last, if negative */
	/* events */
	u32 nev;
	struct {
		u8 type;
		u32 len;
		u8 data[64];
	} ev[PAIR_EVENTS];
	/* stand-in for TLS */
	u32 tls_len;
	u8 tls[TLS_MSG_MAX];
	/* the application */
	u64 got;		/* bytes read, and verified */
	u32 fins;
};

struct pair {
	struct end e[2];
	u64 now;
	u32 hello, flight;	/* bytes of these messages beyond the parameters */
	u32 cipher;
	bool early;		/* the client has EARLY keys, and remembers the server's limits */
	bool refuse;		/* the server takes no 0-RTT */
	u8 *scratch;		/* datagrams under way, in memory that ciphers take */
	u32 run;		/* so many at once; 0: each by itself */
	/* What the network does to a datagram to end @side; false: it is lost. */
	bool (*wire)(struct pair *p, int side, struct dgram *d);
	int error;		/* line of the first thing that went wrong */
};

#define PAIR_MUST(p, cond) do {					\
	if (!(cond) && !(p)->error)				\
		(p)->error = __LINE__;				\
} while (0)

/* ---- what the core asks for ---- */

static inline struct quic_chunk *end_chunk(void *priv, u32 size, bool tx, bool may_sleep)
{
	struct end *e = priv;

	return chunk_mem_alloc(&e->mem, size);
}

static const struct quic_chunk_ops end_chunk_ops = { .alloc = end_chunk };

static inline int end_cid_new(void *priv, struct quic_cid *cid, u8 token[QUIC_RESET_TOKEN_LEN])
{
	struct end *e = priv;

	if (!cid->len) {
		cid->len = QUIC_CID_LOCAL_LEN;
		get_random_bytes(cid->id, cid->len);
	}
	get_random_bytes(token, QUIC_RESET_TOKEN_LEN);
	e->cids++;
	return 0;
}

static inline void end_cid_gone(void *priv, const struct quic_cid *cid)
{
	((struct end *)priv)->cids--;
}

static const struct quic_cid_ops end_cid_ops = { .cid_new = end_cid_new, .cid_gone = end_cid_gone };

static inline void end_event(void *priv, u8 type, const void *data, u32 len)
{
	struct end *e = priv;
	u32 i = e->nev++ % PAIR_EVENTS;

	e->ev[i].type = type;
	e->ev[i].len = len;
	memcpy(e->ev[i].data, data, min_t(u32, len, sizeof(e->ev[i].data)));
}

static inline void end_count(void *priv, enum quic_mib what, u32 n)
{
	((struct end *)priv)->mib[what] += n;
}

/* How many events of @type were raised; the last one's place in *@at. */
static inline u32 end_events(const struct end *e, u8 type, u32 *at)
{
	u32 i, n = 0;

	for (i = 0; i < min_t(u32, e->nev, PAIR_EVENTS); i++) {
		if (e->ev[i].type != type)
			continue;
		n++;
		if (at)
			*at = i;
	}
	return n;
}

/* ---- life ---- */

static inline void pair_params(struct quic_tparam *tp)
{
	quic_tparam_default(tp);
	tp->max_idle_timeout = 30000;
	tp->max_udp_payload_size = QUIC_UDP_PAYLOAD_MAX;
	tp->active_connection_id_limit = 7;
	tp->max_data = 1 << 20;
	tp->max_stream_data_bidi_local = 1 << 18;
	tp->max_stream_data_bidi_remote = 1 << 18;
	tp->max_stream_data_uni = 1 << 18;
	tp->max_streams_bidi = 10;
	tp->max_streams_uni = 10;
}

static inline void pair_config(struct quic_conn_config *cfg)
{
	memset(cfg, 0, sizeof(*cfg));
	cfg->version = QUIC_VERSION_V1;
	cfg->cong = QUIC_CONG_ALG_CUBIC;
	cfg->initial_rtt = QUIC_INITIAL_RTT;
	cfg->rcv_window_max = QUIC_STREAMS_WINDOW_MAX;
}

static inline void end_init(struct pair *p, int side, const struct quic_crypto_ops *crypto)
{
	struct end *e = &p->e[side];
	struct quic_conn_config cfg;
	struct quic_tparam tp;

	e->pair = p;
	e->side = side;
	e->addr = (struct quic_addr){ .family = 4, .port = 4000 + side, .ip = { 10, 0, 0, side } };
	e->mem.budget = -1;
	e->ops.crypto = crypto;
	e->ops.chunk = &end_chunk_ops;
	e->ops.cid = &end_cid_ops;
	e->ops.event = end_event;
	e->ops.count = end_count;
	pair_params(&tp);
	pair_config(&cfg);
	PAIR_MUST(p, !quic_conn_init(&e->c, &e->ops, e, side, &cfg, &tp));
	quic_conn_set_mtu(&e->c, PAIR_MTU);
}

/* Both ends are IDLE: options may still be set. @p is zeroed memory. */
static inline void pair_init(struct pair *p, const struct quic_crypto_ops *crypto)
{
	p->now = PAIR_SEC;
	p->hello = 300;
	p->flight = 1500;
	p->cipher = TLS_CIPHER_AES_GCM_128;
	p->run = PAIR_RUN;
	p->scratch = kmalloc(PAIR_RUN * PAIR_DGRAM, GFP_KERNEL);
	PAIR_MUST(p, p->scratch);
	end_init(p, 0, crypto);
	end_init(p, 1, crypto);
}

/* Everything is given back, or that is an error, too. */
static inline void pair_free(struct pair *p)
{
	int i;

	for (i = 0; i < 2; i++) {
		quic_conn_free(&p->e[i].c);
		PAIR_MUST(p, !p->e[i].mem.live);
		PAIR_MUST(p, !p->e[i].cids);
	}
	kfree(p->scratch);
	p->scratch = NULL;
}

/* ---- stand-in for TLS ---- */

static inline void tls_secret_bytes(u8 level, bool from_server, u8 secret[QUIC_SECRET_MAX])
{
	memset(secret, 16 + level * 2 + from_server, QUIC_SECRET_MAX);
}

static inline int tls_secret(struct end *e, u8 level, bool send)
{
	u8 secret[QUIC_SECRET_MAX];

	tls_secret_bytes(level, send == (e->side == 1), secret);
	return quic_conn_set_secret(&e->c, level, send, e->pair->cipher, secret, e->pair->now);
}

static inline int tls_send(struct end *e, u8 level, u8 type, u32 len, bool params)
{
	u8 *msg = kzalloc(TLS_MSG_MAX, GFP_KERNEL);
	int n = 0, err;

	if (!msg)
		return -ENOMEM;
	if (params)
		n = quic_conn_get_params(&e->c, msg + TLS_MSG_HEAD + 2, QUIC_TPARAM_EXT_MAX);
	if (n < 0) {
		kfree(msg);
		return n;
	}
	len += 2 + n;
	msg[0] = type;
	msg[1] = len >> 8;
	msg[2] = len;
	msg[3] = n >> 8;
	msg[4] = n;
	err = quic_conn_crypto_write(&e->c, level, msg, TLS_MSG_HEAD + len, false);
	kfree(msg);
	return err;
}

/* RFC 8446 §4.3.1, with early_data (§4.2.10) or without */
static inline int tls_extensions(struct end *e)
{
	static const u8 with[] = { 8, 0, 0, 12, 0, 10, 0, 16, 0, 2, 0, 0, 0, 42, 0, 0 };
	static const u8 without[] = { 8, 0, 0, 8, 0, 6, 0, 16, 0, 2, 0, 0 };
	bool refuse = e->pair->refuse;

	return quic_conn_crypto_write(&e->c, QUIC_CRYPTO_HANDSHAKE, refuse ? without : with,
				      refuse ? sizeof(without) : sizeof(with), false);
}

static inline int tls_params(struct end *e, const u8 *body)
{
	return quic_conn_set_peer_params(&e->c, body + 2, body[0] << 8 | body[1], e->pair->now);
}

static inline int tls_hello(struct end *e, const u8 *body)
{
	int err = tls_params(e, body);

	if (!err && e->pair->early && !e->pair->refuse)
		err = tls_secret(e, QUIC_CRYPTO_EARLY, false);
	if (!err)
		err = tls_send(e, QUIC_CRYPTO_INITIAL, TLS_SERVER_HELLO, 90, false);
	if (!err)
		err = tls_secret(e, QUIC_CRYPTO_HANDSHAKE, true);
	if (!err)
		err = tls_secret(e, QUIC_CRYPTO_HANDSHAKE, false);
	if (!err && e->pair->early)
		err = tls_extensions(e);
	if (!err)
		err = tls_send(e, QUIC_CRYPTO_HANDSHAKE, TLS_FLIGHT, e->pair->flight, true);
	return err ? err : tls_secret(e, QUIC_CRYPTO_APP, true);
}

static inline int tls_flight(struct end *e, const u8 *body)
{
	int err = tls_params(e, body);

	if (!err)
		err = tls_send(e, QUIC_CRYPTO_HANDSHAKE, TLS_FINISHED, 36, false);
	if (!err)
		err = tls_secret(e, QUIC_CRYPTO_APP, true);
	return err ? err : tls_secret(e, QUIC_CRYPTO_APP, false);
}

static inline int tls_message(struct end *e, u8 type, const u8 *body)
{
	int err;

	switch (type) {
	case TLS_CLIENT_HELLO:
		return tls_hello(e, body);
	case TLS_SERVER_HELLO:
		err = tls_secret(e, QUIC_CRYPTO_HANDSHAKE, true);
		return err ? err : tls_secret(e, QUIC_CRYPTO_HANDSHAKE, false);
	case TLS_FLIGHT:
		return tls_flight(e, body);
	case TLS_FINISHED:
		return tls_secret(e, QUIC_CRYPTO_APP, false);
	}
	return -EINVAL;
}

/* Length of the message that begins in e->tls, TLS_MSG_HEAD bytes of which are there. */
static inline u32 tls_msg_len(const struct end *e)
{
	if (e->tls[0] == TLS_EXTENSIONS)
		return 4 + (e->tls_len > 3 ? e->tls[3] : 0);
	return TLS_MSG_HEAD + (e->tls[1] << 8 | e->tls[2]);
}

/* A failure of the stand-in closes the connection, as libquic would. */
static inline void tls_failed(struct end *e, int err)
{
	if (quic_conn_is_open(&e->c))
		quic_conn_close(&e->c, true, 0x150, NULL, 0, e->pair->now);
}

/* One piece of what has arrived; false: nothing there, or not for now. */
static inline bool tls_step(struct end *e)
{
	const u8 *data;
	u32 n, want;
	u8 level;
	int err;

	if (e->deaf || !quic_conn_is_open(&e->c))
		return false;
	n = quic_conn_crypto_peek(&e->c, &level, &data);
	if (!n)
		return false;
	want = e->tls_len < TLS_MSG_HEAD ? TLS_MSG_HEAD : tls_msg_len(e);
	if (want > TLS_MSG_MAX) {
		tls_failed(e, -EMSGSIZE);
		return false;
	}
	n = min(n, want - e->tls_len);
	memcpy(e->tls + e->tls_len, data, n);
	quic_conn_crypto_consume(&e->c, level, n);
	e->tls_len += n;
	if (e->tls_len < TLS_MSG_HEAD || e->tls_len < tls_msg_len(e))
		return true;
	e->tls_len = 0;
	if (e->tls[0] == TLS_EXTENSIONS)
		return true;
	if ((e->tls[1] << 8 | e->tls[2]) < 2 + (e->tls[3] << 8 | e->tls[4]))
		err = -EBADMSG;
	else
		err = tls_message(e, e->tls[0], e->tls + TLS_MSG_HEAD);
	if (err)
		tls_failed(e, err);
	return true;
}

static inline void end_tls(struct end *e)
{
	while (tls_step(e))
		;
}

/* Use a fresh ID of the peer's, and give up the one so far. */
static inline int end_rotate(struct end *e)
{
	struct quic_cids_remote *r = &e->c.dcids;
	u64 was = r->active, seq;
	int err = quic_cids_remote_fresh(r, &seq);

	if (err)
		return err;
	err = quic_cids_remote_use(r, seq);
	quic_cids_remote_retire(r, was);
	return err;
}

/* ---- datagrams ---- */

static inline struct dgram *queue_at(struct queue *q, u32 i)
{
	return &q->d[(q->first + i) % PAIR_QUEUE];
}

static inline struct dgram *queue_push(struct queue *q, const u8 *data, u32 len, u8 ecn)
{
	struct dgram *d = queue_at(q, q->n);

	if (q->n == PAIR_QUEUE)		/* a full queue drops */
		return NULL;
	q->n++;
	d->from.family = 0;		/* where the peer is, to where we are */
	d->len = len;
	d->ecn = ecn;
	memcpy(d->data, data, len);
	return d;
}

/* What the connection has put into the slot, on its way along the path of its choice. */
static inline void end_emit(struct end *e, const struct quic_slot *slot)
{
	struct queue *q = &e->pair->e[!e->side].in;
	struct dgram *d = queue_push(q, slot->buf, slot->len, slot->ecn);

	if (!d)
		return;
	d->from = slot->path->local;
	d->to = slot->path->remote;
	if (e->pair->wire && !e->pair->wire(e->pair, !e->side, d))
		q->n--;
}

/* RFC 9000 §14.1: a client's datagrams with an Initial have 1200 bytes, whatever went wrong. */
static inline bool end_padded(const struct end *e, const u8 *data, u32 len)
{
	struct quic_hdr h;

	return e->side || len >= QUIC_INITIAL_MIN ||
	       quic_hdr_parse(data, len, QUIC_CID_LOCAL_LEN, true, &h) ||
	       h.type != QUIC_PKT_INITIAL;
}

/* Each datagram of a run goes on its way. */
static inline void end_emit_run(struct end *e, const struct quic_slot *run)
{
	struct quic_slot slot = *run;
	u32 i;

	PAIR_MUST(e->pair, run->len && run->len <= PAIR_DGRAM);
	PAIR_MUST(e->pair, run->n == 1 || (run->n && run->n <= run->most));
	e->in_runs += run->n > 1 ? run->n : 0;
	for (i = 0; i < run->n; i++, slot.buf += run->len) {
		PAIR_MUST(e->pair, end_padded(e, slot.buf, slot.len));
		e->last_len = slot.len;
		e->sent_bytes += slot.len;
		if (!e->mute)
			end_emit(e, &slot);
	}
}

/* What @e has to say goes on its way; how many datagrams. */
static inline u32 end_tx(struct end *e)
{
	struct pair *p = e->pair;
	struct quic_slot slot = { .pkt = &e->pkt, .buf = p->scratch, .cap = PAIR_DGRAM };
	u32 sent = 0;
	int n = 0;

	if (e->c.work)
		quic_conn_work(&e->c, p->now);
	while (sent < PAIR_QUEUE / 2) {
		slot.most = min(p->run, PAIR_QUEUE / 2 - sent);
		n = quic_conn_tx(&e->c, &slot, p->now);
		if (n <= 0)
			break;
		sent += slot.n;
		end_emit_run(e, &slot);
	}
	e->tx_err = n;
	e->sent += sent;
	return sent;
}

/* What the kernel's listener does. */
static inline bool end_accept(struct end *e, const u8 *data, u32 len)
{
	struct quic_conn_accept a = { .local = e->addr, .remote = e->pair->e[!e->side].addr };
	struct quic_hdr h;

	if (quic_hdr_parse(data, len, QUIC_CID_LOCAL_LEN, false, &h) ||
	    h.type != QUIC_PKT_INITIAL || len < QUIC_INITIAL_MIN)
		return false;
	a.version = h.version;
	a.dcid = h.dcid;
	a.odcid = h.dcid;
	a.scid = h.scid;
	if (e->pair->e[0].c.retried) {
		a.odcid = e->pair->e[0].c.odcid;
		a.retried = true;
		a.validated = true;
	}
	return !quic_conn_accept(&e->c, &a, e->pair->now);
}

/* @rx: of the datagram before it in its train, or cleared; becomes that of this one. */
static inline void end_rx_from(struct end *e, const struct dgram *d, const u8 *data, u32 len,
			       bool more, struct quic_rx *rx)
{
	struct quic_rx next = { .data = data, .len = len, .more = more,
				.local = e->addr, .remote = e->pair->e[!e->side].addr };

	if (d) {
		next.ecn = d->ecn;
		next.local = d->from.family ? d->to : next.local;
		next.remote = d->from.family ? d->from : next.remote;
	}
	if (next.ecn == rx->ecn && quic_addr_equal(&next.local, &rx->local) &&
	    quic_addr_equal(&next.remote, &rx->remote))
		next.bulk = rx->bulk;
	*rx = next;
	e->got_bytes += len;
	if (e->side && e->c.state == QUIC_CONN_IDLE && !end_accept(e, data, len))
		return;
	quic_conn_rx(&e->c, rx, e->pair->now);
}

/* Any bytes, from where the peer is. */
static inline void end_rx(struct end *e, const u8 *data, u32 len)
{
	struct quic_rx rx = {};

	end_rx_from(e, NULL, data, len, false, &rx);
}

/*
 * All that is on the way to @e arrives, as a train; what it means for TLS is done, but
 * not between datagrams of which the next may go the short way.
 */
static inline u32 end_deliver(struct end *e)
{
	struct quic_rx rx = {};
	struct dgram *d;
	u32 n = 0;

	for (; e->in.n; n++) {
		d = queue_at(&e->in, 0);
		e->in.first = (e->in.first + 1) % PAIR_QUEUE;
		e->in.n--;
		end_rx_from(e, d, d->data, d->len, e->in.n, &rx);
		if (!rx.bulk)
			end_tls(e);
	}
	return n;
}

/* Datagrams go back and forth until nobody has anything to say; no timer fires. */
static inline void pair_flush(struct pair *p)
{
	u32 rounds = 0, n;

	do {
		n = end_tx(&p->e[0]);
		n += end_tx(&p->e[1]);
		p->now += PAIR_LEG;
		n += end_deliver(&p->e[1]);
		n += end_deliver(&p->e[0]);
		PAIR_MUST(p, rounds++ < 1000);
	} while (n && rounds < 1000);
}

static inline struct end *pair_next_timer(struct pair *p, u64 *at)
{
	u64 a = quic_conn_deadline(&p->e[0].c, p->now);
	u64 b = quic_conn_deadline(&p->e[1].c, p->now);

	*at = min(a, b);
	return a <= b ? &p->e[0] : &p->e[1];
}

/* Time passes, and timers fire. */
static inline void pair_sleep(struct pair *p, u64 ns)
{
	u64 at, until = p->now + ns;
	u32 fired = 0;
	struct end *e;

	pair_flush(p);
	for (;;) {
		e = pair_next_timer(p, &at);
		if (at > until || fired++ == 100000)
			break;
		p->now = max(p->now, at);
		quic_conn_timeout(&e->c, p->now);
		pair_flush(p);
	}
	PAIR_MUST(p, fired < 100000);
	p->now = max(p->now, until);
}

static inline void pair_connect(struct pair *p)
{
	struct end *c = &p->e[0];

	PAIR_MUST(p, !quic_conn_connect(&c->c, &c->addr, &p->e[1].addr, NULL, 0, p->now));
	if (p->early)
		PAIR_MUST(p, !tls_secret(c, QUIC_CRYPTO_EARLY, true));
	PAIR_MUST(p, !tls_send(c, QUIC_CRYPTO_INITIAL, TLS_CLIENT_HELLO, p->hello, true));
}

/* The ClientHello has left, and lies in the server's queue. */
static inline void pair_hello(struct pair *p)
{
	pair_connect(p);
	PAIR_MUST(p, end_tx(&p->e[0]));
	p->now += PAIR_LEG;
}

/*
 * Both have Initial and Handshake keys; the client has its answer, but said
 * nothing since, nor read the server's flight.
 */
static inline void pair_middle(struct pair *p)
{
	pair_hello(p);
	end_deliver(&p->e[1]);
	PAIR_MUST(p, end_tx(&p->e[1]));
	p->now += PAIR_LEG;
	while (p->e[0].in.n > 1)	/* the first has the ServerHello */
		p->e[0].in.n--;
	end_deliver(&p->e[0]);
	PAIR_MUST(p, p->e[0].c.space[QUIC_SPACE_HANDSHAKE]);
	PAIR_MUST(p, p->e[1].c.space[QUIC_SPACE_HANDSHAKE]);
}

/* Done, confirmed, and silent. */
static inline void pair_establish(struct pair *p)
{
	pair_connect(p);
	pair_sleep(p, 100 * PAIR_MS);
	PAIR_MUST(p, p->e[0].c.confirmed && p->e[1].c.confirmed);
}

/* ---- the application ---- */

/* A stream of @e's; its ID, or -1. */
static inline s64 end_open(struct end *e, bool uni)
{
	struct quic_stream *s;

	return quic_streams_open(&e->c.streams, -1, uni, false, &s) ? -1 : (s64)s->id;
}

/* Write @len more bytes of the pattern. */
static inline int end_write(struct end *e, u64 id, u32 len, bool fin)
{
	struct quic_streams *ss = &e->c.streams;
	struct quic_stream *s;
	u32 room;
	int err;
	u8 *to;

	s = quic_streams_find(ss, id, true, &err);
	if (!s)
		return err;
	while (len) {
		room = len;
		to = quic_streams_reserve(ss, false, &room);
		if (!to)
			return -ENOMEM;
		room = min(room, len);
		pattern_fill(to, id, s->snd.end, room);
		err = quic_stream_write(ss, s, to, room, len > room);
		if (err)
			return err;
		len -= room;
	}
	return fin ? quic_stream_finish(ss, s) : 0;
}

/* Read all that is there: e->got, e->fins. */
static inline void end_read(struct end *e)
{
	struct quic_streams *ss = &e->c.streams;
	struct quic_stream *s;
	const u8 *data;
	bool fin;
	u32 n;

	while ((s = quic_streams_readable(ss))) {
		n = quic_recvbuf_peek(&s->rcv, &data);
		PAIR_MUST(e->pair, pattern_is(data, s->id, s->rcv.read_off, n));
		fin = quic_stream_at_fin(s, n);
		e->got += n;
		e->fins += fin;
		quic_stream_consumed(ss, s, n, fin, e->pair->now, quic_loss_srtt(&e->c.loss));
	}
}

/* ---- the hostile peer ---- */

struct seen {			/* a frame that the victim sent */
	u8 level;
	u32 dgram;		/* in the how manieth datagram of the look */
	struct quic_addr from, to;
	u32 size;		/* of the datagram */
	struct quic_frame f;	/* what it points to is gone, once another packet is opened */
};

#define HOSTILE_SEEN	128

struct hostile {
	struct end *victim;
	struct quic_keys keys;
	u64 pn[QUIC_CRYPTO_MAX];	/* next to send, by level */
	s64 largest[QUIC_CRYPTO_MAX];	/* seen */
	u8 *buf, *plain;
	/* of the next packets */
	u8 reserved, clear;		/* bits to set, and to clear, in the first byte */
	bool any_bit;			/* the victim may clear the QUIC bit, RFC 9287 */
	u32 cleared;			/* packets of the last look in which it did */
	u32 version;			/* 0: the victim's */
	u32 pad;			/* plaintext bytes at least, 0: what must be */
	const struct quic_cid *dcid, *scid;	/* NULL: what is right */
	const struct quic_addr *from, *to;	/* NULL: the peer's, the victim's */
	const u8 *token;		/* of Initial packets */
	u32 token_len;
	u8 ecn;
	/* the last look */
	u32 nseen, ndgrams, npackets;
	struct seen seen[HOSTILE_SEEN];
};

static inline int hostile_secret(struct hostile *h, u8 level, bool send)
{
	u8 secret[QUIC_SECRET_MAX];

	/* the hostile peer's side is the other than the victim's */
	tls_secret_bytes(level, send == (h->victim->side == 0), secret);
	return quic_keys_set_secret(&h->keys, level, send, h->victim->pair->cipher, secret);
}

/* @victim may be in any state once it has a connection. */
static inline void hostile_init(struct hostile *h, struct end *victim)
{
	struct pair *p = victim->pair;
	u8 level;

	memset(h, 0, sizeof(*h));
	h->victim = victim;
	h->buf = kmalloc(2 * PAIR_DGRAM, GFP_KERNEL);
	h->plain = kmalloc(2 * PAIR_DGRAM, GFP_KERNEL);
	PAIR_MUST(p, h->buf && h->plain);
	quic_keys_init(&h->keys, victim->ops.crypto, victim->c.version);
	PAIR_MUST(p, !quic_keys_set_initial(&h->keys, victim->c.version,
					    victim->c.retried || victim->c.rscid.len ?
					    &victim->c.rscid : &victim->c.odcid,
					    !victim->side));
	for (level = 0; level < PAIR_LEVELS; level++) {
		h->pn[level] = 1000;
		h->largest[level] = -1;
		if (level == QUIC_CRYPTO_INITIAL)
			continue;
		PAIR_MUST(p, !hostile_secret(h, level, true));
		PAIR_MUST(p, !hostile_secret(h, level, false));
	}
	h->keys.plain = victim->c.keys.plain;
}

static inline void hostile_free(struct hostile *h)
{
	quic_keys_free(&h->keys);
	kfree(h->buf);
	kfree(h->plain);
}

static inline u8 hostile_pkt_type(u8 level)
{
	return level == QUIC_CRYPTO_INITIAL ? QUIC_PKT_INITIAL :
	       level == QUIC_CRYPTO_EARLY ? QUIC_PKT_0RTT :
	       level == QUIC_CRYPTO_HANDSHAKE ? QUIC_PKT_HANDSHAKE : QUIC_PKT_1RTT;
}

static inline const struct quic_cid *hostile_dcid(const struct hostile *h)
{
	const struct quic_cid_entry *e = h->victim->c.scids.e;
	unsigned int i;

	if (h->dcid)
		return h->dcid;
	for (i = 0; i < QUIC_CIDS_MAX - 1 && !e[i].used; i++)
		;
	return &e[i].cid;
}

/* A packet at @to (PAIR_DGRAM bytes) of @len bytes of frames; its length. */
static inline int hostile_build(struct hostile *h, u8 level, const u8 *frames, u32 len, u8 *to)
{
	const struct quic_conn *c = &h->victim->c;
	const struct quic_cid *scid = h->scid ? h->scid : &c->dcids.e[0].cid;
	u32 version = h->version ? h->version : c->version;
	struct quic_vec v = { h->plain, len };
	u64 pn = h->pn[level]++;
	u8 *length = NULL;
	struct quic_wr w;
	u32 hdr;
	int n;

	if (len)
		memcpy(h->plain, frames, len);
	if (h->pad > v.len) {
		memset(h->plain + len, 0, h->pad - len);
		v.len = h->pad;
	}
	quic_wr_init(&w, to, PAIR_DGRAM);
	if (level == QUIC_CRYPTO_APP)
		quic_hdr_put_short(&w, hostile_dcid(h), false, h->keys.phase, pn, 4);
	else
		quic_hdr_put_long(&w, hostile_pkt_type(level), version, hostile_dcid(h), scid,
				  h->token, h->token_len, pn, 4, &length);
	hdr = w.p - to;
	to[0] |= h->reserved;
	to[0] &= ~h->clear;
	if (length)
		quic_hdr_set_length(length, 4 + v.len + quic_keys_overhead(&h->keys, level));
	n = quic_keys_seal(&h->keys, level, pn, to, hdr, hdr - 4, 4, &v, 1);
	PAIR_MUST(h->victim->pair, n > 0);
	return n;
}

/* Any bytes, as a datagram of the peer's. */
static inline void hostile_datagram(struct hostile *h, const u8 *data, u32 len)
{
	struct end *e = h->victim;
	struct quic_rx rx = {
		.data = data,
		.len = len,
		.ecn = h->ecn,
		.local = h->to ? *h->to : e->addr,
		.remote = h->from ? *h->from : e->pair->e[!e->side].addr,
	};

	e->got_bytes += len;
	quic_conn_rx(&e->c, &rx, e->pair->now);
}

/* Frames in a packet of their own; an Initial is padded as it must be. */
static inline void hostile_send(struct hostile *h, u8 level, const u8 *frames, u32 len)
{
	u32 pad = h->pad;
	int n;

	if (level == QUIC_CRYPTO_INITIAL && !pad)
		h->pad = QUIC_INITIAL_MIN;
	n = hostile_build(h, level, frames, len, h->buf);
	h->pad = pad;
	if (n > 0)
		hostile_datagram(h, h->buf, n);
}

#define HOSTILE(h, level, ...) \
	hostile_send(h, level, (const u8 []){ __VA_ARGS__ }, sizeof((const u8 []){ __VA_ARGS__ }))

/* ---- what the victim sends ---- */

static inline void see_frames(struct hostile *h, u8 level, const struct quic_opened *o,
			      const struct dgram *d)
{
	struct pair *p = h->victim->pair;
	struct quic_cur cur;
	struct seen *s;

	quic_cur_init(&cur, o->payload, o->payload_len);
	/* RFC 9000 §12.4: at least one frame */
	PAIR_MUST(p, o->payload_len);
	while (quic_cur_left(&cur) && h->nseen < HOSTILE_SEEN) {
		s = &h->seen[h->nseen];
		if (quic_frame_parse(&cur, &s->f)) {
			PAIR_MUST(p, false);
			return;
		}
		s->level = level;
		s->dgram = h->ndgrams;
		s->from = d->from;
		s->to = d->to;
		s->size = d->len;
		h->nseen++;
		PAIR_MUST(p, quic_frame_allowed(s->f.type, hostile_pkt_type(level)));
	}
}

/* Open the packets of a datagram of the victim's. */
static inline void see_datagram(struct hostile *h, const struct dgram *d)
{
	static const u8 type_level[] = {
		[QUIC_PKT_INITIAL] = QUIC_CRYPTO_INITIAL,
		[QUIC_PKT_0RTT] = QUIC_CRYPTO_EARLY,
		[QUIC_PKT_HANDSHAKE] = QUIC_CRYPTO_HANDSHAKE,
		[QUIC_PKT_1RTT] = QUIC_CRYPTO_APP,
	};
	struct pair *p = h->victim->pair;
	u8 dcid_len = quic_cids_remote_active(&h->victim->c.dcids)->cid.len;
	const u8 *data = d->data;
	struct quic_opened o;
	u32 off, len = d->len;
	struct quic_hdr hdr;
	u8 level;
	int err;

	for (off = 0; off < len; off += hdr.len) {
		err = quic_hdr_parse(data + off, len - off, dcid_len, h->any_bit, &hdr);
		PAIR_MUST(p, !err);
		if (err)
			return;
		h->cleared += !(data[off] & QUIC_HDR_FIXED);
		level = type_level[hdr.type];
		err = quic_keys_open(&h->keys, level, data + off, &hdr, h->largest[level],
				     h->plain, &o);
		PAIR_MUST(p, !err);
		if (err)
			return;
		if (o.next_phase)
			PAIR_MUST(p, !quic_keys_flip(&h->keys, h->pn[level], p->now));
		h->largest[level] = max_t(s64, h->largest[level], o.pn);
		h->npackets++;
		see_frames(h, level, &o, d);
	}
}

/* Take all that the victim has to say, and look at it: how many datagrams. */
static inline u32 hostile_look(struct hostile *h)
{
	struct end *v = h->victim;
	struct queue *q = &v->pair->e[!v->side].in;
	struct dgram *d;

	h->nseen = 0;
	h->ndgrams = 0;
	h->npackets = 0;
	h->cleared = 0;
	for (q->n = 0; end_tx(v); ) {
		for (; q->n; q->n--) {
			d = queue_at(q, 0);
			q->first = (q->first + 1) % PAIR_QUEUE;
			see_datagram(h, d);
			h->ndgrams++;
		}
	}
	return h->ndgrams;
}

static inline bool is_type(u64 got, u64 type)
{
	return got == type || (type == QUIC_FRAME_ACK && got == QUIC_FRAME_ACK_ECN);
}

/* The first frame of @type at @level in the last look (ACK: with ECN counts, too), or NULL. */
static inline const struct quic_frame *hostile_saw(const struct hostile *h, u8 level, u64 type)
{
	u32 i;

	for (i = 0; i < h->nseen; i++)
		if (h->seen[i].level == level && is_type(h->seen[i].f.type, type))
			return &h->seen[i].f;
	return NULL;
}

static inline const struct quic_sent *hostile_sent(const struct hostile *h, u8 level)
{
	return &h->victim->c.loss.sp[quic_level_space(level)]->sent;
}

/* Acknowledge what the victim sent from number @lowest on. */
static inline void hostile_ack_from(struct hostile *h, u8 level, u64 lowest)
{
	u64 largest = hostile_sent(h, level)->next - 1;
	u8 f[32];
	struct quic_wr w;

	quic_wr_init(&w, f, sizeof(f));
	quic_wr_varint(&w, QUIC_FRAME_ACK);
	quic_wr_varint(&w, largest);
	quic_wr_varint(&w, 0);
	quic_wr_varint(&w, 0);
	quic_wr_varint(&w, largest - lowest);
	hostile_send(h, level, f, w.p - f);
}

/* Acknowledge all that the victim has sent at @level. */
static inline void hostile_ack(struct hostile *h, u8 level)
{
	u64 skipped = hostile_sent(h, level)->skipped;

	/* not the number that was left out: that would be a fault (RFC 9000 §21.4) */
	hostile_ack_from(h, level, skipped == QUIC_SENT_NO_SKIP ? 0 : skipped + 1);
}

#endif /* _QUIC_CONN_HARNESS_TEST_H */

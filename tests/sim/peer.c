// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One end of the simulation: a connection of the core, a stand-in for TLS
 * (framed messages of the right sizes at the right levels, which carry the
 * transport parameters; fixed secrets), and an application that writes a
 * pattern to many streams, checks each byte that it reads, and says what went
 * wrong.
 */
#include <stdarg.h>
#include <stdio.h>
#include "sim.h"
#include "shim/crypto_ossl.h"

#define SEND_BUFFER	(1 << 20)
#define HEAD		4	/* type, 24 bits of length */
#define SH_LEN		90
#define FIN_LEN		36
#define DGRAM_MAX	10000
#define RUN		16	/* datagrams that are made at once, at most */

/* The core looks into EncryptedExtensions: these are as in real life. */
enum { CLIENT_HELLO = 1, SERVER_HELLO, FLIGHT, FINISHED, EXTENSIONS = 8 };

static void fail(struct peer *p, const char *fmt, ...)
{
	va_list ap;

	if (p->error[0])
		return;
	va_start(ap, fmt);
	vsnprintf(p->error, sizeof(p->error), fmt, ap);
	va_end(ap);
}

const char *peer_error(const struct peer *p)
{
	return p->error;
}

/* ---- what the core asks for ---- */

static struct quic_chunk *chunk_alloc(void *priv, u32 size, bool tx, bool may_sleep);

static void chunk_free(struct quic_chunk *c)
{
	kfree(c->base);
	kfree(c);
}

static const struct quic_chunk_ops chunk_ops = { .alloc = chunk_alloc, .free = chunk_free };

static struct quic_chunk *chunk_alloc(void *priv, u32 size, bool tx, bool may_sleep)
{
	struct quic_chunk *c = kmalloc(quic_chunk_struct_size(QUIC_CHUNK_SLICES), GFP_KERNEL);
	u8 *base = kmalloc(size, GFP_KERNEL);

	if (!c || !base) {
		kfree(c);
		kfree(base);
		return NULL;
	}
	quic_chunk_setup(c, base, size, QUIC_CHUNK_SLICES, &chunk_ops, priv);
	return c;
}

static int cid_new(void *priv, struct quic_cid *cid, u8 token[QUIC_RESET_TOKEN_LEN])
{
	cid->len = QUIC_CID_LOCAL_LEN;
	get_random_bytes(cid->id, cid->len);
	get_random_bytes(token, QUIC_RESET_TOKEN_LEN);
	return 0;
}

static void cid_gone(void *priv, const struct quic_cid *cid)
{
}

static const struct quic_cid_ops cid_ops = { .cid_new = cid_new, .cid_gone = cid_gone };

static struct peer_stream *stream_of(struct peer *p, u64 id)
{
	bool push = id & QUIC_STREAM_TYPE_SERVER_MASK, uni = id & QUIC_STREAM_TYPE_UNI_MASK;
	u64 i = push ? (id >> 2) * 2 + uni : id >> 2;

	if (i >= (push ? p->work->pushes : p->work->streams) || (uni && !push)) {
		fail(p, "stream %llu was never meant to be", id);
		return NULL;
	}
	i += push ? p->work->streams : 0;
	p->stream[i].id = id;
	p->stream[i].there = true;
	return &p->stream[i];
}

static void on_event(void *priv, u8 type, const void *data, u32 len)
{
	const struct quic_stream_update *u = data;
	struct peer_stream *ps;
	struct peer *p = priv;

	if (type == QUIC_EVENT_STREAM_UPDATE && u->state == QUIC_STREAM_RECV_STATE_RESET_RECVD) {
		ps = stream_of(p, u->id);
		if (ps)
			ps->reset = true;
		p->resets_seen++;
	}
	if (type == QUIC_EVENT_CONNECTION_MIGRATION)
		(*(const u8 *)data ? p->moved++ : p->followed++);
	if (type == QUIC_EVENT_CONNECTION_CLOSE)
		p->closed_seen = true;
}

static void count(void *priv, enum quic_mib what, u32 n)
{
}

static struct quic_conn_ops conn_ops = {
	.chunk	= &chunk_ops,
	.cid	= &cid_ops,
	.event	= on_event,
	.count	= count,
};

/* ---- the stand-in for TLS ---- */

static void tls_send(struct peer *p, u8 level, u8 type, u32 len, bool params)
{
	u8 *msg = kzalloc(HEAD + len, GFP_KERNEL);
	struct quic_wr w;
	int n;

	quic_wr_init(&w, msg, HEAD);
	quic_wr_u8(&w, type);
	quic_wr_be(&w, len, 3);
	if (params) {
		n = quic_conn_get_params(&p->conn, msg + HEAD + 2, len - 2);
		if (n < 0)
			fail(p, "transport parameters: %d", n);
		msg[HEAD] = n >> 8;
		msg[HEAD + 1] = n;
	}
	n = quic_conn_crypto_write(&p->conn, level, msg, HEAD + len, false);
	if (n)
		fail(p, "crypto write at level %u: %d", level, n);
	kfree(msg);
}

static void tls_secret(struct peer *p, u8 level, bool send)
{
	u8 secret[QUIC_SECRET_MAX];
	int err;

	memset(secret, level * 2 + (send ^ p->side), sizeof(secret));
	err = quic_conn_set_secret(&p->conn, level, send, TLS_CIPHER_AES_GCM_128, secret,
				   p->sim->now);
	if (err && quic_conn_is_open(&p->conn))
		fail(p, "secret of level %u: %d", level, err);
}

static void tls_params(struct peer *p, const u8 *body)
{
	int err = quic_conn_set_peer_params(&p->conn, body + 2, body[0] << 8 | body[1],
					    p->sim->now);

	if (err && quic_conn_is_open(&p->conn))
		fail(p, "peer's parameters: %d", err);
}

/* RFC 8446 §4.3.1, with early_data (§4.2.10) or without */
static void tls_extensions(struct peer *p)
{
	static const u8 msg[] = { EXTENSIONS, 0, 0, 6, 0, 4, 0, 42, 0, 0 };
	u8 copy[sizeof(msg)];

	memcpy(copy, msg, sizeof(msg));
	copy[7] += p->work->refuse;
	if (quic_conn_crypto_write(&p->conn, QUIC_CRYPTO_HANDSHAKE, copy, sizeof(copy), false))
		fail(p, "EncryptedExtensions");
}

static void tls_message(struct peer *p, u8 type, const u8 *body)
{
	switch (type) {
	case CLIENT_HELLO:
		tls_params(p, body);
		if (p->work->early && !p->work->refuse)
			tls_secret(p, QUIC_CRYPTO_EARLY, false);
		tls_send(p, QUIC_CRYPTO_INITIAL, SERVER_HELLO, SH_LEN, false);
		tls_secret(p, QUIC_CRYPTO_HANDSHAKE, true);
		tls_secret(p, QUIC_CRYPTO_HANDSHAKE, false);
		tls_extensions(p);
		tls_send(p, QUIC_CRYPTO_HANDSHAKE, FLIGHT, p->work->flight, true);
		tls_secret(p, QUIC_CRYPTO_APP, true);
		break;
	case SERVER_HELLO:
		tls_secret(p, QUIC_CRYPTO_HANDSHAKE, true);
		tls_secret(p, QUIC_CRYPTO_HANDSHAKE, false);
		break;
	case FLIGHT:
		tls_params(p, body);
		tls_send(p, QUIC_CRYPTO_HANDSHAKE, FINISHED, FIN_LEN, false);
		tls_secret(p, QUIC_CRYPTO_APP, true);
		tls_secret(p, QUIC_CRYPTO_APP, false);
		break;
	case FINISHED:
		tls_secret(p, QUIC_CRYPTO_APP, false);
		break;
	case EXTENSIONS:
		break;
	default:
		fail(p, "TLS message of type %u", type);
	}
}

/* Take whole messages off the CRYPTO stream at the lowest level that has bytes. */
static bool tls_one(struct peer *p)
{
	struct quic_vec v;
	struct quic_recvbuf *b;
	const u8 *data;
	u8 level, *msg;
	u64 have, got = 0;
	u32 len;

	if (!quic_conn_crypto_peek(&p->conn, &level, &data))
		return false;
	b = &p->conn.space[quic_level_space(level)]->crcv;
	have = quic_recvbuf_readable(b);
	msg = kmalloc(have, GFP_KERNEL);
	while (got < have && quic_recvbuf_vecs(b, got, &v, 1)) {
		memcpy(msg + got, v.base, v.len);
		got += v.len;
	}
	len = have < HEAD ? U32_MAX : HEAD + (msg[1] << 16 | msg[2] << 8 | msg[3]);
	if (have >= len) {
		quic_conn_crypto_consume(&p->conn, level, len);
		tls_message(p, msg[0], msg + HEAD);
	}
	kfree(msg);
	return have >= len;
}

/* ---- the application ---- */

static u8 pattern(u64 id, u64 off, int side)
{
	return id * 31 + off * 7 + (off >> 8) + side;
}

static u64 down_of(const struct peer *p, const struct peer_stream *ps)
{
	u64 i = ps->id >> 2;

	return i < ARRAY_SIZE(p->work->file) && p->work->file[i] ? p->work->file[i] :
								    p->work->down;
}

static u64 to_write(const struct peer *p, const struct peer_stream *ps)
{
	u64 n = p->side ? down_of(p, ps) : p->work->up;

	if (ps->id & QUIC_STREAM_TYPE_SERVER_MASK)
		return p->side ? p->work->push : 0;
	if (!p->side && p->work->reset_every && (ps->id >> 2) % p->work->reset_every == 0)
		return n / 2;
	return n;
}

static bool to_reset(const struct peer *p, const struct peer_stream *ps)
{
	return !p->side && p->work->reset_every && (ps->id >> 2) % p->work->reset_every == 0;
}

/* Write on until the buffer is full; false: nothing moved. */
static bool write_stream(struct peer *p, struct peer_stream *ps)
{
	struct quic_streams *ss = &p->conn.streams;
	u64 all = to_write(p, ps), before = ps->written;
	u64 sndbuf = p->work->sndbuf ? p->work->sndbuf : SEND_BUFFER;
	struct quic_stream *s;
	u32 room, i, n;
	int err;
	u8 *to;

	if (ps->finished)
		return false;
	s = quic_streams_find(ss, ps->id, true, &err);
	if (!s) {
		fail(p, "stream %llu is gone before it was written: %d", ps->id, err);
		return false;
	}
	while (ps->written < all && ss->snd_held < sndbuf) {
		room = n = min_t(u64, p->work->write, all - ps->written);
		to = quic_streams_reserve(ss, true, &room);
		if (!to)
			return false;
		n = min(n, room);
		for (i = 0; i < n; i++)
			to[i] = pattern(ps->id, ps->written + i, p->side);
		err = quic_stream_write(ss, s, to, n, false);
		if (err) {
			fail(p, "write: %d", err);
			return false;
		}
		ps->written += n;
	}
	if (ps->written < all)
		return ps->written > before;
	ps->finished = true;
	err = to_reset(p, ps) ? quic_stream_reset(ss, s, 42) : quic_stream_finish(ss, s);
	if (err)
		fail(p, "end of stream %llu: %d", ps->id, err);
	return true;
}

static void check_bytes(struct peer *p, struct peer_stream *ps, const u8 *data, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		if (data[i] != pattern(ps->id, ps->verified + i, !p->side)) {
			fail(p, "stream %llu: wrong byte at %llu", ps->id, ps->verified + i);
			return;
		}
	ps->verified += len;
}

static void stream_over(struct peer *p, struct peer_stream *ps)
{
	u64 want = p->side ? p->work->up : down_of(p, ps);

	if (ps->id & QUIC_STREAM_TYPE_SERVER_MASK)
		want = p->side ? 0 : p->work->push;
	if (ps->got_fin)
		fail(p, "stream %llu ended twice", ps->id);
	ps->got_fin = true;
	if (!ps->reset && ps->verified != want)
		fail(p, "stream %llu: %llu bytes of %llu", ps->id, ps->verified, want);
	p->live--;
}

/* Read up to @max bytes of all streams; what was read. */
static u64 read_some(struct peer *p, u64 max)
{
	struct quic_streams *ss = &p->conn.streams;
	struct peer_stream *ps;
	struct quic_stream *s;
	const u8 *data;
	u64 got = 0;
	bool fin;
	u32 n;

	while (got < max && (s = quic_streams_readable(ss))) {
		ps = stream_of(p, s->id);
		if (!ps)
			return got;
		n = min_t(u64, quic_recvbuf_peek(&s->rcv, &data), max - got);
		check_bytes(p, ps, data, n);
		fin = quic_stream_at_fin(s, n);
		quic_stream_consumed(ss, s, n, fin, p->sim->now, quic_loss_srtt(&p->conn.loss));
		got += n;
		if (fin)
			stream_over(p, ps);
	}
	return got;
}

static void do_reads(struct peer *p)
{
	u32 limit = p->work->read_limit;

	if (!limit) {
		p->rx_bytes_user += read_some(p, U64_MAX);
		return;
	}
	if (p->sim->now < p->next_read)
		return;
	p->rx_bytes_user += read_some(p, limit);
	p->next_read = p->sim->now + 10 * MS;
}

static void open_streams(struct peer *p)
{
	struct quic_stream *s;
	int err;

	while (p->next_stream < p->work->streams && p->live < p->work->at_once &&
	       p->sim->now >= p->next_open) {
		err = quic_streams_open(&p->conn.streams, -1, false, true, &s);
		if (err == -EAGAIN)
			return;
		if (err) {
			fail(p, "open: %d", err);
			return;
		}
		if (!stream_of(p, s->id))
			return;
		p->next_stream++;
		p->live++;
		p->next_open = p->sim->now + p->work->think;
	}
}

static void push_streams(struct peer *p)
{
	struct quic_stream *s;
	int err;

	while (p->side && p->next_push < p->work->pushes) {
		err = quic_streams_open(&p->conn.streams, -1, p->next_push & 1, true, &s);
		if (err == -EAGAIN)
			return;
		if (err || !stream_of(p, s->id)) {
			fail(p, "push: %d", err);
			return;
		}
		p->next_push++;
	}
}

/* The server answers a stream once it has it all, or once it was reset. */
static bool may_write(const struct peer *p, const struct peer_stream *ps)
{
	if (ps->id & QUIC_STREAM_TYPE_SERVER_MASK)
		return p->side || !(ps->id & QUIC_STREAM_TYPE_UNI_MASK);
	return !p->side || p->work->duplex || ps->got_fin || ps->reset;
}

static void write_all(struct peer *p)
{
	u64 sndbuf = p->work->sndbuf ? p->work->sndbuf : SEND_BUFFER;
	u32 i;

	for (i = 0; i < p->nstreams; i++) {
		struct peer_stream *ps = &p->stream[i];

		if (ps->there && may_write(p, ps) && p->conn.streams.snd_held < sndbuf)
			write_stream(p, ps);
	}
}

static void update_keys(struct peer *p)
{
	u64 all = p->work->streams * (p->work->up + p->work->down);
	int err;

	if (p->side || p->key_updates >= p->work->key_updates || !p->conn.confirmed ||
	    p->conn.stats.tx_bytes + p->conn.stats.rx_bytes <
	    all * (p->key_updates + 1) / (p->work->key_updates + 1))
		return;
	err = quic_conn_key_update(&p->conn, p->sim->now);
	if (!err)
		p->key_updates++;
	else if (err != -EINVAL)
		fail(p, "key update: %d", err);
}

/* To another port, then to another address, and so on. */
static void move(struct peer *p)
{
	u64 all = p->work->streams * (p->work->up + p->work->down);
	struct quic_addr a = peer_addr(0);
	int err;

	if (p->side || p->moves >= p->work->moves || !p->conn.confirmed ||
	    p->conn.stats.tx_bytes + p->conn.stats.rx_bytes <
	    all * (p->moves + 1) / (p->work->moves + 1))
		return;
	a.port += 100 + p->moves;
	a.ip[3] = 10 + p->moves / 2;
	err = quic_migrate_start(&p->conn, &a, p->sim->now);
	if (!err)
		p->moves++;
	else if (err != -EAGAIN)
		fail(p, "migration: %d", err);
}

/* Streams that came about without a byte: known once their number is. */
static void note_opened(struct peer *p)
{
	const struct quic_streams_dir *d = &p->conn.streams.dir[0];
	u64 i;

	for (i = 0; p->work->duplex && p->side && i < d->remote_next; i++)
		stream_of(p, i << 2);
}

static void application(struct peer *p)
{
	while (quic_conn_is_open(&p->conn) && tls_one(p))
		;
	if (p->conn.state != QUIC_CONN_ESTABLISHED &&
	    (p->conn.state != QUIC_CONN_HANDSHAKE || !p->work->early))
		return;
	if (p->conn.state == QUIC_CONN_ESTABLISHED && !p->established_at)
		p->established_at = p->sim->now;
	if (!p->side)
		open_streams(p);
	do_reads(p);
	if (!p->side)
		open_streams(p);
	push_streams(p);
	note_opened(p);
	write_all(p);
	update_keys(p);
	move(p);
	if (!p->done_at && peer_done(p))
		p->done_at = p->sim->now;
}

static void transmit(struct peer *p)
{
	static u8 buf[RUN * DGRAM_MAX];
	struct quic_slot slot = { .pkt = p->pkt, .buf = buf, .cap = DGRAM_MAX, .most = RUN };
	u32 i;
	int n;

	if (p->conn.work)
		quic_conn_work(&p->conn, p->sim->now);
	while ((n = quic_conn_tx(&p->conn, &slot, p->sim->now)) > 0) {
		for (i = 0; i < slot.n; i++)
			sim_send(p->sim, p->end, &slot.path->local, &slot.path->remote,
				 buf + i * slot.len, slot.len, slot.ecn);
	}
	if (n < 0)
		fail(p, "tx: %d", n);
}

static void turn(struct peer *p)
{
	if (quic_conn_is_open(&p->conn))
		application(p);
	transmit(p);
}

/* ---- for the simulator ---- */

struct quic_addr peer_addr(int end)
{
	struct quic_addr a = { .family = 4, .port = 4000 + end, .ip = { 10, 0, 0, 1 + end } };

	return a;
}

struct quic_addr peer_preferred(void)
{
	struct quic_addr a = { .family = 4, .port = 443, .ip = { 10, 0, 1, 1 } };

	return a;
}

static void peer_rx(void *of, const struct quic_addr *src, const struct quic_addr *dst,
		    const u8 *data, u32 len, u8 ecn);
static u64 peer_deadline(void *of);

struct peer *peer_new(struct sim *s, int end, const struct work *w,
		      const struct quic_conn_config *cfg, const struct quic_tparam *tp,
		      const struct quic_crypto_ops *crypto)
{
	struct peer *p = kzalloc(sizeof(*p), GFP_KERNEL);
	const struct end e = { .of = p, .rx = peer_rx, .timer = peer_timer,
			       .deadline = peer_deadline };

	conn_ops.crypto = crypto;
	p->sim = s;
	p->end = end;
	p->side = end & 1;
	p->work = w;
	p->pkt = kmalloc(sizeof(*p->pkt), GFP_KERNEL);
	p->nstreams = w->streams + w->pushes;
	p->stream = kcalloc(p->nstreams, sizeof(*p->stream), GFP_KERNEL);
	if (quic_conn_init(&p->conn, &conn_ops, p, p->side, cfg, tp))
		fail(p, "init");
	quic_conn_set_mtu(&p->conn, (w->mtu ? w->mtu : SIM_MTU) - 28);
	s->peer[end] = p;
	sim_attach(s, end, &e);
	return p;
}

void peer_free(struct peer *p)
{
	quic_conn_free(&p->conn);
	kfree(p->stream);
	kfree(p->pkt);
	kfree(p);
}

void peer_start(struct peer *p)
{
	struct quic_addr local = peer_addr(p->end), remote = peer_addr(p->end ^ 1);

	if (quic_conn_connect(&p->conn, &local, &remote, NULL, 0, p->sim->now))
		fail(p, "connect");
	if (p->work->early) {
		p->conn.peer_tp = p->sim->peer[p->end ^ 1]->conn.local_tp;
		quic_streams_set_remote(&p->conn.streams);
		tls_secret(p, QUIC_CRYPTO_EARLY, true);
		application(p);
	}
	tls_send(p, QUIC_CRYPTO_INITIAL, CLIENT_HELLO, p->work->hello, true);
	transmit(p);
}

/* Address validation with Retry: true once @h has the token; @a says of what, then. */
static bool answer_retry(struct peer *p, const struct quic_hdr *h, struct quic_conn_accept *a)
{
	u8 buf[200], token[] = "the token", unused[QUIC_RESET_TOKEN_LEN];
	struct quic_wr w;
	u32 len;

	if (h->token_len == sizeof(token) && !memcmp(h->token, token, sizeof(token))) {
		a->odcid = p->retry.odcid;
		a->retried = a->validated = true;
		return true;
	}
	p->retry.odcid = h->dcid;
	if (!p->retry.dcid.len)
		cid_new(p, &p->retry.dcid, unused);
	quic_wr_init(&w, buf, sizeof(buf));
	quic_hdr_put_retry(&w, h->version, &h->scid, &p->retry.dcid, token, sizeof(token), 9);
	len = w.p - buf;
	quic_keys_retry_tag(conn_ops.crypto, h->version, &h->dcid, buf, len, buf + len);
	sim_send(p->sim, p->end, NULL, NULL, buf, len + QUIC_TAG_LEN, 0);
	return false;
}

/* RFC 9000 §10.3: who forgot everything can still make the token of an ID. */
static void answer_reset(struct peer *p, const u8 *data)
{
	const struct quic_cid_entry *e = p->conn.scids.e;
	u8 buf[43];
	int i;

	for (i = 0; i < QUIC_CIDS_MAX; i++) {
		if (data[0] & QUIC_HDR_LONG || memcmp(e[i].cid.id, data + 1, QUIC_CID_LOCAL_LEN))
			continue;
		get_random_bytes(buf, sizeof(buf));
		buf[0] = (buf[0] & 0x3f) | QUIC_HDR_FIXED;
		memcpy(buf + sizeof(buf) - QUIC_RESET_TOKEN_LEN, e[i].token, QUIC_RESET_TOKEN_LEN);
		sim_send(p->sim, p->end, NULL, NULL, buf, sizeof(buf), 0);
		return;
	}
}

static bool forgetful(const struct peer *p)
{
	return p->side && p->work->amnesia && p->sim->now >= SEC + p->work->amnesia;
}

/* What the kernel's listener does: the first good Initial makes the connection. */
static bool accept_first(struct peer *p, const u8 *data, u32 len)
{
	struct quic_conn_accept a = { .local = peer_addr(p->end), .remote = peer_addr(p->end ^ 1) };
	const struct quic_conn *client = &p->sim->peer[p->end ^ 1]->conn;
	const struct quic_addr preferred = peer_preferred();
	struct quic_hdr h;

	if (quic_hdr_parse(data, len, QUIC_CID_LOCAL_LEN, false, &h) ||
	    h.type != QUIC_PKT_INITIAL || len < QUIC_INITIAL_MIN)
		return false;
	/* a corrupted ID would make keys that open nothing: the real client tries again */
	if (!quic_cid_equal(&h.dcid, h.token_len ? &p->retry.dcid : &client->odcid) ||
	    !quic_cid_equal(&h.scid, &client->scids.e[0].cid))
		return false;
	a.version = h.version;
	a.dcid = a.odcid = h.dcid;
	a.scid = h.scid;
	if (p->work->retry && !answer_retry(p, &h, &a))
		return false;
	if (quic_conn_accept(&p->conn, &a, p->sim->now))
		fail(p, "accept");
	if (p->work->prefer && quic_migrate_offer(&p->conn, &preferred))
		fail(p, "preferred address");
	return true;
}

static void peer_rx(void *of, const struct quic_addr *src, const struct quic_addr *dst,
		    const u8 *data, u32 len, u8 ecn)
{
	struct peer *p = of;
	struct quic_rx rx = { .data = data, .len = len, .ecn = ecn, .local = *dst, .remote = *src };

	if (forgetful(p)) {
		if (len > 43)
			answer_reset(p, data);
		return;
	}
	if (p->conn.state == QUIC_CONN_IDLE && !accept_first(p, data, len))
		return;
	quic_conn_rx(&p->conn, &rx, p->sim->now);
	turn(p);
}

void peer_timer(void *of)
{
	struct peer *p = of;

	quic_conn_timeout(&p->conn, p->sim->now);
	turn(p);
}

static u64 peer_deadline(void *of)
{
	struct peer *p = of;
	u64 at = quic_conn_deadline(&p->conn, p->sim->now);

	if (forgetful(p))
		return QUIC_TIME_NEVER;
	if (!p->side && p->work->think && p->next_stream < p->work->streams && p->established_at &&
	    quic_conn_is_open(&p->conn) && p->live < p->work->at_once)
		at = min(at, p->next_open);
	if (p->work->read_limit && quic_streams_readable(&p->conn.streams) &&
	    quic_conn_is_open(&p->conn))
		at = min(at, p->next_read);
	return at;
}

bool peer_done(const struct peer *p)
{
	u32 i;

	for (i = 0; i < p->nstreams; i++) {
		const struct peer_stream *ps = &p->stream[i];
		bool uni = ps->id & QUIC_STREAM_TYPE_UNI_MASK;

		if (!ps->there || (!ps->finished && (p->side || !uni)) ||
		    (!ps->got_fin && !ps->reset && !(p->side && uni)))
			return false;
	}
	return true;
}

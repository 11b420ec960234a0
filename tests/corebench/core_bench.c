// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The core's cost, alone: two connections in one process, joined by memory,
 * with a stand-in for cryptography, send a stream in trains of 64 full
 * packets.
 *
 *   core_bench MEGABYTES		packets per second of each part, by the clock
 *   core_bench MEGABYTES count		the same work, for callgrind to count:
 *					--toggle-collect= names the part
 *	... plain			1-RTT packets go unprotected
 *
 * In both forms the last lines are 'packets_tx N', 'packets_rx N' and
 * 'acks N': what to divide by.  The parts are the functions bench_tx(),
 * bench_rx() and bench_ack().
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "core/conn.h"
#include "shim/crypto_ossl.h"

#define MTU	1472
#define TRAIN	64
#define RUN	(32768 / MTU)	/* datagrams at once: what output.c has room for */
#define NOIPA	__attribute__((noipa))	/* callgrind finds it by its name */

struct end {
	struct quic_conn conn;
	struct quic_pkt *pkt;
	struct quic_addr local, remote;
	u64 packets_in, packets_out;
};

struct train {
	u32 len[TRAIN];
	u8 data[TRAIN][MTU];	/* one behind the other */
};

static u64 now = QUIC_NSEC_PER_SEC;
static u64 spent[3];			/* ns: tx, rx, ack */

static struct quic_chunk *chunk_alloc(void *priv, u32 size, bool tx, bool may_sleep);

/* A small cache, as the kernel side has one. */
static struct quic_chunk *spare[8];
static unsigned int nspare;

static void chunk_free(struct quic_chunk *c)
{
	if (c->size == QUIC_CHUNK_SIZE && nspare < ARRAY_SIZE(spare)) {
		spare[nspare++] = c;
		return;
	}
	free(c->base);
	free(c);
}

static const struct quic_chunk_ops chunk_ops = { .alloc = chunk_alloc, .free = chunk_free };

static struct quic_chunk *chunk_alloc(void *priv, u32 size, bool tx, bool may_sleep)
{
	struct quic_chunk *c;
	u8 *base;

	if (size <= QUIC_CHUNK_SIZE)
		size = QUIC_CHUNK_SIZE;
	if (size == QUIC_CHUNK_SIZE && nspare) {
		c = spare[--nspare];
		base = c->base;
	} else {
		c = malloc(quic_chunk_struct_size(QUIC_CHUNK_SLICES));
		base = malloc(size);
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

static void event(void *priv, u8 type, const void *data, u32 len)
{
}

static void count(void *priv, enum quic_mib what, u32 n)
{
}

/* Protection that protects nothing and costs a copy: what is counted is the core. */
static int seal(struct quic_aead *a, const u8 *nonce, const u8 *aad, u32 aad_len,
		const struct quic_vec *src, unsigned int nsrc, u8 *dst)
{
	unsigned int i;

	for (i = 0; i < nsrc; i++) {
		if (src[i].base != dst)
			memcpy(dst, src[i].base, src[i].len);
		dst += src[i].len;
	}
	memset(dst, 0, QUIC_TAG_LEN);
	return 0;
}

static int open_nothing(struct quic_aead *a, const u8 *nonce, const u8 *aad, u32 aad_len,
			const u8 *src, u32 len, u8 *dst)
{
	memcpy(dst, src, len - QUIC_TAG_LEN);
	return 0;
}

static struct quic_crypto_ops crypto;

static const struct quic_cid_ops cid_ops = { .cid_new = cid_new, .cid_gone = cid_gone };
static const struct quic_conn_ops conn_ops = {
	.crypto	= &crypto,
	.chunk	= &chunk_ops,
	.cid	= &cid_ops,
	.event	= event,
	.count	= count,
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "core_bench: %s failed\n", what);
	exit(1);
}

static u64 clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * QUIC_NSEC_PER_SEC + ts.tv_nsec;
}

/* ---- the three parts ---- */

static NOIPA u32 bench_tx(struct end *e, struct train *t, u32 max)
{
	struct quic_slot slot = { .pkt = e->pkt, .cap = MTU };
	u32 n = 0, i;

	while (n < max) {
		slot.buf = t->data[n];
		slot.most = min_t(u32, max - n, RUN);
		if (quic_conn_tx(&e->conn, &slot, now) <= 0)
			break;
		must(slot.n == 1 || slot.len == MTU, "run of full packets");
		for (i = 0; i < slot.n; i++)
			t->len[n++] = slot.len;
	}
	return n;
}

static void take(struct end *e, const struct train *t, u32 n)
{
	struct quic_rx rx = { .local = e->local, .remote = e->remote };
	u32 i;

	for (i = 0; i < n; i++) {
		rx.data = t->data[i];
		rx.len = t->len[i];
		rx.more = i + 1 < n;
		quic_conn_rx(&e->conn, &rx, now);
	}
}

static NOIPA void bench_rx(struct end *e, const struct train *t, u32 n)
{
	take(e, t, n);
}

static NOIPA void bench_ack(struct end *e, const struct train *t, u32 n)
{
	take(e, t, n);
}

/* ---- set-up ---- */

static void init(struct end *e, bool server, bool plain)
{
	struct quic_conn_config cfg = {
		.version = QUIC_VERSION_V1,
		.cong = QUIC_CONG_ALG_CUBIC,
		.initial_rtt = 10 * QUIC_NSEC_PER_MSEC,
		.rcv_window_max = QUIC_STREAMS_WINDOW_MAX,
	};
	struct quic_tparam tp;

	quic_tparam_default(&tp);
	tp.max_data = tp.max_stream_data_bidi_local = tp.max_stream_data_bidi_remote = 16 << 20;
	tp.max_streams_bidi = 100;
	tp.max_udp_payload_size = QUIC_UDP_PAYLOAD_MAX;
	tp.active_connection_id_limit = 2;
	tp.disable_1rtt_encryption = plain;
	e->local = e->remote = (struct quic_addr){ .family = 4, .port = 1 };
	e->pkt = malloc(sizeof(*e->pkt));
	must(!quic_conn_init(&e->conn, &conn_ops, e, server, &cfg, &tp), "init");
	quic_conn_set_mtu(&e->conn, MTU);
}

static void swap_params(struct end *from, struct end *to)
{
	u8 buf[QUIC_TPARAM_EXT_MAX];
	int n = quic_conn_get_params(&from->conn, buf, sizeof(buf));

	must(n > 0 && !quic_conn_set_peer_params(&to->conn, buf, n, now), "parameters");
}

static void secret(struct end *e, u8 level, bool send)
{
	u8 key[QUIC_SECRET_MAX];

	memset(key, level + (send ^ e->conn.server), sizeof(key));
	must(!quic_conn_set_secret(&e->conn, level, send, TLS_CIPHER_AES_GCM_128, key, now),
	     "secret");
}

/* RFC 9001 §4.1.3: TLS has read all of a level before it brings the next one's keys. */
static void read_crypto(struct end *e)
{
	const u8 *data;
	u8 level;
	u32 n;

	while ((n = quic_conn_crypto_peek(&e->conn, &level, &data)))
		quic_conn_crypto_consume(&e->conn, level, n);
}

/* Everything that either has to say, until both are silent. */
static void exchange(struct end *a, struct end *b, struct train *t)
{
	u32 n, idle = 0;

	while (idle < 2) {
		now += QUIC_NSEC_PER_MSEC;
		n = bench_tx(a, t, TRAIN);
		take(b, t, n);
		idle = n ? 0 : idle + 1;
		n = bench_tx(b, t, TRAIN);
		take(a, t, n);
		idle = n ? 0 : idle;
	}
	read_crypto(a);
	read_crypto(b);
}

static void handshake(struct end *c, struct end *s, struct train *t, bool plain)
{
	struct quic_conn_accept a = { .version = QUIC_VERSION_V1 };

	init(c, false, plain);
	init(s, true, plain);
	must(!quic_conn_connect(&c->conn, &c->local, &c->remote, NULL, 0, now), "connect");
	a.dcid = a.odcid = c->conn.odcid;
	a.scid = c->conn.scids.e[0].cid;
	a.local = a.remote = c->local;
	a.validated = true;
	must(!quic_conn_accept(&s->conn, &a, now), "accept");
	must(!quic_conn_crypto_write(&c->conn, QUIC_CRYPTO_INITIAL, t->data[0], 300, false), "hello");
	exchange(c, s, t);
	swap_params(c, s);
	must(!quic_conn_crypto_write(&s->conn, QUIC_CRYPTO_INITIAL, t->data[0], 90, false), "hello");
	exchange(c, s, t);
	swap_params(s, c);
	secret(c, QUIC_CRYPTO_HANDSHAKE, true);
	secret(c, QUIC_CRYPTO_HANDSHAKE, false);
	secret(s, QUIC_CRYPTO_HANDSHAKE, true);
	secret(s, QUIC_CRYPTO_HANDSHAKE, false);
	secret(c, QUIC_CRYPTO_APP, true);
	secret(c, QUIC_CRYPTO_APP, false);
	secret(s, QUIC_CRYPTO_APP, true);
	secret(s, QUIC_CRYPTO_APP, false);
	exchange(c, s, t);
	must(c->conn.confirmed && s->conn.confirmed, "handshake");
}

/* ---- the transfer ---- */

static u64 write_some(struct end *e, struct quic_stream *st, u64 left)
{
	struct quic_streams *ss = &e->conn.streams;
	u64 done = 0;
	u32 room;
	u8 *to;

	while (done < left && ss->snd_held < (1 << 20)) {
		room = min_t(u64, left - done, 65536);
		to = quic_streams_reserve(ss, true, &room);
		must(to, "reserve");
		room = min_t(u64, room, left - done);
		must(!quic_stream_write(ss, st, to, room, false), "write");
		done += room;
	}
	return done;
}

static u64 read_all(struct end *e)
{
	struct quic_streams *ss = &e->conn.streams;
	struct quic_stream *st = quic_streams_readable(ss);
	u64 n = st ? quic_recvbuf_readable(&st->rcv) : 0;

	if (n)
		quic_stream_consumed(ss, st, n, false, now, quic_loss_srtt(&e->conn.loss));
	return n;
}

static void transfer(struct end *c, struct end *s, struct train *t, u64 bytes, u64 counts[3])
{
	u64 sent = 0, got = 0, start;
	struct quic_stream *st;
	u32 n;

	must(!quic_streams_open(&c->conn.streams, -1, false, false, &st), "open");
	while (got < bytes) {
		sent += write_some(c, st, bytes - sent);
		now += 500 * QUIC_NSEC_PER_USEC;
		quic_conn_timeout(&c->conn, now);
		start = clock_ns();
		n = bench_tx(c, t, TRAIN);
		spent[0] += clock_ns() - start;
		counts[0] += n;
		now += 500 * QUIC_NSEC_PER_USEC;
		start = clock_ns();
		bench_rx(s, t, n);
		spent[1] += clock_ns() - start;
		counts[1] += n;
		got += read_all(s);
		quic_conn_timeout(&s->conn, now);
		n = bench_tx(s, t, TRAIN);
		start = clock_ns();
		bench_ack(c, t, n);
		spent[2] += clock_ns() - start;
		counts[2] += n;
	}
}

int main(int argc, char **argv)
{
	static const char *const name[3] = { "packets_tx", "packets_rx", "acks" };
	u64 counts[3] = {}, megabytes = argc > 1 ? strtoull(argv[1], NULL, 0) : 64;
	struct train *t = malloc(sizeof(*t));
	bool by_clock = true, plain = false;
	struct end c = {}, s = {};
	int i;

	for (i = 2; i < argc; i++) {
		by_clock &= !!strcmp(argv[i], "count");
		plain |= !strcmp(argv[i], "plain");
	}

	crypto = shim_crypto_null_ops;
	crypto.seal = seal;
	crypto.open = open_nothing;
	handshake(&c, &s, t, plain);
	transfer(&c, &s, t, 4 << 20, counts);	/* warm up: windows and rings grow */
	memset(counts, 0, sizeof(counts));
	memset(spent, 0, sizeof(spent));
	transfer(&c, &s, t, megabytes << 20, counts);
	for (i = 0; i < 3 && by_clock; i++)
		printf("%s_per_second %llu\n", name[i],
		       counts[i] * QUIC_NSEC_PER_SEC / (spent[i] ?: 1));
	for (i = 0; i < 3; i++)
		printf("%s %llu\n", name[i], counts[i]);
	quic_conn_free(&c.conn);
	quic_conn_free(&s.conn);
	return 0;
}

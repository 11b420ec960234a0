// SPDX-License-Identifier: GPL-2.0-or-later
/* 0-RTT, RFC 9001 §4.6: a client that remembers, a server that accepts or not. */
#include "conn_ctx_test.h"

#define EARLY	QUIC_CRYPTO_EARLY
#define BYTES	5000

/* The client remembers the server's limits, and gets EARLY keys. */
static struct ctx *early_new(struct kunit *test, bool refuse)
{
	struct ctx *x = ctx_new(test);
	struct quic_conn *c = &x->p.e[0].c;

	x->p.early = true;
	x->p.refuse = refuse;
	c->peer_tp = x->p.e[1].c.local_tp;
	quic_streams_set_remote(&c->streams);
	return x;
}

/* A stream with @len bytes, before anything else. */
static s64 write_early(struct ctx *x, u32 len)
{
	s64 id = end_open(&x->p.e[0], false);

	PAIR_MUST(&x->p, id >= 0 && !end_write(&x->p.e[0], id, len, true));
	return id;
}

static void set_server_tp(struct ctx *x, void (*change)(struct quic_tparam *tp))
{
	struct quic_tparam tp = x->p.e[1].c.local_tp;

	change(&tp);
	quic_conn_set_local_tp(&x->p.e[1].c, &tp);
}

/* The type of the @i-th packet of a datagram, or -1. */
static int packet_type(const struct dgram *d, int i)
{
	struct quic_hdr h;
	u32 off;

	for (off = 0; off < d->len; off += h.len) {
		if (quic_hdr_parse(d->data + off, d->len - off, QUIC_CID_LOCAL_LEN, false, &h))
			return -1;
		if (!i--)
			return h.type;
	}
	return -1;
}

/* RFC 9000 §12.2: the first 0-RTT packet rides behind the ClientHello. */
static void accepted(struct kunit *test)
{
	struct ctx *x = early_new(test, false);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];

	write_early(x, BYTES);
	pair_hello(&x->p);
	KUNIT_EXPECT_EQ(test, packet_type(queue_at(&s->in, 0), 0), QUIC_PKT_INITIAL);
	KUNIT_EXPECT_EQ(test, packet_type(queue_at(&s->in, 0), 1), QUIC_PKT_0RTT);
	KUNIT_EXPECT_EQ(test, packet_type(queue_at(&s->in, 1), 0), QUIC_PKT_0RTT);
	KUNIT_EXPECT_EQ(test, queue_at(&s->in, 0)->len, QUIC_INITIAL_MIN);
	end_deliver(s);
	end_read(s);
	/* half a round trip, and the server has it all */
	KUNIT_EXPECT_EQ(test, (int)s->c.state, (int)QUIC_CONN_HANDSHAKE);
	KUNIT_EXPECT_EQ(test, s->got, BYTES);
	KUNIT_EXPECT_EQ(test, s->fins, 1);
	pair_sleep(&x->p, 300 * PAIR_MS);
	KUNIT_EXPECT_TRUE(test, c->c.confirmed && s->c.confirmed);
	KUNIT_EXPECT_EQ(test, (int)c->c.early, (int)QUIC_EARLY_ACCEPTED);
	KUNIT_EXPECT_EQ(test, s->mib[QUIC_MIB_EARLY_IN], c->mib[QUIC_MIB_EARLY_OUT]);
	/* acknowledged, and sent once */
	KUNIT_EXPECT_EQ(test, c->c.streams.snd_held, 0);
	KUNIT_EXPECT_EQ(test, c->mib[QUIC_MIB_RETRANS], 0);
	ctx_free(test, x);
}

static void fewer_streams(struct quic_tparam *tp)
{
	tp->max_streams_bidi = 2;
	tp->max_data = 3000;
	tp->max_stream_data_bidi_remote = 1000;
}

/* RFC 9001 §4.6.2: again, in order, once; under the limits that the server has now. */
static void rejected(struct kunit *test)
{
	struct ctx *x = early_new(test, true);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];
	int i;

	set_server_tp(x, fewer_streams);
	for (i = 0; i < 4; i++)
		write_early(x, BYTES / 4);
	pair_hello(&x->p);
	KUNIT_EXPECT_GT(test, c->mib[QUIC_MIB_EARLY_OUT], 1);
	for (i = 0; i < 200 && s->fins < 4; i++) {
		pair_sleep(&x->p, 100 * PAIR_MS);
		end_read(s);
		if (s->fins == 2)	/* two streams are over: two more may come */
			end_write(s, 0, 0, true), end_write(s, 4, 0, true);
	}
	KUNIT_EXPECT_EQ(test, s->c.nheld_early, 0);
	KUNIT_EXPECT_GT(test, s->mib[QUIC_MIB_DROP_NOKEY], 0);
	KUNIT_EXPECT_EQ(test, (int)c->c.early, (int)QUIC_EARLY_REJECTED);
	KUNIT_EXPECT_EQ(test, c->mib[QUIC_MIB_EARLY_REJECTED], 1);
	KUNIT_EXPECT_EQ(test, s->mib[QUIC_MIB_EARLY_IN], 0);
	KUNIT_EXPECT_EQ(test, s->got, BYTES);
	KUNIT_EXPECT_EQ(test, s->fins, 4);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(&c->c) && quic_conn_is_open(&s->c));
	KUNIT_EXPECT_EQ(test, c->c.streams.snd_held, 0);
	KUNIT_EXPECT_EQ(test, c->c.cc.in_flight, 0);
	ctx_free(test, x);
}

static void in_retry(struct kunit *test, bool refuse)
{
	static const u8 token[] = "here you are";
	const struct quic_cid scid = { .len = 8, .id = { 5, 4, 3 } };
	struct ctx *x = early_new(test, refuse);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];
	u8 buf[128];
	struct quic_wr w;
	u64 next;

	write_early(x, BYTES);
	pair_hello(&x->p);
	s->in.n = 0;
	next = c->c.loss.sp[QUIC_SPACE_APP]->sent.next;
	quic_wr_init(&w, buf, sizeof(buf) - QUIC_TAG_LEN);
	quic_hdr_put_retry(&w, c->c.version, &c->c.scids.e[0].cid, &scid, token, sizeof(token), 1);
	KUNIT_EXPECT_EQ(test, quic_keys_retry_tag(quic_test_crypto(), c->c.version, &c->c.odcid,
						  buf, w.p - buf, w.p), 0);
	queue_push(&c->in, buf, w.p - buf + QUIC_TAG_LEN, 0);
	end_deliver(c);
	/* RFC 9000 §17.2.3: SHOULD be sent again, behind the new Initial */
	KUNIT_EXPECT_GT(test, end_tx(c), 3);
	KUNIT_EXPECT_EQ(test, packet_type(queue_at(&s->in, 0), 1), QUIC_PKT_0RTT);
	/* ... under new packet numbers: MUST NOT be reset */
	KUNIT_EXPECT_EQ(test, c->c.loss.sp[QUIC_SPACE_APP]->sent.next, 2 * next);
	pair_sleep(&x->p, 500 * PAIR_MS);
	end_read(s);
	KUNIT_EXPECT_TRUE(test, c->c.confirmed);
	KUNIT_EXPECT_EQ(test, s->got, BYTES);
	KUNIT_EXPECT_EQ(test, s->mib[QUIC_MIB_EARLY_IN] > 0, !refuse);
	ctx_free(test, x);
}

static void retry(struct kunit *test)
{
	in_retry(test, false);
	in_retry(test, true);
}

/* RFC 9001 §5.7: what comes before the keys is kept, within bounds, and read then. */
static void held(struct kunit *test)
{
	struct ctx *x = early_new(test, false);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];

	write_early(x, BYTES);
	pair_hello(&x->p);
	s->deaf = true;
	end_deliver(s);
	KUNIT_EXPECT_GT(test, s->c.nheld_early, 3);
	KUNIT_EXPECT_EQ(test, s->c.nheld, 0);
	KUNIT_EXPECT_EQ(test, s->mib[QUIC_MIB_EARLY_IN], 0);
	s->deaf = false;
	end_tls(s);
	end_read(s);
	KUNIT_EXPECT_EQ(test, s->c.nheld_early, 0);
	KUNIT_EXPECT_EQ(test, s->got, BYTES);
	pair_sleep(&x->p, 300 * PAIR_MS);
	KUNIT_EXPECT_TRUE(test, c->c.confirmed);
	ctx_free(test, x);
}

/* A flood of them has a bound, and takes no place of the Handshake's. */
static void held_bound(struct kunit *test)
{
	struct ctx *x = early_new(test, true);
	struct end *s = &x->p.e[1];
	u32 i;

	pair_hello(&x->p);
	s->deaf = true;
	end_deliver(s);
	hostile_init(&x->h, s);
	for (i = 0; i < QUIC_HELD_EARLY_MAX + 20; i++)
		HOSTILE(&x->h, EARLY, QUIC_FRAME_PING, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, s->c.nheld_early, QUIC_HELD_EARLY_MAX);
	KUNIT_EXPECT_EQ(test, s->mib[QUIC_MIB_DROP_NOKEY], 20);
	HOSTILE(&x->h, HS, QUIC_FRAME_PING, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, s->c.nheld, 1);
	ctx_free(test, x);
}

/* Until the server is established, and no further. */
static struct ctx *early_established(struct kunit *test)
{
	struct ctx *x = early_new(test, false);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];
	int i;

	write_early(x, 10);
	pair_hello(&x->p);
	end_deliver(s);
	for (i = 0; i < 10 && s->c.state != QUIC_CONN_ESTABLISHED; i++) {
		end_tx(s);
		x->p.now += PAIR_LEG;
		end_deliver(c);
		end_tx(c);
		x->p.now += PAIR_LEG;
		end_deliver(s);
	}
	KUNIT_EXPECT_EQ(test, (int)c->c.state, (int)QUIC_CONN_ESTABLISHED);
	KUNIT_EXPECT_EQ(test, (int)s->c.state, (int)QUIC_CONN_ESTABLISHED);
	hostile_init(&x->h, s);
	return x;
}

/* RFC 9001 §4.9.3 */
static void keys_go(struct kunit *test)
{
	struct ctx *x = early_established(test);
	struct end *s = &x->p.e[1];

	/* the client's at once */
	KUNIT_EXPECT_FALSE(test, quic_keys_have(&x->p.e[0].c.keys, EARLY, true));
	/* the server's serve packets that are late, for three PTO */
	KUNIT_EXPECT_TRUE(test, quic_keys_have(&s->c.keys, EARLY, false));
	HOSTILE(&x->h, EARLY, QUIC_FRAME_PING, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, s->mib[QUIC_MIB_EARLY_IN], 2);
	x->p.now += 3 * quic_loss_pto(&s->c.loss, QUIC_SPACE_APP);
	KUNIT_EXPECT_LE(test, quic_conn_deadline(&s->c, x->p.now), x->p.now);
	quic_conn_timeout(&s->c, x->p.now);
	KUNIT_EXPECT_FALSE(test, quic_keys_have(&s->c.keys, EARLY, false));
	HOSTILE(&x->h, EARLY, QUIC_FRAME_PING, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, s->mib[QUIC_MIB_EARLY_IN], 2);
	ctx_free(test, x);
}

/* A server with EARLY keys, and a hostile client. */
static struct ctx *server_with_keys(struct kunit *test)
{
	struct ctx *x = early_new(test, false);

	pair_hello(&x->p);
	end_deliver(&x->p.e[1]);
	hostile_init(&x->h, &x->p.e[1]);
	return x;
}

/* RFC 9000 §12.5, table 3: MUST NOT be in 0-RTT packets: PROTOCOL_VIOLATION */
static void forbidden_frames(struct kunit *test)
{
	static const u8 frames[][20] = {
		{ QUIC_FRAME_ACK, 0, 0, 0, 0 },
		{ QUIC_FRAME_CRYPTO, 0, 1, 0 },
		{ QUIC_FRAME_NEW_TOKEN, 1, 7 },
		{ QUIC_FRAME_PATH_RESPONSE, 1, 2, 3, 4, 5, 6, 7, 8 },
		{ QUIC_FRAME_RETIRE_CONNECTION_ID, 0 },
		{ QUIC_FRAME_HANDSHAKE_DONE },
	};
	struct ctx *x;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(frames); i++) {
		x = server_with_keys(test);
		hostile_send(&x->h, EARLY, frames[i], sizeof(frames[i]));
		KUNIT_EXPECT_EQ(test, victim(x)->close.code, ERR(PROTOCOL_VIOLATION));
		ctx_free(test, x);
	}
}

/* RFC 9000 §17.2.3: beyond what was remembered of the server is beyond its limits */
static void beyond_limits(struct kunit *test)
{
	struct ctx *x = server_with_keys(test);

	/* stream 40 of 10 */
	HOSTILE(&x->h, EARLY, QUIC_FRAME_STREAM, 0x40, 160, 'x');
	KUNIT_EXPECT_EQ(test, victim(x)->close.code, ERR(STREAM_LIMIT));
	ctx_free(test, x);
}

/* RFC 9001 §5.6: a server sends none, a client MUST discard them */
static void to_a_client(struct kunit *test)
{
	struct ctx *x = early_new(test, false);
	struct quic_conn *c = &x->p.e[0].c;
	struct hostile h;

	pair_hello(&x->p);
	hostile_init(&h, &x->p.e[0]);
	HOSTILE(&h, EARLY, QUIC_FRAME_STREAM, 1, 'x');
	KUNIT_EXPECT_EQ(test, x->p.e[0].mib[QUIC_MIB_DROP_NOKEY], 1);
	KUNIT_EXPECT_EQ(test, c->nheld_early, 0);
	pair_sleep(&x->p, 300 * PAIR_MS);
	KUNIT_EXPECT_TRUE(test, c->confirmed);
	HOSTILE(&h, EARLY, QUIC_FRAME_STREAM, 1, 'x');
	KUNIT_EXPECT_EQ(test, x->p.e[0].mib[QUIC_MIB_EARLY_IN], 0);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(c));
	hostile_free(&h);
	ctx_free(test, x);
}

/* RFC 9000 §12.3: 0-RTT and 1-RTT packets share a space: a number is used once */
static void shared_space(struct kunit *test)
{
	struct ctx *x = early_established(test);

	HOSTILE(&x->h, EARLY, QUIC_FRAME_PING, 0, 0, 0);
	HOSTILE(&x->h, APP, QUIC_FRAME_PING, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, x->h.pn[EARLY], x->h.pn[APP]);
	KUNIT_EXPECT_EQ(test, x->p.e[1].mib[QUIC_MIB_EARLY_IN], 2);
	KUNIT_EXPECT_EQ(test, x->p.e[1].mib[QUIC_MIB_DROP_DUP], 1);
	ctx_free(test, x);
}

static void less_data(struct quic_tparam *tp)
{
	tp->max_data--;
}

static void fewer_ids(struct quic_tparam *tp)
{
	tp->active_connection_id_limit--;
}

static void smaller_dgrams(struct quic_tparam *tp)
{
	tp->max_datagram_frame_size = 1000;
}

static void less_uni(struct quic_tparam *tp)
{
	tp->max_streams_uni--;
}

/* RFC 9000 §7.4.1: MUST NOT be reduced where 0-RTT is accepted */
static void reduced(struct kunit *test)
{
	static void (*const changes[])(struct quic_tparam *tp) = {
		less_data, fewer_ids, less_uni, fewer_streams, smaller_dgrams,
	};
	struct ctx *x;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(changes); i++) {
		x = early_new(test, false);
		/* RFC 9221 §3 */
		x->p.e[0].c.peer_tp.max_datagram_frame_size = 1001;
		x->p.e[1].c.local_tp.max_datagram_frame_size = 1001;
		set_server_tp(x, changes[i]);
		write_early(x, 10);
		pair_connect(&x->p);
		pair_sleep(&x->p, 300 * PAIR_MS);
		KUNIT_EXPECT_EQ(test, x->p.e[0].c.close.code, ERR(PROTOCOL_VIOLATION));
		ctx_free(test, x);
	}
}

/* A datagram of @len bytes that tell its number. */
static void queue_dgram(struct kunit *test, struct end *e, u8 number, u32 len)
{
	u8 *to = quic_dgrams_reserve(&e->c.dgrams, len, false);

	KUNIT_ASSERT_NOT_NULL(test, to);
	memset(to, number, len);
	quic_dgrams_queue(&e->c.dgrams, len);
}

/* All that have come to @e: a bit for each number. */
static u32 read_dgrams(struct kunit *test, struct end *e)
{
	const struct quic_slice *s;
	u32 got = 0;

	while ((s = quic_dgrams_peek(&e->c.dgrams))) {
		if (s->len)
			got |= 1 << s->data[0];
		else
			got |= 1;
		quic_dgrams_consume(&e->c.dgrams, s->len);
	}
	return got;
}

static struct ctx *early_dgrams(struct kunit *test, bool refuse)
{
	struct ctx *x = early_new(test, refuse);

	x->p.e[0].c.peer_tp.max_datagram_frame_size = 1400;
	x->p.e[1].c.local_tp.max_datagram_frame_size = 1400;
	pair_connect(&x->p);
	queue_dgram(test, &x->p.e[0], 0, 0);
	queue_dgram(test, &x->p.e[0], 1, 100);	/* behind the ClientHello */
	queue_dgram(test, &x->p.e[0], 2, 1100);	/* alone in an Initial's size */
	/* too large for a long header before it */
	queue_dgram(test, &x->p.e[0], 3, quic_conn_dgram_max(&x->p.e[0].c));
	return x;
}

/* RFC 9221 §3: a client that remembers the limit MAY send DATAGRAM in 0-RTT */
static void datagrams(struct kunit *test)
{
	struct ctx *x = early_dgrams(test, false);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];

	write_early(x, 200);
	KUNIT_EXPECT_GE(test, end_tx(c), 2);
	x->p.now += PAIR_LEG;
	end_deliver(s);
	KUNIT_EXPECT_EQ(test, (int)s->c.state, (int)QUIC_CONN_HANDSHAKE);
	KUNIT_EXPECT_EQ(test, read_dgrams(test, s), 7);
	end_read(s);
	KUNIT_EXPECT_EQ(test, s->got, 200);
	pair_sleep(&x->p, 300 * PAIR_MS);
	KUNIT_EXPECT_TRUE(test, c->c.confirmed && s->c.confirmed);
	KUNIT_EXPECT_EQ(test, read_dgrams(test, s), 8);
	KUNIT_EXPECT_FALSE(test, quic_dgrams_pending(&c->c.dgrams));
	ctx_free(test, x);
}

static void no_dgrams(struct quic_tparam *tp)
{
	tp->max_datagram_frame_size = 0;
}

/*
 * Rejected: those that left in 0-RTT packets are lost (RFC 9221 §5: not to be
 * retransmitted); what waits goes by the parameters that the server has now.
 */
static void datagrams_rejected(struct kunit *test)
{
	struct ctx *x = early_dgrams(test, true);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];

	pair_sleep(&x->p, 300 * PAIR_MS);
	KUNIT_EXPECT_EQ(test, read_dgrams(test, s), 8);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(&c->c) && quic_conn_is_open(&s->c));
	ctx_free(test, x);
	/* an empty one as well: not even its type is allowed then */
	x = early_dgrams(test, true);
	c = &x->p.e[0];
	s = &x->p.e[1];
	set_server_tp(x, no_dgrams);
	end_tx(c);
	queue_dgram(test, c, 0, 0);	/* too late for 0-RTT */
	pair_sleep(&x->p, 300 * PAIR_MS);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(&c->c) && quic_conn_is_open(&s->c));
	KUNIT_EXPECT_FALSE(test, quic_dgrams_pending(&c->c.dgrams));
	KUNIT_EXPECT_EQ(test, c->mib[QUIC_MIB_DROP_DATAGRAM], 2);
	ctx_free(test, x);
}

/* RFC 9001 §4.6.2: rejected packets are not acknowledged by an honest server */
static void acks_rejected(struct kunit *test)
{
	struct ctx *x = early_new(test, true);

	write_early(x, 10);
	pair_establish(&x->p);
	KUNIT_ASSERT_GT(test, x->p.e[0].c.early_end, 0);
	hostile_init(&x->h, &x->p.e[0]);
	HOSTILE(&x->h, APP, QUIC_FRAME_ACK, 0, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, victim(x)->close.code, ERR(PROTOCOL_VIOLATION));
	ctx_free(test, x);
}

/* Userspace gets nothing of the Handshake level before the answer is known. */
static void answer_in_pieces(struct kunit *test)
{
	static const u8 ee[] = { 8, 0, 0, 8, 0, 6, 0, 42, 0, 0, 0, 1, };
	struct ctx *x = early_new(test, false);
	struct end *c = &x->p.e[0];
	const u8 *data;
	u8 f[4], level;
	u32 i;

	write_early(x, 10);
	pair_hello(&x->p);
	hostile_init(&x->h, c);
	KUNIT_EXPECT_EQ(test, tls_secret(c, HS, false), 0);
	for (i = 0; i < sizeof(ee); i++) {
		KUNIT_EXPECT_EQ(test, (int)c->c.early, (int)QUIC_EARLY_OFFERED);
		KUNIT_EXPECT_EQ(test, quic_conn_crypto_peek(&c->c, &level, &data), 0);
		f[0] = QUIC_FRAME_CRYPTO;
		f[1] = i;
		f[2] = 1;
		f[3] = ee[i];
		hostile_send(&x->h, HS, f, sizeof(f));
	}
	KUNIT_EXPECT_EQ(test, (int)c->c.early, (int)QUIC_EARLY_ACCEPTED);
	KUNIT_EXPECT_GT(test, quic_conn_crypto_peek(&c->c, &level, &data), 0);
	ctx_free(test, x);
}

/* Whatever is not EncryptedExtensions accepts nothing. */
static void no_answer(struct kunit *test)
{
	struct ctx *x = early_new(test, false);
	struct end *c = &x->p.e[0];

	write_early(x, 10);
	pair_hello(&x->p);
	hostile_init(&x->h, c);
	KUNIT_EXPECT_EQ(test, tls_secret(c, HS, false), 0);
	HOSTILE(&x->h, HS, QUIC_FRAME_CRYPTO, 0, 6, 11, 0, 0, 2, 0, 0);
	KUNIT_EXPECT_EQ(test, (int)c->c.early, (int)QUIC_EARLY_REJECTED);
	KUNIT_EXPECT_EQ(test, c->c.streams.snd_held, 10);
	ctx_free(test, x);
}

/* RFC 9001 §4.6.1: any other max_early_data_size MUST be a PROTOCOL_VIOLATION */
static void tickets(struct kunit *test)
{
	static const u8 head[] = { 4, 0, 0, 25, 0, 0, 0, 9, 1, 2, 3, 4, 1, 7, 0, 3, 't', 'k', 't',
				   0, 8, 0, 42, 0, 4 };
	u8 msg[29];

	memcpy(msg, head, sizeof(head));
	memset(msg + sizeof(head), 0xff, 4);
	KUNIT_EXPECT_EQ(test, quic_early_check_ticket(msg, sizeof(msg)), 0);
	msg[28] = 0xfe;
	KUNIT_EXPECT_EQ(test, quic_early_check_ticket(msg, sizeof(msg)), ERR(PROTOCOL_VIOLATION));
	/* without the extension, or cut: TLS will judge */
	msg[22] = 43;
	KUNIT_EXPECT_EQ(test, quic_early_check_ticket(msg, sizeof(msg)), 0);
	KUNIT_EXPECT_EQ(test, quic_early_check_ticket(msg, 20), 0);
	KUNIT_EXPECT_EQ(test, quic_early_check_ticket(msg, 4), 0);
}

/* Who may have which EARLY secret, and when. */
static void secrets(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];

	KUNIT_EXPECT_EQ(test, tls_secret(c, EARLY, true), -EINVAL);	/* not connected */
	pair_hello(&x->p);
	KUNIT_EXPECT_EQ(test, tls_secret(c, EARLY, false), -EINVAL);
	KUNIT_EXPECT_EQ(test, tls_secret(c, EARLY, true), 0);
	KUNIT_EXPECT_EQ(test, tls_secret(c, EARLY, true), -EEXIST);
	s->deaf = true;
	end_deliver(s);
	KUNIT_EXPECT_EQ(test, tls_secret(s, EARLY, false), -EINVAL);	/* no parameters yet */
	KUNIT_EXPECT_EQ(test, tls_secret(s, EARLY, true), -EINVAL);
	s->deaf = false;
	end_tls(s);
	KUNIT_EXPECT_EQ(test, tls_secret(s, EARLY, false), 0);
	ctx_free(test, x);
}

/* RFC 9000 §7.4.1: what the server's new parameters allow is not for 0-RTT packets */
static void remembered_only(struct kunit *test)
{
	struct ctx *x = early_new(test, false);
	struct end *c = &x->p.e[0];

	c->c.peer_tp.max_data = 100;
	c->c.streams.snd_max = 100;
	write_early(x, BYTES);
	pair_hello(&x->p);
	KUNIT_EXPECT_EQ(test, c->c.streams.snd_used, 100);
	pair_sleep(&x->p, 300 * PAIR_MS);
	end_read(&x->p.e[1]);
	KUNIT_EXPECT_EQ(test, x->p.e[1].got, BYTES);
	ctx_free(test, x);
}

/* RFC 9001 §5.6: a client MUST discard any 0-RTT packets that it receives */
static void client_discards(struct kunit *test)
{
	struct ctx *x = early_new(test, false);
	struct end *c = &x->p.e[0];

	pair_hello(&x->p);
	hostile_init(&x->h, c);
	HOSTILE(&x->h, EARLY, QUIC_FRAME_PING, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, c->mib[QUIC_MIB_DROP_NOKEY], 1);
	KUNIT_EXPECT_EQ(test, c->c.nheld_early, 0);
	KUNIT_EXPECT_EQ(test, c->c.stats.rx_packets, 0);
	ctx_free(test, x);
}

/* Limits were remembered, but TLS had no early keys: the real ones apply, lower or not. */
static void no_keys(struct kunit *test)
{
	struct ctx *x = early_new(test, true);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];
	int i;

	x->p.early = false;
	set_server_tp(x, fewer_streams);
	write_early(x, BYTES);
	pair_connect(&x->p);
	for (i = 0; i < 50; i++) {
		pair_sleep(&x->p, 100 * PAIR_MS);
		end_read(s);
	}
	KUNIT_EXPECT_TRUE(test, c->c.confirmed && quic_conn_is_open(&s->c));
	KUNIT_EXPECT_EQ(test, s->got, BYTES);
	ctx_free(test, x);
}

/* A window full of 0-RTT packets, all lost: only the handshake can help, and may. */
static void full_window(struct kunit *test)
{
	struct ctx *x = early_new(test, false);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];

	write_early(x, 60000);
	pair_hello(&x->p);
	KUNIT_EXPECT_LT(test, quic_cc_room(&c->c.cc), PAIR_MTU);
	s->in.n = 1;
	end_deliver(s);
	/* no timer fires: who waits, waits for good */
	pair_flush(&x->p);
	KUNIT_EXPECT_TRUE(test, c->c.confirmed && s->c.confirmed);
	pair_sleep(&x->p, 2 * PAIR_SEC);
	end_read(s);
	KUNIT_EXPECT_EQ(test, s->got, 60000);
	ctx_free(test, x);
}

static struct kunit_case early_cases[] = {
	KUNIT_CASE(accepted),
	KUNIT_CASE(rejected),
	KUNIT_CASE(retry),
	KUNIT_CASE(held),
	KUNIT_CASE(held_bound),
	KUNIT_CASE(keys_go),
	KUNIT_CASE(forbidden_frames),
	KUNIT_CASE(beyond_limits),
	KUNIT_CASE(to_a_client),
	KUNIT_CASE(shared_space),
	KUNIT_CASE(reduced),
	KUNIT_CASE(datagrams),
	KUNIT_CASE(datagrams_rejected),
	KUNIT_CASE(acks_rejected),
	KUNIT_CASE(answer_in_pieces),
	KUNIT_CASE(no_answer),
	KUNIT_CASE(tickets),
	KUNIT_CASE(secrets),
	KUNIT_CASE(remembered_only),
	KUNIT_CASE(client_discards),
	KUNIT_CASE(no_keys),
	KUNIT_CASE(full_window),
	{}
};

static struct kunit_suite early_suite = {
	.name = "early",
	.test_cases = early_cases,
};
kunit_test_suite(early_suite);

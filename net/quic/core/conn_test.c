// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A connection's life: handshakes of all shapes, transport parameters, when
 * keys go, key updates that we begin, timers, and the end.
 */
#include "conn_ctx_test.h"

/* ---- handshake ---- */

struct shape {
	const char *name;
	u32 hello, flight, cipher;
};

static const struct shape shapes[] = {
	{ "small", 100, 100, TLS_CIPHER_AES_GCM_128 },
	{ "usual", 300, 2500, TLS_CIPHER_AES_GCM_128 },
	{ "aes256", 300, 2500, TLS_CIPHER_AES_GCM_256 },
	{ "chacha", 300, 2500, TLS_CIPHER_CHACHA20_POLY1305 },
	{ "hello of two packets", 1500, 1000, TLS_CIPHER_AES_GCM_128 },
	{ "flight beyond three times the hello", 300, 3900, TLS_CIPHER_AES_GCM_128 },
	{ "both", 3000, 3900, TLS_CIPHER_AES_GCM_128 },
};

static void shape_name(const struct shape *s, char *desc)
{
	strscpy(desc, s->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(shape, shapes, shape_name);

static void expect_established(struct kunit *test, struct pair *p)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct quic_conn *c = &p->e[i].c;

		KUNIT_EXPECT_EQ(test, (int)c->state, (int)QUIC_CONN_ESTABLISHED);
		/* RFC 9001 §4.1.2 */
		KUNIT_EXPECT_TRUE(test, c->confirmed);
		/* RFC 9001 §4.9.1, §4.9.2: Initial and Handshake keys are gone */
		KUNIT_EXPECT_NULL(test, c->space[QUIC_SPACE_INITIAL]);
		KUNIT_EXPECT_NULL(test, c->space[QUIC_SPACE_HANDSHAKE]);
		KUNIT_EXPECT_NULL(test, c->keys.early);
		KUNIT_EXPECT_EQ(test, (int)c->path.state, (int)QUIC_PATH_VALIDATED);
		KUNIT_EXPECT_EQ(test, (u32)c->path.mtu, (u32)PAIR_MTU);
		KUNIT_EXPECT_EQ(test, c->cc.in_flight, 0);
		/* RFC 9000 §5.1.1: as many IDs as it may want, and the peer keeps */
		KUNIT_EXPECT_EQ(test, p->e[i].cids, QUIC_CIDS_ISSUED);
		KUNIT_EXPECT_EQ(test, c->loss.lost_packets, 0);
		KUNIT_EXPECT_EQ(test, p->e[i].mib[QUIC_MIB_DROP_AUTH], 0);
	}
}

static void handshake(struct kunit *test)
{
	const struct shape *s = test->param_value;
	struct ctx *x = ctx_new(test);

	x->p.hello = s->hello;
	x->p.flight = s->flight;
	x->p.cipher = s->cipher;
	pair_establish(&x->p);
	expect_established(test, &x->p);
	ctx_free(test, x);
}

/* Each datagram of the handshake is lost once, in turn: it still comes about. */
static void handshake_with_a_loss(struct kunit *test)
{
	struct ctx *x;
	u32 lost, i;

	for (lost = 0; lost < 12; lost++) {
		x = ctx_new(test);
		x->p.flight = 2500;
		pair_connect(&x->p);
		for (i = 0; i <= lost / 2; i++) {
			struct end *e = &x->p.e[lost & 1];

			end_tx(e);
			if (i == lost / 2 && x->p.e[!e->side].in.n)
				x->p.e[!e->side].in.n--;
			end_tx(&x->p.e[!e->side]);
			x->p.now += PAIR_LEG;
			end_deliver(&x->p.e[1]);
			end_deliver(&x->p.e[0]);
		}
		pair_sleep(&x->p, 4 * PAIR_SEC);
		KUNIT_EXPECT_TRUE_MSG(test, x->p.e[0].c.confirmed && x->p.e[1].c.confirmed,
				      "loss %u", lost);
		ctx_free(test, x);
	}
}

/* RFC 9369: version 2 has other code points, salts and labels */
static void version_2(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct quic_conn_config cfg = x->p.e[0].c.config;

	cfg.version = QUIC_VERSION_V2;
	quic_conn_set_config(&x->p.e[0].c, &cfg);
	pair_establish(&x->p);
	expect_established(test, &x->p);
	KUNIT_EXPECT_EQ(test, x->p.e[1].c.version, QUIC_VERSION_V2);
	ctx_free(test, x);
}

/* draft-banks-quic-disable-encryption: only if both ask for it */
static void plain_1rtt(struct kunit *test)
{
	struct ctx *x;
	int i, who;
	s64 id;

	for (who = 0; who < 4; who++) {
		x = ctx_new(test);
		for (i = 0; i < 2; i++)
			x->p.e[i].c.local_tp.disable_1rtt_encryption = who >> i & 1;
		pair_establish(&x->p);
		expect_established(test, &x->p);
		KUNIT_EXPECT_EQ(test, x->p.e[0].c.keys.plain, who == 3);
		KUNIT_EXPECT_EQ(test, x->p.e[1].c.keys.plain, who == 3);
		id = end_open(&x->p.e[0], false);
		KUNIT_EXPECT_EQ(test, end_write(&x->p.e[0], id, 5000, true), 0);
		pair_sleep(&x->p, 100 * PAIR_MS);
		end_read(&x->p.e[1]);
		KUNIT_EXPECT_EQ(test, x->p.e[1].got, 5000);
		KUNIT_EXPECT_EQ(test, x->p.e[1].fins, 1);
		KUNIT_EXPECT_EQ(test, quic_conn_key_update(&x->p.e[0].c, x->p.now),
				who == 3 ? -EINVAL : 0);
		ctx_free(test, x);
	}
}

/* RFC 9001 §4.9.1: a client drops Initial keys when it first sends a Handshake packet */
static void initial_keys_go(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct quic_keys *c = &x->p.e[0].c.keys, *s = &x->p.e[1].c.keys;

	pair_middle(&x->p);
	KUNIT_EXPECT_TRUE(test, quic_keys_have(c, INI, true));
	KUNIT_EXPECT_EQ(test, end_tx(&x->p.e[0]), 1);
	KUNIT_EXPECT_FALSE(test, quic_keys_have(c, INI, true));
	KUNIT_EXPECT_FALSE(test, quic_keys_have(c, INI, false));
	KUNIT_EXPECT_NULL(test, x->p.e[0].c.space[QUIC_SPACE_INITIAL]);
	/* §4.9.1: a server when it first processes one */
	KUNIT_EXPECT_TRUE(test, quic_keys_have(s, INI, true));
	KUNIT_EXPECT_EQ(test, (int)x->p.e[1].c.path.state, (int)QUIC_PATH_UNVALIDATED);
	end_deliver(&x->p.e[1]);
	KUNIT_EXPECT_FALSE(test, quic_keys_have(s, INI, true));
	/* RFC 9000 §8.1: which validates the address, too */
	KUNIT_EXPECT_EQ(test, (int)x->p.e[1].c.path.state, (int)QUIC_PATH_VALIDATED);
	/* RFC 9001 §4.9.2: Handshake keys stay until the handshake is confirmed */
	KUNIT_EXPECT_TRUE(test, quic_keys_have(c, HS, true));
	KUNIT_EXPECT_TRUE(test, quic_keys_have(s, HS, true));
	/* CRYPTO of a level that is gone */
	KUNIT_EXPECT_EQ(test, quic_conn_crypto_write(&x->p.e[0].c, INI, (const u8 *)"x", 1, false),
			-EINVAL);
	ctx_free(test, x);
}

/* RFC 9001 §4.1.2: the client waits for HANDSHAKE_DONE, which is repeated until it comes */
static void handshake_done(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];

	pair_middle(&x->p);
	end_tx(c);
	x->p.now += PAIR_LEG;
	end_deliver(s);
	end_tx(s);
	x->p.now += PAIR_LEG;
	end_deliver(c);		/* the rest of the flight: Finished goes */
	c->mute = false;
	end_tx(c);
	x->p.now += PAIR_LEG;
	s->mute = true;
	end_deliver(s);
	while (!s->c.confirmed && x->p.now < 5 * PAIR_SEC) {
		x->p.now += 50 * PAIR_MS;
		quic_conn_timeout(&s->c, x->p.now);
		s->mute = false;
		end_tx(s);
		end_deliver(c);
		end_tx(c);
		s->mute = true;
		end_deliver(s);
	}
	KUNIT_EXPECT_TRUE(test, s->c.confirmed);
	end_tx(s);
	KUNIT_EXPECT_EQ(test, (int)c->c.state, (int)QUIC_CONN_ESTABLISHED);
	KUNIT_EXPECT_FALSE(test, c->c.confirmed);
	KUNIT_EXPECT_TRUE(test, quic_keys_have(&c->c.keys, HS, true));
	s->mute = false;
	pair_sleep(&x->p, 2 * PAIR_SEC);
	KUNIT_EXPECT_TRUE(test, c->c.confirmed);
	KUNIT_EXPECT_FALSE(test, quic_keys_have(&c->c.keys, HS, true));
	ctx_free(test, x);
}

/* ---- transport parameters, RFC 9000 §7.3, §7.4, §18.2 ---- */

struct tp_case {
	const char *name;
	int from;			/* whose parameters are changed */
	void (*change)(struct quic_tparam *tp);
};

static void no_iscid(struct quic_tparam *tp)
{
	tp->has_iscid = false;
}

static void other_iscid(struct quic_tparam *tp)
{
	tp->iscid.id[3] ^= 1;
}

static void no_odcid(struct quic_tparam *tp)
{
	tp->has_odcid = false;
}

static void other_odcid(struct quic_tparam *tp)
{
	tp->odcid.id[3] ^= 1;
}

static void unasked_rscid(struct quic_tparam *tp)
{
	tp->has_rscid = true;
	tp->rscid = tp->odcid;
}

static void small_payload(struct quic_tparam *tp)
{
	tp->max_udp_payload_size = 1199;
}

static void big_exponent(struct quic_tparam *tp)
{
	tp->ack_delay_exponent = 21;
}

static void long_ack_delay(struct quic_tparam *tp)
{
	tp->max_ack_delay = 1 << 14;
}

static void few_ids(struct quic_tparam *tp)
{
	tp->active_connection_id_limit = 1;
}

static void many_streams(struct quic_tparam *tp)
{
	tp->max_streams_bidi = QUIC_STREAMS_MAX + 1;
}

static const struct tp_case tp_cases[] = {
	{ "server without initial_source_connection_id", 1, no_iscid },
	{ "client without initial_source_connection_id", 0, no_iscid },
	{ "server's other initial_source_connection_id", 1, other_iscid },
	{ "client's other initial_source_connection_id", 0, other_iscid },
	{ "no original_destination_connection_id", 1, no_odcid },
	{ "another original_destination_connection_id", 1, other_odcid },
	{ "retry_source_connection_id without Retry", 1, unasked_rscid },
	{ "max_udp_payload_size", 0, small_payload },
	{ "max_udp_payload_size", 1, small_payload },
	{ "ack_delay_exponent", 0, big_exponent },
	{ "max_ack_delay", 1, long_ack_delay },
	{ "active_connection_id_limit", 0, few_ids },
	{ "initial_max_streams_bidi", 1, many_streams },
};

static void tp_name(const struct tp_case *t, char *desc)
{
	strscpy(desc, t->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(tp, tp_cases, tp_name);

/* RFC 9000 §7.3, §7.4: MUST be TRANSPORT_PARAMETER_ERROR */
static void bad_params(struct kunit *test)
{
	const struct tp_case *t = test->param_value;
	struct ctx *x = ctx_new(test);
	struct quic_tparam *tp = &x->p.e[t->from].c.local_tp;
	u8 body[QUIC_TPARAM_EXT_MAX];
	struct quic_conn *c;
	int n;

	pair_middle(&x->p);
	c = &x->p.e[!t->from].c;
	if (t->from == 0)		/* the server has them already */
		c->peer_params_set = false;
	t->change(tp);
	n = quic_conn_get_params(&x->p.e[t->from].c, body, sizeof(body));
	KUNIT_ASSERT_GT(test, n, 0);
	KUNIT_EXPECT_EQ(test, quic_conn_set_peer_params(c, body, n, x->p.now), -EINVAL);
	KUNIT_EXPECT_EQ(test, (int)c->state, (int)QUIC_CONN_CLOSING);
	KUNIT_EXPECT_EQ(test, c->close.code, ERR(TRANSPORT_PARAM));
	KUNIT_EXPECT_EQ(test, c->close.frame_type, QUIC_FRAME_CRYPTO);
	/* once closed, nothing of that is taken any more */
	KUNIT_EXPECT_EQ(test, quic_conn_set_peer_params(c, body, n, x->p.now), -EINVAL);
	ctx_free(test, x);
}

/* RFC 9368 §4: the version in the parameters is the one in use */
static void version_information(struct kunit *test)
{
	struct ctx *x;
	int from, bad;

	for (from = 0; from < 2; from++) {
		for (bad = 0; bad < 2; bad++) {
			struct quic_tparam *tp;
			int i;

			x = ctx_new(test);
			for (i = 0; i < 2; i++) {
				tp = &x->p.e[i].c.local_tp;
				tp->has_versions = true;
				tp->chosen_version = QUIC_VERSION_V1;
				tp->versions[0] = QUIC_VERSION_V1;
				tp->versions[1] = QUIC_VERSION_V2;
				tp->nversions = 2;
			}
			if (bad)
				x->p.e[from].c.local_tp.chosen_version = QUIC_VERSION_V2;
			pair_connect(&x->p);
			pair_sleep(&x->p, 200 * PAIR_MS);
			KUNIT_EXPECT_EQ(test, x->p.e[0].c.confirmed, !bad);
			if (bad)
				KUNIT_EXPECT_EQ(test, x->p.e[!from].c.close.code,
						ERR(VERSION_NEGOTIATION));
			ctx_free(test, x);
		}
	}
}

/* ---- what the socket layer may not do ---- */

/* RFC 9000 §5.1.1: the limit that is told is the limit that is kept */
static void late_id_limit(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct quic_conn *c = &x->p.e[0].c;
	struct quic_tparam tp;

	PAIR_MUST(&x->p, !quic_conn_connect(c, &x->p.e[0].addr, &x->p.e[1].addr, NULL, 0, x->p.now));
	tp = c->local_tp;
	tp.active_connection_id_limit = 3;
	quic_conn_set_local_tp(c, &tp);
	PAIR_MUST(&x->p, !tls_send(&x->p.e[0], INI, TLS_CLIENT_HELLO, 300, true));
	pair_sleep(&x->p, 100 * PAIR_MS);
	KUNIT_EXPECT_TRUE(test, c->confirmed);
	hostile_init(&x->h, &x->p.e[0]);
	HOSTILE(&x->h, APP, 0x18, 7, 0, 4, 9, 9, 9, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7);
	KUNIT_EXPECT_EQ(test, c->close.code, ERR(CONNECTION_ID_LIMIT));
	ctx_free(test, x);
}

static void calls_out_of_place(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct quic_conn *c = &x->p.e[0].c;
	struct quic_slot slot = { .pkt = &x->p.e[0].pkt, .buf = x->p.scratch, .cap = 1500 };
	u8 secret[QUIC_SECRET_MAX] = {};

	KUNIT_EXPECT_EQ(test, quic_conn_tx(c, &slot, x->p.now), 0);
	KUNIT_EXPECT_EQ(test, quic_conn_deadline(c, x->p.now), QUIC_TIME_NEVER);
	KUNIT_EXPECT_EQ(test, quic_conn_key_update(c, x->p.now), -EPIPE);
	KUNIT_EXPECT_EQ(test, quic_conn_send_token(c, secret, 8), -EINVAL);
	KUNIT_EXPECT_EQ(test, tls_secret(&x->p.e[0], HS, true), -EINVAL);
	pair_connect(&x->p);
	/* RFC 9001 §4: nothing without keys, no 1-RTT keys without parameters */
	KUNIT_EXPECT_EQ(test, quic_conn_crypto_write(c, HS, secret, 8, false), -EINVAL);
	KUNIT_EXPECT_EQ(test, quic_conn_crypto_write(c, QUIC_CRYPTO_EARLY, secret, 8, false),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, tls_secret(&x->p.e[0], APP, true), -EINVAL);
	KUNIT_EXPECT_EQ(test, tls_secret(&x->p.e[0], INI, true), -EINVAL);
	KUNIT_EXPECT_EQ(test, quic_conn_set_secret(c, HS, true, 12345, secret, x->p.now), -EINVAL);
	/* MSG_MORE holds back; an empty write lets go */
	KUNIT_EXPECT_EQ(test, quic_conn_crypto_write(c, INI, secret, 8, true), 0);
	KUNIT_EXPECT_EQ(test, end_tx(&x->p.e[0]), 0);
	KUNIT_EXPECT_EQ(test, quic_conn_crypto_write(c, INI, NULL, 0, false), 0);
	KUNIT_EXPECT_EQ(test, end_tx(&x->p.e[0]), 1);
	quic_conn_close(c, true, 0, NULL, 0, x->p.now);
	KUNIT_EXPECT_EQ(test, quic_conn_crypto_write(c, INI, secret, 8, false), -EPIPE);
	ctx_free(test, x);
}

/* RFC 9000 §7.5: our own bound on what is not acknowledged */
static void crypto_bound(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	u8 *big = kzalloc(16384, GFP_KERNEL);
	int i, err = 0;

	KUNIT_ASSERT_NOT_NULL(test, big);
	pair_connect(&x->p);
	for (i = 0; i < 8 && !err; i++)
		err = quic_conn_crypto_write(&x->p.e[0].c, INI, big, 16384, false);
	KUNIT_EXPECT_EQ(test, err, -ENOBUFS);
	KUNIT_EXPECT_EQ(test, i, 4);
	kfree(big);
	ctx_free(test, x);
}

/* ---- data, key updates that we begin, tokens ---- */

static void transfer(struct kunit *test, struct ctx *x, u32 len)
{
	u64 got = x->p.e[1].got;
	s64 id = end_open(&x->p.e[0], true);

	KUNIT_ASSERT_GE(test, id, 0);
	KUNIT_EXPECT_EQ(test, end_write(&x->p.e[0], id, len, true), 0);
	pair_sleep(&x->p, 300 * PAIR_MS);
	end_read(&x->p.e[1]);
	KUNIT_EXPECT_EQ(test, x->p.e[1].got, got + len);
}

static void data_both_ways(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	s64 up, down;
	u32 i;

	pair_establish(&x->p);
	up = end_open(&x->p.e[0], false);
	down = end_open(&x->p.e[1], true);
	for (i = 0; i < 20; i++) {
		KUNIT_EXPECT_EQ(test, end_write(&x->p.e[0], up, 9000, i == 19), 0);
		KUNIT_EXPECT_EQ(test, end_write(&x->p.e[1], down, 7000, i == 19), 0);
		pair_sleep(&x->p, 50 * PAIR_MS);
		end_read(&x->p.e[0]);
		end_read(&x->p.e[1]);
	}
	pair_sleep(&x->p, PAIR_SEC);
	end_read(&x->p.e[0]);
	end_read(&x->p.e[1]);
	KUNIT_EXPECT_EQ(test, x->p.e[1].got, 180000);
	KUNIT_EXPECT_EQ(test, x->p.e[0].got, 140000);
	KUNIT_EXPECT_EQ(test, x->p.e[0].fins + x->p.e[1].fins, 2);
	/* nothing is left behind: RFC 9002 §B.2 */
	KUNIT_EXPECT_EQ(test, x->p.e[0].c.cc.in_flight, 0);
	KUNIT_EXPECT_EQ(test, x->p.e[0].c.streams.snd_held, 0);
	ctx_free(test, x);
}

static void key_updates(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];
	u32 i;

	pair_establish(&x->p);
	for (i = 1; i <= 5; i++) {
		KUNIT_EXPECT_EQ(test, quic_conn_key_update(&c->c, x->p.now), 0);
		/* RFC 9001 §6.1: MUST NOT, before the last one is acknowledged */
		KUNIT_EXPECT_EQ(test, quic_conn_key_update(&c->c, x->p.now), -EINVAL);
		quic_conn_work(&s->c, x->p.now);
		transfer(test, x, 3000);
		KUNIT_EXPECT_EQ(test, end_events(c, QUIC_EVENT_KEY_UPDATE, NULL), i);
		KUNIT_EXPECT_EQ(test, end_events(s, QUIC_EVENT_KEY_UPDATE, NULL), i);
		KUNIT_EXPECT_EQ(test, (int)c->c.keys.phase, (int)(i & 1));
		KUNIT_EXPECT_EQ(test, (int)s->c.keys.phase, (int)(i & 1));
		KUNIT_EXPECT_EQ(test, c->mib[QUIC_MIB_KEY_UPDATE], i);
	}
	ctx_free(test, x);
}

/* RFC 9001 §6.1: not before the handshake is confirmed */
static void key_update_too_early(struct kunit *test)
{
	struct ctx *x = ctx_new(test);

	pair_middle(&x->p);
	KUNIT_EXPECT_EQ(test, quic_conn_key_update(&x->p.e[0].c, x->p.now), -EPIPE);
	pair_sleep(&x->p, 100 * PAIR_MS);
	x->p.e[0].c.confirmed = false;
	KUNIT_EXPECT_EQ(test, quic_conn_key_update(&x->p.e[0].c, x->p.now), -EINVAL);
	x->p.e[0].c.confirmed = true;
	ctx_free(test, x);
}

/* RFC 9001 §6.6: keys are updated before they are worn out, and never used beyond that */
static void worn_keys(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct quic_conn *c = &x->p.e[0].c;
	u64 limit;

	pair_establish(&x->p);
	limit = c->keys.tx.info->seal_limit;
	c->keys.tx.cur.used = limit - limit / 16;
	quic_conn_work(&x->p.e[1].c, x->p.now);
	KUNIT_EXPECT_EQ(test, quic_keys_prepare(&x->p.e[1].c.keys), 0);
	transfer(test, x, 3000);
	transfer(test, x, 3000);
	KUNIT_EXPECT_TRUE(test, c->keys.phase);
	KUNIT_EXPECT_LT(test, (u64)c->keys.tx.cur.used, 100);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(c));
	/* no key to be had: the connection ends, and no packet leaves under the old one */
	c->keys.update_unacked = true;
	c->keys.tx.cur.used = limit;
	KUNIT_EXPECT_EQ(test, end_write(&x->p.e[0], end_open(&x->p.e[0], true), 10, true), 0);
	x->p.e[1].in.n = 0;
	KUNIT_EXPECT_EQ(test, end_tx(&x->p.e[0]), 0);
	KUNIT_EXPECT_EQ(test, (int)c->state, (int)QUIC_CONN_CLOSING);
	KUNIT_EXPECT_EQ(test, c->close.code, ERR(AEAD_LIMIT_REACHED));
	KUNIT_EXPECT_EQ(test, end_tx(&x->p.e[0]), 0);
	ctx_free(test, x);
}

static void new_token(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];
	u32 at;

	pair_establish(&x->p);
	KUNIT_EXPECT_EQ(test, quic_conn_send_token(&c->c, (const u8 *)"abc", 3), -EINVAL);
	KUNIT_EXPECT_EQ(test, quic_conn_send_token(&s->c, (const u8 *)"abc", 3), 0);
	KUNIT_EXPECT_EQ(test, quic_conn_send_token(&s->c, (const u8 *)"def", 3), -EAGAIN);
	/* lost once: it is sent again, RFC 9000 §13.3 */
	s->mute = true;
	KUNIT_EXPECT_EQ(test, end_tx(s), 1);
	s->mute = false;
	pair_sleep(&x->p, PAIR_SEC);
	KUNIT_EXPECT_GE(test, end_events(c, QUIC_EVENT_NEW_TOKEN, &at), 1);
	KUNIT_EXPECT_MEMEQ(test, c->ev[at].data, "abc", 3);
	KUNIT_EXPECT_NULL(test, s->c.new_token);
	KUNIT_EXPECT_EQ(test, quic_conn_send_token(&s->c, (const u8 *)"def", 3), 0);
	ctx_free(test, x);
}

/* ---- idle timeout, RFC 9000 §10.1 ---- */

static void idle_timeout(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];
	u64 at;

	/* RFC 9000 §10.1: the minimum of both values */
	c->c.local_tp.max_idle_timeout = 5000;
	s->c.local_tp.max_idle_timeout = 0;
	pair_establish(&x->p);
	KUNIT_EXPECT_EQ(test, c->c.idle_period, 5 * PAIR_SEC);
	KUNIT_EXPECT_EQ(test, s->c.idle_period, 5 * PAIR_SEC);
	at = c->c.idle_at;
	/* restarted by the first ack-eliciting packet sent since the last receipt, not by others */
	c->mute = true;
	x->p.now += PAIR_SEC;
	KUNIT_EXPECT_EQ(test, end_write(c, end_open(c, true), 10, true), 0);
	KUNIT_EXPECT_EQ(test, end_tx(c), 1);
	KUNIT_EXPECT_EQ(test, c->c.idle_at, x->p.now + 5 * PAIR_SEC);
	KUNIT_EXPECT_GT(test, c->c.idle_at, at);
	at = c->c.idle_at;
	x->p.now += PAIR_SEC;
	KUNIT_EXPECT_EQ(test, end_write(c, end_open(c, true), 10, true), 0);
	end_tx(c);
	KUNIT_EXPECT_EQ(test, c->c.idle_at, at);
	/* RFC 9000 §10.1: silently closed */
	x->p.now = at - 1;
	c->c.loss.deadline = QUIC_TIME_NEVER;
	quic_conn_timeout(&c->c, x->p.now);
	KUNIT_EXPECT_EQ(test, (int)c->c.state, (int)QUIC_CONN_ESTABLISHED);
	quic_conn_timeout(&c->c, at);
	KUNIT_EXPECT_EQ(test, (int)c->c.state, (int)QUIC_CONN_CLOSED);
	KUNIT_EXPECT_EQ(test, c->c.close.err, ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, end_tx(c), 0);
	KUNIT_EXPECT_EQ(test, c->mib[QUIC_MIB_IDLE_TIMEOUT], 1);
	KUNIT_EXPECT_EQ(test, end_events(c, QUIC_EVENT_CONNECTION_CLOSE, NULL), 1);
	KUNIT_EXPECT_EQ(test, quic_conn_deadline(&c->c, at), QUIC_TIME_NEVER);
	ctx_free(test, x);
}

/* RFC 9000 §10.1: at least three times the PTO */
static void idle_three_pto(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct end *c = &x->p.e[0];

	c->c.local_tp.max_idle_timeout = 1;
	pair_establish(&x->p);
	KUNIT_EXPECT_EQ(test, c->c.idle_period, PAIR_MS);
	x->p.now += 20 * PAIR_MS;
	KUNIT_EXPECT_EQ(test, end_write(c, end_open(c, true), 10, true), 0);
	c->c.idle_restarted = false;
	end_tx(c);
	KUNIT_EXPECT_EQ(test, c->c.idle_at,
			x->p.now + 3 * quic_loss_pto(&c->c.loss, QUIC_SPACE_APP));
	ctx_free(test, x);
}

/* Without a timeout on either side, nothing is armed once spare memory has gone */
static void no_idle_timeout(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	int i;

	x->p.e[0].c.local_tp.max_idle_timeout = 0;
	x->p.e[1].c.local_tp.max_idle_timeout = 0;
	pair_establish(&x->p);
	x->p.now += 2 * PAIR_SEC;
	for (i = 0; i < 2; i++) {
		quic_conn_timeout(&x->p.e[i].c, x->p.now);
		end_tx(&x->p.e[i]);	/* as the owner does: there is nothing, and it costs nothing */
		KUNIT_EXPECT_NULL(test, x->p.e[i].c.loss.sp[QUIC_SPACE_APP]->sent.pkt);
		KUNIT_EXPECT_NULL(test, x->p.e[i].c.rx_chunk);
	}
	KUNIT_EXPECT_EQ(test, quic_conn_deadline(&x->p.e[0].c, x->p.now), QUIC_TIME_NEVER);
	KUNIT_EXPECT_EQ(test, quic_conn_deadline(&x->p.e[1].c, x->p.now), QUIC_TIME_NEVER);
	ctx_free(test, x);
}

/* RFC 9000 §10.1.2: PINGs keep the connection from timing out; one that is dead still does */
static void keepalive(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];
	u32 sent;

	c->c.config.keepalive = 10 * PAIR_SEC;
	pair_establish(&x->p);
	sent = c->sent;
	pair_sleep(&x->p, 300 * PAIR_SEC);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(&c->c) && quic_conn_is_open(&s->c));
	KUNIT_EXPECT_GE(test, c->sent - sent, 29);
	KUNIT_EXPECT_LE(test, c->sent - sent, 62);
	s->mute = true;
	pair_sleep(&x->p, 60 * PAIR_SEC);
	KUNIT_EXPECT_EQ(test, (int)c->c.state, (int)QUIC_CONN_CLOSED);
	ctx_free(test, x);
}

/* RFC 9000 §10.1.2: an interval that follows the idle timeout; on and off at any time */
static void keepalive_auto(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];

	pair_establish(&x->p);
	KUNIT_ASSERT_GT(test, c->c.idle_period, (u64)0);
	quic_conn_set_keepalive(&c->c, QUIC_KEEPALIVE_AUTO, x->p.now);
	KUNIT_EXPECT_EQ(test, c->c.keepalive_at, x->p.now + c->c.idle_period / 2);
	pair_sleep(&x->p, 300 * PAIR_SEC);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(&c->c) && quic_conn_is_open(&s->c));
	quic_conn_set_keepalive(&c->c, 0, x->p.now);
	KUNIT_EXPECT_EQ(test, c->c.keepalive_at, QUIC_TIME_NEVER);
	pair_sleep(&x->p, 60 * PAIR_SEC);
	KUNIT_EXPECT_EQ(test, (int)c->c.state, (int)QUIC_CONN_CLOSED);
	ctx_free(test, x);
}

/* ---- the end, RFC 9000 §10.2 ---- */

static void close_by_user(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];

	pair_establish(&x->p);
	quic_conn_close(&c->c, true, 77, (const u8 *)"done", 4, x->p.now);
	KUNIT_EXPECT_EQ(test, (int)c->c.state, (int)QUIC_CONN_CLOSING);
	KUNIT_EXPECT_EQ(test, c->c.close.err, 0);
	pair_flush(&x->p);
	KUNIT_EXPECT_EQ(test, (int)s->c.state, (int)QUIC_CONN_DRAINING);
	KUNIT_EXPECT_EQ(test, s->c.close.code, 77);
	KUNIT_EXPECT_TRUE(test, s->c.close.app);
	KUNIT_EXPECT_EQ(test, (u32)s->c.close.len, 4);
	pair_sleep(&x->p, 10 * PAIR_SEC);
	KUNIT_EXPECT_EQ(test, (int)c->c.state, (int)QUIC_CONN_CLOSED);
	KUNIT_EXPECT_EQ(test, (int)s->c.state, (int)QUIC_CONN_CLOSED);
	ctx_free(test, x);
}

/* Before anything was said, there is nobody to tell */
static void close_unborn(struct kunit *test)
{
	struct ctx *x = ctx_new(test);

	quic_conn_close(&x->p.e[1].c, true, 0, NULL, 0, x->p.now);
	KUNIT_EXPECT_EQ(test, (int)x->p.e[1].c.state, (int)QUIC_CONN_CLOSED);
	pair_connect(&x->p);
	quic_conn_close(&x->p.e[0].c, true, 0, NULL, 0, x->p.now);
	KUNIT_EXPECT_EQ(test, (int)x->p.e[0].c.state, (int)QUIC_CONN_CLOSED);
	KUNIT_EXPECT_EQ(test, end_tx(&x->p.e[0]), 0);
	KUNIT_EXPECT_EQ(test, quic_conn_deadline(&x->p.e[0].c, x->p.now), QUIC_TIME_NEVER);
	ctx_free(test, x);
}

/* RFC 9000 §10.2.1: the answers become rare, and stay below three times what came */
static void closing_answers(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, APP);
	struct end *v = x->h.victim;
	u64 sent, got;
	int i, answers = 0;

	quic_conn_close(&v->c, true, 1, (const u8 *)"x", 1, x->p.now);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 1);
	for (i = 1; i <= 64; i++) {
		HOSTILE(&x->h, APP, 0x01);
		answers += hostile_look(&x->h);
	}
	KUNIT_EXPECT_EQ(test, answers, 7);	/* at 1, 2, 4 ... 64 */
	/* shutdown() once more repeats it, too */
	quic_conn_close(&v->c, true, 1, NULL, 0, x->p.now);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 1);
	ctx_free(test, x);
	/* a client's CLOSE of 1200 bytes is no answer to small datagrams */
	x = ctx_at(test, 0, INI);
	v = x->h.victim;
	quic_conn_close(&v->c, false, 0x0a, NULL, 0, x->p.now);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 1);
	KUNIT_EXPECT_GE(test, v->last_len, QUIC_INITIAL_MIN);
	sent = v->sent_bytes;
	got = v->got_bytes;
	x->h.pad = 20;
	for (i = 0; i < 64; i++) {
		HOSTILE(&x->h, HS, 0x01);
		hostile_look(&x->h);
		KUNIT_EXPECT_LE(test, v->sent_bytes - sent, 3 * (v->got_bytes - got));
	}
	KUNIT_EXPECT_GT(test, v->sent_bytes, sent);
	ctx_free(test, x);
}

/* RFC 9000 §10.2.2: packets of another address are not answered while closing */
static void closing_other_address(struct kunit *test)
{
	struct quic_addr other = { .family = 4, .port = 5, .ip = { 10, 0, 0, 9 } };
	struct ctx *x = ctx_at(test, 1, APP);

	quic_conn_close(victim(x), true, 1, NULL, 0, x->p.now);
	hostile_look(&x->h);
	x->h.from = &other;
	HOSTILE(&x->h, APP, 0x01);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 0);
	ctx_free(test, x);
}

static struct kunit_case conn_cases[] = {
	KUNIT_CASE_PARAM(handshake, shape_gen_params),
	KUNIT_CASE(handshake_with_a_loss),
	KUNIT_CASE(version_2),
	KUNIT_CASE(plain_1rtt),
	KUNIT_CASE(initial_keys_go),
	KUNIT_CASE(handshake_done),
	KUNIT_CASE_PARAM(bad_params, tp_gen_params),
	KUNIT_CASE(version_information),
	KUNIT_CASE(late_id_limit),
	KUNIT_CASE(calls_out_of_place),
	KUNIT_CASE(crypto_bound),
	KUNIT_CASE(data_both_ways),
	KUNIT_CASE(key_updates),
	KUNIT_CASE(key_update_too_early),
	KUNIT_CASE(worn_keys),
	KUNIT_CASE(new_token),
	KUNIT_CASE(idle_timeout),
	KUNIT_CASE(idle_three_pto),
	KUNIT_CASE(no_idle_timeout),
	KUNIT_CASE(keepalive),
	KUNIT_CASE(keepalive_auto),
	KUNIT_CASE(close_by_user),
	KUNIT_CASE(close_unborn),
	KUNIT_CASE(closing_answers),
	KUNIT_CASE(closing_other_address),
	{}
};

static struct kunit_suite conn_suite = {
	.name = "conn",
	.test_cases = conn_cases,
};
kunit_test_suite(conn_suite);

// SPDX-License-Identifier: GPL-2.0-or-later
/* Compatible version negotiation, RFC 9368 and RFC 9369 §4.1. */
#include "conn_ctx_test.h"

#define V1	QUIC_VERSION_V1
#define V2	QUIC_VERSION_V2

static void configure(struct end *e, u32 version, bool no_compatible)
{
	struct quic_conn_config config = e->c.config;

	config.version = version;
	config.no_compatible = no_compatible;
	quic_conn_set_config(&e->c, &config);
}

/* A client that begins with @client, a server that is configured for @server. */
static struct ctx *version_new(struct kunit *test, u32 client, u32 server)
{
	struct ctx *x = ctx_new(test);

	configure(&x->p.e[0], client, false);
	configure(&x->p.e[1], server, false);
	return x;
}

/* Both are confirmed in @version, and streams work both ways. */
static void expect_version(struct kunit *test, struct ctx *x, u32 version)
{
	struct end *c = &x->p.e[0], *s = &x->p.e[1];
	s64 id;

	pair_sleep(&x->p, 3 * PAIR_SEC);
	KUNIT_EXPECT_TRUE(test, c->c.confirmed && s->c.confirmed);
	KUNIT_EXPECT_EQ(test, c->c.version, version);
	KUNIT_EXPECT_EQ(test, s->c.version, version);
	KUNIT_EXPECT_EQ(test, c->c.keys.version, version);
	KUNIT_EXPECT_EQ(test, s->c.keys.version, version);
	KUNIT_EXPECT_EQ(test, c->c.peer_tp.chosen_version, version);
	KUNIT_EXPECT_NULL(test, c->c.alt);
	s->got = 0;
	id = end_open(c, false);
	PAIR_MUST(&x->p, id >= 0 && !end_write(c, id, 5000, true));
	pair_sleep(&x->p, PAIR_SEC);
	KUNIT_EXPECT_EQ(test, quic_conn_key_update(&c->c, x->p.now), 0);
	pair_sleep(&x->p, PAIR_SEC);
	end_read(s);
	KUNIT_EXPECT_EQ(test, s->got, 5000);
	KUNIT_EXPECT_NULL(test, s->c.alt);
}

static u32 version_at(const struct queue *q, u32 i)
{
	struct quic_cur cur;

	quic_cur_init(&cur, queue_at((struct queue *)q, i)->data + 1, 4);
	return quic_cur_u32(&cur);
}

static void upgraded(struct kunit *test)
{
	struct ctx *x = version_new(test, V1, V2);

	pair_hello(&x->p);
	KUNIT_EXPECT_EQ(test, version_at(&x->p.e[1].in, 0), V1);
	end_deliver(&x->p.e[1]);
	end_tx(&x->p.e[1]);
	/* RFC 9369 §4.1: all CRYPTO frames of the server in the negotiated version */
	KUNIT_EXPECT_EQ(test, version_at(&x->p.e[0].in, 0), V2);
	expect_version(test, x, V2);
	ctx_free(test, x);
}

/* Upwards only, and only where both sides want it. */
static void stays(struct kunit *test)
{
	struct ctx *x = version_new(test, V1, V1);

	pair_connect(&x->p);
	expect_version(test, x, V1);
	ctx_free(test, x);
	x = version_new(test, V2, V1);
	pair_connect(&x->p);
	expect_version(test, x, V2);
	ctx_free(test, x);
	x = version_new(test, V2, V2);
	pair_connect(&x->p);
	expect_version(test, x, V2);
	ctx_free(test, x);
	/* RFC 9368 §2.3: the client lists its own version alone */
	x = version_new(test, V1, V2);
	configure(&x->p.e[0], V1, true);
	pair_connect(&x->p);
	expect_version(test, x, V1);
	ctx_free(test, x);
	x = version_new(test, V1, V2);
	configure(&x->p.e[1], V2, true);
	pair_connect(&x->p);
	expect_version(test, x, V1);
	ctx_free(test, x);
}

static void expect_offer(struct kunit *test, const struct end *e, u32 chosen, u32 a, u32 b)
{
	const struct quic_tparam *tp = &e->c.local_tp;

	KUNIT_EXPECT_TRUE(test, tp->has_versions);
	KUNIT_EXPECT_EQ(test, tp->chosen_version, chosen);
	KUNIT_EXPECT_EQ(test, tp->nversions, b ? 2 : 1);
	KUNIT_EXPECT_EQ(test, tp->versions[0], a);
	if (b)
		KUNIT_EXPECT_EQ(test, tp->versions[1], b);
}

/* RFC 9368 §3: a client's Available Versions are "ordered by descending preference" */
static void preference(struct kunit *test)
{
	static const struct {
		u32 first, preferred;
		bool no_compatible;
		u32 chosen, a, b;
	} rows[] = {
		{ V1, 0, false, V1, V1, V2 },
		{ V2, 0, false, V2, V2, V1 },
		{ V1, V2, false, V1, V2, V1 },
		{ V1, V1, false, V1, V1, V2 },
		{ V2, V1, false, V2, V1, V2 },
		{ V1, V2, true, V1, V1, 0 },	/* §2.3: none but the chosen one */
		{ 0x1a2a3a4a, 0, false, V1, V1, V2 },
		{ 0x1a2a3a4a, V2, false, V1, V2, V1 },
	};
	struct quic_conn_config config;
	struct ctx *x;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		x = version_new(test, rows[i].first, V1);
		config = x->p.e[0].c.config;
		config.preferred = rows[i].preferred;
		config.no_compatible = rows[i].no_compatible;
		quic_conn_set_config(&x->p.e[0].c, &config);
		pair_hello(&x->p);
		expect_offer(test, &x->p.e[0], rows[i].chosen, rows[i].a, rows[i].b);
		ctx_free(test, x);
	}
}

/* ... "only advisory": a server of ours is moved by its own preference alone. */
static void preference_is_advice(struct kunit *test)
{
	struct ctx *x = version_new(test, V1, V1);
	struct quic_conn_config config = x->p.e[0].c.config;

	config.preferred = V2;
	quic_conn_set_config(&x->p.e[0].c, &config);
	pair_connect(&x->p);
	expect_version(test, x, V1);
	/* a server lists all that it speaks; its "ordering does not carry any semantics" */
	expect_offer(test, &x->p.e[1], V1, V1, V2);
	ctx_free(test, x);
}

/* RFC 9369 §4.1: the client repeats its hello in the first version, if the answer is lost. */
static void answer_lost(struct kunit *test)
{
	struct ctx *x = version_new(test, V1, V2);

	pair_hello(&x->p);
	end_deliver(&x->p.e[1]);
	end_tx(&x->p.e[1]);
	x->p.e[0].in.n = 0;
	expect_version(test, x, V2);
	ctx_free(test, x);
}

/* Of the server's first flight the ServerHello comes last. */
static void answer_reordered(struct kunit *test)
{
	struct ctx *x = version_new(test, V1, V2);
	struct queue *q = &x->p.e[0].in;
	struct dgram *first;

	pair_hello(&x->p);
	end_deliver(&x->p.e[1]);
	end_tx(&x->p.e[1]);
	KUNIT_ASSERT_GT(test, q->n, 1);
	first = kmemdup(queue_at(q, 0), sizeof(*first), GFP_KERNEL);
	q->first++;
	q->n--;
	end_deliver(&x->p.e[0]);
	queue_push(q, first->data, first->len, 0);
	kfree(first);
	expect_version(test, x, V2);
	ctx_free(test, x);
}

/* RFC 9369 §4.1: a Retry is in the first version, and vouched for in the other. */
static void retry(struct kunit *test)
{
	static const u8 token[] = "here you are";
	const struct quic_cid scid = { .len = 8, .id = { 5, 4, 3 } };
	struct ctx *x = version_new(test, V1, V2);
	struct end *c = &x->p.e[0];
	struct quic_wr w;
	u8 buf[128];
	u32 version;

	pair_hello(&x->p);
	x->p.e[1].in.n = 0;
	for (version = V2; ; version = V1) {
		quic_wr_init(&w, buf, sizeof(buf) - QUIC_TAG_LEN);
		quic_hdr_put_retry(&w, version, &c->c.scids.e[0].cid, &scid, token,
				   sizeof(token), 1);
		quic_keys_retry_tag(quic_test_crypto(), version, &c->c.odcid, buf, w.p - buf, w.p);
		queue_push(&c->in, buf, w.p - buf + QUIC_TAG_LEN, 0);
		end_deliver(c);
		KUNIT_EXPECT_EQ(test, c->c.retried, version == V1);
		if (version == V1)
			break;
	}
	end_tx(c);
	KUNIT_EXPECT_EQ(test, version_at(&x->p.e[1].in, 0), V1);
	expect_version(test, x, V2);
	ctx_free(test, x);
}

/* RFC 9369 §4.1: 0-RTT packets are of the first version, and read as such. */
static void early(struct kunit *test)
{
	struct ctx *x = version_new(test, V1, V2);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];
	s64 id;

	x->p.early = true;
	c->c.peer_tp = s->c.local_tp;
	quic_streams_set_remote(&c->c.streams);
	id = end_open(c, false);
	PAIR_MUST(&x->p, !end_write(c, id, 3000, true));
	pair_hello(&x->p);
	end_deliver(s);
	end_read(s);
	KUNIT_EXPECT_EQ(test, s->got, 3000);
	KUNIT_EXPECT_EQ(test, s->c.version, V2);
	KUNIT_EXPECT_TRUE(test, quic_keys_have(s->c.alt, QUIC_CRYPTO_EARLY, false));
	expect_version(test, x, V2);
	ctx_free(test, x);
}

static void forget_versions(struct quic_tparam *tp)
{
	tp->has_versions = true;
	tp->chosen_version = V1;
	tp->versions[0] = V1;
	tp->versions[1] = V2;
	tp->nversions = 2;
}

/* RFC 9368 §4: MUST be the negotiated one, else VERSION_NEGOTIATION_ERROR */
static void server_lies(struct kunit *test)
{
	struct ctx *x = version_new(test, V1, V2);

	forget_versions(&x->p.e[1].c.local_tp);
	pair_connect(&x->p);
	pair_sleep(&x->p, PAIR_SEC);
	KUNIT_EXPECT_FALSE(test, x->p.e[0].c.confirmed);
	KUNIT_EXPECT_EQ(test, x->p.e[0].c.close.code, ERR(VERSION_NEGOTIATION));
	ctx_free(test, x);
}

/* ... and a version that nobody vouches for is an attacker's. */
static void nobody_vouches(struct kunit *test)
{
	struct ctx *x = version_new(test, V1, V1);
	struct end *c = &x->p.e[0];
	struct quic_tparam tp;
	u8 buf[256];
	int n;

	pair_hello(&x->p);
	KUNIT_EXPECT_EQ(test, quic_version_switch(&c->c, V2), 0);
	pair_params(&tp);
	tp.has_iscid = tp.has_odcid = true;
	tp.iscid = c->c.dcids.e[0].cid;
	tp.odcid = c->c.odcid;
	n = quic_tparam_put(&tp, buf, sizeof(buf), false);
	KUNIT_EXPECT_EQ(test, quic_conn_set_peer_params(&c->c, buf, n, x->p.now), -EINVAL);
	KUNIT_EXPECT_EQ(test, c->c.close.code, ERR(VERSION_NEGOTIATION));
	ctx_free(test, x);
}

/* RFC 9368 §4: the client's Chosen Version MUST be that of its first flight */
static void client_lies(struct kunit *test)
{
	struct ctx *x = version_new(test, V2, V2);

	forget_versions(&x->p.e[0].c.local_tp);
	pair_connect(&x->p);
	pair_sleep(&x->p, PAIR_SEC);
	KUNIT_EXPECT_EQ(test, x->p.e[1].c.close.code, ERR(VERSION_NEGOTIATION));
	ctx_free(test, x);
}

/* A packet of another version that does not open changes nothing. */
static void garbage(struct kunit *test)
{
	struct ctx *x = version_new(test, V1, V1);
	struct end *c = &x->p.e[0];

	pair_hello(&x->p);
	hostile_init(&x->h, c);
	x->h.version = V2;		/* sealed with keys of version 1 */
	HOSTILE(&x->h, INI, QUIC_FRAME_PING, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, c->c.version, V1);
	KUNIT_EXPECT_EQ(test, c->mib[QUIC_MIB_DROP_AUTH], 1);
	expect_version(test, x, V1);
	ctx_free(test, x);
}

/* RFC 9369 §4.1: a CRYPTO frame in the first version says that it stays */
static void too_late(struct kunit *test)
{
	struct ctx *x = version_new(test, V1, V1);
	struct end *c = &x->p.e[0];
	struct hostile other;

	pair_hello(&x->p);
	hostile_init(&x->h, c);
	c->c.first_version = c->c.version = V2;	/* that way keys of version 2 are made */
	hostile_init(&other, c);
	c->c.first_version = c->c.version = V1;
	HOSTILE(&x->h, INI, QUIC_FRAME_CRYPTO, 0, 1, 102);
	HOSTILE(&other, INI, QUIC_FRAME_PING, 0, 0, 0);
	other.version = V2;
	HOSTILE(&other, INI, QUIC_FRAME_PING, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, c->c.version, V1);
	KUNIT_EXPECT_EQ(test, c->mib[QUIC_MIB_DROP_VERSION], 1);
	hostile_free(&other);
	ctx_free(test, x);
}

/* RFC 9369 §4.1: Handshake packets of another version MUST be dropped; Initial ones may come. */
static void first_version_packets(struct kunit *test)
{
	struct ctx *x = version_new(test, V1, V2);
	struct end *s = &x->p.e[1];
	struct hostile old;

	pair_hello(&x->p);
	hostile_init(&old, &x->p.e[0]);
	end_deliver(s);
	KUNIT_EXPECT_EQ(test, s->c.version, V2);
	hostile_init(&x->h, s);
	x->h.version = V1;
	HOSTILE(&x->h, HS, QUIC_FRAME_PING, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, s->mib[QUIC_MIB_DROP_VERSION], 1);
	KUNIT_EXPECT_TRUE(test, quic_keys_have(s->c.alt, INI, false));
	x->h.version = 0;
	HOSTILE(&x->h, HS, QUIC_FRAME_PING, 0, 0, 0);
	/* "MUST NOT discard its original version Initial receive keys until" then */
	KUNIT_EXPECT_FALSE(test, quic_keys_have(s->c.alt, INI, false));
	hostile_free(&old);
	ctx_free(test, x);
}

static void no_memory(struct kunit *test)
{
	struct ctx *x = version_new(test, V1, V2);

	pair_hello(&x->p);
	x->p.e[1].deaf = true;
	end_deliver(&x->p.e[1]);
	KUNIT_EXPECT_EQ(test, quic_version_switch(&x->p.e[1].c, 0x1a2a3a4a), -ENOMEM);
	KUNIT_EXPECT_EQ(test, x->p.e[1].c.version, V1);
	KUNIT_EXPECT_NULL(test, x->p.e[1].c.alt);
	ctx_free(test, x);
}

static struct kunit_case version_cases[] = {
	KUNIT_CASE(upgraded),
	KUNIT_CASE(stays),
	KUNIT_CASE(preference),
	KUNIT_CASE(preference_is_advice),
	KUNIT_CASE(answer_lost),
	KUNIT_CASE(answer_reordered),
	KUNIT_CASE(retry),
	KUNIT_CASE(early),
	KUNIT_CASE(server_lies),
	KUNIT_CASE(nobody_vouches),
	KUNIT_CASE(client_lies),
	KUNIT_CASE(garbage),
	KUNIT_CASE(too_late),
	KUNIT_CASE(first_version_packets),
	KUNIT_CASE(no_memory),
	{}
};

static struct kunit_suite version_suite = {
	.name = "version",
	.test_cases = version_cases,
};
kunit_test_suite(version_suite);

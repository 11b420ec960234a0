// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a connection sends, and when: datagrams and their sizes, the
 * anti-amplification limit, CLOSE at all levels, probes, congestion window,
 * pacing, bundling.  The hostile peer opens and looks into everything.
 */
#include "conn_ctx_test.h"

/* ---- datagram sizes, RFC 9000 §14.1 ---- */

/* Does some packet of @level in the datagram @i of the look elicit an ACK? */
static bool elicits(const struct hostile *h, u32 i, u8 level)
{
	u32 j;

	for (j = 0; j < h->nseen; j++)
		if (h->seen[j].dgram == i && h->seen[j].level == level &&
		    quic_frame_ack_eliciting(h->seen[j].f.type))
			return true;
	return false;
}

static bool has_level(const struct hostile *h, u32 i, u8 level)
{
	u32 j;

	for (j = 0; j < h->nseen; j++)
		if (h->seen[j].dgram == i && h->seen[j].level == level)
			return true;
	return false;
}

/* Look at one datagram after the other; what its size must be. */
static void check_sizes(struct kunit *test, struct ctx *x)
{
	struct end *v = x->h.victim;
	struct queue *q = &x->p.e[!v->side].in;
	struct dgram *d;

	x->h.nseen = x->h.ndgrams = 0;
	for (; q->n; q->n--) {
		d = queue_at(q, 0);
		q->first = (q->first + 1) % PAIR_QUEUE;
		see_datagram(&x->h, d);
		/* client: all with an Initial; server: those with one that elicits an ACK */
		if (v->side ? elicits(&x->h, x->h.ndgrams, INI) :
			      has_level(&x->h, x->h.ndgrams, INI))
			KUNIT_EXPECT_GE(test, d->len, QUIC_INITIAL_MIN);
		x->h.ndgrams++;
	}
}

static void initial_datagrams(struct kunit *test)
{
	static const u32 hellos[] = { 50, 300, 700, 800, 850, 860, 870, 880, 890, 900, 910, 920,
				      930, 940, 950, 960, 970, 1000, 1100, 1300, 2000 };
	struct ctx *x;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(hellos); i++) {
		x = ctx_new(test);
		x->p.hello = hellos[i];
		x->p.flight = 2000;
		pair_connect(&x->p);
		hostile_init(&x->h, &x->p.e[0]);
		KUNIT_EXPECT_GT(test, end_tx(&x->p.e[0]), 0);
		check_sizes(test, x);
		KUNIT_EXPECT_TRUE(test, has_level(&x->h, 0, INI));
		ctx_free(test, x);
	}
}

/* An Initial of any size, with something of Handshake to share its datagram */
static void coalesced_padding(struct kunit *test)
{
	static const u8 byte[1200];
	struct ctx *x;
	u32 n, token;

	for (n = 1; n < 1100; n += 7) {
		for (token = 0; token < 300; token += 149) {
			x = ctx_at(test, 0, INI);
			/* as if it had been there from the beginning */
			victim(x)->token = kmemdup(byte, token, GFP_KERNEL);
			victim(x)->token_len = token;
			/* the ClientHello has not been acknowledged: its space is taken, too */
			KUNIT_ASSERT_EQ(test, quic_conn_crypto_write(victim(x), INI, byte, n, false),
					0);
			KUNIT_ASSERT_EQ(test, quic_conn_crypto_write(victim(x), HS, byte, 100,
								     false), 0);
			x->p.e[1].in.n = 0;
			KUNIT_EXPECT_GT(test, end_tx(x->h.victim), 0);
			check_sizes(test, x);
			ctx_free(test, x);
		}
	}
}

/*
 * RFC 9000 §7.2: the first Destination ID has 8 bytes or more, and stays while the
 * server is silent; §8.1.3: the token is in every Initial.
 */
static void first_ids(struct kunit *test)
{
	static const u8 token[] = "of an earlier connection";
	struct ctx *x = ctx_new(test);
	struct end *c = &x->p.e[0];
	struct quic_hdr h;
	struct dgram *d;
	int tries;

	PAIR_MUST(&x->p, !quic_conn_connect(&c->c, &c->addr, &x->p.e[1].addr, token, sizeof(token),
					    x->p.now));
	PAIR_MUST(&x->p, !tls_send(c, INI, TLS_CLIENT_HELLO, 1500, true));
	for (tries = 0; tries < 4; tries++) {
		x->p.e[1].in.n = 0;
		KUNIT_EXPECT_GT(test, end_tx(c), 0);
		for (; x->p.e[1].in.n; x->p.e[1].in.n--) {
			d = queue_at(&x->p.e[1].in, x->p.e[1].in.n - 1);
			KUNIT_ASSERT_EQ(test, quic_hdr_parse(d->data, d->len, 16, false, &h), 0);
			KUNIT_EXPECT_EQ(test, (int)h.type, (int)QUIC_PKT_INITIAL);
			KUNIT_EXPECT_GE(test, (int)h.dcid.len, 8);
			KUNIT_EXPECT_TRUE(test, quic_cid_equal(&h.dcid, &c->c.odcid));
			KUNIT_ASSERT_EQ(test, h.token_len, (u32)sizeof(token));
			KUNIT_EXPECT_MEMEQ(test, h.token, token, sizeof(token));
		}
		/* §8.1.3: in all of them, so that it comes too late for this connection */
		KUNIT_EXPECT_EQ(test, quic_conn_set_token(&c->c, (const u8 *)"late", 4), -EINVAL);
		x->p.now = c->c.loss.deadline;
		quic_conn_timeout(&c->c, x->p.now);
	}
	ctx_free(test, x);
}

/* RFC 9000 §14.1 for a server: Initials that only acknowledge may be small */
static void server_datagrams(struct kunit *test)
{
	struct ctx *x = ctx_new(test);

	x->p.flight = 3000;
	pair_hello(&x->p);
	end_deliver(&x->p.e[1]);
	hostile_init(&x->h, &x->p.e[1]);
	KUNIT_EXPECT_EQ(test, end_tx(&x->p.e[1]), 3);
	check_sizes(test, x);
	/* the ServerHello's datagram is filled up with what follows */
	KUNIT_EXPECT_TRUE(test, elicits(&x->h, 0, INI) && elicits(&x->h, 0, HS));
	ctx_free(test, x);
}

/* ---- RFC 9000 §8.1: never more than three times what was received ---- */

static void check_credit(struct kunit *test, struct end *s)
{
	KUNIT_EXPECT_LE(test, s->sent_bytes, 3 * s->got_bytes);
}

static void amplification(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct end *s = &x->p.e[1];
	u64 at;
	int i;

	x->p.flight = 3900;		/* with the ServerHello: beyond 3600 bytes */
	pair_hello(&x->p);
	end_deliver(s);
	end_tx(s);
	check_credit(test, s);
	KUNIT_EXPECT_GT(test, s->sent_bytes, 3 * s->got_bytes - 200);
	/* RFC 9002 §6.2.2.1: at the limit there is no PTO, and nothing else that fires */
	for (i = 0; i < 10; i++) {
		at = quic_conn_deadline(&s->c, x->p.now);
		KUNIT_EXPECT_EQ(test, at, s->c.idle_at);
		x->p.now += PAIR_SEC;
		quic_conn_timeout(&s->c, x->p.now);
		KUNIT_EXPECT_EQ(test, end_tx(s), 0);
		check_credit(test, s);
	}
	/* RFC 9002 §6.2.2.1: the client's PTO gives it more to send with */
	x->p.e[0].in.n = 0;
	quic_conn_timeout(&x->p.e[0].c, x->p.now);
	KUNIT_EXPECT_GT(test, end_tx(&x->p.e[0]), 0);
	end_deliver(s);
	KUNIT_EXPECT_GT(test, end_tx(s), 0);
	check_credit(test, s);
	ctx_free(test, x);
}

/* Odd sizes of what comes, discarded datagrams included: the limit holds to the byte */
static void amplification_odd(struct kunit *test)
{
	struct ctx *x;
	struct end *s;
	u32 extra, i;

	for (extra = 0; extra < 130; extra += 13) {
		x = ctx_new(test);
		s = &x->p.e[1];
		x->p.flight = 3900;
		pair_hello(&x->p);
		end_deliver(s);
		hostile_init(&x->h, s);
		x->p.e[0].in.n = 0;
		for (i = 0; i < 20; i++) {
			/* noise counts: it may be of the peer's */
			memset(x->h.buf, 0x41, extra);
			hostile_datagram(&x->h, x->h.buf, extra);
			x->p.now += 400 * PAIR_MS;
			quic_conn_timeout(&s->c, x->p.now);
			end_tx(s);
			check_sizes(test, x);
			check_credit(test, s);
		}
		/* a CLOSE is no exception */
		quic_conn_close(&s->c, false, 1, NULL, 0, x->p.now);
		end_tx(s);
		check_credit(test, s);
		ctx_free(test, x);
	}
}

/* The client's first flight is on its way: what of it a server is made of */
static void request(struct ctx *x, struct quic_conn_accept *a)
{
	struct end *c = &x->p.e[0];

	x->p.flight = 3900;
	pair_hello(&x->p);
	a->dcid = a->odcid = c->c.odcid;
	a->scid = c->c.scids.e[0].cid;
	a->local = x->p.e[1].addr;
	a->remote = c->addr;
}

/* RFC 9000 §8.1.2: a token that vouched for the address lifts it */
static void validated_by_token(struct kunit *test)
{
	struct quic_conn_accept a = { .version = QUIC_VERSION_V1, .validated = true };
	struct ctx *x = ctx_new(test);
	struct end *s = &x->p.e[1];

	request(x, &a);
	KUNIT_ASSERT_EQ(test, quic_conn_accept(&s->c, &a, x->p.now), 0);
	KUNIT_EXPECT_EQ(test, quic_path_credit(&s->c.path), U32_MAX);
	end_deliver(s);
	end_tx(s);
	KUNIT_EXPECT_GT(test, s->sent_bytes, 3 * s->got_bytes);
	ctx_free(test, x);
}

/*
 * ACKs went before the connection was made: RFC 9000 §7.2: its ID is theirs; §12.3:
 * their packet numbers are used; §8.1: their bytes count.
 */
static void after_early_acks(struct kunit *test)
{
	struct quic_conn_accept a = { .version = QUIC_VERSION_V1, .next_pn = 3, .sent = 150 };
	struct ctx *x = ctx_new(test);
	struct end *s = &x->p.e[1];

	request(x, &a);
	a.iscid.len = QUIC_CID_LOCAL_LEN;
	memset(a.iscid.id, 0xab, a.iscid.len);
	KUNIT_ASSERT_EQ(test, quic_conn_accept(&s->c, &a, x->p.now), 0);
	KUNIT_EXPECT_TRUE(test, quic_cid_equal(&s->c.scids.e[0].cid, &a.iscid));
	KUNIT_EXPECT_TRUE(test, quic_cid_equal(&s->c.local_tp.iscid, &a.iscid));
	KUNIT_EXPECT_EQ(test, s->c.path.tx_bytes, 150ULL);
	end_deliver(s);
	end_tx(s);
	KUNIT_EXPECT_LE(test, s->sent_bytes + 150, 3 * s->got_bytes);
	KUNIT_EXPECT_NULL(test, quic_sent_get(&s->c.space[QUIC_SPACE_INITIAL]->loss.sent, 2));
	KUNIT_EXPECT_NOT_NULL(test, quic_sent_get(&s->c.space[QUIC_SPACE_INITIAL]->loss.sent, 3));
	pair_sleep(&x->p, 100 * PAIR_MS);
	KUNIT_EXPECT_EQ(test, (int)x->p.e[0].c.state, (int)QUIC_CONN_ESTABLISHED);
	ctx_free(test, x);
}

/* ---- CLOSE, RFC 9000 §10.2.3 ---- */

struct close_case {
	const char *name;
	u8 level;		/* stage */
	bool app;
	u64 code;
	u64 early_code;		/* in Initial and Handshake packets */
	bool phrase;		/* may they tell the phrase? */
};

static const struct close_case close_cases[] = {
	{ "transport, handshake", HS, false, 0x01, 0x01 },
	{ "application, handshake", HS, true, 0x77, 0x0c },
	{ "application, 0x00ff", HS, true, 0xff, 0x0c },
	{ "TLS alert, first", HS, true, 0x100, 0x100 },
	{ "TLS alert", HS, true, 0x128, 0x128 },
	{ "TLS alert, last", HS, true, 0x1ff, 0x1ff },
	{ "application, 0x200", HS, true, 0x200, 0x0c },
	{ "application", APP, true, 0x77, 0 },
	{ "transport", APP, false, 0x00, 0 },
};

static void close_name(const struct close_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(close, close_cases, close_name);

static void check_close(struct kunit *test, struct ctx *x, const struct close_case *t)
{
	const struct quic_frame *f;
	u32 i;

	/* only ACKs and PADDING beside it, if anything */
	for (i = 0; i < x->h.nseen; i++) {
		f = &x->h.seen[i].f;
		if (f->type == QUIC_FRAME_PADDING)
			continue;
		if (x->h.seen[i].level == APP) {
			KUNIT_EXPECT_EQ(test, f->type, t->app ? QUIC_FRAME_CONNECTION_CLOSE_APP :
							       QUIC_FRAME_CONNECTION_CLOSE);
			KUNIT_EXPECT_EQ(test, f->close.code, t->code);
			KUNIT_EXPECT_EQ(test, f->close.len, 5);
			continue;
		}
		/* RFC 9000 §10.2.3: MUST be 0x1c; MUST clear an application's phrase */
		KUNIT_EXPECT_EQ(test, f->type, QUIC_FRAME_CONNECTION_CLOSE);
		KUNIT_EXPECT_EQ(test, f->close.code, t->early_code);
		if (t->app)
			KUNIT_EXPECT_EQ(test, f->close.len, 0);
	}
}

static void close_levels(struct kunit *test)
{
	const struct close_case *t = test->param_value;
	struct ctx *x;
	int side;

	for (side = 0; side < 2; side++) {
		x = ctx_at(test, side, t->level);
		quic_conn_close(victim(x), t->app, t->code, (const u8 *)"noise", 5, x->p.now);
		KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 1);
		check_close(test, x, t);
		if (t->level == APP) {
			/* RFC 9000 §10.2.3: once confirmed, MUST be in 1-RTT */
			KUNIT_EXPECT_EQ(test, x->h.npackets, 1);
			KUNIT_EXPECT_TRUE(test, has_level(&x->h, 0, APP));
		} else {
			/* SHOULD be in all that the peer may have; a server sends 1-RTT already */
			KUNIT_EXPECT_EQ(test, x->h.npackets, side ? 3 : 2);
			KUNIT_EXPECT_TRUE(test, has_level(&x->h, 0, INI) && has_level(&x->h, 0, HS));
		}
		if (t->level != APP && !side)
			KUNIT_EXPECT_GE(test, x->h.victim->last_len, QUIC_INITIAL_MIN);
		ctx_free(test, x);
	}
}

/* The longest phrase does not keep it from fitting at every level */
static void close_long_phrase(struct kunit *test)
{
	u8 *phrase = kzalloc(2000, GFP_KERNEL);
	struct ctx *x;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, phrase);
	for (i = 0; i < 4; i++) {
		x = ctx_at(test, i & 1, i & 2 ? APP : HS);
		quic_conn_close(victim(x), !!(i & 2), 1, phrase, 2000, x->p.now);
		KUNIT_EXPECT_EQ(test, (u32)victim(x)->close.len, (u32)QUIC_PHRASE_MAX);
		KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 1);
		KUNIT_EXPECT_EQ(test, x->h.npackets, i & 2 ? 1 : i ? 3 : 2);
		if (i < 2 && !(i & 1))
			KUNIT_EXPECT_GE(test, x->h.victim->last_len, QUIC_INITIAL_MIN);
		ctx_free(test, x);
	}
	kfree(phrase);
}

/* ---- probes, RFC 9002 §6.2 ---- */

/* Until the next PTO fires: the deadline may be early, never late (loss.h). */
static void until_pto(struct end *e)
{
	u32 fired = e->mib[QUIC_MIB_PTO], i;

	for (i = 0; i < 3 && e->mib[QUIC_MIB_PTO] == fired; i++) {
		e->pair->now = quic_conn_deadline(&e->c, e->pair->now);
		quic_conn_timeout(&e->c, e->pair->now);
	}
	PAIR_MUST(e->pair, e->mib[QUIC_MIB_PTO] == fired + 1);
}

/* Two datagrams for a PTO, which repeat what is in flight; the period doubles. */
static void probes(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 0, APP);
	struct end *c = x->h.victim;
	const struct quic_frame *f;
	u64 at, period;
	int i;

	hostile_look(&x->h);
	hostile_ack(&x->h, APP);
	KUNIT_EXPECT_EQ(test, end_write(c, end_open(c, true), 100, true), 0);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 1);
	period = quic_loss_pto(&c->c.loss, QUIC_SPACE_APP);
	for (i = 0; i < 4; i++) {
		at = x->p.now + (period << i);
		until_pto(c);
		KUNIT_EXPECT_EQ(test, x->p.now, at);
		KUNIT_EXPECT_EQ(test, hostile_look(&x->h), QUIC_PROBES);
		f = hostile_saw(&x->h, APP, 0x0b);
		KUNIT_ASSERT_NOT_NULL(test, f);
		KUNIT_EXPECT_EQ(test, f->stream.len, 100);
		KUNIT_EXPECT_TRUE(test, elicits(&x->h, 0, APP) && elicits(&x->h, 1, APP));
	}
	/* RFC 9002 §6.2: a PTO says nothing about loss */
	KUNIT_EXPECT_EQ(test, c->c.loss.lost_packets, 0);
	hostile_ack(&x->h, APP);
	KUNIT_EXPECT_EQ(test, c->c.loss.pto_count, 0);
	KUNIT_EXPECT_EQ(test, c->c.cc.in_flight, 0);
	ctx_free(test, x);
}

/* RFC 9002 §6.2.2.1: a client probes although nothing of its own is in flight */
static void anti_deadlock(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 0, INI);
	struct end *c = x->h.victim;

	/* Initials are acknowledged; with Handshake keys, a Handshake packet it is */
	hostile_look(&x->h);
	KUNIT_EXPECT_EQ(test, c->c.loss.sp[QUIC_SPACE_HANDSHAKE]->eliciting_in_flight, 0);
	KUNIT_EXPECT_FALSE(test, c->c.loss.peer_validated);
	x->p.now = c->c.loss.deadline;
	quic_conn_timeout(&c->c, x->p.now);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), QUIC_PROBES);
	KUNIT_EXPECT_TRUE(test, hostile_saw(&x->h, HS, QUIC_FRAME_PING));
	ctx_free(test, x);
}

/* RFC 9000 §14.4: large datagrams may be what does not arrive */
static void mtu_fallback(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 0, APP);
	struct end *c = x->h.victim;
	int i;

	hostile_look(&x->h);
	hostile_ack(&x->h, APP);
	KUNIT_EXPECT_EQ(test, end_write(c, end_open(c, true), 20000, true), 0);
	end_tx(c);
	KUNIT_EXPECT_EQ(test, c->last_len, PAIR_MTU);
	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, (u32)c->c.path.mtu, (u32)PAIR_MTU);
		x->p.e[1].in.n = 0;
		until_pto(c);
		if (i < 2)
			end_tx(c);
	}
	KUNIT_EXPECT_EQ(test, (u32)c->c.path.mtu, QUIC_INITIAL_MIN);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), QUIC_PROBES);
	KUNIT_EXPECT_LE(test, c->last_len, QUIC_INITIAL_MIN);
	/* RFC 8899 §4.3: and from there by probes, of which the first has the size so far */
	quic_conn_set_mtu(&c->c, PAIR_MTU);
	KUNIT_EXPECT_EQ(test, (u32)c->c.path.mtu, QUIC_INITIAL_MIN);
	hostile_ack(&x->h, APP);
	end_tx(c);
	hostile_look(&x->h);
	hostile_ack(&x->h, APP);
	KUNIT_EXPECT_EQ(test, (u32)c->c.path.mtu, (u32)PAIR_MTU);
	/* not above what the peer takes, not below 1200 */
	c->c.peer_tp.max_udp_payload_size = 1300;
	quic_conn_set_mtu(&c->c, PAIR_MTU);
	KUNIT_EXPECT_EQ(test, (u32)c->c.path.mtu, 1300);
	quic_conn_set_mtu(&c->c, 500);
	KUNIT_EXPECT_EQ(test, (u32)c->c.path.mtu, QUIC_INITIAL_MIN);
	ctx_free(test, x);
}

/* ---- congestion control and pacing, RFC 9002 §7 ---- */

static void window_and_pace(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 0, APP);
	struct end *c = x->h.victim;
	u64 at;
	int i;

	hostile_look(&x->h);
	hostile_ack(&x->h, APP);
	KUNIT_EXPECT_EQ(test, end_write(c, end_open(c, true), 200000, true), 0);
	/* RFC 9002 §7: bytes in flight do not exceed the window */
	for (i = 0; i < 100; i++) {
		end_tx(c);
		x->p.e[1].in.n = 0;
		KUNIT_EXPECT_LE(test, c->c.cc.in_flight, c->c.cc.cwnd);
		if (quic_cc_room(&c->c.cc) < PAIR_MTU)
			break;
		/* RFC 9002 §7.7: what is left waits for its time */
		at = quic_conn_deadline(&c->c, x->p.now);
		KUNIT_EXPECT_EQ(test, at, c->c.pace_at);
		KUNIT_ASSERT_GT(test, at, x->p.now);
		x->p.now = at;
		quic_conn_timeout(&c->c, at);
	}
	KUNIT_EXPECT_LT(test, quic_cc_room(&c->c.cc), PAIR_MTU);
	/* RFC 9002 §7: packets with ACKs alone are not held back */
	HOSTILE(&x->h, APP, 0x01);
	HOSTILE(&x->h, APP, 0x01);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 1);
	KUNIT_EXPECT_TRUE(test, hostile_saw(&x->h, APP, QUIC_FRAME_ACK));
	KUNIT_EXPECT_FALSE(test, elicits(&x->h, 0, APP));
	/* RFC 9002 §7.5: nor are probes */
	x->p.now = c->c.loss.deadline;
	quic_conn_timeout(&c->c, x->p.now);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), QUIC_PROBES);
	ctx_free(test, x);
}

/* ---- what rides along ---- */

/* RFC 9000 §13.2.1: an ACK that is owed goes with data */
static void acks_ride_along(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, APP);

	hostile_look(&x->h);
	HOSTILE(&x->h, APP, 0x0a, 0, 1, pattern(0, 0));
	x->p.now += PAIR_MS;
	hostile_look(&x->h);
	HOSTILE(&x->h, APP, 0x0e, 0, 1, 1, pattern(0, 1));
	KUNIT_EXPECT_EQ(test, end_write(x->h.victim, 0, 10, false), 0);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 1);
	KUNIT_EXPECT_TRUE(test, hostile_saw(&x->h, APP, QUIC_FRAME_ACK));
	KUNIT_EXPECT_TRUE(test, hostile_saw(&x->h, APP, 0x0a));
	ctx_free(test, x);
}

/* RFC 9000 §13.2.5: ack_delay is scaled by our exponent, and left out of Initials */
static void ack_delay(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, APP);
	const struct quic_frame *f;

	hostile_look(&x->h);
	HOSTILE(&x->h, APP, 0x0a, 0, 1, pattern(0, 0));
	hostile_look(&x->h);
	HOSTILE(&x->h, APP, 0x0e, 0, 1, 1, pattern(0, 1));
	x->p.now += 20 * PAIR_MS;
	HOSTILE(&x->h, APP, 0x00);
	x->p.now += 5 * PAIR_MS;
	quic_conn_timeout(victim(x), x->p.now);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 1);
	f = hostile_saw(&x->h, APP, QUIC_FRAME_ACK);
	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_EXPECT_EQ(test, f->ack.largest, 1002);
	KUNIT_EXPECT_EQ(test, f->ack.delay, 5000 >> 3);
	ctx_free(test, x);
}

/* RFC 9000 §13.3: each kind of frame that was lost is there again */
static void lost_frames_return(struct kunit *test)
{
	static const u64 types[] = {
		QUIC_FRAME_RESET_STREAM, QUIC_FRAME_STOP_SENDING, QUIC_FRAME_MAX_DATA,
		QUIC_FRAME_NEW_CONNECTION_ID, QUIC_FRAME_RETIRE_CONNECTION_ID, 0x0b,
	};
	struct ctx *x = ctx_at(test, 0, APP);
	struct end *c = x->h.victim;
	struct quic_stream *s;
	u32 i, look;
	int err;

	hostile_look(&x->h);
	hostile_ack(&x->h, APP);
	end_write(c, end_open(c, false), 10, false);	/* 0 */
	end_write(c, end_open(c, false), 10, true);	/* 4 */
	s = quic_streams_find(&c->c.streams, 0, true, &err);
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_EQ(test, quic_stream_reset(&c->c.streams, s, 5), 0);
	KUNIT_EXPECT_EQ(test, quic_stream_stop(&c->c.streams, s, 6), 0);
	c->c.streams.max_pending = true;
	c->c.streams.rcv_max += 10;
	KUNIT_EXPECT_EQ(test, quic_cids_local_set_prior(&c->c.scids, 1), 0);
	KUNIT_EXPECT_EQ(test, end_rotate(c), 0);
	for (look = 0; look < 3; look++) {
		KUNIT_EXPECT_GE(test, hostile_look(&x->h), 1);
		for (i = 0; i < ARRAY_SIZE(types); i++)
			KUNIT_EXPECT_TRUE_MSG(test, hostile_saw(&x->h, APP, types[i]),
					      "type %llu, look %u", types[i], look);
		/* three PINGs later they are lost: RFC 9002 §6.1.1 */
		for (i = 0; i < 3; i++) {
			c->c.ping_pending = true;
			x->p.e[1].in.n = 0;
			KUNIT_EXPECT_EQ(test, end_tx(c), 1);
		}
		HOSTILE(&x->h, APP, 0x02, c->c.loss.sp[QUIC_SPACE_APP]->sent.next - 1, 0, 0, 0);
	}
	ctx_free(test, x);
}

/* RFC 9000 §17.4: seen from a server, the bit changes once a round trip */
static void spin_bit(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct end *c = &x->p.e[0];
	u32 i, spinning = 0;
	bool was;

	pair_establish(&x->p);
	for (i = 0; i < 8; i++) {
		c->c.spins = x->p.e[1].c.spins = i < 4;
		was = c->c.spin;
		c->c.ping_pending = true;
		pair_flush(&x->p);
		KUNIT_EXPECT_EQ(test, c->c.spin, was ^ (i < 4));
	}
	ctx_free(test, x);
	for (i = 0; i < 320; i++) {
		x = ctx_new(test);
		pair_connect(&x->p);
		spinning += x->p.e[0].c.spins;
		ctx_free(test, x);
	}
	KUNIT_EXPECT_GT(test, spinning, 240);
	KUNIT_EXPECT_LT(test, spinning, 320);
}

static bool congested(struct pair *p, int side, struct dgram *d)
{
	if (d->ecn == QUIC_ECN_ECT0)
		d->ecn = QUIC_ECN_CE;
	return true;
}

static bool bleached(struct pair *p, int side, struct dgram *d)
{
	d->ecn = QUIC_ECN_NONE;
	return true;
}

/* RFC 9000 §13.4.2, RFC 9002 §7.1: validated marks are a signal of congestion, others are dropped */
static void ecn(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct end *c = &x->p.e[0];
	s64 id;

	pair_establish(&x->p);
	KUNIT_EXPECT_TRUE(test, c->c.loss.ecn_capable);
	KUNIT_EXPECT_TRUE(test, x->p.e[1].c.loss.ecn_capable);
	KUNIT_EXPECT_EQ(test, c->c.cc.events, 0ULL);
	x->p.wire = congested;
	id = end_open(c, true);
	KUNIT_EXPECT_EQ(test, end_write(c, id, 3000, false), 0);
	pair_flush(&x->p);
	KUNIT_EXPECT_TRUE(test, c->c.loss.ecn_capable);
	KUNIT_EXPECT_GE(test, c->c.cc.events, 1ULL);
	x->p.wire = bleached;
	KUNIT_EXPECT_EQ(test, end_write(c, id, 3000, false), 0);
	pair_flush(&x->p);
	KUNIT_EXPECT_TRUE(test, c->c.loss.ecn_failed);
	KUNIT_EXPECT_EQ(test, end_write(c, id, 3000, true), 0);
	end_tx(c);
	KUNIT_EXPECT_GT(test, x->p.e[1].in.n, 0);
	KUNIT_EXPECT_EQ(test, queue_at(&x->p.e[1].in, 0)->ecn, QUIC_ECN_NONE);
	pair_flush(&x->p);
	ctx_free(test, x);
}

/* A probe's copy of RETIRE_CONNECTION_ID: both are acknowledged, or the first after its loss */
static void retire_twice(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 0, APP);
	struct end *c = x->h.victim;

	hostile_look(&x->h);
	hostile_ack(&x->h, APP);
	KUNIT_EXPECT_EQ(test, end_rotate(c), 0);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 1);
	until_pto(c);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), QUIC_PROBES);
	KUNIT_EXPECT_TRUE(test, hostile_saw(&x->h, APP, QUIC_FRAME_RETIRE_CONNECTION_ID));
	hostile_ack(&x->h, APP);
	KUNIT_EXPECT_EQ(test, (u32)c->c.dcids.nretire, 0);
	KUNIT_EXPECT_EQ(test, (u32)c->c.dcids.nretiring, 0);
	hostile_look(&x->h);
	KUNIT_EXPECT_FALSE(test, hostile_saw(&x->h, APP, QUIC_FRAME_RETIRE_CONNECTION_ID));
	ctx_free(test, x);
}

/* Between the first 1-RTT key and the end of the handshake, no data leaves */
static void no_early_data(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, HS);

	KUNIT_EXPECT_TRUE(test, quic_keys_have(&victim(x)->keys, APP, true));
	KUNIT_EXPECT_EQ(test, end_write(x->h.victim, end_open(x->h.victim, true), 10, true), 0);
	end_tx(x->h.victim);
	x->p.e[0].in.n = 0;
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 0);
	KUNIT_EXPECT_FALSE(test, quic_conn_may_send(victim(x), QUIC_SPACE_APP));
	ctx_free(test, x);
}

/* The victim sends a packet, which is acknowledged alone: its number. */
static u64 number_sent(struct kunit *test, struct ctx *x)
{
	struct quic_wr w;
	u8 f[32];

	victim(x)->ping_pending = true;
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 1);
	quic_wr_init(&w, f, sizeof(f));
	quic_wr_varint(&w, QUIC_FRAME_ACK);
	quic_wr_varint(&w, x->h.largest[APP]);
	quic_wr_varint(&w, 0);
	quic_wr_varint(&w, 0);
	quic_wr_varint(&w, 0);
	hostile_send(&x->h, APP, f, w.p - f);
	return x->h.largest[APP];
}

/* RFC 9000 §21.4: numbers are left out where none can foresee it; who acknowledges one, lies */
static void numbers_left_out(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 0, APP);
	u64 pn, last, first = 0, skips = 0;
	int i;

	last = number_sent(test, x);
	for (i = 0; i < 4 * QUIC_SENT_SKIP_SPAN; i++, last = pn) {
		pn = number_sent(test, x);
		if (pn == last + 1)
			continue;
		KUNIT_EXPECT_EQ(test, pn, last + 2);
		KUNIT_EXPECT_TRUE(test, !skips || pn - first > QUIC_SENT_SKIP_MIN);
		first = pn;
		skips++;
	}
	/* every 64 to 1088 packets */
	KUNIT_EXPECT_GE(test, skips, 3);
	KUNIT_EXPECT_LE(test, skips, 4 * QUIC_SENT_SKIP_SPAN / QUIC_SENT_SKIP_MIN);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(victim(x)));
	hostile_ack_from(&x->h, APP, 0);	/* all of them: also the newest left out */
	KUNIT_EXPECT_EQ(test, (int)victim(x)->state, QUIC_CONN_CLOSING);
	KUNIT_EXPECT_EQ(test, victim(x)->close.code, (u64)ERR(PROTOCOL_VIOLATION));
	KUNIT_EXPECT_EQ(test, victim(x)->close.frame_type, (u64)QUIC_FRAME_ACK);
	ctx_free(test, x);
}

static struct kunit_case conn_tx_cases[] = {
	KUNIT_CASE(initial_datagrams),
	KUNIT_CASE_SLOW(coalesced_padding),
	KUNIT_CASE(first_ids),
	KUNIT_CASE(server_datagrams),
	KUNIT_CASE(amplification),
	KUNIT_CASE(amplification_odd),
	KUNIT_CASE(validated_by_token),
	KUNIT_CASE(after_early_acks),
	KUNIT_CASE_PARAM(close_levels, close_gen_params),
	KUNIT_CASE(close_long_phrase),
	KUNIT_CASE(probes),
	KUNIT_CASE(anti_deadlock),
	KUNIT_CASE(mtu_fallback),
	KUNIT_CASE(window_and_pace),
	KUNIT_CASE(acks_ride_along),
	KUNIT_CASE(ack_delay),
	KUNIT_CASE(lost_frames_return),
	KUNIT_CASE(spin_bit),
	KUNIT_CASE(ecn),
	KUNIT_CASE(retire_twice),
	KUNIT_CASE(no_early_data),
	KUNIT_CASE(numbers_left_out),
	{}
};

static struct kunit_suite conn_tx_suite = {
	.name = "conn_tx",
	.test_cases = conn_tx_cases,
};
kunit_test_suite(conn_tx_suite);

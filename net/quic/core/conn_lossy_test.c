// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Handshakes on bad links: what is sent again when flights are lost, how soon,
 * and what the RTT estimators make of packets that waited for keys.
 */
#include "conn_ctx_test.h"

/* The client's hello of so many bytes has arrived; the server's answer is on its way. */
static struct ctx *answered(struct kunit *test, u32 hello)
{
	struct ctx *x = ctx_new(test);

	x->p.hello = hello;
	pair_hello(&x->p);
	end_deliver(&x->p.e[1]);
	KUNIT_EXPECT_GT(test, end_tx(&x->p.e[1]), 1);
	x->p.now += PAIR_LEG;
	return x;
}

/* The first datagram on its way to @e, which has the hello of the other, is lost. */
static void lose_first(struct end *e)
{
	e->in.first = (e->in.first + 1) % PAIR_QUEUE;
	e->in.n--;
}

static void lose_all(struct end *e)
{
	e->in.n = 0;
}

static void fire(struct end *e)
{
	e->pair->now = max(e->pair->now, e->c.loss.deadline);
	quic_conn_timeout(&e->c, e->pair->now);
}

/*
 * RFC 9002 §6.2.3: a hello that comes twice, and a Handshake packet before its
 * keys, each show that the server's Initial packets were lost: they are sent
 * again at once, a limited number of times, whatever the PTOs are.
 */
static void hurried(struct kunit *test)
{
	struct ctx *x = answered(test, 300);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];
	u64 start = x->p.now;

	lose_first(c);
	KUNIT_EXPECT_GT(test, end_deliver(c), 0);
	KUNIT_EXPECT_GT(test, (u32)c->c.nheld, 0);
	KUNIT_EXPECT_EQ(test, (u32)c->c.hurries, 1);
	KUNIT_EXPECT_EQ(test, end_tx(c), QUIC_PROBES);
	x->p.now += PAIR_LEG;
	end_deliver(s);
	KUNIT_EXPECT_EQ(test, (u32)s->c.hurries, 1);	/* two came, but at once */
	pair_flush(&x->p);
	KUNIT_EXPECT_TRUE(test, c->c.confirmed && s->c.confirmed);
	/* there and back: hello, hello again, Finished; no timer was needed */
	KUNIT_EXPECT_LT(test, x->p.now - start, 10 * PAIR_LEG);
	KUNIT_EXPECT_EQ(test, c->mib[QUIC_MIB_PTO] + s->mib[QUIC_MIB_PTO], 0);
	ctx_free(test, x);
}

/* RFC 9002 §6.2.3: always to do so risks an infinite exchange of packets */
static void hurries_end(struct kunit *test)
{
	struct ctx *x = answered(test, 300);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];
	u32 i, n;

	for (i = 0; i < 2 * QUIC_HURRY_MAX; i++) {
		lose_all(c);
		c->c.loss.pto_count = 0;	/* its idle timeout is not the matter */
		quic_loss_arm(&c->c.loss, x->p.now);
		fire(c);
		KUNIT_EXPECT_EQ(test, end_tx(c), QUIC_PROBES);
		x->p.now += PAIR_LEG;
		end_deliver(s);
		n = end_tx(s);
		/* an ACK it is in the end, and the probes of its own timer */
		if (i < QUIC_HURRY_MAX)
			KUNIT_EXPECT_GE(test, n, QUIC_PROBES);
	}
	KUNIT_EXPECT_EQ(test, (u32)s->c.hurries, QUIC_HURRY_MAX);
	KUNIT_EXPECT_EQ(test, s->c.loss.pto_count, 0);	/* it did not back off for that */
	ctx_free(test, x);
}

/* RFC 9002 §6.2.4: one datagram probes both spaces: the peer may have no Handshake keys */
static void probes_coalesce(struct kunit *test)
{
	struct ctx *x = answered(test, 1500);
	struct end *s = &x->p.e[1];
	u32 i, j, levels;

	hostile_init(&x->h, s);
	lose_all(&x->p.e[0]);
	fire(s);
	KUNIT_EXPECT_EQ(test, s->c.loss.pto_count, 1);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), QUIC_PROBES);
	for (i = 0; i < QUIC_PROBES; i++) {
		for (levels = j = 0; j < x->h.nseen; j++)
			if (x->h.seen[j].dgram == i &&
			    quic_frame_ack_eliciting(x->h.seen[j].f.type))
				levels |= 1 << x->h.seen[j].level;
		KUNIT_EXPECT_EQ(test, levels, 1 << INI | 1 << HS);
	}
	ctx_free(test, x);
}

/*
 * The ServerHello was declared lost, and the congestion window is full of Handshake
 * packets that nobody can read without it: their probes take it along.
 */
static void lost_hello_overtakes(struct kunit *test)
{
	struct ctx *x = answered(test, 300);
	struct end *s = &x->p.e[1];

	hostile_init(&x->h, s);
	lose_all(&x->p.e[0]);
	quic_loss_requeue_all(&s->c.loss, QUIC_SPACE_INITIAL);
	quic_loss_arm(&s->c.loss, x->p.now);
	s->c.cc.cwnd = s->c.cc.in_flight;
	KUNIT_EXPECT_EQ(test, end_tx(s), 0);
	fire(s);
	KUNIT_EXPECT_EQ(test, (int)s->c.loss.probe_space, (int)QUIC_SPACE_HANDSHAKE);
	KUNIT_EXPECT_GE(test, hostile_look(&x->h), 1);
	KUNIT_EXPECT_NOT_NULL(test, hostile_saw(&x->h, INI, QUIC_FRAME_CRYPTO));
	KUNIT_EXPECT_NOT_NULL(test, hostile_saw(&x->h, HS, QUIC_FRAME_CRYPTO));
	ctx_free(test, x);
}

/* A client's probe says again what it has: its ACK may be what was lost. */
static void probe_repeats_ack(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 0, INI);
	struct end *c = x->h.victim;
	const struct quic_frame *f;

	KUNIT_EXPECT_GT(test, hostile_look(&x->h), 0);
	KUNIT_EXPECT_FALSE(test, quic_acktr_owed(&c->c.space[QUIC_SPACE_HANDSHAKE]->ack));
	fire(c);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), QUIC_PROBES);
	KUNIT_EXPECT_NOT_NULL(test, hostile_saw(&x->h, HS, QUIC_FRAME_PING));
	f = hostile_saw(&x->h, HS, QUIC_FRAME_ACK);
	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_EXPECT_EQ(test, f->ack.largest, 0);
	ctx_free(test, x);
}

/*
 * RFC 9000 §13.2.5: the ACK of a packet that waited for keys SHOULD tell how
 * long; RFC 9002 §5.3: so that its sender takes it for no part of the RTT.
 */
static void waits_are_told(struct kunit *test)
{
	struct ctx *x = answered(test, 300);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];
	u64 wait = 3 * PAIR_SEC;

	s->c.loss.handshake_confirmed = false;
	c->deaf = true;
	end_deliver(c);			/* the hello and all else, but TLS is slow */
	KUNIT_EXPECT_GT(test, (u32)c->c.nheld, 0);
	end_tx(c);
	x->p.now += PAIR_LEG;
	end_deliver(s);			/* the ACK of the hello: two legs */
	KUNIT_EXPECT_EQ(test, s->c.loss.latest, 2 * PAIR_LEG);
	x->p.now += wait;
	c->deaf = false;
	end_tls(c);
	KUNIT_EXPECT_EQ(test, (u32)c->c.nheld, 0);
	end_tx(c);
	x->p.now += PAIR_LEG;
	end_deliver(s);
	KUNIT_EXPECT_GT(test, s->c.loss.acked_packets, 1);
	KUNIT_EXPECT_LT(test, quic_loss_srtt(&s->c.loss), 5 * PAIR_LEG);
	KUNIT_EXPECT_LT(test, s->c.loss.latest, 5 * PAIR_LEG);
	ctx_free(test, x);
}

/*
 * RFC 9002 §5.3: the delay of an Initial's ACK MAY be ignored, and is not: the ACK that a
 * probe repeats is a second old, and tells of it.
 */
static void repeated_acks(struct kunit *test)
{
	struct ctx *x = answered(test, 300);
	struct end *c = &x->p.e[0], *s = &x->p.e[1];

	lose_all(c);
	fire(s);
	KUNIT_EXPECT_GE(test, end_tx(s), QUIC_PROBES);
	x->p.now += PAIR_LEG;
	end_deliver(c);
	KUNIT_EXPECT_GT(test, c->c.loss.acked_packets, 0);
	KUNIT_EXPECT_LE(test, quic_loss_srtt(&c->c.loss), QUIC_INITIAL_RTT);
	ctx_free(test, x);
}

/*
 * RFC 9002 §5.3: nor is the time that an ACK of 0-RTT waits here for keys part
 * of the RTT: its sample is of 1-RTT, and the handshake not confirmed.
 */
static void own_waits(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct end *c = &x->p.e[0];
	u64 sent = x->p.now;
	u32 rest;

	x->p.early = true;
	c->c.peer_tp = x->p.e[1].c.local_tp;
	quic_streams_set_remote(&c->c.streams);
	KUNIT_EXPECT_EQ(test, end_write(c, end_open(c, true), 10, true), 0);
	pair_hello(&x->p);
	end_deliver(&x->p.e[1]);
	end_tx(&x->p.e[1]);
	x->p.now += PAIR_LEG;
	rest = --c->in.n;		/* the first datagram of the flight: no 1-RTT keys yet */
	c->in.n = 1;
	end_deliver(c);
	c->in.n = rest;
	hostile_init(&x->h, c);
	HOSTILE(&x->h, APP, QUIC_FRAME_ACK, 0, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, (u32)c->c.nheld, 1);
	x->p.now += 2 * PAIR_SEC;
	end_deliver(c);
	KUNIT_EXPECT_EQ(test, (u32)c->c.nheld, 0);
	KUNIT_EXPECT_EQ(test, c->c.loss.sp[QUIC_SPACE_APP]->newest_acked, sent);
	KUNIT_EXPECT_EQ(test, c->c.loss.latest, 2 * PAIR_LEG);
	ctx_free(test, x);
}

static struct kunit_case lossy_cases[] = {
	KUNIT_CASE(hurried),
	KUNIT_CASE(hurries_end),
	KUNIT_CASE(probes_coalesce),
	KUNIT_CASE(lost_hello_overtakes),
	KUNIT_CASE(probe_repeats_ack),
	KUNIT_CASE(waits_are_told),
	KUNIT_CASE(repeated_acks),
	KUNIT_CASE(own_waits),
	{}
};

static struct kunit_suite lossy_suite = {
	.name = "quic_conn_lossy",
	.test_cases = lossy_cases,
};

kunit_test_suite(lossy_suite);

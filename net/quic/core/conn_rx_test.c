// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a connection does with what it gets: ACKs, packets that nobody
 * authenticated or that came before their keys, key updates, IDs, resets, and the
 * end.  Neighbours: conn_fault_test (what the peer must not send), conn_vn_test,
 * conn_retry_test.
 */
#include "conn_ctx_test.h"

/* ---- ACKs of what we do not say ---- */

/* RFC 9000 §12.3: a packet number is taken once */
static void duplicates(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, APP);
	u8 *d = x->h.buf + PAIR_DGRAM;
	u32 len, dup;

	len = hostile_build(&x->h, APP, (const u8 []){ 0x0a, 0, 1, pattern(0, 0) }, 4, d);
	dup = x->h.victim->mib[QUIC_MIB_DROP_DUP];
	hostile_datagram(&x->h, d, len);
	hostile_datagram(&x->h, d, len);
	KUNIT_EXPECT_EQ(test, x->h.victim->mib[QUIC_MIB_DROP_DUP], dup + 1);
	end_read(x->h.victim);
	KUNIT_EXPECT_EQ(test, x->h.victim->got, 1);
	ctx_free(test, x);
}

/*
 * RFC 9000 §2.2: data that covers what came before, out of order, gives that memory back,
 * and is not overwritten itself by the next packet; nor is what a RESET_STREAM comes with.
 */
static void covered_data(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, APP);

	x->h.victim->mem.size = QUIC_CHUNK_SIZE;	/* as for a train: all in one */
	HOSTILE(&x->h, APP, 0x0e, 0, 3, 1, pattern(0, 3));
	HOSTILE(&x->h, APP, 0x0e, 0, 1, 4, pattern(0, 1), pattern(0, 2), pattern(0, 3),
		pattern(0, 4));
	HOSTILE(&x->h, APP, 0x0a, 4, 1, pattern(4, 0));
	HOSTILE(&x->h, APP, 0x0e, 0, 5, 1, pattern(0, 5), 0x04, 4, 0, 1);
	HOSTILE(&x->h, APP, 0x0a, 0, 1, pattern(0, 0));
	HOSTILE(&x->h, APP, 0x01);
	end_read(x->h.victim);
	KUNIT_EXPECT_EQ(test, x->h.victim->got, 6);
	ctx_free(test, x);
}

/* RFC 9000 §13.2.1: ACKs, PADDING and CLOSE are never answered with an ACK */
static void acks_are_not_acknowledged(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, APP);
	int i;

	hostile_look(&x->h);
	for (i = 0; i < 10; i++) {
		HOSTILE(&x->h, APP, 0x02, 0, 0, 0, 0);
		HOSTILE(&x->h, APP, 0x00, 0x00);
		x->p.now += 50 * PAIR_MS;
		KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 0);
	}
	/* but ride along with what is */
	HOSTILE(&x->h, APP, 0x01);
	HOSTILE(&x->h, APP, 0x01);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 1);
	KUNIT_EXPECT_TRUE(test, hostile_saw(&x->h, APP, QUIC_FRAME_ACK));
	ctx_free(test, x);
}

/* RFC 9000 §13.2.2, §13.2.1: every second packet, or after max_ack_delay */
static void ack_frequency(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, APP);

	hostile_look(&x->h);
	HOSTILE(&x->h, APP, 0x0a, 0, 1, pattern(0, 0));
	x->h.pn[APP]++;			/* what follows a hole is acknowledged at once */
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 1);
	HOSTILE(&x->h, APP, 0x0e, 0, 1, 1, pattern(0, 1));
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 1);
	x->p.now += 25 * PAIR_MS;
	quic_conn_timeout(victim(x), x->p.now);
	hostile_look(&x->h);
	HOSTILE(&x->h, APP, 0x0e, 0, 2, 1, pattern(0, 2));
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 0);
	KUNIT_EXPECT_EQ(test, quic_conn_deadline(victim(x), x->p.now), x->p.now + 25 * PAIR_MS);
	x->h.victim->mem.size = QUIC_CHUNK_SIZE;	/* as for a train: all in one */
	HOSTILE(&x->h, APP, 0x0e, 0, 3, 1, pattern(0, 3));
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 1);
	HOSTILE(&x->h, APP, 0x0e, 0, 4, 1, pattern(0, 4));
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 0);
	x->p.now += 25 * PAIR_MS;
	quic_conn_timeout(victim(x), x->p.now);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 1);
	ctx_free(test, x);
}

/* RFC 9000 §13.4.1: ECN codepoints are counted, CE is told at once */
static void ecn_is_reported(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, APP);
	const struct quic_frame *f;

	hostile_look(&x->h);
	x->h.ecn = QUIC_ECN_CE;
	HOSTILE(&x->h, APP, 0x01);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 1);
	f = hostile_saw(&x->h, APP, QUIC_FRAME_ACK_ECN);
	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_EXPECT_EQ(test, f->ack.ce, 1);
	KUNIT_EXPECT_EQ(test, f->ack.ect1, 0);
	ctx_free(test, x);
}

/* ---- packets that are not for us ---- */

/* RFC 9000 §14.1: a server MUST discard an Initial in a datagram below 1200 bytes */
static void small_initial(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, INI);
	u32 n;

	x->h.pad = 100;
	HOSTILE(&x->h, INI, 0x21);
	KUNIT_EXPECT_EQ(test, x->h.victim->mib[QUIC_MIB_DROP_SMALL], 1);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(victim(x)));
	/* exactly 1199 and 1200 bytes of UDP payload */
	n = hostile_build(&x->h, INI, (const u8 []){ 0x01 }, 1, x->h.buf);
	x->h.pad += 1199 - n;
	HOSTILE(&x->h, INI, 0x21);
	KUNIT_EXPECT_EQ(test, x->h.victim->mib[QUIC_MIB_DROP_SMALL], 2);
	x->h.pad++;
	HOSTILE(&x->h, INI, 0x21);
	KUNIT_EXPECT_EQ(test, x->h.victim->mib[QUIC_MIB_DROP_SMALL], 2);
	KUNIT_EXPECT_EQ(test, (int)victim(x)->state, (int)QUIC_CONN_CLOSING);
	ctx_free(test, x);
	/* a client takes a server's small ones */
	x = ctx_at(test, 0, INI);
	x->h.pad = 100;
	HOSTILE(&x->h, INI, 0x01);
	KUNIT_EXPECT_EQ(test, x->h.victim->mib[QUIC_MIB_DROP_SMALL], 0);
	ctx_free(test, x);
}

/* RFC 9000 §17.2.2: a server's Initial MUST have no token; a client MUST NOT take it */
static void token_of_a_server(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 0, INI);

	x->h.token = (const u8 *)"t";
	x->h.token_len = 1;
	HOSTILE(&x->h, INI, 0x21);
	KUNIT_EXPECT_EQ(test, x->h.victim->mib[QUIC_MIB_DROP_HEADER], 1);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(victim(x)));
	ctx_free(test, x);
	/* a client's is nothing strange */
	x = ctx_at(test, 1, INI);
	x->h.token = (const u8 *)"t";
	x->h.token_len = 1;
	HOSTILE(&x->h, INI, 0x21);
	KUNIT_EXPECT_EQ(test, (int)victim(x)->state, (int)QUIC_CONN_CLOSING);
	ctx_free(test, x);
}

/* RFC 9000 §5.2, §7.2: other IDs, another version: dropped */
static void wrong_header(struct kunit *test)
{
	static const struct quic_cid other = { 16, { 1, 2, 3 } };
	struct ctx *x;
	struct end *v;
	int i;

	for (i = 0; i < 4; i++) {
		x = ctx_at(test, i & 1, i & 2 ? INI : HS);
		v = x->h.victim;
		x->h.dcid = &other;
		HOSTILE(&x->h, i & 2 ? INI : HS, 0x21);
		KUNIT_EXPECT_EQ(test, v->mib[QUIC_MIB_DROP_CID], 1);
		x->h.dcid = NULL;
		/* §7.2: MUST discard a packet with another Source Connection ID */
		x->h.scid = &other;
		HOSTILE(&x->h, i & 2 ? INI : HS, 0x21);
		KUNIT_EXPECT_EQ(test, v->mib[QUIC_MIB_DROP_CID], 2);
		x->h.scid = NULL;
		x->h.version = QUIC_VERSION_V2;
		HOSTILE(&x->h, i & 2 ? INI : HS, 0x21);
		KUNIT_EXPECT_EQ(test, v->mib[QUIC_MIB_DROP_VERSION], 1);
		KUNIT_EXPECT_TRUE(test, quic_conn_is_open(&v->c));
		ctx_free(test, x);
	}
}

/* RFC 9000 §9: before migration is allowed, only from the peer's address */
static void wrong_address(struct kunit *test)
{
	struct quic_addr other = { .family = 4, .port = 5, .ip = { 10, 0, 0, 9 } };
	struct ctx *x = ctx_at(test, 1, HS);

	x->h.from = &other;
	HOSTILE(&x->h, HS, 0x21);
	KUNIT_EXPECT_EQ(test, x->h.victim->mib[QUIC_MIB_DROP_PATH], 1);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(victim(x)));
	ctx_free(test, x);
}

/* Noise, and packets that do not verify: counted, and that is all */
static void forged(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, APP);
	struct end *v = x->h.victim;
	int n, i;

	n = hostile_build(&x->h, APP, (const u8 []){ 0x1f }, 1, x->h.buf);
	x->h.buf[n - 1] ^= 1;
	hostile_datagram(&x->h, x->h.buf, n);
	KUNIT_EXPECT_EQ(test, v->mib[QUIC_MIB_DROP_AUTH], 1);
	KUNIT_EXPECT_EQ(test, v->c.keys.forged, 1);
	/* RFC 9001 §5.4.2: too short for a sample */
	hostile_datagram(&x->h, x->h.buf, 36);
	KUNIT_EXPECT_EQ(test, v->mib[QUIC_MIB_DROP_AUTH], 2);
	KUNIT_EXPECT_EQ(test, v->c.keys.forged, 1);
	/* nothing, one byte, a header cut short, the fixed bit cleared */
	hostile_datagram(&x->h, NULL, 0);
	for (i = 1; i < 17; i++)
		hostile_datagram(&x->h, x->h.buf, i);
	x->h.buf[0] &= ~QUIC_HDR_FIXED;
	hostile_datagram(&x->h, x->h.buf, n);
	KUNIT_EXPECT_EQ(test, v->mib[QUIC_MIB_DROP_HEADER], 17);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(&v->c));
	ctx_free(test, x);
}

/* RFC 9000 §12.2: coalesced packets are taken one by one; of other IDs: not at all */
static void coalesced(struct kunit *test)
{
	static const struct quic_cid other = { 16, { 1, 2, 3 } };
	struct ctx *x = ctx_at(test, 1, HS);
	struct end *v = x->h.victim;
	u32 in = v->mib[QUIC_MIB_PKT_IN];
	int a, b, c;

	x->h.pad = QUIC_INITIAL_MIN / 2;
	a = hostile_build(&x->h, INI, (const u8 []){ 0x01 }, 1, x->h.buf);
	/* §12.2: one that does not verify does not stop the others */
	x->h.buf[a - 1] ^= 1;
	b = hostile_build(&x->h, INI, (const u8 []){ 0x01 }, 1, x->h.buf + a);
	x->h.pad = 0;
	c = hostile_build(&x->h, HS, (const u8 []){ 0x01 }, 1, x->h.buf + a + b);
	hostile_datagram(&x->h, x->h.buf, a + b + c);
	KUNIT_EXPECT_EQ(test, v->mib[QUIC_MIB_DROP_AUTH], 1);
	KUNIT_EXPECT_EQ(test, v->mib[QUIC_MIB_PKT_IN], in + 2);
	/* §12.2: SHOULD ignore those with another Destination Connection ID */
	a = hostile_build(&x->h, HS, (const u8 []){ 0x01 }, 1, x->h.buf);
	x->h.dcid = &other;
	b = hostile_build(&x->h, HS, (const u8 []){ 0x21 }, 1, x->h.buf + a);
	hostile_datagram(&x->h, x->h.buf, a + b);
	KUNIT_EXPECT_EQ(test, v->mib[QUIC_MIB_PKT_IN], in + 3);
	KUNIT_EXPECT_EQ(test, v->mib[QUIC_MIB_DROP_CID], 1);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(&v->c));
	ctx_free(test, x);
}

/* ---- held packets, RFC 9001 §5.7 ---- */

static void held_until_keys(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct end *s = &x->p.e[1];
	int i;

	pair_hello(&x->p);
	s->deaf = true;
	end_deliver(s);
	hostile_init(&x->h, s);
	for (i = 0; i < 2 * QUIC_HELD_MAX; i++)
		HOSTILE(&x->h, i & 1 ? HS : APP, 0x01);
	KUNIT_EXPECT_EQ(test, (u32)s->c.nheld, (u32)QUIC_HELD_MAX);
	KUNIT_EXPECT_EQ(test, s->mib[QUIC_MIB_DROP_NOKEY], QUIC_HELD_MAX);
	s->deaf = false;
	end_tls(s);
	/* Handshake keys are there: those are done, and prove the client's address */
	KUNIT_EXPECT_EQ(test, (u32)s->c.nheld, (u32)QUIC_HELD_MAX / 2);
	KUNIT_EXPECT_EQ(test, (int)s->c.path.state, (int)QUIC_PATH_VALIDATED);
	KUNIT_EXPECT_EQ(test, s->mib[QUIC_MIB_PKT_IN], 1 + QUIC_HELD_MAX / 2);
	HOSTILE(&x->h, HS, 0x06, 0, 5, TLS_FINISHED, 0, 2, 0, 0);
	end_tls(s);
	KUNIT_EXPECT_TRUE(test, s->c.confirmed);
	KUNIT_EXPECT_EQ(test, (u32)s->c.nheld, 0);
	KUNIT_EXPECT_EQ(test, s->mib[QUIC_MIB_PKT_IN], 2 + QUIC_HELD_MAX);
	ctx_free(test, x);
	/* what is still held when the connection goes is freed */
	x = ctx_new(test);
	pair_hello(&x->p);
	x->p.e[1].deaf = true;
	end_deliver(&x->p.e[1]);
	hostile_init(&x->h, &x->p.e[1]);
	HOSTILE(&x->h, HS, 0x01);
	KUNIT_EXPECT_EQ(test, (u32)x->p.e[1].c.nheld, 1);
	ctx_free(test, x);
}

/*
 * RFC 9001 §5.7: a server MUST NOT process 1-RTT packets before the handshake is
 * complete; nor does a client, whatever key is installed first
 */
static void held_until_complete(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 0, HS);
	struct end *c = x->h.victim;
	u8 params[QUIC_TPARAM_EXT_MAX];
	int n;

	n = quic_conn_get_params(&x->p.e[1].c, params, sizeof(params));
	KUNIT_ASSERT_GT(test, n, 0);
	KUNIT_ASSERT_EQ(test, quic_conn_set_peer_params(&c->c, params, n, x->p.now), 0);
	KUNIT_ASSERT_EQ(test, tls_secret(c, APP, false), 0);
	HOSTILE(&x->h, APP, 0x1e);
	KUNIT_EXPECT_EQ(test, (u32)c->c.nheld, 1);
	KUNIT_EXPECT_FALSE(test, c->c.confirmed);
	KUNIT_ASSERT_EQ(test, tls_secret(c, APP, true), 0);
	KUNIT_EXPECT_EQ(test, (u32)c->c.nheld, 0);
	KUNIT_EXPECT_TRUE(test, c->c.confirmed);
	ctx_free(test, x);
}

/* Once keys are gone, nothing is held, RFC 9001 §4.9 */
static void not_held_after(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, APP);

	HOSTILE(&x->h, HS, 0x21);
	x->h.pad = QUIC_INITIAL_MIN;
	HOSTILE(&x->h, INI, 0x21);
	KUNIT_EXPECT_EQ(test, (u32)victim(x)->nheld, 0);
	KUNIT_EXPECT_EQ(test, x->h.victim->mib[QUIC_MIB_DROP_NOKEY], 2);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(victim(x)));
	ctx_free(test, x);
}

/* ---- key update, RFC 9001 §6 ---- */

static void hostile_update(struct ctx *x)
{
	PAIR_MUST(&x->p, !quic_keys_prepare(&x->h.keys));
	PAIR_MUST(&x->p, !quic_keys_flip(&x->h.keys, x->h.pn[APP], x->p.now + PAIR_SEC));
}

static void key_update_of_the_peer(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, APP);
	struct quic_conn *c = victim(x);
	u32 at;

	HOSTILE(&x->h, APP, 0x01);
	hostile_look(&x->h);
	hostile_update(x);
	KUNIT_ASSERT_FALSE(test, c->keys.prepared);
	/* not prepared: the packet is held, and work is asked for */
	HOSTILE(&x->h, APP, 0x01);
	KUNIT_EXPECT_TRUE(test, c->work & QUIC_WORK_KEYS);
	KUNIT_EXPECT_EQ(test, (u32)c->nheld, 1);
	KUNIT_EXPECT_FALSE(test, c->keys.phase);
	quic_conn_work(c, x->p.now);
	KUNIT_EXPECT_EQ(test, (u32)c->nheld, 0);
	KUNIT_EXPECT_EQ(test, x->h.victim->mib[QUIC_MIB_DROP_NOKEY], 0);
	/* RFC 9001 §6.2: MUST answer with the new keys */
	KUNIT_EXPECT_TRUE(test, c->keys.phase);
	KUNIT_EXPECT_EQ(test, x->h.victim->mib[QUIC_MIB_KEY_UPDATE], 1);
	KUNIT_EXPECT_EQ(test, end_events(x->h.victim, QUIC_EVENT_KEY_UPDATE, &at), 1);
	KUNIT_EXPECT_EQ(test, x->h.victim->ev[at].data[0], 1);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 1);
	KUNIT_EXPECT_FALSE(test, x->h.keys.phase_first_rx == QUIC_TIME_NEVER);
	/* RFC 9001 §6.4: and never again the old ones */
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(c));
	ctx_free(test, x);
}

/* Those of a phase without keys are few, in order, freed, and tried once. */
static void key_update_held(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, APP);
	struct quic_conn *c = victim(x);
	u64 before;
	int i;

	hostile_update(x);
	for (i = 0; i < QUIC_HELD_MAX + 3; i++)
		HOSTILE(&x->h, APP, 0x01);
	KUNIT_EXPECT_EQ(test, (u32)c->nheld, (u32)QUIC_HELD_MAX);
	KUNIT_EXPECT_EQ(test, x->h.victim->mib[QUIC_MIB_DROP_NOKEY], 3);
	before = x->h.victim->mib[QUIC_MIB_PKT_IN];
	quic_conn_work(c, x->p.now);
	KUNIT_EXPECT_EQ(test, x->h.victim->mib[QUIC_MIB_PKT_IN], before + QUIC_HELD_MAX);
	KUNIT_EXPECT_EQ(test, (u32)c->nheld, 0);
	KUNIT_EXPECT_TRUE(test, c->keys.phase);
	ctx_free(test, x);
	/* forged ones: held as well, and then they are none of the next phase either */
	x = ctx_at(test, 1, APP);
	c = victim(x);
	hostile_update(x);
	hostile_update(x);
	hostile_update(x);
	HOSTILE(&x->h, APP, 0x01);
	KUNIT_EXPECT_EQ(test, (u32)c->nheld, 1);
	quic_conn_work(c, x->p.now);
	KUNIT_EXPECT_EQ(test, (u32)c->nheld, 0);
	KUNIT_EXPECT_EQ(test, x->h.victim->mib[QUIC_MIB_DROP_AUTH], 1);
	KUNIT_EXPECT_FALSE(test, c->keys.phase);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(c));
	/* what is still held when the connection goes is freed */
	HOSTILE(&x->h, APP, 0x01);
	ctx_free(test, x);
}

/* RFC 9001 §6.4: older keys with a higher packet number: KEY_UPDATE_ERROR */
static void key_update_backwards(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 0, APP);
	struct quic_conn *c = victim(x);
	int n;

	KUNIT_ASSERT_EQ(test, quic_keys_prepare(&c->keys), 0);
	HOSTILE(&x->h, APP, 0x01);
	/* a packet of the old phase with a number above those of the new */
	x->h.pn[APP] += 10;
	n = hostile_build(&x->h, APP, (const u8 []){ 0x01 }, 1, x->h.buf + PAIR_DGRAM);
	x->h.pn[APP] -= 5;
	hostile_update(x);
	HOSTILE(&x->h, APP, 0x01);
	KUNIT_EXPECT_TRUE(test, c->keys.phase);
	hostile_look(&x->h);
	x->h.pn[APP] -= 3;
	HOSTILE(&x->h, APP, 0x01);	/* the new phase begins lower: fine */
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(c));
	/* it opens with the previous keys only below the new phase: here it cannot be opened */
	hostile_datagram(&x->h, x->h.buf + PAIR_DGRAM, n);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(c));
	ctx_free(test, x);
	/* the new phase below what the old one had: an error */
	x = ctx_at(test, 0, APP);
	c = victim(x);
	KUNIT_ASSERT_EQ(test, quic_keys_prepare(&c->keys), 0);
	x->h.pn[APP] += 10;
	HOSTILE(&x->h, APP, 0x01);
	hostile_look(&x->h);
	x->h.pn[APP] -= 5;
	hostile_update(x);
	HOSTILE(&x->h, APP, 0x01);
	expect_fault(test, x, ERR(KEY_UPDATE), 0, "key update backwards");
	ctx_free(test, x);
}

/* RFC 9001 §6.5: packets of the phase before are read for a while */
static void reordered_around_update(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, APP);
	struct quic_conn *c = victim(x);
	u8 *late = x->h.buf + PAIR_DGRAM;
	u32 in;
	int n;

	KUNIT_ASSERT_EQ(test, quic_keys_prepare(&c->keys), 0);
	n = hostile_build(&x->h, APP, (const u8 []){ 0x01 }, 1, late);
	hostile_update(x);
	HOSTILE(&x->h, APP, 0x01);
	in = x->h.victim->mib[QUIC_MIB_PKT_IN];
	hostile_datagram(&x->h, late, n);
	KUNIT_EXPECT_EQ(test, x->h.victim->mib[QUIC_MIB_PKT_IN], in + 1);
	ctx_free(test, x);
	/* ... but not for ever: three PTO */
	x = ctx_at(test, 1, APP);
	c = victim(x);
	KUNIT_ASSERT_EQ(test, quic_keys_prepare(&c->keys), 0);
	n = hostile_build(&x->h, APP, (const u8 []){ 0x01 }, 1, x->h.buf + PAIR_DGRAM);
	hostile_update(x);
	HOSTILE(&x->h, APP, 0x01);
	hostile_look(&x->h);
	hostile_ack(&x->h, APP);
	x->p.now = c->keys.prev_drop;
	quic_conn_timeout(c, x->p.now);
	in = x->h.victim->mib[QUIC_MIB_PKT_IN];
	hostile_datagram(&x->h, x->h.buf + PAIR_DGRAM, n);
	KUNIT_EXPECT_EQ(test, x->h.victim->mib[QUIC_MIB_PKT_IN], in);
	ctx_free(test, x);
}

/* RFC 9001 §6.6: too many forgeries: AEAD_LIMIT_REACHED */
static void forgery_limit(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, APP);
	struct quic_conn *c = victim(x);
	int n;

	c->keys.forged = c->keys.rx.info->open_limit - 1;
	n = hostile_build(&x->h, APP, (const u8 []){ 0x01 }, 1, x->h.buf);
	x->h.buf[n - 1] ^= 1;
	hostile_datagram(&x->h, x->h.buf, n);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(c));
	hostile_datagram(&x->h, x->h.buf, n);
	expect_fault(test, x, ERR(AEAD_LIMIT_REACHED), 0, "forgeries");
	ctx_free(test, x);
}

/* ---- TLS after the handshake ---- */

/* RFC 9001 §4.1.3: session tickets come in 1-RTT CRYPTO; ours are events */
static void session_tickets(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 0, APP);
	struct end *c = x->h.victim;
	u32 at;

	/* two in three pieces, out of order */
	HOSTILE(&x->h, APP, 0x06, 3, 6, 2, 'a', 'b', 4, 0, 0);
	KUNIT_EXPECT_EQ(test, end_events(c, QUIC_EVENT_NEW_SESSION_TICKET, NULL), 0);
	HOSTILE(&x->h, APP, 0x06, 0, 3, 4, 0, 0);
	KUNIT_EXPECT_EQ(test, end_events(c, QUIC_EVENT_NEW_SESSION_TICKET, &at), 1);
	KUNIT_EXPECT_EQ(test, c->ev[at].len, 6);
	KUNIT_EXPECT_MEMEQ(test, c->ev[at].data, "\4\0\0\2ab", 6);
	HOSTILE(&x->h, APP, 0x06, 9, 2, 1, 'c');
	KUNIT_EXPECT_EQ(test, end_events(c, QUIC_EVENT_NEW_SESSION_TICKET, &at), 2);
	KUNIT_EXPECT_MEMEQ(test, c->ev[at].data, "\4\0\0\1c", 5);
	/* nothing of it is for the reader of handshake messages */
	c->deaf = true;
	KUNIT_EXPECT_FALSE(test, tls_step(c));
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(&c->c));
	ctx_free(test, x);
}

/*
 * RFC 9001 §4.1.3: when TLS brings the keys of a level, there MUST be nothing
 * left to read of the one before.
 */
static void crypto_left_behind(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	u8 params[QUIC_TPARAM_EXT_MAX];
	u32 len, read = 0;
	struct quic_conn *c;
	const u8 *data;
	u8 level;
	int n;

	/* of Initial: the ServerHello has a tail that came ahead */
	pair_hello(&x->p);
	hostile_init(&x->h, &x->p.e[0]);
	HOSTILE(&x->h, INI, 0x06, 9, 1, 'x');
	KUNIT_EXPECT_EQ(test, tls_secret(&x->p.e[0], HS, true), 0);
	KUNIT_EXPECT_EQ(test, tls_secret(&x->p.e[0], HS, false), -EINVAL);
	expect_fault(test, x, ERR(PROTOCOL_VIOLATION), QUIC_FRAME_CRYPTO, "Initial left");
	ctx_free(test, x);
	/* ... or came together with it: read is the message alone, once its head is there */
	x = ctx_new(test);
	pair_hello(&x->p);
	hostile_init(&x->h, &x->p.e[0]);
	c = victim(x);
	HOSTILE(&x->h, INI, 0x06, 0, 3, 2, 0, 0);
	KUNIT_EXPECT_EQ(test, quic_conn_crypto_peek(c, &level, &data), 0);
	HOSTILE(&x->h, INI, 0x06, 0, 9, 2, 0, 0, 4, 1, 2, 3, 4, 'x');
	while ((len = quic_conn_crypto_peek(c, &level, &data)) && read < 8) {
		read += len;
		quic_conn_crypto_consume(c, level, len);
	}
	KUNIT_EXPECT_EQ(test, read, 8);
	KUNIT_EXPECT_EQ(test, tls_secret(&x->p.e[0], HS, true), 0);
	KUNIT_EXPECT_EQ(test, tls_secret(&x->p.e[0], HS, false), -EINVAL);
	expect_fault(test, x, ERR(PROTOCOL_VIOLATION), QUIC_FRAME_CRYPTO, "Initial's tail");
	ctx_free(test, x);
	/* of Handshake: the server's flight was not read */
	x = ctx_at(test, 0, HS);
	c = victim(x);
	HOSTILE(&x->h, HS, 0x06, 0x50, 0, 1, 'x');
	n = quic_conn_get_params(&x->p.e[1].c, params, sizeof(params));
	KUNIT_ASSERT_GT(test, n, 0);
	KUNIT_ASSERT_EQ(test, quic_conn_set_peer_params(c, params, n, x->p.now), 0);
	KUNIT_EXPECT_EQ(test, tls_secret(x->h.victim, APP, true), 0);
	KUNIT_EXPECT_EQ(test, tls_secret(x->h.victim, APP, false), -EINVAL);
	KUNIT_EXPECT_EQ(test, (int)c->state, (int)QUIC_CONN_CLOSING);
	KUNIT_EXPECT_EQ(test, c->close.code, ERR(PROTOCOL_VIOLATION));
	ctx_free(test, x);
}

/* RFC 9001 §4.1.3: nor may any come that the old level had not got before; copies may */
static void crypto_of_the_past(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct quic_conn *c;

	/* the client has all keys, and waits for HANDSHAKE_DONE */
	pair_hello(&x->p);
	end_deliver(&x->p.e[1]);
	end_tx(&x->p.e[1]);
	x->p.now += PAIR_LEG;
	end_deliver(&x->p.e[0]);
	hostile_init(&x->h, &x->p.e[0]);
	c = victim(x);
	KUNIT_EXPECT_EQ(test, (int)c->state, (int)QUIC_CONN_ESTABLISHED);
	KUNIT_EXPECT_FALSE(test, c->confirmed);
	HOSTILE(&x->h, HS, 0x06, 0, 1, 'x');
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(c));
	HOSTILE(&x->h, HS, 0x06, 0x60, 0, 1, 'x');
	expect_fault(test, x, ERR(PROTOCOL_VIOLATION), QUIC_FRAME_CRYPTO, "Handshake is over");
	ctx_free(test, x);
}

/* RFC 9000 §19.7: a token for later */
static void new_token_event(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 0, APP);
	u32 at;

	HOSTILE(&x->h, APP, 0x07, 3, 7, 8, 9);
	KUNIT_EXPECT_EQ(test, end_events(x->h.victim, QUIC_EVENT_NEW_TOKEN, &at), 1);
	KUNIT_EXPECT_MEMEQ(test, x->h.victim->ev[at].data, "\7\10\11", 3);
	ctx_free(test, x);
}

/* ---- connection IDs ---- */

/* The draft: an event tells of retired IDs, which one is in use, and the lowest left. */
static void expect_ids(struct kunit *test, struct ctx *x, u32 n, bool dest, u32 active, u32 low)
{
	struct quic_connection_id_info ev;
	u32 at = 0;

	KUNIT_EXPECT_EQ(test, end_events(x->h.victim, QUIC_EVENT_CONNECTION_ID, &at), n);
	memcpy(&ev, x->h.victim->ev[at].data, sizeof(ev));
	KUNIT_EXPECT_EQ(test, ev.dest, (u8)dest);
	KUNIT_EXPECT_EQ(test, ev.active, active);
	KUNIT_EXPECT_EQ(test, ev.prior_to, low);
}

/* RFC 9000 §5.1.2: Retire Prior To: others are used, the old ones retired */
static void retire_prior_to(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, APP);
	struct quic_cid now_used;
	struct quic_hdr h;
	struct dgram *d;

	HOSTILE(&x->h, APP, 0x18, QUIC_CIDS_ISSUED, QUIC_CIDS_ISSUED, 4, 9, 9, 9, 9, TOKEN16);
	now_used = quic_cids_remote_active(&victim(x)->dcids)->cid;
	KUNIT_EXPECT_EQ(test, (u32)now_used.len, 4);
	expect_ids(test, x, 1, true, QUIC_CIDS_ISSUED, QUIC_CIDS_ISSUED);
	x->p.e[0].in.n = 0;
	KUNIT_ASSERT_GE(test, end_tx(x->h.victim), 1);
	d = queue_at(&x->p.e[0].in, 0);
	KUNIT_ASSERT_EQ(test, quic_hdr_parse(d->data, d->len, 4, false, &h), 0);
	KUNIT_EXPECT_TRUE(test, quic_cid_equal(&h.dcid, &now_used));
	see_datagram(&x->h, d);
	KUNIT_EXPECT_TRUE(test, hostile_saw(&x->h, APP, QUIC_FRAME_RETIRE_CONNECTION_ID));
	KUNIT_EXPECT_EQ(test, x->h.nseen, 1 + QUIC_CIDS_ISSUED);	/* ACK, and all of them */
	ctx_free(test, x);
}

/* RFC 9000 §5.1.2: a peer that makes us retire without end */
static void retire_flood(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, APP);
	u8 seq;

	for (seq = 7; seq < 63 && quic_conn_is_open(victim(x)); seq++)
		HOSTILE(&x->h, APP, 0x18, seq, seq, 4, 9, 9, 9, seq, seq, 2, 3, 4, 5, 6, 7, 8, 9, 10,
			11, 12, 13, 14, 15, 16);
	expect_fault(test, x, ERR(CONNECTION_ID_LIMIT), 0x18, "retire flood");
	KUNIT_EXPECT_GT(test, seq, 14);
	ctx_free(test, x);
}

/* RFC 9000 §5.1.2: what the peer retires is replaced; the event tells */
static void peer_retires(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 0, APP);
	struct end *v = x->h.victim;
	struct quic_cid second = v->c.scids.e[1].cid;
	const struct quic_frame *f;
	u32 had = v->cids;

	hostile_look(&x->h);
	x->h.dcid = &second;
	HOSTILE(&x->h, APP, 0x19, 0);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(&v->c));
	expect_ids(test, x, 1, false, 1, 1);
	KUNIT_EXPECT_EQ(test, v->cids, had);
	hostile_look(&x->h);
	f = hostile_saw(&x->h, APP, QUIC_FRAME_NEW_CONNECTION_ID);
	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_EXPECT_EQ(test, f->new_cid.seq, QUIC_CIDS_ISSUED);
	/* again: a repeated frame, no harm, and no news */
	HOSTILE(&x->h, APP, 0x19, 0);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(&v->c));
	KUNIT_EXPECT_EQ(test, end_events(v, QUIC_EVENT_CONNECTION_ID, NULL), 1);
	ctx_free(test, x);
}

/* ---- stateless reset, RFC 9000 §10.3.1 ---- */

static void stateless_reset(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 0, APP);
	struct quic_conn *c = victim(x);
	u8 token[QUIC_RESET_TOKEN_LEN], spare[QUIC_RESET_TOKEN_LEN];

	/* the one in use, given by NEW_CONNECTION_ID with all others retired */
	memcpy(spare, c->dcids.e[2].token, sizeof(spare));
	KUNIT_ASSERT_EQ(test, quic_cids_remote_use(&c->dcids, 1), 0);
	memcpy(token, quic_cids_remote_active(&c->dcids)->token, sizeof(token));
	get_random_bytes(x->h.buf, 64);
	x->h.buf[0] = 0x41;
	/* RFC 9000 §10.3.1: MUST NOT check tokens of IDs that were never used */
	memcpy(x->h.buf + 43 - 16, spare, 16);
	hostile_datagram(&x->h, x->h.buf, 43);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(c));
	/* what is shorter than 21 bytes is none */
	memcpy(x->h.buf + 43 - 16, token, 16);
	hostile_datagram(&x->h, x->h.buf + 43 - 20, 20);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(c));
	/* RFC 9000 §10.3.1: MUST enter the draining period, and not send any more */
	hostile_datagram(&x->h, x->h.buf, 43);
	KUNIT_EXPECT_EQ(test, (int)c->state, (int)QUIC_CONN_DRAINING);
	KUNIT_EXPECT_EQ(test, c->close.err, ECONNRESET);
	KUNIT_EXPECT_EQ(test, x->h.victim->mib[QUIC_MIB_RESET_IN], 1);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 0);
	ctx_free(test, x);
}

/* RFC 9000 §10.3: MUST treat any packet that ends in the token as a reset: of any form */
static void reset_of_any_form(struct kunit *test)
{
	static const u8 first[] = { 0xc1, 0x80, 0xff, 0x01 };
	struct ctx *x;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(first); i++) {
		x = ctx_at(test, 0, APP);
		KUNIT_ASSERT_EQ(test, quic_cids_remote_use(&victim(x)->dcids, 1), 0);
		get_random_bytes(x->h.buf, 64);
		x->h.buf[0] = first[i];
		memcpy(x->h.buf + 43 - 16, quic_cids_remote_active(&victim(x)->dcids)->token, 16);
		hostile_datagram(&x->h, x->h.buf, 43);
		KUNIT_EXPECT_EQ_MSG(test, (int)victim(x)->state, (int)QUIC_CONN_DRAINING,
				    "first byte %x", first[i]);
		ctx_free(test, x);
	}
}

/* ---- PATH_CHALLENGE, RFC 9000 §8.2.2 ---- */

static void path_challenge(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, APP);
	const struct quic_frame *f;

	hostile_look(&x->h);
	HOSTILE(&x->h, APP, 0x1a, 1, 2, 3, 4, 5, 6, 7, 8);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 1);
	f = hostile_saw(&x->h, APP, QUIC_FRAME_PATH_RESPONSE);
	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_EXPECT_MEMEQ(test, f->path.data, "\1\2\3\4\5\6\7\10", 8);
	/* RFC 9000 §8.2.2: MUST expand the datagram to 1200 bytes */
	KUNIT_EXPECT_GE(test, x->h.victim->last_len, QUIC_INITIAL_MIN);
	/* a response that nobody asked for: ignored */
	HOSTILE(&x->h, APP, 0x1b, 1, 2, 3, 4, 5, 6, 7, 8);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(victim(x)));
	ctx_free(test, x);
}

/* ---- the peer closes, RFC 9000 §10.2.2 ---- */

static void peer_closes(struct kunit *test)
{
	static const struct {
		u8 frame[6];
		int err;
		bool app;
	} t[] = {
		{ { 0x1c, 0x00, 0x00, 2, 'o', 'k' }, 0, false },
		{ { 0x1c, 0x0a, 0x06, 2, 'n', 'o' }, ECONNRESET, false },
		{ { 0x1c, 0x02, 0x00, 2, 'n', 'o' }, ECONNREFUSED, false },
		{ { 0x1d, 0x2a, 3, 'b', 'y', 'e' }, 0, true },
	};
	struct quic_conn *c;
	struct ctx *x;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		x = ctx_at(test, i & 1, APP);
		c = victim(x);
		hostile_send(&x->h, APP, t[i].frame, 6);
		KUNIT_EXPECT_EQ(test, (int)c->state, (int)QUIC_CONN_DRAINING);
		KUNIT_EXPECT_EQ(test, c->close.err, t[i].err);
		KUNIT_EXPECT_EQ(test, c->close.app, t[i].app);
		KUNIT_EXPECT_FALSE(test, c->close.local);
		KUNIT_EXPECT_EQ(test, c->close.code, (u64)t[i].frame[1]);
		KUNIT_EXPECT_MEMEQ(test, c->close.phrase, t[i].app ? "bye" : (char *)t[i].frame + 4,
				   t[i].app ? 3 : 2);
		KUNIT_EXPECT_EQ(test, end_events(x->h.victim, QUIC_EVENT_CONNECTION_CLOSE, NULL), 1);
		/* RFC 9000 §10.2.2: MUST NOT send any packets */
		HOSTILE(&x->h, APP, 0x01);
		HOSTILE(&x->h, APP, 0x01);
		KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 0);
		quic_conn_close(c, true, 1, NULL, 0, x->p.now);
		KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 0);
		/* RFC 9000 §10.2: at least three PTO, then all is over */
		KUNIT_EXPECT_EQ(test, quic_conn_deadline(c, x->p.now), c->close_at);
		KUNIT_EXPECT_EQ(test, c->close_at,
				x->p.now + 3 * quic_loss_pto(&c->loss, QUIC_SPACE_APP));
		x->p.now = c->close_at;
		quic_conn_timeout(c, x->p.now);
		KUNIT_EXPECT_EQ(test, (int)c->state, (int)QUIC_CONN_CLOSED);
		KUNIT_EXPECT_EQ(test, quic_conn_deadline(c, x->p.now), QUIC_TIME_NEVER);
		ctx_free(test, x);
	}
}

/* A refusal during the handshake, at either level */
static void peer_refuses(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 0, INI);

	HOSTILE(&x->h, INI, 0x1c, 0x02, 0, 0);
	KUNIT_EXPECT_EQ(test, victim(x)->close.err, ECONNREFUSED);
	ctx_free(test, x);
	x = ctx_at(test, 0, HS);
	HOSTILE(&x->h, HS, 0x1c, 0x41, 0x28, 0, 0);
	KUNIT_EXPECT_EQ(test, victim(x)->close.err, ECONNREFUSED);
	KUNIT_EXPECT_EQ(test, victim(x)->close.code, 0x128);
	ctx_free(test, x);
}

/* Frames behind a CLOSE are nobody's */
static void frames_behind_close(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, APP);

	HOSTILE(&x->h, APP, 0x1d, 7, 0, 0x1f, 0x0a, 0, 1, 'x');
	KUNIT_EXPECT_EQ(test, (int)victim(x)->state, (int)QUIC_CONN_DRAINING);
	KUNIT_EXPECT_EQ(test, victim(x)->close.code, 7);
	ctx_free(test, x);
}

static struct kunit_case conn_rx_cases[] = {
	KUNIT_CASE(duplicates),
	KUNIT_CASE(covered_data),
	KUNIT_CASE(acks_are_not_acknowledged),
	KUNIT_CASE(ack_frequency),
	KUNIT_CASE(ecn_is_reported),
	KUNIT_CASE(small_initial),
	KUNIT_CASE(token_of_a_server),
	KUNIT_CASE(wrong_header),
	KUNIT_CASE(wrong_address),
	KUNIT_CASE(forged),
	KUNIT_CASE(coalesced),
	KUNIT_CASE(held_until_keys),
	KUNIT_CASE(held_until_complete),
	KUNIT_CASE(not_held_after),
	KUNIT_CASE(key_update_of_the_peer),
	KUNIT_CASE(key_update_held),
	KUNIT_CASE(key_update_backwards),
	KUNIT_CASE(reordered_around_update),
	KUNIT_CASE(forgery_limit),
	KUNIT_CASE(session_tickets),
	KUNIT_CASE(crypto_left_behind),
	KUNIT_CASE(crypto_of_the_past),
	KUNIT_CASE(new_token_event),
	KUNIT_CASE(retire_prior_to),
	KUNIT_CASE(retire_flood),
	KUNIT_CASE(peer_retires),
	KUNIT_CASE(stateless_reset),
	KUNIT_CASE(reset_of_any_form),
	KUNIT_CASE(path_challenge),
	KUNIT_CASE(peer_closes),
	KUNIT_CASE(peer_refuses),
	KUNIT_CASE(frames_behind_close),
	{}
};

static struct kunit_suite conn_rx_suite = {
	.name = "conn_rx",
	.test_cases = conn_rx_cases,
};
kunit_test_suite(conn_rx_suite);

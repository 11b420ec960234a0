// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of migrate.c: a client that moves, a NAT that rebinds, a preferred
 * address, and those who only pretend that the peer has moved.
 */
#include "conn_ctx_test.h"
#include "migrate.h"

#define CLI	(&x->p.e[0])
#define SRV	(&x->p.e[1])

static const struct quic_addr elsewhere = { .family = 4, .port = 5000, .ip = { 10, 0, 7, 7 } };
static const struct quic_addr other_port = { .family = 4, .port = 5000, .ip = { 10, 0, 0, 0 } };
static const struct quic_addr preferred = { .family = 4, .port = 443, .ip = { 10, 0, 0, 99 } };

/* A NAT between the client and the server: it makes 'outside' of the client's address. */
static struct {
	struct quic_addr outside;	/* family 0: there is none */
	struct quic_addr dead;		/* nothing gets to or from this address */
	u32 lost;
} net;

static bool wire(struct pair *p, int side, struct dgram *d)
{
	const struct quic_addr *client = &p->e[0].addr;

	if (quic_addr_equal(&d->from, &net.dead) || quic_addr_equal(&d->to, &net.dead)) {
		net.lost++;
		return false;
	}
	if (!net.outside.family)
		return true;
	if (side) {
		d->from = net.outside;
		return true;
	}
	/* RFC 4787: what is for a mapping that is gone is dropped */
	if (!quic_addr_equal(&d->to, &net.outside)) {
		net.lost++;
		return false;
	}
	d->to = *client;
	return true;
}

static struct ctx *moving(struct kunit *test)
{
	struct ctx *x = ctx_new(test);

	memset(&net, 0, sizeof(net));
	x->p.wire = wire;
	pair_establish(&x->p);
	return x;
}

static struct ctx *hostile_at(struct kunit *test, int side)
{
	struct ctx *x = moving(test);

	hostile_init(&x->h, &x->p.e[side]);
	hostile_look(&x->h);
	return x;
}

/* Data both ways, on a stream of its own. */
static void talk(struct kunit *test, struct ctx *x)
{
	u64 before = SRV->got, back = CLI->got;
	s64 id = end_open(CLI, false);

	KUNIT_ASSERT_GE(test, id, 0);
	KUNIT_EXPECT_EQ(test, end_write(CLI, id, 3000, true), 0);
	pair_sleep(&x->p, 5 * PAIR_SEC);
	end_read(SRV);
	KUNIT_EXPECT_EQ(test, SRV->got, before + 3000);
	KUNIT_EXPECT_EQ(test, end_write(SRV, id, 3000, true), 0);
	pair_sleep(&x->p, 5 * PAIR_SEC);
	end_read(CLI);
	KUNIT_EXPECT_EQ(test, CLI->got, back + 3000);
}

static u32 moves(const struct end *e, u8 *local)
{
	u32 at = 0, n = end_events(e, QUIC_EVENT_CONNECTION_MIGRATION, &at);

	if (n)
		*local = e->ev[at].data[0];
	return n;
}

static struct quic_addr client_at(const struct quic_addr *a)
{
	struct quic_addr b = *a;

	b.ip[3] = 0;
	return b;
}

/* ---- rebinding ---- */

/* RFC 9000 §9.3, §9.4: the server follows; the port alone changed, so all that is known stays */
static void rebinding_port(struct kunit *test)
{
	struct ctx *x = moving(test);
	u64 rtt, cwnd;
	u8 local = 9;

	talk(test, x);
	rtt = SRV->c.loss.first_sample;
	cwnd = SRV->c.cc.cwnd;
	net.outside = client_at(&other_port);
	talk(test, x);
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.remote, &net.outside));
	KUNIT_EXPECT_EQ(test, (int)SRV->c.path.state, (int)QUIC_PATH_VALIDATED);
	KUNIT_EXPECT_EQ(test, moves(SRV, &local), 1);
	KUNIT_EXPECT_EQ(test, local, 0);
	KUNIT_EXPECT_EQ(test, moves(CLI, &local), 0);
	KUNIT_EXPECT_EQ(test, SRV->c.loss.first_sample, rtt);
	KUNIT_EXPECT_GE(test, SRV->c.cc.cwnd, cwnd);
	KUNIT_EXPECT_EQ(test, SRV->c.path.mtu, PAIR_MTU);
	/* the old address was asked, did not answer, and is forgotten: §9.3.3 */
	KUNIT_EXPECT_GE(test, net.lost, 1U);
	KUNIT_EXPECT_EQ(test, SRV->c.side && SRV->c.side->old.state != QUIC_PATH_UNUSED, false);
	ctx_free(test, x);
}

/* RFC 9000 §9.4: another host: MUST reset, once the address is confirmed */
static void rebinding_host(struct kunit *test)
{
	struct ctx *x = moving(test);
	u64 sample;
	u8 local;

	talk(test, x);
	sample = SRV->c.loss.first_sample;
	net.outside = elsewhere;
	talk(test, x);
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.remote, &elsewhere));
	KUNIT_EXPECT_EQ(test, moves(SRV, &local), 1);
	KUNIT_EXPECT_NE(test, SRV->c.loss.first_sample, sample);
	KUNIT_EXPECT_NE(test, SRV->c.loss.first_sample, 0ULL);
	KUNIT_EXPECT_EQ(test, SRV->c.path.mtu, PAIR_MTU);
	/* §9.5: the ID on the new path is another */
	KUNIT_EXPECT_NE(test, SRV->c.dcids.active, 0ULL);
	ctx_free(test, x);
}

/*
 * A client that only receives, and so says little at its new address: RFC 9000 §8.1
 * allows three times that.  A challenge that is lost must not have used it up.
 */
static void rebinding_challenge_lost(struct kunit *test)
{
	struct ctx *x = moving(test);
	s64 id;

	talk(test, x);
	id = end_open(SRV, true);
	KUNIT_ASSERT_GE(test, id, 0);
	KUNIT_EXPECT_EQ(test, end_write(SRV, id, 100, false), 0);
	end_tx(SRV);
	x->p.now += PAIR_LEG;
	end_deliver(CLI);
	KUNIT_EXPECT_EQ(test, CLI->c.cc.in_flight, 0ULL);
	/* its ACK comes from elsewhere, and what is sent there is lost */
	net.outside = net.dead = elsewhere;
	x->p.now = quic_conn_deadline(&CLI->c, x->p.now);
	quic_conn_timeout(&CLI->c, x->p.now);
	KUNIT_EXPECT_EQ(test, end_tx(CLI), 1);
	KUNIT_EXPECT_LT(test, CLI->last_len, 100U);
	end_deliver(SRV);
	KUNIT_EXPECT_EQ(test, end_write(SRV, id, 5000, true), 0);
	end_tx(SRV);
	KUNIT_EXPECT_GE(test, net.lost, 1U);
	KUNIT_EXPECT_GT(test, quic_path_credit(&SRV->c.path), 40U);
	net.dead.family = net.dead.port = 0;
	/* RFC 9000 §8.2.1: again, no sooner than an Initial would be */
	pair_sleep(&x->p, 2 * PAIR_SEC);
	KUNIT_EXPECT_EQ(test, (int)SRV->c.path.state, (int)QUIC_PATH_VALIDATED);
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.remote, &elsewhere));
	KUNIT_EXPECT_EQ(test, SRV->c.path.mtu, PAIR_MTU);
	end_read(CLI);
	KUNIT_EXPECT_EQ(test, CLI->fins, 2);	/* talk()'s, and this one */
	ctx_free(test, x);
}

static void rebinding_often(struct kunit *test)
{
	struct ctx *x = moving(test);
	u8 local;
	u32 i;

	for (i = 0; i < 9; i++) {
		net.outside = i & 1 ? elsewhere : client_at(&other_port);
		net.outside.port += i;
		talk(test, x);
		KUNIT_EXPECT_EQ(test, moves(SRV, &local), i + 1);
		KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.remote, &net.outside));
	}
	/* IDs were used up and replaced, nothing is left behind */
	KUNIT_EXPECT_EQ(test, SRV->c.dcids.nretire + SRV->c.dcids.nretiring, 0);
	KUNIT_EXPECT_TRUE(test, quic_cids_remote_has_fresh(&SRV->c.dcids));
	ctx_free(test, x);
}

/* RFC 9000 §9.5: a peer that gives no more IDs, but did not change its own, MAY be answered */
static void rebinding_without_ids(struct kunit *test)
{
	struct ctx *x = ctx_new(test);

	memset(&net, 0, sizeof(net));
	x->p.wire = wire;
	SRV->c.local_tp.active_connection_id_limit = 2;
	pair_establish(&x->p);
	net.outside = elsewhere;
	talk(test, x);
	SRV->c.dcids.e[1].active = true;	/* whatever else there is counts as used */
	SRV->c.dcids.e[0].active = true;
	net.outside = client_at(&other_port);
	talk(test, x);
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.remote, &net.outside));
	ctx_free(test, x);
}

/* ---- the client moves ---- */

static void active(struct kunit *test)
{
	struct ctx *x = moving(test);
	u64 scid, dcid;
	u8 local = 9;

	talk(test, x);
	scid = CLI->c.dcids.active;
	dcid = SRV->c.dcids.active;
	KUNIT_EXPECT_EQ(test, quic_migrate_start(&CLI->c, &elsewhere, x->p.now), 0);
	KUNIT_EXPECT_TRUE(test, quic_migrate_busy(&CLI->c));
	KUNIT_EXPECT_EQ(test, quic_migrate_check(&CLI->c, &other_port), -EAGAIN);
	pair_flush(&x->p);
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&CLI->c.path.local, &elsewhere));
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.remote, &elsewhere));
	KUNIT_EXPECT_EQ(test, moves(CLI, &local), 1);
	KUNIT_EXPECT_EQ(test, local, 1);
	KUNIT_EXPECT_EQ(test, moves(SRV, &local), 1);
	KUNIT_EXPECT_EQ(test, local, 0);
	KUNIT_EXPECT_TRUE(test, CLI->c.wake & QUIC_WAKE_PATH);
	KUNIT_EXPECT_TRUE(test, SRV->c.wake & QUIC_WAKE_PATH);
	/* §9.5: both use new IDs, and the old ones are retired in time */
	KUNIT_EXPECT_NE(test, CLI->c.dcids.active, scid);
	KUNIT_EXPECT_NE(test, SRV->c.dcids.active, dcid);
	KUNIT_EXPECT_NOT_NULL(test, quic_cids_remote_get(&CLI->c.dcids, scid));
	CLI->addr = elsewhere;
	talk(test, x);
	KUNIT_EXPECT_NULL(test, quic_cids_remote_get(&CLI->c.dcids, scid));
	KUNIT_EXPECT_NULL(test, quic_cids_remote_get(&SRV->c.dcids, dcid));
	KUNIT_EXPECT_EQ(test, CLI->c.side && CLI->c.side->old.state != QUIC_PATH_UNUSED, false);
	KUNIT_EXPECT_EQ(test, CLI->c.path.mtu, PAIR_MTU);
	/* and back */
	KUNIT_EXPECT_EQ(test, quic_migrate_start(&CLI->c, &other_port, x->p.now), 0);
	pair_flush(&x->p);
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.remote, &other_port));
	ctx_free(test, x);
}

/* RFC 9000 §8.2.1, §8.2.4, §9.1: three tries, in 1200 bytes; the old path never stops working */
static void active_to_nowhere(struct kunit *test)
{
	struct ctx *x = moving(test);
	u8 local;

	net.dead = elsewhere;
	KUNIT_EXPECT_EQ(test, quic_migrate_start(&CLI->c, &elsewhere, x->p.now), 0);
	talk(test, x);
	KUNIT_EXPECT_EQ(test, net.lost, QUIC_PATH_CHALLENGES);
	KUNIT_EXPECT_FALSE(test, quic_migrate_busy(&CLI->c));
	KUNIT_EXPECT_FALSE(test, quic_addr_equal(&CLI->c.path.local, &elsewhere));
	KUNIT_EXPECT_EQ(test, moves(CLI, &local), 0);
	KUNIT_EXPECT_EQ(test, CLI->c.loss.lost_packets, 0ULL);
	net.dead.family = 0;
	net.dead.port = 0;
	KUNIT_EXPECT_EQ(test, quic_migrate_start(&CLI->c, &elsewhere, x->p.now), 0);
	pair_flush(&x->p);
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.remote, &elsewhere));
	ctx_free(test, x);
}

static void active_refused(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 0, HS);
	struct quic_conn *c = &CLI->c;
	u32 i;

	KUNIT_EXPECT_EQ(test, quic_migrate_start(c, &elsewhere, x->p.now), -EINVAL);
	ctx_free(test, x);
	x = moving(test);
	c = &CLI->c;
	KUNIT_EXPECT_EQ(test, quic_migrate_start(&SRV->c, &elsewhere, x->p.now), -EOPNOTSUPP);
	KUNIT_EXPECT_EQ(test, quic_migrate_start(c, &c->path.local, x->p.now), -EINVAL);
	c->peer_tp.disable_active_migration = true;
	KUNIT_EXPECT_EQ(test, quic_migrate_start(c, &elsewhere, x->p.now), -EPERM);
	c->preferred = true;
	KUNIT_EXPECT_EQ(test, quic_migrate_check(c, &elsewhere), 0);
	c->confirmed = false;
	KUNIT_EXPECT_EQ(test, quic_migrate_start(c, &elsewhere, x->p.now), -EAGAIN);
	c->confirmed = true;
	for (i = 0; i < QUIC_CIDS_MAX; i++)
		c->dcids.e[i].active = true;
	KUNIT_EXPECT_EQ(test, quic_migrate_start(c, &elsewhere, x->p.now), -EAGAIN);
	for (i = 0; i < QUIC_CIDS_MAX; i++)
		c->dcids.e[i].cid.len = 0;
	KUNIT_EXPECT_EQ(test, quic_migrate_start(c, &elsewhere, x->p.now), -EPERM);
	for (i = 0; i < QUIC_CIDS_MAX; i++)
		c->dcids.e[i].cid.len = QUIC_CID_LOCAL_LEN;
	ctx_free(test, x);
}

/* RFC 9000 §5.1.1: a peer that has no other ID of ours could not answer from where it is */
static void active_no_id_for_peer(struct kunit *test)
{
	struct ctx *x = moving(test);
	struct quic_cid_entry *e = CLI->c.scids.e;
	u32 i, fresh = 0;

	KUNIT_EXPECT_EQ(test, quic_migrate_start(&CLI->c, &elsewhere, x->p.now), 0);
	pair_flush(&x->p);
	/* those that packets have come to are known */
	for (i = 0; i < QUIC_CIDS_MAX; i++) {
		if (e[i].used && (e[i].seq == 0 || e[i].seq == SRV->c.dcids.active))
			KUNIT_EXPECT_TRUE(test, e[i].active);
		fresh += e[i].used && !e[i].active;
		e[i].active = true;
	}
	KUNIT_EXPECT_GE(test, fresh, 1);
	KUNIT_EXPECT_EQ(test, quic_migrate_check(&CLI->c, &other_port), -EAGAIN);
	for (i = 0; i < QUIC_CIDS_MAX; i++)
		if (e[i].used && i != CLI->c.scids.recent)
			e[i].active = e[i].acked = false;
	/* it may not have got it */
	KUNIT_EXPECT_EQ(test, quic_migrate_check(&CLI->c, &other_port), -EAGAIN);
	for (i = 0; i < QUIC_CIDS_MAX; i++)
		e[i].acked = e[i].used;
	KUNIT_EXPECT_EQ(test, quic_migrate_check(&CLI->c, &other_port), 0);
	ctx_free(test, x);
}

/* Nothing from the new path has come to the server when the client wants to move on. */
static void active_in_haste(struct kunit *test)
{
	struct ctx *x = moving(test);

	KUNIT_EXPECT_EQ(test, quic_migrate_start(&CLI->c, &elsewhere, x->p.now), 0);
	pair_flush(&x->p);
	KUNIT_EXPECT_EQ(test, quic_migrate_check(&CLI->c, &other_port), 0);
	CLI->c.loss.sp[QUIC_SPACE_APP]->largest_acked = CLI->c.side->first - 1;
	KUNIT_EXPECT_EQ(test, quic_migrate_check(&CLI->c, &other_port), -EAGAIN);
	/* no longer of interest when the path before is forgotten */
	pair_sleep(&x->p, 10 * PAIR_SEC);
	KUNIT_EXPECT_EQ(test, quic_migrate_check(&CLI->c, &other_port), 0);
	ctx_free(test, x);
}

/* ---- the server's preferred address ---- */

static struct ctx *offering(struct kunit *test, const struct quic_addr *a)
{
	struct ctx *x = ctx_new(test);
	struct quic_conn_accept acc = {};

	memset(&net, 0, sizeof(net));
	x->p.wire = wire;
	KUNIT_EXPECT_EQ(test, quic_migrate_offer(&SRV->c, a), -EOPNOTSUPP);
	pair_connect(&x->p);
	acc.version = CLI->c.version;
	acc.dcid = acc.odcid = CLI->c.odcid;
	acc.scid = CLI->c.local_tp.iscid;
	acc.local = SRV->addr;
	acc.remote = CLI->addr;
	KUNIT_EXPECT_EQ(test, quic_conn_accept(&SRV->c, &acc, x->p.now), 0);
	KUNIT_EXPECT_EQ(test, quic_migrate_offer(&SRV->c, a), 0);
	KUNIT_EXPECT_EQ(test, quic_migrate_offer(&SRV->c, a), 0);
	return x;
}

/* RFC 9000 §9.6 */
static void preferred_address(struct kunit *test)
{
	struct ctx *x = offering(test, &preferred);
	u8 local = 9;

	pair_sleep(&x->p, PAIR_SEC);
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&CLI->c.path.remote, &preferred));
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.local, &preferred));
	KUNIT_EXPECT_EQ(test, moves(CLI, &local), 1);
	KUNIT_EXPECT_EQ(test, local, 0);
	KUNIT_EXPECT_EQ(test, moves(SRV, &local), 1);
	KUNIT_EXPECT_EQ(test, local, 1);
	SRV->addr = preferred;
	talk(test, x);
	KUNIT_EXPECT_EQ(test, quic_migrate_offer(&SRV->c, &preferred), -EOPNOTSUPP);
	/* and now the client may migrate, whatever the server thinks of it */
	CLI->c.peer_tp.disable_active_migration = true;
	KUNIT_EXPECT_EQ(test, quic_migrate_start(&CLI->c, &elsewhere, x->p.now), 0);
	pair_flush(&x->p);
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.remote, &elsewhere));
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.local, &preferred));
	ctx_free(test, x);
}

/* RFC 9000 §9.6.1: if validation fails, MUST continue with the original address */
static void preferred_dead(struct kunit *test)
{
	struct ctx *x = offering(test, &preferred);
	u8 local;

	net.dead = preferred;
	pair_sleep(&x->p, 10 * PAIR_SEC);
	KUNIT_EXPECT_EQ(test, net.lost, QUIC_PATH_CHALLENGES);
	KUNIT_EXPECT_EQ(test, moves(CLI, &local), 0);
	talk(test, x);
	ctx_free(test, x);
}

static void preferred_unfit(struct kunit *test)
{
	static const struct quic_addr unfit[] = {
		{ .family = 6, .port = 443, .ip = { 0xfd, [15] = 1 } },	/* another family */
		{ .family = 4, .port = 443, .ip = { 127, 0, 0, 1 } },	/* RFC 9000 §21.5.3 */
		{ .family = 4, .port = 443, .ip = { 224, 0, 0, 1 } },
		{ .family = 4, .port = 0, .ip = { 10, 0, 0, 99 } },
		{ .family = 4, .port = 443 },
	};
	struct ctx *x;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(unfit); i++) {
		x = offering(test, &unfit[i]);
		pair_sleep(&x->p, PAIR_SEC);
		KUNIT_EXPECT_TRUE(test, CLI->c.confirmed);
		KUNIT_EXPECT_FALSE(test, CLI->c.preferred);
		KUNIT_EXPECT_EQ(test, CLI->c.side && CLI->c.side->cand.state != QUIC_PATH_UNUSED, false);
		ctx_free(test, x);
	}
}

/* RFC 9000 §9.6.2: not from the preferred address before it is validated, whatever comes there */
static void preferred_too_soon(struct kunit *test)
{
	struct ctx *x = offering(test, &preferred);
	const struct seen *s;
	u32 i;

	net.dead = preferred;
	pair_sleep(&x->p, 10 * PAIR_SEC);
	hostile_init(&x->h, SRV);
	hostile_look(&x->h);
	net.dead.port = 0;
	x->h.to = &preferred;
	HOSTILE(&x->h, APP, 0x01);
	hostile_look(&x->h);
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.local, &SRV->addr));
	KUNIT_EXPECT_NOT_NULL(test, hostile_saw(&x->h, APP, QUIC_FRAME_PATH_CHALLENGE));
	for (i = 0; i < x->h.nseen; i++) {
		s = &x->h.seen[i];
		if (quic_addr_equal(&s->from, &preferred))
			KUNIT_EXPECT_TRUE(test, quic_frame_probing(s->f.type));
	}
	ctx_free(test, x);
}

/* ---- those who pretend ---- */

static const struct seen *saw_at(const struct hostile *h, u64 type, const struct quic_addr *to)
{
	u32 i;

	for (i = 0; i < h->nseen; i++)
		if (h->seen[i].f.type == type && quic_addr_equal(&h->seen[i].to, to))
			return &h->seen[i];
	return NULL;
}

/* A packet of @len bytes of frames from @from. */
static void send_from(struct ctx *x, const struct quic_addr *from, u32 pad, u8 frame)
{
	x->h.from = from;
	x->h.pad = pad;
	HOSTILE(&x->h, APP, frame);
	x->h.from = NULL;
	x->h.pad = 0;
}

/* RFC 9000 §9.3.1: MUST NOT send more than three times what came from there */
static void amplification(struct kunit *test)
{
	struct ctx *x = hostile_at(test, 1);
	u64 sent = 0, id;
	u32 i, dgram = U32_MAX;

	id = end_open(SRV, true);
	send_from(x, &elsewhere, 0, 0x01);
	end_write(SRV, id, 60000, false);
	for (i = 0; i < 20; i++) {
		u32 j;

		hostile_look(&x->h);
		for (j = 0, dgram = U32_MAX; j < x->h.nseen; j++) {
			if (!quic_addr_equal(&x->h.seen[j].to, &elsewhere) ||
			    x->h.seen[j].dgram == dgram)
				continue;
			dgram = x->h.seen[j].dgram;
			sent += x->h.seen[j].size;
		}
		x->p.now += PAIR_SEC / 10;
		quic_conn_timeout(&SRV->c, x->p.now);
	}
	KUNIT_EXPECT_GT(test, sent, 0ULL);
	KUNIT_EXPECT_LE(test, sent, SRV->c.path.rx_bytes * QUIC_AMPLIFICATION);
	KUNIT_EXPECT_LE(test, SRV->c.path.rx_bytes, 50ULL);
	ctx_free(test, x);
}

/* A window full of what the old path has swallowed does not hold the challenge back. */
static void full_window(struct kunit *test)
{
	struct ctx *x = hostile_at(test, 1);
	u64 id = end_open(SRV, true);

	end_write(SRV, id, 60000, false);
	hostile_look(&x->h);
	KUNIT_EXPECT_LT(test, quic_cc_room(&SRV->c.cc), 1200ULL);
	send_from(x, &elsewhere, 0, 0x01);
	hostile_look(&x->h);
	KUNIT_EXPECT_NOT_NULL(test, saw_at(&x->h, QUIC_FRAME_PATH_CHALLENGE, &elsewhere));
	ctx_free(test, x);
}

/* RFC 9000 §9.3.2: nobody answers there: back to where the peer was, with all that was known */
static void spoofed(struct kunit *test)
{
	struct ctx *x = hostile_at(test, 1);
	u64 cwnd = SRV->c.cc.cwnd, sample = SRV->c.loss.first_sample;
	struct quic_addr was = SRV->c.path.remote;
	u8 local;

	send_from(x, &elsewhere, 1200, 0x01);
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.remote, &elsewhere));
	hostile_look(&x->h);
	/* §9.3.3: both are asked, §8.2.1: in 1200 bytes */
	KUNIT_ASSERT_NOT_NULL(test, saw_at(&x->h, QUIC_FRAME_PATH_CHALLENGE, &elsewhere));
	KUNIT_ASSERT_NOT_NULL(test, saw_at(&x->h, QUIC_FRAME_PATH_CHALLENGE, &was));
	KUNIT_EXPECT_EQ(test, saw_at(&x->h, QUIC_FRAME_PATH_CHALLENGE, &was)->size, 1200);
	KUNIT_EXPECT_EQ(test, saw_at(&x->h, QUIC_FRAME_PATH_CHALLENGE, &elsewhere)->size, 1200);
	while (!quic_addr_equal(&SRV->c.path.remote, &was) && quic_conn_is_open(&SRV->c)) {
		x->p.now = quic_conn_deadline(&SRV->c, x->p.now);
		quic_conn_timeout(&SRV->c, x->p.now);
		hostile_look(&x->h);
	}
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(&SRV->c));
	KUNIT_EXPECT_LE(test, x->p.now, 9 * PAIR_SEC);
	KUNIT_EXPECT_EQ(test, (int)SRV->c.path.state, (int)QUIC_PATH_VALIDATED);
	KUNIT_EXPECT_EQ(test, SRV->c.cc.cwnd, cwnd);
	KUNIT_EXPECT_EQ(test, SRV->c.loss.first_sample, sample);
	KUNIT_EXPECT_EQ(test, moves(SRV, &local), 0);
	ctx_free(test, x);
}

/* RFC 9000 §9.3.3: the real peer answers on the old path, and has the connection back at once */
static void forwarded(struct kunit *test)
{
	struct ctx *x = moving(test);
	struct quic_addr was = SRV->c.path.remote;
	struct dgram *d;
	u8 local;

	/* the genuine packet is overtaken by its copy */
	CLI->c.ping_pending = true;
	end_tx(CLI);
	d = queue_at(&SRV->in, 0);
	d->from = elsewhere;
	net.dead = elsewhere;
	end_deliver(SRV);
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.remote, &elsewhere));
	pair_flush(&x->p);
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.remote, &was));
	KUNIT_EXPECT_EQ(test, (int)SRV->c.path.state, (int)QUIC_PATH_VALIDATED);
	KUNIT_EXPECT_EQ(test, moves(SRV, &local), 0);
	talk(test, x);
	ctx_free(test, x);
}

/* RFC 9000 §9.1, §8.2.2: a probe is answered where it came from, and moves nothing */
static void probing(struct kunit *test)
{
	static const u8 data[] = { 0x1a, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct ctx *x = hostile_at(test, 1);
	struct quic_addr was = SRV->c.path.remote;
	const struct seen *s;

	x->h.from = &elsewhere;
	x->h.pad = 1160;
	hostile_send(&x->h, APP, data, sizeof(data));
	x->h.from = NULL;
	hostile_look(&x->h);
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.remote, &was));
	s = saw_at(&x->h, QUIC_FRAME_PATH_RESPONSE, &elsewhere);
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_EQ(test, s->size, 1200);
	KUNIT_EXPECT_TRUE(test, !memcmp(s->f.path.data, data + 1, 8));
	KUNIT_EXPECT_NULL(test, saw_at(&x->h, QUIC_FRAME_PATH_RESPONSE, &was));
	KUNIT_EXPECT_NULL(test, saw_at(&x->h, QUIC_FRAME_ACK, &elsewhere));
	/* §9.3: nor does what is not the highest-numbered */
	x->h.pn[APP] -= 10;
	send_from(x, &elsewhere, 0, 0x01);
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.remote, &was));
	x->h.pn[APP] += 10;
	send_from(x, &elsewhere, 0, 0x01);
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.remote, &elsewhere));
	ctx_free(test, x);
}

/* RFC 9000 §8.2.3: only data that was sent validates; wrong data is no reason to close */
static void wrong_response(struct kunit *test)
{
	static const u8 wrong[] = { 0x1b, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct ctx *x = hostile_at(test, 1);
	u8 right[9] = { 0x1b };

	send_from(x, &elsewhere, 1200, 0x01);
	hostile_look(&x->h);
	x->h.from = &elsewhere;
	hostile_send(&x->h, APP, wrong, sizeof(wrong));
	KUNIT_EXPECT_NE(test, (int)SRV->c.path.state, (int)QUIC_PATH_VALIDATED);
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(&SRV->c));
	/* on whichever path the answer comes */
	x->h.from = NULL;
	memcpy(right + 1, saw_at(&x->h, QUIC_FRAME_PATH_CHALLENGE, &elsewhere)->f.path.data, 8);
	hostile_send(&x->h, APP, right, sizeof(right));
	KUNIT_EXPECT_EQ(test, (int)SRV->c.path.state, (int)QUIC_PATH_VALIDATED);
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.remote, &elsewhere));
	ctx_free(test, x);
}

/* RFC 9000 §9: a client discards what comes from addresses that are not its server's */
static void unknown_server(struct kunit *test)
{
	struct ctx *x = hostile_at(test, 0);
	u64 before = CLI->c.stats.rx_packets;

	send_from(x, &elsewhere, 0, 0x01);
	KUNIT_EXPECT_EQ(test, CLI->mib[QUIC_MIB_DROP_PATH], 1);
	KUNIT_EXPECT_EQ(test, CLI->c.stats.rx_packets, before);
	/* its own other address is nothing to worry about, but no path either */
	x->h.to = &elsewhere;
	send_from(x, NULL, 0, 0x01);
	KUNIT_EXPECT_EQ(test, CLI->c.stats.rx_packets, before + 1);
	HOSTILE(&x->h, APP, 0x1a, 1, 2, 3, 4, 5, 6, 7, 8);
	hostile_look(&x->h);
	KUNIT_EXPECT_NULL(test, hostile_saw(&x->h, APP, QUIC_FRAME_PATH_RESPONSE));
	KUNIT_EXPECT_FALSE(test, quic_addr_equal(&CLI->c.path.local, &elsewhere));
	ctx_free(test, x);
}

/* A server has one address, unless it has told of another. */
static void other_server_address(struct kunit *test)
{
	struct ctx *x = hostile_at(test, 1);

	x->h.to = &elsewhere;
	HOSTILE(&x->h, APP, 0x01);
	KUNIT_EXPECT_EQ(test, SRV->mib[QUIC_MIB_DROP_PATH], 1);
	ctx_free(test, x);
}

/* From a thousand addresses: the last one counts, and what it costs has a bound. */
static void flood(struct kunit *test)
{
	struct ctx *x = hostile_at(test, 1);
	struct quic_addr from = elsewhere, was = SRV->c.path.remote;
	u32 i, sent = 0;

	for (i = 0; i < 1000; i++) {
		from.port = 6000 + i;
		send_from(x, &from, 0, i & 1 ? 0x01 : 0x00);
		sent += hostile_look(&x->h);
		hostile_ack(&x->h, APP);
	}
	KUNIT_EXPECT_TRUE(test, quic_conn_is_open(&SRV->c));
	KUNIT_EXPECT_LE(test, sent, 4000);
	hostile_look(&x->h);
	/* the peer itself is still there, and gets its connection back */
	send_from(x, NULL, 0, 0x01);
	KUNIT_EXPECT_TRUE(test, quic_addr_equal(&SRV->c.path.remote, &was));
	KUNIT_EXPECT_EQ(test, (int)SRV->c.path.state, (int)QUIC_PATH_VALIDATED);
	ctx_free(test, x);
}

/* RFC 9000 §9.5: a peer that moves with a new ID of ours, but has given none, waits */
static void no_id_to_spare(struct kunit *test)
{
	struct ctx *x = hostile_at(test, 1);
	u8 new_cid[21 + 16] = { 0x18, 0x20, 0, 16, 9, 9, 9 };
	struct quic_conn *c = &SRV->c;
	struct quic_addr was = c->path.remote;
	struct quic_cid id;
	u32 i;

	for (i = 0; i < QUIC_CIDS_MAX; i++)
		c->dcids.e[i].active = true;
	for (i = 0; c->scids.e[i].seq != 3; i++)
		;
	id = c->scids.e[i].cid;
	x->h.dcid = &id;
	send_from(x, &elsewhere, 1200, 0x01);
	KUNIT_EXPECT_TRUE(test, c->no_cid);
	hostile_look(&x->h);
	KUNIT_EXPECT_NULL(test, saw_at(&x->h, QUIC_FRAME_PATH_CHALLENGE, &elsewhere));
	KUNIT_EXPECT_NOT_NULL(test, saw_at(&x->h, QUIC_FRAME_PATH_CHALLENGE, &was));
	KUNIT_EXPECT_GT(test, quic_conn_deadline(c, x->p.now), x->p.now);
	c->dcids.e[7].used = false;
	for (i = 1; i < 4; i++)		/* make room below our limit */
		if (c->dcids.e[i].used && c->dcids.e[i].seq != c->dcids.active)
			quic_cids_remote_retire(&c->dcids, c->dcids.e[i].seq);
	x->h.from = &elsewhere;
	hostile_send(&x->h, APP, new_cid, 1 + 1 + 1 + 1 + 16 + 16);
	KUNIT_ASSERT_TRUE(test, quic_conn_is_open(c));
	hostile_look(&x->h);
	KUNIT_EXPECT_NOT_NULL(test, saw_at(&x->h, QUIC_FRAME_PATH_CHALLENGE, &elsewhere));
	KUNIT_EXPECT_EQ(test, c->dcids.active, 0x20ULL);
	ctx_free(test, x);
}

static struct kunit_case migrate_cases[] = {
	KUNIT_CASE(rebinding_port),
	KUNIT_CASE(rebinding_host),
	KUNIT_CASE(rebinding_challenge_lost),
	KUNIT_CASE(rebinding_often),
	KUNIT_CASE(rebinding_without_ids),
	KUNIT_CASE(active),
	KUNIT_CASE(active_to_nowhere),
	KUNIT_CASE(active_refused),
	KUNIT_CASE(active_no_id_for_peer),
	KUNIT_CASE(active_in_haste),
	KUNIT_CASE(preferred_address),
	KUNIT_CASE(preferred_dead),
	KUNIT_CASE(preferred_unfit),
	KUNIT_CASE(preferred_too_soon),
	KUNIT_CASE(amplification),
	KUNIT_CASE(full_window),
	KUNIT_CASE(spoofed),
	KUNIT_CASE(forwarded),
	KUNIT_CASE(probing),
	KUNIT_CASE(wrong_response),
	KUNIT_CASE(unknown_server),
	KUNIT_CASE(other_server_address),
	KUNIT_CASE(flood),
	KUNIT_CASE(no_id_to_spare),
	{}
};

static struct kunit_suite migrate_suite = {
	.name = "migrate",
	.test_cases = migrate_cases,
};
kunit_test_suite(migrate_suite);

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Migration, RFC 9000 §9.  A connection has a path in use (c->path) and, once
 * there was a second one, room for two others (c->side): the one used before
 * ('old'), kept while it may have to be returned to, and a candidate ('cand')
 * that is being probed.
 *
 *               probing packet (server),             a try too many,
 *               quic_migrate_start(), preferred      or another candidate
 *      nothing ---------------------------> cand ------------------> nothing
 *                                            |
 *     client: validated; server: a packet    |
 *     that is not only probing               v
 *      nothing <------------- old <-------- path
 *        3 PTO after 'path'    |              ^
 *        was validated         +--------------+
 *                               'path' not validated in time, or the
 *                               peer's packets come from there again
 *
 * A client probes first and moves when the answer is there, so that it never
 * leaves a path that works.  A server follows at once (§9.3), within the anti
 * amplification limit, and challenges both paths (§9.3.3): whoever forwards a
 * copy of a packet from elsewhere gets the connection back to where it was, as
 * the peer's answer comes from there with a higher packet number.
 *
 * Congestion control, RTT, ECN and MTU start afresh when a path in use was
 * validated and is not the one that they are of ('measured'); a change of the
 * port alone keeps them (§9.4).  So a migration that was none costs nothing.
 *
 * Each path has a connection ID of the peer's of its own (§9.5), chosen when
 * something is first sent there, and retired with the path.
 */
#include "migrate.h"

#define SEND_MIN	64	/* bytes of credit worth a probing packet */

/* ---- paths and their connection IDs ---- */

static bool in_use(const struct quic_path *p)
{
	return p->state != QUIC_PATH_UNUSED;
}

/* The path used before, or NULL. */
static struct quic_path *old_path(const struct quic_conn *c)
{
	return c->side && in_use(&c->side->old) ? &c->side->old : NULL;
}

/* The candidate, or NULL. */
static struct quic_path *cand_path(const struct quic_conn *c)
{
	return c->side && in_use(&c->side->cand) ? &c->side->cand : NULL;
}

static bool has_dcid(const struct quic_path *p, u64 dcid)
{
	return p && p->dcid == dcid;
}

static bool has_remote(const struct quic_path *p, const struct quic_addr *a)
{
	return p && quic_addr_equal(&p->remote, a);
}

static bool same_hosts(const struct quic_path *a, const struct quic_path *b)
{
	return quic_addr_same_ip(&a->local, &b->local) && quic_addr_same_ip(&a->remote, &b->remote);
}

/* RFC 9000 §9.5: the peer's ID of a path that is given up; others may have it, too. */
static void give_up_cid(struct quic_conn *c, u64 dcid)
{
	u64 lowest = quic_cids_lowest(c->dcids.e);

	if (dcid == QUIC_PATH_NO_CID || has_dcid(old_path(c), dcid) || has_dcid(cand_path(c), dcid))
		return;
	quic_cids_remote_retire(&c->dcids, dcid);
	if (quic_cids_lowest(c->dcids.e) != lowest)
		quic_conn_ids_event(c, true, c->dcids.active);
}

static void forget_path(struct quic_conn *c, struct quic_path *p)
{
	if (!p)
		return;
	p->state = QUIC_PATH_UNUSED;
	quic_path_stop(p);
	p->nresponse = 0;
	give_up_cid(c, p->dcid);
	c->wake |= QUIC_WAKE_PATH;
}

/*
 * RFC 9000 §9.5: MUST NOT use an ID on more than one path; but where the peer's
 * address changed under its feet (it still uses the same ID of ours), MAY go on
 * with the ID in use.
 */
static bool find_cid(struct quic_conn *c, struct quic_path *p)
{
	if (p->dcid != QUIC_PATH_NO_CID || !quic_cids_remote_fresh(&c->dcids, &p->dcid))
		return true;
	if (p->scid != c->path.scid || p->ours)
		return false;
	p->dcid = c->dcids.active;
	return true;
}

bool quic_migrate_find_cid(struct quic_conn *c)
{
	u64 seq, was;

	if (quic_cids_remote_fresh(&c->dcids, &seq))
		return false;
	was = c->dcids.active;
	c->no_cid = quic_cids_remote_use(&c->dcids, seq);
	give_up_cid(c, was);
	return !c->no_cid;
}

void quic_migrate_cids(struct quic_conn *c)
{
	struct quic_path *side[] = { old_path(c), cand_path(c) };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(side); i++)
		if (side[i] && side[i]->dcid != QUIC_PATH_NO_CID &&
		    !quic_cids_remote_get(&c->dcids, side[i]->dcid))
			side[i]->dcid = QUIC_PATH_NO_CID;
	c->side_tx = true;
}

/* RFC 9000 §8.2.1, §8.2.4: not sooner than an Initial would be repeated */
static u64 probe_pto(const struct quic_conn *c)
{
	return max(quic_loss_pto(&c->loss, QUIC_SPACE_APP), 3 * c->loss.initial_rtt);
}

static void challenge(struct quic_conn *c, struct quic_path *p, u64 now)
{
	if (p->challenges)
		return;
	quic_path_challenge(p, now, probe_pto(c));
	c->side_tx = true;
}

/* A new candidate; NULL: no memory. */
static struct quic_path *candidate(struct quic_conn *c, const struct quic_addr *local,
				   const struct quic_addr *remote)
{
	struct quic_path *p;

	forget_path(c, cand_path(c));
	if (!c->side)
		c->side = kzalloc(sizeof(*c->side), GFP_ATOMIC);
	if (!c->side)
		return NULL;
	p = &c->side->cand;
	quic_path_init(p, local, remote, false);
	p->ours = !quic_addr_equal(local, &c->path.local);
	p->unlimited = !c->server;
	p->scid = QUIC_PATH_NO_CID;
	/* RFC 9000 §9.4: a port-only change MAY retain what was measured */
	p->measured = c->path.measured && same_hosts(p, &c->path);
	if (p->measured)
		p->mtu = c->path.mtu;
	return p;
}

void quic_migrate_trim(struct quic_conn *c)
{
	if (old_path(c) || cand_path(c))
		return;
	kfree(c->side);
	c->side = NULL;
}

/* ---- a change of the path in use ---- */

/* RFC 9000 §9.4: MUST start afresh on a path whose ownership is confirmed */
static void measure_afresh(struct quic_conn *c)
{
	c->path.mtu = QUIC_INITIAL_MIN;
	quic_pmtud_start(&c->pmtud);
	quic_loss_reset_path(&c->loss, c->config.cong, c->path.mtu);
	quic_pace_init(&c->pace);
	c->pace.max_rate = c->config.max_pacing_rate;
	quic_conn_apply_mtu(c);
	c->path.measured = true;
	if (c->side)
		c->side->old.measured = c->side->cand.measured = false;
}

/* The path in use is validated: this is where the connection lives now. */
static void settle(struct quic_conn *c, u64 now)
{
	u8 local = c->path.ours;

	c->old_at = now + 3 * probe_pto(c);
	c->wake |= QUIC_WAKE_PATH;
	if (!c->path.measured)
		measure_afresh(c);
	if (c->path.told)
		return;
	c->path.told = true;
	if (c->side)
		c->side->old.told = c->side->cand.told = false;
	c->ops->event(c->priv, QUIC_EVENT_CONNECTION_MIGRATION, &local, sizeof(local));
	c->wake |= QUIC_WAKE_READ;
}

/* RFC 9000 §9.3.2: the last validated path is kept, to return to. */
static void leave(struct quic_conn *c, const struct quic_path *from, u64 now)
{
	if (from->state != QUIC_PATH_VALIDATED) {
		give_up_cid(c, from->dcid);
		return;
	}
	forget_path(c, old_path(c));
	c->side->old = *from;
	c->old_at = QUIC_TIME_NEVER;
	/* RFC 9000 §9.3.3: MUST validate the previously active path */
	if (c->server)
		challenge(c, &c->side->old, now);
}

static void switch_to(struct quic_conn *c, struct quic_path *to, u64 now)
{
	struct quic_path from = c->path;

	from.dcid = c->no_cid ? QUIC_PATH_NO_CID : c->dcids.active;
	c->no_cid = !find_cid(c, to) || quic_cids_remote_use(&c->dcids, to->dcid);
	c->path = *to;
	to->state = QUIC_PATH_UNUSED;
	leave(c, &from, now);
	/* the peer shall know at once: a packet that is not only probing */
	c->ping_pending = c->moved = true;
	c->side->first = c->loss.sp[QUIC_SPACE_APP]->sent.next;
	c->loss.pto_count = 0;
	c->spin &= !c->spins;		/* RFC 9000 §17.4: 0 where the connection ID changes */
	c->wake |= QUIC_WAKE_PATH;
	if (c->path.state == QUIC_PATH_VALIDATED) {
		if (to == &c->side->old)
			quic_path_stop(&c->path);
		settle(c, now);
	} else {
		challenge(c, &c->path, now);
	}
	quic_loss_arm(&c->loss, now);
}

void quic_migrate_follow(struct quic_conn *c, struct quic_path *path, u64 now)
{
	if (!c->server || !in_use(path))
		return;
	/* RFC 9000 §9.6.2: MUST NOT use its own other address before it is validated */
	if (path->state != QUIC_PATH_VALIDATED &&
	    !quic_addr_equal(&path->local, &c->path.local)) {
		path->due = true;
		return;
	}
	switch_to(c, path, now);
}

/* ---- datagrams in ---- */

static bool is_preferred(const struct quic_conn *c, const struct quic_addr *a)
{
	const struct quic_preferred_addr *p = &c->local_tp.preferred;

	if (!c->local_tp.has_preferred)
		return false;
	if (a->family == 4)
		return p->port4 == a->port && !memcmp(p->ipv4, a->ip, sizeof(p->ipv4));
	return p->port6 == a->port && !memcmp(p->ipv6, a->ip, sizeof(p->ipv6));
}

struct quic_path *quic_migrate_locate(struct quic_conn *c, const struct quic_rx *rx)
{
	struct quic_path *all[] = { &c->path, old_path(c), cand_path(c) };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i] && in_use(all[i]) && quic_path_is(all[i], &rx->local, &rx->remote))
			return all[i];
	return NULL;
}

static bool is_server(const struct quic_conn *c, const struct quic_addr *a)
{
	return has_remote(&c->path, a) || has_remote(old_path(c), a) || has_remote(cand_path(c), a);
}

bool quic_migrate_admit(struct quic_conn *c, const struct quic_rx *rx, struct quic_path **path)
{
	*path = quic_migrate_locate(c, rx);
	if (*path) {
		quic_path_received(*path, rx->len);
		c->side_tx = true;
		return true;
	}
	/* RFC 9000 §9: a client MUST discard what comes from an unknown server address */
	if (!c->server)
		return is_server(c, &rx->remote);
	/* RFC 9000 §9: MUST NOT migrate before the handshake is confirmed */
	return c->confirmed && (quic_addr_equal(&c->path.local, &rx->local) ||
				is_preferred(c, &rx->local));
}

struct quic_path *quic_migrate_arrive(struct quic_conn *c, const struct quic_rx *rx, u64 scid,
				      u64 now)
{
	struct quic_path *p;

	if (!c->server)
		return NULL;
	p = candidate(c, &rx->local, &rx->remote);
	if (!p)
		return NULL;
	p->scid = scid;
	quic_path_received(p, rx->len);
	/* RFC 9000 §9.3, §9.6.3: SHOULD validate where it is probed from, too */
	challenge(c, p, now);
	return p;
}

void quic_migrate_on_challenge(struct quic_conn *c, struct quic_path *path, const u8 data[8])
{
	if (!path)
		return;
	/* RFC 9000 §8.2.2: MUST be answered on the path that it came on */
	quic_path_on_challenge(path, data);
	if (path == &c->path)
		return;		/* §9.3.3: with the ACK that rides along, not only probing */
	c->side_tx = true;
}

void quic_migrate_on_response(struct quic_conn *c, const u8 data[8], u64 now)
{
	struct quic_path *old = old_path(c), *cand = cand_path(c);
	bool was = c->path.state == QUIC_PATH_VALIDATED;

	/* RFC 9000 §8.2.3: on whichever path it comes */
	if (quic_path_on_response(&c->path, data)) {
		if (!was)
			settle(c, now);
		return;
	}
	if (old && quic_path_on_response(old, data)) {
		c->side_tx = true;
		return;
	}
	if (!cand || !quic_path_on_response(cand, data))
		return;
	c->side_tx = true;
	/* RFC 9000 §9.6.1: all packets go there as soon as validation succeeds */
	if (!c->server || cand->due)
		switch_to(c, cand, now);
}

/* ---- datagrams out ---- */

static bool has_something(const struct quic_path *p)
{
	return p && (p->challenge_pending || p->nresponse);
}

struct quic_path *quic_migrate_next(struct quic_conn *c)
{
	struct quic_path *side[] = { cand_path(c), old_path(c) };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(side); i++)
		if (has_something(side[i]) && quic_path_credit(side[i]) >= SEND_MIN &&
		    find_cid(c, side[i]))
			return side[i];
	c->side_tx = false;
	return NULL;
}

/* ---- time ---- */

u64 quic_migrate_deadline(const struct quic_conn *c)
{
	const struct quic_path *old = old_path(c), *cand = cand_path(c);
	u64 at = c->path.challenge_expire;

	if (cand)
		at = min(at, cand->challenge_expire);
	if (old)
		at = min3(at, old->challenge_expire, c->old_at);
	return at;
}

static void path_failed(struct quic_conn *c, u64 now)
{
	/* RFC 9000 §9.3.2: MUST revert to the last validated address */
	if (old_path(c)) {
		switch_to(c, old_path(c), now);
		return;
	}
	/* RFC 9000 §9.3.2: MUST, without one, discard all state silently */
	quic_conn_abort(c, QUIC_CONN_CLOSED, ETIMEDOUT, now);
}

void quic_migrate_timeout(struct quic_conn *c, u64 now)
{
	struct quic_path *old = old_path(c), *cand = cand_path(c);
	u64 pto = probe_pto(c);

	if (cand && quic_path_timeout(cand, now, pto))
		forget_path(c, cand);
	/* no answer from there is no reason to forget it, as long as there is no other */
	if (old && quic_path_timeout(old, now, pto))
		old->state = QUIC_PATH_VALIDATED;
	c->side_tx = true;
	if (quic_path_timeout(&c->path, now, pto))
		path_failed(c, now);
	if (old_path(c) && now >= c->old_at)
		forget_path(c, old_path(c));
}

/* ---- wishes ---- */

/*
 * Has the server seen a packet of the path in use?  One that is moved again before that,
 * by packets that overtake one another, spends IDs on paths that it takes up twice.
 */
static bool followed(const struct quic_conn *c)
{
	return !old_path(c) ||
	       c->loss.sp[QUIC_SPACE_APP]->largest_acked >= (s64)c->side->first;
}

int quic_migrate_check(const struct quic_conn *c, const struct quic_addr *local)
{
	if (c->server)
		return -EOPNOTSUPP;
	if (c->state != QUIC_CONN_ESTABLISHED || quic_addr_equal(local, &c->path.local))
		return -EINVAL;
	/* RFC 9000 §9: MUST NOT, unless the client has followed a preferred address */
	if (c->peer_tp.disable_active_migration && !c->preferred)
		return -EPERM;
	/* RFC 9000 §9.5: SHOULD NOT with a peer of empty connection IDs */
	if (!quic_cids_remote_active(&c->dcids)->cid.len)
		return -EPERM;
	if (!c->confirmed || quic_migrate_busy(c) || !quic_cids_remote_has_fresh(&c->dcids))
		return -EAGAIN;
	/* RFC 9000 §5.1.1: SHOULD ensure that the peer has one to answer with */
	if (!quic_cids_local_has_fresh(&c->scids) || !followed(c))
		return -EAGAIN;
	return 0;
}

int quic_migrate_start(struct quic_conn *c, const struct quic_addr *local, u64 now)
{
	int err = quic_migrate_check(c, local);
	struct quic_path *p;

	if (err)
		return err;
	p = candidate(c, local, &c->path.remote);
	if (!p)
		return -ENOMEM;
	forget_path(c, old_path(c));
	challenge(c, p, now);
	return 0;
}

/* RFC 9000 §21.5.3: what a server may make its clients probe */
static bool acceptable(const struct quic_addr *a, const struct quic_addr *now)
{
	static const u8 any[16], loop6[16] = { [15] = 1 };
	bool loop = a->family == 4 ? a->ip[0] == 127 : !memcmp(a->ip, loop6, 16);
	bool at_loop = now->family == 4 ? now->ip[0] == 127 : !memcmp(now->ip, loop6, 16);

	if (!a->port || !memcmp(a->ip, any, sizeof(any)) || loop != at_loop)
		return false;
	if (a->family == 4)
		return a->ip[0] < 224;
	/* multicast and link-local */
	return a->ip[0] != 0xff && !(a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80);
}

void quic_migrate_preferred(struct quic_conn *c, u64 now)
{
	const struct quic_preferred_addr *p = &c->peer_tp.preferred;
	struct quic_addr a = { .family = c->path.remote.family };
	struct quic_path *cand;

	if (c->server || !c->peer_tp.has_preferred || cand_path(c))
		return;
	/* RFC 9000 §9.6.3: of the address family that is in use */
	if (a.family == 4) {
		memcpy(a.ip, p->ipv4, sizeof(p->ipv4));
		a.port = p->port4;
	} else {
		memcpy(a.ip, p->ipv6, sizeof(p->ipv6));
		a.port = p->port6;
	}
	if (!acceptable(&a, &c->path.remote) || quic_addr_equal(&a, &c->path.remote))
		return;
	cand = candidate(c, &c->path.local, &a);
	if (!cand)
		return;
	c->preferred = true;
	challenge(c, cand, now);
}

int quic_migrate_offer(struct quic_conn *c, const struct quic_addr *a)
{
	struct quic_preferred_addr *p = &c->local_tp.preferred;
	struct quic_cid_entry *e;
	int err;

	if (!c->server || c->state != QUIC_CONN_HANDSHAKE || c->peer_params_set)
		return -EOPNOTSUPP;
	if (!c->local_tp.has_preferred) {
		err = quic_cids_local_add(&c->scids, &e);
		if (err)
			return err;
		/* RFC 9000 §5.1.1: sequence number 1, told by the parameter */
		e->announced = e->acked = true;
		memset(p, 0, sizeof(*p));
		p->cid = e->cid;
		memcpy(p->token, e->token, sizeof(p->token));
		c->local_tp.has_preferred = true;
	}
	if (a->family == 4) {
		memcpy(p->ipv4, a->ip, sizeof(p->ipv4));
		p->port4 = a->port;
	} else {
		memcpy(p->ipv6, a->ip, sizeof(p->ipv6));
		p->port6 = a->port;
	}
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Datagrams out.  quic_conn_tx() makes one datagram: while the handshake runs
 * it may coalesce an Initial and a Handshake packet, later it is one 1-RTT
 * packet, or in the middle of a transfer a run of them (conn_bulk.c).  For each
 * packet: header, frames into the builder (pkt.h), room in the record of sent
 * packets, seal, record.  What an acknowledged or lost packet carried comes back
 * here by loss.h's ops and goes to whom it concerns.
 *
 * Who may send what: ACKs and CLOSE always; all else within congestion window
 * and pacing, except probes (RFC 9002 §7.5); everything within the anti
 * amplification limit (RFC 9000 §8.1).
 */
#include "migrate.h"

#define HANDSHAKE_MTU	QUIC_INITIAL_MIN	/* until the path is known to take more */
#define COALESCE_MIN	128	/* room worth a second packet in a datagram */
#define APP_MIN		64	/* room for a 1-RTT packet that says something */
#define APP_PN_MAX	4
#define PLAIN_MIN	4	/* RFC 9001 §5.4.2: pn_len + plaintext */
#define CHALLENGES_KEPT	(2 * APP_MIN)	/* bytes: for two more, as one may be lost */

struct tx {
	struct quic_slot *slot;
	struct quic_path *path;	/* where it goes */
	const struct quic_cid *dcid;
	u8 sent_flags;		/* of its packets */
	u32 limit;		/* bytes this datagram may have */
	u32 pad_to;		/* bytes it must have (RFC 9000 §14.1) */
	u64 now;
	bool data_ok;		/* congestion control and pacing let data out */
	bool has_initial;
	u32 spare;		/* room to be left for another packet in the datagram */
	bool sent_eliciting;
	bool sent_challenge;
	bool probed;		/* one of loss.probes, if any are asked for */
};

/* ---- what came of packets ---- */

void quic_conn_ack_flush(struct quic_conn *c)
{
	struct quic_sent_item run = c->acked;

	c->acked.len = 0;
	if (run.len)
		quic_streams_acked(&c->streams, &run);
}

/* Does @it go on where the run ends?  Then it is part of it. */
static bool lengthen_run(struct quic_sent_item *run, const struct quic_sent_item *it)
{
	if (!run->len || run->id != it->id || run->off + run->len != it->off ||
	    run->fin || run->len + it->len < run->len)
		return false;
	run->len += it->len;
	run->fin = it->fin;
	return true;
}

static void stream_acked(struct quic_conn *c, const struct quic_sent_item *it)
{
	if (lengthen_run(&c->acked, it))
		return;
	quic_conn_ack_flush(c);
	if (it->len)
		c->acked = *it;
	else	/* FIN alone */
		quic_streams_acked(&c->streams, it);
}

void quic_conn_item_acked(void *priv, enum quic_space_id sp, const struct quic_sent_item *it)
{
	struct quic_conn *c = priv;
	struct quic_space *s = c->space[sp];

	switch (it->type) {
	case QUIC_ITEM_STREAM:
		stream_acked(c, it);
		break;
	case QUIC_ITEM_ACK:
		if (s)
			quic_acktr_acked(&s->ack, it->off);
		break;
	case QUIC_ITEM_CRYPTO:
		if (s)
			quic_sendbuf_acked(&s->csnd, it->off, it->len);
		break;
	case QUIC_ITEM_NEW_CID:
		quic_cids_local_acked(&c->scids, it->id);
		break;
	case QUIC_ITEM_NEW_TOKEN:
		kfree(c->new_token);
		c->new_token = NULL;
		c->new_token_pending = false;
		break;
	case QUIC_ITEM_HANDSHAKE_DONE:
		c->handshake_done_pending = false;
		break;
	case QUIC_ITEM_RETIRE_CID:
		quic_cids_remote_retire_acked(&c->dcids, it->id);
		break;
	case QUIC_ITEM_PING:
	case QUIC_ITEM_PATH:
	case QUIC_ITEM_DATAGRAM:
		break;
	case QUIC_ITEM_MTU:
		quic_pmtud_acked(&c->pmtud, it->len, it->off);
		quic_conn_apply_mtu(c);
		break;
	default:
		quic_streams_acked(&c->streams, it);
	}
}

/* RFC 9000 §13.3: what must be sent again, and what must not */
void quic_conn_item_lost(void *priv, enum quic_space_id sp, const struct quic_sent_item *it)
{
	struct quic_conn *c = priv;
	struct quic_space *s = c->space[sp];

	quic_conn_count(c, QUIC_MIB_RETRANS);
	switch (it->type) {
	case QUIC_ITEM_ACK:
	case QUIC_ITEM_PING:
	case QUIC_ITEM_PATH:
	case QUIC_ITEM_DATAGRAM:
		break;
	case QUIC_ITEM_MTU:
		quic_pmtud_lost(&c->pmtud, it->len, it->off);
		break;
	case QUIC_ITEM_CRYPTO:
		if (s)
			quic_sendbuf_lost(&s->csnd, it->off, it->len);
		break;
	case QUIC_ITEM_NEW_CID:
		quic_cids_local_lost(&c->scids, it->id);
		break;
	case QUIC_ITEM_RETIRE_CID:
		quic_cids_remote_retire_lost(&c->dcids, it->id);
		break;
	case QUIC_ITEM_NEW_TOKEN:
		c->new_token_pending = c->new_token;
		break;
	case QUIC_ITEM_HANDSHAKE_DONE:
		c->handshake_done_pending = true;
		break;
	default:
		quic_streams_lost(&c->streams, it);
	}
}

static void packet_lost(void *priv, enum quic_space_id sp, u64 pn, u32 len)
{
	struct quic_conn *c = priv;

	if (quic_conn_traced(c))
		c->ops->trace->lost(c->priv, sp, pn, len);
}

const struct quic_loss_ops quic_conn_loss_ops = {
	.packet_lost = packet_lost,
	.acked	= quic_conn_item_acked,
	.lost	= quic_conn_item_lost,
};

/* ---- frames ---- */

static bool crypto_wanted(const struct quic_conn *c, const struct quic_space *s)
{
	if (s->csnd.lost.n)
		return true;
	return !c->crypto_more && quic_sendbuf_pending(&s->csnd);
}

static void put_crypto(struct quic_conn *c, struct quic_space *s, struct quic_pkt *p)
{
	struct quic_vec v[4];
	struct quic_wr w;
	u32 len, got, hdr;
	unsigned int n;
	u64 off;
	u8 *h;

	while (crypto_wanted(c, s)) {
		hdr = 1 + 8 + 2;	/* offsets stay below 2^30, lengths below 2^14 */
		if (!quic_pkt_fits(p, hdr + 1))
			return;
		len = quic_sendbuf_peek(&s->csnd, U64_MAX, quic_pkt_left(p) - hdr, &off);
		n = len ? quic_sendbuf_vecs(&s->csnd, off, len, v, ARRAY_SIZE(v), &got) : 0;
		if (!n)
			return;
		hdr = quic_frame_crypto_hdr_len(off, got);
		h = quic_pkt_put(p, hdr);
		if (!h)
			return;
		quic_wr_init(&w, h, hdr);
		quic_frame_put_crypto_hdr(&w, off, got);
		if (WARN_ON_ONCE(!quic_pkt_data(p, v, n)))
			return;
		quic_pkt_item(p, QUIC_ITEM_CRYPTO, 0, off, got, false);
		quic_sendbuf_sent(&s->csnd, off, got);
	}
}

static void put_cids(struct quic_conn *c, struct quic_pkt *p)
{
	struct quic_frame f = { .type = QUIC_FRAME_NEW_CONNECTION_ID };
	struct quic_cid_entry *e;
	u64 seq;

	while ((e = quic_cids_local_pending(&c->scids))) {
		f.new_cid.seq = e->seq;
		f.new_cid.prior_to = quic_cids_local_prior(&c->scids, e);
		f.new_cid.cid = e->cid;
		memcpy(f.new_cid.token, e->token, QUIC_RESET_TOKEN_LEN);
		if (!quic_pkt_frame(p, &f, QUIC_ITEM_NEW_CID, e->seq))
			return;
		e->announced = true;
		e->lost = false;
	}
	f.type = QUIC_FRAME_RETIRE_CONNECTION_ID;
	while (quic_pkt_fits(p, 9) && quic_cids_remote_next_retire(&c->dcids, &seq)) {
		f.retire_cid.seq = seq;
		if (!quic_pkt_frame(p, &f, QUIC_ITEM_RETIRE_CID, seq))
			quic_cids_remote_retire_lost(&c->dcids, seq);
	}
}

/* RFC 9000 §8.2 */
static void put_path(struct quic_pkt *p, struct tx *t)
{
	struct quic_frame f = { .type = QUIC_FRAME_PATH_RESPONSE };
	struct quic_path *path = t->path;

	/*
	 * RFC 9000 §8.2.1, §8.2.2: MUST expand these datagrams to 1200 bytes, unless
	 * the anti-amplification limit does not permit that: then nothing is wasted
	 */
	if (t->limit >= QUIC_INITIAL_MIN && (path->nresponse || path->challenge_pending))
		t->pad_to = QUIC_INITIAL_MIN;
	while (quic_pkt_fits(p, 9) && quic_path_next_response(path, f.path.data))
		quic_pkt_frame(p, &f, QUIC_ITEM_PATH, 0);
	if (!path->challenge_pending)
		return;
	f.type = QUIC_FRAME_PATH_CHALLENGE;
	memcpy(f.path.data, path->challenge, sizeof(f.path.data));
	if (quic_pkt_frame(p, &f, QUIC_ITEM_PATH, 0)) {
		path->challenge_pending = false;
		t->sent_challenge = true;
	}
}

static void put_done_token(struct quic_conn *c, struct quic_pkt *p)
{
	struct quic_frame f = { .type = QUIC_FRAME_HANDSHAKE_DONE };

	if (c->handshake_done_pending && quic_pkt_frame(p, &f, QUIC_ITEM_HANDSHAKE_DONE, 0))
		c->handshake_done_pending = false;
	if (!c->new_token_pending)
		return;
	f.type = QUIC_FRAME_NEW_TOKEN;
	f.token.data = c->new_token;
	f.token.len = c->new_token_len;
	if (quic_pkt_frame(p, &f, QUIC_ITEM_NEW_TOKEN, 0))
		c->new_token_pending = false;
}

static void put_ping(struct quic_pkt *p)
{
	struct quic_frame f = { .type = QUIC_FRAME_PING };

	quic_pkt_frame(p, &f, QUIC_ITEM_PING, 0);
}

/* Anything of the 1-RTT level but ACKs and stream data. */
static bool control_wanted(const struct quic_conn *c)
{
	return c->handshake_done_pending || c->new_token_pending || c->ping_pending ||
	       c->path.nresponse || c->path.challenge_pending || c->dcids.nretire ||
	       quic_dgrams_pending(&c->dgrams) ||
	       quic_streams_want_control(&c->streams) ||
	       quic_cids_local_pending((struct quic_cids_local *)&c->scids);
}

static bool app_wanted(const struct quic_conn *c)
{
	return quic_streams_want_tx(&c->streams, false) || control_wanted(c);
}

int quic_conn_dgram_max(const struct quic_conn *c)
{
	u32 hdr;

	/* RFC 9221 §3: MUST NOT send any before the parameter allows it */
	if (!c->peer_tp.max_datagram_frame_size)
		return -EINVAL;
	hdr = 1 + quic_cids_remote_active(&c->dcids)->cid.len + APP_PN_MAX +
	      quic_keys_overhead(&c->keys, QUIC_CRYPTO_APP);
	return min_t(u64, c->peer_tp.max_datagram_frame_size, c->path.mtu - hdr) - 1;
}

static void put_dgrams(struct quic_conn *c, struct quic_pkt *p, struct tx *t)
{
	u32 n = quic_dgrams_put(&c->dgrams, p, c->peer_tp.max_datagram_frame_size,
				max(quic_conn_dgram_max(c), 0), !t->pad_to);

	while (n--)
		quic_conn_count(c, QUIC_MIB_DROP_DATAGRAM);
}

/* RFC 9221 §5: datagrams SHOULD go at once; but neither they nor streams starve the other. */
static void put_data(struct quic_conn *c, struct quic_pkt *p, struct tx *t)
{
	struct quic_dgrams *d = &c->dgrams;

	if (!d->streams_turn && quic_dgrams_pending(d)) {
		put_dgrams(c, p, t);
		quic_streams_tx_data(&c->streams, p);
		d->streams_turn = true;
		return;
	}
	quic_streams_tx_data(&c->streams, p);
	d->streams_turn = false;
	if (quic_dgrams_pending(d))
		put_dgrams(c, p, t);
}

/* Everything of the 1-RTT level but ACKs. */
static void put_app(struct quic_conn *c, struct quic_pkt *p, struct tx *t)
{
	put_done_token(c, p);
	put_path(p, t);
	put_cids(c, p);
	quic_streams_tx_control(&c->streams, p);
	put_data(c, p, t);
	if (c->ping_pending) {
		if (!p->ack_eliciting || c->moved)
			put_ping(p);
		c->ping_pending = c->moved = false;
	}
}

/* ---- one packet ---- */

static bool space_ready(const struct quic_conn *c, enum quic_space_id sp, u8 level)
{
	if (!c->space[sp] || !quic_keys_have(&c->keys, level, true))
		return false;
	if (level == QUIC_CRYPTO_EARLY)
		return quic_early_may_send(c);
	return sp != QUIC_SPACE_APP || c->state == QUIC_CONN_ESTABLISHED;
}

static const u8 space_level[QUIC_SPACES] = {
	QUIC_CRYPTO_INITIAL, QUIC_CRYPTO_HANDSHAKE, QUIC_CRYPTO_APP,
};

/* Bytes of the anti-amplification limit's credit that are worth a datagram. */
static u32 least(const struct quic_conn *c)
{
	return c->confirmed ? APP_MIN : COALESCE_MIN;
}

/*
 * Bytes that the next datagram may have of the anti-amplification limit.  A new path's
 * last ones are kept for challenges.  If they were used up and the challenge is lost,
 * it could not be repeated; and a client that only waits for data, behind a NAT that
 * gave it another address, says nothing to raise the limit.
 */
static u32 spendable(const struct quic_conn *c)
{
	u32 credit = quic_path_credit(&c->path), kept;

	if (likely(credit >= QUIC_INITIAL_MIN) || !c->confirmed)
		return credit;
	kept = min_t(u32, credit, CHALLENGES_KEPT);
	if (c->path.challenge_pending)
		kept = min(kept, credit - min_t(u32, credit, APP_MIN));
	return credit - kept;
}

bool quic_conn_may_send(const struct quic_conn *c, enum quic_space_id sp)
{
	return space_ready(c, sp, space_level[sp]) && !c->no_cid && spendable(c) >= least(c);
}

/*
 * RFC 9002 §6.2.4: SHOULD probe the other spaces with packets in flight as well:
 * the peer may have the keys of one of them only.  So too with what was lost
 * and waits for room in the congestion window, which may be full of the others'.
 */
static bool probing(const struct quic_conn *c, enum quic_space_id sp)
{
	if (!c->loss.probes || c->loss.probe_space == sp)
		return c->loss.probes;
	if (c->confirmed || !c->space[sp] ||
	    (sp == QUIC_SPACE_APP && c->state != QUIC_CONN_ESTABLISHED))
		return false;
	return c->loss.sp[sp]->eliciting_in_flight || crypto_wanted(c, c->space[sp]);
}

/*
 * RFC 9000 §14.1: a server MUST expand datagrams with ack-eliciting Initials to
 * 1200 bytes, which the anti-amplification limit may forbid: then only ACKs go.
 */
static bool may_elicit(enum quic_space_id sp, const struct tx *t)
{
	return sp != QUIC_SPACE_INITIAL || t->limit >= QUIC_INITIAL_MIN;
}

/*
 * 0-RTT packets are acknowledged when the handshake is over (RFC 9000 §17.2.3):
 * with a window that is full of them, it must go on, or it never is.
 */
static bool may_overtake(const struct quic_conn *c, enum quic_space_id sp)
{
	return c->early && !c->server && sp != QUIC_SPACE_APP;
}

/*
 * RFC 9000 §9.4: what was sent along the old path must not keep the new one from being
 * validated: a full congestion window does not hold the challenge back.
 */
static bool must_challenge(const struct quic_conn *c, enum quic_space_id sp)
{
	return sp == QUIC_SPACE_APP && c->path.challenge_pending;
}

/* Exact: true means that a packet built now gets at least one frame. */
static bool wanted(const struct quic_conn *c, enum quic_space_id sp, u8 level, const struct tx *t)
{
	const struct quic_space *s = c->space[sp];

	if (!space_ready(c, sp, level))
		return false;
	if (quic_acktr_due(&s->ack, t->now))
		return true;
	if (!may_elicit(sp, t))
		return false;
	if (probing(c, sp))
		return true;
	if (!t->data_ok && !may_overtake(c, sp))
		return must_challenge(c, sp);
	return crypto_wanted(c, s) || (sp == QUIC_SPACE_APP && app_wanted(c));
}

static void put_frames(struct quic_conn *c, enum quic_space_id sp, struct quic_pkt *p,
		       struct tx *t)
{
	struct quic_space *s = c->space[sp];
	bool probe = probing(c, sp);

	/*
	 * RFC 9000 §13.2.1: an ACK owed rides along; and with a probe of the handshake the
	 * last one again, which may be what the peer waits for
	 */
	if (quic_acktr_due(&s->ack, t->now) || quic_acktr_owed(&s->ack) ||
	    (probe && !c->confirmed && quic_acktr_largest(&s->ack) >= 0))
		quic_acktr_put(&s->ack, p, c->local_tp.ack_delay_exponent, t->now);
	if ((!t->data_ok && !probe && !may_overtake(c, sp)) || !may_elicit(sp, t)) {
		if (must_challenge(c, sp))
			put_path(p, t);
		return;
	}
	/* RFC 9002 §6.2.4: with nothing new to say, repeat: sooner than the loss would show */
	if (probe && !crypto_wanted(c, s) && !(sp == QUIC_SPACE_APP && app_wanted(c)))
		quic_loss_requeue_oldest(&c->loss, sp);
	put_crypto(c, s, p);
	if (sp == QUIC_SPACE_APP)
		put_app(c, p, t);
	if (probe && !p->ack_eliciting)
		put_ping(p);
}

/*
 * RFC 9000 §12.5, table 3, RFC 9221 §5: streams, their flow control and datagrams
 * are all that 0-RTT packets carry here, and never an ACK (§17.2.3).
 */
static void put_early(struct quic_conn *c, struct quic_pkt *p, struct tx *t)
{
	if (!t->data_ok)
		return;
	quic_streams_tx_control(&c->streams, p);
	put_data(c, p, t);
	/* nothing, on second thoughts, but the Initial before it counts on its padding */
	if (!p->len && t->pad_to)
		put_ping(p);
	if (p->len)
		quic_conn_count(c, QUIC_MIB_EARLY_OUT);
}

static const u8 level_type[] = {
	[QUIC_CRYPTO_APP]	= QUIC_PKT_1RTT,
	[QUIC_CRYPTO_INITIAL]	= QUIC_PKT_INITIAL,
	[QUIC_CRYPTO_HANDSHAKE]	= QUIC_PKT_HANDSHAKE,
	[QUIC_CRYPTO_EARLY]	= QUIC_PKT_0RTT,
};

struct sealing {		/* where the packet under way lies in the slot */
	u8 *pkt;
	u8 *length;		/* long header: its Length field */
	u32 hdr_len;
	u64 pn;
	u8 pn_len;
	u8 level;
};

static void put_header(struct quic_conn *c, struct tx *t, struct sealing *z)
{
	const struct quic_cid *dcid = t->dcid;
	enum quic_space_id sp = quic_level_space(z->level);
	bool initial = z->level == QUIC_CRYPTO_INITIAL;
	struct quic_wr w;

	z->pkt = t->slot->buf + t->slot->len;
	z->pn = c->loss.sp[sp]->sent.next;
	z->pn_len = z->level == QUIC_CRYPTO_APP ?
		    quic_conn_pn_len(c->loss.sp[sp], z->pn) :
		    quic_pn_len(z->pn, c->loss.sp[sp]->largest_acked);
	z->length = NULL;
	quic_wr_init(&w, z->pkt, t->limit - t->slot->len);
	if (z->level == QUIC_CRYPTO_APP)
		quic_hdr_put_short(&w, dcid, c->spin, c->keys.phase, z->pn, z->pn_len);
	else
		quic_hdr_put_long(&w, level_type[z->level], c->version, dcid,
				  &c->local_tp.iscid, initial ? c->token : NULL,
				  initial ? c->token_len : 0, z->pn, z->pn_len, &z->length);
	z->hdr_len = w.bad ? U32_MAX : w.p - z->pkt;
	/* RFC 9287 §3.1: SHOULD be unpredictable */
	if (unlikely(c->grease) && !w.bad)
		z->pkt[0] &= ~(get_random_u32() & QUIC_HDR_FIXED);
}

/* Seal what the builder holds and put it on record. */
static int finish_packet(struct quic_conn *c, struct tx *t, struct sealing *z)
{
	enum quic_space_id sp = quic_level_space(z->level);
	struct quic_loss_space *ls = c->loss.sp[sp];
	struct quic_pkt *p = t->slot->pkt;
	u32 overhead = quic_keys_overhead(&c->keys, z->level);
	u8 flags = (p->ack_eliciting ? QUIC_SENT_ELICITING : 0) |
		   (p->in_flight ? QUIC_SENT_IN_FLIGHT : 0) | t->sent_flags;
	struct quic_sent_pkt *sp_pkt;
	int len;

	if (z->length)
		quic_hdr_set_length(z->length, z->pn_len + p->len + overhead);
	len = quic_keys_seal(&c->keys, z->level, z->pn, z->pkt, z->hdr_len,
			     z->hdr_len - z->pn_len, z->pn_len, p->vec, p->nvec);
	if (len < 0)
		return len;
	if (quic_conn_traced(c))
		c->ops->trace->sent(c->priv, z->level, z->pn, len, p);
	sp_pkt = quic_sent_add(&ls->sent, p, len, flags, t->now);
	quic_loss_sent(&c->loss, sp, sp_pkt, t->now);
	if (p->in_flight)
		quic_pace_sent(&c->pace, &c->cc, quic_loss_srtt(&c->loss), len, t->now);
	quic_conn_count(c, QUIC_MIB_PKT_OUT);
	c->stats.tx_packets++;
	t->slot->len += len;
	t->slot->n = 1;
	t->sent_eliciting |= p->ack_eliciting;
	t->probed |= p->ack_eliciting && sp == c->loss.probe_space;
	return 1;
}

/* The frames were taken from their owners, but the packet cannot be: give them back. */
static void undo_packet(struct quic_conn *c, enum quic_space_id sp, const struct quic_pkt *p)
{
	unsigned int i;

	for (i = 0; i < p->nitem; i++)
		quic_conn_item_lost(c, sp, &p->item[i]);
	quic_dgrams_unsent(&c->dgrams);
}

static bool carries_ack(const struct quic_pkt *p)
{
	return p->nitem && p->item[0].type == QUIC_ITEM_ACK;
}

/* Append a packet of @level to the datagram: 1 done, 0 nothing to send, or an errno. */
static int add_packet(struct quic_conn *c, struct tx *t, u8 level, bool last)
{
	enum quic_space_id sp = quic_level_space(level);
	struct quic_sent *sent = &c->loss.sp[sp]->sent;
	struct quic_pkt *p = t->slot->pkt;
	u32 overhead = quic_keys_overhead(&c->keys, level);
	struct sealing z = { .level = level };
	u32 used;
	int err;

	/* RFC 9000 §21.4: a trap for those who acknowledge what they have not seen */
	if (unlikely(sent->next == sent->skip_at))
		quic_sent_skip(sent);
	put_header(c, t, &z);
	if (z.hdr_len > t->limit ||
	    z.hdr_len + overhead + PLAIN_MIN + t->spare > t->limit - t->slot->len)
		return 0;
	/* before frames are taken off their queues: a place to record them */
	err = quic_sent_reserve(sent, QUIC_PKT_ITEMS);
	if (err)
		return err;
	quic_pkt_start(p, level_type[level],
		       t->limit - t->spare - t->slot->len - z.hdr_len - overhead);
	if (level == QUIC_CRYPTO_EARLY)
		put_early(c, p, t);
	else
		put_frames(c, sp, p, t);
	if (!p->len)
		return 0;
	t->has_initial |= level == QUIC_CRYPTO_INITIAL;
	/* RFC 9000 §14.1: a client's datagrams with an Initial, a server's if it elicits an ACK */
	if (level == QUIC_CRYPTO_INITIAL && (!c->server || p->ack_eliciting))
		t->pad_to = QUIC_INITIAL_MIN;
	used = t->slot->len + z.hdr_len + overhead;
	if (last && t->pad_to > used + p->len)
		quic_pkt_pad(p, min(t->pad_to, t->limit) - used);
	if (z.pn_len + p->len < PLAIN_MIN)
		quic_pkt_pad(p, PLAIN_MIN - z.pn_len);
	err = finish_packet(c, t, &z);
	if (err < 0)
		undo_packet(c, sp, p);
	else if (carries_ack(p))
		quic_acktr_sent(&c->space[sp]->ack);
	if (c->dgrams.out.last && quic_dgrams_sent(&c->dgrams))
		c->wake |= QUIC_WAKE_WRITE;
	return err;
}

/* ---- CLOSE ---- */

static void close_frame(const struct quic_conn *c, u8 level, bool last, struct quic_frame *f)
{
	bool app = c->close.app;

	f->type = app ? QUIC_FRAME_CONNECTION_CLOSE_APP : QUIC_FRAME_CONNECTION_CLOSE;
	f->close.code = c->close.code;
	f->close.frame_type = c->close.frame_type;
	f->close.phrase = c->close.phrase;
	/* the phrase once; the other levels shall fit in as well */
	f->close.len = last ? min_t(u32, c->close.len, QUIC_PHRASE_MAX) : 0;
	if (!app || level == QUIC_CRYPTO_APP)
		return;
	/* RFC 9000 §10.2.3: nothing of the application's before 1-RTT; TLS alerts are not its */
	f->type = QUIC_FRAME_CONNECTION_CLOSE;
	f->close.frame_type = 0;
	if (f->close.code < QUIC_TRANSPORT_ERROR_CRYPTO ||
	    f->close.code > QUIC_TRANSPORT_ERROR_CRYPTO + 0xff)
		f->close.code = QUIC_TRANSPORT_ERROR_APPLICATION;
	f->close.len = 0;
}

static int add_close(struct quic_conn *c, struct tx *t, u8 level, bool last)
{
	struct quic_pkt *p = t->slot->pkt;
	u32 overhead = quic_keys_overhead(&c->keys, level);
	struct sealing z = { .level = level };
	struct quic_frame f;
	struct quic_wr w;
	u32 room, used;
	u8 *h;

	put_header(c, t, &z);
	if (z.hdr_len > t->limit || z.hdr_len + overhead + 32 > t->limit - t->slot->len)
		return 0;
	if (quic_sent_reserve(&c->loss.sp[quic_level_space(level)]->sent, 1))
		return -ENOMEM;
	room = t->limit - t->slot->len - z.hdr_len - overhead;
	quic_pkt_start(p, level_type[level], room);
	close_frame(c, level, last, &f);
	while (quic_frame_len(&f) > room)
		f.close.len /= 2;
	h = quic_pkt_put(p, quic_frame_len(&f));
	if (!h)
		return 0;
	quic_wr_init(&w, h, quic_frame_len(&f));
	quic_frame_put(&w, &f);
	if (level == QUIC_CRYPTO_INITIAL && !c->server)
		t->pad_to = QUIC_INITIAL_MIN;
	used = t->slot->len + z.hdr_len + overhead;
	if (last && t->pad_to > used + p->len)
		quic_pkt_pad(p, min(t->pad_to, t->limit) - used);
	p->ack_eliciting = p->in_flight = false;
	return finish_packet(c, t, &z);
}

/* RFC 9000 §10.2.3: at each level that the peer may be able to read. */
static int tx_close(struct quic_conn *c, struct tx *t)
{
	static const u8 order[] = { QUIC_CRYPTO_INITIAL, QUIC_CRYPTO_HANDSHAKE, QUIC_CRYPTO_APP };
	int last = -1, err = 0, i;

	if (!c->close_pending)
		return 0;
	c->close_pending = false;
	for (i = 0; i < (int)ARRAY_SIZE(order); i++)
		if (c->space[quic_level_space(order[i])] &&
		    quic_keys_have(&c->keys, order[i], true))
			last = i;
	for (i = 0; i <= last; i++) {
		if (!c->space[quic_level_space(order[i])] ||
		    !quic_keys_have(&c->keys, order[i], true))
			continue;
		err = add_close(c, t, order[i], i == last);
		if (err < 0)
			break;
	}
	if (!t->slot->len) {
		/* RFC 9001 §6.6: worn out keys do not seal even this */
		c->close_pending = err < 0 && err != -EKEYEXPIRED;
		return min(err, 0);
	}
	c->close_due = false;
	c->close_len = t->slot->len;
	c->close_rx_bytes = 0;
	quic_conn_count(c, QUIC_MIB_CLOSE_OUT);
	return 1;
}

/* ---- the datagram ---- */

/* Do congestion control and pacing let a full packet with data leave? */
static bool data_allowed(struct quic_conn *c, u32 size, u64 now)
{
	u64 at;

	c->pace_at = QUIC_TIME_NEVER;
	if (c->cc.in_flight && quic_cc_room(&c->cc) < size)
		return false;
	at = quic_pace_next(&c->pace, &c->cc, quic_loss_srtt(&c->loss), size, now);
	if (at <= now)
		return true;
	c->pace_at = at;
	return false;
}

/* RFC 9001 §6.6: new keys before the old are worn out */
static void update_worn_keys(struct quic_conn *c, u64 now)
{
	if (!c->confirmed || c->keys.plain || !quic_keys_wants_update(&c->keys) ||
	    c->keys.update_unacked)
		return;
	if (!c->keys.prepared)
		c->work |= QUIC_WORK_KEYS;
	else if (!quic_keys_flip(&c->keys, c->loss.sp[QUIC_SPACE_APP]->sent.next,
				 now + 3 * quic_loss_pto(&c->loss, QUIC_SPACE_APP)))
		c->key_event_pending = true;
}

/* Initial and Handshake or 0-RTT in one datagram; padding goes into the last of them. */
static int tx_handshake(struct quic_conn *c, struct tx *t)
{
	bool hs = wanted(c, QUIC_SPACE_HANDSHAKE, QUIC_CRYPTO_HANDSHAKE, t);
	bool early = !hs && wanted(c, QUIC_SPACE_APP, QUIC_CRYPTO_EARLY, t);
	int err = 0;

	if (wanted(c, QUIC_SPACE_INITIAL, QUIC_CRYPTO_INITIAL, t)) {
		bool coalesce = (hs || early) &&
				quic_sendbuf_held(&c->space[QUIC_SPACE_INITIAL]->csnd) <
				t->limit - 2 * COALESCE_MIN;

		t->spare = coalesce ? COALESCE_MIN : 0;
		err = add_packet(c, t, QUIC_CRYPTO_INITIAL, !coalesce);
		t->spare = 0;
		if (err < 0 || !coalesce)
			return err;
	}
	if ((hs || early) && t->limit - t->slot->len >= COALESCE_MIN)
		err = add_packet(c, t, hs ? QUIC_CRYPTO_HANDSHAKE : QUIC_CRYPTO_EARLY, true);
	/* RFC 9000 §14.1: never without its padding; as if it were lost */
	if (t->slot->len < min(t->pad_to, t->limit))
		t->slot->len = 0;
	/* RFC 9001 §4.9.1: a client's Initial keys go with its first Handshake packet */
	if (err > 0 && hs && !c->server)
		quic_conn_drop_level(c, QUIC_CRYPTO_INITIAL, t->now);
	return err;
}

bool quic_conn_only_data(const struct quic_conn *c)
{
	const struct quic_space *s = c->space[QUIC_SPACE_APP];

	return c->confirmed && !c->loss.probes && !crypto_wanted(c, s) &&
	       !quic_acktr_owed(&s->ack) && !control_wanted(c) &&
	       quic_streams_only_new(&c->streams);
}

static int add_app(struct quic_conn *c, struct tx *t)
{
	int err = add_packet(c, t, QUIC_CRYPTO_APP, true);

	/* RFC 9001 §6.6 */
	if (unlikely(err == -EKEYEXPIRED))
		quic_conn_fail(c, QUIC_TRANSPORT_ERROR_AEAD_LIMIT_REACHED, 0, t->now);
	return err;
}

/* Most packets of a transfer: they carry stream data alone, and fill up with it. */
static bool may_run(const struct quic_conn *c, const struct tx *t)
{
	return t->slot->most && t->data_ok && t->limit == c->path.mtu &&
	       c->path.state == QUIC_PATH_VALIDATED && quic_loss_ecn_steady(&c->loss) &&
	       !list_empty(&c->streams.ready) && quic_conn_only_data(c);
}

static int tx_open(struct quic_conn *c, struct tx *t)
{
	int err = 0;

	if (!c->confirmed) {
		err = tx_handshake(c, t);
		if (err < 0)
			return err;
	}
	/* 1-RTT data rides behind a client's Finished, but not with an Initial */
	if (t->slot->len && (t->has_initial || t->limit - t->slot->len < COALESCE_MIN))
		return 1;
	update_worn_keys(c, t->now);
	if (may_run(c, t) && quic_conn_tx_bulk(c, t->slot, t->dcid, t->now)) {
		t->sent_eliciting = true;
		return 1;
	}
	if (wanted(c, QUIC_SPACE_APP, QUIC_CRYPTO_APP, t))
		err = add_app(c, t);
	return err;
}

static int finish_datagram(struct quic_conn *c, struct tx *t)
{
	struct quic_slot *slot = t->slot;
	u32 bytes = slot->n * slot->len;

	quic_path_sent(t->path, bytes);
	slot->path = t->path;
	slot->ecn = t->sent_flags & QUIC_SENT_ECT ? QUIC_ECN_ECT0 : QUIC_ECN_NONE;
	c->stats.tx_bytes += bytes;
	if (quic_conn_is_open(c)) {
		/* RFC 9000 §10.1: the first ack-eliciting packet since the last receive */
		if (t->sent_eliciting && !c->idle_restarted) {
			c->idle_restarted = true;
			quic_conn_restart_idle(c, t->now);
		}
		if (t->sent_challenge)
			quic_path_challenge_sent(t->path, slot->len);
	}
	return 1;
}

/*
 * RFC 9000 §9.1: a probing packet, for a path that is not in use.  Neither its
 * RTT nor its loss says anything about the one that is (§9.4).
 */
static int add_probe(struct quic_conn *c, struct tx *t)
{
	struct sealing z = { .level = QUIC_CRYPTO_APP };
	u32 overhead = quic_keys_overhead(&c->keys, z.level), used;
	struct quic_pkt *p = t->slot->pkt;
	int err;

	put_header(c, t, &z);
	used = z.hdr_len + overhead;
	err = quic_sent_reserve(&c->loss.sp[QUIC_SPACE_APP]->sent, QUIC_PKT_ITEMS);
	if (err)
		return err;
	quic_pkt_start(p, QUIC_PKT_1RTT, t->limit - used);
	put_path(p, t);
	if (t->pad_to > used + p->len)
		quic_pkt_pad(p, t->pad_to - used);
	p->ack_eliciting = p->in_flight = false;
	return finish_packet(c, t, &z);
}

/* RFC 9000 §14.4: a probe of the path's MTU, a packet of its own; §13.4: unmarked */
static int tx_mtu(struct quic_conn *c, struct quic_slot *slot, u64 now)
{
	struct tx t = { .slot = slot, .path = &c->path, .now = now, .limit = c->pmtud.size,
			.sent_flags = QUIC_SENT_PROBE };
	struct sealing z = { .level = QUIC_CRYPTO_APP };
	u32 overhead = quic_keys_overhead(&c->keys, z.level);
	struct quic_pkt *p = slot->pkt;
	int err;

	t.dcid = &quic_cids_remote_active(&c->dcids)->cid;
	put_header(c, &t, &z);
	err = quic_sent_reserve(&c->loss.sp[QUIC_SPACE_APP]->sent, 1);
	if (err)
		return err;
	quic_pkt_start(p, QUIC_PKT_1RTT, t.limit - z.hdr_len - overhead);
	*quic_pkt_put(p, 1) = QUIC_FRAME_PING;
	quic_pkt_item(p, QUIC_ITEM_MTU, 0, now, t.limit, false);
	quic_pkt_pad(p, p->room);
	c->pmtud.pending = false;
	err = finish_packet(c, &t, &z);
	return err < 0 ? err : finish_datagram(c, &t);
}

/*
 * In a window that data always fills there is never room for a whole probe: room
 * for a packet as they are so far will do.  Where nothing is heard at all it would
 * tell nothing.
 */
static bool mtu_wanted(struct quic_conn *c, const struct quic_slot *slot, u64 now)
{
	return c->confirmed && c->state == QUIC_CONN_ESTABLISHED && !c->no_cid &&
	       c->path.state == QUIC_PATH_VALIDATED && slot->cap >= c->pmtud.size &&
	       !c->loss.probes && !c->loss.pto_count && data_allowed(c, c->path.mtu, now);
}

static int tx_side(struct quic_conn *c, struct quic_slot *slot, u64 now)
{
	struct tx t = { .slot = slot, .now = now, .sent_flags = QUIC_SENT_PROBE };
	int err;

	t.path = quic_migrate_next(c);
	if (!t.path)
		return 0;
	t.dcid = quic_cids_remote_get(&c->dcids, t.path->dcid);
	t.limit = min3(slot->cap, (u32)QUIC_INITIAL_MIN, quic_path_credit(t.path));
	err = add_probe(c, &t);
	return err < 0 ? err : finish_datagram(c, &t);
}

/* RFC 9000 §13.4: all of them, while the path is tested or has passed the test */
static u8 ecn_flags(const struct quic_conn *c)
{
	return quic_loss_ecn_mark(&c->loss) ? QUIC_SENT_ECT : 0;
}

int quic_conn_tx(struct quic_conn *c, struct quic_slot *slot, u64 now)
{
	u32 mtu = c->confirmed || c->state == QUIC_CONN_ESTABLISHED ? c->path.mtu : HANDSHAKE_MTU;
	struct tx t = { .slot = slot, .path = &c->path, .now = now };
	u32 credit;
	int err;

	slot->len = 0;
	if (c->state == QUIC_CONN_IDLE || c->state >= QUIC_CONN_DRAINING)
		return 0;
	if (unlikely(c->side_tx) && c->state == QUIC_CONN_ESTABLISHED) {
		err = tx_side(c, slot, now);
		if (err)
			return err;
	}
	if (unlikely(c->pmtud.pending) && mtu_wanted(c, slot, now))
		return tx_mtu(c, slot, now);
	credit = c->no_cid && !quic_migrate_find_cid(c) ? 0 : spendable(c);
	t.dcid = &quic_cids_remote_active(&c->dcids)->cid;
	t.limit = min3(slot->cap, mtu, credit);
	/* RFC 9000 §8.1: not a byte above; below a whole datagram is not worth sending */
	if (c->loss.at_limit != (t.limit < min(mtu, slot->cap))) {
		c->loss.at_limit = !c->loss.at_limit;
		quic_loss_arm(&c->loss, now);
	}
	if (t.limit < least(c))
		return 0;
	if (c->state == QUIC_CONN_CLOSING) {
		err = tx_close(c, &t);
	} else {
		t.sent_flags = ecn_flags(c);
		t.data_ok = data_allowed(c, mtu, now);
		err = tx_open(c, &t);
		/* a datagram, with as many spaces as it holds, is one of them */
		if (unlikely(c->loss.probes) && t.probed)
			c->loss.probes--;
	}
	if (!slot->len)
		return min(err, 0);
	return finish_datagram(c, &t);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs of datagrams that are full of new stream data: most packets of a transfer.
 * While nothing else is owed they differ in their numbers and in the bytes they
 * carry, so all else is asked once a run: how many there may be is the least of
 * what window, pacing, keys and records allow.  Datagrams and records are those
 * that conn_tx.c, packet by packet, would make.
 *
 * A packet is written where it is to lie: header, frame, data, and is sealed
 * there.  Only then are its bytes taken from their stream, so that failure needs
 * no undoing: the run ends, and who comes after it (conn_tx.c) finds out why.
 *
 * Called by conn_tx.c under the connection's lock.
 */
#include "conn.h"

struct run {			/* what its packets have in common */
	u8 head[1 + QUIC_CID_MAX];	/* headers as far as the number */
	u8 head_len;
	u8 pn_len;
	u8 flags;		/* of their records */
	u32 size;
	u32 room;		/* for the frame */
};

/* How many packets may leave now, and look alike? */
static u32 bound_run(struct quic_conn *c, const struct quic_loss_space *ls, u32 size, u32 most,
		     u64 now)
{
	const struct quic_sent *sent = &ls->sent;
	u64 n = min(most, quic_sent_room(sent, QUIC_PKT_ITEMS));

	n = min(n, quic_cc_packets(&c->cc, size));
	n = min(n, quic_pace_packets(&c->pace, &c->cc, quic_loss_srtt(&c->loss), size, now));
	n = min(n, quic_keys_left(&c->keys));
	n = min(n, sent->skip_at - sent->next);
	if (n > 1 && quic_conn_pn_len(ls, sent->next + n - 1) != quic_conn_pn_len(ls, sent->next))
		return 1;
	return n;
}

static void begin_run(struct quic_conn *c, const struct quic_loss_space *ls,
		      const struct quic_cid *dcid, struct run *r)
{
	u8 hdr[1 + QUIC_CID_MAX + 4] = {};
	struct quic_wr w;

	r->size = c->path.mtu;
	r->pn_len = quic_conn_pn_len(ls, ls->sent.next);
	r->flags = QUIC_SENT_ELICITING | QUIC_SENT_IN_FLIGHT |
		   (quic_loss_ecn_mark(&c->loss) ? QUIC_SENT_ECT : 0);
	quic_wr_init(&w, hdr, sizeof(hdr));
	quic_hdr_put_short(&w, dcid, c->spin, c->keys.phase, 0, r->pn_len);
	memcpy(r->head, hdr, sizeof(r->head));
	r->head_len = w.p - hdr - r->pn_len;
	r->room = r->size - (w.p - hdr) - quic_keys_overhead(&c->keys, QUIC_CRYPTO_APP);
}

static void write_head(const struct quic_conn *c, const struct run *r, u8 *pkt, u64 pn)
{
	u8 *p = pkt + r->head_len;
	u8 i;

	/* all of it, whatever its length: what follows is written after it */
	memcpy(pkt, r->head, sizeof(r->head));
	for (i = r->pn_len; i--; pn >>= 8)
		p[i] = pn;
}

static void trace_packet(struct quic_conn *c, const struct run *r, struct quic_pkt *p, u64 pn,
			 const struct quic_sent_item *it)
{
	quic_pkt_start(p, QUIC_PKT_1RTT, r->room);
	quic_pkt_item(p, it->type, it->id, it->off, it->len, it->fin);
	c->ops->trace->sent(c->priv, QUIC_CRYPTO_APP, pn, r->size, p);
}

/* One packet of it at @pkt; false: there is none, and nothing has changed. */
static bool add_to_run(struct quic_conn *c, const struct run *r, u8 *pkt, struct quic_pkt *p,
		       u64 now)
{
	struct quic_sent *sent = &c->loss.sp[QUIC_SPACE_APP]->sent;
	u32 hdr_len = r->head_len + r->pn_len;
	struct quic_vec frame = { pkt + hdr_len, r->room };
	struct quic_sent_item it;

	write_head(c, r, pkt, sent->next);
	if (!quic_streams_bulk_put(&c->streams, pkt + hdr_len, r->room, &it))
		return false;
	/* RFC 9287 §3.1: SHOULD be unpredictable */
	if (unlikely(c->grease))
		pkt[0] &= ~(get_random_u32() & QUIC_HDR_FIXED);
	if (!c->keys.plain &&
	    quic_keys_seal(&c->keys, QUIC_CRYPTO_APP, sent->next, pkt, hdr_len, r->head_len,
			   r->pn_len, &frame, 1) < 0)
		return false;
	if (quic_conn_traced(c))
		trace_packet(c, r, p, sent->next, &it);
	quic_sent_add_one(sent, &it, r->size, r->flags, now);
	quic_streams_bulk_sent(&c->streams, &it);
	return true;
}

u32 quic_conn_tx_bulk(struct quic_conn *c, struct quic_slot *slot, const struct quic_cid *dcid,
		      u64 now)
{
	struct quic_loss_space *ls = c->loss.sp[QUIC_SPACE_APP];
	struct quic_sent *sent = &ls->sent;
	struct run r;
	u32 n, most;

	if (quic_sent_reserve(sent, QUIC_PKT_ITEMS))
		return 0;
	begin_run(c, ls, dcid, &r);
	most = bound_run(c, ls, r.size, slot->most, now);
	for (n = 0; n < most; n++)
		if (!add_to_run(c, &r, slot->buf + n * r.size, slot->pkt, now))
			break;
	if (!n)
		return 0;
	quic_loss_sent_many(&c->loss, QUIC_SPACE_APP, quic_sent_get(sent, sent->next - 1), n, now);
	quic_pace_sent_many(&c->pace, &c->cc, quic_loss_srtt(&c->loss), r.size, n, now);
	c->ops->count(c->priv, QUIC_MIB_PKT_OUT, n);
	c->stats.tx_packets += n;
	slot->len = r.size;
	slot->n = n;
	return n;
}

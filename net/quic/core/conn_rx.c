// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Datagrams in: header, keys, frames.  A datagram is split into its coalesced
 * packets; each is opened into the connection's receive chunk (or read in
 * place, when 1-RTT protection is off), then its frames are parsed one by one
 * and acted upon.  A packet whose frames met a local failure (no memory) is
 * not acknowledged, so that the peer repeats it: every frame is idempotent.
 * A peer's fault ends in quic_conn_fail(), called here alone.
 */
#include "migrate.h"

#define CHUNK_SPARE_SLICES	2	/* a packet has rarely more STREAM frames */
#define KEYS_AHEAD_AFTER	64	/* 1-RTT packets before the next phase is prepared */

#define TLS_NEW_SESSION_TICKET	4
#define TLS_CERTIFICATE_REQUEST	13
#define TLS_ALERT_UNEXPECTED	10	/* unexpected_message */
#define TICKET_MSG_MAX		4096	/* what the SESSION_TICKET option returns */

/* What is known of the packet under work. */
struct rx_pkt {
	const struct quic_rx *rx;
	struct quic_path *path;		/* it came on, NULL: none that is known */
	struct quic_hdr h;
	struct quic_opened o;
	u8 level;
	enum quic_space_id sp;
	struct quic_keys *keys;		/* the connection's, or of another version */
	struct quic_chunk *chunk;	/* the payload lies in it */
	bool eliciting;
	bool now_ack;
	bool not_probing;		/* known only where it came on another path than that in use */
	u64 now;
};

/* ---- frames ---- */

static int rx_ack(struct quic_conn *c, struct rx_pkt *p, const struct quic_frame *f)
{
	u64 delay = min_t(u64, f->ack.delay, U32_MAX) << c->peer_tp.ack_delay_exponent;
	int err;

	if (p->sp == QUIC_SPACE_APP) {
		err = c->early_end ? quic_early_check_ack(c, &f->ack) : 0;
		if (err)
			return err;
	}
	/* RFC 9002 §A.8: an ACK of a Handshake packet proves our address to the server */
	if (!c->server && p->sp == QUIC_SPACE_HANDSHAKE)
		c->loss.peer_validated = true;
	/* RFC 9002 §5.3: SHOULD subtract what it waited here as well */
	err = quic_loss_ack(&c->loss, p->sp, &f->ack,
			    delay * QUIC_NSEC_PER_USEC + p->rx->waited, p->now);
	quic_conn_ack_flush(c);
	if (err || p->sp != QUIC_SPACE_APP)
		return err;
	if (unlikely(c->loss.holes >= QUIC_LOSS_HOLES))
		quic_conn_suspect_mtu(c);
	quic_keys_acked(&c->keys, f->ack.largest);
	if (c->key_event_pending && !c->keys.update_unacked) {
		u8 phase = c->keys.phase;

		c->key_event_pending = false;
		c->ops->event(c->priv, QUIC_EVENT_KEY_UPDATE, &phase, 1);
		c->wake |= QUIC_WAKE_READ;
	}
	return 0;
}

/*
 * TLS after the handshake (RFC 9001 §4.6.1, §6): a client keeps session
 * tickets; nothing else has a place here.  0 or the transport error.
 */
static int rx_post_handshake(struct quic_conn *c, struct quic_recvbuf *b)
{
	u8 head[QUIC_TLS_HEAD], *msg;
	struct quic_cur cur;
	u32 len;
	int err;

	while (quic_recvbuf_readable(b) >= QUIC_TLS_HEAD) {
		quic_recvbuf_copy(b, 0, head, QUIC_TLS_HEAD);
		quic_cur_init(&cur, head + 1, QUIC_TLS_HEAD - 1);
		len = QUIC_TLS_HEAD + quic_cur_be(&cur, 3);
		/* RFC 9001 §4.4: a client MUST take this as a PROTOCOL_VIOLATION */
		if (!c->server && head[0] == TLS_CERTIFICATE_REQUEST)
			return QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION;
		/* RFC 9001 §6: a TLS KeyUpdate MUST be answered with unexpected_message */
		if (c->server || head[0] != TLS_NEW_SESSION_TICKET)
			return QUIC_TRANSPORT_ERROR_CRYPTO + TLS_ALERT_UNEXPECTED;
		if (len > TICKET_MSG_MAX)
			return QUIC_TRANSPORT_ERROR_CRYPTO_BUF_EXCEEDED;
		if (quic_recvbuf_readable(b) < len)
			return 0;
		msg = kmalloc(len, GFP_ATOMIC);
		if (!msg)
			return 0;	/* it stays, until more comes */
		quic_recvbuf_copy(b, 0, msg, len);
		err = quic_early_check_ticket(msg, len);
		if (!err)
			c->ops->event(c->priv, QUIC_EVENT_NEW_SESSION_TICKET, msg, len);
		kfree(msg);
		if (err)
			return err;
		quic_recvbuf_consume(b, len);
	}
	return 0;
}

/* TLS reads at a higher level already. */
static bool crypto_is_over(const struct quic_conn *c, enum quic_space_id sp)
{
	if (sp == QUIC_SPACE_INITIAL)
		return quic_keys_have(&c->keys, QUIC_CRYPTO_HANDSHAKE, false);
	return sp == QUIC_SPACE_HANDSHAKE && quic_keys_have(&c->keys, QUIC_CRYPTO_APP, false);
}

/*
 * RFC 9002 §6.2.3: what the peer just sent shows that it lacks our CRYPTO of
 * @sp: MAY send it again before the PTO, a limited number of times.
 */
static void hurry(struct quic_conn *c, enum quic_space_id sp, u64 now)
{
	if (c->hurries < QUIC_HURRY_MAX && quic_loss_hurry(&c->loss, sp, now))
		c->hurries++;
}

/* RFC 9000 §7.5 */
static int rx_crypto(struct quic_conn *c, struct rx_pkt *p, const struct quic_frame *f)
{
	struct quic_recvbuf *b = &c->space[p->sp]->crcv;
	struct quic_chunk *copy;
	int err;

	if (f->crypto.off + f->crypto.len > b->read_off + QUIC_CRYPTO_BUF_MAX)
		return QUIC_TRANSPORT_ERROR_CRYPTO_BUF_EXCEEDED;
	/* RFC 9001 §4.1.3: MUST NOT extend past the end of what was received */
	if (f->crypto.off + f->crypto.len > b->high && crypto_is_over(c, p->sp))
		return QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION;
	p->now_ack = true;
	c->wake |= QUIC_WAKE_READ;
	if (c->server && p->sp == QUIC_SPACE_INITIAL &&
	    f->crypto.off + f->crypto.len <= b->read_off)
		hurry(c, QUIC_SPACE_INITIAL, p->now);
	err = quic_recvbuf_add(b, f->crypto.off, f->crypto.data, f->crypto.len, p->chunk);
	if (err == -ENOMEM) {		/* no slice left in the chunk */
		copy = c->ops->chunk->alloc(c->priv, f->crypto.len, false, false);
		if (!copy)
			return -ENOMEM;
		memcpy(copy->base, f->crypto.data, f->crypto.len);
		err = quic_recvbuf_add(b, f->crypto.off, copy->base, f->crypto.len, copy);
		quic_chunk_put(copy);
	}
	if (p->sp == QUIC_SPACE_APP)
		return err ?: rx_post_handshake(c, b);
	if (p->sp == QUIC_SPACE_HANDSHAKE)
		quic_early_read_answer(c);
	quic_conn_crypto_note(c);
	return err;
}

static int rx_stream(struct quic_conn *c, struct rx_pkt *p, struct quic_frame *f)
{
	struct quic_chunk *copy;
	int err;

	if (f->stream.fin)
		p->now_ack = true;
	err = quic_streams_rx_stream(&c->streams, f, p->chunk);
	if (err != -ENOBUFS)
		return err;
	/* the chunk has no slice left: the data moves to one that has */
	copy = c->ops->chunk->alloc(c->priv, f->stream.len, false, false);
	if (!copy)
		return -ENOMEM;
	memcpy(copy->base, f->stream.data, f->stream.len);
	f->stream.data = copy->base;
	err = quic_streams_rx_stream(&c->streams, f, copy);
	quic_chunk_put(copy);
	return err == -ENOBUFS ? -ENOMEM : err;
}

/* RFC 9221 §5: it is delivered at once, or never. */
static int rx_dgram(struct quic_conn *c, struct rx_pkt *p, const struct quic_frame *f)
{
	struct quic_chunk *copy;
	int err;

	/* RFC 9221 §3: not announced, or larger than that: MUST be PROTOCOL_VIOLATION */
	if (f->datagram.size > c->local_tp.max_datagram_frame_size)
		return QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION;
	err = quic_dgrams_receive(&c->dgrams, f->datagram.data, f->datagram.len, p->chunk);
	if (err == -ENOBUFS) {
		copy = c->ops->chunk->alloc(c->priv, f->datagram.len, false, false);
		if (copy) {
			memcpy(copy->base, f->datagram.data, f->datagram.len);
			err = quic_dgrams_receive(&c->dgrams, copy->base, f->datagram.len, copy);
			quic_chunk_put(copy);
		}
	}
	if (err)
		quic_conn_count(c, QUIC_MIB_DROP_DATAGRAM);
	else
		c->wake |= QUIC_WAKE_READ;
	return 0;
}

static int rx_new_cid(struct quic_conn *c, const struct quic_frame *f)
{
	u64 lowest = quic_cids_lowest(c->dcids.e);
	bool switched;
	int err;

	/* RFC 9000 §19.15: not with zero-length IDs in use */
	if (!quic_cids_remote_active(&c->dcids)->cid.len)
		return QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION;
	err = quic_cids_remote_add(&c->dcids, f->new_cid.seq, f->new_cid.prior_to,
				   &f->new_cid.cid, f->new_cid.token, &switched);
	if (!err && quic_cids_lowest(c->dcids.e) != lowest)
		quic_conn_ids_event(c, true, c->dcids.active);
	quic_migrate_cids(c);
	return err;
}

/* The number of the ID that a packet of the peer's came to. */
static u64 used_by_peer(const struct quic_conn *c, const struct rx_pkt *p)
{
	const struct quic_cid_entry *e = c->scids.e;

	while (e < c->scids.e + QUIC_CIDS_MAX - 1 &&
	       !(e->used && quic_cid_equal(&e->cid, &p->h.dcid)))
		e++;
	return e->seq;
}

static int rx_retire_cid(struct quic_conn *c, struct rx_pkt *p, const struct quic_frame *f)
{
	unsigned int live = quic_cids_live(c->scids.e);
	int err;

	err = quic_cids_local_retire(&c->scids, f->retire_cid.seq, &p->h.dcid);
	if (err || quic_cids_live(c->scids.e) == live)
		return err;
	quic_conn_ids_event(c, false, used_by_peer(c, p));
	return quic_cids_local_fill(&c->scids);
}

static int rx_new_token(struct quic_conn *c, const struct quic_frame *f)
{
	/* RFC 9000 §19.7 */
	if (c->server)
		return QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION;
	if (f->token.len <= QUIC_TOKEN_MAX) {
		c->ops->event(c->priv, QUIC_EVENT_NEW_TOKEN, f->token.data, f->token.len);
		c->wake |= QUIC_WAKE_READ;
	}
	return 0;
}

static int rx_handshake_done(struct quic_conn *c, struct rx_pkt *p)
{
	/* RFC 9000 §19.20 */
	if (c->server)
		return QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION;
	if (c->state == QUIC_CONN_ESTABLISHED)
		quic_conn_confirm(c, p->now);
	return 0;
}

/* What the socket reports for a close that the peer chose. */
static int close_errno(const struct quic_conn *c, bool app, u64 code)
{
	if (app || code == QUIC_TRANSPORT_ERROR_NONE)
		return 0;
	if (code == QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED)
		return ECONNREFUSED;
	if (c->state == QUIC_CONN_HANDSHAKE)
		return ECONNREFUSED;
	return ECONNRESET;
}

/* RFC 9000 §10.2.2 */
static int rx_close(struct quic_conn *c, struct rx_pkt *p, const struct quic_frame *f)
{
	bool app = f->type == QUIC_FRAME_CONNECTION_CLOSE_APP;
	u32 len = min_t(u32, f->close.len, QUIC_PHRASE_MAX);

	c->close.app = app;
	c->close.code = f->close.code;
	c->close.frame_type = app ? 0 : f->close.frame_type;
	if (len)
		c->close.phrase = kmemdup(f->close.phrase, len, GFP_ATOMIC);
	c->close.len = c->close.phrase ? len : 0;
	quic_conn_count(c, QUIC_MIB_CLOSE_IN);
	quic_conn_abort(c, QUIC_CONN_DRAINING, close_errno(c, app, f->close.code), p->now);
	return 0;
}

static int rx_flow_frame(struct quic_conn *c, const struct quic_frame *f)
{
	struct quic_streams *ss = &c->streams;

	switch (f->type) {
	case QUIC_FRAME_RESET_STREAM:
		return quic_streams_rx_reset(ss, f);
	case QUIC_FRAME_STOP_SENDING:
		return quic_streams_rx_stop(ss, f);
	case QUIC_FRAME_MAX_DATA:
		return quic_streams_rx_max_data(ss, f->max_data.max);
	case QUIC_FRAME_MAX_STREAM_DATA:
		return quic_streams_rx_max_stream_data(ss, f->max_stream_data.id,
						       f->max_stream_data.max);
	case QUIC_FRAME_MAX_STREAMS_BIDI:
	case QUIC_FRAME_MAX_STREAMS_UNI:
		return quic_streams_rx_max_streams(ss, f->max_streams.uni, f->max_streams.max);
	default:
		return quic_streams_rx_blocked(ss, f);
	}
}

static int rx_frame(struct quic_conn *c, struct rx_pkt *p, struct quic_frame *f)
{
	if (quic_frame_is_stream(f->type))
		return rx_stream(c, p, f);
	switch (f->type) {
	case QUIC_FRAME_PADDING:
		return 0;
	case QUIC_FRAME_ACK:
	case QUIC_FRAME_ACK_ECN:
		return rx_ack(c, p, f);
	case QUIC_FRAME_CRYPTO:
		return rx_crypto(c, p, f);
	case QUIC_FRAME_CONNECTION_CLOSE:
	case QUIC_FRAME_CONNECTION_CLOSE_APP:
		return rx_close(c, p, f);
	case QUIC_FRAME_DATAGRAM:
	case QUIC_FRAME_DATAGRAM_LEN:
		/* RFC 9221 §5.2: SHOULD support delaying the ACK */
		return rx_dgram(c, p, f);
	}
	p->now_ack = true;
	switch (f->type) {
	case QUIC_FRAME_PING:
		return 0;
	case QUIC_FRAME_NEW_TOKEN:
		return rx_new_token(c, f);
	case QUIC_FRAME_NEW_CONNECTION_ID:
		return rx_new_cid(c, f);
	case QUIC_FRAME_RETIRE_CONNECTION_ID:
		return rx_retire_cid(c, p, f);
	case QUIC_FRAME_PATH_CHALLENGE:
		quic_migrate_on_challenge(c, p->path, f->path.data);
		return 0;
	case QUIC_FRAME_PATH_RESPONSE:
		quic_migrate_on_response(c, f->path.data, p->now);
		p->path = quic_migrate_locate(c, p->rx);	/* paths may have changed places */
		return 0;
	case QUIC_FRAME_HANDSHAKE_DONE:
		return rx_handshake_done(c, p);
	default:
		return rx_flow_frame(c, f);
	}
}

/* All frames of an opened packet: false: do not acknowledge it. */
static bool rx_frames(struct quic_conn *c, struct rx_pkt *p)
{
	struct quic_frame f quic_uninitialized;
	struct quic_cur cur;
	int err;

	f.type = QUIC_FRAME_PADDING;
	quic_cur_init(&cur, p->o.payload, p->o.payload_len);
	/* RFC 9000 §12.4: a packet without frames */
	err = p->o.payload_len ? 0 : QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION;
	while (!err && quic_cur_left(&cur)) {
		err = quic_frame_parse(&cur, &f);
		if (!err && !quic_frame_allowed(f.type, p->h.type))
			err = QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION;
		if (err)
			break;
		if (quic_conn_traced(c))
			c->ops->trace->frame(c->priv, p->level, p->o.pn, &f);
		p->eliciting |= quic_frame_ack_eliciting(f.type);
		if (unlikely(p->path != &c->path))
			p->not_probing |= !quic_frame_probing(f.type);
		err = rx_frame(c, p, &f);
		if (c->state >= QUIC_CONN_CLOSING)
			return false;
	}
	if (err > 0)
		quic_conn_fail(c, err, f.type, p->now);
	else if (err)
		quic_conn_count(c, QUIC_MIB_DROP_MEMORY);
	return !err;
}

/* ---- keys ---- */

/* RFC 9001 §6.2: the peer has updated its keys. */
static bool follow_key_update(struct quic_conn *c, struct rx_pkt *p)
{
	u8 phase;

	if (quic_keys_flip(&c->keys, c->loss.sp[QUIC_SPACE_APP]->sent.next,
			   p->now + 3 * quic_loss_pto(&c->loss, QUIC_SPACE_APP)))
		return false;
	c->ping_pending = true;		/* its ACK lets this side update next (§6.1) */
	c->work |= QUIC_WORK_KEYS;
	phase = c->keys.phase;
	quic_conn_count(c, QUIC_MIB_KEY_UPDATE);
	c->ops->event(c->priv, QUIC_EVENT_KEY_UPDATE, &phase, 1);
	c->wake |= QUIC_WAKE_READ;
	return true;
}

static void open_failed(struct quic_conn *c, struct rx_pkt *p, int err)
{
	switch (err) {
	case -ENOKEY:
		quic_conn_count(c, QUIC_MIB_DROP_NOKEY);
		break;
	case -EPROTO:	/* RFC 9000 §17.2, §17.3.1: reserved bits */
		quic_conn_fail(c, QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION, 0, p->now);
		break;
	case -EKEYREJECTED:	/* RFC 9001 §6.2, §6.4 */
		quic_conn_fail(c, QUIC_TRANSPORT_ERROR_KEY_UPDATE, 0, p->now);
		break;
	case -EKEYEXPIRED:	/* RFC 9001 §6.6 */
		quic_conn_fail(c, QUIC_TRANSPORT_ERROR_AEAD_LIMIT_REACHED, 0, p->now);
		break;
	default:
		quic_conn_count(c, QUIC_MIB_DROP_AUTH);
	}
}

/* Make sure that rx_chunk takes @len bytes and a few slices. */
static bool rx_room(struct quic_conn *c, u32 len, bool more)
{
	struct quic_chunk *k = c->rx_chunk;

	if (k)
		quic_chunk_rewind(k);	/* if all of it was read */
	if (k && k->size - k->used >= len && k->slices_used + CHUNK_SPARE_SLICES <= k->nslices)
		return true;
	if (k)
		quic_chunk_put(k);
	c->rx_chunk = NULL;
	if (more && len < QUIC_CHUNK_SIZE)
		c->rx_chunk = c->ops->chunk->alloc(c->priv, QUIC_CHUNK_SIZE, false, false);
	if (!c->rx_chunk)	/* a lone packet, or memory is in small pieces */
		c->rx_chunk = c->ops->chunk->alloc(c->priv, len, false, false);
	return c->rx_chunk;
}

/*
 * Can packets of its level be read?  RFC 9001 §5.7: those of 1-RTT MUST NOT be
 * processed before the handshake is complete, whatever keys are there.
 */
static bool readable(const struct quic_conn *c, const struct rx_pkt *p)
{
	return quic_keys_have(p->keys, p->level, false) && c->space[p->sp] &&
	       (p->level != QUIC_CRYPTO_APP || c->state == QUIC_CONN_ESTABLISHED);
}

/*
 * RFC 9001 §5.7: packets overtake the TLS messages that make their keys, or
 * userspace is not done with those yet.  A few are kept; 0-RTT packets, which
 * may turn out to be unreadable for good, do not take the others' places.
 */
static bool worth_holding(const struct quic_conn *c, u8 level)
{
	if (c->state != QUIC_CONN_HANDSHAKE)
		return false;
	if (level != QUIC_CRYPTO_APP && c->keys.had_rx & 1 << level)
		return false;
	if (level == QUIC_CRYPTO_EARLY)
		return c->server && c->nheld_early < QUIC_HELD_EARLY_MAX;
	return level != QUIC_CRYPTO_INITIAL && c->nheld < QUIC_HELD_MAX;
}

static u8 *held_count(struct quic_conn *c, u8 level)
{
	return level == QUIC_CRYPTO_EARLY ? &c->nheld_early : &c->nheld;
}

static bool hold(struct quic_conn *c, struct rx_pkt *p, const u8 *pkt)
{
	struct quic_held *held;

	held = kmalloc(sizeof(*held) + p->h.len, GFP_ATOMIC);
	if (!held)
		return false;
	held->at = p->now;
	held->level = p->level;
	held->ecn = p->rx->ecn;
	held->len = p->h.len;
	memcpy(held->data, pkt, p->h.len);
	list_add_tail(&held->list, &c->held);
	++*held_count(c, p->level);
	return true;
}

static bool hold_packet(struct quic_conn *c, struct rx_pkt *p, const u8 *pkt)
{
	if (!worth_holding(c, p->level) || !hold(c, p, pkt))
		return false;
	if (!c->server)		/* the server's Initial packets did not come */
		hurry(c, QUIC_SPACE_INITIAL, p->now);
	return true;
}

/*
 * RFC 9001 §6: of the next phase, whose keys are yet to be made in process
 * context.  It is not dropped: a peer that cannot read the current phase any
 * more, and sent nothing but an ACK, would never be heard again.
 */
static void hold_next_phase(struct quic_conn *c, struct rx_pkt *p, const u8 *pkt)
{
	c->work |= QUIC_WORK_KEYS;
	if (c->nheld >= QUIC_HELD_MAX || p->path != &c->path || !hold(c, p, pkt))
		quic_conn_count(c, QUIC_MIB_DROP_NOKEY);
}

/* Open the packet at @pkt: on success p->chunk and p->o say where the plaintext is. */
static bool open_packet(struct quic_conn *c, struct rx_pkt *p, const u8 *pkt)
{
	bool in_place = c->keys.plain && p->level == QUIC_CRYPTO_APP && p->rx->wrap;
	u8 *dst = NULL;
	int err;

	if (in_place) {
		p->chunk = p->rx->wrap;
	} else {
		if (!rx_room(c, p->h.len, p->rx->more)) {
			quic_conn_count(c, QUIC_MIB_DROP_MEMORY);
			return false;
		}
		p->chunk = c->rx_chunk;
		dst = p->chunk->base + p->chunk->used;
	}
	err = quic_keys_open(p->keys, p->level, pkt, &p->h,
			     quic_acktr_largest(&c->space[p->sp]->ack), dst, &p->o);
	if (err == -EAGAIN)
		hold_next_phase(c, p, pkt);
	else if (err)
		open_failed(c, p, err);
	if (err)
		return false;
	if (!in_place && p->o.payload != dst) {		/* plain, but nothing wraps the datagram */
		memcpy(dst, p->o.payload, p->o.payload_len);
		p->o.payload = dst;
	}
	return true;
}

/*
 * The plaintext stays only if a slice of it was taken (references tell nothing: data that
 * it covers may have given up theirs).  A chunk that nothing points into is kept for the
 * ACKs of what is in flight, and else let go: an idle connection holds none.
 */
static void settle_chunk(struct quic_conn *c, struct rx_pkt *p, u16 slices)
{
	struct quic_chunk *k = p->chunk;

	if (k != c->rx_chunk)
		return;
	if (k->slices_used > slices)
		k->used += p->o.payload_len;
	if (!p->rx->more && k->refs == 1 && !c->cc.in_flight) {
		quic_chunk_put(k);
		c->rx_chunk = NULL;
	}
}

/* ---- packets ---- */

/* RFC 9000 §8.1, RFC 9001 §4.9.1: the first packet of a level that proves something. */
static void note_first_packet(struct quic_conn *c, struct rx_pkt *p)
{
	if (p->level == QUIC_CRYPTO_INITIAL && !c->server && !c->got_packet) {
		/* RFC 9000 §7.2: the server chose its ID */
		quic_cids_remote_set_first(&c->dcids, &p->h.scid);
	}
	c->got_packet = true;
	if (p->level == QUIC_CRYPTO_EARLY)
		quic_conn_count(c, QUIC_MIB_EARLY_IN);
	if (c->server && p->level == QUIC_CRYPTO_HANDSHAKE) {
		if (c->path.state != QUIC_PATH_VALIDATED)
			quic_path_validated(&c->path);
		quic_conn_drop_level(c, QUIC_CRYPTO_INITIAL, p->now);
		if (c->alt)
			quic_keys_drop(c->alt, QUIC_CRYPTO_INITIAL);
	}
	if (p->level == QUIC_CRYPTO_APP && c->confirmed && !c->keys.prepared && !c->keys.plain &&
	    c->stats.rx_packets > KEYS_AHEAD_AFTER)
		c->work |= QUIC_WORK_KEYS;
}

/* RFC 9000 §17.4: of the highest-numbered packet; a server reflects it, a client inverts it */
static void follow_spin(struct quic_conn *c, const struct rx_pkt *p)
{
	if (c->spins && p->h.type == QUIC_PKT_1RTT)
		c->spin = !!(p->h.first & QUIC_HDR_SPIN) == c->server;
}

static void rx_opened(struct quic_conn *c, struct rx_pkt *p)
{
	u16 slices = p->chunk->slices_used;
	bool ok, away, newest;
	struct quic_acktr *ack;

	if (quic_acktr_is_dup(&c->space[p->sp]->ack, p->o.pn)) {
		quic_conn_count(c, QUIC_MIB_DROP_DUP);
		return;
	}
	if (p->o.next_phase && !follow_key_update(c, p))
		return;
	quic_conn_count(c, QUIC_MIB_PKT_IN);
	c->stats.rx_packets++;
	if (quic_conn_traced(c))
		c->ops->trace->received(c->priv, p->level, p->o.pn, p->h.len);
	note_first_packet(c, p);
	if (unlikely(!p->path))
		p->path = quic_migrate_arrive(c, p->rx, used_by_peer(c, p), p->now);
	away = p->path != &c->path;
	newest = (s64)p->o.pn > quic_acktr_largest(&c->space[p->sp]->ack);
	if (newest && p->sp == QUIC_SPACE_APP)
		follow_spin(c, p);
	p->now_ack = p->sp != QUIC_SPACE_APP;	/* RFC 9000 §13.2.1 */
	ok = rx_frames(c, p);
	settle_chunk(c, p, slices);
	if (!ok || !c->space[p->sp])		/* the space may be gone: HANDSHAKE_DONE */
		return;
	ack = &c->space[p->sp]->ack;
	quic_acktr_received(ack, p->o.pn, p->eliciting, p->now_ack, p->rx->more, p->rx->ecn,
			    p->now, c->local_tp.max_ack_delay * QUIC_NSEC_PER_MSEC);
	/* RFC 9000 §13.2.5: SHOULD include delays by want of keys */
	if (unlikely(p->rx->waited) && newest)
		ack->largest_time = p->now - p->rx->waited;
	/* RFC 9000 §9.3: only the highest-numbered packet that is not only probing */
	if (unlikely(away) && p->path && p->path != &c->path && p->not_probing && newest)
		quic_migrate_follow(c, p->path, p->now);
}

static void rx_protected(struct quic_conn *c, struct rx_pkt *p, const u8 *pkt)
{
	if (!readable(c, p)) {
		if (!hold_packet(c, p, pkt))
			open_failed(c, p, -ENOKEY);
		return;
	}
	if (!open_packet(c, p, pkt))
		return;
	if (p->keys != &c->keys)
		quic_version_opened(c, &p->h);
	rx_opened(c, p);
}

/* Is the packet for this connection? */
static bool ours(struct quic_conn *c, const struct rx_pkt *p)
{
	const struct quic_cids_local *l = &c->scids;
	const struct quic_hdr *h = &p->h;
	unsigned int i;

	if (l->e[l->recent].used && quic_cid_equal(&l->e[l->recent].cid, &h->dcid))
		return true;
	for (i = 0; i < QUIC_CIDS_MAX; i++)
		if (l->e[i].used && quic_cid_equal(&l->e[i].cid, &h->dcid)) {
			c->scids.recent = i;
			c->scids.e[i].active = true;
			return true;
		}
	/* RFC 9000 §7.2: until the client has seen ours, it uses what it chose, or the Retry's */
	return c->server && (h->type == QUIC_PKT_INITIAL || h->type == QUIC_PKT_0RTT) &&
	       quic_cid_equal(c->rscid.len ? &c->rscid : &c->odcid, &h->dcid);
}

/*
 * The server has kept nothing of what was sent: once more, with new packet
 * numbers (RFC 9000 §17.2.5.3), 0-RTT packets too (§17.2.3).
 */
static void restart(struct quic_conn *c)
{
	quic_loss_requeue_all(&c->loss, QUIC_SPACE_INITIAL);
	quic_loss_requeue_all(&c->loss, QUIC_SPACE_APP);
}

/*
 * Go on in version 1, if that is on offer: only from a version that nobody
 * speaks, for then the ClientHello, which is made, names version 1 already
 * (RFC 9368 §4). Keys, IDs and CRYPTO data stay what they are.
 */
static bool follow_vn(struct quic_conn *c, const struct rx_pkt *p, bool has_v1)
{
	if (!has_v1 || quic_version_known(c->version))
		return false;
	c->negotiated = true;
	c->version = c->first_version = QUIC_VERSION_V1;
	restart(c);
	quic_conn_restart_idle(c, p->now);
	return true;
}

/* RFC 9000 §6.2, §17.2.1 */
static void rx_vn(struct quic_conn *c, struct rx_pkt *p)
{
	struct quic_cur cur;
	bool has_v1 = false;
	u32 i, version;

	quic_conn_count(c, QUIC_MIB_DROP_VN);
	/*
	 * RFC 8999 §6: MUST discard it unless both IDs are those of our packet, reversed;
	 * RFC 9000 §6.2: and once any other packet was processed, an earlier one too
	 */
	if (c->server || c->got_packet || c->retried || c->negotiated || !ours(c, p) ||
	    !quic_cid_equal(&p->h.scid, &quic_cids_remote_active(&c->dcids)->cid))
		return;
	quic_cur_init(&cur, p->h.versions, p->h.nversions * 4);
	for (i = 0; i < p->h.nversions; i++) {
		version = quic_cur_u32(&cur);
		if (version == c->version)
			return;		/* §6.2: lists the version in use: discard */
		has_v1 = has_v1 || version == QUIC_VERSION_V1;
	}
	if (!follow_vn(c, p, has_v1))
		quic_conn_abort(c, QUIC_CONN_CLOSED, EPROTONOSUPPORT, p->now);
}

/* RFC 9000 §17.2.5.2 */
static void rx_retry(struct quic_conn *c, struct rx_pkt *p, const u8 *pkt)
{
	const struct quic_cid *dcid = &quic_cids_remote_active(&c->dcids)->cid;
	u8 tag[QUIC_TAG_LEN], *token;

	if (c->server || c->got_packet || c->retried || !p->h.token_len ||
	    p->h.token_len > QUIC_TOKEN_MAX || quic_cid_equal(&p->h.scid, dcid) ||
	    quic_keys_retry_tag(c->ops->crypto, c->version, &c->odcid, pkt,
				p->h.len - QUIC_TAG_LEN, tag) ||
	    crypto_memneq(tag, pkt + p->h.len - QUIC_TAG_LEN, QUIC_TAG_LEN)) {
		quic_conn_count(c, QUIC_MIB_DROP_RETRY);
		return;
	}
	token = kmemdup(p->h.token, p->h.token_len, GFP_ATOMIC);
	if (!token || quic_keys_set_initial(&c->keys, c->version, &p->h.scid, false)) {
		kfree(token);
		quic_conn_count(c, QUIC_MIB_DROP_MEMORY);
		return;
	}
	kfree(c->token);
	c->token = token;
	c->token_len = p->h.token_len;
	c->retried = true;
	c->rscid = p->h.scid;
	quic_cids_remote_set_first(&c->dcids, &p->h.scid);
	restart(c);
	quic_conn_restart_idle(c, p->now);
}

/* RFC 9000 §7.2: once the server's ID is known, long headers must keep to it. */
static bool source_known(struct quic_conn *c, const struct quic_hdr *h)
{
	if (h->type == QUIC_PKT_1RTT || (!c->server && !c->got_packet))
		return true;
	return quic_cid_equal(&h->scid, &c->dcids.e[0].cid) || c->confirmed;
}

static const u8 type_level[] = {
	[QUIC_PKT_INITIAL]	= QUIC_CRYPTO_INITIAL,
	[QUIC_PKT_0RTT]		= QUIC_CRYPTO_EARLY,
	[QUIC_PKT_HANDSHAKE]	= QUIC_CRYPTO_HANDSHAKE,
	[QUIC_PKT_1RTT]		= QUIC_CRYPTO_APP,
};

static void rx_packet(struct quic_conn *c, struct rx_pkt *p, const u8 *pkt)
{
	const struct quic_hdr *h = &p->h;

	if (h->type == QUIC_PKT_VN)
		return rx_vn(c, p);
	if (!ours(c, p)) {
		quic_conn_count(c, QUIC_MIB_DROP_CID);
		return;
	}
	p->keys = &c->keys;
	if (h->type != QUIC_PKT_1RTT && h->version != c->version)
		p->keys = quic_version_keys(c, h);
	if (!p->keys) {
		quic_conn_count(c, QUIC_MIB_DROP_VERSION);
		return;
	}
	if (h->type == QUIC_PKT_RETRY)
		return rx_retry(c, p, pkt);
	if (!source_known(c, h)) {
		quic_conn_count(c, QUIC_MIB_DROP_CID);
		return;
	}
	/* RFC 9000 §14.1 */
	if (c->server && h->type == QUIC_PKT_INITIAL && p->rx->len < QUIC_INITIAL_MIN) {
		quic_conn_count(c, QUIC_MIB_DROP_SMALL);
		return;
	}
	/* RFC 9000 §17.2.2: MUST discard it, or close */
	if (!c->server && h->type == QUIC_PKT_INITIAL && h->token_len) {
		quic_conn_count(c, QUIC_MIB_DROP_HEADER);
		return;
	}
	p->level = type_level[h->type];
	p->sp = quic_level_space(p->level);
	rx_protected(c, p, pkt);
}

/* RFC 9000 §9: the path that it came on; false: from where it must not come. */
static bool find_path(struct quic_conn *c, const struct quic_rx *rx, struct quic_path **path)
{
	if (likely(quic_path_is(&c->path, &rx->local, &rx->remote))) {
		quic_path_received(&c->path, rx->len);
		*path = &c->path;
		return true;
	}
	if (quic_migrate_admit(c, rx, path))
		return true;
	quic_conn_count(c, QUIC_MIB_DROP_PATH);
	return false;
}

/*
 * RFC 9000 §10.3.1: nothing of the datagram was for us; perhaps its tail is a
 * token: §10.3: MUST be a reset then, whatever its head looks like.
 */
static void check_reset(struct quic_conn *c, const struct quic_rx *rx, u64 now)
{
	if (!quic_conn_is_reset(c, rx->data, rx->len))
		return;
	quic_conn_count(c, QUIC_MIB_RESET_IN);
	quic_conn_abort(c, QUIC_CONN_DRAINING, ECONNRESET, now);
}

/*
 * RFC 9000 §10.2.1: answer, at a rate that falls, and (nobody looks whether
 * what came is genuine) with no more than three times the bytes.
 */
static void rx_closed(struct quic_conn *c, const struct quic_rx *rx)
{
	quic_conn_count(c, QUIC_MIB_DROP_CLOSED);
	if (c->state != QUIC_CONN_CLOSING || !quic_path_is(&c->path, &rx->local, &rx->remote))
		return;
	quic_path_received(&c->path, rx->len);
	c->close_rx_bytes += rx->len;
	if (is_power_of_2(++c->close_rx))
		c->close_due = true;
	if (c->close_due && c->close_len <= QUIC_AMPLIFICATION * c->close_rx_bytes)
		c->close_pending = true;
}

/* The coalesced packets of a datagram, RFC 9000 §12.2. */
static void rx_packets(struct quic_conn *c, const struct quic_rx *rx, struct quic_path *path,
		       u64 now)
{
	struct rx_pkt p quic_uninitialized;
	struct quic_cid dcid;
	u32 off;

	for (off = 0; off < rx->len && quic_conn_is_open(c); off += p.h.len) {
		if (quic_hdr_parse(rx->data + off, rx->len - off, QUIC_CID_LOCAL_LEN,
				   c->local_tp.grease_quic_bit, &p.h)) {
			quic_conn_count(c, QUIC_MIB_DROP_HEADER);
			return;
		}
		p.rx = rx;
		p.path = path;
		p.now = now;
		p.eliciting = p.not_probing = false;
		/* all packets of a datagram are for one connection */
		if (!off && p.h.len < rx->len)
			dcid = p.h.dcid;
		if (!off || quic_cid_equal(&dcid, &p.h.dcid))
			rx_packet(c, &p, rx->data + off);
		else
			quic_conn_count(c, QUIC_MIB_DROP_CID);
	}
}

/* ---- trains ---- */

/*
 * May the next of the train go the short way, and with data of which stream?  All that is
 * asked here stays as it is until a datagram goes the general way.
 */
static struct quic_stream *bulk_stream(const struct quic_conn *c, const struct quic_rx *rx)
{
	if (c->state != QUIC_CONN_ESTABLISHED || c->path.state != QUIC_PATH_VALIDATED ||
	    !quic_path_is(&c->path, &rx->local, &rx->remote) || rx->ecn == QUIC_ECN_CE ||
	    c->stats.rx_packets <= KEYS_AHEAD_AFTER || quic_conn_traced(c))
		return NULL;
	return quic_streams_steady(&c->streams);
}

/* Once a train. */
static void end_train(struct quic_conn *c, u64 now)
{
	if (c->idle_stale) {
		c->idle_stale = c->idle_restarted = false;
		quic_conn_restart_idle(c, now);
	}
	quic_loss_arm(&c->loss, now);
}

/* @before: stats.rx_packets as they were before the datagram. */
static void end_datagram(struct quic_conn *c, struct quic_rx *rx, const struct quic_path *path,
			 u64 before, u64 now)
{
	rx->bulk = NULL;
	if (!quic_conn_is_open(c))
		return;
	if (c->stats.rx_packets != before)
		c->idle_stale = true;
	else if (path)
		check_reset(c, rx, now);
	if (!quic_conn_is_open(c))
		return;
	if (rx->more)
		rx->bulk = bulk_stream(c, rx);
	else
		end_train(c, now);
}

/* A datagram that was let in. */
static void rx_datagram(struct quic_conn *c, struct quic_rx *rx, struct quic_path *path, u64 now)
{
	u64 before = c->stats.rx_packets;

	rx_packets(c, rx, path, now);
	end_datagram(c, rx, path, before, now);
}

/* An opened packet with nothing but the next data of the train's stream: false: it is not one. */
static bool take_bulk(struct quic_conn *c, struct rx_pkt *p, struct quic_stream *s)
{
	struct quic_acktr *ack = &c->space[QUIC_SPACE_APP]->ack;

	if (p->o.next_phase || !quic_acktr_follows(ack, p->o.pn) ||
	    !quic_streams_rx_bulk(&c->streams, s, p->o.payload, p->o.payload_len, p->chunk))
		return false;
	if (p->chunk == c->rx_chunk)
		p->chunk->used += p->o.payload_len;
	quic_conn_count(c, QUIC_MIB_PKT_IN);
	c->stats.rx_packets++;
	follow_spin(c, p);
	quic_acktr_follow(ack, p->rx->more, p->rx->ecn, p->now);
	if (unlikely(s->owner))
		c->ops->owner_wake(c->priv, s->owner, true);
	else
		c->wake |= QUIC_WAKE_READ;
	return true;
}

static void end_bulk(struct quic_conn *c, struct quic_rx *rx, u64 now)
{
	c->idle_stale = true;
	if (rx->more)
		return;
	rx->bulk = NULL;
	end_train(c, now);
}

/*
 * The short way, for what the most of a bulk transfer is: of state, path and stream is known
 * from the datagram before what bulk_stream() asks.  A packet that turns out to be another
 * goes on from there on the general way.  False: nothing was done.
 */
static bool rx_bulk(struct quic_conn *c, struct quic_rx *rx, u64 now)
{
	const struct quic_cid_entry *id = &c->scids.e[c->scids.recent];
	struct rx_pkt p quic_uninitialized;
	u64 before = c->stats.rx_packets;

	if (!rx->len || rx->data[0] & QUIC_HDR_LONG ||
	    quic_hdr_parse_short(rx->data, rx->len, QUIC_CID_LOCAL_LEN, false, &p.h) ||
	    !id->used || !quic_cid_equal(&id->cid, &p.h.dcid))
		return false;
	c->stats.rx_bytes += rx->len;
	p.rx = rx;
	p.path = &c->path;
	p.level = QUIC_CRYPTO_APP;
	p.sp = QUIC_SPACE_APP;
	p.keys = &c->keys;
	p.eliciting = p.not_probing = false;
	p.now = now;
	if (open_packet(c, &p, rx->data)) {
		if (take_bulk(c, &p, rx->bulk)) {
			end_bulk(c, rx, now);
			return true;
		}
		rx_opened(c, &p);
	}
	end_datagram(c, rx, &c->path, before, now);
	return true;
}

void quic_conn_rx(struct quic_conn *c, struct quic_rx *rx, u64 now)
{
	struct quic_path *path;

	if (rx->bulk && rx_bulk(c, rx, now))
		return;
	if (c->state == QUIC_CONN_IDLE || !quic_conn_is_open(c))
		return rx_closed(c, rx);
	if (!find_path(c, rx, &path))
		return;
	c->stats.rx_bytes += rx->len;
	rx_datagram(c, rx, path, now);
}

/* Those of @level, off the connection's list. */
static void take_held(struct quic_conn *c, u8 level, struct list_head *mine)
{
	struct quic_held *held, *next;

	list_for_each_entry_safe(held, next, &c->held, list)
		if (held->level == level) {
			list_move_tail(&held->list, mine);
			--*held_count(c, level);
		}
}

void quic_conn_rx_held(struct quic_conn *c, u8 level, u64 now)
{
	struct quic_rx rx = { .local = c->path.local, .remote = c->path.remote };
	struct quic_held *held, *next;
	LIST_HEAD(mine);

	take_held(c, level, &mine);
	list_for_each_entry_safe(held, next, &mine, list) {
		rx.data = held->data;
		rx.len = held->len;
		rx.ecn = held->ecn;
		rx.more = !list_is_last(&held->list, &mine);
		rx.waited = now - min(now, held->at);
		if (quic_conn_is_open(c))	/* its bytes were counted when it came */
			rx_datagram(c, &rx, &c->path, now);
		kfree(held);
	}
}

void quic_conn_drop_held(struct quic_conn *c, u8 level)
{
	struct quic_held *held, *next;
	LIST_HEAD(mine);

	take_held(c, level, &mine);
	list_for_each_entry_safe(held, next, &mine, list) {
		quic_conn_count(c, QUIC_MIB_DROP_NOKEY);
		kfree(held);
	}
}

void quic_conn_free_held(struct quic_conn *c)
{
	struct quic_held *held, *next;

	list_for_each_entry_safe(held, next, &c->held, list)
		kfree(held);
	INIT_LIST_HEAD(&c->held);
	c->nheld = c->nheld_early = 0;
}

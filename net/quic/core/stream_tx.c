// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sending parts of streams (RFC 9000 §3.1): what the user writes, the
 * credit that the peer gives, STREAM frames.
 *
 * A stream with something to send is in one of two lists: 'ready', or
 * 'stalled' if nothing but the connection's credit (§4.1) keeps it from
 * sending.  Streams take turns: the head of 'ready' fills a packet, then goes
 * to the end; room that it leaves is the next one's.  Within a stream, lost
 * bytes go before new ones (§13.3).  A stream leaves the lists when it has
 * nothing to send, is blocked by its own limit, or holds a partial packet
 * back (Nagle, MSG_MORE); what may change that calls quic_stream_queue().
 * Called by the socket layer, conn_rx and conn_tx under the connection's lock.
 */
#include "streams_int.h"

#define RESERVE_MIN	2048	/* least size of a chunk for user data */
#define PIECE_MIN	32	/* do not cut data for less at the end of a packet */

/* ---- user ---- */

static bool needs_chunk(const struct quic_chunk *c)
{
	return !c || c->used == c->size || c->slices_used == c->nslices;
}

u8 *quic_streams_reserve(struct quic_streams *ss, bool may_sleep, u32 *avail)
{
	u32 want = *avail ? clamp_t(u32, *avail, RESERVE_MIN, QUIC_CHUNK_SIZE) : QUIC_CHUNK_SIZE;
	struct quic_chunk *c = ss->tx_chunk;

	if (c)
		quic_chunk_rewind(c);
	if (needs_chunk(c)) {
		if (c)
			quic_chunk_put(c);
		ss->tx_chunk = NULL;
		c = ss->chunk_ops->alloc(ss->priv, want, true, may_sleep);
		/* another writer may have been here while we slept */
		if (ss->tx_chunk)
			quic_chunk_put(ss->tx_chunk);
		ss->tx_chunk = c;
	}
	*avail = c ? c->size - c->used : 0;
	return c ? c->base + c->used : NULL;
}

int quic_stream_write_chunk(struct quic_streams *ss, struct quic_stream *s,
			    struct quic_chunk *c, const u8 *p, u32 len, bool more)
{
	int err;

	if (!quic_stream_writable(s))
		return -EPIPE;
	err = quic_sendbuf_append(&s->snd, c, p, len);
	if (err)
		return err;
	ss->snd_held += len;
	ss->snd_written += len;
	s->more = more;
	quic_stream_queue(ss, s);
	return 0;
}

int quic_stream_write(struct quic_streams *ss, struct quic_stream *s, const u8 *p,
		      u32 len, bool more)
{
	struct quic_chunk *c = ss->tx_chunk;
	int err;

	if (len && (!c || p != c->base + c->used || len > c->size - c->used))
		return -ENOMEM;
	err = quic_stream_write_chunk(ss, s, c, p, len, more);
	if (!err && len)
		c->used += len;
	return err;
}

int quic_stream_finish(struct quic_streams *ss, struct quic_stream *s)
{
	if (!quic_stream_writable(s))
		return -EPIPE;
	s->fin = true;
	s->fin_pending = true;
	s->more = false;
	quic_stream_queue(ss, s);
	return 0;
}

u64 quic_stream_credit(const struct quic_streams *ss, const struct quic_stream *s)
{
	u64 own = s->snd_max > s->snd.end ? s->snd_max - s->snd.end : 0;
	u64 all = ss->snd_max > ss->snd_written ? ss->snd_max - ss->snd_written : 0;

	return min(own, all);
}

/* ---- blocked by the peer's limits ---- */

/* RFC 9000 §4.1, §19.13: once a limit */
static void report_stream_blocked(struct quic_streams *ss, struct quic_stream *s)
{
	if (s->blocked_at == s->snd_max)
		return;
	s->blocked_at = s->snd_max;
	s->blocked_pending = true;
	quic_streams_queue_ctl(ss, s);
}

/* RFC 9000 §4.1, §19.12 */
static void report_blocked(struct quic_streams *ss)
{
	if (ss->blocked_at == ss->snd_max)
		return;
	ss->blocked_at = ss->snd_max;
	ss->blocked_pending = true;
}

void quic_stream_block(struct quic_streams *ss, struct quic_stream *s)
{
	if (!quic_stream_writable(s))
		return;
	if (s->snd.end >= s->snd_max)
		report_stream_blocked(ss, s);
	if (ss->snd_written >= ss->snd_max)
		report_blocked(ss);
}

static bool has_credit(const struct quic_streams *ss)
{
	return ss->snd_used < ss->snd_max;
}

static void check_blocked(struct quic_streams *ss, struct quic_stream *s)
{
	if (s->snd.next == s->snd.end || !quic_streams_is_admitted(ss, s))
		return;
	if (s->snd.next >= s->snd_max)
		report_stream_blocked(ss, s);
	else if (!has_credit(ss))
		report_blocked(ss);
}

/* ---- the queue ---- */

static bool is_sendable(const struct quic_streams *ss, const struct quic_stream *s)
{
	if (!s->has_snd || s->snd_state > QUIC_STREAM_SEND_STATE_SENT || !quic_streams_is_admitted(ss, s))
		return false;
	return s->snd.lost.n || s->snd.next < min(s->snd.end, s->snd_max) ||
	       (s->fin_pending && s->snd.next == s->snd.end);
}

static void unqueue(struct quic_stream *s)
{
	list_del_init(&s->ready);
	s->stalled = false;
}

void quic_stream_queue(struct quic_streams *ss, struct quic_stream *s)
{
	if (!is_sendable(ss, s)) {
		if (s->has_snd && s->snd_state <= QUIC_STREAM_SEND_STATE_SENT)
			check_blocked(ss, s);
		return;
	}
	if (list_empty(&s->ready)) {
		list_add_tail(&s->ready, &ss->ready);
	} else if (s->stalled && (s->snd.lost.n || s->snd.next == s->snd.end)) {
		/* what it has now needs no credit */
		list_move_tail(&s->ready, &ss->ready);
		s->stalled = false;
	}
}

static struct quic_stream *next_sender(struct quic_streams *ss)
{
	struct quic_stream *s;

	s = list_first_entry_or_null(&ss->stalled, struct quic_stream, ready);
	if (!s || !has_credit(ss))
		return list_first_entry_or_null(&ss->ready, struct quic_stream, ready);
	list_move(&s->ready, &ss->ready);
	s->stalled = false;
	return s;
}

/* ---- STREAM frames ---- */

struct plan {	/* of one STREAM frame */
	u64 off;
	u32 len;
	u32 hdr;
	bool fresh;	/* never sent before */
	bool fills;	/* the packet is full with it */
	bool with_len;
	unsigned int nv;
	struct quic_vec v[QUIC_PKT_VECS];
};

enum outcome {
	PUT,		/* a frame was written */
	FULL,		/* the packet has no room for one */
	NOTHING,	/* nothing to send now */
	STALLED,	/* nothing but for the connection's credit */
};

/*
 * Nagle's algorithm and MSG_MORE: hold the last, partial packet of what was
 * written while more is announced, or data is unacknowledged (then it only
 * goes where a packet leaves anyway).
 */
static bool is_held(const struct quic_streams *ss, const struct quic_stream *s,
		    const struct quic_pkt *p, const struct plan *f)
{
	if (!f->fresh || f->fills || s->fin || f->off + f->len < s->snd.end)
		return false;
	if (s->more)
		return true;
	return !ss->nodelay && quic_sendbuf_unacked(&s->snd) && !p->ack_eliciting;
}

/* Which bytes, under what header: the frame has room for @left bytes in all. */
static bool fit_plan(struct quic_stream *s, struct plan *f, u32 left)
{
	u32 bare = quic_frame_stream_hdr_len(s->id, f->off, 0, false);

	/* RFC 9000 §19.8: without Length, the data extends to the end of the packet */
	f->fills = f->len + bare >= left;
	f->with_len = !f->fills;
	f->hdr = bare;
	if (left <= bare)
		return false;
	if (f->fills) {
		f->len = left - bare;
		return true;
	}
	f->hdr = quic_frame_stream_hdr_len(s->id, f->off, f->len, true);
	if (f->hdr + f->len > left) {
		if (f->hdr >= left)
			return false;
		f->len = left - f->hdr;
		f->hdr = quic_frame_stream_hdr_len(s->id, f->off, f->len, true);
	}
	return true;
}

/* Too many pieces for the packet's gather: a shorter frame, with Length. */
static bool shorten_plan(struct quic_stream *s, struct plan *f, u32 got, u32 left)
{
	f->fills = false;
	f->with_len = true;
	f->hdr = quic_frame_stream_hdr_len(s->id, f->off, got, true);
	if (f->hdr >= left)
		return false;
	f->len = min(got, left - f->hdr);
	f->nv = quic_sendbuf_vecs(&s->snd, f->off, f->len, f->v, f->nv, &got);
	return true;
}

static bool gather_data(struct quic_stream *s, const struct quic_pkt *p, struct plan *f, u32 left)
{
	u32 got;

	f->nv = quic_sendbuf_vecs(&s->snd, f->off, f->len, f->v, quic_pkt_vecs(p), &got);
	return got == f->len || shorten_plan(s, f, got, left);
}

static void mark_sent(struct quic_streams *ss, struct quic_stream *s, u64 off, u32 len, bool fin)
{
	u64 next = s->snd.next;

	quic_sendbuf_sent(&s->snd, off, len);
	ss->snd_used += s->snd.next - next;
	if (s->snd_state == QUIC_STREAM_SEND_STATE_READY)
		quic_stream_snd_move(s, QUIC_SND_SEND);
	if (!fin)
		return;
	s->fin_pending = false;
	if (s->snd_state == QUIC_STREAM_SEND_STATE_SEND)
		quic_stream_snd_move(s, QUIC_SND_FIN);
}

static void write_frame(struct quic_streams *ss, struct quic_stream *s,
			struct quic_pkt *p, const struct plan *f)
{
	bool fin = s->fin && f->off + f->len == s->snd.end;
	struct quic_wr w;

	quic_wr_init(&w, quic_pkt_put(p, f->hdr), f->hdr);
	quic_frame_put_stream_hdr(&w, s->id, f->off, f->len, f->with_len, fin);
	if (f->len)
		WARN_ON_ONCE(!quic_pkt_data(p, f->v, f->nv));
	quic_pkt_item(p, QUIC_ITEM_STREAM, s->id, f->off, f->len, fin);
	mark_sent(ss, s, f->off, f->len, fin);
}

static enum outcome put_stream(struct quic_streams *ss, struct quic_stream *s,
			       struct quic_pkt *p)
{
	u64 limit = min(s->snd_max, s->snd.next + ss->snd_max - ss->snd_used);
	u32 left = quic_pkt_left(p);
	struct plan f;
	u32 want;

	if (!is_sendable(ss, s))
		return NOTHING;
	if (!left)
		return FULL;
	f.len = quic_sendbuf_peek(&s->snd, limit, left, &f.off);
	f.fresh = f.off == s->snd.next;
	if (!f.len && !(s->fin_pending && s->snd.next == s->snd.end))
		return STALLED;
	want = f.len;
	if (!fit_plan(s, &f, left) || !quic_pkt_fits(p, f.hdr) || !gather_data(s, p, &f, left))
		return FULL;
	if (p->nitem && f.len < want && f.len < PIECE_MIN)
		return FULL;
	if (is_held(ss, s, p, &f))
		return NOTHING;
	write_frame(ss, s, p, &f);
	return PUT;
}

bool quic_streams_tx_data(struct quic_streams *ss, struct quic_pkt *p)
{
	struct quic_stream *s, *turn = NULL;

	while ((s = next_sender(ss))) {
		switch (put_stream(ss, s, p)) {
		case PUT:
			turn = s;
			if (!is_sendable(ss, s))
				unqueue(s);
			check_blocked(ss, s);
			break;
		case NOTHING:
			unqueue(s);
			break;
		case STALLED:
			list_move_tail(&s->ready, &ss->stalled);
			s->stalled = true;
			check_blocked(ss, s);
			break;
		case FULL:
			/* whoever had this packet waits for its next turn */
			if (s == turn)
				list_move_tail(&s->ready, &ss->ready);
			return turn;
		}
	}
	return turn;
}

/* What leaves the stream with something to send: it stays where it is in 'ready'. */
static u64 bulk_limit(const struct quic_streams *ss, const struct quic_stream *s)
{
	if (s->snd.lost.n || s->snd_state != QUIC_STREAM_SEND_STATE_SEND)
		return 0;
	return min3(s->snd.end, s->snd_max, s->snd.next + ss->snd_max - ss->snd_used);
}

bool quic_streams_bulk_put(struct quic_streams *ss, u8 *to, u32 room, struct quic_sent_item *it)
{
	struct quic_stream *s = list_first_entry_or_null(&ss->ready, struct quic_stream, ready);
	u8 *data;
	u64 off;

	if (!s || !list_empty(&ss->stalled) || room <= QUIC_STREAM_HDR_MAX)
		return false;
	off = s->snd.next;
	data = quic_frame_write_stream_hdr(to, s->id, off, 0);
	room -= data - to;
	if (off + room >= bulk_limit(ss, s) ||
	    !quic_sendbuf_copy(&s->snd, data, room, QUIC_PKT_VECS - 1))
		return false;
	*it = (struct quic_sent_item){
		.type = QUIC_ITEM_STREAM, .len = room, .id = s->id, .off = off,
	};
	return true;
}

void quic_streams_bulk_sent(struct quic_streams *ss, const struct quic_sent_item *it)
{
	struct quic_stream *s = list_first_entry(&ss->ready, struct quic_stream, ready);

	quic_sendbuf_sent(&s->snd, it->off, it->len);
	ss->snd_used += it->len;
	if (!list_is_singular(&ss->ready))
		list_move_tail(&s->ready, &ss->ready);
}

/* ---- frames of the peer about what we send ---- */

/* The user's data is gone; only the reset remains to be sent.  RFC 9000 §3.1 */
static void abandon(struct quic_streams *ss, struct quic_stream *s, u64 code)
{
	quic_stream_snd_move(s, QUIC_SND_RESET);
	s->reset_code = code;
	s->reset_size = s->snd.next;	/* §4.5: the credit used */
	s->reset_pending = true;
	s->fin_pending = false;
	s->blocked_pending = false;
	ss->snd_held -= quic_sendbuf_held(&s->snd);
	ss->snd_written -= s->snd.end - s->snd.next;
	quic_sendbuf_free(&s->snd);
	s->snd.base = s->snd.next;
	s->snd.end = s->snd.next;
	unqueue(s);
	quic_streams_queue_ctl(ss, s);
	quic_streams_wake(ss, s, false);
}

int quic_stream_reset(struct quic_streams *ss, struct quic_stream *s, u64 code)
{
	if (!s->has_snd || quic_stream_snd_next(s->snd_state, QUIC_SND_RESET) < 0)
		return -EINVAL;
	abandon(ss, s, code);
	return 0;
}

int quic_streams_rx_stop(struct quic_streams *ss, const struct quic_frame *f)
{
	struct quic_stream *s;
	int err;

	err = quic_streams_get(ss, f->stop.id, true, &s);
	if (err || !s || quic_stream_snd_next(s->snd_state, QUIC_SND_RESET) < 0)
		return err;
	/* RFC 9000 §3.5: MUST send RESET_STREAM, SHOULD copy the error code */
	abandon(ss, s, f->stop.code);
	quic_streams_update(ss, s, QUIC_STREAM_SEND_STATE_RESET_SENT, f->stop.code, 0);
	return 0;
}

int quic_streams_rx_max_data(struct quic_streams *ss, u64 max)
{
	/* RFC 9000 §4.1: MUST ignore what does not increase the limit */
	if (max <= ss->snd_max)
		return 0;
	ss->snd_max = max;
	quic_streams_wake(ss, NULL, false);
	return 0;
}

int quic_streams_rx_max_stream_data(struct quic_streams *ss, u64 id, u64 max)
{
	struct quic_stream *s;
	int err;

	err = quic_streams_get(ss, id, true, &s);
	/* RFC 9000 §3.1: can be ignored once all was sent; §4.1: MUST if it does not increase */
	if (err || !s || s->snd_state > QUIC_STREAM_SEND_STATE_SEND || max <= s->snd_max)
		return err;
	s->snd_max = max;
	quic_stream_queue(ss, s);
	ss->ops->max_data(ss->priv, id, max);
	quic_streams_wake(ss, s, false);
	return 0;
}

/* After a rejected 0-RTT, streams may be open that the peer did not admit until now. */
static void queue_admitted(struct quic_streams *ss)
{
	struct quic_stream *s;
	struct hlist_node *n;
	u32 i;

	quic_streams_for_each(ss, i, s, n) {
		quic_stream_queue(ss, s);
		quic_streams_queue_ctl(ss, s);
	}
}

int quic_streams_rx_max_streams(struct quic_streams *ss, bool uni, u64 max)
{
	struct quic_streams_dir *d = &ss->dir[uni];
	u64 was = d->local_max;

	/* RFC 9000 §19.11 */
	if (max > QUIC_STREAMS_MAX)
		return QUIC_TRANSPORT_ERROR_FRAME_ENCODING;
	/* RFC 9000 §4.6: MUST be ignored if it does not increase the limit */
	if (max <= was)
		return 0;
	d->local_max = max;
	d->blocked = false;
	d->blocked_pending = false;
	if (d->local_next > was)
		queue_admitted(ss);
	ss->ops->max_streams(ss->priv, uni, max);
	quic_streams_wake(ss, NULL, false);
	return 0;
}

/* ---- what became of STREAM frames ---- */

void quic_stream_data_acked(struct quic_streams *ss, const struct quic_sent_item *it)
{
	struct quic_stream *s = quic_streams_lookup(ss, it->id);
	u32 freed;

	if (!s || s->snd_state > QUIC_STREAM_SEND_STATE_SENT)
		return;
	freed = quic_sendbuf_acked(&s->snd, it->off, it->len);
	ss->snd_held -= freed;
	if (it->fin && s->snd_state == QUIC_STREAM_SEND_STATE_SENT) {
		s->fin_acked = true;
		s->fin_pending = false;
	}
	if (freed)
		quic_streams_wake(ss, s, false);
	if (s->fin_acked && s->snd.base == s->snd.end) {
		unqueue(s);
		quic_stream_snd_move(s, QUIC_SND_ACKED);
		quic_streams_update(ss, s, QUIC_STREAM_SEND_STATE_RECVD, 0, 0);
		quic_streams_reap(ss, s);
		return;
	}
	/*
	 * Nagle's algorithm lets go when nothing is out any more; without memory
	 * what was acknowledged may count as lost
	 */
	if (s->snd.lost.n || !quic_sendbuf_unacked(&s->snd))
		quic_stream_queue(ss, s);
}

void quic_stream_data_lost(struct quic_streams *ss, const struct quic_sent_item *it)
{
	struct quic_stream *s = quic_streams_lookup(ss, it->id);

	/* RFC 9000 §13.3: once reset, STREAM frames are not sent again */
	if (!s || s->snd_state > QUIC_STREAM_SEND_STATE_SENT)
		return;
	quic_sendbuf_lost(&s->snd, it->off, it->len);
	if (it->fin && !s->fin_acked && s->snd_state == QUIC_STREAM_SEND_STATE_SENT)
		s->fin_pending = true;
	quic_stream_queue(ss, s);
}

static void rewind_stream(struct quic_streams *ss, struct quic_stream *s)
{
	s->snd_max = quic_streams_initial_snd_max(ss, s->id);
	s->blocked_at = QUIC_STREAM_NO_LIMIT;
	s->blocked_pending = false;
	unqueue(s);
	if (s->snd_state == QUIC_STREAM_SEND_STATE_RESET_SENT) {
		ss->snd_used -= s->reset_size;
		ss->snd_written -= s->reset_size;
		s->reset_size = 0;
		s->reset_pending = true;
	} else if (s->snd_state <= QUIC_STREAM_SEND_STATE_SENT) {
		ss->snd_used -= s->snd.next - s->snd.base;
		quic_sendbuf_rewind(&s->snd);
		quic_stream_snd_move(s, QUIC_SND_REWIND);
		s->fin_pending = s->fin;
		s->fin_acked = false;
	}
}

void quic_streams_rewind(struct quic_streams *ss)
{
	struct quic_stream *s;
	struct hlist_node *n;
	u32 i;

	/* RFC 9001 §4.6.2: what was assumed of the server may be wrong */
	ss->snd_max = ss->remote->max_data;
	ss->blocked_at = QUIC_STREAM_NO_LIMIT;
	ss->blocked_pending = false;
	ss->dir[0].local_max = ss->remote->max_streams_bidi;
	ss->dir[1].local_max = ss->remote->max_streams_uni;
	quic_streams_for_each(ss, i, s, n)
		if (s->has_snd)
			rewind_stream(ss, s);
	queue_admitted(ss);
}

bool quic_streams_want_data(const struct quic_streams *ss, bool full_only)
{
	if (list_empty(&ss->ready) && (list_empty(&ss->stalled) || !has_credit(ss)))
		return false;
	return !full_only || ss->snd_written - ss->snd_used >= QUIC_INITIAL_MIN;
}

void quic_streams_reblock(struct quic_streams *ss)
{
	struct quic_stream *s;
	struct hlist_node *n;
	u32 i;

	if (ss->blocked_at == ss->snd_max)
		ss->blocked_pending = true;
	quic_streams_for_each(ss, i, s, n) {
		if (s->blocked_at != s->snd_max || !s->has_snd ||
		    s->snd_state > QUIC_STREAM_SEND_STATE_SEND)
			continue;
		s->blocked_pending = true;
		quic_streams_queue_ctl(ss, s);
	}
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Control frames of streams and of flow control: what is owed is a flag, set
 * where the need arises, and becomes a frame with the value of that moment
 * when a packet has room.  What a lost packet carried is owed again only if
 * it is still the last word (RFC 9000 §13.3): items record the value sent.
 *
 * Items: MAX_DATA (off: limit), MAX_STREAM_DATA (id, off: limit), MAX_STREAMS
 * (id: 0 or 1, off: limit), BLOCKED (id: frame type, off: limit, or the
 * stream's ID), RESET_STREAM (id), STOP_SENDING (id).
 * Called by conn_tx and loss recovery under the connection's lock.
 */
#include "streams_int.h"

/* A frame and its item; false: no room. */
static bool put(struct quic_pkt *p, const struct quic_frame *f, u8 item, u64 id, u64 off)
{
	if (!quic_pkt_frame(p, f, item, id))
		return false;
	p->item[p->nitem - 1].off = off;
	return true;
}

/* ---- of the connection ---- */

static bool put_max_data(struct quic_streams *ss, struct quic_pkt *p)
{
	struct quic_frame f = { .type = QUIC_FRAME_MAX_DATA, .max_data.max = ss->rcv_max };

	if (!ss->max_pending)
		return true;
	ss->max_pending = !put(p, &f, QUIC_ITEM_MAX_DATA, 0, ss->rcv_max);
	return !ss->max_pending;
}

static bool put_blocked(struct quic_streams *ss, struct quic_pkt *p)
{
	struct quic_frame f = { .type = QUIC_FRAME_DATA_BLOCKED, .max_data.max = ss->snd_max };

	/* RFC 9000 §13.3: only while blocked on that limit */
	if (!ss->blocked_pending || ss->blocked_at != ss->snd_max) {
		ss->blocked_pending = false;
		return true;
	}
	ss->blocked_pending = !put(p, &f, QUIC_ITEM_BLOCKED, f.type, ss->snd_max);
	return !ss->blocked_pending;
}

static bool put_max_streams(struct quic_streams *ss, bool uni, struct quic_pkt *p)
{
	struct quic_streams_dir *d = &ss->dir[uni];
	struct quic_frame f = {
		.type = uni ? QUIC_FRAME_MAX_STREAMS_UNI : QUIC_FRAME_MAX_STREAMS_BIDI,
		.max_streams = { .max = d->remote_max, .uni = uni },
	};

	if (!d->max_pending)
		return true;
	d->max_pending = !put(p, &f, QUIC_ITEM_MAX_STREAMS, uni, d->remote_max);
	return !d->max_pending;
}

static bool put_streams_blocked(struct quic_streams *ss, bool uni, struct quic_pkt *p)
{
	struct quic_streams_dir *d = &ss->dir[uni];
	struct quic_frame f = {
		.type = uni ? QUIC_FRAME_STREAMS_BLOCKED_UNI : QUIC_FRAME_STREAMS_BLOCKED_BIDI,
		.max_streams = { .max = d->local_max, .uni = uni },
	};

	if (!d->blocked_pending)
		return true;
	d->blocked_pending = !put(p, &f, QUIC_ITEM_BLOCKED, f.type, d->local_max);
	return !d->blocked_pending;
}

/* ---- of a stream ---- */

static bool put_reset(struct quic_stream *s, struct quic_pkt *p)
{
	struct quic_frame f = {
		.type = QUIC_FRAME_RESET_STREAM,
		.reset = { s->id, s->reset_code, s->reset_size },
	};

	if (!s->reset_pending)
		return true;
	s->reset_pending = !put(p, &f, QUIC_ITEM_RESET_STREAM, s->id, 0);
	return !s->reset_pending;
}

/* RFC 9000 §3.5: of use in "Recv" and "Size Known" */
static bool wants_stop(const struct quic_stream *s)
{
	return s->stopped && !s->stop_acked &&
	       (s->rcv_state == QUIC_STREAM_RECV_STATE_RECV ||
		s->rcv_state == QUIC_STREAM_RECV_STATE_SIZE_KNOWN);
}

static bool put_stop(struct quic_stream *s, struct quic_pkt *p)
{
	struct quic_frame f = {
		.type = QUIC_FRAME_STOP_SENDING,
		.stop = { s->id, s->stop_code },
	};

	if (!s->stop_pending || !wants_stop(s)) {
		s->stop_pending = false;
		return true;
	}
	s->stop_pending = !put(p, &f, QUIC_ITEM_STOP_SENDING, s->id, 0);
	return !s->stop_pending;
}

static bool put_stream_max(struct quic_stream *s, struct quic_pkt *p)
{
	struct quic_frame f = {
		.type = QUIC_FRAME_MAX_STREAM_DATA,
		.max_stream_data = { s->id, s->rcv_max },
	};

	/* RFC 9000 §3.3: only in "Recv" */
	if (!s->max_pending || s->rcv_state != QUIC_STREAM_RECV_STATE_RECV || s->stopped) {
		s->max_pending = false;
		return true;
	}
	s->max_pending = !put(p, &f, QUIC_ITEM_MAX_STREAM_DATA, s->id, s->rcv_max);
	return !s->max_pending;
}

/* RFC 9000 §13.3: only while blocked; §3.3: not after FIN or a reset */
static bool is_stream_blocked(const struct quic_stream *s)
{
	return s->blocked_at == s->snd_max && s->snd_state <= QUIC_STREAM_SEND_STATE_SEND;
}

static bool put_stream_blocked(struct quic_stream *s, struct quic_pkt *p)
{
	struct quic_frame f = {
		.type = QUIC_FRAME_STREAM_DATA_BLOCKED,
		.max_stream_data = { s->id, s->snd_max },
	};

	if (!s->blocked_pending || !is_stream_blocked(s)) {
		s->blocked_pending = false;
		return true;
	}
	if (!put(p, &f, QUIC_ITEM_BLOCKED, f.type, s->id))
		return false;
	s->blocked_pending = false;
	/* RFC 9000 §3.1 */
	if (s->snd_state == QUIC_STREAM_SEND_STATE_READY)
		quic_stream_snd_move(s, QUIC_SND_SEND);
	return true;
}

static bool put_stream_frames(struct quic_stream *s, struct quic_pkt *p)
{
	return put_reset(s, p) && put_stop(s, p) && put_stream_max(s, p) &&
	       put_stream_blocked(s, p);
}

bool quic_streams_tx_control(struct quic_streams *ss, struct quic_pkt *p)
{
	struct quic_stream *s, *next;
	u8 had = p->nitem;
	bool room;

	room = put_max_data(ss, p) && put_blocked(ss, p) &&
	       put_max_streams(ss, false, p) && put_max_streams(ss, true, p) &&
	       put_streams_blocked(ss, false, p) && put_streams_blocked(ss, true, p);
	list_for_each_entry_safe(s, next, &ss->ctl, ctl) {
		if (!room)
			break;
		/* one that the peer did not admit comes back when it does */
		if (quic_streams_is_admitted(ss, s))
			room = put_stream_frames(s, p);
		if (room)
			list_del_init(&s->ctl);
	}
	return p->nitem > had;
}

bool quic_streams_want_control(const struct quic_streams *ss)
{
	return ss->max_pending || ss->blocked_pending || !list_empty(&ss->ctl) ||
	       ss->dir[0].max_pending || ss->dir[0].blocked_pending ||
	       ss->dir[1].max_pending || ss->dir[1].blocked_pending;
}

bool quic_streams_want_tx(const struct quic_streams *ss, bool full_only)
{
	return quic_streams_want_control(ss) || quic_streams_want_data(ss, full_only);
}

/* RFC 9000 §3.2: MAX_STREAM_DATA opens a bidirectional stream at the peer. */
void quic_stream_announce(struct quic_streams *ss, struct quic_stream *s)
{
	s->max_pending = true;
	quic_streams_queue_ctl(ss, s);
}

/* ---- acknowledged ---- */

static void reset_acked(struct quic_streams *ss, u64 id)
{
	struct quic_stream *s = quic_streams_lookup(ss, id);

	if (!s || s->snd_state != QUIC_STREAM_SEND_STATE_RESET_SENT)
		return;
	s->reset_pending = false;
	quic_stream_snd_move(s, QUIC_SND_RESET_ACKED);
	quic_streams_update(ss, s, QUIC_STREAM_SEND_STATE_RESET_RECVD, s->reset_code, 0);
	quic_streams_reap(ss, s);
}

static void stop_acked(struct quic_streams *ss, u64 id)
{
	struct quic_stream *s = quic_streams_lookup(ss, id);

	if (!s)
		return;
	s->stop_acked = true;
	s->stop_pending = false;
	quic_stream_end_stopped(ss, s);
}

void quic_streams_acked(struct quic_streams *ss, const struct quic_sent_item *it)
{
	switch (it->type) {
	case QUIC_ITEM_STREAM:
		quic_stream_data_acked(ss, it);
		break;
	case QUIC_ITEM_RESET_STREAM:
		reset_acked(ss, it->id);
		break;
	case QUIC_ITEM_STOP_SENDING:
		stop_acked(ss, it->id);
		break;
	}
}

/* ---- lost, RFC 9000 §13.3 ---- */

static void reset_lost(struct quic_streams *ss, struct quic_stream *s)
{
	if (s->snd_state != QUIC_STREAM_SEND_STATE_RESET_SENT)
		return;
	s->reset_pending = true;
	quic_streams_queue_ctl(ss, s);
}

static void stop_lost(struct quic_streams *ss, struct quic_stream *s)
{
	if (!wants_stop(s))
		return;
	s->stop_pending = true;
	quic_streams_queue_ctl(ss, s);
}

static void stream_max_lost(struct quic_streams *ss, struct quic_stream *s, u64 limit)
{
	if (limit != s->rcv_max)
		return;
	s->max_pending = true;
	quic_streams_queue_ctl(ss, s);
}

static void stream_blocked_lost(struct quic_streams *ss, struct quic_stream *s)
{
	if (!is_stream_blocked(s))
		return;
	s->blocked_pending = true;
	quic_streams_queue_ctl(ss, s);
}

static void streams_blocked_lost(struct quic_streams_dir *d, u64 limit)
{
	if (d->blocked && limit == d->local_max)
		d->blocked_pending = true;
}

static void blocked_lost(struct quic_streams *ss, const struct quic_sent_item *it)
{
	struct quic_stream *s;

	switch (it->id) {
	case QUIC_FRAME_DATA_BLOCKED:
		if (it->off == ss->snd_max && ss->blocked_at == ss->snd_max)
			ss->blocked_pending = true;
		break;
	case QUIC_FRAME_STREAM_DATA_BLOCKED:
		s = quic_streams_lookup(ss, it->off);
		if (s)
			stream_blocked_lost(ss, s);
		break;
	case QUIC_FRAME_STREAMS_BLOCKED_BIDI:
		streams_blocked_lost(&ss->dir[0], it->off);
		break;
	case QUIC_FRAME_STREAMS_BLOCKED_UNI:
		streams_blocked_lost(&ss->dir[1], it->off);
		break;
	}
}

static void stream_item_lost(struct quic_streams *ss, const struct quic_sent_item *it)
{
	struct quic_stream *s = quic_streams_lookup(ss, it->id);

	if (!s)
		return;
	if (it->type == QUIC_ITEM_RESET_STREAM)
		reset_lost(ss, s);
	else if (it->type == QUIC_ITEM_STOP_SENDING)
		stop_lost(ss, s);
	else
		stream_max_lost(ss, s, it->off);
}

void quic_streams_lost(struct quic_streams *ss, const struct quic_sent_item *it)
{
	switch (it->type) {
	case QUIC_ITEM_STREAM:
		quic_stream_data_lost(ss, it);
		break;
	case QUIC_ITEM_MAX_DATA:
		ss->max_pending |= it->off == ss->rcv_max;
		break;
	case QUIC_ITEM_MAX_STREAMS:
		ss->dir[it->id & 1].max_pending |= it->off == ss->dir[it->id & 1].remote_max;
		break;
	case QUIC_ITEM_BLOCKED:
		blocked_lost(ss, it);
		break;
	case QUIC_ITEM_RESET_STREAM:
	case QUIC_ITEM_STOP_SENDING:
	case QUIC_ITEM_MAX_STREAM_DATA:
		stream_item_lost(ss, it);
		break;
	}
}

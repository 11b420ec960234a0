// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The receiving parts of streams (RFC 9000 §3.2): STREAM and RESET_STREAM
 * frames, the reader, and the windows that we give the peer (§4).
 *
 * Accounts of the connection: rcv_used is the sum of the highest offsets of
 * all streams ever, rcv_read the part of it that the user has read or never
 * will (a reset or stopped stream: all of it, up to the final size), so that
 * no credit is ever lost.  rcv_read <= rcv_used <= rcv_max.
 * A window moves on when half of it is used up.  If that took less than two
 * round trips, the window may be what holds the sender back, and doubles: a
 * sender whose rate doubles each round trip (slow start) stays ahead of no
 * window that way (§4.2).
 * A stopped stream keeps nothing.  It is over when the peer's reset arrives,
 * or when the final size is known and the peer knows that we stopped.
 * Called by conn_rx and the socket layer under the connection's lock.
 */
#include "streams_int.h"

/* ---- windows ---- */

/* The next window after @window was used up since @since (0: nobody knows). */
static u64 tune(const struct quic_streams *ss, u64 window, u64 since, u64 now, u64 srtt)
{
	if (!ss->tuning || !since || !srtt || now - since >= 2 * srtt)
		return window;
	return max(window, min(2 * window, ss->rcv_window_max));
}

/* Half of @window is used up: is it time for a new limit? */
static bool is_low(u64 max, u64 read, u64 window)
{
	return max - read <= window / 2 && max < min_t(u64, read + window, QUIC_VARINT_MAX);
}

/* @now 0: not known, the window stays as large as it is. */
static void open_window(struct quic_streams *ss, u64 now, u64 srtt)
{
	u64 since = ss->rcv_window_time;

	if (!since)
		ss->rcv_window_time = now;
	if (!is_low(ss->rcv_max, ss->rcv_read, ss->rcv_window))
		return;
	if (now) {
		ss->rcv_window = tune(ss, ss->rcv_window, since, now, srtt);
		ss->rcv_window_time = now;
	}
	ss->rcv_max = min_t(u64, ss->rcv_read + ss->rcv_window, QUIC_VARINT_MAX);
	ss->max_pending = true;
}

static void open_stream_window(struct quic_streams *ss, struct quic_stream *s, u64 now, u64 srtt)
{
	u64 since = s->rcv_window_time;

	if (!since)
		s->rcv_window_time = now;
	/* RFC 9000 §3.2: no more credit once the size is known */
	if (s->rcv_state != QUIC_STREAM_RECV_STATE_RECV || s->stopped ||
	    !is_low(s->rcv_max, s->rcv.read_off, s->rcv_window))
		return;
	s->rcv_window = tune(ss, s->rcv_window, since, now, srtt);
	s->rcv_window_time = now;
	s->rcv_max = min_t(u64, s->rcv.read_off + s->rcv_window, QUIC_VARINT_MAX);
	s->max_pending = true;
	quic_streams_queue_ctl(ss, s);
	/* the connection must not be what stops its only stream */
	if (ss->tuning)
		ss->rcv_window = max(ss->rcv_window, s->rcv_window + s->rcv_window / 2);
}

/* ---- ends ---- */

/* The peer's @size bytes count as received: flow control knows of them. */
static void account(struct quic_streams *ss, struct quic_stream *s, u64 size)
{
	if (size <= s->rcv.high)
		return;
	ss->rcv_used += size - s->rcv.high;
	s->rcv.high = size;
}

/* Nobody will read what was received, RFC 9000 §4.4: its credit is free again. */
static void discard(struct quic_streams *ss, struct quic_stream *s)
{
	ss->rcv_read += s->rcv.high - s->rcv.read_off;
	quic_recvbuf_discard(&s->rcv);
	open_window(ss, 0, 0);
}

void quic_stream_end_stopped(struct quic_streams *ss, struct quic_stream *s)
{
	if (!s->stopped || !s->stop_acked || s->rcv_state != QUIC_STREAM_RECV_STATE_SIZE_KNOWN)
		return;
	quic_stream_rcv_move(s, QUIC_RCV_ALL);
	quic_stream_rcv_move(s, QUIC_RCV_READ);
	quic_streams_reap(ss, s);
}

/* ---- STREAM, RFC 9000 §19.8 ---- */

/* May the peer's stream reach to @end (its final size if @fin)?  0 or the error. */
static int check_size(const struct quic_streams *ss, const struct quic_stream *s,
		      u64 end, bool fin)
{
	u64 more = end > s->rcv.high ? end - s->rcv.high : 0;

	/* RFC 9000 §4.5: a final size never changes, and nothing lies beyond it */
	if (s->final_size != QUIC_STREAM_NO_SIZE &&
	    (end > s->final_size || (fin && end != s->final_size)))
		return QUIC_TRANSPORT_ERROR_FINAL_SIZE;
	if (fin && end < s->rcv.high)
		return QUIC_TRANSPORT_ERROR_FINAL_SIZE;
	/* RFC 9000 §4.1: MUST close with FLOW_CONTROL_ERROR; §19.8: also above 2^62-1 */
	if (end > s->rcv_max || end > QUIC_VARINT_MAX || more > ss->rcv_max - ss->rcv_used)
		return QUIC_TRANSPORT_ERROR_FLOW_CONTROL;
	return 0;
}

void quic_stream_requeue_input(struct quic_streams *ss, struct quic_stream *s)
{
	bool input = !s->owner && quic_stream_has_input(s);

	if (!input)
		list_del_init(&s->readable);
	else if (list_empty(&s->readable))
		list_add_tail(&s->readable, &ss->readable);
}

/* FIN, or the last missing byte, arrived: move on, and say so. */
static void note_arrival(struct quic_streams *ss, struct quic_stream *s, bool first)
{
	bool ended = s->final_size != QUIC_STREAM_NO_SIZE;
	bool known = false;

	if (ended && s->rcv_state == QUIC_STREAM_RECV_STATE_RECV) {
		quic_stream_rcv_move(s, QUIC_RCV_FIN);
		known = true;
	}
	if (ended && s->rcv.ready_off == s->final_size) {
		quic_stream_rcv_move(s, QUIC_RCV_ALL);
		quic_streams_update(ss, s, QUIC_STREAM_RECV_STATE_RECVD, 0, s->final_size);
	} else if (known) {
		quic_streams_update(ss, s, QUIC_STREAM_RECV_STATE_SIZE_KNOWN, 0, s->final_size);
	} else if (first) {
		quic_streams_update(ss, s, QUIC_STREAM_RECV_STATE_RECV, 0, 0);
	}
}

/* Keep the data of a stream that is being read. */
static int take(struct quic_streams *ss, struct quic_stream *s, const struct quic_frame *f,
		struct quic_chunk *chunk)
{
	u64 end = f->stream.off + f->stream.len;
	u64 ready = s->rcv.ready_off;
	u64 high = s->rcv.high;
	bool first;

	if (quic_recvbuf_add(&s->rcv, f->stream.off, f->stream.data, f->stream.len, chunk))
		return -ENOBUFS;
	ss->rcv_used += s->rcv.high - high;
	if (f->stream.fin)
		s->final_size = end;
	first = f->stream.len && !s->rcv_event && s->rcv_state == QUIC_STREAM_RECV_STATE_RECV;
	s->rcv_event |= f->stream.len > 0;
	note_arrival(ss, s, first);
	quic_stream_requeue_input(ss, s);
	if (s->rcv.ready_off > ready || s->rcv_state == QUIC_STREAM_RECV_STATE_RECVD)
		quic_streams_wake(ss, s, true);
	return 0;
}

/* RFC 9000 §3.5: after STOP_SENDING, data still counts, and is dropped. */
static void pass_over(struct quic_streams *ss, struct quic_stream *s, u64 end, bool fin)
{
	account(ss, s, end);
	discard(ss, s);
	if (fin && s->rcv_state == QUIC_STREAM_RECV_STATE_RECV) {
		s->final_size = end;
		quic_stream_rcv_move(s, QUIC_RCV_FIN);
	}
	quic_stream_end_stopped(ss, s);
}

int quic_streams_rx_stream(struct quic_streams *ss, const struct quic_frame *f,
			   struct quic_chunk *chunk)
{
	u64 end = f->stream.off + f->stream.len;
	struct quic_stream *s;
	int err;

	err = quic_streams_get(ss, f->stream.id, false, &s);
	if (err || !s)
		return err;
	err = check_size(ss, s, end, f->stream.fin);
	if (err)
		return err;
	/* RFC 9000 §3.2: late copies of what is complete or was reset */
	if (s->rcv_state != QUIC_STREAM_RECV_STATE_RECV &&
	    s->rcv_state != QUIC_STREAM_RECV_STATE_SIZE_KNOWN)
		return 0;
	if (!s->stopped)
		return take(ss, s, f, chunk);
	pass_over(ss, s, end, f->stream.fin);
	return 0;
}

/* Only data comes next, and where it goes is decided: nothing is to be told but the reader. */
struct quic_stream *quic_streams_steady(const struct quic_streams *ss)
{
	struct quic_stream *s = ss->recent;

	return s && s->rcv_event && s->rcv_state == QUIC_STREAM_RECV_STATE_RECV && !s->stopped &&
	       (s->owner || !list_empty(&s->readable)) ? s : NULL;
}

bool quic_streams_rx_bulk(struct quic_streams *ss, struct quic_stream *s,
			  const u8 *payload, u32 len, struct quic_chunk *chunk)
{
	/* RFC 9000 §4.1 */
	u64 most = min(s->rcv_max - s->rcv.high, ss->rcv_max - ss->rcv_used);
	struct quic_frame f quic_uninitialized;
	struct quic_cur cur;

	quic_cur_init(&cur, payload, len);
	f.type = quic_cur_u8(&cur);
	if ((f.type & ~(QUIC_STREAM_BIT_LEN | QUIC_STREAM_BIT_OFF)) != QUIC_FRAME_STREAM ||
	    quic_frame_parse_stream(&cur, &f) || cur.bad || quic_cur_left(&cur))
		return false;
	if (f.stream.id != s->id || f.stream.off != s->rcv.high || !f.stream.len ||
	    f.stream.len > most ||
	    !quic_recvbuf_append(&s->rcv, f.stream.data, f.stream.len, chunk))
		return false;
	ss->rcv_used += f.stream.len;
	return true;
}

/* ---- RESET_STREAM, RFC 9000 §19.4; *_BLOCKED ---- */

/* For all but peeled-off streams, the event is how the application learns of it. */
static void end_reset(struct quic_streams *ss, struct quic_stream *s)
{
	if (s->owner) {
		quic_streams_wake(ss, s, true);
		return;
	}
	quic_stream_rcv_move(s, QUIC_RCV_RESET_READ);
	quic_streams_reap(ss, s);
}

int quic_streams_rx_reset(struct quic_streams *ss, const struct quic_frame *f)
{
	u64 size = f->reset.final_size;
	struct quic_stream *s;
	int err;

	err = quic_streams_get(ss, f->reset.id, false, &s);
	if (err || !s)
		return err;
	/* RFC 9000 §4.5: the final size is accounted for, and cannot change */
	err = check_size(ss, s, size, true);
	if (err)
		return err;
	/* RFC 9000 §3.2: suppressed once all data was received */
	if (quic_stream_rcv_next(s->rcv_state, QUIC_RCV_RESET) < 0)
		return 0;
	s->final_size = size;
	s->rcv_reset_code = f->reset.code;
	account(ss, s, size);
	discard(ss, s);
	quic_stream_rcv_move(s, QUIC_RCV_RESET);
	quic_stream_requeue_input(ss, s);
	quic_streams_update(ss, s, QUIC_STREAM_RECV_STATE_RESET_RECVD, f->reset.code, size);
	end_reset(ss, s);
	return 0;
}

int quic_streams_rx_blocked(struct quic_streams *ss, const struct quic_frame *f)
{
	struct quic_stream *s;

	/* RFC 9000 §4.1, §4.6: new limits never wait for these; §3.2: this one opens a stream */
	if (f->type == QUIC_FRAME_STREAM_DATA_BLOCKED)
		return quic_streams_get(ss, f->max_stream_data.id, false, &s);
	if (f->type == QUIC_FRAME_STREAMS_BLOCKED_BIDI || f->type == QUIC_FRAME_STREAMS_BLOCKED_UNI)
		quic_streams_raise_limit(ss, f->max_streams.uni);
	return 0;
}

/* ---- the reader ---- */

struct quic_stream *quic_streams_readable(struct quic_streams *ss)
{
	return list_first_entry_or_null(&ss->readable, struct quic_stream, readable);
}

void quic_stream_consumed(struct quic_streams *ss, struct quic_stream *s, u64 n,
			  bool fin, u64 now, u64 srtt)
{
	fin = fin && quic_stream_at_fin(s, n);
	quic_recvbuf_consume(&s->rcv, n);
	ss->rcv_read += n;
	open_stream_window(ss, s, now, srtt);
	open_window(ss, now, srtt);
	if (fin)
		quic_stream_rcv_move(s, QUIC_RCV_READ);
	/* the others first */
	list_del_init(&s->readable);
	quic_stream_requeue_input(ss, s);
	quic_streams_reap(ss, s);
}

void quic_stream_reset_read(struct quic_streams *ss, struct quic_stream *s)
{
	if (s->rcv_state != QUIC_STREAM_RECV_STATE_RESET_RECVD)
		return;
	quic_stream_rcv_move(s, QUIC_RCV_RESET_READ);
	quic_streams_reap(ss, s);
}

int quic_stream_stop(struct quic_streams *ss, struct quic_stream *s, u64 code)
{
	if (s->stopped)
		return -EAGAIN;
	s->stopped = true;
	s->stop_code = code;
	switch (s->rcv_state) {
	case QUIC_STREAM_RECV_STATE_RECV:
	case QUIC_STREAM_RECV_STATE_SIZE_KNOWN:
		/* RFC 9000 §3.5: SHOULD send STOP_SENDING */
		s->stop_pending = true;
		quic_streams_queue_ctl(ss, s);
		discard(ss, s);
		break;
	case QUIC_STREAM_RECV_STATE_RECVD:
		discard(ss, s);
		quic_stream_rcv_move(s, QUIC_RCV_READ);
		break;
	case QUIC_STREAM_RECV_STATE_RESET_RECVD:
		quic_stream_rcv_move(s, QUIC_RCV_RESET_READ);
		break;
	}
	quic_stream_requeue_input(ss, s);
	quic_streams_reap(ss, s);
	return 0;
}

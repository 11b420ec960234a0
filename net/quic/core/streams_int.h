/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What streams.c, stream_rx.c, stream_tx.c and stream_ctl.c share and nobody else calls.
 */
#ifndef _QUIC_STREAMS_INT_H
#define _QUIC_STREAMS_INT_H

#include "streams.h"

/* ---- streams.c ---- */

struct quic_stream *quic_streams_lookup(struct quic_streams *ss, u64 id);
/*
 * The stream that a peer's frame is about, opened if the peer may: NULL in *s
 * if it is closed already.  @snd: the frame is about our sending part.
 * 0, -ENOMEM, STREAM_STATE_ERROR or STREAM_LIMIT_ERROR.
 */
int quic_streams_get(struct quic_streams *ss, u64 id, bool snd, struct quic_stream **s);
void quic_streams_reap(struct quic_streams *ss, struct quic_stream *s);	/* free it if it is over */
/* Tell the peer of all streams that it may open, if it does not know. */
void quic_streams_raise_limit(struct quic_streams *ss, bool uni);
bool quic_streams_is_local(const struct quic_streams *ss, u64 id);
/* RFC 9000 §4.6: below the peer's limit; not so only after a rejected 0-RTT. */
bool quic_streams_is_admitted(const struct quic_streams *ss, const struct quic_stream *s);
/* The peer's initial limit on what we send (RFC 9000 §18.2). */
u64 quic_streams_initial_snd_max(const struct quic_streams *ss, u64 id);
u64 quic_streams_initial_rcv_max(const struct quic_streams *ss, u64 id);
void quic_streams_update(struct quic_streams *ss, const struct quic_stream *s,
			 u8 state, u64 code, u64 size);
void quic_streams_wake(struct quic_streams *ss, struct quic_stream *s, bool read);
/* @s has a control frame to send. */
static inline void quic_streams_queue_ctl(struct quic_streams *ss, struct quic_stream *s)
{
	if (list_empty(&s->ctl))
		list_add_tail(&s->ctl, &ss->ctl);
}

/* Each stream, in no order; the body may free @s. */
#define quic_streams_for_each(ss, i, s, n)				\
	for (i = 0; i < (ss)->buckets; i++)				\
		hlist_for_each_entry_safe(s, n, &(ss)->table[i], hash)

/* ---- stream_tx.c ---- */

/* Queue @s if it has something to send that its own limits allow. */
void quic_stream_queue(struct quic_streams *ss, struct quic_stream *s);
void quic_stream_data_acked(struct quic_streams *ss, const struct quic_sent_item *it);
void quic_stream_data_lost(struct quic_streams *ss, const struct quic_sent_item *it);
bool quic_streams_want_data(const struct quic_streams *ss, bool full_only);

/* ---- stream_rx.c ---- */

/* Put @s among the readable streams or take it off. */
void quic_stream_requeue_input(struct quic_streams *ss, struct quic_stream *s);
/* A stopped stream is over when its size is known and the peer knows; may free @s. */
void quic_stream_end_stopped(struct quic_streams *ss, struct quic_stream *s);

#endif /* _QUIC_STREAMS_INT_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All streams of a connection: lookup, limits (RFC 9000 §4.6), flow control of
 * the connection and its streams (§4.1, §4.2) with window auto-tuning, the
 * queue of streams that have something to send (they take turns, a packet
 * each) and of those that the user can read.
 *
 * Functions that handle a peer's frame return 0, a negative errno (local
 * failure: do not acknowledge the packet), or a positive transport error code
 * (RFC 9000 §20.1) that the caller closes the connection with.  After a local
 * failure the same frame may be handled again.
 *
 * Any function that takes a stream may end it, and then frees it: after
 * quic_stream_reset(), _stop(), _consumed(), _reset_read() and _release(), and
 * after any frame, acknowledgement or loss, look streams up again, unless
 * they are pinned.
 */
#ifndef _QUIC_STREAMS_H
#define _QUIC_STREAMS_H

#include "stream.h"
#include "tparam.h"

#define QUIC_STREAMS_WINDOW_MAX	(32ULL << 20)	/* auto-tuning stops here by default */
#define QUIC_STREAMS_UNBORN_MAX	1024	/* runs of streams without an object, a direction */
#define QUIC_STREAMS_BIRTHS_MAX	64	/* objects made at once when there are more runs */
#define QUIC_STREAMS_BUCKETS_MIN	4
#define QUIC_STREAMS_BUCKETS_MAX	16384

struct quic_streams_ops {
	/* A state worth an event (QUIC_EVENT_STREAM_UPDATE) was entered. */
	void (*update)(void *priv, const struct quic_stream_update *u);
	void (*max_data)(void *priv, u64 id, u64 max);	/* MAX_STREAM_DATA raised the limit */
	void (*max_streams)(void *priv, bool uni, u64 max);	/* MAX_STREAMS raised it */
	void (*readable)(void *priv);	/* something new for a reader */
	void (*writable)(void *priv);	/* credit, or bytes were acknowledged */
	/* Either of those, of a stream with an owner (quic_stream_pin()) */
	void (*owner_wake)(void *priv, struct quic_stream *s, bool read);
};

struct quic_streams_dir {	/* one of bidirectional, unidirectional */
	u64 local_next;		/* count of ours opened; next index */
	u64 local_max;		/* peer's MAX_STREAMS */
	u64 remote_next;	/* highest index of the peer's + 1 */
	u64 remote_max;		/* our advertised limit */
	u64 remote_window;	/* streams the peer may have open at once */
	u64 remote_closed;
	/* indexes opened implicitly (§2.1), without an object yet */
	struct quic_ranges local_unborn;
	struct quic_ranges remote_unborn;
	bool max_pending;	/* MAX_STREAMS to be sent */
	bool blocked;		/* a user found no stream left under local_max */
	bool blocked_pending;	/* STREAMS_BLOCKED to be sent */
};

struct quic_streams {
	bool server;
	bool nodelay;		/* no Nagle */
	bool tuning;		/* grow windows; on by default */
	const struct quic_streams_ops *ops;
	const struct quic_chunk_ops *chunk_ops;
	void *priv;
	struct hlist_head *table;
	u32 buckets;		/* power of two; grows */
	u32 count;
	u32 hash_seed;
	struct quic_stream *recent;	/* last looked up, or NULL */
	struct list_head ready;		/* something to send, in turns */
	struct list_head stalled;	/* wait for the connection's credit only */
	struct list_head ctl;		/* control frames of a stream */
	struct list_head readable;
	struct quic_streams_dir dir[2];	/* [0] bidirectional, [1] unidirectional */
	struct quic_tparam *local, *remote;	/* initial limits; the connection's */
	struct quic_chunk *tx_chunk;	/* where sendmsg copies to */
	s64 active;		/* last opened by us, or bidirectional by the peer; -1 none */

	/* flow control of the connection */
	u64 snd_max;		/* peer's MAX_DATA */
	u64 snd_used;		/* sum of the streams' snd.next */
	u64 snd_written;	/* sum of the streams' snd.end, without what a reset dropped */
	u64 snd_held;		/* bytes in all send buffers */
	u64 rcv_max;		/* advertised */
	u64 rcv_used;		/* sum of the streams' highest offsets */
	u64 rcv_read;		/* consumed by the user, or dropped */
	u64 rcv_window;
	u64 rcv_window_max;	/* of a stream's window, too */
	u64 rcv_window_time;
	u64 blocked_at;		/* limit reported, or QUIC_STREAM_NO_LIMIT */
	bool max_pending;	/* MAX_DATA to be sent */
	bool blocked_pending;	/* DATA_BLOCKED to be sent */
};

int quic_streams_init(struct quic_streams *ss, bool server,
		      const struct quic_streams_ops *ops,
		      const struct quic_chunk_ops *chunk_ops, void *priv,
		      struct quic_tparam *local, struct quic_tparam *remote);
void quic_streams_free(struct quic_streams *ss);
/* The local parameters were changed before the handshake: take them over. */
void quic_streams_set_local(struct quic_streams *ss);
/*
 * The peer's parameters are known (or remembered for 0-RTT, and known later):
 * limits only ever rise, streams opened before get theirs.
 */
void quic_streams_set_remote(struct quic_streams *ss);
/* Memory that an idle connection does not need. */
void quic_streams_trim(struct quic_streams *ss);

/* ---- for the socket layer ---- */

/*
 * Open stream @id (or the next one: -1) that we initiate; lower ones open too.
 * -EAGAIN: over the peer's limit (STREAMS_BLOCKED is sent if @block);
 * -EINVAL: the peer's kind of ID, or none; -ENOSTR: closed already;
 * -EEXIST: open already (*s is set); -ENOMEM; -ENOBUFS: too many gaps.
 * @uni counts with an @id of -1 only.
 */
int quic_streams_open(struct quic_streams *ss, s64 id, bool uni, bool block,
		      struct quic_stream **s);
/*
 * Take back quic_streams_open() of @s, and of what it opened below; @active: as it was
 * before.  Nothing happens if it is too late: something of it was sent or is to be, or
 * another of its type was opened since.
 */
void quic_streams_unopen(struct quic_streams *ss, struct quic_stream *s, s64 active);
/*
 * The stream, if it may be sent on (@send) or received from.  NULL and *err:
 * -EINVAL never opened or wrong direction; -ENOSTR closed already; -ENOMEM.
 */
struct quic_stream *quic_streams_find(struct quic_streams *ss, u64 id, bool send, int *err);
/*
 * Room for user bytes: where, and how many; NULL: no memory or budget
 * (-EAGAIN).  *avail: in, how many are to come (a hint, 0: unknown); out, how many fit.
 */
u8 *quic_streams_reserve(struct quic_streams *ss, bool may_sleep, u32 *avail);
/*
 * @len bytes of the reserved room were filled for @s.  0; -EPIPE (finished or
 * reset); -ENOMEM (reserve again).  A @len of 0 without @more lets go what MSG_MORE held.
 */
int quic_stream_write(struct quic_streams *ss, struct quic_stream *s, const u8 *p,
		      u32 len, bool more);
/* The same with bytes of a chunk of the caller's (spliced pages). -ENOMEM: no slice left in it */
int quic_stream_write_chunk(struct quic_streams *ss, struct quic_stream *s,
			    struct quic_chunk *c, const u8 *p, u32 len, bool more);
int quic_stream_finish(struct quic_streams *ss, struct quic_stream *s);	/* FIN. -EPIPE */
/* Let the peer know of a stream of ours on which nothing was sent yet. */
void quic_stream_announce(struct quic_streams *ss, struct quic_stream *s);
/* Bytes that flow control lets this stream take in now without being blocked. */
u64 quic_stream_credit(const struct quic_streams *ss, const struct quic_stream *s);
/* The user has more to write than that: tell the peer (once a limit), §4.1. */
void quic_stream_block(struct quic_streams *ss, struct quic_stream *s);
/* 0; -EINVAL: all was acknowledged, or it was reset before. */
int quic_stream_reset(struct quic_streams *ss, struct quic_stream *s, u64 code);
/* -EAGAIN: asked before; 0 also if all data was received (nothing is sent then) */
int quic_stream_stop(struct quic_streams *ss, struct quic_stream *s, u64 code);
/*
 * The next stream to read from; NULL: none.  Fair: what is consumed in part
 * goes to the end.  Streams with an owner are not among them.
 */
struct quic_stream *quic_streams_readable(struct quic_streams *ss);
/*
 * The reader took @n bytes; opens windows (auto-tuned with @srtt); when it
 * got FIN with them (@fin), the receiving part ends.
 */
void quic_stream_consumed(struct quic_streams *ss, struct quic_stream *s, u64 n,
			  bool fin, u64 now, u64 srtt);
/*
 * The reader of a stream with an owner was told that the peer reset it (state
 * RESET_RECVD).  For all others the event tells, and the part ends by itself.
 */
void quic_stream_reset_read(struct quic_streams *ss, struct quic_stream *s);
/* Pin for a peeled-off socket, and unpin. */
void quic_stream_pin(struct quic_streams *ss, struct quic_stream *s, void *owner);
void quic_stream_release(struct quic_streams *ss, struct quic_stream *s);

/* Bytes written and never sent, in all streams (SIOCOUTQNSD). */
static inline u64 quic_streams_unsent(const struct quic_streams *ss)
{
	return ss->snd_written - ss->snd_used;
}

/* ---- for conn_rx: frames of the peer ---- */

/* STREAM: data lies in @chunk. -ENOBUFS: no slice left in @chunk, bring another and call again. */
int quic_streams_rx_stream(struct quic_streams *ss, const struct quic_frame *f,
			   struct quic_chunk *chunk);
/*
 * The common case of it, a packet with nothing but the next bytes of a stream in use: the
 * stream that quic_streams_steady() gave since anything else was done to streams, which is
 * that of the frame before.  False: it is not so, nothing was done.  To wake up the
 * reader is left to the caller.
 */
struct quic_stream *quic_streams_steady(const struct quic_streams *ss);
bool quic_streams_rx_bulk(struct quic_streams *ss, struct quic_stream *s,
			  const u8 *payload, u32 len, struct quic_chunk *chunk);
int quic_streams_rx_reset(struct quic_streams *ss, const struct quic_frame *f);
int quic_streams_rx_stop(struct quic_streams *ss, const struct quic_frame *f);
int quic_streams_rx_max_data(struct quic_streams *ss, u64 max);
int quic_streams_rx_max_stream_data(struct quic_streams *ss, u64 id, u64 max);
int quic_streams_rx_max_streams(struct quic_streams *ss, bool uni, u64 max);
/* DATA_BLOCKED, STREAM_DATA_BLOCKED, STREAMS_BLOCKED */
int quic_streams_rx_blocked(struct quic_streams *ss, const struct quic_frame *f);

/* ---- for conn_tx ---- */

/*
 * Is there something to send?  May be wrong once for what Nagle holds, until
 * quic_streams_tx_data() looked.  @full_only: not if it is only stream data
 * that does not fill a packet (more is about to be written).
 */
bool quic_streams_want_tx(const struct quic_streams *ss, bool full_only);
/* Control frames of streams and flow control. True: something was written. */
bool quic_streams_tx_control(struct quic_streams *ss, struct quic_pkt *p);
/*
 * STREAM frames until the packet is full or nothing is left.  May end with one
 * that takes all the room (no Length field): nothing can follow then, and
 * nothing may be added, padding included.
 */
bool quic_streams_tx_data(struct quic_streams *ss, struct quic_pkt *p);
/*
 * The common case of it, a packet of @room bytes at @to: the stream whose turn it is
 * has more new data than fits.  *it: what it carries.  False: it is not so (bytes at @to
 * may have been written to).  Nothing is taken until quic_streams_bulk_sent().
 */
bool quic_streams_bulk_put(struct quic_streams *ss, u8 *to, u32 room, struct quic_sent_item *it);
void quic_streams_bulk_sent(struct quic_streams *ss, const struct quic_sent_item *it);
bool quic_streams_want_control(const struct quic_streams *ss);
/* Does the stream whose turn it is have nothing to send again? */
static inline bool quic_streams_only_new(const struct quic_streams *ss)
{
	return list_empty(&ss->ready) ||
	       !list_first_entry(&ss->ready, struct quic_stream, ready)->snd.lost.n;
}
/* Items of types STREAM to BLOCKED of an acknowledged or lost packet. */
void quic_streams_acked(struct quic_streams *ss, const struct quic_sent_item *it);
void quic_streams_lost(struct quic_streams *ss, const struct quic_sent_item *it);
/*
 * 0-RTT was rejected (RFC 9001 §4.6.2): all that was sent is to be sent again,
 * and limits are those of ss->remote, which holds the peer's real parameters.
 */
void quic_streams_rewind(struct quic_streams *ss);
/* Long blocked: *_BLOCKED frames are sent again, if still so (RFC 9000 §4.1). */
void quic_streams_reblock(struct quic_streams *ss);

#endif /* _QUIC_STREAMS_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * All streams of a connection: lookup, limits (RFC 9000 §4.6), flow control of
 * the connection and its streams (§4.1, §4.2) with window auto-tuning, the
 * queue of streams that have something to send (they take turns, a packet
 * each) and of those that the user can read.
 *
 * Functions that handle a peer's frame return 0, a negative errno (local
 * failure: do not acknowledge the packet), or a positive transport error code
 * (RFC 9000 §20.1) that the caller closes the connection with.
 */
#ifndef _QUIC_STREAMS_H
#define _QUIC_STREAMS_H

#include "stream.h"
#include "tparam.h"

#define QUIC_STREAMS_WINDOW_MAX	(32ULL << 20)	/* auto-tuning stops here by default */

struct quic_streams_ops {
	/* A state worth an event (QUIC_EVENT_STREAM_UPDATE) was entered. */
	void (*update)(void *priv, const struct quic_stream_update *u);
	void (*max_data)(void *priv, u64 id, u64 max);	/* MAX_STREAM_DATA arrived */
	void (*max_streams)(void *priv, bool uni, u64 max);	/* MAX_STREAMS arrived */
	void (*readable)(void *priv);	/* something new for a reader */
	void (*writable)(void *priv);	/* credit, or bytes were acknowledged */
};

struct quic_streams_dir {	/* one of bidirectional, unidirectional */
	u64 local_next;		/* count of ours opened; next index */
	u64 local_max;		/* peer's MAX_STREAMS */
	u64 remote_next;	/* highest index of the peer's + 1 */
	u64 remote_max;		/* our advertised limit */
	u64 remote_window;	/* streams the peer may have open at once */
	u64 remote_closed;
	struct quic_ranges unborn;	/* indexes opened implicitly (§3.2), without an object yet */
	bool max_pending;	/* MAX_STREAMS to be sent */
	bool blocked_pending;	/* STREAMS_BLOCKED to be sent */
};

struct quic_streams {
	bool server;
	bool nodelay;		/* no Nagle */
	bool tuning;		/* grow windows */
	const struct quic_streams_ops *ops;
	const struct quic_chunk_ops *chunk_ops;
	void *priv;
	struct hlist_head *table;
	u32 buckets;		/* power of two; grows */
	u32 count;
	u32 hash_seed;
	struct list_head ready;
	struct list_head readable;
	struct quic_streams_dir dir[2];	/* [0] bidirectional, [1] unidirectional */
	struct quic_tparam *local, *remote;	/* initial limits; the connection's */
	struct quic_chunk *tx_chunk;	/* where sendmsg copies to */
	s64 active;		/* last opened by us, or bidirectional by the peer; -1 none */

	/* flow control of the connection */
	u64 snd_max;		/* peer's MAX_DATA */
	u64 snd_used;		/* sum of the streams' snd.next */
	u64 rcv_max;		/* advertised */
	u64 rcv_used;		/* sum of the streams' highest offsets */
	u64 rcv_read;		/* consumed by the user, or dropped */
	u64 rcv_window;
	u64 rcv_window_max;
	u64 rcv_window_time;
	bool max_pending;	/* MAX_DATA to be sent */
	bool blocked_pending;	/* DATA_BLOCKED to be sent */
	u64 blocked_at;
	u64 snd_held;		/* bytes in all send buffers */
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

/* ---- for the socket layer ---- */

/*
 * Open stream @id (or the next one: -1) that we initiate; lower ones open too.
 * -EAGAIN: over the peer's limit (STREAMS_BLOCKED is sent if @block);
 * -EINVAL: the peer's kind of ID; -ENOSTR: closed already;
 * -EEXIST: open already (*s is set).
 */
int quic_streams_open(struct quic_streams *ss, s64 id, bool uni, bool block,
		      struct quic_stream **s);
/*
 * The stream, if it may be sent on (@send) or received from.  NULL and *err:
 * -EINVAL never opened or wrong direction; -ENOSTR closed already.
 */
struct quic_stream *quic_streams_find(struct quic_streams *ss, u64 id, bool send, int *err);
/* Room for user bytes: where, and how many (*avail); NULL: no memory or budget (-EAGAIN). */
u8 *quic_streams_reserve(struct quic_streams *ss, bool may_sleep, u32 *avail);
/* @len bytes of the reserved room were filled for @s. 0, -EPIPE (finished or reset), -ENOMEM */
int quic_stream_write(struct quic_streams *ss, struct quic_stream *s, const u8 *p,
		      u32 len, bool more);
int quic_stream_finish(struct quic_streams *ss, struct quic_stream *s);	/* FIN. -EPIPE */
/* Bytes that flow control lets this stream take in now without being blocked. */
u64 quic_stream_credit(const struct quic_streams *ss, const struct quic_stream *s);
int quic_stream_reset(struct quic_streams *ss, struct quic_stream *s, u64 code);
/* -EAGAIN: asked before; 0 also if all data was received (nothing is sent then) */
int quic_stream_stop(struct quic_streams *ss, struct quic_stream *s, u64 code);
/* The next stream to read from, fair among those readable; NULL: none. */
struct quic_stream *quic_streams_readable(struct quic_streams *ss);
/* Does the reader get FIN with its next byte @n bytes on (or right now with n = 0)? */
bool quic_stream_at_fin(const struct quic_stream *s, u64 n);
/*
 * The reader took @n bytes; opens windows (auto-tuned with @srtt); at FIN, or
 * when told of a reset, the receiving part ends.  @s may be freed.
 */
void quic_stream_consumed(struct quic_streams *ss, struct quic_stream *s, u64 n,
			  bool fin, u64 now, u64 srtt);
/* The reader was told that the peer reset @s. @s may be freed. */
void quic_stream_reset_read(struct quic_streams *ss, struct quic_stream *s);
/* Pin for a peeled-off socket, and unpin (may free). */
void quic_stream_release(struct quic_streams *ss, struct quic_stream *s);

/* ---- for conn_rx: frames of the peer ---- */

/* STREAM: data lies in @chunk. -ENOBUFS: no slice left in @chunk, bring another and call again. */
int quic_streams_rx_stream(struct quic_streams *ss, const struct quic_frame *f,
			   struct quic_chunk *chunk);
int quic_streams_rx_reset(struct quic_streams *ss, const struct quic_frame *f);
int quic_streams_rx_stop(struct quic_streams *ss, const struct quic_frame *f);
int quic_streams_rx_max_data(struct quic_streams *ss, u64 max);
int quic_streams_rx_max_stream_data(struct quic_streams *ss, u64 id, u64 max);
int quic_streams_rx_max_streams(struct quic_streams *ss, bool uni, u64 max);
int quic_streams_rx_blocked(struct quic_streams *ss, const struct quic_frame *f);	/* all three kinds */

/* ---- for conn_tx ---- */

bool quic_streams_want_tx(const struct quic_streams *ss, bool full_only);
/* Control frames of streams and flow control. True: something was written. */
bool quic_streams_tx_control(struct quic_streams *ss, struct quic_pkt *p);
/* STREAM frames until the packet is full or nothing is left. */
bool quic_streams_tx_data(struct quic_streams *ss, struct quic_pkt *p);
/* Items of types STREAM to BLOCKED of an acknowledged or lost packet. */
void quic_streams_acked(struct quic_streams *ss, const struct quic_sent_item *it);
void quic_streams_lost(struct quic_streams *ss, const struct quic_sent_item *it);
/* 0-RTT was rejected (RFC 9000 §4.6.2 of 9001): all that was sent is to be sent again. */
void quic_streams_rewind(struct quic_streams *ss);

#endif /* _QUIC_STREAMS_H */

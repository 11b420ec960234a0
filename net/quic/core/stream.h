/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One stream: its sending and receiving parts are the state machines of RFC
 * 9000 §3.1 and §3.2 (enum quic_stream_state of the uapi), each a table of
 * moves.  All functions run under the connection's lock and never sleep.
 */
#ifndef _QUIC_STREAM_H
#define _QUIC_STREAM_H

#include "sendbuf.h"
#include "recvbuf.h"
#include "pkt.h"

#define QUIC_STREAM_NO_LIMIT	U64_MAX	/* blocked_at: none reported */
#define QUIC_STREAM_NO_SIZE	U64_MAX	/* final_size: unknown */

/* What moves the sending part, RFC 9000 §3.1 */
enum quic_snd_move {
	QUIC_SND_SEND,		/* STREAM or STREAM_DATA_BLOCKED */
	QUIC_SND_FIN,		/* STREAM with FIN */
	QUIC_SND_RESET,		/* RESET_STREAM */
	QUIC_SND_ACKED,		/* all data and FIN acknowledged */
	QUIC_SND_RESET_ACKED,
	QUIC_SND_REWIND,	/* rejected 0-RTT, RFC 9001 §4.6.2: nothing was sent */
	QUIC_SND_MOVES
};

/* What moves the receiving part, RFC 9000 §3.2 */
enum quic_rcv_move {
	QUIC_RCV_FIN,		/* STREAM with FIN */
	QUIC_RCV_ALL,		/* no byte is missing */
	QUIC_RCV_RESET,		/* RESET_STREAM */
	QUIC_RCV_READ,		/* the application has it all */
	QUIC_RCV_RESET_READ,	/* the application knows of the reset */
	QUIC_RCV_MOVES
};

struct quic_stream {
	u64 id;
	struct hlist_node hash;
	struct list_head ready;		/* streams->ready or ->stalled: data or FIN to send */
	struct list_head ctl;		/* streams->ctl: control frames to send */
	struct list_head readable;	/* streams->readable: data or FIN for the reader */
	void *owner;			/* of a peeled-off socket; pins the stream */
	bool has_snd, has_rcv;

	/* sending part */
	u8 snd_state;			/* enum quic_stream_state */
	bool fin;			/* user is done writing: snd.end is the final size */
	bool fin_pending;		/* FIN to be sent (first time or again) */
	bool fin_acked;
	bool more;			/* MSG_MORE: hold a partial packet */
	bool stalled;			/* waits for credit of the connection */
	bool reset_pending;		/* RESET_STREAM to be sent */
	bool blocked_pending;		/* STREAM_DATA_BLOCKED to be sent */

	/* receiving part */
	u8 rcv_state;
	bool max_pending;		/* MAX_STREAM_DATA to be sent */
	bool stop_pending;		/* STOP_SENDING to be sent */
	bool stopped;			/* the user reads no more: data is dropped */
	bool stop_acked;		/* the peer knows */
	bool rcv_event;			/* RECV event was raised */

	u64 snd_max;			/* peer's MAX_STREAM_DATA */
	u64 blocked_at;			/* limit reported, or QUIC_STREAM_NO_LIMIT */
	u64 reset_code;
	u64 reset_size;			/* final size of RESET_STREAM */
	struct quic_sendbuf snd;

	u64 rcv_max;			/* advertised */
	u64 rcv_window;
	u64 rcv_window_time;		/* of the last update, for auto-tuning; 0: none */
	u64 final_size;			/* or QUIC_STREAM_NO_SIZE */
	u64 stop_code;
	u64 rcv_reset_code;
	struct quic_recvbuf rcv;
};

static inline bool quic_stream_id_server(u64 id)
{
	return id & QUIC_STREAM_TYPE_SERVER_MASK;
}

static inline bool quic_stream_id_uni(u64 id)
{
	return id & QUIC_STREAM_TYPE_UNI_MASK;
}

/* The state that @move leads to from @state, or -1 where there is no such move. */
int quic_stream_snd_next(u8 state, enum quic_snd_move move);
int quic_stream_rcv_next(u8 state, enum quic_rcv_move move);
/* Move; where there is no such move: a warning, and nothing changes. */
void quic_stream_snd_move(struct quic_stream *s, enum quic_snd_move move);
void quic_stream_rcv_move(struct quic_stream *s, enum quic_rcv_move move);

/* NULL: no memory.  States "Ready" and "Recv"; limits are the caller's to set. */
struct quic_stream *quic_stream_new(u64 id, bool has_snd, bool has_rcv, gfp_t gfp);
void quic_stream_free(struct quic_stream *s);	/* it is in no list any more */

/* May the user still write?  RFC 9000 §3.1 */
static inline bool quic_stream_writable(const struct quic_stream *s)
{
	return s->has_snd && !s->fin && s->snd_state < QUIC_STREAM_SEND_STATE_SENT;
}

/* Is there data, or FIN, for a reader? */
bool quic_stream_has_input(const struct quic_stream *s);
/* Does the reader get FIN with its next byte @n bytes on (or right now with n = 0)? */
bool quic_stream_at_fin(const struct quic_stream *s, u64 n);
bool quic_stream_is_closed(const struct quic_stream *s);	/* both parts are terminal, §3.4 */

#endif /* _QUIC_STREAM_H */

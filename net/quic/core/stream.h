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

struct quic_streams;

static inline bool quic_stream_id_server(u64 id)
{
	return id & QUIC_STREAM_TYPE_SERVER_MASK;
}

static inline bool quic_stream_id_uni(u64 id)
{
	return id & QUIC_STREAM_TYPE_UNI_MASK;
}

struct quic_stream {
	u64 id;
	struct hlist_node hash;
	struct list_head ready;		/* streams->ready: something to send */
	struct list_head readable;	/* streams->readable: data or FIN for the reader */
	void *owner;			/* of a peeled-off socket; pins the stream */

	/* sending part */
	u8 snd_state;			/* enum quic_stream_state */
	bool has_snd, has_rcv;
	bool fin;			/* user is done writing: snd.end is the final size */
	bool fin_pending;		/* FIN to be sent (first time or again) */
	bool fin_acked;
	bool more;			/* MSG_MORE: hold a partial packet */
	bool reset_pending;		/* RESET_STREAM to be sent */
	bool sndblock;			/* user wants STREAM_DATA_BLOCKED sent */
	bool blocked_pending;		/* STREAM_DATA_BLOCKED to be sent */
	u64 blocked_at;			/* limit already reported, 0 none */
	u64 snd_max;			/* peer's MAX_STREAM_DATA */
	u64 reset_code;
	struct quic_sendbuf snd;

	/* receiving part */
	u8 rcv_state;
	bool max_pending;		/* MAX_STREAM_DATA to be sent */
	bool stop_pending;		/* STOP_SENDING to be sent */
	bool stop_sent;			/* the user asked for it once */
	bool rcv_event;			/* RECV event was raised */
	u64 rcv_max;			/* advertised */
	u64 rcv_window;
	u64 rcv_window_time;		/* of the last update, for auto-tuning */
	u64 final_size;			/* U64_MAX: unknown */
	u64 stop_code;
	u64 rcv_reset_code;
	struct quic_recvbuf rcv;
};

#endif /* _QUIC_STREAM_H */

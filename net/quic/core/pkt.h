/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A packet while it is being built: small bytes (frame headers, control
 * frames) go to a scratch, stream data stays in its chunks and is only
 * pointed at; an item records, for each frame that matters when the packet is
 * acknowledged or lost, what it carried.  Frame writers of all modules share
 * this; conn_tx seals the gather.  One lives per transmit burst (the caller
 * of quic_conn_tx() allocates it; too big for a stack).
 */
#ifndef _QUIC_PKT_H
#define _QUIC_PKT_H

#include "frame.h"

#define QUIC_PKT_VECS		24
#define QUIC_PKT_ITEMS		16
#define QUIC_PKT_SCRATCH	1536

enum quic_item_type {
	QUIC_ITEM_PING,		/* nothing to repeat */
	QUIC_ITEM_ACK,		/* off: largest acknowledged; elicits nothing */
	QUIC_ITEM_CRYPTO,	/* off, len (level: the packet's space) */
	QUIC_ITEM_STREAM,	/* id, off, len, fin */
	QUIC_ITEM_RESET_STREAM,	/* id */
	QUIC_ITEM_STOP_SENDING,	/* id */
	QUIC_ITEM_MAX_DATA,
	QUIC_ITEM_MAX_STREAM_DATA, /* id */
	QUIC_ITEM_MAX_STREAMS,	/* id: 0 bidirectional, 1 unidirectional */
	QUIC_ITEM_BLOCKED,	/* DATA_BLOCKED and its kin: id as the frame's type */
	QUIC_ITEM_NEW_CID,	/* id: sequence number */
	QUIC_ITEM_RETIRE_CID,	/* id: sequence number */
	QUIC_ITEM_NEW_TOKEN,
	QUIC_ITEM_HANDSHAKE_DONE,
	QUIC_ITEM_PATH,		/* PATH_CHALLENGE, PATH_RESPONSE: never repeated as such */
	QUIC_ITEM_DATAGRAM,	/* id: for the application */
	QUIC_ITEM_MTU,		/* PING of a probe of len bytes, sent at off: never repeated */
};

struct quic_sent_item {
	u8 type;		/* enum quic_item_type */
	u8 fin;
	u32 len;
	u64 id;
	u64 off;
};

struct quic_pkt {
	u8 pkt_type;		/* enum quic_pkt_type */
	bool ack_eliciting;
	bool in_flight;		/* RFC 9002 §2: counts for congestion control */
	u8 nvec;
	u8 nitem;
	u32 len;		/* plaintext so far */
	u32 room;		/* plaintext that fits in all */
	u32 used;		/* of the scratch */
	struct quic_vec vec[QUIC_PKT_VECS];
	struct quic_sent_item item[QUIC_PKT_ITEMS];
	u8 scratch[QUIC_PKT_SCRATCH];
};

void quic_pkt_start(struct quic_pkt *p, u8 pkt_type, u32 room);
static inline u32 quic_pkt_left(const struct quic_pkt *p)
{
	return p->room - p->len;
}

/* Pieces of data that can still be pointed at after one more header. */
static inline unsigned int quic_pkt_vecs(const struct quic_pkt *p)
{
	return p->nvec < QUIC_PKT_VECS ? QUIC_PKT_VECS - p->nvec - 1 : 0;
}

/*
 * Can a frame of @hdr scratch bytes, an item and at least one piece of data
 * still go in?  (A frame with data: room for the data is for the caller to see.)
 */
bool quic_pkt_fits(const struct quic_pkt *p, u32 hdr);
/* Room for @n bytes in the scratch, part of the plaintext; NULL: no room. */
u8 *quic_pkt_put(struct quic_pkt *p, u32 n);
/* Point at data outside; false: no room or no vec left (nothing changed). */
bool quic_pkt_data(struct quic_pkt *p, const struct quic_vec *v, unsigned int n);
/* Record what was carried (the caller made sure that it fits); elicits an ACK unless ACK. */
void quic_pkt_item(struct quic_pkt *p, u8 type, u64 id, u64 off, u32 len, bool fin);
/* A whole small frame, its item (type @item) included; false: no room, nothing changed. */
bool quic_pkt_frame(struct quic_pkt *p, const struct quic_frame *f, u8 item, u64 id);
/* PADDING up to @to_len plaintext bytes, as far as room (and pieces) allow. */
void quic_pkt_pad(struct quic_pkt *p, u32 to_len);

#endif /* _QUIC_PKT_H */

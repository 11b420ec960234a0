/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames, RFC 9000 §19, RFC 9221 §4: bytes to struct quic_frame and back,
 * stateless.  Received data is not copied: pointers lead into the decrypted
 * packet.
 */
#ifndef _QUIC_FRAME_H
#define _QUIC_FRAME_H

#include "wire.h"

enum quic_frame_type {
	QUIC_FRAME_PADDING		= 0x00,
	QUIC_FRAME_PING			= 0x01,
	QUIC_FRAME_ACK			= 0x02,
	QUIC_FRAME_ACK_ECN		= 0x03,
	QUIC_FRAME_RESET_STREAM		= 0x04,
	QUIC_FRAME_STOP_SENDING		= 0x05,
	QUIC_FRAME_CRYPTO		= 0x06,
	QUIC_FRAME_NEW_TOKEN		= 0x07,
	QUIC_FRAME_STREAM		= 0x08,	/* to 0x0f */
	QUIC_FRAME_MAX_DATA		= 0x10,
	QUIC_FRAME_MAX_STREAM_DATA	= 0x11,
	QUIC_FRAME_MAX_STREAMS_BIDI	= 0x12,
	QUIC_FRAME_MAX_STREAMS_UNI	= 0x13,
	QUIC_FRAME_DATA_BLOCKED		= 0x14,
	QUIC_FRAME_STREAM_DATA_BLOCKED	= 0x15,
	QUIC_FRAME_STREAMS_BLOCKED_BIDI	= 0x16,
	QUIC_FRAME_STREAMS_BLOCKED_UNI	= 0x17,
	QUIC_FRAME_NEW_CONNECTION_ID	= 0x18,
	QUIC_FRAME_RETIRE_CONNECTION_ID	= 0x19,
	QUIC_FRAME_PATH_CHALLENGE	= 0x1a,
	QUIC_FRAME_PATH_RESPONSE	= 0x1b,
	QUIC_FRAME_CONNECTION_CLOSE	= 0x1c,
	QUIC_FRAME_CONNECTION_CLOSE_APP	= 0x1d,
	QUIC_FRAME_HANDSHAKE_DONE	= 0x1e,
	QUIC_FRAME_DATAGRAM		= 0x30,
	QUIC_FRAME_DATAGRAM_LEN		= 0x31,
};

#define QUIC_STREAM_BIT_FIN	0x01
#define QUIC_STREAM_BIT_LEN	0x02
#define QUIC_STREAM_BIT_OFF	0x04
#define QUIC_STREAM_HDR_MAX	(1 + 8 + 8)	/* bytes, without Length */

struct quic_frame_ack {
	u64 largest;
	u64 delay;		/* as on the wire: scaled by ack_delay_exponent */
	u64 first_range;
	u64 nranges;		/* ranges after the first */
	const u8 *ranges;	/* checked: none reaches below zero */
	u32 ranges_len;
	bool ecn;
	u64 ect0, ect1, ce;
};

/* Walk the ranges of an ACK, highest first. */
struct quic_ack_iter {
	struct quic_cur cur;
	u64 left;
	u64 lo, hi;		/* the range just given, both inclusive */
	bool first;
};

void quic_ack_iter_init(struct quic_ack_iter *it, const struct quic_frame_ack *a);
bool quic_ack_iter_next(struct quic_ack_iter *it, const struct quic_frame_ack *a);

struct quic_frame {
	u64 type;		/* STREAM: 0x08 to 0x0f as received */
	union {
		struct quic_frame_ack ack;
		u32 padding;	/* length of the run of PADDING */
		struct { u64 id, code, final_size; } reset;
		struct { u64 id, code; } stop;
		struct { u64 off; u32 len; const u8 *data; } crypto;
		struct { u32 len; const u8 *data; } token;
		struct { u64 id, off; u32 len; bool fin; const u8 *data; } stream;
		struct { u64 max; } max_data;		/* also DATA_BLOCKED */
		struct { u64 id, max; } max_stream_data; /* also STREAM_DATA_BLOCKED */
		struct { u64 max; bool uni; } max_streams; /* also STREAMS_BLOCKED */
		struct {
			u64 seq, prior_to;
			struct quic_cid cid;
			u8 token[QUIC_RESET_TOKEN_LEN];
		} new_cid;
		struct { u64 seq; } retire_cid;
		struct { u8 data[8]; } path;		/* CHALLENGE and RESPONSE */
		struct { u64 code, frame_type; u32 len; const u8 *phrase; } close;
		struct { u32 len, size; const u8 *data; } datagram;	/* size: of the frame */
	};
};

/*
 * Take one frame off @c (a whole run of PADDING counts as one).
 * 0, or the transport error that the RFC names, a positive number:
 * QUIC_TRANSPORT_ERROR_FRAME_ENCODING, _PROTOCOL_VIOLATION (frame type not in
 * its shortest encoding, RFC 9000 §12.4).  Never mutates anything but @c and
 * @f.  That a packet has a frame at all (§12.4) is for the caller to check, as
 * are the directions that §19.7 and §19.20 forbid.
 */
int quic_frame_parse(struct quic_cur *c, struct quic_frame *f);

/* The rest of a STREAM frame (RFC 9000 §19.8), whose type is in @f; the caller looks at c->bad. */
static inline int quic_frame_parse_stream(struct quic_cur *c, struct quic_frame *f)
{
	u64 len;

	f->stream.id = quic_cur_varint(c);
	f->stream.off = f->type & QUIC_STREAM_BIT_OFF ? quic_cur_varint(c) : 0;
	len = f->type & QUIC_STREAM_BIT_LEN ? quic_cur_varint(c) : quic_cur_left(c);
	f->stream.fin = f->type & QUIC_STREAM_BIT_FIN;
	f->stream.data = quic_cur_take(c, len);
	f->stream.len = f->stream.data ? len : 0;
	/* RFC 9000 §19.8: MUST NOT reach beyond 2^62-1 */
	return f->stream.off + f->stream.len > QUIC_VARINT_MAX ?
	       QUIC_TRANSPORT_ERROR_FRAME_ENCODING : 0;
}

/*
 * RFC 9000 §12.4, table 3: may @type be in a packet of @pkt (enum
 * quic_pkt_type INITIAL, 0RTT, HANDSHAKE, 1RTT)?  If not: PROTOCOL_VIOLATION.
 */
bool quic_frame_allowed(u64 type, int pkt);
/* RFC 9000 §13.2.1, RFC 9002 §2 */
static inline bool quic_frame_ack_eliciting(u64 type)
{
	return type != QUIC_FRAME_PADDING && type != QUIC_FRAME_ACK &&
	       type != QUIC_FRAME_ACK_ECN &&
	       type != QUIC_FRAME_CONNECTION_CLOSE &&
	       type != QUIC_FRAME_CONNECTION_CLOSE_APP;
}

static inline bool quic_frame_is_stream(u64 type)
{
	return type >= QUIC_FRAME_STREAM && type <= 0x0f;
}

/* RFC 9000 §13.2.1 is by packet; probing frames are by §9.1 */
bool quic_frame_probing(u64 type);

/* Headers of the frames that carry data; the data follows.  DATAGRAM: with its length. */
unsigned int quic_frame_stream_hdr_len(u64 id, u64 off, u32 len, bool with_len);
void quic_frame_put_stream_hdr(struct quic_wr *w, u64 id, u64 off, u32 len,
			       bool with_len, bool fin);
/* All of it but Length, with @bits (LEN, FIN) in its type; returns what follows it. */
static inline u8 *quic_frame_write_stream_hdr(u8 *p, u64 id, u64 off, u8 bits)
{
	*p++ = QUIC_FRAME_STREAM | (off ? QUIC_STREAM_BIT_OFF : 0) | bits;
	p = quic_varint_put(p, id);
	return off ? quic_varint_put(p, off) : p;
}

unsigned int quic_frame_crypto_hdr_len(u64 off, u32 len);
void quic_frame_put_crypto_hdr(struct quic_wr *w, u64 off, u32 len);
unsigned int quic_frame_datagram_hdr_len(u32 len);
void quic_frame_put_datagram_hdr(struct quic_wr *w, u32 len);

/*
 * Any other frame but ACK, PADDING and those three, by its struct; sizes are
 * at most QUIC_FRAME_SMALL_MAX except NEW_TOKEN and the CLOSE frames.
 */
#define QUIC_FRAME_SMALL_MAX	64
unsigned int quic_frame_len(const struct quic_frame *f);
void quic_frame_put(struct quic_wr *w, const struct quic_frame *f);

#endif /* _QUIC_FRAME_H */

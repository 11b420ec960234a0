// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Frames: RFC 9000 §19 and RFC 9221 §4.  One frame at a time comes off a
 * cursor into struct quic_frame; nothing is copied but IDs, tokens and path
 * data, and nothing but the cursor and the struct is written to: what a frame
 * means for streams, acknowledgements or the connection's state is decided by
 * conn_rx, which asks quic_frame_allowed() about the packet type first.
 *
 * Invariants: a frame that parsed lies whole inside its packet; an ACK's
 * ranges were all checked; offset + length of STREAM and CRYPTO is at most
 * 2^62-1; stream counts are at most 2^60.
 *
 * Writing goes the other way, through the same struct, for all frames but
 * those whose data is gathered from elsewhere: they have header writers here.
 * Callers: conn_rx, and all that put frames into a packet (pkt.h).
 */
#include "frame.h"
#include "hdr.h"

#define MALFORMED	QUIC_TRANSPORT_ERROR_FRAME_ENCODING

void quic_ack_iter_init(struct quic_ack_iter *it, const struct quic_frame_ack *a)
{
	quic_cur_init(&it->cur, a->ranges, a->ranges_len);
	it->left = a->nranges;
	it->lo = a->largest - a->first_range;
	it->hi = a->largest;
	it->first = true;
}

bool quic_ack_iter_next(struct quic_ack_iter *it, const struct quic_frame_ack *a)
{
	if (it->first) {
		it->first = false;
		return true;
	}
	if (!it->left)
		return false;
	it->left--;
	it->hi = it->lo - quic_cur_varint(&it->cur) - 2;
	it->lo = it->hi - quic_cur_varint(&it->cur);
	return true;
}

/* RFC 9000 §19.3.1: a computed packet number below zero MUST be FRAME_ENCODING_ERROR */
static int parse_ack_ranges(struct quic_cur *c, const struct quic_frame_ack *a)
{
	u64 i, gap, len, lo;

	if (a->first_range > a->largest)
		return MALFORMED;
	lo = a->largest - a->first_range;
	for (i = 0; i < a->nranges && !c->bad; i++) {
		gap = quic_cur_varint(c);
		len = quic_cur_varint(c);
		if (gap + 2 > lo || len > lo - gap - 2)
			return MALFORMED;
		lo -= gap + 2 + len;
	}
	return 0;
}

/* RFC 9000 §19.3 */
static int parse_ack(struct quic_cur *c, struct quic_frame *f)
{
	struct quic_frame_ack *a = &f->ack;
	int err;

	a->largest = quic_cur_varint(c);
	a->delay = quic_cur_varint(c);
	a->nranges = quic_cur_varint(c);
	a->first_range = quic_cur_varint(c);
	a->ranges = c->p;
	err = parse_ack_ranges(c, a);
	if (err)
		return err;
	a->ranges_len = c->p - a->ranges;
	a->ecn = f->type == QUIC_FRAME_ACK_ECN;
	a->ect0 = a->ecn ? quic_cur_varint(c) : 0;
	a->ect1 = a->ecn ? quic_cur_varint(c) : 0;
	a->ce = a->ecn ? quic_cur_varint(c) : 0;
	return 0;
}

/* The @n bytes of data of a frame. */
static const u8 *parse_data(struct quic_cur *c, u64 n, u32 *len)
{
	const u8 *p = quic_cur_take(c, n);

	*len = p ? n : 0;
	return p;
}

/* RFC 9000 §19.6 */
static int parse_crypto(struct quic_cur *c, struct quic_frame *f)
{
	u64 len;

	f->crypto.off = quic_cur_varint(c);
	len = quic_cur_varint(c);
	f->crypto.data = parse_data(c, len, &f->crypto.len);
	/* RFC 9000 §19.6: MUST NOT reach beyond 2^62-1 */
	return f->crypto.off + f->crypto.len > QUIC_VARINT_MAX ? MALFORMED : 0;
}

/* RFC 9000 §19.7: an empty token MUST be FRAME_ENCODING_ERROR */
static int parse_new_token(struct quic_cur *c, struct quic_frame *f)
{
	u64 len = quic_cur_varint(c);

	f->token.data = parse_data(c, len, &f->token.len);
	return f->token.len ? 0 : MALFORMED;
}

/* RFC 9000 §19.11, §19.14: more than 2^60 streams MUST be FRAME_ENCODING_ERROR */
static int parse_max_streams(struct quic_cur *c, struct quic_frame *f)
{
	f->max_streams.max = quic_cur_varint(c);
	f->max_streams.uni = f->type & 1;
	return f->max_streams.max > QUIC_STREAMS_MAX ? MALFORMED : 0;
}

/* RFC 9000 §19.15 */
static int parse_new_cid(struct quic_cur *c, struct quic_frame *f)
{
	struct quic_cid *cid = &f->new_cid.cid;

	f->new_cid.seq = quic_cur_varint(c);
	f->new_cid.prior_to = quic_cur_varint(c);
	cid->len = quic_cur_u8(c);
	/* RFC 9000 §19.15: lengths of 0 and above 20 MUST be FRAME_ENCODING_ERROR */
	if (!cid->len || cid->len > QUIC_CID_MAX)
		return MALFORMED;
	quic_cur_bytes(c, cid->id, cid->len);
	quic_cur_bytes(c, f->new_cid.token, QUIC_RESET_TOKEN_LEN);
	/* RFC 9000 §19.15: Retire Prior To above the sequence number, likewise */
	return f->new_cid.prior_to > f->new_cid.seq ? MALFORMED : 0;
}

/* RFC 9000 §19.19: the application's variant has no Frame Type */
static int parse_close(struct quic_cur *c, struct quic_frame *f)
{
	u64 len;

	f->close.code = quic_cur_varint(c);
	f->close.frame_type = f->type == QUIC_FRAME_CONNECTION_CLOSE ? quic_cur_varint(c) : 0;
	len = quic_cur_varint(c);
	f->close.phrase = parse_data(c, len, &f->close.len);
	return 0;
}

/* RFC 9221 §4 */
static int parse_datagram(struct quic_cur *c, struct quic_frame *f)
{
	const u8 *start = c->p - 1;	/* the type has one byte */
	u64 len = f->type == QUIC_FRAME_DATAGRAM_LEN ? quic_cur_varint(c) : quic_cur_left(c);

	f->datagram.data = parse_data(c, len, &f->datagram.len);
	f->datagram.size = c->p - start;
	return 0;
}

/* RFC 9000 §19.1; the first byte of the run is off the cursor already */
static int parse_padding(struct quic_cur *c, struct quic_frame *f)
{
	const u8 *start = c->p;

	while (c->p < c->end && *c->p == QUIC_FRAME_PADDING)
		c->p++;
	f->padding = c->p - start + 1;
	return 0;
}

/* Frames of one to three integers. */
static int parse_plain(struct quic_cur *c, struct quic_frame *f)
{
	switch (f->type) {
	case QUIC_FRAME_PING:
	case QUIC_FRAME_HANDSHAKE_DONE:
		return 0;
	case QUIC_FRAME_RESET_STREAM:
		f->reset.id = quic_cur_varint(c);
		f->reset.code = quic_cur_varint(c);
		f->reset.final_size = quic_cur_varint(c);
		return 0;
	case QUIC_FRAME_STOP_SENDING:
		f->stop.id = quic_cur_varint(c);
		f->stop.code = quic_cur_varint(c);
		return 0;
	case QUIC_FRAME_MAX_DATA:
	case QUIC_FRAME_DATA_BLOCKED:
		f->max_data.max = quic_cur_varint(c);
		return 0;
	case QUIC_FRAME_MAX_STREAM_DATA:
	case QUIC_FRAME_STREAM_DATA_BLOCKED:
		f->max_stream_data.id = quic_cur_varint(c);
		f->max_stream_data.max = quic_cur_varint(c);
		return 0;
	case QUIC_FRAME_RETIRE_CONNECTION_ID:
		f->retire_cid.seq = quic_cur_varint(c);
		return 0;
	case QUIC_FRAME_PATH_CHALLENGE:
	case QUIC_FRAME_PATH_RESPONSE:
		quic_cur_bytes(c, f->path.data, sizeof(f->path.data));
		return 0;
	}
	/* RFC 9000 §12.4: unknown types MUST be FRAME_ENCODING_ERROR */
	return MALFORMED;
}

static int parse_fields(struct quic_cur *c, struct quic_frame *f)
{
	if (quic_frame_is_stream(f->type))
		return quic_frame_parse_stream(c, f);
	switch (f->type) {
	case QUIC_FRAME_ACK:
	case QUIC_FRAME_ACK_ECN:
		return parse_ack(c, f);
	case QUIC_FRAME_PADDING:
		return parse_padding(c, f);
	case QUIC_FRAME_CRYPTO:
		return parse_crypto(c, f);
	case QUIC_FRAME_NEW_TOKEN:
		return parse_new_token(c, f);
	case QUIC_FRAME_MAX_STREAMS_BIDI:
	case QUIC_FRAME_MAX_STREAMS_UNI:
	case QUIC_FRAME_STREAMS_BLOCKED_BIDI:
	case QUIC_FRAME_STREAMS_BLOCKED_UNI:
		return parse_max_streams(c, f);
	case QUIC_FRAME_NEW_CONNECTION_ID:
		return parse_new_cid(c, f);
	case QUIC_FRAME_CONNECTION_CLOSE:
	case QUIC_FRAME_CONNECTION_CLOSE_APP:
		return parse_close(c, f);
	case QUIC_FRAME_DATAGRAM:
	case QUIC_FRAME_DATAGRAM_LEN:
		return parse_datagram(c, f);
	}
	return parse_plain(c, f);
}

int quic_frame_parse(struct quic_cur *c, struct quic_frame *f)
{
	const u8 *start = c->p;
	int err;

	f->type = quic_cur_varint(c);
	if (c->bad)
		return MALFORMED;
	/* RFC 9000 §12.4: a type longer than need be MAY be PROTOCOL_VIOLATION */
	if (c->p - start != quic_varint_len(f->type))
		return QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION;
	err = parse_fields(c, f);
	return err ? err : c->bad ? MALFORMED : 0;
}

#define I	BIT(QUIC_PKT_INITIAL)
#define H	BIT(QUIC_PKT_HANDSHAKE)
#define Z	BIT(QUIC_PKT_0RTT)
#define O	BIT(QUIC_PKT_1RTT)

/*
 * RFC 9000 §12.4, table 3.  RETIRE_CONNECTION_ID: §12.5 says that it cannot be
 * sent in 0-RTT (the table that it may), and lets us refuse it.
 */
static const u8 allowed[QUIC_FRAME_HANDSHAKE_DONE + 1] = {
	[QUIC_FRAME_PADDING]			= I | H | Z | O,
	[QUIC_FRAME_PING]			= I | H | Z | O,
	[QUIC_FRAME_ACK]			= I | H | O,
	[QUIC_FRAME_ACK_ECN]			= I | H | O,
	[QUIC_FRAME_RESET_STREAM]		= Z | O,
	[QUIC_FRAME_STOP_SENDING]		= Z | O,
	[QUIC_FRAME_CRYPTO]			= I | H | O,
	[QUIC_FRAME_NEW_TOKEN]			= O,
	[QUIC_FRAME_STREAM ... 0x0f]		= Z | O,
	[QUIC_FRAME_MAX_DATA]			= Z | O,
	[QUIC_FRAME_MAX_STREAM_DATA]		= Z | O,
	[QUIC_FRAME_MAX_STREAMS_BIDI]		= Z | O,
	[QUIC_FRAME_MAX_STREAMS_UNI]		= Z | O,
	[QUIC_FRAME_DATA_BLOCKED]		= Z | O,
	[QUIC_FRAME_STREAM_DATA_BLOCKED]	= Z | O,
	[QUIC_FRAME_STREAMS_BLOCKED_BIDI]	= Z | O,
	[QUIC_FRAME_STREAMS_BLOCKED_UNI]	= Z | O,
	[QUIC_FRAME_NEW_CONNECTION_ID]		= Z | O,
	[QUIC_FRAME_RETIRE_CONNECTION_ID]	= O,
	[QUIC_FRAME_PATH_CHALLENGE]		= Z | O,
	[QUIC_FRAME_PATH_RESPONSE]		= O,
	[QUIC_FRAME_CONNECTION_CLOSE]		= I | H | Z | O,
	[QUIC_FRAME_CONNECTION_CLOSE_APP]	= Z | O,
	[QUIC_FRAME_HANDSHAKE_DONE]		= O,
};

bool quic_frame_allowed(u64 type, int pkt)
{
	if (type < ARRAY_SIZE(allowed))
		return allowed[type] & BIT(pkt);
	/* RFC 9221 §5: DATAGRAM MUST be protected with 0-RTT or 1-RTT keys */
	if (type == QUIC_FRAME_DATAGRAM || type == QUIC_FRAME_DATAGRAM_LEN)
		return (Z | O) & BIT(pkt);
	return false;
}

bool quic_frame_probing(u64 type)
{
	/* RFC 9000 §9.1 */
	return type == QUIC_FRAME_PATH_CHALLENGE || type == QUIC_FRAME_PATH_RESPONSE ||
	       type == QUIC_FRAME_NEW_CONNECTION_ID || type == QUIC_FRAME_PADDING;
}

unsigned int quic_frame_stream_hdr_len(u64 id, u64 off, u32 len, bool with_len)
{
	return 1 + quic_varint_len(id) + (off ? quic_varint_len(off) : 0) +
	       (with_len ? quic_varint_len(len) : 0);
}

void quic_frame_put_stream_hdr(struct quic_wr *w, u64 id, u64 off, u32 len,
			       bool with_len, bool fin)
{
	u8 *p = quic_wr_take(w, quic_frame_stream_hdr_len(id, off, len, with_len));

	if (!p)
		return;
	p = quic_frame_write_stream_hdr(p, id, off, (with_len ? QUIC_STREAM_BIT_LEN : 0) |
						    (fin ? QUIC_STREAM_BIT_FIN : 0));
	if (with_len)
		quic_varint_put(p, len);
}

unsigned int quic_frame_crypto_hdr_len(u64 off, u32 len)
{
	return 1 + quic_varint_len(off) + quic_varint_len(len);
}

void quic_frame_put_crypto_hdr(struct quic_wr *w, u64 off, u32 len)
{
	quic_wr_u8(w, QUIC_FRAME_CRYPTO);
	quic_wr_varint(w, off);
	quic_wr_varint(w, len);
}

unsigned int quic_frame_datagram_hdr_len(u32 len)
{
	return 1 + quic_varint_len(len);
}

void quic_frame_put_datagram_hdr(struct quic_wr *w, u32 len)
{
	quic_wr_u8(w, QUIC_FRAME_DATAGRAM_LEN);
	quic_wr_varint(w, len);
}

/* The integers that stand first in a small frame, in their order; how many. */
static unsigned int integer_fields(const struct quic_frame *f, u64 v[3])
{
	switch (f->type) {
	case QUIC_FRAME_RESET_STREAM:
		v[0] = f->reset.id;
		v[1] = f->reset.code;
		v[2] = f->reset.final_size;
		return 3;
	case QUIC_FRAME_STOP_SENDING:
		v[0] = f->stop.id;
		v[1] = f->stop.code;
		return 2;
	case QUIC_FRAME_MAX_DATA:
	case QUIC_FRAME_DATA_BLOCKED:
		v[0] = f->max_data.max;
		return 1;
	case QUIC_FRAME_MAX_STREAM_DATA:
	case QUIC_FRAME_STREAM_DATA_BLOCKED:
		v[0] = f->max_stream_data.id;
		v[1] = f->max_stream_data.max;
		return 2;
	case QUIC_FRAME_MAX_STREAMS_BIDI:
	case QUIC_FRAME_MAX_STREAMS_UNI:
	case QUIC_FRAME_STREAMS_BLOCKED_BIDI:
	case QUIC_FRAME_STREAMS_BLOCKED_UNI:
		v[0] = f->max_streams.max;
		return 1;
	case QUIC_FRAME_NEW_TOKEN:
		v[0] = f->token.len;
		return 1;
	case QUIC_FRAME_NEW_CONNECTION_ID:
		v[0] = f->new_cid.seq;
		v[1] = f->new_cid.prior_to;
		return 2;
	case QUIC_FRAME_RETIRE_CONNECTION_ID:
		v[0] = f->retire_cid.seq;
		return 1;
	case QUIC_FRAME_CONNECTION_CLOSE:
		v[0] = f->close.code;
		v[1] = f->close.frame_type;
		v[2] = f->close.len;
		return 3;
	case QUIC_FRAME_CONNECTION_CLOSE_APP:
		v[0] = f->close.code;
		v[1] = f->close.len;
		return 2;
	}
	return 0;
}

/* Bytes behind the integers. */
static unsigned int tail_len(const struct quic_frame *f)
{
	switch (f->type) {
	case QUIC_FRAME_NEW_TOKEN:
		return f->token.len;
	case QUIC_FRAME_NEW_CONNECTION_ID:
		return 1 + f->new_cid.cid.len + QUIC_RESET_TOKEN_LEN;
	case QUIC_FRAME_PATH_CHALLENGE:
	case QUIC_FRAME_PATH_RESPONSE:
		return sizeof(f->path.data);
	case QUIC_FRAME_CONNECTION_CLOSE:
	case QUIC_FRAME_CONNECTION_CLOSE_APP:
		return f->close.len;
	}
	return 0;
}

static void put_tail(struct quic_wr *w, const struct quic_frame *f)
{
	switch (f->type) {
	case QUIC_FRAME_NEW_TOKEN:
		quic_wr_bytes(w, f->token.data, f->token.len);
		break;
	case QUIC_FRAME_NEW_CONNECTION_ID:
		quic_wr_u8(w, f->new_cid.cid.len);
		quic_wr_bytes(w, f->new_cid.cid.id, f->new_cid.cid.len);
		quic_wr_bytes(w, f->new_cid.token, QUIC_RESET_TOKEN_LEN);
		break;
	case QUIC_FRAME_PATH_CHALLENGE:
	case QUIC_FRAME_PATH_RESPONSE:
		quic_wr_bytes(w, f->path.data, sizeof(f->path.data));
		break;
	case QUIC_FRAME_CONNECTION_CLOSE:
	case QUIC_FRAME_CONNECTION_CLOSE_APP:
		quic_wr_bytes(w, f->close.phrase, f->close.len);
		break;
	}
}

unsigned int quic_frame_len(const struct quic_frame *f)
{
	u64 v[3];
	unsigned int n = integer_fields(f, v);
	unsigned int len = quic_varint_len(f->type) + tail_len(f);

	while (n--)
		len += quic_varint_len(v[n]);
	return len;
}

void quic_frame_put(struct quic_wr *w, const struct quic_frame *f)
{
	u64 v[3];
	unsigned int i, n = integer_fields(f, v);

	quic_wr_varint(w, f->type);
	for (i = 0; i < n; i++)
		quic_wr_varint(w, v[i]);
	put_tail(w, f);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the core tells while quic_tracing is on, as tracepoints.  The key counts
 * the tracepoints that are on; when none is, each place that would tell is a
 * no-op in the instruction stream.
 *
 * The fields of quic_frame: STREAM id, off, len, fin; CRYPTO off, len; ACK off
 * (lowest) and len of a range, id the delay in microseconds, an event for each
 * range; MAX_DATA, MAX_STREAMS and *_BLOCKED off (the limit); MAX_STREAM_DATA
 * and STREAM_DATA_BLOCKED id, off; RESET_STREAM id, len (code), off (final
 * size); STOP_SENDING id, len (code); connection IDs id (number); CLOSE id
 * (code), off (frame at fault); the rest len.  Of a packet that was sent only
 * what its record has: PADDING is missing.
 */
#define CREATE_TRACE_POINTS
#include "trace.h"

DEFINE_STATIC_KEY_FALSE(quic_tracing);

int quic_trace_reg(void)
{
	static_branch_inc(&quic_tracing);
	return 0;
}

void quic_trace_unreg(void)
{
	static_branch_dec(&quic_tracing);
}

static u64 number(void *priv)
{
	return quic_sk(priv)->number;
}

/* What is generic of a frame */
struct view {
	u8 type;
	bool fin;
	u64 id, off, len;
};

static void tell_frame(void *priv, bool sent, u8 level, u64 pn, const struct view *v)
{
	trace_quic_frame(number(priv), sent, level, pn, v->type, v->id, v->off, v->len, v->fin);
}

static void tell_ack(void *priv, bool sent, u8 level, u64 pn, const struct quic_frame *f)
{
	const struct quic_conn *c = &quic_sk(priv)->conn;
	u8 shift = sent ? c->local_tp.ack_delay_exponent : c->peer_tp.ack_delay_exponent;
	struct view v = { .type = QUIC_FRAME_ACK, .id = f->ack.delay << shift };
	struct quic_ack_iter it;

	quic_ack_iter_init(&it, &f->ack);
	while (quic_ack_iter_next(&it, &f->ack)) {
		v.off = it.lo;
		v.len = it.hi - it.lo + 1;
		tell_frame(priv, sent, level, pn, &v);
	}
}

/* ---- received ---- */

static void view_flow(const struct quic_frame *f, struct view *v)
{
	switch (f->type) {
	case QUIC_FRAME_MAX_DATA:
	case QUIC_FRAME_DATA_BLOCKED:
		v->off = f->max_data.max;
		break;
	case QUIC_FRAME_MAX_STREAM_DATA:
	case QUIC_FRAME_STREAM_DATA_BLOCKED:
		v->id = f->max_stream_data.id;
		v->off = f->max_stream_data.max;
		break;
	case QUIC_FRAME_MAX_STREAMS_BIDI:
	case QUIC_FRAME_MAX_STREAMS_UNI:
	case QUIC_FRAME_STREAMS_BLOCKED_BIDI:
	case QUIC_FRAME_STREAMS_BLOCKED_UNI:
		v->off = f->max_streams.max;
		break;
	case QUIC_FRAME_RESET_STREAM:
		v->id = f->reset.id;
		v->off = f->reset.final_size;
		v->len = f->reset.code;
		break;
	case QUIC_FRAME_STOP_SENDING:
		v->id = f->stop.id;
		v->len = f->stop.code;
		break;
	}
}

static void view_other(const struct quic_frame *f, struct view *v)
{
	switch (f->type) {
	case QUIC_FRAME_PADDING:
		v->len = f->padding;
		break;
	case QUIC_FRAME_CRYPTO:
		v->off = f->crypto.off;
		v->len = f->crypto.len;
		break;
	case QUIC_FRAME_NEW_TOKEN:
		v->len = f->token.len;
		break;
	case QUIC_FRAME_NEW_CONNECTION_ID:
		v->id = f->new_cid.seq;
		v->off = f->new_cid.prior_to;
		break;
	case QUIC_FRAME_RETIRE_CONNECTION_ID:
		v->id = f->retire_cid.seq;
		break;
	case QUIC_FRAME_CONNECTION_CLOSE:
	case QUIC_FRAME_CONNECTION_CLOSE_APP:
		v->id = f->close.code;
		v->off = f->close.frame_type;
		break;
	case QUIC_FRAME_DATAGRAM:
	case QUIC_FRAME_DATAGRAM_LEN:
		v->type = QUIC_FRAME_DATAGRAM;
		v->len = f->datagram.len;
		break;
	default:
		view_flow(f, v);
	}
}

static void frame(void *priv, u8 level, u64 pn, const struct quic_frame *f)
{
	struct view v = { .type = f->type };

	if (f->type == QUIC_FRAME_ACK || f->type == QUIC_FRAME_ACK_ECN) {
		tell_ack(priv, false, level, pn, f);
		return;
	}
	if (quic_frame_is_stream(f->type)) {
		v.type = QUIC_FRAME_STREAM;
		v.id = f->stream.id;
		v.off = f->stream.off;
		v.len = f->stream.len;
		v.fin = f->stream.fin;
	} else {
		view_other(f, &v);
	}
	tell_frame(priv, false, level, pn, &v);
}

static void received(void *priv, u8 level, u64 pn, u32 len)
{
	trace_quic_packet_received(number(priv), level, pn, len);
}

/* ---- sent ---- */

static const u8 item_frame[] = {
	[QUIC_ITEM_PING]		= QUIC_FRAME_PING,
	[QUIC_ITEM_CRYPTO]		= QUIC_FRAME_CRYPTO,
	[QUIC_ITEM_STREAM]		= QUIC_FRAME_STREAM,
	[QUIC_ITEM_RESET_STREAM]	= QUIC_FRAME_RESET_STREAM,
	[QUIC_ITEM_STOP_SENDING]	= QUIC_FRAME_STOP_SENDING,
	[QUIC_ITEM_MAX_DATA]		= QUIC_FRAME_MAX_DATA,
	[QUIC_ITEM_MAX_STREAM_DATA]	= QUIC_FRAME_MAX_STREAM_DATA,
	[QUIC_ITEM_MAX_STREAMS]		= QUIC_FRAME_MAX_STREAMS_BIDI,
	[QUIC_ITEM_NEW_CID]		= QUIC_FRAME_NEW_CONNECTION_ID,
	[QUIC_ITEM_RETIRE_CID]		= QUIC_FRAME_RETIRE_CONNECTION_ID,
	[QUIC_ITEM_NEW_TOKEN]		= QUIC_FRAME_NEW_TOKEN,
	[QUIC_ITEM_HANDSHAKE_DONE]	= QUIC_FRAME_HANDSHAKE_DONE,
	[QUIC_ITEM_PATH]		= QUIC_FRAME_PATH_CHALLENGE,
	[QUIC_ITEM_DATAGRAM]		= QUIC_FRAME_DATAGRAM,
	[QUIC_ITEM_MTU]			= QUIC_FRAME_PING,
};

static void sent_item(void *priv, u8 level, u64 pn, const struct quic_sent_item *it)
{
	struct view v = { .id = it->id, .off = it->off, .len = it->len, .fin = it->fin };

	if (it->type == QUIC_ITEM_BLOCKED) {
		v.type = it->id;
		v.id = it->id == QUIC_FRAME_STREAM_DATA_BLOCKED ? it->off : 0;
	} else {
		v.type = item_frame[it->type] + (it->type == QUIC_ITEM_MAX_STREAMS ? it->id : 0);
	}
	tell_frame(priv, true, level, pn, &v);
}

/* An ACK is the first frame of a packet, whole in the scratch. */
static void sent_ack(void *priv, u8 level, u64 pn, const struct quic_pkt *p)
{
	struct quic_frame f;
	struct quic_cur cur;

	quic_cur_init(&cur, p->scratch, p->used);
	if (!quic_frame_parse(&cur, &f) &&
	    (f.type == QUIC_FRAME_ACK || f.type == QUIC_FRAME_ACK_ECN))
		tell_ack(priv, true, level, pn, &f);
}

static void sent_close(void *priv, u8 level, u64 pn)
{
	const struct quic_close *cl = &quic_sk(priv)->conn.close;
	struct view v = {
		.type = cl->app ? QUIC_FRAME_CONNECTION_CLOSE_APP : QUIC_FRAME_CONNECTION_CLOSE,
		.id = cl->code, .off = cl->frame_type,
	};

	tell_frame(priv, true, level, pn, &v);
}

static void sent(void *priv, u8 level, u64 pn, u32 len, const struct quic_pkt *p)
{
	unsigned int i;

	trace_quic_packet_sent(number(priv), level, pn, len);
	if (!trace_quic_frame_enabled())
		return;
	for (i = 0; i < p->nitem; i++) {
		if (p->item[i].type == QUIC_ITEM_ACK)
			sent_ack(priv, level, pn, p);
		else
			sent_item(priv, level, pn, &p->item[i]);
	}
	if (!p->nitem)
		sent_close(priv, level, pn);
}

static void lost(void *priv, enum quic_space_id sp, u64 pn, u32 len)
{
	static const u8 level[] = {
		[QUIC_SPACE_INITIAL]	= QUIC_CRYPTO_INITIAL,
		[QUIC_SPACE_HANDSHAKE]	= QUIC_CRYPTO_HANDSHAKE,
		[QUIC_SPACE_APP]	= QUIC_CRYPTO_APP,
	};

	trace_quic_packet_lost(number(priv), level[sp], pn, len);
}

const struct quic_trace_ops quic_trace_conn_ops = {
	.sent		= sent,
	.received	= received,
	.frame		= frame,
	.lost		= lost,
};

/* ---- from the kernel side ---- */

static void get_addr(struct quic_sock *qs, const struct quic_addr *a, struct sockaddr_in6 *to)
{
	memset(to, 0, sizeof(*to));
	quic_addr_to_user(quic_sock_sk(qs), a, (struct sockaddr *)to);
}

void quic_trace_state(struct quic_sock *qs)
{
	struct sockaddr_in6 local, remote;

	if (!trace_quic_state_enabled())
		return;
	get_addr(qs, &qs->conn.path.local, &local);
	get_addr(qs, &qs->conn.path.remote, &remote);
	trace_quic_state(qs, &local, &remote);
}

void quic_trace_path(struct quic_sock *qs, bool by_us)
{
	struct sockaddr_in6 local, remote;

	if (!trace_quic_path_enabled())
		return;
	get_addr(qs, &qs->conn.path.local, &local);
	get_addr(qs, &qs->conn.path.remote, &remote);
	trace_quic_path(qs->number, by_us, &local, &remote);
}

void quic_trace_metrics(struct quic_sock *qs)
{
	if (qs->conn.state == QUIC_CONN_HANDSHAKE || qs->conn.state == QUIC_CONN_ESTABLISHED)
		trace_quic_metrics(qs->number, &qs->conn);
}

void quic_trace_dropped(struct quic_sock *qs, enum quic_mib why)
{
	if (why >= QUIC_MIB_DROP_HEADER && why <= QUIC_MIB_DROP_PATH)
		trace_quic_packet_dropped(qs->number, why);
}

void quic_trace_key(struct quic_sock *qs, u8 level, bool send, bool update)
{
	trace_quic_key(qs->number, level, send, update, qs->conn.keys.phase);
}

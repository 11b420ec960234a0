// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The two state machines of a stream, RFC 9000 §3, and what can be told from
 * a stream alone.  What needs the connection's view (limits, flow control,
 * queues) is in streams.c, stream_rx.c and stream_tx.c, which alone make the
 * moves.  Under the connection's lock.
 *
 *   sending (§3.1)                           receiving (§3.2)
 *
 *   Ready --RESET-------.                    Recv --RESET-------.
 *     | SEND            |                      | FIN            |
 *   Send ---RESET-----. |                    Size Known -RESET. |
 *     | FIN           v v                      | ALL          v v
 *   Data Sent -RESET-> Reset Sent            Data Recvd      Reset Recvd
 *     | ACKED           | RESET_ACKED          | READ           | RESET_READ
 *   Data Recvd        Reset Recvd            Data Read        Reset Read
 *
 * The optional moves between "Data Recvd" and "Reset Recvd" of the receiving
 * part are not made: a RESET_STREAM after all data is suppressed (§3.2).
 * REWIND leads from Ready, Send and Data Sent to Ready.
 */
#include "stream.h"

#define NONE	0xff
#define SND(s)	QUIC_STREAM_SEND_STATE_##s
#define RCV(s)	QUIC_STREAM_RECV_STATE_##s
#define RCV_BASE	RCV(RECV)
#define RCV_STATES	(RCV(RESET_READ) - RCV_BASE + 1)

static const u8 snd_moves[SND(RESET_RECVD) + 1][QUIC_SND_MOVES] = {
	/*		  SEND	     FIN	RESET		 ACKED	     RESET_ACKED       REWIND */
	[SND(READY)] =	{ SND(SEND), NONE,	SND(RESET_SENT), NONE,	     NONE,	       SND(READY) },
	[SND(SEND)] =	{ NONE,	     SND(SENT),	SND(RESET_SENT), NONE,	     NONE,	       SND(READY) },
	[SND(SENT)] =	{ NONE,	     NONE,	SND(RESET_SENT), SND(RECVD), NONE,	       SND(READY) },
	[SND(RECVD)] =	{ NONE,	     NONE,	NONE,		 NONE,	     NONE,	       NONE },
	[SND(RESET_SENT)] = { NONE,  NONE,	NONE,		 NONE,	     SND(RESET_RECVD), NONE },
	[SND(RESET_RECVD)] = { NONE, NONE,	NONE,		 NONE,	     NONE,	       NONE },
};

static const u8 rcv_moves[RCV_STATES][QUIC_RCV_MOVES] = {
	/*		FIN		 ALL	     RESET	       READ	  RESET_READ */
	[RCV(RECV) - RCV_BASE] =
		      { RCV(SIZE_KNOWN), NONE,	     RCV(RESET_RECVD), NONE,	  NONE },
	[RCV(SIZE_KNOWN) - RCV_BASE] =
		      { NONE,		 RCV(RECVD), RCV(RESET_RECVD), NONE,	  NONE },
	[RCV(RECVD) - RCV_BASE] =
		      { NONE,		 NONE,	     NONE,	       RCV(READ), NONE },
	[RCV(READ) - RCV_BASE] =
		      { NONE,		 NONE,	     NONE,	       NONE,	  NONE },
	[RCV(RESET_RECVD) - RCV_BASE] =
		      { NONE,		 NONE,	     NONE,	       NONE,	  RCV(RESET_READ) },
	[RCV(RESET_READ) - RCV_BASE] =
		      { NONE,		 NONE,	     NONE,	       NONE,	  NONE },
};

int quic_stream_snd_next(u8 state, enum quic_snd_move move)
{
	u8 next = NONE;

	if (state <= SND(RESET_RECVD) && move < QUIC_SND_MOVES)
		next = snd_moves[state][move];
	return next == NONE ? -1 : next;
}

int quic_stream_rcv_next(u8 state, enum quic_rcv_move move)
{
	u8 next = NONE;

	if (state >= RCV_BASE && state <= RCV(RESET_READ) && move < QUIC_RCV_MOVES)
		next = rcv_moves[state - RCV_BASE][move];
	return next == NONE ? -1 : next;
}

void quic_stream_snd_move(struct quic_stream *s, enum quic_snd_move move)
{
	int next = quic_stream_snd_next(s->snd_state, move);

	if (!WARN_ON_ONCE(next < 0))
		s->snd_state = next;
}

void quic_stream_rcv_move(struct quic_stream *s, enum quic_rcv_move move)
{
	int next = quic_stream_rcv_next(s->rcv_state, move);

	if (!WARN_ON_ONCE(next < 0))
		s->rcv_state = next;
}

struct quic_stream *quic_stream_new(u64 id, bool has_snd, bool has_rcv, gfp_t gfp)
{
	struct quic_stream *s = kzalloc(sizeof(*s), gfp | __GFP_NOWARN);

	if (!s)
		return NULL;
	s->id = id;
	INIT_HLIST_NODE(&s->hash);
	INIT_LIST_HEAD(&s->ready);
	INIT_LIST_HEAD(&s->ctl);
	INIT_LIST_HEAD(&s->readable);
	s->has_snd = has_snd;
	s->has_rcv = has_rcv;
	s->snd_state = SND(READY);
	s->rcv_state = RCV(RECV);
	s->blocked_at = QUIC_STREAM_NO_LIMIT;
	s->final_size = QUIC_STREAM_NO_SIZE;
	quic_sendbuf_init(&s->snd);
	quic_recvbuf_init(&s->rcv);
	return s;
}

void quic_stream_free(struct quic_stream *s)
{
	quic_sendbuf_free(&s->snd);
	quic_recvbuf_free(&s->rcv);
	kfree(s);
}

bool quic_stream_has_input(const struct quic_stream *s)
{
	return quic_recvbuf_readable(&s->rcv) || s->rcv_state == RCV(RECVD);
}

bool quic_stream_at_fin(const struct quic_stream *s, u64 n)
{
	return s->rcv_state == RCV(RECVD) && s->rcv.read_off + n == s->final_size;
}

bool quic_stream_is_closed(const struct quic_stream *s)
{
	bool snd = !s->has_snd || s->snd_state == SND(RECVD) ||
		   s->snd_state == SND(RESET_RECVD);
	bool rcv = !s->has_rcv || s->rcv_state == RCV(READ) ||
		   s->rcv_state == RCV(RESET_READ);

	return snd && rcv;
}

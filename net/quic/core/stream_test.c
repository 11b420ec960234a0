// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of the two state machines (RFC 9000 §3.1, §3.2), exhaustively: every
 * state and move, against the arrows of the RFC's figures written down here a
 * second time.
 */
#include <kunit/test.h>
#include "stream.h"

#define SND(s)	QUIC_STREAM_SEND_STATE_##s
#define RCV(s)	QUIC_STREAM_RECV_STATE_##s

struct arrow {
	u8 from, move, to;
};

/* RFC 9000 §3.1, figure 2 */
static const struct arrow snd_arrows[] = {
	{ SND(READY),	   QUIC_SND_SEND,	 SND(SEND) },
	{ SND(READY),	   QUIC_SND_RESET,	 SND(RESET_SENT) },
	{ SND(SEND),	   QUIC_SND_FIN,	 SND(SENT) },
	{ SND(SEND),	   QUIC_SND_RESET,	 SND(RESET_SENT) },
	{ SND(SENT),	   QUIC_SND_ACKED,	 SND(RECVD) },
	{ SND(SENT),	   QUIC_SND_RESET,	 SND(RESET_SENT) },
	{ SND(RESET_SENT), QUIC_SND_RESET_ACKED, SND(RESET_RECVD) },
	/* RFC 9001 §4.6.2 */
	{ SND(READY),	   QUIC_SND_REWIND,	 SND(READY) },
	{ SND(SEND),	   QUIC_SND_REWIND,	 SND(READY) },
	{ SND(SENT),	   QUIC_SND_REWIND,	 SND(READY) },
};

/* RFC 9000 §3.2, figure 3, without the optional arrows */
static const struct arrow rcv_arrows[] = {
	{ RCV(RECV),	    QUIC_RCV_FIN,	 RCV(SIZE_KNOWN) },
	{ RCV(RECV),	    QUIC_RCV_RESET,	 RCV(RESET_RECVD) },
	{ RCV(SIZE_KNOWN),  QUIC_RCV_ALL,	 RCV(RECVD) },
	{ RCV(SIZE_KNOWN),  QUIC_RCV_RESET,	 RCV(RESET_RECVD) },
	{ RCV(RECVD),	    QUIC_RCV_READ,	 RCV(READ) },
	{ RCV(RESET_RECVD), QUIC_RCV_RESET_READ, RCV(RESET_READ) },
};

static int find_arrow(const struct arrow *a, u32 n, u8 from, u8 move)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (a[i].from == from && a[i].move == move)
			return a[i].to;
	return -1;
}

static void snd_moves(struct kunit *test)
{
	u32 state, move;

	for (state = 0; state < 256; state++)
		for (move = 0; move <= QUIC_SND_MOVES; move++)
			KUNIT_EXPECT_EQ_MSG(test, quic_stream_snd_next(state, move),
					    find_arrow(snd_arrows, ARRAY_SIZE(snd_arrows),
						       state, move),
					    "state %u, move %u", state, move);
}

static void rcv_moves(struct kunit *test)
{
	u32 state, move;

	for (state = 0; state < 256; state++)
		for (move = 0; move <= QUIC_RCV_MOVES; move++)
			KUNIT_EXPECT_EQ_MSG(test, quic_stream_rcv_next(state, move),
					    find_arrow(rcv_arrows, ARRAY_SIZE(rcv_arrows),
						       state, move),
					    "state %u, move %u", state, move);
}

static struct quic_stream *new_stream(struct kunit *test, bool has_snd, bool has_rcv)
{
	struct quic_stream *s = quic_stream_new(4, has_snd, has_rcv, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	return s;
}

static void fresh(struct kunit *test)
{
	struct quic_stream *s = new_stream(test, true, true);

	KUNIT_EXPECT_EQ(test, s->id, 4ULL);
	KUNIT_EXPECT_EQ(test, (int)s->snd_state, (int)SND(READY));
	KUNIT_EXPECT_EQ(test, (int)s->rcv_state, (int)RCV(RECV));
	KUNIT_EXPECT_TRUE(test, quic_stream_writable(s));
	KUNIT_EXPECT_FALSE(test, quic_stream_has_input(s));
	KUNIT_EXPECT_FALSE(test, quic_stream_at_fin(s, 0));
	quic_stream_snd_move(s, QUIC_SND_SEND);
	quic_stream_rcv_move(s, QUIC_RCV_RESET);
	KUNIT_EXPECT_EQ(test, (int)s->snd_state, (int)SND(SEND));
	KUNIT_EXPECT_EQ(test, (int)s->rcv_state, (int)RCV(RESET_RECVD));
	quic_stream_free(s);
	/* a peer may open many: the size is part of the design */
	KUNIT_EXPECT_LE(test, sizeof(*s), (size_t)512);
}

/* RFC 9000 §3.4: closed when each part that there is, is in a terminal state */
static void closed(struct kunit *test)
{
	struct quic_stream *both = new_stream(test, true, true);
	struct quic_stream *snd = new_stream(test, true, false);
	struct quic_stream *rcv = new_stream(test, false, true);
	bool snd_over, rcv_over;
	u8 a, b;

	for (a = SND(READY); a <= SND(RESET_RECVD); a++) {
		for (b = RCV(RECV); b <= RCV(RESET_READ); b++) {
			snd_over = a == SND(RECVD) || a == SND(RESET_RECVD);
			rcv_over = b == RCV(READ) || b == RCV(RESET_READ);
			both->snd_state = snd->snd_state = rcv->snd_state = a;
			both->rcv_state = snd->rcv_state = rcv->rcv_state = b;
			KUNIT_EXPECT_EQ(test, quic_stream_is_closed(both), snd_over && rcv_over);
			KUNIT_EXPECT_EQ(test, quic_stream_is_closed(snd), snd_over);
			KUNIT_EXPECT_EQ(test, quic_stream_is_closed(rcv), rcv_over);
		}
	}
	KUNIT_EXPECT_FALSE(test, quic_stream_writable(rcv));
	quic_stream_free(both);
	quic_stream_free(snd);
	quic_stream_free(rcv);
}

static struct kunit_case stream_cases[] = {
	KUNIT_CASE(snd_moves),
	KUNIT_CASE(rcv_moves),
	KUNIT_CASE(fresh),
	KUNIT_CASE(closed),
	{}
};

static struct kunit_suite stream_suite = {
	.name = "stream",
	.test_cases = stream_cases,
};
kunit_test_suite(stream_suite);

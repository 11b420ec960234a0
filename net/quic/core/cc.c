// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Congestion control: bytes in flight, recovery periods and the question
 * whether the window was in use; RFC 9002 §7 and appendix B.
 *
 *	  slow start --loss, CE--> recovery --ACK of a packet sent in it-->
 *	  congestion avoidance --loss, CE--> recovery ...
 *	  persistent congestion: back to slow start, with the minimum window
 *
 * Invariant: in_flight is the sum of the sizes of all tracked packets that
 * are IN_FLIGHT and neither ACKED nor LOST, over all spaces (loss.c keeps it).
 * What the window does inside a state is the algorithm's (cc_reno.c,
 * cc_cubic.c); slow start is common to both (cc_hystart.c).
 *
 * Whether the window limits the sender is read off in_flight's peak over the
 * last two rounds rather than off one instant, so that neither pacing nor the
 * beat of delayed ACKs looks like an idle application.  An idle period keeps
 * the window (pacing spreads what follows it) but not the peak: the window
 * has to be filled again before it grows.
 *
 * Called by loss.c under the connection's lock.
 */
#include "cc.h"

static const struct quic_cc_ops *const algos[QUIC_CONG_ALG_MAX] = {
	[QUIC_CONG_ALG_RENO]	= &quic_cc_reno,
	[QUIC_CONG_ALG_CUBIC]	= &quic_cc_cubic,
};

/* RFC 9002 §7.2: ten packets, limited to the larger of 14720 bytes and two packets */
static u64 initial_window(u32 mss)
{
	return min_t(u64, (u64)QUIC_CC_INITIAL_WINDOW * mss, max_t(u64, 14720, 2ULL * mss));
}

void quic_cc_init(struct quic_cc *cc, u8 algo, u32 mss)
{
	memset(cc, 0, sizeof(*cc));
	cc->ops = algos[algo < QUIC_CONG_ALG_MAX ? algo : QUIC_CONG_ALG_RENO];
	cc->mss = mss;
	cc->cwnd = initial_window(mss);
	cc->ssthresh = U64_MAX;
	quic_cc_hystart_init(cc);
}

void quic_cc_set_mss(struct quic_cc *cc, u32 mss)
{
	/* RFC 9002 §7.2: the initial window SHOULD be recalculated with the new size */
	bool initial = cc->ssthresh == U64_MAX && cc->cwnd == initial_window(cc->mss);

	cc->mss = mss;
	if (initial)
		cc->cwnd = initial_window(mss);
	cc->cwnd = max(cc->cwnd, quic_cc_min_window(cc));
}

void quic_cc_sent(struct quic_cc *cc, u32 bytes)
{
	if (!cc->in_flight) {
		cc->peak = 0;
		cc->last_peak = 0;
	}
	cc->in_flight += bytes;
	cc->peak = max(cc->peak, cc->in_flight);
}

void quic_cc_discard(struct quic_cc *cc, u64 bytes)
{
	if (WARN_ON_ONCE(bytes > cc->in_flight))
		bytes = cc->in_flight;
	cc->in_flight -= bytes;
}

/*
 * RFC 9002 §7.8: the window SHOULD NOT grow while it is underutilized.  Slow
 * start doubles, so half of it in use is full use one round later.
 */
static bool window_used(const struct quic_cc *cc)
{
	u64 peak = max(cc->peak, cc->last_peak);

	if (quic_cc_in_slow_start(cc))
		return 2 * peak >= cc->cwnd;
	return peak + cc->cwnd / 8 + 2 * cc->mss >= cc->cwnd;
}

static void new_round(struct quic_cc *cc, u64 next_pn)
{
	cc->round_end = next_pn;
	cc->last_peak = cc->peak;
	cc->peak = cc->in_flight;
	quic_cc_hystart_round(cc);
}

void quic_cc_acked(struct quic_cc *cc, const struct quic_cc_ack *a)
{
	bool used = window_used(cc);

	quic_cc_discard(cc, a->bytes);
	cc->delivered += a->bytes;
	/*
	 * RFC 9002 §7.3.2: no change of the window in recovery; @fresh was
	 * counted before this ACK's own losses may have begun a new one.
	 */
	if (a->fresh && cc->recovery_start < a->now) {
		cc->prior = 0;
		if (used)
			cc->ops->ack(cc, a);
	}
	if (a->largest_acked >= cc->round_end)
		new_round(cc, a->next_pn);
}

static void congestion_event(struct quic_cc *cc, u64 sent_time, u64 now)
{
	/* RFC 9002 §7.3.2: at most one reduction per round trip */
	if (cc->recovery_start && sent_time <= cc->recovery_start)
		return;
	cc->recovery_start = now;
	cc->prior = min_t(u64, cc->cwnd, U32_MAX);
	cc->hs.done = true;	/* RFC 9406 §4.2: loss or ECN ends it for good, §4.3 */
	cc->events++;
	cc->ops->congestion(cc);
}

void quic_cc_lost(struct quic_cc *cc, u64 bytes, u64 newest_sent, bool persistent, u64 now)
{
	quic_cc_discard(cc, bytes);
	congestion_event(cc, newest_sent, now);
	if (!persistent)
		return;
	/* RFC 9002 §7.6.2: MUST be reduced to the minimum congestion window */
	cc->cwnd = quic_cc_min_window(cc);
	cc->recovery_start = 0;
	cc->prior = 0;
	cc->ops->persistent(cc);
}

/* RFC 9002 §7.1: an increase of the peer's CE count is a congestion event. */
void quic_cc_ce(struct quic_cc *cc, u64 sent_time, u64 now)
{
	congestion_event(cc, sent_time, now);
}

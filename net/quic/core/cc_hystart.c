// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Slow start with HyStart++, RFC 9406, in the first slow start; plain slow
 * start (RFC 9002 §7.3.1) in later ones.
 *
 *	slow start --RTT of the round up by an eighth--> conservative slow start
 *	   ^                                               |          |
 *	   +------------RTT below its baseline again-------+   five rounds
 *	                                                              v
 *	                                            congestion avoidance
 *
 * The sender is paced, so L is infinite (§4.3): an ACK counts in full.
 * Called by cc.c (rounds) and by the algorithms' ack().
 */
#include "cc.h"

/* RFC 9406 §4.3 */
#define MIN_RTT_THRESH		(4 * QUIC_NSEC_PER_MSEC)
#define MAX_RTT_THRESH		(16 * QUIC_NSEC_PER_MSEC)
#define MIN_RTT_DIVISOR		8
#define N_RTT_SAMPLE		8
#define CSS_GROWTH_DIVISOR	4
#define CSS_ROUNDS		5

void quic_cc_hystart_init(struct quic_cc *cc)
{
	memset(&cc->hs, 0, sizeof(cc->hs));
	cc->hs.last_min_rtt = U64_MAX;
	cc->hs.cur_min_rtt = U64_MAX;
	cc->hs.css_baseline_rtt = U64_MAX;
}

/* RFC 9406 §4.2: CSS lasts at most CSS_ROUNDS rounds, a partial one counts. */
void quic_cc_hystart_round(struct quic_cc *cc)
{
	struct quic_cc_hystart *hs = &cc->hs;

	if (hs->done)
		return;
	hs->last_min_rtt = hs->cur_min_rtt;
	hs->cur_min_rtt = U64_MAX;
	hs->samples = 0;
	if (hs->css && ++hs->css_rounds >= CSS_ROUNDS) {
		hs->done = true;
		cc->ssthresh = cc->cwnd;
	}
}

static void check_delay(struct quic_cc_hystart *hs)
{
	u64 thresh;

	if (hs->samples < N_RTT_SAMPLE || hs->last_min_rtt == U64_MAX)
		return;
	thresh = clamp_t(u64, hs->last_min_rtt / MIN_RTT_DIVISOR, MIN_RTT_THRESH, MAX_RTT_THRESH);
	if (hs->cur_min_rtt < hs->last_min_rtt + thresh)
		return;
	hs->css_baseline_rtt = hs->cur_min_rtt;
	hs->css = true;
	hs->css_rounds = 0;
}

/* The exit was spurious if the RTT fell below what it was then. */
static void check_spurious(struct quic_cc_hystart *hs)
{
	if (hs->samples < N_RTT_SAMPLE || hs->cur_min_rtt >= hs->css_baseline_rtt)
		return;
	hs->css_baseline_rtt = U64_MAX;
	hs->css = false;
}

u64 quic_cc_hystart_growth(struct quic_cc *cc, const struct quic_cc_ack *a)
{
	struct quic_cc_hystart *hs = &cc->hs;
	u64 growth = hs->css && !hs->done ? a->fresh / CSS_GROWTH_DIVISOR : a->fresh;

	growth = min(growth, cc->ssthresh - cc->cwnd);
	if (hs->done || !a->rtt_latest)
		return growth;
	hs->cur_min_rtt = min(hs->cur_min_rtt, a->rtt_latest);
	hs->samples++;
	if (hs->css)
		check_spurious(hs);
	else
		check_delay(hs);
	return growth;
}

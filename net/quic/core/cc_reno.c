// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * NewReno, RFC 9002 §7.3 and appendix B: additive increase of one packet per
 * window acknowledged, multiplicative decrease to one half.
 *
 * The increase counts bytes (RFC 3465 §2.1), which loses nothing to integer
 * division.  Called through quic_cc_ops by cc.c.
 */
#include "cc.h"

/* RFC 9002 §7.3.3: at most one maximum datagram size for each window acknowledged */
static void reno_avoid(struct quic_cc *cc, u64 bytes)
{
	cc->reno.acked += bytes;
	while (cc->reno.acked >= cc->cwnd) {
		cc->reno.acked -= cc->cwnd;
		cc->cwnd += cc->mss;
	}
}

static void reno_ack(struct quic_cc *cc, const struct quic_cc_ack *a)
{
	if (quic_cc_in_slow_start(cc))
		cc->cwnd += quic_cc_hystart_growth(cc, a);
	else
		reno_avoid(cc, a->fresh);
}

/* RFC 9002 §7.3.2: MUST set the slow start threshold to half of the window */
static void reno_congestion(struct quic_cc *cc)
{
	cc->ssthresh = cc->cwnd / 2;
	cc->cwnd = max(cc->ssthresh, quic_cc_min_window(cc));
	cc->reno.acked = 0;
}

static void reno_persistent(struct quic_cc *cc)
{
	cc->reno.acked = 0;
}

const struct quic_cc_ops quic_cc_reno = {
	.name		= "reno",
	.ack		= reno_ack,
	.congestion	= reno_congestion,
	.persistent	= reno_persistent,
};

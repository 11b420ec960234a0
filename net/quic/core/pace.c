// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pacing, RFC 9002 §7.7, as a leaky bucket kept in time instead of bytes: each
 * packet moves 'next', the moment at which the bucket is empty, on by the time
 * that its bytes take at the current rate.  'next' in the past is credit, of
 * which there is a limit; while it is in the future nothing leaves.  Time needs
 * no refill and loses nothing to rounding.
 *
 * RFC 9002 §7.7 limits bursts to the initial window.  In slow start that is the
 * credit.  Once there was congestion it is three packets: what an ACK sets free,
 * and one because the window has grown.  Fewer would be unfair: of two flows the
 * smoother one loses less in a queue that is about to overflow.  On a link of
 * 10 Mbit/s with a queue of 25 packets the share beside TCP CUBIC is 38 % with
 * bursts of ten, 49 % with three, 53 % with two.
 *
 * An exhausted bucket asks to be waited for until a millisecond's worth has
 * come together, so that a fast sender wakes up for trains, not for packets.
 *
 * Called by conn_tx under the connection's lock; probes and ACKs pass by.
 */
#include "pace.h"

#define RATE_MIN	1000ULL					/* bytes per second */
#define RATE_MAX	(1000ULL * 1000 * 1000 * 1000)
#define COST_SHIFT	20

void quic_pace_init(struct quic_pace *p)
{
	memset(p, 0, sizeof(*p));
}

/*
 * N * cwnd, RFC 9002 §7.7: N = 2 lets slow start double, 1.25 rides out variations.  In
 * recovery every RTT that is known is that of the full queue that made the loss: by it
 * NewReno's half would leave the path idle.  So it goes at the rate before, which was the
 * path's; the window alone says how much.
 */
static u64 window(const struct quic_cc *cc)
{
	u64 cwnd = min_t(u64, cc->cwnd, U32_MAX);

	if (quic_cc_in_slow_start(cc))
		return cwnd * 2;
	if (cwnd <= cc->prior / 2)
		return cc->prior;
	return cwnd + cwnd / 4;
}

/* RFC 9002 §7.7: rate = N * congestion_window / smoothed_rtt */
u64 quic_pace_rate(const struct quic_pace *p, const struct quic_cc *cc, u64 srtt)
{
	u64 rate = div64_u64(window(cc) * QUIC_NSEC_PER_SEC, max_t(u64, srtt, 1));

	if (p->max_rate)
		rate = min(rate, p->max_rate);
	return clamp_t(u64, rate, RATE_MIN, RATE_MAX);
}

/* How long @bytes take. */
static u64 duration(const struct quic_pace *p, u64 bytes)
{
	return bytes * p->cost >> COST_SHIFT;
}

static void refresh(struct quic_pace *p, const struct quic_cc *cc, u64 srtt)
{
	u64 win = window(cc);

	if (likely(p->for_window == win && p->for_srtt == srtt && p->for_max == p->max_rate))
		return;
	p->for_window = win;
	p->for_srtt = srtt;
	p->for_max = p->max_rate;
	p->cost = div64_u64(QUIC_NSEC_PER_SEC << COST_SHIFT, quic_pace_rate(p, cc, srtt));
	/* One packet leaves on an empty bucket, the rest of a burst on credit. */
	p->burst = max(duration(p, (u64)(QUIC_CC_INITIAL_WINDOW - 1) * cc->mss), QUIC_PACE_BURST);
	p->credit = quic_cc_in_slow_start(cc) ? p->burst :
		    max(duration(p, 2 * cc->mss), QUIC_PACE_BURST);
}

u64 quic_pace_next(struct quic_pace *p, const struct quic_cc *cc, u64 srtt, u32 bytes, u64 now)
{
	u64 one;

	if (p->next <= now)
		return now;
	refresh(p, cc, srtt);
	one = duration(p, bytes);
	return p->next + (one < QUIC_PACE_QUANTUM ? QUIC_PACE_QUANTUM - one : 0);
}

/* Credit is good for so much time; up to date as of refresh(). */
static u64 bucket_from(const struct quic_pace *p, u64 now)
{
	return p->next + p->credit < now ? now - p->credit : p->next;
}

u64 quic_pace_packets(struct quic_pace *p, const struct quic_cc *cc, u64 srtt, u32 bytes, u64 now)
{
	u64 one;

	if (p->next > now)
		return 0;
	refresh(p, cc, srtt);
	one = duration(p, bytes);
	return one ? div64_u64(now - bucket_from(p, now), one) + 1 : U64_MAX;
}

void quic_pace_sent_many(struct quic_pace *p, const struct quic_cc *cc, u64 srtt, u32 bytes,
			 u32 n, u64 now)
{
	refresh(p, cc, srtt);
	p->next = bucket_from(p, now) + n * duration(p, bytes);
	/* what passed by unpaced, or was paced at a lower rate, is a debt of an initial window at most */
	p->next = min(p->next, now + p->burst);
}

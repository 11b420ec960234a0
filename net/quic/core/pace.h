/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pacing, RFC 9002 §7.7: a leaky bucket at N * cwnd / srtt (N = 2 in slow
 * start, 1.25 after; in recovery from a halved window the rate before).  A burst is what
 * leaves in QUIC_PACE_BURST at that rate, so that GSO trains stay whole; at
 * least the initial window in slow start, three packets after.
 */
#ifndef _QUIC_PACE_H
#define _QUIC_PACE_H

#include "cc.h"

#define QUIC_PACE_BURST		(2 * QUIC_NSEC_PER_MSEC)
#define QUIC_PACE_QUANTUM	(1 * QUIC_NSEC_PER_MSEC)	/* a wake-up's worth */

struct quic_pace {
	u64 next;		/* when the bucket runs empty; in the past: credit */
	u64 max_rate;		/* bytes per second, SO_MAX_PACING_RATE; 0: none */
	/* computed anew when one of the first three changes (pace.c only) */
	u64 for_window, for_srtt, for_max;
	u64 cost;		/* ns per byte, in 2^-20 */
	u64 burst, credit;	/* ns: the limits of debt and of credit */
};

void quic_pace_init(struct quic_pace *p);
/*
 * When may the next packet leave?  <= @now: at once; else when to come back,
 * late enough for a train of a millisecond.  Ask before each packet.
 */
u64 quic_pace_next(struct quic_pace *p, const struct quic_cc *cc, u64 srtt, u32 bytes, u64 now);
/* How many packets of @bytes that leave one after the other does it let go @now? */
u64 quic_pace_packets(struct quic_pace *p, const struct quic_cc *cc, u64 srtt, u32 bytes, u64 now);
/* @n packets of @bytes left. Those with ACKs alone are not paced. */
void quic_pace_sent_many(struct quic_pace *p, const struct quic_cc *cc, u64 srtt, u32 bytes,
			 u32 n, u64 now);
/* @bytes left: a packet, or a whole train. */
static inline void quic_pace_sent(struct quic_pace *p, const struct quic_cc *cc, u64 srtt,
				  u32 bytes, u64 now)
{
	quic_pace_sent_many(p, cc, srtt, bytes, 1, now);
}

/* Bytes per second. */
u64 quic_pace_rate(const struct quic_pace *p, const struct quic_cc *cc, u64 srtt);

#endif /* _QUIC_PACE_H */

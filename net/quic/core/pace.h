/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pacing, RFC 9002 §7.7: a leaky bucket at N * cwnd / srtt (N = 2 in slow
 * start, 1.25 after), with a burst of at least the initial window and at most
 * what one train carries at that rate, so that GSO trains stay whole.
 */
#ifndef _QUIC_PACE_H
#define _QUIC_PACE_H

#include "cc.h"

struct quic_pace {
	u64 tokens;		/* bytes */
	u64 last;		/* time of the last refill */
	u64 max_rate;		/* bytes per second, SO_MAX_PACING_RATE; 0: none */
};

void quic_pace_init(struct quic_pace *p);
/* When may the next packet leave?  <= @now: at once. */
u64 quic_pace_next(struct quic_pace *p, const struct quic_cc *cc, u64 srtt, u32 bytes, u64 now);
void quic_pace_sent(struct quic_pace *p, const struct quic_cc *cc, u64 srtt, u32 bytes, u64 now);
u64 quic_pace_rate(const struct quic_pace *p, const struct quic_cc *cc, u64 srtt);	/* bytes/s */

#endif /* _QUIC_PACE_H */

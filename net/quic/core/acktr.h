/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Received packet numbers of one space and the ACK frames made from them,
 * RFC 9000 §13.2, with the ECN counts of §13.4.
 */
#ifndef _QUIC_ACKTR_H
#define _QUIC_ACKTR_H

#include "range.h"
#include "pkt.h"

#define QUIC_ACK_RANGES	64	/* kept and sent at most, §13.2.3; 64 or less */
#define QUIC_ACK_EVERY	2	/* ack-eliciting packets, §13.2.2 */

/* As in the IP header. */
enum quic_ecn { QUIC_ECN_NONE, QUIC_ECN_ECT1, QUIC_ECN_ECT0, QUIC_ECN_CE };

struct quic_acktr {
	struct quic_ranges got;
	u64 floor;		/* all below: taken as received, never acknowledged again */
	u64 largest_time;	/* when the largest arrived */
	u64 deadline;		/* when an ACK must be out; QUIC_TIME_NEVER: none owed */
	s64 largest_eliciting;	/* -1: none */
	u64 ect0, ect1, ce;
	u32 unacked;		/* ack-eliciting packets since the last ACK */
};

void quic_acktr_init(struct quic_acktr *a);
void quic_acktr_free(struct quic_acktr *a);
static inline s64 quic_acktr_largest(const struct quic_acktr *a)	/* -1: none */
{
	return a->got.n ? (s64)a->got.r[a->got.n - 1].hi - 1 : -1;
}

bool quic_acktr_is_dup(const struct quic_acktr *a, u64 pn);
/*
 * @pn was processed.  @now_ack: acknowledge at once (FIN, a control frame,
 * Initial and Handshake, §13.2.1); out of order and CE do so by themselves.
 * @more: more packets of the same train follow: leave the every-two rule to the last
 * (should that never come, an ACK is due in a millisecond).
 */
void quic_acktr_received(struct quic_acktr *a, u64 pn, bool eliciting, bool now_ack,
			 bool more, enum quic_ecn ecn, u64 now, u64 max_ack_delay);
/*
 * The usual packet of a train: ack-eliciting, the number after that of another such
 * packet, to which an ACK is owed already.  Then quic_acktr_follow() is all of
 * quic_acktr_received() for it, if it is not marked CE and need not be acknowledged at once.
 */
static inline bool quic_acktr_follows(const struct quic_acktr *a, u64 pn)
{
	return a->unacked && quic_acktr_largest(a) + 1 == (s64)pn &&
	       a->largest_eliciting + 1 == (s64)pn;
}

void quic_acktr_follow(struct quic_acktr *a, bool more, enum quic_ecn ecn, u64 now);
static inline bool quic_acktr_due(const struct quic_acktr *a, u64 now)
{
	return a->deadline <= now;
}

/* Would an ACK tell of an ack-eliciting packet (for bundling with data, §13.2.1)? */
static inline bool quic_acktr_owed(const struct quic_acktr *a)
{
	return a->unacked > 0;
}

/*
 * Write an ACK (ACK_ECN if counts are not zero), newest ranges first until
 * there is no room; false: nothing received, or not even one range fits.  Not
 * yet 'sent'.
 */
bool quic_acktr_put(struct quic_acktr *a, struct quic_pkt *p, u8 exponent, u64 now);
/* The same without a packet builder, of all ranges and with no delay (before there is a connection). */
void quic_acktr_write(const struct quic_acktr *a, struct quic_wr *w);
void quic_acktr_sent(struct quic_acktr *a);	/* the packet with it left: nothing owed */
/* Our ACK with @largest was acknowledged: forget ranges up to it (§13.2.4). */
void quic_acktr_acked(struct quic_acktr *a, u64 largest);

#endif /* _QUIC_ACKTR_H */

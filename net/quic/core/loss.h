/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Loss recovery, RFC 9002 §5 (RTT), §6 (loss detection, PTO), §7.6.2
 * (persistent congestion) over the three packet number spaces.  Follows
 * appendix A; what acknowledged and lost packets carried is handed to the
 * owner by ops.
 */
#ifndef _QUIC_LOSS_H
#define _QUIC_LOSS_H

#include "sent.h"
#include "cc.h"

enum quic_space_id { QUIC_SPACE_INITIAL, QUIC_SPACE_HANDSHAKE, QUIC_SPACE_APP, QUIC_SPACES };

#define QUIC_LOSS_PACKETS	3	/* kPacketThreshold, to begin with */
#define QUIC_LOSS_PACKETS_MAX	128	/* the most that reordering makes of it */
#define QUIC_LOSS_EIGHTHS	1	/* kTimeThreshold less one, likewise */
#define QUIC_LOSS_EIGHTHS_MAX	8
#define QUIC_LOSS_PATIENCE	16	/* rounds of loss, none spurious, and they are as before */
#define QUIC_LOSS_HOLES		3	/* such rounds, and the path seems to take no large packets */
#define QUIC_GRANULARITY	QUIC_NSEC_PER_MSEC	/* kGranularity */
#define QUIC_INITIAL_RTT	(333 * QUIC_NSEC_PER_MSEC)	/* kInitialRtt */
#define QUIC_PERSISTENT		3	/* kPersistentCongestionThreshold, PTOs */
#define QUIC_PROBES		2	/* packets for a PTO, RFC 9002 §6.2.4 */
#define QUIC_ECN_TESTING	10	/* packets marked before validation, RFC 9000 §13.4.2 */

struct quic_loss_space {		/* there from space_open() to space_discard() */
	struct quic_sent sent;
	s64 largest_acked;		/* -1: none */
	u64 loss_time;			/* QUIC_TIME_NEVER: none */
	u64 unsettled;			/* below: all acknowledged, lost or skipped */
	u64 path_first;			/* first packet number on the current path */
	u64 last_eliciting;		/* when the last ack-eliciting packet left; 0 none */
	u64 newest_acked;		/* when the newest acknowledged packet left; 0 none */
	u32 eliciting_in_flight;	/* packets */
	u64 ect0, ect1, ce;		/* counts of the last ACK, §13.4.2 of RFC 9000 */
	u64 ect_sent;			/* packets marked ECT(0), ever */
};

/* Called for each item, lowest packet number first within a range; must not call back. */
struct quic_loss_ops {
	/* Also for packets that were declared lost before: what they carried has arrived. */
	void (*acked)(void *priv, enum quic_space_id sp, const struct quic_sent_item *it);
	/* To be sent again if still wanted; once per packet. */
	void (*lost)(void *priv, enum quic_space_id sp, const struct quic_sent_item *it);
	/* The packet itself, after its items; may be NULL. */
	void (*packet_lost)(void *priv, enum quic_space_id sp, u64 pn, u32 len);
};

struct quic_loss {
	struct quic_loss_space *sp[QUIC_SPACES];	/* NULL: not open, or discarded */
	struct quic_cc *cc;
	const struct quic_loss_ops *ops;
	void *priv;
	/* RTT, ns */
	u64 latest, smoothed, var, min;
	u64 first_sample;		/* time; 0: none yet */
	u64 initial_rtt;
	u64 base;			/* where the anti-deadlock PTO starts; 0: not yet */
	u64 lost_packets, lost_bytes, acked_packets, spurious;	/* counters */
	/* what this path's reordering has taught, RFC 9002 §6.1.1, §6.1.2 */
	u8 packets;			/* the packet threshold */
	u8 eighths;			/* of an RTT that the time threshold adds to it */
	u8 patience;			/* rounds of loss until both are reset */
	/* RFC 8899 §4.3: rounds of loss of packets above 1200 bytes alone, none acknowledged since */
	u8 holes;
	u64 deadline;			/* QUIC_TIME_NEVER: none; see quic_loss_arm() */
	u32 pto_count;
	/* The owner takes one off for each datagram that elicits an ACK in probe_space, §6.2.4 */
	u8 probes;
	u8 probe_space;
	u8 ect_tested;			/* packets marked on this path, up to QUIC_ECN_TESTING */
	u8 ect_lost;			/* of them, declared lost */
	bool ecn_capable;		/* validated on this path, RFC 9000 §13.4.2 */
	bool ecn_failed;		/* do not mark any more */
	/* the owner's */
	u64 max_ack_delay;		/* the peer's, ns */
	bool server;
	bool handshake_confirmed;
	bool peer_validated;		/* set here, too, by an ACK of a Handshake packet */
	bool at_limit;			/* server at the anti-amplification limit: no PTO */
};

void quic_loss_init(struct quic_loss *l, struct quic_cc *cc, const struct quic_loss_ops *ops,
		    void *priv, bool server, u64 initial_rtt);
void quic_loss_free(struct quic_loss *l);
/* Keys of @sp are there; @ls is the owner's, and in use until discard or free. */
void quic_loss_space_open(struct quic_loss *l, enum quic_space_id sp, struct quic_loss_space *ls);
/* Keys of @sp are gone: its packets leave flight without being lost, §6.4; PTO resets. */
void quic_loss_space_discard(struct quic_loss *l, enum quic_space_id sp, u64 now);
/*
 * The last @n packets that were added to sp->sent left, in all like @p.  Keeps the
 * deadline right or early, quic_loss_arm() after the train makes it exact.
 */
void quic_loss_sent_many(struct quic_loss *l, enum quic_space_id sp,
			 const struct quic_sent_pkt *p, u32 n, u64 now);
static inline void quic_loss_sent(struct quic_loss *l, enum quic_space_id sp,
				  const struct quic_sent_pkt *p, u64 now)
{
	quic_loss_sent_many(l, sp, p, 1, now);
}

/*
 * An ACK frame: 0 or the transport error (PROTOCOL_VIOLATION for numbers never
 * sent or skipped, RFC 9000 §13.1, §21.4; then nothing was changed).  @delay:
 * ns, already scaled.
 */
int quic_loss_ack(struct quic_loss *l, enum quic_space_id sp, const struct quic_frame_ack *a,
		  u64 delay, u64 now);
/*
 * OnLossDetectionTimeout: declares losses or asks for probes (l->probes in
 * l->probe_space); called too early it just sets the deadline.
 */
void quic_loss_timeout(struct quic_loss *l, u64 now);
/*
 * RFC 9002 §6.2.3: a probe of @sp at once, as if its PTO had expired, but
 * without backoff.  False: nothing of it waits for an ACK, or it left just now.
 */
bool quic_loss_hurry(struct quic_loss *l, enum quic_space_id sp, u64 now);
/* SetLossDetectionTimer: l->deadline.  After a train, and when the owner's fields change. */
void quic_loss_arm(struct quic_loss *l, u64 now);
/* The period, without backoff. */
u64 quic_loss_pto(const struct quic_loss *l, enum quic_space_id sp);
static inline u64 quic_loss_srtt(const struct quic_loss *l)
{
	return l->smoothed;
}

/* Should the next packet be marked ECT(0)? Pass QUIC_SENT_ECT to quic_sent_add() then. */
static inline bool quic_loss_ecn_mark(const struct quic_loss *l)
{
	/* RFC 9000 §13.4.2: a few packets, and none that is a reaction to silence */
	return l->ecn_capable ||
	       (!l->ecn_failed && l->ect_tested < QUIC_ECN_TESTING && !l->pto_count);
}

/* Is the answer the same for however many packets leave until the next ACK? */
static inline bool quic_loss_ecn_steady(const struct quic_loss *l)
{
	return l->ecn_capable || !quic_loss_ecn_mark(l);
}

/*
 * A probe finds nothing new to carry (§6.2.4): ops->lost() for the items of
 * the oldest packet in flight that was not handed back yet, which stays in
 * flight.  False: there is none, send a PING.
 */
bool quic_loss_requeue_oldest(struct quic_loss *l, enum quic_space_id sp);
/*
 * All of space @sp in flight is to be sent again and will not be acknowledged,
 * without congestion (Retry, rejected 0-RTT).
 */
void quic_loss_requeue_all(struct quic_loss *l, enum quic_space_id sp);
/*
 * RFC 9000 §9.4: a new path.  Congestion control and RTT start afresh; packets
 * of the old path are still acknowledged and found lost, but count for neither.
 */
void quic_loss_reset_path(struct quic_loss *l, u8 algo, u32 mss);

#endif /* _QUIC_LOSS_H */

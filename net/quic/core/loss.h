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

#define QUIC_LOSS_PACKETS	3	/* kPacketThreshold */
#define QUIC_GRANULARITY	QUIC_NSEC_PER_MSEC	/* kGranularity */
#define QUIC_INITIAL_RTT	(333 * QUIC_NSEC_PER_MSEC)	/* kInitialRtt */

struct quic_loss_space {
	struct quic_sent sent;
	s64 largest_acked;		/* -1: none */
	u64 loss_time;			/* QUIC_TIME_NEVER: none */
	u64 last_eliciting;		/* when the last ack-eliciting packet left; 0 none */
	u32 eliciting_in_flight;	/* packets */
	u64 ect0, ect1, ce;		/* counts of the last ACK, §13.4.2 of RFC 9000 */
	u64 ect_sent;			/* packets marked ECT(0) and not lost */
	bool active;			/* keys are there and the space is not discarded */
};

struct quic_loss_ops {
	void (*acked)(void *priv, enum quic_space_id sp, const struct quic_sent_item *it);
	void (*lost)(void *priv, enum quic_space_id sp, const struct quic_sent_item *it);
};

struct quic_loss {
	struct quic_loss_space *sp[QUIC_SPACES];	/* NULL: discarded */
	struct quic_cc *cc;
	const struct quic_loss_ops *ops;
	void *priv;
	/* RTT, ns */
	u64 latest, smoothed, var, min;
	u64 first_sample;		/* time; 0: none yet */
	u64 initial_rtt;
	u64 max_ack_delay;		/* the peer's, ns */
	u32 pto_count;
	u8 probes;			/* ack-eliciting packets owed now, §6.2.4 */
	u8 probe_space;
	bool server;
	bool handshake_confirmed;
	bool peer_validated;		/* PeerCompletedAddressValidation() */
	bool at_limit;			/* server at the anti-amplification limit: no PTO */
	bool ecn_failed;
	u64 lost_packets, lost_bytes, acked_packets, spurious;	/* counters */
	u64 deadline;			/* computed by quic_loss_arm() */
};

void quic_loss_init(struct quic_loss *l, struct quic_cc *cc, const struct quic_loss_ops *ops,
		    void *priv, bool server, u64 initial_rtt);
void quic_loss_free(struct quic_loss *l);
int quic_loss_space_open(struct quic_loss *l, enum quic_space_id sp);	/* allocates; process context */
/* Keys of @sp are gone: its packets leave flight without being lost, §6.4; PTO resets. */
void quic_loss_space_discard(struct quic_loss *l, enum quic_space_id sp, u64 now);
/* The packet that was just added to sp->sent left (accounting, timers). */
void quic_loss_sent(struct quic_loss *l, enum quic_space_id sp, const struct quic_sent_pkt *p, u64 now);
/*
 * An ACK frame: 0 or the transport error (PROTOCOL_VIOLATION for numbers never
 * sent or skipped, RFC 9000 §13.1).  @delay: ns, already scaled, 0 for Initial
 * and Handshake.
 */
int quic_loss_ack(struct quic_loss *l, enum quic_space_id sp, const struct quic_frame_ack *a,
		  u64 delay, u64 now);
/* OnLossDetectionTimeout: declares losses or asks for probes (l->probes, l->probe_space). */
void quic_loss_timeout(struct quic_loss *l, u64 now);
void quic_loss_arm(struct quic_loss *l, u64 now);	/* SetLossDetectionTimer: l->deadline */
u64 quic_loss_pto(const struct quic_loss *l, enum quic_space_id sp);	/* period, without backoff */
static inline u64 quic_loss_srtt(const struct quic_loss *l)
{
	return l->smoothed;
}

void quic_loss_reset_path(struct quic_loss *l, u8 algo, u32 mss);	/* RFC 9000 §9.4 */
/* All of space @sp in flight counts as lost, without congestion (Retry, rejected 0-RTT). */
void quic_loss_requeue_all(struct quic_loss *l, enum quic_space_id sp);

#endif /* _QUIC_LOSS_H */

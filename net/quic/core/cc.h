/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Congestion control, RFC 9002 §7: what is common, and the table that each
 * algorithm fills (cc_reno, cc_cubic).  Slow start is HyStart++ (RFC 9406) for
 * both.  Pacing: pace.h.  All sizes are bytes of UDP payload, all times ns.
 */
#ifndef _QUIC_CC_H
#define _QUIC_CC_H

#include "kern.h"

#define QUIC_CC_INITIAL_WINDOW	10	/* packets, RFC 9002 §7.2 */
#define QUIC_CC_MIN_WINDOW	2	/* packets */

struct quic_cc;

struct quic_cc_ack {		/* one ACK frame's worth */
	u64 now;
	u64 bytes;		/* newly acknowledged, that were in flight */
	u64 fresh;		/* of them, those sent after recovery_start */
	u64 rtt_latest;		/* ns; 0: no sample */
	u64 rtt_smoothed;
	u64 largest_acked;	/* with next_pn: rounds */
	u64 next_pn;
};

struct quic_cc_ops {
	const char *name;
	/* Acknowledged in full use of the window, out of recovery: grow. */
	void (*ack)(struct quic_cc *cc, const struct quic_cc_ack *a);
	/* A congestion event that starts a recovery period: set ssthresh and cwnd. */
	void (*congestion)(struct quic_cc *cc);
	void (*persistent)(struct quic_cc *cc);	/* RFC 9002 §7.6; cwnd is the minimum */
};

struct quic_cc_hystart {	/* RFC 9406 */
	u64 last_min_rtt, cur_min_rtt, css_baseline_rtt;	/* U64_MAX: none */
	u32 samples;
	u8 css_rounds;
	bool css, done;
};

struct quic_cc {
	const struct quic_cc_ops *ops;
	u64 cwnd;
	u64 ssthresh;		/* U64_MAX: none yet */
	u64 in_flight;		/* bytes, all spaces */
	u64 recovery_start;	/* time; packets sent until then cause no new event. 0: none */
	u32 mss;		/* the path's UDP payload */
	u32 prior;		/* the window before recovery, in it; 0: not, or over */
	u64 delivered;		/* bytes acknowledged, ever */
	u64 events;		/* congestion events, ever */
	u64 round_end;		/* the ACK of this packet number ends the round */
	u64 peak, last_peak;	/* most in_flight in this round, and in the one before */
	struct quic_cc_hystart hs;
	union {
		struct {
			u64 acked;	/* bytes towards the next increase */
		} reno;
		struct {		/* RFC 9438 §4.1.2 */
			u64 w_max;	/* 0: undefined */
			u64 w_est;
			u64 cwnd_prior;
			u64 k;		/* ns */
			u64 t;		/* ns since the epoch, without idle time */
			u64 last;	/* time of the last ACK; 0: no epoch yet */
			u64 est_rem;	/* what was left of w_est's division */
		} cubic;
	};
};

extern const struct quic_cc_ops quic_cc_reno, quic_cc_cubic;

void quic_cc_init(struct quic_cc *cc, u8 algo /* enum quic_cong_algo */, u32 mss);
/* RFC 9002 §7.2: the initial window follows, a later one keeps its bytes. */
void quic_cc_set_mss(struct quic_cc *cc, u32 mss);
void quic_cc_sent(struct quic_cc *cc, u32 bytes);
/* Takes a->bytes off in_flight; the window grows only if it was in use, §7.8. */
void quic_cc_acked(struct quic_cc *cc, const struct quic_cc_ack *a);
/*
 * @bytes left flight by loss, the newest packet of them sent at @newest_sent:
 * a congestion event unless in recovery.  @persistent: §7.6.
 */
void quic_cc_lost(struct quic_cc *cc, u64 bytes, u64 newest_sent, bool persistent, u64 now);
void quic_cc_ce(struct quic_cc *cc, u64 sent_time, u64 now);
void quic_cc_discard(struct quic_cc *cc, u64 bytes);	/* left flight unjudged, §6.4 */

static inline bool quic_cc_in_slow_start(const struct quic_cc *cc)
{
	return cc->cwnd < cc->ssthresh;
}

static inline u64 quic_cc_min_window(const struct quic_cc *cc)
{
	return (u64)QUIC_CC_MIN_WINDOW * cc->mss;
}

/* Bytes that may be sent now. */
static inline u64 quic_cc_room(const struct quic_cc *cc)
{
	return cc->cwnd > cc->in_flight ? cc->cwnd - cc->in_flight : 0;
}

/* Packets of @size that may leave one after the other; the first of all in any case. */
static inline u64 quic_cc_packets(const struct quic_cc *cc, u32 size)
{
	u64 n = div_u64(quic_cc_room(cc), size);

	return cc->in_flight ? n : max_t(u64, n, 1);
}

/* ---- cc_hystart.c, RFC 9406, for the algorithms ---- */

void quic_cc_hystart_init(struct quic_cc *cc);
/* A round ended: sets ssthresh to cwnd when conservative slow start is over. */
void quic_cc_hystart_round(struct quic_cc *cc);
/* Bytes that an ACK in slow start adds to cwnd, up to ssthresh. */
u64 quic_cc_hystart_growth(struct quic_cc *cc, const struct quic_cc_ack *a);

#endif /* _QUIC_CC_H */

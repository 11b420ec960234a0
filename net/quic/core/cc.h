/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Congestion control, RFC 9002 §7: what is common, and the table that each
 * algorithm fills (cc_reno, cc_cubic).  Pacing: pace.h.
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
	u64 largest_sent_time;	/* of the newest packet acknowledged */
	u64 rtt_latest, rtt_min, rtt_smoothed;	/* ns; latest 0: no sample */
	u64 largest_acked, next_pn;	/* rounds of HyStart++ */
	bool app_limited;
};

struct quic_cc_ops {
	const char *name;
	void (*init)(struct quic_cc *cc);
	void (*ack)(struct quic_cc *cc, const struct quic_cc_ack *a);
	/* A congestion event: the newest lost (or CE) packet left at @sent_time. */
	void (*congestion)(struct quic_cc *cc, u64 sent_time, u64 now);
	void (*persistent)(struct quic_cc *cc, u64 now);	/* RFC 9002 §7.6 */
};

struct quic_cc_hystart {	/* RFC 9406 */
	u64 window_end;		/* packet number that ends the round */
	u64 last_min_rtt, cur_min_rtt, css_baseline_rtt;
	u32 samples;
	u8 css_rounds;
	bool css, done;
};

struct quic_cc {
	const struct quic_cc_ops *ops;
	u64 cwnd;
	u64 ssthresh;		/* U64_MAX: none yet */
	u64 in_flight;		/* bytes, all spaces */
	u64 recovery_start;	/* time; packets sent before it cause no new event. 0: none */
	u32 mss;		/* the path's UDP payload */
	u64 delivered;		/* bytes acknowledged, ever */
	struct quic_cc_hystart hs;
	union {
		struct { u64 acked; } reno;
		struct {	/* RFC 9438 */
			u64 w_max, w_est, cwnd_prior, k /* ns */, epoch_start, acked;
		} cubic;
	};
};

extern const struct quic_cc_ops quic_cc_reno, quic_cc_cubic;

void quic_cc_init(struct quic_cc *cc, u8 algo /* enum quic_cong_algo */, u32 mss);
void quic_cc_set_mss(struct quic_cc *cc, u32 mss);	/* RFC 9002 §7.2, keeps packets in cwnd at start */
void quic_cc_sent(struct quic_cc *cc, u32 bytes);
void quic_cc_acked(struct quic_cc *cc, const struct quic_cc_ack *a);	/* takes a->bytes off in_flight */
void quic_cc_lost(struct quic_cc *cc, u64 bytes, u64 newest_sent, bool persistent, u64 now);
void quic_cc_ce(struct quic_cc *cc, u64 sent_time, u64 now);
void quic_cc_discard(struct quic_cc *cc, u64 bytes);	/* keys dropped, §6.4 */
static inline bool quic_cc_in_slow_start(const struct quic_cc *cc)
{
	return cc->cwnd < cc->ssthresh;
}

/* Bytes that may be sent now. */
static inline u64 quic_cc_room(const struct quic_cc *cc)
{
	return cc->cwnd > cc->in_flight ? cc->cwnd - cc->in_flight : 0;
}

/* RFC 9406, shared by both: on each ACK in slow start; true: leave slow start. */
void quic_cc_hystart_init(struct quic_cc *cc);
u64 quic_cc_slow_start_growth(struct quic_cc *cc, const struct quic_cc_ack *a);

#endif /* _QUIC_CC_H */

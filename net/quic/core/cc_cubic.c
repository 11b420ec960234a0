// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CUBIC, RFC 9438, in integers: windows are bytes, times ns; C = 2/5, β = 7/10,
 * α = 3 (1 - β) / (1 + β) = 9/17.
 *
 * The cubic function is computed over microseconds, up to 100 s from K (where
 * it is 400,000 packets away from w_max), which keeps every product in 64 bits.
 * What divisions leave over is carried on where it would add up (w_est); the
 * way to the target makes up for it by itself.
 *
 * The time t since the epoch is summed up ACK by ACK, each step no longer than
 * a round trip: idle and application limited periods do not count (§4.2, §5.8)
 * without anyone having to tell when they begin or end.
 *
 * Called through quic_cc_ops by cc.c.
 */
#include "cc.h"

#define CUBIC_D_MAX	(100 * 1000000ULL)	/* us */
#define K_UNIT		50000			/* ns; K is found in these */
#define K_CUBED		7812500000ULL		/* (1 s / K_UNIT)^3 / 1024 */

/* The largest y with y^3 <= x. */
static u64 cube_root(u64 x)
{
	u64 y = 0, b;
	int s;

	for (s = 63; s >= 0; s -= 3) {
		y *= 2;
		b = 3 * y * (y + 1) + 1;
		if (x >> s >= b) {
			x -= b << s;
			y++;
		}
	}
	return y;
}

/* RFC 9438 §4.2, figure 2: K = cbrt((w_max - cwnd_epoch) / C), in ns */
static u64 cubic_k(u64 missing, u32 mss)
{
	u64 q = div_u64(min(missing, 1ULL << 50) * 2560, mss);	/* packets / C, in 1/1024 */

	return cube_root(min(q, U64_MAX / K_CUBED) * K_CUBED) * K_UNIT;
}

/* RFC 9438 §4.2, figure 1: W_cubic(t) = C (t - K)^3 + w_max, in bytes */
static u64 w_cubic(const struct quic_cc *cc, u64 t)
{
	u64 k = cc->cubic.k, w_max = cc->cubic.w_max;
	u64 d = min(div_u64(t > k ? t - k : k - t, 1000), CUBIC_D_MAX);
	u64 cube = div_u64(div_u64(d * d, 1000000) * d, 1000000);	/* 10^-6 s^3 */
	u64 delta = div_u64(cube * cc->mss, 2500000);

	if (t >= k)
		return w_max + delta;
	return w_max > delta ? w_max - delta : 0;
}

static void start_epoch(struct quic_cc *cc)
{
	u64 w_max = cc->cubic.w_max;

	/* RFC 9438 §4.10, §4.8: w_max undefined (no loss yet, persistent congestion) */
	if (!w_max)
		cc->cubic.cwnd_prior = cc->cwnd;
	if (w_max <= cc->cwnd) {
		cc->cubic.k = 0;
		cc->cubic.w_max = cc->cwnd;
	} else {
		cc->cubic.k = cubic_k(w_max - cc->cwnd, cc->mss);
	}
	cc->cubic.w_est = cc->cwnd;
	cc->cubic.t = 0;
	cc->cubic.est_rem = 0;
}

static void pass_time(struct quic_cc *cc, const struct quic_cc_ack *a)
{
	if (!cc->cubic.last)
		start_epoch(cc);
	else
		cc->cubic.t += min(a->now - cc->cubic.last, a->rtt_smoothed);
	cc->cubic.last = a->now;
}

/* RFC 9438 §4.3, figure 4: w_est += alpha * acked / cwnd; alpha is 1 beyond cwnd_prior */
static void estimate_reno(struct quic_cc *cc, u64 bytes)
{
	u32 alpha = cc->cubic.w_est >= cc->cubic.cwnd_prior ? 17 : 9;

	cc->cubic.w_est += div64_u64_rem(bytes * cc->mss * alpha + cc->cubic.est_rem,
					 17 * cc->cwnd, &cc->cubic.est_rem);
}

/* RFC 9438 §4.4, §4.5: (target - cwnd) / cwnd for each packet acknowledged */
static void approach(struct quic_cc *cc, u64 target, u64 bytes)
{
	/* §4.2: not below cwnd, not faster than slow start */
	target = clamp(target, cc->cwnd, cc->cwnd + cc->cwnd / 2);
	cc->cwnd += div64_u64((target - cc->cwnd) * bytes, cc->cwnd);
}

static void cubic_avoid(struct quic_cc *cc, const struct quic_cc_ack *a)
{
	pass_time(cc, a);
	estimate_reno(cc, a->fresh);
	if (w_cubic(cc, cc->cubic.t) < cc->cubic.w_est)
		cc->cwnd = max(cc->cwnd, cc->cubic.w_est);
	else
		approach(cc, w_cubic(cc, cc->cubic.t + a->rtt_smoothed), a->fresh);
}

static void cubic_ack(struct quic_cc *cc, const struct quic_cc_ack *a)
{
	if (quic_cc_in_slow_start(cc))
		cc->cwnd += quic_cc_hystart_growth(cc, a);
	else
		cubic_avoid(cc, a);
}

static void cubic_congestion(struct quic_cc *cc)
{
	u64 cwnd = cc->cwnd;

	/* RFC 9438 §4.7: fast convergence, (1 + beta) / 2 of a window that shrank again */
	cc->cubic.w_max = cwnd < cc->cubic.w_max ? div_u64(cwnd * 17, 20) : cwnd;
	/* RFC 9438 §4.6; cwnd stands for flight_size: cc.c grows it only when in full use */
	cc->cubic.cwnd_prior = cwnd;
	cc->ssthresh = max(div_u64(cwnd * 7, 10), quic_cc_min_window(cc));
	cc->cwnd = cc->ssthresh;
	cc->cubic.last = 0;
}

/* RFC 9438 §4.8: K is 0 and w_max the window when congestion avoidance begins again */
static void cubic_persistent(struct quic_cc *cc)
{
	cc->cubic.w_max = 0;
	cc->cubic.last = 0;
}

const struct quic_cc_ops quic_cc_cubic = {
	.name		= "cubic",
	.ack		= cubic_ack,
	.congestion	= cubic_congestion,
	.persistent	= cubic_persistent,
};

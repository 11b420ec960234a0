// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A model of a bulk TCP flow as Linux has it in outline, to share a link with:
 *
 *  - full segments of 1448 bytes, an initial window of 10 of them (RFC 6928),
 *    sent as ACKs come in: no pacing;
 *  - an ACK every second segment or after 40 ms (RFC 5681 §4.2), at once where
 *    segments are missing, with the three ranges that are newest (RFC 2018);
 *  - CUBIC (RFC 9438) with fast convergence, slow start with HyStart as Linux
 *    has it: the round trip's rise, or the length of a train of ACKs;
 *  - loss is what three segments sent later have overtaken, retransmissions too
 *    (RFC 6675 §5 with the order of sending of RFC 8985); the window shrinks in
 *    proportion meanwhile (RFC 6937);
 *  - a timeout of 200 ms at least (RFC 6298), which starts over with one segment.
 *
 * Left out: the handshake, windows of the receiver, tail loss probes, undoing
 * what was spurious.  It is a model to be measured against, no implementation.
 */
#include <math.h>
#include "tcp.h"

#define SEGMENT		1472		/* UDP payload that makes 1500 bytes on the link */
#define ACK		24		/* ... and 52 */
#define RANGE		8		/* of SACK, each */
#define RANGES		3
#define RING		8192		/* segments in flight at most */
#define OVERTAKEN	3
#define RTO_MIN		(200 * MS)
#define DELACK		(40 * MS)

/* RFC 9438; the multiplicative decrease, and the constant of the cubic function */
#define BETA		0.7
#define C		0.4
#define HYSTART_LOW	16		/* segments */
#define HYSTART_SAMPLES	8
#define HYSTART_TRAIN	(2 * MS)	/* between ACKs of a train */

struct segment {
	u64 sent;
	u32 order;		/* of all sendings; of the last one of this */
	bool sacked, lost, again;
};

struct sack {			/* what the receiver says */
	u32 next;		/* cumulative */
	u32 n;
	struct { u32 lo, hi; } r[RANGES];
};

struct tcp {
	struct sim *sim;
	int client;
	bool started;
	/* sender */
	struct segment seg[RING];
	u32 una, nxt, high;	/* high: one beyond the highest that was selectively acknowledged */
	u32 order, newest;	/* of sendings: the next one's, and the newest that arrived */
	u32 pipe;		/* RFC 6675: what is believed to be in the network */
	double cwnd, ssthresh;
	bool recovering, timed_out;
	u32 recover;		/* recovery ends here */
	double prior;		/* RFC 6937 */
	u32 prr_delivered, prr_out;
	double w_max, k, origin, w_est;		/* CUBIC */
	u64 epoch;		/* 0: none */
	u64 srtt, var, min_rtt, rto_at;
	u32 backoff;
	u32 round_end;		/* HyStart */
	u64 round_start, round_rtt, last_ack;
	u32 samples;
	/* receiver */
	u32 rcv_next, unacked;
	u64 ack_at;		/* QUIC_TIME_NEVER: none owed */
	u32 have[RING];		/* number + 1 of a segment that came out of order */
	u32 first[RANGES];	/* where the newest ranges begin; those that are gone are skipped */
};

static struct segment *seg(struct tcp *t, u32 n)
{
	return &t->seg[n % RING];
}

/* ---- sending ---- */

static void transmit(struct tcp *t, u32 n)
{
	u8 data[SEGMENT] = { QUIC_HDR_LONG };	/* none of those that the link counts as 1-RTT */
	struct segment *s = seg(t, n);

	s->again |= s->order != 0;
	s->lost = false;
	s->sent = t->sim->now;
	s->order = ++t->order;
	t->pipe++;
	t->prr_out++;
	memcpy(data + 4, &n, sizeof(n));
	sim_send(t->sim, t->client, NULL, NULL, data, sizeof(data), QUIC_ECN_NONE);
}

static u64 rto(const struct tcp *t)
{
	u64 r = t->srtt ? t->srtt + max(4 * t->var, RTO_MIN) : SEC;

	return r << min(t->backoff, 6U);
}

/* What was lost first, then what is new. */
static void send_some(struct tcp *t)
{
	u32 n = t->una;

	while (t->pipe + 1 <= t->cwnd) {
		while (n != t->nxt && !seg(t, n)->lost)
			n++;
		if (n == t->nxt) {
			if (t->nxt - t->una == RING)
				break;
			memset(seg(t, t->nxt++), 0, sizeof(struct segment));
		}
		transmit(t, n++);
	}
	t->rto_at = t->una == t->nxt ? QUIC_TIME_NEVER : t->rto_at;
}

/* ---- the window ---- */

static void set_epoch(struct tcp *t)
{
	t->epoch = t->sim->now;
	t->w_est = t->cwnd;
	t->origin = max(t->w_max, t->cwnd);
	t->k = t->w_max > t->cwnd ? cbrt((t->w_max - t->cwnd) / C) : 0;
}

/* RFC 9438 §4.2 to §4.5 */
static void avoid(struct tcp *t, u32 acked)
{
	double sec, target;

	if (!t->epoch)
		set_epoch(t);
	sec = (double)(t->sim->now - t->epoch + t->min_rtt) / SEC - t->k;
	target = t->origin + C * sec * sec * sec;
	target = min(max(target, t->cwnd), 1.5 * t->cwnd);
	t->w_est += 3 * (1 - BETA) / (1 + BETA) * acked / t->cwnd;
	t->cwnd += acked * max(target - t->cwnd, 0.01) / t->cwnd;
	t->cwnd = max(t->cwnd, t->w_est);
}

/* Linux's HyStart: a train of ACKs as long as half a round trip, or a round trip that rose. */
static void hystart(struct tcp *t, u64 rtt)
{
	u64 now = t->sim->now, rise;

	if (t->una > t->round_end) {
		t->round_end = t->nxt;
		t->round_start = t->last_ack = now;
		t->round_rtt = U64_MAX;
		t->samples = 0;
	}
	if (t->cwnd < HYSTART_LOW)
		return;
	if (now - t->last_ack <= HYSTART_TRAIN) {
		t->last_ack = now;
		if (now - t->round_start > t->min_rtt / 2)
			t->ssthresh = t->cwnd;
	}
	if (t->samples++ < HYSTART_SAMPLES) {
		t->round_rtt = min(t->round_rtt, rtt);
		return;
	}
	rise = clamp_t(u64, t->min_rtt / 8, 4 * MS, 16 * MS);
	if (t->round_rtt > t->min_rtt + rise)
		t->ssthresh = t->cwnd;
}

static void reduce(struct tcp *t)
{
	t->w_max = t->cwnd < t->w_max ? t->cwnd * (1 + BETA) / 2 : t->cwnd;
	t->prior = t->cwnd;
	t->ssthresh = max(t->cwnd * BETA, 2.0);
	t->epoch = 0;
	t->recover = t->nxt;
	t->prr_delivered = t->prr_out = 0;
}

/* RFC 6937 §3: the window follows what leaves the network */
static void reduce_gently(struct tcp *t, u32 delivered)
{
	double room;

	t->prr_delivered += delivered;
	if (t->pipe > t->ssthresh)
		room = ceil(t->prr_delivered * t->ssthresh / t->prior) - t->prr_out;
	else
		room = min(t->ssthresh - t->pipe,
			   max((double)t->prr_delivered - t->prr_out, (double)delivered) + 1);
	/* the first retransmission goes in any case */
	t->cwnd = t->pipe + max(room, t->prr_out ? 0.0 : 1.0);
}

static void adjust_window(struct tcp *t, u32 delivered, u64 rtt, bool lost)
{
	if (t->recovering && t->una >= t->recover) {
		t->recovering = false;
		if (!t->timed_out)
			t->cwnd = t->ssthresh;
		t->timed_out = false;
	}
	if (lost && !t->recovering) {
		reduce(t);
		t->recovering = true;
	}
	if (t->recovering && !t->timed_out) {
		reduce_gently(t, delivered);
		return;
	}
	if (t->cwnd >= t->ssthresh) {
		avoid(t, delivered);
		return;
	}
	t->cwnd = min(t->cwnd + delivered, t->ssthresh);
	if (rtt && !t->timed_out)
		hystart(t, rtt);
}

/* ---- acknowledgments ---- */

static u64 sample(struct tcp *t, u64 sent)
{
	u64 rtt = t->sim->now - sent;

	t->min_rtt = t->min_rtt ? min(t->min_rtt, rtt) : rtt;
	if (!t->srtt) {
		t->srtt = rtt;
		t->var = rtt / 2;
		return rtt;
	}
	t->var = (3 * t->var + (t->srtt > rtt ? t->srtt - rtt : rtt - t->srtt)) / 4;
	t->srtt = (7 * t->srtt + rtt) / 8;
	return rtt;
}

static void arrived(struct tcp *t, u32 n, u32 *delivered, u64 *sent)
{
	struct segment *s = seg(t, n);

	if (s->sacked)
		return;
	s->sacked = true;
	if (!s->lost)
		t->pipe--;
	s->lost = false;
	++*delivered;
	t->newest = max(t->newest, s->order);
	if (!s->again)		/* RFC 6298 §3 */
		*sent = max(*sent, s->sent);
}

/* What three segments that were sent later have overtaken. */
static bool find_lost(struct tcp *t)
{
	bool found = false;
	u32 n;

	for (n = t->una; n < t->high; n++) {
		struct segment *s = seg(t, n);

		if (s->sacked || s->lost || s->order + OVERTAKEN > t->newest)
			continue;
		s->lost = true;
		t->pipe--;
		found = true;
	}
	return found;
}

static void rx_ack(struct tcp *t, const struct sack *a)
{
	u32 delivered = 0, i, n;
	u64 sent = 0, rtt = 0;
	bool lost;

	for (n = t->una; n < a->next; n++)
		arrived(t, n, &delivered, &sent);
	t->una = max(t->una, a->next);
	for (i = 0; i < a->n; i++) {
		for (n = max(a->r[i].lo, t->una); n < a->r[i].hi; n++)
			arrived(t, n, &delivered, &sent);
		t->high = max(t->high, a->r[i].hi);
	}
	if (sent)
		rtt = sample(t, sent);
	if (delivered) {
		t->backoff = 0;
		t->rto_at = t->sim->now + rto(t);
	}
	lost = find_lost(t);
	if (delivered)
		adjust_window(t, delivered, rtt, lost);
	send_some(t);
}

/* RFC 6298 §5, RFC 5681 §3.1 */
static void timeout(struct tcp *t)
{
	u32 n;

	if (!t->backoff++)
		reduce(t);
	for (n = t->una; n < t->nxt; n++)
		seg(t, n)->lost = !seg(t, n)->sacked;
	t->pipe = 0;
	t->cwnd = 1;
	t->recovering = t->timed_out = true;
	t->recover = t->nxt;
	t->rto_at = t->sim->now + rto(t);
	send_some(t);
}

/* ---- the receiver ---- */

static bool held(const struct tcp *t, u32 n)
{
	return t->have[n % RING] == n + 1;
}

static void put_ranges(const struct tcp *t, struct sack *a)
{
	u32 i, lo, hi;

	for (i = 0; i < RANGES; i++) {
		lo = hi = t->first[i];
		if (lo < t->rcv_next || !held(t, lo))
			continue;
		while (lo > t->rcv_next && held(t, lo - 1))
			lo--;
		while (held(t, hi))
			hi++;
		a->r[a->n].lo = lo;
		a->r[a->n++].hi = hi;
	}
}

static void send_ack(struct tcp *t)
{
	struct sack a = { .next = t->rcv_next };
	u8 data[ACK + RANGES * RANGE + sizeof(a)] = { QUIC_HDR_LONG };

	put_ranges(t, &a);
	memcpy(data + 4, &a, sizeof(a));
	t->unacked = 0;
	t->ack_at = QUIC_TIME_NEVER;
	/* the link is told of as many bytes as TCP's would have; what is read is all there */
	sim_send(t->sim, t->client + 1, NULL, NULL, data,
		 max_t(u32, 4 + sizeof(a), ACK + a.n * RANGE), QUIC_ECN_NONE);
}

static void rx_segment(void *of, const struct quic_addr *src, const struct quic_addr *dst,
		       const u8 *data, u32 len, u8 ecn)
{
	struct tcp *t = of;
	bool in_order, holes;
	u32 n;

	memcpy(&n, data + 4, sizeof(n));
	in_order = n == t->rcv_next;
	holes = held(t, t->rcv_next + 1) || !in_order;
	if (n >= t->rcv_next && !held(t, n)) {
		t->have[n % RING] = n + 1;
		memmove(t->first + 1, t->first, sizeof(t->first) - sizeof(t->first[0]));
		t->first[0] = n;
	}
	while (held(t, t->rcv_next))
		t->rcv_next++;
	if (++t->unacked >= 2 || holes)
		send_ack(t);
	else
		t->ack_at = t->sim->now + DELACK;
}

/* ---- for the simulator ---- */

static void rx_at_sender(void *of, const struct quic_addr *src, const struct quic_addr *dst,
			 const u8 *data, u32 len, u8 ecn)
{
	struct sack a;

	memcpy(&a, data + 4, sizeof(a));
	rx_ack(of, &a);
}

static u64 sender_deadline(void *of)
{
	const struct tcp *t = of;

	return t->started ? t->rto_at : QUIC_TIME_NEVER;
}

static void sender_timer(void *of)
{
	timeout(of);
}

static u64 receiver_deadline(void *of)
{
	return ((const struct tcp *)of)->ack_at;
}

static void receiver_timer(void *of)
{
	send_ack(of);
}

struct tcp *tcp_new(struct sim *s, int client)
{
	struct tcp *t = kzalloc(sizeof(*t), GFP_KERNEL);
	const struct end from = { .of = t, .rx = rx_at_sender, .timer = sender_timer,
				  .deadline = sender_deadline };
	const struct end to = { .of = t, .rx = rx_segment, .timer = receiver_timer,
				.deadline = receiver_deadline };

	t->sim = s;
	t->client = client;
	t->cwnd = 10;
	t->ssthresh = INFINITY;
	t->ack_at = QUIC_TIME_NEVER;
	t->round_rtt = U64_MAX;
	sim_attach(s, client, &from);
	sim_attach(s, client + 1, &to);
	return t;
}

void tcp_free(struct tcp *t)
{
	kfree(t);
}

void tcp_start(struct tcp *t)
{
	t->started = true;
	t->rto_at = t->sim->now + rto(t);
	send_some(t);
}

double tcp_cwnd(const struct tcp *t)
{
	return t->cwnd;
}

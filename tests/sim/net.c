// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The virtual network: a heap of datagrams in flight, ordered by time and then
 * by the order of sending, and the two links that decide each one's fate.
 * The peers' deadlines are asked for before each step, so that a timer never
 * needs to be cancelled.
 */
#include "sim.h"

#define BURST	(20 * MS)	/* no datagram gets through meanwhile */
#define SPOIL	51		/* bytes of a datagram that 'spoil' may strike */
#define HEADERS	28		/* IP and UDP */

struct event {
	u64 at, seq;
	int to;			/* end */
	struct quic_addr src, dst;
	u8 ecn;
	u32 len;
	u8 *data;
};

/* xorshift64*: the simulation's own numbers, apart from the core's. */
static u64 next64(struct sim *s)
{
	s->rng ^= s->rng >> 12;
	s->rng ^= s->rng << 25;
	s->rng ^= s->rng >> 27;
	return s->rng * 0x2545f4914f6cdd1dULL;
}

u32 sim_random(struct sim *s, u32 below)
{
	return below ? (next64(s) >> 33) % below : 0;
}

static bool chance(struct sim *s, u32 per10000)
{
	return per10000 && sim_random(s, 10000) < per10000;
}

void sim_init(struct sim *s, u64 seed, const struct link_params p[2])
{
	memset(s, 0, sizeof(*s));
	s->now = SEC;
	s->rng = (seed + 1) * 0x9e3779b97f4a7c15ULL;
	s->link[0].p = p[0];
	s->link[1].p = p[1];
}

static bool before(const struct event *a, const struct event *b)
{
	return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static void push(struct sim *s, struct event e)
{
	u32 i = s->nevents++, up;

	if (s->nevents > s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		s->heap = krealloc(s->heap, s->cap * sizeof(e), GFP_KERNEL);
	}
	for (; i && before(&e, &s->heap[up = (i - 1) / 2]); i = up)
		s->heap[i] = s->heap[up];
	s->heap[i] = e;
}

static struct event pop(struct sim *s)
{
	struct event top = s->heap[0], e = s->heap[--s->nevents];
	u32 i = 0, kid;

	while ((kid = 2 * i + 1) < s->nevents) {
		if (kid + 1 < s->nevents && before(&s->heap[kid + 1], &s->heap[kid]))
			kid++;
		if (before(&e, &s->heap[kid]))
			break;
		s->heap[i] = s->heap[kid];
		i = kid;
	}
	s->heap[i] = e;
	return top;
}

void sim_free(struct sim *s)
{
	while (s->nevents)
		kfree(pop(s).data);
	kfree(s->heap);
}

void sim_attach(struct sim *s, int end, const struct end *e)
{
	s->end[end] = *e;
	s->ends = max_t(u32, s->ends, end + 1);
}

static void deliver(struct sim *s, struct link *l, u64 at, int end, const struct quic_addr *src,
		    const struct quic_addr *dst, const u8 *data, u32 len, u8 ecn, bool spoil)
{
	struct event e = { .at = at, .seq = s->seq++, .to = end ^ 1, .len = len, .ecn = ecn,
			   .src = *src, .dst = *dst };

	if (l->p.jitter)
		e.at += next64(s) % l->p.jitter;
	if (chance(s, l->p.reorder))
		e.at += l->p.delay + MS;
	e.data = kmalloc(len, GFP_KERNEL);
	memcpy(e.data, data, len);
	if (chance(s, l->p.corrupt))
		e.data[sim_random(s, len)] ^= 1 << sim_random(s, 8);
	if (spoil)
		e.data[sim_random(s, min_t(u32, len, SPOIL))] ^= 1 + sim_random(s, 255);
	push(s, e);
}

/* What the NAT makes of the client's address for now. */
static struct quic_addr outside(const struct sim *s)
{
	struct quic_addr a = peer_addr(0);

	a.port += s->mapping;
	a.ip[2] = s->nat.hosts ? s->mapping : 0;
	return a;
}

/* The client's datagrams make the mapping. */
static void translate_out(struct sim *s, struct quic_addr *src)
{
	u64 first = s->nat.first ? s->nat.first : s->nat.every, t = s->now - SEC;

	s->mapping = t < first ? 0 : 1 + (t - first) / s->nat.every;
	*src = outside(s);
}

/* On arrival: false if it is for a mapping that is gone by now. */
static bool translate_in(struct sim *s, struct quic_addr *dst)
{
	struct quic_addr out = outside(s);

	if (!quic_addr_equal(dst, &out))
		return false;
	*dst = peer_addr(0);
	return true;
}

static bool too_large(const struct sim *s, const struct link *l, u32 len)
{
	u32 mtu = l->p.mtu_then && s->now >= 2 * SEC ? l->p.mtu_then : l->p.mtu;

	return mtu && len + HEADERS > mtu;
}

/* With a limit on how many it strikes in a row. */
static bool strikes(struct sim *s, struct link *l, u32 per10000)
{
	if (!chance(s, per10000) || (l->p.in_row && l->row >= l->p.in_row))
		return false;
	l->row++;
	return true;
}

static bool vanishes(struct sim *s, struct link *l, u32 len)
{
	if (too_large(s, l, len) || strikes(s, l, l->p.loss))
		return true;
	if (chance(s, l->p.burst))
		l->burst_to = s->now + BURST;
	return s->now < l->burst_to || (s->now >= l->p.hole_from && s->now < l->p.hole_to) ||
	       (l->count >= l->p.drop_from && l->count < l->p.drop_to);
}

/* The queue drops its tail; else *@at is when the last bit is on the line. */
static bool enqueue(struct sim *s, struct link *l, u32 len, u64 *at)
{
	u64 wait = l->free_at > s->now ? l->free_at - s->now : 0;

	if (!l->p.rate)
		return true;
	while (l->queued && l->leaves[l->oldest % SIM_QUEUE_MAX] <= s->now) {
		l->oldest++;
		l->queued--;
	}
	/* one more is being sent */
	if ((l->p.queue && wait * l->p.rate / (8 * SEC) > l->p.queue) ||
	    (l->p.packets && l->queued > l->p.packets))
		return false;
	l->free_at = max(l->free_at, s->now) + (u64)(len + HEADERS) * 8 * SEC / l->p.rate;
	if (l->p.packets)
		l->leaves[(l->oldest + l->queued++) % SIM_QUEUE_MAX] = l->free_at;
	*at = l->free_at;
	return true;
}

static void account(struct link *l, int end, const u8 *data, u32 len, u64 at)
{
	l->bytes += len;
	l->carried[end / 2] += len + HEADERS;
	if (data[0] & QUIC_HDR_LONG)
		return;
	l->short_bytes += len;
	l->short_first = l->short_first ? l->short_first : at;
	l->short_last = at;
}

void sim_send(struct sim *s, int end, const struct quic_addr *a, const struct quic_addr *b,
	      const u8 *data, u32 len, u8 ecn)
{
	struct quic_addr src = a ? *a : peer_addr(end), dst = b ? *b : peer_addr(end ^ 1);
	struct link *l = &s->link[end & 1];
	u64 at = s->now;
	bool spoil;

	l->count++;
	if (s->nat.every && !end)
		translate_out(s, &src);
	if (vanishes(s, l, len) || !enqueue(s, l, len, &at)) {
		l->lost++;
		return;
	}
	spoil = strikes(s, l, l->p.spoil);
	l->row = spoil ? l->row : 0;
	account(l, end, data, len, at + l->p.delay);
	if (l->p.bleach)
		ecn = QUIC_ECN_NONE;
	else if (ecn != QUIC_ECN_NONE && chance(s, l->p.ce))
		ecn = QUIC_ECN_CE;
	deliver(s, l, at + l->p.delay, end, &src, &dst, data, len, ecn, spoil);
	if (chance(s, l->p.dup))
		deliver(s, l, at + l->p.delay, end, &src, &dst, data, len, ecn, spoil);
}

static void arrive(struct sim *s, struct event *e)
{
	struct end *to = &s->end[e->to];

	if (s->nat.every && !e->to && !translate_in(s, &e->dst))
		s->link[1].lost++;
	else
		to->rx(to->of, &e->src, &e->dst, e->data, e->len, e->ecn);
	kfree(e->data);
}

bool sim_run(struct sim *s, u64 limit, bool (*done)(struct sim *s))
{
	struct event e;
	u64 at, d;
	int i, who;

	while (!done(s)) {
		at = s->nevents ? s->heap[0].at : QUIC_TIME_NEVER;
		who = -1;
		for (i = 0; i < s->ends; i++) {
			d = s->end[i].deadline(s->end[i].of);
			if (d < at) {
				at = d;
				who = i;
			}
		}
		if (at > limit || at == QUIC_TIME_NEVER)
			return false;
		s->now = max(s->now, at);
		if (who >= 0) {
			s->end[who].timer(s->end[who].of);
			continue;
		}
		e = pop(s);
		arrive(s, &e);
	}
	return true;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Received packet numbers of one space and when to acknowledge them, RFC 9000
 * §13.2 and §13.4.1.
 *
 * 'got' holds what is still reported, at most QUIC_ACK_RANGES intervals.
 * Everything below 'floor' is refused as a duplicate: a range may be forgotten
 * (reported for good, or one too many) only because the floor rises over it,
 * so that no packet is ever processed twice.  The largest number received
 * always stays in 'got': packet numbers are expanded against it.
 *
 * 'deadline' says when an ACK must leave: now for packets that must not wait,
 * max_ack_delay later for a lone one.  A train gets one decision, at its end.
 *
 * Called by conn_rx for each packet and by conn_tx, under the connection's lock.
 */
#include "acktr.h"

void quic_acktr_init(struct quic_acktr *a)
{
	memset(a, 0, sizeof(*a));
	quic_ranges_init(&a->got, QUIC_ACK_RANGES);
	a->deadline = QUIC_TIME_NEVER;
	a->largest_eliciting = -1;
}

void quic_acktr_free(struct quic_acktr *a)
{
	quic_ranges_free(&a->got);
	a->deadline = QUIC_TIME_NEVER;
	a->unacked = 0;
}

bool quic_acktr_is_dup(const struct quic_acktr *a, u64 pn)
{
	if ((s64)pn > quic_acktr_largest(a))
		return false;
	return pn < a->floor || quic_ranges_contains(&a->got, pn);
}

static void raise_floor(struct quic_acktr *a, u64 floor)
{
	a->floor = max(a->floor, floor);
	quic_ranges_remove_below(&a->got, a->floor);
}

/*
 * RFC 9000 §13.2.3: a receiver limits the ranges that it remembers, by a
 * minimum packet number that increases as ranges are discarded.
 */
static void remember(struct quic_acktr *a, u64 pn)
{
	if (a->got.n && a->got.r[a->got.n - 1].hi == pn) {	/* in order */
		a->got.r[a->got.n - 1].hi++;
		return;
	}
	while (quic_ranges_add(&a->got, pn, pn + 1, GFP_ATOMIC)) {
		if (WARN_ON_ONCE(!a->got.n))
			return;
		if (pn < a->got.r[0].lo) {
			raise_floor(a, pn + 1);
			return;
		}
		raise_floor(a, a->got.r[0].hi);
	}
}

static void count_ecn(struct quic_acktr *a, enum quic_ecn ecn)
{
	a->ect0 += ecn == QUIC_ECN_ECT0;
	a->ect1 += ecn == QUIC_ECN_ECT1;
	a->ce += ecn == QUIC_ECN_CE;
}

/*
 * RFC 9000 §13.2.1: below another ack-eliciting packet, or above all of them
 * with packets missing in between.
 */
static bool out_of_order(const struct quic_acktr *a, u64 pn)
{
	u64 expected = a->largest_eliciting + 1;

	if (a->largest_eliciting < 0 || pn == expected)
		return false;
	return pn < expected || !quic_ranges_covers(&a->got, expected, pn);
}

static void owe(struct quic_acktr *a, u64 pn, bool at_once, u64 now, u64 max_ack_delay)
{
	/* RFC 9000 §13.2.1: within max_ack_delay in any case */
	a->deadline = min(a->deadline, at_once || out_of_order(a, pn) ? now : now + max_ack_delay);
	a->largest_eliciting = max_t(s64, a->largest_eliciting, pn);
	a->unacked++;
}

/* RFC 9000 §13.2.2: after at least two, but MAY process those at hand first */
static void owe_every_second(struct quic_acktr *a, bool more, u64 now)
{
	if (a->unacked >= QUIC_ACK_EVERY)
		a->deadline = min(a->deadline, more ? now + QUIC_NSEC_PER_MSEC : now);
}

void quic_acktr_received(struct quic_acktr *a, u64 pn, bool eliciting, bool now_ack,
			 bool more, enum quic_ecn ecn, u64 now, u64 max_ack_delay)
{
	if ((s64)pn > quic_acktr_largest(a))
		a->largest_time = now;
	remember(a, pn);
	count_ecn(a, ecn);
	/* RFC 9000 §13.2.1: MUST NOT answer a packet that is not ack-eliciting */
	if (eliciting)
		owe(a, pn, now_ack || ecn == QUIC_ECN_CE, now, max_ack_delay);
	owe_every_second(a, more, now);
}

/* The deadline is that of the packet before, or earlier: max_ack_delay asks for no other. */
void quic_acktr_follow(struct quic_acktr *a, bool more, enum quic_ecn ecn, u64 now)
{
	a->largest_time = now;
	a->largest_eliciting = a->got.r[a->got.n - 1].hi++;
	count_ecn(a, ecn);
	a->unacked++;
	owe_every_second(a, more, now);
}

/* RFC 9000 §13.2.5 */
static u64 host_delay(const struct quic_acktr *a, u8 exponent, u64 now)
{
	u64 ns = now > a->largest_time ? now - a->largest_time : 0;

	return div_u64(ns, QUIC_NSEC_PER_USEC) >> exponent;
}

static bool has_ecn(const struct quic_acktr *a)
{
	return a->ect0 || a->ect1 || a->ce;
}

/* Gap and length of the @i-th interval from below, RFC 9000 §19.3.1 */
static u64 gap_below(const struct quic_range *r)
{
	return r[1].lo - r[0].hi - 1;
}

static u64 range_width(const struct quic_range *r)
{
	return r->hi - r->lo - 1;
}

/* Bytes of the frame with the newest range alone; the count of 63 at most is one. */
static u32 base_len(const struct quic_acktr *a, const struct quic_range *newest, u64 delay)
{
	u32 n = 1 + quic_varint_len(newest->hi - 1) + quic_varint_len(delay) + 1 +
		quic_varint_len(range_width(newest));

	if (has_ecn(a))
		n += quic_varint_len(a->ect0) + quic_varint_len(a->ect1) + quic_varint_len(a->ce);
	return n;
}

/* How many more ranges fit into @room bytes; *@len grows by what they take. */
static u32 ranges_that_fit(const struct quic_acktr *a, u32 room, u32 *len)
{
	const struct quic_range *r = a->got.r + a->got.n - 1;
	u32 n = 0, add;

	while (r-- > a->got.r) {
		add = quic_varint_len(gap_below(r)) + quic_varint_len(range_width(r));
		if (*len + add > room)
			break;
		*len += add;
		n++;
	}
	return n;
}

static void write_ack(const struct quic_acktr *a, struct quic_wr *w, u64 delay, u32 more)
{
	const struct quic_range *r = a->got.r + a->got.n - 1;

	quic_wr_varint(w, has_ecn(a) ? QUIC_FRAME_ACK_ECN : QUIC_FRAME_ACK);
	quic_wr_varint(w, r->hi - 1);
	quic_wr_varint(w, delay);
	quic_wr_varint(w, more);
	quic_wr_varint(w, range_width(r));
	while (more--) {
		r--;
		quic_wr_varint(w, gap_below(r));
		quic_wr_varint(w, range_width(r));
	}
	if (!has_ecn(a))
		return;
	/* RFC 9000 §19.3.2 */
	quic_wr_varint(w, a->ect0);
	quic_wr_varint(w, a->ect1);
	quic_wr_varint(w, a->ce);
}

bool quic_acktr_put(struct quic_acktr *a, struct quic_pkt *p, u8 exponent, u64 now)
{
	u64 delay = host_delay(a, exponent, now);
	struct quic_wr w;
	u32 len, more;
	u8 *at;

	if (!a->got.n)
		return false;
	len = base_len(a, &a->got.r[a->got.n - 1], delay);
	if (!quic_pkt_fits(p, len))
		return false;
	/* RFC 9000 §13.2.3: what does not fit is omitted, the smallest numbers first */
	more = ranges_that_fit(a, min(quic_pkt_left(p), QUIC_PKT_SCRATCH - p->used), &len);
	at = quic_pkt_put(p, len);
	if (!at)
		return false;
	quic_wr_init(&w, at, len);
	write_ack(a, &w, delay, more);
	WARN_ON_ONCE(w.bad || w.p != w.end);
	quic_pkt_item(p, QUIC_ITEM_ACK, 0, quic_acktr_largest(a), 0, false);
	return true;
}

void quic_acktr_write(const struct quic_acktr *a, struct quic_wr *w)
{
	write_ack(a, w, 0, a->got.n - 1);
}

void quic_acktr_sent(struct quic_acktr *a)
{
	a->unacked = 0;
	a->deadline = QUIC_TIME_NEVER;
}

/*
 * RFC 9000 §13.2.4: stop tracking what an acknowledged ACK told; §13.2.3: MUST
 * retain the largest number that was processed.
 */
void quic_acktr_acked(struct quic_acktr *a, u64 largest)
{
	s64 newest = quic_acktr_largest(a);

	if (newest >= 0)
		raise_floor(a, min_t(u64, largest + 1, newest));
}

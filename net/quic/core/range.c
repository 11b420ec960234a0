// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Interval sets: packet numbers received (acktr), bytes acknowledged and lost
 * (sendbuf), stream indexes (streams).
 *
 * Invariant: r[0..n) ascends and r[i].hi < r[i + 1].lo, so that every set has
 * one representation.  Lookups are binary searches; adding and removing move
 * the intervals above, at most 'max' of them, which bounds what a peer's
 * holes can cost.  Work at the upper end, the usual case, moves nothing.
 * A set that becomes empty gives its memory back.  Nothing changes when a
 * function fails.  Under the lock of the set's owner.
 */
#include "range.h"

void quic_ranges_init(struct quic_ranges *s, u16 max)
{
	s->r = s->in;
	s->n = 0;
	s->cap = min_t(u16, QUIC_RANGE_INLINE, max);
	s->max = max;
}

void quic_ranges_free(struct quic_ranges *s)
{
	if (s->r != s->in)
		kfree(s->r);
	quic_ranges_init(s, s->max);
}

/* Index of the first interval with hi >= @v, or n. */
static u32 search(const struct quic_ranges *s, u64 v)
{
	u32 lo = 0, hi = s->n, mid;

	if (!s->n || s->r[s->n - 1].hi < v)
		return s->n;
	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (s->r[mid].hi < v)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int make_room(struct quic_ranges *s, gfp_t gfp)
{
	struct quic_range *r;
	u16 cap;

	if (s->n < s->cap)
		return 0;
	if (s->n >= s->max)
		return -ENOSPC;
	cap = min_t(u32, s->cap * 2 + 4, s->max);
	r = kmalloc_array(cap, sizeof(*r), gfp | __GFP_NOWARN);
	if (!r)
		return -ENOMEM;
	memcpy(r, s->r, s->n * sizeof(*r));
	if (s->r != s->in)
		kfree(s->r);
	s->r = r;
	s->cap = cap;
	return 0;
}

/* Delete intervals [i, j). */
static void cut(struct quic_ranges *s, u32 i, u32 j)
{
	memmove(&s->r[i], &s->r[j], (s->n - j) * sizeof(*s->r));
	s->n -= j - i;
	if (!s->n)
		quic_ranges_free(s);
}

static int insert(struct quic_ranges *s, u32 i, u64 lo, u64 hi, gfp_t gfp)
{
	int err = make_room(s, gfp);

	if (err)
		return err;
	memmove(&s->r[i + 1], &s->r[i], (s->n - i) * sizeof(*s->r));
	s->r[i].lo = lo;
	s->r[i].hi = hi;
	s->n++;
	return 0;
}

int quic_ranges_add(struct quic_ranges *s, u64 lo, u64 hi, gfp_t gfp)
{
	u32 i, j;

	if (lo >= hi)
		return 0;
	i = search(s, lo);
	if (i == s->n || s->r[i].lo > hi)
		return insert(s, i, lo, hi, gfp);
	/* [i, j) touch or overlap: they become one */
	j = search(s, hi);
	if (j < s->n && s->r[j].lo <= hi)
		j++;
	s->r[i].lo = min(s->r[i].lo, lo);
	s->r[i].hi = max(s->r[j - 1].hi, hi);
	cut(s, i + 1, j);
	return 0;
}

void quic_ranges_add_over(struct quic_ranges *s, u64 lo, u64 hi, gfp_t gfp)
{
	u32 i;

	if (!quic_ranges_add(s, lo, hi, gfp) || WARN_ON_ONCE(!s->n))
		return;
	i = search(s, lo);
	if (i == s->n || (i && lo - s->r[i - 1].hi <= s->r[i].lo - hi))
		s->r[i - 1].hi = hi;
	else
		s->r[i].lo = lo;
}

int quic_ranges_remove(struct quic_ranges *s, u64 lo, u64 hi, gfp_t gfp)
{
	u32 i, j;
	int err;

	if (lo >= hi)
		return 0;
	i = search(s, lo + 1);
	if (i == s->n || s->r[i].lo >= hi)
		return 0;
	if (s->r[i].lo < lo && s->r[i].hi > hi) {
		err = insert(s, i, s->r[i].lo, lo, gfp);
		if (!err)
			s->r[i + 1].lo = hi;
		return err;
	}
	if (s->r[i].lo < lo)
		s->r[i++].hi = lo;
	j = search(s, hi);
	if (j < s->n && s->r[j].hi == hi)
		j++;
	else if (j < s->n)
		s->r[j].lo = max(s->r[j].lo, hi);
	if (j > i)
		cut(s, i, j);
	return 0;
}

void quic_ranges_remove_below(struct quic_ranges *s, u64 lo)
{
	/* never splits, so it never allocates */
	quic_ranges_remove(s, 0, lo, GFP_ATOMIC);
}

const struct quic_range *quic_ranges_from(const struct quic_ranges *s, u64 v)
{
	u32 i = v < U64_MAX ? search(s, v + 1) : s->n;

	return i < s->n ? &s->r[i] : NULL;
}

bool quic_ranges_contains(const struct quic_ranges *s, u64 v)
{
	const struct quic_range *r = quic_ranges_from(s, v);

	return r && r->lo <= v;
}

bool quic_ranges_covers(const struct quic_ranges *s, u64 lo, u64 hi)
{
	const struct quic_range *r;

	if (lo >= hi)
		return true;
	r = quic_ranges_from(s, lo);
	return r && r->lo <= lo && r->hi >= hi;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A set of u64 as sorted, disjoint, non-adjacent half-open intervals.  Grows
 * by doubling up to a bound given at init; a few intervals live inside.
 */
#ifndef _QUIC_RANGE_H
#define _QUIC_RANGE_H

#include "kern.h"

#define QUIC_RANGE_INLINE	1	/* most sets have one, or none */

struct quic_range {
	u64 lo;
	u64 hi;		/* first value not in the interval */
};

struct quic_ranges {	/* points into itself: never copied */
	struct quic_range *r;	/* ascending; == in while it fits */
	u16 n;
	u16 cap;
	u16 max;		/* most intervals; an add beyond is -ENOSPC */
	struct quic_range in[QUIC_RANGE_INLINE];
};

void quic_ranges_init(struct quic_ranges *s, u16 max);
void quic_ranges_free(struct quic_ranges *s);	/* back to empty */
/* Add [lo, hi): 0, -ENOMEM or -ENOSPC with the set unchanged. */
int quic_ranges_add(struct quic_ranges *s, u64 lo, u64 hi, gfp_t gfp);
/*
 * Add at least [lo, hi); never fails: where there is no room for one more
 * interval, the gap to the nearer neighbour is added too.
 */
void quic_ranges_add_over(struct quic_ranges *s, u64 lo, u64 hi, gfp_t gfp);
/* Remove [lo, hi); may need one interval more: 0, -ENOMEM, -ENOSPC. */
int quic_ranges_remove(struct quic_ranges *s, u64 lo, u64 hi, gfp_t gfp);
void quic_ranges_remove_below(struct quic_ranges *s, u64 lo);	/* never fails */
bool quic_ranges_contains(const struct quic_ranges *s, u64 v);
bool quic_ranges_covers(const struct quic_ranges *s, u64 lo, u64 hi);
/* The first interval that ends after @v, or NULL. */
const struct quic_range *quic_ranges_from(const struct quic_ranges *s, u64 v);

#endif /* _QUIC_RANGE_H */

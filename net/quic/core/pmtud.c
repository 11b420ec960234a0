// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The search for the path's MTU, RFC 8899 §5.3: the largest size first, for most
 * paths take it, then halving what lies between the largest that arrived and the
 * smallest that did not.  One probe at a time; three lost ones mean too large.
 * When the search is over it begins again after 'interval' (the raise timer of
 * §5.1.1), unless there is nothing above.
 */
#include "pmtud.h"

void quic_pmtud_init(struct quic_pmtud *p, u64 interval)
{
	memset(p, 0, sizeof(*p));
	p->interval = interval;
	p->at = QUIC_TIME_NEVER;
	p->max = p->low = QUIC_INITIAL_MIN;
	p->high = p->max + 1;
}

static void probe(struct quic_pmtud *p, u16 size)
{
	p->size = size;
	p->tries = 0;
	p->pending = size;
}

void quic_pmtud_start(struct quic_pmtud *p)
{
	/* RFC 9000 §14.3: BASE_PLPMTU SHOULD be consistent with the minimum */
	p->low = QUIC_INITIAL_MIN;
	p->high = p->max + 1;
	p->at = QUIC_TIME_NEVER;
	probe(p, p->max > p->low ? p->max : 0);
}

static void next(struct quic_pmtud *p, u64 now)
{
	if (p->high - p->low > QUIC_PMTUD_STEP) {
		probe(p, p->low + (p->high - p->low) / 2);
		return;
	}
	probe(p, 0);
	p->at = p->low < p->max ? now + p->interval : QUIC_TIME_NEVER;
}

void quic_pmtud_limit(struct quic_pmtud *p, u16 max)
{
	bool raised = max > p->max;

	if (max == p->max)
		return;
	p->max = max;
	p->low = min(p->low, max);
	p->high = raised ? max + 1 : min_t(u16, p->high, max + 1);
	/* a probe that is too large now is as good as lost; one in flight is forgotten */
	if (raised || p->size > max)
		probe(p, max > p->low ? max : 0);
}

void quic_pmtud_acked(struct quic_pmtud *p, u32 size, u64 now)
{
	/* of another search, or another path: it proves nothing */
	if (size != p->size || p->pending)
		return;
	p->low = size;
	next(p, now);
}

void quic_pmtud_lost(struct quic_pmtud *p, u32 size, u64 now)
{
	if (size != p->size || p->pending)
		return;
	if (++p->tries < QUIC_PMTUD_TRIES) {
		p->pending = true;
		return;
	}
	p->high = size;
	next(p, now);
}

void quic_pmtud_collapse(struct quic_pmtud *p, u16 size)
{
	p->low = QUIC_INITIAL_MIN;
	p->high = max_t(u16, size, QUIC_INITIAL_MIN + 1);
	p->at = QUIC_TIME_NEVER;
	next(p, 0);
	if (!p->size)
		p->at = QUIC_TIME_NEVER;
}

void quic_pmtud_timeout(struct quic_pmtud *p, u64 now)
{
	if (now < p->at)
		return;
	p->at = QUIC_TIME_NEVER;
	p->high = p->max + 1;
	probe(p, p->max > p->low ? p->max : 0);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packetization layer path MTU discovery, RFC 8899 and RFC 9000 §14.3: which
 * size to probe next.  Pure bookkeeping; conn_tx writes the probe (PING and
 * PADDING, a packet of its own), conn applies what is found.
 */
#ifndef _QUIC_PMTUD_H
#define _QUIC_PMTUD_H

#include "wire.h"

#define QUIC_PMTUD_TRIES	3	/* MAX_PROBES, RFC 8899 §5.1.2 */
#define QUIC_PMTUD_STEP		16	/* bytes: a smaller gain is not searched for */
#define QUIC_PMTUD_RAISE	(600 * QUIC_NSEC_PER_SEC)	/* PMTU_RAISE_TIMER, likewise */

struct quic_pmtud {
	u64 interval;		/* ns from the end of a search to the next; 0: off */
	u64 at;			/* of the next search; QUIC_TIME_NEVER: none */
	u16 max;		/* what owner and peer allow */
	u16 low;		/* confirmed: what the path takes */
	u16 high;		/* too large, or max + 1 */
	u16 size;		/* of the probe under way; 0: none */
	u8 tries;		/* of it, lost so far */
	bool pending;		/* it is to be sent */
};

void quic_pmtud_init(struct quic_pmtud *p, u64 interval);
/* A path of which nothing is known: search from 1200 bytes (BASE_PLPMTU) on. */
void quic_pmtud_start(struct quic_pmtud *p);
/* More than @max need not be tried (route, ICMP, the peer's parameter). */
void quic_pmtud_limit(struct quic_pmtud *p, u16 max);
void quic_pmtud_acked(struct quic_pmtud *p, u32 size, u64 now);	/* p->low may have risen */
void quic_pmtud_lost(struct quic_pmtud *p, u32 size, u64 now);
/* RFC 8899 §4.3: packets of @size get lost that did not before: a black hole. */
void quic_pmtud_collapse(struct quic_pmtud *p, u16 size);
void quic_pmtud_timeout(struct quic_pmtud *p, u64 now);		/* p->at may have come */

#endif /* _QUIC_PMTUD_H */

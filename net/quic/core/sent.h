/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets in flight of one space: a ring indexed by packet number, and a ring
 * of the items that they carried, in the same order.  No allocation per
 * packet: rings double when full and go when empty for long.
 */
#ifndef _QUIC_SENT_H
#define _QUIC_SENT_H

#include "pkt.h"

enum { QUIC_SENT_ELICITING = 1, QUIC_SENT_IN_FLIGHT = 2, QUIC_SENT_ACKED = 4,
       QUIC_SENT_LOST = 8, QUIC_SENT_SKIPPED = 16 /* number never used, §21.4 */,
       QUIC_SENT_ECT = 32, QUIC_SENT_PROBE_MTU = 64 };

struct quic_sent_pkt {
	u64 time;
	u64 delivered;		/* bytes delivered when it left (rate samples) */
	u32 item;		/* index of its first item, free running */
	u16 size;		/* UDP payload bytes */
	u8 nitem;
	u8 flags;
};

#define QUIC_SENT_MAX	65536	/* packets tracked at once, a bound on memory */

struct quic_sent {
	struct quic_sent_pkt *pkt;	/* [pn & pkt_mask] */
	struct quic_sent_item *item;	/* [index & item_mask] */
	u32 pkt_cap, item_cap;		/* powers of two, or 0 */
	u64 first;			/* oldest packet number still tracked */
	u64 next;			/* next packet number to use */
	u32 item_first, item_next;
};

void quic_sent_init(struct quic_sent *s);
void quic_sent_free(struct quic_sent *s);
/* Make sure that quic_sent_add() of a packet with @nitem items cannot fail. 0, -ENOMEM, -ENOBUFS (bound) */
int quic_sent_reserve(struct quic_sent *s, unsigned int nitem);
/* Record the packet with number s->next; flags as above. */
struct quic_sent_pkt *quic_sent_add(struct quic_sent *s, const struct quic_pkt *p,
				    u16 size, u8 flags, u64 now);
void quic_sent_skip(struct quic_sent *s);	/* leave out a number (optimistic ACK defence) */
/* NULL: not tracked (below first or not sent). */
struct quic_sent_pkt *quic_sent_get(struct quic_sent *s, u64 pn);
struct quic_sent_item *quic_sent_item(struct quic_sent *s, const struct quic_sent_pkt *p,
				      unsigned int i);
/* Drop leading packets that are acknowledged, lost or skipped. */
void quic_sent_trim(struct quic_sent *s);

#endif /* _QUIC_SENT_H */

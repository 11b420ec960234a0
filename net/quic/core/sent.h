/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets in flight of one space: a ring indexed by packet number, and a ring
 * of the items that they carried, in the same order.  No allocation per
 * packet: rings double when full, and large ones go when they are empty.
 */
#ifndef _QUIC_SENT_H
#define _QUIC_SENT_H

#include "pkt.h"

enum {
	QUIC_SENT_ELICITING	= 0x01,
	QUIC_SENT_IN_FLIGHT	= 0x02,	/* its size is in quic_cc's in_flight until ACKED or LOST */
	QUIC_SENT_ACKED		= 0x04,
	QUIC_SENT_LOST		= 0x08,	/* kept a while: its ACK may still come */
	QUIC_SENT_SKIPPED	= 0x10,	/* number never used, RFC 9000 §21.4 */
	QUIC_SENT_ECT		= 0x20,	/* left marked ECT(0) */
	QUIC_SENT_PROBE		= 0x40,	/* of MTU or path: its loss is no congestion, RFC 9000 §14.4, §9.4 */
	QUIC_SENT_REQUEUED	= 0x80,	/* its items were handed back for a probe */
};

struct quic_sent_pkt {
	u64 time;
	u64 run;		/* ACKED: so are all up to this; SKIPPED: the one skipped before */
	u32 item;		/* index of its first item, free running */
	u16 size;		/* UDP payload bytes */
	u8 nitem;
	u8 flags;
};

#define QUIC_SENT_MAX		65536	/* packets tracked at once, a bound on memory */
#define QUIC_SENT_ITEMS_MAX	131072
#define QUIC_SENT_KEEP		64	/* rings up to this stay when they run empty */
#define QUIC_SENT_NO_SKIP	U64_MAX
#define QUIC_SENT_SKIP_MIN	64	/* packets from one number left out to the next, at least */
#define QUIC_SENT_SKIP_SPAN	1024	/* and as many more by chance; a power of two */

struct quic_sent {
	struct quic_sent_pkt *pkt;	/* [pn & (pkt_cap - 1)] */
	struct quic_sent_item *item;	/* [index & (item_cap - 1)] */
	u32 pkt_cap, item_cap;		/* powers of two, or 0 */
	u64 first;			/* oldest packet number still tracked */
	u64 next;			/* next packet number to use */
	u64 skipped;			/* newest number left out; QUIC_SENT_NO_SKIP: none */
	u64 skip_at;			/* the next to be left out; nobody can foresee it */
	u32 item_first, item_next;
};

void quic_sent_init(struct quic_sent *s);
void quic_sent_free(struct quic_sent *s);
/* Numbers below @pn were used before anything was tracked. */
static inline void quic_sent_begin(struct quic_sent *s, u64 pn)
{
	s->first = pn;
	s->next = pn;
}

/*
 * Make sure that quic_sent_add() of a packet with @nitem items cannot fail.
 * 0; -ENOMEM, -ENOBUFS (bound): as if the congestion window were full, an
 * ACK makes room.
 */
int quic_sent_make_room(struct quic_sent *s, unsigned int nitem);
static inline int quic_sent_reserve(struct quic_sent *s, unsigned int nitem)
{
	if (likely(s->next - s->first < s->pkt_cap &&
		   s->item_next - s->item_first + nitem <= s->item_cap))
		return 0;
	return quic_sent_make_room(s, nitem);
}

/* Record the packet with number s->next; flags as above. Valid until the next reserve or trim. */
struct quic_sent_pkt *quic_sent_add(struct quic_sent *s, const struct quic_pkt *p,
				    u16 size, u8 flags, u64 now);
/* The same of a packet that carries but @it. */
struct quic_sent_pkt *quic_sent_add_one(struct quic_sent *s, const struct quic_sent_item *it,
					u16 size, u8 flags, u64 now);
/*
 * After quic_sent_reserve() of @nitem: how many packets with an item each can be added
 * until it has to make room again.
 */
static inline u32 quic_sent_room(const struct quic_sent *s, unsigned int nitem)
{
	return min_t(u32, s->pkt_cap - (s->next - s->first),
		     s->item_cap - (s->item_next - s->item_first) - nitem + 1);
}

/*
 * Leave out a number (optimistic ACK defence), when s->next is s->skip_at,
 * before it is used for a packet and before quic_sent_reserve(); without memory
 * nothing is left out.
 */
void quic_sent_skip(struct quic_sent *s);
static inline struct quic_sent_pkt *quic_sent_slot(struct quic_sent *s, u64 pn)
{
	return &s->pkt[pn & (s->pkt_cap - 1)];
}

/* NULL: not tracked (below first or not sent). */
static inline struct quic_sent_pkt *quic_sent_get(struct quic_sent *s, u64 pn)
{
	return pn >= s->first && pn < s->next ? quic_sent_slot(s, pn) : NULL;
}

static inline struct quic_sent_item *quic_sent_item(struct quic_sent *s,
						    const struct quic_sent_pkt *p,
						    unsigned int i)
{
	return &s->item[(p->item + i) & (s->item_cap - 1)];
}

/*
 * Drop leading packets that are acknowledged or skipped, or lost and sent
 * before @lost_before: until then a late ACK tells that the loss was none.
 */
void quic_sent_trim(struct quic_sent *s, u64 lost_before);
/*
 * Was a number in lo..hi skipped?  Ranges descend; @skip, carried from one to
 * the next, begins as s->skipped.
 */
bool quic_sent_skipped_in(struct quic_sent *s, u64 lo, u64 hi, u64 *skip);
void quic_sent_clear(struct quic_sent *s);	/* forget all packets; numbers go on */

/* Nothing is tracked that anybody waits for: give the rings' memory back until the next packet. */
void quic_sent_release(struct quic_sent *s);

#endif /* _QUIC_SENT_H */

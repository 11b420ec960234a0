// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What was sent and is not settled yet, RFC 9002 §A.1.
 *
 * Two rings of power-of-two size, one of packets and one of their items.  A
 * packet is found by its number alone; the numbers first..next-1 are tracked
 * and fill the packet ring without holes (a number that was left out has its
 * slot, too).  Items lie in the order of their packets, so that both rings are
 * released from the head, in step: item_first is the head packet's first.
 *
 * Packets that elicit no ACK and are not in flight (ACK only) may never be
 * acknowledged: a receiver sends them by the million.  They are tracked for
 * RFC 9000 §13.2.4 alone and make way as soon as the ring is full, and so do
 * lost ones that only wait for a late ACK.
 *
 * Called from loss.c and conn_tx under the connection's lock; in softirq, too.
 */
#include "sent.h"

#define SENT_CAP_MIN	32

/* RFC 9000 §21.4: a peer that acknowledges what it did not see must not know where */
static void choose_skip(struct quic_sent *s)
{
	s->skip_at = s->next + QUIC_SENT_SKIP_MIN + (get_random_u32() & (QUIC_SENT_SKIP_SPAN - 1));
}

void quic_sent_init(struct quic_sent *s)
{
	memset(s, 0, sizeof(*s));
	s->skipped = QUIC_SENT_NO_SKIP;
	choose_skip(s);
}

static void release(struct quic_sent *s)
{
	kfree(s->pkt);
	kfree(s->item);
	s->pkt = NULL;
	s->item = NULL;
	s->pkt_cap = 0;
	s->item_cap = 0;
}

void quic_sent_free(struct quic_sent *s)
{
	release(s);
	quic_sent_init(s);
}

static void pop_oldest(struct quic_sent *s)
{
	s->item_first += quic_sent_slot(s, s->first)->nitem;
	s->first++;
}

/* Large rings go when they run empty: an idle connection stays small. */
static void shrink(struct quic_sent *s)
{
	if (s->first != s->next)
		return;
	if (s->pkt_cap > QUIC_SENT_KEEP || s->item_cap > QUIC_SENT_KEEP)
		release(s);
}

void quic_sent_trim(struct quic_sent *s, u64 lost_before)
{
	while (s->first != s->next) {
		struct quic_sent_pkt *p = quic_sent_slot(s, s->first);

		if (!(p->flags & (QUIC_SENT_ACKED | QUIC_SENT_SKIPPED)) &&
		    !(p->flags & QUIC_SENT_LOST && p->time < lost_before))
			break;
		pop_oldest(s);
	}
	shrink(s);
}

void quic_sent_clear(struct quic_sent *s)
{
	s->first = s->next;
	s->item_first = s->item_next;
	shrink(s);
}

/* Forget leading packets that nobody waits for. */
static void make_way(struct quic_sent *s)
{
	while (s->first != s->next) {
		u8 flags = quic_sent_slot(s, s->first)->flags;

		if (flags & (QUIC_SENT_ELICITING | QUIC_SENT_IN_FLIGHT) &&
		    !(flags & (QUIC_SENT_ACKED | QUIC_SENT_LOST)))
			break;
		pop_oldest(s);
	}
}

static int grow_pkts(struct quic_sent *s)
{
	u32 cap = max_t(u32, s->pkt_cap * 2, SENT_CAP_MIN);
	struct quic_sent_pkt *new;
	u64 pn;

	if (cap > QUIC_SENT_MAX)
		return -ENOBUFS;
	new = kmalloc_array(cap, sizeof(*new), GFP_ATOMIC | __GFP_NOWARN);
	if (!new)
		return -ENOMEM;
	for (pn = s->first; pn != s->next; pn++)
		new[pn & (cap - 1)] = *quic_sent_slot(s, pn);
	kfree(s->pkt);
	s->pkt = new;
	s->pkt_cap = cap;
	return 0;
}

static int grow_items(struct quic_sent *s, u32 need)
{
	u32 cap = roundup_pow_of_two(max_t(u32, need, SENT_CAP_MIN));
	struct quic_sent_item *new;
	u32 i;

	if (cap > QUIC_SENT_ITEMS_MAX)
		return -ENOBUFS;
	new = kmalloc_array(cap, sizeof(*new), GFP_ATOMIC | __GFP_NOWARN);
	if (!new)
		return -ENOMEM;
	for (i = s->item_first; i != s->item_next; i++)
		new[i & (cap - 1)] = s->item[i & (s->item_cap - 1)];
	kfree(s->item);
	s->item = new;
	s->item_cap = cap;
	return 0;
}

int quic_sent_make_room(struct quic_sent *s, unsigned int nitem)
{
	int err;

	make_way(s);
	if (s->next - s->first >= s->pkt_cap) {
		err = grow_pkts(s);
		if (err)
			return err;
	}
	if (s->item_next - s->item_first + nitem <= s->item_cap)
		return 0;
	return grow_items(s, s->item_next - s->item_first + nitem);
}

static struct quic_sent_pkt *push(struct quic_sent *s, u16 size, u8 flags, u64 now)
{
	struct quic_sent_pkt *sp = quic_sent_slot(s, s->next++);

	sp->time = now;
	sp->run = 0;
	sp->item = s->item_next;
	sp->size = size;
	sp->nitem = 0;
	sp->flags = flags;
	return sp;
}

struct quic_sent_pkt *quic_sent_add(struct quic_sent *s, const struct quic_pkt *p,
				    u16 size, u8 flags, u64 now)
{
	struct quic_sent_pkt *sp = push(s, size, flags, now);
	unsigned int i;

	for (i = 0; i < p->nitem; i++)
		s->item[s->item_next++ & (s->item_cap - 1)] = p->item[i];
	sp->nitem = p->nitem;
	return sp;
}

struct quic_sent_pkt *quic_sent_add_one(struct quic_sent *s, const struct quic_sent_item *it,
					u16 size, u8 flags, u64 now)
{
	struct quic_sent_pkt *sp = push(s, size, flags, now);

	s->item[s->item_next++ & (s->item_cap - 1)] = *it;
	sp->nitem = 1;
	return sp;
}

/* RFC 9000 §21.4: MAY skip packet numbers to detect acknowledgments of the unseen. */
void quic_sent_skip(struct quic_sent *s)
{
	u64 before = s->skipped;

	if (!quic_sent_reserve(s, 0)) {
		s->skipped = s->next;
		push(s, 0, QUIC_SENT_SKIPPED, 0)->run = before;
	}
	choose_skip(s);		/* without memory, a later one */
}

/* Skipped numbers are linked, newest first, as far back as they are tracked. */
static u64 skipped_before(struct quic_sent *s, u64 pn)
{
	struct quic_sent_pkt *p = quic_sent_get(s, pn);

	return p ? p->run : QUIC_SENT_NO_SKIP;
}

bool quic_sent_skipped_in(struct quic_sent *s, u64 lo, u64 hi, u64 *skip)
{
	while (*skip != QUIC_SENT_NO_SKIP && *skip > hi)
		*skip = skipped_before(s, *skip);
	return *skip != QUIC_SENT_NO_SKIP && *skip >= lo;
}

void quic_sent_release(struct quic_sent *s)
{
	/* whoever was silent last sent an ACK, which nobody acknowledges */
	make_way(s);
	if (s->first == s->next)
		release(s);
}

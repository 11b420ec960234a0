// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A packet while it is being built (see pkt.h).  The gather that the AEAD will
 * read grows at its end only: small bytes go to the scratch, and as long as
 * the last piece of the gather is the end of the scratch they just lengthen
 * it; data elsewhere is pointed at.
 *
 * Invariants: len is the sum of all pieces, and at most room; used bytes of the
 * scratch are pointed at by the pieces, in order; a frame that quic_pkt_fits()
 * can be written, its item recorded and its data pointed at by at least one
 * piece.  A function that returns false, or NULL, changed nothing.
 *
 * Callers: every writer of frames, under the connection's lock, in a transmit
 * burst of conn_tx, which owns the struct.
 */
#include "pkt.h"

void quic_pkt_start(struct quic_pkt *p, u8 pkt_type, u32 room)
{
	p->pkt_type = pkt_type;
	p->ack_eliciting = false;
	p->in_flight = false;
	p->nvec = 0;
	p->nitem = 0;
	p->len = 0;
	p->room = room;
	p->used = 0;
}

bool quic_pkt_fits(const struct quic_pkt *p, u32 hdr)
{
	return p->nitem < QUIC_PKT_ITEMS && quic_pkt_vecs(p) &&
	       hdr <= quic_pkt_left(p) && hdr <= QUIC_PKT_SCRATCH - p->used;
}

/* Is the last piece the end of the scratch? */
static bool ends_in_scratch(const struct quic_pkt *p)
{
	const struct quic_vec *v = p->vec + p->nvec;

	return p->nvec && v[-1].base + v[-1].len == p->scratch + p->used;
}

u8 *quic_pkt_put(struct quic_pkt *p, u32 n)
{
	u8 *at = p->scratch + p->used;

	if (n > quic_pkt_left(p) || n > QUIC_PKT_SCRATCH - p->used)
		return NULL;
	if (ends_in_scratch(p))
		p->vec[p->nvec - 1].len += n;
	else if (p->nvec < QUIC_PKT_VECS)
		p->vec[p->nvec++] = (struct quic_vec){ at, n };
	else
		return NULL;
	p->used += n;
	p->len += n;
	return at;
}

bool quic_pkt_data(struct quic_pkt *p, const struct quic_vec *v, unsigned int n)
{
	u64 len = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		len += v[i].len;
	if (len > quic_pkt_left(p) || n > QUIC_PKT_VECS - p->nvec)
		return false;
	memcpy(p->vec + p->nvec, v, n * sizeof(*v));
	p->nvec += n;
	p->len += len;
	return true;
}

void quic_pkt_item(struct quic_pkt *p, u8 type, u64 id, u64 off, u32 len, bool fin)
{
	struct quic_sent_item *it = &p->item[p->nitem];

	if (WARN_ON_ONCE(p->nitem == QUIC_PKT_ITEMS))
		return;
	it->type = type;
	it->fin = fin;
	it->len = len;
	it->id = id;
	it->off = off;
	p->nitem++;
	/* RFC 9002 §2: ack-eliciting packets are in flight until acknowledged or lost */
	if (type != QUIC_ITEM_ACK) {
		p->ack_eliciting = true;
		p->in_flight = true;
	}
}

bool quic_pkt_frame(struct quic_pkt *p, const struct quic_frame *f, u8 item, u64 id)
{
	u32 n = quic_frame_len(f);
	struct quic_wr w;

	if (!quic_pkt_fits(p, n))
		return false;
	quic_wr_init(&w, quic_pkt_put(p, n), n);
	quic_frame_put(&w, f);
	quic_pkt_item(p, item, id, 0, 0, false);
	return true;
}

void quic_pkt_pad(struct quic_pkt *p, u32 to_len)
{
	u32 left = min(to_len, p->room) - min(p->len, min(to_len, p->room));
	struct quic_vec zeros = { .len = min(left, QUIC_PKT_SCRATCH - p->used) };
	u8 *at = quic_pkt_put(p, zeros.len);

	if (!at || !zeros.len)
		return;
	memset(at, QUIC_FRAME_PADDING, zeros.len);
	/* RFC 9002 §2: PADDING counts for congestion control, but elicits nothing */
	p->in_flight = true;
	/* A probe of a large MTU has more padding than the scratch: the same zeros again */
	zeros.base = at;
	for (left -= zeros.len; left; left -= zeros.len) {
		zeros.len = min(left, zeros.len);
		if (!quic_pkt_data(p, &zeros, 1))
			return;
	}
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unreliable datagrams, RFC 9221.
 *
 * Out: each is copied once, into a chunk, and queues as a slice.  A packet
 * points at it, so it stays queued until that packet is sealed; then it is
 * forgotten: no datagram is ever sent again (§5).  Memory bounds the queue: the
 * chunks are charged to the socket, and each holds a few slices only.
 * In: a slice of the chunk that the packet was opened into.  A peer is free to
 * send as much as congestion control lets it (§5.3), so the queue is bounded by
 * the memory that it holds: a chunk counts in full for each run of slices that
 * lie in it, however short they are.
 * Called by conn_rx, conn_tx and the socket layer under the connection's lock.
 */
#include "dgram.h"

#define RESERVE_MIN	2048	/* least size of a chunk for what is sent */
#define CHUNK_DGRAMS	4	/* datagrams that a chunk is made for */
#define DGRAM_PLAIN_MIN	2	/* RFC 9001 §5.4.2: least plaintext behind 2 bytes of number */

void quic_dgrams_init(struct quic_dgrams *d, const struct quic_chunk_ops *chunk_ops, void *priv)
{
	memset(d, 0, sizeof(*d));
	d->chunk_ops = chunk_ops;
	d->priv = priv;
	d->in_max = QUIC_DGRAMS_RCV_MAX;
	quic_slices_init(&d->out);
	quic_slices_init(&d->in);
}

static void put_tx_chunk(struct quic_dgrams *d)
{
	if (d->tx_chunk)
		quic_chunk_put(d->tx_chunk);
	d->tx_chunk = NULL;
}

void quic_dgrams_free(struct quic_dgrams *d)
{
	quic_slices_free(&d->out);
	d->next = NULL;
	d->out_bytes = 0;
	put_tx_chunk(d);
	quic_dgrams_discard(d);
}

void quic_dgrams_trim(struct quic_dgrams *d)
{
	if (d->tx_chunk && quic_chunk_rewind(d->tx_chunk))
		put_tx_chunk(d);
}

/* ---- out ---- */

static bool has_room(const struct quic_chunk *c, u32 len)
{
	return c->size - c->used >= len && c->slices_used < c->nslices;
}

u8 *quic_dgrams_reserve(struct quic_dgrams *d, u32 len, bool may_sleep)
{
	u32 want = max_t(u32, RESERVE_MIN, len);

	if (d->tx_chunk) {
		quic_chunk_rewind(d->tx_chunk);
		if (!has_room(d->tx_chunk, len))
			put_tx_chunk(d);
	}
	if (!d->tx_chunk) {
		if (len <= QUIC_CHUNK_SIZE / CHUNK_DGRAMS)
			want = max(want, CHUNK_DGRAMS * len);
		d->tx_chunk = d->chunk_ops->alloc(d->priv, want, true, may_sleep);
	}
	return d->tx_chunk ? d->tx_chunk->base + d->tx_chunk->used : NULL;
}

void quic_dgrams_queue(struct quic_dgrams *d, u32 len)
{
	struct quic_chunk *c = d->tx_chunk;
	struct quic_slice *s = c ? quic_chunk_slice(c, c->base + c->used, len) : NULL;

	if (WARN_ON_ONCE(!s))
		return;
	c->used += len;
	s->off = d->out_number++;
	quic_slices_insert(&d->out, s);
	d->out_bytes += len;
	if (!d->next)
		d->next = s;
}

/* The first in the queue: it is out, or never will be. */
static void dgram_forget(struct quic_dgrams *d, struct quic_slice *s)
{
	d->out_bytes -= s->len;
	quic_slices_remove(&d->out, s);
}

/* RFC 9221 §4: with its length, or as the last of the packet without. */
static bool put_one(struct quic_pkt *p, const struct quic_slice *s, u64 frame_max, bool last)
{
	struct quic_vec v = { s->data, s->len };
	u32 hdr = quic_frame_datagram_hdr_len(s->len);
	bool bare = hdr + s->len > frame_max || hdr + s->len > quic_pkt_left(p);
	struct quic_wr w;

	if (bare)
		hdr = 1;
	if ((bare && !last) || hdr + s->len > quic_pkt_left(p) || !quic_pkt_fits(p, hdr))
		return false;
	if (bare && s->len < DGRAM_PLAIN_MIN) {	/* no padding can follow */
		quic_pkt_pad(p, DGRAM_PLAIN_MIN - s->len);
		if (hdr + s->len > quic_pkt_left(p) || !quic_pkt_fits(p, hdr))
			return false;
	}
	quic_wr_init(&w, quic_pkt_put(p, hdr), hdr);
	if (bare)
		quic_wr_u8(&w, QUIC_FRAME_DATAGRAM);
	else
		quic_frame_put_datagram_hdr(&w, s->len);
	if (s->len)
		WARN_ON_ONCE(!quic_pkt_data(p, &v, 1));
	quic_pkt_item(p, QUIC_ITEM_DATAGRAM, s->off, 0, 0, false);
	if (bare)
		p->room = p->len;
	return true;
}

u32 quic_dgrams_put(struct quic_dgrams *d, struct quic_pkt *p, u64 frame_max, u32 data_max,
		    bool last)
{
	struct quic_slice *s;
	u32 dropped = 0;

	while ((s = d->next)) {
		if (frame_max && s->len <= data_max) {
			if (!put_one(p, s, frame_max, last))
				break;
			d->next = quic_slice_next(s);
			continue;
		}
		/*
		 * RFC 9221 §5: it cannot be fragmented, and the path has become narrower; §3: or
		 * the peer takes less, or none, than what 0-RTT remembered of it
		 */
		d->next = quic_slice_next(s);
		dgram_forget(d, s);
		dropped++;
	}
	return dropped;
}

bool quic_dgrams_sent(struct quic_dgrams *d)
{
	struct quic_slice *s;
	bool any = false;

	while ((s = quic_slices_first(&d->out)) && s != d->next) {
		dgram_forget(d, s);
		any = true;
	}
	return any;
}

void quic_dgrams_unsent(struct quic_dgrams *d)
{
	d->next = quic_slices_first(&d->out);
}

/* ---- in ---- */

int quic_dgrams_receive(struct quic_dgrams *d, const u8 *data, u32 len, struct quic_chunk *chunk)
{
	struct quic_slice *last = d->in.last, *s;
	u32 more = last && last->chunk == chunk ? 0 : chunk->truesize;

	/* RFC 9221 §5.3: MAY be dropped; but one always gets through */
	if (last && d->in_held + more > d->in_max)
		return -ENOSPC;
	s = quic_chunk_slice(chunk, data, len);
	if (!s)
		return -ENOBUFS;
	s->off = d->in_number++;
	quic_slices_insert(&d->in, s);
	d->in_bytes += len;
	d->in_held += more;
	return 0;
}

static void drop_first(struct quic_dgrams *d, struct quic_slice *s)
{
	struct quic_slice *next = quic_slice_next(s);

	if (!next || next->chunk != s->chunk)
		d->in_held -= s->chunk->truesize;
	d->in_bytes -= s->len;
	quic_slices_remove(&d->in, s);
}

bool quic_dgrams_consume(struct quic_dgrams *d, u32 n)
{
	struct quic_slice *s = quic_slices_first(&d->in);

	if (n >= s->len) {
		drop_first(d, s);
		return true;
	}
	s->data += n;
	s->len -= n;
	d->in_bytes -= n;
	return false;
}

void quic_dgrams_discard(struct quic_dgrams *d)
{
	struct quic_slice *s;

	while ((s = quic_slices_first(&d->in)))
		drop_first(d, s);
}

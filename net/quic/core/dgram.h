/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unreliable datagrams of the application (RFC 9221): those that wait to be
 * sent and those that wait to be read, each in order.  They are slices of
 * chunks: nothing is allocated for one alone.
 */
#ifndef _QUIC_DGRAM_H
#define _QUIC_DGRAM_H

#include "chunk.h"
#include "pkt.h"

#define QUIC_DGRAMS_RCV_MAX	(1ULL << 20)	/* memory that received ones may hold, by default */

struct quic_dgrams {
	const struct quic_chunk_ops *chunk_ops;
	void *priv;

	/* out */
	struct quic_slices out;		/* by number */
	struct quic_slice *next;	/* first of them not in the packet under way */
	struct quic_chunk *tx_chunk;	/* where the next ones are copied to */
	u64 out_number;
	u64 out_bytes;
	bool streams_turn;		/* a datagram led the last packet that streams waited for */

	/* in */
	struct quic_slices in;		/* by number */
	u64 in_number;
	u64 in_bytes;
	u64 in_held;			/* memory of the chunks that they keep */
	u64 in_max;			/* bound of it */
};

void quic_dgrams_init(struct quic_dgrams *d, const struct quic_chunk_ops *chunk_ops, void *priv);
void quic_dgrams_free(struct quic_dgrams *d);
/* Memory that an idle connection does not need. */
void quic_dgrams_trim(struct quic_dgrams *d);

/* ---- out ---- */

/* Room for a datagram of @len bytes in one piece; NULL: no memory or budget. */
u8 *quic_dgrams_reserve(struct quic_dgrams *d, u32 len, bool may_sleep);
/* The room reserved last is filled: @len bytes of it are the next datagram. */
void quic_dgrams_queue(struct quic_dgrams *d, u32 len);

static inline bool quic_dgrams_pending(const struct quic_dgrams *d)
{
	return d->next;
}

/*
 * DATAGRAM frames while they fit.  @frame_max: what the peer takes (RFC 9221
 * §3); @data_max: longer ones will never fit in a packet of this path, and go.
 * @last: nothing needs to follow, so that a frame may extend to the end of the
 * packet; then the packet is full.  Those put stay until quic_dgrams_sent(),
 * since the packet points to them, or go back by quic_dgrams_unsent().  How
 * many were dropped.
 */
u32 quic_dgrams_put(struct quic_dgrams *d, struct quic_pkt *p, u64 frame_max, u32 data_max,
		    bool last);
/* The packet is sealed.  True: something was in it. */
bool quic_dgrams_sent(struct quic_dgrams *d);
void quic_dgrams_unsent(struct quic_dgrams *d);

/* ---- in ---- */

/*
 * One has arrived, in @chunk.  0; -ENOBUFS: no slice left in @chunk, bring
 * another and call again; -ENOSPC: too much waits to be read, it is dropped.
 */
int quic_dgrams_receive(struct quic_dgrams *d, const u8 *data, u32 len, struct quic_chunk *chunk);
/* The next to read, or NULL: data and len are what was not read of it yet. */
static inline const struct quic_slice *quic_dgrams_peek(const struct quic_dgrams *d)
{
	return quic_slices_first(&d->in);
}

/* @n bytes of it were read; with the last one it is gone.  True: it is. */
bool quic_dgrams_consume(struct quic_dgrams *d, u32 n);
void quic_dgrams_discard(struct quic_dgrams *d);	/* nobody will read */

#endif /* _QUIC_DGRAM_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connection IDs, RFC 9000 §5.1: the ones we issued (which the lookup table of
 * the kernel side knows) and the ones that the peer issued.  Both sets are
 * fixed arrays; what a peer can make grow ends in CONNECTION_ID_LIMIT.
 * Everything runs under the connection's lock, in any context.
 */
#ifndef _QUIC_CID_H
#define _QUIC_CID_H

#include "wire.h"

#define QUIC_CIDS_MAX		8	/* live IDs a side, active_connection_id_limit */
/*
 * What the peer is given of ours, if it wants so many: the one in use, and one for each of
 * three moves within a round trip.  More would be memory of every idle connection; RFC 9000
 * §5.1.1 lets an endpoint issue fewer than the peer's limit.
 */
#define QUIC_CIDS_ISSUED	4
#define QUIC_CIDS_RETIRED_MAX	(2 * QUIC_CIDS_MAX)	/* RETIRE frames owed, §5.1.2 */

struct quic_cid_entry {
	u64 seq;
	struct quic_cid cid;
	bool used:1;		/* this slot holds an ID */
	bool has_token:1;
	bool announced:1;	/* local: the peer has been told (NEW_CONNECTION_ID sent once) */
	bool lost:1;		/* local: must be sent again */
	bool acked:1;		/* local: the peer has it for sure */
	/* remote: packets have gone to it, its token counts (§10.3.1); local: have come to it */
	bool active:1;
	u8 token[QUIC_RESET_TOKEN_LEN];
};

/* What the set tells its owner; called under the connection's lock, any context. */
struct quic_cid_ops {
	/*
	 * Fill @cid with fresh entropy, unless it has a length, make packets for it
	 * find this connection, and @token its reset token.  0 or a negative errno.
	 */
	int (*cid_new)(void *priv, struct quic_cid *cid, u8 token[QUIC_RESET_TOKEN_LEN]);
	void (*cid_gone)(void *priv, const struct quic_cid *cid);
};

/* IDs that we issued. */
struct quic_cids_local {
	struct quic_cid_entry e[QUIC_CIDS_MAX];
	u64 next_seq;
	u64 prior_to;		/* see quic_cids_local_prior() */
	u8 limit;		/* how many the peer wants at most: its active_connection_id_limit */
	u8 recent;		/* index of the one that packets came for last */
	bool settled;		/* none is owed to the peer */
	const struct quic_cid_ops *ops;
	void *priv;
};

/* IDs that the peer issued. */
struct quic_cids_remote {
	struct quic_cid_entry e[QUIC_CIDS_MAX];
	u64 active;		/* sequence number in use */
	u64 prior_to;		/* largest retire_prior_to seen */
	u64 seen;		/* bit i: sequence number seen_max - i was received */
	u64 seen_max;
	u8 limit;		/* our active_connection_id_limit */
	u8 nretire;
	u8 nretiring;
	/*
	 * Sequence numbers: 'nretire' from the front on to send RETIRE for,
	 * 'nretiring' from the end back sent, neither acknowledged nor lost.
	 */
	u64 retire[QUIC_CIDS_RETIRED_MAX];
};

/* Of a set: how many are live, and the lowest number among them (0: none is). */
unsigned int quic_cids_live(const struct quic_cid_entry *e);
u64 quic_cids_lowest(const struct quic_cid_entry *e);

void quic_cids_local_init(struct quic_cids_local *l, const struct quic_cid_ops *ops,
			  void *priv);
/*
 * Make the next ID (ops->cid_new): the first, sequence 0, goes into the
 * handshake's headers, the others wait to be announced.  -ENOSPC: no slot.
 */
int quic_cids_local_add(struct quic_cids_local *l, struct quic_cid_entry **e);
/* The same with an ID that was told to the peer before there was a connection; len 0: a fresh one. */
int quic_cids_local_add_known(struct quic_cids_local *l, const struct quic_cid *cid,
			      struct quic_cid_entry **e);
/*
 * Issue until the peer holds @l->limit, or QUIC_CIDS_ISSUED; those to be sent have
 * !announced || lost.
 */
int quic_cids_local_fill(struct quic_cids_local *l);
/* Next entry owed to the peer as NEW_CONNECTION_ID (seq > 0), or NULL. */
struct quic_cid_entry *quic_cids_local_pending(struct quic_cids_local *l);
/* The frame's Retire Prior To for @e: never above its sequence number (§19.15). */
static inline u64 quic_cids_local_prior(const struct quic_cids_local *l,
					const struct quic_cid_entry *e)
{
	return min(l->prior_to, e->seq);
}

void quic_cids_local_acked(struct quic_cids_local *l, u64 seq);
void quic_cids_local_lost(struct quic_cids_local *l, u64 seq);
/* Has the peer one that it has sent nothing to, for another path (§5.1.1)? */
bool quic_cids_local_has_fresh(const struct quic_cids_local *l);
/*
 * RETIRE_CONNECTION_ID from the peer in a packet whose destination was @dcid:
 * 0 or PROTOCOL_VIOLATION (never issued, or the one it came on; §19.16).
 */
int quic_cids_local_retire(struct quic_cids_local *l, u64 seq, const struct quic_cid *dcid);
/*
 * Ask the peer to retire all below @prior_to; new ones are issued.  -EINVAL: not
 * one of the live ones; -EBUSY: it has not retired all of the last time (§5.1.2).
 */
int quic_cids_local_set_prior(struct quic_cids_local *l, u64 prior_to);
/* The oldest that is not to be retired; NULL: none (memory failed). */
const struct quic_cid *quic_cids_local_active(const struct quic_cids_local *l);
void quic_cids_local_free(struct quic_cids_local *l);	/* cid_gone for each */

/*
 * Sequence 0, from the handshake (or @cid replaced: client after the first
 * Initial).  @limit: our active_connection_id_limit, at most QUIC_CIDS_MAX.
 */
void quic_cids_remote_init(struct quic_cids_remote *r, const struct quic_cid *cid, u8 limit);
void quic_cids_remote_set_limit(struct quic_cids_remote *r, u64 limit);	/* before it is told */
void quic_cids_remote_set_first(struct quic_cids_remote *r, const struct quic_cid *cid);
void quic_cids_remote_set_token(struct quic_cids_remote *r, u64 seq,
				const u8 token[QUIC_RESET_TOKEN_LEN]);
/*
 * NEW_CONNECTION_ID: 0, or PROTOCOL_VIOLATION (same sequence other content,
 * same ID or token other sequence, zero-length in use), FRAME_ENCODING (prior_to
 * above seq), CONNECTION_ID_LIMIT (§5.1.1; also too many RETIREs owed, §5.1.2).
 * If the active one must be retired (prior_to), switches to a live one;
 * *switched says so.
 */
int quic_cids_remote_add(struct quic_cids_remote *r, u64 seq, u64 prior_to,
			 const struct quic_cid *cid,
			 const u8 token[QUIC_RESET_TOKEN_LEN], bool *switched);
const struct quic_cid_entry *quic_cids_remote_active(const struct quic_cids_remote *r);
/*
 * One for another path (§9.5): the oldest that no packet has gone to, which counts
 * as used from here on.  Where the peer's are empty, that. -ENOENT: no spare
 */
int quic_cids_remote_fresh(struct quic_cids_remote *r, u64 *seq);
bool quic_cids_remote_has_fresh(const struct quic_cids_remote *r);
/* The live one of @seq, or NULL. */
const struct quic_cid *quic_cids_remote_get(const struct quic_cids_remote *r, u64 seq);
/*
 * Give up the one of @seq, which is not the one in use.  It stays for as long as
 * the peer lets too many RETIREs wait.
 */
void quic_cids_remote_retire(struct quic_cids_remote *r, u64 seq);
/* Use the one of @seq; the one used so far stays live. -ENOENT: no such one */
int quic_cids_remote_use(struct quic_cids_remote *r, u64 seq);
/*
 * Retire all below @prior_to, and use the one of @use; 0: go on with the active one,
 * or if that is among them, with the oldest that stays.  -ENOENT, and nothing has
 * changed: it would not stay, or too many RETIREs wait.
 */
int quic_cids_remote_retire_below(struct quic_cids_remote *r, u64 prior_to, u64 use);
/*
 * RETIRE_CONNECTION_ID to send: takes one off the list; lost puts it back, acked
 * ends it wherever it is.  Of copies, both may be called for each.
 */
bool quic_cids_remote_next_retire(struct quic_cids_remote *r, u64 *seq);
void quic_cids_remote_retire_lost(struct quic_cids_remote *r, u64 seq);
void quic_cids_remote_retire_acked(struct quic_cids_remote *r, u64 seq);
/* Is @token the reset token of an ID that was used and not retired? constant time, §10.3.1 */
bool quic_cids_remote_is_reset(const struct quic_cids_remote *r,
			       const u8 token[QUIC_RESET_TOKEN_LEN]);

#endif /* _QUIC_CID_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Migration, RFC 9000 §9: which of a connection's paths a datagram came on,
 * when another one is to be used, and what is sent beside the one in use.
 * Callers: conn.c, conn_rx.c, conn_tx.c and the socket layer, under the
 * connection's lock.
 */
#ifndef _QUIC_MIGRATE_H
#define _QUIC_MIGRATE_H

#include "conn.h"

/* ---- datagrams in ---- */

/*
 * A datagram that did not come on the path in use: may it be looked into?  The
 * path that it came on goes to *@path, NULL: none that is known.
 */
bool quic_migrate_admit(struct quic_conn *c, const struct quic_rx *rx, struct quic_path **path);
/* The path that it came on, NULL: none of ours. */
struct quic_path *quic_migrate_locate(struct quic_conn *c, const struct quic_rx *rx);
/*
 * It is genuine: a server makes a candidate of a path that is not known.  @scid: the
 * number of the ID of ours that it was sent to.  The path, or NULL.
 */
struct quic_path *quic_migrate_arrive(struct quic_conn *c, const struct quic_rx *rx, u64 scid,
				      u64 now);
/* What came on @path was not only probing, and had the highest packet number: §9.3 */
void quic_migrate_follow(struct quic_conn *c, struct quic_path *path, u64 now);
void quic_migrate_on_challenge(struct quic_conn *c, struct quic_path *path, const u8 data[8]);
void quic_migrate_on_response(struct quic_conn *c, const u8 data[8], u64 now);
/* The peer's connection IDs changed: paths may have lost theirs. */
void quic_migrate_cids(struct quic_conn *c);

/* ---- datagrams out ---- */

/* A path beside the one in use on which something may be sent now, or NULL. */
struct quic_path *quic_migrate_next(struct quic_conn *c);
/* The path in use has no ID of the peer's: is there one now? */
bool quic_migrate_find_cid(struct quic_conn *c);

/* ---- time ---- */

u64 quic_migrate_deadline(const struct quic_conn *c);
void quic_migrate_timeout(struct quic_conn *c, u64 now);
void quic_migrate_trim(struct quic_conn *c);	/* memory that one path alone does not need */

/* ---- the client's and the server's wishes ---- */

/*
 * Client: may it migrate?  0; -EOPNOTSUPP: a server; -EINVAL: not established, or
 * @local is the address in use; -EPERM: the peer has disabled it, or uses no
 * connection IDs; -EAGAIN: not confirmed yet, a migration under way (also while the
 * server has acknowledged nothing from where it led), or no ID to spare on either side.
 */
int quic_migrate_check(const struct quic_conn *c, const struct quic_addr *local);
/* Client: probe the path from @local, and use it once it is validated. As above; -ENOMEM. */
int quic_migrate_start(struct quic_conn *c, const struct quic_addr *local, u64 now);
/* Client, handshake confirmed: to the server's preferred address, if it has one, §9.6 */
void quic_migrate_preferred(struct quic_conn *c, u64 now);
/*
 * Server, before its parameters are sent: name @a, of either family, as the
 * preferred address.  0; -EOPNOTSUPP: too late; -ENOMEM and its like: no ID.
 */
int quic_migrate_offer(struct quic_conn *c, const struct quic_addr *a);
/* Is a change of the path under way? */
static inline bool quic_migrate_busy(const struct quic_conn *c)
{
	return (c->side && c->side->cand.state != QUIC_PATH_UNUSED) ||
	       c->path.state != QUIC_PATH_VALIDATED;
}

#endif /* _QUIC_MIGRATE_H */

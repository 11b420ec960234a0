/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compatible version negotiation, RFC 9368 §2.3, between versions 1 and 2, RFC
 * 9369 §4.1: a server moves a connection whose client can to the version that
 * it is configured for; the client learns it from the first header that
 * differs.  (Incompatible negotiation, by Version Negotiation packets: conn_rx.c.)
 */
#ifndef _QUIC_VERSION_H
#define _QUIC_VERSION_H

#include "tparam.h"

struct quic_conn;
struct quic_conn_config;
struct quic_hdr;
struct quic_keys;

/* Put version_information into our parameters, once. */
void quic_version_offer(struct quic_conn *c);
/* RFC 9368 §4: 0, or the transport error if the peer's @tp is not what headers have said. */
int quic_version_check(const struct quic_conn *c, const struct quic_tparam *tp);
/* What a server of @config makes of a first flight in version @first with @tp. */
u32 quic_version_choose(const struct quic_conn_config *config, u32 first,
			const struct quic_tparam *tp);
/* Server: move to @version; 0 or -ENOMEM.  May sleep. */
int quic_version_switch(struct quic_conn *c, u32 version);
/*
 * Keys for a long header of another version than the connection's, which the
 * caller may use for this packet alone; NULL: drop it.  May sleep.
 */
struct quic_keys *quic_version_keys(struct quic_conn *c, const struct quic_hdr *h);
/* The packet was opened with them.  Client: that is the version from now on. */
void quic_version_opened(struct quic_conn *c, const struct quic_hdr *h);
/* The keys of the first version, or those that were tried, go. */
void quic_version_forget(struct quic_conn *c);

#endif /* _QUIC_VERSION_H */

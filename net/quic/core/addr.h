/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A UDP address as the core sees it. */
#ifndef _QUIC_ADDR_H
#define _QUIC_ADDR_H

#include "kern.h"

struct quic_addr {
	u8 family;		/* 4 or 6; 0: none.  v4-mapped is 4 */
	u16 port;		/* host order */
	u32 ifindex;		/* link-local scope, or 0 */
	u8 ip[16];		/* IPv4 in the first four bytes, the rest zero */
};

static inline bool quic_addr_same_ip(const struct quic_addr *a,
				     const struct quic_addr *b)
{
	return a->family == b->family && !memcmp(a->ip, b->ip, sizeof(a->ip));
}

static inline bool quic_addr_equal(const struct quic_addr *a,
				   const struct quic_addr *b)
{
	return a->port == b->port && quic_addr_same_ip(a, b);
}

#endif /* _QUIC_ADDR_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network path: addresses, validation (RFC 9000 §8.2), the anti
 * amplification limit (§8.1), its MTU.  The core keeps three: the one in use,
 * the one used before, and a candidate.  Migration (migrate.c) swaps them.
 */
#ifndef _QUIC_PATH_H
#define _QUIC_PATH_H

#include "wire.h"
#include "addr.h"

#define QUIC_AMPLIFICATION	3	/* RFC 9000 §8.1 */
#define QUIC_PATH_RESPONSES	4	/* PATH_RESPONSEs owed at once; more are dropped */
#define QUIC_PATH_CHALLENGES	3	/* tries */
#define QUIC_PATH_NO_CID	U64_MAX

enum quic_path_state {
	QUIC_PATH_UNUSED,
	QUIC_PATH_UNVALIDATED,	/* sends up to the amplification limit */
	QUIC_PATH_VALIDATING,	/* a PATH_CHALLENGE is out */
	QUIC_PATH_VALIDATED,
	QUIC_PATH_FAILED,
};

struct quic_path {
	struct quic_addr local;
	struct quic_addr remote;
	enum quic_path_state state;
	u16 mtu;		/* largest UDP payload we send, from 1200 */
	u64 rx_bytes;		/* while not validated */
	u64 tx_bytes;
	u8 challenge[8];	/* data of the newest PATH_CHALLENGE */
	u8 earlier[QUIC_PATH_CHALLENGES - 1][8];	/* of those before it, newest first */
	bool challenge_pending;	/* to be sent; the sender clears it */
	bool challenge_small;	/* went out in less than 1200 bytes, §8.2.1 */
	u8 challenges;		/* of this validation so far; 0: none is going on */
	u64 challenge_expire;	/* next try or failure; QUIC_TIME_NEVER: none */
	u8 response[QUIC_PATH_RESPONSES][8];
	u8 nresponse;
	bool unlimited;		/* the client's: no limit on what it sends to a server */
	/* migrate.c's */
	bool measured;		/* congestion control, RTT and MTU are those of this path */
	bool told;		/* the application knows this one as that in use */
	bool ours;		/* it came about by a change of our address */
	bool due;		/* server: to be used as soon as it is validated, §9.6.2 */
	u64 dcid;		/* sequence number of the peer's ID; in use: dcids.active */
	u64 scid;		/* of ours that the peer used when the path came about */
};

void quic_path_init(struct quic_path *p, const struct quic_addr *local,
		    const struct quic_addr *remote, bool validated);
static inline bool quic_path_is(const struct quic_path *p, const struct quic_addr *local,
				const struct quic_addr *remote)
{
	return quic_addr_equal(&p->remote, remote) && quic_addr_equal(&p->local, local);
}

/* RFC 9000 §8.1: MUST count all payload bytes, of discarded packets too */
static inline void quic_path_received(struct quic_path *p, u32 bytes)
{
	if (p->state != QUIC_PATH_VALIDATED)
		p->rx_bytes += bytes;
}

static inline void quic_path_sent(struct quic_path *p, u32 bytes)
{
	if (p->state != QUIC_PATH_VALIDATED)
		p->tx_bytes += bytes;
}

/* Bytes that may still be sent; U32_MAX once validated. */
static inline u32 quic_path_credit(const struct quic_path *p)
{
	u64 most = QUIC_AMPLIFICATION * p->rx_bytes;

	if (p->state == QUIC_PATH_VALIDATED || p->unlimited)
		return U32_MAX;
	/* RFC 9000 §8: MUST NOT send more than three times what came */
	return most > p->tx_bytes ? min_t(u64, most - p->tx_bytes, U32_MAX) : 0;
}

void quic_path_validated(struct quic_path *p);
/*
 * Start validation (or repeat it: a try more) with fresh random data.  @pto in
 * ns.  Tries go out like Initial packets, after 0, 1 and 3 PTO (§8.2.1); the
 * last gets the three PTO of §8.2.4.  A path that is validated stays so
 * meanwhile.
 */
void quic_path_challenge(struct quic_path *p, u64 now, u64 pto);
void quic_path_stop(struct quic_path *p);	/* no more tries; the state stays */
/* The datagram with the challenge had @bytes; fewer than 1200: the MTU is open. */
void quic_path_challenge_sent(struct quic_path *p, u32 bytes);
/* When challenge_expire has come: the next try, or true: failed. */
bool quic_path_timeout(struct quic_path *p, u64 now, u64 pto);
void quic_path_on_challenge(struct quic_path *p, const u8 data[8]);	/* owes a response */
bool quic_path_next_response(struct quic_path *p, u8 data[8]);
/*
 * True: the path is now validated (a small challenge is followed by another,
 * pending).  False: not what we sent, which is no reason to close.
 */
bool quic_path_on_response(struct quic_path *p, const u8 data[8]);

#endif /* _QUIC_PATH_H */

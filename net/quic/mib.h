/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counters of a network namespace: the core's (enum quic_mib) and the kernel side's. */
#ifndef _QUIC_MIB_H
#define _QUIC_MIB_H

#include "netns.h"

enum {
	QUIC_MIB_DGRAM_IN = QUIC_MIB_CORE_MAX,	/* datagrams, a train's each */
	QUIC_MIB_TRAIN_IN,		/* skbs that brought them */
	QUIC_MIB_TRAIN_OUT,		/* skbs sent */
	QUIC_MIB_DGRAM_OUT,
	QUIC_MIB_DROP_CSUM,		/* wrong UDP checksum */
	QUIC_MIB_DROP_UNKNOWN,		/* for no connection, and nothing to answer */
	QUIC_MIB_DROP_BACKLOG,		/* the socket's backlog was full */
	QUIC_MIB_DROP_INQ,		/* too many waited for process context */
	QUIC_MIB_DROP_FLOOD,		/* too many for no connection waited */
	QUIC_MIB_DROP_HALFOPEN,		/* half-open requests: table full */
	QUIC_MIB_DROP_NOMEM,		/* no memory for a datagram in or out */
	QUIC_MIB_DROP_NOROUTE,		/* no route for a train */
	QUIC_MIB_HALFOPEN_EXPIRED,	/* the ClientHello was never completed */
	QUIC_MIB_HANDSHAKE_EXPIRED,	/* accepted, and never finished */
	QUIC_MIB_SOURCE_CONNECTIONS,	/* refused: an address has too many */
	QUIC_MIB_SOURCE_HANDSHAKES,	/* dropped: too many unfinished of an address */
	QUIC_MIB_SOURCE_RATE,		/* dropped: too many new ones of an address */
	QUIC_MIB_ACCEPTED,		/* connections made of a ClientHello */
	QUIC_MIB_REFUSED,		/* accept queue full */
	QUIC_MIB_NO_ALPN,		/* no listener speaks what the client offers */
	QUIC_MIB_RETRY_OUT,
	QUIC_MIB_VN_OUT,
	QUIC_MIB_RESET_OUT,
	QUIC_MIB_BAD_TOKEN,		/* a Retry token that was not valid */
	QUIC_MIB_EVENT_DROP,		/* event queue full */
	QUIC_MIB_MAX,
};

struct quic_mib_cpu {
	unsigned long v[QUIC_MIB_MAX];
};

static inline void quic_mib_add(struct quic_net *qn, int what, unsigned int n)
{
	this_cpu_add(qn->mib->v[what], n);
}

static inline void quic_mib_net_inc(struct net *net, int what)
{
	quic_mib_add(quic_pernet(net), what, 1);
}

/* By way of the port, which is a few loads: many of these are for each packet. */
static inline struct quic_net *quic_mib_of(struct sock *sk)
{
	const struct quic_udp *udp = quic_sk(sk)->udp;

	return likely(udp) ? udp->qn : quic_pernet(sock_net(sk));
}

static inline void quic_mib_inc(struct sock *sk, int what)
{
	quic_mib_add(quic_mib_of(sk), what, 1);
}

int quic_mib_init(struct quic_net *qn);
void quic_mib_exit(struct quic_net *qn);

#endif /* _QUIC_MIB_H */

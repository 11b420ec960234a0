/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the files that deal with datagrams of no connection: stray (the work),
 * request (half open), reply (without a connection), listen (who takes a client),
 * secret (keys and tokens).  All of it in process context.
 */
#ifndef _QUIC_STRAY_H
#define _QUIC_STRAY_H

#include "mib.h"
#include "crypt.h"

struct quic_clienthello;

#define QUIC_REPLY_MAX		1200	/* bytes; and of its frames */

/* A datagram under work: a copy in one piece. */
struct quic_stray {
	struct quic_udp *udp;
	struct quic_addr local, remote;
	struct quic_hdr h;		/* of its first packet */
	const u8 *p;
	u32 len;
	u8 ecn;
};

static inline const struct quic_limits *quic_stray_limits(const struct quic_udp *udp)
{
	return &udp->qn->limits;
}

static inline void quic_stray_count(const struct quic_udp *udp, int what)
{
	quic_mib_net_inc(udp->qn->net, what);
}

/* ---- stray.c ---- */
int quic_stray_hdr(struct quic_udp *udp, const u8 *p, u32 len, struct quic_hdr *h);

/* ---- request.c: they take the skb ---- */
/* All datagrams of @skb belong to one request.  @d: the first; @buf: its, room for each. */
void quic_request_initial(struct quic_stray *d, struct sk_buff *skb, u8 *buf);
void quic_request_early(const struct quic_stray *d, struct sk_buff *skb);	/* a 0-RTT packet */
/* What has waited for too long goes; jiffies until the next look, 0: nothing waits. */
unsigned long quic_request_expire(struct quic_udp *udp);
void quic_request_purge(struct quic_udp *udp);

/* ---- reply.c ---- */
void quic_reply_vn(const struct quic_stray *d);
void quic_reply_reset(const struct quic_stray *d);
void quic_reply_retry(const struct quic_stray *d);
/* Of QUIC_REPLY_MAX bytes of frames at most; the bytes that left, 0 for none. */
u32 quic_reply_initial(const struct quic_stray *d, struct quic_keys *keys,
		       const struct quic_cid *scid, u64 pn, struct quic_vec *plain);
void quic_reply_close(const struct quic_stray *d, struct quic_keys *keys,
		      const struct quic_cid *scid, u64 pn, u64 code);
void quic_reply_refuse(const struct quic_stray *d, u64 code);

/* ---- listen.c ---- */
/* The listener for a client, with a reference, or NULL. */
struct sock *quic_listen_choose(struct quic_udp *udp, const struct quic_clienthello *ch,
				const struct quic_addr *remote);
bool quic_listen_wants_retry(struct quic_udp *udp);
bool quic_listen_greases(struct quic_udp *udp);
bool quic_listen_full(struct quic_listen *lq);
bool quic_listen_enqueue(struct sock *lsk, struct sock *sk);
void quic_listen_abandon(struct sock *sk);

/* ---- secret.c ---- */
int quic_secret_make(struct quic_net *qn);	/* those that only listeners need */
bool quic_secret_use_token(struct quic_net *qn, u64 serial);

#endif /* _QUIC_STRAY_H */

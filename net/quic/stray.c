// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Datagrams for no connection.  Softirq leaves them in a bounded queue of the port
 * (struct quic_udp) for its one work item: keys are made here, and that may sleep.
 * Initials and 0-RTT packets become requests (request.c), others get Version
 * Negotiation or a stateless reset (reply.c), are such a reset themselves, or are
 * dropped and counted.
 *
 * Locks: none but that of the queue; socket locks where a datagram turns out to be
 * for a connection.
 */
#include "stray.h"

/* RFC 9287 §3.1: a client that has a token may clear the bit from its first packet on. */
int quic_stray_hdr(struct quic_udp *udp, const u8 *p, u32 len, struct quic_hdr *h)
{
	bool grease = !(*p & QUIC_HDR_FIXED) && quic_listen_greases(udp);

	return quic_hdr_parse(p, len, QUIC_CID_LOCAL_LEN, grease, h);
}

/* ---- the work ---- */

/*
 * RFC 9000 §10.3, §10.3.1: whatever its form, a datagram of no connection may be
 * a stateless reset.  True: it is for one, which looks at where it comes from.
 */
static bool is_reset(const struct quic_stray *d, struct sk_buff *skb)
{
	struct sock *sk;

	if (d->len < QUIC_RESET_MIN)
		return false;
	sk = quic_lookup_reset(d->udp->qn, d->p + d->len - QUIC_RESET_TOKEN_LEN);
	if (!sk)
		return false;
	quic_input_deliver(sk, skb);
	sock_put(sk);
	return true;
}

static void classify(struct quic_stray *d, struct sk_buff *skb, u8 *buf)
{
	if (is_reset(d, skb))
		return;
	if (quic_stray_hdr(d->udp, d->p, d->len, &d->h)) {
		quic_stray_count(d->udp, QUIC_MIB_DROP_HEADER);
		kfree_skb(skb);
		return;
	}
	switch (d->h.type) {
	case QUIC_PKT_INITIAL:
		quic_request_initial(d, skb, buf);
		return;
	case QUIC_PKT_0RTT:
		quic_request_early(d, skb);
		return;
	case QUIC_PKT_1RTT:
		quic_reply_reset(d);
		break;
	case QUIC_PKT_UNKNOWN:
		quic_reply_vn(d);
		break;
	default:
		quic_stray_count(d->udp, QUIC_MIB_DROP_UNKNOWN);
	}
	kfree_skb(skb);
}

static void one(struct quic_udp *udp, struct sk_buff *skb)
{
	struct quic_stray d = { .udp = udp };
	struct sock *sk;
	u8 *buf;

	d.len = min(quic_skb_cb(skb)->seg, skb->len);
	buf = kmalloc(d.len, GFP_KERNEL);
	if (!buf || skb_copy_bits(skb, 0, buf, d.len)) {
		quic_stray_count(udp, QUIC_MIB_DROP_NOMEM);
		kfree_skb(skb);
		goto out;
	}
	d.p = buf;
	d.ecn = quic_skb_ecn(skb);
	quic_skb_addrs(skb, &d.local, &d.remote);
	/* the connection may have been made since */
	if (!quic_stray_hdr(udp, buf, d.len, &d.h) &&
	    (sk = quic_lookup_cid(udp->qn, d.h.dcid.id, d.h.dcid.len))) {
		quic_input_deliver(sk, skb);
		sock_put(sk);
		goto out;
	}
	classify(&d, skb, buf);
out:
	kfree(buf);
}

void quic_stray_work(struct work_struct *work)
{
	struct quic_udp *udp = container_of(to_delayed_work(work), struct quic_udp, work);
	unsigned long wait;
	struct sk_buff *skb;

	while ((skb = skb_dequeue(&udp->unknown))) {
		one(udp, skb);
		cond_resched();
	}
	wait = quic_request_expire(udp);
	if (wait)
		queue_delayed_work(quic_wq, &udp->work, wait);
}

void quic_stray_queue(struct quic_udp *udp, struct sk_buff *skb)
{
	u32 max = quic_skb_cb(skb)->any_long ? QUIC_UNKNOWN_MAX : QUIC_UNKNOWN_RESET_MAX;

	if (skb_queue_len_lockless(&udp->unknown) >= max) {
		quic_stray_count(udp, QUIC_MIB_DROP_FLOOD);
		kfree_skb(skb);
		return;
	}
	skb_queue_tail(&udp->unknown, skb);
	mod_delayed_work(quic_wq, &udp->work, 0);
}

/*
 * The last users of the port are gone, and its socket is released: nothing comes in
 * any more, and no listener is left.  What waited is answered all the same: clients
 * of a listener that has just gone are told so, and need not ask again.  This is
 * safe: the quic_udp keeps a reference to the sock, of which replies take its
 * network namespace, user and labels alone, and not the port that somebody else may
 * have by now; routes are looked up anew, so that no device is held; no request can
 * become a connection without a listener; and a datagram for a connection takes a
 * reference to that.  The namespace itself waits for this (net_exit() of mod.c).
 */
void quic_stray_purge(struct quic_udp *udp)
{
	struct sk_buff *skb;

	while ((skb = skb_dequeue(&udp->unknown)))
		one(udp, skb);
	quic_request_purge(udp);
}

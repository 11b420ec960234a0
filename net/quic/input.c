// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Datagrams in.  An skb from the UDP socket holds one datagram or a train of
 * them (GRO, or a sender's GSO on the same machine): equal sizes but the last.
 * A train costs one lookup, one lock, one push of what is to be sent and one
 * wake-up; its memory is not copied, linearized or written to: the core reads
 * each datagram where it lies, and only one that straddles two pieces of memory
 * goes through a bounce buffer.
 *
 * Softirq: short headers go to the connection under bh_lock_sock(), or to the
 * backlog if a user owns the socket.  A train with a long header in it goes to
 * qs->inq and is handled by qs->work, because keys are made there; so does a
 * large train, whose opening takes long: on another CPU it runs beside the
 * sender (or the interrupts) of this one.  While some wait, all others follow.
 *
 * Neighbours: udp (caller), lookup, stray (datagrams of no connection), output.
 */
#include <linux/errqueue.h>
#include <linux/udp.h>
#include <net/ipv6.h>
#include <net/inet_ecn.h>
#include "mib.h"
#include "crypt.h"

#define WORK_MIN	8192	/* bytes of a train that is left to the work item */
#define WRAP_MIN	512	/* bytes of a train worth a chunk that wraps it */

/* ---- the memory of an skb, piece by piece ---- */

struct walk {
	struct sk_buff *head;
	struct sk_buff *skb;	/* under way: head, or one of its frag_list */
	int frag;		/* the next of it; -1: its linear part */
	bool end;
	u32 start, len;		/* the piece: its offset in the whole */
	const u8 *p;
	u8 *bounce;
};

static void walk_init(struct walk *w, struct sk_buff *skb)
{
	memset(w, 0, sizeof(*w));
	w->head = w->skb = skb;
	w->frag = -1;
}

/* The next piece that is not empty; false: no more, or none that is mapped. */
static bool walk_next(struct walk *w)
{
	const skb_frag_t *f;

	w->start += w->len;
	w->len = 0;
	while (!w->len) {
		if (!w->skb) {
			return false;
		} else if (w->frag < 0) {
			w->p = w->skb->data;
			w->len = skb_headlen(w->skb);
			w->frag = 0;
		} else if (w->frag < skb_shinfo(w->skb)->nr_frags) {
			f = &skb_shinfo(w->skb)->frags[w->frag++];
			if (PageHighMem(skb_frag_page(f)))
				return false;
			w->p = skb_frag_address(f);
			w->len = skb_frag_size(f);
		} else {
			w->skb = w->skb == w->head ? skb_shinfo(w->head)->frag_list :
				 w->skb->next;
			w->frag = -1;
		}
	}
	return true;
}

/* The @len bytes at @off in one piece; @off never goes back. NULL: no memory. */
static const u8 *walk_get(struct walk *w, u32 off, u32 len)
{
	while (!w->end && off >= w->start + w->len)
		w->end = !walk_next(w);
	if (!w->end && off + len <= w->start + w->len)
		return w->p + (off - w->start);
	if (!w->bounce)
		w->bounce = kmalloc(quic_skb_cb(w->head)->seg, GFP_ATOMIC | __GFP_NOWARN);
	if (!w->bounce || skb_copy_bits(w->head, off, w->bounce, len))
		return NULL;
	return w->bounce;
}

static u32 datagram_len(struct sk_buff *skb, u32 off)
{
	return min(quic_skb_cb(skb)->seg, skb->len - off);
}

void quic_skb_addrs(const struct sk_buff *skb, struct quic_addr *local, struct quic_addr *remote)
{
	const struct udphdr *uh = udp_hdr(skb);

	memset(local, 0, sizeof(*local));
	memset(remote, 0, sizeof(*remote));
	if (skb->protocol == htons(ETH_P_IP)) {	/* also on a dual-stack socket */
		local->family = remote->family = 4;
		memcpy(local->ip, &ip_hdr(skb)->daddr, 4);
		memcpy(remote->ip, &ip_hdr(skb)->saddr, 4);
	} else {
		local->family = remote->family = 6;
		memcpy(local->ip, &ipv6_hdr(skb)->daddr, 16);
		memcpy(remote->ip, &ipv6_hdr(skb)->saddr, 16);
		if (ipv6_addr_type(&ipv6_hdr(skb)->saddr) & IPV6_ADDR_LINKLOCAL)
			local->ifindex = remote->ifindex = skb->skb_iif;
	}
	local->port = ntohs(uh->dest);
	remote->port = ntohs(uh->source);
}

u8 quic_skb_ecn(const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IP))
		return ip_hdr(skb)->tos & INET_ECN_MASK;
	return ipv6_get_dsfield(ipv6_hdr(skb)) & INET_ECN_MASK;
}

/* ---- into a connection ---- */

/* Unprotected packets need not be moved: slices may point into the skb. */
static struct quic_chunk *wrap(struct sock *sk, struct sk_buff *skb)
{
	if (!quic_sk(sk)->conn.keys.plain || skb->len < WRAP_MIN || IS_ENABLED(CONFIG_HIGHMEM))
		return NULL;
	return quic_mem_wrap(sk, skb);
}

void quic_input_feed(struct sock *sk, struct sk_buff *skb)
{
	struct quic_conn *c = &quic_sk(sk)->conn;
	struct quic_chunk *chunk = wrap(sk, skb);
	u32 off = quic_skb_cb(skb)->off;
	struct quic_rx rx = {};
	u64 now = quic_now();
	struct walk w;

	walk_init(&w, skb);
	quic_skb_addrs(skb, &rx.local, &rx.remote);
	rx.ecn = quic_skb_ecn(skb);
	for (; off < skb->len; off += rx.len) {
		rx.len = datagram_len(skb, off);
		rx.data = walk_get(&w, off, rx.len);
		if (!rx.data) {
			quic_mib_inc(sk, QUIC_MIB_DROP_NOMEM);
			continue;
		}
		rx.more = off + rx.len < skb->len;
		rx.wrap = rx.data == w.bounce ? NULL : chunk;
		quic_conn_rx(c, &rx, now);
	}
	if (chunk)
		quic_chunk_put(chunk);
	kfree(w.bounce);
	consume_skb(skb);
}

static void drop(struct sock *sk, struct sk_buff *skb, int why)
{
	quic_mib_inc(sk, why);
	kfree_skb(skb);
}

void quic_input_queue_work(struct sock *sk)
{
	sock_hold(sk);
	if (!queue_work(quic_wq, &quic_sk(sk)->work))
		__sock_put(sk);
}

/*
 * The work item drains the queue until it finds it empty: only what comes to an
 * empty queue has to start it.
 */
static void queue_for_work(struct sock *sk, struct sk_buff *skb)
{
	struct quic_sock *qs = quic_sk(sk);
	unsigned long flags;
	bool first, full;

	spin_lock_irqsave(&qs->inq.lock, flags);
	first = skb_queue_empty(&qs->inq);
	full = qs->inq_bytes + skb->truesize > QUIC_INQ_BYTES && !first;
	if (!full) {
		__skb_queue_tail(&qs->inq, skb);
		qs->inq_bytes += skb->truesize;
	}
	spin_unlock_irqrestore(&qs->inq.lock, flags);
	if (full)
		drop(sk, skb, QUIC_MIB_DROP_INQ);
	else if (first)
		quic_input_queue_work(sk);
}

static struct sk_buff *unqueue(struct quic_sock *qs)
{
	struct sk_buff *skb;
	unsigned long flags;

	spin_lock_irqsave(&qs->inq.lock, flags);
	skb = __skb_dequeue(&qs->inq);
	if (skb)
		qs->inq_bytes -= skb->truesize;
	spin_unlock_irqrestore(&qs->inq.lock, flags);
	return skb;
}

/* Lock held, in any context: true: the skb was fed to the connection. */
static bool input(struct sock *sk, struct sk_buff *skb)
{
	struct quic_sock *qs = quic_sk(sk);

	if (qs->dead) {
		drop(sk, skb, QUIC_MIB_DROP_UNKNOWN);
		return false;
	}
	if (quic_skb_cb(skb)->any_long || skb->len >= WORK_MIN ||
	    !skb_queue_empty_lockless(&qs->inq) || !quic_crypt_usable()) {
		queue_for_work(sk, skb);
		return false;
	}
	quic_input_feed(sk, skb);
	return true;
}

/* A user owned the socket when it came; what it causes is sent on release. */
int quic_input_backlog(struct sock *sk, struct sk_buff *skb)
{
	if (input(sk, skb))
		set_bit(QUIC_DEFER_PUSH, &quic_sk(sk)->deferred);
	return 0;
}

static void deliver(struct sock *sk, struct sk_buff *skb)
{
	sk_incoming_cpu_update(sk);	/* SO_INCOMING_CPU */
	bh_lock_sock(sk);
	if (!sock_owned_by_user(sk)) {
		if (input(sk, skb))
			quic_output_push(sk);
	} else if (sk_add_backlog(sk, skb, READ_ONCE(sk->sk_rcvbuf) + READ_ONCE(sk->sk_sndbuf))) {
		drop(sk, skb, QUIC_MIB_DROP_BACKLOG);
	}
	bh_unlock_sock(sk);
}

void quic_input_deliver(struct sock *sk, struct sk_buff *skb)
{
	lock_sock(sk);
	if (quic_sk(sk)->dead) {
		drop(sk, skb, QUIC_MIB_DROP_UNKNOWN);
	} else {
		quic_input_feed(sk, skb);
		quic_output_push(sk);
	}
	release_sock(sk);
}

/* Process context: long headers, and the keys that the core asked for. */
void quic_input_work(struct work_struct *work)
{
	struct quic_sock *qs = container_of(work, struct quic_sock, work);
	struct sock *sk = quic_sock_sk(qs);
	struct sk_buff *skb;
	u8 left;

	lock_sock(sk);
	while (!qs->dead && (skb = unqueue(qs)))
		quic_input_feed(sk, skb);
	if (!qs->dead) {
		if (qs->conn.work)
			quic_conn_work(&qs->conn, quic_now());
		/* what could not be done now is asked for again by a later packet */
		left = qs->conn.work;
		qs->conn.work = 0;
		quic_output_push(sk);
		qs->conn.work |= left;
	}
	release_sock(sk);
	sock_put(sk);
}

/* ---- from the UDP socket ---- */

/* Destination ID of the packet that a datagram begins with. */
static bool first_dcid(const u8 *p, u32 len, struct quic_vec *id)
{
	struct quic_cur cur;
	u8 first;

	quic_cur_init(&cur, p, len);
	first = quic_cur_u8(&cur);
	id->len = QUIC_CID_LOCAL_LEN;
	if (first & QUIC_HDR_LONG) {
		quic_cur_u32(&cur);		/* version; RFC 8999 §5.1 */
		id->len = quic_cur_u8(&cur);
	}
	id->base = quic_cur_take(&cur, id->len);
	return !cur.bad;
}

/* A short header with the same ID as the packet before: all of a train but its first. */
static bool follows(const u8 *p, u32 len, const struct quic_cid *id)
{
	return !(p[0] & QUIC_HDR_LONG) && len > QUIC_CID_LOCAL_LEN &&
	       id->len == QUIC_CID_LOCAL_LEN && !memcmp(p + 1, id->id, QUIC_CID_LOCAL_LEN);
}

enum train { TRAIN_OK, TRAIN_MIXED, TRAIN_BAD };

/*
 * Are all datagrams of @skb for the same ID?  GRO looks at addresses and ports
 * alone.  @id: a copy of it.
 */
static enum train scan(struct sk_buff *skb, struct quic_cid *id)
{
	enum train verdict = TRAIN_OK;
	struct quic_vec v;
	struct walk w;
	const u8 *p;
	u32 off, len;
	bool named;

	walk_init(&w, skb);
	for (off = 0; off < skb->len; off += len) {
		len = datagram_len(skb, off);
		p = walk_get(&w, off, len);
		if (off && p && follows(p, len, id))
			continue;
		named = p && first_dcid(p, len, &v);
		if (off ? !named || v.len > QUIC_CID_MAX : !p || (!named && len < QUIC_RESET_MIN)) {
			verdict = off ? TRAIN_MIXED : TRAIN_BAD;
			break;
		}
		if (named)
			quic_skb_cb(skb)->any_long |= p[0] & QUIC_HDR_LONG;
		else	/* noise, which may be a stateless reset (RFC 9000 §10.3) */
			v.len = QUIC_CID_MAX + 1;
		if (!off) {
			id->len = min_t(u32, v.len, QUIC_CID_MAX + 1);	/* too long: finds nothing */
			if (v.len <= QUIC_CID_MAX)
				memcpy(id->id, v.base, v.len);
		} else if (v.len != id->len || memcmp(v.base, id->id, v.len)) {
			verdict = TRAIN_MIXED;
			break;
		}
	}
	kfree(w.bounce);
	return verdict;
}

static void dispatch(struct quic_udp *udp, struct sk_buff *skb, const struct quic_cid *id)
{
	struct sock *sk = quic_lookup_cid(udp->qn, id->id, id->len);

	if (!sk) {
		quic_stray_queue(udp, skb);
		return;
	}
	deliver(sk, skb);
	sock_put(sk);
}

static void set_cb(struct sk_buff *skb, u32 seg)
{
	struct quic_skb_cb *cb = quic_skb_cb(skb);

	cb->off = 0;
	cb->seg = seg;
	cb->any_long = false;
}

/* One datagram of a train as an skb of its own, with the headers of the whole. */
static struct sk_buff *extract(struct sk_buff *skb, u32 off, u32 len)
{
	u32 hlen = -skb_network_offset(skb);
	struct sk_buff *n = alloc_skb(hlen + len, GFP_ATOMIC);

	if (!n)
		return NULL;
	skb_put_data(n, skb_network_header(skb), hlen);
	skb_reset_network_header(n);
	skb_set_transport_header(n, skb_transport_offset(skb) + hlen);
	__skb_pull(n, hlen);
	if (skb_copy_bits(skb, off, skb_put(n, len), len)) {
		kfree_skb(n);
		return NULL;
	}
	n->protocol = skb->protocol;
	n->skb_iif = skb->skb_iif;
	set_cb(n, len);
	return n;
}

/* A train for several connections: rare enough to copy. */
static void split(struct quic_udp *udp, struct sk_buff *skb)
{
	struct quic_cid id;
	struct sk_buff *n;
	u32 off, len;

	for (off = 0; off < skb->len; off += len) {
		len = datagram_len(skb, off);
		n = extract(skb, off, len);
		if (n && scan(n, &id) == TRAIN_OK) {
			dispatch(udp, n, &id);
		} else {
			quic_mib_net_inc(udp->qn->net,
					 n ? QUIC_MIB_DROP_HEADER : QUIC_MIB_DROP_NOMEM);
			kfree_skb(n);
		}
	}
	consume_skb(skb);
}

void quic_input_skb(struct quic_udp *udp, struct sk_buff *skb)
{
	/* GSO of another kind (UFO, from a virtual machine) is of one datagram's fragments */
	bool train = skb_is_gso(skb) && skb_shinfo(skb)->gso_type & SKB_GSO_UDP_L4;
	u32 seg = train ? skb_shinfo(skb)->gso_size : skb->len;
	struct quic_cid id;

	if (!skb->len) {
		quic_mib_add(udp->qn, QUIC_MIB_DROP_HEADER, 1);
		kfree_skb(skb);
		return;
	}
	quic_mib_add(udp->qn, QUIC_MIB_TRAIN_IN, 1);
	quic_mib_add(udp->qn, QUIC_MIB_DGRAM_IN, DIV_ROUND_UP(skb->len, seg));
	set_cb(skb, seg);
	switch (scan(skb, &id)) {
	case TRAIN_OK:
		dispatch(udp, skb, &id);
		break;
	case TRAIN_MIXED:
		split(udp, skb);
		break;
	case TRAIN_BAD:
		quic_mib_add(udp->qn, QUIC_MIB_DROP_HEADER, 1);
		kfree_skb(skb);
	}
}

/* ---- ICMP errors ---- */

/* Was the packet that the message quotes sent on this path? */
static bool quotes(struct sk_buff *skb, const struct quic_path *path)
{
	const struct sock_exterr_skb *err = SKB_EXT_ERR(skb);
	bool v4 = err->ee.ee_origin == SO_EE_ORIGIN_ICMP;

	return path->remote.family == (v4 ? 4 : 6) && path->remote.port == ntohs(err->port) &&
	       !memcmp(skb_network_header(skb) + err->addr_offset, path->remote.ip, v4 ? 4 : 16);
}

/*
 * Port unreachable, while a client still waits for its first answer: nobody
 * listens.  RFC 9000 §14.2.1: the quoted packet proves itself by addresses and
 * ports (our own: by the UDP socket) and our connection ID, 128 random bits.
 */
void quic_input_error(struct quic_udp *udp, struct sk_buff *skb)
{
	struct quic_cur cur;
	struct sock *sk;
	const u8 *id;
	u8 len;

	if (SKB_EXT_ERR(skb)->ee.ee_errno != ECONNREFUSED || !pskb_may_pull(skb, skb->len))
		return;
	quic_cur_init(&cur, skb->data, skb->len);
	if (!(quic_cur_u8(&cur) & QUIC_HDR_LONG))
		return;
	quic_cur_u32(&cur);
	quic_cur_take(&cur, quic_cur_u8(&cur));
	len = quic_cur_u8(&cur);
	id = quic_cur_take(&cur, len);
	if (!id)
		return;
	sk = quic_lookup_cid(udp->qn, id, len);
	if (!sk)
		return;
	bh_lock_sock(sk);
	/* a user's who owns the socket: connect() is over, and the path does not change yet */
	if (quotes(skb, &quic_sk(sk)->conn.path)) {
		set_bit(QUIC_DEFER_REFUSED, &quic_sk(sk)->deferred);
		if (!sock_owned_by_user(sk))
			quic_sock_release_cb(sk);
	}
	bh_unlock_sock(sk);
	sock_put(sk);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Datagrams out.  quic_conn_tx() writes datagrams one after the other into
 * pages of this CPU; those of equal size to the same address leave as one GSO
 * skb (a train) whose fragments point there: one trip through route, IP, qdisc
 * and device for up to 64 of them.  The UDP socket that owns the port takes no
 * part: UDP would add its checksum in software to a GSO skb, and a copy.
 *
 * Softirqs are off while the CPU's page and packet builder are in use.  An skb
 * in the device's queues is charged to the socket (sk_wmem_alloc); with
 * tx_queue_limit bytes there, transmission stops, and a tasklet resumes it when
 * some of them were freed (sk_write_space, called by sock_wfree()).  A push is
 * bounded; what remains goes on from the timer.
 *
 * In the middle of a transfer less than half a train waits for the writer to fill
 * it up (as TCP defers a TSO skb): until an ACK shows that little is in flight, and
 * not longer than a millisecond.  On short paths no timer is needed for that.
 *
 * Never fragmented: DF, and IPv6 without ignore_df (RFC 9000 §14).
 */
#include <linux/udp.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/inet_dscp.h>
#include <net/inet_ecn.h>
#include <net/udp.h>
#include "mib.h"
#include "crypt.h"

#define TRAIN_SEGS	64		/* UDP_MAX_SEGMENTS of older kernels */
#define TRAIN_BYTES	(IP_MAX_MTU - sizeof(struct ipv6hdr) - sizeof(struct udphdr) - 8)
#define BURST		128		/* datagrams a push */
#define DATAGRAM_MAX	32768		/* what a page of skb_page_frag_refill() holds */
#define COPY_MAX	192		/* below: copied beside the headers */
#define SPARE_HEAD	128		/* for them; what most devices need */
#define DEFER_BYTES	(TRAIN_BYTES / 2)	/* unsent data worth a train of its own */
#define DEFER_FLIGHT	DEFER_BYTES		/* in flight: ACKs are under way */
#define DEFER_MAX	QUIC_NSEC_PER_MSEC
#define THROTTLED_RETRY	(10 * QUIC_NSEC_PER_MSEC)	/* no memory; or should no skb be freed */

/*
 * Pages of a CPU go round: when the current one is full, the one that was filled
 * longest ago is taken again, if all skbs that pointed into it are gone.  New
 * pages cost the allocator, and on most kernels a clearing of all their bytes.
 */
#define PAGES		16

struct tx_cpu {
	struct page_frag frag;		/* the current one: ring[at] */
	struct page *ring[PAGES];
	u32 ring_size[PAGES];		/* bytes */
	unsigned int at;
	struct quic_pkt pkt;
	struct sk_buff *spare;		/* the head of the next train */
};

static struct tx_cpu __percpu *tx_cpus;

/* ---- routes ---- */

static int oif(const struct sock *sk, const struct quic_addr *remote)
{
	return READ_ONCE(sk->sk_bound_dev_if) ?: remote->ifindex;
}

static u8 tos(const struct sock *sk, u8 family, u8 ecn)
{
	u8 v = family == 6 && inet6_sk(sk) ? inet6_sk(sk)->tclass : READ_ONCE(inet_sk(sk)->tos);

	return (v & ~INET_ECN_MASK) | ecn;
}

static struct dst_entry *route4(struct sock *sk, struct quic_addr *local,
				const struct quic_addr *remote)
{
	struct flowi4 fl4;
	struct rtable *rt;
	__be32 saddr, daddr;

	memcpy(&saddr, local->ip, 4);
	memcpy(&daddr, remote->ip, 4);
	flowi4_init_output(&fl4, oif(sk, remote), READ_ONCE(sk->sk_mark),
			   tos(sk, 4, 0) & INET_DSCP_MASK, ip_sock_rt_scope(sk), IPPROTO_UDP,
			   inet_sk_flowi_flags(sk), daddr, saddr, htons(remote->port),
			   htons(local->port), sk->sk_uid);
	security_sk_classify_flow(sk, flowi4_to_flowi_common(&fl4));
	rt = ip_route_output_flow(sock_net(sk), &fl4, sk);
	if (IS_ERR(rt))
		return ERR_CAST(rt);
	if (rt->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST)) {
		ip_rt_put(rt);
		return ERR_PTR(-ENETUNREACH);
	}
	memcpy(local->ip, &fl4.saddr, 4);
	return &rt->dst;
}

/*
 * Whose IPv6 settings are used: an AF_INET socket has none of its own, and gets to IPv6
 * only by a preferred address, whose UDP socket it then holds (migration.c).
 */
static struct sock *sender6(struct sock *sk)
{
	return likely(sk->sk_family == AF_INET6) ? sk : quic_sk(sk)->udp_more[1]->sk;
}

static void flow6(struct flowi6 *fl6, struct sock *sk, const struct quic_addr *local,
		  const struct quic_addr *remote)
{
	memset(fl6, 0, sizeof(*fl6));
	fl6->flowi6_proto = IPPROTO_UDP;
	fl6->flowi6_oif = oif(sk, remote);
	fl6->flowi6_mark = READ_ONCE(sk->sk_mark);
	fl6->flowi6_uid = sk->sk_uid;
	memcpy(&fl6->saddr, local->ip, 16);
	memcpy(&fl6->daddr, remote->ip, 16);
	fl6->fl6_sport = htons(local->port);
	fl6->fl6_dport = htons(remote->port);
	security_sk_classify_flow(sk, flowi6_to_flowi_common(fl6));
}

static struct dst_entry *route6(struct sock *sk, struct quic_addr *local,
				const struct quic_addr *remote)
{
	struct dst_entry *dst;
	struct flowi6 fl6;

	flow6(&fl6, sk, local, remote);
	dst = ip6_dst_lookup_flow(sock_net(sk), sender6(sk), &fl6, NULL);
	if (!IS_ERR(dst))
		memcpy(local->ip, &fl6.saddr, 16);
	return dst;
}

static struct dst_entry *route(struct sock *sk, struct quic_addr *local,
			       const struct quic_addr *remote)
{
	return remote->family == 4 ? route4(sk, local, remote) : route6(sk, local, remote);
}

int quic_output_source(struct sock *sk, const struct quic_addr *remote, struct quic_addr *local)
{
	struct dst_entry *dst = route(sk, local, remote);

	if (IS_ERR(dst))
		return PTR_ERR(dst);
	local->family = remote->family;
	local->ifindex = remote->ifindex;
	dst_release(dst);
	return 0;
}

static u32 header_len(u8 family)
{
	return sizeof(struct udphdr) +
	       (family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
}

/*
 * IP_MTU_DISCOVER, IPV6_MTU_DISCOVER: above DO no ICMP is believed; the others do the
 * same, for nothing is ever fragmented.  IPV6_MTU: a bound.
 */
static u32 path_mtu(struct sock *sk, const struct dst_entry *dst, u8 family)
{
	const struct ipv6_pinfo *np = family == 6 ? inet6_sk(sk) : NULL;
	u8 discover = np ? np->pmtudisc : inet_sk(sk)->pmtudisc;
	u32 mtu = discover >= IP_PMTUDISC_PROBE ? READ_ONCE(dst->dev->mtu) : dst_mtu(dst);

	return np && np->frag_size ? min_t(u32, mtu, np->frag_size) : mtu;
}

/* The route of the path, cached in the socket; tells the core its MTU. NULL: none. */
static struct dst_entry *cached_route(struct sock *sk, const struct quic_path *path)
{
	struct quic_sock *qs = quic_sk(sk);
	struct dst_entry *dst = __sk_dst_check(sk, qs->dst_cookie);
	struct quic_addr local = path->local;
	u32 header = header_len(path->remote.family), mtu;

	if (!dst || !quic_addr_equal(&qs->route_local, &path->local) ||
	    !quic_addr_equal(&qs->route_remote, &path->remote)) {
		dst = route(sk, &local, &path->remote);
		if (IS_ERR(dst))
			return NULL;
		qs->dst_cookie = path->remote.family == 6 ?
				 rt6_get_cookie(container_of(dst, struct rt6_info, dst)) : 0;
		qs->route_local = path->local;
		qs->route_remote = path->remote;
		__sk_dst_set(sk, dst);
	}
	if (path != &qs->conn.path)	/* that of a probe tells nothing of the one in use */
		return dst;
	mtu = path_mtu(sk, dst, path->remote.family);	/* a route may have any, 1 as well */
	mtu = clamp_t(u32, mtu, QUIC_INITIAL_MIN + header, DATAGRAM_MAX + header) - header;
	if (mtu != qs->mtu) {
		qs->mtu = mtu;
		quic_conn_set_mtu(&qs->conn, mtu);
	}
	return dst;
}

void quic_output_route(struct sock *sk)
{
	cached_route(sk, &quic_sk(sk)->conn.path);
}

/* ---- headers ---- */

static u32 head_len(const struct dst_entry *dst)
{
	/* 8: what ip6_xmit() wants for a jumbo header that we never need */
	return LL_RESERVED_SPACE(dst->dev) + dst->header_len + header_len(6) + 8;
}

static struct sk_buff *skb_new(const struct dst_entry *dst, u32 room)
{
	u32 head = head_len(dst);
	struct sk_buff *skb = alloc_skb(head + room, GFP_ATOMIC | __GFP_NOWARN);

	if (skb)
		skb_reserve(skb, head);
	return skb;
}

static void push_udp(struct sk_buff *skb, const struct quic_addr *local,
		     const struct quic_addr *remote)
{
	struct udphdr *uh = __skb_push(skb, sizeof(*uh));
	__be32 s, d;

	skb_reset_transport_header(skb);
	uh->source = htons(local->port);
	uh->dest = htons(remote->port);
	uh->len = htons(skb->len);
	/* the pseudo header's sum; the device, or software segmentation, does the rest */
	if (remote->family == 4) {
		memcpy(&s, local->ip, 4);
		memcpy(&d, remote->ip, 4);
		uh->check = ~csum_tcpudp_magic(s, d, skb->len, IPPROTO_UDP, 0);
	} else {
		uh->check = ~csum_ipv6_magic((const struct in6_addr *)local->ip,
					     (const struct in6_addr *)remote->ip, skb->len,
					     IPPROTO_UDP, 0);
	}
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct udphdr, check);
}

static void xmit4(struct sock *sk, struct sk_buff *skb, const struct quic_addr *local,
		  const struct quic_addr *remote, u8 ecn)
{
	struct iphdr *iph = __skb_push(skb, sizeof(*iph));
	int ttl = READ_ONCE(inet_sk(sk)->uc_ttl);

	skb_reset_network_header(skb);
	*(__be16 *)iph = htons(4 << 12 | 5 << 8 | tos(sk, 4, ecn));
	iph->frag_off = htons(IP_DF);
	iph->ttl = ttl < 0 ? ip4_dst_hoplimit(skb_dst(skb)) : ttl;
	iph->protocol = IPPROTO_UDP;
	memcpy(&iph->saddr, local->ip, 4);
	memcpy(&iph->daddr, remote->ip, 4);
	ip_select_ident_segs(sock_net(sk), skb, sk, skb_shinfo(skb)->gso_segs ?: 1);
	skb->priority = READ_ONCE(sk->sk_priority);
	skb->mark = READ_ONCE(sk->sk_mark);
	ip_local_out(sock_net(sk), sk, skb);
}

static void xmit6(struct sock *sk, struct sk_buff *skb, const struct quic_addr *local,
		  const struct quic_addr *remote, u8 ecn)
{
	struct flowi6 fl6;

	flow6(&fl6, sk, local, remote);
	ip6_xmit(sender6(sk), skb, &fl6, READ_ONCE(sk->sk_mark), NULL, tos(sk, 6, ecn),
		 READ_ONCE(sk->sk_priority));
}

/* @skb holds the payload; @dst is ours until here. */
static void xmit(struct sock *sk, struct sk_buff *skb, struct dst_entry *dst,
		 const struct quic_addr *local, const struct quic_addr *remote, u8 ecn)
{
	dst_hold(dst);
	skb_dst_set(skb, dst);
	push_udp(skb, local, remote);
	rcu_read_lock();
	if (remote->family == 4)
		xmit4(sk, skb, local, remote, ecn);
	else
		xmit6(sk, skb, local, remote, ecn);
	rcu_read_unlock();
}

void quic_output_raw(struct quic_udp *udp, const struct quic_addr *local,
		     const struct quic_addr *remote, const void *data, u32 len)
{
	struct sock *usk = udp->sk;
	struct quic_addr from = *local;
	struct dst_entry *dst;
	struct sk_buff *skb;

	dst = route(usk, &from, remote);
	if (IS_ERR(dst)) {
		quic_mib_net_inc(udp->qn->net, QUIC_MIB_DROP_NOROUTE);
		return;
	}
	skb = skb_new(dst, len);
	if (skb) {
		skb_put_data(skb, data, len);
		xmit(usk, skb, dst, &from, remote, 0);
	} else {
		quic_mib_net_inc(udp->qn->net, QUIC_MIB_DROP_NOMEM);
	}
	dst_release(dst);
}

/* ---- trains ---- */

struct train {
	struct sk_buff *skb;	/* NULL: none under way */
	struct dst_entry *dst;	/* the socket's; held while the lock is */
	struct quic_addr local, remote;
	u8 ecn;
	bool closed;		/* the last datagram was shorter */
	bool undersized;	/* the route claims to take less than QUIC's least */
	u32 seg, segs;
};

/*
 * RFC 9000 §14.2.1: MUST ignore ICMP that claims less than 1200 bytes.  Routes of IPv4
 * believe it, and IP would drop all that we send: a forged message would end the
 * connection.  @path's own route, or that of one beside it, which has told no MTU.
 */
static bool is_undersized(struct sock *sk, const struct quic_path *path, const struct dst_entry *dst)
{
	struct quic_sock *qs = quic_sk(sk);

	return unlikely(qs->mtu == QUIC_INITIAL_MIN || path != &qs->conn.path) &&
	       path->remote.family == 4 && dst_mtu(dst) < QUIC_INITIAL_MIN + header_len(4);
}

/* IP asks the socket whose word counts: for this train the device's, not the route's. */
static void xmit_undersized(struct sock *sk, struct sk_buff *skb, const struct train *t)
{
	u8 *discover = &inet_sk(sk)->pmtudisc, was = READ_ONCE(*discover);

	WRITE_ONCE(*discover, IP_PMTUDISC_PROBE);
	xmit(sk, skb, t->dst, &t->local, &t->remote, t->ecn);
	cmpxchg(discover, IP_PMTUDISC_PROBE, was);	/* the option may have been set, without our lock */
}

static void train_flush(struct sock *sk, struct train *t)
{
	struct sk_buff *skb = t->skb;

	if (!skb)
		return;
	t->skb = NULL;
	if (t->segs > 1) {
		skb_shinfo(skb)->gso_size = t->seg;
		skb_shinfo(skb)->gso_segs = t->segs;
		skb_shinfo(skb)->gso_type = SKB_GSO_UDP_L4;
	}
	skb_set_owner_w(skb, sk);
	quic_mib_inc(sk, QUIC_MIB_TRAIN_OUT);
	quic_mib_add(quic_mib_of(sk), QUIC_MIB_DGRAM_OUT, t->segs);
	if (unlikely(t->undersized))
		xmit_undersized(sk, skb, t);
	else
		xmit(sk, skb, t->dst, &t->local, &t->remote, t->ecn);
}

/* Datagrams of @size bytes that it has room for, if they are like those in it. */
static u32 train_room(const struct train *t, u32 size)
{
	if (!t->skb)
		return min_t(u32, TRAIN_SEGS, TRAIN_BYTES / size);
	return min_t(u32, TRAIN_SEGS - t->segs, (TRAIN_BYTES - t->skb->len) / size);
}

static bool train_takes(const struct train *t, const struct quic_slot *slot,
			const struct page_frag *f)
{
	const struct sk_buff *skb = t->skb;
	unsigned int n = skb_shinfo(skb)->nr_frags;

	return !t->closed && slot->n <= train_room(t, slot->len) && slot->ecn == t->ecn &&
	       (slot->len == t->seg || (slot->len < t->seg && slot->n == 1)) &&
	       quic_addr_equal(&slot->path->remote, &t->remote) &&
	       quic_addr_equal(&slot->path->local, &t->local) &&
	       (n < MAX_SKB_FRAGS || skb_can_coalesce((struct sk_buff *)skb, n, f->page, f->offset));
}

static bool train_full(const struct train *t)
{
	return t->closed || t->segs == TRAIN_SEGS || t->skb->len + t->seg > TRAIN_BYTES;
}

/*
 * What a train needs is there before its first packet is made, which then counts as
 * sent: without it, that would be a loss.
 */
static bool spare_ready(struct tx_cpu *cpu)
{
	if (likely(cpu->spare))
		return true;
	cpu->spare = alloc_skb(SPARE_HEAD + COPY_MAX, GFP_ATOMIC | __GFP_NOWARN);
	if (cpu->spare)
		skb_reserve(cpu->spare, SPARE_HEAD);
	return cpu->spare;
}

static struct sk_buff *spare_take(struct tx_cpu *cpu, const struct dst_entry *dst)
{
	struct sk_buff *skb = cpu->spare;

	if (unlikely(skb_headroom(skb) < head_len(dst)))
		return skb_new(dst, COPY_MAX);
	cpu->spare = NULL;
	return skb;
}

static bool train_start(struct sock *sk, struct train *t, const struct quic_slot *slot,
			struct tx_cpu *cpu)
{
	t->dst = cached_route(sk, slot->path);
	if (!t->dst) {
		quic_mib_inc(sk, QUIC_MIB_DROP_NOROUTE);
		return false;
	}
	t->skb = spare_take(cpu, t->dst);
	if (!t->skb) {
		quic_mib_inc(sk, QUIC_MIB_DROP_NOMEM);
		return false;
	}
	t->local = slot->path->local;
	t->remote = slot->path->remote;
	t->ecn = slot->ecn;
	t->closed = false;
	t->undersized = is_undersized(sk, slot->path, t->dst);
	t->seg = slot->len;
	t->segs = 0;
	return true;
}

/* The slot's datagrams lie at the fragment's offset. */
static void train_append(struct train *t, const struct quic_slot *slot, struct page_frag *f)
{
	struct skb_shared_info *si = skb_shinfo(t->skb);
	unsigned int n = si->nr_frags;
	u32 len = slot->n * slot->len;

	t->segs += slot->n;
	t->closed = slot->len < t->seg;
	if (!n && t->segs == 1 && len <= COPY_MAX) {
		skb_put_data(t->skb, slot->buf, len);
		return;
	}
	if (n && skb_can_coalesce(t->skb, n, f->page, f->offset)) {
		skb_frag_size_add(&si->frags[n - 1], len);
	} else {
		get_page(f->page);
		skb_fill_page_desc(t->skb, n, f->page, f->offset, len);
	}
	t->skb->len += len;
	t->skb->data_len += len;
	t->skb->truesize += len;
	f->offset += len;
}

/* Nobody but the ring refers to it, and it is no emergency reserve. */
static bool reusable(struct page *page, u32 size, u32 cap)
{
	return page && size >= cap && page_ref_count(page) == 1 && !page_is_pfmemalloc(page);
}

/* The next page of the ring, or a new one in its place. */
static bool turn_ring(struct tx_cpu *cpu, u32 cap)
{
	struct page_frag *f = &cpu->frag;
	unsigned int i;

	cpu->at = i = (cpu->at + 1) % PAGES;
	f->offset = 0;
	f->page = cpu->ring[i];
	f->size = cpu->ring_size[i];
	if (reusable(f->page, f->size, cap))
		return true;
	if (f->page)
		put_page(f->page);
	f->page = cpu->ring[i] = NULL;
	f->size = 0;
	/* short of memory, it comes back with a single page */
	if (!skb_page_frag_refill(cap, f, GFP_ATOMIC | __GFP_NOWARN))
		return false;
	cpu->ring[i] = f->page;
	cpu->ring_size[i] = f->size;
	return f->size >= cap;
}

/*
 * A place for the next datagram, of at least the path's MTU; or for a run of them, as far
 * as page, train and @left allow.
 */
static bool slot_room(struct quic_slot *slot, struct tx_cpu *cpu, const struct quic_conn *c,
		      const struct train *t, u32 left)
{
	u32 cap = clamp_t(u32, quic_conn_room(c), QUIC_INITIAL_MIN, DATAGRAM_MAX);
	struct page_frag *f = &cpu->frag;

	if (f->size - f->offset < cap && !turn_ring(cpu, cap))
		return false;
	slot->buf = page_address(f->page) + f->offset;
	slot->cap = cap;
	slot->most = min3(left, train_room(t, cap), (f->size - f->offset) / cap);
	return true;
}

static bool throttled(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	int limit = quic_pernet(sock_net(sk))->limits.tx_queue_limit;

	if (likely(sk_wmem_alloc_get(sk) < limit))
		return false;
	set_bit(QUIC_TX_THROTTLED, &qs->tx_flags);
	smp_mb__after_atomic();		/* pairs with quic_output_write_space() */
	return sk_wmem_alloc_get(sk) >= limit;
}

/* May what is unsent wait for more of it? */
static bool defer(struct quic_sock *qs, u64 now)
{
	const struct quic_conn *c = &qs->conn;
	u64 unsent = quic_streams_unsent(&c->streams);

	if (!unsent || unsent >= DEFER_BYTES || c->cc.in_flight < DEFER_FLIGHT ||
	    c->config.nodelay || !quic_conn_only_data(c)) {
		qs->defer_until = 0;
		return false;
	}
	if (!qs->defer_until)
		qs->defer_until = now + DEFER_MAX;
	return now < qs->defer_until;
}

/* True: stopped by the bound, there may be more. */
static bool transmit(struct sock *sk, u64 now, bool flush, bool *waits)
{
	struct quic_conn *c = &quic_sk(sk)->conn;
	struct train t = {};
	struct quic_slot slot = {};
	struct tx_cpu *cpu;
	bool probe;
	int n, err;

	/* a run is made for the route's MTU: of another it hears before, not by its first packet */
	if (quic_streams_unsent(&c->streams))
		quic_output_route(sk);
	for (n = 0; n < BURST; n += slot.n) {
		if (!t.skb && !flush && defer(quic_sk(sk), now))
			break;
		if (!t.skb && throttled(sk)) {
			*waits = true;
			break;
		}
		cpu = this_cpu_ptr(tx_cpus);
		slot.pkt = &cpu->pkt;
		if (!slot_room(&slot, cpu, c, &t, BURST - n) || !spare_ready(cpu)) {
			quic_mib_inc(sk, QUIC_MIB_DROP_NOMEM);
			*waits = true;
			break;
		}
		/* two probes are sent so that one may be lost: not in one skb */
		probe = c->loss.probes || c->pmtud.pending;
		err = quic_conn_tx(c, &slot, now);
		if (err <= 0) {
			*waits |= err < 0;
			break;
		}
		if (t.skb && (probe || !train_takes(&t, &slot, &cpu->frag)))
			train_flush(sk, &t);
		if (t.skb || train_start(sk, &t, &slot, cpu))
			train_append(&t, &slot, &cpu->frag);
		if (t.skb && train_full(&t))
			train_flush(sk, &t);
	}
	train_flush(sk, &t);
	return n == BURST;
}

/* SO_MAX_PACING_RATE and SO_RCVBUF, which the kernel sets without telling us */
static void follow_options(struct sock *sk)
{
	struct quic_conn *c = &quic_sk(sk)->conn;
	unsigned long rate = READ_ONCE(sk->sk_max_pacing_rate);
	u64 window = READ_ONCE(sk->sk_rcvbuf) / 2;
	u64 max = rate == ~0UL ? 0 : rate;

	if (likely(c->config.max_pacing_rate == max && c->config.rcv_window_max == window))
		return;
	c->config.max_pacing_rate = max;
	c->config.rcv_window_max = window;
	quic_conn_set_config(c, &c->config);
}

static void push(struct sock *sk, bool flush)
{
	struct quic_sock *qs = quic_sk(sk);
	bool more, waits = false;
	u64 now, at;

	if (qs->dead || qs->conn.state == QUIC_CONN_IDLE)
		return;
	/* a softirq inside somebody's use of the FPU: process context goes on from here */
	if (!quic_crypt_usable()) {
		quic_input_queue_work(sk);
		return;
	}
	follow_options(sk);
	do {
		now = quic_now();
		local_bh_disable();
		more = transmit(sk, now, flush, &waits);
		local_bh_enable();
	} while (quic_sock_settle(sk, now) && !more);
	if (static_branch_unlikely(&quic_tracing))
		quic_trace_metrics(qs);
	if (qs->dead)
		return;
	at = quic_conn_deadline(&qs->conn, now);
	if (more)
		at = now;
	else if (qs->defer_until && quic_loss_srtt(&qs->conn.loss) > DEFER_MAX)
		at = min(at, qs->defer_until);
	at = min(at, qs->give_up_at);
	if (waits)	/* what it waits for is no deadline of the core's */
		at = now + THROTTLED_RETRY;
	quic_timer_arm(sk, at);
}

void quic_output_push(struct sock *sk)
{
	push(sk, false);
}

void quic_output_flush(struct sock *sk)
{
	quic_sk(sk)->defer_until = 0;
	push(sk, true);
}

/* ---- going on when the device's queue has room again ---- */

void quic_output_write_space(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	int limit = quic_pernet(sock_net(sk))->limits.tx_queue_limit;

	smp_mb();	/* pairs with throttled() */
	if (!test_bit(QUIC_TX_THROTTLED, &qs->tx_flags) || sk_wmem_alloc_get(sk) >= limit)
		return;
	if (!test_and_clear_bit(QUIC_TX_THROTTLED, &qs->tx_flags) ||
	    test_and_set_bit(QUIC_TX_RESUMING, &qs->tx_flags))
		return;
	if (refcount_inc_not_zero(&sk->sk_refcnt))
		tasklet_schedule(&qs->resume);
}

void quic_output_resume(struct tasklet_struct *t)
{
	struct quic_sock *qs = from_tasklet(qs, t, resume);
	struct sock *sk = quic_sock_sk(qs);

	clear_bit(QUIC_TX_RESUMING, &qs->tx_flags);
	smp_mb__after_atomic();
	bh_lock_sock(sk);
	if (sock_owned_by_user(sk))
		set_bit(QUIC_DEFER_PUSH, &qs->deferred);
	else
		quic_output_push(sk);
	bh_unlock_sock(sk);
	sock_put(sk);
}

int quic_output_init(void)
{
	tx_cpus = alloc_percpu(struct tx_cpu);
	return tx_cpus ? 0 : -ENOMEM;
}

void quic_output_exit(void)
{
	struct page *page;
	int cpu, i;

	for_each_possible_cpu(cpu) {
		kfree_skb(per_cpu_ptr(tx_cpus, cpu)->spare);
		for (i = 0; i < PAGES; i++) {
			page = per_cpu_ptr(tx_cpus, cpu)->ring[i];
			if (page)
				put_page(page);
		}
	}
	free_percpu(tx_cpus);
}

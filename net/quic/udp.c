// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel UDP sockets below QUIC sockets: one for each local address, port
 * and bound device in use, shared by the QUIC sockets there.  They own the
 * port and receive; what is sent goes straight to IP (output.c).
 *
 * Receiving is by data_ready and not by encap_rcv: UDP splits a GRO train
 * before encap_rcv (udp_unexpected_gso()), while a socket with UDP_GRO gets it
 * whole.  data_ready runs in the softirq that queued the skb, so the queue is
 * drained at once.
 *
 * A socket goes when its last user has gone, by a work item: closing it sleeps.
 */
#include <linux/errqueue.h>
#include <linux/udp.h>
#include <net/ipv6.h>
#include <net/udp.h>
#include "mib.h"

#define RCVBUF	(8 << 20)	/* the queue is drained at once; this is for bursts */

static bool pull_checked(struct sk_buff *skb)
{
	return !udp_lib_checksum_complete(skb);
}

static void drain(struct quic_udp *udp)
{
	struct sock *usk = udp->sk;
	struct sk_buff *skb;
	int err, off = 0;

	for (;;) {
		skb = __skb_recv_udp(usk, MSG_DONTWAIT, &off, &err);
		if (!skb) {
			if (err == -EAGAIN)
				return;
			continue;	/* an ICMP error's, taken off by this */
		}
		skb->dev = NULL;	/* UDP used it as scratch space */
		if (pull_checked(skb)) {
			quic_input_skb(udp, skb);
			continue;
		}
		quic_mib_net_inc(udp->qn->net, QUIC_MIB_DROP_CSUM);
		kfree_skb(skb);
	}
}

static void data_ready(struct sock *usk)
{
	struct quic_udp *udp;

	rcu_read_lock();
	udp = rcu_dereference_sk_user_data(usk);
	if (udp)
		drain(udp);
	rcu_read_unlock();
}

/* ICMP errors: IP_RECVERR queues them with the offending packet. */
static void error_report(struct sock *usk)
{
	struct quic_udp *udp;
	struct sk_buff *skb;

	rcu_read_lock();
	udp = rcu_dereference_sk_user_data(usk);
	while (udp && (skb = sock_dequeue_err_skb(usk))) {
		quic_input_error(udp, skb);
		kfree_skb(skb);
	}
	rcu_read_unlock();
}

static void set_option(struct socket *sock, int level, int name, int value)
{
	sock->ops->setsockopt(sock, level, name, KERNEL_SOCKPTR(&value), sizeof(value));
}

static int set_options(struct quic_udp *udp)
{
	struct socket *sock = udp->sock;
	int one = 1, zero = 0, err;

	/* a whole GRO train in one skb */
	err = sock->ops->setsockopt(sock, SOL_UDP, UDP_GRO, KERNEL_SOCKPTR(&one), sizeof(one));
	if (err)
		return err;
	/* no busy polling: the queue is read in softirq */
	sock_setsockopt(sock, SOL_SOCKET, SO_BUSY_POLL, KERNEL_SOCKPTR(&zero), sizeof(zero));
	set_option(sock, SOL_IP, IP_RECVERR, 1);
	if (udp->local.family == 6)
		set_option(sock, SOL_IPV6, IPV6_RECVERR, 1);
	udp->sk->sk_rcvbuf = RCVBUF;
	if (udp->bound_if)
		return sock_bindtoindex(udp->sk, udp->bound_if, true);
	return 0;
}

static void set_callbacks(struct quic_udp *udp)
{
	struct sock *usk = udp->sk;

	write_lock_bh(&usk->sk_callback_lock);
	rcu_assign_sk_user_data(usk, udp);
	usk->sk_data_ready = data_ready;
	usk->sk_error_report = error_report;
	write_unlock_bh(&usk->sk_callback_lock);
}

static int bind_socket(struct quic_udp *udp)
{
	const struct quic_addr *a = &udp->local;
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(a->port) };
	struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(a->port) };

	if (a->family == 4) {
		memcpy(&sin.sin_addr, a->ip, 4);
		return kernel_bind(udp->sock, (struct sockaddr *)&sin, sizeof(sin));
	}
	udp->sk->sk_ipv6only = udp->v6only;
	memcpy(&sin6.sin6_addr, a->ip, 16);
	sin6.sin6_scope_id = a->ifindex;
	return kernel_bind(udp->sock, (struct sockaddr *)&sin6, sizeof(sin6));
}

static int open_socket(struct quic_udp *udp)
{
	int family = udp->local.family == 4 ? PF_INET : PF_INET6;
	int err;

	err = sock_create_kern(udp->qn->net, family, SOCK_DGRAM, IPPROTO_UDP, &udp->sock);
	if (err)
		return err;
	udp->sk = udp->sock->sk;
	sock_hold(udp->sk);
	err = set_options(udp);
	if (err)
		goto fail;
	set_callbacks(udp);
	err = bind_socket(udp);
	if (err)
		goto fail;
	udp->local.port = ntohs(inet_sk(udp->sk)->inet_sport);
	return 0;
fail:
	sock_release(udp->sock);
	return err;
}

static struct hlist_head *bucket(struct quic_net *qn, u16 port)
{
	return &qn->udps[port % QUIC_UDP_BUCKETS];
}

static struct quic_udp *find(struct quic_net *qn, const struct quic_addr *a, int bound_if,
			     bool v6only)
{
	struct quic_udp *udp;

	hlist_for_each_entry(udp, bucket(qn, a->port), node)
		if (quic_addr_equal(&udp->local, a) && udp->local.ifindex == a->ifindex &&
		    udp->bound_if == bound_if && udp->v6only == v6only)
			return udp;
	return NULL;
}

/* The socket is released, and nobody looks at it any more. */
static void destroy(struct quic_udp *udp)
{
	cancel_delayed_work_sync(&udp->work);
	quic_stray_purge(udp);		/* may still send, in the name of udp->sk */
	if (udp->sk)
		sock_put(udp->sk);
	kfree(udp);
}

static struct quic_udp *create(struct quic_net *qn, const struct quic_addr *a, int bound_if,
			       bool v6only)
{
	struct quic_udp *udp = kzalloc(sizeof(*udp), GFP_KERNEL);
	int err;

	if (!udp)
		return ERR_PTR(-ENOMEM);
	udp->qn = qn;
	udp->local = *a;
	udp->bound_if = bound_if;
	udp->v6only = v6only;
	spin_lock_init(&udp->lock);
	skb_queue_head_init(&udp->unknown);
	INIT_DELAYED_WORK(&udp->work, quic_stray_work);
	INIT_LIST_HEAD(&udp->pending);
	__skb_queue_head_init(&udp->orphans);
	atomic_set(&udp->users, 1);
	err = open_socket(udp);
	if (err) {
		synchronize_rcu();	/* data_ready may have seen it */
		destroy(udp);
		return ERR_PTR(err);
	}
	hlist_add_head(&udp->node, bucket(qn, udp->local.port));
	return udp;
}

struct quic_udp *quic_udp_get(struct net *net, const struct quic_addr *a, int bound_if,
			      bool v6only)
{
	struct quic_net *qn = quic_pernet(net);
	struct quic_udp *udp;

	mutex_lock(&qn->udp_lock);
	udp = a->port ? find(qn, a, bound_if, v6only) : NULL;
	if (udp)
		atomic_inc(&udp->users);
	else
		udp = create(qn, a, bound_if, v6only);
	mutex_unlock(&qn->udp_lock);
	return udp;
}

int quic_udp_rebind(struct quic_udp *udp, int bound_if)
{
	int err = 0;

	if (READ_ONCE(udp->bound_if) == bound_if)
		return 0;
	mutex_lock(&udp->qn->udp_lock);
	if (udp->bound_if != bound_if)
		err = atomic_read(&udp->users) > 1 ? -EADDRINUSE :
		      sock_bindtoindex(udp->sk, bound_if, true);
	if (!err)
		udp->bound_if = bound_if;
	mutex_unlock(&udp->qn->udp_lock);
	return err;
}

void quic_udp_hold(struct quic_udp *udp)
{
	atomic_inc(&udp->users);
}

void quic_udp_put(struct quic_udp *udp)
{
	struct quic_net *qn = udp->qn;

	if (atomic_dec_and_test(&udp->users))
		queue_work(quic_wq, &qn->reap);
}

/* All without users, with one grace period for all of them. */
void quic_udp_reap(struct work_struct *work)
{
	struct quic_net *qn = container_of(work, struct quic_net, reap);
	struct hlist_node *next;
	struct quic_udp *udp;
	HLIST_HEAD(gone);
	int i;

	mutex_lock(&qn->udp_lock);
	for (i = 0; i < QUIC_UDP_BUCKETS; i++)
		hlist_for_each_entry_safe(udp, next, &qn->udps[i], node) {
			if (atomic_read(&udp->users))
				continue;
			hlist_del(&udp->node);
			hlist_add_head(&udp->node, &gone);
			sock_release(udp->sock);	/* before others may bind the port */
			rcu_assign_sk_user_data(udp->sk, NULL);
		}
	mutex_unlock(&qn->udp_lock);
	if (hlist_empty(&gone))
		return;
	synchronize_rcu();
	hlist_for_each_entry_safe(udp, next, &gone, node)
		destroy(udp);
}

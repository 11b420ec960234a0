// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sockets that come of another: connections of their listener, sockets of
 * streams of their connection.  What was set on that one with the usual
 * options, those of other levels than SOL_QUIC, holds for them, as it does for
 * what accept() returns of TCP.  Most of it is read where it is used (output.c),
 * since nobody tells us when it is set; sk_clone_lock() copies too much, and
 * wants a protocol made for it.
 * Callers: request (process context, the listener's lock not held), peeloff
 * (lock of the connection's sock held).
 */
#include <net/ipv6.h>
#include "netns.h"

static const enum sock_flags flags[] = {
	SOCK_LINGER, SOCK_KEEPOPEN, SOCK_LOCALROUTE, SOCK_BROADCAST, SOCK_ZEROCOPY,
};

void quic_child_settings(struct sock *sk, const struct sock *from)
{
	unsigned int i;

	sk->sk_uid = from->sk_uid;
	sk->sk_bound_dev_if = from->sk_bound_dev_if;
	sk->sk_mark = from->sk_mark;
	sk->sk_priority = from->sk_priority;
	sk->sk_reuse = from->sk_reuse;
	sk->sk_reuseport = from->sk_reuseport;
	sk->sk_ipv6only = from->sk_ipv6only;
	sk->sk_lingertime = from->sk_lingertime;
	sk->sk_rcvlowat = from->sk_rcvlowat;
	sk->sk_sndtimeo = from->sk_sndtimeo;
	sk->sk_rcvtimeo = from->sk_rcvtimeo;
	sk->sk_max_pacing_rate = from->sk_max_pacing_rate;
	sk->sk_sndbuf = from->sk_sndbuf;
	sk->sk_rcvbuf = from->sk_rcvbuf;
	sk->sk_userlocks = from->sk_userlocks & (SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK);
	for (i = 0; i < ARRAY_SIZE(flags); i++)
		if (sock_flag(from, flags[i]))
			sock_set_flag(sk, flags[i]);
}

static void child_inet(struct sock *sk, const struct sock *parent)
{
	const struct inet_sock *from = inet_sk(parent);
	struct ipv6_pinfo *np = &((struct quic6_sock *)sk)->inet6;
	struct inet_sock *inet = inet_sk(sk);

	inet->tos = from->tos;
	inet->uc_ttl = from->uc_ttl;
	inet->pmtudisc = from->pmtudisc;
	inet->mc_ttl = 1;
	if (sk->sk_family != AF_INET6)
		return;
	inet->pinet6 = np;
	np->hop_limit = inet6_sk(parent)->hop_limit;
	np->mcast_hops = inet6_sk(parent)->mcast_hops;
	np->tclass = inet6_sk(parent)->tclass;
	np->pmtudisc = inet6_sk(parent)->pmtudisc;
	np->frag_size = inet6_sk(parent)->frag_size;
}

#ifdef CONFIG_MEMCG
/* Made by a kernel thread, charged to whom the listener is. */
static void child_memcg(struct sock *sk, const struct sock *parent)
{
	if (sk->sk_memcg || !parent->sk_memcg)
		return;
	css_get(&parent->sk_memcg->css);
	sk->sk_memcg = parent->sk_memcg;
}
#else
static void child_memcg(struct sock *sk, const struct sock *parent) {}
#endif

struct sock *quic_child_new(struct sock *parent)
{
	struct sock *sk = sk_alloc(sock_net(parent), parent->sk_family, GFP_KERNEL,
				   parent->sk_prot, 0);

	if (!sk)
		return NULL;
	sock_init_data(NULL, sk);
	child_memcg(sk, parent);
	sk->sk_type = parent->sk_type;
	sk->sk_protocol = parent->sk_protocol;
	sk->sk_destruct = parent->sk_destruct;
	sk->sk_backlog_rcv = sk->sk_prot->backlog_rcv;
	child_inet(sk, parent);
	security_sk_clone(parent, sk);
	quic_sock_init_fields(sk);
	quic_child_settings(sk, parent);
	return sk;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The socket's side of migration (core/migrate.c decides): the option
 * CONNECTION_MIGRATION, the UDP sockets that receive at other addresses than
 * the first, and what follows once the connection lives on another path.
 *
 * A client holds, beside qs->udp, the UDP socket of the address that it moves to, or
 * has come from, until the core is done with that path.  A server holds those of its
 * preferred addresses, one of each family, to the end: its clients come when they like.
 * Sending needs no UDP socket.  Everything under the socket lock.
 */
#include <net/ip.h>
#include "netns.h"

static bool addr_any(const struct quic_addr *a)
{
	return !memchr_inv(a->ip, 0, sizeof(a->ip));
}

/* Does @udp receive what is sent to @a? */
static bool serves(const struct quic_udp *udp, const struct quic_addr *a)
{
	const struct quic_addr *at = &udp->local;

	if (at->port != a->port)
		return false;
	if (!addr_any(at))
		return quic_addr_same_ip(at, a);
	return at->family == a->family || (at->family == 6 && !udp->v6only);
}

static void replace(struct quic_udp **slot, struct quic_udp *udp)
{
	if (*slot)
		quic_udp_put(*slot);
	*slot = udp;
}

void quic_migration_free(struct quic_sock *qs)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(qs->udp_more); i++)
		replace(&qs->udp_more[i], NULL);
}

/* A UDP socket for @a, NULL: qs->udp will do, or an error.  Sleeps. */
static struct quic_udp *receive_at(struct sock *sk, const struct quic_addr *a)
{
	struct net *net = sock_net(sk);

	if (serves(quic_sk(sk)->udp, a))
		return NULL;
	if (inet_port_requires_bind_service(net, a->port) &&
	    !ns_capable(net->user_ns, CAP_NET_BIND_SERVICE))
		return ERR_PTR(-EACCES);
	return quic_udp_get(net, a, sk->sk_bound_dev_if, false);
}

/* ---- the option ---- */

static int offer_preferred(struct sock *sk, const struct quic_addr *a)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_udp *udp;
	int err;

	if (addr_any(a))
		return -EINVAL;
	if (qs->conn.state != QUIC_CONN_HANDSHAKE)
		return -EOPNOTSUPP;
	udp = receive_at(sk, a);
	if (IS_ERR(udp))
		return PTR_ERR(udp);
	err = quic_migrate_offer(&qs->conn, a);
	if (!err)
		replace(&qs->udp_more[a->family == 6], udp);
	else if (udp)
		quic_udp_put(udp);
	return err;
}

static int move(struct sock *sk, struct quic_addr *a)
{
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_addr *remote = &qs->conn.path.remote;
	struct quic_udp *udp;
	u64 now = quic_now();
	int err;

	if (a->family != remote->family)
		return -EINVAL;
	err = addr_any(a) ? quic_output_source(sk, remote, a) : 0;
	if (!err)
		err = quic_migrate_check(&qs->conn, a);
	if (err)
		return err;
	udp = receive_at(sk, a);
	if (IS_ERR(udp))
		return PTR_ERR(udp);
	err = quic_migrate_start(&qs->conn, a, now);
	if (err) {
		if (udp)
			quic_udp_put(udp);
		return err;
	}
	/* the path that the other one was for has just been given up */
	replace(&qs->udp_more[0], udp);
	quic_output_push(sk);
	return 0;
}

int quic_migration_set(struct sock *sk, struct quic_addr *a)
{
	struct quic_conn *c = &quic_sk(sk)->conn;

	if (!a->port)
		return -EINVAL;
	if (quic_sk(sk)->lq || c->state == QUIC_CONN_IDLE || !quic_conn_is_open(c))
		return -EPIPE;
	return c->server ? offer_preferred(sk, a) : move(sk, a);
}

/* ---- what follows ---- */

static bool needed(const struct quic_conn *c, const struct quic_udp *udp)
{
	const struct quic_side *side = c->side;

	return serves(udp, &c->path.local) ||
	       (side && side->old.state != QUIC_PATH_UNUSED && serves(udp, &side->old.local)) ||
	       (side && side->cand.state != QUIC_PATH_UNUSED && serves(udp, &side->cand.local));
}

/* A client's UDP sockets: qs->udp is that of the path in use. */
static void sort_udp(struct quic_sock *qs)
{
	struct quic_udp **more = &qs->udp_more[0];

	if (*more && !serves(qs->udp, &qs->conn.path.local))
		swap(qs->udp, *more);
	if (*more && !needed(&qs->conn, *more))
		replace(more, NULL);
}

void quic_migration_settle(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_path *p = &qs->conn.path;

	if (!qs->conn.server)
		sort_udp(qs);
	else if (p->state == QUIC_PATH_VALIDATED)
		quic_secret_renew_token(sk);
	if (quic_path_is(p, &qs->local, &qs->remote))
		return;
	qs->local = p->local;
	qs->remote = p->remote;
	quic_sock_set_names(sk);
	/* RFC 9000 §9.7: another flow label, too */
	sk_set_txhash(sk);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Listening sockets: listen(), the ALPNs that share a port, accept() and its queue,
 * and what a connection counts for as long as its handshake is under way.
 *
 * Locks: udp->lock guards the port's listeners, quic_listen.lock a listener's accept
 * queue; socket locks are taken outside both.
 */
#include <linux/jhash.h>
#include "core/clienthello.h"
#include "stray.h"

/* ---- which listener ---- */

static bool listener_takes(const struct quic_sock *qs, const struct quic_clienthello *ch,
			   bool any_alpn)
{
	const char *name;
	u32 len;

	if (qs->alpn)
		return quic_clienthello_match(ch, qs->alpn, &name, &len);
	/* the draft: without ALPN only clients without; unless nobody here has any */
	return !any_alpn || !ch->alpn;
}

/*
 * The listener for @ch, with a reference: of several that take it (SO_REUSEPORT)
 * by a hash of the client's address.  Reads qs->alpn, which does not change while
 * a socket listens.
 */
struct sock *quic_listen_choose(struct quic_udp *udp, const struct quic_clienthello *ch,
				const struct quic_addr *remote)
{
	u32 hash = jhash(remote->ip, sizeof(remote->ip), remote->port);
	struct sock *sk = NULL;
	struct quic_sock *qs;
	bool any_alpn = false;
	int n = 0;

	spin_lock_bh(&udp->lock);
	hlist_for_each_entry(qs, &udp->listeners, listen_node)
		any_alpn |= !!qs->alpn;
	hlist_for_each_entry(qs, &udp->listeners, listen_node)
		n += listener_takes(qs, ch, any_alpn);
	n = n ? reciprocal_scale(hash, n) + 1 : 0;
	hlist_for_each_entry(qs, &udp->listeners, listen_node)
		if (n && listener_takes(qs, ch, any_alpn) && !--n) {
			sk = quic_sock_sk(qs);
			sock_hold(sk);
			break;
		}
	spin_unlock_bh(&udp->lock);
	return sk;
}

bool quic_listen_wants_retry(struct quic_udp *udp)
{
	struct quic_sock *qs;
	bool asked = false;

	if (atomic_read(&udp->handshakes) + udp->npending > quic_stray_limits(udp)->retry_threshold)
		return true;
	spin_lock_bh(&udp->lock);
	hlist_for_each_entry(qs, &udp->listeners, listen_node)
		asked |= qs->uconfig.validate_peer_address;
	spin_unlock_bh(&udp->lock);
	return asked;
}

/* Does a listener of the port announce that it takes any QUIC bit? */
bool quic_listen_greases(struct quic_udp *udp)
{
	struct quic_sock *qs;
	bool any = false;

	spin_lock_bh(&udp->lock);
	hlist_for_each_entry(qs, &udp->listeners, listen_node)
		any |= READ_ONCE(qs->conn.local_tp.grease_quic_bit);
	spin_unlock_bh(&udp->lock);
	return any;
}

bool quic_listen_full(struct quic_listen *lq)
{
	return !READ_ONCE(lq->open) || READ_ONCE(lq->naccept) >= lq->backlog;
}

/* To the accept queue; false: no room any more, or no longer listening. */
bool quic_listen_enqueue(struct sock *lsk, struct sock *sk)
{
	struct quic_listen *lq = &quic_sk(lsk)->listen;
	bool ok;

	spin_lock_bh(&lq->lock);
	ok = !quic_listen_full(lq);
	if (ok) {
		sock_hold(lsk);
		quic_sk(sk)->parent = lsk;
		list_add_tail(&quic_sk(sk)->accept_node, &lq->accept);
		lq->naccept++;
	}
	spin_unlock_bh(&lq->lock);
	if (ok)
		lsk->sk_data_ready(lsk);
	return ok;
}

/* ---- a handshake under way ---- */

void quic_listen_settled(struct quic_sock *qs)
{
	if (!qs->half_open)
		return;
	qs->half_open = false;
	qs->give_up_at = QUIC_TIME_NEVER;
	atomic_dec(&qs->udp->handshakes);
	quic_source_settled(qs->udp->qn, qs->source);
}

void quic_listen_forget(struct quic_sock *qs)
{
	quic_listen_settled(qs);
	if (qs->source)
		quic_source_put(qs->udp->qn, qs->source);
	qs->source = NULL;
}

/* Off the listener's queue: false: accept() has taken it, or somebody else is about to. */
static bool unqueue(struct quic_sock *qs)
{
	struct quic_listen *lq;
	struct sock *parent;
	bool found = false;

	rcu_read_lock();	/* a parent that goes meanwhile is still memory */
	parent = READ_ONCE(qs->parent);
	if (parent) {
		lq = &quic_sk(parent)->listen;
		spin_lock_bh(&lq->lock);
		found = qs->parent == parent;
		if (found) {
			list_del_init(&qs->accept_node);
			lq->naccept--;
			qs->parent = NULL;
		}
		spin_unlock_bh(&lq->lock);
	}
	rcu_read_unlock();
	if (found)
		sock_put(parent);
	return found;
}

/* An attacker's handshake, or one whose client is gone: it must not hold a place for long. */
void quic_listen_expire(struct sock *sk, u64 now)
{
	struct quic_sock *qs = quic_sk(sk);

	quic_listen_settled(qs);
	if (!quic_conn_is_open(&qs->conn))
		return;
	quic_mib_inc(sk, QUIC_MIB_HANDSHAKE_EXPIRED);
	quic_conn_close(&qs->conn, false, QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED, NULL, 0, now);
	qs->conn.close.err = ETIMEDOUT;
	if (unqueue(qs))
		sock_orphan(sk);
	else
		quic_event_close(qs);
}

/* Close what nobody will accept. */
void quic_listen_abandon(struct sock *sk)
{
	sock_hold(sk);
	lock_sock_nested(sk, SINGLE_DEPTH_NESTING);
	quic_conn_close(&quic_sk(sk)->conn, false, QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED,
			NULL, 0, quic_now());
	sock_orphan(sk);
	quic_output_push(sk);
	release_sock(sk);
	sock_put(sk);
}

/* ---- listen() and accept() ---- */

/* One name of a comma list; returns what follows it, NULL at the end. */
static const char *next_name(const char *list, const char **name, u32 *len)
{
	const char *end;

	while (*list == ' ')
		list++;
	end = strchrnul(list, ',');
	*name = list;
	*len = end - list;
	return *end ? end + 1 : NULL;
}

static bool list_has(const char *list, const char *name, u32 len)
{
	const char *n;
	u32 l;

	while (list) {
		list = next_name(list, &n, &l);
		if (l == len && !memcmp(n, name, len))
			return true;
	}
	return false;
}

static bool overlap(const char *a, const char *b)
{
	const char *name;
	u32 len;

	if (!a || !b)
		return !a && !b;
	while (a) {
		a = next_name(a, &name, &len);
		if (list_has(b, name, len))
			return true;
	}
	return false;
}

/* udp->lock held.  ABI: overlapping ALPNs only with SO_REUSEPORT and identical lists. */
static bool conflicts(struct quic_sock *qs, struct quic_sock *other)
{
	if (qs == other || !overlap(qs->alpn, other->alpn))
		return false;
	/* as for TCP and UDP: a user takes no other's clients */
	return !quic_sock_sk(qs)->sk_reuseport || !quic_sock_sk(other)->sk_reuseport ||
	       !uid_eq(sock_i_uid(quic_sock_sk(qs)), sock_i_uid(quic_sock_sk(other))) ||
	       (qs->alpn && strcmp(qs->alpn, other->alpn));
}

static int join_port(struct quic_sock *qs)
{
	struct quic_udp *udp = qs->udp;
	struct quic_sock *other;
	int err = 0;

	spin_lock_bh(&udp->lock);
	hlist_for_each_entry(other, &udp->listeners, listen_node)
		if (conflicts(qs, other))
			err = -EADDRINUSE;
	if (!err) {
		hlist_add_head(&qs->listen_node, &udp->listeners);
		WRITE_ONCE(udp->nlisteners, udp->nlisteners + 1);
		WRITE_ONCE(udp->listened, true);
	}
	spin_unlock_bh(&udp->lock);
	return err;
}

static void leave_port(struct quic_sock *qs)
{
	struct quic_udp *udp = qs->udp;

	spin_lock_bh(&udp->lock);
	if (!hlist_unhashed(&qs->listen_node)) {
		hlist_del_init(&qs->listen_node);
		WRITE_ONCE(udp->nlisteners, udp->nlisteners - 1);
	}
	spin_unlock_bh(&udp->lock);
}

int quic_listen_start(struct sock *sk, int backlog)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_listen *lq = &qs->listen, *was = qs->lq;
	int err;

	if (qs->conn.state != QUIC_CONN_IDLE)
		return -EINVAL;
	backlog = min_t(unsigned int, backlog, READ_ONCE(sock_net(sk)->core.sysctl_somaxconn));
	if (lq->open) {
		WRITE_ONCE(lq->backlog, backlog);
		return 0;
	}
	err = quic_secret_make(quic_pernet(sock_net(sk)));
	if (!err)
		err = quic_sock_autobind(sk);
	if (!err)
		err = quic_udp_rebind(qs->udp, sk->sk_bound_dev_if);
	if (err)
		return err;
	lq->backlog = backlog;
	lq->open = true;
	WRITE_ONCE(qs->lq, lq);
	err = join_port(qs);
	if (err) {
		lq->open = false;
		WRITE_ONCE(qs->lq, was);	/* it may still connect, or get other ALPNs */
		return err;
	}
	inet_sk_set_state(sk, TCP_LISTEN);
	sk->sk_max_ack_backlog = backlog;
	return 0;
}

/* Lock held.  Children that were not accepted are refused. */
void quic_listen_stop(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk), *child, *next;
	struct quic_listen *lq = &qs->listen;
	LIST_HEAD(gone);

	if (!lq->open)
		return;
	leave_port(qs);
	spin_lock_bh(&lq->lock);
	lq->open = false;
	list_splice_init(&lq->accept, &gone);
	lq->naccept = 0;
	list_for_each_entry(child, &gone, accept_node)
		child->parent = NULL;
	spin_unlock_bh(&lq->lock);
	list_for_each_entry_safe(child, next, &gone, accept_node) {
		list_del_init(&child->accept_node);
		quic_listen_abandon(quic_sock_sk(child));
		__sock_put(sk);		/* the child's; the caller has one */
	}
	inet_sk_set_state(sk, TCP_CLOSE);
	sk->sk_state_change(sk);
}

bool quic_listen_ready(struct sock *sk)
{
	const struct quic_listen *lq = &quic_sk(sk)->listen;

	return READ_ONCE(lq->naccept) || !READ_ONCE(lq->open);
}

static struct sock *dequeue(struct sock *sk)
{
	struct quic_listen *lq = &quic_sk(sk)->listen;
	struct quic_sock *child;

	spin_lock_bh(&lq->lock);
	child = list_first_entry_or_null(&lq->accept, struct quic_sock, accept_node);
	if (child) {
		list_del_init(&child->accept_node);
		lq->naccept--;
		child->parent = NULL;
	}
	spin_unlock_bh(&lq->lock);
	if (!child)
		return NULL;
	__sock_put(sk);
	return quic_sock_sk(child);
}

struct sock *quic_listen_accept(struct sock *sk, int flags, int *err)
{
	struct quic_sock *qs = quic_sk(sk);
	struct sock *child = NULL;
	long timeo;

	lock_sock(sk);
	timeo = sock_rcvtimeo(sk, flags & O_NONBLOCK);
	for (;;) {
		*err = -EINVAL;
		if (!qs->listen.open)
			break;
		child = dequeue(sk);
		if (child)
			break;
		*err = quic_sock_wait(sk, sk, &timeo, false);
		if (*err)
			break;
	}
	release_sock(sk);
	return child;
}

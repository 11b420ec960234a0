// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The life of a QUIC socket: made, bound, connected or accepted, closed; and
 * what the core says in between, told to the user (quic_sock_settle()).
 *
 * close() ends the user's part at once.  The connection lives on as an orphan
 * (SOCK_DEAD): first until what was written is acknowledged (bounded by
 * linger_timeout), then through the closing period of RFC 9000 §10.2.  The
 * reference that the user held keeps it; quic_sock_settle(), which runs after
 * every datagram and timer, drops it when the connection is over.  What the
 * connection held is then gone (qs->dead), only the sock waits for its last
 * reference.
 *
 * Sockets of peeled-off streams (peeloff.c) keep the connection open: it is
 * closed with the last of all its sockets, whichever that is.
 */
#include <linux/module.h>
#include <linux/wait.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include "mib.h"
#include "crypt.h"

#define WAKE_SHARE	3	/* writers wake when a third as much as is queued is free */

static void count(void *priv, enum quic_mib what, u32 n)
{
	quic_mib_add(quic_mib_of(priv), what, n);
	if (static_branch_unlikely(&quic_tracing))
		quic_trace_dropped(quic_sk(priv), what);
}

const struct quic_conn_ops quic_sock_conn_ops = {
	.crypto	= &quic_kernel_crypto,
	.chunk	= &quic_sock_chunk_ops,
	.cid	= &quic_lookup_cid_ops,
	.event	= quic_event_post,
	.count	= count,
	.owner_wake = quic_peel_wake,
	.trace	= &quic_trace_conn_ops,
};

/* ---- birth and death ---- */

/* Options are set (defaults or the listener's); makes the connection. */
int quic_sock_setup(struct sock *sk, bool server)
{
	struct quic_sock *qs = quic_sk(sk);
	int err;

	qs->conn.config.rcv_window_max = READ_ONCE(sk->sk_rcvbuf) / 2;
	err = quic_conn_init(&qs->conn, &quic_sock_conn_ops, sk, server, &qs->conn.config,
			     &qs->conn.local_tp);
	if (err)
		return err;
	qs->dead = false;
	return 0;
}

void quic_sock_init_fields(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	sock_set_flag(sk, SOCK_RCU_FREE);
	sk->sk_write_space = quic_output_write_space;
	sk->sk_sndbuf = quic_sysctl_wmem[1];
	sk->sk_rcvbuf = quic_sysctl_rmem[1];
	skb_queue_head_init(&qs->inq);
	spin_lock_init(&qs->listen.lock);
	INIT_LIST_HEAD(&qs->listen.accept);
	INIT_WORK(&qs->work, quic_input_work);
	INIT_LIST_HEAD(&qs->accept_node);
	INIT_LIST_HEAD(&qs->peels);
	INIT_LIST_HEAD(&qs->peels_blocked);
	INIT_LIST_HEAD(&qs->peels_woken);
	hrtimer_setup(&qs->timer, quic_timer_fire, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_SOFT);
	qs->timer_at = qs->give_up_at = QUIC_TIME_NEVER;
	tasklet_setup(&qs->resume, quic_output_resume);
	qs->dead = true;	/* until quic_sock_setup() */
	quic_diag_add(qs);
	sk_sockets_allocated_inc(sk);
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, 1);
}

int quic_sock_init(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	quic_sock_init_fields(sk);
	quic_sockopt_init(qs);
	if (sk->sk_socket)
		quic_compat_zerocopy(sk->sk_socket);
	return quic_sock_setup(sk, false);
}

void quic_sock_destroy(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	quic_diag_del(qs);
	quic_timer_stop(sk);
	quic_listen_forget(qs);
	quic_lookup_del_odcid(qs);
	quic_lookup_del_reset(qs);
	if (!qs->dead)
		quic_conn_free(&qs->conn);
	qs->dead = true;
	skb_queue_purge(&qs->inq);
	quic_sockopt_free(qs);
	quic_migration_free(qs);
	if (qs->udp)
		quic_udp_put(qs->udp);
	qs->udp = NULL;
	sk->sk_state = TCP_CLOSE;
	sk_sockets_allocated_dec(sk);
	sock_prot_inuse_add(sock_net(sk), sk->sk_prot, -1);
}

/* ---- addresses ---- */

static int from_user4(const struct sockaddr *sa, int len, struct quic_addr *a)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)sa;

	if (len < (int)sizeof(*sin))
		return -EINVAL;
	a->family = 4;
	a->port = ntohs(sin->sin_port);
	memcpy(a->ip, &sin->sin_addr, 4);
	return 0;
}

static int from_user6(struct sock *sk, const struct sockaddr *sa, int len, struct quic_addr *a)
{
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)sa;

	if (len < SIN6_LEN_RFC2133)
		return -EINVAL;
	a->family = 6;
	a->port = ntohs(sin6->sin6_port);
	memcpy(a->ip, &sin6->sin6_addr, 16);
	if (ipv6_addr_v4mapped(&sin6->sin6_addr)) {
		a->family = 4;
		memset(a->ip, 0, sizeof(a->ip));
		memcpy(a->ip, &sin6->sin6_addr.s6_addr32[3], 4);
	} else if (ipv6_addr_type(&sin6->sin6_addr) & IPV6_ADDR_LINKLOCAL) {
		a->ifindex = len >= (int)sizeof(*sin6) ? sin6->sin6_scope_id : 0;
		a->ifindex = a->ifindex ?: sk->sk_bound_dev_if;
		if (!a->ifindex)
			return -EINVAL;
	}
	return 0;
}

int quic_addr_of_any(struct sock *sk, const struct sockaddr *sa, int len, struct quic_addr *a)
{
	memset(a, 0, sizeof(*a));
	if (len < (int)offsetofend(struct sockaddr, sa_family))
		return -EINVAL;
	if (sa->sa_family == AF_INET)
		return from_user4(sa, len, a);
	return sa->sa_family == AF_INET6 ? from_user6(sk, sa, len, a) : -EAFNOSUPPORT;
}

int quic_addr_from_user(struct sock *sk, const struct sockaddr *sa, int len, struct quic_addr *a)
{
	int err = quic_addr_of_any(sk, sa, len, a);

	if (!err && sa->sa_family == AF_INET6 && sk->sk_family != AF_INET6)
		err = -EAFNOSUPPORT;
	if (!err && a->family == 4 && sk->sk_family == AF_INET6 && sk->sk_ipv6only)
		err = -EINVAL;
	return err;
}

int quic_addr_to_user(struct sock *sk, const struct quic_addr *a, struct sockaddr *sa)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)sa;
	struct sockaddr_in *sin = (struct sockaddr_in *)sa;

	if (a->family == 4 && sk->sk_family == AF_INET6 && quic_sk(sk)->byte_stream) {
		memset(sin6, 0, sizeof(*sin6));	/* as TCP has it */
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons(a->port);
		ipv6_addr_set_v4mapped(get_unaligned((__be32 *)a->ip), &sin6->sin6_addr);
		return sizeof(*sin6);
	}
	if (a->family == 6 || (!a->family && sk->sk_family == AF_INET6)) {
		memset(sin6, 0, sizeof(*sin6));
		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons(a->port);
		memcpy(&sin6->sin6_addr, a->ip, 16);
		sin6->sin6_scope_id = a->ifindex;
		return sizeof(*sin6);
	}
	memset(sin, 0, sizeof(*sin));
	sin->sin_family = AF_INET;
	sin->sin_port = htons(a->port);
	memcpy(&sin->sin_addr, a->ip, 4);
	return sizeof(*sin);
}

int quic_sock_getname(struct sock *sk, struct sockaddr *uaddr, int peer)
{
	struct quic_sock *qs = quic_sk(sk);
	static const struct quic_addr nobody;
	const struct quic_addr *a;
	int len;

	lock_sock(sk);
	if (peer)	/* the path in use: migration changes it */
		a = qs->conn.path.remote.family ? &qs->conn.path.remote : &qs->remote;
	else
		a = qs->conn.path.local.family ? &qs->conn.path.local : &qs->local;
	if (peer && qs->byte_stream && qs->conn.state == QUIC_CONN_HANDSHAKE)
		a = &nobody;
	len = peer && !a->family ? -ENOTCONN : quic_addr_to_user(sk, a, uaddr);
	release_sock(sk);
	return len;
}

void quic_sock_set_names(struct sock *sk)
{
	const struct quic_sock *qs = quic_sk(sk);
	struct inet_sock *inet = inet_sk(sk);

	inet->inet_num = qs->local.port;
	inet->inet_sport = htons(qs->local.port);
	inet->inet_dport = htons(qs->remote.port);
	if (qs->local.family == 4) {
		memcpy(&inet->inet_saddr, qs->local.ip, 4);
		inet->inet_rcv_saddr = inet->inet_saddr;
		memcpy(&inet->inet_daddr, qs->remote.ip, 4);
	} else if (sk->sk_family == AF_INET6) {
		memcpy(&sk->sk_v6_rcv_saddr, qs->local.ip, 16);
		inet6_sk(sk)->saddr = sk->sk_v6_rcv_saddr;
		memcpy(&sk->sk_v6_daddr, qs->remote.ip, 16);
	}
}

static bool addr_any(const struct quic_addr *a)
{
	return !memchr_inv(a->ip, 0, sizeof(a->ip));
}

/* ---- bind, connect ---- */

static int bind_to(struct sock *sk, const struct quic_addr *a)
{
	struct quic_sock *qs = quic_sk(sk);
	bool v6only = a->family == 6 && sk->sk_ipv6only;
	struct quic_udp *udp;

	udp = quic_udp_get(sock_net(sk), a, sk->sk_bound_dev_if, v6only);
	if (IS_ERR(udp))
		return PTR_ERR(udp);
	qs->udp = udp;
	qs->local = *a;
	qs->local.port = udp->local.port;
	quic_sock_set_names(sk);
	return 0;
}

int quic_sock_autobind(struct sock *sk)
{
	struct quic_addr a = { .family = sk->sk_family == AF_INET6 ? 6 : 4 };

	return quic_sk(sk)->udp ? 0 : bind_to(sk, &a);
}

int quic_sock_bind(struct sock *sk, struct sockaddr *uaddr, int len)
{
	struct quic_sock *qs = quic_sk(sk);
	struct net *net = sock_net(sk);
	struct quic_addr a;
	int err;

	err = quic_addr_from_user(sk, uaddr, len, &a);
	if (err)
		return err;
	if (a.port && inet_port_requires_bind_service(net, a.port) &&
	    !ns_capable(net->user_ns, CAP_NET_BIND_SERVICE))
		return -EACCES;
	lock_sock(sk);
	if (qs->udp || qs->conn.state != QUIC_CONN_IDLE)
		err = -EINVAL;
	else
		err = bind_to(sk, &a);
	release_sock(sk);
	return err;
}

/* A wildcard destination means this host, as for TCP and UDP. */
static void name_loopback(struct quic_addr *a)
{
	if (!addr_any(a))
		return;
	a->ip[a->family == 4 ? 3 : 15] = 1;
	if (a->family == 4)
		a->ip[0] = 127;
}

static bool is_multicast(const struct quic_addr *a)
{
	return a->family == 4 ? (a->ip[0] & 0xf0) == 0xe0 : a->ip[0] == 0xff;
}

/* Choose the source address for @remote, and a port unless bound. */
static int choose_local(struct sock *sk, const struct quic_addr *remote)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_addr local = qs->local;
	int err;

	if (qs->udp && local.family != remote->family) {
		/* [::] takes IPv4 too; nothing else crosses families */
		if (local.family != 6 || !addr_any(&local) || qs->udp->v6only)
			return -EINVAL;
		memset(local.ip, 0, sizeof(local.ip));
	}
	err = quic_output_source(sk, remote, &local);
	if (err)
		return err;
	err = qs->udp ? quic_udp_rebind(qs->udp, sk->sk_bound_dev_if) : bind_to(sk, &local);
	if (err)
		return err;
	local.port = qs->local.port;
	qs->local = local;
	return 0;
}

static int connect_to(struct sock *sk, struct quic_addr *remote)
{
	struct quic_sock *qs = quic_sk(sk);
	int err;

	if (qs->lq || qs->conn.state != QUIC_CONN_IDLE)
		return qs->byte_stream && !qs->lq ? quic_bytestream_again(sk) : -EINVAL;
	if (!remote->port)
		return -EINVAL;
	if (is_multicast(remote))
		return -ENETUNREACH;
	name_loopback(remote);
	err = choose_local(sk, remote);
	if (err)
		return err;
	qs->remote = *remote;
	quic_sock_set_names(sk);
	sk_set_txhash(sk);
	qs->conn.config.rcv_window_max = READ_ONCE(sk->sk_rcvbuf) / 2;	/* SO_RCVBUF */
	quic_conn_set_config(&qs->conn, &qs->conn.config);
	err = quic_conn_connect(&qs->conn, &qs->local, &qs->remote, qs->token, qs->token_len,
				quic_now());
	if (err)
		return err;
	inet_sk_set_state(sk, TCP_SYN_SENT);
	quic_output_route(sk);
	quic_output_push(sk);		/* nothing to send yet: arms the timer */
	return 0;
}

int quic_sock_connect(struct sock *sk, struct sockaddr *uaddr, int len)
{
	struct quic_addr remote;
	int err;

	err = quic_addr_from_user(sk, uaddr, len, &remote);
	if (err)
		return err;
	lock_sock(sk);
	err = connect_to(sk, &remote);
	release_sock(sk);
	return err;
}

/* ---- waiting and waking ---- */

int quic_sock_wait(struct sock *sk, struct sock *on, long *timeo, bool write)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);

	if (!*timeo)
		return -EAGAIN;
	if (signal_pending(current))
		return sock_intr_errno(*timeo);
	if (write && on->sk_socket)
		set_bit(SOCK_NOSPACE, &on->sk_socket->flags);
	if (write && on != sk)
		quic_peel_blocked(on);
	add_wait_queue(sk_sleep(on), &wait);
	release_sock(sk);
	*timeo = wait_woken(&wait, TASK_INTERRUPTIBLE, *timeo);
	lock_sock(sk);
	remove_wait_queue(sk_sleep(on), &wait);
	return 0;
}

void quic_sock_wake_writers(struct sock *sk)
{
	struct socket_wq *wq;

	rcu_read_lock();
	wq = rcu_dereference(sk->sk_wq);
	if (sk->sk_socket)
		clear_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	if (skwq_has_sleeper(wq))
		wake_up_interruptible_poll(&wq->wait, EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND);
	sk_wake_async(sk, SOCK_WAKE_SPACE, POLL_OUT);
	rcu_read_unlock();
}

int quic_sock_recv_error(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_conn *c = &qs->conn;
	int err;

	/* who does the handshake leaves the error to the program's SO_ERROR */
	if (qs->byte_stream && qs->ended && !qs->stream_open)
		return -quic_bytestream_end(qs);
	err = sock_error(sk);
	if (err)
		return err;
	return c->state == QUIC_CONN_IDLE || !quic_conn_is_open(c) ? -ENOTCONN : 0;
}

static void state_changed(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_conn *c = &qs->conn;
	int err;

	if (static_branch_unlikely(&quic_tracing))
		quic_trace_state(qs);
	if (c->state == QUIC_CONN_ESTABLISHED) {
		inet_sk_set_state(sk, TCP_ESTABLISHED);
		quic_listen_settled(qs);
	}
	if (quic_conn_is_open(c) || qs->ended)
		return;
	qs->ended = true;
	quic_listen_settled(qs);
	inet_sk_set_state(sk, TCP_CLOSE);
	err = qs->byte_stream ? quic_bytestream_end(qs) : c->close.err;
	if (err) {
		WRITE_ONCE(sk->sk_err, err);
		sk_error_report(sk);
	}
	quic_peel_ended(sk);
}

/* Everything that could be read; the user will not. */
static void discard(struct quic_sock *qs, u64 now)
{
	struct quic_streams *ss = &qs->conn.streams;
	struct quic_stream *s;
	u64 n;

	while ((s = quic_streams_readable(ss))) {
		n = quic_recvbuf_readable(&s->rcv);
		quic_stream_consumed(ss, s, n, quic_stream_at_fin(s, n), now,
				     quic_loss_srtt(&qs->conn.loss));
	}
	quic_dgrams_discard(&qs->conn.dgrams);
	quic_event_purge(qs);
}

/* ---- the end ---- */

static bool fins_acked(const struct quic_streams *ss)
{
	const struct quic_stream *s;
	u32 i;

	for (i = 0; i < ss->buckets; i++)
		hlist_for_each_entry(s, &ss->table[i], hash)
			if (s->fin && !s->fin_acked &&
			    s->snd_state < QUIC_STREAM_SEND_STATE_RECVD)
				return false;
	return true;
}

/* Has the peer all that was written, are all datagrams on their way? */
static bool drained(const struct quic_sock *qs)
{
	const struct quic_conn *c = &qs->conn;

	return c->state != QUIC_CONN_ESTABLISHED ||
	       (!c->streams.snd_held && !quic_dgrams_pending(&c->dgrams) && fins_acked(&c->streams));
}

static void send_close(struct quic_sock *qs, u64 now)
{
	const struct quic_connection_close *cl = qs->close_info;

	if (cl)
		quic_conn_close(&qs->conn, true, cl->errcode, cl->phrase,
				qs->close_len - sizeof(*cl), now);
	else
		quic_conn_close(&qs->conn, true, 0, NULL, 0, now);
}

/* The user is gone: true: there is something more to send. */
static bool settle_orphan(struct sock *sk, u64 now)
{
	struct quic_sock *qs = quic_sk(sk);

	discard(qs, now);
	if (qs->lingering && (now >= qs->give_up_at || drained(qs))) {
		qs->lingering = false;
		qs->give_up_at = QUIC_TIME_NEVER;
		if (quic_conn_is_open(&qs->conn)) {
			send_close(qs, now);
			return true;
		}
	}
	if (qs->conn.state == QUIC_CONN_CLOSED && list_empty(&qs->peels))
		sk_common_release(sk);
	return false;
}

/*
 * May writers go on?  One woken for every few bytes would not get far; the bit
 * stays until a later ACK.
 */
static bool wake_write(struct sock *sk)
{
	struct quic_conn *c = &quic_sk(sk)->conn;

	if (quic_conn_is_open(c) && (s64)quic_sock_wspace(sk) * WAKE_SHARE < sk->sk_wmem_queued) {
		c->wake |= QUIC_WAKE_WRITE;
		return false;
	}
	WRITE_ONCE(quic_sk(sk)->tx_refused, false);
	return true;
}

bool quic_sock_settle(struct sock *sk, u64 now)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_conn *c = &qs->conn;
	bool again, write;
	u8 wake;

	again = qs->byte_stream && quic_bytestream_settle(sk);
	wake = c->wake;
	c->wake = 0;
	write = wake & QUIC_WAKE_WRITE && wake_write(sk);
	if (wake & QUIC_WAKE_STATE)
		state_changed(sk);
	if (unlikely(wake & QUIC_WAKE_PATH))
		quic_migration_settle(sk);
	if (c->dcids.active != qs->reset_seq || wake & QUIC_WAKE_STATE)
		quic_lookup_set_reset(qs);
	if (c->work)
		quic_input_queue_work(sk);
	if (qs->odcid_node && (c->confirmed || !quic_conn_is_open(c)))
		quic_lookup_del_odcid(qs);
	quic_peel_settle(sk, write);
	if (sock_flag(sk, SOCK_DEAD))
		return settle_orphan(sk, now);
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		discard(qs, now);
	if (wake & QUIC_WAKE_STATE)
		sk->sk_state_change(sk);
	if (wake & QUIC_WAKE_READ)
		sk->sk_data_ready(sk);
	if (write)
		quic_sock_wake_writers(sk);
	return again;
}

void quic_sock_release_cb(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_conn *c = &qs->conn;
	bool timer, push;

	if (likely(!READ_ONCE(qs->deferred)))
		return;
	timer = test_and_clear_bit(QUIC_DEFER_TIMER, &qs->deferred);
	push = test_and_clear_bit(QUIC_DEFER_PUSH, &qs->deferred);
	if (test_and_clear_bit(QUIC_DEFER_REFUSED, &qs->deferred) && !qs->dead &&
	    c->state == QUIC_CONN_HANDSHAKE && !c->server && !c->got_packet) {
		quic_conn_abort(c, QUIC_CONN_CLOSED, ECONNREFUSED, quic_now());
		push = true;
	}
	if (timer)
		quic_timer_run(sk);
	else if (push)
		quic_output_push(sk);
}

/* SO_LINGER with a time: wait for what was written to arrive. */
static void wait_drained(struct sock *sk, long timeout)
{
	struct quic_sock *qs = quic_sk(sk);

	while (timeout && !drained(qs) && !quic_sock_wait(sk, sk, &timeout, true))
		;
}

static void start_close(struct sock *sk, long timeout)
{
	struct quic_sock *qs = quic_sk(sk);
	u64 now = quic_now();

	if (timeout)
		wait_drained(sk, timeout);
	if (drained(qs) || (sock_flag(sk, SOCK_LINGER) && !sk->sk_lingertime)) {
		send_close(qs, now);
		return;
	}
	qs->lingering = true;
	qs->give_up_at = now + quic_pernet(sock_net(sk))->limits.linger_timeout *
			       QUIC_NSEC_PER_MSEC;
}

void quic_sock_close(struct sock *sk, long timeout)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_conn *c = &qs->conn;

	sock_hold(sk);
	lock_sock(sk);
	sk->sk_shutdown = SHUTDOWN_MASK;
	if (qs->lq)
		quic_listen_stop(sk);
	else if (c->state != QUIC_CONN_IDLE && quic_conn_is_open(c) && list_empty(&qs->peels))
		start_close(sk, timeout);
	sock_orphan(sk);
	if (c->state == QUIC_CONN_IDLE ||
	    (c->state == QUIC_CONN_CLOSED && list_empty(&qs->peels)))
		sk_common_release(sk);
	else
		quic_output_flush(sk);
	release_sock(sk);
	sock_put(sk);
}

void quic_sock_unpeeled(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	if (!sock_flag(sk, SOCK_DEAD) || !list_empty(&qs->peels))
		return;
	if (quic_conn_is_open(&qs->conn))
		start_close(sk, 0);
	else if (qs->conn.state == QUIC_CONN_CLOSED)
		sk_common_release(sk);
}

int quic_sock_shutdown(struct sock *sk, int how)
{
	struct quic_sock *qs = quic_sk(sk);
	int err = 0;

	if (how < SHUT_RD || how > SHUT_RDWR)
		return -EINVAL;
	how++;		/* to a mask of RCV_SHUTDOWN and SEND_SHUTDOWN */
	lock_sock(sk);
	if (qs->lq) {
		if (how & RCV_SHUTDOWN)
			quic_listen_stop(sk);
	} else if (qs->conn.state == QUIC_CONN_IDLE) {
		err = -ENOTCONN;
	} else if (!quic_bytestream_shutdown(sk, how) && how & SEND_SHUTDOWN) {
		send_close(qs, quic_now());
	}
	if (!err) {
		sk->sk_shutdown |= how;
		quic_output_flush(sk);
		sk->sk_state_change(sk);
	}
	release_sock(sk);
	return err;
}

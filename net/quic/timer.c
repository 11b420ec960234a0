// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A connection's one timer, at the minimum of all its deadlines, in softirq.
 * It is armed lazily: a deadline that moves away leaves it where it is, to fire
 * once for nothing and be armed anew; most deadlines move with every packet.
 *
 * An armed timer holds a reference to the socket.  If a user owns the socket
 * when it fires, the release callback does the work.
 */
#include "netns.h"

void quic_timer_run(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);
	u64 now = quic_now();

	if (qs->dead)
		return;
	if (quic_conn_deadline(&qs->conn, now) <= now)
		quic_conn_timeout(&qs->conn, now);
	if (qs->half_open && now >= qs->give_up_at)
		quic_listen_expire(sk, now);
	quic_output_flush(sk);
}

enum hrtimer_restart quic_timer_fire(struct hrtimer *timer)
{
	struct quic_sock *qs = container_of(timer, struct quic_sock, timer);
	struct sock *sk = quic_sock_sk(qs);

	bh_lock_sock(sk);
	/* who held the lock meanwhile may have armed it again */
	if (!hrtimer_is_queued(timer))
		qs->timer_at = QUIC_TIME_NEVER;
	if (sock_owned_by_user(sk))
		set_bit(QUIC_DEFER_TIMER, &qs->deferred);
	else
		quic_timer_run(sk);
	bh_unlock_sock(sk);
	sock_put(sk);
	return HRTIMER_NORESTART;
}

void quic_timer_arm(struct sock *sk, u64 at)
{
	struct quic_sock *qs = quic_sk(sk);

	if (at >= qs->timer_at)
		return;
	/* a timer taken off its queue leaves its reference; one that runs drops its own */
	if (hrtimer_try_to_cancel(&qs->timer) != 1)
		sock_hold(sk);
	qs->timer_at = at;
	hrtimer_start(&qs->timer, ns_to_ktime(at), HRTIMER_MODE_ABS_PINNED_SOFT);
}

void quic_timer_stop(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	qs->timer_at = QUIC_TIME_NEVER;
	if (hrtimer_try_to_cancel(&qs->timer) == 1)
		__sock_put(sk);
}

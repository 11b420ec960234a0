// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Who looks on: /proc/net/quic/sockets, a line for each socket of the
 * namespace, and /proc/net/quic/streams, a line for each stream, of fields
 * name=value.  qstat(1) shows them.  Sockets are found by their number, which
 * only grows, so that a reader who comes back finds where to go on; each is
 * looked at under its own lock, one at a time.
 */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include "mib.h"

void quic_diag_add(struct quic_sock *qs)
{
	struct quic_net *qn = quic_pernet(sock_net(quic_sock_sk(qs)));

	spin_lock_bh(&qn->socks_lock);
	qs->number = ++qn->next_number;
	list_add_tail(&qs->node, &qn->socks);
	spin_unlock_bh(&qn->socks_lock);
}

void quic_diag_del(struct quic_sock *qs)
{
	struct quic_net *qn = quic_pernet(sock_net(quic_sock_sk(qs)));

	spin_lock_bh(&qn->socks_lock);
	list_del_init(&qs->node);
	spin_unlock_bh(&qn->socks_lock);
}

/* ---- walking ---- */

/* The first socket from @number on, with a reference. */
static struct sock *sock_from(struct quic_net *qn, u64 number)
{
	struct sock *sk = NULL;
	struct quic_sock *qs;

	spin_lock_bh(&qn->socks_lock);
	list_for_each_entry(qs, &qn->socks, node) {
		if (qs->number < number ||
		    !refcount_inc_not_zero(&quic_sock_sk(qs)->sk_refcnt))
			continue;
		sk = quic_sock_sk(qs);
		break;
	}
	spin_unlock_bh(&qn->socks_lock);
	return sk;
}

static void *start(struct seq_file *seq, loff_t *pos)
{
	struct sock *sk = sock_from(quic_pernet(seq_file_net(seq)), *pos);

	if (sk)
		*pos = quic_sk(sk)->number;
	return sk;
}

static void *next(struct seq_file *seq, void *v, loff_t *pos)
{
	sock_put(v);
	++*pos;
	return start(seq, pos);
}

static void stop(struct seq_file *seq, void *v)
{
	if (v)
		sock_put(v);
}

/* ---- a socket ---- */

static const char * const state_names[] = {
	[QUIC_CONN_IDLE]	= "idle",
	[QUIC_CONN_HANDSHAKE]	= "handshake",
	[QUIC_CONN_ESTABLISHED]	= "established",
	[QUIC_CONN_CLOSING]	= "closing",
	[QUIC_CONN_DRAINING]	= "draining",
	[QUIC_CONN_CLOSED]	= "closed",
};

static void show_addr(struct seq_file *seq, const char *name, const struct quic_addr *a)
{
	if (a->family == 4)
		seq_printf(seq, " %s=%pI4:%u", name, a->ip, a->port);
	else
		seq_printf(seq, " %s=[%pI6c]:%u", name, a->ip, a->port);
}

static u64 usec(u64 ns)
{
	return div_u64(ns, QUIC_NSEC_PER_USEC);
}

/* Bytes that the user has not read yet. */
static u64 unread(const struct quic_streams *ss)
{
	const struct quic_stream *s;
	u64 n = 0;

	list_for_each_entry(s, &ss->readable, readable)
		n += quic_recvbuf_readable(&s->rcv);
	return n;
}

static void show_path(struct seq_file *seq, struct quic_sock *qs)
{
	const struct quic_conn *c = &qs->conn;
	const struct quic_loss *l = &c->loss;

	seq_printf(seq, " mtu=%u validated=%u version=0x%x", c->path.mtu,
		   c->path.state == QUIC_PATH_VALIDATED, c->version);
	seq_printf(seq, " srtt=%llu rttvar=%llu min_rtt=%llu latest_rtt=%llu pto=%u",
		   usec(l->smoothed), usec(l->var), usec(l->min), usec(l->latest), l->pto_count);
	seq_printf(seq, " cc=%s cwnd=%llu ssthresh=%lld in_flight=%llu congestions=%llu",
		   c->cc.ops ? c->cc.ops->name : "none", c->cc.cwnd, (s64)c->cc.ssthresh,
		   c->cc.in_flight, c->cc.events);
	seq_printf(seq, " pacing=%llu ecn=%s", quic_pace_rate(&c->pace, &c->cc, l->smoothed),
		   l->ecn_failed ? "failed" : l->ecn_capable ? "capable" : "testing");
	seq_printf(seq, " acked=%llu lost=%llu lost_bytes=%llu spurious=%llu", l->acked_packets,
		   l->lost_packets, l->lost_bytes, l->spurious);
}

/* Paths that a migration left, or may lead to. */
static void show_side(struct seq_file *seq, const struct quic_conn *c)
{
	if (c->side && c->side->cand.state != QUIC_PATH_UNUSED) {
		show_addr(seq, "cand_local", &c->side->cand.local);
		show_addr(seq, "cand_remote", &c->side->cand.remote);
		seq_printf(seq, " cand_validated=%u", c->side->cand.state == QUIC_PATH_VALIDATED);
	}
	if (c->side && c->side->old.state != QUIC_PATH_UNUSED) {
		show_addr(seq, "old_local", &c->side->old.local);
		show_addr(seq, "old_remote", &c->side->old.remote);
		seq_printf(seq, " old_validated=%u", c->side->old.state == QUIC_PATH_VALIDATED);
	}
}

static void show_traffic(struct seq_file *seq, struct quic_sock *qs)
{
	const struct quic_streams *ss = &qs->conn.streams;
	const struct quic_conn_stats *st = &qs->conn.stats;

	seq_printf(seq, " rx_packets=%llu tx_packets=%llu rx_bytes=%llu tx_bytes=%llu",
		   st->rx_packets, st->tx_packets, st->rx_bytes, st->tx_bytes);
	seq_printf(seq, " sendq=%llu recvq=%llu streams=%u", ss->snd_held, unread(ss), ss->count);
	seq_printf(seq, " snd_max=%llu snd_used=%llu rcv_max=%llu rcv_used=%llu rcv_window=%llu",
		   ss->snd_max, ss->snd_used, ss->rcv_max, ss->rcv_used, ss->rcv_window);
}

/* Text of a user or a peer, as one word. */
static void show_alpn(struct seq_file *seq, const char *alpn)
{
	seq_puts(seq, " alpn=");
	if (alpn)
		seq_escape_str(seq, alpn, ESCAPE_ANY_NP | ESCAPE_APPEND, " =");
}

static int show_socket(struct seq_file *seq, void *v)
{
	struct sock *sk = v;
	struct quic_sock *qs = quic_sk(sk);
	struct quic_conn *c = &qs->conn;

	lock_sock(sk);
	if (qs->dead)
		goto out;
	seq_printf(seq, "conn=%llu inode=%lu uid=%u state=%s role=%s", qs->number, sock_i_ino(sk),
		   from_kuid_munged(seq_user_ns(seq), sock_i_uid(sk)),
		   qs->lq ? "listen" : state_names[c->state],
		   c->server || qs->lq ? "server" : "client");
	show_addr(seq, "local", c->path.local.family ? &c->path.local : &qs->local);
	show_addr(seq, "remote", c->path.remote.family ? &c->path.remote : &qs->remote);
	show_alpn(seq, qs->alpn);
	if (qs->lq) {
		seq_printf(seq, " waiting=%u backlog=%u", READ_ONCE(qs->lq->naccept),
			   qs->lq->backlog);
	} else if (c->state != QUIC_CONN_IDLE) {
		show_path(seq, qs);
		show_side(seq, c);
		show_traffic(seq, qs);
	}
	seq_putc(seq, '\n');
out:
	release_sock(sk);
	return 0;
}

/* ---- its streams ---- */

static const char * const part_names[] = {
	[QUIC_STREAM_SEND_STATE_READY]		= "ready",
	[QUIC_STREAM_SEND_STATE_SEND]		= "send",
	[QUIC_STREAM_SEND_STATE_SENT]		= "sent",
	[QUIC_STREAM_SEND_STATE_RECVD]		= "recvd",
	[QUIC_STREAM_SEND_STATE_RESET_SENT]	= "reset-sent",
	[QUIC_STREAM_SEND_STATE_RESET_RECVD]	= "reset-recvd",
	[QUIC_STREAM_RECV_STATE_RECV]		= "recv",
	[QUIC_STREAM_RECV_STATE_SIZE_KNOWN]	= "size-known",
	[QUIC_STREAM_RECV_STATE_RECVD]		= "recvd",
	[QUIC_STREAM_RECV_STATE_READ]		= "read",
	[QUIC_STREAM_RECV_STATE_RESET_RECVD]	= "reset-recvd",
	[QUIC_STREAM_RECV_STATE_RESET_READ]	= "reset-read",
};

static void show_stream(struct seq_file *seq, u64 conn, const struct quic_stream *s)
{
	seq_printf(seq, "conn=%llu id=%llu snd=%s rcv=%s", conn, s->id,
		   s->has_snd ? part_names[s->snd_state] : "-",
		   s->has_rcv ? part_names[s->rcv_state] : "-");
	if (s->has_snd)
		seq_printf(seq, " acked=%llu sent=%llu written=%llu snd_max=%llu", s->snd.base,
			   s->snd.next, s->snd.end, s->snd_max);
	if (s->has_rcv)
		seq_printf(seq, " unread=%llu received=%llu rcv_max=%llu",
			   quic_recvbuf_readable(&s->rcv), s->rcv.high, s->rcv_max);
	seq_putc(seq, '\n');
}

static int show_streams(struct seq_file *seq, void *v)
{
	struct quic_sock *qs = quic_sk(v);
	const struct quic_streams *ss = &qs->conn.streams;
	const struct quic_stream *s;
	u32 i;

	lock_sock(v);
	for (i = 0; !qs->dead && i < ss->buckets; i++)
		hlist_for_each_entry(s, &ss->table[i], hash)
			show_stream(seq, qs->number, s);
	release_sock(v);
	return 0;
}

static const struct seq_operations sockets_ops = {
	.start = start, .next = next, .stop = stop, .show = show_socket,
};

static const struct seq_operations streams_ops = {
	.start = start, .next = next, .stop = stop, .show = show_streams,
};

int quic_diag_init(struct quic_net *qn, struct proc_dir_entry *dir)
{
	if (proc_create_net("sockets", 0444, dir, &sockets_ops, sizeof(struct seq_net_private)) &&
	    proc_create_net("streams", 0444, dir, &streams_ops, sizeof(struct seq_net_private)))
		return 0;
	return -ENOMEM;
}

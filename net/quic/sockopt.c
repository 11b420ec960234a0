// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The SOL_QUIC socket options.  Two tables at the end name, for each option,
 * who sets and who gets it; a missing entry is ENOPROTOOPT.  Values are copied
 * in whole and checked before anything changes: a shorter structure is
 * extended with zeros, a longer one must have a zero tail (E2BIG).  Process
 * context; handlers run under the socket lock.  The draft's texts and the errno
 * of each case: quic(7).
 */
#include <linux/file.h>
#include <net/ip.h>
#include <net/transp_v6.h>
#include "netns.h"

#define US_PER_MS		1000
#define MAX_ACK_DELAY_MS	(1 << 14)	/* RFC 9000 §18.2: below */
#define INITIAL_RTT_MIN		1000		/* us */
#define KEEPALIVE_MIN		1500000		/* us */
#define STREAM_WINDOW_DEFAULT	(65536 * 4)
#define WINDOW_DEFAULT		(65536 * 32)
#define CID_LIMIT_DEFAULT	7

/* ---- defaults and inheritance ---- */

void quic_sockopt_init(struct quic_sock *qs)
{
	struct quic_tparam *tp = &qs->conn.local_tp;

	quic_tparam_default(tp);
	tp->max_idle_timeout = 30000;
	tp->active_connection_id_limit = CID_LIMIT_DEFAULT;
	tp->max_udp_payload_size = QUIC_UDP_PAYLOAD_MAX;
	tp->max_streams_bidi = QUIC_STREAMS_DEFAULT;
	tp->max_streams_uni = QUIC_STREAMS_DEFAULT;
	tp->max_data = WINDOW_DEFAULT;
	tp->max_stream_data_bidi_local = STREAM_WINDOW_DEFAULT;
	tp->max_stream_data_bidi_remote = STREAM_WINDOW_DEFAULT;
	tp->max_stream_data_uni = STREAM_WINDOW_DEFAULT;
	qs->uconfig.version = QUIC_VERSION_V1;
	qs->uconfig.initial_smoothed_rtt = QUIC_INITIAL_RTT / QUIC_NSEC_PER_USEC;
	qs->conn.config.version = QUIC_VERSION_V1;
	qs->conn.config.cong = QUIC_CONG_ALG_RENO;
	qs->conn.config.initial_rtt = QUIC_INITIAL_RTT;
	qs->conn.config.rcv_window_max = QUIC_STREAMS_WINDOW_MAX;
	INIT_LIST_HEAD(&qs->event_queue);
}

int quic_sockopt_inherit(struct quic_sock *child, const struct quic_sock *listener)
{
	child->conn.local_tp = listener->conn.local_tp;
	child->conn.local_tp.has_token = listener->tp_stateless_reset;	/* made with the first ID */
	child->tp_stateless_reset = listener->tp_stateless_reset;
	child->tp_no_compatible = listener->tp_no_compatible;
	child->conn.config = listener->conn.config;
	child->uconfig = listener->uconfig;
	child->events = listener->events;
	child->byte_stream = listener->byte_stream;
	if (listener->alpn) {
		child->alpn = kstrdup(listener->alpn, GFP_KERNEL);
		if (!child->alpn)
			return -ENOMEM;
	}
	return 0;
}

void quic_sockopt_free(struct quic_sock *qs)
{
	quic_event_purge(qs);
	kfree(qs->alpn);
	kfree_sensitive(qs->ticket);
	kfree(qs->token);
	kfree(qs->close_info);
	qs->alpn = NULL;
	qs->ticket = qs->token = NULL;
	qs->close_info = NULL;
}

/* ---- helpers ---- */

/* What a handler of a set works on: the value as it came. */
struct opt {
	sockptr_t val;
	unsigned int len;
};

static int copy_struct(void *to, size_t size, sockptr_t from, unsigned int len)
{
	unsigned int off, n;
	u8 tail[64];

	memset(to, 0, size);
	if (copy_from_sockptr(to, from, min_t(size_t, size, len)))
		return -EFAULT;
	for (off = size; off < len; off += n) {
		n = min_t(unsigned int, len - off, sizeof(tail));
		if (copy_from_sockptr_offset(tail, from, off, n))
			return -EFAULT;
		if (memchr_inv(tail, 0, n))
			return -E2BIG;
	}
	return 0;
}

static int get_struct(void *to, size_t size, const struct opt *o)
{
	return copy_struct(to, size, o->val, o->len);
}

/* A new copy of a blob of @min to @max bytes. */
static int get_blob(u8 **to, const struct opt *o, unsigned int min, unsigned int max)
{
	u8 *p;

	if (o->len < min || o->len > max)
		return -EINVAL;
	p = kmalloc(o->len + 1, GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	if (copy_from_sockptr(p, o->val, o->len)) {
		kfree(p);
		return -EFAULT;
	}
	p[o->len] = 0;
	*to = p;
	return 0;
}

/* What a handler of a get works on: the user's buffer, in and out. */
struct gopt {
	char __user *val;
	int __user *optlen;
	int len;
};

static int put(const struct gopt *g, const void *from, unsigned int size)
{
	unsigned int n = min_t(unsigned int, g->len, size);

	if (put_user(n, g->optlen) || copy_to_user(g->val, from, n))
		return -EFAULT;
	return 0;
}

/* All or nothing. */
static int put_blob(const struct gopt *g, const void *from, unsigned int size)
{
	return size > g->len ? -EINVAL : put(g, from, size);
}

static int get_in(void *to, size_t size, const struct gopt *g)
{
	return copy_struct(to, size, USER_SOCKPTR(g->val), g->len);
}

static bool is_server(const struct quic_sock *qs)
{
	return qs->lq || qs->conn.server;
}

static bool established(const struct quic_sock *qs)
{
	return qs->conn.state == QUIC_CONN_ESTABLISHED;
}

static bool handshaking(const struct quic_sock *qs)
{
	return qs->conn.state == QUIC_CONN_HANDSHAKE;
}

/* Before anything is settled: a new socket, a handshake, a listener. */
static bool configurable(const struct quic_sock *qs)
{
	return qs->conn.state <= QUIC_CONN_HANDSHAKE;
}

/* ---- EVENT ---- */

static int set_event(struct sock *sk, const struct opt *o)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_event_option ev;
	int err = get_struct(&ev, sizeof(ev), o);

	if (err)
		return err;
	if (ev.type == QUIC_EVENT_NONE || ev.type >= QUIC_EVENT_MAX)
		return -EINVAL;
	if (ev.on)
		qs->events |= BIT(ev.type);
	else
		qs->events &= ~BIT(ev.type);
	return 0;
}

static int get_event(struct sock *sk, const struct gopt *g)
{
	struct quic_event_option ev;
	int err = get_in(&ev, sizeof(ev), g);

	if (err)
		return err;
	if (ev.type == QUIC_EVENT_NONE || ev.type >= QUIC_EVENT_MAX)
		return -EINVAL;
	ev.on = !!(quic_sk(sk)->events & BIT(ev.type));
	return put(g, &ev, sizeof(ev));
}

/* ---- streams ---- */

static int get_stream_open(struct sock *sk, const struct gopt *g)
{
	struct file *file = sk->sk_socket ? sk->sk_socket->file : NULL;
	struct quic_stream_info si;
	struct quic_stream *st;
	bool dontwait;
	long timeo;
	s64 active;
	int err;

	err = get_in(&si, sizeof(si), g);
	if (err)
		return err;
	if (si.stream_id < -1 ||
	    si.stream_flags & ~(MSG_QUIC_STREAM_UNI | MSG_QUIC_STREAM_DONTWAIT))
		return -EINVAL;
	dontwait = si.stream_flags & MSG_QUIC_STREAM_DONTWAIT ||
		   (file && file->f_flags & O_NONBLOCK);
	timeo = sock_sndtimeo(sk, dontwait);
	err = quic_sock_open_stream(sk, si.stream_id, si.stream_flags & MSG_QUIC_STREAM_UNI,
				    dontwait, &timeo, &st, &active);
	if (err)
		return err == -EEXIST ? -EINVAL : err;
	si.stream_id = st->id;
	err = put(g, &si, sizeof(si));
	if (err)	/* nobody would know of it */
		quic_streams_unopen(&quic_sk(sk)->conn.streams, st, active);
	return err;
}

/* Returns the descriptor, too, as the draft's example B expects. */
static int get_stream_peeloff(struct sock *sk, const struct gopt *g)
{
	struct quic_stream_peeloff info;
	int err;

	if (g->len < (int)sizeof(info))
		return -EINVAL;
	err = get_in(&info, sizeof(info), g);
	/* before there is a descriptor that nobody would learn of */
	if (!err)
		err = put(g, &info, sizeof(info));
	if (!err)
		err = quic_peel_off(sk, &info);
	if (err >= 0 && put(g, &info, sizeof(info)))
		return -EFAULT;
	return err;
}

static int get_errinfo(struct sock *sk, const struct opt *o, bool send,
		       struct quic_errinfo *ei, struct quic_stream **st)
{
	int err = get_struct(ei, sizeof(*ei), o);

	if (err)
		return err;
	if (ei->stream_id < 0 || !established(quic_sk(sk)))
		return -EINVAL;
	*st = quic_streams_find(&quic_sk(sk)->conn.streams, ei->stream_id, send, &err);
	return *st ? 0 : err;
}

static int set_stream_reset(struct sock *sk, const struct opt *o)
{
	struct quic_errinfo ei;
	struct quic_stream *st;
	int err = get_errinfo(sk, o, true, &ei, &st);

	if (!err)
		err = quic_stream_reset(&quic_sk(sk)->conn.streams, st, ei.errcode);
	if (!err)
		quic_output_push(sk);
	return err;
}

static int set_stream_stop(struct sock *sk, const struct opt *o)
{
	struct quic_errinfo ei;
	struct quic_stream *st;
	void *owner;
	int err = get_errinfo(sk, o, false, &ei, &st);

	if (err)
		return err;
	owner = st->owner;	/* the stream may go */
	err = quic_stream_stop(&quic_sk(sk)->conn.streams, st, ei.errcode);
	if (err)
		return err;
	if (owner)
		quic_peel_wake(sk, owner, true);
	quic_output_push(sk);
	return 0;
}

/* ---- CONNECTION_ID ---- */

static int set_source_ids(struct quic_conn *c, const struct quic_connection_id_info *info)
{
	if (info->active)	/* which of ours is in use is the peer's choice */
		return -EINVAL;
	return quic_cids_local_set_prior(&c->scids, info->prior_to);
}

static int set_dest_ids(struct quic_conn *c, const struct quic_connection_id_info *info)
{
	u64 lowest = quic_cids_lowest(c->dcids.e);
	int err = quic_cids_remote_retire_below(&c->dcids, info->prior_to, info->active);

	if (err || info->prior_to <= lowest)
		return err;
	quic_migrate_cids(c);
	quic_conn_ids_event(c, true, c->dcids.active);
	return 0;
}

static int set_connection_id(struct sock *sk, const struct opt *o)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_connection_id_info info;
	int err = get_struct(&info, sizeof(info), o);

	if (err)
		return err;
	if (!established(qs))
		return -EINVAL;
	if (quic_migrate_busy(&qs->conn))
		return -EAGAIN;
	err = info.dest ? set_dest_ids(&qs->conn, &info) : set_source_ids(&qs->conn, &info);
	if (err)
		return err == -ENOENT ? -EINVAL : err;
	quic_output_push(sk);
	return 0;
}

static int get_connection_id(struct sock *sk, const struct gopt *g)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_connection_id_info in, info = {};
	int err = get_in(&in, sizeof(in), g);

	if (err)
		return err;
	if (!established(qs))
		return -EINVAL;
	info.dest = !!in.dest;
	info.prior_to = quic_cids_lowest(in.dest ? qs->conn.dcids.e : qs->conn.scids.e);
	info.active = in.dest ? qs->conn.dcids.active : info.prior_to;
	return put(g, &info, sizeof(info));
}

/* ---- CONNECTION_CLOSE ---- */

static int set_connection_close(struct sock *sk, const struct opt *o)
{
	struct quic_sock *qs = quic_sk(sk);
	unsigned int len = max_t(unsigned int, o->len, sizeof(struct quic_connection_close));
	struct quic_connection_close *cl;

	if (!o->len || len > sizeof(*cl) + QUIC_PHRASE_MAX)
		return -EINVAL;
	cl = kzalloc(len, GFP_KERNEL);
	if (!cl)
		return -ENOMEM;
	if (copy_from_sockptr(cl, o->val, o->len)) {
		kfree(cl);
		return -EFAULT;
	}
	cl->frame = 0;
	kfree(qs->close_info);
	qs->close_info = cl;
	qs->close_len = len;
	return 0;
}

/* The peer's after its close; else what was set here. */
static int get_connection_close(struct sock *sk, const struct gopt *g)
{
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_close *from = &qs->conn.close;
	struct quic_connection_close *cl;
	unsigned int size;
	int err;

	if (quic_conn_is_open(&qs->conn) && qs->close_info)
		return put(g, qs->close_info, qs->close_len);
	size = sizeof(*cl) + from->len;
	cl = kzalloc(size, GFP_KERNEL);
	if (!cl)
		return -ENOMEM;
	cl->errcode = from->code;
	cl->frame = from->frame_type;
	if (from->len)
		memcpy(cl->phrase, from->phrase, from->len);
	err = put(g, cl, size);
	kfree(cl);
	return err;
}

/* ---- CONNECTION_MIGRATION ---- */

static int set_migration(struct sock *sk, const struct opt *o)
{
	struct sockaddr_storage ss;
	struct quic_addr a;
	int err = get_struct(&ss, sizeof(ss), o);

	if (err)
		return err;
	err = quic_addr_of_any(sk, (struct sockaddr *)&ss, min_t(int, o->len, sizeof(ss)), &a);
	return err ? -EINVAL : quic_migration_set(sk, &a);
}

/* ---- KEY_UPDATE ---- */

static int set_key_update(struct sock *sk, const struct opt *o)
{
	int err = quic_conn_key_update(&quic_sk(sk)->conn, quic_now());

	if (!err)
		quic_output_push(sk);
	return err;
}

/* ---- TRANSPORT_PARAM ---- */

static bool tp_valid(const struct quic_transport_param *p)
{
	return (!p->max_udp_payload_size || p->max_udp_payload_size >= QUIC_INITIAL_MIN) &&
	       p->max_udp_payload_size <= QUIC_UDP_PAYLOAD_MAX &&
	       p->ack_delay_exponent <= 20 &&
	       p->max_ack_delay / US_PER_MS < MAX_ACK_DELAY_MS &&
	       (!p->active_connection_id_limit ||
		(p->active_connection_id_limit >= 2 &&
		 (p->remote || p->active_connection_id_limit <= QUIC_CIDS_MAX))) &&
	       p->max_data <= QUIC_VARINT_MAX &&
	       p->max_stream_data_bidi_local <= QUIC_VARINT_MAX &&
	       p->max_stream_data_bidi_remote <= QUIC_VARINT_MAX &&
	       p->max_stream_data_uni <= QUIC_VARINT_MAX &&
	       !memchr_inv(p->reserved, 0, sizeof(p->reserved));
}

#define TAKE(to, from)	((from) ? (void)((to) = (from)) : (void)0)

/* A zero field leaves what is there. */
static void tp_merge(struct quic_tparam *tp, const struct quic_transport_param *p)
{
	TAKE(tp->disable_active_migration, p->disable_active_migration);
	TAKE(tp->grease_quic_bit, p->grease_quic_bit);
	TAKE(tp->disable_1rtt_encryption, p->disable_1rtt_encryption);
	TAKE(tp->active_connection_id_limit, p->active_connection_id_limit);
	TAKE(tp->ack_delay_exponent, p->ack_delay_exponent);
	TAKE(tp->max_datagram_frame_size, p->max_datagram_frame_size);
	TAKE(tp->max_udp_payload_size, p->max_udp_payload_size);
	TAKE(tp->max_idle_timeout, p->max_idle_timeout / US_PER_MS);
	TAKE(tp->max_ack_delay, p->max_ack_delay / US_PER_MS);
	TAKE(tp->max_streams_bidi, p->max_streams_bidi);
	TAKE(tp->max_streams_uni, p->max_streams_uni);
	TAKE(tp->max_data, p->max_data);
	TAKE(tp->max_stream_data_bidi_local, p->max_stream_data_bidi_local);
	TAKE(tp->max_stream_data_bidi_remote, p->max_stream_data_bidi_remote);
	TAKE(tp->max_stream_data_uni, p->max_stream_data_uni);
}

/*
 * The server's parameters of an earlier connection: for 0-RTT alone, and only
 * while there are no real ones.
 */
static int set_remembered(struct quic_sock *qs, struct quic_transport_param *p)
{
	if (!handshaking(qs) || is_server(qs) || qs->conn.peer_params_set)
		return -EINVAL;
	/* RFC 9000 §7.4.1: MUST NOT be remembered; the others only count if both sides say so */
	p->ack_delay_exponent = 0;
	p->max_ack_delay = 0;
	p->grease_quic_bit = 0;
	p->disable_1rtt_encryption = 0;
	tp_merge(&qs->conn.peer_tp, p);
	qs->tp_remembered = true;
	quic_streams_set_remote(&qs->conn.streams);
	return 0;
}

static int set_transport_param(struct sock *sk, const struct opt *o)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_conn *c = &qs->conn;
	struct quic_transport_param p;
	struct quic_tparam tp;
	int err = get_struct(&p, sizeof(p), o);

	if (err)
		return err;
	if (!tp_valid(&p) || !configurable(qs))
		return -EINVAL;
	if (p.remote)
		return set_remembered(qs, &p);
	/* the peer has been told others: it would be judged, and judge, by those */
	if (handshaking(qs) && c->params_out)
		return -EINVAL;
	TAKE(qs->tp_stateless_reset, p.stateless_reset);
	TAKE(qs->tp_no_compatible, p.disable_compatible_version);
	c->config.no_compatible = qs->tp_no_compatible;
	tp = c->local_tp;
	tp_merge(&tp, &p);
	if (handshaking(qs) && is_server(qs) && qs->tp_stateless_reset) {
		tp.has_token = true;
		memcpy(tp.token, c->scids.e[0].token, sizeof(tp.token));
	}
	quic_conn_set_local_tp(c, &tp);
	return 0;
}

static int get_transport_param(struct sock *sk, const struct gopt *g)
{
	struct quic_sock *qs = quic_sk(sk);
	const struct quic_tparam *tp = &qs->conn.local_tp;
	struct quic_transport_param p = {};
	u8 remote = 0;

	if (g->len < 1)
		return -EINVAL;
	if (get_user(remote, (u8 __user *)g->val))
		return -EFAULT;
	if (remote)
		tp = &qs->conn.peer_tp;
	p.remote = !!remote;
	p.disable_active_migration = tp->disable_active_migration;
	p.grease_quic_bit = tp->grease_quic_bit;
	p.stateless_reset = remote ? tp->has_token : qs->tp_stateless_reset;
	p.disable_1rtt_encryption = tp->disable_1rtt_encryption;
	p.disable_compatible_version = remote ? 0 : qs->tp_no_compatible;
	p.active_connection_id_limit = min_t(u64, tp->active_connection_id_limit, U8_MAX);
	p.ack_delay_exponent = tp->ack_delay_exponent;
	p.max_datagram_frame_size = min_t(u64, tp->max_datagram_frame_size, U16_MAX);
	p.max_udp_payload_size = min_t(u64, tp->max_udp_payload_size, U16_MAX);
	p.max_idle_timeout = min_t(u64, tp->max_idle_timeout, U32_MAX / US_PER_MS) * US_PER_MS;
	p.max_ack_delay = tp->max_ack_delay * US_PER_MS;
	p.max_streams_bidi = min_t(u64, tp->max_streams_bidi, U16_MAX);
	p.max_streams_uni = min_t(u64, tp->max_streams_uni, U16_MAX);
	p.max_data = tp->max_data;
	p.max_stream_data_bidi_local = tp->max_stream_data_bidi_local;
	p.max_stream_data_bidi_remote = tp->max_stream_data_bidi_remote;
	p.max_stream_data_uni = tp->max_stream_data_uni;
	return put(g, &p, sizeof(p));
}

/* ---- CONFIG ---- */

static bool cipher_known(u32 type)
{
	return !type || quic_cipher_get(type);
}

static bool config_valid(const struct quic_config *u)
{
	return (!u->plpmtud_probe_interval || u->plpmtud_probe_interval >= QUIC_MIN_PROBE_TIMEOUT) &&
	       (!u->initial_smoothed_rtt || (u->initial_smoothed_rtt >= INITIAL_RTT_MIN &&
					     u->initial_smoothed_rtt <= QUIC_RTO_MAX)) &&
	       (!u->keepalive_probe_interval || u->keepalive_probe_interval >= KEEPALIVE_MIN) &&
	       cipher_known(u->payload_cipher_type) &&
	       u->congestion_control_algo < QUIC_CONG_ALG_MAX &&
	       u->certificate_request <= 2 &&
	       !memchr_inv(u->reserved1, 0, sizeof(u->reserved1)) &&
	       !memchr_inv(u->reserved, 0, sizeof(u->reserved));
}

static void config_merge(struct quic_config *to, const struct quic_config *u)
{
	TAKE(to->version, u->version);
	TAKE(to->plpmtud_probe_interval, u->plpmtud_probe_interval);
	TAKE(to->initial_smoothed_rtt, u->initial_smoothed_rtt);
	TAKE(to->payload_cipher_type, u->payload_cipher_type);
	TAKE(to->congestion_control_algo, u->congestion_control_algo);
	TAKE(to->validate_peer_address, u->validate_peer_address);
	TAKE(to->stream_data_nodelay, u->stream_data_nodelay);
	TAKE(to->receive_session_ticket, u->receive_session_ticket);
	TAKE(to->certificate_request, u->certificate_request);
	TAKE(to->keepalive_probe_interval, u->keepalive_probe_interval);
}

/* What the option says, or SO_KEEPALIVE. */
static u64 keepalive(const struct quic_sock *qs, bool on)
{
	if (qs->uconfig.keepalive_probe_interval)
		return qs->uconfig.keepalive_probe_interval * QUIC_NSEC_PER_USEC;
	return on ? QUIC_KEEPALIVE_AUTO : 0;
}

void quic_sockopt_keepalive(struct sock *sk, int on)
{
	struct quic_sock *qs = quic_sk(sk);

	quic_conn_set_keepalive(&qs->conn, keepalive(qs, on), quic_now());
	if (!qs->lq)
		quic_output_push(sk);
}

static int set_config(struct sock *sk, const struct opt *o)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_config u;
	int err = get_struct(&u, sizeof(u), o);

	if (err)
		return err;
	if (!config_valid(&u) || !configurable(qs))
		return -EINVAL;
	/* a version can no longer change once Initial keys were made of it */
	if (handshaking(qs) && u.version && u.version != qs->conn.version)
		return -EINVAL;
	config_merge(&qs->uconfig, &u);
	qs->conn.config.version = qs->uconfig.version;
	qs->conn.config.cong = qs->uconfig.congestion_control_algo;
	qs->conn.config.nodelay = qs->uconfig.stream_data_nodelay;
	qs->conn.config.initial_rtt = qs->uconfig.initial_smoothed_rtt * QUIC_NSEC_PER_USEC;
	qs->conn.config.pmtud = qs->uconfig.plpmtud_probe_interval * QUIC_NSEC_PER_USEC;
	qs->conn.config.keepalive = keepalive(qs, sock_flag(sk, SOCK_KEEPOPEN));
	if (!qs->lq)
		quic_conn_set_config(&qs->conn, &qs->conn.config);
	return 0;
}

static int get_config(struct sock *sk, const struct gopt *g)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_config u = qs->uconfig;

	if (!qs->lq && qs->conn.state != QUIC_CONN_IDLE)
		u.version = qs->conn.version;
	return put(g, &u, sizeof(u));
}

/* ---- TOKEN ---- */

/* NEW_TOKEN to the client, RFC 9000 §8.1.3 */
static int issue_token(struct sock *sk)
{
	return established(quic_sk(sk)) ? quic_secret_issue_token(sk) : -EINVAL;
}

static int set_token(struct sock *sk, const struct opt *o)
{
	struct quic_sock *qs = quic_sk(sk);
	u8 *p;
	int err;

	if (is_server(qs)) {
		err = issue_token(sk);
		/* one is on its way that was not asked for: now it was */
		if (err == -EAGAIN && qs->token_given)
			err = 0;
		qs->token_given = false;
		if (!err)
			quic_output_push(sk);
		return err;
	}
	if (qs->conn.state > QUIC_CONN_HANDSHAKE)
		return -EINVAL;
	err = get_blob(&p, o, 1, QUIC_TOKEN_MAX);
	if (err)
		return err;
	if (handshaking(qs))
		err = quic_conn_set_token(&qs->conn, p, o->len);
	if (err) {
		kfree(p);
		return err;
	}
	kfree(qs->token);
	qs->token = p;
	qs->token_len = o->len;
	return 0;
}

static int get_token(struct sock *sk, const struct gopt *g)
{
	struct quic_sock *qs = quic_sk(sk);

	/* userspace tells the role of a socket by this */
	if (is_server(qs))
		return -EINVAL;
	return put_blob(g, qs->token, qs->token_len);
}

/* ---- ALPN ---- */

/* "a, b" becomes "a,b": spaces before a name go; each name has 1 to 255 bytes. */
static int alpn_clean(char *s)
{
	char *to = s, *name = s;

	do {
		while (*s == ' ')
			s++;
		name = to;
		while (*s && *s != ',')
			*to++ = *s++;
		if (to == name || to - name > 255)
			return -EINVAL;
		*to++ = *s;
	} while (*s++);
	return 0;
}

static int set_alpn(struct sock *sk, const struct opt *o)
{
	struct quic_sock *qs = quic_sk(sk);
	u8 *p;
	int err;

	if (qs->lq)
		return -EINVAL;
	err = get_blob(&p, o, 1, QUIC_ALPN_MAX);
	if (err)
		return err;
	err = strlen(p) < o->len - 1 ? -EINVAL : alpn_clean(p);
	if (err) {
		kfree(p);
		return err;
	}
	kfree(qs->alpn);
	qs->alpn = p;
	return 0;
}

static int get_alpn(struct sock *sk, const struct gopt *g)
{
	const char *alpn = quic_sk(sk)->alpn ?: "";
	unsigned int n = strlen(alpn);

	if (!n)
		return put(g, "", 0);
	if (g->len < n + 1)
		return -EINVAL;
	if (put_user(n, g->optlen) || copy_to_user(g->val, alpn, n + 1))
		return -EFAULT;
	return 0;
}

/* ---- SESSION_TICKET ---- */

static int set_ticket(struct sock *sk, const struct opt *o)
{
	struct quic_sock *qs = quic_sk(sk);
	u8 *p;
	int err = get_blob(&p, o, 1, QUIC_TICKET_MAX);

	if (err)
		return err;
	kfree_sensitive(qs->ticket);
	qs->ticket = p;
	qs->ticket_len = o->len;
	return 0;
}

static int get_ticket(struct sock *sk, const struct gopt *g)
{
	struct quic_sock *qs = quic_sk(sk);
	u8 key[QUIC_TICKET_KEY_LEN];
	int err;

	if (!is_server(qs))
		return put_blob(g, qs->ticket, qs->ticket_len);
	err = quic_secret_ticket_key(qs, key);
	if (!err)
		err = put_blob(g, key, sizeof(key));
	memzero_explicit(key, sizeof(key));
	return err;
}

/* ---- handshake ---- */

static int set_crypto_secret(struct sock *sk, const struct opt *o)
{
	struct quic_sock *qs = quic_sk(sk);
	struct quic_crypto_secret s;
	int err = get_struct(&s, sizeof(s), o);

	if (!err && !handshaking(qs))
		err = -EINVAL;
	if (!err)
		err = quic_conn_set_secret(&qs->conn, s.level, s.send, s.type, s.secret,
					   quic_now());
	if (!err && static_branch_unlikely(&quic_tracing))
		quic_trace_key(qs, s.level, s.send, false);
	memzero_explicit(&s, sizeof(s));
	/* who asks clients to prove their address saves them the Retry next time; if it can */
	if (!err && established(qs) && is_server(qs) && qs->uconfig.validate_peer_address)
		qs->token_given = !issue_token(sk);
	if (!err)
		quic_output_push(sk);
	return err == -EEXIST ? -EINVAL : err;
}

static int set_param_ext(struct sock *sk, const struct opt *o)
{
	struct quic_sock *qs = quic_sk(sk);
	u8 *p;
	int err;

	if (!handshaking(qs))
		return -EINVAL;
	err = get_blob(&p, o, 1, QUIC_OPT_MAX);
	if (err)
		return err;
	err = quic_conn_set_peer_params(&qs->conn, p, o->len, quic_now());
	kfree(p);
	quic_output_push(sk);
	return err;
}

static int get_param_ext(struct sock *sk, const struct gopt *g)
{
	struct quic_sock *qs = quic_sk(sk);
	u8 *buf;
	int n, err;

	if (!handshaking(qs))
		return -EINVAL;
	buf = kmalloc(QUIC_TPARAM_EXT_MAX, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	n = quic_conn_get_params(&qs->conn, buf, QUIC_TPARAM_EXT_MAX);
	err = n < 0 ? n : put_blob(g, buf, n);
	kfree(buf);
	return err;
}

/* ---- BYTE_STREAM ---- */

static int set_byte_stream(struct sock *sk, const struct opt *o)
{
	int on, err = get_struct(&on, sizeof(on), o);

	if (err)
		return err;
	return on == !!on ? quic_bytestream_set(sk, on) : -EINVAL;
}

static int get_byte_stream(struct sock *sk, const struct gopt *g)
{
	int on = quic_sk(sk)->byte_stream;

	return put(g, &on, sizeof(on));
}

/* ---- PREFERRED_VERSION ---- */

/* A client's, RFC 9368 §3; what a listener prefers is the version of CONFIG. */
static int set_preferred_version(struct sock *sk, const struct opt *o)
{
	struct quic_sock *qs = quic_sk(sk);
	u32 version;
	int err = get_struct(&version, sizeof(version), o);

	if (err)
		return err;
	if ((version && !quic_version_known(version)) || is_server(qs) || !configurable(qs) ||
	    (handshaking(qs) && qs->conn.params_out))
		return -EINVAL;
	qs->conn.config.preferred = version;
	return 0;
}

static int get_preferred_version(struct sock *sk, const struct gopt *g)
{
	u32 version = quic_sk(sk)->conn.config.preferred;

	return put(g, &version, sizeof(version));
}

/* ---- tables ---- */

static int (*const setters[])(struct sock *sk, const struct opt *o) = {
	[QUIC_SOCKOPT_EVENT]			= set_event,
	[QUIC_SOCKOPT_STREAM_RESET]		= set_stream_reset,
	[QUIC_SOCKOPT_STREAM_STOP_SENDING]	= set_stream_stop,
	[QUIC_SOCKOPT_CONNECTION_ID]		= set_connection_id,
	[QUIC_SOCKOPT_CONNECTION_CLOSE]		= set_connection_close,
	[QUIC_SOCKOPT_CONNECTION_MIGRATION]	= set_migration,
	[QUIC_SOCKOPT_KEY_UPDATE]		= set_key_update,
	[QUIC_SOCKOPT_TRANSPORT_PARAM]		= set_transport_param,
	[QUIC_SOCKOPT_CONFIG]			= set_config,
	[QUIC_SOCKOPT_TOKEN]			= set_token,
	[QUIC_SOCKOPT_ALPN]			= set_alpn,
	[QUIC_SOCKOPT_SESSION_TICKET]		= set_ticket,
	[QUIC_SOCKOPT_CRYPTO_SECRET]		= set_crypto_secret,
	[QUIC_SOCKOPT_TRANSPORT_PARAM_EXT]	= set_param_ext,
	[QUIC_SOCKOPT_BYTE_STREAM]		= set_byte_stream,
	[QUIC_SOCKOPT_PREFERRED_VERSION]	= set_preferred_version,
};

static int (*const getters[])(struct sock *sk, const struct gopt *g) = {
	[QUIC_SOCKOPT_EVENT]			= get_event,
	[QUIC_SOCKOPT_STREAM_OPEN]		= get_stream_open,
	[QUIC_SOCKOPT_STREAM_PEELOFF]		= get_stream_peeloff,
	[QUIC_SOCKOPT_CONNECTION_ID]		= get_connection_id,
	[QUIC_SOCKOPT_CONNECTION_CLOSE]		= get_connection_close,
	[QUIC_SOCKOPT_TRANSPORT_PARAM]		= get_transport_param,
	[QUIC_SOCKOPT_CONFIG]			= get_config,
	[QUIC_SOCKOPT_TOKEN]			= get_token,
	[QUIC_SOCKOPT_ALPN]			= get_alpn,
	[QUIC_SOCKOPT_SESSION_TICKET]		= get_ticket,
	[QUIC_SOCKOPT_TRANSPORT_PARAM_EXT]	= get_param_ext,
	[QUIC_SOCKOPT_BYTE_STREAM]		= get_byte_stream,
	[QUIC_SOCKOPT_PREFERRED_VERSION]	= get_preferred_version,
};

/* SO_ZEROCOPY, which the kernel's own code grants to TCP and UDP only. */
static int set_zerocopy(struct sock *sk, sockptr_t optval, unsigned int optlen)
{
	int on;

	if (optlen < sizeof(on))
		return -EINVAL;
	if (copy_from_sockptr(&on, optval, sizeof(on)))
		return -EFAULT;
	if (on < 0 || on > 1)
		return -EINVAL;
	lock_sock(sk);
	sock_valbool_flag(sk, SOCK_ZEROCOPY, on);
	release_sock(sk);
	return 0;
}

/* Kernels before 6.3 do not ask us. */
int quic_set_sol_socket(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen)
{
	switch (optname) {
	case SO_ZEROCOPY:
		return set_zerocopy(sk, optval, optlen);
	case SO_TIMESTAMP_OLD:
	case SO_TIMESTAMP_NEW:
	case SO_TIMESTAMPNS_OLD:
	case SO_TIMESTAMPNS_NEW:
	case SO_TIMESTAMPING_OLD:
	case SO_TIMESTAMPING_NEW:
	case SO_TXTIME:
		/* a read is of many packets, or of part of one: no time is that of it */
		return -EOPNOTSUPP;
	}
	return sock_setsockopt(sk->sk_socket, SOL_SOCKET, optname, optval, optlen);
}

int quic_setsockopt(struct sock *sk, int level, int optname, sockptr_t optval, unsigned int optlen)
{
	struct opt o = { .val = optval, .len = optlen };
	int err;

	if (level == SOL_SOCKET)
		return quic_set_sol_socket(sk, optname, optval, optlen);
	if (level != SOL_QUIC)
		return sk->sk_family == AF_INET6 && level == SOL_IPV6 ?
			ipv6_setsockopt(sk, level, optname, optval, optlen) :
			ip_setsockopt(sk, level, optname, optval, optlen);
	if (optname < 0 || optname >= ARRAY_SIZE(setters) || !setters[optname])
		return -ENOPROTOOPT;
	if (optlen > QUIC_OPT_MAX)
		return -EINVAL;
	lock_sock(sk);
	err = setters[optname](sk, &o);
	release_sock(sk);
	return err;
}

int quic_getsockopt(struct sock *sk, int level, int optname, char __user *optval,
		    int __user *optlen)
{
	struct gopt g = { .val = optval, .optlen = optlen };
	int err;

	if (level == SOL_IPV6 && sk->sk_family == AF_INET6)
		return ipv6_getsockopt(sk, level, optname, optval, optlen);
	if (level == SOL_IP)
		return ip_getsockopt(sk, level, optname, optval, optlen);
	if (level != SOL_QUIC)
		return -ENOPROTOOPT;
	if (optname < 0 || optname >= ARRAY_SIZE(getters) || !getters[optname])
		return -ENOPROTOOPT;
	if (get_user(g.len, optlen))
		return -EFAULT;
	if (g.len < 0)
		return -EINVAL;
	g.len = min_t(int, g.len, QUIC_OPT_MAX);
	lock_sock(sk);
	err = getters[optname](sk, &g);
	release_sock(sk);
	return err;
}

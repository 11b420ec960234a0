// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Datagrams for no connection, and what listening sockets make of them.
 *
 * A client's first flight is handled in process context, by one work item a
 * port (struct quic_udp): Initial keys are derived from the client's ID, the
 * CRYPTO frames of one or more Initials are put together, in any order, until
 * the ClientHello is complete.  Only then is its ALPN known, a listener chosen
 * and a socket made, which is fed the datagrams that were kept and put on the
 * listener's accept queue: accept() returns before the TLS handshake.
 *
 * Against floods: queues and tables are bounded, what one client address may
 * have under way is limited (source.c), incomplete requests and unfinished
 * handshakes expire, and with more than retry_threshold handshakes under way (or where a listener
 * asks for it) clients must first show by a Retry token that they own their
 * address (RFC 9000 §8.1.2).  All of that costs no memory for the client.
 *
 * Other datagrams get Version Negotiation (§6.1) or a stateless reset (§10.3),
 * at a limited rate, or are dropped and counted.
 *
 * Locks: the pending list is the work item's alone; udp->lock guards the port's
 * listeners, quic_listen.lock a listener's accept queue; socket locks are taken
 * outside both.
 */
#include <linux/jhash.h>
#include "core/clienthello.h"
#include "core/frame.h"
#include "mib.h"
#include "crypt.h"

#define NO_APPLICATION_PROTOCOL	(QUIC_TRANSPORT_ERROR_CRYPTO + 120)	/* RFC 9001 §8.1 */
#define DECODE_ERROR		(QUIC_TRANSPORT_ERROR_CRYPTO + 50)	/* RFC 8446 §6, RFC 9001 §4.8 */
#define RESET_LEN_MAX		42	/* like a small packet, RFC 9000 §10.3 */
#define REPLY_MAX		1200	/* and of its frames */
#define CLOSE_MAX		32	/* a CONNECTION_CLOSE without a phrase */
#define HELLO_GAPS		64	/* pieces of a ClientHello with holes between */
#define ORPHANS_MAX		64	/* skbs of 0-RTT packets without an Initial, a port */
#define ORPHAN_LIFE		HZ	/* how long they wait for one */

struct pending {
	struct list_head list;
	unsigned long expires;		/* jiffies */
	struct quic_conn_accept a;
	struct quic_source *source;	/* NULL: handed to the socket */
	struct quic_keys keys;
	s64 largest;			/* packet number */
	struct quic_acktr ack;
	struct sk_buff_head skbs;
	u8 *hello;			/* QUIC_CLIENTHELLO_MAX bytes */
	struct quic_ranges got;		/* of it */
};

/* A datagram under work: a copy in one piece. */
struct dgram {
	struct quic_udp *udp;
	struct quic_addr local, remote;
	struct quic_hdr h;		/* of its first packet */
	const u8 *p;
	u32 len;
	u8 ecn;
};

static const struct quic_limits *limits(const struct quic_udp *udp)
{
	return &udp->qn->limits;
}

static void count(const struct quic_udp *udp, int what)
{
	quic_mib_net_inc(udp->qn->net, what);
}

/* ---- replies without a connection ---- */

static bool may_reply(const struct quic_udp *udp)
{
	struct ratelimit_state *rs = &udp->qn->reply_limit;

	WRITE_ONCE(rs->burst, READ_ONCE(limits(udp)->reply_rate));	/* 0: never */
	return __ratelimit(rs);
}

static void send_vn(const struct dgram *d)
{
	u32 versions[] = { QUIC_VERSION_V1, QUIC_VERSION_V2, 0 };
	struct quic_wr w;
	u8 *buf;

	/* RFC 9000 §6.1: not for small datagrams; §5.2.2: SHOULD limit the rate */
	if (d->len < QUIC_INITIAL_MIN || !d->udp->nlisteners || !may_reply(d->udp)) {
		count(d->udp, QUIC_MIB_DROP_UNKNOWN);
		return;
	}
	buf = kmalloc(REPLY_MAX, GFP_KERNEL);
	if (!buf)
		return;
	/* RFC 9000 §6.3, §15: a version reserved to keep clients used to them */
	versions[2] = (get_random_u32() & 0xf0f0f0f0) | 0x0a0a0a0a;
	quic_wr_init(&w, buf, REPLY_MAX);
	quic_hdr_put_vn(&w, &d->h.scid_raw, &d->h.dcid_raw, versions, ARRAY_SIZE(versions),
			get_random_u32());
	if (!w.bad) {
		quic_output_raw(d->udp, &d->local, &d->remote, buf, w.p - buf);
		count(d->udp, QUIC_MIB_VN_OUT);
	}
	kfree(buf);
}

/* RFC 9000 §10.3 */
static void send_reset(const struct dgram *d)
{
	u8 buf[RESET_LEN_MAX];
	/* §10.3.3: smaller than what triggers it, so that two endpoints do not loop */
	u32 len = min_t(u32, d->len - 1, sizeof(buf));

	if (len < QUIC_RESET_MIN || !may_reply(d->udp)) {
		count(d->udp, QUIC_MIB_DROP_UNKNOWN);
		return;
	}
	get_random_bytes(buf, len);
	buf[0] = (buf[0] & ~QUIC_HDR_LONG) | QUIC_HDR_FIXED;
	if (quic_token_reset(&quic_kernel_crypto, d->udp->qn->reset_key, &d->h.dcid,
			     buf + len - QUIC_RESET_TOKEN_LEN))
		return;
	quic_output_raw(d->udp, &d->local, &d->remote, buf, len);
	count(d->udp, QUIC_MIB_RESET_OUT);
}

/* An Initial packet with frames of REPLY_MAX bytes at most; the bytes that left, 0 for none. */
static u32 send_initial(const struct dgram *d, struct quic_keys *keys, const struct quic_cid *scid,
			u64 pn, struct quic_vec *plain)
{
	const struct quic_hdr *h = &d->h;
	u32 size = 2 * REPLY_MAX, hdr_len;
	struct quic_wr w;
	u8 *buf, *length;
	int len;

	buf = kmalloc(size, GFP_KERNEL);
	if (!buf)
		return 0;
	quic_wr_init(&w, buf, size);
	quic_hdr_put_long(&w, QUIC_PKT_INITIAL, h->version, &h->scid, scid, NULL, 0, pn, 2, &length);
	hdr_len = w.p - buf;
	quic_hdr_set_length(length, 2 + plain->len + QUIC_TAG_LEN);
	len = quic_keys_seal(keys, QUIC_CRYPTO_INITIAL, pn, buf, hdr_len, hdr_len - 2, 2, plain, 1);
	if (len > 0)
		quic_output_raw(d->udp, &d->local, &d->remote, buf, len);
	kfree(buf);
	return max(len, 0);
}

/* RFC 9000 §10.2.3: CONNECTION_CLOSE in an Initial packet, under keys that need no state. */
static void send_close(const struct dgram *d, struct quic_keys *keys, const struct quic_cid *scid,
		       u64 pn, u64 code)
{
	struct quic_frame f = { .type = QUIC_FRAME_CONNECTION_CLOSE, .close.code = code };
	struct quic_vec plain;
	struct quic_wr w;
	u8 frame[CLOSE_MAX];

	quic_wr_init(&w, frame, sizeof(frame));
	quic_frame_put(&w, &f);
	plain.base = frame;
	plain.len = w.p - frame;
	send_initial(d, keys, scid, pn, &plain);
}

static void send_retry(const struct dgram *d)
{
	struct quic_net *qn = d->udp->qn;
	struct quic_token t = { .kind = QUIC_TOKEN_RETRY, .issued = quic_now() };
	struct quic_cid scid = { .len = QUIC_CID_LOCAL_LEN };
	struct quic_aead *key = qn->retry_key[d->h.version == QUIC_VERSION_V2];
	u8 token[QUIC_TOKEN_LEN_MAX];
	struct quic_wr w;
	int len;
	u8 *buf;

	t.addr = d->remote;
	t.odcid = d->h.dcid;
	t.version = d->h.version;
	len = quic_token_seal(&quic_kernel_crypto, qn->token_key, &t, token, sizeof(token));
	buf = len > 0 ? kmalloc(REPLY_MAX, GFP_KERNEL) : NULL;
	if (!buf)
		return;
	/* RFC 9000 §17.2.5.1: an ID of our choice, other than the client's */
	get_random_bytes(scid.id, scid.len);
	quic_wr_init(&w, buf, REPLY_MAX - QUIC_TAG_LEN);
	quic_hdr_put_retry(&w, d->h.version, &d->h.scid, &scid, token, len, get_random_u32());
	len = w.p - buf;
	if (!w.bad && !quic_keys_retry_seal(&quic_kernel_crypto, key, d->h.version, &d->h.dcid,
					    buf, len, buf + len)) {
		quic_output_raw(d->udp, &d->local, &d->remote, buf, len + QUIC_TAG_LEN);
		count(d->udp, QUIC_MIB_RETRY_OUT);
	}
	kfree(buf);
}

/* ---- listeners ---- */

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
static struct sock *choose_listener(struct quic_udp *udp, const struct quic_clienthello *ch,
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

static bool retry_wanted(struct quic_udp *udp)
{
	struct quic_sock *qs;
	bool asked = false;

	if (atomic_read(&udp->handshakes) + udp->npending > limits(udp)->retry_threshold)
		return true;
	spin_lock_bh(&udp->lock);
	hlist_for_each_entry(qs, &udp->listeners, listen_node)
		asked |= qs->uconfig.validate_peer_address;
	spin_unlock_bh(&udp->lock);
	return asked;
}

static bool queue_full(struct quic_listen *lq)
{
	return !READ_ONCE(lq->open) || READ_ONCE(lq->naccept) >= lq->backlog;
}

/* To the accept queue; false: no room any more, or no longer listening. */
static bool enqueue(struct sock *lsk, struct sock *sk)
{
	struct quic_listen *lq = &quic_sk(lsk)->listen;
	bool ok;

	spin_lock_bh(&lq->lock);
	ok = !queue_full(lq);
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

/* ---- from request to socket ---- */

static void pending_free(struct quic_udp *udp, struct pending *p)
{
	if (p->source) {
		quic_source_settled(udp->qn, p->source);
		quic_source_put(udp->qn, p->source);
	}
	quic_keys_free(&p->keys);
	quic_acktr_free(&p->ack);
	quic_ranges_free(&p->got);
	__skb_queue_purge(&p->skbs);
	kvfree(p->hello);
	kfree(p);
}

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
static void abandon(struct sock *sk)
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

static int child_start(struct sock *sk, struct quic_udp *udp, struct pending *p)
{
	int timeout = READ_ONCE(limits(udp)->handshake_timeout);
	struct quic_sock *qs = quic_sk(sk);
	u64 now = quic_now();
	int err;

	quic_udp_hold(udp);
	qs->udp = udp;
	qs->local = p->a.local;
	qs->remote = p->a.remote;
	qs->half_open = true;
	if (timeout)
		qs->give_up_at = now + timeout * QUIC_NSEC_PER_MSEC;
	qs->source = p->source;
	p->source = NULL;
	atomic_inc(&udp->handshakes);
	quic_sock_set_names(sk);
	sk_set_txhash(sk);
	inet_sk_set_state(sk, TCP_SYN_RECV);
	err = quic_sock_setup(sk, true);
	if (err)
		return err;
	err = quic_conn_accept(&qs->conn, &p->a, now);
	if (err)
		return err;
	quic_lookup_add_odcid(qs, &p->a.dcid);
	return 0;
}

/*
 * Which version will it be?  Session tickets are bound to that (RFC 9369 §5),
 * and TLS wants their key before it reads the ClientHello.
 */
static u32 foresee_version(const struct quic_sock *qs, const struct pending *p,
			   const struct quic_clienthello *ch)
{
	struct quic_tparam *tp = kmalloc(sizeof(*tp), GFP_KERNEL);
	u32 version = p->a.version;

	if (tp && ch->params && !quic_tparam_parse(tp, ch->params, ch->params_len, true))
		version = quic_version_choose(&qs->conn.config, version, tp);
	kfree(tp);
	return version;
}

static struct sock *child_new(struct sock *lsk, struct quic_udp *udp, struct pending *p,
			      const struct quic_clienthello *ch)
{
	struct sock *sk = quic_child_new(lsk);
	struct sk_buff *skb;
	int err;

	if (!sk)
		return NULL;
	INIT_LIST_HEAD(&quic_sk(sk)->event_queue);
	lock_sock(lsk);		/* options may be set just now */
	err = quic_sockopt_inherit(quic_sk(sk), quic_sk(lsk));
	release_sock(lsk);
	lock_sock(sk);
	quic_sk(sk)->ticket_version = foresee_version(quic_sk(sk), p, ch);
	if (!err)
		err = child_start(sk, udp, p);
	if (err) {
		sock_orphan(sk);
		sock_hold(sk);
		sk_common_release(sk);
		release_sock(sk);
		sock_put(sk);
		return NULL;
	}
	while ((skb = __skb_dequeue(&p->skbs)))
		quic_input_feed(sk, skb);
	quic_output_push(sk);
	release_sock(sk);
	return sk;
}

static void close_request(const struct dgram *d, struct pending *p, u64 code)
{
	send_close(d, &p->keys, p->a.iscid.len ? &p->a.iscid : &d->h.dcid, p->a.next_pn, code);
}

static void route_hello(const struct dgram *d, struct pending *p, const struct quic_clienthello *ch)
{
	struct quic_udp *udp = d->udp;
	struct sock *lsk, *sk;

	lsk = choose_listener(udp, ch, &d->remote);
	if (!lsk) {
		/* RFC 9001 §8.1; RFC 7301 §3.2 */
		count(udp, QUIC_MIB_NO_ALPN);
		close_request(d, p, NO_APPLICATION_PROTOCOL);
		return;
	}
	if (queue_full(&quic_sk(lsk)->listen)) {
		/* RFC 9000 §5.2.2 */
		count(udp, QUIC_MIB_REFUSED);
		close_request(d, p, QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED);
		goto out;
	}
	sk = child_new(lsk, udp, p, ch);
	if (!sk) {
		count(udp, QUIC_MIB_DROP_NOMEM);
		goto out;
	}
	count(udp, QUIC_MIB_ACCEPTED);
	if (!enqueue(lsk, sk)) {
		count(udp, QUIC_MIB_REFUSED);
		abandon(sk);
	}
out:
	sock_put(lsk);
}

/* ---- the ClientHello ---- */

static int hello_add(struct pending *p, const struct quic_frame *f)
{
	u64 end = f->crypto.off + f->crypto.len;

	if (end > QUIC_CLIENTHELLO_MAX)
		return -EMSGSIZE;
	memcpy(p->hello + f->crypto.off, f->crypto.data, f->crypto.len);
	return quic_ranges_add(&p->got, f->crypto.off, end, GFP_KERNEL);
}

static int read_frames(struct pending *p, const u8 *payload, u32 len, bool *eliciting)
{
	struct quic_frame f;
	struct quic_cur cur;
	int err = 0;

	quic_cur_init(&cur, payload, len);
	while (!err && quic_cur_left(&cur)) {
		if (quic_frame_parse(&cur, &f) || !quic_frame_allowed(f.type, QUIC_PKT_INITIAL))
			return -EBADMSG;
		if (f.type == QUIC_FRAME_CONNECTION_CLOSE)
			return -ECONNRESET;
		*eliciting |= quic_frame_ack_eliciting(f.type);
		if (f.type == QUIC_FRAME_CRYPTO && f.crypto.len)
			err = hello_add(p, &f);
	}
	return err;
}

/* Until it has an answer the client's own ID, then ours. */
static bool sent_to(const struct pending *p, const struct quic_cid *dcid)
{
	return quic_cid_equal(dcid, &p->a.dcid) ||
	       (p->a.iscid.len && quic_cid_equal(dcid, &p->a.iscid));
}

/* RFC 9000 §7.2: Initials with another Source Connection ID MUST be discarded. */
static bool same_client(const struct pending *p, const struct quic_hdr *h)
{
	return h->version == p->a.version && sent_to(p, &h->dcid) &&
	       quic_cid_equal(&h->scid, &p->a.scid);
}

/* Does a listener of the port announce that it takes any QUIC bit? */
static bool greases(struct quic_udp *udp)
{
	struct quic_sock *qs;
	bool any = false;

	spin_lock_bh(&udp->lock);
	hlist_for_each_entry(qs, &udp->listeners, listen_node)
		any |= READ_ONCE(qs->conn.local_tp.grease_quic_bit);
	spin_unlock_bh(&udp->lock);
	return any;
}

/* RFC 9287 §3.1: a client that has a token may clear the bit from its first packet on. */
static int parse_hdr(struct quic_udp *udp, const u8 *p, u32 len, struct quic_hdr *h)
{
	bool grease = !(*p & QUIC_HDR_FIXED) && greases(udp);

	return quic_hdr_parse(p, len, QUIC_CID_LOCAL_LEN, grease, h);
}

static int absorb_packet(struct pending *p, const struct dgram *d, const struct quic_opened *o)
{
	bool eliciting = false;
	int err;

	err = read_frames(p, o->payload, o->payload_len, &eliciting);
	p->largest = max_t(s64, p->largest, o->pn);
	quic_acktr_received(&p->ack, o->pn, eliciting, true, false, d->ecn, quic_now(), 0);
	return err;
}

/* The Initials of a datagram: 0, or why the request is void. */
static int absorb(struct pending *p, const struct dgram *d)
{
	struct quic_opened o;
	struct quic_hdr h;
	u32 off = 0;
	int err = 0;
	u8 *plain;

	/* RFC 9000 §14.1: MUST discard the Initials in it */
	if (d->len < QUIC_INITIAL_MIN) {
		count(d->udp, QUIC_MIB_DROP_SMALL);
		return 0;
	}
	plain = kmalloc(d->len, GFP_KERNEL);
	if (!plain)
		return -ENOMEM;
	while (!err && off < d->len) {
		if (parse_hdr(d->udp, d->p + off, d->len - off, &h))
			break;
		if (h.type == QUIC_PKT_INITIAL && same_client(p, &h) &&
		    !quic_keys_open(&p->keys, QUIC_CRYPTO_INITIAL, d->p + off, &h, p->largest,
				    plain, &o) && !quic_acktr_is_dup(&p->ack, o.pn))
			err = absorb_packet(p, d, &o);
		off += h.len;
	}
	kfree(plain);
	return err;
}

static int hello_parse(struct pending *p, struct quic_clienthello *ch)
{
	const struct quic_range *r = quic_ranges_from(&p->got, 0);
	int err;

	if (!r || r->lo)
		return -EAGAIN;
	err = quic_clienthello_parse(p->hello, r->hi, ch);
	return err == -EBADMSG ? -EPROTO : err;
}

/* ---- requests ---- */

static struct pending *find_pending(struct quic_udp *udp, const struct dgram *d)
{
	struct pending *p;

	list_for_each_entry(p, &udp->pending, list)
		if (sent_to(p, &d->h.dcid) && quic_addr_equal(&p->a.remote, &d->remote))
			return p;
	return NULL;
}

static struct pending *pending_new(const struct dgram *d, const struct quic_conn_accept *a)
{
	struct pending *p = kzalloc(sizeof(*p), GFP_KERNEL);

	if (!p)
		return NULL;
	quic_keys_init(&p->keys, &quic_kernel_crypto, a->version);
	quic_acktr_init(&p->ack);
	quic_ranges_init(&p->got, HELLO_GAPS);
	__skb_queue_head_init(&p->skbs);
	INIT_LIST_HEAD(&p->list);
	p->largest = -1;
	p->a = *a;
	p->hello = kvmalloc(QUIC_CLIENTHELLO_MAX, GFP_KERNEL);
	if (p->hello && !quic_keys_set_initial(&p->keys, a->version, &a->dcid, true))
		return p;
	pending_free(d->udp, p);
	return NULL;
}

/* Of whom a 0-RTT packet is: two that collide share a fate, the connection will sort it out. */
static u32 request_hash(const struct dgram *d)
{
	return jhash(d->h.dcid.id, d->h.dcid.len, jhash(d->remote.ip, sizeof(d->remote.ip),
							d->remote.port));
}

/* 0-RTT packets that came before the Initial go first; without keys they will be held. */
static void adopt_orphans(struct pending *p, const struct dgram *d)
{
	struct sk_buff *skb, *next;
	u32 hash = request_hash(d);

	skb_queue_walk_safe(&d->udp->orphans, skb, next) {
		if (quic_skb_cb(skb)->hash != hash ||
		    skb_queue_len(&p->skbs) >= QUIC_HALFOPEN_SKBS / 2)
			continue;
		__skb_unlink(skb, &d->udp->orphans);
		__skb_queue_tail(&p->skbs, skb);
	}
}

/* RFC 9000 §8.1.4: SHOULD NOT be accepted multiple times; one that was counts for nothing */
static bool use_token(struct quic_net *qn, u64 serial)
{
	u64 issued = atomic64_read(&qn->tokens);

	return serial < issued && issued - serial <= QUIC_TOKENS_KEPT &&
	       !test_and_set_bit(serial % QUIC_TOKENS_KEPT, qn->tokens_used);
}

/* RFC 9000 §8.1.3: what the token says of the client; -EACCES: INVALID_TOKEN is due */
static int check_token(const struct dgram *d, struct quic_conn_accept *a)
{
	const struct quic_limits *l = limits(d->udp);
	struct quic_token t;
	int life;

	if (!d->h.token_len)
		return 0;
	if (quic_token_open(&quic_kernel_crypto, d->udp->qn->token_key, d->h.token,
			    d->h.token_len, &t))
		/* a Retry token that was tampered with: the client takes no second Retry */
		return d->h.token[0] == QUIC_TOKEN_RETRY ? -EACCES : 0;
	life = t.kind == QUIC_TOKEN_RETRY ? l->retry_token_lifetime : l->new_token_lifetime;
	a->validated = quic_token_valid(&t, d->h.version, &d->remote, quic_now(),
					QUIC_NSEC_PER_SEC * life);
	if (t.kind == QUIC_TOKEN_NEW) {
		a->validated = a->validated && use_token(d->udp->qn, t.serial);
		return 0;
	}
	if (!a->validated)
		return -EACCES;
	a->odcid = t.odcid;
	a->retried = true;
	return 0;
}

/* Close a connection that never was; its keys are made for that alone. */
static void refuse(const struct dgram *d, u64 code)
{
	struct quic_keys keys;

	if (!may_reply(d->udp)) {
		count(d->udp, QUIC_MIB_DROP_UNKNOWN);
		return;
	}
	quic_keys_init(&keys, &quic_kernel_crypto, d->h.version);
	if (!quic_keys_set_initial(&keys, d->h.version, &d->h.dcid, true))
		send_close(d, &keys, &d->h.dcid, 0, code);
	quic_keys_free(&keys);
}

/* Does the client's address have as much under way as it may? False: answered or dropped. */
static bool admit_source(const struct dgram *d, bool validated, struct quic_source **source)
{
	struct quic_udp *udp = d->udp;

	switch (quic_source_admit(udp->qn, &d->remote, validated, source)) {
	case QUIC_SOURCE_OK:
		return true;
	case QUIC_SOURCE_RETRY:
		send_retry(d);
		break;
	case QUIC_SOURCE_CONNECTIONS:
		count(udp, QUIC_MIB_SOURCE_CONNECTIONS);
		refuse(d, QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED);
		break;
	case QUIC_SOURCE_HANDSHAKES:	/* the client tries again, and may find fewer */
		count(udp, QUIC_MIB_SOURCE_HANDSHAKES);
		break;
	case QUIC_SOURCE_RATE:
		count(udp, QUIC_MIB_SOURCE_RATE);
		break;
	case QUIC_SOURCE_NOMEM:
		count(udp, QUIC_MIB_DROP_NOMEM);
	}
	return false;
}

/*
 * The first Initial of a request that we do not know: checks that cost little
 * come first.  NULL: it was answered or dropped.
 */
static struct pending *admit(const struct dgram *d)
{
	struct quic_conn_accept a = {
		.version = d->h.version, .dcid = d->h.dcid, .scid = d->h.scid,
		.odcid = d->h.dcid, .local = d->local, .remote = d->remote,
	};
	struct quic_udp *udp = d->udp;
	struct quic_source *source;
	struct pending *p;

	/* RFC 9000 §14.1; §7.2: a client's first ID has 8 bytes at least */
	if (d->len < QUIC_INITIAL_MIN || d->h.dcid.len < 8 || !udp->listened) {
		count(udp, d->len < QUIC_INITIAL_MIN ? QUIC_MIB_DROP_SMALL :
						       QUIC_MIB_DROP_UNKNOWN);
		return NULL;
	}
	/* RFC 9000 §5.2.2: not any more; a client's port (§5.2.1) says nothing at all */
	if (!udp->nlisteners) {
		count(udp, QUIC_MIB_REFUSED);
		refuse(d, QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED);
		return NULL;
	}
	if (check_token(d, &a)) {
		count(udp, QUIC_MIB_BAD_TOKEN);
		refuse(d, QUIC_TRANSPORT_ERROR_INVALID_TOKEN);
		return NULL;
	}
	if (!a.validated && retry_wanted(udp)) {
		send_retry(d);
		return NULL;
	}
	if (!admit_source(d, a.validated, &source))
		return NULL;
	p = pending_new(d, &a);
	if (p) {
		p->source = source;
		return p;
	}
	count(udp, QUIC_MIB_DROP_NOMEM);
	quic_source_settled(udp->qn, source);
	quic_source_put(udp->qn, source);
	return NULL;
}

static void pending_unlink(struct quic_udp *udp, struct pending *p)
{
	if (list_empty(&p->list))
		return;
	list_del_init(&p->list);
	udp->npending--;
}

/* Incomplete: wait for more of it, if there is a place. */
static bool keep(struct quic_udp *udp, struct pending *p)
{
	if (skb_queue_len(&p->skbs) > QUIC_HALFOPEN_SKBS)
		return false;
	if (!list_empty(&p->list))
		return true;
	if (udp->npending >= limits(udp)->max_half_open) {
		count(udp, QUIC_MIB_DROP_HALFOPEN);
		return false;
	}
	p->expires = jiffies + msecs_to_jiffies(limits(udp)->half_open_timeout);
	list_add_tail(&p->list, &udp->pending);
	udp->npending++;
	return true;
}

/*
 * RFC 9000 §13.2.1: Initials MUST be acknowledged at once, those of a ClientHello
 * that lacks a part, too: a client whose probes are PINGs learns by that alone
 * which part was lost.  ID and packet numbers go on with the connection.
 */
static void acknowledge(const struct dgram *d, struct pending *p)
{
	struct quic_vec plain;
	struct quic_wr w;
	u8 *frame;

	if (!quic_acktr_owed(&p->ack))
		return;
	frame = kmalloc(REPLY_MAX, GFP_KERNEL);
	if (!frame)
		return;
	if (!p->a.iscid.len)
		quic_lookup_choose(&p->a.iscid);
	quic_wr_init(&w, frame, REPLY_MAX);
	quic_acktr_write(&p->ack, &w);
	plain.base = frame;
	plain.len = w.p - frame;
	if (!w.bad)
		p->a.sent += send_initial(d, &p->keys, &p->a.iscid, p->a.next_pn++, &plain);
	quic_acktr_sent(&p->ack);
	kfree(frame);
}

/* The request comes to nothing: @err says why. */
static void give_up(const struct dgram *d, struct pending *p, int err)
{
	if (err != -EAGAIN || p->largest < 0)
		count(d->udp, QUIC_MIB_DROP_AUTH);
	/* RFC 9000 §7.5: MUST be said, where no more is buffered */
	if (err == -EMSGSIZE || err == -ENOSPC)
		close_request(d, p, QUIC_TRANSPORT_ERROR_CRYPTO_BUF_EXCEEDED);
	else if (err == -EPROTO)
		close_request(d, p, DECODE_ERROR);
}

/*
 * All datagrams of @skb belong to one request (input splits trains by
 * destination ID).  @d: the first of them.
 */
static void initial(struct dgram *d, struct sk_buff *skb, u8 *buf)
{
	struct quic_udp *udp = d->udp;
	struct pending *p = find_pending(udp, d);
	struct quic_clienthello ch;
	u32 off, seg = quic_skb_cb(skb)->seg;
	int err;

	if (!p) {
		p = admit(d);
		if (!p) {
			kfree_skb(skb);
			return;
		}
		adopt_orphans(p, d);
	}
	err = absorb(p, d);
	for (off = seg; !err && off < skb->len; off += d->len) {
		d->len = min(seg, skb->len - off);
		skb_copy_bits(skb, off, buf, d->len);
		err = absorb(p, d);
	}
	__skb_queue_tail(&p->skbs, skb);
	if (!err)
		err = hello_parse(p, &ch);
	if (err == -EAGAIN && p->largest >= 0 && keep(udp, p)) {
		acknowledge(d, p);
		return;
	}
	pending_unlink(udp, p);
	if (!err)
		route_hello(d, p, &ch);
	else
		give_up(d, p, err);
	pending_free(udp, p);
}

/* RFC 9000 §5.2.2: 0-RTT packets may overtake, or follow, the first Initial */
static void early(const struct dgram *d, struct sk_buff *skb)
{
	struct pending *p = find_pending(d->udp, d);

	if (p && skb_queue_len(&p->skbs) < QUIC_HALFOPEN_SKBS) {
		__skb_queue_tail(&p->skbs, skb);
		return;
	}
	if (!p && d->udp->nlisteners && skb_queue_len(&d->udp->orphans) < ORPHANS_MAX) {
		quic_skb_cb(skb)->hash = request_hash(d);
		quic_skb_cb(skb)->expires = jiffies + ORPHAN_LIFE;
		__skb_queue_tail(&d->udp->orphans, skb);
		return;
	}
	count(d->udp, QUIC_MIB_DROP_UNKNOWN);
	kfree_skb(skb);
}

/* ---- the work ---- */

/*
 * RFC 9000 §10.3, §10.3.1: whatever its form, a datagram of no connection may be
 * a stateless reset.  True: it is for one, which looks at where it comes from.
 */
static bool is_reset(const struct dgram *d, struct sk_buff *skb)
{
	struct sock *sk;

	if (d->len < QUIC_RESET_MIN)
		return false;
	sk = quic_lookup_reset(d->udp->qn, d->p + d->len - QUIC_RESET_TOKEN_LEN);
	if (!sk)
		return false;
	quic_input_deliver(sk, skb);
	sock_put(sk);
	return true;
}

static void classify(struct dgram *d, struct sk_buff *skb, u8 *buf)
{
	if (is_reset(d, skb))
		return;
	if (parse_hdr(d->udp, d->p, d->len, &d->h)) {
		count(d->udp, QUIC_MIB_DROP_HEADER);
		kfree_skb(skb);
		return;
	}
	switch (d->h.type) {
	case QUIC_PKT_INITIAL:
		initial(d, skb, buf);
		return;
	case QUIC_PKT_0RTT:
		early(d, skb);
		return;
	case QUIC_PKT_1RTT:
		send_reset(d);
		break;
	case QUIC_PKT_UNKNOWN:
		send_vn(d);
		break;
	default:
		count(d->udp, QUIC_MIB_DROP_UNKNOWN);
	}
	kfree_skb(skb);
}

static void one(struct quic_udp *udp, struct sk_buff *skb)
{
	struct dgram d = { .udp = udp };
	struct sock *sk;
	u8 *buf;

	d.len = min(quic_skb_cb(skb)->seg, skb->len);
	buf = kmalloc(d.len, GFP_KERNEL);
	if (!buf || skb_copy_bits(skb, 0, buf, d.len)) {
		count(udp, QUIC_MIB_DROP_NOMEM);
		kfree_skb(skb);
		goto out;
	}
	d.p = buf;
	d.ecn = quic_skb_ecn(skb);
	quic_skb_addrs(skb, &d.local, &d.remote);
	/* the connection may have been made since */
	if (!parse_hdr(udp, buf, d.len, &d.h) &&
	    (sk = quic_lookup_cid(udp->qn, d.h.dcid.id, d.h.dcid.len))) {
		quic_input_deliver(sk, skb);
		sock_put(sk);
		goto out;
	}
	classify(&d, skb, buf);
out:
	kfree(buf);
}

static void expire_orphans(struct quic_udp *udp)
{
	struct sk_buff *skb;

	while ((skb = skb_peek(&udp->orphans))) {
		if (time_before(jiffies, quic_skb_cb(skb)->expires))
			break;
		__skb_unlink(skb, &udp->orphans);
		count(udp, QUIC_MIB_DROP_UNKNOWN);
		kfree_skb(skb);
	}
}

static void expire(struct quic_udp *udp)
{
	struct pending *p, *next;

	list_for_each_entry_safe(p, next, &udp->pending, list) {
		if (time_before(jiffies, p->expires))
			break;		/* in the order of their arrival */
		count(udp, QUIC_MIB_HALFOPEN_EXPIRED);
		pending_unlink(udp, p);
		pending_free(udp, p);
	}
}

void quic_listen_work(struct work_struct *work)
{
	struct quic_udp *udp = container_of(to_delayed_work(work), struct quic_udp, work);
	struct sk_buff *skb;

	while ((skb = skb_dequeue(&udp->unknown))) {
		one(udp, skb);
		cond_resched();
	}
	expire(udp);
	expire_orphans(udp);
	if (!list_empty(&udp->pending))
		queue_delayed_work(quic_wq, &udp->work,
				   msecs_to_jiffies(limits(udp)->half_open_timeout) / 2);
	else if (!skb_queue_empty(&udp->orphans))
		queue_delayed_work(quic_wq, &udp->work, ORPHAN_LIFE);
}

void quic_listen_unknown(struct quic_udp *udp, struct sk_buff *skb)
{
	u32 max = quic_skb_cb(skb)->any_long ? QUIC_UNKNOWN_MAX : QUIC_UNKNOWN_RESET_MAX;

	if (skb_queue_len_lockless(&udp->unknown) >= max) {
		count(udp, QUIC_MIB_DROP_FLOOD);
		kfree_skb(skb);
		return;
	}
	skb_queue_tail(&udp->unknown, skb);
	mod_delayed_work(quic_wq, &udp->work, 0);
}

void quic_listen_purge(struct quic_udp *udp)
{
	struct pending *p, *next;
	struct sk_buff *skb;

	/* clients of a listener that has just gone are told so */
	while ((skb = skb_dequeue(&udp->unknown)))
		one(udp, skb);
	list_for_each_entry_safe(p, next, &udp->pending, list)
		pending_free(udp, p);
	__skb_queue_purge(&udp->orphans);
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

static int make_key(struct quic_aead **key, struct quic_aead *made)
{
	if (IS_ERR(made))
		return PTR_ERR(made);
	*key = made;
	return 0;
}

/* Keys that only a namespace with a listener needs. */
static int make_keys(struct quic_net *qn)
{
	const struct quic_crypto_ops *ops = &quic_kernel_crypto;
	u8 key[16];
	int err = 0;

	mutex_lock(&qn->udp_lock);
	get_random_bytes(key, sizeof(key));
	if (!qn->token_key)
		err = make_key(&qn->token_key, ops->aead_new(TLS_CIPHER_AES_GCM_128, key));
	if (!err && !qn->retry_key[0])
		err = make_key(&qn->retry_key[0], quic_keys_retry_key(ops, QUIC_VERSION_V1));
	if (!err && !qn->retry_key[1])
		err = make_key(&qn->retry_key[1], quic_keys_retry_key(ops, QUIC_VERSION_V2));
	if (!err && !qn->tokens_used) {
		qn->tokens_used = bitmap_zalloc(QUIC_TOKENS_KEPT, GFP_KERNEL);
		err = qn->tokens_used ? 0 : -ENOMEM;
	}
	mutex_unlock(&qn->udp_lock);
	memzero_explicit(key, sizeof(key));
	return err;
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
	err = make_keys(quic_pernet(sock_net(sk)));
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
		abandon(quic_sock_sk(child));
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

/* ---- keys of the namespace ---- */

int quic_listen_init(struct quic_net *qn)
{
	get_random_bytes(qn->reset_key, sizeof(qn->reset_key));
	get_random_bytes(qn->ticket_key, sizeof(qn->ticket_key));
	ratelimit_state_init(&qn->reply_limit, HZ, qn->limits.reply_rate);
	ratelimit_set_flags(&qn->reply_limit, RATELIMIT_MSG_ON_RELEASE);
	return 0;
}

void quic_listen_exit(struct quic_net *qn)
{
	quic_kernel_crypto.aead_free(qn->token_key);
	quic_kernel_crypto.aead_free(qn->retry_key[0]);
	quic_kernel_crypto.aead_free(qn->retry_key[1]);
	bitmap_free(qn->tokens_used);
	memzero_explicit(qn->reset_key, sizeof(qn->reset_key));
	memzero_explicit(qn->ticket_key, sizeof(qn->ticket_key));
}

/* What a server that accepts 0-RTT must not have reduced since, RFC 9000 §7.4.1. */
static u32 put_limits(const struct quic_tparam *tp, u32 version, u8 *buf, u32 cap)
{
	const u64 limits[] = {
		version, tp->active_connection_id_limit, tp->max_data,
		tp->max_stream_data_bidi_local, tp->max_stream_data_bidi_remote,
		tp->max_stream_data_uni, tp->max_streams_bidi, tp->max_streams_uni,
		tp->max_datagram_frame_size, tp->max_idle_timeout, tp->max_udp_payload_size,
		tp->disable_active_migration,
	};
	struct quic_wr w;
	int i;

	quic_wr_init(&w, buf, cap);
	for (i = 0; i < ARRAY_SIZE(limits); i++)
		quic_wr_be(&w, limits[i], 8);
	return w.p - buf;
}

/*
 * A ticket is good in the version that it was issued in (RFC 9369 §5), and,
 * for it may lead to 0-RTT, under the limits that its client remembers.  So
 * these are part of the key: any other ticket is one that TLS cannot read, and
 * a full handshake follows.
 */
int quic_sock_ticket_key(struct quic_sock *qs, u8 key[QUIC_TICKET_KEY_LEN])
{
	const struct quic_net *qn = quic_pernet(sock_net(quic_sock_sk(qs)));
	u32 version = qs->ticket_version ?: QUIC_VERSION_V1;
	u8 limits[128], half, block[QUIC_HASH_MAX];
	struct quic_vec v[] = { { limits, 0 }, { &half, 1 } };
	int err = 0;

	BUILD_BUG_ON(QUIC_TICKET_KEY_LEN != 2 * 32);
	v[0].len = put_limits(&qs->conn.local_tp, version, limits, sizeof(limits));
	for (half = 0; half < 2 && !err; half++) {
		err = quic_kernel_crypto.hmac(QUIC_HASH_SHA256, qn->ticket_key,
					      sizeof(qn->ticket_key), v, ARRAY_SIZE(v), block);
		if (!err)
			memcpy(key + half * 32, block, 32);
	}
	memzero_explicit(block, sizeof(block));
	return err;
}

/* A token is for the address alone, whatever the port: RFC 9000 §8.1.3. Never 0. */
static u32 token_host(const struct quic_addr *a)
{
	return jhash(a->ip, sizeof(a->ip), a->family) | 1;
}

int quic_sock_issue_token(struct sock *sk)
{
	struct quic_token t = { .kind = QUIC_TOKEN_NEW, .issued = quic_now() };
	struct quic_net *qn = quic_pernet(sock_net(sk));
	struct quic_sock *qs = quic_sk(sk);
	u8 buf[QUIC_TOKEN_LEN_MAX];
	int n;

	t.addr = qs->conn.path.remote;
	t.addr.port = 0;
	t.version = qs->conn.version;
	t.serial = atomic64_inc_return(&qn->tokens) - 1;
	clear_bit(t.serial % QUIC_TOKENS_KEPT, qn->tokens_used);
	n = quic_token_seal(&quic_kernel_crypto, qn->token_key, &t, buf, sizeof(buf));
	if (n > 0)
		n = quic_conn_send_token(&qs->conn, buf, n);
	if (!n)
		qs->token_host = token_host(&t.addr);
	return n;
}

/* RFC 9000 §9.3: after verifying a new client address SHOULD send new tokens */
void quic_sock_renew_token(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	if (qs->token_host && qs->token_host != token_host(&qs->conn.path.remote))
		quic_sock_issue_token(sk);
}

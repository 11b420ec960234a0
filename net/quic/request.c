// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Half-open requests: what a client's first flight is until its ClientHello is
 * complete.  Initial keys are derived from the client's ID, the CRYPTO frames of
 * one or more Initials are put together, in any order; only then is the ALPN
 * known, a listener chosen and a socket made, which is fed the datagrams that were
 * kept and put on the listener's accept queue: accept() returns before the TLS
 * handshake.  Requests hang on the port: as long as no ALPN is known, they are
 * nobody's in particular.
 *
 * Against floods: the tables are bounded, what one client address may have under
 * way is limited (source.c), incomplete requests expire, and with more than
 * retry_threshold handshakes under way (or where a listener asks for it) clients
 * must first show by a Retry token that they own their address (RFC 9000 §8.1.2).
 *
 * Locks: the pending list and the orphans are those of the port's one work item
 * (stray.c, the caller); of sockets, the new one's, and the listener's while its
 * options are copied.
 */
#include <linux/jhash.h>
#include "core/clienthello.h"
#include "core/frame.h"
#include "stray.h"

#define NO_APPLICATION_PROTOCOL	(QUIC_TRANSPORT_ERROR_CRYPTO + 120)	/* RFC 9001 §8.1 */
#define DECODE_ERROR		(QUIC_TRANSPORT_ERROR_CRYPTO + 50)	/* RFC 8446 §6, RFC 9001 §4.8 */
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

/* ---- from request to socket ---- */

static int child_start(struct sock *sk, struct quic_udp *udp, struct pending *p)
{
	int timeout = READ_ONCE(quic_stray_limits(udp)->handshake_timeout);
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

static void close_request(const struct quic_stray *d, struct pending *p, u64 code)
{
	quic_reply_close(d, &p->keys, p->a.iscid.len ? &p->a.iscid : &d->h.dcid, p->a.next_pn, code);
}

static void route_hello(const struct quic_stray *d, struct pending *p,
			const struct quic_clienthello *ch)
{
	struct quic_udp *udp = d->udp;
	struct sock *lsk, *sk;

	lsk = quic_listen_choose(udp, ch, &d->remote);
	if (!lsk) {
		/* RFC 9001 §8.1; RFC 7301 §3.2 */
		quic_stray_count(udp, QUIC_MIB_NO_ALPN);
		close_request(d, p, NO_APPLICATION_PROTOCOL);
		return;
	}
	if (quic_listen_full(&quic_sk(lsk)->listen)) {
		/* RFC 9000 §5.2.2 */
		quic_stray_count(udp, QUIC_MIB_REFUSED);
		close_request(d, p, QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED);
		goto out;
	}
	sk = child_new(lsk, udp, p, ch);
	if (!sk) {
		quic_stray_count(udp, QUIC_MIB_DROP_NOMEM);
		goto out;
	}
	quic_stray_count(udp, QUIC_MIB_ACCEPTED);
	if (!quic_listen_enqueue(lsk, sk)) {
		quic_stray_count(udp, QUIC_MIB_REFUSED);
		quic_listen_abandon(sk);
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

static int absorb_packet(struct pending *p, const struct quic_stray *d, const struct quic_opened *o)
{
	bool eliciting = false;
	int err;

	err = read_frames(p, o->payload, o->payload_len, &eliciting);
	p->largest = max_t(s64, p->largest, o->pn);
	quic_acktr_received(&p->ack, o->pn, eliciting, true, false, d->ecn, quic_now(), 0);
	return err;
}

/* The Initials of a datagram: 0, or why the request is void. */
static int absorb(struct pending *p, const struct quic_stray *d)
{
	struct quic_opened o;
	struct quic_hdr h;
	u32 off = 0;
	int err = 0;
	u8 *plain;

	/* RFC 9000 §14.1: MUST discard the Initials in it */
	if (d->len < QUIC_INITIAL_MIN) {
		quic_stray_count(d->udp, QUIC_MIB_DROP_SMALL);
		return 0;
	}
	plain = kmalloc(d->len, GFP_KERNEL);
	if (!plain)
		return -ENOMEM;
	while (!err && off < d->len) {
		if (quic_stray_hdr(d->udp, d->p + off, d->len - off, &h))
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

static struct pending *find_pending(struct quic_udp *udp, const struct quic_stray *d)
{
	struct pending *p;

	list_for_each_entry(p, &udp->pending, list)
		if (sent_to(p, &d->h.dcid) && quic_addr_equal(&p->a.remote, &d->remote))
			return p;
	return NULL;
}

static struct pending *pending_new(const struct quic_stray *d, const struct quic_conn_accept *a)
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
static u32 request_hash(const struct quic_stray *d)
{
	return jhash(d->h.dcid.id, d->h.dcid.len, jhash(d->remote.ip, sizeof(d->remote.ip),
							d->remote.port));
}

/* 0-RTT packets that came before the Initial go first; without keys they will be held. */
static void adopt_orphans(struct pending *p, const struct quic_stray *d)
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

/* RFC 9000 §8.1.3: what the token says of the client; -EACCES: INVALID_TOKEN is due */
static int check_token(const struct quic_stray *d, struct quic_conn_accept *a)
{
	const struct quic_limits *l = quic_stray_limits(d->udp);
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
		a->validated = a->validated && quic_secret_use_token(d->udp->qn, t.serial);
		return 0;
	}
	if (!a->validated)
		return -EACCES;
	a->odcid = t.odcid;
	a->retried = true;
	return 0;
}

/* Does the client's address have as much under way as it may? False: answered or dropped. */
static bool admit_source(const struct quic_stray *d, bool validated, struct quic_source **source)
{
	struct quic_udp *udp = d->udp;

	switch (quic_source_admit(udp->qn, &d->remote, validated, source)) {
	case QUIC_SOURCE_OK:
		return true;
	case QUIC_SOURCE_RETRY:
		quic_reply_retry(d);
		break;
	case QUIC_SOURCE_CONNECTIONS:
		quic_stray_count(udp, QUIC_MIB_SOURCE_CONNECTIONS);
		quic_reply_refuse(d, QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED);
		break;
	case QUIC_SOURCE_HANDSHAKES:	/* the client tries again, and may find fewer */
		quic_stray_count(udp, QUIC_MIB_SOURCE_HANDSHAKES);
		break;
	case QUIC_SOURCE_RATE:
		quic_stray_count(udp, QUIC_MIB_SOURCE_RATE);
		break;
	case QUIC_SOURCE_NOMEM:
		quic_stray_count(udp, QUIC_MIB_DROP_NOMEM);
	}
	return false;
}

/*
 * The first Initial of a request that we do not know: checks that cost little
 * come first.  NULL: it was answered or dropped.
 */
static struct pending *admit(const struct quic_stray *d)
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
		quic_stray_count(udp, d->len < QUIC_INITIAL_MIN ? QUIC_MIB_DROP_SMALL :
								  QUIC_MIB_DROP_UNKNOWN);
		return NULL;
	}
	/* RFC 9000 §5.2.2: not any more; a client's port (§5.2.1) says nothing at all */
	if (!udp->nlisteners) {
		quic_stray_count(udp, QUIC_MIB_REFUSED);
		quic_reply_refuse(d, QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED);
		return NULL;
	}
	if (check_token(d, &a)) {
		quic_stray_count(udp, QUIC_MIB_BAD_TOKEN);
		quic_reply_refuse(d, QUIC_TRANSPORT_ERROR_INVALID_TOKEN);
		return NULL;
	}
	if (!a.validated && quic_listen_wants_retry(udp)) {
		quic_reply_retry(d);
		return NULL;
	}
	if (!admit_source(d, a.validated, &source))
		return NULL;
	p = pending_new(d, &a);
	if (p) {
		p->source = source;
		return p;
	}
	quic_stray_count(udp, QUIC_MIB_DROP_NOMEM);
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
	if (udp->npending >= quic_stray_limits(udp)->max_half_open) {
		quic_stray_count(udp, QUIC_MIB_DROP_HALFOPEN);
		return false;
	}
	p->expires = jiffies + msecs_to_jiffies(quic_stray_limits(udp)->half_open_timeout);
	list_add_tail(&p->list, &udp->pending);
	udp->npending++;
	return true;
}

/*
 * RFC 9000 §13.2.1: Initials MUST be acknowledged at once, those of a ClientHello
 * that lacks a part, too: a client whose probes are PINGs learns by that alone
 * which part was lost.  ID and packet numbers go on with the connection.
 */
static void acknowledge(const struct quic_stray *d, struct pending *p)
{
	struct quic_vec plain;
	struct quic_wr w;
	u8 *frame;

	if (!quic_acktr_owed(&p->ack))
		return;
	frame = kmalloc(QUIC_REPLY_MAX, GFP_KERNEL);
	if (!frame)
		return;
	if (!p->a.iscid.len)
		quic_lookup_choose(&p->a.iscid);
	quic_wr_init(&w, frame, QUIC_REPLY_MAX);
	quic_acktr_write(&p->ack, &w);
	plain.base = frame;
	plain.len = w.p - frame;
	if (!w.bad)
		p->a.sent += quic_reply_initial(d, &p->keys, &p->a.iscid, p->a.next_pn++, &plain);
	quic_acktr_sent(&p->ack);
	kfree(frame);
}

/* The request comes to nothing: @err says why. */
static void give_up(const struct quic_stray *d, struct pending *p, int err)
{
	if (err != -EAGAIN || p->largest < 0)
		quic_stray_count(d->udp, QUIC_MIB_DROP_AUTH);
	/* RFC 9000 §7.5: MUST be said, where no more is buffered */
	if (err == -EMSGSIZE || err == -ENOSPC)
		close_request(d, p, QUIC_TRANSPORT_ERROR_CRYPTO_BUF_EXCEEDED);
	else if (err == -EPROTO)
		close_request(d, p, DECODE_ERROR);
}

/* Input splits trains by destination ID. */
void quic_request_initial(struct quic_stray *d, struct sk_buff *skb, u8 *buf)
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
void quic_request_early(const struct quic_stray *d, struct sk_buff *skb)
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
	quic_stray_count(d->udp, QUIC_MIB_DROP_UNKNOWN);
	kfree_skb(skb);
}

/* ---- time ---- */

static void expire_orphans(struct quic_udp *udp)
{
	struct sk_buff *skb;

	while ((skb = skb_peek(&udp->orphans))) {
		if (time_before(jiffies, quic_skb_cb(skb)->expires))
			break;
		__skb_unlink(skb, &udp->orphans);
		quic_stray_count(udp, QUIC_MIB_DROP_UNKNOWN);
		kfree_skb(skb);
	}
}

/*
 * A client that was answered has an ID of ours and sends to it, where nobody is any
 * more (RFC 9000 §7.2): it is told, and need not find out by its own timeout.
 *
 * One that has received none of this may still begin anew, with the same ID, to which
 * the keys are bound, and our packet numbers begin at 0 again.  §12.3 wants no number
 * used twice so that no nonce is; but that protects nothing here: RFC 9001 §5 does not
 * consider Initial packets to have confidentiality or integrity, for everybody can make
 * their keys.  A client that finds out about the first answer after the second discards
 * it, having taken another ID (§7.2), as a copy (§12.3).
 */
static void tell_expired(struct quic_udp *udp, struct pending *p)
{
	struct quic_stray d = {
		.udp = udp, .local = p->a.local, .remote = p->a.remote,
		.h = { .version = p->a.version, .scid = p->a.scid },
	};

	if (p->a.iscid.len)
		close_request(&d, p, QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED);
}

static void expire(struct quic_udp *udp)
{
	struct pending *p, *next;

	list_for_each_entry_safe(p, next, &udp->pending, list) {
		if (time_before(jiffies, p->expires))
			break;		/* in the order of their arrival */
		quic_stray_count(udp, QUIC_MIB_HALFOPEN_EXPIRED);
		tell_expired(udp, p);
		pending_unlink(udp, p);
		pending_free(udp, p);
	}
}

unsigned long quic_request_expire(struct quic_udp *udp)
{
	expire(udp);
	expire_orphans(udp);
	if (!list_empty(&udp->pending))
		return msecs_to_jiffies(quic_stray_limits(udp)->half_open_timeout) / 2 ?: 1;
	return skb_queue_empty(&udp->orphans) ? 0 : ORPHAN_LIFE;
}

void quic_request_purge(struct quic_udp *udp)
{
	struct pending *p, *next;

	list_for_each_entry_safe(p, next, &udp->pending, list)
		pending_free(udp, p);
	__skb_queue_purge(&udp->orphans);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which socket is a datagram for?  By connection ID: the IDs that we issued
 * (QUIC_CID_LOCAL_LEN random bytes each) and, while a server's handshake runs,
 * the one that the client chose.  A table a network namespace; readers under
 * RCU, from softirq; writers under the lock of the connection in question.
 * Sockets are freed after a grace period (SOCK_RCU_FREE), so what a reader finds
 * is memory of a socket; if it still lives, it gets a reference.
 *
 * By token: a stateless reset carries no ID of ours, so the connection is found
 * by the token of the peer's ID that it sends to.
 */
#include <linux/siphash.h>
#include "mib.h"

static hsiphash_key_t hash_key __read_mostly;

static u32 cid_hash(const void *data, u32 len, u32 seed)
{
	return hsiphash(data, len, &hash_key) ^ seed;
}

static const struct rhashtable_params cid_params = {
	.head_offset		= offsetof(struct quic_cid_node, node),
	.key_offset		= offsetof(struct quic_cid_node, cid),
	.key_len		= sizeof(struct quic_cid),
	.hashfn			= cid_hash,
	.automatic_shrinking	= true,
};

int quic_lookup_init(struct quic_net *qn)
{
	int err;

	net_get_random_once(&hash_key, sizeof(hash_key));
	spin_lock_init(&qn->resets_lock);
	qn->resets = kvcalloc(QUIC_RESET_BUCKETS, sizeof(*qn->resets), GFP_KERNEL);
	if (!qn->resets)
		return -ENOMEM;
	err = rhashtable_init(&qn->cids, &cid_params);
	if (err)
		kvfree(qn->resets);
	return err;
}

void quic_lookup_exit(struct quic_net *qn)
{
	rhashtable_destroy(&qn->cids);
	kvfree(qn->resets);
}

/* ---- connection IDs ---- */

static struct quic_cid_node *node_add(struct quic_sock *qs, const struct quic_cid *cid)
{
	struct quic_net *qn = quic_pernet(sock_net(quic_sock_sk(qs)));
	struct quic_cid_node *n = kzalloc(sizeof(*n), GFP_ATOMIC);
	int err;

	if (!n)
		return ERR_PTR(-ENOMEM);
	n->cid.len = cid->len;
	memcpy(n->cid.id, cid->id, cid->len);
	n->sk = quic_sock_sk(qs);
	err = rhashtable_lookup_insert_fast(&qn->cids, &n->node, cid_params);
	if (!err)
		return n;
	kfree(n);
	return ERR_PTR(err);
}

static void node_del(struct quic_net *qn, struct quic_cid_node *n)
{
	rhashtable_remove_fast(&qn->cids, &n->node, cid_params);
	kfree_rcu(n, rcu);
}

static struct quic_cid_node *node_find(struct quic_net *qn, const u8 *id, u32 len)
{
	struct quic_cid key = { .len = len };

	memcpy(key.id, id, len);
	return rhashtable_lookup_fast(&qn->cids, &key, cid_params);
}

void quic_lookup_choose(struct quic_cid *cid)
{
	memset(cid, 0, sizeof(*cid));
	cid->len = QUIC_CID_LOCAL_LEN;
	get_random_bytes(cid->id, cid->len);
}

/* RFC 9000 §5.1: an ID; §10.3.2: and its stateless reset token */
static int cid_new(void *priv, struct quic_cid *cid, u8 token[QUIC_RESET_TOKEN_LEN])
{
	struct quic_net *qn = quic_pernet(sock_net(priv));
	bool known = cid->len;
	struct quic_cid_node *n;
	int err;

	do {
		if (!known)
			quic_lookup_choose(cid);
		n = node_add(quic_sk(priv), cid);
	} while (n == ERR_PTR(-EEXIST) && !known);
	if (IS_ERR(n))
		return PTR_ERR(n);
	err = quic_token_reset(quic_sock_conn_ops.crypto, qn->reset_key, cid, token);
	if (err)
		node_del(qn, n);
	return err;
}

static void cid_gone(void *priv, const struct quic_cid *cid)
{
	struct quic_net *qn = quic_pernet(sock_net(priv));
	struct quic_cid_node *n;

	rcu_read_lock();
	n = node_find(qn, cid->id, cid->len);
	if (n && n->sk == priv)
		node_del(qn, n);
	rcu_read_unlock();
}

const struct quic_cid_ops quic_lookup_cid_ops = {
	.cid_new	= cid_new,
	.cid_gone	= cid_gone,
};

/* -EEXIST: another client chose the same (it is then found by our ID alone). */
int quic_lookup_add_odcid(struct quic_sock *qs, const struct quic_cid *cid)
{
	struct quic_cid_node *n = node_add(qs, cid);

	if (IS_ERR(n))
		return PTR_ERR(n);
	qs->odcid_node = n;
	return 0;
}

void quic_lookup_del_odcid(struct quic_sock *qs)
{
	if (qs->odcid_node)
		node_del(quic_pernet(sock_net(quic_sock_sk(qs))), qs->odcid_node);
	qs->odcid_node = NULL;
}

struct sock *quic_lookup_cid(struct quic_net *qn, const u8 *id, u32 len)
{
	struct quic_cid_node *n;
	struct sock *sk = NULL;

	if (len > QUIC_CID_MAX)
		return NULL;
	rcu_read_lock();
	n = node_find(qn, id, len);
	if (n && refcount_inc_not_zero(&n->sk->sk_refcnt))
		sk = n->sk;
	rcu_read_unlock();
	return sk;
}

/* ---- stateless resets ---- */

/* RFC 9000 §10.3.1: a keyed hash of the token leaks nothing of it through timing. */
static struct hlist_head *reset_bucket(struct quic_net *qn, const u8 token[QUIC_RESET_TOKEN_LEN])
{
	return &qn->resets[hsiphash(token, QUIC_RESET_TOKEN_LEN, &hash_key) % QUIC_RESET_BUCKETS];
}

void quic_lookup_set_reset(struct quic_sock *qs)
{
	const struct quic_cid_entry *e = quic_cids_remote_active(&qs->conn.dcids);
	struct quic_net *qn = quic_pernet(sock_net(quic_sock_sk(qs)));

	qs->reset_seq = qs->conn.dcids.active;
	spin_lock_bh(&qn->resets_lock);
	hlist_del_init(&qs->reset_node);
	if (e && e->has_token) {
		memcpy(qs->reset_token, e->token, sizeof(qs->reset_token));
		hlist_add_head(&qs->reset_node, reset_bucket(qn, e->token));
	}
	spin_unlock_bh(&qn->resets_lock);
}

void quic_lookup_del_reset(struct quic_sock *qs)
{
	struct quic_net *qn = quic_pernet(sock_net(quic_sock_sk(qs)));

	spin_lock_bh(&qn->resets_lock);
	hlist_del_init(&qs->reset_node);
	spin_unlock_bh(&qn->resets_lock);
	memzero_explicit(qs->reset_token, sizeof(qs->reset_token));
}

struct sock *quic_lookup_reset(struct quic_net *qn, const u8 token[QUIC_RESET_TOKEN_LEN])
{
	struct sock *found = NULL;
	struct quic_sock *qs;

	spin_lock_bh(&qn->resets_lock);
	hlist_for_each_entry(qs, reset_bucket(qn, token), reset_node)
		if (!crypto_memneq(qs->reset_token, token, QUIC_RESET_TOKEN_LEN) &&
		    refcount_inc_not_zero(&quic_sock_sk(qs)->sk_refcnt)) {
			found = quic_sock_sk(qs);
			break;
		}
	spin_unlock_bh(&qn->resets_lock);
	return found;
}

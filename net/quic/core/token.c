// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Address validation tokens, RFC 9000 §8.1.1 to §8.1.4, and stateless reset
 * tokens, §10.3.2.  A token is
 *
 *	kind (1), nonce (12), sealed { issued (8), version (4), family (1), IP (16),
 *	Retry only: port (2), ID length (1), ID (0 to 20);
 *	NEW_TOKEN only: serial number (8) }, tag (16)
 *
 * with the kind as associated data: it is all that an observer can read, and
 * the random nonce makes every token unique (§8.1.3).  Nothing is remembered
 * here: a Retry's token can be used again until it expires, so its lifetime is
 * short; of the others the owner keeps a bit each, by their serial numbers.
 *
 * Callers: listen (Retry, admission) and conn's owner (NEW_TOKEN), any context.
 * Plaintext and ciphertext go through allocated memory, as the AEAD wants it.
 */
#include "token.h"

#define KIND_LEN	1
#define HEAD_LEN	(KIND_LEN + QUIC_IV_LEN)
#define PLAIN_MAX	(8 + 4 + 1 + 16 + 2 + 1 + QUIC_CID_MAX)

struct scratch {
	u8 plain[PLAIN_MAX];
	u8 sealed[PLAIN_MAX + QUIC_TAG_LEN];
};

static u32 put_plain(const struct quic_token *t, u8 *plain)
{
	struct quic_wr w;

	quic_wr_init(&w, plain, PLAIN_MAX);
	quic_wr_be(&w, t->issued, 8);
	quic_wr_be(&w, t->version, 4);
	quic_wr_u8(&w, t->addr.family);
	quic_wr_bytes(&w, t->addr.ip, sizeof(t->addr.ip));
	if (t->kind == QUIC_TOKEN_RETRY) {
		quic_wr_u16(&w, t->addr.port);
		quic_wr_u8(&w, t->odcid.len);
		quic_wr_bytes(&w, t->odcid.id, t->odcid.len);
	} else {
		quic_wr_be(&w, t->serial, 8);
	}
	return w.p - plain;
}

static int get_plain(const u8 *plain, u32 len, struct quic_token *t)
{
	struct quic_cur c;

	quic_cur_init(&c, plain, len);
	t->issued = quic_cur_be(&c, 8);
	t->version = quic_cur_u32(&c);
	t->addr.family = quic_cur_u8(&c);
	quic_cur_bytes(&c, t->addr.ip, sizeof(t->addr.ip));
	if (t->kind == QUIC_TOKEN_RETRY) {
		t->addr.port = quic_cur_u16(&c);
		t->odcid.len = quic_cur_u8(&c);
		if (t->odcid.len > QUIC_CID_MAX)
			return -EBADMSG;
		quic_cur_bytes(&c, t->odcid.id, t->odcid.len);
	} else {
		t->serial = quic_cur_be(&c, 8);
	}
	return c.bad || quic_cur_left(&c) ? -EBADMSG : 0;
}

int quic_token_seal(const struct quic_crypto_ops *ops, struct quic_aead *aead,
		    const struct quic_token *t, u8 *out, u32 cap)
{
	struct quic_vec plain;
	struct scratch *s;
	int err;

	BUILD_BUG_ON(HEAD_LEN + sizeof(s->sealed) > QUIC_TOKEN_LEN_MAX);
	if (cap < QUIC_TOKEN_LEN_MAX)
		return -EMSGSIZE;
	s = kmalloc(sizeof(*s), GFP_ATOMIC);
	if (!s)
		return -ENOMEM;
	plain.base = s->plain;
	plain.len = put_plain(t, s->plain);
	/* RFC 9000 §8.1.1: says which kind it is; §8.1.3: unique */
	out[0] = t->kind;
	get_random_bytes(out + KIND_LEN, QUIC_IV_LEN);
	err = ops->seal(aead, out + KIND_LEN, out, KIND_LEN, &plain, 1, s->sealed);
	if (!err)
		memcpy(out + HEAD_LEN, s->sealed, plain.len + QUIC_TAG_LEN);
	kfree_sensitive(s);
	return err ? err : (int)(HEAD_LEN + plain.len + QUIC_TAG_LEN);
}

int quic_token_open(const struct quic_crypto_ops *ops, struct quic_aead *aead,
		    const u8 *p, u32 len, struct quic_token *t)
{
	struct scratch *s;
	int err;

	if (len < HEAD_LEN + QUIC_TAG_LEN || len > HEAD_LEN + sizeof(s->sealed) ||
	    (p[0] != QUIC_TOKEN_RETRY && p[0] != QUIC_TOKEN_NEW))
		return -EBADMSG;
	s = kmalloc(sizeof(*s), GFP_ATOMIC);
	if (!s)
		return -ENOMEM;
	memset(t, 0, sizeof(*t));
	t->kind = p[0];
	len -= HEAD_LEN;
	memcpy(s->sealed, p + HEAD_LEN, len);
	err = ops->open(aead, p + KIND_LEN, p, KIND_LEN, s->sealed, len, s->plain);
	if (!err)
		err = get_plain(s->plain, len - QUIC_TAG_LEN, t);
	kfree_sensitive(s);
	return err;
}

bool quic_token_valid(const struct quic_token *t, u32 version, const struct quic_addr *addr,
		      u64 now, u64 lifetime)
{
	/* RFC 9369 §5: servers MUST NOT accept tokens of another version */
	if (t->version != version)
		return false;
	/* RFC 9000 §8.1.3, §8.1.4: tokens expire, Retry's soon */
	if (now < t->issued || now - t->issued > lifetime)
		return false;
	/* RFC 9000 §8.1.4: Retry's are for address and port, others for the address */
	return t->kind == QUIC_TOKEN_RETRY ? quic_addr_equal(&t->addr, addr) :
					     quic_addr_same_ip(&t->addr, addr);
}

int quic_token_reset(const struct quic_crypto_ops *ops, const u8 key[32],
		     const struct quic_cid *cid, u8 out[QUIC_RESET_TOKEN_LEN])
{
	struct quic_vec vec = { cid->id, cid->len };
	u8 mac[QUIC_HASH_MAX];
	int err;

	/* RFC 9000 §10.3.2: a keyed hash of the ID, cut to 16 bytes */
	err = ops->hmac(QUIC_HASH_SHA256, key, 32, &vec, 1, mac);
	if (!err)
		memcpy(out, mac, QUIC_RESET_TOKEN_LEN);
	memzero_explicit(mac, sizeof(mac));
	return err;
}

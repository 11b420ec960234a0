// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Packet protection: RFC 9001 §5 and §6, RFC 9369 §3.3.  Keys come in by
 * secrets (or, for Initial packets, by the client's first destination ID);
 * packets go through quic_keys_seal() and quic_keys_open(), the two hottest
 * functions of the core, which neither allocate nor sleep.
 *
 * Invariants: a key that cannot be made complete is not installed at all; a
 * dropped level never comes back; of 1-RTT there are at most four read keys'
 * worth of state (previous, current, next) and two write keys; secrets that
 * were superseded are overwritten at once.
 *
 *          prepare (may sleep)            flip (never sleeps)
 *   cur -------------------------> cur ------------------------> prev, until timeout()
 *                                  next -----------------------> cur
 *
 * Which read key opens a 1-RTT packet (§6.5): the key phase bit says "current"
 * or "other"; other is the previous phase below the lowest packet number of the
 * current phase, and the next phase otherwise.
 *
 * Callers hold the connection's lock.  Neighbours: crypto.h below, conn above,
 * hdr for packet numbers.
 */
#include "keys.h"

#define PN_MAX_LEN		4	/* RFC 9001 §5.4.2: sampling assumes it */
#define HP_LONG			0x0f	/* RFC 9001 §5.4.1: bits under protection */
#define HP_SHORT		0x1f
#define RESERVED_LONG		0x0c	/* RFC 9000 §17.2, §17.3.1 */
#define RESERVED_SHORT		0x18
#define NO_PN			QUIC_TIME_NEVER

/* What differs between the versions. */
struct labels {
	u32 version;
	const char *key, *iv, *hp, *ku;
	u8 salt[20];
	u8 retry_key[16];
	u8 retry_nonce[QUIC_IV_LEN];
};

static const struct labels labels[] = {
	{
		/* RFC 9001 §5.1, §5.2, §5.8, §6.1 */
		.version = QUIC_VERSION_V1,
		.key = "quic key", .iv = "quic iv", .hp = "quic hp", .ku = "quic ku",
		.salt = {
			0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17,
			0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a,
		},
		.retry_key = {
			0xbe, 0x0c, 0x69, 0x0b, 0x9f, 0x66, 0x57, 0x5a,
			0x1d, 0x76, 0x6b, 0x54, 0xe3, 0x68, 0xc8, 0x4e,
		},
		.retry_nonce = {
			0x46, 0x15, 0x99, 0xd3, 0x5d, 0x63, 0x2b, 0xf2, 0x23, 0x98, 0x25, 0xbb,
		},
	}, {
		/* RFC 9369 §3.3.1 to §3.3.3 */
		.version = QUIC_VERSION_V2,
		.key = "quicv2 key", .iv = "quicv2 iv", .hp = "quicv2 hp", .ku = "quicv2 ku",
		.salt = {
			0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93,
			0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9,
		},
		.retry_key = {
			0x8f, 0xb4, 0xb0, 0x1b, 0x56, 0xac, 0x48, 0xe2,
			0x60, 0xfb, 0xcb, 0xce, 0xad, 0x7c, 0xcc, 0x92,
		},
		.retry_nonce = {
			0xd8, 0x69, 0x69, 0xbc, 0x2d, 0x7c, 0x6d, 0x99, 0x90, 0xef, 0xb0, 0x4a,
		},
	},
};

static const struct labels *find_labels(u32 version)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(labels); i++)
		if (labels[i].version == version)
			return &labels[i];
	return NULL;
}

static int expand(const struct quic_keys *k, const struct quic_cipher_info *info,
		  const u8 *secret, const char *label, u8 *out, u32 len)
{
	return quic_hkdf_expand_label(k->ops, info->hash, secret, info->secret_len, label,
				      out, len);
}

static void free_key(const struct quic_keys *k, struct quic_key *key)
{
	k->ops->aead_free(key->aead);
	memzero_explicit(key, sizeof(*key));
}

static void free_dir(const struct quic_keys *k, struct quic_dir *d)
{
	free_key(k, &d->cur);
	k->ops->hp_free(d->hp);
	d->hp = NULL;
	d->info = NULL;
}

/* RFC 9001 §5.1: AEAD key and IV of a secret. */
static int make_key(const struct quic_keys *k, const struct labels *l,
		    const struct quic_cipher_info *info, const u8 *secret, struct quic_key *key)
{
	struct quic_aead *aead = NULL;
	u8 raw[QUIC_KEY_MAX];
	int err;

	err = expand(k, info, secret, l->key, raw, info->key_len);
	if (!err)
		err = expand(k, info, secret, l->iv, key->iv, QUIC_IV_LEN);
	if (!err) {
		aead = k->ops->aead_new(info->type, raw);
		err = PTR_ERR_OR_ZERO(aead);
	}
	memzero_explicit(raw, sizeof(raw));
	if (err)
		return err;
	key->aead = aead;
	key->used = 0;
	return 0;
}

static int make_hp(const struct quic_keys *k, const struct labels *l,
		   const struct quic_cipher_info *info, const u8 *secret, struct quic_dir *d)
{
	struct quic_hp *hp = NULL;
	u8 raw[QUIC_KEY_MAX];
	int err;

	err = expand(k, info, secret, l->hp, raw, info->key_len);
	if (!err) {
		hp = k->ops->hp_new(info->type, raw);
		err = PTR_ERR_OR_ZERO(hp);
	}
	memzero_explicit(raw, sizeof(raw));
	if (!err)
		d->hp = hp;
	return err;
}

/* All of a direction or nothing. */
static int make_dir(const struct quic_keys *k, const struct labels *l,
		    const struct quic_cipher_info *info, const u8 *secret, struct quic_dir *d)
{
	int err;

	memset(d, 0, sizeof(*d));
	d->info = info;
	err = make_key(k, l, info, secret, &d->cur);
	if (!err)
		err = make_hp(k, l, info, secret, d);
	if (err)
		free_dir(k, d);
	return err;
}

/* NULL: that level has no place now, so no key. */
static struct quic_dir *find_dir(struct quic_keys *k, u8 level, bool send)
{
	if (level == QUIC_CRYPTO_APP)
		return send ? &k->tx : &k->rx;
	if (!k->early || level >= QUIC_CRYPTO_MAX)
		return NULL;
	return send ? &k->early->tx[level - 1] : &k->early->rx[level - 1];
}

static int need_early(struct quic_keys *k)
{
	if (!k->early)
		k->early = kzalloc(sizeof(*k->early), GFP_KERNEL);
	return k->early ? 0 : -ENOMEM;
}

/* Free the place of the handshake's keys when the last one is gone. */
static void shrink_early(struct quic_keys *k)
{
	unsigned int i;

	for (i = 0; i < QUIC_CRYPTO_MAX - 1; i++)
		if (k->early->rx[i].cur.aead || k->early->tx[i].cur.aead)
			return;
	kfree(k->early);
	k->early = NULL;
}

void quic_keys_init(struct quic_keys *k, const struct quic_crypto_ops *ops, u32 version)
{
	memset(k, 0, sizeof(*k));
	k->ops = ops;
	k->version = version;
	k->phase_first_rx = NO_PN;
	k->next_first_rx = NO_PN;
	k->prev_drop = QUIC_TIME_NEVER;
}

void quic_keys_free(struct quic_keys *k)
{
	u8 level;

	for (level = 0; level < QUIC_CRYPTO_MAX; level++)
		quic_keys_drop(k, level);
}

bool quic_keys_have(const struct quic_keys *k, u8 level, bool send)
{
	const struct quic_dir *d = find_dir((struct quic_keys *)k, level, send);

	return d && d->cur.aead;
}

/* What RFC 9001 §6 needs beside the keys in use. */
static void drop_update(struct quic_keys *k)
{
	free_key(k, &k->rx_next);
	free_key(k, &k->tx_next);
	free_key(k, &k->rx_prev);
	k->prepared = false;
	k->prev_drop = QUIC_TIME_NEVER;
	memzero_explicit(k->rx_secret, sizeof(k->rx_secret));
	memzero_explicit(k->tx_secret, sizeof(k->tx_secret));
}

void quic_keys_drop(struct quic_keys *k, u8 level)
{
	struct quic_dir *rx = find_dir(k, level, false), *tx = find_dir(k, level, true);

	k->had_rx |= 1 << level;
	k->had_tx |= 1 << level;
	if (!rx)
		return;
	free_dir(k, rx);
	free_dir(k, tx);
	if (level == QUIC_CRYPTO_APP)
		drop_update(k);
	else
		shrink_early(k);
}

/* RFC 9001 §5.2: HKDF-Extract with the version's salt, then one label a side. */
static int make_initial(const struct quic_keys *k, const struct labels *l,
			const struct quic_cid *dcid, const char *label, struct quic_dir *d)
{
	const struct quic_cipher_info *info = quic_cipher_get(TLS_CIPHER_AES_GCM_128);
	struct quic_vec ikm = { dcid->id, dcid->len };
	u8 secret[QUIC_HASH_MAX];
	int err;

	err = k->ops->hmac(info->hash, l->salt, sizeof(l->salt), &ikm, 1, secret);
	if (!err)
		err = expand(k, info, secret, label, secret, info->secret_len);
	if (!err)
		err = make_dir(k, l, info, secret, d);
	memzero_explicit(secret, sizeof(secret));
	return err;
}

int quic_keys_set_initial(struct quic_keys *k, u32 version,
			  const struct quic_cid *dcid, bool server)
{
	const struct labels *l = find_labels(version);
	struct quic_dir rx = {}, tx = {};
	int err;

	if (!l)
		return -EINVAL;
	/* RFC 9001 §4.9.1: discarded Initial keys do not come back */
	if (k->had_rx & 1 << QUIC_CRYPTO_INITIAL)
		return -EEXIST;
	err = make_initial(k, l, dcid, server ? "client in" : "server in", &rx);
	if (!err)
		err = make_initial(k, l, dcid, server ? "server in" : "client in", &tx);
	if (!err)
		err = need_early(k);
	if (err) {
		free_dir(k, &rx);
		free_dir(k, &tx);
		return err;
	}
	free_dir(k, find_dir(k, QUIC_CRYPTO_INITIAL, false));
	free_dir(k, find_dir(k, QUIC_CRYPTO_INITIAL, true));
	*find_dir(k, QUIC_CRYPTO_INITIAL, false) = rx;
	*find_dir(k, QUIC_CRYPTO_INITIAL, true) = tx;
	k->version = version;
	return 0;
}

/* Keep what key updates need: the secret and the cipher. */
static void note_app(struct quic_keys *k, bool send, const struct quic_cipher_info *info,
		     const u8 *secret)
{
	k->cipher = info->type;
	memcpy(send ? k->tx_secret : k->rx_secret, secret, info->secret_len);
}

int quic_keys_set_secret(struct quic_keys *k, u8 level, bool send, u32 cipher,
			 const u8 *secret)
{
	const struct quic_cipher_info *info = quic_cipher_get(cipher);
	const struct labels *l = find_labels(k->version);
	u8 *had = send ? &k->had_tx : &k->had_rx;
	const struct quic_dir *other;
	int err;

	/* RFC 9001 §5.2: nobody but quic_keys_set_initial() makes Initial keys */
	if (!info || !l || level >= QUIC_CRYPTO_MAX || level == QUIC_CRYPTO_INITIAL)
		return -EINVAL;
	if (*had & 1 << level)
		return -EEXIST;
	other = find_dir(k, level, !send);
	if (other && other->info && other->info != info)
		return -EINVAL;
	err = level == QUIC_CRYPTO_APP ? 0 : need_early(k);
	if (!err)
		err = make_dir(k, l, info, secret, find_dir(k, level, send));
	if (err)
		return err;
	*had |= 1 << level;
	if (level == QUIC_CRYPTO_APP)
		note_app(k, send, info, secret);
	return 0;
}

/* RFC 9001 §5.3: the IV with the packet number on its right end. */
static void make_nonce(const struct quic_key *key, u64 pn, u8 nonce[QUIC_IV_LEN])
{
	__be64 low;

	memcpy(nonce, key->iv, QUIC_IV_LEN);
	memcpy(&low, nonce + QUIC_IV_LEN - sizeof(low), sizeof(low));
	low ^= cpu_to_be64(pn);
	memcpy(nonce + QUIC_IV_LEN - sizeof(low), &low, sizeof(low));
}

static u8 hp_bits(u8 first)
{
	return first & QUIC_HDR_LONG ? HP_LONG : HP_SHORT;
}

/* Unprotected 1-RTT: header and payload as they are. */
static int gather_vecs(u8 *pkt, u32 len, const struct quic_vec *src, unsigned int nsrc)
{
	for (; nsrc--; src++) {
		memcpy(pkt + len, src->base, src->len);
		len += src->len;
	}
	return len;
}

/* RFC 9001 §5.4.1, on a packet that the AEAD has sealed. */
static void protect_header(const struct quic_keys *k, const struct quic_dir *d, u8 *pkt,
			   u32 pn_off, u8 pn_len)
{
	u8 mask[QUIC_HP_MASK_LEN];
	unsigned int i;

	/* RFC 9001 §5.4.2: as if the packet number had four bytes */
	k->ops->hp_mask(d->hp, pkt + pn_off + PN_MAX_LEN, mask);
	pkt[0] ^= mask[0] & hp_bits(pkt[0]);
	for (i = 0; i < pn_len; i++)
		pkt[pn_off + i] ^= mask[1 + i];
}

int quic_keys_seal(struct quic_keys *k, u8 level, u64 pn, u8 *pkt, u32 hdr_len,
		   u32 pn_off, u8 pn_len, const struct quic_vec *src, unsigned int nsrc)
{
	struct quic_dir *d = find_dir(k, level, true);
	u8 nonce[QUIC_IV_LEN];
	unsigned int i;
	u32 len = 0;
	int err;

	if (!d || !d->cur.aead)
		return -ENOKEY;
	if (k->plain && level == QUIC_CRYPTO_APP)
		return gather_vecs(pkt, hdr_len, src, nsrc);
	/* RFC 9001 §6.6: MUST NOT send more under this key */
	if (d->cur.used >= d->info->seal_limit)
		return -EKEYEXPIRED;
	for (i = 0; i < nsrc; i++)
		len += src[i].len;
	if (WARN_ON_ONCE(len + pn_len < PN_MAX_LEN))
		return -EINVAL;
	make_nonce(&d->cur, pn, nonce);
	err = k->ops->seal(d->cur.aead, nonce, pkt, hdr_len, src, nsrc, pkt + hdr_len);
	if (err)
		return err;
	protect_header(k, d, pkt, pn_off, pn_len);
	d->cur.used += d->cur.used < U32_MAX;
	return hdr_len + len + QUIC_TAG_LEN;
}

static u64 read_pn(const u8 *p, u8 len, s64 largest)
{
	u32 v = 0;
	u8 i;

	for (i = 0; i < len; i++)
		v = v << 8 | p[i];
	return quic_pn_decode(largest, v, len);
}

/*
 * RFC 9001 §5.4.1, the way back: the header as it was before protection, to
 * @hdr, with what it says in @o.  Returns the header's length; what PN_MAX_LEN bytes from
 * the packet number on have beyond it is no part of it.
 */
static u32 lay_open(const struct quic_keys *k, const struct quic_dir *d, const u8 *pkt,
		    const struct quic_hdr *h, s64 largest, u8 *hdr, struct quic_opened *o)
{
	u8 mask[QUIC_HP_MASK_LEN];
	__be32 word, bits;

	k->ops->hp_mask(d->hp, pkt + h->pn_off + PN_MAX_LEN, mask);
	memcpy(&word, pkt + h->pn_off, PN_MAX_LEN);
	memcpy(&bits, mask + 1, PN_MAX_LEN);
	word ^= bits;
	if (h->pn_off == 1 + QUIC_CID_LOCAL_LEN)	/* a constant, for the compiler */
		memcpy(hdr, pkt, 1 + QUIC_CID_LOCAL_LEN);
	else
		memcpy(hdr, pkt, h->pn_off);
	memcpy(hdr + h->pn_off, &word, PN_MAX_LEN);
	o->first = pkt[0] ^ (mask[0] & hp_bits(pkt[0]));
	hdr[0] = o->first;
	o->pn_len = (o->first & 3) + 1;
	o->pn = read_pn(hdr + h->pn_off, o->pn_len, largest);
	return h->pn_off + o->pn_len;
}

/* disable_1rtt_encryption: the header lies open, the payload stays where it is. */
static int open_plain(const u8 *pkt, const struct quic_hdr *h, s64 largest,
		      struct quic_opened *o)
{
	o->first = pkt[0];
	o->pn_len = (o->first & 3) + 1;
	o->next_phase = false;
	if (h->len < h->pn_off + o->pn_len)
		return -EBADMSG;
	o->pn = read_pn(pkt + h->pn_off, o->pn_len, largest);
	o->payload = pkt + h->pn_off + o->pn_len;
	o->payload_len = h->len - h->pn_off - o->pn_len;
	return o->first & RESERVED_SHORT ? -EPROTO : 0;
}

/* Forgeries count over all keys; the limit is the AEAD's. */
static int reject_packet(struct quic_keys *k, const struct quic_dir *d)
{
	/* RFC 9001 §6.6: past the limit MUST close with AEAD_LIMIT_REACHED */
	return ++k->forged > d->info->open_limit ? -EKEYEXPIRED : -EBADMSG;
}

/* RFC 9001 §6.3, §6.5: the key for a packet; NULL when it is not there yet. */
static struct quic_key *choose_key(struct quic_keys *k, struct quic_dir *d,
				   const struct quic_opened *o)
{
	if (d != &k->rx || !!(o->first & QUIC_HDR_KEY_PHASE) == k->phase)
		return &d->cur;
	if (k->rx_prev.aead && o->pn < k->phase_first_rx)
		return &k->rx_prev;
	return k->prepared ? &k->rx_next : NULL;
}

/*
 * RFC 9001 §6.4: newer keys go with higher packet numbers.  Called for 1-RTT
 * packets that verified; -EKEYREJECTED when the peer broke that rule.
 */
static int note_phase(struct quic_keys *k, const struct quic_key *key, u64 pn)
{
	if (key == &k->rx_prev) {
		k->prev_last_rx = max(k->prev_last_rx, pn + 1);
		return 0;
	}
	if (pn < k->prev_last_rx)
		return -EKEYREJECTED;
	if (key == &k->rx_next) {
		if (k->phase_first_rx != NO_PN && pn <= k->phase_last_rx)
			return -EKEYREJECTED;
		k->next_first_rx = pn;
		return 0;
	}
	/* RFC 9001 §6.1: only now may the previous keys go */
	if (k->phase_first_rx == NO_PN && k->rx_prev.aead && k->prev_drop == QUIC_TIME_NEVER)
		k->prev_drop = 0;
	k->phase_first_rx = min(k->phase_first_rx, pn);
	k->phase_last_rx = max(k->phase_last_rx, pn);
	return 0;
}

int quic_keys_open(struct quic_keys *k, u8 level, const u8 *pkt,
		   const struct quic_hdr *h, s64 largest, u8 *dst,
		   struct quic_opened *o)
{
	struct quic_dir *d = find_dir(k, level, false);
	u8 nonce[QUIC_IV_LEN], *hdr;
	struct quic_key *key;
	u32 hdr_len;
	int err;

	if (!d || !d->cur.aead)
		return -ENOKEY;
	if (k->plain && level == QUIC_CRYPTO_APP)
		return open_plain(pkt, h, largest, o);
	/* RFC 9001 §5.4.2: MUST discard what is too short for a sample */
	if (h->len < h->pn_off + PN_MAX_LEN + QUIC_SAMPLE_LEN)
		return -EBADMSG;
	if (k->forged > d->info->open_limit)
		return -EKEYEXPIRED;
	/* The open header goes to the end of @dst, which no plaintext reaches. */
	hdr = dst + h->len - h->pn_off - PN_MAX_LEN;
	hdr_len = lay_open(k, d, pkt, h, largest, hdr, o);
	key = choose_key(k, d, o);
	if (!key)
		return -EAGAIN;
	make_nonce(key, o->pn, nonce);
	err = k->ops->open(key->aead, nonce, hdr, hdr_len, pkt + hdr_len, h->len - hdr_len, dst);
	if (err == -EBADMSG)
		return reject_packet(k, d);
	if (err)
		return err;
	o->next_phase = key == &k->rx_next;
	o->payload = dst;
	o->payload_len = h->len - hdr_len - QUIC_TAG_LEN;
	if (d == &k->rx)
		err = note_phase(k, key, o->pn);
	/* RFC 9000 §17.2, §17.3.1: reserved bits are zero, else PROTOCOL_VIOLATION */
	if (o->first & (o->first & QUIC_HDR_LONG ? RESERVED_LONG : RESERVED_SHORT))
		return -EPROTO;
	return err;
}

/* RFC 9001 §6.1: secret_<n+1>; header protection keys stay. */
static int next_key(const struct quic_keys *k, const struct labels *l,
		    const struct quic_dir *d, const u8 *secret, u8 *next, struct quic_key *key)
{
	int err = expand(k, d->info, secret, l->ku, next, d->info->secret_len);

	return err ? err : make_key(k, l, d->info, next, key);
}

int quic_keys_prepare(struct quic_keys *k)
{
	const struct labels *l = find_labels(k->version);
	u8 rx[QUIC_SECRET_MAX], tx[QUIC_SECRET_MAX];
	int err;

	if (k->prepared || k->plain)
		return 0;
	if (!k->rx.cur.aead || !k->tx.cur.aead)
		return -ENOKEY;
	err = next_key(k, l, &k->rx, k->rx_secret, rx, &k->rx_next);
	if (!err)
		err = next_key(k, l, &k->tx, k->tx_secret, tx, &k->tx_next);
	if (err) {
		free_key(k, &k->rx_next);
		free_key(k, &k->tx_next);
	} else {
		memcpy(k->rx_secret, rx, k->rx.info->secret_len);
		memcpy(k->tx_secret, tx, k->tx.info->secret_len);
		k->prepared = true;
	}
	memzero_explicit(rx, sizeof(rx));
	memzero_explicit(tx, sizeof(tx));
	return err;
}

/* The current phase's packet numbers become an earlier phase's. */
static void turn_rx_numbers(struct quic_keys *k)
{
	if (k->phase_first_rx != NO_PN)
		k->prev_last_rx = max(k->prev_last_rx, k->phase_last_rx + 1);
	k->phase_first_rx = k->next_first_rx;
	k->phase_last_rx = k->next_first_rx == NO_PN ? 0 : k->next_first_rx;
	k->next_first_rx = NO_PN;
}

int quic_keys_flip(struct quic_keys *k, u64 next_tx_pn, u64 drop_prev_at)
{
	if (!k->prepared)
		return -EAGAIN;
	free_key(k, &k->rx_prev);
	k->rx_prev = k->rx.cur;
	k->rx.cur = k->rx_next;
	/* RFC 9001 §6.4: write keys can go at once */
	free_key(k, &k->tx.cur);
	k->tx.cur = k->tx_next;
	memset(&k->rx_next, 0, sizeof(k->rx_next));
	memset(&k->tx_next, 0, sizeof(k->tx_next));
	k->prepared = false;
	k->phase = !k->phase;
	k->update_unacked = true;
	k->phase_first_tx = next_tx_pn;
	k->prev_drop = drop_prev_at;
	turn_rx_numbers(k);
	return 0;
}

bool quic_keys_may_update(const struct quic_keys *k)
{
	return k->prepared && !k->update_unacked;
}

void quic_keys_acked(struct quic_keys *k, u64 pn)
{
	if (pn >= k->phase_first_tx)
		k->update_unacked = false;
}

/* So many packets under one key, and it is to be updated. */
static u64 update_mark(const struct quic_keys *k)
{
	u64 limit = k->tx.info->seal_limit;

	return limit - (limit >> 4);
}

bool quic_keys_wants_update(const struct quic_keys *k)
{
	return k->tx.info && !k->plain && k->tx.cur.used >= update_mark(k);
}

u64 quic_keys_left(const struct quic_keys *k)
{
	u64 used = k->tx.cur.used;

	if (k->plain)
		return U64_MAX;
	if (used < update_mark(k))
		return update_mark(k) - used;
	return k->tx.info->seal_limit - min(used, k->tx.info->seal_limit);
}

void quic_keys_timeout(struct quic_keys *k, u64 now)
{
	if (now < k->prev_drop)
		return;
	k->prev_drop = QUIC_TIME_NEVER;
	quic_keys_drop(k, QUIC_CRYPTO_EARLY);	/* §4.9.3 */
	/* RFC 9001 §6.1: MUST retain them until a packet opened with the new ones */
	if (k->phase_first_rx != NO_PN)
		free_key(k, &k->rx_prev);
}

struct quic_aead *quic_keys_retry_key(const struct quic_crypto_ops *ops, u32 version)
{
	const struct labels *l = find_labels(version);

	return l ? ops->aead_new(TLS_CIPHER_AES_GCM_128, l->retry_key) : ERR_PTR(-EINVAL);
}

int quic_keys_retry_seal(const struct quic_crypto_ops *ops, struct quic_aead *key, u32 version,
			 const struct quic_cid *odcid, const u8 *pkt, u32 len,
			 u8 tag[QUIC_TAG_LEN])
{
	const struct labels *l = find_labels(version);
	u32 pseudo_len = 1 + odcid->len + len;
	u8 *pseudo;
	int err;

	if (!l)
		return -EINVAL;
	pseudo = kmalloc(pseudo_len + QUIC_TAG_LEN, GFP_ATOMIC);
	if (!pseudo)
		return -ENOMEM;
	/* RFC 9001 §5.8: the Retry Pseudo-Packet; the plaintext is empty */
	pseudo[0] = odcid->len;
	memcpy(pseudo + 1, odcid->id, odcid->len);
	memcpy(pseudo + 1 + odcid->len, pkt, len);
	err = ops->seal(key, l->retry_nonce, pseudo, pseudo_len, NULL, 0, pseudo + pseudo_len);
	if (!err)
		memcpy(tag, pseudo + pseudo_len, QUIC_TAG_LEN);
	kfree(pseudo);
	return err;
}

int quic_keys_retry_tag(const struct quic_crypto_ops *ops, u32 version,
			const struct quic_cid *odcid, const u8 *pkt, u32 len,
			u8 tag[QUIC_TAG_LEN])
{
	struct quic_aead *key = quic_keys_retry_key(ops, version);
	int err;

	if (IS_ERR(key))
		return PTR_ERR(key);
	err = quic_keys_retry_seal(ops, key, version, odcid, pkt, len, tag);
	ops->aead_free(key);
	return err;
}

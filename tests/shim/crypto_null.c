// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Packet protection that costs next to nothing: the payload is copied as it
 * is, the tag is a keyed checksum of nonce, associated data and payload.  It
 * catches wrong keys, wrong packet numbers and damaged packets like the real
 * thing, but keeps no secret and stops no forger.  For simulations and for
 * instruction counts of the core.  Key derivation (HMAC) is real.
 */
#include "crypto_ossl.h"

struct quic_aead {
	u64 key;
};

struct quic_hp {
	u64 key;
};

static u64 mix(u64 v)
{
	v ^= v >> 32;
	v *= 0xd6e8feb86659fd93ULL;
	v ^= v >> 32;
	return v;
}

/* Two sums: the second makes the order of the words count. */
static u64 sum(u64 seed, const u8 *p, u32 len)
{
	u64 a = seed, b = len, w;

	for (; len >= sizeof(w); len -= sizeof(w), p += sizeof(w)) {
		memcpy(&w, p, sizeof(w));
		a += w;
		b += a;
	}
	w = 0;
	memcpy(&w, p, len);
	a += w;
	b += a;
	return mix(a) ^ mix(b + 1);
}

static u64 key_sum(u32 cipher, const u8 *key)
{
	return sum(cipher, key, cipher == TLS_CIPHER_AES_GCM_256 ||
				cipher == TLS_CIPHER_CHACHA20_POLY1305 ? 32 : 16);
}

static struct quic_aead *aead_new(u32 cipher, const u8 *key)
{
	struct quic_aead *a = kzalloc(sizeof(*a), GFP_KERNEL);

	if (!a)
		return ERR_PTR(-ENOMEM);
	a->key = key_sum(cipher, key);
	return a;
}

static void aead_free(struct quic_aead *a)
{
	kfree(a);
}

static struct quic_hp *hp_new(u32 cipher, const u8 *key)
{
	struct quic_hp *h = kzalloc(sizeof(*h), GFP_KERNEL);

	if (!h)
		return ERR_PTR(-ENOMEM);
	h->key = key_sum(cipher, key);
	return h;
}

static void hp_free(struct quic_hp *h)
{
	kfree(h);
}

static void make_tag(const struct quic_aead *a, const u8 *nonce, const u8 *aad, u32 aad_len,
		     const u8 *data, u32 len, u8 *tag)
{
	u64 head = sum(sum(a->key, nonce, QUIC_IV_LEN), aad, aad_len);
	u64 body = sum(head, data, len);

	memcpy(tag, &body, sizeof(body));
	body = mix(body + a->key);
	memcpy(tag + sizeof(body), &body, sizeof(body));
}

static int seal(struct quic_aead *a, const u8 *nonce, const u8 *aad, u32 aad_len,
		const struct quic_vec *src, unsigned int nsrc, u8 *dst)
{
	u32 len = 0;

	for (; nsrc--; src++) {
		memmove(dst + len, src->base, src->len);
		len += src->len;
	}
	make_tag(a, nonce, aad, aad_len, dst, len, dst + len);
	return 0;
}

static int open(struct quic_aead *a, const u8 *nonce, const u8 *aad, u32 aad_len,
		const u8 *src, u32 len, u8 *dst)
{
	u8 tag[QUIC_TAG_LEN];

	if (len < QUIC_TAG_LEN)
		return -EBADMSG;
	len -= QUIC_TAG_LEN;
	make_tag(a, nonce, aad, aad_len, src, len, tag);
	if (memcmp(tag, src + len, QUIC_TAG_LEN))
		return -EBADMSG;
	memcpy(dst, src, len);
	return 0;
}

static void hp_mask(struct quic_hp *h, const u8 *sample, u8 mask[QUIC_HP_MASK_LEN])
{
	u64 v = sum(h->key, sample, QUIC_SAMPLE_LEN);

	memcpy(mask, &v, QUIC_HP_MASK_LEN);
}

const struct quic_crypto_ops shim_crypto_null_ops = {
	.aead_new	= aead_new,
	.aead_free	= aead_free,
	.hp_new		= hp_new,
	.hp_free	= hp_free,
	.hmac		= shim_crypto_hmac,
	.seal		= seal,
	.open		= open,
	.hp_mask	= hp_mask,
};

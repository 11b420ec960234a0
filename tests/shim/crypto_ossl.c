// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * struct quic_crypto_ops on OpenSSL's libcrypto, for the core in userspace.
 *
 * A key is scheduled once, when it is made; sealing and opening only set the
 * nonce of a cached context, so that millions of packets are cheap.  CCM is
 * the exception: it takes its input in one piece and wants the lengths first,
 * so a gather goes through a buffer that belongs to the key.
 *
 * Contexts are per key and HMAC contexts per thread: two connections may run
 * in two threads, one connection runs in one at a time, as in the kernel.
 */
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "crypto_ossl.h"
#include "core/crypto_test_ops.h"

#define CCM_BUF_LEN	65536

struct quic_aead {
	EVP_CIPHER_CTX *enc;
	EVP_CIPHER_CTX *dec;
	u8 *gather;		/* CCM only: the plaintext in one piece */
};

struct quic_hp {
	EVP_CIPHER_CTX *ctx;
	bool chacha;
};

static const EVP_CIPHER *aead_cipher(u32 cipher)
{
	switch (cipher) {
	case TLS_CIPHER_AES_GCM_128:
		return EVP_aes_128_gcm();
	case TLS_CIPHER_AES_GCM_256:
		return EVP_aes_256_gcm();
	case TLS_CIPHER_AES_CCM_128:
		return EVP_aes_128_ccm();
	case TLS_CIPHER_CHACHA20_POLY1305:
		return EVP_chacha20_poly1305();
	}
	return NULL;
}

static EVP_CIPHER_CTX *aead_ctx(const EVP_CIPHER *c, const u8 *key, bool enc)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (!ctx)
		return NULL;
	if (EVP_CipherInit_ex(ctx, c, NULL, NULL, NULL, enc) == 1 &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, QUIC_IV_LEN, NULL) == 1 &&
	    (EVP_CIPHER_get_mode(c) != EVP_CIPH_CCM_MODE ||
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, QUIC_TAG_LEN, NULL) == 1) &&
	    EVP_CipherInit_ex(ctx, NULL, NULL, key, NULL, -1) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

static void aead_free(struct quic_aead *a)
{
	if (!a)
		return;
	EVP_CIPHER_CTX_free(a->enc);
	EVP_CIPHER_CTX_free(a->dec);
	kfree(a->gather);
	kfree(a);
}

static struct quic_aead *aead_new(u32 cipher, const u8 *key)
{
	const EVP_CIPHER *c = aead_cipher(cipher);
	struct quic_aead *a;

	if (!c)
		return ERR_PTR(-EINVAL);
	a = kzalloc(sizeof(*a), GFP_KERNEL);
	if (!a)
		return ERR_PTR(-ENOMEM);
	a->enc = aead_ctx(c, key, true);
	a->dec = aead_ctx(c, key, false);
	if (EVP_CIPHER_get_mode(c) == EVP_CIPH_CCM_MODE)
		a->gather = kzalloc(CCM_BUF_LEN, GFP_KERNEL);
	if (a->enc && a->dec && (a->gather || EVP_CIPHER_get_mode(c) != EVP_CIPH_CCM_MODE))
		return a;
	aead_free(a);
	return ERR_PTR(-ENOMEM);
}

/* CCM: everything in one piece, lengths before the associated data. */
static int seal_ccm(struct quic_aead *a, const u8 *nonce, const u8 *aad, u32 aad_len,
		    const struct quic_vec *src, unsigned int nsrc, u8 *dst)
{
	u32 len = 0;
	int n;

	while (nsrc--) {
		if (WARN_ON(src->len > CCM_BUF_LEN - len))
			return -EMSGSIZE;
		memcpy(a->gather + len, src->base, src->len);
		len += (src++)->len;
	}
	if (EVP_EncryptInit_ex(a->enc, NULL, NULL, NULL, nonce) != 1 ||
	    EVP_EncryptUpdate(a->enc, NULL, &n, NULL, len) != 1 ||
	    EVP_EncryptUpdate(a->enc, NULL, &n, aad, aad_len) != 1 ||
	    EVP_EncryptUpdate(a->enc, dst, &n, a->gather, len) != 1 ||
	    EVP_CIPHER_CTX_ctrl(a->enc, EVP_CTRL_AEAD_GET_TAG, QUIC_TAG_LEN, dst + len) != 1)
		return -EIO;
	return 0;
}

static int seal(struct quic_aead *a, const u8 *nonce, const u8 *aad, u32 aad_len,
		const struct quic_vec *src, unsigned int nsrc, u8 *dst)
{
	int n;

	if (a->gather)
		return seal_ccm(a, nonce, aad, aad_len, src, nsrc, dst);
	if (EVP_EncryptInit_ex(a->enc, NULL, NULL, NULL, nonce) != 1 ||
	    EVP_EncryptUpdate(a->enc, NULL, &n, aad, aad_len) != 1)
		return -EIO;
	for (; nsrc--; src++) {
		if (src->len && EVP_EncryptUpdate(a->enc, dst, &n, src->base, src->len) != 1)
			return -EIO;
		dst += src->len;
	}
	if (EVP_EncryptFinal_ex(a->enc, dst, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(a->enc, EVP_CTRL_AEAD_GET_TAG, QUIC_TAG_LEN, dst) != 1)
		return -EIO;
	return 0;
}

static int open_ccm(struct quic_aead *a, const u8 *nonce, const u8 *aad, u32 aad_len,
		    const u8 *src, u32 len, u8 *dst)
{
	void *tag = (void *)(src + len);
	int n;

	if (EVP_CIPHER_CTX_ctrl(a->dec, EVP_CTRL_AEAD_SET_TAG, QUIC_TAG_LEN, tag) != 1 ||
	    EVP_DecryptInit_ex(a->dec, NULL, NULL, NULL, nonce) != 1 ||
	    EVP_DecryptUpdate(a->dec, NULL, &n, NULL, len) != 1 ||
	    EVP_DecryptUpdate(a->dec, NULL, &n, aad, aad_len) != 1)
		return -EIO;
	return EVP_DecryptUpdate(a->dec, dst, &n, src, len) == 1 ? 0 : -EBADMSG;
}

static int open(struct quic_aead *a, const u8 *nonce, const u8 *aad, u32 aad_len,
		const u8 *src, u32 len, u8 *dst)
{
	void *tag;
	int n;

	if (len < QUIC_TAG_LEN)
		return -EBADMSG;
	len -= QUIC_TAG_LEN;
	if (a->gather)
		return open_ccm(a, nonce, aad, aad_len, src, len, dst);
	tag = (void *)(src + len);
	if (EVP_DecryptInit_ex(a->dec, NULL, NULL, NULL, nonce) != 1 ||
	    EVP_CIPHER_CTX_ctrl(a->dec, EVP_CTRL_AEAD_SET_TAG, QUIC_TAG_LEN, tag) != 1 ||
	    EVP_DecryptUpdate(a->dec, NULL, &n, aad, aad_len) != 1 ||
	    (len && EVP_DecryptUpdate(a->dec, dst, &n, src, len) != 1))
		return -EIO;
	return EVP_DecryptFinal_ex(a->dec, dst + len, &n) == 1 ? 0 : -EBADMSG;
}

static const EVP_CIPHER *hp_cipher(u32 cipher)
{
	switch (cipher) {
	case TLS_CIPHER_AES_GCM_128:
	case TLS_CIPHER_AES_CCM_128:
		return EVP_aes_128_ecb();
	case TLS_CIPHER_AES_GCM_256:
		return EVP_aes_256_ecb();
	case TLS_CIPHER_CHACHA20_POLY1305:
		return EVP_chacha20();
	}
	return NULL;
}

static void hp_free(struct quic_hp *h)
{
	if (!h)
		return;
	EVP_CIPHER_CTX_free(h->ctx);
	kfree(h);
}

static struct quic_hp *hp_new(u32 cipher, const u8 *key)
{
	const EVP_CIPHER *c = hp_cipher(cipher);
	struct quic_hp *h;

	if (!c)
		return ERR_PTR(-EINVAL);
	h = kzalloc(sizeof(*h), GFP_KERNEL);
	if (!h)
		return ERR_PTR(-ENOMEM);
	h->chacha = cipher == TLS_CIPHER_CHACHA20_POLY1305;
	h->ctx = EVP_CIPHER_CTX_new();
	if (h->ctx && EVP_EncryptInit_ex(h->ctx, c, NULL, key, NULL) == 1 &&
	    EVP_CIPHER_CTX_set_padding(h->ctx, 0) == 1)
		return h;
	hp_free(h);
	return ERR_PTR(-ENOMEM);
}

/* OpenSSL's ChaCha20 takes counter and nonce in the very layout of a sample. */
static void hp_mask(struct quic_hp *h, const u8 *sample, u8 mask[QUIC_HP_MASK_LEN])
{
	static const u8 zeros[QUIC_HP_MASK_LEN];
	u8 out[2 * QUIC_SAMPLE_LEN];
	int n, ok;

	if (h->chacha)
		ok = EVP_EncryptInit_ex(h->ctx, NULL, NULL, NULL, sample) == 1 &&
		     EVP_EncryptUpdate(h->ctx, out, &n, zeros, sizeof(zeros)) == 1;
	else
		ok = EVP_EncryptUpdate(h->ctx, out, &n, sample, QUIC_SAMPLE_LEN) == 1;
	WARN_ON(!ok);
	memcpy(mask, out, QUIC_HP_MASK_LEN);
}

static EVP_MAC_CTX *hmac_ctx(enum quic_hash hash)
{
	static __thread EVP_MAC_CTX *ctx[2];
	char *name = hash == QUIC_HASH_SHA256 ? "SHA256" : "SHA384";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac;

	if (ctx[hash])
		return ctx[hash];
	mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	ctx[hash] = EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac);
	if (ctx[hash] && EVP_MAC_CTX_set_params(ctx[hash], params) != 1) {
		EVP_MAC_CTX_free(ctx[hash]);
		ctx[hash] = NULL;
	}
	return ctx[hash];
}

int shim_crypto_hmac(enum quic_hash hash, const u8 *key, u32 keylen,
		     const struct quic_vec *vec, unsigned int nvec, u8 *out)
{
	EVP_MAC_CTX *ctx = hmac_ctx(hash);
	size_t n;

	if (!ctx || EVP_MAC_init(ctx, key, keylen, NULL) != 1)
		return -ENOMEM;
	for (; nvec--; vec++)
		if (vec->len && EVP_MAC_update(ctx, vec->base, vec->len) != 1)
			return -EIO;
	return EVP_MAC_final(ctx, out, &n, QUIC_HASH_MAX) == 1 ? 0 : -EIO;
}

const struct quic_crypto_ops shim_crypto_ops = {
	.aead_new	= aead_new,
	.aead_free	= aead_free,
	.hp_new		= hp_new,
	.hp_free	= hp_free,
	.hmac		= shim_crypto_hmac,
	.seal		= seal,
	.open		= open,
	.hp_mask	= hp_mask,
};

const struct quic_crypto_ops *quic_test_crypto(void)
{
	return &shim_crypto_ops;
}

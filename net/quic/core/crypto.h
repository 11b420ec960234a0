/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the core asks of a cryptographic library.  The kernel side implements
 * it on the kernel's crypto API (crypt.c), the tests on OpenSSL's libcrypto
 * (tests/shim).  'may sleep' calls come from process context only.
 */
#ifndef _QUIC_CRYPTO_H
#define _QUIC_CRYPTO_H

#include "wire.h"
#include "addr.h"

#define QUIC_SECRET_MAX		48
#define QUIC_KEY_MAX		32
#define QUIC_IV_LEN		12
#define QUIC_SAMPLE_LEN		16
#define QUIC_HP_MASK_LEN	5
#define QUIC_HASH_MAX		48

enum quic_hash { QUIC_HASH_SHA256, QUIC_HASH_SHA384 };

struct quic_aead;	/* an AEAD key, ready for use */
struct quic_hp;		/* a header protection key */

struct quic_crypto_ops {
	/* may sleep; ERR_PTR on failure; @cipher: TLS_CIPHER_* */
	struct quic_aead *(*aead_new)(u32 cipher, const u8 *key);
	void (*aead_free)(struct quic_aead *a);		/* NULL is fine; any context */
	struct quic_hp *(*hp_new)(u32 cipher, const u8 *key);
	void (*hp_free)(struct quic_hp *h);
	/*
	 * HMAC of @nvec pieces, memory of any kind; @keylen at most the hash's
	 * block (64 bytes).  Any context.
	 */
	int (*hmac)(enum quic_hash hash, const u8 *key, u32 keylen,
		    const struct quic_vec *vec, unsigned int nvec, u8 *out);
	/*
	 * Never sleep.  In the kernel: not where quic_crypt_usable() says no.
	 * seal: reads @src, writes ciphertext and tag to @dst
	 * (contiguous).  open: reads ciphertext and tag, @len bytes at @src,
	 * writes len - 16 bytes to @dst; -EBADMSG when it does not verify.
	 * @src and @dst do not overlap, unless they are the same.  Memory is kernel memory with a
	 * struct page behind it (no stack, no vmalloc) for src/dst; @aad may
	 * lie anywhere (the implementation copies it where it needs it).
	 */
	int (*seal)(struct quic_aead *a, const u8 *nonce, const u8 *aad, u32 aad_len,
		    const struct quic_vec *src, unsigned int nsrc, u8 *dst);
	int (*open)(struct quic_aead *a, const u8 *nonce, const u8 *aad, u32 aad_len,
		    const u8 *src, u32 len, u8 *dst);
	/* RFC 9001 §5.4.3, §5.4.4 */
	void (*hp_mask)(struct quic_hp *h, const u8 *sample, u8 mask[QUIC_HP_MASK_LEN]);
};

struct quic_cipher_info {
	u32 type;		/* TLS_CIPHER_* */
	u8 key_len;
	u8 secret_len;		/* also the hash's output */
	enum quic_hash hash;
	u64 seal_limit;		/* RFC 9001 §6.6: packets under one key */
	u64 open_limit;		/* forgeries under one connection */
};
const struct quic_cipher_info *quic_cipher_get(u32 type);	/* NULL: unknown */

/*
 * RFC 8446 §7.1 with an empty context; @label without "tls13 ".  -EINVAL (and a
 * warning) when @out_len is more than the hash gives.  May sleep.
 */
int quic_hkdf_expand_label(const struct quic_crypto_ops *ops, enum quic_hash hash,
			   const u8 *secret, u32 secret_len, const char *label,
			   u8 *out, u32 out_len);

#endif /* _QUIC_CRYPTO_H */

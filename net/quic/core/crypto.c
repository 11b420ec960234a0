// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The cipher suites and the one key derivation that QUIC uses of TLS 1.3.
 * Everything else of cryptography is behind struct quic_crypto_ops.  Stateless;
 * callers: keys.c, and whoever must know a suite's sizes.
 */
#include "crypto.h"

/*
 * RFC 9001 §5.3: the suites of TLS 1.3 but TLS_AES_128_CCM_8_SHA256.
 * RFC 9001 §6.6: limits.  2^21.5 is 2965820 and a bit; ChaCha20-Poly1305 has
 * more packets to give than there are packet numbers.
 */
static const struct quic_cipher_info ciphers[] = {
	{ TLS_CIPHER_AES_GCM_128, 16, 32, QUIC_HASH_SHA256, 1ULL << 23, 1ULL << 52 },
	{ TLS_CIPHER_AES_GCM_256, 32, 48, QUIC_HASH_SHA384, 1ULL << 23, 1ULL << 52 },
	{ TLS_CIPHER_CHACHA20_POLY1305, 32, 32, QUIC_HASH_SHA256, U64_MAX, 1ULL << 36 },
	{ TLS_CIPHER_AES_CCM_128, 16, 32, QUIC_HASH_SHA256, 2965820, 2965820 },
};

const struct quic_cipher_info *quic_cipher_get(u32 type)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ciphers); i++)
		if (ciphers[i].type == type)
			return &ciphers[i];
	return NULL;
}

/*
 * RFC 5869 §2.3 of one block, T(1) = HMAC(PRK, info | 0x01): no secret, key or
 * IV of QUIC is longer than the hash.
 */
int quic_hkdf_expand_label(const struct quic_crypto_ops *ops, enum quic_hash hash,
			   const u8 *secret, u32 secret_len, const char *label,
			   u8 *out, u32 out_len)
{
	u32 hash_len = hash == QUIC_HASH_SHA384 ? 48 : 32, label_len = strlen(label);
	/* RFC 8446 §7.1: uint16 length, the label's length, its prefix */
	u8 head[] = { 0, out_len, label_len + 6, 't', 'l', 's', '1', '3', ' ' };
	static const u8 tail[] = { 0, 1 };	/* empty context; the block's number */
	struct quic_vec info[] = {
		{ head, sizeof(head) },
		{ (const u8 *)label, label_len },
		{ tail, sizeof(tail) },
	};
	u8 block[QUIC_HASH_MAX];
	int err;

	if (WARN_ON_ONCE(out_len > hash_len || label_len > 255 - 6))
		return -EINVAL;
	err = ops->hmac(hash, secret, secret_len, info, ARRAY_SIZE(info), block);
	if (!err)
		memcpy(out, block, out_len);
	memzero_explicit(block, sizeof(block));
	return err;
}

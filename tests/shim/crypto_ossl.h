/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cryptography for the core when it runs in userspace: the real thing on
 * OpenSSL's libcrypto (link with -lcrypto), and a stand-in that costs next to
 * nothing, for simulations and instruction counts that measure the core.
 */
#ifndef _SHIM_CRYPTO_OSSL_H
#define _SHIM_CRYPTO_OSSL_H

#include "core/crypto.h"

extern const struct quic_crypto_ops shim_crypto_ops;
extern const struct quic_crypto_ops shim_crypto_null_ops;

int shim_crypto_hmac(enum quic_hash hash, const u8 *key, u32 keylen,
		     const struct quic_vec *vec, unsigned int nvec, u8 *out);

#endif /* _SHIM_CRYPTO_OSSL_H */

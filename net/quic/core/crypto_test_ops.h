/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the unit tests get their cryptography: on the host the shim's OpenSSL
 * (tests/shim/crypto_ossl.c), in the kernel crypt.c.  The same vectors so prove
 * both implementations.
 */
#ifndef _QUIC_CRYPTO_TEST_OPS_H
#define _QUIC_CRYPTO_TEST_OPS_H

#include "crypto.h"

const struct quic_crypto_ops *quic_test_crypto(void);

#endif /* _QUIC_CRYPTO_TEST_OPS_H */

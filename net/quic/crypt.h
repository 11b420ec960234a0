/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The core's cryptography on the kernel's crypto API; see crypt.c. */
#ifndef _QUIC_CRYPT_H
#define _QUIC_CRYPT_H

#include "core/crypto.h"

extern const struct quic_crypto_ops quic_kernel_crypto;

int quic_crypt_init(void);	/* before any key is made; may sleep */
void quic_crypt_exit(void);	/* after the last key is freed */

/*
 * May packets be sealed and opened here and now?  Always in process context;
 * not in a softirq that interrupted a user of the vector registers, which is
 * rare: such a packet is left to process context.  Asked once per train.
 */
bool quic_crypt_usable(void);

#endif /* _QUIC_CRYPT_H */

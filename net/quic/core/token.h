/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Address validation tokens (RFC 9000 §8.1.1 to §8.1.4) and stateless reset
 * tokens (§10.3.2).  Tokens are AEAD-sealed under a key of the network
 * namespace, bind the client's address (Retry: with the port; NEW_TOKEN:
 * without) and the QUIC version (RFC 9369 §5), and expire.
 */
#ifndef _QUIC_TOKEN_H
#define _QUIC_TOKEN_H

#include "crypto.h"

enum quic_token_kind { QUIC_TOKEN_RETRY = 1, QUIC_TOKEN_NEW = 2 };
#define QUIC_TOKEN_LEN_MAX	128

struct quic_token {
	enum quic_token_kind kind;
	u64 issued;		/* ns, the caller's clock */
	u32 version;		/* of the connection that it comes from; Retry: that it is for */
	struct quic_addr addr;	/* the client's */
	struct quic_cid odcid;	/* Retry: the client's first destination ID */
	u64 serial;		/* NEW: the caller's, by which it knows those that were used */
};

/*
 * Seal @t with @aead (AES-128-GCM, a key for tokens alone: nonces are random, so
 * that it is good for 2^32 of them); bytes written to @out or a negative errno
 * (-EMSGSIZE: @cap is below QUIC_TOKEN_LEN_MAX).  @out may lie anywhere; any context.
 */
int quic_token_seal(const struct quic_crypto_ops *ops, struct quic_aead *aead,
		    const struct quic_token *t, u8 *out, u32 cap);
/* 0 and @t; -EBADMSG: not ours or damaged; -ENOMEM. Any context. */
int quic_token_open(const struct quic_crypto_ops *ops, struct quic_aead *aead,
		    const u8 *p, u32 len, struct quic_token *t);
/* Does @t vouch for @addr in @version at @now (the clock of t->issued)?  @lifetime in ns. */
bool quic_token_valid(const struct quic_token *t, u32 version, const struct quic_addr *addr,
		      u64 now, u64 lifetime);
/* Stateless reset token of @cid: HMAC-SHA256 under @key, first 16 bytes. Any context. */
int quic_token_reset(const struct quic_crypto_ops *ops, const u8 key[32],
		     const struct quic_cid *cid, u8 out[QUIC_RESET_TOKEN_LEN]);

#endif /* _QUIC_TOKEN_H */

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Address validation tokens.  Properties: no bytes but those sealed with the
 * key open; what the input describes, sealed, opens to the same; and opens no
 * more with any one byte changed.
 */
#include "fuzz.h"
#include "token.h"
#include "crypto_ossl.h"

static const u8 retry[] = { 1, 4, 0x11, 0x51, 192, 0, 2, 1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 3, 0xff };
static const u8 later[] = { 2, 6, 0, 0, 0x20, 0x01, 0x0d, 0xb8, 0, 40, 1 };
static const u8 zeros[64] = { 1 };

FUZZ_SEEDS(FUZZ_SEED(retry), FUZZ_SEED(later), FUZZ_SEED(zeros));

static struct quic_aead *key(void)
{
	static const u8 bytes[16] = { 7 };
	static struct quic_aead *aead;

	if (!aead)
		aead = shim_crypto_ops.aead_new(TLS_CIPHER_AES_GCM_128, bytes);
	NEVER(IS_ERR_OR_NULL(aead));
	return aead;
}

static void describe(struct quic_cur *c, struct quic_token *t)
{
	memset(t, 0, sizeof(*t));
	t->kind = quic_cur_u8(c) & 1 ? QUIC_TOKEN_RETRY : QUIC_TOKEN_NEW;
	t->version = quic_cur_u8(c) & 1 ? QUIC_VERSION_V1 : QUIC_VERSION_V2;
	t->addr.family = quic_cur_u8(c) & 2 ? 6 : 4;
	t->addr.port = quic_cur_u16(c);
	quic_cur_bytes(c, t->addr.ip, t->addr.family == 6 ? 16 : 4);
	t->odcid.len = quic_cur_u8(c) % (QUIC_CID_MAX + 1);
	quic_cur_bytes(c, t->odcid.id, t->odcid.len);
	t->issued = quic_cur_varint(c);
}

static void check_same(const struct quic_token *a, const struct quic_token *b)
{
	NEVER(a->kind != b->kind || a->issued != b->issued);
	NEVER(!quic_addr_same_ip(&a->addr, &b->addr));
	NEVER(!quic_token_valid(b, a->version, &a->addr, a->issued, 1));
	NEVER(a->kind == QUIC_TOKEN_RETRY && !quic_cid_equal(&a->odcid, &b->odcid));
	NEVER(a->kind == QUIC_TOKEN_RETRY && a->addr.port != b->addr.port);
}

int LLVMFuzzerTestOneInput(const u8 *p, size_t len)
{
	u8 sealed[QUIC_TOKEN_LEN_MAX];
	struct quic_token t, back;
	struct quic_cur c;
	u8 at, flip;
	int n;

	NEVER(!quic_token_open(&shim_crypto_ops, key(), p, len, &back));
	quic_cur_init(&c, p, len);
	describe(&c, &t);
	n = quic_token_seal(&shim_crypto_ops, key(), &t, sealed, sizeof(sealed));
	NEVER(n <= 0 || n > QUIC_TOKEN_LEN_MAX);
	NEVER(quic_token_open(&shim_crypto_ops, key(), sealed, n, &back));
	check_same(&t, &back);
	at = quic_cur_u8(&c) % n;
	flip = quic_cur_u8(&c) | 1;
	sealed[at] ^= flip;
	NEVER(!quic_token_open(&shim_crypto_ops, key(), sealed, n, &back));
	sealed[at] ^= flip;
	NEVER(!quic_token_open(&shim_crypto_ops, key(), sealed, at, &back));
	return 0;
}

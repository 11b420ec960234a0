// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of crypto.c, and of whatever implements struct quic_crypto_ops here:
 * OpenSSL on the host, the kernel's crypto API in the kernel.  Known answers
 * for every cipher and hash, then properties: any gather gives the same
 * packet, any damage is found.
 */
#include <kunit/test.h>
#include "crypto_test_ops.h"
#include "vectors_test.h"

#define LEN_MAX		2100
#define AAD_MAX		1200

static const u32 all[] = {
	TLS_CIPHER_AES_GCM_128, TLS_CIPHER_AES_GCM_256,
	TLS_CIPHER_CHACHA20_POLY1305, TLS_CIPHER_AES_CCM_128,
};

/* Memory that an AEAD may work on: neither stack nor the module's data. */
struct bufs {
	u8 key[32], nonce[12];
	u8 aad[AAD_MAX];
	u8 plain[LEN_MAX], sealed[LEN_MAX + 16], back[LEN_MAX];
};

static struct bufs *bufs_new(struct kunit *test)
{
	struct bufs *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, b);
	for (i = 0; i < LEN_MAX; i++)
		b->plain[i] = i * 7 + (i >> 8);
	for (i = 0; i < AAD_MAX; i++)
		b->aad[i] = i * 5 + 1;
	for (i = 0; i < 32; i++)
		b->key[i] = 0x40 + i;
	for (i = 0; i < 12; i++)
		b->nonce[i] = 0x10 + i;
	return b;
}

/* RFC 9001 §5.3 (sizes), §6.6 (limits), appendix B */
static void ciphers(struct kunit *test)
{
	const struct quic_cipher_info *i;

	i = quic_cipher_get(TLS_CIPHER_AES_GCM_128);
	KUNIT_ASSERT_NOT_NULL(test, i);
	KUNIT_EXPECT_EQ(test, i->key_len, 16);
	KUNIT_EXPECT_EQ(test, i->secret_len, 32);
	KUNIT_EXPECT_EQ(test, (int)i->hash, (int)QUIC_HASH_SHA256);
	KUNIT_EXPECT_EQ(test, i->seal_limit, 1ULL << 23);
	KUNIT_EXPECT_EQ(test, i->open_limit, 1ULL << 52);
	i = quic_cipher_get(TLS_CIPHER_AES_GCM_256);
	KUNIT_ASSERT_NOT_NULL(test, i);
	KUNIT_EXPECT_EQ(test, i->key_len, 32);
	KUNIT_EXPECT_EQ(test, i->secret_len, 48);
	KUNIT_EXPECT_EQ(test, (int)i->hash, (int)QUIC_HASH_SHA384);
	KUNIT_EXPECT_EQ(test, i->seal_limit, 1ULL << 23);
	KUNIT_EXPECT_EQ(test, i->open_limit, 1ULL << 52);
	i = quic_cipher_get(TLS_CIPHER_CHACHA20_POLY1305);
	KUNIT_ASSERT_NOT_NULL(test, i);
	KUNIT_EXPECT_EQ(test, i->key_len, 32);
	KUNIT_EXPECT_EQ(test, i->secret_len, 32);
	KUNIT_EXPECT_GE(test, i->seal_limit, 1ULL << 62);
	KUNIT_EXPECT_EQ(test, i->open_limit, 1ULL << 36);
	i = quic_cipher_get(TLS_CIPHER_AES_CCM_128);
	KUNIT_ASSERT_NOT_NULL(test, i);
	KUNIT_EXPECT_EQ(test, i->key_len, 16);
	KUNIT_EXPECT_EQ(test, i->seal_limit, 2965820ULL);
	KUNIT_EXPECT_EQ(test, i->open_limit, 2965820ULL);
	KUNIT_EXPECT_NULL(test, quic_cipher_get(0));
	KUNIT_EXPECT_NULL(test, quic_cipher_get(55));
	KUNIT_EXPECT_NULL(test, quic_cipher_get(U32_MAX));
}

/* RFC 4231 §4.3, in one piece and in every pair of pieces */
static void hmac_pieces(struct kunit *test)
{
	static const char data[] = "what do ya want for nothing?";
	static const u8 mac256[] = {
		0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95,
		0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27, 0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9,
		0x64, 0xec, 0x38, 0x43,
	};
	static const u8 mac384[] = {
		0xaf, 0x45, 0xd2, 0xe3, 0x76, 0x48, 0x40, 0x31, 0x61, 0x7f, 0x78, 0xd2, 0xb5, 0x8a,
		0x6b, 0x1b, 0x9c, 0x7e, 0xf4, 0x64, 0xf5, 0xa0, 0x1b, 0x47, 0xe4, 0x2e, 0xc3, 0x73,
		0x63, 0x22, 0x44, 0x5e, 0x8e, 0x22, 0x40, 0xca, 0x5e, 0x69, 0xe2, 0xc7, 0x8b, 0x32,
		0x39, 0xec, 0xfa, 0xb2, 0x16, 0x49,
	};
	const struct quic_crypto_ops *ops = quic_test_crypto();
	const u8 *key = (const u8 *)"Jefe", *p = (const u8 *)data;
	u8 mac[QUIC_HASH_MAX];
	u32 cut;

	for (cut = 0; cut <= 28; cut++) {
		struct quic_vec vec[] = { { p, cut }, { p + cut, 28 - cut } };

		KUNIT_ASSERT_EQ(test, ops->hmac(QUIC_HASH_SHA256, key, 4, vec, 2, mac), 0);
		KUNIT_EXPECT_MEMEQ(test, mac, mac256, 32);
		KUNIT_ASSERT_EQ(test, ops->hmac(QUIC_HASH_SHA384, key, 4, vec, 2, mac), 0);
		KUNIT_EXPECT_MEMEQ(test, mac, mac384, 48);
	}
}

struct expansion {
	const char *label;
	const u8 *secret, *expected;
	u32 len;
};

static void expect_expansion(struct kunit *test, const struct expansion *e)
{
	u8 out[QUIC_SECRET_MAX];

	KUNIT_ASSERT_EQ(test, quic_hkdf_expand_label(quic_test_crypto(), QUIC_HASH_SHA256,
						     e->secret, 32, e->label, out, e->len), 0);
	KUNIT_EXPECT_MEMEQ(test, out, e->expected, e->len);
}

/* RFC 9001 appendix A.1; RFC 9369 appendix A.1 */
static void expand_initial(struct kunit *test)
{
	static const char *const label[2][3] = {
		{ "quic key", "quic iv", "quic hp" }, { "quicv2 key", "quicv2 iv", "quicv2 hp" }
	};
	unsigned int i, j;

	for (i = 0; i < 2; i++) {
		const struct vec_keys *v = &vec_keys[i];
		const struct expansion e[] = {
			{ "client in", v->initial_secret, v->client_secret, 32 },
			{ "server in", v->initial_secret, v->server_secret, 32 },
			{ label[i][0], v->client_secret, v->client_key, 16 },
			{ label[i][1], v->client_secret, v->client_iv, 12 },
			{ label[i][2], v->client_secret, v->client_hp, 16 },
			{ label[i][0], v->server_secret, v->server_key, 16 },
			{ label[i][1], v->server_secret, v->server_iv, 12 },
			{ label[i][2], v->server_secret, v->server_hp, 16 },
		};

		for (j = 0; j < ARRAY_SIZE(e); j++)
			expect_expansion(test, &e[j]);
	}
}

/* RFC 9001 appendix A.5, §5.8; RFC 9369 appendix A.5, §3.3.3 */
static void expand_others(struct kunit *test)
{
	static const char *const label[2][4] = {
		{ "quic key", "quic iv", "quic hp", "quic ku" },
		{ "quicv2 key", "quicv2 iv", "quicv2 hp", "quicv2 ku" },
	};
	unsigned int i, j;

	for (i = 0; i < 2; i++) {
		const struct vec_short *v = &vec_shorts[i];
		const struct vec_retry *r = &vec_retries[i];
		const struct expansion e[] = {
			{ label[i][0], v->secret, v->key, 32 },
			{ label[i][1], v->secret, v->iv, 12 },
			{ label[i][2], v->secret, v->hp, 32 },
			{ label[i][3], v->secret, v->ku, 32 },
			{ label[i][0], r->secret, r->key, 16 },
			{ label[i][1], r->secret, r->nonce, 12 },
		};

		for (j = 0; j < ARRAY_SIZE(e); j++)
			expect_expansion(test, &e[j]);
	}
}

struct answer {
	u32 cipher;
	u8 key[32], nonce[12];
	u32 aad_len, len;
	u8 aad[20], plain[60], sealed[76];
};

static const struct answer answers[] = {
	{
		/* McGrew, Viega: "The Galois/Counter Mode of Operation", test case 16 */
		.cipher = TLS_CIPHER_AES_GCM_256,
		.key = {
			0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c, 0x6d, 0x6a, 0x8f, 0x94,
			0x67, 0x30, 0x83, 0x08, 0xfe, 0xff, 0xe9, 0x92, 0x86, 0x65, 0x73, 0x1c,
			0x6d, 0x6a, 0x8f, 0x94, 0x67, 0x30, 0x83, 0x08,
		},
		.nonce = {
			0xca, 0xfe, 0xba, 0xbe, 0xfa, 0xce, 0xdb, 0xad, 0xde, 0xca, 0xf8, 0x88,
		},
		.aad_len = 20,
		.len = 60,
		.aad = {
			0xfe, 0xed, 0xfa, 0xce, 0xde, 0xad, 0xbe, 0xef, 0xfe, 0xed, 0xfa, 0xce,
			0xde, 0xad, 0xbe, 0xef, 0xab, 0xad, 0xda, 0xd2,
		},
		.plain = {
			0xd9, 0x31, 0x32, 0x25, 0xf8, 0x84, 0x06, 0xe5, 0xa5, 0x59, 0x09, 0xc5,
			0xaf, 0xf5, 0x26, 0x9a, 0x86, 0xa7, 0xa9, 0x53, 0x15, 0x34, 0xf7, 0xda,
			0x2e, 0x4c, 0x30, 0x3d, 0x8a, 0x31, 0x8a, 0x72, 0x1c, 0x3c, 0x0c, 0x95,
			0x95, 0x68, 0x09, 0x53, 0x2f, 0xcf, 0x0e, 0x24, 0x49, 0xa6, 0xb5, 0x25,
			0xb1, 0x6a, 0xed, 0xf5, 0xaa, 0x0d, 0xe6, 0x57, 0xba, 0x63, 0x7b, 0x39,
		},
		.sealed = {
			0x52, 0x2d, 0xc1, 0xf0, 0x99, 0x56, 0x7d, 0x07, 0xf4, 0x7f, 0x37, 0xa3,
			0x2a, 0x84, 0x42, 0x7d, 0x64, 0x3a, 0x8c, 0xdc, 0xbf, 0xe5, 0xc0, 0xc9,
			0x75, 0x98, 0xa2, 0xbd, 0x25, 0x55, 0xd1, 0xaa, 0x8c, 0xb0, 0x8e, 0x48,
			0x59, 0x0d, 0xbb, 0x3d, 0xa7, 0xb0, 0x8b, 0x10, 0x56, 0x82, 0x88, 0x38,
			0xc5, 0xf6, 0x1e, 0x63, 0x93, 0xba, 0x7a, 0x0a, 0xbc, 0xc9, 0xf6, 0x62,
			0x76, 0xfc, 0x6e, 0xce, 0x0f, 0x4e, 0x17, 0x68, 0xcd, 0xdf, 0x88, 0x53,
			0xbb, 0x2d, 0x55, 0x1b,
		},
	}, {
		/* No RFC has one of this nonce and tag length: made with OpenSSL 3.0 */
		.cipher = TLS_CIPHER_AES_CCM_128,
		.key = {
			0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b,
			0x4c, 0x4d, 0x4e, 0x4f,
		},
		.nonce = {
			0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b,
		},
		.aad_len = 20,
		.len = 60,
		.aad = {
			0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
		},
		.plain = {
			0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b,
			0x8c, 0x8d, 0x8e, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97,
			0x98, 0x99, 0x9a, 0x9b, 0x9c, 0x9d, 0x9e, 0x9f, 0xa0, 0xa1, 0xa2, 0xa3,
			0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf,
			0xb0, 0xb1, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xbb,
		},
		.sealed = {
			0x43, 0x12, 0xa1, 0x09, 0x55, 0x17, 0xba, 0xda, 0x3b, 0xbc, 0x4a, 0x4c,
			0x6d, 0x37, 0x47, 0xab, 0xc1, 0xd6, 0x0a, 0x79, 0x04, 0xe2, 0x2a, 0x05,
			0xf4, 0xbb, 0x71, 0x74, 0xb6, 0x5a, 0xac, 0x43, 0x0c, 0xd7, 0x4f, 0xc0,
			0x8e, 0x82, 0x98, 0x4e, 0xa4, 0xb3, 0xc8, 0xa2, 0xeb, 0x85, 0xf2, 0x93,
			0x76, 0xd0, 0xbf, 0x72, 0xb4, 0x06, 0x28, 0x68, 0xad, 0x30, 0x7d, 0x3c,
			0xf6, 0xf2, 0x8b, 0xbc, 0x49, 0xd3, 0x4c, 0x9f, 0x19, 0x55, 0x80, 0x85,
			0x7d, 0x74, 0x94, 0x26,
		},
	},
};

static void expect_answer(struct kunit *test, const struct answer *a)
{
	const struct quic_crypto_ops *ops = quic_test_crypto();
	struct bufs *b = bufs_new(test);
	struct quic_vec vec = { b->plain, a->len };
	struct quic_aead *aead = ops->aead_new(a->cipher, a->key);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, aead);
	memcpy(b->plain, a->plain, a->len);
	KUNIT_EXPECT_EQ(test, ops->seal(aead, a->nonce, a->aad, a->aad_len, &vec, 1, b->sealed), 0);
	KUNIT_EXPECT_MEMEQ(test, b->sealed, a->sealed, a->len + 16);
	KUNIT_EXPECT_EQ(test, ops->open(aead, a->nonce, a->aad, a->aad_len, b->sealed, a->len + 16,
					b->back), 0);
	KUNIT_EXPECT_MEMEQ(test, b->back, a->plain, a->len);
	ops->aead_free(aead);
}

static void aead_answers(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(answers); i++)
		expect_answer(test, &answers[i]);
}

/* RFC 9001 appendix A.5, RFC 9369 appendix A.5; AES-128-GCM: appendix A.2 of both */
static void aead_packets(struct kunit *test)
{
	const struct quic_crypto_ops *ops = quic_test_crypto();
	struct bufs *b = bufs_new(test);
	struct quic_vec vec = { b->plain, 0 };
	struct quic_aead *aead;
	u8 nonce[QUIC_IV_LEN];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		const struct vec_short *v = &vec_shorts[i];
		const struct vec_initial *c = &vec_client_initials[i];

		aead = ops->aead_new(TLS_CIPHER_CHACHA20_POLY1305, v->key);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, aead);
		b->plain[0] = v->payload[0];
		vec.len = 1;
		KUNIT_EXPECT_EQ(test, ops->seal(aead, v->nonce, v->header, 4, &vec, 1,
						b->sealed), 0);
		KUNIT_EXPECT_MEMEQ(test, b->sealed, v->ciphertext, 17);
		ops->aead_free(aead);

		aead = ops->aead_new(TLS_CIPHER_AES_GCM_128, vec_keys[i].client_key);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, aead);
		memset(b->plain, 0, c->payload_len);
		memcpy(b->plain, c->frames, c->frames_len);
		vec.len = c->payload_len;
		memcpy(nonce, vec_keys[i].client_iv, QUIC_IV_LEN);
		nonce[QUIC_IV_LEN - 1] ^= c->pn;
		KUNIT_EXPECT_EQ(test, ops->seal(aead, nonce, c->header, c->header_len, &vec, 1,
						b->sealed), 0);
		KUNIT_EXPECT_MEMEQ(test, b->sealed, c->packet + c->header_len, c->payload_len + 16);
		ops->aead_free(aead);
	}
}

/* RFC 9001 §5.4.3, §5.4.4: the masks of the packets of both appendices A */
static void hp_answers(struct kunit *test)
{
	const struct quic_crypto_ops *ops = quic_test_crypto();
	u8 mask[QUIC_HP_MASK_LEN];
	struct quic_hp *hp;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		hp = ops->hp_new(TLS_CIPHER_AES_GCM_128, vec_keys[i].client_hp);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, hp);
		ops->hp_mask(hp, vec_client_initials[i].sample, mask);
		KUNIT_EXPECT_MEMEQ(test, mask, vec_client_initials[i].mask, 5);
		ops->hp_free(hp);
		hp = ops->hp_new(TLS_CIPHER_AES_CCM_128, vec_keys[i].server_hp);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, hp);
		ops->hp_mask(hp, vec_server_initials[i].sample, mask);
		KUNIT_EXPECT_MEMEQ(test, mask, vec_server_initials[i].mask, 5);
		ops->hp_free(hp);
		hp = ops->hp_new(TLS_CIPHER_CHACHA20_POLY1305, vec_shorts[i].hp);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, hp);
		/* twice: nothing may linger from one packet to the next */
		ops->hp_mask(hp, vec_client_initials[i].sample, mask);
		ops->hp_mask(hp, vec_shorts[i].sample, mask);
		KUNIT_EXPECT_MEMEQ(test, mask, vec_shorts[i].mask, 5);
		ops->hp_free(hp);
	}
}

/* FIPS 197 appendix C.3 */
static void hp_aes256(struct kunit *test)
{
	static const u8 sample[] = {
		0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
		0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
	};
	static const u8 expected[] = { 0x8e, 0xa2, 0xb7, 0xca, 0x51 };
	const struct quic_crypto_ops *ops = quic_test_crypto();
	u8 key[32], mask[QUIC_HP_MASK_LEN];
	struct quic_hp *hp;
	unsigned int i;

	for (i = 0; i < 32; i++)
		key[i] = i;
	hp = ops->hp_new(TLS_CIPHER_AES_GCM_256, key);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, hp);
	ops->hp_mask(hp, sample, mask);
	KUNIT_EXPECT_MEMEQ(test, mask, expected, 5);
	ops->hp_free(hp);
}

static void unknown_cipher(struct kunit *test)
{
	const struct quic_crypto_ops *ops = quic_test_crypto();
	static const u8 key[32];

	KUNIT_EXPECT_TRUE(test, IS_ERR(ops->aead_new(0, key)));
	KUNIT_EXPECT_TRUE(test, IS_ERR(ops->aead_new(55, key)));
	KUNIT_EXPECT_TRUE(test, IS_ERR(ops->hp_new(0, key)));
	KUNIT_EXPECT_TRUE(test, IS_ERR(ops->hp_new(55, key)));
	ops->aead_free(NULL);
	ops->hp_free(NULL);
}

static void expect_lengths(struct kunit *test, struct bufs *b, struct quic_aead *aead)
{
	static const u32 lens[] = { 0, 1, 2, 15, 16, 17, 31, 33, 64, 255, 1182, 1200, LEN_MAX };
	static const u32 aads[] = { 0, 1, 10, 20, 29, 65, 300, AAD_MAX };
	const struct quic_crypto_ops *ops = quic_test_crypto();
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		for (j = 0; j < ARRAY_SIZE(aads); j++) {
			struct quic_vec vec = { b->plain, lens[i] };

			KUNIT_ASSERT_EQ(test, ops->seal(aead, b->nonce, b->aad, aads[j], &vec, 1,
							b->sealed), 0);
			memset(b->back, 0xee, LEN_MAX);
			KUNIT_ASSERT_EQ(test, ops->open(aead, b->nonce, b->aad, aads[j], b->sealed,
							lens[i] + 16, b->back), 0);
			KUNIT_EXPECT_MEMEQ(test, b->back, b->plain, lens[i]);
			/* not a byte more than the plaintext */
			if (lens[i] < LEN_MAX)
				KUNIT_EXPECT_EQ(test, b->back[lens[i]], 0xee);
		}
	}
}

static void aead_lengths(struct kunit *test)
{
	const struct quic_crypto_ops *ops = quic_test_crypto();
	struct bufs *b = bufs_new(test);
	struct quic_aead *aead;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		aead = ops->aead_new(all[i], b->key);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, aead);
		expect_lengths(test, b, aead);
		ops->aead_free(aead);
	}
}

/* Whatever the pieces (empty ones too), the packet is the same. */
static void aead_gather(struct kunit *test)
{
	const struct quic_crypto_ops *ops = quic_test_crypto();
	struct bufs *b = bufs_new(test);
	struct quic_vec one = { b->plain, 1182 }, vec[8];
	struct quic_aead *aead;
	unsigned int i, cut, n;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		aead = ops->aead_new(all[i], b->key);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, aead);
		KUNIT_ASSERT_EQ(test, ops->seal(aead, b->nonce, b->aad, 29, &one, 1, b->sealed), 0);
		memcpy(b->back, b->sealed, 1198);
		for (cut = 0; cut < 168; cut++) {
			for (n = 0; n < 8; n++) {
				vec[n].base = b->plain + n * cut;
				vec[n].len = n < 7 ? cut : 1182 - 7 * cut;
			}
			memset(b->sealed, 0, 1198);
			KUNIT_ASSERT_EQ(test, ops->seal(aead, b->nonce, b->aad, 29, vec, 8,
							b->sealed), 0);
			KUNIT_ASSERT_MEMEQ(test, b->sealed, b->back, 1198);
		}
		ops->aead_free(aead);
	}
}

/* Damage anywhere is found, and the key still works afterwards. */
static void aead_damage(struct kunit *test)
{
	const struct quic_crypto_ops *ops = quic_test_crypto();
	struct bufs *b = bufs_new(test);
	struct quic_vec vec = { b->plain, 40 };
	struct quic_aead *aead;
	unsigned int i, at;

#define OPEN(n)	ops->open(aead, b->nonce, b->aad, 20, b->sealed, n, b->back)
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		aead = ops->aead_new(all[i], b->key);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, aead);
		KUNIT_ASSERT_EQ(test, ops->seal(aead, b->nonce, b->aad, 20, &vec, 1, b->sealed), 0);
		for (at = 0; at < 56; at++) {
			b->sealed[at] ^= 1 << (at & 7);
			KUNIT_EXPECT_EQ(test, OPEN(56), -EBADMSG);
			b->sealed[at] ^= 1 << (at & 7);
		}
		for (at = 0; at < 20; at++) {
			b->aad[at] ^= 0x80;
			KUNIT_EXPECT_EQ(test, OPEN(56), -EBADMSG);
			b->aad[at] ^= 0x80;
		}
		for (at = 0; at < 12; at++) {
			b->nonce[at] ^= 1;
			KUNIT_EXPECT_EQ(test, OPEN(56), -EBADMSG);
			b->nonce[at] ^= 1;
		}
		for (at = 0; at < 56; at++)
			KUNIT_EXPECT_EQ(test, OPEN(at), -EBADMSG);
		KUNIT_EXPECT_EQ(test, OPEN(56), 0);
		KUNIT_EXPECT_MEMEQ(test, b->back, b->plain, 40);
		ops->aead_free(aead);
	}
#undef OPEN
}

/* Two keys of the same cipher do not open each other's packets. */
static void aead_keys_differ(struct kunit *test)
{
	const struct quic_crypto_ops *ops = quic_test_crypto();
	struct bufs *b = bufs_new(test);
	struct quic_vec vec = { b->plain, 40 };
	struct quic_aead *one, *two;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		one = ops->aead_new(all[i], b->key);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, one);
		b->key[15] ^= 1;
		two = ops->aead_new(all[i], b->key);
		b->key[15] ^= 1;
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, two);
		KUNIT_EXPECT_EQ(test, ops->seal(one, b->nonce, b->aad, 9, &vec, 1, b->sealed), 0);
		KUNIT_EXPECT_EQ(test, ops->open(two, b->nonce, b->aad, 9, b->sealed, 56, b->back),
				-EBADMSG);
		ops->aead_free(two);
		KUNIT_EXPECT_EQ(test, ops->open(one, b->nonce, b->aad, 9, b->sealed, 56, b->back),
				0);
		ops->aead_free(one);
	}
}

static struct kunit_case crypto_cases[] = {
	KUNIT_CASE(ciphers),
	KUNIT_CASE(hmac_pieces),
	KUNIT_CASE(expand_initial),
	KUNIT_CASE(expand_others),
	KUNIT_CASE(aead_answers),
	KUNIT_CASE(aead_packets),
	KUNIT_CASE(hp_answers),
	KUNIT_CASE(hp_aes256),
	KUNIT_CASE(unknown_cipher),
	KUNIT_CASE(aead_lengths),
	KUNIT_CASE(aead_gather),
	KUNIT_CASE(aead_damage),
	KUNIT_CASE(aead_keys_differ),
	{}
};

static struct kunit_suite crypto_suite = {
	.name = "crypto",
	.test_cases = crypto_cases,
};
kunit_test_suite(crypto_suite);

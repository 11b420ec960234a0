// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of token.c: what goes in comes out, nothing else opens, and what a
 * token vouches for (RFC 9000 §8.1.3, §8.1.4); reset tokens (§10.3.2).
 */
#include <kunit/test.h>
#include "crypto_test_ops.h"
#include "token.h"

static const u8 key[16] = { 1, 2, 3 };

static struct quic_aead *key_new(struct kunit *test, u8 first)
{
	u8 raw[16];
	struct quic_aead *a;

	memcpy(raw, key, sizeof(raw));
	raw[0] = first;
	a = quic_test_crypto()->aead_new(TLS_CIPHER_AES_GCM_128, raw);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, a);
	return a;
}

static struct quic_token sample(enum quic_token_kind kind, u8 family, u8 cid_len)
{
	struct quic_token t = {
		.kind = kind,
		.issued = 0x0102030405060708ULL,
		.version = QUIC_VERSION_V1,
		.serial = kind == QUIC_TOKEN_NEW ? 0x1112131415161718ULL : 0,
		.addr = { family, 4433, 0, { 192, 0, 2, 7 } },
		.odcid = { cid_len },
	};

	if (family == 6)
		memset(t.addr.ip, 0xfd, sizeof(t.addr.ip));
	memset(t.odcid.id, 0xab, cid_len);
	return t;
}

static int seal(struct quic_aead *a, const struct quic_token *t, u8 *out)
{
	return quic_token_seal(quic_test_crypto(), a, t, out, QUIC_TOKEN_LEN_MAX);
}

static int open(struct quic_aead *a, const u8 *p, u32 len, struct quic_token *t)
{
	return quic_token_open(quic_test_crypto(), a, p, len, t);
}

static void retry_round_trip(struct kunit *test)
{
	struct quic_aead *a = key_new(test, 1);
	u8 out[QUIC_TOKEN_LEN_MAX], cid_len;
	struct quic_token t, got;
	int len;

	for (cid_len = 0; cid_len <= QUIC_CID_MAX; cid_len++) {
		t = sample(QUIC_TOKEN_RETRY, cid_len & 1 ? 6 : 4, cid_len);
		len = seal(a, &t, out);
		KUNIT_ASSERT_GT(test, len, 0);
		KUNIT_EXPECT_LE(test, len, QUIC_TOKEN_LEN_MAX);
		KUNIT_ASSERT_EQ(test, open(a, out, len, &got), 0);
		KUNIT_EXPECT_EQ(test, (int)got.kind, (int)QUIC_TOKEN_RETRY);
		KUNIT_EXPECT_EQ(test, got.issued, t.issued);
		KUNIT_EXPECT_EQ(test, got.version, t.version);
		KUNIT_EXPECT_TRUE(test, quic_addr_equal(&got.addr, &t.addr));
		KUNIT_EXPECT_TRUE(test, quic_cid_equal(&got.odcid, &t.odcid));
	}
	quic_test_crypto()->aead_free(a);
}

static void new_round_trip(struct kunit *test)
{
	struct quic_aead *a = key_new(test, 1);
	struct quic_token t = sample(QUIC_TOKEN_NEW, 6, 8), got = {};
	u8 out[QUIC_TOKEN_LEN_MAX];
	int len = seal(a, &t, out);

	KUNIT_ASSERT_GT(test, len, 0);
	KUNIT_ASSERT_EQ(test, open(a, out, len, &got), 0);
	KUNIT_EXPECT_EQ(test, (int)got.kind, (int)QUIC_TOKEN_NEW);
	KUNIT_EXPECT_EQ(test, got.serial, t.serial);
	KUNIT_EXPECT_EQ(test, got.issued, t.issued);
	KUNIT_EXPECT_EQ(test, got.version, t.version);
	KUNIT_EXPECT_TRUE(test, quic_addr_same_ip(&got.addr, &t.addr));
	/* §8.1.3: neither port nor ID would be of use later */
	KUNIT_EXPECT_EQ(test, got.addr.port, 0);
	KUNIT_EXPECT_EQ(test, got.odcid.len, 0);
	quic_test_crypto()->aead_free(a);
}

/* §8.1.4: integrity of every byte; every length but the right one */
static void damage(struct kunit *test)
{
	struct quic_aead *a = key_new(test, 1), *b = key_new(test, 2);
	struct quic_token t = sample(QUIC_TOKEN_RETRY, 4, 20), got;
	u8 out[QUIC_TOKEN_LEN_MAX] = { 0 };
	int len = seal(a, &t, out), i;

	KUNIT_ASSERT_GT(test, len, 0);
	for (i = 0; i < len; i++) {
		out[i] ^= 1 << (i % 8);
		KUNIT_EXPECT_EQ(test, open(a, out, len, &got), -EBADMSG);
		out[i] ^= 1 << (i % 8);
	}
	for (i = 0; i <= QUIC_TOKEN_LEN_MAX; i++)
		KUNIT_EXPECT_EQ(test, open(a, out, i, &got), i == len ? 0 : -EBADMSG);
	KUNIT_EXPECT_EQ(test, open(b, out, len, &got), -EBADMSG);
	/* §8.1.1: one kind does not pass as the other */
	out[0] = QUIC_TOKEN_NEW;
	KUNIT_EXPECT_EQ(test, open(a, out, len, &got), -EBADMSG);
	quic_test_crypto()->aead_free(a);
	quic_test_crypto()->aead_free(b);
}

/* §8.1.3: every token is unique and shows nothing */
static void unlinkable(struct kunit *test)
{
	struct quic_aead *a = key_new(test, 1);
	struct quic_token t = sample(QUIC_TOKEN_NEW, 6, 0);
	u8 one[QUIC_TOKEN_LEN_MAX], two[QUIC_TOKEN_LEN_MAX];
	int len = seal(a, &t, one), i, same = 0;

	KUNIT_ASSERT_EQ(test, seal(a, &t, two), len);
	KUNIT_EXPECT_EQ(test, one[0], two[0]);
	for (i = 1; i < len; i++)
		same += one[i] == two[i];
	KUNIT_EXPECT_LT(test, same, 8);
	KUNIT_EXPECT_EQ(test, quic_token_seal(quic_test_crypto(), a, &t, one,
					      QUIC_TOKEN_LEN_MAX - 1), -EMSGSIZE);
	quic_test_crypto()->aead_free(a);
}

/* §8.1.4: address and port (Retry) or address (NEW_TOKEN), for a time */
static void validity(struct kunit *test)
{
	struct quic_token retry = sample(QUIC_TOKEN_RETRY, 4, 8);
	struct quic_token new = sample(QUIC_TOKEN_NEW, 4, 0);
	struct quic_addr same = retry.addr, port = same, ip = same, family = same;
	const u32 v1 = QUIC_VERSION_V1;
	u64 t0 = retry.issued;

	port.port++;
	ip.ip[3]++;
	family.family = 6;
	KUNIT_EXPECT_TRUE(test, quic_token_valid(&retry, v1, &same, t0, 10));
	KUNIT_EXPECT_TRUE(test, quic_token_valid(&retry, v1, &same, t0 + 10, 10));
	KUNIT_EXPECT_FALSE(test, quic_token_valid(&retry, v1, &same, t0 + 11, 10));
	KUNIT_EXPECT_FALSE(test, quic_token_valid(&retry, v1, &port, t0, 10));
	KUNIT_EXPECT_FALSE(test, quic_token_valid(&retry, v1, &ip, t0, 10));
	KUNIT_EXPECT_FALSE(test, quic_token_valid(&retry, v1, &family, t0, 10));
	KUNIT_EXPECT_TRUE(test, quic_token_valid(&new, v1, &same, t0 + 5, 10));
	KUNIT_EXPECT_TRUE(test, quic_token_valid(&new, v1, &port, t0 + 10, 10));
	KUNIT_EXPECT_FALSE(test, quic_token_valid(&new, v1, &port, t0 + 11, 10));
	KUNIT_EXPECT_FALSE(test, quic_token_valid(&new, v1, &ip, t0, 10));
	/* issued in the future: another clock, or another boot */
	KUNIT_EXPECT_FALSE(test, quic_token_valid(&retry, v1, &same, t0 - 1, U64_MAX));
	KUNIT_EXPECT_FALSE(test, quic_token_valid(&new, v1, &same, 0, U64_MAX));
}

/* RFC 9369 §5: MUST NOT be accepted in another version than it comes from */
static void versions(struct kunit *test)
{
	const enum quic_token_kind kinds[] = { QUIC_TOKEN_RETRY, QUIC_TOKEN_NEW };
	struct quic_token t;
	int i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		t = sample(kinds[i], 4, 0);
		t.version = QUIC_VERSION_V2;
		KUNIT_EXPECT_TRUE(test, quic_token_valid(&t, QUIC_VERSION_V2, &t.addr, t.issued, 1));
		KUNIT_EXPECT_FALSE(test, quic_token_valid(&t, QUIC_VERSION_V1, &t.addr, t.issued,
							  1));
	}
}

/* §10.3.2: the same for the same ID and key, otherwise another */
static void reset_tokens(struct kunit *test)
{
	static const u8 secret[32] = { 7 }, other[32] = { 8 };
	struct quic_cid cid = { 16, { 1, 2, 3 } };
	u8 a[QUIC_RESET_TOKEN_LEN], b[QUIC_RESET_TOKEN_LEN];

	KUNIT_ASSERT_EQ(test, quic_token_reset(quic_test_crypto(), secret, &cid, a), 0);
	KUNIT_ASSERT_EQ(test, quic_token_reset(quic_test_crypto(), secret, &cid, b), 0);
	KUNIT_EXPECT_MEMEQ(test, a, b, sizeof(a));
	KUNIT_ASSERT_EQ(test, quic_token_reset(quic_test_crypto(), other, &cid, b), 0);
	KUNIT_EXPECT_MEMNEQ(test, a, b, sizeof(a));
	cid.id[15] ^= 1;
	KUNIT_ASSERT_EQ(test, quic_token_reset(quic_test_crypto(), secret, &cid, b), 0);
	KUNIT_EXPECT_MEMNEQ(test, a, b, sizeof(a));
	cid.id[15] ^= 1;
	cid.len = 15;
	KUNIT_ASSERT_EQ(test, quic_token_reset(quic_test_crypto(), secret, &cid, b), 0);
	KUNIT_EXPECT_MEMNEQ(test, a, b, sizeof(a));
}

static struct kunit_case token_cases[] = {
	KUNIT_CASE(retry_round_trip),
	KUNIT_CASE(new_round_trip),
	KUNIT_CASE(damage),
	KUNIT_CASE(unlinkable),
	KUNIT_CASE(validity),
	KUNIT_CASE(versions),
	KUNIT_CASE(reset_tokens),
	{}
};

static struct kunit_suite token_suite = {
	.name = "token",
	.test_cases = token_cases,
};
kunit_test_suite(token_suite);

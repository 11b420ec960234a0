// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * keys.c when memory runs out at every single allocation: an errno, nothing
 * leaks (the harness looks), and what was there before still works.
 */
#include <kunit/test.h>
#include <linux/slab.h>
#include "crypto_test_ops.h"
#include "keys.h"

#define ALLOCS_MAX	32

static const struct quic_cid cid = { 8, { 1, 2, 3 } };
static const u8 secret[QUIC_SECRET_MAX] = { 9 };

static void initial_oom(struct kunit *test)
{
	struct quic_keys k;
	int n, err = -ENOMEM;

	for (n = 0; n < ALLOCS_MAX && err; n++) {
		quic_keys_init(&k, quic_test_crypto(), QUIC_VERSION_V1);
		shim_fail_alloc_after(n);
		err = quic_keys_set_initial(&k, QUIC_VERSION_V1, &cid, true);
		shim_fail_alloc_after(-1);
		if (err) {
			KUNIT_EXPECT_EQ(test, err, -ENOMEM);
			KUNIT_EXPECT_FALSE(test, quic_keys_have(&k, QUIC_CRYPTO_INITIAL, true));
			KUNIT_EXPECT_FALSE(test, quic_keys_have(&k, QUIC_CRYPTO_INITIAL, false));
		}
		quic_keys_free(&k);
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_GT(test, n, 4);
}

static void secret_oom(struct kunit *test)
{
	struct quic_keys k;
	u8 level;
	int n, err;

	for (level = 0; level < QUIC_CRYPTO_MAX; level++) {
		if (level == QUIC_CRYPTO_INITIAL)
			continue;
		quic_keys_init(&k, quic_test_crypto(), QUIC_VERSION_V1);
		err = -ENOMEM;
		for (n = 0; n < ALLOCS_MAX && err; n++) {
			shim_fail_alloc_after(n);
			err = quic_keys_set_secret(&k, level, true, TLS_CIPHER_AES_GCM_128, secret);
			shim_fail_alloc_after(-1);
			if (!err)
				break;
			KUNIT_EXPECT_EQ(test, err, -ENOMEM);
			KUNIT_EXPECT_FALSE(test, quic_keys_have(&k, level, true));
		}
		/* the failures before did not count as installed */
		KUNIT_EXPECT_EQ(test, err, 0);
		KUNIT_EXPECT_GE(test, n, 2);
		KUNIT_EXPECT_TRUE(test, quic_keys_have(&k, level, true));
		quic_keys_free(&k);
	}
}

static void prepare_oom(struct kunit *test)
{
	struct quic_keys k;
	int n, err = -ENOMEM;
	u8 before[QUIC_SECRET_MAX];

	quic_keys_init(&k, quic_test_crypto(), QUIC_VERSION_V1);
	KUNIT_ASSERT_EQ(test, quic_keys_set_secret(&k, 0, true, TLS_CIPHER_AES_GCM_128, secret), 0);
	KUNIT_ASSERT_EQ(test, quic_keys_set_secret(&k, 0, false, TLS_CIPHER_AES_GCM_128, secret), 0);
	memcpy(before, k.rx_secret, sizeof(before));
	for (n = 0; n < ALLOCS_MAX && err; n++) {
		shim_fail_alloc_after(n);
		err = quic_keys_prepare(&k);
		shim_fail_alloc_after(-1);
		if (!err)
			break;
		KUNIT_EXPECT_EQ(test, err, -ENOMEM);
		KUNIT_EXPECT_FALSE(test, k.prepared);
		KUNIT_EXPECT_EQ(test, quic_keys_flip(&k, 0, 0), -EAGAIN);
		KUNIT_EXPECT_MEMEQ(test, k.rx_secret, before, sizeof(before));
		KUNIT_EXPECT_MEMEQ(test, k.tx_secret, before, sizeof(before));
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, n, 2);
	KUNIT_EXPECT_EQ(test, quic_keys_flip(&k, 0, 0), 0);
	quic_keys_free(&k);
}

static void retry_oom(struct kunit *test)
{
	u8 pkt[20] = { 0xf0 }, tag[QUIC_TAG_LEN];
	int n, err = -ENOMEM;

	for (n = 0; n < ALLOCS_MAX && err; n++) {
		shim_fail_alloc_after(n);
		err = quic_keys_retry_tag(quic_test_crypto(), QUIC_VERSION_V1, &cid, pkt, 20, tag);
		shim_fail_alloc_after(-1);
		KUNIT_EXPECT_TRUE(test, !err || err == -ENOMEM);
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_GT(test, n, 2);
}

static struct kunit_case keys_oom_cases[] = {
	KUNIT_CASE(initial_oom),
	KUNIT_CASE(secret_oom),
	KUNIT_CASE(prepare_oom),
	KUNIT_CASE(retry_oom),
	{}
};

static struct kunit_suite keys_oom_suite = {
	.name = "keys_oom",
	.test_cases = keys_oom_cases,
};
kunit_test_suite(keys_oom_suite);

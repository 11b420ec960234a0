// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of keys.c: the packets of both appendices A, both ways; any damage;
 * every phase of the key update between two ends; limits; unprotected 1-RTT.
 */
#include <kunit/test.h>
#include "crypto_test_ops.h"
#include "keys.h"
#include "vectors_test.h"

#define BUF_LEN		2048
#define NEVER		QUIC_TIME_NEVER

/* Two ends and memory that an AEAD may work on. */
struct ends {
	struct quic_keys a, b;
	struct quic_opened o;
	struct quic_hdr h;
	u8 pkt[BUF_LEN], plain[BUF_LEN], dst[BUF_LEN];
};

static const struct quic_cid no_cid;
static const u8 secret_ab[QUIC_SECRET_MAX] = { 1, 2, 3 };
static const u8 secret_ba[QUIC_SECRET_MAX] = { 4, 5, 6 };

static struct ends *ends_new(struct kunit *test, u32 version)
{
	struct ends *e = kunit_kzalloc(test, sizeof(*e), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, e);
	quic_keys_init(&e->a, quic_test_crypto(), version);
	quic_keys_init(&e->b, quic_test_crypto(), version);
	for (i = 0; i < BUF_LEN; i++)
		e->plain[i] = i * 3 + 1;
	return e;
}

static void ends_free(struct ends *e)
{
	quic_keys_free(&e->a);
	quic_keys_free(&e->b);
}

/* Both ends with 1-RTT keys in both directions. */
static struct ends *ends_app(struct kunit *test, u32 cipher)
{
	struct ends *e = ends_new(test, QUIC_VERSION_V1);

	KUNIT_ASSERT_EQ(test, quic_keys_set_secret(&e->a, QUIC_CRYPTO_APP, true, cipher,
						   secret_ab), 0);
	KUNIT_ASSERT_EQ(test, quic_keys_set_secret(&e->b, QUIC_CRYPTO_APP, false, cipher,
						   secret_ab), 0);
	KUNIT_ASSERT_EQ(test, quic_keys_set_secret(&e->b, QUIC_CRYPTO_APP, true, cipher,
						   secret_ba), 0);
	KUNIT_ASSERT_EQ(test, quic_keys_set_secret(&e->a, QUIC_CRYPTO_APP, false, cipher,
						   secret_ba), 0);
	return e;
}

/* A short header packet of @from to e->pkt: its length or an errno. */
static int put_1rtt(struct ends *e, struct quic_keys *from, u64 pn, u8 pn_len, u32 len)
{
	struct quic_vec src = { e->plain, len };
	struct quic_wr w;

	quic_wr_init(&w, e->pkt, BUF_LEN);
	quic_hdr_put_short(&w, &no_cid, false, from->phase, pn, pn_len);
	return quic_keys_seal(from, QUIC_CRYPTO_APP, pn, e->pkt, w.p - e->pkt, 1, pn_len, &src, 1);
}

/* Give e->pkt, a short header packet, to @to. */
static int get_1rtt(struct ends *e, struct quic_keys *to, u32 len, s64 largest)
{
	memset(&e->h, 0, sizeof(e->h));
	e->h.type = QUIC_PKT_1RTT;
	e->h.first = e->pkt[0];
	e->h.pn_off = 1;
	e->h.len = len;
	memset(&e->o, 0xee, sizeof(e->o));
	return quic_keys_open(to, QUIC_CRYPTO_APP, e->pkt, &e->h, largest, e->dst, &e->o);
}

static int pass(struct ends *e, struct quic_keys *from, struct quic_keys *to, u64 pn)
{
	int len = put_1rtt(e, from, pn, 4, 20);

	return len < 0 ? len : get_1rtt(e, to, len, pn ? (s64)pn - 1 : -1);
}

/* ---- the RFCs' packets ---- */

static void expect_initial(struct kunit *test, const struct vec_initial *v, bool server)
{
	struct ends *e = ends_new(test, v->version);
	const struct quic_cid *dcid = server ? &vec_client_initials[0].dcid : &v->dcid;
	struct quic_vec src[2] = {
		{ e->plain, v->frames_len },
		{ e->plain + v->frames_len, v->payload_len - v->frames_len },
	};
	int len;

	KUNIT_ASSERT_EQ(test, quic_keys_set_initial(&e->a, v->version, dcid, server), 0);
	KUNIT_ASSERT_EQ(test, quic_keys_set_initial(&e->b, v->version, dcid, !server), 0);
	memset(e->plain, 0, v->payload_len);
	memcpy(e->plain, v->frames, v->frames_len);
	memcpy(e->pkt, v->header, v->header_len);
	len = quic_keys_seal(&e->a, QUIC_CRYPTO_INITIAL, v->pn, e->pkt, v->header_len,
			     v->header_len - v->pn_len, v->pn_len, src, 2);
	KUNIT_EXPECT_EQ(test, len, (int)v->packet_len);
	KUNIT_EXPECT_MEMEQ(test, e->pkt, v->packet, v->packet_len);

	memcpy(e->pkt, v->packet, v->packet_len);
	KUNIT_ASSERT_EQ(test, quic_hdr_parse(e->pkt, v->packet_len, 0, false, &e->h), 0);
	KUNIT_ASSERT_EQ(test, quic_keys_open(&e->b, QUIC_CRYPTO_INITIAL, e->pkt, &e->h, -1, e->dst,
					     &e->o), 0);
	KUNIT_EXPECT_EQ(test, e->o.pn, v->pn);
	KUNIT_EXPECT_EQ(test, e->o.pn_len, v->pn_len);
	KUNIT_EXPECT_EQ(test, e->o.first, v->header[0]);
	KUNIT_EXPECT_FALSE(test, e->o.next_phase);
	KUNIT_EXPECT_PTR_EQ(test, e->o.payload, (const u8 *)e->dst);
	KUNIT_EXPECT_EQ(test, e->o.payload_len, v->payload_len);
	KUNIT_EXPECT_MEMEQ(test, e->dst, e->plain, v->payload_len);
	/* nothing was written to the packet */
	KUNIT_EXPECT_MEMEQ(test, e->pkt, v->packet, v->packet_len);
	/* the sender's own keys do not open it */
	KUNIT_EXPECT_EQ(test, quic_keys_open(&e->a, QUIC_CRYPTO_INITIAL, e->pkt, &e->h, -1, e->dst,
					     &e->o), -EBADMSG);
	ends_free(e);
}

/* RFC 9001 appendix A.2, A.3; RFC 9369 appendix A.2, A.3 */
static void initials(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		expect_initial(test, &vec_client_initials[i], false);
		expect_initial(test, &vec_server_initials[i], true);
	}
}

/* RFC 9001 §5.8, appendix A.4; RFC 9369 §3.3.3, appendix A.4 */
static void retry_tags(struct kunit *test)
{
	const struct quic_crypto_ops *ops = quic_test_crypto();
	u8 tag[QUIC_TAG_LEN];
	struct quic_aead *key;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		const struct vec_retry *v = &vec_retries[i];
		u32 len = sizeof(v->packet) - QUIC_TAG_LEN;

		memset(tag, 0, sizeof(tag));
		KUNIT_ASSERT_EQ(test, quic_keys_retry_tag(ops, v->version, &v->odcid, v->packet,
							  len, tag), 0);
		KUNIT_EXPECT_MEMEQ(test, tag, v->tag, QUIC_TAG_LEN);
		/* one byte less, or another original ID: another tag */
		KUNIT_ASSERT_EQ(test, quic_keys_retry_tag(ops, v->version, &v->odcid, v->packet,
							  len - 1, tag), 0);
		KUNIT_EXPECT_MEMNEQ(test, tag, v->tag, QUIC_TAG_LEN);
		KUNIT_ASSERT_EQ(test, quic_keys_retry_tag(ops, v->version, &v->scid, v->packet, len,
							  tag), 0);
		KUNIT_EXPECT_MEMNEQ(test, tag, v->tag, QUIC_TAG_LEN);

		key = quic_keys_retry_key(ops, v->version);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, key);
		KUNIT_EXPECT_EQ(test, quic_keys_retry_seal(ops, key, v->version, &v->odcid,
							   v->packet, len, tag), 0);
		KUNIT_EXPECT_MEMEQ(test, tag, v->tag, QUIC_TAG_LEN);
		ops->aead_free(key);
	}
	KUNIT_EXPECT_EQ(test, quic_keys_retry_tag(ops, 7, &no_cid, tag, 4, tag), -EINVAL);
	KUNIT_EXPECT_TRUE(test, IS_ERR(quic_keys_retry_key(ops, 7)));
}

/* RFC 9001 appendix A.5; RFC 9369 appendix A.5; the next phase's secret too (§6.1) */
static void short_packets(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		const struct vec_short *v = &vec_shorts[i];
		struct ends *e = ends_new(test, v->version);
		struct quic_vec src = { e->plain, 1 };
		unsigned int send;

		for (send = 0; send < 2; send++)
			KUNIT_ASSERT_EQ(test, quic_keys_set_secret(&e->a, QUIC_CRYPTO_APP, send,
								   TLS_CIPHER_CHACHA20_POLY1305,
								   v->secret), 0);
		memcpy(e->pkt, v->header, sizeof(v->header));
		e->plain[0] = v->payload[0];
		KUNIT_EXPECT_EQ(test, quic_keys_seal(&e->a, QUIC_CRYPTO_APP, v->pn, e->pkt, 4, 1, 3,
						     &src, 1), (int)sizeof(v->packet));
		KUNIT_EXPECT_MEMEQ(test, e->pkt, v->packet, sizeof(v->packet));
		KUNIT_EXPECT_EQ(test, get_1rtt(e, &e->a, sizeof(v->packet), v->pn - 1), 0);
		KUNIT_EXPECT_EQ(test, e->o.pn, v->pn);
		KUNIT_EXPECT_EQ(test, e->o.payload_len, 1);
		KUNIT_EXPECT_EQ(test, e->o.payload[0], v->payload[0]);
		KUNIT_EXPECT_EQ(test, quic_keys_prepare(&e->a), 0);
		KUNIT_EXPECT_MEMEQ(test, e->a.rx_secret, v->ku, 32);
		KUNIT_EXPECT_MEMEQ(test, e->a.tx_secret, v->ku, 32);
		ends_free(e);
	}
}

/* ---- keys come and go ---- */

static void set_secret_errors(struct kunit *test)
{
	struct ends *e = ends_new(test, QUIC_VERSION_V1);
	struct quic_keys *k = &e->a;

#define SET(level, send, cipher)	quic_keys_set_secret(k, level, send, cipher, secret_ab)
	KUNIT_EXPECT_EQ(test, SET(QUIC_CRYPTO_INITIAL, true, TLS_CIPHER_AES_GCM_128), -EINVAL);
	KUNIT_EXPECT_EQ(test, SET(QUIC_CRYPTO_MAX, true, TLS_CIPHER_AES_GCM_128), -EINVAL);
	KUNIT_EXPECT_EQ(test, SET(255, true, TLS_CIPHER_AES_GCM_128), -EINVAL);
	KUNIT_EXPECT_EQ(test, SET(QUIC_CRYPTO_APP, true, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, SET(QUIC_CRYPTO_APP, true, TLS_CIPHER_AES_GCM_128), 0);
	KUNIT_EXPECT_EQ(test, SET(QUIC_CRYPTO_APP, true, TLS_CIPHER_AES_GCM_128), -EEXIST);
	/* both directions use one suite */
	KUNIT_EXPECT_EQ(test, SET(QUIC_CRYPTO_APP, false, TLS_CIPHER_AES_GCM_256), -EINVAL);
	KUNIT_EXPECT_FALSE(test, quic_keys_have(k, QUIC_CRYPTO_APP, false));
	KUNIT_EXPECT_EQ(test, SET(QUIC_CRYPTO_APP, false, TLS_CIPHER_AES_GCM_128), 0);
	KUNIT_EXPECT_EQ(test, k->cipher, (u32)TLS_CIPHER_AES_GCM_128);
	KUNIT_EXPECT_EQ(test, SET(QUIC_CRYPTO_HANDSHAKE, false, TLS_CIPHER_AES_CCM_128), 0);
	KUNIT_EXPECT_EQ(test, SET(QUIC_CRYPTO_HANDSHAKE, true, TLS_CIPHER_AES_GCM_128), -EINVAL);
	quic_keys_drop(k, QUIC_CRYPTO_HANDSHAKE);
	KUNIT_EXPECT_EQ(test, SET(QUIC_CRYPTO_HANDSHAKE, false, TLS_CIPHER_AES_CCM_128), -EEXIST);
	KUNIT_EXPECT_EQ(test, SET(QUIC_CRYPTO_HANDSHAKE, true, TLS_CIPHER_AES_CCM_128), -EEXIST);
#undef SET
	quic_keys_free(k);
	quic_keys_init(k, quic_test_crypto(), 0x0a0a0a0a);
	KUNIT_EXPECT_EQ(test, quic_keys_set_secret(k, QUIC_CRYPTO_APP, true, TLS_CIPHER_AES_GCM_128,
						   secret_ab), -EINVAL);
	KUNIT_EXPECT_EQ(test, quic_keys_set_initial(k, 0x0a0a0a0a, &no_cid, true), -EINVAL);
	ends_free(e);
}

/* RFC 9001 §4.9: dropped levels are gone, and so is the memory of all of them. */
static void levels(struct kunit *test)
{
	static const u8 other[] = { QUIC_CRYPTO_INITIAL, QUIC_CRYPTO_EARLY, QUIC_CRYPTO_HANDSHAKE };
	struct ends *e = ends_new(test, QUIC_VERSION_V1);
	struct quic_vec src = { e->plain, 20 };
	struct quic_keys *k = &e->a;
	unsigned int i;

	for (i = 0; i <= QUIC_CRYPTO_MAX; i++) {
		KUNIT_EXPECT_FALSE(test, quic_keys_have(k, i, false));
		KUNIT_EXPECT_FALSE(test, quic_keys_have(k, i, true));
		KUNIT_EXPECT_EQ(test, quic_keys_seal(k, i, 0, e->pkt, 9, 5, 4, &src, 1), -ENOKEY);
		e->h.len = 60;
		e->h.pn_off = 5;
		KUNIT_EXPECT_EQ(test, quic_keys_open(k, i, e->pkt, &e->h, -1, e->dst, &e->o),
				-ENOKEY);
	}
	KUNIT_EXPECT_EQ(test, quic_keys_set_initial(k, QUIC_VERSION_V1, &no_cid, true), 0);
	KUNIT_EXPECT_EQ(test, quic_keys_set_secret(k, QUIC_CRYPTO_EARLY, false,
						   TLS_CIPHER_AES_GCM_128, secret_ab), 0);
	KUNIT_EXPECT_EQ(test, quic_keys_set_secret(k, QUIC_CRYPTO_HANDSHAKE, true,
						   TLS_CIPHER_AES_GCM_256, secret_ab), 0);
	KUNIT_EXPECT_TRUE(test, quic_keys_have(k, QUIC_CRYPTO_INITIAL, false));
	KUNIT_EXPECT_TRUE(test, quic_keys_have(k, QUIC_CRYPTO_INITIAL, true));
	KUNIT_EXPECT_TRUE(test, quic_keys_have(k, QUIC_CRYPTO_EARLY, false));
	KUNIT_EXPECT_FALSE(test, quic_keys_have(k, QUIC_CRYPTO_EARLY, true));
	KUNIT_EXPECT_FALSE(test, quic_keys_have(k, QUIC_CRYPTO_HANDSHAKE, false));
	KUNIT_EXPECT_TRUE(test, quic_keys_have(k, QUIC_CRYPTO_HANDSHAKE, true));
	KUNIT_EXPECT_FALSE(test, quic_keys_have(k, QUIC_CRYPTO_APP, true));
	for (i = 0; i < ARRAY_SIZE(other); i++) {
		KUNIT_EXPECT_NOT_NULL(test, k->early);
		quic_keys_drop(k, other[i]);
		quic_keys_drop(k, other[i]);
		KUNIT_EXPECT_FALSE(test, quic_keys_have(k, other[i], false));
		KUNIT_EXPECT_FALSE(test, quic_keys_have(k, other[i], true));
	}
	KUNIT_EXPECT_NULL(test, k->early);
	/* §4.9.1: they do not come back */
	KUNIT_EXPECT_EQ(test, quic_keys_set_initial(k, QUIC_VERSION_V1, &no_cid, true), -EEXIST);
	KUNIT_EXPECT_NULL(test, k->early);
	ends_free(e);
}

static int pass_initial(struct ends *e)
{
	static const u8 hdr[] = { 0xc0, 0, 0, 0, 1, 0, 0, 0, 0x40, 41, 7 };
	struct quic_vec src = { e->plain, 24 };
	int len;

	memcpy(e->pkt, hdr, sizeof(hdr));
	len = quic_keys_seal(&e->a, QUIC_CRYPTO_INITIAL, 7, e->pkt, sizeof(hdr), sizeof(hdr) - 1, 1,
			     &src, 1);
	if (len < 0)
		return len;
	e->h.first = e->pkt[0];
	e->h.pn_off = sizeof(hdr) - 1;
	e->h.len = len;
	return quic_keys_open(&e->b, QUIC_CRYPTO_INITIAL, e->pkt, &e->h, -1, e->dst, &e->o);
}

/* RFC 9001 §5.2: again after a Retry; RFC 9369 §4.1: or with the other version */
static void initial_again(struct kunit *test)
{
	static const struct quic_cid one = { 8, { 1 } }, two = { 20, { 2 } };
	struct ends *e = ends_new(test, QUIC_VERSION_V1);

#define SET(end, version, cid, server)	\
	KUNIT_ASSERT_EQ(test, quic_keys_set_initial(end, version, cid, server), 0)
	SET(&e->a, QUIC_VERSION_V1, &one, false);
	SET(&e->b, QUIC_VERSION_V1, &one, true);
	KUNIT_EXPECT_EQ(test, pass_initial(e), 0);
	SET(&e->a, QUIC_VERSION_V1, &two, false);
	KUNIT_EXPECT_EQ(test, pass_initial(e), -EBADMSG);
	SET(&e->b, QUIC_VERSION_V1, &two, true);
	KUNIT_EXPECT_EQ(test, pass_initial(e), 0);
	SET(&e->a, QUIC_VERSION_V2, &two, false);
	KUNIT_EXPECT_EQ(test, e->a.version, QUIC_VERSION_V2);
	KUNIT_EXPECT_EQ(test, pass_initial(e), -EBADMSG);
	SET(&e->b, QUIC_VERSION_V2, &two, true);
	KUNIT_EXPECT_EQ(test, pass_initial(e), 0);
	/* an unknown version leaves all as it was */
	KUNIT_EXPECT_EQ(test, quic_keys_set_initial(&e->b, 5, &two, true), -EINVAL);
	KUNIT_EXPECT_EQ(test, pass_initial(e), 0);
	/* RFC 9001 §5.2 note: the ID may be empty after a Retry */
	SET(&e->a, QUIC_VERSION_V1, &no_cid, false);
	SET(&e->b, QUIC_VERSION_V1, &no_cid, true);
	KUNIT_EXPECT_EQ(test, pass_initial(e), 0);
#undef SET
	ends_free(e);
}

/* ---- packets ---- */

static void round_trips(struct kunit *test)
{
	static const u32 ciphers[] = {
		TLS_CIPHER_AES_GCM_128, TLS_CIPHER_AES_GCM_256,
		TLS_CIPHER_CHACHA20_POLY1305, TLS_CIPHER_AES_CCM_128,
	};
	unsigned int i, pn_len, n;

	for (i = 0; i < ARRAY_SIZE(ciphers); i++) {
		struct ends *e = ends_app(test, ciphers[i]);
		u64 pn = 0x123456789ULL;

		KUNIT_EXPECT_EQ(test, quic_keys_overhead(&e->a, QUIC_CRYPTO_APP), QUIC_TAG_LEN);
		for (pn_len = 1; pn_len <= 4; pn_len++) {
			for (n = 4 - pn_len; n < 1300; n = n * 3 + 1, pn++) {
				int len = put_1rtt(e, &e->a, pn, pn_len, n);

				KUNIT_ASSERT_EQ(test, len, (int)(1 + pn_len + n + 16));
				KUNIT_ASSERT_EQ(test, get_1rtt(e, &e->b, len, pn - 1), 0);
				KUNIT_EXPECT_EQ(test, e->o.pn, pn);
				KUNIT_EXPECT_EQ(test, e->o.pn_len, pn_len);
				KUNIT_EXPECT_EQ(test, e->o.payload_len, n);
				KUNIT_EXPECT_MEMEQ(test, e->o.payload, e->plain, n);
				KUNIT_EXPECT_FALSE(test, e->o.next_phase);
			}
		}
		KUNIT_EXPECT_EQ(test, e->b.forged, 0ULL);
		ends_free(e);
	}
}

/* The highest packet number has a nonce like any other. */
static void largest_pn(struct kunit *test)
{
	struct ends *e = ends_app(test, TLS_CIPHER_AES_GCM_128);
	int len = put_1rtt(e, &e->a, QUIC_PN_MAX, 4, 20);

	KUNIT_ASSERT_GT(test, len, 0);
	KUNIT_EXPECT_EQ(test, get_1rtt(e, &e->b, len, QUIC_PN_MAX - 1), 0);
	KUNIT_EXPECT_EQ(test, e->o.pn, (u64)QUIC_PN_MAX);
	/* §5.5: a packet number decoded wrongly does not open */
	KUNIT_EXPECT_EQ(test, get_1rtt(e, &e->b, len, 5), -EBADMSG);
	ends_free(e);
}

/* RFC 9001 §5.4.2: MUST discard packets that are too short for a sample */
static void too_short(struct kunit *test)
{
	struct ends *e = ends_app(test, TLS_CIPHER_AES_GCM_128);
	int len = put_1rtt(e, &e->a, 0, 1, 3), i;

	KUNIT_ASSERT_EQ(test, len, 21);
	for (i = 1; i < 21; i++)
		KUNIT_EXPECT_EQ(test, get_1rtt(e, &e->b, i, -1), -EBADMSG);
	/* that is no forgery yet: nothing was tried */
	KUNIT_EXPECT_EQ(test, e->b.forged, 0ULL);
	KUNIT_EXPECT_EQ(test, get_1rtt(e, &e->b, 21, -1), 0);
	ends_free(e);
}

/* Every bit of a packet is protected (RFC 9001 §5.3) */
static void damage(struct kunit *test)
{
	struct ends *e = ends_app(test, TLS_CIPHER_AES_GCM_128);
	int len, at;
	u64 bad = 0;

	KUNIT_ASSERT_EQ(test, quic_keys_prepare(&e->b), 0);
	len = put_1rtt(e, &e->a, 77, 2, 30);
	for (at = 0; at < len * 8; at++) {
		/* the header's form is the caller's to read */
		if (at == 7)
			continue;
		e->pkt[at / 8] ^= 1 << (at % 8);
		KUNIT_EXPECT_EQ(test, get_1rtt(e, &e->b, len, 76), -EBADMSG);
		e->pkt[at / 8] ^= 1 << (at % 8);
		bad++;
	}
	KUNIT_EXPECT_EQ(test, e->b.forged, bad);
	KUNIT_EXPECT_EQ(test, get_1rtt(e, &e->b, len, 76), 0);
	KUNIT_EXPECT_EQ(test, e->b.forged, bad);
	ends_free(e);
}

/* RFC 9000 §17.2, §17.3.1: reserved bits, only once both protections are off */
static void reserved_bits(struct kunit *test)
{
	struct ends *e = ends_app(test, TLS_CIPHER_AES_GCM_128);
	struct quic_vec src = { e->plain, 20 };
	unsigned int bit;
	int len;

	for (bit = 0x08; bit <= 0x10; bit <<= 1) {
		e->pkt[0] = 0x40 | bit;
		e->pkt[1] = 5;
		len = quic_keys_seal(&e->a, QUIC_CRYPTO_APP, 5, e->pkt, 2, 1, 1, &src, 1);
		KUNIT_EXPECT_EQ(test, get_1rtt(e, &e->b, len, 4), -EPROTO);
		e->pkt[len - 1] ^= 1;
		KUNIT_EXPECT_EQ(test, get_1rtt(e, &e->b, len, 4), -EBADMSG);
	}
	KUNIT_ASSERT_EQ(test, quic_keys_set_initial(&e->a, QUIC_VERSION_V1, &no_cid, false), 0);
	KUNIT_ASSERT_EQ(test, quic_keys_set_initial(&e->b, QUIC_VERSION_V1, &no_cid, true), 0);
	for (bit = 0x04; bit <= 0x08; bit <<= 1) {
		memset(e->pkt, 0, 11);
		e->pkt[0] = 0xc0 | bit;
		len = quic_keys_seal(&e->a, QUIC_CRYPTO_INITIAL, 0, e->pkt, 11, 10, 1, &src, 1);
		e->h.first = e->pkt[0];
		e->h.pn_off = 10;
		e->h.len = len;
		KUNIT_EXPECT_EQ(test, quic_keys_open(&e->b, QUIC_CRYPTO_INITIAL, e->pkt, &e->h, -1,
						     e->dst, &e->o), -EPROTO);
	}
	ends_free(e);
}

/* A header as long as a big token makes it. */
static void long_header(struct kunit *test)
{
	struct ends *e = ends_new(test, QUIC_VERSION_V1);
	struct quic_vec src = { e->plain, 10 };
	struct quic_wr w;
	u8 *length;
	int len;

	KUNIT_ASSERT_EQ(test, quic_keys_set_initial(&e->a, QUIC_VERSION_V1, &no_cid, false), 0);
	KUNIT_ASSERT_EQ(test, quic_keys_set_initial(&e->b, QUIC_VERSION_V1, &no_cid, true), 0);
	quic_wr_init(&w, e->pkt, BUF_LEN);
	quic_hdr_put_long(&w, QUIC_PKT_INITIAL, QUIC_VERSION_V1, &no_cid, &no_cid, e->plain, 1500,
			  3, 2, &length);
	quic_hdr_set_length(length, 2 + 10 + 16);
	len = quic_keys_seal(&e->a, QUIC_CRYPTO_INITIAL, 3, e->pkt, w.p - e->pkt,
			     w.p - e->pkt - 2, 2, &src, 1);
	KUNIT_ASSERT_EQ(test, quic_hdr_parse(e->pkt, len, 0, false, &e->h), 0);
	KUNIT_EXPECT_EQ(test, quic_keys_open(&e->b, QUIC_CRYPTO_INITIAL, e->pkt, &e->h, -1, e->dst,
					     &e->o), 0);
	KUNIT_EXPECT_EQ(test, e->o.payload_len, 10);
	KUNIT_EXPECT_MEMEQ(test, e->o.payload, e->plain, 10);
	/* the token is authenticated */
	e->pkt[800] ^= 1;
	KUNIT_EXPECT_EQ(test, quic_keys_open(&e->b, QUIC_CRYPTO_INITIAL, e->pkt, &e->h, -1, e->dst,
					     &e->o), -EBADMSG);
	ends_free(e);
}

/* disable_1rtt_encryption: bare packets, the payload where it came */
static void plain_packets(struct kunit *test)
{
	struct ends *e = ends_app(test, TLS_CIPHER_AES_GCM_128);
	static const u8 hdr[] = { 0x41, 0x12, 0x34 };
	struct quic_vec src[3] = { { e->plain, 5 }, { e->plain + 5, 0 }, { e->plain + 5, 7 } };
	int len;

	e->a.plain = true;
	e->b.plain = true;
	KUNIT_EXPECT_EQ(test, quic_keys_overhead(&e->a, QUIC_CRYPTO_APP), 0);
	KUNIT_EXPECT_EQ(test, quic_keys_overhead(&e->a, QUIC_CRYPTO_HANDSHAKE), QUIC_TAG_LEN);
	memcpy(e->pkt, hdr, 3);
	len = quic_keys_seal(&e->a, QUIC_CRYPTO_APP, 0x51234, e->pkt, 3, 1, 2, src, 3);
	KUNIT_EXPECT_EQ(test, len, 15);
	KUNIT_EXPECT_MEMEQ(test, e->pkt, hdr, 3);
	KUNIT_EXPECT_MEMEQ(test, e->pkt + 3, e->plain, 12);
	memset(e->dst, 0x5a, BUF_LEN);
	KUNIT_EXPECT_EQ(test, get_1rtt(e, &e->b, len, 0x51200), 0);
	KUNIT_EXPECT_EQ(test, e->o.pn, 0x51234ULL);
	KUNIT_EXPECT_EQ(test, e->o.pn_len, 2);
	KUNIT_EXPECT_PTR_EQ(test, e->o.payload, (const u8 *)e->pkt + 3);
	KUNIT_EXPECT_EQ(test, e->o.payload_len, 12);
	KUNIT_EXPECT_FALSE(test, e->o.next_phase);
	KUNIT_EXPECT_EQ(test, e->dst[0], 0x5a);
	/* an empty payload is the frame layer's affair, a cut header is not */
	KUNIT_EXPECT_EQ(test, get_1rtt(e, &e->b, 3, 0), 0);
	KUNIT_EXPECT_EQ(test, e->o.payload_len, 0);
	KUNIT_EXPECT_EQ(test, get_1rtt(e, &e->b, 2, 0), -EBADMSG);
	e->pkt[0] |= 0x08;
	KUNIT_EXPECT_EQ(test, get_1rtt(e, &e->b, 15, 0), -EPROTO);
	/* no key phases: the bit means nothing, nothing is prepared */
	e->pkt[0] = 0x45;
	KUNIT_EXPECT_EQ(test, get_1rtt(e, &e->b, 15, 0), 0);
	KUNIT_EXPECT_EQ(test, quic_keys_prepare(&e->a), 0);
	KUNIT_EXPECT_FALSE(test, quic_keys_may_update(&e->a));
	KUNIT_EXPECT_FALSE(test, quic_keys_wants_update(&e->a));
	ends_free(e);
}

/* A packet that was written where it is to be sealed */
static void in_place(struct kunit *test)
{
	static const u32 ciphers[] = {
		TLS_CIPHER_AES_GCM_128, TLS_CIPHER_AES_GCM_256, TLS_CIPHER_AES_CCM_128,
		TLS_CIPHER_CHACHA20_POLY1305,
	};
	struct quic_vec v;
	struct ends *e;
	u8 elsewhere[200];
	u32 i;
	int n;

	for (i = 0; i < ARRAY_SIZE(ciphers); i++) {
		e = ends_app(test, ciphers[i]);
		n = put_1rtt(e, &e->a, 5, 2, 120);
		KUNIT_ASSERT_GT(test, n, 120);
		memcpy(elsewhere, e->pkt, n);
		KUNIT_ASSERT_EQ(test, get_1rtt(e, &e->b, n, -1), 0);
		/* as it was before: the header laid open, and the plaintext behind it */
		v = (struct quic_vec){ e->pkt + (n - QUIC_TAG_LEN - 120), 120 };
		e->pkt[0] = e->o.first;
		e->pkt[v.base - e->pkt - 2] = 0;
		e->pkt[v.base - e->pkt - 1] = 5;
		memcpy((u8 *)v.base, e->o.payload, 120);
		KUNIT_EXPECT_EQ(test, quic_keys_seal(&e->a, QUIC_CRYPTO_APP, 5, e->pkt,
						     v.base - e->pkt, v.base - e->pkt - 2, 2,
						     &v, 1), n);
		KUNIT_EXPECT_EQ(test, memcmp(elsewhere, e->pkt, n), 0);
		ends_free(e);
	}
}

/* Unprotected or not: no packet without 1-RTT keys of the handshake. */
static void plain_needs_keys(struct kunit *test)
{
	struct ends *e = ends_new(test, QUIC_VERSION_V1);

	e->a.plain = true;
	KUNIT_EXPECT_EQ(test, put_1rtt(e, &e->a, 0, 4, 20), -ENOKEY);
	KUNIT_EXPECT_EQ(test, get_1rtt(e, &e->a, 30, -1), -ENOKEY);
	ends_free(e);
}

/* ---- limits, RFC 9001 §6.6 ---- */

static void seal_limit(struct kunit *test)
{
	struct ends *e = ends_app(test, TLS_CIPHER_AES_GCM_128);
	u32 limit = 1 << 23;

	KUNIT_EXPECT_FALSE(test, quic_keys_wants_update(&e->a));
	KUNIT_EXPECT_EQ(test, quic_keys_left(&e->a), (u64)limit - limit / 16);
	e->a.tx.cur.used = limit - limit / 16 - 1;
	KUNIT_EXPECT_EQ(test, quic_keys_left(&e->a), 1ull);
	KUNIT_EXPECT_FALSE(test, quic_keys_wants_update(&e->a));
	KUNIT_EXPECT_GT(test, put_1rtt(e, &e->a, 0, 4, 20), 0);
	KUNIT_EXPECT_TRUE(test, quic_keys_wants_update(&e->a));
	KUNIT_EXPECT_EQ(test, quic_keys_left(&e->a), limit / 16);
	e->a.tx.cur.used = limit - 1;
	KUNIT_EXPECT_EQ(test, quic_keys_left(&e->a), 1ull);
	KUNIT_EXPECT_GT(test, put_1rtt(e, &e->a, 1, 4, 20), 0);
	KUNIT_EXPECT_EQ(test, quic_keys_left(&e->a), 0ull);
	KUNIT_EXPECT_EQ(test, put_1rtt(e, &e->a, 2, 4, 20), -EKEYEXPIRED);
	KUNIT_EXPECT_EQ(test, put_1rtt(e, &e->a, 2, 4, 20), -EKEYEXPIRED);
	/* a key update helps */
	KUNIT_EXPECT_EQ(test, quic_keys_prepare(&e->a), 0);
	KUNIT_EXPECT_EQ(test, quic_keys_flip(&e->a, 2, NEVER), 0);
	KUNIT_EXPECT_FALSE(test, quic_keys_wants_update(&e->a));
	KUNIT_EXPECT_GT(test, put_1rtt(e, &e->a, 2, 4, 20), 0);
	KUNIT_EXPECT_EQ(test, e->a.tx.cur.used, 1);
	ends_free(e);
}

/* ChaCha20-Poly1305 can seal more packets than there are numbers. */
static void no_seal_limit(struct kunit *test)
{
	struct ends *e = ends_app(test, TLS_CIPHER_CHACHA20_POLY1305);

	e->a.tx.cur.used = U32_MAX;
	KUNIT_EXPECT_GT(test, put_1rtt(e, &e->a, 1, 4, 20), 0);
	KUNIT_EXPECT_EQ(test, e->a.tx.cur.used, U32_MAX);
	KUNIT_EXPECT_GT(test, quic_keys_left(&e->a), (u64)U32_MAX);
	KUNIT_EXPECT_FALSE(test, quic_keys_wants_update(&e->a));
	ends_free(e);
}

static void open_limit(struct kunit *test)
{
	struct ends *e = ends_app(test, TLS_CIPHER_AES_CCM_128);
	int len = put_1rtt(e, &e->a, 1, 4, 20);

	e->pkt[len - 1] ^= 1;
	e->b.forged = 2965819;
	KUNIT_EXPECT_EQ(test, get_1rtt(e, &e->b, len, 0), -EBADMSG);
	e->pkt[len - 1] ^= 1;
	KUNIT_EXPECT_EQ(test, get_1rtt(e, &e->b, len, 0), 0);
	e->pkt[len - 1] ^= 1;
	KUNIT_EXPECT_EQ(test, get_1rtt(e, &e->b, len, 0), -EKEYEXPIRED);
	/* and MUST NOT process any more packets */
	e->pkt[len - 1] ^= 1;
	KUNIT_EXPECT_EQ(test, get_1rtt(e, &e->b, len, 0), -EKEYEXPIRED);
	ends_free(e);
}

/* ---- key update, RFC 9001 §6 ---- */

static struct ends *ends_prepared(struct kunit *test)
{
	struct ends *e = ends_app(test, TLS_CIPHER_AES_GCM_128);

	KUNIT_ASSERT_EQ(test, quic_keys_prepare(&e->a), 0);
	KUNIT_ASSERT_EQ(test, quic_keys_prepare(&e->b), 0);
	return e;
}

/* §6.1, §6.2: a initiates, b answers, both go on; several times over */
static void update_rounds(struct kunit *test)
{
	struct ends *e = ends_prepared(test);
	u64 pn = 0;
	int i;

	for (i = 0; i < 6; i++) {
		struct quic_keys *first = i & 1 ? &e->b : &e->a;
		struct quic_keys *other = i & 1 ? &e->a : &e->b;

		KUNIT_EXPECT_EQ(test, pass(e, first, other, pn), 0);
		KUNIT_EXPECT_EQ(test, pass(e, other, first, pn), 0);
		KUNIT_EXPECT_FALSE(test, e->o.next_phase);
		pn++;
		KUNIT_EXPECT_TRUE(test, quic_keys_may_update(first));
		KUNIT_EXPECT_EQ(test, quic_keys_flip(first, pn, 1000), 0);
		KUNIT_EXPECT_EQ(test, first->phase, !(i & 1));
		KUNIT_EXPECT_FALSE(test, first->prepared);
		KUNIT_EXPECT_EQ(test, first->phase_first_rx, NEVER);
		KUNIT_EXPECT_EQ(test, quic_keys_flip(first, pn, 1000), -EAGAIN);
		KUNIT_ASSERT_EQ(test, quic_keys_prepare(first), 0);
		/* §6.1: not again before an acknowledgment of this phase */
		KUNIT_EXPECT_FALSE(test, quic_keys_may_update(first));
		quic_keys_acked(first, pn - 1);
		KUNIT_EXPECT_FALSE(test, quic_keys_may_update(first));

		KUNIT_EXPECT_EQ(test, pass(e, first, other, pn), 0);
		KUNIT_EXPECT_TRUE(test, e->o.next_phase);
		KUNIT_EXPECT_EQ(test, quic_keys_flip(other, pn, 1000), 0);
		KUNIT_EXPECT_EQ(test, other->phase, first->phase);
		KUNIT_EXPECT_EQ(test, other->phase_first_rx, pn);
		KUNIT_ASSERT_EQ(test, quic_keys_prepare(other), 0);
		KUNIT_EXPECT_EQ(test, pass(e, other, first, pn), 0);
		KUNIT_EXPECT_FALSE(test, e->o.next_phase);
		quic_keys_acked(first, pn);
		quic_keys_acked(other, pn);
		KUNIT_EXPECT_TRUE(test, quic_keys_may_update(first));
		KUNIT_EXPECT_TRUE(test, quic_keys_may_update(other));
		quic_keys_timeout(first, 1000);
		quic_keys_timeout(other, 1000);
		KUNIT_EXPECT_NULL(test, first->rx_prev.aead);
		KUNIT_EXPECT_NULL(test, other->rx_prev.aead);
		pn++;
	}
	KUNIT_EXPECT_EQ(test, e->a.forged + e->b.forged, 0ULL);
	ends_free(e);
}

/* §6.3: the next phase is opened only with keys made ahead */
static void update_unprepared(struct kunit *test)
{
	struct ends *e = ends_app(test, TLS_CIPHER_AES_GCM_128);

	KUNIT_EXPECT_FALSE(test, quic_keys_may_update(&e->a));
	KUNIT_EXPECT_EQ(test, quic_keys_flip(&e->a, 0, NEVER), -EAGAIN);
	KUNIT_ASSERT_EQ(test, quic_keys_prepare(&e->a), 0);
	KUNIT_ASSERT_EQ(test, quic_keys_flip(&e->a, 0, NEVER), 0);
	KUNIT_EXPECT_EQ(test, pass(e, &e->a, &e->b, 0), -EAGAIN);
	KUNIT_EXPECT_EQ(test, e->b.forged, 0ULL);
	KUNIT_ASSERT_EQ(test, quic_keys_prepare(&e->b), 0);
	KUNIT_EXPECT_EQ(test, pass(e, &e->a, &e->b, 0), 0);
	KUNIT_EXPECT_TRUE(test, e->o.next_phase);
	ends_free(e);
	e = ends_new(test, QUIC_VERSION_V1);
	KUNIT_EXPECT_EQ(test, quic_keys_prepare(&e->a), -ENOKEY);
	ends_free(e);
}

/* Make one packet now, deliver it later: saved at e->pkt + 1000. */
static int hold(struct ends *e, struct quic_keys *from, u64 pn)
{
	int len = put_1rtt(e, from, pn, 4, 20);

	memcpy(e->pkt + 1000, e->pkt, 64);
	return len;
}

static int release(struct ends *e, struct quic_keys *to, int len, s64 largest)
{
	memcpy(e->pkt, e->pkt + 1000, 64);
	return get_1rtt(e, to, len, largest);
}

/* §6.5: a delayed packet of the previous phase, until the old keys go */
static void update_reordered(struct kunit *test)
{
	struct ends *e = ends_prepared(test);
	int len = hold(e, &e->a, 3);

	KUNIT_EXPECT_EQ(test, quic_keys_flip(&e->a, 5, 500), 0);
	KUNIT_EXPECT_EQ(test, pass(e, &e->a, &e->b, 6), 0);
	KUNIT_EXPECT_EQ(test, quic_keys_flip(&e->b, 0, 500), 0);
	KUNIT_EXPECT_EQ(test, release(e, &e->b, len, 6), 0);
	KUNIT_EXPECT_EQ(test, e->o.pn, 3ULL);
	KUNIT_EXPECT_FALSE(test, e->o.next_phase);
	/* one of the new phase that overtook is opened with the new keys */
	KUNIT_EXPECT_EQ(test, pass(e, &e->a, &e->b, 5), 0);
	KUNIT_EXPECT_EQ(test, e->b.phase_first_rx, 5ULL);
	KUNIT_EXPECT_EQ(test, e->b.phase_last_rx, 6ULL);
	quic_keys_timeout(&e->b, 499);
	KUNIT_EXPECT_EQ(test, release(e, &e->b, len, 6), 0);
	quic_keys_timeout(&e->b, 500);
	KUNIT_EXPECT_EQ(test, e->b.prev_drop, NEVER);
	/* now its phase bit can only mean the next phase, which it is not */
	KUNIT_EXPECT_EQ(test, release(e, &e->b, len, 6), -EAGAIN);
	KUNIT_ASSERT_EQ(test, quic_keys_prepare(&e->b), 0);
	KUNIT_EXPECT_EQ(test, release(e, &e->b, len, 6), -EBADMSG);
	ends_free(e);
}

/* §6.1: MUST retain old keys until a packet opened with the new ones */
static void update_retains(struct kunit *test)
{
	struct ends *e = ends_prepared(test);

	KUNIT_EXPECT_EQ(test, quic_keys_flip(&e->a, 0, 100), 0);
	KUNIT_EXPECT_EQ(test, e->a.prev_drop, 100ULL);
	quic_keys_timeout(&e->a, 100);
	quic_keys_timeout(&e->a, 100000);
	KUNIT_EXPECT_EQ(test, e->a.prev_drop, NEVER);
	/* b has not heard of it and still sends in the old phase */
	KUNIT_EXPECT_EQ(test, pass(e, &e->b, &e->a, 0), 0);
	KUNIT_EXPECT_EQ(test, pass(e, &e->b, &e->a, 9), 0);
	KUNIT_EXPECT_FALSE(test, e->o.next_phase);
	KUNIT_EXPECT_EQ(test, pass(e, &e->a, &e->b, 1), 0);
	KUNIT_EXPECT_EQ(test, quic_keys_flip(&e->b, 10, 100), 0);
	KUNIT_EXPECT_EQ(test, pass(e, &e->b, &e->a, 10), 0);
	/* the time had passed: they go now */
	KUNIT_EXPECT_EQ(test, e->a.prev_drop, 0ULL);
	quic_keys_timeout(&e->a, 100001);
	KUNIT_EXPECT_NULL(test, e->a.rx_prev.aead);
	ends_free(e);
}

/* §6.4: KEY_UPDATE_ERROR when old keys come with a higher number than new ones */
static void update_backwards(struct kunit *test)
{
	struct ends *e = ends_prepared(test);
	int len;

	/* b has opened 20 in the old phase; a wrongly sends 10 in the new one */
	KUNIT_EXPECT_EQ(test, pass(e, &e->a, &e->b, 20), 0);
	KUNIT_EXPECT_EQ(test, quic_keys_flip(&e->a, 10, NEVER), 0);
	KUNIT_EXPECT_EQ(test, pass(e, &e->a, &e->b, 10), -EKEYREJECTED);
	KUNIT_EXPECT_EQ(test, pass(e, &e->a, &e->b, 20), -EKEYREJECTED);
	/* or so, after b has updated too */
	KUNIT_EXPECT_EQ(test, quic_keys_flip(&e->b, 0, NEVER), 0);
	KUNIT_EXPECT_EQ(test, pass(e, &e->a, &e->b, 20), -EKEYREJECTED);
	KUNIT_EXPECT_EQ(test, pass(e, &e->a, &e->b, 21), 0);
	ends_free(e);

	/* b has updated first; old packets up to 20 came, then 10 in the new phase */
	e = ends_prepared(test);
	KUNIT_EXPECT_EQ(test, quic_keys_flip(&e->b, 0, NEVER), 0);
	KUNIT_EXPECT_EQ(test, pass(e, &e->a, &e->b, 20), 0);
	KUNIT_EXPECT_EQ(test, quic_keys_flip(&e->a, 10, NEVER), 0);
	KUNIT_EXPECT_EQ(test, pass(e, &e->a, &e->b, 10), -EKEYREJECTED);
	KUNIT_EXPECT_EQ(test, pass(e, &e->a, &e->b, 20), -EKEYREJECTED);
	KUNIT_EXPECT_EQ(test, pass(e, &e->a, &e->b, 21), 0);
	ends_free(e);

	/* the number of the first new packet again, under the old keys */
	e = ends_prepared(test);
	len = hold(e, &e->a, 6);
	KUNIT_EXPECT_EQ(test, quic_keys_flip(&e->a, 6, NEVER), 0);
	KUNIT_EXPECT_EQ(test, pass(e, &e->a, &e->b, 6), 0);
	KUNIT_EXPECT_EQ(test, quic_keys_flip(&e->b, 0, NEVER), 0);
	KUNIT_EXPECT_EQ(test, release(e, &e->b, len, 6), -EAGAIN);
	ends_free(e);
}

/* §6.2: both initiate at once and meet in the same phase */
static void update_both(struct kunit *test)
{
	struct ends *e = ends_prepared(test);

	KUNIT_EXPECT_EQ(test, pass(e, &e->a, &e->b, 0), 0);
	KUNIT_EXPECT_EQ(test, pass(e, &e->b, &e->a, 0), 0);
	KUNIT_EXPECT_EQ(test, quic_keys_flip(&e->a, 1, NEVER), 0);
	KUNIT_EXPECT_EQ(test, quic_keys_flip(&e->b, 1, NEVER), 0);
	KUNIT_EXPECT_EQ(test, pass(e, &e->a, &e->b, 1), 0);
	KUNIT_EXPECT_FALSE(test, e->o.next_phase);
	KUNIT_EXPECT_EQ(test, pass(e, &e->b, &e->a, 1), 0);
	KUNIT_EXPECT_FALSE(test, e->o.next_phase);
	ends_free(e);
}

/* Header protection keys stay through updates (§6): the same sample, the same mask. */
static void update_keeps_hp(struct kunit *test)
{
	struct ends *e = ends_prepared(test);
	struct quic_hp *rx = e->a.rx.hp, *tx = e->a.tx.hp;

	KUNIT_EXPECT_EQ(test, quic_keys_flip(&e->a, 1, NEVER), 0);
	KUNIT_EXPECT_PTR_EQ(test, e->a.rx.hp, rx);
	KUNIT_EXPECT_PTR_EQ(test, e->a.tx.hp, tx);
	ends_free(e);
}

/* Secrets do not outlive the keys. */
static void wipes(struct kunit *test)
{
	struct ends *e = ends_prepared(test);
	static const u8 zeros[QUIC_SECRET_MAX];

	KUNIT_EXPECT_MEMNEQ(test, e->a.rx_secret, zeros, sizeof(zeros));
	KUNIT_EXPECT_MEMNEQ(test, e->a.rx_secret, secret_ba, 32);
	ends_free(e);
	KUNIT_EXPECT_MEMEQ(test, e->a.rx_secret, zeros, sizeof(zeros));
	KUNIT_EXPECT_MEMEQ(test, e->a.tx_secret, zeros, sizeof(zeros));
	KUNIT_EXPECT_MEMEQ(test, e->a.rx.cur.iv, zeros, QUIC_IV_LEN);
	KUNIT_EXPECT_MEMEQ(test, e->a.rx_next.iv, zeros, QUIC_IV_LEN);
	KUNIT_EXPECT_FALSE(test, quic_keys_may_update(&e->a));
	KUNIT_EXPECT_EQ(test, put_1rtt(e, &e->a, 0, 4, 20), -ENOKEY);
	/* freeing twice is harmless */
	ends_free(e);
}

static struct kunit_case keys_cases[] = {
	KUNIT_CASE(initials),
	KUNIT_CASE(retry_tags),
	KUNIT_CASE(short_packets),
	KUNIT_CASE(set_secret_errors),
	KUNIT_CASE(levels),
	KUNIT_CASE(initial_again),
	KUNIT_CASE(round_trips),
	KUNIT_CASE(largest_pn),
	KUNIT_CASE(too_short),
	KUNIT_CASE(damage),
	KUNIT_CASE(reserved_bits),
	KUNIT_CASE(long_header),
	KUNIT_CASE(plain_packets),
	KUNIT_CASE(in_place),
	KUNIT_CASE(plain_needs_keys),
	KUNIT_CASE(seal_limit),
	KUNIT_CASE(no_seal_limit),
	KUNIT_CASE(open_limit),
	KUNIT_CASE(update_rounds),
	KUNIT_CASE(update_unprepared),
	KUNIT_CASE(update_reordered),
	KUNIT_CASE(update_retains),
	KUNIT_CASE(update_backwards),
	KUNIT_CASE(update_both),
	KUNIT_CASE(update_keeps_hp),
	KUNIT_CASE(wipes),
	{}
};

static struct kunit_suite keys_suite = {
	.name = "keys",
	.test_cases = keys_cases,
};
kunit_test_suite(keys_suite);

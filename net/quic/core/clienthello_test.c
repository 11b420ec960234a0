// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of clienthello.c: the RFCs' ClientHello whole and cut at each byte,
 * ClientHellos made to measure, and ours against theirs in ALPN.
 */
#include <kunit/test.h>
#include "clienthello.h"
#include "vectors_test.h"

/* RFC 9001 appendix A.2: behind the header of its CRYPTO frame */
static const u8 *const hello = vec_client_crypto + 4;
#define HELLO_LEN	((u32)sizeof(vec_client_crypto) - 4)

#define ALPN_H3		"\x00\x10\x00\x05\x00\x03\x02h3"
#define SNI_AB		"\x00\x00\x00\x07\x00\x05\x00\x00\x02" "ab"

/* A ClientHello with these extensions. */
static u32 make(u8 *out, u32 cap, const char *exts, u32 len)
{
	struct quic_wr w;

	quic_wr_init(&w, out, cap);
	quic_wr_u8(&w, 1);
	quic_wr_be(&w, 2 + 32 + 1 + 2 + 2 + 2 + 2 + len, 3);
	quic_wr_u16(&w, 0x0303);
	memset(quic_wr_take(&w, 32), 0x77, 32);
	quic_wr_u8(&w, 0);
	quic_wr_u16(&w, 2);
	quic_wr_u16(&w, 0x1301);
	quic_wr_u8(&w, 1);
	quic_wr_u8(&w, 0);
	quic_wr_u16(&w, len);
	quic_wr_bytes(&w, exts, len);
	return w.p - out;
}

static int parse(struct kunit *test, const char *exts, u32 len, struct quic_clienthello *ch)
{
	/* stays until the case ends: @ch points into it */
	u8 *in = kunit_kzalloc(test, len + 64, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, in);
	return quic_clienthello_parse(in, make(in, len + 64, exts, len), ch);
}

#define PARSE(exts)	parse(test, exts, sizeof(exts) - 1, &ch)

static void vector(struct kunit *test)
{
	struct quic_clienthello ch;

	KUNIT_ASSERT_EQ(test, quic_clienthello_parse(hello, HELLO_LEN, &ch), 0);
	KUNIT_EXPECT_EQ(test, ch.len, HELLO_LEN);
	KUNIT_ASSERT_EQ(test, ch.alpn_len, 5);
	KUNIT_EXPECT_MEMEQ(test, ch.alpn, "\x04" "alpn", 5);
	KUNIT_ASSERT_EQ(test, ch.sni_len, 11);
	KUNIT_EXPECT_MEMEQ(test, ch.sni, "example.com", 11);
}

/* Incomplete is -EAGAIN at each length, and no byte past it is looked at. */
static void incomplete(struct kunit *test)
{
	struct quic_clienthello ch;
	u32 n;
	u8 *cut;

	for (n = 0; n < HELLO_LEN; n++) {
		cut = kunit_kzalloc(test, n + !n, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, cut);
		memcpy(cut, hello, n);
		KUNIT_EXPECT_EQ(test, quic_clienthello_parse(cut, n, &ch), -EAGAIN);
		kunit_kfree(test, cut);
	}
	/* what follows the message does not matter */
	cut = kunit_kzalloc(test, HELLO_LEN + 5, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cut);
	memcpy(cut, hello, HELLO_LEN);
	KUNIT_EXPECT_EQ(test, quic_clienthello_parse(cut, HELLO_LEN + 5, &ch), 0);
	KUNIT_EXPECT_EQ(test, ch.len, HELLO_LEN);
}

/* Each byte that is a length, one up and one down: malformed, or not complete. */
static void wrong_lengths(struct kunit *test)
{
	struct quic_clienthello ch;
	/* of session ID, cipher suites, compression, extensions, ALPN (3), SNI (3) */
	static const char exts[] = ALPN_H3 SNI_AB;
	static const u8 at[] = { 38, 40, 43, 46, 50, 52, 53, 59, 61, 64 };
	u8 in[96];
	u32 len = make(in, sizeof(in), exts, sizeof(exts) - 1);
	unsigned int i;

	KUNIT_ASSERT_EQ(test, quic_clienthello_parse(in, len, &ch), 0);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		in[at[i]]++;
		KUNIT_EXPECT_EQ_MSG(test, quic_clienthello_parse(in, len, &ch), -EBADMSG,
				    "byte %d up", at[i]);
		in[at[i]] -= 2;
		KUNIT_EXPECT_EQ_MSG(test, quic_clienthello_parse(in, len, &ch), -EBADMSG,
				    "byte %d down", at[i]);
		in[at[i]]++;
	}
	in[3]--;
	KUNIT_EXPECT_EQ(test, quic_clienthello_parse(in, len, &ch), -EBADMSG);
	in[3] += 2;
	KUNIT_EXPECT_EQ(test, quic_clienthello_parse(in, len, &ch), -EAGAIN);
	KUNIT_EXPECT_EQ(test, quic_clienthello_parse(in, len + 1, &ch), -EBADMSG);
}

/* Another message, and one larger than we buffer: refused before it is complete */
static void not_ours(struct kunit *test)
{
	struct quic_clienthello ch;
	u8 in[4] = { 2, 0, 0, 40 };

	KUNIT_EXPECT_EQ(test, quic_clienthello_parse(in, 1, &ch), -EBADMSG);
	in[0] = 1;
	KUNIT_EXPECT_EQ(test, quic_clienthello_parse(in, 1, &ch), -EAGAIN);
	in[2] = (QUIC_CLIENTHELLO_MAX - 4) >> 8;
	in[3] = (QUIC_CLIENTHELLO_MAX - 4) & 0xff;
	KUNIT_EXPECT_EQ(test, quic_clienthello_parse(in, 4, &ch), -EAGAIN);
	KUNIT_EXPECT_EQ(test, ch.len, QUIC_CLIENTHELLO_MAX);
	in[3]++;
	KUNIT_EXPECT_EQ(test, quic_clienthello_parse(in, 4, &ch), -EBADMSG);
	memset(in + 1, 0xff, 3);
	KUNIT_EXPECT_EQ(test, quic_clienthello_parse(in, 4, &ch), -EBADMSG);
	memset(in + 1, 0, 3);
	KUNIT_EXPECT_EQ(test, quic_clienthello_parse(in, 4, &ch), -EBADMSG);
}

static void no_extensions(struct kunit *test)
{
	struct quic_clienthello ch;

	KUNIT_EXPECT_EQ(test, PARSE(""), 0);
	KUNIT_EXPECT_NULL(test, ch.alpn);
	KUNIT_EXPECT_NULL(test, ch.sni);
	KUNIT_EXPECT_FALSE(test, quic_clienthello_has_alpn(&ch, (const u8 *)"h3", 2));
	KUNIT_EXPECT_EQ(test, PARSE("\x12\x34\x00\x02zz"), 0);
	KUNIT_EXPECT_NULL(test, ch.alpn);
	KUNIT_EXPECT_EQ(test, PARSE("\x12\x34\x00\x03zz"), -EBADMSG);
	KUNIT_EXPECT_EQ(test, PARSE("\x12"), -EBADMSG);
}

/* RFC 7301 §3.1: no empty list, no empty name; RFC 8446 §4.2: no extension twice */
static void alpn_malformed(struct kunit *test)
{
	struct quic_clienthello ch;

	KUNIT_EXPECT_EQ(test, PARSE(ALPN_H3), 0);
	KUNIT_EXPECT_EQ(test, PARSE("\x00\x10\x00\x00"), -EBADMSG);
	KUNIT_EXPECT_EQ(test, PARSE("\x00\x10\x00\x02\x00\x00"), -EBADMSG);
	KUNIT_EXPECT_EQ(test, PARSE("\x00\x10\x00\x03\x00\x01\x00"), -EBADMSG);
	KUNIT_EXPECT_EQ(test, PARSE("\x00\x10\x00\x06\x00\x04\x02h3\x00"), -EBADMSG);
	KUNIT_EXPECT_EQ(test, PARSE("\x00\x10\x00\x06\x00\x03\x02h3\x00"), -EBADMSG);
	KUNIT_EXPECT_EQ(test, PARSE("\x00\x10\x00\x05\x00\x03\x03h3"), -EBADMSG);
	KUNIT_EXPECT_EQ(test, PARSE(ALPN_H3 ALPN_H3), -EBADMSG);
}

/* RFC 6066 §3 */
static void sni(struct kunit *test)
{
	struct quic_clienthello ch;

	KUNIT_EXPECT_EQ(test, PARSE(SNI_AB), 0);
	KUNIT_EXPECT_EQ(test, ch.sni_len, 2);
	KUNIT_EXPECT_MEMEQ(test, ch.sni, "ab", 2);
	KUNIT_EXPECT_EQ(test, PARSE(SNI_AB ALPN_H3), 0);
	KUNIT_EXPECT_EQ(test, ch.alpn_len, 3);
	KUNIT_EXPECT_EQ(test, PARSE(SNI_AB SNI_AB), -EBADMSG);
	KUNIT_EXPECT_EQ(test, PARSE("\x00\x00\x00\x00"), -EBADMSG);
	KUNIT_EXPECT_EQ(test, PARSE("\x00\x00\x00\x02\x00\x00"), -EBADMSG);
	KUNIT_EXPECT_EQ(test, PARSE("\x00\x00\x00\x05\x00\x03\x00\x00\x00"), -EBADMSG);
	/* another type of name before it, another host_name behind it */
	KUNIT_EXPECT_EQ(test, PARSE("\x00\x00\x00\x0e\x00\x0c"
				    "\x09\x00\x01z\x00\x00\x01q\x00\x00\x01r"), 0);
	KUNIT_EXPECT_EQ(test, ch.sni_len, 1);
	KUNIT_EXPECT_EQ(test, ch.sni[0], 'q');
}

/* RFC 9001 §8.2 */
static void params(struct kunit *test)
{
	struct quic_clienthello ch;

	KUNIT_EXPECT_EQ(test, PARSE(ALPN_H3), 0);
	KUNIT_EXPECT_NULL(test, ch.params);
	KUNIT_EXPECT_EQ(test, PARSE("\x00\x39\x00\x03\x01\x01\x07" SNI_AB), 0);
	KUNIT_EXPECT_EQ(test, ch.params_len, 3);
	KUNIT_EXPECT_MEMEQ(test, ch.params, "\x01\x01\x07", 3);
	KUNIT_EXPECT_EQ(test, PARSE("\x00\x39\x00\x00"), 0);
	KUNIT_EXPECT_EQ(test, ch.params_len, 0);
	KUNIT_EXPECT_EQ(test, PARSE("\x00\x39\x00\x00\x00\x39\x00\x00"), -EBADMSG);
}

static void has_alpn(struct kunit *test)
{
	struct quic_clienthello ch;

	KUNIT_ASSERT_EQ(test, PARSE("\x00\x10\x00\x0d\x00\x0b\x02h3\x05h3-29\x01q"), 0);
	KUNIT_EXPECT_TRUE(test, quic_clienthello_has_alpn(&ch, (const u8 *)"h3", 2));
	KUNIT_EXPECT_TRUE(test, quic_clienthello_has_alpn(&ch, (const u8 *)"h3-29", 5));
	KUNIT_EXPECT_TRUE(test, quic_clienthello_has_alpn(&ch, (const u8 *)"q", 1));
	KUNIT_EXPECT_FALSE(test, quic_clienthello_has_alpn(&ch, (const u8 *)"h3-2", 4));
	KUNIT_EXPECT_FALSE(test, quic_clienthello_has_alpn(&ch, (const u8 *)"h", 1));
	KUNIT_EXPECT_FALSE(test, quic_clienthello_has_alpn(&ch, (const u8 *)"H3", 2));
	KUNIT_EXPECT_FALSE(test, quic_clienthello_has_alpn(&ch, (const u8 *)"", 0));
}

/* Ours decides the order; commas and spaces part the names. */
static void match(struct kunit *test)
{
	static const struct {
		const char *list, *want;
	} cases[] = {
		{ "h3", "h3" }, { "q", "q" }, { "h2", NULL }, { "", NULL }, { " , ,", NULL },
		{ "h2,h3", "h3" }, { "q, h3", "q" }, { "h3-29, h3", "h3-29" },
		{ "h3-2,h,3", NULL }, { ",h2,,  q,", "q" }, { "h3x,h33,h", NULL },
	};
	struct quic_clienthello ch;
	const char *name;
	unsigned int i;
	bool ok;
	u32 len;

	KUNIT_ASSERT_EQ(test, PARSE("\x00\x10\x00\x0d\x00\x0b\x02h3\x05h3-29\x01q"), 0);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ok = quic_clienthello_match(&ch, cases[i].list, &name, &len);
		KUNIT_EXPECT_EQ_MSG(test, ok, !!cases[i].want, "list %s", cases[i].list);
		if (!ok || !cases[i].want)
			continue;
		KUNIT_EXPECT_EQ(test, len, strlen(cases[i].want));
		KUNIT_EXPECT_MEMEQ(test, name, cases[i].want, len);
	}
}

static struct kunit_case clienthello_cases[] = {
	KUNIT_CASE(vector),
	KUNIT_CASE(incomplete),
	KUNIT_CASE(wrong_lengths),
	KUNIT_CASE(not_ours),
	KUNIT_CASE(no_extensions),
	KUNIT_CASE(alpn_malformed),
	KUNIT_CASE(sni),
	KUNIT_CASE(params),
	KUNIT_CASE(has_alpn),
	KUNIT_CASE(match),
	{}
};

static struct kunit_suite clienthello_suite = {
	.name = "clienthello",
	.test_cases = clienthello_cases,
};

kunit_test_suite(clienthello_suite);

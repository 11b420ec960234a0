// SPDX-License-Identifier: GPL-2.0-or-later
/* A client that gets Retry packets, RFC 9000 §17.2.5: the right one, once, at the right time. */
#include "conn_ctx_test.h"

static const struct quic_cid retry_cid = { 16, { 0xaa, 0xbb, 0xcc } };

/* A Retry for the client's Initial: its length. */
static u32 put_retry(struct ctx *x, const struct quic_cid *scid, const u8 *token, u32 token_len)
{
	struct quic_conn *c = victim(x);
	struct quic_wr w;
	u32 len;

	quic_wr_init(&w, x->h.buf, PAIR_DGRAM);
	quic_hdr_put_retry(&w, c->version, &c->scids.e[0].cid, scid, token, token_len, 0x33);
	len = w.p - x->h.buf;
	PAIR_MUST(&x->p, !quic_keys_retry_tag(x->h.victim->ops.crypto, c->version, &c->odcid,
					      x->h.buf, len, x->h.buf + len));
	return len + QUIC_TAG_LEN;
}

static void retry(struct kunit *test)
{
	static const u8 token[] = "a token";
	struct ctx *x = ctx_new(test);
	struct quic_conn *c = &x->p.e[0].c;
	struct quic_hdr h;
	u64 pn;
	u32 len;

	pair_hello(&x->p);
	hostile_init(&x->h, &x->p.e[0]);
	x->p.e[1].in.n = 0;
	/* RFC 9000 §17.2.5.2: MUST discard: forged tag, no token, the ID that we chose */
	len = put_retry(x, &retry_cid, token, sizeof(token));
	x->h.buf[len - 1] ^= 1;
	hostile_datagram(&x->h, x->h.buf, len);
	hostile_datagram(&x->h, x->h.buf, put_retry(x, &retry_cid, token, 0));
	hostile_datagram(&x->h, x->h.buf, put_retry(x, &c->odcid, token, sizeof(token)));
	KUNIT_EXPECT_FALSE(test, c->retried);
	KUNIT_EXPECT_EQ(test, end_tx(&x->p.e[0]), 0);
	/* the right one */
	pn = c->loss.sp[QUIC_SPACE_INITIAL]->sent.next;
	hostile_datagram(&x->h, x->h.buf, put_retry(x, &retry_cid, token, sizeof(token)));
	KUNIT_EXPECT_TRUE(test, c->retried);
	KUNIT_ASSERT_EQ(test, end_tx(&x->p.e[0]), 1);
	KUNIT_ASSERT_EQ(test, quic_hdr_parse(queue_at(&x->p.e[1].in, 0)->data, 1200, 16, false, &h),
			0);
	/* RFC 9000 §17.2.5.2, §17.2.5.3: the token and the new ID go into the next Initials */
	KUNIT_EXPECT_TRUE(test, quic_cid_equal(&h.dcid, &retry_cid));
	KUNIT_ASSERT_EQ(test, h.token_len, (u32)sizeof(token));
	KUNIT_EXPECT_MEMEQ(test, h.token, token, sizeof(token));
	/* §17.2.5.3: MUST NOT reset the packet number */
	KUNIT_EXPECT_EQ(test, c->loss.sp[QUIC_SPACE_INITIAL]->sent.next, pn + 1);
	/* RFC 9000 §17.2.5.2: MUST accept at most one */
	len = put_retry(x, &c->odcid, (const u8 *)"other", 5);
	hostile_datagram(&x->h, x->h.buf, len);
	KUNIT_EXPECT_EQ(test, c->token_len, sizeof(token));
	KUNIT_EXPECT_EQ(test, x->p.e[0].mib[QUIC_MIB_DROP_RETRY] +
			x->p.e[0].mib[QUIC_MIB_DROP_HEADER], 4);
	/* RFC 9000 §7.3: and the handshake proves it */
	pair_sleep(&x->p, PAIR_SEC);
	KUNIT_EXPECT_TRUE(test, c->confirmed && x->p.e[1].c.confirmed);
	KUNIT_EXPECT_TRUE(test, c->peer_tp.has_rscid);
	ctx_free(test, x);
}

/* RFC 9000 §17.2.5.2: MUST discard it after any Initial of the server's; servers: always */
static void late_retry(struct kunit *test)
{
	struct ctx *x;
	int side;

	for (side = 0; side < 2; side++) {
		x = ctx_at(test, side, INI);
		hostile_datagram(&x->h, x->h.buf, put_retry(x, &retry_cid, (const u8 *)"t", 1));
		KUNIT_EXPECT_EQ(test, x->h.victim->mib[QUIC_MIB_DROP_RETRY], 1);
		KUNIT_EXPECT_FALSE(test, victim(x)->retried);
		ctx_free(test, x);
	}
}

static struct kunit_case conn_retry_cases[] = {
	KUNIT_CASE(retry),
	KUNIT_CASE(late_retry),
	{}
};

static struct kunit_suite conn_retry_suite = {
	.name = "conn_retry",
	.test_cases = conn_retry_cases,
};
kunit_test_suite(conn_retry_suite);

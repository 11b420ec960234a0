// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A client that begins with a version that nobody speaks (RFC 9000 §6.3), and
 * the server's Version Negotiation; and one that is none of the server's.
 */
#include "conn_ctx_test.h"

#define GREASE	0x1a2a3a4aU

struct vn_ctx {
	struct pair p;
	struct quic_conn *c;
	u8 buf[128];
};

/* The ClientHello has left in version GREASE; no server has taken it. */
static struct vn_ctx *vn_new(struct kunit *test)
{
	struct vn_ctx *x = kzalloc(sizeof(*x), GFP_KERNEL);
	struct quic_conn_config config;

	KUNIT_ASSERT_NOT_NULL(test, x);
	pair_init(&x->p, quic_test_crypto());
	x->c = &x->p.e[0].c;
	config = x->c->config;
	config.version = GREASE;
	quic_conn_set_config(x->c, &config);
	pair_hello(&x->p);
	x->p.e[1].in.n = 0;
	return x;
}

static void vn_free(struct kunit *test, struct vn_ctx *x)
{
	pair_free(&x->p);
	KUNIT_EXPECT_EQ(test, x->p.error, 0);
	kfree(x);
}

static void rx_vn(struct vn_ctx *x, u32 a, u32 b)
{
	struct quic_vec d = { x->c->scids.e[0].cid.id, x->c->scids.e[0].cid.len };
	struct quic_vec s = { x->c->odcid.id, x->c->odcid.len };
	const u32 versions[] = { a, b };
	struct quic_wr w;

	quic_wr_init(&w, x->buf, sizeof(x->buf));
	quic_hdr_put_vn(&w, &d, &s, versions, 2, 0x55);
	queue_push(&x->p.e[0].in, x->buf, w.p - x->buf, 0);
	end_deliver(&x->p.e[0]);
}

/* The attempt goes on in version 1, and the server says so in its parameters. */
static void follows(struct kunit *test)
{
	struct vn_ctx *x = vn_new(test);

	rx_vn(x, 0x5a6a7a8a, QUIC_VERSION_V1);
	pair_sleep(&x->p, 300 * PAIR_MS);
	KUNIT_EXPECT_TRUE(test, x->c->confirmed);
	KUNIT_EXPECT_EQ(test, x->c->version, QUIC_VERSION_V1);
	KUNIT_EXPECT_TRUE(test, x->c->negotiated);
	/* RFC 9368 §4: what must not be missing */
	KUNIT_EXPECT_TRUE(test, x->c->peer_tp.has_versions);
	KUNIT_EXPECT_EQ(test, x->c->peer_tp.chosen_version, QUIC_VERSION_V1);
	vn_free(test, x);
}

/*
 * RFC 9368 §2.3: "it is possible to have incompatible version negotiation followed
 * by compatible version negotiation", here with a server that is set to version 2.
 */
static void moves_on(struct kunit *test)
{
	struct vn_ctx *x = vn_new(test);
	struct quic_conn *server = &x->p.e[1].c;
	struct quic_conn_config config = server->config;

	config.version = QUIC_VERSION_V2;
	quic_conn_set_config(server, &config);
	rx_vn(x, QUIC_VERSION_V2, QUIC_VERSION_V1);
	pair_sleep(&x->p, 300 * PAIR_MS);
	KUNIT_EXPECT_TRUE(test, x->c->confirmed);
	KUNIT_EXPECT_EQ(test, x->c->version, QUIC_VERSION_V2);
	KUNIT_EXPECT_EQ(test, x->c->first_version, QUIC_VERSION_V1);
	vn_free(test, x);
}

/*
 * RFC 9000 §6.2: MUST discard what lists the version of the first flight, and, as
 * RFC 9368 §4 says too, any once one was followed.
 */
static void only_once(struct kunit *test)
{
	struct vn_ctx *x = vn_new(test);

	rx_vn(x, GREASE, QUIC_VERSION_V1);
	KUNIT_EXPECT_EQ(test, x->c->version, GREASE);
	rx_vn(x, 0x5a6a7a8a, QUIC_VERSION_V1);
	rx_vn(x, 0x5a6a7a8a, QUIC_VERSION_V1);
	KUNIT_EXPECT_EQ(test, (int)x->c->state, (int)QUIC_CONN_HANDSHAKE);
	rx_vn(x, 0x5a6a7a8a, QUIC_VERSION_V2);
	rx_vn(x, 0x5a6a7a8a, 0x6a7a8a9a);
	KUNIT_EXPECT_EQ(test, (int)x->c->state, (int)QUIC_CONN_HANDSHAKE);
	vn_free(test, x);
}

static void no_common_version(struct kunit *test)
{
	struct vn_ctx *x = vn_new(test);

	rx_vn(x, 0x5a6a7a8a, 0x6a7a8a9a);
	KUNIT_EXPECT_EQ(test, (int)x->c->state, (int)QUIC_CONN_CLOSED);
	KUNIT_EXPECT_EQ(test, x->c->close.err, EPROTONOSUPPORT);
	vn_free(test, x);
}

/* RFC 9368 §4: MUST be a version negotiation error */
static void server_contradicts(struct kunit *test)
{
	struct vn_ctx *x = vn_new(test);
	struct quic_tparam *tp = &x->p.e[1].c.local_tp;

	rx_vn(x, 0x5a6a7a8a, QUIC_VERSION_V1);
	PAIR_MUST(&x->p, end_tx(&x->p.e[0]));
	tp->has_versions = true;
	tp->chosen_version = QUIC_VERSION_V2;
	tp->versions[0] = QUIC_VERSION_V1;
	tp->nversions = 1;
	pair_sleep(&x->p, 300 * PAIR_MS);
	KUNIT_EXPECT_FALSE(test, x->c->confirmed);
	KUNIT_EXPECT_EQ(test, x->c->close.code, QUIC_TRANSPORT_ERROR_VERSION_NEGOTIATION);
	vn_free(test, x);
}

/* ---- a hostile one ---- */

static void send_vn(struct ctx *x, const struct quic_cid *dcid, const struct quic_cid *scid,
		    u32 a, u32 b)
{
	struct quic_vec d = { dcid->id, dcid->len }, s = { scid->id, scid->len };
	const u32 versions[] = { a, b };
	struct quic_wr w;

	quic_wr_init(&w, x->h.buf, PAIR_DGRAM);
	quic_hdr_put_vn(&w, &d, &s, versions, 2, 0x55);
	hostile_datagram(&x->h, x->h.buf, w.p - x->h.buf);
}

static void version_negotiation(struct kunit *test)
{
	static const struct quic_cid other = { 16, { 1, 2, 3 } };
	struct ctx *x = ctx_new(test);
	struct quic_conn *c = &x->p.e[0].c;
	struct quic_cid mine;

	pair_hello(&x->p);
	hostile_init(&x->h, &x->p.e[0]);
	mine = c->scids.e[0].cid;
	/* RFC 8999 §6, RFC 9000 §17.2.1: both IDs MUST be those of our packet, reversed */
	send_vn(x, &mine, &other, 0x1a2a3a4a, 0x2a3a4a5a);
	send_vn(x, &other, &c->odcid, 0x1a2a3a4a, 0x2a3a4a5a);
	/* RFC 9000 §6.2: MUST discard one that lists the version in use */
	send_vn(x, &mine, &c->odcid, 0x1a2a3a4a, QUIC_VERSION_V1);
	KUNIT_EXPECT_EQ(test, (int)c->state, (int)QUIC_CONN_HANDSHAKE);
	/* RFC 9000 §6.2: else MUST abandon the attempt */
	send_vn(x, &mine, &c->odcid, 0x1a2a3a4a, QUIC_VERSION_V2);
	KUNIT_EXPECT_EQ(test, (int)c->state, (int)QUIC_CONN_CLOSED);
	KUNIT_EXPECT_EQ(test, c->close.err, EPROTONOSUPPORT);
	KUNIT_EXPECT_EQ(test, x->p.e[0].mib[QUIC_MIB_DROP_VN], 4);
	KUNIT_EXPECT_EQ(test, hostile_look(&x->h), 0);
	ctx_free(test, x);
	/* RFC 9000 §6.2: MUST discard it once any other packet was processed */
	x = ctx_at(test, 0, INI);
	c = victim(x);
	mine = c->scids.e[0].cid;
	send_vn(x, &mine, &c->odcid, 0x1a2a3a4a, QUIC_VERSION_V2);
	send_vn(x, &mine, &c->dcids.e[0].cid, 0x1a2a3a4a, QUIC_VERSION_V2);
	KUNIT_EXPECT_EQ(test, (int)c->state, (int)QUIC_CONN_HANDSHAKE);
	ctx_free(test, x);
	/* a server never wants one */
	x = ctx_at(test, 1, INI);
	c = victim(x);
	send_vn(x, &c->scids.e[0].cid, &c->dcids.e[0].cid, 0x1a2a3a4a, QUIC_VERSION_V2);
	KUNIT_EXPECT_EQ(test, (int)c->state, (int)QUIC_CONN_HANDSHAKE);
	ctx_free(test, x);
}

static struct kunit_case conn_vn_cases[] = {
	KUNIT_CASE(follows),
	KUNIT_CASE(moves_on),
	KUNIT_CASE(only_once),
	KUNIT_CASE(no_common_version),
	KUNIT_CASE(server_contradicts),
	KUNIT_CASE(version_negotiation),
	{}
};

static struct kunit_suite conn_vn_suite = {
	.name = "conn_vn",
	.test_cases = conn_vn_cases,
};
kunit_test_suite(conn_vn_suite);

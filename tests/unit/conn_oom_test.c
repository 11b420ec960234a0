// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A handshake and a transfer both ways, in which memory runs out at the n-th
 * allocation, for all n: once for a while, and for good.  No crash, no leak,
 * never wrong data; the connection gets there in the end, or says why not.
 */
#include <kunit/test.h>
#include "conn_harness_test.h"
#include "crypto_ossl.h"

#define BYTES	60000

static bool early;	/* the client sends 0-RTT, and is moved to version 2 */

static void prepare(struct pair *p)
{
	struct quic_conn_config config;

	memset(p, 0, sizeof(*p));
	pair_init(p, &shim_crypto_null_ops);
	if (!early)
		return;
	p->early = true;
	p->e[0].c.peer_tp = p->e[1].c.local_tp;
	quic_streams_set_remote(&p->e[0].c.streams);
	config = p->e[1].c.config;
	config.version = QUIC_VERSION_V2;
	quic_conn_set_config(&p->e[1].c, &config);
}

/* What the user does; false: nothing can be done now. */
static void work(struct pair *p, s64 id[2], u32 written[2])
{
	struct end *e;
	u32 n;
	int i;

	for (i = 0; i < 2; i++) {
		e = &p->e[i];
		end_tls(e);
		if (e->c.state != QUIC_CONN_ESTABLISHED &&
		    (!early || i || e->c.state != QUIC_CONN_HANDSHAKE))
			continue;
		if (id[i] < 0)
			id[i] = end_open(e, true);
		n = min_t(u32, 10000, BYTES - written[i]);
		if (id[i] >= 0 && n && !end_write(e, id[i], n, n + written[i] == BYTES))
			written[i] += n;
		end_read(e);
	}
}

static bool over(const struct pair *p)
{
	return (p->e[0].fins && p->e[1].fins) || !quic_conn_is_open(&p->e[0].c) ||
	       !quic_conn_is_open(&p->e[1].c);
}

/* The kernel tries again a little later when quic_conn_tx() had no memory. */
static void run(struct pair *p, long fails)
{
	u32 written[2] = {}, i;
	s64 id[2] = { -1, -1 };

	for (i = 0; i < 400 && !over(p); i++) {
		end_tx(&p->e[0]);
		end_tx(&p->e[1]);
		p->now += PAIR_LEG;
		end_deliver(&p->e[1]);
		end_deliver(&p->e[0]);
		quic_conn_timeout(&p->e[0].c, p->now);
		quic_conn_timeout(&p->e[1].c, p->now);
		work(p, id, written);
		if (fails && i % 8 == 7)	/* memory is there again */
			shim_fail_alloc_after(-1);
	}
}

/* The allocations of the whole story. */
static long count_allocs(struct kunit *test, struct pair *p)
{
	long before;

	prepare(p);
	before = shim_allocs_made;
	pair_connect(p);
	run(p, 0);
	KUNIT_EXPECT_TRUE(test, p->e[0].fins && p->e[1].fins);
	before = shim_allocs_made - before;
	pair_free(p);
	KUNIT_EXPECT_EQ(test, p->error, 0);
	return before;
}

static bool start(struct pair *p)
{
	struct end *c = &p->e[0];

	return (c->c.state != QUIC_CONN_IDLE ||
		!quic_conn_connect(&c->c, &c->addr, &p->e[1].addr, NULL, 0, p->now)) &&
	       (!p->early || c->c.early || !tls_secret(c, QUIC_CRYPTO_EARLY, true)) &&
	       !tls_send(c, QUIC_CRYPTO_INITIAL, TLS_CLIENT_HELLO, p->hello, true);
}

static void try_oom(struct kunit *test, struct pair *p, long n, bool for_good)
{
	u64 got[2];
	bool started;

	prepare(p);
	shim_fail_alloc_after(n);
	started = start(p);
	if (started)
		run(p, !for_good);
	got[0] = p->e[0].got;
	got[1] = p->e[1].got;
	/* a try that failed may be repeated */
	shim_fail_alloc_after(-1);
	if (!started)
		KUNIT_EXPECT_TRUE_MSG(test, start(p), "start again, n %ld", n);
	run(p, 0);
	/* the stand-in for TLS gives up without memory; nothing else may */
	if (quic_conn_is_open(&p->e[0].c) && quic_conn_is_open(&p->e[1].c))
		KUNIT_EXPECT_TRUE_MSG(test, p->e[0].fins && p->e[1].fins,
				      "n %ld: %llu %llu bytes", n, got[0], got[1]);
	else
		KUNIT_EXPECT_TRUE_MSG(test, p->e[0].c.close.code == 0x0c ||
				      p->e[1].c.close.code == 0x0c ||
				      p->e[0].c.close.code == 0x150 ||
				      p->e[1].c.close.code == 0x150,
				      "n %ld: closed with %llu %llu", n, p->e[0].c.close.code,
				      p->e[1].c.close.code);
	pair_free(p);
	KUNIT_EXPECT_EQ_MSG(test, p->error, 0, "n %ld", n);
}

static void each_allocation(struct kunit *test, bool for_good)
{
	struct pair *p = malloc(sizeof(*p));
	long n, all;

	KUNIT_ASSERT_NOT_NULL(test, p);
	all = count_allocs(test, p);
	KUNIT_EXPECT_GT(test, all, 50);
	for (n = 0; n < all; n++)
		try_oom(test, p, n, for_good);
	free(p);
}

static void for_a_while(struct kunit *test)
{
	each_allocation(test, false);
}

static void for_good(struct kunit *test)
{
	each_allocation(test, true);
}

static void with_early(struct kunit *test)
{
	early = true;
	each_allocation(test, false);
	each_allocation(test, true);
	early = false;
}

static void init(struct kunit *test)
{
	struct quic_conn *c = malloc(sizeof(*c));
	struct quic_conn_ops ops = { .crypto = &shim_crypto_null_ops };
	struct quic_conn_config cfg;
	struct quic_tparam tp;

	pair_params(&tp);
	pair_config(&cfg);
	shim_fail_alloc_after(0);
	KUNIT_EXPECT_EQ(test, quic_conn_init(c, &ops, NULL, false, &cfg, &tp), -ENOMEM);
	shim_fail_alloc_after(-1);
	quic_conn_free(c);
	free(c);
}

static struct kunit_case conn_oom_cases[] = {
	KUNIT_CASE(init),
	KUNIT_CASE(for_a_while),
	KUNIT_CASE(for_good),
	KUNIT_CASE(with_early),
	{}
};

static struct kunit_suite conn_oom_suite = {
	.name = "conn_oom",
	.test_cases = conn_oom_cases,
};
kunit_test_suite(conn_oom_suite);

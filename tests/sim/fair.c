// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fairness: two bulk flows share a bottleneck, ours with one another and with a
 * model of TCP CUBIC (tcp.c).  One has the link to itself for a while, then the
 * other begins, in either order.  When they have had time to find their shares,
 * what the link carries of each is counted for 40 seconds.  On the average of the
 * seeds neither may have more than 60 %, nor ever more than twice the other's.
 *
 * Where the round trip is long, 40 seconds are few of CUBIC's periods, and who has
 * more of them is chaos (standard deviation: 7 %): a single one may be up to three
 * times the other's, and beside TCP more seeds are averaged.
 */
#include <stdio.h>
#include "scenario.h"
#include "tcp.h"

enum kind { RENO = QUIC_CONG_ALG_RENO, CUBIC = QUIC_CONG_ALG_CUBIC, TCP = QUIC_CONG_ALG_MAX };

#define ALONE		(5 * SEC)
#define COUNTED		(40 * SEC)
#define JITTER		MS	/* of ACKs, less than they are apart */
#define SHARE_MIN	400	/* per mille, on the average */
#define SHARE_EVER	333
#define SHARE_EVER_LONG	250
#define SEEDS_CHAOS	8	/* times as many */
#define USE_MIN		980	/* of the link, per mille: both may not be too modest, either */

struct fair {
	const char *name;
	enum kind kind[2];	/* of the first and of the second */
	u64 rate;		/* bits per second */
	u64 delay;		/* ns, one way */
	u32 packets;		/* in the queue */
	u64 settle;		/* ns; CUBIC's periods grow with the window */
	u32 seeds;		/* times as many as others */
	u64 ever;		/* per mille, of each seed */
};

/* the runner's link; one round trip of 100 ms; one of 10 ms; each with a queue of one more */
#define RUNNER		10000000, 15 * MS, 25, 10 * SEC, 1, SHARE_EVER
#define LONG		10000000, 50 * MS, 83, 60 * SEC, 1, SHARE_EVER_LONG
#define LONG_CHAOS	10000000, 50 * MS, 83, 60 * SEC, SEEDS_CHAOS, SHARE_EVER_LONG
#define SHORT		20000000, 5 * MS, 17, 5 * SEC, 1, SHARE_EVER

static const struct fair fair_cases[] = {
	{ "fair-cubic-cubic", { CUBIC, CUBIC }, RUNNER },
	{ "fair-reno-reno", { RENO, RENO }, RUNNER },
	{ "fair-cubic-reno", { CUBIC, RENO }, RUNNER },
	{ "fair-reno-cubic", { RENO, CUBIC }, RUNNER },
	{ "fair-cubic-tcp", { CUBIC, TCP }, RUNNER },
	{ "fair-tcp-cubic", { TCP, CUBIC }, RUNNER },
	{ "fair-reno-tcp", { RENO, TCP }, RUNNER },
	{ "fair-tcp-reno", { TCP, RENO }, RUNNER },
	{ "fair-tcp-tcp", { TCP, TCP }, RUNNER },
	{ "fair-long-cubic-cubic", { CUBIC, CUBIC }, LONG },
	{ "fair-long-reno-reno", { RENO, RENO }, LONG },
	{ "fair-long-cubic-tcp", { CUBIC, TCP }, LONG_CHAOS },
	{ "fair-long-tcp-cubic", { TCP, CUBIC }, LONG_CHAOS },
	{ "fair-long-tcp-tcp", { TCP, TCP }, LONG },
	{ "fair-short-cubic-cubic", { CUBIC, CUBIC }, SHORT },
	{ "fair-short-reno-reno", { RENO, RENO }, SHORT },
	{ "fair-short-cubic-tcp", { CUBIC, TCP }, SHORT },
	{ "fair-short-tcp-cubic", { TCP, CUBIC }, SHORT },
	{ "fair-short-reno-tcp", { RENO, TCP }, SHORT },
	{ "fair-short-tcp-tcp", { TCP, TCP }, SHORT },
};

const u32 nfair_cases = ARRAY_SIZE(fair_cases);

struct flow {
	enum kind kind;
	struct peer *client, *server;	/* QUIC */
	struct tcp *tcp;
};

/* More than the link takes while anybody looks. */
static const struct work endless = {
	.streams = 1, .at_once = 1, .up = 1ULL << 40, .write = 65536, .hello = 300, .flight = 2500,
};

static void flow_init(struct flow *f, struct sim *s, int end, enum kind kind,
		      const struct quic_crypto_ops *crypto)
{
	const struct scenario sc = { .cong = kind, .work = { .at_once = 1 } };
	struct quic_conn_config cfg;
	struct quic_tparam tp;

	f->kind = kind;
	if (kind == TCP) {
		f->tcp = tcp_new(s, end);
		return;
	}
	scenario_params(&sc, &tp, &cfg);
	f->client = peer_new(s, end, &endless, &cfg, &tp, crypto);
	f->server = peer_new(s, end + 1, &endless, &cfg, &tp, crypto);
	f->client->conn.streams.tuning = f->server->conn.streams.tuning = true;
}

static void flow_start(struct flow *f)
{
	if (f->kind == TCP)
		tcp_start(f->tcp);
	else
		peer_start(f->client);
}

static void flow_free(struct flow *f)
{
	if (f->kind == TCP) {
		tcp_free(f->tcp);
		return;
	}
	peer_free(f->client);
	peer_free(f->server);
}

static bool faulty(struct sim *s)
{
	u32 i;

	for (i = 0; i < s->ends; i++)
		if (s->peer[i] && peer_error(s->peer[i])[0])
			return true;
	return false;
}

static void pass(struct sim *s, u64 time)
{
	u64 until = s->now + time;

	sim_run(s, until, faulty);
	s->now = max(s->now, until);
}

/* Per mille of what was carried that was the second flow's, and of what could have been. */
static void play(const struct fair *fc, u64 seed, const struct quic_crypto_ops *crypto, u64 *share,
		 u64 *use, bool *bad)
{
	const struct link_params l = { .rate = fc->rate, .delay = fc->delay,
				       .packets = fc->packets };
	/* hosts are not that punctual: without, flows lock in phase with the queue */
	const struct link_params back = { .rate = fc->rate, .delay = fc->delay,
					  .packets = fc->packets, .jitter = JITTER };
	const struct link_params links[2] = { l, back };
	struct flow flow[2] = {};
	u64 before[2], got[2];
	struct sim s;
	int i;

	shim_random_seed(seed);
	sim_init(&s, seed, links);
	for (i = 0; i < 2; i++)
		flow_init(&flow[i], &s, 2 * i, fc->kind[i], crypto);
	flow_start(&flow[0]);
	/* seeds differ in when the second one comes upon the first */
	pass(&s, ALONE + sim_random(&s, SEC / 1000) * 1000);
	flow_start(&flow[1]);
	pass(&s, fc->settle);
	memcpy(before, s.link[0].carried, sizeof(before));
	pass(&s, COUNTED);
	for (i = 0; i < 2; i++)
		got[i] = s.link[0].carried[i] - before[i];
	*share = got[1] * 1000 / max(got[0] + got[1], 1ULL);
	*use = (got[0] + got[1]) * 8 * 1000 / (fc->rate * (COUNTED / SEC));
	*bad = faulty(&s);
	for (i = 0; i < 2; i++)
		flow_free(&flow[i]);
	sim_free(&s);
}

const char *fair_name(u32 i)
{
	return fair_cases[i].name;
}

static bool between(u64 share, u64 least)
{
	return share >= least && share <= 1000 - least;
}

bool fair_run(u32 i, u64 first, u64 n, const struct quic_crypto_ops *crypto, bool verbose)
{
	u64 share = 0, use, sum = 0, low = 1000, high = 0, seed;
	const struct fair *fc = &fair_cases[i];
	long live = shim_allocs_live;
	bool bad;

	n *= fc->seeds;
	for (seed = first; seed < first + n; seed++) {
		play(fc, seed, crypto, &share, &use, &bad);
		if (verbose)
			fprintf(stderr, "# %s/%llu second %llu used %llu\n", fc->name, seed, share,
				use);
		if (bad || !between(share, fc->ever) || use < USE_MIN ||
		    shim_allocs_live != live) {
			printf("not ok sim.%s - seed %llu: %s; the second's share %llu of 1000, "
			       "the link's use %llu\n", fc->name, seed, bad ? "a flow failed" : "unfair, idle or leaking",
			       share, use);
			return false;
		}
		sum += share;
		low = min(low, share);
		high = max(high, share);
	}
	printf("%s sim.%s %s %llu seeds, the second's share %llu of 1000 on average, "
	       "%llu to %llu\n",
	       between(sum / n, SHARE_MIN) ? "ok" : "not ok", fc->name,
	       between(sum / n, SHARE_MIN) ? "#" : "- unfair:", n, sum / n, low, high);
	return between(sum / n, SHARE_MIN);
}

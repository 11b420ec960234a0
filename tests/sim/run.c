// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plays the scenarios of the tables, each with many seeds: one line of result.
 *
 *   sim [-n SEEDS] [-s FIRST_SEED] [-v] [-c null|ossl] [NAME...]
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "scenario.h"
#include "shim/crypto_ossl.h"

static bool both_done(struct sim *s)
{
	return s->peer[0]->error[0] || s->peer[1]->error[0] ||
	       (peer_done(s->peer[0]) && peer_done(s->peer[1]));
}

static bool both_closed(struct sim *s)
{
	return s->peer[0]->conn.state == QUIC_CONN_CLOSED &&
	       (s->peer[1]->work->amnesia || s->peer[1]->conn.state == QUIC_CONN_CLOSED ||
		s->peer[1]->conn.state == QUIC_CONN_IDLE);
}

void scenario_params(const struct scenario *sc, struct quic_tparam *tp,
		     struct quic_conn_config *cfg)
{
	quic_tparam_default(tp);
	tp->max_idle_timeout = 30000;
	tp->max_udp_payload_size = QUIC_UDP_PAYLOAD_MAX;
	tp->active_connection_id_limit = 7;
	tp->max_data = sc->window ? sc->window * 3 / 2 : 65536 * 32;
	tp->max_stream_data_bidi_local = sc->window ? sc->window : 65536 * 4;
	tp->max_stream_data_bidi_remote = tp->max_stream_data_bidi_local;
	tp->max_stream_data_uni = tp->max_stream_data_bidi_local;
	if (sc->idle)
		tp->max_idle_timeout = sc->idle / MS;
	tp->max_streams_bidi = sc->streams_max ? sc->streams_max :
			       max_t(u64, 100, sc->work.at_once);
	tp->max_streams_uni = 100;
	tp->disable_1rtt_encryption = sc->plain;
	memset(cfg, 0, sizeof(*cfg));
	cfg->version = QUIC_VERSION_V1;
	cfg->cong = sc->cong;
	cfg->initial_rtt = QUIC_INITIAL_RTT;
	cfg->rcv_window_max = QUIC_STREAMS_WINDOW_MAX;
	cfg->keepalive = sc->keepalive;
	cfg->pmtud = sc->pmtud;
}

/*
 * As the interop runner has it: the file's bits over the time from the first to
 * the last 1-RTT packet at the client; per mille of the link's rate.
 */
static u64 goodput(const struct sim *s, const struct scenario *sc)
{
	const struct link *l = &s->link[1];

	return sc->work.down * 8 * SEC / max(l->short_last - l->short_first, 1ULL) * 1000 /
	       sc->down.rate;
}

static const char *outcome(struct sim *s, const struct scenario *sc, bool done)
{
	static char buf[160];
	int i;

	for (i = 0; i < 2; i++)
		if (peer_error(s->peer[i])[0]) {
			snprintf(buf, sizeof(buf), "%s: %s", i ? "server" : "client",
				 peer_error(s->peer[i]));
			return buf;
		}
	if (sc->upgrade && s->peer[0]->conn.version != QUIC_VERSION_V2)
		return "not in version 2";
	if (sc->must_fail && sc->work.amnesia && s->peer[0]->conn.close.err != ECONNRESET)
		return "the stateless reset was not recognized";
	/* one that soon is followed by another need not be told of */
	if (done && (sc->work.moves || sc->nat.every) && !sc->up.loss &&
	    (s->peer[0]->moved < sc->work.moves || !s->peer[1]->followed))
		return "nobody moved, or the server did not follow";
	if (sc->mtu && (s->peer[0]->conn.path.mtu > sc->mtu - 28 ||
			s->peer[0]->conn.path.mtu + 16 < sc->mtu - 28))
		return "the path's MTU was not found";
	if (sc->ecn && (s->peer[0]->conn.loss.ecn_capable != (sc->ecn > 0) ||
			s->peer[0]->conn.loss.ecn_failed != (sc->ecn < 0)))
		return "wrong verdict on ECN";
	/* no queue was full: what slowed it down were the marks */
	if (sc->ecn > 0 && !s->peer[0]->conn.cc.events)
		return "CE is no sign of congestion";
	if (sc->must_fail)
		return done ? NULL : "not given up in time";
	if (!done) {
		snprintf(buf, sizeof(buf), "not done at %llu ms: states %d %d, codes %llu %llu",
			 (s->now - SEC) / MS, s->peer[0]->conn.state, s->peer[1]->conn.state,
			 s->peer[0]->conn.close.code, s->peer[1]->conn.close.code);
		return buf;
	}
	if (sc->goodput && goodput(s, sc) < sc->goodput) {
		snprintf(buf, sizeof(buf), "goodput is %llu per mille of the link",
			 goodput(s, sc));
		return buf;
	}
	return sc->check ? sc->check(s) : NULL;
}

/* Close, and see both ends come to rest; then nothing may be left in flight of the peer's. */
static const char *finish(struct sim *s)
{
	quic_conn_close(&s->peer[0]->conn, true, 7, (const u8 *)"bye", 3, s->now);
	peer_timer(s->peer[0]);
	if (!sim_run(s, s->now + 300 * SEC, both_closed))
		return "did not close";
	return NULL;
}

static bool verbose;

/* One connection: NULL, or what is wrong; *@took: virtual ns. */
static const char *connection(const struct scenario *sc, u64 seed, u64 bound,
			      const struct quic_crypto_ops *crypto, u64 *took)
{
	const struct link_params links[2] = { sc->up, sc->down };
	struct quic_conn_config cfg;
	struct quic_tparam tp;
	const char *why;
	struct sim s;
	bool done;
	int i;

	shim_random_seed(seed);
	sim_init(&s, seed, links);
	s.nat = sc->nat;
	scenario_params(sc, &tp, &cfg);
	for (i = 0; i < 2; i++) {
		if (i && sc->upgrade)
			cfg.version = QUIC_VERSION_V2;
		tp.has_token = i && sc->work.amnesia;	/* RFC 9000 §18.2: a server's alone */
		peer_new(&s, i, &sc->work, &cfg, &tp, crypto)->conn.streams.tuning = !sc->fixed;
	}
	peer_start(s.peer[0]);
	done = sim_run(&s, SEC + bound, sc->must_fail ? both_closed : both_done);
	*took = s.now - SEC;
	why = outcome(&s, sc, done);
	if (!why && !sc->must_fail)
		why = finish(&s);
	if (verbose)
		fprintf(stderr, "# %s/%llu %llu.%03llu ms sent %llu+%llu lost %llu+%llu "
			"cwnd %llu %llu goodput %llu\n", sc->name, seed, *took / MS, *took / 1000 % 1000, s.link[0].count,
			s.link[1].count, s.link[0].lost, s.link[1].lost, s.peer[0]->conn.cc.cwnd,
			s.peer[1]->conn.cc.cwnd, goodput(&s, sc));
	for (i = 0; i < 2; i++)
		peer_free(s.peer[i]);
	sim_free(&s);
	return why;
}

static const char *run(const struct scenario *sc, u64 seed, const struct quic_crypto_ops *crypto,
		       u64 *took)
{
	u64 each = sc->each ? sc->each : sc->bound, one;
	u32 i, n = sc->conns ? sc->conns : 1;
	const char *why = NULL;

	*took = 0;
	for (i = 0; i < n && !why; i++) {
		why = connection(sc, sc->conns ? seed * 1000 + i : seed, each, crypto, &one);
		*took += one;
	}
	return why ? why : *took > sc->bound ? "all in order, but too late" : NULL;
}

static bool selected(const char *name, int argc, char **argv)
{
	int i;

	for (i = optind; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return optind >= argc;
}

static int by_size(const void *a, const void *b)
{
	const u64 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* All seeds of one scenario: one line of result. */
static bool run_scenario(const struct scenario *sc, u64 first, u64 n,
			 const struct quic_crypto_ops *crypto)
{
	u64 seed = first, *took, done = 0;
	long live = shim_allocs_live;
	const char *why = NULL;

	n = sc->heavy ? (n + 9) / 10 : n;
	took = calloc(n, sizeof(*took));
	for (; done < n && !why; seed++) {
		why = run(sc, seed, crypto, &took[done++]);
		if (!why && shim_allocs_live != live)
			why = "memory was left behind";
	}
	qsort(took, done, sizeof(*took), by_size);
	if (why)
		printf("not ok sim.%s - seed %llu: %s\n", sc->name, seed - 1, why);
	else if (done)
		printf("ok sim.%s # %llu seeds, median %llu, worst %llu ms of %llu virtual\n",
		       sc->name, done, took[done / 2] / MS, took[done - 1] / MS, sc->bound / MS);
	free(took);
	return !why;
}

static bool run_table(const struct scenario *table, u32 size, u64 first, u64 n,
		      const struct quic_crypto_ops *crypto, int argc, char **argv)
{
	bool ok = true;
	u32 i;

	for (i = 0; i < size; i++)
		if (selected(table[i].name, argc, argv))
			ok &= run_scenario(&table[i], first, n, crypto);
	return ok;
}

/* Long ones: a few seeds will do. */
static bool run_fair(u64 first, u64 n, const struct quic_crypto_ops *crypto, int argc, char **argv)
{
	bool ok = true;
	u32 i;

	for (i = 0; i < nfair_cases; i++)
		if (selected(fair_name(i), argc, argv))
			ok &= fair_run(i, first, max(2ULL, n / 100), crypto, verbose);
	return ok;
}

int main(int argc, char **argv)
{
	const struct quic_crypto_ops *crypto = &shim_crypto_null_ops;
	u64 first = 1, n = 12;
	bool ok;
	int opt;

	while ((opt = getopt(argc, argv, "n:s:vc:")) != -1) {
		switch (opt) {
		case 'n':
			n = strtoull(optarg, NULL, 0);
			break;
		case 's':
			first = strtoull(optarg, NULL, 0);
			break;
		case 'v':
			verbose = true;
			break;
		case 'c':
			crypto = strcmp(optarg, "ossl") ? &shim_crypto_null_ops : &shim_crypto_ops;
			break;
		default:
			fprintf(stderr, "usage: sim [-n SEEDS] [-s FIRST] [-v] [-c null|ossl] [NAME...]\n");
			return 2;
		}
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	ok = run_table(scenarios, nscenarios, first, n, crypto, argc, argv);
	ok &= run_table(interop_cases, ninterop_cases, first, n, crypto, argc, argv);
	ok &= run_fair(first, n, crypto, argc, argv);
	return !ok;
}

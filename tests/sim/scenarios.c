// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of scenarios: a network, a load, and a bound on the virtual time
 * that it may take: a regression of the protocol shows as a longer virtual
 * time, on any machine.  Each scenario runs with many seeds; bounds are 1.3
 * times the worst of 200 of them.
 *
 *   sim [-n SEEDS] [-s FIRST_SEED] [-v] [-c null|ossl] [NAME...]
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "sim.h"
#include "shim/crypto_ossl.h"

struct scenario {
	const char *name;
	struct link_params up, down;
	struct work work;
	u64 bound;		/* virtual ns until the client has all */
	u8 cong;
	bool plain;		/* 1-RTT packets go unprotected */
	bool must_fail;		/* the link is dead: both must give up, in bound */
	bool heavy;		/* a tenth of the seeds will do */
	u64 window;		/* a stream's first receive window; 0: the usual */
	bool fixed;		/* windows do not grow */
	u64 idle, keepalive;	/* ns; idle 0: the usual */
	bool upgrade;		/* the server moves the client to version 2 */
	struct nat nat;
	u64 pmtud;		/* ns */
	u16 mtu;		/* that the client must have found, within 16 bytes */
	int ecn;		/* the client's path in the end: 1 capable, -1 not; 0: either */
};

#define LINK(...)	{ .delay = 15 * MS, .rate = 10000000, .queue = 40000, __VA_ARGS__ }
#define FAST(...)	{ .delay = 1 * MS, .rate = 1000000000, .queue = 500000, __VA_ARGS__ }
#define FAT(...)	{ .delay = 50 * MS, .rate = 1000000000, .queue = 12500000, __VA_ARGS__ }
#define LOAD(...)	{ .streams = 1, .at_once = 1, .write = 65536, .hello = 300, \
			  .flight = 2500, __VA_ARGS__ }

static const struct scenario scenarios[] = {
	{ "handshake", LINK(), LINK(), LOAD(.up = 100, .down = 100), 85 * MS },
	{ "big-hello", LINK(), LINK(), LOAD(.up = 100, .down = 100, .hello = 1700, .flight = 12000),
	  130 * MS },
	{ "upload", LINK(), LINK(), LOAD(.up = 1 << 20), 1300 * MS },
	{ "download", LINK(), LINK(), LOAD(.up = 10, .down = 1 << 20), 1300 * MS },
	{ "cubic", LINK(), LINK(), LOAD(.up = 10, .down = 2 << 20), 2450 * MS,
	  .cong = QUIC_CONG_ALG_CUBIC },
	{ "fast", FAST(), FAST(), LOAD(.up = 8 << 20, .write = 4096), 110 * MS },
	{ "plain", FAST(), FAST(), LOAD(.streams = 3, .at_once = 3, .up = 2 << 20, .down = 2 << 20),
	  140 * MS, .plain = true },
	{ "streams", LINK(), LINK(), LOAD(.streams = 400, .at_once = 90, .up = 500, .down = 500),
	  450 * MS },
	{ "many-streams", FAST(), FAST(), LOAD(.streams = 2000, .at_once = 2000, .up = 32,
	  .down = 32), 15 * MS },
	{ "resets", LINK(), LINK(), LOAD(.streams = 60, .at_once = 20, .up = 20000, .down = 5000,
	  .reset_every = 3), 1050 * MS },
	{ "slow-reader", LINK(), LINK(), LOAD(.up = 10, .down = 200000, .read_limit = 2000),
	  1400 * MS },
	{ "loss-2", LINK(.loss = 200), LINK(.loss = 200), LOAD(.up = 300000, .down = 300000),
	  4600 * MS },
	{ "loss-30", LINK(.loss = 3000), LINK(.loss = 3000), LOAD(.up = 20000, .down = 20000),
	  49 * SEC },
	{ "reorder", LINK(.reorder = 500, .jitter = 5 * MS), LINK(.reorder = 500, .jitter = 5 * MS),
	  LOAD(.up = 300000, .down = 300000), 3650 * MS },
	{ "duplicate", LINK(.dup = 2000), LINK(.dup = 2000), LOAD(.up = 300000, .down = 300000),
	  820 * MS },
	{ "corrupt", LINK(.corrupt = 300), LINK(.corrupt = 300),
	  LOAD(.up = 200000, .down = 200000), 4350 * MS },
	{ "mess", LINK(.loss = 500, .dup = 300, .corrupt = 200, .reorder = 300, .jitter = 3 * MS),
	  LINK(.loss = 500, .dup = 300, .corrupt = 200, .reorder = 300, .jitter = 3 * MS),
	  LOAD(.streams = 30, .at_once = 10, .up = 10000, .down = 10000, .reset_every = 7,
	       .key_updates = 2), 6950 * MS },
	{ "key-updates", LINK(), LINK(), LOAD(.up = 500000, .down = 500000, .key_updates = 5),
	  1250 * MS },
	{ "hole", LINK(.hole_from = 1500 * MS, .hole_to = 3500 * MS),
	  LINK(.hole_from = 1500 * MS, .hole_to = 3500 * MS), LOAD(.up = 2 << 20), 7450 * MS },
	{ "long-delay", { .delay = 750 * MS, .rate = 10000000 }, { .delay = 750 * MS,
	  .rate = 10000000 }, LOAD(.up = 1000, .down = 1000), 3950 * MS },
	{ "amplification", LINK(.drop_from = 2, .drop_to = 8), LINK(),
	  LOAD(.up = 100, .down = 5000, .flight = 9000), 1050 * MS },
	{ "duplex", LINK(), LINK(), LOAD(.streams = 30, .at_once = 30, .up = 30000, .down = 30000,
	  .duplex = true), 1300 * MS },
	{ "duplex-loss", LINK(.loss = 200), LINK(.loss = 200), LOAD(.streams = 30, .at_once = 30,
	  .up = 20000, .down = 20000, .duplex = true), 4700 * MS },
	{ "pushed", LINK(), LINK(), LOAD(.up = 100, .down = 100, .pushes = 150, .push = 4000),
	  780 * MS },
	{ "pushed-loss", LINK(.loss = 300), LINK(.loss = 300), LOAD(.up = 100, .down = 100,
	  .pushes = 150, .push = 2000), 4750 * MS },
	{ "starved", LINK(), LINK(), LOAD(.up = 200000, .down = 200000), 6050 * MS,
	  .window = 4000, .fixed = true },
	{ "starved-tuned", LINK(), LINK(), LOAD(.up = 1 << 20), 1400 * MS, .window = 4000 },
	{ "tiny", LINK(), LINK(), LOAD(.up = 3000, .down = 3000, .write = 1), 2400 * MS,
	  .window = 100, .fixed = true },
	{ "tiny-loss", LINK(.loss = 500), LINK(.loss = 500), LOAD(.streams = 5, .at_once = 5,
	  .up = 1000, .down = 1000, .write = 1), 6450 * MS, .window = 100, .fixed = true },
	{ "retry", LINK(), LINK(), LOAD(.up = 100, .down = 100, .retry = true), 130 * MS },
	{ "retry-loss", LINK(.loss = 2000), LINK(.loss = 2000), LOAD(.up = 100, .down = 100,
	  .retry = true), 11500 * MS },
	{ "early", LINK(), LINK(), LOAD(.up = 8000, .down = 100, .early = true), 85 * MS },
	{ "early-refused", LINK(), LINK(), LOAD(.streams = 5, .at_once = 5, .up = 5000, .down = 100,
	  .early = true, .refuse = true), 110 * MS },
	{ "early-mess", LINK(.loss = 500, .dup = 300, .reorder = 300, .jitter = 5 * MS),
	  LINK(.loss = 500, .dup = 300, .reorder = 300, .jitter = 5 * MS),
	  LOAD(.streams = 5, .at_once = 5, .up = 5000, .down = 5000, .early = true), 7400 * MS },
	{ "early-refused-mess", LINK(.loss = 500, .dup = 300, .reorder = 300, .jitter = 5 * MS),
	  LINK(.loss = 500, .dup = 300, .reorder = 300, .jitter = 5 * MS),
	  LOAD(.streams = 5, .at_once = 5, .up = 5000, .down = 5000, .early = true,
	       .refuse = true), 7500 * MS },
	{ "early-retry", LINK(.loss = 200), LINK(.loss = 200), LOAD(.up = 20000, .down = 100,
	  .early = true, .retry = true), 3050 * MS },
	{ "upgrade", LINK(), LINK(), LOAD(.up = 100, .down = 100), 85 * MS, .upgrade = true },
	{ "upgrade-mess", LINK(.loss = 1000, .dup = 300, .reorder = 1000, .jitter = 20 * MS),
	  LINK(.loss = 1000, .dup = 300, .reorder = 1000, .jitter = 20 * MS),
	  LOAD(.up = 3000, .down = 3000, .hello = 1700, .early = true), 11400 * MS,
	  .upgrade = true },
	{ "upgrade-retry", LINK(.loss = 500), LINK(.loss = 500), LOAD(.up = 100, .down = 100,
	  .retry = true), 2850 * MS, .upgrade = true },
	{ "keepalive", LINK(), LINK(), LOAD(.streams = 4, .up = 10, .down = 10, .think = 60 * SEC),
	  184 * SEC, .idle = 10 * SEC, .keepalive = 4 * SEC },
	{ "bursts", LINK(.burst = 50), LINK(.burst = 50), LOAD(.up = 300000, .down = 300000),
	  2600 * MS },
	{ "ack-loss", LINK(), LINK(.loss = 3000), LOAD(.up = 1 << 20), 12 * SEC },
	{ "asymmetric", LINK(.rate = 10000000), LINK(.rate = 200000, .queue = 10000),
	  LOAD(.up = 2 << 20), 3200 * MS },
	{ "bloat", LINK(.queue = 2000000), LINK(.queue = 2000000), LOAD(.up = 4 << 20), 4700 * MS },
	{ "reordered-handshake", LINK(.jitter = 30 * MS), LINK(.jitter = 30 * MS),
	  LOAD(.up = 100, .down = 100, .hello = 2500, .flight = 9000), 230 * MS },
	/* nine tenths of what the link can carry */
	{ "goodput-reno", LINK(), LINK(), LOAD(.up = 10 << 20), 9320 * MS },
	{ "goodput-cubic", LINK(), LINK(), LOAD(.up = 10 << 20), 9320 * MS,
	  .cong = QUIC_CONG_ALG_CUBIC },
	{ "far", FAT(), FAT(), LOAD(.up = 200 << 20, .sndbuf = 64 << 20), 4150 * MS,
	  .cong = QUIC_CONG_ALG_CUBIC, .heavy = true },
	{ "rebind-port", LINK(), LINK(), LOAD(.up = 2 << 20, .down = 2 << 20), 5750 * MS,
	  .nat = { .every = 700 * MS } },
	{ "rebind-download", LINK(), LINK(), LOAD(.up = 10, .down = 4 << 20), 5150 * MS,
	  .nat = { .every = 700 * MS, .hosts = true } },
	{ "rebind-host", LINK(), LINK(), LOAD(.up = 2 << 20, .down = 2 << 20), 5050 * MS,
	  .nat = { .every = 700 * MS, .hosts = true } },
	{ "rebind-loss", LINK(.loss = 500), LINK(.loss = 500), LOAD(.up = 600000, .down = 600000),
	  13500 * MS, .nat = { .every = 2500 * MS, .hosts = true }, .keepalive = SEC },
	{ "rebind-idle", LINK(), LINK(), LOAD(.streams = 4, .up = 1000, .down = 1000,
	  .think = 20 * SEC), 62 * SEC, .nat = { .every = 15 * SEC, .hosts = true } },
	{ "move", LINK(), LINK(), LOAD(.up = 2 << 20, .down = 2 << 20, .moves = 5), 5350 * MS },
	{ "move-loss", LINK(.loss = 500), LINK(.loss = 500), LOAD(.up = 500000, .down = 500000,
	  .moves = 3), 14 * SEC },
	{ "mtu-9000", LINK(.mtu = 9000), LINK(.mtu = 9000), LOAD(.up = 1 << 20, .mtu = 9000),
	  2 * SEC, .pmtud = 5 * SEC, .mtu = 9000 },
	{ "mtu-1400", LINK(.mtu = 1400), LINK(.mtu = 1400), LOAD(.up = 1 << 20), 1300 * MS,
	  .pmtud = 5 * SEC, .mtu = 1400 },
	{ "mtu-shrinks", LINK(.mtu = 1500, .mtu_then = 1400), LINK(.mtu = 1500, .mtu_then = 1400),
	  LOAD(.up = 4 << 20), 5700 * MS, .pmtud = 5 * SEC, .mtu = 1400 },
	{ "ecn", LINK(.ce = 100), LINK(.ce = 100), LOAD(.up = 1 << 20), 3800 * MS, .ecn = 1 },
	{ "ecn-bleached", LINK(.bleach = true), LINK(), LOAD(.up = 1 << 20), 1300 * MS,
	  .ecn = -1 },
	{ "reset", LINK(), LINK(), LOAD(.up = 4 << 20, .amnesia = 800 * MS), 1350 * MS,
	  .must_fail = true },
	{ "dead", LINK(.hole_to = U64_MAX), LINK(), LOAD(.up = 1), 31 * SEC, .must_fail = true },
	{ "dies", LINK(.hole_from = 1500 * MS, .hole_to = U64_MAX),
	  LINK(.hole_from = 1500 * MS, .hole_to = U64_MAX), LOAD(.up = 4 << 20), 31500 * MS,
	  .must_fail = true },
};

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

static void params(struct quic_tparam *tp, struct quic_conn_config *cfg, const struct scenario *sc)
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
	tp->max_streams_bidi = max_t(u64, 100, sc->work.at_once);
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
	return NULL;
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

static const char *run(const struct scenario *sc, u64 seed, const struct quic_crypto_ops *crypto,
		       u64 *took)
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
	params(&tp, &cfg, sc);
	for (i = 0; i < 2; i++) {
		if (i && sc->upgrade)
			cfg.version = QUIC_VERSION_V2;
		tp.has_token = i && sc->work.amnesia;	/* RFC 9000 §18.2: a server's alone */
		peer_new(&s, i, &sc->work, &cfg, &tp, crypto)->conn.streams.tuning = !sc->fixed;
	}
	peer_start(s.peer[0]);
	done = sim_run(&s, SEC + sc->bound, sc->must_fail ? both_closed : both_done);
	*took = s.now - SEC;
	why = outcome(&s, sc, done);
	if (!why && !sc->must_fail)
		why = finish(&s);
	if (verbose)
		fprintf(stderr, "# %s/%llu %llu.%03llu ms sent %llu+%llu lost %llu+%llu cwnd %llu %llu\n",
			sc->name, seed, *took / MS, *took / 1000 % 1000, s.link[0].count,
			s.link[1].count, s.link[0].lost, s.link[1].lost, s.peer[0]->conn.cc.cwnd,
			s.peer[1]->conn.cc.cwnd);
	for (i = 0; i < 2; i++)
		peer_free(s.peer[i]);
	sim_free(&s);
	return why;
}

static bool selected(const char *name, int argc, char **argv)
{
	int i;

	for (i = optind; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return optind >= argc;
}

/* All seeds of one scenario: one line of result. */
static bool run_scenario(const struct scenario *sc, u64 first, u64 n,
			 const struct quic_crypto_ops *crypto)
{
	u64 seed, took, worst = 0;
	long live = shim_allocs_live;
	const char *why = NULL;

	n = sc->heavy ? (n + 9) / 10 : n;
	for (seed = first; seed < first + n && !why; seed++) {
		why = run(sc, seed, crypto, &took);
		worst = max(worst, took);
		if (!why && shim_allocs_live != live)
			why = "memory was left behind";
	}
	if (why) {
		printf("not ok sim.%s - seed %llu: %s\n", sc->name, seed - 1, why);
		return false;
	}
	printf("ok sim.%s # %llu seeds, worst %llu ms of %llu virtual\n", sc->name, n, worst / MS,
	       sc->bound / MS);
	return true;
}

int main(int argc, char **argv)
{
	const struct quic_crypto_ops *crypto = &shim_crypto_null_ops;
	u64 first = 1, n = 12;
	bool ok = true;
	size_t i;
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
	for (i = 0; i < ARRAY_SIZE(scenarios); i++)
		if (selected(scenarios[i].name, argc, argv))
			ok &= run_scenario(&scenarios[i], first, n, crypto);
	return !ok;
}

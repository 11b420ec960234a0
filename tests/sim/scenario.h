/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tables of scenarios consist of: a network, a load, and what must
 * come of it.  run.c plays them.
 */
#ifndef _SCENARIO_H
#define _SCENARIO_H

#include "sim.h"

struct scenario {
	const char *name;
	struct link_params up, down;
	struct work work;
	u64 bound;		/* virtual ns until the client has all */
	u8 cong;
	bool plain;		/* 1-RTT packets go unprotected */
	bool must_fail;		/* the link is dead: both must give up, in bound */
	bool heavy;		/* seconds of computing: a tenth of the seeds will do */
	u64 window;		/* a stream's first receive window; 0: the usual */
	bool fixed;		/* windows do not grow */
	u64 idle, keepalive;	/* ns; idle 0: the usual */
	bool upgrade;		/* the server moves the client to version 2 */
	struct nat nat;
	u64 pmtud;		/* ns */
	u16 mtu;		/* that the client must have found, within 16 bytes */
	int ecn;		/* the client's path in the end: 1 capable, -1 not; 0: either */
	u32 streams_max;	/* that the server allows at first; 0: as many as at_once */
	u32 conns;		/* one after the other; the bound is on their sum; 0: one */
	u64 each;		/* bound on any of them; 0: none */
	u32 goodput;		/* per mille of the link's rate that the files came with, at least */
	const char *(*check)(const struct sim *s);	/* NULL: in order, else what is not */
};

#define LOAD(...)	{ .streams = 1, .at_once = 1, .write = 65536, .hello = 300, \
			  .flight = 2500, __VA_ARGS__ }

extern const struct scenario scenarios[], interop_cases[];
extern const u32 nscenarios, ninterop_cases;

/* The parameters and options of either end. */
void scenario_params(const struct scenario *sc, struct quic_tparam *tp,
		     struct quic_conn_config *cfg);

/* ---- fair.c ---- */

extern const u32 nfair_cases;
const char *fair_name(u32 i);
/* Seeds of a case: true if all were fair. */
bool fair_run(u32 i, u64 first, u64 n, const struct quic_crypto_ops *crypto, bool verbose);

#endif /* _SCENARIO_H */

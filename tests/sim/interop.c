// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The cases of the public interop runner that are about the network, core
 * against core: its link (10 Mbit/s, 15 ms, a queue of 25 packets), its
 * files, its loss and its NAT.  What another implementation shows in minutes of
 * real time shows here without one, and to the bit.
 *
 * Bounds have a reason, given with each: round trips and the time that the
 * bytes take on the link.  Files go from server to client, as there.
 */
#include "scenario.h"

#define RTT		(30 * MS)
/* a file of so many bytes on the link, of which packets of 1500 carry 1439 */
#define SENDING(bytes)	((u64)(bytes) * 1500 / 1439 * 800)
#define MB		(1 << 20)
/*
 * With 2 % of loss a window of NewReno's carries 1.22 / sqrt(0.02) packets a round
 * trip on average: 3.1 Mbit/s.  Half of that at least.
 */
#define LOSSY(bytes)	((u64)(bytes) * 8 * SEC / 3100000 * 2)
/* handshake, request, slow start, a few recoveries */
#define ROUNDS		(10 * RTT)

#define NET(...)	{ .delay = 15 * MS, .rate = 10000000, .packets = 25, __VA_ARGS__ }
#define BOTH(...)	NET(__VA_ARGS__), NET(__VA_ARGS__)
/* a request, and the file that answers it */
#define GET(...)	LOAD(.up = 20, __VA_ARGS__)

static const char *one_phase_on(const struct sim *s)
{
	return s->peer[0]->conn.keys.phase && s->peer[1]->conn.keys.phase ?
	       NULL : "not both sent key phase 1";
}

/* of 40 requests with names of 250 characters: most went in 0-RTT packets */
static const char *went_early(const struct sim *s)
{
	return s->link[0].short_bytes <= 5000 ? NULL : "more than 5000 bytes in 1-RTT packets";
}

static const char *marks_counted(const struct sim *s)
{
	return s->peer[0]->conn.loss.ecn_capable && s->peer[1]->conn.loss.ecn_capable &&
	       s->peer[0]->conn.space[QUIC_SPACE_APP]->ack.ect0 &&
	       s->peer[1]->conn.space[QUIC_SPACE_APP]->ack.ect0 ?
	       NULL : "not marked ECT, or not counted, in both directions";
}

static const char *moved_to_preferred(const struct sim *s)
{
	const struct quic_conn *c = &s->peer[0]->conn;
	struct quic_addr there = peer_preferred();

	if (!quic_addr_equal(&c->path.remote, &there) || c->path.state != QUIC_PATH_VALIDATED)
		return "the preferred address is not in use";
	return c->dcids.active ? NULL : "no new connection ID on the new path";
}

const struct scenario interop_cases[] = {
	/* TLS, request and file: two round trips; eight packets */
	{ "interop-handshake", BOTH(), GET(.down = 1024), 2 * RTT + 10 * MS },
	{ "interop-transfer", BOTH(), GET(.streams = 3, .at_once = 3, .file = { 2 * MB, 3 * MB,
	  5 * MB }), SENDING(10 * MB) + ROUNDS, .heavy = true },
	{ "interop-transfer-cubic", BOTH(), GET(.streams = 3, .at_once = 3, .file = { 2 * MB,
	  3 * MB, 5 * MB }), SENDING(10 * MB) + ROUNDS, .cong = QUIC_CONG_ALG_CUBIC, .heavy = true },
	{ "interop-longrtt", BOTH(.delay = 750 * MS), GET(.down = 1024), 3 * SEC + 20 * MS },
	/*
	 * 100 streams at a time: a round trip for request and answer, one more until the
	 * answer is acknowledged and the limit raised
	 */
	{ "interop-multiplexing", BOTH(), GET(.streams = 1999, .at_once = 1999, .down = 32),
	  (20 * 2 + 2) * (RTT + 2 * MS), .streams_max = 100 },
	{ "interop-retry", BOTH(), GET(.down = 10240, .retry = true), 3 * RTT + 25 * MS },
	{ "interop-zerortt", BOTH(), LOAD(.streams = 40, .at_once = 40, .up = 260, .down = 32,
	  .early = true), 2 * RTT + 10 * MS, .check = went_early },
	/*
	 * The timeout doubles: silence lasts twice as long as the hole, and as long as the first
	 * timeout; then slow start
	 */
	{ "interop-blackhole", BOTH(.hole_from = 6 * SEC, .hole_to = 8 * SEC), GET(.down = 10 * MB),
	  SENDING(10 * MB) + 4 * SEC + ROUNDS, .heavy = true },
	{ "interop-blackhole-cubic", BOTH(.hole_from = 6 * SEC, .hole_to = 8 * SEC),
	  GET(.down = 10 * MB), SENDING(10 * MB) + 4 * SEC + ROUNDS,
	  .cong = QUIC_CONG_ALG_CUBIC, .heavy = true },
	{ "interop-keyupdate", BOTH(), GET(.down = 3 * MB, .key_updates = 1),
	  SENDING(3 * MB) + ROUNDS, .check = one_phase_on },
	{ "interop-ecn", BOTH(), GET(.down = 100 << 10), SENDING(100 << 10) + ROUNDS,
	  .check = marks_counted },
	/* the client's second to seventh packet: two timeouts, of 90 ms and of twice that */
	{ "interop-amplification", NET(.drop_from = 2, .drop_to = 8), NET(),
	  GET(.down = 5 << 10, .flight = 9000), (1 + 2) * 90 * MS + 6 * RTT },
	/*
	 * A ClientHello that is lost costs a second, what is lost after it timeouts of 90 ms
	 * and their doubles: a second and a half each, and less than handshake_timeout
	 */
	{ "interop-handshakeloss", BOTH(.loss = 3000, .in_row = 3), GET(.down = 1024),
	  50 * 1500 * MS, .conns = 50, .each = 20 * SEC },
	{ "interop-handshakecorruption", BOTH(.spoil = 3000, .in_row = 3), GET(.down = 1024),
	  50 * 1500 * MS, .conns = 50, .each = 20 * SEC },
	{ "interop-transferloss", BOTH(.loss = 200), GET(.down = 2 * MB), LOSSY(2 * MB) },
	{ "interop-transferloss-cubic", BOTH(.loss = 200), GET(.down = 2 * MB), LOSSY(2 * MB),
	  .cong = QUIC_CONG_ALG_CUBIC },
	{ "interop-transfercorruption", BOTH(.spoil = 200), GET(.down = 2 * MB), LOSSY(2 * MB) },
	/*
	 * Twice: what was under way is lost, and the new path validated; a lost challenge is
	 * repeated after a second
	 */
	{ "interop-rebind-port", BOTH(), GET(.down = 10 * MB), SENDING(10 * MB) + 2 * ROUNDS + SEC,
	  .nat = { .first = SEC, .every = 5 * SEC }, .heavy = true },
	{ "interop-rebind-addr", BOTH(), GET(.down = 10 * MB), SENDING(10 * MB) + 2 * ROUNDS + SEC,
	  .nat = { .first = SEC, .every = 5 * SEC, .hosts = true }, .heavy = true },
	{ "interop-migration", BOTH(), GET(.down = 2 * MB, .prefer = true),
	  SENDING(2 * MB) + ROUNDS, .check = moved_to_preferred },
	{ "interop-goodput", BOTH(), GET(.down = 10 * MB), SENDING(10 * MB) + ROUNDS,
	  .goodput = 930, .heavy = true },
	{ "interop-goodput-cubic", BOTH(), GET(.down = 10 * MB), SENDING(10 * MB) + ROUNDS,
	  .goodput = 930, .cong = QUIC_CONG_ALG_CUBIC, .heavy = true },
};

const u32 ninterop_cases = ARRAY_SIZE(interop_cases);

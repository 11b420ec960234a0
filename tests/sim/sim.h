/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A deterministic network simulator: two cores, a link in each direction, one
 * virtual clock.  Nothing sleeps, nothing asks the host's time; a seed repeats
 * a run to the bit.  Neighbours: net.c (clock, links), peer.c (a connection
 * with a stand-in for TLS and an application), tcp.c (a model of TCP),
 * scenarios.c and interop.c (tables), fair.c (flows that share a link), run.c.
 *
 * The flows of a simulation share its links.  Each has two ends, numbered 2n
 * (client) and 2n + 1 (server); most simulations have one flow.
 */
#ifndef _SIM_H
#define _SIM_H

#include "core/migrate.h"

#define MS	QUIC_NSEC_PER_MSEC
#define SEC	QUIC_NSEC_PER_SEC
#define SIM_MTU	1500

/* ---- net.c ---- */

struct link_params {		/* one direction */
	u64 delay;		/* ns */
	u64 jitter;		/* ns, uniform: reorders */
	u64 rate;		/* bits per second; 0: infinite */
	u32 queue;		/* bytes in the queue; 0: unbounded */
	u32 packets;		/* in the queue, below SIM_QUEUE_MAX; 0: unbounded */
	u32 loss;		/* per 10000 */
	u32 in_row;		/* datagrams lost or spoilt in a row at most; 0: any number */
	u32 spoil;		/* per 10000: one of the first 51 bytes becomes another */
	u32 burst;		/* per 10000: begins 20 ms of loss */
	u32 dup;		/* per 10000 */
	u32 corrupt;		/* per 10000: one byte is changed */
	u32 reorder;		/* per 10000: delayed by another 'delay' + 1 ms */
	u32 ce;			/* per 10000: marked CE, if it may be */
	u32 mtu, mtu_then;	/* larger ones vanish; 0: none do; and from the second second on */
	bool bleach;		/* ECN marks are taken off */
	u64 hole_from, hole_to;	/* everything is lost meanwhile; 0, 0: never */
	u32 drop_from, drop_to;	/* datagrams with these numbers (from 1) are lost */
};

struct nat {			/* between client and network */
	u64 every;		/* ns after which the client's address is mapped anew; 0: no NAT */
	u64 first;		/* ns until the first time; 0: as the others */
	bool hosts;		/* to another address, not only to another port */
};

struct peer;

#define SIM_ENDS	4
#define SIM_FLOWS	(SIM_ENDS / 2)
#define SIM_QUEUE_MAX	256	/* packets */

struct link {
	struct link_params p;
	u64 free_at;		/* when the sender's queue is empty */
	u64 leaves[SIM_QUEUE_MAX];	/* when those in the queue will have left, a ring */
	u32 queued, oldest;
	u64 count, lost, bytes;
	u64 burst_to;		/* loss until then */
	u32 row;		/* lost or spoilt so far without a break */
	u64 carried[SIM_FLOWS];	/* bytes of each flow, with IP and UDP headers */
	u64 short_bytes;	/* UDP payload of datagrams that begin with a 1-RTT packet */
	u64 short_first, short_last;	/* when the first and the last arrived; 0: none did */
};

struct end {			/* one end of a flow, and what it does */
	void *of;
	void (*rx)(void *of, const struct quic_addr *src, const struct quic_addr *dst,
		   const u8 *data, u32 len, u8 ecn);
	void (*timer)(void *of);
	u64 (*deadline)(void *of);
};

struct sim {
	u64 now;
	u64 rng;
	struct event *heap;
	u32 nevents, cap;
	u64 seq;
	struct end end[SIM_ENDS];
	u32 ends;
	struct peer *peer[SIM_ENDS];	/* of the ends that are QUIC */
	struct link link[2];	/* from clients, from servers */
	struct nat nat;		/* before the first client */
	u32 mapping;		/* how often it was renewed */
};

u32 sim_random(struct sim *s, u32 below);
void sim_init(struct sim *s, u64 seed, const struct link_params p[2]);
void sim_free(struct sim *s);
void sim_attach(struct sim *s, int end, const struct end *e);
/* @src, @dst: of the datagram; NULL: between where client and server began */
void sim_send(struct sim *s, int end, const struct quic_addr *src, const struct quic_addr *dst,
	      const u8 *data, u32 len, u8 ecn);
/* Run until @done says so or @limit has come: true if done. */
bool sim_run(struct sim *s, u64 limit, bool (*done)(struct sim *s));

/* ---- peer.c ---- */

struct work {			/* what the application does */
	u32 streams;		/* opened by the client, bidirectional */
	u32 at_once;		/* of them open at a time */
	u64 up, down;		/* bytes per stream, each way */
	u64 file[3];		/* bytes on the first streams, from the server, if not 'down' */
	u32 write;		/* bytes per write */
	u32 read_limit;		/* bytes the reader takes per 10 ms; 0: all at once */
	u32 reset_every;	/* every n-th stream is reset half way; 0: none */
	u32 key_updates;	/* initiated by the client, spread over the transfer */
	u32 hello, flight;	/* bytes of ClientHello and of the server's flight */
	u32 sndbuf;		/* bytes the sender's buffers take; 0: a MiB */
	u32 pushes;		/* streams that the server opens, every other one bidirectional */
	u64 push;		/* bytes on each of them */
	u64 think;		/* ns of silence before each stream but the first */
	bool duplex;		/* the server does not wait for all of a stream to answer it */
	bool retry;		/* the server answers the first Initial with a Retry */
	bool early;		/* the client remembers the server, and sends in 0-RTT packets */
	bool refuse;		/* ... but the server takes none of it */
	u32 mtu;		/* of the hosts' devices; 0: SIM_MTU */
	u32 moves;		/* migrations of the client, likewise */
	u64 amnesia;		/* when the server forgets all, ns from the start; 0: never */
	bool prefer;		/* the server has a preferred address */
};

struct peer_stream {
	u64 id;
	u64 written, verified;
	bool there, finished, got_fin, reset;
};

struct peer {
	struct sim *sim;
	int end;		/* of the simulation */
	int side;		/* 0 client, 1 server */
	struct quic_conn conn;
	const struct work *work;
	bool init_done, closed_seen;
	u8 tls_in[8];		/* message header under way */
	u32 tls_step;
	u64 tls_got[4];
	struct peer_stream *stream;	/* the client's, then those that the server pushes */
	u32 nstreams, next_stream, next_push, live;
	struct quic_conn_accept retry;	/* odcid.len: a Retry was sent */
	u64 next_open;		/* when the client opens another stream */
	u32 key_updates, moves, moved, followed;
	u64 rx_bytes_user, resets_seen;
	u64 established_at, done_at;
	u64 next_read;
	char error[128];
	struct quic_pkt *pkt;
};

struct peer *peer_new(struct sim *s, int end, const struct work *w,
		      const struct quic_conn_config *cfg, const struct quic_tparam *tp,
		      const struct quic_crypto_ops *crypto);
void peer_free(struct peer *p);
void peer_start(struct peer *p);
struct quic_addr peer_addr(int end);	/* where it begins */
struct quic_addr peer_preferred(void);	/* the server's preferred address */
void peer_timer(void *p);
bool peer_done(const struct peer *p);
const char *peer_error(const struct peer *p);	/* empty: none */

#endif /* _SIM_H */

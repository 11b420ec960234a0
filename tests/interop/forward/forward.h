/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The forwarder of the interop runner: what netem cannot do to packets.
 *
 *   main     two devices, options, the loop: receives, asks what to do, sends
 *   link     what becomes of a packet: drops, corruption, the black hole, one verdict
 *   nat      rebinding: the client's addresses and ports as the server sees them
 *   packet   IP and UDP: where things are in a packet, checksums
 *
 * Packets begin with their IP header.  Only UDP is ever dropped or changed.  All randomness
 * comes from one seed; time is an argument, in nanoseconds since the client's first packet.
 */
#ifndef INTEROP_FORWARD_H
#define INTEROP_FORWARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NSEC_PER_SEC	1000000000ull

enum { TO_SERVER, TO_CLIENT };

/* ---- packet ---- */

struct packet {
	uint8_t *data;
	size_t len;
	bool v6, udp;
	size_t transport;	/* where the UDP header is, if @udp */
};

/* False: not an IP packet that is whole. */
bool packet_parse(struct packet *p, uint8_t *data, size_t len);
/* The UDP payload. */
uint8_t *packet_payload(const struct packet *p, size_t *len);
/* The checksums of the IPv4 and the UDP header, anew. */
void packet_sum(const struct packet *p);
/* Both are right; a UDP checksum of 0 over IPv4 is none at all, and right. */
bool packet_sum_ok(const struct packet *p);

uint16_t packet_port(const struct packet *p, bool dst);
void packet_set_port(const struct packet *p, bool dst, uint16_t port);
/* IPv4 alone */
uint32_t packet_addr(const struct packet *p, bool dst);
void packet_set_addr(const struct packet *p, bool dst, uint32_t addr);

/* ---- nat ---- */

#define NAT_BINDINGS	64

struct nat {
	bool port, addr;	/* what a rebinding changes */
	uint64_t first, every;	/* ns */
	uint64_t epoch;		/* rebindings so far */
	uint32_t next_addr;	/* how many addresses were used up */
	uint16_t next_port;
	unsigned int nr;
	struct binding {
		uint32_t in_addr, out_addr;
		uint16_t in_port, out_port;
	} bindings[NAT_BINDINGS];
};

/* True: @p is changed, or needs no change.  False: it has no binding, and goes nowhere. */
bool nat_translate(struct nat *nat, struct packet *p, int to, uint64_t now);

/* ---- link ---- */

struct link {
	double drop, corrupt;	/* of 1 */
	unsigned int burst;	/* at most so many in a row; 0: any number */
	unsigned int drop_from, drop_to;	/* of the client's packets, by number, from 1 */
	uint64_t hole_from, hole_to;	/* ns */
	uint64_t random;
	unsigned int nr_client;
	unsigned int in_row[2];
	unsigned long dropped, corrupted, passed;
};

void link_seed(struct link *l, uint64_t seed);
/* False: the packet is lost.  It may be changed, its checksums with it. */
bool link_pass(struct link *l, struct packet *p, int to, uint64_t now);

#endif /* INTEROP_FORWARD_H */

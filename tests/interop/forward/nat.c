// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A NAT for IPv4 UDP that loses its memory at set times.  Before the first time it gives
 * each client socket its own address and port; afterwards, ports from PORT_FIRST on that
 * were never used before, and, if it is to, addresses beside the client's own.  What the
 * server sends to a binding of the past goes nowhere.
 */
#include "forward.h"

#define PORT_FIRST	40001
#define ADDRS		32	/* after so many it begins anew */

/* All bindings are forgotten at first, first + every, first + 2 * every... */
static void forget(struct nat *nat, uint64_t now)
{
	uint64_t epoch = now < nat->first ? 0 : 1 + (now - nat->first) / nat->every;

	if (epoch == nat->epoch)
		return;
	nat->epoch = epoch;
	nat->nr = 0;
	if (nat->addr)
		nat->next_addr = nat->next_addr % ADDRS + 1;
}

static struct binding *bind_new(struct nat *nat, uint32_t addr, uint16_t port)
{
	struct binding *b;

	if (nat->nr == NAT_BINDINGS)
		return NULL;
	b = &nat->bindings[nat->nr++];
	*b = (struct binding){ .in_addr = addr, .in_port = port,
			       .out_addr = addr + nat->next_addr, .out_port = port };
	if (nat->epoch)
		b->out_port = PORT_FIRST + nat->next_port++ % (UINT16_MAX - PORT_FIRST);
	return b;
}

static bool out(struct nat *nat, struct packet *p)
{
	uint32_t addr = packet_addr(p, false);
	uint16_t port = packet_port(p, false);
	struct binding *b = NULL;
	unsigned int i;

	for (i = 0; i < nat->nr; i++)
		if (nat->bindings[i].in_addr == addr && nat->bindings[i].in_port == port)
			b = &nat->bindings[i];
	b = b ?: bind_new(nat, addr, port);
	if (!b)
		return false;
	packet_set_addr(p, false, b->out_addr);
	packet_set_port(p, false, b->out_port);
	return true;
}

static bool in(const struct nat *nat, struct packet *p)
{
	const struct binding *b;
	unsigned int i;

	for (i = 0; i < nat->nr; i++) {
		b = &nat->bindings[i];
		if (b->out_addr != packet_addr(p, true) || b->out_port != packet_port(p, true))
			continue;
		packet_set_addr(p, true, b->in_addr);
		packet_set_port(p, true, b->in_port);
		return true;
	}
	return false;
}

bool nat_translate(struct nat *nat, struct packet *p, int to, uint64_t now)
{
	if ((!nat->port && !nat->addr) || !p->udp || p->v6)
		return true;
	forget(nat, now);
	if (!(to == TO_SERVER ? out(nat, p) : in(nat, p)))
		return false;
	packet_sum(p);
	return true;
}

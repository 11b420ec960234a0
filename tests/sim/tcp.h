/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A model of TCP with CUBIC, to share a link with: see tcp.c. */
#ifndef _SIM_TCP_H
#define _SIM_TCP_H

#include "sim.h"

struct tcp;

/* Both ends of a flow of the simulation, whose client has more to send than there is time. */
struct tcp *tcp_new(struct sim *s, int client);
void tcp_free(struct tcp *t);
void tcp_start(struct tcp *t);
double tcp_cwnd(const struct tcp *t);	/* segments */

#endif /* _SIM_TCP_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * 0-RTT, RFC 9001 §4.6: what of a connection is different because of it.  A
 * client that was given EARLY keys sends streams in 0-RTT packets until the
 * server's EncryptedExtensions say whether they were taken; if not, all of it
 * is sent again in 1-RTT packets.  A server that was given EARLY keys reads
 * 0-RTT packets.
 */
#ifndef _QUIC_EARLY_H
#define _QUIC_EARLY_H

#include "kern.h"

enum quic_early {
	QUIC_EARLY_NONE,	/* no EARLY keys were installed */
	QUIC_EARLY_OFFERED,	/* client: they are there; no answer yet */
	QUIC_EARLY_ACCEPTED,	/* server: it has the keys */
	QUIC_EARLY_REJECTED,	/* client: what was sent is sent again */
};

struct quic_conn;
struct quic_tparam;
struct quic_recvbuf;
struct quic_frame_ack;

/* May an EARLY secret be installed now? 0, -EINVAL or -EEXIST. */
int quic_early_check_secret(const struct quic_conn *c, bool send);
/* It was. */
void quic_early_start(struct quic_conn *c, u64 now);
/* Client: is this the time of 0-RTT packets? */
bool quic_early_may_send(const struct quic_conn *c);
/* Client: more of the server's Handshake CRYPTO came: is the answer in it? */
void quic_early_read_answer(struct quic_conn *c);
/* Client: 0, or the transport error if @new takes back what 0-RTT relied upon. */
int quic_early_check_params(const struct quic_conn *c, const struct quic_tparam *new);
/* Client: 0, or the transport error if @a acknowledges rejected 0-RTT packets. */
int quic_early_check_ack(const struct quic_conn *c, const struct quic_frame_ack *a);
/* 1-RTT keys are there: EARLY ones go, at once or soon. */
void quic_early_finish(struct quic_conn *c, u64 now);
/* A NewSessionTicket, whole: 0 or the transport error. */
int quic_early_check_ticket(const u8 *msg, u32 len);

#endif /* _QUIC_EARLY_H */

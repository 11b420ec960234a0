/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What TLS produced and the kernel has not taken yet: TLS messages and
 * secrets, in the order in which they arose.
 */
#ifndef _LIBQUIC_FLIGHT_H
#define _LIBQUIC_FLIGHT_H

#include "internal.h"

struct lq_item;

struct lq_flight {
	int sd;
	struct lq_item *first;
	struct lq_item **end;
};

void lq_flight_init(struct lq_flight *flight, int sd);
int lq_flight_add_message(struct lq_flight *flight, uint8_t level, const void *data, size_t len);
int lq_flight_add_secret(struct lq_flight *flight, const struct quic_crypto_secret *secret);
/* 0: nothing left; -EAGAIN: wait for POLLOUT; else failed, see @failure */
int lq_flight_flush(struct lq_flight *flight, struct lq_failure *failure);
void lq_flight_free(struct lq_flight *flight);

/* A CRYPTO message from the kernel: its length, 0 at an end, -errno; -EBUSY:
 * what comes next is for the program
 */
ssize_t lq_crypto_recv(int sd, void *data, size_t size, int *level);
int lq_secret_set(int sd, const struct quic_crypto_secret *secret);
/* What ended the connection, after @err from a call on it */
void lq_fail_closed(int sd, int err, bool is_server, struct lq_failure *failure);
/* Tells the peer, and ends the connection. */
void lq_close(int sd, const struct lq_failure *failure);

#endif /* _LIBQUIC_FLIGHT_H */

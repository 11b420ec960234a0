/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pair of QUIC sockets without a kernel: what libquic sees of quic.ko.
 *
 * The linker's --wrap leads sendmsg(), recvmsg(), setsockopt(), getsockopt(),
 * poll() and shutdown() of libquic here; descriptors are FAKE_FD and above.
 * Each call notes itself in the socket's trace:
 *
 *	>iM	CRYPTO sent at level i(nitial) h(andshake) a(pp), M: MSG_MORE
 *	<h	CRYPTO received
 *	+hw	secret set: level h, a or e(arly), direction r or w
 *	pg ps	transport parameters got, set
 *	A	ALPN set
 *	Cnnn	close reason set
 *	S	shutdown
 */
#ifndef _TESTS_FAKE_KERNEL_H
#define _TESTS_FAKE_KERNEL_H

#include <pthread.h>
#include <stdbool.h>
#include <netinet/quic.h>

#define FAKE_FD		1000
#define FAKE_TRACE	1024

struct fake_message {
	struct fake_message *next;
	int level;
	size_t len, done;
	unsigned char data[];
};

struct fake_socket {
	bool is_server;
	struct fake_socket *peer;
	struct fake_message *in;
	char trace[FAKE_TRACE];

	bool have_secret[QUIC_CRYPTO_MAX][2];	/* [level][send] */
	struct quic_crypto_secret secret[QUIC_CRYPTO_MAX][2];
	unsigned char params[256], peer_params[256];
	size_t params_len, peer_params_len;
	unsigned char ticket_key[64];
	unsigned char ticket[4096];
	size_t ticket_len;
	char alpn[257];
	uint32_t cipher, version;	/* of QUIC_SOCKOPT_CONFIG */
	bool has_params;		/* QUIC_SOCKOPT_TRANSPORT_PARAM is there */
	struct quic_transport_param remembered;	/* as set */
	bool is_shut, closed;		/* by us, by the peer or the kernel */
	uint32_t close_code, peer_close_code;
	char peer_phrase[128];

	/* faults to make */
	size_t chunk;			/* most bytes of a received message */
	size_t send_limit;		/* most bytes of a sent message */
	unsigned int again_every;	/* every nth send and receive: EAGAIN */
	unsigned int intr_every;	/* every nth send and receive: EINTR */
	unsigned int calls;
	bool deaf;			/* what is sent to it vanishes */
	bool bad_params;		/* refuses the peer's parameters */
	bool no_early;			/* refuses secrets of level EARLY */
	int garble;			/* flip a bit in the nth message sent to it */
	int recv_errno;			/* of every recvmsg() */
	bool no_tickets;
	bool app_data;			/* an event or 0-RTT data is queued */
	unsigned int app_peeks;
};

extern struct fake_socket fake[2];	/* client, server: FAKE_FD, FAKE_FD + 1 */

void fake_reset(void);
void fake_free(void);
void fake_inject(struct fake_socket *to, int level, const void *data, size_t len);
bool fake_established(const struct fake_socket *s);

#endif /* _TESTS_FAKE_KERNEL_H */

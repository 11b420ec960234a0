/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hostile peer: one end is the core in userspace with a UDP socket of its
 * own, the other (the victim) a QUIC socket of the kernel.  A stand-in for TLS
 * drives both from one thread: framed messages at the right levels, secrets
 * that both know.  At any stage the hostile end may seal whatever frames it
 * likes, and then reads only what the victim says about it.
 */
#ifndef _NET_EVIL_H
#define _NET_EVIL_H

#include "core/conn.h"
#include "lib.h"

/* ---- evil_tls.c: the stand-in for TLS ---- */

struct tls_ops {
	void (*send)(void *priv, uint8_t level, const uint8_t *msg, size_t len);
	void (*secret)(void *priv, uint8_t level, bool send, const uint8_t *secret);
	size_t (*get_params)(void *priv, uint8_t *buf, size_t size);
	void (*set_params)(void *priv, const uint8_t *p, size_t len);
};

struct tls {
	const struct tls_ops *ops;
	void *priv;
	bool server;
	bool deaf;		/* takes no messages */
	bool half;		/* deaf after a ServerHello */
	size_t flight;		/* server: bytes of its Handshake flight beyond the parameters */
	uint8_t buf[4][70000];
	size_t len[4];
};

void tls_start(struct tls *t);				/* client: its ClientHello */
void tls_input(struct tls *t, uint8_t level, const uint8_t *data, size_t len);
size_t tls_hello(uint8_t *buf, const uint8_t *params, size_t len, const char *alpn);

/* ---- evil_peer.c ---- */

enum stage {			/* how far a handshake is let go */
	FIRST_FLIGHT,		/* client: hello sent; server: it arrived, unanswered */
	HANDSHAKING,		/* Handshake keys on both sides */
	ESTABLISHED,		/* ... and the handshake is confirmed */
};

struct evil {
	bool server;		/* the hostile end is */
	int udp;		/* its socket */
	int fd;			/* the victim, -1: none yet */
	int lis;		/* the victim's listener */
	struct sockaddr_storage victim;	/* where it receives */
	socklen_t victim_len;
	struct quic_conn conn;
	struct quic_pkt pkt;
	struct tls tls, victim_tls;
	uint64_t pn[3];		/* next forged packet number, by space; 0: not yet chosen */
	bool quiet;		/* conn sends nothing yet */
	bool mute;		/* conn neither sends nor reads any more */
	uint32_t sent, got;	/* bytes, UDP payload */
	void (*tamper)(uint8_t *params, size_t *len);	/* with its transport parameters */
	uint8_t *hold;		/* the last datagram that conn sent */
	size_t hold_len;
	/* what the victim said last */
	bool closed;
	bool close_app;
	uint64_t close_code, close_type;
	uint64_t seen;		/* largest 1-RTT packet number that it used */
	uint64_t acked;		/* largest 1-RTT packet number that it acknowledged */
	unsigned int unset;	/* datagrams with the QUIC bit cleared */
	unsigned int resets;	/* datagrams that nothing opened */
	uint8_t last[1600];	/* the last datagram that came */
	size_t last_len;
};

struct evil_conf {
	struct quic_transport_param victim_tp;
	uint32_t events;	/* of the victim */
	bool grease;		/* RFC 9287: announces it, and does it from its first packet on */
	bool reset_token;	/* hostile server: gives one */
	const char *alpn;
	bool validate;		/* victim server: Retry */
	void (*tamper)(uint8_t *params, size_t *len);
	size_t flight;
};

uint64_t evil_now(void);
struct evil *evil_open(bool server, enum stage stage, const struct evil_conf *c);
void evil_free(struct evil *e);
/* Let both ends run until @done or @ms have passed: was it done? */
bool evil_run(struct evil *e, bool (*done)(struct evil *e), unsigned int ms);
bool evil_established(struct evil *e);
void evil_listen(struct evil *e, const struct evil_conf *c);	/* a victim server alone */

/* Seal frames into a packet; @type: enum quic_pkt_type.  Its length. */
size_t evil_seal(struct evil *e, int type, uint64_t pn, const uint8_t *frames, size_t len,
		 uint8_t *to);
uint64_t evil_next_pn(struct evil *e, int type);
void evil_send(struct evil *e, const uint8_t *data, size_t len);	/* a datagram */
void evil_frames(struct evil *e, int type, const uint8_t *frames, size_t len);
/* The victim's answers to it, for @ms or until it closes: true if it did. */
bool evil_listen_close(struct evil *e, unsigned int ms);
/* It closes with @code, and its user learns of it. */
void evil_expect(struct evil *e, const char *what, uint64_t code);
/* It lives: a stream's bytes come through both ways. */
void evil_expect_alive(struct evil *e, const char *what);

#endif /* _NET_EVIL_H */

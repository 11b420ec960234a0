/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One connection of qcat, from the end of its handshake, or its 0-RTT, to its close.
 *
 * Plain: what is read from in_fd goes out on one bidirectional stream, what
 * arrives on one goes to out_fd, each to its end.  Parts: a file goes on
 * several unidirectional streams (parts.h) and the receiver answers with a
 * verdict.  The receiver tells the two apart by the type of the stream.
 */
#ifndef TOOLS_QCAT_H
#define TOOLS_QCAT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "parts.h"

struct session_opts {
	unsigned int	streams;	/* 0: plain */
	double		timeout;	/* seconds without progress; 0: none */
	bool		progress;	/* lines, even without a terminal */
	bool		server;
};

struct session {
	const struct session_opts *opts;
	int		sd;
	int		in_fd;		/* -1: send nothing */
	int		out_fd;
	uint64_t	in_size;	/* 0: unknown */
	uint64_t	start;

	/* written by the sending threads, read by all */
	_Atomic uint64_t sent;
	_Atomic uint64_t received;
	_Atomic bool	over;

	/* under lock: both sides may open the stream that carries in_fd */
	pthread_mutex_t	lock;
	pthread_cond_t	peer_opened;
	pthread_cond_t	has_begun;
	bool		begun;		/* to send: the first bytes are with the kernel */
	int64_t		send_sid;	/* -1: not chosen */
	int64_t		peer_sid;	/* a bidirectional stream of the peer, or -1 */
	bool		send_acked;

	/* the receiving thread's */
	uint8_t		*buf;
	int64_t		recv_sid;	/* the plain stream that arrives, or -1 */
	bool		recv_done;
	struct parts	parts;
	int64_t		verdict_sid;	/* our answer to parts, or -1 */
	bool		verdict_acked;
	bool		verdict_in;	/* the peer's answer to ours */
	uint8_t		verdict[VERDICT_LEN + 1];
	size_t		verdict_len;
	uint64_t	out_next;	/* for an output without seeking */
	int		exit_code;
	char		error[256];
};

void session_init(struct session *s, const struct session_opts *opts, int sd, int in_fd,
		  int out_fd);
void session_start(struct session *s);
int session_run(struct session *s);

/* qcat_send.c */
void send_start(struct session *s);
void send_await_begin(struct session *s);
void send_peer_opened(struct session *s, int64_t sid);
int send_verdict(struct session *s);

/* qcat_progress.c: the ticker, which also enforces the timeout */
void progress_start(struct session *s);
void progress_end(struct session *s);

#endif /* TOOLS_QCAT_H */

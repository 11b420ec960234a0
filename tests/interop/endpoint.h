/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The endpoint of the interoperation tests, for both roles:
 *
 *   main      options, the environment of the interop runner, test cases
 *   server    accepts connections and serves them all from one poll() loop
 *   client    makes one connection after another, and asks for files on each
 *   conn      a connection: handshake, events, data in, data out
 *   stream    the streams of a connection, found by their ID
 *   exchange  what a stream is for: a file to send, a file to fill
 *   hq, h3    the protocols, behind struct proto
 *
 * Single-threaded, non-blocking.  Functions return 0 or a negative errno.  A
 * stream that the peer's flow control blocks is left alone until the event
 * STREAM_MAX_DATA; a socket without room, until poll() says POLLOUT.
 */
#ifndef INTEROP_ENDPOINT_H
#define INTEROP_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <poll.h>
#include <sys/uio.h>

#include <netinet/quic.h>

#define PATH_SIZE	1024	/* of a request's target */
#define SEND_TURN	(256 << 10)	/* bytes of one stream before the next */
/* Where a third of the packets is lost a handshake takes long; the runner has a limit of its own. */
#define HANDSHAKE_TIMEOUT_MS	60000

struct options {
	bool server;
	bool verbose;
	const char *testcase;
	const char *www, *downloads, *uploads;
	const char *cert, *key, *cafile;
	const char *bind_addr, *port;
	const char *connect_addr;	/* client: instead of the URL's host */
	const char *upload;		/* client: the body of each request */
	const char *method;		/* client: GET, or POST with a body */
	/* what a test case sets */
	const char *alpns;
	const char *ciphers;		/* GnuTLS names, "+A:+B" */
	uint32_t version;		/* client: the first; server: where clients are moved to */
	uint32_t wanted_version;	/* client: would rather be moved to; 0: to none */
	bool retry;			/* server: validate each address */
	const char *preferred;		/* server: addresses that clients should move to */
	bool key_update;		/* client: once, after the first data */
	bool multiconnect;		/* client: a connection for each request */
	bool resume;			/* client: 1 request, then the others, resumed */
	bool early;			/* ... and in 0-RTT packets; server: take those */
};

extern struct options opt;

#define say(...) do { if (opt.verbose) fprintf(stderr, __VA_ARGS__); } while (0)
#define warn(...) fprintf(stderr, "endpoint: " __VA_ARGS__)

/* ---- exchange ---- */

/* One request of a client. */
struct request {
	char host[256], port[8];
	char path[PATH_SIZE];
	bool sent, done, ok;
};

struct file {
	const uint8_t *data;	/* mapped */
	size_t len;
};

int file_map(struct file *f, const char *dir, const char *path);
void file_unmap(struct file *f);
/* The file @dir/(last component of @path), new and empty: a descriptor. */
int file_create(const char *dir, const char *path);

/* ---- stream ---- */

struct stream {
	struct stream *next;		/* same hash */
	struct stream *queue_next;	/* hq: has output */
	int64_t id;
	bool queued;
	bool blocked;			/* by the peer's limit */
	bool in_done, out_done;

	struct request *request;	/* client */
	char method[16];
	char path[PATH_SIZE];
	size_t path_len;		/* hq server: of the line, as yet */
	int status;

	struct file body;		/* to send, after @head */
	size_t head_len, out_off;	/* of head and body together */
	char head[PATH_SIZE + 8];
	bool fin;			/* FIN follows */

	int sink;			/* where input goes, -1: nowhere */
	uint64_t received;
};

#define STREAM_HASH	256

struct streams {
	struct stream *hash[STREAM_HASH];
	unsigned int nr;
};

struct stream *stream_find(struct streams *ss, int64_t id);
struct stream *stream_add(struct streams *ss, int64_t id);
void stream_del(struct streams *ss, struct stream *s);
void streams_free(struct streams *ss);

/* Input for the stream's file; an answer or an upload. */
int stream_sink(struct stream *s, const uint8_t *data, size_t len);
/* The input has ended, the file is whole. */
void stream_input_end(struct stream *s, bool ok);

/* ---- conn ---- */

struct conn;

struct proto {
	const char *alpn;
	uint32_t no_error;		/* of the close */
	int (*open)(struct conn *c);
	/* client: @s is a new stream with a request */
	int (*request)(struct conn *c, struct stream *s);
	int (*input)(struct conn *c, struct stream *s, const uint8_t *data, size_t len, bool fin);
	/* write until nothing is left, or nothing goes */
	int (*output)(struct conn *c);
	void (*unblock)(struct conn *c, struct stream *s);
	/* the peer reset @s (in_done) or does not want more of it (out_done) */
	int (*ended)(struct conn *c, struct stream *s);
	void (*free)(struct conn *c);
};

extern const struct proto proto_hq, proto_h3;

struct conn {
	int sd;
	bool established, dead;
	bool want_write;		/* wait for POLLOUT */
	bool key_updated;
	bool early;			/* client: requests were made before the handshake */
	int err;			/* why it is dead */
	void *session;
	struct quic_handshake_ctx *handshake;
	short handshake_events;
	uint64_t handshake_due;		/* ms, of now_ms() */

	const struct proto *proto;
	void *h3;			/* nghttp3_conn */
	struct stream *queue, **queue_tail;	/* hq */
	struct streams streams;

	/* client */
	struct request *requests;
	unsigned int nr_requests, next_request;
};

uint64_t now_ms(void);

struct conn *conn_new(int sd, void *session);
void conn_free(struct conn *c);
/* Tells the peer, and frees. */
void conn_close(struct conn *c);
/* What poll() is to wait for, and at most how many ms (-1: for ever). */
short conn_events(const struct conn *c);
int conn_timeout(const struct conn *c);
/* Go on as far as possible. */
void conn_early(struct conn *c);	/* client, resuming: requests before the handshake */
void conn_step(struct conn *c);
void conn_fail(struct conn *c, int err);

/* Bytes taken; -EAGAIN: wait for POLLOUT; -ENOSPC: the stream is blocked. */
ssize_t conn_send(struct conn *c, struct stream *s, struct iovec *iov, int n, bool fin);
/* A new stream: its ID, or -EAGAIN. */
int64_t conn_open_stream(struct conn *c, bool uni);
void conn_reset_stream(struct conn *c, struct stream *s, uint32_t code);
void conn_stop_stream(struct conn *c, struct stream *s, uint32_t code);
/* Forget the stream if both directions have ended. */
void conn_stream_done(struct conn *c, struct stream *s);

/* ---- roles: exit codes ---- */

int run_server(void);
int run_client(struct request *requests, unsigned int n);

/* Options that both roles set on a socket before it connects or listens. */
int socket_setup(int sd);

#endif /* INTEROP_ENDPOINT_H */

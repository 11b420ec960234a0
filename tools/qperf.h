/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * qperf: one description of a test, shared by both sides, and the parts that
 * run it.
 *
 *   qperf         options
 *   qperf_test    the test as a line of text
 *   qperf_client  the test's side that asked for it
 *   qperf_server  listeners, one test at a time
 *   qperf_link    a connection: QUIC, TCP or kTLS behind one set of calls
 *   qperf_load    what happens on links: streams, requests and responses
 *   qperf_tls     the server's certificate; the handshake of kTLS
 *   qperf_stat    CPU time, memory, percentiles
 *   qperf_report  text and JSON
 *
 * The control connection is TCP on the server's port.  The client sends the
 * test, the server answers "ok TOKEN" or "error TEXT"; then follow the
 * commands "go", "stat" and "end", the last two answered by "result ...".
 * A link over TCP or kTLS goes to the same TCP port and begins with "data
 * TOKEN"; one over QUIC goes to the same UDP port, where a socket listens for
 * the time of the test.
 */
#ifndef TOOLS_QPERF_H
#define TOOLS_QPERF_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common.h"
#include "net.h"

#define QPERF_PORT		"5202"
#define QPERF_ALPN		"qperf"
#define QPERF_LINE		512
#define QPERF_MAX_STREAMS	1000
#define QPERF_MAX_LINKS		100000
#define QPERF_MAX_SIZE		(16 << 20)
#define QPERF_MAX_MS		(24 * 3600 * 1000)
#define QPERF_RECV_BUF		(256 << 10)

enum proto { PROTO_QUIC, PROTO_QUIC_PLAIN, PROTO_TCP, PROTO_KTLS, PROTO_NR };
enum kind { KIND_STREAM, KIND_RR, KIND_HANDSHAKES, KIND_IDLE, KIND_NR };
enum dir { DIR_UP, DIR_DOWN, DIR_BOTH, DIR_NR };

struct test {
	enum proto	proto;
	enum kind	kind;
	enum dir	dir;
	unsigned int	streams;	/* of each connection */
	unsigned int	conns;
	uint32_t	size;		/* of a write, or of request and response */
	uint32_t	ms;		/* duration; 0 with bytes */
	uint64_t	bytes;		/* in one direction, over all; 0: by time */
	uint64_t	window;		/* QUIC flow control; 0: the default */
	unsigned int	cc;		/* QUIC_CONG_ALG_* + 1; 0: the default */
	unsigned int	early;		/* 0-RTT */
};

extern const char *const proto_name[PROTO_NR];
extern const char *const kind_name[KIND_NR];
extern const char *const dir_name[DIR_NR];
extern const char *const cc_name[];

int name_lookup(const char *const *names, size_t n, const char *name);
void test_format(const struct test *t, char line[QPERF_LINE]);
const char *test_parse(struct test *t, const char *line);
const char *test_check(const struct test *t);

static inline bool proto_is_quic(enum proto proto)
{
	return proto == PROTO_QUIC || proto == PROTO_QUIC_PLAIN;
}

/* Over TCP a stream is a connection. */
static inline unsigned int test_links(const struct test *t)
{
	return proto_is_quic(t->proto) ? t->conns : t->conns * t->streams;
}

static inline unsigned int test_lanes(const struct test *t)
{
	return proto_is_quic(t->proto) ? t->streams : 1;
}

static inline bool test_sends(const struct test *t, bool client)
{
	return t->dir == DIR_BOTH || (t->dir == DIR_UP) == client;
}

/* qperf_stat: taken twice and subtracted */
struct usage {
	uint64_t	user_us;	/* this process */
	uint64_t	system_us;
	uint64_t	machine_us;	/* all CPUs, everything but idle */
};

struct memory {
	uint64_t	kernel;		/* used, without page cache and processes */
	uint64_t	slab;
	uint64_t	percpu;
	uint64_t	rss;		/* this process */
};

void usage_read(struct usage *u);
void usage_since(struct usage *u, const struct usage *start);
void memory_read(struct memory *m);

struct samples {
	uint32_t	*ns;
	size_t		nr;
	size_t		room;
};

void samples_add(struct samples *s, uint64_t ns);
void samples_merge(struct samples *to, struct samples *from);
void samples_sort(struct samples *s);
double samples_us(const struct samples *s, double fraction);
double samples_mean_us(const struct samples *s);

/* qperf_link */
struct link {
	enum proto	proto;
	int		fd;
	bool		early;		/* 0-RTT was accepted */
};

struct link_opts {
	const struct net_opts	*net;
	const struct test	*test;
	const char		*host;
	const char		*token;
	struct ktls		*ktls;
};

void link_setup_quic(int sd, void *test);
int link_dial(const struct link_opts *o, struct link *link);
int link_dial_session(const struct link_opts *o, struct link *link, void **session);
int64_t link_open_lane(struct link *link);
int link_send(struct link *link, int64_t lane, const void *buf, size_t len, bool fin);
ssize_t link_recv(struct link *link, void *buf, size_t len, int64_t *lane, bool *fin);

/* qperf_load: what one side counts */
struct counts {
	_Atomic uint64_t	sent;
	_Atomic uint64_t	received;
	_Atomic uint64_t	last;		/* when the last byte came, ns */
	_Atomic uint64_t	failed;		/* links that broke */
	_Atomic bool		stop;
};

struct load {
	const struct test	*test;
	struct counts		*counts;
	struct link		link;
	bool			client;
	struct samples		samples;
};

void load_streams(struct load *load);
void load_requests(struct load *load);
void load_responses(struct load *load);

/* qperf_tls */
struct ktls;

void tls_make_certificate(struct net_opts *o, const char *write_to);
struct ktls *ktls_new(const struct net_opts *o, bool server);
int ktls_handshake(struct ktls *ktls, int fd, const char *hostname);

/* The result of one side, as it goes over the control connection */
struct result {
	uint64_t	sent;
	uint64_t	received;
	uint64_t	ns;		/* from go to the last byte received */
	uint64_t	links;
	uint64_t	failed;
	uint64_t	rss;
	struct usage	usage;
};

void result_format(const struct result *r, char line[QPERF_LINE]);
bool result_parse(struct result *r, const char *line);

/* Lines on the control connection: false at its end or after the timeout */
bool line_read(int fd, char line[QPERF_LINE], unsigned int timeout_ms);
bool line_write(int fd, const char *line);

struct interval {
	double		end;		/* seconds */
	uint64_t	sent;
	uint64_t	received;
};

/* All that a report needs */
struct report {
	const struct test *test;
	double		seconds;	/* the client's, from go to the end */
	double		open_seconds;	/* until all links were open */
	struct result	client;
	struct result	server;
	struct samples	samples;	/* of requests, or of handshakes */
	struct memory	memory;		/* grown by --idle; rss is the client's */
	uint64_t	server_rss;	/* grown */
	uint64_t	early;		/* handshakes with 0-RTT */
	struct interval	*interval;
	size_t		nr_intervals;
};

void report_interval(const struct interval *i, double start, enum dir dir);
void report_text(const struct report *r);
void report_json(const struct report *r);

struct client_opts {
	struct net_opts	net;
	struct test	test;
	const char	*host;
	double		interval;	/* seconds; 0: none */
	bool		json;
};

int client_run(struct client_opts *o);
int server_run(const struct net_opts *net, bool one_off);

#endif /* TOOLS_QPERF_H */

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the socket tests share: subtests that cannot hang (each runs in a
 * process of its own, under a time limit), checks that say what they saw,
 * connected pairs of sockets, a pattern for data, and events.
 *
 * A program is a table of subtests; it prints "ok NAME", "not ok NAME - why"
 * or "skip NAME - why" for each, and exits 1 if one failed.  Arguments name
 * the subtests to run (all by default).
 */
#ifndef _NET_LIB_H
#define _NET_LIB_H

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <netinet/quic.h>

#define ARRAY(a)	(sizeof(a) / sizeof((a)[0]))
#define KIB		1024UL
#define MIB		(1024UL * KIB)

/* ---- lib.c: subtests and checks ---- */

struct test {
	const char *name;
	void (*run)(void);
	unsigned int seconds;	/* limit on a stock kernel; 0: 30 */
};

int test_main(int argc, char **argv, const struct test *tests, unsigned int n);

void test_fail(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
void test_skip(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));
bool test_debug_kernel(void);		/* QUIC_MACHINE is debug */
/* @n at a QUIC_TEST_SCALE of 100 %, less at less, at least @least. */
unsigned long test_scaled(unsigned long n, unsigned long least);
uint64_t now_ms(void);
void sleep_ms(unsigned int ms);
const char *test_dir(void);		/* a directory of this run, on tmpfs */
void test_shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define FAIL(...)	test_fail(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(cond) do {						\
	if (!(cond))							\
		FAIL("%s", #cond);					\
} while (0)

/* Two integers. */
#define CHECK_EQ(expr, want) do {					\
	long long _got = (long long)(expr), _want = (long long)(want);	\
	int _err = errno;						\
	if (_got != _want)						\
		FAIL("%s is %lld (%s), not %lld", #expr, _got,		\
		     _got < 0 ? strerror(_err) : "", _want);		\
} while (0)

/* A call that succeeds; the value is its result. */
#define CHECK_OK(expr) ({						\
	long long _ret = (long long)(expr);				\
	if (_ret < 0)							\
		FAIL("%s: %s", #expr, strerror(errno));			\
	_ret;								\
})

/* A call that fails with this errno. */
#define CHECK_ERR(expr, err) do {					\
	long long _ret;							\
	errno = 0;							\
	_ret = (long long)(expr);					\
	if (_ret >= 0 || errno != (err))				\
		FAIL("%s is %lld (%s), not %s", #expr, _ret,		\
		     _ret < 0 ? strerror(errno) : "no error", strerror(err)); \
} while (0)

/* ---- a pattern: bytes of stream @id from offset @off ---- */

void pattern_fill(void *buf, size_t len, uint64_t id, uint64_t off);
/* Fails the test at the first wrong byte. */
void pattern_check(const void *buf, size_t len, uint64_t id, uint64_t off);

/* ---- pair.c: sockets and connections ---- */

enum { CLI, SRV };

struct conf {			/* all zero: IPv4 on loopback, stream, defaults */
	int family;		/* AF_INET */
	int type;		/* SOCK_STREAM */
	const char *addr;	/* the server's; NULL: loopback */
	const char *ns[2];	/* network namespaces */
	const char *alpn;	/* for TLS on both sides */
	const char *listen_alpn; /* for the ALPN option */
	int backlog;		/* 0: 16 */
	struct quic_transport_param tp[2];	/* zero fields: defaults */
	struct quic_config cfg[2];
	uint32_t events[2];	/* 1 << type */
	bool nonblock;		/* both ends, after the handshake */
	void (*accepted)(int fd);	/* the server's socket, before its handshake */
};

struct pair {
	int lis, cli, srv;
	struct sockaddr_storage addr;	/* of the listener */
	socklen_t addrlen;
};

int sock_new(int family, int type);		/* CHECKed */
socklen_t sock_addr(struct sockaddr_storage *ss, int family, const char *addr, uint16_t port);
uint16_t sock_port(const struct sockaddr_storage *ss);
void sock_local(int fd, struct sockaddr_storage *ss, socklen_t *len);
void sock_nonblock(int fd, bool on);
void sock_timeout(int fd, int opt, unsigned int ms);
short sock_poll(int fd, short events, int ms);	/* revents */
int listener_new(const struct conf *c, struct pair *p);	/* fills lis, addr, addrlen */
int client_new(const struct conf *c, const struct pair *p);	/* connected, no handshake */
void enter_ns(const char *name);	/* NULL: back to the first */

/* Handshakes; 0 or a negative errno.  The keys are pre-shared. */
int client_handshake(int fd, const struct conf *c);
int server_handshake(int fd, const struct conf *c);
void client_hello(int fd, const struct conf *c);	/* its first flight, and no more */
/* Both sides in this thread; returns the accepted socket. */
int pair_handshake(int cli, int lis, const struct conf *c);
/* A connection, both sides established. */
void pair_open(struct pair *p, const struct conf *c);	/* @c may be NULL */
void pair_close(struct pair *p);
const char *log_last(void);		/* libquic's last message */

/* A process that listens, accepts and runs @serve on each connection, in turn. */
struct server {
	pid_t pid;
	struct pair p;
};
void server_start(struct server *s, const struct conf *c, int connections,
		  void (*serve)(int fd));
void server_wait(struct server *s);	/* it ended well */
int server_connect(const struct server *s, const struct conf *c);	/* established */

/* ---- pair.c: data and events ---- */

struct msg {			/* what one recvmsg() gave */
	ssize_t n;
	int64_t id;
	uint32_t flags;
	uint8_t data[4096];
};

void event_on(int fd, uint8_t type, uint8_t on);
void recv_msg(int fd, struct msg *m);			/* CHECKed */
/* The next event of @type: its content's length.  Others are dropped, data is a failure. */
size_t event_get(int fd, uint8_t type, void *content, size_t size);
void event_update(int fd, int64_t id, uint8_t state, struct quic_stream_update *u);
void event_none(int fd, unsigned int ms);		/* nothing comes in this time */
/* All of it, blocking. */
void send_all(int fd, int64_t id, const void *buf, size_t len, uint32_t flags);
/* Exactly @len bytes of stream @id (-1: any), then FIN if @fin. */
void recv_all(int fd, int64_t id, void *buf, size_t len, bool fin);
void send_pattern(int fd, int64_t id, uint64_t len, uint32_t flags);	/* the last with @flags */
void recv_pattern(int fd, int64_t id, uint64_t len, bool fin);
int get_opt(int fd, int opt, void *val, socklen_t *len);
int set_opt(int fd, int opt, const void *val, socklen_t len);
int64_t stream_open(int fd, int64_t id, uint32_t flags);	/* or -1 */
int stream_reset(int fd, int64_t id, uint32_t code);
int stream_stop(int fd, int64_t id, uint32_t code);
void echo_serve(int fd);	/* answers each stream's bytes and FIN until the peer closes */
uint64_t mib_read(const char *name);	/* a counter of /proc/net/quic/snmp */
void mib_wait(const char *name, uint64_t n);	/* it gets to n within a while, and not beyond */
/* A network namespace of one's own: 127.0.0.0/8, fd00:1::1, fd00:1::2, fd00:2::1. */
void net_own(void);
void net_limit(const char *name, int value);	/* in /proc/sys/net/quic */

#endif /* _NET_LIB_H */

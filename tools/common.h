/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What qcat and qperf share and that knows nothing of networks: exit codes,
 * messages, numbers with units, the clock, JSON.
 */
#ifndef TOOLS_COMMON_H
#define TOOLS_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit codes of both tools; part of their interface, see the man pages. */
enum {
	EX_OK		= 0,
	EX_USAGE	= 1,	/* wrong option or value */
	EX_NET		= 2,	/* refused, unreachable, reset, closed with an error */
	EX_TLS		= 3,	/* certificate, key, PSK, ALPN, handshake */
	EX_DATA		= 4,	/* the data is incomplete or damaged */
	EX_LOCAL	= 5,	/* a local file, memory, a system call */
	EX_TIMEOUT	= 6,	/* nothing moved for the time given */
	EX_NOQUIC	= 7,	/* this kernel has no QUIC sockets */
};

#define NSEC_PER_SEC	1000000000ULL
#define NSEC_PER_MSEC	1000000ULL
#define NSEC_PER_USEC	1000ULL
#define GIB		(1024.0 * 1024 * 1024)

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

extern int tool_verbose;

/* @failure: the exit code where the tool itself fails, without a better one */
void tool_init(const char *name, int failure);
void warn_msg(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void die(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3), noreturn));
void finish(int code) __attribute__((noreturn));
/* -h, -V, or what no tool knows, which ends it with @usage_code */
void common_option(int c, const char *help, int usage_code) __attribute__((noreturn));

/* Numbers on the command line: die with EX_USAGE, naming the option. */
uint64_t parse_u64(const char *opt, const char *arg, uint64_t min, uint64_t max);
uint64_t parse_size(const char *opt, const char *arg, uint64_t min, uint64_t max);
double parse_seconds(const char *opt, const char *arg, double min, double max);

void *xcalloc(size_t n, size_t size);
int write_all(int fd, const void *buf, size_t len);
uint64_t now_ns(void);
void sleep_ns(uint64_t ns);
void raise_file_limit(void);

/* "12.3 MiB", "1.23 Gbit/s"; the buffer is returned */
#define HUMAN_LEN	32
char *human_bytes(char *buf, double bytes);
char *human_rate(char *buf, double bits_per_second);

/* A JSON object written as it grows; strings are escaped. */
struct json {
	FILE	*file;
	bool	first;
};

void json_begin(struct json *j, FILE *file);
void json_end(struct json *j);
void json_open(struct json *j, const char *key, char bracket);
void json_close(struct json *j, char bracket);
void json_u64(struct json *j, const char *key, uint64_t value);
void json_f64(struct json *j, const char *key, double value);
void json_str(struct json *j, const char *key, const char *value);

#endif /* TOOLS_COMMON_H */

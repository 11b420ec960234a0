// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests and results as lines of "key=value", for the control connection.
 * Either side may be hostile: every value has bounds, and what is unknown is
 * refused.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qperf.h"

#define TEST_VERSION	"qperf 2"
#define RESULT_WORD	"result"

const char *const proto_name[PROTO_NR] = { "quic", "quic-plain", "tcp", "ktls" };
const char *const kind_name[KIND_NR] = { "stream", "rr", "handshakes", "idle" };
const char *const dir_name[DIR_NR] = { "up", "down", "both" };
const char *const cc_name[] = { "default", "reno", "cubic" };

int name_lookup(const char *const *names, size_t n, const char *name)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

void test_format(const struct test *t, char line[QPERF_LINE])
{
	snprintf(line, QPERF_LINE,
		 TEST_VERSION " proto=%s kind=%s dir=%s streams=%u conns=%u size=%u ms=%u bytes=%"
		 PRIu64 " window=%" PRIu64 " cc=%s early=%u", proto_name[t->proto], kind_name[t->kind],
		 dir_name[t->dir], t->streams, t->conns, t->size, t->ms, t->bytes, t->window,
		 cc_name[t->cc], t->early);
}

static bool number(const char *s, uint64_t max, uint64_t *v)
{
	char *end;

	errno = 0;
	*v = strtoull(s, &end, 10);
	return !errno && end != s && !*end && *s != '-' && *v <= max;
}

static bool set_name(struct test *t, const char *key, const char *value, bool *known)
{
	int i;

	*known = true;
	if (!strcmp(key, "proto")) {
		i = name_lookup(proto_name, PROTO_NR, value);
		t->proto = i;
	} else if (!strcmp(key, "kind")) {
		i = name_lookup(kind_name, KIND_NR, value);
		t->kind = i;
	} else if (!strcmp(key, "dir")) {
		i = name_lookup(dir_name, DIR_NR, value);
		t->dir = i;
	} else if (!strcmp(key, "cc")) {
		i = name_lookup(cc_name, 3, value);
		t->cc = i;
	} else {
		*known = false;
		return false;
	}
	return i >= 0;
}

static bool set_number(struct test *t, const char *key, const char *value)
{
	uint64_t v;

	if (!number(value, INT64_MAX, &v))
		return false;
	if (!strcmp(key, "bytes"))
		t->bytes = v;
	else if (!strcmp(key, "window"))
		t->window = v;
	else if (v > UINT32_MAX)
		return false;
	else if (!strcmp(key, "streams"))
		t->streams = v;
	else if (!strcmp(key, "conns"))
		t->conns = v;
	else if (!strcmp(key, "size"))
		t->size = v;
	else if (!strcmp(key, "ms"))
		t->ms = v;
	else if (!strcmp(key, "early"))
		t->early = v;
	else
		return false;
	return true;
}

/* NULL, or what is wrong with the values together */
const char *test_check(const struct test *t)
{
	if (t->streams < 1 || t->streams > QPERF_MAX_STREAMS)
		return "streams: 1 to 1000";
	if (t->conns < 1 || t->conns > QPERF_MAX_LINKS ||
	    (uint64_t)t->conns * t->streams > QPERF_MAX_LINKS)
		return "too many connections";
	if (t->size < 1 || t->size > QPERF_MAX_SIZE)
		return "size: 1 to 16 MiB";
	if (t->ms > QPERF_MAX_MS || (!t->ms && !t->bytes))
		return "duration: more than 0, at most a day";
	if (t->kind != KIND_STREAM && (t->streams != 1 || t->dir != DIR_UP || t->bytes))
		return "streams, direction and bytes are for throughput";
	if (t->early && (t->kind != KIND_HANDSHAKES || !proto_is_quic(t->proto)))
		return "0-RTT is for handshakes of QUIC";
	return NULL;
}

/* NULL, or what is wrong with the line */
const char *test_parse(struct test *t, const char *line)
{
	char copy[QPERF_LINE], *word, *save, *value;
	bool known;

	memset(t, 0, sizeof(*t));
	if (strncmp(line, TEST_VERSION " ", sizeof(TEST_VERSION)))
		return "not a qperf of this version";
	snprintf(copy, sizeof(copy), "%s", line + sizeof(TEST_VERSION));
	for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		value = strchr(word, '=');
		if (!value)
			return "malformed test";
		*value++ = '\0';
		if (!set_name(t, word, value, &known) &&
		    (known || !set_number(t, word, value)))
			return "unknown value in the test";
	}
	return test_check(t);
}

void result_format(const struct result *r, char line[QPERF_LINE])
{
	snprintf(line, QPERF_LINE, RESULT_WORD " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
		 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, r->sent,
		 r->received, r->ns, r->links, r->failed, r->rss, r->usage.user_us,
		 r->usage.system_us, r->usage.machine_us);
}

bool result_parse(struct result *r, const char *line)
{
	return sscanf(line, RESULT_WORD " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		      " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64, &r->sent,
		      &r->received, &r->ns, &r->links, &r->failed, &r->rss, &r->usage.user_us,
		      &r->usage.system_us, &r->usage.machine_us) == 9;
}

/* Byte by byte: what follows the line belongs to another reader. */
bool line_read(int fd, char line[QPERF_LINE], unsigned int timeout_ms)
{
	uint64_t end = now_ns() + timeout_ms * NSEC_PER_MSEC, now;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t n = 0;

	while (n < QPERF_LINE) {
		now = now_ns();
		if (timeout_ms && (now >= end || poll(&p, 1, (end - now) / NSEC_PER_MSEC + 1) < 1))
			return false;
		if (read(fd, line + n, 1) != 1)
			return false;
		if (line[n] == '\n') {
			line[n] = '\0';
			return true;
		}
		n++;
	}
	return false;
}

bool line_write(int fd, const char *line)
{
	char buf[QPERF_LINE + 1];
	int n = snprintf(buf, sizeof(buf), "%s\n", line);

	return n > 0 && (size_t)n < sizeof(buf) && !write_all(fd, buf, n);
}

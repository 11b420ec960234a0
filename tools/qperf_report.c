// SPDX-License-Identifier: GPL-2.0-or-later
/* The results of a test for people and for programs. */
#include <inttypes.h>
#include <string.h>

#include "qperf.h"

static double rate(uint64_t bytes, uint64_t ns)
{
	return ns ? bytes * 8e9 / ns : 0;
}

/* Bytes that arrived, whichever way */
static uint64_t moved(const struct report *r)
{
	return r->client.received + r->server.received;
}

static double per_gib(uint64_t us, uint64_t bytes)
{
	return bytes ? us / 1e6 / (bytes / GIB) : 0;
}

static uint64_t process_us(const struct result *r)
{
	return r->usage.user_us + r->usage.system_us;
}

static void line_rate(const char *what, double seconds, uint64_t bytes, double bits)
{
	char b[HUMAN_LEN], s[HUMAN_LEN];

	printf("%-9s %7.2f s  %12s  %16s\n", what, seconds, human_bytes(b, bytes),
	       human_rate(s, bits));
}

void report_interval(const struct interval *i, double start, enum dir dir)
{
	double seconds = i->end - start;
	char range[HUMAN_LEN];

	snprintf(range, sizeof(range), "%.1f-%.1f", start, i->end);
	if (dir != DIR_DOWN)
		line_rate(range, seconds, i->sent, i->sent * 8 / seconds);
	if (dir != DIR_UP)
		line_rate(range, seconds, i->received, i->received * 8 / seconds);
	fflush(stdout);
}

static void text_cpu(const struct report *r)
{
	uint64_t bytes = moved(r);

	printf("CPU       client %.2f s user %.2f s system, server %.2f s user %.2f s system, "
	       "machine %.2f s\n", r->client.usage.user_us / 1e6,
	       r->client.usage.system_us / 1e6, r->server.usage.user_us / 1e6,
	       r->server.usage.system_us / 1e6, r->client.usage.machine_us / 1e6);
	if (r->test->kind == KIND_STREAM && bytes)
		printf("          per GiB: client %.2f s, server %.2f s, machine %.2f s\n",
		       per_gib(process_us(&r->client), bytes),
		       per_gib(process_us(&r->server), bytes),
		       per_gib(r->client.usage.machine_us, bytes));
}

static void text_latency(const struct report *r)
{
	const struct samples *s = &r->samples;

	printf("latency   min %.1f, mean %.1f, p50 %.1f, p90 %.1f,", samples_us(s, 0),
	       samples_mean_us(s), samples_us(s, 0.5), samples_us(s, 0.9));
	printf(" p99 %.1f, p99.9 %.1f, max %.1f us\n", samples_us(s, 0.99),
	       samples_us(s, 0.999), samples_us(s, 1));
}

static void text_memory(const struct report *r)
{
	char kernel[HUMAN_LEN], slab[HUMAN_LEN], client[HUMAN_LEN], server[HUMAN_LEN];

	printf("opened    %u connections in %.2f s\n", r->test->conns, r->open_seconds);
	printf("memory    kernel %s (slab %s), client %s, server %s\n",
	       human_bytes(kernel, (int64_t)r->memory.kernel),
	       human_bytes(slab, (int64_t)r->memory.slab),
	       human_bytes(client, (int64_t)r->memory.rss),
	       human_bytes(server, (int64_t)r->server_rss));
	printf("          per connection: kernel %.0f B on this machine\n",
	       (double)(int64_t)r->memory.kernel / r->test->conns);
}

void report_text(const struct report *r)
{
	switch (r->test->kind) {
	case KIND_STREAM:
		if (test_sends(r->test, true))
			line_rate("up", r->server.ns / 1e9, r->server.received,
				  rate(r->server.received, r->server.ns));
		if (test_sends(r->test, false))
			line_rate("down", r->client.ns / 1e9, r->client.received,
				  rate(r->client.received, r->client.ns));
		break;
	case KIND_RR:
		printf("requests  %zu of %u bytes, %.0f per second\n", r->samples.nr,
		       r->test->size, r->samples.nr / r->seconds);
		text_latency(r);
		break;
	case KIND_HANDSHAKES:
		printf("done      %zu handshakes, %" PRIu64 " failed, %.1f per second\n",
		       r->samples.nr, r->client.failed, r->samples.nr / r->seconds);
		if (r->test->early)
			printf("0-RTT     %" PRIu64 " accepted\n", r->early);
		text_latency(r);
		break;
	case KIND_IDLE:
		text_memory(r);
		break;
	default:
		break;
	}
	text_cpu(r);
}

static void json_direction(struct json *j, const char *name, const struct result *to)
{
	json_open(j, name, '{');
	json_u64(j, "bytes", to->received);
	json_f64(j, "seconds", to->ns / 1e9);
	json_f64(j, "bits_per_second", rate(to->received, to->ns));
	json_close(j, '}');
}

static void json_cpu(struct json *j, const struct report *r)
{
	uint64_t bytes = moved(r);

	json_open(j, "cpu", '{');
	json_f64(j, "client_user_seconds", r->client.usage.user_us / 1e6);
	json_f64(j, "client_system_seconds", r->client.usage.system_us / 1e6);
	json_f64(j, "client_machine_seconds", r->client.usage.machine_us / 1e6);
	json_f64(j, "server_user_seconds", r->server.usage.user_us / 1e6);
	json_f64(j, "server_system_seconds", r->server.usage.system_us / 1e6);
	json_f64(j, "server_machine_seconds", r->server.usage.machine_us / 1e6);
	if (r->test->kind == KIND_STREAM) {
		json_f64(j, "client_seconds_per_gib", per_gib(process_us(&r->client), bytes));
		json_f64(j, "server_seconds_per_gib", per_gib(process_us(&r->server), bytes));
		json_f64(j, "machine_seconds_per_gib",
			 per_gib(r->client.usage.machine_us, bytes));
	}
	json_close(j, '}');
}

static void json_latency(struct json *j, const struct samples *s)
{
	json_open(j, "latency_us", '{');
	json_f64(j, "min", samples_us(s, 0));
	json_f64(j, "mean", samples_mean_us(s));
	json_f64(j, "p50", samples_us(s, 0.5));
	json_f64(j, "p90", samples_us(s, 0.9));
	json_f64(j, "p99", samples_us(s, 0.99));
	json_f64(j, "p99_9", samples_us(s, 0.999));
	json_f64(j, "max", samples_us(s, 1));
	json_close(j, '}');
}

static void json_memory(struct json *j, const struct report *r)
{
	json_f64(j, "open_seconds", r->open_seconds);
	json_open(j, "memory", '{');
	json_f64(j, "kernel_bytes", (int64_t)r->memory.kernel);
	json_f64(j, "slab_bytes", (int64_t)r->memory.slab);
	json_f64(j, "percpu_bytes", (int64_t)r->memory.percpu);
	json_f64(j, "client_rss_bytes", (int64_t)r->memory.rss);
	json_f64(j, "server_rss_bytes", (int64_t)r->server_rss);
	json_close(j, '}');
}

static void json_intervals(struct json *j, const struct report *r)
{
	size_t i;

	json_open(j, "intervals", '[');
	for (i = 0; i < r->nr_intervals; i++) {
		json_open(j, NULL, '{');
		json_f64(j, "end", r->interval[i].end);
		json_u64(j, "sent_bytes", r->interval[i].sent);
		json_u64(j, "received_bytes", r->interval[i].received);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void json_test(struct json *j, const struct test *t)
{
	json_str(j, "proto", proto_name[t->proto]);
	json_str(j, "test", kind_name[t->kind]);
	json_u64(j, "connections", t->conns);
	json_u64(j, "size", t->size);
	if (t->kind != KIND_STREAM)
		return;
	json_str(j, "direction", dir_name[t->dir]);
	json_u64(j, "streams", t->streams);
}

void report_json(const struct report *r)
{
	struct json j;

	json_begin(&j, stdout);
	json_test(&j, r->test);
	json_f64(&j, "seconds", r->seconds);
	/* A server may find a handshake's connection closed again by the client. */
	json_u64(&j, "failed", r->client.failed +
		 (r->test->kind == KIND_HANDSHAKES ? 0 : r->server.failed));
	if (r->test->kind == KIND_STREAM && test_sends(r->test, true))
		json_direction(&j, "up", &r->server);
	if (r->test->kind == KIND_STREAM && test_sends(r->test, false))
		json_direction(&j, "down", &r->client);
	if (r->test->kind == KIND_RR) {
		json_u64(&j, "requests", r->samples.nr);
		json_f64(&j, "requests_per_second", r->samples.nr / r->seconds);
	}
	if (r->test->kind == KIND_HANDSHAKES) {
		json_u64(&j, "handshakes", r->samples.nr);
		json_f64(&j, "handshakes_per_second", r->samples.nr / r->seconds);
		if (r->test->early)
			json_u64(&j, "early_accepted", r->early);
	}
	if (r->test->kind == KIND_RR || r->test->kind == KIND_HANDSHAKES)
		json_latency(&j, &r->samples);
	if (r->test->kind == KIND_IDLE)
		json_memory(&j, r);
	json_cpu(&j, r);
	if (r->nr_intervals)
		json_intervals(&j, r);
	json_end(&j);
}

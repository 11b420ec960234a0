// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The client: asks for the test, opens the links, says go, loads the links,
 * says end, collects the server's figures.  Links are closed last: closing a
 * QUIC socket discards what the peer has not received.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "qperf.h"

#define REPLY_MS	60000
#define SETTLE_NS	NSEC_PER_SEC	/* before memory is read */
#define STALL_NS	(30 * NSEC_PER_SEC)
#define OPENERS		16

struct client {
	struct client_opts	*opts;
	struct link_opts	link_opts;
	struct report		report;
	struct counts		counts;
	struct usage		start;
	uint64_t		go_at;
	int			control;
	struct ticket		ticket;		/* --early */
	char			token[QPERF_LINE];
	struct load		*load;		/* one for each link */
	unsigned int		links;
	_Atomic unsigned int	next;		/* link to open */
	_Atomic uint64_t	early;		/* handshakes with 0-RTT */
	_Atomic bool		done;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	(void)sig;
	interrupted = 1;
}

static void dial_failed(struct client *c, int err)
{
	const char *what = proto_name[c->opts->test.proto];

	if (err == -EOPNOTSUPP && c->opts->test.proto == PROTO_KTLS)
		die(EX_LOCAL, "no kTLS in this kernel: modprobe tls");
	if (err == -EKEYREJECTED && c->opts->test.proto == PROTO_KTLS)
		die(EX_TLS, "%s: the server's certificate is not trusted (--cafile, --insecure)",
		    what);
	die(net_exit_code(err), "%s: %s", what, net_strerror(err));
}

static void command(struct client *c, const char *word)
{
	if (!line_write(c->control, word))
		die(EX_NET, "the server closed the control connection");
}

static void ask_result(struct client *c, const char *word, struct result *r)
{
	char line[QPERF_LINE];

	command(c, word);
	if (!line_read(c->control, line, REPLY_MS))
		die(EX_NET, "the server does not answer on the control connection");
	if (!result_parse(r, line))
		die(EX_NET, "the server's answer makes no sense: not a qperf of this version?");
}

static void negotiate(struct client *c)
{
	struct client_opts *o = c->opts;
	char line[QPERF_LINE];

	c->control = net_tcp_dial(&o->net, o->host);
	if (c->control < 0)
		die(net_exit_code(c->control), "%s port %s: %s", o->host, o->net.port,
		    strerror(-c->control));
	test_format(&o->test, line);
	command(c, line);
	if (!line_read(c->control, line, REPLY_MS))
		die(EX_NET, "the server does not answer: not a qperf?");
	if (!strncmp(line, "error ", 6))
		die(strstr(line, "no QUIC") ? EX_NOQUIC : EX_NET, "server: %s", line + 6);
	if (strncmp(line, "ok ", 3))
		die(EX_NET, "the server's answer makes no sense: not a qperf?");
	snprintf(c->token, sizeof(c->token), "%s", line + 3);
	c->link_opts = (struct link_opts){
		.net = &o->net, .test = &o->test, .host = o->host, .token = c->token,
	};
	if (o->test.proto == PROTO_KTLS)
		c->link_opts.ktls = ktls_new(&o->net, false);
}

static void *opener(void *arg)
{
	struct client *c = arg;
	unsigned int i;
	int err;

	while ((i = atomic_fetch_add(&c->next, 1)) < c->links && !interrupted) {
		err = link_dial(&c->link_opts, &c->load[i].link);
		if (err)
			dial_failed(c, err);
		c->load[i].test = &c->opts->test;
		c->load[i].counts = &c->counts;
		c->load[i].client = true;
		if (!((i + 1) % 1000))
			note("%u connections", i + 1);
	}
	return NULL;
}

/* fn in n threads, to its end in all of them */
static void in_threads(void *(*fn)(void *), void *arg, size_t step, unsigned int n)
{
	pthread_t *thread = xcalloc(n, sizeof(*thread));
	unsigned int i;
	int err;

	for (i = 0; i < n; i++) {
		err = pthread_create(&thread[i], NULL, fn, (char *)arg + i * step);
		if (err)
			die(EX_LOCAL, "thread: %s", strerror(err));
	}
	for (i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	free(thread);
}

static void open_links(struct client *c)
{
	uint64_t start = now_ns();

	c->links = test_links(&c->opts->test);
	c->load = xcalloc(c->links, sizeof(*c->load));
	in_threads(opener, c, 0, c->links < OPENERS ? c->links : OPENERS);
	c->report.open_seconds = (now_ns() - start) / 1e9;
}

static void *stream_worker(void *arg)
{
	load_streams(arg);
	return NULL;
}

static void *request_worker(void *arg)
{
	load_requests(arg);
	return NULL;
}

struct handshaker {
	struct load	load;
	struct client	*client;
};

/* A connection after the other, each closed when its handshake is done */
static void *handshake_worker(void *arg)
{
	struct handshaker *h = arg;
	struct load *load = &h->load;
	struct client *c = h->client;
	uint64_t start = now_ns(), end = start + load->test->ms * NSEC_PER_MSEC, now;
	struct link link;
	int err;

	while (start < end) {
		err = link_dial(&c->link_opts, &link);
		now = now_ns();
		if (err) {
			note("%s", net_strerror(err));
			if (!load->samples.nr)
				dial_failed(c, err);
			atomic_fetch_add(&c->counts.failed, 1);
		} else {
			samples_add(&load->samples, now - start);
			atomic_fetch_add(&c->early, link.early);
			close(link.fd);
		}
		start = now_ns();
	}
	return NULL;
}

static void add_interval(struct client *c, double end, uint64_t sent, uint64_t received)
{
	struct report *r = &c->report;
	double start = r->nr_intervals ? r->interval[r->nr_intervals - 1].end : 0;

	r->interval = realloc(r->interval, (r->nr_intervals + 1) * sizeof(*r->interval));
	if (!r->interval)
		die(EX_LOCAL, "out of memory");
	r->interval[r->nr_intervals] = (struct interval){ end, sent, received };
	if (!c->opts->json)
		report_interval(&r->interval[r->nr_intervals], start, c->opts->test.dir);
	r->nr_intervals++;
}

/* Interval reports, and an end to a test in which nothing moves any more */
static void *ticker(void *arg)
{
	uint64_t next, step, moved, seen = 0, moved_at = now_ns(), sent = 0, received = 0, s, r;
	struct client *c = arg;

	step = c->opts->interval ? c->opts->interval * 1e9 : NSEC_PER_SEC;
	for (next = c->go_at + step; ; next += step) {
		while (now_ns() < next && !atomic_load(&c->done))
			sleep_ns(10 * NSEC_PER_MSEC);
		if (atomic_load(&c->done))
			return NULL;
		s = atomic_load(&c->counts.sent);
		r = atomic_load(&c->counts.received);
		if (c->opts->interval)
			add_interval(c, (now_ns() - c->go_at) / 1e9, s - sent, r - received);
		sent = s;
		received = r;
		moved = s + r;
		if (moved != seen)
			moved_at = now_ns();
		seen = moved;
		if (now_ns() - moved_at > STALL_NS)
			die(EX_TIMEOUT, "nothing moved for %llu seconds",
			    STALL_NS / NSEC_PER_SEC);
	}
}

static void go(struct client *c)
{
	command(c, "go");
	usage_read(&c->start);
	c->go_at = now_ns();
}

static void run_loads(struct client *c, void *(*worker)(void *))
{
	pthread_t thread;

	open_links(c);
	go(c);
	if (pthread_create(&thread, NULL, ticker, c))
		die(EX_LOCAL, "no thread for the clock");
	in_threads(worker, c->load, sizeof(*c->load), c->links);
	c->report.seconds = (now_ns() - c->go_at) / 1e9;
	atomic_store(&c->done, true);
	pthread_join(thread, NULL);
}

/* --early: the first connection gives what the others resume. */
static void get_ticket(struct client *c)
{
	struct net_opts *net = &c->opts->net;
	struct link link;
	void *session;
	int err;

	net_session_load(net, &c->ticket);
	err = link_dial_session(&c->link_opts, &link, &session);
	if (err)
		dial_failed(c, err);
	err = ticket_take(&c->ticket, session);
	if (err)
		die(EX_TLS, "no session ticket: %s", strerror(-err));
	net_session_keep(net, &c->ticket, session);
	net->ticket = &c->ticket;
	quic_session_free(session);
	close(link.fd);
}

static void run_handshakes(struct client *c)
{
	unsigned int i, n = c->opts->test.conns;
	struct handshaker *h = xcalloc(n, sizeof(*h));

	if (c->opts->test.early)
		get_ticket(c);
	for (i = 0; i < n; i++) {
		h[i].load.test = &c->opts->test;
		h[i].client = c;
	}
	go(c);
	in_threads(handshake_worker, h, sizeof(*h), n);
	c->report.seconds = (now_ns() - c->go_at) / 1e9;
	c->report.early = atomic_load(&c->early);
	for (i = 0; i < n; i++)
		samples_merge(&c->report.samples, &h[i].load.samples);
	free(h);
}

static void hold(struct client *c)
{
	uint64_t end = now_ns() + c->opts->test.ms * NSEC_PER_MSEC;
	struct pollfd p;
	unsigned int i;

	while (now_ns() < end && !interrupted)
		sleep_ns(50 * NSEC_PER_MSEC);
	for (i = 0; i < c->links; i++) {
		p.fd = c->load[i].link.fd;
		p.events = POLLRDHUP;
		if (poll(&p, 1, 0) == 1 && p.revents & (POLLHUP | POLLERR | POLLRDHUP))
			atomic_fetch_add(&c->counts.failed, 1);
	}
}

static void run_idle(struct client *c)
{
	struct report *r = &c->report;
	struct memory before, after;
	struct result stat;

	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	ask_result(c, "stat", &stat);
	r->server_rss = stat.rss;
	go(c);
	sleep_ns(SETTLE_NS);
	memory_read(&before);
	open_links(c);
	sleep_ns(SETTLE_NS);
	memory_read(&after);
	ask_result(c, "stat", &stat);
	r->server_rss = stat.rss - r->server_rss;
	r->memory.kernel = after.kernel - before.kernel;
	r->memory.slab = after.slab - before.slab;
	r->memory.percpu = after.percpu - before.percpu;
	r->memory.rss = after.rss - before.rss;
	warn_msg("all %u connections are up", c->links);
	hold(c);
	r->seconds = (now_ns() - c->go_at) / 1e9;
}

static void run(struct client *c)
{
	switch (c->opts->test.kind) {
	case KIND_STREAM:
		run_loads(c, stream_worker);
		break;
	case KIND_RR:
		run_loads(c, request_worker);
		break;
	case KIND_HANDSHAKES:
		run_handshakes(c);
		break;
	default:
		run_idle(c);
		break;
	}
}

static void collect(struct client *c)
{
	uint64_t last = atomic_load(&c->counts.last);
	struct report *r = &c->report;
	unsigned int i;

	usage_since(&r->client.usage, &c->start);
	r->client.sent = atomic_load(&c->counts.sent);
	r->client.received = atomic_load(&c->counts.received);
	r->client.failed = atomic_load(&c->counts.failed);
	r->client.ns = last > c->go_at ? last - c->go_at : 0;
	for (i = 0; i < c->links; i++)
		samples_merge(&r->samples, &c->load[i].samples);
	samples_sort(&r->samples);
	for (i = 0; i < c->links; i++)
		close(c->load[i].link.fd);
}

/* Bytes that were sent and did not arrive, or links that broke */
static int verdict(const struct report *r)
{
	uint64_t failed = r->client.failed + r->server.failed;

	if (r->test->kind == KIND_STREAM && (r->client.sent != r->server.received ||
					     r->server.sent != r->client.received)) {
		warn_msg("not all data arrived");
		return EX_DATA;
	}
	if (failed && r->test->kind != KIND_HANDSHAKES) {
		warn_msg("%llu connections broke", (unsigned long long)failed);
		return EX_NET;
	}
	return EX_OK;
}

int client_run(struct client_opts *o)
{
	struct client c = { .opts = o, .report.test = &o->test };

	negotiate(&c);
	run(&c);
	ask_result(&c, "end", &c.report.server);
	collect(&c);
	if (o->json)
		report_json(&c.report);
	else
		report_text(&c.report);
	return verdict(&c.report);
}

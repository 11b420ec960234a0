// SPDX-License-Identifier: GPL-2.0-or-later
/* qperf: like iperf3, over QUIC sockets, TCP and kTLS.  The options. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "qperf.h"

#define DEFAULT_SIZE	(64 << 10)
#define DEFAULT_SECONDS	10

enum {
	OPT_JSON = OPT_TOOL,
	OPT_PROTO,
	OPT_BIDIR,
	OPT_RR,
	OPT_HANDSHAKES,
	OPT_IDLE,
	OPT_CC,
	OPT_WRITE_CERT,
};

struct qperf {
	struct client_opts	client;
	const char		*write_cert;
	bool			server;
	bool			one_off;
	bool			duration_given;
};

static const char help[] =
"Usage: qperf -s [OPTION]...\n"
"       qperf -c HOST [OPTION]...\n"
"Measure throughput, latency, handshakes and idle connections over QUIC\n"
"sockets, and the same over TCP and kTLS.\n"
"\n"
"  -s, --server           be the server\n"
"  -1, --one-off          server: end after one test\n"
"      --write-cert FILE  server: write the certificate that it made itself\n"
"  -c, --client HOST      be the client\n"
NET_HELP
"\n"
"Client, what to measure (throughput to the server by default):\n"
"  -R, --reverse          throughput from the server\n"
"      --bidir            both ways at once\n"
"      --rr SIZE          requests and responses of SIZE bytes, one at a time\n"
"      --handshakes       connections opened per second, -C at a time\n"
"      --idle N           N connections that do nothing; tells their memory\n"
"      --early            with --handshakes: resumed ones, each with a byte of 0-RTT\n"
"      --session FILE     with --early: resume the session in FILE first, keep the next\n"
"Client, how:\n"
"      --proto PROTO      quic, quic-plain (no packet protection), tcp, ktls\n"
"  -P, --parallel N       streams of each connection (TCP: connections)\n"
"  -C, --connections N    connections\n"
"  -l, --length SIZE      size of a write (64K)\n"
"  -t, --time SECONDS     duration (10)\n"
"  -n, --bytes SIZE       instead of a duration\n"
"  -w, --window SIZE      QUIC flow control windows\n"
"      --cc NAME          QUIC congestion control: reno, cubic\n"
"  -i, --interval SECONDS report so often\n"
"      --json             results as JSON\n"
NET_HELP_END;

static const char short_options[] = NET_SHORT_OPTIONS "s1c:RP:C:l:t:n:w:i:";
static const struct option long_options[] = {
	NET_LONG_OPTIONS,
	{ "server",	 no_argument,	    NULL, 's' },
	{ "one-off",	 no_argument,	    NULL, '1' },
	{ "write-cert",	 required_argument, NULL, OPT_WRITE_CERT },
	{ "client",	 required_argument, NULL, 'c' },
	{ "reverse",	 no_argument,	    NULL, 'R' },
	{ "bidir",	 no_argument,	    NULL, OPT_BIDIR },
	{ "rr",		 required_argument, NULL, OPT_RR },
	{ "handshakes",	 no_argument,	    NULL, OPT_HANDSHAKES },
	{ "idle",	 required_argument, NULL, OPT_IDLE },
	{ "proto",	 required_argument, NULL, OPT_PROTO },
	{ "parallel",	 required_argument, NULL, 'P' },
	{ "connections", required_argument, NULL, 'C' },
	{ "length",	 required_argument, NULL, 'l' },
	{ "time",	 required_argument, NULL, 't' },
	{ "bytes",	 required_argument, NULL, 'n' },
	{ "window",	 required_argument, NULL, 'w' },
	{ "cc",		 required_argument, NULL, OPT_CC },
	{ "interval",	 required_argument, NULL, 'i' },
	{ "json",	 no_argument,	    NULL, OPT_JSON },
	{ NULL,		 0,		    NULL, 0 },
};

static int parse_name(const char *opt, const char *const *names, size_t n, const char *arg)
{
	int i = name_lookup(names, n, arg);

	if (i < 0)
		die(EX_USAGE, "%s: '%s' is unknown. Try 'qperf --help'", opt, arg);
	return i;
}

static void set_kind(struct test *t, enum kind kind)
{
	if (t->kind != KIND_STREAM && t->kind != kind)
		die(EX_USAGE, "--rr, --handshakes and --idle: one of them");
	t->kind = kind;
}

static bool test_option(struct test *t, int c, const char *arg)
{
	switch (c) {
	case 'R':
		t->dir = DIR_DOWN;
		break;
	case OPT_BIDIR:
		t->dir = DIR_BOTH;
		break;
	case OPT_RR:
		set_kind(t, KIND_RR);
		t->size = parse_size("--rr", arg, 1, QPERF_MAX_SIZE);
		break;
	case OPT_HANDSHAKES:
		set_kind(t, KIND_HANDSHAKES);
		break;
	case OPT_IDLE:
		set_kind(t, KIND_IDLE);
		t->conns = parse_u64("--idle", arg, 1, QPERF_MAX_LINKS);
		break;
	case OPT_PROTO:
		t->proto = parse_name("--proto", proto_name, PROTO_NR, arg);
		break;
	case 'P':
		t->streams = parse_u64("--parallel", arg, 1, QPERF_MAX_STREAMS);
		break;
	case 'C':
		t->conns = parse_u64("--connections", arg, 1, QPERF_MAX_LINKS);
		break;
	case 'l':
		t->size = parse_size("--length", arg, 1, QPERF_MAX_SIZE);
		break;
	case 'n':
		t->bytes = parse_size("--bytes", arg, 1, INT64_MAX);
		break;
	case 'w':
		t->window = parse_size("--window", arg, 1024, INT64_MAX);
		break;
	case OPT_CC:
		t->cc = parse_name("--cc", cc_name, 3, arg);
		break;
	default:
		return false;
	}
	return true;
}

static void own_option(struct qperf *q, int c, const char *arg)
{
	switch (c) {
	case 's':
		q->server = true;
		break;
	case '1':
		q->one_off = true;
		break;
	case OPT_WRITE_CERT:
		q->write_cert = arg;
		break;
	case 'c':
		q->client.host = arg;
		break;
	case 't':
		q->client.test.ms = 1000 * parse_seconds("--time", arg, 0.1, 86400);
		q->duration_given = true;
		break;
	case 'i':
		q->client.interval = parse_seconds("--interval", arg, 0.1, 3600);
		break;
	case OPT_JSON:
		q->client.json = true;
		break;
	default:
		common_option(c, help, EX_USAGE);
	}
}

static void check(struct qperf *q)
{
	struct test *t = &q->client.test;
	const char *error;

	if (q->server == !!q->client.host)
		die(EX_USAGE, "either -s or -c HOST. Try 'qperf --help'");
	if (q->server) {
		if (!q->client.net.certfile != !q->client.net.keyfile)
			die(EX_USAGE, "--cert and --key go together");
		if (q->client.net.early || q->client.net.session_file)
			die(EX_USAGE, "--early and --session are for a client");
		if (q->write_cert && q->client.net.certfile)
			die(EX_USAGE, "--write-cert is for the certificate that qperf makes");
		return;
	}
	if (t->bytes && q->duration_given)
		die(EX_USAGE, "-t and -n: one of them");
	if (t->bytes)
		t->ms = 0;
	t->early = q->client.net.early;
	if (q->client.net.session_file && !t->early)
		die(EX_USAGE, "--session is for --early");
	error = test_check(t);
	if (error)
		die(EX_USAGE, "%s", error);
}

static void parse(struct qperf *q, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, short_options, long_options, NULL)) != -1)
		if (!net_option(&q->client.net, c, optarg) &&
		    !test_option(&q->client.test, c, optarg))
			own_option(q, c, optarg);
	if (optind < argc)
		die(EX_USAGE, "what is '%s' for? Try 'qperf --help'", argv[optind]);
	check(q);
}

/* libquic takes a PSK file or a certificate, kTLS here always the latter. */
static void load_credentials(struct qperf *q)
{
	struct net_opts *net = &q->client.net, quic;

	if (q->server && !net->certfile)
		tls_make_certificate(net, q->write_cert);
	if (!net->hostname)
		net->hostname = q->client.host;
	quic = *net;
	if (net->pskfile)
		quic.certfile = quic.keyfile = NULL;
	net_credentials(&quic, q->server);
	net->credentials = quic.credentials;
}

int main(int argc, char **argv)
{
	struct qperf q = {
		.client.net = {
			.port = QPERF_PORT,
			.alpn = QPERF_ALPN,
			.timeout_ms = NET_HANDSHAKE_TIMEOUT_MS,
		},
		.client.test = {
			.streams = 1,
			.conns = 1,
			.size = DEFAULT_SIZE,
			.ms = DEFAULT_SECONDS * 1000,
		},
	};

	tool_init("qperf", EX_LOCAL);
	signal(SIGPIPE, SIG_IGN);
	parse(&q, argc, argv);
	net_init();
	raise_file_limit();
	load_credentials(&q);
	finish(q.server ? server_run(&q.client.net, q.one_off) : client_run(&q.client));
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * endpoint - the program that an interop runner drives.  The environment says
 * what to do (ROLE, TESTCASE, REQUESTS, SSLKEYLOGFILE), as the public runner's
 * containers have it, and PREFERRED; options do the same outside a container, and
 * override it.
 * Exit codes are the runner's: 0 done, 1 failed, 127 this case is not supported.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "endpoint.h"

#define EXIT_UNSUPPORTED	127
#define REQUESTS_MAX		4096
#define OPTIONS			"r:t:a:p:b:w:u:c:k:RP:0d:U:m:A:C:KV:W:e:vh"

struct options opt = {
	.www = "/www",
	.downloads = "/downloads",
	.cert = "/certs/cert.pem",
	.key = "/certs/priv.key",
	.port = "443",
	.alpns = "h3,hq-interop",
};

static struct request *requests;
static unsigned int nr_requests;

static const char usage_text[] =
"usage: endpoint [options] [URL...]\n"
"  -r, --role ROLE        client or server                       (ROLE)\n"
"  -t, --testcase NAME    a case of the interop runner           (TESTCASE)\n"
"  -a, --alpn LIST        h3,hq-interop\n"
"  -p, --port PORT        server: 443\n"
"  -b, --bind ADDR        server: all addresses\n"
"  -w, --www DIR          server: what is served                 /www\n"
"  -u, --uploads DIR      server: where bodies are stored        nowhere\n"
"  -c, --cert FILE        server: certificates                   /certs/cert.pem\n"
"  -k, --key FILE         server: its key                        /certs/priv.key\n"
"  -R, --retry            server: validate each address by Retry\n"
"  -P, --preferred LIST   server: where clients should move to; addresses, each with\n"
"                         :PORT or not                           (PREFERRED)\n"
"  -0, --early            client: resume for all but the first request, with 0-RTT;\n"
"                         server: take 0-RTT\n"
"  -d, --downloads DIR    client: where answers are stored       /downloads\n"
"  -U, --upload FILE      client: the body of each request, by POST\n"
"  -m, --method NAME      client: PUT instead of POST, ...\n"
"  -A, --connect ADDR     client: where to, whatever the URL says\n"
"  -C, --cafile FILE      client: verify the server with these authorities\n"
"  -K, --key-update       client: update the keys after the first data\n"
"  -V, --quic-version HEX client: the first version to try; server: where clients are moved to\n"
"  -W, --wanted-version HEX  client: the one to ask for in the first\n"
"  -e, --ciphers LIST     GnuTLS names, as +CHACHA20-POLY1305:+AES-256-GCM\n"
"  -v, --verbose\n"
"Clients take URLs from REQUESTS, too. Exit status: 0 done, 1 failed, 127 unsupported.\n";

static const struct option long_options[] = {
	{ "role", required_argument, NULL, 'r' },
	{ "testcase", required_argument, NULL, 't' },
	{ "alpn", required_argument, NULL, 'a' },
	{ "port", required_argument, NULL, 'p' },
	{ "bind", required_argument, NULL, 'b' },
	{ "www", required_argument, NULL, 'w' },
	{ "uploads", required_argument, NULL, 'u' },
	{ "cert", required_argument, NULL, 'c' },
	{ "key", required_argument, NULL, 'k' },
	{ "retry", no_argument, NULL, 'R' },
	{ "preferred", required_argument, NULL, 'P' },
	{ "early", no_argument, NULL, '0' },
	{ "downloads", required_argument, NULL, 'd' },
	{ "upload", required_argument, NULL, 'U' },
	{ "method", required_argument, NULL, 'm' },
	{ "connect", required_argument, NULL, 'A' },
	{ "cafile", required_argument, NULL, 'C' },
	{ "key-update", no_argument, NULL, 'K' },
	{ "quic-version", required_argument, NULL, 'V' },
	{ "wanted-version", required_argument, NULL, 'W' },
	{ "ciphers", required_argument, NULL, 'e' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 }
};

/*
 * The priority string of libquic with these ciphers alone.  Without key exchanges, which
 * TLS 1.3 has not, GnuTLS does not offer the cipher suites of TLS 1.2 beside.
 */
static const char *ciphers_only(const char *list)
{
	static char priority[512];

	snprintf(priority, sizeof(priority), "%s:-KX-ALL:-CIPHER-ALL:%s", QUIC_PRIORITY, list);
	return priority;
}

static void set_role(const char *role)
{
	if (strcmp(role, "server") && strcmp(role, "client")) {
		warn("a role is client or server, not '%s'\n", role);
		exit(1);
	}
	opt.server = !strcmp(role, "server");
}

static void set_option(int c, const char *arg)
{
	switch (c) {
	case 'r': set_role(arg); break;
	case 't': opt.testcase = arg; break;
	case 'a': opt.alpns = arg; break;
	case 'p': opt.port = arg; break;
	case 'b': opt.bind_addr = arg; break;
	case 'w': opt.www = arg; break;
	case 'u': opt.uploads = arg; break;
	case 'c': opt.cert = arg; break;
	case 'k': opt.key = arg; break;
	case 'R': opt.retry = true; break;
	case 'P': opt.preferred = arg; break;
	case '0': opt.early = opt.resume = true; break;
	case 'd': opt.downloads = arg; break;
	case 'U': opt.upload = arg; break;
	case 'm': opt.method = arg; break;
	case 'A': opt.connect_addr = arg; break;
	case 'C': opt.cafile = arg; break;
	case 'K': opt.key_update = true; break;
	case 'V': opt.version = strtoul(arg, NULL, 16); break;
	case 'W': opt.wanted_version = strtoul(arg, NULL, 16); break;
	case 'e': opt.ciphers = ciphers_only(arg); break;
	case 'v': opt.verbose = true; break;
	case 'h': fputs(usage_text, stdout); exit(0);
	default: fputs(usage_text, stderr); exit(1);
	}
}

/* The cases that need nothing special, and those that do. */
static bool set_testcase(const char *name)
{
	static const char *const plain[] = {
		"handshake", "transfer", "longrtt", "multiplexing", "blackhole", "ecn",
		"amplificationlimit", "handshakeloss", "transferloss", "handshakecorruption",
		"transfercorruption", "ipv6", "rebind-port", "rebind-addr", "goodput",
		"crosstraffic", "http3",
	};
	unsigned int i;

	opt.alpns = strcmp(name, "http3") ? "hq-interop" : "h3";
	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (!strcmp(name, plain[i]))
			return true;
	if (!strcmp(name, "chacha20"))
		opt.ciphers = ciphers_only("+CHACHA20-POLY1305");
	else if (!strcmp(name, "retry"))
		opt.retry = opt.server;
	else if (!strcmp(name, "keyupdate"))
		opt.key_update = !opt.server;
	else if (!strcmp(name, "multiconnect"))
		opt.multiconnect = true;
	else if (!strcmp(name, "resumption"))
		opt.resume = true;
	else if (!strcmp(name, "zerortt"))
		opt.early = opt.resume = true;
	else if (!strcmp(name, "v2"))
		*(opt.server ? &opt.version : &opt.wanted_version) = QUIC_VERSION_V2;
	else if (!strcmp(name, "connectionmigration"))
		opt.preferred = opt.server ? getenv("PREFERRED") : NULL;
	else
		return false;
	return true;
}

static int set_event(int sd, uint8_t type)
{
	struct quic_event_option event = { .type = type, .on = 1 };

	return setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_EVENT, &event, sizeof(event));
}

int socket_setup(int sd)
{
	struct quic_config config = { .version = opt.version,
				      .validate_peer_address = opt.server && opt.retry };

	return setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_CONFIG, &config, sizeof(config)) ?:
	       setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_PREFERRED_VERSION, &opt.wanted_version,
			  sizeof(opt.wanted_version)) ?:
	       setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_ALPN, opt.alpns, strlen(opt.alpns)) ?:
	       set_event(sd, QUIC_EVENT_STREAM_UPDATE) ?:
	       set_event(sd, QUIC_EVENT_STREAM_MAX_DATA) ?:
	       set_event(sd, QUIC_EVENT_STREAM_MAX_STREAM) ?:
	       set_event(sd, QUIC_EVENT_CONNECTION_CLOSE);
}

/* https://host[:port]/path; an IPv6 address in brackets */
static bool add_request(const char *url)
{
	struct request *r = &requests[nr_requests];
	const char *host = strstr(url, "://"), *end, *port, *path;

	if (!host || nr_requests == REQUESTS_MAX)
		return false;
	host += 3;
	path = host + strcspn(host, "/");
	end = *host == '[' ? memchr(host, ']', path - host) : host + strcspn(host, ":/");
	if (!end)
		return false;
	if (*host == '[')
		host++;
	port = *end == ']' ? end + 1 : end;
	snprintf(r->host, sizeof(r->host), "%.*s", (int)(end - host), host);
	snprintf(r->port, sizeof(r->port), "%.*s", *port == ':' ? (int)(path - port - 1) : 3,
		 *port == ':' ? port + 1 : "443");
	snprintf(r->path, sizeof(r->path), "%s", *path ? path : "/");
	nr_requests++;
	return true;
}

static bool add_requests(int n, char **urls)
{
	char *list = strdup(getenv("REQUESTS") ?: ""), *url, *next = list;
	bool ok = true;
	int i;

	requests = calloc(REQUESTS_MAX, sizeof(*requests));
	while (requests && (url = strsep(&next, " \n")))
		if (*url)
			ok = add_request(url) && ok;
	for (i = 0; requests && i < n; i++)
		ok = add_request(urls[i]) && ok;
	free(list);
	return requests && ok && nr_requests;
}

int main(int argc, char **argv)
{
	int c, status;

	opt.testcase = getenv("TESTCASE");
	if (getenv("ROLE"))
		set_role(getenv("ROLE"));
	/* A test case first: other options may be more special. */
	while ((c = getopt_long(argc, argv, OPTIONS, long_options, NULL)) != -1)
		if (c == 'r' || c == 't' || c == 'h' || c == '?')
			set_option(c, optarg);
	if (opt.testcase && *opt.testcase && !set_testcase(opt.testcase)) {
		warn("the case '%s' is not supported\n", opt.testcase);
		return EXIT_UNSUPPORTED;
	}
	optind = 1;
	while ((c = getopt_long(argc, argv, OPTIONS, long_options, NULL)) != -1)
		set_option(c, optarg);
	opt.method = opt.method ?: opt.upload ? "POST" : "GET";
	if (opt.verbose)
		quic_set_log_level(QUIC_LOG_INFO);
	if (opt.server)
		return run_server();
	if (!add_requests(argc - optind, argv + optind)) {
		warn("no request, or not https://HOST[:PORT]/PATH\n");
		return 1;
	}
	status = run_client(requests, nr_requests);
	free(requests);
	return status;
}

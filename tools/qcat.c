// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qcat: like nc, over QUIC sockets.  This file has the options, the client's
 * single connection and the server's loop; see qcat.h for what happens on a
 * connection.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "net.h"
#include "qcat.h"

#define DEFAULT_PORT	"4433"
#define DEFAULT_ALPN	"qcat"
#define MAX_CHILDREN	256

enum {
	OPT_PROGRESS = OPT_TOOL,
	OPT_STATS,
	OPT_JSON,
	OPT_KEEP,
};

struct qcat {
	struct net_opts		net;
	struct session_opts	session;
	const char		*host;
	const char		*in_path;
	const char		*out_path;
	bool			no_stdin;
	bool			keep;
	bool			stats;
	bool			json;
	unsigned int		number;		/* of the connection, from 1 */
	uint64_t		handshake_ns;
	struct ticket		ticket;		/* client */
};

static const char help[] =
"Usage: qcat [OPTION]... HOST [PORT]\n"
"       qcat -l [OPTION]... [PORT]\n"
"Connect standard input and output, or files, to a QUIC connection.\n"
"\n"
"  -l, --listen           be a server\n"
"      --keep             server: go on after the first connection\n"
NET_HELP
"      --session FILE     client: resume the session in FILE, keep the next there\n"
"      --early            client: send at once, with that session (0-RTT);\n"
"                         server: take that\n"
"      --alpn LIST        application protocols, comma list (" DEFAULT_ALPN ")\n"
"  -i, --input FILE       send FILE instead of standard input\n"
"  -o, --output FILE      write to FILE instead of standard output;\n"
"                         %n in it is the number of the connection\n"
"  -s, --streams N        send the file of -i as N parts on N streams\n"
"  -d, --no-stdin         send nothing\n"
"  -t, --timeout SECONDS  give up when nothing moves for so long\n"
"      --progress         show progress even without a terminal\n"
"      --stats            at the end say how long, how much, how fast\n"
"      --json             the same as one line of JSON, on standard error\n"
NET_HELP_END;

static const char short_options[] = NET_SHORT_OPTIONS "li:o:s:dt:";
static const struct option long_options[] = {
	NET_LONG_OPTIONS,
	{ "listen",	no_argument,	   NULL, 'l' },
	{ "keep",	no_argument,	   NULL, OPT_KEEP },
	{ "input",	required_argument, NULL, 'i' },
	{ "output",	required_argument, NULL, 'o' },
	{ "streams",	required_argument, NULL, 's' },
	{ "no-stdin",	no_argument,	   NULL, 'd' },
	{ "timeout",	required_argument, NULL, 't' },
	{ "progress",	no_argument,	   NULL, OPT_PROGRESS },
	{ "stats",	no_argument,	   NULL, OPT_STATS },
	{ "json",	no_argument,	   NULL, OPT_JSON },
	{ NULL,		0,		   NULL, 0 },
};

static void own_option(struct qcat *q, int c, const char *arg)
{
	switch (c) {
	case 'l':
		q->session.server = true;
		break;
	case 'i':
		q->in_path = arg;
		break;
	case 'o':
		q->out_path = arg;
		break;
	case 's':
		q->session.streams = parse_u64("--streams", arg, 1, PART_MAX);
		break;
	case 'd':
		q->no_stdin = true;
		break;
	case 't':
		q->session.timeout = parse_seconds("--timeout", arg, 0.1, 86400);
		break;
	case OPT_KEEP:
		q->keep = true;
		break;
	case OPT_PROGRESS:
		q->session.progress = true;
		break;
	case OPT_STATS:
		q->stats = true;
		break;
	case OPT_JSON:
		q->json = true;
		break;
	default:
		common_option(c, help, EX_USAGE);
	}
}

/* Before anyone is connected to */
static void check_input(const struct qcat *q)
{
	struct stat st;

	if (access(q->in_path, R_OK) || stat(q->in_path, &st))
		die(EX_LOCAL, "%s: %s", q->in_path, strerror(errno));
	if (q->session.streams && !S_ISREG(st.st_mode))
		die(EX_USAGE, "--streams: %s is not a regular file", q->in_path);
}

static void check_options(struct qcat *q)
{
	struct net_opts *o = &q->net;

	if (q->session.server) {
		if (!o->pskfile && (!o->certfile || !o->keyfile))
			die(EX_USAGE, "a server needs --cert and --key, or --psk");
	} else if (!q->host) {
		die(EX_USAGE, "which host? Try 'qcat --help'");
	} else if (q->keep) {
		die(EX_USAGE, "--keep is for a server (-l)");
	} else if (o->early && !o->session_file) {
		die(EX_USAGE, "--early needs --session FILE");
	}
	if (q->session.server && o->session_file)
		die(EX_USAGE, "--session is for a client");
	if (q->session.streams && !q->in_path)
		die(EX_USAGE, "--streams needs -i FILE");
	if (q->no_stdin && q->in_path)
		die(EX_USAGE, "-d sends nothing and -i sends a file: choose one");
	if (q->in_path)
		check_input(q);
	if (q->session.timeout)
		o->timeout_ms = q->session.timeout * 1000;
}

static void positional(struct qcat *q, char **arg, int n)
{
	if (!q->session.server && n) {
		q->host = *arg++;
		n--;
	}
	if (n) {
		q->net.port = *arg++;
		n--;
	}
	if (n)
		die(EX_USAGE, "what is '%s' for? Try 'qcat --help'", *arg);
}

static void parse(struct qcat *q, int argc, char **argv)
{
	int c;

	q->net.port = DEFAULT_PORT;
	q->net.timeout_ms = NET_HANDSHAKE_TIMEOUT_MS;
	while ((c = getopt_long(argc, argv, short_options, long_options, NULL)) != -1)
		if (!net_option(&q->net, c, optarg))
			own_option(q, c, optarg);
	positional(q, argv + optind, argc - optind);
	check_options(q);
}

/* -1 when nothing is to be sent */
static int open_input(const struct qcat *q)
{
	int fd;

	if (!q->in_path) {
		/* A server that stores what comes, or serves many, has no typist. */
		if (q->no_stdin || (q->session.server && (q->out_path || q->keep)))
			return -1;
		return STDIN_FILENO;
	}
	fd = open(q->in_path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(EX_LOCAL, "%s: %s", q->in_path, strerror(errno));
	return fd;
}

/* Replaces the first %n; the caller frees. */
static char *output_path(const struct qcat *q)
{
	const char *mark = strstr(q->out_path, "%n");
	char *path = NULL;
	int n;

	if (mark)
		n = asprintf(&path, "%.*s%u%s", (int)(mark - q->out_path), q->out_path,
			     q->number, mark + 2);
	else
		n = asprintf(&path, "%s", q->out_path);
	if (n < 0)
		die(EX_LOCAL, "out of memory");
	return path;
}

static int open_output(const struct qcat *q)
{
	char *path;
	int fd;

	if (!q->out_path)
		return STDOUT_FILENO;
	path = output_path(q);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		die(EX_LOCAL, "%s: %s", path, strerror(errno));
	free(path);
	return fd;
}

static void print_stats(const struct qcat *q, struct session *s, double seconds)
{
	uint64_t sent = atomic_load(&s->sent), received = atomic_load(&s->received);
	char up[HUMAN_LEN], down[HUMAN_LEN], rate[HUMAN_LEN];
	double bits = 8.0 * (sent > received ? sent : received) / seconds;
	struct json j;

	if (q->stats)
		warn_msg("handshake %.2f ms, sent %s, received %s in %.3f s, %s",
			 q->handshake_ns / 1e6, human_bytes(up, sent),
			 human_bytes(down, received), seconds, human_rate(rate, bits));
	if (!q->json)
		return;
	json_begin(&j, stderr);
	json_f64(&j, "handshake_ms", q->handshake_ns / 1e6);
	json_u64(&j, "sent_bytes", sent);
	json_u64(&j, "received_bytes", received);
	json_f64(&j, "seconds", seconds);
	json_f64(&j, "bits_per_second", bits);
	json_u64(&j, "streams", s->parts.count ? s->parts.count :
		 s->opts->streams ? s->opts->streams : 1);
	json_u64(&j, "exit", s->exit_code);
	json_end(&j);
}

/* The other side of session_init() */
static int conclude(const struct qcat *q, struct session *s)
{
	int code = session_run(s);

	print_stats(q, s, (now_ns() - s->start) / 1e9);
	if (q->out_path && close(s->out_fd) && !code) {
		warn_msg("%s: %s", q->out_path, strerror(errno));
		code = EX_LOCAL;
	}
	return code;
}

static void begin(const struct qcat *q, struct session *s, int sd)
{
	session_init(s, &q->session, sd, open_input(q), open_output(q));
	session_start(s);
}

/* What is written before the handshake goes with its first packets. */
static void early_handshake(struct qcat *q, struct session *s, int sd, void *session)
{
	bool early = net_quic_early(&q->net, sd);
	int err;

	if (early) {
		begin(q, s, sd);
		send_await_begin(s);
	}
	err = quic_handshake(session);
	if (err)
		die(net_exit_code(err), "%s port %s: %s", q->host, q->net.port, net_strerror(err));
	if (!early)
		begin(q, s, sd);
	note("0-RTT was %s", !early ? "not possible" :
	     quic_session_early_data(session) ? "accepted" : "refused");
}

static int client(struct qcat *q)
{
	static struct session s;	/* threads see it until the process ends */
	uint64_t start = now_ns();
	void *session;
	int sd, code;

	net_session_load(&q->net, &q->ticket);
	if (q->net.early && q->ticket.len) {
		sd = net_quic_connect(&q->net, q->host, &session);
		early_handshake(q, &s, sd, session);
	} else {
		sd = net_quic_dial(&q->net, q->host, &session);
		begin(q, &s, sd);
	}
	q->handshake_ns = now_ns() - start;
	note("connected to %s port %s in %.2f ms%s", q->host, q->net.port, q->handshake_ns / 1e6,
	     quic_session_is_resumed(session) ? ", resumed" : "");
	code = conclude(q, &s);
	net_session_keep(&q->net, &q->ticket, session);
	quic_session_free(session);
	close(sd);
	return code;
}

/* Only a list that the user gave: the kernel then routes by it. */
static void set_alpn(int sd, void *ctx)
{
	const struct qcat *q = ctx;

	if (strcmp(q->net.alpn, DEFAULT_ALPN) &&
	    setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_ALPN, q->net.alpn, strlen(q->net.alpn)))
		die(EX_USAGE, "--alpn %s: %s", q->net.alpn, strerror(errno));
}

/* 0, or the exit code of what went wrong */
static int shake(struct qcat *q, int sd)
{
	uint64_t start = now_ns();
	int err = net_quic_try_accept(&q->net, sd);

	if (err) {
		warn_msg("handshake: %s", net_strerror(err));
		return net_exit_code(err);
	}
	q->handshake_ns = now_ns() - start;
	note("handshake done in %.2f ms", q->handshake_ns / 1e6);
	return EX_OK;
}

static int talk(struct qcat *q, int sd)
{
	static struct session s;

	begin(q, &s, sd);
	return conclude(q, &s);
}

static int accept_next(struct qcat *q, int listener)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	char addr[NET_ADDRSTRLEN];
	int sd;

	do
		sd = accept4(listener, (struct sockaddr *)&sa, &len, SOCK_CLOEXEC);
	while (sd < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (sd < 0)
		die(EX_NET, "accept: %s", strerror(errno));
	q->number++;
	note("connection %u from %s", q->number, net_ntop(&sa, addr, sizeof(addr)));
	return sd;
}

/*
 * --keep: a child for each connection; a full house waits for one to end.  With
 * --early the handshake is the parent's: only who has seen them all knows a replay.
 */
static void serve_in_child(struct qcat *q, int listener, int sd)
{
	static unsigned int children;
	pid_t pid;

	while (children &&
	       waitpid(-1, NULL, children < MAX_CHILDREN ? WNOHANG : 0) > 0)
		children--;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		close(listener);
		exit((q->net.early ? EX_OK : shake(q, sd)) ?: talk(q, sd));
	}
	if (pid < 0)
		warn_msg("fork: %s", strerror(errno));
	else
		children++;
	close(sd);
}

static int server(struct qcat *q)
{
	int listener = net_quic_listen(&q->net, set_alpn, q);

	note("listening on port %s", q->net.port);
	for (;;) {
		int sd = accept_next(q, listener);

		if (!q->keep) {
			close(listener);
			return shake(q, sd) ?: talk(q, sd);
		}
		if (q->net.early && shake(q, sd))
			close(sd);
		else
			serve_in_child(q, listener, sd);
	}
}

int main(int argc, char **argv)
{
	struct qcat q = { .net.alpn = DEFAULT_ALPN };

	tool_init("qcat", EX_LOCAL);
	signal(SIGPIPE, SIG_IGN);
	parse(&q, argc, argv);
	net_init();
	net_credentials(&q.net, q.session.server);
	if (!q.net.hostname)
		q.net.hostname = q.host;
	finish(q.session.server ? server(&q) : client(&q));
}

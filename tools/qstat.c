// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qstat: the QUIC sockets of this network namespace, as ss(8) shows TCP's.
 * Reads /proc/net/quic/sockets and streams: lines of fields name=value.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"

#define SOCKETS	"/proc/net/quic/sockets"
#define STREAMS	"/proc/net/quic/streams"
#define SNMP	"/proc/net/quic/snmp"
#define FIELDS_MAX 64

static const char help[] =
"Usage: qstat [OPTION]...\n"
"Show the QUIC sockets of this network namespace.\n"
"\n"
"  -l, --listening    listening sockets only\n"
"  -a, --all          unconnected sockets, too\n"
"  -i, --info         round trips, window, loss, flow control and paths of each\n"
"  -s, --streams      the streams of each\n"
"  -p, --processes    the processes that use each (those that you may see)\n"
"  -c, --counters     instead: the counters of the namespace that are not zero\n"
"  -n, --no-header    no heading\n"
"  -h, --help         this text\n"
"  -V, --version      version\n"
"\n"
"Exit status: 0 success, 1 usage, 5 local file or system error, 7 no QUIC in\n"
"this kernel.\n";

static const struct option long_options[] = {
	{ "listening",	no_argument, NULL, 'l' },
	{ "all",	no_argument, NULL, 'a' },
	{ "info",	no_argument, NULL, 'i' },
	{ "streams",	no_argument, NULL, 's' },
	{ "processes",	no_argument, NULL, 'p' },
	{ "counters",	no_argument, NULL, 'c' },
	{ "no-header",	no_argument, NULL, 'n' },
	{ "help",	no_argument, NULL, 'h' },
	{ "version",	no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 }
};

struct options {
	bool listening, all, info, streams, processes, counters, no_header;
};

/* ---- lines of fields ---- */

struct line {
	char *text;
	size_t size;
	unsigned int n;
	struct { const char *name, *value; } field[FIELDS_MAX];
};

/* False: the file is at its end. */
static bool read_line(FILE *f, struct line *l)
{
	char *word, *equals, *save;
	ssize_t len = getline(&l->text, &l->size, f);

	l->n = 0;
	if (len < 0)
		return false;
	for (word = strtok_r(l->text, " \n", &save); word && l->n < FIELDS_MAX;
	     word = strtok_r(NULL, " \n", &save)) {
		equals = strchr(word, '=');
		if (!equals)
			continue;
		*equals = '\0';
		l->field[l->n].name = word;
		l->field[l->n++].value = equals + 1;
	}
	return true;
}

static const char *get(const struct line *l, const char *name)
{
	unsigned int i;

	for (i = 0; i < l->n; i++)
		if (!strcmp(l->field[i].name, name))
			return l->field[i].value;
	return "";
}

static double num(const struct line *l, const char *name)
{
	return strtod(get(l, name), NULL);
}

static FILE *open_proc(const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f)
		die(errno == ENOENT ? EX_NOQUIC : EX_LOCAL, "%s: %s%s", path, strerror(errno),
		    errno == ENOENT ? " (modprobe quic)" : "");
	return f;
}

/* ---- processes ---- */

static void show_fds(const char *pid, const char *want)
{
	char path[600], target[64], name[64] = "?";
	struct dirent *e;
	ssize_t n;
	FILE *f;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/proc/%s/fd/%s", pid, e->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0 || strncmp(target, want, (size_t)n) || want[n])
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", pid);
		f = fopen(path, "r");
		if (f && fgets(name, sizeof(name), f))
			name[strcspn(name, "\n")] = '\0';
		if (f)
			fclose(f);
		printf(" %s(pid=%s,fd=%s)", name, pid, e->d_name);
	}
	if (d)
		closedir(d);
}

static void show_processes(const char *inode)
{
	struct dirent *e;
	char want[64];
	DIR *d;

	if (!strcmp(inode, "0"))	/* closed by its user */
		return;
	snprintf(want, sizeof(want), "socket:[%s]", inode);
	d = opendir("/proc");
	printf("\t users:");
	while (d && (e = readdir(d)))
		if (isdigit((unsigned char)*e->d_name))
			show_fds(e->d_name, want);
	if (d)
		closedir(d);
	putchar('\n');
}

/* ---- a socket ---- */

static void show_rtt(const struct line *l)
{
	printf("\t rtt:%.3f/%.3f minrtt:%.3f", num(l, "srtt") / 1000, num(l, "rttvar") / 1000,
	       num(l, "min_rtt") / 1000);
	if (num(l, "pto"))
		printf(" backoff:%s", get(l, "pto"));
	printf(" %s cwnd:%s", get(l, "cc"), get(l, "cwnd"));
	if (num(l, "ssthresh") > 0)
		printf(" ssthresh:%s", get(l, "ssthresh"));
	printf(" unacked:%s pacing:%.2fMbit/s mtu:%s ecn:%s version:%s\n", get(l, "in_flight"),
	       num(l, "pacing") * 8 / 1e6, get(l, "mtu"), get(l, "ecn"), get(l, "version"));
}

/* A path beside the one in use: @kind is "cand" or "old". */
static void show_path(const struct line *l, const char *kind, const char *what)
{
	char local[24], remote[24], validated[24];

	snprintf(local, sizeof(local), "%s_local", kind);
	snprintf(remote, sizeof(remote), "%s_remote", kind);
	snprintf(validated, sizeof(validated), "%s_validated", kind);
	if (*get(l, local))
		printf("\t path %s: %s %s%s\n", what, get(l, local), get(l, remote),
		       num(l, validated) ? "" : " not validated");
}

static void show_info(const struct line *l)
{
	if (!*get(l, "srtt"))
		return;
	show_rtt(l);
	printf("\t bytes_sent:%s bytes_received:%s segs_out:%s segs_in:%s lost:%s spurious:%s "
	       "congestions:%s\n", get(l, "tx_bytes"), get(l, "rx_bytes"), get(l, "tx_packets"),
	       get(l, "rx_packets"), get(l, "lost"), get(l, "spurious"), get(l, "congestions"));
	printf("\t streams:%s may_send:%.0f may_receive:%.0f rcv_window:%s\n", get(l, "streams"),
	       num(l, "snd_max") - num(l, "snd_used"), num(l, "rcv_max") - num(l, "rcv_used"),
	       get(l, "rcv_window"));
	if (!strcmp(get(l, "validated"), "0"))
		printf("\t path in use: not validated\n");
	show_path(l, "cand", "candidate");
	show_path(l, "old", "before");
}

static void show_streams(const char *conn)
{
	FILE *f = open_proc(STREAMS);
	struct line l = { 0 };

	while (read_line(f, &l)) {
		if (strcmp(get(&l, "conn"), conn))
			continue;
		printf("\t stream %s:", get(&l, "id"));
		if (*get(&l, "written"))
			printf(" send(%s) acked:%s sent:%s written:%s limit:%s", get(&l, "snd"),
			       get(&l, "acked"), get(&l, "sent"), get(&l, "written"),
			       get(&l, "snd_max"));
		if (*get(&l, "received"))
			printf(" receive(%s) received:%s unread:%s limit:%s", get(&l, "rcv"),
			       get(&l, "received"), get(&l, "unread"), get(&l, "rcv_max"));
		putchar('\n');
	}
	free(l.text);
	fclose(f);
}

static bool wanted(const struct options *o, const char *state)
{
	if (o->listening)
		return !strcmp(state, "listen");
	return o->all || (strcmp(state, "idle") && strcmp(state, "listen"));
}

static void show_socket(const struct options *o, const struct line *l)
{
	const char *state = get(l, "state"), *alpn = get(l, "alpn");
	bool listens = !strcmp(state, "listen");

	printf("%-12s %8s %8s  %-26s %-26s %s%s%s\n", state,
	       listens ? get(l, "waiting") : *get(l, "recvq") ? get(l, "recvq") : "0",
	       listens ? get(l, "backlog") : *get(l, "sendq") ? get(l, "sendq") : "0",
	       get(l, "local"), listens ? "*" : get(l, "remote"), get(l, "role"),
	       *alpn ? " " : "", alpn);
	if (o->processes)
		show_processes(get(l, "inode"));
	if (o->info)
		show_info(l);
	if (o->streams && !listens)
		show_streams(get(l, "conn"));
}

static void show_sockets(const struct options *o)
{
	FILE *f = open_proc(SOCKETS);
	struct line l = { 0 };

	if (!o->no_header)
		printf("%-12s %8s %8s  %-26s %-26s %s\n", "State", "Recv-Q", "Send-Q", "Local",
		       "Peer", "Role ALPN");
	while (read_line(f, &l))
		if (wanted(o, get(&l, "state")))
			show_socket(o, &l);
	free(l.text);
	fclose(f);
}

static void show_counters(void)
{
	FILE *f = open_proc(SNMP);
	uint64_t value;
	char name[64];

	while (fscanf(f, "%63s %" SCNu64, name, &value) == 2)
		if (value)
			printf("%-32s %" PRIu64 "\n", name, value);
	fclose(f);
}

static void set_option(struct options *o, int c)
{
	switch (c) {
	case 'l': o->listening = true; break;
	case 'a': o->all = true; break;
	case 'i': o->info = true; break;
	case 's': o->streams = true; break;
	case 'p': o->processes = true; break;
	case 'c': o->counters = true; break;
	case 'n': o->no_header = true; break;
	default: common_option(c, help, EX_USAGE);
	}
}

int main(int argc, char **argv)
{
	struct options o = { 0 };
	int c;

	tool_init("qstat", EX_LOCAL);
	while ((c = getopt_long(argc, argv, "laispcnhV", long_options, NULL)) >= 0)
		set_option(&o, c);
	if (optind < argc)
		die(EX_USAGE, "'%s': no arguments are expected, see qstat --help", argv[optind]);
	if (o.counters)
		show_counters();
	else
		show_sockets(&o);
	finish(EX_OK);
}

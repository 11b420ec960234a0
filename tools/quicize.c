// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * quicize: runs a program whose TCP sockets become QUIC sockets.
 *
 * Starts the helper (quicize_helper.c), which no process waits for, puts
 * libquicize.so (quicize_preload.c) into the environment and becomes the
 * program, so that its process ID, signals and exit status are the program's.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "net.h"
#include "quicize.h"
#include "quicize_helper.h"

#define DEFAULT_ALPN	"quicize"
#define LIBRARY		"libquicize.so"
#define LIBRARY_DIR	"../lib/quicize"
#define HELPER_FD	1023	/* where few programs look for descriptors of their own */

/* As those of env(1), nohup(1) and timeout(1) */
enum {
	EXIT_OURS	= 125,
	EXIT_NOEXEC	= 126,
	EXIT_NOTFOUND	= 127,
};

enum {
	OPT_KEYLOG = OPT_TOOL,
	OPT_CLIENT_CA,
};

static const char help[] =
"Usage: quicize [OPTION]... [--] PROGRAM [ARGUMENT]...\n"
"Run PROGRAM with QUIC connections where it makes TCP connections.\n"
"\n"
"  -c, --cert FILE        server: certificate chain (PEM)\n"
"  -k, --key FILE         server: private key (PEM)\n"
"      --client-ca FILE   server: clients need a certificate of these authorities\n"
"  -C, --cafile FILE      client: trust these authorities (PEM), not the system's\n"
"      --hostname NAME    client: name that certificates must have; else the one\n"
"                         that PROGRAM looked up, or the address that it connects to\n"
"      --insecure         client: do not verify certificates\n"
"      --psk FILE         pre-shared keys instead, lines identity:hexkey\n"
"  -a, --alpn NAME        application protocol (" DEFAULT_ALPN ")\n"
"  -t, --timeout SECONDS  of a handshake (15)\n"
"      --keylog FILE      append the secrets of each connection (or SSLKEYLOGFILE)\n"
"  -q, --quiet            do not say why handshakes fail\n"
"  -v, --verbose          say more\n"
"  -h, --help             this text\n"
"  -V, --version          version\n"
"\n"
"A certificate given by --cert is a client's too, where the server asks for one.\n"
"Exit status: that of PROGRAM; 125 quicize itself failed, 126 PROGRAM cannot be\n"
"run, 127 it was not found.\n";

static const char short_options[] = "+c:k:C:a:t:qvhV";
static const struct option long_options[] = {
	{ "cert",	required_argument, NULL, 'c' },
	{ "key",	required_argument, NULL, 'k' },
	{ "client-ca",	required_argument, NULL, OPT_CLIENT_CA },
	{ "cafile",	required_argument, NULL, 'C' },
	{ "hostname",	required_argument, NULL, OPT_HOSTNAME },
	{ "insecure",	no_argument,	   NULL, OPT_INSECURE },
	{ "psk",	required_argument, NULL, OPT_PSK },
	{ "alpn",	required_argument, NULL, 'a' },
	{ "timeout",	required_argument, NULL, 't' },
	{ "keylog",	required_argument, NULL, OPT_KEYLOG },
	{ "quiet",	no_argument,	   NULL, 'q' },
	{ "verbose",	no_argument,	   NULL, 'v' },
	{ "help",	no_argument,	   NULL, 'h' },
	{ "version",	no_argument,	   NULL, 'V' },
	{ NULL, 0, NULL, 0 }
};

struct options {
	const char *cert, *key, *client_ca, *cafile, *hostname, *psk, *alpn, *keylog;
	bool insecure, quiet;
	unsigned int timeout_ms;
};

static unsigned int parse_timeout(const char *arg)
{
	char *end;
	double v = strtod(arg, &end);

	if (end == arg || *end || !(v >= 0.1 && v <= 3600))
		die(EXIT_OURS, "--timeout: '%s' is not a time from 0.1 to 3600 seconds", arg);
	return (unsigned int)(v * 1000);
}

static void set_option(struct options *o, int c, const char *arg)
{
	switch (c) {
	case 'c': o->cert = arg; break;
	case 'k': o->key = arg; break;
	case OPT_CLIENT_CA: o->client_ca = arg; break;
	case 'C': o->cafile = arg; break;
	case OPT_HOSTNAME: o->hostname = arg; break;
	case OPT_INSECURE: o->insecure = true; break;
	case OPT_PSK: o->psk = arg; break;
	case 'a': o->alpn = arg; break;
	case OPT_KEYLOG: o->keylog = arg; break;
	case 't':
		o->timeout_ms = parse_timeout(arg);
		break;
	case 'q': o->quiet = true; break;
	case 'v': tool_verbose = 1; break;
	default: common_option(c, help, EXIT_OURS);
	}
}

static void parse(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, short_options, long_options, NULL)) >= 0)
		set_option(o, c, optarg);
	if (optind == argc)
		die(EXIT_OURS, "which program? See quicize --help");
	if (!o->cert != !o->key)
		die(EXIT_OURS, "--cert and --key go together");
	if (strchr(o->alpn, ',') || !*o->alpn || strlen(o->alpn) > 255)
		die(EXIT_OURS, "--alpn: one name of 1 to 255 bytes");
}

/* ---- the program ---- */

/* As execvp() would find it; NULL: nowhere. */
static char *find_program(const char *name)
{
	const char *path = getenv("PATH"), *end;
	static char file[PATH_MAX];
	struct stat st;

	if (strchr(name, '/'))
		return stat(name, &st) ? NULL : strcpy(file, name);
	for (path = path ? path : "/bin:/usr/bin"; path; path = *end ? end + 1 : NULL) {
		end = strchrnul(path, ':');
		if (snprintf(file, sizeof(file), "%.*s/%s", (int)(end - path), path, name) <
		    (int)sizeof(file) && !access(file, X_OK) && !stat(file, &st) && S_ISREG(st.st_mode))
			return file;
	}
	return NULL;
}

/* Does the dynamic linker, which knows LD_PRELOAD, start it?  Scripts have one that does. */
static bool is_static(int fd)
{
	Elf64_Ehdr eh;
	Elf64_Phdr ph;
	unsigned int i;

	if (pread(fd, &eh, sizeof(eh), 0) != sizeof(eh) || memcmp(eh.e_ident, ELFMAG, SELFMAG))
		return false;
	if (eh.e_ident[EI_CLASS] != ELFCLASS64)
		die(EXIT_OURS, "a program of another architecture: there is no %s for it", LIBRARY);
	for (i = 0; i < eh.e_phnum; i++) {
		if (pread(fd, &ph, sizeof(ph), (off_t)(eh.e_phoff + i * sizeof(ph))) == sizeof(ph) &&
		    ph.p_type == PT_INTERP)
			return false;
	}
	return true;
}

static void check_program(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;			/* executable, perhaps, all the same */
	if (is_static(fd))
		die(EXIT_OURS, "%s is linked statically: nothing can be put into it", file);
	if (!fstat(fd, &st) && st.st_mode & (S_ISUID | S_ISGID) && geteuid())
		die(EXIT_OURS, "%s changes its user: nothing can be put into it", file);
	close(fd);
}

/* Beside ourselves (a build directory), or where it is installed */
static void find_library(char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n < 0)
		die(EXIT_OURS, "/proc/self/exe: %s", strerror(errno));
	self[n] = '\0';
	slash = strrchr(self, '/');
	*slash = '\0';
	if (snprintf(path, PATH_MAX, "%s/%s", self, LIBRARY) < PATH_MAX && !access(path, R_OK))
		return;
	if (snprintf(path, PATH_MAX, "%s/%s/%s", self, LIBRARY_DIR, LIBRARY) >= PATH_MAX ||
	    access(path, R_OK))
		die(EXIT_OURS, "%s is neither in %s nor in %s/%s", LIBRARY, self, self, LIBRARY_DIR);
}

static void set_environment(int fd)
{
	const char *old = getenv("LD_PRELOAD");
	char library[PATH_MAX], number[16], *value;

	find_library(library);
	if (strpbrk(library, " :"))
		die(EXIT_OURS, "%s: LD_PRELOAD takes no path with a space or a colon", library);
	if (asprintf(&value, "%s%s%s", library, old && *old ? ":" : "", old ? old : "") < 0)
		die(EXIT_OURS, "out of memory");
	snprintf(number, sizeof(number), "%d", fd);
	if (setenv("LD_PRELOAD", value, 1) || setenv(QUICIZE_FD_ENV, number, 1))
		die(EXIT_OURS, "out of memory");
	free(value);
}

/* ---- the helper ---- */

static void check_kernel(void)
{
	int sd = socket(AF_INET, SOCK_STREAM, IPPROTO_QUIC), on = 1;

	if (sd < 0)
		die(EXIT_OURS, "this kernel has no QUIC sockets (modprobe quic): %s", strerror(errno));
	if (setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_BYTE_STREAM, &on, sizeof(on)))
		die(EXIT_OURS, "this kernel's QUIC sockets cannot stand in for TCP: %s", strerror(errno));
	close(sd);
}

static void on_log(int level, const char *message, void *arg)
{
	const struct options *o = arg;

	if (!o->quiet && (level <= QUIC_LOG_WARNING || tool_verbose))
		warn_msg("%s", message);
}

/* Reads the files, so that what is wrong with them is said at once. */
static void prepare(const struct options *o, struct helper_opts *h)
{
	struct quic_handshake_params common = {
		.size = sizeof(common), .certfile = o->cert, .keyfile = o->key, .pskfile = o->psk,
	};
	struct quic_handshake_params client = common, server = common;
	struct quic_handshake_params rest = {
		.size = sizeof(rest), .alpns = o->alpn, .keylogfile = o->keylog,
		.timeout_ms = o->timeout_ms,
	};

	client.cafile = o->cafile;
	client.insecure = o->insecure;
	server.cafile = o->client_ca;
	h->alpn = o->alpn;
	h->client = h->server = rest;
	h->client.hostname = o->hostname;
	h->client.insecure = o->insecure;
	if (quic_client_credentials_new(&client, &h->client.credentials) ||
	    ((o->cert || o->psk) && quic_server_credentials_new(&server, &h->server.credentials)))
		die(EXIT_OURS, "these credentials cannot be used");
}

/* Nobody's child, in a session of its own: the terminal's signals are the program's. */
static void become_helper(int sd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fork())
		_exit(0);
	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	sd = dup2(sd, STDERR_FILENO + 1);
	close_range(STDERR_FILENO + 2, ~0U, 0);
	raise_file_limit();
	if (chdir("/"))
		note("chdir: %s", strerror(errno));
}

/* Where the program will find it: high, but below what programs allow themselves. */
static int high_fd(int fd)
{
	struct rlimit limit = { HELPER_FD + 1, HELPER_FD + 1 };
	int high;

	getrlimit(RLIMIT_NOFILE, &limit);
	high = limit.rlim_cur > HELPER_FD ? HELPER_FD : (int)limit.rlim_cur - 1;
	high = fcntl(fd, F_DUPFD, high);
	if (high < 0)
		return fd;
	close(fd);
	return high;
}

/* The pair for requests is the helper's work, as stand-ins are: by that the library knows them. */
static void serve_requests(int to, const struct helper_opts *h)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
		die(EXIT_OURS, "socketpair: %s", strerror(errno));
	if (quicize_send(to, "", 1, &pair[0], 1) != 1)
		die(EXIT_OURS, "sendmsg: %s", strerror(errno));
	close(pair[0]);
	close(to);
	helper_run(pair[1], h);
}

static int start_helper(const struct helper_opts *h)
{
	int pair[2], status, fd;
	char byte;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
		die(EXIT_OURS, "socketpair: %s", strerror(errno));
	child = fork();
	if (child < 0)
		die(EXIT_OURS, "fork: %s", strerror(errno));
	if (!child) {
		close(pair[0]);
		become_helper(pair[1]);
		serve_requests(STDERR_FILENO + 1, h);
		_exit(0);
	}
	close(pair[1]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	quicize_recv(pair[0], &byte, 1, &fd, 1, 0);
	if (fd < 0)
		die(EXIT_OURS, "its helper did not begin");
	close(pair[0]);
	return high_fd(fd);
}

int main(int argc, char **argv)
{
	struct options o = { .alpn = DEFAULT_ALPN };
	struct helper_opts h;
	char *file;
	int err;

	tool_init("quicize", EXIT_OURS);
	parse(&o, argc, argv);
	file = find_program(argv[optind]);
	if (!file)
		die(EXIT_NOTFOUND, "%s: not found", argv[optind]);
	check_program(file);
	check_kernel();
	quic_set_log_func(on_log, &o);
	if (tool_verbose)
		quic_set_log_level(QUIC_LOG_INFO);
	prepare(&o, &h);
	set_environment(start_helper(&h));
	execv(file, argv + optind);
	err = errno;
	die(err == ENOENT ? EXIT_NOTFOUND : EXIT_NOEXEC, "%s: %s", file, strerror(err));
}

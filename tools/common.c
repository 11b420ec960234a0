// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See common.h.  Messages go to stderr and begin with the tool's name; die()
 * may be called by any thread, the first one wins.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define MESSAGE_MAX	8192

int tool_verbose;

static const char *tool_name = "";
static int own_failure;
static pthread_mutex_t exit_lock = PTHREAD_MUTEX_INITIALIZER;

/*
 * Who started us may have closed a standard descriptor.  The next socket must not
 * get its number, and with it what is meant for the output: reads find an end,
 * messages vanish, and results cannot be written, which finish() says.
 */
static void fill_standard(void)
{
	static const int mode[] = { O_RDONLY, O_RDONLY, O_WRONLY };
	int fd;

	for (fd = 0; fd < (int)ARRAY_SIZE(mode); fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", mode[fd] | O_CLOEXEC) != fd)
			_exit(own_failure);
}

void tool_init(const char *name, int failure)
{
	tool_name = name;
	own_failure = failure;
	fill_standard();
}

/* What a terminal would obey: a message may have words of the peer in it. */
static void disarm(char *text)
{
	unsigned char *p = (unsigned char *)text;

	for (; *p; p++) {
		if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)	/* as UTF-8 has 0x80 to 0x9f */
			*p++ = '?';
		else if (*p >= 0x20 && *p != 0x7f)
			continue;
		*p = '?';
	}
}

static void say(const char *fmt, va_list ap)
{
	char text[MESSAGE_MAX];

	vsnprintf(text, sizeof(text), fmt, ap);
	disarm(text);
	fprintf(stderr, "%s: %s\n", tool_name, text);
}

void warn_msg(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

/* What -v shows */
void note(const char *fmt, ...)
{
	va_list ap;

	if (!tool_verbose)
		return;
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

/* exit() from two threads at once is undefined: the others stop here. */
void finish(int code)
{
	pthread_mutex_lock(&exit_lock);
	errno = 0;
	if ((fflush(stdout) || ferror(stdout)) && code == EX_OK) {
		warn_msg("standard output: %s",
			 errno ? strerror(errno) : "not all could be written");
		code = own_failure;
	}
	exit(code);
}

void die(int code, const char *fmt, ...)
{
	va_list ap;

	pthread_mutex_lock(&exit_lock);
	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	exit(code);
}

void common_option(int c, const char *help, int usage_code)
{
	switch (c) {
	case 'h':
		fputs(help, stdout);
		finish(EX_OK);
	case 'V':
		printf("%s " TOOLS_VERSION "\n", tool_name);
		finish(EX_OK);
	default:
		fprintf(stderr, "Try '%s --help'.\n", tool_name);
		finish(usage_code);
	}
}

uint64_t parse_u64(const char *opt, const char *arg, uint64_t min, uint64_t max)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(arg, &end, 10);
	if (errno || end == arg || *end || strchr(arg, '-') || v < min || v > max)
		die(EX_USAGE, "%s: '%s' is not a number from %" PRIu64 " to %" PRIu64,
		    opt, arg, min, max);
	return v;
}

static unsigned int unit_shift(const char *unit)
{
	static const char units[] = "KMGT";
	const char *p;

	if (!*unit)
		return 0;
	p = strchr(units, *unit & ~0x20);
	if (!p || !*p || unit[1])
		return 64;
	return 10 * (p - units + 1);
}

/* Digits and K, M, G or T, powers of 1024 */
uint64_t parse_size(const char *opt, const char *arg, uint64_t min, uint64_t max)
{
	unsigned int shift = 64;
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(arg, &end, 10);
	if (!errno && end != arg && !strchr(arg, '-'))
		shift = unit_shift(end);
	if (shift == 64 || v > max >> shift || v << shift < min)
		die(EX_USAGE, "%s: '%s' is not a size from %" PRIu64 " to %" PRIu64
		    " (suffixes K, M, G, T)", opt, arg, min, max);
	return v << shift;
}

double parse_seconds(const char *opt, const char *arg, double min, double max)
{
	char *end;
	double v = strtod(arg, &end);

	if (end == arg || *end || !(v >= min && v <= max))
		die(EX_USAGE, "%s: '%s' is not a time from %g to %g seconds",
		    opt, arg, min, max);
	return v;
}

void *xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		die(EX_LOCAL, "out of memory");
	return p;
}

int write_all(int fd, const void *buf, size_t len)
{
	const char *p = buf;
	ssize_t n;

	while (len) {
		n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= n;
	}
	return 0;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

void sleep_ns(uint64_t ns)
{
	struct timespec ts = { ns / NSEC_PER_SEC, ns % NSEC_PER_SEC };

	nanosleep(&ts, NULL);
}

/* As many descriptors as the hard limit grants; root may raise that too. */
void raise_file_limit(void)
{
	struct rlimit want = { 1 << 20, 1 << 20 }, have;

	if (!setrlimit(RLIMIT_NOFILE, &want) || getrlimit(RLIMIT_NOFILE, &have))
		return;
	have.rlim_cur = have.rlim_max;
	setrlimit(RLIMIT_NOFILE, &have);
}

static char *human(char *buf, double v, double step, const char *const unit[], size_t n)
{
	size_t i = 0;

	while (v >= step && i + 1 < n) {
		v /= step;
		i++;
	}
	snprintf(buf, HUMAN_LEN, i ? "%.2f %s" : "%.0f %s", v, unit[i]);
	return buf;
}

char *human_bytes(char *buf, double bytes)
{
	static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB" };

	return human(buf, bytes, 1024, unit, ARRAY_SIZE(unit));
}

char *human_rate(char *buf, double bits_per_second)
{
	static const char *const unit[] = { "bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s" };

	return human(buf, bits_per_second, 1000, unit, ARRAY_SIZE(unit));
}

static void json_string(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', f);
		if ((unsigned char)*s < 0x20)
			fprintf(f, "\\u%04x", *s);
		else
			fputc(*s, f);
	}
	fputc('"', f);
}

static void json_key(struct json *j, const char *key)
{
	if (!j->first)
		fputs(", ", j->file);
	j->first = false;
	if (!key)
		return;
	json_string(j->file, key);
	fputs(": ", j->file);
}

void json_begin(struct json *j, FILE *file)
{
	j->file = file;
	j->first = true;
	fputc('{', file);
}

void json_end(struct json *j)
{
	fputs("}\n", j->file);
	fflush(j->file);
}

void json_open(struct json *j, const char *key, char bracket)
{
	json_key(j, key);
	fputc(bracket, j->file);
	j->first = true;
}

void json_close(struct json *j, char bracket)
{
	fputc(bracket, j->file);
	j->first = false;
}

void json_u64(struct json *j, const char *key, uint64_t value)
{
	json_key(j, key);
	fprintf(j->file, "%" PRIu64, value);
}

/* JSON knows neither infinity nor NaN. */
void json_f64(struct json *j, const char *key, double value)
{
	json_key(j, key);
	if (value != value || value > 1e300 || value < -1e300)
		fputs("null", j->file);
	else
		fprintf(j->file, "%.9g", value);
}

void json_str(struct json *j, const char *key, const char *value)
{
	json_key(j, key);
	json_string(j->file, value);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Subtests: each in a forked process that leads a process group of its own;
 * the parent waits for it with a limit, kills the whole group afterwards, and
 * prints the result.  Why a test failed is left in shared memory, so that a
 * thread or a child of the test can say it, too.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <time.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib.h"

#define SKIPPED		77
#define LIMIT_DEFAULT	30
#define DEBUG_FACTOR	4	/* more time in the debug kernel */

static struct shared {
	int said;
	char why[256];
} *shared;

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

	while (nanosleep(&ts, &ts) && errno == EINTR)
		;
}

bool test_debug_kernel(void)
{
	const char *machine = getenv("QUIC_MACHINE");

	return machine && !strcmp(machine, "debug");
}

unsigned long test_scaled(unsigned long n, unsigned long least)
{
	const char *s = getenv("QUIC_TEST_SCALE");
	double percent = s ? atof(s) : test_debug_kernel() ? 4 : 100;
	unsigned long scaled = n * percent / 100;

	return scaled < least ? least : scaled;
}

static void say(const char *fmt, va_list ap)
{
	if (__atomic_exchange_n(&shared->said, 1, __ATOMIC_SEQ_CST))
		return;
	vsnprintf(shared->why, sizeof(shared->why), fmt, ap);
}

void test_fail(const char *file, int line, const char *fmt, ...)
{
	char why[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (!__atomic_exchange_n(&shared->said, 1, __ATOMIC_SEQ_CST))
		snprintf(shared->why, sizeof(shared->why), "%s:%d: %s", file, line, why);
	_exit(1);
}

void test_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	_exit(SKIPPED);
}

const char *test_dir(void)
{
	static char dir[64];

	if (!dir[0]) {
		snprintf(dir, sizeof(dir), "%s/quic-test.XXXXXX",
			 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
		CHECK(mkdtemp(dir));
	}
	return dir;
}

void test_shell(const char *fmt, ...)
{
	char cmd[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	if (system(cmd))
		FAIL("command failed: %s", cmd);
}

/* What the test's processes were waiting for: commentary. */
static void show_stacks(pid_t pgid)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd),
		 "for p in $(ps -e -o pid=,pgid= | awk '$2 == %d { print $1 }'); do "
		 "for t in /proc/$p/task/*; do echo \"  task $t\"; sed 's/^/    /' $t/stack; "
		 "done; done 2>/dev/null", pgid);
	if (system(cmd))
		printf("  (no stacks)\n");
}

/* Wait for @pid at most @seconds; its status, or -1 if the time was over. */
static int wait_limited(pid_t pid, unsigned int seconds)
{
	uint64_t end = now_ms() + seconds * 1000ULL;
	struct timespec ts;
	sigset_t set;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (;;) {
		int64_t left = end - now_ms();

		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		if (left <= 0)
			return -1;
		ts.tv_sec = left / 1000;
		ts.tv_nsec = left % 1000 * 1000000L;
		sigtimedwait(&set, NULL, &ts);
	}
}

static void run_child(const struct test *t)
{
	sigset_t set;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	t->run();
	fflush(stdout);
	_exit(0);
}

static bool run_one(const struct test *t)
{
	unsigned int limit = (t->seconds ?: LIMIT_DEFAULT) *
			     (test_debug_kernel() ? DEBUG_FACTOR : 1);
	uint64_t begin = now_ms();
	int status;
	pid_t pid;

	memset(shared, 0, sizeof(*shared));
	fflush(stdout);
	pid = fork();
	if (!pid)
		run_child(t);
	setpgid(pid, pid);
	status = wait_limited(pid, limit);
	if (status == -1)
		show_stacks(pid);
	kill(-pid, SIGKILL);
	if (status == -1)
		waitpid(pid, NULL, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED) {
		printf("skip %s - %s\n", t->name, shared->why);
		return true;
	}
	if (!status && !shared->said) {
		printf("ok %s (%.1f s)\n", t->name, (now_ms() - begin) / 1000.0);
		return true;
	}
	if (!shared->said && status == -1)
		snprintf(shared->why, sizeof(shared->why), "not done within %u s", limit);
	else if (!shared->said)
		snprintf(shared->why, sizeof(shared->why), "status %#x", status);
	printf("not ok %s - %s\n", t->name, shared->why);
	return false;
}

static bool wanted(const char *name, int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc < 2;
}

int test_main(int argc, char **argv, const struct test *tests, unsigned int n)
{
	bool ok = true;
	unsigned int i;
	sigset_t set;

	setvbuf(stdout, NULL, _IOLBF, 0);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (i = 0; i < n; i++)
		if (wanted(tests[i].name, argc, argv))
			ok = run_one(&tests[i]) && ok;
	return ok ? 0 : 1;
}

/* ---- the pattern: 8-byte words, so that a gigabyte is soon made ---- */

static uint64_t pattern_word(uint64_t id, uint64_t i)
{
	return (i + 1) * 0x9e3779b97f4a7c15ULL + id * 0xbf58476d1ce4e5b9ULL;
}

static uint8_t pattern_byte(uint64_t id, uint64_t off)
{
	return pattern_word(id, off >> 3) >> (off & 7) * 8;
}

void pattern_fill(void *buf, size_t len, uint64_t id, uint64_t off)
{
	uint8_t *p = buf, *end = p + len;
	uint64_t w;

	for (; p < end && off & 7; off++)
		*p++ = pattern_byte(id, off);
	for (; end - p >= 8; p += 8, off += 8) {
		w = pattern_word(id, off >> 3);
		memcpy(p, &w, 8);
	}
	for (; p < end; off++)
		*p++ = pattern_byte(id, off);
}

void pattern_check(const void *buf, size_t len, uint64_t id, uint64_t off)
{
	const uint8_t *p = buf, *end = p + len;
	uint64_t w, got;

	while (p < end) {
		if (!(off & 7) && end - p >= 8) {
			w = pattern_word(id, off >> 3);
			memcpy(&got, p, 8);
			if (got == w) {
				p += 8;
				off += 8;
				continue;
			}
		}
		if (*p != pattern_byte(id, off))
			FAIL("stream %llu: wrong byte %#x at offset %llu",
			     (unsigned long long)id, *p, (unsigned long long)off);
		p++;
		off++;
	}
}

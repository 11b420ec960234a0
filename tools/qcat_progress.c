// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ticker of a qcat session: a bar on a terminal for a transfer of more
 * than a second, lines with --progress, and the end of a session in which
 * nothing moved for the time that -t gives.
 */
#include <inttypes.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common.h"
#include "qcat.h"

#define TICK_NS		(200 * NSEC_PER_MSEC)
#define BAR_WIDTH	28

static bool bar_shown;

/* What waits in the kernel's buffer has not moved yet: on a slow path that is much. */
static uint64_t moved(struct session *s)
{
	uint64_t sent = atomic_load(&s->sent);
	int waits;

	if (ioctl(s->sd, SIOCOUTQ, &waits) || waits < 0)
		waits = 0;
	return sent - ((uint64_t)waits < sent ? (uint64_t)waits : sent) + atomic_load(&s->received);
}

/* Of the direction that this session is about; 0: unknown */
static uint64_t expected(const struct session *s)
{
	return s->parts.count ? s->parts.total : s->in_size;
}

static void print_line(struct session *s, uint64_t elapsed, char end)
{
	char bytes[HUMAN_LEN], of[HUMAN_LEN], rate[HUMAN_LEN], bar[BAR_WIDTH + 1];
	uint64_t n = moved(s), total = expected(s), cells;
	double per_second = n / (elapsed / 1e9);

	if (end == '\r')
		fputs("\r\033[K", stderr);
	fprintf(stderr, "%s", human_bytes(bytes, n));
	if (total) {
		cells = n < total ? n * BAR_WIDTH / total : BAR_WIDTH;
		memset(bar, '.', BAR_WIDTH);
		memset(bar, '#', cells);
		bar[BAR_WIDTH] = '\0';
		fprintf(stderr, " of %s [%s] %3.0f%%", human_bytes(of, total), bar,
			n < total ? 100.0 * n / total : 100.0);
	}
	fprintf(stderr, " %s/s", human_bytes(rate, per_second));
	if (total > n && per_second > 0)
		fprintf(stderr, ", %.0f s left", (total - n) / per_second);
	if (end == '\n')
		fputc('\n', stderr);
	fflush(stderr);
}

/* No bar over a conversation that someone types or reads at this terminal */
static bool wants_bar(const struct session *s)
{
	return isatty(STDERR_FILENO) && !isatty(s->out_fd) &&
	       (s->in_fd < 0 || !isatty(s->in_fd) || s->parts.nr);
}

static void show(struct session *s, unsigned int tick)
{
	uint64_t elapsed = now_ns() - s->start;

	if (s->opts->progress && !isatty(STDERR_FILENO)) {
		if (tick % (NSEC_PER_SEC / TICK_NS) == 0)
			print_line(s, elapsed, '\n');
	} else if (wants_bar(s) && elapsed > NSEC_PER_SEC && moved(s)) {
		print_line(s, elapsed, '\r');
		bar_shown = true;
	}
}

static void *ticker(void *arg)
{
	struct session *s = arg;
	uint64_t last = now_ns(), seen = 0, now;
	unsigned int tick = 0;

	for (;;) {
		sleep_ns(TICK_NS);
		if (atomic_load(&s->over))
			return NULL;
		now = moved(s);
		if (now != seen) {
			seen = now;
			last = now_ns();
		}
		if (s->opts->timeout && now_ns() - last > s->opts->timeout * 1e9)
			die(EX_TIMEOUT, "nothing moved for %g seconds", s->opts->timeout);
		show(s, ++tick);
	}
}

void progress_start(struct session *s)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, ticker, s))
		die(EX_LOCAL, "no thread for the clock");
	pthread_detach(thread);
}

void progress_end(struct session *s)
{
	atomic_store(&s->over, true);
	if (s->opts->progress && !isatty(STDERR_FILENO))
		print_line(s, now_ns() - s->start, '\n');
	else if (bar_shown)
		fputs("\r\033[K", stderr);
	fflush(stderr);
}

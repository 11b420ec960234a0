// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Messages for people: one for each failure, to stderr or to the program.
 *
 * The level and the callback are the only global state of the library.  They
 * are meant to be set before threads start; a change is seen by the next call.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

static int log_level = QUIC_LOG_ERROR;
static quic_log_func log_func;
static void *log_arg;

void quic_set_log_level(int level)
{
	__atomic_store_n(&log_level, level, __ATOMIC_RELAXED);
}

void quic_set_log_func(quic_log_func func, void *arg)
{
	log_arg = arg;
	__atomic_store_n(&log_func, func, __ATOMIC_RELEASE);
}

void lq_log(int level, const char *fmt, ...)
{
	char text[QUIC_REASON_SIZE + 128];
	quic_log_func func;
	va_list ap;

	if (level > __atomic_load_n(&log_level, __ATOMIC_RELAXED))
		return;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	func = __atomic_load_n(&log_func, __ATOMIC_ACQUIRE);
	if (func)
		func(level, text, log_arg);
	else
		fprintf(stderr, "libquic: %s\n", text);
}

void lq_printable(char *to, size_t size, const void *from, size_t len)
{
	const unsigned char *p = from;
	size_t i;

	if (!size)
		return;
	for (i = 0; i < len && i < size - 1; i++)
		to[i] = p[i] >= 0x20 && p[i] < 0x7f ? (char)p[i] : '?';
	to[i] = '\0';
}

void lq_fail(struct lq_failure *failure, int err, int alert, const char *fmt, ...)
{
	va_list ap;

	if (failure->err)
		return;

	failure->err = err;
	failure->alert = alert;
	va_start(ap, fmt);
	vsnprintf(failure->text, sizeof(failure->text), fmt, ap);
	va_end(ap);
}

void lq_keylog_write(const char *path, const char *line)
{
	ssize_t len = (ssize_t)strlen(line);
	int fd;

	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		lq_log(QUIC_LOG_WARNING, "key log file '%s': %s", path, strerror(errno));
		return;
	}
	if (write(fd, line, (size_t)len) != len)
		lq_log(QUIC_LOG_WARNING, "key log file '%s': not written", path);
	close(fd);
}

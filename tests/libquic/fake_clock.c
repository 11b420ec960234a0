// SPDX-License-Identifier: GPL-2.0-or-later
/* The time of day of this program and of its libraries, which a test can move on. */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fake_clock.h"

static time_t ahead;

void fake_clock_skip(unsigned int seconds)
{
	ahead += seconds;
}

/* The linker prefers these to libc's, for shared libraries as well. */
int clock_gettime(clockid_t clock, struct timespec *ts)
{
	int ret = syscall(SYS_clock_gettime, clock, ts);

	if (!ret && clock == CLOCK_REALTIME)
		ts->tv_sec += ahead;
	return ret;
}

time_t time(time_t *t)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	if (t)
		*t = ts.tv_sec;
	return ts.tv_sec;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CPU time and memory as the kernel counts them, and percentiles.
 *
 * A process is not charged for the packets that the kernel handles in
 * interrupts, so the machine's total is read too (/proc/stat, everything but
 * idle and iowait): with both ends on one machine it covers both.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "qperf.h"

#define MAX_SAMPLES	(64u << 20)

static uint64_t machine_us(void)
{
	unsigned long long user, nice, system, idle, iowait, irq, softirq, steal = 0;
	FILE *f = fopen("/proc/stat", "re");
	uint64_t ticks = 0;

	if (!f)
		return 0;
	if (fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system,
		   &idle, &iowait, &irq, &softirq, &steal) >= 7)
		ticks = user + nice + system + irq + softirq;
	fclose(f);
	return ticks * (1000000 / sysconf(_SC_CLK_TCK));
}

static uint64_t timeval_us(const struct timeval *tv)
{
	return tv->tv_sec * 1000000ULL + tv->tv_usec;
}

void usage_read(struct usage *u)
{
	struct rusage ru;

	getrusage(RUSAGE_SELF, &ru);
	u->user_us = timeval_us(&ru.ru_utime);
	u->system_us = timeval_us(&ru.ru_stime);
	u->machine_us = machine_us();
}

void usage_since(struct usage *u, const struct usage *start)
{
	usage_read(u);
	u->user_us -= start->user_us;
	u->system_us -= start->system_us;
	u->machine_us -= start->machine_us;
}

/* Adds a line of /proc/meminfo, times its sign. */
static void meminfo_add(const char *name, uint64_t kib, struct memory *m)
{
	static const char *const without[] = {
		"MemFree", "Buffers", "Cached", "SwapCached", "AnonPages",
	};

	if (!strcmp(name, "MemTotal"))
		m->kernel += kib << 10;
	else if (name_lookup(without, ARRAY_SIZE(without), name) >= 0)
		m->kernel -= kib << 10;
	else if (!strcmp(name, "Slab"))
		m->slab = kib << 10;
	else if (!strcmp(name, "Percpu"))
		m->percpu = kib << 10;
}

void memory_read(struct memory *m)
{
	unsigned long long kib, pages = 0;
	char name[64];
	FILE *f;

	memset(m, 0, sizeof(*m));
	f = fopen("/proc/meminfo", "re");
	if (f) {
		while (fscanf(f, "%63[^:]: %llu%*[^\n]\n", name, &kib) == 2)
			meminfo_add(name, kib, m);
		fclose(f);
	}
	f = fopen("/proc/self/statm", "re");
	if (f) {
		if (fscanf(f, "%*u %llu", &pages) != 1)
			pages = 0;
		fclose(f);
	}
	m->rss = pages * sysconf(_SC_PAGESIZE);
}

void samples_add(struct samples *s, uint64_t ns)
{
	if (s->nr == MAX_SAMPLES)
		return;
	if (s->nr == s->room) {
		s->room = s->room ? 2 * s->room : 4096;
		s->ns = realloc(s->ns, s->room * sizeof(*s->ns));
		if (!s->ns)
			die(EX_LOCAL, "out of memory");
	}
	s->ns[s->nr++] = ns < UINT32_MAX ? ns : UINT32_MAX;
}

void samples_merge(struct samples *to, struct samples *from)
{
	size_t i;

	for (i = 0; i < from->nr; i++)
		samples_add(to, from->ns[i]);
	free(from->ns);
	memset(from, 0, sizeof(*from));
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void samples_sort(struct samples *s)
{
	if (s->nr)
		qsort(s->ns, s->nr, sizeof(*s->ns), compare);
}

/* Nearest rank, of sorted samples */
double samples_us(const struct samples *s, double fraction)
{
	size_t i = fraction * s->nr;

	if (!s->nr)
		return 0;
	return s->ns[i < s->nr ? i : s->nr - 1] / 1e3;
}

double samples_mean_us(const struct samples *s)
{
	double sum = 0;
	size_t i;

	for (i = 0; i < s->nr; i++)
		sum += s->ns[i];
	return s->nr ? sum / s->nr / 1e3 : 0;
}

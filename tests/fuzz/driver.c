// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs a fuzz target where libFuzzer is not at hand, and for a quick check that
 * takes the same seconds everywhere:
 *
 *	target			RUNS (200000, or as many as take that long) mutations of
 *				its seeds, from SEED (1)
 *	target FILE...		these inputs (what a fuzzer found)
 *	target -w DIR		write the seeds there, as a corpus for libFuzzer
 *
 * Every input lies in memory of exactly its length, for the address sanitizer
 * to see a read past it.  The number of the run is told when one dies.
 */
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <signal.h>
#include <unistd.h>
#include "fuzz.h"

#define INPUT_MAX	4096
#define MUTATIONS_MAX	8

unsigned int __attribute__((weak)) fuzz_cost = 1;

static u8 input[INPUT_MAX];
static size_t input_len;
static unsigned long run;

static u32 below(u32 n)
{
	return n ? get_random_u32_below(n) : 0;
}

/* Where lengths and varints change their meaning. */
static u8 telling_byte(void)
{
	static const u8 bytes[] = { 0x00, 0x01, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xff, 20, 21 };

	return bytes[below(sizeof(bytes))];
}

static void remove_bytes(u32 at, u32 n)
{
	n = min_t(u32, n, input_len - at);
	memmove(input + at, input + at + n, input_len - at - n);
	input_len -= n;
}

static void insert_bytes(u32 at, u32 n)
{
	n = min_t(u32, n, INPUT_MAX - input_len);
	memmove(input + at + n, input + at, input_len - at);
	get_random_bytes(input + at, n);
	input_len += n;
}

/* Bytes of another seed over, or behind, what is there. */
static void splice(u32 at)
{
	const struct quic_vec *v = &fuzz_seeds[below(fuzz_nseeds)];
	u32 from = below(v->len);
	u32 n = min_t(u32, v->len - from, INPUT_MAX - at);

	memcpy(input + at, v->base + from, n);
	input_len = max_t(size_t, input_len, at + n);
}

static void mutate(void)
{
	u32 at = below(input_len);

	switch (below(8)) {
	case 0:
		input[at] ^= 1 << below(8);
		break;
	case 1:
		input[at] = telling_byte();
		break;
	case 2:
		input[at] = get_random_u8();
		break;
	case 3:
		input[at] += below(2) ? 1 : -1;
		break;
	case 4:
		remove_bytes(at, 1 + below(8));
		break;
	case 5:
		insert_bytes(at, 1 + below(8));
		break;
	case 6:
		input_len = at;
		break;
	case 7:
		splice(at);
		break;
	}
}

static void make_input(void)
{
	const struct quic_vec *v = &fuzz_seeds[below(fuzz_nseeds)];
	u32 n = below(MUTATIONS_MAX + 1);

	input_len = min_t(size_t, v->len, INPUT_MAX);
	memcpy(input, v->base, input_len);
	if (!below(16)) {
		input_len = below(256);
		get_random_bytes(input, input_len);
	}
	while (n--)
		mutate();
}

/* What the first input leaves allocated is the target's for good; later ones leave nothing. */
static void run_exact(const u8 *p, size_t len)
{
	static long kept = -1;
	u8 *exact = malloc(len);

	NEVER(len && !exact);
	memcpy(exact, p, len);
	LLVMFuzzerTestOneInput(exact, len);
	free(exact);
	if (kept < 0)
		kept = shim_allocs_live;
	NEVER(shim_allocs_live != kept);
}

static void tell_run(int sig)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "# died in run %lu\n", run);

	if (write(2, text, n) == n)
		signal(sig, SIG_DFL);
}

static int run_file(const char *name)
{
	FILE *f = fopen(name, "rb");

	if (!f) {
		perror(name);
		return 1;
	}
	input_len = fread(input, 1, sizeof(input), f);
	fclose(f);
	run_exact(input, input_len);
	return 0;
}

static int write_seeds(const char *dir)
{
	char name[512];
	const struct quic_vec *v;
	FILE *f;

	for (v = fuzz_seeds; v < fuzz_seeds + fuzz_nseeds; v++) {
		snprintf(name, sizeof(name), "%s/seed-%u", dir, (unsigned int)(v - fuzz_seeds));
		f = fopen(name, "wb");
		if (!f || fwrite(v->base, 1, v->len, f) != v->len) {
			perror(name);
			return 1;
		}
		fclose(f);
	}
	return 0;
}

static unsigned long from_env(const char *name, unsigned long otherwise)
{
	const char *s = getenv(name);

	return s ? strtoul(s, NULL, 0) : otherwise;
}

int main(int argc, char **argv)
{
	unsigned long runs = max(from_env("RUNS", 200000) / fuzz_cost, 1UL);
	unsigned long seed = from_env("SEED", 1);
	unsigned int i;

	if (argc == 3 && !strcmp(argv[1], "-w"))
		return write_seeds(argv[2]);
	if (argc > 1) {
		while (*++argv)
			if (run_file(*argv))
				return 1;
		return 0;
	}
	signal(SIGABRT, tell_run);
	for (i = 0; i < fuzz_nseeds; i++)
		run_exact(fuzz_seeds[i].base, fuzz_seeds[i].len);
	for (run = 0; run < runs; run++) {
		shim_random_seed(seed << 32 ^ run);
		make_input();
		run_exact(input, input_len);
	}
	printf("ok %s: %lu inputs\n", argv[0], runs + fuzz_nseeds);
	return 0;
}

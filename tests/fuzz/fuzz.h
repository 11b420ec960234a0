/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a fuzz target is: one function that takes any bytes and dies (by NEVER,
 * or a sanitizer) if a property does not hold, and a few inputs to start
 * from.  Linked with driver.c it runs a fixed number of seeded mutations;
 * linked by clang -fsanitize=fuzzer it is guided by coverage.
 */
#ifndef _QUIC_FUZZ_H
#define _QUIC_FUZZ_H

#include "wire.h"

#define NEVER(cond)	WARN_ON(cond)	/* the shim's aborts */

int LLVMFuzzerTestOneInput(const u8 *p, size_t len);

extern const struct quic_vec fuzz_seeds[];
extern const unsigned int fuzz_nseeds;

/* How many runs of a small target one of this costs; 1 where it is not defined. */
extern unsigned int fuzz_cost;

#define FUZZ_SEEDS(...)								\
	const struct quic_vec fuzz_seeds[] = { __VA_ARGS__ };			\
	const unsigned int fuzz_nseeds = ARRAY_SIZE(fuzz_seeds)
#define FUZZ_SEED(array)	{ (const u8 *)(array), sizeof(array) }
#define FUZZ_STRING(s)		{ (const u8 *)(s), sizeof(s) - 1 }

/* Is [p, p + len) inside @all? */
static inline bool fuzz_inside(const u8 *p, u64 len, const u8 *all, size_t all_len)
{
	return p >= all && p <= all + all_len && len <= (u64)(all + all_len - p);
}

#endif

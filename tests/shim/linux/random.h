/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Userspace stand-in: random numbers that a seed repeats. */
#ifndef _SHIM_LINUX_RANDOM_H
#define _SHIM_LINUX_RANDOM_H

#include <linux/types.h>

void shim_random_seed(u64 seed);
u64 get_random_u64(void);
void get_random_bytes(void *to, size_t n);

static inline u8 get_random_u8(void)
{
	return get_random_u64() >> 32;
}

static inline u16 get_random_u16(void)
{
	return get_random_u64() >> 32;
}

static inline u32 get_random_u32(void)
{
	return get_random_u64() >> 32;
}

/* [0, ceil); a @ceil of 0 gives any number. */
static inline u32 get_random_u32_below(u32 ceil)
{
	return ceil ? (u64)get_random_u32() * ceil >> 32 : get_random_u32();
}

static inline u32 get_random_u32_inclusive(u32 lo, u32 hi)
{
	return lo + get_random_u32_below(hi - lo + 1);
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Userspace stand-in: a keyed hash; its values are not the kernel's. */
#ifndef _SHIM_LINUX_JHASH_H
#define _SHIM_LINUX_JHASH_H

#include <linux/types.h>

static inline u32 jhash(const void *key, u32 len, u32 init)
{
	const u8 *p = key;
	u64 h = 0xcbf29ce484222325ULL ^ ((u64)init << 17 | len);

	while (len--)
		h = (h ^ *p++) * 0x100000001b3ULL;
	h ^= h >> 29;
	h *= 0xbf58476d1ce4e5b9ULL;
	return h >> 32;
}

static inline u32 jhash2(const u32 *k, u32 n, u32 init)
{
	return jhash(k, n * sizeof(*k), init);
}

static inline u32 jhash_3words(u32 a, u32 b, u32 c, u32 init)
{
	u32 k[3] = { a, b, c };

	return jhash(k, sizeof(k), init);
}

static inline u32 jhash_2words(u32 a, u32 b, u32 init)
{
	return jhash_3words(a, b, 0, init);
}

static inline u32 jhash_1word(u32 a, u32 init)
{
	return jhash_3words(a, 0, 0, init);
}

#endif

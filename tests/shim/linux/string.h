/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Userspace stand-in: libc's, and what the kernel adds. */
#ifndef _SHIM_LINUX_STRING_H
#define _SHIM_LINUX_STRING_H

#include <string.h>
#include <linux/types.h>
#include <linux/err.h>

void *kmemdup(const void *from, size_t n, gfp_t gfp);
ssize_t strscpy(char *to, const char *from, size_t n);
/* First byte that is not @c, or NULL. */
void *memchr_inv(const void *p, int c, size_t n);

static inline void memzero_explicit(void *p, size_t n)
{
	memset(p, 0, n);
	__asm__ __volatile__("" : : "r"(p) : "memory");
}

#endif

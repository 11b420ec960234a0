/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Userspace stand-in: a warning is a failed test, at once. */
#ifndef _SHIM_LINUX_BUG_H
#define _SHIM_LINUX_BUG_H

#include <linux/compiler.h>

void shim_bug(const char *what, const char *file, int line) __attribute__((__noreturn__));

#define WARN(cond, ...) ({					\
	int __c = !!(cond);					\
								\
	if (unlikely(__c))					\
		shim_bug(#cond, __FILE__, __LINE__);		\
	__c;							\
})
#define WARN_ON(cond)		WARN(cond)
#define WARN_ON_ONCE(cond)	WARN(cond)
#define WARN_ONCE(cond, ...)	WARN(cond)
#define BUG_ON(cond)		((void)WARN(cond))
#define BUG()			shim_bug("BUG", __FILE__, __LINE__)
#define BUILD_BUG_ON(cond)	_Static_assert(!(cond), "BUILD_BUG_ON: " #cond)
#define BUILD_BUG_ON_ZERO(e)	((int)sizeof(struct { int:(-!!(e)); }))

#endif

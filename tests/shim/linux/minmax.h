/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Userspace stand-in: as strict on types as Linux 6.1, the oldest kernel we build for. */
#ifndef _SHIM_LINUX_MINMAX_H
#define _SHIM_LINUX_MINMAX_H

#define __shim_pick(x, op, y) ({				\
	typeof(x) __x = (x);					\
	typeof(y) __y = (y);					\
								\
	(void)(&__x == &__y);					\
	__x op __y ? __x : __y;					\
})
#define __shim_pick_t(t, x, op, y) ({				\
	t __tx = (x);						\
	t __ty = (y);						\
								\
	__tx op __ty ? __tx : __ty;				\
})
#define min(x, y)		__shim_pick(x, <, y)
#define max(x, y)		__shim_pick(x, >, y)
#define min3(x, y, z)		min((typeof(x))min(x, y), z)
#define max3(x, y, z)		max((typeof(x))max(x, y), z)
#define min_t(t, x, y)		__shim_pick_t(t, x, <, y)
#define max_t(t, x, y)		__shim_pick_t(t, x, >, y)
#define min_not_zero(x, y) ({					\
	typeof(x) __nx = (x);					\
	typeof(y) __ny = (y);					\
								\
	!__nx ? __ny : !__ny ? __nx : min(__nx, __ny);		\
})
#define clamp(v, lo, hi)	min((typeof(v))max(v, lo), hi)
#define clamp_t(t, v, lo, hi)	min_t(t, max_t(t, v, lo), hi)
#define clamp_val(v, lo, hi)	clamp_t(typeof(v), v, lo, hi)
#define swap(a, b) do {						\
	typeof(a) __t = (a);					\
								\
	(a) = (b);						\
	(b) = __t;						\
} while (0)
#define abs(x) ({						\
	typeof(x) __a = (x);					\
								\
	__a < 0 ? -__a : __a;					\
})

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Userspace stand-in: libc's numbers are the kernel's; it includes this name itself. */
#ifndef _SHIM_LINUX_ERRNO_H
#define _SHIM_LINUX_ERRNO_H

#include_next <linux/errno.h>

#ifndef ENOTSUPP
#define ENOTSUPP	524	/* the kernel's own */
#endif

#endif

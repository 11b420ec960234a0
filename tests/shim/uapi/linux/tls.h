/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Userspace stand-in: the system's own copy of the kernel's header. */
#include <linux/tls.h>

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Userspace stand-in: an allocator that counts, and that can be told to fail. */
#ifndef _SHIM_LINUX_SLAB_H
#define _SHIM_LINUX_SLAB_H

#include <linux/types.h>
#include <linux/overflow.h>

#define __GFP_ZERO	0x1u
#define __GFP_NOWARN	0x2u
#define __GFP_ACCOUNT	0x4u
#define GFP_ATOMIC	0x10u
#define GFP_KERNEL	0x20u
#define GFP_NOWAIT	0x40u
#define GFP_KERNEL_ACCOUNT (GFP_KERNEL | __GFP_ACCOUNT)

void *kmalloc(size_t n, gfp_t gfp);
void *krealloc(const void *p, size_t n, gfp_t gfp);
void kfree(const void *p);
void kfree_sensitive(const void *p);

/* The next @n allocations succeed, all later ones fail; -1: none fails. */
void shim_fail_alloc_after(long n);
extern long shim_allocs_live;	/* not freed yet */
extern long shim_allocs_made;	/* ever, failed ones too */

#define kzalloc(n, gfp)			kmalloc(n, (gfp) | __GFP_ZERO)
#define kmalloc_array(n, size, gfp)	kmalloc(size_mul(n, size), gfp)
#define kcalloc(n, size, gfp)		kzalloc(size_mul(n, size), gfp)
#define krealloc_array(p, n, size, gfp)	krealloc(p, size_mul(n, size), gfp)
#define kvmalloc(n, gfp)		kmalloc(n, gfp)
#define kvzalloc(n, gfp)		kzalloc(n, gfp)
#define kvmalloc_array(n, size, gfp)	kmalloc_array(n, size, gfp)
#define kvcalloc(n, size, gfp)		kcalloc(n, size, gfp)
#define kvfree(p)			kfree(p)
#define kvfree_sensitive(p, n)		kfree_sensitive(p)

#endif

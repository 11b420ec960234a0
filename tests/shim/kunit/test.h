/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The KUnit dialect in userspace, as much of it as the core's tests speak;
 * kunit.c runs the suites.  What the kernel's macros would refuse to compile
 * or to compare is refused here too.
 */
#ifndef _SHIM_KUNIT_TEST_H
#define _SHIM_KUNIT_TEST_H

#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

struct kunit {
	void *priv;
	const char *name;
	const void *param_value;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
	const void *(*generate_params)(const void *prev, char *desc);
};

struct kunit_suite {
	const char name[256];
	int (*suite_init)(struct kunit_suite *suite);
	void (*suite_exit)(struct kunit_suite *suite);
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
};

#define KUNIT_PARAM_DESC_SIZE	128
#define KUNIT_CASE(fn)			{ .run_case = fn, .name = #fn }
#define KUNIT_CASE_SLOW(fn)		KUNIT_CASE(fn)
#define KUNIT_CASE_PARAM(fn, gen)	{ .run_case = fn, .name = #fn, .generate_params = gen }
#define KUNIT_ARRAY_PARAM(fn, array, get_desc)						\
	static const void *fn##_gen_params(const void *prev, char *desc)		\
	{										\
		typeof((array)[0]) *__n = prev ? (typeof(__n))prev + 1 : (array);	\
		void (*__get)(typeof(__n), char *) = get_desc;				\
											\
		if (__n - (array) >= (long)ARRAY_SIZE(array))				\
			return NULL;							\
		if (__get)								\
			__get(__n, desc);						\
		return __n;								\
	}

void shim_kunit_register(struct kunit_suite *suite);
#define kunit_test_suite(suite)								\
	static void __attribute__((constructor)) shim_register_##suite(void)		\
	{										\
		shim_kunit_register(&suite);						\
	}										\
	static void __attribute__((constructor)) shim_register_##suite(void)

/* Note that the case failed; leave it if @leave. */
void shim_kunit_fail(bool leave, const char *file, int line, const char *fmt, ...)
	__printf(4, 5);
void shim_kunit_skip(const char *fmt, ...) __printf(1, 2) __attribute__((__noreturn__));
/* Freed when the case ends. */
void *kunit_kmalloc(struct kunit *test, size_t n, gfp_t gfp);
void kunit_kfree(struct kunit *test, const void *p);
int kunit_add_action_or_reset(struct kunit *test, void (*action)(void *ctx), void *ctx);

#define kunit_kzalloc(test, n, gfp)		kunit_kmalloc(test, n, (gfp) | __GFP_ZERO)
#define kunit_kmalloc_array(test, n, s, gfp)	kunit_kmalloc(test, size_mul(n, s), gfp)
#define kunit_kcalloc(test, n, s, gfp)		kunit_kzalloc(test, size_mul(n, s), gfp)
#define kunit_skip(test, ...)		((void)(test), shim_kunit_skip(__VA_ARGS__))
#define kunit_info(test, ...)		((void)(test), (void)printf("# " __VA_ARGS__))
#define kunit_err(test, ...)		kunit_info(test, __VA_ARGS__)

#define SHIM_KUNIT_FAIL(leave, fmt, ...) \
	shim_kunit_fail(leave, __FILE__, __LINE__, fmt, ##__VA_ARGS__)
#define SHIM_KUNIT_CMP(leave, a, op, b, more, ...) do {					\
	const typeof(a) __a = (a);							\
	const typeof(b) __b = (b);							\
											\
	if (!(__a op __b))								\
		SHIM_KUNIT_FAIL(leave, "%s %s %s: %lld, %lld" more, #a, #op, #b,	\
				(long long)__a, (long long)__b, ##__VA_ARGS__);		\
} while (0)
#define SHIM_KUNIT_PTR(leave, a, op, b) do {						\
	const typeof(a) __pa = (a);							\
	const typeof(b) __pb = (b);							\
											\
	if (!(__pa op __pb))								\
		SHIM_KUNIT_FAIL(leave, "%s %s %s: %p, %p", #a, #op, #b,		\
				(const void *)__pa, (const void *)__pb);			\
} while (0)
#define SHIM_KUNIT_COND(leave, cond, what, more, ...) do {				\
	if (!(cond))									\
		SHIM_KUNIT_FAIL(leave, "%s" more, what, ##__VA_ARGS__);			\
} while (0)

#define KUNIT_SUCCEED(t)		((void)(t))
#define KUNIT_FAIL(t, ...)		((void)(t), SHIM_KUNIT_FAIL(false, __VA_ARGS__))
#define KUNIT_EXPECT_TRUE(t, c)		SHIM_KUNIT_COND(false, c, #c " is false", "")
#define KUNIT_EXPECT_FALSE(t, c)	SHIM_KUNIT_COND(false, !(c), #c " is true", "")
#define KUNIT_ASSERT_TRUE(t, c)		SHIM_KUNIT_COND(true, c, #c " is false", "")
#define KUNIT_ASSERT_FALSE(t, c)	SHIM_KUNIT_COND(true, !(c), #c " is true", "")
#define KUNIT_EXPECT_TRUE_MSG(t, c, fmt, ...) \
	SHIM_KUNIT_COND(false, c, #c " is false", ": " fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_FALSE_MSG(t, c, fmt, ...) \
	SHIM_KUNIT_COND(false, !(c), #c " is true", ": " fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_TRUE_MSG(t, c, fmt, ...) \
	SHIM_KUNIT_COND(true, c, #c " is false", ": " fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_FALSE_MSG(t, c, fmt, ...) \
	SHIM_KUNIT_COND(true, !(c), #c " is true", ": " fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_EQ(t, a, b)	SHIM_KUNIT_CMP(false, a, ==, b, "")
#define KUNIT_EXPECT_NE(t, a, b)	SHIM_KUNIT_CMP(false, a, !=, b, "")
#define KUNIT_EXPECT_LT(t, a, b)	SHIM_KUNIT_CMP(false, a, <, b, "")
#define KUNIT_EXPECT_LE(t, a, b)	SHIM_KUNIT_CMP(false, a, <=, b, "")
#define KUNIT_EXPECT_GT(t, a, b)	SHIM_KUNIT_CMP(false, a, >, b, "")
#define KUNIT_EXPECT_GE(t, a, b)	SHIM_KUNIT_CMP(false, a, >=, b, "")
#define KUNIT_ASSERT_EQ(t, a, b)	SHIM_KUNIT_CMP(true, a, ==, b, "")
#define KUNIT_ASSERT_NE(t, a, b)	SHIM_KUNIT_CMP(true, a, !=, b, "")
#define KUNIT_ASSERT_LT(t, a, b)	SHIM_KUNIT_CMP(true, a, <, b, "")
#define KUNIT_ASSERT_LE(t, a, b)	SHIM_KUNIT_CMP(true, a, <=, b, "")
#define KUNIT_ASSERT_GT(t, a, b)	SHIM_KUNIT_CMP(true, a, >, b, "")
#define KUNIT_ASSERT_GE(t, a, b)	SHIM_KUNIT_CMP(true, a, >=, b, "")
#define KUNIT_EXPECT_EQ_MSG(t, a, b, fmt, ...) \
	SHIM_KUNIT_CMP(false, a, ==, b, ": " fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_NE_MSG(t, a, b, fmt, ...) \
	SHIM_KUNIT_CMP(false, a, !=, b, ": " fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_LE_MSG(t, a, b, fmt, ...) \
	SHIM_KUNIT_CMP(false, a, <=, b, ": " fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_GE_MSG(t, a, b, fmt, ...) \
	SHIM_KUNIT_CMP(false, a, >=, b, ": " fmt, ##__VA_ARGS__)
#define KUNIT_ASSERT_EQ_MSG(t, a, b, fmt, ...) \
	SHIM_KUNIT_CMP(true, a, ==, b, ": " fmt, ##__VA_ARGS__)
#define KUNIT_EXPECT_PTR_EQ(t, a, b)	SHIM_KUNIT_PTR(false, a, ==, b)
#define KUNIT_EXPECT_PTR_NE(t, a, b)	SHIM_KUNIT_PTR(false, a, !=, b)
#define KUNIT_ASSERT_PTR_EQ(t, a, b)	SHIM_KUNIT_PTR(true, a, ==, b)
#define KUNIT_ASSERT_PTR_NE(t, a, b)	SHIM_KUNIT_PTR(true, a, !=, b)
#define KUNIT_EXPECT_NULL(t, p)		SHIM_KUNIT_PTR(false, p, ==, NULL)
#define KUNIT_EXPECT_NOT_NULL(t, p)	SHIM_KUNIT_PTR(false, p, !=, NULL)
#define KUNIT_ASSERT_NULL(t, p)		SHIM_KUNIT_PTR(true, p, ==, NULL)
#define KUNIT_ASSERT_NOT_NULL(t, p)	SHIM_KUNIT_PTR(true, p, !=, NULL)
#define KUNIT_EXPECT_NOT_ERR_OR_NULL(t, p) \
	SHIM_KUNIT_COND(false, !IS_ERR_OR_NULL(p), #p " is no pointer", "")
#define KUNIT_ASSERT_NOT_ERR_OR_NULL(t, p) \
	SHIM_KUNIT_COND(true, !IS_ERR_OR_NULL(p), #p " is no pointer", "")
#define KUNIT_EXPECT_STREQ(t, a, b) \
	SHIM_KUNIT_COND(false, !strcmp(a, b), #a " and " #b " differ", "")
#define KUNIT_ASSERT_STREQ(t, a, b) \
	SHIM_KUNIT_COND(true, !strcmp(a, b), #a " and " #b " differ", "")
#define KUNIT_EXPECT_MEMEQ(t, a, b, n) \
	SHIM_KUNIT_COND(false, !memcmp(a, b, n), #a " and " #b " differ", "")
#define KUNIT_EXPECT_MEMNEQ(t, a, b, n) \
	SHIM_KUNIT_COND(false, !!memcmp(a, b, n), #a " and " #b " are the same", "")
#define KUNIT_ASSERT_MEMEQ(t, a, b, n) \
	SHIM_KUNIT_COND(true, !memcmp(a, b, n), #a " and " #b " differ", "")

#endif

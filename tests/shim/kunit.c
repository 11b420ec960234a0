// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Runs the registered suites, all or those whose name (or suite.case) is
 * given, each case from the same random seed (SEED in the environment).  One
 * line a case: "ok suite.case", "skip suite.case - why" or "not ok suite.case
 * - why".  A case that leaves memory allocated has failed.  The exit status
 * is 0 if something ran and nothing failed.
 */
#include <kunit/test.h>
#include <linux/random.h>
#include <setjmp.h>
#include <stdarg.h>

#define SUITES_MAX	256

struct cleanup {
	struct cleanup *next;
	void (*action)(void *ctx);
	void *ctx;
};

static struct kunit_suite *suites[SUITES_MAX];
static unsigned int nsuites;
static struct cleanup *cleanups;
static jmp_buf leave_case;
static char why[512];
static bool failed, skipped;

void shim_kunit_register(struct kunit_suite *suite)
{
	BUG_ON(nsuites == SUITES_MAX);
	suites[nsuites++] = suite;
}

void shim_kunit_fail(bool leave, const char *file, int line, const char *fmt, ...)
{
	char what[400];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	if (failed)
		printf("#   also %s:%d: %s\n", file, line, what);
	else
		snprintf(why, sizeof(why), "%s:%d: %s", file, line, what);
	failed = true;
	if (leave)
		longjmp(leave_case, 1);
}

void shim_kunit_skip(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	skipped = true;
	longjmp(leave_case, 1);
}

int kunit_add_action_or_reset(struct kunit *test, void (*action)(void *ctx), void *ctx)
{
	struct cleanup *c = malloc(sizeof(*c));

	BUG_ON(!c);
	*c = (struct cleanup){ cleanups, action, ctx };
	cleanups = c;
	return 0;
}

static void free_managed(void *p)
{
	kfree(p);
}

void *kunit_kmalloc(struct kunit *test, size_t n, gfp_t gfp)
{
	void *p = kmalloc(n, gfp);

	if (p)
		kunit_add_action_or_reset(test, free_managed, p);
	return p;
}

void kunit_kfree(struct kunit *test, const void *p)
{
	struct cleanup **at, *c;

	for (at = &cleanups; *at; at = &(*at)->next) {
		c = *at;
		if (c->ctx != p || c->action != free_managed)
			continue;
		*at = c->next;
		free(c);
		kfree(p);
		return;
	}
	BUG_ON(p);
}

static void clean_up(void)
{
	struct cleanup *c;

	while (cleanups) {
		c = cleanups;
		cleanups = c->next;
		c->action(c->ctx);
		free(c);
	}
}

static void run_body(struct kunit_suite *suite, struct kunit_case *c, struct kunit *test)
{
	if (setjmp(leave_case))
		return;
	if (suite->init && suite->init(test))
		SHIM_KUNIT_FAIL(true, "the suite's init failed");
	c->run_case(test);
}

static void run_exit(struct kunit_suite *suite, struct kunit *test)
{
	if (!setjmp(leave_case) && suite->exit)
		suite->exit(test);
	shim_fail_alloc_after(-1);
	clean_up();
}

/* One case with one parameter; true: it did not fail. */
static bool run_one(struct kunit_suite *suite, struct kunit_case *c, const void *param,
		    const char *desc)
{
	struct kunit test = { .name = c->name, .param_value = param };
	const char *seed = getenv("SEED");
	long live = shim_allocs_live;

	failed = skipped = false;
	shim_random_seed(seed ? strtoull(seed, NULL, 0) : 1);
	run_body(suite, c, &test);
	run_exit(suite, &test);
	if (!failed && shim_allocs_live != live)
		shim_kunit_fail(false, c->name, 0, "%ld allocations not freed",
				shim_allocs_live - live);
	if (failed)
		printf("not ok %s.%s%s - %s\n", suite->name, c->name, desc, why);
	else if (skipped)
		printf("skip %s.%s%s - %s\n", suite->name, c->name, desc, why);
	else
		printf("ok %s.%s%s\n", suite->name, c->name, desc);
	fflush(stdout);
	return !failed;
}

static bool run_params(struct kunit_suite *suite, struct kunit_case *c)
{
	char desc[KUNIT_PARAM_DESC_SIZE + 1] = " ";
	const void *param = NULL;
	bool ok = true;

	while ((param = c->generate_params(param, desc + 1)))
		ok &= run_one(suite, c, param, desc);
	return ok;
}

/* Is "suite" or "suite.case" among the arguments (or no argument there)? */
static bool wanted(char **names, const struct kunit_suite *suite, const struct kunit_case *c)
{
	size_t len = strlen(suite->name);

	if (!*names)
		return true;
	for (; *names; names++) {
		if (!strcmp(*names, suite->name))
			return true;
		if (!strncmp(*names, suite->name, len) && (*names)[len] == '.' &&
		    !strcmp(*names + len + 1, c->name))
			return true;
	}
	return false;
}

static unsigned int run_suite(struct kunit_suite *suite, char **names, unsigned int *ran)
{
	unsigned int bad = 0;
	struct kunit_case *c;

	if (suite->suite_init && suite->suite_init(suite)) {
		printf("not ok %s - suite_init failed\n", suite->name);
		return 1;
	}
	for (c = suite->test_cases; c->run_case; c++) {
		if (!wanted(names, suite, c))
			continue;
		++*ran;
		bad += !(c->generate_params ? run_params(suite, c) : run_one(suite, c, NULL, ""));
	}
	if (suite->suite_exit)
		suite->suite_exit(suite);
	return bad;
}

int main(int argc, char **argv)
{
	unsigned int i, ran = 0, bad = 0;

	for (i = 0; i < nsuites; i++)
		bad += run_suite(suites[i], argv + min(argc, 1), &ran);
	printf("# %u cases, %u failed\n", ran, bad);
	fflush(stdout);
	return bad || !ran;
}

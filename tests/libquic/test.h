/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A test is a function that returns NULL, or says why not. */
#ifndef _TESTS_LIBQUIC_TEST_H
#define _TESTS_LIBQUIC_TEST_H

#include <stddef.h>

struct test {
	const char *name;
	const char *(*run)(void);
};

#define STRING_(x)	#x
#define STRING(x)	STRING_(x)
#define CHECK(cond) do {						\
	if (!(cond))							\
		return __FILE__ ":" STRING(__LINE__) ": " #cond;	\
} while (0)

extern const struct test handshake_tests[];
extern const struct test refusal_tests[];
extern const struct test stream_tests[];
extern const struct test memory_tests[];
extern const struct test tls_tests[];	/* of one TLS library */

#endif

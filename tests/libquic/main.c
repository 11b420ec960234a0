// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs all tests, or those whose names begin with an argument. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "pki.h"
#include "test.h"

#define TEST_SECONDS	60

static bool wanted(const char *name, int argc, char *argv[])
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strncmp(name, argv[i], strlen(argv[i])))
			return true;
	return argc == 1;
}

static int run(const struct test *t, int argc, char *argv[])
{
	const char *why;
	int failed = 0;

	for (; t->name; t++) {
		if (!wanted(t->name, argc, argv))
			continue;
		alarm(TEST_SECONDS);
		why = t->run();
		fake_free();
		failed += !!why;
		if (why)
			printf("not ok %s - %s\n", t->name, why);
		else
			printf("ok %s\n", t->name);
		fflush(stdout);
	}
	return failed;
}

int main(int argc, char *argv[])
{
	int failed;

	if (pki_make()) {
		printf("not ok pki - cannot make certificates in /tmp\n");
		return 1;
	}
	failed = run(handshake_tests, argc, argv) + run(refusal_tests, argc, argv) +
		 run(stream_tests, argc, argv) + run(memory_tests, argc, argv) +
		 run(tls_tests, argc, argv);
	pki_remove();
	return !!failed;
}

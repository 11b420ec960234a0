// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The receiver of a file in parts (tools/parts.c), against every kind of header
 * and stream that a sender, honest or not, may send.  Prints a line per test.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/common.h"
#include "../../tools/parts.h"

#define FILE_MAX	10007

static int failures;
static const char *test_name;
static uint8_t file[FILE_MAX], out[FILE_MAX];
static int sink_error;

#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			printf("not ok %s - line %d: %s\n", test_name, __LINE__, #cond); \
			failures++;					\
			return;						\
		}							\
	} while (0)

static int sink(void *ctx, uint64_t offset, const void *buf, size_t len)
{
	uint64_t *size = ctx;

	if (sink_error)
		return sink_error;
	if (offset > *size || len > *size - offset)
		abort();
	memcpy(out + offset, buf, len);
	return 0;
}

static struct parts *fresh(void)
{
	static struct parts parts;

	free(parts.part);
	parts_init(&parts);
	memset(out, 0, sizeof(out));
	sink_error = 0;
	return &parts;
}

static int64_t sid_of(unsigned int index)
{
	return 4 * index + 2;
}

/* Feeds part @index in pieces of @step bytes. */
static int feed_part(struct parts *p, unsigned int index, unsigned int count, uint64_t total,
		     size_t step)
{
	struct part_header h = { .index = index, .count = count, .total = total };
	uint8_t raw[PART_HEADER_LEN + FILE_MAX];
	size_t len, at = 0, n;
	int err = 0;

	part_range(&h);
	part_encode(raw, &h);
	memcpy(raw + PART_HEADER_LEN, file + h.offset, h.length);
	len = PART_HEADER_LEN + h.length;
	while (!err && at < len) {
		n = len - at < step ? len - at : step;
		err = parts_feed(p, sid_of(index), raw + at, n, at + n == len, sink, &total);
		at += n;
	}
	return err;
}

static void test_whole_files(void)
{
	static const uint64_t totals[] = { 0, 1, 2, 35, 36, 37, 1000, FILE_MAX };
	static const unsigned int counts[] = { 1, 2, 3, 7, 64, PART_MAX };
	static const size_t steps[] = { 1, 17, 36, 37, 100000 };
	size_t t, c, s;
	unsigned int i;

	for (t = 0; t < ARRAY_SIZE(totals); t++)
		for (c = 0; c < ARRAY_SIZE(counts); c++)
			for (s = 0; s < ARRAY_SIZE(steps); s++) {
				struct parts *p = fresh();

				for (i = counts[c]; i-- > 0;) {
					CHECK(!parts_complete(p));
					CHECK(!feed_part(p, i, counts[c], totals[t], steps[s]));
				}
				CHECK(parts_complete(p));
				CHECK(p->received == totals[t] && p->total == totals[t]);
				CHECK(!memcmp(out, file, totals[t]));
			}
}

/* The ranges are contiguous and even, at the largest size too. */
static void test_ranges(void)
{
	static const uint64_t totals[] = { 0, 1, 1023, 1025, INT64_MAX };
	struct part_header h = { .count = PART_MAX };
	uint64_t next, base;
	size_t t;

	for (t = 0; t < ARRAY_SIZE(totals); t++) {
		h.total = totals[t];
		base = h.total / h.count;
		next = 0;
		for (h.index = 0; h.index < h.count; h.index++) {
			part_range(&h);
			CHECK(h.offset == next);
			CHECK(h.length == base || h.length == base + 1);
			next += h.length;
		}
		CHECK(next == h.total);
	}
}

/* Each byte of a good header changed: refused, or the change does not matter. */
static void test_damaged_headers(void)
{
	struct part_header h = { .index = 1, .count = 3, .total = 1000 };
	uint8_t raw[PART_HEADER_LEN];
	uint64_t total = 1000;
	size_t i;

	part_range(&h);
	for (i = 0; i < PART_HEADER_LEN; i++) {
		struct parts *p = fresh();

		part_encode(raw, &h);
		raw[i] ^= 0x80;
		if (i == 10 || i == 11)		/* reserved */
			continue;
		CHECK(parts_feed(p, 2, raw, sizeof(raw), false, sink, &total) == -EBADMSG);
		CHECK(*p->error);
	}
}

static void test_out_of_range(void)
{
	static const struct part_header bad[] = {
		{ .index = 0, .count = 0, .total = 1 },
		{ .index = 3, .count = 3, .total = 1 },
		{ .index = 0, .count = PART_MAX + 1, .total = 1 },
		{ .index = 0, .count = 1, .total = UINT64_MAX, .length = UINT64_MAX },
		{ .index = 0, .count = 1, .total = 10, .offset = 5, .length = 5 },
		{ .index = 0, .count = 1, .total = 10, .length = 11 },
		{ .index = 0, .count = 2, .total = 10, .length = 10 },
	};
	uint8_t raw[PART_HEADER_LEN];
	uint64_t total = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		part_encode(raw, &bad[i]);
		CHECK(parts_feed(fresh(), 2, raw, sizeof(raw), false, sink, &total) == -EBADMSG);
	}
}

static void test_lengths(void)
{
	struct part_header h = { .index = 0, .count = 1, .total = 100 };
	uint8_t raw[PART_HEADER_LEN + 101] = { 0 };
	uint64_t total = 100;

	part_range(&h);
	part_encode(raw, &h);
	CHECK(parts_feed(fresh(), 2, raw, 0, true, sink, &total) == -EBADMSG);
	CHECK(parts_feed(fresh(), 2, raw, PART_HEADER_LEN - 1, true, sink, &total) == -EBADMSG);
	CHECK(parts_feed(fresh(), 2, raw, PART_HEADER_LEN + 99, true, sink, &total) == -EBADMSG);
	CHECK(parts_feed(fresh(), 2, raw, sizeof(raw), true, sink, &total) == -EBADMSG);
}

static void test_among_themselves(void)
{
	uint8_t more = 0;
	uint64_t total = 1000;
	struct parts *p = fresh();
	unsigned int i;

	/* twice the same part, parts of two files */
	CHECK(!feed_part(p, 0, 3, 1000, 1000));
	CHECK(feed_part(p, 0, 3, 1000, 1000) == -EBADMSG);
	p = fresh();
	CHECK(!feed_part(p, 0, 3, 1000, 1000));
	CHECK(feed_part(p, 1, 4, 1000, 1000) == -EBADMSG);
	p = fresh();
	CHECK(!feed_part(p, 0, 3, 1000, 1000));
	CHECK(feed_part(p, 1, 3, 1001, 1000) == -EBADMSG);

	/* more after the end of a stream, and more streams than there may be */
	p = fresh();
	CHECK(!feed_part(p, 0, 3, 1000, 1000));
	CHECK(parts_feed(p, sid_of(0), &more, 1, false, sink, &total) == -EBADMSG);
	p = fresh();
	for (i = 0; i < PART_MAX; i++)
		CHECK(!parts_feed(p, sid_of(i), &more, 1, false, sink, &total));
	CHECK(parts_feed(p, sid_of(i), &more, 1, false, sink, &total) == -EBADMSG);
}

static void test_sink_failure(void)
{
	struct parts *p = fresh();

	sink_error = -ENOSPC;
	CHECK(feed_part(p, 0, 1, 1000, 1000) == -ENOSPC);
	CHECK(!parts_complete(p));
}

static void test_verdict(void)
{
	uint8_t raw[VERDICT_LEN + 1] = { 0 };
	uint64_t bytes;

	verdict_encode(raw, 0x123456789abcdefULL);
	CHECK(verdict_decode(raw, VERDICT_LEN, &bytes) && bytes == 0x123456789abcdefULL);
	CHECK(!verdict_decode(raw, VERDICT_LEN - 1, &bytes));
	CHECK(!verdict_decode(raw, VERDICT_LEN + 1, &bytes));
	CHECK(!verdict_decode(raw, 0, &bytes));
	raw[5] ^= 1;
	CHECK(!verdict_decode(raw, VERDICT_LEN, &bytes));
}

int main(void)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} tests[] = {
		{ "parts/whole-files", test_whole_files },
		{ "parts/ranges", test_ranges },
		{ "parts/damaged-headers", test_damaged_headers },
		{ "parts/out-of-range", test_out_of_range },
		{ "parts/lengths", test_lengths },
		{ "parts/among-themselves", test_among_themselves },
		{ "parts/sink-failure", test_sink_failure },
		{ "parts/verdict", test_verdict },
	};
	size_t i;
	int before;

	for (i = 0; i < sizeof(file); i++)
		file[i] = i * 2654435761u >> 13;
	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		before = failures;
		test_name = tests[i].name;
		tests[i].run();
		if (failures == before)
			printf("ok %s\n", test_name);
	}
	free(fresh()->part);
	return failures != 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/* See parts.h: the format, and the bookkeeping of its receiver. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "parts.h"

#define PART_VERSION	1

static const uint8_t part_magic[4] = "QCAT";
static const uint8_t verdict_magic[4] = "QCAV";

static void put_be(uint8_t *p, uint64_t v, size_t n)
{
	while (n--) {
		p[n] = v;
		v >>= 8;
	}
}

static uint64_t get_be(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n--)
		v = v << 8 | *p++;
	return v;
}

/* Fills offset and length from index, count and total. */
void part_range(struct part_header *h)
{
	uint64_t base = h->total / h->count, more = h->total % h->count;

	h->offset = base * h->index + (h->index < more ? h->index : more);
	h->length = base + (h->index < more);
}

void part_encode(uint8_t raw[PART_HEADER_LEN], const struct part_header *h)
{
	memcpy(raw, part_magic, 4);
	put_be(raw + 4, PART_VERSION, 2);
	put_be(raw + 6, h->index, 2);
	put_be(raw + 8, h->count, 2);
	put_be(raw + 10, 0, 2);
	put_be(raw + 12, h->offset, 8);
	put_be(raw + 20, h->length, 8);
	put_be(raw + 28, h->total, 8);
}

void verdict_encode(uint8_t raw[VERDICT_LEN], uint64_t bytes)
{
	memcpy(raw, verdict_magic, 4);
	put_be(raw + 4, PART_VERSION, 2);
	put_be(raw + 6, 0, 2);
	put_be(raw + 8, bytes, 8);
}

bool verdict_decode(const uint8_t *raw, size_t len, uint64_t *bytes)
{
	if (len != VERDICT_LEN || memcmp(raw, verdict_magic, 4) ||
	    get_be(raw + 4, 2) != PART_VERSION)
		return false;
	*bytes = get_be(raw + 8, 8);
	return true;
}

void parts_init(struct parts *parts)
{
	memset(parts, 0, sizeof(*parts));
	parts->part = xcalloc(PART_MAX, sizeof(*parts->part));
}

static int damaged(struct parts *parts, const char *why, int64_t sid)
{
	snprintf(parts->error, sizeof(parts->error), "stream %" PRId64 ": %s", sid, why);
	return -EBADMSG;
}

static struct part *part_lookup(struct parts *parts, int64_t sid)
{
	struct part *part;
	size_t i;

	for (i = 0; i < parts->nr; i++)
		if (parts->part[i].sid == sid)
			return &parts->part[i];
	if (parts->nr == PART_MAX)
		return NULL;
	part = &parts->part[parts->nr++];
	part->sid = sid;
	return part;
}

/* The whole header is there: is it one of ours, and does it fit the others? */
static int part_accept(struct parts *parts, struct part *part)
{
	struct part_header *h = &part->header, want;
	const uint8_t *raw = part->raw;

	if (memcmp(raw, part_magic, 4))
		return damaged(parts, "no qcat header", part->sid);
	if (get_be(raw + 4, 2) != PART_VERSION)
		return damaged(parts, "unknown version of the qcat header", part->sid);
	h->index = get_be(raw + 6, 2);
	h->count = get_be(raw + 8, 2);
	h->offset = get_be(raw + 12, 8);
	h->length = get_be(raw + 20, 8);
	h->total = get_be(raw + 28, 8);
	if (!h->count || h->count > PART_MAX || h->index >= h->count)
		return damaged(parts, "part number out of range", part->sid);
	if (h->total > INT64_MAX)
		return damaged(parts, "file size out of range", part->sid);
	if (parts->count && (h->count != parts->count || h->total != parts->total))
		return damaged(parts, "part of another file", part->sid);
	want = *h;
	part_range(&want);
	if (h->offset != want.offset || h->length != want.length)
		return damaged(parts, "wrong range of the file", part->sid);
	if (parts->seen[h->index])
		return damaged(parts, "part sent twice", part->sid);
	parts->seen[h->index] = true;
	parts->count = h->count;
	parts->total = h->total;
	return 0;
}

/* Takes header bytes off the front of the data: returns how many. */
static size_t part_take_header(struct part *part, const void *buf, size_t len)
{
	size_t n = PART_HEADER_LEN - part->raw_len;

	if (n > len)
		n = len;
	memcpy(part->raw + part->raw_len, buf, n);
	part->raw_len += n;
	return n;
}

static int part_finish(struct parts *parts, struct part *part)
{
	if (part->raw_len < PART_HEADER_LEN || part->received != part->header.length)
		return damaged(parts, "ends early", part->sid);
	part->done = true;
	parts->nr_done++;
	return 0;
}

/*
 * Data of one stream, in order.  0; -EBADMSG: the peer's fault, parts->error
 * says what; any other errno is the sink's.
 */
int parts_feed(struct parts *parts, int64_t sid, const void *buf, size_t len, bool fin,
	       part_sink_t sink, void *ctx)
{
	struct part *part = part_lookup(parts, sid);
	size_t n;
	int err;

	if (!part || part->done)
		return damaged(parts, "too many parts", sid);
	if (part->raw_len < PART_HEADER_LEN) {
		n = part_take_header(part, buf, len);
		buf = (const uint8_t *)buf + n;
		len -= n;
		if (part->raw_len == PART_HEADER_LEN) {
			err = part_accept(parts, part);
			if (err)
				return err;
		}
	}
	if (len) {
		if (len > part->header.length - part->received)
			return damaged(parts, "longer than announced", sid);
		err = sink(ctx, part->header.offset + part->received, buf, len);
		if (err)
			return err;
		part->received += len;
		parts->received += len;
	}
	return fin ? part_finish(parts, part) : 0;
}

bool parts_complete(const struct parts *parts)
{
	return parts->count && parts->nr_done == parts->count;
}

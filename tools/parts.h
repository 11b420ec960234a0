/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file on N streams.
 *
 * The sender opens one unidirectional stream for each of the N parts.  A
 * stream begins with a header of 36 bytes, in network byte order, and goes on
 * with the part's bytes:
 *
 *	 0  4  magic "QCAT"
 *	 4  2  version, 1
 *	 6  2  index of the part, from 0
 *	 8  2  number of parts, 1 to 1024
 *	10  2  zero
 *	12  8  offset of the part in the file
 *	20  8  length of the part
 *	28  8  length of the file
 *
 * Part i begins where part i - 1 ends and its length is total / N, and one
 * more in the first total % N parts: so N complete parts are the whole file
 * and nothing overlaps.  The receiver answers with a unidirectional stream of
 * its own, the verdict:
 *
 *	 0  4  magic "QCAV"
 *	 4  2  version, 1
 *	 6  2  zero
 *	 8  8  bytes of the file that were received and stored
 *
 * A receiver that fails closes the connection with an error and its reason
 * instead.
 *
 * This file only knows bytes: qcat_session.c moves them.
 */
#ifndef TOOLS_PARTS_H
#define TOOLS_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PART_HEADER_LEN		36
#define PART_MAX		1024
#define VERDICT_LEN		16

struct part_header {
	uint16_t	index;
	uint16_t	count;
	uint64_t	offset;
	uint64_t	length;
	uint64_t	total;
};

struct part {
	int64_t			sid;
	struct part_header	header;
	uint8_t			raw[PART_HEADER_LEN];
	size_t			raw_len;
	uint64_t		received;
	bool			done;
};

/* All parts of the file that arrives; 'error' says why it is damaged. */
struct parts {
	struct part	*part;
	size_t		nr;		/* streams seen */
	size_t		nr_done;
	uint16_t	count;		/* 0 until the first header */
	uint64_t	total;
	uint64_t	received;
	bool		seen[PART_MAX];
	char		error[128];
};

/* The file's bytes go out here: 0 or a negative errno */
typedef int (*part_sink_t)(void *ctx, uint64_t offset, const void *buf, size_t len);

void part_range(struct part_header *h);
void part_encode(uint8_t raw[PART_HEADER_LEN], const struct part_header *h);
void verdict_encode(uint8_t raw[VERDICT_LEN], uint64_t bytes);
bool verdict_decode(const uint8_t *raw, size_t len, uint64_t *bytes);

void parts_init(struct parts *parts);
int parts_feed(struct parts *parts, int64_t sid, const void *buf, size_t len, bool fin,
	       part_sink_t sink, void *ctx);
bool parts_complete(const struct parts *parts);

#endif /* TOOLS_PARTS_H */

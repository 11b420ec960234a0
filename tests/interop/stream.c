// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The streams of a connection, by ID.  A stream is here from its first data,
 * or from its request, until both directions have ended.
 */
#include <stdlib.h>
#include <unistd.h>

#include "endpoint.h"

static struct stream **slot(struct streams *ss, int64_t id)
{
	struct stream **p = &ss->hash[(id >> 2 ^ id << 6) % STREAM_HASH];

	while (*p && (*p)->id != id)
		p = &(*p)->next;
	return p;
}

struct stream *stream_find(struct streams *ss, int64_t id)
{
	return *slot(ss, id);
}

struct stream *stream_add(struct streams *ss, int64_t id)
{
	struct stream **p = slot(ss, id);

	if (*p)
		return *p;
	*p = calloc(1, sizeof(**p));
	if (!*p)
		return NULL;
	(*p)->id = id;
	(*p)->sink = -1;
	ss->nr++;
	return *p;
}

void stream_del(struct streams *ss, struct stream *s)
{
	*slot(ss, s->id) = s->next;
	ss->nr--;
	file_unmap(&s->body);
	if (s->sink >= 0)
		close(s->sink);
	free(s);
}

void streams_free(struct streams *ss)
{
	unsigned int i;

	for (i = 0; i < STREAM_HASH; i++)
		while (ss->hash[i])
			stream_del(ss, ss->hash[i]);
}

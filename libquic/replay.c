// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Anti-replay of 0-RTT (RFC 8446 §8.2, RFC 9001 §9.2): each ClientHello that
 * offers early data is remembered for LQ_REPLAY_WINDOW seconds, and early
 * data of one that is known, or that there is no room to remember, is refused; the
 * handshake goes on without.  The TLS library's side sees to it that older ones are
 * refused, too, and all that are older than this process.
 *
 * One list a process, for all its threads and credentials: a bounded hash table
 * with a few places a bucket, so that it needs no cleaning.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "internal.h"

/* Room for 145 0-RTT handshakes a second in a window; its pages are there when used. */
#define BUCKETS		65536
#define PLACES		8

struct seen {
	time_t expires;		/* 0: free */
	unsigned char id[LQ_REPLAY_ID];
};

static struct {
	pthread_mutex_t lock;
	struct seen (*table)[PLACES];
} replay = { .lock = PTHREAD_MUTEX_INITIALIZER };

static int add_to(struct seen bucket[PLACES], time_t expires, const unsigned char *id)
{
	struct seen *place = NULL;
	time_t now = time(NULL);
	int i;

	for (i = 0; i < PLACES; i++) {
		if (bucket[i].expires < now)	/* all of that second */
			place = &bucket[i];
		else if (!memcmp(bucket[i].id, id, LQ_REPLAY_ID))
			return -EEXIST;
	}
	if (!place)
		return -ENOSPC;
	place->expires = expires;
	memcpy(place->id, id, LQ_REPLAY_ID);
	return 0;
}

static int add(const unsigned char *id, time_t expires)
{
	if (!replay.table)
		replay.table = calloc(BUCKETS, sizeof(*replay.table));
	if (!replay.table)
		return -ENOMEM;
	return add_to(replay.table[(id[0] << 8 | id[1]) % BUCKETS], expires, id);
}

int lq_replay_add(const void *id, time_t expires)
{
	int err;

	pthread_mutex_lock(&replay.lock);
	err = add(id, expires);
	pthread_mutex_unlock(&replay.lock);
	if (err)
		lq_log(QUIC_LOG_INFO, "0-RTT refused: %s", err == -EEXIST ? "a replay" :
		       "no room to remember it");
	return err;
}

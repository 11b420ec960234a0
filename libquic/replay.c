// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Anti-replay of 0-RTT (RFC 8446 §8.2, RFC 9001 §9.2): each ClientHello that
 * offers early data is remembered for GnuTLS's window of time, and early data of
 * one that is known, or that there is no room to remember, is refused; the
 * handshake goes on without.  GnuTLS sees to it that older ones are refused,
 * too, and all that are older than this process.
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

#define BUCKETS		8192
#define PLACES		8
#define ID_SIZE		16	/* of the hash that GnuTLS makes of a ClientHello */

struct seen {
	time_t expires;		/* 0: free */
	unsigned char id[ID_SIZE];
};

static struct {
	pthread_mutex_t lock;
	gnutls_anti_replay_t gnutls;
	struct seen (*table)[PLACES];
} replay = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The hash's last bytes: what comes before it is the same for all. */
static void make_id(const gnutls_datum_t *key, unsigned char id[ID_SIZE])
{
	size_t n = key->size < ID_SIZE ? key->size : ID_SIZE;

	memset(id, 0, ID_SIZE);
	memcpy(id, key->data + key->size - n, n);
}

static int add_to(struct seen bucket[PLACES], time_t expires, const unsigned char id[ID_SIZE])
{
	struct seen *place = NULL;
	time_t now = time(NULL);
	int i;

	for (i = 0; i < PLACES; i++) {
		if (bucket[i].expires <= now)
			place = &bucket[i];
		else if (!memcmp(bucket[i].id, id, ID_SIZE))
			return GNUTLS_E_DB_ENTRY_EXISTS;
	}
	if (!place)
		return GNUTLS_E_DB_ERROR;
	place->expires = expires;
	memcpy(place->id, id, ID_SIZE);
	return 0;
}

/* A gnutls_db_add_func */
static int add(void *arg, time_t expires, const gnutls_datum_t *key, const gnutls_datum_t *data)
{
	unsigned char id[ID_SIZE];
	unsigned int bucket;
	int ret;

	(void)arg;
	(void)data;
	make_id(key, id);
	bucket = (unsigned int)(id[0] << 8 | id[1]) % BUCKETS;
	pthread_mutex_lock(&replay.lock);
	ret = add_to(replay.table[bucket], expires, id);
	pthread_mutex_unlock(&replay.lock);
	if (ret)
		lq_log(QUIC_LOG_INFO, "0-RTT refused: %s", ret == GNUTLS_E_DB_ENTRY_EXISTS ?
		       "a replay" : "too many in a short time");
	return ret;
}

static gnutls_anti_replay_t set_up(void)
{
	if (!replay.table)
		replay.table = calloc(BUCKETS, sizeof(*replay.table));
	if (replay.table && !replay.gnutls && gnutls_anti_replay_init(&replay.gnutls))
		replay.gnutls = NULL;
	if (replay.gnutls)
		gnutls_anti_replay_set_add_function(replay.gnutls, add);
	return replay.table ? replay.gnutls : NULL;
}

/* Without memory for it no early data is accepted: GnuTLS takes none of size 0. */
void lq_replay_protect(gnutls_session_t tls)
{
	gnutls_anti_replay_t gnutls;

	pthread_mutex_lock(&replay.lock);
	gnutls = set_up();
	pthread_mutex_unlock(&replay.lock);
	if (gnutls)
		gnutls_anti_replay_enable(tls, gnutls);
}

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

static int add_id(time_t expires, const unsigned char id[ID_SIZE])
{
	if (!replay.table)
		replay.table = calloc(BUCKETS, sizeof(*replay.table));
	if (!replay.table)
		return GNUTLS_E_MEMORY_ERROR;
	return add_to(replay.table[(id[0] << 8 | id[1]) % BUCKETS], expires, id);
}

/* A gnutls_db_add_func */
static int add(void *arg, time_t expires, const gnutls_datum_t *key, const gnutls_datum_t *data)
{
	unsigned char id[ID_SIZE];
	int ret;

	(void)arg;
	(void)data;
	make_id(key, id);
	pthread_mutex_lock(&replay.lock);
	ret = add_id(expires, id);
	pthread_mutex_unlock(&replay.lock);
	if (ret)
		lq_log(QUIC_LOG_INFO, "0-RTT refused: %s", ret == GNUTLS_E_DB_ENTRY_EXISTS ?
		       "a replay" : "no room to remember it");
	return ret;
}

/*
 * GnuTLS accepts no early data without.  A program that enables its own later
 * replaces this one.
 */
void lq_replay_protect(gnutls_session_t tls)
{
	pthread_mutex_lock(&replay.lock);
	if (!replay.gnutls && !gnutls_anti_replay_init(&replay.gnutls))
		gnutls_anti_replay_set_add_function(replay.gnutls, add);
	pthread_mutex_unlock(&replay.lock);
	if (replay.gnutls)
		gnutls_anti_replay_enable(tls, replay.gnutls);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The set of a connection's streams: which exist, which may be opened, when
 * one is over.
 *
 * A stream of some type is one of: not opened yet (index >= next); unborn
 * (opened because a higher one was, RFC 9000 §2.1, but without an object,
 * because nothing has happened to it); alive (in the hash table); closed
 * (none of these).  An object is made when a frame or the user mentions the
 * stream, so opening stream 65534 first costs one object and one range.  Too
 * many ranges (a peer can open every second stream) are thinned by making
 * the objects of the shortest one.
 * A stream is freed, in quic_streams_reap() alone, when both its parts are in
 * a terminal state and no socket of its own pins it; then the peer may open
 * one more (§4.6).
 * Called by the socket layer, conn_rx and conn_tx under the connection's
 * lock; the parts of streams are moved by stream_tx.c, stream_rx.c and
 * stream_ctl.c.
 */
#include "streams_int.h"

static struct quic_streams_dir *dir_of(struct quic_streams *ss, u64 id)
{
	return &ss->dir[quic_stream_id_uni(id)];
}

bool quic_streams_is_local(const struct quic_streams *ss, u64 id)
{
	return quic_stream_id_server(id) == ss->server;
}

bool quic_streams_is_admitted(const struct quic_streams *ss, const struct quic_stream *s)
{
	return !quic_streams_is_local(ss, s->id) ||
	       s->id >> 2 < ss->dir[quic_stream_id_uni(s->id)].local_max;
}

/* ---- the table ---- */

static struct hlist_head *bucket(const struct quic_streams *ss, u64 id)
{
	return &ss->table[jhash_2words(lower_32_bits(id), upper_32_bits(id), ss->hash_seed) &
			  (ss->buckets - 1)];
}

/* Without memory for a larger table, chains get longer: nothing else happens. */
static void grow_table(struct quic_streams *ss)
{
	struct hlist_head *old = ss->table, *table;
	u32 i, buckets = ss->buckets;
	struct quic_stream *s;
	struct hlist_node *n;

	if (ss->count <= buckets || buckets == QUIC_STREAMS_BUCKETS_MAX)
		return;
	table = kcalloc(buckets * 2, sizeof(*table), GFP_ATOMIC | __GFP_NOWARN);
	if (!table)
		return;
	ss->table = table;
	ss->buckets = buckets * 2;
	for (i = 0; i < buckets; i++) {
		hlist_for_each_entry_safe(s, n, &old[i], hash) {
			hlist_del(&s->hash);
			hlist_add_head(&s->hash, bucket(ss, s->id));
		}
	}
	kfree(old);
}

struct quic_stream *quic_streams_lookup(struct quic_streams *ss, u64 id)
{
	struct quic_stream *s = ss->recent;

	/* frames come in runs of one stream */
	if (s && s->id == id)
		return s;
	hlist_for_each_entry(s, bucket(ss, id), hash) {
		if (s->id != id)
			continue;
		ss->recent = s;
		return s;
	}
	return NULL;
}

/* ---- limits ---- */

/* RFC 9000 §18.2: "local" and "remote" are from the view of who sends the parameter */
u64 quic_streams_initial_snd_max(const struct quic_streams *ss, u64 id)
{
	if (quic_stream_id_uni(id))
		return ss->remote->max_stream_data_uni;
	return quic_streams_is_local(ss, id) ? ss->remote->max_stream_data_bidi_remote :
					       ss->remote->max_stream_data_bidi_local;
}

u64 quic_streams_initial_rcv_max(const struct quic_streams *ss, u64 id)
{
	if (quic_stream_id_uni(id))
		return ss->local->max_stream_data_uni;
	return quic_streams_is_local(ss, id) ? ss->local->max_stream_data_bidi_local :
					       ss->local->max_stream_data_bidi_remote;
}

static void set_rcv_limits(struct quic_streams *ss, struct quic_stream *s)
{
	if (!s->has_rcv)
		return;
	s->rcv_max = quic_streams_initial_rcv_max(ss, s->id);
	s->rcv_window = s->rcv_max;
}

void quic_streams_set_local(struct quic_streams *ss)
{
	struct quic_stream *s;
	struct hlist_node *n;
	u32 i;

	ss->rcv_max = ss->local->max_data;
	ss->rcv_window = ss->local->max_data;
	ss->rcv_window_max = max_t(u64, ss->rcv_window, QUIC_STREAMS_WINDOW_MAX);
	ss->dir[0].remote_window = ss->local->max_streams_bidi;
	ss->dir[1].remote_window = ss->local->max_streams_uni;
	for (i = 0; i < 2; i++)
		ss->dir[i].remote_max = ss->dir[i].remote_window;
	quic_streams_for_each(ss, i, s, n)
		set_rcv_limits(ss, s);
}

void quic_streams_set_remote(struct quic_streams *ss)
{
	struct quic_stream *s;
	struct hlist_node *n;
	u32 i;

	ss->snd_max = max(ss->snd_max, ss->remote->max_data);
	ss->dir[0].local_max = max(ss->dir[0].local_max, ss->remote->max_streams_bidi);
	ss->dir[1].local_max = max(ss->dir[1].local_max, ss->remote->max_streams_uni);
	quic_streams_for_each(ss, i, s, n) {
		if (!s->has_snd)
			continue;
		s->snd_max = max(s->snd_max, quic_streams_initial_snd_max(ss, s->id));
		quic_stream_queue(ss, s);
	}
	for (i = 0; i < 2; i++) {
		ss->dir[i].blocked = false;
		ss->dir[i].blocked_pending = false;
	}
	quic_streams_wake(ss, NULL, false);
}

int quic_streams_init(struct quic_streams *ss, bool server,
		      const struct quic_streams_ops *ops,
		      const struct quic_chunk_ops *chunk_ops, void *priv,
		      struct quic_tparam *local, struct quic_tparam *remote)
{
	int i;

	memset(ss, 0, sizeof(*ss));
	ss->table = kcalloc(QUIC_STREAMS_BUCKETS_MIN, sizeof(*ss->table), GFP_ATOMIC);
	if (!ss->table)
		return -ENOMEM;
	ss->buckets = QUIC_STREAMS_BUCKETS_MIN;
	ss->hash_seed = get_random_u32();
	ss->server = server;
	ss->tuning = true;
	ss->ops = ops;
	ss->chunk_ops = chunk_ops;
	ss->priv = priv;
	ss->local = local;
	ss->remote = remote;
	ss->active = -1;
	ss->blocked_at = QUIC_STREAM_NO_LIMIT;
	INIT_LIST_HEAD(&ss->ready);
	INIT_LIST_HEAD(&ss->stalled);
	INIT_LIST_HEAD(&ss->ctl);
	INIT_LIST_HEAD(&ss->readable);
	for (i = 0; i < 2; i++) {
		quic_ranges_init(&ss->dir[i].local_unborn, QUIC_STREAMS_UNBORN_MAX);
		quic_ranges_init(&ss->dir[i].remote_unborn, QUIC_STREAMS_UNBORN_MAX);
	}
	quic_streams_set_local(ss);
	return 0;
}

void quic_streams_trim(struct quic_streams *ss)
{
	if (!ss->tx_chunk || !quic_chunk_rewind(ss->tx_chunk))
		return;
	quic_chunk_put(ss->tx_chunk);
	ss->tx_chunk = NULL;
}

void quic_streams_free(struct quic_streams *ss)
{
	struct quic_stream *s;
	struct hlist_node *n;
	u32 i;

	quic_streams_for_each(ss, i, s, n)
		quic_stream_free(s);
	kfree(ss->table);
	ss->table = NULL;
	ss->buckets = 0;
	for (i = 0; i < 2; i++) {
		quic_ranges_free(&ss->dir[i].local_unborn);
		quic_ranges_free(&ss->dir[i].remote_unborn);
	}
	if (ss->tx_chunk)
		quic_chunk_put(ss->tx_chunk);
	ss->tx_chunk = NULL;
}

/* ---- birth and death ---- */

static struct quic_stream *give_birth(struct quic_streams *ss, u64 id)
{
	bool local = quic_streams_is_local(ss, id);
	bool uni = quic_stream_id_uni(id);
	struct quic_stream *s;

	s = quic_stream_new(id, !uni || local, !uni || !local, GFP_ATOMIC);
	if (!s)
		return NULL;
	if (s->has_snd)
		s->snd_max = quic_streams_initial_snd_max(ss, id);
	set_rcv_limits(ss, s);
	hlist_add_head(&s->hash, bucket(ss, id));
	ss->count++;
	grow_table(ss);
	return s;
}

static void bury(struct quic_streams *ss, struct quic_stream *s)
{
	hlist_del(&s->hash);
	list_del(&s->ready);
	list_del(&s->ctl);
	list_del(&s->readable);
	if (ss->recent == s)
		ss->recent = NULL;
	ss->count--;
	quic_stream_free(s);
}

/* What the peer may be told beyond what it was. */
static u64 limit_gain(const struct quic_streams_dir *d)
{
	u64 limit = min_t(u64, d->remote_closed + d->remote_window, QUIC_STREAMS_MAX);

	return limit > d->remote_max ? limit - d->remote_max : 0;
}

void quic_streams_raise_limit(struct quic_streams *ss, bool uni)
{
	struct quic_streams_dir *d = &ss->dir[uni];
	u64 gain = limit_gain(d);

	d->remote_max += gain;
	d->max_pending |= gain > 0;
}

/*
 * RFC 9000 §4.6: keep the number of streams that the peer may have open.  It is told not
 * of each that has closed, but when it has used up half of what it may still open: a peer
 * that is near its limit learns of every one, and with a limit of 1 there is no other.
 */
static void offer_streams(struct quic_streams *ss, bool uni)
{
	struct quic_streams_dir *d = &ss->dir[uni];

	if (limit_gain(d) >= d->remote_max - d->remote_next)
		quic_streams_raise_limit(ss, uni);
}

void quic_streams_reap(struct quic_streams *ss, struct quic_stream *s)
{
	if (s->owner || !quic_stream_is_closed(s))
		return;
	if (!quic_streams_is_local(ss, s->id)) {
		dir_of(ss, s->id)->remote_closed++;
		offer_streams(ss, quic_stream_id_uni(s->id));
	}
	bury(ss, s);
}

void quic_stream_pin(struct quic_streams *ss, struct quic_stream *s, void *owner)
{
	s->owner = owner;
	if (ss->active == s->id)
		ss->active = -1;
	quic_stream_requeue_input(ss, s);
}

void quic_stream_release(struct quic_streams *ss, struct quic_stream *s)
{
	s->owner = NULL;
	if (s->rcv_state == QUIC_STREAM_RECV_STATE_RESET_RECVD)
		quic_stream_rcv_move(s, QUIC_RCV_RESET_READ);
	quic_stream_requeue_input(ss, s);
	quic_streams_reap(ss, s);
}

/* ---- unborn streams ---- */

static struct quic_ranges *unborn_of(struct quic_streams *ss, u64 id)
{
	struct quic_streams_dir *d = dir_of(ss, id);

	return quic_streams_is_local(ss, id) ? &d->local_unborn : &d->remote_unborn;
}

/* Make the objects of the shortest run of unborn streams of @id's type. */
static int thin_unborn(struct quic_streams *ss, u64 id)
{
	struct quic_ranges *u = unborn_of(ss, id);
	struct quic_range run = u->r[0];
	u32 i;

	for (i = 1; i < u->n; i++)
		if (u->r[i].hi - u->r[i].lo < run.hi - run.lo)
			run = u->r[i];
	if (run.hi - run.lo > QUIC_STREAMS_BIRTHS_MAX)
		return -ENOBUFS;
	for (; run.lo < run.hi; run.lo++) {
		if (!give_birth(ss, run.lo << 2 | (id & QUIC_STREAM_TYPE_MASK)))
			return -ENOMEM;
		/* from the front of a run: splits nothing, so it cannot fail */
		quic_ranges_remove(u, run.lo, run.lo + 1, GFP_ATOMIC);
	}
	return 0;
}

/* Streams [lo, hi) of @id's type become unborn (@add), or stop being so. */
static int change_unborn(struct quic_streams *ss, u64 id, u64 lo, u64 hi, bool add)
{
	struct quic_ranges *u = unborn_of(ss, id);
	int err;

	do {
		err = add ? quic_ranges_add(u, lo, hi, GFP_ATOMIC) :
			    quic_ranges_remove(u, lo, hi, GFP_ATOMIC);
		if (err != -ENOSPC)
			return err;
		err = thin_unborn(ss, id);
	} while (!err);
	return err;
}

/* An opened stream: in *s, or NULL if it is closed already. */
static int get_opened(struct quic_streams *ss, u64 id, struct quic_stream **s)
{
	u64 idx = id >> 2;
	int err;

	*s = quic_streams_lookup(ss, id);
	if (*s || !quic_ranges_contains(unborn_of(ss, id), idx))
		return 0;
	err = change_unborn(ss, id, idx, idx + 1, false);
	if (err)
		return err;
	/* thinning may have made it */
	*s = quic_streams_lookup(ss, id);
	if (!*s)
		*s = give_birth(ss, id);
	if (*s)
		return 0;
	/* closes the hole that was just made: needs no room */
	quic_ranges_add(unborn_of(ss, id), idx, idx + 1, GFP_ATOMIC);
	return -ENOMEM;
}

/* RFC 9000 §3.2: streams of the type below @id, from *next on, are created with it. */
static int open_up_to(struct quic_streams *ss, u64 id, u64 *next, struct quic_stream **s)
{
	u64 idx = id >> 2;
	int err;

	*s = give_birth(ss, id);
	if (!*s)
		return -ENOMEM;
	err = change_unborn(ss, id, *next, idx, true);
	if (err) {
		bury(ss, *s);
		*s = NULL;
		return err;
	}
	*next = idx + 1;
	return 0;
}

/* ---- opening and finding ---- */

static int open_local(struct quic_streams *ss, u64 id, bool block, struct quic_stream **s)
{
	struct quic_streams_dir *d = dir_of(ss, id);
	int err;

	if (id >> 2 < d->local_next) {
		err = get_opened(ss, id, s);
		if (err)
			return err;
		return *s ? -EEXIST : -ENOSTR;
	}
	if (id >> 2 >= d->local_max) {
		/* RFC 9000 §19.14: tell the peer, once a limit */
		if (block && !d->blocked) {
			d->blocked = true;
			d->blocked_pending = true;
		}
		return -EAGAIN;
	}
	err = open_up_to(ss, id, &d->local_next, s);
	if (!err)
		ss->active = id;
	return err;
}

int quic_streams_open(struct quic_streams *ss, s64 id, bool uni, bool block,
		      struct quic_stream **s)
{
	*s = NULL;
	if (id == -1)
		id = ss->dir[uni].local_next << 2 | (uni ? QUIC_STREAM_TYPE_UNI_MASK : 0) |
		     (ss->server ? QUIC_STREAM_TYPE_SERVER_MASK : 0);
	if (id < 0 || id > QUIC_VARINT_MAX || !quic_streams_is_local(ss, id))
		return -EINVAL;
	return open_local(ss, id, block, s);
}

/* Does nobody know of it but who opened it? */
static bool is_untouched(const struct quic_stream *s)
{
	return !s->owner && s->snd_state == QUIC_STREAM_SEND_STATE_READY && !s->snd.end &&
	       !s->fin && !s->max_pending && !s->stopped &&
	       s->blocked_at == QUIC_STREAM_NO_LIMIT && !s->rcv.high &&
	       s->rcv_state == QUIC_STREAM_RECV_STATE_RECV;
}

void quic_streams_unopen(struct quic_streams *ss, struct quic_stream *s, s64 active)
{
	struct quic_streams_dir *d = dir_of(ss, s->id);
	struct quic_ranges *u = &d->local_unborn;
	u64 idx = s->id >> 2;

	if (!is_untouched(s) || d->local_next != idx + 1)
		return;
	d->local_next = idx;
	/* the run below it: it opened them, for any other that did would be above them */
	if (u->n && u->r[u->n - 1].hi == idx) {
		d->local_next = u->r[u->n - 1].lo;
		/* the whole of a run: splits nothing, so it cannot fail */
		quic_ranges_remove(u, d->local_next, idx, GFP_ATOMIC);
	}
	if (ss->active == (s64)s->id)
		ss->active = active;
	bury(ss, s);
}

struct quic_stream *quic_streams_find(struct quic_streams *ss, u64 id, bool send, int *err)
{
	bool local = quic_streams_is_local(ss, id);
	struct quic_streams_dir *d = dir_of(ss, id);
	struct quic_stream *s;

	*err = -EINVAL;
	if (id > QUIC_VARINT_MAX || (quic_stream_id_uni(id) && local != send))
		return NULL;
	if (id >> 2 >= (local ? d->local_next : d->remote_next))
		return NULL;
	*err = get_opened(ss, id, &s);
	if (!*err && !s)
		*err = -ENOSTR;
	return *err ? NULL : s;
}

static int open_remote(struct quic_streams *ss, u64 id, struct quic_stream **s)
{
	struct quic_streams_dir *d = dir_of(ss, id);
	int err;

	/* RFC 9000 §4.6, §19.11: beyond the limit MUST be STREAM_LIMIT_ERROR */
	if (id >> 2 >= d->remote_max)
		return QUIC_TRANSPORT_ERROR_STREAM_LIMIT;
	err = open_up_to(ss, id, &d->remote_next, s);
	if (err)
		return err;
	offer_streams(ss, quic_stream_id_uni(id));
	if (!quic_stream_id_uni(id))
		ss->active = id;
	return 0;
}

int quic_streams_get(struct quic_streams *ss, u64 id, bool snd, struct quic_stream **s)
{
	bool local = quic_streams_is_local(ss, id);
	struct quic_streams_dir *d = dir_of(ss, id);

	*s = NULL;
	/* RFC 9000 §19.4, §19.5, §19.8, §19.10, §19.13: the part that is not there */
	if (quic_stream_id_uni(id) && local != snd)
		return QUIC_TRANSPORT_ERROR_STREAM_STATE;
	/* RFC 9000 §19.5, §19.8, §19.10: ours, but not yet created */
	if (local && id >> 2 >= d->local_next)
		return QUIC_TRANSPORT_ERROR_STREAM_STATE;
	if (!local && id >> 2 >= d->remote_next)
		return open_remote(ss, id, s);
	return get_opened(ss, id, s);
}

/* ---- telling the owner ---- */

void quic_streams_update(struct quic_streams *ss, const struct quic_stream *s,
			 u8 state, u64 code, u64 size)
{
	struct quic_stream_update u = {
		.id = s->id,
		.state = state,
		.errcode = code,
		.finalsz = size,
	};

	ss->ops->update(ss->priv, &u);
}

void quic_streams_wake(struct quic_streams *ss, struct quic_stream *s, bool read)
{
	if (s && s->owner)
		ss->ops->owner_wake(ss->priv, s, read);
	else if (read)
		ss->ops->readable(ss->priv);
	else
		ss->ops->writable(ss->priv);
}

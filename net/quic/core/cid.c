// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Connection IDs: issuing ours, using and retiring the peer's.  RFC 9000 §5.1,
 * §9.5, §10.3.1, §19.15, §19.16.
 *
 * Ours: sequence numbers only grow; a slot is free again when the peer's RETIRE
 * comes.  One slot is kept back, so that there is always room for the new ID
 * that must carry a raised Retire Prior To.
 *
 * The peer's: the active one is always live.  An ID that was received once is
 * never taken in again (the window 'seen'), or a late copy of its frame would
 * bring a retired one back.  Below the window all count as not seen: they are
 * retired (again), which a peer accepts.
 *
 * Callers: conn, under its lock.
 */
#include "cid.h"

#define LIMIT_DEFAULT	2	/* RFC 9000 §18.2 */
#define SEEN_WINDOW	64

/* ---- ours ---- */

void quic_cids_local_init(struct quic_cids_local *l, const struct quic_cid_ops *ops,
			  void *priv)
{
	memset(l, 0, sizeof(*l));
	l->limit = LIMIT_DEFAULT;
	l->ops = ops;
	l->priv = priv;
}

static struct quic_cid_entry *free_slot(struct quic_cid_entry *e)
{
	unsigned int i;

	for (i = 0; i < QUIC_CIDS_MAX; i++)
		if (!e[i].used)
			return &e[i];
	return NULL;
}

static struct quic_cid_entry *find_seq(const struct quic_cid_entry *e, u64 seq)
{
	unsigned int i;

	for (i = 0; i < QUIC_CIDS_MAX; i++)
		if (e[i].used && e[i].seq == seq)
			return (struct quic_cid_entry *)&e[i];
	return NULL;
}

/* The live one of lowest sequence number from @from on, or NULL. */
static struct quic_cid_entry *oldest(const struct quic_cid_entry *e, u64 from)
{
	const struct quic_cid_entry *best = NULL;
	unsigned int i;

	for (i = 0; i < QUIC_CIDS_MAX; i++)
		if (e[i].used && e[i].seq >= from && (!best || e[i].seq < best->seq))
			best = &e[i];
	return (struct quic_cid_entry *)best;
}

static unsigned int count_from(const struct quic_cid_entry *e, u64 from)
{
	unsigned int i, n = 0;

	for (i = 0; i < QUIC_CIDS_MAX; i++)
		n += e[i].used && e[i].seq >= from;
	return n;
}

unsigned int quic_cids_live(const struct quic_cid_entry *e)
{
	return count_from(e, 0);
}

u64 quic_cids_lowest(const struct quic_cid_entry *e)
{
	const struct quic_cid_entry *low = oldest(e, 0);

	return low ? low->seq : 0;
}

int quic_cids_local_add_known(struct quic_cids_local *l, const struct quic_cid *cid,
			      struct quic_cid_entry **e)
{
	struct quic_cid_entry *new = free_slot(l->e);
	int err;

	if (!new)
		return -ENOSPC;
	memset(new, 0, sizeof(*new));
	new->cid = *cid;
	err = l->ops->cid_new(l->priv, &new->cid, new->token);
	if (err)
		return err;
	new->used = true;
	new->has_token = true;
	/* RFC 9000 §5.1.1: the first is number 0, each next one more */
	new->seq = l->next_seq++;
	new->announced = !new->seq;
	new->acked = !new->seq;
	new->active = !new->seq;
	l->settled = false;
	*e = new;
	return 0;
}

int quic_cids_local_add(struct quic_cids_local *l, struct quic_cid_entry **e)
{
	static const struct quic_cid fresh;

	return quic_cids_local_add_known(l, &fresh, e);
}

int quic_cids_local_fill(struct quic_cids_local *l)
{
	/* RFC 9000 §5.1.1: MUST NOT provide more than the peer's limit */
	unsigned int want = min_t(unsigned int, l->limit, QUIC_CIDS_ISSUED);
	struct quic_cid_entry *e;
	int err = 0;

	/* Those that the peer was told to retire do not count against it. */
	while (!err && count_from(l->e, l->prior_to) < want)
		err = quic_cids_local_add(l, &e);
	return err == -ENOSPC ? 0 : err;
}

struct quic_cid_entry *quic_cids_local_pending(struct quic_cids_local *l)
{
	unsigned int i;

	if (l->settled)
		return NULL;
	for (i = 0; i < QUIC_CIDS_MAX; i++)
		if (l->e[i].used && (!l->e[i].announced || l->e[i].lost))
			return &l->e[i];
	l->settled = true;
	return NULL;
}

void quic_cids_local_acked(struct quic_cids_local *l, u64 seq)
{
	struct quic_cid_entry *e = find_seq(l->e, seq);

	if (!e)
		return;
	e->acked = true;
	e->lost = false;
}

void quic_cids_local_lost(struct quic_cids_local *l, u64 seq)
{
	struct quic_cid_entry *e = find_seq(l->e, seq);

	if (!e || e->acked)
		return;
	e->lost = true;
	l->settled = false;
}

bool quic_cids_local_has_fresh(const struct quic_cids_local *l)
{
	unsigned int i;

	for (i = 0; i < QUIC_CIDS_MAX; i++)
		if (l->e[i].used && l->e[i].acked && !l->e[i].active &&
		    i != l->recent)
			return true;
	return false;
}

static void forget_local(struct quic_cids_local *l, struct quic_cid_entry *e)
{
	l->ops->cid_gone(l->priv, &e->cid);
	memzero_explicit(e, sizeof(*e));
}

int quic_cids_local_retire(struct quic_cids_local *l, u64 seq, const struct quic_cid *dcid)
{
	struct quic_cid_entry *e = find_seq(l->e, seq);

	/* RFC 9000 §19.16: MUST be one that was sent to the peer */
	if (seq >= l->next_seq || (e && !e->announced))
		return QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION;
	if (!e)
		return 0;
	/* RFC 9000 §19.16: MUST NOT refer to the destination of its own packet */
	if (quic_cid_equal(&e->cid, dcid))
		return QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION;
	forget_local(l, e);
	return 0;
}

int quic_cids_local_set_prior(struct quic_cids_local *l, u64 prior_to)
{
	if (prior_to == l->prior_to)
		return 0;
	if (prior_to < l->prior_to || prior_to >= l->next_seq)
		return -EINVAL;
	/* RFC 9000 §5.1.2: SHOULD NOT, before the last ones are retired */
	if (count_from(l->e, 0) != count_from(l->e, l->prior_to))
		return -EBUSY;
	l->prior_to = prior_to;
	return quic_cids_local_fill(l);
}

const struct quic_cid *quic_cids_local_active(const struct quic_cids_local *l)
{
	const struct quic_cid_entry *e = oldest(l->e, l->prior_to);

	return e ? &e->cid : NULL;
}

void quic_cids_local_free(struct quic_cids_local *l)
{
	unsigned int i;

	for (i = 0; i < QUIC_CIDS_MAX; i++)
		if (l->e[i].used)
			forget_local(l, &l->e[i]);
}

/* ---- the peer's ---- */

void quic_cids_remote_init(struct quic_cids_remote *r, const struct quic_cid *cid, u8 limit)
{
	memset(r, 0, sizeof(*r));
	r->e[0].used = true;
	r->e[0].active = true;
	r->e[0].cid = *cid;
	r->seen = 1;
	quic_cids_remote_set_limit(r, limit);
}

void quic_cids_remote_set_limit(struct quic_cids_remote *r, u64 limit)
{
	r->limit = clamp_t(u64, limit, LIMIT_DEFAULT, QUIC_CIDS_MAX);
}

void quic_cids_remote_set_first(struct quic_cids_remote *r, const struct quic_cid *cid)
{
	struct quic_cid_entry *e = find_seq(r->e, 0);

	if (e)
		e->cid = *cid;
}

void quic_cids_remote_set_token(struct quic_cids_remote *r, u64 seq,
				const u8 token[QUIC_RESET_TOKEN_LEN])
{
	struct quic_cid_entry *e = find_seq(r->e, seq);

	if (!e)
		return;
	memcpy(e->token, token, QUIC_RESET_TOKEN_LEN);
	e->has_token = true;
}

const struct quic_cid_entry *quic_cids_remote_active(const struct quic_cids_remote *r)
{
	if (likely(r->e[0].used && r->e[0].seq == r->active))
		return &r->e[0];
	return find_seq(r->e, r->active);
}

/* The oldest that no packet has gone to, or NULL. */
static struct quic_cid_entry *unused(const struct quic_cids_remote *r)
{
	const struct quic_cid_entry *best = NULL, *e;

	for (e = r->e; e < r->e + QUIC_CIDS_MAX; e++)
		if (e->used && !e->active && (!best || e->seq < best->seq))
			best = e;
	return (struct quic_cid_entry *)best;
}

static void make_active(struct quic_cids_remote *r, struct quic_cid_entry *e)
{
	r->active = e->seq;
	e->active = true;
}

/* Note that @seq was received; false if it was before. */
static bool note_seen(struct quic_cids_remote *r, u64 seq)
{
	u64 bit;

	if (seq > r->seen_max) {
		u64 shift = seq - r->seen_max;

		r->seen = (shift < SEEN_WINDOW ? r->seen << shift : 0) | 1;
		r->seen_max = seq;
		return true;
	}
	if (r->seen_max - seq >= SEEN_WINDOW)
		return true;
	bit = 1ULL << (r->seen_max - seq);
	if (r->seen & bit)
		return false;
	r->seen |= bit;
	return true;
}

static bool retire_room(const struct quic_cids_remote *r, unsigned int n)
{
	return r->nretire + r->nretiring + n <= QUIC_CIDS_RETIRED_MAX;
}

static void owe_retire(struct quic_cids_remote *r, u64 seq)
{
	if (!WARN_ON_ONCE(r->nretire >= QUIC_CIDS_RETIRED_MAX))
		r->retire[r->nretire++] = seq;
}

/* RFC 9000 §5.1.2: MUST NOT be forgotten without a RETIRE. */
static void retire(struct quic_cids_remote *r, struct quic_cid_entry *e)
{
	owe_retire(r, e->seq);
	memzero_explicit(e, sizeof(*e));
}

static void retire_all_below(struct quic_cids_remote *r, u64 prior_to)
{
	unsigned int i;

	for (i = 0; i < QUIC_CIDS_MAX; i++)
		if (r->e[i].used && r->e[i].seq < prior_to)
			retire(r, &r->e[i]);
}

/* RFC 9000 §19.15, §10.3.2: one sequence number, one ID, one token. */
static bool contradicts(const struct quic_cids_remote *r, u64 seq, const struct quic_cid *cid,
			const u8 token[QUIC_RESET_TOKEN_LEN])
{
	const struct quic_cid_entry *e;
	bool same_cid, same_token;
	unsigned int i;

	for (i = 0; i < QUIC_CIDS_MAX; i++) {
		e = &r->e[i];
		if (!e->used)
			continue;
		same_cid = quic_cid_equal(&e->cid, cid);
		same_token = e->has_token && !crypto_memneq(e->token, token, QUIC_RESET_TOKEN_LEN);
		if (e->seq == seq ? !same_cid || !same_token : same_cid || same_token)
			return true;
	}
	return false;
}

static void add_entry(struct quic_cids_remote *r, u64 seq, const struct quic_cid *cid,
		      const u8 token[QUIC_RESET_TOKEN_LEN])
{
	struct quic_cid_entry *e = free_slot(r->e);

	if (WARN_ON_ONCE(!e))
		return;
	e->used = true;
	e->seq = seq;
	e->cid = *cid;
	e->has_token = true;
	memcpy(e->token, token, QUIC_RESET_TOKEN_LEN);
}

/*
 * RFC 9000 §5.1.2: retire what @prior_to says, then add the new one.  A raise
 * that would leave nothing (the frame is a late copy) waits for the next frame.
 */
static int apply(struct quic_cids_remote *r, u64 seq, u64 prior_to, bool new)
{
	bool stays = new || count_from(r->e, prior_to);
	unsigned int gone, late;

	prior_to = stays ? max(prior_to, r->prior_to) : r->prior_to;
	gone = count_from(r->e, 0) - count_from(r->e, prior_to);
	/* RFC 9000 §19.15: one that came too late is retired at once */
	late = new && seq < prior_to;
	if (!retire_room(r, gone + late))
		return QUIC_TRANSPORT_ERROR_CONNECTION_ID_LIMIT;
	/* RFC 9000 §5.1.1: more than our limit after both steps */
	if (new && !late && count_from(r->e, prior_to) >= r->limit)
		return QUIC_TRANSPORT_ERROR_CONNECTION_ID_LIMIT;
	r->prior_to = prior_to;
	retire_all_below(r, prior_to);
	if (late)
		owe_retire(r, seq);
	return 0;
}

int quic_cids_remote_add(struct quic_cids_remote *r, u64 seq, u64 prior_to,
			 const struct quic_cid *cid,
			 const u8 token[QUIC_RESET_TOKEN_LEN], bool *switched)
{
	bool new;
	int code;

	*switched = false;
	/* RFC 9000 §19.15 */
	if (!quic_cids_remote_active(r)->cid.len)
		return QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION;
	if (prior_to > seq || !cid->len)
		return QUIC_TRANSPORT_ERROR_FRAME_ENCODING;
	if (contradicts(r, seq, cid, token))
		return QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION;
	new = note_seen(r, seq);
	code = apply(r, seq, prior_to, new);
	if (code)
		return code;
	if (new && seq >= r->prior_to)
		add_entry(r, seq, cid, token);
	if (!find_seq(r->e, r->active)) {
		/* RFC 9000 §9.5: rather not one of another path */
		make_active(r, unused(r) ?: oldest(r->e, 0));
		*switched = true;
	}
	return 0;
}

bool quic_cids_remote_has_fresh(const struct quic_cids_remote *r)
{
	return !quic_cids_remote_active(r)->cid.len || unused(r);
}

int quic_cids_remote_fresh(struct quic_cids_remote *r, u64 *seq)
{
	struct quic_cid_entry *e = find_seq(r->e, r->active);

	if (e->cid.len)
		e = unused(r);
	if (!e)
		return -ENOENT;
	e->active = true;
	*seq = e->seq;
	return 0;
}

const struct quic_cid *quic_cids_remote_get(const struct quic_cids_remote *r, u64 seq)
{
	const struct quic_cid_entry *e = find_seq(r->e, seq);

	return e ? &e->cid : NULL;
}

void quic_cids_remote_retire(struct quic_cids_remote *r, u64 seq)
{
	struct quic_cid_entry *e = find_seq(r->e, seq);

	if (e && seq != r->active && retire_room(r, 1))
		retire(r, e);
}

int quic_cids_remote_use(struct quic_cids_remote *r, u64 seq)
{
	struct quic_cid_entry *e = find_seq(r->e, seq);

	if (!e)
		return -ENOENT;
	make_active(r, e);
	return 0;
}

int quic_cids_remote_retire_below(struct quic_cids_remote *r, u64 prior_to, u64 use)
{
	struct quic_cid_entry *e = use ? find_seq(r->e, use) : oldest(r->e, prior_to);

	if (!e || e->seq < prior_to ||
	    !retire_room(r, count_from(r->e, 0) - count_from(r->e, prior_to)))
		return -ENOENT;
	if (use || r->active < prior_to)
		make_active(r, e);
	retire_all_below(r, prior_to);
	return 0;
}

bool quic_cids_remote_next_retire(struct quic_cids_remote *r, u64 *seq)
{
	if (!r->nretire)
		return false;
	*seq = r->retire[--r->nretire];
	r->retire[QUIC_CIDS_RETIRED_MAX - ++r->nretiring] = *seq;
	return true;
}

/* Take @seq off those to be sent, or those sent; false: it is not there. */
static bool strike(struct quic_cids_remote *r, u64 seq, bool sent)
{
	u32 first = sent ? QUIC_CIDS_RETIRED_MAX - r->nretiring : 0;
	u32 end = sent ? QUIC_CIDS_RETIRED_MAX : r->nretire;
	u32 i;

	for (i = first; i < end; i++) {
		if (r->retire[i] != seq)
			continue;
		r->retire[i] = sent ? r->retire[first] : r->retire[end - 1];
		if (sent)
			r->nretiring--;
		else
			r->nretire--;
		return true;
	}
	return false;
}

/*
 * A probe repeats what is in flight (RFC 9002 §6.2.4), and a packet that was
 * declared lost may still be acknowledged: the same frame can be lost, and
 * acknowledged, more than once.
 */
void quic_cids_remote_retire_lost(struct quic_cids_remote *r, u64 seq)
{
	if (strike(r, seq, true))
		owe_retire(r, seq);
}

void quic_cids_remote_retire_acked(struct quic_cids_remote *r, u64 seq)
{
	if (!strike(r, seq, true))
		strike(r, seq, false);
}

bool quic_cids_remote_is_reset(const struct quic_cids_remote *r,
			       const u8 token[QUIC_RESET_TOKEN_LEN])
{
	bool found = false;
	unsigned int i;

	/* RFC 9000 §10.3.1: in constant time, and not those unused or retired */
	for (i = 0; i < QUIC_CIDS_MAX; i++)
		found |= r->e[i].used && r->e[i].has_token && r->e[i].active &&
			 !crypto_memneq(r->e[i].token, token, QUIC_RESET_TOKEN_LEN);
	return found;
}

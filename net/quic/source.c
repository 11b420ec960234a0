// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What one client address has under way at the servers of a namespace, and how
 * much of it we allow: connections, handshakes that are not finished, and new
 * handshakes a second (RFC 9000 §21.1.1.2: what handshakes cost a server is open
 * to abuse).  An IPv6 client is its /64, which is what a host usually gets.
 *
 * A sender may lie about its address, and so use up what belongs to another.
 * Therefore only the first half of each allowance goes to addresses that are not
 * validated; for the rest a Retry is asked for, which the liar cannot answer.
 *
 * An entry exists while something is under way, or its rate remembers something
 * (a second at most).  So their number is bounded by what is under way, which
 * for liars is bounded by retry_threshold.
 *
 * Callers: request (admission, in process context), and sockets that settle or go,
 * in any context.  All under quic_net.sources_lock; whatever the caller holds is
 * taken outside of it.
 */
#include <linux/siphash.h>
#include "netns.h"

#define REAP_AT_ONCE	8	/* idle entries that a new one frees */

struct quic_source {
	struct hlist_node node;		/* quic_net.sources */
	struct list_head idle;		/* quic_net.sources_idle: total is 0; or empty */
	u8 family;
	u8 ip[16];			/* IPv6: the first 8, the rest zero */
	u32 total;			/* requests and connections */
	u32 handshakes;			/* of them, not finished */
	u64 paid_until;			/* the rate: each new handshake moves it by 1/rate */
};

static hsiphash_key_t hash_key __read_mostly;

int quic_sources_init(struct quic_net *qn)
{
	net_get_random_once(&hash_key, sizeof(hash_key));
	spin_lock_init(&qn->sources_lock);
	INIT_LIST_HEAD(&qn->sources_idle);
	qn->sources = kvcalloc(QUIC_SOURCE_BUCKETS, sizeof(*qn->sources), GFP_KERNEL);
	return qn->sources ? 0 : -ENOMEM;
}

static void drop(struct quic_source *s)
{
	list_del(&s->idle);
	hlist_del(&s->node);
	kfree(s);
}

/* Nothing is under way any more: what is left are idle entries. */
void quic_sources_exit(struct quic_net *qn)
{
	struct quic_source *s, *next;

	list_for_each_entry_safe(s, next, &qn->sources_idle, idle)
		drop(s);
	kvfree(qn->sources);
}

static void reap(struct quic_net *qn, u64 now)
{
	struct quic_source *s, *next;
	int n = REAP_AT_ONCE;

	list_for_each_entry_safe(s, next, &qn->sources_idle, idle) {
		if (s->paid_until > now || !n--)
			break;
		drop(s);
	}
}

static struct quic_source *find(struct quic_net *qn, const struct quic_addr *addr)
{
	u8 ip[16] = {};
	struct hlist_head *bucket;
	struct quic_source *s;

	memcpy(ip, addr->ip, addr->family == 6 ? 8 : 4);
	bucket = &qn->sources[hsiphash(ip, sizeof(ip), &hash_key) % QUIC_SOURCE_BUCKETS];
	hlist_for_each_entry(s, bucket, node)
		if (s->family == addr->family && !memcmp(s->ip, ip, sizeof(ip)))
			return s;
	s = kzalloc(sizeof(*s), GFP_ATOMIC);
	if (!s)
		return NULL;
	s->family = addr->family;
	memcpy(s->ip, ip, sizeof(ip));
	hlist_add_head(&s->node, bucket);
	list_add_tail(&s->idle, &qn->sources_idle);
	return s;
}

/* @used of @limit (0: no limit).  The first half of it is for strangers, too. */
static enum quic_source_verdict within(u32 used, u32 limit, bool validated,
				       enum quic_source_verdict above)
{
	if (!limit)
		return QUIC_SOURCE_OK;
	if (used >= limit)
		return above;
	return !validated && used >= limit - limit / 2 ? QUIC_SOURCE_RETRY : QUIC_SOURCE_OK;
}

/* What is owed of the rate: with a whole second's, no new handshake. */
static u32 debt(const struct quic_source *s, u64 now)
{
	return s->paid_until <= now ? 0 : min_t(u64, s->paid_until - now, NSEC_PER_SEC);
}

static enum quic_source_verdict judge(const struct quic_source *s, const struct quic_limits *l,
				      bool validated, u64 now)
{
	enum quic_source_verdict v;

	v = within(s->total, READ_ONCE(l->max_source_connections), validated,
		   QUIC_SOURCE_CONNECTIONS);
	if (v == QUIC_SOURCE_OK)
		v = within(s->handshakes, READ_ONCE(l->max_source_handshakes), validated,
			   QUIC_SOURCE_HANDSHAKES);
	if (v == QUIC_SOURCE_OK && READ_ONCE(l->source_rate))
		v = within(debt(s, now), NSEC_PER_SEC, validated, QUIC_SOURCE_RATE);
	return v;
}

static void pay(struct quic_source *s, int rate, u64 now)
{
	if (rate)
		s->paid_until = max(s->paid_until, now) + NSEC_PER_SEC / rate;
}

enum quic_source_verdict quic_source_admit(struct quic_net *qn, const struct quic_addr *addr,
					   bool validated, struct quic_source **source)
{
	enum quic_source_verdict v = QUIC_SOURCE_NOMEM;
	u64 now = ktime_get_ns();
	struct quic_source *s;

	spin_lock_bh(&qn->sources_lock);
	reap(qn, now);
	s = find(qn, addr);
	if (s)
		v = judge(s, &qn->limits, validated, now);
	if (v == QUIC_SOURCE_OK) {
		pay(s, READ_ONCE(qn->limits.source_rate), now);
		list_del_init(&s->idle);
		s->total++;
		s->handshakes++;
		*source = s;
	}
	spin_unlock_bh(&qn->sources_lock);
	return v;
}

void quic_source_settled(struct quic_net *qn, struct quic_source *s)
{
	spin_lock_bh(&qn->sources_lock);
	s->handshakes--;
	spin_unlock_bh(&qn->sources_lock);
}

void quic_source_put(struct quic_net *qn, struct quic_source *s)
{
	spin_lock_bh(&qn->sources_lock);
	if (!--s->total)
		list_add_tail(&s->idle, &qn->sources_idle);
	reap(qn, ktime_get_ns());
	spin_unlock_bh(&qn->sources_lock);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of cid.c: issuing and retiring ours under the peer's limit; taking in,
 * changing and retiring the peer's; every fault of RFC 9000 §5.1, §19.15 and
 * §19.16; and a long random exchange of one side with the other.
 */
#include <kunit/test.h>
#include "cid.h"

#define VIOLATION	QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION
#define LIMIT		QUIC_TRANSPORT_ERROR_CONNECTION_ID_LIMIT
#define ENCODING	QUIC_TRANSPORT_ERROR_FRAME_ENCODING

/* The owner: IDs are numbered, so that a test can tell them. */
struct owner {
	u8 made, gone;
	int fail;
};

static int make_cid(void *priv, struct quic_cid *cid, u8 token[QUIC_RESET_TOKEN_LEN])
{
	struct owner *o = priv;

	if (o->fail)
		return o->fail;
	if (!cid->len) {
		cid->len = QUIC_CID_LOCAL_LEN;
		memset(cid->id, 0xc0, cid->len);
		cid->id[0] = o->made;
	}
	memset(token, 0x70, QUIC_RESET_TOKEN_LEN);
	token[0] = o->made++;
	return 0;
}

static void drop_cid(void *priv, const struct quic_cid *cid)
{
	((struct owner *)priv)->gone++;
}

static const struct quic_cid_ops owner_ops = { .cid_new = make_cid, .cid_gone = drop_cid };

static const struct quic_cid nobody = { 4, { 0xff, 0xff, 0xff, 0xff } };

static struct quic_cid cid_of(u8 n)
{
	struct quic_cid cid = { .len = QUIC_CID_LOCAL_LEN };

	memset(cid.id, 0xc0, cid.len);
	cid.id[0] = n;
	return cid;
}

/* ---- ours ---- */

struct local {
	struct quic_cids_local l;
	struct owner o;
};

static struct local *local_new(struct kunit *test, u8 limit)
{
	struct local *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	struct quic_cid_entry *e;

	KUNIT_ASSERT_NOT_NULL(test, t);
	quic_cids_local_init(&t->l, &owner_ops, &t->o);
	KUNIT_ASSERT_EQ(test, quic_cids_local_add(&t->l, &e), 0);
	KUNIT_EXPECT_EQ(test, e->seq, 0ULL);
	t->l.limit = limit;
	return t;
}

static unsigned int live(const struct quic_cid_entry *e)
{
	unsigned int i, n = 0;

	for (i = 0; i < QUIC_CIDS_MAX; i++)
		n += e[i].used;
	return n;
}

/* Announce all that is owed, as conn_tx does: how many. */
static unsigned int announce(struct quic_cids_local *l)
{
	struct quic_cid_entry *e;
	unsigned int n = 0;

	while ((e = quic_cids_local_pending(l)) && n < 100) {
		e->announced = true;
		e->lost = false;
		n++;
	}
	return n;
}

/* RFC 9000 §5.1.1: the first is number 0 and needs no frame; then one more each */
static void local_issue(struct kunit *test)
{
	struct local *t = local_new(test, 4);
	struct quic_cid_entry *e;

	KUNIT_EXPECT_NULL(test, quic_cids_local_pending(&t->l));
	KUNIT_EXPECT_EQ(test, quic_cids_local_active(&t->l)->id[0], 0);
	KUNIT_EXPECT_EQ(test, quic_cids_local_fill(&t->l), 0);
	KUNIT_EXPECT_EQ(test, live(t->l.e), 4U);
	KUNIT_EXPECT_EQ(test, t->l.next_seq, 4ULL);
	KUNIT_EXPECT_EQ(test, quic_cids_local_fill(&t->l), 0);
	KUNIT_EXPECT_EQ(test, live(t->l.e), 4U);
	e = quic_cids_local_pending(&t->l);
	KUNIT_ASSERT_NOT_NULL(test, e);
	KUNIT_EXPECT_GT(test, e->seq, 0ULL);
	KUNIT_EXPECT_EQ(test, e->cid.id[0], e->seq);
	KUNIT_EXPECT_EQ(test, e->token[0], e->seq);
	KUNIT_EXPECT_EQ(test, quic_cids_local_prior(&t->l, e), 0ULL);
	KUNIT_EXPECT_EQ(test, announce(&t->l), 3U);
	KUNIT_EXPECT_NULL(test, quic_cids_local_pending(&t->l));
	quic_cids_local_free(&t->l);
	KUNIT_EXPECT_EQ(test, t->o.gone, 4);
	KUNIT_EXPECT_EQ(test, live(t->l.e), 0U);
	quic_cids_local_free(&t->l);
	KUNIT_EXPECT_EQ(test, t->o.gone, 4);
	KUNIT_EXPECT_NULL(test, quic_cids_local_active(&t->l));
}

/* RFC 9000 §5.1.1: MUST NOT provide more than the peer's limit; ours has a bound too */
/* An ID that went out before: it is number 0, and those after it are fresh. */
static void local_known(struct kunit *test)
{
	struct quic_cid known = { .len = QUIC_CID_LOCAL_LEN, .id = { 0xaa, 0xbb } };
	struct owner o = {};
	struct quic_cids_local l;
	struct quic_cid_entry *e;
	struct quic_cid second;

	quic_cids_local_init(&l, &owner_ops, &o);
	KUNIT_ASSERT_EQ(test, quic_cids_local_add_known(&l, &known, &e), 0);
	KUNIT_EXPECT_EQ(test, e->seq, 0ULL);
	KUNIT_EXPECT_TRUE(test, quic_cid_equal(&e->cid, &known));
	KUNIT_ASSERT_EQ(test, quic_cids_local_add(&l, &e), 0);
	second = cid_of(1);
	KUNIT_EXPECT_TRUE(test, quic_cid_equal(&e->cid, &second));
	quic_cids_local_free(&l);
}

static void local_limits(struct kunit *test)
{
	struct local *t = local_new(test, 2);
	struct quic_cid_entry *e;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, quic_cids_local_fill(&t->l), 0);
	KUNIT_EXPECT_EQ(test, live(t->l.e), 2U);
	t->l.limit = 255;
	KUNIT_EXPECT_EQ(test, quic_cids_local_fill(&t->l), 0);
	/* slots stay for a raised Retire Prior To */
	KUNIT_EXPECT_EQ(test, live(t->l.e), QUIC_CIDS_ISSUED + 0U);
	for (i = live(t->l.e); i < QUIC_CIDS_MAX; i++)
		KUNIT_EXPECT_EQ(test, quic_cids_local_add(&t->l, &e), 0);
	KUNIT_EXPECT_EQ(test, quic_cids_local_add(&t->l, &e), -ENOSPC);
}

static void local_no_memory(struct kunit *test)
{
	struct local *t = local_new(test, 3);
	struct quic_cid_entry *e;

	t->o.fail = -ENOMEM;
	KUNIT_EXPECT_EQ(test, quic_cids_local_add(&t->l, &e), -ENOMEM);
	KUNIT_EXPECT_EQ(test, quic_cids_local_fill(&t->l), -ENOMEM);
	KUNIT_EXPECT_EQ(test, live(t->l.e), 1U);
	t->o.fail = 0;
	KUNIT_EXPECT_EQ(test, quic_cids_local_fill(&t->l), 0);
	KUNIT_EXPECT_EQ(test, t->l.next_seq, 3ULL);
}

static void local_loss(struct kunit *test)
{
	struct local *t = local_new(test, 3);

	quic_cids_local_fill(&t->l);
	announce(&t->l);
	quic_cids_local_lost(&t->l, 2);
	KUNIT_ASSERT_NOT_NULL(test, quic_cids_local_pending(&t->l));
	KUNIT_EXPECT_EQ(test, quic_cids_local_pending(&t->l)->seq, 2ULL);
	/* a late acknowledgment makes the repetition needless */
	quic_cids_local_acked(&t->l, 2);
	KUNIT_EXPECT_NULL(test, quic_cids_local_pending(&t->l));
	quic_cids_local_lost(&t->l, 2);
	KUNIT_EXPECT_NULL(test, quic_cids_local_pending(&t->l));
	/* of one that is gone, or never was, nothing comes */
	quic_cids_local_acked(&t->l, 77);
	quic_cids_local_lost(&t->l, 77);
	KUNIT_EXPECT_NULL(test, quic_cids_local_pending(&t->l));
}

/* RFC 9000 §19.16 */
static void local_retire(struct kunit *test)
{
	struct local *t = local_new(test, 3);
	struct quic_cid one;

	quic_cids_local_fill(&t->l);
	/* never issued; issued but not sent */
	KUNIT_EXPECT_EQ(test, quic_cids_local_retire(&t->l, 3, &nobody), VIOLATION);
	KUNIT_EXPECT_EQ(test, quic_cids_local_retire(&t->l, U64_MAX, &nobody), VIOLATION);
	KUNIT_EXPECT_EQ(test, quic_cids_local_retire(&t->l, 1, &nobody), VIOLATION);
	announce(&t->l);
	/* the one that the packet came on */
	one = cid_of(1);
	KUNIT_EXPECT_EQ(test, quic_cids_local_retire(&t->l, 1, &one), VIOLATION);
	KUNIT_EXPECT_EQ(test, t->o.gone, 0);
	KUNIT_EXPECT_EQ(test, quic_cids_local_retire(&t->l, 0, &one), 0);
	KUNIT_EXPECT_EQ(test, t->o.gone, 1);
	KUNIT_EXPECT_EQ(test, quic_cids_local_active(&t->l)->id[0], 1);
	/* a second copy of the frame */
	KUNIT_EXPECT_EQ(test, quic_cids_local_retire(&t->l, 0, &one), 0);
	KUNIT_EXPECT_EQ(test, t->o.gone, 1);
	/* §5.1.1: SHOULD supply a new one */
	KUNIT_EXPECT_EQ(test, quic_cids_local_fill(&t->l), 0);
	KUNIT_EXPECT_EQ(test, live(t->l.e), 3U);
	KUNIT_EXPECT_EQ(test, quic_cids_local_pending(&t->l)->seq, 3ULL);
}

/* RFC 9000 §5.1.2: asking the peer to retire, and not again before it did */
static void local_prior(struct kunit *test)
{
	struct local *t = local_new(test, 7);
	struct quic_cid_entry *e;
	u64 seq;

	quic_cids_local_fill(&t->l);
	announce(&t->l);
	KUNIT_EXPECT_EQ(test, quic_cids_local_set_prior(&t->l, 0), 0);
	KUNIT_EXPECT_EQ(test, quic_cids_local_set_prior(&t->l, 7), -EINVAL);
	KUNIT_EXPECT_EQ(test, quic_cids_local_set_prior(&t->l, 3), 0);
	/* there are new IDs to carry the request */
	e = quic_cids_local_pending(&t->l);
	KUNIT_ASSERT_NOT_NULL(test, e);
	KUNIT_EXPECT_EQ(test, e->seq, QUIC_CIDS_ISSUED + 0ULL);
	KUNIT_EXPECT_EQ(test, quic_cids_local_prior(&t->l, e), 3ULL);
	KUNIT_EXPECT_EQ(test, quic_cids_local_active(&t->l)->id[0], 3);
	KUNIT_EXPECT_EQ(test, announce(&t->l), 3U);
	KUNIT_EXPECT_EQ(test, quic_cids_local_set_prior(&t->l, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, quic_cids_local_set_prior(&t->l, 4), -EBUSY);
	/* a lost frame of one below goes out with what §19.15 allows */
	quic_cids_local_lost(&t->l, 1);
	e = quic_cids_local_pending(&t->l);
	KUNIT_ASSERT_NOT_NULL(test, e);
	KUNIT_EXPECT_EQ(test, quic_cids_local_prior(&t->l, e), 1ULL);
	for (seq = 0; seq < 3; seq++) {
		KUNIT_EXPECT_EQ(test, quic_cids_local_retire(&t->l, seq, &nobody), 0);
		KUNIT_EXPECT_EQ(test, quic_cids_local_fill(&t->l), 0);
	}
	KUNIT_EXPECT_EQ(test, live(t->l.e), QUIC_CIDS_ISSUED + 0U);
	KUNIT_EXPECT_EQ(test, quic_cids_local_set_prior(&t->l, 4), 0);
}

/* ---- the peer's ---- */

static struct quic_cids_remote *remote_new(struct kunit *test, u8 limit)
{
	struct quic_cids_remote *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct quic_cid cid = cid_of(0);

	KUNIT_ASSERT_NOT_NULL(test, r);
	quic_cids_remote_init(r, &cid, limit);
	return r;
}

/* A NEW_CONNECTION_ID for @seq as the test's peer would send it. */
static int give(struct quic_cids_remote *r, u64 seq, u64 prior_to)
{
	u8 token[QUIC_RESET_TOKEN_LEN] = { seq, 0x70 };
	struct quic_cid cid = cid_of(seq);
	bool switched;

	return quic_cids_remote_add(r, seq, prior_to, &cid, token, &switched);
}

static bool retires(struct quic_cids_remote *r, u64 seq)
{
	unsigned int i;

	for (i = 0; i < r->nretire; i++)
		if (r->retire[i] == seq)
			return true;
	return false;
}

/* As after a migration: a fresh one is in use, and the one so far given up. */
static int rotate(struct quic_cids_remote *r)
{
	u64 was = r->active, seq;

	if (quic_cids_remote_fresh(r, &seq) || seq == was)
		return -ENOENT;
	quic_cids_remote_use(r, seq);
	quic_cids_remote_retire(r, was);
	return 0;
}

static void remote_add(struct kunit *test)
{
	struct quic_cids_remote *r = remote_new(test, 3);

	KUNIT_EXPECT_EQ(test, quic_cids_remote_active(r)->seq, 0ULL);
	KUNIT_EXPECT_EQ(test, give(r, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, give(r, 2, 0), 0);
	KUNIT_EXPECT_EQ(test, live(r->e), 3U);
	/* §19.15: the same frame again is no error */
	KUNIT_EXPECT_EQ(test, give(r, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, live(r->e), 3U);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_active(r)->seq, 0ULL);
	/* §5.1.1: one too many */
	KUNIT_EXPECT_EQ(test, give(r, 3, 0), LIMIT);
}

/* §5.1.1: what counts is the number after both adding and retiring */
static void remote_limit(struct kunit *test)
{
	struct quic_cids_remote *r = remote_new(test, 2);

	KUNIT_EXPECT_EQ(test, give(r, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, give(r, 2, 1), 0);
	KUNIT_EXPECT_EQ(test, live(r->e), 2U);
	KUNIT_EXPECT_EQ(test, give(r, 4, 4), 0);
	KUNIT_EXPECT_EQ(test, live(r->e), 1U);
	/* our limit of 0 or 200 is none of ours */
	r = remote_new(test, 0);
	KUNIT_EXPECT_EQ(test, r->limit, 2);
	r = remote_new(test, 200);
	KUNIT_EXPECT_EQ(test, r->limit, QUIC_CIDS_MAX);
}

/* §19.15, §10.3.2 */
static void remote_contradictions(struct kunit *test)
{
	struct quic_cids_remote *r = remote_new(test, 8);
	struct quic_cid one = cid_of(1), two = cid_of(2);
	u8 t1[QUIC_RESET_TOKEN_LEN] = { 1, 0x70 }, t2[QUIC_RESET_TOKEN_LEN] = { 2, 0x70 };
	bool switched;

	KUNIT_EXPECT_EQ(test, give(r, 1, 0), 0);
#define ADD(seq, cid, token)	quic_cids_remote_add(r, seq, 0, cid, token, &switched)
	KUNIT_EXPECT_EQ(test, ADD(1, &two, t1), VIOLATION);
	KUNIT_EXPECT_EQ(test, ADD(1, &one, t2), VIOLATION);
	KUNIT_EXPECT_EQ(test, ADD(2, &one, t2), VIOLATION);
	KUNIT_EXPECT_EQ(test, ADD(2, &two, t1), VIOLATION);
	KUNIT_EXPECT_EQ(test, ADD(0, &two, t2), VIOLATION);
	KUNIT_EXPECT_EQ(test, ADD(2, &nobody, t1), VIOLATION);
	KUNIT_EXPECT_EQ(test, ADD(2, &two, t2), 0);
#undef ADD
	KUNIT_EXPECT_EQ(test, live(r->e), 3U);
	KUNIT_EXPECT_EQ(test, give(r, 3, 4), ENCODING);
}

/* §19.15: not while zero-length IDs are in use; nor an ID of no length */
static void remote_zero_length(struct kunit *test)
{
	struct quic_cids_remote *r = remote_new(test, 4);
	static const struct quic_cid none;
	u8 token[QUIC_RESET_TOKEN_LEN] = { 1 };
	bool switched;

	KUNIT_EXPECT_EQ(test, quic_cids_remote_add(r, 1, 0, &none, token, &switched), ENCODING);
	quic_cids_remote_init(r, &none, 4);
	KUNIT_EXPECT_EQ(test, give(r, 1, 0), VIOLATION);
	KUNIT_EXPECT_EQ(test, rotate(r), -ENOENT);
}

/* §5.1.2: MUST stop using what the peer wants retired */
static void remote_prior(struct kunit *test)
{
	struct quic_cids_remote *r = remote_new(test, 4);
	struct quic_cid cid = cid_of(3);
	u8 token[QUIC_RESET_TOKEN_LEN] = { 3, 0x70 };
	bool switched = false;

	KUNIT_EXPECT_EQ(test, give(r, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, give(r, 2, 0), 0);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_add(r, 3, 2, &cid, token, &switched), 0);
	KUNIT_EXPECT_TRUE(test, switched);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_active(r)->seq, 2ULL);
	KUNIT_EXPECT_EQ(test, r->nretire, 2);
	KUNIT_EXPECT_TRUE(test, retires(r, 0));
	KUNIT_EXPECT_TRUE(test, retires(r, 1));
	/* a smaller value has no effect */
	KUNIT_EXPECT_EQ(test, give(r, 4, 1), 0);
	KUNIT_EXPECT_EQ(test, r->prior_to, 2ULL);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_add(r, 3, 0, &cid, token, &switched), 0);
	KUNIT_EXPECT_FALSE(test, switched);
	/* a copy of a frame may bring a raise */
	KUNIT_EXPECT_EQ(test, give(r, 4, 3), 0);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_active(r)->seq, 3ULL);
	KUNIT_EXPECT_TRUE(test, retires(r, 2));
}

/* §19.15: one that comes below Retire Prior To is retired, once, and never used */
static void remote_late(struct kunit *test)
{
	struct quic_cids_remote *r = remote_new(test, 4);

	KUNIT_EXPECT_EQ(test, give(r, 5, 5), 0);
	KUNIT_EXPECT_EQ(test, r->nretire, 1);
	KUNIT_EXPECT_EQ(test, give(r, 3, 0), 0);
	KUNIT_EXPECT_EQ(test, r->nretire, 2);
	KUNIT_EXPECT_TRUE(test, retires(r, 3));
	KUNIT_EXPECT_EQ(test, give(r, 3, 0), 0);
	KUNIT_EXPECT_EQ(test, r->nretire, 2);
	KUNIT_EXPECT_EQ(test, live(r->e), 1U);
	/* nor does a copy bring back what we retired ourselves */
	KUNIT_EXPECT_EQ(test, give(r, 6, 5), 0);
	KUNIT_EXPECT_EQ(test, rotate(r), 0);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_active(r)->seq, 6ULL);
	KUNIT_EXPECT_EQ(test, give(r, 5, 5), 0);
	KUNIT_EXPECT_EQ(test, live(r->e), 1U);
	/* nor, with a raise, takes the last one */
	KUNIT_EXPECT_EQ(test, give(r, 7, 5), 0);
	quic_cids_remote_retire(r, 7);
	KUNIT_EXPECT_EQ(test, give(r, 7, 7), 0);
	KUNIT_EXPECT_EQ(test, live(r->e), 1U);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_active(r)->seq, 6ULL);
	KUNIT_EXPECT_EQ(test, give(r, 8, 7), 0);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_active(r)->seq, 8ULL);
}

/* Far apart sequence numbers: the window of seen ones slides. */
static void remote_window(struct kunit *test)
{
	struct quic_cids_remote *r = remote_new(test, 8);

	KUNIT_EXPECT_EQ(test, give(r, 63, 0), 0);
	KUNIT_EXPECT_EQ(test, give(r, 1, 0), 0);
	KUNIT_EXPECT_EQ(test, live(r->e), 3U);
	KUNIT_EXPECT_EQ(test, give(r, 64, 0), 0);
	KUNIT_EXPECT_EQ(test, give(r, 200, 0), 0);
	KUNIT_EXPECT_EQ(test, live(r->e), 5U);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_retire_below(r, 200, 0), 0);
	KUNIT_EXPECT_EQ(test, r->nretire, 4);
	KUNIT_EXPECT_EQ(test, give(r, 200, 0), 0);
	KUNIT_EXPECT_EQ(test, live(r->e), 1U);
	KUNIT_EXPECT_EQ(test, give(r, 199, 0), 0);
	KUNIT_EXPECT_EQ(test, give(r, 192, 0), 0);
	KUNIT_EXPECT_EQ(test, live(r->e), 3U);
	/* too old to be remembered: taken as new */
	KUNIT_EXPECT_EQ(test, give(r, 2, 0), 0);
	KUNIT_EXPECT_EQ(test, live(r->e), 4U);
	KUNIT_EXPECT_EQ(test, give(r, QUIC_VARINT_MAX, QUIC_VARINT_MAX), 0);
	KUNIT_EXPECT_EQ(test, live(r->e), 1U);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_active(r)->seq, (u64)QUIC_VARINT_MAX);
}

/* §5.1.2: RETIREs owed have a bound, in the queue and in flight */
static void remote_retire_bound(struct kunit *test)
{
	struct quic_cids_remote *r = remote_new(test, 2);
	u64 seq, out;

	for (seq = 1; seq <= QUIC_CIDS_RETIRED_MAX; seq++) {
		KUNIT_EXPECT_EQ(test, give(r, seq, seq), 0);
		if (seq & 1)
			KUNIT_EXPECT_TRUE(test, quic_cids_remote_next_retire(r, &out));
	}
	KUNIT_EXPECT_EQ(test, r->nretire + r->nretiring, QUIC_CIDS_RETIRED_MAX);
	/* no room: our own wishes fail, the peer's is its fault */
	KUNIT_EXPECT_EQ(test, give(r, seq, seq - 1), 0);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_retire_below(r, seq, seq), -ENOENT);
	KUNIT_EXPECT_EQ(test, r->active, seq - 1);	/* all or nothing */
	KUNIT_EXPECT_EQ(test, rotate(r), 0);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_retire_below(r, seq, 0), -ENOENT);
	KUNIT_EXPECT_EQ(test, live(r->e), 2U);
	r->seen = 1;
	KUNIT_EXPECT_EQ(test, give(r, 1, 0), LIMIT);
	quic_cids_remote_retire_acked(r, out);
	quic_cids_remote_retire(r, seq - 1);
	KUNIT_EXPECT_EQ(test, live(r->e), 1U);
	KUNIT_EXPECT_EQ(test, give(r, seq + 1, seq + 1), LIMIT);
}

static void remote_retire_queue(struct kunit *test)
{
	struct quic_cids_remote *r = remote_new(test, 4);
	u64 a, b, c;

	KUNIT_EXPECT_FALSE(test, quic_cids_remote_next_retire(r, &a));
	KUNIT_EXPECT_EQ(test, give(r, 2, 2), 0);
	KUNIT_EXPECT_EQ(test, give(r, 1, 0), 0);
	KUNIT_EXPECT_TRUE(test, quic_cids_remote_next_retire(r, &a));
	KUNIT_EXPECT_TRUE(test, quic_cids_remote_next_retire(r, &b));
	KUNIT_EXPECT_FALSE(test, quic_cids_remote_next_retire(r, &c));
	KUNIT_EXPECT_EQ(test, a + b, 1ULL);
	quic_cids_remote_retire_lost(r, b);
	KUNIT_EXPECT_TRUE(test, quic_cids_remote_next_retire(r, &c));
	KUNIT_EXPECT_EQ(test, c, b);
	quic_cids_remote_retire_acked(r, a);
	quic_cids_remote_retire_acked(r, c);
	KUNIT_EXPECT_EQ(test, r->nretiring, 0);
	KUNIT_EXPECT_FALSE(test, quic_cids_remote_next_retire(r, &c));
}

/* §9.5: an ID for each path that no packet has gone to, and never the same one twice */
static void remote_fresh(struct kunit *test)
{
	struct quic_cids_remote *r = remote_new(test, 4);
	u64 a, b;

	KUNIT_EXPECT_FALSE(test, quic_cids_remote_has_fresh(r));
	give(r, 2, 0);
	give(r, 1, 0);
	KUNIT_EXPECT_TRUE(test, quic_cids_remote_has_fresh(r));
	KUNIT_EXPECT_EQ(test, quic_cids_remote_fresh(r, &a), 0);
	KUNIT_EXPECT_EQ(test, a, 1ULL);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_fresh(r, &b), 0);
	KUNIT_EXPECT_EQ(test, b, 2ULL);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_fresh(r, &b), -ENOENT);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_active(r)->seq, 0ULL);
	/* the one in use is not given up */
	quic_cids_remote_retire(r, 0);
	KUNIT_EXPECT_EQ(test, r->nretire, 0);
	quic_cids_remote_retire(r, 1);
	KUNIT_EXPECT_NULL(test, quic_cids_remote_get(r, 1));
	KUNIT_EXPECT_TRUE(test, retires(r, 1));
	quic_cids_remote_retire(r, 1);
	KUNIT_EXPECT_EQ(test, r->nretire, 1);
	/* §5.1.2: the peer retires the one in use: that of another path is the last choice */
	give(r, 3, 0);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_use(r, 2), 0);
	KUNIT_EXPECT_EQ(test, give(r, 4, 3), 0);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_active(r)->seq, 3ULL);
}

/* an unused one takes over, and the one so far goes */
static void remote_rotate(struct kunit *test)
{
	struct quic_cids_remote *r = remote_new(test, 4);

	KUNIT_EXPECT_EQ(test, rotate(r), -ENOENT);
	KUNIT_EXPECT_EQ(test, r->nretire, 0);
	give(r, 1, 0);
	give(r, 2, 0);
	KUNIT_EXPECT_EQ(test, rotate(r), 0);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_active(r)->seq, 1ULL);
	KUNIT_EXPECT_TRUE(test, retires(r, 0));
	KUNIT_EXPECT_EQ(test, quic_cids_remote_use(r, 0), -ENOENT);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_use(r, 2), 0);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_active(r)->seq, 2ULL);
	/* use() keeps the other, which was used and is not fresh */
	KUNIT_EXPECT_EQ(test, live(r->e), 2U);
	KUNIT_EXPECT_EQ(test, rotate(r), -ENOENT);
}

static void remote_retire_below(struct kunit *test)
{
	struct quic_cids_remote *r = remote_new(test, 4);

	give(r, 1, 0);
	give(r, 2, 0);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_retire_below(r, 3, 0), -ENOENT);
	KUNIT_EXPECT_EQ(test, live(r->e), 3U);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_retire_below(r, 0, 0), 0);
	KUNIT_EXPECT_EQ(test, live(r->e), 3U);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_retire_below(r, 2, 0), 0);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_active(r)->seq, 2ULL);
	KUNIT_EXPECT_EQ(test, live(r->e), 1U);
	KUNIT_EXPECT_EQ(test, r->nretire, 2);
	/* with one to use: one that is there, and stays */
	give(r, 3, 0);
	give(r, 4, 0);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_retire_below(r, 4, 3), -ENOENT);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_retire_below(r, 3, 5), -ENOENT);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_active(r)->seq, 2ULL);
	KUNIT_EXPECT_EQ(test, live(r->e), 3U);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_retire_below(r, 3, 4), 0);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_active(r)->seq, 4ULL);
	KUNIT_EXPECT_EQ(test, live(r->e), 2U);
	/* the other is not the worse for it: no packet has gone to it */
	KUNIT_EXPECT_EQ(test, rotate(r), 0);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_active(r)->seq, 3ULL);
}

/* RFC 9000 §10.3.1 */
static void remote_reset(struct kunit *test)
{
	struct quic_cids_remote *r = remote_new(test, 4);
	u8 t0[QUIC_RESET_TOKEN_LEN] = { 0, 0x70 }, t1[QUIC_RESET_TOKEN_LEN] = { 1, 0x70 };
	static const u8 zeros[QUIC_RESET_TOKEN_LEN];

	/* none was given for the first: zeros are not one */
	KUNIT_EXPECT_FALSE(test, quic_cids_remote_is_reset(r, zeros));
	quic_cids_remote_set_token(r, 0, t0);
	KUNIT_EXPECT_TRUE(test, quic_cids_remote_is_reset(r, t0));
	t0[15] ^= 1;
	KUNIT_EXPECT_FALSE(test, quic_cids_remote_is_reset(r, t0));
	t0[15] ^= 1;
	give(r, 1, 0);
	/* MUST NOT check those not used yet, nor those retired */
	KUNIT_EXPECT_FALSE(test, quic_cids_remote_is_reset(r, t1));
	KUNIT_EXPECT_EQ(test, quic_cids_remote_use(r, 1), 0);
	KUNIT_EXPECT_TRUE(test, quic_cids_remote_is_reset(r, t1));
	KUNIT_EXPECT_TRUE(test, quic_cids_remote_is_reset(r, t0));
	KUNIT_EXPECT_EQ(test, quic_cids_remote_retire_below(r, 1, 0), 0);
	KUNIT_EXPECT_FALSE(test, quic_cids_remote_is_reset(r, t0));
	KUNIT_EXPECT_TRUE(test, quic_cids_remote_is_reset(r, t1));
	quic_cids_remote_set_token(r, 0, t0);
	KUNIT_EXPECT_FALSE(test, quic_cids_remote_is_reset(r, t0));
}

static void remote_first(struct kunit *test)
{
	struct quic_cids_remote *r = remote_new(test, 4);
	struct quic_cid cid = { 8, { 9, 9, 9 } };

	quic_cids_remote_set_first(r, &cid);
	KUNIT_EXPECT_TRUE(test, quic_cid_equal(&quic_cids_remote_active(r)->cid, &cid));
	KUNIT_EXPECT_EQ(test, quic_cids_remote_active(r)->seq, 0ULL);
	/* with number 0 gone it changes nothing */
	give(r, 1, 1);
	quic_cids_remote_set_first(r, &cid);
	KUNIT_EXPECT_EQ(test, quic_cids_remote_active(r)->cid.id[0], 1);
}

/* ---- both ---- */

/* One frame of ours to the peer, maybe lost, maybe twice. */
static int deliver(struct quic_cids_local *l, struct quic_cids_remote *r)
{
	struct quic_cid_entry *e = quic_cids_local_pending(l);
	bool switched;
	int code = 0;
	u32 dice;

	if (!e)
		return 0;
	get_random_bytes(&dice, sizeof(dice));
	e->announced = true;
	e->lost = !(dice & 3);
	if (!e->lost)
		code = quic_cids_remote_add(r, e->seq, quic_cids_local_prior(l, e), &e->cid,
					    e->token, &switched);
	if (!code && !(dice & 0x30))
		code = quic_cids_remote_add(r, e->seq, quic_cids_local_prior(l, e), &e->cid,
					    e->token, &switched);
	return code;
}

static int answer(struct quic_cids_local *l, struct quic_cids_remote *r)
{
	u64 seq;
	u32 dice;
	int code;

	if (!quic_cids_remote_next_retire(r, &seq))
		return 0;
	get_random_bytes(&dice, sizeof(dice));
	if (!(dice & 3)) {
		quic_cids_remote_retire_lost(r, seq);
		return 0;
	}
	quic_cids_remote_retire_acked(r, seq);
	code = quic_cids_local_retire(l, seq, &nobody);
	return code ? code : quic_cids_local_fill(l);
}

/* Whatever is lost or repeated, the two sides agree and never fault each other. */
static void random_exchange(struct kunit *test)
{
	struct local *t = local_new(test, 5);
	struct quic_cids_remote *r = remote_new(test, 5);
	unsigned int i, j, known;
	u32 dice;

	quic_cids_local_fill(&t->l);
	for (i = 0; i < 20000; i++) {
		get_random_bytes(&dice, sizeof(dice));
		KUNIT_ASSERT_EQ(test, deliver(&t->l, r), 0);
		KUNIT_ASSERT_EQ(test, answer(&t->l, r), 0);
		if (!(dice & 0x0f00))
			rotate(r);
		if (!(dice & 0xf000))
			quic_cids_local_set_prior(&t->l, t->l.next_seq - 1 - (dice & 1));
		KUNIT_ASSERT_NOT_NULL(test, quic_cids_remote_active(r));
		/* what the peer may send to, we know */
		for (j = known = 0; j < QUIC_CIDS_MAX; j++)
			known += t->l.e[j].used && quic_cid_equal(&t->l.e[j].cid,
						&quic_cids_remote_active(r)->cid);
		KUNIT_ASSERT_EQ(test, known, 1U);
		KUNIT_ASSERT_LE(test, live(r->e), 5U);
		/* numbers would wrap in the owner's one-byte names */
		if (t->o.made > 250)
			break;
	}
	KUNIT_EXPECT_GT(test, t->o.made, 100);
	quic_cids_local_free(&t->l);
	KUNIT_EXPECT_EQ(test, t->o.gone, t->o.made);
}

static struct kunit_case cid_cases[] = {
	KUNIT_CASE(local_issue),
	KUNIT_CASE(local_known),
	KUNIT_CASE(local_limits),
	KUNIT_CASE(local_no_memory),
	KUNIT_CASE(local_loss),
	KUNIT_CASE(local_retire),
	KUNIT_CASE(local_prior),
	KUNIT_CASE(remote_add),
	KUNIT_CASE(remote_limit),
	KUNIT_CASE(remote_contradictions),
	KUNIT_CASE(remote_zero_length),
	KUNIT_CASE(remote_prior),
	KUNIT_CASE(remote_late),
	KUNIT_CASE(remote_window),
	KUNIT_CASE(remote_retire_bound),
	KUNIT_CASE(remote_retire_queue),
	KUNIT_CASE(remote_fresh),
	KUNIT_CASE(remote_rotate),
	KUNIT_CASE(remote_retire_below),
	KUNIT_CASE(remote_reset),
	KUNIT_CASE(remote_first),
	KUNIT_CASE(random_exchange),
	{}
};

static struct kunit_suite cid_suite = {
	.name = "cid",
	.test_cases = cid_cases,
};
kunit_test_suite(cid_suite);

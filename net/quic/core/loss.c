// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loss recovery, RFC 9002 §5 to §7.6 and appendix A.
 *
 * Cost.  An ACK frame costs what it newly acknowledges, whatever its ranges
 * say: each acknowledged packet knows how far the run of acknowledged ones
 * goes on (quic_sent_pkt.run), so that a range seen before is crossed in a
 * step, and ranges below the oldest tracked packet are not read at all.  The
 * search for losses starts at 'unsettled': below it everything is
 * acknowledged or lost, and the packet threshold (three, unless the path
 * reorders) keeps it within as many packets of the largest acknowledged.
 *
 * Reordering.  A loss that was none, because its acknowledgment came after all,
 * raises both thresholds to what would have spared it, within bounds; losses
 * that stay losses bring them down again.
 *
 * Timer.  There is one deadline, a function of the state alone, so that arming
 * it twice changes nothing.  It may be early, never late: packets that leave
 * only push it out, which quic_loss_sent_many() leaves to the next arming; and a
 * timeout that finds itself early arms it again.
 *
 * Invariants: cc->in_flight is the sum of the sizes of all packets flagged
 * IN_FLIGHT and neither ACKED nor LOST; eliciting_in_flight counts likewise.
 * A packet leaves flight once, by exactly one of acknowledge(), lose() or drop().
 *
 * Called by conn*.c under the connection's lock.
 */
#include "loss.h"

#define BACKOFF_MAX	20			/* doublings */
#define PERIOD_MAX	(1000 * QUIC_NSEC_PER_SEC)	/* before them */

#define TRACKED		(QUIC_SENT_ELICITING | QUIC_SENT_IN_FLIGHT)
#define SETTLED		(QUIC_SENT_ACKED | QUIC_SENT_LOST | QUIC_SENT_SKIPPED)

static void reset_rtt(struct quic_loss *l)
{
	/* RFC 9002 §A.4, §5.3 */
	l->latest = 0;
	l->min = 0;
	l->smoothed = l->initial_rtt;
	l->var = l->initial_rtt / 2;
	l->first_sample = 0;
}

static void reset_thresholds(struct quic_loss *l)
{
	l->packets = QUIC_LOSS_PACKETS;
	l->eighths = QUIC_LOSS_EIGHTHS;
}

static void reset_ecn(struct quic_loss *l)
{
	l->ecn_capable = false;
	l->ecn_failed = false;
	l->ect_tested = 0;
	l->ect_lost = 0;
}

void quic_loss_init(struct quic_loss *l, struct quic_cc *cc, const struct quic_loss_ops *ops,
		    void *priv, bool server, u64 initial_rtt)
{
	memset(l, 0, sizeof(*l));
	l->cc = cc;
	l->ops = ops;
	l->priv = priv;
	l->server = server;
	l->initial_rtt = initial_rtt;
	l->deadline = QUIC_TIME_NEVER;
	reset_rtt(l);
	reset_thresholds(l);
}

static void loss_space_free(struct quic_loss *l, enum quic_space_id sp)
{
	if (!l->sp[sp])
		return;
	quic_sent_free(&l->sp[sp]->sent);
	l->sp[sp] = NULL;
}

void quic_loss_free(struct quic_loss *l)
{
	int sp;

	for (sp = 0; sp < QUIC_SPACES; sp++)
		loss_space_free(l, sp);
	l->deadline = QUIC_TIME_NEVER;
}

void quic_loss_space_open(struct quic_loss *l, enum quic_space_id sp, struct quic_loss_space *ls)
{
	memset(ls, 0, sizeof(*ls));
	quic_sent_init(&ls->sent);
	ls->largest_acked = -1;
	ls->loss_time = QUIC_TIME_NEVER;
	l->sp[sp] = ls;
}

/* ---- timers ---- */

/* RFC 9002 §A.8: assume that clients validate the server's address implicitly */
static bool address_validated(const struct quic_loss *l)
{
	return l->server || l->peer_validated || l->handshake_confirmed;
}

/* RFC 9002 §6.2.1: PTO = smoothed_rtt + max(4*rttvar, kGranularity) + max_ack_delay */
static u64 base_pto(const struct quic_loss *l)
{
	return l->smoothed + max(4 * l->var, QUIC_GRANULARITY);
}

u64 quic_loss_pto(const struct quic_loss *l, enum quic_space_id sp)
{
	return base_pto(l) + (sp == QUIC_SPACE_APP ? l->max_ack_delay : 0);
}

/* RFC 9002 §6.2.1: twice the period for each PTO without an answer, over all spaces */
static u64 backoff(const struct quic_loss *l, u64 period)
{
	return min(period, PERIOD_MAX) << min_t(u32, l->pto_count, BACKOFF_MAX);
}

static bool pto_applies(const struct quic_loss *l, enum quic_space_id sp)
{
	if (!l->sp[sp] || !l->sp[sp]->eliciting_in_flight)
		return false;
	/* RFC 9002 §6.2.1: MUST NOT set it for Application Data until confirmed */
	return sp != QUIC_SPACE_APP || l->handshake_confirmed;
}

/*
 * RFC 9002 §6.2.2.1: a client with nothing to wait for in those spaces keeps a
 * timer until the server has validated its address.
 */
static u64 deadlock_time(const struct quic_loss *l, u8 *space)
{
	*space = l->sp[QUIC_SPACE_HANDSHAKE] ? QUIC_SPACE_HANDSHAKE : QUIC_SPACE_INITIAL;
	if (address_validated(l) || !l->sp[*space])
		return QUIC_TIME_NEVER;
	return l->base + backoff(l, base_pto(l));
}

/* RFC 9002 §A.8: GetPtoTimeAndSpace */
static u64 pto_time(const struct quic_loss *l, u8 *space)
{
	u64 at = QUIC_TIME_NEVER, t;
	int sp;

	for (sp = 0; sp < QUIC_SPACES; sp++) {
		if (!pto_applies(l, sp))
			continue;
		t = l->sp[sp]->last_eliciting + backoff(l, quic_loss_pto(l, sp));
		if (t < at) {
			at = t;
			*space = sp;
		}
	}
	return at == QUIC_TIME_NEVER ? deadlock_time(l, space) : at;
}

static u64 loss_time(const struct quic_loss *l)
{
	u64 at = QUIC_TIME_NEVER;
	int sp;

	for (sp = 0; sp < QUIC_SPACES; sp++)
		if (l->sp[sp])
			at = min(at, l->sp[sp]->loss_time);
	return at;
}

void quic_loss_arm(struct quic_loss *l, u64 now)
{
	u8 space;

	if (!l->base)
		l->base = now;
	/* RFC 9002 §6.2.1: no PTO while a timer for time threshold loss detection is set */
	l->deadline = loss_time(l);
	/* RFC 9002 §6.2.2.1: not armed if no additional data can be sent */
	if (l->deadline == QUIC_TIME_NEVER && !l->at_limit)
		l->deadline = pto_time(l, &space);
}

/* ---- sending ---- */

void quic_loss_sent_many(struct quic_loss *l, enum quic_space_id sp,
			 const struct quic_sent_pkt *p, u32 n, u64 now)
{
	struct quic_loss_space *ls = l->sp[sp];

	if (p->flags & QUIC_SENT_ECT) {
		ls->ect_sent += n;
		if (!l->ecn_capable && l->ect_tested < QUIC_ECN_TESTING)
			l->ect_tested = min_t(u32, l->ect_tested + n, QUIC_ECN_TESTING);
	}
	/* RFC 9002 §7.5: probes are counted as in flight as well */
	if (p->flags & QUIC_SENT_IN_FLIGHT)
		quic_cc_sent(l->cc, n * p->size);
	if (!(p->flags & QUIC_SENT_ELICITING))
		return;
	ls->last_eliciting = now;
	ls->eliciting_in_flight += n;
	l->base = now;
	/* a PTO of Initial or Handshake may come before one that is set */
	if (sp != QUIC_SPACE_APP || l->deadline == QUIC_TIME_NEVER)
		quic_loss_arm(l, now);
}

/* ---- leaving flight ---- */

/* Bytes that @p, neither acknowledged nor lost so far, takes out of flight. */
static u32 leave_flight(struct quic_loss_space *ls, const struct quic_sent_pkt *p)
{
	if (p->flags & QUIC_SENT_ELICITING)
		ls->eliciting_in_flight--;
	return p->flags & QUIC_SENT_IN_FLIGHT ? p->size : 0;
}

static void report_lost(struct quic_loss *l, enum quic_space_id sp, struct quic_sent_pkt *p)
{
	struct quic_sent *s = &l->sp[sp]->sent;
	unsigned int i;

	if (p->flags & QUIC_SENT_REQUEUED)
		return;
	for (i = 0; i < p->nitem; i++)
		l->ops->lost(l->priv, sp, quic_sent_item(s, p, i));
}

/* @p can neither be acknowledged nor be judged any more. */
static void drop(struct quic_loss *l, enum quic_space_id sp, struct quic_sent_pkt *p)
{
	quic_cc_discard(l->cc, leave_flight(l->sp[sp], p));
	if (p->flags & QUIC_SENT_ECT && l->ect_tested)
		l->ect_tested--;
}

/* RFC 9002 §6.4, §A.11 */
void quic_loss_space_discard(struct quic_loss *l, enum quic_space_id sp, u64 now)
{
	struct quic_sent *s;
	u64 pn;

	if (!l->sp[sp])
		return;
	s = &l->sp[sp]->sent;
	for (pn = s->first; pn != s->next; pn++)
		if (!(quic_sent_slot(s, pn)->flags & SETTLED))
			drop(l, sp, quic_sent_slot(s, pn));
	loss_space_free(l, sp);
	if (l->probe_space == sp)
		l->probes = 0;
	/* RFC 9002 §6.2.2: the PTO and loss detection timers MUST be reset */
	l->pto_count = 0;
	l->base = now;
	quic_loss_arm(l, now);
}

/* RFC 9002 §6.3: Retry, §6.4: rejected 0-RTT */
void quic_loss_requeue_all(struct quic_loss *l, enum quic_space_id sp)
{
	struct quic_loss_space *ls = l->sp[sp];
	struct quic_sent_pkt *p;
	u64 pn;

	if (!ls)
		return;
	for (pn = ls->sent.first; pn != ls->sent.next; pn++) {
		p = quic_sent_slot(&ls->sent, pn);
		if (p->flags & SETTLED)
			continue;
		drop(l, sp, p);
		report_lost(l, sp, p);
	}
	quic_sent_clear(&ls->sent);
	ls->loss_time = QUIC_TIME_NEVER;
	ls->last_eliciting = 0;
	l->pto_count = 0;
	l->probes = 0;
	l->base = 0;
	l->deadline = QUIC_TIME_NEVER;
}

/* RFC 9000 §13.3: does a lost one have to be sent again? */
static bool repeatable(const struct quic_sent_item *it)
{
	return it->type != QUIC_ITEM_PING && it->type != QUIC_ITEM_ACK &&
	       it->type != QUIC_ITEM_PATH && it->type != QUIC_ITEM_DATAGRAM &&
	       it->type != QUIC_ITEM_MTU;
}

static bool worth_repeating(struct quic_sent *s, const struct quic_sent_pkt *p)
{
	unsigned int i;

	if (p->flags & (SETTLED | QUIC_SENT_REQUEUED))
		return false;
	for (i = 0; i < p->nitem; i++)
		if (repeatable(quic_sent_item(s, p, i)))
			return true;
	return false;
}

bool quic_loss_requeue_oldest(struct quic_loss *l, enum quic_space_id sp)
{
	struct quic_sent *s = &l->sp[sp]->sent;
	struct quic_sent_pkt *p;
	u64 pn;

	for (pn = s->first; pn != s->next; pn++) {
		p = quic_sent_slot(s, pn);
		if (!worth_repeating(s, p))
			continue;
		report_lost(l, sp, p);
		p->flags |= QUIC_SENT_REQUEUED;
		return true;
	}
	return false;
}

/* RFC 9000 §9.4: packets sent on the old path MUST NOT contribute to the new */
void quic_loss_reset_path(struct quic_loss *l, u8 algo, u32 mss)
{
	struct quic_sent *s;
	int sp;
	u64 pn;

	for (sp = 0; sp < QUIC_SPACES; sp++) {
		if (!l->sp[sp])
			continue;
		s = &l->sp[sp]->sent;
		l->sp[sp]->path_first = s->next;
		for (pn = s->first; pn != s->next; pn++)
			quic_sent_slot(s, pn)->flags &= ~(QUIC_SENT_IN_FLIGHT | QUIC_SENT_ECT);
	}
	quic_cc_init(l->cc, algo, mss);
	reset_rtt(l);
	reset_thresholds(l);
	reset_ecn(l);
	l->pto_count = 0;
	l->holes = 0;
}

/* ---- RTT ---- */

/*
 * RFC 9002 §5.3: before the handshake is confirmed, the wait for keys may be
 * most of a sample: MAY ignore it if less than min_rtt is left.  Nor is it to
 * begin with one from which such a wait cannot be told, if a guess says less.
 */
static bool mostly_waited(const struct quic_loss *l, u64 rtt, u64 delay)
{
	if (l->handshake_confirmed || delay <= rtt / 2)
		return false;
	return l->first_sample ? rtt < l->min + delay : rtt > l->smoothed;
}

/* RFC 9002 §5.3, §A.7: UpdateRtt */
static void update_rtt(struct quic_loss *l, u64 rtt, u64 delay, u64 now)
{
	l->latest = rtt;
	if (!l->first_sample) {
		l->min = rtt;
		l->smoothed = rtt;
		l->var = rtt / 2;
		l->first_sample = now;
		return;
	}
	l->min = min(l->min, rtt);
	/* RFC 9002 §5.3: MUST use the lesser of both once the handshake is confirmed */
	if (l->handshake_confirmed)
		delay = min(delay, l->max_ack_delay);
	/* RFC 9002 §5.3: MUST NOT subtract it if the result is smaller than min_rtt */
	if (rtt >= l->min + delay)
		rtt -= delay;
	/* §6.1.2 goes by the latest: a wait for keys does not repeat */
	if (!l->handshake_confirmed)
		l->latest = rtt;
	l->var = (3 * l->var + (l->smoothed > rtt ? l->smoothed - rtt : rtt - l->smoothed)) / 4;
	l->smoothed = (7 * l->smoothed + rtt) / 8;
}

/* ---- losses ---- */

struct losses {			/* one round of detection */
	u64 bytes;		/* out of flight, as congestion */
	u64 newest;		/* when the newest of them left */
	u64 pc_start;		/* RFC 9002 §7.6.2: first lost since one was acknowledged; or 0 */
	bool persistent;
	bool small;		/* one of at most 1200 bytes was among them */
};

/* RFC 9002 §6.1.2: max(kTimeThreshold * max(smoothed_rtt, latest_rtt), kGranularity) */
static u64 loss_delay(const struct quic_loss *l)
{
	u64 rtt = max(l->smoothed, l->latest);

	return max(rtt + rtt / 8 * l->eighths, QUIC_GRANULARITY);
}

/* RFC 9002 §7.6.2: nothing acknowledged across all spaces between the two */
static bool acked_between(const struct quic_loss *l, u64 start, u64 end)
{
	int sp;

	for (sp = 0; sp < QUIC_SPACES; sp++)
		if (l->sp[sp] && l->sp[sp]->newest_acked > start && l->sp[sp]->newest_acked < end)
			return true;
	return false;
}

/* RFC 9002 §7.6: two ack-eliciting packets, sent after an RTT sample, far enough apart */
static void judge_persistent(const struct quic_loss *l, const struct quic_sent_pkt *p,
			     struct losses *sum)
{
	u64 period = QUIC_PERSISTENT * (base_pto(l) + l->max_ack_delay);

	if (!(p->flags & QUIC_SENT_ELICITING) || !l->first_sample || p->time <= l->first_sample)
		return;
	if (!sum->pc_start)
		sum->pc_start = p->time;
	else if (p->time - sum->pc_start > period && !acked_between(l, sum->pc_start, p->time))
		sum->persistent = true;
}

/* RFC 9000 §13.4.2: all packets sent with an ECT codepoint are deemed lost */
static void judge_ecn_loss(struct quic_loss *l)
{
	if (l->ecn_capable || l->ecn_failed)
		return;
	l->ect_lost++;
	if (l->ect_lost >= l->ect_tested && l->ect_lost >= QUIC_LOSS_PACKETS)
		l->ecn_failed = true;
}

static void lose(struct quic_loss *l, enum quic_space_id sp, struct quic_sent_pkt *p,
		 struct losses *sum)
{
	u32 bytes = leave_flight(l->sp[sp], p);

	p->flags |= QUIC_SENT_LOST;
	/* RFC 9002 §6.1: what is not in flight is not declared lost, only forgotten */
	if (!(p->flags & TRACKED))
		return;
	l->lost_packets++;
	l->lost_bytes += p->size;
	if (p->flags & QUIC_SENT_ECT)
		judge_ecn_loss(l);
	if (p->flags & QUIC_SENT_PROBE) {
		/* RFC 9000 §14.4: SHOULD NOT trigger a congestion control reaction */
		quic_cc_discard(l->cc, bytes);
	} else if (bytes) {
		sum->small |= p->size <= QUIC_INITIAL_MIN;
		sum->bytes += bytes;
		sum->newest = max(sum->newest, p->time);
		judge_persistent(l, p, sum);
	}
	report_lost(l, sp, p);
}

/* RFC 9002 §A.10: DetectAndRemoveLostPackets; the numbers up to the largest acknowledged */
static void find_lost(struct quic_loss *l, enum quic_space_id sp, u64 now, struct losses *sum)
{
	struct quic_loss_space *ls = l->sp[sp];
	u64 pn = max(ls->unsettled, ls->sent.first), end = ls->largest_acked + 1;
	u64 delay = loss_delay(l), unsettled = max(end, ls->unsettled);
	struct quic_sent_pkt *p;

	ls->loss_time = QUIC_TIME_NEVER;
	for (; pn < end; pn++) {
		p = quic_sent_slot(&ls->sent, pn);
		if (p->flags & QUIC_SENT_ACKED)
			sum->pc_start = 0;
		if (p->flags & SETTLED)
			continue;
		/* RFC 9002 §6.1: the packet threshold, or the time threshold */
		if (pn + l->packets < end || p->time + delay <= now) {
			lose(l, sp, p, sum);
			if (l->ops->packet_lost && p->flags & TRACKED)
				l->ops->packet_lost(l->priv, sp, pn, p->size);
			continue;
		}
		unsettled = min(unsettled, pn);
		if (p->flags & TRACKED)
			ls->loss_time = min(ls->loss_time, p->time + delay);
	}
	ls->unsettled = unsettled;
}

/*
 * Where small ones are lost as well, it is not their size.  A round is of packets that
 * left after the losses of the one before were seen: the timers of those that leave one
 * by one expire one by one.
 */
static void note_hole(struct quic_loss *l, const struct losses *sum)
{
	if (sum->small)
		l->holes = 0;
	else if (sum->newest > l->cc->recovery_start)
		l->holes = min_t(u32, l->holes + 1, U8_MAX);
}

static void detect_lost(struct quic_loss *l, enum quic_space_id sp, u64 now)
{
	struct losses sum = { 0 };

	find_lost(l, sp, now, &sum);
	if (!sum.bytes)
		return;
	if (l->patience && !--l->patience)
		reset_thresholds(l);
	note_hole(l, &sum);
	quic_cc_lost(l->cc, sum.bytes, sum.newest, sum.persistent, now);
	/* RFC 9002 §5.2: SHOULD set min_rtt to the newest sample */
	if (sum.persistent)
		l->min = l->latest;
}

/* Forget what is settled; RFC 9000 §13.3: lost packets after a time that allows for reordering. */
static void trim_sent(struct quic_loss *l, enum quic_space_id sp, u64 now)
{
	u64 keep = 2 * quic_loss_pto(l, sp);

	quic_sent_trim(&l->sp[sp]->sent, now > keep ? now - keep : 0);
}

/* ---- acknowledgments ---- */

struct acks {			/* one ACK frame */
	u64 bytes;		/* out of flight */
	u64 fresh;		/* of them, sent after the last recovery began */
	u64 largest_time;	/* when the largest acknowledged left, if it is new; else 0 */
	u64 late;		/* lowest that was taken for lost, plus one; 0: none */
	u32 packets;
	u32 ect;
	bool eliciting;
};

static void acknowledge(struct quic_loss *l, enum quic_space_id sp, struct quic_sent_pkt *p,
			struct acks *sum)
{
	struct quic_loss_space *ls = l->sp[sp];
	unsigned int i;
	u32 bytes;

	if (p->flags & QUIC_SENT_LOST) {
		l->spurious += !!(p->flags & TRACKED);
	} else {
		bytes = leave_flight(ls, p);
		sum->bytes += bytes;
		sum->fresh += p->time > l->cc->recovery_start ? bytes : 0;
	}
	p->flags |= QUIC_SENT_ACKED;
	/* a probe that arrives says nothing of the size in use */
	if (p->size > QUIC_INITIAL_MIN && !(p->flags & QUIC_SENT_PROBE))
		l->holes = 0;
	l->acked_packets++;
	sum->packets++;
	sum->eliciting |= p->flags & QUIC_SENT_ELICITING;
	sum->ect += !!(p->flags & QUIC_SENT_ECT);
	ls->newest_acked = max(ls->newest_acked, p->time);
	for (i = 0; i < p->nitem; i++)
		l->ops->acked(l->priv, sp, quic_sent_item(&ls->sent, p, i));
}

/* All of lo..hi is acknowledged; runs that were before are stepped over. */
static void ack_range(struct quic_loss *l, enum quic_space_id sp, u64 lo, u64 hi,
		      struct acks *sum)
{
	struct quic_sent *s = &l->sp[sp]->sent;
	struct quic_sent_pkt *p;
	u64 pn, run;

	for (pn = max(lo, s->first); pn <= hi; pn = run + 1) {
		p = quic_sent_slot(s, pn);
		run = pn;
		if (p->flags & QUIC_SENT_ACKED) {
			run = p->run;
		} else {
			if (p->flags & QUIC_SENT_LOST && p->flags & TRACKED)
				sum->late = sum->late ? min(sum->late, pn + 1) : pn + 1;
			acknowledge(l, sp, p, sum);
		}
		p->run = max(run, hi);
	}
}

static void ack_ranges(struct quic_loss *l, enum quic_space_id sp,
		       const struct quic_frame_ack *a, struct acks *sum)
{
	struct quic_sent *s = &l->sp[sp]->sent;
	struct quic_sent_pkt *p = quic_sent_get(s, a->largest);
	struct quic_ack_iter it;

	/* RFC 9000 §9.4: what went along another path says nothing of this one's RTT */
	if (p && !(p->flags & (QUIC_SENT_ACKED | QUIC_SENT_PROBE)))
		sum->largest_time = p->time;
	quic_ack_iter_init(&it, a);
	while (quic_ack_iter_next(&it, a) && it.hi >= s->first)
		ack_range(l, sp, it.lo, it.hi, sum);
}

/* RFC 9000 §21.4: a number that was left out is acknowledged */
static bool acks_skipped(struct quic_sent *s, const struct quic_frame_ack *a)
{
	u64 skip = s->skipped;
	struct quic_ack_iter it;

	quic_ack_iter_init(&it, a);
	while (skip != QUIC_SENT_NO_SKIP && quic_ack_iter_next(&it, a))
		if (quic_sent_skipped_in(s, it.lo, it.hi, &skip))
			return true;
	return false;
}

/* RFC 9000 §13.4.2.1, for an ACK that raised the largest acknowledged */
static bool ecn_valid(const struct quic_loss_space *ls, const struct quic_frame_ack *a, u32 ect)
{
	if (!a->ecn)
		return !ect;
	if (a->ect0 < ls->ect0 || a->ce < ls->ce)
		return false;
	/* ECT(1) was never applied, and no more than was sent may arrive as ECT(0) */
	if (a->ect1 || a->ect0 > ls->ect_sent)
		return false;
	return a->ect0 - ls->ect0 + a->ce - ls->ce >= ect;
}

/* RFC 9002 §B.7, behind the validation of RFC 9000 §13.4.2.1 */
static void process_ecn(struct quic_loss *l, struct quic_loss_space *ls,
			const struct quic_frame_ack *a, const struct acks *sum, u64 now)
{
	bool ce = a->ecn && a->ce > ls->ce;

	/* RFC 9000 §13.4.2.2: MUST disable ECN if validation fails */
	if (!ecn_valid(ls, a, sum->ect)) {
		l->ecn_failed = true;
		l->ecn_capable = false;
	} else if (!l->ecn_failed && sum->ect) {
		l->ecn_capable = true;
	}
	if (a->ecn) {
		ls->ect0 = a->ect0;
		ls->ect1 = a->ect1;
		ls->ce = a->ce;
	}
	/* RFC 9002 §7.1: CE is a signal of congestion if the path was validated */
	if (ce && l->ecn_capable && sum->largest_time && a->largest >= ls->path_first)
		quic_cc_ce(l->cc, sum->largest_time, now);
}

static void report_acked(struct quic_loss *l, const struct quic_loss_space *ls,
			 const struct acks *sum, bool sampled, u64 now)
{
	struct quic_cc_ack ack = {
		.now		= now,
		.bytes		= sum->bytes,
		.fresh		= sum->fresh,
		.rtt_latest	= sampled ? l->latest : 0,
		.rtt_smoothed	= l->smoothed,
		.largest_acked	= ls->largest_acked,
		.next_pn	= ls->sent.next,
	};

	quic_cc_acked(l->cc, &ack);
}

/* RFC 9002 §5.1: the largest is newly acknowledged, and something that elicited the ACK */
static bool sample_rtt(struct quic_loss *l, const struct quic_loss_space *ls, u64 largest,
		       const struct acks *sum, u64 delay, u64 now)
{
	u64 rtt = max_t(u64, now - min(now, sum->largest_time), 1);

	if (!sum->largest_time || !sum->eliciting || largest < ls->path_first ||
	    mostly_waited(l, rtt, delay))
		return false;
	update_rtt(l, rtt, delay, now);
	return true;
}

/*
 * RFC 9002 §6.1.1: networks may reorder more than the thresholds allow for, and
 * implementations MAY adapt them to what they find.
 */
static void learn_reordering(struct quic_loss *l, const struct quic_loss_space *ls, u64 late)
{
	u64 distance = ls->largest_acked + 2 - late;

	l->packets = clamp_t(u64, distance, l->packets, QUIC_LOSS_PACKETS_MAX);
	l->eighths = min(l->eighths + 1, QUIC_LOSS_EIGHTHS_MAX);
	l->patience = QUIC_LOSS_PATIENCE;
}

/* RFC 9002 §A.7: OnAckReceived */
int quic_loss_ack(struct quic_loss *l, enum quic_space_id sp, const struct quic_frame_ack *a,
		  u64 delay, u64 now)
{
	struct quic_loss_space *ls = l->sp[sp];
	struct acks sum = { 0 };
	bool raised, sampled;

	if (!ls)
		return 0;
	/* RFC 9000 §13.1: SHOULD treat the ACK of a packet it did not send as an error */
	if (a->largest >= ls->sent.next || acks_skipped(&ls->sent, a))
		return QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION;
	raised = (s64)a->largest > ls->largest_acked;
	if (raised)
		ls->largest_acked = a->largest;
	ack_ranges(l, sp, a, &sum);
	if (!sum.packets)
		return 0;
	if (sum.late)
		learn_reordering(l, ls, sum.late);
	sampled = sample_rtt(l, ls, a->largest, &sum, delay, now);
	if (raised)
		process_ecn(l, ls, a, &sum, now);
	detect_lost(l, sp, now);
	report_acked(l, ls, &sum, sampled, now);
	trim_sent(l, sp, now);
	/* RFC 9002 §6.2.2.1: the server has validated our address */
	if (sp == QUIC_SPACE_HANDSHAKE)
		l->peer_validated = true;
	/* RFC 9002 §6.2.1: not reset at a client that is not certain of that */
	if (address_validated(l))
		l->pto_count = 0;
	l->base = now;
	quic_loss_arm(l, now);
	return 0;
}

/* ---- timeout ---- */

/* RFC 9002 §6.1.2 */
static void expire_losses(struct quic_loss *l, u64 now)
{
	int sp;

	for (sp = 0; sp < QUIC_SPACES; sp++) {
		if (!l->sp[sp] || l->sp[sp]->loss_time > now)
			continue;
		detect_lost(l, sp, now);
		trim_sent(l, sp, now);
	}
}

/* RFC 9002 §A.9: OnLossDetectionTimeout */
void quic_loss_timeout(struct quic_loss *l, u64 now)
{
	quic_loss_arm(l, now);
	if (l->deadline > now)
		return;
	if (loss_time(l) <= now) {
		expire_losses(l, now);
	} else {
		/* RFC 9002 §6.2: a PTO MUST NOT cause packets to be marked as lost */
		pto_time(l, &l->probe_space);
		/* RFC 9002 §6.2.4: MAY be two, so that one may be lost */
		l->probes = QUIC_PROBES;
		l->pto_count++;
		l->base = now;
	}
	quic_loss_arm(l, now);
}

bool quic_loss_hurry(struct quic_loss *l, enum quic_space_id sp, u64 now)
{
	const struct quic_loss_space *ls = l->sp[sp];

	if (l->probes || !ls || !ls->eliciting_in_flight ||
	    now < ls->last_eliciting + QUIC_GRANULARITY)
		return false;
	l->probe_space = sp;
	l->probes = QUIC_PROBES;
	return true;
}

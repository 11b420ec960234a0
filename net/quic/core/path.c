// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A path's right to be sent to: the anti-amplification limit (RFC 9000 §8.1)
 * and path validation (§8.2).  Pure bookkeeping: conn decides which path is in
 * use (§9) and writes the frames; timers are the connection's one deadline.
 *
 *                    challenge               response
 *   UNVALIDATED ----------------> VALIDATING ---------> VALIDATED
 *        |                        |      ^                ^
 *        |       tries used up    v      | challenge      |
 *        |                       FAILED -+                |
 *        +------------------------------------------------+
 *                  handshake, token: quic_path_validated()
 *
 * A validated path may be challenged too (§9.3.3: is the peer still there?);
 * it stays VALIDATED until that fails.
 */
#include "path.h"

void quic_path_init(struct quic_path *p, const struct quic_addr *local,
		    const struct quic_addr *remote, bool validated)
{
	memset(p, 0, sizeof(*p));
	p->local = *local;
	p->remote = *remote;
	p->state = validated ? QUIC_PATH_VALIDATED : QUIC_PATH_UNVALIDATED;
	p->mtu = QUIC_INITIAL_MIN;
	p->challenge_expire = QUIC_TIME_NEVER;
	p->dcid = QUIC_PATH_NO_CID;
}

void quic_path_validated(struct quic_path *p)
{
	p->state = QUIC_PATH_VALIDATED;
}

void quic_path_stop(struct quic_path *p)
{
	p->challenge_pending = false;
	p->challenges = 0;
	p->challenge_expire = QUIC_TIME_NEVER;
}

/* RFC 9000 §8.2.1: unpredictable data in every PATH_CHALLENGE */
static void new_challenge(struct quic_path *p)
{
	memmove(p->earlier[1], p->earlier[0], sizeof(p->earlier) - sizeof(p->earlier[0]));
	memcpy(p->earlier[0], p->challenge, sizeof(p->challenge));
	get_random_bytes(p->challenge, sizeof(p->challenge));
	p->challenge_pending = true;
	p->challenge_small = false;
	p->challenges++;
}

void quic_path_challenge(struct quic_path *p, u64 now, u64 pto)
{
	if (p->challenges == QUIC_PATH_CHALLENGES)
		quic_path_stop(p);
	if (p->state != QUIC_PATH_VALIDATED)
		p->state = QUIC_PATH_VALIDATING;
	new_challenge(p);
	p->challenge_expire = now + p->challenges * pto;
}

void quic_path_challenge_sent(struct quic_path *p, u32 bytes)
{
	p->challenge_small = bytes < QUIC_INITIAL_MIN;
}

bool quic_path_timeout(struct quic_path *p, u64 now, u64 pto)
{
	if (now < p->challenge_expire)
		return false;
	if (p->challenges < QUIC_PATH_CHALLENGES) {
		quic_path_challenge(p, now, pto);
		return false;
	}
	/* RFC 9000 §8.2.4: abandoned; the path is unusable */
	quic_path_stop(p);
	p->state = QUIC_PATH_FAILED;
	return true;
}

/* RFC 9000 §8.2.2: MUST be echoed; what is over our bound, the peer asks again */
void quic_path_on_challenge(struct quic_path *p, const u8 data[8])
{
	if (p->nresponse < QUIC_PATH_RESPONSES)
		memcpy(p->response[p->nresponse++], data, sizeof(p->response[0]));
}

bool quic_path_next_response(struct quic_path *p, u8 data[8])
{
	if (!p->nresponse)
		return false;
	memcpy(data, p->response[0], sizeof(p->response[0]));
	p->nresponse--;
	memmove(p->response[0], p->response[1], p->nresponse * sizeof(p->response[0]));
	return true;
}

/* Data of the newest challenge or of one before it in the same validation? */
static bool our_challenge(const struct quic_path *p, const u8 data[8])
{
	unsigned int i;

	if (!p->challenges)
		return false;
	/* Still to be sent: nobody can know the newest yet. */
	if (!p->challenge_pending && !memcmp(p->challenge, data, sizeof(p->challenge)))
		return true;
	for (i = 0; i + 1 < p->challenges; i++)
		if (!memcmp(p->earlier[i], data, sizeof(p->earlier[i])))
			return true;
	return false;
}

bool quic_path_on_response(struct quic_path *p, const u8 data[8])
{
	/* RFC 9000 §8.2.3: succeeds with the data of any challenge sent before */
	if (!our_challenge(p, data))
		return false;
	p->state = QUIC_PATH_VALIDATED;
	/* RFC 9000 §8.2.1: MUST validate again, in a datagram of 1200 bytes */
	if (p->challenge_small) {
		p->challenges = 0;
		new_challenge(p);
		return true;
	}
	quic_path_stop(p);
	return true;
}

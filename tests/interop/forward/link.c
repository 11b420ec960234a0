// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What becomes of a packet on its way.  Drop and corruption hit each packet by itself,
 * but not more than `burst` in a row of one direction: so a case tells whether loss is
 * survived, not who was lucky.
 */
#include "forward.h"

#define CORRUPT_REACH	51	/* offsets 0 to 50 of the payload */

void link_seed(struct link *l, uint64_t seed)
{
	/* Not 0, the one state that xorshift does not leave. */
	l->random = seed * 0x9e3779b97f4a7c15ull ^ 0x2545f4914f6cdd1dull;
	l->random = l->random ?: 1;
}

static uint64_t roll(struct link *l)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return l->random * 0x2545f4914f6cdd1dull;
}

static bool hit(struct link *l, double rate, int to)
{
	bool yes = (roll(l) >> 11) * 0x1p-53 < rate;

	if (!yes || (l->burst && l->in_row[to] >= l->burst)) {
		l->in_row[to] = 0;
		return false;
	}
	l->in_row[to]++;
	return true;
}

/* RFC 8999 §6: a long header with the version 0. */
static bool is_version_negotiation(const uint8_t *payload, size_t len)
{
	return len >= 5 && payload[0] & 0x80 && !payload[1] && !payload[2] && !payload[3] &&
	       !payload[4];
}

static void corrupt(struct link *l, struct packet *p)
{
	uint64_t random = roll(l);
	size_t len;
	uint8_t *payload = packet_payload(p, &len), *at;

	if (!len || is_version_negotiation(payload, len))
		return;
	at = &payload[(random >> 8) % (len < CORRUPT_REACH ? len : CORRUPT_REACH)];
	/* Any other value: the difference is 1 to 255. */
	*at += 1 + (random >> 40) % 255;
	packet_sum(p);
	l->corrupted++;
}

static bool is_lost(struct link *l, int to, uint64_t now)
{
	if (now >= l->hole_from && now < l->hole_to)
		return true;
	if (to == TO_SERVER && ++l->nr_client >= l->drop_from && l->nr_client <= l->drop_to)
		return true;
	return l->drop && hit(l, l->drop, to);
}

bool link_pass(struct link *l, struct packet *p, int to, uint64_t now)
{
	if (!p->udp)
		return true;
	if (is_lost(l, to, now)) {
		l->dropped++;
		return false;
	}
	if (l->corrupt && hit(l, l->corrupt, to))
		corrupt(l, p);
	l->passed++;
	return true;
}

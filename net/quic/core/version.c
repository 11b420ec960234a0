// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Compatible version negotiation, RFC 9368 and RFC 9369 §4 and §5.
 *
 *   client, version 1             server, configured for version 2
 *   Initial(1) ClientHello with version_information(1; 1, 2) -->
 *                     <-- Initial(2) ServerHello, Handshake(2) ...
 *   Initial(2) ACK, Handshake(2) ... -->
 *
 * Retry, tokens and 0-RTT packets belong to the first version.  Both ends may
 * need a second set of keys for a while, c->alt: the server those of the first
 * version (the client may not know yet; 0-RTT), the client those that it tries
 * on the first packet of another version.  Initial keys of both versions come
 * from the same connection ID; packet numbers go on.
 *
 * Callers: conn and conn_rx under the connection's lock, process context.
 */
#include "conn.h"

/* The other of the two versions that are compatible with each other (RFC 9369 §4). */
static u32 other_version(u32 version)
{
	return version == QUIC_VERSION_V1 ? QUIC_VERSION_V2 : QUIC_VERSION_V1;
}

/*
 * RFC 9368 §3: in descending preference; that is what the client begins with,
 * unless it was told that this is for the server's sake alone.
 */
static u32 preferred(const struct quic_conn *c, u32 first)
{
	return c->server || !c->config.preferred ? first : c->config.preferred;
}

/*
 * RFC 9369 §4: who speaks version 2 MUST send it.  A client lists what its first
 * flight may become, a server all that it speaks, in no particular order.
 */
void quic_version_offer(struct quic_conn *c)
{
	struct quic_tparam *tp = &c->local_tp;
	/* a client that begins with an unknown version would go on in 1, RFC 9368 §2.1 */
	u32 first = quic_version_known(c->version) ? c->version : QUIC_VERSION_V1;

	if (tp->has_versions)
		return;
	tp->has_versions = true;
	tp->chosen_version = first;
	/* RFC 9368 §2.3: listing the chosen one alone disables compatible negotiation */
	if (!c->server && c->config.no_compatible) {
		tp->versions[0] = first;
		tp->nversions = 1;
		return;
	}
	tp->versions[0] = preferred(c, first);
	tp->versions[1] = other_version(tp->versions[0]);
	tp->nversions = 2;
}

int quic_version_check(const struct quic_conn *c, const struct quic_tparam *tp)
{
	/* a version that the server has switched to is one that it must vouch for */
	if (!tp->has_versions && c->version != c->first_version)
		return QUIC_TRANSPORT_ERROR_VERSION_NEGOTIATION;
	return quic_tparam_check_version(tp, c->server, &c->local_tp, c->version,
					 c->negotiated ? c->first_version : 0);
}

u32 quic_version_choose(const struct quic_conn_config *config, u32 first,
			const struct quic_tparam *tp)
{
	unsigned int i;

	/* upwards only: version 1 is a default, and no reason to take 2 from who wants it */
	if (config->no_compatible || config->version != QUIC_VERSION_V2 || !tp->has_versions)
		return first;
	for (i = 0; i < tp->nversions; i++)
		if (tp->versions[i] == config->version)
			return config->version;
	return first;
}

/* RFC 9001 §5.2: what the client's Initial packets are for since the Retry, if any. */
static const struct quic_cid *initial_dcid(const struct quic_conn *c)
{
	return c->rscid.len ? &c->rscid : &c->odcid;
}

static struct quic_keys *new_keys(struct quic_conn *c, u32 version)
{
	struct quic_keys *k = kmalloc(sizeof(*k), GFP_KERNEL);

	if (!k)
		return NULL;
	quic_keys_init(k, c->ops->crypto, version);
	if (!quic_keys_set_initial(k, version, initial_dcid(c), c->server))
		return k;
	kfree(k);
	return NULL;
}

/* The keys in use become the others: so far there are none but Initial ones. */
static void swap_keys(struct quic_conn *c)
{
	struct quic_keys old = c->keys;

	c->keys = *c->alt;
	*c->alt = old;
	memzero_explicit(&old, sizeof(old));
}

int quic_version_switch(struct quic_conn *c, u32 version)
{
	if (version == c->version)
		return 0;
	c->alt = new_keys(c, version);
	if (!c->alt)
		return -ENOMEM;
	swap_keys(c);
	c->version = version;
	return 0;
}

/*
 * Client: may a packet of this version be the server's way to tell its choice?
 * RFC 9369 §4.1: not once it has sent CRYPTO frames in the first version.
 */
static bool may_follow(const struct quic_conn *c, const struct quic_hdr *h)
{
	const struct quic_space *s = c->space[QUIC_SPACE_INITIAL];

	return h->type == QUIC_PKT_INITIAL && !c->config.no_compatible &&
	       c->version == c->first_version && quic_version_known(c->version) &&
	       quic_version_known(h->version) && s && !s->crcv.high;
}

struct quic_keys *quic_version_keys(struct quic_conn *c, const struct quic_hdr *h)
{
	if (c->server) {
		/* RFC 9369 §4.1: Initial and 0-RTT packets of the first version, no others */
		return h->version == c->first_version &&
		       (h->type == QUIC_PKT_INITIAL || h->type == QUIC_PKT_0RTT) ? c->alt : NULL;
	}
	if (!may_follow(c, h))
		return NULL;
	quic_version_forget(c);
	c->alt = new_keys(c, h->version);
	return c->alt;
}

void quic_version_opened(struct quic_conn *c, const struct quic_hdr *h)
{
	if (c->server)
		return;
	swap_keys(c);
	quic_version_forget(c);
	c->version = h->version;
}

void quic_version_forget(struct quic_conn *c)
{
	if (!c->alt)
		return;
	quic_keys_free(c->alt);
	kfree_sensitive(c->alt);
	c->alt = NULL;
}

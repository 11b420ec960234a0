// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Transport parameters: RFC 9000 §7.3, §7.4 and §18, RFC 9221 §3, RFC 9287 §3,
 * RFC 9368 §3 and §4, and disable_1rtt_encryption of
 * draft-banks-quic-disable-encryption.
 *
 * They arrive inside the TLS handshake, so what is read here was, or will be,
 * authenticated: whatever is wrong with it closes the connection.  The integer
 * parameters are a table (identifier, place in the struct, range, default)
 * that parsing, writing and defaults share; the others have a function each.
 * A parameter is looked at inside a cursor of its own length, and must use all
 * of it.  Unknown ones are skipped (RFC 9000 §7.4.2).
 *
 * Called at handshake time by conn and by the socket options, in any context;
 * nothing here keeps state.
 */
#include "tparam.h"
#include "hdr.h"

#define ERROR	QUIC_TRANSPORT_ERROR_TRANSPORT_PARAM

enum {
	ID_ODCID		= 0x00,
	ID_MAX_IDLE_TIMEOUT	= 0x01,
	ID_TOKEN		= 0x02,
	ID_MAX_UDP_PAYLOAD_SIZE	= 0x03,
	ID_MAX_DATA		= 0x04,
	ID_MAX_DATA_BIDI_LOCAL	= 0x05,
	ID_MAX_DATA_BIDI_REMOTE	= 0x06,
	ID_MAX_DATA_UNI		= 0x07,
	ID_MAX_STREAMS_BIDI	= 0x08,
	ID_MAX_STREAMS_UNI	= 0x09,
	ID_ACK_DELAY_EXPONENT	= 0x0a,
	ID_MAX_ACK_DELAY	= 0x0b,
	ID_DISABLE_MIGRATION	= 0x0c,
	ID_PREFERRED		= 0x0d,
	ID_CID_LIMIT		= 0x0e,
	ID_ISCID		= 0x0f,
	ID_RSCID		= 0x10,
	ID_VERSIONS		= 0x11,
	ID_DATAGRAM		= 0x20,
	ID_GREASE_QUIC_BIT	= 0x2ab2,
	ID_DISABLE_ENCRYPTION	= 0xbaad,
};

#define FIELD(f)	offsetof(struct quic_tparam, f)

struct integer {
	u8 id;
	u16 field;
	u64 min, max;
	u64 absent;
};

/* RFC 9000 §18.2; stream counts: §4.6; max_datagram_frame_size: RFC 9221 §3 */
static const struct integer integers[] = {
	{ ID_MAX_IDLE_TIMEOUT, FIELD(max_idle_timeout), 0, QUIC_VARINT_MAX },
	{ ID_MAX_UDP_PAYLOAD_SIZE, FIELD(max_udp_payload_size), QUIC_INITIAL_MIN, QUIC_VARINT_MAX,
	  QUIC_UDP_PAYLOAD_MAX },
	{ ID_MAX_DATA, FIELD(max_data), 0, QUIC_VARINT_MAX },
	{ ID_MAX_DATA_BIDI_LOCAL, FIELD(max_stream_data_bidi_local), 0, QUIC_VARINT_MAX },
	{ ID_MAX_DATA_BIDI_REMOTE, FIELD(max_stream_data_bidi_remote), 0, QUIC_VARINT_MAX },
	{ ID_MAX_DATA_UNI, FIELD(max_stream_data_uni), 0, QUIC_VARINT_MAX },
	{ ID_MAX_STREAMS_BIDI, FIELD(max_streams_bidi), 0, QUIC_STREAMS_MAX },
	{ ID_MAX_STREAMS_UNI, FIELD(max_streams_uni), 0, QUIC_STREAMS_MAX },
	{ ID_ACK_DELAY_EXPONENT, FIELD(ack_delay_exponent), 0, 20, 3 },
	{ ID_MAX_ACK_DELAY, FIELD(max_ack_delay), 0, (1 << 14) - 1, 25 },
	{ ID_CID_LIMIT, FIELD(active_connection_id_limit), 2, QUIC_VARINT_MAX, 2 },
	{ ID_DATAGRAM, FIELD(max_datagram_frame_size), 0, QUIC_VARINT_MAX },
};

struct flag {
	u16 id;
	u16 field;
};

static const struct flag flags[] = {
	{ ID_DISABLE_MIGRATION, FIELD(disable_active_migration) },
	{ ID_GREASE_QUIC_BIT, FIELD(grease_quic_bit) },
	{ ID_DISABLE_ENCRYPTION, FIELD(disable_1rtt_encryption) },
};

static u64 *integer_of(const struct quic_tparam *tp, const struct integer *i)
{
	return (u64 *)((u8 *)tp + i->field);
}

static bool *flag_of(const struct quic_tparam *tp, const struct flag *f)
{
	return (bool *)((u8 *)tp + f->field);
}

void quic_tparam_default(struct quic_tparam *tp)
{
	unsigned int i;

	memset(tp, 0, sizeof(*tp));
	for (i = 0; i < ARRAY_SIZE(integers); i++)
		*integer_of(tp, &integers[i]) = integers[i].absent;
}

static int parse_cid_value(struct quic_cur *c, struct quic_cid *cid, bool *has)
{
	u32 len = quic_cur_left(c);

	if (len > QUIC_CID_MAX)
		return ERROR;
	cid->len = len;
	quic_cur_bytes(c, cid->id, len);
	*has = true;
	return 0;
}

/* RFC 9000 §18.2, figure 22 */
static int parse_preferred(struct quic_cur *c, struct quic_tparam *tp)
{
	struct quic_preferred_addr *a = &tp->preferred;

	quic_cur_bytes(c, a->ipv4, sizeof(a->ipv4));
	a->port4 = quic_cur_u16(c);
	quic_cur_bytes(c, a->ipv6, sizeof(a->ipv6));
	a->port6 = quic_cur_u16(c);
	a->cid.len = quic_cur_u8(c);
	/* RFC 9000 §18.2: a zero-length ID here MUST be TRANSPORT_PARAMETER_ERROR */
	if (!a->cid.len || a->cid.len > QUIC_CID_MAX)
		return ERROR;
	quic_cur_bytes(c, a->cid.id, a->cid.len);
	quic_cur_bytes(c, a->token, sizeof(a->token));
	tp->has_preferred = true;
	return 0;
}

static void keep_version(struct quic_tparam *tp, u32 version)
{
	if (quic_version_known(version) && tp->nversions < QUIC_TPARAM_VERSIONS)
		tp->versions[tp->nversions++] = version;
}

/* RFC 9368 §3, §4 */
static int parse_versions(struct quic_cur *c, struct quic_tparam *tp, bool from_client)
{
	bool chosen = false;
	u32 version;

	tp->chosen_version = quic_cur_u32(c);
	if (!tp->chosen_version)
		return ERROR;
	tp->versions_empty = !quic_cur_left(c);
	while (quic_cur_left(c)) {
		version = quic_cur_u32(c);
		/* RFC 9368 §4: zero, and a cut version, MUST be a parsing failure */
		if (!version)
			return ERROR;
		chosen |= version == tp->chosen_version;
		keep_version(tp, version);
	}
	tp->has_versions = true;
	/* RFC 9368 §4: the client's Chosen Version MUST be among its Available ones */
	return from_client && !chosen ? ERROR : 0;
}

static bool server_only(u64 id)
{
	return id == ID_ODCID || id == ID_TOKEN || id == ID_PREFERRED || id == ID_RSCID;
}

/* Those that are neither integers nor flags; true: @id is one of them. */
static bool parse_other(struct quic_cur *c, u64 id, struct quic_tparam *tp,
			bool from_client, int *err)
{
	switch (id) {
	case ID_ODCID:
		*err = parse_cid_value(c, &tp->odcid, &tp->has_odcid);
		return true;
	case ID_ISCID:
		*err = parse_cid_value(c, &tp->iscid, &tp->has_iscid);
		return true;
	case ID_RSCID:
		*err = parse_cid_value(c, &tp->rscid, &tp->has_rscid);
		return true;
	case ID_TOKEN:
		quic_cur_bytes(c, tp->token, sizeof(tp->token));
		tp->has_token = true;
		return true;
	case ID_PREFERRED:
		*err = parse_preferred(c, tp);
		return true;
	case ID_VERSIONS:
		*err = parse_versions(c, tp, from_client);
		return true;
	}
	return false;
}

static int parse_integer(struct quic_cur *c, const struct integer *i, struct quic_tparam *tp)
{
	u64 v = quic_cur_varint(c);

	*integer_of(tp, i) = v;
	return v < i->min || v > i->max ? ERROR : 0;
}

static const struct integer *find_integer(u64 id)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(integers); i++)
		if (integers[i].id == id)
			return &integers[i];
	return NULL;
}

static const struct flag *find_flag(u64 id)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].id == id)
			return &flags[i];
	return NULL;
}

/* The bit of a known parameter in the set of those seen; 0: unknown. */
static u64 seen_bit(u64 id)
{
	const struct flag *f = find_flag(id);

	if (f)
		return BIT_ULL(40 + (f - flags));
	return id <= ID_VERSIONS || id == ID_DATAGRAM ? BIT_ULL(id) : 0;
}

/* One parameter, its value alone in @c. */
static int parse_one(struct quic_cur *c, u64 id, struct quic_tparam *tp, bool from_client)
{
	const struct integer *i = find_integer(id);
	const struct flag *f = find_flag(id);
	int err = 0;

	/* RFC 9000 §18.2: server-only ones from a client MUST be an error */
	if (from_client && server_only(id))
		return ERROR;
	if (i)
		err = parse_integer(c, i, tp);
	else if (f)
		*flag_of(tp, f) = true;		/* RFC 9287 §3: no value, see below */
	else if (!parse_other(c, id, tp, from_client, &err))
		return 0;
	return err || c->bad || quic_cur_left(c) ? ERROR : 0;
}

int quic_tparam_parse(struct quic_tparam *tp, const u8 *p, u32 len, bool from_client)
{
	struct quic_cur c, value;
	u64 id, n, seen = 0;
	const u8 *v;

	quic_tparam_default(tp);
	quic_cur_init(&c, p, len);
	while (quic_cur_left(&c)) {
		id = quic_cur_varint(&c);
		n = quic_cur_varint(&c);
		v = quic_cur_take(&c, n);
		/* RFC 9000 §7.4: duplicates SHOULD be an error (unknown ones: not remembered) */
		if (!v || seen & seen_bit(id))
			return ERROR;
		seen |= seen_bit(id);
		quic_cur_init(&value, v, n);
		if (parse_one(&value, id, tp, from_client))
			return ERROR;
	}
	/* RFC 9000 §18.2: no preferred address from a server with an empty ID */
	return tp->has_preferred && tp->has_iscid && !tp->iscid.len ? ERROR : 0;
}

int quic_tparam_check_cids(const struct quic_tparam *tp, bool from_client,
			   const struct quic_cid *iscid, const struct quic_cid *odcid,
			   const struct quic_cid *rscid)
{
	/* RFC 9000 §7.3: absence of either, or a mismatch, MUST be an error */
	if (!tp->has_iscid || !quic_cid_equal(&tp->iscid, iscid))
		return ERROR;
	if (from_client)
		return 0;
	if (!tp->has_odcid || !quic_cid_equal(&tp->odcid, odcid))
		return ERROR;
	/* RFC 9000 §7.3: there after a Retry, and only then */
	if (tp->has_rscid != !!rscid)
		return ERROR;
	return rscid && !quic_cid_equal(&tp->rscid, rscid) ? ERROR : 0;
}

static bool has_version(const struct quic_tparam *tp, u32 version)
{
	unsigned int i;

	for (i = 0; i < tp->nversions; i++)
		if (tp->versions[i] == version)
			return true;
	return false;
}

/*
 * RFC 9368 §4: would the client, offered the server's list and the version
 * negotiated, have attempted the same?  There is one that it ever takes.
 */
static bool would_attempt(const struct quic_tparam *server, u32 version, u32 attempted)
{
	return attempted == version || has_version(server, attempted);
}

int quic_tparam_check_version(const struct quic_tparam *tp, bool from_client,
			      const struct quic_tparam *own, u32 version, u32 attempted)
{
	const int error = QUIC_TRANSPORT_ERROR_VERSION_NEGOTIATION;

	/*
	 * RFC 9368 §4: MUST NOT be missing from the server's after Version
	 * Negotiation; §8: but a version 1 server may be one that knows no other
	 */
	if (!tp->has_versions)
		return !from_client && attempted && version != QUIC_VERSION_V1 ? error : 0;
	/* RFC 9368 §4: MUST be the version of the first flight, or the negotiated one */
	if (tp->chosen_version != version)
		return error;
	if (from_client)
		return 0;
	/* RFC 9368 §4: MUST be one that the client sent as available */
	if (!has_version(own, version))
		return error;
	/* RFC 9368 §4: an empty list after Version Negotiation MUST be an error too */
	if (attempted && (tp->versions_empty || !would_attempt(tp, version, attempted)))
		return error;
	return 0;
}

static void put_integers(struct quic_wr *w, const struct quic_tparam *tp)
{
	const struct integer *i;
	u64 v;

	for (i = integers; i < integers + ARRAY_SIZE(integers); i++) {
		v = *integer_of(tp, i);
		if (v == i->absent)
			continue;
		quic_wr_varint(w, i->id);
		quic_wr_varint(w, quic_varint_len(v));
		quic_wr_varint(w, v);
	}
}

static void put_flags(struct quic_wr *w, const struct quic_tparam *tp)
{
	const struct flag *f;

	for (f = flags; f < flags + ARRAY_SIZE(flags); f++) {
		if (!*flag_of(tp, f))
			continue;
		quic_wr_varint(w, f->id);
		quic_wr_varint(w, 0);
	}
}

static void put_bytes(struct quic_wr *w, u8 id, const u8 *p, u32 len)
{
	quic_wr_varint(w, id);
	quic_wr_varint(w, len);
	quic_wr_bytes(w, p, len);
}

static void put_cid_param(struct quic_wr *w, u8 id, bool has, const struct quic_cid *cid)
{
	if (has)
		put_bytes(w, id, cid->id, cid->len);
}

static void put_preferred(struct quic_wr *w, const struct quic_preferred_addr *a)
{
	quic_wr_varint(w, ID_PREFERRED);
	quic_wr_varint(w, sizeof(a->ipv4) + 2 + sizeof(a->ipv6) + 2 + 1 + a->cid.len +
			  sizeof(a->token));
	quic_wr_bytes(w, a->ipv4, sizeof(a->ipv4));
	quic_wr_u16(w, a->port4);
	quic_wr_bytes(w, a->ipv6, sizeof(a->ipv6));
	quic_wr_u16(w, a->port6);
	quic_wr_u8(w, a->cid.len);
	quic_wr_bytes(w, a->cid.id, a->cid.len);
	quic_wr_bytes(w, a->token, sizeof(a->token));
}

static void put_versions(struct quic_wr *w, const struct quic_tparam *tp)
{
	unsigned int i;

	quic_wr_varint(w, ID_VERSIONS);
	quic_wr_varint(w, 4 * (1 + tp->nversions));
	quic_wr_u32(w, tp->chosen_version);
	for (i = 0; i < tp->nversions; i++)
		quic_wr_u32(w, tp->versions[i]);
}

/* RFC 9000 §18.1: a reserved one, so that peers keep ignoring what they do not know */
static void put_grease(struct quic_wr *w)
{
	u8 noise[16];
	u32 len = get_random_u32_below(sizeof(noise));

	get_random_bytes(noise, len);
	quic_wr_varint(w, 31ULL * get_random_u32() + 27);
	quic_wr_varint(w, len);
	quic_wr_bytes(w, noise, len);
}

int quic_tparam_put(const struct quic_tparam *tp, u8 *p, u32 len, bool is_client)
{
	struct quic_wr w;

	quic_wr_init(&w, p, len);
	put_integers(&w, tp);
	put_flags(&w, tp);
	put_cid_param(&w, ID_ISCID, tp->has_iscid, &tp->iscid);
	if (tp->has_versions)
		put_versions(&w, tp);
	/* RFC 9000 §18.2: a client MUST NOT include any of these */
	if (!is_client) {
		put_cid_param(&w, ID_ODCID, tp->has_odcid, &tp->odcid);
		put_cid_param(&w, ID_RSCID, tp->has_rscid, &tp->rscid);
		if (tp->has_token)
			put_bytes(&w, ID_TOKEN, tp->token, sizeof(tp->token));
		if (tp->has_preferred)
			put_preferred(&w, &tp->preferred);
	}
	put_grease(&w);
	return w.bad ? -EMSGSIZE : w.p - p;
}

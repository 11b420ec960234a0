// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ALPN peek: what a listener must know of a TLS ClientHello (RFC 8446
 * §4.1.2) to route it: the ALPN list (RFC 7301 §3.1), the server name (RFC
 * 6066 §3) and the transport parameters (RFC 9001 §8.2).  The message is judged as a whole, once all of it is there; the
 * listener puts it together from CRYPTO frames of any order first.
 *
 * Nothing here is authenticated, and TLS in userspace will look at all of it
 * again: a message that is not well formed is not routed, and that is all.
 * Callers: listen and handshake, on a flat copy of the stream; keeps no state.
 */
#include "clienthello.h"

#define CLIENT_HELLO	1	/* RFC 8446 §4, HandshakeType */
#define EXT_SERVER_NAME	0	/* RFC 8446 §4.2, ExtensionType */
#define EXT_ALPN	16
#define EXT_PARAMS	0x39	/* RFC 9001 §8.2 */
#define HOST_NAME	0	/* RFC 6066 §3, NameType */

/* A cursor over the vector with a length of @n bytes that comes next in @c. */
static void take_vector(struct quic_cur *c, unsigned int n, struct quic_cur *to)
{
	u32 len = quic_cur_be(c, n);
	const u8 *p = quic_cur_take(c, len);

	quic_cur_init(to, p, p ? len : 0);
	to->bad = !p;
}

/* RFC 7301 §3.1: the one list in the extension; no name may be empty */
static bool parse_alpn(struct quic_cur *ext, struct quic_clienthello *ch)
{
	struct quic_cur list, name;

	take_vector(ext, 2, &list);
	ch->alpn = list.p;
	ch->alpn_len = quic_cur_left(&list);
	if (list.bad || !ch->alpn_len)
		return false;
	while (quic_cur_left(&list)) {
		take_vector(&list, 1, &name);
		if (!quic_cur_left(&name))
			return false;
	}
	return true;
}

/* RFC 6066 §3: the first name of type host_name */
static bool parse_sni(struct quic_cur *ext, struct quic_clienthello *ch)
{
	struct quic_cur list, name;
	u8 type;

	take_vector(ext, 2, &list);
	if (!quic_cur_left(&list))
		return false;
	while (quic_cur_left(&list)) {
		type = quic_cur_u8(&list);
		take_vector(&list, 2, &name);
		if (!quic_cur_left(&name))
			return false;
		if (type != HOST_NAME || ch->sni)
			continue;
		ch->sni = name.p;
		ch->sni_len = quic_cur_left(&name);
	}
	return true;
}

/* One extension; false: malformed, or there twice (RFC 8446 §4.2). */
static bool parse_extension(u16 type, struct quic_cur *ext, struct quic_clienthello *ch)
{
	if (type == EXT_ALPN)
		return !ch->alpn && parse_alpn(ext, ch) && !quic_cur_left(ext);
	if (type == EXT_SERVER_NAME)
		return !ch->sni && parse_sni(ext, ch) && !quic_cur_left(ext);
	if (type != EXT_PARAMS)
		return true;
	if (ch->params)
		return false;
	ch->params = ext->p;
	ch->params_len = quic_cur_left(ext);
	return true;
}

static bool parse_extensions(struct quic_cur *exts, struct quic_clienthello *ch)
{
	struct quic_cur ext;
	u16 type;

	while (quic_cur_left(exts)) {
		type = quic_cur_u16(exts);
		take_vector(exts, 2, &ext);
		if (ext.bad || !parse_extension(type, &ext, ch))
			return false;
	}
	return true;
}

/* RFC 8446 §4.1.2, from legacy_version on */
static bool parse_hello(struct quic_cur *c, struct quic_clienthello *ch)
{
	struct quic_cur session, suites, compression, exts;

	quic_cur_take(c, 2 + 32);		/* legacy_version, random */
	take_vector(c, 1, &session);
	take_vector(c, 2, &suites);
	take_vector(c, 1, &compression);
	take_vector(c, 2, &exts);
	if (exts.bad || !quic_cur_left(&suites) || !quic_cur_left(&compression))
		return false;
	return !quic_cur_left(c) && parse_extensions(&exts, ch);
}

int quic_clienthello_parse(const u8 *p, u32 len, struct quic_clienthello *ch)
{
	struct quic_cur c, body;

	memset(ch, 0, sizeof(*ch));
	if (len && *p != CLIENT_HELLO)
		return -EBADMSG;
	if (len < 4)
		return -EAGAIN;
	quic_cur_init(&c, p, len);
	quic_cur_u8(&c);
	ch->len = 4 + quic_cur_be(&c, 3);
	if (ch->len > QUIC_CLIENTHELLO_MAX)
		return -EBADMSG;
	if (ch->len > len)
		return -EAGAIN;
	quic_cur_init(&body, c.p, ch->len - 4);
	return parse_hello(&body, ch) ? 0 : -EBADMSG;
}

bool quic_clienthello_has_alpn(const struct quic_clienthello *ch,
			       const u8 *name, u32 len)
{
	struct quic_cur list, one;

	quic_cur_init(&list, ch->alpn, ch->alpn_len);
	while (quic_cur_left(&list)) {
		take_vector(&list, 1, &one);
		if (quic_cur_left(&one) == len && !memcmp(one.p, name, len))
			return true;
	}
	return false;
}

bool quic_clienthello_match(const struct quic_clienthello *ch, const char *list,
			    const char **name, u32 *len)
{
	for (list += strspn(list, ", "); *list; list += strspn(list, ", ")) {
		*name = list;
		*len = strcspn(list, ",");
		if (quic_clienthello_has_alpn(ch, (const u8 *)list, *len))
			return true;
		list += *len;
	}
	return false;
}

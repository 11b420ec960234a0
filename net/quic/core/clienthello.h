/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ALPN peek: finds the ALPN list (RFC 7301 §3.1) and the server name in a
 * ClientHello (RFC 8446 §4.1.2) that may still be incomplete.
 */
#ifndef _QUIC_CLIENTHELLO_H
#define _QUIC_CLIENTHELLO_H

#include "wire.h"

#define QUIC_CLIENTHELLO_MAX	16384	/* bytes buffered before routing */

struct quic_clienthello {
	const u8 *alpn;		/* ProtocolNameList: (u8 length, bytes)*; NULL: none */
	u32 alpn_len;
	const u8 *sni;		/* host_name, not terminated; NULL: none */
	u32 sni_len;
	const u8 *params;	/* quic_transport_parameters; NULL: none */
	u32 params_len;
	u32 len;		/* of the whole message with its 4-byte header */
};

/* 0 complete; -EAGAIN more bytes needed; -EBADMSG not a ClientHello. */
int quic_clienthello_parse(const u8 *p, u32 len, struct quic_clienthello *ch);
/*
 * Is @name (of @len bytes) in the peer's list?  and: the first name of our
 * comma-separated @list (spaces after a comma skipped) that is in @ch.
 */
bool quic_clienthello_has_alpn(const struct quic_clienthello *ch,
			       const u8 *name, u32 len);
bool quic_clienthello_match(const struct quic_clienthello *ch, const char *list,
			    const char **name, u32 *len);

#endif /* _QUIC_CLIENTHELLO_H */

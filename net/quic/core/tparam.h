/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Transport parameters, RFC 9000 §18, RFC 9221 §3, RFC 9287 §3, RFC 9368 §3,
 * on the wire; the socket option's struct quic_transport_param is made from
 * this one by the kernel side.
 */
#ifndef _QUIC_TPARAM_H
#define _QUIC_TPARAM_H

#include "wire.h"

#define QUIC_TPARAM_EXT_MAX	512	/* all of ours fit, the greased one too */
#define QUIC_TPARAM_VERSIONS	8

struct quic_preferred_addr {
	u8 ipv4[4];
	u16 port4;		/* host order; 0: no IPv4 address */
	u8 ipv6[16];
	u16 port6;
	struct quic_cid cid;
	u8 token[QUIC_RESET_TOKEN_LEN];
};

struct quic_tparam {
	/* values; what was absent has RFC 9000's default */
	u64 max_idle_timeout;		/* ms; 0: none */
	u64 max_udp_payload_size;
	u64 max_data;
	u64 max_stream_data_bidi_local;
	u64 max_stream_data_bidi_remote;
	u64 max_stream_data_uni;
	u64 max_streams_bidi;
	u64 max_streams_uni;
	u64 ack_delay_exponent;
	u64 max_ack_delay;		/* ms */
	u64 active_connection_id_limit;
	u64 max_datagram_frame_size;
	bool disable_active_migration;
	bool grease_quic_bit;
	bool disable_1rtt_encryption;	/* 0xbaad, draft-banks-quic-disable-encryption */
	/* what may be absent */
	bool has_odcid, has_iscid, has_rscid, has_token, has_preferred, has_versions;
	struct quic_cid odcid;		/* original_destination_connection_id */
	struct quic_cid iscid;		/* initial_source_connection_id */
	struct quic_cid rscid;		/* retry_source_connection_id */
	u8 token[QUIC_RESET_TOKEN_LEN];	/* stateless_reset_token */
	struct quic_preferred_addr preferred;
	u32 chosen_version;		/* version_information */
	u32 versions[QUIC_TPARAM_VERSIONS];	/* Available Versions that we speak, in order */
	unsigned int nversions;
	bool versions_empty;		/* nothing at all was listed as available */
};

void quic_tparam_default(struct quic_tparam *tp);	/* RFC 9000 §18.2 */
/*
 * 0 or QUIC_TRANSPORT_ERROR_TRANSPORT_PARAM for all that RFC 9000 §7.4 and
 * §18.2, RFC 9287 §3 and RFC 9368 §4 forbid (duplicates, values out of range,
 * server-only ones from a client).  What depends on the connection is checked
 * by the two functions below.
 */
int quic_tparam_parse(struct quic_tparam *tp, const u8 *p, u32 len, bool from_client);
/*
 * RFC 9000 §7.3: does the peer's @tp name the connection IDs of the handshake?
 * @iscid: Source Connection ID of its first Initial.  From a server also
 * @odcid, our first Destination ID, and @rscid, that of its Retry (NULL: no
 * Retry).  0 or QUIC_TRANSPORT_ERROR_TRANSPORT_PARAM.
 */
int quic_tparam_check_cids(const struct quic_tparam *tp, bool from_client,
			   const struct quic_cid *iscid, const struct quic_cid *odcid,
			   const struct quic_cid *rscid);
/*
 * RFC 9368 §4: the server checks that the client's Chosen Version is the one of
 * its first flight (@version; @own and @attempted do not matter); the client
 * that the server's is among its @own, is the one negotiated (@version), and, if
 * Version Negotiation led it to a first flight in version @attempted (else 0),
 * that the server's list would have done so too.
 * 0 or QUIC_TRANSPORT_ERROR_VERSION_NEGOTIATION.
 */
int quic_tparam_check_version(const struct quic_tparam *tp, bool from_client,
			      const struct quic_tparam *own, u32 version, u32 attempted);
/* Bytes written, or -EMSGSIZE.  Adds one greased parameter (§18.1). */
int quic_tparam_put(const struct quic_tparam *tp, u8 *p, u32 len, bool is_client);

#endif /* _QUIC_TPARAM_H */

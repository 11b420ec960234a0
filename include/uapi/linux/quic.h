/* SPDX-License-Identifier: GPL-2.0-or-later WITH Linux-syscall-note */
/*
 * QUIC sockets: the interface between programs and quic.ko.
 *
 * Names and field order are those of the IETF draft "Sockets API Extensions
 * for In-kernel QUIC Implementations"; every name of its version -01 is kept
 * as an alias at the end.  Every structure may be passed shorter (it is
 * extended with zeros) or longer (the tail must be zero, else E2BIG); a
 * getsockopt() clips and returns the length that it wrote.  Reserved fields
 * must be zero on input.
 *
 * All times are microseconds unless a name says otherwise; all sizes bytes.
 */
#ifndef _UAPI_LINUX_QUIC_H
#define _UAPI_LINUX_QUIC_H

#include <linux/types.h>
#ifdef __KERNEL__
#include <linux/socket.h>
#else
#include <sys/socket.h>
#endif

#ifndef IPPROTO_QUIC
#define IPPROTO_QUIC	261	/* not an IANA number: only for socket() */
#endif
#ifndef SOL_QUIC
#define SOL_QUIC	288
#endif

/* sendmsg() and recvmsg() flags, also quic_stream_info.stream_flags */
#define MSG_QUIC_STREAM_FIN		0x200	/* MSG_FIN: last data of the stream */
#define MSG_QUIC_STREAM_NEW		0x400	/* MSG_SYN: open the stream */
#define MSG_QUIC_STREAM_UNI		0x800	/* MSG_CONFIRM: unidirectional */
#define MSG_QUIC_DATAGRAM		0x1000	/* MSG_RST: an unreliable datagram */
#define MSG_QUIC_STREAM_SNDBLOCK	0x2000	/* MSG_ERRQUEUE: send *_BLOCKED frames */
#define MSG_QUIC_NOTIFICATION		0x8000	/* MSG_MORE: received data is an event */
#define MSG_QUIC_STREAM_DONTWAIT	0x10000	/* MSG_WAITFORONE: open without waiting */

/* Control messages of level SOL_QUIC; at most one of them in a call */
enum quic_cmsg_type {
	QUIC_STREAM_INFO,	/* struct quic_stream_info */
	QUIC_HANDSHAKE_INFO,	/* struct quic_handshake_info */
};

/* RFC 9000 §2.1: the two low bits of a stream ID */
#define QUIC_STREAM_TYPE_CLIENT_MASK	0x00
#define QUIC_STREAM_TYPE_SERVER_MASK	0x01
#define QUIC_STREAM_TYPE_UNI_MASK	0x02
#define QUIC_STREAM_TYPE_MASK		0x03

struct quic_stream_info {
	__s64	stream_id;	/* -1: the active stream, or the next with STREAM_NEW */
	__u32	stream_flags;	/* MSG_QUIC_STREAM_* */
	__u32	reserved;
};

enum quic_crypto_level {
	QUIC_CRYPTO_APP,	/* 1-RTT */
	QUIC_CRYPTO_INITIAL,
	QUIC_CRYPTO_HANDSHAKE,
	QUIC_CRYPTO_EARLY,	/* 0-RTT */
	QUIC_CRYPTO_MAX,
};

struct quic_handshake_info {
	__u8	crypto_level;	/* enum quic_crypto_level */
	__u8	reserved[7];
};

/* Socket options of level SOL_QUIC */
#define QUIC_SOCKOPT_EVENT			0	/* struct quic_event_option */
#define QUIC_SOCKOPT_STREAM_OPEN		1	/* get: struct quic_stream_info */
#define QUIC_SOCKOPT_STREAM_RESET		2	/* set: struct quic_errinfo */
#define QUIC_SOCKOPT_STREAM_STOP_SENDING	3	/* set: struct quic_errinfo */
#define QUIC_SOCKOPT_CONNECTION_ID		4	/* struct quic_connection_id_info */
#define QUIC_SOCKOPT_CONNECTION_CLOSE		5	/* struct quic_connection_close */
#define QUIC_SOCKOPT_CONNECTION_MIGRATION	6	/* set: struct sockaddr_storage */
#define QUIC_SOCKOPT_KEY_UPDATE			7	/* set: no value */
#define QUIC_SOCKOPT_TRANSPORT_PARAM		8	/* struct quic_transport_param */
#define QUIC_SOCKOPT_CONFIG			9	/* struct quic_config */
#define QUIC_SOCKOPT_TOKEN			10	/* bytes, 1 to 512 */
#define QUIC_SOCKOPT_ALPN			11	/* text, 1 to 256 bytes, comma list */
#define QUIC_SOCKOPT_SESSION_TICKET		12	/* bytes, at most 4096 */
#define QUIC_SOCKOPT_CRYPTO_SECRET		13	/* set: struct quic_crypto_secret */
#define QUIC_SOCKOPT_TRANSPORT_PARAM_EXT	14	/* bytes, RFC 9000 §18 */
#define QUIC_SOCKOPT_STREAM_PEELOFF		15	/* get: struct quic_stream_peeloff */
/* Ours, not the draft's */
#define QUIC_SOCKOPT_BYTE_STREAM		64	/* int: be one stream, as TCP is */
#define QUIC_SOCKOPT_PREFERRED_VERSION		65	/* __u32: client: be moved to it, RFC 9368 */

#define QUIC_VERSION_V1		0x00000001U	/* RFC 9000 */
#define QUIC_VERSION_V2		0x6b3343cfU	/* RFC 9369 */

#define QUIC_MIN_PROBE_TIMEOUT	5000000U	/* least plpmtud_probe_interval, us */
#define QUIC_RTO_MIN		100000U		/* us */
#define QUIC_RTO_MAX		6000000U	/* most initial_smoothed_rtt, us */

enum quic_cong_algo {
	QUIC_CONG_ALG_RENO,	/* RFC 9002 §7 */
	QUIC_CONG_ALG_CUBIC,	/* RFC 9438 */
	QUIC_CONG_ALG_MAX,
};

/* In a set, a zero field means 'leave as it is'. */
struct quic_transport_param {
	__u8	remote;				/* get or set the peer's */
	__u8	disable_active_migration;	/* 0 by default */
	__u8	grease_quic_bit;		/* 0; RFC 9287 */
	__u8	stateless_reset;		/* 0; send a stateless reset token */
	__u8	disable_1rtt_encryption;	/* 0 */
	__u8	disable_compatible_version;	/* 0; RFC 9368 */
	__u8	active_connection_id_limit;	/* 7; 2 to 8 */
	__u8	ack_delay_exponent;		/* 3; at most 20 */
	__u16	max_datagram_frame_size;	/* 0; RFC 9221 */
	__u16	max_udp_payload_size;		/* 65527; 1200 to 65527 */
	__u32	max_idle_timeout;		/* 30000000 us */
	__u32	max_ack_delay;			/* 25000 us; less than 2^14 ms */
	__u16	max_streams_bidi;		/* 100 */
	__u16	max_streams_uni;		/* 100 */
	__u64	max_data;			/* 65536 * 32 */
	__u64	max_stream_data_bidi_local;	/* 65536 * 4 */
	__u64	max_stream_data_bidi_remote;	/* 65536 * 4 */
	__u64	max_stream_data_uni;		/* 65536 * 4 */
	__u64	reserved[4];
};

/* In a set, a zero field means 'leave as it is'. */
struct quic_config {
	__u32	version;			/* QUIC_VERSION_V1 by default */
	__u32	plpmtud_probe_interval;		/* us; 0 (off), or from 5 s */
	__u32	initial_smoothed_rtt;		/* us; 333000; 1 ms to 6 s */
	__u32	payload_cipher_type;		/* TLS_CIPHER_*; 0: any */
	__u8	congestion_control_algo;	/* enum quic_cong_algo */
	__u8	validate_peer_address;		/* server: always answer with Retry */
	__u8	stream_data_nodelay;		/* 1: no Nagle */
	__u8	receive_session_ticket;		/* s; kernel consumers */
	__u8	certificate_request;		/* kernel consumers: 0 ignore, 1 request, 2 require */
	__u8	reserved1[3];
	__u32	keepalive_probe_interval;	/* us; 0 (off), or from 1.5 s */
	__u8	reserved[36];
};

struct quic_crypto_secret {
	__u8	send;		/* 0: receiving, else sending */
	__u8	level;		/* enum quic_crypto_level */
	__u16	reserved;
	__u32	type;		/* TLS_CIPHER_* of <linux/tls.h> */
#define QUIC_CRYPTO_SECRET_BUFFER_SIZE	48
	__u8	secret[QUIC_CRYPTO_SECRET_BUFFER_SIZE];
};

struct quic_connection_id_info {
	__u8	dest;		/* 0: our source IDs, else the peer's */
	__u8	reserved[3];
	__u32	active;		/* sequence number in use */
	__u32	prior_to;	/* lowest live sequence number */
};

struct quic_event_option {
	__u8	type;		/* enum quic_event_type */
	__u8	on;
};

struct quic_errinfo {
	__s64	stream_id;
	__u32	errcode;	/* application protocol error code */
	__u32	reserved;
};

struct quic_stream_peeloff {
	__s64	stream_id;
	__u32	flags;		/* O_CLOEXEC, O_NONBLOCK */
	int	sd;		/* out: the new descriptor */
};

/* Events: one byte of type, then the content (so it is not aligned) */
enum quic_event_type {
	QUIC_EVENT_NONE,
	QUIC_EVENT_STREAM_UPDATE,	/* struct quic_stream_update */
	QUIC_EVENT_STREAM_MAX_DATA,	/* struct quic_stream_max_data */
	QUIC_EVENT_STREAM_MAX_STREAM,	/* __u64: limit << 2 | stream type */
	QUIC_EVENT_CONNECTION_ID,	/* struct quic_connection_id_info */
	QUIC_EVENT_CONNECTION_CLOSE,	/* struct quic_connection_close */
	QUIC_EVENT_CONNECTION_MIGRATION, /* __u8: 1 local, 0 by the peer */
	QUIC_EVENT_KEY_UPDATE,		/* __u8: key phase */
	QUIC_EVENT_NEW_TOKEN,		/* bytes */
	QUIC_EVENT_NEW_SESSION_TICKET,	/* bytes */
	QUIC_EVENT_MAX,
};
#define QUIC_EVENT_END	QUIC_EVENT_MAX

/* RFC 9000 §3.1 and §3.2 */
enum quic_stream_state {
	QUIC_STREAM_SEND_STATE_READY,
	QUIC_STREAM_SEND_STATE_SEND,
	QUIC_STREAM_SEND_STATE_SENT,
	QUIC_STREAM_SEND_STATE_RECVD,
	QUIC_STREAM_SEND_STATE_RESET_SENT,
	QUIC_STREAM_SEND_STATE_RESET_RECVD,

	QUIC_STREAM_RECV_STATE_RECV,
	QUIC_STREAM_RECV_STATE_SIZE_KNOWN,
	QUIC_STREAM_RECV_STATE_RECVD,
	QUIC_STREAM_RECV_STATE_READ,
	QUIC_STREAM_RECV_STATE_RESET_RECVD,
	QUIC_STREAM_RECV_STATE_RESET_READ,
};

struct quic_stream_update {
	__s64	id;
	__u8	state;		/* enum quic_stream_state */
	__u8	reserved[3];
	__u32	errcode;	/* RESET_SENT, RESET_RECVD */
	__u64	finalsz;	/* SIZE_KNOWN, RECVD, RESET_RECVD */
};

struct quic_stream_max_data {
	__s64	id;
	__u64	max_data;
};

struct quic_connection_close {
	__u32	errcode;
	__u8	frame;		/* frame type at fault, 0 in a set */
	__u8	reserved[3];
	__u8	phrase[];	/* not terminated; at most 1024 bytes */
};

/* What follows the type byte of an event, read with memcpy() or packed */
union quic_event {
	struct quic_stream_update	update;
	struct quic_stream_max_data	max_data;
	struct quic_connection_close	close;
	struct quic_connection_id_info	info;
	__u64				max_stream;
	__u8				local_migration;
	__u8				key_update_phase;
} __attribute__((packed));

/* RFC 9000 §20.1, RFC 9001 §4.8, RFC 9368 */
enum quic_transport_error {
	QUIC_TRANSPORT_ERROR_NONE			= 0x00,
	QUIC_TRANSPORT_ERROR_INTERNAL			= 0x01,
	QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED		= 0x02,
	QUIC_TRANSPORT_ERROR_FLOW_CONTROL		= 0x03,
	QUIC_TRANSPORT_ERROR_STREAM_LIMIT		= 0x04,
	QUIC_TRANSPORT_ERROR_STREAM_STATE		= 0x05,
	QUIC_TRANSPORT_ERROR_FINAL_SIZE			= 0x06,
	QUIC_TRANSPORT_ERROR_FRAME_ENCODING		= 0x07,
	QUIC_TRANSPORT_ERROR_TRANSPORT_PARAM		= 0x08,
	QUIC_TRANSPORT_ERROR_CONNECTION_ID_LIMIT	= 0x09,
	QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION		= 0x0a,
	QUIC_TRANSPORT_ERROR_INVALID_TOKEN		= 0x0b,
	QUIC_TRANSPORT_ERROR_APPLICATION		= 0x0c,
	QUIC_TRANSPORT_ERROR_CRYPTO_BUF_EXCEEDED	= 0x0d,
	QUIC_TRANSPORT_ERROR_KEY_UPDATE			= 0x0e,
	QUIC_TRANSPORT_ERROR_AEAD_LIMIT_REACHED		= 0x0f,
	QUIC_TRANSPORT_ERROR_NO_VIABLE_PATH		= 0x10,
	QUIC_TRANSPORT_ERROR_VERSION_NEGOTIATION	= 0x11,
	/* 0x0100 + TLS alert; RFC 9001 §4.8 */
	QUIC_TRANSPORT_ERROR_CRYPTO			= 0x0100,
};

/* Names of the draft's version -01 */
#define MSG_STREAM_NEW		MSG_QUIC_STREAM_NEW
#define MSG_STREAM_FIN		MSG_QUIC_STREAM_FIN
#define MSG_STREAM_UNI		MSG_QUIC_STREAM_UNI
#define MSG_STREAM_DONTWAIT	MSG_QUIC_STREAM_DONTWAIT
#define MSG_STREAM_SNDBLOCK	MSG_QUIC_STREAM_SNDBLOCK
#define MSG_DATAGRAM		MSG_QUIC_DATAGRAM
#define MSG_NOTIFICATION	MSG_QUIC_NOTIFICATION
#define QUIC_STREAM_UNI		MSG_QUIC_STREAM_UNI
#define QUIC_STREAM_DONTWAIT	MSG_QUIC_STREAM_DONTWAIT

#endif /* _UAPI_LINUX_QUIC_H */

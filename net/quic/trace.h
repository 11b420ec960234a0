/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tracepoints "quic:*", what tools/qlog makes qlog files of.  'conn' is the
 * number of the socket in its namespace.  Nothing is computed, and the core
 * makes no call, unless one of those marked _FN is on (quic_tracing).
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM quic

#if !defined(_QUIC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _QUIC_TRACE_H

#include <linux/tracepoint.h>
#include "netns.h"

int quic_trace_reg(void);
void quic_trace_unreg(void);

#define show_level(l)	__print_symbolic(l,			\
	{ QUIC_CRYPTO_APP,	"1RTT" },			\
	{ QUIC_CRYPTO_INITIAL,	"initial" },			\
	{ QUIC_CRYPTO_HANDSHAKE, "handshake" },			\
	{ QUIC_CRYPTO_EARLY,	"0RTT" })

#define show_state(s)	__print_symbolic(s,			\
	{ QUIC_CONN_IDLE,	"idle" },			\
	{ QUIC_CONN_HANDSHAKE,	"handshake" },			\
	{ QUIC_CONN_ESTABLISHED, "established" },		\
	{ QUIC_CONN_CLOSING,	"closing" },			\
	{ QUIC_CONN_DRAINING,	"draining" },			\
	{ QUIC_CONN_CLOSED,	"closed" })

#define show_drop(m)	__print_symbolic(m,			\
	{ QUIC_MIB_DROP_HEADER,	"invalid" },			\
	{ QUIC_MIB_DROP_CID,	"connection_unknown" },		\
	{ QUIC_MIB_DROP_VERSION, "unsupported" },		\
	{ QUIC_MIB_DROP_NOKEY,	"key_unavailable" },		\
	{ QUIC_MIB_DROP_AUTH,	"decryption_failure" },		\
	{ QUIC_MIB_DROP_DUP,	"duplicate" },			\
	{ QUIC_MIB_DROP_SMALL,	"invalid" },			\
	{ QUIC_MIB_DROP_MEMORY,	"internal_error" },		\
	{ QUIC_MIB_DROP_RETRY,	"rejected" },			\
	{ QUIC_MIB_DROP_VN,	"rejected" },			\
	{ QUIC_MIB_DROP_CLOSED,	"rejected" },			\
	{ QUIC_MIB_DROP_PATH,	"rejected" })

TRACE_EVENT_FN(quic_state,
	TP_PROTO(const struct quic_sock *qs, const struct sockaddr_in6 *local,
		 const struct sockaddr_in6 *remote),
	TP_ARGS(qs, local, remote),
	TP_STRUCT__entry(
		__field(u64, conn)
		__field(u8, server)
		__field(u8, state)
		__field(u8, closed_here)
		__field(u8, app)
		__field(u8, odcid_len)
		__field(int, err)
		__field(u32, version)
		__field(u64, code)
		__array(u8, odcid, QUIC_CID_MAX)
		__array(u8, local, sizeof(struct sockaddr_in6))
		__array(u8, remote, sizeof(struct sockaddr_in6))
	),
	TP_fast_assign(
		const struct quic_conn *c = &qs->conn;

		__entry->conn = qs->number;
		__entry->server = c->server;
		__entry->state = c->state;
		__entry->closed_here = c->close.local;
		__entry->app = c->close.app;
		__entry->err = c->close.err;
		__entry->version = c->version;
		__entry->code = c->close.code;
		__entry->odcid_len = c->odcid.len;
		memcpy(__entry->odcid, c->odcid.id, QUIC_CID_MAX);
		memcpy(__entry->local, local, sizeof(*local));
		memcpy(__entry->remote, remote, sizeof(*remote));
	),
	TP_printk("conn=%llu state=%s role=%s odcid=%s version=0x%x local=%pISpc remote=%pISpc err=%d by=%s code=%llu app=%u",
		  __entry->conn, show_state(__entry->state), __entry->server ? "server" : "client",
		  __print_hex_str(__entry->odcid, __entry->odcid_len), __entry->version,
		  __entry->local, __entry->remote, __entry->err,
		  __entry->closed_here ? "local" : "remote", __entry->code, __entry->app),
	quic_trace_reg, quic_trace_unreg
);

TRACE_EVENT_FN(quic_path,
	TP_PROTO(u64 conn, bool by_us, const struct sockaddr_in6 *local,
		 const struct sockaddr_in6 *remote),
	TP_ARGS(conn, by_us, local, remote),
	TP_STRUCT__entry(
		__field(u64, conn)
		__field(u8, by_us)
		__array(u8, local, sizeof(struct sockaddr_in6))
		__array(u8, remote, sizeof(struct sockaddr_in6))
	),
	TP_fast_assign(
		__entry->conn = conn;
		__entry->by_us = by_us;
		memcpy(__entry->local, local, sizeof(*local));
		memcpy(__entry->remote, remote, sizeof(*remote));
	),
	TP_printk("conn=%llu local=%pISpc remote=%pISpc by=%s", __entry->conn, __entry->local,
		  __entry->remote, __entry->by_us ? "local" : "remote"),
	quic_trace_reg, quic_trace_unreg
);

DECLARE_EVENT_CLASS(quic_packet,
	TP_PROTO(u64 conn, u8 level, u64 pn, u32 len),
	TP_ARGS(conn, level, pn, len),
	TP_STRUCT__entry(
		__field(u64, conn)
		__field(u64, pn)
		__field(u32, len)
		__field(u8, level)
	),
	TP_fast_assign(
		__entry->conn = conn;
		__entry->pn = pn;
		__entry->len = len;
		__entry->level = level;
	),
	TP_printk("conn=%llu type=%s pn=%llu len=%u", __entry->conn, show_level(__entry->level),
		  __entry->pn, __entry->len)
);

DEFINE_EVENT_FN(quic_packet, quic_packet_sent,
	TP_PROTO(u64 conn, u8 level, u64 pn, u32 len),
	TP_ARGS(conn, level, pn, len), quic_trace_reg, quic_trace_unreg);
DEFINE_EVENT_FN(quic_packet, quic_packet_received,
	TP_PROTO(u64 conn, u8 level, u64 pn, u32 len),
	TP_ARGS(conn, level, pn, len), quic_trace_reg, quic_trace_unreg);
DEFINE_EVENT_FN(quic_packet, quic_packet_lost,
	TP_PROTO(u64 conn, u8 level, u64 pn, u32 len),
	TP_ARGS(conn, level, pn, len), quic_trace_reg, quic_trace_unreg);

/* What the fields are for each type: trace.c */
TRACE_EVENT_FN(quic_frame,
	TP_PROTO(u64 conn, bool sent, u8 level, u64 pn, u8 type, u64 id, u64 off, u64 len, bool fin),
	TP_ARGS(conn, sent, level, pn, type, id, off, len, fin),
	TP_STRUCT__entry(
		__field(u64, conn)
		__field(u64, pn)
		__field(u64, id)
		__field(u64, off)
		__field(u64, len)
		__field(u8, sent)
		__field(u8, level)
		__field(u8, type)
		__field(u8, fin)
	),
	TP_fast_assign(
		__entry->conn = conn;
		__entry->sent = sent;
		__entry->level = level;
		__entry->pn = pn;
		__entry->type = type;
		__entry->id = id;
		__entry->off = off;
		__entry->len = len;
		__entry->fin = fin;
	),
	TP_printk("conn=%llu %s type=%s pn=%llu frame=0x%02x id=%llu off=%llu len=%llu fin=%u",
		  __entry->conn, __entry->sent ? "sent" : "received", show_level(__entry->level),
		  __entry->pn, __entry->type, __entry->id, __entry->off, __entry->len, __entry->fin),
	quic_trace_reg, quic_trace_unreg
);

TRACE_EVENT_FN(quic_packet_dropped,
	TP_PROTO(u64 conn, u8 why),
	TP_ARGS(conn, why),
	TP_STRUCT__entry(__field(u64, conn) __field(u8, why)),
	TP_fast_assign(
		__entry->conn = conn;
		__entry->why = why;
	),
	TP_printk("conn=%llu why=%s", __entry->conn, show_drop(__entry->why)),
	quic_trace_reg, quic_trace_unreg
);

/* Times in microseconds, sizes in bytes, the rate in bytes per second */
TRACE_EVENT_FN(quic_metrics,
	TP_PROTO(u64 conn, const struct quic_conn *c),
	TP_ARGS(conn, c),
	TP_STRUCT__entry(
		__field(u64, conn)
		__field(u64, cwnd)
		__field(u64, in_flight)
		__field(u64, ssthresh)
		__field(u64, srtt)
		__field(u64, rttvar)
		__field(u64, min_rtt)
		__field(u64, latest)
		__field(u32, pto)
		__field(u8, recovery)
	),
	TP_fast_assign(
		__entry->conn = conn;
		__entry->cwnd = c->cc.cwnd;
		__entry->in_flight = c->cc.in_flight;
		__entry->ssthresh = c->cc.ssthresh;
		__entry->srtt = div_u64(c->loss.smoothed, QUIC_NSEC_PER_USEC);
		__entry->rttvar = div_u64(c->loss.var, QUIC_NSEC_PER_USEC);
		__entry->min_rtt = div_u64(c->loss.min, QUIC_NSEC_PER_USEC);
		__entry->latest = div_u64(c->loss.latest, QUIC_NSEC_PER_USEC);
		__entry->pto = c->loss.pto_count;
		__entry->recovery = quic_cc_in_slow_start(&c->cc) ? 0 : 1;
	),
	TP_printk("conn=%llu cwnd=%llu in_flight=%llu ssthresh=%lld srtt=%llu rttvar=%llu min_rtt=%llu latest_rtt=%llu pto=%u phase=%s",
		  __entry->conn, __entry->cwnd, __entry->in_flight, (s64)__entry->ssthresh,
		  __entry->srtt, __entry->rttvar, __entry->min_rtt, __entry->latest, __entry->pto,
		  __entry->recovery ? "congestion_avoidance" : "slow_start"),
	quic_trace_reg, quic_trace_unreg
);

TRACE_EVENT_FN(quic_key,
	TP_PROTO(u64 conn, u8 level, bool send, bool update, u8 phase),
	TP_ARGS(conn, level, send, update, phase),
	TP_STRUCT__entry(
		__field(u64, conn)
		__field(u8, level)
		__field(u8, send)
		__field(u8, update)
		__field(u8, phase)
	),
	TP_fast_assign(
		__entry->conn = conn;
		__entry->level = level;
		__entry->send = send;
		__entry->update = update;
		__entry->phase = phase;
	),
	TP_printk("conn=%llu type=%s %s %s phase=%u", __entry->conn, show_level(__entry->level),
		  __entry->update ? "both" : __entry->send ? "send" : "receive",
		  __entry->update ? "update" : "installed", __entry->phase),
	quic_trace_reg, quic_trace_unreg
);

#endif /* _QUIC_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>

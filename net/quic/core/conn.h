/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection: the whole protocol behind four verbs, rx, tx, timeout and
 * deadline, and the calls of the socket layer.  Everything runs under the
 * connection's lock (in the kernel: the socket lock); nothing here takes a
 * lock, asks the time or touches a socket.  What the core wants from its owner
 * goes through struct quic_conn_ops, or is left as bits in 'wake' and 'work'
 * which the owner collects after each call (once per train, not per packet).
 *
 * Contexts.  'Process context' calls may sleep (they make keys).  A datagram
 * whose first packet has a long header must be given to quic_conn_rx() in
 * process context; one with a short header, quic_conn_tx(), _timeout() and
 * _deadline() work in any context.
 */
#ifndef _QUIC_CONN_H
#define _QUIC_CONN_H

#include "cid.h"
#include "early.h"
#include "version.h"
#include "keys.h"
#include "path.h"
#include "pmtud.h"
#include "streams.h"
#include "dgram.h"
#include "acktr.h"
#include "loss.h"
#include "pace.h"
#include "token.h"

enum quic_conn_state {
	QUIC_CONN_IDLE,		/* made; connect() or accept() not yet done */
	QUIC_CONN_HANDSHAKE,
	QUIC_CONN_ESTABLISHED,	/* both 1-RTT keys are installed */
	QUIC_CONN_CLOSING,	/* we sent CLOSE, RFC 9000 §10.2.1 */
	QUIC_CONN_DRAINING,	/* the peer closed or reset, §10.2.2 */
	QUIC_CONN_CLOSED,	/* over: timers are off, the owner may free it */
};

/* Why a datagram or packet was dropped, and other things worth counting. */
enum quic_mib {
	QUIC_MIB_PKT_IN,		/* packets opened */
	QUIC_MIB_PKT_OUT,		/* packets sealed */
	QUIC_MIB_DROP_HEADER,		/* malformed header */
	QUIC_MIB_DROP_CID,		/* destination ID is not this connection's */
	QUIC_MIB_DROP_VERSION,		/* other version than negotiated */
	QUIC_MIB_DROP_NOKEY,		/* no key for it, yet or any more */
	QUIC_MIB_DROP_AUTH,		/* did not verify */
	QUIC_MIB_DROP_DUP,		/* packet number seen before */
	QUIC_MIB_DROP_SMALL,		/* Initial in a datagram below 1200 bytes, §14.1 */
	QUIC_MIB_DROP_MEMORY,		/* no memory, or receive budget exhausted */
	QUIC_MIB_DROP_RETRY,		/* unexpected or forged Retry */
	QUIC_MIB_DROP_VN,		/* unexpected Version Negotiation */
	QUIC_MIB_DROP_CLOSED,		/* for a connection closing or draining */
	QUIC_MIB_DROP_PATH,		/* from an address that migration does not allow */
	QUIC_MIB_RETRANS,		/* frames sent again */
	QUIC_MIB_PTO,
	QUIC_MIB_LOST,
	QUIC_MIB_CLOSE_IN,
	QUIC_MIB_CLOSE_OUT,
	QUIC_MIB_RESET_IN,		/* stateless resets accepted */
	QUIC_MIB_KEY_UPDATE,
	QUIC_MIB_IDLE_TIMEOUT,
	QUIC_MIB_DROP_DATAGRAM,		/* RFC 9221: no room to keep it, or the path got narrow */
	QUIC_MIB_EARLY_IN,		/* 0-RTT packets opened */
	QUIC_MIB_EARLY_OUT,		/* 0-RTT packets sent */
	QUIC_MIB_EARLY_REJECTED,	/* connections whose 0-RTT the server refused */
	QUIC_MIB_CORE_MAX,
};

/* What is told while quic_tracing is on; any context. */
struct quic_trace_ops {
	/* a packet of @len bytes is sealed; @p has what it carries (nothing: CLOSE) */
	void (*sent)(void *priv, u8 level, u64 pn, u32 len, const struct quic_pkt *p);
	/* a packet was opened, and then each of its frames */
	void (*received)(void *priv, u8 level, u64 pn, u32 len);
	void (*frame)(void *priv, u8 level, u64 pn, const struct quic_frame *f);
	void (*lost)(void *priv, enum quic_space_id sp, u64 pn, u32 len);
};

struct quic_conn_ops {
	const struct quic_trace_ops *trace;
	const struct quic_crypto_ops *crypto;
	const struct quic_chunk_ops *chunk;
	const struct quic_cid_ops *cid;
	/*
	 * An event of the uapi (enum quic_event_type) with its content; the
	 * owner drops those that the user did not ask for.  Any context.
	 */
	void (*event)(void *priv, u8 type, const void *data, u32 len);
	void (*count)(void *priv, enum quic_mib what, u32 n);
	/* A stream pinned for @owner has something to read, or may be written to.  Any context. */
	void (*owner_wake)(void *priv, void *owner, bool read);
};

/* conn->wake: what waiters may want to know. */
enum {
	QUIC_WAKE_READ	= 1,	/* stream data, FIN, reset, CRYPTO or an event */
	QUIC_WAKE_WRITE	= 2,	/* room in buffers, credit, more streams */
	QUIC_WAKE_STATE	= 4,	/* conn->state changed */
	QUIC_WAKE_PATH	= 8,	/* 'path' is another, or 'cand' or 'old' is gone */
};

/* conn->work: what must be done in process context by quic_conn_work(). */
enum {
	QUIC_WORK_KEYS	= 1,	/* prepare the next 1-RTT phase */
};

#define QUIC_KEEPALIVE_AUTO	U64_MAX	/* half the idle timeout */

struct quic_conn_config {	/* from the CONFIG option, with defaults */
	u32 version;		/* to begin with; of a server: to move clients to */
	u32 preferred;		/* client: what it would rather speak; 0: that */
	bool no_compatible;	/* RFC 9368 §2.3: stay in the version of the first flight */
	u8 cong;		/* enum quic_cong_algo */
	bool nodelay;
	u64 initial_rtt;	/* ns */
	u64 keepalive;		/* ns; 0: off; or QUIC_KEEPALIVE_AUTO */
	u64 pmtud;		/* ns between searches for the path's MTU; 0: none */
	u64 rcv_window_max;	/* auto-tuning bound, bytes */
	u64 max_pacing_rate;	/* bytes per second; 0: none */
};

struct quic_close {
	bool local;		/* we did it */
	bool app;		/* code is the application's (frame 0x1d) */
	u64 code;
	u64 frame_type;
	int err;		/* the errno that the socket reports: 0 for an orderly close */
	u16 len;
	u8 *phrase;		/* kmalloc'ed, or NULL */
};

#define QUIC_TLS_HEAD		4	/* RFC 8446 §4: type, 24 bits of length */

struct quic_space {
	struct quic_acktr ack;
	struct quic_sendbuf csnd;	/* CRYPTO out */
	struct quic_recvbuf crcv;	/* CRYPTO in */
	struct quic_loss_space loss;	/* c->loss.sp[] points here */
	u32 msg_left;			/* of the TLS message that userspace has read a part of */
};

/* A packet that came before its keys, RFC 9001 §5.7: kept until they are installed. */
struct quic_held {
	struct list_head list;
	u64 at;				/* when it came */
	u8 level;
	u8 ecn;
	u32 len;
	u8 data[];
};

#define QUIC_HELD_MAX		16	/* such packets a connection, of Handshake and 1-RTT */
#define QUIC_HELD_EARLY_MAX	32	/* and of 0-RTT: two initial windows, and some */
#define QUIC_HURRY_MAX		4	/* times that a handshake is sped up, RFC 9002 §6.2.3 */

/* A connection's paths beside the one in use; QUIC_PATH_UNUSED: there is none. */
struct quic_side {
	struct quic_path old, cand;
	u64 first;		/* packet number on the path in use */
};

struct quic_conn_stats {
	u64 rx_packets, tx_packets, rx_bytes, tx_bytes;
};

#define QUIC_CRYPTO_BUF_MAX	65536	/* CRYPTO bytes held a level, RFC 9000 §7.5 */
#define QUIC_TP_EXT_MAX		QUIC_TPARAM_EXT_MAX

struct quic_conn {
	const struct quic_conn_ops *ops;
	void *priv;
	enum quic_conn_state state;
	bool server;
	bool confirmed;			/* handshake confirmed, RFC 9001 §4.1.2 */
	bool handshake_done_pending;	/* server: HANDSHAKE_DONE to be sent */
	bool peer_params_set;
	bool params_out;		/* ours were given to TLS: they stay what they are */
	bool grease;			/* RFC 9287: the peer takes the QUIC bit as it comes */
	bool got_packet;		/* any packet of the peer was processed */
	bool retried;			/* client: a Retry was followed */
	bool negotiated;		/* client: Version Negotiation was followed */
	bool crypto_more;		/* MSG_MORE: hold CRYPTO output */
	bool crypto_ready;		/* quic_conn_crypto_peek() has something; readable without the lock */
	bool ping_pending;		/* keepalive */
	bool spin;			/* RFC 9000 §17.4: the next packet's spin bit */
	bool spins;			/* it follows the peer's; else it stays what it is */
	bool moved;			/* the next packet must not be only probing, RFC 9000 §9.1 */
	bool side_tx;			/* 'cand' or 'old' may have something to send */
	bool no_cid;			/* the path in use waits for an ID of the peer's, §9.5 */
	bool preferred;			/* client: followed the server's preferred address */
	bool new_token_pending;
	bool close_pending;		/* a CLOSE is to be sent */
	bool close_due;			/* again, as soon as enough was received for it */
	bool key_event_pending;		/* we updated keys; the peer has not followed yet */
	u8 wake, work;
	u8 early;			/* enum quic_early */
	u16 mtu_max;			/* what the owner says the path takes */
	u32 version;
	u32 first_version;		/* of the client's first flight */
	u64 early_end;			/* rejected 0-RTT packets have numbers below; 0: none */

	struct quic_cid odcid;		/* client's first destination ID */
	struct quic_cid rscid;		/* source ID of the Retry, len 0: none */
	u8 *token;			/* client: for Initial packets */
	u8 *new_token;			/* server: to be sent in NEW_TOKEN */
	u16 token_len, new_token_len;

	struct quic_conn_config config;
	struct quic_tparam local_tp, peer_tp;
	struct quic_keys keys;
	struct quic_keys *alt;		/* of another version, see version.c; NULL: none */
	struct quic_cids_local scids;
	struct quic_cids_remote dcids;
	struct quic_path path;		/* in use */
	struct quic_side *side;		/* beside it, see migrate.c; NULL: nothing ever was */
	u64 old_at;			/* when 'old' is forgotten */
	struct quic_pmtud pmtud;
	struct quic_space *space[QUIC_SPACES];
	struct quic_loss loss;
	struct quic_sent_item acked;	/* STREAM bytes in a row, see quic_conn_ack_flush(); len 0: none */
	struct quic_cc cc;
	struct quic_pace pace;
	struct quic_streams streams;
	struct quic_dgrams dgrams;
	struct quic_chunk *rx_chunk;	/* where packets are opened to */
	struct list_head held;		/* struct quic_held */
	u8 nheld, nheld_early;
	u8 hurries;			/* handshake: CRYPTO sent again before the PTO */

	struct quic_close close;
	u32 close_rx;			/* datagrams received while closing, §10.2.1 */
	u32 close_len;			/* bytes of our last CLOSE */
	u64 close_rx_bytes;		/* received since then */

	/* timers: absolute, QUIC_TIME_NEVER when off */
	u64 idle_at, close_at, pace_at, keepalive_at, trim_at;
	u64 idle_period;		/* ns; 0: none */
	bool idle_restarted;		/* an ack-eliciting packet left since the last receive */
	bool idle_stale;		/* a packet was received: idle_at is to be set anew */
	struct quic_conn_stats stats;
};

/* ---- life ---- */

/* 0 or -ENOMEM; process context. @config, @tp: our parameters; may be those in @c. */
int quic_conn_init(struct quic_conn *c, const struct quic_conn_ops *ops, void *priv,
		   bool server, const struct quic_conn_config *config,
		   const struct quic_tparam *tp);
void quic_conn_free(struct quic_conn *c);	/* all memory, keys, IDs; any context */

/* Options that may change until the handshake starts. */
void quic_conn_set_local_tp(struct quic_conn *c, const struct quic_tparam *tp);
void quic_conn_set_config(struct quic_conn *c, const struct quic_conn_config *config);
/* At any time: config.keepalive. */
void quic_conn_set_keepalive(struct quic_conn *c, u64 interval, u64 now);

/*
 * Client: IDs are chosen, Initial keys made; nothing is sent before CRYPTO
 * is written.  @token may be NULL.  Process context.
 */
int quic_conn_connect(struct quic_conn *c, const struct quic_addr *local,
		      const struct quic_addr *remote, const u8 *token, u32 token_len, u64 now);
int quic_conn_set_token(struct quic_conn *c, const u8 *token, u32 len);
/*
 * The path takes UDP payloads of @mtu bytes (route, ICMP).  Used from the end
 * of the handshake on; after several probe timeouts in a row the connection
 * falls back to 1200 by itself (RFC 9000 §14.4).
 */
void quic_conn_set_mtu(struct quic_conn *c, u16 mtu);

struct quic_conn_accept {	/* of the client's first Initial */
	u32 version;
	struct quic_cid dcid;		/* its destination: keys come from it */
	struct quic_cid scid;		/* its source: the peer's ID */
	struct quic_cid odcid;		/* original one: dcid, or what the Retry token says */
	bool retried;			/* dcid is the source ID of our Retry */
	bool validated;			/* a token vouched for the address */
	struct quic_addr local, remote;
	/* of the ACKs that the client got before its ClientHello was complete */
	struct quic_cid iscid;		/* their source: our first ID; len 0: there were none */
	u64 next_pn;			/* the packet number after theirs */
	u32 sent;			/* their bytes */
};
/* Server: made of the first Initial, which is then given to rx.  Process context. */
int quic_conn_accept(struct quic_conn *c, const struct quic_conn_accept *a, u64 now);

/* ---- the four verbs ---- */

struct quic_rx {
	const u8 *data;			/* one UDP payload; never written to */
	u32 len;
	struct quic_addr local, remote;
	u8 ecn;				/* enum quic_ecn */
	bool more;			/* more of the same train follow */
	u64 waited;			/* ns that it was held for want of keys */
	/* A chunk that wraps the memory that data lies in, for plain 1-RTT, or NULL. */
	struct quic_chunk *wrap;
	/*
	 * In: what the call before left there, if nothing has touched the connection since, and
	 * addresses, ecn and @now are the same: a train.  Else NULL, to begin with.
	 */
	struct quic_stream *bulk;
};
void quic_conn_rx(struct quic_conn *c, struct quic_rx *rx, u64 now);

struct quic_slot {
	struct quic_pkt *pkt;		/* in: builder, the caller's, one a burst */
	u8 *buf;			/* in: where the datagram goes */
	u32 cap;			/* in: at least the path's mtu */
	u32 most;			/* in: so many of @cap bytes have room there; 0: no runs */
	u32 len;			/* out */
	u32 n;				/* out: datagrams of @len bytes, one behind the other */
	const struct quic_path *path;	/* out: addresses */
	u8 ecn;				/* out: enum quic_ecn */
};
/*
 * Make the next datagram, or a run of them: 1 it is in the slot, 0 nothing to send now
 * (quic_conn_deadline() says when), or a negative errno (try again later).
 */
int quic_conn_tx(struct quic_conn *c, struct quic_slot *slot, u64 now);
/* Nothing but new stream data is to be sent: no ACK is owed, no other frame, no probe. */
bool quic_conn_only_data(const struct quic_conn *c);
/* Time has come: losses, probes, ACK delay, idle, closing.  Call tx after it. */
void quic_conn_timeout(struct quic_conn *c, u64 now);
/* When timeout() (and tx() after it) is to be called next; QUIC_TIME_NEVER: never. */
u64 quic_conn_deadline(struct quic_conn *c, u64 now);
/* Process context: what conn->work asks for (clears it). */
void quic_conn_work(struct quic_conn *c, u64 now);

/* ---- handshake ---- */

/*
 * CRYPTO bytes of TLS to send at @level (uapi levels).  @more: hold them back.
 * -EINVAL: no key at this level (INITIAL has one from the start); -ENOBUFS:
 * QUIC_CRYPTO_BUF_MAX; -EPIPE: closed.
 */
int quic_conn_crypto_write(struct quic_conn *c, u8 level, const u8 *data, u32 len, bool more);
/*
 * Received TLS bytes in order: the lowest level that has some.  Length of the
 * first piece (0: none), where, and the level.  A piece ends with its message
 * at the latest; no more than one is consumed at once.
 */
u32 quic_conn_crypto_peek(const struct quic_conn *c, u8 *level, const u8 **data);
void quic_conn_crypto_consume(struct quic_conn *c, u8 level, u32 n);
/* Process context. See quic_keys_set_secret(); both APP directions: ESTABLISHED. */
int quic_conn_set_secret(struct quic_conn *c, u8 level, bool send, u32 cipher,
			 const u8 *secret, u64 now);
/* Our parameters as the TLS extension's body: bytes, or -EMSGSIZE. */
int quic_conn_get_params(struct quic_conn *c, u8 *buf, u32 len);
/*
 * The peer's: 0, or -EINVAL and the connection is failed with the right code.
 */
int quic_conn_set_peer_params(struct quic_conn *c, const u8 *p, u32 len, u64 now);

/* ---- rest of the socket layer ---- */

/*
 * Immediate close, RFC 9000 §10.2.  @app: application code, else transport.
 * @phrase at most QUIC_PHRASE_MAX bytes.  Before the handshake is done an
 * application's code goes out as APPLICATION_ERROR (§10.2.3), but codes 0x100
 * to 0x1ff (TLS alerts of libquic) as they are.
 */
void quic_conn_close(struct quic_conn *c, bool app, u64 code, const u8 *phrase, u32 len, u64 now);
/* A peer's fault: the one place that turns it into a CLOSE. */
void quic_conn_fail(struct quic_conn *c, u64 code, u64 frame_type, u64 now);
/* -EINVAL pending or not confirmed; -EAGAIN keys not prepared yet; -EPIPE */
int quic_conn_key_update(struct quic_conn *c, u64 now);
/* Longest datagram (RFC 9221) that can be sent now; -EINVAL: the peer takes none. */
int quic_conn_dgram_max(const struct quic_conn *c);
int quic_conn_send_token(struct quic_conn *c, const u8 *token, u32 len);	/* NEW_TOKEN; -EAGAIN pending */
static inline bool quic_conn_is_open(const struct quic_conn *c)
{
	return c->state < QUIC_CONN_CLOSING;
}

/* ---- between the files conn*.c ---- */

/*
 * While quic_conn_only_data(), and congestion control and pacing let a packet out: as many
 * datagrams to @slot as are full of stream data, for @dcid.  0: not one.
 */
u32 quic_conn_tx_bulk(struct quic_conn *c, struct quic_slot *slot, const struct quic_cid *dcid,
		      u64 now);

#define QUIC_APP_PN_LEN	2	/* at least: a train or two are 128 packets */

/* RFC 9000 §17.1: readable even behind packets sent later: trains overtake one another */
static inline u8 quic_conn_pn_len(const struct quic_loss_space *ls, u64 pn)
{
	return max_t(u8, quic_pn_len(pn, ls->largest_acked), QUIC_APP_PN_LEN);
}

void quic_conn_rx_held(struct quic_conn *c, u8 level, u64 now);	/* its keys are there */
/* Some of our IDs (or the peer's: @dest) were retired: the event; @active: the one in use. */
void quic_conn_ids_event(struct quic_conn *c, bool dest, u64 active);
void quic_conn_drop_held(struct quic_conn *c, u8 level);	/* they will never be */
void quic_conn_free_held(struct quic_conn *c);
void quic_conn_crypto_note(struct quic_conn *c);	/* CRYPTO in or gone: crypto_ready */
struct quic_space *quic_conn_space_open(struct quic_conn *c, enum quic_space_id sp);
void quic_conn_drop_level(struct quic_conn *c, u8 level, u64 now);	/* keys and space, RFC 9001 §4.9 */
void quic_conn_confirm(struct quic_conn *c, u64 now);		/* RFC 9001 §4.1.2 */
void quic_conn_set_state(struct quic_conn *c, enum quic_conn_state state);
/* Over without a word: idle timeout, Version Negotiation, stateless reset. */
void quic_conn_abort(struct quic_conn *c, enum quic_conn_state state, int err, u64 now);
void quic_conn_restart_idle(struct quic_conn *c, u64 now);
/* Bytes that the next datagram may have. */
static inline u32 quic_conn_room(const struct quic_conn *c)
{
	return c->pmtud.pending ? max(c->path.mtu, c->pmtud.size) : c->path.mtu;
}

void quic_conn_apply_mtu(struct quic_conn *c);	/* what the owner, the peer and the path allow */
/* Are there keys, and leave of the anti-amplification limit, for a packet of @sp? */
bool quic_conn_may_send(const struct quic_conn *c, enum quic_space_id sp);
/* RFC 8899 §4.3: after losses; falls back to 1200 bytes if it is large packets that vanish. */
void quic_conn_suspect_mtu(struct quic_conn *c);
/* After quic_loss_ack(): bytes that follow one another are told to their stream at once. */
void quic_conn_ack_flush(struct quic_conn *c);
void quic_conn_item_acked(void *priv, enum quic_space_id sp, const struct quic_sent_item *it);
void quic_conn_item_lost(void *priv, enum quic_space_id sp, const struct quic_sent_item *it);
extern const struct quic_loss_ops quic_conn_loss_ops;

static inline void quic_conn_count(struct quic_conn *c, enum quic_mib what)
{
	c->ops->count(c->priv, what, 1);
}

static inline bool quic_conn_traced(const struct quic_conn *c)
{
	return static_branch_unlikely(&quic_tracing) && c->ops->trace;
}

static inline enum quic_space_id quic_level_space(u8 level)
{
	return level == QUIC_CRYPTO_INITIAL ? QUIC_SPACE_INITIAL :
	       level == QUIC_CRYPTO_HANDSHAKE ? QUIC_SPACE_HANDSHAKE : QUIC_SPACE_APP;
}

/* Is @token the stateless reset token of an ID of the peer's in use? (last 16 bytes of a datagram) */
bool quic_conn_is_reset(const struct quic_conn *c, const u8 *dgram, u32 len);

#endif /* _QUIC_CONN_H */

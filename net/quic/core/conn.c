// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A connection's life: made, connected or accepted, established, closing or
 * draining, closed; its timers but for loss recovery; and the calls of the
 * socket layer.  Packets come in through conn_rx.c and go out through
 * conn_tx.c.  All under the connection's lock; what may sleep says so.
 *
 *   IDLE --connect, accept--> HANDSHAKE --1-RTT keys--> ESTABLISHED
 *              |                    |                       |
 *              +---------+----------+-----------+-----------+
 *                        | close, fail          | peer's CLOSE, reset
 *                        v                      v
 *                     CLOSING ---3 PTO---> CLOSED <---3 PTO--- DRAINING
 *
 * Idle timeout and Version Negotiation lead to CLOSED at once.
 */
#include "migrate.h"

#define KEEPALIVE_DEFAULT	(15 * QUIC_NSEC_PER_SEC)	/* where there is no idle timeout */
#define TRIM_AFTER	QUIC_NSEC_PER_SEC	/* of silence: what an idle connection needs not */
#define SPIN_ONE_IN	16	/* connections has the latency spin bit disabled */
#define PARAMS_FRAME	QUIC_FRAME_CRYPTO	/* where transport parameters travel */

/* ---- glue to streams ---- */

static void stream_update(void *priv, const struct quic_stream_update *u)
{
	struct quic_conn *c = priv;

	c->ops->event(c->priv, QUIC_EVENT_STREAM_UPDATE, u, sizeof(*u));
	c->wake |= QUIC_WAKE_READ;
}

static void stream_max_data(void *priv, u64 id, u64 max)
{
	struct quic_stream_max_data ev = { .id = id, .max_data = max };
	struct quic_conn *c = priv;

	c->ops->event(c->priv, QUIC_EVENT_STREAM_MAX_DATA, &ev, sizeof(ev));
	c->wake |= QUIC_WAKE_WRITE;
}

static void stream_max_streams(void *priv, bool uni, u64 max)
{
	struct quic_conn *c = priv;
	u64 ev = max << 2 | (uni ? QUIC_STREAM_TYPE_UNI_MASK : 0) |
		 (c->server ? QUIC_STREAM_TYPE_SERVER_MASK : 0);

	c->ops->event(c->priv, QUIC_EVENT_STREAM_MAX_STREAM, &ev, sizeof(ev));
	c->wake |= QUIC_WAKE_WRITE;
}

static void stream_readable(void *priv)
{
	struct quic_conn *c = priv;

	c->wake |= QUIC_WAKE_READ;
}

static void stream_writable(void *priv)
{
	struct quic_conn *c = priv;

	c->wake |= QUIC_WAKE_WRITE;
}

static void stream_owner_wake(void *priv, struct quic_stream *s, bool read)
{
	struct quic_conn *c = priv;

	c->ops->owner_wake(c->priv, s->owner, read);
}

static const struct quic_streams_ops streams_ops = {
	.update		= stream_update,
	.max_data	= stream_max_data,
	.max_streams	= stream_max_streams,
	.readable	= stream_readable,
	.writable	= stream_writable,
	.owner_wake	= stream_owner_wake,
};

/* The streams' private pointer is the connection; the owner's chunks want the owner. */
static struct quic_chunk *chunk_alloc(void *priv, u32 size, bool tx, bool may_sleep)
{
	struct quic_conn *c = priv;

	return c->ops->chunk->alloc(c->priv, size, tx, may_sleep);
}

static const struct quic_chunk_ops stream_chunk_ops = { .alloc = chunk_alloc };

/* ---- packet number spaces ---- */

struct quic_space *quic_conn_space_open(struct quic_conn *c, enum quic_space_id sp)
{
	struct quic_space *s = c->space[sp];

	if (s)
		return s;
	s = kzalloc(sizeof(*s), GFP_ATOMIC);
	if (!s)
		return NULL;
	quic_loss_space_open(&c->loss, sp, &s->loss);
	quic_acktr_init(&s->ack);
	quic_sendbuf_init(&s->csnd);
	quic_recvbuf_init(&s->crcv);
	c->space[sp] = s;
	return s;
}

static void space_free(struct quic_conn *c, enum quic_space_id sp)
{
	struct quic_space *s = c->space[sp];

	if (!s)
		return;
	c->space[sp] = NULL;
	quic_acktr_free(&s->ack);
	quic_sendbuf_free(&s->csnd);
	quic_recvbuf_free(&s->crcv);
	kfree(s);
}

void quic_conn_drop_level(struct quic_conn *c, u8 level, u64 now)
{
	enum quic_space_id sp = quic_level_space(level);

	quic_keys_drop(&c->keys, level);
	if (!c->space[sp])
		return;
	quic_loss_space_discard(&c->loss, sp, now);
	space_free(c, sp);
	quic_conn_crypto_note(c);
}

/* ---- life ---- */

int quic_conn_init(struct quic_conn *c, const struct quic_conn_ops *ops, void *priv,
		   bool server, const struct quic_conn_config *config,
		   const struct quic_tparam *tp)
{
	const struct quic_conn_config cfg = *config;
	const struct quic_tparam params = *tp;

	memset(c, 0, sizeof(*c));
	c->ops = ops;
	c->priv = priv;
	c->server = server;
	c->idle_at = c->close_at = c->pace_at = QUIC_TIME_NEVER;
	c->keepalive_at = c->trim_at = c->old_at = QUIC_TIME_NEVER;
	c->mtu_max = QUIC_INITIAL_MIN;
	quic_pmtud_init(&c->pmtud, 0);
	INIT_LIST_HEAD(&c->held);
	c->local_tp = params;
	quic_tparam_default(&c->peer_tp);
	quic_keys_init(&c->keys, ops->crypto, cfg.version);
	quic_cids_local_init(&c->scids, ops->cid, priv);
	quic_dgrams_init(&c->dgrams, ops->chunk, priv);
	if (quic_streams_init(&c->streams, server, &streams_ops, &stream_chunk_ops, c,
			      &c->local_tp, &c->peer_tp))
		return -ENOMEM;
	quic_conn_set_config(c, &cfg);
	return 0;
}

void quic_conn_free(struct quic_conn *c)
{
	int sp;

	quic_streams_free(&c->streams);
	quic_dgrams_free(&c->dgrams);
	quic_loss_free(&c->loss);	/* its spaces are in ours */
	for (sp = 0; sp < QUIC_SPACES; sp++)
		space_free(c, sp);
	quic_keys_free(&c->keys);
	quic_version_forget(c);
	kfree(c->side);
	c->side = NULL;
	quic_cids_local_free(&c->scids);
	quic_conn_free_held(c);
	if (c->rx_chunk)
		quic_chunk_put(c->rx_chunk);
	c->rx_chunk = NULL;
	kfree(c->token);
	kfree(c->new_token);
	kfree(c->close.phrase);
	c->token = c->new_token = c->close.phrase = NULL;
	c->state = QUIC_CONN_CLOSED;
}

void quic_conn_set_local_tp(struct quic_conn *c, const struct quic_tparam *tp)
{
	c->local_tp = *tp;
	quic_cids_remote_set_limit(&c->dcids, tp->active_connection_id_limit);
	quic_streams_set_local(&c->streams);
}

/*
 * A client may begin with a version that nobody speaks, to have one negotiated
 * (RFC 9000 §6.3): no server will look into those packets, so they are what
 * they will be in version 1, but for the number.
 */
static u32 keys_version(const struct quic_conn *c)
{
	return quic_version_known(c->version) ? c->version : QUIC_VERSION_V1;
}

void quic_conn_set_config(struct quic_conn *c, const struct quic_conn_config *config)
{
	c->config = *config;
	if (c->state == QUIC_CONN_IDLE) {
		c->version = c->first_version = config->version;
		c->keys.version = keys_version(c);
	}
	c->streams.nodelay = config->nodelay;
	c->streams.rcv_window_max = config->rcv_window_max;
	c->dgrams.in_max = config->rcv_window_max;
	c->pace.max_rate = config->max_pacing_rate;
}

/* RFC 9000 §10.1.2: a PING before the idle timeout has passed */
static void arm_keepalive(struct quic_conn *c, u64 now)
{
	u64 interval = c->config.keepalive;

	if (interval == QUIC_KEEPALIVE_AUTO)
		interval = c->idle_period ? c->idle_period / 2 : KEEPALIVE_DEFAULT;
	c->keepalive_at = interval ? now + interval : QUIC_TIME_NEVER;
}

void quic_conn_set_keepalive(struct quic_conn *c, u64 interval, u64 now)
{
	c->config.keepalive = interval;
	if (c->state == QUIC_CONN_ESTABLISHED)
		arm_keepalive(c, now);
}

void quic_conn_set_state(struct quic_conn *c, enum quic_conn_state state)
{
	if (c->state == state)
		return;
	c->state = state;
	c->wake |= QUIC_WAKE_STATE | QUIC_WAKE_READ | QUIC_WAKE_WRITE;
}

static bool ever_sent(const struct quic_conn *c)
{
	return c->stats.tx_packets > 0;
}

/*
 * RFC 9000 §17.4: MUST be disabled on one connection in 16 at least, where the
 * bit is best a random one.
 */
static void start_spin(struct quic_conn *c)
{
	u32 dice = get_random_u32();

	c->spins = dice % SPIN_ONE_IN;
	c->spin = !c->spins && dice & SPIN_ONE_IN;
}

/* What connect and accept have in common, once IDs and Initial keys are there. */
static int start(struct quic_conn *c, const struct quic_addr *local,
		 const struct quic_addr *remote, bool validated, u64 now)
{
	quic_path_init(&c->path, local, remote, validated);
	c->path.measured = c->path.told = true;
	start_spin(c);
	quic_cc_init(&c->cc, c->config.cong, c->path.mtu);
	quic_pace_init(&c->pace);
	c->pace.max_rate = c->config.max_pacing_rate;
	quic_loss_init(&c->loss, &c->cc, &quic_conn_loss_ops, c, c->server,
		       c->config.initial_rtt);
	/* RFC 9002 §A.4: a server takes the client's validation for granted */
	c->loss.peer_validated = c->server;
	c->loss.max_ack_delay = 25 * QUIC_NSEC_PER_MSEC;
	if (!quic_conn_space_open(c, QUIC_SPACE_INITIAL))
		return -ENOMEM;
	c->idle_period = c->local_tp.max_idle_timeout * QUIC_NSEC_PER_MSEC;
	quic_conn_restart_idle(c, now);
	quic_conn_set_state(c, QUIC_CONN_HANDSHAKE);
	return 0;
}

static int add_first_cid(struct quic_conn *c, const struct quic_cid *known)
{
	struct quic_cid_entry *e = &c->scids.e[0];
	int err;

	/* an attempt before that ran out of memory has left one */
	err = e->used ? 0 : quic_cids_local_add_known(&c->scids, known, &e);
	if (err)
		return err;
	/* RFC 9000 §7.3: what the transport parameters must repeat */
	c->local_tp.iscid = e->cid;
	c->local_tp.has_iscid = true;
	if (c->server && c->local_tp.has_token)
		memcpy(c->local_tp.token, e->token, QUIC_RESET_TOKEN_LEN);
	return 0;
}

int quic_conn_connect(struct quic_conn *c, const struct quic_addr *local,
		      const struct quic_addr *remote, const u8 *token, u32 token_len, u64 now)
{
	static const struct quic_cid fresh;
	int err;

	/* RFC 9000 §7.2: unpredictable, at least 8 bytes */
	c->odcid.len = QUIC_CID_LOCAL_LEN;
	get_random_bytes(c->odcid.id, c->odcid.len);
	quic_cids_remote_init(&c->dcids, &c->odcid, c->local_tp.active_connection_id_limit);
	err = add_first_cid(c, &fresh);
	if (err)
		return err;
	if (token_len) {
		err = quic_conn_set_token(c, token, token_len);
		if (err)
			return err;
	}
	err = quic_keys_set_initial(&c->keys, keys_version(c), &c->odcid, false);
	if (err)
		return err;
	return start(c, local, remote, true, now);
}

int quic_conn_set_token(struct quic_conn *c, const u8 *token, u32 len)
{
	u8 *copy;

	/* RFC 9000 §8.1.2, §8.1.3: one token in all Initials, a Retry's if there was one */
	if (ever_sent(c) || c->retried)
		return -EINVAL;
	copy = kmemdup(token, len, GFP_ATOMIC);
	if (!copy)
		return -ENOMEM;
	kfree(c->token);
	c->token = copy;
	c->token_len = len;
	return 0;
}

int quic_conn_accept(struct quic_conn *c, const struct quic_conn_accept *a, u64 now)
{
	int err;

	c->version = c->first_version = a->version;
	c->odcid = a->odcid;
	c->local_tp.odcid = a->odcid;
	c->local_tp.has_odcid = true;
	if (a->retried) {
		c->rscid = a->dcid;
		c->local_tp.rscid = a->dcid;
		c->local_tp.has_rscid = true;
	}
	quic_cids_remote_init(&c->dcids, &a->scid, c->local_tp.active_connection_id_limit);
	err = add_first_cid(c, &a->iscid);
	if (err)
		return err;
	err = quic_keys_set_initial(&c->keys, a->version, &a->dcid, true);
	if (err)
		return err;
	err = start(c, &a->local, &a->remote, a->validated, now);
	if (err)
		return err;
	/* RFC 9000 §12.3: MUST NOT reuse a packet number; §8.1: all bytes count */
	quic_sent_begin(&c->space[QUIC_SPACE_INITIAL]->loss.sent, a->next_pn);
	quic_path_sent(&c->path, a->sent);
	return 0;
}

/* ---- MTU ---- */

/* What owner and peer allow. */
static u16 mtu_allowed(const struct quic_conn *c)
{
	u64 mtu = min_t(u64, c->mtu_max, c->peer_tp.max_udp_payload_size);

	return max_t(u64, mtu, QUIC_INITIAL_MIN);
}

void quic_conn_apply_mtu(struct quic_conn *c)
{
	u16 mtu = mtu_allowed(c);

	/* RFC 9000 §8.2.1: validation proves 1200 bytes, and comes first */
	if (c->path.state != QUIC_PATH_VALIDATED)
		return;
	if (c->pmtud.interval) {
		quic_pmtud_limit(&c->pmtud, mtu);
		mtu = c->pmtud.low;
	}
	if (mtu == c->path.mtu)
		return;
	c->path.mtu = mtu;
	quic_cc_set_mss(&c->cc, mtu);
}

void quic_conn_set_mtu(struct quic_conn *c, u16 mtu)
{
	c->mtu_max = max_t(u16, mtu, QUIC_INITIAL_MIN);
	if (c->state == QUIC_CONN_ESTABLISHED)
		quic_conn_apply_mtu(c);
}

/* ---- handshake ---- */

/* RFC 9001 §4.1.2 and §4.9.2 */
void quic_conn_confirm(struct quic_conn *c, u64 now)
{
	if (c->confirmed)
		return;
	c->confirmed = true;
	c->loss.handshake_confirmed = true;
	c->loss.peer_validated = true;
	quic_conn_drop_level(c, QUIC_CRYPTO_INITIAL, now);
	quic_conn_drop_level(c, QUIC_CRYPTO_HANDSHAKE, now);
	/* RFC 9000 §5.1.1: as many IDs as the peer will keep */
	quic_cids_local_fill(&c->scids);
	quic_migrate_preferred(c, now);
}

static void establish(struct quic_conn *c, u64 now)
{
	quic_conn_set_state(c, QUIC_CONN_ESTABLISHED);
	quic_pmtud_init(&c->pmtud, c->config.pmtud);
	quic_conn_apply_mtu(c);
	quic_early_finish(c, now);
	arm_keepalive(c, now);
	if (!c->server)
		return;
	/* RFC 9001 §4.1.2: for a server, complete is confirmed */
	c->handshake_done_pending = true;
	quic_conn_confirm(c, now);
}

/* RFC 9001 §4.1.3: keys to read @level, and TLS has not consumed all of the level below? */
static bool crypto_left(const struct quic_conn *c, u8 level)
{
	const struct quic_space *s = c->space[level == QUIC_CRYPTO_APP ? QUIC_SPACE_HANDSHAKE :
									 QUIC_SPACE_INITIAL];

	return s && s->crcv.high > s->crcv.read_off;
}

int quic_conn_set_secret(struct quic_conn *c, u8 level, bool send, u32 cipher,
			 const u8 *secret, u64 now)
{
	int err;

	if (c->state != QUIC_CONN_HANDSHAKE)
		return -EINVAL;
	if (level == QUIC_CRYPTO_INITIAL)
		return -EINVAL;
	err = level == QUIC_CRYPTO_EARLY ? quic_early_check_secret(c, send) : 0;
	if (err)
		return err;
	/* the APP keys' use depends on what the peer's parameters say */
	if (level == QUIC_CRYPTO_APP && !c->peer_params_set)
		return -EINVAL;
	if (!quic_conn_space_open(c, quic_level_space(level)))
		return -ENOMEM;
	/* RFC 9369 §4.1: 0-RTT stays in the first version */
	err = quic_keys_set_secret(level == QUIC_CRYPTO_EARLY && c->alt ? c->alt : &c->keys,
				   level, send, cipher, secret);
	if (err)
		return err;
	if (!send && crypto_left(c, level)) {
		quic_conn_fail(c, QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION, QUIC_FRAME_CRYPTO, now);
		return -EINVAL;
	}
	if (level == QUIC_CRYPTO_APP)
		c->keys.plain = c->local_tp.disable_1rtt_encryption &&
				c->peer_tp.disable_1rtt_encryption;
	if (level == QUIC_CRYPTO_HANDSHAKE && !send)
		quic_conn_rx_held(c, level, now);
	if (level == QUIC_CRYPTO_EARLY)
		quic_early_start(c, now);
	if (!quic_keys_have(&c->keys, QUIC_CRYPTO_APP, true) ||
	    !quic_keys_have(&c->keys, QUIC_CRYPTO_APP, false))
		return 0;
	establish(c, now);
	quic_conn_rx_held(c, QUIC_CRYPTO_APP, now);
	return 0;
}

int quic_conn_get_params(struct quic_conn *c, u8 *buf, u32 len)
{
	quic_version_offer(c);
	c->params_out = true;
	return quic_tparam_put(&c->local_tp, buf, len, !c->server);
}

static void apply_peer_params(struct quic_conn *c, u64 now)
{
	const struct quic_tparam *tp = &c->peer_tp;
	u64 idle = c->local_tp.max_idle_timeout;
	bool switched;

	/* RFC 9000 §10.1: the smaller of both, if both have one */
	if (tp->max_idle_timeout && (!idle || tp->max_idle_timeout < idle))
		idle = tp->max_idle_timeout;
	c->idle_period = min_t(u64, idle, U32_MAX) * QUIC_NSEC_PER_MSEC;
	quic_conn_restart_idle(c, now);
	c->loss.max_ack_delay = tp->max_ack_delay * QUIC_NSEC_PER_MSEC;
	/* RFC 9287 §3.1: only once the peer's parameters were processed */
	c->grease = tp->grease_quic_bit;
	c->scids.limit = min_t(u64, tp->active_connection_id_limit, QUIC_CIDS_MAX);
	if (tp->has_token)
		quic_cids_remote_set_token(&c->dcids, 0, tp->token);
	/* RFC 9001 §4.6.2: what was assumed of the server may be wrong, and was not used */
	if (!c->server && c->early != QUIC_EARLY_ACCEPTED)
		quic_streams_rewind(&c->streams);
	/* RFC 9000 §5.1.1: sequence number 1 */
	if (tp->has_preferred)
		quic_cids_remote_add(&c->dcids, 1, 0, &tp->preferred.cid, tp->preferred.token,
				     &switched);
	quic_streams_set_remote(&c->streams);
	c->wake |= QUIC_WAKE_WRITE;
}

int quic_conn_set_peer_params(struct quic_conn *c, const u8 *p, u32 len, u64 now)
{
	struct quic_tparam *tp;
	int code, err = 0;

	if (c->state != QUIC_CONN_HANDSHAKE || c->peer_params_set)
		return -EINVAL;
	tp = kmalloc(sizeof(*tp), GFP_KERNEL);
	if (!tp)
		return -ENOMEM;
	code = quic_tparam_parse(tp, p, len, c->server);
	if (!code)	/* RFC 9000 §7.3: the IDs seen in headers are those that TLS authenticates */
		code = quic_tparam_check_cids(tp, c->server, &c->dcids.e[0].cid, &c->odcid,
					      c->retried ? &c->rscid : NULL);
	if (!code)
		code = quic_version_check(c, tp);
	if (!code)
		code = quic_early_check_params(c, tp);
	if (!code && c->server)
		err = quic_version_switch(c, quic_version_choose(&c->config, c->version, tp));
	if (!code && !err) {
		c->peer_tp = *tp;
		c->peer_params_set = true;
		apply_peer_params(c, now);
	}
	kfree(tp);
	if (!code)
		return err;
	quic_conn_fail(c, code, PARAMS_FRAME, now);
	return -EINVAL;
}

int quic_conn_crypto_write(struct quic_conn *c, u8 level, const u8 *data, u32 len, bool more)
{
	struct quic_space *s;
	struct quic_chunk *chunk;
	int err = 0;

	if (!quic_conn_is_open(c))
		return -EPIPE;
	if (level >= QUIC_CRYPTO_EARLY || !quic_keys_have(&c->keys, level, true))
		return -EINVAL;
	s = c->space[quic_level_space(level)];
	if (!s)
		return -EINVAL;
	if (quic_sendbuf_held(&s->csnd) + len > QUIC_CRYPTO_BUF_MAX)
		return -ENOBUFS;
	c->crypto_more = more;
	if (!len)
		return 0;
	chunk = chunk_alloc(c, len, true, true);
	if (!chunk)
		return -ENOMEM;
	memcpy(chunk->base, data, len);
	chunk->used = len;
	err = quic_sendbuf_append(&s->csnd, chunk, chunk->base, len);
	quic_chunk_put(chunk);
	return err;
}

/* APP has none for the user: session tickets become events */
static const u8 read_order[] = { QUIC_CRYPTO_INITIAL, QUIC_CRYPTO_HANDSHAKE };

/*
 * Bytes to come of the TLS message that is being read; 0: not even the length is
 * there.  Userspace gets no more at once: what lies behind a message that makes
 * new keys must be found unread, see crypto_left().
 */
static u32 message_left(struct quic_space *s)
{
	u8 head[QUIC_TLS_HEAD];
	struct quic_cur cur;

	if (s->msg_left)
		return s->msg_left;
	if (quic_recvbuf_readable(&s->crcv) < QUIC_TLS_HEAD)
		return 0;
	quic_recvbuf_copy(&s->crcv, 0, head, QUIC_TLS_HEAD);
	quic_cur_init(&cur, head + 1, QUIC_TLS_HEAD - 1);
	return QUIC_TLS_HEAD + quic_cur_be(&cur, QUIC_TLS_HEAD - 1);
}

u32 quic_conn_crypto_peek(const struct quic_conn *c, u8 *level, const u8 **data)
{
	struct quic_space *s;
	unsigned int i;
	u32 n;

	for (i = 0; i < ARRAY_SIZE(read_order); i++) {
		s = c->space[quic_level_space(read_order[i])];
		/* first the server's answer to 0-RTT is to be found in it, early.c */
		if (i && c->early == QUIC_EARLY_OFFERED)
			break;
		n = s ? min(quic_recvbuf_peek(&s->crcv, data), message_left(s)) : 0;
		if (n) {
			*level = read_order[i];
			return n;
		}
	}
	return 0;
}

void quic_conn_crypto_note(struct quic_conn *c)
{
	const u8 *data;
	u8 level;

	c->crypto_ready = quic_conn_crypto_peek(c, &level, &data);
}

void quic_conn_crypto_consume(struct quic_conn *c, u8 level, u32 n)
{
	struct quic_space *s = c->space[quic_level_space(level)];

	if (s) {
		s->msg_left = message_left(s) - n;
		quic_recvbuf_consume(&s->crcv, n);
	}
	quic_conn_crypto_note(c);
}

/* ---- the end ---- */

static void post_close(struct quic_conn *c)
{
	struct {
		struct quic_connection_close h;
		u8 phrase[64];
	} ev;

	memset(&ev, 0, sizeof(ev));
	ev.h.errcode = c->close.code;
	ev.h.frame = c->close.frame_type;
	if (c->close.len)
		memcpy(ev.phrase, c->close.phrase, min_t(u32, c->close.len, sizeof(ev.phrase)));
	c->ops->event(c->priv, QUIC_EVENT_CONNECTION_CLOSE, &ev, sizeof(ev));
}

/* From here on only CLOSE is sent, or nothing: timers of the living stop. */
static void stop_timers(struct quic_conn *c)
{
	c->idle_at = c->pace_at = c->keepalive_at = c->trim_at = QUIC_TIME_NEVER;
	c->loss.deadline = QUIC_TIME_NEVER;
	c->loss.probes = 0;
	c->path.challenge_expire = QUIC_TIME_NEVER;
}

void quic_conn_abort(struct quic_conn *c, enum quic_conn_state state, int err, u64 now)
{
	if (!quic_conn_is_open(c))
		return;
	c->close.err = err;
	stop_timers(c);
	if (state != QUIC_CONN_CLOSED)
		c->close_at = now + 3 * quic_loss_pto(&c->loss, QUIC_SPACE_APP);
	quic_conn_set_state(c, state);
	post_close(c);
}

/* RFC 9000 §10.2.1 */
static void enter_closing(struct quic_conn *c, u64 now)
{
	stop_timers(c);
	if (c->state == QUIC_CONN_IDLE || (!c->server && !ever_sent(c))) {
		quic_conn_set_state(c, QUIC_CONN_CLOSED);
		return;
	}
	c->close_pending = true;
	c->close_at = now + 3 * quic_loss_pto(&c->loss, QUIC_SPACE_APP);
	quic_conn_set_state(c, QUIC_CONN_CLOSING);
}

void quic_conn_close(struct quic_conn *c, bool app, u64 code, const u8 *phrase, u32 len, u64 now)
{
	if (c->state == QUIC_CONN_CLOSING) {	/* shutdown() again sends it again */
		c->close_pending = true;
		return;
	}
	if (!quic_conn_is_open(c))
		return;
	c->close.local = true;
	c->close.app = app;
	c->close.code = code;
	if (len)
		c->close.phrase = kmemdup(phrase, min_t(u32, len, QUIC_PHRASE_MAX), GFP_ATOMIC);
	c->close.len = c->close.phrase ? min_t(u32, len, QUIC_PHRASE_MAX) : 0;
	enter_closing(c, now);
}

void quic_conn_fail(struct quic_conn *c, u64 code, u64 frame_type, u64 now)
{
	if (!quic_conn_is_open(c))
		return;
	c->close.local = true;
	c->close.code = code;
	c->close.frame_type = frame_type;
	c->close.err = EPROTO;
	enter_closing(c, now);
	post_close(c);
}

/* ---- timers ---- */

/* RFC 9000 §10.1: from the last packet received, or the first sent after it. */
void quic_conn_restart_idle(struct quic_conn *c, u64 now)
{
	u64 period = c->idle_period;

	if (c->state == QUIC_CONN_ESTABLISHED)
		c->trim_at = now + TRIM_AFTER;
	if (!period) {
		c->idle_at = QUIC_TIME_NEVER;
		return;
	}
	/* §10.1: at least three times the current PTO */
	period = max(period, 3 * quic_loss_pto(&c->loss, QUIC_SPACE_APP));
	c->idle_at = now + period;
	if (c->config.keepalive && c->state == QUIC_CONN_ESTABLISHED)
		arm_keepalive(c, now);
}

/*
 * RFC 9000 §14.4: large packets may be what does not get through.  RFC 8899 §4.3: down
 * to the size that always may, and from there up again by probes, also where the route
 * was believed so far: what it says has not proved true.  Of silence (three PTOs) a link
 * that was down is as good a reason, so that the size so far is tried first then.
 */
void quic_conn_suspect_mtu(struct quic_conn *c)
{
	bool holes = c->loss.holes >= QUIC_LOSS_HOLES;

	if (c->path.mtu <= QUIC_INITIAL_MIN || (c->loss.pto_count < 3 && !holes))
		return;
	c->loss.holes = 0;
	if (!c->pmtud.interval) {
		quic_pmtud_init(&c->pmtud, QUIC_PMTUD_RAISE);
		quic_pmtud_limit(&c->pmtud, mtu_allowed(c));
	}
	if (holes)
		quic_pmtud_collapse(&c->pmtud, c->path.mtu);
	else
		quic_pmtud_start(&c->pmtud);
	quic_conn_apply_mtu(c);
}

/* Memory that only traffic needs; it comes back with the next packet. */
static void trim_memory(struct quic_conn *c)
{
	int sp;

	c->trim_at = QUIC_TIME_NEVER;
	if (c->rx_chunk && c->rx_chunk->refs == 1) {
		quic_chunk_put(c->rx_chunk);
		c->rx_chunk = NULL;
	}
	quic_streams_trim(&c->streams);
	quic_dgrams_trim(&c->dgrams);
	quic_migrate_trim(c);
	for (sp = 0; sp < QUIC_SPACES; sp++)
		if (c->loss.sp[sp])
			quic_sent_release(&c->loss.sp[sp]->sent);
}

static void loss_timeout(struct quic_conn *c, u64 now)
{
	u32 ptos = c->loss.pto_count;

	quic_loss_timeout(&c->loss, now);
	if (c->loss.pto_count != ptos)
		quic_conn_count(c, QUIC_MIB_PTO);
	if (c->loss.pto_count != ptos || c->loss.holes >= QUIC_LOSS_HOLES)
		quic_conn_suspect_mtu(c);
	quic_loss_arm(&c->loss, now);
}

void quic_conn_timeout(struct quic_conn *c, u64 now)
{
	if (now >= c->close_at) {
		c->close_at = QUIC_TIME_NEVER;
		quic_conn_set_state(c, QUIC_CONN_CLOSED);
		return;
	}
	if (!quic_conn_is_open(c) || c->state == QUIC_CONN_IDLE)
		return;
	if (now >= c->idle_at) {
		/* RFC 9000 §10.1: silently closed and its state discarded */
		quic_conn_count(c, QUIC_MIB_IDLE_TIMEOUT);
		quic_conn_abort(c, QUIC_CONN_CLOSED, ETIMEDOUT, now);
		return;
	}
	if (now >= c->loss.deadline)
		loss_timeout(c, now);
	if (now >= c->pace_at)
		c->pace_at = QUIC_TIME_NEVER;
	if (now >= c->keepalive_at) {
		c->ping_pending = true;
		arm_keepalive(c, now);
	}
	quic_pmtud_timeout(&c->pmtud, now);
	if (now >= quic_migrate_deadline(c))
		quic_migrate_timeout(c, now);
	if (c->alt && now >= c->keys.prev_drop)
		quic_version_forget(c);
	quic_keys_timeout(&c->keys, now);
	if (now >= c->trim_at)
		trim_memory(c);
}

u64 quic_conn_deadline(struct quic_conn *c, u64 now)
{
	u64 at = c->close_at;
	int sp;

	if (!quic_conn_is_open(c) || c->state == QUIC_CONN_IDLE)
		return at;
	at = min(at, c->idle_at);
	at = min(at, c->loss.deadline);
	at = min(at, c->pace_at);
	at = min(at, c->keepalive_at);
	at = min(at, c->trim_at);
	at = min(at, c->pmtud.at);
	at = min(at, quic_migrate_deadline(c));
	at = min(at, c->keys.prev_drop);
	for (sp = 0; sp < QUIC_SPACES; sp++)
		if (quic_conn_may_send(c, sp))
			at = min(at, c->space[sp]->ack.deadline);
	return at;
}

/* ---- the rest ---- */

void quic_conn_work(struct quic_conn *c, u64 now)
{
	u8 work = c->work;

	c->work = 0;
	if (!(work & QUIC_WORK_KEYS) || c->state != QUIC_CONN_ESTABLISHED)
		return;
	if (quic_keys_prepare(&c->keys))
		c->work |= QUIC_WORK_KEYS;	/* no memory now: at the next occasion */
	else if (unlikely(c->nheld))
		quic_conn_rx_held(c, QUIC_CRYPTO_APP, now);
}

int quic_conn_key_update(struct quic_conn *c, u64 now)
{
	int err;

	if (c->state != QUIC_CONN_ESTABLISHED)
		return -EPIPE;
	/* RFC 9001 §6.1, and nothing to update where nothing is protected */
	if (!c->confirmed || c->keys.plain)
		return -EINVAL;
	err = quic_keys_prepare(&c->keys);
	if (err)
		return err;
	if (!quic_keys_may_update(&c->keys))
		return -EINVAL;
	err = quic_keys_flip(&c->keys, c->loss.sp[QUIC_SPACE_APP]->sent.next,
			     now + 3 * quic_loss_pto(&c->loss, QUIC_SPACE_APP));
	if (err)
		return err;
	quic_conn_count(c, QUIC_MIB_KEY_UPDATE);
	c->key_event_pending = true;
	c->ping_pending = true;		/* so that the peer sees it, and answers */
	c->work |= QUIC_WORK_KEYS;
	return 0;
}

int quic_conn_send_token(struct quic_conn *c, const u8 *token, u32 len)
{
	if (c->state != QUIC_CONN_ESTABLISHED || !c->server)
		return -EINVAL;
	if (c->new_token)
		return -EAGAIN;
	c->new_token = kmemdup(token, len, GFP_ATOMIC);
	if (!c->new_token)
		return -ENOMEM;
	c->new_token_len = len;
	c->new_token_pending = true;
	return 0;
}

void quic_conn_ids_event(struct quic_conn *c, bool dest, u64 active)
{
	struct quic_connection_id_info ev = { .dest = dest, .active = active };

	ev.prior_to = quic_cids_lowest(dest ? c->dcids.e : c->scids.e);
	c->ops->event(c->priv, QUIC_EVENT_CONNECTION_ID, &ev, sizeof(ev));
	c->wake |= QUIC_WAKE_READ;
}

/* RFC 9000 §10.3.1 */
bool quic_conn_is_reset(const struct quic_conn *c, const u8 *dgram, u32 len)
{
	if (len < QUIC_RESET_MIN)
		return false;
	return quic_cids_remote_is_reset(&c->dcids, dgram + len - QUIC_RESET_TOKEN_LEN);
}

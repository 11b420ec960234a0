// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a network namespace keeps secret: the keys of address validation tokens
 * (RFC 9000 §8.1), of Retry packets, of stateless reset tokens and of session
 * tickets; and what is made with them that no datagram is the reason for.
 * All keys are random (but for Retry packets the RFCs print one), none outlives
 * the namespace.
 */
#include <linux/jhash.h>
#include "stray.h"

/* ---- keys ---- */

static int make_key(struct quic_aead **key, struct quic_aead *made)
{
	if (IS_ERR(made))
		return PTR_ERR(made);
	*key = made;
	return 0;
}

/* Keys that only a namespace with a listener needs. */
int quic_secret_make(struct quic_net *qn)
{
	const struct quic_crypto_ops *ops = &quic_kernel_crypto;
	u8 key[16];
	int err = 0;

	mutex_lock(&qn->udp_lock);
	get_random_bytes(key, sizeof(key));
	if (!qn->token_key)
		err = make_key(&qn->token_key, ops->aead_new(TLS_CIPHER_AES_GCM_128, key));
	if (!err && !qn->retry_key[0])
		err = make_key(&qn->retry_key[0], quic_keys_retry_key(ops, QUIC_VERSION_V1));
	if (!err && !qn->retry_key[1])
		err = make_key(&qn->retry_key[1], quic_keys_retry_key(ops, QUIC_VERSION_V2));
	if (!err && !qn->tokens_used) {
		qn->tokens_used = bitmap_zalloc(QUIC_TOKENS_KEPT, GFP_KERNEL);
		err = qn->tokens_used ? 0 : -ENOMEM;
	}
	mutex_unlock(&qn->udp_lock);
	memzero_explicit(key, sizeof(key));
	return err;
}

int quic_secret_init(struct quic_net *qn)
{
	get_random_bytes(qn->reset_key, sizeof(qn->reset_key));
	get_random_bytes(qn->ticket_key, sizeof(qn->ticket_key));
	ratelimit_state_init(&qn->reply_limit, HZ, qn->limits.reply_rate);
	ratelimit_set_flags(&qn->reply_limit, RATELIMIT_MSG_ON_RELEASE);
	return 0;
}

void quic_secret_exit(struct quic_net *qn)
{
	quic_kernel_crypto.aead_free(qn->token_key);
	quic_kernel_crypto.aead_free(qn->retry_key[0]);
	quic_kernel_crypto.aead_free(qn->retry_key[1]);
	bitmap_free(qn->tokens_used);
	memzero_explicit(qn->reset_key, sizeof(qn->reset_key));
	memzero_explicit(qn->ticket_key, sizeof(qn->ticket_key));
}

/* ---- session tickets ---- */

/* What a server that accepts 0-RTT must not have reduced since, RFC 9000 §7.4.1. */
static u32 put_limits(const struct quic_tparam *tp, u32 version, u8 *buf, u32 cap)
{
	const u64 limits[] = {
		version, tp->active_connection_id_limit, tp->max_data,
		tp->max_stream_data_bidi_local, tp->max_stream_data_bidi_remote,
		tp->max_stream_data_uni, tp->max_streams_bidi, tp->max_streams_uni,
		tp->max_datagram_frame_size, tp->max_idle_timeout, tp->max_udp_payload_size,
		tp->disable_active_migration,
	};
	struct quic_wr w;
	int i;

	quic_wr_init(&w, buf, cap);
	for (i = 0; i < ARRAY_SIZE(limits); i++)
		quic_wr_be(&w, limits[i], 8);
	return w.p - buf;
}

/*
 * A ticket is good in the version that it was issued in (RFC 9369 §5), and,
 * for it may lead to 0-RTT, under the limits that its client remembers.  So
 * these are part of the key: any other ticket is one that TLS cannot read, and
 * a full handshake follows.
 */
int quic_secret_ticket_key(struct quic_sock *qs, u8 key[QUIC_TICKET_KEY_LEN])
{
	const struct quic_net *qn = quic_pernet(sock_net(quic_sock_sk(qs)));
	u32 version = qs->ticket_version ?: QUIC_VERSION_V1;
	u8 limits[128], half, block[QUIC_HASH_MAX];
	struct quic_vec v[] = { { limits, 0 }, { &half, 1 } };
	int err = 0;

	BUILD_BUG_ON(QUIC_TICKET_KEY_LEN != 2 * 32);
	v[0].len = put_limits(&qs->conn.local_tp, version, limits, sizeof(limits));
	for (half = 0; half < 2 && !err; half++) {
		err = quic_kernel_crypto.hmac(QUIC_HASH_SHA256, qn->ticket_key,
					      sizeof(qn->ticket_key), v, ARRAY_SIZE(v), block);
		if (!err)
			memcpy(key + half * 32, block, 32);
	}
	memzero_explicit(block, sizeof(block));
	return err;
}

/* ---- tokens of NEW_TOKEN frames ---- */

/* RFC 9000 §8.1.4: SHOULD NOT be accepted multiple times; one that was counts for nothing */
bool quic_secret_use_token(struct quic_net *qn, u64 serial)
{
	u64 issued = atomic64_read(&qn->tokens);

	return serial < issued && issued - serial <= QUIC_TOKENS_KEPT &&
	       !test_and_set_bit(serial % QUIC_TOKENS_KEPT, qn->tokens_used);
}

/* A token is for the address alone, whatever the port: RFC 9000 §8.1.3. Never 0. */
static u32 token_host(const struct quic_addr *a)
{
	return jhash(a->ip, sizeof(a->ip), a->family) | 1;
}

int quic_secret_issue_token(struct sock *sk)
{
	struct quic_token t = { .kind = QUIC_TOKEN_NEW, .issued = quic_now() };
	struct quic_net *qn = quic_pernet(sock_net(sk));
	struct quic_sock *qs = quic_sk(sk);
	u8 buf[QUIC_TOKEN_LEN_MAX];
	int n;

	t.addr = qs->conn.path.remote;
	t.addr.port = 0;
	t.version = qs->conn.version;
	t.serial = atomic64_inc_return(&qn->tokens) - 1;
	clear_bit(t.serial % QUIC_TOKENS_KEPT, qn->tokens_used);
	n = quic_token_seal(&quic_kernel_crypto, qn->token_key, &t, buf, sizeof(buf));
	if (n > 0)
		n = quic_conn_send_token(&qs->conn, buf, n);
	if (!n)
		qs->token_host = token_host(&t.addr);
	return n;
}

/* RFC 9000 §9.3: after verifying a new client address SHOULD send new tokens */
void quic_secret_renew_token(struct sock *sk)
{
	struct quic_sock *qs = quic_sk(sk);

	if (qs->token_host && qs->token_host != token_host(&qs->conn.path.remote))
		quic_secret_issue_token(sk);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * 0-RTT, RFC 9001 §4.6.  The client's side is a small state machine:
 *
 *   NONE --EARLY secret--> OFFERED --early_data in EncryptedExtensions--> ACCEPTED
 *                             |
 *                             +-----without-----> REJECTED
 *
 * No call of the socket API says how the server has answered, and no TLS
 * library need know who asks: the answer is read where it comes by, in the
 * CRYPTO bytes of the Handshake level, before userspace gets any of them.
 *
 * After a rejection nothing of the 0-RTT packets counts: they leave flight
 * without being lost, and once the server's real parameters are known all
 * streams begin anew under them (quic_streams_rewind()).
 *
 * Callers: conn, conn_rx and conn_tx under the connection's lock.
 */
#include "conn.h"

#define ENCRYPTED_EXTENSIONS	8
#define EXT_EARLY_DATA		42	/* RFC 8446 §4.2.10 */
#define MAX_EARLY_DATA		0xffffffffU	/* RFC 9001 §4.6.1 */

int quic_early_check_secret(const struct quic_conn *c, bool send)
{
	/* RFC 9001 §4.6: the client's to send; the ClientHello comes before a server has keys */
	if (c->early)
		return -EEXIST;
	if (c->server)
		return send || !c->peer_params_set ? -EINVAL : 0;
	return !send || c->peer_params_set ? -EINVAL : 0;
}

void quic_early_start(struct quic_conn *c, u64 now)
{
	c->early = c->server ? QUIC_EARLY_ACCEPTED : QUIC_EARLY_OFFERED;
	if (c->server)
		quic_conn_rx_held(c, QUIC_CRYPTO_EARLY, now);
}

/*
 * Not ahead of the ClientHello, which makes the server's keys; and no more
 * once the server's parameters are known, which do not apply to 0-RTT packets
 * (RFC 9000 §7.4.1).
 */
bool quic_early_may_send(const struct quic_conn *c)
{
	const struct quic_space *initial = c->space[QUIC_SPACE_INITIAL];

	return c->early == QUIC_EARLY_OFFERED && c->state == QUIC_CONN_HANDSHAKE &&
	       !c->peer_params_set && !c->crypto_more && c->version == c->first_version &&
	       (!initial || initial->csnd.end);
}

/* ---- TLS messages ---- */

/* RFC 9001 §4.6.2: all that 0-RTT packets have carried goes again */
static void reject_early(struct quic_conn *c)
{
	c->early = QUIC_EARLY_REJECTED;
	c->early_end = c->loss.sp[QUIC_SPACE_APP]->sent.next;
	quic_keys_drop(&c->keys, QUIC_CRYPTO_EARLY);
	quic_loss_requeue_all(&c->loss, QUIC_SPACE_APP);
	quic_conn_count(c, QUIC_MIB_EARLY_REJECTED);
}

/* @n bytes of @b at @off as a number. */
static u32 number_at(struct quic_recvbuf *b, u32 off, u32 n)
{
	u8 raw[4] = {};
	struct quic_cur cur;

	quic_recvbuf_copy(b, off, raw, n);
	quic_cur_init(&cur, raw, n);
	return quic_cur_be(&cur, n);
}

/* Is early_data among the extensions of the message of @len bytes?  RFC 8446 §4.3.1 */
static bool has_early_data(struct quic_recvbuf *b, u32 len)
{
	u32 off = QUIC_TLS_HEAD + 2;

	for (; off + 4 <= len; off += 4 + number_at(b, off + 2, 2))
		if (number_at(b, off, 2) == EXT_EARLY_DATA)
			return true;
	return false;
}

void quic_early_read_answer(struct quic_conn *c)
{
	struct quic_recvbuf *b = &c->space[QUIC_SPACE_HANDSHAKE]->crcv;
	u32 len;

	if (c->early != QUIC_EARLY_OFFERED || quic_recvbuf_readable(b) < QUIC_TLS_HEAD)
		return;
	len = QUIC_TLS_HEAD + number_at(b, 1, 3);
	/* RFC 8446 §4.3.1: they are the first message; of what is none TLS will complain */
	if (number_at(b, 0, 1) != ENCRYPTED_EXTENSIONS || len > QUIC_CRYPTO_BUF_MAX)
		reject_early(c);
	else if (quic_recvbuf_readable(b) < len)
		return;
	else if (has_early_data(b, len))
		c->early = QUIC_EARLY_ACCEPTED;
	else
		reject_early(c);
}

/* An early_data extension in the list that @c is at. */
static bool find_early_data(struct quic_cur *c, struct quic_cur *ext)
{
	const u8 *p;
	u16 type, len;

	while (quic_cur_left(c)) {
		type = quic_cur_u16(c);
		len = quic_cur_u16(c);
		p = quic_cur_take(c, len);
		if (!p || type != EXT_EARLY_DATA)
			continue;
		quic_cur_init(ext, p, len);
		return true;
	}
	return false;
}

int quic_early_check_ticket(const u8 *msg, u32 len)
{
	struct quic_cur cur, ext;

	/* RFC 8446 §4.6.1: lifetime, age_add, nonce, ticket, extensions */
	quic_cur_init(&cur, msg, len);
	quic_cur_take(&cur, QUIC_TLS_HEAD + 4 + 4);
	quic_cur_take(&cur, quic_cur_u8(&cur));
	quic_cur_take(&cur, quic_cur_u16(&cur));
	quic_cur_u16(&cur);
	/* RFC 9001 §4.6.1: any other value MUST be a PROTOCOL_VIOLATION */
	if (cur.bad || !find_early_data(&cur, &ext) || quic_cur_u32(&ext) == MAX_EARLY_DATA)
		return 0;
	return QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION;
}

/* ---- what the server says afterwards ---- */

int quic_early_check_params(const struct quic_conn *c, const struct quic_tparam *new)
{
	const struct quic_tparam *old = &c->peer_tp;

	if (c->early != QUIC_EARLY_ACCEPTED || c->server)
		return 0;
	/* RFC 9000 §7.4.1, RFC 9221 §3: MUST NOT be smaller than what was remembered */
	if (new->active_connection_id_limit < old->active_connection_id_limit ||
	    new->max_data < old->max_data ||
	    new->max_stream_data_bidi_local < old->max_stream_data_bidi_local ||
	    new->max_stream_data_bidi_remote < old->max_stream_data_bidi_remote ||
	    new->max_stream_data_uni < old->max_stream_data_uni ||
	    new->max_streams_bidi < old->max_streams_bidi ||
	    new->max_streams_uni < old->max_streams_uni ||
	    new->max_datagram_frame_size < old->max_datagram_frame_size)
		return QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION;
	return 0;
}

int quic_early_check_ack(const struct quic_conn *c, const struct quic_frame_ack *a)
{
	struct quic_ack_iter it;
	u64 lowest = a->largest;

	quic_ack_iter_init(&it, a);
	while (quic_ack_iter_next(&it, a))
		lowest = it.lo;
	/* RFC 9001 §4.6.2: SHOULD be a PROTOCOL_VIOLATION */
	return lowest < c->early_end ? QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION : 0;
}

/*
 * RFC 9001 §4.9.3: a client SHOULD discard them at once, a server MUST within
 * a short time, SHOULD be three PTO: 0-RTT packets may be late.
 */
void quic_early_finish(struct quic_conn *c, u64 now)
{
	if (c->server && c->early == QUIC_EARLY_ACCEPTED) {
		c->keys.prev_drop = now + 3 * quic_loss_pto(&c->loss, QUIC_SPACE_APP);
		return;
	}
	quic_keys_drop(&c->keys, QUIC_CRYPTO_EARLY);
	quic_version_forget(c);
	quic_conn_drop_held(c, QUIC_CRYPTO_EARLY);
}

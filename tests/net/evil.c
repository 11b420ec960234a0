// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a hostile peer may send to a socket: each fault ends in the error that
 * RFC 9000 and 9001 name, or in a drop that a counter shows; the socket, its
 * listener and the other connections live on.
 */
#include <fcntl.h>

#include "evil.h"

#define E_FLOW		QUIC_TRANSPORT_ERROR_FLOW_CONTROL
#define E_LIMIT		QUIC_TRANSPORT_ERROR_STREAM_LIMIT
#define E_STATE		QUIC_TRANSPORT_ERROR_STREAM_STATE
#define E_FINAL		QUIC_TRANSPORT_ERROR_FINAL_SIZE
#define E_FRAME		QUIC_TRANSPORT_ERROR_FRAME_ENCODING
#define E_PROTO		QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION
#define E_CRYPTO	QUIC_TRANSPORT_ERROR_CRYPTO_BUF_EXCEEDED

#define SERVER		1	/* the victim may be */
#define CLIENT		2
#define BOTH		3
#define R1		QUIC_PKT_1RTT
#define HS		QUIC_PKT_HANDSHAKE
#define IN		QUIC_PKT_INITIAL
#define TOP62		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff	/* 2^62 - 1 */
#define OVER60		0xd0, 0, 0, 0, 0, 0, 0, 1			/* 2^60 + 1 */
#define ID8		1, 2, 3, 4, 5, 6, 7, 8
#define TOKEN16		ID8, ID8

/*
 * Frames, as a client would send them: stream IDs are 0 (ours), 1 (the
 * victim's), 2 and 3 (unidirectional); at offset 'id', when not 0, and 'id2', is
 * one, which a hostile server sends with its low bit changed.
 */
struct bad {
	const char *name;
	uint8_t victims, type;
	uint64_t code;
	uint8_t id, id2, n;
	uint8_t f[64];
};

#define F(...)	.n = sizeof((uint8_t[]){ __VA_ARGS__ }), .f = { __VA_ARGS__ }

static const struct bad bad[] = {
	/* RFC 9000 §12.4, §19 */
	{ "unknown frame type", BOTH, R1, E_FRAME, F(0x21) },
	{ "large unknown frame type", BOTH, R1, E_FRAME, F(0x7f, 0xff) },
	{ "frame type not shortest", BOTH, R1, E_PROTO, F(0x40, 0x01) },
	{ "no frame at all", BOTH, R1, E_PROTO, .n = 0 },
	{ "frame type cut off", BOTH, R1, E_FRAME, F(0x01, 0x40) },
	/* §19.3 */
	{ "ACK of what was not sent", BOTH, R1, E_PROTO, F(2, 0x80, 0x0f, 0x42, 0x40, 0, 0, 0) },
	{ "ACK below zero", BOTH, R1, E_FRAME, F(2, 2, 0, 0, 3) },
	{ "ACK range below zero", BOTH, R1, E_FRAME, F(2, 5, 0, 1, 1, 3, 0) },
	{ "ACK cut off", BOTH, R1, E_FRAME, F(2, 2, 0) },
	{ "ACK with too many ranges", BOTH, R1, E_FRAME, F(2, 2, 0, 0x7f, 0xff, 0) },
	/* §19.4, §19.5: direction and state */
	{ "RESET_STREAM of a send-only stream", BOTH, R1, E_STATE, 1, F(4, 3, 0, 0) },
	{ "RESET_STREAM never opened", BOTH, R1, E_STATE, 1, F(4, 1, 0, 0) },
	{ "RESET_STREAM over the limit", BOTH, R1, E_LIMIT, 2, F(4, 0x41, 0x90, 0, 0) },
	{ "STOP_SENDING of a receive-only stream", BOTH, R1, E_STATE, 1, F(5, 2, 0) },
	{ "STOP_SENDING never opened", BOTH, R1, E_STATE, 1, F(5, 1, 0) },
	{ "RESET_STREAM beyond the window", BOTH, R1, E_FLOW, 1, F(4, 0, 0, 0x80, 0x10, 0, 0) },
	/* §19.6 */
	{ "CRYPTO beyond 2^62", BOTH, R1, E_FRAME, F(6, TOP62, 1, 0) },
	{ "CRYPTO beyond the buffer", BOTH, R1, E_CRYPTO, F(6, 0x80, 4, 0, 0, 1, 0) },
	{ "CRYPTO cut off", BOTH, R1, E_FRAME, F(6, 0, 9, 1) },
	{ "TLS KeyUpdate", BOTH, R1, 0x10a, F(6, 0, 5, 24, 0, 0, 1, 0) },
	/* §19.7 */
	{ "NEW_TOKEN to a server", SERVER, R1, E_PROTO, F(7, 1, 0) },
	{ "empty NEW_TOKEN", CLIENT, R1, E_FRAME, F(7, 0) },
	{ "NEW_TOKEN cut off", CLIENT, R1, E_FRAME, F(7, 9, 1) },
	/* §19.8 */
	{ "STREAM never opened", BOTH, R1, E_STATE, 1, F(0x0a, 1, 1, 0) },
	{ "STREAM on a send-only stream", BOTH, R1, E_STATE, 1, F(0x0a, 3, 1, 0) },
	{ "STREAM over the limit", BOTH, R1, E_LIMIT, 2, F(0x0a, 0x41, 0x90, 1, 0) },
	{ "STREAM far over the limit", BOTH, R1, E_LIMIT, 8,
	  F(0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc, 1, 0) },
	{ "uni STREAM over the limit", BOTH, R1, E_LIMIT, 2, F(0x0a, 0x41, 0x92, 1, 0) },
	{ "STREAM beyond the window", BOTH, R1, E_FLOW, 1,
	  F(0x0e, 0, 0x80, 4, 0, 0, 1, 0) },
	{ "STREAM cut off", BOTH, R1, E_FRAME, F(0x0a, 0, 9, 1) },
	{ "data after the end", BOTH, R1, E_FINAL, 1, 6,
	  F(0x0b, 0, 2, 'a', 'b', 0x0e, 0, 2, 1, 'c') },
	{ "an earlier end", BOTH, R1, E_FINAL, 1, 8,
	  F(0x0a, 0, 4, 'a', 'b', 'c', 'd', 0x0f, 0, 0, 1, 'a') },
	{ "two ends", BOTH, R1, E_FINAL, 1, 6, F(0x0b, 0, 2, 'a', 'b', 0x0f, 0, 3, 0) },
	{ "RESET_STREAM with another end", BOTH, R1, E_FINAL, 1, 6,
	  F(0x0b, 0, 2, 'a', 'b', 4, 0, 7, 5) },
	{ "RESET_STREAM below what came", BOTH, R1, E_FINAL, 1, 6,
	  F(0x0a, 0, 2, 'a', 'b', 4, 0, 7, 1) },
	/* §19.10, §19.13 */
	{ "MAX_STREAM_DATA of a receive-only stream", BOTH, R1, E_STATE, 1, F(0x11, 2, 9) },
	{ "MAX_STREAM_DATA never opened", BOTH, R1, E_STATE, 1, F(0x11, 1, 9) },
	{ "STREAM_DATA_BLOCKED of a send-only stream", BOTH, R1, E_STATE, 1, F(0x15, 3, 9) },
	{ "STREAM_DATA_BLOCKED over the limit", BOTH, R1, E_LIMIT, 2,
	  F(0x15, 0x41, 0x90, 9) },
	/* §19.11, §19.14 */
	{ "MAX_STREAMS over 2^60", BOTH, R1, E_FRAME, F(0x12, OVER60) },
	{ "uni MAX_STREAMS over 2^60", BOTH, R1, E_FRAME, F(0x13, OVER60) },
	{ "STREAMS_BLOCKED over 2^60", BOTH, R1, E_FRAME, F(0x16, OVER60) },
	/* §19.15, §19.16 */
	{ "NEW_CONNECTION_ID of no length", BOTH, R1, E_FRAME, F(0x18, 9, 0, 0, TOKEN16) },
	{ "NEW_CONNECTION_ID too long", BOTH, R1, E_FRAME,
	  F(0x18, 9, 0, 21, ID8, ID8, 1, 2, 3, 4, 5, TOKEN16) },
	{ "NEW_CONNECTION_ID retires itself", BOTH, R1, E_FRAME, F(0x18, 9, 10, 8, ID8, TOKEN16) },
	{ "NEW_CONNECTION_ID of number 0 again", BOTH, R1, E_PROTO, F(0x18, 0, 0, 8, ID8, TOKEN16) },
	{ "RETIRE_CONNECTION_ID never issued", BOTH, R1, E_PROTO, F(0x19, 0x40, 99) },
	{ "RETIRE_CONNECTION_ID of its own packet", BOTH, R1, E_PROTO, F(0x19, 0) },
	/* §19.19 to §19.21, RFC 9221 */
	{ "CONNECTION_CLOSE cut off", BOTH, R1, E_FRAME, F(0x1c, 0, 0, 9, 'x') },
	{ "HANDSHAKE_DONE to a server", SERVER, R1, E_PROTO, F(0x1e) },
	{ "DATAGRAM not negotiated", BOTH, R1, E_PROTO, F(0x31, 1, 'x') },
	{ "PATH_CHALLENGE cut off", BOTH, R1, E_FRAME, F(0x1a, 1, 2, 3) },
	/* §12.4, table 3: frames in the wrong packets */
	{ "STREAM in a Handshake packet", BOTH, HS, E_PROTO, F(0x0a, 0, 1, 'x') },
	{ "MAX_DATA in a Handshake packet", BOTH, HS, E_PROTO, F(0x10, 9) },
	{ "application close in a Handshake packet", BOTH, HS, E_PROTO, F(0x1d, 0, 0) },
	{ "PATH_CHALLENGE in a Handshake packet", BOTH, HS, E_PROTO, F(0x1a, ID8) },
	{ "HANDSHAKE_DONE in a Handshake packet", BOTH, HS, E_PROTO, F(0x1e) },
	{ "NEW_CONNECTION_ID in a Handshake packet", BOTH, HS, E_PROTO,
	  F(0x18, 9, 0, 8, ID8, TOKEN16) },
	{ "unknown frame in a Handshake packet", BOTH, HS, E_FRAME, F(0x21) },
	{ "CRYPTO beyond the buffer in a Handshake packet", BOTH, HS, E_CRYPTO,
	  F(6, 0x80, 4, 0, 0, 1, 0) },
	{ "ACK of no Handshake packet sent", BOTH, HS, E_PROTO,
	  F(2, 0x80, 0x0f, 0x42, 0x40, 0, 0, 0) },
	{ "STREAM in an Initial packet", BOTH, IN, E_PROTO, F(0x0a, 0, 1, 'x') },
	{ "MAX_STREAMS in an Initial packet", BOTH, IN, E_PROTO, F(0x12, 9) },
	{ "HANDSHAKE_DONE in an Initial packet", BOTH, IN, E_PROTO, F(0x1e) },
	{ "application close in an Initial packet", BOTH, IN, E_PROTO, F(0x1d, 0, 0) },
	{ "unknown frame in an Initial packet", BOTH, IN, E_FRAME, F(0x21) },
	{ "CRYPTO beyond the buffer in an Initial packet", BOTH, IN, E_CRYPTO,
	  F(6, 0x80, 4, 0, 0, 1, 0) },
};

static struct evil *open_for(int type, bool server)
{
	struct evil *e = evil_open(server, type == R1 ? ESTABLISHED :
				   type == HS ? HANDSHAKING : FIRST_FLIGHT, NULL);

	/* a victim server must have been accepted to have a user who is told */
	if (e->fd < 0) {
		CHECK(sock_poll(e->lis, POLLIN, 5000) & POLLIN);
		e->fd = CHECK_OK(accept(e->lis, NULL, NULL));
	}
	return e;
}

static void one_bad(const struct bad *b, bool server)
{
	struct evil *e = open_for(b->type, server);
	char what[100];
	uint32_t flags;
	uint8_t f[64];

	snprintf(what, sizeof(what), "%s, to a %s", b->name, server ? "client" : "server");
	memcpy(f, b->f, sizeof(f));
	if (server && b->id)
		f[b->id] ^= 1;
	if (server && b->id2)
		f[b->id2] ^= 1;
	evil_frames(e, b->type, f, b->n);
	evil_expect(e, what, b->code);
	do {				/* data and TLS messages from before come first */
		flags = MSG_DONTWAIT;
	} while (quic_recvmsg(e->fd, f, sizeof(f), NULL, &flags) > 0);
	CHECK_EQ(errno, EPROTO);		/* once */
	CHECK_ERR(recv(e->fd, f, 1, 0), ENOTCONN);
	evil_free(e);
}

static void bad_frames(bool server, int type)
{
	unsigned int i;

	for (i = 0; i < ARRAY(bad); i++)
		if (bad[i].type == type && bad[i].victims & (server ? CLIENT : SERVER))
			one_bad(&bad[i], server);
}

static void frames_to_server(void)
{
	bad_frames(false, R1);
}

static void frames_to_client(void)
{
	bad_frames(true, R1);
}

static void handshake_frames_to_server(void)
{
	bad_frames(false, HS);
}

static void handshake_frames_to_client(void)
{
	bad_frames(true, HS);
}

static void initial_frames_to_server(void)
{
	bad_frames(false, IN);
}

static void initial_frames_to_client(void)
{
	bad_frames(true, IN);
}

/* ---- faults that need more than one frame ---- */

/* Ten streams, each within its window, together beyond the connection's. */
static void connection_window(void)
{
	struct evil *e = evil_open(false, ESTABLISHED, NULL);
	uint8_t f[10 * 8];
	struct quic_wr w;
	int i;

	quic_wr_init(&w, f, sizeof(f));
	for (i = 0; i < 10; i++) {
		quic_wr_u8(&w, 0x0e);
		quic_wr_varint(&w, i * 4);
		quic_wr_varint_n(&w, 65536 * 4 - 1, 4);
		quic_wr_varint(&w, 1);
		quic_wr_u8(&w, 'x');
	}
	CHECK(!w.bad);
	evil_frames(e, R1, f, sizeof(f));
	evil_expect(e, "beyond the connection's window", E_FLOW);
	evil_free(e);
}

static void too_many_ids(void)
{
	struct evil *e = evil_open(false, ESTABLISHED, NULL);
	uint8_t f[12 * 28];
	struct quic_wr w;
	int i;

	quic_wr_init(&w, f, sizeof(f));
	for (i = 1; i <= 12; i++) {
		quic_wr_u8(&w, QUIC_FRAME_NEW_CONNECTION_ID);
		quic_wr_varint(&w, i + 10);
		quic_wr_varint(&w, 0);
		quic_wr_u8(&w, 8);
		memset(quic_wr_take(&w, 8), i, 8);
		memset(quic_wr_take(&w, 16), i, 16);
	}
	evil_frames(e, R1, f, w.p - f);
	evil_expect(e, "more IDs than the limit", QUIC_TRANSPORT_ERROR_CONNECTION_ID_LIMIT);
	evil_free(e);
}

static void give_id(struct evil *e, uint64_t seq)
{
	uint8_t f[64];
	struct quic_wr w;

	quic_wr_init(&w, f, sizeof(f));
	quic_wr_u8(&w, QUIC_FRAME_NEW_CONNECTION_ID);
	quic_wr_varint(&w, seq);
	quic_wr_varint(&w, 0);
	quic_wr_u8(&w, QUIC_CID_LOCAL_LEN);
	memset(quic_wr_take(&w, QUIC_CID_LOCAL_LEN), seq, QUIC_CID_LOCAL_LEN);
	memset(quic_wr_take(&w, 16), seq, 16);
	evil_frames(e, R1, f, w.p - f);
	evil_expect_alive(e, "an ID");
}

/*
 * A peer that acknowledges no RETIRE_CONNECTION_ID (RFC 9000 §5.1.2: their number has a
 * bound): when an ID cannot be retired, the option has not changed the one in use either.
 */
static void ids_not_retired(void)
{
	struct evil *e = evil_open(true, ESTABLISHED, NULL);
	struct quic_connection_id_info id = { .dest = 1 };
	socklen_t len = sizeof(id);
	uint32_t was = 0;
	uint64_t seq;

	for (seq = 100; seq < 100 + QUIC_CIDS_RETIRED_MAX; seq++) {
		was = id.active;
		id.active = id.prior_to = seq;
		if (seq > 100)	/* at first as many as may be */
			give_id(e, seq);
		else
			id.active = id.prior_to = e->conn.scids.next_seq - 1;
		if (set_opt(e->fd, QUIC_SOCKOPT_CONNECTION_ID, &id, sizeof(id)))
			break;
	}
	CHECK_EQ(errno, EINVAL);
	CHECK(seq > 101 && seq < 100 + QUIC_CIDS_RETIRED_MAX);
	CHECK_OK(get_opt(e->fd, QUIC_SOCKOPT_CONNECTION_ID, &id, &len));
	CHECK_EQ(id.active, was);
	evil_expect_alive(e, "RETIREs that wait");
	evil_free(e);
}

/* One number, two IDs (RFC 9000 §19.15). */
static void id_changes(void)
{
	struct evil *e = evil_open(true, ESTABLISHED, NULL);
	const struct quic_cid_entry *id = &e->conn.scids.e[1];
	uint8_t f[64];
	struct quic_wr w;

	CHECK(id->used && id->announced);
	quic_wr_init(&w, f, sizeof(f));
	quic_wr_u8(&w, QUIC_FRAME_NEW_CONNECTION_ID);
	quic_wr_varint(&w, id->seq);
	quic_wr_varint(&w, 0);
	quic_wr_u8(&w, id->cid.len);
	quic_wr_bytes(&w, id->cid.id, id->cid.len);
	quic_wr_bytes(&w, id->token, 16);
	evil_frames(e, R1, f, w.p - f);		/* the same again is no fault */
	evil_expect_alive(e, "the same ID twice");
	f[4]++;
	evil_frames(e, R1, f, w.p - f);
	evil_expect(e, "an ID that changes", E_PROTO);
	evil_free(e);
}

static void reserved_bits(void)
{
	static const uint8_t ping[] = { QUIC_FRAME_PING };
	uint8_t buf[1600] = {}, mask = 0x18;
	struct evil *e = evil_open(false, ESTABLISHED, NULL);
	const struct quic_cid *dcid = &quic_cids_remote_active(&e->conn.dcids)->cid;
	struct quic_vec v = { .base = ping, .len = 1 };
	uint64_t pn = evil_next_pn(e, R1);
	struct quic_wr w;
	int n;

	e->mute = true;
	quic_wr_init(&w, buf, sizeof(buf));
	quic_hdr_put_short(&w, dcid, false, false, pn, 4);
	buf[0] |= mask;
	n = quic_keys_seal(&e->conn.keys, QUIC_CRYPTO_APP, pn, buf, w.p - buf, w.p - buf - 4, 4,
			   &v, 1);
	evil_send(e, buf, n);
	evil_expect(e, "reserved bits", E_PROTO);
	evil_free(e);
}

/* RFC 9001 §6.4: old keys for a higher packet number than the new ones. */
static void old_keys(void)
{
	static const uint8_t ping[] = { QUIC_FRAME_PING };
	uint8_t old[1600] = {}, buf[1600] = {};
	struct evil *e = evil_open(false, ESTABLISHED, NULL);
	uint64_t pn;
	size_t len;

	e->mute = true;
	len = evil_seal(e, R1, 5000, ping, 1, old);
	CHECK_EQ(quic_keys_prepare(&e->conn.keys), 0);
	CHECK_EQ(quic_keys_flip(&e->conn.keys, 6000, QUIC_TIME_NEVER), 0);
	for (pn = 6000; e->acked < 6000; pn++) {
		CHECK(pn < 6900);	/* the first may be dropped: keys are made ahead */
		memset(buf, 0, sizeof(buf));
		evil_send(e, buf, evil_seal(e, R1, pn, ping, 1, buf));
		evil_listen_close(e, 5);
	}
	evil_send(e, old, len);		/* late, and before old keys are forgotten: fine */
	memset(buf, 0, sizeof(buf));	/* but this one came before it, and was newer */
	evil_send(e, buf, evil_seal(e, R1, 4000, ping, 1, buf));
	evil_expect(e, "old keys after an update", QUIC_TRANSPORT_ERROR_KEY_UPDATE);
	evil_free(e);
}

/* ---- transport parameters ---- */

static const uint8_t *param_add;
static size_t param_add_len;
static int param_drop;		/* id of one to leave out, or -1 */
static int param_flip;		/* id of one to change a byte of, or -1 */

static void tamper(uint8_t *p, size_t *len)
{
	uint8_t out[1024];
	struct quic_cur c;
	size_t n = 0;

	quic_cur_init(&c, p, *len);
	while (quic_cur_left(&c)) {
		const u8 *start = c.p;
		u64 id = quic_cur_varint(&c), l = quic_cur_varint(&c);

		quic_cur_take(&c, l);
		if (param_drop >= 0 && id == param_drop)
			continue;
		memcpy(out + n, start, c.p - start);
		n += c.p - start;
		if (param_flip >= 0 && id == param_flip)
			out[n - 1] ^= 1;
	}
	memcpy(out + n, param_add, param_add_len);
	n += param_add_len;
	memcpy(p, out, n);
	*len = n;
}

struct bad_param {
	const char *name;
	uint8_t victims;
	int drop, flip;
	uint8_t n;
	uint8_t add[48];
};

#define A(...)	.n = sizeof((uint8_t[]){ __VA_ARGS__ }), .add = { __VA_ARGS__ }

static const struct bad_param params[] = {
	{ "no initial_source_connection_id", BOTH, 0x0f, -1 },
	{ "wrong initial_source_connection_id", BOTH, -1, 0x0f },
	{ "no original_destination_connection_id", CLIENT, 0, -1 },
	{ "wrong original_destination_connection_id", CLIENT, -1, 0 },
	{ "retry_source_connection_id without a Retry", CLIENT, -1, -1, A(0x10, 4, 1, 2, 3, 4) },
	{ "original_destination_connection_id by a client", SERVER, -1, -1, A(0, 4, 1, 2, 3, 4) },
	{ "stateless_reset_token by a client", SERVER, -1, -1, A(2, 16, TOKEN16) },
	{ "retry_source_connection_id by a client", SERVER, -1, -1, A(0x10, 4, 1, 2, 3, 4) },
	{ "preferred_address by a client", SERVER, -1, -1, A(0x0d, 4, 1, 2, 3, 4) },
	{ "max_udp_payload_size of 1199", BOTH, 3, -1, A(3, 2, 0x44, 0xaf) },
	{ "ack_delay_exponent of 21", BOTH, 0x0a, -1, A(0x0a, 1, 21) },
	{ "max_ack_delay of 2^14", BOTH, 0x0b, -1, A(0x0b, 4, 0x80, 0, 0x40, 0) },
	{ "active_connection_id_limit of 1", BOTH, 0x0e, -1, A(0x0e, 1, 1) },
	{ "initial_max_streams over 2^60", BOTH, 8, -1, A(8, 8, OVER60) },
	{ "a parameter twice", BOTH, 4, -1, A(4, 1, 9, 4, 1, 9) },
	{ "a value that does not fill its length", BOTH, 4, -1, A(4, 2, 9, 9) },
	{ "a length beyond the end", BOTH, 4, -1, A(4, 9, 9) },
	{ "a token of 15 bytes", CLIENT, -1, -1, A(2, 15, ID8, 1, 2, 3, 4, 5, 6, 7) },
	{ "disable_active_migration with a value", BOTH, -1, -1, A(0x0c, 1, 1) },
};

static void one_param(const struct bad_param *b, bool server)
{
	struct evil_conf c = { .tamper = tamper };
	struct evil *e;
	char what[100];

	snprintf(what, sizeof(what), "%s, to a %s", b->name, server ? "client" : "server");
	param_add = b->add;
	param_add_len = b->n;
	param_drop = b->drop;
	param_flip = b->flip;
	e = evil_open(server, ESTABLISHED, &c);
	evil_run(e, NULL, 20);
	/* the hostile core itself reads what comes */
	evil_run(e, evil_established, 60);
	if (quic_conn_is_open(&e->conn) && !evil_listen_close(e, 15000))
		FAIL("%s: the victim did not close", what);
	if (!quic_conn_is_open(&e->conn))
		e->close_code = e->conn.close.code;
	if (e->close_code != QUIC_TRANSPORT_ERROR_TRANSPORT_PARAM)
		FAIL("%s: closed with %#llx", what, (unsigned long long)e->close_code);
	evil_free(e);
}

static void parameters(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY(params); i++) {
		if (params[i].victims & SERVER)
			one_param(&params[i], false);
		if (params[i].victims & CLIENT)
			one_param(&params[i], true);
	}
}

/* ---- packets that are dropped and counted ---- */

static void dropped(const char *counter, uint64_t before, const char *what)
{
	uint64_t end = now_ms() + 15000;

	while (mib_read(counter) <= before) {
		if (now_ms() > end)
			FAIL("%s: %s does not count it", what, counter);
		sleep_ms(2);
	}
}

#define DROPPED(e, counter, what, data, len) do {			\
	uint64_t _before = mib_read(counter);				\
	evil_send(e, data, len);					\
	dropped(counter, _before, what);				\
} while (0)

static void random_bytes(uint8_t *p, size_t n)
{
	get_random_bytes(p, n);
}

static void garbage(void)
{
	struct evil *e = evil_open(false, ESTABLISHED, NULL);
	unsigned long i, n = test_scaled(5000, 500);
	uint8_t buf[1500];
	uint32_t r;

	for (i = 0; i < n; i++) {
		random_bytes(buf, sizeof(buf));
		memcpy(&r, buf + 100, 4);
		if (i & 1)	/* to the connection's ID */
			memcpy(buf + 1, quic_cids_remote_active(&e->conn.dcids)->cid.id, 16);
		evil_send(e, buf, 1 + r % sizeof(buf));
	}
	evil_expect_alive(e, "random bytes");
	evil_free(e);
}

/* A good datagram, cut at every length and with every byte changed. */
static void cut_and_changed(void)
{
	static const uint8_t frame[] = { 0x0a, 0, 4, 'd', 'a', 't', 'a' };
	struct evil *e = evil_open(false, ESTABLISHED, NULL);
	uint8_t good[1600] = {}, copy[1600];
	size_t len, i;

	e->mute = true;
	len = evil_seal(e, R1, evil_next_pn(e, R1), frame, sizeof(frame), good);
	for (i = 0; i < len; i++)
		evil_send(e, good, i);
	for (i = 0; i < len; i++) {
		memcpy(copy, good, len);
		copy[i] ^= 0x80 >> i % 8;
		evil_send(e, copy, len);
	}
	evil_expect_alive(e, "changed packets");
	CHECK_ERR(recv(e->fd, copy, 1, MSG_DONTWAIT), EAGAIN);
	evil_send(e, good, len);		/* the true one counts */
	recv_all(e->fd, 0, copy, 4, false);
	CHECK(!memcmp(copy, "data", 4));
	DROPPED(e, "QuicDropDuplicate", "the same packet again", good, len);
	copy[0] = 0;
	memcpy(copy, good, len);
	copy[len - 1] ^= 1;
	DROPPED(e, "QuicDropAuth", "a changed tag", copy, len);
	memcpy(copy, good, len);
	copy[0] &= ~QUIC_HDR_FIXED;
	DROPPED(e, "QuicDropHeader", "no fixed bit", copy, len);
	evil_expect_alive(e, "dropped packets");
	evil_free(e);
}

/* First flights: cut, changed, too small, IDs that are too short or too long. */
static void first_flights(void)
{
	struct evil *e = evil_open(false, FIRST_FLIGHT, NULL);
	uint8_t hello[2048], copy[2048], small[1199] = {};
	struct quic_cid id = { .len = 8 };
	size_t len = e->hold_len, i;
	struct quic_wr w;
	u8 *length;

	CHECK(len >= 1200);
	CHECK(sock_poll(e->lis, POLLIN, 10000) & POLLIN);
	e->fd = CHECK_OK(accept(e->lis, NULL, NULL));
	memcpy(hello, e->hold, len);
	memcpy(copy, hello, len);
	copy[6] ^= 1;				/* for nobody, so that it is a new request */
	quic_wr_init(&w, small, sizeof(small));
	quic_hdr_put_long(&w, IN, QUIC_VERSION_V1, &id, &id, NULL, 0, 0, 4, &length);
	quic_hdr_set_length(length, small + sizeof(small) - w.p + 4);
	DROPPED(e, "QuicDropSmallInitial", "a small Initial", small, sizeof(small));
	DROPPED(e, "QuicDropAuth", "an Initial under wrong keys", copy, len);
	for (i = 0; i < 1200; i += 1 + i / 60) {
		memcpy(copy, hello, len);
		copy[i] ^= 1 << i % 8;
		evil_send(e, copy, len);
		evil_send(e, hello, i);
	}
	memcpy(copy, hello, len);
	id.len = 7;				/* RFC 9000 §7.2 */
	quic_wr_init(&w, copy, sizeof(copy));
	quic_hdr_put_long(&w, IN, QUIC_VERSION_V1, &id, &id, NULL, 0, 0, 4, &length);
	quic_hdr_set_length(length, copy + 1200 - w.p + 4);
	DROPPED(e, "QuicDropUnknown", "an ID of 7 bytes", copy, 1200);
	memcpy(copy, hello, len);
	copy[5] = 21;
	DROPPED(e, "QuicDropHeader", "an ID of 21 bytes", copy, len);
	CHECK_EQ(sock_poll(e->lis, POLLIN, 100), 0);
	evil_free(e);
}

/* ---- requests in pieces, made by hand ---- */

struct request {
	struct evil *e;			/* its sockets */
	struct quic_keys keys;
	struct quic_cid dcid, scid;
	uint64_t pn;
};

static void request_init(struct request *r, uint8_t id)
{
	*r = (struct request){ .dcid = { .len = 8 }, .scid = { .len = 4 } };
	r->e = evil_open(false, FIRST_FLIGHT, NULL);
	CHECK(sock_poll(r->e->lis, POLLIN, 10000) & POLLIN);
	r->e->fd = CHECK_OK(accept(r->e->lis, NULL, NULL));
	memset(r->dcid.id, id, 8);
	quic_keys_init(&r->keys, r->e->conn.ops->crypto, QUIC_VERSION_V1);
	CHECK_EQ(quic_keys_set_initial(&r->keys, QUIC_VERSION_V1, &r->dcid, false), 0);
}

static void request_free(struct request *r)
{
	quic_keys_free(&r->keys);
	evil_free(r->e);
}

/* An Initial with @len bytes of CRYPTO at @off, of @size bytes, to @buf. */
static void request_build(struct request *r, uint64_t off, const uint8_t *data, size_t len,
			  size_t size, uint8_t *buf)
{
	uint8_t plain[1600] = {};
	struct quic_vec v = { .base = plain };
	struct quic_wr w;
	u8 *length;
	int n;

	quic_wr_init(&w, plain, sizeof(plain));
	quic_frame_put_crypto_hdr(&w, off, len);
	quic_wr_bytes(&w, data, len);
	quic_wr_init(&w, buf, size);
	quic_hdr_put_long(&w, IN, QUIC_VERSION_V1, &r->dcid, &r->scid, NULL, 0, r->pn, 4, &length);
	v.len = size - (w.p - buf) - QUIC_TAG_LEN;
	quic_hdr_set_length(length, 4 + v.len + QUIC_TAG_LEN);
	n = quic_keys_seal(&r->keys, QUIC_CRYPTO_INITIAL, r->pn++, buf, w.p - buf, w.p - buf - 4, 4,
			   &v, 1);
	CHECK_EQ(n, size);
}

/* The same in a datagram of its own. */
static void request_send(struct request *r, uint64_t off, const uint8_t *data, size_t len,
			 size_t size)
{
	uint8_t buf[1600];

	request_build(r, off, data, len, size, buf);
	evil_send(r->e, buf, size);
}

/* The code of the CONNECTION_CLOSE that answers. */
static uint64_t request_refused(struct request *r)
{
	uint64_t end = now_ms() + 15000;
	struct quic_opened o;
	struct quic_frame f;
	struct quic_cur c;
	uint8_t plain[1600];
	struct quic_hdr h;

	r->e->mute = true;
	for (;;) {
		if (now_ms() > end)
			FAIL("no answer to a hopeless request");
		r->e->last_len = 0;
		evil_listen_close(r->e, 10);
		if (!r->e->last_len ||
		    quic_hdr_parse(r->e->last, r->e->last_len, 4, false, &h) ||
		    h.type != IN || !quic_cid_equal(&h.dcid, &r->scid))
			continue;
		CHECK_EQ(quic_keys_open(&r->keys, QUIC_CRYPTO_INITIAL, r->e->last, &h, -1, plain, &o),
			 0);
		quic_cur_init(&c, o.payload, o.payload_len);
		CHECK_EQ(quic_frame_parse(&c, &f), 0);
		CHECK_EQ(f.type, QUIC_FRAME_CONNECTION_CLOSE);
		return f.close.code;
	}
}

/* RFC 9000 §14.1, §7.2: what of a request must be discarded is no part of it. */
static void request_pieces(void)
{
	uint8_t hello[4 + 2048] = { 1 }, own[256];
	struct quic_cid scid;
	struct request r;
	uint64_t small;
	size_t n;
	int np;

	request_init(&r, 'p');
	np = quic_conn_get_params(&r.e->conn, own, sizeof(own));
	CHECK(np > 0);
	n = tls_hello(hello + 4, own, np, NULL);
	CHECK(n > 100 && n < 256);
	hello[3] = n;
	request_send(&r, 0, hello, 100, 1200);
	small = mib_read("QuicDropSmallInitial");
	n -= 96;
	request_send(&r, 100, hello + 100, n, 1199);
	dropped("QuicDropSmallInitial", small, "the rest in a small datagram");
	scid = r.scid;
	r.scid.id[0]++;
	request_send(&r, 100, hello + 100, n, 1200);
	r.scid = scid;
	CHECK_EQ(sock_poll(r.e->lis, POLLIN, 100), 0);
	request_send(&r, 100, hello + 100, n, 1200);
	CHECK(sock_poll(r.e->lis, POLLIN, 10000) & POLLIN);
	request_free(&r);
}

/* RFC 9000 §7.5: MUST be CRYPTO_BUFFER_EXCEEDED; RFC 8446 §6.2: decode_error */
static void request_hopeless(void)
{
	static const uint8_t finished[] = { 20, 0, 0, 1, 0 };
	struct request r;

	request_init(&r, 'b');
	request_send(&r, 16384, (const uint8_t *)"x", 1, 1200);
	CHECK_EQ(request_refused(&r), E_CRYPTO);
	request_free(&r);
	request_init(&r, 'd');
	request_send(&r, 0, finished, sizeof(finished), 1200);
	CHECK_EQ(request_refused(&r), 0x132);
	request_free(&r);
}

/* RFC 9000 §17.2.5.1: MUST NOT send more than one Retry for a datagram. */
static void one_retry(void)
{
	struct quic_config cfg = { .validate_peer_address = 1 };
	uint64_t before = mib_read("QuicRetryOut"), end;
	uint8_t buf[1200];
	struct request r;

	request_init(&r, 'r');
	CHECK_OK(set_opt(r.e->lis, QUIC_SOCKOPT_CONFIG, &cfg, sizeof(cfg)));
	request_build(&r, 0, (const uint8_t *)"\1\0\1", 3, 600, buf);
	request_build(&r, 3, (const uint8_t *)"\0", 1, 600, buf + 600);
	evil_send(r.e, buf, sizeof(buf));
	for (end = now_ms() + 15000; mib_read("QuicRetryOut") == before; sleep_ms(2))
		CHECK(now_ms() < end);
	sleep_ms(100);
	CHECK_EQ(mib_read("QuicRetryOut"), before + 1);
	request_free(&r);
}

/* ---- Version Negotiation and Retry ---- */

/* A Version Negotiation packet comes within @ms; others may come before it. */
static bool negotiation_comes(struct evil *e, struct quic_hdr *h, unsigned int ms)
{
	uint64_t end = now_ms() + ms;

	e->mute = true;
	while (now_ms() < end) {
		e->last_len = 0;
		evil_listen_close(e, 10);
		if (e->last_len && !quic_hdr_parse(e->last, e->last_len, 16, false, h) &&
		    h->type == QUIC_PKT_VN)
			return true;
	}
	return false;
}

static void unknown_version(void)
{
	struct evil *e = evil_open(false, FIRST_FLIGHT, NULL);
	uint8_t buf[1300] = { 0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 40 };
	uint64_t end = now_ms() + 15000;
	uint32_t v, seen = 0, i;
	struct quic_hdr h;

	memset(buf + 6, 'd', 40);		/* IDs longer than ours may be */
	buf[46] = 30;
	memset(buf + 47, 's', 30);
	do {		/* answers are rated: earlier tests may have used them up */
		CHECK(now_ms() < end);
		evil_send(e, buf, 1200);
	} while (!negotiation_comes(e, &h, 200));
	CHECK_EQ(h.dcid_raw.len, 30);
	CHECK(h.dcid_raw.base[29] == 's');
	CHECK_EQ(h.scid_raw.len, 40);
	CHECK(h.scid_raw.base[39] == 'd');
	for (i = 0; i < h.nversions; i++) {
		v = ntohl(*(const uint32_t *)(h.versions + 4 * i));
		seen |= v == QUIC_VERSION_V1 ? 1 : v == QUIC_VERSION_V2 ? 2 : 0;
		CHECK(v != 0x1a2a3a4a);
	}
	CHECK_EQ(seen, 3);
	DROPPED(e, "QuicDropUnknown", "unknown version, small", buf, 1199);
	CHECK(!negotiation_comes(e, &h, 100));
	buf[1] = buf[2] = buf[3] = buf[4] = 0;	/* Version Negotiation to a server */
	evil_send(e, buf, 1200);
	CHECK(!negotiation_comes(e, &h, 100));
	evil_free(e);
}

/* The victim client's first Initial came: its IDs. */
static void victim_ids(struct evil *e, struct quic_cid *dcid, struct quic_cid *scid)
{
	struct quic_hdr h;

	CHECK_EQ(quic_hdr_parse(e->last, e->last_len, 16, false, &h), 0);
	CHECK_EQ(h.type, QUIC_PKT_INITIAL);
	*dcid = h.dcid;
	*scid = h.scid;
}

static void forged_negotiation(void)
{
	struct evil *e = evil_open(true, FIRST_FLIGHT, NULL);
	static const uint32_t own[] = { QUIC_VERSION_V1, 0x0a0a0a0a }, other[] = { 0x0a0a0a0a };
	struct quic_cid dcid, scid;
	struct quic_vec d, s;
	struct quic_wr w;
	uint8_t buf[200];

	victim_ids(e, &dcid, &scid);
	d = (struct quic_vec){ scid.id, scid.len };
	s = (struct quic_vec){ dcid.id, dcid.len };
	quic_wr_init(&w, buf, sizeof(buf));	/* lists the version in use: ignored */
	quic_hdr_put_vn(&w, &d, &s, own, 2, 0xff);
	DROPPED(e, "QuicDropVersionNegotiation", "the version in use", buf, w.p - buf);
	dcid.id[0] ^= 1;
	quic_wr_init(&w, buf, sizeof(buf));
	quic_hdr_put_vn(&w, &d, &s, other, 1, 0xff);
	DROPPED(e, "QuicDropVersionNegotiation", "a wrong ID", buf, w.p - buf);
	dcid.id[0] ^= 1;
	e->quiet = e->tls.deaf = e->victim_tls.deaf = false;
	tls_input(&e->tls, QUIC_CRYPTO_INITIAL, NULL, 0);
	CHECK(evil_run(e, evil_established, 15000));
	quic_wr_init(&w, buf, sizeof(buf));	/* too late */
	quic_hdr_put_vn(&w, &d, &s, other, 1, 0xff);
	DROPPED(e, "QuicDropVersionNegotiation", "after the handshake", buf, w.p - buf);
	evil_expect_alive(e, "forged Version Negotiation");
	evil_free(e);
}

static void no_common_version(void)
{
	struct evil *e = evil_open(true, FIRST_FLIGHT, NULL);
	static const uint32_t other[] = { 0x0a0a0a0a };
	struct quic_cid dcid, scid;
	struct quic_vec d, s;
	struct quic_wr w;
	uint8_t buf[200];

	victim_ids(e, &dcid, &scid);
	d = (struct quic_vec){ scid.id, scid.len };
	s = (struct quic_vec){ dcid.id, dcid.len };
	quic_wr_init(&w, buf, sizeof(buf));
	quic_hdr_put_vn(&w, &d, &s, other, 1, 0xff);
	evil_send(e, buf, w.p - buf);
	CHECK(sock_poll(e->fd, 0, 10000) & POLLHUP);
	CHECK_ERR(recv(e->fd, buf, 1, 0), EPROTONOSUPPORT);
	evil_free(e);
}

static size_t make_retry(struct evil *e, uint8_t *buf, const struct quic_cid *odcid,
			 const struct quic_cid *scid, size_t token_len)
{
	struct quic_cid own = { .len = 16, .id = "retry-source-id!" };
	uint8_t token[600];
	struct quic_wr w;

	memset(token, 't', sizeof(token));
	quic_wr_init(&w, buf, 1000);
	quic_hdr_put_retry(&w, QUIC_VERSION_V1, scid, &own, token, token_len, 0);
	CHECK(!w.bad);
	CHECK_EQ(quic_keys_retry_tag(e->conn.ops->crypto, QUIC_VERSION_V1, odcid, buf, w.p - buf,
				     w.p), 0);
	return w.p - buf + QUIC_TAG_LEN;
}

static void forged_retry(void)
{
	struct evil *e = evil_open(true, FIRST_FLIGHT, NULL);
	struct quic_cid dcid, scid;
	uint8_t buf[1200];
	struct quic_hdr h;
	size_t n;

	victim_ids(e, &dcid, &scid);
	n = make_retry(e, buf, &dcid, &scid, 40);
	buf[n - 1] ^= 1;
	DROPPED(e, "QuicDropRetry", "a wrong tag", buf, n);
	n = make_retry(e, buf, &scid, &scid, 40);
	DROPPED(e, "QuicDropRetry", "a tag for another ID", buf, n);
	n = make_retry(e, buf, &dcid, &scid, 0);
	DROPPED(e, "QuicDropHeader", "no token", buf, n);
	n = make_retry(e, buf, &dcid, &scid, 40);
	e->mute = true;
	e->last_len = 0;
	evil_send(e, buf, n);			/* a good one is followed */
	evil_listen_close(e, 300);
	CHECK_EQ(quic_hdr_parse(e->last, e->last_len, 16, false, &h), 0);
	CHECK_EQ(h.type, QUIC_PKT_INITIAL);
	CHECK_EQ(h.token_len, 40);
	CHECK(!memcmp(h.dcid.id, "retry-source-id!", 16));
	n = make_retry(e, buf, &dcid, &scid, 41);
	DROPPED(e, "QuicDropRetry", "a second Retry", buf, n);
	evil_free(e);
}

/* ---- addresses and resets ---- */

static bool peer_is(int fd, int udp)
{
	struct sockaddr_storage a, b;
	socklen_t alen = sizeof(a), blen;

	CHECK_OK(getpeername(fd, (struct sockaddr *)&a, &alen));
	sock_local(udp, &b, &blen);
	return sock_port(&a) == sock_port(&b);
}

/*
 * RFC 9000 §9.3: a genuine packet from elsewhere: the server goes there, but with no more
 * than three times the bytes, and comes back as soon as the peer speaks where it was.
 */
static void other_address(void)
{
	static const uint8_t ping[] = { QUIC_FRAME_PING };
	struct evil *e = evil_open(false, ESTABLISHED, NULL);
	int fd = CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
	struct sockaddr_storage ss;
	socklen_t len = sock_addr(&ss, AF_INET, "127.0.0.1", 0);
	uint8_t buf[1600] = {};
	size_t n, got = 0;
	uint64_t end;

	CHECK_OK(bind(fd, (struct sockaddr *)&ss, len));
	e->mute = true;
	n = evil_seal(e, R1, evil_next_pn(e, R1), ping, 1, buf);
	CHECK_EQ(sendto(fd, buf, n, 0, (struct sockaddr *)&e->victim, e->victim_len), n);
	for (end = now_ms() + 1500; now_ms() < end; )
		if (sock_poll(fd, POLLIN, 100) & POLLIN)
			got += CHECK_OK(recv(fd, buf, sizeof(buf), 0));
	CHECK(got > 0);
	CHECK(got <= 3 * n);
	CHECK(peer_is(e->fd, fd));
	evil_expect_alive(e, "a packet from elsewhere");
	CHECK(peer_is(e->fd, e->udp));
	close(fd);
	evil_free(e);
}

/* RFC 9000 §9: a client MUST discard what comes from an unknown server address */
static void other_server(void)
{
	static const uint8_t ping[] = { QUIC_FRAME_PING };
	struct evil *e = evil_open(true, ESTABLISHED, NULL);
	int fd = CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
	uint64_t before = mib_read("QuicDropPath");
	uint8_t buf[1600] = {};
	size_t n;

	e->mute = true;
	n = evil_seal(e, R1, evil_next_pn(e, R1), ping, 1, buf);
	CHECK_EQ(sendto(fd, buf, n, 0, (struct sockaddr *)&e->victim, e->victim_len), n);
	dropped("QuicDropPath", before, "another server");
	evil_expect_alive(e, "a packet from another server");
	close(fd);
	evil_free(e);
}

/* RFC 9000 §8.2.2, §9.1: probes from a hundred addresses move nothing, and cost little */
static void probes(void)
{
	uint8_t challenge[] = { QUIC_FRAME_PATH_CHALLENGE, 1, 2, 3, 4, 5, 6, 7, 8 };
	struct evil *e = evil_open(false, ESTABLISHED, NULL);
	unsigned int i, answers = 0;
	uint8_t buf[1600];
	size_t n;
	int fd;

	e->mute = true;
	for (i = 0; i < 100; i++) {
		fd = CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
		n = evil_seal(e, R1, evil_next_pn(e, R1), challenge, sizeof(challenge), buf);
		CHECK_EQ(sendto(fd, buf, n, 0, (struct sockaddr *)&e->victim, e->victim_len), n);
		if (sock_poll(fd, POLLIN, 5) & POLLIN) {
			answers++;
			CHECK(recv(fd, buf, sizeof(buf), 0) <= 3 * (ssize_t)n);
		}
		close(fd);
	}
	/* the peer gives no more IDs than it has: those without one get none */
	CHECK(answers > 0);
	CHECK(peer_is(e->fd, e->udp));
	evil_expect_alive(e, "probes");
	evil_free(e);
}

/* Another client socket on the victim's address and port, with the same peer. */
static int neighbour(struct evil *e)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int fd = sock_new(AF_INET, SOCK_STREAM);

	sock_local(e->fd, &ss, &len);
	CHECK_OK(bind(fd, (struct sockaddr *)&ss, len));
	sock_local(e->udp, &ss, &len);
	CHECK_OK(connect(fd, (struct sockaddr *)&ss, len));
	return fd;
}

/*
 * The victim client is told that its server knows it no more, by a datagram whose
 * first byte is @first (RFC 9000 §10.3: any packet that ends in the token).
 */
static void one_reset(uint8_t first)
{
	struct evil_conf c = { .reset_token = true };
	struct evil *e = evil_open(true, ESTABLISHED, &c);
	int other = neighbour(e);
	uint8_t buf[60];

	e->mute = true;
	random_bytes(buf, sizeof(buf));
	buf[0] = first;
	evil_send(e, buf, sizeof(buf));		/* any token but the right one */
	evil_expect_alive(e, "a wrong reset token");
	memcpy(buf + sizeof(buf) - 16, e->conn.scids.e[0].token, 16);
	evil_send(e, buf, sizeof(buf));
	CHECK(sock_poll(e->fd, 0, 10000) & POLLHUP);
	CHECK_ERR(recv(e->fd, buf, 1, 0), ECONNRESET);
	CHECK_ERR(recv(e->fd, buf, 1, 0), ENOTCONN);
	evil_listen_close(e, 100);
	CHECK(!e->closed);			/* nothing is said after a reset */
	CHECK(!(sock_poll(other, 0, 0) & POLLHUP));
	close(other);
	evil_free(e);
}

static void reset_of_client(void)
{
	one_reset(0x40);
	one_reset(0x00);
	one_reset(0xe5);
}

/* A server that knows nothing of a connection says so, by the token it gave. */
static void reset_by_server(void)
{
	static const uint8_t frames[60] = { QUIC_FRAME_PING };
	struct evil_conf c = { .victim_tp = { .stateless_reset = 1 } };
	struct evil *e = evil_open(false, ESTABLISHED, &c);
	uint64_t end = now_ms() + 15000;
	uint8_t buf[1600] = {};
	size_t n;

	CHECK(e->conn.peer_tp.has_token);
	e->mute = true;
	CHECK_OK(close(e->fd));
	e->fd = -1;
	CHECK(evil_listen_close(e, 15000));
	for (;;) {		/* until its closing period is over */
		CHECK(now_ms() < end);
		e->last_len = 0;
		memset(buf, 0, sizeof(buf));
		n = evil_seal(e, R1, evil_next_pn(e, R1), frames, sizeof(frames), buf);
		evil_send(e, buf, n);
		e->closed = false;
		evil_listen_close(e, 100);
		if (e->last_len && quic_conn_is_reset(&e->conn, e->last, e->last_len))
			break;
	}
	CHECK(e->last_len < n);			/* RFC 9000 §10.3.3 */
	CHECK(!(e->last[0] & QUIC_HDR_LONG));
	e->last_len = 0;
	memset(buf, 0, sizeof(buf));
	evil_seal(e, R1, evil_next_pn(e, R1), frames, 4, buf);
	evil_send(e, buf, 21);			/* too small to be answered */
	evil_listen_close(e, 100);
	CHECK_EQ(e->last_len, 0);
	evil_free(e);
}

/* ---- the QUIC bit, RFC 9287 ---- */

/* The victim takes a cleared bit if it said so, and clears its own if the peer said so. */
static void quic_bit(void)
{
	struct evil_conf c = { .victim_tp = { .grease_quic_bit = 1 }, .grease = true };
	uint64_t before;
	struct evil *e;
	int server, i;

	for (server = 0; server < 2; server++) {
		e = evil_open(server, ESTABLISHED, &c);
		CHECK(e->conn.peer_tp.grease_quic_bit);
		e->unset = 0;
		for (i = 0; i < 30; i++)
			evil_expect_alive(e, "any QUIC bit");
		CHECK(e->unset > 0);
		evil_free(e);
	}
	/* a listener that did not say so */
	c.victim_tp.grease_quic_bit = 0;
	before = mib_read("QuicDropHeader");
	e = evil_open(false, ESTABLISHED, &(struct evil_conf){ .grease = false });
	e->unset = 0;
	e->conn.grease = true;		/* all the same */
	for (i = 0; i < 30; i++)
		evil_frames(e, R1, (const uint8_t []){ 0x01 }, 1);
	evil_expect_alive(e, "forbidden QUIC bits");
	CHECK_EQ(e->unset, 0);
	CHECK(mib_read("QuicDropHeader") > before);
	evil_free(e);
}

/* ---- amounts ---- */

/* RFC 9000 §8.1: at most three times what came, until the address is proved. */
static void amplification(void)
{
	struct evil_conf c = { .flight = 30000 };
	struct evil *e = evil_open(false, FIRST_FLIGHT, &c);

	e->mute = true;				/* says hello, and never a word more */
	e->victim_tls.deaf = false;
	CHECK_EQ(e->sent, e->hold_len);
	evil_listen_close(e, 1500);
	CHECK(e->fd >= 0);
	printf("  %u bytes for %u\n", e->got, e->sent);
	CHECK(e->got > 0);
	CHECK(e->got <= 3 * e->sent);
	evil_free(e);
}

/* A closed connection's answers become rare (RFC 9000 §10.2.1). */
static void closing_answers(void)
{
	static const uint8_t f[] = { 0x21 }, ping[] = { QUIC_FRAME_PING };
	struct evil *e = evil_open(false, ESTABLISHED, NULL);
	uint32_t before;
	int i;

	evil_frames(e, R1, f, 1);
	evil_expect(e, "unknown frame", E_FRAME);
	before = e->got;
	for (i = 0; i < 64; i++)
		evil_frames(e, R1, ping, 1);
	e->closed = false;
	CHECK(evil_listen_close(e, 15000));	/* some answer */
	e->closed = false;
	while (evil_listen_close(e, 100))
		e->closed = false;
	CHECK(e->got - before < 64 * 20);	/* but not one for each */
	evil_free(e);
}

/* Every other byte of a window's worth: many pieces, none in order. */
static void fragments(void)
{
	struct evil *e = evil_open(false, ESTABLISHED, NULL);
	unsigned long n = test_scaled(20000, 4000), off;
	uint8_t f[1100];
	struct quic_wr w;

	e->mute = true;
	for (off = 1; off < n * 2 && !e->closed; ) {
		quic_wr_init(&w, f, sizeof(f));
		for (; off < n * 2 && quic_wr_left(&w) > 16; off += 2) {
			quic_wr_u8(&w, 0x0e);
			quic_wr_varint(&w, 0);
			quic_wr_varint(&w, off);
			quic_wr_varint(&w, 1);
			quic_wr_u8(&w, 'x');
		}
		evil_frames(e, R1, f, w.p - f);
		evil_listen_close(e, 0);
	}
	if (!e->closed)
		evil_expect_alive(e, "fragments");
	evil_free(e);
}

/* All streams that are allowed, all at once, all reset, and again. */
static void stream_churn(void)
{
	struct evil *e = evil_open(false, ESTABLISHED, NULL);
	unsigned long i, n = test_scaled(2000, 300);
	uint8_t f[64];
	struct quic_wr w;

	for (i = 0; i < n && !e->closed; i++) {
		quic_wr_init(&w, f, sizeof(f));
		quic_wr_u8(&w, QUIC_FRAME_RESET_STREAM);
		quic_wr_varint(&w, i * 4 + 2);
		quic_wr_varint(&w, 1);
		quic_wr_varint(&w, 0);
		evil_frames(e, R1, f, w.p - f);
		evil_listen_close(e, 0);
		if (i % 50 == 49)
			sleep_ms(5);		/* MAX_STREAMS may come */
	}
	if (e->closed)
		CHECK_EQ(e->close_code, E_LIMIT);
	evil_free(e);
}

/* Frames of chance, well sealed: some code, or none; never a crash. */
static void random_frames(void)
{
	unsigned long i, k, n = test_scaled(150, 20);
	uint8_t f[1000];
	uint32_t len;
	struct evil *e;

	for (i = 0; i < n; i++) {
		e = evil_open(i & 1, ESTABLISHED, NULL);
		for (k = 0; k < 40 && !e->closed; k++) {
			random_bytes(f, sizeof(f));
			memcpy(&len, f, 4);
			f[0] = 1 + len % 0x1f;
			evil_frames(e, R1, f, 1 + len % (k % 4 ? 30 : sizeof(f) - 1));
			evil_listen_close(e, 0);
		}
		evil_free(e);
	}
}

/* Hellos from nowhere, each another request: bounds hold, true clients are served. */
static void hello_flood(void)
{
	struct evil *e = evil_open(false, FIRST_FLIGHT, NULL);
	unsigned long i, n = test_scaled(3000, 300);
	struct quic_cid dcid = { .len = 8 };
	uint8_t body[1150] = {}, buf[1600];
	struct pair p;

	e->mute = true;
	for (i = 0; i < n; i++) {
		struct quic_vec v = { .base = body, .len = sizeof(body) };
		struct quic_keys k;
		struct quic_wr w;
		u8 *length;
		int len;

		/* the beginning of a ClientHello that never ends */
		memcpy(body, "\x06\x00\x40\x64\x01\x00\x10\x00", 8);
		memcpy(dcid.id, &i, sizeof(i));
		quic_keys_init(&k, e->conn.ops->crypto, QUIC_VERSION_V1);
		CHECK_EQ(quic_keys_set_initial(&k, QUIC_VERSION_V1, &dcid, false), 0);
		quic_wr_init(&w, buf, sizeof(buf));
		quic_hdr_put_long(&w, IN, QUIC_VERSION_V1, &dcid, &dcid, NULL, 0, 0, 4, &length);
		quic_hdr_set_length(length, 4 + sizeof(body) + QUIC_TAG_LEN);
		len = quic_keys_seal(&k, QUIC_CRYPTO_INITIAL, 0, buf, w.p - buf, w.p - buf - 4, 4,
				     &v, 1);
		quic_keys_free(&k);
		evil_send(e, buf, len);
	}
	p.lis = e->lis;
	p.addr = e->victim;
	p.addrlen = e->victim_len;
	while (sock_poll(p.lis, POLLIN, 100) & POLLIN)	/* our own first flight */
		close(CHECK_OK(accept(p.lis, NULL, NULL)));
	p.cli = client_new(&(struct conf){}, &p);
	p.srv = pair_handshake(p.cli, p.lis, &(struct conf){});
	printf("  %llu Retry, %llu dropped\n", (unsigned long long)mib_read("QuicRetryOut"),
	       (unsigned long long)mib_read("QuicDropFlood"));
	close(p.cli);
	close(p.srv);
	evil_free(e);
}

/* The victim learns of a close with all that it says, of both kinds. */
static void closes(void)
{
	static const uint8_t app[] = { 0x1d, 0x44, 0x00, 3, 'b', 'y', 'e' };
	static const uint8_t transport[] = { 0x1c, 0x07, 0x06, 2, 'n', 'o' };
	static const uint8_t refused[] = { 0x1c, 0x02, 0x00, 0 };
	struct { struct quic_connection_close h; char p[64]; } cl;
	socklen_t len = sizeof(cl);
	struct evil *e = evil_open(true, ESTABLISHED, NULL);
	char c;

	evil_frames(e, R1, app, sizeof(app));
	CHECK(sock_poll(e->fd, 0, 10000) & POLLHUP);
	CHECK_OK(get_opt(e->fd, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, &len));
	CHECK_EQ(cl.h.errcode, 0x400);
	CHECK_EQ(len, 8 + 3);
	CHECK(!memcmp(cl.p, "bye", 3));
	CHECK_ERR(recv(e->fd, &c, 1, 0), ENOTCONN);
	evil_free(e);
	e = evil_open(true, ESTABLISHED, NULL);
	evil_frames(e, R1, transport, sizeof(transport));
	CHECK(sock_poll(e->fd, 0, 10000) & POLLHUP);
	len = sizeof(cl);
	CHECK_OK(get_opt(e->fd, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, &len));
	CHECK_EQ(cl.h.errcode, 7);
	CHECK_EQ(cl.h.frame, 6);
	CHECK_ERR(recv(e->fd, &c, 1, 0), ECONNRESET);
	CHECK_ERR(recv(e->fd, &c, 1, 0), ENOTCONN);
	evil_free(e);
	e = evil_open(true, FIRST_FLIGHT, NULL);
	evil_frames(e, IN, refused, sizeof(refused));
	CHECK(sock_poll(e->fd, 0, 10000) & POLLHUP);
	CHECK_ERR(recv(e->fd, &c, 1, 0), ECONNREFUSED);
	evil_free(e);
}

/* Junk behind a good packet in one datagram does it no harm. */
static void coalesced_junk(void)
{
	static const uint8_t ping[] = { QUIC_FRAME_PING };
	struct evil *e = evil_open(true, HANDSHAKING, NULL);
	uint8_t buf[1600] = {};
	uint64_t before;
	size_t n;

	e->mute = true;
	before = mib_read("QuicPktIn");
	n = evil_seal(e, HS, evil_next_pn(e, HS), ping, 1, buf);
	random_bytes(buf + n, 300);
	buf[n] |= 0xc0;
	evil_send(e, buf, n + 300);
	dropped("QuicPktIn", before, "a good packet before junk");
	evil_listen_close(e, 100);
	CHECK(!e->closed);
	evil_free(e);
}

/* RFC 9000 §3.2: the size is known before all of the data is there. */
static void size_known(void)
{
	static const uint8_t end[] = { 0x0f, 0, 5, 1, 'f' };
	static const uint8_t begin[] = { 0x0a, 0, 5, 'a', 'b', 'c', 'd', 'e' };
	struct evil_conf c = { .events = 1 << QUIC_EVENT_STREAM_UPDATE };
	struct evil *e = evil_open(false, ESTABLISHED, &c);
	struct quic_stream_update u;
	char buf[8];

	evil_frames(e, R1, end, sizeof(end));
	event_update(e->fd, 0, QUIC_STREAM_RECV_STATE_SIZE_KNOWN, &u);
	CHECK_EQ(u.finalsz, 6);
	CHECK_ERR(recv(e->fd, buf, 1, MSG_DONTWAIT), EAGAIN);
	evil_frames(e, R1, begin, sizeof(begin));
	event_update(e->fd, 0, QUIC_STREAM_RECV_STATE_RECVD, &u);
	CHECK_EQ(u.finalsz, 6);
	recv_all(e->fd, 0, buf, 6, true);
	CHECK(!memcmp(buf, "abcdef", 6));
	evil_free(e);
}

static const struct test tests[] = {
	{ "frames-to-server", frames_to_server, 60 },
	{ "frames-to-client", frames_to_client, 60 },
	{ "handshake-frames-to-server", handshake_frames_to_server },
	{ "handshake-frames-to-client", handshake_frames_to_client },
	{ "initial-frames-to-server", initial_frames_to_server },
	{ "initial-frames-to-client", initial_frames_to_client },
	{ "connection-window", connection_window },
	{ "ids-not-retired", ids_not_retired },
	{ "too-many-ids", too_many_ids },
	{ "id-changes", id_changes },
	{ "reserved-bits", reserved_bits },
	{ "old-keys", old_keys },
	{ "parameters", parameters, 60 },
	{ "garbage", garbage },
	{ "cut-and-changed", cut_and_changed },
	{ "first-flights", first_flights },
	{ "request-pieces", request_pieces },
	{ "request-hopeless", request_hopeless },
	{ "one-retry", one_retry },
	{ "unknown-version", unknown_version },
	{ "forged-negotiation", forged_negotiation },
	{ "no-common-version", no_common_version },
	{ "forged-retry", forged_retry },
	{ "other-address", other_address },
	{ "other-server", other_server },
	{ "probes", probes },
	{ "reset-of-client", reset_of_client },
	{ "reset-by-server", reset_by_server },
	{ "quic-bit", quic_bit },
	{ "amplification", amplification },
	{ "closing-answers", closing_answers },
	{ "fragments", fragments },
	{ "stream-churn", stream_churn },
	{ "random-frames", random_frames, 60 },
	{ "hello-flood", hello_flood, 60 },
	{ "closes", closes },
	{ "coalesced-junk", coalesced_junk },
	{ "size-known", size_known },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

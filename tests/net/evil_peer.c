// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The two ends of evil.h: the core with a UDP socket, and the victim's socket
 * with a handshake by hand; then the packets that the hostile end makes up,
 * and what it reads of the answers.
 */
#include <time.h>

#include "evil.h"
#include "shim/crypto_ossl.h"

#define CIPHER	TLS_CIPHER_AES_GCM_128

uint64_t evil_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * QUIC_NSEC_PER_SEC + ts.tv_nsec;
}

/* ---- what the core asks for ---- */

static struct quic_chunk *chunk_alloc(void *priv, u32 size, bool tx, bool may_sleep);

static void chunk_free(struct quic_chunk *c)
{
	kfree(c->base);
	kfree(c);
}

static const struct quic_chunk_ops chunk_ops = { .alloc = chunk_alloc, .free = chunk_free };

static struct quic_chunk *chunk_alloc(void *priv, u32 size, bool tx, bool may_sleep)
{
	struct quic_chunk *c = kmalloc(quic_chunk_struct_size(QUIC_CHUNK_SLICES), GFP_KERNEL);
	u8 *base = kmalloc(size, GFP_KERNEL);

	CHECK(c && base);
	quic_chunk_setup(c, base, size, QUIC_CHUNK_SLICES, &chunk_ops, priv);
	return c;
}

static int cid_new(void *priv, struct quic_cid *cid, u8 token[QUIC_RESET_TOKEN_LEN])
{
	cid->len = QUIC_CID_LOCAL_LEN;
	get_random_bytes(cid->id, cid->len);
	get_random_bytes(token, QUIC_RESET_TOKEN_LEN);
	return 0;
}

static void cid_gone(void *priv, const struct quic_cid *cid)
{
}

static const struct quic_cid_ops cid_ops = { .cid_new = cid_new, .cid_gone = cid_gone };

static void on_event(void *priv, u8 type, const void *data, u32 len)
{
}

static void count(void *priv, enum quic_mib what, u32 n)
{
}

static const struct quic_conn_ops conn_ops = {
	.crypto	= &shim_crypto_ops,
	.chunk	= &chunk_ops,
	.cid	= &cid_ops,
	.event	= on_event,
	.count	= count,
};

/* ---- TLS of the hostile end ---- */

static void own_send(void *priv, uint8_t level, const uint8_t *msg, size_t len)
{
	struct evil *e = priv;

	CHECK_EQ(quic_conn_crypto_write(&e->conn, level, msg, len, false), 0);
}

static void own_secret(void *priv, uint8_t level, bool send, const uint8_t *secret)
{
	struct evil *e = priv;

	CHECK_EQ(quic_conn_set_secret(&e->conn, level, send, CIPHER, secret, evil_now()), 0);
}

static size_t own_get_params(void *priv, uint8_t *buf, size_t size)
{
	struct evil *e = priv;
	size_t n = CHECK_OK(quic_conn_get_params(&e->conn, buf, size));

	if (e->tamper)
		e->tamper(buf, &n);
	return n;
}

static void own_set_params(void *priv, const uint8_t *p, size_t len)
{
	struct evil *e = priv;

	CHECK_EQ(quic_conn_set_peer_params(&e->conn, p, len, evil_now()), 0);
}

static const struct tls_ops own_tls = {
	own_send, own_secret, own_get_params, own_set_params,
};

/* ---- TLS of the victim: what libquic does, and errors are its own ---- */

static void victim_send(void *priv, uint8_t level, const uint8_t *msg, size_t len)
{
	struct quic_handshake_info hi = { .crypto_level = level };
	uint8_t ctl[CMSG_SPACE(sizeof(hi))] __attribute__((aligned(8))) = {};
	struct iovec iov = { (void *)msg, len };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&h);
	struct evil *e = priv;

	cm->cmsg_level = SOL_QUIC;
	cm->cmsg_type = QUIC_HANDSHAKE_INFO;
	cm->cmsg_len = CMSG_LEN(sizeof(hi));
	memcpy(CMSG_DATA(cm), &hi, sizeof(hi));
	sendmsg(e->fd, &h, MSG_NOSIGNAL);
}

static void victim_secret(void *priv, uint8_t level, bool send, const uint8_t *secret)
{
	struct quic_crypto_secret s = { .level = level, .send = send, .type = CIPHER };
	struct evil *e = priv;

	memcpy(s.secret, secret, sizeof(s.secret));
	set_opt(e->fd, QUIC_SOCKOPT_CRYPTO_SECRET, &s, sizeof(s));
}

static size_t victim_get_params(void *priv, uint8_t *buf, size_t size)
{
	socklen_t len = size;
	struct evil *e = priv;

	return get_opt(e->fd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf, &len) ? 0 : len;
}

static void victim_set_params(void *priv, const uint8_t *p, size_t len)
{
	struct evil *e = priv;

	set_opt(e->fd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, p, len);
}

static const struct tls_ops victim_tls = {
	victim_send, victim_secret, victim_get_params, victim_set_params,
};

static bool victim_recv(struct evil *e)
{
	uint8_t data[8192], ctl[64] __attribute__((aligned(8)));
	struct iovec iov = { data, sizeof(data) };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	struct quic_handshake_info hi;
	struct cmsghdr *cm;
	ssize_t n;

	n = recvmsg(e->fd, &h, MSG_DONTWAIT);
	cm = n > 0 ? CMSG_FIRSTHDR(&h) : NULL;
	if (!cm || cm->cmsg_type != QUIC_HANDSHAKE_INFO)
		return false;
	memcpy(&hi, CMSG_DATA(cm), sizeof(hi));
	tls_input(&e->victim_tls, hi.crypto_level, data, n);
	return true;
}

static bool victim_handshaking(struct evil *e)
{
	struct quic_connection_id_info info = {};
	socklen_t len = sizeof(info);

	return e->fd >= 0 && get_opt(e->fd, QUIC_SOCKOPT_CONNECTION_ID, &info, &len);
}

static void victim_turn(struct evil *e)
{
	if (e->fd < 0 && e->lis >= 0 && !e->victim_tls.deaf &&
	    sock_poll(e->lis, POLLIN, 0) & POLLIN)
		e->fd = CHECK_OK(accept(e->lis, NULL, NULL));
	while (e->fd >= 0 && !e->victim_tls.deaf && victim_handshaking(e) && victim_recv(e))
		;
}

/* ---- the hostile end's turn ---- */

static void own_tls_turn(struct evil *e)
{
	const u8 *data;
	u8 level;
	u32 n;

	while ((n = quic_conn_crypto_peek(&e->conn, &level, &data))) {
		uint8_t copy[4096];

		n = min_t(u32, n, sizeof(copy));
		memcpy(copy, data, n);
		quic_conn_crypto_consume(&e->conn, level, n);
		tls_input(&e->tls, level, copy, n);
	}
}

void evil_send(struct evil *e, const uint8_t *data, size_t len)
{
	e->sent += len;
	/* an ICMP error of an earlier datagram may be reported here */
	if (sendto(e->udp, data, len, 0, (struct sockaddr *)&e->victim, e->victim_len) < 0)
		sendto(e->udp, data, len, 0, (struct sockaddr *)&e->victim, e->victim_len);
}

static void own_tx(struct evil *e)
{
	struct quic_slot slot = { .pkt = &e->pkt };
	u8 buf[2048];

	while (!e->mute && !e->quiet) {
		slot.buf = buf;
		slot.cap = sizeof(buf);
		if (quic_conn_tx(&e->conn, &slot, evil_now()) <= 0)
			return;
		evil_send(e, buf, slot.len);
		memcpy(e->hold, buf, slot.len);
		e->hold_len = slot.len;
	}
}

static struct quic_addr addr_of(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in *sin = (const struct sockaddr_in *)ss;
	struct quic_addr a = { .family = 4, .port = ntohs(sin->sin_port) };

	memcpy(a.ip, &sin->sin_addr, 4);
	return a;
}

static struct quic_addr own_addr(struct evil *e)
{
	struct sockaddr_storage ss;
	socklen_t len;

	sock_local(e->udp, &ss, &len);
	return addr_of(&ss);
}

static ssize_t own_recv(struct evil *e, uint8_t *buf, size_t size)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	ssize_t n;

	n = recvfrom(e->udp, buf, size, MSG_DONTWAIT, (struct sockaddr *)&from, &len);
	if (n <= 0)
		return n;
	e->got += n;
	if (e->server) {	/* the victim's port is known from its first packet */
		e->victim = from;
		e->victim_len = len;
	}
	e->unset += !(buf[0] & QUIC_HDR_FIXED);
	e->last_len = min_t(size_t, n, sizeof(e->last));
	memcpy(e->last, buf, e->last_len);
	return n;
}

static void own_accept(struct evil *e, const uint8_t *buf, size_t n)
{
	struct quic_conn_accept a = { .local = own_addr(e), .remote = addr_of(&e->victim) };
	struct quic_hdr h;

	CHECK_EQ(quic_hdr_parse(buf, n, QUIC_CID_LOCAL_LEN, false, &h), 0);
	CHECK_EQ(h.type, QUIC_PKT_INITIAL);
	a.version = h.version;
	a.dcid = a.odcid = h.dcid;
	a.scid = h.scid;
	CHECK_EQ(quic_conn_accept(&e->conn, &a, evil_now()), 0);
}

static void own_rx(struct evil *e)
{
	uint8_t buf[2048];
	ssize_t n;

	while ((n = own_recv(e, buf, sizeof(buf))) > 0) {
		struct quic_rx rx = { .data = buf, .len = n, .local = own_addr(e),
				      .remote = addr_of(&e->victim) };

		if (e->server && e->conn.state == QUIC_CONN_IDLE)
			own_accept(e, buf, n);
		quic_conn_rx(&e->conn, &rx, evil_now());
		own_tls_turn(e);
	}
}

static void own_turn(struct evil *e)
{
	if (!e->mute)
		own_rx(e);
	if (evil_now() >= quic_conn_deadline(&e->conn, evil_now()))
		quic_conn_timeout(&e->conn, evil_now());
	if (e->conn.work)
		quic_conn_work(&e->conn, evil_now());
	own_tx(e);
}

bool evil_run(struct evil *e, bool (*done)(struct evil *e), unsigned int ms)
{
	uint64_t end = now_ms() + ms;

	for (;;) {
		struct pollfd p[3] = {
			{ .fd = e->mute ? -1 : e->udp, .events = POLLIN },
			{ .fd = e->fd, .events = POLLIN },
			{ .fd = e->fd < 0 ? e->lis : -1, .events = POLLIN },
		};

		victim_turn(e);
		own_turn(e);
		if (done && done(e))
			return true;
		if (now_ms() >= end)
			return false;
		if (!victim_handshaking(e))
			p[1].fd = -1;		/* the rest is the test's to read */
		poll(p, 3, 5);
	}
}

/* ---- making both ---- */

static void configure(int fd, const struct evil_conf *c)
{
	static const struct quic_transport_param none;
	int type;

	if (memcmp(&c->victim_tp, &none, sizeof(none)))
		CHECK_OK(set_opt(fd, QUIC_SOCKOPT_TRANSPORT_PARAM, &c->victim_tp, sizeof(none)));
	for (type = 1; type < QUIC_EVENT_MAX; type++)
		if (c->events & 1U << type)
			event_on(fd, type, 1);
}

void evil_listen(struct evil *e, const struct evil_conf *c)
{
	struct quic_config cfg = { .validate_peer_address = 1 };

	e->lis = sock_new(AF_INET, SOCK_STREAM);
	e->victim_len = sock_addr(&e->victim, AF_INET, NULL, 0);
	CHECK_OK(bind(e->lis, (struct sockaddr *)&e->victim, e->victim_len));
	configure(e->lis, c);
	if (c->validate)
		CHECK_OK(set_opt(e->lis, QUIC_SOCKOPT_CONFIG, &cfg, sizeof(cfg)));
	if (c->alpn)
		CHECK_OK(set_opt(e->lis, QUIC_SOCKOPT_ALPN, c->alpn, strlen(c->alpn)));
	CHECK_OK(listen(e->lis, 64));
	sock_local(e->lis, &e->victim, &e->victim_len);
}

static void init_conn(struct evil *e, const struct evil_conf *c)
{
	struct quic_conn_config cfg = {
		.version = QUIC_VERSION_V1, .initial_rtt = 100 * QUIC_NSEC_PER_MSEC,
		.rcv_window_max = MIB,
	};
	struct quic_tparam tp;

	quic_tparam_default(&tp);
	tp.max_idle_timeout = 20000;
	tp.max_data = MIB;
	tp.max_stream_data_bidi_local = tp.max_stream_data_bidi_remote = 65536;
	tp.max_stream_data_uni = 65536;
	tp.max_streams_bidi = tp.max_streams_uni = 100;
	tp.active_connection_id_limit = 4;
	tp.has_token = c->reset_token;
	tp.grease_quic_bit = c->grease;
	CHECK_EQ(quic_conn_init(&e->conn, &conn_ops, e, e->server, &cfg, &tp), 0);
	e->conn.grease = c->grease;
}

static void connect_own(struct evil *e)
{
	struct quic_addr local, remote = addr_of(&e->victim);
	struct sockaddr_storage ss;
	socklen_t len = sock_addr(&ss, AF_INET, NULL, 0);

	CHECK_OK(bind(e->udp, (struct sockaddr *)&ss, len));
	local = own_addr(e);
	CHECK_EQ(quic_conn_connect(&e->conn, &local, &remote, NULL, 0, evil_now()), 0);
	tls_start(&e->tls);
}

static void connect_victim(struct evil *e, const struct evil_conf *c)
{
	struct sockaddr_storage ss;
	socklen_t len = sock_addr(&ss, AF_INET, NULL, 0);

	CHECK_OK(bind(e->udp, (struct sockaddr *)&ss, len));
	sock_local(e->udp, &ss, &len);
	e->fd = sock_new(AF_INET, SOCK_STREAM);
	configure(e->fd, c);
	CHECK_OK(connect(e->fd, (struct sockaddr *)&ss, len));
	tls_start(&e->victim_tls);
}

bool evil_established(struct evil *e)
{
	return e->conn.state == QUIC_CONN_ESTABLISHED && e->conn.confirmed &&
	       e->fd >= 0 && !victim_handshaking(e) && !e->conn.cc.in_flight;
}

static bool has_handshake_keys(struct evil *e)
{
	return quic_keys_have(&e->conn.keys, QUIC_CRYPTO_HANDSHAKE, true) &&
	       e->fd >= 0 && !e->conn.cc.in_flight;
}

static bool first_flight(struct evil *e)
{
	return e->server ? e->conn.state != QUIC_CONN_IDLE : e->sent > 0;
}

struct evil *evil_open(bool server, enum stage stage, const struct evil_conf *c)
{
	static const struct evil_conf plain;
	struct evil *e = calloc(1, sizeof(*e));

	c = c ?: &plain;
	CHECK(e);
	e->server = server;
	e->fd = e->lis = -1;
	e->tamper = c->tamper;
	e->hold = malloc(2048);
	e->udp = CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
	e->tls = (struct tls){ .ops = &own_tls, .priv = e, .server = server };
	e->victim_tls = (struct tls){ .ops = &victim_tls, .priv = e, .server = !server,
				      .flight = c->flight };
	init_conn(e, c);
	if (server) {
		connect_victim(e, c);
	} else {
		evil_listen(e, c);
		connect_own(e);
	}
	if (stage == FIRST_FLIGHT) {
		e->tls.deaf = e->victim_tls.deaf = true;
		e->quiet = server;
		CHECK(evil_run(e, first_flight, 15000));
	} else if (stage == HANDSHAKING) {
		e->tls.half = e->victim_tls.half = true;
		CHECK(evil_run(e, has_handshake_keys, 15000));
	} else if (!c->tamper) {
		CHECK(evil_run(e, evil_established, 15000));
	}
	return e;
}

void evil_free(struct evil *e)
{
	quic_conn_free(&e->conn);
	close(e->udp);
	if (e->fd >= 0)
		close(e->fd);
	if (e->lis >= 0)
		close(e->lis);
	free(e->hold);
	free(e);
}

/* ---- made-up packets ---- */

static enum quic_space_id space_of(int type)
{
	return type == QUIC_PKT_INITIAL ? QUIC_SPACE_INITIAL :
	       type == QUIC_PKT_HANDSHAKE ? QUIC_SPACE_HANDSHAKE : QUIC_SPACE_APP;
}

static uint8_t level_of(int type)
{
	return type == QUIC_PKT_INITIAL ? QUIC_CRYPTO_INITIAL :
	       type == QUIC_PKT_HANDSHAKE ? QUIC_CRYPTO_HANDSHAKE : QUIC_CRYPTO_APP;
}

uint64_t evil_next_pn(struct evil *e, int type)
{
	enum quic_space_id sp = space_of(type);

	if (!e->pn[sp])
		e->pn[sp] = (e->conn.loss.sp[sp] ? e->conn.loss.sp[sp]->sent.next : 0) + 1000;
	return e->pn[sp]++;
}

size_t evil_seal(struct evil *e, int type, uint64_t pn, const uint8_t *frames, size_t len,
		 uint8_t *to)
{
	const struct quic_cid *dcid = &quic_cids_remote_active(&e->conn.dcids)->cid;
	struct quic_vec v = { .base = frames, .len = len };
	u8 *length = NULL;
	struct quic_wr w;
	u32 hdr;
	int n;

	quic_wr_init(&w, to, 1500);
	if (type == QUIC_PKT_1RTT)
		quic_hdr_put_short(&w, dcid, false, e->conn.keys.phase, pn, 4);
	else
		quic_hdr_put_long(&w, type, e->conn.version, dcid, &e->conn.scids.e[0].cid,
				  NULL, 0, pn, 4, &length);
	hdr = w.p - to;
	if (e->conn.grease)
		to[0] &= ~(get_random_u32() & QUIC_HDR_FIXED);
	if (length)
		quic_hdr_set_length(length, 4 + len + QUIC_TAG_LEN);
	n = quic_keys_seal(&e->conn.keys, level_of(type), pn, to, hdr, hdr - 4, 4, &v, 1);
	CHECK(n > 0);
	return n;
}

void evil_frames(struct evil *e, int type, const uint8_t *frames, size_t len)
{
	uint8_t buf[1600] = {}, padded[1200] = {};

	/* RFC 9000 §14.1: a client's Initial is at least 1200 bytes */
	if (type == QUIC_PKT_INITIAL && !e->server && len < 1150) {
		memcpy(padded, frames, len);
		frames = padded;
		len = 1150;
	}
	e->mute = true;
	e->victim_tls.deaf = true;	/* what it has to say is for the test to read */
	evil_send(e, buf, evil_seal(e, type, evil_next_pn(e, type), frames, len, buf));
}

/* ---- the victim's answers ---- */

static void note_frame(struct evil *e, int type, const struct quic_frame *f)
{
	if (f->type == QUIC_FRAME_CONNECTION_CLOSE ||
	    f->type == QUIC_FRAME_CONNECTION_CLOSE_APP) {
		e->closed = true;
		e->close_app = f->type == QUIC_FRAME_CONNECTION_CLOSE_APP;
		e->close_code = f->close.code;
		e->close_type = f->close.frame_type;
	}
	if ((f->type == QUIC_FRAME_ACK || f->type == QUIC_FRAME_ACK_ECN) &&
	    type == QUIC_PKT_1RTT)
		e->acked = f->ack.largest;
}

/* The packets of a datagram: false if none could be opened. */
static bool read_datagram(struct evil *e, const uint8_t *buf, size_t len)
{
	uint8_t plain[2048];
	struct quic_opened o;
	struct quic_frame f;
	struct quic_cur cur;
	struct quic_hdr h;
	size_t off = 0;
	bool any = false;

	while (off < len && !quic_hdr_parse(buf + off, len - off, QUIC_CID_LOCAL_LEN,
					    e->conn.local_tp.grease_quic_bit, &h)) {
		if (h.type == QUIC_PKT_INITIAL || h.type == QUIC_PKT_HANDSHAKE ||
		    h.type == QUIC_PKT_1RTT) {
			if (!quic_keys_open(&e->conn.keys, level_of(h.type), buf + off, &h,
					    e->conn.space[space_of(h.type)] ?
					    quic_acktr_largest(&e->conn.space[space_of(h.type)]->ack) :
					    -1, plain, &o)) {
				any = true;
				if (h.type == QUIC_PKT_1RTT)
					e->seen = max_t(uint64_t, e->seen, o.pn);
				quic_cur_init(&cur, o.payload, o.payload_len);
				while (quic_cur_left(&cur) && !quic_frame_parse(&cur, &f))
					note_frame(e, h.type, &f);
			}
		}
		off += h.len;
	}
	return any;
}

bool evil_listen_close(struct evil *e, unsigned int ms)
{
	uint64_t end = now_ms() + ms;
	uint8_t buf[2048];
	ssize_t n;

	while (!e->closed) {
		n = own_recv(e, buf, sizeof(buf));
		if (n > 0) {
			if (!read_datagram(e, buf, n))
				e->resets++;
			continue;
		}
		if (now_ms() >= end)
			break;
		victim_turn(e);
		sock_poll(e->udp, POLLIN, 5);
	}
	return e->closed;
}

void evil_expect(struct evil *e, const char *what, uint64_t code)
{
	struct {
		struct quic_connection_close h;
		char phrase[1024];
	} cl;
	socklen_t len = sizeof(cl);

	if (!evil_listen_close(e, 15000))
		FAIL("%s: the victim did not close", what);
	if (e->close_app || e->close_code != code)
		FAIL("%s: closed with %s%#llx, not %#llx", what, e->close_app ? "application " : "",
		     (unsigned long long)e->close_code, (unsigned long long)code);
	if (e->fd < 0)
		return;
	CHECK_OK(get_opt(e->fd, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, &len));
	if (cl.h.errcode != code)
		FAIL("%s: its user is told %#x, not %#llx", what, cl.h.errcode,
		     (unsigned long long)code);
	CHECK(sock_poll(e->fd, 0, 0) & POLLHUP);
}

/* Bytes by the victim are read off raw packets: only that they come matters. */
void evil_expect_alive(struct evil *e, const char *what)
{
	static const uint8_t ping[] = { QUIC_FRAME_PING };
	uint64_t end = now_ms() + 15000, next = 0, before = 0;
	uint8_t buf[2048];
	ssize_t n;

	e->acked = 0;
	while (!before || e->acked < before) {
		if (now_ms() >= next) {		/* and again: one may be dropped */
			evil_frames(e, QUIC_PKT_1RTT, ping, 1);
			before = before ?: e->pn[QUIC_SPACE_APP] - 1;
			next = now_ms() + 200;
		}
		n = own_recv(e, buf, sizeof(buf));
		if (n > 0)
			read_datagram(e, buf, n);
		if (e->closed)
			FAIL("%s: the victim closed with %#llx", what,
			     (unsigned long long)e->close_code);
		if (now_ms() > end)
			FAIL("%s: the victim is silent", what);
		if (n <= 0)
			sock_poll(e->udp, POLLIN, 5);
	}
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a server lets one client address, or a client that does not go on, have
 * of it: limits on connections, handshakes and their rate, the end of handshakes
 * that are not finished, rates of answers to strangers; and a peer that
 * acknowledges what it has not seen.  Each test has a network namespace of its
 * own, with limits and counters of its own.
 */
#include "evil.h"

#define R1	QUIC_PKT_1RTT

static struct pair p;
static const struct conf plain;
static char buf[64];

/* A client at an address of its own choice: connected, but it has not said a word. */
static int client_at(const char *addr)
{
	int family = p.addr.ss_family, fd = sock_new(family, SOCK_STREAM);
	struct sockaddr_storage ss;
	socklen_t len = sock_addr(&ss, family, addr, 0);

	CHECK_OK(bind(fd, (struct sockaddr *)&ss, len));
	CHECK_OK(connect(fd, (struct sockaddr *)&p.addr, p.addrlen));
	return fd;
}

/* It begins a handshake that nobody will finish. */
static int stalled_at(const char *addr)
{
	int fd = client_at(addr);

	client_hello(fd, &plain);
	return fd;
}

static void whole_connection(const char *addr)
{
	int cli = client_at(addr), srv = pair_handshake(cli, p.lis, &plain);

	send_all(cli, 0, "ping", 4, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN);
	recv_all(srv, 0, buf, 4, true);
	close(cli);
	close(srv);
}

/* ---- handshakes of one address ---- */

static void source_handshakes(void)
{
	struct conf c = { .backlog = 64 };
	int fd[16], i;

	net_own();
	net_limit("max_source_handshakes", 4);
	listener_new(&c, &p);
	for (i = 0; i < 2; i++)
		fd[i] = stalled_at("127.0.0.1");
	mib_wait("QuicAccepted", 2);
	mib_wait("QuicRetryOut", 0);
	for (; i < 4; i++)		/* the second half must prove its address */
		fd[i] = stalled_at("127.0.0.1");
	mib_wait("QuicAccepted", 4);
	mib_wait("QuicRetryOut", 2);
	for (; i < 8; i++)
		fd[i] = stalled_at("127.0.0.1");
	sleep_ms(300);
	CHECK(mib_read("QuicSourceHandshakes") >= 4);	/* they try again */
	mib_wait("QuicAccepted", 4);
	fd[i++] = stalled_at("127.0.0.2");	/* others are not concerned */
	mib_wait("QuicAccepted", 5);
	while (i--)
		close(fd[i]);
	while (sock_poll(p.lis, POLLIN, 0) & POLLIN)	/* none is under way any more */
		close(CHECK_OK(accept(p.lis, NULL, NULL)));
	whole_connection("127.0.0.1");
}

/* A finished handshake counts no more as one. */
static void source_finished(void)
{
	int cli[8], srv[8], i;

	net_own();
	net_limit("max_source_handshakes", 2);
	listener_new(&plain, &p);
	for (i = 0; i < 8; i++) {
		cli[i] = client_at("127.0.0.1");
		srv[i] = pair_handshake(cli[i], p.lis, &plain);
	}
	mib_wait("QuicSourceHandshakes", 0);
	for (i = 0; i < 8; i++) {
		send_all(cli[i], 0, "ping", 4, MSG_QUIC_STREAM_NEW);
		recv_all(srv[i], 0, buf, 4, false);
	}
}

/* An IPv6 client is its /64. */
static void source_prefix(void)
{
	struct conf c = { .family = AF_INET6, .addr = "fd00:1::1" };

	net_own();
	net_limit("max_source_handshakes", 1);
	listener_new(&c, &p);
	net_limit("retry_threshold", 0);	/* all are validated: the whole limit is theirs */
	stalled_at("fd00:1::1");
	mib_wait("QuicAccepted", 1);
	stalled_at("fd00:1::2");
	sleep_ms(300);
	CHECK(mib_read("QuicSourceHandshakes") >= 1);
	stalled_at("fd00:2::1");
	mib_wait("QuicAccepted", 2);
}

/* Far more addresses than buckets: each is counted alone, and forgotten. */
static void many_sources(void)
{
	unsigned long i, n = test_scaled(2000, 200);
	struct conf c = { .backlog = 1 };
	char addr[32];

	net_own();
	net_limit("max_source_handshakes", 2);
	listener_new(&c, &p);
	for (i = 0; i < n; i++) {
		snprintf(addr, sizeof(addr), "127.1.%lu.%lu", i / 250, i % 250 + 1);
		close(stalled_at(addr));
		if (!(i % 50))
			sleep_ms(5);
	}
	mib_wait("QuicSourceHandshakes", 0);
	listener_new(&plain, &p);	/* the other one may still have some to refuse */
	whole_connection("127.1.0.1");
}

/* ---- connections, and how fast they come ---- */

static void source_connections(void)
{
	uint64_t end = now_ms() + 10000;
	int cli[4], srv[4], i;

	net_own();
	net_limit("max_source_connections", 3);
	listener_new(&plain, &p);
	for (i = 0; i < 3; i++) {
		cli[i] = client_at("127.0.0.1");
		srv[i] = pair_handshake(cli[i], p.lis, &plain);
	}
	cli[3] = client_at("127.0.0.1");
	CHECK_EQ(client_handshake(cli[3], &plain), -ECONNREFUSED);
	mib_wait("QuicSourceConnections", 1);
	close(cli[3]);
	whole_connection("127.0.0.9");
	send_all(cli[0], 0, "ping", 4, MSG_QUIC_STREAM_NEW);	/* the others live */
	recv_all(srv[0], 0, buf, 4, false);
	close(cli[1]);
	close(srv[1]);
	for (;;) {		/* until the closed one is forgotten */
		cli[1] = client_at("127.0.0.1");
		client_hello(cli[1], &plain);
		if (sock_poll(p.lis, POLLIN, 300) & POLLIN)
			break;
		close(cli[1]);
		CHECK(now_ms() < end);
	}
}

static void source_rate(void)
{
	struct conf c = { .backlog = 64 };
	uint64_t before, begin, end;
	int i;

	net_own();
	net_limit("source_rate", 8);
	listener_new(&c, &p);
	begin = now_ms();
	for (i = 0; i < 40; i++)
		stalled_at("127.0.0.1");
	sleep_ms(300);
	before = mib_read("QuicAccepted");
	printf("  %llu of 40 at once, %llu dropped\n", (unsigned long long)before,
	       (unsigned long long)mib_read("QuicSourceRate"));
	CHECK(before >= 4 && before <= 9 + 8 * (now_ms() - begin) / 1000);
	CHECK(mib_read("QuicSourceRate") >= 1);
	CHECK(mib_read("QuicRetryOut") >= 1);
	stalled_at("127.0.0.2");
	/* this one, and some of those that were dropped, which try again */
	for (end = now_ms() + 15000; mib_read("QuicAccepted") <= before + 1; sleep_ms(10))
		CHECK(now_ms() < end);
	CHECK(mib_read("QuicAccepted") <= 10 + 8 * (now_ms() - begin) / 1000);
}

static void no_limits(void)
{
	struct conf c = { .backlog = 64 };
	int i;

	net_own();
	net_limit("max_source_connections", 0);
	net_limit("max_source_handshakes", 0);
	net_limit("source_rate", 0);
	listener_new(&c, &p);
	for (i = 0; i < 40; i++)
		stalled_at("127.0.0.1");
	mib_wait("QuicAccepted", 40);
}

/* ---- handshakes that do not finish ---- */

static void expires_in_queue(void)
{
	struct conf c = { .backlog = 1 };
	struct evil *e;

	net_own();
	net_limit("handshake_timeout", 10000);
	e = evil_open(false, FIRST_FLIGHT, NULL);
	CHECK(sock_poll(e->lis, POLLIN, 10000) & POLLIN);
	e->mute = true;
	CHECK(evil_listen_close(e, 30000));	/* its client is told */
	CHECK_EQ(e->close_code, QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED);
	CHECK_EQ(sock_poll(e->lis, POLLIN, 0), 0);
	mib_wait("QuicHandshakeExpired", 1);
	evil_free(e);
	listener_new(&c, &p);		/* a place in the queue is free again */
	net_limit("handshake_timeout", 1000);
	stalled_at("127.0.0.1");
	mib_wait("QuicAccepted", 2);
	mib_wait("QuicHandshakeExpired", 2);
	net_limit("handshake_timeout", 30000);
	whole_connection("127.0.0.1");
}

static void expires_accepted(void)
{
	struct quic_connection_close cl;
	struct evil_conf c = { .events = 1 << QUIC_EVENT_CONNECTION_CLOSE };
	struct evil *e;

	net_own();
	net_limit("handshake_timeout", 10000);
	e = evil_open(false, HANDSHAKING, &c);
	CHECK(e->fd >= 0);
	e->mute = true;
	e->victim_tls.deaf = true;	/* what comes from now on is read below, the event too */
	CHECK(!(sock_poll(e->fd, 0, 0) & POLLHUP));
	evil_listen_close(e, 30000);
	CHECK_EQ(e->close_code, QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED);
	CHECK(sock_poll(e->fd, 0, 10000) & POLLHUP);
	CHECK(event_get(e->fd, QUIC_EVENT_CONNECTION_CLOSE, &cl, sizeof(cl)) >= sizeof(cl));
	CHECK_EQ(cl.errcode, QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED);
	CHECK_ERR(recv(e->fd, buf, 1, 0), ETIMEDOUT);
	CHECK_ERR(recv(e->fd, buf, 1, 0), ENOTCONN);
	CHECK_ERR(send(e->fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	evil_free(e);
}

/* A handshake that is finished in time is not concerned, nor one without a limit. */
static void expires_not(void)
{
	int fd;

	net_own();
	net_limit("handshake_timeout", 10000);
	pair_open(&p, NULL);
	sleep_ms(10500);
	send_all(p.cli, 0, "ping", 4, MSG_QUIC_STREAM_NEW);
	recv_all(p.srv, 0, buf, 4, false);
	net_limit("handshake_timeout", 0);
	fd = stalled_at("127.0.0.1");
	sleep_ms(1000);
	CHECK(sock_poll(p.lis, POLLIN, 10000) & POLLIN);
	close(fd);
	mib_wait("QuicHandshakeExpired", 0);
	pair_close(&p);
}

/* The listener goes while some of them expire. */
static void expires_as_listener_goes(void)
{
	struct conf c = { .backlog = 64 };
	int i, k;

	net_own();
	net_limit("handshake_timeout", 30);
	for (k = 0; k < 10; k++) {
		listener_new(&c, &p);
		for (i = 0; i < 10; i++)
			stalled_at("127.0.0.1");
		sleep_ms(20 + k);
		close(p.lis);
	}
}

/* Another first ID: another request. */
static struct evil *second_request(void)
{
	struct evil *e = evil_open(false, FIRST_FLIGHT, NULL);

	e->mute = true;
	quic_keys_free(&e->conn.keys);
	e->conn.odcid.id[0] ^= 1;
	quic_cids_remote_init(&e->conn.dcids, &e->conn.odcid, 2);
	quic_keys_init(&e->conn.keys, e->conn.ops->crypto, QUIC_VERSION_V1);
	CHECK_EQ(quic_keys_set_initial(&e->conn.keys, QUIC_VERSION_V1, &e->conn.odcid, false), 0);
	return e;
}

/* The first frame, into @open, of the next Initial that our keys open: it has @pn. */
static struct quic_cid next_initial(struct evil *e, uint64_t pn, uint8_t *open,
				    struct quic_frame *f)
{
	struct quic_opened o;
	struct quic_cur cur;
	struct quic_hdr h;
	uint8_t in[2048];
	ssize_t n;

	do {
		CHECK(sock_poll(e->udp, POLLIN, 5000) & POLLIN);
		n = CHECK_OK(recv(e->udp, in, sizeof(in), 0));
	} while (quic_hdr_parse(in, n, QUIC_CID_LOCAL_LEN, false, &h) ||
		 h.type != QUIC_PKT_INITIAL ||
		 quic_keys_open(&e->conn.keys, QUIC_CRYPTO_INITIAL, in, &h, -1, open, &o));
	CHECK_EQ(o.pn, pn);
	quic_cur_init(&cur, o.payload, o.payload_len);
	CHECK_EQ(quic_frame_parse(&cur, f), 0);
	return h.scid;
}

/* The next has @pn, and acknowledges all that was sent. */
static struct quic_cid acknowledged(struct evil *e, uint64_t pn, uint64_t first)
{
	uint8_t open[2048];
	struct quic_frame f;
	struct quic_cid id = next_initial(e, pn, open, &f);

	CHECK(f.type == QUIC_FRAME_ACK || f.type == QUIC_FRAME_ACK_ECN);
	CHECK_EQ(f.ack.largest, e->pn[QUIC_SPACE_INITIAL] - 1);
	CHECK_EQ(f.ack.first_range, f.ack.largest - first);
	return id;
}

/*
 * A ClientHello that never gets complete.  The client is told, in the numbers that go on
 * and with the ID that it has got to know (RFC 9000 §7.2, §12.3).
 */
static void half_a_hello(void)
{
	uint8_t frames[1150] = { 6, 0, 0x40, 0x64, 1, 0, 0x10, 0 }, open[2048];
	struct quic_cid id, again;
	struct quic_frame f;
	struct evil *e;

	net_own();
	net_limit("half_open_timeout", 300);
	e = second_request();
	evil_frames(e, QUIC_PKT_INITIAL, frames, sizeof(frames));
	id = acknowledged(e, 0, e->pn[QUIC_SPACE_INITIAL] - 1);
	again = next_initial(e, 1, open, &f);
	CHECK(quic_cid_equal(&id, &again));
	CHECK_EQ(f.type, QUIC_FRAME_CONNECTION_CLOSE);
	CHECK_EQ(f.close.code, QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED);
	mib_wait("QuicHalfOpenExpired", 1);
	mib_wait("QuicAccepted", 1);
	evil_free(e);
}

/* A CRYPTO frame of a hello's bytes. */
static void send_part(struct evil *e, const uint8_t *hello, uint16_t from, uint16_t to)
{
	uint8_t frame[1100] = { QUIC_FRAME_CRYPTO, 0x40 | from >> 8, from, 0x40 | (to - from) >> 8,
				to - from };

	memcpy(frame + 5, hello + from, to - from);
	evil_frames(e, QUIC_PKT_INITIAL, frame, 5 + to - from);
}

/*
 * RFC 9000 §13.2.1: Initials are acknowledged at once, those of an incomplete hello,
 * too; §7.2, §12.3: by the ID and in the numbers of the connection that comes of it.
 */
static void half_a_hello_is_acknowledged(void)
{
	static const uint8_t ping[] = { QUIC_FRAME_PING };
	uint8_t params[512], hello[1000];
	struct quic_cid id, again;
	size_t len, first;
	struct evil *e;

	net_own();
	e = second_request();
	len = e->tls.ops->get_params(e->tls.priv, params, sizeof(params));
	len = tls_hello(hello + 4, params, len, NULL);
	hello[0] = 1;
	hello[1] = 0;
	hello[2] = len >> 8;
	hello[3] = len;
	len += 4;
	evil_frames(e, QUIC_PKT_INITIAL, ping, sizeof(ping));	/* all of the hello was lost */
	first = e->pn[QUIC_SPACE_INITIAL] - 1;
	id = acknowledged(e, 0, first);
	send_part(e, hello, 0, len / 2);	/* to its own ID, still */
	again = acknowledged(e, 1, first);
	CHECK(quic_cid_equal(&id, &again));
	quic_cids_remote_set_first(&e->conn.dcids, &id);
	evil_frames(e, QUIC_PKT_INITIAL, ping, sizeof(ping));	/* to the server's */
	acknowledged(e, 2, first);
	mib_wait("QuicAccepted", 1);
	send_part(e, hello, len / 2, len);
	again = acknowledged(e, 3, first);
	CHECK(quic_cid_equal(&id, &again));
	mib_wait("QuicAccepted", 2);
	evil_free(e);
}

/* ---- answers to strangers ---- */

static unsigned int answers(int fd, const struct evil *e, const void *data, size_t len, int n)
{
	uint8_t in[1500];
	unsigned int got = 0;
	int i;

	for (i = 0; i < n; i++)
		CHECK_EQ(sendto(fd, data, len, 0, (struct sockaddr *)&e->victim, e->victim_len),
			 len);
	while (sock_poll(fd, POLLIN, 200) & POLLIN)
		got += recv(fd, in, sizeof(in), 0) > 0;
	return got;
}

static void reply_rate(void)
{
	uint8_t version[1200] = { 0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8, [14] = 8 };
	uint8_t stray[60] = { 0x40, 1, 2, 3 };
	struct evil *e;
	uint64_t begin;
	unsigned int n;
	int fd;

	net_own();
	e = evil_open(false, FIRST_FLIGHT, NULL);
	fd = CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
	net_limit("reply_rate", 5);
	begin = now_ms();
	n = answers(fd, e, version, sizeof(version), 40);
	CHECK(n >= 1 && n <= 5 * (2 + (now_ms() - begin) / 1000));	/* intervals that were met */
	CHECK_EQ(mib_read("QuicVersionNegotiationOut"), n);
	sleep_ms(1100);
	begin = now_ms();
	n = answers(fd, e, stray, sizeof(stray), 40);
	CHECK(n >= 1 && n <= 5 * (2 + (now_ms() - begin) / 1000));
	CHECK_EQ(mib_read("QuicResetOut"), n);
	net_limit("reply_rate", 0);
	sleep_ms(1100);
	CHECK_EQ(answers(fd, e, version, sizeof(version), 5), 0);
	CHECK_EQ(answers(fd, e, stray, sizeof(stray), 5), 0);
	evil_free(e);
}

/* ---- RFC 9000 §21.4: who acknowledges what was never sent is found out ---- */

static void optimistic(bool server)
{
	static const uint8_t ping[] = { QUIC_FRAME_PING };
	struct evil *e = evil_open(server, ESTABLISHED, NULL);
	uint8_t f[32] = {};
	struct quic_wr w;
	int i;

	/* it answers with ACKs, whose numbers it must leave out as well, every 1088 at most */
	for (i = 0; i < 20000 && e->seen < 1300; i++) {
		evil_frames(e, R1, ping, 1);
		evil_listen_close(e, 0);
		if (!(i % 32))
			evil_listen_close(e, 1);
	}
	CHECK(e->seen >= 1300);
	evil_expect_alive(e, "many pings");
	quic_wr_init(&w, f, sizeof(f));
	quic_wr_u8(&w, QUIC_FRAME_ACK);
	quic_wr_varint(&w, e->seen);
	quic_wr_varint(&w, 0);
	quic_wr_varint(&w, 0);
	quic_wr_varint(&w, e->seen);
	evil_frames(e, R1, f, w.p - f);
	evil_expect(e, "an ACK of all numbers", QUIC_TRANSPORT_ERROR_PROTOCOL_VIOLATION);
	evil_free(e);
}

static void optimistic_client(void)
{
	optimistic(false);
}

static void optimistic_server(void)
{
	optimistic(true);
}

static const struct test tests[] = {
	{ "source-handshakes", source_handshakes },
	{ "source-finished", source_finished },
	{ "source-prefix", source_prefix },
	{ "many-sources", many_sources, 150 },
	{ "source-connections", source_connections },
	{ "source-rate", source_rate },
	{ "no-limits", no_limits },
	{ "expires-in-queue", expires_in_queue, 60 },
	{ "expires-accepted", expires_accepted, 60 },
	{ "expires-not", expires_not, 60 },
	{ "expires-as-listener-goes", expires_as_listener_goes },
	{ "half-a-hello", half_a_hello },
	{ "half-a-hello-is-acknowledged", half_a_hello_is_acknowledged },
	{ "reply-rate", reply_rate },
	{ "optimistic-client", optimistic_client, 60 },
	{ "optimistic-server", optimistic_server, 60 },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

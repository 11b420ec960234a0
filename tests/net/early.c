// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Resumption and 0-RTT (RFC 9001 §4.5, §4.6): session data, data before the
 * handshake, accepted, refused and replayed; through Retry, and overtaking the
 * ClientHello.  Both ends live in one thread, which runs their handshakes step
 * by step; a small proxy between them remembers, delays and repeats datagrams.
 */
#include <fcntl.h>

#include "lib.h"

#define ALPN		"early"
#define HELLO		"hello, it is me again"
#define RECORDED	16

/* ---- two ends and their TLS sessions ---- */

struct ends {
	struct conf conf;
	struct pair p;
	int cli, srv;
	void *cs, *ss;
	int early[2];		/* what quic_handshake_params says */
	uint8_t data[4096];	/* session data */
	size_t len;		/* 0: none */
	struct proxy *proxy;
};

static void *session(struct ends *e, int fd, int side)
{
	struct quic_handshake_params hp = { .size = sizeof(hp), .alpns = ALPN };
	const char *dir = getenv("CERTS");
	char cert[128], key[128], ca[128];
	void *s;

	if (!dir)
		test_skip("no certificates: CERTS is not set");
	snprintf(cert, sizeof(cert), "%s/server.crt", dir);
	snprintf(key, sizeof(key), "%s/server.key", dir);
	snprintf(ca, sizeof(ca), "%s/ca.crt", dir);
	hp.early_data = e->early[side];
	if (side == SRV) {
		hp.certfile = cert;
		hp.keyfile = key;
		CHECK_EQ(quic_server_session_new(fd, &hp, &s), 0);
		return s;
	}
	hp.cafile = ca;
	hp.hostname = "server.test";
	hp.session_data = e->len ? e->data : NULL;
	hp.session_data_len = e->len;
	CHECK_EQ(quic_client_session_new(fd, &hp, &s), 0);
	return s;
}

/* ---- the proxy ---- */

struct proxy {
	int in, out;		/* to the client; to the server, connected */
	struct sockaddr_storage client;
	socklen_t client_len;
	unsigned int n;		/* of the client's datagrams */
	unsigned int flight;	/* of these, before the server's first of a handshake */
	size_t len[RECORDED];
	uint8_t dgram[RECORDED][2000];
	bool hold_first;	/* until the third has gone */
};

static void proxy_new(struct proxy *x, struct pair *p)
{
	struct sockaddr_storage a;
	socklen_t len = sock_addr(&a, AF_INET, NULL, 0);

	x->in = CHECK_OK(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
	x->out = CHECK_OK(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
	CHECK_OK(bind(x->in, (struct sockaddr *)&a, len));
	CHECK_OK(connect(x->out, (struct sockaddr *)&p->addr, p->addrlen));
	/* that is where the client goes */
	sock_local(x->in, &p->addr, &p->addrlen);
}

static void from_client(struct proxy *x, const uint8_t *buf, size_t len)
{
	if (x->n < RECORDED) {
		memcpy(x->dgram[x->n], buf, len);
		x->len[x->n] = len;
	}
	x->n++;
	if (x->hold_first && x->n == 1)
		return;
	CHECK_EQ(send(x->out, buf, len, 0), len);
	if (x->hold_first && x->n == 3) {
		sleep_ms(20);
		CHECK_EQ(send(x->out, x->dgram[0], x->len[0], 0), x->len[0]);
	}
}

static void proxy_pump(struct proxy *x)
{
	uint8_t buf[2000];
	ssize_t n;

	if (!x)
		return;
	x->client_len = sizeof(x->client);
	while ((n = recvfrom(x->in, buf, sizeof(buf), 0, (struct sockaddr *)&x->client,
			     &x->client_len)) > 0)
		from_client(x, buf, n);
	while ((n = recv(x->out, buf, sizeof(buf), 0)) > 0) {
		if (!x->flight && buf[0] & 0x80)
			x->flight = x->n;
		sendto(x->in, buf, n, 0, (struct sockaddr *)&x->client, x->client_len);
	}
}

/* ---- handshakes ---- */

static void step(struct quic_handshake_ctx *ctx, int *err)
{
	short events;
	int ms;

	if (*err == -EAGAIN)
		*err = quic_handshake_step(ctx, &events, &ms);
	if (*err && *err != -EAGAIN)
		FAIL("handshake: %s (%s)", strerror(-*err), log_last());
}

static void listen_new(struct ends *e)
{
	e->conf.listen_alpn = ALPN;
	listener_new(&e->conf, &e->p);
}

/* Connected, with a session; nothing sent. */
static void client_start(struct ends *e)
{
	e->cli = client_new(&e->conf, &e->p);
	e->cs = session(e, e->cli, CLI);
}

static void server_start_session(struct ends *e)
{
	int i;

	sock_nonblock(e->p.lis, true);
	for (i = 0; i < 200; i++) {
		proxy_pump(e->proxy);
		e->srv = accept(e->p.lis, NULL, NULL);
		if (e->srv >= 0)
			break;
		CHECK_EQ(errno, EAGAIN);
		sleep_ms(10);
	}
	CHECK_OK(e->srv);
	e->ss = session(e, e->srv, SRV);
}

/* The client's ClientHello, then both; @half is called when the server has answered. */
static void shake(struct ends *e, void (*half)(struct ends *e))
{
	struct quic_handshake_ctx *c, *s;
	int cerr = -EAGAIN, serr = -EAGAIN, i;

	CHECK_EQ(quic_handshake_init(e->cs, &c), 0);
	step(c, &cerr);
	server_start_session(e);
	CHECK_EQ(quic_handshake_init(e->ss, &s), 0);
	for (i = 0; i < 1000 && (cerr || serr); i++) {
		proxy_pump(e->proxy);
		step(s, &serr);
		if (half && serr == -EAGAIN)
			half(e);
		half = NULL;
		proxy_pump(e->proxy);
		step(c, &cerr);
		sleep_ms(1);
	}
	CHECK_EQ(cerr, 0);
	CHECK_EQ(serr, 0);
	proxy_pump(e->proxy);
	quic_handshake_deinit(c);
	quic_handshake_deinit(s);
}

static void end_conn(struct ends *e)
{
	close(e->cli);
	close(e->srv);
	quic_session_free(e->cs);
	quic_session_free(e->ss);
	e->cs = e->ss = NULL;
}

/* A connection that leaves session data. */
static void first(struct ends *e)
{
	int i, err = -EAGAIN;

	client_start(e);
	shake(e, NULL);
	CHECK(!quic_session_is_resumed(e->cs));
	for (i = 0; i < 100 && err == -EAGAIN; i++) {
		proxy_pump(e->proxy);
		sleep_ms(10);
		e->len = sizeof(e->data);
		err = quic_session_get_data(e->cs, e->data, &e->len);
	}
	CHECK_EQ(err, 0);
	end_conn(e);
}

static void begin(struct ends *e, int client, int server)
{
	memset(e, 0, sizeof(*e));
	e->early[CLI] = client;
	e->early[SRV] = server;
	listen_new(e);
	first(e);
	client_start(e);
}

static void send_hello(struct ends *e)
{
	CHECK_EQ(quic_sendmsg(e->cli, HELLO, strlen(HELLO), 0,
			      MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN), strlen(HELLO));
}

static void recv_hello(struct ends *e)
{
	char buf[sizeof(HELLO)] = "";

	recv_all(e->srv, 0, buf, strlen(HELLO), true);
	CHECK(!strcmp(buf, HELLO));
	/* and it is there once */
	event_none(e->srv, 50);
}

/* Whole streams, in any order of pieces: stream @id and the next but one, @len bytes each. */
static void recv_two(int fd, int64_t id, uint64_t len)
{
	uint64_t got[2] = {};
	unsigned int fins = 0, i;
	struct msg m;

	while (fins < 2) {
		recv_msg(fd, &m);
		i = m.id != id;
		CHECK(!(m.flags & MSG_QUIC_NOTIFICATION));
		CHECK_EQ(m.id, id + 2 * i);
		pattern_check(m.data, m.n, m.id, got[i]);
		got[i] += m.n;
		fins += !!(m.flags & MSG_QUIC_STREAM_FIN);
	}
	CHECK_EQ(got[0], len);
	CHECK_EQ(got[1], len);
	event_none(fd, 50);
}

/* ---- tests ---- */

static void resume(void)
{
	struct ends e;

	begin(&e, 0, 0);
	shake(&e, NULL);
	CHECK(quic_session_is_resumed(e.cs));
	CHECK(quic_session_is_resumed(e.ss));
	CHECK(!quic_session_early_data(e.cs));
	/* without 0-RTT it is just a connection */
	send_hello(&e);
	recv_hello(&e);
}

static void read_half(struct ends *e)
{
	struct msg m;

	/* the handshake is not over, and the server has it */
	CHECK(sock_poll(e->srv, POLLIN, 10000) & POLLIN);
	recv_msg(e->srv, &m);
	CHECK_EQ(m.n, strlen(HELLO));
	CHECK(!memcmp(m.data, HELLO, m.n));
	CHECK(m.flags & MSG_QUIC_STREAM_FIN);
	CHECK_EQ(m.id, 0);
}

static void accepted(void)
{
	uint64_t in = mib_read("QuicEarlyIn"), out = mib_read("QuicEarlyOut");
	struct ends e;

	begin(&e, 1, 1);
	send_hello(&e);
	shake(&e, read_half);
	CHECK(quic_session_early_data(e.cs));
	CHECK(quic_session_early_data(e.ss));
	CHECK_EQ(mib_read("QuicEarlyIn") - in, 1);
	CHECK_EQ(mib_read("QuicEarlyOut") - out, 1);
	send_all(e.srv, 1, "x", 1, MSG_QUIC_STREAM_NEW);
	recv_all(e.cli, 1, (char [1]){}, 1, false);
	event_none(e.srv, 50);
}

/* A client that remembers a server which takes datagrams of 1000 bytes, on its way there. */
static void remembers_dgrams(struct ends *e)
{
	memset(e, 0, sizeof(*e));
	e->early[CLI] = e->early[SRV] = 1;
	e->conf.tp[SRV].max_datagram_frame_size = 1000;
	listen_new(e);
	first(e);
	client_start(e);
}

/* RFC 9221 §3: a client that remembers the limit may, one that does not may not. */
static void datagram(void)
{
	uint64_t in = mib_read("QuicEarlyIn");
	char got[16];
	struct ends e;
	int i;

	remembers_dgrams(&e);
	for (i = 0; i < 3; i++)
		CHECK_EQ(send(e.cli, "01", i, MSG_QUIC_DATAGRAM), i);
	CHECK_ERR(send(e.cli, (char [1000]){}, 1000, MSG_QUIC_DATAGRAM), EMSGSIZE);
	shake(&e, NULL);
	CHECK(quic_session_early_data(e.ss));
	CHECK(mib_read("QuicEarlyIn") - in >= 1);
	for (i = 0; i < 3; i++)
		CHECK_EQ(recv(e.srv, got, sizeof(got), 0), i);
	end_conn(&e);
	/* nothing is remembered of the server */
	e.len = 0;
	client_start(&e);
	CHECK_ERR(send(e.cli, "x", 1, MSG_QUIC_DATAGRAM), EINVAL);
	shake(&e, NULL);
	CHECK_EQ(send(e.cli, "x", 1, MSG_QUIC_DATAGRAM), 1);
	CHECK_EQ(recv(e.srv, got, sizeof(got), 0), 1);
}

/* A stream of no bytes is not the end of the connection to the server's handshake. */
static void empty_stream(void)
{
	struct ends e;

	begin(&e, 1, 1);
	CHECK_EQ(stream_open(e.cli, -1, 0), 0);
	send_all(e.cli, 0, "", 0, MSG_QUIC_STREAM_FIN);
	shake(&e, NULL);
	CHECK(quic_session_early_data(e.ss));
	recv_all(e.srv, 0, (char [1]){}, 0, true);
}

/* More than a window of it: what did not go early goes later. */
static void large(void)
{
	uint64_t in = mib_read("QuicEarlyIn");
	struct ends e;

	begin(&e, 1, 1);
	CHECK_EQ(stream_open(e.cli, -1, 0), 0);
	CHECK_EQ(stream_open(e.cli, -1, MSG_QUIC_STREAM_UNI), 2);
	send_pattern(e.cli, 0, 60000, MSG_QUIC_STREAM_FIN);
	send_pattern(e.cli, 2, 60000, MSG_QUIC_STREAM_FIN);
	shake(&e, NULL);
	CHECK(quic_session_early_data(e.ss));
	CHECK(mib_read("QuicEarlyIn") - in >= 5);
	recv_two(e.srv, 0, 60000);
}

/* Refused, for any reason: the same bytes, once. */
static void arrives_once(struct ends *e)
{
	uint64_t in = mib_read("QuicEarlyIn"), refused = mib_read("QuicEarlyRejected");

	CHECK_EQ(stream_open(e->cli, -1, 0), 0);
	CHECK_EQ(stream_open(e->cli, -1, MSG_QUIC_STREAM_UNI), 2);
	send_pattern(e->cli, 0, 20000, MSG_QUIC_STREAM_FIN);
	send_pattern(e->cli, 2, 20000, MSG_QUIC_STREAM_FIN);
	shake(e, NULL);
	CHECK(!quic_session_early_data(e->ss));
	CHECK_EQ(mib_read("QuicEarlyRejected") - refused, 1);
	CHECK_EQ(mib_read("QuicEarlyIn"), in);
	recv_two(e->srv, 0, 20000);
}

static void refused(void)
{
	struct ends e;

	begin(&e, 1, 1);
	e.early[SRV] = 0;
	arrives_once(&e);
	CHECK(quic_session_is_resumed(e.ss));
}

/* RFC 9000 §7.4.1, RFC 9221 §3: a server that allows less than it did takes no 0-RTT */
static void lower_limits(void)
{
	static const struct quic_transport_param lower[] = {
		{ .max_data = 20000, .max_stream_data_bidi_remote = 6000 },
		{ .max_datagram_frame_size = 999 },
	};
	struct ends e;
	int i;

	for (i = 0; i < ARRAY(lower); i++) {
		remembers_dgrams(&e);
		CHECK_OK(set_opt(e.p.lis, QUIC_SOCKOPT_TRANSPORT_PARAM, &lower[i],
				 sizeof(lower[i])));
		arrives_once(&e);
		CHECK(!quic_session_is_resumed(e.ss));
		end_conn(&e);
	}
}

/* ... and a client with 0-RTT data at a server that does not know it any more. */
static void unknown_ticket(void)
{
	struct ends e, other;

	begin(&e, 1, 1);
	memset(&other, 0, sizeof(other));
	other.early[CLI] = other.early[SRV] = 1;
	other.conf.tp[SRV].max_streams_uni = 7;
	listen_new(&other);
	memcpy(other.data, e.data, e.len);
	other.len = e.len;
	client_start(&other);
	arrives_once(&other);
}

/* RFC 9001 §9.2, RFC 8446 §8: the very same datagrams again */
static void replayed(void)
{
	static struct proxy x;
	struct quic_handshake_ctx *s;
	uint64_t in = mib_read("QuicEarlyIn");
	int err = -EAGAIN, again;
	unsigned int i;
	struct ends e;
	char c;

	memset(&e, 0, sizeof(e));
	e.early[CLI] = e.early[SRV] = 1;
	listen_new(&e);
	proxy_new(&x, &e.p);
	e.proxy = &x;
	first(&e);
	sleep_ms(50);
	proxy_pump(&x);			/* its CLOSE */
	x.n = x.flight = 0;
	client_start(&e);
	send_hello(&e);
	shake(&e, NULL);
	CHECK(quic_session_early_data(e.ss));
	CHECK_EQ(mib_read("QuicEarlyIn") - in, 1);
	for (i = 0; i < 20; i++) {	/* confirmed, so that it is not the old connection's */
		proxy_pump(&x);
		sleep_ms(10);
	}
	end_conn(&e);
	again = CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
	CHECK_EQ(getpeername(x.out, (struct sockaddr *)&x.client, &x.client_len), 0);
	CHECK_OK(connect(again, (struct sockaddr *)&x.client, x.client_len));
	for (i = 0; !(x.dgram[i][0] & 0x80); i++)	/* the old connection's last words */
		CHECK(i < RECORDED - 1);
	CHECK(i < x.flight && x.flight <= RECORDED);
	for (; i < x.flight; i++)	/* a ClientHello may be too long for one */
		CHECK_EQ(send(again, x.dgram[i], x.len[i], 0), x.len[i]);
	e.proxy = NULL;
	server_start_session(&e);
	CHECK_EQ(quic_handshake_init(e.ss, &s), 0);
	for (i = 0; i < 20; i++) {
		step(s, &err);
		sleep_ms(10);
	}
	CHECK_EQ(err, -EAGAIN);
	CHECK_EQ(mib_read("QuicEarlyIn") - in, 1);
	CHECK_ERR(recv(e.srv, &c, 1, MSG_DONTWAIT), EAGAIN);
}

/* 0-RTT packets that come before the Initial they belong to. */
static void overtaking(void)
{
	static struct proxy x = { .hold_first = true };
	uint64_t in = mib_read("QuicEarlyIn"), out = mib_read("QuicEarlyOut");
	uint8_t buf[4000];
	struct ends e;

	memset(&e, 0, sizeof(e));
	e.early[CLI] = e.early[SRV] = 1;
	listen_new(&e);
	first(&e);
	proxy_new(&x, &e.p);
	e.proxy = &x;
	client_start(&e);
	pattern_fill(buf, sizeof(buf), 0, 0);
	CHECK_EQ(quic_sendmsg(e.cli, buf, sizeof(buf), 0,
			      MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN), sizeof(buf));
	shake(&e, NULL);
	CHECK(quic_session_early_data(e.ss));
	CHECK(x.n > 3);
	CHECK_EQ(mib_read("QuicEarlyIn") - in, mib_read("QuicEarlyOut") - out);
	memset(buf, 0, sizeof(buf));
	recv_all(e.srv, 0, buf, sizeof(buf), true);
	pattern_check(buf, sizeof(buf), 0, 0);
}

/* RFC 9000 §17.2.3: after a Retry once more; and with a token there is none. */
static void retry(void)
{
	uint64_t in, retries = mib_read("QuicRetryOut");
	struct quic_config cfg = { .validate_peer_address = 1 };
	uint8_t token[512];
	socklen_t len = sizeof(token);
	struct ends e;
	int i;

	memset(&e, 0, sizeof(e));
	e.early[CLI] = e.early[SRV] = 1;
	listen_new(&e);
	CHECK_OK(set_opt(e.p.lis, QUIC_SOCKOPT_CONFIG, &cfg, sizeof(cfg)));
	first(&e);
	CHECK_EQ(mib_read("QuicRetryOut") - retries, 1);
	for (i = 0; i < 2; i++) {
		in = mib_read("QuicEarlyIn");
		client_start(&e);
		if (i)
			CHECK_OK(set_opt(e.cli, QUIC_SOCKOPT_TOKEN, token, len));
		send_hello(&e);
		shake(&e, NULL);
		CHECK(quic_session_early_data(e.ss));
		CHECK(mib_read("QuicEarlyIn") > in);
		CHECK_EQ(mib_read("QuicRetryOut") - retries, 2);
		recv_hello(&e);
		/* who validates addresses gives a token for the next time */
		CHECK_OK(get_opt(e.cli, QUIC_SOCKOPT_TOKEN, token, &len));
		CHECK(len > 0);
		end_conn(&e);
	}
}

/* Who may write before the handshake, how much, and what else must not be. */
static void wrong_use(void)
{
	struct quic_transport_param tp = { .remote = 1, .max_streams_bidi = 1, .max_data = 3000,
					   .max_stream_data_bidi_remote = 1000 };
	struct quic_crypto_secret secret = { .level = QUIC_CRYPTO_EARLY, .type = 51 };
	struct quic_transport_param got = { .remote = 1 };
	socklen_t len = sizeof(got);
	struct conf conf = {};
	uint8_t buf[2000] = {};
	struct pair p;
	int cli, fd;

	listener_new(&conf, &p);
	fd = sock_new(AF_INET, SOCK_STREAM);
	CHECK_ERR(set_opt(fd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp)), EINVAL);
	CHECK_ERR(set_opt(fd, QUIC_SOCKOPT_CRYPTO_SECRET, &secret, sizeof(secret)), EINVAL);
	CHECK_ERR(set_opt(p.lis, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp)), EINVAL);
	cli = client_new(&conf, &p);
	sock_nonblock(cli, true);
	CHECK_ERR(stream_open(cli, -1, 0), EINVAL);
	CHECK_ERR(send(cli, "x", 1, 0), EINVAL);
	/* a client's are for sending */
	CHECK_ERR(set_opt(cli, QUIC_SOCKOPT_CRYPTO_SECRET, &secret, sizeof(secret)), EINVAL);
	tp.ack_delay_exponent = 9;
	tp.max_ack_delay = 77000;
	tp.disable_1rtt_encryption = 1;
	CHECK_OK(set_opt(cli, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp)));
	/* RFC 9000 §7.4.1: MUST NOT be remembered */
	CHECK_OK(get_opt(cli, QUIC_SOCKOPT_TRANSPORT_PARAM, &got, &len));
	CHECK_EQ(got.ack_delay_exponent, 3);
	CHECK_EQ(got.max_ack_delay, 25000);
	CHECK_EQ(got.disable_1rtt_encryption, 0);
	CHECK_EQ(got.max_data, 3000);
	CHECK_EQ(stream_open(cli, -1, 0), 0);
	CHECK_ERR(stream_open(cli, -1, MSG_QUIC_STREAM_DONTWAIT), EAGAIN);
	CHECK_EQ(send(cli, buf, 1000, 0), 1000);
	CHECK_ERR(send(cli, buf, 1, 0), EAGAIN);
	CHECK_ERR(quic_sendmsg(cli, buf, 1, 0, 0), ENOSPC);
	/* what was written before a handshake without 0-RTT comes after it */
	p.srv = pair_handshake(cli, p.lis, &conf);
	recv_all(p.srv, 0, buf, 1000, false);
	CHECK_ERR(set_opt(cli, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp)), EINVAL);
	CHECK_ERR(set_opt(cli, QUIC_SOCKOPT_CRYPTO_SECRET, &secret, sizeof(secret)), EINVAL);
	CHECK_EQ(send(cli, buf, 2000, 0), 2000);
	recv_all(p.srv, 0, buf, 2000, false);
}

/* RFC 9369 §5: MUST NOT use a ticket in another version than it came from */
static void other_version(void)
{
	struct ends e;

	memset(&e, 0, sizeof(e));
	e.early[CLI] = e.early[SRV] = 1;
	listen_new(&e);
	first(&e);
	e.conf.cfg[CLI].version = QUIC_VERSION_V2;
	client_start(&e);
	CHECK_ERR(stream_open(e.cli, -1, 0), EINVAL);
	shake(&e, NULL);
	CHECK(!quic_session_is_resumed(e.cs));
	/* in version 2 all the way it works */
	end_conn(&e);
	e.len = 0;
	first(&e);
	client_start(&e);
	send_hello(&e);
	shake(&e, NULL);
	CHECK(quic_session_is_resumed(e.cs));
	CHECK(quic_session_early_data(e.ss));
	recv_hello(&e);
}

static uint32_t version_of(int fd)
{
	struct quic_config cfg = {};
	socklen_t len = sizeof(cfg);

	CHECK_OK(get_opt(fd, QUIC_SOCKOPT_CONFIG, &cfg, &len));
	return cfg.version;
}

/*
 * RFC 9368 §2.3: a server that is set to version 2 moves a client of version 1
 * there; its tickets are of version 2 then, and 0-RTT packets of the client's.
 */
static void upgraded(void)
{
	uint64_t in = mib_read("QuicEarlyIn");
	struct ends e;
	int i;

	memset(&e, 0, sizeof(e));
	e.early[CLI] = e.early[SRV] = 1;
	e.conf.cfg[SRV].version = QUIC_VERSION_V2;
	listen_new(&e);
	for (i = 0; i < 2; i++) {
		e.conf.cfg[CLI].version = i ? QUIC_VERSION_V2 : QUIC_VERSION_V1;
		client_start(&e);
		if (i)
			send_hello(&e);
		shake(&e, NULL);
		CHECK_EQ(version_of(e.cli), QUIC_VERSION_V2);
		CHECK_EQ(version_of(e.srv), QUIC_VERSION_V2);
		CHECK_EQ(!!quic_session_is_resumed(e.ss), i);
		if (!i)
			send_hello(&e);
		recv_hello(&e);
		e.len = sizeof(e.data);
		CHECK_EQ(quic_session_get_data(e.cs, e.data, &e.len), 0);
		end_conn(&e);
	}
	CHECK(mib_read("QuicEarlyIn") > in);
}

/* A ticket of version 1 leads to 0-RTT in version 1, though the server moves on to 2. */
static void upgraded_early(void)
{
	struct quic_config two = { .version = QUIC_VERSION_V2 };
	struct ends e;

	begin(&e, 1, 1);
	send_hello(&e);
	CHECK_OK(set_opt(e.p.lis, QUIC_SOCKOPT_CONFIG, &two, sizeof(two)));
	shake(&e, NULL);
	CHECK_EQ(version_of(e.cli), QUIC_VERSION_V2);
	/* RFC 9369 §5: the ticket is of another version than the connection will be */
	CHECK(!quic_session_is_resumed(e.ss));
	recv_hello(&e);
}

/* Either side may have none of it, and nobody is moved down. */
static void not_upgraded(void)
{
	struct quic_transport_param off = { .disable_compatible_version = 1 };
	static const uint32_t v[] = { QUIC_VERSION_V1, QUIC_VERSION_V2 };
	struct ends e;
	int side;

	for (side = CLI; side <= SRV; side++) {
		memset(&e, 0, sizeof(e));
		e.conf.cfg[SRV].version = QUIC_VERSION_V2;
		e.conf.tp[side] = off;
		listen_new(&e);
		client_start(&e);
		shake(&e, NULL);
		CHECK_EQ(version_of(e.cli), v[0]);
		end_conn(&e);
	}
	memset(&e, 0, sizeof(e));
	e.conf.cfg[CLI].version = v[1];
	listen_new(&e);
	client_start(&e);
	shake(&e, NULL);
	CHECK_EQ(version_of(e.srv), v[1]);
}

/* RFC 9368 §2.3: first by Version Negotiation to a version that both know, then compatibly. */
static void negotiated_upgraded(void)
{
	struct ends e;

	memset(&e, 0, sizeof(e));
	e.conf.cfg[CLI].version = 0x1a2a3a4a;
	e.conf.cfg[SRV].version = QUIC_VERSION_V2;
	listen_new(&e);
	client_start(&e);
	shake(&e, NULL);
	CHECK_EQ(version_of(e.cli), QUIC_VERSION_V2);
	CHECK_EQ(version_of(e.srv), QUIC_VERSION_V2);
	send_hello(&e);
	recv_hello(&e);
}

/* With a Retry, which is in the first version. */
static void upgraded_retry(void)
{
	uint64_t retries = mib_read("QuicRetryOut");
	struct ends e;

	memset(&e, 0, sizeof(e));
	e.conf.cfg[SRV].version = QUIC_VERSION_V2;
	e.conf.cfg[SRV].validate_peer_address = 1;
	listen_new(&e);
	client_start(&e);
	shake(&e, NULL);
	CHECK_EQ(mib_read("QuicRetryOut") - retries, 1);
	CHECK_EQ(version_of(e.cli), QUIC_VERSION_V2);
	send_hello(&e);
	recv_hello(&e);
}

/* close() before the handshake drops what was written, and tells nobody. */
static void abandoned(void)
{
	struct ends e;

	begin(&e, 1, 1);
	send_hello(&e);
	close(e.cli);
	quic_session_free(e.cs);
	sock_nonblock(e.p.lis, true);
	sleep_ms(50);
	CHECK_ERR(accept(e.p.lis, NULL, NULL), EAGAIN);
}

static const struct test tests[] = {
	{ "resume", resume },
	{ "accepted", accepted },
	{ "datagram", datagram },
	{ "empty-stream", empty_stream },
	{ "large", large },
	{ "refused", refused },
	{ "lower-limits", lower_limits },
	{ "unknown-ticket", unknown_ticket },
	{ "replayed", replayed },
	{ "overtaking", overtaking },
	{ "retry", retry },
	{ "wrong-use", wrong_use },
	{ "other-version", other_version },
	{ "upgraded", upgraded },
	{ "upgraded-early", upgraded_early },
	{ "not-upgraded", not_upgraded },
	{ "negotiated-upgraded", negotiated_upgraded },
	{ "upgraded-retry", upgraded_retry },
	{ "abandoned", abandoned },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

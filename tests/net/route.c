// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which listener a client gets: by the ALPN list of a ClientHello that is made
 * by hand here, in as many Initials and in whatever order (RFC 9001 §8.1, the
 * draft's listen()); and what the accepted socket has of its listener.
 */
#include <sys/wait.h>

#include "evil.h"
#include "shim/crypto_ossl.h"

#define LONG_HELLO	3600	/* bytes beyond what must be in it: some Initials */
#define NO_PROTOCOL	0x178	/* RFC 9001 §8.1: no_application_protocol */

static struct pair p;		/* the address of all listeners */

/* ---- listeners ---- */

static int listener(const char *alpn)
{
	int fd = sock_new(AF_INET, SOCK_STREAM), one = 1;

	if (!p.addrlen)
		p.addrlen = sock_addr(&p.addr, AF_INET, NULL, 0);
	CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)));
	CHECK_OK(bind(fd, (struct sockaddr *)&p.addr, p.addrlen));
	if (alpn)
		CHECK_OK(set_opt(fd, QUIC_SOCKOPT_ALPN, alpn, strlen(alpn)));
	CHECK_OK(listen(fd, 128));
	sock_local(fd, &p.addr, &p.addrlen);
	sock_nonblock(fd, true);
	return fd;
}

static int accept_one(int lis)
{
	if (!(sock_poll(lis, POLLIN, 3000) & POLLIN))
		FAIL("nobody came");
	return CHECK_OK(accept(lis, NULL, NULL));
}

static void accept_none(int lis)
{
	CHECK_EQ(sock_poll(lis, POLLIN, 150), 0);
}

/* ---- a client by hand ---- */

struct client {
	int udp;
	struct quic_keys keys;
	struct quic_cid dcid, scid;
	uint64_t pn;
	uint8_t hello[8192];
	size_t len;
};

/* @alpn: one name, or NULL; @more: bytes of an unknown transport parameter */
static void client_init(struct client *c, const char *alpn, size_t more)
{
	static uint8_t params[8192];
	struct quic_wr w;

	memset(c, 0, sizeof(*c));
	c->udp = CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
	CHECK_OK(connect(c->udp, (struct sockaddr *)&p.addr, p.addrlen));
	c->dcid.len = 8;
	c->scid.len = 4;
	get_random_bytes(c->dcid.id, 8);
	get_random_bytes(c->scid.id, 4);
	quic_keys_init(&c->keys, &shim_crypto_ops, QUIC_VERSION_V1);
	CHECK_EQ(quic_keys_set_initial(&c->keys, QUIC_VERSION_V1, &c->dcid, false), 0);
	quic_wr_init(&w, params, sizeof(params));
	quic_wr_varint(&w, 0x0f);		/* initial_source_connection_id */
	quic_wr_varint(&w, c->scid.len);
	quic_wr_bytes(&w, c->scid.id, c->scid.len);
	if (more) {
		quic_wr_varint(&w, 0x3127);
		quic_wr_varint(&w, more);
		memset(quic_wr_take(&w, more), 'x', more);
	}
	c->hello[0] = 1;
	c->len = 4 + tls_hello(c->hello + 4, params, w.p - params, alpn);
	c->hello[2] = (c->len - 4) >> 8;
	c->hello[3] = c->len - 4;
}

static void client_free(struct client *c)
{
	quic_keys_free(&c->keys);
	close(c->udp);
}

/* Frames in an Initial of 1200 bytes. */
static void send_frames(struct client *c, const uint8_t *frames, size_t len)
{
	uint8_t plain[1200] = {}, buf[1200];
	struct quic_vec v = { .base = plain };
	struct quic_wr w;
	u8 *length;

	memcpy(plain, frames, len);
	quic_wr_init(&w, buf, sizeof(buf));
	quic_hdr_put_long(&w, QUIC_PKT_INITIAL, QUIC_VERSION_V1, &c->dcid, &c->scid, NULL, 0,
			  c->pn, 4, &length);
	v.len = sizeof(buf) - (w.p - buf) - QUIC_TAG_LEN;
	CHECK(v.len >= len);
	quic_hdr_set_length(length, 4 + v.len + QUIC_TAG_LEN);
	CHECK_EQ(quic_keys_seal(&c->keys, QUIC_CRYPTO_INITIAL, c->pn++, buf, w.p - buf,
				w.p - buf - 4, 4, &v, 1), sizeof(buf));
	CHECK_EQ(send(c->udp, buf, sizeof(buf), 0), sizeof(buf));
}

static void put_piece(struct quic_wr *w, const struct client *c, size_t from, size_t to)
{
	quic_frame_put_crypto_hdr(w, from, to - from);
	quic_wr_bytes(w, c->hello + from, to - from);
	CHECK(!w->bad);
}

static void send_piece(struct client *c, size_t from, size_t to)
{
	uint8_t frames[1300];
	struct quic_wr w;

	quic_wr_init(&w, frames, sizeof(frames));
	put_piece(&w, c, from, to);
	send_frames(c, frames, w.p - frames);
}

/* The @i-th of @n equal pieces. */
static void send_part(struct client *c, size_t i, size_t n)
{
	send_piece(c, c->len * i / n, c->len * (i + 1) / n);
}

/* The code of the CONNECTION_CLOSE in an Initial that answers. */
static uint64_t refusal(struct client *c)
{
	uint8_t buf[1600], plain[1600];
	struct quic_opened o;
	struct quic_frame f;
	struct quic_cur cur;
	struct quic_hdr h;
	ssize_t n;

	for (;;) {
		if (!(sock_poll(c->udp, POLLIN, 3000) & POLLIN))
			FAIL("no answer");
		n = CHECK_OK(recv(c->udp, buf, sizeof(buf), 0));
		CHECK_EQ(quic_hdr_parse(buf, n, c->scid.len, false, &h), 0);
		CHECK_EQ(h.type, QUIC_PKT_INITIAL);
		CHECK_EQ(quic_keys_open(&c->keys, QUIC_CRYPTO_INITIAL, buf, &h, -1, plain, &o), 0);
		quic_cur_init(&cur, o.payload, o.payload_len);
		while (quic_cur_left(&cur)) {
			CHECK_EQ(quic_frame_parse(&cur, &f), 0);
			if (f.type == QUIC_FRAME_CONNECTION_CLOSE)
				return f.close.code;
		}
	}
}

/* The socket that @lis gave came of @c. */
static void is_from(int fd, const struct client *c)
{
	struct sockaddr_storage peer, own;
	socklen_t peer_len = sizeof(peer), own_len;

	CHECK_OK(getpeername(fd, (struct sockaddr *)&peer, &peer_len));
	sock_local(c->udp, &own, &own_len);
	CHECK_EQ(sock_port(&peer), sock_port(&own));
	close(fd);
}

/* ---- tests ---- */

/* Four Initials in each of the 24 orders; the ALPN is in the last of them. */
static void any_order(void)
{
	int one = listener("one"), two = listener("two"), i, j, k;
	struct client c;

	for (i = 0; i < 4; i++)
		for (j = 0; j < 4; j++)
			for (k = 0; k < 4; k++) {
				if (i == j || j == k || i == k)
					continue;
				client_init(&c, "two", LONG_HELLO);
				send_part(&c, i, 4);
				send_part(&c, j, 4);
				send_part(&c, k, 4);
				send_part(&c, 6 - i - j - k, 4);
				is_from(accept_one(two), &c);
				client_free(&c);
			}
	accept_none(one);
}

/* One Initial, its CRYPTO frames backwards and overlapping, with other frames between. */
static void shuffled_frames(void)
{
	int one = listener("one"), two = listener("two");
	uint8_t frames[1300];
	struct client c;
	struct quic_wr w;
	size_t at, end;

	client_init(&c, "one", 0);
	quic_wr_init(&w, frames, sizeof(frames));
	for (end = c.len; end; end = at) {
		at = end > 13 ? end - 13 : 0;
		put_piece(&w, &c, at, end + (end < c.len ? 1 : 0));
		quic_wr_u8(&w, QUIC_FRAME_PING);
		quic_wr_u8(&w, QUIC_FRAME_PADDING);
	}
	send_frames(&c, frames, w.p - frames);
	is_from(accept_one(one), &c);
	accept_none(two);
	client_free(&c);
}

/* What is not complete goes nowhere, what comes twice counts once. */
static void incomplete(void)
{
	int one = listener("one");
	struct client c;

	client_init(&c, "one", LONG_HELLO);
	send_part(&c, 3, 4);
	send_part(&c, 0, 4);
	send_part(&c, 0, 4);
	send_part(&c, 3, 4);
	send_part(&c, 2, 4);
	accept_none(one);
	send_part(&c, 1, 4);
	is_from(accept_one(one), &c);
	accept_none(one);
	client_free(&c);
}

static void refused(const char *alpn)
{
	uint64_t before = mib_read("QuicNoAlpn");
	struct client c;

	client_init(&c, alpn, 0);
	send_piece(&c, 0, c.len);
	CHECK_EQ(refusal(&c), NO_PROTOCOL);
	CHECK_EQ(mib_read("QuicNoAlpn") - before, 1);
	client_free(&c);
}

static void taken(int lis, const char *alpn)
{
	struct client c;

	client_init(&c, alpn, 0);
	send_piece(&c, 0, c.len);
	is_from(accept_one(lis), &c);
	client_free(&c);
}

/* RFC 9001 §8.1; names are compared as a whole */
static void no_match(void)
{
	int one = listener("one,h3");

	refused("nine");
	refused("on");
	refused("one,h3");
	refused("onee");
	refused(NULL);
	taken(one, "h3");
}

/*
 * A listener without ALPN takes everybody (TLS will decide), until there is
 * one with on its port: then only who names none.
 */
static void without_alpn(void)
{
	int any = listener(NULL), one;

	taken(any, NULL);
	taken(any, "one");
	one = listener("one");
	taken(any, NULL);
	taken(one, "one");
	refused("two");
	close(one);
	taken(any, "one");
}

/* Equal listeners share; where one goes, the others are asked. */
static void spread(void)
{
	struct client c[64];
	uint64_t before = mib_read("QuicAccepted");
	int lis[3], got[3] = {}, i, k, fd;

	for (k = 0; k < 3; k++)
		lis[k] = listener("same");
	for (i = 0; i < 64; i++) {
		client_init(&c[i], "same", 0);
		send_piece(&c[i], 0, c[i].len);
	}
	mib_wait("QuicAccepted", before + 64);
	for (k = 0; k < 3; k++)
		while ((fd = accept(lis[k], NULL, NULL)) >= 0) {
			got[k]++;
			close(fd);
		}
	CHECK_EQ(got[0] + got[1] + got[2], 64);
	for (k = 0; k < 3; k++)
		if (got[k] < 8)
			FAIL("of 64 clients listener %d got %d", k, got[k]);
	CHECK_OK(listen(lis[0], 0));
	close(lis[1]);
	for (i = 0; i < 8; i++)
		taken(lis[2], "same");
	for (i = 0; i < 64; i++)
		client_free(&c[i]);
}

/* A listener of another process on the port, and one of another address. */
static void processes(void)
{
	int one = listener("one"), ready[2];
	struct client c;
	char ok = 0;
	pid_t pid;

	CHECK_OK(pipe(ready));
	pid = fork();
	if (!pid) {
		int two = listener("two");

		CHECK_EQ(write(ready[1], "x", 1), 1);
		close(accept_one(two));
		CHECK_EQ(write(ready[1], "y", 1), 1);
		pause();
	}
	CHECK_EQ(read(ready[0], &ok, 1), 1);
	taken(one, "one");
	client_init(&c, "two", LONG_HELLO);
	send_part(&c, 1, 4);
	send_part(&c, 3, 4);
	send_part(&c, 0, 4);
	send_part(&c, 2, 4);
	CHECK_EQ(read(ready[0], &ok, 1), 1);
	CHECK_EQ(ok, 'y');
	accept_none(one);
	/* it dies, and its protocol with it */
	kill(pid, SIGKILL);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	refused("two");
	client_free(&c);
}

/* What an accepted socket has of its listener, as that was when the client came. */
static void inherited(void)
{
	struct quic_transport_param tp = { .max_data = 12345, .max_streams_uni = 7,
					   .grease_quic_bit = 1 }, got = {};
	struct quic_config cfg = { .keepalive_probe_interval = 2000000, .stream_data_nodelay = 1,
				   .congestion_control_algo = QUIC_CONG_ALG_CUBIC }, gotc = {};
	struct quic_event_option ev = { .type = QUIC_EVENT_KEY_UPDATE };
	struct conf conf = { .listen_alpn = "mine,yours", .alpn = "yours" };
	socklen_t len = sizeof(got);
	char alpn[64];
	int fd;

	conf.tp[SRV] = tp;
	conf.cfg[SRV] = cfg;
	conf.events[SRV] = 1 << QUIC_EVENT_KEY_UPDATE;
	listener_new(&conf, &p);
	fd = client_new(&conf, &p);
	p.srv = pair_handshake(fd, p.lis, &conf);
	tp.max_data = 99999;
	CHECK_OK(set_opt(p.lis, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp)));
	CHECK_OK(get_opt(p.srv, QUIC_SOCKOPT_TRANSPORT_PARAM, &got, &len));
	CHECK_EQ(got.max_data, 12345);
	CHECK_EQ(got.max_streams_uni, 7);
	CHECK_EQ(got.grease_quic_bit, 1);
	len = sizeof(gotc);
	CHECK_OK(get_opt(p.srv, QUIC_SOCKOPT_CONFIG, &gotc, &len));
	CHECK_EQ(gotc.keepalive_probe_interval, 2000000);
	CHECK_EQ(gotc.stream_data_nodelay, 1);
	CHECK_EQ(gotc.congestion_control_algo, QUIC_CONG_ALG_CUBIC);
	len = sizeof(ev);
	CHECK_OK(get_opt(p.srv, QUIC_SOCKOPT_EVENT, &ev, &len));
	CHECK_EQ(ev.on, 1);
	ev.type = QUIC_EVENT_STREAM_UPDATE;
	CHECK_OK(get_opt(p.srv, QUIC_SOCKOPT_EVENT, &ev, &len));
	CHECK_EQ(ev.on, 0);
	/* the draft: the one that TLS has selected */
	len = sizeof(alpn);
	CHECK_OK(get_opt(p.srv, QUIC_SOCKOPT_ALPN, alpn, &len));
	CHECK_EQ(len, strlen("yours"));
	CHECK(!memcmp(alpn, "yours", len));
}

/* The HANDSHAKE_INFO message: which level a TLS message is of. */
static void handshake_info(void)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(struct quic_handshake_info))];
	} control;
	uint8_t data[4096];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.buf,
			      .msg_controllen = sizeof(control) };
	struct quic_handshake_info info;
	int one = listener(NULL), fd;
	struct cmsghdr *cm;
	struct client c;

	client_init(&c, NULL, 0);
	send_piece(&c, 0, c.len);
	fd = accept_one(one);
	CHECK(sock_poll(fd, POLLIN | POLLPRI, 10000) & POLLPRI);
	/* the draft: without room for it a TLS message is not for recv() */
	CHECK_ERR(recv(fd, data, sizeof(data), 0), EINVAL);
	CHECK_EQ(recvmsg(fd, &msg, 0), c.len);
	CHECK(!memcmp(data, c.hello, c.len));
	cm = CMSG_FIRSTHDR(&msg);
	CHECK(cm && cm->cmsg_level == SOL_QUIC && cm->cmsg_type == QUIC_HANDSHAKE_INFO);
	memcpy(&info, CMSG_DATA(cm), sizeof(info));
	CHECK_EQ(info.crypto_level, QUIC_CRYPTO_INITIAL);
	/* to a level without keys nothing is sent */
	info.crypto_level = QUIC_CRYPTO_HANDSHAKE;
	memcpy(CMSG_DATA(cm), &info, sizeof(info));
	CHECK_ERR(sendmsg(fd, &msg, 0), EINVAL);
	info.crypto_level = QUIC_CRYPTO_EARLY;
	memcpy(CMSG_DATA(cm), &info, sizeof(info));
	CHECK_ERR(sendmsg(fd, &msg, 0), EINVAL);
	client_free(&c);
}

/* A 0-RTT packet of nobody's, or of @c. */
static void send_early(struct client *c, bool stranger)
{
	uint8_t buf[600];
	struct quic_wr w;
	u8 *length;

	get_random_bytes(buf, sizeof(buf));
	if (stranger)
		get_random_bytes(c->dcid.id, c->dcid.len);
	quic_wr_init(&w, buf, sizeof(buf));
	quic_hdr_put_long(&w, QUIC_PKT_0RTT, QUIC_VERSION_V1, &c->dcid, &c->scid, NULL, 0, 5, 4,
			  &length);
	quic_hdr_set_length(length, 4 + sizeof(buf) - (w.p - buf));
	CHECK_EQ(send(c->udp, buf, sizeof(buf), 0), sizeof(buf));
}

/* RFC 9000 §5.2.2: a limited number of 0-RTT packets waits for an Initial, for a while. */
static void early_flood(void)
{
	uint64_t dropped = mib_read("QuicDropUnknown"), nokey;
	int one = listener("one"), fd, i;
	struct client c, mine;

	client_init(&c, "one", 0);
	for (i = 0; i < 500; i++) {
		send_early(&c, true);
		if (i % 50 == 49)
			sleep_ms(10);
	}
	sleep_ms(100);
	CHECK(mib_read("QuicDropUnknown") - dropped >= 400);
	taken(one, "one");
	mib_wait("QuicDropUnknown", dropped + 500);
	/* those of a connection without early keys are kept likewise, and no more of them */
	client_init(&mine, "one", 0);
	for (i = 0; i < 5; i++)
		send_early(&mine, false);
	sleep_ms(50);
	nokey = mib_read("QuicDropNoKey");
	send_piece(&mine, 0, mine.len);
	fd = accept_one(one);
	for (i = 0; i < 200; i++) {
		send_early(&mine, false);
		if (i % 50 == 49)
			sleep_ms(10);
	}
	mib_wait("QuicDropNoKey", nokey + 205 - 32);
	CHECK_EQ(mib_read("QuicDropUnknown") - dropped, 500);
	close(fd);
	client_free(&mine);
	client_free(&c);
}

static const struct test tests[] = {
	{ "any-order", any_order },
	{ "shuffled-frames", shuffled_frames },
	{ "incomplete", incomplete },
	{ "no-match", no_match },
	{ "without-alpn", without_alpn },
	{ "spread", spread },
	{ "processes", processes },
	{ "inherited", inherited },
	{ "handshake-info", handshake_info },
	{ "early-flood", early_flood },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

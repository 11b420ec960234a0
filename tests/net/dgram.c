// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unreliable datagrams (RFC 9221): sizes, flags, errors, what waits and what is
 * dropped, beside streams and events, poll(), and a link that loses some.
 */
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <linux/sockios.h>

#include "lib.h"

#define DGRAM	MSG_QUIC_DATAGRAM
#define NEW	MSG_QUIC_STREAM_NEW
#define FIN	MSG_QUIC_STREAM_FIN
#define LO_MAX	(32768 - 65)	/* loopback: no less than that fits */

static const struct conf both = {
	.tp = { { .max_datagram_frame_size = 65535 }, { .max_datagram_frame_size = 65535 } },
};

static struct pair p;
static uint8_t buf[70000];

static ssize_t send_dgram(int fd, size_t len, uint64_t id)
{
	pattern_fill(buf, len, id, 0);
	return send(fd, buf, len, DGRAM | MSG_NOSIGNAL);
}

/* The next message is a whole datagram of @len bytes of the pattern @id. */
static void recv_dgram(int fd, size_t len, uint64_t id)
{
	uint32_t flags = 0;
	int64_t sid = 99;

	memset(buf, 0xee, sizeof(buf));
	CHECK_EQ(quic_recvmsg(fd, buf, sizeof(buf), &sid, &flags), len);
	CHECK_EQ(flags & (DGRAM | MSG_EOR | FIN | MSG_QUIC_NOTIFICATION), DGRAM | MSG_EOR);
	CHECK_EQ(sid, -1);
	pattern_check(buf, len, id, 0);
}

/* One that says which it is, and the bytes that belong to it; the order is the network's. */
static ssize_t send_numbered(int fd, uint32_t number)
{
	pattern_fill(buf + 4, 996, number, 0);
	memcpy(buf, &number, 4);
	return send(fd, buf, 1000, DGRAM | MSG_NOSIGNAL);
}

static void check_numbered(ssize_t len, bool *seen, uint32_t most)
{
	uint32_t number;

	CHECK_EQ(len, 1000);
	memcpy(&number, buf, 4);
	CHECK(number < most && !seen[number]);
	pattern_check(buf + 4, 996, number, 0);
	seen[number] = true;
}

static void sizes(void)
{
	static const size_t len[] = { 0, 1, 2, 62, 63, 64, 65, 1000, 1100, 1200, 1350, 4096, 9000,
				      16381, 16384, 32000 };
	int i, side, fd[2];

	pair_open(&p, &both);
	fd[CLI] = p.cli;
	fd[SRV] = p.srv;
	for (i = 0; i < ARRAY(len); i++) {
		for (side = 0; side < 2; side++) {
			CHECK_EQ(send_dgram(fd[side], len[i], i), len[i]);
			recv_dgram(fd[!side], len[i], i);
		}
	}
	/* what does not fit into one packet */
	CHECK_EQ(send_dgram(p.cli, LO_MAX, 1), LO_MAX);
	recv_dgram(p.srv, LO_MAX, 1);
	CHECK_ERR(send_dgram(p.cli, 32768, 1), EMSGSIZE);
	CHECK_ERR(send_dgram(p.cli, 65535, 1), EMSGSIZE);
	CHECK_ERR(send_dgram(p.cli, 65536, 1), EMSGSIZE);
	pair_close(&p);
}

/* RFC 9221 §3: what the peer takes bounds the frame, its type included. */
static void peer_limit(void)
{
	struct quic_transport_param tp = { .remote = 1 };
	struct conf c = { .tp[SRV].max_datagram_frame_size = 100 };
	socklen_t len = sizeof(tp);

	pair_open(&p, &c);
	CHECK_OK(get_opt(p.cli, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, &len));
	CHECK_EQ(tp.max_datagram_frame_size, 100);
	CHECK_ERR(send_dgram(p.cli, 100, 1), EMSGSIZE);
	CHECK_EQ(send_dgram(p.cli, 99, 1), 99);
	recv_dgram(p.srv, 99, 1);
	CHECK_EQ(send_dgram(p.cli, 0, 2), 0);
	recv_dgram(p.srv, 0, 2);
	CHECK_ERR(send_dgram(p.srv, 1, 1), EINVAL);	/* the client takes none */
	CHECK_ERR(send_dgram(p.srv, 0, 1), EINVAL);
	pair_close(&p);
	/* the least limit of all: the type alone */
	c.tp[SRV].max_datagram_frame_size = 1;
	pair_open(&p, &c);
	CHECK_ERR(send_dgram(p.cli, 1, 1), EMSGSIZE);
	CHECK_EQ(send_dgram(p.cli, 0, 2), 0);
	recv_dgram(p.srv, 0, 2);
	pair_close(&p);
}

static void wrong_uses(void)
{
	int fd = sock_new(AF_INET, SOCK_STREAM);
	struct conf c = both;

	CHECK_ERR(send_dgram(fd, 1, 1), EPIPE);		/* not connected */
	listener_new(&c, &p);
	CHECK_ERR(send_dgram(p.lis, 1, 1), EPIPE);
	close(fd);
	fd = client_new(&c, &p);
	CHECK_ERR(send_dgram(fd, 1, 1), EINVAL);	/* no keys yet */
	p.cli = fd;
	p.srv = pair_handshake(p.cli, p.lis, &c);
	CHECK_ERR(send(p.cli, buf, 1, DGRAM | FIN), EINVAL);
	CHECK_ERR(send(p.cli, buf, 1, DGRAM | NEW), EINVAL);
	CHECK_ERR(send(p.cli, NULL, 10, DGRAM), EFAULT);
	CHECK_EQ(send_dgram(p.cli, 5, 3), 5);
	CHECK_ERR(recv(p.srv, NULL, 10, 0), EFAULT);	/* and it is still there */
	recv_dgram(p.srv, 5, 3);
	CHECK_OK(close(p.srv));
	CHECK_OK(sock_poll(p.cli, POLLIN, 5000));
	CHECK_ERR(send_dgram(p.cli, 1, 1), EPIPE);
	CHECK_ERR(recv(p.cli, buf, 1, 0), ENOTCONN);
	close(p.cli);
	close(p.lis);
}

/* A buffer that is too small: the rest stays, MSG_EOR comes with its end. */
static void in_pieces(void)
{
	uint32_t flags = MSG_PEEK;

	pair_open(&p, &both);
	CHECK_EQ(send_dgram(p.cli, 100, 1), 100);
	CHECK_EQ(send_dgram(p.cli, 50, 2), 50);
	CHECK_EQ(quic_recvmsg(p.srv, buf, 30, NULL, &flags), 30);
	CHECK_EQ(flags & (DGRAM | MSG_EOR), DGRAM);
	flags = 0;
	CHECK_EQ(quic_recvmsg(p.srv, buf, 30, NULL, &flags), 30);
	CHECK_EQ(flags & (DGRAM | MSG_EOR), DGRAM);
	pattern_check(buf, 30, 1, 0);
	flags = 0;
	CHECK_EQ(quic_recvmsg(p.srv, buf, 300, NULL, &flags), 70);
	CHECK_EQ(flags & (DGRAM | MSG_EOR), DGRAM | MSG_EOR);
	pattern_check(buf, 70, 1, 30);
	CHECK_EQ(read(p.srv, buf, 300), 50);
	pattern_check(buf, 50, 2, 0);
	pair_close(&p);
}

/* Vectors are one datagram; so is what read() and write() see of it. */
static void vectors(void)
{
	struct iovec iov[3] = { { "one", 3 }, { "", 0 }, { " two", 4 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 3 };

	pair_open(&p, &both);
	CHECK_EQ(sendmsg(p.cli, &m, DGRAM), 7);
	CHECK_EQ(sendmsg(p.cli, &m, DGRAM | MSG_MORE), 7);
	CHECK_EQ(sendmsg(p.cli, &m, DGRAM), 7);
	CHECK_EQ(recv(p.srv, buf, 100, 0), 7);
	CHECK(!memcmp(buf, "one two", 7));
	CHECK_EQ(recv(p.srv, buf, 100, 0), 7);
	CHECK_EQ(recv(p.srv, buf, 100, MSG_WAITALL), 7);
	pair_close(&p);
}

/* Events first, then datagrams and streams in turns. */
static void order(void)
{
	struct conf c = both;
	struct quic_stream_update u;
	uint32_t flags;
	int64_t id;
	int i;

	c.events[SRV] = 1 << QUIC_EVENT_STREAM_UPDATE;
	pair_open(&p, &c);
	for (i = 0; i < 3; i++)
		CHECK_EQ(send_dgram(p.cli, 10, i), 10);
	for (i = 0; i < 3; i++)
		send_all(p.cli, i * 4, "data", 4, NEW);
	sleep_ms(200);
	for (i = 0; i < 3; i++)
		event_update(p.srv, i * 4, QUIC_STREAM_RECV_STATE_RECV, &u);
	for (i = 0; i < 3; i++) {
		recv_dgram(p.srv, 10, i);
		flags = 0;
		CHECK_EQ(quic_recvmsg(p.srv, buf, 100, &id, &flags), 4);
		CHECK_EQ(id, i * 4);
		CHECK(!(flags & DGRAM));
	}
	pair_close(&p);
}

/* MSG_WAITALL of a stream ends at a datagram. */
static void wait_all(void)
{
	pair_open(&p, &both);
	send_all(p.cli, 0, "data", 4, NEW);
	CHECK_EQ(sock_poll(p.srv, POLLIN, 5000), POLLIN);
	CHECK_EQ(recv(p.srv, buf, 4, MSG_WAITALL), 4);
	send_all(p.cli, 0, "data", 4, 0);
	CHECK_EQ(send_dgram(p.cli, 10, 1), 10);
	sleep_ms(100);
	recv_dgram(p.srv, 10, 1);
	CHECK_EQ(send_dgram(p.cli, 10, 2), 10);
	sleep_ms(100);
	CHECK_EQ(recv(p.srv, buf, 100, MSG_WAITALL), 4);
	recv_dgram(p.srv, 10, 2);
	pair_close(&p);
}

static void polling(void)
{
	struct conf c = both;
	int n = 0;

	c.nonblock = true;
	pair_open(&p, &c);
	CHECK_EQ(sock_poll(p.srv, POLLIN, 0), 0);
	CHECK_ERR(recv(p.srv, buf, 10, 0), EAGAIN);
	CHECK_EQ(sock_poll(p.cli, POLLOUT, 0), POLLOUT);
	CHECK_EQ(send_dgram(p.cli, 0, 1), 0);		/* an empty one counts */
	CHECK_EQ(sock_poll(p.srv, POLLIN, 5000), POLLIN);
	CHECK_EQ(send_dgram(p.cli, 100, 1), 100);
	sleep_ms(100);
	CHECK_OK(ioctl(p.srv, SIOCINQ, &n));
	CHECK_EQ(n, 100);
	recv_dgram(p.srv, 0, 1);
	recv_dgram(p.srv, 100, 1);
	CHECK_EQ(sock_poll(p.srv, POLLIN, 0), 0);
	pair_close(&p);
}

/* Flow control that blocks streams does not concern datagrams, nor POLLOUT with them. */
static void streams_blocked(void)
{
	struct conf c = both;
	ssize_t n;

	c.nonblock = true;
	c.tp[SRV].max_data = 20000;
	pair_open(&p, &c);
	do {
		n = send(p.cli, buf, 5000, MSG_NOSIGNAL);
	} while (n > 0);
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(sock_poll(p.cli, POLLOUT, 100), 0);
	CHECK_EQ(send_dgram(p.cli, 500, 1), 500);
	CHECK_EQ(sock_poll(p.cli, POLLOUT, 10000), POLLOUT);
	CHECK_EQ(sock_poll(p.srv, POLLIN, 5000), POLLIN);
	recv_dgram(p.srv, 500, 1);
	pair_close(&p);
}

/* A reader that does not read: the newest are dropped, streams and sender go on. */
static void unread(void)
{
	unsigned long i, got = 0, sent = test_scaled(40000, 4000);
	uint64_t dropped = mib_read("QuicDropDatagram"), end;
	struct conf c = both;
	int size = 200000;
	ssize_t n;

	listener_new(&c, &p);
	CHECK_OK(setsockopt(p.lis, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)));
	p.cli = client_new(&c, &p);
	p.srv = pair_handshake(p.cli, p.lis, &c);
	for (i = 0; i < sent; i++)
		CHECK_EQ(send_dgram(p.cli, 1000, i), 1000);
	send_all(p.cli, 0, "stream", 6, NEW | FIN);
	for (end = now_ms() + 15000; mib_read("QuicDropDatagram") <= dropped; sleep_ms(10))
		CHECK(now_ms() < end);
	sleep_ms(300);
	sock_nonblock(p.srv, true);
	for (;;) {
		uint32_t flags = 0;
		int64_t id = -1;

		n = quic_recvmsg(p.srv, buf, sizeof(buf), &id, &flags);
		if (n < 0)
			break;
		if (id == 0)
			CHECK(n == 6 && flags & FIN);
		else
			CHECK_EQ(n, 1000);
		got += id != 0;
	}
	CHECK_EQ(errno, EAGAIN);
	CHECK(got > 50 && got < sent);
	CHECK_EQ(send_dgram(p.cli, 10, 1), 10);		/* there is room again */
	CHECK_EQ(sock_poll(p.srv, POLLIN, 5000), POLLIN);
	recv_dgram(p.srv, 10, 1);
	pair_close(&p);
}

/* A full send buffer: EAGAIN, SO_SNDTIMEO, and then it goes on. */
static void send_buffer(void)
{
	struct conf c = {
		.addr = "10.0.0.2", .ns = { "client", "server" },
		.tp = { { .max_datagram_frame_size = 1500 }, { .max_datagram_frame_size = 1500 } },
	};
	int size = 20000, n = 0, queued = 0;
	static bool seen[1001];
	uint64_t begin;

	pair_open(&p, &c);
	test_shell("tc -n client qdisc replace dev c0 root netem limit 1000 delay 500ms");
	CHECK_OK(setsockopt(p.cli, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)));
	sock_nonblock(p.cli, true);
	while (send_numbered(p.cli, n) == 1000 && n < 1000)
		n++;
	CHECK_EQ(errno, EAGAIN);
	CHECK(n > 10 && n < 1000);
	sock_nonblock(p.cli, false);
	sock_timeout(p.cli, SO_SNDTIMEO, 50);
	begin = now_ms();
	CHECK_ERR(send_dgram(p.cli, 1000, 0), EAGAIN);
	CHECK(now_ms() - begin >= 40);
	sock_timeout(p.cli, SO_SNDTIMEO, 0);
	sock_nonblock(p.cli, true);
	CHECK_OK(ioctl(p.cli, SIOCOUTQNSD, &queued));
	CHECK(queued >= 10000);
	CHECK_EQ(sock_poll(p.cli, POLLOUT, 0), 0);
	CHECK_EQ(sock_poll(p.cli, POLLOUT, 5000), POLLOUT);
	while (send_numbered(p.cli, n) == 1000 && n < 1000)
		n++;
	sock_nonblock(p.cli, false);
	CHECK_EQ(send_numbered(p.cli, n++), 1000);	/* waits */
	/* those queued at close() still go */
	CHECK_OK(close(p.cli));
	for (queued = 0; queued < n; queued++)
		check_numbered(recv(p.srv, buf, sizeof(buf), 0), seen, n);
	CHECK_ERR(recv(p.srv, buf, 10, 0), ENOTCONN);
	test_shell("tc -n client qdisc del dev c0 root");
	close(p.srv);
	close(p.lis);
}

/* What arrives over a link that loses a third is whole, and comes once; the rest is not repeated. */
static void lossy(void)
{
	struct conf c = {
		.addr = "10.0.0.2", .ns = { "client", "server" },
		.tp = { { .max_datagram_frame_size = 65535 }, { .max_datagram_frame_size = 65535 } },
	};
	unsigned int i, n = 500, got = 0, stream = 0;
	static bool seen[500];
	uint32_t flags;
	ssize_t len;

	pair_open(&p, &c);
	test_shell("tc -n client qdisc replace dev c0 root netem limit 1000 loss 33%% delay 1ms");
	CHECK_ERR(send_dgram(p.cli, 1500, 1), EMSGSIZE);
	for (i = 0; i < n; i++) {
		CHECK_EQ(send_numbered(p.cli, i), 1000);
		if (i % 10 == 9)
			send_all(p.cli, 0, "reliable..", 10, i == 9 ? NEW : 0);
		sleep_ms(1);
	}
	sock_timeout(p.srv, SO_RCVTIMEO, 5000);
	for (;;) {
		flags = 0;
		len = quic_recvmsg(p.srv, buf, 1000, NULL, &flags);
		if (len < 0)
			break;
		if (!(flags & DGRAM)) {
			stream += len;
			continue;
		}
		check_numbered(len, seen, n);
		got++;
	}
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(stream, n);		/* all of it: 10 bytes for every 10 datagrams */
	CHECK(got > n / 4 && got < n);
	test_shell("tc -n client qdisc del dev c0 root");
	pair_close(&p);
}

static const struct test tests[] = {
	{ "sizes", sizes },
	{ "peer-limit", peer_limit },
	{ "wrong-uses", wrong_uses },
	{ "in-pieces", in_pieces },
	{ "vectors", vectors },
	{ "order", order },
	{ "wait-all", wait_all },
	{ "polling", polling },
	{ "streams-blocked", streams_blocked },
	{ "unread", unread, 60 },
	{ "send-buffer", send_buffer },
	{ "lossy-link", lossy, 60 },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Waiting and not waiting: full buffers and flow control both ways, blocking
 * and non-blocking, timeouts, poll, select and epoll masks, queue lengths.
 */
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>

#include "lib.h"

#define NEW	MSG_QUIC_STREAM_NEW
#define FIN	MSG_QUIC_STREAM_FIN

static struct pair p;
static uint8_t block[16 * KIB];

/* Write until the socket takes no more: how much, and errno of the refusal. */
static uint64_t fill_up(int fd, int64_t id, int *err)
{
	uint64_t off = 0;
	ssize_t n;

	for (;;) {
		pattern_fill(block, sizeof(block), 0, off);
		n = id < 0 ? send(fd, block, sizeof(block), MSG_DONTWAIT) :
			     quic_sendmsg(fd, block, sizeof(block), id, MSG_DONTWAIT);
		if (n < 0)
			break;
		CHECK(n > 0);
		off += n;
		CHECK(off < 256 * MIB);		/* there is a limit at all */
	}
	*err = errno;
	return off;
}

/* Fill until there is no room for a while: ACKs make some again. */
static uint64_t fill_settled(int fd, int *err)
{
	uint64_t off = 0;
	ssize_t k;

	while (sock_poll(fd, POLLOUT, 1000) & POLLOUT) {
		pattern_fill(block, sizeof(block), 0, off);
		k = send(fd, block, sizeof(block), MSG_DONTWAIT);
		if (k < 0)
			CHECK_EQ(errno, EAGAIN);
		else
			off += k;
	}
	*err = send(fd, block, 1, MSG_DONTWAIT) < 0 ? errno : 0;
	return off;
}

static void drain(int fd, uint64_t len)
{
	recv_pattern(fd, 0, len, false);
	CHECK_ERR(recv(fd, block, 1, MSG_DONTWAIT), EAGAIN);
}

static void backpressure(int from, int to)
{
	uint64_t n;
	int err;

	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	if (from == p.srv) {
		send_all(p.cli, 0, "x", 1, 0);
		recv_all(p.srv, 0, block, 1, false);
	}
	n = fill_settled(from, &err);
	CHECK_EQ(err, EAGAIN);
	CHECK(n >= 64 * KIB);
	CHECK(!(sock_poll(from, POLLOUT, 0) & POLLOUT));
	drain(to, n);
	CHECK(sock_poll(from, POLLOUT, 10000) & POLLOUT);
	CHECK_OK(send(from, "more", 4, MSG_DONTWAIT));
	recv_all(to, 0, block, 4, false);
	pair_close(&p);
}

static void backpressure_client(void)
{
	pair_open(&p, NULL);
	backpressure(p.cli, p.srv);
}

static void backpressure_server(void)
{
	pair_open(&p, NULL);
	backpressure(p.srv, p.cli);
}

/* A client whose first stream takes no more: the bytes that it took, @least or some more. */
static uint64_t open_and_fill(const struct conf *c, uint64_t least)
{
	uint64_t n;
	int err;

	pair_open(&p, c);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	n = fill_up(p.cli, 0, &err);
	CHECK_EQ(err, ENOSPC);
	CHECK(n >= least);
	return n;
}

/* Blocked by the stream's window: ENOSPC with a stream named, EAGAIN without. */
static void flow_control_errno(void)
{
	struct conf c = { .tp[SRV] = { .max_stream_data_bidi_remote = 20000 } };
	int err;

	open_and_fill(&c, 20000);
	fill_up(p.cli, -1, &err);
	CHECK_EQ(err, EAGAIN);
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, 0, MSG_DONTWAIT | MSG_QUIC_STREAM_SNDBLOCK), ENOSPC);
	/* another stream is not blocked */
	CHECK_EQ(quic_sendmsg(p.cli, "x", 1, 4, NEW | MSG_DONTWAIT), 1);
	recv_all(p.srv, 0, block, 100, false);
	pair_close(&p);
}

static void flow_control_connection(void)
{
	struct conf c = { .tp[SRV] = { .max_data = 30000 } };
	uint64_t n = open_and_fill(&c, 30000);

	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, 4, NEW | MSG_DONTWAIT), ENOSPC);
	sleep_ms(50);
	recv_pattern(p.srv, 0, n, false);	/* and all of it comes */
	pair_close(&p);
}

static void nothing(int sig)
{
	(void)sig;
}

/* A send that fails opens no stream, however it fails and however often it is tried. */
static void failed_send_opens_none(void)
{
	struct conf c = { .tp[SRV] = { .max_data = 30000 } };
	struct sigaction sa = { .sa_handler = nothing };
	uint8_t *big = calloc(1, 64 * MIB);
	uint64_t n;
	int err, i;

	pair_open(&p, &c);
	CHECK_ERR(quic_sendmsg(p.cli, (void *)8, 10, -1, NEW), EFAULT);
	CHECK_EQ(quic_sendmsg(p.cli, block, 1, -1, NEW), 1);
	n = fill_up(p.cli, 0, &err) + 1;
	CHECK_EQ(err, ENOSPC);
	for (i = 0; i < 200; i++) {	/* more than the peer allows */
		CHECK(quic_sendmsg(p.cli, "x", 1, -1, NEW | MSG_DONTWAIT) < 0);
		CHECK(errno == EAGAIN || errno == ENOSPC);
		CHECK(quic_sendmsg(p.cli, "x", 1, 40, NEW | MSG_DONTWAIT) < 0);
		CHECK_EQ(errno, ENOSPC);
	}
	/* interrupted while it waits, with a handler that does not restart it */
	sock_timeout(p.cli, SO_SNDTIMEO, 200);
	n += CHECK_OK(quic_sendmsg(p.cli, big, 64 * MIB, 0, 0));	/* until the buffer is full */
	CHECK_OK(sigaction(SIGALRM, &sa, NULL));
	sock_timeout(p.cli, SO_SNDTIMEO, 20000);
	ualarm(100000, 100000);		/* the first may come too early */
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, -1, NEW), EINTR);
	ualarm(0, 0);
	CHECK_ERR(send(p.cli, "x", 1, MSG_DONTWAIT), EAGAIN);	/* stream 0 is still the active one */
	CHECK_EQ(stream_open(p.cli, -1, MSG_QUIC_STREAM_DONTWAIT), 4);
	while (n) {	/* all of it, the last bytes before the time was over, too */
		err = CHECK_OK(recv(p.srv, block, sizeof(block), 0));
		n -= (uint64_t)err < n ? (uint64_t)err : n;
	}
	pair_close(&p);
	free(big);
}

static void *slow_drain(void *arg)
{
	uint64_t off = 0, want = (uintptr_t)arg;
	static uint8_t buf[32 * KIB];
	ssize_t n;

	sleep_ms(200);
	while (off < want) {
		n = CHECK_OK(recv(p.srv, buf, sizeof(buf), 0));
		pattern_check(buf, n, 0, off);
		off += n;
	}
	return NULL;
}

static void blocking_write(void)
{
	uint64_t want = 8 * MIB;
	uint64_t begin = now_ms();
	uint8_t *big = malloc(want);
	pthread_t t;

	pair_open(&p, NULL);
	pattern_fill(big, want, 0, 0);
	CHECK_EQ(pthread_create(&t, NULL, slow_drain, (void *)(uintptr_t)want), 0);
	CHECK_EQ(send(p.cli, big, want, 0), want);	/* a blocking send sends all */
	CHECK(now_ms() - begin >= 190);
	pthread_join(t, NULL);
	pair_close(&p);
}

static void send_timeout(void)
{
	uint64_t begin, n;
	uint8_t *big = calloc(1, 64 * MIB);
	ssize_t got;
	int err;

	pair_open(&p, NULL);
	sock_timeout(p.cli, SO_SNDTIMEO, 300);
	begin = now_ms();
	got = send(p.cli, big, 64 * MIB, 0);	/* the partial count wins */
	CHECK(got > 0 && got < (ssize_t)(64 * MIB));
	CHECK(now_ms() - begin >= 290);
	begin = now_ms();
	CHECK_ERR(send(p.cli, big, 1, 0), EAGAIN);
	n = now_ms() - begin;
	CHECK(n >= 290 && n < 15000);
	fill_up(p.cli, -1, &err);
	CHECK_EQ(err, EAGAIN);
	pair_close(&p);
}

static void receive_timeout(void)
{
	uint64_t begin, took;
	char c;

	pair_open(&p, NULL);
	sock_timeout(p.cli, SO_RCVTIMEO, 250);
	begin = now_ms();
	CHECK_ERR(recv(p.cli, &c, 1, 0), EAGAIN);
	took = now_ms() - begin;
	CHECK(took >= 240 && took < 15000);
	sock_timeout(p.cli, SO_RCVTIMEO, 20000);
	begin = now_ms();
	CHECK_ERR(recv(p.cli, &c, 1, MSG_DONTWAIT), EAGAIN);
	sock_nonblock(p.cli, true);
	CHECK_ERR(recv(p.cli, &c, 1, 0), EAGAIN);
	CHECK(now_ms() - begin < 15000);
	sock_timeout(p.lis, SO_RCVTIMEO, 250);
	begin = now_ms();
	CHECK_ERR(accept(p.lis, NULL, NULL), EAGAIN);
	CHECK(now_ms() - begin >= 240);
	pair_close(&p);
}

/* ---- masks ---- */

#define ALL	(POLLIN | POLLOUT | POLLRDHUP | POLLPRI)

static void poll_states(void)
{
	struct conf c = {};
	int fd = sock_new(AF_INET, SOCK_STREAM);

	CHECK(sock_poll(fd, ALL, 0) & POLLHUP);
	CHECK(!(sock_poll(fd, ALL, 0) & POLLOUT));
	listener_new(&c, &p);
	CHECK_EQ(sock_poll(p.lis, ALL, 0), 0);
	p.cli = client_new(&c, &p);
	CHECK(!(sock_poll(p.cli, ALL, 0) & (POLLHUP | POLLIN | POLLERR)));
	CHECK_EQ(sock_poll(p.lis, ALL, 50), 0);		/* connect() sends nothing */
	p.srv = pair_handshake(p.cli, p.lis, &c);
	CHECK_EQ(sock_poll(p.lis, ALL, 0), 0);
	CHECK_EQ(sock_poll(p.cli, ALL, 0), POLLOUT);
	CHECK_EQ(sock_poll(p.srv, ALL, 0), POLLOUT);
	send_all(p.cli, 0, "x", 1, NEW | FIN);
	CHECK_EQ(sock_poll(p.srv, ALL & ~POLLOUT, 10000), POLLIN);
	CHECK_EQ(sock_poll(p.srv, ALL, 0), POLLIN | POLLOUT);
	recv_all(p.srv, 0, block, 1, true);
	CHECK_EQ(sock_poll(p.srv, ALL, 0), POLLOUT);
	send_all(p.srv, 0, NULL, 0, FIN);
	CHECK_EQ(sock_poll(p.cli, POLLIN, 10000), POLLIN);	/* an end is readable */
	recv_all(p.cli, 0, block, 0, true);
	CHECK_EQ(sock_poll(p.cli, ALL, 0), POLLOUT);
	close(p.cli);
	CHECK(sock_poll(p.srv, 0, 10000) & POLLHUP);
	CHECK(sock_poll(p.srv, ALL, 0) & POLLIN);
	CHECK(sock_poll(p.srv, ALL, 0) & POLLRDHUP);
	CHECK(!(sock_poll(p.srv, ALL, 0) & POLLOUT));
	CHECK_ERR(recv(p.srv, block, 1, 0), ENOTCONN);
}

static void poll_pending(void)
{
	struct conf c = {};
	pid_t pid;

	listener_new(&c, &p);
	pid = fork();
	if (!pid) {
		p.cli = client_new(&c, &p);
		client_handshake(p.cli, &c);
		recv(p.cli, block, 1, 0);	/* until the server closes */
		_exit(0);
	}
	CHECK_EQ(sock_poll(p.lis, ALL, 5000), POLLIN);
	CHECK_EQ(sock_poll(p.lis, ALL, 0), POLLIN);
	p.srv = CHECK_OK(accept(p.lis, NULL, NULL));
	CHECK_EQ(sock_poll(p.srv, POLLIN, 10000), POLLIN);	/* the ClientHello */
	CHECK_EQ(server_handshake(p.srv, &c), 0);
	CHECK_EQ(sock_poll(p.lis, ALL, 0), 0);
}

static void select_call(void)
{
	struct timeval tv = { 10, 0 }, zero = {};
	fd_set r, w;

	pair_open(&p, NULL);
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(p.srv, &r);
	FD_SET(p.cli, &w);
	CHECK_EQ(select(100, &r, &w, NULL, &zero), 1);
	CHECK(FD_ISSET(p.cli, &w) && !FD_ISSET(p.srv, &r));
	send_all(p.cli, 0, "x", 1, NEW);
	FD_ZERO(&r);
	FD_SET(p.srv, &r);
	CHECK_EQ(select(100, &r, NULL, NULL, &tv), 1);
	CHECK(FD_ISSET(p.srv, &r));
	pair_close(&p);
}

static uint32_t epoll_one(int ep, int ms)
{
	struct epoll_event ev = {};

	return CHECK_OK(epoll_wait(ep, &ev, 1, ms)) ? ev.events : 0;
}

/* Edges: each arrival is one, and room after a refusal is one. */
static void epoll_edges(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
	int ep = CHECK_OK(epoll_create1(0)), err, i;
	uint64_t n;

	pair_open(&p, NULL);
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, p.srv, &ev));
	CHECK_EQ(epoll_one(ep, 0), 0);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	for (i = 0; i < 5; i++) {
		send_all(p.cli, 0, "x", 1, 0);
		CHECK_EQ(epoll_one(ep, 10000), EPOLLIN);
		CHECK_EQ(epoll_one(ep, 0), 0);
		recv_all(p.srv, 0, block, 1, false);
	}
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_DEL, p.srv, NULL));
	n = fill_settled(p.cli, &err);
	ev.events = EPOLLOUT | EPOLLET;
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, p.cli, &ev));
	CHECK_ERR(send(p.cli, block, sizeof(block), MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(epoll_one(ep, 0), 0);
	recv_pattern(p.srv, 0, n, false);
	CHECK(epoll_one(ep, 10000) & EPOLLOUT);
	CHECK_OK(send(p.cli, "x", 1, MSG_DONTWAIT));
	pair_close(&p);
}

static void *waker(void *arg)
{
	sleep_ms(200);
	send_all(p.cli, 0, arg, strlen(arg), NEW);
	return NULL;
}

/* Sleepers of every kind are woken. */
static void wake_ups(void)
{
	uint64_t begin;
	pthread_t t;

	pair_open(&p, NULL);
	begin = now_ms();
	CHECK_EQ(pthread_create(&t, NULL, waker, "wake"), 0);
	CHECK_EQ(sock_poll(p.srv, POLLIN, 25000), POLLIN);
	CHECK(now_ms() - begin < 15000);
	pthread_join(t, NULL);
	recv_all(p.srv, 0, block, 4, false);
	pair_close(&p);
}

/* ---- queue lengths ---- */

static int queue(int fd, int cmd)
{
	int v = -1;

	CHECK_OK(ioctl(fd, cmd, &v));
	return v;
}

static void queue_lengths(void)
{
	uint64_t n, end;
	int err, v;

	pair_open(&p, NULL);
	CHECK_EQ(queue(p.srv, SIOCINQ), 0);
	CHECK_EQ(queue(p.cli, SIOCOUTQ), 0);
	send_all(p.cli, 0, "twelve bytes", 12, NEW);
	sock_poll(p.srv, POLLIN, 10000);
	CHECK_EQ(queue(p.srv, SIOCINQ), 12);
	for (end = now_ms() + 15000; queue(p.cli, SIOCOUTQ) && now_ms() < end; )
		sleep_ms(10);
	CHECK_EQ(queue(p.cli, SIOCOUTQ), 0);		/* acknowledged */
	recv_all(p.srv, 0, block, 5, false);
	CHECK_EQ(queue(p.srv, SIOCINQ), 7);
	recv_all(p.srv, 0, block, 7, false);
	n = fill_up(p.cli, -1, &err);
	CHECK(n > 0);
	sleep_ms(300);
	CHECK(queue(p.cli, SIOCOUTQ) > 0);
	CHECK(queue(p.cli, SIOCOUTQNSD) <= queue(p.cli, SIOCOUTQ));
	CHECK(queue(p.srv, SIOCINQ) > 0);
	CHECK(ioctl(p.cli, 0x8999, &v) < 0);
	CHECK(ioctl(p.lis, SIOCINQ, &v) < 0);
	pair_close(&p);
}

/* A reader that stops, with more than the receive buffer: nothing is lost. */
static void small_buffers(void)
{
	int v = 16 * KIB, err;
	uint64_t n;

	pair_open(&p, NULL);
	CHECK_OK(setsockopt(p.srv, SOL_SOCKET, SO_RCVBUF, &v, sizeof(v)));
	CHECK_OK(setsockopt(p.cli, SOL_SOCKET, SO_SNDBUF, &v, sizeof(v)));
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	n = fill_settled(p.cli, &err);
	CHECK(n > 0);
	recv_pattern(p.srv, 0, n, false);
	pair_close(&p);
}

static uint32_t receive_memory(int fd)
{
	uint32_t mem[SK_MEMINFO_VARS];
	socklen_t len = sizeof(mem);

	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_MEMINFO, mem, &len));
	return mem[SK_MEMINFO_RMEM_ALLOC];
}

/* What a datagram holds that is read where it lies is little more than itself. */
static void lone_datagram(void)
{
	struct conf c = {
		.tp = { { .disable_1rtt_encryption = 1 }, { .disable_1rtt_encryption = 1 } },
	};
	uint32_t held;

	pair_open(&p, &c);
	while (receive_memory(p.srv))	/* the handshake's, until its last ACK is there */
		sleep_ms(5);
	send_pattern(p.cli, 0, 600, MSG_QUIC_STREAM_NEW);
	CHECK(sock_poll(p.srv, POLLIN, 10000) & POLLIN);
	held = receive_memory(p.srv);
	CHECK(held >= 600);
	if (held > 4 * KIB)
		FAIL("%u bytes for 600", held);
	recv_pattern(p.srv, 0, 600, false);
	pair_close(&p);
}

/* SO_MAX_PACING_RATE holds for what is sent, in the middle of a connection, too. */
static void pacing_rate(void)
{
	const uint64_t len = 3 * MIB;
	unsigned int rate = 1 * MIB;
	uint8_t *big = malloc(len);
	uint64_t begin;
	pthread_t t;

	pair_open(&p, NULL);
	pattern_fill(big, len, 0, 0);
	CHECK_EQ(pthread_create(&t, NULL, slow_drain, (void *)(uintptr_t)len), 0);
	CHECK_OK(setsockopt(p.cli, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)));
	begin = now_ms();
	CHECK_EQ(send(p.cli, big, len, 0), len);
	pthread_join(t, NULL);
	CHECK(now_ms() - begin >= 2500);
	pair_close(&p);
	free(big);
}

static const struct test tests[] = {
	{ "backpressure-client", backpressure_client },
	{ "backpressure-server", backpressure_server },
	{ "flow-control-errno", flow_control_errno },
	{ "flow-control-connection", flow_control_connection },
	{ "failed-send-opens-none", failed_send_opens_none, 60 },
	{ "blocking-write", blocking_write, 60 },
	{ "send-timeout", send_timeout },
	{ "receive-timeout", receive_timeout },
	{ "poll-states", poll_states },
	{ "poll-pending", poll_pending },
	{ "select", select_call },
	{ "epoll-edges", epoll_edges },
	{ "wake-ups", wake_ups },
	{ "queue-lengths", queue_lengths },
	{ "small-buffers", small_buffers },
	{ "lone-datagram", lone_datagram },
	{ "pacing-rate", pacing_rate, 60 },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Across the two namespaces "client" and "server" (tests/vm/topology): a link
 * with loss, delay, reordering and corruption, one that goes away, and
 * namespaces that go away.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/wait.h>

#include "lib.h"

#define NEW	MSG_QUIC_STREAM_NEW
#define FIN	MSG_QUIC_STREAM_FIN

static const struct conf across = {
	.addr = "10.0.0.2", .ns = { "client", "server" },
};

static struct pair p;
static char buf[64];

static void netem(const char *args)
{
	test_shell("tc -n client qdisc replace dev c0 root netem limit 10000 %s", args);
	test_shell("tc -n server qdisc replace dev s0 root netem limit 10000 %s", args);
}

static void netem_off(void)
{
	test_shell("tc -n client qdisc del dev c0 root 2>/dev/null; "
		   "tc -n server qdisc del dev s0 root 2>/dev/null; true");
}

static void ping_pong(int64_t id)
{
	send_all(p.cli, id, "ping", 4, NEW | FIN);
	recv_all(p.srv, id, buf, 4, true);
	send_all(p.srv, id, "pong", 4, FIN);
	recv_all(p.cli, id, buf, 4, true);
}

static void plain_link(void)
{
	pair_open(&p, &across);
	ping_pong(0);
	pair_close(&p);
}

static void ipv6_link(void)
{
	struct conf c = across;

	c.family = AF_INET6;
	c.addr = "fd00::2";
	pair_open(&p, &c);
	ping_pong(0);
	pair_close(&p);
}

/* The same port twice, in two namespaces; each client finds its own server. */
static void separate(void)
{
	struct conf c = { .addr = "127.0.0.1", .ns = { "client", "client" } };
	struct conf d = { .addr = "127.0.0.1", .ns = { "server", "server" } };
	struct sockaddr_storage ss;
	struct pair q;

	pair_open(&p, &c);
	enter_ns("server");
	q.lis = sock_new(AF_INET, SOCK_STREAM);
	enter_ns(NULL);
	q.addrlen = sock_addr(&ss, AF_INET, NULL, sock_port(&p.addr));
	q.addr = ss;
	CHECK_OK(bind(q.lis, (struct sockaddr *)&ss, q.addrlen));
	CHECK_OK(listen(q.lis, 1));
	q.cli = client_new(&d, &q);
	q.srv = pair_handshake(q.cli, q.lis, &d);
	send_all(q.cli, 0, "q", 1, NEW);
	recv_all(q.srv, 0, buf, 1, false);
	CHECK_EQ(buf[0], 'q');
	ping_pong(0);
	pair_close(&q);
	pair_close(&p);
}

/* ---- bad links ---- */

static uint64_t bytes;

static void sink(int fd)
{
	recv_pattern(fd, 0, bytes, true);
	send_all(fd, 0, "done", 4, FIN);
	recv(fd, buf, 1, 0);
}

static void transfer_over(const char *link, uint64_t n)
{
	struct conf c = across;
	struct server s;
	uint64_t begin;
	int fd;

	bytes = n;
	/* ten probes lost in a row, each after twice the time, are not the end */
	c.tp[CLI].max_idle_timeout = c.tp[SRV].max_idle_timeout = 120000000;
	netem(link);
	server_start(&s, &c, 1, sink);
	fd = server_connect(&s, &c);
	begin = now_ms();
	CHECK_EQ(stream_open(fd, -1, 0), 0);
	send_pattern(fd, 0, n, FIN);
	recv_all(fd, 0, buf, 4, true);
	printf("  %llu KiB over \"%s\" in %.1f s\n", (unsigned long long)n / KIB, link,
	       (now_ms() - begin) / 1000.0);
	close(fd);
	netem_off();
	kill(s.pid, SIGKILL);	/* its CLOSE may have been lost */
	waitpid(s.pid, NULL, 0);
}

static void loss_30(void)
{
	transfer_over("loss 30% delay 2ms", test_scaled(96 * KIB, 96 * KIB));
}

static void loss_5(void)
{
	transfer_over("loss 5% delay 5ms", test_scaled(4 * MIB, 512 * KIB));
}

static void reordered(void)
{
	transfer_over("delay 5ms 3ms reorder 30%", test_scaled(4 * MIB, 512 * KIB));
}

static void duplicated(void)
{
	transfer_over("duplicate 30% delay 1ms", test_scaled(4 * MIB, 512 * KIB));
}

static void corrupted(void)
{
	transfer_over("corrupt 5% delay 1ms", test_scaled(4 * MIB, 512 * KIB));
}

/* A router that marks instead of dropping (RFC 9000 §13.4): hardly anything is sent again. */
static void marked(void)
{
	uint64_t before, again;

	enter_ns("client");
	before = mib_read("QuicFramesAgain");
	enter_ns(NULL);
	transfer_over("loss 5% ecn delay 5ms", test_scaled(2 * MIB, 512 * KIB));
	enter_ns("client");
	again = mib_read("QuicFramesAgain") - before;
	enter_ns(NULL);
	/* of more than 400 packets 20 would be lost; a few leave before the path is validated */
	CHECK(again < 8);
}

/* What a datagram of the client's looks like on the way: ECT(0), in both families */
static void marks(void)
{
	struct sockaddr_storage ss;
	int one = 1, i, fd, udp;
	char data[2048], ctl[64];
	socklen_t len;

	for (i = 0; i < 2; i++) {
		struct iovec iov = { data, sizeof(data) };
		struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl,
				      .msg_controllen = sizeof(ctl) };
		struct conf c = { .family = i ? AF_INET6 : AF_INET };
		struct cmsghdr *cm;

		len = sock_addr(&ss, c.family, i ? "::1" : "127.0.0.1", 0);
		udp = CHECK_OK(socket(c.family, SOCK_DGRAM, 0));
		CHECK_OK(bind(udp, (struct sockaddr *)&ss, len));
		CHECK_OK(i ? setsockopt(udp, SOL_IPV6, IPV6_RECVTCLASS, &one, sizeof(one)) :
			     setsockopt(udp, SOL_IP, IP_RECVTOS, &one, sizeof(one)));
		CHECK_OK(getsockname(udp, (struct sockaddr *)&p.addr, &len));
		p.addrlen = len;
		p.cli = client_new(&c, &p);
		if (!fork()) {
			client_handshake(p.cli, &c);
			_exit(0);
		}
		CHECK(sock_poll(udp, POLLIN, 5000) & POLLIN);
		CHECK_OK(recvmsg(udp, &msg, 0));
		cm = CMSG_FIRSTHDR(&msg);
		CHECK(cm);
		CHECK_EQ(*(uint8_t *)CMSG_DATA(cm) & 3, 2);
		fd = p.cli;
		close(fd);
		close(udp);
	}
}

static void slow_link(void)
{
	transfer_over("rate 10mbit delay 20ms", test_scaled(4 * MIB, 512 * KIB));
}

static void handshakes_with_loss(void)
{
	unsigned long i, n = test_scaled(20, 5);
	struct server s;
	int fd;

	netem("loss 20% delay 3ms");
	server_start(&s, &across, n, echo_serve);
	for (i = 0; i < n; i++) {
		fd = server_connect(&s, &across);
		send_all(fd, 0, "hello", 5, NEW | FIN);
		recv_all(fd, 0, buf, 5, true);
		shutdown(fd, SHUT_WR);
		sleep_ms(5);
		CHECK_OK(shutdown(fd, SHUT_WR));	/* again, in case it was lost */
		sleep_ms(5);
		shutdown(fd, SHUT_WR);
		close(fd);
	}
	netem_off();
	kill(s.pid, SIGKILL);
	waitpid(s.pid, NULL, 0);
}

/* ---- silence ---- */

/* The network is gone without a word: both ends find out by themselves. */
static void link_gone(void)
{
	struct conf c = across;
	uint64_t begin;

	c.tp[CLI].max_idle_timeout = 2000000;
	pair_open(&p, &c);
	ping_pong(0);
	test_shell("ip -n client link set c0 down");
	begin = now_ms();
	send_all(p.cli, 4, "lost", 4, NEW);
	CHECK_ERR(recv(p.cli, buf, 1, 0), ETIMEDOUT);
	CHECK(now_ms() - begin < 12000);
	CHECK_ERR(recv(p.cli, buf, 1, 0), ENOTCONN);
	CHECK_ERR(recv(p.srv, buf, 1, 0), ETIMEDOUT);
	CHECK_ERR(send(p.srv, "x", 1, MSG_NOSIGNAL), EPIPE);
	test_shell("ip -n client link set c0 up");
	pair_close(&p);
}

/* Away for a while: the transfer goes on where it stopped. */
static void link_pauses(void)
{
	struct server s;
	uint8_t part[32 * KIB];
	uint64_t off;
	int fd, i;

	bytes = 32 * sizeof(part);
	netem("delay 1ms");
	server_start(&s, &across, 1, sink);
	fd = server_connect(&s, &across);
	CHECK_EQ(stream_open(fd, -1, 0), 0);
	for (i = 0, off = 0; i < 32; i++, off += sizeof(part)) {
		if (i == 10 || i == 20)
			netem("loss 100%");
		pattern_fill(part, sizeof(part), 0, off);
		send_all(fd, 0, part, sizeof(part), i == 31 ? FIN : 0);
		if (i == 10 || i == 20) {
			sleep_ms(1500);
			netem("delay 1ms");
		}
	}
	recv_all(fd, 0, buf, 4, true);
	close(fd);
	netem_off();
	server_wait(&s);
}

/* The peer's host forgets all (its namespace dies): no reset comes, time ends it. */
static void namespace_gone(void)
{
	struct conf c = across;

	test_shell("ip netns add gone && ip link add g0 netns client type veth "
		   "peer name g1 netns gone && "
		   "ip -n client addr add 10.9.0.1/24 dev g0 && ip -n gone addr add 10.9.0.2/24 dev g1 && "
		   "ip -n client link set g0 up && ip -n gone link set g1 up && ip -n gone link set lo up");
	c.addr = "10.9.0.2";
	c.ns[SRV] = "gone";
	c.tp[CLI].max_idle_timeout = 1500000;
	pair_open(&p, &c);
	ping_pong(0);
	test_shell("ip netns del gone");	/* our sockets keep it */
	ping_pong(4);
	close(p.srv);
	close(p.lis);
	recv(p.cli, buf, 1, 0);
	CHECK(errno == ENOTCONN || errno == ETIMEDOUT);
	close(p.cli);
}

/* A smaller link is found at last, even though ICMP is all that says so. */
static void small_mtu(void)
{
	test_shell("ip -n client link set c0 mtu 1280 && ip -n server link set s0 mtu 1280");
	transfer_over("delay 1ms", 256 * KIB);
	test_shell("ip -n client link set c0 mtu 1500 && ip -n server link set s0 mtu 1500");
}

static void mtu_shrinks(void)
{
	struct server s;
	int fd;

	bytes = 512 * KIB;
	server_start(&s, &across, 1, sink);
	fd = server_connect(&s, &across);
	CHECK_EQ(stream_open(fd, -1, 0), 0);
	test_shell("ip -n client link set c0 mtu 1300 && ip -n server link set s0 mtu 1300");
	send_pattern(fd, 0, bytes, FIN);
	recv_all(fd, 0, buf, 4, true);
	close(fd);
	server_wait(&s);
	test_shell("ip -n client link set c0 mtu 1500 && ip -n server link set s0 mtu 1500");
}

/* Bytes of the largest packet: the device's own counters, over a second of transfer. */
static double bytes_a_packet(void)
{
	unsigned long long b[2], n[2];
	FILE *f;
	int i;

	for (i = 0; i < 2; i++) {
		if (i)
			sleep_ms(700);
		f = popen("ip netns exec client cat /sys/class/net/c0/statistics/tx_bytes "
			  "/sys/class/net/c0/statistics/tx_packets", "r");
		CHECK(f && fscanf(f, "%llu %llu", &b[i], &n[i]) == 2);
		pclose(f);
	}
	return n[1] == n[0] ? 0 : (double)(b[1] - b[0]) / (n[1] - n[0]);
}

static void *endless(void *arg)
{
	static char junk[65536];

	while (send(*(int *)arg, junk, sizeof(junk), MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

static void *swallow(void *arg)
{
	static char junk[65536];

	while (recv(*(int *)arg, junk, sizeof(junk), 0) > 0)
		;
	return NULL;
}

/* Of a bulk transfer, whose packets are all full: their average, with headers. */
static void sizes_within(int lo, int hi)
{
	uint64_t end = now_ms() + 20000;
	double is = 0;

	while (now_ms() < end) {
		is = bytes_a_packet();
		if (is >= lo && is <= hi)
			return;
	}
	FAIL("packets have %.0f bytes, not %d to %d", is, lo, hi);
}

static void discovered(int device, int path, int lo, int hi)
{
	struct conf c = across;
	pthread_t t[2];

	/* what is larger than the other end of a veth pair takes vanishes without a word */
	test_shell("ip -n client link set c0 mtu %d gso_max_segs 1; "
		   "ip -n server link set s0 mtu %d", device, path);
	c.cfg[CLI].plpmtud_probe_interval = 5000000;
	pair_open(&p, &c);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	CHECK_EQ(pthread_create(&t[0], NULL, endless, &p.cli), 0);
	CHECK_EQ(pthread_create(&t[1], NULL, swallow, &p.srv), 0);
	sizes_within(lo, hi);
	shutdown(p.cli, SHUT_RDWR);
	pthread_join(t[0], NULL);
	test_shell("ip -n client link set c0 mtu 1500 gso_max_segs 65535; "
		   "ip -n server link set s0 mtu 1500");
	pair_close(&p);
}

/* RFC 8899 §5.3, on a device of 9000 bytes whose path takes all, and one that takes 1400 */
static void mtu_found(void)
{
	discovered(9000, 9000, 8700, 9014);
}

static void mtu_smaller(void)
{
	discovered(1500, 1400, 1340, 1418);
}

static void no_route(void)
{
	struct sockaddr_storage ss;
	socklen_t len = sock_addr(&ss, AF_INET, "203.0.113.1", 4433);
	int fd;

	enter_ns("client");
	fd = sock_new(AF_INET, SOCK_STREAM);
	CHECK_ERR(connect(fd, (struct sockaddr *)&ss, len), ENETUNREACH);
	len = sock_addr(&ss, AF_INET, "10.0.0.2", 4433);
	CHECK_OK(connect(fd, (struct sockaddr *)&ss, len));
	close(fd);
}

/* Nobody listens on the other host: ICMP ends the handshake. */
static void refused(void)
{
	p.addrlen = sock_addr(&p.addr, AF_INET, "10.0.0.2", 9);
	p.cli = client_new(&across, &p);
	CHECK_EQ(client_handshake(p.cli, &across), -ECONNREFUSED);
	close(p.cli);
}

static const struct test tests[] = {
	{ "plain-link", plain_link },
	{ "ipv6-link", ipv6_link },
	{ "separate-namespaces", separate },
	{ "loss-30-percent", loss_30, 240 },
	{ "loss-5-percent", loss_5, 60 },
	{ "reordered", reordered, 60 },
	{ "duplicated", duplicated, 60 },
	{ "corrupted", corrupted, 60 },
	{ "ecn-marked", marked, 60 },
	{ "ecn-marks", marks },
	{ "slow-link", slow_link, 60 },
	{ "handshakes-with-loss", handshakes_with_loss, 90 },
	{ "link-gone", link_gone, 40 },
	{ "link-pauses", link_pauses, 60 },
	{ "namespace-gone", namespace_gone, 40 },
	{ "small-mtu", small_mtu, 60 },
	{ "mtu-shrinks", mtu_shrinks, 60 },
	{ "mtu-found", mtu_found, 60 },
	{ "mtu-smaller", mtu_smaller, 60 },
	{ "no-route", no_route },
	{ "refused", refused },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

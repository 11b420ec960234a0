// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The options that programs set on any socket (SOL_SOCKET, SOL_IP, SOL_IPV6),
 * and ioctls: that they hold, before and after connect(), in both families; on
 * the packets themselves, where they are about packets; that accept() and
 * peeling off hand them on; and the errno of each wrong use.
 */
#include <pthread.h>
#include <sched.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "lib.h"

#define NEW	MSG_QUIC_STREAM_NEW
#define FIN	MSG_QUIC_STREAM_FIN
#define NOBODY	65534

static struct pair p;
static char buf[64 * KIB];

static int get_int(int fd, int level, int opt)
{
	socklen_t len = sizeof(int);
	int v = -1;

	if (getsockopt(fd, level, opt, &v, &len))
		FAIL("get of %d, %d: %s", level, opt, strerror(errno));
	return v;
}

static int set_int(int fd, int level, int opt, int v)
{
	return setsockopt(fd, level, opt, &v, sizeof(v));
}

static int peel(int fd, int64_t id)
{
	struct quic_stream_peeloff info = { .stream_id = id };
	socklen_t len = sizeof(info);

	return CHECK_OK(get_opt(fd, QUIC_SOCKOPT_STREAM_PEELOFF, &info, &len));
}

/* connect() of a new socket with an option; closes it. */
static int try_connect(int family, const char *addr, int level, int opt, int v)
{
	struct sockaddr_storage ss;
	socklen_t len = sock_addr(&ss, family, addr, 9);
	int fd = sock_new(family, SOCK_STREAM), err;

	CHECK_OK(set_int(fd, level, opt, v));
	err = connect(fd, (struct sockaddr *)&ss, len) ? errno : 0;
	close(fd);
	return err;
}

/* ---- what is the same for all ---- */

static void is(int fd, int domain, int type, int listens)
{
	CHECK_EQ(get_int(fd, SOL_SOCKET, SO_PROTOCOL), IPPROTO_QUIC);
	CHECK_EQ(get_int(fd, SOL_SOCKET, SO_DOMAIN), domain);
	CHECK_EQ(get_int(fd, SOL_SOCKET, SO_TYPE), type);
	CHECK_EQ(get_int(fd, SOL_SOCKET, SO_ACCEPTCONN), listens);
	CHECK_EQ(get_int(fd, SOL_SOCKET, SO_ERROR), 0);
}

static void identity(void)
{
	static const int families[] = { AF_INET, AF_INET6 }, types[] = { SOCK_STREAM, SOCK_DGRAM };
	unsigned int i;
	int a;

	for (i = 0; i < 4; i++) {
		struct conf c = { .family = families[i & 1], .type = types[i / 2] };

		pair_open(&p, &c);
		is(p.lis, c.family, c.type, 1);
		is(p.cli, c.family, c.type, 0);
		is(p.srv, c.family, c.type, 0);
		CHECK_EQ(stream_open(p.cli, -1, 0), 0);
		a = peel(p.cli, 0);
		is(a, c.family, SOCK_STREAM, 0);
		CHECK_OK(listen(p.lis, 0));
		is(p.lis, c.family, c.type, 0);
		close(a);
		pair_close(&p);
	}
}

/* ---- handed on ---- */

struct setting {
	int family;		/* 0: any */
	int level, opt, set, got;
	bool own;		/* that of a peeled-off socket's own, not of the connection's */
};

static const struct setting settings[] = {
	{ 0, SOL_SOCKET, SO_MARK, 77, 77 },
	{ 0, SOL_SOCKET, SO_PRIORITY, 5, 5 },
	{ 0, SOL_SOCKET, SO_SNDBUF, 100000, 200000 },
	{ 0, SOL_SOCKET, SO_RCVBUF, 90000, 180000 },
	{ 0, SOL_SOCKET, SO_RCVLOWAT, 3, 3, true },
	{ 0, SOL_SOCKET, SO_KEEPALIVE, 1, 1 },
	{ 0, SOL_SOCKET, SO_DONTROUTE, 1, 1 },
	{ 0, SOL_SOCKET, SO_BROADCAST, 1, 1 },
	{ 0, SOL_SOCKET, SO_REUSEADDR, 1, 1 },
	{ 0, SOL_SOCKET, SO_REUSEPORT, 1, 1 },
	{ 0, SOL_SOCKET, SO_MAX_PACING_RATE, 100000000, 100000000 },
	{ 0, SOL_IP, IP_TTL, 44, 44 },
	{ 0, SOL_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE, IP_PMTUDISC_PROBE },
	{ AF_INET6, SOL_IPV6, IPV6_TCLASS, 0xb8, 0xb8 },
	{ AF_INET6, SOL_IPV6, IPV6_UNICAST_HOPS, 45, 45 },
	{ AF_INET6, SOL_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO, IPV6_PMTUDISC_DO },
};

static void check_settings(int fd, int family)
{
	unsigned int i;

	for (i = 0; i < ARRAY(settings); i++) {
		const struct setting *s = &settings[i];

		if (s->family && s->family != family)
			continue;
		if (get_int(fd, s->level, s->opt) != s->got)
			FAIL("option %d of level %d is %d, not %d", s->opt, s->level,
			     get_int(fd, s->level, s->opt), s->got);
	}
}

static void apply_settings(int fd, int family)
{
	unsigned int i;

	for (i = 0; i < ARRAY(settings); i++)
		if (!settings[i].family || settings[i].family == family)
			CHECK_OK(set_int(fd, settings[i].level, settings[i].opt, settings[i].set));
}

static void check_structs(int fd)
{
	struct timeval tv = {};
	struct linger l = {};
	socklen_t len = sizeof(l);

	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &l, &len));
	CHECK_EQ(l.l_onoff, 1);
	CHECK_EQ(l.l_linger, 2);
	len = sizeof(tv);
	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &len));
	CHECK_EQ(tv.tv_sec, 40);
	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, &len));
	CHECK_EQ(tv.tv_sec, 50);
}

static void handed_on_in(int family)
{
	struct linger l = { 1, 2 };
	struct conf c = { .family = family };
	int a;

	listener_new(&c, &p);
	apply_settings(p.lis, family);
	CHECK_OK(setsockopt(p.lis, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
	sock_timeout(p.lis, SO_RCVTIMEO, 40000);
	sock_timeout(p.lis, SO_SNDTIMEO, 50000);
	p.cli = client_new(&c, &p);
	p.srv = pair_handshake(p.cli, p.lis, &c);
	check_settings(p.srv, family);
	check_structs(p.srv);
	CHECK_EQ(stream_open(p.srv, -1, 0), 1);
	a = peel(p.srv, 1);
	check_settings(a, family);
	check_structs(a);
	/* set on a connection, and on the socket of a stream */
	apply_settings(p.cli, family);
	check_settings(p.cli, family);
	CHECK_OK(set_int(a, SOL_SOCKET, SO_RCVLOWAT, 9));
	CHECK_EQ(get_int(p.srv, SOL_SOCKET, SO_RCVLOWAT), 3);
	CHECK_OK(set_int(a, SOL_IP, IP_TTL, 33));	/* all packets are the connection's */
	CHECK_EQ(get_int(p.srv, SOL_IP, IP_TTL), 33);
	CHECK(get_int(a, SOL_IP, IP_MTU) >= 1280);
	close(a);
	pair_close(&p);
}

static void handed_on(void)
{
	handed_on_in(AF_INET);
	handed_on_in(AF_INET6);
}

/* ---- on the packets ---- */

static int sniffer(void)
{
	int fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));

	if (fd < 0)
		test_skip("no packet sockets");
	return fd;
}

struct seen {
	uint8_t tos, ttl;
	uint16_t len;
};

/* Of the datagram in @pkt: false: not from @port. */
static bool dissect(const uint8_t *pkt, uint16_t port, struct seen *s)
{
	const struct iphdr *ip = (const void *)pkt;
	const struct ip6_hdr *ip6 = (const void *)pkt;
	const struct udphdr *udp = (const void *)(pkt + (ip->version == 4 ? 20 : 40));

	if ((ip->version == 4 ? ip->protocol : ip6->ip6_nxt) != IPPROTO_UDP ||
	    ntohs(udp->source) != port)
		return false;
	s->tos = ip->version == 4 ? ip->tos : ntohl(ip6->ip6_flow) >> 20;
	s->ttl = ip->version == 4 ? ip->ttl : ip6->ip6_hlim;
	s->len = ntohs(udp->len);
	return true;
}

/* All that were sent from @port until now; the last of them has those values. */
static void check_packets(int sniff, uint16_t port, uint8_t tos, uint8_t ttl)
{
	uint8_t pkt[128];
	struct seen s, last = {};
	unsigned int n = 0;

	while (recv(sniff, pkt, sizeof(pkt), MSG_DONTWAIT) > 0)
		if (dissect(pkt, port, &s)) {
			last = s;
			n++;
		}
	if (!n)
		FAIL("no packet from port %u", port);
	CHECK_EQ(last.tos & 0xfc, tos);		/* ECN is the kernel's */
	CHECK_EQ(last.ttl, ttl);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len;

	sock_local(fd, &ss, &len);
	return sock_port(&ss);
}

static void turn(int from, int to)
{
	send_all(from, 0, "data", 4, 0);
	recv_all(to, 0, buf, 4, false);
}


/* Before connect(), on the listener, and in the middle of the connection. */
static void tos_ttl_of(int family, const char *addr, bool v6)
{
	int level = v6 ? SOL_IPV6 : SOL_IP, topt = v6 ? IPV6_TCLASS : IP_TOS;
	int hopt = v6 ? IPV6_UNICAST_HOPS : IP_TTL, of_cli = sniffer(), of_srv = sniffer();
	struct conf c = { .family = family, .addr = addr };

	listener_new(&c, &p);
	CHECK_OK(set_int(p.lis, level, topt, 0xb9));
	CHECK_OK(set_int(p.lis, level, hopt, 71));
	p.cli = sock_new(family, SOCK_STREAM);
	CHECK_OK(set_int(p.cli, level, topt, 0x68));
	CHECK_OK(set_int(p.cli, level, hopt, 72));
	CHECK_OK(connect(p.cli, (struct sockaddr *)&p.addr, p.addrlen));
	p.srv = pair_handshake(p.cli, p.lis, &c);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	turn(p.cli, p.srv);
	turn(p.srv, p.cli);
	check_packets(of_cli, port_of(p.cli), 0x68, 72);
	check_packets(of_srv, port_of(p.srv), 0xb8, 71);
	CHECK_OK(set_int(p.cli, level, topt, 0x20));
	CHECK_OK(set_int(p.cli, level, hopt, 73));
	CHECK_OK(set_int(p.srv, level, hopt, -1));	/* the route's */
	turn(p.cli, p.srv);
	turn(p.srv, p.cli);
	check_packets(of_cli, port_of(p.cli), 0x20, 73);
	check_packets(of_srv, port_of(p.srv), 0xb8, 64);
	pair_close(&p);
	close(of_cli);
	close(of_srv);
}

static void tos_ttl(void)
{
	net_own();
	tos_ttl_of(AF_INET, "127.0.0.1", false);
	tos_ttl_of(AF_INET6, "::1", true);
	tos_ttl_of(AF_INET6, "::ffff:127.0.0.1", false);
}

/* SO_PRIORITY, and the one that IP_TOS brings along: by the band that counts them. */
static unsigned long band_packets(unsigned int band)
{
	unsigned long n;
	char cmd[128];
	FILE *f;

	snprintf(cmd, sizeof(cmd), "tc -s class show dev lo | "
		 "awk '/class prio 1:%u / { on = 1 } on && /Sent/ { print $4; exit }'", band);
	f = popen(cmd, "r");
	CHECK(f);
	if (fscanf(f, "%lu", &n) != 1)
		FAIL("no count of band %u", band);
	pclose(f);
	return n;
}

static void priority(void)
{
	struct conf c = {};
	unsigned long n;

	net_own();
	/* priority 5 to the third band, 6 to the second, all others to the first */
	if (system("tc qdisc add dev lo root handle 1: prio bands 3 "
		   "priomap 0 0 0 0 0 2 1 0 0 0 0 0 0 0 0 0"))
		test_skip("no qdisc prio");
	listener_new(&c, &p);
	CHECK_OK(set_int(p.lis, SOL_SOCKET, SO_PRIORITY, 5));
	p.cli = client_new(&c, &p);
	p.srv = pair_handshake(p.cli, p.lis, &c);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	turn(p.cli, p.srv);
	CHECK(band_packets(3) > 0);		/* the server's, from its first on */
	CHECK_EQ(band_packets(2), 0);
	CHECK_OK(set_int(p.cli, SOL_SOCKET, SO_PRIORITY, 6));
	turn(p.cli, p.srv);
	CHECK(band_packets(2) > 0);
	CHECK_OK(set_int(p.srv, SOL_SOCKET, SO_PRIORITY, 0));
	CHECK_OK(set_int(p.srv, SOL_IP, IP_TOS, 0x10));	/* low delay: 6, TC_PRIO_INTERACTIVE */
	n = band_packets(2);
	turn(p.srv, p.cli);
	CHECK(band_packets(2) > n);
	pair_close(&p);
}

/* SO_MARK chooses the route: at connect(), and of what is sent from then on. */
static void mark_in(int family, const char *addr)
{
	const char *ip = family == AF_INET ? "ip" : "ip -6";
	struct conf c = { .family = family, .addr = addr };
	uint64_t before, end;

	if (system("ip rule show >/dev/null 2>&1"))
		test_skip("no policy routing");
	test_shell("%s rule add pref 20 lookup local && %s rule del pref 0 && "
		   "%s rule add pref 10 fwmark 77 prohibit", ip, ip, ip);
	CHECK_EQ(try_connect(family, addr, SOL_SOCKET, SO_MARK, 77), EACCES);
	CHECK_EQ(try_connect(family, addr, SOL_SOCKET, SO_MARK, 78), 0);
	pair_open(&p, &c);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	turn(p.cli, p.srv);
	before = mib_read("QuicDropNoRoute");
	CHECK_OK(set_int(p.cli, SOL_SOCKET, SO_MARK, 77));
	send_all(p.cli, 0, "lost", 4, 0);
	for (end = now_ms() + 5000; mib_read("QuicDropNoRoute") == before && now_ms() < end; )
		sleep_ms(2);
	CHECK(mib_read("QuicDropNoRoute") > before);
	CHECK_OK(set_int(p.cli, SOL_SOCKET, SO_MARK, 0));
	recv_all(p.srv, 0, buf, 4, false);	/* sent again */
	pair_close(&p);
}

static void mark(void)
{
	net_own();
	mark_in(AF_INET, "127.0.0.1");
	mark_in(AF_INET6, "::1");
}

/* ---- routes and devices ---- */

static void dont_route(void)
{
	net_own();
	test_shell("ip link add d0 type dummy && ip addr add 192.0.2.1/24 dev d0 && "
		   "ip link set d0 up && ip route add 198.51.100.0/24 via 192.0.2.2");
	CHECK_EQ(try_connect(AF_INET, "198.51.100.1", SOL_SOCKET, SO_DONTROUTE, 0), 0);
	CHECK_EQ(try_connect(AF_INET, "192.0.2.3", SOL_SOCKET, SO_DONTROUTE, 1), 0);
	CHECK_EQ(try_connect(AF_INET, "198.51.100.1", SOL_SOCKET, SO_DONTROUTE, 1), ENETUNREACH);
	/* a connection has one peer, whatever is set */
	CHECK_EQ(try_connect(AF_INET, "192.0.2.255", SOL_SOCKET, SO_BROADCAST, 1), ENETUNREACH);
	CHECK_EQ(try_connect(AF_INET, "255.255.255.255", SOL_SOCKET, SO_BROADCAST, 1),
		 ENETUNREACH);
}

static int set_device(int fd, const char *name)
{
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, strlen(name));
}

/* A connection from 127.0.0.1 to the listener, or the error of its handshake. */
static int reach(const struct pair *q, const char *device)
{
	struct conf c = {};
	int fd = sock_new(AF_INET, SOCK_STREAM), err;

	if (device)
		CHECK_OK(set_device(fd, device));
	CHECK_OK(connect(fd, (struct sockaddr *)&q->addr, q->addrlen));
	err = fork();
	if (!err) {
		fd = CHECK_OK(accept(q->lis, NULL, NULL));
		_exit(server_handshake(fd, &c) ? 1 : 0);
	}
	err = client_handshake(fd, &c);
	close(fd);
	return err;
}

static void device(void)
{
	struct sockaddr_storage any;
	socklen_t len = sock_addr(&any, AF_INET, "0.0.0.0", 0);
	struct conf c = {};
	char name[16];
	int fd, i;

	net_own();
	test_shell("ip link add d0 type dummy && ip addr add 192.0.2.1/24 dev d0 && "
		   "ip link set d0 up");
	fd = sock_new(AF_INET, SOCK_STREAM);
	CHECK_ERR(set_device(fd, "nosuch0"), ENODEV);
	CHECK_OK(set_device(fd, "d0"));
	len = sizeof(name);
	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len));
	CHECK(len == 3 && !strcmp(name, "d0"));
	close(fd);
	/* set before bind() on the first, between bind() and listen() on the second */
	for (i = 0; i < 2; i++) {
		p.lis = sock_new(AF_INET, SOCK_STREAM);
		if (!i)
			CHECK_OK(set_device(p.lis, "d0"));
		len = sock_addr(&any, AF_INET, "0.0.0.0", 0);
		CHECK_OK(bind(p.lis, (struct sockaddr *)&any, len));
		if (i)
			CHECK_OK(set_device(p.lis, "d0"));
		CHECK_OK(listen(p.lis, 4));
		p.addrlen = sock_addr(&p.addr, AF_INET, "127.0.0.1", port_of(p.lis));
		CHECK_EQ(reach(&p, NULL), -ECONNREFUSED);	/* lo is not d0 */
		CHECK_OK(close(p.lis));
	}
	p.lis = sock_new(AF_INET, SOCK_STREAM);
	CHECK_OK(set_device(p.lis, "lo"));
	len = sock_addr(&p.addr, AF_INET, "127.0.0.1", 0);
	CHECK_OK(bind(p.lis, (struct sockaddr *)&p.addr, len));
	CHECK_OK(listen(p.lis, 4));
	sock_local(p.lis, &p.addr, &p.addrlen);
	CHECK_EQ(reach(&p, NULL), 0);
	CHECK_EQ(reach(&p, "lo"), 0);
	/* bound before the device is given, and shared: then it is too late */
	fd = sock_new(AF_INET, SOCK_STREAM);
	CHECK_OK(set_device(fd, "lo"));
	CHECK_OK(bind(fd, (struct sockaddr *)&p.addr, p.addrlen));
	CHECK_OK(set_device(fd, "d0"));
	CHECK_ERR(listen(fd, 1), EADDRINUSE);
	close(fd);
	close(p.lis);
	/* given between bind() and connect() */
	pair_open(&p, &c);
	pair_close(&p);
	listener_new(&c, &p);
	p.cli = sock_new(AF_INET, SOCK_STREAM);
	len = sock_addr(&any, AF_INET, "127.0.0.1", 0);
	CHECK_OK(bind(p.cli, (struct sockaddr *)&any, len));
	CHECK_OK(set_device(p.cli, "lo"));
	CHECK_OK(connect(p.cli, (struct sockaddr *)&p.addr, p.addrlen));
	p.srv = pair_handshake(p.cli, p.lis, &c);
	pair_close(&p);
}

/* ---- the size of packets ---- */

/* The field mtu of the client's connection. */
static int path_mtu(void)
{
	char line[2048], *at;
	int size = -1;
	FILE *f;

	enter_ns("client");
	f = fopen("/proc/net/quic/sockets", "r");
	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		at = strstr(line, " mtu=");
		if (strstr(line, " role=client") && at)
			size = atoi(at + 5);
	}
	fclose(f);
	enter_ns(NULL);
	return size;
}

static void turn_mtu(int level, int opt, int v, int want)
{
	CHECK_OK(set_int(p.cli, level, opt, v));
	turn(p.cli, p.srv);
	CHECK_EQ(path_mtu(), want);
}

static void mtu_in(int family, const char *addr, int level, int mtu_opt, int discover, int header)
{
	struct conf c = { .family = family, .addr = addr, .ns = { "client", "server" } };
	int fd = sock_new(family, SOCK_STREAM);

	CHECK_ERR(getsockopt(fd, level, mtu_opt, buf, &(socklen_t){ 4 }), ENOTCONN);
	close(fd);
	listener_new(&c, &p);
	p.cli = client_new(&c, &p);
	CHECK_EQ(get_int(p.cli, level, mtu_opt), 1400);		/* before anything is sent */
	p.srv = pair_handshake(p.cli, p.lis, &c);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	turn(p.cli, p.srv);
	CHECK_EQ(get_int(p.cli, level, mtu_opt), 1400);
	CHECK_EQ(get_int(p.srv, level, mtu_opt), 1500);
	CHECK_EQ(path_mtu(), 1400 - header);
	/* above DO the route's is not believed, but the device's; below, no fragments either */
	turn_mtu(level, discover, IP_PMTUDISC_PROBE, 1500 - header);
	turn_mtu(level, discover, IP_PMTUDISC_DO, 1400 - header);
	turn_mtu(level, discover, IP_PMTUDISC_DONT, 1400 - header);
	if (family == AF_INET6)
		turn_mtu(level, IPV6_MTU, 1300, 1300 - header);
	pair_close(&p);
}

/* A route's MTU below that of QUIC's least datagrams, and of UDP's header. */
static void mtu_tiny(void)
{
	struct conf c = { .addr = "10.0.0.2", .ns = { "client", "server" } };

	test_shell("ip -n client route replace 10.0.0.2/32 dev c0 mtu 20");
	pair_open(&p, &c);
	CHECK_EQ(get_int(p.cli, SOL_IP, IP_MTU), 20);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	turn(p.cli, p.srv);
	CHECK_EQ(path_mtu(), 1200);
	pair_close(&p);
	test_shell("ip -n client route del 10.0.0.2/32 dev c0");
}

static void mtu(void)
{
	test_shell("ip -n client route replace 10.0.0.2/32 dev c0 mtu 1400");
	test_shell("ip -n client -6 route replace fd00::2/128 dev c0 mtu 1400");
	mtu_in(AF_INET, "10.0.0.2", SOL_IP, IP_MTU, IP_MTU_DISCOVER, 28);
	mtu_in(AF_INET6, "fd00::2", SOL_IPV6, IPV6_MTU, IPV6_MTU_DISCOVER, 48);
	test_shell("ip -n client route del 10.0.0.2/32 dev c0 && "
		   "ip -n client -6 route del fd00::2/128 dev c0");
}

/* ---- SO_RCVLOWAT ---- */

static void set_lowat(int fd, int v)
{
	CHECK_OK(set_int(fd, SOL_SOCKET, SO_RCVLOWAT, v));
}

/* Something for poll() that must not be there: enough time for it to have come. */
static void not_yet(int fd)
{
	CHECK_EQ(sock_poll(fd, POLLIN, 300), 0);
}

static void lowat_poll(void)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLET };
	int ep = CHECK_OK(epoll_create1(0));

	pair_open(&p, NULL);
	set_lowat(p.srv, 100);
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, p.srv, &e));
	CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	send_all(p.cli, 0, buf, 60, 0);
	not_yet(p.srv);
	CHECK_EQ(epoll_wait(ep, &e, 1, 0), 0);
	/* bytes of another stream do not add up to it: a call returns those of one */
	send_all(p.cli, 4, buf, 60, NEW);
	not_yet(p.srv);
	send_all(p.cli, 0, buf, 40, 0);
	CHECK_EQ(sock_poll(p.srv, POLLIN, 5000), POLLIN);
	CHECK_EQ(epoll_wait(ep, &e, 1, 5000), 1);
	/* without waiting there is what there is, as with TCP */
	CHECK_EQ(recv(p.srv, buf, 100, MSG_DONTWAIT), 100);
	CHECK_EQ(recv(p.srv, buf, 1000, MSG_DONTWAIT), 60);
	CHECK_ERR(recv(p.srv, buf, 1000, MSG_DONTWAIT), EAGAIN);
	/* the end of a stream is enough */
	send_all(p.cli, 4, buf, 10, FIN);
	CHECK_EQ(sock_poll(p.srv, POLLIN, 5000), POLLIN);
	recv_all(p.srv, 4, buf, 10, true);
	/* an event, too */
	event_on(p.srv, QUIC_EVENT_STREAM_UPDATE, 1);
	CHECK_OK(stream_reset(p.cli, 0, 1));
	CHECK_EQ(sock_poll(p.srv, POLLIN, 5000), POLLIN);
	close(ep);
	pair_close(&p);
}

static void *send_rest(void *arg)
{
	sleep_ms(200);
	send_all(*(int *)arg, 0, buf, 60, 0);
	return NULL;
}

/* A read that may wait does so for as much, or for the time. */
static void lowat_recv(void)
{
	pthread_t t;
	int a;

	pair_open(&p, NULL);
	set_lowat(p.srv, 100);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	send_all(p.cli, 0, buf, 60, 0);
	CHECK_EQ(pthread_create(&t, NULL, send_rest, &p.cli), 0);
	CHECK_EQ(recv(p.srv, buf, 1000, 0), 120);
	pthread_join(t, NULL);
	send_all(p.cli, 0, buf, 60, 0);
	CHECK_EQ(recv(p.srv, buf, 50, 0), 50);		/* no more than there is room for */
	sock_timeout(p.srv, SO_RCVTIMEO, 200);
	CHECK_EQ(recv(p.srv, buf, 1000, 0), 10);
	sock_timeout(p.srv, SO_RCVTIMEO, 0);
	/* the socket of a stream has one of its own, which begins as the connection's */
	a = peel(p.srv, 0);
	CHECK_EQ(get_int(a, SOL_SOCKET, SO_RCVLOWAT), 100);
	send_all(p.cli, 0, buf, 60, 0);
	not_yet(a);
	set_lowat(a, 60);
	CHECK_EQ(sock_poll(a, POLLIN, 5000), POLLIN);
	set_lowat(a, 100);
	CHECK_EQ(pthread_create(&t, NULL, send_rest, &p.cli), 0);
	CHECK_EQ(recv(a, buf, 1000, 0), 120);
	pthread_join(t, NULL);
	send_all(p.cli, 0, buf, 5, FIN);
	CHECK_EQ(sock_poll(a, POLLIN, 5000) & POLLIN, POLLIN);
	CHECK_EQ(recv(a, buf, 1000, 0), 5);
	close(a);
	pair_close(&p);
}

/* More than flow control lets through at once: the peer must not wait for ever. */
static void lowat_window(void)
{
	struct conf c = { .tp[SRV] = { .max_data = 40000, .max_stream_data_bidi_remote = 20000 },
			  .nonblock = true };
	uint64_t got = 0, end;

	pair_open(&p, &c);
	set_lowat(p.srv, 1000000);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	for (end = now_ms() + 20000; got < 200000 && now_ms() < end; ) {
		CHECK(quic_sendmsg(p.cli, buf, sizeof(buf), 0, 0) > 0 || errno == ENOSPC ||
		      errno == EAGAIN);
		/* nothing may have gone out: what lets more through may still be under way */
		if (sock_poll(p.srv, POLLIN, 100))
			got += CHECK_OK(recv(p.srv, buf, sizeof(buf), 0));
	}
	CHECK(got >= 200000);
	pair_close(&p);
}

/* ---- the others ---- */

/* RFC 9000 §10.1.2: PINGs defer the idle timeout; that is what SO_KEEPALIVE asks for. */
static void keepalive(void)
{
	struct conf c = { .tp = { { .max_idle_timeout = 5000000 }, {} } };
	struct pair q;

	pair_open(&p, &c);
	pair_open(&q, &c);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	turn(p.cli, p.srv);
	CHECK_OK(set_int(p.cli, SOL_SOCKET, SO_KEEPALIVE, 1));
	CHECK(sock_poll(q.cli, 0, 20000) & POLLHUP);
	sleep_ms(6000);
	CHECK_EQ(sock_poll(p.cli, 0, 0), 0);
	turn(p.cli, p.srv);
	CHECK_OK(set_int(p.cli, SOL_SOCKET, SO_KEEPALIVE, 0));
	CHECK(sock_poll(p.cli, 0, 20000) & POLLHUP);
	pair_close(&p);
	pair_close(&q);
}

/* SO_RCVBUF in the middle of a connection: how much may come unread. */
static void receive_buffer(void)
{
	struct conf c = { .nonblock = true };
	int fd, i, room[2];

	for (i = 0; i < 2; i++) {
		fd = sock_new(AF_INET, SOCK_STREAM);
		CHECK_OK(set_int(fd, SOL_SOCKET, SO_RCVBUF, i ? 100000 : 10000));
		room[i] = get_int(fd, SOL_SOCKET, SO_RCVBUF);
		close(fd);
	}
	CHECK_EQ(room[0], 20000);
	CHECK_EQ(room[1], 200000);
	pair_open(&p, &c);
	CHECK_OK(set_int(p.srv, SOL_SOCKET, SO_SNDBUF, 4000));	/* what may wait to be sent */
	CHECK_EQ(stream_open(p.srv, -1, 0), 1);
	for (i = 0; quic_sendmsg(p.srv, buf, 4000, 1, 0) > 0; i++)
		CHECK(i < 1000);
	CHECK(errno == EAGAIN || errno == ENOSPC);
	pair_close(&p);
}

static void v6only(void)
{
	struct sockaddr_storage any6, any4, to;
	int six = sock_new(AF_INET6, SOCK_STREAM), four = sock_new(AF_INET, SOCK_STREAM), fd;
	socklen_t len6 = sock_addr(&any6, AF_INET6, "::", 0), len4;

	CHECK_OK(set_int(six, SOL_IPV6, IPV6_V6ONLY, 1));
	CHECK_OK(bind(six, (struct sockaddr *)&any6, len6));
	CHECK_ERR(set_int(six, SOL_IPV6, IPV6_V6ONLY, 0), EINVAL);	/* too late */
	CHECK_EQ(get_int(six, SOL_IPV6, IPV6_V6ONLY), 1);
	CHECK_OK(listen(six, 1));
	/* the same port is free for IPv4 */
	len4 = sock_addr(&any4, AF_INET, "0.0.0.0", port_of(six));
	CHECK_OK(bind(four, (struct sockaddr *)&any4, len4));
	CHECK_OK(listen(four, 1));
	fd = sock_new(AF_INET6, SOCK_STREAM);
	CHECK_OK(set_int(fd, SOL_IPV6, IPV6_V6ONLY, 1));
	len4 = sock_addr(&to, AF_INET, "127.0.0.1", port_of(four));
	CHECK_ERR(connect(fd, (struct sockaddr *)&to, len4), EINVAL);
	close(fd);
	close(four);
	close(six);
}

/* Received packets are not the program's: nothing is told of them. */
static void ancillary(void)
{
	static const int v4[] = { IP_PKTINFO, IP_RECVTOS, IP_RECVTTL, IP_RECVERR };
	static const int v6[] = { IPV6_RECVPKTINFO, IPV6_RECVTCLASS, IPV6_RECVHOPLIMIT, IPV6_RECVERR };
	struct conf c = { .family = AF_INET6 };
	char ctl[512] __attribute__((aligned(8)));
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	struct cmsghdr *cm;
	unsigned int i;

	pair_open(&p, &c);
	for (i = 0; i < ARRAY(v4); i++)
		CHECK_OK(set_int(p.srv, SOL_IP, v4[i], 1));
	for (i = 0; i < ARRAY(v6); i++)
		CHECK_OK(set_int(p.srv, SOL_IPV6, v6[i], 1));
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	send_all(p.cli, 0, "x", 1, 0);
	CHECK_EQ(sock_poll(p.srv, POLLIN, 5000), POLLIN);
	CHECK_EQ(recvmsg(p.srv, &m, 0), 1);
	cm = CMSG_FIRSTHDR(&m);
	CHECK(cm && cm->cmsg_level == SOL_QUIC && cm->cmsg_type == QUIC_STREAM_INFO);
	CHECK(!CMSG_NXTHDR(&m, cm));
	pair_close(&p);
}

/* Kernels from 6.3 on ask the protocol; before, these are taken, and have no effect. */
static void timestamps(void)
{
	static const int opts[] = { SO_TIMESTAMP, SO_TIMESTAMPNS, SO_TIMESTAMPING };
	int fd = sock_new(AF_INET, SOCK_STREAM), major, minor;
	struct utsname u;
	unsigned int i;

	CHECK_OK(uname(&u));
	CHECK_EQ(sscanf(u.release, "%d.%d", &major, &minor), 2);
	for (i = 0; i < ARRAY(opts); i++)
		if (major > 6 || (major == 6 && minor >= 3))
			CHECK_ERR(set_int(fd, SOL_SOCKET, opts[i], SOF_TIMESTAMPING_RX_SOFTWARE), EOPNOTSUPP);
		else
			CHECK_OK(set_int(fd, SOL_SOCKET, opts[i], SOF_TIMESTAMPING_RX_SOFTWARE));
	close(fd);
}

static void incoming_cpu(void)
{
	pair_open(&p, NULL);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	turn(p.cli, p.srv);
	CHECK(get_int(p.srv, SOL_SOCKET, SO_INCOMING_CPU) >= 0);
	CHECK(get_int(p.srv, SOL_SOCKET, SO_INCOMING_CPU) < sysconf(_SC_NPROCESSORS_CONF));
	pair_close(&p);
}

/* Who shares a port by SO_REUSEPORT is one user, as with TCP and UDP. */
static void reuseport_users(void)
{
	struct pair q = {};
	int fd, status;
	pid_t pid;

	q.lis = sock_new(AF_INET, SOCK_STREAM);
	CHECK_OK(set_int(q.lis, SOL_SOCKET, SO_REUSEPORT, 1));
	q.addrlen = sock_addr(&q.addr, AF_INET, NULL, 0);
	CHECK_OK(bind(q.lis, (struct sockaddr *)&q.addr, q.addrlen));
	CHECK_OK(listen(q.lis, 1));
	sock_local(q.lis, &q.addr, &q.addrlen);
	pid = CHECK_OK(fork());
	if (!pid) {
		CHECK_OK(setuid(NOBODY));
		fd = sock_new(AF_INET, SOCK_STREAM);
		CHECK_OK(set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1));
		CHECK_OK(bind(fd, (struct sockaddr *)&q.addr, q.addrlen));
		CHECK_ERR(listen(fd, 1), EADDRINUSE);
		/* other protocols are another matter */
		CHECK_OK(set_opt(fd, QUIC_SOCKOPT_ALPN, "mine", 4));
		CHECK_OK(listen(fd, 1));
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	fd = sock_new(AF_INET, SOCK_STREAM);
	CHECK_OK(set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1));
	CHECK_OK(bind(fd, (struct sockaddr *)&q.addr, q.addrlen));
	CHECK_OK(listen(fd, 1));
}

/* ---- wrong uses ---- */

static void wrong_values(void)
{
	static const struct {
		int family, level, opt, v, err;
	} wrong[] = {
		{ AF_INET, SOL_SOCKET, SO_PROTOCOL, 1, ENOPROTOOPT },
		{ AF_INET, SOL_SOCKET, SO_DOMAIN, 1, ENOPROTOOPT },
		{ AF_INET, SOL_SOCKET, SO_TYPE, 1, ENOPROTOOPT },
		{ AF_INET, SOL_SOCKET, SO_ERROR, 1, ENOPROTOOPT },
		{ AF_INET, SOL_SOCKET, SO_ACCEPTCONN, 1, ENOPROTOOPT },
		{ AF_INET, SOL_SOCKET, SO_SNDLOWAT, 1, ENOPROTOOPT },
		{ AF_INET, SOL_SOCKET, SO_PEEK_OFF, 1, EOPNOTSUPP },
		{ AF_INET, SOL_SOCKET, 9999, 1, ENOPROTOOPT },
		{ AF_INET, SOL_SOCKET, SO_MAX_PACING_RATE, 0, 0 },	/* see tcp's: none */
		{ AF_INET, SOL_IP, IP_TTL, 0, EINVAL },
		{ AF_INET, SOL_IP, IP_TTL, 256, EINVAL },
		{ AF_INET, SOL_IP, IP_MTU, 1300, ENOPROTOOPT },
		{ AF_INET, SOL_IP, IP_MTU_DISCOVER, 6, EINVAL },
		{ AF_INET, SOL_IPV6, IPV6_TCLASS, 1, ENOPROTOOPT },
		{ AF_INET, SOL_IPV6, IPV6_V6ONLY, 1, ENOPROTOOPT },
		{ AF_INET6, SOL_IPV6, IPV6_TCLASS, 256, EINVAL },
		{ AF_INET6, SOL_IPV6, IPV6_UNICAST_HOPS, 256, EINVAL },
		{ AF_INET6, SOL_IPV6, IPV6_MTU, 1279, EINVAL },
		{ AF_INET6, SOL_IPV6, IPV6_MTU_DISCOVER, 6, EINVAL },
		{ AF_INET, SOL_TCP, TCP_NODELAY, 1, ENOPROTOOPT },
		{ AF_INET6, SOL_TCP, TCP_NODELAY, 1, ENOPROTOOPT },
		{ AF_INET, SOL_TCP, TCP_KEEPIDLE, 1, ENOPROTOOPT },
		{ AF_INET, SOL_UDP, UDP_CORK, 1, ENOPROTOOPT },
		{ AF_INET, SOL_UDP, 103 /* UDP_SEGMENT */, 1200, ENOPROTOOPT },
		{ AF_INET6, 9999, 1, 1, ENOPROTOOPT },
	};
	unsigned int i;

	for (i = 0; i < ARRAY(wrong); i++) {
		int fd = sock_new(wrong[i].family, SOCK_STREAM), err;

		err = set_int(fd, wrong[i].level, wrong[i].opt, wrong[i].v) ? errno : 0;
		if (err != wrong[i].err)
			FAIL("option %d of level %d: %s, not %s", wrong[i].opt, wrong[i].level,
			     strerror(err), strerror(wrong[i].err));
		close(fd);
	}
}

/* Short values, bad pointers, times that are none; reads of what cannot be read. */
static void wrong_calls(void)
{
	static const int opts[] = { SO_SNDBUF, SO_RCVBUF, SO_RCVLOWAT, SO_MARK, SO_LINGER, SO_RCVTIMEO };
	struct timeval tv = { 1, 1000000 };
	int fd = sock_new(AF_INET, SOCK_STREAM), a, v = 1;
	socklen_t len = sizeof(v);
	unsigned int i;

	for (i = 0; i < ARRAY(opts); i++) {
		CHECK_ERR(setsockopt(fd, SOL_SOCKET, opts[i], &v, 2), EINVAL);
		CHECK_ERR(setsockopt(fd, SOL_SOCKET, opts[i], NULL, 16), EFAULT);
		CHECK_ERR(getsockopt(fd, SOL_SOCKET, opts[i], &v, NULL), EFAULT);
	}
	CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), EDOM);
	CHECK_ERR(setsockopt(fd, SOL_IP, IP_TOS, NULL, 4), EFAULT);
	CHECK_ERR(getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &v, &len), EOPNOTSUPP);
	CHECK_ERR(getsockopt(fd, SOL_TCP, TCP_NODELAY, &v, &len), ENOPROTOOPT);
	CHECK_ERR(getsockopt(fd, SOL_TCP, TCP_INFO, &v, &len), ENOPROTOOPT);
	CHECK_ERR(getsockopt(fd, SOL_SOCKET, 9999, &v, &len), ENOPROTOOPT);
	CHECK_ERR(set_device(fd, "a-name-that-is-far-too-long"), ENODEV);
	close(fd);
	/* the socket of a stream: what is the connection's, and nothing else */
	pair_open(&p, NULL);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	a = peel(p.cli, 0);
	CHECK_ERR(set_int(a, SOL_IP, IP_TTL, 256), EINVAL);
	CHECK_ERR(set_int(a, SOL_IP, IP_RECVERR, 1), ENOPROTOOPT);
	CHECK_ERR(set_int(a, SOL_IPV6, IPV6_TCLASS, 1), ENOPROTOOPT);
	CHECK_ERR(set_int(a, SOL_TCP, TCP_NODELAY, 1), ENOPROTOOPT);
	CHECK_ERR(getsockopt(a, SOL_IP, IP_RECVERR, &v, &len), ENOPROTOOPT);
	CHECK_ERR(getsockopt(a, SOL_SOCKET, SO_TYPE, &v, NULL), EFAULT);
	close(a);
	pair_close(&p);
}

static int queue(int fd, unsigned long cmd)
{
	int n = -1;

	CHECK_OK(ioctl(fd, cmd, &n));
	return n;
}

static void ioctls(void)
{
	static const unsigned long cmds[] = { SIOCINQ, SIOCOUTQ, SIOCOUTQNSD };
	int fd = sock_new(AF_INET6, SOCK_STREAM), a, n;
	unsigned int i;
	uint64_t end;

	pair_open(&p, NULL);
	for (i = 0; i < ARRAY(cmds); i++) {
		CHECK_EQ(queue(fd, cmds[i]), 0);
		CHECK_ERR(ioctl(p.lis, cmds[i], &n), EINVAL);
		CHECK_ERR(ioctl(p.cli, cmds[i], NULL), EFAULT);
	}
	CHECK_ERR(ioctl(p.cli, SIOCATMARK, &n), ENOTTY);
	close(fd);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	a = peel(p.cli, 0);
	CHECK_EQ(queue(a, SIOCINQ), 0);
	CHECK_EQ(send(a, buf, 500, 0), 500);
	CHECK_EQ(sock_poll(p.srv, POLLIN, 5000), POLLIN);
	CHECK_EQ(queue(p.srv, SIOCINQ), 500);
	for (end = now_ms() + 10000; queue(a, SIOCOUTQ) && now_ms() < end; )
		sleep_ms(2);
	CHECK_EQ(queue(a, SIOCOUTQ), 0);
	CHECK_EQ(queue(p.cli, SIOCOUTQ), 0);
	CHECK_EQ(queue(a, SIOCOUTQNSD), 0);
	CHECK_EQ(recv(p.srv, buf, 200, 0), 200);
	CHECK_EQ(queue(p.srv, SIOCINQ), 300);
	send_all(p.srv, 0, buf, 30, 0);
	CHECK_EQ(sock_poll(a, POLLIN, 5000), POLLIN);
	CHECK_EQ(queue(a, SIOCINQ), 30);
	CHECK_ERR(ioctl(a, SIOCINQ, NULL), EFAULT);
	CHECK_ERR(ioctl(a, SIOCATMARK, &n), ENOTTY);
	close(a);
	pair_close(&p);
}

static const struct test tests[] = {
	{ "identity", identity },
	{ "handed-on", handed_on },
	{ "tos-ttl", tos_ttl },
	{ "priority", priority },
	{ "mark", mark },
	{ "dont-route", dont_route },
	{ "device", device, 60 },
	{ "mtu-tiny", mtu_tiny },
	{ "mtu", mtu },
	{ "lowat-poll", lowat_poll },
	{ "lowat-recv", lowat_recv },
	{ "lowat-window", lowat_window },
	{ "keepalive", keepalive, 90 },
	{ "buffers", receive_buffer },
	{ "v6only", v6only },
	{ "ancillary", ancillary },
	{ "timestamps", timestamps },
	{ "incoming-cpu", incoming_cpu },
	{ "reuseport-users", reuseport_users },
	{ "wrong-values", wrong_values },
	{ "wrong-calls", wrong_calls },
	{ "ioctls", ioctls },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

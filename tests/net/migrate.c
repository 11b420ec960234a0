// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Migration, RFC 9000 §9, on the real sockets: a client that moves, NATs that rebind,
 * preferred addresses, an attacker who forwards copies.  Two addresses a host in
 * the namespaces "client" and "server"; a forwarder on loopback plays the NAT.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "lib.h"

#define NEW	MSG_QUIC_STREAM_NEW
#define FIN	MSG_QUIC_STREAM_FIN
#define MIGRATED	(1 << QUIC_EVENT_CONNECTION_MIGRATION)

static struct pair p;
static char buf[64];
static int64_t next_id;

static const struct conf across = {
	.addr = "10.0.0.2", .ns = { "client", "server" }, .events = { MIGRATED, MIGRATED },
};

static const struct conf across6 = {
	.family = AF_INET6, .addr = "fd00::2", .ns = { "client", "server" },
	.events = { MIGRATED, MIGRATED },
};

static void more_addresses(void)
{
	test_shell("ip -n client addr replace 10.0.0.11/24 dev c0; "
		   "ip -n server addr replace 10.0.0.12/24 dev s0; "
		   "ip -n client addr replace fd00::11/64 dev c0 nodad; "
		   "ip -n server addr replace fd00::12/64 dev s0 nodad");
}

/* Events come ahead of data: who moved, as told last; 9: nothing was. */
static uint8_t told[2] = { 9, 9 };

static void note(int fd, const struct msg *m)
{
	CHECK_EQ(m->n, 2);
	CHECK_EQ(m->data[0], QUIC_EVENT_CONNECTION_MIGRATION);
	told[fd == p.srv] = m->data[1];
}

static void expect(int fd, int64_t id, const char *word)
{
	struct msg m;

	do {
		recv_msg(fd, &m);
		if (m.flags & MSG_QUIC_NOTIFICATION)
			note(fd, &m);
	} while (m.flags & MSG_QUIC_NOTIFICATION);
	CHECK_EQ(m.id, id);
	CHECK_EQ(m.n, 4);
	CHECK(m.flags & MSG_QUIC_STREAM_FIN);
	CHECK(!memcmp(m.data, word, 4));
}

static void talk(void)
{
	int64_t id = next_id;

	next_id += 4;
	send_all(p.cli, id, "ping", 4, NEW | FIN);
	expect(p.srv, id, "ping");
	send_all(p.srv, id, "pong", 4, FIN);
	expect(p.cli, id, "pong");
}

static int move(int fd, int family, const char *addr, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = sock_addr(&ss, family, addr, port);

	return set_opt(fd, QUIC_SOCKOPT_CONNECTION_MIGRATION, &ss, len);
}

/* The event, within a few seconds: whose move it was. */
static void moved(int fd, uint8_t want)
{
	uint8_t *got = &told[fd == p.srv];
	struct msg m;

	if (*got == 9) {
		CHECK(sock_poll(fd, POLLIN, 10000) & POLLIN);
		recv_msg(fd, &m);
		note(fd, &m);
	}
	CHECK_EQ(*got, want);
	*got = 9;
}

/* Nothing was told, and nothing is for some time. */
static void stays(int fd)
{
	CHECK_EQ(told[fd == p.srv], 9);
	event_none(fd, 50);
}

static void at(int fd, bool peer, int family, const char *addr, uint16_t port)
{
	struct sockaddr_storage ss, want;
	socklen_t len = sizeof(ss), wlen = sock_addr(&want, family, addr, port);

	memset(&ss, 0, sizeof(ss));
	if (peer)
		CHECK_OK(getpeername(fd, (struct sockaddr *)&ss, &len));
	else
		CHECK_OK(getsockname(fd, (struct sockaddr *)&ss, &len));
	CHECK_EQ(len, wlen);
	CHECK_EQ(sock_port(&ss), port);
	CHECK(!memcmp(&ss, &want, len));
}

/* Both agree on where the client is. */
static void same_client(uint16_t port)
{
	struct sockaddr_storage a, b;
	socklen_t alen = sizeof(a), blen = sizeof(b);

	CHECK_OK(getsockname(p.cli, (struct sockaddr *)&a, &alen));
	CHECK_OK(getpeername(p.srv, (struct sockaddr *)&b, &blen));
	CHECK_EQ(alen, blen);
	CHECK(!memcmp(&a, &b, alen));
	CHECK_EQ(sock_port(&a), port);
}

/* ---- the client moves ---- */

static void active(const struct conf *c, int family, const char *from, const char *to)
{
	pair_open(&p, c);
	talk();
	/* another port */
	CHECK_OK(move(p.cli, family, from, 7001));
	moved(p.cli, 1);
	at(p.cli, false, family, from, 7001);
	talk();
	moved(p.srv, 0);
	at(p.srv, true, family, from, 7001);
	/* another address */
	CHECK_OK(move(p.cli, family, to, 7001));
	moved(p.cli, 1);
	talk();
	moved(p.srv, 0);
	at(p.cli, false, family, to, 7001);
	at(p.srv, true, family, to, 7001);
	at(p.srv, false, family, c->addr, sock_port(&p.addr));
	talk();
	/* where the route says, as for connect() */
	CHECK_OK(move(p.cli, family, family == AF_INET ? "0.0.0.0" : "::", 7002));
	moved(p.cli, 1);
	talk();
	moved(p.srv, 0);
	same_client(7002);
	pair_close(&p);
}

static void active4(void)
{
	more_addresses();
	active(&across, AF_INET, "10.0.0.1", "10.0.0.11");
}

static void active6(void)
{
	more_addresses();
	active(&across6, AF_INET6, "fd00::1", "fd00::11");
}

/* IPv4 on AF_INET6 sockets */
static void active_mapped(void)
{
	struct conf c = { .events = { MIGRATED, MIGRATED } };

	pair_open(&p, &c);
	pair_close(&p);
	p.lis = sock_new(AF_INET6, SOCK_STREAM);
	p.addrlen = sock_addr(&p.addr, AF_INET6, "::", 7010);
	CHECK_OK(bind(p.lis, (struct sockaddr *)&p.addr, p.addrlen));
	CHECK_OK(listen(p.lis, 4));
	event_on(p.lis, QUIC_EVENT_CONNECTION_MIGRATION, 1);
	p.addrlen = sock_addr(&p.addr, AF_INET, "127.0.0.1", 7010);
	p.cli = sock_new(AF_INET6, SOCK_STREAM);
	event_on(p.cli, QUIC_EVENT_CONNECTION_MIGRATION, 1);
	CHECK_OK(connect(p.cli, (struct sockaddr *)&p.addr, p.addrlen));
	p.srv = pair_handshake(p.cli, p.lis, &c);
	talk();
	CHECK_OK(move(p.cli, AF_INET, "127.0.0.9", 7011));
	moved(p.cli, 1);
	talk();
	moved(p.srv, 0);
	at(p.srv, true, AF_INET, "127.0.0.9", 7011);
	pair_close(&p);
}

/* Again and again: ports are given back, connection IDs do not run out. */
static void active_often(void)
{
	unsigned int i, tries;

	pair_open(&p, &across);
	for (i = 0; i < 12; i++) {
		for (tries = 0; move(p.cli, AF_INET, "10.0.0.1", 7100 + i); tries++) {
			CHECK_EQ(errno, EAGAIN);
			CHECK(tries < 1000);
			sleep_ms(10);
		}
		moved(p.cli, 1);
		talk();
		moved(p.srv, 0);
	}
	pair_close(&p);
	/* the ports that it has left are free: at once, or once the last path is forgotten */
	for (i = 0; i < 12; i++) {
		struct sockaddr_storage ss;
		socklen_t len = sock_addr(&ss, AF_INET, "10.0.0.1", 7100 + i);
		int fd;

		enter_ns("client");
		fd = CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
		enter_ns(NULL);
		for (tries = 0; bind(fd, (struct sockaddr *)&ss, len) && tries < 1000; tries++)
			sleep_ms(10);
		CHECK(tries < 1000);
		close(fd);
	}
}

static uint64_t bytes;

static void *sink(void *arg)
{
	recv_pattern(*(int *)arg, 0, bytes, true);
	return NULL;
}

/* While data is on its way, over a link that loses some. */
static void active_in_transfer(void)
{
	struct conf c = across;
	unsigned int i;
	pthread_t t;

	c.events[CLI] = c.events[SRV] = 0;
	c.cfg[CLI].initial_smoothed_rtt = c.cfg[SRV].initial_smoothed_rtt = 20000;
	more_addresses();
	test_shell("tc -n client qdisc replace dev c0 root netem delay 2ms loss 2%% limit 10000; "
		   "tc -n server qdisc replace dev s0 root netem delay 2ms loss 2%% limit 10000");
	bytes = test_scaled(4 * MIB, MIB);
	pair_open(&p, &c);
	CHECK_EQ(pthread_create(&t, NULL, sink, &p.srv), 0);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	for (i = 0; i < 4; i++) {
		uint8_t part[64 * KIB];
		uint64_t off, end = bytes / 4 * (i + 1);

		for (off = bytes / 4 * i; off < end; off += sizeof(part)) {
			pattern_fill(part, sizeof(part), 0, off);
			send_all(p.cli, 0, part, sizeof(part),
				 off + sizeof(part) == bytes ? FIN : 0);
		}
		if (move(p.cli, AF_INET, i & 1 ? "10.0.0.1" : "10.0.0.11", 7200 + i))
			CHECK_EQ(errno, EAGAIN);
	}
	pthread_join(t, NULL);
	pair_close(&p);
	test_shell("tc -n client qdisc del dev c0 root; tc -n server qdisc del dev s0 root");
}

/* What qstat(1) has of the client's connection. */
static void diag_shows(const char *text)
{
	char line[2000];
	ssize_t n;
	int fd;

	enter_ns("client");
	fd = CHECK_OK(open("/proc/thread-self/net/quic/sockets", O_RDONLY));
	n = CHECK_OK(read(fd, line, sizeof(line) - 1));
	line[n] = '\0';
	close(fd);
	enter_ns(NULL);
	CHECK(strstr(line, text));
}

/* Nothing comes back from there: the connection stays where it is, and may try again. */
static void active_to_nowhere(void)
{
	struct conf c = across;
	uint64_t begin;

	c.cfg[CLI].initial_smoothed_rtt = 100000;
	more_addresses();
	pair_open(&p, &c);
	talk();
	test_shell("ip -n server route add blackhole 10.0.0.11/32");
	CHECK_OK(move(p.cli, AF_INET, "10.0.0.11", 7301));
	CHECK_ERR(move(p.cli, AF_INET, "10.0.0.1", 7302), EAGAIN);
	diag_shows(" cand_local=10.0.0.11:7301 ");
	diag_shows(" cand_validated=0");
	talk();
	begin = now_ms();
	while (move(p.cli, AF_INET, "10.0.0.1", 7302)) {
		CHECK_EQ(errno, EAGAIN);
		CHECK(now_ms() - begin < 20000);
		sleep_ms(20);
		talk();
	}
	/* three tries, after 0, 1 and 3 PTO, and three more to wait: RFC 9000 §8.2.4 */
	CHECK(now_ms() - begin > 1000);
	moved(p.cli, 1);
	talk();
	moved(p.srv, 0);
	at(p.srv, true, AF_INET, "10.0.0.1", 7302);
	test_shell("ip -n server route del blackhole 10.0.0.11/32");
	pair_close(&p);
}

static void wrong_use(void)
{
	struct sockaddr_storage ss;
	struct conf c = across;
	socklen_t len = sizeof(ss);
	int fd;

	enter_ns("client");
	fd = sock_new(AF_INET, SOCK_STREAM);
	enter_ns(NULL);
	CHECK_ERR(move(fd, AF_INET, "10.0.0.1", 7401), EPIPE);
	close(fd);
	pair_open(&p, &c);
	CHECK_ERR(move(p.lis, AF_INET, "10.0.0.2", 7401), EPIPE);
	CHECK_ERR(move(p.srv, AF_INET, "10.0.0.2", 7401), EOPNOTSUPP);
	CHECK_ERR(move(p.cli, AF_INET, "10.0.0.1", 0), EINVAL);
	CHECK_ERR(move(p.cli, AF_INET6, "fd00::1", 7401), EINVAL);
	CHECK_ERR(move(p.cli, AF_INET, "10.99.0.1", 7401), EADDRNOTAVAIL);
	sock_local(p.cli, &ss, &len);
	CHECK_ERR(set_opt(p.cli, QUIC_SOCKOPT_CONNECTION_MIGRATION, &ss, len), EINVAL);
	CHECK_ERR(set_opt(p.cli, QUIC_SOCKOPT_CONNECTION_MIGRATION, &ss, 1), EINVAL);
	CHECK_ERR(set_opt(p.cli, QUIC_SOCKOPT_CONNECTION_MIGRATION, &ss, 0), EINVAL);
	CHECK_ERR(get_opt(p.cli, QUIC_SOCKOPT_CONNECTION_MIGRATION, &ss, &len), ENOPROTOOPT);
	ss.ss_family = AF_UNIX;
	CHECK_ERR(set_opt(p.cli, QUIC_SOCKOPT_CONNECTION_MIGRATION, &ss, sizeof(ss)), EINVAL);
	enter_ns("client");
	fd = CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
	enter_ns(NULL);
	len = sock_addr(&ss, AF_INET, "10.0.0.1", 7402);
	CHECK_OK(bind(fd, (struct sockaddr *)&ss, len));
	CHECK_ERR(move(p.cli, AF_INET, "10.0.0.1", 7402), EADDRINUSE);
	close(fd);
	talk();
	stays(p.cli);
	CHECK_OK(shutdown(p.cli, SHUT_RDWR));
	CHECK_ERR(move(p.cli, AF_INET, "10.0.0.1", 7403), EPIPE);
	pair_close(&p);
	/* RFC 9000 §9: the server does not want it */
	next_id = 0;
	c.tp[SRV].disable_active_migration = 1;
	pair_open(&p, &c);
	CHECK_ERR(move(p.cli, AF_INET, "10.0.0.1", 7404), EPERM);
	talk();
	pair_close(&p);
}

static void moving_ids(void)
{
	struct quic_connection_id_info info = { .dest = 1, .prior_to = 1 };

	pair_open(&p, &across);
	test_shell("tc -n client qdisc replace dev c0 root netem delay 300ms");
	CHECK_OK(move(p.cli, AF_INET, "10.0.0.1", 7501));
	CHECK_ERR(set_opt(p.cli, QUIC_SOCKOPT_CONNECTION_ID, &info, sizeof(info)), EAGAIN);
	moved(p.cli, 1);
	test_shell("tc -n client qdisc del dev c0 root");
	talk();
	pair_close(&p);
}

/* ---- NATs ---- */

/*
 * A forwarder between client and server: what the client sends leaves from 'out', which
 * can be replaced.  As an attacker it lets copies overtake the genuine packets.
 */
static struct nat {
	int in, out, evil;		/* evil -1: honest */
	struct sockaddr_storage client, server;
	socklen_t clen, slen;
	volatile int next;		/* to be used from the next datagram on */
	volatile int copies;		/* so many more are overtaken */
} nat;

static int udp_at(const char *addr)
{
	struct sockaddr_storage ss;
	socklen_t len = sock_addr(&ss, AF_INET, addr, 0);
	int fd = CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));

	CHECK_OK(bind(fd, (struct sockaddr *)&ss, len));
	return fd;
}

static void from_client(void)
{
	static uint8_t d[65536];
	ssize_t n;

	nat.clen = sizeof(nat.client);
	n = recvfrom(nat.in, d, sizeof(d), 0, (struct sockaddr *)&nat.client, &nat.clen);
	if (n <= 0)
		return;
	if (nat.next >= 0) {
		nat.out = nat.next;
		nat.next = -1;
	}
	if (nat.evil >= 0 && nat.copies > 0) {
		nat.copies--;
		sendto(nat.evil, d, n, 0, (struct sockaddr *)&nat.server, nat.slen);
		sleep_ms(2);
	}
	sendto(nat.out, d, n, 0, (struct sockaddr *)&nat.server, nat.slen);
}

static void *forward(void *arg)
{
	static uint8_t d[65536];
	ssize_t n;

	(void)arg;
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = nat.in, .events = POLLIN }, { .fd = nat.out, .events = POLLIN },
		};

		if (poll(fds, 2, 20) <= 0)
			continue;
		if (fds[0].revents)
			from_client();
		if (!fds[1].revents)
			continue;
		n = recv(fds[1].fd, d, sizeof(d), MSG_DONTWAIT);
		if (n > 0)
			sendto(nat.in, d, n, 0, (struct sockaddr *)&nat.client, nat.clen);
	}
	return NULL;
}

static void nat_open(const struct conf *c)
{
	pthread_t t;
	socklen_t len = sizeof(p.addr);

	listener_new(c, &p);
	nat.in = udp_at("127.0.0.1");
	nat.out = udp_at("127.0.0.1");
	nat.evil = nat.next = -1;
	nat.server = p.addr;
	nat.slen = p.addrlen;
	CHECK_OK(getsockname(nat.in, (struct sockaddr *)&p.addr, &len));
	CHECK_EQ(pthread_create(&t, NULL, forward, NULL), 0);
	p.cli = client_new(c, &p);
	p.srv = pair_handshake(p.cli, p.lis, c);
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len;

	sock_local(fd, &ss, &len);
	return sock_port(&ss);
}

static void rebinding(void)
{
	static const struct conf c = { .events = { MIGRATED, MIGRATED } };
	int old;

	nat_open(&c);
	talk();
	at(p.srv, true, AF_INET, "127.0.0.1", port_of(nat.out));
	/* of the port: the old one is gone */
	old = nat.out;
	nat.next = udp_at("127.0.0.1");
	talk();
	close(old);
	moved(p.srv, 0);
	at(p.srv, true, AF_INET, "127.0.0.1", port_of(nat.out));
	/* of the address */
	old = nat.out;
	nat.next = udp_at("127.0.0.5");
	talk();
	close(old);
	moved(p.srv, 0);
	at(p.srv, true, AF_INET, "127.0.0.5", port_of(nat.out));
	talk();
	stays(p.cli);
	pair_close(&p);
}

static void *source(void *arg)
{
	send_pattern(*(int *)arg, 0, bytes, FIN);
	return NULL;
}

/* While the server sends: the mapping changes a few times. */
static void rebinding_in_transfer(void)
{
	static const struct conf c;
	pthread_t t[2];
	int i, old;

	nat_open(&c);
	bytes = test_scaled(8 * MIB, MIB);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	send_all(p.cli, 0, "go", 2, 0);
	recv_all(p.srv, 0, buf, 2, false);
	CHECK_EQ(pthread_create(&t[0], NULL, source, &p.srv), 0);
	CHECK_EQ(pthread_create(&t[1], NULL, sink, &p.cli), 0);
	for (i = 0; i < 4; i++) {
		sleep_ms(100);
		old = nat.out;
		nat.next = udp_at(i & 1 ? "127.0.0.1" : "127.0.0.6");
		/* a NAT knows a new mapping by what the client sends */
		while (nat.next >= 0) {
			CHECK_OK(quic_sendmsg(p.cli, "x", 1, 0, 0));
			sleep_ms(10);
		}
		close(old);
	}
	pthread_join(t[1], NULL);
	pthread_join(t[0], NULL);
	pair_close(&p);
}

/* RFC 9000 §9.3.3: copies from elsewhere arrive first, but nobody answers there */
static void attacker(void)
{
	static const struct conf c = { .events = { MIGRATED, MIGRATED } };
	int i;

	nat_open(&c);
	talk();
	nat.evil = udp_at("127.0.0.66");
	for (i = 0; i < 5; i++) {
		nat.copies = 1;
		talk();
	}
	talk();
	at(p.srv, true, AF_INET, "127.0.0.1", port_of(nat.out));
	/* never validated, so never told */
	stays(p.srv);
	pair_close(&p);
}

/* The peer vanishes behind a rebinding that leads nowhere: time ends it, not a crash. */
static void rebinding_to_nowhere(void)
{
	struct conf c = {};

	c.tp[SRV].max_idle_timeout = 2000000;
	nat_open(&c);
	talk();
	nat.evil = udp_at("127.0.0.66");
	nat.copies = 1;
	send_all(p.cli, next_id, "x", 1, NEW);
	recv_all(p.srv, next_id, buf, 1, false);
	nat.in = dup(nat.evil);		/* from here on nothing of the client's gets through */
	CHECK_ERR(recv(p.srv, buf, 1, 0), ETIMEDOUT);
	pair_close(&p);
}

/* ---- preferred addresses ---- */

static uint16_t preferred_port;

static void prefer(int fd)
{
	CHECK_OK(move(fd, AF_INET, "10.0.0.12", preferred_port));
	CHECK_OK(move(fd, AF_INET6, "fd00::12", preferred_port));
	CHECK_ERR(move(fd, AF_INET, "0.0.0.0", preferred_port), EINVAL);
	CHECK_ERR(move(fd, AF_INET, "10.0.0.12", 0), EINVAL);
	CHECK_ERR(move(fd, AF_INET, "10.99.0.1", preferred_port), EADDRNOTAVAIL);
}

static void preferred_at(const struct conf *from, int family, const char *addr)
{
	struct conf c = *from;

	next_id = 0;
	preferred_port = 7600;
	c.accepted = prefer;
	c.tp[SRV].disable_active_migration = 1;
	pair_open(&p, &c);
	moved(p.cli, 0);
	talk();
	moved(p.srv, 1);
	at(p.cli, true, family, addr, 7600);
	at(p.srv, false, family, addr, 7600);
	CHECK_ERR(move(p.srv, family, addr, 7601), EOPNOTSUPP);
	talk();
	/* RFC 9000 §9: now a client may migrate all the same */
	CHECK_OK(move(p.cli, family, family == AF_INET ? "0.0.0.0" : "::", 7602));
	moved(p.cli, 1);
	talk();
	moved(p.srv, 0);
	pair_close(&p);
}

static void preferred(void)
{
	more_addresses();
	preferred_at(&across, AF_INET, "10.0.0.12");
	preferred_at(&across6, AF_INET6, "fd00::12");
}

static void prefer_same_port(int fd)
{
	CHECK_OK(move(fd, AF_INET, "10.0.0.12", sock_port(&p.addr)));
}

/* The listener's own UDP socket serves it; and two connections share one. */
static void preferred_shared(void)
{
	struct conf c = across;
	struct pair q;

	more_addresses();
	c.addr = "0.0.0.0";
	c.accepted = prefer_same_port;
	listener_new(&c, &p);
	p.addrlen = sock_addr(&p.addr, AF_INET, "10.0.0.2", sock_port(&p.addr));
	p.cli = client_new(&c, &p);
	p.srv = pair_handshake(p.cli, p.lis, &c);
	moved(p.cli, 0);
	talk();
	moved(p.srv, 1);
	at(p.cli, true, AF_INET, "10.0.0.12", sock_port(&p.addr));
	preferred_port = 7700;
	c.accepted = prefer;
	q = p;
	q.cli = client_new(&c, &q);
	q.srv = pair_handshake(q.cli, q.lis, &c);
	CHECK(sock_poll(q.cli, POLLIN, 10000) & POLLIN);
	p.lis = q.lis;
	talk();
	close(p.cli);
	close(p.srv);
	p.cli = client_new(&c, &q);
	p.srv = pair_handshake(p.cli, p.lis, &c);
	close(q.cli);
	close(q.srv);
	moved(p.cli, 0);
	next_id = 0;
	talk();
	moved(p.srv, 1);
	pair_close(&p);
}

/* RFC 9000 §9.6.1: not to be reached: the original address goes on */
static void preferred_dead(void)
{
	struct conf c = across;

	more_addresses();
	preferred_port = 7800;
	c.accepted = prefer;
	c.cfg[CLI].initial_smoothed_rtt = 100000;
	test_shell("ip -n client route add blackhole 10.0.0.12/32");
	pair_open(&p, &c);
	talk();
	sleep_ms(3000);
	talk();
	stays(p.cli);
	at(p.cli, true, AF_INET, "10.0.0.2", sock_port(&p.addr));
	test_shell("ip -n client route del blackhole 10.0.0.12/32");
	pair_close(&p);
}

static const struct test tests[] = {
	{ "active-ipv4", active4 },
	{ "active-ipv6", active6 },
	{ "active-mapped", active_mapped },
	{ "active-often", active_often, 60 },
	{ "active-in-transfer", active_in_transfer, 60 },
	{ "active-to-nowhere", active_to_nowhere, 60 },
	{ "wrong-use", wrong_use },
	{ "connection-ids", moving_ids },
	{ "rebinding", rebinding },
	{ "rebinding-in-transfer", rebinding_in_transfer, 60 },
	{ "attacker", attacker },
	{ "rebinding-to-nowhere", rebinding_to_nowhere, 40 },
	{ "preferred-address", preferred },
	{ "preferred-shared", preferred_shared },
	{ "preferred-dead", preferred_dead },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

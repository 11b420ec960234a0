// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * socket() to close() without much data: addresses of all kinds, types,
 * shared ports, and the calls that come at the wrong time.
 */
#include <fcntl.h>

#include <sys/wait.h>

#include "lib.h"

static void check_names(const struct pair *p, int family)
{
	struct sockaddr_storage a, b;
	socklen_t len;

	sock_local(p->srv, &a, &len);
	CHECK_EQ(len, family == AF_INET ? sizeof(struct sockaddr_in) :
					  sizeof(struct sockaddr_in6));
	CHECK_EQ(a.ss_family, family);
	CHECK_EQ(sock_port(&a), sock_port(&p->addr));
	len = sizeof(b);
	memset(&b, 0xff, sizeof(b));
	CHECK_OK(getpeername(p->cli, (struct sockaddr *)&b, &len));
	CHECK(!memcmp(&a, &b, len));
	sock_local(p->cli, &a, &len);
	CHECK(sock_port(&a));
	len = sizeof(b);
	memset(&b, 0xff, sizeof(b));
	CHECK_OK(getpeername(p->srv, (struct sockaddr *)&b, &len));
	CHECK_EQ(b.ss_family, family);
	CHECK(!memcmp(&a, &b, len));
}

static void ping_pong(const struct pair *p)
{
	char buf[8];

	send_all(p->cli, 0, "ping", 4, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN);
	recv_all(p->srv, 0, buf, 4, true);
	CHECK(!memcmp(buf, "ping", 4));
	send_all(p->srv, 0, "pong", 4, MSG_QUIC_STREAM_FIN);
	recv_all(p->cli, 0, buf, 4, true);
	CHECK(!memcmp(buf, "pong", 4));
}

static void ipv4(void)
{
	struct pair p;

	pair_open(&p, NULL);
	check_names(&p, AF_INET);
	ping_pong(&p);
	pair_close(&p);
}

static void ipv6(void)
{
	struct conf c = { .family = AF_INET6 };
	struct pair p;

	pair_open(&p, &c);
	check_names(&p, AF_INET6);
	ping_pong(&p);
	pair_close(&p);
}

static void datagram_type(void)
{
	struct conf c = { .type = SOCK_DGRAM };
	struct pair p;

	pair_open(&p, &c);
	check_names(&p, AF_INET);
	ping_pong(&p);
	pair_close(&p);
}

/* An IPv6 socket whose peer is an IPv4-mapped address. */
static void v4_mapped(void)
{
	struct conf c = { .family = AF_INET6, .addr = "::ffff:127.0.0.1" };
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct pair p;

	pair_open(&p, &c);
	CHECK_OK(getpeername(p.cli, (struct sockaddr *)&ss, &len));
	if (ss.ss_family == AF_INET6)
		CHECK(IN6_IS_ADDR_V4MAPPED(&((struct sockaddr_in6 *)&ss)->sin6_addr));
	else
		CHECK_EQ(len, sizeof(struct sockaddr_in));
	CHECK_EQ(sock_port(&ss), sock_port(&p.addr));
	ping_pong(&p);
	pair_close(&p);
}

/* The draft: an IPv6 socket takes an IPv4 address as it is. */
static void v4_on_v6(void)
{
	struct sockaddr_storage ss, peer;
	struct conf c = {};
	socklen_t len = sizeof(peer);
	struct pair p;

	p.lis = sock_new(AF_INET6, SOCK_STREAM);
	p.addrlen = sock_addr(&ss, AF_INET, NULL, 0);
	CHECK_OK(bind(p.lis, (struct sockaddr *)&ss, p.addrlen));
	CHECK_OK(listen(p.lis, 8));
	sock_local(p.lis, &p.addr, &p.addrlen);
	CHECK_EQ(p.addr.ss_family, AF_INET);
	CHECK_EQ(p.addrlen, sizeof(struct sockaddr_in));
	CHECK(sock_port(&p.addr));
	p.cli = sock_new(AF_INET6, SOCK_STREAM);
	CHECK_OK(connect(p.cli, (struct sockaddr *)&p.addr, p.addrlen));
	memset(&peer, 0xff, sizeof(peer));
	CHECK_OK(getpeername(p.cli, (struct sockaddr *)&peer, &len));
	CHECK_EQ(len, sizeof(struct sockaddr_in));
	CHECK(!memcmp(&peer, &p.addr, len));
	p.srv = pair_handshake(p.cli, p.lis, &c);
	ping_pong(&p);
	pair_close(&p);
}

/* A wildcard IPv6 listener serves IPv4 clients, unless IPV6_V6ONLY. */
static void wildcard_v6(void)
{
	struct conf c = { .family = AF_INET6, .addr = "::" };
	struct sockaddr_storage ss;
	struct pair p;
	socklen_t len;

	listener_new(&c, &p);
	p.cli = sock_new(AF_INET, SOCK_STREAM);
	len = sock_addr(&ss, AF_INET, NULL, sock_port(&p.addr));
	CHECK_OK(connect(p.cli, (struct sockaddr *)&ss, len));
	p.srv = pair_handshake(p.cli, p.lis, &c);
	ping_pong(&p);
	pair_close(&p);
}

static void wildcard_v4(void)
{
	struct conf c = { .addr = "0.0.0.0" };
	struct sockaddr_storage ss;
	struct pair p;
	socklen_t len;

	listener_new(&c, &p);
	p.cli = sock_new(AF_INET, SOCK_STREAM);
	len = sock_addr(&ss, AF_INET, "127.0.0.9", sock_port(&p.addr));
	CHECK_OK(connect(p.cli, (struct sockaddr *)&ss, len));
	p.srv = pair_handshake(p.cli, p.lis, &c);
	sock_local(p.srv, &ss, &len);
	CHECK_EQ(((struct sockaddr_in *)&ss)->sin_addr.s_addr, inet_addr("127.0.0.9"));
	ping_pong(&p);
	pair_close(&p);
}

static void types_and_protocols(void)
{
	int fd, v;
	socklen_t len = sizeof(v);

	CHECK(socket(AF_INET, SOCK_SEQPACKET, IPPROTO_QUIC) < 0);
	CHECK(socket(AF_UNIX, SOCK_STREAM, IPPROTO_QUIC) < 0);
	fd = sock_new(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC);
	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &v, &len));
	CHECK_EQ(v, IPPROTO_QUIC);
	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &v, &len));
	CHECK_EQ(v, SOCK_DGRAM);
	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &v, &len));
	CHECK_EQ(v, AF_INET6);
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &v, &len));
	CHECK_EQ(v, 0);
	CHECK_OK(listen(fd, 1));
	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &v, &len));
	CHECK_EQ(v, 1);
}

/* ---- ports ---- */

static int try_bind(int fd, int family, const char *addr, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = sock_addr(&ss, family, addr, port);

	return bind(fd, (struct sockaddr *)&ss, len);
}

/* A port is given back by a work item, soon after the last close(). */
static int bind_soon(int fd, int family, const char *addr, uint16_t port)
{
	uint64_t end = now_ms() + 10000;

	while (try_bind(fd, family, addr, port)) {
		if (errno != EADDRINUSE || now_ms() > end)
			return -1;
		sleep_ms(2);
	}
	return 0;
}

static uint16_t local_port(int fd)
{
	struct sockaddr_storage ss;
	socklen_t len;

	sock_local(fd, &ss, &len);
	return sock_port(&ss);
}

static void port_zero(void)
{
	int a = sock_new(AF_INET, SOCK_STREAM), b = sock_new(AF_INET, SOCK_STREAM);

	CHECK_OK(try_bind(a, AF_INET, NULL, 0));
	CHECK_OK(try_bind(b, AF_INET, NULL, 0));
	CHECK(local_port(a));
	CHECK(local_port(b));
	CHECK(local_port(a) != local_port(b));
}

static void port_of_udp(void)
{
	int udp = CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
	int fd = sock_new(AF_INET, SOCK_STREAM);
	uint16_t port;

	CHECK_OK(try_bind(udp, AF_INET, NULL, 0));
	port = local_port(udp);
	CHECK_ERR(try_bind(fd, AF_INET, NULL, port), EADDRINUSE);
	close(udp);
	CHECK_OK(try_bind(fd, AF_INET, NULL, port));
	CHECK_EQ(local_port(fd), port);
	udp = CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
	CHECK_ERR(try_bind(udp, AF_INET, NULL, port), EADDRINUSE);
	close(fd);
	CHECK_OK(bind_soon(udp, AF_INET, NULL, port));
}

/* Several sockets share an address and port, and the UDP socket below. */
static void port_shared(void)
{
	int a = sock_new(AF_INET, SOCK_STREAM), b = sock_new(AF_INET, SOCK_STREAM);
	int udp = CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
	uint16_t port;

	CHECK_OK(try_bind(a, AF_INET, NULL, 0));
	port = local_port(a);
	CHECK_OK(try_bind(b, AF_INET, NULL, port));
	CHECK_EQ(local_port(b), port);
	close(a);
	CHECK_ERR(try_bind(udp, AF_INET, NULL, port), EADDRINUSE);
	close(b);
	CHECK_OK(bind_soon(udp, AF_INET, NULL, port));
}

/*
 * A port is in use for as long as a connection there has something to do: for a UDP
 * socket, not for the next QUIC socket at the same address.
 */
static void port_of_closed(void)
{
	struct conf c = { .tp[CLI] = { .max_stream_data_uni = 1000 } };
	uint8_t data[5000] = {};
	uint16_t port;
	int udp, fd;
	struct pair p;

	net_own();
	net_limit("linger_timeout", 60000);
	udp = CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
	pair_open(&p, &c);
	port = local_port(p.lis);
	send_all(p.srv, 3, data, sizeof(data), MSG_QUIC_STREAM_NEW);	/* more than may leave */
	CHECK_OK(close(p.srv));
	CHECK_OK(close(p.lis));
	CHECK_ERR(try_bind(udp, AF_INET, NULL, port), EADDRINUSE);
	fd = sock_new(AF_INET, SOCK_STREAM);
	CHECK_OK(try_bind(fd, AF_INET, NULL, port));
	CHECK_OK(listen(fd, 1));
	CHECK_OK(close(fd));
	CHECK_ERR(try_bind(udp, AF_INET, NULL, port), EADDRINUSE);
	CHECK_OK(close(p.cli));		/* the end of it, and of the wait */
	CHECK_OK(bind_soon(udp, AF_INET, NULL, port));
}

/* Two clients on one local port talk to two servers, and to the same one. */
static void port_shared_by_clients(void)
{
	struct conf c = {};
	struct pair p[3];
	uint16_t port = 0;
	unsigned int i;

	listener_new(&c, &p[0]);
	listener_new(&c, &p[1]);
	p[2] = p[1];
	for (i = 0; i < ARRAY(p); i++) {
		p[i].cli = sock_new(AF_INET, SOCK_STREAM);
		CHECK_OK(try_bind(p[i].cli, AF_INET, NULL, port));
		port = local_port(p[i].cli);
		CHECK_OK(connect(p[i].cli, (struct sockaddr *)&p[i].addr, p[i].addrlen));
		p[i].srv = pair_handshake(p[i].cli, p[i].lis, &c);
	}
	for (i = 0; i < ARRAY(p); i++)
		ping_pong(&p[i]);
	CHECK_OK(close(p[1].cli));	/* the others stay */
	CHECK_OK(close(p[1].srv));
	send_all(p[2].cli, 4, "x", 1, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN);
	send_all(p[0].cli, 4, "x", 1, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN);
	recv_all(p[2].srv, 4, &port, 1, true);
	recv_all(p[0].srv, 4, &port, 1, true);
}

/* A client uses the port of a listener; one socket connects to itself's listener. */
static void client_on_listener_port(void)
{
	struct conf c = {};
	struct pair p, q;

	listener_new(&c, &p);
	listener_new(&c, &q);
	p.cli = sock_new(AF_INET, SOCK_STREAM);
	CHECK_OK(try_bind(p.cli, AF_INET, NULL, sock_port(&q.addr)));
	CHECK_OK(connect(p.cli, (struct sockaddr *)&p.addr, p.addrlen));
	p.srv = pair_handshake(p.cli, p.lis, &c);
	ping_pong(&p);
	q.cli = client_new(&c, &q);
	q.srv = pair_handshake(q.cli, q.lis, &c);
	ping_pong(&q);
	pair_close(&p);
	pair_close(&q);
}

static int listen_on(uint16_t port, const char *alpn, bool reuse)
{
	int fd = sock_new(AF_INET, SOCK_STREAM), one = 1, ret;

	if (reuse)
		CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)));
	CHECK_OK(try_bind(fd, AF_INET, NULL, port));
	if (alpn)
		CHECK_OK(set_opt(fd, QUIC_SOCKOPT_ALPN, alpn, strlen(alpn)));
	ret = listen(fd, 4);
	if (!ret)
		return fd;
	ret = errno;
	close(fd);
	errno = ret;
	return -1;
}

static void port_of_listeners(void)
{
	int a = CHECK_OK(listen_on(0, "one,two", false));
	uint16_t port = local_port(a);
	int b, c;

	CHECK_ERR(listen_on(port, "two,three", false), EADDRINUSE);
	CHECK_ERR(listen_on(port, "one,two", false), EADDRINUSE);
	b = CHECK_OK(listen_on(port, "three", false));
	c = CHECK_OK(listen_on(port, NULL, false));
	CHECK_ERR(listen_on(port, NULL, false), EADDRINUSE);
	close(a);
	a = CHECK_OK(listen_on(port, "one,two", true));
	CHECK_OK(listen_on(port, "one,two", true));
	CHECK_ERR(listen_on(port, "one,two", false), EADDRINUSE);
	CHECK_ERR(listen_on(port, "two", true), EADDRINUSE);
	close(a);
	close(b);
	close(c);
}

/* ---- wrong states ---- */

/* The draft: connect() SHOULD NOT send any packets. */
static void connect_is_silent(void)
{
	struct sockaddr_storage ss;
	socklen_t len = sock_addr(&ss, AF_INET, NULL, 0);
	int peer = CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));
	int fd = sock_new(AF_INET, SOCK_STREAM);
	char buf[16];

	CHECK_OK(bind(peer, (struct sockaddr *)&ss, len));
	sock_local(peer, &ss, &len);
	CHECK_OK(connect(fd, (struct sockaddr *)&ss, len));
	CHECK_EQ(sock_poll(peer, POLLIN, 200), 0);
	CHECK_OK(close(fd));		/* nor does the end of a connection that never began */
	CHECK_EQ(sock_poll(peer, POLLIN, 100), 0);
	CHECK_ERR(recv(peer, buf, sizeof(buf), MSG_DONTWAIT), EAGAIN);
	CHECK_OK(close(peer));
}

/* A port below 1024 is for who may have it, as for TCP and UDP; all else is for everybody. */
static void low_port(void)
{
	int status;
	pid_t pid;

	if (geteuid())
		test_skip("needs root");
	test_shell("sysctl -q -w net.ipv4.ip_unprivileged_port_start=1024");
	pid = fork();
	if (!pid) {
		CHECK_OK(setgid(65534));
		CHECK_OK(setuid(65534));
		CHECK_ERR(try_bind(sock_new(AF_INET, SOCK_STREAM), AF_INET, NULL, 443), EACCES);
		CHECK_ERR(try_bind(sock_new(AF_INET6, SOCK_STREAM), AF_INET6, NULL, 443), EACCES);
		CHECK_OK(try_bind(sock_new(AF_INET, SOCK_STREAM), AF_INET, NULL, 44443));
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_OK(try_bind(sock_new(AF_INET, SOCK_STREAM), AF_INET, NULL, 443));
}

static void wrong_state_new(void)
{
	int fd = sock_new(AF_INET, SOCK_STREAM);
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char c = 0;

	signal(SIGPIPE, SIG_IGN);
	CHECK_ERR(accept(fd, NULL, NULL), EINVAL);
	CHECK_ERR(send(fd, "x", 1, 0), EPIPE);
	CHECK_ERR(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_ERR(recv(fd, &c, 1, MSG_DONTWAIT), ENOTCONN);
	CHECK_ERR(recv(fd, &c, 1, 0), ENOTCONN);
	CHECK_ERR(getpeername(fd, (struct sockaddr *)&ss, &len), ENOTCONN);
	CHECK_ERR(shutdown(fd, SHUT_RDWR), ENOTCONN);
	CHECK_ERR(stream_open(fd, -1, 0), EPIPE);
	CHECK_EQ(sock_poll(fd, POLLIN | POLLOUT, 0) & POLLHUP, POLLHUP);
	sock_local(fd, &ss, &len);
	CHECK_EQ(ss.ss_family, AF_INET);
	CHECK_EQ(sock_port(&ss), 0);
	CHECK_OK(try_bind(fd, AF_INET, NULL, 0));	/* none of that did harm */
	CHECK_OK(listen(fd, 1));
	CHECK_OK(close(fd));
}

static void wrong_state_bound(void)
{
	int fd = sock_new(AF_INET, SOCK_STREAM);
	struct sockaddr_storage ss;
	socklen_t len;

	CHECK_OK(try_bind(fd, AF_INET, NULL, 0));
	CHECK_ERR(try_bind(fd, AF_INET, NULL, 0), EINVAL);
	CHECK_ERR(accept(fd, NULL, NULL), EINVAL);
	CHECK_OK(listen(fd, 5));
	CHECK_OK(listen(fd, 7));		/* another backlog */
	CHECK_ERR(try_bind(fd, AF_INET, NULL, 0), EINVAL);
	sock_local(fd, &ss, &len);
	CHECK(connect(fd, (struct sockaddr *)&ss, len) < 0);
	CHECK_ERR(stream_open(fd, -1, 0), EPIPE);
	CHECK_ERR(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_ERR(recv(fd, &len, 1, MSG_DONTWAIT), ENOTCONN);
	CHECK_ERR(getpeername(fd, (struct sockaddr *)&ss, &len), ENOTCONN);
	sock_nonblock(fd, true);
	CHECK_ERR(accept(fd, NULL, NULL), EAGAIN);
	CHECK_OK(listen(fd, 0));		/* listens no longer */
	CHECK_ERR(accept(fd, NULL, NULL), EINVAL);
	CHECK_OK(close(fd));
}

static void wrong_state_connected(void)
{
	struct pair p;
	struct sockaddr_storage ss;
	char buf[1];

	listener_new(&(struct conf){}, &p);
	p.cli = client_new(&(struct conf){}, &p);
	CHECK_ERR(connect(p.cli, (struct sockaddr *)&p.addr, p.addrlen), EINVAL);
	CHECK_ERR(listen(p.cli, 1), EINVAL);
	CHECK_ERR(accept(p.cli, NULL, NULL), EINVAL);
	CHECK_ERR(try_bind(p.cli, AF_INET, NULL, 0), EINVAL);
	CHECK_ERR(send(p.cli, "x", 1, MSG_NOSIGNAL), EINVAL);	/* no keys yet */
	CHECK_ERR(recv(p.cli, buf, 1, MSG_DONTWAIT), EAGAIN);
	p.srv = pair_handshake(p.cli, p.lis, &(struct conf){});
	CHECK_ERR(connect(p.cli, (struct sockaddr *)&p.addr, p.addrlen), EINVAL);
	CHECK_ERR(connect(p.srv, (struct sockaddr *)&p.addr, p.addrlen), EINVAL);
	CHECK_ERR(listen(p.srv, 1), EINVAL);
	CHECK_ERR(accept(p.srv, NULL, NULL), EINVAL);
	sock_addr(&ss, AF_INET, NULL, 0);
	CHECK_ERR(bind(p.srv, (struct sockaddr *)&ss, p.addrlen), EINVAL);
	ping_pong(&p);
	pair_close(&p);
}

static void bad_addresses(void)
{
	int fd = sock_new(AF_INET, SOCK_STREAM), v6 = sock_new(AF_INET6, SOCK_STREAM);
	struct sockaddr_storage ss;
	socklen_t len;

	len = sock_addr(&ss, AF_INET, NULL, 0);
	CHECK_ERR(bind(fd, (struct sockaddr *)&ss, len - 1), EINVAL);
	CHECK_ERR(bind(fd, (struct sockaddr *)8, len), EFAULT);
	CHECK_ERR(connect(fd, (struct sockaddr *)&ss, len), EINVAL);	/* port 0 */
	CHECK_ERR(connect(fd, (struct sockaddr *)&ss, 3), EINVAL);
	CHECK_ERR(connect(fd, (struct sockaddr *)8, len), EFAULT);
	CHECK_ERR(try_bind(fd, AF_INET, "192.0.2.77", 0), EADDRNOTAVAIL);
	CHECK(try_bind(fd, AF_INET6, NULL, 0) < 0);	/* an IPv6 address on IPv4 */
	len = sock_addr(&ss, AF_INET6, NULL, 4433);
	CHECK(connect(fd, (struct sockaddr *)&ss, len) < 0);
	ss.ss_family = AF_UNIX;
	CHECK(bind(fd, (struct sockaddr *)&ss, len) < 0);
	CHECK(connect(v6, (struct sockaddr *)&ss, len) < 0);
	len = sock_addr(&ss, AF_INET6, NULL, 0);
	CHECK_ERR(bind(v6, (struct sockaddr *)&ss, 24 - 1), EINVAL);
	CHECK_ERR(try_bind(v6, AF_INET6, "2001:db8::77", 0), EADDRNOTAVAIL);
	CHECK_OK(try_bind(fd, AF_INET, NULL, 0));
	CHECK_OK(try_bind(v6, AF_INET6, NULL, 0));
}

static void accept_address(void)
{
	struct conf c = {};
	struct sockaddr_storage ss, cli;
	socklen_t len = sizeof(ss), clen;
	struct pair p;
	int fd;

	listener_new(&c, &p);
	p.cli = client_new(&c, &p);
	p.srv = pair_handshake(p.cli, p.lis, &c);
	sock_local(p.cli, &cli, &clen);
	close(p.srv);
	close(p.cli);
	fd = fork();
	if (!fd) {
		fd = client_new(&c, &p);
		client_handshake(fd, &c);
		recv(fd, &ss, 1, 0);		/* until the server closes */
		_exit(0);
	}
	memset(&ss, 0xff, sizeof(ss));
	fd = CHECK_OK(accept4(p.lis, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC));
	CHECK_EQ(len, sizeof(struct sockaddr_in));
	CHECK_EQ(ss.ss_family, AF_INET);
	CHECK_EQ(((struct sockaddr_in *)&ss)->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
	CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	len = 4;			/* truncated, the true length returned */
	CHECK_OK(getpeername(fd, (struct sockaddr *)&cli, &len));
	CHECK_EQ(len, sizeof(struct sockaddr_in));
	CHECK_EQ(server_handshake(fd, &c), 0);
}

static void socket_options(void)
{
	int fd = sock_new(AF_INET6, SOCK_STREAM), v = 1;
	socklen_t len = sizeof(v);

	CHECK_OK(setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &v, sizeof(v)));
	CHECK_OK(getsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &v, &len));
	CHECK_EQ(v, 1);
	v = 256 * KIB;
	CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &v, sizeof(v)));
	CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &v, sizeof(v)));
	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &v, &len));
	CHECK(v >= (int)(256 * KIB));
	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &v, &len));
	CHECK_EQ(v, 0);
	CHECK(getsockopt(fd, 12345, 0, &v, &len) < 0);
}

static void many_open_and_close(void)
{
	unsigned long n = test_scaled(2000, 100);
	struct sockaddr_storage ss;
	socklen_t len;
	int fd;

	len = sock_addr(&ss, AF_INET, NULL, 4433);
	while (n--) {
		fd = sock_new(n & 1 ? AF_INET : AF_INET6, SOCK_STREAM);
		if (n & 2)
			CHECK_OK(connect(fd, (struct sockaddr *)&ss, len));
		else if (n & 4)
			CHECK_OK(listen(fd, 3));
		CHECK_OK(close(fd));
	}
}

static const struct test tests[] = {
	{ "ipv4", ipv4 },
	{ "ipv6", ipv6 },
	{ "datagram-type", datagram_type },
	{ "v4-mapped", v4_mapped },
	{ "v4-on-v6", v4_on_v6 },
	{ "wildcard-v6", wildcard_v6 },
	{ "wildcard-v4", wildcard_v4 },
	{ "types-and-protocols", types_and_protocols },
	{ "port-zero", port_zero },
	{ "port-of-udp", port_of_udp },
	{ "port-of-closed", port_of_closed },
	{ "port-shared", port_shared },
	{ "port-shared-by-clients", port_shared_by_clients },
	{ "client-on-listener-port", client_on_listener_port },
	{ "port-of-listeners", port_of_listeners },
	{ "connect-is-silent", connect_is_silent },
	{ "low-port", low_port },
	{ "wrong-state-new", wrong_state_new },
	{ "wrong-state-bound", wrong_state_bound },
	{ "wrong-state-connected", wrong_state_connected },
	{ "bad-addresses", bad_addresses },
	{ "accept-address", accept_address },
	{ "socket-options", socket_options },
	{ "many-open-and-close", many_open_and_close },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

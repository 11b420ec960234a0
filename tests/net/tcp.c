// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a program expects of TCP sockets.  This one knows nothing of QUIC: it
 * runs twice, as it is, and under quicize(1), and must see the same both times
 * (with $TCP_IS_QUIC set it looks once, past the C library, that it is QUIC).
 */
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <netinet/tcp.h>

#include "lib.h"

#define BIG	(3 * MIB)

static int lis, cli, srv;
static struct sockaddr_storage addr;
static socklen_t addrlen;
static char buf[65536];

static int stream_socket(int family, int flags)
{
	return (int)CHECK_OK(socket(family, SOCK_STREAM | flags, 0));
}

static void start_listener(int family, const char *ip, int flags)
{
	int on = 1;

	addrlen = sock_addr(&addr, family, ip, 0);
	lis = stream_socket(family, flags);
	CHECK_OK(setsockopt(lis, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
	CHECK_OK(bind(lis, (struct sockaddr *)&addr, addrlen));
	CHECK_OK(listen(lis, 16));
	CHECK_OK(getsockname(lis, (struct sockaddr *)&addr, &addrlen));
	CHECK_EQ(addr.ss_family, family);
	CHECK(sock_port(&addr));
}

static void connect_pair(void)
{
	start_listener(AF_INET, NULL, 0);
	cli = stream_socket(AF_INET, 0);
	CHECK_OK(connect(cli, (struct sockaddr *)&addr, addrlen));
	srv = (int)CHECK_OK(accept(lis, NULL, NULL));
}

static int so_error(int fd)
{
	int v = -1;
	socklen_t len = sizeof(v);

	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &v, &len));
	return v;
}

static int get_int(int fd, int level, int name)
{
	int v = -1;
	socklen_t len = sizeof(v);

	CHECK_OK(getsockopt(fd, level, name, &v, &len));
	return v;
}

static void read_exactly(int fd, const char *want)
{
	size_t n = 0, len = strlen(want);

	while (n < len)
		n += (size_t)CHECK_OK(read(fd, buf + n, len - n));
	CHECK(!memcmp(buf, want, len));
}

static void expect_end(int fd)
{
	CHECK_EQ(read(fd, buf, 10), 0);
	CHECK_EQ(recv(fd, buf, 10, 0), 0);
	CHECK_EQ(recv(fd, buf, 10, MSG_DONTWAIT), 0);
	CHECK(sock_poll(fd, POLLIN | POLLRDHUP, 0) & POLLIN);
}

/* ---- connecting ---- */

static void kind(void)
{
	int proto = 0;
	socklen_t len = sizeof(proto);

	connect_pair();
	if (getenv("TCP_IS_QUIC")) {
		syscall(SYS_getsockopt, srv, SOL_SOCKET, SO_PROTOCOL, &proto, &len);
		CHECK_EQ(proto, 261);
	}
	CHECK_EQ(get_int(cli, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	CHECK_EQ(get_int(srv, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	CHECK_EQ(get_int(srv, SOL_SOCKET, SO_DOMAIN), AF_INET);
	CHECK_EQ(get_int(lis, SOL_SOCKET, SO_PROTOCOL), IPPROTO_TCP);
	CHECK_EQ(get_int(lis, SOL_SOCKET, SO_TYPE), SOCK_STREAM);
	CHECK_EQ(get_int(lis, SOL_SOCKET, SO_DOMAIN), AF_INET);
	CHECK_EQ(get_int(lis, SOL_SOCKET, SO_ACCEPTCONN), 1);
	CHECK_EQ(get_int(srv, SOL_SOCKET, SO_ACCEPTCONN), 0);
}

static void tcp_options(void)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);
	char name[16] = "";
	int on = 1;

	connect_pair();
	CHECK_OK(setsockopt(cli, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
	CHECK_EQ(get_int(cli, IPPROTO_TCP, TCP_NODELAY), 1);
	CHECK_OK(setsockopt(lis, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
	CHECK_OK(setsockopt(cli, IPPROTO_TCP, TCP_KEEPIDLE, &on, sizeof(on)));
	CHECK_OK(setsockopt(cli, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on)));
	CHECK_OK(setsockopt(cli, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)));
	CHECK(get_int(cli, IPPROTO_TCP, TCP_MAXSEG) > 500);
	CHECK_OK(getsockopt(cli, IPPROTO_TCP, TCP_INFO, &info, &len));
	CHECK_EQ(info.tcpi_state, TCP_ESTABLISHED);
	len = sizeof(name);
	CHECK_OK(getsockopt(cli, IPPROTO_TCP, TCP_CONGESTION, name, &len));
	CHECK(*name);
	CHECK_ERR(setsockopt(cli, IPPROTO_TCP, TCP_CONGESTION, "nonesuch", 8), ENOENT);
}

static void check_names(int family, const char *server, const char *client)
{
	struct sockaddr_storage a, b;
	socklen_t al = sizeof(a), bl = sizeof(b);
	char text[64];

	start_listener(family, server, 0);
	cli = stream_socket(client ? AF_INET : family, 0);
	if (client)
		addrlen = sock_addr(&addr, AF_INET, client, sock_port(&addr));
	CHECK_OK(connect(cli, (struct sockaddr *)&addr, addrlen));
	srv = (int)CHECK_OK(accept(lis, (struct sockaddr *)&a, &al));
	CHECK_EQ(a.ss_family, family);
	CHECK_OK(getpeername(srv, (struct sockaddr *)&b, &bl));
	CHECK_EQ(al, bl);
	CHECK(!memcmp(&a, &b, al));
	bl = sizeof(b);
	CHECK_OK(getsockname(cli, (struct sockaddr *)&b, &bl));
	CHECK_EQ(sock_port(&a), sock_port(&b));
	if (!client)
		return;
	inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&a)->sin6_addr, text, sizeof(text));
	CHECK(!strcmp(text, "::ffff:127.0.0.1"));
}

static void names4(void)
{
	check_names(AF_INET, NULL, NULL);
}

static void names6(void)
{
	check_names(AF_INET6, NULL, NULL);
}

static void names_mapped(void)
{
	check_names(AF_INET6, "::", "127.0.0.1");
}

static int begin_connect(void)
{
	int fd = stream_socket(AF_INET, SOCK_NONBLOCK);

	CHECK_ERR(connect(fd, (struct sockaddr *)&addr, addrlen), EINPROGRESS);
	return fd;
}

/* Nothing is there to be polled before the connection is, and then it is writable. */
static void connect_poll(void)
{
	start_listener(AF_INET, NULL, 0);
	cli = begin_connect();
	CHECK_EQ(sock_poll(cli, POLLIN | POLLOUT, 5000), POLLOUT);
	CHECK_EQ(so_error(cli), 0);
	CHECK_EQ(send(cli, "x", 1, 0), 1);
	srv = (int)CHECK_OK(accept(lis, NULL, NULL));
	read_exactly(srv, "x");
	CHECK_ERR(recv(cli, buf, 1, 0), EAGAIN);
	connect(cli, (struct sockaddr *)&addr, addrlen);	/* the first may say 0 */
	CHECK_ERR(connect(cli, (struct sockaddr *)&addr, addrlen), EISCONN);
}

static void connect_epoll(void)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.u32 = 7 };
	int ep = (int)CHECK_OK(epoll_create1(0));

	start_listener(AF_INET, NULL, 0);
	cli = stream_socket(AF_INET, SOCK_NONBLOCK);
	connect(cli, (struct sockaddr *)&addr, addrlen);
	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, cli, &ev));
	CHECK_EQ(epoll_wait(ep, &ev, 1, 5000), 1);
	CHECK_EQ(ev.events, EPOLLOUT);
	CHECK_EQ(ev.data.u32, 7);
	CHECK_EQ(so_error(cli), 0);
	srv = (int)CHECK_OK(accept(lis, NULL, NULL));
	CHECK_EQ(send(srv, "hello", 5, 0), 5);
	CHECK_EQ(epoll_wait(ep, &ev, 1, 5000), 1);
	CHECK(ev.events & EPOLLIN);
	read_exactly(cli, "hello");
	CHECK_OK(shutdown(srv, SHUT_WR));
	CHECK_EQ(epoll_wait(ep, &ev, 1, 5000), 1);
	CHECK(ev.events & EPOLLIN);
	expect_end(cli);
}

static void connect_select(void)
{
	struct timeval t = { .tv_sec = 5 };
	fd_set r, w;

	start_listener(AF_INET, NULL, 0);
	cli = begin_connect();
	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_SET(cli, &r);
	FD_SET(cli, &w);
	CHECK_EQ(select(cli + 1, &r, &w, NULL, &t), 1);
	CHECK(FD_ISSET(cli, &w) && !FD_ISSET(cli, &r));
	CHECK_EQ(so_error(cli), 0);
}

/* An address where nobody listens; taken from a listener that is gone. */
static void nobody(void)
{
	start_listener(AF_INET, NULL, 0);
	CHECK_OK(close(lis));
}

static void refused(void)
{
	nobody();
	cli = stream_socket(AF_INET, 0);
	CHECK_ERR(connect(cli, (struct sockaddr *)&addr, addrlen), ECONNREFUSED);
}

static void refused_later(void)
{
	short events;

	nobody();
	cli = stream_socket(AF_INET, SOCK_NONBLOCK);
	if (connect(cli, (struct sockaddr *)&addr, addrlen) < 0 && errno == ECONNREFUSED)
		return;
	events = sock_poll(cli, POLLOUT, 5000);
	CHECK_EQ(events & (POLLOUT | POLLERR | POLLHUP), POLLOUT | POLLERR | POLLHUP);
	CHECK_EQ(so_error(cli), ECONNREFUSED);
	CHECK_ERR(send(cli, "x", 1, MSG_NOSIGNAL), EPIPE);
}

static void unconnected(void)
{
	cli = stream_socket(AF_INET, 0);
	CHECK_EQ(sock_poll(cli, POLLIN | POLLOUT, 0), POLLOUT | POLLHUP);
	CHECK_ERR(send(cli, "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_ERR(recv(cli, buf, 1, 0), ENOTCONN);
	CHECK_ERR(shutdown(cli, SHUT_WR), ENOTCONN);
	addrlen = sizeof(addr);
	CHECK_ERR(getpeername(cli, (struct sockaddr *)&addr, &addrlen), ENOTCONN);
}

/* ---- accepting ---- */

static void accept_nonblocking(void)
{
	start_listener(AF_INET, NULL, SOCK_NONBLOCK);
	CHECK_ERR(accept(lis, NULL, NULL), EAGAIN);
	CHECK_EQ(sock_poll(lis, POLLIN, 0), 0);
	cli = begin_connect();
	CHECK_EQ(sock_poll(lis, POLLIN, 5000), POLLIN);
	srv = (int)CHECK_OK(accept4(lis, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
	CHECK(fcntl(srv, F_GETFL) & O_NONBLOCK);
	CHECK(fcntl(srv, F_GETFD) & FD_CLOEXEC);
	CHECK_ERR(read(srv, buf, 1), EAGAIN);
	CHECK_EQ(sock_poll(cli, POLLOUT, 5000), POLLOUT);
	CHECK_EQ(write(cli, "now", 3), 3);
	CHECK_EQ(sock_poll(srv, POLLIN, 5000), POLLIN);
	read_exactly(srv, "now");
	CHECK_ERR(accept(lis, NULL, NULL), EAGAIN);
	CHECK_OK(listen(lis, 5));
}

/* As many as were connected, none lost, data behind its own connection. */
static void accept_many(void)
{
	int fds[24], i, seen = 0;
	unsigned char id;

	start_listener(AF_INET, NULL, 0);
	CHECK_OK(listen(lis, 64));
	for (i = 0; i < (int)ARRAY(fds); i++)
		fds[i] = begin_connect();
	for (i = 0; i < (int)ARRAY(fds); i++) {
		CHECK_EQ(sock_poll(fds[i], POLLOUT, 10000), POLLOUT);
		CHECK_EQ(so_error(fds[i]), 0);
		id = (unsigned char)i;
		CHECK_EQ(write(fds[i], &id, 1), 1);
	}
	for (i = 0; i < (int)ARRAY(fds); i++) {
		srv = (int)CHECK_OK(accept(lis, NULL, NULL));
		CHECK_EQ(read(srv, &id, 1), 1);
		seen |= 1 << id;
		CHECK_EQ(write(srv, &id, 1), 1);
	}
	CHECK_EQ(seen, (1 << ARRAY(fds)) - 1);
	for (i = 0; i < (int)ARRAY(fds); i++) {
		CHECK_EQ(sock_poll(fds[i], POLLIN, 5000) & POLLIN, POLLIN);
		CHECK_EQ(read(fds[i], &id, 1), 1);
		CHECK_EQ(id, i);
	}
}

static void *accept_thread(void *arg)
{
	*(int *)arg = accept(lis, NULL, NULL) < 0 ? errno : 0;
	return NULL;
}

static void accept_shutdown(void)
{
	pthread_t thread;
	int err = -1;

	start_listener(AF_INET, NULL, 0);
	CHECK(!pthread_create(&thread, NULL, accept_thread, &err));
	sleep_ms(200);
	CHECK_OK(shutdown(lis, SHUT_RDWR));
	CHECK(!pthread_join(thread, NULL));
	CHECK_EQ(err, EINVAL);
}

static void listen_again(void)
{
	int i, on = 1;

	start_listener(AF_INET, NULL, 0);
	for (i = 0; i < 3; i++) {
		CHECK_OK(close(lis));
		lis = stream_socket(AF_INET, 0);
		CHECK_OK(setsockopt(lis, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)));
		CHECK_OK(bind(lis, (struct sockaddr *)&addr, addrlen));
		CHECK_OK(listen(lis, 1));
		cli = stream_socket(AF_INET, 0);
		CHECK_OK(connect(cli, (struct sockaddr *)&addr, addrlen));
		CHECK_OK(close(cli));
	}
	cli = stream_socket(AF_INET, 0);
	CHECK_ERR(bind(cli, (struct sockaddr *)&addr, addrlen) ?: listen(cli, 1), EADDRINUSE);
}

/* ---- data, and its end ---- */

static void server_first(void)
{
	connect_pair();
	CHECK_EQ(send(srv, "welcome", 7, 0), 7);
	read_exactly(cli, "welcome");
	CHECK_EQ(send(cli, "thanks", 6, 0), 6);
	read_exactly(srv, "thanks");
	/* both at once */
	CHECK_EQ(send(srv, "s", 1, 0), 1);
	CHECK_EQ(send(cli, "c", 1, 0), 1);
	read_exactly(srv, "c");
	read_exactly(cli, "s");
}

static void half_close(void)
{
	connect_pair();
	CHECK_EQ(write(cli, "last words", 10), 10);
	CHECK_OK(shutdown(cli, SHUT_WR));
	CHECK_ERR(send(cli, "x", 1, MSG_NOSIGNAL), EPIPE);
	read_exactly(srv, "last words");
	expect_end(srv);
	CHECK_EQ(sock_poll(srv, POLLIN | POLLOUT | POLLRDHUP | POLLHUP, 10000),
		 POLLIN | POLLOUT | POLLRDHUP);
	CHECK_EQ(write(srv, "answer", 6), 6);
	CHECK_OK(shutdown(srv, SHUT_WR));
	read_exactly(cli, "answer");
	expect_end(cli);
	CHECK_EQ(so_error(cli), 0);
}

static void close_is_end(void)
{
	connect_pair();
	CHECK_EQ(write(cli, "and gone", 8), 8);
	CHECK_OK(close(cli));
	read_exactly(srv, "and gone");
	expect_end(srv);
	CHECK(!(sock_poll(srv, POLLIN, 0) & POLLERR));
	CHECK_EQ(so_error(srv), 0);
}

/* Unread data comes before the end, and poll() does not hide it behind POLLHUP. */
static void drain(void)
{
	size_t n = 0;

	connect_pair();
	memset(buf, 'd', sizeof(buf));
	CHECK_EQ(send(cli, buf, 50000, 0), 50000);
	CHECK_OK(close(cli));
	sleep_ms(300);
	CHECK_EQ(sock_poll(srv, POLLIN, 0) & (POLLIN | POLLHUP), POLLIN);
	while (n < 50000)
		n += (size_t)CHECK_OK(recv(srv, buf, 1000, 0));
	expect_end(srv);
}

static void write_after_close(void)
{
	int i;

	connect_pair();
	CHECK_OK(close(srv));
	CHECK(sock_poll(cli, POLLIN, 5000) & POLLIN);
	for (i = 0; i < 100; i++) {
		if (send(cli, "x", 1, MSG_NOSIGNAL) < 0)
			break;
		sleep_ms(20);
	}
	CHECK(i < 100);
	CHECK(errno == EPIPE || errno == ECONNRESET);
	signal(SIGPIPE, SIG_IGN);
	CHECK_ERR(write(cli, "x", 1), EPIPE);
}

static void shut_read(void)
{
	connect_pair();
	CHECK_OK(shutdown(cli, SHUT_RD));
	CHECK_EQ(read(cli, buf, 1), 0);
	CHECK_EQ(write(cli, "still", 5), 5);
	read_exactly(srv, "still");
}

static void flags(void)
{
	struct timeval t = { .tv_usec = 100000 };
	struct iovec iov[2] = { { "gather ", 7 }, { "this", 4 } };
	int n;

	connect_pair();
	CHECK_EQ(writev(cli, iov, 2), 11);
	CHECK_EQ(recv(srv, buf, 6, MSG_PEEK | MSG_WAITALL), 6);
	CHECK(!memcmp(buf, "gather", 6));
	CHECK_EQ(recv(srv, buf, 11, MSG_WAITALL), 11);
	CHECK(!memcmp(buf, "gather this", 11));
	CHECK_ERR(recv(srv, buf, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_OK(setsockopt(srv, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)));
	CHECK_ERR(recv(srv, buf, 1, 0), EAGAIN);
	CHECK_EQ(send(cli, "abc", 3, MSG_MORE), 3);
	CHECK_EQ(send(cli, "def", 3, 0), 3);
	CHECK_OK(shutdown(cli, SHUT_WR));
	CHECK_EQ(recv(srv, buf, 100, MSG_WAITALL), 6);
	CHECK_OK(ioctl(srv, FIONREAD, &n));
	CHECK_EQ(n, 0);
	expect_end(srv);
}

static void recvmsg_plain(void)
{
	char control[256];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
			      .msg_controllen = sizeof(control) };

	connect_pair();
	CHECK_EQ(send(cli, "plain", 5, 0), 5);
	CHECK_OK(shutdown(cli, SHUT_WR));
	sleep_ms(100);
	CHECK_EQ(recvmsg(srv, &msg, 0), 5);
	CHECK_EQ(msg.msg_controllen, 0);
	CHECK_EQ(msg.msg_flags & ~MSG_CMSG_CLOEXEC, 0);
}

static void *write_thread(void *arg)
{
	size_t n, off = 0;
	char *data = malloc(BIG);

	CHECK(data);
	pattern_fill(data, BIG, 0, 0);
	while (off < BIG) {
		n = (size_t)CHECK_OK(send(*(int *)arg, data + off, BIG - off, 0));
		off += n;
	}
	free(data);
	CHECK_OK(shutdown(*(int *)arg, SHUT_WR));
	return NULL;
}

static void read_pattern(int fd)
{
	size_t off = 0;
	ssize_t n;

	while ((n = CHECK_OK(read(fd, buf, sizeof(buf)))) > 0) {
		pattern_check(buf, (size_t)n, 0, off);
		off += (size_t)n;
	}
	CHECK_EQ(off, BIG);
}

static void bulk_both(void)
{
	pthread_t thread[2];

	connect_pair();
	CHECK(!pthread_create(&thread[0], NULL, write_thread, &cli));
	read_pattern(srv);
	CHECK(!pthread_create(&thread[1], NULL, write_thread, &srv));
	read_pattern(cli);
	pthread_join(thread[0], NULL);
	pthread_join(thread[1], NULL);
}

/* A full buffer: EAGAIN, then writable when the reader has made room. */
static void nonblocking_write(void)
{
	size_t sent = 0, got = 0;
	ssize_t n;

	connect_pair();
	CHECK_OK(fcntl(cli, F_SETFL, O_NONBLOCK));
	memset(buf, 'n', sizeof(buf));
	while ((n = send(cli, buf, sizeof(buf), 0)) > 0)
		sent += (size_t)n;
	CHECK_EQ(errno, EAGAIN);
	while (got < sent) {
		n = CHECK_OK(recv(srv, buf, sizeof(buf), 0));
		got += (size_t)n;
	}
	CHECK_EQ(sock_poll(cli, POLLOUT, 5000), POLLOUT);
	CHECK(send(cli, "x", 1, 0) == 1);
}

/* ---- files, processes, descriptors ---- */

static int pattern_file(void)
{
	char path[200], *data = malloc(BIG);
	int fd;

	CHECK(data);
	snprintf(path, sizeof(path), "%s/pattern", test_dir());
	fd = (int)CHECK_OK(open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
	pattern_fill(data, BIG, 0, 0);
	CHECK_EQ(write(fd, data, BIG), BIG);
	CHECK_OK(lseek(fd, 0, SEEK_SET));
	free(data);
	return fd;
}

static void send_file(void)
{
	off_t off = 0;
	int fd;

	connect_pair();
	fd = pattern_file();
	if (!CHECK_OK(fork())) {
		while (off < (off_t)BIG)
			CHECK_OK(sendfile(cli, fd, &off, BIG - (size_t)off));
		CHECK_OK(shutdown(cli, SHUT_WR));
		_exit(0);
	}
	read_pattern(srv);
}

static void splice_out(void)
{
	size_t off = 0;
	int pipes[2];
	ssize_t n;

	connect_pair();
	CHECK_OK(pipe(pipes));
	CHECK_EQ(send(cli, "through a pipe", 14, 0), 14);
	while (off < 14)
		off += (size_t)CHECK_OK(splice(srv, NULL, pipes[1], NULL, 14 - off, 0));
	n = read(pipes[0], buf, sizeof(buf));
	CHECK_EQ(n, 14);
	CHECK(!memcmp(buf, "through a pipe", 14));
}

/* dup(): the connection lasts as long as one descriptor does; the child has one too. */
static void dup_fork(void)
{
	int copy, status;

	connect_pair();
	copy = (int)CHECK_OK(dup(cli));
	CHECK_OK(close(cli));
	if (!CHECK_OK(fork())) {
		CHECK_EQ(write(copy, "child", 5), 5);
		_exit(0);
	}
	CHECK_OK(wait(&status));
	CHECK_EQ(status, 0);
	read_exactly(srv, "child");
	CHECK_EQ(recv(srv, buf, 1, MSG_DONTWAIT), -1);
	CHECK_EQ(write(copy, "parent", 6), 6);
	read_exactly(srv, "parent");
	CHECK_OK(close(copy));
	expect_end(srv);
}

/* Workers that were forked after listen() share its queue. */
static void prefork(void)
{
	int i, status, served = 0;
	char who;

	start_listener(AF_INET, NULL, 0);
	for (i = 0; i < 3; i++) {
		if (CHECK_OK(fork()))
			continue;
		srv = (int)CHECK_OK(accept(lis, NULL, NULL));
		who = (char)('0' + i);
		CHECK_EQ(write(srv, &who, 1), 1);
		_exit(0);
	}
	for (i = 0; i < 3; i++) {
		cli = stream_socket(AF_INET, 0);
		CHECK_OK(connect(cli, (struct sockaddr *)&addr, addrlen));
		CHECK_EQ(read(cli, &who, 1), 1);
		served |= 1 << (who - '0');
		CHECK_EQ(read(cli, &who, 1), 0);
		CHECK_OK(close(cli));
	}
	CHECK_EQ(served, 7);
	while (wait(&status) > 0)
		CHECK_EQ(status, 0);
}

/* As inetd does: the connection becomes another program's input and output. */
static void exec_on_it(void)
{
	connect_pair();
	if (!CHECK_OK(fork())) {
		dup2(srv, 0);
		dup2(srv, 1);
		closefrom(3);
		execlp("tr", "tr", "a-z", "A-Z", NULL);
		_exit(1);
	}
	CHECK_OK(close(srv));
	CHECK_EQ(write(cli, "louder", 6), 6);
	CHECK_OK(shutdown(cli, SHUT_WR));
	read_exactly(cli, "LOUDER");
	expect_end(cli);
}

/* A daemon that closes everything still can connect. */
static void close_all(void)
{
	int i;

	for (i = 3; i < 1100; i++)
		close(i);
	closefrom(3);
	connect_pair();
	CHECK_EQ(write(cli, "ok", 2), 2);
	read_exactly(srv, "ok");
}

static void stdio(void)
{
	char line[100];
	FILE *in, *out;

	connect_pair();
	in = fdopen(srv, "r");
	out = fdopen(cli, "w");
	CHECK(in && out);
	CHECK(fprintf(out, "%s\n%d\n", "a line", 42) > 0);
	CHECK(!fclose(out));
	CHECK(fgets(line, sizeof(line), in) && !strcmp(line, "a line\n"));
	CHECK(fgets(line, sizeof(line), in) && !strcmp(line, "42\n"));
	CHECK(!fgets(line, sizeof(line), in));
	CHECK(feof(in) && !ferror(in));
}

static void pass_on(void)
{
	union {
		struct cmsghdr cm;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {};
	struct iovec iov = { "x", 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	int pair[2], fd;

	connect_pair();
	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	control.cm.cmsg_level = SOL_SOCKET;
	control.cm.cmsg_type = SCM_RIGHTS;
	control.cm.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.cm), &cli, sizeof(int));
	CHECK_EQ(sendmsg(pair[0], &msg, 0), 1);
	CHECK_OK(close(cli));
	iov.iov_base = buf;
	CHECK_EQ(recvmsg(pair[1], &msg, 0), 1);
	memcpy(&fd, CMSG_DATA(&control.cm), sizeof(int));
	CHECK_EQ(write(fd, "passed", 6), 6);
	read_exactly(srv, "passed");
}

static void by_name(void)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *ai;
	char port[8];

	start_listener(AF_INET, NULL, 0);
	snprintf(port, sizeof(port), "%u", sock_port(&addr));
	CHECK_EQ(getaddrinfo("localhost", port, &hints, &ai), 0);
	cli = (int)CHECK_OK(socket(ai->ai_family, ai->ai_socktype, ai->ai_protocol));
	CHECK_OK(connect(cli, ai->ai_addr, ai->ai_addrlen));
	freeaddrinfo(ai);
}

static const struct test tests[] = {
	{ "kind", kind }, { "tcp_options", tcp_options },
	{ "names4", names4 }, { "names6", names6 }, { "names_mapped", names_mapped },
	{ "connect_poll", connect_poll }, { "connect_epoll", connect_epoll },
	{ "connect_select", connect_select }, { "refused", refused },
	{ "refused_later", refused_later }, { "unconnected", unconnected },
	{ "accept_nonblocking", accept_nonblocking }, { "accept_many", accept_many },
	{ "accept_shutdown", accept_shutdown }, { "listen_again", listen_again },
	{ "server_first", server_first }, { "half_close", half_close },
	{ "close_is_end", close_is_end }, { "drain", drain },
	{ "write_after_close", write_after_close }, { "shut_read", shut_read },
	{ "flags", flags }, { "recvmsg_plain", recvmsg_plain }, { "bulk_both", bulk_both },
	{ "nonblocking_write", nonblocking_write }, { "send_file", send_file },
	{ "splice_out", splice_out }, { "dup_fork", dup_fork }, { "prefork", prefork },
	{ "exec_on_it", exec_on_it }, { "close_all", close_all }, { "stdio", stdio },
	{ "pass_on", pass_on }, { "by_name", by_name },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

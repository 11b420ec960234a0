// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sockets of peeled-off streams: data and ends both ways, what each call says,
 * poll and epoll, descriptors passed on, and who outlives whom.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <linux/sockios.h>

#include "lib.h"

#define NEW	MSG_QUIC_STREAM_NEW
#define FIN	MSG_QUIC_STREAM_FIN
#define UNI	MSG_QUIC_STREAM_UNI
#define QUIET	MSG_NOSIGNAL

static struct pair p;
static char buf[256 * KIB];

static int peel_flags(int fd, int64_t id, uint32_t flags)
{
	struct quic_stream_peeloff info = { .stream_id = id, .flags = flags, .sd = -7 };
	socklen_t len = sizeof(info);
	int sd = get_opt(fd, QUIC_SOCKOPT_STREAM_PEELOFF, &info, &len);

	if (sd < 0)
		return sd;
	CHECK_EQ(info.sd, sd);		/* both ways, as the draft's example has it */
	CHECK_EQ(info.stream_id, id);
	CHECK_EQ(len, sizeof(info));
	return sd;
}

static int peel(int fd, int64_t id)
{
	return CHECK_OK(peel_flags(fd, id, 0));
}

/* A stream of the client's with a socket on both sides. */
static void both_ends(const struct conf *c, int *a, int *b)
{
	pair_open(&p, c);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	*a = peel(p.cli, 0);
	CHECK_EQ(send(*a, "!", 1, 0), 1);
	CHECK_EQ(sock_poll(p.srv, POLLIN, 5000), POLLIN);
	*b = peel(p.srv, 0);
	CHECK_EQ(recv(*b, buf, sizeof(buf), 0), 1);
}

static void echo(void)
{
	int a, b, i;

	both_ends(NULL, &a, &b);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(write(a, "request", 7), 7);
		CHECK_EQ(read(b, buf, sizeof(buf)), 7);
		CHECK(!memcmp(buf, "request", 7));
		CHECK_EQ(send(b, "the answer", 10, 0), 10);
		CHECK_EQ(recv(a, buf, 3, 0), 3);
		CHECK_EQ(recv(a, buf + 3, 100, 0), 7);
		CHECK(!memcmp(buf, "the answer", 10));
	}
	/* a clean end: FIN both ways, as with TCP */
	CHECK_OK(shutdown(a, SHUT_WR));
	CHECK_EQ(read(b, buf, 10), 0);
	CHECK_EQ(read(b, buf, 10), 0);
	CHECK_EQ(write(b, "last", 4), 4);
	CHECK_OK(close(b));
	CHECK_EQ(read(a, buf, 10), 4);
	CHECK_EQ(read(a, buf, 10), 0);
	CHECK_OK(close(a));
	pair_close(&p);
}

static void families(void)
{
	struct conf c = { .family = AF_INET6, .type = SOCK_DGRAM };
	struct sockaddr_storage ss, peer;
	socklen_t len = sizeof(ss), plen = sizeof(peer);
	int a, b, v;

	both_ends(&c, &a, &b);
	CHECK_OK(getpeername(a, (struct sockaddr *)&ss, &len));
	CHECK_OK(getpeername(p.cli, (struct sockaddr *)&peer, &plen));
	CHECK(len == plen && !memcmp(&ss, &peer, len));
	CHECK_EQ(ss.ss_family, AF_INET6);
	len = sizeof(ss);
	CHECK_OK(getsockname(b, (struct sockaddr *)&ss, &len));
	CHECK(len == plen && !memcmp(&ss, &peer, len));
	len = sizeof(v);
	CHECK_OK(getsockopt(a, SOL_SOCKET, SO_PROTOCOL, &v, &len));
	CHECK_EQ(v, IPPROTO_QUIC);
	CHECK_OK(getsockopt(a, SOL_SOCKET, SO_TYPE, &v, &len));
	CHECK_EQ(v, SOCK_STREAM);
	CHECK_OK(getsockopt(a, SOL_SOCKET, SO_ERROR, &v, &len));
	CHECK_EQ(v, 0);
	close(a);
	close(b);
	pair_close(&p);
}

static void wrong_uses(void)
{
	struct quic_stream_peeloff info = { .stream_id = 0 };
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = 1 };
	int fd = sock_new(AF_INET, SOCK_STREAM), a, b, v = 1;
	socklen_t len = sizeof(info) - 1;

	CHECK_ERR(peel_flags(fd, 0, 0), EINVAL);	/* no connection */
	close(fd);
	pair_open(&p, NULL);
	CHECK_ERR(peel_flags(p.lis, 0, 0), EINVAL);
	CHECK_ERR(peel_flags(p.cli, 0, 0), EINVAL);	/* not opened */
	CHECK_ERR(peel_flags(p.cli, -1, 0), EINVAL);
	CHECK_ERR(peel_flags(p.cli, INT64_MAX, 0), EINVAL);
	CHECK_EQ(stream_open(p.cli, 0, 0), 0);
	CHECK_ERR(get_opt(p.cli, QUIC_SOCKOPT_STREAM_PEELOFF, &info, &len), EINVAL);
	CHECK_ERR(peel_flags(p.cli, 0, O_APPEND), EINVAL);
	len = sizeof(info);
	CHECK_ERR(get_opt(p.cli, QUIC_SOCKOPT_STREAM_PEELOFF, NULL, &len), EFAULT);
	CHECK_ERR(set_opt(p.cli, QUIC_SOCKOPT_STREAM_PEELOFF, &info, len), ENOPROTOOPT);
	a = peel(p.cli, 0);
	CHECK_ERR(peel_flags(p.cli, 0, 0), EINVAL);	/* already peeled off */
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, 0, 0), EINVAL);	/* the connection's no more */
	/* the descriptor is one stream, nothing else */
	CHECK_ERR(send(a, "x", 1, NEW | QUIET), EINVAL);
	CHECK_ERR(send(a, "x", 1, UNI | QUIET), EINVAL);
	CHECK_ERR(send(a, "x", 1, MSG_QUIC_DATAGRAM | QUIET), EINVAL);
	CHECK_ERR(send(a, "x", 1, MSG_OOB | QUIET), EINVAL);
	CHECK_ERR(quic_sendmsg(a, "x", 1, 4, QUIET), EINVAL);
	CHECK_EQ(quic_sendmsg(a, "x", 1, 0, QUIET), 1);
	CHECK_EQ(quic_sendmsg(a, "y", 1, -1, QUIET), 1);
	CHECK_ERR(send(a, NULL, 10, QUIET), EFAULT);
	CHECK_ERR(recv(a, buf, 10, MSG_OOB), EINVAL);
	CHECK_ERR(bind(a, (struct sockaddr *)&sin, sizeof(sin)), EOPNOTSUPP);
	CHECK_ERR(connect(a, (struct sockaddr *)&sin, sizeof(sin)), EOPNOTSUPP);
	CHECK_ERR(listen(a, 1), EOPNOTSUPP);
	CHECK_ERR(accept(a, NULL, NULL), EOPNOTSUPP);
	CHECK_ERR(shutdown(a, 3), EINVAL);
	CHECK_ERR(peel_flags(a, 0, 0), ENOPROTOOPT);
	CHECK_ERR(setsockopt(a, IPPROTO_IP, IP_OPTIONS, &v, sizeof(v)), ENOPROTOOPT);
	CHECK_EQ(sock_poll(p.srv, POLLIN, 5000), POLLIN);
	sleep_ms(100);
	b = peel(p.srv, 0);
	CHECK_EQ(recv(b, buf, 10, MSG_WAITALL | MSG_DONTWAIT), 2);
	CHECK_ERR(recv(b, buf, 10, MSG_DONTWAIT), EAGAIN);
	close(a);
	close(b);
	CHECK_OK(shutdown(p.cli, SHUT_RDWR));
	CHECK_ERR(peel_flags(p.cli, 0, 0), EPIPE);
	pair_close(&p);
}

/* One direction each. */
static void unidirectional(void)
{
	int a, b;

	pair_open(&p, NULL);
	CHECK_EQ(stream_open(p.cli, -1, UNI), 2);
	a = peel(p.cli, 2);
	CHECK_EQ(sock_poll(a, POLLIN | POLLOUT, 0), POLLOUT);
	CHECK_EQ(send(a, "hello", 5, 0), 5);
	CHECK_EQ(sock_poll(p.srv, POLLIN, 5000), POLLIN);
	b = peel(p.srv, 2);
	CHECK_EQ(sock_poll(b, POLLIN | POLLOUT, 0), POLLIN);
	CHECK_ERR(recv(a, buf, 1, 0), EINVAL);
	CHECK_ERR(send(b, "x", 1, QUIET), EINVAL);
	CHECK_ERR(shutdown(a, SHUT_RD), EINVAL);
	CHECK_ERR(shutdown(b, SHUT_WR), EINVAL);
	CHECK_EQ(recv(b, buf, 10, 0), 5);
	CHECK_EQ(send(a, " end", 4, FIN), 4);
	CHECK_EQ(recv(b, buf, 10, MSG_WAITALL), 4);
	CHECK_EQ(recv(b, buf, 10, 0), 0);
	CHECK_ERR(send(a, "x", 1, QUIET), EPIPE);
	close(a);
	close(b);
	pair_close(&p);
}

/* What recvmsg() and sendmsg() say with control messages, and without. */
static void control(void)
{
	struct iovec iov = { buf, 100 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	uint32_t flags = 0;
	int64_t id = -1;
	int a, b;

	both_ends(NULL, &a, &b);
	CHECK_EQ(quic_sendmsg(a, "one", 3, 0, FIN), 3);
	CHECK_EQ(recv(b, buf, 1, MSG_PEEK), 1);
	CHECK_EQ(quic_recvmsg(b, buf, 2, &id, &flags), 2);
	CHECK_EQ(id, 0);
	CHECK_EQ(flags & FIN, 0);
	CHECK_EQ(recvmsg(b, &m, 0), 1);
	CHECK_EQ(m.msg_flags & (FIN | MSG_CTRUNC), FIN);
	flags = 0;
	CHECK_EQ(quic_recvmsg(b, buf, 2, &id, &flags), 0);	/* and so for ever */
	CHECK_EQ(flags & FIN, FIN);
	close(a);
	close(b);
	pair_close(&p);
}

/* ---- ends ---- */

/* close(): FIN for what was sent, STOP_SENDING for what would come. */
static void closing(void)
{
	struct conf c = { .events = { 1 << QUIC_EVENT_STREAM_UPDATE } };
	struct quic_stream_update u;

	pair_open(&p, &c);
	send_all(p.cli, 0, "data", 4, NEW);
	CHECK_EQ(sock_poll(p.srv, POLLIN, 5000), POLLIN);
	CHECK_OK(close(peel(p.srv, 0)));	/* with data unread */
	event_update(p.cli, 0, QUIC_STREAM_SEND_STATE_RESET_SENT, &u);
	CHECK_EQ(u.errcode, 0);
	event_update(p.cli, 0, QUIC_STREAM_RECV_STATE_RECVD, &u);
	CHECK_EQ(u.finalsz, 0);
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, 0, QUIET), EPIPE);
	pair_close(&p);
}

static void shutdowns(void)
{
	int a, b;

	both_ends(NULL, &a, &b);
	CHECK_OK(shutdown(b, SHUT_RD));
	CHECK_EQ(recv(b, buf, 1, 0), 0);
	CHECK_EQ(sock_poll(b, POLLIN | POLLRDHUP | POLLOUT, 0), POLLIN | POLLRDHUP | POLLOUT);
	CHECK_EQ(sock_poll(a, POLLOUT, 0) & POLLOUT, POLLOUT);
	while (send(a, buf, 1000, QUIET) > 0)	/* until STOP_SENDING is here */
		sleep_ms(10);
	CHECK_EQ(errno, EPIPE);
	CHECK_EQ(send(b, "still", 5, 0), 5);
	CHECK_EQ(recv(a, buf, 10, 0), 5);
	CHECK_OK(shutdown(b, SHUT_RDWR));
	CHECK_OK(shutdown(b, SHUT_RDWR));
	CHECK_ERR(send(b, "x", 1, QUIET), EPIPE);
	CHECK_EQ(recv(a, buf, 10, 0), 0);
	CHECK_EQ(sock_poll(a, POLLIN, 0), POLLIN | POLLHUP);
	close(a);
	close(b);
	pair_close(&p);
}

/* The peer's reset, and those of the connection's options. */
static void resets(void)
{
	int a, b;

	both_ends(NULL, &a, &b);
	CHECK_EQ(send(a, buf, 5000, 0), 5000);
	sleep_ms(50);
	CHECK_OK(stream_reset(p.cli, 0, 77));
	CHECK_ERR(send(a, "x", 1, QUIET), EPIPE);
	sleep_ms(50);
	CHECK(sock_poll(b, POLLIN | POLLRDHUP, 10000) & POLLRDHUP);
	CHECK_ERR(recv(b, buf, 10, 0), ECONNRESET);
	CHECK_ERR(recv(b, buf, 10, 0), ECONNRESET);	/* never mistaken for an end */
	CHECK_OK(stream_stop(p.cli, 0, 78));
	CHECK_EQ(recv(a, buf, 10, 0), 0);
	while (send(b, "x", 1, QUIET) > 0)
		sleep_ms(10);
	CHECK_EQ(errno, EPIPE);
	close(a);
	close(b);
	pair_close(&p);
}

/* ---- waiting ---- */

static void *late_writer(void *arg)
{
	sleep_ms(100);
	CHECK_EQ(send(*(int *)arg, "late", 4, 0), 4);
	return NULL;
}

static void *late_shutdown(void *arg)
{
	sleep_ms(100);
	CHECK_OK(shutdown(*(int *)arg, SHUT_RDWR));
	return NULL;
}

static void *late_reader(void *arg)
{
	static char in[64 * KIB];
	ssize_t n, sum = 0;

	sleep_ms(100);
	while ((n = recv(*(int *)arg, in, sizeof(in), 0)) > 0)
		sum += n;
	CHECK_EQ(n, 0);
	return (void *)sum;
}

static void blocking(void)
{
	struct conf c = { .tp[SRV] = { .max_stream_data_bidi_remote = 20000 } };
	struct timeval tv = { 0, 50000 };
	uint64_t begin;
	pthread_t t;
	void *sum;
	int a, b;

	both_ends(&c, &a, &b);
	pthread_create(&t, NULL, late_writer, &a);
	CHECK_EQ(recv(b, buf, 100, 0), 4);
	pthread_join(t, NULL);
	CHECK_OK(setsockopt(b, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	begin = now_ms();
	CHECK_ERR(recv(b, buf, 100, 0), EAGAIN);
	CHECK(now_ms() - begin >= 40);
	tv.tv_usec = 0;
	CHECK_OK(setsockopt(b, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	/* the peer's window fills, opens again, and all goes through */
	sock_nonblock(a, true);
	while (send(a, buf, 5000, QUIET) > 0)
		;
	CHECK_EQ(errno, EAGAIN);
	CHECK_EQ(sock_poll(a, POLLOUT, 50), 0);
	sock_nonblock(a, false);
	tv.tv_usec = 50000;
	CHECK_OK(setsockopt(a, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	sock_nonblock(b, true);
	CHECK(recv(b, buf, 20000, 0) > 10000);
	while (recv(b, buf, 20000, 0) > 0)
		;
	CHECK_EQ(sock_poll(a, POLLOUT, 10000), POLLOUT);
	sock_nonblock(b, false);
	tv.tv_usec = 0;
	CHECK_OK(setsockopt(a, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	while (recv(b, buf, 20000, MSG_DONTWAIT) > 0)
		;
	pthread_create(&t, NULL, late_reader, &b);
	CHECK_EQ(send(a, buf, sizeof(buf), FIN), sizeof(buf));
	pthread_join(t, &sum);
	CHECK((ssize_t)sum >= (ssize_t)sizeof(buf));
	close(a);
	close(b);
	pair_close(&p);
}

/* shutdown() of the peel wakes its reader, that of the connection all. */
static void woken(void)
{
	pthread_t t;
	int a, b;

	both_ends(NULL, &a, &b);
	pthread_create(&t, NULL, late_shutdown, &b);
	CHECK_EQ(recv(b, buf, 100, 0), 0);
	pthread_join(t, NULL);
	close(a);
	CHECK_EQ(stream_open(p.cli, -1, 0), 4);
	a = peel(p.cli, 4);
	pthread_create(&t, NULL, late_shutdown, &p.cli);
	CHECK_ERR(recv(a, buf, 100, 0), ENOTCONN);
	pthread_join(t, NULL);
	CHECK_ERR(send(a, "x", 1, QUIET), EPIPE);
	CHECK_EQ(sock_poll(a, POLLIN, 0) & (POLLIN | POLLHUP), POLLIN | POLLHUP);
	CHECK_ERR(shutdown(a, SHUT_WR), ENOTCONN);
	close(a);
	close(b);
	pair_close(&p);
}

/* Many streams on one epoll, level and edge triggered, connection and peels together. */
static void epoll(void)
{
	enum { N = 40 };
	int ep = CHECK_OK(epoll_create1(0)), a[N], b[N], i, n, got = 0, timeout = 0;
	struct epoll_event ev, evs[8];

	pair_open(&p, NULL);
	for (i = 0; i < N; i++) {
		CHECK_EQ(stream_open(p.cli, -1, 0), i * 4);
		a[i] = CHECK_OK(peel_flags(p.cli, i * 4, O_NONBLOCK));
		CHECK_EQ(send(a[i], "?", 1, 0), 1);
	}
	for (i = 0; i < N; i++) {
		while ((b[i] = peel_flags(p.srv, i * 4, 0)) < 0 && timeout++ < 500)
			sleep_ms(10);
		CHECK(b[i] >= 0);
	}
	for (i = 0; i < N; i++) {
		ev.events = EPOLLIN | (i & 1 ? EPOLLET : 0);
		ev.data.u32 = i;
		CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, b[i], &ev));
	}
	while (got < N) {
		n = CHECK_OK(epoll_wait(ep, evs, 8, 5000));
		CHECK(n > 0);
		for (i = 0; i < n; i++) {
			CHECK_EQ(evs[i].events, EPOLLIN);
			CHECK_EQ(recv(b[evs[i].data.u32], buf, 10, 0), 1);
			got++;
		}
	}
	CHECK_EQ(epoll_wait(ep, evs, 8, 0), 0);
	/* an edge: only the one that has news */
	CHECK_EQ(send(a[7], "!", 1, 0), 1);
	CHECK_EQ(epoll_wait(ep, evs, 8, 5000), 1);
	CHECK_EQ(recv(b[evs[0].data.u32], buf, 10, 0), 1);
	for (i = 0; i < N; i++) {
		close(a[i]);
		close(b[i]);
	}
	pair_close(&p);
}

static void queue_lengths(void)
{
	int a, b, n = -1;
	uint64_t end;

	both_ends(NULL, &a, &b);
	CHECK_EQ(send(a, buf, 3000, 0), 3000);
	CHECK_EQ(recv(b, buf, 3000, MSG_WAITALL | MSG_PEEK) > 0, 1);
	for (end = now_ms() + 15000; n && now_ms() < end; sleep_ms(5))
		CHECK_OK(ioctl(a, SIOCOUTQ, &n));
	CHECK_EQ(n, 0);				/* acknowledged: so it has come, too */
	CHECK_OK(ioctl(b, SIOCINQ, &n));
	CHECK_EQ(n, 3000);
	CHECK_OK(ioctl(a, SIOCOUTQNSD, &n));
	CHECK_EQ(n, 0);
	CHECK_ERR(ioctl(a, SIOCATMARK, &n), ENOTTY);
	close(a);
	close(b);
	pair_close(&p);
}

/* ---- descriptors ---- */

static void flags(void)
{
	int fd;

	pair_open(&p, NULL);
	CHECK_EQ(stream_open(p.cli, 4, 0), 4);
	fd = peel(p.cli, 0);
	CHECK_EQ(fcntl(fd, F_GETFD), 0);
	CHECK_EQ(fcntl(fd, F_GETFL), O_RDWR);
	fd = CHECK_OK(peel_flags(p.cli, 4, O_CLOEXEC | O_NONBLOCK));
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(fcntl(fd, F_GETFL), O_RDWR | O_NONBLOCK);
	CHECK_ERR(recv(fd, buf, 1, 0), EAGAIN);
	pair_close(&p);
}

static void send_fd(int sock, int fd)
{
	char ctl[CMSG_SPACE(sizeof(int))] = {}, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&m);

	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &fd, sizeof(int));
	CHECK_EQ(sendmsg(sock, &m, 0), 1);
}

static int recv_fd(int sock)
{
	char ctl[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	int fd;

	CHECK_EQ(recvmsg(sock, &m, 0), 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}

/* A stream is served by another process, which never had the connection. */
static void passed_on(void)
{
	int u[2], a, b, fd, status;
	pid_t pid;

	CHECK_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, u));
	pid = CHECK_OK(fork());
	if (!pid) {
		fd = recv_fd(u[1]);
		while ((status = read(fd, buf, sizeof(buf))) > 0)
			CHECK_EQ(write(fd, buf, status), status);
		_exit(status ? 1 : 0);
	}
	both_ends(NULL, &a, &b);
	send_fd(u[0], b);
	CHECK_OK(close(b));
	CHECK_OK(close(p.srv));		/* the other process has all that is left */
	CHECK_EQ(send(a, "around", 6, 0), 6);
	CHECK_EQ(recv(a, buf, 6, MSG_WAITALL), 6);
	CHECK_OK(shutdown(a, SHUT_WR));
	CHECK_EQ(recv(a, buf, 6, 0), 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_ERR(recv(p.cli, buf, 1, 0), ENOTCONN);	/* the last one closed it */
	close(a);
	close(p.cli);
	close(p.lis);
}

/* ---- who outlives whom ---- */

static void outlives_connection(void)
{
	struct conf c = { .events = { [SRV] = 1 << QUIC_EVENT_CONNECTION_CLOSE } };
	int a, b, i;

	both_ends(&c, &a, &b);
	CHECK_OK(close(p.cli));
	event_none(p.srv, 300);		/* nobody closed anything */
	for (i = 0; i < 10; i++) {
		CHECK_EQ(send(a, "to", 2, 0), 2);
		CHECK_EQ(recv(b, buf, 2, MSG_WAITALL), 2);
		CHECK_EQ(send(b, "fro", 3, 0), 3);
		CHECK_EQ(recv(a, buf, 3, MSG_WAITALL), 3);
	}
	/* what is written before the last close() arrives */
	for (i = 0; i < 20; i++)
		CHECK_EQ(send(a, buf, 10000, 0), 10000);
	CHECK_OK(close(a));
	CHECK_EQ(recv(b, buf, 200000, MSG_WAITALL), 200000);
	CHECK_EQ(recv(b, buf, 1, 0), 0);
	CHECK_EQ(event_get(p.srv, QUIC_EVENT_CONNECTION_CLOSE, buf, 8), 72);
	CHECK_ERR(send(b, "x", 1, QUIET), EPIPE);
	close(b);
	close(p.srv);
	close(p.lis);
}

/* The peer closes while only peels are left: what came is read, then it is over. */
static void peer_closes(void)
{
	int a, b;

	both_ends(NULL, &a, &b);
	CHECK_OK(close(p.cli));
	CHECK_EQ(send(b, "farewell", 8, 0), 8);
	CHECK_OK(close(b));
	CHECK_OK(close(p.srv));
	sleep_ms(2500);				/* draining is over, too */
	CHECK_EQ(sock_poll(a, POLLIN, 5000) & (POLLIN | POLLHUP), POLLIN | POLLHUP);
	CHECK_EQ(recv(a, buf, 100, 0), 8);
	CHECK_EQ(recv(a, buf, 100, 0), 0);	/* FIN came with it */
	CHECK_ERR(send(a, "x", 1, QUIET), EPIPE);
	CHECK_OK(close(a));
	close(p.lis);
}

/* The connection goes on without the stream, and counts it as closed. */
static void outlived_by_connection(void)
{
	struct conf c = { .tp[SRV] = { .max_streams_bidi = 2 } };
	int i, fd;

	pair_open(&p, &c);
	for (i = 0; i < 20; i++) {
		CHECK_EQ(stream_open(p.cli, -1, 0), i * 4);
		fd = peel(p.cli, i * 4);
		CHECK_EQ(send(fd, "bye", 3, FIN), 3);
		recv_all(p.srv, i * 4, buf, 3, true);
		send_all(p.srv, i * 4, "bye", 3, FIN);
		CHECK_EQ(recv(fd, buf, 3, MSG_WAITALL), 3);
		CHECK_EQ(recv(fd, buf, 3, 0), 0);
		CHECK_OK(close(fd));
	}
	pair_close(&p);
}

/* A failure ends all: the reason once each, then ENOTCONN. */
static void timed_out(void)
{
	struct conf c = {
		.addr = "10.0.0.2", .ns = { "client", "server" },
		.tp = { { .max_idle_timeout = 1000000 } },
	};
	int a, b, err;
	socklen_t len = sizeof(err);

	both_ends(&c, &a, &b);
	test_shell("tc -n client qdisc replace dev c0 root netem loss 100%%");
	CHECK(sock_poll(a, POLLIN, 10000) & POLLERR);
	CHECK_ERR(recv(a, buf, 1, 0), ETIMEDOUT);
	CHECK_ERR(recv(a, buf, 1, 0), ENOTCONN);
	CHECK_ERR(recv(p.cli, buf, 1, 0), ETIMEDOUT);
	CHECK_OK(getsockopt(a, SOL_SOCKET, SO_ERROR, &err, &len));
	CHECK_EQ(err, 0);
	test_shell("tc -n client qdisc del dev c0 root");
	close(a);
	close(b);
	pair_close(&p);
}

/* Processes that end without a word, with descriptors in every state. */
static void killed(void)
{
	int a, b, i;
	pid_t pid;

	for (i = 0; i < 20; i++) {
		pid = CHECK_OK(fork());
		if (!pid) {
			both_ends(NULL, &a, &b);
			if (i & 1)
				close(p.cli);
			if (i & 2)
				close(p.srv);
			if (i & 4)
				CHECK_OK(send(a, buf, 100000, MSG_DONTWAIT));
			if (i & 8)
				shutdown(b, SHUT_RDWR);
			kill(getpid(), SIGKILL);
		}
		CHECK_EQ(waitpid(pid, NULL, 0), pid);
	}
}

/* Threads on one peel and its connection while it is closed. */
static int racing;

static void *racer(void *arg)
{
	char byte[100];
	int i;

	for (i = 0; i < 200; i++) {
		if ((long)arg & 1)
			send(racing, byte, sizeof(byte), QUIET | MSG_DONTWAIT);
		else
			recv(racing, byte, sizeof(byte), MSG_DONTWAIT);
		if ((long)arg & 2)
			sock_poll(racing, POLLIN | POLLOUT, 0);
	}
	return NULL;
}

static void races(void)
{
	pthread_t t[4];
	int a, b, i;
	long k;

	for (i = 0; i < test_scaled(20, 2); i++) {
		both_ends(NULL, &a, &b);
		racing = a;
		for (k = 0; k < 4; k++)
			pthread_create(&t[k], NULL, racer, (void *)k);
		close(p.cli);
		close(p.srv);
		close(b);
		for (k = 0; k < 4; k++)
			pthread_join(t[k], NULL);
		close(a);
		close(p.lis);
	}
}

/* ---- files ---- */

static int temp_file(size_t len)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "%s/peel", test_dir());
	fd = CHECK_OK(open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
	pattern_fill(buf, len, 5, 0);
	CHECK_EQ(write(fd, buf, len), len);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void *splice_out(void *arg)
{
	static char in[100000];
	int *fd = arg, pipefd[2];
	ssize_t n, sum = 0;

	CHECK_OK(pipe(pipefd));
	while ((n = CHECK_OK(splice(*fd, NULL, pipefd[1], NULL, 30000, 0))) > 0) {
		CHECK_EQ(read(pipefd[0], in + sum, n), n);
		sum += n;
	}
	CHECK_EQ(sum, 100000);
	pattern_check(in, sum, 5, 0);
	return NULL;
}

/* sendfile() and splice() into a stream, splice() out of it. */
static void files(void)
{
	int a, b, f = temp_file(100000), pipefd[2];
	size_t sent = 0;
	pthread_t t;
	ssize_t n;

	both_ends(NULL, &a, &b);
	pthread_create(&t, NULL, splice_out, &b);
	while (sent < 100000)
		sent += CHECK_OK(sendfile(a, f, NULL, 100000 - sent));
	CHECK_OK(shutdown(a, SHUT_WR));
	pthread_join(t, NULL);
	/* and back: file to pipe to stream */
	CHECK_EQ(lseek(f, 0, SEEK_SET), 0);
	CHECK_OK(pipe(pipefd));
	pthread_create(&t, NULL, splice_out, &a);
	for (sent = 0; sent < 100000; sent += n) {
		n = CHECK_OK(splice(f, NULL, pipefd[1], NULL, 50000, 0));
		CHECK_EQ(splice(pipefd[0], NULL, b, NULL, n, 0), n);
	}
	CHECK_OK(shutdown(b, SHUT_WR));
	pthread_join(t, NULL);
	close(a);
	close(b);
	pair_close(&p);
}

static const struct test tests[] = {
	{ "echo", echo },
	{ "families", families },
	{ "wrong-uses", wrong_uses },
	{ "unidirectional", unidirectional },
	{ "control-messages", control },
	{ "close", closing },
	{ "shutdown", shutdowns },
	{ "resets", resets },
	{ "blocking", blocking },
	{ "woken", woken },
	{ "epoll", epoll },
	{ "queue-lengths", queue_lengths },
	{ "descriptor-flags", flags },
	{ "passed-on", passed_on },
	{ "outlives-connection", outlives_connection },
	{ "peer-closes", peer_closes },
	{ "outlived-by-connection", outlived_by_connection },
	{ "timed-out", timed_out },
	{ "killed", killed, 60 },
	{ "races", races, 60 },
	{ "files", files },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

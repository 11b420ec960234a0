// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes, threads and signals around a socket; many connections at once.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "lib.h"

#define NEW	MSG_QUIC_STREAM_NEW
#define FIN	MSG_QUIC_STREAM_FIN

static struct pair p;
static char buf[64];

static void serve_forever(int fd)
{
	echo_serve(fd);
}

/* ---- death ---- */

static void kill_server(void)
{
	struct server s;
	int fd;

	server_start(&s, &(struct conf){}, 1, serve_forever);
	fd = server_connect(&s, &(struct conf){});
	send_all(fd, 0, "ping", 4, NEW);
	recv_all(fd, 0, buf, 4, false);
	CHECK_OK(kill(s.pid, SIGKILL));
	CHECK_ERR(recv(fd, buf, 1, 0), ENOTCONN);
	CHECK_ERR(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
}

static void kill_client(void)
{
	pid_t pid;
	int fd;

	listener_new(&(struct conf){}, &p);
	pid = fork();
	if (!pid) {
		fd = client_new(&(struct conf){}, &p);
		if (client_handshake(fd, &(struct conf){}))
			_exit(1);
		for (;;)
			send_all(fd, -1, buf, sizeof(buf), 0);
	}
	p.srv = CHECK_OK(accept(p.lis, NULL, NULL));
	CHECK_EQ(server_handshake(p.srv, &(struct conf){}), 0);
	recv_all(p.srv, 0, buf, sizeof(buf), false);
	CHECK_OK(kill(pid, SIGKILL));
	while (recv(p.srv, buf, sizeof(buf), 0) > 0)
		;
	CHECK_EQ(errno, ENOTCONN);
}

/* Clients die at every moment of their life; the server goes on. */
static void kill_often(void)
{
	unsigned long i, n = test_scaled(60, 15);
	struct server s;
	pid_t pid;
	int fd;

	listener_new(&(struct conf){ .backlog = 100 }, &p);
	s.pid = fork();
	if (!s.pid) {
		signal(SIGPIPE, SIG_IGN);
		for (;;) {
			fd = CHECK_OK(accept(p.lis, NULL, NULL));
			if (!server_handshake(fd, &(struct conf){}))
				while (recv(fd, buf, sizeof(buf), 0) > 0)
					;
			close(fd);
		}
	}
	close(p.lis);
	for (i = 0; i < n; i++) {
		pid = fork();
		if (!pid) {
			fd = client_new(&(struct conf){}, &p);
			if (!client_handshake(fd, &(struct conf){}))
				for (;;)
					send_all(fd, -1, buf, sizeof(buf), 0);
			_exit(1);
		}
		sleep_ms(i * 2);
		kill(pid, SIGKILL);
		CHECK_EQ(waitpid(pid, NULL, 0), pid);
	}
	CHECK_EQ(waitpid(s.pid, NULL, WNOHANG), 0);	/* it lives */
	kill(s.pid, SIGKILL);
}

/* ---- sharing ---- */

/* Both processes use the socket; the one's end is not the connection's. */
static void forked(void)
{
	char small[4];
	int status;
	pid_t pid;

	pair_open(&p, NULL);
	pid = fork();
	if (!pid) {
		send_all(p.cli, 0, "child", 5, NEW | FIN);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	recv_all(p.srv, 0, buf, 5, true);
	send_all(p.cli, 4, "parent", 6, NEW | FIN);
	recv_all(p.srv, 4, buf, 6, true);
	CHECK_EQ(sock_poll(p.srv, POLLIN, 50), 0);	/* no CLOSE */
	pid = fork();
	if (!pid) {
		close(p.cli);
		recv_all(p.srv, 8, small, 1, true);
		_exit(0);
	}
	send_all(p.cli, 8, "x", 1, NEW | FIN);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	pair_close(&p);
}

static void forked_writers(void)
{
	int status, i;
	pid_t pid;

	pair_open(&p, NULL);
	CHECK_EQ(stream_open(p.cli, 4, 0), 4);
	pid = fork();
	if (!pid) {
		for (i = 0; i < 1000; i++)
			send_all(p.cli, 0, "childchild", 10, i == 999 ? FIN : 0);
		_exit(0);
	}
	for (i = 0; i < 1000; i++)
		send_all(p.cli, 4, "parent", 6, i == 999 ? FIN : 0);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	for (i = 0; i < 2; ) {
		uint32_t flags = 0;

		CHECK_OK(quic_recvmsg(p.srv, buf, sizeof(buf), NULL, &flags));
		i += !!(flags & FIN);
	}
	pair_close(&p);
}

static void pass_fd(int over, int fd)
{
	uint8_t ctl[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = {};
	struct iovec iov = { "f", 1 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = ctl, .msg_controllen = sizeof(ctl) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&h);

	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	CHECK_EQ(sendmsg(over, &h, 0), 1);
}

static int take_fd(int over)
{
	uint8_t ctl[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	char c;
	struct iovec iov = { &c, 1 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = ctl, .msg_controllen = sizeof(ctl) };
	int fd;

	CHECK_EQ(recvmsg(over, &h, 0), 1);
	CHECK(CMSG_FIRSTHDR(&h));
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&h)), sizeof(fd));
	return fd;
}

/* A connection goes to another process, its last descriptor with it. */
static void passed(void)
{
	int sv[2], status, fd;
	pid_t pid;

	CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv));
	pid = fork();
	if (!pid) {
		fd = take_fd(sv[1]);
		recv_all(fd, 0, buf, 4, true);
		send_all(fd, 0, "got it", 6, FIN);
		recv_all(fd, 4, buf, 1, true);
		_exit(0);
	}
	pair_open(&p, NULL);
	pass_fd(sv[0], p.srv);
	CHECK_OK(close(p.srv));
	send_all(p.cli, 0, "data", 4, NEW | FIN);
	recv_all(p.cli, 0, buf, 6, true);
	send_all(p.cli, 4, "!", 1, NEW | FIN);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	CHECK_ERR(recv(p.cli, buf, 1, 0), ENOTCONN);
}

/* A QUIC socket in flight in a UNIX socket that nobody reads. */
static void passed_and_lost(void)
{
	int sv[2];

	CHECK_OK(socketpair(AF_UNIX, SOCK_DGRAM, 0, sv));
	pair_open(&p, NULL);
	pass_fd(sv[0], p.srv);
	CHECK_OK(close(p.srv));
	CHECK_EQ(sock_poll(p.cli, POLLIN, 50), 0);
	CHECK_OK(close(sv[0]));
	CHECK_OK(close(sv[1]));
	CHECK_ERR(recv(p.cli, buf, 1, 0), ENOTCONN);
}

/* ---- signals ---- */

static volatile int signals;

static void on_signal(int sig)
{
	(void)sig;
	signals++;
}

static void catch(bool restart)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = restart ? SA_RESTART : 0 };

	CHECK_OK(sigaction(SIGUSR1, &sa, NULL));
}

static void *poke(void *arg)
{
	pthread_t t = *(pthread_t *)arg;

	sleep_ms(500);
	pthread_kill(t, SIGUSR1);
	sleep_ms(500);
	pthread_kill(t, SIGUSR1);
	sleep_ms(500);
	send_all(p.cli, -1, "x", 1, 0);
	return NULL;
}

static void interrupted(void)
{
	pthread_t self = pthread_self(), t;

	pair_open(&p, NULL);
	send_all(p.cli, 0, "y", 1, NEW);
	recv_all(p.srv, 0, buf, 1, false);
	catch(false);
	CHECK_EQ(pthread_create(&t, NULL, poke, &self), 0);
	CHECK_ERR(recv(p.srv, buf, 1, 0), EINTR);
	CHECK_ERR(accept(p.lis, NULL, NULL), EINTR);
	CHECK_EQ(recv(p.srv, buf, 1, 0), 1);
	pthread_join(t, NULL);
	CHECK_EQ(signals, 2);
	catch(true);
	CHECK_EQ(pthread_create(&t, NULL, poke, &self), 0);
	CHECK_EQ(recv(p.srv, buf, 1, 0), 1);		/* restarted, twice */
	pthread_join(t, NULL);
	CHECK_EQ(signals, 4);
	sock_timeout(p.srv, SO_RCVTIMEO, 10000);	/* then never restarted */
	CHECK_EQ(pthread_create(&t, NULL, poke, &self), 0);
	CHECK_ERR(recv(p.srv, buf, 1, 0), EINTR);
	pthread_join(t, NULL);
	pair_close(&p);
}

static void interrupted_send(void)
{
	pthread_t self = pthread_self(), t;
	uint8_t *big = calloc(1, 64 * MIB);
	ssize_t n;

	pair_open(&p, NULL);
	catch(false);
	CHECK_EQ(pthread_create(&t, NULL, poke, &self), 0);
	n = send(p.cli, big, 64 * MIB, 0);
	CHECK(n > 0 && n < (ssize_t)(64 * MIB));	/* the partial count */
	CHECK_ERR(send(p.cli, big, 64 * MIB, 0), EINTR);
	close(p.srv);			/* lets the other thread's send end */
	signal(SIGPIPE, SIG_IGN);
	_exit(0);
}

/* ---- threads ---- */

static uint64_t bytes;

static void *sender(void *arg)
{
	int fd = (uintptr_t)arg;
	uint8_t b[4096];
	uint64_t off;

	for (off = 0; off < bytes; off += sizeof(b)) {
		pattern_fill(b, sizeof(b), 0, off);
		send_all(fd, 0, b, sizeof(b), off + sizeof(b) == bytes ? FIN : 0);
	}
	return NULL;
}

static void *receiver(void *arg)
{
	int fd = (uintptr_t)arg;
	uint32_t flags = 0;
	uint64_t off = 0;
	uint8_t b[5000];
	ssize_t n;

	while (!(flags & FIN)) {
		flags = 0;
		n = CHECK_OK(quic_recvmsg(fd, b, sizeof(b), NULL, &flags));
		pattern_check(b, n, 0, off);
		off += n;
	}
	CHECK_EQ(off, bytes);
	return NULL;
}

static void threads_both_ways(void)
{
	pthread_t t[4];
	int i;

	bytes = test_scaled(8 * MIB, MIB) & ~4095UL;
	pair_open(&p, NULL);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	send_all(p.cli, 0, "!", 1, 0);
	recv_all(p.srv, 0, buf, 1, false);
	for (i = 0; i < 4; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, i & 1 ? sender : receiver,
					(void *)(uintptr_t)(i & 2 ? p.cli : p.srv)), 0);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	pair_close(&p);
}

static void *own_stream(void *arg)
{
	int64_t id = (uintptr_t)arg * 4;
	uint8_t b[1000];
	uint64_t off;

	for (off = 0; off < bytes; off += sizeof(b)) {
		pattern_fill(b, sizeof(b), id, off);
		send_all(p.cli, id, b, sizeof(b), off + sizeof(b) == bytes ? FIN : 0);
	}
	return NULL;
}

#define THREADS	16

/* Each thread has a stream; what each sends arrives whole. */
static void threads_of_streams(void)
{
	uint64_t off[THREADS] = {};
	pthread_t t[THREADS];
	unsigned int i, done = 0;
	uint8_t b[5000];
	uint32_t flags;
	int64_t id;
	ssize_t n;

	bytes = test_scaled(1000, 50) * 1000;
	pair_open(&p, NULL);
	CHECK_EQ(stream_open(p.cli, 4 * (THREADS - 1), 0), 4 * (THREADS - 1));
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&t[i], NULL, own_stream, (void *)(uintptr_t)i), 0);
	while (done < THREADS) {
		flags = 0;
		n = CHECK_OK(quic_recvmsg(p.srv, b, sizeof(b), &id, &flags));
		pattern_check(b, n, id, off[id / 4]);
		off[id / 4] += n;
		done += !!(flags & FIN);
	}
	for (i = 0; i < THREADS; i++) {
		CHECK_EQ(off[i], bytes);
		pthread_join(t[i], NULL);
	}
	pair_close(&p);
}

static void *close_it(void *arg)
{
	sleep_ms((uintptr_t)arg);
	CHECK_OK(shutdown(p.cli, SHUT_RDWR));
	return NULL;
}

static void *hammer(void *arg)
{
	int i = 0;

	(void)arg;
	while (quic_sendmsg(p.cli, buf, sizeof(buf), i ? -1 : -1, (i % 50 ? 0 : NEW) |
			    MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 || errno == EAGAIN ||
	       errno == ENOSPC)
		i++;
	return NULL;
}

/* Shut down while others send, receive and ask for options. */
static void threads_and_close(void)
{
	unsigned long i, n = test_scaled(20, 5);
	pthread_t t[3];

	for (i = 0; i < n; i++) {
		pair_open(&p, NULL);
		CHECK_EQ(pthread_create(&t[0], NULL, hammer, NULL), 0);
		CHECK_EQ(pthread_create(&t[1], NULL, hammer, NULL), 0);
		CHECK_EQ(pthread_create(&t[2], NULL, close_it, (void *)(uintptr_t)(i * 3)), 0);
		while (recv(p.srv, buf, sizeof(buf), 0) > 0)
			;
		pthread_join(t[0], NULL);
		pthread_join(t[1], NULL);
		pthread_join(t[2], NULL);
		pair_close(&p);
	}
}

/* ---- many ---- */

static void raise_limit(void)
{
	struct rlimit rl = { 10000, 10000 };

	if (setrlimit(RLIMIT_NOFILE, &rl))
		test_skip("cannot have 10000 descriptors");
}

/* All stay open; all are used; all are closed in another order. */
static void connections_500(void)
{
	unsigned long i, n = test_scaled(500, 50);
	struct conf c = { .backlog = 64 };
	int *cli = calloc(n, sizeof(int)), *srv = calloc(n, sizeof(int));

	raise_limit();
	/* the first ones are silent until all are there, however slow the machine */
	c.tp[CLI].max_idle_timeout = c.tp[SRV].max_idle_timeout = 300000000;
	listener_new(&c, &p);
	for (i = 0; i < n; i++) {
		cli[i] = client_new(&c, &p);
		srv[i] = pair_handshake(cli[i], p.lis, &c);
	}
	for (i = 0; i < n; i++)
		send_all(cli[i], 0, &i, sizeof(i), NEW | FIN);
	for (i = 0; i < n; i++) {
		unsigned long got;

		recv_all(srv[i], 0, &got, sizeof(got), true);
		CHECK_EQ(got, i);
		send_all(srv[i], 0, &i, sizeof(i), FIN);
	}
	for (i = 0; i < n; i++) {
		unsigned long got;

		recv_all(cli[i], 0, &got, sizeof(got), true);
		CHECK_EQ(got, i);
	}
	for (i = 0; i < n; i += 2)
		close(cli[i]);
	for (i = 1; i < n; i += 2)
		close(srv[i]);
	for (i = 0; i < n; i++)
		CHECK_ERR(recv(i & 1 ? cli[i] : srv[i], buf, 1, 0), ENOTCONN);
}

static void one_client(unsigned long i)
{
	int fd = client_new(&(struct conf){}, &p);
	unsigned long got;

	if (client_handshake(fd, &(struct conf){}))
		FAIL("client %lu: %s", i, log_last());
	send_all(fd, 0, &i, sizeof(i), NEW | FIN);
	recv_all(fd, 0, &got, sizeof(got), true);
	CHECK_EQ(got, i);
	close(fd);
}

static void *serve_some(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept(p.lis, NULL, NULL)) >= 0) {
		if (server_handshake(fd, &(struct conf){}))
			FAIL("server: %s", log_last());
		echo_serve(fd);
		close(fd);
	}
	return NULL;
}

/* Handshakes at the same time: several clients, a server with threads. */
static void handshakes_at_once(void)
{
	unsigned long i, k, n = test_scaled(200, 24), workers = 8;
	pthread_t t;
	int status;
	pid_t pid;

	listener_new(&(struct conf){ .backlog = 128 }, &p);
	pid = fork();
	if (!pid) {
		for (i = 0; i < workers; i++)
			CHECK_EQ(pthread_create(&t, NULL, serve_some, NULL), 0);
		pause();
	}
	for (k = 0; k < workers; k++) {
		if (fork())
			continue;
		for (i = 0; i < n / workers; i++)
			one_client(k * 1000 + i);
		_exit(0);
	}
	for (k = 0; k < workers; k++) {
		CHECK_OK(waitpid(-1, &status, 0));
		CHECK_EQ(status, 0);
	}
	kill(pid, SIGKILL);
}

static const struct test tests[] = {
	{ "kill-server", kill_server },
	{ "kill-client", kill_client },
	{ "kill-often", kill_often, 90 },
	{ "forked", forked },
	{ "forked-writers", forked_writers },
	{ "passed", passed },
	{ "passed-and-lost", passed_and_lost },
	{ "interrupted", interrupted },
	{ "interrupted-send", interrupted_send },
	{ "threads-both-ways", threads_both_ways, 60 },
	{ "threads-of-streams", threads_of_streams, 60 },
	{ "threads-and-close", threads_and_close, 60 },
	{ "connections-500", connections_500, 120 },
	{ "handshakes-at-once", handshakes_at_once, 90 },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The end of a connection in all its ways: close, shutdown, the phrase of
 * CONNECTION_CLOSE, idle timeout, nobody there, and what each call says then.
 */
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "lib.h"

#define NEW	MSG_QUIC_STREAM_NEW
#define FIN	MSG_QUIC_STREAM_FIN

static struct pair p;
static char buf[64];

static int so_error(int fd)
{
	int v = -1;
	socklen_t len = sizeof(v);

	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &v, &len));
	return v;
}

/* Every call on a connection that is over. */
static void check_over(int fd)
{
	struct quic_errinfo ei = {};

	CHECK_ERR(recv(fd, buf, 1, 0), ENOTCONN);
	CHECK_ERR(recv(fd, buf, 1, MSG_DONTWAIT), ENOTCONN);
	CHECK_ERR(send(fd, "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_ERR(quic_sendmsg(fd, "x", 1, 0, MSG_NOSIGNAL), EPIPE);
	CHECK_ERR(quic_sendmsg(fd, "x", 1, -1, NEW | MSG_NOSIGNAL), EPIPE);
	CHECK_ERR(stream_open(fd, -1, 0), EPIPE);
	CHECK_ERR(set_opt(fd, QUIC_SOCKOPT_STREAM_RESET, &ei, sizeof(ei)), EINVAL);
	CHECK_ERR(set_opt(fd, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0), EPIPE);
	CHECK(sock_poll(fd, POLLIN, 0) & POLLHUP);
}

static void orderly(int first, int second)
{
	int fd[2] = { p.cli, p.srv };

	send_all(p.cli, 0, "question", 8, NEW | FIN);
	recv_all(p.srv, 0, buf, 8, true);
	send_all(p.srv, 0, "answer", 6, FIN);
	recv_all(p.cli, 0, buf, 6, true);
	CHECK_OK(close(fd[first]));
	CHECK(sock_poll(fd[second], POLLIN, 10000) & POLLHUP);
	CHECK_EQ(so_error(fd[second]), 0);
	check_over(fd[second]);
	CHECK_OK(close(fd[second]));
}

static void by_client(void)
{
	pair_open(&p, NULL);
	orderly(CLI, SRV);
}

static void by_server(void)
{
	pair_open(&p, NULL);
	orderly(SRV, CLI);
}

/* What came before the close is read first. */
static void data_drains(void)
{
	pair_open(&p, NULL);
	send_all(p.cli, 0, "last words", 10, NEW | FIN);
	sock_poll(p.srv, POLLIN, 10000);
	close(p.cli);
	CHECK(sock_poll(p.srv, 0, 10000) & POLLHUP);
	CHECK_EQ(recv(p.srv, buf, 4, 0), 4);
	CHECK_EQ(recv(p.srv, buf, 60, 0), 6);
	CHECK_ERR(recv(p.srv, buf, 1, 0), ENOTCONN);
}

/* Closed with data unread and unsent: nothing hangs. */
static void with_data_queued(void)
{
	int i;

	for (i = 0; i < 10; i++) {
		pair_open(&p, NULL);
		send_all(p.cli, 0, "unread", 6, NEW);
		sock_nonblock(p.cli, true);
		while (send(p.cli, buf, sizeof(buf), 0) > 0)
			;
		CHECK_OK(close(i & 1 ? p.srv : p.cli));
		CHECK_OK(close(i & 1 ? p.cli : p.srv));
		CHECK_OK(close(p.lis));
	}
}

/* ---- what the peer is told ---- */

struct close_info {
	struct quic_connection_close h;
	char phrase[1024];
};

static void tell(int from, int to, uint32_t code, const char *phrase, size_t len)
{
	struct close_info in = { .h = { .errcode = code } }, out;
	socklen_t n = sizeof(out);

	memcpy(in.phrase, phrase, len);
	CHECK_OK(set_opt(from, QUIC_SOCKOPT_CONNECTION_CLOSE, &in, sizeof(in.h) + len));
	memset(&out, 0xff, sizeof(out));
	CHECK_OK(get_opt(from, QUIC_SOCKOPT_CONNECTION_CLOSE, &out, &n));
	CHECK_EQ(out.h.errcode, code);
	CHECK_OK(close(from));
	CHECK(sock_poll(to, POLLIN, 10000) & POLLHUP);
	memset(&out, 0xff, sizeof(out));
	n = sizeof(out);
	CHECK_OK(get_opt(to, QUIC_SOCKOPT_CONNECTION_CLOSE, &out, &n));
	CHECK_EQ(out.h.errcode, code);
	CHECK_EQ(out.h.frame, 0);
	CHECK_EQ(n, sizeof(out.h) + len);
	CHECK(!memcmp(out.phrase, phrase, len));
	n = 6;				/* a get clips */
	CHECK_OK(get_opt(to, QUIC_SOCKOPT_CONNECTION_CLOSE, &out, &n));
	CHECK_EQ(n, 6);
	CHECK_ERR(recv(to, buf, 1, 0), ENOTCONN);
}

static void phrases(void)
{
	char phrase[1024];

	memset(phrase, 'p', sizeof(phrase));
	pair_open(&p, NULL);
	tell(p.cli, p.srv, 5, "client says goodbye", 19);
	pair_open(&p, NULL);
	tell(p.srv, p.cli, 0xffffffff, "server says goodbye", 19);
	pair_open(&p, NULL);
	tell(p.srv, p.cli, 0, NULL, 0);
	pair_open(&p, NULL);
	tell(p.cli, p.srv, 1, phrase, sizeof(phrase));
}

/* ---- shutdown ---- */

static void shutdown_write(void)
{
	int how[] = { SHUT_WR, SHUT_RDWR };
	unsigned int i;

	for (i = 0; i < ARRAY(how); i++) {
		pair_open(&p, NULL);
		send_all(p.cli, 0, "x", 1, NEW);
		recv_all(p.srv, 0, buf, 1, false);
		CHECK_OK(shutdown(p.cli, how[i]));
		CHECK_ERR(send(p.cli, "x", 1, MSG_NOSIGNAL), EPIPE);
		CHECK(sock_poll(p.srv, POLLIN, 10000) & POLLHUP);
		check_over(p.srv);
		CHECK_OK(shutdown(p.cli, how[i]));	/* sends it again */
		CHECK_OK(shutdown(p.cli, SHUT_WR));
		CHECK_ERR(recv(p.cli, buf, 1, MSG_DONTWAIT), ENOTCONN);
		CHECK(shutdown(p.cli, 17) < 0);
		pair_close(&p);
	}
}

static void shutdown_read(void)
{
	pair_open(&p, NULL);
	CHECK_OK(shutdown(p.srv, SHUT_RD));
	send_all(p.cli, 0, "to nobody", 9, NEW);	/* discarded quietly */
	CHECK_EQ(recv(p.srv, buf, 9, MSG_DONTWAIT) <= 0, 1);
	send_all(p.srv, 1, "still sends", 11, NEW);
	recv_all(p.cli, 1, buf, 11, false);
	CHECK(sock_poll(p.srv, POLLIN, 0) & POLLIN);
	CHECK(!(sock_poll(p.srv, POLLIN, 0) & POLLHUP));
	pair_close(&p);
}

static void *blocked_recv(void *arg)
{
	ssize_t n = recv(p.cli, buf, 1, 0);

	(void)arg;
	return (void *)(n < 0 ? (long)errno : 0);
}

static void *blocked_send(void *arg)
{
	uint8_t *big = calloc(1, 64 * MIB);
	ssize_t n = 1;

	(void)arg;
	while (n > 0)
		n = send(p.cli, big, 64 * MIB, MSG_NOSIGNAL);
	return (void *)(long)errno;
}

static void *blocked_accept(void *arg)
{
	int fd = accept(p.lis, NULL, NULL);

	(void)arg;
	return (void *)(fd < 0 ? (long)errno : 0);
}

static long unblocked(void *(*fn)(void *), int fd)
{
	pthread_t t;
	void *ret;

	CHECK_EQ(pthread_create(&t, NULL, fn, NULL), 0);
	sleep_ms(300);
	CHECK_OK(shutdown(fd, SHUT_RDWR));
	CHECK_EQ(pthread_join(t, &ret), 0);
	return (long)ret;
}

static void shutdown_unblocks(void)
{
	pair_open(&p, NULL);
	CHECK_EQ(unblocked(blocked_recv, p.cli), ENOTCONN);
	pair_close(&p);
	pair_open(&p, NULL);
	CHECK_EQ(unblocked(blocked_send, p.cli), EPIPE);
	CHECK(unblocked(blocked_accept, p.lis) != 0);
	pair_close(&p);
}

static void *peer_closes(void *arg)
{
	(void)arg;
	sleep_ms(200);
	CHECK_OK(close(p.srv));
	return NULL;
}

/* The same by the peer's close. */
static void close_unblocks(void)
{
	pthread_t t;

	pair_open(&p, NULL);
	CHECK_EQ(pthread_create(&t, NULL, peer_closes, NULL), 0);
	CHECK_ERR(recv(p.cli, buf, 1, 0), ENOTCONN);
	pthread_join(t, NULL);
	close(p.cli);
	close(p.lis);
	pair_open(&p, NULL);
	CHECK_EQ(pthread_create(&t, NULL, peer_closes, NULL), 0);
	CHECK_EQ((long)blocked_send(NULL), EPIPE);
	pthread_join(t, NULL);
}

/* ---- signals ---- */

static volatile int pipes;

static void on_pipe(int sig)
{
	(void)sig;
	pipes++;
}

static void sigpipe(void)
{
	signal(SIGPIPE, on_pipe);
	pair_open(&p, NULL);
	close(p.srv);
	CHECK(sock_poll(p.cli, POLLIN, 10000) & POLLHUP);
	CHECK_ERR(send(p.cli, "x", 1, MSG_NOSIGNAL), EPIPE);
	CHECK_EQ(pipes, 0);
	CHECK_ERR(send(p.cli, "x", 1, 0), EPIPE);
	CHECK_EQ(pipes, 1);
	CHECK_ERR(write(p.cli, "x", 1), EPIPE);
	CHECK_EQ(pipes, 2);
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, 0, 0), EPIPE);
	CHECK_EQ(pipes, 3);
}

/* ---- silence ---- */

static void idle_timeout(void)
{
	struct conf c = { .events = { 1 << QUIC_EVENT_CONNECTION_CLOSE },
			  .tp[CLI] = { .max_idle_timeout = 700000 } };
	struct quic_connection_close cl;
	uint64_t begin;

	pair_open(&p, &c);
	begin = now_ms();
	send_all(p.cli, 0, "x", 1, NEW);	/* the time begins with a packet (RFC 9000 §10.1) */
	recv_all(p.srv, 0, buf, 1, false);
	CHECK(sock_poll(p.cli, POLLIN, 15000) & POLLHUP);
	CHECK(now_ms() - begin >= 690);
	event_get(p.cli, QUIC_EVENT_CONNECTION_CLOSE, &cl, sizeof(cl));
	CHECK_EQ(cl.errcode, 0);
	CHECK_ERR(recv(p.cli, buf, 1, 0), ETIMEDOUT);	/* once */
	check_over(p.cli);
	CHECK(sock_poll(p.srv, POLLIN, 10000) & POLLHUP);
	CHECK_EQ(so_error(p.srv), ETIMEDOUT);		/* once, here by SO_ERROR */
	CHECK_EQ(so_error(p.srv), 0);
	check_over(p.srv);
	pair_close(&p);
}

/* Traffic keeps it alive, a keepalive does. */
static void idle_kept_alive(void)
{
	struct conf c = { .tp = { { .max_idle_timeout = 3000000 } } };
	int i;

	pair_open(&p, &c);
	send_all(p.cli, 0, NULL, 0, NEW);
	for (i = 0; i < 14; i++) {
		sleep_ms(300);
		send_all(p.cli, 0, "x", 1, 0);
		recv_all(p.srv, 0, buf, 1, false);
	}
	pair_close(&p);
	c.tp[CLI].max_idle_timeout = 4500000;
	c.cfg[SRV].keepalive_probe_interval = 1500000;
	pair_open(&p, &c);
	sleep_ms(6000);
	CHECK(!(sock_poll(p.cli, POLLIN, 0) & POLLHUP));
	send_all(p.cli, 0, "x", 1, NEW);
	recv_all(p.srv, 0, buf, 1, false);
	pair_close(&p);
}

/* A UDP socket that never answers. */
static void nobody_answers(void)
{
	struct conf c = { .tp[CLI] = { .max_idle_timeout = 1000000 } };
	int udp = CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0)), err;

	p.addrlen = sock_addr(&p.addr, AF_INET, NULL, 0);
	CHECK_OK(bind(udp, (struct sockaddr *)&p.addr, p.addrlen));
	sock_local(udp, &p.addr, &p.addrlen);
	p.cli = client_new(&c, &p);
	err = client_handshake(p.cli, &c);
	CHECK_EQ(err, -ETIMEDOUT);
	CHECK(recv(udp, buf, sizeof(buf), MSG_TRUNC | MSG_DONTWAIT) >= 1200);
	close(p.cli);
}

/* No socket at all: ICMP says so. */
static void nobody_listens(void)
{
	struct conf c = {};
	uint64_t begin = now_ms();
	int udp = CHECK_OK(socket(AF_INET, SOCK_DGRAM, 0));

	p.addrlen = sock_addr(&p.addr, AF_INET, NULL, 0);
	CHECK_OK(bind(udp, (struct sockaddr *)&p.addr, p.addrlen));
	sock_local(udp, &p.addr, &p.addrlen);
	close(udp);
	p.cli = client_new(&c, &p);
	CHECK_EQ(client_handshake(p.cli, &c), -ECONNREFUSED);
	CHECK(now_ms() - begin < 10000);
	close(p.cli);
}

/*
 * The listener is gone, a connection of it keeps the port; or nothing does, and the
 * port is about to go.  Clients are told at once: none has to ask again.
 */
static void no_longer_listening(void)
{
	struct conf c = {};
	uint64_t ptos;
	int fd, i;

	net_own();
	pair_open(&p, NULL);
	CHECK_OK(close(p.lis));
	ptos = mib_read("QuicProbeTimeouts");
	fd = client_new(&c, &p);
	CHECK_EQ(client_handshake(fd, &c), -ECONNREFUSED);
	CHECK_OK(close(fd));
	for (i = 0; i < 20; i++) {
		struct pair q;

		listener_new(&c, &q);
		CHECK_OK(close(q.lis));
		fd = client_new(&c, &q);
		CHECK_EQ(client_handshake(fd, &c), -ECONNREFUSED);
		CHECK_OK(close(fd));
	}
	CHECK_EQ(mib_read("QuicProbeTimeouts"), ptos);
	close(p.cli);
	close(p.srv);
}

/* A QUIC socket has the port, but none listens. */
static void not_listening(void)
{
	struct conf c = { .tp[CLI] = { .max_idle_timeout = 1000000 } };
	int fd = sock_new(AF_INET, SOCK_STREAM), err;

	p.addrlen = sock_addr(&p.addr, AF_INET, NULL, 0);
	CHECK_OK(bind(fd, (struct sockaddr *)&p.addr, p.addrlen));
	sock_local(fd, &p.addr, &p.addrlen);
	p.cli = client_new(&c, &p);
	err = client_handshake(p.cli, &c);
	CHECK(err == -ECONNREFUSED || err == -ETIMEDOUT);
	close(p.cli);
}

/* ---- in the middle of a handshake ---- */

/* The client says hello and is gone; nobody accepts, or too late. */
static void client_gone(void)
{
	struct conf c = {};
	int i, fd, err;
	pid_t pid;

	listener_new(&c, &p);
	for (i = 0; i < 3; i++) {
		pid = fork();
		if (!pid) {
			alarm(1);	/* dies in the middle of it */
			fd = client_new(&c, &p);
			_exit(client_handshake(fd, &c) ? 1 : 0);
		}
		CHECK(sock_poll(p.lis, POLLIN, 5000) & POLLIN);
		waitpid(pid, NULL, 0);
		fd = CHECK_OK(accept(p.lis, NULL, NULL));
		err = server_handshake(fd, &c);
		CHECK(err < 0);
		close(fd);
	}
	close(p.lis);
}

/*
 * The client says hello and closes before accept(): as with TCP its connection keeps its
 * place, accept() returns it (a poll() may have promised so), and the place is free.
 */
static void closed_in_queue(void)
{
	struct conf c = { .backlog = 1 };
	struct msg m;
	int fd;

	listener_new(&c, &p);
	p.cli = client_new(&c, &p);
	client_hello(p.cli, &c);
	CHECK_EQ(sock_poll(p.lis, POLLIN, 10000), POLLIN);
	CHECK_OK(close(p.cli));
	sleep_ms(200);
	CHECK_EQ(sock_poll(p.lis, POLLIN, 0), POLLIN);
	sock_nonblock(p.lis, true);
	fd = client_new(&c, &p);
	CHECK_EQ(client_handshake(fd, &c), -ECONNREFUSED);	/* no place left */
	close(fd);
	fd = CHECK_OK(accept(p.lis, NULL, NULL));
	CHECK(sock_poll(fd, POLLIN, 5000) & POLLHUP);
	CHECK(server_handshake(fd, &c) < 0);
	CHECK(quic_recvmsg(fd, m.data, sizeof(m.data), NULL, NULL) < 0);
	close(fd);
	CHECK_ERR(accept(p.lis, NULL, NULL), EAGAIN);
	p.cli = client_new(&c, &p);
	p.srv = pair_handshake(p.cli, p.lis, &c);
	pair_close(&p);
}

static void listener_gone(void)
{
	struct conf c = { .tp[CLI] = { .max_idle_timeout = 2000000 } };
	int fd, err;
	pid_t pid;
	int status;

	listener_new(&c, &p);
	pid = fork();
	if (!pid) {
		CHECK_OK(close(p.lis));
		fd = client_new(&c, &p);
		err = client_handshake(fd, &c);
		_exit(err == -ECONNREFUSED || err == -ETIMEDOUT || err == -ECONNRESET ? 0 : 1);
	}
	CHECK(sock_poll(p.lis, POLLIN, 5000) & POLLIN);
	CHECK_OK(close(p.lis));			/* with a connection in its queue */
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

/* An accepted socket closed before its handshake. */
static void accepted_and_closed(void)
{
	struct conf c = {};
	int fd, err, status;
	pid_t pid;

	listener_new(&c, &p);
	pid = fork();
	if (!pid) {
		fd = client_new(&c, &p);
		err = client_handshake(fd, &c);
		_exit(err == -ECONNREFUSED || err == -ECONNRESET ? 0 : 1);
	}
	fd = CHECK_OK(accept(p.lis, NULL, NULL));
	CHECK_OK(close(fd));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	close(p.lis);
}

static const struct test tests[] = {
	{ "by-client", by_client },
	{ "by-server", by_server },
	{ "data-drains", data_drains },
	{ "with-data-queued", with_data_queued },
	{ "phrases", phrases },
	{ "shutdown-write", shutdown_write },
	{ "shutdown-read", shutdown_read },
	{ "shutdown-unblocks", shutdown_unblocks },
	{ "close-unblocks", close_unblocks },
	{ "sigpipe", sigpipe },
	{ "idle-timeout", idle_timeout },
	{ "idle-kept-alive", idle_kept_alive },
	{ "nobody-answers", nobody_answers },
	{ "nobody-listens", nobody_listens },
	{ "no-longer-listening", no_longer_listening, 60 },
	{ "not-listening", not_listening, 40 },
	{ "client-gone", client_gone, 60 },
	{ "closed-in-queue", closed_in_queue },
	{ "listener-gone", listener_gone },
	{ "accepted-and-closed", accepted_and_closed },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

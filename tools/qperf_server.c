// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The server: a TCP listener for control connections and for the links of TCP
 * and kTLS, and for the time of a QUIC test a QUIC listener on the same port
 * number.  One test at a time; another client is told to come back.
 *
 * The thread of the control connection owns the test.  Links have a thread
 * each where something happens on them; where they only exist (idle,
 * handshakes) one epoll thread holds them all.  Every descriptor of a test is
 * marked in held[] and closed at its end, not before: closing a QUIC socket
 * discards what the peer has not yet received.
 */
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "qperf.h"

#define MAX_FDS		(1 << 20)
#define ACCEPTORS	16
#define STACK_SIZE	(512 << 10)
#define FIRST_LINE_MS	10000
#define DRAIN_MS	10000		/* without a byte: the links are dead */
#define TOKEN_BYTES	16
#define BUSY_SECONDS	5		/* until a second client is sent away */

struct active {
	struct test	test;
	char		token[2 * TOKEN_BYTES + 1];
	struct counts	counts;
	struct usage	start;
	uint64_t	go_at;
	bool		go;
	unsigned int	users;		/* threads of links */
	unsigned int	links;		/* accepted */
	unsigned int	finished;
	int		listener;	/* QUIC, or -1 */
	int		epoll;		/* of the holder, or -1 */
	pthread_t	acceptor[ACCEPTORS];
	pthread_t	holder;
	uint8_t		*held;		/* by descriptor */
};

struct job {
	struct active	*a;
	int		fd;
};

static struct net_opts net;
static struct ktls *ktls;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct active *active;		/* under lock, as all counters in it */
static bool one_test;

static bool thread_spawn(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t detached;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	if (!thread)
		pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(thread ? thread : &detached, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	if (err)
		warn_msg("thread: %s", strerror(err));
	return !err;
}

/* A link is there; false when the test is already over. */
static bool link_hold(struct active *a, int fd)
{
	bool ok;

	pthread_mutex_lock(&lock);
	ok = fd < MAX_FDS && !atomic_load(&a->counts.stop);
	if (ok) {
		a->held[fd] = 1;
		a->links++;
	}
	pthread_mutex_unlock(&lock);
	if (!ok)
		close(fd);
	return ok;
}

static void link_drop(struct active *a, int fd)
{
	pthread_mutex_lock(&lock);
	a->held[fd] = 0;
	close(fd);
	pthread_mutex_unlock(&lock);
}

static void user_done(struct active *a, bool finished)
{
	pthread_mutex_lock(&lock);
	a->users--;
	a->finished += finished;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void wait_for_go(struct active *a)
{
	pthread_mutex_lock(&lock);
	while (!a->go && !atomic_load(&a->counts.stop))
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

/* The link's load, after its handshake; the caller is counted in users. */
static void serve_link(struct active *a, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP, .data.fd = fd };
	struct load load = {
		.test = &a->test,
		.counts = &a->counts,
		.link = { a->test.proto, fd },
	};

	if (!link_hold(a, fd))
		return;
	if (a->epoll >= 0) {
		epoll_ctl(a->epoll, EPOLL_CTL_ADD, fd, &ev);
		return;
	}
	wait_for_go(a);
	if (a->test.kind == KIND_RR)
		load_responses(&load);
	else
		load_streams(&load);
}

static void *quic_link(void *arg)
{
	struct job *job = arg;

	serve_link(job->a, job->fd);
	user_done(job->a, true);
	free(job);
	return NULL;
}

static void quic_link_start(struct active *a, int fd)
{
	struct job *job = xcalloc(1, sizeof(*job));

	job->a = a;
	job->fd = fd;
	pthread_mutex_lock(&lock);
	a->users++;
	pthread_mutex_unlock(&lock);
	if (!thread_spawn(NULL, quic_link, job))
		user_done(a, false);
}

/* Ends when the listener is shut down. */
static void *acceptor(void *arg)
{
	struct active *a = arg;
	struct net_opts opts = net;
	int fd, err;

	opts.early = a->test.early;
	for (;;) {
		fd = accept4(a->listener, NULL, NULL, SOCK_CLOEXEC);
		if (atomic_load(&a->counts.stop)) {
			if (fd >= 0)
				close(fd);
			return NULL;
		}
		if (fd < 0) {
			if (errno == EMFILE || errno == ENFILE)
				sleep_ns(NSEC_PER_MSEC);
			else if (errno != EINTR && errno != ECONNABORTED)
				return NULL;
			continue;
		}
		err = net_quic_try_accept(&opts, fd);
		if (err) {
			note("handshake: %s", net_strerror(err));
			atomic_fetch_add(&a->counts.failed, 1);
			close(fd);
		} else if (a->epoll >= 0) {
			serve_link(a, fd);
		} else {
			quic_link_start(a, fd);
		}
	}
}

/* Has the peer of an idle link gone?  What it sends is of no interest. */
static bool link_gone(int fd)
{
	char buf[256];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	return !n || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static void *holder(void *arg)
{
	struct active *a = arg;
	struct epoll_event ev[64];
	int i, n;

	while (!atomic_load(&a->counts.stop)) {
		n = epoll_wait(a->epoll, ev, ARRAY_SIZE(ev), 100);
		for (i = 0; i < n; i++)
			if (link_gone(ev[i].data.fd))
				link_drop(a, ev[i].data.fd);
	}
	return NULL;
}

static void stop_threads(struct active *a, unsigned int nr)
{
	unsigned int i;

	atomic_store(&a->counts.stop, true);
	if (a->listener >= 0)
		shutdown(a->listener, SHUT_RDWR);
	for (i = 0; i < nr; i++)
		pthread_join(a->acceptor[i], NULL);
	if (a->listener >= 0)
		close(a->listener);
	if (a->epoll >= 0) {
		pthread_join(a->holder, NULL);
		close(a->epoll);
	}
}

/* Links are shut down, which ends their threads, then closed. */
static void test_destroy(struct active *a)
{
	int fd;

	stop_threads(a, a->listener >= 0 ? ACCEPTORS : 0);
	pthread_mutex_lock(&lock);
	for (fd = 0; fd < MAX_FDS; fd++)
		if (a->held[fd])
			shutdown(fd, SHUT_RDWR);
	while (a->users)
		pthread_cond_wait(&changed, &lock);
	for (fd = 0; fd < MAX_FDS; fd++)
		if (a->held[fd])
			close(fd);
	active = NULL;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	free(a->held);
	free(a);
}

/* NULL, or why the test cannot be */
static const char *test_start(struct active *a)
{
	unsigned int i;

	if (a->test.kind == KIND_IDLE || a->test.kind == KIND_HANDSHAKES) {
		a->epoll = epoll_create1(EPOLL_CLOEXEC);
		if (a->epoll < 0 || !thread_spawn(&a->holder, holder, a))
			die(EX_LOCAL, "epoll: %s", strerror(errno));
	}
	if (!proto_is_quic(a->test.proto))
		return NULL;
	a->listener = net_quic_try_listen(&net, link_setup_quic, &a->test);
	if (a->listener < 0)
		return net_strerror(a->listener);
	for (i = 0; i < ACCEPTORS; i++)
		if (!thread_spawn(&a->acceptor[i], acceptor, a))
			die(EX_LOCAL, "no thread to accept");
	return NULL;
}

static struct active *test_new(const struct test *test)
{
	struct active *a = xcalloc(1, sizeof(*a));
	unsigned char raw[TOKEN_BYTES];
	unsigned int i;

	a->test = *test;
	a->listener = -1;
	a->epoll = -1;
	a->held = xcalloc(MAX_FDS, 1);
	gnutls_rnd(GNUTLS_RND_NONCE, raw, sizeof(raw));
	for (i = 0; i < sizeof(raw); i++)
		sprintf(a->token + 2 * i, "%02x", raw[i]);
	return a;
}

static void go(struct active *a)
{
	pthread_mutex_lock(&lock);
	usage_read(&a->start);
	a->go_at = now_ns();
	a->go = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* Waits for the links to deliver what is still under way. */
static void drain(struct active *a)
{
	uint64_t seen = 0, idle_since = now_ns(), moved;

	while (now_ns() - idle_since < DRAIN_MS * NSEC_PER_MSEC) {
		pthread_mutex_lock(&lock);
		if (a->finished >= test_links(&a->test)) {
			pthread_mutex_unlock(&lock);
			return;
		}
		pthread_mutex_unlock(&lock);
		moved = atomic_load(&a->counts.received) + atomic_load(&a->counts.sent);
		if (moved != seen)
			idle_since = now_ns();
		seen = moved;
		sleep_ns(NSEC_PER_MSEC);
	}
	atomic_fetch_add(&a->counts.failed, 1);
}

static bool send_result(struct active *a, int fd)
{
	uint64_t last = atomic_load(&a->counts.last);
	char line[QPERF_LINE];
	struct memory m;
	struct result r = {
		.sent = atomic_load(&a->counts.sent),
		.received = atomic_load(&a->counts.received),
		.ns = last > a->go_at ? last - a->go_at : 0,
		.failed = atomic_load(&a->counts.failed),
	};

	memory_read(&m);
	r.rss = m.rss;
	usage_since(&r.usage, &a->start);
	pthread_mutex_lock(&lock);
	r.links = a->links;
	pthread_mutex_unlock(&lock);
	result_format(&r, line);
	return line_write(fd, line);
}

static void run_commands(struct active *a, int fd)
{
	char line[QPERF_LINE];

	usage_read(&a->start);
	while (line_read(fd, line, 0)) {
		if (!strcmp(line, "go")) {
			go(a);
		} else if (!strcmp(line, "stat")) {
			if (!send_result(a, fd))
				return;
		} else if (!strcmp(line, "end")) {
			if (a->test.kind == KIND_STREAM)
				drain(a);
			send_result(a, fd);
			return;
		} else {
			return;
		}
	}
}

static void refuse(int fd, const char *why)
{
	char line[QPERF_LINE];

	note("refused: %s", why);
	snprintf(line, sizeof(line), "error %.400s", why);
	line_write(fd, line);
}

/* Makes it the active test, after the end of one that is being cleared away. */
static bool test_activate(struct active *a)
{
	struct timespec until;
	bool ok;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += BUSY_SECONDS;
	pthread_mutex_lock(&lock);
	while (active && !pthread_cond_timedwait(&changed, &lock, &until))
		;
	ok = !active;
	if (ok)
		active = a;
	pthread_mutex_unlock(&lock);
	return ok;
}

static void serve_control(int fd, const char *first)
{
	const char *error;
	struct active *a;
	struct test test;
	char line[QPERF_LINE];

	error = test_parse(&test, first);
	if (error) {
		refuse(fd, error);
		return;
	}
	a = test_new(&test);
	if (!test_activate(a)) {
		refuse(fd, "busy with another test");
		free(a->held);
		free(a);
		return;
	}
	note("test: %s", first);
	error = test_start(a);
	if (error) {
		refuse(fd, error);
	} else {
		snprintf(line, sizeof(line), "ok %s", a->token);
		if (line_write(fd, line))
			run_commands(a, fd);
	}
	test_destroy(a);
	note("test done");
	if (!error && one_test)
		finish(EX_OK);
}

static struct active *active_get(const char *token)
{
	struct active *a = NULL;

	pthread_mutex_lock(&lock);
	if (active && !proto_is_quic(active->test.proto) && !strcmp(active->token, token)) {
		a = active;
		a->users++;
	}
	pthread_mutex_unlock(&lock);
	return a;
}

static void serve_data(int fd, const char *token)
{
	struct active *a = active_get(token);
	int err = 0, on = 1;

	if (!a) {
		close(fd);
		return;
	}
	if (a->test.kind == KIND_RR)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (a->test.proto == PROTO_KTLS)
		err = ktls_handshake(ktls, fd, NULL);
	if (err) {
		note("handshake: %s", strerror(-err));
		atomic_fetch_add(&a->counts.failed, 1);
		close(fd);
	} else {
		serve_link(a, fd);
	}
	user_done(a, true);
}

static void *tcp_connection(void *arg)
{
	int fd = (intptr_t)arg, on = 1;
	char line[QPERF_LINE];

	if (!line_read(fd, line, FIRST_LINE_MS)) {
		close(fd);
	} else if (!strncmp(line, "data ", 5)) {
		serve_data(fd, line + 5);
	} else {
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
		serve_control(fd, line);
		close(fd);
	}
	return NULL;
}

int server_run(const struct net_opts *opts, bool one_off)
{
	int listener, fd;

	net = *opts;
	one_test = one_off;
	ktls = ktls_new(&net, true);
	listener = net_tcp_listen(&net);
	note("listening on port %s", net.port);
	for (;;) {
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0) {
			sleep_ns(NSEC_PER_MSEC);
			continue;
		}
		if (!thread_spawn(NULL, tcp_connection, (void *)(intptr_t)fd))
			close(fd);
	}
}

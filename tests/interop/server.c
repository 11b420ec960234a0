// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The server: one listening socket, any number of connections, one poll() loop.
 * A connection lives until the client closes it, it has been idle too long, or
 * SIGHUP: then the server closes all that it has, and goes on serving.
 */
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#include "endpoint.h"

#define BACKLOG		512
#define PREFERRED_MAX	2	/* one of each family */

struct server {
	int sd;
	struct quic_handshake_params params;
	struct sockaddr_storage preferred[PREFERRED_MAX];
	unsigned int nr_preferred;
	struct conn **conns;
	struct pollfd *polls;		/* [0] is the listener's */
	unsigned int nr, size;
};

static volatile sig_atomic_t stop, hang_up;

static void on_signal(int sig)
{
	if (sig == SIGHUP)
		hang_up = 1;
	else
		stop = 1;
}

static int listen_on(void)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM,
				  .ai_flags = AI_PASSIVE }, *ai;
	int err, sd;

	err = getaddrinfo(opt.bind_addr ?: "::", opt.port, &hints, &ai);
	if (err) {
		warn("%s: %s\n", opt.bind_addr, gai_strerror(err));
		return -EINVAL;
	}
	sd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_QUIC);
	if (sd < 0 || socket_setup(sd) || bind(sd, ai->ai_addr, ai->ai_addrlen) ||
	    listen(sd, BACKLOG)) {
		err = -errno;
		warn("listening on port %s: %s\n", opt.port, strerror(errno));
		if (sd >= 0)
			close(sd);
	}
	freeaddrinfo(ai);
	return err ?: sd;
}

static int grow(struct server *sv)
{
	unsigned int size = sv->size ? sv->size * 2 : 64;
	struct conn **conns = realloc(sv->conns, size * sizeof(*conns));
	struct pollfd *polls;

	if (!conns)
		return -ENOMEM;
	sv->conns = conns;
	polls = realloc(sv->polls, (size + 1) * sizeof(*polls));
	if (!polls)
		return -ENOMEM;
	sv->polls = polls;
	sv->size = size;
	return 0;
}

/* ADDR, ADDR:PORT, [ADDR] or [ADDR]:PORT, changed on the way; the port may be missing. */
static int parse_addr(char *text, struct sockaddr_storage *a)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST }, *ai;
	char *port = strrchr(text, ':'), *end = strchr(text, ']');
	int err;

	if (*text == '[' && end) {
		port = end[1] == ':' ? end + 1 : NULL;
		*end = 0;
		text++;
	} else if (port != strchr(text, ':')) {
		port = NULL;		/* IPv6 without brackets */
	}
	if (port)
		*port++ = 0;
	err = getaddrinfo(text, port ?: opt.port, &hints, &ai);
	if (err) {
		warn("preferred address %s: %s\n", text, gai_strerror(err));
		return -EINVAL;
	}
	memcpy(a, ai->ai_addr, ai->ai_addrlen);
	freeaddrinfo(ai);
	return 0;
}

static int parse_preferred(struct server *sv)
{
	char *list = strdup(opt.preferred ?: ""), *next = list, *text;
	int err = list ? 0 : -ENOMEM;

	while (!err && (text = strsep(&next, ", "))) {
		if (!*text)
			continue;
		err = sv->nr_preferred == PREFERRED_MAX ? -E2BIG :
		      parse_addr(text, &sv->preferred[sv->nr_preferred++]);
	}
	free(list);
	return err;
}

/* RFC 9000 §9.6: the addresses are part of the transport parameters of this connection. */
static int offer_preferred(struct server *sv, int sd)
{
	unsigned int i;

	for (i = 0; i < sv->nr_preferred; i++)
		if (setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_CONNECTION_MIGRATION, &sv->preferred[i],
			       sizeof(sv->preferred[i])))
			return -errno;
	return 0;
}

static void add(struct server *sv, int sd)
{
	void *session;
	struct conn *c;
	int err;

	err = sv->nr == sv->size ? grow(sv) : 0;
	err = err ?: offer_preferred(sv, sd);
	err = err ?: quic_server_session_new(sd, &sv->params, &session);
	if (err) {
		warn("session: %s\n", strerror(-err));
		close(sd);
		return;
	}
	c = conn_new(sd, session);
	if (!c) {
		quic_session_free(session);
		close(sd);
		return;
	}
	say("%d: accepted\n", sd);
	sv->conns[sv->nr++] = c;
	conn_step(c);
}

static void accept_all(struct server *sv)
{
	int sd;

	while ((sd = accept4(sv->sd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		add(sv, sd);
	if (errno != EAGAIN && errno != EINTR)
		warn("accept: %s\n", strerror(errno));
}

/* Fills the array for poll(); returns its timeout. */
static int prepare(struct server *sv)
{
	int timeout = -1, t;
	unsigned int i;

	sv->polls[0] = (struct pollfd){ .fd = sv->sd, .events = POLLIN };
	for (i = 0; i < sv->nr; i++) {
		sv->polls[i + 1] = (struct pollfd){ .fd = sv->conns[i]->sd,
						    .events = conn_events(sv->conns[i]) };
		t = conn_timeout(sv->conns[i]);
		if (t >= 0 && (timeout < 0 || t < timeout))
			timeout = t;
	}
	return timeout;
}

static void step_all(struct server *sv)
{
	unsigned int i, n = sv->nr, kept = 0;
	struct conn *c;

	for (i = 0; i < n; i++) {
		c = sv->conns[i];
		if (sv->polls[i + 1].revents || !conn_timeout(c))
			conn_step(c);
		if (c->dead)
			conn_free(c);
		else
			sv->conns[kept++] = c;
	}
	sv->nr = kept;
}

static void close_all(struct server *sv)
{
	say("closing %u connections\n", sv->nr);
	while (sv->nr)
		conn_close(sv->conns[--sv->nr]);
}

/* Signals arrive while it waits, and only then. */
static void serve(struct server *sv)
{
	struct timespec ts;
	sigset_t none;
	int timeout;

	sigemptyset(&none);
	while (!stop) {
		if (hang_up) {
			hang_up = 0;
			close_all(sv);
		}
		timeout = prepare(sv);
		ts = (struct timespec){ timeout / 1000, timeout % 1000 * 1000000 };
		if (ppoll(sv->polls, sv->nr + 1, timeout < 0 ? NULL : &ts, &none) < 0)
			continue;
		step_all(sv);
		if (sv->polls[0].revents)
			accept_all(sv);
	}
}

static void catch_signals(void)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP };
	struct sigaction sa = { .sa_handler = on_signal };
	sigset_t set;
	unsigned int i;

	sigemptyset(&set);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaction(signals[i], &sa, NULL);
		sigaddset(&set, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int run_server(void)
{
	struct server sv = {
		.params = { .size = sizeof(sv.params), .alpns = opt.alpns,
			    .early_data = opt.early,
			    .priority = opt.ciphers,
			    .timeout_ms = HANDSHAKE_TIMEOUT_MS },
	};
	struct quic_handshake_params files = { .size = sizeof(files), .certfile = opt.cert,
					       .keyfile = opt.key };

	catch_signals();
	if (quic_server_credentials_new(&files, &sv.params.credentials) || parse_preferred(&sv) ||
	    grow(&sv))
		return 1;
	sv.sd = listen_on();
	if (sv.sd < 0)
		return 1;
	fprintf(stderr, "endpoint: serving %s on port %s\n", opt.www, opt.port);
	serve(&sv);
	while (sv.nr)
		conn_free(sv.conns[--sv.nr]);
	close(sv.sd);
	quic_credentials_free(sv.params.credentials);
	free(sv.conns);
	free(sv.polls);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * quicize's helper: one process that does every handshake of a program and its
 * children, so that no program is blocked by one, holds a key, or must have a
 * thread for it, and so that fork() and exec() change nothing.
 *
 * It polls: the requests; sockets of which a handshake is under way (POLLMSG: a
 * TLS message came, see QUIC_SOCKOPT_BYTE_STREAM); listening sockets; and
 * stand-ins (quicize.h), which hang up when the program has closed its listener.
 * Each table is an array whose free places are filled from its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include <netinet/in.h>
#include <sys/random.h>

#include "common.h"
#include "quicize.h"
#include "quicize_helper.h"

#define HANDSHAKES_MAX	4096	/* at once; more wait in the kernel's queue */
#define DONE_MAX	1024	/* finished and not taken by the program, a listener */
#define ACCEPT_BURST	64
#define BUSY_MS		5	/* until another try where nothing shows that one is due */

struct listener {
	int sd;			/* the QUIC socket */
	int end;		/* of the pair whose other one the program has */
	unsigned int number;	/* its name, for handshakes */
	int *done;		/* what the pair had no room for */
	unsigned int ndone;
};

struct handshake {
	int sd;
	int reply;		/* who waits for the end of it; -1: nobody */
	unsigned int listener;	/* number; 0: a client's */
	void *session;
	struct quic_handshake_ctx *ctx;
	short events;
	uint64_t at;		/* step() wants to be called then, ns */
};

static const struct helper_opts *opts;
static struct listener *listeners;
static struct handshake *handshakes;
static struct pollfd *polled;
static unsigned int nlisteners, nhandshakes, npolled, numbers;

/* Room for one more in an array of @n, which grows by doubling; NULL: none. */
static void *room(void *array, unsigned int n, size_t size)
{
	if (n & (n - 1) || (n && n < 8))
		return array;
	return realloc(array, (n < 8 ? 8 : n * 2) * size);
}

static void reply(int to, int err, int fd)
{
	struct quicize_reply r = { .err = err };

	if (to < 0)
		return;
	quicize_send(to, &r, sizeof(r), &fd, fd >= 0);
	close(to);
}

/* ---- handshakes ---- */

static struct listener *find_listener(unsigned int number)
{
	unsigned int i;

	for (i = 0; i < nlisteners; i++)
		if (listeners[i].number == number)
			return &listeners[i];
	return NULL;
}

/* To the program, through the pair; false: no room in it. */
static bool give(struct listener *l, int sd)
{
	return quicize_send(l->end, "", 1, &sd, 1) == 1 || (errno != EAGAIN && errno != ETOOMANYREFS);
}

static void deliver(struct handshake *h)
{
	struct listener *l = find_listener(h->listener);
	int *done;

	if (!l || (!l->ndone && give(l, h->sd)) || l->ndone >= DONE_MAX)
		return;
	done = room(l->done, l->ndone, sizeof(*done));
	if (!done)
		return;
	l->done = done;
	l->done[l->ndone++] = h->sd;
	h->sd = -1;
}

static void end_handshake(struct handshake *h, int err)
{
	quic_handshake_deinit(h->ctx);
	quic_session_free(h->session);
	if (!err && h->listener)
		deliver(h);
	if (h->sd >= 0)
		close(h->sd);
	reply(h->reply, -err, -1);
}

/* False: it is over, and its place is free. */
static bool step(struct handshake *h)
{
	int timeout, err = quic_handshake_step(h->ctx, &h->events, &timeout);

	if (err == -EAGAIN) {
		if (!(h->events & POLLIN) && timeout > BUSY_MS)
			timeout = BUSY_MS;
		h->at = now_ns() + (uint64_t)timeout * NSEC_PER_MSEC;
		return true;
	}
	end_handshake(h, err);
	return false;
}

/* The socket of a handshake that cannot begin must not hang. */
static void refuse(int sd, int to, int err)
{
	struct quic_connection_close why = { .errcode = QUIC_TRANSPORT_ERROR_INTERNAL };

	setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_CONNECTION_CLOSE, &why, sizeof(why));
	shutdown(sd, SHUT_RDWR);
	close(sd);
	reply(to, -err, -1);
}

/* Takes @sd. */
static void start_handshake(int sd, int to, unsigned int listener, const char *host)
{
	struct quic_handshake_params p = listener ? opts->server : opts->client;
	struct handshake *all, h = { .sd = sd, .reply = to, .listener = listener };
	int err;

	if (!p.hostname)
		p.hostname = host;
	all = room(handshakes, nhandshakes, sizeof(*all));
	if (all)
		handshakes = all;
	err = !all || nhandshakes >= HANDSHAKES_MAX ? -ENOMEM : listener ?
	      quic_server_session_new(sd, &p, &h.session) :
	      quic_client_session_new(sd, &p, &h.session);
	if (!err)
		err = quic_handshake_init(h.session, &h.ctx);
	if (err) {
		quic_session_free(h.session);
		refuse(sd, to, err);
	} else if (step(&h)) {
		handshakes[nhandshakes++] = h;
	}
}

static void run_handshakes(void)
{
	uint64_t now = now_ns();
	unsigned int i = 0;
	short revents;

	while (i < nhandshakes) {
		revents = i + 1 + nlisteners * 2 < npolled ?
			  polled[i + 1 + nlisteners * 2].revents : 0;
		if ((!revents && now < handshakes[i].at) || step(&handshakes[i])) {
			i++;
			continue;
		}
		handshakes[i] = handshakes[--nhandshakes];
		/* and what was polled for it */
		if (nhandshakes + 1 + nlisteners * 2 < npolled)
			polled[i + 1 + nlisteners * 2] = polled[nhandshakes + 1 + nlisteners * 2];
	}
}

/* ---- listeners ---- */

static void close_listener(unsigned int i)
{
	struct listener *l = &listeners[i];

	while (l->ndone)
		close(l->done[--l->ndone]);
	free(l->done);
	close(l->sd);
	close(l->end);
	listeners[i] = listeners[--nlisteners];
}

/* What the program has closed; before it listens anew at the same port, too. */
static void sweep(void)
{
	struct pollfd p;
	unsigned int i = 0;

	while (i < nlisteners) {
		p.fd = listeners[i].end;
		p.events = 0;
		if (poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR))
			close_listener(i);
		else
			i++;
	}
}

/* The stand-in's other end says by its name what it is and for which address. */
static int name_end(int end, int sd)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr_in6 addr = { 0 };
	unsigned char *bytes = (unsigned char *)&addr;
	socklen_t len = sizeof(addr), i;
	char *to = un.sun_path + 1;
	uint64_t unique;

	if (getsockname(sd, (struct sockaddr *)&addr, &len) ||
	    getrandom(&unique, sizeof(unique), 0) != sizeof(unique))
		return -errno;
	to += sprintf(to, "%s", QUICIZE_MARK);
	for (i = 0; i < len; i++)
		to += sprintf(to, "%02x", bytes[i]);
	to += sprintf(to, ":%016llx", (unsigned long long)unique);
	return bind(end, (struct sockaddr *)&un, (socklen_t)(to - (char *)&un)) ? -errno : 0;
}

static int make_listener(struct listener *l, int backlog, int *stand)
{
	int pair[2], err = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	if (setsockopt(l->sd, SOL_QUIC, QUIC_SOCKOPT_ALPN, opts->alpn, (socklen_t)strlen(opts->alpn)) ||
	    fcntl(l->sd, F_SETFL, O_NONBLOCK) || fcntl(pair[0], F_SETFL, O_NONBLOCK) ||
	    listen(l->sd, backlog > 0 ? backlog : 1))
		err = -errno;
	if (!err)
		err = name_end(pair[0], l->sd);
	if (err) {
		close(pair[0]);
		close(pair[1]);
		return err;
	}
	l->end = pair[0];
	*stand = pair[1];
	return 0;
}

/* Takes @sd. */
static void start_listener(int sd, int to, int backlog)
{
	struct listener *all, l = { .sd = sd, .number = ++numbers };
	int stand = -1, err = -ENOMEM;

	if (!opts->server.credentials) {
		warn_msg("the program listens, for which a certificate is needed: --cert and --key, or --psk");
		close(sd);
		reply(to, EOPNOTSUPP, -1);
		return;
	}
	sweep();
	all = room(listeners, nlisteners, sizeof(*all));
	if (all) {
		listeners = all;
		err = make_listener(&l, backlog, &stand);
	}
	if (err)
		close(sd);
	else
		listeners[nlisteners++] = l;
	reply(to, -err, stand);
	if (stand >= 0)
		close(stand);
}

static void flush_done(struct listener *l)
{
	unsigned int i = 0;

	while (i < l->ndone && give(l, l->done[i]))
		close(l->done[i++]);
	l->ndone -= i;
	memmove(l->done, l->done + i, l->ndone * sizeof(*l->done));
}

static bool is_full(const struct listener *l)
{
	return l->ndone >= DONE_MAX || nhandshakes >= HANDSHAKES_MAX;
}

static void accept_some(const struct listener *l)
{
	int i, sd;

	for (i = 0; i < ACCEPT_BURST && !is_full(l); i++) {
		sd = accept4(l->sd, NULL, NULL, SOCK_CLOEXEC);
		if (sd < 0)
			return;
		start_handshake(sd, -1, l->number, NULL);
	}
}

/* ---- the loop ---- */

/* False: nobody is left to ask. */
static bool take_request(int sd)
{
	struct quicize_request q;
	int fds[2];
	ssize_t n = quicize_recv(sd, &q, sizeof(q), fds, 2, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	if (!n || (n < 0 && errno != EAGAIN && errno != EINTR))
		return false;
	if (n < 0)
		return true;
	if (n != sizeof(q) || fds[0] < 0 || fds[1] < 0) {
		if (fds[0] >= 0)
			close(fds[0]);
		reply(fds[1], EINVAL, -1);
		return true;
	}
	q.host[sizeof(q.host) - 1] = '\0';
	if (q.op == QUICIZE_LISTEN)
		start_listener(fds[0], fds[1], q.backlog);
	else
		start_handshake(fds[0], fds[1], 0, *q.host ? q.host : NULL);
	return true;
}

static bool poll_add(int fd, short events)
{
	struct pollfd *all = room(polled, npolled, sizeof(*all));

	if (!all)
		return false;
	polled = all;
	polled[npolled++] = (struct pollfd){ .fd = fd, .events = events };
	return true;
}

/* The requests, two for each listener, one for each handshake, in this order. */
static int wait_all(int sd)
{
	uint64_t now = now_ns(), at = now + 60 * NSEC_PER_SEC;
	unsigned int i;
	bool fits;

	npolled = 0;
	fits = poll_add(sd, POLLIN);
	for (i = 0; i < nlisteners && fits; i++)
		fits = poll_add(listeners[i].end, listeners[i].ndone ? POLLOUT : 0) &&
		       poll_add(listeners[i].sd, is_full(&listeners[i]) ? 0 : POLLIN);
	for (i = 0; i < nhandshakes && fits; i++) {
		/* POLLRDBAND is among what wakes, POLLMSG is what shows */
		fits = poll_add(handshakes[i].sd,
				handshakes[i].events & POLLIN ? POLLMSG | POLLRDBAND : 0);
		if (handshakes[i].at < at)
			at = handshakes[i].at;
	}
	if (!fits) {		/* no memory: nobody was asked, and it will pass */
		npolled = 0;
		return poll(NULL, 0, BUSY_MS);
	}
	return poll(polled, npolled, at <= now ? 0 : (int)((at - now) / NSEC_PER_MSEC) + 1);
}

static void run_listeners(void)
{
	unsigned int i;

	for (i = 0; i < nlisteners && npolled; i++) {
		if (polled[1 + i * 2].revents & POLLOUT)
			flush_done(&listeners[i]);
		if (polled[2 + i * 2].revents)
			accept_some(&listeners[i]);
	}
}

void helper_run(int sd, const struct helper_opts *o)
{
	bool more = true;

	opts = o;
	while (more) {
		if (wait_all(sd) < 0 && errno != EINTR)
			return;
		run_handshakes();
		run_listeners();
		sweep();
		if (npolled && polled[0].revents)
			more = take_request(sd);
	}
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sockets and connections for the tests, with pre-shared keys made at the
 * first use; data and events on them.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib.h"

#define HANDSHAKE_MS	20000
#define PSK_LINE	"test:000102030405060708090a0b0c0d0e0f" \
			"101112131415161718191a1b1c1d1e1f\n"

static char last_message[256];

static void on_log(int level, const char *message, void *arg)
{
	(void)level;
	(void)arg;
	snprintf(last_message, sizeof(last_message), "%s", message);
}

const char *log_last(void)
{
	return last_message;
}

static struct quic_credentials *credentials(int side)
{
	static struct quic_credentials *cred[2];
	struct quic_credentials *made;
	struct quic_handshake_params hp = { .size = sizeof(hp) };
	char path[64];
	int fd;

	if (cred[side])
		return cred[side];
	quic_set_log_func(on_log, NULL);
	fd = CHECK_OK(memfd_create("psk", 0));
	CHECK_EQ(write(fd, PSK_LINE, strlen(PSK_LINE)), strlen(PSK_LINE));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	hp.pskfile = path;
	if (side == CLI)
		CHECK_EQ(quic_client_credentials_new(&hp, &made), 0);
	else
		CHECK_EQ(quic_server_credentials_new(&hp, &made), 0);
	close(fd);
	cred[side] = made;	/* threads may make one each, but never see half of one */
	return made;
}

/* ---- sockets ---- */

int sock_new(int family, int type)
{
	return CHECK_OK(socket(family, type, IPPROTO_QUIC));
}

socklen_t sock_addr(struct sockaddr_storage *ss, int family, const char *addr, uint16_t port)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;
	struct sockaddr_in *sin = (struct sockaddr_in *)ss;

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = family;
	if (family == AF_INET) {
		sin->sin_port = htons(port);
		CHECK_EQ(inet_pton(AF_INET, addr ?: "127.0.0.1", &sin->sin_addr), 1);
		return sizeof(*sin);
	}
	sin6->sin6_port = htons(port);
	CHECK_EQ(inet_pton(AF_INET6, addr ?: "::1", &sin6->sin6_addr), 1);
	return sizeof(*sin6);
}

uint16_t sock_port(const struct sockaddr_storage *ss)
{
	return ntohs(((const struct sockaddr_in *)ss)->sin_port);
}

void sock_local(int fd, struct sockaddr_storage *ss, socklen_t *len)
{
	*len = sizeof(*ss);
	CHECK_OK(getsockname(fd, (struct sockaddr *)ss, len));
}

void sock_nonblock(int fd, bool on)
{
	int fl = CHECK_OK(fcntl(fd, F_GETFL));

	CHECK_OK(fcntl(fd, F_SETFL, on ? fl | O_NONBLOCK : fl & ~O_NONBLOCK));
}

void sock_timeout(int fd, int opt, unsigned int ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	CHECK_OK(setsockopt(fd, SOL_SOCKET, opt, &tv, sizeof(tv)));
}

short sock_poll(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	CHECK_OK(poll(&p, 1, ms));
	return p.revents;
}

void enter_ns(const char *name)
{
	static int first = -1;
	char path[64];
	int fd;

	if (geteuid())
		test_skip("needs root");
	if (first < 0)
		first = CHECK_OK(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
	if (!name) {
		CHECK_OK(setns(first, CLONE_NEWNET));
		return;
	}
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		test_skip("no network namespace %s", name);
	CHECK_OK(setns(fd, CLONE_NEWNET));
	close(fd);
}

static bool any_set(const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n--)
		if (*b++)
			return true;
	return false;
}

static void configure(int fd, const struct conf *c, int side)
{
	int type;

	if (any_set(&c->tp[side], sizeof(c->tp[side])))
		CHECK_OK(set_opt(fd, QUIC_SOCKOPT_TRANSPORT_PARAM, &c->tp[side],
				 sizeof(c->tp[side])));
	if (any_set(&c->cfg[side], sizeof(c->cfg[side])))
		CHECK_OK(set_opt(fd, QUIC_SOCKOPT_CONFIG, &c->cfg[side], sizeof(c->cfg[side])));
	for (type = 1; type < QUIC_EVENT_MAX; type++)
		if (c->events[side] & 1U << type)
			event_on(fd, type, 1);
}

int listener_new(const struct conf *c, struct pair *p)
{
	int family = c->family ?: AF_INET;

	if (c->ns[SRV])
		enter_ns(c->ns[SRV]);
	p->lis = sock_new(family, c->type ?: SOCK_STREAM);
	if (c->ns[SRV])
		enter_ns(NULL);
	p->addrlen = sock_addr(&p->addr, family, c->addr, 0);
	CHECK_OK(bind(p->lis, (struct sockaddr *)&p->addr, p->addrlen));
	if (c->listen_alpn)
		CHECK_OK(set_opt(p->lis, QUIC_SOCKOPT_ALPN, c->listen_alpn,
				 strlen(c->listen_alpn)));
	configure(p->lis, c, SRV);
	CHECK_OK(listen(p->lis, c->backlog ?: 16));
	sock_local(p->lis, &p->addr, &p->addrlen);
	return p->lis;
}

int client_new(const struct conf *c, const struct pair *p)
{
	int fd;

	if (c->ns[CLI])
		enter_ns(c->ns[CLI]);
	fd = sock_new(p->addr.ss_family, c->type ?: SOCK_STREAM);
	if (c->ns[CLI])
		enter_ns(NULL);
	configure(fd, c, CLI);
	CHECK_OK(connect(fd, (const struct sockaddr *)&p->addr, p->addrlen));
	return fd;
}

/* ---- handshakes ---- */

static void params_of(struct quic_handshake_params *hp, const struct conf *c, int side)
{
	memset(hp, 0, sizeof(*hp));
	hp->size = sizeof(*hp);
	hp->alpns = c->alpn;
	hp->timeout_ms = HANDSHAKE_MS;
	hp->credentials = credentials(side);
}

int client_handshake(int fd, const struct conf *c)
{
	struct quic_handshake_params hp;

	params_of(&hp, c, CLI);
	return quic_client_handshake_params(fd, &hp);
}

int server_handshake(int fd, const struct conf *c)
{
	struct quic_handshake_params hp;

	params_of(&hp, c, SRV);
	return quic_server_handshake_params(fd, &hp);
}

struct half {			/* one side of a handshake under way */
	int fd;
	void *session;
	struct quic_handshake_ctx *ctx;
	short events;
	int ms;
	bool done;
};

static void half_start(struct half *h, int fd, const struct conf *c, int side)
{
	struct quic_handshake_params hp;
	int err;

	params_of(&hp, c, side);
	h->fd = fd;
	h->done = false;
	err = side == CLI ? quic_client_session_new(fd, &hp, &h->session) :
			    quic_server_session_new(fd, &hp, &h->session);
	if (!err)
		err = quic_handshake_init(h->session, &h->ctx);
	if (err)
		FAIL("cannot begin a handshake: %s (%s)", strerror(-err), last_message);
}

static void half_step(struct half *h)
{
	int err;

	if (h->done)
		return;
	err = quic_handshake_step(h->ctx, &h->events, &h->ms);
	if (err == -EAGAIN)
		return;
	if (err)
		FAIL("handshake: %s (%s)", strerror(-err), last_message);
	quic_handshake_deinit(h->ctx);
	quic_session_free(h->session);
	h->done = true;
}

void client_hello(int fd, const struct conf *c)
{
	struct half h;

	half_start(&h, fd, c, CLI);
	quic_handshake_step(h.ctx, &h.events, &h.ms);	/* what the server says is not heard */
	quic_handshake_deinit(h.ctx);
	quic_session_free(h.session);
}

static void halves_wait(const struct half *a, const struct half *b)
{
	struct pollfd p[2] = {
		{ .fd = a->done ? -1 : a->fd, .events = a->events },
		{ .fd = b->done ? -1 : b->fd, .events = b->events },
	};
	int ms = 1000;

	if (!a->done && a->ms < ms)
		ms = a->ms;
	if (!b->done && b->ms < ms)
		ms = b->ms;
	CHECK_OK(poll(p, 2, ms));
}

int pair_handshake(int cli, int lis, const struct conf *c)
{
	struct half a, b;
	int srv;

	half_start(&a, cli, c, CLI);
	half_step(&a);
	if (!(sock_poll(lis, POLLIN, HANDSHAKE_MS) & POLLIN))
		FAIL("no connection to accept after %u ms", HANDSHAKE_MS);
	srv = CHECK_OK(accept(lis, NULL, NULL));
	if (c->accepted)
		c->accepted(srv);
	half_start(&b, srv, c, SRV);
	for (;;) {
		half_step(&b);
		half_step(&a);
		if (a.done && b.done)
			return srv;
		halves_wait(&a, &b);
	}
}

void pair_open(struct pair *p, const struct conf *c)
{
	static const struct conf plain;

	if (!c)
		c = &plain;
	listener_new(c, p);
	p->cli = client_new(c, p);
	p->srv = pair_handshake(p->cli, p->lis, c);
	if (c->nonblock) {
		sock_nonblock(p->cli, true);
		sock_nonblock(p->srv, true);
	}
}

void pair_close(struct pair *p)
{
	CHECK_OK(close(p->cli));
	CHECK_OK(close(p->srv));
	CHECK_OK(close(p->lis));
}

/* ---- a server in another process ---- */

static void serve_all(const struct server *s, const struct conf *c, int connections,
		      void (*serve)(int fd))
{
	int fd, err;

	while (connections--) {
		fd = CHECK_OK(accept(s->p.lis, NULL, NULL));
		err = server_handshake(fd, c);
		if (err)
			FAIL("server's handshake: %s (%s)", strerror(-err), last_message);
		serve(fd);
		close(fd);
	}
}

void server_start(struct server *s, const struct conf *c, int connections,
		  void (*serve)(int fd))
{
	listener_new(c, &s->p);
	s->pid = CHECK_OK(fork());
	if (!s->pid) {
		serve_all(s, c, connections, serve);
		_exit(0);
	}
	CHECK_OK(close(s->p.lis));
	s->p.lis = -1;
}

void server_wait(struct server *s)
{
	int status;

	CHECK_EQ(waitpid(s->pid, &status, 0), s->pid);
	CHECK_EQ(status, 0);
}

int server_connect(const struct server *s, const struct conf *c)
{
	int fd = client_new(c, &s->p);
	int err = client_handshake(fd, c);

	if (err)
		FAIL("client's handshake: %s (%s)", strerror(-err), last_message);
	return fd;
}

/* ---- options ---- */

int get_opt(int fd, int opt, void *val, socklen_t *len)
{
	return getsockopt(fd, SOL_QUIC, opt, val, len);
}

int set_opt(int fd, int opt, const void *val, socklen_t len)
{
	return setsockopt(fd, SOL_QUIC, opt, val, len);
}

int64_t stream_open(int fd, int64_t id, uint32_t flags)
{
	struct quic_stream_info si = { .stream_id = id, .stream_flags = flags };
	socklen_t len = sizeof(si);

	if (get_opt(fd, QUIC_SOCKOPT_STREAM_OPEN, &si, &len))
		return -1;
	CHECK_EQ(len, sizeof(si));
	return si.stream_id;
}

int stream_reset(int fd, int64_t id, uint32_t code)
{
	struct quic_errinfo ei = { .stream_id = id, .errcode = code };

	return set_opt(fd, QUIC_SOCKOPT_STREAM_RESET, &ei, sizeof(ei));
}

int stream_stop(int fd, int64_t id, uint32_t code)
{
	struct quic_errinfo ei = { .stream_id = id, .errcode = code };

	return set_opt(fd, QUIC_SOCKOPT_STREAM_STOP_SENDING, &ei, sizeof(ei));
}

/* ---- data ---- */

void recv_msg(int fd, struct msg *m)
{
	m->id = -1;
	m->flags = 0;
	m->n = quic_recvmsg(fd, m->data, sizeof(m->data), &m->id, &m->flags);
	if (m->n < 0)
		FAIL("recvmsg: %s", strerror(errno));
}

void send_all(int fd, int64_t id, const void *buf, size_t len, uint32_t flags)
{
	const uint8_t *p = buf;
	ssize_t n;

	do {
		n = CHECK_OK(quic_sendmsg(fd, p, len, id, flags));
		p += n;
		len -= n;
		if (len)
			flags &= ~MSG_QUIC_STREAM_NEW;
	} while (len);
}

void recv_all(int fd, int64_t id, void *buf, size_t len, bool fin)
{
	uint8_t *p = buf;
	uint32_t flags = 0;
	size_t got = 0;
	int64_t sid;
	ssize_t n;

	while (got < len || (fin && !(flags & MSG_QUIC_STREAM_FIN))) {
		flags = 0;
		n = CHECK_OK(quic_recvmsg(fd, p + got, len - got, &sid, &flags));
		if (flags & MSG_QUIC_NOTIFICATION)
			FAIL("an event instead of data");
		if (id >= 0)
			CHECK_EQ(sid, id);
		got += n;
		if (flags & MSG_QUIC_STREAM_FIN)
			break;
		CHECK(n > 0 || !len);
	}
	CHECK_EQ(got, len);
	CHECK_EQ(!!(flags & MSG_QUIC_STREAM_FIN), fin);
}

void send_pattern(int fd, int64_t id, uint64_t len, uint32_t flags)
{
	static uint8_t buf[64 * KIB];
	uint64_t off = 0;
	size_t n;

	do {
		n = len - off < sizeof(buf) ? len - off : sizeof(buf);
		pattern_fill(buf, n, id, off);
		off += n;
		send_all(fd, id, buf, n, off == len ? flags : 0);
	} while (off < len);
}

void recv_pattern(int fd, int64_t id, uint64_t len, bool fin)
{
	static uint8_t buf[64 * KIB];
	uint32_t flags = 0;
	uint64_t off = 0;
	int64_t sid;
	ssize_t n;

	while (off < len || (fin && !(flags & MSG_QUIC_STREAM_FIN))) {
		flags = 0;
		n = CHECK_OK(quic_recvmsg(fd, buf, sizeof(buf), &sid, &flags));
		CHECK(!(flags & MSG_QUIC_NOTIFICATION));
		CHECK_EQ(sid, id);
		pattern_check(buf, n, id, off);
		off += n;
	}
	CHECK_EQ(off, len);
}

void echo_serve(int fd)
{
	uint8_t buf[16 * KIB];	/* several threads may be here */
	uint32_t flags;
	int64_t id;
	ssize_t n;

	for (;;) {
		flags = 0;
		n = quic_recvmsg(fd, buf, sizeof(buf), &id, &flags);
		if (n < 0 && errno == ENOTCONN)
			return;
		if (n < 0)
			FAIL("echo server: %s", strerror(errno));
		if (flags & MSG_QUIC_NOTIFICATION)
			continue;
		send_all(fd, id, buf, n, flags & MSG_QUIC_STREAM_FIN);
	}
}

/* ---- events ---- */

void event_on(int fd, uint8_t type, uint8_t on)
{
	struct quic_event_option ev = { .type = type, .on = on };

	CHECK_OK(set_opt(fd, QUIC_SOCKOPT_EVENT, &ev, sizeof(ev)));
}

size_t event_get(int fd, uint8_t type, void *content, size_t size)
{
	struct msg m;

	for (;;) {
		if (!(sock_poll(fd, POLLIN, 10000) & POLLIN))
			FAIL("no event of type %u within 10 s", type);
		recv_msg(fd, &m);
		if (!(m.flags & MSG_QUIC_NOTIFICATION))
			FAIL("%zd bytes of stream %lld instead of an event of type %u", m.n,
			     (long long)m.id, type);
		CHECK(m.flags & MSG_EOR);
		CHECK(m.n > 1);
		if (m.data[0] != type)
			continue;
		memset(content, 0, size);
		memcpy(content, m.data + 1, (size_t)m.n - 1 < size ? (size_t)m.n - 1 : size);
		return m.n - 1;
	}
}

void event_update(int fd, int64_t id, uint8_t state, struct quic_stream_update *u)
{
	do {
		CHECK_EQ(event_get(fd, QUIC_EVENT_STREAM_UPDATE, u, sizeof(*u)), sizeof(*u));
	} while (u->id != id || u->state != state);
}

void event_none(int fd, unsigned int ms)
{
	struct msg m;

	if (!(sock_poll(fd, POLLIN, ms) & POLLIN))
		return;
	recv_msg(fd, &m);
	FAIL("%s (first byte %u) of %zd bytes that nobody asked for",
	     m.flags & MSG_QUIC_NOTIFICATION ? "an event" : "data", m.data[0], m.n);
}

uint64_t mib_read(const char *name)
{
	unsigned long long value;
	char line[128], key[100];
	FILE *f = fopen("/proc/net/quic/snmp", "r");

	if (!f)
		FAIL("/proc/net/quic/snmp: %s", strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%99s %llu", key, &value) == 2 && !strcmp(key, name)) {
			fclose(f);
			return value;
		}
	FAIL("no counter %s", name);
}

void mib_wait(const char *name, uint64_t n)
{
	uint64_t end = now_ms() + 15000;

	while (mib_read(name) < n) {
		if (now_ms() > end)
			break;
		sleep_ms(2);
	}
	if (mib_read(name) != n)
		FAIL("%s is %llu, not %llu", name, (unsigned long long)mib_read(name),
		     (unsigned long long)n);
}

void net_own(void)
{
	if (geteuid())
		test_skip("needs root");
	CHECK_OK(unshare(CLONE_NEWNET));
	test_shell("ip link set lo up && ip addr add fd00:1::1/64 dev lo nodad && "
		   "ip addr add fd00:1::2/64 dev lo nodad && "
		   "ip addr add fd00:2::1/64 dev lo nodad");
}

void net_limit(const char *name, int value)
{
	char path[64], text[16];
	int fd, n;

	snprintf(path, sizeof(path), "/proc/sys/net/quic/%s", name);
	fd = CHECK_OK(open(path, O_WRONLY));
	n = snprintf(text, sizeof(text), "%d", value);
	CHECK_EQ(write(fd, text, n), n);
	close(fd);
}

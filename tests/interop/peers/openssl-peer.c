// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A client and a server of HTTP/0.9 on libssl's public QUIC API (OpenSSL 3.5); the
 * environment is that of lib.sh.  Started by the peer "openssl".
 *
 * One thread, nothing blocks: the loops wait for the UDP socket or for OpenSSL's
 * next timer, let it handle its events, and go on with each connection and stream.
 * Whatever is out of the ordinary ends the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#define LINE_SIZE	1100	/* of a request */
#define NAME_SIZE	4096
#define READ_SIZE	65536
#define PORT		443
#define TICKET_MS	5000
#define CLOSE_MS	1000

static const unsigned char alpn[] = "\x0ahq-interop";
static const char *testcase;
static volatile sig_atomic_t stop;
static SSL_SESSION *session;
static FILE *keylog;

struct stream {
	struct stream *next;
	SSL *ssl;
	char line[LINE_SIZE];
	size_t line_len;
	unsigned char *out;		/* to be sent, and FIN */
	size_t out_len, out_off;
	bool out_ready, in_done, out_done;
	int file;			/* client: where the answer goes */
};

struct conn {
	struct conn *next;
	SSL *ssl;
	struct stream *streams;
	bool key_updated;
};

static void die(const char *what)
{
	fprintf(stderr, "openssl: %s: %s\n", what, errno ? strerror(errno) : "failed");
	ERR_print_errors_fp(stderr);
	exit(1);
}

static bool is_case(const char *name)
{
	return !strcmp(testcase, name);
}

static unsigned long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

/* ---- what both roles do ---- */

static void log_key(const SSL *ssl, const char *line)
{
	(void)ssl;
	fprintf(keylog, "%s\n", line);
	fflush(keylog);
}

static SSL_CTX *new_ctx(const SSL_METHOD *method)
{
	SSL_CTX *ctx = SSL_CTX_new(method);
	const char *file = getenv("SSLKEYLOGFILE");

	if (!ctx)
		die("SSL_CTX_new");
	keylog = file && *file ? fopen(file, "a") : NULL;
	if (keylog)
		SSL_CTX_set_keylog_callback(ctx, log_key);
	if (is_case("chacha20") && !SSL_CTX_set_ciphersuites(ctx, "TLS_CHACHA20_POLY1305_SHA256"))
		die("ciphers");
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE);
	return ctx;
}

/* Until a packet comes, a timer is due, or @max_ms are over; then what is due is done. */
static void wait_for_events(SSL *ssl, int fd, int max_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct timeval tv;
	int infinite, ms = max_ms;

	if (SSL_net_write_desired(ssl))
		p.events |= POLLOUT;
	if (SSL_get_event_timeout(ssl, &tv, &infinite) && !infinite &&
	    tv.tv_sec * 1000 + tv.tv_usec / 1000 < max_ms)
		ms = tv.tv_sec * 1000 + (tv.tv_usec + 999) / 1000;
	/* Never 0: a timer is due only once its time is over, and where time is virtual none passes here. */
	poll(&p, 1, ms > 0 ? ms : 1);
	SSL_handle_events(ssl);
}

/* Streams are ours to accept and to open; nothing is done behind our back. */
static void setup_conn(SSL *ssl)
{
	if (!SSL_set_blocking_mode(ssl, 0) ||
	    !SSL_set_default_stream_mode(ssl, SSL_DEFAULT_STREAM_MODE_NONE) ||
	    !SSL_set_incoming_stream_policy(ssl, SSL_INCOMING_STREAM_POLICY_ACCEPT, 0))
		die("connection");
}

static struct stream *add_stream(struct conn *c, SSL *ssl)
{
	struct stream *s = calloc(1, sizeof(*s));

	if (!s)
		die("stream");
	s->ssl = ssl;
	s->file = -1;
	s->next = c->streams;
	c->streams = s;
	return s;
}

static void free_stream(struct stream *s)
{
	SSL_free(s->ssl);
	free(s->out);
	free(s);
}

static void write_stream(struct stream *s)
{
	size_t n;

	while (s->out_ready && !s->out_done) {
		if (s->out_off == s->out_len) {
			s->out_done = SSL_stream_conclude(s->ssl, 0);
			return;
		}
		if (!SSL_write_ex(s->ssl, s->out + s->out_off, s->out_len - s->out_off, &n))
			return;
		s->out_off += n;
	}
}

/* 1: some bytes, 0: none now, -1: the end, -2: the stream was reset. */
static int read_stream(struct stream *s, void *buf, size_t size, size_t *n)
{
	if (SSL_read_ex(s->ssl, buf, size, n))
		return 1;
	switch (SSL_get_error(s->ssl, 0)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return 0;
	case SSL_ERROR_ZERO_RETURN:
		return -1;
	}
	return -2;
}

/* ---- the server ---- */

static int select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
		       const unsigned char *in, unsigned int in_len, void *arg)
{
	unsigned char *found;

	(void)ssl, (void)arg;
	if (SSL_select_next_proto(&found, out_len, alpn, sizeof(alpn) - 1, in, in_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = found;
	return SSL_TLSEXT_ERR_OK;
}

/* The file that the line asks for; without one, an empty answer. */
static void answer(struct stream *s)
{
	char name[NAME_SIZE];
	struct stat st;
	int fd;

	s->line[strcspn(s->line, "\r\n")] = 0;
	s->out_ready = true;
	if (strncmp(s->line, "GET /", 5) || strstr(s->line, ".."))
		return;
	snprintf(name, sizeof(name), "%s/%s", getenv("WWW"), s->line + 5);
	fd = open(name, O_RDONLY);
	if (fd < 0)
		return;
	if (fstat(fd, &st) || !(s->out = malloc(st.st_size + 1)) ||
	    read(fd, s->out, st.st_size) != st.st_size)
		die(name);
	s->out_len = st.st_size;
	close(fd);
}

static void serve_stream(struct stream *s)
{
	int got = 0;
	size_t n;

	while (!s->in_done) {
		got = read_stream(s, s->line + s->line_len, sizeof(s->line) - 1 - s->line_len, &n);
		if (got <= 0)
			break;
		s->line_len += n;
		got = s->line_len == sizeof(s->line) - 1 ? -2 : got;
		if (got < 0)
			break;
	}
	if (got < 0) {
		s->in_done = true;
		if (got == -1)
			answer(s);
		else
			s->out_done = true;
	}
	write_stream(s);
}

/* Does the connection still live? */
static bool serve_conn(struct conn *c)
{
	SSL_CONN_CLOSE_INFO info = { 0 };
	struct stream **p = &c->streams, *s;
	SSL *ssl;

	if (!SSL_is_init_finished(c->ssl))
		SSL_do_handshake(c->ssl);
	while ((ssl = SSL_accept_stream(c->ssl, SSL_ACCEPT_STREAM_NO_BLOCK)))
		add_stream(c, ssl);
	while ((s = *p)) {
		serve_stream(s);
		if (s->in_done && s->out_done) {
			*p = s->next;
			free_stream(s);
		} else {
			p = &s->next;
		}
	}
	ERR_clear_error();
	return !SSL_get_conn_close_info(c->ssl, &info, sizeof(info));
}

static void free_conn(struct conn *c)
{
	struct stream *s;

	while ((s = c->streams)) {
		c->streams = s->next;
		free_stream(s);
	}
	SSL_free(c->ssl);
	free(c);
}

static void accept_conns(SSL *listener, struct conn **conns)
{
	struct conn *c;
	SSL *ssl;

	while ((ssl = SSL_accept_connection(listener, SSL_ACCEPT_CONNECTION_NO_BLOCK))) {
		setup_conn(ssl);
		c = calloc(1, sizeof(*c));
		if (!c)
			die("connection");
		c->ssl = ssl;
		c->next = *conns;
		*conns = c;
	}
}

static int bind_socket(void)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(PORT) };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0), off = 0;

	if (fd < 0 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) ||
	    bind(fd, (struct sockaddr *)&a, sizeof(a)))
		die("bind");
	return fd;
}

static SSL *new_listener(SSL_CTX *ctx, int fd)
{
	SSL *listener = SSL_new_listener(ctx, is_case("retry") ? 0 : SSL_LISTENER_FLAG_NO_VALIDATE);

	if (!listener || !SSL_set_fd(listener, fd) || !SSL_set_blocking_mode(listener, 0) ||
	    !SSL_listen(listener))
		die("listen");
	return listener;
}

static int run_server(void)
{
	SSL_CTX *ctx = new_ctx(OSSL_QUIC_server_method());
	struct conn *conns = NULL, **p, *c;
	char name[NAME_SIZE];
	int fd = bind_socket();
	SSL *listener;

	SSL_CTX_set_alpn_select_cb(ctx, select_alpn, NULL);
	snprintf(name, sizeof(name), "%s/cert.pem", getenv("CERTS"));
	if (SSL_CTX_use_certificate_chain_file(ctx, name) != 1)
		die(name);
	snprintf(name, sizeof(name), "%s/priv.key", getenv("CERTS"));
	if (SSL_CTX_use_PrivateKey_file(ctx, name, SSL_FILETYPE_PEM) != 1)
		die(name);
	listener = new_listener(ctx, fd);
	while (!stop) {
		accept_conns(listener, &conns);
		for (p = &conns; (c = *p);) {
			if (serve_conn(c)) {
				p = &c->next;
			} else {
				*p = c->next;
				free_conn(c);
			}
		}
		wait_for_events(listener, fd, 1000);
	}
	return 0;
}

/* ---- the client ---- */

struct request {
	char host[256], port[8];
	const char *path;
};

static int keep_session(SSL *ssl, SSL_SESSION *new)
{
	(void)ssl;
	SSL_SESSION_free(session);
	session = new;
	return 1;
}

/* https://host[:port]/path; an IPv6 address in brackets */
static struct request parse_url(char *url)
{
	struct request r = { .port = "443" };
	char *host = strstr(url, "://"), *path = host ? strchr(host + 3, '/') : NULL;
	bool v6 = path && host[3] == '[';

	if (!path ||
	    sscanf(host + 3, v6 ? "[%255[^]]]:%7[0-9]" : "%255[^:/]:%7[0-9]", r.host, r.port) < 1) {
		errno = EINVAL;
		die(url);
	}
	r.path = path;
	return r;
}

static SSL *dial(SSL_CTX *ctx, const struct request *r, int *fd)
{
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *ai;
	SSL *ssl = SSL_new(ctx);
	BIO_ADDR *peer = BIO_ADDR_new();
	int ok;

	if (!ssl || !peer || getaddrinfo(r->host, r->port, &hints, &ai))
		die(r->host);
	*fd = socket(ai->ai_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (*fd < 0 || connect(*fd, ai->ai_addr, ai->ai_addrlen))
		die("connect");
	if (ai->ai_family == AF_INET6)
		ok = BIO_ADDR_rawmake(peer, AF_INET6,
				      &((struct sockaddr_in6 *)ai->ai_addr)->sin6_addr, 16,
				      ((struct sockaddr_in6 *)ai->ai_addr)->sin6_port);
	else
		ok = BIO_ADDR_rawmake(peer, AF_INET,
				      &((struct sockaddr_in *)ai->ai_addr)->sin_addr, 4,
				      ((struct sockaddr_in *)ai->ai_addr)->sin_port);
	/* SSL_set_alpn_protos() returns 0 for success. */
	if (!ok || !SSL_set_fd(ssl, *fd) || !SSL_set1_initial_peer_addr(ssl, peer) ||
	    !SSL_set_tlsext_host_name(ssl, r->host) ||
	    SSL_set_alpn_protos(ssl, alpn, sizeof(alpn) - 1))
		die("session");
	setup_conn(ssl);
	freeaddrinfo(ai);
	BIO_ADDR_free(peer);
	return ssl;
}

static void shake_hands(SSL *ssl, int fd)
{
	int ret, err;

	while ((ret = SSL_connect(ssl)) != 1) {
		err = SSL_get_error(ssl, ret);
		if (err != SSL_ERROR_WANT_READ && err != SSL_ERROR_WANT_WRITE) {
			errno = 0;
			die("handshake");
		}
		wait_for_events(ssl, fd, 1000);
	}
}

/* As many as the server allows. */
static unsigned int make_requests(struct conn *c, const struct request *r, unsigned int n)
{
	char name[NAME_SIZE];
	struct stream *s;
	unsigned int i;
	SSL *ssl;

	for (i = 0; i < n && (ssl = SSL_new_stream(c->ssl, SSL_STREAM_FLAG_NO_BLOCK)); i++) {
		s = add_stream(c, ssl);
		s->out_len = snprintf(s->line, sizeof(s->line), "GET %s\r\n", r[i].path);
		s->out = (unsigned char *)strdup(s->line);
		s->out_ready = true;
		snprintf(name, sizeof(name), "%s/%s", getenv("DOWNLOADS"),
			 strrchr(r[i].path, '/') + 1);
		s->file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
		if (s->file < 0 || !s->out)
			die(name);
	}
	ERR_clear_error();
	return i;
}

static void receive(struct conn *c, struct stream *s)
{
	static char buf[READ_SIZE];
	int got;
	size_t n;

	write_stream(s);
	while ((got = read_stream(s, buf, sizeof(buf), &n)) > 0) {
		if (is_case("keyupdate") && !c->key_updated)
			c->key_updated = SSL_key_update(c->ssl, SSL_KEY_UPDATE_REQUESTED);
		if (write(s->file, buf, n) != (ssize_t)n)
			die("write");
	}
	if (got == -2)
		die("stream");
	s->in_done = got == -1;
}

/* Returns how many have ended. */
static unsigned int receive_all(struct conn *c)
{
	struct stream **p = &c->streams, *s;
	unsigned int done = 0;

	while ((s = *p)) {
		receive(c, s);
		if (s->in_done) {
			close(s->file);
			*p = s->next;
			free_stream(s);
			done++;
		} else {
			p = &s->next;
		}
	}
	ERR_clear_error();
	return done;
}

static void wait_for_ticket(SSL *ssl, int fd)
{
	unsigned long long due = now_ms() + TICKET_MS;

	while (!session && now_ms() < due)
		wait_for_events(ssl, fd, 100);
	if (!session) {
		errno = ETIMEDOUT;
		die("ticket");
	}
}

static void hang_up(SSL *ssl, int fd)
{
	unsigned long long due = now_ms() + CLOSE_MS;

	while (SSL_shutdown_ex(ssl, SSL_SHUTDOWN_FLAG_RAPID, NULL, 0) != 1 && now_ms() < due)
		wait_for_events(ssl, fd, 100);
}

/* One connection for these requests. */
static void fetch(SSL_CTX *ctx, const struct request *r, unsigned int n)
{
	SSL_CONN_CLOSE_INFO info = { 0 };
	struct conn *c = calloc(1, sizeof(*c));
	unsigned int made = 0, done = 0;
	int fd;

	if (!c)
		die("connection");
	c->ssl = dial(ctx, r, &fd);
	if (session && !SSL_set_session(c->ssl, session))
		die("ticket");
	shake_hands(c->ssl, fd);
	while (done < n) {
		made += make_requests(c, r + made, n - made);
		done += receive_all(c);
		if (done == n)
			break;
		if (SSL_get_conn_close_info(c->ssl, &info, sizeof(info))) {
			errno = ECONNRESET;
			die(info.reason ?: "closed");
		}
		wait_for_events(c->ssl, fd, 1000);
	}
	if (is_case("resumption") && !session)
		wait_for_ticket(c->ssl, fd);
	hang_up(c->ssl, fd);
	free_conn(c);
	close(fd);
}

static int run_client(void)
{
	SSL_CTX *ctx = new_ctx(OSSL_QUIC_client_method());
	char *urls = getenv("REQUESTS"), *url;
	struct request *r = calloc(strlen(urls), sizeof(*r));
	unsigned int nr = 0, i, n;

	while (r && (url = strsep(&urls, " \n")))
		if (*url)
			r[nr++] = parse_url(url);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
	SSL_CTX_sess_set_new_cb(ctx, keep_session);
	for (i = 0; i < nr; i += n) {
		n = is_case("multiconnect") || (is_case("resumption") && !i) ? 1 : nr - i;
		fetch(ctx, r + i, n);
	}
	return 0;
}

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

int main(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	testcase = getenv("TESTCASE");
	if (!strcmp(getenv("ROLE"), "client"))
		return run_client();
	sigaction(SIGTERM, &sa, NULL);
	return run_server();
}

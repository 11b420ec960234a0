// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Address validation, RFC 9000 §8.1: Retry when a listener wants it and under
 * load, tokens for later connections, and tokens that are worth nothing.  Each
 * test has a network namespace of its own.
 */
#include "evil.h"

static struct pair p;
static const struct conf plain, validate = { .cfg[SRV] = { .validate_peer_address = 1 } };
static uint8_t token[512];
static size_t token_len;

static int client_at(const char *addr, const uint8_t *tok, size_t len)
{
	int family = p.addr.ss_family, fd = sock_new(family, SOCK_STREAM);
	struct sockaddr_storage ss;
	socklen_t sslen = sock_addr(&ss, family, addr, 0);

	CHECK_OK(bind(fd, (struct sockaddr *)&ss, sslen));
	if (len)
		CHECK_OK(set_opt(fd, QUIC_SOCKOPT_TOKEN, tok, len));
	CHECK_OK(connect(fd, (struct sockaddr *)&p.addr, p.addrlen));
	return fd;
}

/* A whole connection with this token, which takes @retries Retry packets. */
static void connection(const char *addr, const uint8_t *tok, size_t len, unsigned int retries)
{
	uint64_t before = mib_read("QuicRetryOut");
	int cli = client_at(addr, tok, len), srv = pair_handshake(cli, p.lis, &plain);
	char buf[4];

	send_all(cli, 0, "ping", 4, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN);
	recv_all(srv, 0, buf, 4, true);
	CHECK_EQ(mib_read("QuicRetryOut") - before, retries);
	close(cli);
	close(srv);
}

/* A token of the server for a client at @addr. */
static void get_token(const char *addr)
{
	uint64_t end = now_ms() + 15000;
	int cli, srv;

	cli = client_at(addr, NULL, 0);
	event_on(cli, QUIC_EVENT_NEW_TOKEN, 1);
	srv = pair_handshake(cli, p.lis, &plain);
	while (set_opt(srv, QUIC_SOCKOPT_TOKEN, "", 1)) {
		CHECK(errno == EAGAIN && now_ms() < end);
		sleep_ms(2);
	}
	token_len = event_get(cli, QUIC_EVENT_NEW_TOKEN, token, sizeof(token));
	close(cli);
	close(srv);
}

static void start(const struct conf *c)
{
	net_own();
	listener_new(c, &p);
}

static void retry_by_option(void)
{
	start(&plain);
	connection("127.0.0.1", NULL, 0, 0);
	close(p.lis);
	listener_new(&validate, &p);
	connection("127.0.0.1", NULL, 0, 1);
}

static void retry_ipv6(void)
{
	struct conf c = validate;

	c.family = AF_INET6;
	start(&c);
	connection("::1", NULL, 0, 1);
	get_token("::1");
	connection("::1", token, token_len, 0);
	get_token("::1");
	connection("fd00:1::1", token, token_len, 1);
}

/* By itself, when many handshakes are under way; and no more when they are done. */
static void retry_under_load(void)
{
	int fd[3], i;

	start(&plain);
	net_limit("retry_threshold", 2);
	connection("127.0.0.1", NULL, 0, 0);
	for (i = 0; i < 3; i++) {
		fd[i] = client_at("127.0.0.1", NULL, 0);
		client_hello(fd[i], &plain);
	}
	mib_wait("QuicAccepted", 4);
	i = client_at("127.0.0.1", NULL, 0);
	client_hello(i, &plain);
	mib_wait("QuicRetryOut", 1);
	mib_wait("QuicAccepted", 5);		/* it proved its address, and is in */
	close(i);
	for (i = 0; i < 3; i++)
		close(fd[i]);
	while (sock_poll(p.lis, POLLIN, 100) & POLLIN)
		close(CHECK_OK(accept(p.lis, NULL, NULL)));
	connection("127.0.0.1", NULL, 0, 0);
}

/* RFC 9000 §8.1.3: the port is another; §8.1.4: once, SHOULD NOT again */
static void token_new_port(void)
{
	start(&validate);
	get_token("127.0.0.1");
	connection("127.0.0.1", token, token_len, 0);
	connection("127.0.0.1", token, token_len, 1);
	connection("127.0.0.1", token, token_len, 1);
	get_token("127.0.0.1");		/* another one is good again */
	connection("127.0.0.1", token, token_len, 0);
}

/* RFC 9000 §9.3: a client that has moved SHOULD get a token for where it is now */
static void token_after_move(void)
{
	struct sockaddr_storage to;
	socklen_t len = sock_addr(&to, AF_INET, "127.0.0.2", 7411);
	int cli, srv;

	start(&validate);
	cli = client_at("127.0.0.1", NULL, 0);
	event_on(cli, QUIC_EVENT_NEW_TOKEN, 1);
	srv = pair_handshake(cli, p.lis, &validate);
	event_get(cli, QUIC_EVENT_NEW_TOKEN, token, sizeof(token));
	sleep_ms(100);			/* its ACK: one token at a time */
	CHECK_OK(set_opt(cli, QUIC_SOCKOPT_CONNECTION_MIGRATION, &to, len));
	token_len = event_get(cli, QUIC_EVENT_NEW_TOKEN, token, sizeof(token));
	close(cli);
	close(srv);
	connection("127.0.0.2", token, token_len, 0);
	/* another port alone: the token that it has is as good */
	cli = client_at("127.0.0.1", NULL, 0);
	event_on(cli, QUIC_EVENT_NEW_TOKEN, 1);
	srv = pair_handshake(cli, p.lis, &validate);
	event_get(cli, QUIC_EVENT_NEW_TOKEN, token, sizeof(token));
	sock_addr(&to, AF_INET, "127.0.0.1", 7411);
	CHECK_OK(set_opt(cli, QUIC_SOCKOPT_CONNECTION_MIGRATION, &to, len));
	event_none(cli, 300);
	close(cli);
	close(srv);
}

/* One at a time: EAGAIN until the client has acknowledged it. */
static void token_unacknowledged(void)
{
	uint64_t end;
	int cli, srv;

	start(&plain);
	cli = client_at("127.0.0.1", NULL, 0);
	srv = pair_handshake(cli, p.lis, &plain);
	test_shell("tc qdisc add dev lo root netem delay 200ms");
	CHECK_OK(set_opt(srv, QUIC_SOCKOPT_TOKEN, NULL, 0));
	CHECK_ERR(set_opt(srv, QUIC_SOCKOPT_TOKEN, NULL, 0), EAGAIN);
	for (end = now_ms() + 10000; set_opt(srv, QUIC_SOCKOPT_TOKEN, NULL, 0); sleep_ms(10))
		CHECK(errno == EAGAIN && now_ms() < end);
	test_shell("tc qdisc del dev lo root");
	close(cli);
	close(srv);
}

static void token_other_address(void)
{
	start(&validate);
	get_token("127.0.0.1");
	connection("127.0.0.2", token, token_len, 1);
	connection("127.0.0.1", token, token_len, 0);	/* and is not used up by that */
}

static void token_expired(void)
{
	start(&validate);
	net_limit("new_token_lifetime", 1);
	get_token("127.0.0.1");
	sleep_ms(1100);
	connection("127.0.0.1", token, token_len, 1);
	net_limit("new_token_lifetime", 100);
	connection("127.0.0.1", token, token_len, 0);
}

/* RFC 9000 §8.1.3: an invalid one is as if there were none */
static void token_changed(void)
{
	size_t i;

	start(&validate);
	get_token("127.0.0.1");
	for (i = 0; i < token_len; i += 5) {
		if (!i)		/* what makes it a Retry's: the next test */
			continue;
		token[i] ^= 0x10;
		connection("127.0.0.1", token, token_len, 1);
		token[i] ^= 0x10;
	}
	connection("127.0.0.1", token, token_len - 1, 1);
	memset(token + token_len, 0, 10);
	connection("127.0.0.1", token, token_len + 10, 1);
	connection("127.0.0.1", (const uint8_t *)"x", 1, 1);
	connection("127.0.0.1", token, token_len, 0);
}

/* A token of a server that has other keys. */
static void token_of_another(void)
{
	start(&validate);
	get_token("127.0.0.1");
	close(p.lis);
	start(&validate);
	connection("127.0.0.1", token, token_len, 1);
}

/* RFC 9000 §8.1.2: a Retry token that is not valid: INVALID_TOKEN at once */
static void invalid(const char *addr, const uint8_t *tok, size_t len, const char *what)
{
	uint64_t before = mib_read("QuicBadToken");
	struct quic_connection_close cl;
	socklen_t cllen = sizeof(cl);
	int fd = client_at(addr, tok, len);

	if (client_handshake(fd, &plain) >= 0)
		FAIL("%s: a handshake", what);
	CHECK_OK(get_opt(fd, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, &cllen));
	if (cl.errcode != QUIC_TRANSPORT_ERROR_INVALID_TOKEN)
		FAIL("%s: closed with %#x", what, cl.errcode);
	if (mib_read("QuicBadToken") <= before)
		FAIL("%s: not counted", what);
	close(fd);
}

static bool has_token(struct evil *e)
{
	return e->conn.retried && e->conn.token_len;
}

static void retry_token_stolen(void)
{
	struct evil_conf c = { .validate = true };
	struct evil *e;

	net_own();
	net_limit("retry_token_lifetime", 100);
	e = evil_open(false, FIRST_FLIGHT, &c);
	CHECK(evil_run(e, has_token, 15000));
	token_len = e->conn.token_len;
	memcpy(token, e->conn.token, token_len);
	CHECK(sock_poll(e->lis, POLLIN, 10000) & POLLIN);	/* the honest one is in */
	p.lis = e->lis;
	p.addr = e->victim;
	p.addrlen = e->victim_len;
	invalid("127.0.0.2", token, token_len, "another address");
	invalid("127.0.0.1", token, token_len, "another port");
	token[20] ^= 1;
	invalid("127.0.0.1", token, token_len, "a changed token");
	evil_free(e);
}

static void retry_token_expired(void)
{
	int fd;

	start(&validate);
	net_limit("retry_token_lifetime", 0);
	fd = client_at("127.0.0.1", NULL, 0);
	CHECK(client_handshake(fd, &plain) < 0);
	CHECK(mib_read("QuicBadToken") >= 1);
	CHECK_EQ(mib_read("QuicAccepted"), 0);
	close(fd);
	net_limit("retry_token_lifetime", 10);
	connection("127.0.0.1", NULL, 0, 1);
}

static const struct test tests[] = {
	{ "retry-by-option", retry_by_option },
	{ "retry-ipv6", retry_ipv6 },
	{ "retry-under-load", retry_under_load },
	{ "token-new-port", token_new_port },
	{ "token-after-move", token_after_move },
	{ "token-unacknowledged", token_unacknowledged },
	{ "token-other-address", token_other_address },
	{ "token-expired", token_expired },
	{ "token-changed", token_changed, 60 },
	{ "token-of-another", token_of_another },
	{ "retry-token-stolen", retry_token_stolen },
	{ "retry-token-expired", retry_token_expired },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

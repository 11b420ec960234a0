// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a connection can besides moving bytes: key updates, connection IDs,
 * tickets, tokens, Retry, version 2, ALPN routing; and full accept queues.
 */
#include <sys/wait.h>

#include "lib.h"

#define NEW	MSG_QUIC_STREAM_NEW
#define FIN	MSG_QUIC_STREAM_FIN

static struct pair p;
static char buf[256];

static void ping_pong(int a, int b, int64_t id)
{
	send_all(a, id, "ping", 4, NEW | FIN);
	recv_all(b, id, buf, 4, true);
	send_all(b, id, "pong", 4, FIN);
	recv_all(a, id, buf, 4, true);
}

/* Repeat a set until the handshake is confirmed and the last one is done. */
static int eventually(int fd, int opt, const void *val, socklen_t len)
{
	uint64_t end = now_ms() + 15000;

	while (set_opt(fd, opt, val, len)) {
		if ((errno != EINVAL && errno != EAGAIN && errno != EBUSY) || now_ms() > end)
			return -1;
		sleep_ms(2);
	}
	return 0;
}

/* ---- keys ---- */

static void key_updates(void)
{
	int64_t i;

	pair_open(&p, NULL);
	for (i = 0; i < 30; i++) {
		CHECK_OK(eventually(i % 3 ? p.cli : p.srv, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0));
		ping_pong(p.cli, p.srv, i * 4);
	}
	pair_close(&p);
}

static void key_update_pending(void)
{
	pair_open(&p, NULL);
	CHECK_OK(eventually(p.cli, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0));
	/* at once again: the first is not acknowledged, or it just was */
	if (set_opt(p.cli, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0))
		CHECK_EQ(errno, EINVAL);
	ping_pong(p.cli, p.srv, 0);
	CHECK_ERR(set_opt(p.lis, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0), EPIPE);
	pair_close(&p);
}

/* In the middle of a transfer, by both ends. */
static void key_update_in_transfer(void)
{
	uint64_t n = test_scaled(8 * MIB, MIB);
	int status, i;
	pid_t pid;

	pair_open(&p, NULL);
	pid = fork();
	if (!pid) {
		recv_pattern(p.srv, 0, n, true);
		send_all(p.srv, 0, "done", 4, FIN);
		recv_all(p.srv, 4, buf, 1, true);
		_exit(0);
	}
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	for (i = 0; i < 20; i++) {
		static uint8_t part[MIB];

		pattern_fill(part, n / 20, 0, i * (n / 20));
		send_all(p.cli, 0, part, n / 20, 0);
		CHECK_OK(eventually(i & 1 ? p.cli : p.srv, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0));
	}
	pattern_fill(buf, n - 20 * (n / 20), 0, 20 * (n / 20));
	send_all(p.cli, 0, buf, n - 20 * (n / 20), FIN);
	recv_all(p.cli, 0, buf, 4, true);
	send_all(p.cli, 4, "!", 1, NEW | FIN);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

static void plain_has_no_keys(void)
{
	struct conf c = {
		.tp = { { .disable_1rtt_encryption = 1 }, { .disable_1rtt_encryption = 1 } },
	};

	pair_open(&p, &c);
	ping_pong(p.cli, p.srv, 0);
	CHECK_ERR(set_opt(p.cli, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0), EINVAL);
	ping_pong(p.cli, p.srv, 4);
	pair_close(&p);
}

/* Only one side wants it: packets stay protected, all works. */
static void plain_by_one_side(void)
{
	struct conf c = { .tp = { { .disable_1rtt_encryption = 1 } } };

	pair_open(&p, &c);
	ping_pong(p.cli, p.srv, 0);
	CHECK_OK(eventually(p.cli, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0));
	ping_pong(p.cli, p.srv, 4);
	pair_close(&p);
}

/* ---- connection IDs ---- */

static struct quic_connection_id_info ids(int fd, uint8_t dest)
{
	struct quic_connection_id_info info = { .dest = dest };
	socklen_t len = sizeof(info);

	CHECK_OK(get_opt(fd, QUIC_SOCKOPT_CONNECTION_ID, &info, &len));
	CHECK_EQ(len, sizeof(info));
	CHECK_EQ(info.dest, dest);
	return info;
}

static int use_id(int fd, uint32_t active, uint32_t prior_to)
{
	struct quic_connection_id_info info = { .dest = 1, .active = active,
						.prior_to = prior_to };

	return eventually(fd, QUIC_SOCKOPT_CONNECTION_ID, &info, sizeof(info));
}

static void switch_ids(void)
{
	uint32_t i;

	pair_open(&p, NULL);
	CHECK_EQ(ids(p.cli, 1).active, 0);
	CHECK_EQ(ids(p.cli, 1).prior_to, 0);
	for (i = 1; i <= 20; i++) {
		CHECK_OK(use_id(i & 1 ? p.cli : p.srv, (i + 1) / 2, (i + 1) / 2));
		CHECK_EQ(ids(i & 1 ? p.cli : p.srv, 1).active, (i + 1) / 2);
		CHECK_EQ(ids(i & 1 ? p.cli : p.srv, 1).prior_to, (i + 1) / 2);
		ping_pong(p.cli, p.srv, (i - 1) * 4);
	}
	pair_close(&p);
}

static void retire_source_ids(void)
{
	struct quic_connection_id_info info = {};
	uint64_t end = now_ms() + 15000;
	int64_t i;

	pair_open(&p, NULL);
	for (i = 1; i <= 5; i++) {
		info.prior_to = i;
		CHECK_OK(eventually(p.srv, QUIC_SOCKOPT_CONNECTION_ID, &info, sizeof(info)));
		ping_pong(p.cli, p.srv, (i - 1) * 4);
	}
	/* the client follows: it uses none of those */
	while (ids(p.cli, 1).active < 5) {
		CHECK(now_ms() < end);
		sleep_ms(5);
	}
	CHECK(ids(p.srv, 0).prior_to >= 5);
	ping_pong(p.cli, p.srv, 100);
	pair_close(&p);
}

static void bad_ids(void)
{
	struct quic_connection_id_info info = { .dest = 1, .active = 12345 };

	pair_open(&p, NULL);
	ping_pong(p.cli, p.srv, 0);
	CHECK_ERR(set_opt(p.cli, QUIC_SOCKOPT_CONNECTION_ID, &info, sizeof(info)), EINVAL);
	info.active = 0;
	info.prior_to = 12345;
	CHECK_ERR(set_opt(p.cli, QUIC_SOCKOPT_CONNECTION_ID, &info, sizeof(info)), EINVAL);
	info.dest = 0;
	CHECK_ERR(set_opt(p.cli, QUIC_SOCKOPT_CONNECTION_ID, &info, sizeof(info)), EINVAL);
	info.active = 2;
	info.prior_to = 0;
	CHECK_ERR(set_opt(p.cli, QUIC_SOCKOPT_CONNECTION_ID, &info, sizeof(info)), EINVAL);
	CHECK_ERR(set_opt(p.lis, QUIC_SOCKOPT_CONNECTION_ID, &info, sizeof(info)), EINVAL);
	CHECK_EQ(ids(p.cli, 1).active, 0);
	ping_pong(p.cli, p.srv, 4);
	pair_close(&p);
}

/* ---- tokens, Retry, tickets ---- */

static void retry(void)
{
	struct conf c = { .cfg[SRV] = { .validate_peer_address = 1 } };

	pair_open(&p, &c);
	ping_pong(p.cli, p.srv, 0);
	pair_close(&p);
	c.cfg[CLI].version = QUIC_VERSION_V2;
	pair_open(&p, &c);
	ping_pong(p.cli, p.srv, 0);
	pair_close(&p);
}

/* A token of an earlier connection, and one that is no token at all. */
static void token_reused(void)
{
	struct conf c = { .events = { 1 << QUIC_EVENT_NEW_TOKEN },
			  .cfg[SRV] = { .validate_peer_address = 1 } };
	uint8_t token[512];
	int i, fd, srv;
	size_t n;

	pair_open(&p, &c);
	CHECK_OK(set_opt(p.srv, QUIC_SOCKOPT_TOKEN, "", 1));
	n = event_get(p.cli, QUIC_EVENT_NEW_TOKEN, token, sizeof(token));
	for (i = 0; i < 3; i++) {
		fd = sock_new(AF_INET, SOCK_STREAM);
		if (i == 2)
			memset(token, 0x55, n);
		CHECK_OK(set_opt(fd, QUIC_SOCKOPT_TOKEN, token, n));
		CHECK_OK(connect(fd, (struct sockaddr *)&p.addr, p.addrlen));
		srv = pair_handshake(fd, p.lis, &c);
		ping_pong(fd, srv, 0);
		close(fd);
		close(srv);
	}
	pair_close(&p);
}

/* RFC 9369 §5: MUST NOT be accepted in another version: the address is validated anew */
static void token_other_version(void)
{
	static const uint32_t v[] = { QUIC_VERSION_V2, QUIC_VERSION_V1 };	/* it is good once */
	struct conf c = { .events = { 1 << QUIC_EVENT_NEW_TOKEN },
			  .cfg[SRV] = { .validate_peer_address = 1 } };
	uint64_t retries;
	uint8_t token[512];
	int i, fd, srv;
	size_t n;

	pair_open(&p, &c);
	CHECK_OK(set_opt(p.srv, QUIC_SOCKOPT_TOKEN, "", 1));
	n = event_get(p.cli, QUIC_EVENT_NEW_TOKEN, token, sizeof(token));
	for (i = 0; i < ARRAY(v); i++) {
		retries = mib_read("QuicRetryOut");
		c.cfg[CLI].version = v[i];
		fd = client_new(&c, &p);
		CHECK_OK(set_opt(fd, QUIC_SOCKOPT_TOKEN, token, n));
		srv = pair_handshake(fd, p.lis, &c);
		CHECK_EQ(mib_read("QuicRetryOut") - retries, v[i] != QUIC_VERSION_V1);
		close(fd);
		close(srv);
	}
	pair_close(&p);
}

static void token_rules(void)
{
	uint8_t token[513];
	socklen_t len = sizeof(token);

	pair_open(&p, NULL);
	CHECK_OK(get_opt(p.cli, QUIC_SOCKOPT_TOKEN, token, &len));
	CHECK_EQ(len, 0);
	len = sizeof(token);
	CHECK_ERR(get_opt(p.srv, QUIC_SOCKOPT_TOKEN, token, &len), EINVAL);
	CHECK_ERR(get_opt(p.lis, QUIC_SOCKOPT_TOKEN, token, &len), EINVAL);
	CHECK_OK(set_opt(p.srv, QUIC_SOCKOPT_TOKEN, NULL, 0));
	CHECK_OK(eventually(p.srv, QUIC_SOCKOPT_TOKEN, NULL, 0));
	pair_close(&p);
}

static void ticket_keys(void)
{
	uint8_t a[64], b[4096];
	socklen_t la = sizeof(a), lb = sizeof(b);

	pair_open(&p, NULL);
	CHECK_OK(get_opt(p.lis, QUIC_SOCKOPT_SESSION_TICKET, a, &la));
	CHECK_EQ(la, 64);
	CHECK_OK(get_opt(p.srv, QUIC_SOCKOPT_SESSION_TICKET, b, &lb));
	CHECK_EQ(lb, 64);
	CHECK(!memcmp(a, b, 64));
	la = 63;
	CHECK_ERR(get_opt(p.srv, QUIC_SOCKOPT_SESSION_TICKET, a, &la), EINVAL);
	pair_close(&p);
}

/* ---- versions ---- */

static void version_2(void)
{
	struct conf c = { .cfg[CLI] = { .version = QUIC_VERSION_V2 } };
	struct quic_config cfg;
	socklen_t len = sizeof(cfg);

	pair_open(&p, &c);
	CHECK_OK(get_opt(p.srv, QUIC_SOCKOPT_CONFIG, &cfg, &len));
	CHECK_EQ(cfg.version, QUIC_VERSION_V2);
	ping_pong(p.cli, p.srv, 0);
	CHECK_OK(eventually(p.cli, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0));
	ping_pong(p.cli, p.srv, 4);
	pair_close(&p);
}

/* ---- ALPN: two servers in two processes on one port ---- */

static int alpn_listener(uint16_t port, const char *alpn)
{
	struct sockaddr_storage ss;
	socklen_t len = sock_addr(&ss, AF_INET, NULL, port);
	int fd = sock_new(AF_INET, SOCK_STREAM);

	CHECK_OK(bind(fd, (struct sockaddr *)&ss, len));
	if (alpn)
		CHECK_OK(set_opt(fd, QUIC_SOCKOPT_ALPN, alpn, strlen(alpn)));
	CHECK_OK(listen(fd, 8));
	return fd;
}

static void alpn_server(int lis, const char *alpn, const char *says, int n)
{
	struct conf c = { .alpn = alpn };
	int fd;

	while (n--) {
		fd = CHECK_OK(accept(lis, NULL, NULL));
		CHECK_EQ(server_handshake(fd, &c), 0);
		send_all(fd, 1, says, 5, NEW | FIN);
		recv_all(fd, 0, buf, 1, true);
		close(fd);
	}
	_exit(0);
}

static void alpn_client(const char *alpn, const char *want)
{
	struct conf c = { .alpn = alpn };
	int fd = client_new(&c, &p);
	int err = client_handshake(fd, &c);

	if (!want) {
		CHECK(err < 0);
		close(fd);
		return;
	}
	if (err)
		FAIL("client with ALPN %s: %s (%s)", alpn ?: "none", strerror(-err), log_last());
	recv_all(fd, 1, buf, 5, true);
	if (memcmp(buf, want, 5))
		FAIL("client with ALPN %s came to %.5s, not to %s", alpn ?: "none", buf, want);
	send_all(fd, 0, "k", 1, NEW | FIN);
	CHECK_ERR(recv(fd, buf, 1, 0), ENOTCONN);
	close(fd);
}

static void alpn_routing(void)
{
	int status[3], i, lis[3];
	pid_t pid[3];

	lis[0] = alpn_listener(0, "one, uno");
	sock_local(lis[0], &p.addr, &p.addrlen);
	lis[1] = alpn_listener(sock_port(&p.addr), "two");
	lis[2] = alpn_listener(sock_port(&p.addr), NULL);
	for (i = 0; i < 3; i++) {
		pid[i] = fork();
		if (!pid[i])
			alpn_server(lis[i], i ? i == 1 ? "two" : NULL : "one,uno",
				    i ? i == 1 ? "two!!" : "none!" : "one!!", i == 2 ? 1 : 3);
		close(lis[i]);
	}
	alpn_client("one", "one!!");
	alpn_client("two", "two!!");
	alpn_client("uno", "one!!");
	alpn_client("three,two", "two!!");
	alpn_client(NULL, "none!");
	alpn_client("one,five", "one!!");
	alpn_client("two", "two!!");
	for (i = 0; i < 3; i++) {
		CHECK_EQ(waitpid(pid[i], &status[i], 0), pid[i]);
		CHECK_EQ(status[i], 0);
	}
}

static void alpn_unknown(void)
{
	int lis = alpn_listener(0, "one");

	sock_local(lis, &p.addr, &p.addrlen);
	alpn_client("nine", NULL);
	CHECK_EQ(sock_poll(lis, POLLIN, 100), 0);
	close(lis);
}

static void alpn_option(void)
{
	char got[300];
	socklen_t len = sizeof(got);
	int fd = sock_new(AF_INET, SOCK_STREAM);

	CHECK_OK(get_opt(fd, QUIC_SOCKOPT_ALPN, got, &len));
	CHECK_EQ(len, 0);
	CHECK_OK(set_opt(fd, QUIC_SOCKOPT_ALPN, "smbd, h3,  ksmbd", 16));
	len = sizeof(got);
	CHECK_OK(get_opt(fd, QUIC_SOCKOPT_ALPN, got, &len));
	CHECK_EQ(len, 13);
	CHECK(!strcmp(got, "smbd,h3,ksmbd"));
	len = 13;
	CHECK_ERR(get_opt(fd, QUIC_SOCKOPT_ALPN, got, &len), EINVAL);
	len = 14;
	CHECK_OK(get_opt(fd, QUIC_SOCKOPT_ALPN, got, &len));
	CHECK_OK(listen(fd, 1));
	CHECK_ERR(set_opt(fd, QUIC_SOCKOPT_ALPN, "x", 1), EINVAL);
}

/* ---- a full accept queue ---- */

static void hello(const struct conf *c)
{
	int fd = client_new(c, &p);
	int err = client_handshake(fd, c);

	if (err)
		_exit(1);
	recv(fd, buf, 1, 0);
	_exit(0);
}

/* More clients than the backlog: those that fit are served, then others. */
static void full_queue(void)
{
	struct conf c = { .backlog = 2 };
	int i, fd, status, served = 0;
	pid_t pid[8];

	listener_new(&c, &p);
	for (i = 0; i < 8; i++) {
		pid[i] = fork();
		if (!pid[i])
			hello(&c);
	}
	sleep_ms(700);
	sock_timeout(p.lis, SO_RCVTIMEO, 4000);
	for (;;) {
		fd = accept(p.lis, NULL, NULL);
		if (fd < 0)
			break;
		if (!server_handshake(fd, &c))
			served++;
		close(fd);
	}
	CHECK_EQ(errno, EAGAIN);
	for (i = 0; i < 8; i++)
		CHECK_EQ(waitpid(pid[i], &status, 0), pid[i]);
	printf("  %d of 8 clients were served\n", served);
	CHECK(served >= 2);
	p.cli = client_new(&c, &p);	/* and the listener works as before */
	p.srv = pair_handshake(p.cli, p.lis, &c);
	ping_pong(p.cli, p.srv, 0);
	pair_close(&p);
}

static const struct test tests[] = {
	{ "key-updates", key_updates },
	{ "key-update-pending", key_update_pending },
	{ "key-update-in-transfer", key_update_in_transfer, 60 },
	{ "plain-has-no-keys", plain_has_no_keys },
	{ "plain-by-one-side", plain_by_one_side },
	{ "switch-ids", switch_ids },
	{ "retire-source-ids", retire_source_ids },
	{ "bad-ids", bad_ids },
	{ "retry", retry },
	{ "token-reused", token_reused },
	{ "token-other-version", token_other_version },
	{ "token-rules", token_rules },
	{ "ticket-keys", ticket_keys },
	{ "version-2", version_2 },
	{ "alpn-routing", alpn_routing },
	{ "alpn-unknown", alpn_unknown, 40 },
	{ "alpn-option", alpn_option },
	{ "full-accept-queue", full_queue, 60 },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Much data, each byte verified: a gigabyte, both ways at once, many streams,
 * every cipher, both versions, tiny windows, tiny writes.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

#include "lib.h"

#define NEW	MSG_QUIC_STREAM_NEW
#define FIN	MSG_QUIC_STREAM_FIN

static uint64_t bytes;		/* of the transfer; set before the fork */

static void sink(int fd)
{
	recv_pattern(fd, 0, bytes, true);
	send_all(fd, 0, "done", 4, FIN);
}

static void transfer(const struct conf *c, uint64_t n)
{
	struct server s;
	char buf[8];
	uint64_t begin;
	int fd;

	bytes = n;
	server_start(&s, c, 1, sink);
	fd = server_connect(&s, c);
	begin = now_ms();
	CHECK_EQ(stream_open(fd, -1, 0), 0);
	send_pattern(fd, 0, n, FIN);
	recv_all(fd, 0, buf, 4, true);
	begin = now_ms() - begin;
	printf("  %llu MiB in %.1f s, %.1f MiB/s\n", (unsigned long long)n / MIB,
	       begin / 1000.0, n * 1000.0 / MIB / (begin ?: 1));
	CHECK_OK(close(fd));
	server_wait(&s);
}

static void gigabyte(void)
{
	transfer(&(struct conf){}, test_scaled(1024 * MIB, MIB));
}

static void unprotected(void)
{
	struct conf c = {
		.tp = { { .disable_1rtt_encryption = 1 }, { .disable_1rtt_encryption = 1 } },
	};

	transfer(&c, test_scaled(256 * MIB, MIB));
}

static void ipv6(void)
{
	transfer(&(struct conf){ .family = AF_INET6 }, test_scaled(16 * MIB, MIB));
}

static void version_2(void)
{
	struct conf c = { .cfg[CLI] = { .version = QUIC_VERSION_V2 } };

	transfer(&c, test_scaled(16 * MIB, MIB));
}

static void cubic(void)
{
	struct conf c = { .cfg = { { .congestion_control_algo = QUIC_CONG_ALG_CUBIC },
				   { .congestion_control_algo = QUIC_CONG_ALG_CUBIC } } };

	transfer(&c, test_scaled(16 * MIB, MIB));
}

static void tiny_windows(void)
{
	struct conf c = { .tp[SRV] = { .max_data = 4096, .max_stream_data_bidi_remote = 1000 } };

	transfer(&c, test_scaled(4 * MIB, 256 * KIB));
}

static void small_datagrams(void)
{
	struct conf c = { .tp = { { .max_udp_payload_size = 1200 },
				  { .max_udp_payload_size = 1200 } } };

	transfer(&c, test_scaled(8 * MIB, MIB));
}

/* ---- other shapes ---- */

static void *duplex_sender(void *arg)
{
	int fd = (uintptr_t)arg;

	send_pattern(fd, 0, bytes, FIN);
	return NULL;
}

static void duplex_serve(int fd)
{
	pthread_t t;
	struct msg m;

	recv_all(fd, 0, m.data, 1, false);	/* the stream exists now */
	CHECK_EQ(pthread_create(&t, NULL, duplex_sender, (void *)(uintptr_t)fd), 0);
	recv_pattern(fd, 0, bytes, true);
	pthread_join(t, NULL);
}

/* Both ways on one stream at once, each end with two threads. */
static void duplex(void)
{
	struct server s;
	pthread_t t;
	int fd;

	bytes = test_scaled(32 * MIB, MIB);
	server_start(&s, &(struct conf){}, 1, duplex_serve);
	fd = server_connect(&s, &(struct conf){});
	send_all(fd, 0, "!", 1, NEW);
	CHECK_EQ(pthread_create(&t, NULL, duplex_sender, (void *)(uintptr_t)fd), 0);
	recv_pattern(fd, 0, bytes, true);
	pthread_join(t, NULL);
	CHECK_ERR(recv(fd, &t, 1, 0), ENOTCONN);	/* the server has it all, too */
	server_wait(&s);
}

#define STREAMS	32

static void many_sink(int fd)
{
	static uint8_t buf[64 * KIB];
	uint64_t off[STREAMS] = {};
	unsigned int done = 0;
	uint32_t flags;
	int64_t id;
	ssize_t n;

	while (done < STREAMS) {
		flags = 0;
		n = CHECK_OK(quic_recvmsg(fd, buf, sizeof(buf), &id, &flags));
		CHECK(id >= 0 && id / 4 < STREAMS);
		pattern_check(buf, n, id, off[id / 4]);
		off[id / 4] += n;
		if (!(flags & FIN))
			continue;
		CHECK_EQ(off[id / 4], bytes);
		done++;
	}
	send_all(fd, -1, "done", 4, NEW | FIN);
}

static void many_streams(void)
{
	static uint8_t buf[16 * KIB];
	struct server s;
	uint64_t off;
	int fd, i;

	bytes = test_scaled(MIB, 64 * KIB);
	server_start(&s, &(struct conf){}, 1, many_sink);
	fd = server_connect(&s, &(struct conf){});
	for (off = 0; off < bytes; off += sizeof(buf)) {
		for (i = 0; i < STREAMS; i++) {
			pattern_fill(buf, sizeof(buf), i * 4, off);
			send_all(fd, i * 4, buf, sizeof(buf),
				 (off ? 0 : NEW) | (off + sizeof(buf) >= bytes ? FIN : 0));
		}
	}
	recv_all(fd, 1, buf, 4, true);
	close(fd);
	server_wait(&s);
}

static void tiny_writes(void)
{
	unsigned long i, n = test_scaled(20000, 1000);
	struct server s;
	uint8_t b;
	int fd;

	bytes = n;
	server_start(&s, &(struct conf){}, 1, sink);
	fd = server_connect(&s, &(struct conf){});
	for (i = 0; i < n; i++) {
		pattern_fill(&b, 1, 0, i);
		send_all(fd, 0, &b, 1, i ? 0 : NEW);
	}
	send_all(fd, 0, NULL, 0, FIN);
	recv_all(fd, 0, &n, 4, true);
	close(fd);
	server_wait(&s);
}

static void slow_sink(int fd)
{
	static uint8_t buf[16 * KIB];
	uint32_t flags = 0;
	uint64_t off = 0;
	ssize_t n;

	while (!(flags & FIN)) {
		if (off % (256 * KIB) < sizeof(buf))
			sleep_ms(5);
		flags = 0;
		n = CHECK_OK(quic_recvmsg(fd, buf, sizeof(buf), NULL, &flags));
		pattern_check(buf, n, 0, off);
		off += n;
	}
	CHECK_EQ(off, bytes);
	send_all(fd, 0, "done", 4, FIN);
}

static void slow_reader(void)
{
	struct server s;
	char buf[4];
	int fd;

	bytes = test_scaled(32 * MIB, 2 * MIB);
	server_start(&s, &(struct conf){}, 1, slow_sink);
	fd = server_connect(&s, &(struct conf){});
	CHECK_EQ(stream_open(fd, -1, 0), 0);
	send_pattern(fd, 0, bytes, FIN);
	recv_all(fd, 0, buf, 4, true);
	close(fd);
	server_wait(&s);
}

/* ---- ciphers: the TLS priority decides ---- */

static const char *const ciphers[] = {
	"AES-128-GCM", "AES-256-GCM", "CHACHA20-POLY1305", "AES-128-CCM",
};

/* With certificates: a pre-shared key is bound to one hash. */
static int cert_handshake(int fd, int side, const char *cipher)
{
	struct quic_handshake_params hp = { .size = sizeof(hp), .insecure = 1 };
	char priority[512], cert[256], key[256];

	snprintf(priority, sizeof(priority),
		 "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+%s:%%DISABLE_TLS13_COMPAT_MODE",
		 cipher);
	hp.priority = priority;
	if (side == CLI)
		return quic_client_handshake_params(fd, &hp);
	snprintf(cert, sizeof(cert), "%s/server.crt", getenv("CERTS"));
	snprintf(key, sizeof(key), "%s/server.key", getenv("CERTS"));
	hp.certfile = cert;
	hp.keyfile = key;
	return quic_server_handshake_params(fd, &hp);
}

static void cipher_transfer(const char *cipher)
{
	struct conf c = {};
	struct pair p;
	int status;
	pid_t pid;
	char buf[4];

	bytes = test_scaled(4 * MIB, 256 * KIB);
	listener_new(&c, &p);
	pid = CHECK_OK(fork());
	if (!pid) {
		p.srv = CHECK_OK(accept(p.lis, NULL, NULL));
		CHECK_EQ(cert_handshake(p.srv, SRV, cipher), 0);
		sink(p.srv);
		_exit(0);
	}
	p.cli = client_new(&c, &p);
	CHECK_EQ(cert_handshake(p.cli, CLI, cipher), 0);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	send_pattern(p.cli, 0, bytes, FIN);
	recv_all(p.cli, 0, buf, 4, true);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	close(p.cli);
	close(p.lis);
}

static void all_ciphers(void)
{
	unsigned int i;

	if (!getenv("CERTS"))
		test_skip("no certificates: CERTS is not set");
	for (i = 0; i < ARRAY(ciphers); i++) {
		printf("  %s\n", ciphers[i]);
		cipher_transfer(ciphers[i]);
	}
}

static const struct test tests[] = {
	{ "gigabyte", gigabyte, 400 },
	{ "unprotected", unprotected, 120 },
	{ "ipv6", ipv6, 60 },
	{ "version-2", version_2, 60 },
	{ "cubic", cubic, 60 },
	{ "tiny-windows", tiny_windows, 60 },
	{ "small-datagrams", small_datagrams, 60 },
	{ "duplex", duplex, 60 },
	{ "many-streams", many_streams, 60 },
	{ "tiny-writes", tiny_writes, 60 },
	{ "slow-reader", slow_reader, 60 },
	{ "all-ciphers", all_ciphers, 60 },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

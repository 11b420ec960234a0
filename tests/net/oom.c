// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Out of memory: in the debug kernel allocations fail by chance while the
 * module is among their callers.  Every call may fail then, connections may
 * die; but nothing crashes, hangs or is corrupted, and when memory is back all
 * works as before.  What leaks is for the machine to find at its end.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib.h"

#define DEBUGFS		"/sys/kernel/debug"
#define BYTES		(200 * KIB)
#define PSK		"test:000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"

static const char *const faults[] = { "failslab", "fail_page_alloc" };
static char psk_path[128];
static unsigned int patience_s = 2;	/* of calls, and most of it of connections */

/* ---- fault injection ---- */

static void put(const char *fault, const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), DEBUGFS "/%s/%s", fault, name);
	fd = open(path, O_WRONLY);
	if (fd < 0)
		test_skip("no fault injection here: %s", path);
	if (write(fd, value, strlen(value)) < 0)
		FAIL("%s: %s", path, strerror(errno));
	close(fd);
}

static void module_range(unsigned long *start, unsigned long *end)
{
	unsigned long size;
	char line[256], name[64];
	FILE *f = fopen("/proc/modules", "r");

	CHECK(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %lu %*s %*s %*s %lx", name, &size, start) == 3 &&
		    !strcmp(name, "quic")) {
			fclose(f);
			*end = *start + size;
			return;
		}
	test_skip("quic is not loaded as a module");
}

static void inject(unsigned int percent)
{
	unsigned long start, end;
	char text[32];
	unsigned int i;

	module_range(&start, &end);
	for (i = 0; i < ARRAY(faults); i++) {
		put(faults[i], "probability", "0");
		snprintf(text, sizeof(text), "%#lx", start);
		put(faults[i], "require-start", text);
		snprintf(text, sizeof(text), "%#lx", end);
		put(faults[i], "require-end", text);
		put(faults[i], "stacktrace-depth", "32");
		put(faults[i], "task-filter", "N");
		put(faults[i], "ignore-gfp-wait", "N");
		put(faults[i], "verbose", "0");
		put(faults[i], "interval", "1");
		put(faults[i], "times", "-1");
	}
	put("failslab", "cache-filter", "N");
	put("fail_page_alloc", "min-order", "0");
	for (i = 0; i < ARRAY(faults); i++) {
		snprintf(text, sizeof(text), "%u", percent);
		put(faults[i], "probability", text);
	}
}

/* ---- a connection that takes every failure as it comes ---- */

static void patience(int fd)
{
	struct quic_transport_param tp = { .max_idle_timeout = patience_s * 750000 };
	struct timeval tv = { patience_s, 0 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	set_opt(fd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, sizeof(tp));
}

static int handshake(int fd, int side)
{
	struct quic_handshake_params hp = {
		.size = sizeof(hp), .pskfile = psk_path, .timeout_ms = 2000,
	};

	return side == CLI ? quic_client_handshake_params(fd, &hp) :
			     quic_server_handshake_params(fd, &hp);
}

/* No memory now, perhaps a little later; anything else is an end. */
static bool again(void)
{
	if (errno != ENOMEM && errno != ENOBUFS)
		return false;
	sleep_ms(1);
	return true;
}

static void echo(int fd)
{
	static uint8_t buf[32 * KIB];
	uint32_t flags;
	ssize_t n, k, off;
	int64_t id;

	for (;;) {
		flags = 0;
		n = quic_recvmsg(fd, buf, sizeof(buf), &id, &flags);
		if (n < 0 && again())
			continue;
		if (n < 0)
			return;
		if (flags & MSG_QUIC_NOTIFICATION)
			continue;
		off = 0;
		do {
			k = quic_sendmsg(fd, buf + off, n - off, id,
					 (flags & MSG_QUIC_STREAM_FIN) | MSG_NOSIGNAL);
			if (k < 0 && !again())
				return;
			off += k < 0 ? 0 : k;
		} while (off < n || k < 0);
	}
}

static void serve(int lis)
{
	int fd;

	for (;;) {
		fd = accept(lis, NULL, NULL);
		if (fd < 0) {
			sleep_ms(1);
			continue;
		}
		if (!fork()) {		/* one that is stuck delays no other */
			patience(fd);
			if (!handshake(fd, SRV) &&
			    quic_sendmsg(fd, "", 1, 1, MSG_QUIC_STREAM_NEW | MSG_NOSIGNAL) == 1)
				echo(fd);
			_exit(0);
		}
		close(fd);
	}
}

static uint64_t send_some(int fd, uint64_t len)
{
	static uint8_t buf[16 * KIB];
	uint64_t off = 0;
	size_t n;
	ssize_t k;

	while (off < len) {
		n = len - off < sizeof(buf) ? len - off : sizeof(buf);
		pattern_fill(buf, n, 0, off);
		k = quic_sendmsg(fd, buf, n, 0, MSG_NOSIGNAL |
				 (off + n == len ? MSG_QUIC_STREAM_FIN : 0));
		if (k < 0 && !again())
			break;
		off += k < 0 ? 0 : k;
	}
	return off;
}

/* What comes back is right, as far as it comes: true if all of it did. */
static bool round_trip(const struct pair *p, unsigned int percent)
{
	static uint8_t buf[16 * KIB];
	uint64_t sent, off = 0;
	uint32_t flags = 0;
	ssize_t n;
	int fd;

	fd = socket(AF_INET, SOCK_STREAM, IPPROTO_QUIC);
	if (fd < 0)
		return false;
	patience(fd);
	if (connect(fd, (const struct sockaddr *)&p->addr, p->addrlen) || handshake(fd, CLI)) {
		close(fd);
		return false;
	}
	/* a byte says that the server has its keys, too */
	if (stream_open(fd, 0, 0) || quic_recvmsg(fd, buf, 1, NULL, &flags) != 1) {
		close(fd);
		return false;
	}
	inject(percent);
	sent = send_some(fd, BYTES);
	while (off < sent && !(flags & MSG_QUIC_STREAM_FIN)) {
		flags = 0;
		n = quic_recvmsg(fd, buf, sizeof(buf), NULL, &flags);
		if (n < 0 && again())
			continue;
		if (n < 0)
			break;
		pattern_check(buf, n, 0, off);
		off += n;
	}
	inject(0);
	close(fd);
	return off == BYTES;
}

static pid_t start(struct pair *p)
{
	struct timeval tv = { 1, 0 };
	pid_t pid;
	FILE *f;

	inject(0);
	quic_set_log_level(QUIC_LOG_NONE);
	snprintf(psk_path, sizeof(psk_path), "%s/psk", test_dir());
	f = fopen(psk_path, "w");
	CHECK(f);
	fputs(PSK, f);
	fclose(f);
	listener_new(&(struct conf){}, p);
	CHECK_OK(setsockopt(p->lis, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	pid = CHECK_OK(fork());
	if (!pid)
		serve(p->lis);
	return pid;
}

/* Transfers with failures from the start, or once they are established: how many were whole. */
static unsigned int rounds(unsigned int early, unsigned int percent, unsigned int n)
{
	unsigned int i, whole = 0;
	struct pair p;
	pid_t pid = start(&p);
	int status;

	for (i = 0; i < n; i++) {
		inject(early);
		whole += round_trip(&p, percent);
	}
	inject(0);
	printf("  %u of %u transfers were whole at %u %%\n", whole, n, percent);
	sleep_ms(3000);		/* what is dying, dies */
	CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
	if (!round_trip(&p, 0))	/* the server may have lost its patience just now */
		CHECK(round_trip(&p, 0));
	kill(pid, SIGKILL);
	return whole;
}

/* An established connection gets over it, and nothing is lost. */
static void data_rare(void)
{
	patience_s = 16;
	CHECK_EQ(rounds(0, 1, 12), 12);
}

static void data_often(void)
{
	patience_s = 16;
	CHECK(rounds(0, 4, 12) >= 10);
}

static void rare(void)
{
	rounds(1, 1, 12);
}

static void often(void)
{
	rounds(5, 5, 12);
}

static void very_often(void)
{
	rounds(20, 20, 12);
}

static void nearly_always(void)
{
	rounds(60, 60, 8);
}

/* ---- calls one by one ---- */

static void calls_of(int fd, const struct pair *p)
{
	struct quic_connection_close cl = { .errcode = 3 };
	struct quic_event_option ev = { QUIC_EVENT_STREAM_UPDATE, 1 };
	struct sockaddr_storage ss;
	socklen_t len = sock_addr(&ss, AF_INET, NULL, 0);
	uint8_t buf[512] = { 1 };

	set_opt(fd, QUIC_SOCKOPT_ALPN, "one,two", 7);
	set_opt(fd, QUIC_SOCKOPT_TOKEN, buf, 100);
	set_opt(fd, QUIC_SOCKOPT_SESSION_TICKET, buf, 500);
	set_opt(fd, QUIC_SOCKOPT_CONNECTION_CLOSE, &cl, sizeof(cl));
	set_opt(fd, QUIC_SOCKOPT_EVENT, &ev, sizeof(ev));
	bind(fd, (struct sockaddr *)&ss, len);
	connect(fd, (const struct sockaddr *)&p->addr, p->addrlen);
	len = sizeof(buf);
	get_opt(fd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf, &len);
	len = sizeof(buf);
	get_opt(fd, QUIC_SOCKOPT_CONNECTION_CLOSE, buf, &len);
}

static void calls(void)
{
	unsigned int i, sockets = 0;
	struct pair p;
	int fd;

	inject(0);
	listener_new(&(struct conf){}, &p);
	inject(20);
	for (i = 0; i < 300; i++) {
		fd = socket(i & 1 ? AF_INET : AF_INET6, SOCK_STREAM, IPPROTO_QUIC);
		if (fd < 0)
			continue;
		sockets++;
		if (i % 3)
			calls_of(fd, &p);
		else
			listen(fd, 2);
		close(fd);
	}
	inject(0);
	printf("  %u of 300 sockets\n", sockets);
	CHECK(sockets > 0);
	pair_open(&p, NULL);
	pair_close(&p);
}

/* Sockets of streams, pages that are not copied, datagrams: on one connection, as it gets on. */
static void peels(void)
{
	struct conf c = {
		.tp = { { .max_datagram_frame_size = 65535 }, { .max_datagram_frame_size = 65535 } },
		.nonblock = true,
	};
	struct quic_stream_peeloff info;
	unsigned int i, made = 0;
	static uint8_t buf[50000];
	struct pair p;
	socklen_t len;
	int fd, one = 1;

	inject(0);
	pair_open(&p, &c);
	inject(20);
	for (i = 0; i < 300; i++) {
		len = sizeof(info);
		info = (struct quic_stream_peeloff){ .flags = O_NONBLOCK };
		info.stream_id = stream_open(p.cli, -1, 0);
		fd = get_opt(p.cli, QUIC_SOCKOPT_STREAM_PEELOFF, &info, &len);
		if (fd >= 0) {
			made++;
			setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one));
			send(fd, buf, sizeof(buf), MSG_ZEROCOPY | MSG_NOSIGNAL);
			send(fd, buf, 100, MSG_NOSIGNAL | (i & 1 ? MSG_QUIC_STREAM_FIN : 0));
			recv(fd, buf, sizeof(buf), i & 1 ? 0 : MSG_ERRQUEUE);
			close(fd);
		}
		send(p.cli, buf, 900, MSG_QUIC_DATAGRAM | MSG_NOSIGNAL);
		if (info.stream_id >= 0)
			stream_reset(p.srv, info.stream_id, 1);
		while (recv(p.srv, buf, sizeof(buf), 0) > 0)
			;
	}
	inject(0);
	printf("  %u of 300 sockets of streams\n", made);
	CHECK(made > 0);
	pair_close(&p);
	pair_open(&p, NULL);
	pair_close(&p);
}

/* No heads for packets, half of the time: they are sent later, but none is lost. */
static void packet_heads(void)
{
	static uint8_t sent[64 * KIB], got[64 * KIB];
	uint64_t lost, missing;
	struct pair p;
	int i, fd;

	inject(0);
	fd = open("/sys/kernel/slab/skbuff_head_cache/failslab", O_WRONLY);
	if (fd < 0 || write(fd, "1", 1) != 1)
		test_skip("this cache cannot be made to fail");
	pair_open(&p, NULL);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	lost = mib_read("QuicPktLost");
	missing = mib_read("QuicDropNoMemory");
	put("failslab", "cache-filter", "Y");
	put("failslab", "probability", "50");
	for (i = 0; i < 20; i++) {
		pattern_fill(sent, sizeof(sent), 0, i * sizeof(sent));
		send_all(p.cli, 0, sent, sizeof(sent), 0);
		recv_all(p.srv, 0, got, sizeof(got), false);
		CHECK(!memcmp(sent, got, sizeof(got)));
	}
	inject(0);
	CHECK_EQ(write(fd, "0", 1), 1);
	CHECK(mib_read("QuicDropNoMemory") > missing);
	CHECK_EQ(mib_read("QuicPktLost"), lost);
	pair_close(&p);
}

static const struct test tests[] = {
	{ "calls", calls },
	{ "packet-heads", packet_heads },
	{ "peels", peels },
	{ "data-rare", data_rare, 60 },
	{ "data-often", data_often, 60 },
	{ "rare", rare, 60 },
	{ "often", often, 60 },
	{ "very-often", very_often, 60 },
	{ "nearly-always", nearly_always, 60 },
};

int main(int argc, char **argv)
{
	int ret;

	if (access(DEBUGFS "/failslab", F_OK) && system("mount -t debugfs none " DEBUGFS))
		printf("  no debugfs\n");
	if (access(DEBUGFS "/failslab", F_OK)) {
		printf("skip oom - no fault injection in this kernel\n");
		return 77;
	}
	ret = test_main(argc, argv, tests, ARRAY(tests));
	inject(0);		/* also after a test that failed */
	return ret;
}

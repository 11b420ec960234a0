// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sending without a copy: sendfile(), splice() and vmsplice() refer to pages,
 * MSG_ZEROCOPY too and tells when they are free again; on the socket of a
 * connection and on that of a stream.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <linux/errqueue.h>

#include "lib.h"

#define NEW	MSG_QUIC_STREAM_NEW
#define FIN	MSG_QUIC_STREAM_FIN
#define QUIET	MSG_NOSIGNAL
#define BIG	(600 * KIB)
#define PAGES	8
#define SOME	(PAGES * 4096)

static struct pair p;
static uint8_t *mem;	/* BIG bytes, pages of their own */

static void map(void)
{
	mem = mmap(NULL, BIG, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(mem != MAP_FAILED);
}

static int peel(int fd, int64_t id)
{
	struct quic_stream_peeloff info = { .stream_id = id };
	socklen_t len = sizeof(info);

	return CHECK_OK(get_opt(fd, QUIC_SOCKOPT_STREAM_PEELOFF, &info, &len));
}

/* The peer takes 1000 bytes of a stream until it reads: the rest waits here. */
static const struct conf narrow = {
	.tp[SRV] = { .max_stream_data_bidi_remote = 1000 },
};

static int file_of(size_t len)
{
	char path[100];
	int fd;

	snprintf(path, sizeof(path), "%s/zerocopy", test_dir());
	fd = CHECK_OK(open(path, O_RDWR | O_CREAT | O_TRUNC, 0600));
	pattern_fill(mem, len, 0, 0);
	CHECK_EQ(write(fd, mem, len), len);
	CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* ---- pages of files and pipes ---- */

static void send_file(int out, int file, size_t want, size_t len)
{
	size_t sent = 0;
	ssize_t n;

	do {
		n = CHECK_OK(sendfile(out, file, NULL, want - sent));
		sent += n;
	} while (n && sent < want);
	CHECK_EQ(sent, len);
}

static void serve(int fd)
{
	recv_pattern(fd, 0, BIG + 1001, true);
	send_all(fd, 0, "ok", 2, FIN);
	recv(fd, mem, 1, 0);
}

/* More is asked for than the file has: its last bytes do not wait for more. */
static void files(void)
{
	struct server s;
	char buf[4];
	int fd, f;

	map();
	server_start(&s, &(struct conf){}, 1, serve);
	f = file_of(BIG);
	fd = server_connect(&s, &(struct conf){});
	CHECK_EQ(stream_open(fd, -1, 0), 0);
	send_file(fd, f, BIG + 5000, BIG);
	pattern_fill(mem, 1001, 0, BIG);
	CHECK_EQ(send(fd, mem, 1001, FIN), 1001);
	recv_all(fd, 0, buf, 2, true);
	CHECK_OK(close(fd));
	server_wait(&s);
}

static void file_end(int out)
{
	int f = file_of(5000);

	send_file(out, f, 20000, 5000);
	recv_pattern(p.srv, 0, 5000, false);	/* though nothing follows */
	CHECK_EQ(lseek(f, 0, SEEK_SET), 0);
}

static void file_ends(void)
{
	map();
	pair_open(&p, NULL);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	file_end(p.cli);
	pair_close(&p);
	pair_open(&p, NULL);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	file_end(peel(p.cli, 0));
	pair_close(&p);
}

/*
 * That nothing is copied: bytes changed after the call, while flow control
 * still holds them back, arrive as they are then.
 */
static void no_copy(int out, ssize_t (*write_it)(int out))
{
	uint8_t got[SOME];
	size_t i;

	memset(mem, 'a', SOME);
	CHECK_EQ(write_it(out), SOME);
	sleep_ms(50);
	memset(mem, 'b', SOME);
	recv_all(p.srv, 0, got, SOME, false);
	CHECK_EQ(got[0], 'a');			/* these were on their way */
	for (i = 1400; i < SOME; i++)
		CHECK_EQ(got[i], 'b');
}

static ssize_t splice_it(int out)
{
	struct iovec iov = { mem, SOME };
	size_t sent = 0;
	int fds[2];

	CHECK_OK(pipe(fds));
	CHECK_EQ(vmsplice(fds[1], &iov, 1, 0), SOME);
	while (sent < SOME)
		sent += CHECK_OK(splice(fds[0], NULL, out, NULL, SOME - sent, 0));
	close(fds[0]);
	close(fds[1]);
	return sent;
}

static ssize_t zerocopy_it(int out)
{
	return send(out, mem, SOME, MSG_ZEROCOPY);
}

static ssize_t copy_it(int out)
{
	return send(out, mem, SOME, 0);
}

static void zerocopy_on(int fd)
{
	socklen_t len = sizeof(int);
	int one = 1, on = 0;

	/* before 6.3 only TCP and UDP may ask for it, and it is on as it is */
	if (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		CHECK(errno == EOPNOTSUPP || errno == 524 /* ENOTSUPP */);
	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &on, &len));
	CHECK_EQ(on, 1);
}

static void not_copied(void)
{
	ssize_t (*const ways[])(int) = { splice_it, zerocopy_it };
	int i, fd;

	map();
	for (i = 0; i < 4; i++) {
		pair_open(&p, &narrow);
		CHECK_EQ(stream_open(p.cli, -1, 0), 0);
		fd = i & 1 ? peel(p.cli, 0) : p.cli;
		zerocopy_on(fd);
		no_copy(fd, ways[i / 2]);
		pair_close(&p);
		close(fd);
	}
}

/* What is not asked to be referred to is copied, and the caller's at once. */
static void copied(void)
{
	uint8_t got[SOME];
	size_t i;

	map();
	pair_open(&p, &narrow);
	memset(mem, 'a', SOME);
	CHECK_EQ(copy_it(p.cli), SOME);
	memset(mem, 'b', SOME);
	recv_all(p.srv, 0, got, SOME, false);
	for (i = 0; i < SOME; i++)
		CHECK_EQ(got[i], 'a');
	pair_close(&p);
}

/* ---- notices ---- */

/* One notice: the calls from @lo to @hi; its code. */
static int notice(int fd, uint32_t *lo, uint32_t *hi)
{
	uint8_t ctl[200];
	struct msghdr m = { .msg_control = ctl, .msg_controllen = sizeof(ctl) };
	struct sock_extended_err ee;
	struct cmsghdr *cm;

	if (recvmsg(fd, &m, MSG_ERRQUEUE) < 0) {
		CHECK_EQ(errno, EAGAIN);
		return -1;
	}
	CHECK(m.msg_flags & MSG_ERRQUEUE);
	cm = CMSG_FIRSTHDR(&m);
	CHECK(cm);
	CHECK((cm->cmsg_level == SOL_IP && cm->cmsg_type == IP_RECVERR) ||
	      (cm->cmsg_level == SOL_IPV6 && cm->cmsg_type == IPV6_RECVERR));
	memcpy(&ee, CMSG_DATA(cm), sizeof(ee));
	CHECK_EQ(ee.ee_errno, 0);
	CHECK_EQ(ee.ee_origin, SO_EE_ORIGIN_ZEROCOPY);
	*lo = ee.ee_info;
	*hi = ee.ee_data;
	return ee.ee_code;
}

/* Notices for calls @from to @to, in order, all with @code. */
static void notices(int fd, uint32_t from, uint32_t to, int code)
{
	uint64_t end = now_ms() + 10000;
	uint32_t lo, hi;
	int got;

	while (from <= to) {
		CHECK(now_ms() < end);
		CHECK(sock_poll(fd, 0, 10000) & POLLERR);
		got = notice(fd, &lo, &hi);
		if (got < 0)
			continue;
		CHECK_EQ(got, code);
		CHECK_EQ(lo, from);
		CHECK(hi >= lo && hi <= to);
		from = hi + 1;
	}
	CHECK_EQ(notice(fd, &lo, &hi), -1);
	CHECK_EQ(sock_poll(fd, 0, 0) & POLLERR, 0);
}

static void told(int family, bool peeled)
{
	struct conf c = { .family = family };
	uint32_t lo, hi;
	int fd, i;

	pair_open(&p, &c);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	fd = peeled ? peel(p.cli, 0) : p.cli;
	CHECK_EQ(notice(fd, &lo, &hi), -1);
	zerocopy_on(fd);
	for (i = 0; i < 3; i++) {
		pattern_fill(mem + i * 70000, 70000, 0, i * 70000);
		CHECK_EQ(send(fd, mem + i * 70000, 70000, MSG_ZEROCOPY), 70000);
	}
	CHECK_EQ(send(fd, mem, 0, MSG_ZEROCOPY), 0);	/* nothing to tell of */
	recv_pattern(p.srv, 0, 210000, false);
	notices(fd, 0, 2, 0);
	/* calls that fail, and calls without the flag, do not count */
	CHECK_ERR(send(fd, (void *)8, 5000, MSG_ZEROCOPY), EFAULT);
	pattern_fill(mem, 5000, 0, 210000);
	CHECK_EQ(send(fd, mem, 2500, 0), 2500);
	CHECK_EQ(send(fd, mem + 2500, 2500, MSG_ZEROCOPY), 2500);
	recv_all(p.srv, 0, mem + 5000, 5000, false);
	pattern_check(mem + 5000, 5000, 0, 210000);
	notices(fd, 3, 3, 0);
	pair_close(&p);
	if (peeled)
		close(fd);
}

static void on_connection(void)
{
	map();
	told(AF_INET, false);
	told(AF_INET6, false);
}

static void on_stream(void)
{
	map();
	told(AF_INET, true);
	told(AF_INET6, true);
}

/* The notice says that the memory is free: not before the peer has all of it. */
static void not_before(void)
{
	uint32_t lo, hi;

	map();
	pair_open(&p, &narrow);
	zerocopy_on(p.cli);
	memset(mem, 'z', SOME);
	CHECK_EQ(send(p.cli, mem, SOME, MSG_ZEROCOPY), SOME);
	sleep_ms(200);
	CHECK_EQ(notice(p.cli, &lo, &hi), -1);
	recv_all(p.srv, 0, mem + SOME, SOME, false);
	notices(p.cli, 0, 0, 0);
	/* a reset gives it back at once */
	CHECK_EQ(send(p.cli, mem, SOME, MSG_ZEROCOPY), SOME);
	CHECK_EQ(notice(p.cli, &lo, &hi), -1);
	CHECK_OK(stream_reset(p.cli, 0, 1));
	notices(p.cli, 1, 1, 0);
	pair_close(&p);
}

/* A datagram is copied, and that is what is told. */
static void datagram(void)
{
	struct conf c = { .tp[SRV] = { .max_datagram_frame_size = 65535 } };

	map();
	pair_open(&p, &c);
	zerocopy_on(p.cli);
	CHECK_EQ(send(p.cli, mem, 1000, MSG_ZEROCOPY | MSG_QUIC_DATAGRAM), 1000);
	notices(p.cli, 0, 0, SO_EE_CODE_ZEROCOPY_COPIED);
	CHECK_EQ(recv(p.srv, mem, 2000, 0), 1000);
	CHECK_ERR(send(p.cli, mem, 100000, MSG_ZEROCOPY | MSG_QUIC_DATAGRAM), EMSGSIZE);
	CHECK_EQ(send(p.cli, mem, 1000, MSG_ZEROCOPY | MSG_QUIC_DATAGRAM), 1000);
	notices(p.cli, 1, 1, SO_EE_CODE_ZEROCOPY_COPIED);
	pair_close(&p);
}

static void option(void)
{
	int fd = sock_new(AF_INET, SOCK_STREAM), v = 2, probe = 1;
	socklen_t len = sizeof(v);

	map();
	if (setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &probe, sizeof(probe)))
		test_skip("this kernel lets only TCP and UDP have SO_ZEROCOPY set");
	CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &v, sizeof(v)), EINVAL);
	CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &v, 1), EINVAL);
	CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, NULL, sizeof(v)), EFAULT);
	v = 0;
	CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &v, sizeof(v)));
	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &v, &len));
	CHECK_EQ(v, 0);
	/* and the other options of the level are as they were */
	v = 100000;
	CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &v, sizeof(v)));
	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &v, &len));
	CHECK_EQ(v, 200000);
	CHECK_ERR(setsockopt(fd, SOL_SOCKET, 9999, &v, sizeof(v)), ENOPROTOOPT);
	close(fd);
	/* without it the flag means nothing */
	pair_open(&p, NULL);
	CHECK_EQ(send(p.cli, mem, 1000, MSG_ZEROCOPY), 1000);
	recv_all(p.srv, 0, mem, 1000, false);
	CHECK_EQ(sock_poll(p.cli, 0, 100) & POLLERR, 0);
	pair_close(&p);
}

/* Sockets that go while pages are in flight: nothing is left, nothing crashes. */
static void abandoned(void)
{
	int i, fd;

	map();
	for (i = 0; i < 8; i++) {
		pair_open(&p, &narrow);
		CHECK_EQ(stream_open(p.cli, -1, 0), 0);
		fd = i & 1 ? peel(p.cli, 0) : p.cli;
		zerocopy_on(fd);
		CHECK_EQ(send(fd, mem, SOME, MSG_ZEROCOPY), SOME);
		CHECK_EQ(splice_it(fd), SOME);
		if (i & 2)
			CHECK_EQ(send(fd, NULL, 0, FIN), 0);
		if (i & 4) {
			struct linger l = { 1, 0 };

			CHECK_OK(setsockopt(p.cli, SOL_SOCKET, SO_LINGER, &l, sizeof(l)));
		}
		CHECK_OK(close(p.cli));
		if (i & 1)
			CHECK_OK(close(fd));
		close(p.srv);
		close(p.lis);
	}
}

static const struct test tests[] = {
	{ "files", files, 60 },
	{ "file-ends", file_ends },
	{ "not-copied", not_copied },
	{ "copied", copied },
	{ "notices", on_connection },
	{ "notices-of-a-stream", on_stream },
	{ "not-before", not_before },
	{ "datagram", datagram },
	{ "option", option },
	{ "abandoned", abandoned, 60 },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

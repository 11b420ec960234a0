// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Streams: data, FIN and IDs of all kinds, the forms of send and receive, and
 * what each call says to a wrong stream, flag, pointer or control message.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "lib.h"

#define NEW	MSG_QUIC_STREAM_NEW
#define FIN	MSG_QUIC_STREAM_FIN
#define UNI	MSG_QUIC_STREAM_UNI

static struct pair p;

static void echo(unsigned long streams, size_t len)
{
	static uint8_t buf[64 * KIB];
	unsigned long i;

	pair_open(&p, NULL);
	for (i = 0; i < streams; i++) {
		pattern_fill(buf, len, i, 0);
		send_all(p.cli, i * 4, buf, len, NEW | FIN);
		memset(buf, 0, len);
		recv_all(p.srv, i * 4, buf, len, true);
		send_all(p.srv, i * 4, buf, len, FIN);
		memset(buf, 0, len);
		recv_all(p.cli, i * 4, buf, len, true);
		pattern_check(buf, len, i, 0);
	}
	pair_close(&p);
}

static void echo_1(void)
{
	echo(1, 60000);
}

static void echo_100(void)
{
	echo(100, 5000);
}

static void echo_10000(void)
{
	echo(test_scaled(10000, 100), 100);
}

/* All at once: the receiver gets each stream's bytes under its own ID. */
static void echo_parallel(void)
{
	uint8_t got[64 * KIB];
	uint64_t off[100] = {};
	unsigned int i, done = 0;
	uint32_t flags;
	int64_t id;
	ssize_t n;

	pair_open(&p, NULL);
	for (i = 0; i < 100; i++) {
		pattern_fill(got, 3000, i * 4, 0);
		send_all(p.cli, i * 4, got, 3000, NEW | FIN);
	}
	while (done < 100) {
		flags = 0;
		n = CHECK_OK(quic_recvmsg(p.srv, got, sizeof(got), &id, &flags));
		CHECK(id >= 0 && id < 400 && !(id & 3));
		pattern_check(got, n, id, off[id / 4]);
		off[id / 4] += n;
		done += !!(flags & FIN);
	}
	for (i = 0; i < 100; i++)
		CHECK_EQ(off[i], 3000);
	pair_close(&p);
}

static void server_streams(void)
{
	char buf[16];

	pair_open(&p, NULL);
	CHECK_EQ(stream_open(p.srv, -1, 0), 1);
	CHECK_EQ(stream_open(p.srv, -1, UNI), 3);
	send_all(p.srv, 1, "bidi", 4, FIN);
	recv_all(p.cli, 1, buf, 4, true);
	send_all(p.cli, 1, "back", 4, FIN);
	recv_all(p.srv, 1, buf, 4, true);
	send_all(p.srv, 3, "uni", 3, FIN);
	recv_all(p.cli, 3, buf, 3, true);
	pair_close(&p);
}

static void uni_streams(void)
{
	char buf[16];

	pair_open(&p, NULL);
	send_all(p.cli, -1, "one", 3, NEW | UNI | FIN);
	recv_all(p.srv, 2, buf, 3, true);
	CHECK_ERR(quic_sendmsg(p.srv, "x", 1, 2, 0), EINVAL);	/* it only receives */
	send_all(p.cli, 6, "two", 3, NEW);
	recv_all(p.srv, 6, buf, 3, false);
	CHECK_ERR(stream_stop(p.cli, 6, 1), EINVAL);		/* it only sends */
	CHECK_ERR(stream_reset(p.srv, 6, 1), EINVAL);
	send_all(p.cli, 6, NULL, 0, FIN);
	recv_all(p.srv, 6, NULL, 0, true);
	pair_close(&p);
}

/* ---- the end of a stream ---- */

static void fin_alone(void)
{
	char buf[16];

	pair_open(&p, NULL);
	send_all(p.cli, 0, "data", 4, NEW);
	recv_all(p.srv, 0, buf, 4, false);
	send_all(p.cli, 0, NULL, 0, FIN);
	recv_all(p.srv, 0, buf, 0, true);
	send_all(p.cli, 4, NULL, 0, NEW | FIN);		/* an empty stream */
	recv_all(p.srv, 4, buf, 0, true);
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, 0, MSG_NOSIGNAL), EPIPE);
	CHECK_ERR(quic_sendmsg(p.cli, NULL, 0, 0, FIN | MSG_NOSIGNAL), EPIPE);
	send_all(p.srv, 0, "back", 4, FIN);		/* the other half lives */
	recv_all(p.cli, 0, buf, 4, true);
	pair_close(&p);
}

/* A stream that ended in both directions, all acknowledged. */
static void closed_stream(void)
{
	struct conf c = { .events = { 1 << QUIC_EVENT_STREAM_UPDATE } };
	struct quic_stream_update u;
	struct msg m;

	pair_open(&p, &c);
	send_all(p.cli, 0, "x", 1, NEW | FIN);
	recv_all(p.srv, 0, m.data, 1, true);
	event_update(p.cli, 0, QUIC_STREAM_SEND_STATE_RECVD, &u);
	send_all(p.srv, 0, "y", 1, FIN);
	event_update(p.cli, 0, QUIC_STREAM_RECV_STATE_RECVD, &u);
	CHECK_EQ(u.finalsz, 1);
	recv_all(p.cli, 0, m.data, 1, true);
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, 0, MSG_NOSIGNAL), ENOSTR);
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, 0, NEW | MSG_NOSIGNAL), ENOSTR);
	CHECK_ERR(stream_open(p.cli, 0, 0), ENOSTR);
	CHECK_ERR(stream_reset(p.cli, 0, 1), ENOSTR);
	CHECK_ERR(stream_stop(p.cli, 0, 1), ENOSTR);
	pair_close(&p);
}

/* ---- programs that know only read() and write() ---- */

static void tcp_shaped(void)
{
	char buf[64];
	int i;

	pair_open(&p, NULL);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(write(p.cli, "request", 7), 7);
		CHECK_EQ(read(p.srv, buf, sizeof(buf)), 7);
		CHECK_EQ(write(p.srv, "the answer", 10), 10);
		CHECK_EQ(recv(p.cli, buf, 3, 0), 3);
		CHECK_EQ(recv(p.cli, buf + 3, sizeof(buf), 0), 7);
		CHECK(!memcmp(buf, "the answer", 10));
	}
	CHECK_EQ(send(p.cli, "bye", 3, FIN), 3);
	CHECK_EQ(read(p.srv, buf, sizeof(buf)), 3);
	CHECK_EQ(send(p.srv, NULL, 0, FIN), 0);
	CHECK_EQ(read(p.cli, buf, sizeof(buf)), 0);
	CHECK_OK(close(p.cli));
	CHECK_ERR(read(p.srv, buf, sizeof(buf)), ENOTCONN);
	CHECK_OK(close(p.srv));
}

/* The active stream: the last one opened here, or bidirectional by the peer. */
static void active_stream(void)
{
	char buf[16];

	pair_open(&p, NULL);
	send_all(p.cli, 0, "a", 1, NEW);
	send_all(p.cli, 4, "b", 1, NEW);
	recv_all(p.srv, 0, buf, 1, false);
	recv_all(p.srv, 4, buf, 1, false);
	CHECK_EQ(write(p.srv, "c", 1), 1);
	recv_all(p.cli, 4, buf, 1, false);
	send_all(p.srv, -1, "d", 1, NEW);	/* stream 1 */
	recv_all(p.cli, 1, buf, 1, false);
	CHECK_EQ(send(p.cli, "e", 1, 0), 1);
	recv_all(p.srv, 1, buf, 1, false);
	CHECK_EQ(send(p.cli, "f", 1, NEW | UNI), 1);
	recv_all(p.srv, 2, buf, 1, false);
	send_all(p.cli, -1, "g", 1, 0);
	recv_all(p.srv, 2, buf, 1, false);
	pair_close(&p);
}

/* ---- receiving ---- */

static void coalesce(void)
{
	struct msg m;
	int i;

	pair_open(&p, NULL);
	for (i = 0; i < 3; i++)
		send_all(p.cli, 0, "0123456789", 10, i ? 0 : NEW);
	send_all(p.cli, 4, "abc", 3, NEW);
	sleep_ms(100);
	recv_msg(p.srv, &m);
	CHECK_EQ(m.n, 30);		/* all of one stream, none of the other */
	CHECK_EQ(m.id, 0);
	recv_msg(p.srv, &m);
	CHECK_EQ(m.n, 3);
	CHECK_EQ(m.id, 4);
	pair_close(&p);
}

static void peek(void)
{
	char buf[16] = {};
	uint32_t flags;
	int64_t id;
	int i;

	pair_open(&p, NULL);
	send_all(p.cli, 0, "peekaboo", 8, NEW | FIN);
	for (i = 0; i < 3; i++) {
		flags = MSG_PEEK;
		CHECK_EQ(quic_recvmsg(p.srv, buf, 4, &id, &flags), 4);
		CHECK(!memcmp(buf, "peek", 4));
		CHECK(!(flags & FIN));
	}
	flags = MSG_PEEK;
	CHECK_EQ(quic_recvmsg(p.srv, buf, sizeof(buf), &id, &flags), 8);
	CHECK(flags & FIN);
	recv_all(p.srv, 0, buf, 8, true);
	CHECK_ERR(recv(p.srv, buf, 1, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
	pair_close(&p);
}

static void *late_sender(void *arg)
{
	sleep_ms(100);
	send_all(p.cli, 0, "late", 4, 0);
	sleep_ms(100);
	send_all(p.cli, 0, "end", 3, (uintptr_t)arg);
	return NULL;
}

static void wait_all(void)
{
	pthread_t t;
	char buf[16];

	pair_open(&p, NULL);
	send_all(p.cli, 0, "soon", 4, NEW);
	CHECK_EQ(pthread_create(&t, NULL, late_sender, (void *)0), 0);
	CHECK_EQ(recv(p.srv, buf, 11, MSG_WAITALL), 11);
	CHECK(!memcmp(buf, "soonlateend", 11));
	pthread_join(t, NULL);
	send_all(p.cli, 0, "soon", 4, 0);
	CHECK_EQ(pthread_create(&t, NULL, late_sender, (void *)FIN), 0);
	CHECK_EQ(recv(p.srv, buf, sizeof(buf), MSG_WAITALL), 11);	/* FIN ends it */
	pthread_join(t, NULL);
	pair_close(&p);
}

/* Data of another stream is never appended. */
static void wait_all_streams(void)
{
	char buf[16];

	pair_open(&p, NULL);
	sock_timeout(p.srv, SO_RCVTIMEO, 300);
	send_all(p.cli, 0, "0000", 4, NEW);
	send_all(p.cli, 4, "4444", 4, NEW);
	sleep_ms(100);
	CHECK_EQ(recv(p.srv, buf, 8, MSG_WAITALL), 4);
	CHECK(!memcmp(buf, "0000", 4) || !memcmp(buf, "4444", 4));
	CHECK_EQ(recv(p.srv, buf, 8, MSG_WAITALL), 4);
	pair_close(&p);
}

/* Without a control buffer the flags tell what they can. */
static void no_control(void)
{
	char buf[16];
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };

	pair_open(&p, NULL);
	send_all(p.cli, 0, "data", 4, NEW | FIN);
	CHECK_EQ(recvmsg(p.srv, &h, 0), 4);
	CHECK(h.msg_flags & MSG_CTRUNC);
	CHECK(h.msg_flags & FIN);
	CHECK_EQ(h.msg_controllen, 0);
	pair_close(&p);
}

static void vectors(void)
{
	char a[3], b[5], c[16] = {};
	struct iovec out[3] = { { "ab", 2 }, { NULL, 0 }, { "cdefgh", 6 } };
	struct iovec in[3] = { { a, 3 }, { b, 5 }, { c, sizeof(c) } };

	pair_open(&p, NULL);
	CHECK_EQ(writev(p.cli, out, 3), 8);
	CHECK_EQ(readv(p.srv, in, 3), 8);
	CHECK(!memcmp(a, "abc", 3) && !memcmp(b, "defgh", 5) && !c[0]);
	pair_close(&p);
}

static void send_file(void)
{
	uint8_t buf[100000];
	int fds[2];
	FILE *f = tmpfile();

	CHECK(f);
	pattern_fill(buf, sizeof(buf), 0, 0);
	CHECK_EQ(fwrite(buf, 1, sizeof(buf), f), sizeof(buf));
	CHECK_EQ(fflush(f), 0);
	pair_open(&p, NULL);
	CHECK_EQ(lseek(fileno(f), 0, SEEK_SET), 0);
	CHECK_EQ(sendfile(p.cli, fileno(f), NULL, sizeof(buf)), sizeof(buf));
	recv_pattern(p.srv, 0, sizeof(buf), false);
	CHECK_OK(pipe(fds));
	pattern_fill(buf, 10000, 0, sizeof(buf));
	CHECK_EQ(write(fds[1], buf, 10000), 10000);
	CHECK_EQ(splice(fds[0], NULL, p.cli, NULL, 10000, 0), 10000);
	recv_all(p.srv, 0, buf, 10000, false);
	pattern_check(buf, 10000, 0, sizeof(buf));
	pair_close(&p);
}

static void message_more(void)
{
	char buf[16];

	pair_open(&p, NULL);
	send_all(p.cli, 0, "held ", 5, NEW | MSG_MORE);
	CHECK_EQ(sock_poll(p.srv, POLLIN, 150), 0);
	send_all(p.cli, 0, "back", 4, 0);
	recv_all(p.srv, 0, buf, 9, false);
	CHECK(!memcmp(buf, "held back", 9));
	send_all(p.cli, 0, "again", 5, MSG_MORE);
	send_all(p.cli, 0, NULL, 0, FIN);
	recv_all(p.srv, 0, buf, 5, true);
	pair_close(&p);
}

/* ---- opening ---- */

static void open_ids(void)
{
	struct conf c = { .tp[SRV] = { .max_streams_bidi = 5, .max_streams_uni = 2 } };
	char buf[4];

	pair_open(&p, &c);
	CHECK_EQ(stream_open(p.cli, 8, 0), 8);		/* 0 and 4 are open with it */
	CHECK_ERR(stream_open(p.cli, 8, 0), EINVAL);
	CHECK_EQ(stream_open(p.cli, -1, 0), 12);
	send_all(p.cli, 0, "0", 1, 0);
	send_all(p.cli, 4, "4", 1, 0);
	recv_all(p.srv, 0, buf, 1, false);
	recv_all(p.srv, 4, buf, 1, false);
	CHECK_EQ(stream_open(p.cli, -1, UNI), 2);
	CHECK_EQ(stream_open(p.cli, 6, 0), 6);		/* the ID says it */
	CHECK_ERR(stream_open(p.cli, 1, 0), EINVAL);	/* the peer's */
	CHECK_ERR(stream_open(p.cli, 3, 0), EINVAL);
	CHECK_ERR(stream_open(p.cli, -2, 0), EINVAL);
	CHECK_ERR(stream_open(p.cli, 1LL << 62, MSG_QUIC_STREAM_DONTWAIT), EINVAL);
	CHECK_ERR(stream_open(p.cli, -1, 0x40000000), EINVAL);
	CHECK_ERR(stream_open(p.cli, 20, MSG_QUIC_STREAM_DONTWAIT), EAGAIN);
	CHECK_EQ(stream_open(p.cli, 16, MSG_QUIC_STREAM_DONTWAIT), 16);
	CHECK_ERR(stream_open(p.cli, -1, MSG_QUIC_STREAM_DONTWAIT), EAGAIN);
	CHECK_ERR(stream_open(p.cli, -1, UNI | MSG_QUIC_STREAM_DONTWAIT), EAGAIN);
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, -1, NEW | MSG_DONTWAIT), EAGAIN);
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, -1, NEW | MSG_QUIC_STREAM_DONTWAIT), EAGAIN);
	pair_close(&p);
}

/* Who cannot be told of the stream that is opened for him has opened none. */
static void open_unseen(void)
{
	struct quic_stream_info *si;
	socklen_t len = sizeof(*si);

	pair_open(&p, NULL);
	si = mmap(NULL, sizeof(*si), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(si != MAP_FAILED);
	si->stream_id = -1;
	CHECK_OK(mprotect(si, sizeof(*si), PROT_READ));
	CHECK_ERR(get_opt(p.cli, QUIC_SOCKOPT_STREAM_OPEN, si, &len), EFAULT);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	pair_close(&p);
}

static void *finish_stream_0(void *arg)
{
	char buf[4];

	(void)arg;
	sleep_ms(200);
	recv_all(p.srv, 0, buf, 1, true);
	send_all(p.srv, 0, NULL, 0, FIN);
	return NULL;
}

/* At the limit an open waits, for SO_SNDTIMEO or until a stream ends. */
static void open_waits(void)
{
	struct conf c = { .tp[SRV] = { .max_streams_bidi = 1 } };
	uint64_t begin;
	pthread_t t;

	pair_open(&p, &c);
	send_all(p.cli, 0, "x", 1, NEW | FIN);
	sock_timeout(p.cli, SO_SNDTIMEO, 150);
	begin = now_ms();
	CHECK_ERR(stream_open(p.cli, -1, 0), EAGAIN);
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, -1, NEW), EAGAIN);
	CHECK(now_ms() - begin >= 290);
	sock_timeout(p.cli, SO_SNDTIMEO, 0);
	sock_nonblock(p.cli, true);
	CHECK_ERR(stream_open(p.cli, -1, 0), EAGAIN);
	sock_nonblock(p.cli, false);
	CHECK_EQ(pthread_create(&t, NULL, finish_stream_0, NULL), 0);
	CHECK_EQ(stream_open(p.cli, -1, 0), 4);
	pthread_join(t, NULL);
	pair_close(&p);
}

/* ---- wrong ---- */

static void bad_streams(void)
{
	pair_open(&p, NULL);
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, 0, MSG_NOSIGNAL), EINVAL);	/* not open */
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, 1, MSG_NOSIGNAL), EINVAL);
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, 1, NEW), EINVAL);		/* the peer's */
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, -2, NEW), EINVAL);
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, -2, 0), EINVAL);
	CHECK_EQ(quic_sendmsg(p.cli, "x", 1, 0, NEW), 1);
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, 0, NEW), EINVAL);		/* open already */
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, 0, MSG_QUIC_DATAGRAM), EINVAL);
	CHECK_ERR(send(p.cli, "x", 1, MSG_OOB), EINVAL);
	CHECK_ERR(recv(p.cli, NULL, 0, MSG_OOB), EINVAL);
	CHECK_EQ(send(p.cli, NULL, 0, 0), 0);
	pair_close(&p);
}

static ssize_t send_cmsg(int level, int type, const void *data, size_t cmsg_len, size_t room)
{
	struct iovec iov = { "x", 1 };
	union {
		struct cmsghdr align;
		uint8_t bytes[256];
	} ctl = {};
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = &ctl, .msg_controllen = room };

	ctl.align.cmsg_level = level;
	ctl.align.cmsg_type = type;
	ctl.align.cmsg_len = cmsg_len;
	if (cmsg_len > CMSG_LEN(0) && cmsg_len < sizeof(ctl))
		memcpy(CMSG_DATA(&ctl.align), data, cmsg_len - CMSG_LEN(0));
	return sendmsg(p.cli, &h, MSG_NOSIGNAL);
}

static void control_messages(void)
{
	struct {
		struct quic_stream_info si;
		uint64_t tail[2];
	} big = { .si = { .stream_id = 0, .stream_flags = NEW } };
	char buf[16];

	pair_open(&p, NULL);
	CHECK_EQ(send_cmsg(SOL_QUIC, QUIC_STREAM_INFO, &big, CMSG_LEN(sizeof(big)),
			   CMSG_SPACE(sizeof(big))), 1);
	big.si.stream_flags = 0;
	CHECK_EQ(send_cmsg(SOL_QUIC, QUIC_STREAM_INFO, &big, CMSG_LEN(8), CMSG_SPACE(8)), 1);
	CHECK_EQ(send_cmsg(SOL_QUIC, QUIC_STREAM_INFO, &big, CMSG_LEN(12), CMSG_SPACE(12)), 1);
	CHECK_EQ(send_cmsg(0x7777, 3, &big, CMSG_LEN(8), CMSG_SPACE(8)), 1);
	big.tail[1] = 1;
	CHECK(send_cmsg(SOL_QUIC, QUIC_STREAM_INFO, &big, CMSG_LEN(sizeof(big)),
			CMSG_SPACE(sizeof(big))) < 0);
	CHECK_ERR(send_cmsg(SOL_QUIC, 7, &big, CMSG_LEN(8), CMSG_SPACE(8)), EINVAL);
	CHECK_ERR(send_cmsg(SOL_QUIC, QUIC_STREAM_INFO, &big, 3, CMSG_SPACE(16)), EINVAL);
	CHECK_ERR(send_cmsg(SOL_QUIC, QUIC_STREAM_INFO, &big, 250, CMSG_SPACE(16)), EINVAL);
	big.si.stream_flags = 0x40000000;
	CHECK_ERR(send_cmsg(SOL_QUIC, QUIC_STREAM_INFO, &big, CMSG_LEN(16), CMSG_SPACE(16)),
		  EINVAL);
	recv_all(p.srv, 0, buf, 4, false);
	sleep_ms(50);
	CHECK_EQ(sock_poll(p.srv, POLLIN, 0), 0);	/* and no byte more */
	pair_close(&p);
}

/* The draft: unknown flags MUST be rejected. */
static void bad_flags(void)
{
	static const int unknown[] = { MSG_OOB, MSG_DONTROUTE, MSG_FASTOPEN };
	unsigned int i;
	char buf[4];

	pair_open(&p, NULL);
	send_all(p.cli, 0, "x", 1, NEW);
	CHECK(sock_poll(p.srv, POLLIN, 10000) & POLLIN);
	for (i = 0; i < ARRAY(unknown); i++) {
		CHECK_ERR(quic_sendmsg(p.cli, "y", 1, 0, unknown[i]), EINVAL);
		CHECK_ERR(send(p.cli, "y", 1, unknown[i]), EINVAL);
		CHECK_ERR(recv(p.srv, buf, sizeof(buf), unknown[i]), EINVAL);
	}
	recv_all(p.srv, 0, buf, 1, false);
	CHECK_ERR(recv(p.srv, buf, 1, MSG_DONTWAIT), EAGAIN);
	pair_close(&p);
}

static void two_control_messages(void)
{
	struct quic_stream_info si = { .stream_id = 0, .stream_flags = NEW };
	struct iovec iov = { "x", 1 };
	uint8_t ctl[2 * CMSG_SPACE(sizeof(si))] __attribute__((aligned(8))) = {};
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1,
			    .msg_control = ctl, .msg_controllen = sizeof(ctl) };
	struct cmsghdr *cm;

	pair_open(&p, NULL);
	for (cm = CMSG_FIRSTHDR(&h); cm; cm = CMSG_NXTHDR(&h, cm)) {
		cm->cmsg_level = SOL_QUIC;
		cm->cmsg_type = QUIC_STREAM_INFO;
		cm->cmsg_len = CMSG_LEN(sizeof(si));
		memcpy(CMSG_DATA(cm), &si, sizeof(si));
	}
	CHECK_ERR(sendmsg(p.cli, &h, 0), EINVAL);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);		/* nothing was opened */
	pair_close(&p);
}

static void bad_pointers(void)
{
	char buf[16];

	pair_open(&p, NULL);
	send_all(p.cli, 0, "data", 4, NEW);
	CHECK_ERR(send(p.cli, (void *)8, 10, 0), EFAULT);
	CHECK_ERR(send(p.cli, (void *)8, 100000, 0), EFAULT);
	sock_poll(p.srv, POLLIN, 10000);
	CHECK_ERR(recv(p.srv, (void *)8, 4, 0), EFAULT);
	recv_all(p.srv, 0, buf, 4, false);		/* it was not lost */
	CHECK(!memcmp(buf, "data", 4));
	send_all(p.cli, 0, "more", 4, FIN);
	recv_all(p.srv, 0, buf, 4, true);
	pair_close(&p);
}

/* A handshake message cannot be had by recv(). */
static void handshake_needs_control(void)
{
	struct conf c = {};
	struct pair q;
	char buf[4096], ctl[CMSG_LEN(1)] __attribute__((aligned(8)));
	struct iovec iov = { buf, sizeof(buf) };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl };
	pid_t pid;

	listener_new(&c, &q);
	pid = fork();
	if (!pid) {
		q.cli = client_new(&c, &q);
		client_handshake(q.cli, &c);
		recv(q.cli, buf, 1, 0);		/* until the server closes */
		_exit(0);
	}
	q.srv = CHECK_OK(accept(q.lis, NULL, NULL));
	CHECK_ERR(recv(q.srv, buf, sizeof(buf), 0), EINVAL);
	CHECK_ERR(read(q.srv, buf, sizeof(buf)), EINVAL);
	h.msg_controllen = CMSG_LEN(0);			/* no room for the level */
	CHECK_ERR(recvmsg(q.srv, &h, 0), EINVAL);
	h.msg_controllen = CMSG_LEN(1);
	CHECK(recvmsg(q.srv, &h, MSG_PEEK) > 0);
	CHECK_EQ(*CMSG_DATA((struct cmsghdr *)ctl), QUIC_CRYPTO_INITIAL);
	if (server_handshake(q.srv, &c))	/* it is still there */
		FAIL("handshake after recv(): %s", log_last());
}

static const struct test tests[] = {
	{ "echo-1-stream", echo_1 },
	{ "echo-100-streams", echo_100 },
	{ "echo-10000-streams", echo_10000, 120 },
	{ "echo-100-streams-at-once", echo_parallel },
	{ "server-streams", server_streams },
	{ "uni-streams", uni_streams },
	{ "fin-alone", fin_alone },
	{ "closed-stream", closed_stream },
	{ "tcp-shaped-program", tcp_shaped },
	{ "active-stream", active_stream },
	{ "coalesce", coalesce },
	{ "peek", peek },
	{ "wait-all", wait_all },
	{ "wait-all-streams", wait_all_streams },
	{ "no-control-buffer", no_control },
	{ "vectors", vectors },
	{ "send-file", send_file },
	{ "message-more", message_more },
	{ "open-ids", open_ids },
	{ "open-unseen", open_unseen },
	{ "open-waits", open_waits },
	{ "bad-streams", bad_streams },
	{ "control-messages", control_messages },
	{ "bad-flags", bad_flags },
	{ "two-control-messages", two_control_messages },
	{ "bad-pointers", bad_pointers },
	{ "handshake-needs-control", handshake_needs_control },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

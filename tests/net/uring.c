// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io_uring on QUIC sockets, by its bare system calls: accept, connect, send,
 * recv, sendmsg, recvmsg, poll, splice and send_zc, on connections and streams.
 */
#include <stdatomic.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <linux/io_uring.h>

#include "lib.h"

#define ENTRIES	16
#define FIN	MSG_QUIC_STREAM_FIN

static struct {
	int fd;
	unsigned int *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
} ring;

static struct pair p;
static char buf[100000];

static void *ring_map(size_t len, off_t what)
{
	void *m = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, what);

	CHECK(m != MAP_FAILED);
	return m;
}

static void ring_open(void)
{
	struct io_uring_params par = {};
	char *sq, *cq;

	ring.fd = syscall(__NR_io_uring_setup, ENTRIES, &par);
	if (ring.fd < 0 && (errno == ENOSYS || errno == EPERM))
		test_skip("no io_uring in this kernel");
	CHECK_OK(ring.fd);
	sq = ring_map(par.sq_off.array + par.sq_entries * sizeof(int), IORING_OFF_SQ_RING);
	cq = ring_map(par.cq_off.cqes + par.cq_entries * sizeof(*ring.cqe), IORING_OFF_CQ_RING);
	ring.sqe = ring_map(par.sq_entries * sizeof(*ring.sqe), IORING_OFF_SQES);
	ring.sq_tail = (void *)(sq + par.sq_off.tail);
	ring.sq_mask = (void *)(sq + par.sq_off.ring_mask);
	ring.sq_array = (void *)(sq + par.sq_off.array);
	ring.cq_head = (void *)(cq + par.cq_off.head);
	ring.cq_tail = (void *)(cq + par.cq_off.tail);
	ring.cq_mask = (void *)(cq + par.cq_off.ring_mask);
	ring.cqe = (void *)(cq + par.cq_off.cqes);
}

static void submit(struct io_uring_sqe *e)
{
	unsigned int tail = *ring.sq_tail, i = tail & *ring.sq_mask;

	ring.sqe[i] = *e;
	ring.sq_array[i] = i;
	atomic_store_explicit((_Atomic unsigned int *)ring.sq_tail, tail + 1, memory_order_release);
	CHECK_EQ(syscall(__NR_io_uring_enter, ring.fd, 1, 0, 0, NULL, 0), 1);
}

struct done {
	uint64_t user_data;
	int res;
	uint32_t flags;
};

static struct done next(void)
{
	const struct io_uring_cqe *cqe;
	struct done c;
	unsigned int head = *ring.cq_head;

	while (head == atomic_load_explicit((_Atomic unsigned int *)ring.cq_tail,
					    memory_order_acquire))
		CHECK_OK(syscall(__NR_io_uring_enter, ring.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	cqe = &ring.cqe[head & *ring.cq_mask];
	c = (struct done){ cqe->user_data, cqe->res, cqe->flags };
	atomic_store_explicit((_Atomic unsigned int *)ring.cq_head, head + 1, memory_order_release);
	return c;
}

static bool ready(void)
{
	return *ring.cq_head != *(volatile unsigned int *)ring.cq_tail;
}

static struct io_uring_sqe sqe(uint8_t op, int fd, const void *addr, uint32_t len, uint32_t flags)
{
	return (struct io_uring_sqe){ .opcode = op, .fd = fd, .addr = (uintptr_t)addr, .len = len,
				      .msg_flags = flags, .user_data = op };
}

static int once(uint8_t op, int fd, const void *addr, uint32_t len, uint32_t flags)
{
	struct io_uring_sqe e = sqe(op, fd, addr, len, flags);
	struct done c;

	submit(&e);
	c = next();
	CHECK_EQ(c.user_data, op);
	return c.res;
}

static int peel(int fd, int64_t id)
{
	struct quic_stream_peeloff info = { .stream_id = id };
	socklen_t len = sizeof(info);

	return CHECK_OK(get_opt(fd, QUIC_SOCKOPT_STREAM_PEELOFF, &info, &len));
}

/* A send, then a receive that has to wait for its data. */
static void both_ways(int a, int b)
{
	struct io_uring_sqe e = sqe(IORING_OP_RECV, b, buf, sizeof(buf), 0);
	struct done c;

	submit(&e);
	sleep_ms(50);
	CHECK(!ready());
	CHECK_EQ(send(a, "late", 4, 0), 4);
	c = next();
	CHECK_EQ(c.res, 4);
	CHECK(!memcmp(buf, "late", 4));
	CHECK_EQ(once(IORING_OP_SEND, b, "answer", 6, 0), 6);
	CHECK_EQ(once(IORING_OP_RECV, a, buf, sizeof(buf), 0), 6);
	CHECK_EQ(once(IORING_OP_WRITE, a, "plain", 5, 0), 5);
	CHECK_EQ(once(IORING_OP_READ, b, buf, sizeof(buf), 0), 5);
	CHECK_EQ(once(IORING_OP_RECV, b, buf, 10, MSG_DONTWAIT), -EAGAIN);
}

static void connection(void)
{
	ring_open();
	pair_open(&p, NULL);
	CHECK_EQ(send(p.cli, "!", 1, 0), 1);
	CHECK_EQ(recv(p.srv, buf, 1, 0), 1);
	both_ways(p.cli, p.srv);
	pair_close(&p);
}

static void stream(void)
{
	int a, b;

	ring_open();
	pair_open(&p, NULL);
	CHECK_EQ(send(p.cli, "!", 1, 0), 1);
	CHECK_EQ(recv(p.srv, buf, 1, 0), 1);
	a = peel(p.cli, 0);
	b = peel(p.srv, 0);
	both_ways(a, b);
	CHECK_EQ(once(IORING_OP_SHUTDOWN, a, NULL, SHUT_WR, 0), 0);
	CHECK_EQ(once(IORING_OP_RECV, b, buf, 10, 0), 0);
	CHECK_EQ(once(IORING_OP_CLOSE, a, NULL, 0, 0), 0);
	CHECK_EQ(once(IORING_OP_CLOSE, b, NULL, 0, 0), 0);
	pair_close(&p);
}

static void messages(void)
{
	struct quic_stream_info si = { .stream_id = 4, .stream_flags = MSG_QUIC_STREAM_NEW | FIN };
	uint8_t ctl[CMSG_SPACE(sizeof(si))] __attribute__((aligned(8))) = {};
	struct iovec iov = { "message", 7 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&m);

	ring_open();
	pair_open(&p, NULL);
	cm->cmsg_level = SOL_QUIC;
	cm->cmsg_type = QUIC_STREAM_INFO;
	cm->cmsg_len = CMSG_LEN(sizeof(si));
	memcpy(CMSG_DATA(cm), &si, sizeof(si));
	CHECK_EQ(once(IORING_OP_SENDMSG, p.cli, &m, 1, 0), 7);
	iov = (struct iovec){ buf, sizeof(buf) };
	m.msg_controllen = sizeof(ctl);
	CHECK_EQ(once(IORING_OP_RECVMSG, p.srv, &m, 1, 0), 7);
	memcpy(&si, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(si));
	CHECK_EQ(si.stream_id, 4);
	CHECK_EQ(si.stream_flags, FIN);
	pair_close(&p);
}

/* A listener's accept, submitted before anybody connects. */
static void accepting(void)
{
	struct conf c = {};
	struct io_uring_sqe e;
	struct done cqe;
	pid_t pid;

	ring_open();
	listener_new(&c, &p);
	e = sqe(IORING_OP_ACCEPT, p.lis, NULL, 0, 0);
	submit(&e);
	sleep_ms(50);
	CHECK(!ready());
	pid = CHECK_OK(fork());
	if (!pid) {
		struct server s = { .p = p };

		CHECK_EQ(send(server_connect(&s, &c), "hello", 5, FIN), 5);
		sleep_ms(1000);
		_exit(0);
	}
	cqe = next();
	CHECK(cqe.res >= 0);
	CHECK_EQ(server_handshake(cqe.res, &c), 0);
	CHECK_EQ(once(IORING_OP_RECV, cqe.res, buf, 100, 0), 5);
	CHECK_EQ(once(IORING_OP_CLOSE, cqe.res, NULL, 0, 0), 0);
	kill(pid, SIGKILL);
	close(p.lis);
}

static void polling(void)
{
	struct io_uring_sqe e;

	ring_open();
	pair_open(&p, NULL);
	CHECK_EQ(send(p.cli, "!", 1, 0), 1);
	CHECK_EQ(recv(p.srv, buf, 1, 0), 1);
	e = sqe(IORING_OP_POLL_ADD, peel(p.srv, 0), NULL, 0, 0);
	e.poll32_events = POLLIN;
	submit(&e);
	sleep_ms(50);
	CHECK(!ready());
	CHECK_EQ(send(p.cli, "x", 1, 0), 1);
	CHECK(next().res & POLLIN);
	pair_close(&p);
}

/* Two completions: what was sent, and when the memory is free again. */
static void send_zc(int fd)
{
	struct io_uring_sqe e = sqe(IORING_OP_SEND_ZC, fd, buf, sizeof(buf), 0);
	static char got[sizeof(buf)];
	struct done c;
	size_t sent = 0;

	pattern_fill(buf, sizeof(buf), 0, 0);
	while (sent < sizeof(buf)) {
		e.addr = (uintptr_t)buf + sent;
		e.len = sizeof(buf) - sent;
		submit(&e);
		c = next();
		if (c.res == -EINVAL)
			test_skip("no send_zc in this kernel");
		CHECK(c.res > 0);
		CHECK(c.flags & IORING_CQE_F_MORE);
		recv_all(p.srv, 0, got + sent, c.res, false);
		sent += c.res;
		c = next();
		CHECK(c.flags & IORING_CQE_F_NOTIF);
	}
	pattern_check(got, sizeof(got), 0, 0);
	/* a failure: one completion, and no notice to come */
	e.addr = 8;
	e.len = 100;
	submit(&e);
	c = next();
	CHECK_EQ(c.res, -EFAULT);
	if (c.flags & IORING_CQE_F_MORE)
		CHECK(next().flags & IORING_CQE_F_NOTIF);
}

static void zerocopy(void)
{
	int fd;

	ring_open();
	pair_open(&p, NULL);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	send_zc(p.cli);
	pair_close(&p);
	pair_open(&p, NULL);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	fd = peel(p.cli, 0);
	send_zc(fd);
	close(fd);
	pair_close(&p);
}

/* The ring goes with requests under way. */
static void abandoned(void)
{
	struct io_uring_sqe e;

	ring_open();
	pair_open(&p, NULL);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	e = sqe(IORING_OP_RECV, peel(p.cli, 0), buf, 100, 0);
	submit(&e);
	e = sqe(IORING_OP_RECV, p.srv, buf, 100, 0);
	submit(&e);
	e = sqe(IORING_OP_ACCEPT, p.lis, NULL, 0, 0);
	submit(&e);
	close(ring.fd);
	pair_close(&p);
}

static const struct test tests[] = {
	{ "connection", connection },
	{ "stream", stream },
	{ "messages", messages },
	{ "accept", accepting },
	{ "poll", polling },
	{ "send-zc", zerocopy },
	{ "abandoned", abandoned },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

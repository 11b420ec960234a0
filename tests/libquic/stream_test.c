// SPDX-License-Identifier: GPL-2.0-or-later
/* quic_sendmsg() and quic_recvmsg(): what goes to the kernel and comes back */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "pair.h"
#include "test.h"

/* Of descriptor STREAM_FD; see __wrap_sendmsg() in fake_kernel.c. */
#include "fake_stream.h"

static const char *send_stream(void)
{
	fake_stream_reset();
	CHECK(quic_sendmsg(STREAM_FD, "hello", 5, 4, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN |
			   MSG_DONTWAIT) == 5);
	CHECK(fake_stream.has_info && fake_stream.info.stream_id == 4);
	CHECK(fake_stream.info.stream_flags == (MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN));
	CHECK(fake_stream.flags == MSG_DONTWAIT);
	CHECK(fake_stream.len == 5 && !memcmp(fake_stream.data, "hello", 5));
	CHECK(!fake_stream.info.reserved);
	return NULL;
}

static const char *send_datagram(void)
{
	fake_stream_reset();
	CHECK(quic_sendmsg(STREAM_FD, "dg", 2, -1, MSG_QUIC_DATAGRAM) == 2);
	CHECK(!fake_stream.has_info);
	CHECK(fake_stream.flags == MSG_QUIC_DATAGRAM);
	return NULL;
}

/* The kernel judges unknown flags, so it must see them. */
static const char *send_unknown_flag(void)
{
	fake_stream_reset();
	CHECK(quic_sendmsg(STREAM_FD, "x", 1, 0, 0x40000000) == 1);
	CHECK(fake_stream.flags == 0x40000000);
	return NULL;
}

static const char *send_error(void)
{
	fake_stream_reset();
	fake_stream.err = EPIPE;
	errno = 0;
	CHECK(quic_sendmsg(STREAM_FD, "x", 1, 0, 0) == -1);
	CHECK(errno == EPIPE);
	return NULL;
}

static const char *recv_stream(void)
{
	uint32_t flags = MSG_DONTWAIT;
	int64_t sid = 99;
	char buf[16];

	fake_stream_reset();
	fake_stream.has_info = true;
	fake_stream.info.stream_id = 8;
	fake_stream.info.stream_flags = MSG_QUIC_STREAM_FIN;
	fake_stream.len = 3;
	memcpy(fake_stream.data, "abc", 3);
	CHECK(quic_recvmsg(STREAM_FD, buf, sizeof(buf), &sid, &flags) == 3);
	CHECK(fake_stream.flags == MSG_DONTWAIT);
	CHECK(sid == 8 && flags & MSG_QUIC_STREAM_FIN && !memcmp(buf, "abc", 3));
	CHECK(quic_recvmsg(STREAM_FD, buf, sizeof(buf), NULL, NULL) == 3);
	CHECK(!fake_stream.flags);
	return NULL;
}

static const char *recv_event(void)
{
	uint32_t flags = 0;
	int64_t sid = 99;
	char buf[16];

	fake_stream_reset();
	fake_stream.len = 3;
	fake_stream.out_flags = MSG_QUIC_NOTIFICATION | MSG_EOR;
	CHECK(quic_recvmsg(STREAM_FD, buf, sizeof(buf), &sid, &flags) == 3);
	CHECK(sid == -1 && flags == (MSG_QUIC_NOTIFICATION | MSG_EOR));
	return NULL;
}

/* Tickets are not stream data. */
static const char *recv_skips_tickets(void)
{
	uint32_t flags = 0;
	int64_t sid = 99;
	char buf[16];

	fake_stream_reset();
	fake_stream.tickets = 2;
	fake_stream.has_info = true;
	fake_stream.info.stream_id = 1;
	fake_stream.len = 3;
	CHECK(quic_recvmsg(STREAM_FD, buf, sizeof(buf), &sid, &flags) == 3);
	CHECK(sid == 1 && !fake_stream.tickets);
	return NULL;
}

static const char *recv_error(void)
{
	uint32_t flags = 5;
	int64_t sid = 99;
	char buf[16];

	fake_stream_reset();
	fake_stream.err = EAGAIN;
	errno = 0;
	CHECK(quic_recvmsg(STREAM_FD, buf, sizeof(buf), &sid, &flags) == -1);
	CHECK(errno == EAGAIN && sid == 99 && flags == 5);
	return NULL;
}

const struct test stream_tests[] = {
	{ "send_stream", send_stream },
	{ "send_datagram", send_datagram },
	{ "send_unknown_flag", send_unknown_flag },
	{ "send_error", send_error },
	{ "recv_stream", recv_stream },
	{ "recv_event", recv_event },
	{ "recv_skips_tickets", recv_skips_tickets },
	{ "recv_error", recv_error },
	{ NULL, NULL }
};

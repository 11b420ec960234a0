/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One call of sendmsg() or recvmsg() on an established socket, STREAM_FD */
#ifndef _TESTS_FAKE_STREAM_H
#define _TESTS_FAKE_STREAM_H

#include <stdbool.h>
#include <netinet/quic.h>

#define STREAM_FD	2000

struct fake_stream {
	int err;			/* errno to fail with */
	int flags;			/* of the call */
	int out_flags;			/* msg_flags to return */
	int tickets;			/* CRYPTO messages ahead of the data */
	bool has_info;			/* seen on send, given on receive */
	struct quic_stream_info info;
	unsigned char data[64];
	size_t len;
};

extern struct fake_stream fake_stream;

void fake_stream_reset(void);
ssize_t fake_stream_send(const struct msghdr *hdr, int flags);
ssize_t fake_stream_recv(struct msghdr *hdr, int flags);

#endif /* _TESTS_FAKE_STREAM_H */

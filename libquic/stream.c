// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * quic_sendmsg() and quic_recvmsg(): sendmsg() and recvmsg() with the stream
 * control message filled in and taken apart.
 */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "internal.h"

#define STREAM_FLAGS (MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN | MSG_QUIC_STREAM_UNI | \
		      MSG_QUIC_STREAM_DONTWAIT | MSG_QUIC_STREAM_SNDBLOCK)

union stream_control {
	struct cmsghdr align;
	unsigned char bytes[CMSG_SPACE(sizeof(struct quic_stream_info))];
};

ssize_t quic_sendmsg(int sd, const void *msg, size_t len, int64_t sid, uint32_t flags)
{
	struct iovec iov = { .iov_base = (void *)msg, .iov_len = len };
	struct msghdr hdr = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct quic_stream_info info = { .stream_id = sid };
	union stream_control control;
	struct cmsghdr *cmsg;

	/* A datagram belongs to no stream. */
	if (flags & MSG_QUIC_DATAGRAM)
		return sendmsg(sd, &hdr, (int)flags);

	memset(&control, 0, sizeof(control));
	hdr.msg_control = control.bytes;
	hdr.msg_controllen = sizeof(control.bytes);
	cmsg = CMSG_FIRSTHDR(&hdr);
	cmsg->cmsg_level = SOL_QUIC;
	cmsg->cmsg_type = QUIC_STREAM_INFO;
	cmsg->cmsg_len = CMSG_LEN(sizeof(info));
	info.stream_flags = flags & STREAM_FLAGS;
	memcpy(CMSG_DATA(cmsg), &info, sizeof(info));

	return sendmsg(sd, &hdr, (int)(flags & ~STREAM_FLAGS));
}

/* Returns the SOL_QUIC control message, NULL if there is none. */
static const struct cmsghdr *find_cmsg(struct msghdr *hdr)
{
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(hdr); cmsg; cmsg = CMSG_NXTHDR(hdr, cmsg))
		if (cmsg->cmsg_level == SOL_QUIC)
			return cmsg;
	return NULL;
}

static void read_stream_info(const struct cmsghdr *cmsg, struct quic_stream_info *info)
{
	size_t len = cmsg->cmsg_len - CMSG_LEN(0);

	memcpy(info, CMSG_DATA(cmsg), len < sizeof(*info) ? len : sizeof(*info));
}

ssize_t quic_recvmsg(int sd, void *msg, size_t len, int64_t *sid, uint32_t *flags)
{
	struct iovec iov = { .iov_base = msg, .iov_len = len };
	struct quic_stream_info info = { .stream_id = -1 };
	const struct cmsghdr *cmsg;
	union stream_control control;
	struct msghdr hdr;
	ssize_t n;

	/* After the handshake a client's CRYPTO messages are tickets, which
	 * the kernel also keeps for quic_session_get_data(): not for us.
	 */
	do {
		memset(&hdr, 0, sizeof(hdr));
		hdr.msg_iov = &iov;
		hdr.msg_iovlen = 1;
		hdr.msg_control = control.bytes;
		hdr.msg_controllen = sizeof(control.bytes);
		n = recvmsg(sd, &hdr, flags ? (int)*flags : 0);
		if (n < 0)
			return n;
		cmsg = find_cmsg(&hdr);
	} while (cmsg && cmsg->cmsg_type == QUIC_HANDSHAKE_INFO);

	if (cmsg && cmsg->cmsg_type == QUIC_STREAM_INFO)
		read_stream_info(cmsg, &info);
	if (sid)
		*sid = info.stream_id;
	if (flags)
		*flags = (uint32_t)hdr.msg_flags | info.stream_flags;
	return n;
}

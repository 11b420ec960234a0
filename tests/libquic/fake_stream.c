// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "fake_stream.h"

struct fake_stream fake_stream;

void fake_stream_reset(void)
{
	memset(&fake_stream, 0, sizeof(fake_stream));
}

static int fail(int err)
{
	errno = err;
	return -1;
}

ssize_t fake_stream_send(const struct msghdr *hdr, int flags)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR((struct msghdr *)hdr);

	if (fake_stream.err)
		return fail(fake_stream.err);
	fake_stream.flags = flags;
	fake_stream.has_info = cmsg;
	if (cmsg) {
		if (cmsg->cmsg_level != SOL_QUIC || cmsg->cmsg_type != QUIC_STREAM_INFO ||
		    cmsg->cmsg_len != CMSG_LEN(sizeof(fake_stream.info)))
			return fail(EINVAL);
		memcpy(&fake_stream.info, CMSG_DATA(cmsg), sizeof(fake_stream.info));
	}
	fake_stream.len = hdr->msg_iov[0].iov_len;
	memcpy(fake_stream.data, hdr->msg_iov[0].iov_base, fake_stream.len);
	return (ssize_t)fake_stream.len;
}

static void put_cmsg(struct msghdr *hdr, int type, const void *data, size_t len)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(hdr);

	cmsg->cmsg_level = SOL_QUIC;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(cmsg), data, len);
	hdr->msg_controllen = CMSG_SPACE(len);
}

ssize_t fake_stream_recv(struct msghdr *hdr, int flags)
{
	struct quic_handshake_info ticket = { .crypto_level = QUIC_CRYPTO_APP };

	if (fake_stream.err)
		return fail(fake_stream.err);
	fake_stream.flags = flags;
	if (fake_stream.tickets) {
		fake_stream.tickets--;
		put_cmsg(hdr, QUIC_HANDSHAKE_INFO, &ticket, sizeof(ticket));
		return 1;
	}
	if (fake_stream.has_info)
		put_cmsg(hdr, QUIC_STREAM_INFO, &fake_stream.info, sizeof(fake_stream.info));
	else
		hdr->msg_controllen = 0;
	hdr->msg_flags = fake_stream.out_flags;
	memcpy(hdr->msg_iov[0].iov_base, fake_stream.data, fake_stream.len);
	return (ssize_t)fake_stream.len;
}

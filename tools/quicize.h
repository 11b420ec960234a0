/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * quicize: what the library inside the program and the helper beside it say to
 * each other, over a SOCK_SEQPACKET pair whose one end every process of the
 * program has inherited ($QUICIZE_FD).
 *
 * A request carries two descriptors: the socket, and one end of a pair for the
 * answer.  CONNECT: the socket is on its way to a server, do the handshake.
 * LISTEN: the socket is bound; the answer brings a stand-in, which the program
 * gets instead of it: an AF_UNIX socket that is readable when a connection is
 * done, of which recvmsg() then gets the descriptor.  The name of the stand-in's
 * other end tells the address that it stands for.  Anybody may take such a name; what
 * tells a stand-in from other sockets is that the kernel names one process as the
 * maker of it and of the pair for requests: the helper (SO_PEERCRED).
 */
#ifndef TOOLS_QUICIZE_H
#define TOOLS_QUICIZE_H

#include <stdint.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define QUICIZE_FD_ENV	"QUICIZE_FD"
#define QUICIZE_MARK	"quicize:"	/* then the address in hexadecimal, ':', a random number */
#define QUICIZE_HOST_MAX 256

enum quicize_op {
	QUICIZE_CONNECT,
	QUICIZE_LISTEN,
};

struct quicize_request {
	uint32_t op;
	int32_t backlog;		/* LISTEN */
	char host[QUICIZE_HOST_MAX];	/* CONNECT: whose certificate is expected */
};

struct quicize_reply {
	int32_t err;			/* 0 or a positive errno */
};

#define QUICIZE_FDS_MAX	2	/* descriptors in a message */

/* A message with descriptors; returns what sendmsg() does. */
static inline ssize_t quicize_send(int sd, const void *data, size_t len, const int *fds, size_t n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(QUICIZE_FDS_MAX * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)data, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cm;

	if (n) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		cm = CMSG_FIRSTHDR(&msg);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(cm), fds, n * sizeof(int));
	}
	return sendmsg(sd, &msg, MSG_NOSIGNAL);
}

/* The same in the other direction; fds that did not come are -1. */
static inline ssize_t quicize_recv(int sd, void *data, size_t len, int *fds, size_t n, int flags)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(QUICIZE_FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { data, len };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		/* not CMSG_SPACE(), whose padding has room for another one */
		.msg_control = &control, .msg_controllen = CMSG_LEN(n * sizeof(int)),
	};
	struct cmsghdr *cm;
	ssize_t got;
	size_t i;

	for (i = 0; i < n; i++)
		fds[i] = -1;
	got = recvmsg(sd, &msg, flags);
	cm = got < 0 ? NULL : CMSG_FIRSTHDR(&msg);
	if (cm && cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS)
		memcpy(fds, CMSG_DATA(cm), cm->cmsg_len - CMSG_LEN(0));
	return got;
}

#endif /* TOOLS_QUICIZE_H */

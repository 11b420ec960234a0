// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The protocol as the socket layer sees it: struct proto and proto_ops for both
 * families, SOCK_STREAM and SOCK_DGRAM (QUIC does not differ by it).
 */
#include <linux/module.h>
#include <net/inet_common.h>
#include <net/ipv6.h>
#include <net/protocol.h>
#include <net/transp_v6.h>
#include "netns.h"
#include "proto.h"

static atomic_long_t memory_allocated;
static DEFINE_PER_CPU(int, memory_per_cpu_fw_alloc);
static unsigned long memory_pressure;

static void enter_memory_pressure(struct sock *sk)
{
	if (!READ_ONCE(memory_pressure))
		WRITE_ONCE(memory_pressure, 1);
}

static void leave_memory_pressure(struct sock *sk)
{
	if (READ_ONCE(memory_pressure))
		WRITE_ONCE(memory_pressure, 0);
}

static void unhash(struct sock *sk)
{
	/* sk_common_release() calls it; destroy() did it all */
}

QUIC_DEFINE_IOCTL(ioctl_inq, quic_ioctl_inq)

#define COMMON_PROTO						\
	.owner			= THIS_MODULE,			\
	.init			= quic_sock_init,		\
	.destroy		= quic_sock_destroy,		\
	.close			= quic_sock_close,		\
	.unhash			= unhash,			\
	.ioctl			= ioctl_inq,			\
	.setsockopt		= quic_setsockopt,		\
	.keepalive		= quic_sockopt_keepalive,	\
	.getsockopt		= quic_getsockopt,		\
	.sendmsg		= quic_sendmsg,			\
	.recvmsg		= quic_recvmsg,			\
	.backlog_rcv		= quic_input_backlog,		\
	.release_cb		= quic_sock_release_cb,		\
	.enter_memory_pressure	= enter_memory_pressure,	\
	.leave_memory_pressure	= leave_memory_pressure,	\
	.memory_allocated	= &memory_allocated,		\
	.per_cpu_fw_alloc	= &memory_per_cpu_fw_alloc,	\
	.sockets_allocated	= &quic_sockets_allocated,	\
	.memory_pressure	= &memory_pressure,		\
	.sysctl_mem		= quic_sysctl_mem,		\
	.sysctl_wmem		= quic_sysctl_wmem,		\
	.sysctl_rmem		= quic_sysctl_rmem,		\
	.no_autobind		= true

struct proto quic_prot = {
	.name			= "QUIC",
	.obj_size		= sizeof(struct quic_sock),
	COMMON_PROTO,
};

struct proto quicv6_prot = {
	.name			= "QUICv6",
	.obj_size		= sizeof(struct quic6_sock),
	QUIC_PINFO_OFFSET(struct quic6_sock, inet6)
	COMMON_PROTO,
};

/* ---- proto_ops ---- */

static int bind(struct socket *sock, struct sockaddr *uaddr, int len)
{
	return quic_sock_bind(sock->sk, uaddr, len);
}

static int connect(struct socket *sock, struct sockaddr *uaddr, int len, int flags)
{
	int err = quic_sock_connect(sock->sk, uaddr, len);

	if (!err)
		sock->state = SS_CONNECTED;
	return err;
}

static int listen(struct socket *sock, int backlog)
{
	struct sock *sk = sock->sk;
	int err = 0;

	lock_sock(sk);
	if (backlog)
		err = quic_listen_start(sk, backlog);
	else
		quic_listen_stop(sk);
	release_sock(sk);
	return err;
}

static int accept_child(struct socket *sock, struct socket *newsock, int flags)
{
	struct sock *sk;
	int err;

	sk = quic_listen_accept(sock->sk, flags, &err);
	if (!sk)
		return err;
	lock_sock(sk);
	sock_graft(sk, newsock);
	newsock->state = SS_CONNECTED;
	quic_compat_zerocopy(newsock);
	release_sock(sk);
	return 0;
}

QUIC_DEFINE_ACCEPT(accept, accept_child)

static int get_name(struct socket *sock, struct sockaddr *uaddr, int peer)
{
	return quic_sock_getname(sock->sk, uaddr, peer);
}

static int shutdown(struct socket *sock, int how)
{
	return quic_sock_shutdown(sock->sk, how);
}

static int sendmsg(struct socket *sock, struct msghdr *msg, size_t len)
{
	return quic_sendmsg(sock->sk, msg, len);
}

static void splice_eof(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct quic_streams *ss = &quic_sk(sk)->conn.streams;
	int err;

	lock_sock(sk);
	if (quic_sk(sk)->conn.state == QUIC_CONN_ESTABLISHED && ss->active >= 0)
		quic_splice_eof(sk, quic_streams_find(ss, ss->active, true, &err));
	release_sock(sk);
}

static int recvmsg(struct socket *sock, struct msghdr *msg, size_t len, int flags)
{
	int addr_len = 0;

	return quic_recvmsg(sock->sk, msg, len, flags, &addr_len);
}

#define COMMON_OPS					\
	.owner		= THIS_MODULE,			\
	.bind		= bind,				\
	.connect	= connect,			\
	.socketpair	= sock_no_socketpair,		\
	.accept		= accept,			\
	.getname	= get_name,			\
	.poll		= quic_poll,			\
	.listen		= listen,			\
	.shutdown	= shutdown,			\
	.setsockopt	= sock_common_setsockopt,	\
	.getsockopt	= sock_common_getsockopt,	\
	.sendmsg	= sendmsg,			\
	.recvmsg	= recvmsg,			\
	QUIC_SPLICE_EOF(splice_eof)			\
	QUIC_SENDPAGE					\
	.mmap		= sock_no_mmap

static const struct proto_ops inet_ops = {
	.family		= PF_INET,
	.release	= inet_release,
	.ioctl		= inet_ioctl,
	COMMON_OPS,
};

static const struct proto_ops inet6_ops = {
	.family		= PF_INET6,
	.release	= inet6_release,
	.ioctl		= inet6_ioctl,
	COMMON_OPS,
};

static struct inet_protosw protosws[] = {
	{ .type = SOCK_STREAM, .protocol = IPPROTO_QUIC, .prot = &quic_prot, .ops = &inet_ops },
	{ .type = SOCK_DGRAM, .protocol = IPPROTO_QUIC, .prot = &quic_prot, .ops = &inet_ops },
};

static struct inet_protosw protosws6[] = {
	{ .type = SOCK_STREAM, .protocol = IPPROTO_QUIC, .prot = &quicv6_prot, .ops = &inet6_ops },
	{ .type = SOCK_DGRAM, .protocol = IPPROTO_QUIC, .prot = &quicv6_prot, .ops = &inet6_ops },
};

int quic_proto_register(void)
{
	int err, i;

	err = proto_register(&quic_prot, 1);
	if (err)
		return err;
	err = proto_register(&quicv6_prot, 1);
	if (err)
		goto unregister;
	err = proto_register(&quic_peel_prot, 1);
	if (err)
		goto unregister6;
	for (i = 0; i < (int)ARRAY_SIZE(protosws); i++)
		inet_register_protosw(&protosws[i]);
	for (i = 0; i < (int)ARRAY_SIZE(protosws6) && !err; i++)
		err = inet6_register_protosw(&protosws6[i]);
	if (!err)
		return 0;
	while (--i > 0)
		inet6_unregister_protosw(&protosws6[i - 1]);
	for (i = 0; i < (int)ARRAY_SIZE(protosws); i++)
		inet_unregister_protosw(&protosws[i]);
	proto_unregister(&quic_peel_prot);
unregister6:
	proto_unregister(&quicv6_prot);
unregister:
	proto_unregister(&quic_prot);
	return err;
}

void quic_proto_unregister(void)
{
	int i;

	for (i = 0; i < (int)ARRAY_SIZE(protosws6); i++)
		inet6_unregister_protosw(&protosws6[i]);
	for (i = 0; i < (int)ARRAY_SIZE(protosws); i++)
		inet_unregister_protosw(&protosws[i]);
	proto_unregister(&quic_peel_prot);
	proto_unregister(&quicv6_prot);
	proto_unregister(&quic_prot);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A user without any privilege: each call that needs one fails with the errno
 * that the page gives, and what needs none works.  (The script `unprivileged`
 * runs other programs as the same user.)
 */
#include <fcntl.h>
#include <grp.h>
#include <sched.h>

#include "lib.h"

#define NOBODY	65534

static struct pair p;
static char buf[4096];

static int set_int(int fd, int level, int opt, int v)
{
	return setsockopt(fd, level, opt, &v, sizeof(v));
}

static void become_nobody(void)
{
	if (geteuid())
		return;
	CHECK_OK(setgroups(0, NULL));
	CHECK_OK(setresgid(NOBODY, NOBODY, NOBODY));
	CHECK_OK(setresuid(NOBODY, NOBODY, NOBODY));
}

static void ports(void)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int fd, v6;

	become_nobody();
	for (v6 = 0; v6 < 2; v6++) {
		int family = v6 ? AF_INET6 : AF_INET;

		fd = sock_new(family, SOCK_STREAM);
		len = sock_addr(&ss, family, NULL, 443);
		CHECK_ERR(bind(fd, (struct sockaddr *)&ss, len), EACCES);
		len = sock_addr(&ss, family, NULL, 0);
		CHECK_OK(bind(fd, (struct sockaddr *)&ss, len));
		CHECK_OK(listen(fd, 1));
		close(fd);
	}
	/* nor by the other ways to get a port */
	pair_open(&p, NULL);
	len = sock_addr(&ss, AF_INET, NULL, 443);
	CHECK_ERR(set_opt(p.cli, QUIC_SOCKOPT_CONNECTION_MIGRATION, &ss, len), EACCES);
	pair_close(&p);
}

static void options(void)
{
	int fd;

	become_nobody();
	fd = sock_new(AF_INET, SOCK_STREAM);
	CHECK_ERR(set_int(fd, SOL_SOCKET, SO_MARK, 1), EPERM);
	CHECK_ERR(set_int(fd, SOL_SOCKET, SO_PRIORITY, 7), EPERM);
	CHECK_OK(set_int(fd, SOL_SOCKET, SO_PRIORITY, 6));
	CHECK_ERR(set_int(fd, SOL_SOCKET, SO_SNDBUFFORCE, 1), EPERM);
	CHECK_ERR(set_int(fd, SOL_SOCKET, SO_RCVBUFFORCE, 1), EPERM);
	CHECK_ERR(set_int(fd, SOL_SOCKET, SO_DEBUG, 1), EACCES);
	CHECK_ERR(set_int(fd, SOL_IP, IP_TRANSPARENT, 1), EPERM);
	CHECK_OK(set_int(fd, SOL_IP, IP_TOS, 0xb8));
	CHECK_OK(set_int(fd, SOL_IP, IP_TTL, 5));
	/* a device may be chosen, not another one after it */
	CHECK_OK(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
	CHECK_ERR(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0), EPERM);
	close(fd);
}

static void cannot_open(const char *path, int flags)
{
	CHECK_ERR(open(path, flags), EACCES);
}

static void files(void)
{
	int fd;

	become_nobody();
	cannot_open("/proc/sys/net/quic/retry_threshold", O_WRONLY);
	cannot_open("/proc/sys/net/quic/quic_mem", O_WRONLY);
	fd = CHECK_OK(open("/proc/sys/net/quic/retry_threshold", O_RDONLY));
	CHECK(read(fd, buf, sizeof(buf)) > 0);
	close(fd);
	fd = CHECK_OK(open("/proc/net/quic/sockets", O_RDONLY));
	close(fd);
	mib_read("QuicPktLost");
}

/* Where nobody is root, in a user namespace of their own, the same things are theirs. */
static void own_namespace(void)
{
	struct sockaddr_storage ss;
	socklen_t len;
	int fd;

	become_nobody();
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET))
		test_skip("no user namespaces for nobody here");
	fd = sock_new(AF_INET, SOCK_STREAM);
	len = sock_addr(&ss, AF_INET, "0.0.0.0", 443);
	CHECK_OK(bind(fd, (struct sockaddr *)&ss, len));
	CHECK_OK(listen(fd, 1));
	CHECK_OK(set_int(fd, SOL_SOCKET, SO_MARK, 1));
	close(fd);
	fd = CHECK_OK(open("/proc/sys/net/quic/retry_threshold", O_RDONLY));
	close(fd);
}

static const struct test tests[] = {
	{ "ports", ports },
	{ "options", options },
	{ "files", files },
	{ "own-namespace", own_namespace },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

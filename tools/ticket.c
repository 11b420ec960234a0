// SPDX-License-Identifier: GPL-2.0-or-later
/* See ticket.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <netinet/quic.h>

#include "common.h"
#include "ticket.h"

#define TAKE_NS		NSEC_PER_SEC	/* servers send it right after the handshake */

int ticket_load(struct ticket *t, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
	ssize_t n;

	t->len = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	n = read(fd, t->data, sizeof(t->data));
	if (n < 0)
		err = -errno;
	else
		t->len = n;
	close(fd);
	return err;
}

static int write_new(const struct ticket *t, int fd)
{
	int err = write_all(fd, t->data, t->len);

	return close(fd) && !err ? -errno : err;
}

/* mkstemp() lets nobody else read it. */
int ticket_store(const struct ticket *t, const char *path)
{
	char *temporary;
	int fd, err;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return -ENOMEM;
	fd = mkostemp(temporary, O_CLOEXEC);
	err = fd < 0 ? -errno : write_new(t, fd);
	if (!err && rename(temporary, path))
		err = -errno;
	if (err && fd >= 0)
		unlink(temporary);
	free(temporary);
	return err;
}

int ticket_take(struct ticket *t, void *session)
{
	uint64_t end = now_ns() + TAKE_NS;
	int err;

	for (;;) {
		t->len = sizeof(t->data);
		err = quic_session_get_data(session, t->data, &t->len);
		if (err)
			t->len = 0;
		if (err != -EAGAIN || now_ns() > end)
			return err;
		sleep_ns(10 * NSEC_PER_MSEC);
	}
}

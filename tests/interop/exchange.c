// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is exchanged: files that are sent are mapped, so that a stream can give
 * any part of them at any time; files that are received are written as their
 * bytes come, in order.  Names never leave their folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "endpoint.h"

#define FILE_PATH_SIZE	(4096)

static int map_fd(struct file *f, int fd)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EISDIR;
	f->len = st.st_size;
	if (!f->len)
		return 0;
	p = mmap(NULL, f->len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	f->data = p;
	return 0;
}

int file_map(struct file *f, const char *dir, const char *path)
{
	char full[FILE_PATH_SIZE];
	int fd, err;

	memset(f, 0, sizeof(*f));
	if (strstr(path, ".."))
		return -EACCES;
	snprintf(full, sizeof(full), "%s%s%s", dir, *dir ? "/" : "", path);
	full[strcspn(full, "?#")] = 0;
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = map_fd(f, fd);
	close(fd);
	return err;
}

void file_unmap(struct file *f)
{
	if (f->data)
		munmap((void *)f->data, f->len);
	memset(f, 0, sizeof(*f));
}

int file_create(const char *dir, const char *path)
{
	char full[FILE_PATH_SIZE], name[256];
	const char *base = strrchr(path, '/');
	int fd;

	base = base ? base + 1 : path;
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(base, "?#"), base);
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		strcpy(name, "index.html");
	snprintf(full, sizeof(full), "%s/%s", dir, name);
	fd = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	return fd < 0 ? -errno : fd;
}

/* A client keeps what answers its requests, a server what is uploaded. */
static int open_sink(struct stream *s)
{
	const char *dir = opt.server ? opt.uploads : opt.downloads;

	if (s->sink >= 0 || !dir)
		return 0;
	s->sink = file_create(dir, s->path);
	return s->sink < 0 ? s->sink : 0;
}

int stream_sink(struct stream *s, const uint8_t *data, size_t len)
{
	int err = open_sink(s);
	ssize_t n;

	if (err)
		return err;
	s->received += len;
	while (s->sink >= 0 && len) {
		n = write(s->sink, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		len -= n;
	}
	return 0;
}

void stream_input_end(struct stream *s, bool ok)
{
	if (s->in_done)
		return;
	s->in_done = true;
	if (s->request) {
		if (ok && open_sink(s))		/* an empty file is a file */
			ok = false;
		s->request->done = true;
		s->request->ok = ok;
		say("%s: %s, %llu bytes\n", s->path, ok ? "done" : "failed",
		    (unsigned long long)s->received);
	}
	if (s->sink >= 0 && close(s->sink) && s->request)
		s->request->ok = false;
	s->sink = -1;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Files with keys: read whole, wiped when done.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "internal.h"

#define FILE_MAX	(4U << 20)	/* a bundle of CA certificates is 200 KiB */
#define PSK_KEY_MAX	512
#define PSK_COUNT_MAX	65536

void lq_file_free(struct lq_data *data)
{
	if (data->data)
		explicit_bzero(data->data, data->size);
	free(data->data);
	data->data = NULL;
	data->size = 0;
}

/* Room is doubled; the old copy is wiped, which realloc() would not do. */
static int grow(struct lq_data *data, size_t *room)
{
	size_t bigger = *room ? *room * 2 : 4096;
	unsigned char *to;

	if (bigger > FILE_MAX)
		return -EFBIG;
	to = malloc(bigger);
	if (!to)
		return -ENOMEM;
	if (data->size)
		memcpy(to, data->data, data->size);
	if (data->data)
		explicit_bzero(data->data, data->size);
	free(data->data);
	data->data = to;
	*room = bigger;
	return 0;
}

/* One byte of room is kept for a NUL, which size does not count. */
static int read_all(int fd, struct lq_data *data)
{
	size_t room = 0;
	ssize_t n;
	int err;

	for (;;) {
		if (data->size + 1 >= room) {
			err = grow(data, &room);
			if (err)
				return err;
		}
		n = read(fd, data->data + data->size, room - data->size - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data->data[data->size + (size_t)n] = '\0';
		if (!n)
			return 0;
		data->size += (unsigned int)n;
	}
}

int lq_file_read(const char *path, const char *what, struct lq_data *to)
{
	int err = 0, fd;

	to->data = NULL;
	to->size = 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		err = -errno;
	else
		err = read_all(fd, to);
	if (fd >= 0)
		close(fd);
	if (err) {
		lq_file_free(to);
		lq_log(QUIC_LOG_ERROR, "%s '%s': %s", what, path, strerror(-err));
	}
	return err;
}

/* PSK files: identity:hexkey; the last colon counts, '#' starts a comment line */

void lq_psk_free(struct lq_psk *psks, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		free(psks[i].identity);
		if (psks[i].key)
			explicit_bzero(psks[i].key, psks[i].key_len);
		free(psks[i].key);
	}
	free(psks);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int parse_hex(const char *hex, struct lq_psk *psk)
{
	size_t i, len = strlen(hex);
	int high, low;

	if (!len || len % 2 || len / 2 > PSK_KEY_MAX)
		return -EBADMSG;
	psk->key = malloc(len / 2);
	if (!psk->key)
		return -ENOMEM;
	psk->key_len = (unsigned int)(len / 2);
	for (i = 0; i < len; i += 2) {
		high = hex_digit(hex[i]);
		low = hex_digit(hex[i + 1]);
		if (high < 0 || low < 0)
			return -EBADMSG;
		psk->key[i / 2] = (unsigned char)(high << 4 | low);
	}
	return 0;
}

static int parse_line(char *line, struct lq_psk *psk)
{
	char *colon = strrchr(line, ':');

	memset(psk, 0, sizeof(*psk));
	if (!colon || colon == line)
		return -EBADMSG;
	*colon = '\0';
	psk->identity = strdup(line);
	return psk->identity ? parse_hex(colon + 1, psk) : -ENOMEM;
}

static int add_psk(struct lq_psk **psks, size_t *count, char *line)
{
	struct lq_psk *bigger;

	if (*count >= PSK_COUNT_MAX)
		return -E2BIG;
	/* Pointers only: the keys themselves do not move. */
	if (!(*count & (*count - 1))) {
		bigger = realloc(*psks, (*count ? *count * 2 : 1) * sizeof(**psks));
		if (!bigger)
			return -ENOMEM;
		*psks = bigger;
	}
	return parse_line(line, &(*psks)[(*count)++]);
}

int lq_psk_read(const char *path, struct lq_psk **psks, size_t *count)
{
	unsigned int number = 0;
	char *line, *next;
	struct lq_data text;
	int err;

	*psks = NULL;
	*count = 0;
	err = lq_file_read(path, "PSK file", &text);
	if (err)
		return err;

	for (line = (char *)text.data; line && !err; line = next) {
		number++;
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		line[strcspn(line, "\r")] = '\0';
		if (*line && *line != '#')
			err = add_psk(psks, count, line);
	}
	if (err)
		lq_log(QUIC_LOG_ERROR, "PSK file '%s', line %u: %s", path, number,
		       err == -EBADMSG ? "not of the form identity:hexkey" : strerror(-err));
	else if (!*count)
		lq_log(QUIC_LOG_ERROR, "PSK file '%s' holds no key", path);
	if (!err && !*count)
		err = -EBADMSG;
	if (err) {
		lq_psk_free(*psks, *count);
		*psks = NULL;
		*count = 0;
	}
	lq_file_free(&text);
	return err;
}

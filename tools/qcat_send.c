// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sending half of a qcat session: one thread for plain data, one for each
 * part of a file.  A thread that finds the connection closed just ends: the
 * receiving thread learns the reason from the same socket.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <netinet/quic.h>

#include "common.h"
#include "net.h"
#include "qcat.h"

#define SEND_BUF	(128 << 10)
#define BEGIN_SECONDS	1

struct part_job {
	struct session		*s;
	struct part_header	header;
	pthread_t		thread;
};

static int64_t stream_open(struct session *s, uint32_t flags)
{
	struct quic_stream_info info = { .stream_id = -1, .stream_flags = flags };
	socklen_t len = sizeof(info);

	if (getsockopt(s->sd, SOL_QUIC, QUIC_SOCKOPT_STREAM_OPEN, &info, &len))
		return -errno;
	return info.stream_id;
}

static int64_t choose_stream(struct session *s, bool data)
{
	int64_t sid;

	pthread_mutex_lock(&s->lock);
	while (s->opts->server && !data && s->send_sid < 0 && s->peer_sid < 0)
		pthread_cond_wait(&s->peer_opened, &s->lock);
	if (s->send_sid < 0)
		s->send_sid = s->peer_sid >= 0 ? s->peer_sid : stream_open(s, 0);
	sid = s->send_sid;
	pthread_mutex_unlock(&s->lock);
	return sid;
}

void send_peer_opened(struct session *s, int64_t sid)
{
	pthread_mutex_lock(&s->lock);
	if (s->peer_sid < 0) {
		s->peer_sid = sid;
		pthread_cond_broadcast(&s->peer_opened);
	}
	pthread_mutex_unlock(&s->lock);
}

static void begun(struct session *s)
{
	pthread_mutex_lock(&s->lock);
	s->begun = true;
	pthread_cond_broadcast(&s->has_begun);
	pthread_mutex_unlock(&s->lock);
}

/* All of it; what the kernel takes at once is the beginning that somebody may wait for. */
static int send_data(struct session *s, const uint8_t *buf, size_t len, int64_t sid, bool fin)
{
	ssize_t n = quic_sendmsg(s->sd, buf, len, sid,
				 MSG_DONTWAIT | (fin ? MSG_QUIC_STREAM_FIN : 0));

	begun(s);
	if (n < 0)
		return net_quic_send(s->sd, buf, len, sid, fin, &s->sent);
	atomic_fetch_add(&s->sent, n);
	return (size_t)n < len ? net_quic_send(s->sd, buf + n, len - n, sid, fin, &s->sent) : 0;
}

/*
 * A client opens a stream of its own at once.  A server answers on the
 * client's stream; with data before the client has spoken it opens one too.
 */
static void *send_plain(void *arg)
{
	struct session *s = arg;
	uint8_t *buf = xcalloc(1, SEND_BUF);
	int64_t sid;
	ssize_t n;

	do {
		n = s->in_fd < 0 ? 0 : read(s->in_fd, buf, SEND_BUF);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die(EX_LOCAL, "read: %s", strerror(errno));
		sid = choose_stream(s, n > 0);
		if (sid < 0 || send_data(s, buf, n, sid, !n))
			break;
	} while (n);
	begun(s);
	free(buf);
	return NULL;
}

static int send_part_data(struct session *s, const struct part_header *h, int64_t sid,
			  uint8_t *buf)
{
	uint64_t at = 0;
	size_t want;
	ssize_t n;
	int err;

	while (at < h->length) {
		want = h->length - at < SEND_BUF ? h->length - at : SEND_BUF;
		n = pread(s->in_fd, buf, want, h->offset + at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die(EX_LOCAL, "read: %s", strerror(errno));
		if (!n)
			die(EX_LOCAL, "the file became shorter while it was sent");
		at += n;
		err = send_data(s, buf, n, sid, at == h->length);
		if (err)
			return err;
	}
	return 0;
}

static void *send_part(void *arg)
{
	struct part_job *job = arg;
	struct session *s = job->s;
	uint8_t raw[PART_HEADER_LEN];
	uint8_t *buf = xcalloc(1, SEND_BUF);
	int64_t sid = stream_open(s, MSG_QUIC_STREAM_UNI);

	part_encode(raw, &job->header);
	if (sid >= 0 && !net_quic_send(s->sd, raw, sizeof(raw), sid, !job->header.length, NULL))
		send_part_data(s, &job->header, sid, buf);
	begun(s);
	free(buf);
	return NULL;
}

static void thread_start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	int err = pthread_create(thread, NULL, fn, arg);

	if (err)
		die(EX_LOCAL, "thread: %s", strerror(err));
	pthread_detach(*thread);
}

/* The jobs live as long as the session, that is the process. */
static void send_parts(struct session *s)
{
	struct part_job *job = xcalloc(s->opts->streams, sizeof(*job));
	unsigned int i;

	for (i = 0; i < s->opts->streams; i++) {
		job[i].s = s;
		job[i].header.index = i;
		job[i].header.count = s->opts->streams;
		job[i].header.total = s->in_size;
		part_range(&job[i].header);
		thread_start(&job[i].thread, send_part, &job[i]);
	}
}

void send_start(struct session *s)
{
	pthread_t thread;

	if (s->opts->streams && s->in_fd >= 0)
		send_parts(s);
	else
		thread_start(&thread, send_plain, s);
}

/*
 * Until a thread has had the first of the input sent, if there is some at once: what
 * comes after the handshake is no 0-RTT.  Not for ever: the stream may have to wait for it.
 */
void send_await_begin(struct session *s)
{
	struct pollfd p = { .fd = s->in_fd, .events = POLLIN };
	struct timespec until;

	if (s->in_fd >= 0 && poll(&p, 1, 0) < 1)
		return;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += BEGIN_SECONDS;
	pthread_mutex_lock(&s->lock);
	while (!s->begun && !pthread_cond_timedwait(&s->has_begun, &s->lock, &until))
		;
	pthread_mutex_unlock(&s->lock);
}

int send_verdict(struct session *s)
{
	uint8_t raw[VERDICT_LEN];
	int64_t sid = stream_open(s, MSG_QUIC_STREAM_UNI);

	if (sid < 0)
		return sid;
	s->verdict_sid = sid;
	verdict_encode(raw, s->parts.received);
	return net_quic_send(s->sd, raw, sizeof(raw), sid, true, NULL);
}

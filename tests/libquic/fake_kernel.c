// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See fake_kernel.h.  One lock and one condition for both sockets: client and
 * server may run in two threads, or step by step in one.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/uio.h>

#include "fake_kernel.h"
#include "fake_stream.h"

struct fake_socket fake[2];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

ssize_t __real_sendmsg(int fd, const struct msghdr *hdr, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *hdr, int flags);
int __real_setsockopt(int fd, int level, int name, const void *val, socklen_t len);
int __real_getsockopt(int fd, int level, int name, void *val, socklen_t *len);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __real_shutdown(int fd, int how);
void *__real_calloc(size_t n, size_t size);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *hdr, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *hdr, int flags);
int __wrap_setsockopt(int fd, int level, int name, const void *val, socklen_t len);
int __wrap_getsockopt(int fd, int level, int name, void *val, socklen_t *len);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_shutdown(int fd, int how);

static const char level_name[] = { 'a', 'i', 'h', 'e' };

static struct fake_socket *lookup(int fd)
{
	return fd == FAKE_FD || fd == FAKE_FD + 1 ? &fake[fd - FAKE_FD] : NULL;
}

static int fail(int err)
{
	errno = err;
	return -1;
}

__attribute__((format(printf, 2, 3)))
static void note(struct fake_socket *s, const char *fmt, ...)
{
	size_t len = strlen(s->trace);
	va_list ap;

	if (len + 1 >= FAKE_TRACE)	/* full: of sockets that are fed in small pieces */
		return;
	va_start(ap, fmt);
	if (len)
		s->trace[len++] = ' ';
	vsnprintf(s->trace + len, FAKE_TRACE - len, fmt, ap);
	va_end(ap);
}

void fake_free(void)
{
	struct fake_message *m;
	int i;

	for (i = 0; i < 2; i++) {
		while ((m = fake[i].in)) {
			fake[i].in = m->next;
			free(m);
		}
	}
}

void fake_reset(void)
{
	int i;

	fake_free();
	memset(fake, 0, sizeof(fake));
	for (i = 0; i < 2; i++) {
		fake[i].is_server = i;
		fake[i].peer = &fake[!i];
		fake[i].params_len = 40 + i;
		memset(fake[i].params, 0x11 + i, sizeof(fake[i].params));
		memset(fake[i].ticket_key, 0x42, sizeof(fake[i].ticket_key));
	}
}

bool fake_established(const struct fake_socket *s)
{
	return s->have_secret[QUIC_CRYPTO_APP][0] && s->have_secret[QUIC_CRYPTO_APP][1];
}

static void queue(struct fake_socket *to, int level, const void *data, size_t len)
{
	struct fake_message **end = &to->in;
	struct fake_message *m;

	if (to->deaf)
		return;
	m = __real_calloc(1, sizeof(*m) + len);	/* memory_test.c makes calloc() fail */
	if (!m)
		abort();
	m->level = level;
	m->len = len;
	memcpy(m->data, data, len);
	if (to->garble && !--to->garble)
		m->data[len / 2] ^= 0x10;
	while (*end)
		end = &(*end)->next;
	*end = m;
	/* The kernel keeps a client's NewSessionTicket. */
	if (level == QUIC_CRYPTO_APP && to->ticket_len + len <= sizeof(to->ticket)) {
		memcpy(to->ticket + to->ticket_len, data, len);
		to->ticket_len += len;
	}
}

void fake_inject(struct fake_socket *to, int level, const void *data, size_t len)
{
	pthread_mutex_lock(&lock);
	queue(to, level, data, len);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

/* Sets errno for a call that a fault hits. */
static bool fault(struct fake_socket *s)
{
	s->calls++;
	if (s->intr_every && s->calls % s->intr_every == 0)
		errno = EINTR;
	else if (s->again_every && s->calls % s->again_every == 0)
		errno = EAGAIN;
	else
		return false;
	return true;
}

static int handshake_level(const struct msghdr *hdr)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR((struct msghdr *)hdr);

	if (!cmsg || cmsg->cmsg_level != SOL_QUIC || cmsg->cmsg_type != QUIC_HANDSHAKE_INFO)
		return -1;
	return *CMSG_DATA(cmsg);
}

static ssize_t do_send(struct fake_socket *s, const struct msghdr *hdr, int flags)
{
	size_t len = hdr->msg_iov[0].iov_len;
	int level = handshake_level(hdr);

	if (s->closed || s->is_shut)
		return fail(EPIPE);
	if (level < 0 || level >= QUIC_CRYPTO_MAX)
		return fail(EINVAL);
	if (level != QUIC_CRYPTO_INITIAL && !s->have_secret[level][1])
		return fail(EINVAL);
	if (!(flags & MSG_DONTWAIT) || !(flags & MSG_NOSIGNAL) ||
	    flags & ~(MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE))
		return fail(EINVAL);
	if (fault(s))
		return -1;
	if (s->send_limit && len > s->send_limit)
		len = s->send_limit;
	note(s, ">%c%s", level_name[level], flags & MSG_MORE ? "M" : "");
	queue(s->peer, level, hdr->msg_iov[0].iov_base, len);
	return (ssize_t)len;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *hdr, int flags)
{
	struct fake_socket *s = lookup(fd);
	ssize_t n;

	if (fd == STREAM_FD)
		return fake_stream_send(hdr, flags);
	if (!s)
		return __real_sendmsg(fd, hdr, flags);
	pthread_mutex_lock(&lock);
	n = do_send(s, hdr, flags);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return n;
}

static ssize_t do_recv(struct fake_socket *s, struct msghdr *hdr, bool peek)
{
	struct quic_handshake_info info = { 0 };
	struct fake_message *m = s->in;
	size_t len = hdr->msg_iov[0].iov_len;
	struct cmsghdr *cmsg;

	if (s->recv_errno)
		return fail(s->recv_errno);
	if (!m && s->closed)
		return fail(ENOTCONN);
	if (!m && s->app_data && peek) {
		s->app_peeks++;
		hdr->msg_controllen = 0;
		return 1;
	}
	if (!m)
		return fail(s->app_data ? EINVAL : EAGAIN);
	if (fault(s))
		return -1;

	info.crypto_level = m->level;
	cmsg = CMSG_FIRSTHDR(hdr);
	if (!cmsg || hdr->msg_controllen < CMSG_SPACE(sizeof(info)))
		return fail(EINVAL);
	cmsg->cmsg_level = SOL_QUIC;
	cmsg->cmsg_type = QUIC_HANDSHAKE_INFO;
	cmsg->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
	hdr->msg_controllen = CMSG_SPACE(sizeof(info));

	if (len > m->len - m->done)
		len = m->len - m->done;
	if (s->chunk && len > s->chunk)
		len = s->chunk;
	memcpy(hdr->msg_iov[0].iov_base, m->data + m->done, len);
	if (peek)
		return (ssize_t)len;
	m->done += len;
	if (m->done == m->len) {
		note(s, "<%c", level_name[m->level]);
		s->in = m->next;
		free(m);
	}
	return (ssize_t)len;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *hdr, int flags)
{
	struct fake_socket *s = lookup(fd);
	ssize_t n;

	if (fd == STREAM_FD)
		return fake_stream_recv(hdr, flags);
	if (!s)
		return __real_recvmsg(fd, hdr, flags);
	pthread_mutex_lock(&lock);
	n = flags & MSG_DONTWAIT ? do_recv(s, hdr, flags & MSG_PEEK) : fail(EINVAL);
	pthread_mutex_unlock(&lock);
	return n;
}

static int set_secret(struct fake_socket *s, const void *val, socklen_t len)
{
	struct quic_crypto_secret secret;
	bool send;

	if (len != sizeof(secret))
		return EINVAL;
	memcpy(&secret, val, sizeof(secret));
	send = secret.send;
	if (secret.level == QUIC_CRYPTO_EARLY && s->no_early)
		return ENOPROTOOPT;
	if (secret.level >= QUIC_CRYPTO_MAX || secret.level == QUIC_CRYPTO_INITIAL)
		return EINVAL;
	if (s->have_secret[secret.level][send])
		return EINVAL;
	s->have_secret[secret.level][send] = true;
	s->secret[secret.level][send] = secret;
	note(s, "+%c%c", level_name[secret.level], send ? 'w' : 'r');
	return 0;
}

static int set_close(struct fake_socket *s, const void *val, socklen_t len)
{
	struct quic_connection_close close;

	if (len < sizeof(close))
		return EINVAL;
	memcpy(&close, val, sizeof(close));
	s->close_code = close.errcode;
	len -= sizeof(close);
	if (len >= sizeof(s->peer->peer_phrase))
		return EINVAL;
	memcpy(s->peer->peer_phrase, (const char *)val + sizeof(close), len);
	s->peer->peer_phrase[len] = '\0';
	note(s, "C%x", close.errcode);
	return 0;
}

static int set_params(struct fake_socket *s, const void *val, socklen_t len)
{
	if (s->bad_params) {
		s->closed = true;
		s->peer->closed = true;
		s->peer->peer_close_code = QUIC_TRANSPORT_ERROR_TRANSPORT_PARAM;
		return EINVAL;
	}
	if (s->peer_params_len || len > sizeof(s->peer_params))
		return EINVAL;
	memcpy(s->peer_params, val, len);
	s->peer_params_len = len;
	note(s, "ps");
	return 0;
}

static int do_set(struct fake_socket *s, int name, const void *val, socklen_t len)
{
	switch (name) {
	case QUIC_SOCKOPT_TRANSPORT_PARAM:
		if (!s->has_params || len != sizeof(s->remembered))
			return EINVAL;
		memcpy(&s->remembered, val, len);
		note(s, "r");
		return 0;
	case QUIC_SOCKOPT_CRYPTO_SECRET:
		return set_secret(s, val, len);
	case QUIC_SOCKOPT_TRANSPORT_PARAM_EXT:
		return set_params(s, val, len);
	case QUIC_SOCKOPT_CONNECTION_CLOSE:
		return set_close(s, val, len);
	case QUIC_SOCKOPT_ALPN:
		if (!len || len > 256)
			return EINVAL;
		memcpy(s->alpn, val, len);
		s->alpn[len] = '\0';
		note(s, "A");
		return 0;
	default:
		return ENOPROTOOPT;
	}
}

int __wrap_setsockopt(int fd, int level, int name, const void *val, socklen_t len)
{
	struct fake_socket *s = lookup(fd);
	int err;

	if (!s)
		return __real_setsockopt(fd, level, name, val, len);
	pthread_mutex_lock(&lock);
	err = level == SOL_QUIC ? do_set(s, name, val, len) : ENOPROTOOPT;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return err ? fail(err) : 0;
}

static int give(void *val, socklen_t *len, const void *from, size_t from_len)
{
	if (*len < from_len)
		return EINVAL;
	if (from_len)
		memcpy(val, from, from_len);
	*len = from_len;
	return 0;
}

static int get_close(struct fake_socket *s, void *val, socklen_t *len)
{
	struct quic_connection_close close = { .errcode = s->peer_close_code };
	unsigned char buf[sizeof(close) + sizeof(s->peer_phrase)];
	size_t phrase = strlen(s->peer_phrase);

	memcpy(buf, &close, sizeof(close));
	memcpy(buf + sizeof(close), s->peer_phrase, phrase);
	return give(val, len, buf, sizeof(close) + phrase);
}

static int do_get(struct fake_socket *s, int name, void *val, socklen_t *len)
{
	struct quic_config config = { .payload_cipher_type = s->cipher, .version = s->version };
	struct quic_transport_param params = { .remote = 1, .max_data = 4711 };

	switch (name) {
	case QUIC_SOCKOPT_TRANSPORT_PARAM:
		return s->has_params ? give(val, len, &params, sizeof(params)) : ENOPROTOOPT;
	case QUIC_SOCKOPT_TOKEN:
		return s->is_server ? EINVAL : give(val, len, NULL, 0);
	case QUIC_SOCKOPT_TRANSPORT_PARAM_EXT:
		note(s, "pg");
		return give(val, len, s->params, s->params_len);
	case QUIC_SOCKOPT_SESSION_TICKET:
		if (s->no_tickets)
			return ENOPROTOOPT;
		return s->is_server ? give(val, len, s->ticket_key, sizeof(s->ticket_key)) :
				      give(val, len, s->ticket, s->ticket_len);
	case QUIC_SOCKOPT_CONNECTION_CLOSE:
		return get_close(s, val, len);
	case QUIC_SOCKOPT_CONFIG:
		return give(val, len, &config, sizeof(config));
	default:
		return ENOPROTOOPT;
	}
}

int __wrap_getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	struct fake_socket *s = lookup(fd);
	int err;

	if (!s)
		return __real_getsockopt(fd, level, name, val, len);
	pthread_mutex_lock(&lock);
	err = level == SOL_QUIC ? do_get(s, name, val, len) : ENOPROTOOPT;
	pthread_mutex_unlock(&lock);
	return err ? fail(err) : 0;
}

int __wrap_shutdown(int fd, int how)
{
	struct fake_socket *s = lookup(fd);

	if (!s)
		return __real_shutdown(fd, how);
	pthread_mutex_lock(&lock);
	if (!s->is_shut) {
		note(s, "S");
		s->is_shut = true;
		s->peer->closed = true;
		s->peer->peer_close_code = s->close_code;
	}
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return 0;
}

static short ready(const struct fake_socket *s)
{
	short mask = s->closed || s->is_shut ? POLLHUP : POLLOUT;

	if (s->in || s->closed || s->recv_errno || s->app_data)
		mask |= POLLIN;
	return mask;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	struct fake_socket *s = n == 1 ? lookup(fds[0].fd) : NULL;
	struct timespec until;
	int err = 0;

	if (!s)
		return __real_poll(fds, n, timeout);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout / 1000;
	until.tv_nsec += (long)(timeout % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}

	pthread_mutex_lock(&lock);
	if (s->intr_every && ++s->calls % s->intr_every == 0) {
		pthread_mutex_unlock(&lock);
		return fail(EINTR);
	}
	for (;;) {
		fds[0].revents = ready(s) & (fds[0].events | POLLHUP | POLLERR);
		if (fds[0].revents || err)
			break;
		err = pthread_cond_clockwait(&changed, &lock, CLOCK_MONOTONIC, &until);
	}
	pthread_mutex_unlock(&lock);
	return fds[0].revents ? 1 : 0;
}

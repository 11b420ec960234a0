// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The kernel's side of a handshake: CRYPTO messages, secrets and the close.
 *
 * One queue holds messages and secrets, so that the kernel gets a level's keys
 * before what is sent with them, and a level's last bytes before the keys that
 * let it start with the next one.  Every message but the last of a flight
 * carries MSG_MORE, so that a flight shares packets.  All calls are made with
 * MSG_DONTWAIT: whether the socket blocks does not matter here.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "flight.h"

#define ALERT_ERROR_FIRST	QUIC_TRANSPORT_ERROR_CRYPTO
#define ALERT_ERROR_LAST	(QUIC_TRANSPORT_ERROR_CRYPTO + 0xff)
#define PHRASE_MAX		1024

struct lq_item {
	struct lq_item *next;
	bool is_secret;
	uint8_t level;
	size_t len, done;
	unsigned char data[];
};

union handshake_control {
	struct cmsghdr align;
	unsigned char bytes[CMSG_SPACE(sizeof(struct quic_handshake_info))];
};

void lq_flight_init(struct lq_flight *flight, int sd)
{
	flight->sd = sd;
	flight->first = NULL;
	flight->end = &flight->first;
}

static struct lq_item *add_item(struct lq_flight *flight, const void *data, size_t len)
{
	struct lq_item *item = calloc(1, sizeof(*item) + len);

	if (!item)
		return NULL;
	item->len = len;
	memcpy(item->data, data, len);
	*flight->end = item;
	flight->end = &item->next;
	return item;
}

static void drop_first(struct lq_flight *flight)
{
	struct lq_item *item = flight->first;

	flight->first = item->next;
	if (!flight->first)
		flight->end = &flight->first;
	explicit_bzero(item->data, item->len);
	free(item);
}

void lq_flight_free(struct lq_flight *flight)
{
	while (flight->first)
		drop_first(flight);
}

int lq_flight_add_message(struct lq_flight *flight, uint8_t level, const void *data, size_t len)
{
	struct lq_item *item = add_item(flight, data, len);

	if (!item)
		return -ENOMEM;
	item->level = level;
	return 0;
}

int lq_flight_add_secret(struct lq_flight *flight, const struct quic_crypto_secret *secret)
{
	struct lq_item *item = add_item(flight, secret, sizeof(*secret));

	if (!item)
		return -ENOMEM;
	item->is_secret = true;
	return 0;
}

static bool more_messages(const struct lq_item *item)
{
	for (item = item->next; item; item = item->next)
		if (!item->is_secret)
			return true;
	return false;
}

static int send_message(int sd, struct lq_item *item)
{
	struct iovec iov = { item->data + item->done, item->len - item->done };
	struct quic_handshake_info info = { .crypto_level = item->level };
	struct msghdr hdr = { .msg_iov = &iov, .msg_iovlen = 1 };
	int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	union handshake_control control;
	struct cmsghdr *cmsg;
	ssize_t n;

	memset(&control, 0, sizeof(control));
	hdr.msg_control = control.bytes;
	hdr.msg_controllen = sizeof(control.bytes);
	cmsg = CMSG_FIRSTHDR(&hdr);
	cmsg->cmsg_level = SOL_QUIC;
	cmsg->cmsg_type = QUIC_HANDSHAKE_INFO;
	cmsg->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
	if (more_messages(item))
		flags |= MSG_MORE;

	do {
		n = sendmsg(sd, &hdr, flags);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EWOULDBLOCK || errno == ENOSPC ? -EAGAIN : -errno;
	item->done += n;
	return item->done == item->len ? 0 : -EAGAIN;
}

int lq_secret_set(int sd, const struct quic_crypto_secret *secret)
{
	int err;

	do {
		err = setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_CRYPTO_SECRET, secret,
				 sizeof(*secret)) ? -errno : 0;
	} while (err == -EINTR);
	return err;
}

/* A partial send is tried again at once: only a full refusal asks to wait. */
static int flush_first(struct lq_flight *flight)
{
	struct lq_item *item = flight->first;
	struct quic_crypto_secret secret;
	size_t before;
	int err;

	if (item->is_secret) {
		memcpy(&secret, item->data, sizeof(secret));
		err = lq_secret_set(flight->sd, &secret);
		explicit_bzero(&secret, sizeof(secret));
		return err;
	}
	do {
		before = item->done;
		err = send_message(flight->sd, item);
	} while (err == -EAGAIN && item->done != before);
	return err;
}

int lq_flight_flush(struct lq_flight *flight, struct lq_failure *failure)
{
	int err;

	while (flight->first) {
		err = flush_first(flight);
		if (err == -EAGAIN)
			return err;
		if (err) {
			lq_fail(failure, err, -1, "%s refused by the kernel: %s",
				flight->first->is_secret ? "secret" : "handshake message",
				strerror(-err));
			return err;
		}
		drop_first(flight);
	}
	return 0;
}

/* Sets *level to -1 for what is not a CRYPTO message. */
static void read_level(struct msghdr *hdr, int *level)
{
	struct cmsghdr *cmsg;

	*level = -1;
	for (cmsg = CMSG_FIRSTHDR(hdr); cmsg; cmsg = CMSG_NXTHDR(hdr, cmsg))
		if (cmsg->cmsg_level == SOL_QUIC && cmsg->cmsg_type == QUIC_HANDSHAKE_INFO &&
		    cmsg->cmsg_len > CMSG_LEN(0))
			*level = *CMSG_DATA(cmsg);
}

/* Sets *empty if there was nothing at all: the connection is at its end. */
static ssize_t receive(int sd, void *data, size_t size, int flags, int *level, bool *empty)
{
	struct iovec iov = { data, size };
	union handshake_control control;
	struct msghdr hdr;
	ssize_t n;

	do {
		memset(&hdr, 0, sizeof(hdr));
		hdr.msg_iov = &iov;
		hdr.msg_iovlen = 1;
		hdr.msg_control = control.bytes;
		hdr.msg_controllen = sizeof(control.bytes);
		n = recvmsg(sd, &hdr, flags | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;

	read_level(&hdr, level);
	/* a datagram may be without data, and a FIN comes with the stream's number alone */
	*empty = !n && !hdr.msg_controllen && !(hdr.msg_flags & MSG_QUIC_DATAGRAM);
	return n;
}

/*
 * Events and 0-RTT data belong to the program: a look at what comes next
 * leaves them where they are.  CRYPTO messages come before them, so that
 * there is none when something else is seen.
 */
ssize_t lq_crypto_recv(int sd, void *data, size_t size, int *level)
{
	unsigned char byte;
	bool empty;
	ssize_t n;

	n = receive(sd, &byte, sizeof(byte), MSG_PEEK, level, &empty);
	if (n < 0 || empty)
		return n;
	if (*level < 0)
		return -EBUSY;
	return receive(sd, data, size, 0, level, &empty);
}

static void fail_errcode(const struct quic_connection_close *close, size_t phrase_len,
			 struct lq_failure *failure)
{
	int alert = (int)close->errcode - ALERT_ERROR_FIRST;
	char phrase[128];

	if (phrase_len && !close->phrase[phrase_len - 1])
		phrase_len--;
	lq_printable(phrase, sizeof(phrase), close->phrase, phrase_len);
	if (close->errcode >= ALERT_ERROR_FIRST && close->errcode <= ALERT_ERROR_LAST) {
		if (!strcmp(phrase, lq_alert_name(alert)))
			*phrase = '\0';
		lq_fail(failure, lq_alert_errno(alert), -1, "peer sent TLS alert: %s (%d)%s%s",
			lq_alert_name(alert), alert, *phrase ? ": " : "", phrase);
	} else {
		lq_fail(failure, close->errcode == QUIC_TRANSPORT_ERROR_CONNECTION_REFUSED ?
			-ECONNREFUSED : -ECONNRESET, -1,
			"peer closed the connection, error 0x%x, frame 0x%x%s%s", close->errcode,
			close->frame, *phrase ? ": " : "", phrase);
	}
}

static void fail_errno(int err, bool is_server, struct lq_failure *failure)
{
	const char *peer = is_server ? "client" : "server";

	switch (err) {
	case -ETIMEDOUT:
		lq_fail(failure, err, -1, "no answer from the %s", peer);
		break;
	case -ECONNREFUSED:
		lq_fail(failure, err, -1, "no %s at that address and port", peer);
		break;
	case -EPIPE:
	case -ENOTCONN:
	case -ECONNRESET:
		lq_fail(failure, -ECONNRESET, -1, "the %s closed the connection", peer);
		break;
	default:
		lq_fail(failure, err, -1, "connection lost: %s", strerror(-err));
	}
}

void lq_fail_closed(int sd, int err, bool is_server, struct lq_failure *failure)
{
	union {
		struct quic_connection_close close;
		unsigned char bytes[sizeof(struct quic_connection_close) + PHRASE_MAX];
	} u;
	socklen_t len = sizeof(u);

	failure->closed = true;
	memset(&u.close, 0, sizeof(u.close));
	if (!getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_CONNECTION_CLOSE, &u, &len) &&
	    len >= sizeof(u.close.errcode) && u.close.errcode)
		fail_errcode(&u.close, len > sizeof(u.close) ? len - sizeof(u.close) : 0, failure);
	else
		fail_errno(err, is_server, failure);
}

/* RFC 9001 §4.8: an alert becomes a CONNECTION_CLOSE of 0x100 + its number */
void lq_close(int sd, const struct lq_failure *failure)
{
	union {
		struct quic_connection_close close;
		unsigned char bytes[sizeof(struct quic_connection_close) + 64];
	} u;
	size_t len;

	if (failure->closed)
		return;
	if (failure->alert >= 0) {
		const char *phrase = lq_alert_name(failure->alert);

		memset(&u, 0, sizeof(u));
		u.close.errcode = ALERT_ERROR_FIRST + (uint32_t)failure->alert;
		len = strnlen(phrase, sizeof(u) - sizeof(u.close));
		memcpy(u.close.phrase, phrase, len);
		if (setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_CONNECTION_CLOSE, &u,
			       sizeof(u.close) + len))
			lq_log(QUIC_LOG_DEBUG, "close reason: %s", strerror(errno));
	}
	shutdown(sd, SHUT_WR);
}

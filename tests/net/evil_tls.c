// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The stand-in for TLS of the hostile peer and its victim.  The ClientHello is
 * well-formed, because a listener looks into it; the rest is a type, a length
 * and the transport parameters.  Secrets are the level and direction repeated.
 */
#include "evil.h"

enum { CLIENT_HELLO = 1, SERVER_HELLO = 2, FLIGHT = 8, FINISHED = 20 };

#define EXT_ALPN	16
#define EXT_PARAMS	0x39

static void secret(struct tls *t, uint8_t level, bool send)
{
	uint8_t s[QUIC_CRYPTO_SECRET_BUFFER_SIZE];

	/* of the server's sending direction: the same at both ends */
	memset(s, 16 * level + (send == t->server), sizeof(s));
	t->ops->secret(t->priv, level, send, s);
}

static void send_msg(struct tls *t, uint8_t level, uint8_t type, const uint8_t *body, size_t len)
{
	uint8_t *msg = malloc(4 + len);

	CHECK(msg);
	msg[0] = type;
	msg[1] = len >> 16;
	msg[2] = len >> 8;
	msg[3] = len;
	if (len)
		memcpy(msg + 4, body, len);
	t->ops->send(t->priv, level, msg, 4 + len);
	free(msg);
}

static void put_ext(struct quic_wr *w, uint16_t type, const void *data, size_t len)
{
	quic_wr_u16(w, type);
	quic_wr_u16(w, len);
	quic_wr_bytes(w, data, len);
}

/* RFC 8446 §4.1.2, without the message's header */
size_t tls_hello(uint8_t *buf, const uint8_t *params, size_t len, const char *alpn)
{
	static const uint8_t head[] = { 3, 3 };
	static const uint8_t suites[] = { 0, 0, 2, 0x13, 1, 1, 0 };
	uint8_t list[64], rnd[32];
	struct quic_wr w;
	uint8_t *ext_len;

	quic_wr_init(&w, buf, len + 300);	/* the rest takes less */
	quic_wr_bytes(&w, head, 2);
	memset(rnd, 7, sizeof(rnd));
	quic_wr_bytes(&w, rnd, 32);
	quic_wr_bytes(&w, suites, sizeof(suites));
	ext_len = quic_wr_take(&w, 2);
	put_ext(&w, EXT_PARAMS, params, len);
	if (alpn) {
		list[0] = 0;
		list[1] = strlen(alpn) + 1;
		list[2] = strlen(alpn);
		memcpy(list + 3, alpn, strlen(alpn));
		put_ext(&w, EXT_ALPN, list, 3 + strlen(alpn));
	}
	CHECK(!w.bad);
	ext_len[0] = (w.p - ext_len - 2) >> 8;
	ext_len[1] = w.p - ext_len - 2;
	return w.p - buf;
}

void tls_start(struct tls *t)
{
	uint8_t params[1024], hello[2048];
	size_t n = t->ops->get_params(t->priv, params, sizeof(params));

	n = tls_hello(hello, params, n, NULL);
	send_msg(t, QUIC_CRYPTO_INITIAL, CLIENT_HELLO, hello, n);
}

static void server_flight(struct tls *t)
{
	uint8_t *body = calloc(1, 1024 + t->flight);
	size_t n;

	CHECK(body);
	send_msg(t, QUIC_CRYPTO_INITIAL, SERVER_HELLO, body, 90);
	secret(t, QUIC_CRYPTO_HANDSHAKE, true);
	secret(t, QUIC_CRYPTO_HANDSHAKE, false);
	n = t->ops->get_params(t->priv, body + 2, 1022);
	body[0] = n >> 8;
	body[1] = n;
	send_msg(t, QUIC_CRYPTO_HANDSHAKE, FLIGHT, body, 2 + n + t->flight);
	secret(t, QUIC_CRYPTO_APP, true);
	free(body);
}

/* The parameters are the first extension of our ClientHello. */
#define HELLO_PARAMS	(2 + 32 + 7 + 2)

static void message(struct tls *t, uint8_t type, const uint8_t *body)
{
	switch (type) {
	case CLIENT_HELLO:
		body += HELLO_PARAMS + 2;
		t->ops->set_params(t->priv, body + 2, body[0] << 8 | body[1]);
		server_flight(t);
		break;
	case SERVER_HELLO:
		secret(t, QUIC_CRYPTO_HANDSHAKE, true);
		secret(t, QUIC_CRYPTO_HANDSHAKE, false);
		t->deaf = t->half;
		break;
	case FLIGHT:
		t->ops->set_params(t->priv, body + 2, body[0] << 8 | body[1]);
		send_msg(t, QUIC_CRYPTO_HANDSHAKE, FINISHED, body, 32);
		secret(t, QUIC_CRYPTO_APP, true);
		secret(t, QUIC_CRYPTO_APP, false);
		break;
	case FINISHED:
		secret(t, QUIC_CRYPTO_APP, false);
		break;
	default:
		FAIL("TLS message of type %u", type);
	}
}

void tls_input(struct tls *t, uint8_t level, const uint8_t *data, size_t len)
{
	uint8_t *buf = t->buf[level];
	size_t n;

	CHECK(t->len[level] + len <= sizeof(t->buf[level]));
	memcpy(buf + t->len[level], data, len);
	t->len[level] += len;
	while (!t->deaf && t->len[level] >= 4) {
		n = 4 + (buf[1] << 16 | buf[2] << 8 | buf[3]);
		if (t->len[level] < n)
			return;
		message(t, buf[0], buf + 4);
		t->len[level] -= n;
		memmove(buf, buf + n, t->len[level]);
	}
}

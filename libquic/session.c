// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What libquic keeps beside a session of the TLS library, and the calls that set it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tls.h"

/* What quic_session_get_data() puts before the TLS library's bytes. */
struct data_head {
	char magic[4];			/* QUIC */
	uint32_t version;		/* QUIC_VERSION_*: tickets are good in no other */
	struct quic_transport_param params;	/* the server's */
	uint8_t has_params;
	unsigned char check[LQ_HMAC_SIZE];	/* how the server was checked */
	uint8_t alpn_len;		/* of the protocol agreed on */
	char alpn[255];
};

static const char data_magic[4] = { 'Q', 'U', 'I', 'C' };

void lq_session_init(struct quic_session *s, void *tls)
{
	s->tls = tls;
	s->timeout_ms = QUIC_HANDSHAKE_TIMEOUT_MS;
}

void lq_session_clear(struct quic_session *s)
{
	free(s->alpns);
	free(s->hostname);
	free(s->keylogfile);
}

static int replace_string(char **to, const char *from)
{
	char *copy = NULL;

	if (from) {
		copy = strdup(from);
		if (!copy)
			return -ENOMEM;
	}
	free(*to);
	*to = copy;
	return 0;
}

/* Splits @text at its commas, in place; returns the count or a negative errno. */
static int split_alpns(char *text, struct lq_data names[QUIC_ALPN_COUNT_MAX])
{
	char *next, *name = text;
	int count = 0;

	for (; name; name = next) {
		next = strchr(name, ',');
		if (next)
			*next++ = '\0';
		name += strspn(name, " ");
		if (!*name || strlen(name) > 255)	/* RFC 7301 §3.1 */
			return -EINVAL;
		if (count == QUIC_ALPN_COUNT_MAX)
			return -E2BIG;
		names[count].data = (unsigned char *)name;
		names[count++].size = strlen(name);
	}
	return count;
}

int quic_session_set_alpn(void *session, const void *alpns, size_t len)
{
	struct lq_data names[QUIC_ALPN_COUNT_MAX];
	char text[QUIC_ALPN_MAX + 1];
	struct quic_session *s;
	int count, err;

	if (!session || !alpns || !len || len > QUIC_ALPN_MAX || memchr(alpns, '\0', len)) {
		lq_log(QUIC_LOG_ERROR, "ALPN list: 1 to %d bytes are allowed", QUIC_ALPN_MAX);
		return -EINVAL;
	}
	s = lq_session(session);
	if (!s)
		return -ENOMEM;

	memcpy(text, alpns, len);
	text[len] = '\0';
	err = replace_string(&s->alpns, text);
	if (err)
		return err;

	count = split_alpns(text, names);
	if (count < 0) {
		lq_log(QUIC_LOG_ERROR, "ALPN list '%s': %s", s->alpns,
		       count == -E2BIG ? "too many names" : "an empty or too long name");
		return count;
	}
	return lq_tls_set_alpn(s, names, (unsigned int)count);
}

/* Copies out with a size in and a length out; a NUL follows if there is room. */
static int copy_out(void *to, size_t *len, const void *from, size_t from_len)
{
	size_t room = *len;

	*len = from_len;
	if (!to || room < from_len)
		return -EMSGSIZE;
	if (from_len)
		memcpy(to, from, from_len);
	if (room > from_len)
		((char *)to)[from_len] = '\0';
	return 0;
}

int quic_session_get_alpn(void *session, void *alpn, size_t *len)
{
	struct lq_data name = { NULL, 0 };
	struct quic_session *s;

	if (!session || !len)
		return -EINVAL;
	s = lq_session(session);
	if (!s)
		return -ENOMEM;
	if (!lq_tls_alpn(s, &name))
		name.size = 0;
	return copy_out(alpn, len, name.data, name.size);
}

/* Gives TLS the NewSessionTicket that the kernel received, once. */
static int read_ticket(struct quic_session *s)
{
	unsigned char ticket[QUIC_TICKET_MAX];
	socklen_t len = sizeof(ticket);
	int err;

	if (getsockopt(lq_tls_socket(s->tls), SOL_QUIC, QUIC_SOCKOPT_SESSION_TICKET,
		       ticket, &len))
		return -errno;
	if (!len)
		return -EAGAIN;

	err = lq_tls_ticket(s, ticket, len);
	explicit_bzero(ticket, sizeof(ticket));
	s->ticket_read = !err;
	return err;
}

/* The version in use; 0: the kernel does not say. */
static uint32_t socket_version(const struct quic_session *s)
{
	struct quic_config config;
	socklen_t len = sizeof(config);

	memset(&config, 0, sizeof(config));
	if (getsockopt(lq_tls_socket(s->tls), SOL_QUIC, QUIC_SOCKOPT_CONFIG, &config,
		       &len))
		return 0;
	return config.version;
}

/*
 * How is a server checked: whether at all, for which name, by whose certificates or
 * which key?  Who resumes checks nothing, so that a session is good only where the
 * same was checked before: else what somebody in the middle of an insecure connection,
 * or another server, knows would open the next one (RFC 8446 §4.6.1).
 */
static int server_check(const struct quic_session *s, unsigned char check[LQ_HMAC_SIZE])
{
	static const unsigned char none[LQ_HMAC_SIZE];
	const unsigned char *files = s->credentials ? s->credentials->binding : none;
	const unsigned char kind[] = { s->verify_off, s->psk_only, !!s->hostname };
	const char *host = s->hostname ? s->hostname : "";
	int err = lq_tls_hmac(files, LQ_HMAC_SIZE, kind, sizeof(kind), check);

	return err ? err : lq_tls_hmac(check, LQ_HMAC_SIZE, host, strlen(host), check);
}

/* Our head and the TLS library's bytes */
static int put_data(struct quic_session *s, void *data, size_t *len, const struct lq_data *state)
{
	socklen_t params_len = sizeof(struct quic_transport_param);
	struct data_head head;
	struct lq_data alpn;
	size_t size = sizeof(head) + state->size, room = *len;
	int err;

	memset(&head, 0, sizeof(head));
	memcpy(head.magic, data_magic, sizeof(head.magic));
	head.version = socket_version(s);
	if (lq_tls_alpn(s, &alpn) && alpn.size <= sizeof(head.alpn)) {
		head.alpn_len = (uint8_t)alpn.size;
		memcpy(head.alpn, alpn.data, alpn.size);
	}
	head.params.remote = 1;
	head.has_params = !getsockopt(lq_tls_socket(s->tls), SOL_QUIC,
				      QUIC_SOCKOPT_TRANSPORT_PARAM, &head.params, &params_len);
	err = server_check(s, head.check);
	if (err)
		return err;
	*len = size;
	if (!data || room < size) {
		lq_log(QUIC_LOG_ERROR, "session data: %zu bytes do not fit the buffer", size);
		return -EMSGSIZE;
	}
	memcpy(data, &head, sizeof(head));
	memcpy((char *)data + sizeof(head), state->data, state->size);
	return 0;
}

int quic_session_get_data(void *session, void *data, size_t *len)
{
	struct lq_data state = { NULL, 0 };
	struct quic_session *s;
	int err;

	if (!session || !len)
		return -EINVAL;
	s = lq_session(session);
	if (!s)
		return -ENOMEM;
	if (!s->ticket_read) {
		err = read_ticket(s);
		if (err)
			return err;
	}
	err = lq_tls_export(s, &state);
	if (err)
		return err;
	err = put_data(s, data, len, &state);
	lq_tls_export_free(&state);
	return err;
}

int lq_session_remember(struct quic_session *s)
{
	if (!s->remembers)
		return 0;
	s->remembered.remote = 1;
	if (setsockopt(lq_tls_socket(s->tls), SOL_QUIC, QUIC_SOCKOPT_TRANSPORT_PARAM,
		       &s->remembered, sizeof(s->remembered)))
		return -errno;
	s->remembers = false;
	return 0;
}

static bool offers_alpn(const struct quic_session *s, const char *name, size_t len)
{
	const char *p;
	size_t n;

	for (p = s->alpns; p; p = p[n] ? p + n + 1 : NULL) {
		p += strspn(p, " ");
		n = strcspn(p, ",");
		if (n == len && !memcmp(p, name, len))
			return true;
	}
	return false;
}

/* May it be used here?  -EPROTONOSUPPORT: there will be a full handshake instead. */
static int check_head(struct quic_session *s, const struct data_head *head)
{
	unsigned char check[LQ_HMAC_SIZE];
	uint32_t version = socket_version(s);
	const char *what = NULL;
	int err = server_check(s, check);

	if (err)
		return err;
	/* RFC 9369 §5: MUST NOT be used in another version */
	if (version && head->version && version != head->version)
		what = "of another version of QUIC";
	/* RFC 8446 §4.2.10: 0-RTT is for the protocol of before, which GnuTLS does not see to. */
	else if (head->alpn_len && s->alpns && !offers_alpn(s, head->alpn, head->alpn_len))
		what = "of another protocol (ALPN)";
	else if (memcmp(head->check, check, sizeof(check)))
		what = "of a server that was not checked as this one is to be";
	if (!what)
		return 0;
	lq_log(QUIC_LOG_INFO, "session data is %s: not used", what);
	return -EPROTONOSUPPORT;
}

/* Its parameters are for the kernel, at the latest when the handshake begins. */
static int take_head(struct quic_session *s, const void *data, size_t len, struct data_head *head)
{
	int err;

	if (len <= sizeof(*head) || memcmp(data, data_magic, sizeof(data_magic))) {
		lq_log(QUIC_LOG_ERROR, "session data not usable: not what quic_session_get_data() gave");
		return -EINVAL;
	}
	memcpy(head, data, sizeof(*head));
	err = check_head(s, head);
	if (err || !head->has_params)
		return err;
	s->remembered = head->params;
	s->remembers = true;
	lq_session_remember(s);
	return 0;
}

int lq_session_still_checked(struct quic_session *s)
{
	unsigned char check[LQ_HMAC_SIZE];
	int err = s->resumes ? server_check(s, check) : 0;

	if (err || !s->resumes || !memcmp(check, s->check, sizeof(check)))
		return err;
	lq_log(QUIC_LOG_ERROR, "what is verified of the server was changed after the session data was set");
	return -EINVAL;
}

int quic_session_set_data(void *session, const void *data, size_t len)
{
	struct data_head head;
	struct quic_session *s;
	int err;

	if (!session || !data || !len)
		return -EINVAL;
	s = lq_session(session);
	if (!s)
		return -ENOMEM;
	err = take_head(s, data, len, &head);
	if (err)
		return err == -EPROTONOSUPPORT ? 0 : err;
	err = lq_tls_import(s, (const char *)data + sizeof(head), len - sizeof(head));
	if (err) {
		s->remembers = false;
		return err;
	}
	memcpy(s->check, head.check, sizeof(s->check));
	s->resumes = true;
	return 0;
}

int quic_session_is_resumed(void *session)
{
	struct quic_session *s = session ? lq_session(session) : NULL;

	return s && lq_tls_is_resumed(s);
}

int quic_session_early_data(void *session)
{
	struct quic_session *s = session ? lq_session(session) : NULL;

	return s && lq_tls_early_data(s);
}

int quic_session_set_verify(void *session, int mode, const char *hostname)
{
	struct quic_session *s;

	if (!session || (mode != QUIC_VERIFY_NONE && mode != QUIC_VERIFY_PEER))
		return -EINVAL;
	s = lq_session(session);
	if (!s)
		return -ENOMEM;
	s->verify_off = mode == QUIC_VERIFY_NONE;
	return replace_string(&s->hostname, hostname);
}

int quic_session_set_timeout(void *session, unsigned int timeout_ms)
{
	struct quic_session *s;

	if (!session)
		return -EINVAL;
	s = lq_session(session);
	if (!s)
		return -ENOMEM;
	s->timeout_ms = timeout_ms ? timeout_ms : QUIC_HANDSHAKE_TIMEOUT_MS;
	return 0;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sessions and whole handshakes from parameters.
 *
 * Parameters are copied first, so that a program may be older (a shorter
 * structure) or newer (a longer one, zero where we know nothing) than we are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tls.h"

#define PARAMS_SIZE_MIN	offsetof(struct quic_handshake_params, alpns)

static int copy_params(struct quic_handshake_params *to, const struct quic_handshake_params *from)
{
	const unsigned char *bytes = (const unsigned char *)from;
	size_t i;

	memset(to, 0, sizeof(*to));
	if (!from || from->size < PARAMS_SIZE_MIN) {
		lq_log(QUIC_LOG_ERROR, "handshake parameters: the member size is not set");
		return -EINVAL;
	}
	for (i = sizeof(*to); i < from->size; i++)
		if (bytes[i])
			return -E2BIG;
	memcpy(to, from, from->size < sizeof(*to) ? from->size : sizeof(*to));
	return 0;
}

static int credentials_new(const struct quic_handshake_params *params, bool is_server,
			   struct quic_credentials **credentials)
{
	struct quic_handshake_params p;
	int err;

	if (!credentials)
		return -EINVAL;
	err = copy_params(&p, params);
	return err ? err : lq_credentials_new(&p, is_server, credentials);
}

int quic_client_credentials_new(const struct quic_handshake_params *params,
				struct quic_credentials **credentials)
{
	return credentials_new(params, false, credentials);
}

int quic_server_credentials_new(const struct quic_handshake_params *params,
				struct quic_credentials **credentials)
{
	return credentials_new(params, true, credentials);
}

/* The cipher that the socket's QUIC_SOCKOPT_CONFIG asks for; 0: any */
static uint32_t socket_cipher(int sd)
{
	struct quic_config config;
	socklen_t len = sizeof(config);

	memset(&config, 0, sizeof(config));
	if (getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_CONFIG, &config, &len))
		return 0;
	return config.payload_cipher_type;
}

/* The name for the server to choose its certificate by; addresses are not sent. */
static int set_server_name(struct quic_session *s, const char *hostname)
{
	size_t len = strlen(hostname);

	if (lq_is_address(hostname))
		return 0;
	if (len && hostname[len - 1] == '.')	/* RFC 6066 §3 */
		len--;
	return lq_tls_set_server_name(s, hostname, len);
}

static void enable_tickets(struct quic_session *s, int sd)
{
	unsigned char key[QUIC_TICKET_KEY_SIZE];
	socklen_t len = sizeof(key);

	if (getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_SESSION_TICKET, key, &len)) {
		lq_log(QUIC_LOG_INFO, "no session tickets: %s", strerror(errno));
		return;
	}
	if (len == sizeof(key) && !lq_credentials_bind(s->credentials, key))
		lq_tls_set_ticket_key(s, key);
	explicit_bzero(key, sizeof(key));
}

static int set_keylog(struct quic_session *s, const char *path)
{
	if (path) {
		s->keylogfile = strdup(path);
		if (!s->keylogfile)
			return -ENOMEM;
	}
	return lq_tls_set_keylog(s);
}

static int set_up_client(struct quic_session *s, const struct quic_handshake_params *p)
{
	int err;

	s->psk_only = s->credentials->psk_count && !s->credentials->x509;
	err = quic_session_set_verify(s->tls, p->insecure ? QUIC_VERIFY_NONE : QUIC_VERIFY_PEER,
				      p->hostname);
	if (!err && p->hostname)
		err = set_server_name(s, p->hostname);
	if (!err && p->session_data)
		err = quic_session_set_data(s->tls, p->session_data, p->session_data_len);
	return err;
}

static int set_up_server(struct quic_session *s, int sd, const struct quic_handshake_params *p)
{
	enable_tickets(s, sd);
	s->verify_off = p->insecure || !s->credentials->verify_clients;
	if (s->credentials->verify_clients)
		lq_tls_require_certificate(s);
	return 0;
}

static int set_up(struct quic_session *s, int sd, const struct quic_handshake_params *p,
		  bool is_server)
{
	int err;

	err = lq_tls_set_priority(s, p->priority, socket_cipher(sd));
	if (!err && p->alpns)
		err = quic_session_set_alpn(s->tls, p->alpns, strlen(p->alpns));
	if (!err)
		err = quic_session_set_timeout(s->tls, p->timeout_ms);
	if (!err)
		err = set_keylog(s, p->keylogfile);
	if (err)
		return err;
	return is_server ? set_up_server(s, sd, p) : set_up_client(s, p);
}

static int get_credentials(const struct quic_handshake_params *p, bool is_server,
			   struct quic_credentials **credentials)
{
	if (!p->credentials)
		return lq_credentials_new(p, is_server, credentials);
	if (p->credentials->is_server != is_server)
		return -EINVAL;
	*credentials = lq_credentials_get(p->credentials);
	return 0;
}

static int session_new(int sd, const struct quic_handshake_params *params, bool is_server,
		       void **session)
{
	struct quic_credentials *credentials;
	struct quic_handshake_params p;
	struct quic_session *s;
	void *tls;
	int err;

	if (!session)
		return -EINVAL;
	*session = NULL;
	err = copy_params(&p, params);
	if (!err)
		err = get_credentials(&p, is_server, &credentials);
	if (err)
		return err;

	err = lq_tls_new(sd, is_server, p.early_data, credentials, &tls);
	if (err) {
		quic_credentials_free(credentials);
		return err;
	}
	s = lq_session(tls);
	if (!s) {
		lq_tls_free(tls);
		quic_credentials_free(credentials);
		return -ENOMEM;
	}
	s->credentials = credentials;
	err = set_up(s, sd, &p, is_server);
	if (err)
		quic_session_free(tls);
	else
		*session = tls;
	return err;
}

int quic_client_session_new(int sd, const struct quic_handshake_params *params, void **session)
{
	return session_new(sd, params, false, session);
}

int quic_server_session_new(int sd, const struct quic_handshake_params *params, void **session)
{
	return session_new(sd, params, true, session);
}

/* TLS needs the credentials until the session is gone. */
void quic_session_free(void *session)
{
	struct quic_credentials *credentials = NULL;
	struct quic_session *s;

	if (!session)
		return;
	s = lq_session(session);
	if (s)
		credentials = s->credentials;
	lq_tls_free(session);
	quic_credentials_free(credentials);
}

static int handshake(int sd, const struct quic_handshake_params *params, bool is_server)
{
	void *session;
	int err;

	err = session_new(sd, params, is_server, &session);
	if (err)
		return err;
	err = quic_handshake(session);
	quic_session_free(session);
	return err;
}

int quic_client_handshake_params(int sd, const struct quic_handshake_params *params)
{
	return handshake(sd, params, false);
}

int quic_server_handshake_params(int sd, const struct quic_handshake_params *params)
{
	return handshake(sd, params, true);
}

int quic_client_handshake(int sd, const char *pkey_file, const char *hostname, const char *alpns)
{
	struct quic_handshake_params p = {
		.size = sizeof(p),
		.pskfile = pkey_file,
		.hostname = hostname,
		.alpns = alpns,
	};

	return quic_client_handshake_params(sd, &p);
}

int quic_server_handshake(int sd, const char *pkey_file, const char *cert_file, const char *alpns)
{
	struct quic_handshake_params p = {
		.size = sizeof(p),
		.certfile = cert_file,
		.keyfile = cert_file ? pkey_file : NULL,
		.pskfile = cert_file ? NULL : pkey_file,
		.alpns = alpns,
	};

	return quic_server_handshake_params(sd, &p);
}

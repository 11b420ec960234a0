// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sessions and whole handshakes from parameters.
 *
 * Parameters are copied first, so that a program may be older (a shorter
 * structure) or newer (a longer one, zero where we know nothing) than we are.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/tls.h>

#include "internal.h"

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

/* The cipher that the socket's QUIC_SOCKOPT_CONFIG asks for, as a priority */
static const char *cipher_priority(int sd)
{
	struct quic_config config;
	socklen_t len = sizeof(config);

	memset(&config, 0, sizeof(config));
	if (getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_CONFIG, &config, &len))
		return "";
	switch (config.payload_cipher_type) {
	case TLS_CIPHER_AES_GCM_128:
		return ":-CIPHER-ALL:+AES-128-GCM";
	case TLS_CIPHER_AES_GCM_256:
		return ":-CIPHER-ALL:+AES-256-GCM";
	case TLS_CIPHER_AES_CCM_128:
		return ":-CIPHER-ALL:+AES-128-CCM";
	case TLS_CIPHER_CHACHA20_POLY1305:
		return ":-CIPHER-ALL:+CHACHA20-POLY1305";
	default:
		return "";
	}
}

static int set_priority(gnutls_session_t tls, int sd, const char *priority)
{
	char text[512];
	const char *at;
	int ret;

	if (!priority) {
		snprintf(text, sizeof(text), "%s%s", QUIC_PRIORITY, cipher_priority(sd));
		priority = text;
	}
	ret = gnutls_priority_set_direct(tls, priority, &at);
	if (!ret)
		return 0;
	lq_log(QUIC_LOG_ERROR, "priority string '%s': %s near '%s'", priority,
	       gnutls_strerror(ret), ret == GNUTLS_E_INVALID_REQUEST ? at : "");
	return -EINVAL;
}

static int set_credentials(gnutls_session_t tls, const struct quic_credentials *c)
{
	int ret = 0;

	if (c->x509)
		ret = gnutls_credentials_set(tls, GNUTLS_CRD_CERTIFICATE, c->x509);
	if (!ret && c->psk_client)
		ret = gnutls_credentials_set(tls, GNUTLS_CRD_PSK, c->psk_client);
	if (!ret && c->psk_server)
		ret = gnutls_credentials_set(tls, GNUTLS_CRD_PSK, c->psk_server);
	return ret ? lq_errno(ret) : 0;
}

/* The name for the server to choose its certificate by; addresses are not sent. */
static int set_server_name(gnutls_session_t tls, const char *hostname)
{
	size_t len = strlen(hostname);
	int ret;

	if (lq_is_address(hostname))
		return 0;
	if (len && hostname[len - 1] == '.')	/* RFC 6066 §3 */
		len--;
	ret = gnutls_server_name_set(tls, GNUTLS_NAME_DNS, hostname, len);
	if (!ret)
		return 0;
	lq_log(QUIC_LOG_ERROR, "host name '%s': %s", hostname, gnutls_strerror(ret));
	return -EINVAL;
}

/* The kernel keeps one key for a listener and what it accepts. */
static void enable_tickets(gnutls_session_t tls, int sd)
{
	unsigned char key[QUIC_TICKET_KEY_SIZE];
	gnutls_datum_t datum = { key, sizeof(key) };
	socklen_t len = sizeof(key);
	int ret;

	if (getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_SESSION_TICKET, key, &len)) {
		lq_log(QUIC_LOG_INFO, "no session tickets: %s", strerror(errno));
		return;
	}
	if (len == sizeof(key)) {
		ret = gnutls_session_ticket_enable_server(tls, &datum);
		if (ret)
			lq_log(QUIC_LOG_INFO, "no session tickets: %s", gnutls_strerror(ret));
	}
	explicit_bzero(key, sizeof(key));
}

/* One line of the NSS key log format */
static int on_keylog(gnutls_session_t tls, const char *label, const gnutls_datum_t *secret)
{
	char line[512], random_hex[65], secret_hex[257];
	size_t random_size = sizeof(random_hex), secret_size = sizeof(secret_hex);
	struct quic_session *s = lq_session(tls);
	gnutls_datum_t client, server;
	int fd, len;

	gnutls_session_get_random(tls, &client, &server);
	if (!s || !s->keylogfile || gnutls_hex_encode(&client, random_hex, &random_size) ||
	    gnutls_hex_encode(secret, secret_hex, &secret_size))
		return 0;
	fd = open(s->keylogfile, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		lq_log(QUIC_LOG_WARNING, "key log file '%s': %s", s->keylogfile, strerror(errno));
	} else {
		len = snprintf(line, sizeof(line), "%s %s %s\n", label, random_hex, secret_hex);
		if (write(fd, line, (size_t)len) != len)
			lq_log(QUIC_LOG_WARNING, "key log file '%s': not written", s->keylogfile);
		close(fd);
	}
	explicit_bzero(line, sizeof(line));
	explicit_bzero(secret_hex, sizeof(secret_hex));
	return 0;
}

static int set_keylog(struct quic_session *s, const char *path)
{
	if (!path)
		return 0;
	s->keylogfile = strdup(path);
	if (!s->keylogfile)
		return -ENOMEM;
	gnutls_session_set_keylog_function(s->tls, on_keylog);
	return 0;
}

static int set_up_client(struct quic_session *s, const struct quic_handshake_params *p)
{
	int err;

	s->psk_only = s->credentials->psk_client && !s->credentials->x509;
	err = quic_session_set_verify(s->tls, p->insecure ? QUIC_VERIFY_NONE : QUIC_VERIFY_PEER,
				      p->hostname);
	if (!err && p->hostname)
		err = set_server_name(s->tls, p->hostname);
	if (!err && p->session_data)
		err = quic_session_set_data(s->tls, p->session_data, p->session_data_len);
	return err;
}

static int set_up_server(struct quic_session *s, int sd, const struct quic_handshake_params *p)
{
	enable_tickets(s->tls, sd);
	s->verify_off = p->insecure || !s->credentials->verify_clients;
	if (s->credentials->verify_clients) {
		gnutls_certificate_server_set_request(s->tls, GNUTLS_CERT_REQUIRE);
		gnutls_session_set_verify_function(s->tls, lq_verify_client);
	}
	return 0;
}

static int set_up(struct quic_session *s, int sd, const struct quic_handshake_params *p,
		  bool is_server)
{
	int err;

	err = set_priority(s->tls, sd, p->priority);
	if (!err)
		err = set_credentials(s->tls, s->credentials);
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

/* RFC 9001 §8.3: EndOfEarlyData is not used */
static unsigned int session_flags(const struct quic_handshake_params *p, bool is_server)
{
	return (is_server ? GNUTLS_SERVER | GNUTLS_NO_AUTO_SEND_TICKET : GNUTLS_CLIENT) |
	       (p->early_data ? GNUTLS_ENABLE_EARLY_DATA | GNUTLS_NO_END_OF_EARLY_DATA : 0);
}

static int session_new(int sd, const struct quic_handshake_params *params, bool is_server,
		       void **session)
{
	struct quic_credentials *credentials;
	struct quic_handshake_params p;
	struct quic_session *s;
	gnutls_session_t tls;
	int err;

	if (!session)
		return -EINVAL;
	*session = NULL;
	err = copy_params(&p, params);
	if (!err)
		err = get_credentials(&p, is_server, &credentials);
	if (err)
		return err;

	err = gnutls_init(&tls, session_flags(&p, is_server));
	if (err) {
		quic_credentials_free(credentials);
		return -ENOMEM;
	}
	gnutls_transport_set_int(tls, sd);
	s = lq_session(tls);
	if (!s) {
		gnutls_deinit(tls);
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

/* GnuTLS needs the credentials until the session is gone. */
void quic_session_free(void *session)
{
	struct quic_credentials *credentials = NULL;
	struct quic_session *s;

	if (!session)
		return;
	s = lq_session(session);
	if (s)
		credentials = s->credentials;
	gnutls_deinit(session);
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

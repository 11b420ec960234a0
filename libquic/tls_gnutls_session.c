// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sessions of GnuTLS: credentials, what is set before a handshake, what is known
 * after it, and resumption.
 */
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/tls.h>

#include "tls_gnutls.h"

#define EXT_TRANSPORT_PARAMS	0x39	/* RFC 9001 §8.2 */

/* Anti-replay: GnuTLS accepts no early data without. */

static struct {
	pthread_mutex_t lock;
	gnutls_anti_replay_t gnutls;
} replay = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* The last bytes of the hash of a ClientHello: what comes before is the same for all. */
static int add_seen(void *arg, time_t expires, const gnutls_datum_t *key,
		    const gnutls_datum_t *data)
{
	unsigned char id[LQ_REPLAY_ID] = { 0 };
	size_t n = key->size < sizeof(id) ? key->size : sizeof(id);

	(void)arg;
	(void)data;
	memcpy(id, key->data + key->size - n, n);
	switch (lq_replay_add(id, expires)) {
	case 0:
		return 0;
	case -EEXIST:
		return GNUTLS_E_DB_ENTRY_EXISTS;
	case -ENOMEM:
		return GNUTLS_E_MEMORY_ERROR;
	default:
		return GNUTLS_E_DB_ERROR;
	}
}

/* GnuTLS has no list but that of the present window, and begins a new one with the first
 * ClientHello after its end: then all tickets from before are too old.  Its default of ten
 * seconds leaves 0-RTT to clients that come back at once.
 */
static void protect_first(void)
{
	if (gnutls_anti_replay_init(&replay.gnutls))
		return;
	gnutls_anti_replay_set_window(replay.gnutls, LQ_REPLAY_WINDOW * 1000);
	gnutls_anti_replay_set_add_function(replay.gnutls, add_seen);
}

/* A program that enables its own later replaces this one. */
static void protect(gnutls_session_t tls)
{
	pthread_mutex_lock(&replay.lock);
	if (!replay.gnutls)
		protect_first();
	pthread_mutex_unlock(&replay.lock);
	if (replay.gnutls)
		gnutls_anti_replay_enable(tls, replay.gnutls);
}

/* The record of a session */

static void free_session(gnutls_ext_priv_data_t data)
{
	struct lq_gnutls *g = data;

	if (!g)
		return;
	lq_session_clear(&g->session);
	free(g->hello);
	free(g);
}

static int register_extension(gnutls_session_t tls)
{
	return gnutls_session_ext_register(tls, "quic_transport_parameters",
					   EXT_TRANSPORT_PARAMS, GNUTLS_EXT_TLS,
					   lq_gnutls_params_recv, lq_gnutls_params_send,
					   free_session, NULL, NULL,
					   GNUTLS_EXT_FLAG_TLS | GNUTLS_EXT_FLAG_CLIENT_HELLO |
					   GNUTLS_EXT_FLAG_EE);
}

struct quic_session *lq_session(void *tls)
{
	gnutls_ext_priv_data_t data = NULL;
	struct lq_gnutls *g;

	if (!gnutls_ext_get_data(tls, EXT_TRANSPORT_PARAMS, &data) && data)
		return &((struct lq_gnutls *)data)->session;

	if (register_extension(tls))
		return NULL;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	lq_session_init(&g->session, tls);
	gnutls_ext_set_data(tls, EXT_TRANSPORT_PARAMS, g);
	protect(tls);
	return &g->session;
}

int lq_tls_socket(void *tls)
{
	return gnutls_transport_get_int(tls);
}

static int to_errno(int gnutls_error)
{
	switch (gnutls_error) {
	case GNUTLS_E_MEMORY_ERROR:
		return -ENOMEM;
	case GNUTLS_E_TIMEDOUT:
		return -ETIMEDOUT;
	case GNUTLS_E_INVALID_REQUEST:
		return -EINVAL;
	case GNUTLS_E_SHORT_MEMORY_BUFFER:
		return -EMSGSIZE;
	default:
		return -EPROTO;
	}
}

/* Credentials */

int lq_tls_hmac(const void *key, size_t key_len, const void *data, size_t len,
		unsigned char mac[LQ_HMAC_SIZE])
{
	return gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key_len, data, len, mac) ? -ENOMEM : 0;
}

struct credentials {
	gnutls_certificate_credentials_t x509;
	gnutls_psk_client_credentials_t psk_client;
	gnutls_psk_server_credentials_t psk_server;
};

int lq_tls_credentials_new(struct quic_credentials *c)
{
	struct credentials *g = calloc(1, sizeof(*g));

	c->tls = g;
	if (!g)
		return -ENOMEM;
	if (c->x509 && gnutls_certificate_allocate_credentials(&g->x509)) {
		g->x509 = NULL;
		return -ENOMEM;
	}
	return 0;
}

void lq_tls_credentials_free(struct quic_credentials *c)
{
	struct credentials *g = c->tls;

	if (!g)
		return;
	if (g->x509)
		gnutls_certificate_free_credentials(g->x509);
	if (g->psk_client)
		gnutls_psk_free_client_credentials(g->psk_client);
	if (g->psk_server)
		gnutls_psk_free_server_credentials(g->psk_server);
	free(g);
}

static enum lq_pair_fault find_fault(int ret, const gnutls_datum_t *cert,
				     const gnutls_datum_t *key, const char **why)
{
	gnutls_x509_crt_t *list = NULL;
	gnutls_x509_privkey_t k;
	unsigned int n = 0, i;
	int err;

	if (ret == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		return PAIR_MISMATCH;
	err = gnutls_x509_crt_list_import2(&list, &n, cert, GNUTLS_X509_FMT_PEM, 0);
	for (i = 0; err >= 0 && i < n; i++)
		gnutls_x509_crt_deinit(list[i]);
	gnutls_free(list);
	if (err < 0) {
		*why = gnutls_strerror(err);
		return PAIR_CERTIFICATE;
	}
	if (gnutls_x509_privkey_init(&k))
		return PAIR_MEMORY;
	err = gnutls_x509_privkey_import2(k, key, GNUTLS_X509_FMT_PEM, NULL, 0);
	gnutls_x509_privkey_deinit(k);
	*why = gnutls_strerror(err ? err : ret);
	return err == GNUTLS_E_DECRYPTION_FAILED ? PAIR_ENCRYPTED : PAIR_KEY;
}

enum lq_pair_fault lq_tls_load_pair(struct quic_credentials *c, const struct lq_data *cert,
				    const struct lq_data *key, const char **why)
{
	const gnutls_datum_t crt = { cert->data, cert->size }, k = { key->data, key->size };
	struct credentials *g = c->tls;
	int ret;

	ret = gnutls_certificate_set_x509_key_mem2(g->x509, &crt, &k, GNUTLS_X509_FMT_PEM,
						   NULL, 0);
	return ret < 0 ? find_fault(ret, &crt, &k, why) : PAIR_OK;
}

bool lq_tls_trust_system(struct quic_credentials *c)
{
	struct credentials *g = c->tls;

	return gnutls_certificate_set_x509_system_trust(g->x509) > 0;
}

int lq_tls_trust(struct quic_credentials *c, const struct lq_data *ca, const char **why)
{
	const gnutls_datum_t data = { ca->data, ca->size };
	struct credentials *g = c->tls;
	int ret;

	ret = gnutls_certificate_set_x509_trust_mem(g->x509, &data, GNUTLS_X509_FMT_PEM);
	if (ret > 0)
		return 0;
	if (ret)
		*why = gnutls_strerror(ret);
	return -EBADMSG;
}

static int load_client_psk(struct credentials *g, const struct lq_psk *psk)
{
	const gnutls_datum_t identity = {
		(unsigned char *)psk->identity, (unsigned int)strlen(psk->identity)
	};
	const gnutls_datum_t key = { psk->key, psk->key_len };

	if (gnutls_psk_allocate_client_credentials(&g->psk_client)) {
		g->psk_client = NULL;
		return -ENOMEM;
	}
	return gnutls_psk_set_client_credentials2(g->psk_client, &identity, &key,
						  GNUTLS_PSK_KEY_RAW) ? -ENOMEM : 0;
}

int lq_tls_load_psk(struct quic_credentials *c)
{
	struct credentials *g = c->tls;

	if (!c->is_server)
		return load_client_psk(g, &c->psks[0]);
	if (gnutls_psk_allocate_server_credentials(&g->psk_server)) {
		g->psk_server = NULL;
		return -ENOMEM;
	}
	gnutls_psk_set_server_credentials_function2(g->psk_server, lq_gnutls_on_psk);
	return 0;
}

static int set_credentials(gnutls_session_t tls, const struct credentials *g)
{
	int ret = 0;

	if (g->x509)
		ret = gnutls_credentials_set(tls, GNUTLS_CRD_CERTIFICATE, g->x509);
	if (!ret && g->psk_client)
		ret = gnutls_credentials_set(tls, GNUTLS_CRD_PSK, g->psk_client);
	if (!ret && g->psk_server)
		ret = gnutls_credentials_set(tls, GNUTLS_CRD_PSK, g->psk_server);
	return ret ? to_errno(ret) : 0;
}

/* Making sessions */

/* RFC 9001 §8.3: EndOfEarlyData is not used */
static unsigned int session_flags(bool is_server, bool early_data)
{
	return (is_server ? GNUTLS_SERVER | GNUTLS_NO_AUTO_SEND_TICKET : GNUTLS_CLIENT) |
	       (early_data ? GNUTLS_ENABLE_EARLY_DATA | GNUTLS_NO_END_OF_EARLY_DATA : 0);
}

int lq_tls_new(int sd, bool is_server, bool early_data, const struct quic_credentials *c,
	       void **result)
{
	gnutls_session_t tls;
	int err;

	if (gnutls_init(&tls, session_flags(is_server, early_data)))
		return -ENOMEM;
	gnutls_transport_set_int(tls, sd);
	err = set_credentials(tls, c->tls);
	if (err)
		gnutls_deinit(tls);
	else
		*result = tls;
	return err;
}

void lq_tls_free(void *tls)
{
	gnutls_deinit(tls);
}

static const char *cipher_priority(uint32_t cipher)
{
	switch (cipher) {
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

int lq_tls_set_priority(struct quic_session *s, const char *priority, uint32_t cipher)
{
	char text[512];
	const char *at;
	int ret;

	if (!priority) {
		snprintf(text, sizeof(text), "%s%s", QUIC_PRIORITY, cipher_priority(cipher));
		priority = text;
	}
	ret = gnutls_priority_set_direct(s->tls, priority, &at);
	if (!ret)
		return 0;
	lq_log(QUIC_LOG_ERROR, "priority string '%s': %s near '%s'", priority,
	       gnutls_strerror(ret), ret == GNUTLS_E_INVALID_REQUEST ? at : "");
	return -EINVAL;
}

int lq_tls_set_server_name(struct quic_session *s, const char *name, size_t len)
{
	int ret = gnutls_server_name_set(s->tls, GNUTLS_NAME_DNS, name, len);

	if (!ret)
		return 0;
	lq_log(QUIC_LOG_ERROR, "host name '%s': %s", name, gnutls_strerror(ret));
	return -EINVAL;
}

void lq_tls_set_ticket_key(struct quic_session *s, const unsigned char *key)
{
	const gnutls_datum_t datum = { (unsigned char *)key, QUIC_TICKET_KEY_SIZE };
	int ret = gnutls_session_ticket_enable_server(s->tls, &datum);

	if (ret)
		lq_log(QUIC_LOG_INFO, "no session tickets: %s", gnutls_strerror(ret));
}

/* One line of the NSS key log format */
static int on_keylog(gnutls_session_t tls, const char *label, const gnutls_datum_t *secret)
{
	char line[512], random_hex[65], secret_hex[257];
	size_t random_size = sizeof(random_hex), secret_size = sizeof(secret_hex);
	struct quic_session *s = lq_session(tls);
	gnutls_datum_t client, server;

	gnutls_session_get_random(tls, &client, &server);
	if (!s || !s->keylogfile || gnutls_hex_encode(&client, random_hex, &random_size) ||
	    gnutls_hex_encode(secret, secret_hex, &secret_size))
		return 0;
	snprintf(line, sizeof(line), "%s %s %s\n", label, random_hex, secret_hex);
	lq_keylog_write(s->keylogfile, line);
	explicit_bzero(line, sizeof(line));
	explicit_bzero(secret_hex, sizeof(secret_hex));
	return 0;
}

/* GnuTLS sees to SSLKEYLOGFILE itself. */
int lq_tls_set_keylog(struct quic_session *s)
{
	if (s->keylogfile)
		gnutls_session_set_keylog_function(s->tls, on_keylog);
	return 0;
}

void lq_tls_require_certificate(struct quic_session *s)
{
	gnutls_certificate_server_set_request(s->tls, GNUTLS_CERT_REQUIRE);
	gnutls_session_set_verify_function(s->tls, lq_gnutls_verify_client);
}

int lq_tls_set_alpn(struct quic_session *s, const struct lq_data *names, unsigned int count)
{
	gnutls_datum_t list[QUIC_ALPN_COUNT_MAX];
	unsigned int i;
	int err;

	for (i = 0; i < count; i++) {
		list[i].data = names[i].data;
		list[i].size = names[i].size;
	}
	err = gnutls_alpn_set_protocols(s->tls, list, count, GNUTLS_ALPN_SERVER_PRECEDENCE);
	if (!err)
		return 0;
	lq_log(QUIC_LOG_ERROR, "ALPN list '%s': %s", s->alpns, gnutls_strerror(err));
	return to_errno(err);
}

/* What was agreed on */

bool lq_tls_alpn(struct quic_session *s, struct lq_data *name)
{
	gnutls_datum_t datum;

	if (gnutls_alpn_get_selected_protocol(s->tls, &datum))
		return false;
	name->data = datum.data;
	name->size = datum.size;
	return true;
}

bool lq_tls_is_resumed(struct quic_session *s)
{
	return gnutls_session_is_resumed(s->tls);
}

bool lq_tls_early_data(struct quic_session *s)
{
	return gnutls_session_get_flags(s->tls) & GNUTLS_SFLAGS_EARLY_DATA;
}

/* Resumption */

int lq_tls_ticket(struct quic_session *s, const void *ticket, size_t len)
{
	int err;

	err = gnutls_handshake_write(s->tls, GNUTLS_ENCRYPTION_LEVEL_APPLICATION, ticket, len);
	if (!err || err == GNUTLS_E_AGAIN)
		return 0;
	lq_log(QUIC_LOG_ERROR, "session ticket: %s", gnutls_strerror(err));
	return to_errno(err);
}

int lq_tls_export(struct quic_session *s, struct lq_data *state)
{
	gnutls_datum_t datum = { NULL, 0 };
	int err;

	/* Else gnutls_session_get_data2() would read from the socket. */
	if (!(gnutls_session_get_flags(s->tls) & GNUTLS_SFLAGS_SESSION_TICKET))
		return -EAGAIN;
	err = gnutls_session_get_data2(s->tls, &datum);
	if (err)
		return to_errno(err);
	state->data = datum.data;
	state->size = datum.size;
	return 0;
}

void lq_tls_export_free(struct lq_data *state)
{
	explicit_bzero(state->data, state->size);
	gnutls_free(state->data);
}

int lq_tls_import(struct quic_session *s, const void *state, size_t len)
{
	int err = gnutls_session_set_data(s->tls, state, len);

	if (!err)
		return 0;
	lq_log(QUIC_LOG_ERROR, "session data not usable: %s", gnutls_strerror(err));
	return err == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EINVAL;
}

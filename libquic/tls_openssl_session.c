// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Sessions of OpenSSL: credentials (an SSL_CTX), what is set before a handshake,
 * what is known after it, and resumption.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/tls.h>
#include <openssl/core_names.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include "tls_openssl.h"

/* OpenSSL takes 0-RTT of a ClientHello for 10 s, see SSL_CTX_set_max_early_data(3). */
#define REPLAY_SECONDS	12

/* Once a process */

static int ex_index = -1;

/* In each ticket: 0-RTT with one of another process may be a replay of what that took. */
struct issuer {
	unsigned char random[16];
	pid_t pid;
};

static struct issuer self;

static void free_session(void *parent, void *data, CRYPTO_EX_DATA *ad, int idx, long l, void *p)
{
	struct lq_openssl *o = data;

	(void)parent;
	(void)ad;
	(void)idx;
	(void)l;
	(void)p;
	if (!o)
		return;
	lq_session_clear(&o->session);
	explicit_bzero(o->ticket_key, sizeof(o->ticket_key));
	free(o->in);
	free(o);
}

/* SSL_dup() makes a session of its own. */
static int dup_session(CRYPTO_EX_DATA *to, const CRYPTO_EX_DATA *from, void **data, int idx,
		       long l, void *p)
{
	(void)to;
	(void)from;
	(void)idx;
	(void)l;
	(void)p;
	*data = NULL;
	return 1;
}

static void start(void)
{
	if (RAND_bytes(self.random, sizeof(self.random)) > 0)
		ex_index = SSL_get_ex_new_index(0, NULL, NULL, dup_session, free_session);
}

struct quic_session *lq_session(void *tls)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct lq_openssl *o;

	pthread_once(&once, start);
	if (ex_index < 0)
		return NULL;
	o = SSL_get_ex_data(tls, ex_index);
	if (o)
		return &o->session;
	o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	lq_session_init(&o->session, tls);
	if (!SSL_set_ex_data(tls, ex_index, o)) {
		free(o);
		return NULL;
	}
	return &o->session;
}

int lq_tls_socket(void *tls)
{
	struct quic_session *s = lq_session(tls);

	return s && lq_openssl(s)->hooked ? lq_openssl(s)->sd : SSL_get_fd(tls);
}

/* Callbacks of our SSL_CTX */

static void on_keylog(const SSL *ssl, const char *line)
{
	struct quic_session *s = lq_session((SSL *)ssl);
	const char *path = s ? s->keylogfile : NULL;
	char text[512];

#ifdef OPENSSL_NO_SSLKEYLOG
	if (!path)
		path = secure_getenv("SSLKEYLOGFILE");
#endif
	if (!path)
		return;
	snprintf(text, sizeof(text), "%s\n", line);
	lq_keylog_write(path, text);
	explicit_bzero(text, sizeof(text));
}

/*
 * The kernel's 64 bytes: a name (16), a key to encrypt (32), one for the MAC (16).
 * 2 of a ticket that came: it is good, and another follows it.
 */
static int on_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
			 EVP_MAC_CTX *mac, int enc)
{
	struct quic_session *s = lq_session(ssl);
	unsigned char *key = s ? lq_openssl(s)->ticket_key : NULL;
	OSSL_PARAM params[3];

	if (!s || !lq_openssl(s)->has_ticket_key)
		return 0;
	if (!enc && CRYPTO_memcmp(name, key, 16))
		return 0;
	params[0] = OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key + 48, 16);
	params[1] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"sha256", 0);
	params[2] = OSSL_PARAM_construct_end();
	if (!EVP_MAC_CTX_set_params(mac, params))
		return -1;
	if (!enc)
		return EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key + 16, iv) ? 2 : -1;
	memcpy(name, key, 16);
	if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) <= 0)
		return -1;
	return EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, key + 16, iv) ? 1 : -1;
}

/* A fork is another process: it has no list of what its parent takes later. */
static struct issuer this_issuer(void)
{
	struct issuer issuer;

	memset(&issuer, 0, sizeof(issuer));
	memcpy(issuer.random, self.random, sizeof(issuer.random));
	issuer.pid = getpid();
	return issuer;
}

static int on_new_ticket(SSL *ssl, void *arg)
{
	struct issuer issuer = this_issuer();

	(void)arg;
	return SSL_SESSION_set1_ticket_appdata(SSL_get0_session(ssl), &issuer, sizeof(issuer));
}

static bool is_own_ticket(SSL *ssl)
{
	struct issuer issuer = this_issuer();
	void *data;
	size_t len;

	return SSL_SESSION_get0_ticket_appdata(SSL_get0_session(ssl), &data, &len) &&
	       len == sizeof(issuer) && !memcmp(data, &issuer, len);
}

/*
 * Early data of a ClientHello is taken once.  Its random stands for it: with
 * another the binder of the ticket would not be right.
 */
static int on_early_data(SSL *ssl, void *arg)
{
	unsigned char random[SSL3_RANDOM_SIZE];

	(void)arg;
	if (!is_own_ticket(ssl) ||
	    SSL_get_client_random(ssl, random, sizeof(random)) != sizeof(random))
		return 0;
	return !lq_replay_add(random + sizeof(random) - LQ_REPLAY_ID, time(NULL) + REPLAY_SECONDS);
}

/* RFC 8446 §4.2.11: the hash of an external key is SHA-256, if nothing else is said. */
static SSL_SESSION *psk_session(SSL *ssl, const struct lq_psk *psk)
{
	static const unsigned char suite[] = { 0x13, 0x01 };	/* TLS_AES_128_GCM_SHA256 */
	const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suite);
	SSL_SESSION *session = SSL_SESSION_new();

	if (session && cipher && SSL_SESSION_set1_master_key(session, psk->key, psk->key_len) &&
	    SSL_SESSION_set_cipher(session, cipher) &&
	    SSL_SESSION_set_protocol_version(session, TLS1_3_VERSION))
		return session;
	SSL_SESSION_free(session);
	return NULL;
}

static int on_client_psk(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *id_len,
			 SSL_SESSION **session)
{
	struct quic_session *s = lq_session(ssl);
	const struct lq_psk *psk;

	*session = NULL;
	if (!s || !s->credentials)
		return 0;
	if (md && !EVP_MD_is_a(md, "SHA256"))
		return 1;
	psk = &s->credentials->psks[0];
	*id = (unsigned char *)psk->identity;
	*id_len = strlen(psk->identity);
	*session = psk_session(ssl, psk);
	return *session != NULL;
}

/* Called for tickets as well: that there is no key may mean nothing. */
static int on_server_psk(SSL *ssl, const unsigned char *id, size_t len, SSL_SESSION **session)
{
	struct quic_session *s = lq_session(ssl);
	const struct lq_psk *psk;

	*session = NULL;
	if (!s || !s->credentials)
		return 0;
	psk = lq_credentials_psk(s->credentials, id, len);
	lq_printable(psk ? s->psk_asked : lq_openssl(s)->psk_unknown, sizeof(s->psk_asked), id, len);
	if (!psk)
		return 1;
	*session = psk_session(ssl, psk);
	return *session != NULL;
}

/* Credentials */

int lq_tls_hmac(const void *key, size_t key_len, const void *data, size_t len,
		unsigned char mac[LQ_HMAC_SIZE])
{
	return HMAC(EVP_sha256(), key, (int)key_len, data, len, mac, NULL) ? 0 : -ENOMEM;
}

int lq_tls_credentials_new(struct quic_credentials *c)
{
	static const unsigned char name[] = "libquic";
	SSL_CTX *ctx = SSL_CTX_new(c->is_server ? TLS_server_method() : TLS_client_method());

	c->tls = ctx;
	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) ||
	    !SSL_CTX_set_ciphersuites(ctx, QUIC_PRIORITY))
		return -ENOMEM;
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_keylog_callback(ctx, on_keylog);
	if (!c->is_server)
		return 0;
	/* Ours, on_early_data(), is for tickets without a cache. */
	SSL_CTX_set_options(ctx, SSL_OP_NO_ANTI_REPLAY);
	SSL_CTX_set_alpn_select_cb(ctx, lq_openssl_on_alpn, NULL);
	return SSL_CTX_set_session_id_context(ctx, name, sizeof(name) - 1) &&
	       SSL_CTX_set_num_tickets(ctx, 0) &&
	       SSL_CTX_set_session_ticket_cb(ctx, on_new_ticket, NULL, NULL) &&
	       SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket_key) ? 0 : -ENOMEM;
}

void lq_tls_credentials_free(struct quic_credentials *c)
{
	SSL_CTX_free(c->tls);
}

/* The library's first reason, and an end to all of them */
static const char *take_reason(void)
{
	const char *why = ERR_reason_error_string(ERR_peek_error());

	ERR_clear_error();
	return why ? why : "unknown error";
}

static enum lq_pair_fault load_chain(SSL_CTX *ctx, const struct lq_data *data, const char **why)
{
	BIO *bio = BIO_new_mem_buf(data->data, (int)data->size);
	enum lq_pair_fault fault = PAIR_OK;
	bool first = true;
	X509 *crt = NULL;

	if (!bio)
		return PAIR_MEMORY;
	while (!fault && (crt = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		if (first ? !SSL_CTX_use_certificate(ctx, crt) : !SSL_CTX_add1_chain_cert(ctx, crt))
			fault = PAIR_CERTIFICATE;
		first = false;
		X509_free(crt);
	}
	BIO_free(bio);
	if (first)
		fault = PAIR_CERTIFICATE;
	if (fault)
		*why = take_reason();
	ERR_clear_error();	/* no more of them */
	return fault;
}

/* A pem_password_cb: there is none, and that it was asked for says enough. */
static int on_password(char *buf, int size, int rwflag, void *asked)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	*(bool *)asked = true;
	return -1;
}

static enum lq_pair_fault load_key(SSL_CTX *ctx, const struct lq_data *data, const char **why)
{
	BIO *bio = BIO_new_mem_buf(data->data, (int)data->size);
	enum lq_pair_fault fault = PAIR_OK;
	bool asked = false;
	EVP_PKEY *key;

	if (!bio)
		return PAIR_MEMORY;
	key = PEM_read_bio_PrivateKey(bio, NULL, on_password, &asked);
	if (!key)
		fault = asked ? PAIR_ENCRYPTED : PAIR_KEY;
	else if (!X509_check_private_key(SSL_CTX_get0_certificate(ctx), key))
		fault = PAIR_MISMATCH;
	else if (!SSL_CTX_use_PrivateKey(ctx, key))
		fault = PAIR_KEY;
	EVP_PKEY_free(key);
	BIO_free(bio);
	*why = take_reason();
	return fault;
}

enum lq_pair_fault lq_tls_load_pair(struct quic_credentials *c, const struct lq_data *cert,
				    const struct lq_data *key, const char **why)
{
	enum lq_pair_fault fault = load_chain(c->tls, cert, why);

	return fault ? fault : load_key(c->tls, key, why);
}

bool lq_tls_trust_system(struct quic_credentials *c)
{
	return SSL_CTX_set_default_verify_paths(c->tls);
}

int lq_tls_trust(struct quic_credentials *c, const struct lq_data *ca, const char **why)
{
	BIO *bio = BIO_new_mem_buf(ca->data, (int)ca->size);
	X509_STORE *store = SSL_CTX_get_cert_store(c->tls);
	unsigned int count = 0;
	int err = bio ? 0 : -ENOMEM;
	X509 *crt;

	while (!err && (crt = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		if (!X509_STORE_add_cert(store, crt) ||
		    (c->is_server && !SSL_CTX_add_client_CA(c->tls, crt)))
			err = -ENOMEM;
		count++;
		X509_free(crt);
	}
	BIO_free(bio);
	if (!err && !count)
		err = -EBADMSG;
	*why = take_reason();
	return err;
}

int lq_tls_load_psk(struct quic_credentials *c)
{
	if (c->is_server)
		SSL_CTX_set_psk_find_session_callback(c->tls, on_server_psk);
	else
		SSL_CTX_set_psk_use_session_callback(c->tls, on_client_psk);
	return 0;
}

/* Making sessions */

int lq_tls_new(int sd, bool is_server, bool early_data, const struct quic_credentials *c,
	       void **result)
{
	SSL *ssl = SSL_new(c->tls);

	if (ssl && is_server)
		SSL_set_allow_early_data_cb(ssl, on_early_data, NULL);
	if (!ssl || !SSL_set_fd(ssl, sd) ||
	    (early_data && !SSL_set_max_early_data(ssl, 0xffffffffU)) ||
	    (early_data && !SSL_set_recv_max_early_data(ssl, 0xffffffffU))) {
		SSL_free(ssl);
		ERR_clear_error();
		return -ENOMEM;
	}
	*result = ssl;
	return 0;
}

void lq_tls_free(void *tls)
{
	SSL_free(tls);
}

static const char *suite_of(uint32_t cipher)
{
	switch (cipher) {
	case TLS_CIPHER_AES_GCM_128:
		return "TLS_AES_128_GCM_SHA256";
	case TLS_CIPHER_AES_GCM_256:
		return "TLS_AES_256_GCM_SHA384";
	case TLS_CIPHER_AES_CCM_128:
		return "TLS_AES_128_CCM_SHA256";
	case TLS_CIPHER_CHACHA20_POLY1305:
		return "TLS_CHACHA20_POLY1305_SHA256";
	default:
		return NULL;
	}
}

/* Cipher suites are called TLS_something, what else there is are groups. */
static void split_priority(const char *priority, char *suites, char *groups)
{
	size_t len;
	char *to;

	*suites = *groups = '\0';
	for (; *priority; priority += len + (priority[len] == ':')) {
		len = strcspn(priority, ":");
		to = strncmp(priority, "TLS_", 4) ? groups : suites;
		if (*to)
			strcat(to, ":");
		strncat(to, priority, len);
	}
}

int lq_tls_set_priority(struct quic_session *s, const char *priority, uint32_t cipher)
{
	char suites[512], groups[512];

	if (!priority)
		priority = suite_of(cipher);
	if (!priority)
		return 0;
	if (strlen(priority) < sizeof(suites)) {
		split_priority(priority, suites, groups);
		if ((!*suites || SSL_set_ciphersuites(s->tls, suites)) &&
		    (!*groups || SSL_set1_groups_list(s->tls, groups)))
			return 0;
	}
	lq_log(QUIC_LOG_ERROR, "priority string '%s': %s", priority, take_reason());
	return -EINVAL;
}

int lq_tls_set_server_name(struct quic_session *s, const char *name, size_t len)
{
	char copy[TLSEXT_MAXLEN_host_name + 1];

	if (len < sizeof(copy)) {
		memcpy(copy, name, len);
		copy[len] = '\0';
		if (SSL_set_tlsext_host_name(s->tls, copy))
			return 0;
	}
	lq_log(QUIC_LOG_ERROR, "host name '%s': %s", name, take_reason());
	return -EINVAL;
}

void lq_tls_set_ticket_key(struct quic_session *s, const unsigned char *key)
{
	struct lq_openssl *o = lq_openssl(s);

	memcpy(o->ticket_key, key, sizeof(o->ticket_key));
	o->has_ticket_key = true;
	SSL_set_num_tickets(s->tls, 1);
}

/* on_keylog() looks for itself. */
int lq_tls_set_keylog(struct quic_session *s)
{
	(void)s;
	return 0;
}

/* Tickets of servers that want no certificate are none for those that do. */
void lq_tls_require_certificate(struct quic_session *s)
{
	static const unsigned char name[] = "libquic, certificate";

	SSL_set_session_id_context(s->tls, name, sizeof(name) - 1);
	SSL_set_verify(s->tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
		       lq_openssl_on_verify);
}

int lq_tls_set_alpn(struct quic_session *s, const struct lq_data *names, unsigned int count)
{
	struct lq_openssl *o = lq_openssl(s);
	unsigned int i;

	o->alpn_len = 0;
	for (i = 0; i < count; i++) {
		o->alpn[o->alpn_len++] = (unsigned char)names[i].size;
		memcpy(o->alpn + o->alpn_len, names[i].data, names[i].size);
		o->alpn_len += names[i].size;
	}
	/* A client offers them, a server has lq_openssl_on_alpn(). */
	return SSL_set_alpn_protos(s->tls, o->alpn, o->alpn_len) ? -ENOMEM : 0;
}

/* What was agreed on */

bool lq_tls_alpn(struct quic_session *s, struct lq_data *name)
{
	const unsigned char *data;
	unsigned int len;

	SSL_get0_alpn_selected(s->tls, &data, &len);
	name->data = (unsigned char *)data;
	name->size = len;
	return len;
}

bool lq_tls_is_resumed(struct quic_session *s)
{
	return lq_openssl(s)->resumed;
}

bool lq_tls_early_data(struct quic_session *s)
{
	return SSL_get_early_data_status(s->tls) == SSL_EARLY_DATA_ACCEPTED;
}

/* Resumption */

int lq_tls_export(struct quic_session *s, struct lq_data *state)
{
	SSL_SESSION *session = SSL_get0_session(s->tls);
	int len;

	if (!session || !SSL_SESSION_has_ticket(session) || !SSL_SESSION_is_resumable(session))
		return -EAGAIN;
	len = i2d_SSL_SESSION(session, &state->data);
	if (len <= 0)
		return -ENOMEM;
	state->size = (unsigned int)len;
	return 0;
}

void lq_tls_export_free(struct lq_data *state)
{
	OPENSSL_clear_free(state->data, state->size);
}

int lq_tls_import(struct quic_session *s, const void *state, size_t len)
{
	const unsigned char *p = state;
	SSL_SESSION *session = d2i_SSL_SESSION(NULL, &p, (long)len);
	int err = 0;

	if (!session || SSL_SESSION_get_protocol_version(session) != TLS1_3_VERSION ||
	    !SSL_set_session(s->tls, session)) {
		lq_log(QUIC_LOG_ERROR, "session data not usable: %s", take_reason());
		err = -EINVAL;
	}
	SSL_SESSION_free(session);
	return err;
}

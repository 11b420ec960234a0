// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Keys, certificates and trust from files, shared by handshakes.
 *
 * Immutable once made but for the reference count, so threads may share them.
 * Every failure says which file is at fault.
 */
#include <errno.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct quic_credentials *lq_credentials_get(struct quic_credentials *c)
{
	__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

void quic_credentials_free(struct quic_credentials *c)
{
	if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
		return;
	if (c->x509)
		gnutls_certificate_free_credentials(c->x509);
	if (c->psk_client)
		gnutls_psk_free_client_credentials(c->psk_client);
	if (c->psk_server)
		gnutls_psk_free_server_credentials(c->psk_server);
	lq_psk_free(c->psks, c->psk_count);
	free(c);
}

/* Who is at fault when GnuTLS refuses a pair of files? */
static int explain_pair(int ret, const char *certfile, const gnutls_datum_t *cert,
			const char *keyfile, const gnutls_datum_t *key)
{
	gnutls_x509_crt_t *list = NULL;
	gnutls_x509_privkey_t k;
	unsigned int n = 0, i;
	int err;

	if (ret == GNUTLS_E_CERTIFICATE_KEY_MISMATCH) {
		lq_log(QUIC_LOG_ERROR, "key file '%s' does not match the certificate in '%s'",
		       keyfile, certfile);
		return -EKEYREJECTED;
	}
	err = gnutls_x509_crt_list_import2(&list, &n, cert, GNUTLS_X509_FMT_PEM, 0);
	for (i = 0; err >= 0 && i < n; i++)
		gnutls_x509_crt_deinit(list[i]);
	gnutls_free(list);
	if (err < 0) {
		lq_log(QUIC_LOG_ERROR, "certificate file '%s' is not a PEM certificate: %s",
		       certfile, gnutls_strerror(err));
		return -EBADMSG;
	}
	if (gnutls_x509_privkey_init(&k))
		return -ENOMEM;
	err = gnutls_x509_privkey_import2(k, key, GNUTLS_X509_FMT_PEM, NULL, 0);
	gnutls_x509_privkey_deinit(k);
	if (err == GNUTLS_E_DECRYPTION_FAILED)
		lq_log(QUIC_LOG_ERROR, "key file '%s' is encrypted, which is not supported", keyfile);
	else
		lq_log(QUIC_LOG_ERROR, "key file '%s' is not a usable PEM private key: %s", keyfile,
		       gnutls_strerror(err ? err : ret));
	return -EBADMSG;
}

static int load_pair(struct quic_credentials *c, const char *certfile, const char *keyfile)
{
	gnutls_datum_t cert, key;
	int err, ret;

	err = lq_file_read(certfile, "certificate file", &cert);
	if (err)
		return err;
	err = lq_file_read(keyfile, "key file", &key);
	if (!err) {
		ret = gnutls_certificate_set_x509_key_mem2(c->x509, &cert, &key,
							   GNUTLS_X509_FMT_PEM, NULL, 0);
		if (ret < 0)
			err = explain_pair(ret, certfile, &cert, keyfile, &key);
	}
	lq_file_free(&key);
	lq_file_free(&cert);
	return err;
}

static int load_trust(struct quic_credentials *c, const char *cafile)
{
	gnutls_datum_t ca;
	int err, ret;

	if (!cafile) {
		ret = gnutls_certificate_set_x509_system_trust(c->x509);
		if (ret <= 0)
			lq_log(QUIC_LOG_WARNING, "no trusted certificates in the system's store");
		return 0;
	}
	err = lq_file_read(cafile, "CA file", &ca);
	if (err)
		return err;
	ret = gnutls_certificate_set_x509_trust_mem(c->x509, &ca, GNUTLS_X509_FMT_PEM);
	lq_file_free(&ca);
	if (ret > 0)
		return 0;
	lq_log(QUIC_LOG_ERROR, "CA file '%s' holds no PEM certificate: %s", cafile,
	       ret ? gnutls_strerror(ret) : "none found");
	return -EBADMSG;
}

static int load_x509(struct quic_credentials *c, const struct quic_handshake_params *p)
{
	int err;

	if (!p->certfile != !p->keyfile) {
		lq_log(QUIC_LOG_ERROR, "certificate and key need each other: no %s file given",
		       p->certfile ? "key" : "certificate");
		return -EINVAL;
	}
	if (gnutls_certificate_allocate_credentials(&c->x509)) {
		c->x509 = NULL;
		return -ENOMEM;
	}
	/* An insecure client needs no trust, a server's is for client certificates. */
	if (p->cafile || (!c->is_server && !p->insecure)) {
		err = load_trust(c, p->cafile);
		if (err)
			return err;
	}
	c->verify_clients = c->is_server && p->cafile;
	return p->certfile ? load_pair(c, p->certfile, p->keyfile) : 0;
}

static int set_client_psk(struct quic_credentials *c, const struct lq_psk *psk)
{
	const gnutls_datum_t identity = {
		(unsigned char *)psk->identity, (unsigned int)strlen(psk->identity)
	};
	const gnutls_datum_t key = { psk->key, psk->key_len };

	if (gnutls_psk_allocate_client_credentials(&c->psk_client)) {
		c->psk_client = NULL;
		return -ENOMEM;
	}
	return gnutls_psk_set_client_credentials2(c->psk_client, &identity, &key,
						  GNUTLS_PSK_KEY_RAW) ? -ENOMEM : 0;
}

static int load_client_psk(struct quic_credentials *c, const struct quic_handshake_params *p)
{
	struct lq_psk *psks;
	size_t i = 0, count;
	int err;

	err = lq_psk_read(p->pskfile, &psks, &count);
	if (err)
		return err;
	while (p->psk_identity && i < count && strcmp(psks[i].identity, p->psk_identity))
		i++;
	if (i < count) {
		err = set_client_psk(c, &psks[i]);
	} else {
		lq_log(QUIC_LOG_ERROR, "PSK file '%s' has no identity '%s'", p->pskfile,
		       p->psk_identity);
		err = -ENOKEY;
	}
	lq_psk_free(psks, count);
	return err;
}

static const struct lq_psk *find_psk(const struct quic_credentials *c, const gnutls_datum_t *name)
{
	size_t i;

	for (i = 0; i < c->psk_count; i++)
		if (strlen(c->psks[i].identity) == name->size &&
		    !memcmp(c->psks[i].identity, name->data, name->size))
			return &c->psks[i];
	return NULL;
}

/* Called by GnuTLS, which wipes and frees the copy. */
static int on_psk(gnutls_session_t tls, const gnutls_datum_t *name, gnutls_datum_t *key)
{
	struct quic_session *s = lq_session(tls);
	struct lq_failure *failure;
	const struct lq_psk *psk;
	char text[64];

	if (!s || !s->credentials)
		return -1;
	psk = find_psk(s->credentials, name);
	if (!psk) {
		lq_printable(text, sizeof(text), name->data, name->size);
		failure = lq_handshake_failure(tls);
		if (failure)
			lq_fail(failure, -EKEYREJECTED, GNUTLS_A_UNKNOWN_PSK_IDENTITY,
				"no key for the client's PSK identity '%s'", text);
		return -1;
	}
	key->data = gnutls_malloc(psk->key_len);
	if (!key->data)
		return -1;
	memcpy(key->data, psk->key, psk->key_len);
	key->size = psk->key_len;
	lq_printable(s->psk_asked, sizeof(s->psk_asked), name->data, name->size);
	return 0;
}

static int load_server_psk(struct quic_credentials *c, const char *path)
{
	int err = lq_psk_read(path, &c->psks, &c->psk_count);

	if (err)
		return err;
	if (gnutls_psk_allocate_server_credentials(&c->psk_server)) {
		c->psk_server = NULL;
		return -ENOMEM;
	}
	gnutls_psk_set_server_credentials_function2(c->psk_server, on_psk);
	return 0;
}

static int load(struct quic_credentials *c, const struct quic_handshake_params *p)
{
	int err;

	if (c->is_server && !p->certfile && !p->keyfile && !p->pskfile) {
		lq_log(QUIC_LOG_ERROR, "a server needs a certificate and its key, or a PSK file");
		return -EINVAL;
	}
	if (p->pskfile) {
		err = c->is_server ? load_server_psk(c, p->pskfile) : load_client_psk(c, p);
		if (err)
			return err;
	}
	/* With a PSK alone there are no certificates. */
	if (p->pskfile && !p->certfile && !p->keyfile)
		return 0;
	return load_x509(c, p);
}

int lq_credentials_new(const struct quic_handshake_params *p, bool is_server,
		       struct quic_credentials **credentials)
{
	struct quic_credentials *c = calloc(1, sizeof(*c));
	int err;

	*credentials = NULL;
	if (!c)
		return -ENOMEM;
	c->refs = 1;
	c->is_server = is_server;
	err = load(c, p);
	if (err)
		quic_credentials_free(c);
	else
		*credentials = c;
	return err;
}

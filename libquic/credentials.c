// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Keys, certificates and trust from files, shared by handshakes.
 *
 * Immutable once made but for the reference count, so threads may share them.
 * Every failure says which file is at fault.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tls.h"

struct quic_credentials *lq_credentials_get(struct quic_credentials *c)
{
	__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

void quic_credentials_free(struct quic_credentials *c)
{
	if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL))
		return;
	lq_tls_credentials_free(c);
	lq_psk_free(c->psks, c->psk_count);
	explicit_bzero(c->binding, sizeof(c->binding));
	free(c);
}

/*
 * The kernel has one ticket key for all servers of a network namespace, and whoever
 * may make a socket can read it.  A ticket that another server, or somebody, made with
 * it must not stand for a check of the peer that these credentials ask for.  So what
 * is in their files, the private key above all, is mixed into the key.
 */
static int bind_to(struct quic_credentials *c, const char *what, const void *data, size_t len)
{
	int err = lq_tls_hmac(c->binding, sizeof(c->binding), what, strlen(what), c->binding);

	return err ? err : lq_tls_hmac(c->binding, sizeof(c->binding), data, len, c->binding);
}

int lq_credentials_bind(const struct quic_credentials *c, unsigned char key[QUIC_TICKET_KEY_SIZE])
{
	unsigned char data[1 + QUIC_TICKET_KEY_SIZE];
	int half, err = 0;

	memcpy(data + 1, key, QUIC_TICKET_KEY_SIZE);
	for (half = 0; half < 2 && !err; half++) {
		data[0] = (unsigned char)half;
		err = lq_tls_hmac(c->binding, sizeof(c->binding), data, sizeof(data),
				  key + half * LQ_HMAC_SIZE);
	}
	explicit_bzero(data, sizeof(data));
	return err;
}

/* Who is at fault when a pair of files is refused? */
static int explain_pair(enum lq_pair_fault fault, const char *certfile, const char *keyfile,
			const char *why)
{
	switch (fault) {
	case PAIR_OK:
		return 0;
	case PAIR_MEMORY:
		return -ENOMEM;
	case PAIR_MISMATCH:
		lq_log(QUIC_LOG_ERROR, "key file '%s' does not match the certificate in '%s'",
		       keyfile, certfile);
		return -EKEYREJECTED;
	case PAIR_CERTIFICATE:
		lq_log(QUIC_LOG_ERROR, "certificate file '%s' is not a PEM certificate: %s",
		       certfile, why);
		return -EBADMSG;
	case PAIR_ENCRYPTED:
		lq_log(QUIC_LOG_ERROR, "key file '%s' is encrypted, which is not supported", keyfile);
		return -EBADMSG;
	case PAIR_KEY:
		break;
	}
	lq_log(QUIC_LOG_ERROR, "key file '%s' is not a usable PEM private key: %s", keyfile, why);
	return -EBADMSG;
}

static int load_pair(struct quic_credentials *c, const char *certfile, const char *keyfile)
{
	enum lq_pair_fault fault;
	struct lq_data cert, key;
	const char *why = "";
	int err;

	err = lq_file_read(certfile, "certificate file", &cert);
	if (err)
		return err;
	err = lq_file_read(keyfile, "key file", &key);
	if (!err) {
		fault = lq_tls_load_pair(c, &cert, &key, &why);
		err = explain_pair(fault, certfile, keyfile, why);
	}
	if (!err)
		err = bind_to(c, "certificate", cert.data, cert.size);
	if (!err)
		err = bind_to(c, "key", key.data, key.size);
	lq_file_free(&key);
	lq_file_free(&cert);
	return err;
}

static int load_trust(struct quic_credentials *c, const char *cafile)
{
	const char *why = "none found";
	struct lq_data ca;
	int err;

	if (!cafile) {
		if (!lq_tls_trust_system(c))
			lq_log(QUIC_LOG_WARNING, "no trusted certificates in the system's store");
		return 0;
	}
	err = lq_file_read(cafile, "CA file", &ca);
	if (err)
		return err;
	err = lq_tls_trust(c, &ca, &why);
	if (!err)
		err = bind_to(c, "authorities", ca.data, ca.size);
	lq_file_free(&ca);
	if (err == -EBADMSG)
		lq_log(QUIC_LOG_ERROR, "CA file '%s' holds no PEM certificate: %s", cafile, why);
	return err;
}

static int load_x509(struct quic_credentials *c, const struct quic_handshake_params *p)
{
	int err;

	if (!p->certfile != !p->keyfile) {
		lq_log(QUIC_LOG_ERROR, "certificate and key need each other: no %s file given",
		       p->certfile ? "key" : "certificate");
		return -EINVAL;
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

/* A client keeps the one key that it will use. */
static int choose_psk(struct quic_credentials *c, const struct quic_handshake_params *p)
{
	struct lq_psk chosen;
	size_t i = 0;

	while (p->psk_identity && i < c->psk_count && strcmp(c->psks[i].identity, p->psk_identity))
		i++;
	if (i == c->psk_count) {
		lq_log(QUIC_LOG_ERROR, "PSK file '%s' has no identity '%s'", p->pskfile,
		       p->psk_identity);
		return -ENOKEY;
	}
	chosen = c->psks[i];
	c->psks[i] = c->psks[0];
	c->psks[0] = chosen;
	return 0;
}

static int load_psk(struct quic_credentials *c, const struct quic_handshake_params *p)
{
	int err = lq_psk_read(p->pskfile, &c->psks, &c->psk_count);
	size_t i;

	for (i = 0; i < c->psk_count && !err; i++) {
		err = bind_to(c, "psk", c->psks[i].identity, strlen(c->psks[i].identity));
		if (!err)
			err = bind_to(c, "its key", c->psks[i].key, c->psks[i].key_len);
	}
	if (!err && !c->is_server)
		err = choose_psk(c, p);
	return err ? err : lq_tls_load_psk(c);
}

const struct lq_psk *lq_credentials_psk(const struct quic_credentials *c, const void *identity,
					size_t len)
{
	size_t i;

	for (i = 0; i < c->psk_count; i++)
		if (strlen(c->psks[i].identity) == len &&
		    !memcmp(c->psks[i].identity, identity, len))
			return &c->psks[i];
	return NULL;
}

static int load(struct quic_credentials *c, const struct quic_handshake_params *p)
{
	int err;

	if (c->is_server && !p->certfile && !p->keyfile && !p->pskfile) {
		lq_log(QUIC_LOG_ERROR, "a server needs a certificate and its key, or a PSK file");
		return -EINVAL;
	}
	/* With a PSK alone there are no certificates. */
	c->x509 = !p->pskfile || p->certfile || p->keyfile;
	err = lq_tls_credentials_new(c);
	if (!err && p->insecure)
		err = bind_to(c, "insecure", NULL, 0);
	if (!err && p->pskfile)
		err = load_psk(c, p);
	if (!err && c->x509)
		err = load_x509(c, p);
	return err;
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

// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <gnutls/gnutls.h>

#include "pair.h"
#include "test.h"
#include "tls.h"

const char tls_client_trace[] = "pg >i <i +hw +hr <h ps <h <h <h >h +aw +ar";
const char tls_server_trace[] = "<i ps pg +hw +hr >iM >hM >hM >hM >h +aw <h +ar >a";
const char tls_early_client_trace[] = "pg +ew >i ";
const bool tls_early_window = true;
const char tls_retry_priority[] = QUIC_PRIORITY ":-GROUP-ALL:+GROUP-SECP384R1";

static gnutls_anti_replay_t replay;	/* for good: it refuses tickets older than it is */

/* Nothing is a replay here; GnuTLS takes 0-RTT only if asked to look. */
static int add_seen(void *arg, time_t expires, const gnutls_datum_t *key,
		    const gnutls_datum_t *data)
{
	(void)arg;
	(void)expires;
	(void)key;
	(void)data;
	return 0;
}

static int set_up(struct tls_raw *r, int fd, const struct quic_handshake_params *p,
		  unsigned int flags)
{
	gnutls_session_t tls;
	int err;

	err = gnutls_init(&tls, flags | GNUTLS_ENABLE_EARLY_DATA | GNUTLS_NO_END_OF_EARLY_DATA);
	if (err)
		return err;
	r->session = tls;
	gnutls_credentials_set(tls, GNUTLS_CRD_CERTIFICATE, r->credentials);
	gnutls_transport_set_int(tls, fd);
	err = gnutls_priority_set_direct(tls, QUIC_PRIORITY, NULL);
	if (!err && p->alpns)
		err = quic_session_set_alpn(tls, p->alpns, strlen(p->alpns));
	return err;
}

int tls_raw_client(struct tls_raw *r, const struct quic_handshake_params *p)
{
	gnutls_certificate_credentials_t cred;
	int err;

	gnutls_certificate_allocate_credentials(&cred);
	r->credentials = cred;
	gnutls_certificate_set_x509_trust_file(cred, p->cafile, GNUTLS_X509_FMT_PEM);
	err = set_up(r, FAKE_FD, p, GNUTLS_CLIENT);
	if (!err && p->session_data)
		err = quic_session_set_data(r->session, p->session_data, p->session_data_len);
	return err;
}

int tls_raw_server(struct tls_raw *r, const struct quic_handshake_params *p, bool auto_ticket)
{
	const gnutls_datum_t key = { fake[1].ticket_key, sizeof(fake[1].ticket_key) };
	gnutls_certificate_credentials_t cred;
	int err;

	gnutls_certificate_allocate_credentials(&cred);
	r->credentials = cred;
	err = gnutls_certificate_set_x509_key_file(cred, p->certfile, p->keyfile,
						   GNUTLS_X509_FMT_PEM);
	if (!err)
		err = set_up(r, FAKE_FD + 1, p, GNUTLS_SERVER |
			     (auto_ticket ? 0 : GNUTLS_NO_AUTO_SEND_TICKET));
	if (err)
		return err;
	if (!replay && !gnutls_anti_replay_init(&replay))
		gnutls_anti_replay_set_add_function(replay, add_seen);
	gnutls_anti_replay_enable(r->session, replay);
	return gnutls_session_ticket_enable_server(r->session, &key);
}

void tls_raw_free(struct tls_raw *r)
{
	if (r->session)
		gnutls_deinit(r->session);
	if (r->credentials)
		gnutls_certificate_free_credentials(r->credentials);
}

void tls_verify_itself(void *session, const char *host)
{
	gnutls_session_set_verify_cert(session, host, 0);
}

void tls_offer_old(void *session)
{
	gnutls_priority_set_direct(session, "NORMAL", NULL);
}

static ssize_t keep(gnutls_transport_ptr_t to, const void *data, size_t len)
{
	gnutls_datum_t *out = to;

	if (len > out->size)
		len = out->size;
	memcpy(out->data, data, len);
	out->size = len;
	return (ssize_t)len;
}

static ssize_t no_answer(gnutls_transport_ptr_t from, void *data, size_t len)
{
	(void)from;
	(void)data;
	(void)len;
	errno = EAGAIN;
	return -1;
}

size_t tls_hello(bool old, unsigned char *to, size_t size)
{
	gnutls_certificate_credentials_t cred;
	gnutls_datum_t hello = { to, size };
	gnutls_session_t tls;

	gnutls_certificate_allocate_credentials(&cred);
	gnutls_init(&tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK);
	gnutls_credentials_set(tls, GNUTLS_CRD_CERTIFICATE, cred);
	gnutls_priority_set_direct(tls, old ? "NORMAL:-VERS-ALL:+VERS-TLS1.2" : QUIC_PRIORITY, NULL);
	gnutls_transport_set_ptr(tls, &hello);
	gnutls_transport_set_push_function(tls, keep);
	gnutls_handshake_set_timeout(tls, 0);
	gnutls_transport_set_pull_function(tls, no_answer);
	gnutls_handshake(tls);
	gnutls_deinit(tls);
	gnutls_certificate_free_credentials(cred);
	if (hello.size <= 5 || hello.size == size)
		return 0;
	/* without the five bytes of the record header */
	memmove(to, to + 5, hello.size - 5);
	return hello.size - 5;
}

/* gnutls_session_set_ptr() is the program's. */
static const char *own_pointer(void)
{
	void *session, *mine = &session;
	struct pair p;

	pair_init(&p);
	CHECK(!quic_client_session_new(FAKE_FD, &p.client, &session));
	CHECK(!gnutls_session_get_ptr(session));
	gnutls_session_set_ptr(session, mine);
	CHECK(!quic_session_set_timeout(session, 1000));
	CHECK(gnutls_session_get_ptr(session) == mine);
	quic_session_free(session);
	return NULL;
}

const struct test tls_tests[] = {
	{ "gnutls_own_pointer", own_pointer },
	{ NULL, NULL }
};

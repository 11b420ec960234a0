// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Certificates by GnuTLS: is the peer the one that was wanted?
 */
#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#include "tls_gnutls.h"

static gnutls_x509_crt_t peer_certificate(gnutls_session_t tls)
{
	const gnutls_datum_t *chain;
	gnutls_x509_crt_t crt;
	unsigned int n;

	chain = gnutls_certificate_get_peers(tls, &n);
	if (!chain || !n || gnutls_x509_crt_init(&crt))
		return NULL;
	if (gnutls_x509_crt_import(crt, &chain[0], GNUTLS_X509_FMT_DER)) {
		gnutls_x509_crt_deinit(crt);
		return NULL;
	}
	return crt;
}

static void add_name(struct lq_verdict *v, int type, const unsigned char *data, size_t len)
{
	char text[128];

	if (type == GNUTLS_SAN_DNSNAME) {
		lq_printable(text, sizeof(text), data, len);
		lq_verdict_name(v, text);
	} else if (type == GNUTLS_SAN_IPADDRESS) {
		lq_verdict_address(v, data, len);
	}
}

/* The names that a certificate is for; its common name if there is no other */
static void list_names(gnutls_x509_crt_t crt, struct lq_verdict *v)
{
	unsigned char name[256];
	unsigned int i;
	size_t len;
	int type;

	for (i = 0; i < 16; i++) {
		len = sizeof(name);
		type = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &len, NULL);
		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		if (type >= 0)
			add_name(v, type, name, len);
	}
	len = sizeof(name);
	if (!*v->names && !gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0,
							 name, &len))
		add_name(v, GNUTLS_SAN_DNSNAME, name, len);
}

static void printable_dn(gnutls_x509_crt_t crt, bool issuer, char *to, size_t size)
{
	char dn[256];
	size_t len = sizeof(dn);
	int err;

	err = issuer ? gnutls_x509_crt_get_issuer_dn(crt, dn, &len) :
		       gnutls_x509_crt_get_dn(crt, dn, &len);
	if (err)
		snprintf(to, size, "?");
	else
		lq_printable(to, size, dn, strlen(dn));
}

/* The most telling of several problems: issuer, time, name, the rest. */
static enum lq_fault find_fault(unsigned int status)
{
	if (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA))
		return LQ_FAULT_ISSUER;
	if (status & GNUTLS_CERT_EXPIRED)
		return LQ_FAULT_EXPIRED;
	if (status & GNUTLS_CERT_NOT_ACTIVATED)
		return LQ_FAULT_NOT_YET;
	if (status & GNUTLS_CERT_UNEXPECTED_OWNER)
		return LQ_FAULT_NAME;
	return status & GNUTLS_CERT_REVOKED ? LQ_FAULT_REVOKED : LQ_FAULT_OTHER;
}

static void describe(gnutls_x509_crt_t crt, unsigned int status, struct lq_verdict *v)
{
	gnutls_datum_t text = { NULL, 0 };

	v->fault = find_fault(status);
	printable_dn(crt, false, v->subject, sizeof(v->subject));
	printable_dn(crt, true, v->issuer, sizeof(v->issuer));
	list_names(crt, v);
	v->from = gnutls_x509_crt_get_activation_time(crt);
	v->until = gnutls_x509_crt_get_expiration_time(crt);
	gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0);
	snprintf(v->text, sizeof(v->text), "%s", text.data ? (char *)text.data : "?");
	gnutls_free(text.data);
}

static int explain(struct quic_session *s, unsigned int status, bool is_server,
		   struct lq_failure *failure)
{
	gnutls_x509_crt_t crt = peer_certificate(s->tls);
	struct lq_verdict v = { .fault = LQ_FAULT_ABSENT };

	if (crt) {
		describe(crt, status, &v);
		gnutls_x509_crt_deinit(crt);
	}
	return lq_verdict_fail(&v, is_server, s->hostname, failure);
}

static int verify_chain(struct quic_session *s, bool is_server, struct lq_failure *failure)
{
	const char *purpose = is_server ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER;
	gnutls_typed_vdata_st data[2] = {
		{ .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = (unsigned char *)purpose },
		{ .type = GNUTLS_DT_DNS_HOSTNAME, .data = (unsigned char *)s->hostname },
	};
	const char *peer = is_server ? "client" : "server";
	unsigned int status = 0;
	int err;

	err = gnutls_certificate_verify_peers(s->tls, data, s->hostname ? 2 : 1, &status);
	if (!err && !status) {
		lq_gnutls(s)->verified = true;
		return 0;
	}
	if (err && err != GNUTLS_E_NO_CERTIFICATE_FOUND)
		lq_fail(failure, -EKEYREJECTED, LQ_ALERT_BAD_CERTIFICATE,
			"the %s's certificate cannot be verified: %s", peer, gnutls_strerror(err));
	return explain(s, status, is_server, failure);
}

/*
 * A resumed session was verified when its ticket was given.  Of a session that
 * the program made we know nothing but whether GnuTLS verified it.
 */
int lq_tls_verify(struct quic_session *s, bool is_server, struct lq_failure *failure)
{
	bool by_certificate = gnutls_auth_get_type(s->tls) == GNUTLS_CRD_CERTIFICATE;

	if (gnutls_session_is_resumed(s->tls) || lq_gnutls(s)->verified)
		return 0;
	if (s->psk_only && by_certificate) {
		lq_fail(failure, -EKEYREJECTED, LQ_ALERT_HANDSHAKE_FAILURE,
			"the peer does not use the pre-shared key");
		return failure->err;
	}
	if (!by_certificate || s->verify_off)
		return 0;
	if (gnutls_session_get_verify_cert_status(s->tls) == 0) {
		lq_gnutls(s)->verified = true;
		return 0;
	}
	return verify_chain(s, is_server, failure);
}

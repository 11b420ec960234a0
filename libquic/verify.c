// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Is the peer the one that was wanted?  And if not, why, in words.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "internal.h"

#define NAMES_SIZE	200

bool lq_is_address(const char *host)
{
	unsigned char buf[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, buf) == 1 || inet_pton(AF_INET6, host, buf) == 1;
}

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

static void append(char *to, const char *text)
{
	size_t len = strlen(to), more = strlen(text);

	if (len + 2 + more >= NAMES_SIZE)	/* enough for a message */
		return;
	if (len) {
		memcpy(to + len, ", ", 2);
		len += 2;
	}
	memcpy(to + len, text, more + 1);
}

static void append_name(char *names, int type, const unsigned char *data, size_t len)
{
	char text[128];

	if (type == GNUTLS_SAN_DNSNAME)
		lq_printable(text, sizeof(text), data, len);
	else if (type != GNUTLS_SAN_IPADDRESS ||
		 !inet_ntop(len == 4 ? AF_INET : AF_INET6, data, text, sizeof(text)))
		return;
	append(names, text);
}

/* The names that a certificate is for; its common name if there is no other */
static void list_names(gnutls_x509_crt_t crt, char names[NAMES_SIZE])
{
	unsigned char name[256];
	unsigned int i;
	char text[128];
	size_t len;
	int type;

	names[0] = '\0';
	for (i = 0; i < 16; i++) {
		len = sizeof(name);
		type = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &len, NULL);
		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		/* An address shorter than IPv6's 16 bytes but not IPv4's is none. */
		if (type >= 0 && (type != GNUTLS_SAN_IPADDRESS || len == 4 || len == 16))
			append_name(names, type, name, len);
	}
	len = sizeof(name);
	if (!*names && !gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0,
						      name, &len)) {
		lq_printable(text, sizeof(text), name, len);
		append(names, text);
	}
}

static void date(time_t t, char *to, size_t size)
{
	struct tm tm;

	if (t == (time_t)-1 || !gmtime_r(&t, &tm) || !strftime(to, size, "%Y-%m-%d %H:%M UTC", &tm))
		snprintf(to, size, "an unknown date");
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

static void fail_untrusted(gnutls_x509_crt_t crt, const char *peer, struct lq_failure *failure)
{
	char subject[160], issuer[160];

	printable_dn(crt, false, subject, sizeof(subject));
	printable_dn(crt, true, issuer, sizeof(issuer));
	lq_fail(failure, -EKEYREJECTED, GNUTLS_A_UNKNOWN_CA,
		"the %s's certificate (%s) has an unknown issuer (%s): no trusted CA vouches for it",
		peer, subject, issuer);
}

static void fail_owner(gnutls_x509_crt_t crt, const char *peer, const char *host,
		       struct lq_failure *failure)
{
	char names[NAMES_SIZE];

	list_names(crt, names);
	lq_fail(failure, -EKEYREJECTED, GNUTLS_A_BAD_CERTIFICATE,
		"the %s's certificate is for '%s', not for '%s'", peer, names, host);
}

static void fail_dates(gnutls_x509_crt_t crt, const char *peer, bool expired,
		       struct lq_failure *failure)
{
	char when[40];
	time_t end = gnutls_x509_crt_get_expiration_time(crt);

	if (expired && end > time(NULL)) {
		lq_fail(failure, -EKEYREJECTED, GNUTLS_A_CERTIFICATE_EXPIRED,
			"a CA certificate in the %s's chain has expired", peer);
		return;
	}
	date(expired ? end : gnutls_x509_crt_get_activation_time(crt), when, sizeof(when));
	lq_fail(failure, -EKEYREJECTED, GNUTLS_A_CERTIFICATE_EXPIRED,
		"the %s's certificate %s on %s", peer,
		expired ? "expired" : "is not valid yet: it starts", when);
}

static void fail_other(unsigned int status, const char *peer, struct lq_failure *failure)
{
	gnutls_datum_t text = { NULL, 0 };

	gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0);
	lq_fail(failure, -EKEYREJECTED, status & GNUTLS_CERT_REVOKED ?
		GNUTLS_A_CERTIFICATE_REVOKED : GNUTLS_A_BAD_CERTIFICATE,
		"the %s's certificate is refused: %s", peer, text.data ? (char *)text.data : "?");
	gnutls_free(text.data);
}

/* The most telling of several problems: time, issuer, name, the rest. */
static void explain(struct quic_session *s, unsigned int status, const char *peer,
		    struct lq_failure *failure)
{
	gnutls_x509_crt_t crt = peer_certificate(s->tls);

	if (!crt)
		lq_fail(failure, -EKEYREJECTED, GNUTLS_A_CERTIFICATE_REQUIRED,
			"the %s sent no certificate", peer);
	else if (status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA))
		fail_untrusted(crt, peer, failure);
	else if (status & (GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED))
		fail_dates(crt, peer, status & GNUTLS_CERT_EXPIRED, failure);
	else if (status & GNUTLS_CERT_UNEXPECTED_OWNER)
		fail_owner(crt, peer, s->hostname, failure);
	else
		fail_other(status, peer, failure);
	if (crt)
		gnutls_x509_crt_deinit(crt);
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
		s->verified = true;
		return 0;
	}
	if (err && err != GNUTLS_E_NO_CERTIFICATE_FOUND)
		lq_fail(failure, -EKEYREJECTED, GNUTLS_A_BAD_CERTIFICATE,
			"the %s's certificate cannot be verified: %s", peer, gnutls_strerror(err));
	explain(s, status, peer, failure);
	return failure->err;
}

/*
 * A resumed session was verified when its ticket was given.  Of a session that
 * the program made we know nothing but whether GnuTLS verified it.
 */
int lq_verify_peer(struct quic_session *s, bool is_server, struct lq_failure *failure)
{
	bool by_certificate = gnutls_auth_get_type(s->tls) == GNUTLS_CRD_CERTIFICATE;

	if (gnutls_session_is_resumed(s->tls) || s->verified)
		return 0;
	if (s->psk_only && by_certificate) {
		lq_fail(failure, -EKEYREJECTED, GNUTLS_A_HANDSHAKE_FAILURE,
			"the peer does not use the pre-shared key");
		return failure->err;
	}
	if (!by_certificate || s->verify_off)
		return 0;
	if (gnutls_session_get_verify_cert_status(s->tls) == 0) {
		s->verified = true;
		return 0;
	}
	return verify_chain(s, is_server, failure);
}

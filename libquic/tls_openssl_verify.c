// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Certificates by OpenSSL: it verifies the chain as it reads it, and here is said
 * what was wrong.
 */
#include <errno.h>
#include <string.h>
#include <openssl/x509v3.h>

#include "tls_openssl.h"

static enum lq_fault find_fault(int error)
{
	switch (error) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_CERT_UNTRUSTED:
	case X509_V_ERR_INVALID_CA:
		return LQ_FAULT_ISSUER;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return LQ_FAULT_EXPIRED;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return LQ_FAULT_NOT_YET;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return LQ_FAULT_NAME;
	case X509_V_ERR_CERT_REVOKED:
		return LQ_FAULT_REVOKED;
	default:
		return LQ_FAULT_OTHER;
	}
}

static void add_names(X509 *crt, struct lq_verdict *v)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(crt, NID_subject_alt_name, NULL, NULL);
	const ASN1_STRING *data;
	const GENERAL_NAME *name;
	char text[128];
	int i, type;

	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		name = sk_GENERAL_NAME_value(names, i);
		data = GENERAL_NAME_get0_value(name, &type);
		if (type == GEN_DNS) {
			lq_printable(text, sizeof(text), ASN1_STRING_get0_data(data),
				     (size_t)ASN1_STRING_length(data));
			lq_verdict_name(v, text);
		} else if (type == GEN_IPADD) {
			lq_verdict_address(v, ASN1_STRING_get0_data(data),
					   (size_t)ASN1_STRING_length(data));
		}
	}
	GENERAL_NAMES_free(names);
}

/* The names that a certificate is for; its common name if there is no other */
static void list_names(X509 *crt, struct lq_verdict *v)
{
	char name[128], text[128];
	int len;

	add_names(crt, v);
	if (*v->names)
		return;
	len = X509_NAME_get_text_by_NID(X509_get_subject_name(crt), NID_commonName, name,
					sizeof(name));
	if (len > 0) {
		lq_printable(text, sizeof(text), name, (size_t)len);
		lq_verdict_name(v, text);
	}
}

static void printable_dn(const X509_NAME *name, char *to, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	to[0] = '\0';
	if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0) {
		len = BIO_get_mem_data(bio, &text);
		lq_printable(to, size, text, len > 0 ? (size_t)len : 0);
	}
	BIO_free(bio);
}

static time_t to_time(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) ? timegm(&tm) : (time_t)-1;
}

static void describe(X509 *crt, struct lq_verdict *v)
{
	printable_dn(X509_get_subject_name(crt), v->subject, sizeof(v->subject));
	printable_dn(X509_get_issuer_name(crt), v->issuer, sizeof(v->issuer));
	list_names(crt, v);
	v->from = to_time(X509_get0_notBefore(crt));
	v->until = to_time(X509_get0_notAfter(crt));
}

/* OpenSSL's first fault need not be the most telling: issuer, time, name, the rest. */
static enum lq_fault first_fault(enum lq_fault fault, const struct lq_verdict *v)
{
	time_t now = time(NULL);

	if (fault == LQ_FAULT_ISSUER || fault == LQ_FAULT_EXPIRED)
		return fault;
	if (v->until != (time_t)-1 && v->until < now)
		return LQ_FAULT_EXPIRED;
	return v->from != (time_t)-1 && v->from > now ? LQ_FAULT_NOT_YET : fault;
}

/* A verify callback: the first fault ends the handshake. */
int lq_openssl_on_verify(int ok, X509_STORE_CTX *x)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(x, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct quic_session *s = ssl ? lq_session(ssl) : NULL;
	int error = X509_STORE_CTX_get_error(x);
	struct lq_verdict v = { .from = -1, .until = -1 };
	X509 *crt = X509_STORE_CTX_get0_cert(x);

	if (ok || !s || !s->handshake)
		return ok;
	if (s->verify_off && s->credentials)	/* a server that wants one, any */
		return 1;
	if (crt)
		describe(crt, &v);
	v.fault = first_fault(find_fault(error), &v);
	lq_printable(v.text, sizeof(v.text), X509_verify_cert_error_string(error),
		     strlen(X509_verify_cert_error_string(error)));
	lq_verdict_fail(&v, lq_openssl(s)->is_server, s->hostname, lq_handshake_failure(s));
	return 0;
}

int lq_openssl_expect_host(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	size_t len = strlen(host);

	if (lq_is_address(host))
		return X509_VERIFY_PARAM_set1_ip_asc(param, host) ? 0 : -ENOMEM;
	if (len && host[len - 1] == '.')	/* no part of a certificate's names */
		len--;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, host, len) ? 0 : -ENOMEM;
}

/* OpenSSL has verified, as lq_tls_begin() told it to; what is left is the kind of key. */
int lq_tls_verify(struct quic_session *s, bool is_server, struct lq_failure *failure)
{
	(void)is_server;
	if (!s->psk_only || SSL_session_reused(s->tls))
		return 0;
	lq_fail(failure, -EKEYREJECTED, LQ_ALERT_HANDSHAKE_FAILURE,
		"the peer does not use the pre-shared key");
	return failure->err;
}

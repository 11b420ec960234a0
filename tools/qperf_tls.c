// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The server's own certificate, and kTLS.
 *
 * kTLS here: TLS 1.3 with AES-128-GCM.  GnuTLS does the handshake on the TCP
 * socket, without session tickets; then its keys go to the kernel (TCP_ULP
 * "tls", TLS_TX, TLS_RX) and all data goes through plain send() and recv().
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <ifaddrs.h>
#include <linux/tls.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "qperf.h"

#ifndef SOL_TLS
#define SOL_TLS		282
#endif

#define KTLS_PRIORITY	"NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM"
#define CERT_DAYS	30
#define PEM_MAX		16384

struct ktls {
	gnutls_certificate_credentials_t cred;
	gnutls_priority_t		 priority;
	bool				 server;
	bool				 insecure;
};

static void must(int err, const char *what)
{
	if (err < 0)
		die(EX_TLS, "%s: %s", what, gnutls_strerror(err));
}

/* A path that gnutls and libquic can open; the descriptor stays open. */
static char *memory_file(const char *name, const void *data, size_t len)
{
	int fd = memfd_create(name, MFD_CLOEXEC);
	char *path;

	if (fd < 0 || write_all(fd, data, len) || asprintf(&path, "/proc/self/fd/%d", fd) < 0)
		die(EX_LOCAL, "%s in memory: %s", name, strerror(errno));
	return path;
}

static void add_ip(gnutls_x509_crt_t crt, const struct sockaddr *sa)
{
	const struct sockaddr_in6 *in6 = (const void *)sa;
	const struct sockaddr_in *in = (const void *)sa;

	if (sa && sa->sa_family == AF_INET)
		gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, &in->sin_addr,
						     4, GNUTLS_FSAN_APPEND);
	else if (sa && sa->sa_family == AF_INET6)
		gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS,
						     &in6->sin6_addr, 16, GNUTLS_FSAN_APPEND);
}

/* localhost, the host's name and every address that it has now */
static void add_names(gnutls_x509_crt_t crt)
{
	struct ifaddrs *list = NULL, *i;
	char name[256] = "";

	gethostname(name, sizeof(name) - 1);
	gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, "qperf", 5);
	gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, "localhost", 9,
					     GNUTLS_FSAN_SET);
	if (*name)
		gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
						     strlen(name), GNUTLS_FSAN_APPEND);
	if (getifaddrs(&list))
		return;
	for (i = list; i; i = i->ifa_next)
		add_ip(crt, i->ifa_addr);
	freeifaddrs(list);
}

static void write_certificate(const char *path, const void *pem, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	if (fd < 0 || write_all(fd, pem, len) || close(fd))
		die(EX_LOCAL, "--write-cert %s: %s", path, strerror(errno));
}

/* Self-signed, of 30 days, in files that only this process sees */
void tls_make_certificate(struct net_opts *o, const char *write_to)
{
	unsigned char serial[8] = { 1 }, pem[PEM_MAX];
	gnutls_x509_privkey_t key;
	gnutls_x509_crt_t crt;
	size_t len = sizeof(pem);

	must(gnutls_x509_privkey_init(&key), "key");
	must(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
					  GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
	     "key");
	must(gnutls_x509_crt_init(&crt), "certificate");
	must(gnutls_rnd(GNUTLS_RND_NONCE, serial + 1, sizeof(serial) - 1), "random");
	gnutls_x509_crt_set_version(crt, 3);
	gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	gnutls_x509_crt_set_activation_time(crt, time(NULL) - 3600);
	gnutls_x509_crt_set_expiration_time(crt, time(NULL) + CERT_DAYS * 86400);
	add_names(crt);
	must(gnutls_x509_crt_set_basic_constraints(crt, 1, -1), "certificate");
	must(gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE |
					   GNUTLS_KEY_KEY_CERT_SIGN), "certificate");
	must(gnutls_x509_crt_set_key(crt, key), "certificate");
	must(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), "certificate");

	must(gnutls_x509_crt_export(crt, GNUTLS_X509_FMT_PEM, pem, &len), "certificate");
	o->certfile = memory_file("qperf-cert", pem, len);
	if (write_to)
		write_certificate(write_to, pem, len);
	len = sizeof(pem);
	must(gnutls_x509_privkey_export(key, GNUTLS_X509_FMT_PEM, pem, &len), "key");
	o->keyfile = memory_file("qperf-key", pem, len);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
}

struct ktls *ktls_new(const struct net_opts *o, bool server)
{
	struct ktls *k = xcalloc(1, sizeof(*k));

	k->server = server;
	k->insecure = o->insecure;
	must(gnutls_certificate_allocate_credentials(&k->cred), "TLS");
	must(gnutls_priority_init(&k->priority, KTLS_PRIORITY, NULL), "TLS");
	if (server)
		must(gnutls_certificate_set_x509_key_file(k->cred, o->certfile, o->keyfile,
							  GNUTLS_X509_FMT_PEM), o->certfile);
	else if (o->cafile)
		must(gnutls_certificate_set_x509_trust_file(k->cred, o->cafile,
							    GNUTLS_X509_FMT_PEM), o->cafile);
	else if (!o->insecure)
		must(gnutls_certificate_set_x509_system_trust(k->cred), "trusted authorities");
	return k;
}

/* One direction's key from GnuTLS to the kernel */
static int install_key(gnutls_session_t session, int fd, bool read)
{
	struct tls12_crypto_info_aes_gcm_128 info = {
		.info.version = TLS_1_3_VERSION,
		.info.cipher_type = TLS_CIPHER_AES_GCM_128,
	};
	gnutls_datum_t mac, iv, key;
	unsigned char seq[8];
	int err = gnutls_record_get_state(session, read, &mac, &iv, &key, seq);

	if (err || iv.size < TLS_CIPHER_AES_GCM_128_SALT_SIZE + TLS_CIPHER_AES_GCM_128_IV_SIZE ||
	    key.size != TLS_CIPHER_AES_GCM_128_KEY_SIZE)
		return -EPROTO;
	memcpy(info.salt, iv.data, sizeof(info.salt));
	memcpy(info.iv, iv.data + sizeof(info.salt), sizeof(info.iv));
	memcpy(info.rec_seq, seq, sizeof(info.rec_seq));
	memcpy(info.key, key.data, sizeof(info.key));
	if (setsockopt(fd, SOL_TLS, read ? TLS_RX : TLS_TX, &info, sizeof(info)))
		err = -errno;
	explicit_bzero(&info, sizeof(info));
	return err;
}

static int install_keys(gnutls_session_t session, int fd)
{
	int err;

	/* Nothing may be left in GnuTLS that the kernel would never see. */
	if (gnutls_record_check_pending(session))
		return -EPROTO;
	if (setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")))
		return errno == ENOENT ? -EOPNOTSUPP : -errno;
	err = install_key(session, fd, false);
	return err ? err : install_key(session, fd, true);
}

static int open_session(struct ktls *k, int fd, const char *hostname, gnutls_session_t *session)
{
	unsigned int flags = GNUTLS_NO_TICKETS | (k->server ? GNUTLS_SERVER : GNUTLS_CLIENT);
	int err = gnutls_init(session, flags);

	if (err < 0)
		return -ENOMEM;
	gnutls_priority_set(*session, k->priority);
	gnutls_credentials_set(*session, GNUTLS_CRD_CERTIFICATE, k->cred);
	if (!k->server && !k->insecure)
		gnutls_session_set_verify_cert(*session, hostname, 0);
	gnutls_handshake_set_timeout(*session, NET_HANDSHAKE_TIMEOUT_MS);
	gnutls_transport_set_int(*session, fd);
	return 0;
}

/* 0 or a negative errno: EOPNOTSUPP where the kernel has no kTLS */
int ktls_handshake(struct ktls *k, int fd, const char *hostname)
{
	gnutls_session_t session;
	int err = open_session(k, fd, hostname, &session);

	if (err)
		return err;
	do
		err = gnutls_handshake(session);
	while (err < 0 && !gnutls_error_is_fatal(err));
	if (err < 0) {
		note("TLS: %s", gnutls_strerror(err));
		err = err == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR ? -EKEYREJECTED : -EPROTO;
	} else {
		err = install_keys(session, fd);
	}
	gnutls_deinit(session);
	return err;
}

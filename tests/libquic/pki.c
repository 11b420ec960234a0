// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The files, all PEM:
 *
 *	ca.pem other-ca.pem	two authorities
 *	server.pem .key		server.test and 192.0.2.1, by ca
 *	other.key		matches nothing
 *	expired.pem .key	server.test, until the year 2001
 *	client.pem .key		for a client, by ca
 *	psk.txt psk2.txt	the same identity with different keys
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "pki.h"

char pki_dir[64];

struct identity {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;
};

const char *pki_path(const char *name)
{
	static char paths[8][128];
	static unsigned int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", pki_dir, name);
	return path;
}

int pki_write(const char *name, const void *data, unsigned int len)
{
	FILE *f = fopen(pki_path(name), "w");
	int err;

	if (!f)
		return GNUTLS_E_FILE_ERROR;
	err = fwrite(data, 1, len, f) != len;
	return fclose(f) || err ? GNUTLS_E_FILE_ERROR : 0;
}

static int write_datum(const char *name, const char *suffix, gnutls_datum_t *data)
{
	char file[64];
	int err;

	snprintf(file, sizeof(file), "%s.%s", name, suffix);
	err = pki_write(file, data->data, data->size);
	gnutls_free(data->data);
	return err;
}

static int make_key(gnutls_x509_privkey_t *key)
{
	int err = gnutls_x509_privkey_init(key);

	return err ? err : gnutls_x509_privkey_generate(*key, GNUTLS_PK_ECDSA,
				GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
}

static void set_names(gnutls_x509_crt_t crt, const char *name, const char *purpose)
{
	struct in_addr addr;

	gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, strlen(name));
	if (!purpose) {
		gnutls_x509_crt_set_ca_status(crt, 1);
		gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN);
		return;
	}
	inet_pton(AF_INET, "192.0.2.1", &addr);
	gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name, strlen(name),
					     GNUTLS_FSAN_SET);
	gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, &addr, sizeof(addr),
					     GNUTLS_FSAN_APPEND);
	gnutls_x509_crt_set_key_purpose_oid(crt, purpose, 0);
}

/* Makes FILE.pem and FILE.key; without an issuer it is its own. */
static int make(struct identity *id, const char *file, const char *name, const char *purpose,
		const struct identity *issuer, time_t from, time_t to)
{
	static unsigned char serial = 1;
	gnutls_datum_t out;
	int err;

	err = make_key(&id->key);
	if (!err)
		err = gnutls_x509_crt_init(&id->crt);
	if (err)
		return err;
	serial++;
	gnutls_x509_crt_set_version(id->crt, 3);
	gnutls_x509_crt_set_serial(id->crt, &serial, 1);
	gnutls_x509_crt_set_activation_time(id->crt, from);
	gnutls_x509_crt_set_expiration_time(id->crt, to);
	set_names(id->crt, name, purpose);
	gnutls_x509_crt_set_key(id->crt, id->key);
	if (!issuer)
		issuer = id;
	err = gnutls_x509_crt_sign2(id->crt, issuer->crt, issuer->key, GNUTLS_DIG_SHA256, 0);
	if (err)
		return err;
	err = gnutls_x509_crt_export2(id->crt, GNUTLS_X509_FMT_PEM, &out);
	if (!err)
		err = write_datum(file, "pem", &out);
	if (!err)
		err = gnutls_x509_privkey_export2(id->key, GNUTLS_X509_FMT_PEM, &out);
	return err ? err : write_datum(file, "key", &out);
}

static void drop(struct identity *id)
{
	gnutls_x509_crt_deinit(id->crt);
	gnutls_x509_privkey_deinit(id->key);
}

static int make_leaf(const char *file, const char *name, const char *purpose,
		     const struct identity *ca, time_t from, time_t to)
{
	struct identity id;
	int err = make(&id, file, name, purpose, ca, from, to);

	drop(&id);
	return err;
}

int pki_make(void)
{
	time_t now = time(NULL), from = now - 3600, to = now + 86400;
	const char *server = GNUTLS_KP_TLS_WWW_SERVER, *client = GNUTLS_KP_TLS_WWW_CLIENT;
	struct identity ca, other;
	int err;

	strcpy(pki_dir, "/tmp/libquic-test-XXXXXX");
	if (!mkdtemp(pki_dir))
		return GNUTLS_E_FILE_ERROR;
	err = make(&ca, "ca", "Test CA", NULL, NULL, 900000000, to);
	if (!err)
		err = make(&other, "other-ca", "Other CA", NULL, NULL, from, to);
	if (err)
		return err;
	err = make_leaf("server", PKI_HOST, server, &ca, from, to) ||
	      make_leaf("other", PKI_HOST, server, &other, from, to) ||
	      make_leaf("expired", PKI_HOST, server, &ca, 946684800, 978307200) ||
	      make_leaf("client", "client.test", client, &ca, from, to) ||
	      pki_write("psk.txt", "# keys\nalice:00112233445566778899aabbccddeeff\r\n"
			"\nbob:ffeeddccbbaa99887766554433221100\n", 85) ||
	      pki_write("psk2.txt", "alice:ff112233445566778899aabbccddeeff", 38) ||
	      pki_write("badpsk.txt", "alice:00zz\n", 11) ||
	      pki_write("empty.txt", "\n", 1);
	drop(&ca);
	drop(&other);
	return err;
}

void pki_remove(void)
{
	DIR *dir = opendir(pki_dir);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			unlink(pki_path(e->d_name));
	if (dir)
		closedir(dir);
	rmdir(pki_dir);
}

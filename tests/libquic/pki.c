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
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "pki.h"

char pki_dir[64];

struct identity {
	X509 *crt;
	EVP_PKEY *key;
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
		return -1;
	err = fwrite(data, 1, len, f) != len;
	return fclose(f) || err ? -1 : 0;
}

static int write_pem(const char *name, const struct identity *id)
{
	char file[64];
	int ok = 0;
	FILE *f;

	snprintf(file, sizeof(file), "%s.pem", name);
	f = fopen(pki_path(file), "w");
	if (f)
		ok = PEM_write_X509(f, id->crt);
	if (!f || fclose(f) || !ok)
		return -1;
	snprintf(file, sizeof(file), "%s.key", name);
	f = fopen(pki_path(file), "w");
	ok = f && PEM_write_PrivateKey(f, id->key, NULL, NULL, 0, NULL, NULL);
	return !f || fclose(f) || !ok ? -1 : 0;
}

static int add_ext(X509 *crt, int nid, const char *value)
{
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, (char *)value);
	int ok = ext && X509_add_ext(crt, ext, -1);

	X509_EXTENSION_free(ext);
	return ok;
}

static int set_names(X509 *crt, const char *name, const char *purpose)
{
	char alt[128];

	if (!X509_NAME_add_entry_by_txt(X509_get_subject_name(crt), "CN", MBSTRING_ASC,
					(const unsigned char *)name, -1, -1, 0))
		return 0;
	if (!purpose)
		return add_ext(crt, NID_basic_constraints, "critical,CA:TRUE") &&
		       add_ext(crt, NID_key_usage, "critical,keyCertSign");
	snprintf(alt, sizeof(alt), "DNS:%s,IP:192.0.2.1", name);
	return add_ext(crt, NID_subject_alt_name, alt) &&
	       add_ext(crt, NID_ext_key_usage, purpose);
}

/* Makes FILE.pem and FILE.key; without an issuer it is its own. */
static int make(struct identity *id, const char *file, const char *name, const char *purpose,
		const struct identity *issuer, time_t from, time_t to)
{
	static int serial = 1;

	id->key = EVP_EC_gen("P-256");
	id->crt = X509_new();
	if (!id->key || !id->crt)
		return -1;
	if (!issuer)
		issuer = id;
	if (!X509_set_version(id->crt, X509_VERSION_3) ||
	    !ASN1_INTEGER_set(X509_get_serialNumber(id->crt), ++serial) ||
	    !ASN1_TIME_set(X509_getm_notBefore(id->crt), from) ||
	    !ASN1_TIME_set(X509_getm_notAfter(id->crt), to) ||
	    !set_names(id->crt, name, purpose) ||
	    !X509_set_issuer_name(id->crt, X509_get_subject_name(issuer->crt)) ||
	    !X509_set_pubkey(id->crt, id->key) ||
	    !X509_sign(id->crt, issuer->key, EVP_sha256()))
		return -1;
	return write_pem(file, id);
}

static void drop(struct identity *id)
{
	X509_free(id->crt);
	EVP_PKEY_free(id->key);
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
	const char *server = "serverAuth", *client = "clientAuth";
	struct identity ca, other;
	int err;

	strcpy(pki_dir, "/tmp/libquic-test-XXXXXX");
	if (!mkdtemp(pki_dir))
		return -1;
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys and certificates of the tests, made anew in a directory of their own */
#ifndef _TESTS_PKI_H
#define _TESTS_PKI_H

#define PKI_HOST	"server.test"

extern char pki_dir[64];

int pki_make(void);	/* 0, or a GnuTLS error */
void pki_remove(void);
/* A path in the directory, valid until the eighth call after it */
const char *pki_path(const char *name);
int pki_write(const char *name, const void *data, unsigned int len);

#endif /* _TESTS_PKI_H */

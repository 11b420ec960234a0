// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Why the peer is not the one that was wanted, in words.  The TLS library's side
 * judges, see lq_tls_verify().
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "internal.h"

bool lq_is_address(const char *host)
{
	unsigned char buf[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, buf) == 1 || inet_pton(AF_INET6, host, buf) == 1;
}

void lq_verdict_name(struct lq_verdict *v, const char *name)
{
	size_t len = strlen(v->names), more = strlen(name);

	if (len + 2 + more >= LQ_NAMES_SIZE)	/* enough for a message */
		return;
	if (len) {
		memcpy(v->names + len, ", ", 2);
		len += 2;
	}
	memcpy(v->names + len, name, more + 1);
}

/* An address that is neither IPv4's nor IPv6's is none. */
void lq_verdict_address(struct lq_verdict *v, const void *address, size_t len)
{
	char text[INET6_ADDRSTRLEN];

	if ((len == 4 || len == 16) &&
	    inet_ntop(len == 4 ? AF_INET : AF_INET6, address, text, sizeof(text)))
		lq_verdict_name(v, text);
}

static void date(time_t t, char *to, size_t size)
{
	struct tm tm;

	if (t == (time_t)-1 || !gmtime_r(&t, &tm) || !strftime(to, size, "%Y-%m-%d %H:%M UTC", &tm))
		snprintf(to, size, "an unknown date");
}

static void fail_expired(const struct lq_verdict *v, const char *peer, struct lq_failure *failure)
{
	char when[40];

	if (v->until > time(NULL)) {
		lq_fail(failure, -EKEYREJECTED, LQ_ALERT_CERTIFICATE_EXPIRED,
			"a CA certificate in the %s's chain has expired", peer);
		return;
	}
	date(v->until, when, sizeof(when));
	lq_fail(failure, -EKEYREJECTED, LQ_ALERT_CERTIFICATE_EXPIRED,
		"the %s's certificate expired on %s", peer, when);
}

static void fail_early(const struct lq_verdict *v, const char *peer, struct lq_failure *failure)
{
	char when[40];

	date(v->from, when, sizeof(when));
	lq_fail(failure, -EKEYREJECTED, LQ_ALERT_CERTIFICATE_EXPIRED,
		"the %s's certificate is not valid yet: it starts on %s", peer, when);
}

int lq_verdict_fail(const struct lq_verdict *v, bool is_server, const char *host,
		    struct lq_failure *failure)
{
	const char *peer = is_server ? "client" : "server";

	switch (v->fault) {
	case LQ_FAULT_ABSENT:
		lq_fail(failure, -EKEYREJECTED, LQ_ALERT_CERTIFICATE_REQUIRED,
			"the %s sent no certificate", peer);
		break;
	case LQ_FAULT_ISSUER:
		lq_fail(failure, -EKEYREJECTED, LQ_ALERT_UNKNOWN_CA,
			"the %s's certificate (%s) has an unknown issuer (%s): no trusted CA vouches for it",
			peer, v->subject, v->issuer);
		break;
	case LQ_FAULT_EXPIRED:
		fail_expired(v, peer, failure);
		break;
	case LQ_FAULT_NOT_YET:
		fail_early(v, peer, failure);
		break;
	case LQ_FAULT_NAME:
		lq_fail(failure, -EKEYREJECTED, LQ_ALERT_BAD_CERTIFICATE,
			"the %s's certificate is for '%s', not for '%s'", peer, v->names, host);
		break;
	case LQ_FAULT_REVOKED:
	case LQ_FAULT_OTHER:
		lq_fail(failure, -EKEYREJECTED, v->fault == LQ_FAULT_REVOKED ?
			LQ_ALERT_CERTIFICATE_REVOKED : LQ_ALERT_BAD_CERTIFICATE,
			"the %s's certificate is refused: %s", peer, v->text);
		break;
	}
	return failure->err;
}

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The alerts of TLS (RFC 8446 §6), which QUIC carries as the error codes 0x100 and
 * up of CONNECTION_CLOSE (RFC 9001 §4.8).
 */
#include <errno.h>

#include "internal.h"

static const struct {
	int alert;
	const char *name;
} names[] = {
	{ 0, "close_notify" },
	{ LQ_ALERT_UNEXPECTED_MESSAGE, "unexpected_message" },
	{ 20, "bad_record_mac" },
	{ 22, "record_overflow" },
	{ LQ_ALERT_HANDSHAKE_FAILURE, "handshake_failure" },
	{ LQ_ALERT_BAD_CERTIFICATE, "bad_certificate" },
	{ LQ_ALERT_UNSUPPORTED_CERTIFICATE, "unsupported_certificate" },
	{ LQ_ALERT_CERTIFICATE_REVOKED, "certificate_revoked" },
	{ LQ_ALERT_CERTIFICATE_EXPIRED, "certificate_expired" },
	{ LQ_ALERT_CERTIFICATE_UNKNOWN, "certificate_unknown" },
	{ LQ_ALERT_ILLEGAL_PARAMETER, "illegal_parameter" },
	{ LQ_ALERT_UNKNOWN_CA, "unknown_ca" },
	{ LQ_ALERT_ACCESS_DENIED, "access_denied" },
	{ 50, "decode_error" },
	{ LQ_ALERT_DECRYPT_ERROR, "decrypt_error" },
	{ LQ_ALERT_PROTOCOL_VERSION, "protocol_version" },
	{ LQ_ALERT_INSUFFICIENT_SECURITY, "insufficient_security" },
	{ LQ_ALERT_INTERNAL_ERROR, "internal_error" },
	{ 86, "inappropriate_fallback" },
	{ 90, "user_canceled" },
	{ LQ_ALERT_MISSING_EXTENSION, "missing_extension" },
	{ 110, "unsupported_extension" },
	{ LQ_ALERT_UNRECOGNIZED_NAME, "unrecognized_name" },
	{ 113, "bad_certificate_status_response" },
	{ LQ_ALERT_UNKNOWN_PSK_IDENTITY, "unknown_psk_identity" },
	{ LQ_ALERT_CERTIFICATE_REQUIRED, "certificate_required" },
	{ LQ_ALERT_NO_APPLICATION_PROTOCOL, "no_application_protocol" },
};

const char *lq_alert_name(int alert)
{
	size_t i;

	for (i = 0; i < QUIC_ARRAY_SIZE(names); i++)
		if (names[i].alert == alert)
			return names[i].name;
	return "unknown alert";
}

int lq_alert_errno(int alert)
{
	switch (alert) {
	case LQ_ALERT_BAD_CERTIFICATE:
	case LQ_ALERT_UNSUPPORTED_CERTIFICATE:
	case LQ_ALERT_CERTIFICATE_REVOKED:
	case LQ_ALERT_CERTIFICATE_EXPIRED:
	case LQ_ALERT_CERTIFICATE_UNKNOWN:
	case LQ_ALERT_UNKNOWN_CA:
	case LQ_ALERT_ACCESS_DENIED:
	case LQ_ALERT_DECRYPT_ERROR:
	case LQ_ALERT_UNKNOWN_PSK_IDENTITY:
	case LQ_ALERT_CERTIFICATE_REQUIRED:
		return -EKEYREJECTED;
	case LQ_ALERT_NO_APPLICATION_PROTOCOL:
		return -ENOPROTOOPT;
	case LQ_ALERT_HANDSHAKE_FAILURE:
	case LQ_ALERT_PROTOCOL_VERSION:
	case LQ_ALERT_INSUFFICIENT_SECURITY:
	case LQ_ALERT_UNRECOGNIZED_NAME:
		return -ECONNREFUSED;
	default:
		return -EPROTO;
	}
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Transport parameters, of a client if the first byte is odd.  Properties: what
 * parses keeps the ranges of RFC 9000 §18.2, and written again parses to the same.
 */
#include "fuzz.h"
#include "hdr.h"
#include "tparam.h"

static const u8 client[] = { 1, 4, 8, 255, 255, 255, 255, 255, 255, 255, 255, 5, 4, 0x80, 0, 255,
			     255, 7, 4, 0x80, 0, 255, 255, 8, 1, 16, 1, 4, 0x80, 0, 0x75, 0x30,
			     9, 1, 16, 15, 8, 1, 2, 3, 4, 5, 6, 7, 8, 6, 4, 0x80, 0, 255, 255, 0x11,
			     12, 0, 0, 0, 1, 0x6b, 0x33, 0x43, 0xcf, 0, 0, 0, 1 };
static const u8 server[] = { 0, 0, 3, 1, 2, 3, 0x10, 2, 1, 1, 0x0f, 1, 1, 2, 16, 0, 0, 0, 0, 0, 0,
			     0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0c, 0, 0x20, 2, 0x45, 0, 0x6a, 0xb2, 0,
			     0x0a, 1, 20, 0x0b, 2, 0x7f, 0xff, 0x0e, 1, 2, 0x03, 2, 0x44, 0xb0,
			     0x1b, 1, 0, 0x0d, 42, [81] = 1, [99] = 0x80, 0, 0xba, 0xad, 0 };

FUZZ_SEEDS(FUZZ_SEED(client), FUZZ_SEED(server));

static void check_ranges(const struct quic_tparam *tp, bool from_client)
{
	NEVER(tp->max_udp_payload_size < QUIC_INITIAL_MIN || tp->ack_delay_exponent > 20);
	NEVER(tp->max_ack_delay >= 1 << 14 || tp->active_connection_id_limit < 2);
	NEVER(tp->max_streams_bidi > QUIC_STREAMS_MAX || tp->max_streams_uni > QUIC_STREAMS_MAX);
	NEVER(tp->odcid.len > 20 || tp->iscid.len > 20 || tp->rscid.len > 20);
	NEVER(tp->preferred.cid.len > 20 || tp->has_preferred != !!tp->preferred.cid.len);
	NEVER(tp->nversions > QUIC_TPARAM_VERSIONS || tp->has_versions != !!tp->chosen_version);
	NEVER(from_client &&
	      (tp->has_odcid || tp->has_rscid || tp->has_token || tp->has_preferred));
}

/* Versions that we do not speak were dropped: they do not come again. */
static void forget_versions(struct quic_tparam *tp)
{
	tp->has_versions = false;
	tp->versions_empty = false;
	tp->chosen_version = 0;
	tp->nversions = 0;
	memset(tp->versions, 0, sizeof(tp->versions));
}

int LLVMFuzzerTestOneInput(const u8 *p, size_t len)
{
	struct quic_tparam tp, again;
	u8 out[QUIC_TPARAM_EXT_MAX];
	bool from_client;
	int n;

	if (!len)
		return 0;
	from_client = *p & 1;
	if (quic_tparam_parse(&tp, p + 1, len - 1, from_client))
		return 0;
	check_ranges(&tp, from_client);
	if (!quic_version_known(tp.chosen_version))
		forget_versions(&tp);
	n = quic_tparam_put(&tp, out, sizeof(out), from_client);
	NEVER(n <= 0);
	/* a client's list may have lost the chosen version to the bound of those kept */
	if (quic_tparam_parse(&again, out, n, from_client)) {
		NEVER(tp.nversions < QUIC_TPARAM_VERSIONS);
		return 0;
	}
	tp.versions_empty = again.versions_empty;
	NEVER(memcmp(&tp, &again, sizeof(tp)));
	return 0;
}

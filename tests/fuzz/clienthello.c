// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The ALPN peek.  Properties: what it finds lies in the message, each name in
 * the list is found again, and the same message without its last byte is
 * incomplete.
 */
#include "fuzz.h"
#include "clienthello.h"
#include "vectors_test.h"

static u8 start[] = { 1, 0, 0, 70, 3, 3, [38] = 0, 0, 2, 0x13, 1, 1, 0, 0, 29,
		      0, 16, 0, 14, 0, 12, 2, 'h', '3', 5, 'h', '3', '-', '2', '9', 2, 'h', 'q',
		      0, 0, 0, 7, 0, 5, 0, 0, 2, 'a', 'b' };
static const u8 empty[] = { 1, 0, 0, 0 };

/* the RFC's, behind the 4 bytes of its frame's header */
FUZZ_SEEDS({ vec_client_crypto + 4, sizeof(vec_client_crypto) - 4 }, FUZZ_SEED(start),
	   FUZZ_SEED(empty));

static void check_names(const struct quic_clienthello *ch)
{
	struct quic_cur c;
	const u8 *name;
	u8 len;

	quic_cur_init(&c, ch->alpn, ch->alpn_len);
	while (quic_cur_left(&c)) {
		len = quic_cur_u8(&c);
		name = quic_cur_take(&c, len);
		NEVER(!len || !name || !quic_clienthello_has_alpn(ch, name, len));
	}
}

static void check_match(const struct quic_clienthello *ch)
{
	static const char list[] = "alpn, h3,hq";
	const char *name;
	u32 len;

	if (!quic_clienthello_match(ch, list, &name, &len))
		return;
	NEVER(!fuzz_inside((const u8 *)name, len, (const u8 *)list, sizeof(list)));
	NEVER(!quic_clienthello_has_alpn(ch, (const u8 *)name, len));
}

int LLVMFuzzerTestOneInput(const u8 *p, size_t len)
{
	struct quic_clienthello ch, cut;

	if (quic_clienthello_parse(p, len, &ch))
		return 0;
	NEVER(ch.len > len || ch.len > QUIC_CLIENTHELLO_MAX);
	NEVER(ch.alpn_len && !fuzz_inside(ch.alpn, ch.alpn_len, p, ch.len));
	NEVER(ch.sni_len && !fuzz_inside(ch.sni, ch.sni_len, p, ch.len));
	NEVER(quic_clienthello_parse(p, ch.len - 1, &cut) != -EAGAIN);
	check_names(&ch);
	check_match(&ch);
	return 0;
}

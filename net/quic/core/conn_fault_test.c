// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A peer's faults: a hostile one, which holds the keys, sends everything that
 * RFC 9000, 9001 and 9002 forbid, at each level, to both roles.
 */
#include "conn_ctx_test.h"

/* ---- errors, table by table ---- */

enum { CLIENT = 1, SERVER = 2, BOTH = 3 };

struct fault {
	const char *name;
	u8 who;			/* victims */
	u8 level;
	u16 code;
	u8 type;		/* frame type in the CLOSE */
	u8 len;
	u8 frames[96];
};

#define FRAMES(...)	sizeof((const u8 []){ __VA_ARGS__ }), { __VA_ARGS__ }
#define ANOTHER_ID(n)	0x18, n, 0, 4, 9, 9, 9, n, n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
#define BIG		0xc0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff	/* 2^32 - 1 */
#define HUGE_VARINT	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff	/* 2^62 - 1 */

/*
 * Streams: nobody has opened any.  Client's bidirectional 0, 4; server's 1, 5;
 * client's unidirectional 2, 6; server's 3, 7.  Limits: 10 streams of a kind.
 */
static const struct fault faults[] = {
	/* RFC 9000 §12.4: unknown frame types are FRAME_ENCODING_ERROR */
	{ "unknown type", BOTH, APP, ERR(FRAME_ENCODING), 0x1f, FRAMES(0x1f) },
	{ "unknown type, 2 bytes", BOTH, APP, ERR(FRAME_ENCODING), 0x40, FRAMES(0x40, 0x40) },
	{ "unknown type", BOTH, HS, ERR(FRAME_ENCODING), 0x21, FRAMES(0x21) },
	{ "unknown type", BOTH, INI, ERR(FRAME_ENCODING), 0x21, FRAMES(0x21) },
	/* RFC 9000 §12.4: a type that is not in its shortest form */
	{ "long type", BOTH, APP, ERR(PROTOCOL_VIOLATION), 0x01, FRAMES(0x40, 0x01) },
	{ "long type", BOTH, HS, ERR(PROTOCOL_VIOLATION), 0x06, FRAMES(0x80, 0, 0, 6) },
	/* RFC 9000 §12.4: malformed: cut off */
	{ "cut STREAM", BOTH, APP, ERR(FRAME_ENCODING), 0x0a, FRAMES(0x0a, 0, 9, 'x') },
	{ "cut CRYPTO", BOTH, HS, ERR(FRAME_ENCODING), 0x06, FRAMES(0x06, 0, 9, 'x') },
	{ "cut ACK", BOTH, APP, ERR(FRAME_ENCODING), 0x02, FRAMES(0x02, 0) },
	/* RFC 9000 §19.3.1: below zero */
	{ "ACK below zero", BOTH, APP, ERR(FRAME_ENCODING), 0x02, FRAMES(0x02, 0, 0, 0, 1) },
	/* RFC 9000 §13.1: never sent */
	{ "ACK of the unsent", BOTH, APP, ERR(PROTOCOL_VIOLATION), 0x02,
	  FRAMES(0x02, 0x7f, 0, 0, 0, 0) },
	{ "ACK of the unsent", BOTH, INI, ERR(PROTOCOL_VIOLATION), 0x02, FRAMES(0x02, 50, 0, 0, 0) },
	{ "ACK of the unsent", BOTH, HS, ERR(PROTOCOL_VIOLATION), 0x03,
	  FRAMES(0x03, 50, 0, 0, 0, 0, 0, 0) },
	/* RFC 9000 §19.6 */
	{ "CRYPTO beyond 2^62", BOTH, APP, ERR(FRAME_ENCODING), 0x06,
	  FRAMES(0x06, HUGE_VARINT, 1, 'x') },
	/* RFC 9000 §7.5: more than is held */
	{ "CRYPTO far ahead", BOTH, INI, ERR(CRYPTO_BUF_EXCEEDED), 0x06,
	  FRAMES(0x06, 0x80, 1, 0x08, 0, 1, 'x') },
	{ "CRYPTO far ahead", BOTH, HS, ERR(CRYPTO_BUF_EXCEEDED), 0x06,
	  FRAMES(0x06, 0x80, 1, 0x08, 0, 1, 'x') },
	{ "CRYPTO far ahead", BOTH, APP, ERR(CRYPTO_BUF_EXCEEDED), 0x06,
	  FRAMES(0x06, 0x80, 1, 0x08, 0, 1, 'x') },
	{ "ticket too long", CLIENT, APP, ERR(CRYPTO_BUF_EXCEEDED), 0x06,
	  FRAMES(0x06, 0, 4, 4, 0, 0x10, 0) },
	/* RFC 9001 §6: TLS KeyUpdate, unexpected_message */
	{ "TLS KeyUpdate", BOTH, APP, 0x10a, 0x06, FRAMES(0x06, 0, 5, 24, 0, 0, 1, 0) },
	/* RFC 9001 §4.4: no authentication of the client after the handshake */
	{ "CertificateRequest", CLIENT, APP, ERR(PROTOCOL_VIOLATION), 0x06,
	  FRAMES(0x06, 0, 4, 13, 0, 0, 3) },
	/* RFC 9001 §4.1.3: Initial data beyond what came before the Handshake keys */
	{ "CRYPTO of a level that is over", BOTH, INI, ERR(PROTOCOL_VIOLATION), 0x06,
	  FRAMES(0x06, 0x50, 0, 1, 'x') },
	{ "ticket to a server", SERVER, APP, 0x10a, 0x06, FRAMES(0x06, 0, 4, 4, 0, 0, 8) },
	/* RFC 9000 §19.7, §19.20: from a client */
	{ "NEW_TOKEN of a client", SERVER, APP, ERR(PROTOCOL_VIOLATION), 0x07, FRAMES(0x07, 1, 9) },
	{ "HANDSHAKE_DONE of a client", SERVER, APP, ERR(PROTOCOL_VIOLATION), 0x1e, FRAMES(0x1e) },
	{ "empty NEW_TOKEN", CLIENT, APP, ERR(FRAME_ENCODING), 0x07, FRAMES(0x07, 0) },
	/* RFC 9000 §19.8: send-only, and local not yet created */
	{ "STREAM on our uni", CLIENT, APP, ERR(STREAM_STATE), 0x0a, FRAMES(0x0a, 2, 1, 'x') },
	{ "STREAM on our uni", SERVER, APP, ERR(STREAM_STATE), 0x0a, FRAMES(0x0a, 3, 1, 'x') },
	{ "STREAM on our unborn", CLIENT, APP, ERR(STREAM_STATE), 0x0a, FRAMES(0x0a, 0, 1, 'x') },
	{ "STREAM on our unborn", SERVER, APP, ERR(STREAM_STATE), 0x0a, FRAMES(0x0a, 1, 1, 'x') },
	/* RFC 9000 §19.4 */
	{ "RESET of our uni", CLIENT, APP, ERR(STREAM_STATE), 0x04, FRAMES(0x04, 2, 0, 0) },
	{ "RESET of our unborn", SERVER, APP, ERR(STREAM_STATE), 0x04, FRAMES(0x04, 1, 0, 0) },
	/* RFC 9000 §19.5 */
	{ "STOP of their uni", CLIENT, APP, ERR(STREAM_STATE), 0x05, FRAMES(0x05, 3, 0) },
	{ "STOP of their uni", SERVER, APP, ERR(STREAM_STATE), 0x05, FRAMES(0x05, 2, 0) },
	{ "STOP of our unborn", CLIENT, APP, ERR(STREAM_STATE), 0x05, FRAMES(0x05, 0, 0) },
	/* RFC 9000 §19.10 */
	{ "MAX_STREAM_DATA, their uni", SERVER, APP, ERR(STREAM_STATE), 0x11, FRAMES(0x11, 2, 9) },
	{ "MAX_STREAM_DATA, our unborn", SERVER, APP, ERR(STREAM_STATE), 0x11, FRAMES(0x11, 1, 9) },
	/* RFC 9000 §19.13 */
	{ "STREAM_DATA_BLOCKED, our uni", CLIENT, APP, ERR(STREAM_STATE), 0x15, FRAMES(0x15, 2, 9) },
	/* RFC 9000 §4.6, §19.11, §19.14 */
	{ "one stream too many", SERVER, APP, ERR(STREAM_LIMIT), 0x0a, FRAMES(0x0a, 40, 1, 'x') },
	{ "one stream too many", CLIENT, APP, ERR(STREAM_LIMIT), 0x0a, FRAMES(0x0a, 41, 1, 'x') },
	{ "one uni too many", SERVER, APP, ERR(STREAM_LIMIT), 0x0a, FRAMES(0x0a, 42, 1, 'x') },
	{ "reset over the limit", SERVER, APP, ERR(STREAM_LIMIT), 0x04, FRAMES(0x04, 40, 0, 0) },
	{ "stop over the limit", SERVER, APP, ERR(STREAM_LIMIT), 0x05, FRAMES(0x05, 40, 0) },
	{ "blocked over the limit", SERVER, APP, ERR(STREAM_LIMIT), 0x15, FRAMES(0x15, 40, 0) },
	{ "MAX_STREAMS above 2^60", BOTH, APP, ERR(FRAME_ENCODING), 0x12, FRAMES(0x12, HUGE_VARINT) },
	{ "MAX_STREAMS above 2^60", BOTH, APP, ERR(FRAME_ENCODING), 0x13, FRAMES(0x13, HUGE_VARINT) },
	{ "STREAMS_BLOCKED above 2^60", BOTH, APP, ERR(FRAME_ENCODING), 0x16,
	  FRAMES(0x16, HUGE_VARINT) },
	/* RFC 9000 §4.1 */
	{ "stream's limit", SERVER, APP, ERR(FLOW_CONTROL), 0x0e,
	  FRAMES(0x0e, 0, 0x80, 4, 0, 0, 1, 'x') },
	{ "uni's limit", CLIENT, APP, ERR(FLOW_CONTROL), 0x0e,
	  FRAMES(0x0e, 3, 0x80, 4, 0, 0, 1, 'x') },
	{ "stream's limit by reset", SERVER, APP, ERR(FLOW_CONTROL), 0x04, FRAMES(0x04, 0, 0, BIG) },
	{ "the connection's limit", SERVER, APP, ERR(FLOW_CONTROL), 0x0e,
	  FRAMES(0x0e, 0, 0x80, 3, 0xff, 0xff, 1, 'x', 0x0e, 4, 0x80, 3, 0xff, 0xff, 1, 'x',
		 0x0e, 8, 0x80, 3, 0xff, 0xff, 1, 'x', 0x0e, 12, 0x80, 3, 0xff, 0xff, 1, 'x',
		 0x0e, 16, 0, 1, 'x') },
	{ "beyond 2^62", SERVER, APP, ERR(FRAME_ENCODING), 0x0e,
	  FRAMES(0x0e, 0, HUGE_VARINT, 1, 'x') },
	/* RFC 9000 §4.5 */
	{ "data behind FIN", SERVER, APP, ERR(FINAL_SIZE), 0x0e,
	  FRAMES(0x0b, 0, 1, 'x', 0x0e, 0, 1, 1, 'x') },
	{ "another FIN", SERVER, APP, ERR(FINAL_SIZE), 0x0b, FRAMES(0x0b, 0, 2, 'x', 'y', 0x0b, 0, 1, 'x') },
	{ "FIN before data", SERVER, APP, ERR(FINAL_SIZE), 0x0b,
	  FRAMES(0x0e, 0, 5, 1, 'x', 0x0b, 0, 1, 'x') },
	{ "reset before data", CLIENT, APP, ERR(FINAL_SIZE), 0x04,
	  FRAMES(0x0e, 3, 5, 1, 'x', 0x04, 3, 0, 5) },
	{ "reset moves the end", CLIENT, APP, ERR(FINAL_SIZE), 0x04,
	  FRAMES(0x0f, 3, 5, 1, 'x', 0x04, 3, 0, 7) },
	/* RFC 9000 §19.15 */
	{ "NEW_CONNECTION_ID of length 0", BOTH, APP, ERR(FRAME_ENCODING), 0x18,
	  FRAMES(0x18, 9, 0, 0, TOKEN16) },
	{ "NEW_CONNECTION_ID of length 21", BOTH, APP, ERR(FRAME_ENCODING), 0x18,
	  FRAMES(0x18, 9, 0, 21, 1, 2, 3, 4, 5, TOKEN16, TOKEN16) },
	{ "retires more than it has", BOTH, APP, ERR(FRAME_ENCODING), 0x18,
	  FRAMES(0x18, 9, 10, 4, 9, 9, 9, 9, TOKEN16) },
	{ "same number, other ID", BOTH, APP, ERR(PROTOCOL_VIOLATION), 0x18,
	  FRAMES(0x18, 1, 0, 4, 9, 9, 9, 9, TOKEN16) },
	/* RFC 9000 §5.1.1: our limit is 7, and 4 are there */
	{ "one ID too many", BOTH, APP, ERR(CONNECTION_ID_LIMIT), 0x18,
	  FRAMES(ANOTHER_ID(4), ANOTHER_ID(5), ANOTHER_ID(6), ANOTHER_ID(7)) },
	/* RFC 9000 §19.16 */
	{ "retires what it never got", BOTH, APP, ERR(PROTOCOL_VIOLATION), 0x19, FRAMES(0x19, 0x40, 99) },
	{ "retires where it sends to", BOTH, APP, ERR(PROTOCOL_VIOLATION), 0x19, FRAMES(0x19, 0) },
	/* RFC 9221 §3: not announced */
	{ "DATAGRAM", BOTH, APP, ERR(PROTOCOL_VIOLATION), 0x30, FRAMES(0x30, 1, 2, 3) },
	{ "DATAGRAM", BOTH, APP, ERR(PROTOCOL_VIOLATION), 0x31, FRAMES(0x31, 1, 2) },
};

static void fault_name(const struct fault *f, char *desc)
{
	strscpy(desc, f->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(fault, faults, fault_name);

static void commit_fault(struct kunit *test, const struct fault *f, int side)
{
	struct ctx *x = ctx_at(test, side, f->level);

	/* RFC 9000 §12.4: what stands before it is of no help */
	hostile_send(&x->h, f->level, f->frames, f->len);
	expect_fault(test, x, f->code, f->type, f->name);
	ctx_free(test, x);
}

static void fault_closes(struct kunit *test)
{
	const struct fault *f = test->param_value;

	if (f->who & CLIENT)
		commit_fault(test, f, 0);
	if (f->who & SERVER)
		commit_fault(test, f, 1);
}

/* ---- RFC 9000 §12.4, table 3: each frame type in each packet type ---- */

struct sample {
	u8 types;		/* I, H: allowed there (all are in 1-RTT) */
	u8 len;
	u8 frame[32];
};

#define IH	3

static const struct sample samples[] = {
	{ IH, FRAMES(0x00) },
	{ IH, FRAMES(0x01) },
	{ IH, FRAMES(0x02, 0, 0, 0, 0) },
	{ IH, FRAMES(0x03, 0, 0, 0, 0, 0, 0, 0) },
	{ 0, FRAMES(0x04, 0, 0, 0) },
	{ 0, FRAMES(0x05, 0, 0) },
	{ IH, FRAMES(0x06, 0, 1, 'x') },
	{ 0, FRAMES(0x07, 1, 'x') },
	{ 0, FRAMES(0x08, 0) },
	{ 0, FRAMES(0x09, 0) },
	{ 0, FRAMES(0x0a, 0, 0) },
	{ 0, FRAMES(0x0b, 0, 0) },
	{ 0, FRAMES(0x0c, 0, 0) },
	{ 0, FRAMES(0x0d, 0, 0) },
	{ 0, FRAMES(0x0e, 0, 0, 0) },
	{ 0, FRAMES(0x0f, 0, 0, 0) },
	{ 0, FRAMES(0x10, 0) },
	{ 0, FRAMES(0x11, 0, 0) },
	{ 0, FRAMES(0x12, 0) },
	{ 0, FRAMES(0x13, 0) },
	{ 0, FRAMES(0x14, 0) },
	{ 0, FRAMES(0x15, 0, 0) },
	{ 0, FRAMES(0x16, 0) },
	{ 0, FRAMES(0x17, 0) },
	{ 0, FRAMES(0x18, 1, 0, 4, 9, 9, 9, 9, TOKEN16) },
	{ 0, FRAMES(0x19, 0) },
	{ 0, FRAMES(0x1a, 1, 2, 3, 4, 5, 6, 7, 8) },
	{ 0, FRAMES(0x1b, 1, 2, 3, 4, 5, 6, 7, 8) },
	{ IH, FRAMES(0x1c, 0, 0, 0) },
	{ 0, FRAMES(0x1d, 0, 0) },
	{ 0, FRAMES(0x1e) },
	{ 0, FRAMES(0x31, 1, 'x') },
};

static void one_type(struct kunit *test, const struct sample *s, int side, u8 level, bool allowed)
{
	struct ctx *x = ctx_at(test, side, level);
	u32 opened;

	/* so that there is something to acknowledge */
	if (level == HS) {
		HOSTILE(&x->h, HS, 0x01);
		hostile_look(&x->h);
	}
	opened = x->h.victim->mib[QUIC_MIB_PKT_IN];
	hostile_send(&x->h, level, s->frame, s->len);
	KUNIT_EXPECT_EQ(test, x->h.victim->mib[QUIC_MIB_PKT_IN], opened + 1);
	if (!allowed)
		expect_fault(test, x, ERR(PROTOCOL_VIOLATION), s->frame[0], "forbidden type");
	else if (s->frame[0] == QUIC_FRAME_CONNECTION_CLOSE)
		KUNIT_EXPECT_EQ(test, (int)victim(x)->state, (int)QUIC_CONN_DRAINING);
	else
		KUNIT_EXPECT_EQ_MSG(test, (int)victim(x)->state, (int)QUIC_CONN_HANDSHAKE,
				    "type %u", s->frame[0]);
	ctx_free(test, x);
}

static void frame_types_by_packet(struct kunit *test)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(samples); i++) {
		one_type(test, &samples[i], 0, INI, samples[i].types & 1);
		one_type(test, &samples[i], 1, INI, samples[i].types & 1);
		one_type(test, &samples[i], 0, HS, samples[i].types & 2);
		one_type(test, &samples[i], 1, HS, samples[i].types & 2);
	}
}

/* All of them are at home in 1-RTT; the stream is one that the peer opened. */
static void frame_types_in_1rtt(struct kunit *test)
{
	const struct sample *s;
	struct ctx *x;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(samples); i++) {
		s = &samples[i];
		/* of those that have no place at a server, or with these numbers, above */
		if (s->frame[0] == 0x07 || s->frame[0] == 0x18 || s->frame[0] == 0x19 ||
		    s->frame[0] == 0x1e || s->frame[0] == 0x31)
			continue;
		x = ctx_at(test, 1, APP);
		HOSTILE(&x->h, APP, 0x0a, 0, 0);
		hostile_send(&x->h, APP, s->frame, s->len);
		if (s->frame[0] == 0x1c || s->frame[0] == 0x1d)
			KUNIT_EXPECT_EQ(test, (int)victim(x)->state, (int)QUIC_CONN_DRAINING);
		else
			KUNIT_EXPECT_EQ_MSG(test, (int)victim(x)->state,
					    (int)QUIC_CONN_ESTABLISHED, "type %u", s->frame[0]);
		ctx_free(test, x);
	}
}

/* RFC 9000 §12.4: a packet without frames is a PROTOCOL_VIOLATION */
static void no_frames(struct kunit *test)
{
	struct ctx *x;
	int side;

	for (side = 0; side < 2; side++) {
		x = ctx_at(test, side, APP);
		hostile_send(&x->h, APP, NULL, 0);
		expect_fault(test, x, ERR(PROTOCOL_VIOLATION), 0, "no frames");
		ctx_free(test, x);
	}
}

/* RFC 9000 §17.2, §17.3.1: reserved bits, under protection, are zero */
static void reserved_bits(struct kunit *test)
{
	static const u8 levels[] = { APP, INI, HS };
	struct ctx *x;
	u32 i;

	for (i = 0; i < 2 * ARRAY_SIZE(levels); i++) {
		x = ctx_at(test, i & 1, levels[i / 2]);
		x->h.reserved = levels[i / 2] == APP ? 0x08 : 0x04;
		HOSTILE(&x->h, levels[i / 2], 0x01);
		x->h.reserved = 0;
		expect_fault(test, x, ERR(PROTOCOL_VIOLATION), 0, "reserved bits");
		ctx_free(test, x);
	}
}

/* ---- the stream machine keeps its errors to the connection ---- */

/* RFC 9000 §4.1: exactly up to the limits, nothing is wrong */
static void limits_exactly(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 1, APP);

	HOSTILE(&x->h, APP, 0x0e, 0, 0x80, 3, 0xff, 0xff, 1, 'x',
		0x0e, 4, 0x80, 3, 0xff, 0xff, 1, 'x', 0x0e, 8, 0x80, 3, 0xff, 0xff, 1, 'x',
		0x0e, 12, 0x80, 3, 0xff, 0xff, 1, 'x');
	KUNIT_EXPECT_EQ(test, (int)victim(x)->state, (int)QUIC_CONN_ESTABLISHED);
	/* the last stream of each kind; it has no credit left but for nothing */
	HOSTILE(&x->h, APP, 0x0a, 36, 0, 0x0b, 38, 0);
	KUNIT_EXPECT_EQ(test, (int)victim(x)->state, (int)QUIC_CONN_ESTABLISHED);
	ctx_free(test, x);
}

/* A closed stream's late frames are ignored, RFC 9000 §3.2 */
static void late_frames(struct kunit *test)
{
	struct ctx *x = ctx_at(test, 0, APP);

	HOSTILE(&x->h, APP, 0x0b, 3, 1, pattern(3, 0));
	end_read(x->h.victim);
	KUNIT_EXPECT_EQ(test, x->h.victim->fins, 1);
	HOSTILE(&x->h, APP, 0x0b, 3, 1, pattern(3, 0));
	HOSTILE(&x->h, APP, 0x04, 3, 9, 1);
	HOSTILE(&x->h, APP, 0x15, 3, 9);
	KUNIT_EXPECT_EQ(test, (int)victim(x)->state, (int)QUIC_CONN_ESTABLISHED);
	ctx_free(test, x);
}

static struct kunit_case conn_fault_cases[] = {
	KUNIT_CASE_PARAM(fault_closes, fault_gen_params),
	KUNIT_CASE_SLOW(frame_types_by_packet),
	KUNIT_CASE(frame_types_in_1rtt),
	KUNIT_CASE(no_frames),
	KUNIT_CASE(reserved_bits),
	KUNIT_CASE(limits_exactly),
	KUNIT_CASE(late_frames),
	{}
};

static struct kunit_suite conn_fault_suite = {
	.name = "conn_fault",
	.test_cases = conn_fault_cases,
};
kunit_test_suite(conn_fault_suite);

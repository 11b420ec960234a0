// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Tests of receiving parts: what a peer must not do and the error for it, the
 * events of the sockets API, fair reading, windows, and the credit of what is
 * never read.
 */
#include "streams_test.h"

#define FLOW	QUIC_TRANSPORT_ERROR_FLOW_CONTROL
#define SIZE	QUIC_TRANSPORT_ERROR_FINAL_SIZE
#define MS	QUIC_NSEC_PER_MSEC

/* RFC 9000 §4.1, §19.10: the stream's limit */
static void stream_limit(struct kunit *test)
{
	struct side *d = side_new(test, true);

	KUNIT_EXPECT_EQ(test, side_rx(d, 0, 999, 1, false), 0);
	KUNIT_EXPECT_EQ(test, side_rx(d, 0, 1000, 0, false), 0);
	KUNIT_EXPECT_EQ(test, side_rx(d, 0, 1000, 1, false), FLOW);
	KUNIT_EXPECT_EQ(test, side_rx(d, 0, 0, 1001, false), FLOW);
	KUNIT_EXPECT_EQ(test, side_rx(d, 0, 1001, 0, true), FLOW);
	KUNIT_EXPECT_EQ(test, side_rx_reset(d, 0, 0, 1001), FLOW);
	KUNIT_EXPECT_EQ(test, d->ss.rcv_used, 1000ULL);
	KUNIT_EXPECT_EQ(test, side_rx(d, 0, 0, 1000, true), 0);
	side_free(test, d);
}

/* RFC 9000 §4.1, §19.9: the connection's limit, by highest offsets, resets included */
static void connection_limit(struct kunit *test)
{
	struct side *d = side_new(test, true);

	KUNIT_EXPECT_EQ(test, side_rx(d, 0, 0, 1000, false), 0);
	KUNIT_EXPECT_EQ(test, side_rx(d, 4, 990, 10, false), 0);
	KUNIT_EXPECT_EQ(test, side_rx(d, 8, 0, 900, false), 0);
	KUNIT_EXPECT_EQ(test, d->ss.rcv_used, 2900ULL);
	KUNIT_EXPECT_EQ(test, side_rx(d, 4, 0, 990, false), 0);	/* below the highest: free */
	KUNIT_EXPECT_EQ(test, side_rx(d, 12, 0, 101, false), FLOW);
	KUNIT_EXPECT_EQ(test, side_rx(d, 16, 101, 0, true), FLOW);
	KUNIT_EXPECT_EQ(test, side_rx_reset(d, 20, 0, 101), FLOW);
	KUNIT_EXPECT_EQ(test, side_rx(d, 12, 0, 100, false), 0);
	KUNIT_EXPECT_EQ(test, side_rx(d, 16, 0, 1, false), FLOW);
	KUNIT_EXPECT_EQ(test, side_rx(d, 16, 0, 0, true), 0);
	side_free(test, d);
}

/* RFC 9000 §19.8: no offset above 2^62-1, whatever the limit */
static void offset_limit(struct kunit *test)
{
	struct side *d = side_new(test, true);

	d->local.max_data = QUIC_VARINT_MAX;
	d->local.max_stream_data_uni = QUIC_VARINT_MAX;
	quic_streams_set_local(&d->ss);
	KUNIT_EXPECT_EQ(test, side_rx(d, 2, QUIC_VARINT_MAX - 5, 5, false), 0);
	KUNIT_EXPECT_EQ(test, side_rx(d, 2, QUIC_VARINT_MAX - 5, 6, false), FLOW);
	KUNIT_EXPECT_EQ(test, side_rx(d, 2, QUIC_VARINT_MAX, 100, true), FLOW);
	side_free(test, d);
}

/* RFC 9000 §4.5 */
static void final_size(struct kunit *test)
{
	struct side *d = side_new(test, true);

	side_rx(d, 0, 0, 100, false);
	KUNIT_EXPECT_EQ(test, side_rx(d, 0, 0, 99, true), SIZE);
	KUNIT_EXPECT_EQ(test, side_rx_reset(d, 0, 0, 99), SIZE);
	KUNIT_EXPECT_EQ(test, side_rx(d, 0, 200, 0, true), 0);
	KUNIT_EXPECT_EQ(test, side_rx(d, 0, 200, 1, false), SIZE);
	KUNIT_EXPECT_EQ(test, side_rx(d, 0, 201, 0, false), SIZE);
	KUNIT_EXPECT_EQ(test, side_rx(d, 0, 100, 99, true), SIZE);
	KUNIT_EXPECT_EQ(test, side_rx(d, 0, 100, 101, true), SIZE);
	KUNIT_EXPECT_EQ(test, side_rx_reset(d, 0, 0, 199), SIZE);
	KUNIT_EXPECT_EQ(test, side_rx_reset(d, 0, 0, 201), SIZE);
	KUNIT_EXPECT_EQ(test, side_rx(d, 0, 150, 50, false), 0);
	/* all there: still checked */
	KUNIT_EXPECT_EQ(test, side_rx(d, 0, 100, 50, false), 0);
	KUNIT_EXPECT_EQ(test, side_rx(d, 0, 200, 1, false), SIZE);
	KUNIT_EXPECT_EQ(test, side_rx_reset(d, 0, 0, 100), SIZE);
	/* a reset that agrees is suppressed (§3.2) */
	d->nev = 0;
	KUNIT_EXPECT_EQ(test, side_rx_reset(d, 0, 0, 200), 0);
	KUNIT_EXPECT_EQ(test, d->nev, 0);
	KUNIT_EXPECT_EQ(test, (int)side_find(d, 0, false)->rcv_state, (int)RCV(RECVD));
	side_free(test, d);
}

/* The draft's QUIC_EVENT_STREAM_UPDATE, and RECV at the first data */
static void events(struct kunit *test)
{
	struct side *d = side_new(test, true);

	side_rx(d, 0, 0, 0, false);
	KUNIT_EXPECT_EQ(test, d->nev, 0);
	side_rx(d, 0, 10, 10, false);
	expect_event(test, d, 0, RCV(RECV), 0, 0);
	KUNIT_EXPECT_EQ(test, d->readable, 0);
	side_rx(d, 0, 0, 10, false);
	KUNIT_EXPECT_EQ(test, d->nev, 0);
	KUNIT_EXPECT_EQ(test, d->readable, 1);
	side_rx(d, 0, 30, 10, true);
	expect_event(test, d, 0, RCV(SIZE_KNOWN), 0, 40);
	side_rx(d, 0, 30, 10, true);
	KUNIT_EXPECT_EQ(test, d->nev, 0);
	side_rx(d, 0, 20, 10, false);
	expect_event(test, d, 0, RCV(RECVD), 0, 40);
	side_rx(d, 0, 20, 10, false);
	KUNIT_EXPECT_EQ(test, d->nev, 0);
	/* all in one frame */
	side_rx(d, 4, 0, 10, true);
	expect_event(test, d, 4, RCV(RECVD), 0, 10);
	/* FIN in order */
	side_rx(d, 8, 0, 10, false);
	expect_event(test, d, 8, RCV(RECV), 0, 0);
	side_rx(d, 8, 10, 0, true);
	expect_event(test, d, 8, RCV(RECVD), 0, 10);
	/* FIN first: RECV is not told any more */
	side_rx(d, 12, 10, 0, true);
	expect_event(test, d, 12, RCV(SIZE_KNOWN), 0, 10);
	side_rx(d, 12, 0, 5, false);
	KUNIT_EXPECT_EQ(test, d->nev, 0);
	/* empty stream */
	side_rx(d, 16, 0, 0, true);
	expect_event(test, d, 16, RCV(RECVD), 0, 0);
	side_rx(d, 20, 5, 5, false);
	d->nev = 0;
	side_rx_reset(d, 20, 77, 100);
	expect_event(test, d, 20, RCV(RESET_RECVD), 77, 100);
	side_rx_reset(d, 20, 77, 100);
	KUNIT_EXPECT_EQ(test, d->nev, 0);
	side_free(test, d);
}

static void reading(struct kunit *test)
{
	struct side *d = side_new(test, true);
	struct quic_stream *s;
	bool fin;

	KUNIT_EXPECT_NULL(test, quic_streams_readable(&d->ss));
	side_rx(d, 2, 0, 50, false);
	side_rx(d, 6, 0, 50, true);
	side_rx(d, 10, 0, 0, true);
	side_rx(d, 14, 5, 50, true);
	/* each in turn */
	s = quic_streams_readable(&d->ss);
	KUNIT_EXPECT_EQ(test, s->id, 2ULL);
	KUNIT_EXPECT_EQ(test, side_read(d, s, 20, &fin, 0, 0), 20);
	s = quic_streams_readable(&d->ss);
	KUNIT_EXPECT_EQ(test, s->id, 6ULL);
	KUNIT_EXPECT_FALSE(test, quic_stream_at_fin(s, 49));
	KUNIT_EXPECT_TRUE(test, quic_stream_at_fin(s, 50));
	KUNIT_EXPECT_EQ(test, side_read(d, s, 49, &fin, 0, 0), 49);
	KUNIT_EXPECT_FALSE(test, fin);
	s = quic_streams_readable(&d->ss);
	KUNIT_EXPECT_EQ(test, s->id, 10ULL);	/* FIN without data */
	KUNIT_EXPECT_EQ(test, side_read(d, s, 20, &fin, 0, 0), 0);
	KUNIT_EXPECT_TRUE(test, fin);
	KUNIT_EXPECT_EQ(test, side_errno(d, 10, false), -ENOSTR);
	s = quic_streams_readable(&d->ss);
	KUNIT_EXPECT_EQ(test, s->id, 2ULL);
	KUNIT_EXPECT_EQ(test, side_read(d, s, 200, &fin, 0, 0), 30);
	KUNIT_EXPECT_FALSE(test, fin);
	s = quic_streams_readable(&d->ss);
	KUNIT_EXPECT_EQ(test, s->id, 6ULL);
	/* all bytes read, FIN not asked for: it is still to come */
	quic_stream_consumed(&d->ss, s, 1, false, 0, 0);
	KUNIT_EXPECT_PTR_EQ(test, quic_streams_readable(&d->ss), s);
	KUNIT_EXPECT_EQ(test, side_read(d, s, 200, &fin, 0, 0), 0);
	KUNIT_EXPECT_TRUE(test, fin);
	KUNIT_EXPECT_EQ(test, side_errno(d, 6, false), -ENOSTR);
	KUNIT_EXPECT_NULL(test, quic_streams_readable(&d->ss));
	side_rx(d, 14, 0, 5, false);
	s = quic_streams_readable(&d->ss);
	KUNIT_EXPECT_EQ(test, side_read(d, s, 200, &fin, 0, 0), 55);
	KUNIT_EXPECT_TRUE(test, fin);
	KUNIT_EXPECT_EQ(test, d->ss.count, 1);
	KUNIT_EXPECT_EQ(test, d->ss.rcv_read, d->ss.rcv_used);
	side_free(test, d);
}

/* One sender that always fills its windows; reads all after @ms. */
static void consume_window(struct kunit *test, struct side *d, u64 *off, u64 *now, u64 ms)
{
	struct quic_stream *s = side_find(d, 2, false);
	u64 max = s ? s->rcv_max : 1000;
	bool fin;
	u32 n;

	max = min(max, *off + d->ss.rcv_max - d->ss.rcv_used);
	n = max - *off;
	KUNIT_ASSERT_EQ(test, side_rx(d, 2, *off, n, false), 0);
	*off = max;
	*now += ms * MS;
	s = side_find(d, 2, false);
	KUNIT_ASSERT_EQ(test, side_read(d, s, n, &fin, *now, 100 * MS), (s64)n);
}

/* RFC 9000 §4.2: windows follow the rate, up to the bound */
static void windows_grow(struct kunit *test)
{
	struct side *d = side_new(test, true);
	struct quic_stream *s;
	u64 off = 0, now = MS;
	u32 i;

	d->ss.rcv_window_max = 20000;
	consume_window(test, d, &off, &now, 1000);
	s = side_find(d, 2, false);
	KUNIT_EXPECT_EQ(test, s->rcv_window, 1000ULL);
	KUNIT_EXPECT_EQ(test, s->rcv_max, 2000ULL);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 1);
	expect_type(test, d, 0, QUIC_FRAME_MAX_STREAM_DATA);
	KUNIT_EXPECT_EQ(test, d->f[0].max_stream_data.max, 2000ULL);
	/* slowly: no growth */
	consume_window(test, d, &off, &now, 200);
	KUNIT_EXPECT_EQ(test, s->rcv_window, 1000ULL);
	KUNIT_EXPECT_EQ(test, d->ss.rcv_window, 3000ULL);
	/* faster than one window in two round trips */
	consume_window(test, d, &off, &now, 199);
	KUNIT_EXPECT_EQ(test, s->rcv_window, 2000ULL);
	KUNIT_EXPECT_EQ(test, s->rcv_max, 5000ULL);
	consume_window(test, d, &off, &now, 50);
	KUNIT_EXPECT_EQ(test, s->rcv_window, 4000ULL);
	KUNIT_EXPECT_GE(test, d->ss.rcv_window, 6000ULL);
	for (i = 0; i < 20; i++)
		consume_window(test, d, &off, &now, 50);
	KUNIT_EXPECT_EQ(test, s->rcv_window, 20000ULL);
	KUNIT_EXPECT_LE(test, d->ss.rcv_window, 30000ULL);
	/* never back */
	consume_window(test, d, &off, &now, 5000);
	KUNIT_EXPECT_EQ(test, s->rcv_window, 20000ULL);
	side_free(test, d);
}

static void windows_stay(struct kunit *test)
{
	struct side *d = side_new(test, true);
	struct quic_stream *s;
	bool fin;

	d->ss.tuning = false;
	side_rx(d, 2, 0, 1000, false);
	s = side_find(d, 2, false);
	/* an update costs a frame: not before half of it is used */
	side_read(d, s, 499, &fin, MS, 100 * MS);
	KUNIT_EXPECT_FALSE(test, quic_streams_want_tx(&d->ss, false));
	side_read(d, s, 1, &fin, 2 * MS, 100 * MS);
	KUNIT_EXPECT_TRUE(test, quic_streams_want_tx(&d->ss, false));
	KUNIT_EXPECT_EQ(test, s->rcv_max, 1500ULL);
	side_read(d, s, 500, &fin, 3 * MS, 100 * MS);
	KUNIT_EXPECT_EQ(test, s->rcv_window, 1000ULL);
	KUNIT_EXPECT_EQ(test, d->ss.rcv_window, 3000ULL);
	/* the value of the moment goes out, once */
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 1);
	KUNIT_EXPECT_EQ(test, d->f[0].max_stream_data.max, 2000ULL);
	/* RFC 9000 §13.3: no credit any more once the size is known */
	side_lost(d);
	side_rx(d, 2, 1600, 0, true);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 0);
	side_rx(d, 2, 1000, 600, false);
	side_read(d, s, 600, &fin, 4 * MS, 100 * MS);
	KUNIT_EXPECT_TRUE(test, fin);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 1);
	expect_type(test, d, 0, QUIC_FRAME_MAX_DATA);
	KUNIT_EXPECT_EQ(test, d->f[0].max_data.max, 4600ULL);
	side_free(test, d);
}

/* RFC 9000 §4.4, §4.5: what a reset takes along is credited, up to the final size */
static void reset_credit(struct kunit *test)
{
	struct side *d = side_new(test, true);
	bool fin;
	u32 i;

	for (i = 0; i < 50; i++) {
		KUNIT_ASSERT_EQ(test, side_rx(d, i * 4 + 2, 0, 100, false), 0);
		KUNIT_ASSERT_EQ(test, side_rx(d, i * 4 + 2, 500, 100, false), 0);
		side_read(d, side_find(d, i * 4 + 2, false), 30, &fin, 0, 0);
		KUNIT_ASSERT_EQ(test, side_rx_reset(d, i * 4 + 2, 1, 900), 0);
		KUNIT_ASSERT_EQ(test, d->ss.rcv_used, (i + 1) * 900ULL);
		KUNIT_ASSERT_EQ(test, d->ss.rcv_read, d->ss.rcv_used);
		KUNIT_ASSERT_EQ(test, d->ss.count, 0);
		KUNIT_ASSERT_EQ(test, d->mem.live, 0);
		KUNIT_ASSERT_GE(test, d->ss.rcv_max - d->ss.rcv_used, 1500ULL);
	}
	KUNIT_EXPECT_NULL(test, quic_streams_readable(&d->ss));
	side_free(test, d);
}

/* RFC 9000 §3.5: asked once; what still arrives is counted and dropped */
static void stop(struct kunit *test)
{
	struct side *d = side_new(test, true);
	struct quic_stream *s;

	side_rx(d, 2, 0, 100, false);
	side_rx(d, 2, 200, 100, false);
	s = side_find(d, 2, false);
	d->nev = 0;
	KUNIT_EXPECT_EQ(test, quic_stream_stop(&d->ss, s, 33), 0);
	KUNIT_EXPECT_EQ(test, quic_stream_stop(&d->ss, s, 33), -EAGAIN);
	KUNIT_EXPECT_NULL(test, quic_streams_readable(&d->ss));
	KUNIT_EXPECT_EQ(test, d->mem.live, 0);
	KUNIT_EXPECT_EQ(test, d->ss.rcv_read, 300ULL);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 1);
	expect_type(test, d, 0, QUIC_FRAME_STOP_SENDING);
	KUNIT_EXPECT_EQ(test, d->f[0].stop.code, 33ULL);
	side_lost(d);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 1);
	KUNIT_EXPECT_EQ(test, side_rx(d, 2, 100, 400, false), 0);
	KUNIT_EXPECT_EQ(test, d->mem.live, 0);
	KUNIT_EXPECT_EQ(test, d->ss.rcv_read, 500ULL);
	KUNIT_EXPECT_EQ(test, d->ss.rcv_used, 500ULL);
	KUNIT_EXPECT_EQ(test, side_rx(d, 2, 0, 1001, false), FLOW);
	KUNIT_EXPECT_EQ(test, d->nev, 0);
	KUNIT_EXPECT_EQ(test, side_rx_reset(d, 2, 33, 600), 0);
	expect_event(test, d, 2, RCV(RESET_RECVD), 33, 600);
	KUNIT_EXPECT_EQ(test, d->ss.rcv_read, 600ULL);
	KUNIT_EXPECT_EQ(test, d->ss.count, 0);
	/* news of a stream that is gone */
	side_lost(d);
	side_acked(d);
	side_free(test, d);
}

/* The peer sent FIN before it knew: over when it knows, whichever comes first. */
static void stop_and_fin(struct kunit *test)
{
	struct side *d = side_new(test, true);
	struct quic_stream *s;

	side_rx(d, 2, 0, 100, false);
	s = side_find(d, 2, false);
	quic_stream_stop(&d->ss, s, 1);
	side_tx(test, d, 1000);
	KUNIT_EXPECT_EQ(test, side_rx(d, 2, 200, 0, true), 0);
	KUNIT_EXPECT_EQ(test, (int)s->rcv_state, (int)RCV(SIZE_KNOWN));
	KUNIT_EXPECT_EQ(test, side_rx(d, 2, 201, 0, true), SIZE);
	side_acked(d);
	KUNIT_EXPECT_EQ(test, d->ss.count, 0);
	side_rx(d, 6, 0, 100, false);
	quic_stream_stop(&d->ss, side_find(d, 6, false), 1);
	side_tx(test, d, 1000);
	side_acked(d);
	KUNIT_EXPECT_EQ(test, d->ss.count, 1);
	side_rx(d, 6, 50, 150, true);
	KUNIT_EXPECT_EQ(test, d->ss.count, 0);
	KUNIT_EXPECT_EQ(test, d->ss.rcv_read, 400ULL);
	KUNIT_EXPECT_EQ(test, d->ss.rcv_used, 400ULL);
	KUNIT_EXPECT_EQ(test, d->ss.dir[1].remote_closed, 2ULL);
	side_free(test, d);
}

static void stop_late(struct kunit *test)
{
	struct side *d = side_new(test, true);

	/* all received: nothing is sent, the data goes */
	side_rx(d, 2, 0, 100, true);
	KUNIT_EXPECT_EQ(test, quic_stream_stop(&d->ss, side_find(d, 2, false), 1), 0);
	KUNIT_EXPECT_EQ(test, d->ss.count, 0);
	KUNIT_EXPECT_EQ(test, d->mem.live, 0);
	KUNIT_EXPECT_EQ(test, d->ss.rcv_read, 100ULL);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 0);
	/* size known, data missing: it is sent */
	side_rx(d, 6, 50, 50, true);
	KUNIT_EXPECT_EQ(test, quic_stream_stop(&d->ss, side_find(d, 6, false), 1), 0);
	KUNIT_EXPECT_EQ(test, side_tx(test, d, 1000), 1);
	expect_type(test, d, 0, QUIC_FRAME_STOP_SENDING);
	/* the reset of one that was read by nobody */
	side_rx(d, 10, 0, 1, false);
	quic_stream_pin(&d->ss, side_find(d, 10, false), test);
	side_rx_reset(d, 10, 5, 1);
	KUNIT_EXPECT_EQ(test, side_find(d, 10, false)->rcv_reset_code, 5ULL);
	quic_stream_reset_read(&d->ss, side_find(d, 10, false));
	KUNIT_EXPECT_EQ(test, (int)side_find(d, 10, false)->rcv_state, (int)RCV(RESET_READ));
	quic_stream_release(&d->ss, side_find(d, 10, false));
	KUNIT_EXPECT_EQ(test, side_errno(d, 10, false), -ENOSTR);
	side_free(test, d);
}

/* No slice left: nothing has happened, and the same frame works later. */
static void no_slot(struct kunit *test)
{
	struct side *d = side_new(test, true);
	struct quic_frame f = {
		.type = QUIC_FRAME_STREAM,
		.stream = { .id = 2, .off = 0, .len = 10, .fin = true },
	};
	struct quic_chunk *c;

	d->mem.nslices = 1;
	c = chunk_mem_alloc(&d->mem, 10);
	KUNIT_ASSERT_NOT_NULL(test, c);
	quic_slice_put(quic_chunk_slice(c, c->base, 1));
	f.stream.data = c->base;
	KUNIT_EXPECT_EQ(test, quic_streams_rx_stream(&d->ss, &f, c), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, d->ss.rcv_used, 0ULL);
	KUNIT_EXPECT_EQ(test, d->nev, 0);
	KUNIT_EXPECT_EQ(test, side_find(d, 2, false)->final_size, QUIC_STREAM_NO_SIZE);
	quic_chunk_put(c);
	KUNIT_EXPECT_EQ(test, side_rx(d, 2, 0, 10, true), 0);
	expect_event(test, d, 2, RCV(RECVD), 0, 10);
	side_free(test, d);
}

/* A packet that is one frame with the next data, and whatever is not. */
static void bulk(struct kunit *test)
{
	static const struct {
		const char *what;
		u32 len;
		u8 payload[8];
		bool taken;
	} cases[] = {
		{ "next, with its length", 6, { 0x0e, 2, 10, 2, 'a', 'b' }, true },
		{ "next, to the end", 5, { 0x0c, 2, 12, 'a', 'b' }, true },
		{ "without an offset, which is 0", 4, { 0x08, 2, 'a', 'b' }, false },
		{ "before it", 5, { 0x0c, 2, 13, 'a', 'b' }, false },
		{ "ahead", 5, { 0x0c, 2, 15, 'a', 'b' }, false },
		{ "FIN", 5, { 0x0d, 2, 14, 'a', 'b' }, false },
		{ "of another stream", 5, { 0x0c, 6, 14, 'a', 'b' }, false },
		{ "empty", 3, { 0x0c, 2, 14 }, false },
		{ "and another frame", 6, { 0x0e, 2, 14, 1, 'a', 1 }, false },
		{ "cut in its data", 5, { 0x0e, 2, 14, 2, 'a' }, false },
		{ "cut in its offset", 3, { 0x0e, 2, 0x40 }, false },
		{ "type in two bytes", 6, { 0x40, 0x0c, 2, 14, 'a', 'b' }, false },
		{ "another frame", 1, { 0x01 }, false },
		{ "nothing", 0, { 0 }, false },
		{ "beyond the limit", 8, { 0x0c, 2, 14, 'a', 'b', 'c', 'd', 'e' }, false },
		{ "up to the limit", 7, { 0x0c, 2, 14, 'a', 'b', 'c', 'd' }, true },
	};
	struct side *d = side_new(test, true);
	struct quic_stream *s;
	struct quic_chunk *c;
	u64 used, high;
	u32 i;

	side_rx(d, 2, 0, 5, false);
	KUNIT_EXPECT_NULL(test, quic_streams_steady(&d->ss));	/* it was made, not looked up */
	side_rx(d, 2, 5, 5, false);
	s = quic_streams_steady(&d->ss);
	KUNIT_ASSERT_PTR_EQ(test, s, side_find(d, 2, false));
	s->rcv_max = 18;
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		c = chunk_mem_alloc(&d->mem, sizeof(cases[i].payload));
		KUNIT_ASSERT_NOT_NULL(test, c);
		memcpy(c->base, cases[i].payload, sizeof(cases[i].payload));
		used = d->ss.rcv_used;
		high = s->rcv.high;
		KUNIT_EXPECT_EQ_MSG(test, quic_streams_rx_bulk(&d->ss, s, c->base, cases[i].len, c),
				    cases[i].taken, "%s", cases[i].what);
		KUNIT_EXPECT_EQ_MSG(test, s->rcv.high > high, cases[i].taken, "%s", cases[i].what);
		KUNIT_EXPECT_EQ_MSG(test, s->rcv.ready_off, s->rcv.high, "%s", cases[i].what);
		KUNIT_EXPECT_EQ_MSG(test, d->ss.rcv_used - used, s->rcv.high - high, "%s",
				    cases[i].what);
		quic_chunk_put(c);
	}
	KUNIT_EXPECT_EQ(test, s->rcv.high, 18ULL);
	side_rx(d, 2, 18, 0, true);		/* all of it is there */
	KUNIT_EXPECT_NULL(test, quic_streams_steady(&d->ss));
	side_free(test, d);
}

static struct kunit_case stream_rx_cases[] = {
	KUNIT_CASE(stream_limit),
	KUNIT_CASE(connection_limit),
	KUNIT_CASE(offset_limit),
	KUNIT_CASE(final_size),
	KUNIT_CASE(events),
	KUNIT_CASE(reading),
	KUNIT_CASE(windows_grow),
	KUNIT_CASE(windows_stay),
	KUNIT_CASE(reset_credit),
	KUNIT_CASE(stop),
	KUNIT_CASE(stop_and_fin),
	KUNIT_CASE(stop_late),
	KUNIT_CASE(no_slot),
	KUNIT_CASE(bulk),
	{}
};

static struct kunit_suite stream_rx_suite = {
	.name = "stream_rx",
	.test_cases = stream_rx_cases,
};
kunit_test_suite(stream_rx_suite);

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a connection tells while somebody reads a trace, and that it tells
 * nothing when nobody does.
 */
#include "conn_ctx_test.h"

static struct {
	u32 sent, received, frames, acks, lost, bytes;
} told;

static void on_sent(void *priv, u8 level, u64 pn, u32 len, const struct quic_pkt *p)
{
	told.sent++;
	told.bytes += len;
}

static void on_received(void *priv, u8 level, u64 pn, u32 len)
{
	told.received++;
}

static void on_frame(void *priv, u8 level, u64 pn, const struct quic_frame *f)
{
	told.frames++;
	told.acks += f->type == QUIC_FRAME_ACK || f->type == QUIC_FRAME_ACK_ECN;
}

static void on_lost(void *priv, enum quic_space_id sp, u64 pn, u32 len)
{
	told.lost++;
}

static const struct quic_trace_ops trace_ops = {
	.sent = on_sent, .received = on_received, .frame = on_frame, .lost = on_lost,
};

/* A transfer from the client, of which a datagram is lost. */
static void transfer(struct pair *p)
{
	s64 id = end_open(&p->e[0], false);

	p->e[0].mute = true;
	end_write(&p->e[0], id, 1000, false);
	end_tx(&p->e[0]);
	p->e[0].mute = false;
	end_write(&p->e[0], id, 20000, true);
	pair_flush(p);
	pair_sleep(p, QUIC_NSEC_PER_SEC);
}

static void tells(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct pair *p = &x->p;

	memset(&told, 0, sizeof(told));
	p->e[0].ops.trace = &trace_ops;
	static_branch_enable(&quic_tracing);
	pair_establish(p);
	transfer(p);
	static_branch_disable(&quic_tracing);
	KUNIT_EXPECT_EQ(test, (u64)told.sent, p->e[0].c.stats.tx_packets);
	KUNIT_EXPECT_GT(test, p->e[0].in_runs, 0);
	KUNIT_EXPECT_EQ(test, (u64)told.received, p->e[0].c.stats.rx_packets);
	KUNIT_EXPECT_EQ(test, (u64)told.lost, p->e[0].c.loss.lost_packets);
	KUNIT_EXPECT_GT(test, told.lost, 0);
	KUNIT_EXPECT_GT(test, told.acks, 0);
	KUNIT_EXPECT_GT(test, told.frames, told.received);
	KUNIT_EXPECT_GT(test, told.bytes, 21000);
	ctx_free(test, x);
}

static void is_silent(struct kunit *test)
{
	struct ctx *x = ctx_new(test);
	struct pair *p = &x->p;

	memset(&told, 0, sizeof(told));
	p->e[0].ops.trace = &trace_ops;
	pair_establish(p);
	transfer(p);
	KUNIT_EXPECT_EQ(test, told.sent + told.received + told.frames + told.lost, 0);
	ctx_free(test, x);
}

static struct kunit_case conn_trace_cases[] = {
	KUNIT_CASE(tells),
	KUNIT_CASE(is_silent),
	{}
};

static struct kunit_suite conn_trace_suite = {
	.name = "conn_trace",
	.test_cases = conn_trace_cases,
};
kunit_test_suite(conn_trace_suite);

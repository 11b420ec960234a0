// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Events: what the core reports becomes a message of one type byte and its
 * content, queued ahead of stream data for recvmsg().  Only the types that
 * the EVENT option enabled are queued; tokens and session tickets are also
 * kept for the TOKEN and SESSION_TICKET options.  Called by the core under the
 * socket lock, in any context.
 */
#include "netns.h"
#include "mib.h"

#define CLOSE_PHRASE_MIN	64	/* the event is zero-padded to this much phrase */

static struct quic_notice *event_new(u8 type, u32 len)
{
	struct quic_notice *e = kzalloc(struct_size(e, data, len + 1), GFP_ATOMIC);

	if (!e)
		return NULL;
	e->len = len + 1;
	e->data[0] = type;
	return e;
}

static void event_queue(struct quic_sock *qs, struct quic_notice *e)
{
	list_add_tail(&e->list, &qs->event_queue);
	qs->nevents++;
	qs->conn.wake |= QUIC_WAKE_READ;
}

/* Room in the queue? One that overflows is counted; it has a hole then. */
static bool event_wanted(struct quic_sock *qs, u8 type)
{
	if (!(qs->events & BIT(type)))
		return false;
	if (qs->nevents < QUIC_EVENTS_MAX)
		return true;
	quic_mib_inc(quic_sock_sk(qs), QUIC_MIB_EVENT_DROP);
	return false;
}

static void keep_blob(u8 **to, u32 *to_len, const void *data, u32 len)
{
	u8 *copy = kmemdup(data, len, GFP_ATOMIC);

	if (!copy)
		return;
	kfree(*to);
	*to = copy;
	*to_len = len;
}

void quic_event_close(struct quic_sock *qs)
{
	const struct quic_close *cl = &qs->conn.close;
	struct quic_connection_close *h;
	struct quic_notice *e;

	if (!event_wanted(qs, QUIC_EVENT_CONNECTION_CLOSE))
		return;
	e = event_new(QUIC_EVENT_CONNECTION_CLOSE,
		      sizeof(*h) + max_t(u32, cl->len, CLOSE_PHRASE_MIN));
	if (!e)
		return;
	h = (struct quic_connection_close *)(e->data + 1);
	put_unaligned((u32)cl->code, &h->errcode);
	h->frame = cl->frame_type;
	if (cl->len)
		memcpy(h->phrase, cl->phrase, cl->len);
	event_queue(qs, e);
}

void quic_event_post(void *priv, u8 type, const void *data, u32 len)
{
	struct quic_sock *qs = quic_sk(priv);
	struct quic_notice *e;

	if (type == QUIC_EVENT_STREAM_UPDATE && qs->byte_stream)
		quic_bytestream_update(priv, data);
	if (type == QUIC_EVENT_KEY_UPDATE && static_branch_unlikely(&quic_tracing))
		quic_trace_key(qs, QUIC_CRYPTO_APP, true, true);
	if (type == QUIC_EVENT_CONNECTION_MIGRATION && static_branch_unlikely(&quic_tracing))
		quic_trace_path(qs, *(const u8 *)data);
	if (type == QUIC_EVENT_CONNECTION_CLOSE) {
		quic_event_close(qs);
		return;
	}
	if (type == QUIC_EVENT_NEW_TOKEN)
		keep_blob(&qs->token, &qs->token_len, data, len);
	else if (type == QUIC_EVENT_NEW_SESSION_TICKET)
		keep_blob(&qs->ticket, &qs->ticket_len, data, len);
	if (!event_wanted(qs, type))
		return;
	e = event_new(type, len);
	if (!e)
		return;
	memcpy(e->data + 1, data, len);
	event_queue(qs, e);
}

void quic_event_purge(struct quic_sock *qs)
{
	struct quic_notice *e, *n;

	list_for_each_entry_safe(e, n, &qs->event_queue, list)
		kfree(e);
	INIT_LIST_HEAD(&qs->event_queue);
	qs->nevents = 0;
}

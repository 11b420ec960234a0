// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Every event with its content, and how events are queued and read.
 */
#include "lib.h"

#define NEW	MSG_QUIC_STREAM_NEW
#define FIN	MSG_QUIC_STREAM_FIN
#define ON(t)	(1U << QUIC_EVENT_##t)

static struct pair p;

static void open_with(uint32_t cli, uint32_t srv)
{
	struct conf c = { .events = { cli, srv } };

	pair_open(&p, &c);
}

static void off_by_default(void)
{
	struct quic_event_option ev = {};
	char buf[16];
	int type;

	pair_open(&p, NULL);
	for (type = 1; type < QUIC_EVENT_MAX; type++) {
		socklen_t len = sizeof(ev);

		ev.type = type;
		ev.on = 7;
		CHECK_OK(get_opt(p.cli, QUIC_SOCKOPT_EVENT, &ev, &len));
		CHECK_EQ(len, 2);
		CHECK_EQ(ev.type, type);
		CHECK_EQ(ev.on, 0);
	}
	send_all(p.cli, 0, "x", 1, NEW | FIN);
	recv_all(p.srv, 0, buf, 1, true);
	send_all(p.srv, 0, "y", 1, FIN);
	recv_all(p.cli, 0, buf, 1, true);
	event_none(p.cli, 100);
	event_none(p.srv, 100);
	pair_close(&p);
}

static void on_and_off(void)
{
	struct quic_event_option ev = { .type = QUIC_EVENT_STREAM_UPDATE };
	socklen_t len = sizeof(ev);
	struct quic_stream_update u;
	char buf[4];

	pair_open(&p, NULL);
	event_on(p.srv, QUIC_EVENT_STREAM_UPDATE, 255);
	CHECK_OK(get_opt(p.srv, QUIC_SOCKOPT_EVENT, &ev, &len));
	CHECK_EQ(ev.on, 1);
	send_all(p.cli, 0, "x", 1, NEW);
	event_update(p.srv, 0, QUIC_STREAM_RECV_STATE_RECV, &u);
	recv_all(p.srv, 0, buf, 1, false);
	event_on(p.srv, QUIC_EVENT_STREAM_UPDATE, 0);
	send_all(p.cli, 4, "x", 1, NEW);
	recv_all(p.srv, 4, buf, 1, false);
	event_none(p.srv, 50);
	pair_close(&p);
}

/* A listener's mask goes to the sockets that it accepts. */
static void inherited(void)
{
	struct quic_event_option ev = { .type = QUIC_EVENT_KEY_UPDATE };
	socklen_t len = sizeof(ev);

	open_with(0, ON(KEY_UPDATE) | ON(NEW_TOKEN));
	CHECK_OK(get_opt(p.srv, QUIC_SOCKOPT_EVENT, &ev, &len));
	CHECK_EQ(ev.on, 1);
	ev.type = QUIC_EVENT_CONNECTION_ID;
	CHECK_OK(get_opt(p.srv, QUIC_SOCKOPT_EVENT, &ev, &len));
	CHECK_EQ(ev.on, 0);
	pair_close(&p);
}

/* ---- streams ---- */

static void update_send(void)
{
	struct quic_stream_update u;
	char buf[8];

	open_with(ON(STREAM_UPDATE), 0);
	send_all(p.cli, 0, "12345", 5, NEW | FIN);
	recv_all(p.srv, 0, buf, 5, true);
	event_update(p.cli, 0, QUIC_STREAM_SEND_STATE_RECVD, &u);
	pair_close(&p);
}

static void update_receive(void)
{
	struct quic_stream_update u;
	char buf[8];

	open_with(0, ON(STREAM_UPDATE));
	send_all(p.cli, 0, "123", 3, NEW);
	event_update(p.srv, 0, QUIC_STREAM_RECV_STATE_RECV, &u);
	send_all(p.cli, 0, "45", 2, FIN);
	event_update(p.srv, 0, QUIC_STREAM_RECV_STATE_RECVD, &u);
	CHECK_EQ(u.finalsz, 5);
	CHECK_EQ(u.errcode, 0);
	recv_all(p.srv, 0, buf, 5, true);
	/* all in one: the end is known at once */
	send_all(p.cli, 4, "678", 3, NEW | FIN);
	event_update(p.srv, 4, QUIC_STREAM_RECV_STATE_RECVD, &u);
	CHECK_EQ(u.finalsz, 3);
	recv_all(p.srv, 4, buf, 3, true);
	event_none(p.srv, 50);
	pair_close(&p);
}

static void update_reset(void)
{
	struct quic_stream_update u;
	char buf[8];

	open_with(ON(STREAM_UPDATE), ON(STREAM_UPDATE));
	send_all(p.cli, 0, "123", 3, NEW);
	event_update(p.srv, 0, QUIC_STREAM_RECV_STATE_RECV, &u);
	recv_all(p.srv, 0, buf, 3, false);	/* the next thing to read is the event */
	CHECK_OK(stream_reset(p.cli, 0, 4711));
	event_update(p.srv, 0, QUIC_STREAM_RECV_STATE_RESET_RECVD, &u);
	CHECK_EQ(u.errcode, 4711);
	CHECK_EQ(u.finalsz, 3);
	event_update(p.cli, 0, QUIC_STREAM_SEND_STATE_RESET_RECVD, &u);
	CHECK_EQ(u.errcode, 4711);
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, 0, MSG_NOSIGNAL), EPIPE);
	CHECK(stream_reset(p.cli, 0, 1) < 0);
	send_all(p.srv, 0, "alive", 5, FIN);	/* the other direction */
	event_update(p.cli, 0, QUIC_STREAM_RECV_STATE_RECVD, &u);
	recv_all(p.cli, 0, &u, 5, true);
	pair_close(&p);
}

static void update_stop(void)
{
	struct quic_stream_update u;
	char buf[8];

	open_with(ON(STREAM_UPDATE), 0);
	send_all(p.cli, 0, "123", 3, NEW);
	recv_all(p.srv, 0, buf, 3, false);
	CHECK_OK(stream_stop(p.srv, 0, 99));
	CHECK_ERR(stream_stop(p.srv, 0, 99), EAGAIN);
	event_update(p.cli, 0, QUIC_STREAM_SEND_STATE_RESET_SENT, &u);
	CHECK_EQ(u.errcode, 99);
	event_update(p.cli, 0, QUIC_STREAM_SEND_STATE_RESET_RECVD, &u);
	CHECK_EQ(u.errcode, 99);
	CHECK(quic_sendmsg(p.cli, "x", 1, 0, MSG_NOSIGNAL) < 0);
	send_all(p.srv, 0, "back", 4, FIN);
	event_update(p.cli, 0, QUIC_STREAM_RECV_STATE_RECVD, &u);
	recv_all(p.cli, 0, buf, 4, true);
	pair_close(&p);
}

/* Window of 5000 bytes: reading raises it. */
static void max_data(void)
{
	struct conf c = { .events = { ON(STREAM_MAX_DATA) },
			  .tp[SRV] = { .max_stream_data_bidi_remote = 5000 } };
	struct quic_stream_max_data md;
	uint8_t buf[5000];

	pair_open(&p, &c);
	send_all(p.cli, 0, NULL, 0, NEW);
	pattern_fill(buf, sizeof(buf), 0, 0);
	send_all(p.cli, 0, buf, sizeof(buf), 0);
	CHECK_ERR(quic_sendmsg(p.cli, "x", 1, 0, MSG_DONTWAIT), ENOSPC);
	recv_pattern(p.srv, 0, sizeof(buf), false);
	CHECK_EQ(event_get(p.cli, QUIC_EVENT_STREAM_MAX_DATA, &md, sizeof(md)), sizeof(md));
	CHECK_EQ(md.id, 0);
	CHECK(md.max_data > 5000);
	CHECK_EQ(quic_sendmsg(p.cli, "x", 1, 0, MSG_DONTWAIT), 1);
	pair_close(&p);
}

static void max_streams(void)
{
	struct conf c = { .events = { ON(STREAM_MAX_STREAM) },
			  .tp[SRV] = { .max_streams_bidi = 2, .max_streams_uni = 1 } };
	uint64_t max;
	char buf[4];

	pair_open(&p, &c);
	CHECK_EQ(stream_open(p.cli, 4, 0), 4);
	CHECK_ERR(stream_open(p.cli, 8, MSG_QUIC_STREAM_DONTWAIT), EAGAIN);
	send_all(p.cli, 0, "x", 1, FIN);
	recv_all(p.srv, 0, buf, 1, true);
	send_all(p.srv, 0, "y", 1, FIN);
	CHECK_EQ(event_get(p.cli, QUIC_EVENT_STREAM_MAX_STREAM, &max, sizeof(max)), 8);
	CHECK_EQ(max & 3, 0);
	CHECK(max >> 2 >= 3);
	CHECK_EQ(stream_open(p.cli, 8, MSG_QUIC_STREAM_DONTWAIT), 8);
	recv_all(p.cli, 0, buf, 1, true);
	send_all(p.cli, 2, "x", 1, NEW | FIN);
	recv_all(p.srv, 2, buf, 1, true);
	CHECK_EQ(event_get(p.cli, QUIC_EVENT_STREAM_MAX_STREAM, &max, sizeof(max)), 8);
	CHECK_EQ(max & 3, QUIC_STREAM_TYPE_UNI_MASK);
	CHECK(max >> 2 >= 2);
	pair_close(&p);
}

/* ---- the connection ---- */

static void close_event(void)
{
	struct {
		struct quic_connection_close h;
		char phrase[64];
	} in = { .h = { .errcode = 77, .frame = 9 }, .phrase = "the reason" }, out;
	size_t n;

	open_with(0, ON(CONNECTION_CLOSE));
	CHECK_OK(set_opt(p.cli, QUIC_SOCKOPT_CONNECTION_CLOSE, &in, sizeof(in.h) + 10));
	close(p.cli);
	n = event_get(p.srv, QUIC_EVENT_CONNECTION_CLOSE, &out, sizeof(out));
	CHECK(n >= 72);
	CHECK_EQ(out.h.errcode, 77);
	CHECK_EQ(out.h.frame, 0);		/* the user's is forced to 0 */
	CHECK(!strcmp(out.phrase, "the reason"));
	CHECK_ERR(recv(p.srv, &out, 1, 0), ENOTCONN);
}

static int update_keys(int fd)
{
	uint64_t end = now_ms() + 15000;

	while (set_opt(fd, QUIC_SOCKOPT_KEY_UPDATE, NULL, 0)) {
		if (errno != EINVAL || now_ms() > end)
			return -1;
		sleep_ms(5);		/* not confirmed yet */
	}
	return 0;
}

static void key_update_event(void)
{
	uint8_t phase, i;
	char buf[4];

	open_with(ON(KEY_UPDATE), ON(KEY_UPDATE));
	for (i = 1; i <= 4; i++) {
		CHECK_OK(update_keys(i & 1 ? p.cli : p.srv));
		CHECK_EQ(event_get(p.cli, QUIC_EVENT_KEY_UPDATE, &phase, 1), 1);
		CHECK_EQ(phase, i & 1);
		CHECK_EQ(event_get(p.srv, QUIC_EVENT_KEY_UPDATE, &phase, 1), 1);
		CHECK_EQ(phase, i & 1);
		send_all(p.cli, (i - 1) * 4, "x", 1, NEW | FIN);
		recv_all(p.srv, (i - 1) * 4, buf, 1, true);
		send_all(p.srv, (i - 1) * 4, "x", 1, FIN);
		recv_all(p.cli, (i - 1) * 4, buf, 1, true);
	}
	pair_close(&p);
}

static void connection_id_event(void)
{
	struct quic_connection_id_info info = { .dest = 1 }, ev;
	socklen_t len = sizeof(info);
	uint64_t end = now_ms() + 15000;

	open_with(ON(CONNECTION_ID), ON(CONNECTION_ID));
	CHECK_OK(get_opt(p.cli, QUIC_SOCKOPT_CONNECTION_ID, &info, &len));
	info.prior_to = info.active = 1;
	while (set_opt(p.cli, QUIC_SOCKOPT_CONNECTION_ID, &info, sizeof(info))) {
		CHECK_EQ(errno, EINVAL);	/* the server's IDs have not come yet */
		CHECK(now_ms() < end);
		sleep_ms(5);
	}
	/* who retires learns of it as well as whose IDs they were */
	CHECK_EQ(event_get(p.cli, QUIC_EVENT_CONNECTION_ID, &ev, sizeof(ev)), sizeof(ev));
	CHECK_EQ(ev.dest, 1);
	CHECK_EQ(ev.active, 1);
	CHECK_EQ(ev.prior_to, 1);
	CHECK_EQ(event_get(p.srv, QUIC_EVENT_CONNECTION_ID, &ev, sizeof(ev)), sizeof(ev));
	CHECK_EQ(ev.dest, 0);
	CHECK_EQ(ev.active, 1);
	CHECK_EQ(ev.prior_to, 1);
	pair_close(&p);
}

static void token_event(void)
{
	uint8_t token[512], kept[512];
	socklen_t len = sizeof(kept);
	size_t n;

	open_with(ON(NEW_TOKEN), 0);
	CHECK_OK(set_opt(p.srv, QUIC_SOCKOPT_TOKEN, NULL, 0));
	n = event_get(p.cli, QUIC_EVENT_NEW_TOKEN, token, sizeof(token));
	CHECK(n >= 16);
	CHECK_OK(get_opt(p.cli, QUIC_SOCKOPT_TOKEN, kept, &len));
	CHECK_EQ(len, n);
	CHECK(!memcmp(kept, token, n));
	pair_close(&p);
}

/* A server's TLS sends tickets by itself. */
static void ticket_event(void)
{
	uint8_t ticket[4096], kept[4096];
	socklen_t len = sizeof(kept);
	size_t n;

	open_with(ON(NEW_SESSION_TICKET), 0);
	n = event_get(p.cli, QUIC_EVENT_NEW_SESSION_TICKET, ticket, sizeof(ticket));
	CHECK(n > 20);
	CHECK_EQ(ticket[0], 4);			/* NewSessionTicket */
	CHECK_EQ(n, 4 + (ticket[1] << 16 | ticket[2] << 8 | ticket[3]));
	CHECK_OK(get_opt(p.cli, QUIC_SOCKOPT_SESSION_TICKET, kept, &len));
	CHECK(len > 20);
	pair_close(&p);
}

/* ---- queueing ---- */

static void partial_read(void)
{
	struct quic_stream_update u;
	uint8_t buf[1 + sizeof(u)];
	uint32_t flags = 0;
	int64_t id = 5;

	open_with(0, ON(STREAM_UPDATE));
	send_all(p.cli, 0, "123", 3, NEW | FIN);
	CHECK(sock_poll(p.srv, POLLIN, 10000) & POLLIN);
	flags = MSG_PEEK;
	CHECK_EQ(quic_recvmsg(p.srv, buf, sizeof(buf), &id, &flags), sizeof(buf));
	CHECK(flags & MSG_QUIC_NOTIFICATION);
	CHECK(flags & MSG_EOR);
	memset(buf, 0, sizeof(buf));
	flags = 0;
	CHECK_EQ(quic_recvmsg(p.srv, buf, 5, &id, &flags), 5);
	CHECK(flags & MSG_QUIC_NOTIFICATION);
	CHECK(!(flags & MSG_EOR));
	CHECK_EQ(id, -1);
	flags = 0;
	CHECK_EQ(quic_recvmsg(p.srv, buf + 5, sizeof(buf), &id, &flags), sizeof(buf) - 5);
	CHECK(flags & MSG_EOR);
	CHECK_EQ(buf[0], QUIC_EVENT_STREAM_UPDATE);
	memcpy(&u, buf + 1, sizeof(u));
	CHECK_EQ(u.id, 0);
	pair_close(&p);
}

static void ahead_of_data(void)
{
	struct quic_stream_update u;
	struct msg m;
	int i, n = 0;

	open_with(0, ON(STREAM_UPDATE));
	for (i = 0; i < 3; i++)
		send_all(p.cli, i * 4, "data", 4, NEW);
	sleep_ms(200);
	for (i = 0; i < 3; i++) {
		recv_msg(p.srv, &m);
		CHECK(m.flags & MSG_QUIC_NOTIFICATION);
		memcpy(&u, m.data + 1, sizeof(u));
		CHECK_EQ(u.id, i * 4);		/* in the order of arrival */
		CHECK_EQ(u.state, QUIC_STREAM_RECV_STATE_RECV);
	}
	for (i = 0; i < 3; i++) {
		recv_msg(p.srv, &m);
		CHECK(!(m.flags & MSG_QUIC_NOTIFICATION));
		CHECK_EQ(m.n, 4);
		n += m.id;
	}
	CHECK_EQ(n, 12);
	pair_close(&p);
}

/* More than the queue holds: no harm, the rest of the connection works. */
static void overflow(void)
{
	struct conf c = { .events[SRV] = ON(STREAM_UPDATE),
			  .tp[SRV] = { .max_streams_uni = 3000 } };
	unsigned int i, events = 0, ends = 0;
	struct msg m;

	pair_open(&p, &c);
	for (i = 0; i < 2000; i++)
		send_all(p.cli, i * 4 + 2, "x", 1, NEW | FIN);
	while (ends < 2000) {
		recv_msg(p.srv, &m);
		if (m.flags & MSG_QUIC_NOTIFICATION)
			events++;
		else if (m.flags & FIN)
			ends++;
		if (!ends)
			sleep_ms(events ? 0 : 500);
	}
	CHECK(events >= 1000);
	pair_close(&p);
}

static const struct test tests[] = {
	{ "off-by-default", off_by_default },
	{ "on-and-off", on_and_off },
	{ "inherited", inherited },
	{ "stream-update-send", update_send },
	{ "stream-update-receive", update_receive },
	{ "stream-update-reset", update_reset },
	{ "stream-update-stop", update_stop },
	{ "stream-max-data", max_data },
	{ "stream-max-stream", max_streams },
	{ "connection-close", close_event },
	{ "key-update", key_update_event },
	{ "connection-id", connection_id_event },
	{ "new-token", token_event },
	{ "new-session-ticket", ticket_event },
	{ "partial-read", partial_read },
	{ "ahead-of-data", ahead_of_data },
	{ "queue-overflow", overflow },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

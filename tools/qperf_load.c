// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What happens on a link, the same code on both sides: each lane that sends
 * has a thread, the calling thread receives for all lanes of the link.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "qperf.h"

struct sender {
	struct load	*load;
	int64_t		lane;
	uint64_t	deadline;	/* 0: by bytes */
	uint64_t	bytes;
	pthread_t	thread;
};

static uint64_t lane_bytes(const struct test *t)
{
	uint64_t lanes = (uint64_t)t->conns * t->streams;

	return (t->bytes + lanes - 1) / lanes;
}

static int send_timed(struct sender *s, const void *buf)
{
	const struct test *t = s->load->test;
	struct counts *c = s->load->counts;
	int err;

	while (now_ns() < s->deadline && !atomic_load(&c->stop)) {
		err = link_send(&s->load->link, s->lane, buf, t->size, false);
		if (err)
			return err;
		atomic_fetch_add(&c->sent, t->size);
	}
	return link_send(&s->load->link, s->lane, buf, 0, true);
}

static int send_counted(struct sender *s, const void *buf)
{
	const struct test *t = s->load->test;
	struct counts *c = s->load->counts;
	uint64_t left = s->bytes;
	uint32_t n;
	int err;

	while (left && !atomic_load(&c->stop)) {
		n = left < t->size ? left : t->size;
		left -= n;
		err = link_send(&s->load->link, s->lane, buf, n, !left);
		if (err)
			return err;
		atomic_fetch_add(&c->sent, n);
	}
	return 0;
}

static void *send_lane(void *arg)
{
	struct sender *s = arg;
	struct counts *c = s->load->counts;
	void *buf = xcalloc(1, s->load->test->size);

	if ((s->deadline ? send_timed(s, buf) : send_counted(s, buf)) &&
	    !atomic_load(&c->stop))
		atomic_fetch_add(&c->failed, 1);
	free(buf);
	return NULL;
}

/* Lanes are opened here, in order, not by the threads. */
static struct sender *start_senders(struct load *load, unsigned int lanes)
{
	const struct test *t = load->test;
	struct sender *s = xcalloc(lanes, sizeof(*s));
	uint64_t deadline = t->bytes ? 0 : now_ns() + t->ms * NSEC_PER_MSEC;
	unsigned int i;

	for (i = 0; i < lanes; i++) {
		s[i].load = load;
		s[i].deadline = deadline;
		s[i].bytes = lane_bytes(t);
		s[i].lane = link_open_lane(&load->link);
		if (s[i].lane < 0 || pthread_create(&s[i].thread, NULL, send_lane, &s[i]))
			die(EX_LOCAL, "stream %u of a link: %s", i,
			    s[i].lane < 0 ? strerror(-s[i].lane) : "no thread");
	}
	return s;
}

static void receive_lanes(struct load *load, unsigned int lanes)
{
	void *buf = xcalloc(1, QPERF_RECV_BUF);
	struct counts *c = load->counts;
	unsigned int ended = 0;
	int64_t lane;
	ssize_t n;
	bool fin;

	while (ended < lanes) {
		n = link_recv(&load->link, buf, QPERF_RECV_BUF, &lane, &fin);
		if (n < 0 || (!n && !fin)) {
			if (!atomic_load(&c->stop))
				atomic_fetch_add(&c->failed, 1);
			break;
		}
		atomic_fetch_add(&c->received, n);
		atomic_store(&c->last, now_ns());
		ended += fin;
	}
	free(buf);
}

void load_streams(struct load *load)
{
	unsigned int lanes = test_lanes(load->test), i;
	struct sender *s = NULL;

	if (test_sends(load->test, load->client))
		s = start_senders(load, lanes);
	if (test_sends(load->test, !load->client))
		receive_lanes(load, lanes);
	for (i = 0; s && i < lanes; i++)
		pthread_join(s[i].thread, NULL);
	free(s);
}

/* A whole message on the lane; false when the link has ended */
static bool receive_message(struct load *load, void *buf, int64_t *lane)
{
	uint32_t size = load->test->size, have = 0;
	ssize_t n;
	bool fin;

	while (have < size) {
		n = link_recv(&load->link, buf, size - have, lane, &fin);
		if (n <= 0)
			return false;
		have += n;
	}
	atomic_fetch_add(&load->counts->received, size);
	return true;
}

static bool send_message(struct load *load, const void *buf, int64_t lane)
{
	if (link_send(&load->link, lane, buf, load->test->size, false))
		return false;
	atomic_fetch_add(&load->counts->sent, load->test->size);
	return true;
}

/* One outstanding request; the time from its send to the last byte back */
void load_requests(struct load *load)
{
	uint64_t end = now_ns() + load->test->ms * NSEC_PER_MSEC, start = now_ns(), now;
	void *buf = xcalloc(1, load->test->size);
	int64_t lane = link_open_lane(&load->link), from;

	while (start < end) {
		if (lane < 0 || !send_message(load, buf, lane) ||
		    !receive_message(load, buf, &from)) {
			atomic_fetch_add(&load->counts->failed, 1);
			break;
		}
		now = now_ns();
		samples_add(&load->samples, now - start);
		start = now;
	}
	atomic_store(&load->counts->last, now_ns());
	free(buf);
}

void load_responses(struct load *load)
{
	void *buf = xcalloc(1, load->test->size);
	int64_t lane;

	while (receive_message(load, buf, &lane))
		if (!send_message(load, buf, lane))
			break;
	free(buf);
}

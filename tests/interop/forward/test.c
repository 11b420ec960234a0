// SPDX-License-Identifier: GPL-2.0-or-later
/* What the forwarder does to packets, against packets made here. */
#include <stdio.h>
#include <string.h>

#include "forward.h"

#define PACKETS	100000

static const char *test_name;
static int failures;

#define CHECK(cond) do {								\
	if (!(cond)) {									\
		printf("not ok forwarder: %s - line %d: %s\n", test_name, __LINE__, #cond); \
		failures++;								\
		return;									\
	}										\
} while (0)

#define CLIENT	0xc1a70064	/* 193.167.0.100 */
#define SERVER	0xc1a76464

static uint8_t buf[2048];

static void v4(struct packet *p, int to, uint16_t client_port, size_t payload)
{
	size_t len = 28 + payload;

	memset(buf, 0, sizeof(buf));
	buf[0] = 0x45;
	buf[2] = len >> 8;
	buf[3] = len & 0xff;
	buf[8] = 64;
	buf[9] = 17;
	buf[24] = (8 + payload) >> 8;
	buf[25] = (8 + payload) & 0xff;
	buf[26] = 1;
	memset(buf + 28, 0xa5, payload);
	packet_parse(p, buf, len);
	packet_set_addr(p, to != TO_SERVER, CLIENT);
	packet_set_addr(p, to == TO_SERVER, SERVER);
	packet_set_port(p, to != TO_SERVER, client_port);
	packet_set_port(p, to == TO_SERVER, 443);
	packet_sum(p);
}

static void v6(struct packet *p, size_t payload)
{
	memset(buf, 0, sizeof(buf));
	buf[0] = 0x60;
	buf[4] = (8 + payload) >> 8;
	buf[5] = (8 + payload) & 0xff;
	buf[6] = 17;
	buf[8] = buf[24] = 0xfd;
	buf[44] = buf[4];
	buf[45] = buf[5];
	memset(buf + 48, 0x5a, payload);
	packet_parse(p, buf, 48 + payload);
	packet_sum(p);
}

/* ---- packets ---- */

/* 10.0.0.1 to 10.0.0.2, "hello"; the sums were worked out on paper. */
static void known_sums(void)
{
	static const uint8_t known[] = {
		0x45, 0x00, 0x00, 0x21, 0x00, 0x01, 0x40, 0x00, 0x40, 0x11, 0x26, 0xc9,
		0x0a, 0x00, 0x00, 0x01, 0x0a, 0x00, 0x00, 0x02,
		0x30, 0x39, 0x01, 0xbb, 0x00, 0x0d, 0x00, 0x00, 'h', 'e', 'l', 'l', 'o',
	};
	uint8_t data[sizeof(known)];
	struct packet p;

	memcpy(data, known, sizeof(known));
	CHECK(packet_parse(&p, data, sizeof(data)) && p.udp && !p.v6);
	CHECK(packet_sum_ok(&p));	/* no UDP checksum is right, too */
	data[26] = 1;
	CHECK(!packet_sum_ok(&p));
	packet_sum(&p);
	CHECK(packet_sum_ok(&p));
	CHECK(data[10] == 0x26 && data[11] == 0xc9);
	CHECK(data[26] == 0x76 && data[27] == 0x0b);
	data[30] ^= 1;
	CHECK(!packet_sum_ok(&p));
}

static void no_sum_stays_none(void)
{
	struct packet p;

	v4(&p, TO_SERVER, 5000, 11);
	buf[26] = buf[27] = 0;
	packet_sum(&p);
	CHECK(!buf[26] && !buf[27] && packet_sum_ok(&p));
	v6(&p, 11);
	CHECK(packet_sum_ok(&p));
	buf[46] = buf[47] = 0;
	CHECK(!packet_sum_ok(&p));	/* RFC 8200 §8.1: not optional */
}

static void odd_packets(void)
{
	struct packet p;
	size_t len;

	CHECK(!packet_parse(&p, buf, 0));
	v4(&p, TO_SERVER, 5000, 100);
	for (len = 0; len < 128; len++)
		CHECK(!packet_parse(&p, buf, len));
	CHECK(packet_parse(&p, buf, 200) && p.len == 128 && p.udp);	/* Ethernet's padding */
	buf[6] = 0x20;
	CHECK(packet_parse(&p, buf, 128) && !p.udp);	/* a fragment */
	v4(&p, TO_SERVER, 5000, 100);
	buf[9] = 6;
	CHECK(packet_parse(&p, buf, 128) && !p.udp);	/* TCP */
	v4(&p, TO_SERVER, 5000, 100);
	buf[25]++;
	CHECK(packet_parse(&p, buf, 128) && !p.udp);	/* UDP of another length */
	v6(&p, 100);
	for (len = 0; len < 148; len++)
		CHECK(!packet_parse(&p, buf, len));
}

/* ---- link ---- */

static void drop_rate(void)
{
	struct link l = { .drop = 0.3 };
	struct packet p;
	int i, lost = 0, row = 0, longest = 0;

	link_seed(&l, 7);
	v4(&p, TO_SERVER, 5000, 100);
	for (i = 0; i < PACKETS; i++) {
		bool pass = link_pass(&l, &p, TO_SERVER, 0);

		lost += !pass;
		row = pass ? 0 : row + 1;
		longest = row > longest ? row : longest;
	}
	CHECK(lost > 0.29 * PACKETS && lost < 0.31 * PACKETS);
	CHECK(longest > 5);	/* without a cap there are such */
	CHECK(l.dropped == (unsigned long)lost);
}

static void burst_cap(void)
{
	struct link l = { .drop = 0.9, .burst = 3 };
	struct packet p;
	int i, row[2] = { 0 }, longest = 0, to;

	link_seed(&l, 3);
	v4(&p, TO_SERVER, 5000, 100);
	for (i = 0; i < PACKETS; i++) {
		to = i % 3 == 0;	/* the directions are counted apart */
		row[to] = link_pass(&l, &p, to, 0) ? 0 : row[to] + 1;
		longest = row[to] > longest ? row[to] : longest;
	}
	CHECK(longest == 3);
}

static void only_udp(void)
{
	struct link l = { .drop = 1, .corrupt = 1, .hole_to = 10 };
	struct packet p;

	v4(&p, TO_SERVER, 5000, 100);
	buf[9] = 6;
	packet_parse(&p, buf, p.len);
	CHECK(link_pass(&l, &p, TO_SERVER, 5) && !l.dropped && !l.corrupted);
}

static void seed_repeats(void)
{
	struct link a = { .drop = 0.5 }, b = { .drop = 0.5 }, c = { .drop = 0.5 };
	struct packet p;
	int i, differ = 0;
	bool pass;

	link_seed(&a, 1);
	link_seed(&b, 1);
	link_seed(&c, 2);
	v4(&p, TO_SERVER, 5000, 100);
	for (i = 0; i < 1000; i++) {
		pass = link_pass(&a, &p, TO_SERVER, 0);
		CHECK(pass == link_pass(&b, &p, TO_SERVER, 0));
		differ += pass != link_pass(&c, &p, TO_SERVER, 0);
	}
	CHECK(differ > 300);
}

static void one_byte_corrupted(void)
{
	struct link l = { .corrupt = 1 };
	struct packet p;
	uint8_t before[2048];
	int i, where, changed, at[60] = { 0 };

	link_seed(&l, 5);
	for (i = 0; i < 20000; i++) {
		v4(&p, TO_SERVER, 5000, 100);
		memcpy(before, buf, p.len);
		CHECK(link_pass(&l, &p, TO_SERVER, 0) && packet_sum_ok(&p));
		for (changed = 0, where = 0; where < 100; where++) {
			if (buf[28 + where] == before[28 + where])
				continue;
			changed++;
			CHECK(where <= 50);
			at[where]++;
		}
		CHECK(changed == 1);
		CHECK(!memcmp(buf, before, 10) && !memcmp(buf + 12, before + 12, 14));
	}
	for (where = 0; where <= 50; where++)
		CHECK(at[where] > 200 && at[where] < 600);
}

static void corrupted_without_harm(void)
{
	struct link l = { .corrupt = 1 };
	struct packet p;
	size_t len;
	uint8_t *payload;

	link_seed(&l, 5);
	v4(&p, TO_CLIENT, 5000, 100);
	payload = packet_payload(&p, &len);
	CHECK(len == 100);
	memset(payload + 1, 0, 4);	/* Version Negotiation */
	packet_sum(&p);
	CHECK(link_pass(&l, &p, TO_CLIENT, 0) && packet_sum_ok(&p) && !l.corrupted);
	payload[0] = 0x40;		/* a short header with four zeros is none */
	CHECK(link_pass(&l, &p, TO_CLIENT, 0) && l.corrupted == 1);
	v4(&p, TO_CLIENT, 5000, 0);
	CHECK(link_pass(&l, &p, TO_CLIENT, 0) && l.corrupted == 1);
	v6(&p, 1);
	CHECK(link_pass(&l, &p, TO_CLIENT, 0) && l.corrupted == 2);
	CHECK(buf[48] != 0x5a && packet_sum_ok(&p));
}

static void black_hole(void)
{
	struct link l = { .hole_from = 50, .hole_to = 70 };
	struct packet p;

	v4(&p, TO_SERVER, 5000, 100);
	CHECK(link_pass(&l, &p, TO_SERVER, 49) && link_pass(&l, &p, TO_CLIENT, 49));
	CHECK(!link_pass(&l, &p, TO_SERVER, 50) && !link_pass(&l, &p, TO_CLIENT, 69));
	CHECK(link_pass(&l, &p, TO_SERVER, 70) && link_pass(&l, &p, TO_CLIENT, 1000));
}

static void second_to_seventh(void)
{
	struct link l = { .drop_from = 2, .drop_to = 7 };
	struct packet p;
	int i;

	v4(&p, TO_SERVER, 5000, 100);
	for (i = 1; i <= 20; i++) {
		CHECK(link_pass(&l, &p, TO_CLIENT, 0));
		CHECK(link_pass(&l, &p, TO_SERVER, 0) == (i < 2 || i > 7));
	}
}

/* ---- NAT ---- */

static bool sent(struct nat *nat, uint16_t port, uint64_t now, uint32_t *addr, uint16_t *out)
{
	struct packet p;

	v4(&p, TO_SERVER, port, 100);
	if (!nat_translate(nat, &p, TO_SERVER, now) || !packet_sum_ok(&p))
		return false;
	*addr = packet_addr(&p, false);
	*out = packet_port(&p, false);
	return packet_addr(&p, true) == SERVER && packet_port(&p, true) == 443;
}

/* Does the answer to that outside address and port reach the client's @port? */
static bool answered(struct nat *nat, uint32_t addr, uint16_t out, uint16_t port, uint64_t now)
{
	struct packet p;

	v4(&p, TO_CLIENT, out, 100);
	packet_set_addr(&p, true, addr);
	packet_sum(&p);
	return nat_translate(nat, &p, TO_CLIENT, now) && packet_sum_ok(&p) &&
	       packet_addr(&p, true) == CLIENT && packet_port(&p, true) == port;
}

static void ports_rebound(void)
{
	struct nat nat = { .port = true, .first = 100, .every = 500 };
	uint16_t out, again, old;
	uint32_t addr;

	CHECK(sent(&nat, 5000, 0, &addr, &out) && addr == CLIENT && out == 5000);
	CHECK(answered(&nat, addr, out, 5000, 99));
	CHECK(!answered(&nat, addr, out, 5000, 100));	/* forgotten, and nothing sent since */
	CHECK(sent(&nat, 5000, 100, &addr, &old) && addr == CLIENT && old != 5000);
	CHECK(sent(&nat, 5000, 599, &addr, &again) && again == old);
	CHECK(answered(&nat, addr, old, 5000, 599) && !answered(&nat, addr, 5000, 5000, 599));
	CHECK(sent(&nat, 5000, 600, &addr, &out) && out != old && out != 5000);
	CHECK(answered(&nat, addr, out, 5000, 600) && !answered(&nat, addr, old, 5000, 600));
	CHECK(nat.epoch == 2);
}

static void addresses_rebound(void)
{
	struct nat nat = { .addr = true, .first = 100, .every = 500 };
	uint32_t addr[3];
	uint16_t out[3];

	CHECK(sent(&nat, 5000, 0, &addr[0], &out[0]) && addr[0] == CLIENT);
	CHECK(sent(&nat, 5000, 100, &addr[1], &out[1]) && addr[1] != CLIENT && out[1] != 5000);
	CHECK(sent(&nat, 5000, 600, &addr[2], &out[2]) && addr[2] != addr[1] && addr[2] != CLIENT);
	CHECK(answered(&nat, addr[2], out[2], 5000, 600));
	CHECK(!answered(&nat, addr[1], out[2], 5000, 600));
}

static void sockets_apart(void)
{
	struct nat nat = { .port = true, .first = 100, .every = 500 };
	uint16_t a, b, port;
	uint32_t addr;
	int i;

	CHECK(sent(&nat, 5000, 100, &addr, &a) && sent(&nat, 5001, 100, &addr, &b) && a != b);
	CHECK(answered(&nat, addr, a, 5000, 100) && answered(&nat, addr, b, 5001, 100));
	for (i = 2; i < NAT_BINDINGS; i++)
		CHECK(sent(&nat, 5000 + i, 100, &addr, &port));
	CHECK(!sent(&nat, 6000, 100, &addr, &port));	/* full */
	CHECK(sent(&nat, 5000, 100, &addr, &port) && port == a);
	CHECK(sent(&nat, 6000, 600, &addr, &port));
}

static void nat_leaves_alone(void)
{
	struct nat nat = { .port = true, .first = 0, .every = 1 }, none = { 0 };
	struct packet p;

	v6(&p, 20);
	CHECK(nat_translate(&nat, &p, TO_SERVER, 5) && nat_translate(&nat, &p, TO_CLIENT, 5));
	v4(&p, TO_CLIENT, 5000, 20);
	CHECK(!nat_translate(&nat, &p, TO_CLIENT, 5) && nat_translate(&none, &p, TO_CLIENT, 5));
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "checksums of a known packet", known_sums },
	{ "a checksum of none", no_sum_stays_none },
	{ "short and strange packets", odd_packets },
	{ "rate of drops", drop_rate },
	{ "cap of bursts", burst_cap },
	{ "nothing but UDP", only_udp },
	{ "a seed repeats", seed_repeats },
	{ "corruption of one byte", one_byte_corrupted },
	{ "what is not corrupted", corrupted_without_harm },
	{ "black hole", black_hole },
	{ "the client's packets 2 to 7", second_to_seventh },
	{ "rebinding of ports", ports_rebound },
	{ "rebinding of addresses", addresses_rebound },
	{ "several client sockets", sockets_apart },
	{ "what the NAT leaves alone", nat_leaves_alone },
};

int main(void)
{
	unsigned int i;
	int before;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		test_name = tests[i].name;
		before = failures;
		tests[i].run();
		if (failures == before)
			printf("ok forwarder: %s\n", test_name);
	}
	return failures != 0;
}

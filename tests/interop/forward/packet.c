// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * IP and UDP headers.  IPv6 extension headers and IPv4 fragments are not looked into:
 * such a packet is no UDP packet here, and passes as it is.
 */
#include <string.h>
#include <netinet/in.h>

#include "forward.h"

#define V4_HEADER	20
#define V6_HEADER	40
#define UDP_HEADER	8

static uint16_t get16(const uint8_t *p)
{
	return p[0] << 8 | p[1];
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = v >> 8;
	p[1] = v & 0xff;
}

static size_t v4_header(const struct packet *p)
{
	return (p->data[0] & 0xf) * 4;
}

static bool parse_v4(struct packet *p)
{
	size_t head = v4_header(p), total;

	if (p->len < V4_HEADER || head < V4_HEADER)
		return false;
	total = get16(p->data + 2);
	if (total < head || total > p->len)
		return false;
	p->len = total;
	p->transport = head;
	p->udp = p->data[9] == IPPROTO_UDP && !(get16(p->data + 6) & 0x3fff);
	return true;
}

static bool parse_v6(struct packet *p)
{
	size_t total;

	if (p->len < V6_HEADER)
		return false;
	total = V6_HEADER + get16(p->data + 4);
	if (total > p->len)
		return false;
	p->len = total;
	p->transport = V6_HEADER;
	p->udp = p->data[6] == IPPROTO_UDP;
	return true;
}

bool packet_parse(struct packet *p, uint8_t *data, size_t len)
{
	*p = (struct packet){ .data = data, .len = len };
	if (!len || (data[0] >> 4 != 4 && data[0] >> 4 != 6))
		return false;
	p->v6 = data[0] >> 4 == 6;
	if (!(p->v6 ? parse_v6(p) : parse_v4(p)))
		return false;
	/* RFC 768: the length covers the header. */
	if (p->udp && (p->len < p->transport + UDP_HEADER ||
		       get16(data + p->transport + 4) != p->len - p->transport))
		p->udp = false;
	return true;
}

uint8_t *packet_payload(const struct packet *p, size_t *len)
{
	*len = p->len - p->transport - UDP_HEADER;
	return p->data + p->transport + UDP_HEADER;
}

/* ---- checksums, RFC 1071 ---- */

static uint32_t add(uint32_t sum, const uint8_t *p, size_t len)
{
	for (; len > 1; p += 2, len -= 2)
		sum += get16(p);
	return len ? sum + (p[0] << 8) : sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* Over the pseudo header, the header and the data; 0 if the field holds the right sum. */
static uint16_t udp_sum(const struct packet *p)
{
	size_t len = p->len - p->transport;
	uint32_t sum = IPPROTO_UDP + len;

	sum = p->v6 ? add(sum, p->data + 8, 32) : add(sum, p->data + 12, 8);
	return fold(add(sum, p->data + p->transport, len));
}

void packet_sum(const struct packet *p)
{
	uint8_t *field = p->data + p->transport + 6;
	uint16_t sum;

	if (!p->v6) {
		put16(p->data + 10, 0);
		put16(p->data + 10, fold(add(0, p->data, v4_header(p))));
	}
	/* RFC 768: zero means that there is none, and it stays so. */
	if (!p->udp || (!p->v6 && !get16(field)))
		return;
	put16(field, 0);
	sum = udp_sum(p);
	put16(field, sum ?: 0xffff);
}

bool packet_sum_ok(const struct packet *p)
{
	if (!p->v6 && fold(add(0, p->data, v4_header(p))))
		return false;
	if (!p->udp || (!p->v6 && !get16(p->data + p->transport + 6)))
		return true;
	return !udp_sum(p);
}

/* ---- addresses and ports ---- */

uint16_t packet_port(const struct packet *p, bool dst)
{
	return get16(p->data + p->transport + (dst ? 2 : 0));
}

void packet_set_port(const struct packet *p, bool dst, uint16_t port)
{
	put16(p->data + p->transport + (dst ? 2 : 0), port);
}

uint32_t packet_addr(const struct packet *p, bool dst)
{
	const uint8_t *at = p->data + (dst ? 16 : 12);

	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

void packet_set_addr(const struct packet *p, bool dst, uint32_t addr)
{
	uint8_t *at = p->data + (dst ? 16 : 12);

	put16(at, addr >> 16);
	put16(at + 2, addr & 0xffff);
}

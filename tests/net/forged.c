// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Packets that are written by hand: ICMP that no router has sent, which quotes packets of
 * ours, more or less, to end connections or to make their packets small (RFC 9000 §14.2.1);
 * and what a virtual machine may hand to its host.
 */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <sys/ioctl.h>

#include "evil.h"

#define KEPT		250	/* ms: a message that has no effect has had its chance */
#define TRANSFER	(256 * KIB)

/* A packet of ours as a message quotes it, what lies behind its UDP header included */
struct quote {
	struct sockaddr_storage from, to;
	uint8_t data[1500];
	size_t len;
};

static struct quote q;
static struct pair p;

/* ---- forging ---- */

static uint16_t checksum(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i < len; i++)
		sum += i % 2 ? data[i] : data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum);
}

static size_t put_udp(uint8_t *to, in_port_t from, in_port_t dest)
{
	struct udphdr uh = { .source = from, .dest = dest, .len = htons(sizeof(uh) + q.len) };

	memcpy(to, &uh, sizeof(uh));
	memcpy(to + sizeof(uh), q.data, q.len);
	return sizeof(uh) + q.len;
}

static void forge4(uint8_t type, uint8_t code, uint16_t mtu)
{
	const struct sockaddr_in *from = (void *)&q.from, *to = (void *)&q.to;
	struct icmphdr ih = { .type = type, .code = code, .un.frag.mtu = htons(mtu) };
	struct iphdr iph = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
			     .frag_off = htons(IP_DF), .saddr = from->sin_addr.s_addr,
			     .daddr = to->sin_addr.s_addr };
	uint8_t buf[sizeof(ih) + sizeof(iph) + sizeof(struct udphdr) + sizeof(q.data)];
	size_t len = sizeof(ih) + sizeof(iph);
	int raw;

	len += put_udp(buf + len, from->sin_port, to->sin_port);
	iph.tot_len = htons(len - sizeof(ih));
	iph.check = checksum((void *)&iph, sizeof(iph));
	memcpy(buf + sizeof(ih), &iph, sizeof(iph));
	memcpy(buf, &ih, sizeof(ih));
	ih.checksum = checksum(buf, len);
	memcpy(buf, &ih, sizeof(ih));
	raw = CHECK_OK(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	CHECK_EQ(sendto(raw, buf, len, 0, (struct sockaddr *)from, sizeof(*from)), len);
	close(raw);
}

static void forge6(uint8_t type, uint8_t code, uint32_t mtu)
{
	const struct sockaddr_in6 *from = (void *)&q.from, *to = (void *)&q.to;
	struct sockaddr_in6 victim = *from;
	struct icmp6_hdr ih = { .icmp6_type = type, .icmp6_code = code, .icmp6_mtu = htonl(mtu) };
	struct ip6_hdr iph = { .ip6_flow = htonl(6 << 28), .ip6_nxt = IPPROTO_UDP, .ip6_hops = 64,
			       .ip6_src = from->sin6_addr, .ip6_dst = to->sin6_addr };
	uint8_t buf[sizeof(ih) + sizeof(iph) + sizeof(struct udphdr) + sizeof(q.data)];
	size_t len = sizeof(ih) + sizeof(iph);
	int raw;

	iph.ip6_plen = htons(sizeof(struct udphdr) + q.len);
	memcpy(buf, &ih, sizeof(ih));		/* the kernel adds the checksum */
	memcpy(buf + sizeof(ih), &iph, sizeof(iph));
	len += put_udp(buf + len, from->sin6_port, to->sin6_port);
	victim.sin6_port = 0;
	raw = CHECK_OK(socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6));
	CHECK_EQ(sendto(raw, buf, len, 0, (struct sockaddr *)&victim, sizeof(victim)), len);
	close(raw);
}

static void unreachable(void)
{
	if (q.from.ss_family == AF_INET)
		forge4(ICMP_DEST_UNREACH, ICMP_PORT_UNREACH, 0);
	else
		forge6(ICMP6_DST_UNREACH, ICMP6_DST_UNREACH_NOPORT, 0);
}

static void too_big(uint32_t mtu)
{
	if (q.from.ss_family == AF_INET)
		forge4(ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, mtu);
	else
		forge6(ICMP6_PACKET_TOO_BIG, 0, mtu);
}

/* ---- who says that nobody listens ---- */

static int socket_error(int fd)
{
	socklen_t len = sizeof(int);
	int err;

	CHECK_OK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len));
	return err;
}

static void not_refused(const char *what)
{
	unreachable();
	sleep_ms(KEPT);
	if (socket_error(p.cli))
		FAIL("%s: it ended the handshake", what);
}

/* Where the ID of ours lies, by which an Initial proves itself. */
static uint8_t *source_id(void)
{
	return q.data + 7 + q.data[5];
}

/* A client that waits for an answer, and its first packet as it went by. */
static void silent_server(int family)
{
	const char *addr = family == AF_INET ? "10.0.0.2" : "fd00::2";
	struct conf c = { .family = family, .addr = addr, .ns = { "client", "server" } };
	socklen_t len;
	int udp;

	enter_ns("server");
	udp = CHECK_OK(socket(family, SOCK_DGRAM, 0));
	p.addrlen = sock_addr(&p.addr, family, addr, 0);
	CHECK_OK(bind(udp, (struct sockaddr *)&p.addr, p.addrlen));
	sock_local(udp, &p.addr, &p.addrlen);
	enter_ns(NULL);
	p.cli = client_new(&c, &p);
	client_hello(p.cli, &c);
	q.to = p.addr;
	len = sizeof(q.from);
	q.len = CHECK_OK(recvfrom(udp, q.data, sizeof(q.data), 0, (void *)&q.from, &len));
	enter_ns("server");		/* where the messages come from */
}

static void refused(int family)
{
	in_port_t *port = &((struct sockaddr_in *)&q.to)->sin_port;	/* of either family */
	size_t all;

	silent_server(family);
	all = q.len;
	q.len = 0;
	not_refused("a quote without data");
	q.len = source_id() - q.data + 3;
	not_refused("a quote that ends within the ID");
	q.len = all;
	source_id()[4] ^= 1;
	not_refused("another ID");
	source_id()[4] ^= 1;
	*port ^= htons(1);
	not_refused("another port of the server");
	*port ^= htons(1);
	q.len = 500;			/* more is seldom quoted */
	unreachable();
	CHECK(sock_poll(p.cli, POLLIN, 5000) & POLLHUP);
	CHECK_EQ(socket_error(p.cli), ECONNREFUSED);
	close(p.cli);
}

static void refused_4(void)
{
	refused(AF_INET);
}

static void refused_6(void)
{
	refused(AF_INET6);
}

/* Who has been heard is there, whatever a message says that knows all it can. */
static void refused_too_late(void)
{
	struct evil *e = evil_open(true, ESTABLISHED, NULL);
	const struct quic_cid *id = &quic_cids_remote_active(&e->conn.dcids)->cid;
	socklen_t len = sizeof(q.from);

	q.from = e->victim;
	CHECK_OK(getsockname(e->udp, (struct sockaddr *)&q.to, &len));
	memcpy(q.data, "\xc0\0\0\0\1\0", 6);
	q.data[6] = id->len;
	memcpy(q.data + 7, id->id, id->len);
	q.len = 500;
	unreachable();
	evil_expect_alive(e, "refused too late");
	evil_free(e);
}

/* ---- who says that packets must be smaller ---- */

static void *sink(void *arg)
{
	recv_pattern(*(int *)arg, 0, TRANSFER, true);
	return NULL;
}

static bool route_has(const char *what)
{
	char command[200];

	snprintf(command, sizeof(command), "ip -n client route get %s | grep -q '%s'",
		 q.to.ss_family == AF_INET ? "10.0.0.2" : "fd00::2", what);
	return !system(command);
}

/* A connection between the namespaces, and what its client's packets look like. */
static void connected(int family, uint32_t mtu)
{
	struct conf c = { .family = family, .addr = family == AF_INET ? "10.0.0.2" : "fd00::2",
			  .ns = { "client", "server" } };
	socklen_t len;

	pair_open(&p, &c);
	len = sizeof(q.from);
	sock_local(p.cli, &q.from, &len);
	q.to = p.addr;
	q.data[0] = 0x40;
	q.len = 500;
	enter_ns("server");
	too_big(mtu);
	enter_ns(NULL);
}

static int client_mtu(void)
{
	FILE *f = popen("ip netns exec client sed -n 's/.* mtu=\\([0-9]*\\) .*/\\1/p' "
			"/proc/net/quic/sockets", "r");
	int mtu;

	CHECK(f && fscanf(f, "%d", &mtu) == 1);
	pclose(f);
	return mtu;
}

/* Data still comes through, in datagrams of so many bytes when the search has ended. */
static void transfers(int mtu)
{
	uint64_t end = now_ms() + 10000;
	pthread_t t;

	CHECK_EQ(pthread_create(&t, NULL, sink, &p.srv), 0);
	CHECK_EQ(stream_open(p.cli, -1, 0), 0);
	send_pattern(p.cli, 0, TRANSFER, MSG_QUIC_STREAM_FIN);
	pthread_join(t, NULL);
	while (client_mtu() != mtu && now_ms() < end)
		sleep_ms(50);
	CHECK_EQ(client_mtu(), mtu);
	pair_close(&p);
}

/* Less than QUIC's least: IPv4's route believes it, and the connection must not end of it. */
static void below_least(void)
{
	connected(AF_INET, 600);
	CHECK(route_has("mtu 600"));
	transfers(1200);
	test_shell("ip -n client route flush cache");
}

static void below_least_6(void)
{
	connected(AF_INET6, 600);
	transfers(1452);		/* IPv6 asks for 1280, and believes no less */
}

static void never_more(void)
{
	connected(AF_INET, 9000);
	CHECK(!route_has("mtu 9000"));
	transfers(1472);
}

/* ---- what a virtual machine hands over ---- */

#define GUEST		"10.7.0.2"
#define HOST		"10.7.0.1"

static int tun_open(void)
{
	struct ifreq ifr = { .ifr_name = "guest", .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };
	int fd;

	test_shell("[ -e /dev/net/tun ] || modprobe -q tun || true");
	fd = open("/dev/net/tun", O_RDWR);
	if (fd < 0)
		test_skip("/dev/net/tun: %s", strerror(errno));
	CHECK_OK(ioctl(fd, TUNSETIFF, &ifr));
	test_shell("ip addr add " HOST "/24 dev guest && ip link set guest up");
	return fd;
}

/* A datagram for @port, whole, though its sender wants it cut at @cut bytes. */
static void tun_send(int tun, uint16_t port, size_t len, uint16_t cut)
{
	struct virtio_net_hdr vh = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .gso_type = VIRTIO_NET_HDR_GSO_UDP,
		.hdr_len = sizeof(struct iphdr) + sizeof(struct udphdr), .gso_size = cut,
		.csum_start = sizeof(struct iphdr), .csum_offset = offsetof(struct udphdr, check),
	};
	struct iphdr iph = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
			     .saddr = inet_addr(GUEST), .daddr = inet_addr(HOST) };
	uint8_t buf[2048];

	q.len = len;
	iph.tot_len = htons(sizeof(iph) + sizeof(struct udphdr) + len);
	iph.check = checksum((void *)&iph, sizeof(iph));
	memcpy(buf, &vh, sizeof(vh));
	memcpy(buf + sizeof(vh), &iph, sizeof(iph));
	len = sizeof(vh) + sizeof(iph);
	len += put_udp(buf + len, htons(5555), htons(port));
	CHECK_EQ(write(tun, buf, len), len);
}

/* Is the next datagram for the guest, if one comes in time, a Version Negotiation packet? */
static bool negotiation(int tun, unsigned int ms)
{
	const size_t payload = sizeof(struct virtio_net_hdr) + sizeof(struct iphdr) +
			       sizeof(struct udphdr);
	uint64_t end = now_ms() + ms;
	uint8_t buf[2048];
	ssize_t n;

	while (now_ms() < end) {
		if (!(sock_poll(tun, POLLIN, 100) & POLLIN))
			continue;
		n = CHECK_OK(read(tun, buf, sizeof(buf)));
		if (n > payload + 5 && buf[sizeof(struct virtio_net_hdr) + 9] == IPPROTO_UDP)
			return buf[payload] & 0x80 && !memcmp(buf + payload + 1, "\0\0\0\0", 4);
	}
	return false;
}

/*
 * A virtual machine hands over datagrams that are to be cut into fragments (UFO).  That
 * is a single one, of a size that is answered; not a train of two that are not.
 */
static void fragments_of_one(void)
{
	struct conf c = { .addr = HOST };
	int tun;

	net_own();
	tun = tun_open();
	listener_new(&c, &p);
	memcpy(q.data, "\xc0\x1a\x2a\x3a\x4a\x08" "12345678" "\x08" "abcdefgh", 23);
	tun_send(tun, sock_port(&p.addr), 1150, 600);
	CHECK(!negotiation(tun, 1000));	/* RFC 9000 §6.1: too small for an answer */
	tun_send(tun, sock_port(&p.addr), 1300, 600);
	CHECK(negotiation(tun, 15000));
	close(tun);
	close(p.lis);
}

static const struct test tests[] = {
	{ "refused", refused_4 },
	{ "refused-ipv6", refused_6 },
	{ "refused-too-late", refused_too_late },
	{ "mtu-below-least", below_least, 60 },
	{ "mtu-below-least-ipv6", below_least_6, 60 },
	{ "mtu-never-more", never_more, 60 },
	{ "fragments-of-one", fragments_of_one },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

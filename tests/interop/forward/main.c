// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * forward - carries IP packets between two devices of this namespace, instead of the
 * kernel (whose own forwarding is to be off), and does to them what the options say.
 * Packet sockets take what comes in for elsewhere, and send it out on the other side by
 * that device's queueing discipline.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>

#include "forward.h"

#define SNDBUF		(4 << 20)
#define BATCH		64	/* packets of one side before the other's turn */

/* One of the two devices. */
struct side {
	int fd;
	struct sockaddr_ll to;	/* the machine beyond it */
};

static struct side sides[2];	/* by the direction of what is received there */
static struct nat nat;
static struct link the_link;
static uint64_t start;		/* of the client's first packet; 0: not yet */
static volatile sig_atomic_t stop;

static const char usage_text[] =
"usage: forward --client DEV,MAC --server DEV,MAC [options]\n"
"  --seed N               of all chance (1)\n"
"  --drop PERCENT         of UDP packets, both ways\n"
"  --corrupt PERCENT      a byte of each, among the payload's first 51\n"
"  --burst N              at most so many in a row (any number)\n"
"  --drop-client N-M      these packets of the client\n"
"  --blackhole ON,OFF     after ON seconds nothing passes for OFF seconds\n"
"  --rebind-port T,EVERY  the NAT forgets its ports after T seconds, and EVERY so many\n"
"  --rebind-addr T,EVERY  ports and addresses\n"
"Times count from the client's first packet.\n";

enum { CLIENT = 256, SERVER, SEED, DROP, CORRUPT, BURST, DROP_CLIENT, BLACKHOLE, PORT, ADDR };

static const struct option long_options[] = {
	{ "client", required_argument, NULL, CLIENT },
	{ "server", required_argument, NULL, SERVER },
	{ "seed", required_argument, NULL, SEED },
	{ "drop", required_argument, NULL, DROP },
	{ "corrupt", required_argument, NULL, CORRUPT },
	{ "burst", required_argument, NULL, BURST },
	{ "drop-client", required_argument, NULL, DROP_CLIENT },
	{ "blackhole", required_argument, NULL, BLACKHOLE },
	{ "rebind-port", required_argument, NULL, PORT },
	{ "rebind-addr", required_argument, NULL, ADDR },
	{ 0 }
};

static void usage(void)
{
	fputs(usage_text, stderr);
	exit(2);
}

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static void must(int ret, const char *what)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "forward: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* DEV,MAC: only what comes in there, all of it. */
static void open_side(struct side *side, const char *arg)
{
	struct sockaddr_ll *to = &side->to;
	int one = 1, buf = SNDBUF;
	uint8_t *mac = to->sll_addr;
	char dev[IFNAMSIZ];

	if (sscanf(arg, "%15[^,],%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", dev, &mac[0], &mac[1], &mac[2],
		   &mac[3], &mac[4], &mac[5]) != 7)
		usage();
	to->sll_family = AF_PACKET;
	to->sll_halen = 6;
	to->sll_ifindex = if_nametoindex(dev);
	must(to->sll_ifindex ? 0 : -1, dev);
	side->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	must(side->fd, "socket");
	must(setsockopt(side->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)),
	     "PACKET_IGNORE_OUTGOING");
	must(setsockopt(side->fd, SOL_SOCKET, SO_SNDBUFFORCE, &buf, sizeof(buf)), "SO_SNDBUF");
	must(setsockopt(side->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buf, sizeof(buf)), "SO_RCVBUF");
	to->sll_protocol = htons(ETH_P_ALL);
	must(bind(side->fd, (struct sockaddr *)to, sizeof(*to)), "bind");
}

/* Two numbers with @between between them. */
static void pair(const char *arg, char between, double v[2])
{
	char c;

	if (sscanf(arg, "%lf%c%lf", &v[0], &c, &v[1]) != 3 || c != between || v[0] < 0 || v[1] <= 0)
		usage();
}

static void set_times(int c, const char *arg)
{
	double v[2];

	pair(arg, ',', v);
	if (c == BLACKHOLE) {
		the_link.hole_from = v[0] * NSEC_PER_SEC;
		the_link.hole_to = the_link.hole_from + (uint64_t)(v[1] * NSEC_PER_SEC);
		return;
	}
	nat.port = true;
	nat.addr = c == ADDR;
	nat.first = v[0] * NSEC_PER_SEC;
	nat.every = v[1] * NSEC_PER_SEC;
}

static void set_option(int c, const char *arg)
{
	double v[2];

	switch (c) {
	case CLIENT: open_side(&sides[TO_SERVER], arg); break;
	case SERVER: open_side(&sides[TO_CLIENT], arg); break;
	case SEED: link_seed(&the_link, strtoull(arg, NULL, 10)); break;
	case DROP: the_link.drop = atof(arg) / 100; break;
	case CORRUPT: the_link.corrupt = atof(arg) / 100; break;
	case BURST: the_link.burst = atoi(arg); break;
	case DROP_CLIENT:
		pair(arg, '-', v);
		the_link.drop_from = v[0];
		the_link.drop_to = v[1];
		break;
	case BLACKHOLE:
	case PORT:
	case ADDR: set_times(c, arg); break;
	default: usage();
	}
}

static bool wanted(const struct sockaddr_ll *from)
{
	return from->sll_pkttype == PACKET_HOST && (from->sll_protocol == htons(ETH_P_IP) ||
						    from->sll_protocol == htons(ETH_P_IPV6));
}

/*
 * What is for this namespace itself is not to be forwarded: its addresses end in 2, those
 * of the link and of groups are not of the networks beyond.
 */
static bool for_elsewhere(const struct packet *p)
{
	const uint8_t *dst = p->data + (p->v6 ? 24 : 16);

	if (p->v6)
		return dst[0] == 0xfd && !(dst[14] == 0 && dst[15] == 2);
	return dst[0] < 224 && dst[3] != 2;
}

static void forward(struct packet *p, int to, uint64_t now, uint16_t protocol)
{
	struct side *out = &sides[!to];
	struct sockaddr_ll addr = out->to;

	if (!for_elsewhere(p) || !link_pass(&the_link, p, to, now) ||
	    !nat_translate(&nat, p, to, now))
		return;
	addr.sll_protocol = protocol;
	/* A full queue loses the packet: ENOBUFS is the link's doing. */
	if (sendto(out->fd, p->data, p->len, 0, (struct sockaddr *)&addr, sizeof(addr)) < 0 &&
	    errno != ENOBUFS)
		fprintf(stderr, "forward: sending %zu bytes: %s\n", p->len, strerror(errno));
}

static void receive(int to)
{
	static uint8_t buf[65536];
	struct sockaddr_ll from;
	socklen_t len;
	struct packet p;
	ssize_t n;
	int i;

	for (i = 0; i < BATCH; i++) {
		len = sizeof(from);
		n = recvfrom(sides[to].fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		if (!wanted(&from) || !packet_parse(&p, buf, n))
			continue;
		if (!start && p.udp && to == TO_SERVER)
			start = clock_ns();
		forward(&p, to, start ? clock_ns() - start : 0, from.sll_protocol);
	}
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct pollfd polls[2];
	int c, i;

	link_seed(&the_link, 1);
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		set_option(c, optarg);
	if (!sides[0].to.sll_ifindex || !sides[1].to.sll_ifindex || optind < argc)
		usage();
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	fprintf(stderr, "forward: forwarding\n");
	while (!stop) {
		for (i = 0; i < 2; i++)
			polls[i] = (struct pollfd){ .fd = sides[i].fd, .events = POLLIN };
		if (poll(polls, 2, -1) < 0)
			continue;
		for (i = 0; i < 2; i++)
			if (polls[i].revents)
				receive(i);
	}
	fprintf(stderr, "forward: %lu passed, %lu dropped, %lu corrupted, %llu rebindings\n",
		the_link.passed, the_link.dropped, the_link.corrupted, (unsigned long long)nat.epoch);
	return 0;
}

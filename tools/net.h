/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses, sockets and handshakes for qcat and qperf, and the options that
 * both have.  Functions that cannot go on end the program with the exit code
 * that fits; the try_ ones return a negative errno instead.
 */
#ifndef TOOLS_NET_H
#define TOOLS_NET_H

#include <getopt.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <netinet/quic.h>

#include "ticket.h"

struct net_opts {
	int		family;		/* AF_UNSPEC, AF_INET, AF_INET6 */
	const char	*bind_addr;
	const char	*port;
	const char	*alpn;		/* comma list */
	const char	*cafile;
	const char	*certfile;
	const char	*keyfile;
	const char	*pskfile;
	const char	*hostname;	/* client: the name to verify */
	bool		insecure;
	const char	*session_file;	/* client: what resumes, and will */
	bool		early;		/* 0-RTT */
	const struct ticket *ticket;	/* client: to resume */
	unsigned int	timeout_ms;	/* of the handshake */
	struct quic_credentials *credentials;	/* net_credentials() */
};

#define NET_HANDSHAKE_TIMEOUT_MS	30000

/* Option values above the characters; a tool's own begin at OPT_TOOL. */
enum {
	OPT_ALPN = 256,
	OPT_CERT,
	OPT_KEY,
	OPT_CAFILE,
	OPT_PSK,
	OPT_INSECURE,
	OPT_HOSTNAME,
	OPT_SESSION,
	OPT_EARLY,
	OPT_TOOL,
};

#define NET_SHORT_OPTIONS "46b:p:vhV"
#define NET_LONG_OPTIONS					\
	{ "alpn",	required_argument, NULL, OPT_ALPN },	\
	{ "cert",	required_argument, NULL, OPT_CERT },	\
	{ "key",	required_argument, NULL, OPT_KEY },	\
	{ "cafile",	required_argument, NULL, OPT_CAFILE },	\
	{ "psk",	required_argument, NULL, OPT_PSK },	\
	{ "insecure",	no_argument,	   NULL, OPT_INSECURE },\
	{ "hostname",	required_argument, NULL, OPT_HOSTNAME },\
	{ "session",	required_argument, NULL, OPT_SESSION },	\
	{ "early",	no_argument,	   NULL, OPT_EARLY },	\
	{ "ipv4",	no_argument,	   NULL, '4' },		\
	{ "ipv6",	no_argument,	   NULL, '6' },		\
	{ "bind",	required_argument, NULL, 'b' },		\
	{ "port",	required_argument, NULL, 'p' },		\
	{ "verbose",	no_argument,	   NULL, 'v' },		\
	{ "help",	no_argument,	   NULL, 'h' },		\
	{ "version",	no_argument,	   NULL, 'V' }

#define NET_HELP							\
"  -p, --port PORT        port (number or service)\n"			\
"  -b, --bind ADDR        local address\n"				\
"  -4, --ipv4             IPv4 only\n"					\
"  -6, --ipv6             IPv6 only\n"					\
"      --cafile FILE      client: trust these authorities (PEM)\n"	\
"      --hostname NAME    client: name that the certificate must have\n"\
"      --insecure         client: do not verify the certificate\n"	\
"      --cert FILE        server: certificate chain (PEM)\n"		\
"      --key FILE         server: private key (PEM)\n"			\
"      --psk FILE         pre-shared keys instead, lines identity:hexkey\n"

#define NET_HELP_END							\
"  -v, --verbose          say what happens\n"				\
"  -h, --help             this text\n"					\
"  -V, --version          version\n"					\
"\n"									\
"Exit status: 0 success, 1 usage, 2 network, 3 TLS, 4 data incomplete,\n"\
"5 local file or system error, 6 timed out, 7 no QUIC in this kernel.\n"

bool net_option(struct net_opts *o, int c, const char *arg);

struct addrinfo *net_resolve(const struct net_opts *o, const char *host, bool udp);
const char *net_ntop(const struct sockaddr_storage *sa, char *buf, size_t len);
#define NET_ADDRSTRLEN	72

void net_init(void);
void net_session_load(struct net_opts *o, struct ticket *t);
void net_session_keep(const struct net_opts *o, struct ticket *t, void *session);
void net_credentials(struct net_opts *o, bool server);
int net_tcp_dial(const struct net_opts *o, const char *host);
int net_tcp_listen(const struct net_opts *o);

/* Called on a QUIC socket before connect() or listen(), to set its options */
typedef void (*net_setup_t)(int sd, void *ctx);

/*
 * A connected socket and its session, which the caller frees.  try_connect is
 * before the handshake: net_quic_early() says whether 0-RTT can be written.
 */
int net_quic_dial(const struct net_opts *o, const char *host, void **session);
int net_quic_try_dial(const struct net_opts *o, const struct addrinfo *ai,
		      net_setup_t setup, void *ctx, void **session);
int net_quic_connect(const struct net_opts *o, const char *host, void **session);
int net_quic_try_connect(const struct net_opts *o, const struct addrinfo *ai,
			 net_setup_t setup, void *ctx, void **session);
bool net_quic_early(const struct net_opts *o, int sd);
int net_quic_listen(const struct net_opts *o, net_setup_t setup, void *ctx);
int net_quic_try_listen(const struct net_opts *o, net_setup_t setup, void *ctx);
int net_quic_try_accept(const struct net_opts *o, int sd);
/* All of it, or a negative errno; FIN goes with the last byte.  @sent, if any, grows. */
int net_quic_send(int sd, const void *buf, size_t len, int64_t sid, bool fin,
		  _Atomic uint64_t *sent);
int net_exit_code(int err);
const char *net_strerror(int err);

#endif /* TOOLS_NET_H */

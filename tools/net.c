// SPDX-License-Identifier: GPL-2.0-or-later
/* See net.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"
#include "net.h"

#define LISTEN_BACKLOG	1024

/* What libquic said last in this thread: better than strerror() */
static __thread char last_message[512];

static void keep_message(int level, const char *message, void *arg)
{
	(void)arg;
	if (level <= QUIC_LOG_ERROR)
		snprintf(last_message, sizeof(last_message), "%s", message);
	else if (tool_verbose)
		warn_msg("%s", message);
}

void net_init(void)
{
	quic_set_log_func(keep_message, NULL);
}

/* The reason of the last failed handshake, or the errno's own text */
const char *net_strerror(int err)
{
	if (err == -EPROTONOSUPPORT)
		return "no QUIC in this kernel: modprobe quic";
	return *last_message ? last_message : strerror(-err);
}

/* For a connection or a handshake that ended with this errno */
int net_exit_code(int err)
{
	switch (-err) {
	case EPROTONOSUPPORT:
		return EX_NOQUIC;
	case ETIMEDOUT:
		return EX_TIMEOUT;
	case ENOMEM:
	case EMFILE:
	case ENFILE:
	case ENOENT:
	case EACCES:
		return EX_LOCAL;
	case EADDRINUSE:
	case EADDRNOTAVAIL:
	case ECONNABORTED:
	case ECONNREFUSED:
	case ECONNRESET:
	case EHOSTUNREACH:
	case EINVAL:
	case ENETDOWN:
	case ENETUNREACH:
	case ENOTCONN:
	case EPERM:
	case EPIPE:
		return EX_NET;
	default:
		return EX_TLS;
	}
}

bool net_option(struct net_opts *o, int c, const char *arg)
{
	switch (c) {
	case '4':
		o->family = AF_INET;
		break;
	case '6':
		o->family = AF_INET6;
		break;
	case 'b':
		o->bind_addr = arg;
		break;
	case 'p':
		o->port = arg;
		break;
	case 'v':
		tool_verbose++;
		break;
	case OPT_ALPN:
		o->alpn = arg;
		break;
	case OPT_CERT:
		o->certfile = arg;
		break;
	case OPT_KEY:
		o->keyfile = arg;
		break;
	case OPT_CAFILE:
		o->cafile = arg;
		break;
	case OPT_PSK:
		o->pskfile = arg;
		break;
	case OPT_HOSTNAME:
		o->hostname = arg;
		break;
	case OPT_INSECURE:
		o->insecure = true;
		break;
	case OPT_SESSION:
		o->session_file = arg;
		break;
	case OPT_EARLY:
		o->early = true;
		break;
	default:
		return false;
	}
	return true;
}

/* A number that getaddrinfo() would cut to 16 bits */
static void check_port(const char *port)
{
	if (*port && port[strspn(port, "0123456789")] == '\0')
		parse_u64("port", port, 1, UINT16_MAX);
}

/* A NULL host is the wildcard of a server. */
struct addrinfo *net_resolve(const struct net_opts *o, const char *host, bool udp)
{
	struct addrinfo hints = {
		.ai_family = o->family,
		.ai_socktype = udp ? SOCK_DGRAM : SOCK_STREAM,
		.ai_flags = host ? 0 : AI_PASSIVE,
	};
	struct addrinfo *ai;
	int err;

	check_port(o->port);
	err = getaddrinfo(host, o->port, &hints, &ai);
	if (err)
		die(EX_NET, "%s port %s: %s", host ? host : "*", o->port,
		    err == EAI_SYSTEM ? strerror(errno) : gai_strerror(err));
	return ai;
}

/* The IPv6 wildcard first: it takes both families. */
static struct addrinfo *resolve_local(const struct net_opts *o, bool udp)
{
	struct net_opts local = *o;

	if (!o->bind_addr && o->family == AF_UNSPEC && !access("/proc/net/if_inet6", F_OK))
		local.family = AF_INET6;
	return net_resolve(&local, o->bind_addr, udp);
}

const char *net_ntop(const struct sockaddr_storage *sa, char *buf, size_t len)
{
	const struct sockaddr_in6 *in6 = (const void *)sa;
	const struct sockaddr_in *in = (const void *)sa;
	char addr[INET6_ADDRSTRLEN];

	if (sa->ss_family == AF_INET) {
		inet_ntop(AF_INET, &in->sin_addr, addr, sizeof(addr));
		snprintf(buf, len, "%s:%u", addr, ntohs(in->sin_port));
	} else {
		inet_ntop(AF_INET6, &in6->sin6_addr, addr, sizeof(addr));
		snprintf(buf, len, "[%s]:%u", addr, ntohs(in6->sin6_port));
	}
	return buf;
}

/* EINVAL is what a kernel says that does not know numbers above 255. */
static int quic_socket(int family)
{
	int sd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_QUIC);

	if (sd >= 0)
		return sd;
	return errno == EINVAL ? -EPROTONOSUPPORT : -errno;
}

static int bind_source(const struct net_opts *o, int sd, int family)
{
	struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_DGRAM };
	struct addrinfo *ai;
	int err;

	if (!o->bind_addr)
		return 0;
	err = getaddrinfo(o->bind_addr, NULL, &hints, &ai);
	if (err)
		die(EX_USAGE, "--bind %s: %s", o->bind_addr, gai_strerror(err));
	err = bind(sd, ai->ai_addr, ai->ai_addrlen) ? -errno : 0;
	freeaddrinfo(ai);
	return err;
}

/* The files that the options name, read once, before any connection. */
void net_credentials(struct net_opts *o, bool server)
{
	struct quic_handshake_params p = {
		.size = sizeof(p),
		.cafile = o->cafile,
		.certfile = o->certfile,
		.keyfile = o->keyfile,
		.pskfile = o->pskfile,
		.insecure = o->insecure,
	};
	int err;

	if (server)
		err = quic_server_credentials_new(&p, &o->credentials);
	else
		err = quic_client_credentials_new(&p, &o->credentials);
	if (err)
		die(err == -ENOENT || err == -EACCES ? EX_LOCAL : EX_TLS, "%s",
		    net_strerror(err));
}

/* --session: what is in the file is resumed from then on. */
void net_session_load(struct net_opts *o, struct ticket *t)
{
	int err;

	if (!o->session_file)
		return;
	err = ticket_load(t, o->session_file);
	if (err)
		die(EX_LOCAL, "%s: %s", o->session_file, strerror(-err));
	o->ticket = t;
}

/* For the next time; that it failed is no reason to fail. */
void net_session_keep(const struct net_opts *o, struct ticket *t, void *session)
{
	int err;

	if (!o->session_file)
		return;
	err = ticket_take(t, session);
	if (!err)
		err = ticket_store(t, o->session_file);
	if (err == -EAGAIN)
		note("the server has sent no session ticket");
	else if (err)
		warn_msg("%s: %s", o->session_file, strerror(-err));
}

static int new_session(const struct net_opts *o, int sd, void **session)
{
	struct quic_handshake_params p = {
		.size = sizeof(p),
		.credentials = o->credentials,
		.hostname = o->hostname,
		.alpns = o->alpn,
		.insecure = o->insecure,
		.timeout_ms = o->timeout_ms,
		.session_data = o->ticket && o->ticket->len ? o->ticket->data : NULL,
		.session_data_len = o->ticket ? o->ticket->len : 0,
		.early_data = o->early,
	};
	int err = quic_client_session_new(sd, &p, session);

	/* What is in the file is no session, which is no fault of the network. */
	return err == -EINVAL && p.session_data ? -EBADMSG : err;
}

/* One attempt at one address: a connected descriptor or a negative errno */
int net_quic_try_connect(const struct net_opts *o, const struct addrinfo *ai,
			 net_setup_t setup, void *ctx, void **session)
{
	int sd = quic_socket(ai->ai_family);
	int err;

	*last_message = '\0';
	if (sd < 0)
		return sd;
	if (setup)
		setup(sd, ctx);
	err = bind_source(o, sd, ai->ai_family);
	if (!err && connect(sd, ai->ai_addr, ai->ai_addrlen))
		err = -errno;
	if (!err)
		err = new_session(o, sd, session);
	if (!err)
		return sd;
	close(sd);
	return err;
}

int net_quic_try_dial(const struct net_opts *o, const struct addrinfo *ai,
		      net_setup_t setup, void *ctx, void **session)
{
	int sd = net_quic_try_connect(o, ai, setup, ctx, session), err;

	if (sd < 0)
		return sd;
	err = quic_handshake(*session);
	if (!err)
		return sd;
	quic_session_free(*session);
	close(sd);
	return err;
}

/* Are there the limits of an earlier connection, within which one may write? */
bool net_quic_early(const struct net_opts *o, int sd)
{
	struct quic_transport_param p = { .remote = 1 };
	socklen_t len = sizeof(p);

	return o->early && o->ticket && o->ticket->len &&
	       !getsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_TRANSPORT_PARAM, &p, &len) && p.max_data;
}

/* The next address helps where nobody answered at this one. */
static bool worth_next_address(int err)
{
	return net_exit_code(err) == EX_NET || net_exit_code(err) == EX_TIMEOUT;
}

typedef int (*try_t)(const struct net_opts *o, const struct addrinfo *ai, net_setup_t setup,
		     void *ctx, void **session);

static int try_each(const struct net_opts *o, const char *host, try_t attempt, void **session)
{
	struct addrinfo *list = net_resolve(o, host, true), *ai;
	int sd = -EADDRNOTAVAIL;

	for (ai = list; ai; ai = ai->ai_next) {
		sd = attempt(o, ai, NULL, NULL, session);
		if (sd >= 0 || !worth_next_address(sd))
			break;
	}
	freeaddrinfo(list);
	if (sd == -EPROTONOSUPPORT)
		die(EX_NOQUIC, "%s", net_strerror(sd));
	if (sd < 0)
		die(net_exit_code(sd), "%s port %s: %s", host, o->port, net_strerror(sd));
	return sd;
}

int net_quic_dial(const struct net_opts *o, const char *host, void **session)
{
	return try_each(o, host, net_quic_try_dial, session);
}

int net_quic_connect(const struct net_opts *o, const char *host, void **session)
{
	return try_each(o, host, net_quic_try_connect, session);
}

int net_quic_try_listen(const struct net_opts *o, net_setup_t setup, void *ctx)
{
	struct addrinfo *ai = resolve_local(o, true);
	int sd = quic_socket(ai->ai_family), err = 0;

	*last_message = '\0';
	if (sd >= 0) {
		if (setup)
			setup(sd, ctx);
		if (bind(sd, ai->ai_addr, ai->ai_addrlen) || listen(sd, LISTEN_BACKLOG))
			err = -errno;
	}
	freeaddrinfo(ai);
	if (!err)
		return sd;
	close(sd);
	return err;
}

int net_quic_listen(const struct net_opts *o, net_setup_t setup, void *ctx)
{
	int sd = net_quic_try_listen(o, setup, ctx);

	if (sd == -EPROTONOSUPPORT)
		die(EX_NOQUIC, "%s", net_strerror(sd));
	if (sd < 0)
		die(EX_NET, "port %s: %s", o->port, strerror(-sd));
	return sd;
}

/* The handshake of a socket that accept() returned: 0 or a negative errno */
int net_quic_try_accept(const struct net_opts *o, int sd)
{
	struct quic_handshake_params p = {
		.size = sizeof(p),
		.credentials = o->credentials,
		.alpns = o->alpn,
		.timeout_ms = o->timeout_ms,
		.early_data = o->early,
	};

	*last_message = '\0';
	return quic_server_handshake_params(sd, &p);
}

int net_quic_send(int sd, const void *buf, size_t len, int64_t sid, bool fin,
		  _Atomic uint64_t *sent)
{
	const uint8_t *p = buf;
	ssize_t n;

	do {
		n = quic_sendmsg(sd, p, len, sid, fin ? MSG_QUIC_STREAM_FIN : 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (sent)
			atomic_fetch_add(sent, n);
		p += n;
		len -= n;
	} while (len);
	return 0;
}

int net_tcp_dial(const struct net_opts *o, const char *host)
{
	struct addrinfo *list = net_resolve(o, host, false), *ai;
	int sd = -1, err = EADDRNOTAVAIL;

	for (ai = list; ai; ai = ai->ai_next) {
		sd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (sd >= 0 && !bind_source(o, sd, ai->ai_family) &&
		    !connect(sd, ai->ai_addr, ai->ai_addrlen))
			break;
		err = errno;
		if (sd >= 0)
			close(sd);
		sd = -1;
	}
	freeaddrinfo(list);
	return sd >= 0 ? sd : -err;
}

int net_tcp_listen(const struct net_opts *o)
{
	struct addrinfo *ai = resolve_local(o, false);
	int sd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (sd < 0)
		die(EX_LOCAL, "socket: %s", strerror(errno));
	setsockopt(sd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(sd, ai->ai_addr, ai->ai_addrlen) || listen(sd, LISTEN_BACKLOG))
		die(EX_NET, "port %s: %s", o->port, strerror(errno));
	freeaddrinfo(ai);
	return sd;
}

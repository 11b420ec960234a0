// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cross server|client OPTION... - one end of a connection over a real QUIC socket, built
 * for each of the TLS libraries: what one of them says the other must understand.
 *
 *	-a ADDRESS	client: of the server	-p PORT
 *	-c FILE -k FILE	certificate, key	-C FILE		authority
 *	-h NAME		the server's		-P FILE		pre-shared keys
 *	-A NAMES	ALPN			-t TYPE		TLS_CIPHER_*, no other
 *	-d FILE		client: resume		-s FILE		client: keep what resumes
 *	-e		0-RTT
 *
 * The server takes one connection after the other until it is killed, and sends back
 * what comes on a stream.  Both print a line a connection:
 *	error ERRNO resumed 0|1 early 0|1 alpn NAME
 * The client's status is 0 if it got back what it sent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <netinet/quic.h>

#define WORDS	"one TLS library to another"

struct options {
	struct quic_handshake_params params;
	const char *address, *save;
	int port;
	struct quic_config config;
	unsigned char data[8192];
};

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(2);
}

static void read_data(struct options *o, const char *path)
{
	FILE *f = fopen(path, "r");

	if (!f)
		die(path);
	o->params.session_data_len = fread(o->data, 1, sizeof(o->data), f);
	o->params.session_data = o->data;
	fclose(f);
}

static void set_option(struct options *o, int c, char *arg)
{
	struct quic_handshake_params *p = &o->params;

	switch (c) {
	case 'a': o->address = arg; break;
	case 'p': o->port = atoi(arg); break;
	case 'c': p->certfile = arg; break;
	case 'k': p->keyfile = arg; break;
	case 'C': p->cafile = arg; break;
	case 'h': p->hostname = arg; break;
	case 'P': p->pskfile = arg; break;
	case 'A': p->alpns = arg; break;
	case 't': o->config.payload_cipher_type = atoi(arg); break;
	case 'd': read_data(o, arg); break;
	case 's': o->save = arg; break;
	case 'e': p->early_data = 1; break;
	default: exit(2);
	}
}

static int new_socket(struct options *o, struct sockaddr_in6 *a)
{
	int sd = socket(AF_INET6, SOCK_STREAM, IPPROTO_QUIC);

	memset(a, 0, sizeof(*a));
	a->sin6_family = AF_INET6;
	a->sin6_port = htons((unsigned short)o->port);
	if (sd < 0 || (o->config.payload_cipher_type &&
		       setsockopt(sd, SOL_QUIC, QUIC_SOCKOPT_CONFIG, &o->config, sizeof(o->config))))
		die("socket");
	return sd;
}

static void report(void *session, int err)
{
	char alpn[64] = "";
	size_t len = sizeof(alpn);

	if (!err)
		quic_session_get_alpn(session, alpn, &len);
	printf("error %d resumed %d early %d alpn %s\n", -err,
	       !err && quic_session_is_resumed(session), !err && quic_session_early_data(session),
	       *alpn ? alpn : "none");
	fflush(stdout);
}

/* All of a stream, events left aside; its length or -1 */
static ssize_t receive(int sd, char *buf, size_t size, int64_t *sid)
{
	size_t got = 0;
	uint32_t flags;
	ssize_t n;

	do {
		flags = 0;
		n = quic_recvmsg(sd, buf + got, size - got, sid, &flags);
		if (n < 0 || (!n && !(flags & MSG_QUIC_STREAM_FIN)))
			return -1;
		if (!(flags & MSG_QUIC_NOTIFICATION))
			got += (size_t)n;
	} while (!(flags & MSG_QUIC_STREAM_FIN) && got < size);
	return (ssize_t)got;
}

static void serve_one(struct options *o, int sd)
{
	void *session = NULL;
	char buf[4096];
	int64_t sid = -1;
	ssize_t n;
	int err;

	err = quic_server_session_new(sd, &o->params, &session);
	if (!err)
		err = quic_handshake(session);
	report(session, err);
	n = err ? -1 : receive(sd, buf, sizeof(buf), &sid);
	if (n > 0)
		quic_sendmsg(sd, buf, (size_t)n, sid, MSG_QUIC_STREAM_FIN);
	if (n > 0)	/* until the client has closed */
		receive(sd, buf, sizeof(buf), &sid);
	quic_session_free(session);
	close(sd);
}

static int serve(struct options *o)
{
	struct sockaddr_in6 a;
	int ls = new_socket(o, &a), sd;

	if (o->params.alpns &&
	    setsockopt(ls, SOL_QUIC, QUIC_SOCKOPT_ALPN, o->params.alpns, strlen(o->params.alpns)))
		die("ALPN");
	if (bind(ls, (struct sockaddr *)&a, sizeof(a)) || listen(ls, 16))
		die("listen");
	while ((sd = accept(ls, NULL, NULL)) >= 0)
		serve_one(o, sd);
	die("accept");
	return 1;
}

static void save(void *session, const char *path)
{
	unsigned char data[8192];
	size_t len, tries = 0;
	FILE *f;
	int err;

	do {
		len = sizeof(data);
		err = quic_session_get_data(session, data, &len);
	} while (err == -EAGAIN && tries++ < 1000 && !usleep(10000));
	errno = -err;
	f = err ? NULL : fopen(path, "w");
	if (!f || fwrite(data, 1, len, f) != len || fclose(f))
		die("session data");
}

static int say(int sd)
{
	return quic_sendmsg(sd, WORDS, strlen(WORDS), 0,
			    MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN) == (ssize_t)strlen(WORDS);
}

static int hears(int sd)
{
	char buf[64];
	int64_t sid;

	return receive(sd, buf, sizeof(buf), &sid) == (ssize_t)strlen(WORDS) &&
	       !memcmp(buf, WORDS, strlen(WORDS));
}

static int ask(struct options *o)
{
	int err, ok, early = o->params.early_data && o->params.session_data;
	struct sockaddr_in6 a;
	void *session;
	int sd = new_socket(o, &a);

	if (inet_pton(AF_INET6, o->address, &a.sin6_addr) != 1 ||
	    connect(sd, (struct sockaddr *)&a, sizeof(a)))
		die("connect");
	err = quic_client_session_new(sd, &o->params, &session);
	ok = !err && (!early || say(sd));
	if (!err)
		err = quic_handshake(session);
	report(session, err);
	ok = !err && ok && (early || say(sd)) && hears(sd);
	if (ok && o->save)
		save(session, o->save);
	quic_session_free(session);
	close(sd);
	return !ok;
}

int main(int argc, char *argv[])
{
	static struct options o = { .params = { .size = sizeof(o.params) }, .port = 4433 };
	int c;

	if (argc < 2)
		return 2;
	o.params.timeout_ms = 60000;	/* the machine may be slow */
	while ((c = getopt(argc - 1, argv + 1, "a:p:c:k:C:h:P:A:t:d:s:e")) >= 0)
		set_option(&o, c, optarg);
	return strcmp(argv[1], "server") ? ask(&o) : serve(&o);
}

// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The options, by tables: each with wrong lengths, pointers, values, states
 * and directions, and the errno for it; and that nothing changed.
 */
#include <sys/mman.h>

#include "lib.h"

#define TP	QUIC_SOCKOPT_TRANSPORT_PARAM
#define CFG	QUIC_SOCKOPT_CONFIG

/* The states in which an option may be tried. */
enum state { NEW_SOCK, LISTENING, CONNECTING, CLIENT, SERVER, CLOSED, STATES };
static const char *const state_name[] = {
	"new", "listening", "connecting", "client", "server", "closed",
};

static int fds[STATES];
static struct pair p, over;

static void make_states(void)
{
	struct conf c = {};

	pair_open(&p, NULL);
	pair_open(&over, NULL);
	fds[NEW_SOCK] = sock_new(AF_INET, SOCK_STREAM);
	fds[LISTENING] = p.lis;
	fds[CONNECTING] = client_new(&c, &p);
	fds[CLIENT] = p.cli;
	fds[SERVER] = p.srv;
	fds[CLOSED] = over.cli;
	close(over.srv);
	CHECK(sock_poll(over.cli, POLLIN, 10000) & POLLHUP);
}

static const char *errname(int err)
{
	return err ? strerror(err) : "no error";
}

/* The call was @ret, just now. */
static void expect(const char *what, enum state s, int opt, int ret, int want)
{
	int got = errno;

	if (want ? ret < 0 && got == want : ret >= 0)
		return;
	FAIL("option %d, %s, %s socket: %s, not %s", opt, what, state_name[s],
	     ret < 0 ? errname(got) : "no error", errname(want));
}

/* ---- directions, levels and pointers ---- */

static void directions(void)
{
	static const int write_only[] = {
		QUIC_SOCKOPT_STREAM_RESET, QUIC_SOCKOPT_STREAM_STOP_SENDING,
		QUIC_SOCKOPT_CONNECTION_MIGRATION, QUIC_SOCKOPT_KEY_UPDATE,
		QUIC_SOCKOPT_CRYPTO_SECRET,
	};
	static const int read_only[] = { QUIC_SOCKOPT_STREAM_OPEN, QUIC_SOCKOPT_STREAM_PEELOFF };
	uint8_t val[256] = {};
	unsigned int i;
	socklen_t len;
	int s;

	make_states();
	for (s = 0; s < STATES; s++) {
		for (i = 0; i < ARRAY(write_only); i++) {
			len = sizeof(val);
			expect("get", s, write_only[i], get_opt(fds[s], write_only[i], val, &len), ENOPROTOOPT);
		}
		for (i = 0; i < ARRAY(read_only); i++)
			expect("set", s, read_only[i],
			       set_opt(fds[s], read_only[i], val, 16), ENOPROTOOPT);
		len = sizeof(val);
		expect("get", s, 16, get_opt(fds[s], 16, val, &len), ENOPROTOOPT);
		expect("set", s, 16, set_opt(fds[s], 16, val, 4), ENOPROTOOPT);
		expect("set", s, -1, set_opt(fds[s], -1, val, 4), ENOPROTOOPT);
		expect("set", s, 0x7fffffff, set_opt(fds[s], 0x7fffffff, val, 4), ENOPROTOOPT);
	}
}

static void set_pointers(void)
{
	static const struct {
		int opt;
		socklen_t len;
		enum state s;
	} sets[] = {
		{ QUIC_SOCKOPT_EVENT, 2, NEW_SOCK },
		{ QUIC_SOCKOPT_STREAM_RESET, 16, CLIENT },
		{ QUIC_SOCKOPT_STREAM_STOP_SENDING, 16, CLIENT },
		{ QUIC_SOCKOPT_CONNECTION_ID, 12, CLIENT },
		{ QUIC_SOCKOPT_CONNECTION_CLOSE, 8, CLIENT },
		{ TP, sizeof(struct quic_transport_param), NEW_SOCK },
		{ CFG, sizeof(struct quic_config), NEW_SOCK },
		{ QUIC_SOCKOPT_TOKEN, 16, NEW_SOCK },
		{ QUIC_SOCKOPT_ALPN, 4, NEW_SOCK },
		{ QUIC_SOCKOPT_SESSION_TICKET, 16, NEW_SOCK },
		{ QUIC_SOCKOPT_CRYPTO_SECRET, 56, CONNECTING },
		{ QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, 16, CONNECTING },
	};
	uint8_t *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
	unsigned int i;

	CHECK(page != MAP_FAILED);
	CHECK_OK(munmap(page + 4096, 4096));
	make_states();
	for (i = 0; i < ARRAY(sets); i++) {
		int fd = fds[sets[i].s], opt = sets[i].opt;
		socklen_t len = sets[i].len;

		expect("NULL", sets[i].s, opt, set_opt(fd, opt, NULL, len), EFAULT);
		expect("bad pointer", sets[i].s, opt, set_opt(fd, opt, (void *)8, len), EFAULT);
		expect("end of a page", sets[i].s, opt,
		       set_opt(fd, opt, page + 4096 - len / 2, len), EFAULT);
	}
}

static void get_pointers(void)
{
	static const int gets[] = {
		QUIC_SOCKOPT_EVENT, QUIC_SOCKOPT_CONNECTION_ID, QUIC_SOCKOPT_CONNECTION_CLOSE,
		TP, CFG, QUIC_SOCKOPT_ALPN, QUIC_SOCKOPT_SESSION_TICKET, QUIC_SOCKOPT_STREAM_OPEN,
	};
	unsigned int i;
	socklen_t len;

	make_states();
	for (i = 0; i < ARRAY(gets); i++) {
		int fd = gets[i] == QUIC_SOCKOPT_SESSION_TICKET ? fds[SERVER] : fds[CLIENT];
		uint8_t val[128] = { QUIC_EVENT_KEY_UPDATE };

		CHECK_ERR(getsockopt(fd, SOL_QUIC, gets[i], val, NULL), EFAULT);
		CHECK_ERR(getsockopt(fd, SOL_QUIC, gets[i], val, (socklen_t *)8), EFAULT);
		len = sizeof(val);
		if (gets[i] == QUIC_SOCKOPT_ALPN)
			continue;		/* empty: nothing is written */
		expect("bad pointer", CLIENT, gets[i], get_opt(fd, gets[i], (void *)8, &len), EFAULT);
		len = -1;
		expect("negative length", CLIENT, gets[i], get_opt(fd, gets[i], val, &len), EINVAL);
	}
	CHECK_EQ(stream_open(fds[CLIENT], -1, 0), 0);	/* no stream was opened by those */
}

/* ---- lengths ---- */

static void too_long(void)
{
	static const int sets[] = {
		QUIC_SOCKOPT_EVENT, QUIC_SOCKOPT_STREAM_RESET, QUIC_SOCKOPT_STREAM_STOP_SENDING,
		QUIC_SOCKOPT_CONNECTION_ID, QUIC_SOCKOPT_CONNECTION_CLOSE,
		QUIC_SOCKOPT_KEY_UPDATE, TP, CFG, QUIC_SOCKOPT_TOKEN, QUIC_SOCKOPT_ALPN,
		QUIC_SOCKOPT_SESSION_TICKET, QUIC_SOCKOPT_CRYPTO_SECRET,
		QUIC_SOCKOPT_TRANSPORT_PARAM_EXT,
	};
	uint8_t val[5000] = {};
	unsigned int i;

	make_states();
	for (i = 0; i < ARRAY(sets); i++)
		expect("4097 bytes", CLIENT, sets[i], set_opt(fds[CLIENT], sets[i], val, 4097), EINVAL);
}

/* Longer than ours: fine if the tail is zero, else E2BIG. */
static void tails(void)
{
	static const struct {
		int opt;
		size_t size;
		enum state s;
	} structs[] = {
		{ QUIC_SOCKOPT_EVENT, sizeof(struct quic_event_option), NEW_SOCK },
		{ TP, sizeof(struct quic_transport_param), NEW_SOCK },
		{ CFG, sizeof(struct quic_config), NEW_SOCK },
		{ QUIC_SOCKOPT_STREAM_RESET, sizeof(struct quic_errinfo), CLIENT },
		{ QUIC_SOCKOPT_CONNECTION_ID, sizeof(struct quic_connection_id_info), CLIENT },
		{ QUIC_SOCKOPT_CRYPTO_SECRET, sizeof(struct quic_crypto_secret), CONNECTING },
	};
	uint8_t val[200];
	unsigned int i;

	make_states();
	for (i = 0; i < ARRAY(structs); i++) {
		memset(val, 0, sizeof(val));
		val[structs[i].size + 20] = 1;
		expect("non-zero tail", structs[i].s, structs[i].opt,
		       set_opt(fds[structs[i].s], structs[i].opt, val, structs[i].size + 40), E2BIG);
	}
	memset(val, 0, sizeof(val));
	val[0] = QUIC_EVENT_KEY_UPDATE;
	CHECK_OK(set_opt(fds[CLIENT], QUIC_SOCKOPT_EVENT, val, 40));
	CHECK_OK(set_opt(fds[CLIENT], QUIC_SOCKOPT_EVENT, val, 1));	/* 'on' is 0 */
	val[0] = 0;
	CHECK_OK(set_opt(fds[NEW_SOCK], TP, val, 200));
	CHECK_OK(set_opt(fds[NEW_SOCK], TP, val, 56));
	CHECK_OK(set_opt(fds[NEW_SOCK], CFG, val, 24));
	CHECK_OK(set_opt(fds[NEW_SOCK], CFG, val, 28));
	CHECK_OK(set_opt(fds[NEW_SOCK], CFG, val, 200));
}

static void get_lengths(void)
{
	struct quic_transport_param tp = {};
	struct quic_config cfg;
	uint8_t big[300];
	socklen_t len;

	make_states();
	len = 56;
	CHECK_OK(get_opt(fds[CLIENT], TP, &tp, &len));
	CHECK_EQ(len, 56);
	CHECK_EQ(tp.max_data, 65536 * 32);
	len = sizeof(big);
	memset(big, 0, sizeof(big));
	CHECK_OK(get_opt(fds[CLIENT], TP, big, &len));
	CHECK_EQ(len, 88);
	len = 24;
	CHECK_OK(get_opt(fds[CLIENT], CFG, &cfg, &len));
	CHECK_EQ(len, 24);
	len = sizeof(big);
	CHECK_OK(get_opt(fds[CLIENT], CFG, big, &len));
	CHECK_EQ(len, 64);
	len = 3;
	CHECK_OK(get_opt(fds[CLIENT], CFG, big, &len));
	CHECK_EQ(len, 3);
	len = 63;
	CHECK_ERR(get_opt(fds[LISTENING], QUIC_SOCKOPT_SESSION_TICKET, big, &len), EINVAL);
	len = 5;
	CHECK_ERR(get_opt(fds[CONNECTING], QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, big, &len), EINVAL);
	len = 256;
	CHECK_OK(get_opt(fds[CONNECTING], QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, big, &len));
	CHECK(len > 20 && len <= 256);
	len = 256;		/* and again */
	CHECK_OK(get_opt(fds[CONNECTING], QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, big, &len));
}

/* ---- values of TRANSPORT_PARAM ---- */

static const struct quic_transport_param tp_default = {
	.active_connection_id_limit = 7,
	.ack_delay_exponent = 3,
	.max_udp_payload_size = 65527,
	.max_idle_timeout = 30000000,
	.max_ack_delay = 25000,
	.max_streams_bidi = 100,
	.max_streams_uni = 100,
	.max_data = 65536 * 32,
	.max_stream_data_bidi_local = 65536 * 4,
	.max_stream_data_bidi_remote = 65536 * 4,
	.max_stream_data_uni = 65536 * 4,
};

static void tp_get(int fd, uint8_t remote, struct quic_transport_param *tp)
{
	socklen_t len = sizeof(*tp);

	memset(tp, 0xff, sizeof(*tp));
	tp->remote = remote;
	CHECK_OK(get_opt(fd, TP, tp, &len));
	CHECK_EQ(len, sizeof(*tp));
}

static void tp_values(void)
{
	static const struct quic_transport_param bad[] = {
		{ .active_connection_id_limit = 1 },
		{ .active_connection_id_limit = 9 },
		{ .ack_delay_exponent = 21 },
		{ .max_udp_payload_size = 1199 },
		{ .max_udp_payload_size = 65528 },
		{ .max_ack_delay = 16384000 },
		{ .max_data = 1ULL << 62 },
		{ .max_stream_data_bidi_local = 1ULL << 62 },
		{ .max_stream_data_bidi_remote = 1ULL << 62 },
		{ .max_stream_data_uni = 1ULL << 62 },
		{ .max_data = 1000, .ack_delay_exponent = 255 },
	};
	struct quic_transport_param tp;
	unsigned int i;

	make_states();
	tp_get(fds[NEW_SOCK], 0, &tp);
	CHECK(!memcmp(&tp, &tp_default, sizeof(tp)));
	for (i = 0; i < ARRAY(bad); i++) {
		if (!set_opt(fds[NEW_SOCK], TP, &bad[i], sizeof(bad[i])))
			FAIL("bad transport parameter %u was taken", i);
		CHECK_EQ(errno, EINVAL);
		tp_get(fds[NEW_SOCK], 0, &tp);
		CHECK(!memcmp(&tp, &tp_default, sizeof(tp)));
	}
}

static void tp_round_trip(void)
{
	struct quic_transport_param got, tp = {
		.disable_active_migration = 1, .grease_quic_bit = 1, .stateless_reset = 1,
		.disable_compatible_version = 1, .active_connection_id_limit = 2,
		.ack_delay_exponent = 20, .max_udp_payload_size = 1200,
		.max_idle_timeout = 5000000, .max_ack_delay = 16383000,
		.max_streams_bidi = 65535, .max_streams_uni = 1, .max_data = 1,
		.max_stream_data_bidi_local = (1ULL << 62) - 1,
		.max_stream_data_bidi_remote = 3, .max_stream_data_uni = 4,
	};
	struct quic_transport_param one = { .max_data = 77777 };

	make_states();
	CHECK_OK(set_opt(fds[NEW_SOCK], TP, &tp, sizeof(tp)));
	tp_get(fds[NEW_SOCK], 0, &got);
	CHECK(!memcmp(&got, &tp, sizeof(tp)));
	/* one field of a zeroed struct changes that field alone */
	CHECK_OK(set_opt(fds[NEW_SOCK], TP, &one, sizeof(one)));
	tp.max_data = 77777;
	tp_get(fds[NEW_SOCK], 0, &got);
	CHECK(!memcmp(&got, &tp, sizeof(tp)));
}

static void tp_states(void)
{
	static const int want[STATES] = { 0, 0, 0, EINVAL, EINVAL, EINVAL };
	static const int want_remote[STATES] = { EINVAL, EINVAL, 0, EINVAL, EINVAL, EINVAL };
	struct quic_transport_param tp = { .max_data = 100000 }, before, after;
	int s;

	make_states();
	for (s = 0; s < STATES; s++) {
		tp_get(fds[s], 0, &before);
		tp.remote = 0;
		expect("set", s, TP, set_opt(fds[s], TP, &tp, sizeof(tp)), want[s]);
		tp_get(fds[s], 0, &after);
		CHECK_EQ(after.max_data, want[s] ? before.max_data : 100000);
		tp.remote = 1;
		expect("remote set", s, TP, set_opt(fds[s], TP, &tp, sizeof(tp)), want_remote[s]);
	}
}

/* Told to the peer, they stay what they are. */
static void tp_told(void)
{
	struct quic_transport_param tp = { .max_data = 100000 }, after;
	uint8_t ext[256];
	socklen_t len = sizeof(ext);

	make_states();
	CHECK_OK(get_opt(fds[CONNECTING], QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, ext, &len));
	CHECK_ERR(set_opt(fds[CONNECTING], TP, &tp, sizeof(tp)), EINVAL);
	tp_get(fds[CONNECTING], 0, &after);
	CHECK_EQ(after.max_data, tp_default.max_data);
}

static void same_params(const struct quic_transport_param *a,
			const struct quic_transport_param *b)
{
	unsigned int i;

	for (i = 0; i < sizeof(*a); i++)
		if (((const uint8_t *)a)[i] != ((const uint8_t *)b)[i])
			FAIL("byte %u of the parameters: %#x here, %#x there", i,
			     ((const uint8_t *)a)[i], ((const uint8_t *)b)[i]);
}

/* What one side sets, the other reads; the listener's go to accepted sockets. */
static void tp_remote(void)
{
	struct conf c = { .tp = {
		{ .max_data = 111111, .max_streams_bidi = 11, .max_idle_timeout = 11000000,
		  .ack_delay_exponent = 4, .max_udp_payload_size = 1400 },
		{ .max_data = 222222, .max_streams_uni = 22, .max_ack_delay = 22000,
		  .active_connection_id_limit = 5, .max_stream_data_uni = 2222,
		  .disable_active_migration = 1, .stateless_reset = 1 },
	} };
	struct quic_transport_param a, b;

	pair_open(&p, &c);
	tp_get(p.cli, 0, &a);
	tp_get(p.srv, 1, &b);
	CHECK_EQ(b.remote, 1);
	b.remote = 0;
	same_params(&a, &b);
	CHECK_EQ(a.max_data, 111111);
	tp_get(p.srv, 0, &a);
	tp_get(p.cli, 1, &b);
	CHECK_EQ(b.remote, 1);
	b.remote = 0;
	same_params(&a, &b);
	CHECK_EQ(a.max_streams_uni, 22);
	CHECK_EQ(a.stateless_reset, 1);
	pair_close(&p);
}

/* ---- values of CONFIG ---- */

static void cfg_get(int fd, struct quic_config *cfg)
{
	socklen_t len = sizeof(*cfg);

	memset(cfg, 0xff, sizeof(*cfg));
	CHECK_OK(get_opt(fd, CFG, cfg, &len));
}

static void cfg_values(void)
{
	static const struct quic_config bad[] = {
		{ .plpmtud_probe_interval = 4999999 },
		{ .initial_smoothed_rtt = 999 },
		{ .initial_smoothed_rtt = 6000001 },
		{ .payload_cipher_type = 50 },
		{ .payload_cipher_type = 12345 },
		{ .congestion_control_algo = 200 },
		{ .keepalive_probe_interval = 1499999 },
		{ .certificate_request = 3 },
		{ .version = QUIC_VERSION_V2, .initial_smoothed_rtt = 1 },
	};
	static const struct quic_config good[] = {
		{ .plpmtud_probe_interval = 5000000 },
		{ .initial_smoothed_rtt = 1000 },
		{ .initial_smoothed_rtt = 6000000 },
		{ .payload_cipher_type = 51 }, { .payload_cipher_type = 52 },
		{ .payload_cipher_type = 53 }, { .payload_cipher_type = 54 },
		{ .congestion_control_algo = QUIC_CONG_ALG_CUBIC },
		{ .keepalive_probe_interval = 1500000 },
		{ .certificate_request = 2 }, { .receive_session_ticket = 255 },
		{ .stream_data_nodelay = 1 }, { .validate_peer_address = 1 },
		{ .version = QUIC_VERSION_V2 },
	};
	struct quic_config before, after;
	unsigned int i;

	make_states();
	cfg_get(fds[NEW_SOCK], &before);
	CHECK_EQ(before.version, QUIC_VERSION_V1);
	CHECK_EQ(before.initial_smoothed_rtt, 333000);
	for (i = 0; i < ARRAY(bad); i++) {
		if (!set_opt(fds[NEW_SOCK], CFG, &bad[i], sizeof(bad[i])))
			FAIL("bad config %u was taken", i);
		CHECK_EQ(errno, EINVAL);
		cfg_get(fds[NEW_SOCK], &after);
		CHECK(!memcmp(&before, &after, sizeof(after)));
	}
	for (i = 0; i < ARRAY(good); i++)
		if (set_opt(fds[NEW_SOCK], CFG, &good[i], sizeof(good[i])))
			FAIL("config %u was refused: %s", i, strerror(errno));
	cfg_get(fds[NEW_SOCK], &after);
	CHECK_EQ(after.version, QUIC_VERSION_V2);
	CHECK_EQ(after.payload_cipher_type, 54);
	CHECK_EQ(after.keepalive_probe_interval, 1500000);
}

static void cfg_states(void)
{
	static const int want[STATES] = { 0, 0, 0, EINVAL, EINVAL, EINVAL };
	struct quic_config cfg = { .stream_data_nodelay = 1 }, after;
	int s;

	make_states();
	for (s = 0; s < STATES; s++) {
		expect("set", s, CFG, set_opt(fds[s], CFG, &cfg, sizeof(cfg)), want[s]);
		cfg_get(fds[s], &after);
		CHECK_EQ(after.stream_data_nodelay, !want[s]);
	}
}

/* ---- the others, by state ---- */

static void event_values(void)
{
	static const uint8_t bad[] = { QUIC_EVENT_NONE, QUIC_EVENT_MAX, 255 };
	struct quic_event_option ev = { .on = 1 };
	unsigned int i;
	socklen_t len;
	int s;

	make_states();
	for (s = 0; s < STATES; s++) {
		for (i = 0; i < ARRAY(bad); i++) {
			ev.type = bad[i];
			len = sizeof(ev);
			expect("bad type", s, QUIC_SOCKOPT_EVENT,
			       set_opt(fds[s], QUIC_SOCKOPT_EVENT, &ev, sizeof(ev)), EINVAL);
			expect("bad type", s, QUIC_SOCKOPT_EVENT,
			       get_opt(fds[s], QUIC_SOCKOPT_EVENT, &ev, &len), EINVAL);
		}
		for (i = 1; i < QUIC_EVENT_MAX; i++) {
			ev.type = i;
			expect("set", s, QUIC_SOCKOPT_EVENT,
			       set_opt(fds[s], QUIC_SOCKOPT_EVENT, &ev, sizeof(ev)), 0);
		}
	}
}

static void stream_states(void)
{
	static const int want_open[STATES] = { EPIPE, EPIPE, EINVAL, 0, 0, EPIPE };
	struct quic_errinfo ei = { .stream_id = 400 };
	struct quic_stream_info si;
	socklen_t len;
	int s;

	make_states();
	for (s = 0; s < STATES; s++) {
		expect("never opened", s, QUIC_SOCKOPT_STREAM_RESET,
		       set_opt(fds[s], QUIC_SOCKOPT_STREAM_RESET, &ei, 16), EINVAL);
		expect("never opened", s, QUIC_SOCKOPT_STREAM_STOP_SENDING,
		       set_opt(fds[s], QUIC_SOCKOPT_STREAM_STOP_SENDING, &ei, 16), EINVAL);
		memset(&si, 0, sizeof(si));
		si.stream_id = -1;
		len = sizeof(si);
		if (s == CONNECTING)
			continue;	/* 0-RTT may allow it */
		expect("open", s, QUIC_SOCKOPT_STREAM_OPEN,
		       get_opt(fds[s], QUIC_SOCKOPT_STREAM_OPEN, &si, &len), want_open[s]);
	}
	ei.stream_id = -1;
	CHECK_ERR(set_opt(fds[CLIENT], QUIC_SOCKOPT_STREAM_RESET, &ei, 16), EINVAL);
	ei.stream_id = 1;	/* the server's, open */
	CHECK_OK(set_opt(fds[SERVER], QUIC_SOCKOPT_STREAM_RESET, &ei, 3));	/* zeros follow */
}

static void other_states(void)
{
	static const int want_id[STATES] = { EINVAL, EINVAL, EINVAL, 0, 0, EINVAL };
	static const int want_key[STATES] = { EPIPE, EPIPE, EPIPE, 0, 0, EPIPE };
	struct quic_connection_id_info info = { .dest = 1 };
	socklen_t len;
	int s;

	make_states();
	for (s = 0; s < STATES; s++) {
		len = sizeof(info);
		expect("get", s, QUIC_SOCKOPT_CONNECTION_ID,
		       get_opt(fds[s], QUIC_SOCKOPT_CONNECTION_ID, &info, &len), want_id[s]);
		info.active = info.prior_to = 0;
		expect("set", s, QUIC_SOCKOPT_CONNECTION_ID,
		       set_opt(fds[s], QUIC_SOCKOPT_CONNECTION_ID, &info, sizeof(info)), want_id[s]);
		if (want_key[s])
			expect("set", s, QUIC_SOCKOPT_KEY_UPDATE,
			       set_opt(fds[s], QUIC_SOCKOPT_KEY_UPDATE, NULL, 0), want_key[s]);
	}
}

static void close_values(void)
{
	struct {
		struct quic_connection_close h;
		char phrase[1025];
	} in = {}, out;
	socklen_t len;
	int s;

	make_states();
	memset(in.phrase, 'x', sizeof(in.phrase));
	in.h.errcode = 9;
	in.h.frame = 9;
	for (s = 0; s < STATES; s++) {
		int opt = QUIC_SOCKOPT_CONNECTION_CLOSE;

		len = sizeof(out);
		expect("get", s, opt, get_opt(fds[s], opt, &out, &len), 0);
		CHECK(len >= sizeof(in.h));
		CHECK_EQ(out.h.errcode, 0);
		expect("phrase of 1025", s, opt, set_opt(fds[s], opt, &in, 8 + 1025), EINVAL);
		/* a shorter structure is extended with zeros */
		expect("code alone", s, opt, set_opt(fds[s], opt, &in, 4), 0);
		len = sizeof(out);
		expect("get", s, opt, get_opt(fds[s], opt, &out, &len), 0);
		if (s != CLOSED)
			CHECK_EQ(len, sizeof(in.h));
		CHECK_EQ(out.h.errcode, s == CLOSED ? 0 : 9);
		expect("phrase of 1024", s, opt, set_opt(fds[s], opt, &in, 8 + 1024), 0);
		if (s == CLOSED)
			continue;
		len = sizeof(out);
		expect("get", s, opt, get_opt(fds[s], opt, &out, &len), 0);
		CHECK_EQ(len, 8 + 1024);
		CHECK_EQ(out.h.errcode, 9);
		CHECK_EQ(out.h.frame, 0);
	}
}

static void blob_values(void)
{
	static const struct {
		int opt;
		socklen_t max;
	} blobs[] = {
		{ QUIC_SOCKOPT_TOKEN, 512 }, { QUIC_SOCKOPT_ALPN, 256 },
		{ QUIC_SOCKOPT_SESSION_TICKET, 4096 },
	};
	uint8_t in[4097], out[4096];
	unsigned int i;
	socklen_t len;

	make_states();
	memset(in, 'a', sizeof(in));
	in[100] = ',';
	for (i = 0; i < ARRAY(blobs); i++) {
		int fd = sock_new(AF_INET, SOCK_STREAM), opt = blobs[i].opt;

		expect("length 0", NEW_SOCK, opt, set_opt(fd, opt, in, 0), EINVAL);
		expect("too long", NEW_SOCK, opt, set_opt(fd, opt, in, blobs[i].max + 1), EINVAL);
		len = sizeof(out);
		CHECK_OK(get_opt(fd, opt, out, &len));
		CHECK_EQ(len, 0);		/* nothing changed */
		expect("longest", NEW_SOCK, opt, set_opt(fd, opt, in, blobs[i].max), 0);
		len = sizeof(out);
		CHECK_OK(get_opt(fd, opt, out, &len));
		CHECK_EQ(len, blobs[i].max);
		CHECK(!memcmp(in, out, len));
		len = blobs[i].max - 1;
		expect("small buffer", NEW_SOCK, opt, get_opt(fd, opt, out, &len), EINVAL);
		close(fd);
	}
}

static void alpn_values(void)
{
	static const char *const bad[] = { ",", "a,,b", ",a", "a,", " ", "a, ,b" };
	int fd = sock_new(AF_INET, SOCK_STREAM);
	unsigned int i;
	char out[16];
	socklen_t len;

	CHECK_OK(set_opt(fd, QUIC_SOCKOPT_ALPN, "keep", 4));
	for (i = 0; i < ARRAY(bad); i++)
		if (!set_opt(fd, QUIC_SOCKOPT_ALPN, bad[i], strlen(bad[i])))
			FAIL("ALPN list \"%s\" was taken", bad[i]);
	CHECK(set_opt(fd, QUIC_SOCKOPT_ALPN, "a\0b", 3) < 0);
	len = sizeof(out);
	CHECK_OK(get_opt(fd, QUIC_SOCKOPT_ALPN, out, &len));
	CHECK_EQ(len, 4);
	CHECK(!strcmp(out, "keep"));
}

/* ---- what only a handshake has ---- */

static void secret_values(void)
{
	struct quic_crypto_secret good = { .level = QUIC_CRYPTO_HANDSHAKE, .type = 51 };
	struct quic_crypto_secret s;
	uint8_t params[8] = { 0xff, 0xff, 0xff };
	int st;

	make_states();
	for (st = 0; st < STATES; st++)
		if (st != CONNECTING)
			expect("set", st, QUIC_SOCKOPT_CRYPTO_SECRET,
			       set_opt(fds[st], QUIC_SOCKOPT_CRYPTO_SECRET, &good, sizeof(good)), EINVAL);
	s = good;
	s.level = QUIC_CRYPTO_INITIAL;
	CHECK_ERR(set_opt(fds[CONNECTING], QUIC_SOCKOPT_CRYPTO_SECRET, &s, sizeof(s)), EINVAL);
	s.level = QUIC_CRYPTO_MAX;
	CHECK_ERR(set_opt(fds[CONNECTING], QUIC_SOCKOPT_CRYPTO_SECRET, &s, sizeof(s)), EINVAL);
	s.level = QUIC_CRYPTO_APP;	/* before the peer's parameters */
	CHECK_ERR(set_opt(fds[CONNECTING], QUIC_SOCKOPT_CRYPTO_SECRET, &s, sizeof(s)), EINVAL);
	s = good;
	s.type = 55;
	CHECK_ERR(set_opt(fds[CONNECTING], QUIC_SOCKOPT_CRYPTO_SECRET, &s, sizeof(s)), EINVAL);
	CHECK_OK(set_opt(fds[CONNECTING], QUIC_SOCKOPT_CRYPTO_SECRET, &good, sizeof(good)));
	CHECK_ERR(set_opt(fds[CONNECTING], QUIC_SOCKOPT_CRYPTO_SECRET, &good, sizeof(good)),
		  EINVAL);		/* twice */
	good.send = 1;
	s = good;
	s.type = 52;			/* another cipher than the other direction */
	CHECK_ERR(set_opt(fds[CONNECTING], QUIC_SOCKOPT_CRYPTO_SECRET, &s, sizeof(s)), EINVAL);
	CHECK_OK(set_opt(fds[CONNECTING], QUIC_SOCKOPT_CRYPTO_SECRET, &good, sizeof(good)));
	/* parameters that are none: the connection ends */
	CHECK_ERR(set_opt(fds[CONNECTING], QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, params, 8), EINVAL);
	CHECK(sock_poll(fds[CONNECTING], 0, 0) & POLLHUP);
}

static void ext_states(void)
{
	uint8_t buf[256];
	socklen_t len;
	int s;

	make_states();
	for (s = 0; s < STATES; s++) {
		len = sizeof(buf);
		expect("get", s, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT,
		       get_opt(fds[s], QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf, &len), s == CONNECTING ? 0 : EINVAL);
		if (s != CONNECTING)
			expect("set", s, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT,
			       set_opt(fds[s], QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf, 16), EINVAL);
	}
}

static uint32_t preferred_version_of(int fd)
{
	uint32_t version = 1;
	socklen_t len = sizeof(version);

	CHECK_OK(get_opt(fd, QUIC_SOCKOPT_PREFERRED_VERSION, &version, &len));
	CHECK_EQ(len, sizeof(version));
	return version;
}

/* Is this version_information (RFC 9368 §3) among what the ClientHello will have? */
static bool offers(int fd, uint32_t chosen, uint32_t first, uint32_t second)
{
	uint32_t versions[] = { htonl(chosen), htonl(first), htonl(second) };
	uint8_t want[14] = { 0x11, sizeof(versions) }, buf[256];
	socklen_t len = sizeof(buf);

	memcpy(want + 2, versions, sizeof(versions));
	CHECK_OK(get_opt(fd, QUIC_SOCKOPT_TRANSPORT_PARAM_EXT, buf, &len));
	return memmem(buf, len, want, sizeof(want));
}

static void preferred_version(void)
{
	uint32_t v2 = QUIC_VERSION_V2, unknown = 0x1a2a3a4a, none = 0;
	static const int errors[STATES] = { 0, EINVAL, 0, EINVAL, EINVAL, EINVAL };
	int s;

	make_states();
	for (s = 0; s < STATES; s++) {
		CHECK_EQ(preferred_version_of(fds[s]), 0);
		expect("set", s, QUIC_SOCKOPT_PREFERRED_VERSION,
		       set_opt(fds[s], QUIC_SOCKOPT_PREFERRED_VERSION, &v2, sizeof(v2)), errors[s]);
		CHECK_EQ(preferred_version_of(fds[s]), errors[s] ? 0 : v2);
	}
	CHECK_ERR(set_opt(fds[NEW_SOCK], QUIC_SOCKOPT_PREFERRED_VERSION, &unknown, sizeof(unknown)), EINVAL);
	CHECK_EQ(preferred_version_of(fds[NEW_SOCK]), v2);
	CHECK_OK(set_opt(fds[NEW_SOCK], QUIC_SOCKOPT_PREFERRED_VERSION, &none, sizeof(none)));
	CHECK_EQ(preferred_version_of(fds[NEW_SOCK]), 0);
	CHECK(offers(fds[CONNECTING], QUIC_VERSION_V1, QUIC_VERSION_V2, QUIC_VERSION_V1));
	/* what was told to TLS stays what it is */
	CHECK_ERR(set_opt(fds[CONNECTING], QUIC_SOCKOPT_PREFERRED_VERSION, &none, sizeof(none)), EINVAL);
	CHECK(offers(client_new(&(struct conf){}, &p), QUIC_VERSION_V1, QUIC_VERSION_V1, QUIC_VERSION_V2));
}

/* A message of TLS at a level without a key, and before connect(). */
static ssize_t send_level(int fd, uint8_t level, size_t len)
{
	static uint8_t data[70000];
	struct quic_handshake_info hi = { .crypto_level = level };
	uint8_t ctl[CMSG_SPACE(sizeof(hi))] __attribute__((aligned(8))) = {};
	struct iovec iov = { data, len };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl,
			    .msg_controllen = sizeof(ctl) };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&h);

	cm->cmsg_level = SOL_QUIC;
	cm->cmsg_type = QUIC_HANDSHAKE_INFO;
	cm->cmsg_len = CMSG_LEN(sizeof(hi));
	memcpy(CMSG_DATA(cm), &hi, sizeof(hi));
	return sendmsg(fd, &h, MSG_NOSIGNAL);
}

static void levels(void)
{
	make_states();
	CHECK(send_level(fds[NEW_SOCK], QUIC_CRYPTO_INITIAL, 10) < 0);
	CHECK_ERR(send_level(fds[LISTENING], QUIC_CRYPTO_INITIAL, 10), EPIPE);
	CHECK_ERR(send_level(fds[CONNECTING], QUIC_CRYPTO_HANDSHAKE, 10), EINVAL);
	CHECK_ERR(send_level(fds[CONNECTING], QUIC_CRYPTO_APP, 10), EINVAL);
	CHECK_ERR(send_level(fds[CONNECTING], QUIC_CRYPTO_EARLY, 10), EINVAL);
	CHECK_ERR(send_level(fds[CONNECTING], 77, 10), EINVAL);
	CHECK(send_level(fds[CONNECTING], QUIC_CRYPTO_INITIAL, 70000) < 0);
	CHECK_EQ(send_level(fds[CONNECTING], QUIC_CRYPTO_INITIAL, 10), 10);
	CHECK_ERR(send_level(fds[CLOSED], QUIC_CRYPTO_APP, 10), EPIPE);
}

/* Everything above did no harm to the connection that it was tried on. */
static void still_works(void)
{
	uint8_t junk[600];
	unsigned int i;
	socklen_t len;
	char buf[8];
	int opt;

	make_states();
	memset(junk, 0xff, sizeof(junk));
	for (i = 0; i < sizeof(junk); i += 7) {
		for (opt = 0; opt <= QUIC_SOCKOPT_STREAM_PEELOFF + 1; opt++) {
			if (opt == QUIC_SOCKOPT_KEY_UPDATE || opt == QUIC_SOCKOPT_TOKEN)
				continue;
			if (opt != QUIC_SOCKOPT_CONNECTION_CLOSE &&
			    opt != QUIC_SOCKOPT_ALPN && opt != QUIC_SOCKOPT_SESSION_TICKET)
				set_opt(fds[CLIENT], opt, junk, i);
			len = i;
			get_opt(fds[CLIENT], opt, junk, &len);
			memset(junk, i % 255, sizeof(junk));
		}
	}
	send_all(p.srv, 1, "fine", 4, MSG_QUIC_STREAM_NEW | MSG_QUIC_STREAM_FIN);
	do {
		struct msg m;

		recv_msg(p.cli, &m);
		if (m.flags & MSG_QUIC_NOTIFICATION)
			continue;
		CHECK_EQ(m.n, 4);
		memcpy(buf, m.data, 4);
		break;
	} while (1);
	CHECK(!memcmp(buf, "fine", 4));
}

static void byte_stream(void)
{
	struct quic_transport_param tp = {};
	socklen_t len = sizeof(tp);
	int on = 2, fd;

	make_states();
	fd = sock_new(AF_INET, SOCK_STREAM);
	CHECK_ERR(set_opt(fd, QUIC_SOCKOPT_BYTE_STREAM, &on, sizeof(on)), EINVAL);
	on = 1;
	CHECK_OK(set_opt(fd, QUIC_SOCKOPT_BYTE_STREAM, &on, sizeof(on)));
	CHECK_OK(get_opt(fd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, &len));
	CHECK_EQ(tp.max_streams_bidi, 1);
	CHECK_EQ(tp.max_streams_uni, 0);
	on = 0;
	len = sizeof(on);
	CHECK_OK(get_opt(fd, QUIC_SOCKOPT_BYTE_STREAM, &on, &len));
	CHECK_EQ(on, 1);
	on = 0;
	CHECK_OK(set_opt(fd, QUIC_SOCKOPT_BYTE_STREAM, &on, sizeof(on)));
	len = sizeof(tp);
	CHECK_OK(get_opt(fd, QUIC_SOCKOPT_TRANSPORT_PARAM, &tp, &len));
	CHECK_EQ(tp.max_streams_bidi, 100);
	CHECK_EQ(tp.max_streams_uni, 100);
	on = 1;
	CHECK_ERR(set_opt(fds[CONNECTING], QUIC_SOCKOPT_BYTE_STREAM, &on, sizeof(on)), EINVAL);
	CHECK_ERR(set_opt(fds[CLIENT], QUIC_SOCKOPT_BYTE_STREAM, &on, sizeof(on)), EINVAL);
}

/* A server of this kind whose client never opens the stream: reads and writes wait. */
static void byte_stream_silent(void)
{
	int on = 1, lis, cli, srv;
	struct pair q = {};
	struct msg m;
	char c;

	listener_new(&(struct conf){}, &q);
	CHECK_OK(listen(q.lis, 0));
	close(q.lis);
	lis = sock_new(AF_INET, SOCK_STREAM);
	CHECK_OK(set_opt(lis, QUIC_SOCKOPT_BYTE_STREAM, &on, sizeof(on)));
	CHECK_OK(bind(lis, (struct sockaddr *)&q.addr, q.addrlen));
	CHECK_OK(listen(lis, 1));
	cli = client_new(&(struct conf){}, &q);
	srv = pair_handshake(cli, lis, &(struct conf){});
	CHECK_ERR(send(srv, "x", 1, MSG_DONTWAIT), EAGAIN);
	CHECK_ERR(recv(srv, &c, 1, MSG_DONTWAIT), EAGAIN);
	CHECK_EQ(sock_poll(srv, POLLIN | POLLOUT, 0), 0);
	CHECK_OK(shutdown(srv, SHUT_WR));
	CHECK_EQ(quic_sendmsg(cli, "a", 1, 0, MSG_QUIC_STREAM_NEW), 1);
	CHECK_EQ(recv(srv, &c, 1, 0), 1);
	recv_msg(cli, &m);		/* the end that was asked for before there was a stream */
	CHECK_EQ(m.n, 0);
	CHECK(m.flags & MSG_QUIC_STREAM_FIN);
	CHECK_OK(stream_reset(cli, 0, 7));
	CHECK_ERR(recv(srv, &c, 1, 0), ECONNRESET);
	CHECK_EQ(recv(srv, &c, 1, 0), 0);
	/* one stream, no more: RFC 9000 §4.6 */
	CHECK_ERR(stream_open(cli, -1, MSG_QUIC_STREAM_DONTWAIT), EAGAIN);
	CHECK_ERR(stream_open(cli, -1, MSG_QUIC_STREAM_UNI | MSG_QUIC_STREAM_DONTWAIT), EAGAIN);
}

static const struct test tests[] = {
	{ "directions", directions },
	{ "set-pointers", set_pointers },
	{ "get-pointers", get_pointers },
	{ "too-long", too_long },
	{ "tails", tails },
	{ "get-lengths", get_lengths },
	{ "transport-param-values", tp_values },
	{ "transport-param-round-trip", tp_round_trip },
	{ "transport-param-states", tp_states },
	{ "transport-param-told", tp_told },
	{ "transport-param-remote", tp_remote },
	{ "config-values", cfg_values },
	{ "config-states", cfg_states },
	{ "event-values", event_values },
	{ "stream-states", stream_states },
	{ "other-states", other_states },
	{ "close-values", close_values },
	{ "blob-values", blob_values },
	{ "alpn-values", alpn_values },
	{ "secret-values", secret_values },
	{ "param-ext-states", ext_states },
	{ "preferred-version", preferred_version },
	{ "crypto-levels", levels },
	{ "byte-stream", byte_stream },
	{ "byte-stream-silent", byte_stream_silent },
	{ "still-works", still_works },
};

int main(int argc, char **argv)
{
	return test_main(argc, argv, tests, ARRAY(tests));
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel side's shared header: struct quic_sock and the entry points that
 * the files of net/quic offer one another.
 *
 * Locks.  The connection (qs->conn and all that is not marked otherwise) is
 * protected by the socket lock: process context takes lock_sock(); softirq
 * takes bh_lock_sock() and, if a user owns the socket, leaves a datagram on the
 * backlog and a timer or a transmission to the release callback.  A listener's
 * queues have qs->lq.lock.  The tables of struct quic_net are read under RCU
 * and written under their own locks.
 *
 * Ways.  In: udp (data_ready of the shared UDP socket) -> lookup -> input ->
 * quic_conn_rx().  Datagrams that begin with a long header, and all while some
 * of those wait, go through qs->inq and qs->work (process context), because
 * keys are made there.  Out: output_push() calls quic_conn_tx() and sends
 * trains of equal size as one GSO skb.
 */
#ifndef _QUIC_SOCK_H
#define _QUIC_SOCK_H

#include <linux/net.h>
#include <linux/skbuff.h>
#include <linux/hrtimer.h>
#include <linux/workqueue.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "compat.h"
#include "core/migrate.h"

struct quic_net;
struct quic_udp;		/* a UDP socket that QUIC sockets share */
struct quic_cid_node;
struct quic_peel;		/* the socket of a peeled-off stream, peeloff.c */
struct quic_source;

/* An event waiting for recvmsg(). */
struct quic_notice {
	struct list_head list;
	u32 len;		/* type byte included */
	u32 off;		/* already read */
	u8 data[];
};

#define QUIC_EVENTS_MAX		1024	/* queued events a socket; more are dropped and counted */
#define QUIC_ALPN_MAX		256
#define QUIC_STREAMS_DEFAULT	100	/* that the peer may open, of each type */
#define QUIC_TICKET_MAX		4096
#define QUIC_TICKET_KEY_LEN	64
#define QUIC_OPT_MAX		4096
#define QUIC_INQ_BYTES		(4 << 20)	/* waiting for process context, true size */

struct quic_listen {		/* of a listening socket; half-open requests are the port's, netns.h */
	spinlock_t lock;
	bool open;			/* listen() was called, and not listen(0) since */
	struct list_head accept;	/* quic_sock.accept_node: ready for accept() */
	u32 naccept;
	u32 backlog;
};

/* quic_sock.deferred: what a user who owned the socket has to do on release */
enum {
	QUIC_DEFER_TIMER,	/* a deadline has passed */
	QUIC_DEFER_REFUSED,	/* ICMP says that nobody listens at the peer's port */
	QUIC_DEFER_PUSH,	/* datagrams came in, or the device has room again */
};

/* quic_sock.tx_flags, atomic */
enum {
	QUIC_TX_THROTTLED,	/* enough of ours is on the way to the device */
	QUIC_TX_RESUMING,	/* the tasklet is scheduled and holds a reference */
};

struct quic_sock {
	struct inet_sock inet;		/* must be first */
	struct quic_conn conn;
	struct list_head node;		/* quic_net.socks; its lock */
	u64 number;			/* of the socket in its namespace, for those who look on */

	/* options and their state, socket lock */
	struct quic_config uconfig;	/* as the user set it */
	u8 tp_stateless_reset, tp_no_compatible;
	bool tp_remembered;		/* client: the server's parameters of an earlier connection */
	bool token_given;		/* server: NEW_TOKEN was sent without being asked for */
	u32 token_host;			/* a hash of the address that the last one is for; 0: none */
	u32 events;			/* bit mask of enum quic_event_type wanted */
	u32 nevents;			/* in event_queue */
	struct list_head event_queue;
	char *alpn;			/* comma list, NUL terminated, or NULL */
	u8 *ticket;			/* SESSION_TICKET of a client */
	u8 *token;			/* TOKEN set, or received by NEW_TOKEN */
	struct quic_connection_close *close_info;	/* CONNECTION_CLOSE set by the user */
	u32 ticket_len, token_len, close_len;
	u32 ticket_version;		/* server: that this connection's tickets will be of */
	bool err_reported;		/* conn->close.err was given once */

	/* bytestream.c */
	bool byte_stream;		/* the option */
	bool stream_open;		/* the stream is there */
	bool stream_ended;		/* the peer's FIN or reset came */

	/* addresses */
	struct quic_addr local, remote;
	struct quic_udp *udp;		/* reference held */
	struct quic_udp *udp_more[2];	/* at other addresses, see migration.c; likewise */

	/* lookup */
	struct quic_cid_node *odcid_node;	/* server: the client's first ID, until confirmed */
	struct hlist_node reset_node;	/* quic_net.resets; its lock */
	u8 reset_token[QUIC_RESET_TOKEN_LEN];	/* what it is there under */
	u64 reset_seq;			/* number of the peer's ID that it belongs to */
	struct hlist_node listen_node;	/* quic_udp.listeners; its lock */
	struct list_head accept_node;	/* parent's accept queue; parent's lq.lock */
	struct sock *parent;		/* listener, until accepted; reference held */
	struct quic_listen listen;
	struct quic_listen *lq;		/* &listen once listen() was called, else NULL */

	/* peeled-off streams' sockets */
	struct list_head peels;		/* all of them: each keeps this sock and the connection */
	struct list_head peels_blocked;	/* waiting for room or credit */
	struct list_head peels_woken;	/* with something to read since the last wake-up */

	/* life */
	struct quic_source *source;	/* server: where it counts for the client's address */
	bool half_open;			/* counts in udp->handshakes */
	bool ended;			/* the end was told to the user */
	bool dead;			/* the connection's memory is gone */
	bool lingering;			/* closed by the user with data unsent */
	u64 give_up_at;			/* on lingering, or on a handshake; else QUIC_TIME_NEVER */
	u64 defer_until;		/* what is unsent waits for a fuller train; 0: it does not */

	/* input and output */
	struct sk_buff_head inq;	/* waiting for process context; its own lock */
	u32 inq_bytes;			/* inq.lock */
	bool sends_dgrams;		/* the user has sent a datagram, or tried to */
	bool dgrams_read;		/* the last message was one: streams go first now */
	bool tx_refused;		/* flow control refused a send; nothing has changed since */
	struct work_struct work;
	struct hrtimer timer;
	u64 timer_at;			/* armed for; QUIC_TIME_NEVER: not armed */
	unsigned long deferred;		/* bits for the release callback */
	unsigned long tx_flags;
	struct tasklet_struct resume;
	struct quic_addr route_local, route_remote;	/* what sk_dst_cache is for */
	u32 dst_cookie;
	u16 mtu;			/* the route's, as last told to the core */
};

struct quic6_sock {
	struct quic_sock quic;
	struct ipv6_pinfo inet6;
};

static inline struct quic_sock *quic_sk(const struct sock *sk)
{
	return (struct quic_sock *)sk;
}

static inline struct sock *quic_sock_sk(struct quic_sock *qs)
{
	return &qs->inet.sk;
}

static inline u64 quic_now(void)
{
	return ktime_get_ns();
}

/* ---- output.c: all with the socket lock held (bh or owner) ---- */

/* Send all that can be sent now, re-arm the timer, deliver conn->wake and conn->work. */
void quic_output_push(struct sock *sk);
/* The same, but the rest of a bulk transfer does not wait for a fuller train. */
void quic_output_flush(struct sock *sk);

/* ---- sock.c ---- */

/* Map state to errno: 0 open; -ENOTCONN, -EPIPE ... (recv side: the stored error first, once). */
int quic_sock_recv_error(struct sock *sk);
/*
 * Wait (lock of @sk held; dropped while sleeping) until a wake-up of @on, which is
 * @sk or the socket of one of its streams; -EAGAIN, -ERESTARTSYS/-EINTR style.
 */
int quic_sock_wait(struct sock *sk, struct sock *on, long *timeo, bool write);
void quic_sock_wake_writers(struct sock *sk);
/* Lock held: a peeled-off stream's socket is gone; was it the last that kept the connection? */
void quic_sock_unpeeled(struct sock *sk);
int quic_addr_from_user(struct sock *sk, const struct sockaddr *sa, int len, struct quic_addr *a);
/* Of either family, whatever the socket's is. */
int quic_addr_of_any(struct sock *sk, const struct sockaddr *sa, int len, struct quic_addr *a);
int quic_addr_to_user(struct sock *sk, const struct quic_addr *a, struct sockaddr *sa);

/* ---- event.c ---- */
void quic_event_post(void *priv, u8 type, const void *data, u32 len);	/* conn ops->event */
void quic_event_purge(struct quic_sock *qs);
void quic_event_close(struct quic_sock *qs);	/* CONNECTION_CLOSE, made of conn->close */

/* ---- sockopt.c ---- */
int quic_setsockopt(struct sock *sk, int level, int optname, sockptr_t optval, unsigned int optlen);
int quic_set_sol_socket(struct sock *sk, int optname, sockptr_t optval, unsigned int optlen);
int quic_getsockopt(struct sock *sk, int level, int optname, char __user *optval,
		    int __user *optlen);
void quic_sockopt_init(struct quic_sock *qs);		/* defaults of a new socket */
void quic_sockopt_keepalive(struct sock *sk, int on);	/* SO_KEEPALIVE; lock held */
int quic_sockopt_inherit(struct quic_sock *child, const struct quic_sock *listener);
void quic_sockopt_free(struct quic_sock *qs);

/* ---- sendmsg.c, recvmsg.c, poll.c ---- */
int quic_sendmsg(struct sock *sk, struct msghdr *msg, size_t len);
int quic_recvmsg(struct sock *sk, struct msghdr *msg, size_t len, int flags, int *addr_len);
					/* (6.1 and later have this form) */
/* A splice into the socket has ended: what it held back for more goes out. */
void quic_splice_eof(struct sock *sk, struct quic_stream *st);
__poll_t quic_poll(struct file *file, struct socket *sock, struct poll_table_struct *wait);
int quic_ioctl_inq(struct sock *sk, int cmd, int *value);	/* SIOCINQ, SIOCOUTQ, SIOCOUTQNSD */
bool quic_sock_readable(struct sock *sk);	/* recvmsg() has something, errors aside */
/* The same for poll(): SO_RCVLOWAT counts.  Process context; may take the lock. */
bool quic_sock_pollin(struct sock *sk);
/* Lock held: is @lowat bytes, or all that may come for now, to be read of the stream? */
bool quic_sock_enough(const struct quic_sock *qs, const struct quic_stream *st, int lowat);
bool quic_sock_writable(struct sock *sk);
/* May streams be opened and written to? 0; -EPIPE closed or not connected; -EINVAL not yet. */
int quic_sock_may_write(const struct quic_sock *qs);
/*
 * The stream (lock held); dontwait: -EAGAIN at the peer's limit. For errors see streams.h.
 * *@active: the active one before it.
 */
int quic_sock_open_stream(struct sock *sk, s64 id, bool uni, bool dontwait, long *timeo,
			  struct quic_stream **st, s64 *active);

/* The same on one stream, which is pinned; @on: its socket.  They take the lock of @sk. */
int quic_sendmsg_stream(struct sock *sk, struct sock *on, struct quic_stream *st,
			struct msghdr *msg);
int quic_recvmsg_stream(struct sock *sk, struct sock *on, struct quic_stream *st,
			struct msghdr *msg, size_t len, int flags);

/* ---- peeloff.c ---- */
/* A socket for the stream, lock of @sk held: its descriptor, or a negative errno. */
int quic_peel_off(struct sock *sk, struct quic_stream_peeloff *info);
void quic_peel_wake(void *priv, void *owner, bool read);	/* conn ops->owner_wake */
void quic_peel_blocked(struct sock *on);	/* it waits to write: wake it with the others */
void quic_peel_ended(struct sock *sk);		/* the connection is over: all learn of it */
void quic_peel_settle(struct sock *sk, bool write);	/* wake readers; @write: those blocked */

/* ---- bytestream.c: QUIC_SOCKOPT_BYTE_STREAM ---- */
int quic_bytestream_set(struct sock *sk, bool on);
int quic_bytestream_again(struct sock *sk);	/* connect() once more */
bool quic_bytestream_settle(struct sock *sk);	/* after the core ran; true: transmit */
int quic_bytestream_end(const struct quic_sock *qs);	/* over: why, a positive errno, or 0 */
void quic_bytestream_update(struct sock *sk, const struct quic_stream_update *u);
int quic_bytestream_wait(struct sock *sk, long *timeo);
bool quic_bytestream_at_end(const struct quic_sock *qs);
bool quic_bytestream_shutdown(struct sock *sk, int how);	/* false: close the connection */
__poll_t quic_bytestream_poll(struct sock *sk);

/* ---- mem.c: chunks of sockets ---- */
extern const struct quic_chunk_ops quic_sock_chunk_ops;	/* charges sk_wmem, sk_rmem; priv: sk */
/*
 * A chunk of @n pages whose references the caller hands over, @len bytes of them
 * to be sent, with a slice for each; @uarg (or NULL) is told when it goes.
 * NULL: no memory or budget, nothing was taken.
 */
struct quic_chunk *quic_mem_wrap_pages(struct sock *sk, struct page **page, unsigned int n,
				       u32 len, struct ubuf_info *uarg);
int quic_sock_wspace(const struct sock *sk);	/* bytes the send buffer still takes; <= 0: full */

/* ---- listen.c ---- */
int quic_listen_start(struct sock *sk, int backlog);
void quic_listen_stop(struct sock *sk);
bool quic_listen_ready(struct sock *sk);	/* accept() would not block */

/* ---- secret.c ---- */
/* The key of session tickets that are good for this socket. */
int quic_secret_ticket_key(struct quic_sock *qs, u8 key[QUIC_TICKET_KEY_LEN]);
/*
 * A server's NEW_TOKEN for the client's address: 0, -EAGAIN (it has not acknowledged
 * the last one), or another errno.
 */
int quic_secret_issue_token(struct sock *sk);
/* The client's address was validated: if it had a token, and for another, a new one. */
void quic_secret_renew_token(struct sock *sk);

#endif /* _QUIC_SOCK_H */

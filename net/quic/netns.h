/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a network namespace keeps for QUIC: the tables that find a connection,
 * the UDP sockets in use, keys of tokens, counters and limits; and the entry
 * points between the files that move datagrams (udp, lookup, input, output,
 * stray, listen, timer), which the socket API's files do not need.
 *
 * A struct quic_udp is one kernel UDP socket, shared by all QUIC sockets bound
 * to that address and port.  Its listeners and its half-open requests hang on
 * it, not on a listening socket: until the ClientHello is complete no ALPN is
 * known, so it is nobody's in particular.
 */
#ifndef _QUIC_NETNS_H
#define _QUIC_NETNS_H

#include <linux/ratelimit.h>
#include <linux/rhashtable.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>
#include "sock.h"

#define QUIC_UDP_BUCKETS	256
#define QUIC_RESET_BUCKETS	1024
#define QUIC_SOURCE_BUCKETS	1024
#define QUIC_UNKNOWN_MAX	1024	/* skbs for no connection that wait, a port */
#define QUIC_UNKNOWN_RESET_MAX	64	/* above: no stateless resets, Initials go first */
#define QUIC_TOKENS_KEPT	65536	/* NEW_TOKEN tokens, older ones are void; a power of two */
#define QUIC_HALFOPEN_SKBS	16	/* datagrams (or trains) kept for a half-open request */

struct quic_mib_cpu;
struct quic_source;
struct ctl_table_header;

struct quic_limits {		/* /proc/sys/net/quic */
	int max_half_open;	/* incomplete ClientHellos a port */
	int half_open_timeout;	/* ms, until an incomplete one is dropped */
	int handshake_timeout;	/* ms, until one that was accepted and is not finished ends */
	int max_source_connections;	/* of one client address */
	int max_source_handshakes;	/* of them, not finished */
	int source_rate;	/* new ones a second */
	int retry_threshold;	/* handshakes under way a port, above: Retry */
	int retry_token_lifetime;	/* s */
	int new_token_lifetime;	/* s */
	int reply_rate;		/* Version Negotiations and stateless resets a second */
	int linger_timeout;	/* ms, for data unsent at close() */
	int tx_queue_limit;	/* bytes a connection keeps in the device's queues */
};

struct quic_net {
	struct net *net;
	struct rhashtable cids;		/* struct quic_cid_node */
	spinlock_t resets_lock;
	struct hlist_head *resets;	/* quic_sock.reset_node by the peer's stateless reset token */
	spinlock_t sources_lock;
	struct hlist_head *sources;	/* what clients have under way, source.c */
	struct list_head sources_idle;
	struct mutex udp_lock;		/* the table, and the keys below while they are made */
	struct hlist_head udps[QUIC_UDP_BUCKETS];
	struct work_struct reap;	/* frees UDP sockets without users */
	struct quic_aead *token_key;	/* made by the first listen() */
	struct quic_aead *retry_key[2];	/* of versions 1 and 2 */
	atomic64_t tokens;		/* issued in NEW_TOKEN frames */
	unsigned long *tokens_used;	/* a bit each for the last QUIC_TOKENS_KEPT of them */
	u8 reset_key[32];
	u8 ticket_key[QUIC_TICKET_KEY_LEN];
	struct ratelimit_state reply_limit;
	struct quic_mib_cpu __percpu *mib;
	spinlock_t socks_lock;
	struct list_head socks;		/* quic_sock.node, by number */
	u64 next_number;		/* socks_lock */
	struct quic_limits limits;
	struct ctl_table_header *sysctl;
};

extern unsigned int quic_net_id;

static inline struct quic_net *quic_pernet(const struct net *net)
{
	return net_generic(net, quic_net_id);
}

struct quic_udp {
	struct hlist_node node;		/* quic_net.udps; udp_lock */
	atomic_t users;			/* 0: the reaper frees it, unless it is taken again */
	struct quic_net *qn;
	struct socket *sock;
	struct sock *sk;		/* its; a reference of our own, it outlives the socket */
	struct quic_addr local;		/* as bound; wildcard: ip zero */
	int bound_if;
	bool v6only;
	/* listening */
	spinlock_t lock;
	struct hlist_head listeners;	/* quic_sock.listen_node; lock */
	int nlisteners;			/* lock */
	bool listened;			/* there were some */
	struct sk_buff_head unknown;	/* datagrams for no connection */
	struct delayed_work work;	/* handles them, expires half-open requests */
	struct list_head pending;	/* half open; the work's alone */
	struct sk_buff_head orphans;	/* 0-RTT packets before their Initial; the work's alone */
	int npending;
	atomic_t handshakes;		/* connections made here, not yet established */
};

struct quic_cid_node {
	struct rhash_head node;
	struct quic_cid cid;
	struct sock *sk;
	struct rcu_head rcu;
};

/* What an skb that came in is about, in its control block. */
struct quic_skb_cb {
	u32 off;		/* datagrams before it are done with */
	u32 seg;		/* length of each but the last */
	bool any_long;		/* some of them begins with a long header */
	u32 hash;		/* of a 0-RTT packet's client, while it waits for the Initial */
	unsigned long expires;	/* jiffies, likewise */
};

static inline struct quic_skb_cb *quic_skb_cb(struct sk_buff *skb)
{
	return (struct quic_skb_cb *)skb->cb;
}

extern struct workqueue_struct *quic_wq;
extern const struct quic_conn_ops quic_sock_conn_ops;
extern struct proto quic_prot, quicv6_prot, quic_peel_prot;
extern long quic_sysctl_mem[3];
extern int quic_sysctl_wmem[3], quic_sysctl_rmem[3];

/* ---- udp.c ---- */
struct quic_udp *quic_udp_get(struct net *net, const struct quic_addr *a, int bound_if,
			      bool v6only);	/* process context; ERR_PTR */
void quic_udp_hold(struct quic_udp *udp);
void quic_udp_put(struct quic_udp *udp);	/* any context */
/* Bound to another device since: -EADDRINUSE if it has other users. Process context. */
int quic_udp_rebind(struct quic_udp *udp, int bound_if);
void quic_udp_reap(struct work_struct *work);

/* ---- lookup.c ---- */
int quic_lookup_init(struct quic_net *qn);
void quic_lookup_exit(struct quic_net *qn);
struct sock *quic_lookup_cid(struct quic_net *qn, const u8 *id, u32 len);	/* with a reference */
/* An ID of our choice, which nobody can foresee. */
void quic_lookup_choose(struct quic_cid *cid);
int quic_lookup_add_odcid(struct quic_sock *qs, const struct quic_cid *cid);
void quic_lookup_del_odcid(struct quic_sock *qs);
/* Lock held: the peer's ID in use, or what is known of it, has changed. */
void quic_lookup_set_reset(struct quic_sock *qs);
void quic_lookup_del_reset(struct quic_sock *qs);
/* Whose peer would reset with this token?  With a reference; NULL: nobody's. */
struct sock *quic_lookup_reset(struct quic_net *qn, const u8 token[QUIC_RESET_TOKEN_LEN]);
extern const struct quic_cid_ops quic_lookup_cid_ops;

/* ---- source.c ---- */
enum quic_source_verdict {
	QUIC_SOURCE_OK,
	QUIC_SOURCE_RETRY,	/* once the address is validated, perhaps */
	QUIC_SOURCE_CONNECTIONS,	/* too many */
	QUIC_SOURCE_HANDSHAKES,
	QUIC_SOURCE_RATE,
	QUIC_SOURCE_NOMEM,
};

int quic_sources_init(struct quic_net *qn);
void quic_sources_exit(struct quic_net *qn);
/* OK: counted in *@source, which quic_source_put() is for when all is over. */
enum quic_source_verdict quic_source_admit(struct quic_net *qn, const struct quic_addr *addr,
					   bool validated, struct quic_source **source);
void quic_source_settled(struct quic_net *qn, struct quic_source *s);	/* handshake over, once */
void quic_source_put(struct quic_net *qn, struct quic_source *s);	/* after settled */

/* ---- migration.c: socket lock held ---- */
/* The option CONNECTION_MIGRATION: process context */
int quic_migration_set(struct sock *sk, struct quic_addr *a);
void quic_migration_settle(struct sock *sk);	/* QUIC_WAKE_PATH; any context */
void quic_migration_free(struct quic_sock *qs);

/* ---- input.c ---- */
void quic_input_skb(struct quic_udp *udp, struct sk_buff *skb);	/* softirq; takes the skb */
void quic_input_error(struct quic_udp *udp, struct sk_buff *skb);
/* Process context: to the socket, waiting for its lock; takes the skb. */
void quic_input_deliver(struct sock *sk, struct sk_buff *skb);
/* Socket lock held, process context: its datagrams into the connection. */
void quic_input_feed(struct sock *sk, struct sk_buff *skb);
int quic_input_backlog(struct sock *sk, struct sk_buff *skb);
void quic_input_work(struct work_struct *work);
void quic_input_queue_work(struct sock *sk);
void quic_skb_addrs(const struct sk_buff *skb, struct quic_addr *local, struct quic_addr *remote);
u8 quic_skb_ecn(const struct sk_buff *skb);	/* enum quic_ecn */

/* ---- output.c ---- */
int quic_output_init(void);
void quic_output_exit(void);
/* Lock held, connected: look the route up, so that IP_MTU has something to tell. */
void quic_output_route(struct sock *sk);
/* Fill in *@local (what is zero of it) for @remote; 0 or a negative errno. Process context. */
int quic_output_source(struct sock *sk, const struct quic_addr *remote, struct quic_addr *local);
/* One datagram without a connection; any context. */
void quic_output_raw(struct quic_udp *udp, const struct quic_addr *local,
		     const struct quic_addr *remote, const void *data, u32 len);
void quic_output_write_space(struct sock *sk);	/* sk->sk_write_space */
void quic_output_resume(struct tasklet_struct *t);

/* ---- timer.c ---- */
enum hrtimer_restart quic_timer_fire(struct hrtimer *timer);
void quic_timer_arm(struct sock *sk, u64 at);	/* lock held */
void quic_timer_stop(struct sock *sk);
void quic_timer_run(struct sock *sk);		/* lock held: a deadline has passed */

/* ---- sock.c ---- */
int quic_sock_init(struct sock *sk);		/* proto.init */
int quic_sock_setup(struct sock *sk, bool server);
void quic_sock_destroy(struct sock *sk);	/* proto.destroy: all but the memory of the sock */
void quic_sock_close(struct sock *sk, long timeout);
void quic_sock_release_cb(struct sock *sk);
/* Lock held, after the core ran: state, errors, wake-ups; true: transmit again. */
bool quic_sock_settle(struct sock *sk, u64 now);
int quic_sock_bind(struct sock *sk, struct sockaddr *uaddr, int len);
int quic_sock_autobind(struct sock *sk);
int quic_sock_connect(struct sock *sk, struct sockaddr *uaddr, int len);
int quic_sock_shutdown(struct sock *sk, int how);
int quic_sock_getname(struct sock *sk, struct sockaddr *uaddr, int peer);
void quic_sock_set_names(struct sock *sk);	/* inet_sock's addresses, for ss and the like */
void quic_sock_init_fields(struct sock *sk);

/* ---- child.c ---- */
struct sock *quic_child_new(struct sock *parent);	/* with its settings; NULL: no memory */
void quic_child_settings(struct sock *sk, const struct sock *from);	/* of SOL_SOCKET */

/* ---- stray.c: datagrams of no connection ---- */
void quic_stray_queue(struct quic_udp *udp, struct sk_buff *skb);	/* softirq; takes the skb */
void quic_stray_work(struct work_struct *work);
void quic_stray_purge(struct quic_udp *udp);	/* process context, when nothing comes in any more */

/* ---- secret.c ---- */
int quic_secret_init(struct quic_net *qn);
void quic_secret_exit(struct quic_net *qn);

/* ---- listen.c ---- */
struct sock *quic_listen_accept(struct sock *sk, int flags, int *err);
void quic_listen_settled(struct quic_sock *qs);	/* no longer half open */
void quic_listen_expire(struct sock *sk, u64 now);	/* half open for too long; lock held */
void quic_listen_forget(struct quic_sock *qs);	/* the connection counts no more */

/* ---- diag.c: /proc/net/quic/sockets, streams ---- */
void quic_diag_add(struct quic_sock *qs);
void quic_diag_del(struct quic_sock *qs);
int quic_diag_init(struct quic_net *qn, struct proc_dir_entry *dir);

/* ---- trace.c ---- */
extern const struct quic_trace_ops quic_trace_conn_ops;
void quic_trace_state(struct quic_sock *qs);
void quic_trace_metrics(struct quic_sock *qs);
void quic_trace_dropped(struct quic_sock *qs, enum quic_mib why);
void quic_trace_path(struct quic_sock *qs, bool by_us);	/* it is in use now */
void quic_trace_key(struct quic_sock *qs, u8 level, bool send, bool update);

/* ---- mem.c ---- */
int quic_mem_init(void);
void quic_mem_exit(void);
extern struct percpu_counter quic_sockets_allocated;
struct quic_chunk *quic_mem_wrap(struct sock *sk, struct sk_buff *skb);

/* ---- sysctl.c ---- */
int quic_sysctl_net_init(struct quic_net *qn);
void quic_sysctl_net_exit(struct quic_net *qn);
int quic_sysctl_init(void);
void quic_sysctl_exit(void);

#endif /* _QUIC_NETNS_H */

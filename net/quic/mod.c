// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The module: what is global, what each network namespace has, and the order in
 * which all of it comes and goes.  A socket holds a reference to the module
 * (proto.owner) until its memory is freed, orphans included, so that on unload
 * only work of the namespaces and RCU callbacks are left to wait for.
 */
#include <linux/module.h>
#include "mib.h"
#include "crypt.h"
#include "proto.h"

struct workqueue_struct *quic_wq;
unsigned int quic_net_id;

static int net_init(struct net *net)
{
	struct quic_net *qn = quic_pernet(net);
	int err, i;

	qn->net = net;
	mutex_init(&qn->udp_lock);
	for (i = 0; i < QUIC_UDP_BUCKETS; i++)
		INIT_HLIST_HEAD(&qn->udps[i]);
	INIT_WORK(&qn->reap, quic_udp_reap);
	spin_lock_init(&qn->socks_lock);
	INIT_LIST_HEAD(&qn->socks);
	err = quic_sysctl_net_init(qn);
	if (err)
		return err;
	err = quic_mib_init(qn);
	if (err)
		goto sysctl;
	err = quic_lookup_init(qn);
	if (err)
		goto mib;
	err = quic_sources_init(qn);
	if (err)
		goto lookup;
	err = quic_secret_init(qn);
	if (!err)
		return 0;
	quic_sources_exit(qn);
lookup:
	quic_lookup_exit(qn);
mib:
	quic_mib_exit(qn);
sysctl:
	quic_sysctl_net_exit(qn);
	return err;
}

/* All sockets of the namespace are gone: they held it. */
static void net_exit(struct net *net)
{
	struct quic_net *qn = quic_pernet(net);

	flush_work(&qn->reap);
	quic_secret_exit(qn);
	quic_sources_exit(qn);
	quic_lookup_exit(qn);
	quic_mib_exit(qn);
	quic_sysctl_net_exit(qn);
}

static struct pernet_operations net_ops = {
	.init	= net_init,
	.exit	= net_exit,
	.id	= &quic_net_id,
	.size	= sizeof(struct quic_net),
};

static int __init quic_init(void)
{
	int err;

	quic_wq = alloc_workqueue("quic", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!quic_wq)
		return -ENOMEM;
	err = quic_mem_init();
	if (err)
		goto wq;
	err = quic_output_init();
	if (err)
		goto mem;
	err = quic_crypt_init();
	if (err)
		goto output;
	err = quic_sysctl_init();
	if (err)
		goto crypt;
	err = register_pernet_subsys(&net_ops);
	if (err)
		goto sysctl;
	err = quic_proto_register();
	if (!err)
		return 0;
	unregister_pernet_subsys(&net_ops);
sysctl:
	quic_sysctl_exit();
crypt:
	quic_crypt_exit();
output:
	quic_output_exit();
mem:
	quic_mem_exit();
wq:
	destroy_workqueue(quic_wq);
	return err;
}

static void __exit quic_exit(void)
{
	quic_proto_unregister();
	rcu_barrier();		/* sockets freed by RCU */
	unregister_pernet_subsys(&net_ops);
	quic_sysctl_exit();
	destroy_workqueue(quic_wq);
	rcu_barrier();		/* what the work freed by RCU */
	quic_crypt_exit();
	quic_output_exit();
	quic_mem_exit();
}

module_init(quic_init);
module_exit(quic_exit);

MODULE_DESCRIPTION("QUIC sockets");
MODULE_LICENSE("GPL");
/* socket(2) loads by family and protocol: 261 is IPPROTO_QUIC; then any type, stream, datagram */
MODULE_ALIAS_NET_PF_PROTO(PF_INET, 261);
MODULE_ALIAS_NET_PF_PROTO(PF_INET6, 261);
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET, 261, 1);
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET, 261, 2);
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET6, 261, 1);
MODULE_ALIAS_NET_PF_PROTO_TYPE(PF_INET6, 261, 2);

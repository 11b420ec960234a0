// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /proc/sys/net/quic: limits of the namespace, and in the first one the memory
 * limits of the protocol.  What each means: quic(7).
 */
#include <linux/sysctl.h>
#include "netns.h"

long quic_sysctl_mem[3];
int quic_sysctl_wmem[3] = { PAGE_SIZE, 1 << 20, 32 << 20 };
int quic_sysctl_rmem[3] = { PAGE_SIZE, 16 << 20, 64 << 20 };

static const struct quic_limits defaults = {
	.max_half_open		= 1024,
	.half_open_timeout	= 15000,
	.handshake_timeout	= 30000,
	.max_source_connections	= 16384,
	.max_source_handshakes	= 1024,
	.source_rate		= 2000,
	.retry_threshold	= 1000,
	.retry_token_lifetime	= 15,
	.new_token_lifetime	= 24 * 3600,
	.reply_rate		= 200,
	.linger_timeout		= 30000,
	.tx_queue_limit		= 256 << 10,
};

#define LIMIT(field)						\
	{							\
		.procname	= #field,			\
		.data		= (void *)offsetof(struct quic_limits, field), \
		.maxlen		= sizeof(int),			\
		.mode		= 0644,				\
		.proc_handler	= proc_dointvec_minmax,		\
		.extra1		= SYSCTL_ZERO,			\
		.extra2		= SYSCTL_INT_MAX,		\
	}

static const struct ctl_table net_table[] = {
	LIMIT(max_half_open),
	LIMIT(half_open_timeout),
	LIMIT(handshake_timeout),
	LIMIT(max_source_connections),
	LIMIT(max_source_handshakes),
	LIMIT(source_rate),
	LIMIT(retry_threshold),
	LIMIT(retry_token_lifetime),
	LIMIT(new_token_lifetime),
	LIMIT(reply_rate),
	LIMIT(linger_timeout),
	LIMIT(tx_queue_limit),
};

static struct ctl_table global_table[] = {
	{
		.procname	= "quic_mem",
		.data		= quic_sysctl_mem,
		.maxlen		= sizeof(quic_sysctl_mem),
		.mode		= 0644,
		.proc_handler	= proc_doulongvec_minmax,
	},
	{
		.procname	= "quic_wmem",
		.data		= quic_sysctl_wmem,
		.maxlen		= sizeof(quic_sysctl_wmem),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ONE,
	},
	{
		.procname	= "quic_rmem",
		.data		= quic_sysctl_rmem,
		.maxlen		= sizeof(quic_sysctl_rmem),
		.mode		= 0644,
		.proc_handler	= proc_dointvec_minmax,
		.extra1		= SYSCTL_ONE,
	},
	{}	/* older kernels end a table so */
};

static struct ctl_table_header *global_header;

int quic_sysctl_net_init(struct quic_net *qn)
{
	size_t n = ARRAY_SIZE(net_table), i;
	struct ctl_table *table;

	qn->limits = defaults;
	table = kcalloc(n + 1, sizeof(*table), GFP_KERNEL);
	if (!table)
		return -ENOMEM;
	memcpy(table, net_table, sizeof(net_table));
	for (i = 0; i < n; i++)
		table[i].data = (char *)&qn->limits + (size_t)table[i].data;
	qn->sysctl = register_net_sysctl_sz(qn->net, "net/quic", table, n);
	if (qn->sysctl)
		return 0;
	kfree(table);
	return -ENOMEM;
}

void quic_sysctl_net_exit(struct quic_net *qn)
{
	const struct ctl_table *table = qn->sysctl->ctl_table_arg;

	unregister_net_sysctl_table(qn->sysctl);
	kfree(table);
}

/* As TCP does: an eighth of low memory is pressure. */
int quic_sysctl_init(void)
{
	unsigned long limit = max(nr_free_buffer_pages() / 16, 128UL);

	quic_sysctl_mem[0] = limit / 4 * 3;
	quic_sysctl_mem[1] = limit;
	quic_sysctl_mem[2] = quic_sysctl_mem[0] * 2;
	global_header = register_net_sysctl_sz(&init_net, "net/quic", global_table,
					       ARRAY_SIZE(global_table) - 1);
	return global_header ? 0 : -ENOMEM;
}

void quic_sysctl_exit(void)
{
	unregister_net_sysctl_table(global_header);
}

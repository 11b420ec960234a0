// SPDX-License-Identifier: GPL-2.0-or-later
/* Counters: one set a CPU, summed up in /proc/net/quic/snmp. */
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include "mib.h"

static const char * const names[QUIC_MIB_MAX] = {
	[QUIC_MIB_PKT_IN]		= "PktIn",
	[QUIC_MIB_PKT_OUT]		= "PktOut",
	[QUIC_MIB_DROP_HEADER]		= "DropHeader",
	[QUIC_MIB_DROP_CID]		= "DropConnectionId",
	[QUIC_MIB_DROP_VERSION]		= "DropVersion",
	[QUIC_MIB_DROP_NOKEY]		= "DropNoKey",
	[QUIC_MIB_DROP_AUTH]		= "DropAuth",
	[QUIC_MIB_DROP_DUP]		= "DropDuplicate",
	[QUIC_MIB_DROP_SMALL]		= "DropSmallInitial",
	[QUIC_MIB_DROP_MEMORY]		= "DropMemory",
	[QUIC_MIB_DROP_RETRY]		= "DropRetry",
	[QUIC_MIB_DROP_VN]		= "DropVersionNegotiation",
	[QUIC_MIB_DROP_CLOSED]		= "DropClosed",
	[QUIC_MIB_DROP_PATH]		= "DropPath",
	[QUIC_MIB_RETRANS]		= "FramesAgain",
	[QUIC_MIB_PTO]			= "ProbeTimeouts",
	[QUIC_MIB_LOST]			= "PktLost",
	[QUIC_MIB_CLOSE_IN]		= "CloseIn",
	[QUIC_MIB_CLOSE_OUT]		= "CloseOut",
	[QUIC_MIB_RESET_IN]		= "ResetIn",
	[QUIC_MIB_KEY_UPDATE]		= "KeyUpdates",
	[QUIC_MIB_IDLE_TIMEOUT]		= "IdleTimeouts",
	[QUIC_MIB_DROP_DATAGRAM]	= "DropDatagram",
	[QUIC_MIB_EARLY_IN]		= "EarlyIn",
	[QUIC_MIB_EARLY_OUT]		= "EarlyOut",
	[QUIC_MIB_EARLY_REJECTED]	= "EarlyRejected",
	[QUIC_MIB_DGRAM_IN]		= "DgramIn",
	[QUIC_MIB_TRAIN_IN]		= "TrainIn",
	[QUIC_MIB_TRAIN_OUT]		= "TrainOut",
	[QUIC_MIB_DGRAM_OUT]		= "DgramOut",
	[QUIC_MIB_DROP_CSUM]		= "DropChecksum",
	[QUIC_MIB_DROP_UNKNOWN]		= "DropUnknown",
	[QUIC_MIB_DROP_BACKLOG]		= "DropBacklog",
	[QUIC_MIB_DROP_INQ]		= "DropInQueue",
	[QUIC_MIB_DROP_FLOOD]		= "DropFlood",
	[QUIC_MIB_DROP_HALFOPEN]	= "DropHalfOpen",
	[QUIC_MIB_DROP_NOMEM]		= "DropNoMemory",
	[QUIC_MIB_DROP_NOROUTE]		= "DropNoRoute",
	[QUIC_MIB_HALFOPEN_EXPIRED]	= "HalfOpenExpired",
	[QUIC_MIB_HANDSHAKE_EXPIRED]	= "HandshakeExpired",
	[QUIC_MIB_SOURCE_CONNECTIONS]	= "SourceConnections",
	[QUIC_MIB_SOURCE_HANDSHAKES]	= "SourceHandshakes",
	[QUIC_MIB_SOURCE_RATE]		= "SourceRate",
	[QUIC_MIB_ACCEPTED]		= "Accepted",
	[QUIC_MIB_REFUSED]		= "Refused",
	[QUIC_MIB_NO_ALPN]		= "NoAlpn",
	[QUIC_MIB_RETRY_OUT]		= "RetryOut",
	[QUIC_MIB_VN_OUT]		= "VersionNegotiationOut",
	[QUIC_MIB_RESET_OUT]		= "ResetOut",
	[QUIC_MIB_BAD_TOKEN]		= "BadToken",
	[QUIC_MIB_EVENT_DROP]		= "EventDrop",
};

static int show(struct seq_file *seq, void *v)
{
	struct quic_net *qn = quic_pernet(seq_file_single_net(seq));
	unsigned long sum;
	int i, cpu;

	for (i = 0; i < QUIC_MIB_MAX; i++) {
		sum = 0;
		for_each_possible_cpu(cpu)
			sum += per_cpu_ptr(qn->mib, cpu)->v[i];
		seq_printf(seq, "Quic%-27s %lu\n", names[i], sum);
	}
	return 0;
}

int quic_mib_init(struct quic_net *qn)
{
	struct proc_dir_entry *dir;

	qn->mib = alloc_percpu(struct quic_mib_cpu);
	if (!qn->mib)
		return -ENOMEM;
	dir = proc_net_mkdir(qn->net, "quic", qn->net->proc_net);
	if (dir && proc_create_net_single("snmp", 0444, dir, show, NULL) &&
	    !quic_diag_init(qn, dir))
		return 0;
	remove_proc_subtree("quic", qn->net->proc_net);
	free_percpu(qn->mib);
	return -ENOMEM;
}

void quic_mib_exit(struct quic_net *qn)
{
	remove_proc_subtree("quic", qn->net->proc_net);
	free_percpu(qn->mib);
}

// SPDX-License-Identifier: GPL-2.0-or-later
// The header in C++: it compiles, and its functions link.
#include <netinet/quic.h>

int main()
{
	quic_handshake_params p = {};
	quic_stream_info info = {};
	uint32_t flags = 0;
	int64_t sid = -1;

	p.size = sizeof(p);
	p.priority = QUIC_PRIORITY;
	quic_set_log_level(QUIC_LOG_NONE);
	if (quic_client_handshake_params(-1, &p) >= 0 || quic_handshake(nullptr) >= 0)
		return 1;
	if (quic_recvmsg(-1, &info, sizeof(info), &sid, &flags) >= 0)
		return 1;
	return quic_sendmsg(-1, &info, sizeof(info), sid, MSG_QUIC_STREAM_NEW) >= 0;
}

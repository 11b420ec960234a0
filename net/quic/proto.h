/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registration of the protocol with both families; process context. */
#ifndef _QUIC_PROTO_H
#define _QUIC_PROTO_H

int quic_proto_register(void);
void quic_proto_unregister(void);

#endif /* _QUIC_PROTO_H */

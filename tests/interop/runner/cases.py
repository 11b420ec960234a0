# SPDX-License-Identifier: GPL-2.0-or-later
"""The cases of the public interop runner: what is asked for, over which network, and by
which rule of rules.py it is judged.

A case that takes hq-interop runs over HTTP/3 where one of the two ends speaks nothing else.
"""

from dataclasses import dataclass

KIB, MIB = 1 << 10, 1 << 20


@dataclass(frozen=True)
class Case:
    name: str
    letter: str
    client: str                 # TESTCASE of the client
    files: tuple                # their sizes
    server: str = ""            # TESTCASE of the server, if it is another one
    rule: str = ""              # in rules.py; the name's own if empty
    delay: int = 15             # ms one way
    forward: tuple = ()         # options of the forwarder; none: the kernel forwards
    host: str = "server4"
    limit: int = 60             # seconds
    alpn: str = "hq-interop"
    chain: int = 1              # certificates
    name_length: int = 10       # of the files' names
    runs: int = 1
    cross: bool = False         # a TCP flow beside
    snaplen: int = 0            # bytes of each packet that are captured; 0: all
    cost: int = 4               # roughly, seconds of the machine's work

    @property
    def server_testcase(self):
        return self.server or self.client

    @property
    def by_chance(self):
        """Do the seeds decide what is lost or spoiled?"""
        return "--drop" in self.forward or "--corrupt" in self.forward

    @property
    def rule_name(self):
        return (self.rule or self.name).replace("-", "_")


def both(option, rate):
    """An impairment in both directions, at most three packets in a row."""
    return (option, str(rate), "--burst", "3")


CASES = (
    Case("unknown", "?", "unheard-of", (KIB,)),
    Case("handshake", "H", "handshake", (KIB,)),
    Case("transfer", "DC", "transfer", (2 * MIB, 3 * MIB, 5 * MIB), cost=13),
    Case("longrtt", "LR", "handshake", (KIB,), delay=750),
    Case("chacha20", "C20", "chacha20", (3 * MIB,), cost=7),
    Case("multiplexing", "M", "transfer", (32,) * 1999, cost=9),
    Case("retry", "S", "retry", (10 * KIB,)),
    Case("resumption", "R", "resumption", (5 * KIB, 10 * KIB)),
    Case("zerortt", "Z", "zerortt", (32,) * 40, name_length=250),
    Case("http3", "3", "http3", (5 * KIB, 10 * KIB, 500 * KIB), alpn="h3"),
    Case("blackhole", "B", "transfer", (10 * MIB,), forward=("--blackhole", "5,2"), cost=16),
    Case("keyupdate", "U", "keyupdate", (3 * MIB,), server="transfer", cost=7),
    Case("ecn", "E", "ecn", (100 * KIB,)),
    Case("amplificationlimit", "A", "transfer", (5 * KIB,), chain=9, forward=("--drop-client", "2-7")),
    Case("handshakeloss", "L1", "multiconnect", (KIB,) * 50, rule="handshakes",
         forward=both("--drop", 30), limit=300, cost=14),
    Case("transferloss", "L2", "transfer", (2 * MIB,), rule="transfer", forward=both("--drop", 2), cost=7),
    Case("handshakecorruption", "C1", "multiconnect", (KIB,) * 50, rule="handshakes",
         forward=both("--corrupt", 30), limit=300, cost=14),
    Case("transfercorruption", "C2", "transfer", (2 * MIB,), rule="transfer", forward=both("--corrupt", 2),
         cost=7),
    Case("ipv6", "6", "transfer", (5 * KIB, 10 * KIB), host="server6"),
    Case("v2", "V2", "v2", (KIB,)),
    Case("rebind-port", "BP", "transfer", (10 * MIB,), rule="rebinding",
         forward=("--rebind-port", "1,5"), cost=16),
    Case("rebind-addr", "BA", "transfer", (10 * MIB,), rule="rebinding",
         forward=("--rebind-addr", "1,5"), cost=16),
    Case("connectionmigration", "CM", "transfer", (2 * MIB,), server="connectionmigration",
         rule="migration", host="server46", cost=7),
    Case("goodput", "G", "transfer", (10 * MIB,), rule="measured", runs=5, cost=60),
    Case("crosstraffic", "C", "transfer", (25 * MIB,), rule="measured", runs=5, cross=True, limit=180,
         snaplen=240, cost=150),
)

BY_NAME = {case.name: case for case in CASES}
BY_NAME.update({case.letter: case for case in CASES})

# What `make check` runs, each once: (peer, its role, case). Every case, and every peer in each of
# its roles.
SHORT = (
    ("quic", "both", "unknown"),
    ("openssl", "client", "handshake"),
    ("nginx", "server", "transfer"),
    ("caddy", "server", "longrtt"),
    ("aioquic", "server", "chacha20"),
    ("quic", "both", "multiplexing"),
    ("haproxy", "server", "retry"),
    ("ngtcp2", "client", "resumption"),
    ("ngtcp2", "server", "zerortt"),
    ("quic", "both", "zerortt"),
    ("curl", "client", "http3"),
    ("caddy", "server", "blackhole"),
    ("ngtcp2", "server", "keyupdate"),
    ("ngtcp2", "client", "ecn"),
    ("aioquic", "client", "amplificationlimit"),
    ("quic", "both", "handshakeloss"),
    ("nginx", "server", "transferloss"),
    ("quic", "both", "handshakecorruption"),
    ("aioquic", "client", "transfercorruption"),
    ("openssl", "server", "ipv6"),
    ("ngtcp2", "client", "v2"),
    ("ngtcp2", "server", "rebind-port"),
    ("caddy", "server", "rebind-addr"),
    ("quic", "both", "connectionmigration"),
    ("ngtcp2", "server", "goodput"),
    ("ngtcp2", "server", "crosstraffic"),
)

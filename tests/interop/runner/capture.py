# SPDX-License-Identifier: GPL-2.0-or-later
"""A capture as the rules want it: datagrams and QUIC packets, decrypted by tshark.

tshark dissects the long headers of a capture wholly (they are few), and of the short ones
only the fields that a rule asks for.
"""

import functools
import json
import os
import subprocess
from dataclasses import dataclass, field

VERSION_1, VERSION_2 = 1, 0x6b3343cf
PROBE_VERSION = 0x57414954
# RFC 9000 §17.2 and RFC 9369 §3.2: the types in the order of their numbers
TYPES = {VERSION_1: ("initial", "0rtt", "handshake", "retry"),
         VERSION_2: ("retry", "initial", "0rtt", "handshake")}
ACK_ECN, PATH_CHALLENGE, PATH_RESPONSE = 0x03, 0x1a, 0x1b
CLIENT_HELLO, CERTIFICATE = 1, 11
PORT = 443
# What the runner sent itself, to see whether the server is there.
NOT_OURS = "!(ip.addr == 193.167.100.2) && !(ipv6.addr == fd00:cafe:cafe:100::2)"


@dataclass
class Datagram:
    frame: int
    time: float
    src: str
    sport: int
    dst: str
    dport: int
    size: int                   # the UDP payload
    ecn: int = 0

    @property
    def from_server(self):
        return self.sport == PORT

    @property
    def path(self):
        """Client's address and port, server's address: the same for both directions."""
        return (self.dst, self.dport, self.src) if self.from_server else (self.src, self.sport, self.dst)


@dataclass
class Packet(Datagram):
    """A QUIC packet; `size` is that of the packet alone."""
    type: str = ""
    version: int = 0
    dcid: str = ""
    scid: str = ""
    token: str = ""
    number: int = -1
    tree: dict = field(default_factory=dict, repr=False)

    def find(self, name):
        return list(find(self.tree, name))

    @property
    def frames(self):
        return [int(value, 0) for value in self.find("quic.frame_type")]


def find(tree, name):
    """Every value of that name, at any depth."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == name:
                yield from value if isinstance(value, list) else [value]
            else:
                yield from find(value, name)
    elif isinstance(tree, list):
        for value in tree:
            yield from find(value, name)


def first(values, default=""):
    return values[0] if values else default


def long_packet(datagram, tree):
    """The Packet of a long header's tree, None for a short header's."""
    if first(list(find(tree, "quic.header_form"))) not in ("1", "True"):
        return None
    version = int(first(list(find(tree, "quic.version")), "0"), 0)
    number = first(list(find(tree, "quic.long.packet_type")) + list(find(tree, "quic.long.packet_type_v2")))
    kind = "negotiation" if not version else "unknown"
    if version in TYPES and number:
        kind = TYPES[version][int(number)]
    token = first(list(find(tree, "quic.retry_token")) + list(find(tree, "quic.token")))
    return Packet(**{**vars(datagram), "size": int(first(list(find(tree, "quic.packet_length")), "0"))},
                  type=kind, version=version, dcid=first(list(find(tree, "quic.dcid"))),
                  scid=first(list(find(tree, "quic.scid"))), token=token,
                  number=int(first(list(find(tree, "quic.packet_number")), "-1")), tree=tree)


# ---- one client address ----

PCAP_HEADER, RECORD_HEADER, ETHERNET = 24, 16, 14


def client_at(frame):
    """Where the client's IPv4 address and UDP port are in an Ethernet frame of ours; None: nowhere."""
    udp = ETHERNET + (frame[ETHERNET] & 0xf) * 4
    if frame[12:14] != b"\x08\x00" or frame[ETHERNET + 9] != 17 or len(frame) < udp + 8:
        return None
    ports = [int.from_bytes(frame[at:at + 2], "big") for at in (udp, udp + 2)]
    if PORT not in ports:
        return None
    return (ETHERNET + 16, udp + 2) if ports[0] == PORT else (ETHERNET + 12, udp)


def undo_nat(pcap, out):
    """A copy of the capture in which the client keeps its first address and port. tshark finds
    a connection whose client uses empty connection IDs by nothing else."""
    with open(pcap, "rb") as file:
        data = file.read()
    copy, first, at = bytearray(data), None, PCAP_HEADER
    while at + RECORD_HEADER <= len(data):
        length = int.from_bytes(data[at + 8:at + 12], "little")
        at += RECORD_HEADER
        where = client_at(data[at:at + length]) if length > ETHERNET + 28 else None
        if where:
            address, port = at + where[0], at + where[1]
            first = first or (data[address:address + 4], data[port:port + 2])
            copy[address:address + 4], copy[port:port + 2] = first
        at += length
    with open(out, "wb") as file:
        file.write(copy)


class Capture:
    def __init__(self, pcap, keys=None):
        self.pcap, self.keys = pcap, keys

    def tshark(self, *options):
        command = ["tshark", "-n", "-r", self.pcap, "-d", f"udp.port=={PORT},quic",
                   "-o", "udp.check_checksum:FALSE"]
        if self.keys and os.path.exists(self.keys):
            command += ["-o", f"tls.keylog_file:{self.keys}"]
        # A capture that ends within a packet makes it fail after its last line.
        return subprocess.run([*command, *options], capture_output=True, text=True,
                              errors="replace").stdout

    def fields(self, what, *names):
        """A tuple of strings for each frame that the filter takes."""
        base = ("frame.number", "frame.time_epoch", "ip.src", "ipv6.src", "udp.srcport", "ip.dst",
                "ipv6.dst", "udp.dstport", "udp.length", "ip.dsfield.ecn", "ipv6.tclass.ecn")
        out = self.tshark("-Y", f"({what}) && {NOT_OURS}", "-T", "fields", "-E", "separator=|",
                          *[word for name in base + names for word in ("-e", name)])
        for line in out.splitlines():
            values = line.split("|")
            number, time, src4, src6, sport, dst4, dst6, dport, length, ecn4, ecn6 = values[:11]
            yield (Datagram(int(number), float(time), src4 or src6, int(sport), dst4 or dst6, int(dport),
                            int(length) - 8, int(ecn4 or ecn6 or "0", 0)), *values[11:])

    @functools.cached_property
    def without_nat(self):
        """The same datagrams, by the same numbers of frames, of one client address."""
        copy = self.pcap + ".one"
        undo_nat(self.pcap, copy)
        return Capture(copy, self.keys)

    @functools.cached_property
    def datagrams(self):
        """All that may be QUIC, ours or not yet known to tshark."""
        return [row[0] for row in self.fields(f"udp.port == {PORT}")]

    @functools.cached_property
    def long(self):
        """The packets with a long header, in order."""
        out = self.tshark("-Y", f"quic.header_form == 1 && {NOT_OURS}", "-T", "json",
                          "--no-duplicate-keys", "-J", "frame ip ipv6 udp quic tls")
        packets = []
        for entry in json.loads(out or "[]"):
            packets += self.packets_of(entry["_source"]["layers"])
        return [p for p in packets if p.version != PROBE_VERSION]

    @staticmethod
    def packets_of(layers):
        ip = layers.get("ip") or layers.get("ipv6")
        v = "ip" if "ip" in layers else "ipv6"
        udp = layers["udp"]
        datagram = Datagram(int(layers["frame"]["frame.number"]), float(layers["frame"]["frame.time_epoch"]),
                            ip[v + ".src"], int(udp["udp.srcport"]), ip[v + ".dst"],
                            int(udp["udp.dstport"]), int(udp["udp.length"]) - 8)
        quic = layers["quic"] if isinstance(layers["quic"], list) else [layers["quic"]]
        return [packet for packet in (long_packet(datagram, tree) for tree in quic) if packet]

    def of_type(self, *types, server=None):
        return [p for p in self.long if p.type in types and server in (None, p.from_server)]

    def short(self, *names, server=None):
        """(Datagram, fields...) for each datagram that begins with a short header."""
        return [row for row in self.fields("quic.header_form == 0 && !(quic.header_form == 1)", *names)
                if server in (None, row[0].from_server)]

    def tcp(self):
        """(time, bytes of data) for each TCP segment."""
        out = self.tshark("-Y", "tcp.len > 0", "-T", "fields", "-E", "separator=|",
                          "-e", "frame.time_epoch", "-e", "tcp.len")
        return [(float(time), int(length)) for time, length in
                (line.split("|") for line in out.splitlines())]

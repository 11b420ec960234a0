# SPDX-License-Identifier: GPL-2.0-or-later
"""Each case's rule: what is wrong with a run, from its captures; nothing, if it passed.

`left` is what passed at the client's side of the link, `right` at the server's. A rule is a
generator of reasons. verdict() judges what all cases have in common first: how the two ended,
the files, the version.
"""

from capture import (ACK_ECN, CERTIFICATE, PATH_CHALLENGE, PATH_RESPONSE, VERSION_1, VERSION_2, find)

UNSUPPORTED = 127
NOT_ECT, ECT_1, ECT_0, CE = range(4)
TLS_CHACHA20_POLY1305_SHA256 = 0x1303
MAX_STREAMS = 1000
MAX_1RTT_BYTES = 5000       # of a client whose requests are in 0-RTT packets
MIN_CHAIN_BYTES = 7500
AMPLIFICATION = 3           # RFC 9000 §8.1


class Evidence:
    def __init__(self, job, result, left, right):
        self.job, self.result, self.left, self.right = job, result, left, right
        self.value = None       # of a measurement, Mbit/s
        self.share = None       # and what part of the link it was, beside TCP


# ---- what many rules ask ----

def handshakes(e):
    """The source connection IDs of the server's Initials: one for each handshake."""
    return list(dict.fromkeys(p.scid for p in e.right.of_type("initial", server=True)))


def expect_handshakes(e, number):
    found = len(handshakes(e))
    if found != number:
        yield f"{found} handshakes instead of {number}"


def expect_version_1(e):
    versions = {p.version for p in e.right.of_type("initial", server=True)}
    if versions != {VERSION_1}:
        yield "versions of the server's Initials: " + (", ".join(map(hex, sorted(versions))) or "none")


def no_retry(e):
    if e.right.of_type("retry", server=True):
        yield "the server sent a Retry"


def numbers(packets, name):
    return [int(value, 0) for packet in packets for value in packet.find(name)]


def tls_messages(packets):
    return numbers(packets, "tls.handshake.type")


# ---- the rules ----

def handshake(e):
    yield from expect_handshakes(e, 1)
    yield from no_retry(e)


def one_handshake(e):
    yield from expect_handshakes(e, 1)


transfer = http3 = blackhole = one_handshake


def longrtt(e):
    yield from handshake(e)
    hellos = [p for p in e.left.of_type("initial", server=False) if "0" in p.find("quic.crypto.offset")]
    if len(hellos) < 2:
        yield f"the ClientHello was sent {len(hellos)} times, not again"


def chacha20(e):
    yield from expect_handshakes(e, 1)
    offered = set(numbers(e.left.of_type("initial", server=False), "tls.handshake.ciphersuite"))
    if offered != {TLS_CHACHA20_POLY1305_SHA256}:
        yield "offered cipher suites: " + (", ".join(map(hex, sorted(offered))) or "none")


def multiplexing(e):
    yield from expect_handshakes(e, 1)
    limits = numbers(e.right.of_type("handshake", "initial", server=True),
                     "tls.quic.parameter.initial_max_streams_bidi")
    if not limits:
        yield "the server's initial_max_streams_bidi is not to be found"
    elif max(limits) > MAX_STREAMS:
        yield f"the server's initial_max_streams_bidi is {max(limits)}"


def retry(e):
    yield from expect_handshakes(e, 1)
    retries = e.left.of_type("retry", server=True)
    if not retries:
        yield "no Retry"
        return
    initials = e.left.of_type("initial", server=False)
    before = [p for p in initials if p.frame < retries[0].frame]
    after = [p for p in initials if p.frame > retries[0].frame]
    if not after:
        yield "no Initial after the Retry"
    elif after[0].token != retries[0].token:
        yield "the Initial after the Retry has not its token"
    elif before and after[0].number <= max(p.number for p in before):
        yield "the packet numbers began anew after the Retry"


def resumption(e):
    yield from expect_handshakes(e, 2)
    for turn, scid in enumerate(handshakes(e)[:2]):
        messages = tls_messages(p for p in e.right.of_type("initial", "handshake", server=True)
                                if p.scid == scid)
        if not messages:
            yield f"handshake {turn + 1} cannot be read"
        elif (CERTIFICATE in messages) != (turn == 0):
            yield f"handshake {turn + 1} has {'a' if turn else 'no'} certificate"


def zerortt(e):
    yield from expect_handshakes(e, 2)
    if not sum(p.size for p in e.left.of_type("0rtt", server=False)):
        yield "no 0-RTT packet"
    size = sum(int(length) for _, lengths in e.left.short("quic.packet_length", server=False)
               for length in lengths.split(",") if length)
    if size > MAX_1RTT_BYTES:
        yield f"{size} bytes of the client's are in 1-RTT packets"


def keyupdate(e):
    yield from expect_handshakes(e, 1)
    for server, capture in ((False, e.left), (True, e.right)):
        phases = {phase for _, phase in capture.short("quic.key_phase", server=server)}
        if not phases & {"1", "True"}:
            yield f"the {'server' if server else 'client'} sent no packet of key phase 1"


def ecn(e):
    yield from expect_handshakes(e, 1)
    for server, capture in ((False, e.left), (True, e.right)):
        who = "server" if server else "client"
        marks = {d.ecn for d in capture.datagrams if d.from_server == server}
        if not marks & {ECT_0, ECT_1}:
            yield f"the {who} marks nothing"
        if CE in marks:
            yield f"the {who} marks CE"
        if not acknowledges_ecn(capture, server):
            yield f"the {who} sends no ECN counts"


def acknowledges_ecn(capture, server):
    frames = {int(value, 0) for _, values in capture.short("quic.frame_type", server=server)
              for value in values.split(",") if value}
    return ACK_ECN in frames or any(ACK_ECN in p.frames for p in capture.long if p.from_server == server)


def amplificationlimit(e):
    yield from expect_handshakes(e, 1)
    size = sum(crypto_size(e.right.of_type(kind, server=True)) for kind in ("initial", "handshake"))
    if size < MIN_CHAIN_BYTES:
        yield f"only {size} bytes of CRYPTO frames came from the server"
    got = [p.frame for p in e.right.of_type("handshake", server=False)]
    if not got:
        yield "no Handshake packet came from the client"
        return
    received = sent = 0
    for datagram in e.right.datagrams:
        if datagram.frame >= got[0]:
            break
        if not datagram.from_server:
            received += datagram.size
            continue
        sent += datagram.size
        if sent > AMPLIFICATION * received:
            yield f"the server sent {sent} bytes when it had {received}"
            return


def crypto_size(packets):
    """The end of what CRYPTO frames carried."""
    ends = [0]
    for frame in find([p.tree for p in packets], "quic.frame"):
        if isinstance(frame, dict) and "quic.crypto.offset" in frame:
            ends.append(int(frame["quic.crypto.offset"]) + int(frame["quic.crypto.length"]))
    return max(ends)


def all_handshakes(e):
    yield from expect_handshakes(e, len(e.job["files"]))


def ipv6(e):
    yield from expect_handshakes(e, 1)
    if any(d.from_server and ":" not in d.src for d in e.right.datagrams):
        yield "the server sent IPv4 packets"


def v2(e):
    mine = [p.version for p in e.left.of_type("initial", server=False)]
    if mine[:1] != [VERSION_1]:
        yield "the client's first Initial is not of version 1"
    # RFC 9369 §4: before it has read the ClientHello the server may acknowledge in version 1.
    theirs = [p.version for p in e.right.of_type("initial", server=True)]
    if VERSION_2 not in theirs or theirs != sorted(theirs):
        yield "the server's Initials do not go from version 1 to 2: " + ", ".join(map(hex, theirs))
    if {p.version for p in e.left.of_type("handshake") + e.right.of_type("handshake")} != {VERSION_2}:
        yield "there are Handshake packets of another version than 2, or none"


def rebinding(e):
    yield from expect_handshakes(e, 1)
    yield from paths_validated(e)


def paths_validated(e):
    """RFC 9000 §8.2: the first packet on each new path challenges, each challenge is answered."""
    readable = e.right.without_nat
    contents = {datagram.frame: (frames, challenge) for datagram, frames, challenge in
                readable.short("quic.frame_type", "quic.path_challenge.data", server=True)}
    firsts = {}
    for datagram in e.right.datagrams:
        if datagram.from_server and datagram.frame in contents:
            firsts.setdefault(datagram.path, contents[datagram.frame])
    if len(firsts) < 2:
        yield "the server saw one path alone"
    answers = {answer for _, values in readable.short("quic.path_response.data", server=False)
               for answer in values.split(",") if answer}
    for path, (frames, challenge) in list(firsts.items())[1:]:
        where = "the path of {}:{}".format(*path)
        if not frames:
            yield f"the server's first packet on {where} cannot be read"
        elif PATH_CHALLENGE not in [int(frame, 0) for frame in frames.split(",")]:
            yield f"the server's first packet on {where} has no PATH_CHALLENGE"
        elif not set(challenge.split(",")) & answers:
            yield f"the PATH_CHALLENGE on {where} has no answer"


def migration(e):
    yield from rebinding(e)
    dcids = {}
    for datagram, dcid in e.left.short("quic.dcid", server=False):
        dcids.setdefault(datagram.path, set()).add(dcid)
    seen = set()
    for path, used in dcids.items():
        if used & seen:
            yield "the client's packets to {2} have a connection ID of the old path".format(*path)
        seen |= used


def measured(e):
    """Sets e.value: the file's bits by the time of the server's 1-RTT packets; e.share beside TCP."""
    yield from expect_handshakes(e, 1)
    times = [row[0].time for row in e.left.short(server=True)]
    if not times or times[-1] <= times[0]:
        yield "there are no 1-RTT packets to measure"
        return
    begin, end = times[0], times[-1]
    size = sum(e.job["files"])
    e.value = size * 8 / (end - begin) / 1e6
    if e.job["cross"]:
        beside = sum(length for time, length in e.left.tcp() if begin <= time <= end)
        e.share = size / (size + beside)
        if not beside:
            yield "there was no TCP flow beside"


RULES = {
    "handshake": handshake, "transfer": transfer, "longrtt": longrtt, "chacha20": chacha20,
    "multiplexing": multiplexing, "retry": retry, "resumption": resumption, "zerortt": zerortt,
    "http3": http3, "blackhole": blackhole, "keyupdate": keyupdate, "ecn": ecn,
    "amplificationlimit": amplificationlimit, "handshakes": all_handshakes, "ipv6": ipv6, "v2": v2,
    "rebinding": rebinding, "migration": migration, "measured": measured,
}


# ---- the verdict ----

def met(result):
    """Was the client started, beside a server that answered, and all that the run needs besides?"""
    return not result.get("broken") and "client" in result


def ended(e):
    """How the run went, whatever the case."""
    r = e.result
    if r.get("broken"):
        yield r["broken"]
    elif r.get("probe"):
        yield r["probe"] + (f" with status {r['server']}" if r.get("server") is not None else "")
    elif r.get("client") is None:
        yield f"the client had not ended after {e.job['limit']} s"
    elif r["client"]:
        yield f"the client's status is {r['client']}"
    if r.get("files") and not r.get("probe"):
        yield r["files"]


def unknown(e):
    """The random TESTCASE: 127 in both roles."""
    statuses = (e.result.get("client"), e.result.get("server"))
    if statuses == (UNSUPPORTED, UNSUPPORTED):
        return "passed", ""
    return "failed", "status of the client {}, of the server {}, not 127".format(*statuses)


def verdict(e):
    """(result, why): passed, failed or unsupported."""
    if e.job["rule"] == "unknown":
        return unknown(e)
    for role in ("client", "server"):
        if e.result.get(role) == UNSUPPORTED:
            return "unsupported", f"the {role} says so (127)"
    reasons = list(ended(e))
    if not reasons:
        if e.job["rule"] != "v2":
            reasons += expect_version_1(e)
        reasons += RULES[e.job["rule"]](e)
    return ("failed", "; ".join(reasons)) if reasons else ("passed", "")

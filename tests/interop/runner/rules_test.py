#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every rule against a run that keeps it, and against runs that break it, each in one way.

The runs are made here of packets as capture.py gives them; captures/ holds recorded ones, of
our endpoint on both sides, which must pass their own case and fail the others.
"""

import copy
import functools
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, HERE)

from capture import (PORT, VERSION_1, VERSION_2, Capture, Datagram, Packet, undo_nat)      # noqa: E402
from cases import BY_NAME, CASES                                                           # noqa: E402
from rules import RULES, Evidence, met, verdict                                            # noqa: E402

CLIENT, SERVER = ("193.167.0.100", 50000), ("193.167.100.100", PORT)
MOVED = ("193.167.0.101", 40001)


class Fake:
    """What a rule asks of a capture, from lists."""

    def __init__(self):
        self.long, self.datagrams, self.rows, self.flow = [], [], [], []

    of_type = Capture.of_type

    @property
    def without_nat(self):
        return self

    def short(self, *names, server=None):
        return [(d, *[fields.get(name, "") for name in names]) for d, fields in self.rows
                if server in (None, d.from_server)]

    def tcp(self):
        return self.flow


def ends(server, client=CLIENT, at=SERVER):
    return (*at, *client) if server else (*client, *at)


class Run:
    """A run that may be spoiled: packets are seen on both sides of the link, in this order."""

    def __init__(self, name):
        self.case = BY_NAME[name]
        self.left, self.right = Fake(), Fake()
        self.result = {"client": 0, "server": None, "files": "", "probe": ""}
        self.job = {"rule": self.case.rule_name, "files": list(self.case.files), "limit": self.case.limit,
                    "cross": self.case.cross}
        self.frame = 0

    def datagram(self, server, size=1200, ecn=2, client=CLIENT, at=SERVER):
        self.frame += 1
        d = Datagram(self.frame, self.frame / 100, *ends(server, client, at)[:2],
                     *ends(server, client, at)[2:], size, ecn)
        for side in (self.left, self.right):
            side.datagrams.append(d)
        return d

    def packet(self, kind, server, version=VERSION_1, scid="s1", tree=None, number=0, token="", size=1200,
               **where):
        d = self.datagram(server, size, **where)
        packet = Packet(**vars(d), type=kind, version=version, scid=scid if server else "c", token=token,
                        number=number, tree=tree or {})
        for side in (self.left, self.right):
            side.long.append(packet)
        return packet

    def short(self, server, size=100, ecn=2, client=CLIENT, at=SERVER, **fields):
        d = self.datagram(server, size, ecn, client, at)
        for side in (self.left, self.right):
            side.rows.append((d, {name.replace("__", "."): value for name, value in fields.items()}))

    def connection(self, scid="s1", version=VERSION_1, messages=("2", "8", "11", "15", "20"), parameter="100"):
        hello = {"quic.frame": {"quic.frame_type": "6", "quic.crypto.offset": "0", "quic.crypto.length": "300",
                                "tls.handshake.type": "1", "tls.handshake.ciphersuite": ["0x1303"]}}
        flight = {"quic.frame": {"quic.frame_type": "6", "quic.crypto.offset": "0", "quic.crypto.length": "900",
                                 "tls.handshake.type": list(messages),
                                 "tls.quic.parameter.initial_max_streams_bidi": parameter}}
        self.packet("initial", False, tree=hello)
        self.packet("initial", True, version, scid)
        self.packet("handshake", True, version, scid, flight)
        self.packet("handshake", False, version, scid)
        return self

    def verdict(self):
        return verdict(Evidence(self.job, self.result, self.left, self.right))

    def each(self, function):
        """Spoils packets and datagrams of both sides."""
        for side in (self.left, self.right):
            for item in [*side.long, *side.datagrams, *[row[0] for row in side.rows]]:
                function(item)
            side.rows = [(d, dict(fields)) for d, fields in side.rows]

    def drop(self, unwanted):
        for side in (self.left, self.right):
            side.long = [p for p in side.long if not unwanted(p)]


def plain(name):
    return Run(name).connection()


def longrtt():
    run = Run("longrtt").connection()
    run.packet("initial", False, tree=copy.deepcopy(run.left.long[0].tree), number=1)
    return run


def retried():
    run = Run("retry")
    run.packet("initial", False, number=0)
    run.packet("retry", True, token="aa:bb")
    run.packet("initial", False, number=1, token="aa:bb")
    run.packet("initial", True)
    return run


def resumed(name="resumption"):
    run = Run(name).connection("s1").connection("s2", messages=("2", "8", "20"))
    if name == "zerortt":
        run.packet("0rtt", False, size=1100)
        run.short(False, quic__packet_length="40")
    return run


def updated():
    run = plain("keyupdate")
    for server in (False, True):
        run.short(server, quic__key_phase="0")
        run.short(server, quic__key_phase="1")
    return run


def marked():
    run = plain("ecn")
    for server in (False, True):
        run.short(server, quic__frame_type="3,8")
    return run


def amplified():
    run = Run("amplificationlimit")
    run.packet("initial", False)
    run.packet("initial", True, scid="s1", tree={"quic.frame": {"quic.crypto.offset": "0",
                                                                "quic.crypto.length": "90"}})
    run.packet("handshake", True, tree={"quic.frame": [{"quic.crypto.offset": "0", "quic.crypto.length": "7000"},
                                                       {"quic.crypto.offset": "7000",
                                                        "quic.crypto.length": "800"}]})
    run.packet("handshake", False)
    run.packet("handshake", True, size=9000)
    return run


def many():
    run = Run("handshakeloss")
    for i in range(50):
        run.connection(f"s{i}")
    return run


def six():
    run = Run("ipv6")
    run.packet("initial", True, at=("fd00:cafe:cafe:100::100", PORT), client=("fd00:cafe:cafe::100", 5000))
    return run


def second_version():
    run = Run("v2")
    run.packet("initial", False)
    run.packet("initial", True)             # an early acknowledgement
    run.packet("initial", True, VERSION_2)
    run.packet("handshake", True, VERSION_2)
    run.packet("handshake", False, VERSION_2)
    return run


def rebound(name="rebind-addr", moved=MOVED, at=SERVER, dcid="d1"):
    run = plain(name)
    run.short(False, quic__dcid="d1")
    run.short(True, quic__frame_type="8")
    run.short(False, client=moved, at=at, quic__dcid=dcid)
    run.short(True, client=moved, at=at, quic__frame_type="26,8", quic__path_challenge__data="01:02")
    run.short(False, client=moved, at=at, quic__dcid=dcid, quic__frame_type="27",
              quic__path_response__data="01:02")
    return run


def migrated():
    return rebound("connectionmigration", CLIENT, ("193.167.100.101", PORT), "d2")


def measured(name="goodput"):
    run = plain(name)
    for _ in range(1000):
        run.short(True)
    run.left.flow = [(3.0, 20 << 20)]
    return run


def set_field(name, value, only=lambda fields: True):
    def spoil(run):
        for side in (run.left, run.right):
            side.rows = [(d, {**fields, name: value} if name in fields and only(fields) else fields)
                         for d, fields in side.rows]
    return spoil


def set_tree(name, value):
    def spoil(run):
        for side in (run.left, run.right):
            for packet in side.long:
                for frame in [packet.tree.get("quic.frame")]:
                    if isinstance(frame, dict) and name in frame:
                        frame[name] = value
    return spoil


def second_handshake(run):
    run.packet("initial", True, scid="another")


def no_longer(kind, server):
    return lambda run: run.drop(lambda p: p.type == kind and p.from_server == server)


def version_of(kind, version):
    def spoil(run):
        for side in (run.left, run.right):
            for p in side.long:
                if p.type == kind:
                    p.version = version
    return spoil


def mark(ecn, server):
    return lambda run: run.each(lambda d: setattr(d, "ecn", ecn if d.from_server == server else d.ecn))


def number_anew(run):
    for p in run.left.long:
        p.number = 0


def another_token(run):
    run.left.long[2].token = "cc"


def a_byte_too_many(run):
    for d in run.right.datagrams:
        if d.frame == 3:
            d.size = 2401


def from_ipv4(run):
    run.short(True)


# ---- each rule: a run that keeps it, and what breaks it ----

RUNS = {
    "handshake": (lambda: plain("handshake"), [
        second_handshake, lambda run: run.packet("retry", True), version_of("initial", VERSION_2),
        no_longer("initial", True)]),
    "transfer": (lambda: plain("transfer"), [second_handshake]),
    "http3": (lambda: plain("http3"), [second_handshake]),
    "blackhole": (lambda: plain("blackhole"), [second_handshake]),
    "longrtt": (longrtt, [second_handshake, lambda run: run.left.long.pop(), set_tree("quic.crypto.offset", "9")]),
    "chacha20": (lambda: plain("chacha20"), [
        second_handshake, set_tree("tls.handshake.ciphersuite", ["0x1303", "0x1301"]),
        set_tree("tls.handshake.ciphersuite", ["0x1301"]), set_tree("tls.handshake.ciphersuite", [])]),
    "multiplexing": (lambda: plain("multiplexing"), [
        second_handshake, set_tree("tls.quic.parameter.initial_max_streams_bidi", "1001"),
        set_tree("tls.quic.parameter.initial_max_streams_bidi", [])]),
    "retry": (retried, [no_longer("retry", True), number_anew, another_token, second_handshake,
                        lambda run: run.left.long.pop(2)]),
    "resumption": (resumed, [
        no_longer("handshake", True), second_handshake, set_tree("tls.handshake.type", ["2", "11"]),
        set_tree("tls.handshake.type", ["2", "8"])]),
    "zerortt": (lambda: resumed("zerortt"), [
        no_longer("0rtt", False), second_handshake, set_field("quic.packet_length", "5001"),
        lambda run: run.drop(lambda p: p.scid == "s2")]),
    "keyupdate": (updated, [
        second_handshake, set_field("quic.key_phase", "0"),
        lambda run: setattr(run.left, "rows", [row for row in run.left.rows if row[0].from_server]),
        lambda run: setattr(run.right, "rows", [row for row in run.right.rows if not row[0].from_server])]),
    "ecn": (marked, [
        second_handshake, mark(0, False), mark(0, True), mark(3, True), mark(3, False),
        set_field("quic.frame_type", "2,8")]),
    "amplificationlimit": (amplified, [
        second_handshake, a_byte_too_many, no_longer("handshake", False), no_longer("handshake", True)]),
    "handshakes": (many, [second_handshake, lambda run: run.drop(lambda p: p.scid == "s7")]),
    "ipv6": (six, [second_handshake, from_ipv4]),
    "v2": (second_version, [
        version_of("initial", VERSION_2), version_of("initial", VERSION_1), version_of("handshake", VERSION_1),
        lambda run: run.packet("initial", True), no_longer("initial", True)]),
    "rebinding": (rebound, [
        second_handshake, set_field("quic.frame_type", "8"), set_field("quic.path_response.data", "03"),
        lambda run: run.each(lambda d: (setattr(d, "dst", CLIENT[0]), setattr(d, "dport", CLIENT[1]))
                             if d.from_server else None),
        set_field("quic.frame_type", "", lambda fields: "quic.path_challenge.data" in fields)]),
    "migration": (migrated, [
        second_handshake, set_field("quic.dcid", "d1"), set_field("quic.frame_type", "8")]),
    "measured": (measured, [
        second_handshake, lambda run: setattr(run.left, "rows", [])]),
}


class Rules(unittest.TestCase):
    def test_all_have_runs(self):
        self.assertEqual(set(RUNS), set(RULES))
        self.assertEqual({case.rule_name for case in CASES} - {"unknown"}, set(RULES))

    def test_kept(self):
        for name, (make, _) in RUNS.items():
            with self.subTest(rule=name):
                self.assertEqual(make().verdict(), ("passed", ""))

    def test_broken(self):
        for name, (make, spoils) in RUNS.items():
            for turn, spoil in enumerate(spoils):
                with self.subTest(rule=name, spoil=turn):
                    run = make()
                    spoil(run)
                    result, why = run.verdict()
                    self.assertEqual(result, "failed")
                    self.assertTrue(why)

    def test_measured(self):
        run = measured("crosstraffic")
        evidence = Evidence(run.job, run.result, run.left, run.right)
        self.assertEqual(verdict(evidence), ("passed", ""))
        self.assertAlmostEqual(evidence.value, (25 << 20) * 8 / 9.99 / 1e6)
        self.assertAlmostEqual(evidence.share, 25 / 45)
        run.left.flow = [(0.0, 20 << 20)]       # before
        self.assertEqual(run.verdict()[0], "failed")


class Ends(unittest.TestCase):
    def test_ends(self):
        for spoiled in ({"client": 1}, {"client": None}, {"files": "a is missing"}, {"broken": "OSError"},
                        {"probe": "no Version Negotiation"}):
            run = plain("handshake")
            run.result.update(spoiled)
            self.assertEqual(run.verdict()[0], "failed", spoiled)

    def test_met(self):
        """Only a run whose client was started beside a server that answered says who failed."""
        run = plain("handshake")
        for ended in ({}, {"client": 1}, {"client": None}):
            self.assertTrue(met(dict(run.result, **ended)), ended)
        self.assertFalse(met(dict(run.result, broken="RuntimeError: no 'forwarding' in log/forward")))
        self.assertFalse(met({"id": "a-job", "probe": "no Version Negotiation", "server": None}))

    def test_unsupported(self):
        for role in ("client", "server"):
            run = plain("handshake")
            run.result.update({role: 127, "files": "a is missing"})
            self.assertEqual(run.verdict()[0], "unsupported")

    def test_unknown(self):
        run = Run("unknown")
        for client, server, result in ((127, 127, "passed"), (0, 127, "failed"), (127, None, "failed"),
                                       (1, 127, "failed")):
            run.result.update(client=client, server=server)
            self.assertEqual(run.verdict()[0], result)


class Recorded(unittest.TestCase):
    """Captures of real runs: tshark finds in them what the rules ask for."""

    names = sorted(os.listdir(os.path.join(HERE, "captures")))

    @staticmethod
    @functools.cache
    def captures(name):
        """Both sides; each question is put to tshark once."""
        at = os.path.join(HERE, "captures", name)
        sides = [Capture(os.path.join(at, side + ".pcap"), os.path.join(at, "keys")) for side in ("left", "right")]
        for side in sides:
            side.short = functools.cache(side.short)
            side.without_nat = side     # nothing is written beside them
        return sides

    def evidence(self, name, case):
        job = {"rule": case.rule_name, "files": list(case.files), "limit": 60, "cross": False}
        result = {"client": 0, "server": None, "files": "", "probe": ""}
        return Evidence(job, result, *self.captures(name))

    def test_recorded(self):
        # Rules that say no more than that there was one handshake hold for others, too.
        weak = {"handshake", "transfer", "http3", "blackhole", "measured", "multiplexing"}
        for name in self.names:
            for case in CASES[1:]:
                if case.rule_name in weak and case.name != name or case.snaplen:
                    continue
                with self.subTest(captured=name, case=case.name):
                    e = self.evidence(name, case)
                    result, why = verdict(e)
                    # All of ours mark their packets; a connection with 0-RTT is a resumed one.
                    good = name == case.name or (name, case.name) in (
                        ("handshake", "ecn"), ("retry", "ecn"), ("zerortt", "resumption"))
                    self.assertEqual(result, "passed" if good else "failed", why)

    def test_nat_undone(self):
        with tempfile.TemporaryDirectory() as temporary:
            before = os.path.join(HERE, "captures", "handshake", "right.pcap")
            after = os.path.join(temporary, "after.pcap")
            with open(before, "rb") as file:
                data = bytearray(file.read())
            # The last datagram of the client comes from elsewhere.
            at = data.rfind(bytes((193, 167, 0, 100, 193, 167, 100, 100)))
            self.assertGreater(at, 0)
            data[at + 3] = 101
            changed = os.path.join(temporary, "changed.pcap")
            with open(changed, "wb") as file:
                file.write(data)
            self.assertEqual(len({d.path for d in Capture(changed).datagrams}), 2)
            undo_nat(changed, after)
            self.assertEqual(len({d.path for d in Capture(after).datagrams}), 1)
            with open(after, "rb") as one, open(before, "rb") as other:
                self.assertEqual(one.read(), other.read())


class Report(unittest.TextTestResult):
    """A line for each test, as tests/run counts them."""

    def addSuccess(self, test):
        print(f"ok interop runner: {test._testMethodName}", flush=True)

    def line(self, test, error):
        print(f"not ok interop runner: {test} - {error[1]}".replace("\n", " "), flush=True)

    def addFailure(self, test, err):
        self.line(test, err)
        super().addFailure(test, err)

    def addError(self, test, err):
        self.line(test, err)
        super().addError(test, err)

    def addSubTest(self, test, subtest, err):
        if err:
            self.line(subtest, err)
        super().addSubTest(test, subtest, err)


if __name__ == "__main__":
    unittest.main(testRunner=unittest.TextTestRunner(resultclass=Report, verbosity=0))

# SPDX-License-Identifier: GPL-2.0-or-later
"""Who can do what: the peers, and the fields of the matrix, each with its jobs and what came of
them; and whose fault a failure is.

It is the peer's own if a third implementation in our place fails as well, though it passes the
same case beside us. If one passes, it is ours. Where chance decides, each has several seeds, and
fails if it fails with one of them.
"""

import itertools
import os
import statistics
import subprocess

from cases import BY_NAME
from machine import BUILD, TOP

US = "quic"
PEERS = os.path.join(TOP, "tests/interop/peers")
LINK_MBIT = 10
# What our own sender is held to, beside ourselves: of the link, and of the link beside TCP.
GOODPUT_MIN, SHARE_MIN, SHARE_MAX = 0.93, 0.40, 0.60


# ---- who can do what ----

class Peer:
    def __init__(self, name):
        self.name, self.alpns, self.lacks, self.fails = name, {}, {}, {}
        out = subprocess.run([os.path.join(PEERS, name), "--capabilities"], check=True,
                             capture_output=True, text=True, env=dict(os.environ, BUILD=BUILD))
        for line in out.stdout.splitlines():
            words = line.split()
            if words[:1] == ["case"] and words[3:4] == ["unsupported"]:
                self.lacks[words[1], words[2]] = " ".join(words[4:])
            elif words[:1] == ["case"] and words[3:4] == ["fails"]:
                self.fails[words[1], words[2]] = (words[4], " ".join(words[5:]))
            elif words and words[0] in ("client:", "server:"):
                self.alpns[words[0][:-1]] = words[1:]

    def why_not(self, role, case, testcase):
        return self.lacks.get((role, case.name)) or self.lacks.get((role, testcase))


def peer_names():
    return sorted(name for name in os.listdir(PEERS)
                  if os.access(os.path.join(PEERS, name), os.X_OK) and
                  os.path.isfile(os.path.join(PEERS, name)))


def common_alpn(case, client, server):
    both = [alpn for alpn in client.alpns["client"] if alpn in server.alpns["server"]]
    wanted = [case.alpn] if case.alpn == "h3" else ["hq-interop", "h3"]
    return next((alpn for alpn in wanted if alpn in both), None)


# ---- fields ----

class Cell:
    """One field of the matrix, of one job or several; of a third implementation in our place
    it is not a field, but says whose fault one is."""

    def __init__(self, peer, role, case, client, server, third=""):
        self.peer, self.role, self.case, self.third = peer, role, case, third
        self.client, self.server = client, server
        self.alpn = common_alpn(case, client, server)
        # In virtual time a second run is like the first; of ourselves there are as many as of old.
        self.runs = case.runs if peer == US else 1
        self.verdicts = []
        self.values, self.shares = [], []
        self.ran = True         # False if a job's two ends never met: it says nothing about either

    @property
    def key(self):
        return self.peer, self.role, self.case.name

    def why_not(self):
        reason = self.client.why_not("client", self.case, self.case.client) or \
            self.server.why_not("server", self.case, self.case.server_testcase)
        if reason:
            return reason
        return "" if self.alpn else f"no common protocol with {self.case.alpn}"

    def jobs(self, seed, certs):
        case = self.case
        name = "-".join(self.key) + (f"-with-{self.third}" if self.third else "")
        for run in range(self.runs):
            yield {"id": f"{name}-{run + 1}", "seed": seed + run,
                   "client": self.client.name, "server": self.server.name,
                   "client_testcase": case.client, "server_testcase": case.server_testcase,
                   "files": case.files, "name_length": case.name_length, "rule": case.rule_name,
                   "delay": case.delay, "forward": list(case.forward), "host": case.host,
                   "limit": case.limit, "alpn": self.alpn, "cross": case.cross,
                   "snaplen": case.snaplen, "certs": certs[case.chain], "cost": case.cost / case.runs}

    def done(self):
        return len(self.verdicts) == self.runs

    def result(self):
        worst, why = next(((r, w) for r, w in self.verdicts if r != "passed"), ("passed", ""))
        if worst == "passed" and self.values:
            worst, why = self.measured()
        return self.as_result(worst, why)

    def as_result(self, result, why):
        return {"peer": self.peer, "role": self.role, "case": self.case.name, "result": result,
                "why": why, "alpn": self.alpn}

    def measured(self):
        spread = statistics.stdev(self.values) if len(self.values) > 1 else 0
        why = f"{statistics.mean(self.values):.2f}" + f" ± {spread:.2f}" * (len(self.values) > 1) + " Mbit/s"
        if self.shares:
            why += f", {statistics.mean(self.shares) * 100:.0f} % of the two"
        ours = self.role == "both"
        if ours and not self.case.cross and statistics.mean(self.values) < GOODPUT_MIN * LINK_MBIT:
            return "failed", why + f", less than {GOODPUT_MIN * 100:.0f} % of the link"
        if ours and self.case.cross and not SHARE_MIN <= statistics.mean(self.shares) <= SHARE_MAX:
            return "failed", why + f", not {SHARE_MIN * 100:.0f} to {SHARE_MAX * 100:.0f} %"
        return "passed", why


def cells_of(peers, cases, us=US):
    """All that can be asked of the peers, as fields of the matrix."""
    us = Peer(us)
    for name in peers:
        peer = us if name == us.name else Peer(name)
        for case in cases:
            if name == us.name:
                yield Cell(name, "both", case, us, us)
                continue
            if "client" in peer.alpns:
                yield Cell(name, "client", case, peer, us)
            if "server" in peer.alpns:
                yield Cell(name, "server", case, us, peer)


# ---- whose fault a failure is ----

OPPOSITE = {"client": "server", "server": "client"}
# Who takes our place, the quick ones first; and how many of them, at most, for one field.
STAND_INS = ("ngtcp2", "nginx", "caddy", "haproxy", "aioquic", "curl", "openssl")
THIRDS = 2
SEEDS = 3


def stand_ins(failed, results):
    """For each result that failed, cells with another implementation in our place: those that
    pass the same case beside us, or that have not been seen in it yet. The peer's script may name
    a single one."""
    passed = {(r["peer"], r["role"], r["case"]): r["result"] == "passed" for r in results}
    peers = {name: Peer(name) for name in peer_names()} if failed else {}
    for r in failed:
        other = OPPOSITE.get(r["role"])
        wanted = peers[r["peer"]].fails.get((r["role"], r["case"]))
        names = [name for name in (wanted[:1] if wanted else STAND_INS)
                 if other in peers[name].alpns and (name != r["peer"] or wanted) and
                 passed.get((name, other, r["case"]), True)]
        names.sort(key=lambda name: (name, other, r["case"]) not in passed)
        cells = (stand_in(r, peers, name) for name in names)
        yield from itertools.islice((cell for cell in cells if not cell.why_not()), THIRDS)


def stand_in(result, peers, name):
    ends = {result["role"]: peers[result["peer"]], OPPOSITE[result["role"]]: peers[name]}
    cell = Cell(result["peer"], result["role"], BY_NAME[result["case"]], ends["client"], ends["server"], name)
    cell.runs = SEEDS if cell.case.by_chance else 1
    return cell


def unseen(thirds, results):
    """(peer, role, case) of the stand-ins beside us, as far as there is no result of it."""
    known = {(r["peer"], r["role"], r["case"]) for r in results}
    return {(c.third, OPPOSITE[c.role], c.case.name) for c in thirds} - known


def conclude(failed, found, results):
    """Notes with each failure the reason in the peer's script, and what came of the stand-ins that
    pass the same case beside us: found has their cells and results. One that did not come to run is
    no witness. matrix.is_own() says what follows."""
    passed = {(r["peer"], r["role"], r["case"]) for r in results if r["result"] == "passed"}
    for r in failed:
        key = r["peer"], r["role"], r["case"]
        r["reason"] = Peer(r["peer"]).fails.get(key[1:], ("", ""))[1]
        r["thirds"] = [{"peer": cell.third, "result": f["result"], "why": f["why"]} for cell, f in found
                       if cell.key == key and f["result"] != "unsupported" and cell.ran and
                       (cell.third, OPPOSITE[cell.role], cell.case.name) in passed]

#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The runner itself, without a machine: whose fault a failure is, what the selection of
make check covers, and that nothing of a machine is left when the runner is told to end."""

import importlib.machinery
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from types import SimpleNamespace

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))

import matrix                                                       # noqa: E402
from cases import CASES, SHORT                                      # noqa: E402
from cells import THIRDS, Peer, cells_of, conclude, peer_names, stand_ins, unseen  # noqa: E402
from machine import DIED, Machine, family                               # noqa: E402
from rules_test import Report                                       # noqa: E402


def result(peer, role, case, what, why=""):
    return {"peer": peer, "role": role, "case": case, "result": what, "why": why}


def program():
    path = os.path.join(os.path.dirname(os.path.realpath(__file__)), "interop")
    loader = importlib.machinery.SourceFileLoader("interop_runner", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("interop_runner", loader))
    loader.exec_module(module)
    return module


class WhoseFault(unittest.TestCase):
    failed = result("curl", "client", "longrtt", "failed", "too late")

    def stand_ins(self, *results):
        return [cell.third for cell in stand_ins([self.failed], [self.failed, *results])]

    def concluded(self, *outcomes, beside_us="passed", ran=True):
        """The failure after stand-ins did that, which beside us did something else."""
        failed = dict(self.failed)
        cells = list(stand_ins([failed], []))
        for cell in cells:
            cell.ran = ran
        results = [failed] + [result(cell.third, "server", "longrtt", beside_us) for cell in cells]
        conclude([failed], [(cell, result("curl", "client", "longrtt", what))
                            for cell, what in zip(cells, outcomes)], results)
        return failed

    def test_stand_ins_have_the_other_role_and_a_common_protocol(self):
        self.assertEqual(len(self.stand_ins()), THIRDS)
        for name in self.stand_ins():
            self.assertIn("h3", Peer(name).alpns["server"])

    def test_one_that_passes_beside_us_comes_first(self):
        self.assertEqual(self.stand_ins(result("aioquic", "server", "longrtt", "passed"))[0], "aioquic")

    def test_one_that_fails_beside_us_is_none(self):
        self.assertNotIn("ngtcp2", self.stand_ins(result("ngtcp2", "server", "longrtt", "failed")))

    def test_what_is_not_known_of_it_is_run(self):
        thirds = list(stand_ins([self.failed], []))
        self.assertEqual(unseen(thirds, []), {(c.third, "server", "longrtt") for c in thirds})
        self.assertEqual(unseen(thirds, [result(c.third, "server", "longrtt", "passed") for c in thirds]), set())

    def test_own_if_all_fail(self):
        self.assertTrue(matrix.is_own(self.concluded("failed", "failed")))

    def test_ours_if_one_passes(self):
        self.assertFalse(matrix.is_own(self.concluded("failed", "passed")))

    def test_ours_if_there_is_none(self):
        self.assertFalse(matrix.is_own(self.concluded()))
        self.assertFalse(matrix.is_own(self.concluded("unsupported", "unsupported")))

    def test_one_that_fails_beside_us_as_well_shows_nothing(self):
        self.assertFalse(matrix.is_own(self.concluded("failed", "failed", beside_us="failed")))

    def test_one_that_did_not_run_shows_nothing(self):
        self.assertFalse(matrix.is_own(self.concluded("failed", "failed", ran=False)))

    def test_of_ourselves_nobody_takes_the_place(self):
        self.assertEqual(list(stand_ins([result("quic", "both", "handshake", "failed")], [])), [])

    def test_the_page_says_it(self):
        with tempfile.TemporaryDirectory() as directory:
            page = os.path.join(directory, "page.md")
            matrix.write_markdown([self.concluded("failed", "failed")], page)
            with open(page) as file:
                text = file.read()
        self.assertIn("| (✗) |", text)
        self.assertRegex(text, "(?s)## The peer's own\n\n- curl, client: longrtt: too late. With .* in our place: failed")


class Judged(unittest.TestCase):
    """What the program makes of a job's end."""

    def judged(self, left):
        """The cell of a job that left this as result.json; None: nothing."""
        cell = next(cell for cell in cells_of(["nginx"], CASES) if cell.case.name == "handshake")
        job = next(iter(cell.jobs(1, {1: "certs"})))
        with tempfile.TemporaryDirectory() as out:
            run = SimpleNamespace(current={job["id"]: cell}, lock=threading.Lock(), failed=out, report=lambda *_: None,
                                  options=SimpleNamespace(keep=False))
            path = None
            if left:
                path = os.path.join(out, "machine", job["id"])
                os.makedirs(path)
                with open(os.path.join(path, "result.json"), "w") as file:
                    json.dump(left, file)
            program().Run.judge(run, job, path, "" if path else DIED)
        self.assertEqual([result for result, _ in cell.verdicts], ["failed"])
        return cell

    def test_a_failure_is_seen(self):
        self.assertTrue(self.judged({"probe": "", "client": 1, "files": ""}).ran)

    def test_a_setup_that_broke_did_not_run(self):
        self.assertFalse(self.judged({"broken": "RuntimeError: no 'listening on' in log/left"}).ran)

    def test_a_server_that_did_not_answer_did_not_run(self):
        self.assertFalse(self.judged({"probe": "no Version Negotiation within 10 s", "server": None}).ran)

    def test_a_machine_that_died_did_not_run(self):
        self.assertFalse(self.judged(None).ran)


class Short(unittest.TestCase):
    def test_every_case_once_or_more(self):
        self.assertEqual({case for _, _, case in SHORT}, {case.name for case in CASES})

    def test_every_peer_in_each_of_its_roles(self):
        wanted = {(name, role) for name in peer_names() if name != "quic" for role in Peer(name).alpns}
        self.assertLessEqual(wanted, {(peer, role) for peer, role, _ in SHORT})

    def test_all_of_it_can_be_asked_for(self):
        cells = {cell.key: cell for cell in cells_of(peer_names(), CASES)}
        for key in SHORT:
            self.assertIn(key, cells)
            self.assertEqual(cells[key].why_not(), "", key)


class Fake(Machine):
    """A machine whose processes have sessions of their own, and ignore what may be ignored."""

    def command(self):
        return ["bash", "-c", "trap '' TERM INT; setsid sleep 1000 & setsid bash -c 'sleep 1000; :' & wait; :"]


class Cancelled(unittest.TestCase):
    def test_nothing_is_left(self):
        job = {"id": "a-job", "cost": 1}
        given = []
        with tempfile.TemporaryDirectory() as out:
            machine = Fake("machine", "uml", out, lambda: job, lambda *what: given.append(what))
            machine.start()
            while not machine.process or len(processes := family(machine.process.pid)) < 4:
                time.sleep(0.05)
            machine.cancel()
        self.assertEqual(given, [(job, None, "given up")])
        self.assertFalse(machine.is_alive())
        time.sleep(0.2)
        alive = subprocess.run(["ps", "-o", "pid=,stat=", "-p", ",".join(map(str, processes))],
                               capture_output=True, text=True).stdout
        self.assertEqual([line for line in alive.splitlines() if "Z" not in line.split()[1]], [])


if __name__ == "__main__":
    unittest.main(testRunner=unittest.TextTestRunner(resultclass=Report, verbosity=0))

# SPDX-License-Identifier: GPL-2.0-or-later
"""A test machine that is given jobs one after the other, and started anew if it dies.

It is the debug kernel in virtual time (uml), where waiting costs nothing and no processor is
too slow for the link; or a stock kernel (6.1, 6.12) in QEMU, by the clock on the wall.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.realpath(__file__)), "../../.."))
BUILD = os.environ.get("BUILD") or os.path.join(TOP, "build")
VM = os.path.join(TOP, "tests/vm")
# A fork in User Mode Linux copies the page tables of KASAN's shadow of all memory, and kmemleak takes a
# stack trace for each object: three times as slow with both. The tests of the sockets look for leaks.
LEAN = ["-m", "1024", "-L", "-a"]
NO_KMEMLEAK = "kmemleak=off"
QEMU = ["-m", "3072"]
START_SECONDS = 120
SECONDS_PER_COST = 60       # until a job is given up: on a slow machine shared with others
FOREVER = "1000000"         # virtual seconds pass quickly
DIED, STUCK = "the machine died", "the machine made no progress"


def family(pid):
    """The process and all below it."""
    below = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/stat") as stat:
                parent = int(stat.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
        below.setdefault(parent, []).append(int(entry))
    found = [pid]
    for one in found:
        found += below.get(one, [])
    return found


def signal_all(pids, sig):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sig)


def kill_family(pid):
    """Stopped first, none can start others while they are counted, nor outlive its parent."""
    known = []
    while (found := family(pid)) != known:
        signal_all(found, signal.SIGSTOP)
        known = found
    signal_all(reversed(known), signal.SIGKILL)


class Machine(threading.Thread):
    def __init__(self, name, kernel, out, take, give):
        super().__init__(name=name)
        self.kernel, self.take, self.give = kernel, take, give
        self.out = os.path.join(out, name)
        self.process, self.number, self.reports = None, 0, []
        self.cancelled = threading.Event()

    def command(self):
        runner = {"uml": [os.path.join(VM, "uml-run"), "-T", *LEAN, NO_KMEMLEAK],
                  "uml-clock": [os.path.join(VM, "uml-run"), *LEAN, NO_KMEMLEAK + " time-travel"]}.get(
                      self.kernel, [os.path.join(VM, "qemu-run"), *QEMU])
        return [*runner, "-t", FOREVER, "-o", self.out,
                *(["--"] if self.kernel.startswith("uml") else [self.kernel]), "-c",
                'exec /usr/bin/python3 "$0" "$@"', os.path.join(TOP, "tests/interop/runner/guest.py"),
                os.path.join(TOP, "tests/interop/peers"), os.path.join(BUILD, "tests/interop/forward"),
                os.path.join(VM, "trixie-root")]

    def boot(self):
        shutil.rmtree(self.out, ignore_errors=True)
        os.makedirs(os.path.join(self.out, "queue"))
        self.log = open(self.out + ".log", "w")
        self.process = subprocess.Popen(self.command(), cwd=TOP, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=self.log, env=dict(os.environ, BUILD=BUILD),
                                        start_new_session=True)      # a ^C is for us alone
        self.number = 0

    def queue(self, job):
        self.number += 1
        path = os.path.join(self.out, "queue", f"{self.number}.json")
        with open(path + ".part", "w") as file:
            json.dump(job, file)
        os.rename(path + ".part", path)

    def run_job(self, job):
        """The directory with what it left; None and why if nothing."""
        fresh = self.process is None
        if fresh:
            self.boot()
        self.queue(job)
        target = os.path.join(self.out, job["id"])
        deadline = time.monotonic() + job["cost"] * SECONDS_PER_COST + 60 + START_SECONDS * fresh
        while not os.path.exists(os.path.join(target, "result.json")):
            if self.process.poll() is not None:
                self.end()
                return None, DIED
            if self.cancelled.wait(0.05):
                self.kill()
                return None, "given up"
            if time.monotonic() > deadline:
                self.kill()
                return None, STUCK
        return target, ""

    def kill(self):
        kill_family(self.process.pid)
        self.process.wait()
        self.process = None

    def wait(self, seconds):
        """Its exit status; None if it has not ended by then, or is given up."""
        deadline = time.monotonic() + seconds
        while (status := self.process.poll()) is None and time.monotonic() < deadline:
            if self.cancelled.wait(0.05):
                break
        return status

    def end(self):
        """Lets it go; what its kernel had to say against us goes to reports."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.queue("end")
        status = self.wait(START_SECONDS)
        if status is None:
            self.reports.append("the machine does not end")
            return self.kill()
        if status:
            with open(self.out + ".log", errors="replace") as log:
                self.reports.append(f"status {status}; the end of its output:\n{log.read()[-3000:]}")
        self.process = None

    def run(self):
        while not self.cancelled.is_set() and (job := self.take()) is not None:
            path, why = self.run_job(job)
            if why == DIED:         # which was reported; the job may be innocent
                path, why = self.run_job(job)
            self.give(job, path, why)
        self.end()

    def cancel(self):
        """From another thread: no more jobs, and nothing of the machine is left afterwards."""
        self.cancelled.set()
        self.join()

#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The runner's part inside the machine.

    guest.py PEERS FORWARD TRIXIE-ROOT

Takes jobs from $OUT/queue/1.json, 2.json, ... until one says "end"; for each it builds the
network, starts server, captures, forwarder and client, and leaves in $OUT/ID/ the captures
of both sides, the key log, the logs and result.json, which tells how the two ended and
whether the files are the same. The verdict is not made here.

The network: client - sim - server, three namespaces. Each device of sim is a link of its
own: delay, then a queue of 25 packets emptied at 10 Mbit/s. sim routes in the kernel, or,
where a case needs what netem cannot do, by the forwarder. Captures are of sim's devices.
"""

import contextlib
import ctypes
import filecmp
import json
import os
import random
import shutil
import signal
import socket
import string
import subprocess
import sys
import time

WORK = "/run/interop"
NAMESPACES = ("client", "sim", "server")
CLIENT = ("193.167.0.100", "fd00:cafe:cafe:0::100")
SERVER = ("193.167.100.100", "fd00:cafe:cafe:100::100")
PREFERRED = ("193.167.100.101", "fd00:cafe:cafe:100::101")
SIM_CLIENT = ("193.167.0.2", "fd00:cafe:cafe:0::2")
SIM_SERVER = ("193.167.100.2", "fd00:cafe:cafe:100::2")
MAC = {"c0": "02:00:00:00:00:01", "left": "02:00:00:00:00:02", "right": "02:00:00:00:00:03",
       "s0": "02:00:00:00:00:04"}
HOSTS = {"server4": SERVER[:1], "server6": SERVER[1:], "server46": SERVER}
RATE, QUEUE = "10mbit", 25
PROBE = bytes.fromhex("c0574149540000").ljust(1200, b"\0")
PROBE_SECONDS = 10
UNSUPPORTED = 127


def run(*command, **options):
    return subprocess.run(command, check=True, **options)


# ---- the network ----

@contextlib.contextmanager
def namespace(name):
    """Sockets made inside belong to that namespace; this program has one thread."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net") as home, open("/run/netns/" + name) as there:
        if libc.setns(there.fileno(), 0):
            raise OSError(ctypes.get_errno(), "setns")
        try:
            yield
        finally:
            libc.setns(home.fileno(), 0)


def batch(tool, name, lines):
    run(tool, *(["-n", name] if name else []), "-batch", "-", input="\n".join(lines), text=True)


def device(dev, addresses, gateways, neighbours, beyond):
    """What ip is to do for a device; no time is spent on finding its neighbours."""
    lines = [f"link set dev {dev} address {MAC[dev]}"]
    for address in addresses:
        v6 = ":" in address
        lines.append(f"addr add {address}/{64 if v6 else 24} dev {dev}" + " nodad" * v6)
    lines.append(f"link set dev {dev} up")
    lines += [f"neigh add {neighbour} lladdr {MAC[beyond]} nud permanent dev {dev}" for neighbour in neighbours]
    lines += [f"route add default via {gateway}" for gateway in gateways]
    return lines


def plain_packets(name, dev):
    """No packets larger than the wire's, whole checksums: captures show what would be sent."""
    off = [word for feature in ("tx", "rx", "gso", "gro", "tso", "tx-udp-segmentation")
           for word in (feature, "off")]
    with namespace(name):
        run("ethtool", "-K", dev, *off, stdout=subprocess.DEVNULL)


def sysctl(name, **values):
    with namespace(name):
        for key, value in values.items():
            with open("/proc/sys/net/" + key.replace("__", "/"), "w") as file:
                file.write(str(value))


def network_up(delay, kernel_forwards, server):
    """`server`: its addresses. No more than are asked for: one that answers from a socket
    without an address may choose any of them."""
    network_down()
    for name in NAMESPACES:
        run("ip", "netns", "add", name)
        batch("ip", name, ["link set lo up"])
        sysctl(name, ipv6__conf__default__accept_dad=0, ipv6__conf__all__accept_dad=0,
               ipv6__conf__default__router_solicitations=0)
    batch("ip", None, ["link add c0 netns client type veth peer name left netns sim",
                       "link add s0 netns server type veth peer name right netns sim"])
    for name, dev in (("client", "c0"), ("sim", "left"), ("sim", "right"), ("server", "s0")):
        plain_packets(name, dev)
    batch("ip", "client", device("c0", CLIENT, SIM_CLIENT, SIM_CLIENT, "left"))
    batch("ip", "sim", device("left", SIM_CLIENT, (), CLIENT, "c0") +
          device("right", SIM_SERVER, (), server, "s0"))
    batch("ip", "server", device("s0", server, SIM_SERVER, SIM_SERVER, "right"))
    for dev in ("left", "right"):
        batch("tc", "sim", [f"qdisc add dev {dev} root handle 1: netem delay {delay}ms limit 10000",
                            f"qdisc add dev {dev} parent 1:1 handle 2: netem rate {RATE} limit {QUEUE}"])
    on = int(kernel_forwards)
    sysctl("sim", ipv4__ip_forward=on, ipv6__conf__all__forwarding=on)


def network_down():
    for name in NAMESPACES:
        if os.path.exists("/run/netns/" + name):
            pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True).stdout
            for pid in pids.split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            run("ip", "netns", "del", name)


def counters(name):
    """The counters of a namespace's QUIC sockets, as they differ from 0."""
    with namespace(name), open("/proc/thread-self/net/quic/snmp") as file:
        return "".join(line for line in file if line.split()[1:] != ["0"])


def dropped():
    """What the queues threw away, by device."""
    out = subprocess.run(["tc", "-n", "sim", "-j", "-s", "qdisc", "show"], capture_output=True, text=True)
    return {q["dev"]: q["drops"] for q in json.loads(out.stdout or "[]") if q.get("parent") == "1:1"}


# ---- processes ----

class Process:
    """A program in a namespace; its output is in a log; it and its children end together."""

    def __init__(self, name, command, log, env=None):
        self.log = open(log, "ab")
        self.popen = subprocess.Popen(["ip", "netns", "exec", name, *command], env=env,
                                      stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                                      start_new_session=True)

    def wait(self, seconds):
        """Its exit status, or None if it has not ended."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, sig=signal.SIGTERM, seconds=5):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, sig)
        status = self.wait(seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.wait(5)
        self.log.close()
        return status


def wait_for_text(path, text, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with open(path, errors="replace") as log:
            if text in log.read():
                return
        time.sleep(0.02)
    raise RuntimeError(f"no '{text}' in {path}")


def negotiates(answer):
    """RFC 8999 §6: a Version Negotiation packet that echoes the probe's empty IDs."""
    return len(answer) >= 11 and answer[0] & 0x80 and answer[1:7] == bytes(6)


def probe(server, address):
    """A packet of an unknown version until Version Negotiation comes: the reason if none does."""
    with namespace("sim"):
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(0.3)
    deadline = time.monotonic() + PROBE_SECONDS
    with sock:
        while time.monotonic() < deadline:
            if server.popen.poll() is not None:
                return "the server has ended"
            try:
                sock.sendto(PROBE, (address, 443))
                if negotiates(sock.recv(2000)):
                    return ""
            except TimeoutError:
                continue
            except OSError:
                time.sleep(0.3)
    return f"no Version Negotiation within {PROBE_SECONDS} s"


# ---- a job ----

class Job:
    def __init__(self, job, peers, forward):
        self.job, self.peers, self.forward = job, peers, forward
        self.dir = WORK + "/job"
        self.result = {"id": job["id"]}
        self.processes = []

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def make_files(self):
        chance = random.Random(self.job["seed"])
        for name in ("www", "downloads", "log", "qlog/client", "qlog/server", "certs"):
            os.makedirs(self.path(name))
        shutil.copytree(self.job["certs"], self.path("certs"), dirs_exist_ok=True)
        self.names = []
        for size in self.job["files"]:
            name = "".join(chance.choices(string.ascii_lowercase, k=self.job["name_length"]))
            with open(self.path("www", name), "wb") as file:
                file.write(chance.randbytes(size))
            self.names.append(name)

    def environment(self, role):
        host = self.job["host"]
        env = dict(os.environ, ROLE=role, TESTCASE=self.job[role + "_testcase"],
                   SSLKEYLOGFILE=self.path(f"keys-{role}"), QLOGDIR=self.path("qlog", role),
                   CLIENT_PARAMS="", SERVER_PARAMS="", WWW=self.path("www"), ALPN=self.job["alpn"],
                   DOWNLOADS=self.path("downloads"), CERTS=self.path("certs"))
        if role == "client":
            env["REQUESTS"] = " ".join(f"https://{host}:443/{name}" for name in self.names)
        elif self.job["server_testcase"] == "connectionmigration":
            env["PREFERRED"] = " ".join(PREFERRED)
        return env

    def start(self, *arguments, **options):
        process = Process(*arguments, **options)
        self.processes.append(process)
        return process

    def endpoint(self, role):
        return self.start(role, [os.path.join(self.peers, self.job[role])], self.path("log", role),
                          env=self.environment(role))

    def capture(self, dev):
        log = self.path("log", dev)
        self.start("sim", ["tcpdump", "-Z", "root", "-B", "32768", "-s", str(self.job["snaplen"]), "-i", dev,
                           "-w", self.path(dev + ".pcap"), "udp or tcp"], log)
        wait_for_text(log, "listening on")

    def forwarder(self):
        log = self.path("log", "forward")
        self.start("sim", [self.forward, "--client", f"left,{MAC['c0']}", "--server", f"right,{MAC['s0']}",
                           "--seed", str(self.job["seed"]), *self.job["forward"]], log)
        wait_for_text(log, "forwarding")

    def cross_traffic(self):
        """A TCP flow of iperf3 beside, from the server's side, for as long as it is let."""
        batch("ip", "client", ["addr add 193.167.0.90/24 dev c0"])
        batch("ip", "server", ["addr add 193.167.100.110/24 dev s0"])
        self.start("client", ["iperf3", "-s", "-B", "193.167.0.90"], self.path("log", "iperf-server"))
        time.sleep(1)
        self.start("server", ["iperf3", "-c", "193.167.0.90", "-B", "193.167.100.110", "-C", "cubic",
                              "-t", str(self.job["limit"])], self.path("log", "iperf-client"))

    def compare(self):
        """The files, byte by byte: what is wrong with them."""
        wrong = []
        found = {name: os.path.join(at, name) for at, _, names in os.walk(self.path("downloads"))
                 for name in names}
        for name in self.names:
            path = found.pop(name, None)
            if not path:
                wrong.append(f"{name[:20]} is missing")
            elif not filecmp.cmp(path, self.path("www", name), shallow=False):
                wrong.append(f"{name[:20]} differs")
        wrong += [f"{name[:20]} was not asked for" for name in found]
        return "; ".join(wrong[:3]) + (f"; {len(wrong) - 3} more" if len(wrong) > 3 else "")

    def run_client(self):
        if self.job["cross"]:
            self.cross_traffic()
        begin = time.monotonic()
        client = self.endpoint("client")
        self.result["client"] = client.wait(self.job["limit"])
        self.result["seconds"] = round(time.monotonic() - begin, 2)
        self.result["files"] = self.compare()

    def run(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        os.makedirs(self.dir)
        self.make_files()
        migrates = self.job["server_testcase"] == "connectionmigration"
        network_up(self.job["delay"], not self.job["forward"], SERVER + PREFERRED if migrates else SERVER)
        server = self.endpoint("server")
        try:
            self.result["probe"] = probe(server, SERVER[self.job["host"] == "server6"])
            if not self.result["probe"]:
                self.capture("left")
                self.capture("right")
                if self.job["forward"]:
                    self.forwarder()
                self.run_client()
                time.sleep(1)
            elif self.job["server_testcase"] == "unheard-of":
                self.run_client()
            self.result["dropped"] = dropped()
            for name in ("client", "server"):
                with open(self.path("log", "snmp-" + name), "w") as file:
                    file.write(counters(name))
        finally:
            self.result["server"] = server.popen.poll()
            for process in reversed(self.processes):
                process.stop(signal.SIGINT if process is not server else signal.SIGTERM)
            network_down()


def save(job, out):
    """The results, without the files that were transferred; result.json comes last."""
    target = os.path.join(out, job.job["id"])
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(job.dir, target, ignore=shutil.ignore_patterns("www", "downloads", "certs"))
    part = os.path.join(target, "result.part")
    with open(part, "w") as file:
        json.dump(job.result, file, indent=1)
    os.rename(part, os.path.join(target, "result.json"))


def jobs(queue):
    number = 1
    while True:
        path = os.path.join(queue, f"{number}.json")
        while not os.path.exists(path):
            time.sleep(0.05)
        with open(path) as file:
            job = json.load(file)
        if job == "end":
            return
        yield job
        number += 1


def enter_trixie(script):
    """Makes the Debian 13 root ready to be entered, for all peers: TRIXIE says where it is."""
    run(script, "--enter", "true")
    os.environ["TRIXIE"] = run(script, stdout=subprocess.PIPE, text=True).stdout.strip()


def main():
    peers, forward, trixie_root = sys.argv[1:4]
    out = os.environ["OUT"]
    with open("/etc/hosts", "a") as hosts:
        for name, addresses in HOSTS.items():
            hosts.writelines(f"{address} {name}\n" for address in addresses)
    enter_trixie(trixie_root)
    run("modprobe", "quic")
    for description in jobs(os.path.join(out, "queue")):
        job = Job(description, peers, forward)
        try:
            job.run()
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            job.result["broken"] = f"{type(error).__name__}: {error}"
        save(job, out)


if __name__ == "__main__":
    main()

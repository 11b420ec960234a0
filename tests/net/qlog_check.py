#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""qlog_check.py BYTES FILE FILE - are these the qlog files of both ends of one connection, over
which the client sent that many bytes with some loss?  draft-ietf-quic-qlog-main-schema §5,
-quic-events §5 to §8."""
import json
import sys

NAMES = {"connection_started", "connection_closed", "connection_state_updated", "packet_sent",
         "packet_received", "packet_lost", "packet_dropped", "recovery_metrics_updated",
         "congestion_state_updated", "key_updated"}


def load(path):
    text = open(path, encoding="ascii").read()
    assert text[0] == "\x1e" and text[-1] == "\n", path
    records = [json.loads(r) for r in text[1:].split("\x1e")]
    head = records[0]
    assert head["file_schema"] == "urn:ietf:params:qlog:file:sequential", head
    assert head["serialization_format"] == "application/qlog+json-seq", head
    assert head["trace"]["event_schemas"] == ["urn:ietf:params:qlog:events:quic"], head
    times = [e["time"] for e in records[1:]]
    assert times[0] == 0 and times == sorted(times), "times"
    assert {e["name"] for e in records[1:]} <= {"quic:" + n for n in NAMES}
    return head["trace"], records[1:]


def pick(events, name):
    return [e["data"] for e in events if e["name"] == "quic:" + name]


def numbers(packets, kind="1RTT"):
    return [p["header"]["packet_number"] for p in packets if p["header"]["packet_type"] == kind]


def frames(packets, kind):
    return [f for p in packets for f in p["frames"] if f["frame_type"] == kind]


def covered(packets):
    have = set()
    for f in frames(packets, "stream"):
        if f["stream_id"] == 0:
            have.update(range(f["offset"], f["offset"] + f["raw"]["payload_length"]))
    return len(have)


def main():
    size = int(sys.argv[1])
    by_role = {}
    for path in sys.argv[2:]:
        trace, events = load(path)
        by_role[trace["vantage_point"]["type"]] = (trace, events)
    assert set(by_role) == {"client", "server"}, by_role.keys()
    (ct, client), (st, server) = by_role["client"], by_role["server"]
    assert ct["common_fields"]["group_id"] == st["common_fields"]["group_id"]
    sent, got = pick(client, "packet_sent"), pick(server, "packet_received")
    assert set(numbers(got)) <= set(numbers(sent)), "received, and not sent"
    assert numbers(sent) == sorted(set(numbers(sent))), "a number twice"
    assert covered(sent) == covered(got) == size, (covered(sent), covered(got))
    assert any(f["fin"] for f in frames(got, "stream"))
    lost = pick(client, "packet_lost")
    assert lost and set(numbers(lost)) <= set(numbers(sent)), "losses"
    acked = set()
    for f in frames(pick(client, "packet_received"), "ack"):
        for r in f["acked_ranges"]:
            acked.update(range(r[0], r[-1] + 1))
    assert set(numbers(got)) & acked, "acknowledgments"
    assert frames(pick(server, "packet_sent"), "ack"), "acknowledgments sent"
    assert frames(sent, "crypto") and frames(got, "crypto")
    metrics = pick(client, "recovery_metrics_updated")
    assert any(m.get("smoothed_rtt", 0) >= 9 for m in metrics), "two legs of 5 ms"
    assert len({m["congestion_window"] for m in metrics if "congestion_window" in m}) > 3
    keys = {k["key_type"] for k in pick(client, "key_updated")}
    assert {"client_handshake_secret", "server_1rtt_secret", "client_1rtt_secret"} <= keys, keys
    states = [s["new"] for s in pick(server, "connection_state_updated")]
    assert states[:2] == ["attempted", "handshake_complete"], states
    started = pick(client, "connection_started")[0]
    assert started["remote"]["ip_v6"] == "fd00::2" and started["remote"]["port_v6"] == 4433, started
    assert pick(client, "connection_closed") and pick(server, "connection_closed")


main()

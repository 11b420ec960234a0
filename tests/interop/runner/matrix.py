# SPDX-License-Identifier: GPL-2.0-or-later
"""The results as people and programs read them: JSON, Markdown, HTML, and the terminal."""

import html
import json

from cases import CASES

SIGNS = {"passed": "✓", "failed": "✗", "own": "(✗)", "unsupported": "–", None: ""}
ROLES = ("client", "server", "both")

INTRO = """\
# Interoperation

Our endpoint on the kernel's sockets against other implementations, in the cases of the public QUIC interop
runner. This page is written by `make interop` (tests/interop/runner); the same results are in
`build/interop.json` and, with colours, in `build/interop.html`.

"""

ABOUT = """\
## How to read it

✓ passed, ✗ failed, (✗) failed by the peer's own fault, – unsupported by one of the two (the endpoint's exit status
127, or what the peer's script says), \\* over HTTP/3, because the peer does not speak hq-interop. **Role** is the role
of the peer: in the rows `client` the peer's client talks to our server, in those of `server` our client to the
peer's server; `both` is ourselves on both sides.

What fails is run again with one or two third implementations in our place, those that pass the same case beside us;
where chance decides what is lost or spoiled, with three seeds each, of which one that fails is enough. Where the
peer's script (tests/interop/peers) tells the reason, it names a single one, which may be the peer's own other end.
Where they fail as well the fault is the peer's own; where one passes, or there is none, it counts as ours,
and `make interop` ends with a status that is not 0.

A run is judged as the public runner does it: by captures of both sides of the link, decrypted by tshark with the
key logs, and by comparing the files (tests/interop/runner/rules.py). The link is 10 Mbit/s, 15 ms one way, with a
queue of 25 packets. What netem cannot do (loss with a cap on bursts, corruption with right checksums, the black
hole, NAT rebinding) is done by a forwarder, tests/interop/forward.

The machine is the debug kernel of the tests in virtual time: time stands still while anything computes, so that
the link is the bottleneck and never the processor, and runs repeat. `make interop KERNEL=6.12` takes a stock kernel.

    make interop                                  every peer, every case
    make interop PEERS="quic ngtcp2" CASES="H DC L1"   some of them; the other fields stay as they were

What failed leaves captures, key logs and the endpoints' output in `build/interop/failed`.

"""


def rows(results):
    """(peer, role) in the order of the page, with its results by case."""
    table = {}
    for r in results:
        table.setdefault((r["peer"], r["role"]), {})[r["case"]] = r
    return sorted(table.items(), key=lambda item: (item[0][0] != "quic", item[0][0], ROLES.index(item[0][1])))


def is_own(r):
    """The peer's own fault: third implementations in our place failed as well, each of them."""
    thirds = r.get("thirds") or []
    return r["result"] == "failed" and bool(thirds) and all(t["result"] == "failed" for t in thirds)


def kind(r):
    return r and ("own" if is_own(r) else r["result"])


def sign(r):
    return SIGNS[kind(r)] + ("*" if r and r.get("alpn") == "h3" and r["case"] != "http3" else "")


def columns(results):
    used = {r["case"] for r in results}
    return [case for case in CASES if case.name in used]


def count(results):
    numbers = [sum(kind(r) == what for r in results) for what in ("passed", "failed", "own", "unsupported")]
    return "{} passed, {} failed, {} failed by the peer's own fault, {} unsupported".format(*numbers)


KEYS = ("peer", "role", "case", "result", "why", "reason", "thirds")


def write_json(results, path):
    with open(path, "w") as file:
        json.dump([{key: r[key] for key in KEYS if r.get(key) or key == "why"} for r in results], file, indent=1)
        file.write("\n")


def terminal(results):
    cases = columns(results)
    lines = [f"{'':22}" + "".join(f"{case.letter:>4}" for case in cases)]
    for (peer, role), cells in rows(results):
        lines.append(f"{peer + ' ' + role:22}" + "".join(f"{sign(cells.get(c.name)):>4}" for c in cases))
    return "\n".join(lines)


# ---- Markdown ----

def md_row(cells):
    return "| " + " | ".join(cells) + " |\n"


def md_table(head, body):
    return md_row(head) + md_row("---" for _ in head) + "".join(md_row(row) for row in body)


def md_matrix(results):
    cases = columns(results)
    return md_table(["peer", "role"] + [case.letter for case in cases],
                    [[peer, role] + [sign(cells.get(case.name)).replace("*", "\\*") for case in cases]
                     for (peer, role), cells in rows(results)])


def md_cases(results):
    return md_table(["", "case"], [[case.letter, case.name] for case in columns(results)])


def evidence(r):
    """Why it is so, and what came of those in our place."""
    reason = r.get("reason", "") if is_own(r) else ""
    text = f" {reason[0].upper()}{reason[1:]}." if reason else ""
    for third in r.get("thirds") or []:
        text += f" With {third['peer']} in our place: {third['result']}" + (f": {third['why']}" if third["why"] else "") + "."
    return text


def listed(results, what):
    """A line for each case and reason, with all whom it concerns."""
    lines = {}
    for (peer, role), cells in rows(results):
        for case in CASES:
            r = cells.get(case.name)
            if r and kind(r) == what and r["why"]:
                why = r["why"] + (f".{evidence(r)}" if r.get("thirds") else "")
                lines.setdefault((peer, role, why), []).append(case.name)
    return [f"- {peer}, {role}: {', '.join(names)}: {why}\n" for (peer, role, why), names in lines.items()]


def measurements(results):
    body = [[peer, role] + [cells[name]["why"] if name in cells and cells[name]["result"] == "passed" else ""
                            for name in ("goodput", "crosstraffic")]
            for (peer, role), cells in rows(results)]
    return [row for row in body if row[2] or row[3]]


def write_markdown(results, path):
    failed, own, unsupported = (listed(results, what) for what in ("failed", "own", "unsupported"))
    with open(path, "w") as file:
        file.write(INTRO + count(results) + ".\n\n" + md_matrix(results) + "\n" + ABOUT)
        file.write("## The cases\n\n" + md_cases(results) + "\n")
        file.write("## Measured\n\nA 10 MiB download, and one of 25 MiB beside a TCP CUBIC flow of iperf3; the sender is the "
                   "server. Where ± stands: mean\nand deviation of five runs. "
                   "The rate is that of the file, between the server's first and last 1-RTT packet.\n\n" +
                   md_table(["peer", "role", "goodput", "beside TCP"], measurements(results)) + "\n")
        file.write("## What failed\n\n" + ("".join(failed) or "Nothing that is not the peer's own.\n") + "\n")
        file.write("## The peer's own\n\n" + ("".join(own) or "Nothing.\n") + "\n")
        file.write("## What is not supported\n\n" + ("".join(unsupported) or "Nothing.\n"))


# ---- HTML ----

PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>QUIC interoperation</title>
<style>
body {{ font-family: sans-serif; margin: 2em }}
table {{ border-collapse: collapse }}
td, th {{ border: 1px solid #888; padding: .25em .5em; text-align: center }}
.passed {{ background: #8fd694 }} .failed {{ background: #f28b82 }} .own {{ background: #fdd663 }}
.unsupported {{ background: #ddd }}
</style>
<h1>QUIC interoperation</h1>
<p>{count}. Role is the peer's; hover over a cell for the reason; (✗) is the peer's own fault, * is
over HTTP/3.</p>
<table><tr><th>peer</th><th>role</th>{head}</tr>
{body}</table>
</html>
"""


def html_cell(r):
    if not r:
        return "<td></td>"
    title = html.escape(r["why"] + evidence(r), quote=True)
    return f'<td class="{kind(r)}" title="{title}">{sign(r)}</td>'


def write_html(results, path):
    cases = columns(results)
    head = "".join(f'<th title="{html.escape(case.name)}">{html.escape(case.letter)}</th>' for case in cases)
    body = "".join(f"<tr><th>{html.escape(peer)}</th><td>{role}</td>" +
                   "".join(html_cell(cells.get(case.name)) for case in cases) + "</tr>\n"
                   for (peer, role), cells in rows(results))
    with open(path, "w") as file:
        file.write(PAGE.format(count=count(results), head=head, body=body))

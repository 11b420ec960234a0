# SPDX-License-Identifier: GPL-2.0-or-later
"""The results as people and programs read them: JSON, Markdown, HTML, and the terminal."""

import html
import json

from cases import CASES

OWN = "the peer's own: "     # begins the reason of a failure that a third one has with the peer, too
SIGNS = {"passed": "✓", "failed": "✗", "unsupported": "–", None: ""}
ROLES = ("client", "server", "both")

INTRO = """\
# Interoperation

Our endpoint on the kernel's sockets against other implementations, in the cases of the public QUIC interop
runner. This page is written by `make interop` (tests/interop/runner); the same results are in
`build/interop.json` and, with colours, in `build/interop.html`.

"""

ABOUT = """\
## How to read it

✓ passed, ✗ failed, (✗) failed by a fault of the peer's own (below), – unsupported by one of the two (the endpoint's exit status 127, or what the peer's script
says), empty: not run yet, \\* over HTTP/3, because the peer does not speak hq-interop. **Role** is the role of the peer: in the rows
`client` the peer's client talks to our server, in those of `server` our client to the peer's server; `both` is
ourselves on both sides.

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


OWN_FAULTS = """\
## What failed by a fault of the peer's own

In each of these cases a third implementation in our place, at the other end of the same peer, failed as we did:
`make interop` runs it beside, each time, and counts the failure as the peer's only if it is seen again.

"""


def rows(results):
    """(peer, role) in the order of the page, with its results by case."""
    table = {}
    for r in results:
        table.setdefault((r["peer"], r["role"]), {})[r["case"]] = r
    return sorted(table.items(), key=lambda item: (item[0][0] != "quic", item[0][0], ROLES.index(item[0][1])))


def is_own(r):
    return r["result"] == "failed" and r["why"].startswith(OWN)


def sign(r):
    text = SIGNS[r and r["result"]]
    if r and is_own(r):
        text = f"({text})"
    return text + ("*" if r and r.get("alpn") == "h3" and r["case"] != "http3" else "")


def columns(results):
    used = {r["case"] for r in results}
    return [case for case in CASES if case.name in used]


def count(results):
    numbers = [sum(r["result"] == what for r in results) for what in ("passed", "failed", "unsupported")]
    own = sum(is_own(r) for r in results)
    return "{} passed, {} failed{}, {} unsupported".format(
        *numbers[:2], f" ({own} by a fault of the peer's own)" if own else "", numbers[2])


def write_json(results, path):
    with open(path, "w") as file:
        json.dump([{key: r[key] for key in ("peer", "role", "case", "result", "why")} for r in results],
                  file, indent=1)
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


def listed(results, what, own=False):
    """A line for each case and reason, with all whom it concerns."""
    lines = {}
    for (peer, role), cells in rows(results):
        for case in CASES:
            r = cells.get(case.name)
            if r and r["result"] == what and r["why"] and is_own(r) == own:
                lines.setdefault((peer, role, r["why"]), []).append(case.name)
    return [f"- {peer}, {role}: {', '.join(names)}: {why}\n" for (peer, role, why), names in lines.items()]


def measurements(results):
    body = [[peer, role] + [cells[name]["why"] if name in cells and cells[name]["result"] == "passed" else ""
                            for name in ("goodput", "crosstraffic")]
            for (peer, role), cells in rows(results)]
    return [row for row in body if row[2] or row[3]]


def write_markdown(results, path):
    failed, unsupported = listed(results, "failed"), listed(results, "unsupported")
    own = [line.replace(OWN, "") for line in listed(results, "failed", own=True)]
    with open(path, "w") as file:
        file.write(INTRO + count(results) + ".\n\n" + md_matrix(results) + "\n" + ABOUT)
        file.write("## The cases\n\n" + md_cases(results) + "\n")
        file.write("## Measured\n\nA 10 MiB download, and one of 25 MiB beside a TCP CUBIC flow of iperf3; the sender is the "
                   "server. Where ± stands: mean\nand deviation of five runs. "
                   "The rate is that of the file, between the server's first and last 1-RTT packet.\n\n" +
                   md_table(["peer", "role", "goodput", "beside TCP"], measurements(results)) + "\n")
        file.write("## What failed\n\n" + ("".join(failed) or "Nothing.\n") + "\n")
        if own:
            file.write(OWN_FAULTS + "".join(own) + "\n")
        file.write("## What is not supported\n\n" + ("".join(unsupported) or "Nothing.\n"))


# ---- HTML ----

PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>QUIC interoperation</title>
<style>
body {{ font-family: sans-serif; margin: 2em }}
table {{ border-collapse: collapse }}
td, th {{ border: 1px solid #888; padding: .25em .5em; text-align: center }}
.passed {{ background: #8fd694 }} .failed {{ background: #f28b82 }} .unsupported {{ background: #ddd }}
</style>
<h1>QUIC interoperation</h1>
<p>{count}. Role is the peer's; hover over a cell for the reason; * is over HTTP/3.</p>
<table><tr><th>peer</th><th>role</th>{head}</tr>
{body}</table>
</html>
"""


def html_cell(r):
    if not r:
        return "<td></td>"
    title = html.escape(r["why"], quote=True)
    return f'<td class="{r["result"]}" title="{title}">{sign(r)}</td>'


def write_html(results, path):
    cases = columns(results)
    head = "".join(f'<th title="{html.escape(case.name)}">{html.escape(case.letter)}</th>' for case in cases)
    body = "".join(f"<tr><th>{html.escape(peer)}</th><td>{role}</td>" +
                   "".join(html_cell(cells.get(case.name)) for case in cases) + "</tr>\n"
                   for (peer, role), cells in rows(results))
    with open(path, "w") as file:
        file.write(PAGE.format(count=count(results), head=head, body=body))

"""Start-up: the commands that people type most, as whole processes.

    python benchmarks/startup.py PEERS [--rounds 21] [--json FILE]

PEERS is the directory that peers.py filled. All commands run in one interleaved series; the ratios against bare Python
and a bare typer program tell what the project itself adds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from measuring import Command, Timings, as_installed, interleaved, machine_line, met, report, seconds, table
from peers import installed

BARE, HELLO, EXPLAIN, GENERATE, PEER = (
    "python -c pass",
    "typer hello",
    "fwadvisor explain 1720",
    "fwadvisor generate, all targets",
    "whatportis 1720",
)

_REGISTRY = Path(__file__).resolve().parent.parent / "fwadvisor" / "ports" / "data" / "services.tsv"

_HELLO = """\
import typer

app = typer.Typer()


@app.command()
def hello(name: str = "world") -> None:
    print(f"hello {name}")


app()
"""


def peer_database(home: Path) -> None:
    """The database that whatportis would download on its first run, made of our registry table.

    Descriptions are the names, so it is a little smaller than the real one.
    """
    names = {"t": "tcp", "u": "udp", "s": "sctp", "d": "dccp"}
    rows: dict[str, dict[str, str]] = {}
    for line in _REGISTRY.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            port, transports, name = line.split("\t")[:3]
            for transport in transports:
                row = {"name": name, "port": port, "protocol": names[transport], "description": name}
                rows[str(len(rows) + 1)] = row
    (home / ".whatportis_db.json").write_text(json.dumps({"_default": rows}), encoding="utf-8")


def commands(peers: Path, scratch: Path) -> dict[str, Command]:
    """What is measured; the hello program and the output lie in `scratch`."""
    hello = scratch / "hello.py"
    hello.write_text(_HELLO, encoding="utf-8")
    peer_database(scratch)
    ours = str(Path(sys.executable).with_name("fwadvisor"))
    main_job = ("h323-needed", "no-netmeeting", "--set", "peers=203.0.113.0/24", "--target", "all")
    return {
        BARE: Command((sys.executable, "-c", "pass")),
        HELLO: Command((sys.executable, str(hello))),
        EXPLAIN: Command((ours, "explain", "1720")),
        GENERATE: Command((ours, "generate", *main_job, "-o", str(scratch / "out"))),
        PEER: Command((str(installed(peers, "whatportis")), "1720"), home=str(scratch)),
    }


def rows(found: dict[str, Timings]) -> list[list[str]]:
    """A line for each command, with its ratios to the three that serve as measures."""
    measures = (BARE, HELLO, PEER)
    return [
        [
            name,
            seconds(timings.median),
            seconds(timings.best),
            f"{timings.peak:.0f} MB",
            *(f"{timings.median / found[measure].median:.2f}" for measure in measures),
        ]
        for name, timings in found.items()
    ]


def aims(found: dict[str, Timings]) -> list[str]:
    """What was aimed at, and whether it is met."""
    to_hello = found[EXPLAIN].median / found[HELLO].median
    to_peer = found[EXPLAIN].median / found[PEER].median
    return [
        f"explain takes at most twice the time of a bare typer program: {to_hello:.2f}, {met(to_hello <= 2)}",
        f"explain is faster than whatportis: {to_peer:.2f} of its time, {met(to_peer < 1)}",
    ]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("peers", type=Path)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    as_installed()
    with tempfile.TemporaryDirectory() as scratch:
        measured = commands(options.peers.resolve(), Path(scratch))
        interleaved(measured, 1)  # Fills the caches of files and byte code.
        found = interleaved(measured, options.rounds)
    head = ["command", "median", "best", "peak", "x python", "x typer hello", "x whatportis"]
    text = f"{machine_line()}; {options.rounds} interleaved rounds\n\n{table(head, rows(found))}\n\n"
    figures = {name: timings.figures() for name, timings in found.items()}
    report(text + "\n".join(aims(found)), {"startup": figures}, options.json)


if __name__ == "__main__":
    main()

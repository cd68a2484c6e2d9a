"""Reviews of long rule files: what ten edits of 10,000 rules do, which rules are dead, and how fast `canon` starts.

    python benchmarks/review.py [--peers DIRECTORY] [--rules 10000] [--shade 1000 2000] [--rounds 3] [--json FILE]

DIRECTORY is the one that peers.py filled; without it the other tool is left out. `--shade` are the sizes at which the
search for dead rules is compared with its: at 10,000 it takes ten minutes. The files have a line for each rule, as
people write them, in IPv4; the second version has ten edits. Every measurement is a process of its own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

import rulesets
from engine import HERE, OURS, Bench, Job
from measuring import (
    Command,
    Timings,
    as_installed,
    interleaved,
    machine_line,
    met,
    progress,
    report,
    run,
    seconds,
    table,
)
from peers import installed

from fwadvisor.model.address import Family
from fwadvisor.model.interval import Intervals
from fwadvisor.model.rule import Match, Rule, Verdict, protocol_name

EDITS = 10
#: Seconds that a whole process may take besides reading, and how many times the other tool's search should take longer.
_AIM, _TIMES = 2.0, 100
FILES = {"nftables": "rules.nft", "iptables": "rules.v4"}
KINDS = ("realistic", "classbench")
_TIMEOUT = "1800"
_SMALL = Path(__file__).resolve().parent.parent / "tests" / "cases" / "main-job" / "expected" / "nftables.nft"


def _network(values: Intervals) -> str:
    (first, last), size = values[0], (values[0][1] - values[0][0] + 1).bit_length() - 1
    text = ".".join(str(first >> shift & 255) for shift in (24, 16, 8, 0))
    return text if first == last else f"{text}/{32 - size}"


def _ports(values: Intervals, between: str) -> list[str]:
    return [str(a) if a == b else f"{a}{between}{b}" for a, b in values]


def nftables_line(match: Match, verdict: Verdict) -> str:
    """One rule as people write it."""
    words = [f'iifname "{name}"' for name in match.in_interfaces]
    words += [f"ip saddr {_network(match.source.v4)}"] if match.source else []
    words += [f"ip daddr {_network(match.destination.v4)}"] if match.destination else []
    name = protocol_name(match.protocols[0]) if match.protocols else ""
    for way, ports in (("sport", match.source_ports), ("dport", match.destination_ports)):
        if ports is not None:
            texts = _ports(ports, "-")
            words.append(f"{name} {way} " + (texts[0] if len(texts) == 1 else f"{{ {', '.join(texts)} }}"))
    if match.icmp:
        words.append(f"icmp type {match.icmp[0].type}")
    elif name and match.source_ports is None and match.destination_ports is None:
        words.append(f"meta l4proto {name}")
    return " ".join([*words, verdict.value])


def iptables_line(match: Match, verdict: Verdict) -> str:
    """One rule as people write it."""
    words = ["-A FORWARD", *(f"-i {name}" for name in match.in_interfaces)]
    words += [f"-s {_network(match.source.v4)}"] if match.source else []
    words += [f"-d {_network(match.destination.v4)}"] if match.destination else []
    name = protocol_name(match.protocols[0]) if match.protocols else ""
    words += [f"-p {name}"] if name else []
    for way, ports in (("sport", match.source_ports), ("dport", match.destination_ports)):
        if ports is not None:
            texts = _ports(ports, ":")
            module = f"-m {name} --{way} " if len(texts) == 1 else f"-m multiport --{way}s "
            words.append(module + ",".join(texts))
    words += [f"--icmp-type {match.icmp[0].type}"] if match.icmp else []
    return " ".join([*words, f"-j {verdict.value.upper()}"])


def text(dialect: str, rules: Iterable[Rule]) -> str:
    """The rules as a file: forwarded packets, default drop, known connections first."""
    if dialect == "nftables":
        head = ["table ip bench {", "chain forward {", "type filter hook forward priority filter; policy drop;"]
        known, tail = "ct state established,related accept", ["}", "}"]
        lines = [nftables_line(rule.match, rule.verdict) for rule in rules]
    else:
        head, tail = ["*filter", ":INPUT ACCEPT [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]"], ["COMMIT"]
        known = "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
        lines = [iptables_line(rule.match, rule.verdict) for rule in rules]
    return "\n".join([*head, known, *lines, *tail]) + "\n"


def versions(dialect: str, kind: str, size: int, folder: Path) -> tuple[Path, Path]:
    """Where two versions of a file are, or should be."""
    old, new = (folder / f"{kind}-{size}-{each}-{FILES[dialect]}" for each in ("old", "new"))
    return old, new


def write(dialect: str, kind: str, size: int, folder: Path) -> None:
    """Both versions of a list."""
    rules = rulesets.make(kind, size)
    folder.mkdir(parents=True, exist_ok=True)
    for path, each in zip(versions(dialect, kind, size, folder), (rules, rulesets.edited(rules, EDITS)), strict=True):
        path.write_text(text(dialect, each), encoding="utf-8")


def diff(old: str, new: str) -> dict[str, Any]:
    """Read two files and review them; the modules that this needs are loaded before."""
    from fwadvisor.packets import Budget
    from fwadvisor.ports import load
    from fwadvisor.proof.files import firewall_of, forced
    from fwadvisor.review.diff import review

    database, said = load(), forced(())
    firewall_of(str(_SMALL), said)
    start = time.process_time()
    before, after = firewall_of(old, said), firewall_of(new, said)
    read = time.process_time()
    found = review(before, after, database, Budget())
    done = time.process_time()
    return {
        "read": read - start,
        "review": done - read,
        "rules": sum(1 for _ in before.rules()),
        "edits": found.edits.added + found.edits.removed + found.edits.moved,
        "changes": len(found.changes),
        "regions": sum(len(each.regions) for each in found.changes),
    }


def job(arguments: list[str]) -> dict[str, Any]:
    """What one process does: ``write DIALECT KIND SIZE FOLDER`` or ``diff OLD NEW``."""
    match arguments:
        case ["write", dialect, kind, size, folder]:
            write(dialect, kind, int(size), Path(folder))
            return {}
        case ["diff", old, new]:
            return diff(old, new)
    sys.exit(__doc__)


def measured(command: tuple[str, ...]) -> dict[str, Any]:
    """What a process prints as JSON, and its peak memory."""
    with tempfile.NamedTemporaryFile() as output:
        _, _, memory = run(Command(("timeout", _TIMEOUT, *command), output=output.name))
        return {**json.loads(Path(output.name).read_text()), "memory_mb": round(memory, 1)}


def ours(*arguments: str) -> Command:
    """A command of the project, which may find something."""
    return Command(
        ("timeout", _TIMEOUT, str(Path(sys.executable).with_name("fwadvisor")), *arguments, "-q", "--exit-zero")
    )


def diffs(folder: Path, kinds: list[str], size: int, rounds: int) -> tuple[str, dict[str, Any]]:
    """The table of reviews."""
    rows, aims, figures = [], [], {}
    for dialect in FILES:
        for kind in kinds:
            subprocess.run(
                (sys.executable, __file__, "--job", "write", dialect, kind, str(size), str(folder)), check=True,
                stdout=subprocess.DEVNULL,
            )  # fmt: skip
            old, new = map(str, versions(dialect, kind, size, folder))
            parts, whole = [], Timings()
            for number in range(rounds):
                parts.append(measured((sys.executable, __file__, "--job", "diff", old, new)))
                wall, processor, memory = run(ours("diff", old, new))
                whole.wall.append(wall)
                whole.processor.append(processor)
                whole.memory.append(memory)
                progress(f"round {number + 1}/{rounds}: {dialect} {kind}")
            read, reviewed = (min(each[name] for each in parts) for name in ("read", "review"))
            best = min(whole.processor)
            first, about = parts[0], f"{size} {kind}, {dialect}"
            rows.append(
                [
                    about, str(first["edits"]), str(first["changes"]), str(first["regions"]), seconds(read),
                    seconds(reviewed), seconds(best), seconds(median(whole.wall)), f"{whole.peak:.0f} MB",
                ]
            )  # fmt: skip
            rest = best - read
            aims.append(f"{about}: whole process besides reading within {_AIM} s: {seconds(rest)}, {met(rest <= _AIM)}")
            figures[about] = {"parts": parts, "whole": whole.figures()}
    head = ("ten edits", "edited", "changes", "boxes", "reading", "review", "whole process", "median wall", "peak")
    return table(head, rows) + "\n\n" + "\n".join(aims), {"diff": figures}


def shades(folder: Path, kinds: list[str], sizes: list[int], peers: Path | None) -> tuple[str, dict[str, Any]]:
    """The table of searches for dead rules: one run of each, one after another, as the other tool takes long."""
    rows, aims, figures = [], [], {}
    bench = Bench(folder, peers)
    for kind in kinds:
        for size in sizes:
            one = Job(kind, size, Family.IPV4.value)
            mine = measured(bench.linting(one)[OURS])
            write("nftables", kind, size, folder)
            path, _ = versions("nftables", kind, size, folder)
            _, whole, _ = run(ours("check", str(path), "--only", "shadowed-rule"))
            search = mine["index"] + mine["shadow"]
            row = [f"{size} {kind}", str(len(mine["shadowed"])), seconds(search), seconds(whole)]
            figures[str(one)] = {OURS: {**mine, "whole": whole}}
            if peers:
                python = installed(peers, "aerleon").with_name("python")
                progress(f"aerleon: {one}")
                theirs = measured((str(python), str(HERE / "shading.py"), str(bench.file(one))))
                times = theirs["shade"] / search
                row += [
                    seconds(theirs["parse"]),
                    seconds(theirs["shade"]),
                    f"{times:.0f}",
                    f"{theirs['shade'] / whole:.0f}",
                ]
                figures[str(one)]["aerleon"] = theirs
                aims.append(f"{one}: {_TIMES} times faster than aerleon: {times:.0f}, {met(times >= _TIMES)}")
            rows.append(row)
    head = ["rules", "dead", "search", "fwadvisor check"]
    head += ["aerleon parses", "its search", "x search", "x check"] if peers else []
    return table(head, rows) + ("\n\n" + "\n".join(aims) if aims else ""), {"shade": figures}


def starts(folder: Path, size: int, rounds: int) -> tuple[str, dict[str, Any]]:
    """The table of start-ups: `canon`, which git runs for every file of a diff, against bare Python."""
    write("nftables", "realistic", size, folder)
    large, _ = versions("nftables", "realistic", size, folder)
    program = str(Path(sys.executable).with_name("fwadvisor"))
    bare = "python -c pass"
    commands = {
        bare: Command((sys.executable, "-c", "pass")),
        "fwadvisor explain 1720": Command((program, "explain", "1720")),
        "fwadvisor canon, 42 rules": Command((program, "canon", str(_SMALL))),
    }
    interleaved(commands, 1)  # Fills the caches of files and byte code.
    found = interleaved(commands, rounds)
    whole = f"fwadvisor canon, {size} rules"
    found |= interleaved({whole: Command((program, "canon", str(large)))}, max(1, rounds // 7))
    rows = [
        [name, seconds(each.median), seconds(each.best), f"{each.peak:.0f} MB", f"{each.best / found[bare].best:.1f}"]
        for name, each in found.items()
    ]
    figures = {name: each.figures() for name, each in found.items()}
    return table(("command", "median", "best", "peak", "x python"), rows), {"start": figures}


def main() -> None:
    """Measure and report, or do one job."""
    if sys.argv[1:2] == ["--job"]:
        print(json.dumps(job(sys.argv[2:])))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--rules", type=int, default=10000, help="rules of the files that are reviewed; 0: none are")
    parser.add_argument(
        "--shade", type=int, nargs="*", default=[1000, 2000], help="sizes for the search for dead rules"
    )
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help='write the figures; "-" prints them instead of the tables')
    options = parser.parse_args()
    as_installed()
    parts = [f"{machine_line()}; processor time, best of {options.rounds} rounds"]
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="fwadvisor-review-") as scratch:
        folder = Path(scratch)
        measures = []
        if options.rules:
            measures.append(("Review of two versions", diffs(folder, options.kinds, options.rules, options.rounds)))
        if options.shade:
            peers = options.peers.resolve() if options.peers else None
            measures.append(("Dead rules", shades(folder, options.kinds, options.shade, peers)))
        if options.rules:
            measures.append(("Start-up, wall time", starts(folder, options.rules, 7 * options.rounds)))
        for title, (shown, found) in measures:
            parts.append(f"{title}\n{shown}")
            figures |= found
    report("\n\n".join(parts), figures, options.json)


if __name__ == "__main__":
    main()

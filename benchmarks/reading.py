"""Reading of rule files of every dialect, and what `generate` costs more because it proves what it wrote.

    python benchmarks/reading.py [--rules 10000] [--rounds 3] [--profiles NAME ...] [--json FILE]

The files are our own output: a realistic list of rules of both IP versions, fitted to each dialect and written by its
writer. Every measurement is a process of its own; the dialects take turns in every round. The second table runs whole
`generate` requests without and with the proof (`Request.prove`).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import rulesets
from measuring import Command, as_installed, machine_line, met, progress, report, run, seconds, table

from fwadvisor.dialects import DIALECTS, dialect
from fwadvisor.dialects.base import Document
from fwadvisor.dialects.fit import fit
from fwadvisor.dialects.reading import reader
from fwadvisor.dialects.reading.source import load_source
from fwadvisor.generate import Request, generate
from fwadvisor.model.address import Family
from fwadvisor.model.rule import Hook, Ruleset, Verdict

#: Seconds that reading 10,000 rules may take.
_AIM = 1.5
_PROFILES = ("workstation", "web-server", "bench-1000", "bench-10000")


def listed(size: int, family_share: int = 10) -> Ruleset:
    """`size` incoming rules, one in `family_share` of IPv6, as a list that every dialect can say."""
    four = rulesets.make("realistic", size - size // family_share)
    six = rulesets.make("realistic", size // family_share, Family.IPV6)
    return rulesets.ruleset((*four, *six), Hook.INPUT)


def write(target: str, size: int, folder: Path) -> None:
    """The list in one dialect, as files in `folder`."""
    capabilities = dialect(target).capabilities
    ruleset = listed(size)
    if Verdict.REJECT not in capabilities.verdicts or Hook.FORWARD not in capabilities.hooks:
        ruleset = replace(ruleset, chains=tuple(c for c in ruleset.chains if c.hook in capabilities.hooks))
    fitted, _ = fit(ruleset, capabilities, approximate=True)
    folder.mkdir(parents=True)
    for file in dialect(target).write(fitted, Document(name="bench")):
        (folder / file.name).write_bytes(file.content)


def read(target: str, folder: Path) -> dict[str, Any]:
    """Read the files of one dialect."""
    sources = [load_source(path) for path in sorted(folder.iterdir())]
    of_dialect = reader(target)
    start = time.process_time()
    sure = [of_dialect.recognize(source) for source in sources]
    recognized = time.process_time()
    firewall = of_dialect.read(sources, {})
    done = time.process_time()
    return {
        "recognize": recognized - start,
        "read": done - recognized,
        "rules": sum(1 for _ in firewall.rules()),
        "chains": len(firewall.chains),
        "opaque": len(firewall.opaque),
        "sure": min(sure),
        "bytes": sum(len(source.content) for source in sources),
    }


def prove(profile: str, prove_it: bool) -> dict[str, Any]:
    """One request for all dialects, with the proof or without."""
    start = time.process_time()
    generated = generate(Request(profiles=(profile,), targets=("all",), prove=prove_it))
    return {
        "generate": time.process_time() - start,
        "rules": sum(len(c.rules) for each in generated.compilations.values() for c in each.ruleset.chains),
        "proved": len(generated.proved),
    }


def job(arguments: list[str]) -> dict[str, Any]:
    """What one process does: ``write DIALECT SIZE FOLDER``, ``read DIALECT FOLDER`` or ``prove PROFILE 0|1``."""
    match arguments:
        case ["write", target, size, folder]:
            write(target, int(size), Path(folder))
            return {}
        case ["read", target, folder]:
            return read(target, Path(folder))
        case ["prove", profile, wanted]:
            return prove(profile, wanted == "1")
    sys.exit(__doc__)


def measured(arguments: tuple[str, ...]) -> dict[str, Any]:
    """Run one job in a process of its own; its peak memory stands beside its answer."""
    with tempfile.NamedTemporaryFile() as output:
        command = (sys.executable, __file__, "--job", *arguments)
        _, _, memory = run(Command(("timeout", "300", *command), output=output.name))
        return {**json.loads(Path(output.name).read_text()), "memory_mb": round(memory, 1)}


def in_turn(jobs: dict[str, tuple[str, ...]], rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Every job once in each round, in an order that rotates."""
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in jobs}
    names = list(jobs)
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            found[name].append(measured(jobs[name]))
            progress(f"round {number + 1}/{rounds}: {name}")
    return found


def reading(folder: Path, size: int, rounds: int) -> tuple[str, dict[str, Any]]:
    """The table of all dialects."""
    for target in DIALECTS:
        measured(("write", target, str(size), str(folder / target)))
    found = in_turn({target: ("read", target, str(folder / target)) for target in DIALECTS}, rounds)
    rows, aims = [], []
    for target, answers in found.items():
        best = min(each["read"] for each in answers)
        first = answers[0]
        each_rule = best / max(1, first["rules"]) * 1e6
        rows.append(
            [
                target, str(first["rules"]), str(first["chains"]), f"{first['bytes'] / 2**20:.1f} MB",
                str(first["opaque"]), seconds(best), seconds(median(each["read"] for each in answers)),
                f"{each_rule:.0f} us", f"{max(each['memory_mb'] for each in answers):.0f} MB",
            ]
        )  # fmt: skip
        aims.append(f"{target}: {size} rules of ours read within {_AIM} s: {seconds(best)}, {met(best <= _AIM)}")
        if first["opaque"]:
            aims.append(f"{target}: {first['opaque']} parts of our own output are opaque")
    head = ("dialect", "rules", "chains", "text", "opaque", "best", "median", "a rule", "peak")
    return table(head, rows) + "\n" + "\n".join(aims), {"reading": found}


def proving(profiles: dict[str, str], rounds: int) -> tuple[str, dict[str, Any]]:
    """The table of requests without and with their proof."""
    rows, figures = [], {}
    for name, profile in profiles.items():
        found = in_turn({"without": ("prove", profile, "0"), "with": ("prove", profile, "1")}, rounds)
        best = {kind: min(each["generate"] for each in answers) for kind, answers in found.items()}
        peaks = [f"{max(each['memory_mb'] for each in found[kind]):.0f} MB" for kind in ("without", "with")]
        rules = str(found["with"][0]["rules"])
        more = f"{best['with'] / best['without']:.1f}"
        rows.append([name, rules, seconds(best["without"]), seconds(best["with"]), more, *peaks])
        figures[name] = found
    head = ("profile, all targets", "rules", "without", "with proof", "ratio", "peak", "with proof")
    return table(head, rows), {"proving": figures}


def profiles(folder: Path, names: list[str]) -> dict[str, str]:
    """Our own profiles by name; ``bench-N`` is the job of jobs.py."""
    found = {}
    for name in names:
        if name.startswith("bench-"):
            size = name.removeprefix("bench-")
            script = Path(__file__).with_name("jobs.py")
            subprocess.run((sys.executable, str(script), str(folder), size), check=True, stdout=subprocess.DEVNULL)
            found[name] = str(folder / size / f"{name}.yaml")
        else:
            found[name] = name
    return found


def main() -> None:
    """Measure and report, or do one job."""
    if sys.argv[1:2] == ["--job"]:
        print(json.dumps(job(sys.argv[2:])))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rules", type=int, default=10000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profiles", nargs="*", default=list(_PROFILES), help="what to prove; none with no name")
    parser.add_argument("--no-reading", action="store_true")
    parser.add_argument("--json", type=Path, help='write the figures; "-" prints them instead of the tables')
    options = parser.parse_args()
    as_installed()
    parts = [f"{machine_line()}; processor time, best of {options.rounds} interleaved rounds"]
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="fwadvisor-reading-") as scratch:
        folder = Path(scratch)
        measures: list[tuple[str, Callable[[], tuple[str, dict[str, Any]]]]] = []
        if not options.no_reading:
            measures.append(("Reading", lambda: reading(folder / "text", options.rules, options.rounds)))
        if options.profiles:
            chosen = profiles(folder, options.profiles)
            measures.append(("The proof", lambda: proving(chosen, options.rounds)))
        for title, measure in measures:
            text, found = measure()
            parts.append(f"{title}\n{text}")
            figures |= found
    report("\n\n".join(parts), figures, options.json)


if __name__ == "__main__":
    main()

"""The packet engine on first-match lists, against the plain way and against diagrams of bits.

    python benchmarks/engine.py [--peers DIRECTORY] [--sizes 100 1000 10000] [--rounds 3] [--growth] [--json FILE]

DIRECTORY is the one that peers.py filled. Every job runs in a process of its own; the tools take turns in every round.
Before any time is shown, the tools' answers are compared: how many packets are accepted, how many change, which rules
are shadowed. A tool that does not finish in its time shows "-".
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from measuring import Command, machine_line, met, progress, report, run, seconds, table
from peers import installed

HERE = Path(__file__).resolve().parent
OURS, OXIDD, CUDD, NAIVE, AERLEON = "fwadvisor", "oxidd", "cudd", "naive", "aerleon"
#: So many crossing rules are as many as a test of endurance needs.
_MOST = {"crossing": 1000}
#: Seconds that a job may take.
_LIMIT = 120
#: Above so many rules the plain way is not tried.
_NAIVE_MOST = 1000
_GROWTH = (100, 300, 1000, 3000, 10000, 20000)


@dataclass
class Runs:
    """What one tool said and took for one job in all rounds."""

    answers: list[dict[str, Any]] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    #: Why there are no answers.
    failed: str = ""

    def best(self, *names: str) -> float | None:
        """The least sum of these times in one round, which other load disturbed least."""
        sums = self._sums(names)
        return min(sums) if sums else None

    def middle(self, *names: str) -> float | None:
        """The middle of these sums."""
        sums = self._sums(names)
        return median(sums) if sums else None

    def _sums(self, names: tuple[str, ...]) -> list[float]:
        return [sum(each[name] for name in names) for each in self.answers if all(name in each for name in names)]

    def answer(self, name: str) -> Any:
        """What the tool said, the same in every round."""
        said = [each[name] for each in self.answers if name in each]
        if any(each != said[0] for each in said):
            raise RuntimeError(f"{name} is not the same in every round")
        return said[0] if said else None


@dataclass(frozen=True, slots=True)
class Job:
    """A list: its kind, its size and its IP version."""

    kind: str
    size: int
    family: int

    def __str__(self) -> str:
        return f"{self.size} {self.kind}, IPv{self.family}"

    @property
    def words(self) -> tuple[str, str, str]:
        return self.kind, str(self.size), str(self.family)


class Bench:
    """Runs jobs, each in a process of its own."""

    def __init__(self, folder: Path, peers: Path | None) -> None:
        self.folder = folder
        self.peers = peers

    def file(self, job: Job) -> Path:
        """The job for tools that know nothing of this project."""
        path = self.folder / ("-".join(job.words) + ".json")
        if not path.exists():
            subprocess.run((sys.executable, str(HERE / "plain.py"), str(path), *job.words), check=True)
        return path

    def comparing(self, job: Job) -> dict[str, tuple[str, ...]]:
        """Tool -> command that builds and compares two versions."""
        found = {OURS: (sys.executable, str(HERE / "ours.py"), "compare", *job.words)}
        if self.peers:
            python = str(installed(self.peers, "bdd"))
            for library in (OXIDD, CUDD):
                found[library] = (python, str(HERE / "bdd.py"), library, str(self.file(job)))
        if job.size <= _NAIVE_MOST:
            found[NAIVE] = (sys.executable, str(HERE / "naive.py"), str(self.file(job)), "--budget", "20")
        return found

    def linting(self, job: Job) -> dict[str, tuple[str, ...]]:
        """Tool -> command that looks for rules that can go."""
        found = {OURS: (sys.executable, str(HERE / "ours.py"), "lint", *job.words)}
        if self.peers and job.kind != "crossing":
            python = installed(self.peers, AERLEON).with_name("python")
            found[AERLEON] = (str(python), str(HERE / "shading.py"), str(self.file(job)))
        if job.size <= _NAIVE_MOST:
            path = str(self.file(job))
            found[NAIVE] = (sys.executable, str(HERE / "naive.py"), path, "--only-shadow", "--budget", "20")
        return found

    def rounds(self, commands: dict[str, tuple[str, ...]], rounds: int) -> dict[str, Runs]:
        """Every command once in each round, in an order that rotates; what fails once is not tried again."""
        found = {tool: Runs() for tool in commands}
        names = list(commands)
        for number in range(rounds):
            turn = number % len(names)
            for tool in names[turn:] + names[:turn]:
                slow = tool in (NAIVE, AERLEON) and number > 0
                if not found[tool].failed and not slow:
                    self._run(commands[tool], found[tool])
                    progress(f"round {number + 1}/{rounds}: {tool} {' '.join(commands[tool][2:])}")
        return found

    def _run(self, arguments: tuple[str, ...], runs: Runs) -> None:
        with tempfile.NamedTemporaryFile() as output:
            try:
                _, _, memory = run(Command(("timeout", str(_LIMIT), *arguments), output=output.name))
            except RuntimeError as failure:
                runs.failed = "time is over" if "ended with 124" in str(failure) else str(failure)
                return
            answer = json.loads(Path(output.name).read_text())
        runs.failed = str(answer.pop("unfinished", ""))
        runs.answers.append(answer)
        runs.memory.append(memory)


def alike(job: Job, found: dict[str, Runs]) -> list[str]:
    """Complaints where two tools do not give the same answer; the plain way does not always come to one."""
    complaints = []
    for name in ("accepted", "changed", "alike", "shadowed"):
        said = {tool: runs.answer(name) for tool, runs in found.items() if runs.answer(name) is not None}
        first = next(iter(said.values()), None)
        for tool, answer in said.items():
            # CUDD counts in floating point.
            near = tool == CUDD and not isinstance(first, list) and math.isclose(answer, first, rel_tol=1e-9)
            if answer != first and not near:
                complaints.append(f"{job}: {name} is {first} for {next(iter(said))} and {answer} for {tool}")
    return complaints


def _time(value: float | None) -> str:
    return "-" if value is None else ("<1 ms" if value < 0.001 else seconds(value))


def _peak(runs: Runs) -> str:
    return f"{max(runs.memory):.0f} MB" if runs.answers and not runs.failed else "-"


def _count(runs: Runs, name: str) -> str:
    said = runs.answer(name)
    return "-" if said is None else str(len(said) if isinstance(said, list) else said)


def comparing_row(job: Job, found: dict[str, Runs]) -> list[str]:
    """The line of one job."""
    ours = found[OURS]
    row = [str(job), *(_time(ours.best(name)) for name in ("build", "second", "diff", "boxes"))]
    row += [_count(ours, "differing"), _peak(ours)]
    for tool in (OXIDD, CUDD):
        runs = found.get(tool, Runs())
        row += [_time(runs.best("build")), _time(runs.best("second")), _time(runs.best("diff")), _peak(runs)]
    runs = found.get(NAIVE, Runs())
    return [*row, _time(runs.best("build")), _time(runs.best("diff"))]


_COMPARING = (
    "rules", OURS, "second", "diff", "listed", "boxes", "peak",
    OXIDD, "second", "diff", "peak", CUDD, "second", "diff", "peak", NAIVE, "diff",
)  # fmt: skip


def linting_row(job: Job, found: dict[str, Runs]) -> list[str]:
    """The line of one job."""
    ours = found[OURS]
    counted = [_count(ours, name) for name in ("shadowed", "removable")]
    naive, aerleon = found.get(NAIVE, Runs()), found.get(AERLEON, Runs())
    others = [_time(naive.best("shadow")), _time(aerleon.best("shade"))]
    times = [_time(ours.best("index", "shadow")), _time(ours.best("redundant")), _peak(ours)]
    return [str(job), *times, *counted, *others]


_LINTING = ("rules", "shadowed", "redundant", "peak", "shadowed", "redundant", f"{NAIVE} shadowed", f"{AERLEON} shaded")


def growth_row(kind: str, bench: Bench, rounds: int, complaints: list[str]) -> list[list[str]]:
    """How the times of a kind grow with the number of rules."""
    rows = []
    for size in _GROWTH:
        job = Job(kind, size, 4)
        if size > _MOST.get(kind, size):
            continue
        found = bench.rounds({OURS: bench.comparing(job)[OURS]}, rounds)
        lint = bench.rounds({OURS: bench.linting(job)[OURS]}, rounds)
        complaints += alike(job, found)
        ours, linted = found[OURS], lint[OURS]
        times = [_time(ours.best(name)) for name in ("build", "second")]
        rows.append([str(job), *times, _peak(ours), _time(linted.best("index", "shadow", "redundant")), _peak(linted)])
    return rows


def aims(compared: dict[Job, dict[str, Runs]], linted: dict[Job, dict[str, Runs]]) -> list[str]:
    """The lines that say what was aimed at and what came out, of the best round."""
    lines = []

    def line(job: Job, runs: Runs, text: str, most: float, *names: str) -> None:
        value = runs.best(*names)
        found = value is not None and value <= most
        lines.append(f"{job}: {text} within {seconds(most)}: {_time(value)}, {met(found)}")

    large, crossing = Job("realistic", 10000, 4), Job("crossing", 1000, 4)
    if large in compared:
        ours = compared[large][OURS]
        for text, most, names in (
            ("built", 2.5, ("build",)),
            ("second version", 0.7, ("second",)),
            ("told equal or not", 0.1, ("diff",)),
            ("difference with boxes", 0.1, ("diff", "boxes")),
        ):
            line(large, ours, text, most, *names)
        if ours.memory:
            lines.append(f"{large}: within 300 MB: {max(ours.memory):.0f} MB, {met(max(ours.memory) <= 300)}")
        line(large, linted[large][OURS], "shadowed and redundant rules", 3, "index", "shadow", "redundant")
    if crossing in compared:
        line(crossing, compared[crossing][OURS], "built", 1, "build")
    return lines


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--sizes", type=int, nargs="*", default=[100, 1000, 10000])
    parser.add_argument("--kinds", nargs="+", default=["realistic", "classbench", "crossing"])
    parser.add_argument("--families", type=int, nargs="+", default=[4, 6])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", action="store_true", help="add a table from 100 to 20,000 rules")
    parser.add_argument("--json", type=Path, help='write the figures; "-" prints them instead of the tables')
    options = parser.parse_args()
    jobs = [
        Job(kind, size, family)
        for kind in options.kinds
        for size in options.sizes
        for family in options.families
        if size <= _MOST.get(kind, size)
    ]
    with tempfile.TemporaryDirectory(prefix="fwadvisor-engine-") as folder:
        bench = Bench(Path(folder), options.peers.resolve() if options.peers else None)
        compared = {job: bench.rounds(bench.comparing(job), options.rounds) for job in jobs}
        linted = {job: bench.rounds(bench.linting(job), options.rounds) for job in jobs}
        complaints = [each for found in (compared, linted) for job in jobs for each in alike(job, found[job])]
        growth = [
            row
            for kind in options.kinds
            if options.growth
            for row in growth_row(kind, bench, options.rounds, complaints)
        ]
    if complaints:
        sys.exit("the tools do not agree, so no times are shown:\n" + "\n".join(complaints))
    parts = [f"{machine_line()}; processor time, best of {options.rounds} interleaved rounds"]
    if jobs:
        parts.append(
            "Building and comparing\n" + table(_COMPARING, [comparing_row(job, compared[job]) for job in jobs])
        )
        parts.append("Single rules\n" + table(_LINTING, [linting_row(job, linted[job]) for job in jobs]))
    if growth:
        parts.append("Growth\n" + table(("rules", "build", "second", "peak", "lint", "peak"), growth))
    failures = [
        f"{job}: {tool}: {runs.failed.splitlines()[-1]}"
        for each in (compared, linted)
        for job, found in each.items()
        for tool, runs in found.items()
        if runs.failed
    ]
    parts.append("\n".join([*aims(compared, linted), *failures]))
    figures = {
        name: {str(job): {tool: _figures(runs) for tool, runs in found.items()} for job, found in each.items()}
        for name, each in (("compared", compared), ("linted", linted))
    }
    report("\n\n".join(parts), {**figures, "growth": growth}, options.json)


def _figures(runs: Runs) -> dict[str, Any]:
    times = {name for each in runs.answers for name, value in each.items() if isinstance(value, float)}
    return {
        "failed": runs.failed,
        "memory_mb": [round(each, 1) for each in runs.memory],
        "best": {name: runs.best(name) for name in sorted(times)},
        "median": {name: runs.middle(name) for name in sorted(times)},
    }


if __name__ == "__main__":
    main()

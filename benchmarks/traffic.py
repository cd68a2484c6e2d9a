"""What a packet costs in the kernel under our rules, under one rule per need, and under Aerleon's.

    python benchmarks/traffic.py [--peers DIRECTORY] [--needs 10 100 1000 10000] [--rounds 9] [--quick] [--json FILE]

DIRECTORY is the one that peers.py filled; without it Aerleon is left out. It takes nft and iptables, and root for
10,000 needs: other users may load less at once. Every ruleset is loaded into a router of its own, a network namespace
between one sender and one receiver; each round sends through all of them, in an order that rotates. `--quick` takes two
minutes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from measuring import as_installed, machine_line, met, progress, report, seconds, table
from traffic_boxes import (
    FEWEST,
    KNOWN,
    LAST,
    MOST,
    RANDOM,
    REFUSED,
    TRAFFIC,
    WAYS,
    NotPermittedError,
    Places,
    Router,
    answers,
    bursts,
    load_again,
    prepare,
)
from traffic_jobs import AERLEON, ONE_TERM, OURS, PLAIN, SHAPES, Job, written

#: Which ruleset: way of loading and writer. Two are for comparison: none, and only a rule for known connections.
Key = tuple[str, str]
NOTHING, STATE = ("nftables", "no rules"), ("nftables", "state rule")
_STATE_RULE = """table inet bare {
  chain forward {
    type filter hook forward priority filter; policy accept;
    ct state established accept
  }
}
"""
#: Nanoseconds of one measurement, as far as packets suffice.
_WHILE = 25e6
_LOADS = 3
#: What is called slower, and what ratios by the best rounds may differ from ratios by medians.
_SLOWER, _APART = 1.1, 1.2


@dataclass(slots=True)
class Costs:
    """One ruleset: seconds to load it, its size, nanoseconds for a packet of each kind of traffic in each round."""

    size: int = 0
    loads: list[float] = field(default_factory=list)
    packets: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in TRAFFIC})

    def cost(self, kind: str) -> float:
        """The middle cost: single rounds are as much as a fifth cheaper where the other processor happens to rest."""
        return median(self.packets[kind])

    def figures(self) -> dict[str, Any]:
        """The measurements for JSON."""
        return {
            "bytes": self.size,
            "load": [round(each, 4) for each in self.loads],
            "ns_best": {kind: round(min(each)) for kind, each in self.packets.items()},
            "ns_median": {kind: round(median(each)) for kind, each in self.packets.items()},
            "ns": {kind: [round(value) for value in each] for kind, each in self.packets.items()},
        }


Found = dict[Key, Costs]


class Bench:
    """The routers of one job, loaded."""

    def __init__(self, places: Places, job: Job, texts: dict[str, dict[str, str]]) -> None:
        prepare(places)
        self.costs: Found = {NOTHING: Costs(), STATE: Costs()}
        self._routers = {NOTHING: Router(places, "router0"), STATE: Router(places, "router1")}
        self._routers[STATE].load("nftables", _STATE_RULE)
        for way, (_, target) in WAYS.items():
            for writer, content in texts.items():
                progress(f"{job}: loading what {writer} wrote, {way}")
                text, number = content[target], len(self._routers)
                router = Router(places, f"router{number}")
                loads = [router.load(way, text)]
                loads += [load_again(places, f"empty{number}-{again}", way, text) for again in range(1, _LOADS)]
                self._routers[way, writer] = router
                self.costs[way, writer] = Costs(len(text.encode()), loads)
        self._bursts, self._answers = bursts(job), answers(job)
        self._counts: dict[tuple[Key, str], int] = {}

    def round(self, turn: int) -> None:
        """Every kind of traffic through every router once; the first round only finds out how much to send."""
        keys, first = list(self._routers), not self._counts
        start = turn % len(keys)
        for key in keys[start:] + keys[:start]:
            for kind in TRAFFIC:
                spent = self._send(key, kind, self._counts.get((key, kind), FEWEST))
                if first:
                    self._counts[key, kind] = max(FEWEST, min(MOST, int(_WHILE / spent)))
                else:
                    self.costs[key].packets[kind].append(spent)

    def _send(self, key: Key, kind: str, count: int) -> float:
        router, burst = self._routers[key], self._bursts[kind]
        router.forget()
        if kind == KNOWN:
            router.know(burst, self._answers)
        return router.cost(burst, count, passes=kind != REFUSED or key in (NOTHING, STATE))


def measure(job: Job, texts: dict[str, dict[str, str]], rounds: int) -> Found:
    """All rulesets of one job.

    Raises:
        RigError: a ruleset does not load, or lets through what it should not, or not what it should.
    """
    with Places() as places:
        bench = Bench(places, job, texts)
        for turn in range(rounds + 1):
            progress(f"{job}: round {turn}/{rounds}")
            bench.round(turn)
        return bench.costs


def micro(nanoseconds: float) -> str:
    """A cost with three digits."""
    value = nanoseconds / 1000
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def times(ours: float, theirs: float) -> str:
    """How many times as much theirs is."""
    return f"{theirs / ours:.1f}" if theirs < 10 * ours else f"{theirs / ours:.0f}"


Rows = list[list[str]]


def last_rows(found: dict[Job, Found], others: Sequence[str]) -> Rows:
    """New connections of the last need: microseconds and ratios."""
    rows = []
    for job, way, costs in _lines(found):
        row = [f"{job}, {way}", micro(costs[NOTHING].cost(LAST)), micro(costs[STATE].cost(LAST))]
        ours = costs[way, OURS].cost(LAST)
        row.append(micro(ours))
        for writer in others:
            theirs = costs[way, writer].cost(LAST)
            row += [micro(theirs), times(ours, theirs)]
        rows.append(row)
    return rows


def other_rows(found: dict[Job, Found], others: Sequence[str]) -> Rows:
    """Other traffic: microseconds of ours, and ratios."""
    rows = []
    for job, way, costs in _lines(found):
        row = [f"{job}, {way}"]
        for kind in (RANDOM, REFUSED, KNOWN):
            ours = costs[way, OURS].cost(kind)
            row += [micro(ours), *(times(ours, costs[way, writer].cost(kind)) for writer in others)]
        rows.append(row)
    return rows


def load_rows(found: dict[Job, Found], others: Sequence[str]) -> Rows:
    """Size and loading."""
    rows = []
    for job, way, costs in _lines(found):
        row = [f"{job}, {way}"]
        for writer in (OURS, *others):
            each = costs[way, writer]
            row += [f"{each.size / 1000:.0f} kB", seconds(min(each.loads))]
        rows.append(row)
    return rows


def _lines(found: dict[Job, Found]) -> Iterator[tuple[Job, str, Found]]:
    for job, costs in found.items():
        for way in WAYS:
            yield job, way, costs


def slower(found: dict[Job, Found], others: Sequence[str]) -> list[str]:
    """Where ours costs more than another's."""
    return [
        f"slower than {writer}: {job}, {way}, {kind}: {micro(ours)} against {micro(theirs)} us"
        for job, way, costs in _lines(found)
        for kind in TRAFFIC
        for writer in others
        if (ours := costs[way, OURS].cost(kind)) > _SLOWER * (theirs := costs[way, writer].cost(kind))
    ]


def agreement(found: dict[Job, Found], others: Sequence[str]) -> str:
    """How many ratios are others by the best rounds."""
    apart = count = 0
    for _, way, costs in _lines(found):
        for kind in TRAFFIC:
            for writer in others:
                ours, theirs = costs[way, OURS].packets[kind], costs[way, writer].packets[kind]
                change = (min(theirs) / min(ours)) / (median(theirs) / median(ours))
                count += 1
                apart += not 1 / _APART <= change <= _APART
    return f"{apart} of {count} ratios differ by more than a fifth if taken by the best rounds"


def sums(found: dict[Job, Found], others: Sequence[str]) -> list[str]:
    """What it comes to, and whether known connections are as cheap as was aimed at."""
    known = [costs[way, OURS].cost(KNOWN) for _, way, costs in _lines(found)]
    bare = [costs[STATE].cost(KNOWN) for costs in found.values()]
    alike = max(known) <= _APART * median(bare)
    lines = [
        "established traffic costs as with the state rule alone, which is "
        f"{micro(median(bare))} us, at every size: {micro(min(known))} to {micro(max(known))} us, {met(alike)}"
    ]
    for way in WAYS:
        for writer in others:
            ratios = [
                costs[way, writer].cost(LAST) / costs[way, OURS].cost(LAST)
                for job, costs in found.items()
                if job.needs == 10_000
            ]
            if ratios:
                least, most = times(1, min(ratios)), times(1, max(ratios))
                lines.append(f"10000 needs, {way}, {writer}: the last need costs {least} to {most} times ours")
    return lines


def text(found: dict[Job, Found], others: Sequence[str]) -> str:
    """All tables."""
    head = ["new, last need (us)", "no rules", "state rule", OURS]
    loading = ["loading", OURS, ""]
    for writer in others:
        head += [writer, "ratio"]
        loading += [writer, ""]
    other = ["needs, way (us, ratios)"]
    for kind in (RANDOM, REFUSED, KNOWN):
        other += [kind, *(f"{writer}" for writer in others)]
    parts = [
        table(head, last_rows(found, others)),
        table(other, other_rows(found, others)),
        table(loading, load_rows(found, others)),
        "\n".join([*sums(found, others), agreement(found, others), *slower(found, others)]),
    ]
    return "\n\n".join(parts)


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", type=Path, help="where the other tools are")
    parser.add_argument("--needs", type=int, nargs="+", default=[10, 100, 1000, 10000])
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=SHAPES)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="10 and 1,000 needs, five rounds")
    parser.add_argument("--json", type=Path, help='write the figures; "-" prints them instead of the tables')
    options = parser.parse_args()
    sizes, rounds = options.needs, options.rounds
    if options.quick:
        sizes, rounds = [10, 1000], min(rounds, 5)
    peers = options.peers.resolve() if options.peers else None
    as_installed()
    # One processor: what a packet causes then runs in the thread that sends it.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    found: dict[Job, Found] = {}
    with tempfile.TemporaryDirectory(prefix="fwadvisor-traffic-") as folder:
        for shape in options.shapes:
            for size in sizes:
                job = Job(shape, size)
                progress(f"{job}: writing")
                try:
                    found[job] = measure(job, written(job, Path(folder), peers), rounds)
                except NotPermittedError as problem:
                    sys.exit(f"the kernel cannot be asked: {problem}")
    others = (PLAIN,) if peers is None else (PLAIN, AERLEON, ONE_TERM)
    figures = {
        str(job): {f"{way}, {writer}": each.figures() for (way, writer), each in costs.items()}
        for job, costs in found.items()
    }
    said = f"{machine_line()}; medians of {rounds} interleaved rounds\n\n{text(found, others)}"
    report(said, {"traffic": figures}, options.json)


if __name__ == "__main__":
    main()

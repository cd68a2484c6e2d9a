"""The plain way: what is left undecided is a list of boxes, and every rule cuts its part out of all of them.

    python benchmarks/naive.py JOB [--only-shadow] [--budget SECONDS]

JOB is a file that `plain.py` writes. Needs nothing but the standard library, knows nothing of our engine, and so is
what the others' answers are held against. Prints its times and answers as JSON; where the budget ends, what is missing
is missing.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

#: Inclusive ranges, sorted and disjoint.
_Ranges = list[tuple[int, int]]
#: One set of ranges for each field.
_Box = tuple[_Ranges, ...]


class BudgetSpentError(Exception):
    """The time is over."""


class Clock:
    """A budget of seconds, and the times of what was done."""

    def __init__(self, budget: float) -> None:
        self.end = time.process_time() + budget
        self.found: dict[str, Any] = {}
        self._start = time.process_time()

    def look(self) -> None:
        """Go on, if there is time left.

        Raises:
            BudgetSpentError: there is none.
        """
        if time.process_time() > self.end:
            raise BudgetSpentError

    def start(self) -> None:
        """Begin to measure."""
        self._start = time.process_time()

    def stop(self, name: str) -> None:
        """Keep the time since `start`."""
        self.found[name] = time.process_time() - self._start


def intersect(a: _Ranges, b: _Ranges) -> _Ranges:
    """The integers of both."""
    both = [(max(x[0], y[0]), min(x[1], y[1])) for x in a for y in b]
    return sorted(each for each in both if each[0] <= each[1])


def subtract(a: _Ranges, b: _Ranges) -> _Ranges:
    """The integers of `a` that are not in `b`."""
    left = a
    for first, last in b:
        cut = []
        for low, high in left:
            if low < first:
                cut.append((low, min(high, first - 1)))
            if high > last:
                cut.append((max(low, last + 1), high))
        left = cut
    return left


def common(a: _Box, b: _Box) -> _Box | None:
    """The box of the packets of both, if there are any."""
    found = []
    for x, y in zip(a, b, strict=True):
        both = intersect(x, y)
        if not both:
            return None
        found.append(both)
    return tuple(found)


def minus(a: _Box, b: _Box) -> Iterable[_Box]:
    """The packets of `a` that are not in `b`, as boxes that do not overlap."""
    both = common(a, b)
    if both is None:
        yield a
        return
    for place, (mine, shared) in enumerate(zip(a, both, strict=True)):
        if rest := subtract(mine, shared):
            yield (*both[:place], rest, *a[place + 1 :])


def size(boxes: Iterable[_Box]) -> int:
    """How many packets they hold."""
    return sum(math.prod(sum(last - first + 1 for first, last in field) for field in box) for box in boxes)


def accepted(domain: list[_Box], rules: list[tuple[bool, _Box]], clock: Clock) -> list[_Box]:
    """What the list lets through."""
    undecided, found = domain, []
    for accept, box in rules:
        clock.look()
        left = []
        for each in undecided:
            both = common(each, box)
            if both is None:
                left.append(each)
                continue
            left += minus(each, box)
            if accept:
                found.append(both)
        undecided = left
    return found


def without(a: list[_Box], b: list[_Box], clock: Clock) -> list[_Box]:
    """The packets of one list of boxes that are in none of the other."""
    for box in b:
        clock.look()
        a = [piece for each in a for piece in minus(each, box)]
    return a


def shadowed(rules: list[tuple[bool, _Box]], clock: Clock) -> list[int]:
    """The rules of which earlier ones leave nothing."""
    found = []
    for place, (_, box) in enumerate(rules):
        left = [box]
        for _, earlier in rules[:place]:
            clock.look()
            left = [piece for each in left for piece in minus(each, earlier)]
            if not left:
                found.append(place)
                break
    return found


def box_of(fields: list[list[list[int]] | None], bits: list[int]) -> _Box:
    """A box as the job writes it; a field that is missing may be anything."""
    return tuple(
        [(0, (1 << width) - 1)] if field is None else [(first, last) for first, last in field]
        for field, width in zip(fields, bits, strict=True)
    )


def measure(job: dict[str, Any], clock: Clock) -> None:
    """Build two versions and compare them."""
    bits = job["bits"]
    domain = [box_of(fields, bits) for fields in job["domain"]]
    lists = [[(accept, box_of(fields, bits)) for accept, fields in rules] for rules in job["versions"]]
    clock.start()
    first = accepted(domain, lists[0], clock)
    clock.stop("build")
    clock.found["accepted"] = size(first)
    clock.start()
    second = accepted(domain, lists[1], clock)
    clock.stop("second")
    clock.start()
    lost, gained = without(first, second, clock), without(second, first, clock)
    clock.stop("diff")
    clock.found["changed"] = size(lost) + size(gained)


def lint(job: dict[str, Any], clock: Clock) -> None:
    """Look for shadowed rules."""
    rules = [(accept, box_of(fields, job["bits"])) for accept, fields in job["versions"][0]]
    clock.start()
    clock.found["shadowed"] = shadowed(rules, clock)
    clock.stop("shadow")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("job", type=Path)
    parser.add_argument("--only-shadow", action="store_true", help="look for shadowed rules and nothing else")
    parser.add_argument("--budget", type=float, default=20)
    options = parser.parse_args()
    job = json.loads(options.job.read_text())
    clock = Clock(options.budget)
    try:
        (lint if options.only_shadow else measure)(job, clock)
    except BudgetSpentError:
        clock.found["unfinished"] = f"the budget of {options.budget:g} s is spent"
    print(json.dumps(clock.found))


if __name__ == "__main__":
    main()

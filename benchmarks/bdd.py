"""The same lists as binary decision diagrams, one variable for each bit, with the diagrams of another library.

    PYTHON benchmarks/bdd.py oxidd|cudd JOB

PYTHON is an interpreter that has the library; JOB is a file that `plain.py` writes. Lists are built by divide and
conquer, which is the fastest way we know. Prints times and answers as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any
from zlib import crc32

#: Large enough for every job; the memory is taken as it is needed.
_NODES, _CACHE = 1 << 24, 1 << 22


class Oxidd:
    """Diagrams of oxidd, with one thread as everyone here has."""

    def __init__(self, bits: int) -> None:
        from oxidd.bdd import BDDManager

        self.manager = BDDManager(_NODES, _CACHE, 1)
        self.manager.add_vars(bits)
        self.bits = bits
        self.true, self.false = self.manager.true(), self.manager.false()

    def literal(self, place: int, value: bool) -> Any:
        return self.manager.var(place) if value else self.manager.not_var(place)

    def differ(self, first: Any, second: Any) -> Any:
        return first ^ second

    def count(self, found: Any) -> int:
        return found.sat_count(self.bits)


class Cudd:
    """Diagrams of CUDD through dd, in a fixed order of variables."""

    def __init__(self, bits: int) -> None:
        from dd.cudd import BDD

        self.manager = BDD()
        self.manager.configure(reordering=False)
        self.bits = bits
        self.names = [f"b{place}" for place in range(bits)]
        self.manager.declare(*self.names)
        self.true, self.false = self.manager.true, self.manager.false

    def literal(self, place: int, value: bool) -> Any:
        found = self.manager.var(self.names[place])
        return found if value else ~found

    def differ(self, first: Any, second: Any) -> Any:
        return self.manager.apply("xor", first, second)

    def count(self, found: Any) -> int:
        return int(self.manager.count(found, self.bits))


LIBRARIES = {"oxidd": Oxidd, "cudd": Cudd}


class Lists:
    """First-match lists over fields of given widths, the most significant bit of each field first."""

    def __init__(self, library: str, widths: list[int]) -> None:
        self.diagrams = LIBRARIES[library](sum(widths))
        self.widths = widths
        self.starts = [sum(widths[:place]) for place in range(len(widths))]
        self.ranges = cache(self._ranges)

    def box(self, fields: list[list[list[int]] | None]) -> Any:
        """The packets of one rule."""
        found = self.diagrams.true
        for place in reversed(range(len(fields))):
            field = fields[place]
            if field is not None:
                found = self.ranges(place, tuple(map(tuple, field))) & found
        return found

    def _ranges(self, place: int, ranges: tuple[tuple[int, int], ...]) -> Any:
        found = self.diagrams.false
        for first, last in ranges:
            found = found | self._range(place, first, last)
        return found

    def _range(self, place: int, first: int, last: int) -> Any:
        start, width = self.starts[place], self.widths[place]
        below = above = self.diagrams.true
        common = width - (first ^ last).bit_length()
        for bit in reversed(range(common, width)):
            one = self.diagrams.literal(start + bit, True)
            zero = self.diagrams.literal(start + bit, False)
            mask = 1 << (width - 1 - bit)
            below = one & below if first & mask else one | below
            above = zero | above if last & mask else zero & above
        found = below & above
        for bit in reversed(range(common)):
            found = self.diagrams.literal(start + bit, bool(first & 1 << (width - 1 - bit))) & found
        return found

    def accepted(self, rules: list[Any], domain: Any) -> Any:
        """What a list lets through.

        Parts of the list are put together where the rules' own text says so, and not by number: so an edited list
        shares most parts with the one before, which the library then finds in its cache.
        """
        leaves = []
        for accept, fields in rules:
            box = self.box(fields)
            leaves.append((box, box if accept else self.diagrams.false, crc32(repr((accept, fields)).encode())))
        while len(leaves) > 1:
            grown = leaves[:1]
            for leaf in leaves[1:]:
                if grown[-1][2] & 1 and len(leaves) > 2:
                    grown.append(leaf)
                else:
                    grown[-1] = _either(grown[-1], leaf)
            leaves = [(taken, accept, key >> 1) for taken, accept, key in grown]
        return leaves[0][1] & domain


def _either(first: tuple[Any, Any, int], second: tuple[Any, Any, int]) -> tuple[Any, Any, int]:
    """What two neighbouring parts of a list decide together, and what they let through."""
    return first[0] | second[0], first[1] | (second[1] & ~first[0]), second[2]


def measure(library: str, job: dict[str, Any]) -> dict[str, Any]:
    """All of it."""
    lists = Lists(library, job["bits"])
    start = time.process_time()
    domain = lists.diagrams.false
    for fields in job["domain"]:
        domain = domain | lists.box(fields)
    first = lists.accepted(job["versions"][0], domain)
    built = time.process_time()
    second = lists.accepted(job["versions"][1], domain)
    rebuilt = time.process_time()
    alike = first == second
    compared = time.process_time()
    changed = lists.diagrams.differ(first, second)
    found = time.process_time()
    return {
        "build": built - start,
        "second": rebuilt - built,
        "equal": compared - rebuilt,
        "diff": found - compared,
        "alike": alike,
        "accepted": lists.diagrams.count(first),
        "changed": lists.diagrams.count(changed),
    }


def main() -> None:
    """Measure and print."""
    if len(sys.argv) != 3 or sys.argv[1] not in LIBRARIES:
        sys.exit(__doc__)
    print(json.dumps(measure(sys.argv[1], json.loads(Path(sys.argv[2]).read_text()))))


if __name__ == "__main__":
    main()

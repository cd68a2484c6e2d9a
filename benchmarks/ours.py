"""One job for our packet engine, in a process of its own: prints times and answers as JSON.

    python benchmarks/ours.py compare|lint KIND SIZE 4|6

``compare`` builds two versions of a list in one space and compares them; ``lint`` asks for shadowed and redundant
rules.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import rulesets

from fwadvisor.errors import BudgetError
from fwadvisor.model.address import Family
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.packets import Space, compare
from fwadvisor.packets.building import Builder
from fwadvisor.packets.overlap import Overlap

_EDITS = 10


def compared(kind: str, size: int, family: Family) -> dict[str, Any]:
    """Build two versions, compare, and list what differs as boxes."""
    rules = rulesets.make(kind, size, family)
    before, after = rulesets.firewall(rules), rulesets.firewall(rulesets.edited(rules, _EDITS), "edited")
    builds = _watched()
    start = time.process_time()
    space = Space([before, after])
    first = space.meaning(before, Hook.FORWARD, family)
    second = space.meaning(after, Hook.FORWARD, family)
    built = time.process_time()
    changes = compare(first, second)
    compared = time.process_time()
    boxes = sum(1 for change in changes for _ in change.packets.boxes())
    done = time.process_time()
    return {
        "build": built - start - builds[-1],
        "second": builds[-1],
        "diff": compared - built,
        "boxes": done - compared,
        "alike": not changes,
        "accepted": first.accepted.count(),
        "changed": sum(change.packets.count() for change in changes),
        "differing": boxes,
    }


def _watched() -> list[float]:
    """The seconds of each list that is built from now on: both are built when the first one is asked for."""
    found: list[float] = []
    build = Builder.build

    def timed(builder: Builder) -> int:
        start = time.process_time()
        node = build(builder)
        found.append(time.process_time() - start)
        return node

    Builder.build = timed  # type: ignore[method-assign]
    return found


def linted(kind: str, size: int, family: Family) -> dict[str, Any]:
    """Ask for shadowed and redundant rules."""
    rules = rulesets.firewall(rulesets.make(kind, size, family)).chains[Hook.FORWARD].rules
    start = time.process_time()
    overlap = Overlap(rules, Hook.FORWARD, family, Verdict.DROP)
    indexed = time.process_time()
    shadowed = overlap.shadowed()
    found = time.process_time()
    redundant = overlap.redundant()
    done = time.process_time()
    return {
        "index": indexed - start,
        "shadow": found - indexed,
        "redundant": done - found,
        "shadowed": [each.rule for each in shadowed],
        "removable": [each.rule for each in redundant],
    }


def main() -> None:
    """Measure and print."""
    if len(sys.argv) != 5 or sys.argv[1] not in ("compare", "lint"):
        sys.exit(__doc__)
    what, kind, size, family = sys.argv[1:]
    try:
        print(json.dumps((compared if what == "compare" else linted)(kind, int(size), Family(int(family)))))
    except BudgetError as spent:
        print(json.dumps({"unfinished": str(spent)}))


if __name__ == "__main__":
    main()

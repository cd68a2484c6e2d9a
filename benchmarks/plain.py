"""First-match lists as plain integers, so that tools can work on them that know nothing of this project.

    python benchmarks/plain.py FILE KIND SIZE 4|6 [EDITS]

FILE becomes JSON: the widths of the fields in bits, the boxes of possible packets, and two versions of the list. A box
has for each field its ranges, or null for all.
"""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import rulesets

from fwadvisor.model.address import Family
from fwadvisor.model.interval import Intervals, normalize, subtract
from fwadvisor.model.rule import ICMP, ICMPV6, PORT_PROTOCOLS, Match, Verdict

NAMES = ("protocol", "interface", "source", "destination", "source ports", "destination ports", "icmp")
#: The number of a name in the field of the interface; the first stands for every other name, the second for none.
INTERFACES = ("*", "", "eth0", "eth1", "eth2")
_UDPLITE = 136
Fields = list[Intervals | None]
#: The order of the fields that suits diagrams of bits best, of those that we tried; the numbers are those of `fields`.
#: A gateway's services divide its rules into short lists, so that ports come first there.
ORDER = {
    "realistic": (0, 1, 6, 5, 3, 2, 4),
    "classbench": (0, 1, 6, 3, 2, 5, 4),
    "crossing": (0, 1, 6, 5, 3, 2, 4),
}


def fields(match: Match, family: Family) -> Fields:
    """Protocol, interface, source, destination, source ports, destination ports, ICMP type and code."""
    source, destination = match.source, match.destination
    return [
        normalize((each, each) for each in match.protocols) if match.protocols else None,
        normalize((INTERFACES.index(name),) * 2 for name in match.in_interfaces) if match.in_interfaces else None,
        source.of(family) if source else None,
        destination.of(family) if destination else None,
        match.source_ports,
        match.destination_ports,
        normalize((each.type * 256, each.type * 256 + 255) for each in match.icmp) if match.icmp else None,
    ]


def domain(family: Family) -> list[Fields]:
    """The forwarded packets that there are: nothing that is broadcast; ports and ICMP types only where they exist."""
    zero: Intervals = ((0, 0),)
    names: Intervals = ((0, len(INTERFACES) - 1),)
    to = subtract(family.universe, ((0xFFFFFFFF, 0xFFFFFFFF),)) if family is Family.IPV4 else None
    icmp = ICMP if family is Family.IPV4 else ICMPV6
    with_ports = normalize((each, each) for each in (*PORT_PROTOCOLS, _UDPLITE))
    edges = sorted({-1, icmp, *PORT_PROTOCOLS, _UDPLITE, 256})
    others = normalize((a + 1, b - 1) for a, b in pairwise(edges) if a + 1 < b)
    return [
        [with_ports, names, None, to, None, None, zero],
        [((icmp, icmp),), names, None, to, zero, zero, None],
        [others, names, None, to, zero, zero, zero],
    ]


def job(kind: str, size: int, family: Family, edits: int = 10) -> dict[str, Any]:
    """Everything that a tool needs to know."""
    first = rulesets.make(kind, size, family)
    versions = (first, rulesets.edited(first, edits))
    widths = (8, 3, family.bits, family.bits, 16, 16, 16)

    lists = [[(rule.verdict is Verdict.ACCEPT, fields(rule.match, family)) for rule in rules] for rules in versions]
    # A field that no rule asks for is left out: packets are told apart by what somebody tests.
    asked = {place for rules in lists for _, box in rules for place, values in enumerate(box) if values is not None}
    order = [place for place in ORDER[kind] if place in asked]

    def ordered(box: Fields) -> Fields:
        return [box[place] for place in order]

    return {
        "fields": [NAMES[place] for place in order],
        "bits": [widths[place] for place in order],
        "domain": [ordered(box) for box in domain(family)],
        "versions": [[[accept, ordered(box)] for accept, box in rules] for rules in lists],
    }


def main() -> None:
    """Write one job."""
    if len(sys.argv) not in (5, 6):
        sys.exit(__doc__)
    path, kind, size, family = sys.argv[1:5]
    Path(path).write_text(json.dumps(job(kind, int(size), Family(int(family)), *map(int, sys.argv[5:]))))


if __name__ == "__main__":
    main()

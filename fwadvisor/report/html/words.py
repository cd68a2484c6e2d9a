"""Words that all parts of the page share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import STATES, Field
from fwadvisor.model.interval import contains
from fwadvisor.model.rule import Hook, State
from fwadvisor.packets.box import ReadableBox
from fwadvisor.packets.rawbox import RawBox
from fwadvisor.ports.database import Database
from fwadvisor.report.review_words import region_words
from fwadvisor.review.changes import Kind

#: How a hook is called, as seen from the machine.
DIRECTIONS: Mapping[Hook, str] = {
    Hook.INPUT: "to this machine",
    Hook.OUTPUT: "from this machine",
    Hook.FORWARD: "through this machine",
}
#: What a kind of change does to its packets, and the sign that stands for it.
KINDS: Mapping[Kind, tuple[str, str]] = {
    Kind.WIDENED: ("newly accepted", "+"),
    Kind.NARROWED: ("no longer accepted", "−"),
    Kind.CHANGED: ("refused in another way", "↔"),
    Kind.TREATED: ("accepted, but treated otherwise", "≈"),
    Kind.RELOGGED: ("logged otherwise", "≡"),
    Kind.UNKNOWN: ("not known", "?"),
}


def families(several: Iterable[Family]) -> str:
    """``IPv4 and IPv6``."""
    return " and ".join(f"IPv{each.value}" for each in sorted(several))


def known_only(raw: RawBox) -> bool:
    """Whether no packet of the region opens a connection."""
    states = raw.integers.get(Field.STATE)
    return states is not None and not contains(states, STATES.index(State.NEW))


def listed(texts: Iterable[str], most: int = 3, separator: str = ", ") -> str:
    """Different texts in order, the tail counted."""
    found = list(dict.fromkeys(texts))
    if len(found) <= most:
        return separator.join(found)
    return f"{separator.join(found[:most])} and {len(found) - most:,} more"


def traffic(box: ReadableBox, database: Database, most: int | None) -> str:
    """What goes between the ends, and whether it opens connections."""
    text = region_words(box, database, most).traffic
    return f"{text}, of known connections only" if known_only(box.raw) else text

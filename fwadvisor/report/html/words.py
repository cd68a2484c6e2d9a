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
from fwadvisor.report.review_words import RegionWords, region_words
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

#: So many elements of a list are said.
_MOST = 4


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


class Wording:
    """Regions in short words, each said once: finding names for ports takes longer than anything else here."""

    def __init__(self, database: Database) -> None:
        self.database = database
        #: By identity: boxes hold dicts, and live as long as their review.
        self._known: dict[int, RegionWords] = {}

    def of(self, box: ReadableBox) -> RegionWords:
        """A region; of long lists the rest is counted."""
        found = self._known.get(id(box))
        if found is None:
            found = self._known[id(box)] = region_words(box, self.database, _MOST)
        return found

    def traffic(self, box: ReadableBox) -> str:
        """What goes between the ends, whether it opens connections, and on which conditions."""
        words = self.of(box)
        known = ("of known connections only",) if known_only(box.raw) else ()
        conditions = (text for text in words.rest if text.startswith(("when ", "unless ")))
        return ", ".join((words.traffic, *known, *conditions))

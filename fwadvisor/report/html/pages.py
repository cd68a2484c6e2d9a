"""What is known about the ports that changed: the pages of `fwadvisor explain`, each once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fwadvisor.model.firewall import Field
from fwadvisor.model.interval import Intervals, contains
from fwadvisor.ports.database import Database
from fwadvisor.ports.explain.page import Page, Section
from fwadvisor.ports.explain.port_page import entry_page, port_pages
from fwadvisor.ports.explain.subjects import Numbers
from fwadvisor.ports.facts import PROTOCOL_NUMBERS, Port, Risk, Transport
from fwadvisor.report.html.cards import Card

#: Without `everything`: so many pages of known ports, and of numbers that nothing is recorded of.
_PAGES, _UNKNOWN = 24, 8


#: What of a page is printed; the rest is for looking into a machine, and on the screen.
_PRINTED = frozenset({"What it is", "Risk", "Recommended", "Ports that follow", "Pitfalls", "Known uses", "Registry"})


@dataclass(frozen=True, slots=True)
class PageView:
    """A page, and the anchor by which changes refer to it."""

    anchor: str
    page: Page

    @property
    def sections(self) -> tuple[tuple[Section, bool], ...]:
        """Its sections, and whether they are printed."""
        return tuple((each, each.heading in _PRINTED) for each in self.page.sections)


def page_views(
    cards: Sequence[Card], prefix: str, database: Database, everything: bool
) -> tuple[list[PageView], list[str]]:
    """The pages, the riskiest first, and the ids of those that are not shown.

    Where several reviews are on one page, `prefix` keeps their anchors apart.
    """
    found: dict[str, Port] = {}
    for card in cards:
        found |= {use.port.id: use.port for use in card.uses}
    ports = sorted(found.values(), key=lambda port: list(Risk).index(port.risk_internet))
    shown = len(ports) if everything else _PAGES
    views = [PageView(f"{prefix}port-{port.id}", entry_page(port, database)) for port in ports[:shown]]
    more = [port.id for port in ports[shown:]]
    for numbers in _unknown(cards, found.values())[: None if everything else _UNKNOWN]:
        pages = port_pages(numbers, database)
        anchor = f"{prefix}port-{numbers.first}-{numbers.transport}"
        views += [PageView(f"{anchor}-{place}", page) for place, page in enumerate(pages)]
    return views, more


def _unknown(cards: Iterable[Card], known: Iterable[Port]) -> list[Numbers]:
    """Single ports that changed and that no known use explains."""
    ports = list(known)
    found: dict[Numbers, None] = {}
    for card in cards:
        for box in card.entry.regions:
            numbers = box.raw.integers.get(Field.DESTINATION_PORT, ())
            for transport in _transports(box.raw.integers.get(Field.PROTOCOL, ())):
                singles = [first for first, last in numbers if first == last]
                for number in singles:
                    if not any(contains(port.match.get(transport, ()), number) for port in ports):
                        found[Numbers(number, number, transport)] = None
    return list(found)


def _transports(protocols: Intervals) -> list[Transport]:
    return [transport for transport, number in PROTOCOL_NUMBERS.items() if contains(protocols, number)]

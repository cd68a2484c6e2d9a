"""What each way to serve calls keeps open, asked of the written rules: ports where peers may begin, and how many may.

    python benchmarks/exposure.py [--json FILE]

An H.323 endpoint with two peers, two calls at a time of three streams each. The rules of every dialect are read back,
and the packet engine tells which new connections from outside they accept besides those that `refused` media leaves:
call signalling, which every strategy has. Nothing is taken from the notes; `noted` says what those claim.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from measuring import report

from fwadvisor.dialects import DIALECTS
from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import FwadvisorError
from fwadvisor.generate import Generated, Request, generate
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import STATES, Field, Firewall, IntegerTest, Names, NameTest, Test
from fwadvisor.model.interval import PORTS, Intervals, size, union
from fwadvisor.model.rule import LOOPBACK, TCP, UDP, Hook, State
from fwadvisor.packets import Space

PROFILE = "h323-needed"
PEERS = "203.0.113.10,203.0.113.11"
_CALLS = {"peers": PEERS, "calls": "2", "streams": "3"}
_RANGES = {"tcp_range": "3230-3237", "udp_range": "3230-3253"}
REFUSED = "refused"
#: Name of a row -> what is set besides the peers and the calls.
STRATEGIES: dict[str, dict[str, str]] = {
    "auto": {},
    "tracked": {"media": "tracked"},
    "tracked, with fallback": {"media": "tracked", **_RANGES},
    "pinned": {"media": "pinned"},
    "pinned, TLS": {"media": "pinned", "tls": "true"},
    "tunnelled": {"media": "tunnelled"},
    "traversal": {"media": "traversal", "traversal_server": "203.0.113.20", **_RANGES},
    "everything": {"media": "everything"},
    REFUSED: {"media": "refused"},
}
#: What the error says where a dialect cannot serve calls as asked.
_UNSERVED = "cannot be served"
_NEW = STATES.index(State.NEW)
_FROM_OUTSIDE = NameTest(Field.IN_INTERFACE, Names(frozenset({LOOPBACK}), inverted=True))
_STATED = re.compile(r"\b(TCP|UDP) (\d+)-(\d+)")
_COUNTED = re.compile(r"\b(\d+) (TCP|UDP) ports")
_OUTBOUND = "stay open outbound"


@dataclass(frozen=True, slots=True)
class Open:
    """Ports that stay open, in all families together, and the number of addresses that may begin there."""

    tcp: Intervals
    udp: Intervals
    peers: int

    def __str__(self) -> str:
        parts = [f"{size(ports)} {name}" for name, ports in (("UDP", self.udp), ("TCP", self.tcp)) if ports]
        return f"{' and '.join(parts)} to {self.peers}" if parts else "none"


def made(target: str, settings: Mapping[str, str]) -> Generated | None:
    """What is generated, or None where calls cannot be served so in the dialect.

    Raises:
        FwadvisorError: something else is wrong.
    """
    try:
        return generate(
            Request(profiles=(PROFILE,), settings={**_CALLS, **settings}, targets=(target,), notes=False, prove=False)
        )
    except FwadvisorError as refusal:
        if not any(_UNSERVED in each.message for each in refusal.diagnostics):
            raise
        return None


def read_back(generated: Generated, target: str) -> Firewall:
    """The written text as a firewall."""
    return read_firewall([Source(file.name, file.content) for file in generated.outputs[target]], target)


def still_open(rules: Firewall, signalling: Firewall) -> Open:
    """What the rules accept as a new connection from outside, and the others do not.

    Raises:
        BudgetError: the comparison would grow too large.
    """
    found: dict[int, Intervals] = {TCP: (), UDP: ()}
    peers = 0
    asked = {protocol: _tests(protocol) for protocol in found}
    space = Space([rules, signalling], tests=[test for tests in asked.values() for test in tests])
    for family in Family:
        sources: Intervals = ()
        more = (
            space.meaning(rules, Hook.INPUT, family).accepted - space.meaning(signalling, Hook.INPUT, family).accepted
        )
        for protocol, tests in asked.items():
            for box in (more & space.packets(Hook.INPUT, family, tests)).boxes():
                found[protocol] = union(found[protocol], box.integers.get(Field.DESTINATION_PORT, PORTS))
                last = 2 ** (32 if family is Family.IPV4 else 128) - 1
                sources = union(sources, box.integers.get(Field.SOURCE, ((0, last),)))
        peers += size(sources)
    return Open(found[TCP], found[UDP], peers)


def _tests(protocol: int) -> tuple[Test, ...]:
    state = IntegerTest(Field.STATE, ((_NEW, _NEW),))
    return state, IntegerTest(Field.PROTOCOL, ((protocol, protocol),)), _FROM_OUTSIDE


def noted(generated: Generated, target: str) -> tuple[dict[str, Intervals], dict[str, int]]:
    """What the notes of one dialect say of media from outside: the ranges, and how many ports stay open."""
    notes = [note.text for note in generated.compilations[target].notes if note.id.startswith("media-")]
    counts = {name: int(count) for text in notes for count, name in _COUNTED.findall(text) if _OUTBOUND not in text}
    ranges: dict[str, Intervals] = {}
    for text in notes:
        for name, first, last in _STATED.findall(text):
            if name in counts:
                ranges[name] = union(ranges.get(name, ()), ((int(first), int(last)),))
    return ranges, counts


def exposures(strategies: Iterable[str] = STRATEGIES) -> dict[str, dict[str, Open | None]]:
    """Strategy -> dialect -> what stays open; None where the dialect cannot serve calls so."""
    return {strategy: {target: exposure(strategy, target) for target in DIALECTS} for strategy in strategies}


def exposure(strategy: str, target: str) -> Open | None:
    """What one strategy keeps open in one dialect, or None where that cannot serve calls so."""
    settings = STRATEGIES[strategy]
    generated, signalling = made(target, settings), made(target, {**settings, "media": REFUSED})
    if generated is None or signalling is None:
        return None
    return still_open(read_back(generated, target), read_back(signalling, target))


def markdown(found: dict[str, dict[str, Open | None]]) -> str:
    """The table."""
    lines = [f"| `media` | {' | '.join(DIALECTS)} |", f"|---|{'---|' * len(DIALECTS)}"]
    for strategy, row in found.items():
        cells = ["an error: nothing can follow a call" if each is None else str(each) for each in row.values()]
        lines.append(f"| {strategy} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Compute and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help='write the figures; "-" prints them instead of the table')
    options = parser.parse_args()
    found = exposures()
    figures = {
        strategy: {target: each and asdict(each) for target, each in row.items()} for strategy, row in found.items()
    }
    report(markdown(found), {"exposure": figures}, options.json)


if __name__ == "__main__":
    main()

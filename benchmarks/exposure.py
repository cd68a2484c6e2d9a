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
TRANSPORTS = {"UDP": UDP, "TCP": TCP}
#: Name of a row -> what is set besides the peers and the calls.
STRATEGIES: dict[str, dict[str, str]] = {
    "auto": {},
    "tracked": {"media": "tracked"},
    "tracked, with fallback": {"media": "tracked", **_RANGES},
    "pinned": {"media": "pinned"},
    "pinned, TLS": {"media": "pinned", "tls": "true"},
    "tunnelled": {"media": "tunnelled"},
    "traversal": {"media": "traversal", "traversal_server": "203.0.113.20", **_RANGES},
    "gatekeeper-routed": {"media": "gatekeeper-routed", "gatekeeper": "203.0.113.30"},
    "everything": {"media": "everything"},
    REFUSED: {"media": "refused"},
}
#: Who else signals: what is set besides for the rules that have call signalling only.
_SIGNALLING = {"gatekeeper-routed": {"peers": f"{PEERS},203.0.113.30"}}
#: What the error says where a dialect cannot serve calls as asked.
_UNSERVED = "cannot be served"
_NEW = STATES.index(State.NEW)
_FROM_OUTSIDE = NameTest(Field.IN_INTERFACE, Names(frozenset({LOOPBACK}), inverted=True))
_STATED = re.compile(r"\b(TCP|UDP) (\d+)-(\d+)")
_COUNTED = re.compile(r"\b(\d+) (TCP|UDP) ports")
_OUTBOUND = "stay open outbound"


@dataclass(frozen=True, slots=True)
class Open:
    """Ports that stay open over one transport, both families together, and how many addresses may begin there."""

    ports: Intervals
    peers: int


#: Transport -> what stays open.
Exposed = dict[str, Open]


def cell(exposed: Exposed | None) -> str:
    """In words."""
    if exposed is None:
        return "an error: nothing here follows a call"
    found = {name: each for name, each in exposed.items() if each.ports}
    counts = [f"{size(each.ports)} {name}" for name, each in found.items()]
    peers = [each.peers for each in found.values()]
    if len(set(peers)) < 2:
        return f"{' and '.join(counts)} to {peers[0]}" if peers else "none"
    return " and ".join(f"{count} to {number}" for count, number in zip(counts, peers, strict=True))


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


def still_open(rules: Firewall, signalling: Firewall) -> Exposed:
    """What the rules accept as a new connection from outside, and the others do not.

    Raises:
        BudgetError: the comparison would grow too large.
    """
    asked = {name: _tests(protocol) for name, protocol in TRANSPORTS.items()}
    space = Space([rules, signalling], tests=[test for tests in asked.values() for test in tests])
    more = {
        family: space.meaning(rules, Hook.INPUT, family).accepted
        - space.meaning(signalling, Hook.INPUT, family).accepted
        for family in Family
    }
    found: Exposed = {}
    for name, tests in asked.items():
        ports: Intervals = ()
        peers = 0
        for family, packets in more.items():
            sources: Intervals = ()
            for box in (packets & space.packets(Hook.INPUT, family, tests)).boxes():
                ports = union(ports, box.integers.get(Field.DESTINATION_PORT, PORTS))
                sources = union(sources, box.integers.get(Field.SOURCE, ((0, 2**family.bits - 1),)))
            peers += size(sources)
        found[name] = Open(ports, peers)
    return found


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


def exposures(strategies: Iterable[str] = STRATEGIES) -> dict[str, dict[str, Exposed | None]]:
    """Strategy -> dialect -> what stays open; None where the dialect cannot serve calls so."""
    return {strategy: {target: exposure(strategy, target) for target in DIALECTS} for strategy in strategies}


def exposure(strategy: str, target: str) -> Exposed | None:
    """What one strategy keeps open in one dialect, or None where that cannot serve calls so."""
    settings = STRATEGIES[strategy]
    only_signalling = {**settings, "media": REFUSED, **_SIGNALLING.get(strategy, {})}
    generated, signalling = made(target, settings), made(target, only_signalling)
    if generated is None or signalling is None:
        return None
    return still_open(read_back(generated, target), read_back(signalling, target))


def markdown(found: dict[str, dict[str, Exposed | None]]) -> str:
    """The table."""
    lines = [f"| `media` | {' | '.join(DIALECTS)} |", f"|---|{'---|' * len(DIALECTS)}"]
    for strategy, row in found.items():
        lines.append(f"| {strategy} | {' | '.join(cell(each) for each in row.values())} |")
    return "\n".join(lines)


def main() -> None:
    """Compute and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help='write the figures; "-" prints them instead of the table')
    options = parser.parse_args()
    found = exposures()
    figures = {
        strategy: {
            target: None if exposed is None else {name: asdict(each) for name, each in exposed.items()}
            for target, exposed in row.items()
        }
        for strategy, row in found.items()
    }
    report(markdown(found), {"exposure": figures}, options.json)


if __name__ == "__main__":
    main()

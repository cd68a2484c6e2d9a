"""Conversions, and packets that are sent through both texts without the packet engine."""

from __future__ import annotations

import random
from collections.abc import Iterator

from fwadvisor.convert import Converted, Request, convert
from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import AddressTest, AnyOf, Field, Firewall, IntegerTest, NameTest, Test
from fwadvisor.model.rule import LOOPBACK, Hook, State, Verdict
from fwadvisor.model.walk import Packet


def firewall(dialect: str, *texts: str, names: tuple[str, ...] = ("rules", "more")) -> Firewall:
    """The firewall of rule texts."""
    sources = [Source(name, text.encode()) for name, text in zip(names, texts, strict=False)]
    return read_firewall(sources, dialect)


def text_of(converted: Converted) -> str:
    """Everything that was written."""
    return "".join(each.content.decode() for each in converted.files)


def read_again(converted: Converted, target: str) -> Firewall:
    """What was written, as the readers see it."""
    return read_firewall([Source(each.name, each.content) for each in converted.files], target)


def to(source: Firewall, target: str, **how: object) -> Converted:
    """A conversion."""
    return convert(Request(firewall=source, target=target, **how))  # type: ignore[arg-type]


def _values(tests: tuple[Test, ...], field: Field, family: Family) -> Iterator[int]:
    for test in tests:
        if isinstance(test, AnyOf):
            for each in test.alternatives:
                yield from _values(each, field, family)
        elif isinstance(test, IntegerTest) and test.field is field:
            yield from (value for pair in test.values for value in (*pair, pair[1] + 1))
        elif isinstance(test, AddressTest) and test.field is field:
            yield from (value for pair in test.of(family) for value in (*pair, pair[1] + 1))


def _names(tests: tuple[Test, ...]) -> Iterator[str]:
    for test in tests:
        if isinstance(test, AnyOf):
            for each in test.alternatives:
                yield from _names(each)
        elif isinstance(test, NameTest) and test.field in (Field.IN_INTERFACE, Field.OUT_INTERFACE):
            yield from test.names.names
            yield from (f"{prefix}9" for prefix in test.names.prefixes)


class Packets:
    """New packets at the edges of what a firewall's rules say."""

    def __init__(self, source: Firewall, seed: int) -> None:
        self._dice = random.Random(seed)
        self._source = source
        rules = [rule.tests for rule in source.rules()]
        self._ports = sorted({v for tests in rules for v in _values(tests, Field.DESTINATION_PORT, Family.IPV4)} | {9})
        self._from = sorted({v for tests in rules for v in _values(tests, Field.SOURCE_PORT, Family.IPV4)} | {40000})
        self._icmp = sorted({v for tests in rules for v in _values(tests, Field.ICMP, Family.IPV4)} | {2048})
        names = {name for tests in rules for name in _names(tests)} - {"", LOOPBACK}
        self._interfaces = [*sorted(names), "other0"]
        self._addresses = {
            (family, field): sorted(
                {v for tests in rules for v in _values(tests, field, family)} | {5 << family.bits // 2}
            )
            for family in source.families
            for field in (Field.SOURCE, Field.DESTINATION)
        }

    def some(self, count: int, hooks: frozenset[Hook]) -> Iterator[Packet]:
        """Packets of hooks that both speak of."""
        dice = self._dice
        for _ in range(count):
            family = dice.choice(self._source.families)
            hook = dice.choice(sorted(hooks & self._source.hooks))
            protocol = dice.choice([6, 6, 17, 1 if family is Family.IPV4 else 58, 47, 132])
            many = (0xE << 28, 0xF << 28) if family is Family.IPV4 else (0xFF << 120, 1 << 128)
            source, destination = (
                next(
                    value
                    for value in iter(lambda: dice.choice(self._addresses[family, field]), -1)  # noqa: B023
                    if not many[0] <= value < many[1] and value < (1 << family.bits) - 1
                )
                for field in (Field.SOURCE, Field.DESTINATION)
            )
            icmp = dice.choice(self._icmp)
            yield Packet(
                hook=hook,
                family=family,
                protocol=protocol,
                source=source,
                destination=destination,
                source_port=dice.choice(self._from) & 65535,
                destination_port=dice.choice(self._ports) & 65535,
                icmp_type=icmp >> 8 & 255,
                icmp_code=icmp & 255,
                in_interface="" if hook is Hook.OUTPUT else dice.choice(self._interfaces),
                out_interface="" if hook is Hook.INPUT else dice.choice(self._interfaces),
                state=State.NEW,
                source_type=0 if hook is Hook.OUTPUT else 1,
                destination_type=0 if hook is Hook.INPUT else 1,
            )


def assert_alike(source: Firewall, text: Firewall, count: int = 300, *, narrower: bool = False) -> None:
    """Packets have the same fate in both; or, narrower, none is accepted that was not."""
    seen: set[Verdict | None] = set()
    for packet in Packets(source, count).some(count, text.hooks):
        was, now = evaluate(source, packet).verdict, evaluate(text, packet).verdict
        seen.add(was)
        assert (now is not Verdict.ACCEPT or was is Verdict.ACCEPT) if narrower else now is was, packet
    assert seen

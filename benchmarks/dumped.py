"""What reading and computing a dump comes to: a process for each, so that its memory is its own.

    python benchmarks/dumped.py DIALECT SAMPLES FILE...

Prints JSON: what was read, how long the packets of each hook and IP version took, and for how many packets, sampled at
the edges of the rules, the engine and a plain walk of the chains gave the same verdict.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fwadvisor.dialects.reading import reader
from fwadvisor.dialects.reading.source import load_source
from fwadvisor.errors import BudgetError
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import (
    LARGEST,
    STATES,
    AddressTest,
    AddressType,
    AnyOf,
    ConditionTest,
    Field,
    Firewall,
    FirewallRule,
    IntegerTest,
    NameTest,
    Test,
)
from fwadvisor.model.interval import Intervals
from fwadvisor.model.rule import ICMP, ICMPV6, TCP, UDP, Hook
from fwadvisor.model.walk import Packet
from fwadvisor.packets import Space

_MULTICAST = {Family.IPV4: (0xE0000000, 0xEFFFFFFF), Family.IPV6: (0xFF << 120, (1 << 128) - 1)}
_NAMES = ("eth0", "eth1", "eth2", "eth3", "other")


class Sampler:
    """Draws packets at the edges of a firewall's rules."""

    def __init__(self, firewall: Firewall, hook: Hook, family: Family, seed: int = 1) -> None:
        self.hook, self.family = hook, family
        self.dice = random.Random(f"{hook} {int(family)} {seed}")
        self.rules = [rule for rule in firewall.rules() if rule.tests]
        self.states = [state for state in STATES if state in firewall.states]
        self.conditions = sorted({each for rule in self.rules for each in _conditions(rule.tests)})

    def packet(self) -> Packet:
        """A packet at the edge of two rules, possible on its hook."""
        values: dict[Field, int | str] = {}
        for rule in self.dice.sample(self.rules, min(2, len(self.rules))):
            self._edges(rule, values)
        dice, family = self.dice, self.family
        usual = (TCP, UDP, ICMP if family is Family.IPV4 else ICMPV6, 47)
        icmp = int(values.get(Field.ICMP, 0))
        source, destination = self._address(values, Field.SOURCE), self._address(values, Field.DESTINATION)
        return Packet(
            hook=self.hook,
            family=family,
            protocol=int(values.get(Field.PROTOCOL, dice.choice(usual))),
            source=source,
            destination=destination,
            source_port=int(values.get(Field.SOURCE_PORT, dice.randint(1, 65535))),
            destination_port=int(values.get(Field.DESTINATION_PORT, dice.randint(1, 65535))),
            icmp_type=icmp // 256,
            icmp_code=icmp % 256,
            in_interface=self._name(values, Field.IN_INTERFACE, Hook.OUTPUT),
            out_interface=self._name(values, Field.OUT_INTERFACE, Hook.INPUT),
            state=self._state(values),
            tcp_flags=int(values.get(Field.TCP_FLAGS, 2)),
            mark=int(values.get(Field.MARK, 0)),
            source_type=self._type(Field.SOURCE, source),
            destination_type=self._type(Field.DESTINATION, destination),
            conditions=frozenset(each for each in self.conditions if dice.random() < 0.3),
        )

    def _name(self, values: dict[Field, int | str], field: Field, without: Hook) -> str:
        if self.hook is without:
            return ""
        return str(values.get(field) or self.dice.choice(_NAMES))

    def _state(self, values: dict[Field, int | str]) -> Any:
        index = int(values.get(Field.STATE, 0))
        wanted = STATES[index] if self.dice.random() < 0.3 else STATES[0]
        return wanted if wanted in self.states else self.states[0]

    def _address(self, values: dict[Field, int | str], field: Field) -> int:
        last = self.family.universe[0][1]
        return int(values.get(field, self.dice.randint(1, last - 1)))

    def _type(self, field: Field, address: int) -> int:
        first, last = _MULTICAST[self.family]
        if first <= address <= last:
            return int(AddressType.MULTICAST)
        if self.family is Family.IPV4 and address == 0xFFFFFFFF:
            return int(AddressType.BROADCAST)
        local = Field.DESTINATION if self.hook is Hook.INPUT else Field.SOURCE
        return int(AddressType.LOCAL if field is local and self.hook is not Hook.FORWARD else AddressType.UNICAST)

    def _edges(self, rule: FirewallRule, values: dict[Field, int | str]) -> None:
        for test in _simple(rule.tests, self.dice):
            if isinstance(test, AddressTest) and test.of(self.family):
                values[test.field] = self._edge(test.of(self.family), self.family.universe[0][1])
            elif isinstance(test, IntegerTest) and test.values:
                values[test.field] = self._edge(test.values, LARGEST[test.field])
            elif isinstance(test, NameTest) and test.names.names:
                values[test.field] = self.dice.choice(sorted(test.names.names))

    def _edge(self, ranges: Intervals, largest: int) -> int:
        first, last = self.dice.choice(ranges)
        around = (first, last, self.dice.randint(first, last), first, last, first - 1, last + 1)
        return min(max(self.dice.choice(around), 0), largest)


def _simple(tests: tuple[Test, ...], dice: random.Random) -> Iterator[Test]:
    for test in tests:
        if isinstance(test, AnyOf):
            yield from _simple(dice.choice(test.alternatives), dice) if test.alternatives else ()
        else:
            yield test


def _conditions(tests: tuple[Test, ...]) -> Iterator[str]:
    for test in tests:
        if isinstance(test, ConditionTest):
            yield test.condition.name
        elif isinstance(test, AnyOf):
            for alternative in test.alternatives:
                yield from _conditions(alternative)


def part(firewall: Firewall, hook: Hook, family: Family, samples: int) -> dict[str, Any]:
    """The packets of one hook and IP version."""
    space = Space([firewall])
    start = time.process_time()
    try:
        meaning = space.meaning(firewall, hook, family)
    except BudgetError as spent:
        return {"seconds": time.process_time() - start, "failed": str(spent)}
    built = time.process_time() - start
    sampler = Sampler(firewall, hook, family)
    wrong = []
    verdicts: Counter[str] = Counter()
    for _ in range(samples):
        packet = sampler.packet()
        outcome = evaluate(firewall, packet)
        verdicts[str(outcome.verdict)] += 1
        if meaning.at(packet).verdict is not outcome.verdict:
            wrong.append(repr(packet))
    return {
        "seconds": built,
        "nodes": len(space.table(hook, family).nodes.nodes),
        "depends on": len(meaning.depends_on()),
        "sampled": samples,
        "verdicts": dict(verdicts),
        "wrong": wrong[:3],
        "disagree": len(wrong),
    }


def dumped(dialect: str, samples: int, files: list[Path]) -> dict[str, Any]:
    """Read a dump and compute all its packets."""
    sources = [load_source(path) for path in files]
    start = time.process_time()
    firewall = reader(dialect).read(sources, {})
    read = time.process_time() - start
    opaque = Counter(each.reason for each in firewall.opaque)
    return {
        "read": read,
        "rules": sum(1 for _ in firewall.rules()),
        "chains": len(firewall.chains),
        "opaque": dict(opaque.most_common()),
        "warnings": [each.message for each in firewall.warnings],
        "conditions": len({name for rule in firewall.rules() for name in _conditions(rule.tests)}),
        "parts": {
            f"{hook} IPv{family.value}": part(firewall, hook, family, samples)
            for hook in Hook
            for family in firewall.families
            if hook in firewall.hooks
        },
    }


def main() -> None:
    """Measure and print."""
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    print(json.dumps(dumped(sys.argv[1], int(sys.argv[2]), [Path(name) for name in sys.argv[3:]])))


if __name__ == "__main__":
    main()

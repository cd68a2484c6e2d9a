"""Where to look in a text that did not come with leads: what the reader took for tests, and every number in the text.

What stands in the text itself keeps a reader's own mistakes from hiding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network

from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.firewall import (
    LARGEST,
    PASSED,
    AddressTest,
    AnyOf,
    FamilyTest,
    Field,
    Firewall,
    IntegerTest,
    Jump,
    NameTest,
    Test,
)
from fwadvisor.model.interval import Intervals
from fwadvisor.model.rule import LOOPBACK, Hook

from .random_text import Lead, Value, ends

_PACKET_FIELDS = {
    Field.PROTOCOL: "protocol", Field.SOURCE_PORT: "source_port", Field.DESTINATION_PORT: "destination_port",
    Field.LENGTH: "length", Field.DSCP: "dscp", Field.TTL: "ttl", Field.MARK: "mark",
    Field.CONNECTION_MARK: "connection_mark", Field.TCP_FLAGS: "tcp_flags", Field.SOURCE_TYPE: "source_type",
    Field.DESTINATION_TYPE: "destination_type", Field.SOURCE: "source", Field.DESTINATION: "destination",
    Field.HELPER: "helper", Field.IN_INTERFACE: "in_interface", Field.OUT_INTERFACE: "out_interface",
}  # fmt: skip
_MOST_VALUES = 24
_NUMBER = re.compile(r"(?<![\w.:])(?:0x[0-9a-fA-F]+|\d+)(?![\w.])")
_ADDRESS = re.compile(r"[0-9a-fA-F:.]*[.:][0-9a-fA-F:.]+(?:/\d+)?")
_FLAG_SAMPLES = (1, 2, 3, 4, 8, 16, 17, 18, 20, 24, 32, 41, 64, 128, 0xC2)
#: Fields of which any number in the text may be a value.
_NUMBERED = ("source_port", "destination_port", "length", "dscp", "ttl", "mark", "connection_mark", "icmp_type")
_WIDEST = {"source_port": 65535, "destination_port": 65535, "length": 1500, "dscp": 63, "ttl": 255, "icmp_type": 255}


def edges_in(files: Mapping[str, str]) -> dict[str, tuple[Value, ...]]:
    """Values at and around every number and address of the text, for each field that they may be meant for."""
    words = [word for text in files.values() for word in _NUMBER.findall(text)]
    numbers = {int(word, 16 if word.startswith("0x") else 10) for word in words}
    around = sorted({each for value in numbers for each in (value - 1, value, value + 1)})
    found: dict[str, tuple[Value, ...]] = {}
    for name in _NUMBERED:
        largest = _WIDEST.get(name, 2**32 - 1)
        fitting = tuple(value for value in around if 0 <= value <= largest)
        if fitting:
            found[name] = fitting
    for family in FAMILIES:
        addresses = tuple(_addresses(files, family))
        if addresses:
            found[f"source{family}"] = found[f"destination{family}"] = addresses
    found["tcp_flags"] = _FLAG_SAMPLES
    return found


def _addresses(files: Mapping[str, str], family: Family) -> Iterator[int]:
    largest = (1 << family.bits) - 1
    words = {word for text in files.values() for word in _ADDRESS.findall(text)}
    for word in sorted(words):
        try:
            network = ip_network(word, strict=False)
            whole = int(ip_address(word.split("/")[0]))
        except ValueError:
            continue
        if network.version == family:
            first, last = int(network[0]), int(network[-1])
            yield from (each for each in (whole, first, last, first - 1, last + 1) if 0 <= each <= largest)


def _values(values: Intervals) -> tuple[int, ...]:
    return ends(values[:_MOST_VALUES])


def _wanted(tests: tuple[Test, ...], links: tuple[str, ...], found: dict[str, tuple[Value, ...]]) -> None:
    for test in tests:
        match test:
            case IntegerTest(Field.ICMP, values) if values:
                found["icmp_type"] = tuple(value >> 8 for value in _values(values))
                found["icmp_code"] = tuple(value & 255 for value in _values(values))
            case IntegerTest(name, values) if values and name in _PACKET_FIELDS and name in LARGEST:
                found[_PACKET_FIELDS[name]] = _values(values)
            case AddressTest(name, v4, v6) if v4 or v6:
                found[_PACKET_FIELDS[name]] = (*_values(v4), *_values(v6))
            case NameTest(name, names) if name in _PACKET_FIELDS and names.names and not names.inverted:
                possible = ("ftp",) if name is Field.HELPER else (*links, LOOPBACK)
                known = tuple(each for each in possible if each in names)
                found.update({_PACKET_FIELDS[name]: known} if known else {})
                found.update({"state": ("related", "established")} if name is Field.HELPER else {})
            case FamilyTest(family):
                found["family"] = (int(family),)
            case AnyOf(alternatives, holds=True) if alternatives:
                _wanted(alternatives[len(found) % len(alternatives)], links, found)


def leads_of(firewall: Firewall, links: tuple[str, ...]) -> tuple[Lead, ...]:
    """A way to each rule that the reader found."""
    callers: dict[str, list[tuple[str, dict[str, tuple[Value, ...]]]]] = {}
    rules: dict[str, list[dict[str, tuple[Value, ...]]]] = {}
    for chain in firewall.chains.values():
        for rule in chain.rules:
            wanted: dict[str, tuple[Value, ...]] = {}
            _wanted(rule.tests, links, wanted)
            rules.setdefault(chain.name, []).append(wanted)
            if isinstance(rule.action, Jump):
                callers.setdefault(rule.action.chain, []).append((chain.name, wanted))
    found = []
    for base in firewall.bases:
        hooks = tuple(hook for hook in Hook if base.point in PASSED[hook])
        reached = [(base.chain, wanted) for wanted in rules.get(base.chain, [])]
        found += [Lead(hooks, base.families, wanted) for _, wanted in reached]
        for name, below in rules.items():
            for at, outer in callers.get(name, []):
                if at == base.chain:
                    found += [Lead(hooks, base.families, {**outer, **wanted}) for wanted in below]
    return tuple(found)

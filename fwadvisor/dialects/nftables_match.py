"""Conditions of nftables rules: one match as the words before the verdict."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from fwadvisor.dialects.base import slug
from fwadvisor.dialects.plan import COMMENT_BYTES
from fwadvisor.dialects.ranges import everyone, range_texts
from fwadvisor.model.address import FAMILIES, AddressSet, Family
from fwadvisor.model.interval import PORTS, Intervals, format_ports
from fwadvisor.model.rule import ICMP, ICMPV6, LOOPBACK, IcmpType, Match, protocol_name

#: The words of an address of each family.
ADDRESS = {Family.IPV4: "ip", Family.IPV6: "ip6"}
_SET_TYPE = {Family.IPV4: "ipv4_addr", Family.IPV6: "ipv6_addr"}
_NFPROTO = {Family.IPV4: "meta nfproto ipv4", Family.IPV6: "meta nfproto ipv6"}
_NOT_THE_OTHER = {Family.IPV4: "meta nfproto != ipv6", Family.IPV6: "meta nfproto != ipv4"}
#: What rejects TCP.
RESET = "reject with tcp reset"
#: The protocols whose ports nft knows under their own name.
_OWN_PORTS = frozenset({"tcp", "udp", "sctp", "dccp"})
#: Protocol names that nft resolves without the system's list of protocols; the others are numbers.
_SAFE_NAMES = frozenset({"tcp", "udp", "icmp", "icmpv6", "sctp", "dccp", "udplite", "esp", "ah"})
#: An address set of one place in the rules is written there up to this size.
_INLINE = 8
_ELEMENTS_A_LINE = 8


def protocol_word(number: int) -> str:
    """The protocol by a name that every nft knows, else by its number."""
    name = protocol_name(number)
    return name if name in _SAFE_NAMES else str(number)


def braced(words: Iterable[str]) -> str:
    """One word as it is, several as an anonymous set."""
    listed = list(words)
    return listed[0] if len(listed) == 1 else f"{{ {', '.join(listed)} }}"


def wrapped(elements: list[str], indent: str, per_line: int = _ELEMENTS_A_LINE) -> str:
    """Elements of a set or map over several lines."""
    lines = [", ".join(elements[start : start + per_line]) for start in range(0, len(elements), per_line)]
    return f",\n{indent}".join(lines)


def quoted(text: str, most: int = COMMENT_BYTES) -> str:
    """A string of nft, which has no escapes: unsafe characters are replaced before."""
    return f'"{slug(text, most)}"'


class NamedSets:
    """Address sets that deserve a name: those used in several places, and zones too long for a line."""

    def __init__(self, used: Iterable[AddressSet | None]) -> None:
        self._names: dict[tuple[Family, Intervals], str] = {}
        counts: Counter[tuple[Family, Intervals]] = Counter()
        called: dict[tuple[Family, Intervals], str] = {}
        for addresses in used:
            for family in addresses.families() if addresses else ():
                key = (family, addresses.of(family)) if addresses else (family, ())
                counts[key] += 1
                called[key] = called.get(key) or (addresses.name if addresses else "")
        taken: set[str] = set()
        for key, count in counts.items():
            family, ranges = key
            if len(ranges) > 1 and (count > 1 or len(ranges) > _INLINE) and not everyone(ranges, family):
                self._names[key] = _free_name(called[key], family, taken)

    def text(self, ranges: Intervals, family: Family) -> str:
        """The set as it stands in a rule."""
        name = self._names.get((family, ranges))
        return f"@{name}" if name else braced(range_texts(ranges, family))

    def declarations(self) -> Iterator[str]:
        """The named sets, in the order of first use."""
        for (family, ranges), name in self._names.items():
            elements = wrapped(range_texts(ranges, family), "\t\t\t     ")
            yield (
                f"\tset {name} {{\n\t\ttype {_SET_TYPE[family]}\n\t\tflags interval\n"
                f"\t\telements = {{ {elements} }}\n\t}}\n"
            )


def _free_name(name: str, family: Family, taken: set[str]) -> str:
    """A set name like ``peers_v4``: letters, digits and underscores, unused so far."""
    base = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:40].strip("_") or "addresses"
    if base[0].isdigit():
        base = f"zone_{base}"
    number = 1
    while (found := f"{base}{f'_{number}' if number > 1 else ''}_v{family.value}") in taken:
        number += 1
    taken.add(found)
    return found


def conditions(match: Match, sets: NamedSets, end: str = "") -> Iterator[str]:
    """The match as the conditions of one or more rules with this end, which together match the same packets."""
    tails = list(_upper_conditions(match))
    for family, addresses in _address_conditions(match, sets):
        for tail in tails:
            parts = (*addresses, *tail) if family is None else _of_family(family, match, tail, end)
            yield " ".join(part for part in (*_outer_conditions(match), *parts) if part)


def _of_family(family: Family, match: Match, tail: tuple[str, ...], end: str) -> tuple[str, ...]:
    """A test of the family in a form that ``nft list`` repeats, so that what it lists means what was loaded.

    It leaves out what it takes for implied: the family before ICMP, and an equality of the family with a TCP reset.
    """
    if end == RESET:
        return (_NOT_THE_OTHER[family], *tail)
    return (*tail, _NFPROTO[family]) if match.protocols in ((ICMP,), (ICMPV6,)) else (_NFPROTO[family], *tail)


def _outer_conditions(match: Match) -> Iterator[str]:
    for word, names in (("iifname", match.in_interfaces), ("oifname", match.out_interfaces)):
        if names:
            yield f"{word} {braced(_interface(name) for name in names)}"
    if match.states:
        yield f"ct state {','.join(match.states)}"
    if match.helpers:
        yield f"ct helper {braced(quoted(name, 15) for name in match.helpers)}"


def _interface(name: str) -> str:
    return '"lo"' if name == LOOPBACK else f'"{slug(name, 15)}"'


def _address_conditions(match: Match, sets: NamedSets) -> list[tuple[Family | None, tuple[str, ...]]]:
    """The addresses of each family, and the family itself where nothing else asks for it."""
    families = match.families()
    found = {family: tuple(_sides(match, family, sets)) for family in families}
    if len(families) == len(FAMILIES) and not any(found.values()):
        return [(None, ())]
    named_by_type = match.icmp != ()
    return [(None if sides or named_by_type else family, sides) for family, sides in found.items()]


def _sides(match: Match, family: Family, sets: NamedSets) -> Iterator[str]:
    for word, addresses in (("saddr", match.source), ("daddr", match.destination)):
        if addresses is not None and not everyone(addresses.of(family), family):
            yield f"{ADDRESS[family]} {word} {sets.text(addresses.of(family), family)}"


def _upper_conditions(match: Match) -> Iterator[tuple[str, ...]]:
    """Protocol, ports and ICMP types; several where nft needs a rule for each."""
    if match.icmp:
        yield from _icmp_conditions("icmp" if match.protocols == (ICMP,) else "icmpv6", match.icmp)
        return
    names = [protocol_word(number) for number in match.protocols]
    source, destination = narrowed(match.source_ports), narrowed(match.destination_ports)
    ports = [("sport", source), ("dport", destination)]
    own = len(names) == 1 and names[0] in _OWN_PORTS and (source or destination)
    parts = [f"meta l4proto {braced(names)}"] if names and not own else []
    header = names[0] if own else "th"
    parts += [f"{header} {word} {braced(_port_texts(some))}" for word, some in ports if some]
    yield tuple(parts)


def narrowed(ports: Intervals | None) -> Intervals | None:
    """The ports, or None where they are all of them."""
    return None if ports == PORTS else ports


def _port_texts(ports: Intervals) -> list[str]:
    return format_ports(ports).split(",")


def _icmp_conditions(word: str, types: tuple[IcmpType, ...]) -> Iterator[tuple[str, ...]]:
    any_code = list(dict.fromkeys(str(each.type) for each in types if each.code is None))
    if any_code:
        yield (f"{word} type {braced(any_code)}",)
    coded: dict[int, list[str]] = {}
    for each in types:
        if each.code is not None and str(each.type) not in any_code:
            coded.setdefault(each.type, []).append(str(each.code))
    for number, codes in coded.items():
        yield (f"{word} type {number} {word} code {braced(dict.fromkeys(codes))}",)

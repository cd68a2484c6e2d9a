"""IPv4 and IPv6 addresses as exact sets of integers, and their text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import islice
from socket import AF_INET, AF_INET6, inet_ntop

from fwadvisor.model.interval import Intervals, intersect, normalize, overlaps, subtract


class Family(IntEnum):
    """An IP version; the value is the version number."""

    IPV4 = 4
    IPV6 = 6

    #: Length of an address.
    bits: int

    def __init__(self, version: int) -> None:
        self.bits = 32 if version == 4 else 128

    @property
    def universe(self) -> Intervals:
        """Every address of the family."""
        return ((0, (1 << self.bits) - 1),)


FAMILIES = (Family.IPV4, Family.IPV6)
#: Looking a member up in its class costs more than what is done with it here.
_V4 = Family.IPV4


@dataclass(frozen=True, slots=True)
class AddressSet:
    """A non-empty set of addresses.

    An address field of a match is such a set or None, which means any address; so nothing that became
    empty can ever be read as everyone.

    Raises:
        ValueError: both families are empty.
    """

    v4: Intervals = ()
    v6: Intervals = ()
    #: What people call the set (a zone); no part of its meaning, so no part of equality.
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not self.v4 and not self.v6:
            raise ValueError("an address set cannot be empty")

    def of(self, family: Family) -> Intervals:
        """The part of one family, maybe empty."""
        return self.v4 if family is _V4 else self.v6

    def families(self) -> tuple[Family, ...]:
        """The families that have addresses here."""
        return tuple(family for family in FAMILIES if self.of(family))

    def overlaps(self, other: AddressSet) -> bool:
        """Whether an address is in both."""
        return overlaps(self.v4, other.v4) or overlaps(self.v6, other.v6)

    def covers(self, other: AddressSet) -> bool:
        """Whether every address of `other` is in this set."""
        return not subtract(other.v4, self.v4) and not subtract(other.v6, self.v6)

    def intersect(self, other: AddressSet) -> AddressSet | None:
        """The addresses in both, or None when there is none (which here does not mean any)."""
        v4, v6 = intersect(self.v4, other.v4), intersect(self.v6, other.v6)
        return AddressSet(v4, v6) if v4 or v6 else None

    def union(self, other: AddressSet) -> AddressSet:
        """The addresses in either."""
        return AddressSet(normalize((*self.v4, *other.v4)), normalize((*self.v6, *other.v6)))


EVERYWHERE = AddressSet(Family.IPV4.universe, Family.IPV6.universe, name="any")


def cidrs(ranges: Intervals, family: Family) -> Iterator[tuple[int, int]]:
    """The fewest (network value, prefix length) pairs that cover exactly `ranges`."""
    bits = family.bits
    for first, last in ranges:
        while first <= last:
            size_bits = (first & -first).bit_length() - 1 if first else bits
            size_bits = min(size_bits, (last - first + 1).bit_length() - 1)
            yield first, bits - size_bits
            first += 1 << size_bits


def format_address(value: int, family: Family) -> str:
    """One address in its canonical text (RFC 5952 for IPv6)."""
    if family is _V4:
        return inet_ntop(AF_INET, value.to_bytes(4))
    return inet_ntop(AF_INET6, value.to_bytes(16))


def format_cidr(value: int, prefix: int, family: Family) -> str:
    """One network as ``address/prefix``, a single host without its prefix."""
    text = format_address(value, family)
    return text if prefix == family.bits else f"{text}/{prefix}"


def format_ranges(ranges: Intervals, family: Family) -> Iterator[str]:
    """Each range in its shortest text: a CIDR where it is one, else ``first-last``."""
    for first, last in ranges:
        count = last - first + 1
        if count & (count - 1) == 0 and first & (count - 1) == 0:
            yield format_cidr(first, family.bits - count.bit_length() + 1, family)
        else:
            yield f"{format_address(first, family)}-{format_address(last, family)}"


def describe_addresses(addresses: AddressSet | None, most: int = 4) -> str:
    """The set in a few words for people: its name and ranges, the tail counted and not shown."""
    if addresses is None:
        return "any"
    texts = (text for family in FAMILIES for text in format_ranges(addresses.of(family), family))
    more = len(addresses.v4) + len(addresses.v6) - most
    shown = ", ".join(islice(texts, most)) + (f" and {more} more" if more > 0 else "")
    return f"{addresses.name} ({shown})" if addresses.name else shown

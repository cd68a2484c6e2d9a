"""Address ranges as text, fast enough for a hundred thousand of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from socket import AF_INET6, inet_ntoa, inet_ntop

from fwadvisor.model.address import Family, cidrs
from fwadvisor.model.interval import Intervals


def address_text(value: int, family: Family) -> str:
    """One address."""
    return inet_ntoa(value.to_bytes(4)) if family is Family.IPV4 else inet_ntop(AF_INET6, value.to_bytes(16))


#: Size of a network -> what follows its address.
_SUFFIXES = {
    family: {1 << family.bits - length: f"/{length}" for length in range(family.bits)} | {1: ""} for family in Family
}


def range_texts(ranges: Iterable[tuple[int, int]], family: Family) -> list[str]:
    """Each range as a host, a network where it is one, else ``first-last``."""
    suffixes, width, is_v4 = _SUFFIXES[family], family.bits // 8, family is Family.IPV4
    texts = []
    for first, last in ranges:
        size = last - first + 1
        suffix = suffixes.get(size)
        if suffix is None or first & (size - 1):
            suffix = f"-{address_text(last, family)}"
        address = first.to_bytes(width)
        texts.append((inet_ntoa(address) if is_v4 else inet_ntop(AF_INET6, address)) + suffix)
    return texts


def networks_in(first: int, last: int, family: Family) -> Iterator[tuple[int, int]]:
    """The fewest networks that make up a range, each as (network value, prefix length)."""
    size = last - first + 1
    if size & (size - 1) or first & (size - 1):
        yield from cidrs(((first, last),), family)
    else:
        yield first, family.bits + 1 - size.bit_length()


def networks_of(ranges: Intervals, family: Family) -> list[tuple[int, int]]:
    """The fewest networks that make up the ranges, each as (network value, prefix length)."""
    return [network for first, last in ranges for network in networks_in(first, last, family)]


def everyone(ranges: Intervals, family: Family) -> bool:
    """Whether the ranges are every address of the family."""
    return ranges == family.universe

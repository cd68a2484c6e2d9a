"""Address ranges as text, fast enough for a hundred thousand of them."""

from __future__ import annotations

from collections.abc import Iterator
from socket import AF_INET6, inet_ntoa, inet_ntop

from fwadvisor.model.address import Family, cidrs
from fwadvisor.model.interval import Intervals


def address_text(value: int, family: Family) -> str:
    """One address."""
    return inet_ntoa(value.to_bytes(4)) if family is Family.IPV4 else inet_ntop(AF_INET6, value.to_bytes(16))


def range_text(first: int, last: int, family: Family) -> str:
    """A host, a network where the range is one, else ``first-last``."""
    size = last - first + 1
    if size == 1:
        return address_text(first, family)
    if size & (size - 1) or first & (size - 1):
        return f"{address_text(first, family)}-{address_text(last, family)}"
    return f"{address_text(first, family)}/{family.bits + 1 - size.bit_length()}"


def networks_in(first: int, last: int, family: Family) -> Iterator[tuple[int, int]]:
    """The fewest networks that make up a range, each as (network value, prefix length)."""
    size = last - first + 1
    if size & (size - 1) or first & (size - 1):
        yield from cidrs(((first, last),), family)
    else:
        yield first, family.bits + 1 - size.bit_length()


def everyone(ranges: Intervals, family: Family) -> bool:
    """Whether the ranges are every address of the family."""
    return ranges == family.universe

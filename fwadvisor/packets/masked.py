"""Constant writes under a mask, ``(old & ~mask) ^ value``, and the values that they carry into a set."""

from __future__ import annotations

from fwadvisor.model.firewall import LARGEST, Field
from fwadvisor.model.interval import Intervals, normalize, overlaps, subtract
from fwadvisor.packets.budget import OverrunError

#: A preimage in more ranges than this is given up.
MOST_RANGES = 50_000


def written(old: int, mask: int | None, value: int) -> int:
    """The field's value after the write."""
    return value if mask is None else (old & ~mask) ^ value


def simplest(field: Field, mask: int | None) -> int | None:
    """The mask, or None where the write leaves no bit of the old value."""
    if mask is None or field not in LARGEST:
        return mask
    return None if mask & LARGEST[field] == LARGEST[field] else mask


def preimage(values: Intervals, mask: int, value: int, largest: int) -> Intervals:
    """The old values that the write carries into `values`.

    Raises:
        OverrunError: they fall apart into more than `MOST_RANGES` ranges.
    """
    bits = largest.bit_length()
    found: list[tuple[int, int]] = []

    def walk(bit: int, old: int, new: int) -> None:
        """All old values that start with `old` and become values that start with `new`; `bit` bits are to come."""
        block = ((new, new + (1 << bit) - 1),)
        if not overlaps(values, block):
            return
        if not subtract(block, values):
            found.append((old, old + (1 << bit) - 1))
            if len(found) > MOST_RANGES:
                raise OverrunError("ranges")
            return
        half = 1 << (bit - 1)
        for chosen in (0, half):
            kept = 0 if mask & half else chosen
            walk(bit - 1, old + chosen, new + (kept ^ (value & half)))

    walk(bits, 0, value >> bits << bits)
    return normalize(found)

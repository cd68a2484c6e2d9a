"""Bit operations of marks, flags and addresses as sets of values."""

from __future__ import annotations

from functools import lru_cache

from fwadvisor.model.interval import Intervals, contains, normalize

#: A mask that would need more ranges is no set of values any more.
_MOST_RANGES = 256
_SMALL = 8


@lru_cache(maxsize=4096)
def unmasked(values: Intervals, mask: int, xor: int, bits: int) -> Intervals | None:
    """The numbers of `bits` bits for which ``(number & mask) ^ xor`` is one of `values`; None where too many."""
    if bits <= _SMALL:
        return normalize((x, x) for x in range(1 << bits) if contains(values, (x & mask) ^ xor))
    low = (mask & -mask).bit_length() - 1 if mask else bits
    if xor == 0 and mask == ((1 << bits) - 1) ^ ((1 << low) - 1):
        step = 1 << low
        return normalize(
            (-(-first // step) * step, last // step * step + step - 1)
            for first, last in values
            if -(-first // step) <= last // step
        )
    found: list[tuple[int, int]] = []
    for first, last in values:
        if last - first >= _MOST_RANGES:
            return None
        for value in range(first, last + 1):
            more = _with_bits(value ^ xor, mask, bits)
            if more is None or len(found) + len(more) > _MOST_RANGES:
                return None
            found += more
    return normalize(found)


def _with_bits(value: int, mask: int, bits: int) -> list[tuple[int, int]] | None:
    """The numbers whose bits under the mask are those of `value`."""
    if value & ~mask:
        return []
    free = ~mask & ((1 << bits) - 1)
    low = (mask & -mask).bit_length() - 1 if mask else bits
    tail = (1 << low) - 1
    above = [1 << at for at in range(low, bits) if free >> at & 1]
    if 1 << len(above) > _MOST_RANGES:
        return None
    starts = [value]
    for bit in above:
        starts += [start | bit for start in starts]
    return [(start, start | tail) for start in starts]

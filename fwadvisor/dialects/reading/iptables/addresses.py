"""Addresses as iptables takes them: parts left out, octal and hexadecimal bytes, masks of any shape (xtables(8))."""

from __future__ import annotations

import re
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_pton

from fwadvisor.dialects.reading.iptables.numbers import matching, maybe_number
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.model.address import Family
from fwadvisor.model.interval import Intervals

#: A mask with gaps stands for many ranges; above so many they are not written out.
_MOST_RANGES = 1024
_KEPT = 65536
_HOST_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_-]+)*\.?")
_PREFIXES = {str(length): length for length in range(129)}


class NotResolvedError(Exception):
    """A host name, or a mask of too many ranges: legal, but its addresses are not known here."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@lru_cache(_KEPT)
def network(text: str, family: Family) -> Intervals:
    """The addresses of ``address``, ``address/length`` or ``address/mask``; bits outside of the mask are ignored.

    Raises:
        RefusedError: it is none of these, or of the other family.
        NotResolvedError: a host name, or a mask with many gaps.
    """
    address, slash, mask_text = text.partition("/")
    bits = family.bits
    full = (1 << bits) - 1
    mask = _mask(mask_text, family, text) if slash else full
    if not mask:
        return ((0, full),)
    value = single(address, family)
    free = full & ~mask
    if free & (free + 1) == 0:
        return ((value & mask, value & mask | free),)
    found = matching(value & mask, mask, bits, _MOST_RANGES)
    if found is None:
        raise NotResolvedError(f'the mask of "{text}" stands for more than {_MOST_RANGES} ranges')
    return found


def single(text: str, family: Family) -> int:
    """One address.

    Raises:
        RefusedError: it is none, or of the other family.
        NotResolvedError: a host name.
    """
    try:
        if family is Family.IPV6:
            return int.from_bytes(inet_pton(AF_INET6, text))
        return int.from_bytes(inet_pton(AF_INET, text))
    except (OSError, ValueError):
        value = _dotted(text, complete=False) if family is Family.IPV4 else None
    if value is not None:
        return value
    if _HOST_NAME.fullmatch(text) and not (family is Family.IPV4 and maybe_number(text.split(".")[0]) is not None):
        raise NotResolvedError(f'"{text}" is a host name, and names are not looked up')
    other = ":" in text if family is Family.IPV4 else re.fullmatch(r"[0-9.]+", text)
    hint = f"the rules are read as IPv{family} rules" if other else ""
    raise RefusedError(f'"{text}" is no IPv{family} address', text, hint)


def address_range(text: str, family: Family) -> Intervals:
    """``first-last``, or one address.

    Raises:
        RefusedError: it is neither, or ends before it begins.
        NotResolvedError: host names.
    """
    first_text, dash, last_text = text.partition("-")
    first = single(first_text, family)
    last = single(last_text, family) if dash else first
    if last < first:
        raise RefusedError(f'range "{text}" ends before it begins', text, f"write {last_text}-{first_text}")
    return ((first, last),)


def _dotted(text: str, complete: bool) -> int | None:
    """Bytes with dots in any base; what is left out at the end is zero unless the text has to be `complete`."""
    parts = text.split(".")
    values = [maybe_number(part) for part in parts]
    if len(parts) > 4 or (complete and len(parts) < 4) or any(v is None or v > 255 for v in values):
        return None
    return int.from_bytes(bytes(v for v in values if v is not None).ljust(4, b"\0"))


def _mask(text: str, family: Family, whole: str) -> int:
    bits = family.bits
    full = (1 << bits) - 1
    length = _PREFIXES.get(text)
    if length is None and "." not in text and ":" not in text:
        length = maybe_number(text)
    if length is not None and length <= bits:
        return full >> (bits - length) << (bits - length) if length else 0
    if family is Family.IPV4:
        value = _dotted(text, complete=True)
        if value is not None:
            return value
        raise _no_mask(text, family, whole)
    try:
        return int.from_bytes(inet_pton(AF_INET6, text))
    except (OSError, ValueError):
        raise _no_mask(text, family, whole) from None


def _no_mask(text: str, family: Family, whole: str) -> RefusedError:
    hint = f"a prefix of IPv{family} has 0 to {family.bits} bits"
    return RefusedError(f'"{text}" is no mask for an IPv{family} address', whole, hint)

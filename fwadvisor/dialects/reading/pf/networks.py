"""Addresses as pfctl reads them: host bits are cleared, ``10/8`` stands for 10.0.0.0/8."""

from __future__ import annotations

from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_pton

from fwadvisor.model.address import Family

_IN_IPV4 = frozenset("0123456789.")
_IN_IPV6 = frozenset("0123456789abcdefABCDEF:.")


class NetworkTextError(ValueError):
    """It looks like an address and is none."""


@lru_cache(maxsize=1 << 16)
def network(address: str, prefix: str = "") -> tuple[Family, int, int] | None:
    """Family, first and last address; None where the text is a name.

    Args:
        address: what stands before the slash.
        prefix: the number after it, or "".

    Raises:
        NetworkTextError: a prefix is too long, or the text can only be an address and is wrong.
    """
    try:
        if ":" in address:
            family, bits, value = Family.IPV6, 128, int.from_bytes(inet_pton(AF_INET6, address))
        else:
            # Only before a prefix may parts be left out.
            left_out = ".0" * (3 - address.count(".")) if prefix else ""
            family, bits, value = Family.IPV4, 32, int.from_bytes(inet_pton(AF_INET, address + left_out))
    except (OSError, ValueError):
        if not set(address) <= (_IN_IPV6 if ":" in address else _IN_IPV4):
            return None
        raise NetworkTextError(f'"{address}" is no address') from None
    length = int(prefix[:6]) if prefix else bits
    if length > bits:
        raise NetworkTextError(f"a prefix of IPv{family} has at most {bits} bits")
    host = (1 << (bits - length)) - 1
    first = value & ~host
    return family, first, first | host

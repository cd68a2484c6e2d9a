"""Ports, ICMP types and addresses of one rule, as Windows Firewall takes them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_pton

from fwadvisor.addresses import AddressTextError, parse_addresses
from fwadvisor.diagnostic import did_you_mean
from fwadvisor.dialects.reading.windows.words import (
    ADDRESS_SPELLINGS,
    ADDRESS_WORDS,
    ANY_PROTOCOL,
    LOCAL_PORT_WORDS,
    PORT_SPELLINGS,
    PROTOCOLS,
    REMOTE_PORT_WORDS,
    keyword,
)
from fwadvisor.model.address import Family
from fwadvisor.model.interval import Intervals, normalize

_V4, _V6 = Family.IPV4, Family.IPV6
_PORT_RANGE = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_ICMP = re.compile(r"([0-9]{1,9})(?::([0-9]{1,9}|\*))?")


class FieldError(ValueError):
    """A value that Windows refuses: `text` is the part that is wrong, `hint` what to write instead, or ""."""

    def __init__(self, text: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.text = text
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Ports:
    """Port numbers and keywords; `any` where every port will do."""

    numbers: Intervals = ()
    words: tuple[str, ...] = ()
    any: bool = False


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses and keywords, these with the family that they are limited to; `any` where every address will do."""

    v4: Intervals = ()
    v6: Intervals = ()
    words: tuple[tuple[str, Family | None], ...] = ()
    any: bool = False


@lru_cache(maxsize=65536)
def protocol_number(text: str) -> int:
    """The protocol's number, `ANY_PROTOCOL` for all.

    Raises:
        FieldError: there is none such.
    """
    wanted = text.lower()
    if wanted == "any":
        return ANY_PROTOCOL
    number = PROTOCOLS.get(wanted)
    if number is None:
        if not (wanted.isascii() and wanted.isdecimal()):
            hint = did_you_mean(text, ("TCP", "UDP", "ICMPv4", "ICMPv6", "Any"))
            raise FieldError(
                text, f'"{text}" is no protocol', hint or "write TCP, UDP, ICMPv4, ICMPv6, Any or a number"
            )
        number = int(wanted[:9])
        if number > ANY_PROTOCOL:
            raise FieldError(text, f"protocol {text} is more than 255")
    return number


@lru_cache(maxsize=65536)
def parse_ports(values: tuple[str, ...], local: bool) -> Ports:
    """What a list of ports stands for.

    Raises:
        FieldError: an entry is no port, range or keyword.
    """
    numbers: list[tuple[int, int]] = []
    words: list[str] = []
    known = tuple(LOCAL_PORT_WORDS if local else REMOTE_PORT_WORDS)
    for text in values:
        if (found := _PORT_RANGE.fullmatch(text)) is not None:
            numbers.append(_port_range(text, int(found[1]), int(found[2] or found[1])))
        elif text.lower() == "any":
            _alone(text, values)
            return Ports(any=True)
        elif (word := keyword(text, known, PORT_SPELLINGS)) is not None:
            words.append(word)
        else:
            raise FieldError(text, f'"{text}" is no port', _port_hint(text, known))
    return Ports(normalize(numbers), tuple(dict.fromkeys(words)))


def _port_range(text: str, first: int, last: int) -> tuple[int, int]:
    if max(first, last) > 65535:
        raise FieldError(text, f"port {max(first, last)} is more than 65535")
    if last < first:
        raise FieldError(text, f'range "{text}" ends before it begins', f"write {last}-{first}")
    return first, last


def _port_hint(text: str, known: tuple[str, ...]) -> str:
    if "," in text:
        return "write one text for each entry: " + ", ".join(f"'{part.strip()}'" for part in text.split(",") if part)
    return did_you_mean(text, (*known, "Any")) or "write a port, a range as 8000-8010, or Any"


def _alone(text: str, values: Iterable[str]) -> None:
    if any(each.lower() != "any" for each in values):
        raise FieldError(text, f'"{text}" stands for all and cannot have others beside it')


@lru_cache(maxsize=4096)
def parse_icmp(values: tuple[str, ...]) -> Intervals:
    """ICMP types as type x 256 + code; all of them for Any and ``*``.

    Raises:
        FieldError: an entry is no type.
    """
    found: list[tuple[int, int]] = []
    for text in values:
        if text.lower() == "any" or text in ("*", "*:*"):
            return ((0, 65535),)
        parts = _ICMP.fullmatch(text)
        if parts is None:
            raise FieldError(text, f'"{text}" is no ICMP type', "write a number, or type and code as 3:4")
        kind, code = int(parts[1]), parts[2]
        if kind > 255 or (code not in (None, "*") and int(code) > 255):
            raise FieldError(text, f'"{text}": an ICMP type and its code are at most 255')
        found.append((kind * 256, kind * 256 + 255) if code in (None, "*") else (kind * 256 + int(code),) * 2)
    return normalize(found)


@lru_cache(maxsize=65536)
def parse_address_list(values: tuple[str, ...]) -> Addresses:
    """What a list of addresses stands for.

    Raises:
        FieldError: an entry is neither an address, network, range nor keyword.
    """
    ranges: dict[Family, list[tuple[int, int]]] = {_V4: [], _V6: []}
    words: list[tuple[str, Family | None]] = []
    for text in values:
        if (found := _range(text)) is not None:
            ranges[found[0]].append(found[1:])
        elif text.lower() == "any":
            _alone(text, values)
            return Addresses(any=True)
        elif (word := _word(text)) is not None:
            words.append(word)
        else:
            raise _refused(text)
    return Addresses(normalize(ranges[_V4]), normalize(ranges[_V6]), tuple(dict.fromkeys(words)))


def _word(text: str) -> tuple[str, Family | None] | None:
    for end, family in (("", None), ("4", _V4), ("6", _V6)):
        if text.endswith(end) and (word := keyword(text[: len(text) - len(end)], ADDRESS_WORDS, ADDRESS_SPELLINGS)):
            return word, family
    return None


@lru_cache(maxsize=65536)
def _range(text: str) -> tuple[Family, int, int] | None:
    """An address, a network (its host bits do not count) or a range; None for anything else."""
    first, dash, last = text.partition("-")
    if dash:
        low, high = _value(first), _value(last)
        return (*low, high[1]) if low and high and low[0] is high[0] and low[1] <= high[1] else None
    address, slash, mask = text.partition("/")
    low = _value(address)
    if low is None or not slash:
        return (*low, low[1]) if low else None
    family, value = low
    host = _host_bits(family, mask)
    return None if host is None else (family, value & ~host, value | host)


def _value(text: str) -> tuple[Family, int] | None:
    family, kind = (_V6, AF_INET6) if ":" in text else (_V4, AF_INET)
    try:
        return family, int.from_bytes(inet_pton(kind, text))
    except (OSError, ValueError):
        return None


def _host_bits(family: Family, mask: str) -> int | None:
    """The part of an address that a prefix length or netmask leaves open; None where Windows takes no such mask."""
    if mask.isascii() and mask.isdecimal() and len(mask) <= 3:
        length = int(mask)
        return (1 << (family.bits - length)) - 1 if 0 < length <= family.bits else None
    value = _value(mask) if family is _V4 else None
    if value is None or value[0] is not _V4 or not value[1]:
        return None
    host = value[1] ^ 0xFFFFFFFF
    return None if host & (host + 1) else host


def _refused(text: str) -> FieldError:
    """Why an address is none."""
    address, _, mask = text.partition("/")
    value = _value(address)
    if value is not None and mask:
        if mask == "0" * len(mask) or (_value(mask) or (_V6, 1))[1] == 0:
            return FieldError(text, f'"{text}" has an empty mask, which Windows refuses', "write Any")
        if _value(mask) is not None:
            return FieldError(text, f'"{text}" has a mask with holes', "a mask is ones and then zeros: 255.255.255.0")
    if "," in text:
        parts = ", ".join(f"'{part.strip()}'" for part in text.split(",") if part)
        return FieldError(text, f'"{text}" is a list in one text', f"write one text for each entry: {parts}")
    if meant := did_you_mean(text, (*ADDRESS_WORDS, "Any")):
        return FieldError(text, f'"{text}" is no address', meant)
    try:
        parse_addresses(text)
    except AddressTextError as problem:
        return FieldError(text, str(problem), problem.hint)
    return FieldError(text, f'"{text}" is no address')

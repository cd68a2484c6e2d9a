"""The types of nftables' values: from a word to the numbers or names that it stands for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from socket import AF_INET, AF_INET6, inet_pton

from fwadvisor.dialects.reading.nftables import names
from fwadvisor.dialects.reading.nftables.text import unquoted

#: First and last value of a word.
Pair = tuple[int, int]


class WordError(ValueError):
    """A word that the type does not have; `known` are those that it has."""

    def __init__(self, message: str, known: Mapping[str, int] | None = None) -> None:
        super().__init__(message)
        self.known = known or {}


class ElsewhereError(ValueError):
    """A word that only the machine knows where the file is loaded: a host, a service, a user."""


@dataclass(eq=False)
class Datatype:
    """One type. Values of `textual` types are names, all others integers of `bits` bits."""

    name: str
    bits: int
    symbols: Mapping[str, int] = field(default_factory=dict)
    bitmask: bool = False
    textual: bool = False
    #: Words that are neither symbols nor numbers.
    special: Callable[[str], Pair | None] | None = None
    #: Whether there are words that this list lacks; "" or what they name.
    elsewhere: str = ""
    _known: dict[str, Pair] = field(default_factory=dict)

    @property
    def largest(self) -> int:
        """The largest value."""
        return (1 << self.bits) - 1

    def pair(self, word: str) -> Pair:
        """The values of a word.

        Raises:
            WordError: the type has no such word.
            ElsewhereError: only the machine knows the word.
        """
        known = self._known.get(word)
        if known is None:
            known = self._read(word)
            if len(self._known) < 200_000:
                self._known[word] = known
        return known

    def _read(self, word: str) -> Pair:
        text = unquoted(word)
        if text in self.symbols:
            return self.symbols[text], self.symbols[text]
        if self.special is not None and (found := self.special(text)) is not None:
            return found
        if text[:1].isdigit() and (number := _number(text)) is not None:
            if number > self.largest:
                raise WordError(f"{text} is more than the largest {self.name}, {self.largest}")
            return number, number
        if self.elsewhere and text and (text[0].isalnum() or text[0] == "_"):
            raise ElsewhereError(f'only the machine that loads the file knows the {self.elsewhere} "{text}"')
        raise WordError(f'"{text}" is no {self.name}' if text else f"a {self.name} is expected", self.symbols)


def _number(text: str) -> int | None:
    try:
        return int(text, 16) if text[:2] in ("0x", "0X") else int(text) if len(text) < 40 else None
    except ValueError:
        return None


def _ipv4(text: str) -> Pair | None:
    return _address(text, AF_INET, 32)


def _ipv6(text: str) -> Pair | None:
    return _address(text, AF_INET6, 128)


def _address(text: str, family: int, bits: int) -> Pair | None:
    """One address or a network; nft ignores host bits."""
    address, slash, length = text.partition("/")
    try:
        value = int.from_bytes(inet_pton(family, address))
    except (OSError, ValueError):
        if any(mark in text for mark in ":/") or ("." in text and re.fullmatch(r"[\d.]+", text)):
            raise WordError(f'"{text}" is no IPv{4 if bits == 32 else 6} address') from None
        return None
    if not slash:
        return value, value
    if not length.isdigit() or len(length) > 3 or int(length) > bits:
        raise WordError(f'"{length}" is no prefix length, which is at most {bits}')
    host = (1 << (bits - int(length))) - 1
    return value & ~host, value | host


def _hardware(text: str) -> Pair | None:
    parts = text.split(":")
    if len(parts) == 6 and all(re.fullmatch("[0-9A-Fa-f]{1,2}", part) for part in parts):
        value = int("".join(part.zfill(2) for part in parts), 16)
        return value, value
    return None


_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}


def seconds_of(text: str) -> int | None:
    """``1d2h30m5s`` as seconds."""
    if not re.fullmatch(r"(\d{1,9}[dhms])+(\d{1,9}ms)?", text):
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"(\d+)([dhms])(?!s)", text))


def _duration(text: str) -> Pair | None:
    seconds = seconds_of(text)
    return None if seconds is None else (seconds, seconds)


def _clock(text: str) -> Pair | None:
    match = re.fullmatch(r"(\d{1,2}):(\d{2})(?::(\d{2}))?", text)
    if not match:
        return None
    hour, minute, second = (int(part or 0) for part in match.groups())
    if hour > 23 or minute > 59 or second > 59:
        raise WordError(f'"{text}" is no time of day')
    value = hour * 3600 + minute * 60 + second
    return value, value


#: Moments count from here, as the file writes them and whatever the time zone.
_EPOCH = datetime(1970, 1, 1)


def _moment(text: str) -> Pair | None:
    if text[:1].isdigit() and "-" in text:
        try:
            seconds = int((datetime.fromisoformat(text) - _EPOCH).total_seconds())
        except (ValueError, TypeError):
            raise WordError(f'"{text}" is no date, as 2026-01-31 10:00:00') from None
        return seconds, seconds
    return None


def moment_text(seconds: int) -> str:
    """A moment as ISO 8601 writes it, "" beyond the calendar."""
    try:
        return (_EPOCH + timedelta(seconds=seconds)).isoformat()
    except OverflowError:
        return ""


def _class(text: str) -> Pair | None:
    if text in ("none", "root"):
        return (0, 0) if text == "none" else (2**32 - 1, 2**32 - 1)
    major, colon, minor = text.partition(":")
    if not colon or not re.fullmatch("[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}", text):
        return None
    value = int(major or "0", 16) << 16 | int(minor or "0", 16)
    return value, value


def _day(text: str) -> Pair | None:
    found = [number for name, number in names.DAYS.items() if len(text) > 2 and name.lower().startswith(text.lower())]
    return (found[0], found[0]) if found else None


IPV4 = Datatype("IPv4 address", 32, special=_ipv4, elsewhere="host")
IPV6 = Datatype("IPv6 address", 128, special=_ipv6, elsewhere="host")
PORT = Datatype("port", 16, names.SERVICES, elsewhere="service")
PROTOCOL = Datatype("protocol", 8, names.PROTOCOLS)
HARDWARE = Datatype("hardware address", 48, special=_hardware)
MARK = Datatype("mark", 32, elsewhere="mark")
ICMP_TYPE = Datatype("ICMP type", 8, names.ICMP_TYPES)
ICMPV6_TYPE = Datatype("ICMPv6 type", 8, names.ICMPV6_TYPES)
ICMP_CODE = Datatype("ICMP code", 8, names.ICMP_CODES)
ICMPV6_CODE = Datatype("ICMPv6 code", 8, names.ICMPV6_CODES)
TCP_FLAG = Datatype("TCP flag", 8, names.TCP_FLAGS, bitmask=True)
CT_STATE = Datatype("connection state", 8, names.CT_STATES, bitmask=True)
CT_STATUS = Datatype("connection status", 10, names.CT_STATUS, bitmask=True)
CT_LABEL = Datatype("connection label", 128, bitmask=True, elsewhere="label")
DIRECTION = Datatype("connection direction", 1, names.DIRECTIONS)
DSCP = Datatype("DSCP value", 6, names.DSCP)
FAMILY = Datatype("address family", 8, names.FAMILIES)
ETHER_TYPE = Datatype("EtherType", 16, names.ETHER_TYPES)
PACKET_TYPE = Datatype("packet type", 8, names.PACKET_TYPES)
ROUTE_TYPE = Datatype("address type", 8, names.ROUTE_TYPES)
BOOLEAN = Datatype("truth value", 1, names.BOOLEANS)
USER = Datatype("user", 32, {"root": 0}, elsewhere="user")
GROUP = Datatype("group", 32, {"root": 0}, elsewhere="group")
CLOCK = Datatype("time of day", 17, special=_clock)
DAY = Datatype("day of the week", 3, special=_day)
MOMENT = Datatype("moment", 64, special=_moment)
DURATION = Datatype("time", 40, special=_duration)
CLASS = Datatype("traffic class", 32, special=_class)
REALM = Datatype("routing realm", 32, elsewhere="realm")
DEVICE_GROUP = Datatype("interface group", 32, {"default": 0}, elsewhere="interface group")
INTERFACE = Datatype("interface", 0, textual=True)
NAME = Datatype("name", 0, textual=True)
BYTE, SHORT, LONG, QUAD = (Datatype("number", bits) for bits in (8, 16, 32, 64))

#: The names of types in ``type`` of a set.
SET_TYPES = {
    "ipv4_addr": IPV4, "ipv6_addr": IPV6, "inet_service": PORT, "inet_proto": PROTOCOL, "ether_addr": HARDWARE,
    "mark": MARK, "ifname": INTERFACE, "iface_index": INTERFACE, "icmp_type": ICMP_TYPE, "icmpv6_type": ICMPV6_TYPE,
    "icmp_code": ICMP_CODE, "icmpv6_code": ICMPV6_CODE, "tcp_flag": TCP_FLAG, "ct_state": CT_STATE,
    "ct_status": CT_STATUS, "ct_label": CT_LABEL, "ct_dir": DIRECTION, "dscp": DSCP, "nf_proto": FAMILY,
    "ether_type": ETHER_TYPE, "pkt_type": PACKET_TYPE, "fib_addrtype": ROUTE_TYPE, "uid": USER, "gid": GROUP,
    "hour": CLOCK, "day": DAY, "time": MOMENT, "classid": CLASS, "realm": REALM, "devgroup": DEVICE_GROUP,
    "boolean": BOOLEAN, "string": NAME, "integer": LONG,
}  # fmt: skip

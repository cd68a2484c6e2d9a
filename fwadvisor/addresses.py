"""Text to addresses: strict, quick for the usual forms, and with advice for the others."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from socket import AF_INET, AF_INET6, inet_pton

from fwadvisor.model.address import EVERYWHERE, AddressSet, Family, format_address, format_cidr
from fwadvisor.model.interval import normalize, subtract

#: The addresses of one notation: family, first, last.
Range = tuple[Family, int, int]


class AddressTextError(ValueError):
    """A text that is no address, CIDR or range; `hint` says what to write instead, or is empty."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def parse_addresses(text: str) -> Range:
    """One address, CIDR (host bits zero) or range ``a-b`` as (family, first, last).

    Raises:
        AddressTextError: anything else, also netmasks, short forms, scope ids and host names.
    """
    address, slash, prefix = text.partition("/")
    try:
        if ":" in address:
            family, bits = _V6, 128
            value = int.from_bytes(inet_pton(AF_INET6, address))
            if value >> 32 == 0xFFFF:
                return _diagnose(text)
        else:
            family, bits = _V4, 32
            value = int.from_bytes(inet_pton(AF_INET, address))
    except (OSError, ValueError):
        return _diagnose(text)
    if not slash:
        return family, value, value
    if (length := _PREFIXES.get(prefix, 129)) <= bits:
        host = (1 << (bits - length)) - 1
        if not value & host:
            return family, value, value | host
    return _diagnose(text)


_PREFIXES = {str(length): length for length in range(129)}
#: Looking a member up in its class takes as long as half of the parsing.
_V4, _V6 = Family.IPV4, Family.IPV6


def address_set(texts: Iterable[str], name: str = "") -> AddressSet:
    """The union of several notations.

    Raises:
        AddressTextError: one of them cannot be read.
        ValueError: there are none.
    """
    return from_ranges((parse_addresses(text) for text in texts), name)


def from_ranges(ranges: Iterable[Range], name: str = "") -> AddressSet:
    """The union of parsed ranges.

    Raises:
        ValueError: there are none.
    """
    v4: list[tuple[int, int]] = []
    v6: list[tuple[int, int]] = []
    for family, first, last in ranges:
        (v4 if family is _V4 else v6).append((first, last))
    return AddressSet(normalize(v4) if v4 else (), normalize(v6) if v6 else (), name)


# --- what went wrong -------------------------------------------------------------------------------


def _diagnose(text: str) -> Range:
    """The slow road: ranges, and for all else the reason why it cannot be read."""
    if not text:
        raise AddressTextError("an address is expected, but nothing is there")
    if text != text.strip() or any(c.isspace() for c in text.replace(" - ", "-")):
        raise AddressTextError(f'"{text}" holds white space', "write one address for each list element")
    if "-" in text and "/" not in text:
        first, _, last = (part.strip() for part in text.partition("-"))
        if _looks_like_address(first):
            return _range(text, first, last)
    address, slash, prefix = text.partition("/")
    if "%" in address:
        bare = address.partition("%")[0]
        raise AddressTextError(
            f'"{text}" carries a scope id', f"write {bare}, and name the interface in the zone's interfaces"
        )
    value = _address(text, address, slash, prefix)
    if value[0] is Family.IPV6 and value[1] >> 32 == 0xFFFF:
        inner = format_address(value[1] & 0xFFFFFFFF, Family.IPV4)
        raise AddressTextError(f'"{text}" is an IPv4 address in IPv6 clothes', f"write {inner}")
    return _network(text, *value, prefix)


def _looks_like_address(text: str) -> bool:
    return bool(re.fullmatch(r"[0-9a-fA-F:.]+", text)) and ("." in text or ":" in text)


def _range(text: str, first: str, last: str) -> Range:
    if re.fullmatch(r"\d{1,3}", last) and first.count(".") == 3:
        whole = f"{first}-{first.rpartition('.')[0]}.{last}"
        raise AddressTextError(f'"{text}" shortens the second address', f"write {whole}")
    low, low_value, _ = parse_addresses(first)
    high, high_value, _ = parse_addresses(last)
    if low is not high:
        raise AddressTextError(f'"{text}" begins in IPv{low} and ends in IPv{high}')
    if high_value < low_value:
        raise AddressTextError(f'range "{text}" ends before it begins', f"write {last}-{first}")
    return low, low_value, high_value


def _address(text: str, address: str, slash: str, prefix: str) -> tuple[Family, int]:
    """The address part alone, or why it is none."""
    for family, number in ((Family.IPV4, AF_INET), (Family.IPV6, AF_INET6)):
        try:
            return family, int.from_bytes(inet_pton(number, address))
        except (OSError, ValueError):
            continue
    if re.fullmatch(r"[0-9.*-]+", address):
        raise _not_ipv4(text, address, f"{slash}{prefix}")
    if ":" in address and _looks_like_address(address):
        raise AddressTextError(f'"{text}" is not an IPv6 address', _ipv6_advice(address))
    if re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?", address):
        raise AddressTextError(
            f'"{text}" is not an address', "host names are not looked up; write the addresses they stand for"
        )
    raise AddressTextError(
        f'"{text}" is not an address', "write an address, a network as 192.0.2.0/24 or 2001:db8::/32, or a range a-b"
    )


def _not_ipv4(text: str, address: str, rest: str) -> AddressTextError:
    parts = address.split(".")
    if len(parts) == 4 and all(part.isdecimal() for part in parts):
        if any(len(part) > 1 and part[0] == "0" for part in parts):
            plain = ".".join(str(int(part)) for part in parts)
            hint = f"some programs read them as octal; write {plain}{rest} if that is meant"
            return AddressTextError(f'"{text}" has leading zeros', hint)
        wrong = next(part for part in parts if int(part) > 255)
        return AddressTextError(f'"{text}" is not an IPv4 address: {wrong} is more than 255')
    usual = "is not an IPv4 address", "it has four numbers from 0 to 255: 192.0.2.1"
    problem, hint = _unusual_ipv4(address, rest) or usual
    return AddressTextError(f'"{text}" {problem}', hint)


def _unusual_ipv4(address: str, rest: str) -> tuple[str, str] | None:
    """What is unusual about a notation that some programs take, and what to write instead."""
    from netaddr import AddrFormatError, IPNetwork, expand_partial_ipv4_address, glob_to_cidrs  # type: ignore[import-untyped]

    try:
        if "*" in address:
            return "uses *", f"write {', '.join(map(str, glob_to_cidrs(address)))}"
        if rest and address.count(".") < 3:
            whole = IPNetwork(f"{expand_partial_ipv4_address(address)}{rest}").cidr
            return "leaves out parts of the address", f"write {whole}"
    except (AddrFormatError, ValueError):
        return None
    return None


def _ipv6_advice(address: str) -> str:
    if address.count("::") > 1:
        return '"::" may stand only once'
    groups = [group for group in address.split(":") if group]
    long = next((group for group in groups if len(group) > 4 and "." not in group), None)
    if long:
        return f'"{long}" has more than four digits'
    if "::" not in address and len(groups) < 8 and "." not in address:
        return f'it has {len(groups)} of 8 groups; "::" fills up with zeros'
    return ""


def _network(text: str, family: Family, value: int, prefix: str) -> Range:
    """Why the prefix does not fit; the address itself is right."""
    address = format_address(value, family)
    if "." in prefix or ":" in prefix:
        from netaddr import AddrFormatError, IPNetwork

        try:
            hint = f"write {IPNetwork(text).cidr}"
        except (AddrFormatError, ValueError):
            hint = ""
        raise AddressTextError(f'"{text}" uses a netmask where a prefix length is expected', hint)
    if not (prefix.isascii() and prefix.isdecimal()):
        raise AddressTextError(f'"{text}": "{prefix}" is not a prefix length', f"write {address}/{family.bits}")
    length = int(prefix[:6])
    if length > family.bits:
        raise AddressTextError(f'"{text}": a prefix of IPv{family} has at most {family.bits} bits')
    if len(prefix) > 1 and prefix[0] == "0":
        raise AddressTextError(f'"{text}": the prefix length has leading zeros', f"write {address}/{length}")
    host = (1 << (family.bits - length)) - 1
    network = format_cidr(value & ~host, length, family)
    raise AddressTextError(f'"{text}" has host bits set', f"the network is {network}, the single address {address}")


# --- names that every profile knows ----------------------------------------------------------------

#: Link-local: IPv4 RFC 3927, IPv6 RFC 4291.
_LINK_LOCAL = ("169.254.0.0/16", "fe80::/10")
#: Multicast: IPv4 RFC 5771, IPv6 RFC 4291.
_MULTICAST = ("224.0.0.0/4", "ff00::/8")
#: Private: RFC 1918, unique local RFC 4193, and link-local. Shared carrier space (RFC 6598) is not in it:
#: neighbours behind a carrier's NAT are strangers.
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", *_LINK_LOCAL)
#: IPv4 addresses that are neither private nor anybody's on the internet. The list is short on purpose: what is
#: merely unrouted (documentation, benchmarks) or shared by a carrier's customers (RFC 6598) counts as the
#: internet, so that closing the internet closes it too.
_NOBODY = (
    "0.0.0.0/8",  # this network, RFC 791
    "127.0.0.0/8",  # loopback, RFC 1122
    "240.0.0.0/4",  # reserved and limited broadcast, RFC 1112 and 919
)
#: The only IPv6 space that IANA has handed out for global unicast (RFC 4291), and the IPv4 internet as a
#: translator shows it (RFC 6052).
_INTERNET_V6 = ("2000::/3", "64:ff9b::/96")

#: The names of `predefined`, with a word on each.
PREDEFINED = {
    "any": "every address",
    "internet": "every public address: IPv4 that is not private, reserved or multicast, IPv6 global unicast",
    "private": "RFC 1918, unique local and link-local addresses",
    "link-local": "addresses that never leave the link",
    "multicast": "multicast groups",
}


@cache
def predefined(name: str) -> AddressSet:
    """The addresses behind one of the names of `PREDEFINED`.

    Raises:
        KeyError: no such name.
    """
    if name == "any":
        return EVERYWHERE
    if name == "internet":
        inside = address_set((*_PRIVATE, *_NOBODY, *_MULTICAST)).v4
        return AddressSet(subtract(Family.IPV4.universe, inside), address_set(_INTERNET_V6).v6, name)
    return address_set({"private": _PRIVATE, "link-local": _LINK_LOCAL, "multicast": _MULTICAST}[name], name)

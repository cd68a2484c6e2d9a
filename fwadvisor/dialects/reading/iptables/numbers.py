"""Numbers, protocols and ports as the words of iptables write them (C's strtoul with base 0)."""

from __future__ import annotations

from functools import lru_cache

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.model.interval import Intervals, normalize

_KEPT = 65536
#: Names of the IANA protocol-numbers registry in the spelling of /etc/protocols; all and ip mean any protocol.
PROTOCOLS = {
    "all": 0, "ip": 0, "hopopt": 0, "icmp": 1, "igmp": 2, "ggp": 3, "ipencap": 4, "st": 5, "tcp": 6, "egp": 8, "igp": 9,
    "pup": 12, "udp": 17, "hmp": 20, "xns-idp": 22, "rdp": 27, "iso-tp4": 29, "dccp": 33, "xtp": 36, "ddp": 37,
    "idpr-cmtp": 38, "ipv6": 41, "ipv6-route": 43, "ipv6-frag": 44, "idrp": 45, "rsvp": 46, "gre": 47, "esp": 50,
    "ipsec-esp": 50, "ah": 51, "ipsec-ah": 51, "skip": 57, "ipv6-icmp": 58, "icmpv6": 58, "icmp6": 58, "ipv6-nonxt": 59,
    "ipv6-opts": 60, "rspf": 73, "vmtp": 81, "eigrp": 88, "ospf": 89, "ospfigp": 89, "ax.25": 93, "ipip": 94,
    "etherip": 97, "encap": 98, "pim": 103, "ipcomp": 108, "vrrp": 112, "l2tp": 115, "isis": 124, "sctp": 132,
    "fc": 133, "mobility-header": 135, "ipv6-mh": 135, "mh": 135, "udplite": 136, "mpls-in-ip": 137, "manet": 138,
    "hip": 139, "shim6": 140, "wesp": 141, "rohc": 142,
}  # fmt: skip
#: Common service names of the IANA registry and their aliases in /etc/services.
SERVICES = {
    "echo": 7, "discard": 9, "daytime": 13, "ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "time": 37,
    "whois": 43, "tacacs": 49, "domain": 53, "bootps": 67, "bootpc": 68, "tftp": 69, "gopher": 70, "finger": 79,
    "http": 80, "www": 80, "kerberos": 88, "pop3": 110, "sunrpc": 111, "portmapper": 111, "auth": 113, "ident": 113,
    "nntp": 119, "ntp": 123, "epmap": 135, "loc-srv": 135, "netbios-ns": 137, "netbios-dgm": 138, "netbios-ssn": 139,
    "imap": 143, "imap2": 143, "snmp": 161, "snmp-trap": 162, "snmptrap": 162, "bgp": 179, "irc": 194, "ldap": 389,
    "https": 443, "microsoft-ds": 445, "kpasswd": 464, "isakmp": 500, "printer": 515, "syslog": 514, "route": 520,
    "router": 520, "ripng": 521, "submission": 587, "ipp": 631, "ldaps": 636, "rsync": 873, "ftps": 990, "telnets": 992,
    "imaps": 993, "pop3s": 995, "socks": 1080, "openvpn": 1194, "ms-sql-s": 1433, "ms-sql-m": 1434, "l2f": 1701,
    "l2tp": 1701, "pptp": 1723, "radius": 1812, "radius-acct": 1813, "nfs": 2049, "mysql": 3306, "ms-wbt-server": 3389,
    "svn": 3690, "ipsec-nat-t": 4500, "sip": 5060, "sip-tls": 5061, "xmpp-client": 5222, "xmpp-server": 5269,
    "mdns": 5353, "postgresql": 5432, "amqp": 5672, "x11": 6000, "ircd": 6667, "http-alt": 8080, "webcache": 8080,
}  # fmt: skip


def number(text: str, largest: int, what: str = "number", smallest: int = 0) -> int:
    """A number as C reads it: decimal, ``0x`` hexadecimal, a leading 0 octal.

    Raises:
        RefusedError: it is none, or outside of the bounds.
    """
    value = maybe_number(text)
    if value is None or not smallest <= value <= largest:
        raise RefusedError(f'"{text}" is no {what}', text, f"expected a number from {smallest} to {largest}")
    return value


def maybe_number(text: str) -> int | None:
    """A number as C reads it, or None."""
    if not text.isascii() or len(text) > 24:
        return None
    digits, base = text, 10
    if text[:2] in ("0x", "0X"):
        digits, base = text[2:], 16
    elif len(text) > 1 and text[0] == "0":
        base = 8
    if not digits.isalnum():
        return None
    try:
        return int(digits, base)
    except ValueError:
        return None


@lru_cache(_KEPT)
def protocol(text: str) -> int:
    """The number of a protocol; 0 means any.

    Raises:
        RefusedError: no protocol is called so.
    """
    value = maybe_number(text)
    if value is None:
        value = PROTOCOLS.get(text.lower())
    if value is None or value > 255:
        hint = did_you_mean(text, PROTOCOLS) or "expected a name as in /etc/protocols, or a number up to 255"
        raise RefusedError(f'no protocol is called "{text}"', text, hint)
    return value


@lru_cache(_KEPT)
def port(text: str) -> int:
    """A port, or the port of a common service.

    Raises:
        RefusedError: it is none.
    """
    value = maybe_number(text)
    if value is None:
        value = SERVICES.get(text)
        if value is None:
            hint = did_you_mean(text, SERVICES) or "service names differ between machines; write the number"
            raise RefusedError(f'"{text}" is no port', text, hint)
    if value > 65535:
        raise RefusedError(f'"{text}" is no port', text, "ports end at 65535")
    return value


@lru_cache(_KEPT)
def port_range(text: str) -> Intervals:
    """``80``, ``80:90``, ``:90`` or ``80:`` as a set.

    Raises:
        RefusedError: it is none of these, or ends before it begins.
    """
    first_text, colon, last_text = text.partition(":")
    if not colon:
        first = port(first_text)
        return ((first, first),)
    first = port(first_text) if first_text else 0
    last = port(last_text) if last_text else 65535
    if last < first:
        raise RefusedError(f'port range "{text}" ends before it begins', text, f"write {last}:{first}")
    return ((first, last),)


def ranges(text: str, largest: int, what: str, separator: str = ":") -> Intervals:
    """``5``, ``5:9``, ``5:`` or ``:9`` as a set of numbers.

    Raises:
        RefusedError: it is none of these, or ends before it begins.
    """
    first_text, both, last_text = text.partition(separator)
    first = number(first_text, largest, what) if first_text or not both else 0
    last = (number(last_text, largest, what) if last_text else largest) if both else first
    if last < first:
        raise RefusedError(f'range "{text}" ends before it begins', text)
    return ((first, last),)


def value_and_mask(text: str, bits: int, what: str) -> tuple[int, int]:
    """``5`` or ``5/0xff``; without a mask every bit counts.

    Raises:
        RefusedError: it is neither.
    """
    value, slash, mask = text.partition("/")
    largest = (1 << bits) - 1
    return number(value, largest, what), number(mask, largest, f"mask of a {what}") if slash else largest


def matching(value: int, mask: int, bits: int, most: int) -> Intervals | None:
    """All numbers `n` of so many bits with ``n & mask == value``, or None where that is more than `most` ranges."""
    if value & ~mask:
        return ()
    full = (1 << bits) - 1
    free = full & ~mask
    low = (mask & -mask).bit_length() - 1 if mask else bits
    scattered = free >> low << low
    if 1 << scattered.bit_count() > most:
        return None
    tail = (1 << low) - 1
    found = []
    part = 0
    while True:
        found.append((value | part, value | part | tail))
        if part == scattered:
            return normalize(found)
        part = (part - scattered) & scattered

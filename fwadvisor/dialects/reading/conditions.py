"""Names of conditions: what a rule asks that is no part of the packet space, spelt alike by every reader.

Two conditions of one name are the same to a comparison, so a name holds everything that counts and nothing else:
numbers in one notation, words in lower case, defaults written out.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from fwadvisor.model.address import FAMILIES, format_ranges
from fwadvisor.model.firewall import AddressTest, AddressType, Field, IntegerTest
from fwadvisor.model.interval import Intervals, contains, format_ports

#: Seconds of a unit, the shortest first.
UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
#: xt_time's and nftables' days, Monday first.
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

#: Second or later fragment of a datagram.
FRAGMENT = "fragment"
#: The packet has a socket of this machine that it was sent from.
OWNER_SOCKET = "owner socket exists"


def rate(amount: int, unit: str, what: str = "") -> str:
    """A rate in the shortest unit that gives a whole number: 60 a minute is ``1/second``.

    `what` is "" for packets, else such as "bytes"; the amount counts those.

    Raises:
        KeyError: `unit` is none of `UNITS`.
    """
    each = Fraction(amount, UNITS[unit])
    whole = next(name for name, seconds in UNITS.items() if (each * seconds).denominator == 1)
    number = (each * UNITS[whole]).numerator
    return f"{number} {what}/{whole}" if what else f"{number}/{whole}"


def limit(amount: int, unit: str, burst: int = 5, what: str = "packets") -> str:
    """A token bucket that is not empty: ``limit 5/second burst 5 packets``; `what` may be "bytes"."""
    return f"limit {rate(amount, unit, '' if what == 'packets' else what)} burst {burst} {what}"


def quota(amount: int) -> str:
    """So many bytes are not used up yet: ``quota 1048576 bytes``."""
    return f"quota {amount} bytes"


def probability(share: Fraction) -> str:
    """A share of the packets, chosen at random: ``probability 0.5``."""
    return f"probability {float(share):.11f}".rstrip("0").rstrip(".")


def every_nth(every: int, packet: int) -> str:
    """Of each `every` packets that with the number `packet`, counted from 0: ``packet 0 of every 3``."""
    return f"packet {packet} of every {every}"


def connections_above(most: int, by: str) -> str:
    """More than `most` connections are open: ``connections above 10 by source/32``; by "" counts all together."""
    return f"connections above {most} by {by}" if by else f"connections above {most}"


def occurrence(name: str, number: int) -> str:
    """The name of the `number`-th condition with one text whose truth changes by being asked; the first is plain."""
    return name if number == 1 else f"{name} ({number})"


def source_mac(address: str) -> str:
    """``source mac 00:11:22:33:44:55``."""
    return f"source mac {address.lower()}"


def owner_user(first: int, last: int) -> str:
    """The socket's user: ``owner uid 0``, ``owner uid 5-9``."""
    return f"owner uid {format_ports(((first, last),))}"


def owner_group(first: int, last: int) -> str:
    """The socket's group: ``owner gid 0``, ``owner gid 5-9``."""
    return f"owner gid {format_ports(((first, last),))}"


def packet_type(kind: str) -> str:
    """How the link layer addressed the frame: ``pkttype unicast`` (or broadcast, multicast, other)."""
    return f"pkttype {kind.lower()}"


def physical(direction: str, name: str) -> str:
    """The bridge's port, direction "in" or "out": ``physdev in eth0``."""
    return f"physdev {direction} {name}"


def connection_status(bit: str) -> str:
    """A bit of the connection's status: ``connection status dnat`` (snat, expected, seen-reply, assured, confirmed)."""
    return f"connection status {bit.lower()}"


def connection_direction(direction: str) -> str:
    """``connection direction original`` or reply."""
    return f"connection direction {direction.lower()}"


def connection_tuple(direction: str, what: str, values: str) -> str:
    """What the connection was opened with: ``connection original source 192.0.2.0/24``.

    Args:
        direction: "original" or "reply".
        what: "source", "destination", "source port", "destination port" or "protocol".
        values: one network, or ports as `format_ports` writes them, or a protocol's number.
    """
    return f"connection {direction} {what} {values}"


def connection_zone(number: int) -> str:
    """``connection zone 5``."""
    return f"connection zone {number}"


def connection_label(label: str) -> str:
    """``connection label voice``; a bit is its number."""
    return f"connection label {label}"


def connection_expiry(seconds: Intervals) -> str:
    """Seconds left until the connection is forgotten: ``connection expires in 0-60``."""
    return f"connection expires in {format_ports(seconds)}"


def connection_volume(what: str, direction: str, values: Intervals) -> str:
    """``connection bytes both 0-1000``; `what` is bytes, packets or average, direction original, reply or both."""
    return f"connection {what} {direction} {format_ports(values)}"


def set_lookup(name: str, dimensions: Iterable[str]) -> str:
    """A set whose contents are not known: ``set blocked (src,dst)``."""
    return f"set {name} ({','.join(dimensions)})"


def time_of_day(first: int, last: int, zone: str = "utc") -> str:
    """Seconds after midnight: ``time hour 09:00:00-17:00:00 utc``; zone "utc" or "local"."""
    return f"time hour {_clock(first)}-{_clock(last)} {zone}"


def _clock(second: int) -> str:
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


def time_day(day: int, zone: str = "utc") -> str:
    """One day of the week, 0 is Monday: ``time day monday utc``."""
    return f"time day {DAYS[day]} {zone}"


def time_day_of_month(day: int, zone: str = "utc") -> str:
    """``time day of month 31 utc``."""
    return f"time day of month {day} {zone}"


def time_date(first: str, last: str, zone: str = "utc") -> str:
    """Moments as ISO 8601 writes them, "" where open: ``time date 2026-01-01T00:00:00-2026-12-31T23:59:59 utc``."""
    return f"time date {first}-{last} {zone}"


def ipsec(direction: str) -> str:
    """The packet is (in) or will be (out) protected by IPsec: ``ipsec in``."""
    return f"ipsec {direction}"


def tcp_option(kind: int) -> str:
    """The TCP header has the option: ``tcp option 5``."""
    return f"tcp option {kind}"


def tcp_maximum_segment(values: Intervals) -> str:
    """``tcp maximum segment 0-1460``."""
    return f"tcp maximum segment {format_ports(values)}"


def security_parameter_index(header: str, values: Intervals) -> str:
    """``esp spi 256-511``, header "esp" or "ah"."""
    return f"{header} spi {format_ports(values)}"


def interface_group(direction: str, number: int, mask: int = 2**32 - 1) -> str:
    """The group of the interface, direction "in" or "out": ``in interface group 5``."""
    return f"{direction} interface group {number}" + ("" if mask == 2**32 - 1 else f"/{mask:#x}")


def realm(number: int, mask: int = 2**32 - 1) -> str:
    """The routing realm: ``realm 10``."""
    return f"realm {number}" + ("" if mask == 2**32 - 1 else f"/{mask:#x}")


def processor(number: int) -> str:
    """``cpu 0``."""
    return f"cpu {number}"


def control_group(name: str) -> str:
    """``cgroup 1048577`` or a path."""
    return f"cgroup {name}"


def socket(words: Iterable[str]) -> str:
    """An open socket takes the packet: ``socket``, ``socket transparent``."""
    return " ".join(("socket", *words))


def reverse_path(loose: bool) -> str:
    """The way back to the source leads out where the packet came in (or, `loose`, anywhere): ``reverse path``."""
    return "reverse path loose" if loose else "reverse path"


def mark(value: int, mask: int = 2**32 - 1, connection: bool = False) -> str:
    """A mark that rules write in no constant way: ``mark 0x1/0xff``, ``connection mark 0x1``."""
    return f"{'connection mark' if connection else 'mark'} {value:#x}" + ("" if mask == 2**32 - 1 else f"/{mask:#x}")


def described(test: IntegerTest | AddressTest) -> str:
    """A test in words: ``destination 192.0.2.1,2001:db8::/32``, ``destination-port 80-81``, ``source-type local``."""
    if isinstance(test, IntegerTest):
        if test.field in (Field.SOURCE_TYPE, Field.DESTINATION_TYPE):
            return f"{test.field} {','.join(each.name.lower() for each in AddressType if contains(test.values, each))}"
        return f"{test.field} {format_ports(test.values)}"
    texts = [text for family in FAMILIES for text in format_ranges(test.of(family), family)]
    return f"{test.field} {','.join(texts)}"


def before_translation(test: IntegerTest | AddressTest) -> str:
    """A test that sees the destination before it is translated: ``before translation: destination 192.0.2.1``."""
    return f"before translation: {described(test)}"


def after_translation(test: IntegerTest | AddressTest) -> str:
    """A test that sees the source after it was translated: ``after translation: source 192.0.2.1``."""
    return f"after translation: {described(test)}"

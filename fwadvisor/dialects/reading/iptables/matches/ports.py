"""What the header of the transport protocol says: ports, TCP flags, ICMP types."""

from __future__ import annotations

from functools import lru_cache

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.iptables.numbers import number, port_range, ranges
from fwadvisor.dialects.reading.iptables.parts import (
    Context,
    Given,
    Match,
    Option,
    Part,
    condition,
    integer,
    one_of,
    options,
)
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field, IntegerTest, Test
from fwadvisor.model.interval import Intervals, normalize, subtract
from fwadvisor.model.rule import DCCP, ICMP, ICMPV6, SCTP, TCP, UDP

UDPLITE = 136
_PORTS = ((0, 65535),)
_FLAGS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32, "ALL": 63, "NONE": 0}
#: The flags of ``--syn``: which are looked at, and which of them are set.
_SYN = (_FLAGS["SYN"] | _FLAGS["RST"] | _FLAGS["ACK"] | _FLAGS["FIN"], _FLAGS["SYN"])
#: A multiport list holds 15 numbers; a range takes two.
_SLOTS = 15
#: ICMP type 255 stands for any type.
_ANY = 255
#: Names as libxt_icmp knows them: type, first and last code.
_ICMP_NAMES: dict[str, tuple[int, int, int]] = {
    "any": (_ANY, 0, 255), "echo-reply": (0, 0, 255), "pong": (0, 0, 255), "destination-unreachable": (3, 0, 255),
    "network-unreachable": (3, 0, 0), "host-unreachable": (3, 1, 1), "protocol-unreachable": (3, 2, 2),
    "port-unreachable": (3, 3, 3), "fragmentation-needed": (3, 4, 4), "source-route-failed": (3, 5, 5),
    "network-unknown": (3, 6, 6), "host-unknown": (3, 7, 7), "network-prohibited": (3, 9, 9),
    "host-prohibited": (3, 10, 10), "TOS-network-unreachable": (3, 11, 11), "TOS-host-unreachable": (3, 12, 12),
    "communication-prohibited": (3, 13, 13), "host-precedence-violation": (3, 14, 14),
    "precedence-cutoff": (3, 15, 15), "source-quench": (4, 0, 255), "redirect": (5, 0, 255),
    "network-redirect": (5, 0, 0), "host-redirect": (5, 1, 1), "TOS-network-redirect": (5, 2, 2),
    "TOS-host-redirect": (5, 3, 3), "echo-request": (8, 0, 255), "ping": (8, 0, 255),
    "router-advertisement": (9, 0, 255), "router-solicitation": (10, 0, 255), "time-exceeded": (11, 0, 255),
    "ttl-exceeded": (11, 0, 255), "ttl-zero-during-transit": (11, 0, 0), "ttl-zero-during-reassembly": (11, 1, 1),
    "parameter-problem": (12, 0, 255), "ip-header-bad": (12, 0, 0), "required-option-missing": (12, 1, 1),
    "timestamp-request": (13, 0, 255), "timestamp-reply": (14, 0, 255), "address-mask-request": (17, 0, 255),
    "address-mask-reply": (18, 0, 255),
}  # fmt: skip
_ICMPV6_NAMES: dict[str, tuple[int, int, int]] = {
    "destination-unreachable": (1, 0, 255), "no-route": (1, 0, 0), "communication-prohibited": (1, 1, 1),
    "beyond-scope": (1, 2, 2), "address-unreachable": (1, 3, 3), "port-unreachable": (1, 4, 4),
    "failed-policy": (1, 5, 5), "reject-route": (1, 6, 6), "packet-too-big": (2, 0, 255),
    "time-exceeded": (3, 0, 255), "ttl-exceeded": (3, 0, 255), "ttl-zero-during-transit": (3, 0, 0),
    "ttl-zero-during-reassembly": (3, 1, 1), "parameter-problem": (4, 0, 255), "bad-header": (4, 0, 0),
    "unknown-header-type": (4, 1, 1), "unknown-option": (4, 2, 2), "echo-request": (128, 0, 255),
    "ping": (128, 0, 255), "echo-reply": (129, 0, 255), "pong": (129, 0, 255),
    "mld-listener-query": (130, 0, 255), "mld-listener-report": (131, 0, 255), "mld-listener-done": (132, 0, 255),
    "mld-listener-reduction": (132, 0, 255), "router-solicitation": (133, 0, 255),
    "router-advertisement": (134, 0, 255), "neighbour-solicitation": (135, 0, 255),
    "neighbor-solicitation": (135, 0, 255), "neighbour-advertisement": (136, 0, 255),
    "neighbor-advertisement": (136, 0, 255), "redirect": (137, 0, 255),
}  # fmt: skip
_PORT_OPTIONS = (Option("--source-port"), Option("--destination-port"))
_SPELT = {"--sport": _PORT_OPTIONS[0], "--dport": _PORT_OPTIONS[1]}
_SIDES = {"--source-port": Field.SOURCE_PORT, "--destination-port": Field.DESTINATION_PORT}


def _side(each: Given) -> IntegerTest:
    return integer(_SIDES[each.name], port_range(each.value), each.negated, 65535)


def _ports(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    return tuple(_side(each) for each in given)


def _tcp(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    return tuple(_side(each) if each.name in _SIDES else _tcp_option(each) for each in given)


def _tcp_option(each: Given) -> Part:
    if each.name == "--tcp-option":
        return condition(conditions.tcp_option(number(each.value, 255, "TCP option", 1)), not each.negated)
    mask, wanted = _SYN if each.name == "--syn" else (_flags(each.values[0]), _flags(each.values[1]))
    return integer(Field.TCP_FLAGS, _flag_values(mask, wanted), each.negated, 255)


def _flags(text: str) -> int:
    value = 0
    for name in text.split(","):
        if name.upper() not in _FLAGS:
            raise RefusedError(f'"{name}" is no TCP flag', text, f"the flags are {', '.join(_FLAGS)}")
        value |= _FLAGS[name.upper()]
    return value


@lru_cache(4096)
def _flag_values(mask: int, wanted: int) -> Intervals:
    return normalize((each, each) for each in range(256) if each & mask == wanted)


def _sctp(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    return tuple(
        _side(each) if each.name in _SIDES else condition(f"sctp chunks {' '.join(each.values)}", not each.negated)
        for each in given
    )


def _dccp(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    return tuple(
        _side(each) if each.name in _SIDES else condition(f"dccp {each.name[7:]} {each.value}", not each.negated)
        for each in given
    )


def _multiport(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    if len(given) != 1:
        raise RefusedError("multiport takes exactly one of --sports, --dports and --ports", "multiport")
    (each,) = given
    parts = each.value.split(",")
    if sum(2 if ":" in part else 1 for part in parts) > _SLOTS:
        raise RefusedError("too many ports", each.value, f"a list holds {_SLOTS} numbers; a range takes two of them")
    if any(part.startswith(":") or part.endswith(":") for part in parts):
        raise RefusedError("a range in a list of ports has two ends", each.value, "write 0: or :65535 in full")
    values = normalize(found for part in parts for found in port_range(part))
    if each.name == "--ports":
        sides: list[Test] = [IntegerTest(Field.SOURCE_PORT, values), IntegerTest(Field.DESTINATION_PORT, values)]
        return (one_of(sides, not each.negated),)
    side = Field.SOURCE_PORT if each.name == "--source-ports" else Field.DESTINATION_PORT
    return (integer(side, values, each.negated, 65535),)


def _icmp(given: tuple[Given, ...], context: Context) -> tuple[Part, ...]:
    if not given:
        version = "v6" if context.family is Family.IPV6 else ""
        raise RefusedError(f"the match needs --icmp{version}-type")
    return tuple(_icmp_test(each, context.family) for each in given)


def _icmp_test(each: Given, family: Family) -> Part:
    kind, first, last = icmp_type(each.value, family)
    any_type = kind == _ANY and family is Family.IPV4
    values: Intervals = _PORTS if any_type else ((kind * 256 + first, kind * 256 + last),)
    return IntegerTest(Field.ICMP, subtract(_PORTS, values) if each.negated else values)


def icmp_type(text: str, family: Family) -> tuple[int, int, int]:
    """The type, and the first and last code, of a name that may be cut short, or of numbers as in ``3/4``.

    Raises:
        RefusedError: there is none, or several begin so.
    """
    names = _ICMP_NAMES if family is Family.IPV4 else _ICMPV6_NAMES
    found = [name for name in names if name.lower().startswith(text.lower())]
    if text and text.lower() in (name.lower() for name in found):
        found = [name for name in found if name.lower() == text.lower()]
    if text and found:
        if len(found) > 1:
            raise RefusedError(f'"{text}" may be any of the ICMP types {", ".join(found)}', text)
        return names[found[0]]
    kind, slash, code = text.partition("/")
    if not kind[:1].isdecimal():
        raise RefusedError(f'no ICMP type is called "{text}"', text, did_you_mean(text, names) or "write its number")
    value = number(kind, 255, "ICMP type")
    first = number(code, 255, "ICMP code") if slash else 0
    return value, first, first if slash else 255


def _spi(header: str) -> Match:
    name = f"--{header}spi"

    def read(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
        return tuple(_index(each, header) if each.name == name else _word(each, header) for each in given)

    more = {"ah": (Option("--ahlen"), Option("--ahres", 0)), "ipcomp": (Option("--compres", 0),)}.get(header, ())
    number_of = {"esp": (50,), "ah": (51,), "ipcomp": (108,)}[header]
    return Match(header, options(name, *more), read, number_of if header != "ah" else ())


def _index(each: Given, header: str) -> Part:
    values = ranges(each.value, 2**32 - 1, "security parameter index")
    return condition(conditions.security_parameter_index(header, values), not each.negated)


def _word(each: Given, header: str) -> Part:
    return condition(" ".join((f"{header} {each.name[2:]}", *each.values)), not each.negated)


def _tcpmss(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    if not given:
        raise RefusedError("tcpmss needs --mss")
    return tuple(
        condition(conditions.tcp_maximum_segment(ranges(each.value, 65535, "segment size")), not each.negated)
        for each in given
    )


def _with(first: dict[str, Option], spelt: dict[str, Option]) -> dict[str, Option]:
    return {**first, **spelt}


MATCHES = (
    Match(
        "tcp",
        _with(
            options(*_PORT_OPTIONS, Option("--syn", 0), Option("--tcp-flags", 2), "--tcp-option"),
            _SPELT,
        ),
        _tcp,
        (TCP,),
    ),
    Match("udp", _with(options(*_PORT_OPTIONS), _SPELT), _ports, (UDP,)),
    Match("sctp", _with(options(*_PORT_OPTIONS, Option("--chunk-types", 2)), _SPELT), _sctp, (SCTP,)),
    Match("dccp", _with(options(*_PORT_OPTIONS, "--dccp-types", "--dccp-option"), _SPELT), _dccp, (DCCP,)),
    Match(
        "multiport",
        _with(
            options("--source-ports", "--destination-ports", "--ports"),
            {"--sports": Option("--source-ports"), "--dports": Option("--destination-ports")},
        ),
        _multiport,
        (TCP, UDP, UDPLITE, SCTP, DCCP),
    ),
    Match("icmp", options("--icmp-type"), _icmp, (ICMP,), (Family.IPV4,)),
    Match("icmp6", options("--icmpv6-type"), _icmp, (ICMPV6,), (Family.IPV6,)),
    _spi("esp"),
    _spi("ah"),
    _spi("ipcomp"),
    Match("tcpmss", options("--mss"), _tcpmss, (TCP,)),
)

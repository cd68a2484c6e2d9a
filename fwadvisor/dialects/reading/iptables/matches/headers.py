"""What the IP header says besides addresses: length, TTL, DSCP; and marks, which travel with the packet."""

from __future__ import annotations

import re

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.dialects.reading.iptables.numbers import maybe_number, number, ranges, value_and_mask
from fwadvisor.dialects.reading.iptables.parts import (
    NEVER,
    Context,
    Given,
    MaskedTest,
    Match,
    Option,
    Part,
    condition,
    integer,
    options,
)
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import AnyOf, Field, IntegerTest, Test
from fwadvisor.model.interval import Intervals, normalize
from fwadvisor.model.rule import TCP

#: RFC 2474, 2597, 3246, 5865, in the names of libxt_dscp.
_CLASSES = {
    "BE": 0,
    "EF": 46,
    **{f"CS{number}": number * 8 for number in range(8)},
    **{f"AF{group}{drop}": group * 8 + drop * 2 for group in range(1, 5) for drop in range(1, 4)},
}
#: RFC 1349's names; with them the two highest bits do not count.
_SERVICES = {
    "minimize-delay": 16, "maximize-throughput": 8, "maximize-reliability": 4, "minimize-cost": 2, "normal-service": 0,
}  # fmt: skip
_NAMED_MASK = 0x3F
_ECN = 3
#: ``6&0xFF=`` names the byte of the IPv4 header that holds the protocol.
_PROTOCOL_BYTE = re.compile(r"\s*(?:6|0x6)\s*&\s*0x0*[fF][fF]\s*=\s*([0-9a-fA-Fx:,\s]+)")
_NUMBER = re.compile(r"[0-9a-fx]+")
_SPACE = re.compile(r"\s+")


def _length(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    if not given:
        raise RefusedError("length needs --length")
    return tuple(
        integer(Field.LENGTH, ranges(each.value, 65535, "packet length"), each.negated, 65535) for each in given
    )


def _hops(prefix: str, name: str, family: Family) -> Match:
    kinds = {f"{prefix}-eq": "eq", f"{prefix}-lt": "lt", f"{prefix}-gt": "gt"}

    def read(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
        if not given:
            raise RefusedError(f"{name} needs one of {', '.join(kinds)}")
        return tuple(_hop(kinds[each.name], each) for each in given)

    return Match(
        name,
        {
            **options(*(Option(each, negatable=kind == "eq") for each, kind in kinds.items())),
            prefix: Option(f"{prefix}-eq"),
        },
        read,
        (),
        (family,),
    )


def _hop(kind: str, each: Given) -> Part:
    value = number(each.value, 255, "number of hops")
    first, last = {"eq": (value, value), "lt": (0, value - 1), "gt": (value + 1, 255)}[kind]
    return integer(Field.TTL, ((first, last),) if first <= last else (), each.negated, 255)


def dscp_class(text: str) -> int:
    """The code point of a class such as AF41.

    Raises:
        RefusedError: there is none of this name.
    """
    if text.upper() not in _CLASSES:
        raise RefusedError(f'no DSCP class is called "{text}"', text, did_you_mean(text, _CLASSES))
    return _CLASSES[text.upper()]


def _dscp(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    if not given:
        raise RefusedError("dscp needs --dscp or --dscp-class")
    found = []
    for each in given:
        value = number(each.value, 63, "DSCP") if each.name == "--dscp" else dscp_class(each.value)
        found.append(integer(Field.DSCP, ((value, value),), each.negated, 63))
    return tuple(found)


def service(text: str) -> tuple[int, int]:
    """The value and mask of ``--tos``.

    Raises:
        RefusedError: it is neither a number nor a name.
    """
    if maybe_number(text.partition("/")[0]) is not None:
        return value_and_mask(text, 8, "type of service")
    named = _SERVICES.get(text.lower())
    if named is None:
        raise RefusedError(f'no type of service is called "{text}"', text, did_you_mean(text, _SERVICES))
    return named, _NAMED_MASK


def _tos(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    if not given:
        raise RefusedError("tos needs --tos")
    found: list[Part] = []
    for each in given:
        value, mask = service(each.value)
        if value & ~mask:
            tests: list[Test] = [NEVER]
        else:
            points = normalize((n, n) for n in range(64) if (n << 2) & mask == value & ~_ECN)
            tests = [IntegerTest(Field.DSCP, points)]
            if mask & _ECN:
                tests.append(condition(f"ecn {value & _ECN}/{mask & _ECN}"))
        found += [AnyOf((tuple(tests),), holds=False)] if each.negated else tests
    return tuple(found)


def _ecn(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    found: list[Part] = []
    for each in given:
        if each.name == "--ecn-ip-ect":
            found.append(condition(f"ecn {number(each.value, 3, 'ECN')}/3", not each.negated))
        else:
            bit = 128 if each.name == "--ecn-tcp-cwr" else 64
            values: Intervals = normalize((n, n) for n in range(256) if n & bit)
            found += [IntegerTest(Field.PROTOCOL, ((TCP, TCP),)), integer(Field.TCP_FLAGS, values, each.negated, 255)]
    return tuple(found)


def _mark(given: tuple[Given, ...], _context: Context) -> tuple[Part, ...]:
    if not given:
        raise RefusedError("mark needs --mark")
    return tuple(MaskedTest(Field.MARK, *value_and_mask(each.value, 32, "mark"), not each.negated) for each in given)


def _u32(given: tuple[Given, ...], context: Context) -> tuple[Part, ...]:
    if not given:
        raise RefusedError("u32 needs --u32")
    (each,) = given
    protocol = _PROTOCOL_BYTE.fullmatch(each.value)
    if protocol and context.family is Family.IPV4:
        texts = protocol.group(1).split(",")
        values = normalize(pair for text in texts for pair in ranges(text.strip(), 2**32 - 1, "u32 value"))
        bounded = tuple((first, min(last, 255)) for first, last in values if first <= 255)
        return (integer(Field.PROTOCOL, bounded, each.negated, 255),)
    text = _NUMBER.sub(_hexadecimal, _SPACE.sub("", each.value).lower())
    return (condition(f"u32 {text}", not each.negated),)


def _hexadecimal(found: re.Match[str]) -> str:
    value = maybe_number(found.group())
    return found.group() if value is None else f"{value:#x}"


MATCHES = (
    Match("length", options("--length"), _length),
    _hops("--ttl", "ttl", Family.IPV4),
    _hops("--hl", "hl", Family.IPV6),
    Match("dscp", options("--dscp", "--dscp-class"), _dscp),
    Match("tos", options("--tos"), _tos),
    Match("ecn", options("--ecn-ip-ect", Option("--ecn-tcp-cwr", 0), Option("--ecn-tcp-ece", 0)), _ecn),
    Match("mark", options("--mark"), _mark),
    Match("u32", options("--u32"), _u32),
)

"""Random tests and statements of nftables, as people and `nft list ruleset` write them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import AddressType
from fwadvisor.model.rule import ICMP, ICMPV6

from .random_text import (
    ADDRESS_TYPES,
    DSCP,
    FLAGS,
    ICMP_TYPES,
    LENGTHS,
    MARKS,
    OTHERS,
    PROTOCOLS,
    STATES,
    TTLS,
    V4,
    Dice,
    Line,
    Span,
    address,
    ends,
    names_like,
    network,
)

ICMP_NAMES = {
    ICMP: {0: "echo-reply", 3: "destination-unreachable", 5: "redirect", 8: "echo-request", 11: "time-exceeded",
           13: "timestamp-request"},
    ICMPV6: {1: "destination-unreachable", 2: "packet-too-big", 3: "time-exceeded", 128: "echo-request",
             129: "echo-reply", 133: "nd-router-solicit", 135: "nd-neighbor-solicit", 136: "nd-neighbor-advert"},
}  # fmt: skip
_TCP_UDP = ("tcp", "tcp", "udp", "udp")
_INTERFACES = ("wan0", "lan0", "lo", "wan*", "l*", "la*", "eth0", "wan1", "eth*")
#: How the text calls an end, and the packet field.
_ENDS = {"saddr": "source", "daddr": "destination", "sport": "source_port", "dport": "destination_port"}


@dataclass(frozen=True, slots=True)
class Named:
    """A set or map with a name: how it is used, and what leads into it."""

    name: str
    #: The expression that is looked up: ``ip saddr``, ``ip saddr . tcp dport``.
    key: str
    wanted: dict[str, tuple[int | str, ...]]
    family: Family | None


@dataclass(slots=True)
class Context:
    """What the tests of a rule may ask."""

    dice: Dice
    #: None in tables of both.
    family: Family | None
    #: Whether packets have been routed, and a forwarded one's hop limit is what it will be.
    routed: bool = True
    #: Whether connection tracking has seen the packet.
    tracked: bool = True
    sets: Sequence[Named] = ()
    #: Names of definitions, with the text of their values: ports and IPv4 addresses.
    defines: Sequence[Named] = ()


def braces(words: Sequence[str]) -> str:
    return "{ " + ", ".join(words) + " }"


def _span(span: Span) -> str:
    return str(span[0]) if span[0] == span[1] else f"{span[0]}-{span[1]}"


def address_word(span: Span, family: Family, dice: Dice) -> str:
    as_network = network(span, family)
    if as_network is not None and (span[0] == span[1] or dice.chance(0.8)):
        return as_network
    return f"{address(span[0], family)}-{address(span[1], family)}"


def numbers(dice: Dice, spans: Sequence[Span]) -> str:
    """A test of a number: equal, unequal, a range, a set or a comparison."""
    if len(spans) > 1 or dice.chance(0.15):
        return dice.pick(["", "", "!= "]) + braces([_span(span) for span in spans])
    form = dice.random.random()
    if form < 0.6:
        return _span(spans[0])
    if form < 0.75:
        return f"!= {_span(spans[0])}"
    return f"{dice.pick(['<', '<=', '>', '>='])} {max(1, min(spans[0][0], 254))}"


def _pairs(values: Sequence[int]) -> list[Span]:
    return [(value, value) for value in values]


def _families(context: Context, line: Line) -> Family:
    family = context.family or context.dice.pick(list(Family))
    line.want("family", [int(family)])
    return family


def addresses(context: Context, line: Line, family: Family, end: str) -> None:
    dice, name = context.dice, _ENDS[end]
    key = f"{'ip' if family is V4 else 'ip6'} {end}"
    spans = dice.addresses(family, name, dice.random.choice([1, 1, 2, 3]))
    line.want(name, ends(spans))
    words = [address_word(span, family, dice) for span in spans]
    if len(words) == 1 and dice.chance(0.12):
        length = dice.pick([8, 24, 30] if family is V4 else [16, 64, 120])
        mask = ((1 << length) - 1) << (family.bits - length)
        masked = address(spans[0][0] & mask, family)
        line.words.append(f"{key} & {address(mask, family)} {dice.pick(['==', '!='])} {masked}")
    elif len(words) == 1:
        line.words.append(f"{key} {dice.pick(['', '', '', '!= ', '== '])}{words[0]}".replace("  ", " "))
    else:
        line.words.append(f"{key} {dice.pick(['', '', '!= '])}{braces(words)}")


def ports(context: Context, line: Line, protocol: str, end: str) -> None:
    spans = context.dice.ports(_ENDS[end], context.dice.random.choice([1, 1, 1, 2, 4]))
    line.want("protocol", [PROTOCOLS[protocol]])
    line.want(_ENDS[end], ends(spans))
    prefix = f"{protocol} {end}" if context.dice.chance(0.8) else f"meta l4proto {protocol} th {end}"
    line.words.append(f"{prefix} {numbers(context.dice, spans)}")


def any_ports(context: Context, line: Line) -> None:
    """Ports of several protocols."""
    names = context.dice.some(tuple(PROTOCOLS), 2, 3)
    spans = context.dice.ports("destination_port", 2)
    line.want("protocol", [PROTOCOLS[name] for name in names])
    line.want("destination_port", ends(spans))
    line.words.append(f"meta l4proto {braces(names)} th dport {numbers(context.dice, spans)}")


def protocols(context: Context, line: Line, family: Family | None) -> None:
    known = {**PROTOCOLS, **OTHERS}
    names = context.dice.some(tuple(known), 1, 3)
    words = [name if name in PROTOCOLS and context.dice.chance(0.8) else str(known[name]) for name in names]
    line.want("protocol", [known[name] for name in names])
    keys = ["meta l4proto"] + (["ip protocol" if family is V4 else "ip6 nexthdr"] if family else [])
    sign = context.dice.pick(["", "", "!= "])
    line.words.append(f"{context.dice.pick(keys)} {sign}{words[0] if len(words) == 1 else braces(words)}")


def icmp(context: Context, line: Line, family: Family) -> None:
    protocol, key = (ICMP, "icmp") if family is V4 else (ICMPV6, "icmpv6")
    dice = context.dice
    kinds = dice.some(ICMP_TYPES[protocol], 1, 3)
    line.want("family", [int(family)])
    line.want("protocol", [protocol])
    line.want("icmp_type", kinds)
    dice.edge("icmp_type", _pairs(kinds), 255)
    words = [ICMP_NAMES[protocol].get(kind, str(kind)) if dice.chance(0.7) else str(kind) for kind in kinds]
    if dice.chance(0.15):
        line.want("icmp_code", [0, 1])
        pairs = [f"{word} . {dice.pick([0, 1])}" for word in words]
        line.words.append(f"{key} type . {key} code {braces(pairs)}")
        return
    sign = dice.pick(["", "", "", "!= "])
    line.words.append(f"{key} type {sign}{words[0] if len(words) == 1 else braces(words)}")
    if dice.chance(0.2):
        line.want("icmp_code", [0, 1])
        line.words.append(f"{key} code {dice.pick(['0', '1', '!= 0', '{ 0, 2-4 }', '> 1'])}")


def tcp_flags(context: Context, line: Line) -> None:
    dice = context.dice
    mask = dice.some(tuple(FLAGS), 2, 4)
    value = dice.some(mask, 1, 2)
    line.want("protocol", [PROTOCOLS["tcp"]])
    bits = sum(FLAGS[name] for name in value)
    line.want("tcp_flags", [bits, sum(FLAGS[name] for name in mask), 0, bits | 8])
    masked, wanted = " | ".join(mask), " | ".join(value)
    line.words.append(
        "tcp flags "
        + dice.pick([
            f"& ({masked}) == {wanted}",
            f"& ({masked}) == ({wanted})" if len(value) > 1 else f"& ({masked}) == {wanted}",
            f"& ({masked}) != {wanted}",
            f"& ({masked}) != 0",
            f"& ({masked}) == 0",
            f"{','.join(value)} / {','.join(mask)}",
            f"!= {','.join(value)} / {','.join(mask)}",
            ",".join(value),
            f"== {wanted}",
            braces([value[0], " | ".join(mask)]),
        ])
    )  # fmt: skip


def interface(context: Context, line: Line, key: str) -> None:
    dice = context.dice
    names = dice.some(_INTERFACES, 1, 3)
    if any(one != other and other.endswith("*") and one.startswith(other[:-1]) for one in names for other in names):
        names = names[:1]
    line.want(
        "in_interface" if key == "iifname" else "out_interface", [n for each in names for n in names_like(each, "*")]
    )
    if not line.wanted["in_interface" if key == "iifname" else "out_interface"]:
        del line.wanted["in_interface" if key == "iifname" else "out_interface"]
    quoted = [f'"{name}"' if dice.chance(0.7) or "*" in name else name for name in names]
    if names == ["lo"] and dice.chance(0.5):
        line.words.append(f"{key[:3]} {dice.pick(['lo', '!= lo', '{ lo }'])}")
        return
    sign = dice.pick(["", "", "!= "])
    line.words.append(f"{dice.pick(['', 'meta '])}{key} {sign}{quoted[0] if len(quoted) == 1 else braces(quoted)}")


def state(context: Context, line: Line) -> None:
    dice = context.dice
    if dice.chance(0.08):
        line.want("state", ["related", "established"])
        line.want("helper", ["ftp", "ftp", ""])
        line.words.append(f'ct helper {dice.pick(["", "!= "])}"ftp"')
        return
    states = dice.some(STATES, 1, 3)
    line.want("state", states)
    listed = ",".join(states)
    forms = [listed, listed, braces(states), f"!= {braces(states)}"]
    if len(states) == 1:
        forms.append(f"!= {listed}")
    line.words.append(f"ct state {dice.pick(forms)}")


def mark(context: Context, line: Line, key: str) -> None:
    dice, name = context.dice, "mark" if key == "meta mark" else "connection_mark"
    if not dice.writes_marks:
        _plain_mark(dice, line, key, name)
        return
    spans = dice.spans(MARKS, dice.random.choice([1, 1, 2]), 2**32 - 1, 20)
    dice.edge(name, spans, 2**32 - 1)
    line.want(name, ends(spans))
    if len(spans) == 1 and dice.chance(0.4):
        mask = dice.mask()
        line.words.append(f"{key} & {mask:#x} {dice.pick(['==', '!='])} {spans[0][0] & mask:#x}")
    else:
        line.words.append(f"{key} {numbers(dice, spans)}")


def _plain_mark(dice: Dice, line: Line, key: str, name: str) -> None:
    """One value, or some bits of it: what a reader can name where it cannot say which marks have them."""
    value, mask = dice.pick(MARKS), dice.mask() if dice.chance(0.6) else 0xFFFFFFFF
    dice.edge(name, [(value, value)], 2**32 - 1)
    line.want(name, [value])
    sign = dice.pick(["==", "!="])
    word = key if mask == 0xFFFFFFFF else f"{key} & {mask:#x}"
    line.words.append(f"{word} {sign} {value & mask:#x}")


def set_mark(context: Context, line: Line, key: str) -> None:
    dice = context.dice
    value = dice.pick(MARKS)
    line.words.append(
        f"{key} set "
        + dice.pick(
            [f"{value:#x}", str(value), f"{key} | {value:#x}", f"{key} & {value | 0xF0:#x}", f"{key} ^ {value:#x}"]
        )
    )


def fib(context: Context, line: Line) -> None:
    dice = context.dice
    end = dice.pick(["saddr", "daddr", "daddr"])
    types = dice.some(ADDRESS_TYPES, 1, 2)
    line.want(f"{_ENDS[end]}_type", [int(AddressType[each.upper()]) for each in types])
    sign = dice.pick(["", "", "!= "])
    line.words.append(f"fib {end} type {sign}{types[0] if len(types) == 1 else braces(types)}")


def header(context: Context, line: Line, family: Family | None) -> None:
    """Length, differentiated services, hop limit."""
    dice = context.dice
    which = dice.pick(["length", "dscp", "ttl"] if context.routed else ["length", "dscp"])
    if family is None or (which == "length" and dice.chance(0.6)):
        spans = dice.spans(LENGTHS, dice.random.choice([1, 2]), 1500, 30)
        dice.edge("length", spans, 1500)
        line.want("length", ends(spans))
        line.words.append(f"meta length {numbers(dice, spans)}")
        return
    key = "ip" if family is V4 else "ip6"
    if which == "length":
        extra = 0 if family is V4 else 40
        spans = dice.spans(LENGTHS, 1, 1500, 30)
        dice.edge("length", [(first + extra, last + extra) for first, last in spans], 1500)
        line.want("length", [value + extra for value in ends(spans)])
        line.words.append(f"{key} length {numbers(dice, spans)}")
    elif which == "dscp":
        names = dice.some(tuple(DSCP), 1, 2)
        dice.edge("dscp", _pairs([DSCP[name] for name in names]), 63)
        line.want("dscp", [DSCP[name] for name in names])
        words = [dice.pick([name, f"{DSCP[name]:#x}"]) for name in names]
        line.words.append(f"{key} dscp {dice.pick(['', '!= '])}{words[0] if len(words) == 1 else braces(words)}")
    else:
        spans = dice.spans(TTLS, dice.random.choice([1, 2]), 255, 5)
        dice.edge("ttl", spans, 255)
        line.want("ttl", ends(spans))
        line.words.append(f"{key} {'ttl' if family is V4 else 'hoplimit'} {numbers(dice, spans)}")


def concatenation(context: Context, line: Line, family: Family) -> None:
    dice = context.dice
    key = "ip" if family is V4 else "ip6"
    protocol = dice.pick(_TCP_UDP)
    spans = dice.addresses(family, "source", 2)
    which = dice.ports("destination_port", 2)
    line.want("family", [int(family)])
    line.want("protocol", [PROTOCOLS[protocol]])
    line.want("source", ends(spans))
    line.want("destination_port", ends(which))
    pairs = [f"{address_word(span, family, dice)} . {_span(dice.pick(which))}" for span in spans]
    line.words.append(f"{key} saddr . {protocol} dport {dice.pick(['', '', '!= '])}{braces(pairs)}")


def protocol_and_port(context: Context, line: Line) -> None:
    dice = context.dice
    which = dice.ports("destination_port", 2)
    names = [dice.pick(tuple(PROTOCOLS)) for _ in which]
    line.want("protocol", [PROTOCOLS[name] for name in names])
    line.want("destination_port", ends(which))
    pairs = [f"{name} . {_span(span)}" for name, span in zip(names, which, strict=True)]
    line.words.append(f"meta l4proto . th dport {dice.pick(['', '', '!= '])}{braces(pairs)}")


def named_set(context: Context, line: Line) -> None:
    fitting = [each for each in context.sets if context.family in (None, each.family) or each.family is None]
    if fitting:
        chosen = context.dice.pick(fitting)
        line.wanted.update(chosen.wanted)
        line.words.append(f"{chosen.key} {context.dice.pick(['', '', '!= '])}@{chosen.name}")


def defined(context: Context, line: Line) -> None:
    fitting = [each for each in context.defines if context.family in (None, each.family) or each.family is None]
    if fitting:
        chosen = context.dice.pick(fitting)
        line.wanted.update(chosen.wanted)
        line.words.append(f"{chosen.key} {context.dice.pick(['', '', '!= '])}${chosen.name}")


def tests(context: Context, line: Line, interfaces: Sequence[str]) -> None:
    """From none to three tests that can stand together."""
    dice = context.dice
    family = context.family if context.family else dice.pick([None, *Family])
    if dice.chance(0.12):
        dice.pick([named_set, defined])(context, line)
        return
    if family and dice.chance(0.1) and not context.family:
        line.words.append(dice.pick([f"meta nfproto ipv{family}", f"meta protocol {'ip' if family is V4 else 'ip6'}"]))
        line.want("family", [int(family)])
    for _ in range(dice.random.choice([0, 1, 1, 1, 2, 2])):
        _network_test(context, line, family, interfaces)
    _transport_test(context, line, family)


def _network_test(context: Context, line: Line, family: Family | None, interfaces: Sequence[str]) -> None:
    dice, roll = context.dice, context.dice.random.random()
    if roll < 0.4 and family:
        line.want("family", [int(family)])
        addresses(context, line, family, dice.pick(["saddr", "daddr"]))
    elif roll < 0.5 and interfaces:
        interface(context, line, dice.pick(interfaces))
    elif roll < 0.62 and context.tracked:
        state(context, line)
    elif roll < 0.72:
        mark(context, line, dice.pick(["meta mark", "meta mark", "ct mark"]) if context.tracked else "meta mark")
    elif roll < 0.8:
        fib(context, line)
    elif roll < 0.9:
        header(context, line, family)


def _transport_test(context: Context, line: Line, family: Family | None) -> None:
    dice, roll = context.dice, context.dice.random.random()
    chosen = family or dice.pick(list(Family))
    if roll < 0.3:
        ports(context, line, dice.pick((*_TCP_UDP, "sctp", "dccp", "udplite")), dice.pick(["dport", "dport", "sport"]))
    elif roll < 0.38:
        any_ports(context, line)
    elif roll < 0.46:
        protocols(context, line, family)
    elif roll < 0.56:
        icmp(context, line, chosen)
    elif roll < 0.64:
        tcp_flags(context, line)
        if dice.chance(0.3):
            ports(context, line, "tcp", "dport")
    elif roll < 0.7:
        concatenation(context, line, chosen)
    elif roll < 0.76:
        protocol_and_port(context, line)

"""The left side of comparisons: which expression stands there."""

from __future__ import annotations

from fractions import Fraction

from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.nftables import building, datatypes
from fwadvisor.dialects.reading.nftables.building import any_condition, field_text
from fwadvisor.dialects.reading.nftables.datatypes import Datatype
from fwadvisor.dialects.reading.nftables.expressions import (
    BARE_META,
    FRAGMENT_OFFSET,
    HEADERS,
    META,
    PORT_PAIR,
    Selector,
    ct_selector,
)
from fwadvisor.dialects.reading.nftables.lookups import Dimension
from fwadvisor.dialects.reading.nftables.values import AND, OR, XOR, Words
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import AnyOf, Condition, ConditionTest, Field, IntegerTest, Test

#: The first words of expressions.
FIRST_WORDS = frozenset(
    {"meta", "ct", "fib", "rt", "socket", "osf", "numgen", "jhash", "symhash", "exthdr", "ipsec", *HEADERS, *BARE_META}
)
_TCP_OPTIONS = {
    "eol": 0, "nop": 1, "maxseg": 2, "mss": 2, "window": 3, "sack-perm": 4, "sack": 5, "timestamp": 8, "fastopen": 34,
    "mptcp": 30, "md5sig": 19,
}  # fmt: skip
_RAW = {("th", "0"): "sport", ("th", "16"): "dport"}


def dimensions(words: Words) -> list[Dimension]:
    """One expression, or several joined by dots.

    Raises:
        ReadError, NotUnderstoodError: it is none.
    """
    found = [_masked(words)]
    while words.skip("."):
        found.append(_masked(words))
    return found


def is_selector(token: str) -> bool:
    """Whether an expression begins here."""
    return token in FIRST_WORDS or token[:1] == "@"


def _masked(words: Words) -> Dimension:
    selector = select(words)
    mask: int | None = None
    xor = 0
    while words.word in AND or words.word in OR or words.word in XOR:
        operator = words.take()
        of = selector.type
        if of.textual:
            raise words.unknown("bits of names are not computed")
        number = words._number(of) if operator in AND else words._number_and(of)
        mask = of.largest if mask is None else mask
        if operator in AND:
            mask, xor = mask & number, xor & number
        elif operator in OR:
            mask, xor = mask & ~number, (xor & ~number) | number
        else:
            xor ^= number
    if selector.text == "ip frag-off" and mask == 0x1FFF and not xor:
        return Dimension(FRAGMENT_OFFSET)
    if mask is not None and selector.build in _NO_BITS:
        raise words.unknown("bits of this expression are not computed")
    return Dimension(selector, mask, xor)


_NO_BITS = (building.next_header, building.fragment_offset)


def select(words: Words) -> Selector:
    """One expression.

    Raises:
        ReadError, NotUnderstoodError: it is none.
    """
    word = words.word
    table = HEADERS.get(word)
    if word == "tcp" and words.tokens[words.at + 1] == "option":
        return _tcp_option(words)
    if table is not None:
        words.at += 1
        found = table.get(words.word)
        if found is None:
            raise words.unknown(f'"{word} {words.word}" is not known', table)
        words.at += 1
        return found
    if word in BARE_META:
        words.at += 1
        return META[word]
    read = _READ.get(word)
    if read is not None:
        words.at += 1
        return read(words)
    if word[:1] == "@":
        return _raw(words)
    raise words.unknown(f'"{word}" is not known')


def _meta(words: Words) -> Selector:
    found = META.get(words.word)
    if found is None:
        raise words.unknown(f'"meta {words.word}" is not known', META)
    words.at += 1
    return found


def _ct(words: Words) -> Selector:
    direction = words.take() if words.word in ("original", "reply") else ""
    key = words.take()
    if key in ("ip", "ip6"):
        key = f"{key} {words.take()}"
    found = ct_selector(key, direction)
    if found is None:
        words.at -= 1
        raise words.unknown(f'"ct {key}" is not known')
    return found


def _fib(words: Words) -> Selector:
    """``fib saddr . iif oif``: what the routing table says of the packet's addresses."""
    flags = [words.take()]
    while words.skip("."):
        flags.append(words.take())
    if not set(flags) <= {"saddr", "daddr", "mark", "iif", "oif"}:
        raise words.unknown(f'"fib {" . ".join(flags)}" is not known')
    result = words.take()
    text = f"fib {' . '.join(flags)} {result}"
    if result == "type":
        field = {"saddr": Field.SOURCE_TYPE, "daddr": Field.DESTINATION_TYPE}.get(" ".join(flags))
        if field is not None:
            return Selector(text, datatypes.ROUTE_TYPE, building.address_type(field, text))
        return Selector(text, datatypes.ROUTE_TYPE, building.single(lambda number: f"{text} {number}"))
    if result not in ("oif", "oifname"):
        raise words.unknown(f'"{text}" is not known')
    if _asked_presence(words) not in ("exists", "missing", "0"):
        raise words.unknown("the interface of a route is not compared")
    reverse = set(flags) in ({"saddr"}, {"saddr", "iif"}, {"saddr", "iif", "mark"}, {"saddr", "mark"})
    name = conditions.reverse_path("iif" not in flags) if reverse and "mark" not in flags else f"{text} exists"
    return Selector(text, datatypes.BOOLEAN, _present(name))


def _asked_presence(words: Words) -> str:
    """The word that is compared with."""
    return words.tokens[words.at + 1] if words.word in ("==", "!=", "eq", "ne") else words.word


def _present(name: str, implied: tuple[Test, ...] = ()) -> building.Builder:
    """Whether something is there: 1 or 0."""

    def build(_: building.Known, values: building.Values, holds: bool) -> tuple[Test, ...]:
        there = values == ((1, 1),) if holds else values != ((1, 1),)
        if not implied:
            return any_condition([name], there)
        tests = (*implied, ConditionTest(Condition(name)))
        return tests if there else (AnyOf((tests,), False),)

    return build


def _tcp_option(words: Words) -> Selector:
    words.at += 2
    name = words.take()
    kind = _TCP_OPTIONS.get(name)
    if kind is None:
        if not name.isdigit():
            words.at -= 1
            raise words.unknown(f'TCP option "{name}" is not known')
        kind = int(name[:6])
    if _asked_presence(words) in ("exists", "missing", "0", "1"):
        implied = (IntegerTest(Field.PROTOCOL, ((6, 6),)),)
        return Selector(f"tcp option {kind}", datatypes.BOOLEAN, _present(conditions.tcp_option(kind), implied))
    field = words.take()
    if kind == 2 and field == "size":
        build = building.listed(lambda first, last: conditions.tcp_maximum_segment(((first, last),)))
        return Selector("tcp option maxseg size", datatypes.SHORT, build, None, 6)
    text = f"tcp option {kind} {field}"
    return Selector(text, datatypes.LONG, field_text(text), None, 6)


def _exthdr(words: Words) -> Selector:
    name = words.take()
    if name not in ("hbh", "frag", "rt", "dst", "mh", "srh"):
        words.at -= 1
        raise words.unknown(f'extension header "{name}" is not known')
    return Selector(f"exthdr {name}", datatypes.BOOLEAN, _present(f"exthdr {name} exists"), Family.IPV6)


def _rt(words: Words) -> Selector:
    """Routing expressions, or fields of the IPv6 routing header."""
    family = None
    if words.word in ("ip", "ip6"):
        family = Family.IPV4 if words.take() == "ip" else Family.IPV6
    key = words.take()
    if key == "classid":
        return Selector("rt classid", datatypes.REALM, building.single(conditions.realm))
    if key in ("type", "nexthdr", "hdrlength", "seg-left"):
        return Selector(f"rt {key}", datatypes.BYTE, field_text(f"rt {key}"), Family.IPV6)
    if key == "ipsec":
        return Selector("rt ipsec", datatypes.BOOLEAN, _present(conditions.ipsec("out")))
    if key == "mtu":
        return Selector("rt mtu", datatypes.SHORT, field_text("rt mtu"))
    if key == "nexthop" and family is not None:
        of = datatypes.IPV4 if family is Family.IPV4 else datatypes.IPV6
        return Selector("rt nexthop", of, field_text("rt nexthop"), family)
    words.at -= 1
    raise words.unknown(f'"rt {key}" is not known')


def _socket(words: Words) -> Selector:
    key = words.take()
    if key in ("transparent", "wildcard"):
        return Selector(f"socket {key}", datatypes.BOOLEAN, _present(conditions.socket((key,))))
    if key == "mark":
        return Selector("socket mark", datatypes.MARK, field_text("socket mark"))
    if key == "cgroupv2" and words.skip("level"):
        level = words.take()
        build = building.named(lambda name: conditions.control_group(f"level {level} {name}"))
        return Selector("socket cgroupv2", datatypes.NAME, build)
    words.at -= 1
    raise words.unknown(f'"socket {key}" is not known')


def _osf(words: Words) -> Selector:
    text = "osf"
    if words.skip("ttl"):
        text += f" ttl {words.take()}"
    text += f" {words.take()}"
    return Selector(text, datatypes.NAME, building.named(lambda name: f"{text} {name}"), None, 6)


def _numgen(words: Words) -> Selector:
    kind = words.take()
    words.expect("mod")
    every = words.number(datatypes.LONG)
    offset = words.number(datatypes.LONG) if words.skip("offset") else 0
    text = f"numgen {kind} mod {every}" + (f" offset {offset}" if offset else "")
    of = Datatype("number", 32)

    def name(first: int, last: int) -> str:
        if kind == "random" and first == offset and every:
            return conditions.probability(Fraction(min(last - offset + 1, every), every))
        if kind == "inc" and first == last:
            return conditions.every_nth(every, first - offset)
        return f"{text} {first}-{last}"

    return Selector(text, of, building.listed(name))


def _hash(words: Words) -> Selector:
    """``jhash ip saddr . ip daddr mod 8 seed 0x1``, ``symhash mod 2``."""
    first = words.at - 1
    while words.word and words.word != "mod":
        words.at += 1
    if not words.skip("mod"):
        raise words.unknown('"mod" is expected')
    words.number(datatypes.LONG)
    while words.word in ("seed", "offset"):
        words.at += 1
        words.number(datatypes.LONG)
    text = " ".join(words.tokens[first : words.at])
    return Selector(text, datatypes.LONG, field_text(text))


def _ipsec(words: Words) -> Selector:
    direction = words.take()
    text = f"ipsec {direction}"
    if words.skip("spnum"):
        text += f" spnum {words.take()}"
    key = words.take()
    if direction not in ("in", "out") or key not in ("reqid", "spi"):
        words.at -= 1
        raise words.unknown(f'"{text} {key}" is not known')
    return Selector(f"{text} {key}", datatypes.LONG, field_text(f"{text} {key}"))


def _raw(words: Words) -> Selector:
    """``@th,16,16``: bytes by their place."""
    base = words.take()[1:]
    if base not in ("ll", "nh", "th", "ih"):
        words.at -= 1
        raise words.unknown(f'"@{base}" is not expected here')
    words.expect(",")
    offset = words.take()
    words.expect(",")
    bits = words.take()
    port = _RAW.get((base, offset)) if bits == "16" else None
    if port is not None:
        return HEADERS["th"][port]
    text = f"@{base},{offset},{bits}"
    if text == PORT_PAIR.text:
        return PORT_PAIR
    if not bits.isdigit() or not 0 < int(bits[:6]) <= 2048:
        raise words.unknown(f'"{text}" is not known')
    return Selector(text, Datatype("number", int(bits)), field_text(text))


_READ = {
    "meta": _meta, "ct": _ct, "fib": _fib, "exthdr": _exthdr, "rt": _rt, "socket": _socket, "osf": _osf,
    "numgen": _numgen, "jhash": _hash, "symhash": _hash, "ipsec": _ipsec,
}  # fmt: skip

"""What may follow the addresses of a rule: states, flags, ICMP types, tags, translation, routing and the rest."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.pf import pools, states
from fwadvisor.dialects.reading.pf.cursor import Cursor, value
from fwadvisor.dialects.reading.pf.hosts import interface_name
from fwadvisor.dialects.reading.pf.ports import numbers
from fwadvisor.dialects.reading.pf.syntax import Options
from fwadvisor.dialects.reading.pf.variants import FREEBSD_15, FREEBSD_ONLY, NEWER, OPENBSD_ONLY
from fwadvisor.dialects.reading.pf.words import (
    FLAGS,
    ICMP6_CODES,
    ICMP6_TYPES,
    ICMP_CODES,
    ICMP_TYPES,
    OPTIONS,
    TOS,
)
from fwadvisor.model.firewall import AnyOf, Condition, ConditionTest, Field, IntegerTest, Test
from fwadvisor.model.interval import Intervals, normalize

_LONGEST_TAG = 63
_MOST_ID = 2**32 - 1


def options(cursor: Cursor) -> Options:
    """Everything up to the end of the rule.

    Raises:
        ReadError: pfctl would refuse it.
    """
    found = Options()
    while True:
        head = cursor.t[cursor.i]
        if head == "\n" or head == "{":
            return found
        reader = _READERS.get(head)
        if reader is None:
            raise cursor.expected("an option of the rule or the end of the line", OPTIONS)
        cursor.i += 1
        reader(cursor, found)


# --- packets ---------------------------------------------------------------------------------------


def flags(cursor: Cursor, found: Options) -> None:
    """``flags S/SA``, ``flags /SFRA``, ``flags any``."""
    if found.flags is not None:
        raise cursor.fail("flags cannot be given twice", at=cursor.i - 1)
    if cursor.skip("any"):
        found.flags = (0, 0)
        return
    required = 0 if cursor.t[cursor.i] == "/" else _flag_bits(cursor)
    cursor.expect("/")
    examined = _flag_bits(cursor)
    if required & ~examined:
        raise cursor.fail("these flags never match: a flag is required that is not examined", at=cursor.i - 1)
    found.flags = (required, examined)


def _flag_bits(cursor: Cursor) -> int:
    at = cursor.i
    text = cursor.string("TCP flags")
    wrong = next((letter for letter in text if letter not in FLAGS), None)
    if wrong is not None:
        raise cursor.fail(f'"{wrong}" is no TCP flag', f"the flags are {' '.join(FLAGS)}", at)
    return sum(FLAGS[letter] for letter in set(text))


def _icmp(cursor: Cursor, found: Options, six: bool) -> None:
    if found.icmp is not None:
        raise cursor.fail("icmp-type cannot be given twice", at=cursor.i - 1)
    types, codes = (ICMP6_TYPES, ICMP6_CODES) if six else (ICMP_TYPES, ICMP_CODES)

    def item() -> tuple[int, int]:
        kind = _named(cursor, "an ICMP type", types)
        if not cursor.skip("code"):
            return kind * 256, kind * 256 + 255
        if cursor.t[cursor.i] == "{":
            raise cursor.fail("a list of codes is not accepted", "write the type again for each code")
        own = {name: code for (of, name), code in codes.items() if of == kind}
        code = _named(cursor, "an ICMP code", own)
        return kind * 256 + code, kind * 256 + code

    kinds = cursor.elements(item)
    found.icmp = normalize(kinds)
    found.icmp_items = tuple((each,) for each in kinds) if len(kinds) > 1 else ()
    found.icmp6 = six


def _named(cursor: Cursor, what: str, names: dict[str, int]) -> int:
    head = cursor.t[cursor.i]
    if head.isascii() and head.isdigit():
        return cursor.number(what, 255)
    if value(head) in names and head != "\n":
        cursor.i += 1
        return names[value(head)]
    raise cursor.expected(what, names)


def icmp_type(cursor: Cursor, found: Options) -> None:
    """``icmp-type echoreq``, ``icmp-type { 8, 3 code needfrag }``."""
    _icmp(cursor, found, False)


def icmp6_type(cursor: Cursor, found: Options) -> None:
    """``icmp6-type neighbrsol``."""
    _icmp(cursor, found, True)


def tos(cursor: Cursor, found: Options) -> None:
    """``tos ef``, ``tos 0x10``: the whole byte, of which the upper six bits are the DSCP."""
    at = cursor.i
    number = tos_value(cursor)
    if not number:
        cursor.warn("tos 0 asks nothing: the rule matches every tos", at=at)
        return
    values: Intervals = ((number >> 2, number >> 2),) if number % 4 == 0 else ()
    if not values:
        cursor.warn("this tos has bits of the congestion notification set, which pf never sees", at=at)
    found.tests.append(IntegerTest(Field.DSCP, values))


def tos_value(cursor: Cursor) -> int:
    """The byte that a name or number stands for."""
    text = value(cursor.t[cursor.i]) if cursor.t[cursor.i] != "\n" else ""
    if text.lower() in TOS:
        cursor.i += 1
        return TOS[text.lower()]
    if text[:2] == "0x" and len(text) < 6:
        try:
            number = int(text, 16)
        except ValueError:
            raise cursor.expected("a tos", TOS) from None
        if number > 255:
            raise cursor.fail(f"{text} is no tos: the largest is 0xff")
        cursor.i += 1
        return number
    if not text.isdigit():
        raise cursor.expected("a tos", TOS)
    return cursor.number("a tos", 255)


def _fragment(_cursor: Cursor, found: Options) -> None:
    found.fragment = True


def _max_packet_size(cursor: Cursor, found: Options) -> None:
    cursor.only(FREEBSD_15, '"max-pkt-size"', cursor.i - 1)
    size = cursor.number("a size in bytes", 2**31)
    found.tests.append(IntegerTest(Field.LENGTH, ((0, min(size, 65535)),)))


def _max_packet_rate(cursor: Cursor, found: Options) -> None:
    cursor.only(NEWER, '"max-pkt-rate"', cursor.i - 1)
    packets = cursor.number("a number of packets", _MOST_ID)
    cursor.expect("/")
    seconds = cursor.number("a number of seconds", _MOST_ID)
    found.packet_rate = f"packets within {packets} in {seconds} seconds"


# --- conditions ------------------------------------------------------------------------------------


def _owner(cursor: Cursor, found: Options, what: str, names: dict[str, int], name: Callable[[int, int], str]) -> None:
    alternatives: list[tuple[Test, ...]] = []
    for values, negated in numbers(cursor, what, names, _MOST_ID - 1):
        word = "uid" if what == "user" else "gid"
        spelt = [f"owner {word} {values}"] if isinstance(values, str) else [name(*pair) for pair in values]
        tests: list[tuple[Test, ...]] = [(ConditionTest(Condition(each)),) for each in spelt]
        alternatives += [(AnyOf(tuple(tests), holds=False),)] if negated else tests
    found.tests.append(alternatives[0][0] if len(alternatives) == 1 else AnyOf(tuple(alternatives)))


def _user(cursor: Cursor, found: Options) -> None:
    _owner(cursor, found, "user", {"root": 0}, conditions.owner_user)


def _group(cursor: Cursor, found: Options) -> None:
    _owner(cursor, found, "group", {"wheel": 0}, conditions.owner_group)


def _probability(cursor: Cursor, found: Options) -> None:
    text = value(cursor.t[cursor.i]) if cursor.t[cursor.i] != "\n" else ""
    percent = text.endswith("%")
    digits = text.removesuffix("%")
    if not digits.replace(".", "", 1).isdecimal() or not digits.isascii() or len(digits) > 20:
        raise cursor.expected("a probability such as 20% or 0.2")
    share = Fraction(digits) / (100 if percent else 1)
    if share > 1:
        raise cursor.fail(f"{text} is no probability: it is more than 1")
    cursor.i += 1
    found.probability = share


def _prio(cursor: Cursor, found: Options) -> None:
    found.tests.append(ConditionTest(Condition(f"priority {cursor.number('a priority', 7)}")))


def _received_on(cursor: Cursor, found: Options, negated: bool = False) -> None:
    cursor.only(NEWER, '"received-on"', cursor.i - 1)
    found.received_on = (negated, "any" if cursor.skip("any") else interface_name(cursor))


def _not(cursor: Cursor, found: Options) -> None:
    if cursor.skip("tagged"):
        _tagged(cursor, found, True)
    elif cursor.skip("received-on"):
        _received_on(cursor, found, True)
    else:
        raise cursor.expected('"tagged" or "received-on"')


def _once(cursor: Cursor, found: Options) -> None:
    cursor.only(OPENBSD_ONLY, '"once"', cursor.i - 1)
    found.once = True


# --- tags, labels and what has no say -----------------------------------------------------------------


def _words(cursor: Cursor, what: str) -> str:
    words = [cursor.string(what)]
    while cursor.t[cursor.i][0] in "\"'":
        words.append(cursor.string(what))
    return " ".join(words)


def _tag(cursor: Cursor, found: Options) -> None:
    at = cursor.i
    found.tag = _words(cursor, "a tag")
    _check_tag(cursor, found.tag, at)


def _tagged(cursor: Cursor, found: Options, negated: bool = False) -> None:
    at = cursor.i
    found.tagged = (_words(cursor, "a tag"), negated)
    _check_tag(cursor, found.tagged[0], at)


def _check_tag(cursor: Cursor, tag: str, at: int) -> None:
    if len(tag.encode()) > _LONGEST_TAG:
        raise cursor.fail(f"a tag has at most {_LONGEST_TAG} bytes", at=at)


def _label(cursor: Cursor, found: Options) -> None:
    at = cursor.i
    label = cursor.string("a label")
    if len(label) > _LONGEST_TAG and len(label.encode()) > _LONGEST_TAG:
        raise cursor.fail(f"a label has at most {_LONGEST_TAG} bytes", at=at)
    if found.label:
        cursor.only(FREEBSD_15, "several labels", at)
        label = f"{found.label}, {label}"
    found.label = label


def _nothing(_cursor: Cursor, _found: Options) -> None:
    pass


def _table_number(cursor: Cursor, _found: Options) -> None:
    cursor.number("the number of a routing table", 65535)


def _identifier(cursor: Cursor, _found: Options) -> None:
    cursor.only(FREEBSD_15, '"ridentifier"', cursor.i - 1)
    cursor.number("an identifier", _MOST_ID)


def _pair(cursor: Cursor, what: str) -> None:
    """One name or number, or up to two in parentheses."""
    if not cursor.skip("("):
        _queue_name(cursor, what)
        return
    _queue_name(cursor, what)
    cursor.skip(",")
    if cursor.t[cursor.i] != ")":
        _queue_name(cursor, what)
    cursor.expect(")")


def _queue_name(cursor: Cursor, what: str) -> None:
    if cursor.t[cursor.i] in ("\n", "(", ")", ",", "{", "}"):
        raise cursor.expected(what)
    cursor.i += 1


def _queue(cursor: Cursor, _found: Options) -> None:
    cursor.only(FREEBSD_ONLY, '"queue" on a rule (OpenBSD: "set queue")', cursor.i - 1)
    _pair(cursor, "a queue")


def _dummynet(cursor: Cursor, _found: Options) -> None:
    cursor.only(FREEBSD_15, f'"{cursor.t[cursor.i - 1]}"', cursor.i - 1)
    _pair(cursor, "a pipe or queue")


def _set(cursor: Cursor, _found: Options) -> None:
    """``set prio 5``, ``set (queue q, tos ef)``: none of them decides."""
    many = cursor.skip("(")
    while True:
        at = cursor.i
        head = cursor.t[at]
        if head not in ("prio", "queue", "tos", "delay"):
            raise cursor.expected('"prio", "queue", "tos" or "delay"', ("prio", "queue", "tos", "delay"))
        cursor.i += 1
        if head == "queue":
            cursor.only(OPENBSD_ONLY, '"set queue"', at)
        elif head != "prio":
            cursor.only(NEWER, f'"set {head}"', at)
        if head == "tos":
            tos_value(cursor)
        else:
            _pair(cursor, "a value")
        if not many:
            return
        cursor.skip(",")
        if cursor.skip(")"):
            return


def _scrub(cursor: Cursor, _found: Options) -> None:
    """``scrub (no-df, max-mss 1440)`` changes packets and passes none."""
    cursor.only(NEWER, '"scrub" as an option', cursor.i - 1)
    cursor.expect("(")
    while not cursor.skip(")"):
        if cursor.t[cursor.i] == "\n":
            raise cursor.expected('")"')
        cursor.i += 1


def _divert_to(cursor: Cursor, found: Options) -> None:
    while cursor.t[cursor.i] not in ("\n", "port"):
        cursor.i += 1
    cursor.expect("port")
    cursor.number("a port", 65535)
    found.unknown = "divert-to hands the packet to a program"


def _divert_packet(cursor: Cursor, found: Options) -> None:
    cursor.only(OPENBSD_ONLY, '"divert-packet"', cursor.i - 1)
    cursor.expect("port")
    cursor.number("a port", 65535)
    found.unknown = "divert-packet hands the packet to a program"


def _divert_reply(cursor: Cursor, _found: Options) -> None:
    cursor.only(OPENBSD_ONLY, '"divert-reply"', cursor.i - 1)


_READERS: dict[str, Callable[[Cursor, Options], None]] = {
    "label": _label, "tag": _tag, "tagged": _tagged, "!": _not, "flags": flags, "icmp-type": icmp_type,
    "icmp6-type": icmp6_type, "tos": tos, "keep": states.keep, "no": states.keep, "modulate": states.keep,
    "synproxy": states.keep, "allow-opts": _nothing, "fragment": _fragment, "user": _user, "group": _group,
    "probability": _probability, "prio": _prio, "received-on": _received_on, "once": _once, "rtable": _table_number,
    "ridentifier": _identifier, "queue": _queue, "dnpipe": _dummynet, "dnqueue": _dummynet, "set": _set,
    "scrub": _scrub, "divert-to": _divert_to, "divert-packet": _divert_packet, "divert-reply": _divert_reply,
    "max-pkt-rate": _max_packet_rate, "max-pkt-size": _max_packet_size, "nat-to": pools.translation,
    "rdr-to": pools.translation, "binat-to": pools.translation, "af-to": pools.family_translation,
    "route-to": pools.route, "reply-to": pools.route, "dup-to": pools.route,
}  # fmt: skip

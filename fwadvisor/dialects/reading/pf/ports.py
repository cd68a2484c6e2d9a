"""Ports and their operators, and numbers that are written with the same operators (users, groups)."""

from __future__ import annotations

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.dialects.reading.pf.cursor import Cursor, value
from fwadvisor.dialects.reading.pf.variants import OLDER
from fwadvisor.dialects.reading.pf.words import RESERVED, SERVICES
from fwadvisor.model.interval import PORTS, Intervals, normalize, subtract

_MOST = 65535


def ports(cursor: Cursor) -> tuple[Intervals, tuple[Intervals, ...]]:
    """What stands after ``port``: one item or a list, of which any may hold; the items where there are several.

    Raises:
        ReadError: pfctl would refuse it.
    """
    head = cursor.t[cursor.i]
    if head.isdecimal() and len(head) < 6 and int(head) <= _MOST:  # By far the most frequent.
        following = cursor.t[cursor.i + 1]
        if following not in ("<>", "><"):
            cursor.i += 1
            return ((int(head), int(head)),), ()
    negated = [0]

    def item() -> Intervals:
        negated[0] += cursor.t[cursor.i] == "!"
        return _item(cursor)

    start = cursor.i
    found = cursor.elements(item)
    if len(found) == 1:
        return found[0], ()
    if negated[0]:
        cursor.warn(
            "each element of this list is a rule of its own, so != lets nearly every port match",
            "write the ports that are meant, or one !=",
            start,
        )
    return normalize(pair for each in found for pair in each), tuple(found)


def _item(cursor: Cursor) -> Intervals:
    at = cursor.i
    operator = _operator(cursor)
    first, last = _port(cursor)
    if operator:
        if last is not None:
            raise cursor.fail(f'":" cannot be used together with {operator}', at=at)
        return compared(operator, first, _MOST)
    if cursor.t[cursor.i] in ("<>", "><"):
        between = cursor.t[cursor.i]
        cursor.i += 1
        second, more = _port(cursor)
        if last is not None or more is not None:
            raise cursor.fail(f'":" cannot be used together with {between}', at=at)
        return _between(cursor, between, first, second, at)
    if last is None or last == first:
        return ((first, first),)
    if last < first:
        _reversed(cursor, f"{first}:{last}", at)
        return ()
    return ((first, last),)


def _reversed(cursor: Cursor, text: str, at: int) -> None:
    """OpenBSD and FreeBSD 15 refuse an empty range, FreeBSD 12 takes it for none."""
    if cursor.variants.possible != OLDER:
        raise cursor.fail(f'"{text}" is no range of ports: it ends before it begins', at=at)
    cursor.warn(f'the range "{text}" ends before it begins, so the rule never matches', at=at)


def _between(cursor: Cursor, operator: str, first: int, second: int, at: int) -> Intervals:
    if operator == "><":
        if first >= second:
            _reversed(cursor, f"{first} >< {second}", at)
        return ((first + 1, second - 1),) if first + 1 <= second - 1 else ()
    if first > second:
        if cursor.variants.possible != OLDER:
            raise cursor.fail(f'"{first} <> {second}" is no range of ports: it ends before it begins', at=at)
        return PORTS
    return subtract(PORTS, ((first, second),))


def _operator(cursor: Cursor) -> str:
    """``= != < <= > >=``, or ""."""
    first = cursor.t[cursor.i]
    if first not in ("=", "!", "<", ">"):
        return ""
    cursor.i += 1
    if first == "=":
        return "="
    if cursor.t[cursor.i] == "=":
        cursor.i += 1
        return f"{first}="
    if first == "!":
        raise cursor.fail('"=" is expected after this "!"', at=cursor.i - 1)
    return first


def compared(operator: str, number: int, most: int) -> Intervals:
    """The numbers from 0 to `most` that stand so to `number`."""
    match operator:
        case "=":
            return ((number, number),)
        case "!=":
            return subtract(((0, most),), ((number, number),))
        case "<":
            return ((0, number - 1),) if number else ()
        case "<=":
            return ((0, number),)
        case ">":
            return ((number + 1, most),) if number < most else ()
        case _:
            return ((number, most),)


def _port(cursor: Cursor) -> tuple[int, int | None]:
    """A port, or the two ends of ``a:b``."""
    head = cursor.t[cursor.i]
    text = value(head) if head != "\n" else ""
    if not text[:1].isalnum() or not text.isascii() or head in RESERVED:
        raise cursor.expected("a port")
    first, colon, last = text.partition(":")
    # A number alone is decimal; in a range pfctl takes a leading 0 for octal.
    whole = str(int(first[:20])) if not colon and first.isdigit() else first
    found = service(cursor, whole), service(cursor, last) if colon else None
    cursor.i += 1
    return found


def service(cursor: Cursor, text: str) -> int:
    """A port by number (decimal, or hexadecimal after 0x) or name."""
    base = 16 if text[:2] in ("0x", "0X") else 8 if text[:1] == "0" and len(text) > 1 else 10
    try:
        found = int(text[:20], base) if text[:1].isdigit() and "_" not in text else -1
    except ValueError:
        found = -1
    if found > _MOST:
        raise cursor.fail(f"{text} is no port: the largest is {_MOST}")
    if found >= 0:
        return found
    if text not in SERVICES:
        hint = did_you_mean(text, SERVICES)
        raise cursor.fail(
            f'the service "{text}" is not known here',
            f"{hint}{' else ' if hint else ''}write its number; pfctl looks names up in /etc/services",
        )
    return SERVICES[text]


def numbers(cursor: Cursor, what: str, names: dict[str, int], most: int) -> list[tuple[Intervals | str, bool]]:
    """Users or groups: intervals, or a name that is looked up on the machine; whether the item is negated."""

    def item() -> tuple[Intervals | str, bool]:
        at = cursor.i
        operator = _operator(cursor)
        first = _number(cursor, what, names, most)
        if not operator and cursor.t[cursor.i] in ("<>", "><"):
            between = cursor.t[cursor.i]
            cursor.i += 1
            second = _number(cursor, what, names, most)
            if isinstance(first, str) or isinstance(second, str):
                raise cursor.fail(f"{between} needs numbers", at=at)
            inside = ((first + 1, second - 1),) if first + 1 < second else ()
            outside = subtract(((0, most),), ((first, second),)) if first <= second else ((0, most),)
            return (inside if between == "><" else outside), False
        if operator == "!=":
            return (first if isinstance(first, str) else ((first, first),)), True
        if isinstance(first, str):
            if operator not in ("", "="):
                raise cursor.fail(f'the {what} "{first}" takes = or != only', f"write the number of the {what}", at)
            return first, False
        return compared(operator or "=", first, most), False

    return cursor.elements(item)


def _number(cursor: Cursor, what: str, names: dict[str, int], most: int) -> int | str:
    head = cursor.t[cursor.i]
    if head.isascii() and head.isdigit():
        return cursor.number(f"the number of a {what}", most)
    name = cursor.string(f"a {what}")
    return names.get(name, name)

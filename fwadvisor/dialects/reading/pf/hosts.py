"""Hosts of rules and tables: addresses, ranges, tables, interfaces, names."""

from __future__ import annotations

import re

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.dialects.reading.pf.cursor import Cursor
from fwadvisor.dialects.reading.pf.networks import NetworkTextError, network
from fwadvisor.dialects.reading.pf.syntax import Host
from fwadvisor.model.address import Family

#: The modifiers of an interface used as an address.
MODIFIERS = ("network", "broadcast", "peer", "0")
_LONGEST_NAME, _LONGEST_TABLE = 15, 31
#: A driver's name and a number; groups that every system has.
_INTERFACE = re.compile(r"[A-Za-z][A-Za-z0-9_]*[0-9](?:\.[0-9]+)?")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*")
_GROUPS = frozenset({"egress", "lo"})
_V4 = Family.IPV4
_COUNT = re.compile(r":(?:[1-9][0-9]*|\*)$")
_TABLE_COUNT = re.compile(r":(?:[0-9]+|\*)$")


def host(cursor: Cursor, printed: bool = False) -> Host:
    """``[!] host``; `printed` where pfctl's verbose output adds counts to tables and interfaces.

    Raises:
        ReadError: pfctl would refuse it.
    """
    negated = cursor.skip("!")
    found = _host(cursor, printed)
    if negated and found.kind != "any":
        found = Host(found.kind, True, found.v4, found.v6, found.name, found.live, found.scope)
    return found


def _host(cursor: Cursor, printed: bool) -> Host:
    head = cursor.t[cursor.i]
    if head == "<":
        return Host("table", name=table_name(cursor, printed))
    if head == "(":
        return _live(cursor, printed)
    if head in ("no-route", "urpf-failed", "any"):
        cursor.i += 1
        return Host(head)
    if head == "{":
        raise cursor.fail("a list cannot stand here", "a negated list is a table: ! <table>")
    if head == "route":
        raise cursor.fail("route labels cannot be looked up here", "write the addresses, or a table")
    start = cursor.i
    text = cursor.string("an address, a table or an interface")
    if cursor.t[cursor.i] == "-":
        return _range(cursor, text, start)
    prefix = ""
    if cursor.t[cursor.i] == "/":
        cursor.i += 1
        prefix = str(cursor.number("a prefix length", 10**6))
    return named_host(cursor, text, prefix, start)


def named_host(cursor: Cursor, text: str, prefix: str, at: int) -> Host:
    """A host from its text: an address, else an interface, else a name."""
    if "%" in text:
        return _scoped(cursor, text, prefix, at)
    try:
        found = network(text, prefix)
    except NetworkTextError as problem:
        hint = "host names and addresses have no leading zeros" if re.search(r"\b0\d", text) else ""
        raise cursor.fail(str(problem), hint, at) from None
    if found is not None:
        family, first, last = found
        return Host("network", v4=((first, last),)) if family is _V4 else Host("network", v6=((first, last),))
    if re.fullmatch(r"[0-9.]+-[0-9.]+", text):
        raise cursor.fail(f'"{text}" is no address', "a range has spaces around its dash: A - B", at)
    name, *modifiers = text.split(":")
    suffix = f"/{prefix}" if prefix else ""
    if name == "self" or _INTERFACE.fullmatch(name) or name in _GROUPS or modifiers:
        wrong = next((each for each in modifiers if each not in MODIFIERS), None)
        if wrong is not None:
            hint = did_you_mean(wrong, MODIFIERS) or "the modifiers are :network, :broadcast, :peer and :0"
            raise cursor.fail(f'"{wrong}" is no modifier of an interface', hint, at)
        return Host("self" if text == "self" and not prefix else "interface", name=text + suffix)
    if not _NAME.fullmatch(text):
        raise cursor.fail(f'"{text}" is neither an address nor a name', at=at)
    return Host("name", name=text + suffix)


def _range(cursor: Cursor, text: str, start: int) -> Host:
    cursor.i += 1
    last = cursor.string("the last address of the range")
    try:
        low, high = network(text), network(last)
    except NetworkTextError as problem:
        raise cursor.fail(str(problem), at=start) from None
    if low is None or high is None or low[0] is not high[0]:
        raise cursor.fail("a range goes from one address to another of the same family", at=start)
    if high[1] < low[1]:
        cursor.warn(f"the range {text} - {last} ends before it begins, so it holds no address", at=start)
        return Host("network", v4=(), v6=(), name=f"IPv{low[0]}")
    pair = ((low[1], high[1]),)
    return Host("network", v4=pair) if low[0] is _V4 else Host("network", v6=pair)


def _scoped(cursor: Cursor, text: str, prefix: str, at: int) -> Host:
    address, _, scope = text.partition("%")
    try:
        found = network(address, prefix)
    except NetworkTextError as problem:
        raise cursor.fail(str(problem), at=at) from None
    if found is None or found[0] is _V4 or not scope:
        raise cursor.fail(f'"{text}" is no address with a scope', at=at)
    return Host("network", v6=((found[1], found[2]),), scope=scope)


def _live(cursor: Cursor, printed: bool) -> Host:
    """``(interface)``, ``(self)``, with modifiers and a mask."""
    cursor.i += 1
    at = cursor.i
    text = cursor.string("an interface")
    if printed:
        text = _COUNT.sub("", text)
    cursor.expect(")")
    name, *modifiers = text.split(":")
    wrong = next((each for each in modifiers if each not in MODIFIERS), None)
    if not name[:1].isalpha() or wrong is not None:
        raise cursor.fail(f'"{text}" is no interface', did_you_mean(wrong or "", MODIFIERS), at)
    if len(name) > _LONGEST_NAME:
        raise cursor.fail(f'the interface name "{name}" is longer than {_LONGEST_NAME} characters', at=at)
    if cursor.skip("/"):
        return Host("interface", name=f"{text}/{cursor.number('a prefix length', 128)}", live=True)
    return Host("self" if text == "self" else "interface", name=text, live=True)


def table_name(cursor: Cursor, printed: bool = False) -> str:
    """``<name>``."""
    cursor.expect("<")
    at = cursor.i
    name = cursor.string("the name of a table")
    if printed:
        name = _TABLE_COUNT.sub("", name)
    if len(name) > _LONGEST_TABLE:
        raise cursor.fail(f'the table name "{name}" is longer than {_LONGEST_TABLE} characters', at=at)
    cursor.expect(">")
    return name


def interface_name(cursor: Cursor) -> str:
    """The name of an interface or of a group."""
    at = cursor.i
    name = cursor.string("an interface")
    if len(name) > _LONGEST_NAME:
        raise cursor.fail(f'the interface name "{name}" is longer than {_LONGEST_NAME} characters', at=at)
    return name

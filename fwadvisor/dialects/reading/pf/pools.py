"""Addresses that translation and routing put in place of others: ``nat-to``, ``-> 10.0.0.1 port 80``, ``route-to``."""

from __future__ import annotations

from fwadvisor.dialects.reading.pf.cursor import Cursor, value
from fwadvisor.dialects.reading.pf.hosts import host
from fwadvisor.dialects.reading.pf.ports import service
from fwadvisor.dialects.reading.pf.syntax import Host, Options, Pool
from fwadvisor.dialects.reading.pf.variants import FREEBSD_ONLY, NEWER

_POOL_WORDS = frozenset({"bitmask", "random", "round-robin", "static-port", "sticky-address", "least-states"})


def pool(cursor: Cursor, kind: str) -> Pool:
    """Hosts, ports and the kind of pool, up to what belongs to none of them.

    Raises:
        ReadError: pfctl would refuse it.
    """
    start = cursor.i
    hosts = tuple(cursor.elements(lambda: host(cursor)))
    end = cursor.i
    found = None
    if cursor.skip("port"):
        found = _ports(cursor)
        end = cursor.i
    text = cursor.rest(start, end)
    _pool_words(cursor)
    return Pool(kind, hosts, found, text)


def _ports(cursor: Cursor) -> tuple[int, int]:
    head = cursor.t[cursor.i]
    text = value(head) if head != "\n" else ""
    if not text[:1].isalnum():
        raise cursor.expected("a port")
    first, colon, last = text.partition(":")
    low = service(cursor, first)
    high = (-1 if last == "*" else service(cursor, last)) if colon else low
    cursor.i += 1
    return low, high


def _pool_words(cursor: Cursor) -> None:
    while True:
        head = cursor.t[cursor.i]
        if head in _POOL_WORDS:
            cursor.i += 1
        elif head == "source-hash":
            cursor.i += 1
            if cursor.t[cursor.i][0] in "\"'" or cursor.t[cursor.i].startswith("0x"):
                cursor.i += 1
        elif head == "map-e-portset":
            cursor.only(FREEBSD_ONLY, '"map-e-portset"')
            cursor.i += 1
            for last in (False, False, True):
                cursor.number("a number", 65535)
                if not last:
                    cursor.expect("/")
        else:
            return


def translation(cursor: Cursor, found: Options) -> None:
    """``nat-to``, ``rdr-to``, ``binat-to``; the word is already behind."""
    word = cursor.t[cursor.i - 1]
    cursor.only(NEWER, f'"{word}"', cursor.i - 1)
    found.pools.append(pool(cursor, word))


def family_translation(cursor: Cursor, found: Options) -> None:
    """``af-to inet from A [to B]``."""
    cursor.only(NEWER, '"af-to"', cursor.i - 1)
    if cursor.t[cursor.i] not in ("inet", "inet6"):
        raise cursor.expected('"inet" or "inet6"')
    cursor.i += 1
    cursor.expect("from")
    pool(cursor, "af-to")
    if cursor.skip("to"):
        pool(cursor, "af-to")
    found.unknown = "af-to makes a packet of the other family of it"


def route(cursor: Cursor, _found: Options | None = None) -> None:
    """``route-to``, ``reply-to``, ``dup-to``: where the packet goes, not whether; the word is already behind."""
    if cursor.t[cursor.i - 1] == "fastroute":
        return
    warned = cursor.i - 1
    cursor.elements(lambda: _route_host(cursor))
    _pool_words(cursor)
    cursor.warn(f'"{cursor.t[warned]}" chooses where packets leave; the verdict is read as if routing chose', at=warned)


def _route_host(cursor: Cursor) -> Host:
    """An address or interface; ``(em0 10.0.0.1)`` is FreeBSD's."""
    if cursor.t[cursor.i] != "(" or cursor.t[cursor.i + 2 : cursor.i + 3] == [")"]:
        return host(cursor)
    at = cursor.i
    cursor.i += 1
    cursor.string("an interface")
    found = host(cursor)
    cursor.expect(")")
    cursor.only(FREEBSD_ONLY, "an interface and an address to route to", at)
    return found

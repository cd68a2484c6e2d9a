"""FreeBSD's ``nat``, ``rdr`` and ``binat`` rules, and the anchors that hold such rules."""

from __future__ import annotations

from fwadvisor.dialects.reading.pf.cursor import Cursor
from fwadvisor.dialects.reading.pf.pools import pool
from fwadvisor.dialects.reading.pf.rules import ends, families, interfaces, protocols
from fwadvisor.dialects.reading.pf.syntax import Options, Rule, Translation, TranslationAnchor
from fwadvisor.dialects.reading.pf.variants import FREEBSD_ONLY

_KINDS = ("nat", "rdr", "binat")


def translation(cursor: Cursor) -> Translation:
    """``[no] nat|rdr|binat [pass] [log] [on IF] [AF] [proto P] from A to B [tag T] [-> POOL]``.

    Raises:
        ReadError: pfctl would refuse it.
    """
    cursor.i = 0
    no = cursor.skip("no")
    kind = cursor.t[cursor.i]
    if kind not in _KINDS:
        raise cursor.expected('"nat", "rdr", "binat" or "scrub"', (*_KINDS, "scrub"))
    cursor.only(FREEBSD_ONLY, f'a "{kind}" rule (OpenBSD: "match ... {kind}-to")', cursor.i)
    cursor.i += 1
    found = Rule(cursor.whole(), "", None)
    passes = cursor.skip("pass")
    if passes and no:
        raise cursor.fail('"pass" cannot stand after "no"', at=cursor.i - 1)
    if cursor.skip("log"):
        found.log = "pflog0"
        if cursor.skip("("):
            while not cursor.skip(")"):
                if cursor.t[cursor.i] == "\n":
                    raise cursor.expected('")"')
                cursor.i += 1
    _tests(cursor, found)
    put = None
    if cursor.skip("->"):
        if no:
            raise cursor.fail(f'"no {kind}" puts nothing in place', at=cursor.i - 1)
        put = pool(cursor, kind)
    elif not no:
        raise cursor.expected('"->" and an address')
    cursor.expect("\n")
    cursor.i -= 1
    found.text = cursor.quoted()
    _check(cursor, kind, found, put is not None and put.ports is not None)
    return Translation(kind, found, put, passes)


def _tests(cursor: Cursor, found: Rule) -> None:
    if cursor.skip("on"):
        found.interfaces = interfaces(cursor)
    if cursor.t[cursor.i] in ("inet", "inet6"):
        found.family = 4 if cursor.t[cursor.i] == "inet" else 6
        cursor.i += 1
    if cursor.skip("proto"):
        found.protocols = protocols(cursor)
    ends(cursor, found, False)
    asked = Options()
    if cursor.skip("tag"):
        asked.tag = cursor.string("a tag")
    negated = cursor.skip("!")
    if cursor.skip("tagged"):
        asked.tagged = (cursor.string("a tag"), negated)
    elif negated:
        raise cursor.expected('"tagged"')
    if cursor.skip("rtable"):
        cursor.number("the number of a routing table", 65535)
    found.options = asked


def _check(cursor: Cursor, kind: str, found: Rule, port: bool) -> None:
    asked = found.source.ports is not None or found.destination.ports is not None
    if (asked or (port and kind == "rdr")) and not (found.protocols and {6, 17}.issuperset(found.protocols)):
        raise cursor.fail("ports need proto tcp or udp in the same rule", at=0)
    if not families(found):
        raise cursor.fail("the rule expands to no valid combination: its parts are of different families", at=0)


def translation_anchor(cursor: Cursor, prefix: str) -> TranslationAnchor:
    """``nat-anchor "x" [on IF] [AF] [proto P] [from A to B]``, inside of the anchor `prefix`."""
    word = cursor.t[0]
    cursor.i = 1
    cursor.only(FREEBSD_ONLY, f'"{word}"', 0)
    name = cursor.string("the name of an anchor")
    found = Rule(cursor.whole(), "", None)
    _tests(cursor, found)
    cursor.expect("\n")
    cursor.i -= 1
    found.text = cursor.quoted()
    return TranslationAnchor(word.removesuffix("-anchor"), found, f"{prefix}/{name}".lstrip("/"))

"""FreeBSD's ``nat``, ``rdr``, ``binat`` and ``scrub`` rules, and the anchors that hold such rules."""

from __future__ import annotations

from fwadvisor.dialects.reading.pf.cursor import Cursor
from fwadvisor.dialects.reading.pf.options import tos_value
from fwadvisor.dialects.reading.pf.pools import pool
from fwadvisor.dialects.reading.pf.rules import ends, families, interfaces, log_and_quick, protocols
from fwadvisor.dialects.reading.pf.syntax import Options, Rule, Translation, TranslationAnchor
from fwadvisor.dialects.reading.pf.variants import FREEBSD_ONLY

_SCRUB_OPTIONS = (
    "no-df", "min-ttl", "max-mss", "set-tos", "fragment", "reassemble", "random-id", "rtable", "!", "tagged",
)  # fmt: skip
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


def scrub(cursor: Cursor) -> None:
    """``[no] scrub [in|out] [log] [on IF] ... [options]``, which changes packets and passes or blocks none.

    Raises:
        ReadError: pfctl would refuse it.
    """
    cursor.only(FREEBSD_ONLY, 'a "scrub" rule', 0)
    cursor.i = 0
    cursor.skip("no")
    cursor.expect("scrub")
    found = Rule(cursor.whole(), "", None)
    if cursor.t[cursor.i] in ("in", "out"):
        cursor.i += 1
    log_and_quick(cursor, found)
    if found.quick:
        raise cursor.fail('"scrub" rules are never quick', at=cursor.t.index("quick"))
    if cursor.skip("on"):
        interfaces(cursor)
    if cursor.t[cursor.i] in ("inet", "inet6"):
        cursor.i += 1
    if cursor.skip("proto"):
        protocols(cursor)
    ends(cursor, found, False)
    while cursor.t[cursor.i] != "\n":
        _scrub_option(cursor)


def _scrub_option(cursor: Cursor) -> None:
    word = cursor.t[cursor.i]
    if word not in _SCRUB_OPTIONS:
        raise cursor.expected("an option of scrub or the end of the line", _SCRUB_OPTIONS)
    cursor.i += 1
    if word in ("min-ttl", "max-mss", "rtable"):
        cursor.number("a number", 65535)
    elif word == "fragment":
        if cursor.t[cursor.i] not in ("reassemble", "crop", "drop-ovl"):
            raise cursor.expected('"reassemble", "crop" or "drop-ovl"', ("reassemble", "crop", "drop-ovl"))
        cursor.i += 1
    elif word == "reassemble":
        cursor.expect("tcp")
    elif word == "set-tos":
        tos_value(cursor)
    elif word == "!":
        cursor.expect("tagged")
        cursor.string("a tag")
    elif word == "tagged":
        cursor.string("a tag")

"""``keep state`` and its relatives, with what stands in parentheses after them."""

from __future__ import annotations

from fwadvisor.dialects.reading.pf.cursor import Cursor
from fwadvisor.dialects.reading.pf.hosts import table_name
from fwadvisor.dialects.reading.pf.syntax import Options, StateOptions
from fwadvisor.dialects.reading.pf.variants import NEWER
from fwadvisor.dialects.reading.pf.words import TIMEOUTS

_MOST = 2**32 - 1
#: Options that count what a source has open, and those of them that count finished TCP handshakes only.
_PER_SOURCE = ("max-src-states", "max-src-nodes")
_PER_SOURCE_TCP = ("max-src-conn", "max-src-conn-rate")
_KNOWN = (
    "max", *_PER_SOURCE, *_PER_SOURCE_TCP, "overload", "source-track", "if-bound", "floating", "sloppy", "no-sync",
    "pflow", *TIMEOUTS,
)  # fmt: skip


def keep(cursor: Cursor, found: Options) -> None:
    """``keep state (...)``, ``no state``; the first word is already behind.

    Raises:
        ReadError: pfctl would refuse it.
    """
    word = cursor.t[cursor.i - 1]
    if found.state:
        raise cursor.fail("the handling of states cannot be given twice", at=cursor.i - 1)
    cursor.expect("state")
    found.state = word
    if word != "no" and cursor.skip("("):
        found.state_options = state_options(cursor)
        cursor.expect(")")


def state_options(cursor: Cursor) -> StateOptions:
    """Options with commas between them or not."""
    found = StateOptions()
    while True:
        _option(cursor, found)
        cursor.skip(",")
        if cursor.t[cursor.i] in (")", "\n"):
            return found


def _option(cursor: Cursor, found: StateOptions) -> None:
    at = cursor.i
    word = cursor.t[at]
    if word not in _KNOWN:
        raise cursor.expected("an option of the state", _KNOWN)
    cursor.i += 1
    if word == "max":
        found.maximum = cursor.number("a number of states", _MOST)
    elif word in _PER_SOURCE or word == "max-src-conn":
        count = cursor.number("a number", _MOST)
        if not count:
            raise cursor.fail(f"{word} must be more than 0", at=at)
        (found.per_source if word in _PER_SOURCE else found.per_source_tcp).append(f"{word} {count}")
    elif word == "max-src-conn-rate":
        connections = cursor.number("a number of connections", _MOST)
        cursor.expect("/")
        seconds = cursor.number("a number of seconds", _MOST)
        if not connections or not seconds:
            raise cursor.fail(f"{word} needs numbers of more than 0", at=at)
        found.per_source_tcp.append(f"{word} {connections}/{seconds}")
    elif word == "overload":
        found.overloads.append(table_name(cursor))
        if cursor.skip("flush"):
            cursor.skip("global")
    elif word == "source-track":
        if not cursor.skip("rule"):
            cursor.skip("global")
    elif word == "sloppy":
        found.sloppy = True
    elif word == "pflow":
        cursor.only(NEWER, '"pflow"', at)
    elif word in TIMEOUTS:
        if "." not in word:
            raise cursor.fail(f"the timeout {word} belongs to no state", at=at)
        cursor.number("a number of seconds", _MOST)

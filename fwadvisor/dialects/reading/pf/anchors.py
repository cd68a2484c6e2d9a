"""``anchor`` and ``antispoof``, which stand for other rules."""

from __future__ import annotations

from fwadvisor.dialects.reading.pf.cursor import Cursor
from fwadvisor.dialects.reading.pf.hosts import interface_name
from fwadvisor.dialects.reading.pf.options import options
from fwadvisor.dialects.reading.pf.rules import check, ends, interfaces, log_and_quick, protocols
from fwadvisor.dialects.reading.pf.syntax import Anchor, End, Host, Options, Rule
from fwadvisor.dialects.reading.pf.words import RESERVED
from fwadvisor.model.rule import Verdict

_LONGEST = 63


def anchor(cursor: Cursor, prefix: str, order: int) -> tuple[Anchor, bool]:
    """``anchor ["name"] [in|out] [quick] [on IF] ... [{``; whether a brace opens its rules.

    Args:
        cursor: at the start of the statement.
        prefix: the path of the ruleset that it stands in.
        order: its place in the order of evaluation.

    Raises:
        ReadError: pfctl would refuse it.
    """
    cursor.i = 1
    name = _name(cursor)
    found = Rule(cursor.whole(), "", None, order=order)
    if cursor.t[cursor.i] in ("in", "out"):
        found.direction = cursor.t[cursor.i]
        cursor.i += 1
    found.quick = cursor.skip("quick")
    if cursor.skip("on"):
        found.interfaces = interfaces(cursor)
    if cursor.t[cursor.i] in ("inet", "inet6"):
        found.family = 4 if cursor.t[cursor.i] == "inet" else 6
        cursor.i += 1
    if cursor.skip("proto"):
        found.protocols = protocols(cursor)
    ends(cursor, found, False)
    found.options = options(cursor)
    if found.options.state:
        raise cursor.fail("anchors handle no states", at=0)
    found.text = cursor.quoted()
    opens = cursor.skip("{")
    if cursor.t[cursor.i] != "\n":
        raise cursor.expected("the end of the line")
    check(cursor, found)
    if not opens and not name:
        raise cursor.fail("an anchor without rules of its own needs a name", at=0)
    if opens and "/" in name:
        raise cursor.fail('the name of an inline anchor holds no "/"', at=1)
    inner = name or f"_{order}"
    path = inner.lstrip("/") if inner.startswith("/") else f"{prefix}/{inner}".lstrip("/")
    return Anchor(found, path), opens


def _name(cursor: Cursor) -> str:
    head = cursor.t[1]
    if head in RESERVED or head in ("{", "\n"):
        return ""
    name = cursor.string("the name of an anchor")
    if name.startswith("_") or "/_" in name:
        raise cursor.fail("names of anchors that begin with _ are pf's own", at=1)
    if any(len(part) > _LONGEST for part in name.split("/")):
        raise cursor.fail(f"the name of an anchor has at most {_LONGEST} characters", at=1)
    return name


def antispoof(cursor: Cursor) -> list[Rule]:
    """``antispoof [log] [quick] for IF``: two rules for each interface, one for loopback (antispoof in parse.y).

    What the interface's addresses are is not in the file, so the rules ask conditions.
    """
    cursor.i = 1
    head = Rule(cursor.whole(), "", None)
    log_and_quick(cursor, head)
    cursor.expect("for")

    def item() -> tuple[str, bool]:
        live = cursor.skip("(")
        name = interface_name(cursor)
        if live:
            cursor.expect(")")
        return name, live

    names = cursor.elements(item)
    family = 0
    if cursor.t[cursor.i] in ("inet", "inet6"):
        family = 4 if cursor.t[cursor.i] == "inet" else 6
        cursor.i += 1
    label = _options(cursor)
    found = []
    for name, live in names:
        for host, direction in ((f"{name}:network", ((True, name),)), (name, ())):
            if not direction and (name == "lo" or (name[:2] == "lo" and name[2:].isdigit())):
                continue
            source = End((Host("interface", name=host, live=live),))
            found.append(
                Rule(
                    span=head.span, text=cursor.quoted(), verdict=Verdict.DROP, direction="in", quick=head.quick,
                    log=head.log, interfaces=direction, family=family, source=source, options=Options(label=label),
                )
            )  # fmt: skip
    return found


def _options(cursor: Cursor) -> str:
    label = ""
    while cursor.t[cursor.i] != "\n":
        if cursor.skip("label"):
            label = cursor.string("a label")
        elif cursor.t[cursor.i] in ("rtable", "ridentifier"):
            cursor.i += 1
            cursor.number("a number", 2**32 - 1)
        else:
            raise cursor.expected('"label" or the end of the line', ("label",))
    return label

"""Files of flows with the verdicts that are expected of them: a test suite for a firewall.

    # Who may call, and who may not.
    peers = 203.0.113.0/24, 2001:db8:323::/48
    accept: peers -> self:1720/tcp           # call signalling
    block:  any -> self:1503/tcp             # T.120, NetMeeting

A line is a definition, a flow, or a flow after an expectation; what follows ``#`` is its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from fwadvisor.diagnostic import Span, did_you_mean, error
from fwadvisor.dialects.reading.source import Problems, Source
from fwadvisor.errors import FwadvisorError
from fwadvisor.model.address import AddressSet
from fwadvisor.ports.database import Database
from fwadvisor.review.flow_ends import ANY, SELF
from fwadvisor.review.flow_scan import Language
from fwadvisor.review.flow_text import parse_flow, parse_names
from fwadvisor.review.flows import Flow

_EXPECTATION = re.compile(r"\s*([A-Za-z]+)\s*:(?=\s|$)")
_DEFINITION = re.compile(r"\s*([^\s=]+)\s*=(?!>)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


class Expected(StrEnum):
    """What a flow must come to; `BLOCK` is either of drop and reject."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Case:
    """A flow, and what must become of it; None where it is only asked."""

    flow: Flow
    expected: Expected | None = None
    #: What people call it.
    name: str = ""


def own_language(database: Database, addresses: Sequence[str] = (), *, exact: bool = True) -> Language:
    """The language where the machine has these addresses, lists as the command line gives them.

    Where it is not `exact`, flows are regions, which need name neither protocol nor port.

    Raises:
        FwadvisorError: they are none.
    """
    language = Language(database, exact=exact)
    if not addresses:
        return language
    return replace(language, names={SELF: parse_names(", ".join(addresses), language, "--self", 1)})


def parse_case(text: str, language: Language) -> Case:
    """A flow of the command line, maybe with what is expected of it: ``accept: 203.0.113.5 -> self:1720/tcp``.

    Raises:
        FwadvisorError: it is none.
    """
    expected, start = _expected(text, len(text), "--flow", 1)
    return Case(parse_flow(text, language, start=start), expected)


def read_flows(source: Source, language: Language) -> tuple[Case, ...]:
    """The flows of a file, in order.

    Raises:
        FwadvisorError: lines that are none, all of them; or there is no flow.
    """
    problems = Problems()
    cases: list[Case] = []
    names = dict(language.names)
    for number, line in enumerate(source.text().splitlines(), 1):
        try:
            cases += _line(line, replace(language, names=names), source.name, number, names)
        except FwadvisorError as refusal:
            for each in refusal.diagnostics:
                problems.add(each)
    if not cases and not problems.found:
        problems.add(error(f"{source.name} holds no flow", hint="such as  accept: 203.0.113.5 -> self:1720/tcp"))
    problems.raise_any()
    return tuple(cases)


def _line(line: str, language: Language, file: str, number: int, names: dict[str, AddressSet]) -> Iterator[Case]:
    stop = _comment(line)
    if not line[:stop].strip():
        return
    definition = _DEFINITION.match(line, 0, stop)
    if definition:
        name = definition[1]
        _check_name(name, names, Span(file, number, definition.start(1) + 1, len(name), line))
        names[name] = parse_names(line, language, file, number, definition.end(), stop)
        return
    expected, start = _expected(line, stop, file, number)
    flow = parse_flow(line, language, file, number, start, stop)
    yield Case(flow, expected, line[stop + 1 :].strip())


def _comment(line: str) -> int:
    """Where the comment of a line begins; a quoted condition may hold a ``#``."""
    quoted = False
    for place, character in enumerate(line):
        if character == '"':
            quoted = not quoted
        elif character == "#" and not quoted:
            return place
    return len(line)


def _check_name(name: str, names: Iterable[str], span: Span) -> None:
    if not _NAME.fullmatch(name) or name == ANY:
        raise FwadvisorError(error(f'"{name}" cannot be a name of addresses', span, "letters, digits, - and _"))
    if name in names:
        raise FwadvisorError(error(f'"{name}" is defined twice', span))


def _expected(line: str, stop: int, file: str, number: int) -> tuple[Expected | None, int]:
    """The expectation at the beginning of a line, and where the flow begins."""
    found = _EXPECTATION.match(line, 0, stop)
    if found is None:
        return None, len(line) - len(line.lstrip())
    try:
        return Expected(found[1].lower()), len(line[: found.end()]) + _blanks(line, found.end())
    except ValueError:
        hint = did_you_mean(found[1], list(Expected)) or f"expected can be {', '.join(Expected)}"
        span = Span(file, number, found.start(1) + 1, len(found[1]), line)
        raise FwadvisorError(error(f'"{found[1]}" is no verdict', span, hint)) from None


def _blanks(line: str, start: int) -> int:
    return len(line[start:]) - len(line[start:].lstrip())

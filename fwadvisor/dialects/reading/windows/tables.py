"""Exports as JSON and CSV: our own of export-rules.ps1, and those that people make of the NetSecurity cmdlets."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence

from fwadvisor.diagnostic import Span, did_you_mean, error
from fwadvisor.dialects.reading.source import Source
from fwadvisor.dialects.reading.windows.draft import SWITCHES, Draft, Machine, Setting
from fwadvisor.dialects.reading.windows.page import Page, Place
from fwadvisor.dialects.reading.windows.words import DEFAULT_ACTION, SWITCH
from fwadvisor.errors import ReadError
from fwadvisor.model.firewall import PROFILES

#: What rule_templates/windows/export-rules.ps1 calls its output.
FORMAT, VERSION = "fwadvisor-windows-export", 1
_EXPORT = "export with rule_templates/windows/export-rules.ps1, which joins the rules with their filters"
#: Columns without which a rule says more than it means.
_NEEDED = (
    "Enabled", "Direction", "Action", "Profile", "Protocol", "LocalPort", "RemotePort", "IcmpType", "LocalAddress",
    "RemoteAddress", "Program", "Service", "LocalUser", "RemoteUser", "RemoteMachine", "InterfaceAlias",
    "InterfaceType", "Authentication", "Encryption", "OverrideBlockRules",
)  # fmt: skip
#: Columns that only few rules have something in.
_RARE = ("Package", "Owner")
_OTHER = (
    "Name", "DisplayName", "Description", "Group", "EdgeTraversalPolicy", "Platform", "DynamicTarget", "PolicyAppId",
    "RemoteDynamicKeywordAddresses",
)  # fmt: skip
_COLUMNS = {name.lower(): name for name in (*_NEEDED, *_RARE, *_OTHER)}
#: Other names: of the CIM classes, and of the properties that carry them.
_ALIASES = {
    "instanceid": "Name", "id": "Name", "rulegroup": "Group", "profiles": "Profile", "apppath": "Program",
    "servicename": "Service", "localip": "LocalAddress", "remoteip": "RemoteAddress", "localusers": "LocalUser",
    "remoteusers": "RemoteUser", "remotemachines": "RemoteMachine", "dynamictransport": "DynamicTarget",
    "platforms": "Platform", "localports": "LocalPort", "remoteports": "RemotePort", "icmptypes": "IcmpType",
}  # fmt: skip
#: Columns that may hold several values in one cell.
_LISTS = frozenset(
    {
        "LocalPort", "RemotePort", "IcmpType", "LocalAddress", "RemoteAddress", "InterfaceAlias", "Profile", "Platform",
        "InterfaceType", "RemoteDynamicKeywordAddresses",
    }
)  # fmt: skip
_SPACE = re.compile(r"[ \t\r\n]*")


class _Table:
    """Rows of one file on their way into the machine."""

    def __init__(self, machine: Machine, page: Page) -> None:
        self.machine = machine
        self.page = page

    def columns(self, names: Sequence[str], span: Span) -> dict[str, str]:
        """Column of the file -> parameter.

        Raises:
            ReadError: columns are missing.
        """
        found: dict[str, str] = {}
        for name in names:
            parameter = _COLUMNS.get(name.strip().lower()) or _ALIASES.get(name.strip().lower())
            if parameter and (parameter not in found.values() or name in _COLUMNS.values()):
                found = {at: of for at, of in found.items() if of != parameter}
                found[name] = parameter
        missing = [name for name in _NEEDED if name not in found.values()]
        if missing:
            raise ReadError(error(f"the export lacks {', '.join(missing)}", span, _EXPORT))
        if rare := [name for name in _RARE if name not in found.values()]:
            reason = f"the export has no {', '.join(rare)}, so rules that ask for one are read as rules for all"
            self.machine.warn(reason, span, _EXPORT)
            self.machine.not_understood(span, reason)
        return found

    def row(self, cells: Mapping[str, object], columns: Mapping[str, str], start: int, end: int) -> None:
        """One rule."""
        place = Place(self.page, start, end)
        values: dict[str, tuple[str, ...]] = {}
        for column, parameter in columns.items():
            texts = _texts(cells.get(column))
            if "System.String[]" in texts:
                hint = "join the values before exporting, or " + _EXPORT
                self.machine.problems.add(error(f"{column} is a list that was lost", place.of("System.String[]"), hint))
            elif texts:
                joined = parameter in _LISTS and isinstance(cells.get(column), str)
                values[parameter] = tuple(_split(texts[0])) if joined else texts
        for parameter in ("Enabled", "Direction", "Action"):
            if parameter not in values:
                self.machine.problems.add(error(f"the rule has no {parameter}", place.span()))
        self.machine.add(Draft(place, values, strict=False))


def _texts(cell: object) -> tuple[str, ...]:
    """A cell as texts: a list, a number, or the wrapped list that Windows PowerShell makes of some."""
    match cell:
        case None | "":
            return ()
        case bool():
            return ("true" if cell else "false",)
        case str():
            return (cell,)
        case int():
            return (str(cell),)
        case list():
            return tuple(text for each in cell for text in _texts(each))
        case {"value": list() as inner}:
            return _texts(inner)
        case {"Value": int() | str() as inner}:
            return _texts(inner)
        case _:
            return (json.dumps(cell),)


def _split(text: str) -> Iterator[str]:
    """The values of a cell that people joined."""
    return (part.strip() for part in re.split(r"[,;]", text) if part.strip())


# --- JSON ------------------------------------------------------------------------------------------


def read_json(machine: Machine, source: Source) -> None:
    """Take a JSON export.

    Raises:
        ReadError: it is no JSON, or lacks what rules need.
    """
    page = Page(source.name, source.text())
    try:
        header, rules = _scan(page)
    except RecursionError:
        raise ReadError(error("the JSON text is nested too deeply", Span(source.name, 1))) from None
    except json.JSONDecodeError as problem:
        raise ReadError(error(f"this is no JSON: {problem.msg}", page.span(problem.pos))) from None
    except ValueError as problem:
        raise ReadError(error(f"this is no JSON export: {problem}", Span(source.name, 1))) from None
    table = _Table(machine, page)
    if "Format" in header:
        _own_header(machine, page, header)
    elif not rules:
        raise ReadError(error("the export holds no rules", Span(source.name, 1), _EXPORT))
    columns: dict[str, str] = {}
    names: frozenset[str] = frozenset()
    for cells, start, end in rules:
        if not isinstance(cells, dict):
            machine.problems.add(error("a rule is expected here, as an object", page.span(start, end - start)))
            continue
        if cells.keys() != names:
            names = frozenset(cells)
            columns = table.columns(list(cells), page.span(start, end - start))
        table.row(cells, columns, start, end)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key comes up twice in one object")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique)


def _scan(page: Page) -> tuple[dict[str, object], list[tuple[object, int, int]]]:
    """The members of the outer object, and the elements of its list of rules with their places."""
    text = page.text
    at = _skip(text, 0)
    if text[at : at + 1] == "[":
        rules, at = _elements(text, at)
        header: dict[str, object] = {}
    else:
        header, rules, at = _outer(text, at)
    if _skip(text, at) < len(text):
        raise json.JSONDecodeError("the end is expected", text, _skip(text, at))
    if not header.get("Format") and not rules and header:
        rules = [(header, 0, at)]
    return header, rules


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _outer(text: str, at: int) -> tuple[dict[str, object], list[tuple[object, int, int]], int]:
    if text[at : at + 1] != "{":
        raise json.JSONDecodeError("an object or a list is expected", text, at)
    header: dict[str, object] = {}
    rules: list[tuple[object, int, int]] = []
    at = _skip(text, at + 1)
    while text[at : at + 1] != "}":
        if text[at : at + 1] != '"':
            raise json.JSONDecodeError('a name in quotes or "}" is expected', text, at)
        found, at = _decode(text, at)
        name, at = str(found), _skip(text, at)
        if text[at : at + 1] != ":":
            raise json.JSONDecodeError('":" is expected', text, at)
        at = _skip(text, at + 1)
        if name in header:
            raise ValueError(f'"{name}" comes up twice')
        if name in ("Rules", "value") and text[at : at + 1] == "[":
            rules, at = _elements(text, at)
            header[name] = None
        else:
            header[name], at = _decode(text, at)
        at = _skip(text, at)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "}":
            raise json.JSONDecodeError('"," or "}" is expected', text, at)
    return header, rules, at + 1


def _decode(text: str, at: int) -> tuple[object, int]:
    value, end = _DECODER.raw_decode(text, at)
    return value, end


def _elements(text: str, at: int) -> tuple[list[tuple[object, int, int]], int]:
    found: list[tuple[object, int, int]] = []
    at = _skip(text, at + 1)
    while text[at : at + 1] != "]":
        value, end = _decode(text, at)
        found.append((value, at, end))
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "]":
            raise json.JSONDecodeError('"," or "]" is expected', text, at)
    return found, at + 1


def _own_header(machine: Machine, page: Page, header: dict[str, object]) -> None:
    """The version, the store and the profiles of our own export.

    Raises:
        ReadError: it is of a later version.
    """
    top = Span(page.name, 1)
    if header.get("Format") != FORMAT:
        raise ReadError(error(f"the export's format is {json.dumps(header['Format'])}", top, f"{FORMAT} is known"))
    if header.get("Version") != VERSION:
        raise ReadError(error(f"version {json.dumps(header.get('Version'))} of the export is not known", top))
    machine.complete = header.get("Store") == "ActiveStore" and "Rules" in header
    profiles = header.get("Profiles")
    for profile in profiles if isinstance(profiles, list) else [profiles]:
        if not isinstance(profile, dict) or str(profile.get("Name", "")).lower() not in PROFILES:
            machine.problems.add(error("a profile with the name Domain, Private or Public is expected", top))
            continue
        number = PROFILES.index(str(profile["Name"]).lower())
        for switch in SWITCHES[:-1]:
            _switch(machine, page, number, switch, profile.get(switch))


def _switch(machine: Machine, page: Page, number: int, switch: str, value: object) -> None:
    words = DEFAULT_ACTION if switch.endswith("Action") else SWITCH
    text = next(iter(_texts(value)), "")
    at = max(0, page.text.find(f'"{switch}"'))
    span = page.span(at, len(switch) + 2)
    word = words.word(text)
    if word is None:
        hint = did_you_mean(text, words.words) or f"one of {', '.join(words.words)} is expected"
        machine.problems.add(error(f'{switch} of profile {PROFILES[number]} is "{text}"', span, hint))
    else:
        machine.set_profiles([number], switch, Setting(word, span))


# --- CSV -------------------------------------------------------------------------------------------


def read_csv(machine: Machine, source: Source) -> None:
    """Take a CSV export.

    Raises:
        ReadError: it is no table, or lacks what rules need.
    """
    page = Page(source.name, source.text())
    text = page.text
    start = text.find("\n") + 1 if text.startswith("#TYPE") else 0
    head = text[start : text.find("\n", start) % (len(text) + 1)]
    delimiter = max(",;\t", key=head.count)
    lines = text[start:].splitlines(keepends=True)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    offset, used = start, 0
    columns: dict[str, str] = {}
    names: list[str] = []
    table = _Table(machine, page)
    while True:
        try:
            row = next(rows, None)
        except csv.Error as problem:
            raise ReadError(error(f"this is no CSV: {problem}", page.span(offset))) from None
        if row is None:
            break
        end = offset + sum(map(len, lines[used : rows.line_num]))
        last = end - 1 if end > offset else end
        used = rows.line_num
        if not names:
            names = row
            columns = table.columns(names, page.span(offset, last - offset))
        elif len(row) == len(names):
            table.row(dict(zip(names, row, strict=True)), columns, offset, last)
        elif row:
            message = f"the row has {len(row)} cells, and the header {len(names)}"
            machine.problems.add(error(message, page.span(offset, last - offset)))
        offset = end

"""``nft -j``: the JSON of a ruleset or of commands, written again as the lines of a file.

Each command becomes one line, whose place is that of its JSON; libnftables-json(5).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from fwadvisor.diagnostic import Span, error
from fwadvisor.dialects.reading.nftables.bases import TABLE_FLAGS
from fwadvisor.dialects.reading.nftables.json_rules import JsonError, data, expression, label, statement, word
from fwadvisor.dialects.reading.nftables.text import Text
from fwadvisor.dialects.reading.source import Problems, Source
from fwadvisor.errors import ReadError

_START = re.compile(r'\s*\{\s*"nftables"\s*:\s*\[')
_BETWEEN = re.compile(r"[\s,]*")
_VERBS = ("add", "create", "insert", "delete", "destroy", "flush", "replace", "rename")
#: What reading JSON of another form than nft's ends with.
_WRONG = (AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError)
_QUIET = ("metainfo", "list", "reset", "monitor", "describe", "export")


def from_json(source: Source, problems: Problems) -> Text:
    """The commands as a text.

    Raises:
        ReadError: this is no JSON of nft.
    """
    text = source.text()
    starts = [0, *(each.end() for each in re.finditer("\n", text))]
    lines: list[str] = []
    places: list[Span] = []
    line = 0
    for begin, end, found in _commands(source.name, text):
        while line + 1 < len(starts) and starts[line + 1] <= begin:
            line += 1
        stop = starts[line + 1] - 1 if line + 1 < len(starts) else len(text)
        column = begin - starts[line] + 1
        place = Span(source.name, line + 1, column, max(1, min(end, stop) - begin), text[starts[line] : stop])
        try:
            made = _command(found)
        except RecursionError:
            problems.add(error("this is no command of nft: it nests too deep", place))
            continue
        except _WRONG as problem:
            reason = str(problem) if isinstance(problem, JsonError) else "its form is another one"
            problems.add(error(f"this is no command of nft: {reason}", place))
            continue
        if made:
            lines.append(made)
            places.append(place)
    return Text(source.name, "\n".join(lines), places=places or (Span(source.name, 1),))


def _commands(name: str, text: str) -> Iterator[tuple[int, int, Any]]:
    """Each part of the list with its place."""
    start = _START.match(text)
    if start is None:
        raise ReadError(error('JSON of nft begins with {"nftables": [', Span(name, 1)))
    decoder, at = json.JSONDecoder(), start.end()
    while True:
        between = _BETWEEN.match(text, at)
        at = between.end() if between else at
        if text[at : at + 1] == "]":
            return
        try:
            found, end = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError, ValueError) as problem:
            at = min(getattr(problem, "pos", at), len(text))
            line = text.count("\n", 0, at) + 1
            begin = text.rfind("\n", 0, at) + 1
            reason = problem.msg if isinstance(problem, json.JSONDecodeError) else "it nests too deep"
            source = text[begin:].partition("\n")[0]
            raise ReadError(error(f"this is no JSON: {reason}", Span(name, line, at - begin + 1, 1, source))) from None
        yield at, end, found
        at = end


def _command(found: Any) -> str:
    if not isinstance(found, dict) or len(found) != 1:
        raise JsonError("one key is expected")
    ((key, value),) = found.items()
    if key in _QUIET:
        return ""
    if key not in _VERBS:
        return _declaration("add", key, value)
    if not isinstance(value, dict) or len(value) != 1:
        raise JsonError(f'"{key}" holds one key')
    ((kind, body),) = value.items()
    return _declaration(key, kind, body)


def _declaration(verb: str, kind: str, body: Any) -> str:
    if kind == "ruleset":
        return f"{verb} ruleset"
    if not isinstance(body, dict):
        raise JsonError(f'"{kind}" is not understood')
    family = str(body.get("family", "ip"))
    if family not in ("ip", "ip6", "inet", "arp", "bridge", "netdev"):
        raise JsonError(f'"{family}" is no family')
    if kind == "table":
        flags = _table_flags(body) if verb in ("add", "create") else ""
        return f"{verb} table {family} {label(body.get('name'))}{flags}"
    table = f"{family} {label(body.get('table'))}"
    make = _KINDS.get(kind)
    if make is None:
        if kind in ("ct timeout", "ct expectation", "secmark", "synproxy", "counter"):
            return f"{verb} {kind} {table} {label(body.get('name'))} {{ }}"
        raise JsonError(f'"{kind}" is not known')
    return make(verb, table, body)


def _table_flags(table: dict[str, Any]) -> str:
    """The flags of a table; what is none stands between quotes, for nft 1.0.6 lists other words in their place."""
    flags = [each if each in TABLE_FLAGS else label(each) for each in _listed(table.get("flags"))]
    return f" {{ flags {','.join(flags)}; }}" if flags else ""


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _chain(verb: str, table: str, body: dict[str, Any]) -> str:
    text = f"{verb} chain {table} {label(body.get('name'))}"
    if verb == "rename":
        return f"{text} {label(body.get('newname'))}"
    if "hook" not in body or verb not in ("add", "create"):
        return text
    devices = ", ".join(f'"{label(each)[1:-1]}"' for each in _listed(body.get("dev")))
    on = f" devices = {{ {devices} }}" if devices else ""
    policy = f" policy {word(body['policy'])};" if "policy" in body else ""
    return (
        f"{text} {{ type {word(body.get('type'))} hook {word(body.get('hook'))}{on} "
        f"priority {expression(body.get('prio', 0))};{policy} }}"
    )


def _rule(verb: str, table: str, body: dict[str, Any]) -> str:
    text = f"{verb} rule {table} {label(body.get('chain'))}"
    if verb in ("delete", "destroy", "replace"):
        return f"{text} handle {int(body.get('handle', 0))}"
    if isinstance(body.get("index"), int):
        text += f" index {body['index']}"
    parts = [statement(each) for each in _listed(body.get("expr"))]
    if "comment" in body:
        parts.append(f"comment {label(body['comment'])}")
    return " ".join((text, *(part for part in parts if part))) if any(parts) else f"{text} counter"


def _set(kind: str, verb: str, table: str, body: dict[str, Any]) -> str:
    text = f"{verb} {kind} {table} {label(body.get('name'))}"
    if verb not in ("add", "create"):
        return text
    kinds = body.get("type")
    if isinstance(kinds, dict):
        typed = f"typeof {expression(kinds.get('typeof'))}"
    else:
        typed = f"type {' . '.join(word(each) for each in _listed(kinds))}"
    if kind == "map":
        target = body.get("map")
        typed += f" : {' . '.join(word(each) for each in _listed(target)) if not isinstance(target, dict) else 'data'}"
    flags = [word(each) for each in _listed(body.get("flags"))]
    parts = [typed, *([f"flags {','.join(flags)}"] if flags else []), *(["timeout 1s"] if "timeout" in body else [])]
    if body.get("elem"):
        parts.append(f"elements = {_elements(body['elem'])}")
    return f"{text} {{ {'; '.join(parts)}; }}"


def _elements(found: Any) -> str:
    return f"{{ {', '.join(data(each) for each in _listed(found))} }}"


def _element(verb: str, table: str, body: dict[str, Any]) -> str:
    return f"{verb} element {table} {label(body.get('name'))} {_elements(body.get('elem'))}"


def _helper(verb: str, table: str, body: dict[str, Any]) -> str:
    kind = f"type {label(body.get('type', ''))} protocol {word(body.get('protocol', 'tcp'))};"
    return f"{verb} ct helper {table} {label(body.get('name'))} {{ {kind} }}"


def _quota(verb: str, table: str, body: dict[str, Any]) -> str:
    over = "over " if body.get("inv") else ""
    return f"{verb} quota {table} {label(body.get('name'))} {{ {over}{int(body.get('bytes', 0))} bytes }}"


def _limit(verb: str, table: str, body: dict[str, Any]) -> str:
    return f"{verb} limit {table} {label(body.get('name'))} {{ {statement({'limit': body}).partition(' ')[2]} }}"


def _flowtable(verb: str, table: str, body: dict[str, Any]) -> str:
    return f"{verb} flowtable {table} {label(body.get('name'))} {{ }}"


_KINDS: dict[str, Callable[[str, str, dict[str, Any]], str]] = {
    "chain": _chain, "rule": _rule, "element": _element, "ct helper": _helper, "quota": _quota, "limit": _limit,
    "flowtable": _flowtable,
    "set": partial(_set, "set"), "map": partial(_set, "map"),
}  # fmt: skip

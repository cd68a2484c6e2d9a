"""Statements and expressions of ``nft -j`` as the text of rules."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

#: Words that stand without quotes.
_PLAIN = re.compile(
    r"[A-Za-z_][\w.-]*\*?|\d+|0x[0-9A-Fa-f]+|\d+\.\d+\.\d+\.\d+|[0-9A-Fa-f]{0,4}(:[0-9A-Fa-f]{0,4}){2,7}|\*"
)
_NAME = re.compile(r"[A-Za-z_][\w./-]*")
_OPERATORS = {"in": "", "==": "== ", "!=": "!= ", "<": "< ", ">": "> ", "<=": "<= ", ">=": ">= ", "!": "! "}
#: Of these, ``==`` asks for exactly the flags, and no operator for any of them.
_FLAGS = ("tcp flags", "ct state", "ct status", "ct label")
_BITS = ("|", "&", "^", "<<", ">>")


class JsonError(ValueError):
    """JSON that is none of nft's."""


def label(value: Any) -> str:
    """A name or a comment between quotes."""
    if not isinstance(value, str) or '"' in value or "\n" in value:
        raise JsonError(f"a name is expected, not {value!r}"[:200])
    return f'"{value}"'


def word(value: Any) -> str:
    """A word of nft's grammar."""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise JsonError(f"a word is expected, not {value!r}"[:200])
    return value


def chain_name(value: Any) -> str:
    """The chain of a jump."""
    return label(value.get("target") if isinstance(value, dict) else value)


def statement(found: Any) -> str:
    """One statement of a rule.

    Raises:
        JsonError: it is none.
    """
    if isinstance(found, str):
        return word(found)
    if not isinstance(found, dict) or len(found) != 1:
        raise JsonError("a statement has one key")
    ((key, body),) = found.items()
    make = _STATEMENTS.get(key)
    if make is not None:
        return make(body)
    if key in ("accept", "drop", "continue", "return", "notrack"):
        return str(key)
    # Not known: the reader of rules says so, with its place.
    return f"{word(key.replace(' ', '_'))} ..."


def expression(found: Any) -> str:
    """One expression.

    Raises:
        JsonError: it is none.
    """
    if isinstance(found, bool):
        return "exists" if found else "missing"
    if isinstance(found, int):
        return str(found)
    if isinstance(found, str):
        if found[:1] == "@" and _NAME.fullmatch(found[1:]):
            return found
        return found if _PLAIN.fullmatch(found) else label(found)
    if isinstance(found, list):
        return f"({' | '.join(expression(each) for each in found)})"
    if not isinstance(found, dict) or len(found) != 1:
        raise JsonError("an expression has one key")
    ((key, body),) = found.items()
    if key in _BITS:
        parts = [expression(each) for each in body] if isinstance(body, list) else []
        if len(parts) < 2:
            raise JsonError(f'"{key}" has two sides')
        return f" {key} ".join(
            [parts[0], *(_grouped(each, part) for each, part in zip(body[1:], parts[1:], strict=True))]
        )
    make = _EXPRESSIONS.get(key)
    if make is None:
        raise JsonError(f'expression "{key}" is not known')
    return make(body)


def _grouped(found: Any, text: str) -> str:
    return f"({text})" if isinstance(found, dict) and next(iter(found)) in _BITS else text


def data(found: Any) -> str:
    """An element of a set or map."""
    if isinstance(found, list) and len(found) == 2:
        return f"{_key(found[0])} : {_result(found[1])}"
    return _key(found)


def _key(found: Any) -> str:
    if isinstance(found, dict) and "elem" in found and isinstance(found["elem"], dict):
        inner = found["elem"]
        timed = " timeout 1s" if "timeout" in inner or "expires" in inner else ""
        return f"{_key(inner.get('val'))}{timed}"
    return expression(found)


def _result(found: Any) -> str:
    if isinstance(found, dict) and len(found) == 1:
        ((key, body),) = found.items()
        if key in ("accept", "drop", "continue", "return"):
            return str(key)
        if key in ("jump", "goto"):
            return f"{key} {chain_name(body)}"
    return expression(found)


def _fields(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise JsonError("an object is expected")
    return found


# --- expressions -----------------------------------------------------------------------------------


def _payload(body: Any) -> str:
    if "base" in body:
        return f"@{word(body['base'])},{int(body['offset'])},{int(body['len'])}"
    return f"{word(body.get('protocol'))} {word(body.get('field'))}"


def _ct(body: Any) -> str:
    direction = f"{word(body['dir'])} " if body.get("dir") else ""
    key = body.get("key")
    if not isinstance(key, str) or not re.fullmatch(r"[\w-]+( [\w-]+)?", key):
        raise JsonError("a key of ct is expected")
    return f"ct {direction}{key}"


def _tcp_option(body: Any) -> str:
    if "base" in body:
        raise JsonError("raw TCP options are not known")
    return " ".join(("tcp option", expression(body.get("name")), *([word(body["field"])] if "field" in body else [])))


def _exthdr(body: Any) -> str:
    name = word(body.get("name"))
    return f"{name} {word(body['field'])}" if "field" in body else f"exthdr {name}"


def _fib(body: Any) -> str:
    flags = body.get("flags", [])
    listed = [word(each) for each in (flags if isinstance(flags, list) else [flags])]
    return f"fib {' . '.join(listed)} {word(body.get('result'))}"


def _prefix(body: Any) -> str:
    return f"{expression(body.get('addr'))}/{int(body.get('len', 0))}"


def _range(body: Any) -> str:
    if not isinstance(body, list) or len(body) != 2:
        raise JsonError("a range has two ends")
    # Names have dashes of their own.
    dash = "-" if all(isinstance(each, int) for each in body) else " - "
    return f"{expression(body[0])}{dash}{expression(body[1])}"


def _concat(body: Any) -> str:
    if not isinstance(body, list) or not body:
        raise JsonError("a concatenation has parts")
    return " . ".join(expression(each) for each in body)


def _braces(body: Any) -> str:
    return f"{{ {', '.join(data(each) for each in (body if isinstance(body, list) else [body]))} }}"


def _map(body: Any) -> str:
    return f"{expression(body.get('key'))} map {expression(body.get('data'))}"


def _numgen(body: Any) -> str:
    offset = f" offset {int(body['offset'])}" if body.get("offset") else ""
    return f"numgen {word(body.get('mode'))} mod {int(body.get('mod', 0))}{offset}"


def _hash(kind: str) -> Callable[[Any], str]:
    def make(body: Any) -> str:
        over = f" {expression(body['expr'])}" if "expr" in body else ""
        more = "".join(f" {each} {int(body[each])}" for each in ("seed", "offset") if body.get(each))
        return f"{kind}{over} mod {int(body.get('mod', 0))}{more}"

    return make


def _socket(body: Any) -> str:
    return f"socket {word(body.get('key'))}"


def _rt(body: Any) -> str:
    family = f"{word(body['family'])} " if body.get("family") else ""
    return f"rt {family}{word(body.get('key'))}"


def _ipsec(body: Any) -> str:
    return f"ipsec {word(body.get('dir'))} spnum {int(body.get('spnum', 0))} {word(body.get('key'))}"


_EXPRESSIONS: dict[str, Callable[[Any], str]] = {
    "payload": _payload, "meta": lambda body: f"meta {word(_fields(body).get('key'))}", "ct": _ct, "fib": _fib,
    "tcp option": _tcp_option, "exthdr": _exthdr, "prefix": _prefix, "range": _range, "concat": _concat, "set": _braces,
    "map": _map, "numgen": _numgen, "jhash": _hash("jhash"), "symhash": _hash("symhash"), "socket": _socket,
    "rt": _rt, "ipsec": _ipsec, "elem": lambda body: _key({"elem": body}),
    "osf": lambda body: f"osf {word(_fields(body).get('key'))}",
}  # fmt: skip


# --- statements ------------------------------------------------------------------------------------


def _match(body: Any) -> str:
    operator = _OPERATORS.get(str(body.get("op", "in")))
    if operator is None:
        raise JsonError(f'"{body.get("op")}" is no operator')
    left, right = expression(body.get("left")), body.get("right")
    if operator == "== " and not left.startswith(_FLAGS):
        operator = ""
    if isinstance(right, list):
        return f"{left} {operator}{' | '.join(expression(each) for each in right)}"
    return f"{left} {operator}{expression(right)}"


def _verdict_map(body: Any) -> str:
    return f"{expression(body.get('key'))} vmap {expression(body.get('data'))}"


def _mangle(body: Any) -> str:
    return f"{expression(body.get('key'))} set {expression(body.get('value'))}"


def _limit(body: Any) -> str:
    if isinstance(body, str):
        return f"limit name {label(body)}"
    over = "over " if body.get("inv") else ""
    unit = str(body.get("rate_unit", "packets"))
    burst_unit = str(body.get("burst_unit", "packets"))
    rate = f"{int(body.get('rate', 0))}" + ("" if unit == "packets" else f" {word(unit)}")
    burst = f" burst {int(body['burst'])} {word(burst_unit)}" if body.get("burst") else ""
    return f"limit rate {over}{rate}/{word(body.get('per', 'second'))}{burst}"


def _quota(body: Any) -> str:
    if isinstance(body, str):
        return f"quota name {label(body)}"
    return f"quota {'over ' if body.get('inv') else ''}{int(body.get('val', 0))} {word(body.get('val_unit', 'bytes'))}"


def _log(body: Any) -> str:
    if body is None:
        return "log"
    return f"log prefix {label(body['prefix'])}" if body.get("prefix") else "log"


def _reject(body: Any) -> str:
    kind = body.get("type") if isinstance(body, dict) else None
    if kind is None:
        return "reject"
    if kind == "tcp reset":
        return "reject with tcp reset"
    return f"reject with {word(kind)} {word(body.get('expr', 'port-unreachable'))}"


def _nat(kind: str) -> Callable[[Any], str]:
    def make(body: Any) -> str:
        if body is None:
            return kind
        family = f" {word(body['family'])}" if "family" in body else ""
        address = expression(body["addr"]) if "addr" in body else ""
        if "port" in body and ":" in address and " " not in address:
            address = f"[{address}]"
        port = f":{expression(body['port'])}" if "port" in body else ""
        flags = body.get("flags", [])
        words = ",".join(word(each) for each in (flags if isinstance(flags, list) else [flags]) if each != "netmap")
        target = f" to {address}{port}" if address or port else ""
        return f"{kind}{family}{target}{f' {words}' if words else ''}"

    return make


def _update(body: Any) -> str:
    inside = " ".join((_key(body.get("elem")), *(statement(each) for each in body.get("stmt", []))))
    return f"{word(body.get('op', 'add'))} {expression(body.get('set'))} {{ {inside} }}"


def _meter(body: Any) -> str:
    return f"meter {word(body.get('name'))} {{ {expression(body.get('key'))} {statement(body.get('stmt'))} }}"


_STATEMENTS: dict[str, Callable[[Any], str]] = {
    "match": _match, "vmap": _verdict_map, "mangle": _mangle, "limit": _limit, "quota": _quota, "log": _log,
    "reject": _reject, "dnat": _nat("dnat"), "snat": _nat("snat"), "masquerade": _nat("masquerade"),
    "redirect": _nat("redirect"), "tproxy": _nat("tproxy"), "set": _update, "meter": _meter,
    "counter": lambda _: "counter",
    "jump": lambda body: f"jump {chain_name(body)}", "goto": lambda body: f"goto {chain_name(body)}",
    "queue": lambda _: "queue", "synproxy": lambda _: "synproxy",
    "dup": lambda body: f"dup to {expression(_fields(body).get('addr'))}",
    "ct helper": lambda body: f"ct helper set {expression(body)}",
    "ct timeout": lambda body: f"ct timeout set {expression(body)}",
    "ct expectation": lambda body: f"ct expectation set {expression(body)}",
    "ct count": lambda body: f"ct count {'over ' if body.get('inv') else ''}{int(body.get('val', 0))}",
    "flow": lambda body: f"flow add {expression(_fields(body).get('flowtable'))}",
}  # fmt: skip

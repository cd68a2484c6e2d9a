"""The line that makes a chain a base chain: type, hook, devices and priority; and the flags of tables."""

from __future__ import annotations

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.dialects.reading.nftables.tables import BaseText, Table
from fwadvisor.dialects.reading.nftables.text import Piece, unquoted

TABLE_FLAGS = ("dormant", "owner", "persist")
_KINDS = ("filter", "nat", "route")
_HOOKS = ("prerouting", "input", "forward", "output", "postrouting", "ingress", "egress")
#: nft(8), "Standard priority names, family and hook compatibility matrix".
PRIORITIES = {"raw": -300, "mangle": -150, "dstnat": -100, "filter": 0, "security": 50, "srcnat": 100}
_BRIDGE_PRIORITIES = {"dstnat": -300, "filter": -200, "out": 100, "srcnat": 300}


def read_base(piece: Piece, family: str) -> BaseText:
    """``type filter hook input [device eth0] priority filter - 1``.

    Raises:
        ReadError: it is no such line.
    """
    tokens = piece.tokens
    kind, hook = tokens[1], tokens[3] if len(tokens) > 4 else ""
    if kind not in _KINDS:
        raise piece.error(f'"{kind}" is no type of a chain', 1, did_you_mean(kind, _KINDS))
    if tokens[2] != "hook" or hook not in _HOOKS:
        raise piece.error(f'"{hook}" is no hook', min(3, len(tokens) - 1), did_you_mean(hook, _HOOKS))
    at, devices = _devices(piece, 4)
    if tokens[at] != "priority":
        raise piece.error('"priority" is expected', at, did_you_mean(tokens[at], ("priority",)))
    return BaseText(kind, hook, _priority(piece, at + 1, family), devices, piece.whole())


def _devices(piece: Piece, at: int) -> tuple[int, tuple[str, ...]]:
    tokens, found = piece.tokens, []
    if tokens[at] in ("device", "devices"):
        at += 1
        while tokens[at] and tokens[at] != "priority":
            if tokens[at][0] == '"' or tokens[at][0].isalnum():
                found.append(unquoted(tokens[at]))
            at += 1
    return at, tuple(found)


def _priority(piece: Piece, at: int, family: str) -> int:
    """A number, a name, or a name and a difference."""
    words = [unquoted(token) for token in piece.tokens[at:-1]]
    names = _BRIDGE_PRIORITIES if family == "bridge" else PRIORITIES
    base = 0
    if words and words[0] in names:
        base = names[words.pop(0)]
    elif words and words[0][:1].isalpha():
        raise piece.error(
            f'"{words[0]}" is no priority', at, did_you_mean(words[0], names) or f"known are {', '.join(names)}"
        )
    text = "".join(words)
    sign, digits = (text[0], text[1:]) if text[:1] in ("+", "-") else ("+", text)
    if (text and not (digits.isascii() and digits.isdigit() and len(digits) < 11)) or not (
        text or base or len(piece.tokens) > at + 1
    ):
        raise piece.error("a priority is a number or a name, as filter - 1", at)
    return base + (int(digits or 0) if sign == "+" else -int(digits))


def read_flags(table: Table, piece: Piece) -> None:
    """The statement ``flags dormant``; a word between quotes, which only JSON has, may be any flag.

    Raises:
        ReadError: there is no such flag.
    """
    for at, word in enumerate(piece.tokens[:-1]):
        if word == "dormant":
            table.dormant = True
        elif word[:1] == '"':
            table.unknown = f"whether table {table.name} is dormant is not known, for {word} is no flag"
        elif word not in (*TABLE_FLAGS, ","):
            raise piece.error(f'"{word}" is no flag of a table', at, did_you_mean(word, TABLE_FLAGS))

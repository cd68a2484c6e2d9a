"""Values that rules write into marks: constants, or a mark with some bits changed."""

from __future__ import annotations

from dataclasses import dataclass

from fwadvisor.dialects.reading.nftables.datatypes import MARK, ElsewhereError, WordError
from fwadvisor.dialects.reading.nftables.selecting import is_selector, select
from fwadvisor.dialects.reading.nftables.values import AND, OR, XOR, Words
from fwadvisor.model.firewall import Field, Write

_FULL = 2**32 - 1
_SOURCES = {"meta mark": Field.MARK, "ct mark": Field.CONNECTION_MARK}


@dataclass(slots=True)
class Linear:
    """``(source & mask) ^ xor``; with `source` None, the constant `xor`."""

    source: str | None
    mask: int
    xor: int


def constant(text: str) -> int | None:
    """The mark that the text is, or None where it is no plain number."""
    try:
        first, last = MARK.pair(text)
    except (WordError, ElsewhereError):
        return None
    return first if first == last else None


def mark_value(words: Words) -> Linear:
    """The value that a statement writes.

    Raises:
        ReadError, NotUnderstoodError: it cannot be computed.
    """
    value = _xor(words)
    while words.word in OR:
        words.at += 1
        value = _joined(words, value, _xor(words), "|")
    return value


def _xor(words: Words) -> Linear:
    value = _and(words)
    while words.word in XOR:
        words.at += 1
        value = _joined(words, value, _and(words), "^")
    return value


def _and(words: Words) -> Linear:
    value = _primary(words)
    while words.word in AND:
        words.at += 1
        value = _joined(words, value, _primary(words), "&")
    return value


def _primary(words: Words) -> Linear:
    if words.skip("("):
        words.deeper()
        value = mark_value(words)
        words.expect(")")
        words.depth -= 1
        return value
    if is_selector(words.word):
        return Linear(select(words).text, _FULL, 0)
    return Linear(None, 0, words._number(MARK))


def _joined(words: Words, left: Linear, right: Linear, operator: str) -> Linear:
    if left.source and right.source:
        raise words.unknown("two values of a packet are not computed together")
    if right.source:
        left, right = right, left
    number, mask, xor = right.xor, left.mask, left.xor
    if operator == "&":
        return Linear(left.source, mask & number, xor & number)
    if operator == "|":
        return Linear(left.source, mask & ~number & _FULL, (xor & ~number) | number)
    return Linear(left.source, mask, xor ^ number)


def mark_write(field: Field, value: Linear) -> Write | None:
    """What is written to a mark, or None where it depends on something else than the mark itself."""
    if value.source is None:
        return Write(field, value.xor)
    if _SOURCES.get(value.source) is field:
        return Write(field, value.xor, ~value.mask & _FULL)
    return None

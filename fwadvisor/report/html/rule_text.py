"""Rule texts for the page: shortened where they are very long, and with their differences marked."""

from __future__ import annotations

import re
from difflib import SequenceMatcher
from typing import NamedTuple

#: Longer rules (sets with thousands of elements) are cut, and not compared word by word.
LONGEST = 2000
#: Below this similarity every word would be marked, which says nothing.
_ALIKE = 0.4
_WORDS = re.compile(r"\s+|[^\s,{}()]+|[,{}()]")


class Piece(NamedTuple):
    """A stretch of a rule; `differs` where the other version has something else there."""

    text: str
    differs: bool = False


def plain(text: str, everything: bool = False) -> tuple[tuple[Piece, ...], int]:
    """A rule as it is, and how many characters at its end are not shown."""
    if everything or len(text) <= LONGEST:
        return (Piece(text),), 0
    return (Piece(text[:LONGEST]),), len(text) - LONGEST


def compared(before: str, after: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]] | None:
    """Two versions of a rule with what differs, or None where they are too long or have too little in common."""
    if before == after or max(len(before), len(after)) > LONGEST:
        return None
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return None
    one: list[Piece] = []
    other: list[Piece] = []
    for tag, i, j, k, m in matcher.get_opcodes():
        for pieces, words in ((one, old[i:j]), (other, new[k:m])):
            if words:
                pieces.append(Piece("".join(words), tag != "equal"))
    return tuple(one), tuple(other)

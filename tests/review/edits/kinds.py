"""Kinds of edits that people make, as changes of text; and whether they change what happens to any packet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from .files import Sample

#: Before and after; None where the kind has no place in the files.
Pair = tuple[Sample, Sample]


@dataclass(frozen=True, slots=True)
class EditKind:
    """One kind of edit."""

    name: str
    apply: Callable[[Sample, Random], Pair | None]
    #: Whether no packet may notice.
    same: bool


KINDS: dict[str, EditKind] = {}
_Plain = Callable[[Sample, Random], "Sample | None"]


def edit(name: str, *, same: bool = False, before: _Plain | None = None) -> Callable[[_Plain], _Plain]:
    """Registers a kind. `before` makes the file that is edited where a shipped one has no place for it."""

    def register(change: _Plain) -> _Plain:
        def apply(sample: Sample, dice: Random) -> Pair | None:
            old = sample if before is None else before(sample, dice)
            new = None if old is None else change(old, dice)
            return None if old is None or new is None or new == old else (old, new)

        assert name not in KINDS
        KINDS[name] = EditKind(name, apply, same)
        return change

    return register

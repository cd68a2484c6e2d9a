"""Named sets and maps as the rules of one table see them."""

from __future__ import annotations

from dataclasses import dataclass, field

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.dialects.reading.nftables.building import PROTOCOLS, Known
from fwadvisor.dialects.reading.nftables.datatypes import SET_TYPES, Datatype
from fwadvisor.dialects.reading.nftables.lookups import Dimension, key_tests
from fwadvisor.dialects.reading.nftables.selecting import dimensions
from fwadvisor.dialects.reading.nftables.tables import SetText, Table
from fwadvisor.dialects.reading.nftables.text import NotUnderstoodError, Piece
from fwadvisor.dialects.reading.nftables.values import Element, Key, Words, values_of
from fwadvisor.errors import ReadError
from fwadvisor.model.firewall import Names, Test
from fwadvisor.model.interval import subtract

#: So often may elements be deleted that are parts of others.
_MOST_SPLITS = 1000


@dataclass(slots=True)
class Content:
    """A set or map as it was read."""

    text: SetText
    types: tuple[Datatype, ...]
    #: "" for a set, "verdict" or "data" for a map.
    mapping: str
    elements: list[Element]
    #: The tests of earlier lookups, by the expressions that were looked up.
    lookups: dict[tuple[object, ...], tuple[Test, ...]] = field(default_factory=dict)

    def tests(self, over: tuple[Dimension, ...], known: Known, holds: bool) -> tuple[Test, ...]:
        """The tests for packets whose key is in the set, or where `holds` is False, is not.

        Raises:
            TooManyError: a mask makes too many ranges.
        """
        family, protocols = known.family, known.protocols
        where = (holds, family, protocols, known.asked_protocol and protocols != PROTOCOLS)
        place = (*where, *((each.selector, each.mask, each.xor) for each in over))
        found = self.lookups.get(place)
        if found is None:
            keys = [each.key for each in self.elements if each.key is not None]
            everything = len(keys) < len(self.elements)
            found = (() if holds else key_tests(over, known, [])) if everything else key_tests(over, known, keys, holds)
            self.lookups[place] = found
        return found


class Contents:
    """The sets of a table, each read when it is first asked for."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._read: dict[str, Content] = {}
        #: Sets whose text is wrong, which is said once.
        self._wrong: set[str] = set()

    def get(self, name: str, words: Words) -> Content:
        """The set of this name.

        Raises:
            ReadError: there is none, or its text is wrong; the first points at the present token.
            NotUnderstoodError: its type is not known.
        """
        found = self._read.get(name)
        if found is None:
            text = self._table.sets.get(name)
            if text is None:
                hint = did_you_mean(name, self._table.sets)
                raise words.refuse(f'table "{self._table.label}" has no set "{name}"', hint)
            if name in self._wrong:
                raise words.unknown(f'set "{name}" cannot be read')
            try:
                found = self._read[name] = self._content(text, words)
            except ReadError:
                self._wrong.add(name)
                raise
        return found

    def check(self, name: str) -> None:
        """Read a set that nothing asked for.

        Raises:
            ReadError: its text is wrong.
        """
        text = self._table.sets[name]
        if name in self._read or name in self._wrong or text.kind is None:
            return
        try:
            self.get(name, Words(text.kind))
        except NotUnderstoodError:
            return

    def _content(self, text: SetText, words: Words) -> Content:
        if text.kind is None:
            raise words.unknown(f'the type of set "{text.name}" is not known')
        try:
            types, mapping = _types(text.kind, text.by_expression)
            elements = _Elements()
            for added, piece in text.elements:
                some: list[Element] = []
                Words(piece).elements(types, mapping if added else "", some)
                if added:
                    elements.add(some)
                else:
                    elements.remove(some, piece)
        except NotUnderstoodError as problem:
            raise words.unknown(f'in set "{text.name}": {problem.reason}') from None
        return Content(text, types, mapping, list(elements.kept.values()))


def _types(piece: Piece, by_expression: bool) -> tuple[tuple[Datatype, ...], str]:
    """The types of a key, and what kind of map it is."""
    words = Words(piece)
    if by_expression:
        types = tuple(each.type for each in dimensions(words))
    else:
        found = [_type(words)]
        while words.skip("."):
            found.append(_type(words))
        types = tuple(found)
    if not words.skip(":"):
        return types, ""
    return types, "verdict" if words.word == "verdict" else "data"


def _type(words: Words) -> Datatype:
    word = words.word
    found = SET_TYPES.get(word)
    if found is None:
        raise words.refuse(f'"{word}" is no type of nft', did_you_mean(word, SET_TYPES))
    words.at += 1
    return found


class _Elements:
    """The elements of a set while commands add and take away."""

    def __init__(self) -> None:
        self.kept: dict[Key | None, Element] = {}
        self._splits = 0

    def add(self, some: list[Element]) -> None:
        for each in some:
            self.kept[each.key] = each

    def remove(self, gone: list[Element], piece: Piece) -> None:
        """Take elements away; what is taken out of the midst of a range splits it."""
        if all(self.kept.pop(each.key, None) for each in gone):
            return
        self._splits += 1
        if self._splits > _MOST_SPLITS:
            raise piece.error("too many elements are deleted that were not added as they are", 0)
        pairs = [each.key[0] for each in self.kept.values() if each.key and len(each.key) == 1 and not each.result]
        inside, out = values_of(pairs), values_of([each.key[0] for each in gone if each.key])
        if len(pairs) == len(self.kept) and not isinstance(inside, Names) and not isinstance(out, Names):
            self.kept = {(pair,): Element((pair,), None) for pair in subtract(inside, out)}

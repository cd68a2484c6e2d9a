"""The right side of comparisons: words, ranges, networks, bits and sets of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.dialects.reading.nftables.building import Values
from fwadvisor.dialects.reading.nftables.datatypes import (
    CLASS,
    CLOCK,
    INTERFACE,
    Datatype,
    ElsewhereError,
    Pair,
    WordError,
)
from fwadvisor.dialects.reading.nftables.text import NotUnderstoodError, Piece, unquoted
from fwadvisor.errors import ReadError
from fwadvisor.model.firewall import Names
from fwadvisor.model.interval import normalize

#: One value of a set: numbers from-to, or a name.
Item: TypeAlias = Pair | str
#: The value of each dimension of a concatenation.
Key: TypeAlias = tuple[Item, ...]
#: What a map leads to: a verdict ("accept", "") or ("jump", chain), or the words of a value.
Result: TypeAlias = tuple[str, str]

OR, AND, XOR = ("|", "or"), ("&", "and"), ("^", "xor")
_VERDICTS = frozenset(("accept", "drop", "continue", "return"))
_MOST_DEPTH = 50


@dataclass(slots=True)
class Element:
    """One element of a set or map; a key of None stands for all other keys (``*``)."""

    key: Key | None
    result: Result | None


class Words:
    """A walk through the tokens of a piece."""

    def __init__(self, piece: Piece) -> None:
        self.piece = piece
        self.tokens = piece.tokens
        self.at = 0
        #: How deep parentheses nest.
        self.depth = 0

    @property
    def word(self) -> str:
        """The present token, "" at the end."""
        return self.tokens[self.at]

    def take(self) -> str:
        """The present token, and go on."""
        token = self.tokens[self.at]
        if token:
            self.at += 1
        return token

    def skip(self, token: str) -> bool:
        """Whether the present token is this one, which is then passed."""
        if self.tokens[self.at] == token:
            self.at += 1
            return True
        return False

    def expect(self, token: str) -> None:
        """Take one certain token.

        Raises:
            ReadError: there is another one.
        """
        if not self.skip(token):
            raise self.refuse(f'"{token}" is expected')

    def refuse(self, message: str, hint: str = "") -> ReadError:
        """The refusal of the present token."""
        return self.piece.error(message, self.at, hint)

    def deeper(self) -> None:
        """Go into a parenthesis.

        Raises:
            ReadError: they nest too deep.
        """
        self.depth += 1
        if self.depth > _MOST_DEPTH:
            raise self.refuse("parentheses nest too deep")

    def unknown(self, reason: str, known: Iterable[str] = ()) -> NotUnderstoodError:
        """That the present token is not understood; `known` are the words that would be."""
        return NotUnderstoodError(reason, self.at, known)

    # --- one value ---------------------------------------------------------------------------------

    def pair(self, of: Datatype) -> Pair:
        """A word of a type, which may be a network.

        Raises:
            ReadError: the type has no such word.
            NotUnderstoodError: only the machine knows it.
        """
        token = self.tokens[self.at]
        try:
            found = of.pair(token)
        except WordError as problem:
            hint = did_you_mean(unquoted(token), problem.known) or (
                f"known are {', '.join(list(problem.known)[:12])}" if problem.known else ""
            )
            raise self.refuse(str(problem), hint) from None
        except ElsewhereError as problem:
            raise self.unknown(str(problem)) from None
        self.at += 1
        return found

    def number(self, of: Datatype) -> int:
        """Constants with ``|``, ``&``, ``^`` and parentheses."""
        value = self._number_and(of)
        while self.word in OR or self.word in XOR:
            joined = self.take() in OR
            other = self._number_and(of)
            value = value | other if joined else value ^ other
        return value

    def _number_and(self, of: Datatype) -> int:
        value = self._number(of)
        while self.word in AND:
            self.at += 1
            value &= self._number(of)
        return value

    def _number(self, of: Datatype) -> int:
        if self.skip("("):
            self.deeper()
            value = self._number(of)
            while self.word != ")":
                word = self.take()
                if word not in (*OR, *AND, *XOR, ","):
                    raise self.piece.error('")" is expected', max(0, self.at - 1))
                other = self._number(of)
                value = value & other if word in AND else value ^ other if word in XOR else value | other
            self.at += 1
            self.depth -= 1
            return value
        first, last = self.pair(of)
        if first != last:
            raise self.piece.error("one value is expected, not several", self.at - 1)
        if self.word in ("<<", ">>"):
            raise self.unknown("shifts are not computed")
        return first

    def item(self, of: Datatype) -> Item:
        """One value: a name, a number, a range, a network, or bits together."""
        if of.textual:
            return self._name(of)
        if of.bitmask or self.word == "(":
            number = self.number(of)
            return number, number
        if of is CLASS and self.tokens[self.at + 1 : self.at + 2] == [":"]:
            return self._class(of)
        at = self.at
        first, last = self.pair(of)
        joint = self.tokens[self.at]
        if joint == "-":
            self.at += 1
            _, last = self.pair(of)
            if last < first:
                if of is CLOCK:
                    return first, last  # Over midnight: everything but what lies between.
                raise self.piece.error("the range ends before it begins", at)
        elif joint == "/":
            self.at += 1
            length = self.take()
            if not length.isdigit() or int(length[:6]) > of.bits:
                raise self.piece.error(f"a prefix length is expected, at most {of.bits}", self.at - 1)
            host = (1 << (of.bits - int(length))) - 1
            first, last = first & ~host, first | host
        elif joint in OR or joint in AND or joint in XOR:
            self.at = at
            first = last = self.number(of)
        return first, last

    def _class(self, of: Datatype) -> Item:
        """``1:10``, which the tokens tear apart."""
        text = "".join(self.tokens[self.at : self.at + 3])
        try:
            found = of.pair(text)
        except WordError as problem:
            raise self.refuse(str(problem)) from None
        self.at += 3
        return found

    def _name(self, of: Datatype) -> str:
        token = self.tokens[self.at]
        if not (token[:1] == '"' or token[:1].isalnum() or token[:1] == "_"):
            raise self.refuse(f"a {of.name} is expected")
        self.at += 1
        text = unquoted(token)
        if of is INTERFACE and text.isdigit():
            if text == "1":
                return "lo"
            raise NotUnderstoodError(f"which interface has the number {text} is not known", self.at - 1)
        if text in ("*", ""):
            raise self.piece.error(f'"{text}" is no {of.name}', self.at - 1)
        return text

    # --- sets --------------------------------------------------------------------------------------

    def elements(self, types: tuple[Datatype, ...], mapping: str, found: list[Element], depth: int = 0) -> None:
        """Everything between braces, the opening one is the present token.

        `mapping` is "" for a set, "verdict" or "data" for maps.
        """
        self.expect("{")
        if depth > _MOST_DEPTH:
            raise self.refuse("braces nest too deep")
        single = types[0] if len(types) == 1 and not mapping and not types[0].textual and not types[0].bitmask else None
        tokens = self.tokens
        while not self.skip("}"):
            if single is not None and tokens[self.at + 1] in _SIMPLE:
                found.append(Element((self.pair(single),), None))
            elif self.word == "{":
                self.elements(types, mapping, found, depth + 1)
            else:
                found.append(self._element(types, mapping))
            if not self.skip(",") and self.word != "}":
                raise self.refuse(f'"," or "}}" is expected{_instead(self.word)}')

    def _element(self, types: tuple[Datatype, ...], mapping: str) -> Element:
        key: Key | None = None
        if not self.skip("*"):
            key = self.key(types)
        self._options()
        if not mapping:
            return Element(key, None)
        self.expect(":")
        result = self.verdict() if mapping == "verdict" else self._data()
        self._options()
        return Element(key, result)

    def key(self, types: tuple[Datatype, ...]) -> Key:
        """The values of each dimension, joined by dots."""
        items = [self.item(types[0])]
        for each in types[1:]:
            if not self.skip("."):
                raise self.refuse(f'"." and a {each.name} are expected{_instead(self.word)}')
            items.append(self.item(each))
        if self.word == ".":
            raise self.refuse(f"the key has {len(types)} part{'s' if len(types) > 1 else ''}, and more follow")
        return tuple(items)

    def _options(self) -> None:
        """Pass the comment, counter, timeout and so on of an element."""
        if self.word in _OPTIONS:
            while self.word not in _ENDS:
                self.at += 1

    def verdict(self) -> Result:
        """A verdict of a map."""
        word = self.take()
        if word in _VERDICTS:
            return word, ""
        if word in ("jump", "goto"):
            return word, self.chain_name()
        if word == "queue":
            while self.word not in _ENDS:
                self.at += 1
            return "queue", ""
        raise self.piece.error(f'"{word}" is no verdict', max(0, self.at - 1), did_you_mean(word, _VERDICTS))

    def chain_name(self) -> str:
        """The name of a chain to jump to."""
        token = self.word
        if not (token[:1].isalpha() or token[:1] in ("_", '"')):
            raise self.refuse("the name of a chain is expected")
        self.at += 1
        return unquoted(token)

    def _data(self) -> Result:
        first = self.at
        while self.word not in (",", "}", ""):
            self.at += 1
        if first == self.at:
            raise self.refuse("a value is expected")
        return " ".join(self.tokens[first : self.at]), ""


_SIMPLE = frozenset((",", "}"))
_ENDS = frozenset((",", "}", ":", ""))
_OPTIONS = frozenset(("comment", "timeout", "expires", "counter", "limit", "quota", "ct", "last"))


def _instead(token: str) -> str:
    return f', not "{token}"' if token else ""


def values_of(items: list[Item]) -> Values:
    """Several values of one dimension as a set."""
    if items and isinstance(items[0], str):
        plain, prefixes = set(), set()
        for each in items:
            text = str(each)
            if text.endswith("\\*"):
                plain.add(f"{text[:-2]}*")
            elif text.endswith("*"):
                prefixes.add(text[:-1])
            else:
                plain.add(text)
        return Names(frozenset(plain), frozenset(prefixes))
    return normalize(each for each in items if not isinstance(each, str))

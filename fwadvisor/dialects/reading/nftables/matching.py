"""Comparisons: an expression, an operator, and values or a set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.nftables import building
from fwadvisor.dialects.reading.nftables.building import Known, any_condition
from fwadvisor.dialects.reading.nftables.contents import Content
from fwadvisor.dialects.reading.nftables.datatypes import CLOCK
from fwadvisor.dialects.reading.nftables.expressions import asks_connection
from fwadvisor.dialects.reading.nftables.lookups import Dimension, TooManyError, key_tests, unknown_content
from fwadvisor.dialects.reading.nftables.masks import unmasked
from fwadvisor.dialects.reading.nftables.values import Element, Key, Words, values_of
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    AnyOf,
    Condition,
    ConditionTest,
    FamilyTest,
    Field,
    IntegerTest,
    Test,
)
from fwadvisor.model.interval import Intervals, intersect, normalize

if TYPE_CHECKING:
    from fwadvisor.dialects.reading.nftables.context import Place

_OPERATORS = {
    "==": "==", "eq": "==", "!=": "!=", "ne": "!=", "<": "<", "lt": "<", ">": ">", "gt": ">", "<=": "<=", "le": "<=",
    ">=": ">=", "ge": ">=", "!": "!", "not": "!",
}  # fmt: skip
_MARKS = {"meta mark": Field.MARK, "ct mark": Field.CONNECTION_MARK}
_ASKED_EACH_TIME = ("numgen", "meta random")


class Matching(Words):
    """The comparisons of one rule; what earlier ones say is in `known`."""

    def __init__(self, place: Place, words: Words) -> None:
        super().__init__(words.piece)
        self.place = place
        family = {"ip": Family.IPV4, "ip6": Family.IPV6}.get(place.table.family)
        self.known = Known(family)

    def comparison(self, over: list[Dimension]) -> tuple[Test, ...]:
        """The tests of a comparison whose left side was read.

        Raises:
            ReadError, NotUnderstoodError: the right side cannot be read.
        """
        implied = self.implied(over)
        operator = _OPERATORS.get(self.word, "")
        if operator:
            self.at += 1
        try:
            tests = self._right(over, operator)
        except TooManyError:
            raise self.unknown("the mask makes too many values") from None
        if over[0].selector.text.startswith(_ASKED_EACH_TIME):
            tests = self.place.context.all_asked(tests)
        self._learn(tests)
        return (*implied, *tests)

    def implied(self, over: list[Dimension]) -> tuple[Test, ...]:
        """What is so where the expressions have a value: nft asks for the family and protocol of a header."""
        found: list[Test] = []
        known = self.known
        for each in over:
            family, protocol = each.selector.family, each.selector.protocol
            asked = protocol is not None and known.protocols == ((protocol, protocol),)
            if protocol is not None and known.protocols != ((protocol, protocol),):
                found.append(IntegerTest(Field.PROTOCOL, ((protocol, protocol),)))
                known.protocols, known.asked_protocol = intersect(known.protocols, ((protocol, protocol),)), True
            # With the protocol asked for already, nft adds no test of the family for icmp and icmpv6.
            if family is not None and known.family is not family and not asked:
                if known.family is None or protocol is None:
                    found.append(FamilyTest(family))
                known.family = known.family or family
            if asks_connection(each.selector.text):
                found.append(building.CONNECTED)
        return tuple(found)

    def _learn(self, tests: tuple[Test, ...]) -> None:
        known = self.known
        for test in tests:
            if isinstance(test, FamilyTest):
                known.family = known.family or test.family
            elif isinstance(test, IntegerTest) and test.field is Field.PROTOCOL:
                known.protocols = intersect(known.protocols, test.values)
                known.asked_protocol = True

    # --- the right side ----------------------------------------------------------------------------

    def _right(self, over: list[Dimension], operator: str) -> tuple[Test, ...]:
        word = self.word
        if word[:1] == "@" and len(word) > 1:
            return self._named(over, operator)
        if word == "{":
            found: list[Element] = []
            self.elements(tuple(each.type for each in over), "", found)
            self._only_equal(operator)
            keys = [each.key for each in found if each.key is not None]
            if len(keys) < len(found):
                return () if operator != "!=" else (building.NEVER,)
            if len(found) == 1 and len(over) == 1 and over[0].type.bitmask and not operator and over[0].mask is None:
                return self._any_bit(over[0], _bits_of(keys[0]), True)  # nft drops the braces around one element.
            return self._marked(over, operator, keys) or key_tests(over, self.known, keys, operator != "!=")
        if len(over) > 1:
            key = self.key(tuple(each.type for each in over))
            self._only_equal(operator)
            return self._marked(over, operator, [key]) or key_tests(over, self.known, [key], operator != "!=")
        return self._single(over[0], operator)

    def _only_equal(self, operator: str) -> None:
        if operator not in ("", "==", "!="):
            raise self.refuse(f'a set is compared with == and !=, not with "{operator}"')

    def _named(self, over: list[Dimension], operator: str) -> tuple[Test, ...]:
        content = self.place.contents.get(self.word[1:], self)
        self._fits(content, over)
        self.at += 1
        self._only_equal(operator)
        holds = operator != "!="
        if content.text.dynamic:
            return self.dynamic(content, over, holds)
        keys = (
            [each.key for each in content.elements if each.key is not None]
            if any(each.selector.text in _MARKS for each in over)
            else []
        )
        return self._marked(over, operator, keys) or content.tests(tuple(over), self.known, holds)

    def _fits(self, content: Content, over: list[Dimension]) -> None:
        """Check that a set has the types of the expressions."""
        if len(content.types) != len(over):
            raise self.refuse(f'the elements of "{content.text.name}" have {len(content.types)} parts, not {len(over)}')
        for kind, each in zip(content.types, over, strict=True):
            if kind is not each.type and (kind.textual != each.type.textual or kind.bits != each.type.bits):
                message = f'the elements of "{content.text.name}" are of type {kind.name}'
                raise self.refuse(f"{message}, not {each.type.name}")

    def _single(self, over: Dimension, operator: str) -> tuple[Test, ...]:
        of = over.type
        if of.bitmask:
            return self._bits(over, operator)
        at = self.at
        item = self.item(of)
        if self.word == "," and over.mask is None:
            raise self.refuse("several values stand between braces")
        if isinstance(item, str):
            if operator not in ("", "==", "!="):
                raise self.piece.error(f'names are not compared with "{operator}"', at)
            return over.tests(self.known, values_of([item]), operator != "!=")
        first, last = item
        holds = operator != "!="
        if first > last:
            first, last, holds = last, first, not holds
        if operator in ("<", "<=", ">", ">="):
            if over.selector.build is building.next_header:
                raise self.unknown("the order of next headers is not compared")
            first, last = _ordered(operator, first, last, of.largest)
        values: Intervals = ((first, last),) if first <= last else ()
        if of is CLOCK and not values:
            return (building.NEVER,)
        return self._mark(over, values, holds) or over.tests(self.known, values, holds)

    def _bits(self, over: Dimension, operator: str) -> tuple[Test, ...]:
        """Flags: alone they ask whether any is set, with ``==`` for exactly these."""
        of = over.type
        value = self.number(of)
        while self.word == ",":
            self.at += 1
            value |= self.number(of)
        mask: int | None = None
        if self.skip("/"):
            mask = self.number(of)
            while self.skip(","):
                mask |= self.number(of)
        if over.mask is None and mask is None and operator in ("", "!"):
            return self._any_bit(over, value, operator == "")
        if operator not in ("", "==", "!="):
            raise self.refuse(f'flags are not compared with "{operator}"')
        asked = mask if mask is not None else over.mask
        if over.selector.bit is not None and asked is not None and not over.xor:
            return self._condition_bits(over, asked, value, operator)
        masked = Dimension(over.selector, asked, over.xor)
        return masked.tests(self.known, ((value, value),), operator != "!=")

    def _any_bit(self, over: Dimension, value: int, holds: bool) -> tuple[Test, ...]:
        if over.selector.bit is not None:
            places = tuple((at, at) for at in range(over.type.bits) if value >> at & 1)
            return over.selector.bit(self.known, places, holds)
        masked = Dimension(over.selector, value)
        return masked.tests(self.known, ((0, 0),), not holds)

    def _condition_bits(self, over: Dimension, mask: int, value: int, operator: str) -> tuple[Test, ...]:
        build = over.selector.bit
        if build is None or value & ~mask:
            return (building.NEVER,) if operator != "!=" else ()
        tests = tuple(
            test
            for at in range(over.type.bits)
            if mask >> at & 1
            for test in build(self.known, ((at, at),), bool(value >> at & 1))
        )
        return tests if operator != "!=" else (AnyOf((tests,), False),)

    # --- marks that are conditions -----------------------------------------------------------------

    def _mark(self, over: Dimension, values: Intervals, holds: bool) -> tuple[Test, ...]:
        """The condition of a mark that is no set of values in this file; () where it is one."""
        field = _MARKS.get(over.selector.text)
        if field is None:
            return ()
        context = self.place.context
        if field not in context.unsure:
            try:
                over.tests(self.known, values, holds)
            except TooManyError:
                context.found_unsure.add(field)
            else:
                return ()
        name = _mark_name(over, values, field is Field.CONNECTION_MARK)
        if context.left_out((field,), self.piece.whole()):
            return (ConditionTest(Condition(context.asked(name), understood=False), holds),)
        return (ConditionTest(Condition(name), holds),)

    def dynamic(self, content: Content, over: list[Dimension], holds: bool = True) -> tuple[Test, ...]:
        """The condition of a set whose elements come and go; not understood where rules write a mark of its key."""
        context, name = self.place.context, unknown_content(self.place.set_name(content.text.name), over)
        marks = _marks_of(over)
        context.found_unsure |= marks
        if context.left_out(marks, self.piece.whole()):
            return (ConditionTest(Condition(context.asked(name), understood=False), holds),)
        return any_condition([name], holds)

    def sure_of(self, over: list[Dimension]) -> None:
        """Nothing, where no mark is a condition in this file.

        Raises:
            NotUnderstoodError: one is.
        """
        if not _marks_of(over).isdisjoint(self.place.context.unsure):
            raise self.unknown("a mark that is not constant is looked up in a map")

    def _marked(self, over: list[Dimension], operator: str, keys: list[Key]) -> tuple[Test, ...]:
        """As `_mark` for the elements of a set."""
        context = self.place.context
        fields = _marks_of(over)
        if not fields:
            return ()
        if fields.isdisjoint(context.unsure):
            try:
                key_tests(over, self.known, keys)
            except TooManyError:
                context.found_unsure |= fields
            else:
                return ()
        found = [item for key in keys for item in key if not isinstance(item, str)]
        if len(over) > 1:
            raise self.unknown("a mark that is not constant is looked up in a set")
        # nft joins neighbours where one of the elements is a range.
        items = found if all(first == last for first, last in found) else normalize(found)
        each = [test for item in items for test in self._mark(over[0], (item,), True)]
        return (AnyOf(tuple((test,) for test in each), operator != "!="),)


def _marks_of(over: list[Dimension]) -> set[Field]:
    return {field for each in over if (field := _MARKS.get(each.selector.text))}


def _mark_name(over: Dimension, values: Intervals, connection: bool) -> str:
    """One name for the same marks, whether they are said with a mask, as a range or as a prefix."""
    wanted = values if over.mask is None else unmasked(values, over.mask, over.xor, over.type.bits)
    if wanted is not None and len(wanted) == 1:
        first, size = wanted[0][0], wanted[0][1] - wanted[0][0] + 1
        if size & (size - 1) == 0 and first % size == 0:
            return conditions.mark(first, over.type.largest ^ (size - 1), connection)
    mask = over.type.largest if over.mask is None else over.mask
    if wanted is None and len(values) == 1 and values[0][0] == values[0][1]:
        return conditions.mark(values[0][0] ^ over.xor, mask, connection)
    shown = ",".join(f"{first:#x}-{last:#x}" for first, last in (values if wanted is None else wanted))
    return f"{conditions.mark(over.xor, mask if wanted is None else over.type.largest, connection)} in {shown}"


def _bits_of(key: Key) -> int:
    item = key[0]
    return item[0] if not isinstance(item, str) else 0


def _ordered(operator: str, first: int, last: int, largest: int) -> tuple[int, int]:
    if operator == "<":
        return 0, first - 1
    if operator == "<=":
        return 0, last
    return (last + 1, largest) if operator == ">" else (first, largest)

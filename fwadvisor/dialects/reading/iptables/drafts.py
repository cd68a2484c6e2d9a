"""Rules from commands: what the words ask of a packet, and what they do to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.iptables.addresses import NotResolvedError, network
from fwadvisor.dialects.reading.iptables.command import Command, Instance, Valued
from fwadvisor.dialects.reading.iptables.matches.addresses import address_test
from fwadvisor.dialects.reading.iptables.numbers import protocol
from fwadvisor.dialects.reading.iptables.parts import (
    ChangingTest,
    Context,
    Draft,
    EarlyState,
    Given,
    Leads,
    MarkWrite,
    MaskedTest,
    Match,
    Part,
    SetTest,
    Target,
    condition,
)
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.dialects.reading.iptables.targets import resets
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    Condition,
    ConditionTest,
    Continue,
    Field,
    IntegerTest,
    Names,
    NameTest,
    Test,
    Unknown,
)
from fwadvisor.model.interval import subtract
from fwadvisor.model.rule import LOOPBACK, TCP

_WAITING = (MaskedTest, SetTest, ChangingTest, EarlyState, MarkWrite)
_PROTOCOLS = ((0, 255),)
_LONGEST_INTERFACE = 15
_SIDES = {"s": Field.SOURCE, "d": Field.DESTINATION}
_INTERFACES = {"i": Field.IN_INTERFACE, "o": Field.OUT_INTERFACE}
_OPTIONS = {"s": "-s", "d": "-d"}
#: A list of sources and one of destinations stand for so many rules at most.
_MOST_RULES = 10_000


@dataclass(frozen=True, slots=True)
class _Found:
    """What words were found to mean."""

    tests: tuple[Part, ...]
    waits: bool = False
    opaque: str = ""


def not_understood(text: str) -> ConditionTest:
    """A condition of which only the words are known."""
    return ConditionTest(Condition(text, understood=False))


class Reader:
    """Reads the rules of one family; what it found out about words it keeps."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self._matches: dict[tuple[str, bool, tuple[Given, ...]], _Found] = {}
        self._plain: dict[tuple[str, str, bool], _Found] = {}

    def read(self, command: Command, table: str) -> list[Draft]:
        """The rules that a command stands for: one, or more where it lists addresses.

        Raises:
            RefusedError: iptables would refuse it.
        """
        context = Context(self.family, table)
        draft = Draft(comment=command.comment)
        for letter in "iop":
            if letter in command.plain:
                self._add(draft, self._found_plain(letter, command.plain[letter]))
        if command.fragment is not None:
            self._fragment(command, draft)
        number = self._protocol(command)
        for instance in command.matches:
            if instance.module.name != "comment":
                self._match(draft, instance, number, context)
        self._target(draft, command, number, context)
        for strange in command.strange:
            self._strange(draft, strange.text, strange.target)
        return list(self._with_addresses(draft, command))

    # What the header is asked

    def _add(self, draft: Draft, found: _Found) -> None:
        draft.tests += found.tests
        draft.waits = draft.waits or found.waits
        if found.opaque:
            draft.opaque.append(found.opaque)

    def _found_plain(self, letter: str, value: Valued) -> _Found:
        key = (letter, value.text, value.negated)
        found = self._plain.get(key)
        if found is None:
            try:
                found = self._plain[key] = self._read_plain(letter, value.text, value.negated)
            except RefusedError as refusal:
                raise RefusedError(refusal.message, value.text, refusal.hint, value.at) from None
        return found

    def _read_plain(self, letter: str, text: str, negated: bool) -> _Found:
        if letter == "p":
            return _protocol_test(text, negated)
        if letter in _INTERFACES:
            return _Found(_interface(_INTERFACES[letter], text, negated))
        try:
            values = network(text, self.family)
        except NotResolvedError as problem:
            side = _SIDES[letter]
            test = ConditionTest(Condition(f"{side} {text}", understood=False), not negated)
            return _Found((test,), opaque=problem.reason)
        if values == self.family.universe and not negated:
            return _Found(())
        return _Found((address_test(_SIDES[letter], values, self.family, negated),))

    def _fragment(self, command: Command, draft: Draft) -> None:
        if self.family is Family.IPV6:
            raise RefusedError("-f is for IPv4 alone", "-f", "in IPv6 use -m frag")
        draft.tests.append(condition(conditions.FRAGMENT, bool(command.fragment)))

    def _protocol(self, command: Command) -> int:
        """The one protocol that the rule names, or 0."""
        value = command.plain.get("p")
        return 0 if value is None or value.negated else protocol(value.text)

    def _with_addresses(self, draft: Draft, command: Command) -> Iterator[Draft]:
        source, destination = (self._addresses(letter, command) for letter in "sd")
        if len(source) * len(destination) > _MOST_RULES:
            raise RefusedError(f"the lists of addresses stand for more than {_MOST_RULES} rules")
        if len(source) == len(destination) == 1:
            self._add(draft, source[0])
            self._add(draft, destination[0])
            yield draft
            return
        for first in source:
            for second in destination:
                each = replace(draft, tests=list(draft.tests), opaque=list(draft.opaque))
                self._add(each, first)
                self._add(each, second)
                yield each

    def _addresses(self, letter: str, command: Command) -> list[_Found]:
        value = command.plain.get(letter)
        if value is None:
            return [_Found(())]
        if "," not in value.text:
            return [self._found_plain(letter, value)]
        if value.negated:
            hint = "each of the rules would let the others' addresses through; write one rule for each address"
            raise RefusedError("a list of addresses cannot be negated", value.text, hint, value.at)
        return [self._found_plain(letter, Valued(text, False, value.at)) for text in value.text.split(",")]

    # Matches and targets

    def _match(self, draft: Draft, instance: Instance, number: int, context: Context) -> None:
        match = instance.module
        if not isinstance(match, Match):
            raise TypeError(match)
        if self.family not in match.families:
            raise RefusedError(f"{match.name} is not for IPv{self.family}", match.name, at=instance.at)
        if match.protocols and number not in match.protocols:
            names = {1: "icmp", 6: "tcp", 17: "udp", 33: "dccp", 50: "esp", 58: "icmpv6", 108: "ipcomp", 132: "sctp"}
            wanted = " or ".join(f"-p {names.get(each, each)}" for each in match.protocols)
            raise RefusedError(f"{match.name} needs {wanted}", match.name, at=instance.at)
        key = (match.name, context.table == "raw", tuple(instance.given))
        found = self._matches.get(key)
        if found is None:
            found = self._matches[key] = self._read_match(match, instance, context)
        if found.waits:
            draft.effects += tuple(each for each in found.tests if isinstance(each, MarkWrite))
        self._add(draft, found)

    def _read_match(self, match: Match, instance: Instance, context: Context) -> _Found:
        given = tuple(instance.given)
        try:
            tests = match.read(given, context)
        except RefusedError as refusal:
            raise RefusedError(refusal.message, refusal.word or match.name, refusal.hint) from None
        except NotResolvedError as problem:
            words = " ".join(" ".join(("!",) * each.negated + (each.name, *each.values)) for each in given)
            return _Found((not_understood(f"{match.name} {words}"),), opaque=problem.reason)
        return _Found(tests, any(isinstance(each, _WAITING) for each in tests))

    def _target(self, draft: Draft, command: Command, number: int, context: Context) -> None:
        if command.leads is not None:
            draft.action = Leads(command.leads.text, command.goto)
            return
        if command.target is None:
            draft.action = Continue()
            return
        instance, target = command.target, command.target.module
        if not isinstance(target, Target):
            raise TypeError(target)
        if self.family not in target.families:
            raise RefusedError(f"{target.name} is not for IPv{self.family}", target.name, at=instance.at)
        if target.tables and context.table not in target.tables:
            wanted = " or ".join(target.tables)
            raise RefusedError(
                f"{target.name} is not for the table {context.table}", target.name, f"it is for {wanted}", instance.at
            )
        draft.details = tuple(instance.given)
        try:
            outcome = target.read(draft.details, context)
        except RefusedError as refusal:
            raise RefusedError(refusal.message, refusal.word or target.name, refusal.hint) from None
        if target.name == "REJECT" and resets(draft.details) and number != TCP:
            raise RefusedError("only TCP connections are reset", target.name, "add -p tcp", instance.at)
        draft.action = outcome.action
        draft.effects += outcome.effects
        if outcome.opaque:
            draft.opaque.append(outcome.opaque)

    def _strange(self, draft: Draft, text: str, target: bool) -> None:
        name = text.split(" ", 1)[0]
        if target:
            reason = f"the target {name} is not known"
            draft.action = Unknown(reason)
        else:
            reason = f"the match {name} is not known"
            draft.tests.append(not_understood(text))
        draft.opaque.append(reason)


def _protocol_test(text: str, negated: bool) -> _Found:
    number = protocol(text)
    if number == 0:
        if negated:
            raise RefusedError("no packet has none of all protocols", text)
        return _Found(())
    values = ((number, number),)
    return _Found((IntegerTest(Field.PROTOCOL, subtract(_PROTOCOLS, values) if negated else values),))


def _interface(field: Field, text: str, negated: bool) -> tuple[Test, ...]:
    if len(text) > _LONGEST_INTERFACE:
        raise RefusedError(f'"{text}" is too long for an interface', text, f"at most {_LONGEST_INTERFACE} characters")
    if text.endswith("+"):
        prefix = text[:-1]
        # Loopback has a name of its own in the packet space.
        also = {LOOPBACK} if "lo".startswith(prefix) else set()
        if not prefix and not negated:
            return ()
        return (NameTest(field, Names(frozenset(also), frozenset({prefix}), negated)),)
    if not text:
        return ()
    return (NameTest(field, Names(frozenset({LOOPBACK if text == "lo" else text}), inverted=negated)),)

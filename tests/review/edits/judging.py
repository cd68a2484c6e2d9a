"""A review against the walk: every packet that is asked lies in exactly the change that it should be in, or in none."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import Outcome, evaluate, values_of
from fwadvisor.model.firewall import (
    AddressTest,
    AnyOf,
    ConditionTest,
    Decide,
    FamilyTest,
    Field,
    Firewall,
    FirewallRule,
    IntegerTest,
    Jump,
    NameTest,
    Test,
    Unknown,
)
from fwadvisor.model.interval import contains
from fwadvisor.model.rule import Hook, State, Verdict
from fwadvisor.model.walk import Packet
from fwadvisor.review.changes import Decider, Kind, Review, ReviewedChange

from .probing import Corners, Prober, is_possible, is_spoken_of, plain_tests

#: A rule of a chain (None: the default of a base chain); None where nothing is asked.
Place = tuple[str, int | None] | None
_TREATMENT = (Field.ASSIGNED_HELPER, Field.TRANSLATION)
_WORDS = {Field.ASSIGNED_HELPER: "helper ", Field.LOG: "log ", Field.TRANSLATION: ""}


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of a packet, as far as a review counts it."""

    #: None where nobody can know.
    verdict: Verdict | None
    #: The prefix, "" where there is none; None where nothing is logged.
    log: str | None
    treatment: tuple[tuple[Field, str], ...]
    #: Where the walk ends.
    place: Place
    #: The rules on the way that log, assign a helper or translate.
    writers: frozenset[Place] = frozenset()
    #: Of a packet that is accepted: what accepts it in the base chains that count, and in all of them.
    counting: frozenset[Place] = frozenset()
    accepting: frozenset[Place] = frozenset()

    def places(self, kind: Kind) -> frozenset[Place]:
        """Where what decides may stand: it may be what writes effects, where only these differ."""
        if kind in (Kind.TREATED, Kind.RELOGGED):
            return self.writers | self.accepting | {self.place}
        return self.counting or frozenset({self.place})


@dataclass
class Judge:
    """Two versions and their review."""

    old: Firewall
    new: Firewall
    review: Review
    packets: int = 0
    inside: int = 0
    complaints: list[str] = field(default_factory=list)
    #: By change and side: the places that decided a packet of it.
    met: dict[tuple[str, int], set[Place]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tests = plain_tests(test for each in (self.old, self.new) for rule in each.rules() for test in rule.tests)
        self.vague = sorted(
            {each.condition.name for each in tests if isinstance(each, ConditionTest) and not each.condition.understood}
        )
        #: Of which packets the review speaks.
        self.sides = self.old, self.new
        if self.old.dialect == self.new.dialect and self.old.opening_only is not self.new.opening_only:
            self.sides = replace(self.old, opening_only=False), replace(self.new, opening_only=False)

    def fate(self, firewall: Firewall, packet: Packet) -> Fate:
        """What becomes of a packet, whatever conditions do that nobody understands."""
        fates = []
        sure = packet.conditions.difference(self.vague)
        for held in product((False, True), repeat=len(self.vague)):
            more = {name for name, holds in zip(self.vague, held, strict=True) if holds}
            fates.append(self._fate(firewall, replace(packet, conditions=sure | more)))
        first = fates[0]
        if all(
            (each.verdict, each.log, each.treatment) == (first.verdict, first.log, first.treatment) for each in fates
        ):
            return first
        return replace(first, verdict=None, log="", treatment=())

    def _fate(self, firewall: Firewall, packet: Packet) -> Fate:
        found = evaluate(firewall, packet)
        last = found.trail[-1] if found.trail else None
        place = (last.chain, id(last.rule) if last.rule else None) if last else None
        if found.verdict is None:
            return Fate(None, None, (), place)
        treatment = tuple(
            (each, found.effects[each])
            for each in _TREATMENT
            if found.verdict is Verdict.ACCEPT and found.effects.get(each)
        )
        writers = frozenset(
            (step.chain, id(step.rule))
            for step in found.trail
            if step.rule and any(write.field in (Field.LOG, *_TREATMENT) for write in step.rule.writes)
        )
        counting, accepting = self._accepting(firewall, packet, found) if found.verdict is Verdict.ACCEPT else ([], [])
        return Fate(
            found.verdict,
            found.effects.get(Field.LOG),
            treatment,
            place,
            writers,
            frozenset(counting),
            frozenset(accepting),
        )

    def _accepting(self, firewall: Firewall, packet: Packet, found: Outcome) -> tuple[list[Place], list[Place]]:
        """Where the walk of each base chain ends: of those that refuse anything in either version, and of all."""
        bases = firewall.asked(packet.hook, packet.family)
        ends = []
        for base in bases:
            within = called(firewall, base.chain)
            steps = [
                step
                for step in found.trail
                if step.chain in within and (step.rule is None or isinstance(step.rule.action, Decide))
            ]
            ends += [(base, (step.chain, id(step.rule) if step.rule else None)) for step in steps[-1:]]
        refusing = [place for base, place in ends if any(refuses(each, base.chain) for each in (self.old, self.new))]
        return refusing or [place for _, place in ends], [place for _, place in ends]

    def ask(self, packet: Packet) -> None:
        """Complain where the review says something else of a packet than the walks do."""
        assert is_possible(packet)
        assert all(is_spoken_of(each, packet) for each in self.sides)
        self.packets += 1
        fates = self.fate(self.old, packet), self.fate(self.new, packet)
        expected = said(packet, *fates)
        holding = [each for each in self.review.changes if each.packets.contains(packet)]
        shown = [each for each in self.review.changes for box in each.regions if in_box(box.raw.tests(), packet, each)]
        if [id(each) for each in holding] != [id(each) for each in shown]:
            self.complaints.append(f"packet sets and boxes disagree: {packet}: {_ids(holding)} and {_ids(shown)}")
        found = [(each.kind, each.outcomes) for each in shown]
        if found != ([expected] if expected else []):
            self.complaints.append(f"{packet} is {expected}, said is {found or 'nothing'}: {fates}")
            return
        for change in shown:
            self.inside += 1
            if change.kind is Kind.UNKNOWN:
                continue
            for side in (0, 1):
                places = fates[side].places(change.kind)
                self.met.setdefault((change.id, side), set()).update(places)
                if places.isdisjoint(map(place_of, change.deciders[side])):
                    texts = [each.text for each in change.deciders[side]]
                    self.complaints.append(f"{change.id}: {packet} is decided by {fates[side].place}, not by {texts}")

    def ask_witnesses(self) -> None:
        """Each witness is in its change, and the first deciders are its own."""
        for change in self.review.changes:
            self.ask(change.witness)
            if not change.packets.contains(change.witness):
                self.complaints.append(f"{change.id}: the witness is none of its packets: {change.witness}")
            for side, firewall in enumerate((self.old, self.new)):
                self._deciders(change, side, firewall)

    def _deciders(self, change: ReviewedChange, side: int, firewall: Firewall) -> None:
        known = {id(rule) for rule in firewall.rules()}
        for decider in change.deciders[side]:
            if decider.rule is not None and id(decider.rule) not in known:
                self.complaints.append(f"{change.id}: a decider is no rule of {firewall.name}: {decider.text}")
        if not change.deciders[side]:
            self.complaints.append(f"{change.id}: nothing decides in {firewall.name}")
        elif change.kind is not Kind.UNKNOWN:
            places, first = self.fate(firewall, change.witness).places(change.kind), change.deciders[side][0]
            if place_of(first) not in places:
                self.complaints.append(f"{change.id}: {first.text} does not decide the witness {change.witness}")

    def idle(self) -> list[tuple[ReviewedChange, int, Decider]]:
        """Deciders that no packet showed to be such."""
        return [
            (change, side, decider)
            for change in self.review.changes
            if change.kind is not Kind.UNKNOWN
            for side in (0, 1)
            for decider in change.deciders[side]
            if place_of(decider) not in self.met.get((change.id, side), set())
        ]

    def seek(self, corners: Corners, tries: int) -> None:
        """Ask packets until each decider has decided one of its change, so many for each."""
        for change, side, decider in self.idle():
            firewall = (self.old, self.new)[side]
            prober = Prober(corners, change.hook, change.family, self.sides)
            for _ in range(tries):
                if place_of(decider) in self.met.get((change.id, side), set()):
                    break
                box = corners.random.choice(change.regions)
                tests = (*box.raw.tests(), *(decider.rule.tests if decider.rule else ()))
                for packet in prober.in_tests((*tests, *_way(firewall, decider.chain, corners.random)), 1):
                    self.ask(packet)


def _way(firewall: Firewall, chain: str, dice: random.Random) -> tuple[Test, ...]:
    """What the jumps ask that lead to a chain, by one way."""
    tests: tuple[Test, ...] = ()
    while True:
        jumps = [
            (each.name, rule)
            for each in firewall.chains.values()
            for rule in each.rules
            if isinstance(rule.action, Jump) and rule.action.chain == chain
        ]
        if not jumps:
            return tests
        chain, rule = dice.choice(jumps)
        tests = (*tests, *rule.tests)


def called(firewall: Firewall, chain: str) -> set[str]:
    """A chain and those that its packets can come to."""
    found, waiting = {chain}, [chain]
    while waiting:
        for rule in firewall.chains[waiting.pop()].rules:
            if isinstance(rule.action, Jump) and rule.action.chain not in found:
                found.add(rule.action.chain)
                waiting.append(rule.action.chain)
    return found


def refuses(firewall: Firewall, chain: str) -> bool:
    """Whether a base chain may refuse a packet, as far as its default and the actions of its rules say."""
    defaults = [base.default for base in firewall.bases if base.chain == chain]
    actions = (
        [rule.action for name in called(firewall, chain) for rule in firewall.chains[name].rules] if defaults else []
    )
    verdicts = [*defaults, *(each.verdict for each in actions if isinstance(each, Decide))]
    return any(each is not Verdict.ACCEPT for each in verdicts) or any(isinstance(each, Unknown) for each in actions)


def place_of(decider: Decider) -> Place:
    """Where a decider stands, as a walk says it."""
    return (decider.chain, id(decider.rule) if decider.rule else None) if decider.chain else None


def _ids(changes: Sequence[ReviewedChange]) -> list[str]:
    return [each.id for each in changes]


def said(packet: Packet, old: Fate, new: Fate) -> tuple[Kind, tuple[str, str]] | None:
    """The kind and outcomes of the change that a packet with these fates belongs to, None where it is none."""
    plain = tuple(each.verdict.value if each.verdict else "unknown" for each in (old, new))
    if "unknown" in plain:
        return Kind.UNKNOWN, (plain[0], plain[1])
    if old.verdict is not new.verdict:
        narrowed = Kind.NARROWED if old.verdict is Verdict.ACCEPT else Kind.CHANGED
        return Kind.WIDENED if new.verdict is Verdict.ACCEPT else narrowed, (plain[0], plain[1])
    if old.treatment != new.treatment and packet.state is State.NEW:
        return Kind.TREATED, (_with(old, old.treatment), _with(new, new.treatment))
    if old.log != new.log:
        return Kind.RELOGGED, (_logged(old), _logged(new))
    return None


def _logged(fate: Fate) -> str:
    return _with(fate, () if fate.log is None else ((Field.LOG, fate.log),))


def _with(fate: Fate, effects: tuple[tuple[Field, str], ...]) -> str:
    assert fate.verdict is not None
    words = [_WORDS[each] + value if value else "log" for each, value in effects]
    return fate.verdict.value + (f" with {', '.join(words)}" if words else "")


def in_box(tests: Sequence[Test], packet: Packet, change: ReviewedChange) -> bool:
    """Whether all tests of a box hold for a packet, as it comes."""
    if (packet.hook, packet.family) != (change.hook, change.family):
        return False
    values = values_of(packet)
    return all(_holds(test, values, packet) for test in tests)


def _holds(test: Test, values: dict[Field, int | str], packet: Packet) -> bool:
    match test:
        case FamilyTest(family):
            return packet.family is family
        case IntegerTest(name, ranges):
            return contains(ranges, int(values[name]))
        case AddressTest(name):
            return contains(test.of(packet.family), int(values[name]))
        case NameTest(name, names):
            return str(values[name]) in names
        case ConditionTest(condition, holds):
            return (condition.name in packet.conditions) is holds
        case AnyOf(alternatives, holds):
            return any(all(_holds(each, values, packet) for each in tests) for tests in alternatives) is holds


def _key(rule: FirewallRule) -> object:
    return rule.tests, rule.action, rule.writes


def reached(firewall: Firewall, hook: Hook, family: Family) -> Iterator[tuple[str, FirewallRule]]:
    """The rules that packets of a part can come to, with their chains."""
    names = [base.chain for base in firewall.asked(hook, family)]
    for name in names:
        for rule in firewall.chains[name].rules:
            yield name, rule
            if isinstance(rule.action, Jump) and rule.action.chain not in names:
                names.append(rule.action.chain)


def rules_apart(judge: Judge, hook: Hook, family: Family) -> list[tuple[Firewall, str, FirewallRule]]:
    """Rules of each version that the other does not have anywhere; some others where there is none."""
    sides = [(each, list(reached(each, hook, family))) for each in (judge.old, judge.new)]
    keys = [{_key(rule) for rule in each.rules()} for each, _ in sides]
    return [
        (firewall, chain, rule)
        for (firewall, rules), others in zip(sides, reversed(keys), strict=True)
        for chain, rule in rules
        if _key(rule) not in others
    ]


def judged(old: Firewall, new: Firewall, review: Review, seed: str, effort: float = 1.0) -> Judge:
    """A judge who has asked packets from everywhere, from the edited rules, and from the regions and around them."""
    judge = Judge(old, new, review)
    corners = Corners.of((old, new), random.Random(seed))
    judge.ask_witnesses()
    for hook, family in review.parts:
        prober = Prober(corners, hook, family, judge.sides)
        for packet in _packets(prober, judge, hook, family, effort):
            judge.ask(packet)
    judge.seek(corners, 200)
    return judge


def _packets(prober: Prober, judge: Judge, hook: Hook, family: Family, effort: float) -> Iterator[Packet]:
    dice = prober.corners.random
    yield from prober.anywhere(int(15 * effort))
    edited = rules_apart(judge, hook, family)
    if not edited:
        known = [(judge.new, chain, rule) for chain, rule in reached(judge.new, hook, family)]
        edited = dice.sample(known, min(8, len(known)))
    each = max(1, int(40 * effort / max(1, len(edited))))
    for firewall, chain, rule in edited if len(edited) < 60 else dice.sample(edited, 60):
        yield from prober.in_tests((*rule.tests, *_way(firewall, chain, dice)), each)
        yield from prober.around(rule.tests, max(1, each // 2))
    regions = [
        box.raw
        for change in judge.review.changes
        if (change.hook, change.family) == (hook, family)
        for box in change.regions
    ]
    many = max(1, int(30 * effort / max(1, len(regions))))
    for raw in regions if len(regions) < 60 else dice.sample(regions, 60):
        yield from prober.in_tests(raw.tests(), many)
        yield from prober.around(raw.tests(), many)

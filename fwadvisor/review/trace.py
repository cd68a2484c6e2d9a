"""What a firewall does with a flow, exactly: its verdict, what decides it, and on what it depends.

A flow is a set of packets. Only the rules that can match one of them are evaluated, by the packet engine, so that the
answer holds for all of them; where they do not share a fate, it says which has which. The trail of a packet is that
of `fwadvisor.model.evaluate`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import Outcome, Step, evaluate
from fwadvisor.model.firewall import (
    AddressTest,
    AnyOf,
    ConditionTest,
    FamilyTest,
    Field,
    Firewall,
    FirewallRule,
    IntegerTest,
    NameTest,
    Opaque,
    Test,
    Unknown,
)
from fwadvisor.model.interval import covers, overlaps
from fwadvisor.model.rule import State, Verdict
from fwadvisor.model.walk import Packet
from fwadvisor.packets import Budget, PacketSet, RawBox, Space
from fwadvisor.packets.box import ReadableBox, readable_boxes
from fwadvisor.packets.counting import counting
from fwadvisor.packets.deciders import DECIDERS, Numbered, numbered
from fwadvisor.review.flow_file import Case, Expected
from fwadvisor.review.flows import Flow

_EFFECTS = frozenset({Field.ASSIGNED_HELPER, Field.TRANSLATION, Field.LOG})


class Fate(StrEnum):
    """What becomes of a flow as a whole."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"
    #: Some of it is dropped, the rest rejected.
    BLOCK = "block"
    #: Some of it is accepted, the rest not.
    DEPENDS = "depends"
    #: Of some of it nobody can say what happens.
    UNKNOWN = "unknown"
    #: The firewall does not speak of it.
    UNASKED = "not asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Those packets of a flow that have one verdict, in one family."""

    family: Family
    #: None where it is not known.
    verdict: Verdict | None
    #: What sets them apart from the rest of the flow, in few boxes; () where they are all of it in this family.
    apart: tuple[ReadableBox, ...]
    #: One of them, as ordinary as there is, and what becomes of it.
    witness: Packet
    outcome: Outcome
    #: Everything that decides some of them, the decider of the witness first; None: nothing is asked.
    deciders: tuple[Step | None, ...]
    #: The parts that are not understood, where the verdict is not known.
    opaque: tuple[Opaque, ...] = ()

    def fits(self, expected: Expected) -> bool:
        """Whether its packets have the expected fate."""
        if expected is Expected.BLOCK:
            return self.verdict in (Verdict.DROP, Verdict.REJECT)
        return self.verdict is not None and self.verdict.value == expected.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What one firewall does with one flow."""

    flow: Flow
    firewall: Firewall
    #: () where it does not speak of the flow.
    parts: tuple[Part, ...]
    #: What of the flow it does not speak of, in sentences.
    unasked: tuple[str, ...] = ()
    #: Parts of the firewall that stand for no rule and are not understood, so that they may decide anything.
    doubts: tuple[Opaque, ...] = ()

    @property
    def fate(self) -> Fate:
        """What becomes of all its packets of which the firewall speaks."""
        verdicts = {part.verdict for part in self.parts}
        if not verdicts:
            return Fate.UNASKED
        if None in verdicts or self.doubts:
            return Fate.UNKNOWN
        if len(verdicts) == 1:
            return Fate(self.parts[0].verdict or Fate.UNKNOWN)
        return Fate.DEPENDS if Verdict.ACCEPT in verdicts else Fate.BLOCK

    def meets(self, expected: Expected) -> bool:
        """Whether every packet, whatever it depends on, surely has the expected fate."""
        return self.fate not in (Fate.UNASKED, Fate.UNKNOWN) and all(part.fits(expected) for part in self.parts)


class Score(StrEnum):
    """How a case went."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    #: Nothing was expected.
    ASKED = "asked"


@dataclass(frozen=True, slots=True)
class Tested:
    """A case, and what each firewall does with it."""

    case: Case
    traces: tuple[Trace, ...]

    @property
    def failures(self) -> tuple[Trace, ...]:
        """The firewalls that do otherwise than expected, or of which nobody knows what they do."""
        expected = self.case.expected
        if expected is None:
            return ()
        spoken = [each for each in self.traces if each.fate is not Fate.UNASKED]
        return tuple(each for each in spoken or self.traces if not each.meets(expected))

    @property
    def score(self) -> Score:
        """A case that no firewall speaks of fails where something is expected."""
        if self.failures:
            return Score.FAIL
        return Score.ASKED if self.case.expected is None else Score.PASS


def run(cases: Sequence[Case], firewalls: Sequence[Firewall], budget: Budget) -> tuple[Tested, ...]:
    """Every case on every firewall.

    Raises:
        BudgetError: a flow meets more rules than can be told apart.
    """
    return tuple(Tested(case, tuple(trace(each, case.flow, budget) for each in firewalls)) for case in cases)


def trace(firewall: Firewall, flow: Flow, budget: Budget) -> Trace:
    """What `firewall` does with all packets of `flow`.

    Raises:
        BudgetError: it meets more rules than can be told apart.
    """
    parts: list[Part] = []
    if flow.hook in firewall.hooks:
        for family in flow.families:
            if family in firewall.families:
                parts += _in_family(firewall, flow, family, budget)
    unasked = list(silent(firewall, flow))
    if not parts and not unasked:
        unasked.append("there is no such packet, or it does not speak of any")
    return Trace(flow=flow, firewall=firewall, parts=tuple(parts), unasked=tuple(unasked), doubts=unevaluated(firewall))


def unevaluated(firewall: Firewall) -> tuple[Opaque, ...]:
    """What is not understood and stands for no rule, so that no answer can name it as what decides."""
    if not firewall.opaque:
        return ()
    places = {(rule.span.file, rule.span.line) for rule in firewall.rules() if _not_evaluated(rule)}
    return tuple(each for each in firewall.opaque if (each.span.file, each.span.line) not in places)


def _in_family(firewall: Firewall, flow: Flow, family: Family, budget: Budget) -> list[Part]:
    tests = flow.tests(family, ordinary=True)
    meeting = reaching(firewall, tests, family)
    asked = counting(numbered(meeting), flow.hook, family)
    space = Space((asked.firewall,), effects=_EFFECTS | DECIDERS, tests=tests, budget=budget)
    meaning = space.meaning(asked.firewall, flow.hook, family)
    region = space.packets(flow.hook, family, tests)
    verdicts: dict[Verdict | None, tuple[list[PacketSet], list[Step | None]]] = {}
    for result in meaning.results():
        packets = meaning.having(result) & region
        if not packets.is_empty:
            sets, steps = verdicts.setdefault(result.verdict, ([], []))
            sets.append(packets)
            steps += [asked.step(result.effects)] if result.verdict is not None else []
    return [
        _part(firewall, meeting, asked, tests, family, verdict, _union(sets), steps, len(verdicts) == 1)
        for verdict, (sets, steps) in sorted(verdicts.items(), key=lambda each: _order(each[0]))
    ]


def _order(verdict: Verdict | None) -> int:
    return len(Verdict) if verdict is None else list(Verdict).index(verdict)


def _union(sets: Sequence[PacketSet]) -> PacketSet:
    found = sets[0]
    for each in sets[1:]:
        found |= each
    return found


def _part(
    firewall: Firewall,
    meeting: Firewall,
    asked: Numbered,
    tests: tuple[Test, ...],
    family: Family,
    verdict: Verdict | None,
    packets: PacketSet,
    steps: list[Step | None],
    whole: bool,
) -> Part:
    witness = packets.witness()
    assert witness is not None  # noqa: S101 - parts hold packets
    outcome = evaluate(firewall, witness)
    first = asked.decides(witness)
    places = {(step.chain, id(step.rule)) if step else None: step for step in (first, *steps)}
    return Part(
        family=family,
        verdict=verdict,
        apart=() if whole else readable_boxes(stripped(packets.boxes(), tests)),
        witness=witness,
        outcome=outcome,
        deciders=tuple(places.values()),
        opaque=tuple(not_understood(meeting)) if verdict is None else (),
    )


def silent(firewall: Firewall, flow: Flow) -> Iterator[str]:
    """Of what of the flow the firewall does not speak."""
    if flow.hook not in firewall.hooks:
        yield f"it does not filter {flow.hook}"
        return
    for family in flow.families:
        if family not in firewall.families:
            yield f"it does not speak of IPv{family.value}"
    unknown = [state for state in flow.states if state not in firewall.states]
    if unknown:
        yield f"it knows no state {' or '.join(unknown)}"
    if firewall.opening_only and State.NEW in flow.states and Field.TCP_FLAGS in flow.integers:
        yield "a connection begins with SYN only"
    if not firewall.loopback and flow.over_loopback:
        yield "it does not filter the loopback interface"


def not_understood(meeting: Firewall) -> Iterator[Opaque]:
    """What is not understood in the rules that the packets meet."""
    known = {(each.span.file, each.span.line): each for each in meeting.opaque}
    for rule in meeting.rules():
        if _not_evaluated(rule):
            reason = rule.action.reason if isinstance(rule.action, Unknown) else f"not evaluated: {rule.text}"
            yield known.get((rule.span.file, rule.span.line)) or Opaque(rule.span, reason)


def _not_evaluated(rule: FirewallRule) -> bool:
    return isinstance(rule.action, Unknown) or any(map(_doubtful, rule.tests))


def _doubtful(test: Test) -> bool:
    if isinstance(test, ConditionTest):
        return not test.condition.understood
    return isinstance(test, AnyOf) and any(_doubtful(each) for tests in test.alternatives for each in tests)


def reaching(firewall: Firewall, tests: Sequence[Test], family: Family) -> Firewall:
    """The firewall without rules of which a test surely fails for all packets of the tests; they decide alike there.

    Fields that rules write are not looked at, as later tests see what was written.
    """
    known = {test.field: test for test in tests if isinstance(test, IntegerTest | AddressTest | NameTest)}
    for rule in firewall.rules():
        for write in rule.writes:
            known.pop(write.field, None)

    def can(rule: FirewallRule) -> bool:
        return not any(_fails(test, known, family) for test in rule.tests)

    chains = {name: replace(chain, rules=tuple(filter(can, chain.rules))) for name, chain in firewall.chains.items()}
    return replace(firewall, chains=chains)


def _fails(test: Test, known: dict[Field, IntegerTest | AddressTest | NameTest], family: Family) -> bool:
    """Whether a test surely fails for packets with known fields."""
    if isinstance(test, FamilyTest):
        return test.family is not family
    if isinstance(test, ConditionTest | AnyOf):
        return False
    packets = known.get(test.field)
    if isinstance(test, IntegerTest) and isinstance(packets, IntegerTest):
        return not overlaps(test.values, packets.values)
    if isinstance(test, AddressTest) and isinstance(packets, AddressTest):
        return not overlaps(test.of(family), packets.of(family))
    if isinstance(test, NameTest) and isinstance(packets, NameTest) and not packets.names.inverted:
        return not packets.names.prefixes and not any(name in test.names for name in packets.names.names)
    return False


def stripped(boxes: Iterable[RawBox], tests: Sequence[Test]) -> Iterator[RawBox]:
    """Boxes without what they share with all packets for which the tests hold."""
    asked = {test.field: test for test in tests if isinstance(test, IntegerTest | AddressTest | NameTest)}
    conditions = {test.condition for test in tests if isinstance(test, ConditionTest)}
    for box in boxes:
        integers = {
            name: values
            for name, values in box.integers.items()
            if not (name in asked and covers(values, _values(asked[name], box.family)))
        }
        names = {
            name: sets
            for name, sets in box.names.items()
            if not (isinstance(test := asked.get(name), NameTest) and all(each == test.names for each in sets))
        }
        left = {condition: holds for condition, holds in box.conditions.items() if condition not in conditions}
        yield replace(box, integers=integers, names=names, conditions=left)


def _values(test: IntegerTest | AddressTest | NameTest, family: Family) -> tuple[tuple[int, int], ...]:
    if isinstance(test, IntegerTest):
        return test.values
    return test.of(family) if isinstance(test, AddressTest) else ()

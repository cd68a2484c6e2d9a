"""The proof of a conversion: the text, read back, decides as the source does, but for what its dialect cannot help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fwadvisor.convert.cutting import CLASSES, Cut, cuts
from fwadvisor.diagnostic import Diagnostic, Label, error
from fwadvisor.dialects.base import Capabilities, OutputFile
from fwadvisor.errors import FwadvisorError
from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.firewall import STATES, AnyOf, FamilyTest, Field, Firewall, IntegerTest, Names, NameTest, Test
from fwadvisor.model.rule import ICMP, ICMPV6, LOOPBACK, State, Verdict
from fwadvisor.packets import Budget, PacketSet, Space
from fwadvisor.packets.box import readable_boxes
from fwadvisor.proof.comparison import NETFILTER, TESTS, Comparison, Difference, compare_in
from fwadvisor.proof.words import decider, deciding_span, flow
from fwadvisor.proof.written import read_written

_REPORT = "this is a defect of fwadvisor, and nothing was written: please report it with the file"
_KNOWN = tuple(
    (STATES.index(state), STATES.index(state)) for state in STATES if state in (State.ESTABLISHED, State.RELATED)
)
_LOOPBACK = Names(frozenset({LOOPBACK}))
#: So many regions of a remark are shown.
_REGIONS = 3


@dataclass(frozen=True, slots=True)
class Shown:
    """What the proof showed."""

    comparison: Comparison
    #: Where the target differs by its nature, in sentences.
    nature: tuple[str, ...]
    #: Where less is accepted than before, in sentences; only where that was allowed.
    narrowed: tuple[str, ...]
    #: What is closed of what no machine can do without.
    cuts: tuple[Cut, ...] = ()


def read_back(target: str, files: Sequence[OutputFile], options: Mapping[str, str]) -> Firewall:
    """What a text of ours says.

    Raises:
        FwadvisorError: our own reader does not understand it, a defect.
    """
    found = read_written(target, files, options, hint=_REPORT)
    return replace(found, name=" + ".join(each.name for each in files))


def prove(text: Firewall, source: Firewall, able: Capabilities, budget: Budget, *, approximate: bool) -> Shown:
    """That `text` decides as `source` does.

    Raises:
        FwadvisorError: some packet is decided otherwise, and not by the nature of the dialect.
        BudgetError: the proof would grow too large.
    """
    if text.dialect == source.dialect and text.opening_only is not source.opening_only:
        text, source = (replace(each, opening_only=False) for each in (text, source))
    alike = text.dialect == source.dialect or {text.dialect, source.dialect} <= NETFILTER
    effects = frozenset({Field.ASSIGNED_HELPER}) if alike else frozenset[Field]()
    nature = list(_by_nature(able))
    tests = (*TESTS, *CLASSES, *(test for _, tests in nature for test in tests))
    space = Space((text, source), effects=effects, tests=tests, budget=budget, like=source)
    comparison = compare_in(space, text, source)
    said: list[str] = []
    narrowed: list[str] = []
    problems: list[Diagnostic] = []
    for each in comparison.differences:
        rest = each.packets
        for why, wanted in nature:
            among = rest & space.packets(each.hook, each.family, wanted)
            if not among.is_empty:
                does, did = (_does(outcome) for outcome in each.outcomes)
                where = f"{each.hook}, IPv{each.family.value}: {_regions(among)}"
                said.append(f"{able.title} {why}: it {does} what {source.name} {did} ({where})")
                rest = rest - among
        if rest.is_empty:
            continue
        if able.dialect == "iptables" and _only_followed(each):
            # The raw table is asked before it is known where a packet goes.
            said.append(f"iptables assigns helpers to {each.hook} as well: {each.outcomes[0]} ({_regions(rest)})")
        elif approximate and each.outcomes[0] in (Verdict.DROP, Verdict.REJECT):
            narrowed.append(f"{each.hook}: {each.outcomes[0]} instead of {each.outcomes[1]}: {_regions(rest)}")
        else:
            problems.append(_differs(text, source, each, rest))
    if problems:
        raise FwadvisorError(problems)
    found = [each for part in comparison.parts if narrowed for each in cuts(space, text, source, *part)]
    return Shown(comparison, tuple(dict.fromkeys(said)), tuple(dict.fromkeys(narrowed)), tuple(found))


def _only_followed(difference: Difference) -> bool:
    """Whether packets are accepted in both, and only the text assigns a helper."""
    said, wanted = difference.outcomes
    return wanted == Verdict.ACCEPT and said.startswith(f"{Verdict.ACCEPT} with helper ")


def _by_nature(able: Capabilities) -> Iterator[tuple[str, tuple[Test, ...]]]:
    """What a dialect does whatever its rules say, and with which packets."""
    if able.implicit_states:
        yield "lets packets of known connections pass by itself", (IntegerTest(Field.STATE, _KNOWN),)
        over = AnyOf(tuple((NameTest(field, _LOOPBACK),) for field in (Field.IN_INTERFACE, Field.OUT_INTERFACE)))
        yield "does not filter the loopback interface", (over,)
    crossed = AnyOf(tuple(crossed_icmp(family) for family in FAMILIES))
    yield "has no words for ICMP inside IPv6 and ICMPv6 inside IPv4", (crossed,)


def crossed_icmp(family: Family) -> tuple[Test, ...]:
    """The ICMP of the other IP version, which nobody sends."""
    other = ICMPV6 if family is Family.IPV4 else ICMP
    return (FamilyTest(family), IntegerTest(Field.PROTOCOL, ((other, other),)))


def _does(outcome: str) -> str:
    verdict, _, more = outcome.partition(" ")
    return f"{verdict}s {more}".rstrip() if outcome != "unknown" else "may do anything with"


def _regions(packets: PacketSet) -> str:
    boxes = readable_boxes(packets.boxes())
    shown = "; ".join(" ".join(box.line(place=False).split()) for box in boxes[:_REGIONS])
    return shown + (f"; and {len(boxes) - _REGIONS} more regions" if len(boxes) > _REGIONS else "")


def _differs(text: Firewall, source: Firewall, difference: Difference, packets: PacketSet) -> Diagnostic:
    witness = packets.witness() or difference.witness
    said, wanted = difference.steps
    span = deciding_span(source, wanted)
    written = deciding_span(text, said)
    return error(
        f"the {text.dialect} text {_does(difference.outcomes[0])} what {source.name} {_does(difference.outcomes[1])}: "
        f"{difference.hook}, {flow(witness)}",
        span,
        _REPORT,
        *([Label(written, decider(text, said))] if written else []),
    )


def spoken_like(target: str, able: Capabilities, text: Firewall, source: Firewall) -> Firewall:
    """A firewall without rules that speaks of what texts of the target speak of, for what both can be asked."""
    return Firewall(
        name=target,
        dialect=text.dialect,
        chains={},
        bases=(),
        hooks=able.hooks & source.hooks,
        families=source.families,
        states=text.states,
        implicit=text.implicit,
        opening_only=text.opening_only,
        loopback=text.loopback,
        routed_groups=text.routed_groups,
        crossed_icmp=text.crossed_icmp,
    )

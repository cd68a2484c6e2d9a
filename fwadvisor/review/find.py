"""All packets of a region that have a verdict: exactly and completely, by what decides them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import Step, evaluate
from fwadvisor.model.firewall import Firewall, Opaque, Test
from fwadvisor.model.rule import Verdict
from fwadvisor.model.walk import Packet
from fwadvisor.packets import Budget, PacketSet, Result, Space
from fwadvisor.packets.box import ReadableBox, readable_boxes
from fwadvisor.packets.counting import counting
from fwadvisor.packets.deciders import DECIDERS, Numbered, numbered
from fwadvisor.review.flows import Flow
from fwadvisor.review.trace import not_understood, reaching, silent, stripped, unevaluated


class Asked(StrEnum):
    """What is looked for. Packets of which it is not known what happens are in every answer."""

    ACCEPTS = "accepts"
    DROPS = "drops"
    REJECTS = "rejects"
    BLOCKS = "blocks"
    UNKNOWN = "unknown"

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts that are surely meant."""
        drop, reject = Verdict.DROP, Verdict.REJECT
        if self is Asked.ACCEPTS:
            return (Verdict.ACCEPT,)
        return {Asked.DROPS: (drop,), Asked.REJECTS: (reject,), Asked.BLOCKS: (drop, reject)}.get(self, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Packets of the region that have one verdict and one decider, in one family."""

    family: Family
    #: None where it is not known.
    verdict: Verdict | None
    #: What decides them, None: nothing is asked. Of what is not known, where the walk of the witness ends.
    step: Step | None
    #: Exactly the packets, among those of the region: what all of it shares is left out.
    boxes: tuple[ReadableBox, ...]
    #: Exactly the packets.
    whole: tuple[ReadableBox, ...]
    witness: Packet


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one firewall does with the packets that are looked for."""

    firewall: Firewall
    region: Flow
    asked: Asked
    #: In the order of the rules.
    shares: tuple[Share, ...]
    #: Of what of the region the firewall does not speak, in sentences.
    unasked: tuple[str, ...]
    #: Parts that are not understood and stand for no rule, so that everything may be otherwise.
    doubts: tuple[Opaque, ...]
    #: Parts that are not understood on the way of packets whose verdict is not known.
    opaque: tuple[Opaque, ...]

    @property
    def found(self) -> bool:
        """Whether there is such a packet, or may be one."""
        return bool(self.shares or self.doubts)


def find(firewall: Firewall, region: Flow, asked: Asked, budget: Budget) -> Answer:
    """Every packet of `region` with an asked verdict.

    Raises:
        BudgetError: the region meets more rules than can be told apart.
    """
    shares: list[Share] = []
    opaque: dict[Opaque, None] = {}
    for family in region.families:
        if region.hook in firewall.hooks and family in firewall.families:
            found, places = _in_family(firewall, region, asked, family, budget)
            shares += found
            opaque |= dict.fromkeys(places)
    return Answer(
        firewall=firewall,
        region=region,
        asked=asked,
        shares=tuple(shares),
        unasked=tuple(silent(firewall, region)),
        doubts=unevaluated(firewall),
        opaque=tuple(opaque),
    )


def _in_family(
    firewall: Firewall, region: Flow, asked: Asked, family: Family, budget: Budget
) -> tuple[list[Share], Sequence[Opaque]]:
    tests = region.tests(family, ordinary=False)
    meeting = reaching(firewall, tests, family)
    asking = counting(numbered(meeting), region.hook, family)
    space = Space((asking.firewall,), effects=DECIDERS, tests=tests, budget=budget)
    meaning = space.meaning(asking.firewall, region.hook, family)
    within = space.packets(region.hook, family, tests)
    wanted = [result for result in meaning.results() if result.verdict is None or result.verdict in asked.verdicts]
    wanted.sort(key=lambda result: (result.verdict is None, _number(asking, result)))
    found = []
    for result in wanted:
        packets = meaning.having(result) & within
        if not packets.is_empty:
            found.append(_share(firewall, asking, result, packets, tests))
    unknown = any(share.verdict is None for share in found)
    return found, tuple(not_understood(meeting)) if unknown else ()


def _number(asking: Numbered, result: Result) -> int:
    """The place of what decides among all rules; defaults come last."""
    step = asking.step(result.effects) if result.verdict is not None else None
    if step is None or step.rule is None:
        return len(asking.steps)
    return list(asking.steps.values()).index(step)


def _share(firewall: Firewall, asking: Numbered, result: Result, packets: PacketSet, tests: Sequence[Test]) -> Share:
    witness = packets.witness()
    assert witness is not None  # noqa: S101 - the set is not empty
    if result.verdict is not None:
        step = asking.step(result.effects)
    else:
        step = next(reversed(evaluate(firewall, witness).trail), None)
    boxes = tuple(packets.boxes())
    return Share(
        family=packets.table.family,
        verdict=result.verdict,
        step=step,
        boxes=readable_boxes(stripped(boxes, tests)),
        whole=readable_boxes(boxes),
        witness=witness,
    )


def find_all(firewalls: Sequence[Firewall], asked: Sequence[tuple[Asked, Flow]], budget: Budget) -> Iterator[Answer]:
    """Every question to every firewall.

    Raises:
        BudgetError: a region meets more rules than can be told apart.
    """
    for question, region in asked:
        for firewall in firewalls:
            yield find(firewall, region, question, budget)

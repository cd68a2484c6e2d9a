"""Comparisons as text: the answer in one line, and each difference with a witness and what decides it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from fwadvisor.diagnostic import printable
from fwadvisor.model.address import Family
from fwadvisor.model.rule import Hook
from fwadvisor.packets.box import readable_boxes
from fwadvisor.proof.comparison import UNKNOWN, Answer, Comparison, Difference
from fwadvisor.proof.exposure import Exposure
from fwadvisor.proof.words import decider, flow
from fwadvisor.report.exposure_text import claim, exposure_lines

#: Without --all: so many differences of a comparison, and so many regions of a difference.
_DIFFERENCES = 4
_REGIONS = 3
_CONDITIONS = 6


def render(
    comparisons: Sequence[Comparison],
    *,
    exposures: Sequence[Sequence[Exposure]] | None = None,
    everything: bool = False,
) -> str:
    """The differences of each comparison, then one line that answers for all.

    With `exposures`, one for each, the second firewall of each comparison is the policy that the first must say;
    without them, the first firewall of all comparisons is the same.
    """
    blocks = []
    for comparison in comparisons:
        shown = list(islice(comparison.differences, None if everything else _DIFFERENCES))
        blocks += [_difference(comparison, each, everything) for each in shown]
        more = len(comparison.differences) - len(shown)
        if more:
            blocks.append(f"{more} more differences between {_both(comparison)}: see them with --all")
        if comparison.answer is Answer.UNKNOWN:
            blocks.append("\n".join([*_opaque(comparison), *(f"  not known  {each}" for each in comparison.doubts)]))
    claims = answer(comparisons) if exposures is None else proof(comparisons, exposures)
    blocks.append("\n".join([*claims, *_remarks(comparisons)]))
    return "\n\n".join(blocks)


def answer(comparisons: Sequence[Comparison]) -> list[str]:
    """``equal: a = b = c (input, output; IPv4, IPv6)``, and which are not."""
    equal = [each for each in comparisons if each.answer is Answer.EQUAL]
    names = [comparisons[0].firewalls[0].name, *(each.firewalls[1].name for each in equal)]
    lines = [f"equal: {printable(' = '.join(names))} {_compared(equal)}"] if equal else []
    return [*lines, *_refuted(comparisons)]


def proof(comparisons: Sequence[Comparison], exposures: Sequence[Sequence[Exposure]]) -> list[str]:
    """``proved: a = b = policy web-server (input, output; IPv4, IPv6)``, exposures, and what says it not."""
    pairs = [pair for pair in zip(comparisons, exposures, strict=True) if pair[0].answer is Answer.EQUAL]
    lines = []
    if pairs:
        named = [(printable(each.firewalls[0].name), exposed) for each, exposed in pairs]
        policy = printable(f"policy {comparisons[0].firewalls[1].name}")
        lines.append(f"proved: {claim(named, policy)} {_compared([each for each, _ in pairs])}")
        lines += [f"  {line}" for line in exposure_lines(named)]
    return [*lines, *_refuted(comparisons)]


def _compared(equal: Sequence[Comparison]) -> str:
    """Hooks and families of all of them first, then the hooks of which only some speak."""
    common = [part for part in equal[0].parts if all(part in each.parts for each in equal)]
    more = dict.fromkeys(hook for each in equal for hook, family in each.parts if (hook, family) not in common)
    also = f"; {', '.join(more)} where spoken of" if more else ""
    return f"({parts_in_words(common)}{also})"


def _refuted(comparisons: Sequence[Comparison]) -> Iterator[str]:
    for each in comparisons:
        if each.answer is not Answer.EQUAL:
            places = [(difference.hook, difference.family) for difference in each.differences] or each.parts
            yield f"{each.answer}: {_both(each)} ({parts_in_words(places)})"


def parts_in_words(parts: Iterable[tuple[Hook, Family]]) -> str:
    """``input, output; IPv4, IPv6``; where families differ between hooks, each hook has its own."""
    by_hook: dict[Hook, list[Family]] = {}
    for hook, family in parts:
        if family not in by_hook.setdefault(hook, []):
            by_hook[hook].append(family)
    families = {tuple(sorted(each)) for each in by_hook.values()}
    if len(families) == 1:
        (only,) = families
        return f"{', '.join(by_hook)}; {', '.join(f'IPv{family.value}' for family in only)}"
    return "; ".join(f"{hook} {', '.join(f'IPv{family.value}' for family in each)}" for hook, each in by_hook.items())


def _both(comparison: Comparison) -> str:
    first, second = comparison.firewalls
    return f"{printable(first.name)} and {printable(second.name)}"


def _difference(comparison: Comparison, difference: Difference, everything: bool) -> str:
    first, second = comparison.firewalls
    regions = list(readable_boxes(difference.packets.boxes()))
    shown = regions if everything else regions[:_REGIONS]
    head = (
        f"{difference.hook}, IPv{difference.family.value}: {printable(first.name)} {_does(difference.outcomes[0])}, "
        f"{printable(second.name)} {_does(difference.outcomes[1])}"
    )
    lines = [head, *(f"  packets  {' '.join(each.line(place=False).split())}" for each in shown)]
    if len(regions) > len(shown):
        lines.append(f"           and {len(regions) - len(shown)} more regions: see them with --all")
    lines.append(f"  for one  {flow(difference.witness)}")
    width = max(len(printable(each.name)) for each in comparison.firewalls)
    for firewall, step in zip(comparison.firewalls, difference.steps, strict=True):
        lines.append(f"  {printable(firewall.name):<{width}}  {decider(firewall, step)}")
    return "\n".join(lines)


def _does(outcome: str) -> str:
    verdict, _, more = outcome.partition(" ")
    if outcome == UNKNOWN:
        return "may do anything"
    return f"{verdict}s {more}".rstrip()


def _opaque(comparison: Comparison) -> list[str]:
    """The parts that were not understood, with their places."""
    return [
        printable(f"  not understood  {each.span}: {each.reason}")
        for firewall in comparison.firewalls
        for each in firewall.opaque
    ]


def _remarks(comparisons: Sequence[Comparison]) -> list[str]:
    """What the answer does not speak of, and on what it does not depend."""
    lines = [f"  not compared  {text}" for text in dict.fromkeys(t for each in comparisons for t in each.left_out)]
    names = list(dict.fromkeys(condition.name for each in comparisons for condition in each.conditions))
    if names:
        more = f" and {len(names) - _CONDITIONS} more" if len(names) > _CONDITIONS else ""
        lines.append(f"  whatever may be of  {'; '.join(names[:_CONDITIONS])}{more}")
    return [printable(line) for line in lines]

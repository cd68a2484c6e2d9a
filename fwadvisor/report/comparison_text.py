"""Comparisons as text: the answer in one line, and each difference with a witness and what decides it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from fwadvisor.diagnostic import printable
from fwadvisor.model.address import Family
from fwadvisor.model.rule import Hook
from fwadvisor.packets.box import readable_boxes
from fwadvisor.proof.comparison import UNKNOWN, Answer, Comparison, Difference
from fwadvisor.proof.words import decider, flow

#: Without --all: so many differences of a comparison, and so many regions of a difference.
_DIFFERENCES = 4
_REGIONS = 3
_CONDITIONS = 6


def render(comparisons: Sequence[Comparison], *, policy: bool = False, everything: bool = False) -> str:
    """The differences of each comparison, then one line that answers for all.

    With `policy`, the second firewall of each comparison is the policy that the first must say; without it, the
    first firewall of all comparisons is the same.
    """
    blocks = []
    for comparison in comparisons:
        shown = list(islice(comparison.differences, None if everything else _DIFFERENCES))
        blocks += [_difference(comparison, each, everything) for each in shown]
        more = len(comparison.differences) - len(shown)
        if more:
            blocks.append(f"{more} more differences between {_both(comparison)}: see them with --all")
        blocks += ["\n".join(_opaque(comparison))] if comparison.answer is Answer.UNKNOWN else []
    claim = proof(comparisons) if policy else answer(comparisons)
    blocks.append("\n".join([claim, *_remarks(comparisons)]))
    return "\n\n".join(blocks)


def answer(comparisons: Sequence[Comparison]) -> str:
    """``equal: a = b = c (input, output; IPv4, IPv6)``, or which are not."""
    first = comparisons[0].firewalls[0]
    same = [each.firewalls[1].name for each in comparisons if each.answer is Answer.EQUAL]
    lines = [_equation("equal", [first.name, *same], comparisons)] if same else []
    return "\n".join([*lines, *_refuted(comparisons)])


def proof(comparisons: Sequence[Comparison]) -> str:
    """``proved: a = b = policy web-server (input, output; IPv4, IPv6)``, or which files do not say the policy."""
    same = [each.firewalls[0].name for each in comparisons if each.answer is Answer.EQUAL]
    names = [*same, f"policy {comparisons[0].firewalls[1].name}"]
    lines = [_equation("proved", names, comparisons)] if same else []
    return "\n".join([*lines, *_refuted(comparisons)])


def _equation(word: str, names: Sequence[str], comparisons: Sequence[Comparison]) -> str:
    """Hooks and families of all of them first, then those of which only some speak."""
    equal = [each for each in comparisons if each.answer is Answer.EQUAL]
    common = [part for part in equal[0].parts if all(part in each.parts for each in equal)]
    more = dict.fromkeys(part for each in equal for part in each.parts if part not in common)
    also = f"; {', '.join(dict.fromkeys(hook for hook, _ in more))} where spoken of" if more else ""
    return f"{word}: {printable(' = '.join(names))} ({parts_in_words(common)}{also})"


def _refuted(comparisons: Sequence[Comparison]) -> Iterator[str]:
    for each in comparisons:
        if each.answer is not Answer.EQUAL:
            places = [(difference.hook, difference.family) for difference in each.differences]
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

"""Found packets as text: boxes by the rule that decides them, and one line that sums up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fwadvisor.diagnostic import printable
from fwadvisor.proof.words import decider
from fwadvisor.review.find import Answer, Share

#: Without --all: so many boxes of a rule, so many rules, and so much of a rule.
_BOXES, _SHARES, _WIDTH = 4, 20, 140


def render(answers: Sequence[Answer], *, everything: bool = False) -> str:
    """Each answer, with a sentence at its end."""
    return "\n\n".join("\n".join(_answer(each, everything)) for each in answers)


def _answer(answer: Answer, everything: bool) -> Iterator[str]:
    groups = _by_decider(answer.shares)
    shown = groups if everything else groups[:_SHARES]
    for group in shown:
        yield from _group(answer, group, everything)
    if len(groups) > len(shown):
        yield f"and by {len(groups) - len(shown)} more rules: see them with --all"
    yield from (printable(f"not asked  {text}") for text in answer.unasked)
    yield from (printable(f"not understood  {each.span}: {each.reason}") for each in (*answer.opaque, *answer.doubts))
    yield printable(summary(answer))


def summary(answer: Answer) -> str:
    """``rules.nft accepts packets of any -> self:1-1023/tcp: 3 boxes by 2 rules``."""
    sure = [each for each in answer.shares if each.verdict is not None]
    unknown = [each for each in answer.shares if each.verdict is None]
    region = answer.region.text
    verb = answer.asked.value if answer.asked.verdicts else "leaves unknown"
    if answer.doubts:
        return f"{answer.firewall.name} has parts that are not evaluated, so nothing is sure about {region}"
    if not answer.shares:
        return f"{answer.firewall.name} {verb} no packet of {region}"
    boxes = sum(len(each.boxes) for each in sure or unknown)
    many = len(_by_decider(sure or unknown))
    rules = f"{boxes} {'box' if boxes == 1 else 'boxes'} by {many} {'rule' if many == 1 else 'rules'}"
    if not sure:
        said = "leaves unknown" if not answer.asked.verdicts else f"may do so: it leaves unknown (--{answer.asked})"
        return f"{answer.firewall.name} {said} packets of {region}: {rules}"
    more = "; what happens to more of them is not known" if unknown else ""
    return f"{answer.firewall.name} {verb} packets of {region}: {rules}{more}"


def _by_decider(shares: Sequence[Share]) -> list[list[Share]]:
    """The shares of one rule together, both families."""
    groups: dict[object, list[Share]] = {}
    for share in shares:
        step = share.step
        groups.setdefault((share.verdict, step and (step.chain, id(step.rule))), []).append(share)
    return list(groups.values())


def _group(answer: Answer, group: Sequence[Share], everything: bool) -> Iterator[str]:
    text = decider(answer.firewall, group[0].step)
    yield text if everything or len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
    several = len(answer.region.families) > 1
    boxes = [(share, box) for share in group for box in share.boxes]
    shown = boxes if everything else boxes[:_BOXES]
    for share, box in shown:
        verdict = share.verdict.value if share.verdict else "unknown"
        line = box.line(None if everything else 8, place=False)
        family = f"IPv{share.family.value}  " if several else ""
        yield f"  {verdict:<7}  {family}{'all of it' if line == 'all packets' else line}"
    if len(boxes) > len(shown):
        yield f"           and {len(boxes) - len(shown)} more boxes: see them with --all"

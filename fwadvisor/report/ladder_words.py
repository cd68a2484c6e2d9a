"""Ladders in words, alike in every form: what is said of a step, and the rules that are named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from fwadvisor.calls.ladder import Announced, Answer, CallLadder, DecidingRule, Fate, LadderStep
from fwadvisor.calls.packets import AGREED_TCP, AGREED_UDP
from fwadvisor.diagnostic import printable
from fwadvisor.model.interval import format_ports
from fwadvisor.model.policy import SELF, Strategy
from fwadvisor.model.rule import Hook
from fwadvisor.ports.explain.text import fold

_THROUGH = {
    Strategy.TRACKED: "connection tracking reads them",
    Strategy.PINNED: "a fixed range is always open",
    Strategy.TUNNELLED: "H.245 runs in call set-up, media has a fixed range",
    Strategy.TRAVERSAL: "a traversal server, outwards only",
    Strategy.GATEKEEPER_ROUTED: "the gatekeeper routes set-up, media has a fixed range",
    Strategy.EVERYTHING: "EVERY HIGH PORT is open",
    Strategy.REFUSED: "nothing is opened for them",
}


def zone_name(name: str) -> str:
    """A zone as the head of a column."""
    return "this machine" if name == SELF else printable(name)


def title(ladder: CallLadder) -> str:
    """``H.323 endpoint, slow start, from peers to this machine``."""
    return f"{printable(ladder.title)}, {printable(ladder.form_title)}, {who(ladder)}"


def who(ladder: CallLadder) -> str:
    """Who begins with whom."""
    lead = _lead(ladder)
    return f"from {zone_name(lead.source)} to {zone_name(lead.destination)}"


def _lead(ladder: CallLadder) -> LadderStep:
    hooked = [step for step in ladder.steps if step.begins and step.answer and step.answer.packet.hook is ladder.hook]
    setups = [step for step in hooked if step.flow in ladder.needs]
    return (setups or hooked or list(ladder.steps))[0]


def under(ladder: CallLadder) -> str:
    """Dialect, IP version and strategy in a sentence."""
    words = f"{ladder.dialect}, IPv{ladder.family.value}."
    if ladder.strategy is not None:
        words += f" Negotiated ports: {ladder.strategy} ({_THROUGH[ladder.strategy]})."
    return words


def agreed(ladder: CallLadder) -> str:
    """What the ports stand for that nobody keeps to, or ""."""
    ports = {each.port for step in ladder.steps for each in step.announces}
    shown = [str(port) for port in (AGREED_TCP, AGREED_UDP) if port in ports]
    if not shown:
        return ""
    return f"{' and '.join(shown)} stand{'s' if len(shown) == 1 else ''} for whatever port a call agrees on."


def verdict_of(ladder: CallLadder) -> str:
    """What the whole ladder comes to, in a line."""
    if not ladder.blocked:
        return "All of it passes."
    first = ladder.blocked[0]
    lost = sum(step.fate is Fate.UNREACHED for step in ladder.steps)
    more = f", and {lost} steps do not happen" if lost else ""
    count = len(ladder.blocked)
    what = f"step {first.number}" if count == 1 else f"{count} steps, the first at {first.number}"
    return f"BLOCKED: {what} ({printable(first.says)}){more}."


def endings(ladder: CallLadder) -> Iterator[str]:
    """What closes the openings, in sentences."""
    begun = [step for step in ladder.steps if step.begins and step.fate is Fate.PASSES]
    expected = any(step.unread is not None for step in begun)
    if expected and ladder.pending:
        yield f"What a helper expects and nobody begins is closed after {ladder.pending}; each expectation serves once."
    for transport, sentence in ladder.ends:
        if any(step.transport == transport for step in begun):
            yield f"{transport.upper()}: {sentence}."
    kept = {(step.transport, step.always_open): None for step in begun if step.always_open}
    for transport, ports in kept:
        yield f"{transport.upper()} {format_ports(ports or ())} stays open after the call, as before it."


def sentences(ladder: CallLadder, *, limits: bool = True) -> Iterator[str]:
    """Everything that is said below the picture."""
    yield verdict_of(ladder)
    yield from endings(ladder)
    if limits:
        yield from map(printable, ladder.limits)
    if ladder.note:
        yield printable(ladder.note)


@dataclass
class Rules:
    """The rules that a ladder names, numbered in the order of their first mention."""

    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    rules: list[DecidingRule] = field(default_factory=list)

    def number(self, rule: DecidingRule) -> int:
        """The number of a rule."""
        key = rule.place, rule.text
        if key not in self.numbers:
            self.rules.append(rule)
            self.numbers[key] = len(self.rules)
        return self.numbers[key]

    def refer(self, answer: Answer) -> str:
        """``[3]`` or ``[2][5]`` for what decides, "" where no rule is asked."""
        return "".join(f"[{self.number(rule)}]" for rule in answer.deciders)


def decided(step: LadderStep, rules: Rules) -> str:
    """What becomes of a step and by which rule, in few words."""
    if step.answer is None:
        return f"does not happen: step {step.because_of} is blocked" if step.because_of else "does not happen"
    where = f"{step.transport} {step.port}" if step.port is not None else f"protocol {step.answer.packet.protocol}"
    refer = rules.refer(step.answer)
    if step.fate is Fate.BLOCKED:
        return f"{where} BLOCKED {refer}".rstrip()
    if step.begins:
        return f"{where} passes {refer}".rstrip()
    return f"known {refer}".rstrip()


def remarks(step: LadderStep, rules: Rules) -> Iterator[str]:
    """Everything else about a step, a sentence each."""
    if step.group:
        yield f"to the group {step.group}"
    if step.means:
        yield printable(step.means)
    answer = step.answer
    if answer is None:
        return
    if answer.helper and answer.passes:
        attached = f" [{rules.number(answer.helper_rule)}]" if answer.helper_rule else ""
        yield f"helper {printable(answer.helper)} reads it{attached}"
    if step.unread is not None:
        yield f"expected by helper {printable(answer.packet.helper)}, for this call only"
    if step.always_open:
        outwards = " outwards" if answer.packet.hook is Hook.OUTPUT else ""
        yield f"{step.transport} {format_ports(step.always_open)} is always open{outwards}"
    if step.unread is not None:
        fate = "passes" if step.unread.passes else "BLOCKED"
        where = f", or with other hosts of {' and '.join(map(zone_name, step.others))}" if step.others else ""
        yield f"if no helper could read it{where}: {fate} {rules.refer(step.unread)}".rstrip()
    yield from map(_told, step.announces)
    if step.closes:
        yield f"ends {', '.join(printable(each) for each in step.closes)}"


def _told(announced: Announced) -> str:
    words = f"tells of {announced.flow}: {announced.transport} {announced.port}"
    return f"{words}; helper {announced.expected_by} expects it" if announced.expected_by else words


def rule_lines(rules: Rules, width: int) -> Iterator[str]:
    """The list of rules, folded."""
    for number, rule in enumerate(rules.rules, 1):
        label = f"[{number}]"
        text = f"{rule.place}: {rule.text}" if rule.place else rule.text
        for index, line in enumerate(fold(printable(text), width - 6)):
            yield f"{label if index == 0 else '':<5} {line}"

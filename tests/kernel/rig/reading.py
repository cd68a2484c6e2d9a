"""Rule texts of others in the kernel and in the readers: load them, read them, and find where the two disagree."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import ReadError
from fwadvisor.model.evaluate import Outcome, evaluate
from fwadvisor.model.firewall import AnyOf, Condition, ConditionTest, Firewall
from fwadvisor.model.rule import State, Verdict
from fwadvisor.model.walk import Packet
from fwadvisor.packets import Space

from .instrument import Rig
from .limits import agree
from .places import RigError
from .sentence import told

Files = Mapping[str, str]
#: How long a text is made shorter, in seconds.
_PATIENCE = 60.0
#: A mark that a reader could not write as ranges.
_MARK_CONDITION = re.compile(r"(?P<connection>connection )?mark (?P<value>0x[0-9a-f]+)(/(?P<mask>0x[0-9a-f]+))?")
_WRITES_MARKS = re.compile(r"mark set|-j (?:CONN)?MARK")
_WITH_CONNECTION = (State.NEW, State.ESTABLISHED, State.RELATED)
_MOST_TRIALS = 512


def load(rig: Rig, way: str, files: Files) -> None:
    """Load the files of a text in place of all that was loaded; way "nftables", "nft" or "legacy" (iptables).

    Raises:
        RigError: they do not load.
    """
    rig.clear()
    if way == "nftables":
        rig.load_nftables("\n".join(files.values()))
        return
    if "ipset" in files:
        rig.load_sets(files["ipset"])
    rig.load_iptables(files.get("iptables.v4", ""), files.get("iptables.v6", ""), way)


def read(way: str, files: Files) -> Firewall:
    """What our reader makes of the files.

    Raises:
        ReadError: it does not read them.
    """
    sources = [Source(name, text.encode()) for name, text in files.items()]
    return read_firewall(sources, "nftables" if way == "nftables" else "iptables")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A packet with which the kernel does something else than the reader's firewall."""

    packet: Packet
    ours: Outcome
    kernel: Verdict

    def __str__(self) -> str:
        trail = [
            f"  {step.chain}: {f'{step.rule.span.line}: {step.rule.text}' if step.rule else 'default'}"
            for step in self.ours.trail
        ]
        verdict = self.ours.verdict or "unknown"
        return "\n".join([f"{told(self.packet)}\nkernel: {self.kernel}, read: {verdict}, by", *trail])


class _Truth:
    """Which conditions hold for a packet: marks as they are, all others as tried."""

    def __init__(self, packet: Packet, tried: Mapping[str, bool], marks_stay: bool) -> None:
        self._packet, self._tried, self._marks_stay = packet, tried, marks_stay
        #: The first one of which nothing is known.
        self.open = ""

    def __contains__(self, name: str) -> bool:
        mark = _MARK_CONDITION.fullmatch(name)
        if mark is not None and self._marks_stay:
            value, mask = int(mark["value"], 16), int(mark["mask"] or "0xffffffff", 16)
            if mark["connection"]:
                return self._packet.state in _WITH_CONNECTION and self._packet.connection_mark & mask == value
            return self._packet.mark & mask == value
        if name not in self._tried and not self.open:
            self.open = name
        return self._tried.get(name, False)


def outcomes(firewall: Firewall, packet: Packet, marks_stay: bool) -> Iterator[Outcome]:
    """What becomes of a packet, for each way in which the conditions on its path can hold.

    With `marks_stay` no rule writes marks: then a condition that asks for one has an answer.

    Raises:
        RigError: there are too many ways to try.
    """
    trials: list[dict[str, bool]] = [{}]
    for _ in range(_MOST_TRIALS):
        if not trials:
            return
        tried = trials.pop()
        truth = _Truth(packet, tried, marks_stay)
        outcome = evaluate(firewall, replace(packet, conditions=truth))  # type: ignore[arg-type]
        if truth.open:
            trials += [{**tried, truth.open: False}, {**tried, truth.open: True}]
        else:
            yield outcome
    raise RigError(f"too many conditions are on the way of {told(packet)}")


def disagreements(rig: Rig, way: str, files: Files, packets: Sequence[Packet]) -> list[Disagreement]:
    """Where the loaded rules and what our reader makes of the files disagree about packets.

    Raises:
        ReadError: it does not read them.
    """
    firewall, found = read(way, files), []
    marks_stay = not any(_WRITES_MARKS.search(text) for text in files.values())
    for packet, kernel in zip(packets, rig.verdicts(packets, exact=True), strict=True):
        for ours in outcomes(firewall, packet, marks_stay):
            if ours.verdict is not None and agree(ours.verdict, kernel, packet):
                break
            shown = ours
        else:
            found.append(Disagreement(packet, shown, kernel))
    return found


def engine_disagreements(way: str, files: Files, packets: Sequence[Packet]) -> list[str]:
    """Where the packet engine holds a packet for impossible, or gives it another verdict than the walk."""
    firewall, found = read(way, files), []
    space, random = Space([firewall]), Random(len(packets))
    every = frozenset(condition.name for condition in _conditions(firewall))
    for packet in packets:
        part = packet.hook, packet.family
        if part not in space.parts:
            continue
        if not space.everything(*part).contains(packet):
            found.append(f"not possible: {told(packet)}")
        for conditions in (frozenset[str](), every, frozenset(random.sample(sorted(every), len(every) // 2))):
            asked = replace(packet, conditions=conditions)
            verdict, walked = space.meaning(firewall, *part).at(asked).verdict, evaluate(firewall, asked).verdict
            if verdict is not walked:
                found.append(f"{told(packet)}, conditions {sorted(conditions)}: {verdict}, walked: {walked}")
            if not every:
                break
    return found


def _conditions(firewall: Firewall) -> Iterator[Condition]:
    tests = [test for rule in firewall.rules() for test in rule.tests]
    while tests:
        match tests.pop():
            case ConditionTest(condition):
                yield condition
            case AnyOf(alternatives):
                tests += [test for alternative in alternatives for test in alternative]


def _blocks(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Places of what stands between braces, and of the tables of iptables."""
    found, open_at = [], []
    for number, line in enumerate(lines):
        if line.rstrip().endswith("{") or line.startswith("*"):
            open_at.append(number)
        if (line.strip() == "}" or line == "COMMIT") and open_at:
            found.append((open_at.pop(), number + 1))
    return sorted(found, key=lambda pair: pair[0] - pair[1])


def _shorter(text: str, still: Callable[[str], bool], end: float) -> str:
    """The text without the lines that `still` does not need."""
    lines = text.splitlines()

    def needless(without: list[str]) -> bool:
        return still("\n".join(without) + "\n")

    while (block := next((b for b in _blocks(lines) if needless(lines[: b[0]] + lines[b[1] :])), None)) is not None:
        lines = lines[: block[0]] + lines[block[1] :]
    size = max(1, len(lines) // 2)
    while size:
        at = 0
        while at < len(lines) and time.monotonic() < end:
            without = lines[:at] + lines[at + size :]
            if needless(without):
                lines = without
            else:
                at += size
        size //= 2
    return "\n".join(lines) + "\n"


def _with(files: Files, name: str, holds: Callable[[Files], bool], text: str) -> bool:
    return holds({**files, name: text})


def reduced(files: Files, still: Callable[[Files], bool]) -> dict[str, str]:
    """The files with as few lines as `still` holds for; files that the kernel or the reader refuses do not count."""
    end = time.monotonic() + _PATIENCE

    def holds(trial: Files) -> bool:
        try:
            return still(trial)
        except (RigError, ReadError):
            return False

    left = dict(files)
    for name in list(left):
        others = {key: text for key, text in left.items() if key != name}
        if others and holds(others):
            left = others
            continue
        left[name] = _shorter(left[name], partial(_with, left, name, holds), end)
    return left


def complaint(rig: Rig, way: str, files: Files, wrong: Disagreement) -> str:
    """The shortest text that shows a disagreement, with the packet and both verdicts."""

    def shows(trial: Files) -> bool:
        load(rig, way, trial)
        return bool(disagreements(rig, way, trial, [wrong.packet]))

    short = reduced(files, shows)
    load(rig, way, short)
    again = disagreements(rig, way, short, [wrong.packet])
    texts = "\n".join(f"--- {name}\n{text}" for name, text in short.items())
    return f"{texts}\n{again[0] if again else f'not again: {wrong}'}"


def refusal(rig: Rig, way: str, files: Files) -> str:
    """The shortest text that the kernel loads and the reader refuses, with what it says; "" where it reads it."""

    def told_by(trial: Files) -> str:
        try:
            read(way, trial)
        except ReadError as problem:
            return str(problem)
        return ""

    said = told_by(files)
    if not said:
        return ""

    def shows(trial: Files) -> bool:
        load(rig, way, trial)
        return bool(told_by(trial))

    short = reduced(files, shows)
    texts = "\n".join(f"--- {name}\n{text}" for name, text in short.items())
    return f"{texts}\n{told_by(short)}"

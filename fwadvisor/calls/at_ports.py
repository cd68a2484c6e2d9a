"""The steps of a policy's conversations that meet certain ports, with the rules that decide in each dialect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from fwadvisor.calls.ladder import CallLadder, LadderStep
from fwadvisor.model.interval import Intervals, contains


@dataclass(frozen=True, slots=True)
class Meeting:
    """A step of a ladder whose first packet goes to one of the ports."""

    ladder: CallLadder
    step: LadderStep


def meetings(ladders: Iterable[CallLadder], spots: Sequence[tuple[int, Intervals]]) -> Iterator[Meeting]:
    """The steps that begin a connection to a spot: (protocol, ports); without ports the protocol alone counts."""
    for ladder in ladders:
        for step in ladder.steps:
            packet = step.answer.packet if step.answer and step.begins else None
            if packet is None:
                continue
            for protocol, ports in spots:
                if packet.protocol == protocol and (not ports or contains(ports, packet.destination_port)):
                    yield Meeting(ladder, step)
                    break

"""What people should know of the conversations of a policy: ladders, what stays open, what to watch, and symptoms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from fwadvisor.calls.ladder import CallLadder, LadderStep
from fwadvisor.compile.flows import zone_of
from fwadvisor.model.address import Family, describe_addresses
from fwadvisor.model.interval import Intervals, size, union
from fwadvisor.model.policy import Policy
from fwadvisor.model.rule import Hook
from fwadvisor.ports.call_facts import Conversation
from fwadvisor.ports.database import Database

#: Peers are counted up to this many, and described beyond.
_COUNTED = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a dialect's rules keep open for negotiated flows at all times, from outside."""

    dialect: str
    strategy: str
    #: (transport, ports, to whom)
    ranges: tuple[tuple[str, Intervals, str], ...]
    #: Whether helpers open what calls agree on.
    tracked: bool


@dataclass(frozen=True, slots=True)
class Explained:
    """A symptom, and for each dialect the places of the rules that decide about its flows."""

    sees: str
    cause: str
    flows: tuple[str, ...]
    places: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Watched:
    """A command with what it shows where all is well, for some dialects."""

    dialects: tuple[str, ...]
    run: str
    healthy: tuple[str, ...]
    means: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallNotes:
    """Everything about one application."""

    application: str
    title: str
    ladders: tuple[CallLadder, ...]
    kept: tuple[Kept, ...]
    symptoms: tuple[Explained, ...]
    watches: tuple[Watched, ...]


def call_notes(policy: Policy, database: Database, ladders: Mapping[str, Sequence[CallLadder]]) -> list[CallNotes]:
    """The notes of every application that has ladders; `ladders` are those of each dialect."""
    every = [ladder for several in ladders.values() for ladder in several]
    found = []
    for application in dict.fromkeys(ladder.application for ladder in every):
        mine = tuple(ladder for ladder in every if ladder.application == application)
        conversation = database.conversations[application]
        found.append(
            CallNotes(
                application=application,
                title=mine[0].title,
                ladders=mine,
                kept=tuple(_kept(policy, mine)),
                symptoms=tuple(_explained(conversation, mine)),
                watches=tuple(_watched(conversation, mine)),
            )
        )
    return found


def _by_dialect(ladders: Iterable[CallLadder]) -> dict[str, list[CallLadder]]:
    found: dict[str, list[CallLadder]] = {}
    for ladder in ladders:
        found.setdefault(ladder.dialect, []).append(ladder)
    return found


def _begun(ladders: Iterable[CallLadder]) -> Iterator[LadderStep]:
    return (step for ladder in ladders for step in ladder.steps if step.begins and step.answer is not None)


def _kept(policy: Policy, ladders: Sequence[CallLadder]) -> Iterator[Kept]:
    for dialect, several in _by_dialect(ladders).items():
        if several[0].strategy is None:
            continue
        ranges: dict[tuple[str, str], Intervals] = {}
        for step in _begun(several):
            if step.always_open and step.answer and step.answer.packet.hook is not Hook.OUTPUT:
                key = step.transport, peers(policy, step.source)
                ranges[key] = union(ranges.get(key, ()), step.always_open)
        yield Kept(
            dialect=dialect,
            strategy=str(several[0].strategy),
            ranges=tuple((transport, ports, whom) for (transport, whom), ports in ranges.items()),
            tracked=any(step.unread is not None for step in _begun(several)),
        )


def peers(policy: Policy, name: str) -> str:
    """A zone in words: its addresses counted where they are few, else as networks."""
    addresses = zone_of(policy, name).addresses
    count = sum(size(addresses.of(family)) for family in Family) if addresses is not None else 0
    if addresses is None:
        return "anybody"
    words = describe_addresses(addresses)
    return f"{count} address{'es' if count > 1 else ''} of {words}" if 0 < count <= _COUNTED else words


def _explained(conversation: Conversation, ladders: Sequence[CallLadder]) -> Iterator[Explained]:
    """The symptoms of flows that the ladders have, each with the rules that decide about their first packets."""
    flows = {step.flow for ladder in ladders for step in ladder.steps}
    for symptom in conversation.symptoms:
        if symptom.flows and flows.isdisjoint(symptom.flows):
            continue
        places = []
        for dialect, several in _by_dialect(ladders).items():
            named = dict.fromkeys(
                rule.place or rule.text
                for step in _begun(several)
                if step.flow in symptom.flows and step.answer
                for rule in step.answer.deciders
            )
            places.append((dialect, tuple(named)))
        yield Explained(symptom.sees, symptom.cause, symptom.flows, tuple(places))


def _watched(conversation: Conversation, ladders: Sequence[CallLadder]) -> Iterator[Watched]:
    """The commands that fit dialects and strategies, with the addresses and ports of the first ladder."""
    by_dialect = _by_dialect(ladders)
    for watch in conversation.watches:
        fitting = [
            dialect
            for dialect in watch.dialects
            if dialect in by_dialect
            and (not watch.strategies or str(by_dialect[dialect][0].strategy) in watch.strategies)
        ]
        if fitting:
            values = _values(by_dialect[fitting[0]][0])
            healthy = tuple(line.format_map(values) for line in watch.healthy)
            yield Watched(tuple(fitting), watch.run.format_map(values), healthy, watch.means)


def _values(ladder: CallLadder) -> dict[str, str]:
    """The words in braces."""
    lead = next((step for step in ladder.steps if step.flow in ladder.needs), ladder.steps[0])
    addresses = {party.zone: party.address for party in ladder.parties}
    told = {each.transport: each.port for step in ladder.steps for each in step.announces}
    udp = told.get("udp", 42500)
    return {
        "caller": addresses.get(lead.source, ""),
        "callee": addresses.get(lead.destination, ""),
        "tcp": str(told.get("tcp", 42000)),
        "udp": str(udp),
        "udp1": str(udp + 1),
    }

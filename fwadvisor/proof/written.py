"""The proof of what `generate` wrote: each text, read back, is the policy's own set of packets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from fwadvisor.diagnostic import Diagnostic, Label, error
from fwadvisor.dialects.base import OutputFile
from fwadvisor.dialects.reading import reader
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import FwadvisorError, ReadError
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field, Firewall
from fwadvisor.model.lift import lift
from fwadvisor.model.rule import Hook, Ruleset, Verdict
from fwadvisor.packets import Budget, Space
from fwadvisor.proof.comparison import TESTS, Comparison, Difference, compare_in
from fwadvisor.proof.words import deciding_span, decider, flow

_HELPERS = frozenset({Field.ASSIGNED_HELPER})
_REPORT = "this is a defect of fwadvisor, and nothing was written: please report it with the command and the profiles"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """What the text of one dialect was shown to mean."""

    dialect: str
    #: The hooks and families of which both the text and the policy speak.
    parts: tuple[tuple[Hook, Family], ...]
    #: Where the dialect differs from the policy by its nature: accepted here and not there, or the other way.
    exposure: tuple[Difference, ...]
    #: What the dialect does not speak of, in sentences.
    left_out: tuple[str, ...]


def prove_written(
    wanted: Mapping[str, Ruleset],
    outputs: Mapping[str, Sequence[OutputFile]],
    policy: Ruleset,
    options: tuple[tuple[str, str], ...] = (),
    budget: Budget | None = None,
) -> tuple[Proved, ...]:
    """Read every text back and compare it with its ruleset, and the ruleset with the policy.

    `wanted` holds the ruleset that each dialect was to say, `policy` the one that a dialect with all capabilities
    would get.

    Raises:
        FwadvisorError: a text does not mean its ruleset, or cannot be read: a defect, with a witness.
        BudgetError: the proof would grow too large.
    """
    budget = budget or Budget()
    read = {name: _read(name, files, dict(options)) for name, files in outputs.items()}
    itself = lift(policy)
    lifted = {name: itself if wanted[name] == policy else lift(wanted[name], name) for name in outputs}
    effects = _HELPERS if policy.helpers else frozenset()
    space = Space(_distinct([itself, *lifted.values(), *read.values()]), effects=effects, tests=TESTS, budget=budget)
    problems: list[Diagnostic] = []
    proved: list[Proved] = []
    for name, text in read.items():
        comparison = compare_in(space, text, lifted[name])
        problems += _defects(comparison)
        proved.append(_proved(name, comparison, space, lifted[name], itself))
    if problems:
        raise FwadvisorError(problems)
    return tuple(proved)


def _distinct(firewalls: Sequence[Firewall]) -> list[Firewall]:
    return list({id(each): each for each in firewalls}.values())


def _read(name: str, files: Sequence[OutputFile], options: Mapping[str, str]) -> Firewall:
    variant = options.get("pf-variant", "") if name == "pf" else ""
    try:
        firewall = reader(name).read(
            [Source(each.name, each.content) for each in files],
            {"variant": variant} if variant not in ("", "portable") else {},
        )
    except ReadError as refusal:
        raise FwadvisorError(replace(each, hint=_REPORT) for each in refusal.diagnostics) from refusal
    if firewall.opaque:
        raise FwadvisorError(error(f"not understood: {each.reason}", each.span, _REPORT) for each in firewall.opaque)
    return firewall


def _defects(comparison: Comparison) -> Iterator[Diagnostic]:
    """One screen for each difference between a text and what it was to say."""
    text, ruleset = comparison.firewalls
    for each in comparison.differences:
        span, said = deciding_span(text, each.steps[0]), deciding_span(ruleset, each.steps[1])
        wants = f"the policy says {each.outcomes[1]}: {decider(ruleset, each.steps[1])}"
        yield error(
            f"the {text.dialect} text says {each.outcomes[0]} where the policy says {each.outcomes[1]}: "
            f"{each.hook}, {flow(each.witness)}",
            span,
            _REPORT,
            *([Label(said, wants)] if said else []),
        )


def _proved(name: str, comparison: Comparison, space: Space, ruleset: Firewall, policy: Firewall) -> Proved:
    differences = compare_in(space, ruleset, policy).differences if ruleset is not policy else ()
    return Proved(
        dialect=name,
        parts=comparison.parts,
        exposure=tuple(each for each in differences if _accepts(each.outcomes[0]) is not _accepts(each.outcomes[1])),
        left_out=comparison.left_out,
    )


def _accepts(outcome: str) -> bool:
    return outcome.startswith(Verdict.ACCEPT)

"""The proof of what `generate` wrote: each text, read back, is the policy's own set of packets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from fwadvisor.diagnostic import Diagnostic, Label, error
from fwadvisor.dialects.base import OutputFile
from fwadvisor.dialects.reading import reader
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import FwadvisorError, ReadError
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field, Firewall
from fwadvisor.model.lift import lift
from fwadvisor.model.rule import Hook, Ruleset
from fwadvisor.packets import Budget, Space
from fwadvisor.parallel import at_once
from fwadvisor.proof.comparison import TESTS, Comparison, compare_in
from fwadvisor.proof.exposure import Exposure, exposure
from fwadvisor.proof.words import decider, deciding_span, flow

#: So many rules over all dialects take longer to prove than a process to fork.
_LARGE = 1000
_HELPERS = frozenset({Field.ASSIGNED_HELPER})
_REPORT = "this is a defect of fwadvisor, and nothing was written: please report it with the command and the profiles"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proved:
    """What the text of one dialect was shown to mean."""

    dialect: str
    #: The hooks and families of which both the text and the policy speak.
    parts: tuple[tuple[Hook, Family], ...]
    exposure: tuple[Exposure, ...]
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
        FwadvisorError: a text does not mean its ruleset, or cannot be read: a defect of the first such dialect.
        BudgetError: the proof would grow too large.
    """
    itself = lift(policy)

    def one(name: str) -> Proved:
        ruleset = itself if wanted[name] == policy else lift(wanted[name], name)
        text = read_written(name, outputs[name], dict(options))
        effects = _HELPERS if policy.helpers else frozenset[Field]()
        # A space for each, as one for all must tell apart what any of the texts does.
        space = Space((itself, ruleset, text), effects=effects, tests=TESTS, budget=budget or Budget(), like=ruleset)
        comparison = compare_in(space, text, ruleset)
        problems = tuple(_defects(comparison))
        if problems:
            raise FwadvisorError(problems)
        return _proved(name, comparison, space, ruleset, itself)

    jobs = [partial(one, name) for name in outputs]
    rules = sum(len(chain.rules) for ruleset in wanted.values() for chain in ruleset.chains)
    return tuple(at_once(jobs) if rules > _LARGE else [job() for job in jobs])


def read_written(
    name: str, files: Sequence[OutputFile], options: Mapping[str, str], *, hint: str = _REPORT
) -> Firewall:
    """What a dialect's written files say, read as anybody's files are; `hint` is how to report a defect.

    Raises:
        FwadvisorError: a file cannot be read, or not all of it is understood: a defect of the writer or the reader.
    """
    variant = options.get("pf-variant", "") if name == "pf" else ""
    try:
        firewall = reader(name).read(
            [Source(each.name, each.content) for each in files],
            {"variant": variant} if variant not in ("", "portable") else {},
        )
    except ReadError as refusal:
        raise FwadvisorError(replace(each, hint=hint) for each in refusal.diagnostics) from refusal
    if firewall.opaque:
        raise FwadvisorError(error(f"not understood: {each.reason}", each.span, hint) for each in firewall.opaque)
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
    return Proved(
        dialect=name,
        parts=comparison.parts,
        exposure=exposure(space, ruleset, policy) if ruleset is not policy else (),
        left_out=comparison.left_out,
    )

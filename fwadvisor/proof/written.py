"""The proof of what `generate` wrote: each text, read back, is the policy's own set of packets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from fwadvisor.packets import Budget, PacketSet, Space
from fwadvisor.proof.comparison import TESTS, Comparison, Difference, compare_in
from fwadvisor.proof.words import decider, deciding_span, flow

_HELPERS = frozenset({Field.ASSIGNED_HELPER})
_REPORT = "this is a defect of fwadvisor, and nothing was written: please report it with the command and the profiles"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """Where a dialect differs from the policy by its nature, on one hook and family."""

    hook: Hook
    family: Family
    #: New connections that it accepts and the policy does not; None: it accepts fewer, not more.
    wider: PacketSet | None
    #: New connections that the policy accepts and it does not.
    narrower: PacketSet | None
    #: Helpers whose negotiated connections the policy accepts when they come, and the dialect does not follow.
    not_followed: tuple[str, ...]


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
        FwadvisorError: a text does not mean its ruleset, or cannot be read: a defect, with a witness.
        BudgetError: the proof would grow too large.
    """
    budget = budget or Budget()
    read = {name: _read(name, files, dict(options)) for name, files in outputs.items()}
    itself = lift(policy)
    lifted = {name: itself if wanted[name] == policy else lift(wanted[name], name) for name in outputs}
    effects = _HELPERS if policy.helpers else frozenset()
    problems: list[Diagnostic] = []
    proved: list[Proved] = []
    for name, text in read.items():
        # A space for each, as one for all must tell apart what any of the texts does.
        ruleset = lifted[name]
        space = Space((itself, ruleset, text), effects=effects, tests=TESTS, budget=budget, like=ruleset)
        comparison = compare_in(space, text, ruleset)
        problems += _defects(comparison)
        proved.append(_proved(name, comparison, space, ruleset, itself))
    if problems:
        raise FwadvisorError(problems)
    return tuple(proved)


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
    parts = dict.fromkeys((each.hook, each.family) for each in differences)
    exposures = [_exposure(space, *part, [d for d in differences if (d.hook, d.family) == part]) for part in parts]
    return Proved(
        dialect=name,
        parts=comparison.parts,
        exposure=tuple(each for each in exposures if each is not None),
        left_out=comparison.left_out,
    )


def _exposure(space: Space, hook: Hook, family: Family, differences: Sequence[Difference]) -> Exposure | None:
    new = space.packets(hook, family, TESTS)
    more = _union(each.packets for each in differences if _accepts(each.outcomes[0]) and not _accepts(each.outcomes[1]))
    less = _union(each.packets for each in differences if _accepts(each.outcomes[1]) and not _accepts(each.outcomes[0]))
    wider, narrower = _some(more, new), _some(less, new)
    followed = _helpers(less - new) if less is not None else ()
    if wider is None and narrower is None and not followed:
        return None
    return Exposure(hook=hook, family=family, wider=wider, narrower=narrower, not_followed=followed)


def _union(sets: Iterable[PacketSet]) -> PacketSet | None:
    found: PacketSet | None = None
    for each in sets:
        found = each if found is None else found | each
    return found


def _some(packets: PacketSet | None, within: PacketSet) -> PacketSet | None:
    """The packets within a set, or None where there are none."""
    if packets is None or (packets & within).is_empty:
        return None
    return packets & within


def _helpers(packets: PacketSet) -> tuple[str, ...]:
    """The helpers that packets of negotiated connections name."""
    sets = (each for box in packets.boxes() for each in box.names.get(Field.HELPER, ()) if not each.inverted)
    return tuple(sorted({name for names in sets for name in names.names if name}))


def _accepts(outcome: str) -> bool:
    return outcome.startswith(Verdict.ACCEPT)

"""Rule files against a policy: what each dialect's files must say, compiled from the profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from fwadvisor.compile import Compiler
from fwadvisor.diagnostic import Diagnostic
from fwadvisor.dialects import dialect
from fwadvisor.dialects.base import Capabilities
from fwadvisor.dialects.fit import fit
from fwadvisor.errors import FwadvisorError
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.lift import lift
from fwadvisor.packets import Budget, Space
from fwadvisor.ports import load
from fwadvisor.profile import load_policy
from fwadvisor.proof.comparison import TESTS, Comparison, compare_firewalls
from fwadvisor.proof.exposure import Exposure, exposure


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A policy as a command line names it."""

    profiles: Sequence[str]
    settings: Mapping[str, str] = field(default_factory=dict)
    knowledge: Sequence[Path] = ()
    profile_dirs: Sequence[Path] = ()
    today: date | None = None
    allow_approximate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Firewalls held against a policy."""

    #: About the profiles and the port database.
    warnings: tuple[Diagnostic, ...]
    #: Each firewall with the policy as its dialect says it.
    comparisons: list[Comparison]
    #: For each, where its dialect says the policy otherwise by its nature.
    exposures: list[tuple[Exposure, ...]]


def as_dialect(compiler: Compiler, name: str, *, approximate: bool) -> Firewall:
    """The policy as rule files of a dialect must say it.

    Raises:
        FwadvisorError: the dialect cannot say it; `approximate` lets it say less.
    """
    capabilities = dialect(name).capabilities
    ruleset, _ = fit(compiler.compile(capabilities).ruleset, capabilities, approximate=approximate)
    return lift(ruleset)


def against_policy(firewalls: Sequence[Firewall], asked: Asked, budget: Budget, able: Capabilities) -> Held:
    """Each firewall against the policy as its dialect says it, and that against what `able` to all would say.

    Raises:
        FwadvisorError: the profiles are wrong, or a dialect cannot say the policy.
        BudgetError: the comparison would grow too large.
    """
    database = load(asked.knowledge)
    loaded = load_policy(
        asked.profiles,
        asked.settings,
        database,
        today=asked.today or date.today(),
        profile_dirs=asked.profile_dirs,
    )
    compiler = Compiler(loaded.policy, database)
    wanted: list[Firewall] = []
    problems: list[Diagnostic] = []
    for firewall in firewalls:
        try:
            wanted.append(as_dialect(compiler, firewall.dialect, approximate=asked.allow_approximate))
        except FwadvisorError as refusal:
            problems += (each for each in refusal.diagnostics if each not in problems)
    if problems:
        raise FwadvisorError(problems)
    itself = lift(compiler.compile(able).ruleset)
    return Held(
        warnings=(*database.notices, *loaded.warnings),
        comparisons=[compare_firewalls(*pair, budget, like=pair[1]) for pair in zip(firewalls, wanted, strict=True)],
        exposures=[exposure(Space((each, itself), tests=TESTS, budget=budget), each, itself) for each in wanted],
    )

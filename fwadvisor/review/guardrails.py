"""Whether rule files do what a policy says, and whether its never statements hold, whatever else the files do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from fwadvisor.compile import Compiler
from fwadvisor.decode.ignores import IgnoreRow
from fwadvisor.diagnostic import Diagnostic, Label, Span, error
from fwadvisor.dialects import dialect
from fwadvisor.errors import PolicyError
from fwadvisor.model.firewall import (
    LARGEST,
    STATES,
    Decide,
    Field,
    Firewall,
    FirewallRule,
    IntegerTest,
)
from fwadvisor.model.interval import subtract
from fwadvisor.model.lift import lift
from fwadvisor.model.policy import Policy, StatementKind
from fwadvisor.model.rule import State, Verdict
from fwadvisor.packets import Budget
from fwadvisor.ports.database import Database
from fwadvisor.profile import load_policy
from fwadvisor.proof.against import as_dialect
from fwadvisor.proof.words import flow
from fwadvisor.resources import source_line
from fwadvisor.review.changes import Decider, Kind, ReviewedChange
from fwadvisor.review.checks.base import Check, finding
from fwadvisor.review.diff import review
from fwadvisor.review.findings import Finding
from fwadvisor.review.promises import CHANGED, NARROWED, NEVER, UNKNOWN, WIDENED, Wanted

_BY_KIND = {Kind.WIDENED: WIDENED, Kind.NARROWED: NARROWED, Kind.UNKNOWN: UNKNOWN}
_OPENS = frozenset({Kind.WIDENED, Kind.UNKNOWN})
_NEW = STATES.index(State.NEW)
_NOT_NEW = subtract(((0, LARGEST[Field.STATE]),), ((_NEW, _NEW),))


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """Policies, loaded once for all files. `policy` is demanded whole, of `guards` only the never statements."""

    database: Database
    policy: Compiler | None = None
    guards: Firewall | None = None
    approximate: bool = False
    warnings: tuple[Diagnostic, ...] = ()
    #: What the profiles decide to live with.
    ignores: tuple[IgnoreRow, ...] = ()


def promises(wanted: Wanted, database: Database, today: date) -> Promises:
    """Load what the rules are held against; profiles that only say never are guardrails, however they are named.

    Raises:
        FwadvisorError: the profiles are wrong, or have no never statement where they are to be guardrails.
    """
    policy: Compiler | None = None
    nevers: list[Policy] = []
    warnings: list[Diagnostic] = []
    ignores: list[IgnoreRow] = []
    settings = dict(wanted.settings)
    for names, whole in ((wanted.policies, True), (wanted.guardrails, False)):
        if not names:
            continue
        loaded = load_policy(names, settings, database, today=today, profile_dirs=wanted.profile_dirs)
        warnings += loaded.warnings
        ignores += loaded.ignores
        kinds = {each.kind for each in loaded.policy.statements}
        if whole and not (kinds == {StatementKind.NEVER} and not loaded.policy.defaults):
            policy = Compiler(loaded.policy, database)
        elif StatementKind.NEVER in kinds:
            nevers.append(loaded.policy)
        else:
            raise PolicyError(
                error(f"{', '.join(names)} has no never statement, so there is nothing to guard", hint="use --policy")
            )
    return Promises(
        database=database,
        policy=policy,
        guards=_guard(nevers, database) if nevers else None,
        approximate=wanted.allow_approximate,
        warnings=tuple(warnings),
        ignores=tuple(dict.fromkeys(ignores)),
    )


def _guard(policies: Sequence[Policy], database: Database) -> Firewall:
    """A firewall that blocks new connections that a never statement rules out, and accepts everything else."""
    first = policies[0]
    statements = tuple(s for policy in policies for s in policy.statements if s.kind is StatementKind.NEVER)
    zones = {name: zone for policy in policies for name, zone in policy.zones.items()}
    policy = replace(first, statements=statements, zones=zones, defaults=())
    # What a never statement asks does not depend on the dialect.
    firewall = lift(Compiler(policy, database).compile(dialect("nftables").capabilities).ruleset)
    known = IntegerTest(Field.STATE, _NOT_NEW)
    pass_on = FirewallRule(tests=(known,), action=Decide(Verdict.ACCEPT), span=Span("", 1), text="known connections")
    chains = {name: replace(chain, rules=(pass_on, *chain.rules)) for name, chain in firewall.chains.items()}
    return replace(firewall, chains=chains)


@dataclass(slots=True)
class Violations:
    """How a firewall breaks what was promised."""

    findings: list[Finding] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def violations(firewall: Firewall, promised: Promises, budget: Budget) -> Violations:
    """Every packet that a firewall treats otherwise than promised, as findings.

    Raises:
        FwadvisorError: the dialect cannot say the policy, or no packet is spoken of by both.
        BudgetError: the comparison would grow too large.
    """
    found = Violations()
    if promised.policy is not None:
        wanted = as_dialect(promised.policy, firewall.dialect, approximate=promised.approximate)
        told = review(wanted, firewall, promised.database, budget)
        changes = [each for each in told.changes if each.kind is not Kind.RELOGGED]
        found.findings += (_finding(_BY_KIND.get(each.kind, CHANGED), each) for each in changes)
        if not any(each.kind is Kind.UNKNOWN for each in changes):
            found.findings += (
                finding(UNKNOWN, f"whether the policy holds is not known: {doubt}", None) for doubt in told.doubts
            )
        found.left_out += (f"{each} (so it is not held against the policy)" for each in told.left_out)
    if promised.guards is not None:
        told = review(
            promised.guards, firewall, promised.database, budget, kinds=frozenset({Kind.WIDENED, Kind.UNKNOWN})
        )
        for each in told.changes:
            if each.outcomes[0] != Verdict.ACCEPT:
                found.findings.append(_finding(NEVER if each.kind is Kind.WIDENED else UNKNOWN, each))
        found.left_out += (f"{each} (so no guardrail is held against it)" for each in told.left_out)
        found.left_out += (f"whether guardrails hold: {each}" for each in told.doubts)
    return found


def _finding(check: Check, change: ReviewedChange) -> Finding:
    policy, rules = change.deciders[0][0], change.deciders[1][0]
    least = check.severity if check is NEVER else None
    severity = min((each for each in (change.severity, least) if each), key=lambda each: each.rank)
    labels = [Label(span, _said(each, change)) for each in change.deciders[0] if (span := _profile_span(each))]
    also = [each for each in change.deciders[1][1:] if each.span]
    return finding(
        check,
        _message(check, change, policy, rules),
        rules.span,
        *labels,
        *(Label(each.span, "decides some of these packets too") for each in also if each.span),
        severity=severity,
        details=_details(change),
        about=change.id,
    )


def _message(check: Check, change: ReviewedChange, policy: Decider, rules: Decider) -> str:
    before, after = change.outcomes
    what = "this rule" if rules.rule else rules.text
    if check is UNKNOWN:
        return f"what becomes of these packets is not known, and the policy says {before}"
    if check is NEVER:
        return f"{change.hook}: {what} accepts what a never statement rules out ({policy.text})"
    return f"{change.hook}: {what} makes it {after}, where the policy says {before}"


def _said(decider: Decider, change: ReviewedChange) -> str:
    return f"the policy says {change.outcomes[0]}: {decider.text}"


def _profile_span(decider: Decider) -> Span | None:
    """Where the profile says it, with its line."""
    span = decider.span
    if span is None or decider.rule is None or not span.file.endswith((".yaml", ".yml")):
        return None
    source = source_line(span.file, span.line)
    return replace(span, source=source, length=max(1, len(source) - span.column + 1))


def _details(change: ReviewedChange) -> Iterator[str]:
    for region in change.regions:
        yield f"packets  {' '.join(region.line(place=False).split())}"
    yield f"for one  {flow(change.witness)}"
    yield f"because  {change.why}"
    for use in change.uses:
        yield f"ports    {use.port.title}"

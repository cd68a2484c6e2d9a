"""Whether rule files do what a policy says, and whether its never statements hold, whatever else the files do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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
#: So many statements stand in a message, and so many ports on a line.
_MOST_NAMED, _MOST_PORTS = 3, 12
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


def _guarded(firewall: Firewall, guards: Firewall) -> Firewall:
    """The firewall with guardrails asked last: it differs only where the firewall accepts what they block.

    It is of no dialect, so that nobody takes the guardrails for rules that were deleted.
    """
    chains = {f"never {name}": replace(chain, name=f"never {name}") for name, chain in guards.chains.items()}
    last = max((base.priority for base in firewall.bases), default=0) + 1
    bases = (replace(base, chain=f"never {base.chain}", priority=last) for base in guards.bases)
    return replace(
        firewall,
        name="the never statements",
        dialect="policy",
        chains={**firewall.chains, **chains},
        bases=(*firewall.bases, *bases),
    )


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
        found.findings += _findings((_BY_KIND.get(each.kind, CHANGED), each) for each in changes)
        if not any(each.kind is Kind.UNKNOWN for each in changes):
            message = "whether the policy holds is not known: {}"
            found.findings += (finding(UNKNOWN, message.format(doubt), None) for doubt in told.doubts)
        found.left_out += (f"{each} (so it is not held against the policy)" for each in told.left_out)
    if promised.guards is not None:
        told = review(_guarded(firewall, promised.guards), firewall, promised.database, budget, apart=True)
        found.findings += _findings((NEVER if each.kind is Kind.WIDENED else UNKNOWN, each) for each in told.changes)
    return found


def _findings(changes: Iterable[tuple[Check, ReviewedChange]]) -> Iterator[Finding]:
    """One finding for what the same rule does to the same statement, over both families and all its ports."""
    groups: dict[object, tuple[Check, list[ReviewedChange]]] = {}
    for check, change in changes:
        policy, rules = change.deciders[0][0], change.deciders[1][0]
        place = (policy.span.file, policy.span.line) if policy.span and policy.rule else policy.text
        key = (check.id, change.hook, change.outcomes, rules.span, rules.text, place)
        groups.setdefault(key, (check, []))[1].append(change)
    for check, group in groups.values():
        yield _finding(check, group)


def _finding(check: Check, group: Sequence[ReviewedChange]) -> Finding:
    first = group[0]
    rules = first.deciders[1][0]
    found = [*(change.severity for change in group), *([check.severity] if check is NEVER else [])]
    labels: dict[Span, Label] = {}
    for change in group:
        for each in change.deciders[0]:
            span = _profile_span(each)
            if span is not None:
                labels.setdefault(span, Label(span, f"the policy says {first.outcomes[0]}: {each.text}"))
        for each in change.deciders[1]:
            if each.span is not None and each.span != rules.span:
                labels.setdefault(each.span, Label(each.span, "decides some of these packets too"))
    return finding(
        check,
        _message(check, first, rules, [change.deciders[0][0].text for change in group]),
        rules.span,
        *labels.values(),
        severity=min(found, key=lambda each: each.rank),
        details=_details(group),
        about=" ".join(sorted(change.id for change in group)),
    )


def _message(check: Check, change: ReviewedChange, rules: Decider, statements: Sequence[str]) -> str:
    before, after = change.outcomes
    what = "this rule" if rules.rule else rules.text
    if check is UNKNOWN:
        return f"{change.hook}: what becomes of packets is not known, of which the policy says {before}"
    if check is NEVER:
        named = list(dict.fromkeys(statements))
        more = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
        listed = "; ".join(named[:_MOST_NAMED])
        does = f"{what} accepts" if rules.rule else f"no rule blocks, and {what} accepts,"
        return f"{change.hook}: {does} what a never statement rules out ({listed}{more})"
    if rules.rule is None:
        return f"{change.hook}: no rule speaks of packets of which the policy says {before}, and {what}"
    return f"{change.hook}: {what} makes it {after}, where the policy says {before}"


def _profile_span(decider: Decider) -> Span | None:
    """Where the profile says it, with its line."""
    span = decider.span
    if span is None or decider.rule is None or not span.file.endswith((".yaml", ".yml")):
        return None
    source = source_line(span.file, span.line)
    return replace(span, source=source, length=max(1, len(source) - span.column + 1))


def _details(group: Sequence[ReviewedChange]) -> Iterator[str]:
    families = {change.family for change in group}
    for change in group:
        family = f"IPv{change.family.value} " if len(families) > 1 else ""
        for region in change.regions:
            yield f"packets  {family}{' '.join(region.line(place=False).split())}"
    yield f"for one  {flow(group[0].witness)}"
    baseline = (each.text for change in group for each in change.deciders[0] if _profile_span(each) is None)
    yield from (f"policy   {text}" for text in dict.fromkeys(baseline))
    yield from dict.fromkeys(f"because  {change.why}" for change in group)
    ports = dict.fromkeys(use.port.title for change in group for use in change.uses)
    if ports:
        more = f" and {len(ports) - _MOST_PORTS} more" if len(ports) > _MOST_PORTS else ""
        yield f"ports    {', '.join(list(ports)[:_MOST_PORTS])}{more}"

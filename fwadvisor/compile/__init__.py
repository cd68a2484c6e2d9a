"""Policy and port database -> ruleset, notes, and the reason for each rule.

The law does not depend on the order of statements: never beats need beats forbid beats default. A need that
overlaps a never is an error, so the ruleset is simply: baseline, needs, forbids, default.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from fwadvisor.compile import notes as _notes
from fwadvisor.compile.baseline import baseline
from fwadvisor.compile.clashes import clashes
from fwadvisor.compile.conflicts import broken_guardrails, resolved_conflicts, unguarded
from fwadvisor.compile.flows import Selection, closed_selections, closes_nothing, no_path
from fwadvisor.compile.needs import Opened, open_need
from fwadvisor.compile.related import Expectation, expected, related_rules
from fwadvisor.diagnostic import Diagnostic
from fwadvisor.dialects.base import Capabilities
from fwadvisor.errors import PolicyError
from fwadvisor.model.note import Note
from fwadvisor.model.policy import DefaultVerdict, Kind, Policy, StatementKind
from fwadvisor.model.rule import Chain, Hook, Log, Rule, Ruleset, Verdict
from fwadvisor.ports.database import Database

_STRICTEST = (Verdict.DROP, Verdict.REJECT, Verdict.ACCEPT)
#: Where no profile declares a default: closed but for what is needed, once something is needed. Profiles that only
#: close (no-netmeeting) or only guard would otherwise cut the machine off.
_FALLBACK = {Hook.INPUT: Verdict.DROP, Hook.OUTPUT: Verdict.ACCEPT, Hook.FORWARD: Verdict.DROP}


@dataclass(frozen=True, slots=True)
class Compilation:
    """What a policy comes to in one dialect."""

    ruleset: Ruleset
    notes: tuple[Note, ...]
    #: What is doubtful, and only in this dialect.
    warnings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Closed:
    """What forbid and never statements close."""

    forbidden: list[Selection] = field(default_factory=list)
    never: list[Selection] = field(default_factory=list)
    #: About statements that close nothing.
    notes: list[Note] = field(default_factory=list)

    @property
    def all(self) -> list[Selection]:
        """Both kinds."""
        return [*self.never, *self.forbidden]


def compile_policy(policy: Policy, database: Database, capabilities: Capabilities) -> Compilation:
    """Compile a policy for a dialect; only the way of serving negotiated flows depends on the dialect.

    Raises:
        PolicyError: a need overlaps a never, opens nothing, or negotiates ports that nothing can serve.
    """
    return Compiler(policy, database).compile(capabilities)


class Compiler:
    """Compiles one policy for several dialects; what does not depend on the dialect is worked out once."""

    def __init__(self, policy: Policy, database: Database) -> None:
        self._policy = policy
        self._database = database
        self._opened: dict[int, Opened] = {}
        #: What every dialect gets, where no need is served by the dialect's own means.
        self._common: Compilation | None = None

    def compile(self, capabilities: Capabilities) -> Compilation:
        """The policy in a dialect of these capabilities.

        Raises:
            PolicyError: as `compile_policy`.
        """
        if self._common is not None:
            return self._common
        opened = self._open_needs(capabilities)
        compilation = self._compilation(opened)
        if not any(each.served for each in opened):
            self._common = compilation
        return compilation

    @cached_property
    def _closed(self) -> Closed:
        """What forbid and never close."""
        closed = Closed()
        for statement in self._policy.statements:
            if statement.kind is StatementKind.NEED:
                continue
            selections = closed_selections(self._policy, statement, self._database)
            (closed.forbidden if statement.kind is StatementKind.FORBID else closed.never).extend(selections)
            if not selections:
                closed.notes.append(closes_nothing(statement, self._policy))
        return closed

    def _compilation(self, opened: list[Opened]) -> Compilation:
        policy, closed = self._policy, self._closed
        needs = [selection for each in opened for selection in each.selections]
        expectations = [expectation for each in opened for expectation in each.expectations]
        problems = broken_guardrails([*needs, *expected(expectations, closed.all)], closed.never)
        problems += clashes((each for one in opened for each in one.pinned), needs, closed.forbidden)
        if problems:
            raise PolicyError(problems)
        defaults = {hook: _default(policy, hook) for hook in Hook}
        chains = tuple(
            _chain(policy, hook, default, expectations, needs, closed) for hook, (default, _) in defaults.items()
        )
        accepting = [chain.hook for chain in chains if chain.default is Verdict.ACCEPT]
        notes = [
            *(note for each in opened for note in each.notes),
            *resolved_conflicts(needs, closed.forbidden),
            *closed.notes,
            *unguarded(policy, closed.never),
            *(note for _, notes in defaults.values() for note in notes),
            *_notes.policy_notes(policy, self._database, needs, accepting),
        ]
        assignments = tuple(assignment for each in opened for assignment in each.assignments)
        return Compilation(
            Ruleset(name=policy.name, chains=chains, helpers=assignments),
            _notes.distinct(notes),
            tuple(warning for each in opened for warning in each.warnings),
        )

    def _open_needs(self, capabilities: Capabilities) -> list[Opened]:
        """Every need, opened; the problems of all of them in one error."""
        opened: list[Opened] = []
        problems: list[Diagnostic] = []
        for number, statement in enumerate(self._policy.statements):
            if statement.kind is not StatementKind.NEED:
                continue
            each = self._opened.get(number)
            if each is None:
                try:
                    each = open_need(self._policy, statement, self._database, capabilities)
                except PolicyError as refusal:
                    problems += refusal.diagnostics
                    continue
                if not each.selections:
                    problems.append(no_path(statement, self._policy))
                elif not each.served:
                    self._opened[number] = each
            opened.append(each)
        if problems:
            raise PolicyError(problems)
        return opened


def _default(policy: Policy, hook: Hook) -> tuple[DefaultVerdict | None, list[Note]]:
    """The strictest default that a profile declares for `hook`, and a note where profiles disagree."""
    declared = [each for each in policy.defaults if each.hook is hook]
    if not declared:
        return None, []
    # Among equally strict ones the one that logs, so that the order of profiles means nothing.
    strictest = min(declared, key=lambda each: (_STRICTEST.index(each.verdict), not each.log))
    verdicts = {each.verdict for each in declared}
    return strictest, [_notes.defaults_differ(strictest, declared)] if len(verdicts) > 1 else []


def _fallback(policy: Policy, hook: Hook) -> Verdict:
    """The default where no profile declares one; profiles that need nothing only close what they name."""
    if any(statement.kind is StatementKind.NEED for statement in policy.statements):
        return _FALLBACK[hook]
    return Verdict.ACCEPT


def _log(policy: Policy, hook: Hook, verdict: Verdict) -> Log:
    return Log(prefix=f"fwadvisor {hook} {verdict}: ", rate=policy.log_rate)


def _rules(policy: Policy, selections: list[Selection], hook: Hook, default: Verdict) -> list[Rule]:
    """The rules of one kind of statement on one hook.

    Where statements of a kind overlap the stricter verdict and the one that logs come first, so that their
    order in the profiles means nothing.
    """
    rules: dict[tuple[object, ...], Rule] = {}
    for selection in selections:
        if selection.hook is not hook:
            continue
        statement = selection.statement
        if statement.kind is StatementKind.NEED:
            verdict = Verdict.ACCEPT
        elif statement.kind is StatementKind.NEVER and default is not Verdict.ACCEPT:
            continue  # A guardrail needs no rule of its own where nothing opens it.
        else:
            verdict = statement.verdict or Verdict.DROP
        log = _log(policy, hook, verdict) if statement.log else None
        key = selection.match, log
        known = rules.get(key)
        if known is None or _STRICTEST.index(verdict) < _STRICTEST.index(known.verdict):
            rules[key] = Rule(selection.match, verdict, selection.origin, log)
    return sorted(rules.values(), key=lambda rule: (_STRICTEST.index(rule.verdict), rule.log is None))


def _chain(
    policy: Policy,
    hook: Hook,
    declared: DefaultVerdict | None,
    expectations: list[Expectation],
    needs: list[Selection],
    closed: Closed,
) -> Chain:
    default = declared.verdict if declared else _fallback(policy, hook)
    log = _log(policy, hook, default) if declared and declared.log else None
    if hook is Hook.FORWARD and policy.kind is Kind.HOST:
        return Chain(hook, (), default, log)
    related = related_rules(expectations, closed.all, hook)
    rules = [
        *baseline(hook, policy.kind, related, dhcp_client=policy.dhcp_client),
        *_rules(policy, needs, hook, default),
        *_rules(policy, closed.never, hook, default),
        *_rules(policy, closed.forbidden, hook, default),
    ]
    return Chain(hook, tuple(rules), default, log)

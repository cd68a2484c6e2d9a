"""A check of rule files: every finding about them, and what was decided to be ignored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from fwadvisor.decode.ignores import IgnoreRow
from fwadvisor.diagnostic import Diagnostic, did_you_mean, error
from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source, load_source
from fwadvisor.errors import BudgetError, FwadvisorError, ReadError, UnknownNameError
from fwadvisor.model.firewall import Firewall
from fwadvisor.packets import Budget
from fwadvisor.ports.database import Database
from fwadvisor.proof.files import JOIN, Forced, grouped, paths_of
from fwadvisor.review import ignores
from fwadvisor.review.checks import CHECKS, KINDS, check_module
from fwadvisor.review.checks.base import Context, fingerprint
from fwadvisor.review.findings import Finding
from fwadvisor.review.ignores import Ignore, Ignored
from fwadvisor.review.promises import CHANGED, NARROWED, NEVER, UNKNOWN, WIDENED, Wanted
from fwadvisor.review.remarks import EXPIRED, UNUSED, expired, unused

if TYPE_CHECKING:
    from fwadvisor.review.guardrails import Promises


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFiles:
    """One firewall, and the files that it was read from."""

    firewall: Firewall
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to look for, and with what."""

    ids: Sequence[str]
    database: Database
    today: date
    budget: Budget = field(default_factory=Budget)
    wanted: Wanted = field(default_factory=Wanted)
    #: Whether comments and `ignores` count.
    ignoring: bool = True
    #: What the project file says is to be ignored.
    ignores: Sequence[IgnoreRow] = ()


@dataclass(slots=True, kw_only=True)
class Checked:
    """What a check comes to."""

    files: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    ignored: list[Ignored] = field(default_factory=list)
    #: What was not looked at or not understood, in sentences.
    left_out: list[str] = field(default_factory=list)
    #: About the files and the profiles.
    warnings: list[Diagnostic] = field(default_factory=list)
    #: Why some checks have no answer.
    problems: list[Diagnostic] = field(default_factory=list)
    #: The ids of the checks that ran.
    ran: tuple[str, ...] = ()


def read(arguments: Sequence[str], said: Forced) -> list[RuleFiles]:
    """The firewalls that arguments name: each is one, or with files of several dialects one of each.

    Raises:
        FwadvisorError: a file cannot be read; all problems of all files.
    """
    found: list[RuleFiles] = []
    problems: list[Diagnostic] = []
    for argument in arguments:
        try:
            for dialect, sources in grouped(paths_of(argument), said).items():
                firewall = read_firewall(sources, dialect)
                name = f" {JOIN} ".join(each.name for each in sources)
                found.append(RuleFiles(firewall=replace(firewall, name=name), sources=tuple(sources)))
        except FwadvisorError as refusal:
            problems += refusal.diagnostics
    if problems:
        raise ReadError(problems)
    return found


def selected(only: Iterable[str], skip: Iterable[str]) -> list[str]:
    """The ids of the checks to run, in the order of `CHECKS`; words may hold several with commas.

    Raises:
        UnknownNameError: there is no such check, or none is left.
    """
    wanted, unwanted = ([id for word in words for id in word.split(",")] for words in (only, skip))
    problems = [_no_check(id) for id in (*wanted, *unwanted) if id not in CHECKS]
    if problems:
        raise UnknownNameError(problems)
    left = [id for id in CHECKS if (not wanted or id in wanted) and id not in unwanted]
    if not left:
        raise UnknownNameError(error("no check is left to run", hint="--skip leaves out what --only names"))
    return left


def _no_check(id: str) -> Diagnostic:
    """That an id is none of a check that can be chosen; those of other findings come with what asks for them."""
    if id in KINDS:
        with_what = "--policy and --guardrails" if KINDS[id][0] == "promises" else "what is ignored"
        hint = "such findings can be ignored, in a comment or in the project file"
        return error(f'"{id}" cannot be chosen: it comes with {with_what}', hint=hint)
    hint = did_you_mean(id, CHECKS) or f"the checks are {', '.join(sorted(CHECKS))}"
    return error(f'no check is called "{id}"', hint=hint)


def check_all(firewalls: Sequence[RuleFiles], asked: Asked) -> Checked:
    """Every finding about some firewalls, firewall by firewall, in the order of lines; and what is ignored.

    Raises:
        FwadvisorError: the profiles are wrong, or a comment that ignores something is.
    """
    promised = _promised(asked)
    known = (*CHECKS, *KINDS)
    checked = Checked(ran=tuple(asked.ids), warnings=list(promised.warnings) if promised else [])
    said: list[Ignore] = []
    if asked.ignoring:
        rows = (*asked.ignores, *(promised.ignores if promised else ()))
        said = [*_comments(firewalls, known), *ignores.of_rows(rows, known)]
    for files in firewalls:
        checked.files += (each.name for each in files.sources)
        checked.warnings += files.firewall.warnings
        _check(files, asked, promised, checked)
    checked.findings = numbered(checked.findings)
    if asked.ignoring:
        _ignore(checked, said, asked.today, promised)
    return checked


def _promised(asked: Asked) -> Promises | None:
    """The policies that are asked for, None where there is none: most checks need nothing of them."""
    if not asked.wanted.policies and not asked.wanted.guardrails:
        return None
    from fwadvisor.review.guardrails import promises

    return promises(asked.wanted, asked.database, asked.today)


def _check(files: RuleFiles, asked: Asked, promised: Promises | None, checked: Checked) -> None:
    firewall = files.firewall
    modules = [check_module(id) for id in asked.ids]
    context = Context(
        firewall=firewall,
        database=asked.database,
        today=asked.today,
        budget=asked.budget,
        sources=files.sources,
        tests=tuple(test for each in modules if each.CHECK.asks for test in each.CHECK.asks(asked.database)),
    )
    found: list[Finding] = []
    for module in modules:
        try:
            found += module.run(context)
        except BudgetError as refusal:
            checked.problems += (_unanswered(module.CHECK.id, each) for each in refusal.diagnostics)
    checked.left_out += (f"{each.span.file}:{each.span.line}: {each.reason}" for each in firewall.opaque)
    checked.left_out += context.left_out
    if promised is not None:
        found += _broken(firewall, promised, asked.budget, checked)
    order = {source.name: number for number, source in enumerate(files.sources)}
    checked.findings += sorted(found, key=lambda each: _position(each, order))


def _broken(firewall: Firewall, promised: Promises, budget: Budget, checked: Checked) -> list[Finding]:
    from fwadvisor.review.guardrails import violations

    try:
        broken = violations(firewall, promised, budget)
    except BudgetError as refusal:
        checked.problems += (_unanswered("the policy", each) for each in refusal.diagnostics)
        return []
    checked.left_out += broken.left_out
    return broken.findings


def _unanswered(what: str, problem: Diagnostic) -> Diagnostic:
    return replace(problem, message=f"{what} has no answer: {problem.message}")


def _position(finding: Finding, order: dict[str, int]) -> tuple[int, int, int]:
    span = finding.span
    return (order.get(span.file, len(order)), span.line, span.column) if span else (-1, 0, 0)


def numbered(findings: Iterable[Finding]) -> list[Finding]:
    """The findings with fingerprints that are all different: of the same ones the later ones are numbered."""
    seen: Counter[str] = Counter()
    found = []
    for each in findings:
        seen[each.fingerprint] += 1
        count = seen[each.fingerprint]
        found.append(each if count == 1 else replace(each, fingerprint=fingerprint(each.fingerprint, str(count))))
    return found


def _comments(firewalls: Sequence[RuleFiles], known: Collection[str]) -> list[Ignore]:
    """The ignores that stand in comments of the files, and of those that they include.

    Raises:
        FwadvisorError: a comment is written wrongly; all of them.
    """
    named = {each.name: each for files in firewalls for each in files.sources}
    for name in dict.fromkeys(rule.span.file for files in firewalls for rule in files.firewall.rules()):
        if name not in named and Path(name).is_file():
            named[name] = load_source(Path(name), name)
    found: list[Ignore] = []
    problems: list[Diagnostic] = []
    for name, source in named.items():
        try:
            found += ignores.comments(name, source.text(), known)
        except FwadvisorError as refusal:
            problems += refusal.diagnostics
    if problems:
        raise FwadvisorError(problems)
    return found


def _ignore(checked: Checked, said: Sequence[Ignore], today: date, promised: Promises | None) -> None:
    """Take the ignored findings out, and remark on ignores that are over or fit nothing.

    One that fits nothing is not remarked on where a kind that it names was not looked for.
    """
    looked = {*checked.ran, EXPIRED.id, UNUSED.id}
    if promised is not None and promised.policy is not None:
        looked |= {WIDENED.id, NARROWED.id, CHANGED.id, UNKNOWN.id}
    if promised is not None and promised.guards is not None:
        looked |= {NEVER.id, UNKNOWN.id}
    left = ignores.apply(checked.findings, said, today)
    found = [expired(each, today) for each in left.expired]
    found += [unused(each) for each in left.unused if looked.issuperset(each.ids)]
    checked.findings = numbered([*left.findings, *found])
    checked.ignored = left.ignored

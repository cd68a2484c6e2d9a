"""What a check is, and what it is given.

To add a check: one module in this folder with `CHECK` and `run`, its row in `CHECKS`, its row in ``docs/checks.md`` and
its test. The registry test names what is missing. `run` yields a finding for each thing that surely is so; where an
opaque part or a condition leaves it open, it stays silent or says so with `Context.leave_out`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from hashlib import sha256
from typing import Protocol

from fwadvisor.diagnostic import Label, Span
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.firewall import Firewall, FirewallChain, FirewallRule, Jump, Test
from fwadvisor.model.rule import Hook
from fwadvisor.packets import Budget, Meaning, Space
from fwadvisor.packets.overlap import Overlap
from fwadvisor.packets.overlap_chain import overlap_of
from fwadvisor.ports.database import Database
from fwadvisor.proof.comparison import TESTS
from fwadvisor.review.checks.fates import Fate, Line, dead, dead_or_redundant, lines
from fwadvisor.review.checks.reach import Reach
from fwadvisor.review.checks.services import boundaries
from fwadvisor.review.findings import Finding, Severity


@dataclass(frozen=True, slots=True)
class Page:
    """What `fwadvisor explain ID` tells of a check, in our own words; each is a paragraph but for the example."""

    what: str
    why: str
    #: Lines of a rule file that has the finding, as they would stand there.
    example: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One kind of finding."""

    #: As in ``--skip`` and comments: ``shadowed-rule``.
    id: str
    #: A few words: "Shadowed rule".
    title: str
    #: That of most of its findings; one finding may be worse or better.
    severity: Severity
    page: Page
    #: Tests that `run` asks `Context.space` for; their values become boundaries of the space.
    asks: Callable[[Database], Iterable[Test]] | None = None


class CheckModule(Protocol):
    """What a module of a check offers."""

    CHECK: Check

    def run(self, context: Context) -> Iterator[Finding]:
        """Every finding, in the order of the file.

        Raises:
            BudgetError: it would take too much to tell.
        """


@dataclass(kw_only=True, eq=False)
class Context:
    """One firewall under review, and what all checks share; what is costly is made once, when it is first asked for."""

    firewall: Firewall
    database: Database
    today: date
    budget: Budget = Budget()  # noqa: RUF009 - frozen
    sources: Sequence[Source] = ()
    #: Tests that `space` must be able to tell, besides the first packets of connections.
    tests: Sequence[Test] = ()
    #: What was not looked at, in sentences without a full stop, each once.
    left_out: dict[str, None] = field(default_factory=dict)
    _overlaps: dict[tuple[str, Hook, Family], Overlap | None] = field(default_factory=dict)
    _fates: dict[tuple[str, Hook, Family], dict[int, Fate]] = field(default_factory=dict)

    @property
    def parts(self) -> tuple[tuple[Hook, Family], ...]:
        """The hooks and families that the firewall speaks of."""
        firewall = self.firewall
        return tuple((h, f) for h in Hook if h in firewall.hooks for f in FAMILIES if f in firewall.families)

    @cached_property
    def space(self) -> Space:
        """The firewall alone, with the tests of all checks."""
        return Space((self.firewall,), tests=(*TESTS, *self.tests), budget=self.budget)

    def meaning(self, hook: Hook, family: Family) -> Meaning:
        """What becomes of every packet of a part.

        Raises:
            BudgetError: the diagrams would grow too large.
        """
        return self.space.meaning(self.firewall, hook, family)

    @cached_property
    def reach(self) -> Reach:
        """Who gets in, and by which rules."""
        return Reach(self.firewall, boundaries(self.database), self.budget)

    @cached_property
    def asking(self) -> Mapping[str, tuple[tuple[Hook, Family], ...]]:
        """For each chain the hooks and families whose packets may come to it; () for one that nothing leads to."""
        found: dict[str, dict[tuple[Hook, Family], None]] = {name: {} for name in self.firewall.chains}
        for hook, family in self.parts:
            waiting = [base.chain for base in self.firewall.asked(hook, family)]
            while waiting:
                name = waiting.pop()
                if (hook, family) not in found[name]:
                    found[name][hook, family] = None
                    waiting += [r.action.chain for r in self.firewall.chains[name].rules if isinstance(r.action, Jump)]
        return {name: tuple(parts) for name, parts in found.items()}

    def overlap(self, chain: str, hook: Hook, family: Family) -> Overlap | None:
        """The overlap index of a chain, None (and said in `left_out`) where the chain has none.

        Raises:
            BudgetError: alternatives of rules multiply beyond the limit.
        """
        key = (chain, hook, family)
        if key not in self._overlaps:
            try:
                self._overlaps[key] = overlap_of(self.firewall, chain, hook, family)
            except ValueError:
                # Verdicts that stand and returns in one chain: the index does not know such an order.
                self._overlaps[key] = None
                self.leave_out(f"which rules of {chain} take packets from each other: its verdicts stand and return")
        return self._overlaps[key]

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Every rule that packets may come to, and what is dead.

        Raises:
            BudgetError: it would take too much to tell.
        """
        return tuple(lines(self.firewall, self.asking, self._dead))

    @cached_property
    def needless(self) -> tuple[Line, ...]:
        """The same, and what is redundant.

        Raises:
            BudgetError: it would take too much to tell.
        """
        return tuple(lines(self.firewall, self.asking, self._needless))

    def _dead(self, chain: str, hook: Hook, family: Family) -> Mapping[int, Fate]:
        key = (chain, hook, family)
        if key not in self._fates:
            self._fates[key] = dead(self.overlap(*key))
        return self._fates[key]

    def _needless(self, chain: str, hook: Hook, family: Family) -> Mapping[int, Fate]:
        return dead_or_redundant(self.overlap(chain, hook, family), self._dead(chain, hook, family))

    def rules_at(self, chain: str, indices: Iterable[int]) -> list[FirewallRule]:
        """Rules of a chain by index."""
        rules = self.firewall.chains[chain].rules
        return [rules[index] for index in indices]

    def leave_out(self, sentence: str) -> None:
        """Say that something was not looked at, or cannot be known, and why; without a full stop."""
        self.left_out[sentence] = None

    def chains(self) -> Iterator[FirewallChain]:
        """The chains that packets come to."""
        for chain in self.firewall.chains.values():
            if self.asking[chain.name]:
                yield chain


def finding(
    check: Check,
    message: str,
    place: FirewallRule | Span | None,
    *labels: Label,
    severity: Severity | None = None,
    note: str = "",
    remedy: str = "",
    details: Iterable[str] = (),
    about: str = "",
) -> Finding:
    """A finding of `check` about a rule or a place.

    `about` is what the finding is the same finding by, where lines move; where it is empty, the text of the rule or
    line. Of several with the same fingerprint, the runner numbers the later ones.
    """
    span = place.span if isinstance(place, FirewallRule) else place
    text = about or (place.text if isinstance(place, FirewallRule) else place.source.strip() if place else message)
    return Finding(
        id=check.id,
        severity=severity or check.severity,
        message=message,
        span=span,
        note=note,
        labels=labels,
        remedy=remedy or check.page.remedy,
        details=tuple(details),
        fingerprint=fingerprint(check.id, text),
    )


def fingerprint(*parts: str) -> str:
    """The same for the same parts: 16 hexadecimal digits."""
    return sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()[:16]

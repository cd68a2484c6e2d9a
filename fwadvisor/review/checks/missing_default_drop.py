"""Firewalls that accept what no rule speaks of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fwadvisor.diagnostic import Label, Span
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Condition, ConditionTest, Continue, Jump
from fwadvisor.model.rule import Hook
from fwadvisor.packets.overlap_axes import flat
from fwadvisor.proof.words import deciding_span
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.reach import ACCEPTED, REFUSED, Entry
from fwadvisor.review.checks.regions import BEGINS, FROM_A_CLIENT
from fwadvisor.review.checks.services import shown
from fwadvisor.review.checks.strangers import Truth, is_list, truth, unlisted
from fwadvisor.review.checks.words import chain_word
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="missing-default-drop",
    title="Missing default drop",
    severity=Severity.HIGH,
    page=Page(
        what="Connections from the internet that no rule speaks of are accepted, by the default of a chain or by a "
        "last rule that matches everything: nearly every protocol and port. High where nothing is refused at all, "
        "medium where some rules accept and others drop, information where the rules only close what they name, or "
        "leave what goes through alone. A set whose contents nobody knows makes no default: who is not in it meets the "
        'rules below it. Where a match that is not understood may take everything first, the finding says "may be" '
        "and weighs one step less.",
        why="Rules that accept have no effect where everything else is accepted too. Each service that somebody "
        "starts is open at once, and what was forgotten is open for ever.",
        example="iptables: :INPUT ACCEPT [0:0]\niptables: -A INPUT -p tcp --dport 22 -j ACCEPT",
        remedy="Close by default and open what is needed; accept replies and your own administration first",
    ),
)
_NAMED = 3
_REMEDIES = {
    "iptables": "Set the policy of {chain} to DROP (`:{chain} DROP [0:0]`), after rules that accept established "
    "connections and your own administration",
    "nftables": "Write `policy drop;` in the first line of chain {chain}, after rules that accept established "
    "connections and your own administration",
    "pf": "Begin the filter rules with `block all`, and pass what is needed after it",
    "windows": "Set-NetFirewallProfile -All -DefaultInboundAction Block",
}


@dataclass(frozen=True, slots=True)
class _Open:
    """What no rule speaks of and strangers get in by."""

    entry: Entry
    #: Whether those get in who are in no set of unknown contents, whatever else is not known.
    sure: bool
    #: What is not known, and may take such packets first.
    doubts: tuple[Condition, ...]


def run(context: Context) -> Iterator[Finding]:
    """A finding for each hook whose default lets strangers in; families with the same default share one."""
    for hook in (Hook.INPUT, Hook.FORWARD):
        places: dict[Span | None, list[_Open]] = {}
        for _, family in (part for part in context.parts if part[0] is hook):
            if not _has_rules(context, hook, family):
                continue
            for span, opened in _opened(context, hook, family):
                places.setdefault(span, []).append(opened)
        for span, several in places.items():
            yield _finding(context, hook, span, several)


def _opened(context: Context, hook: Hook, family: Family) -> Iterator[tuple[Span | None, _Open]]:
    """What no rule speaks of, by what accepts it."""
    entries = [each for each in context.reach.entries(hook, family) if each.piece.everything and each.door.sure]
    asked = _doubts(context, hook, family)
    lists = frozenset(filter(is_list, asked))
    surely = {_span(context, each) for each in entries if each.sure}
    if lists and len(surely) < len(entries):
        region = (*(context.reach.region(hook, family) or ()), BEGINS, FROM_A_CLIENT)
        others = context.reach.coming(unlisted(context.firewall), hook, family, region, ACCEPTED)
        surely |= {_span(context, each) for each in others if each.piece.everything and each.sure}
    for entry in entries:
        if entry.piece.step is not None:
            span = _span(context, entry)
            whole = (entry.piece.packets - entry.piece.sure).is_empty
            yield span, _Open(entry, span in surely, () if whole else asked)


def _span(context: Context, entry: Entry) -> Span | None:
    return deciding_span(context.firewall, entry.piece.step) if entry.piece.step is not None else None


def _doubts(context: Context, hook: Hook, family: Family) -> tuple[Condition, ...]:
    """What rules ask there of which nothing is known."""
    asked = {
        test.condition: None
        for chain in context.chains()
        if (hook, family) in context.asking[chain.name]
        for rule in chain.rules
        for test in flat(rule.tests)
        if isinstance(test, ConditionTest) and truth(test.condition) is Truth.DOUBT
    }
    return tuple(asked)


def _has_rules(context: Context, hook: Hook, family: Family) -> bool:
    """Whether some rule decides anything there; a chain that nobody has filled is no firewall."""
    return any(
        not isinstance(rule.action, Jump | Continue)
        for chain in context.chains()
        if (hook, family) in context.asking[chain.name]
        for rule in chain.rules
    )


def _finding(context: Context, hook: Hook, span: Span | None, several: list[_Open]) -> Finding:
    entries = [each.entry for each in several]
    step = entries[0].piece.step
    assert step is not None  # noqa: S101 - where nothing is asked, there is no default
    chain = chain_word(step.chain)
    severity, why = _judged(context, hook, several)
    what = "connections to this machine" if hook is Hook.INPUT else "connections through this machine"
    how = "the last rule accepts everything" if step.rule else f"the default of {chain} is accept"
    families = " and ".join(dict.fromkeys(f"IPv{entry.piece.family.value}" for entry in entries))
    labels = tuple(
        Label(base.span, f"the default of {chain}: {base.default}")
        for base in context.firewall.bases
        if step.rule and base.span and base.chain == step.chain
    )
    remedy = _REMEDIES.get(context.firewall.dialect, CHECK.page.remedy).format(chain=chain)
    if step.rule:
        remedy = f"Delete the rule, or limit it. {remedy}"
    sure = any(each.sure for each in several)
    if not sure:
        severity = list(Severity)[min(severity.rank + 1, Severity.INFO.rank)]
    return finding(
        CHECK,
        f"{how}, so that {what} that no rule speaks of {'are' if sure else 'may be'} accepted ({families}): {why}",
        span,
        *labels,
        severity=severity,
        remedy=remedy,
        details=[*shown(entry.piece for entry in entries), *(f"not known: {each}" for each in _names(several))],
        about=f"{hook} {step.chain} {step.rule.text if step.rule else ''}",
    )


def _names(several: list[_Open]) -> list[str]:
    """What is not known, each once."""
    return list(dict.fromkeys(each.name for one in several for each in one.doubts))[:_NAMED]


def _judged(context: Context, hook: Hook, several: list[_Open]) -> tuple[Severity, str]:
    refuses = accepts = False
    for each in several:
        family = each.entry.piece.family
        region = context.reach.region(hook, family)
        if region is not None:
            refused = context.reach.pieces(hook, family, (*region, BEGINS, FROM_A_CLIENT), REFUSED)
            refuses = refuses or any(piece.ports for piece in refused)
        others = context.reach.entries(hook, family)
        accepts = accepts or any(one.piece.rule and one.piece.ports and not one.piece.everything for one in others)
    known = "known to be " if any(each.doubts for each in several) else ""
    if not refuses and (accepts or hook is Hook.INPUT):
        return Severity.HIGH, f"nothing from the internet is {known}refused" + (" at all" if not known else "")
    if not refuses:
        return Severity.INFO, f"nothing that goes through is {known}filtered"
    if accepts:
        return Severity.MEDIUM, "the rules that accept open nothing that is not open anyway"
    return Severity.INFO, "the rules only close what they name"

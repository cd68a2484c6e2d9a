"""Firewalls that accept what no rule speaks of."""

from __future__ import annotations

from collections.abc import Iterator

from fwadvisor.diagnostic import Label, Span
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Continue, Jump
from fwadvisor.model.rule import Hook
from fwadvisor.proof.words import deciding_span
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.reach import REFUSED, Entry
from fwadvisor.review.checks.regions import BEGINS, FROM_A_CLIENT
from fwadvisor.review.checks.services import shown
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="missing-default-drop",
    title="Missing default drop",
    severity=Severity.HIGH,
    page=Page(
        what="Connections from the internet that no rule speaks of are accepted, by the default of a chain or by a "
        "last rule that matches everything: nearly every protocol and port. High where nothing is refused at all, "
        "medium where some rules accept and others drop, information where the rules only close what they name, or "
        "leave what goes through alone.",
        why="Rules that accept have no effect where everything else is accepted too. Each service that somebody "
        "starts is open at once, and what was forgotten is open for ever.",
        example="iptables: :INPUT ACCEPT [0:0]\niptables: -A INPUT -p tcp --dport 22 -j ACCEPT",
        remedy="Close by default and open what is needed; accept replies and your own administration first",
    ),
)
_REMEDIES = {
    "iptables": "Set the policy of {chain} to DROP (`:{chain} DROP [0:0]`), after rules that accept established "
    "connections and your own administration",
    "nftables": "Write `policy drop;` in the first line of chain {chain}, after rules that accept established "
    "connections and your own administration",
    "pf": "Begin the filter rules with `block all`, and pass what is needed after it",
    "windows": "Set-NetFirewallProfile -All -DefaultInboundAction Block",
}


def run(context: Context) -> Iterator[Finding]:
    """A finding for each hook whose default lets strangers in; families with the same default share one."""
    for hook in (Hook.INPUT, Hook.FORWARD):
        places: dict[Span | None, list[Entry]] = {}
        for _, family in (part for part in context.parts if part[0] is hook):
            if not _has_rules(context, hook, family):
                continue
            for entry in context.reach.entries(hook, family):
                step = entry.piece.step
                if step is not None and entry.piece.everything and entry.sure:
                    places.setdefault(deciding_span(context.firewall, step), []).append(entry)
        for span, entries in places.items():
            yield _finding(context, hook, span, entries)


def _has_rules(context: Context, hook: Hook, family: Family) -> bool:
    """Whether some rule decides anything there; a chain that nobody has filled is no firewall."""
    return any(
        not isinstance(rule.action, Jump | Continue)
        for chain in context.chains()
        if (hook, family) in context.asking[chain.name]
        for rule in chain.rules
    )


def _finding(context: Context, hook: Hook, span: Span | None, entries: list[Entry]) -> Finding:
    step = entries[0].piece.step
    assert step is not None  # noqa: S101 - where nothing is asked, there is no default
    chain = step.chain.split()[-1]
    severity, why = _judged(context, hook, entries)
    what = "connections to this machine" if hook is Hook.INPUT else "connections through this machine"
    how = "the last rule accepts everything" if step.rule else f"the default of {chain} is accept"
    families = " and ".join(f"IPv{entry.piece.family.value}" for entry in entries)
    labels = tuple(
        Label(base.span, f"the default of {chain}: {base.default}")
        for base in context.firewall.bases
        if step.rule and base.span and base.chain == step.chain
    )
    remedy = _REMEDIES.get(context.firewall.dialect, CHECK.page.remedy).format(chain=chain)
    if step.rule:
        remedy = f"Delete the rule, or limit it. {remedy}"
    return finding(
        CHECK,
        f"{how}, so that {what} that no rule speaks of are accepted ({families}): {why}",
        span,
        *labels,
        severity=severity,
        remedy=remedy,
        details=list(shown(entry.piece for entry in entries)),
        about=f"{hook} {step.chain} {step.rule.text if step.rule else ''}",
    )


def _judged(context: Context, hook: Hook, entries: list[Entry]) -> tuple[Severity, str]:
    refuses = accepts = False
    for entry in entries:
        family = entry.piece.family
        region = context.reach.region(hook, family)
        if region is not None:
            refused = context.reach.pieces(hook, family, (*region, BEGINS, FROM_A_CLIENT), REFUSED)
            refuses = refuses or any(piece.ports for piece in refused)
        others = context.reach.entries(hook, family)
        accepts = accepts or any(each.piece.rule and each.piece.ports and not each.piece.everything for each in others)
    if not refuses and (accepts or hook is Hook.INPUT):
        return Severity.HIGH, "nothing from the internet is refused at all"
    if not refuses:
        return Severity.INFO, "nothing that goes through is filtered"
    if accepts:
        return Severity.MEDIUM, "the rules that accept open nothing that is not open anyway"
    return Severity.INFO, "the rules only close what they name"

"""Chains, sets, tables and names that a file defines and nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from fwadvisor.model.firewall import Declared, Jump
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="unused-objects",
    title="Defined and never used",
    severity=Severity.LOW,
    page=Page(
        what="The file defines a chain that nothing jumps to, or a set, table, map, address list or name that no rule "
        "asks for. A chain that only unused chains jump to is unused too. An empty chain is only information: many "
        "tools declare chains to empty them.",
        why="Its rules and addresses look as if they counted. Often a jump or a lookup was deleted or misspelt, and "
        "packets no longer pass the rules that were meant for them.",
        example="nft: chain from_office {\nnft:     tcp dport 22 accept\nnft: }",
        remedy="Use it, or delete it; what other programs fill or use may say so in a comment that ignores this",
    ),
)


def run(context: Context) -> Iterator[Finding]:
    """A finding for each chain that no packet comes to, and each declaration that nothing uses."""
    yield from _chains(context)
    for each in context.firewall.declared:
        if not each.used:
            yield _finding(each)


def _chains(context: Context) -> Iterator[Finding]:
    firewall = context.firewall
    bases = {base.chain for base in firewall.bases}
    jumping: dict[str, list[str]] = {}
    for chain in firewall.chains.values():
        for rule in chain.rules:
            if isinstance(rule.action, Jump):
                jumping.setdefault(rule.action.chain, []).append(chain.name)
    # Readers ask a chain that is called at several places under several names.
    asked = {chain.span for chain in firewall.chains.values() if context.asking[chain.name] or chain.name in bases}
    for chain in firewall.chains.values():
        if chain.span is None or chain.span in asked:
            continue
        by = list(dict.fromkeys(jumping.get(chain.name, ())))
        why = f"only {', '.join(by)} jumps to it, which is unused too" if by else "nothing jumps to it"
        count = len(chain.rules)
        rules = "" if not count else f", so that its {count} rule{'s do' if count > 1 else ' does'} nothing"
        severity = Severity.MEDIUM if count else Severity.INFO
        yield finding(CHECK, f"chain {chain.name} is unused: {why}{rules}", chain.span, severity=severity)


def _finding(declared: Declared) -> Finding:
    return finding(
        CHECK,
        f"{declared.kind} {declared.name} is used by nothing in these files",
        declared.span,
        about=f"{declared.kind} {declared.name}",
    )

"""Rules that log as many packets as anybody likes to send."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from fwadvisor.model.firewall import (
    ConditionTest,
    Decide,
    Field,
    Firewall,
    FirewallRule,
)
from fwadvisor.model.rule import Hook, State, Verdict
from fwadvisor.packets import RawBox
from fwadvisor.review.checks.base import Check, Context, Page, finding
from fwadvisor.review.checks.fates import Place, place_of
from fwadvisor.review.checks.reach import Entry
from fwadvisor.review.checks.regions import states
from fwadvisor.review.checks.services import shown
from fwadvisor.review.checks.strangers import limits
from fwadvisor.review.findings import Finding, Severity

CHECK = Check(
    id="unlimited-logging",
    title="Logging without a limit",
    severity=Severity.MEDIUM,
    page=Page(
        what="A rule of iptables or nftables logs packets that everybody on the internet can send, and nothing limits "
        "how many: no limit or hashlimit on the way to it. pf writes to an interface of its own and Windows to a file "
        "of a fixed size; their rules are not meant.",
        why="One host that sends fast fills the disk with lines, slows the machine down, and buries the line that "
        "somebody should have seen.",
        example='iptables: -A INPUT -j LOG --log-prefix "dropped: "\niptables: -A INPUT -j DROP',
        remedy="Log a few packets a minute; drop the rest in silence",
    ),
)
_REMEDIES = {
    "iptables": "Add `-m limit --limit 10/minute` to the LOG rule, with the verdict in a rule of its own",
    "nftables": "Write `limit rate 10/minute log ...` in a rule of its own, before the one with the verdict",
}
_MOST = 200


def run(context: Context) -> Iterator[Finding]:
    """A finding for each rule that logs strangers' packets without a limit on the way."""
    if context.firewall.dialect not in _REMEDIES:
        return
    marked = _ending(context.firewall)
    if marked is None:
        return
    rules: dict[Place, list[Entry]] = {}
    for hook, family in context.parts:
        region = None if hook is Hook.OUTPUT else context.reach.region(hook, family, _ANY_BUT_KNOWN)
        if region is None:
            continue
        for entry in context.reach.coming(marked, hook, family, region, {Verdict.REJECT}):
            if entry.sure and entry.piece.rule and any(map(_unlimited, entry.piece.sure.boxes())):
                rules.setdefault(place_of(entry.piece.rule.span), []).append(entry)
    for entries in list(rules.values())[:_MOST]:
        yield finding(
            CHECK,
            f"everybody on the internet can make this rule log as much as they like{entries[0].door.words}",
            entries[0].piece.rule,
            remedy=_REMEDIES[context.firewall.dialect],
            details=shown(entry.piece for entry in entries),
        )
    if len(rules) > _MOST:
        context.leave_out(f"{len(rules) - _MOST} more rules that log without a limit")


#: What a stranger can send: all but packets of connections that were accepted before.
_ANY_BUT_KNOWN = states(State.NEW, State.INVALID, State.UNTRACKED)


def _ending(firewall: Firewall) -> Firewall | None:
    """The firewall with nothing but its rules that log as rejections; None where none logs."""
    found = False
    chains = {}
    for name, chain in firewall.chains.items():
        rules = []
        for rule in chain.rules:
            if _logs(rule) and not _limited(rule):
                found = True
                rules.append(replace(rule, action=Decide(Verdict.REJECT)))
            elif isinstance(rule.action, Decide) and rule.action.verdict is Verdict.REJECT:
                rules.append(replace(rule, action=replace(rule.action, verdict=Verdict.DROP)))
            else:
                rules.append(rule)
        chains[name] = replace(chain, rules=tuple(rules))
    return replace(firewall, chains=chains) if found else None


def _logs(rule: FirewallRule) -> bool:
    return any(write.field is Field.LOG for write in rule.writes)


def _limited(rule: FirewallRule) -> bool:
    return any(isinstance(test, ConditionTest) and limits(test.condition, test.holds) for test in rule.tests)


def _unlimited(box: RawBox) -> bool:
    """Whether packets of the box are logged however many come."""
    return not any(limits(condition, holds) for condition, holds in box.conditions.items())

"""nftables: one table of our own, replaced in one transaction.

Few rules of a shape stay readable, one line with its reason for each; many become lookups in a handful of
nested maps, so that neither loading nor a packet pays for their number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from fwadvisor.dialects.base import Capabilities, Document, OutputFile, comment_lines, render, slug
from fwadvisor.dialects.batches import Batch, action_of, batches
from fwadvisor.dialects.diagram import Diagram, Dimension, Node, diagram
from fwadvisor.dialects.nftables_chains import Chains, chain_text, closing, log_statement
from fwadvisor.dialects.nftables_match import NamedSets, conditions, protocol_word, quoted
from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.interval import Intervals
from fwadvisor.model.rule import (
    PORT_PROTOCOLS,
    Chain,
    HelperAssignment,
    Hook,
    Match,
    Origin,
    Rule,
    Ruleset,
    State,
    Verdict,
)

COMMENT_BYTES = 128
_CAPABILITIES = Capabilities(
    dialect="nftables",
    title="nftables",
    hooks=frozenset(Hook),
    verdicts=frozenset(Verdict),
    port_protocols=PORT_PROTOCOLS,
    helpers=frozenset(
        {"Q.931", "RAS", "ftp", "tftp", "sip", "pptp", "irc", "amanda", "netbios-ns", "snmp", "sane"}
    ),
    interface_pattern=r"[A-Za-z0-9_.][A-Za-z0-9_.:-]{0,14}",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Decision:
    """A batch that became a diagram, for one family (None: both)."""

    batch: Batch
    family: Family | None
    diagram: Diagram


@dataclass(frozen=True, slots=True)
class Nftables:
    """The nftables dialect."""

    capabilities: Capabilities = _CAPABILITIES
    file_names: tuple[str, ...] = ("nftables.nft",)

    def write(self, ruleset: Ruleset, document: Document) -> tuple[OutputFile, ...]:
        """The file for ``nft -f``: declares, deletes and declares the table, so that nothing stale remains."""
        plans = {chain.hook: list(_plan(chain.rules)) for chain in ruleset.chains}
        sets = NamedSets(_address_sets(plans, ruleset.helpers))
        chains = Chains()
        bases = [_base_chain(chain, plans[chain.hook], sets, chains) for chain in ruleset.chains]
        text = render(
            "nftables/nftables.nft.j2",
            name=slug(document.name, 40),
            about=[line for each in document.about for line in comment_lines(each)],
            notes=[
                [line for each in (note.text, *note.commands) for line in comment_lines(each)]
                for note in document.notes
            ],
            parts=[*sets.declarations(), *_helpers(ruleset.helpers, sets), *bases, *chains.texts()],
        )
        return (OutputFile(self.file_names[0], text.encode("ascii")),)


def _plan(rules: Iterable[Rule]) -> Iterator[Rule | _Decision]:
    """The rules one by one, and diagrams for batches of many."""
    for each in batches(rules):
        if isinstance(each, Rule):
            yield each
            continue
        decisions = [(family, diagram(each.dimensions, each.rows(family))) for family in each.families()]
        if any(found is None for _, found in decisions):
            yield from each.rules
        else:
            yield from (_Decision(each, family, found) for family, found in decisions if found is not None)


def _address_sets(
    plans: dict[Hook, list[Rule | _Decision]], helpers: Iterable[HelperAssignment]
) -> Iterator[AddressSet | None]:
    """Every address set that stands in a single rule, as often as it does."""
    for plan in plans.values():
        for each in plan:
            match = each.match if isinstance(each, Rule) else _decision_match(each)
            yield from (match.source, match.destination)
    for assignment in helpers:
        yield from (assignment.match.source, assignment.match.destination)


def _decision_match(decision: _Decision) -> Match:
    """What leads to the diagram: what the rules of the batch have in common."""
    common, fixed, family = decision.batch.common(decision.family), decision.diagram.fixed, decision.family
    first = decision.batch.of(family)[0].match
    if Dimension.SERVICE in fixed:
        common = replace(common, protocols=first.protocols, destination_ports=first.destination_ports)
    if family is None:
        return common
    return replace(
        common,
        source=_of_family(fixed.get(Dimension.SOURCE), family, first.source),
        destination=_of_family(fixed.get(Dimension.DESTINATION), family, first.destination),
    )


def _of_family(ranges: Intervals | None, family: Family, like: AddressSet | None) -> AddressSet | None:
    """The ranges as a set of one family that bears the name of another."""
    if not ranges:
        return None
    name = like.name if like else ""
    return AddressSet(v4=ranges, name=name) if family is Family.IPV4 else AddressSet(v6=ranges, name=name)


def _base_chain(chain: Chain, plan: Sequence[Rule | _Decision], sets: NamedSets, chains: Chains) -> str:
    hook = chain.hook
    policy = Verdict.ACCEPT if chain.default is Verdict.ACCEPT else Verdict.DROP
    lines = [f"type filter hook {hook} priority filter; policy {policy};"]
    for group in _states_together(plan):
        if len(group) > 1:
            lines.append(_state_map(group))
        elif isinstance(group[0], Rule):
            lines += _rule_lines(group[0], sets, chains)
        else:
            lines += _decision_lines(group[0], sets, chains)
    reason = f"comment {quoted(f'default of {hook}')}"
    if chain.default_log:
        lines.append(f"{log_statement(chain.default_log)} {reason}")
    if chain.default is Verdict.REJECT:
        lines += [f"{line} {reason}" for line in closing(chain.default)]
    return chain_text(str(hook), lines)


def _rule_lines(rule: Rule, sets: NamedSets, chains: Chains) -> Iterator[str]:
    verdict = chains.verdict(action_of(rule), rule.match.protocols)
    for words in conditions(rule.match, sets):
        yield f"{words} {verdict} comment {_comment(rule.origin)}".lstrip()


def _decision_lines(decision: _Decision, sets: NamedSets, chains: Chains) -> Iterator[str]:
    match, root, rules = _decision_match(decision), decision.diagram.root, decision.batch.of(decision.family)
    verdict = (
        f"jump {chains.decide(root, decision.family)}"
        if isinstance(root, Node)
        else chains.verdict(root, match.protocols)
    )
    comment = quoted(f"{len(rules)} rules from {reason(rules[0].origin)}", COMMENT_BYTES)
    for words in conditions(match, sets):
        yield f"{words} {verdict} comment {comment}".lstrip()


def reason(origin: Origin) -> str:
    """Why a rule exists, with the line of the profile where it comes from one."""
    if origin.place is None:
        return origin.text
    where = f"{origin.profile}:{origin.place.line}" if origin.profile else str(origin.place)
    return f"{origin.text[:COMMENT_BYTES]} ({where})"


def _comment(origin: Origin) -> str:
    return quoted(reason(origin), COMMENT_BYTES)


def _states_together(plan: Sequence[Rule | _Decision]) -> Iterator[list[Rule | _Decision]]:
    """The plan one by one, but rules that ask for nothing but states together where nothing between them minds."""
    taken: set[int] = set()
    for position, each in enumerate(plan):
        if position not in taken:
            moved = _state_rules_from(plan, position, taken) if _is_state_rule(each) else []
            taken.update(moved)
            yield [each, *(plan[later] for later in moved)]


def _is_state_rule(each: Rule | _Decision) -> bool:
    return (
        isinstance(each, Rule)
        and each.match.states != ()
        and each.match == Match(states=each.match.states)
        and each.log is None
        and each.verdict is not Verdict.REJECT
    )


def _state_rules_from(plan: Sequence[Rule | _Decision], position: int, taken: set[int]) -> list[int]:
    """Where the rules stand that can join the state rule at `position`: only rules of other states lie between."""
    found: list[int] = []
    seen: set[State] = set()
    for later in range(position, len(plan)):
        each = plan[later]
        if later in taken:
            continue
        if not isinstance(each, Rule) or not each.match.states:
            break
        if later > position and _is_state_rule(each) and seen.isdisjoint(each.match.states):
            found.append(later)
        seen.update(each.match.states)
    return found


def _state_map(group: Iterable[Rule | _Decision]) -> str:
    rules = [each for each in group if isinstance(each, Rule)]
    elements = ", ".join(f"{state} : {rule.verdict}" for rule in rules for state in rule.match.states)
    words = "; ".join(rule.origin.text for rule in rules).replace(";", ",")
    return f"ct state vmap {{ {elements} }} comment {quoted(words, COMMENT_BYTES)}"


def _helpers(assignments: Sequence[HelperAssignment], sets: NamedSets) -> Iterator[str]:
    """Helpers, and chains that assign them: after connection tracking (-200), for earlier ones do nothing."""
    declared = {(each.helper, each.match.protocols[0]): _helper_name(each) for each in assignments}
    for (helper, protocol), name in declared.items():
        kind, word = quoted(helper, 15), protocol_word(protocol)
        yield f"\tct helper {name} {{\n\t\ttype {kind} protocol {word}\n\t\tl3proto inet\n\t}}\n"
    for hook in Hook:
        lines = [
            f'{words} ct helper set "{_helper_name(each)}" comment {_comment(each.origin)}'
            for each in assignments
            if each.hook is hook
            for words in conditions(replace(each.match, states=each.match.states or (State.NEW,)), sets)
        ]
        if lines:
            first = f"type filter hook {hook} priority filter - 1; policy accept;"
            yield chain_text(f"{hook}_helpers", [first, *lines])


def _helper_name(assignment: HelperAssignment) -> str:
    word = re.sub(r"[^a-z0-9]+", "_", assignment.helper.lower()).strip("_")
    return f"helper_{word}_{protocol_word(assignment.match.protocols[0])}"


DIALECT = Nftables()

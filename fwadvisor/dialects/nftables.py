"""nftables: one table of our own, replaced in one transaction.

Few rules of a shape stay readable, one line with its reason for each; many become lookups in a handful of
nested maps, so that neither loading nor a packet pays for their number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from fwadvisor.dialects.base import Capabilities, Document, OutputFile, comment_lines, render, slug
from fwadvisor.dialects.batches import action_of
from fwadvisor.dialects.diagram import Node
from fwadvisor.dialects.nftables_chains import PREFIX_BYTES, Chains, chain_text, closing, log_statement
from fwadvisor.dialects.nftables_match import NamedSets, conditions, protocol_word, quoted
from fwadvisor.dialects.plan import Step, comment_of, lead, plan, reason
from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.rule import (
    PORT_PROTOCOLS,
    Chain,
    HelperAssignment,
    Hook,
    Match,
    Rule,
    Ruleset,
    State,
    Verdict,
)

_CAPABILITIES = Capabilities(
    dialect="nftables",
    title="nftables",
    log_prefix=PREFIX_BYTES,
    systems=("Linux",),
    hooks=frozenset(Hook),
    verdicts=frozenset(Verdict),
    port_protocols=PORT_PROTOCOLS,
    helpers=frozenset(
        {"Q.931", "RAS", "ftp", "tftp", "sip", "pptp", "irc", "amanda", "netbios-ns", "snmp", "sane"}
    ),
    look=("nft list table inet fwadvisor",),
    interface_pattern=r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,14}",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Nftables:
    """The nftables dialect."""

    capabilities: Capabilities = _CAPABILITIES
    file_names: tuple[str, ...] = ("nftables.nft",)

    def write(self, ruleset: Ruleset, document: Document) -> tuple[OutputFile, ...]:
        """The file for ``nft -f``: declares, deletes and declares the table, so that nothing stale remains."""
        plans = {chain.hook: list(plan(chain.rules)) for chain in ruleset.chains}
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


def _address_sets(plans: dict[Hook, list[Step]], helpers: Iterable[HelperAssignment]) -> Iterator[AddressSet | None]:
    """Every address set that stands in a single rule, as often as it does."""
    for steps in plans.values():
        for step in steps:
            match = lead(step)
            yield from (match.source, match.destination)
    for assignment in helpers:
        yield from (assignment.match.source, assignment.match.destination)


def _base_chain(chain: Chain, steps: Sequence[Step], sets: NamedSets, chains: Chains) -> str:
    hook = chain.hook
    policy = Verdict.ACCEPT if chain.default is Verdict.ACCEPT else Verdict.DROP
    lines = [f"type filter hook {hook} priority filter; policy {policy};"]
    for group in _states_together(steps):
        if len(group) > 1:
            lines.append(_state_map(group))
        else:
            lines += _step_lines(group[0], sets, chains)
    comment = f"comment {quoted(f'default of {hook}')}"
    if chain.default_log:
        lines.append(f"{log_statement(chain.default_log)} {comment}")
    if chain.default is Verdict.REJECT:
        lines += [f"{line} {comment}" for line in closing(chain.default)]
    return chain_text(str(hook), lines)


def _step_lines(step: Step, sets: NamedSets, chains: Chains) -> Iterator[str]:
    match = lead(step)
    if isinstance(step, Rule):
        end = chains.verdict(action_of(step), match.protocols)
    elif isinstance(step.diagram.root, Node):
        end = f"jump {chains.decide(step.diagram.root, step.family)}"
    else:
        end = chains.verdict(step.diagram.root, match.protocols)
    for words in conditions(match, sets, end):
        yield f"{words} {end} comment {quoted(comment_of(step))}".lstrip()


def _states_together(steps: Sequence[Step]) -> Iterator[list[Step]]:
    """The steps one by one, but rules that ask for nothing but states together where nothing between them minds."""
    taken: set[int] = set()
    for position, each in enumerate(steps):
        if position not in taken:
            moved = _state_rules_from(steps, position, taken) if _is_state_rule(each) else []
            taken.update(moved)
            yield [each, *(steps[later] for later in moved)]


def _is_state_rule(each: Step) -> bool:
    return (
        isinstance(each, Rule)
        and each.match.states != ()
        and each.match == Match(states=each.match.states)
        and each.log is None
        and each.verdict is not Verdict.REJECT
    )


def _state_rules_from(steps: Sequence[Step], position: int, taken: set[int]) -> list[int]:
    """Where the rules stand that can join the state rule at `position`: only rules of other states lie between."""
    found: list[int] = []
    seen: set[State] = set()
    for later in range(position, len(steps)):
        each = steps[later]
        if later in taken:
            continue
        if not isinstance(each, Rule) or not each.match.states:
            break
        if later > position and _is_state_rule(each) and seen.isdisjoint(each.match.states):
            found.append(later)
        seen.update(each.match.states)
    return found


def _state_map(group: Iterable[Step]) -> str:
    rules = [each for each in group if isinstance(each, Rule)]
    elements = ", ".join(f"{state} : {rule.verdict}" for rule in rules for state in rule.match.states)
    words = ", ".join(rule.origin.text for rule in rules)
    return f"ct state vmap {{ {elements} }} comment {quoted(words)}"


def _helpers(assignments: Sequence[HelperAssignment], sets: NamedSets) -> Iterator[str]:
    """Helpers, and chains that assign them: after connection tracking (-200), for earlier ones do nothing."""
    declared: dict[tuple[str, int], set[Family | None]] = {}
    for each in assignments:
        declared.setdefault((each.helper, each.match.protocols[0]), set()).add(each.match.family)
    for (helper, protocol), families in declared.items():
        kind, word = quoted(helper, 15), protocol_word(protocol)
        # The kernel has some helpers for IPv4 alone.
        version = "ip" if families == {Family.IPV4} else "inet"
        name = _helper_name(helper, protocol)
        yield f"\tct helper {name} {{\n\t\ttype {kind} protocol {word}\n\t\tl3proto {version}\n\t}}\n"
    for hook in Hook:
        lines = [
            f'{words} ct helper set "{name}" comment {quoted(reason(each.origin))}'
            for each in assignments
            if each.hook is hook
            for name in (_helper_name(each.helper, each.match.protocols[0]),)
            for words in conditions(replace(each.match, states=each.match.states or (State.NEW,)), sets)
        ]
        if lines:
            first = f"type filter hook {hook} priority filter - 1; policy accept;"
            yield chain_text(f"{hook}_helpers", [first, *lines])


def _helper_name(helper: str, protocol: int) -> str:
    word = re.sub(r"[^a-z0-9]+", "_", helper.lower()).strip("_")
    return f"helper_{word}_{protocol_word(protocol)}"


DIALECT = Nftables()

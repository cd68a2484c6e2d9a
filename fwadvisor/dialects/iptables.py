"""iptables and ip6tables: two files for the restore commands, with chains of our own.

The files load into the nft variant and the legacy variant alike, with and without ``--noflush``, any number of
times with the same result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from math import prod

from fwadvisor.dialects.base import Capabilities, Document, OutputFile, comment_lines, render, slug
from fwadvisor.dialects.batches import action_of
from fwadvisor.dialects.diagram import Action, Dimension, Node
from fwadvisor.dialects.iptables_chains import OPTIONS, PREFIX_BYTES, Chains, log_words
from fwadvisor.dialects.iptables_match import conditions, protocol_words
from fwadvisor.dialects.plan import Step, comment_of, lead, plan, reason
from fwadvisor.dialects.ranges import everyone, networks_of
from fwadvisor.model.address import Family, format_cidr
from fwadvisor.model.rule import PORT_PROTOCOLS, Chain, HelperAssignment, Hook, Match, Rule, Ruleset, Verdict

_CAPABILITIES = Capabilities(
    dialect="iptables",
    title="iptables",
    log_prefix=PREFIX_BYTES,
    systems=("Linux",),
    hooks=frozenset(Hook),
    verdicts=frozenset(Verdict),
    port_protocols=PORT_PROTOCOLS,
    helpers_before_translation=True,
    helpers=frozenset(
        {"Q.931", "RAS", "ftp", "tftp", "sip", "pptp", "irc", "amanda", "netbios-ns", "snmp", "sane"}
    ),
    look=("iptables-save", "ip6tables-save"),
    interface_pattern=r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,14}",
)  # fmt: skip
#: Helpers that the kernel has for IPv4 alone.
_V4_HELPERS = frozenset({"pptp", "irc", "netbios-ns", "snmp"})
#: Where the raw table is asked.
_HELPER_HOOKS = ("PREROUTING", "OUTPUT")
#: A rule of up to so many address pairs is written out; longer lists are chains of their own.
_MOST_LINES = 4
_FAMILY_NAMES = {Family.IPV4: ("iptables.v4", "iptables"), Family.IPV6: ("iptables.v6", "ip6tables")}


@dataclass(frozen=True, slots=True)
class Iptables:
    """The iptables dialect: a file for each IP version."""

    capabilities: Capabilities = _CAPABILITIES
    file_names: tuple[str, ...] = tuple(name for name, _ in _FAMILY_NAMES.values())

    def write(self, ruleset: Ruleset, document: Document) -> tuple[OutputFile, ...]:
        """The files for ``iptables-restore`` and ``ip6tables-restore``."""
        plans = {chain.hook: list(plan(chain.rules)) for chain in ruleset.chains}
        return tuple(_file(family, ruleset, plans, document) for family in _FAMILY_NAMES)


def _file(family: Family, ruleset: Ruleset, plans: dict[Hook, list[Step]], document: Document) -> OutputFile:
    name, command = _FAMILY_NAMES[family]
    chains = Chains(family)
    rules = [line for chain in ruleset.chains for line in _hook_lines(chain, plans[chain.hook], chains)]
    helper_chains = Chains(family)
    helpers = list(_helper_lines(ruleset.helpers, helper_chains))
    text = render(
        "iptables/iptables.j2",
        name=slug(document.name, 40),
        file=name,
        command=command,
        about=[line for each in document.about for line in comment_lines(each)],
        notes=[
            [line for each in (note.text, *note.commands) for line in comment_lines(each)] for note in document.notes
        ],
        hooks=[(str(chain.hook).upper(), _policy(chain)) for chain in ruleset.chains],
        chains="".join(f":{each} - [0:0]\n" for each in chains.names()),
        rules="".join(f"{line}\n" for line in (*rules, *chains.lines())),
        helper_hooks=_HELPER_HOOKS,
        helper_chains=list(helper_chains.names()),
        helpers="\n".join([*helpers, *helper_chains.lines()]),
    )
    return OutputFile(name, text.encode("ascii"))


def _policy(chain: Chain) -> str:
    return "ACCEPT" if chain.default is Verdict.ACCEPT else "DROP"


def _hook_lines(chain: Chain, steps: Sequence[Step], chains: Chains) -> Iterator[str]:
    name = f"FWA-{chain.hook.upper()}"
    for step in steps:
        for words in _step_words(step, chains):
            yield f"-A {name} {words}"
    comment = _comment(f"default of {chain.hook}")
    if chain.default_log:
        yield f"-A {name} {comment} {log_words(chain.default_log)}"
    if chain.default is Verdict.REJECT:
        for words in chains.closing(chain.default):
            yield f"-A {name} {comment} {words}"


def _comment(text: str) -> str:
    # The slug holds neither quotes nor backslashes, which would have to be escaped.
    return f'-m comment --comment "{slug(text, 250)}"'


def _step_words(step: Step, chains: Chains) -> Iterator[str]:
    """The lines of one step in the family of `chains`, maybe none."""
    if isinstance(step, Rule):
        root: Node | Action = action_of(step)
    elif step.family in (None, chains.family):
        root = step.diagram.root
    else:
        return
    comment = _comment(comment_of(step))
    yield from _match_words(lead(step), comment, lambda protocol: chains.leads(root, protocol), chains)


def _match_words(match: Match, comment: str, leads: Callable[[int | None], str], chains: Chains) -> Iterator[str]:
    """The lines that lead what matches on to `leads`, which is told the protocol where it is one."""
    family = chains.family
    if family not in match.families():
        return
    found = list(conditions(match, family))
    sides = [
        (dimension, addresses.of(family))
        for dimension, addresses in ((Dimension.SOURCE, match.source), (Dimension.DESTINATION, match.destination))
        if addresses is not None and not everyone(addresses.of(family), family)
    ]
    written = [networks_of(ranges, family) for _, ranges in sides]
    in_chains = len(found) * prod(map(len, written)) > _MOST_LINES
    single = [not in_chains or len(networks) == 1 for networks in written]
    listed = [side for side, alone in zip(sides, single, strict=True) if not alone]
    addresses = [
        [f"{OPTIONS[dimension]} {format_cidr(*network, family)}" for network in networks]
        for (dimension, _), networks, alone in zip(sides, written, single, strict=True)
        if alone
    ]
    for condition in found:
        target = leads(None if listed else condition.protocol)
        for dimension, ranges in reversed(listed):
            target = f"-g {chains.one_of(dimension, ranges, target)}"
        # A jump from the chain of a hook comes back to its next line; a goto would not.
        target = f"-j {target.removeprefix('-g ')}" if target.startswith("-g ") else target
        for words in product(*addresses):
            yield " ".join((*words, *condition.words, comment, target))


def _helper_lines(assignments: Sequence[HelperAssignment], chains: Chains) -> Iterator[str]:
    """Lines of the raw table, which is asked before connection tracking: states and ways out are not known yet."""
    for each in assignments:
        if each.helper in _V4_HELPERS and chains.family is Family.IPV6:
            continue
        out = each.hook is Hook.OUTPUT
        match = replace(each.match, states=(), out_interfaces=each.match.out_interfaces if out else ())
        target = f'-j CT --helper "{slug(each.helper, 15)}"'
        for words in _match_words(match, _comment(reason(each.origin)), partial(_assigns, target, match), chains):
            yield f"-A FWA-{'OUTPUT' if out else 'PREROUTING'} {words}"


def _assigns(target: str, match: Match, protocol: int | None) -> str:
    """The assignment; the kernel takes it only in a line that itself names the protocol."""
    return target if protocol is not None else f"{protocol_words(match.protocols[0])} {target}"


DIALECT = Iptables()

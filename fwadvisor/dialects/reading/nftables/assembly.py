"""The firewall that tables make together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fwadvisor.diagnostic import Diagnostic, warning
from fwadvisor.dialects.reading.nftables.bases import PRIORITIES
from fwadvisor.dialects.reading.nftables.context import TABLE_FAMILIES, Context
from fwadvisor.dialects.reading.nftables.declared import declared
from fwadvisor.dialects.reading.nftables.graph import wrong_jumps
from fwadvisor.dialects.reading.nftables.stages import TRANSLATES_DESTINATION, Stage, Stages, first_packets
from fwadvisor.dialects.reading.nftables.tables import EVALUATED, BaseText, ChainText, Table
from fwadvisor.dialects.reading.source import Problems
from fwadvisor.model.address import FAMILIES
from fwadvisor.model.firewall import (
    BaseChain,
    Condition,
    ConditionTest,
    Field,
    Firewall,
    FirewallChain,
    FirewallRule,
    Jump,
    Names,
    NameTest,
    Opaque,
    Point,
    Test,
    Unknown,
)
from fwadvisor.model.rule import Verdict

#: Connection tracking and the translations of the kernel stand at these priorities (netfilter_ipv4.h).
_TRACKING = -200
_POINTS = {each.value: each for each in Point}
#: Ingress chains are asked before all others, egress chains after them.
_EARLIEST, _LATEST = -(2**31), 2**31


def assemble(name: str, tables: Iterable[Table], context: Context, problems: Problems) -> Firewall:
    """The firewall of all tables; problems of the whole are noted."""
    listed = list(tables)
    asked = list(_base_chains(listed))
    labels = [f"{table.label} {chain.name}" for table, chain, _ in asked]
    for each in wrong_jumps(context.chains, labels):
        problems.add(each)
    problems.raise_any()
    warnings = list(context.warnings)
    stages = Stages(context.chains)
    find = _Finder(context.chains, [(label, base) for label, (_, _, base) in zip(labels, asked, strict=True)])
    bases = []
    for label, (table, chain, base) in zip(labels, asked, strict=True):
        made = stages.at(find.stage(base), label)
        default = Verdict.DROP if base.policy == "drop" else Verdict.ACCEPT
        if base.kind == "nat":
            made, default = _nat(context.chains, made, default)
        bases.append(
            BaseChain(
                point=_POINTS[base.hook], chain=made, default=default, priority=base.priority,
                families=TABLE_FAMILIES[table.family], span=chain.span,
            )
        )  # fmt: skip
    # The kernel asks chains of equal priority in reverse: the last one that was registered is asked first.
    bases.reverse()
    opaque = [*context.opaque]
    for table in listed:
        _outside(table, context.chains, bases, opaque, warnings)
    if stages.translated:
        warnings.append(
            warning(
                "chains that see a packet before or after its translation ask for addresses; here that is a condition"
            )
        )
    return Firewall(
        name=name,
        dialect="nftables",
        chains=context.chains,
        bases=tuple(bases),
        families=FAMILIES,
        opaque=tuple(opaque),
        warnings=tuple(warnings),
        declared=tuple(declared(listed)),
    )


def _base_chains(tables: Iterable[Table]) -> Iterator[tuple[Table, ChainText, BaseText]]:
    """The base chains that IP packets pass, in the order of the files."""
    for table in tables:
        if table.family in EVALUATED and not table.dormant:
            for chain in table.chains.values():
                if chain.base is not None and chain.base.hook in _POINTS:
                    yield table, chain, chain.base


def _nat(chains: dict[str, FirewallChain], name: str, default: Verdict) -> tuple[str, Verdict]:
    chain = chains[name]
    chains[name] = FirewallChain(name, first_packets(chain, default), chain.span)
    return name, Verdict.ACCEPT


class _Finder:
    """At which stage a base chain is asked."""

    def __init__(self, chains: dict[str, FirewallChain], bases: list[tuple[str, BaseText]]) -> None:
        self._chains = chains
        self._written = {label: _texts(chains, label) for label, _ in bases}
        self._bases = bases

    def _writes(self, hooks: tuple[str, ...], words: tuple[str, ...]) -> bool:
        return any(
            text.startswith(words) for label, base in self._bases if base.hook in hooks for text in self._written[label]
        )

    def stage(self, base: BaseText) -> Stage:
        """The stage of a base chain."""
        early = base.hook in ("prerouting", "output")
        translates = TRANSLATES_DESTINATION
        filters = base.kind != "nat"
        before = early and filters and base.priority <= PRIORITIES["dstnat"] and self._writes((base.hook,), translates)
        after = (
            base.hook == "postrouting"
            and filters
            and base.priority >= PRIORITIES["srcnat"]
            and self._writes(("postrouting",), ("snat", "masquerade"))
        )
        tracking = early and base.priority < _TRACKING
        notracks = tracking and any(
            "state" in self._written[label] for label, each in self._bases if each.priority < _TRACKING
        )
        words = [base.hook] if base.hook == "prerouting" or tracking or before or after else []
        words += ["before tracking"] * tracking + ["before translation"] * before + ["after translation"] * after
        return Stage(
            ", ".join(words), base.hook == "prerouting", tracking, notracks, before, after,
            self._translating(base.hook, translates) if before else (),
        )  # fmt: skip

    def _translating(self, hook: str, words: tuple[str, ...]) -> tuple[str, ...]:
        """The chains that are reached from those that translate at a hook."""
        return tuple(
            sorted(
                chain
                for label, base in self._bases
                if base.hook == hook and any(text.startswith(words) for text in self._written[label])
                for chain in _reached(self._chains, label)
            )
        )


def _texts(chains: dict[str, FirewallChain], start: str) -> set[str]:
    """What the chains that are reached from one translate; "state" where they make packets untracked."""
    writes = [write for name in _reached(chains, start) for rule in chains[name].rules for write in rule.writes]
    found = {str(write.value) for write in writes if write.field is Field.TRANSLATION}
    return found | {"state" for write in writes if write.field is Field.STATE}


def _reached(chains: dict[str, FirewallChain], start: str) -> set[str]:
    seen, waiting = {start}, [start]
    while waiting:
        for rule in chains[waiting.pop()].rules:
            if isinstance(rule.action, Jump) and rule.action.chain not in seen:
                seen.add(rule.action.chain)
                waiting.append(rule.action.chain)
    return seen


# --- what IP chains do not see ---------------------------------------------------------------------


def _outside(
    table: Table,
    chains: dict[str, FirewallChain],
    bases: list[BaseChain],
    opaque: list[Opaque],
    warnings: list[Diagnostic],
) -> None:
    """Tables and chains of other layers; those that may drop what comes in make it unknown."""
    if table.dormant:
        warnings.append(warning(f'table "{table.label}" is dormant: its chains are not asked', table.span))
        return
    if table.unknown:
        opaque.append(Opaque(table.span, table.unknown))
    if table.family in ("bridge", "arp"):
        opaque.append(Opaque(table.span, f"tables of family {table.family} see frames and are not evaluated"))
        return
    for chain in table.chains.values():
        if chain.base is None or chain.base.hook in _POINTS:
            continue
        reason = f"what the {chain.base.hook} chain {chain.name} does on a device is not evaluated"
        opaque.append(Opaque(chain.span, reason))
        if chain.base.policy == "drop" or _may_drop(table, chain):
            _unknown_base(table, chain, chain.base, chains, bases, reason)


def _may_drop(table: Table, chain: ChainText) -> bool:
    """Whether a word of the chain takes packets away, or of any chain where it jumps; a map may hold anything."""
    words = {token for each in table.chains.values() for piece in each.rules for token in piece.tokens}
    own = {token for piece in chain.rules for token in piece.tokens}
    takes = frozenset(("drop", "fwd", "dup", "reject", "queue", "set"))
    return "vmap" in own or not takes.isdisjoint(words if {"jump", "goto"} & own else own)


def _unknown_base(
    table: Table,
    chain: ChainText,
    base: BaseText,
    chains: dict[str, FirewallChain],
    bases: list[BaseChain],
    reason: str,
) -> None:
    label = f"{table.label} {chain.name}"
    ingress = base.hook == "ingress"
    field = Field.IN_INTERFACE if ingress else Field.OUT_INTERFACE
    tests: tuple[Test, ...] = (ConditionTest(Condition(f"{base.hook} {label}", understood=False)),)
    if base.devices:
        tests = (NameTest(field, Names(frozenset(base.devices))), *tests)
    rule = FirewallRule(tests=tests, action=Unknown(reason), span=chain.span, text=f"chain {chain.name}")
    chains[label] = FirewallChain(label, (rule,), chain.span)
    bases.append(
        BaseChain(
            point=Point.PREROUTING if ingress else Point.POSTROUTING,
            chain=label,
            default=Verdict.ACCEPT,
            priority=_EARLIEST if ingress else _LATEST,
            span=chain.span,
        )
    )

"""Random nftables files: tables, chains, sets, maps and definitions around the tests of `random_text_nftables`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.rule import Hook

from .random_text import (
    MARKS,
    PROTOCOLS,
    STATES,
    Dice,
    Line,
    RandomText,
    Spot,
    ends,
    leads,
)
from .random_text_nftables import Context, Named, address_word, braces, set_mark, tests

_TABLES: tuple[tuple[str, Family | None], ...] = (
    ("inet", None),
    ("inet", None),
    ("ip", Family.IPV4),
    ("ip6", Family.IPV6),
)
_HOOKS = {
    "prerouting": (Hook.INPUT, Hook.FORWARD),
    "input": (Hook.INPUT,),
    "forward": (Hook.FORWARD,),
    "output": (Hook.OUTPUT,),
    "postrouting": (Hook.FORWARD, Hook.OUTPUT),
}
_PRIORITIES = {
    "prerouting": ("raw", "-310", "mangle", "mangle + 5", "-100"),
    "input": ("filter", "0", "filter - 5", "security", "mangle"),
    "forward": ("filter", "0", "filter + 10", "security", "mangle"),
    "output": ("filter", "0", "raw", "mangle", "security"),
    "postrouting": ("mangle", "srcnat", "0", "filter + 20"),
}
#: A header's field that is not one value.
_NEGATED = re.compile(r"^(?!meta|ct|iif|oif|fib).* != (?![{@])")
_COMMENTS = ("peers", "a b", "accept", "it's # here", "déjà vu", "jump {x}; drop")
_ACTIONS = (
    ("accept",) * 5 + ("drop",) * 5 + ("reject",) * 3 + ("jump",) * 4 + ("goto", "return", "return", "continue", "")
)


def _said_once(words: Sequence[str]) -> list[str]:
    """One negated value in a rule at most: some versions of nft take "not this, not that" for "not this and that"."""
    found: list[str] = []
    for word in words:
        again = _NEGATED.search(word) and any(_NEGATED.search(each) for each in found)
        found.append(word.replace("!= ", "") if again else word)
    return found


@dataclass(slots=True)
class _Chain:
    name: str
    #: ``type filter hook ...`` of a base chain.
    spec: str = ""
    hook: str = ""
    rejects: bool = True
    context: Context = field(kw_only=True)
    lines: list[Line] = field(default_factory=list)


@dataclass(slots=True)
class _Table:
    word: str
    name: str
    family: Family | None
    #: Declarations of sets and maps: kind and name, and what stands between the braces.
    sets: dict[str, list[str]] = field(default_factory=dict)
    chains: list[_Chain] = field(default_factory=list)


class _Maker:
    def __init__(self, seed: int) -> None:
        self.dice = Dice(f"nftables {seed}")
        self.defines: list[Named] = []
        self.define_lines: list[str] = []

    # Definitions and sets

    def define(self) -> None:
        dice = self.dice
        for number in range(dice.random.choice([0, 0, 1, 2])):
            name = f"D{number}"
            if dice.chance(0.5):
                spans = dice.ports("destination_port", 2)
                text = braces([f"{a}-{b}" if a != b else str(a) for a, b in spans])
                wanted = {"protocol": (6,), "destination_port": ends(spans)}
                self.defines.append(Named(name, "tcp dport", wanted, None))
            else:
                spans = dice.addresses(Family.IPV4, "source", 1)
                text = address_word(spans[0], Family.IPV4, dice)
                self.defines.append(Named(name, "ip saddr", {"family": (4,), "source": ends(spans)}, Family.IPV4))
            self.define_lines.append(f"define {name} = {text}")

    def _set(self, table: _Table, name: str) -> Named:
        dice = self.dice
        family = table.family or dice.pick(list(Family))
        word, kind = ("ip", "ipv4_addr") if family is Family.IPV4 else ("ip6", "ipv6_addr")
        form = dice.random.random()
        if form < 0.35:
            end = dice.pick(["saddr", "daddr"])
            name_of = "source" if end == "saddr" else "destination"
            spans = dice.addresses(family, name_of, dice.random.randint(1, 4))
            elements = [address_word(span, family, dice) for span in spans]
            typed = dice.pick([f"type {kind}", f"typeof {word} saddr"])
            flags = ["flags interval"] + (["auto-merge"] if dice.chance(0.3) else [])
            named = Named(name, f"{word} {end}", {"family": (int(family),), name_of: ends(spans)}, family)
            body = [typed, *flags]
        elif form < 0.55:
            spans = dice.ports("destination_port", 3)
            elements = [f"{a}-{b}" if a != b else str(a) for a, b in spans]
            named = Named(name, "tcp dport", {"protocol": (6,), "destination_port": ends(spans)}, None)
            body = ["type inet_service", "flags interval"]
        elif form < 0.75:
            spans, which = dice.addresses(family, "source", 2), dice.ports("destination_port", 1)
            low, high = which[0]
            elements = [
                f"{address_word(span, family, dice)} . {low}-{high + 1 if high < 65535 else high}" for span in spans
            ]
            wanted = {
                "family": (int(family),),
                "protocol": (17,),
                "source": ends(spans),
                "destination_port": ends(which),
            }
            named = Named(name, f"{word} saddr . udp dport", wanted, family)
            body = [f"type {kind} . inet_service", "flags interval"]
        elif form < 0.9:
            names = dice.some(tuple(PROTOCOLS), 1, 3)
            which = dice.ports("destination_port", 1)
            elements = [f"{each} . {which[0][0]}" for each in names]
            wanted = {"protocol": tuple(PROTOCOLS[each] for each in names), "destination_port": (which[0][0],)}
            named = Named(name, "meta l4proto . th dport", wanted, None)
            body = ["type inet_proto . inet_service"]
        else:
            elements = [f'"{each}"' for each in dice.some(("wan0", "lan0", "lo", "eth9"), 1, 2)]
            named = Named(name, "iifname", {}, None)
            body = ["type ifname"]
        if dice.chance(0.93):
            body.append(f"elements = {braces(elements)}")
        table.sets[f"set {name}"] = body
        return named

    # Rules

    def _verdict(self, targets: Sequence[_Chain]) -> tuple[str, str]:
        """A verdict for a map, and the chain that it leads to."""
        word = self.dice.pick(["accept", "drop", "accept", "drop", "jump", "goto", "return", "continue"])
        if word in ("jump", "goto"):
            if not targets:
                return "drop", ""
            target = self.dice.pick(targets).name
            return f"{word} {target}", target
        return word, ""

    def _map_rule(self, chain: _Chain, table: _Table, targets: Sequence[_Chain]) -> Line:
        """A rule that looks its verdict up."""
        dice, line = self.dice, Line()
        family = table.family or dice.pick(list(Family))
        word, kind = ("ip", "ipv4_addr") if family is Family.IPV4 else ("ip6", "ipv6_addr")
        form = dice.random.random()
        if form < 0.3:
            spans = dice.ports("destination_port", 3)
            keys, key, typed = [f"{a}-{b}" if a != b else str(a) for a, b in spans], "tcp dport", "inet_service"
            line.wanted = {"protocol": (6,), "destination_port": ends(spans)}
        elif form < 0.5:
            spans = dice.addresses(family, "source", 3)
            keys, key, typed = [address_word(span, family, dice) for span in spans], f"{word} saddr", kind
            line.wanted = {"family": (int(family),), "source": ends(spans)}
        elif form < 0.62:
            names = dice.some(("wan0", "lan0", "lo", "wan*"), 1, 2)
            if "wan0" in names and "wan*" in names:
                names = ["wan*"]
            keys, key, typed = [f'"{each}"' for each in names], "iifname", ""
        elif form < 0.75:
            keys = dice.some(tuple(PROTOCOLS), 2, 3)
            key, typed = "meta l4proto", ""
            line.wanted = {"protocol": tuple(PROTOCOLS[each] for each in keys)}
        elif form < 0.8 and dice.writes_marks:
            marks = dice.spans(MARKS, 3, 2**32 - 1, 20)
            dice.edge("mark", marks, 2**32 - 1)
            keys = [f"{a:#x}" if a == b else f"{a}-{b}" for a, b in marks]
            key, typed = "meta mark", ""
            line.wanted = {"mark": ends(marks)}
        elif form < 0.9 and chain.context.tracked:
            keys = dice.some(STATES, 2, 4)
            key, typed = "ct state", ""
            line.wanted = {"state": tuple(keys)}
        else:
            spans, which = dice.addresses(family, "source", 2), dice.ports("destination_port", 1)
            keys = [f"{address_word(span, family, dice)} . {which[0][0]}" for span in spans]
            key, typed = f"{word} saddr . tcp dport", ""
            line.wanted = {
                "family": (int(family),),
                "protocol": (6,),
                "source": ends(spans),
                "destination_port": (which[0][0],),
            }
        verdicts = [self._verdict(targets) for _ in keys]
        elements = [f"{each} : {verdict}" for each, (verdict, _) in zip(keys, verdicts, strict=True)]
        line.target = next((target for _, target in verdicts if target), "")
        if typed and dice.chance(0.3):
            name = f"m{len(table.sets)}"
            table.sets[f"map {name}"] = [f"type {typed} : verdict", "flags interval", f"elements = {braces(elements)}"]
            line.words.append(f"{key} vmap @{name}")
        else:
            line.words.append(f"{key} vmap {braces(elements)}")
        return line

    def _rule(self, chain: _Chain, table: _Table, targets: Sequence[_Chain]) -> Line:
        dice = self.dice
        if dice.chance(0.1):
            return self._map_rule(chain, table, targets)
        line = Line()
        interfaces = {
            "input": ["iifname"],
            "output": ["oifname"],
            "prerouting": ["iifname"],
            "postrouting": ["oifname"],
        }
        tests(chain.context, line, interfaces.get(chain.hook, ["iifname", "oifname"]))
        line.words = _said_once(line.words)
        if dice.chance(0.15):
            line.words.insert(dice.random.randint(0, len(line.words)), "counter")
        if dice.chance(0.06):
            line.words.append(dice.pick(['log prefix "a: b" ', "log", "log level info"]).strip())
        if dice.chance(0.12):
            self._write(chain, line)
        self._act(chain, line, targets)
        if dice.chance(0.08) or not line.words:
            line.words.append(f'comment "{dice.pick(_COMMENTS)}"' if line.words else "counter")
        return line

    def _write(self, chain: _Chain, line: Line) -> None:
        dice = self.dice
        if not chain.context.tracked:
            line.words.append("notrack")
        elif not dice.writes_marks:
            line.words.append("log")
        elif dice.chance(0.25):
            set_mark(chain.context, line, "ct mark")
        elif dice.chance(0.15) and not line.wanted.keys() & {"protocol"}:
            spans = dice.ports("destination_port", 2)
            pairs = [f"{a} : {dice.pick(MARKS):#x}" for a, _ in spans]
            line.words.append(f"meta mark set tcp dport map {braces(pairs)}")
        else:
            set_mark(chain.context, line, "meta mark")

    def _act(self, chain: _Chain, line: Line, targets: Sequence[_Chain]) -> None:
        dice = self.dice
        word = dice.pick(_ACTIONS)
        if word in ("jump", "goto"):
            if targets:
                line.target = dice.pick(targets).name
                line.words.append(f"{word} {line.target}")
            else:
                line.words.append("accept")
        elif word == "reject":
            line.words.append(self._reject(line, chain) if chain.rejects else "drop")
        elif word:
            line.words.append(word)

    def _reject(self, line: Line, chain: _Chain) -> str:
        text, dice = " ".join(line.words), self.dice
        if not set(text.split()).isdisjoint({"ip", "icmp"}) or "ipv4" in text or chain.context.family is Family.IPV4:
            forms = ["reject", "reject with icmp type port-unreachable", "reject with icmp host-unreachable"]
        elif (
            not set(text.split()).isdisjoint({"ip6", "icmpv6"}) or "ipv6" in text or chain.context.family is Family.IPV6
        ):
            forms = ["reject", "reject with icmpv6 type admin-prohibited", "reject with icmpv6 no-route"]
        else:
            forms = ["reject", "reject with icmpx type admin-prohibited", "reject with icmpx port-unreachable"]
            if not text:
                forms += ["reject with icmp type port-unreachable", "reject with icmpv6 type no-route"]
        if "tcp dport" in text or "tcp sport" in text or not text:
            forms.append("reject with tcp reset")
        return dice.pick(forms)

    # Chains and tables

    def _users(
        self, table: _Table, group: str, routed: bool, tracked: bool, rejects: bool, sets: Sequence[Named]
    ) -> list[_Chain]:
        """Chains of their own in three layers, the innermost first."""
        dice, made = self.dice, []
        below: list[_Chain] = []
        for depth in (3, 2, 1):
            layer = []
            for number in range(dice.random.choice([0, 1, 1, 2])):
                context = Context(dice, table.family, routed, tracked, sets, self.defines)
                chain = _Chain(f"{group}{depth}_{number}", rejects=rejects, context=context)
                chain.lines = [self._rule(chain, table, below) for _ in range(dice.random.randint(0, 4))]
                layer.append(chain)
            below = [*below, *layer]
            made += layer
        return made

    def _base(
        self, table: _Table, name: str, hook: str, users: dict[str, list[_Chain]], sets: Sequence[Named]
    ) -> _Chain:
        dice = self.dice
        priority = dice.pick(_PRIORITIES[hook])
        early = hook == "prerouting"
        tracked = priority not in ("raw", "-310")
        policy = dice.pick(["", " policy accept;", " policy accept;", " policy drop;"])
        spec = f"type filter hook {hook} priority {priority};{policy}"
        context = Context(dice, table.family, not early, tracked, sets, self.defines)
        chain = _Chain(name, spec, hook, hook != "postrouting", context=context)
        group = "raw" if not tracked else {"prerouting": "early", "postrouting": "last"}.get(hook, "late")
        if group not in users:
            users[group] = self._users(table, group, not early and tracked, tracked, hook != "postrouting", sets)
            table.chains += users[group]
        chain.lines = [self._rule(chain, table, users[group]) for _ in range(dice.random.randint(1, 9))]
        return chain

    def table(self, number: int, hooks: Sequence[str]) -> _Table:
        dice = self.dice
        word, family = dice.pick(_TABLES)
        table = _Table(word, f"t{number}", family)
        sets = [self._set(table, f"s{i}") for i in range(dice.random.choice([0, 1, 2, 3]))]
        users: dict[str, list[_Chain]] = {}
        for count, hook in enumerate(hooks):
            table.chains.append(self._base(table, f"{hook}_{count}", hook, users, sets))
        return table


def _block(table: _Table, dice: Dice) -> list[str]:
    lines = [f"table {table.word} {table.name} {{"]
    for name, body in table.sets.items():
        lines += [f"\t{name} {{", *(f"\t\t{each}" for each in body), "\t}"]
    for chain in table.chains:
        lines.append(f"\tchain {chain.name} {{")
        lines += [f"\t\t{chain.spec}"] if chain.spec else []
        for line in chain.lines:
            lines.append(f"\t\t{' '.join(line.words)}")
            if dice.chance(0.04):
                lines.append(f"\t\t# {' '.join(line.words)} drop }}")
            elif dice.chance(0.04):
                lines[-1] += "; counter; # and the rest"
        lines.append("\t}")
    return [*lines, "}"]


def _commands(table: _Table, dice: Dice) -> list[str]:
    where = f"{table.word} {table.name}"
    lines = [f"add table {where}"]
    lines += [
        f"add chain {where} {chain.name}" + (f" {{ {chain.spec} }}" if chain.spec else "") for chain in table.chains
    ]
    for name, body in table.sets.items():
        kind, own = name.split()
        lines.append(
            f"add {kind} {where} {own} {{ {'; '.join(each for each in body if not each.startswith('elements'))}; }}"
        )
        lines += [
            f"add element {where} {own} {each.removeprefix('elements = ')}"
            for each in body
            if each.startswith("elements")
        ]
    for chain in table.chains:
        # Inserted rules come before those that were there: written backwards, the chain is the same.
        backwards = dice.chance(0.2)
        verb = "insert" if backwards else "add"
        for line in reversed(chain.lines) if backwards else chain.lines:
            lines.append(f"{verb} rule {where} {chain.name} {' '.join(line.words)}")
    return lines


def random_nftables(seed: int) -> RandomText:
    """The text of a seed, for `nft -f`."""
    maker = _Maker(seed)
    dice = maker.dice
    maker.define()
    hooks = ["input", "forward", "output"]
    hooks += [
        each for each in ("prerouting", "output", "postrouting", "input", "forward", "prerouting") if dice.chance(0.4)
    ]
    dice.random.shuffle(hooks)
    cut = sorted(dice.random.randint(0, len(hooks)) for _ in range(dice.random.choice([0, 1, 2])))
    parts = [hooks[a:b] for a, b in zip([0, *cut], [*cut, len(hooks)], strict=True) if a < b]
    tables = [maker.table(number, part) for number, part in enumerate(parts)]
    lines = [*maker.define_lines]
    if dice.chance(0.3):
        lines.insert(0, "flush ruleset")
    spots = {}
    for table in tables:
        lines += _commands(table, dice) if dice.chance(0.25) else _block(table, dice)
        families = (table.family,) if table.family else FAMILIES
        for chain in table.chains:
            renamed = [
                Line(line.words, line.wanted, line.target and f"{table.name} {line.target}") for line in chain.lines
            ]
            spots[f"{table.name} {chain.name}"] = Spot(_HOOKS.get(chain.hook, ()), families, renamed)
    found = tuple(leads(spots, dice.random))
    edges = {name: tuple(values) for name, values in dice.edges.items() if values}
    return RandomText(seed, {"rules.nft": "\n".join(lines) + "\n"}, found, edges)

"""The ruleset that a conversion writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product

from fwadvisor.convert import refusing, rejecting
from fwadvisor.convert.followed import assigned
from fwadvisor.convert.guided import Blocked, Guide
from fwadvisor.convert.lines import Lines, lines_of
from fwadvisor.convert.proving import crossed_icmp, read_back, spoken_like
from fwadvisor.convert.request import Request
from fwadvisor.convert.straight import Made, narrower, straight
from fwadvisor.convert.twins import together
from fwadvisor.diagnostic import Diagnostic
from fwadvisor.dialects import DIALECTS, dialect
from fwadvisor.dialects.base import Capabilities, Document, log_prefix
from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.firewall import STATES, Field, Firewall, FirewallRule, IntegerTest, Names, NameTest, Test
from fwadvisor.model.interval import normalize
from fwadvisor.model.lift import tests as tests_of
from fwadvisor.model.rule import (
    ICMP,
    ICMPV6,
    LOOPBACK,
    PORT_PROTOCOLS,
    Chain,
    HelperAssignment,
    Hook,
    Log,
    Match,
    Origin,
    OriginKind,
    Rule,
    Ruleset,
    State,
    Verdict,
    protocol_name,
)
from fwadvisor.packets import PacketSet, Space
from fwadvisor.packets.counting import counting
from fwadvisor.packets.deciders import DECIDERS, Numbered, numbered
from fwadvisor.proof.comparison import NETFILTER, TESTS

_OVER_LOOPBACK = tuple(
    NameTest(name, Names(frozenset({LOOPBACK}))) for name in (Field.IN_INTERFACE, Field.OUT_INTERFACE)
)
_EMPTY = Document(name="shape")
_ANY_ICMP = 255


@dataclass
class Making:
    """Makes the ruleset of one request; what it could not do is in `problems`, what it had to do in `notes`."""

    request: Request
    able: Capabilities
    #: Whether every hook is made by the packet engine.
    guided_only: bool = False
    problems: list[Diagnostic] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rewritten: list[Hook] = field(default_factory=list)
    #: Rules that accept less than they did, by identity, and what could not be said.
    lost: dict[int, Blocked] = field(default_factory=dict)

    @property
    def firewall(self) -> Firewall:
        """The source."""
        return self.request.firewall

    def ruleset(self) -> Ruleset:
        """The ruleset, complete where there are no problems."""
        chains = []
        helpers: list[HelperAssignment] = []
        for hook in Hook:
            if hook not in self.firewall.hooks:
                continue
            lines = {family: lines_of(self.firewall, hook, family) for family in self.firewall.families}
            if hook not in self.able.hooks:
                self._without(hook, lines)
                continue
            chain = self._chain(hook, lines)
            chains.append(chain)
            if Verdict.REJECT in self.able.verdicts:
                self.notes += rejecting.changed(lines, self.firewall.dialect, self.request.target)
            if chain.default is Verdict.ACCEPT or any(rule.verdict is Verdict.ACCEPT for rule in chain.rules):
                helpers += self._helpers(hook)
        return Ruleset(name=self.firewall.name, chains=tuple(chains), helpers=tuple(helpers))

    def _without(self, hook: Hook, lines: Mapping[Family, Lines]) -> None:
        """A hook that the target does not have: where everything, or nothing, may begin there, that is said."""
        space = Space((self.firewall,), tests=TESTS, budget=self.request.budget)
        verdicts = set()
        for family in self.firewall.families:
            meaning = space.meaning(self.firewall, hook, family)
            new = space.packets(hook, family, TESTS)
            verdicts |= {verdict for verdict in meaning.verdicts() if not (meaning.where(verdict) & new).is_empty}
        if Verdict.ACCEPT not in verdicts or verdicts == {Verdict.ACCEPT}:
            does = "accepts all of it" if Verdict.ACCEPT in verdicts else "closes it"
            self.notes.append(f"{self.able.title} does not filter {hook}; {self.firewall.name} {does}")
        else:
            self.problems.append(refusing.no_hook(lines.values(), hook, self.able, self.firewall))

    def _helpers(self, hook: Hook) -> Iterator[HelperAssignment]:
        for each in assigned(self.firewall, hook):
            if each.helper in self.able.helpers:
                yield each
            else:
                self.notes.append(
                    f'{self.able.title} cannot follow connections with the helper "{each.helper}" ({hook})'
                )

    def _chain(self, hook: Hook, lines: Mapping[Family, Lines]) -> Chain:
        made: dict[Family, list[Made]] = {}
        defaults: dict[Family, Verdict] = {}
        for family, each in lines.items():
            plain = None if self.guided_only else straight(each, family, hook)
            if plain is not None:
                made[family], defaults[family] = plain, each.default
            else:
                made[family], defaults[family] = self._guided(hook, family, each)
            for rule in each.logs:
                self.notes.append(f"what {rule.span.file}:{rule.span.line} logs is not logged: {rule.text}")
            self.problems += self._unable(made[family])
        default = defaults[self.firewall.families[0]]
        rules = [*self._first(hook), *together(made)]
        rules += (
            Rule(Match(family=family), verdict, Origin(kind=OriginKind.DEFAULT, text=f"default of IPv{family.value}"))
            for family, verdict in defaults.items()
            if verdict is not default
        )
        log = next((each.default_log for each in lines.values() if each.default_log), None)
        while rules and rules[-1].match == Match():
            # A rule for everything is what the default says.
            default, log = rules[-1].verdict, rules[-1].log or log
            rules.pop()
        rules = [replace(rule, log=self._log(rule.log, hook, rule.verdict)) for rule in rules]
        self._prefixes([*(rule.log for rule in rules), log], hook)
        return Chain(hook, tuple(rules), default, self._log(log, hook, default))

    def _log(self, log: Log | None, hook: Hook, verdict: Verdict) -> Log | None:
        """The same log; where the source's own log is no log of text lines, our prefix and rate."""
        if log is None or self.firewall.dialect in NETFILTER:
            return log
        return Log(f"fwadvisor {hook} {verdict}")

    def _prefixes(self, logs: Iterable[Log | None], hook: Hook) -> None:
        """Note the prefixes that the target cannot write as they are; programs look for them."""
        for log in dict.fromkeys(logs):
            if log is not None and log.as_given and self.firewall.dialect in NETFILTER and self.able.log_prefix:
                written = log_prefix(log, self.able.log_prefix)
                if written != log.prefix:
                    self.notes.append(f'the log prefix "{log.prefix}" becomes "{written}" ({hook})')

    # --- what stands before the rules ---

    def _first(self, hook: Hook) -> Iterator[Rule]:
        """Rules for what the source lets pass by itself, and for what it does not speak of."""
        for family in FAMILIES:
            if family not in self.firewall.families and not self._own_file:
                verdict = self.request.rest or (Verdict.DROP if self.able.implicit_states else Verdict.ACCEPT)
                yield _baseline(f"IPv{family.value}, of which the source does not speak", Match(family=family), verdict)
        if self.able.implicit_states:
            return
        if not self.firewall.loopback and hook is not Hook.FORWARD:
            over = {"in_interfaces" if hook is Hook.INPUT else "out_interfaces": (LOOPBACK,)}
            yield _baseline("the machine to itself", Match(**over), Verdict.ACCEPT)  # type: ignore[arg-type]
        if self.firewall.implicit:
            known = Match(states=(State.ESTABLISHED,))
            yield _baseline("replies of accepted connections", known, Verdict.ACCEPT)
            for protocol, name in ((ICMP, "ICMP"), (ICMPV6, "ICMPv6")):
                errors = Match(states=(State.RELATED,), protocols=(protocol,))
                yield _baseline(f"{name} errors of accepted connections", errors, Verdict.ACCEPT)
            if hook is not Hook.OUTPUT:
                yield _baseline("packets of no connection", Match(states=(State.INVALID,)), Verdict.DROP)

    @property
    def _own_file(self) -> bool:
        """Whether an IP version that is not spoken of has a file of its own, which is then not written."""
        return self.request.target == "iptables" and self.request.rest is None

    # --- by the packet engine ---

    @cached_property
    def _told(self) -> dict[tuple[Hook, Family], Numbered]:
        """What decides packets, among the base chains that count."""
        told, parts = numbered(self.firewall), product(Hook, self.firewall.families)
        return {(hook, family): counting(told, hook, family) for hook, family in parts if hook in self.firewall.hooks}

    @cached_property
    def _shape(self) -> Firewall:
        """What texts of the target speak of."""
        empty = Ruleset(
            name="shape", chains=tuple(Chain(hook, (), Verdict.DROP) for hook in Hook if hook in self.able.hooks)
        )
        text = read_back(self.request.target, dialect(self.request.target).write(empty, _EMPTY), {})
        return spoken_like(self.request.target, self.able, text, self.firewall)

    @cached_property
    def _space(self) -> Space:
        tests: list[Test] = [*_OVER_LOOPBACK, *(test for family in FAMILIES for test in crossed_icmp(family))]
        tests += (IntegerTest(Field.STATE, ((number, number),)) for number in range(len(STATES)))
        firewalls = (*(told.firewall for told in self._told.values()), self._shape)
        return Space(firewalls, effects=DECIDERS, tests=tests, budget=self.request.budget)

    def _guided(self, hook: Hook, family: Family, lines: Lines) -> tuple[list[Made], Verdict]:
        if hook not in self.rewritten:
            self.rewritten.append(hook)
        told = self._told[hook, family]
        meaning = self._space.meaning(told.firewall, hook, family)
        guide = Guide(self._space, told, meaning, self._within(hook, family))
        guided = guide.rules(lines, narrower=self.request.allow_approximate)
        for each in (*guided.narrowed, *guided.left_out, *guided.blocked):
            self.lost.setdefault(id(each.rule), each.cause or each)
        if guided.blocked and self.request.allow_approximate:
            if guided.default is not Verdict.ACCEPT and all(each.verdict is not None for each in guided.blocked):
                # What is left out falls to the default, which closes it.
                self._narrowed(hook, guided.narrowed, (*guided.left_out, *guided.blocked))
                return guided.rules, guided.default
            if lines.exact:
                return self._narrower(hook, family, lines)
        self.problems += refusing.blocked(guided.blocked, self.able, family, hook)
        self._narrowed(hook, guided.narrowed, guided.left_out)
        return guided.rules, guided.default

    def _narrowed(self, hook: Hook, narrowed: Iterable[Blocked], left_out: Iterable[Blocked]) -> None:
        self.notes += (
            f"in part closed, as exceptions from it cannot be said: {_place(each.rule, hook)}" for each in narrowed
        )
        self.notes += (f"left out, it stays closed: {_place(each.rule, hook)}" for each in left_out)

    def _narrower(self, hook: Hook, family: Family, lines: Lines) -> tuple[list[Made], Verdict]:
        made = []
        within = self._within(hook, family)
        for each, line, matched in narrower(lines, family, hook):
            asked = (*tests_of(matched.match), *matched.unsaid)
            if matched.unsaid and (self._space.packets(hook, family, asked) & within).is_empty:
                # It speaks of packets that the target never asks about.
                continue
            if each is not None:
                made.append(each)
            if matched.unsaid:
                what = "widened, it closes more" if each else "left out, it stays closed"
                self.notes.append(f"{what}: {_place(line.rule, hook)}")
        return made, lines.default

    def _within(self, hook: Hook, family: Family) -> PacketSet:
        """The packets that the new rules have to decide."""
        space, shape = self._space, self._shape
        told = self._told[hook, family].firewall
        found = space.meaning(told, hook, family).domain & space.meaning(shape, hook, family).domain
        passing = self.firewall.implicit | shape.implicit
        if passing:
            numbers = normalize((STATES.index(state), STATES.index(state)) for state in passing)
            found = found - space.packets(hook, family, (IntegerTest(Field.STATE, numbers),))
        if self.able.implicit_states or not self.firewall.loopback:
            for test in _OVER_LOOPBACK:
                found = found - space.packets(hook, family, (test,))
        return found - space.packets(hook, family, crossed_icmp(family))

    # --- what the target has no word for ---

    def _unable(self, made: Sequence[Made]) -> Iterator[Diagnostic]:
        if self.request.allow_approximate:
            return
        seen: set[tuple[int, str]] = set()
        for each in made:
            for what, others in self._lacking(each):
                if (id(each.rule), what) not in seen:
                    seen.add((id(each.rule), what))
                    yield refusing.unable(each.rule, what, self.able, others)

    def _lacking(self, made: Made) -> Iterator[tuple[str, list[str]]]:
        able = {name: dialect(name).capabilities for name in DIALECTS}
        if made.match.states and State.NEW not in made.match.states and self.able.implicit_states:
            return
        if made.verdict not in self.able.verdicts:
            yield f'the verdict "{made.verdict}"', [n for n, each in able.items() if made.verdict in each.verdicts]
        match = made.match
        if match.source_ports is not None or match.destination_ports is not None:
            for number in match.protocols:
                if number in PORT_PROTOCOLS and number not in self.able.port_protocols:
                    others = [name for name, each in able.items() if number in each.port_protocols]
                    yield f"{protocol_name(number)} ports", others
        if self.able.dialect == "iptables" and any(each.type == _ANY_ICMP for each in match.icmp):
            yield "ICMP type 255, which its commands take for any type", [n for n in able if n != "iptables"]
        for name in (*match.in_interfaces, *match.out_interfaces):
            if name != LOOPBACK and not re.fullmatch(self.able.interface_pattern, name):
                others = [each for each, can in able.items() if re.fullmatch(can.interface_pattern, name)]
                yield f'the interface name "{name}"', others


def _place(rule: FirewallRule | None, hook: Hook) -> str:
    return f"{rule.span.file}:{rule.span.line}: {rule.text}" if rule else f"the default of {hook}"


def _baseline(text: str, match: Match, verdict: Verdict) -> Rule:
    return Rule(match, verdict, Origin(kind=OriginKind.BASELINE, text=text))

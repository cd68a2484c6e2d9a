"""Rules as tests: what a line of pf.conf asks of a packet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from fwadvisor.diagnostic import Span
from fwadvisor.dialects.reading import conditions
from fwadvisor.dialects.reading.pf.following import DEFAULT_FLAGS
from fwadvisor.dialects.reading.pf.syntax import End, Host, Interface, Rule, Rules
from fwadvisor.dialects.reading.pf.tables import Contents, Tables
from fwadvisor.dialects.reading.pf.variants import NEWER, OLDER, OPENBSD_ONLY, Variants
from fwadvisor.dialects.reading.pf.words import ICMP6_ANSWERS, ICMP_ANSWERS
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    LARGEST,
    AddressTest,
    AddressType,
    AnyOf,
    Condition,
    ConditionTest,
    FamilyTest,
    Field,
    IntegerTest,
    Names,
    NameTest,
    Test,
)
from fwadvisor.model.interval import PORTS, Intervals, normalize, overlaps, subtract, union
from fwadvisor.model.rule import ICMP, ICMPV6, LOOPBACK, TCP, Verdict

_V4, _V6 = Family.IPV4, Family.IPV6
_IPV4, _IPV6 = FamilyTest(_V4), FamilyTest(_V6)
_FAMILY = {4: _IPV4, 6: _IPV6}
_ALL4, _ALL6 = _V4.universe, _V6.universe
_TCP = IntegerTest(Field.PROTOCOL, ((TCP, TCP),))
_NOT_TCP = IntegerTest(Field.PROTOCOL, ((0, TCP - 1), (TCP + 1, 255)))
#: Values of the field ICMP of answers, in IPv4 and in IPv6.
_ANSWER_TYPES = tuple(
    tuple((first * 256, last * 256 + 255) for first, last in types) for types in (ICMP_ANSWERS, ICMP6_ANSWERS)
)
_ANSWERS = tuple(
    (family, IntegerTest(Field.PROTOCOL, ((protocol, protocol),)), IntegerTest(Field.ICMP, types))
    for family, protocol, types in zip((_IPV4, _IPV6), (ICMP, ICMPV6), _ANSWER_TYPES, strict=True)
)
_LOOPBACKS = frozenset({"lo", "lo0"})


@dataclass(frozen=True, slots=True)
class Side:
    """The fields of one end of a packet."""

    word: str
    address: Field
    kind: Field
    port: Field


SOURCE = Side("source", Field.SOURCE, Field.SOURCE_TYPE, Field.SOURCE_PORT)
DESTINATION = Side("destination", Field.DESTINATION, Field.DESTINATION_TYPE, Field.DESTINATION_PORT)


class Meaning:
    """Turns parts of rules into tests.

    Args:
        tables: what tables hold.
        variants: which pf it is.
        opaque: takes what is not understood, by place and reason.
        warn: takes what people should know, by place and text.
    """

    def __init__(
        self,
        tables: Tables,
        variants: Variants,
        opaque: Callable[[Span, str], None],
        warn: Callable[[Span, str], None],
    ) -> None:
        self._tables = tables
        self._variants = variants
        self._opaque = opaque
        self._warn = warn
        self._addresses: dict[tuple[Field, Intervals, Intervals], tuple[Test, ...]] = {}
        self._ports: dict[tuple[Field, Intervals], Test] = {}
        self._table_tests: dict[tuple[str, str, str, bool], tuple[Test, ...]] = {}
        self._protocols: dict[tuple[int, ...], Test] = {}
        self._interfaces: dict[tuple[tuple[Interface, ...], str], tuple[Test, ...]] = {}

    # --- what both directions share -------------------------------------------------------------------

    def common(self, rule: Rule) -> list[Test]:
        """Family, protocol, flags and types: everything but interfaces and the two ends."""
        tests: list[Test] = []
        if rule.family:
            tests.append(_FAMILY[rule.family])
        if rule.protocols:
            test = self._protocols.get(rule.protocols)
            if test is None:
                test = IntegerTest(Field.PROTOCOL, normalize((each, each) for each in rule.protocols))
                self._protocols[rule.protocols] = test
            tests.append(test)
        asked = rule.options
        if asked.icmp is not None:
            if not rule.family:
                tests.append(_IPV6 if asked.icmp6 else _IPV4)
            tests.append(IntegerTest(Field.ICMP, asked.icmp))
        flags = asked.flags
        if flags is None and rule.verdict is Verdict.ACCEPT and asked.state != "no":
            flags = DEFAULT_FLAGS if not rule.protocols or TCP in rule.protocols else None
        if flags is not None:
            tests += flag_tests(rule.protocols, *flags)
        if rule.systems:
            tests += _system_tests(rule)
        if asked.fragment:
            tests.append(ConditionTest(Condition(conditions.FRAGMENT)))
        if asked.tagged is not None:
            tag, negated = asked.tagged
            tests.append(NameTest(Field.TAG, Names(frozenset({tag}), inverted=negated)))
        tests += asked.tests
        if self._keeps_state(rule):
            if self._variants.openbsd:
                tests.append(AnyOf(_ANSWERS, holds=False))
            elif asked.icmp is not None and self._variants.certain(OPENBSD_ONLY) is None:
                self._warn_of_answers(rule, asked.icmp)
        return tests

    def _warn_of_answers(self, rule: Rule, types: Intervals) -> None:
        if overlaps(types, _ANSWER_TYPES[rule.options.icmp6]):
            text = "OpenBSD never matches answers of ICMP with a rule that keeps state; this is read as FreeBSD does"
            self._warn(rule.span, text)

    def _keeps_state(self, rule: Rule) -> bool:
        """Whether OpenBSD never lets the rule match answers of ICMP (pf_icmp_mapping in pf.c)."""
        asked = rule.options
        sloppy = asked.state_options is not None and asked.state_options.sloppy
        icmp = not rule.protocols or not {ICMP, ICMPV6}.isdisjoint(rule.protocols)
        return rule.verdict is Verdict.ACCEPT and asked.state != "no" and not sloppy and icmp

    # --- interfaces ----------------------------------------------------------------------------------

    def interfaces(self, interfaces: tuple[Interface, ...], direction: str) -> tuple[Test, ...]:
        """Tests of the interface that packets come in or go out by; each element is a rule, so any may hold."""
        key = (interfaces, direction)
        found = self._interfaces.get(key)
        if found is None:
            found = self._interfaces[key] = _interface_tests(interfaces, direction)
        return found

    # --- ends ----------------------------------------------------------------------------------------

    def end(self, end: End, side: Side, rule: Rule, scope: Rules) -> list[Test]:
        """Tests of the addresses and ports of one end."""
        tests: list[Test] = []
        if end.hosts is not None:
            tests += self._hosts(end.hosts, side, rule, scope)
            if rule.family and tests and isinstance(tests[0], FamilyTest):
                del tests[0]
        if end.ports is not None and end.ports != PORTS:
            key = (side.port, end.ports)
            test = self._ports.get(key)
            if test is None:
                test = self._ports[key] = IntegerTest(side.port, end.ports)
            tests.append(test)
        return tests

    def box(self, end: End, rule: Rule, scope: Rules) -> tuple[Intervals, Intervals] | None:
        """The addresses of an end where they are known and do not depend on anything."""
        if end.hosts is None:
            return _ALL4, _ALL6
        v4, v6, others = self._split(end.hosts, SOURCE, rule, scope)
        return None if others else (v4, v6)

    def _hosts(self, hosts: tuple[Host, ...], side: Side, rule: Rule, scope: Rules) -> tuple[Test, ...]:
        if len(hosts) > 1 or hosts[0].kind != "table":
            return self._host_tests(hosts, side, rule, scope)
        only = hosts[0]
        key = (side.word, only.name, scope.path, only.negated)
        found = self._table_tests.get(key)
        if found is None:
            found = self._host_tests(hosts, side, rule, scope)
            contents = self._tables.contents(only.name, scope, rule.span)
            if not contents.unknown and not contents.others:
                self._table_tests[key] = found
        return found

    def _host_tests(self, hosts: tuple[Host, ...], side: Side, rule: Rule, scope: Rules) -> tuple[Test, ...]:
        v4, v6, others = self._split(hosts, side, rule, scope)
        if not others:
            return self._address_tests(side.address, v4, v6)
        if any(not tests for tests in others):
            return ()
        if v4 or v6:
            others = [self._address_tests(side.address, v4, v6), *others]
        return others[0] if len(others) == 1 else (AnyOf(tuple(others)),)

    def _address_tests(self, field: Field, v4: Intervals, v6: Intervals) -> tuple[Test, ...]:
        key = (field, v4, v6)
        found = self._addresses.get(key)
        if found is None:
            if v4 == _ALL4 and v6 == _ALL6:
                found = ()
            else:
                test = AddressTest(field, v4, v6)
                found = (test,) if bool(v4) is bool(v6) else (_IPV4 if v4 else _IPV6, test)
            self._addresses[key] = found
        return found

    def _split(
        self, hosts: tuple[Host, ...], side: Side, rule: Rule, scope: Rules
    ) -> tuple[Intervals, Intervals, list[tuple[Test, ...]]]:
        """The known addresses, and alternatives beside them; an alternative without tests always holds."""
        v4: Intervals = ()
        v6: Intervals = ()
        others: list[tuple[Test, ...]] = []
        many4: list[tuple[int, int]] = []
        many6: list[tuple[int, int]] = []
        for host in hosts:
            if host.kind == "network" and not host.scope:
                if not host.negated:
                    many4 += host.v4
                    many6 += host.v6
                elif host.v4:
                    v4 = union(v4, subtract(_ALL4, host.v4))
                elif host.v6:
                    v6 = union(v6, subtract(_ALL6, host.v6))
                else:  # Everything but an empty range.
                    v4, v6 = (_ALL4, v6) if host.name == "IPv4" else (v4, _ALL6)
            elif host.kind == "table":
                contents = self._tables.contents(host.name, scope, rule.span)
                if not host.negated:
                    many4 += contents.v4
                    many6 += contents.v6
                    others += self._more(host.name, contents, side, rule)
                elif contents.others or contents.unknown:
                    inside = [self._address_tests(side.address, contents.v4, contents.v6)]
                    inside += self._more(host.name, contents, side, rule)
                    others.append((AnyOf(tuple(inside), holds=False),))
                else:
                    v4, v6 = union(v4, subtract(_ALL4, contents.v4)), union(v6, subtract(_ALL6, contents.v6))
            elif host.kind == "any":
                others += self._any(hosts, rule)
            else:
                others.append(self._other(host, side, rule))
        if many4:
            v4 = normalize((*v4, *many4)) if v4 or len(many4) > 1 else tuple(many4)
        if many6:
            v6 = normalize((*v6, *many6)) if v6 or len(many6) > 1 else tuple(many6)
        return v4, v6, others

    def _any(self, hosts: tuple[Host, ...], rule: Rule) -> list[tuple[Test, ...]]:
        """``any`` in a list: OpenBSD and FreeBSD 15 take the list for any, older FreeBSD leaves the word out."""
        newer = self._variants.certain(NEWER)
        if newer or all(each.kind == "any" for each in hosts):
            return [()]
        if newer is False:
            return []
        self._opaque(rule.span, '"any" in a list stands for every address, but FreeBSD before 15 leaves it out')
        return [(ConditionTest(Condition('"any" counts in a list', understood=False)),)]

    def _more(self, name: str, contents: Contents, side: Side, rule: Rule) -> list[tuple[Test, ...]]:
        """What a table holds besides addresses."""
        if not contents.unknown:
            return [self._other(each, side, rule) for each in contents.others]
        self._opaque(rule.span, f"the contents of table <{name}> are not known: {contents.unknown}")
        looked_up = conditions.set_lookup(name, ("src" if side is SOURCE else "dst",))
        return [(ConditionTest(Condition(looked_up, understood=False)),)]

    def _other(self, host: Host, side: Side, rule: Rule) -> tuple[Test, ...]:
        """A host that is neither a network nor a table."""
        holds = not host.negated
        match host.kind:
            case "network":
                return self._scoped(host, side, rule)
            case "no-route":
                return (ConditionTest(Condition(f"{side.word} has no route"), holds),)
            case "urpf-failed":
                return (ConditionTest(Condition(conditions.reverse_path(False)), not holds),)
            case "name":
                reason = f'what "{host.name}" stands for is looked up when the rules are loaded'
                self._opaque(rule.span, reason)
                return (ConditionTest(Condition(f"{side.word} is {host.name}", understood=False), holds),)
        if not holds and not host.live:
            reason = f'"! {host.name}" makes a rule for each of its addresses, which lets nearly every address match'
            self._opaque(rule.span, f"{reason}; write ! ({host.name})")
            return (ConditionTest(Condition(f"{side.word} is ! {host.name}", understood=False)),)
        if host.kind == "self":
            return (IntegerTest(side.kind, ((0, 0),) if holds else ((1, 3),)),)
        if host.name == "self:broadcast":
            broadcast = ((AddressType.BROADCAST, AddressType.BROADCAST),)
            others = subtract(((0, LARGEST[side.kind]),), broadcast)
            return (FamilyTest(Family.IPV4), IntegerTest(side.kind, broadcast if holds else others))
        return (ConditionTest(Condition(f"{side.word} is {_interface_words(host.name)}"), holds),)

    def _scoped(self, host: Host, side: Side, rule: Rule) -> tuple[Test, ...]:
        """``fe80::1%em0``: whether the rule is bound to em0 depends on what was looked up before."""
        v6 = subtract(_ALL6, host.v6) if host.negated else host.v6
        tests = self._address_tests(side.address, (), v6)
        if rule.interfaces == ((False, host.scope),):
            return tests
        if self._variants.certain(OLDER) and rule.direction and not rule.interfaces:
            return (*tests, *self.interfaces(((False, host.scope),), rule.direction))
        self._opaque(rule.span, f'whether "%{host.scope}" binds the rule to the interface depends on the lines before')
        return (*tests, ConditionTest(Condition(f"the scope {host.scope} fits", understood=False)))


def _interface_words(name: str) -> str:
    """``em0:network`` for people."""
    name, slash, prefix = name.partition("/")
    interface, *modifiers = name.split(":")
    what = {"network": "a network", "broadcast": "a broadcast address", "peer": "the peer"}
    kind = next((what[each] for each in modifiers if each in what), "an address")
    first = "the first " + kind.split(" ", 1)[1] if "0" in modifiers else kind
    place = "in " if kind == "a network" else ""
    return f"{place}{first} of {interface}{slash}{prefix}"


def _interface_tests(interfaces: tuple[Interface, ...], direction: str) -> tuple[Test, ...]:
    field = Field.IN_INTERFACE if direction == "in" else Field.OUT_INTERFACE
    names: set[str] = set()
    negated: list[str] = []
    others: list[tuple[Test, ...]] = []
    for inverted, name in interfaces:
        if name == "any" and not inverted:
            others.append((NameTest(field, Names(frozenset({LOOPBACK}), inverted=True)),))
        elif name.startswith("rdomain "):
            others.append((ConditionTest(Condition(f"routing domain {name[8:]}"), not inverted),))
        elif not name[-1].isdigit() and name not in _LOOPBACKS:
            others.append((ConditionTest(Condition(f"interface group {name} {direction}"), not inverted),))
        elif inverted:
            negated.append(LOOPBACK if name in _LOOPBACKS else name)
        else:
            names.add(LOOPBACK if name in _LOOPBACKS else name)
    if len(set(negated)) > 1 or names.intersection(negated):
        return ()
    if negated:
        others.append((NameTest(field, Names(frozenset(negated), inverted=True)),))
    elif names:
        others.append((NameTest(field, Names(frozenset(names))),))
    return others[0] if len(others) == 1 else (AnyOf(tuple(others)),)


@cache
def flag_tests(protocols: tuple[int, ...], required: int, examined: int) -> tuple[Test, ...]:
    """The flags byte ANDed with `examined` is `required`; other protocols than TCP are not asked."""
    if not examined:
        return ()
    values = normalize((value, value) for value in range(256) if value & examined == required)
    test = IntegerTest(Field.TCP_FLAGS, values)
    if protocols == (TCP,):
        return (test,)
    return (AnyOf(((_NOT_TCP,), (_TCP, test))),)


def _system_tests(rule: Rule) -> list[Test]:
    tests: list[Test] = [] if rule.protocols == (TCP,) else [_TCP]
    systems = tuple((ConditionTest(Condition(f"operating system {each}")),) for each in rule.systems)
    tests.append(systems[0][0] if len(systems) == 1 else AnyOf(systems))
    return tests

"""Strangers: hosts on the internet that no rule singles out, the interfaces they come over, what is true of them.

What a firewall does with a stranger it does with practically everybody, so "from anywhere" has an exact meaning here:
from every public address that is in no smaller set which some rule names. A rule that lets one partner in is not seen;
a rule for everybody with some exceptions is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias

from fwadvisor.addresses import predefined
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    AddressTest,
    AnyOf,
    Condition,
    ConditionTest,
    Decide,
    Field,
    Firewall,
    FirewallRule,
    Names,
    NameTest,
    Test,
)
from fwadvisor.model.interval import Intervals, intersect, normalize, size, subtract
from fwadvisor.model.rule import LOOPBACK, Verdict
from fwadvisor.packets.overlap_axes import flat

#: Interfaces that lead to machines and networks inside of this one, or through a tunnel.
_INSIDE = ("docker", "br-", "virbr", "veth", "vnet", "cni", "flannel", "cali", "lxc", "lxd", "podman", "wg", "tun",
           "tap", "tailscale", "ipsec", "vti", "enc", "gif", "gre", "bridge")  # fmt: skip
#: Interfaces whose very names say that they lead to the provider.
_OUTSIDE = ("wan", "ppp", "egress", "wwan")


def strangers(firewall: Firewall, family: Family) -> Intervals:
    """The public addresses that no rule singles out as a source; () where rules divide the whole internet.

    Of a test that holds for most of the internet, those are singled out for which it does not hold.
    """
    internet = predefined("internet").of(family)
    half = size(internet) // 2
    named: list[tuple[int, int]] = []
    for values in _sources(firewall, family):
        inside = intersect(values, internet)
        named += inside if size(inside) <= half else subtract(internet, values)
    return subtract(internet, normalize(named))


def _sources(firewall: Firewall, family: Family) -> set[Intervals]:
    """Every set of sources that a rule asks for."""
    return {
        test.of(family)
        for rule in firewall.rules()
        for test in flat(rule.tests)
        if isinstance(test, AddressTest) and test.field is Field.SOURCE
    }


#: Stands at the end of a name for those of which no rule knows more.
_UNNAMED = "\0"


@dataclass(frozen=True, slots=True)
class Door:
    """Interfaces over which strangers come, as names that stand for all that rules do not tell from them.

    A packet comes in where it is accepted over each of `over`. `words` follow "is accepted"; where the door is not
    `sure`, it is not known whether it leads outside.
    """

    over: tuple[str, ...]
    words: str
    sure: bool

    @property
    def name(self) -> str:
        """The interface to show, "" where it is any."""
        return "" if self.over[0].endswith(_UNNAMED) else self.over[0]


def doors(firewall: Firewall) -> tuple[Door, ...]:
    """Where strangers come in, the surest first.

    It is the interface that rules translate addresses out of, or whose name says it. Where nothing tells, a stranger
    must get in over each interface that rules name and over those that they do not; or perhaps over the only one that
    is named, or the one out of which most others may go.
    """
    named = _interfaces(firewall)
    if evidence := sorted(_translated(firewall) | {name for name in named if name.startswith(_OUTSIDE)}):
        return tuple(Door((_standing(name),), f" over {name}", True) for name in evidence)
    candidates = sorted(name for name in named if not name.startswith(_INSIDE))
    everywhere = Door((_UNNAMED, *map(_standing, candidates)), "", True)
    perhaps = candidates[0] if len(candidates) == 1 else _way_out(firewall)
    if not perhaps:
        return (everywhere,)
    return everywhere, Door((_standing(perhaps),), f" over {perhaps}, if that leads there", False)


def _standing(name: str) -> str:
    return name[:-1] + _UNNAMED if name.endswith("*") else name


def through(firewall: Firewall, interface: str) -> Firewall:
    """The firewall as it is to packets that come in over an interface."""
    chains = {
        name: replace(chain, rules=tuple(_simplified(chain.rules, lambda test: _comes(test, interface))))
        for name, chain in firewall.chains.items()
    }
    return replace(firewall, chains=chains)


def _comes(test: Test, interface: str) -> Test | bool:
    if isinstance(test, NameTest) and test.field is Field.IN_INTERFACE:
        return interface in test.names
    return test


def _texts(names: Names) -> set[str]:
    return {*names.names, *(f"{prefix}*" for prefix in names.prefixes)} - {LOOPBACK, ""}


def _interfaces(firewall: Firewall) -> set[str]:
    """The interfaces that rules name but for loopback, prefixes with a star."""
    return {
        name
        for rule in firewall.rules()
        for test in flat(rule.tests)
        if isinstance(test, NameTest) and test.field in (Field.IN_INTERFACE, Field.OUT_INTERFACE)
        for name in _texts(test.names)
    }


def _translated(firewall: Firewall) -> set[str]:
    """The interfaces out of which rules translate sources."""
    return {
        name
        for rule in firewall.rules()
        if any(w.field is Field.TRANSLATION and str(w.value).startswith(("masquerade", "snat")) for w in rule.writes)
        for name in _positive(rule, Field.OUT_INTERFACE)
        if not name.startswith(_INSIDE)
    }


def _way_out(firewall: Firewall) -> str:
    """The interface out of which more others may go anywhere than out of any other, and which itself may not; or ""."""
    feeders: dict[str, set[str]] = {}
    for rule in firewall.rules():
        if not isinstance(rule.action, Decide) or rule.action.verdict is not Verdict.ACCEPT:
            continue
        if not any(isinstance(test, AddressTest) and test.field is Field.DESTINATION for test in flat(rule.tests)):
            for name in _positive(rule, Field.OUT_INTERFACE):
                feeders.setdefault(name, set()).update(_positive(rule, Field.IN_INTERFACE))
    going = {name for names in feeders.values() for name in names}
    ranked = sorted(((len(names), out) for out, names in feeders.items()), reverse=True)
    if not ranked or not ranked[0][0] or ranked[0][1] in going or ranked[0][1].startswith(_INSIDE):
        return ""
    return ranked[0][1] if len(ranked) == 1 or ranked[0][0] > ranked[1][0] else ""


def _positive(rule: FirewallRule, field: Field) -> set[str]:
    return {
        name
        for test in rule.tests
        if isinstance(test, NameTest) and test.field is field and not test.names.inverted
        for name in _texts(test.names)
    }


#: Whether a test holds, or what is left of it.
_Known: TypeAlias = Callable[[Test], Test | bool]


class Truth(Enum):
    """Whether a condition holds for a stranger's ordinary packet."""

    HOLDS = True
    FAILS = False
    #: It may or may not, as the sender likes or as time goes by.
    EITHER = "either"
    #: Nobody can tell from the file.
    DOUBT = "doubt"


#: By how names of conditions begin (`dialects.reading.conditions`), the first that fits.
_TRUTHS = (
    (Truth.EITHER, ("limit ", "hashlimit ", "recent ", "probability ", "packet ", "quota ", "connections above ",
                    "time ", "destination is an address of", "destination is the first address of",
                    "tcp maximum segment ", "tcp option ")),
    (Truth.HOLDS, ("before translation: destination", "pkttype unicast", "reverse path", "interface group egress in",
                   "connection direction original", "fib saddr ")),
    (Truth.FAILS, ("fragment", "pkttype ", "connection direction reply", "connection status ", "destination type ")),
)  # fmt: skip
#: pf's limits, which somebody else may have used up.
_REACHED = re.compile(r"max-[a-z-]+ \S+ reached: .*")
#: What strangers cannot meet, and somebody may.
_OTHERS = ("source mac ", "owner ", "ipsec ", "mark ", "connection mark ", "source is ", "source has no route",
           "remote address ", "interface group ")  # fmt: skip


def truth(condition: Condition, stranger: bool = True) -> Truth:
    """What is known of a condition where a packet comes in as packets do: a stranger's, or anybody's."""
    if _REACHED.fullmatch(condition.name):
        return Truth.FAILS
    if condition.understood:
        for answer, beginnings in _TRUTHS:
            if condition.name.startswith(beginnings):
                return answer
        if condition.name.startswith(_OTHERS):
            return Truth.FAILS if stranger else Truth.EITHER
    return Truth.DOUBT


def limits(condition: Condition, holds: bool) -> bool:
    """Whether only a part of the packets can meet it, however many come."""
    if condition.name.startswith(("hashlimit ", "connections ")):
        return not holds
    return holds and condition.name.startswith(("limit ", "recent ", "probability ", "packet ", "quota "))


def supposing(firewall: Firewall, *, doubt: bool, stranger: bool = True) -> Firewall:
    """The firewall as a stranger meets it, or anybody: conditions replaced by what is known of them.

    With `doubt`, those of which nothing is known count as not understood; else they do not hold.
    """
    chains = {
        name: replace(chain, rules=tuple(_simplified(chain.rules, lambda test: _supposed(test, doubt, stranger))))
        for name, chain in firewall.chains.items()
    }
    return replace(firewall, chains=chains)


def doubtful(firewall: Firewall) -> list[Condition]:
    """The conditions of which nothing is known."""
    asked = {t.condition for rule in firewall.rules() for t in flat(rule.tests) if isinstance(t, ConditionTest)}
    return sorted((each for each in asked if truth(each) is Truth.DOUBT), key=lambda each: each.name)


def is_list(condition: Condition) -> bool:
    """Whether it asks for a set, whose contents the files do not tell."""
    return condition.name.startswith("set ")


def unlisted(firewall: Firewall) -> Firewall:
    """The firewall as those meet it who are in no set of unknown contents."""
    chains = {
        name: replace(chain, rules=tuple(_simplified(chain.rules, _unlisted)))
        for name, chain in firewall.chains.items()
    }
    return replace(firewall, chains=chains)


def _unlisted(test: Test) -> Test | bool:
    return not test.holds if isinstance(test, ConditionTest) and is_list(test.condition) else test


def _supposed(test: Test, doubt: bool, stranger: bool) -> Test | bool:
    if not isinstance(test, ConditionTest):
        return test
    match truth(test.condition, stranger):
        case Truth.HOLDS:
            return test.holds
        case Truth.FAILS:
            return not test.holds
        case Truth.DOUBT if doubt:
            return ConditionTest(Condition(test.condition.name, understood=False), test.holds)
        case Truth.DOUBT:
            return not test.holds
        case _:
            return test


def _simplified(rules: tuple[FirewallRule, ...], known: _Known) -> Iterator[FirewallRule]:
    """The rules, with tests left out that are known to hold, and without those of which one is known not to."""
    for rule in rules:
        tests = _all(rule.tests, known)
        if tests is not None:
            yield rule if len(tests) == len(rule.tests) and tests == rule.tests else replace(rule, tests=tests)


def _all(tests: tuple[Test, ...], known: _Known) -> tuple[Test, ...] | None:
    """What is left to ask, None where something surely does not hold."""
    left: list[Test] = []
    for test in tests:
        found = _one(test, known)
        if found is False:
            return None
        if found is not True:
            left.append(found)
    return tuple(left)


def _one(test: Test, known: _Known) -> Test | bool:
    if not isinstance(test, AnyOf):
        return known(test)
    kept = [found for each in test.alternatives if (found := _all(each, known)) is not None]
    if () in kept:
        return test.holds
    return AnyOf(tuple(kept), test.holds) if kept else not test.holds

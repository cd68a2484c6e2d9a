"""Strangers: hosts on the internet that no rule singles out, the interfaces they come over, what is true of them.

What a firewall does with a stranger it does with practically everybody, so "from anywhere" has an exact meaning here:
from every public address that is in no smaller set which some rule names. A rule that lets one partner in is not seen;
a rule for everybody with some exceptions is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from fwadvisor.addresses import predefined
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    AddressTest,
    AnyOf,
    Condition,
    ConditionTest,
    Field,
    Firewall,
    FirewallRule,
    Names,
    NameTest,
    Test,
)
from fwadvisor.model.interval import Intervals, intersect, normalize, size, subtract
from fwadvisor.model.rule import LOOPBACK
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


@dataclass(frozen=True, slots=True)
class Door:
    """Interfaces over which strangers come.

    Where it is `sure`, a packet counts that is accepted over each of `over`. `words` follow "is accepted".
    """

    over: tuple[NameTest, ...]
    words: str
    sure: bool


def doors(firewall: Firewall) -> tuple[Door, ...]:
    """Where strangers come in, the surest first.

    It is the interface that rules translate addresses out of, or send others' packets to anywhere out of, or whose
    name says it. Where nothing tells, a stranger must get in over each interface that rules name and over those that
    they do not; and where rules name one alone, over that one perhaps.
    """
    if evidence := _evidence(firewall):
        words = " or ".join(sorted(name.rstrip("*") for name in evidence))
        return tuple(Door((_named(name),), f" over {words}", True) for name in sorted(evidence))
    named = _interfaces(firewall)
    others = NameTest(Field.IN_INTERFACE, _names({LOOPBACK, *named}, inverted=True))
    candidates = sorted(name for name in named if not name.startswith(_INSIDE))
    everywhere = Door((others, *map(_named, candidates)), "", True)
    if len(candidates) == 1:
        return everywhere, Door((_named(candidates[0]),), f" over {candidates[0]}", False)
    return (everywhere,)


def _named(name: str) -> NameTest:
    return NameTest(Field.IN_INTERFACE, _names({name}))


def _names(names: set[str], inverted: bool = False) -> Names:
    plain = frozenset(each for each in names if not each.endswith("*"))
    return Names(plain, frozenset(each[:-1] for each in names if each.endswith("*")), inverted)


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


def _evidence(firewall: Firewall) -> set[str]:
    found = {name for name in _interfaces(firewall) if name.startswith(_OUTSIDE)}
    feeders: dict[str, set[str]] = {}
    for rule in firewall.rules():
        out = _positive(rule, Field.OUT_INTERFACE)
        if not out:
            continue
        if any(
            write.field is Field.TRANSLATION and str(write.value).startswith(("masquerade", "snat"))
            for write in rule.writes
        ):
            found |= {name for name in out if not name.startswith(_INSIDE)}
        elif not any(isinstance(test, AddressTest) and test.field is Field.DESTINATION for test in flat(rule.tests)):
            for name in out:
                feeders.setdefault(name, set()).update(_positive(rule, Field.IN_INTERFACE))
    return found or _fed(feeders)


def _fed(feeders: dict[str, set[str]]) -> set[str]:
    """The interface out of which more others go anywhere than out of any other, and which itself does not."""
    going = {name for names in feeders.values() for name in names}
    ranked = sorted(((len(names), out) for out, names in feeders.items()), reverse=True)
    if not ranked or not ranked[0][0] or ranked[0][1] in going or ranked[0][1].startswith(_INSIDE):
        return set()
    return {ranked[0][1]} if len(ranked) == 1 or ranked[0][0] > ranked[1][0] else set()


def _positive(rule: FirewallRule, field: Field) -> set[str]:
    return {
        name
        for test in rule.tests
        if isinstance(test, NameTest) and test.field is field and not test.names.inverted
        for name in _texts(test.names)
    }


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
    (Truth.HOLDS, ("pkttype unicast", "reverse path", "interface group egress in", "connection direction original")),
    (Truth.FAILS, ("fragment", "pkttype ", "source mac ", "owner ", "connection status ", "connection direction reply",
                   "ipsec ", "mark ", "connection mark ", "source is ", "source has no route", "remote address ",
                   "interface group ")),
)  # fmt: skip


def truth(condition: Condition) -> Truth:
    """What is known of a condition where a stranger's packet comes in over an outside interface, as packets do."""
    if condition.understood:
        for answer, beginnings in _TRUTHS:
            if condition.name.startswith(beginnings):
                return answer
    return Truth.DOUBT


def limits(condition: Condition) -> bool:
    """Whether the condition holds for a part of the packets only, however many come."""
    return condition.name.startswith(("limit ", "hashlimit ", "recent ", "probability ", "packet ", "quota "))


def supposing(firewall: Firewall, *, doubt: bool) -> Firewall:
    """The firewall as a stranger meets it: conditions replaced by what is known of them.

    With `doubt`, those of which nothing is known count as not understood; else they do not hold.
    """
    chains = {
        name: replace(chain, rules=tuple(_supposed(chain.rules, doubt))) for name, chain in firewall.chains.items()
    }
    return replace(firewall, chains=chains)


def doubtful(firewall: Firewall) -> list[Condition]:
    """The conditions of which nothing is known."""
    asked = {t.condition for rule in firewall.rules() for t in flat(rule.tests) if isinstance(t, ConditionTest)}
    return sorted((each for each in asked if truth(each) is Truth.DOUBT), key=lambda each: each.name)


def _supposed(rules: tuple[FirewallRule, ...], doubt: bool) -> Iterator[FirewallRule]:
    for rule in rules:
        if not any(isinstance(test, ConditionTest | AnyOf) for test in rule.tests):
            yield rule
            continue
        tests = _all(rule.tests, doubt)
        if tests is not None:
            yield rule if tests == rule.tests else replace(rule, tests=tests)


def _all(tests: tuple[Test, ...], doubt: bool) -> tuple[Test, ...] | None:
    """What is left to ask, None where something surely does not hold."""
    left: list[Test] = []
    for test in tests:
        found = _one(test, doubt)
        if found is False:
            return None
        if found is not True:
            left.append(found)
    return tuple(left)


def _one(test: Test, doubt: bool) -> Test | bool:
    if isinstance(test, ConditionTest):
        match truth(test.condition):
            case Truth.HOLDS:
                return test.holds
            case Truth.FAILS:
                return not test.holds
            case Truth.DOUBT if not doubt:
                return not test.holds
            case Truth.DOUBT:
                return ConditionTest(Condition(test.condition.name, understood=False), test.holds)
            case _:
                return test
    if isinstance(test, AnyOf):
        kept = [found for each in test.alternatives if (found := _all(each, doubt)) is not None]
        if () in kept:
            return test.holds
        return AnyOf(tuple(kept), test.holds) if kept else not test.holds
    return test

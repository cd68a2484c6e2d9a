"""Marks that rules write in a way that is left out: nobody may believe what a test of them finds."""

from __future__ import annotations

import pytest

from fwadvisor.dialects.reading.iptables import read
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.firewall import ConditionTest, Firewall
from fwadvisor.packets import Budget
from fwadvisor.proof.comparison import Answer, compare_firewalls


def firewall(write: str, *asks: str, sets: str = "") -> Firewall:
    """A firewall whose mangle table writes a mark, and whose filter table asks for it; "" writes nothing."""
    mangle = ["*mangle", *([f"-A PREROUTING {write}"] if write else []), "COMMIT"]
    filters = ["*filter", ":INPUT DROP", *(f"-A INPUT {each}" for each in asks), "COMMIT", ""]
    sources = [Source("rules.v4", "\n".join(mangle + filters).encode())]
    return read([Source("sets", sets.encode()), *sources] if sets else sources, {})


def marks(found: Firewall) -> dict[str, bool]:
    """The conditions of the tests, and whether they are understood."""
    tests = (test for rule in found.rules() for test in rule.tests if isinstance(test, ConditionTest))
    return {test.condition.name: test.condition.understood for test in tests}


_BIT = "-m mark --mark 0x1/0x1 -j ACCEPT"
#: Two ways to write a mark, and what asks for it later; the packets that pass are not the same.
CASES = [
    ("-j MARK --set-mark 1", "-j MARK --set-mark 2", _BIT),
    ("-p tcp --dport 22 -j MARK --set-mark 1", "-p tcp --dport 23 -j MARK --set-mark 1", _BIT),
    ("-j MARK --set-mark 1", "", _BIT),
    ("-j MARK --set-mark 1", "-j MARK --set-mark 2", "-m mark ! --mark 0x1/0xff -j ACCEPT"),
    ("-j MARK --or-mark 1", "-j MARK --and-mark 0xfffffffe", _BIT),
    ("-j CONNMARK --restore-mark", "-j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff", _BIT),
    ("-j CONNMARK --restore-mark", "-j MARK --set-mark 1", "-m mark --mark 1 -j ACCEPT"),
    ("-j CONNMARK --save-mark", "-j CONNMARK --set-mark 1", "-m connmark --mark 1 -j ACCEPT"),
    ("-j CONNMARK --set-mark 1", "-j CONNMARK --set-mark 2", "-m connmark --mark 0x1/0x1 -j ACCEPT"),
    ("-j HMARK --hmark-tuple src --hmark-mod 3 --hmark-rnd 1", "-j MARK --set-mark 5", "-m mark --mark 5 -j ACCEPT"),
]


@pytest.mark.parametrize(("one", "other", "asks"), CASES)
def test_files_that_write_differently_are_never_equal(one: str, other: str, asks: str) -> None:
    first, second = firewall(one, asks), firewall(other, asks)
    assert compare_firewalls(first, second, Budget()).answer is Answer.UNKNOWN
    assert first.opaque


@pytest.mark.parametrize("sets", ["create s hash:ip,mark\n", "create other hash:ip\n"])
def test_marks_that_are_looked_up_in_a_set_that_changes(sets: str) -> None:
    asks = "-p udp -j SET --add-set s src,src", "-m set --match-set s src,src -j ACCEPT"
    first, second = (firewall(f"-j MARK --set-mark {value}", *asks, sets=sets) for value in (1, 2))
    assert compare_firewalls(first, second, Budget()).answer is Answer.UNKNOWN
    unmarked = firewall("", *asks, sets=sets)
    assert marks(unmarked) == {"set s (src,src)": True}
    assert compare_firewalls(unmarked, unmarked, Budget()).answer is Answer.EQUAL


def test_a_mark_that_nobody_writes_is_understood() -> None:
    found = firewall("-j CONNMARK --set-mark 1", _BIT, "-m mark --mark 5 -j REJECT", _BIT)
    assert marks(found) == {"mark 0x1/0x1": True, "mark 0x5": True}
    assert not found.opaque
    assert compare_firewalls(found, found, Budget()).answer is Answer.EQUAL


def test_only_the_mark_that_is_written_is_not_understood() -> None:
    asks = _BIT, "-m connmark --mark 1/1 -j ACCEPT", "-m mark ! --mark 1/1 -j REJECT"
    found = firewall("-j MARK --set-mark 1", *asks)
    assert marks(found) == {"mark 0x1/0x1": False, "mark 0x1/0x1 (2)": False, "connection mark 0x1/0x1": True}
    assert [(each.span.line, each.reason) for each in found.opaque] == [
        (6, "rules write the mark, and what this test finds of it is not computed")
    ]


def test_constant_writes_and_ranges_are_computed() -> None:
    asks = "-m mark --mark 0x10/0xfffffff0 -j ACCEPT"
    one, same, other = (firewall(f"-j MARK --set-mark {value}", asks) for value in ("0x11", "0x1f", "0x21"))
    assert compare_firewalls(one, same, Budget()).answer is Answer.EQUAL
    assert compare_firewalls(one, other, Budget()).answer is Answer.DIFFERENT

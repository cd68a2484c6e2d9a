"""Marks that rules write in a way that is left out: nobody may believe what a test of them finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from fwadvisor.model.firewall import AnyOf, Condition, ConditionTest, Firewall, Test
from fwadvisor.packets import Budget
from fwadvisor.proof.comparison import Answer, compare_firewalls

Read = Callable[..., Firewall]
_TEXT = """table inet t {{
    map dyn {{ type ipv4_addr : mark; flags dynamic; }}
    map moves {{ type mark : mark; flags dynamic; }}
    set seen {{ type mark; flags dynamic; }}
    set pairs {{ type mark . inet_service; elements = {{ 1 . 80 }}; }}
    chain input {{ type filter hook input priority 0; policy drop; {} }}
}}"""


def _conditions(tests: tuple[Test, ...]) -> Iterator[Condition]:
    for test in tests:
        if isinstance(test, ConditionTest):
            yield test.condition
        elif isinstance(test, AnyOf):
            for each in test.alternatives:
                yield from _conditions(each)


def _marks(firewall: Firewall) -> dict[str, bool]:
    """The conditions of the tests, and whether they are understood."""
    return {each.name: each.understood for rule in firewall.rules() for each in _conditions(rule.tests)}


#: Two ways to write a mark, and what asks for it later; the packets that pass are not the same.
CASES = [
    ("meta mark set 1", "meta mark set 2", "meta mark & 1 == 1 accept"),
    ("tcp dport 22 meta mark set 1", "tcp dport 23 meta mark set 1", "meta mark & 1 == 1 accept"),
    ("meta mark set 1", "meta mark set 2", "meta mark & 0x1 != 0x1 drop; accept"),
    ("meta mark set 1", "counter", "meta mark & 1 == 1 accept"),
    ("meta mark set meta mark | 0x1", "meta mark set meta mark & 0xfffffffe", "meta mark & 1 == 1 accept"),
    ("meta mark set ct mark", "meta mark set numgen inc mod 2", "meta mark 1 accept"),
    ("meta mark set ct mark", "meta mark set ct mark & 0xf", "meta mark { 1, 5-7 } accept"),
    ("meta mark set ct mark", "meta mark set ct mark & 0xf", "meta mark . tcp dport 1 . 80 accept"),
    ("meta mark set ct mark", "meta mark set ct mark & 0xf", "meta mark . tcp dport @pairs accept"),
    ("meta mark set ct mark", "meta mark set ct mark & 0xf", "meta mark vmap { 1 : accept }"),
    ("meta mark set ct mark", "meta mark set ct mark & 0xf", "ct mark set meta mark map { 1 : 5 }; ct mark 5 accept"),
    ("ct mark set meta mark", "ct mark set meta mark & 0xf", "ct mark 1 accept"),
    ("ct mark set 1", "ct mark set 2", "ct mark & 1 == 1 accept"),
    ("meta mark set 1", "meta mark set 2", "meta mark @seen accept"),
    ("meta mark set 1", "meta mark set 2", "ct mark set meta mark map @moves accept"),
    ("meta mark set ip saddr map @dyn", "meta mark set ip daddr map @dyn", "meta mark 1 accept"),
]


@pytest.mark.parametrize(("one", "other", "asks"), CASES)
def test_files_that_write_differently_are_never_equal(read_text: Read, one: str, other: str, asks: str) -> None:
    first, second = (read_text(_TEXT.format(f"{each}; {asks}")) for each in (one, other))
    assert compare_firewalls(first, second, Budget()).answer is Answer.UNKNOWN
    assert first.opaque


def test_a_mark_that_nobody_writes_is_understood(read_text: Read) -> None:
    firewall = read_text(_TEXT.format("ct mark set 1; meta mark & 1 == 1 accept; meta mark & 1 == 1 meta mark 5 drop"))
    assert _marks(firewall) == {"mark 0x1/0x1": True, "mark 0x5": True}
    assert not firewall.opaque
    assert compare_firewalls(firewall, firewall, Budget()).answer is Answer.EQUAL


def test_only_the_mark_that_is_written_is_not_understood(read_text: Read) -> None:
    text = "meta mark set ct mark; meta mark 1 accept; ct mark & 1 == 1 accept; meta mark 1 accept"
    firewall = read_text(_TEXT.format(text))
    assert _marks(firewall) == {"mark 0x1": False, "mark 0x1 (2)": False, "connection mark 0x1/0x1": True}
    assert [(each.span.line, each.reason) for each in firewall.opaque] == [
        (6, "rules write the mark, and what this test finds of it is not computed")
    ]


def test_constant_writes_and_ranges_are_computed(read_text: Read) -> None:
    one, same, other = (
        read_text(_TEXT.format(f"meta mark set {value}; meta mark & 0xfffffff0 == 0x10 accept"))
        for value in (0x11, 0x1F, 0x21)
    )
    assert compare_firewalls(one, same, Budget()).answer is Answer.EQUAL
    assert compare_firewalls(one, other, Budget()).answer is Answer.DIFFERENT

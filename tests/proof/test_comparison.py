"""What two files mean to each other: pairs that look alike and are not, and pairs that look different and are equal."""

from __future__ import annotations

import pytest

from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import FwadvisorError
from fwadvisor.model.rule import Hook, State
from fwadvisor.packets import Budget
from fwadvisor.proof.comparison import Answer, Comparison, compare_firewalls


def compared(dialect: str, first: str, second: str, other: str = "") -> Comparison:
    one = read_firewall([Source("first", first.encode())], dialect)
    two = read_firewall([Source("second", second.encode())], other or dialect)
    return compare_firewalls(one, two, Budget())


def answer(dialect: str, first: str, second: str, other: str = "") -> Answer:
    there, back = compared(dialect, first, second, other), compared(other or dialect, second, first, dialect)
    assert there.answer is back.answer
    assert len(there.differences) == len(back.differences)
    return there.answer


PF_EQUAL = [
    ("block all\npass in proto tcp\n", "block all\npass in proto tcp flags S/SA keep state\n"),
    ("pass all\nblock in quick proto tcp to port 22\n", "block in quick proto tcp to port = 22\npass\n"),
    ('t = "{ 10.0.0.1 10.0.0.2 }"\nblock\npass from $t\n', "block\npass from 10.0.0.1\npass from 10.0.0.2\n"),
]
PF_DIFFERENT = [
    # Packets that open no connection count as soon as one of the files asks about them.
    ("block all\npass in proto tcp flags any\n", "block all\npass in proto tcp flags S/SA\n"),
    ("block all\npass in proto tcp flags S/SAFR\n", "block all\npass in proto tcp flags S/SA\n"),
    ("block in\npass out\npass in proto tcp flags A/SA no state\n", "block in\npass out\n"),
    ("block all\npass from { !10.0.0.1, !10.0.0.2 }\n", "block all\ntable <t> { 10.0.0.1 10.0.0.2 }\npass from !<t>\n"),
    ("block quick all\npass all\n", "block all\npass all\n"),
    ("block all\npass out all no state\n", "block all\npass out all\n"),
]
PF_UNKNOWN = [
    # Answers to what has no state pass by no state.
    ("block all\npass out proto udp no state\n", "block all\npass out proto udp\n"),
    ("block all\npass out all no state\n", "block all\npass out all no state\n"),
    (
        "rdr on em0 proto tcp to port 80 -> 127.0.0.1 port 8080\nblock all\npass in proto tcp to port 80\n",
        "block all\npass in proto tcp to port 80\n",
    ),
    ('block all\nanchor "ftp-proxy/*"\n', "block all\n"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        *((*pair, Answer.EQUAL) for pair in PF_EQUAL),
        *((*pair, Answer.DIFFERENT) for pair in PF_DIFFERENT),
        *((*pair, Answer.UNKNOWN) for pair in PF_UNKNOWN),
    ],
)
def test_pf(first: str, second: str, wanted: Answer) -> None:
    assert answer("pf", first, second) is wanted


def nft(rules: str, more: str = "") -> str:
    return (
        f"table inet t {{\n chain i {{\n  type filter hook input priority 0; policy drop;\n{rules}\n }}\n{more}\n}}\n"
    )


NFT = [
    (nft("tcp dport { 22, 23 } accept"), nft("tcp dport 22-23 accept"), Answer.EQUAL),
    (nft("tcp dport vmap { 22 : accept, 23 : drop }"), nft("tcp dport 22 accept"), Answer.EQUAL),
    (nft("jump c", " chain c { tcp dport 22 accept; }"), nft("tcp dport 22 accept"), Answer.EQUAL),
    (nft("ip saddr != 10.0.0.0/8 accept"), nft("accept"), Answer.DIFFERENT),
    (nft("ip saddr != 10.0.0.0/8 accept"), nft("ip saddr 10.0.0.0/8 drop\naccept"), Answer.DIFFERENT),
    (nft("tcp flags syn accept"), nft("tcp flags & (syn | ack) == syn accept"), Answer.DIFFERENT),
    (nft('iifname "eth*" accept'), nft('iifname "eth0" accept'), Answer.DIFFERENT),
    (nft("goto c\naccept", " chain c { }"), nft("jump c\naccept", " chain c { }"), Answer.DIFFERENT),
    (nft("accept") + "table bridge b { chain c { type filter hook input priority 0; policy drop; } }\n",
     nft("accept"), Answer.UNKNOWN),
    (nft("accept") + "table ip n { chain p { type nat hook prerouting priority -100; tcp dport 80 redirect; } }\n",
     nft("accept"), Answer.DIFFERENT),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second", "wanted"), NFT)
def test_nftables(first: str, second: str, wanted: Answer) -> None:
    assert answer("nftables", first, second) is wanted


def test_translation_of_what_is_dropped_is_still_a_doubt() -> None:
    """Port 80 becomes 8080, which is dropped: in the addresses that filters see, nothing is decided otherwise."""
    nat = "table ip n { chain p { type nat hook prerouting priority -100; tcp dport 80 redirect to :8080; } }\n"
    assert answer("nftables", nft("tcp dport 80 accept") + nat, nft("tcp dport 80 accept")) is not Answer.EQUAL


def test_one_family_of_iptables_has_nothing_in_common_with_the_other() -> None:
    text = "*filter\n:INPUT DROP [0:0]\nCOMMIT\n"
    four, six = (read_firewall([Source(name, text.encode())], "iptables") for name in ("a.v4", "a.v6"))
    with pytest.raises(FwadvisorError, match="no packet that is in both"):
        compare_firewalls(four, six, Budget())


def test_a_helper_counts_where_it_is_assigned_to_what_is_accepted() -> None:
    helper = 'ct helper h { type "ftp" protocol tcp; }\n chain r { type filter hook input priority -1; %s }\n'
    given = nft("tcp dport { 21, 22 } accept", helper % 'tcp dport 21 ct helper set "h"')
    assert answer("nftables", given, nft("tcp dport { 21, 22 } accept")) is Answer.DIFFERENT
    dropped = nft("tcp dport 22 accept", helper % 'tcp dport 21 ct helper set "h"')
    assert answer("nftables", dropped, nft("tcp dport 22 accept")) is Answer.EQUAL


def test_replies_that_one_dialect_lets_pass_by_itself_are_compared_where_there_can_be_any() -> None:
    without, known = nft("tcp dport 22 accept"), nft("ct state established accept\ntcp dport 22 accept")
    pf = "set skip on lo\nblock drop in all\npass in quick proto tcp to port 22\n"
    assert compared("nftables", without, pf, "pf").answer is Answer.DIFFERENT
    for difference in compared("nftables", known, pf, "pf").differences:
        assert (difference.hook, difference.witness.state) != (Hook.INPUT, State.ESTABLISHED)


WINDOWS = "New-NetFirewallRule -Name '%s' -DisplayName x -Direction Inbound -Action %s -Protocol TCP -LocalPort %s\n"


def test_windows_blocks_before_it_allows_whatever_the_order() -> None:
    block, allow = WINDOWS % ("a", "Block", "22"), WINDOWS % ("b", "Allow", "20-30")
    assert answer("windows", block + allow, allow + block) is Answer.EQUAL
    assert answer("windows", block + allow, allow) is Answer.DIFFERENT

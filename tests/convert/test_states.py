"""Established connections, loopback and neighbours stay open, or nothing is written."""

from __future__ import annotations

import pytest

from fwadvisor.errors import FwadvisorError
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.rule import LOOPBACK, Hook, State, Verdict
from fwadvisor.model.walk import Packet

from .conftest import assert_alike, firewall, read_again, text_of, to

UNTRACKED = """*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A PREROUTING -p udp -m udp --dport 53 -j CT --notrack
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -p udp -m udp --dport 50:60 -j DNAT --to-destination 172.17.0.2
COMMIT
*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p tcp -m tcp --dport 25 -m limit --limit 3/min -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
-A INPUT ! -i docker0 -p tcp -m tcp --dport 8080 -j ACCEPT
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i docker0 -j ACCEPT
COMMIT
"""
UNTRACKED_NFT = """table ip f {
	chain raw {
		type filter hook prerouting priority raw;
		udp dport 53 notrack
	}
	chain nat {
		type nat hook prerouting priority dstnat;
		udp dport 50-60 dnat to 172.17.0.2
	}
	chain input {
		type filter hook input priority filter; policy drop;
		iifname "lo" accept
		ct state established,related accept
		tcp dport 22 accept
	}
}
"""
SOURCES = {
    "iptables": lambda: firewall("iptables", UNTRACKED),
    "nftables": lambda: firewall("nftables", UNTRACKED_NFT),
}


def packet(**more: object) -> Packet:
    usual: dict[str, object] = {
        "hook": Hook.INPUT,
        "family": Family.IPV4,
        "protocol": 6,
        "source": 0x08080808,
        "destination": 0xC0A80001,
        "source_port": 443,
        "destination_port": 40000,
        "in_interface": "eth0",
        "state": State.ESTABLISHED,
        "source_type": 1,
        "destination_type": 0,
    }
    return Packet(**(usual | more))  # type: ignore[arg-type]


REPLIES = [
    packet(),
    packet(protocol=17, source_port=53),
    packet(protocol=1, source_port=0, destination_port=0, state=State.RELATED, icmp_type=3),
    packet(source=0x7F000001, source_type=0, in_interface=LOOPBACK, state=State.NEW),
]


@pytest.mark.parametrize("target", ["iptables", "nftables"])
@pytest.mark.parametrize("name", SOURCES)
def test_replies_stay_where_a_rule_makes_some_packets_untracked(name: str, target: str) -> None:
    source = SOURCES[name]()
    made = to(source, target, filters_only=True, allow_approximate=True)
    text = read_again(made, target)
    for each in REPLIES:
        assert evaluate(source, each).verdict is Verdict.ACCEPT
        assert evaluate(text, each).verdict is Verdict.ACCEPT, each
    assert_alike(source, text, narrower=True)
    untracked = packet(protocol=17, destination_port=53)
    assert evaluate(text, untracked).verdict is Verdict.DROP, "which is untracked, and no rule accepts it"


def test_what_is_left_out_or_closed_in_part_is_named_once_by_its_rule() -> None:
    made = to(SOURCES["iptables"](), "nftables", filters_only=True, allow_approximate=True)
    assert len(set(made.notes)) == len(made.notes)
    assert not any("what a default does" in note for note in made.notes)
    assert [note for note in made.notes if note.startswith("left out")] == [
        "left out, it stays closed: rules:20: -A INPUT -p tcp -m tcp --dport 25 -m limit --limit 3/min -j ACCEPT"
    ]
    in_part = "in part closed, as exceptions from it cannot be said: "
    assert [note.removeprefix(in_part)[:8] for note in made.notes if note.startswith(in_part)] == [
        "rules:18",
        "rules:23",
    ]
    about = text_of(made)
    assert about.count("Mind: left out") == 1


def test_comments_that_are_made_of_rule_texts_keep_what_is_not() -> None:
    text = text_of(to(SOURCES["iptables"](), "nftables", filters_only=True, allow_approximate=True))
    assert "not -i docker0 -p tcp -m tcp --dport 8080" in text
    assert "_" not in text.replace("established_", "").split("chain input")[1].split("chain output")[0]
    other = firewall("nftables", UNTRACKED_NFT.replace("tcp dport 22 accept", "tcp dport != { 22, 23 } accept"))
    assert "tcp dport not (22, 23) accept" in text_of(to(other, "iptables", filters_only=True, allow_approximate=True))


LAST = """*filter
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp --dport 22 -m limit --limit 3/min -j ACCEPT
-A INPUT -m mark --mark 7 -j MARK --set-mark 8
-A INPUT ! -i eth1 -p tcp --dport 80 -j ACCEPT
-A INPUT -j DROP
COMMIT
"""


def test_what_a_last_rule_closes_is_left_out_where_the_default_accepts() -> None:
    source = firewall("iptables", LAST)
    made = to(source, "nftables", allow_approximate=True)
    assert [note[:40] for note in made.notes if "closed" in note] == ["left out, it stays closed: rules:6: -A I"]
    assert "policy drop" in text_of(made)
    assert_alike(source, read_again(made, "nftables"), narrower=True)


CUT = """*filter
:INPUT DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m string --string "x" --algo bm -j DROP
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
"""


def refusal(source: Firewall, target: str) -> tuple[int, str, str]:
    with pytest.raises(FwadvisorError) as problem:
        to(source, target, allow_approximate=True)
    first = problem.value.diagnostics[0]
    assert first.span is not None
    return first.span.line, first.message, first.hint


def test_a_text_that_cuts_every_established_connection_is_refused_with_the_cause() -> None:
    line, message, hint = refusal(firewall("iptables", CUT), "nftables")
    assert (line, message.startswith("the text would cut every established connection that rules accepts here")) == (
        6,
        True,
    )
    assert "string" in hint


def test_a_text_that_closes_loopback_or_neighbour_discovery_is_refused() -> None:
    first, second = CUT.splitlines(keepends=True)[3:5]
    lo = CUT.replace(first + second, second + first)
    assert lo != CUT
    line, message, _ = refusal(firewall("iptables", lo), "nftables")
    assert (line, "everything of the machine to itself" in message) == (5, True)
    neighbours = """table ip6 f {
	chain input {
		type filter hook input priority filter; policy drop;
		iifname "lo" accept
		ct state established,related accept
		ip6 hoplimit 255 icmpv6 type { nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept
		tcp dport 22 accept
	}
}
"""
    line, message, hint = refusal(firewall("nftables", neighbours), "pf")
    assert (line, "neighbour discovery" in message) == (6, True)
    assert "the time to live" in hint


def test_one_protocol_whose_replies_are_cut_is_said_first() -> None:
    udp = CUT.replace("-A INPUT -m string", "-A INPUT -p udp -m string")
    made = to(firewall("iptables", udp), "nftables", allow_approximate=True)
    assert made.notes[0].startswith("cuts every established udp connection that rules:6 accepts")

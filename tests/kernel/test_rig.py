"""The rig proves itself: rules written by hand, whose verdicts are known, right ones and wrong ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_address

import pytest
from rig import BOX, Rig, RigError, agree, probe, silent, state_of, why_not

from fwadvisor.model.address import Family
from fwadvisor.model.rule import ICMP, LOOPBACK, UDP, Hook, State, Verdict
from fwadvisor.model.walk import Packet

ACCEPT, DROP, REJECT = Verdict.ACCEPT, Verdict.DROP, Verdict.REJECT

WAYS = ("input wan0", "input lan0", "input lo", "output wan0", "output lan0", "output lo", "forward wan0 lan0",
        "forward lan0 wan0")  # fmt: skip
ENDS = {
    Family.IPV4: ("203.0.113.7", "198.51.100.1"),
    Family.IPV6: ("[2001:db8::7]", "[2001:db8:1::1]"),
}
PROTOCOLS = ("tcp", "udp", "sctp")

HOOKS = ("input", "output", "forward")

# Port 1 accepts, 2 drops, 3 rejects; everything else meets the policy, which drops.
_NFT_RULES = """
    meta l4proto { tcp, udp, sctp } th dport 1 accept
    meta l4proto { tcp, udp, sctp } th dport 2 drop
    meta l4proto { tcp, udp, sctp } th dport 3 reject
    meta l4proto 47 accept
    meta l4proto { 50, 90 } reject
    icmp type echo-request accept
    icmpv6 type echo-request accept
    icmp type timestamp-request reject
    icmpv6 type 139 reject
"""
NFT = "table inet hand {\n" + "".join(
    f"chain {hook} {{ type filter hook {hook} priority 0; policy drop;\n{_NFT_RULES}\n}}\n" for hook in HOOKS
) + "}\n"  # fmt: skip


def _iptables(icmp: str, echo: str, other: str) -> str:
    rules = []
    for chain in ("INPUT", "OUTPUT", "FORWARD"):
        for protocol in PROTOCOLS:
            for port, verdict in ((1, "ACCEPT"), (2, "DROP"), (3, "REJECT")):
                rules.append(f"-A {chain} -p {protocol} --dport {port} -j {verdict}")
        rules.append(f"-A {chain} -p 47 -j ACCEPT")
        rules.append(f"-A {chain} -p 50 -j REJECT")
        rules.append(f"-A {chain} -p 90 -j REJECT")
        rules.append(f"-A {chain} -p {icmp} --{icmp}-type {echo} -j ACCEPT")
        rules.append(f"-A {chain} -p {icmp} --{icmp}-type {other} -j REJECT")
    policies = ":INPUT DROP\n:OUTPUT DROP\n:FORWARD DROP\n"
    return "*filter\n" + policies + "\n".join(rules) + "\nCOMMIT\n"


V4, V6 = _iptables("icmp", "8", "13"), _iptables("icmpv6", "128", "139")

KNOWN = [
    ("tcp", ":1", ACCEPT), ("tcp", ":2", DROP), ("tcp", ":3", REJECT), ("tcp", ":4", DROP),
    ("udp", ":1", ACCEPT), ("udp", ":2", DROP), ("udp", ":3", REJECT), ("udp", ":4", DROP),
    ("sctp", ":1", ACCEPT), ("sctp", ":2", DROP), ("sctp", ":3", REJECT), ("sctp", ":4", DROP),
    ("47", "", ACCEPT), ("50", "", REJECT), ("90", "", REJECT), ("89", "", DROP),
]  # fmt: skip
KNOWN_ICMP = {
    Family.IPV4: [("icmp/8", "", ACCEPT), ("icmp/13", "", REJECT), ("icmp/15", "", DROP)],
    Family.IPV6: [("icmpv6/128", "", ACCEPT), ("icmpv6/139", "", REJECT), ("icmpv6/135", "", DROP)],
}


def known_verdicts() -> list[tuple[str, Packet, Verdict]]:
    rows = []
    for way in WAYS:
        for family, (source, destination) in ENDS.items():
            for protocol, port, verdict in KNOWN + KNOWN_ICMP[family]:
                sentence = f"{way} {protocol} {source} > {destination}{port}"
                rows.append((sentence, probe(sentence), verdict))
    return rows


def load(rig: Rig, dialect: str) -> None:
    if dialect == "nftables":
        rig.load_nftables(NFT)
    else:
        rig.load_iptables(V4, V6, dialect.removeprefix("iptables-"))


def differences(rig: Rig, rows: list[tuple[str, Packet, Verdict]]) -> list[tuple[str, Verdict, Verdict]]:
    seen = rig.verdicts([packet for _, packet, _ in rows])
    return [(sentence, wanted, got) for (sentence, _, wanted), got in zip(rows, seen, strict=True) if got is not wanted]


@pytest.mark.parametrize("dialect", ["nftables", "iptables-nft", "iptables-legacy"])
def test_every_hook_family_and_protocol_shows_its_verdict(rig: Rig, dialect: str) -> None:
    load(rig, dialect)
    rows = known_verdicts()
    assert len(rows) == len(WAYS) * 2 * 19
    assert differences(rig, rows) == []


def test_nothing_is_filtered_without_rules(rig: Rig) -> None:
    assert set(rig.verdicts([packet for _, packet, _ in known_verdicts()])) == {ACCEPT}


def test_an_ordinary_user_sees_the_same(new_rig: Callable[..., Rig]) -> None:
    rig = new_rig(("wan0", "lan0"), rootless=True)
    for dialect in ("nftables", "iptables-nft", "iptables-legacy"):
        rig.clear()
        load(rig, dialect)
        assert differences(rig, known_verdicts()) == [], dialect


@pytest.mark.parametrize(
    ("wrong", "right", "differing"),
    [
        ("th dport 1 accept", "th dport 1 drop", (":1", ACCEPT, DROP)),
        ("th dport 2 drop", "th dport 2 accept", (":2", DROP, ACCEPT)),
        ("th dport 3 reject", "th dport 3 drop", (":3", REJECT, DROP)),
        ("policy drop", "policy accept", (":4", DROP, ACCEPT)),
    ],
)
def test_a_wrong_ruleset_is_noticed_for_each_packet(
    rig: Rig, wrong: str, right: str, differing: tuple[str, Verdict, Verdict]
) -> None:
    assert wrong in NFT
    rig.load_nftables(NFT.replace(wrong, right))
    port, wanted, got = differing
    rows = [row for row in known_verdicts() if row[0].endswith((":1", ":2", ":3", ":4"))]
    expected = [(sentence, wanted, got) for sentence, _, _ in rows if sentence.endswith(port)]
    assert len(expected) == len(WAYS) * 2 * len(PROTOCOLS)
    assert differences(rig, rows) == expected


@pytest.mark.parametrize("hook", HOOKS)
def test_a_wrong_rule_in_one_chain_shows_only_there(rig: Rig, hook: str) -> None:
    rig.load_nftables(NFT.replace(f"hook {hook} priority 0; policy drop;", f"hook {hook} priority 0; policy accept;"))
    found = differences(rig, known_verdicts())
    assert found
    assert {sentence.split()[0] for sentence, _, _ in found} == {hook}


def test_boundaries_of_addresses_ports_and_interfaces_are_exact(rig: Rig) -> None:
    rig.load_nftables("""
        table inet hand {
          chain input { type filter hook input priority 0; policy drop;
            iifname "wan0" ip saddr 203.0.113.4-203.0.113.6 tcp dport 80-82 accept
            iifname "wan0" ip6 saddr 2001:db8::4-2001:db8::6 udp sport 80-82 accept
          }
        }""")
    for last, port, verdict in [
        (3, 80, DROP), (4, 80, ACCEPT), (6, 82, ACCEPT), (7, 82, DROP), (5, 79, DROP), (5, 83, DROP), (5, 81, ACCEPT),
    ]:  # fmt: skip
        assert rig.verdicts([
            probe(f"input wan0 tcp 203.0.113.{last} > 198.51.100.1:{port}"),
            probe(f"input wan0 udp [2001:db8::{last}]:{port} > 2001:db8:1::1"),
            probe(f"input lan0 tcp 203.0.113.{last} > 198.51.100.1:{port}"),
        ]) == [verdict, verdict, DROP], (last, port)  # fmt: skip


def test_each_probe_is_the_first_packet_of_a_new_flow(rig: Rig) -> None:
    rig.load_nftables("""
        table inet hand {
          chain input { type filter hook input priority 0; policy drop; ct state new accept
          }
          chain output { type filter hook output priority 0; policy drop; ct state new accept
          }
          chain forward { type filter hook forward priority 0; policy drop; ct state new accept
          }
        }""")
    packets = [packet for sentence, packet, _ in known_verdicts() if "/135" not in sentence and "/1 " not in sentence]
    packets += [replace(p, source=p.destination, destination=p.source) for p in packets]
    for _ in range(3):
        assert set(rig.verdicts(packets)) == {ACCEPT}


def test_states_of_lone_packets_are_the_kernels(rig: Rig) -> None:
    packets = [
        replace(probe(f"{way} {name} {source} > {destination}"), icmp_type=kind)
        for way in ("input wan0", "output wan0")
        for name, (source, destination) in (("icmp", ENDS[Family.IPV4]), ("icmpv6", ENDS[Family.IPV6]))
        for kind in range(256)
        if name == "icmp" or kind not in (151, 152)  # kernels differ
    ]
    for state in (State.NEW, State.INVALID, State.UNTRACKED):
        rig.clear()
        rig.load_nftables(
            "table inet hand {\n"
            + "".join(
                f"chain {hook} {{ type filter hook {hook} priority 0; policy drop; ct state {state} accept\n}}\n"
                for hook in ("input", "output")
            )
            + "}\n"
        )
        for packet, verdict in zip(packets, rig.verdicts(packets), strict=True):
            assert (verdict is ACCEPT) == (state_of(packet) is state), (state, packet)


SPECIAL = {
    Family.IPV4: [
        "0.0.0.0", "0.0.0.1", "0.255.255.255", "1.0.0.0", "10.0.0.0", "126.255.255.255", "127.0.0.0", "127.0.0.1",
        "127.255.255.255", "128.0.0.0", "169.254.1.1", "192.0.0.0", "198.18.0.0", "198.18.0.1", "198.18.0.2",
        "198.18.0.255", "198.18.1.1", "198.18.1.255", "223.255.255.255", "224.0.0.0", "224.0.0.1", "224.0.1.41",
        "239.255.255.255", "240.0.0.0", "255.255.255.254", "255.255.255.255",
    ],
    Family.IPV6: [
        "::", "::1", "::2", "::ffff:1.2.3.4", "::1.2.3.4", "64:ff9b::1", "2001:db8::1", "2001:2::", "2001:2::1",
        "2001:2::2", "2001:2:0:1::1", "2002::1", "fc00::1", "fe7f::1", "fe80::", "fe80::1", "febf:ffff::1", "fec0::1",
        "feff:ffff::1", "ff00::1", "ff01::1", "ff02::1", "ff02::fb", "ff05::1", "ff0e::1", "ff0f::1", "ff10::1",
        "ff11::1", "ff1e::1", "ffff::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    ],
}  # fmt: skip


def special_packets() -> Iterator[Packet]:
    for way in ("input wan0", "input lo", "forward wan0 lan0", "output wan0", "output lo"):
        for family, texts in SPECIAL.items():
            for protocol in ("tcp", "udp"):
                source, destination = ENDS[family]
                ordinary = probe(f"{way} {protocol} {source} > {destination}:9")
                for text in texts:
                    yield replace(ordinary, source=int(ip_address(text)))
                    yield replace(ordinary, destination=int(ip_address(text)))


def test_special_addresses_reach_their_hook_or_are_listed(rig: Rig) -> None:
    packets = list(special_packets())
    possible = [packet for packet in packets if not why_not(packet)]
    assert set(rig.verdicts(possible)) == {ACCEPT}
    impossible = [packet for packet in packets if why_not(packet)]
    for packet in impossible[::7]:
        with pytest.raises(RigError, match=r"never came|before the rules|instead"):
            rig.verdicts([packet])
    assert 0 < len(impossible) < len(packets) / 4


def icmp_packets() -> Iterator[Packet]:
    for way in ("input wan0", "output wan0", "forward wan0 lan0"):
        for name, family in (("icmp", Family.IPV4), ("icmpv6", Family.IPV6)):
            source, destination = ENDS[family]
            for kind in range(256):
                yield probe(f"{way} {name}/{kind} {source} > {destination}")


def test_refusals_that_nobody_hears_are_listed(rig: Rig) -> None:
    packets = [packet for packet in (*special_packets(), *icmp_packets()) if not why_not(packet)]
    seen = []
    for form in ("reject", "meta l4proto tcp reject with tcp reset\nreject"):
        chains = "".join(f"chain {hook} {{ type filter hook {hook} priority 0; {form}\n}}\n" for hook in HOOKS)
        rig.clear()
        rig.load_nftables("table inet hand {\n" + chains + "}\n")
        seen.append(rig.verdicts(packets))
    for packet, *verdicts in zip(packets, *seen, strict=True):
        assert set(verdicts) <= {DROP, REJECT}, packet
        assert (DROP in verdicts) == bool(silent(packet)), packet
        assert all(agree(REJECT, verdict, packet) and not agree(ACCEPT, verdict, packet) for verdict in verdicts)


def test_the_kind_of_a_refusal_is_told(rig: Rig) -> None:
    rig.load_nftables("""
        table inet hand {
          chain input { type filter hook input priority 0;
            tcp dport 1 reject with tcp reset
            udp dport 1 reject with icmpx admin-prohibited
            udp dport 2 reject with icmpx port-unreachable
          }
          chain output { type filter hook output priority 0;
            udp sport 2 drop
            meta l4proto { icmp, icmpv6 } @th,0,16 { 0x030d, 0x0101 } drop
          }
        }""")
    outcomes = rig.outcomes([
        probe("input wan0 tcp 203.0.113.7 > 198.51.100.1:1"),
        probe("input wan0 udp 203.0.113.7 > 198.51.100.1:1"),
        probe("input wan0 udp 203.0.113.7 > 198.51.100.1:2"),
        probe("input wan0 udp 2001:db8::7 > [2001:db8:1::1]:1"),
        probe("input wan0 udp 2001:db8::7 > [2001:db8:1::1]:2"),
    ])  # fmt: skip
    assert [(outcome.refusal, outcome.silenced) for outcome in outcomes] == [
        ("tcp-reset", False), ("icmp 3/13", True), ("icmp 3/3", False), ("icmpv6 1/1", True), ("icmpv6 1/4", False),
    ]  # fmt: skip


def test_a_drop_before_routing_is_a_drop_and_a_lost_packet_is_none(rig: Rig) -> None:
    rig.load_nftables("""
        table inet hand {
          chain early { type filter hook prerouting priority raw; tcp dport 1 drop
          }
          chain late { type filter hook postrouting priority 100; tcp dport 2 drop
          }
        }""")
    ways = ("input wan0", "forward wan0 lan0")
    for port, verdict in ((1, DROP), (3, ACCEPT)):
        packets = [probe(f"{way} tcp 203.0.113.7 > 198.51.100.1:{port}") for way in ways]
        assert rig.verdicts(packets) == [verdict, verdict]
    assert rig.verdicts([probe("output wan0 tcp 198.51.100.1 > 203.0.113.7:2")]) == [DROP]


def test_a_broken_link_is_an_error_and_no_verdict(new_rig: Callable[..., Rig]) -> None:
    rig = new_rig(("wan0", "eth7"))
    packet = probe("input eth7 tcp 203.0.113.7 > 198.51.100.1:1")
    assert rig.verdicts([packet]) == [ACCEPT]
    rig.places.ip(BOX, "link set eth7 down")
    with pytest.raises((RigError, OSError)):
        rig.verdicts([packet])


def test_rules_that_do_not_load_are_an_error(rig: Rig) -> None:
    with pytest.raises(RigError, match="syntax error"):
        rig.load_nftables("table inet hand { chain }")
    for variant in ("nft", "legacy"):
        with pytest.raises(RigError, match="restore"):
            rig.load_iptables("*filter\n-A NOSUCH -j ACCEPT\nCOMMIT\n", variant=variant)


def test_thousands_of_probes_in_one_call(rig: Rig) -> None:
    rig.load_nftables("""
        table inet hand {
          chain input { type filter hook input priority 0; policy drop; udp dport 0-32767 accept
          }
        }""")
    ordinary = probe("input wan0 udp 203.0.113.7 > 198.51.100.1:1")
    packets = [replace(ordinary, destination_port=port) for port in range(0, 65536, 3)]
    verdicts = rig.verdicts(packets)
    assert [verdict is ACCEPT for verdict in verdicts] == [packet.destination_port < 32768 for packet in packets]


GATE = """
table inet gate {
  chain input { type filter hook input priority 0; policy drop;
    ct state established accept
    ct state related meta l4proto { icmp, icmpv6 } accept
    RULES
  }
  chain output { type filter hook output priority 0; policy drop;
    ct state established accept
    ct state related meta l4proto { icmp, icmpv6 } accept
    tcp dport 8000 accept
    udp dport { 9, 8000 } accept
    RULES
  }
  chain forward { type filter hook forward priority 0; policy drop;
    ct state established accept
    ct state related meta l4proto { icmp, icmpv6 } accept
    iifname "lan0" tcp dport 8000 accept
    iifname "lan0" udp dport 8000 accept
  }
}
"""
NEIGHBOURS = "icmpv6 type { 133, 134, 135, 136 } accept"


@pytest.mark.parametrize("family", list(Family))
def test_replies_of_accepted_flows_pass_and_nothing_else(rig: Rig, family: Family) -> None:
    rig.load_nftables(GATE.replace("RULES", NEIGHBOURS))
    with rig.live() as live:
        assert live.tcp(BOX, "wan0", 8000, family)
        assert live.udp(BOX, "wan0", 8000, family)
        assert live.tcp("lan0", "wan0", 8000, family)
        assert live.udp("lan0", "wan0", 8000, family)
        assert not live.tcp("wan0", BOX, 8000, family)
        assert not live.tcp("wan0", "lan0", 8000, family)
        assert not live.udp(BOX, "wan0", 8001, family)
        assert not live.udp("wan0", "lan0", 8000, family)


@pytest.mark.parametrize("family", list(Family))
@pytest.mark.parametrize("source", [BOX, "lan0"])
def test_errors_about_accepted_flows_pass(rig: Rig, family: Family, source: str) -> None:
    related = "ct state related meta l4proto { icmp, icmpv6 } accept"
    for rules, arrives in ((GATE, True), (GATE.replace(related, ""), False)):
        rig.clear()
        rig.load_nftables(rules.replace("RULES", NEIGHBOURS))
        with rig.live() as live:
            assert live.error_arrives(source, "wan0", 8000, family) is arrives


def test_neighbours_are_found_only_where_rules_accept_discovery(rig: Rig) -> None:
    for rules, found in (
        (NEIGHBOURS, True),
        ("", False),
        # The usual mistake: discovery is untracked and never new.
        ("ct state new icmpv6 type { 133, 134, 135, 136 } accept", False),
    ):
        rig.clear()
        rig.load_nftables(GATE.replace("RULES", rules))
        with rig.live() as live:
            assert live.neighbours(BOX, "wan0", Family.IPV6, "wan0") is found
            assert live.neighbours("wan0", BOX, Family.IPV6, "wan0") is found
            assert live.neighbours("wan0", BOX, Family.IPV4, "wan0")


@pytest.mark.parametrize("family", list(Family))
def test_ping_works_after_the_neighbours_are_forgotten(rig: Rig, family: Family) -> None:
    echo = NEIGHBOURS + "\nicmp type echo-request accept\nicmpv6 type echo-request accept"
    for rules, answered in ((echo, True), (NEIGHBOURS, False)):
        rig.clear()
        rig.load_nftables(GATE.replace("RULES", rules))
        with rig.live() as live:
            live.forget_neighbours("wan0", family)
            assert live.ping("wan0", BOX, family, "wan0") is answered
            assert live.ping(BOX, "wan0", family) is answered
            assert not live.ping("wan0", "lan0", family)


def test_probes_and_real_traffic_agree(rig: Rig) -> None:
    rig.load_nftables(GATE.replace("RULES", NEIGHBOURS + "\nip saddr 198.18.0.2 udp dport 7000 accept"))
    ways = [("wan0", BOX, f"input wan0 udp 198.18.0.2 > 198.18.0.1:{port}", port) for port in (6999, 7000, 7001)]
    ways += [("lan0", "wan0", f"forward lan0 wan0 udp 198.18.1.2 > 198.18.0.2:{port}", port) for port in (7999, 8000)]
    ways += [(BOX, "wan0", f"output wan0 udp 198.18.0.1 > 198.18.0.2:{port}", port) for port in (7999, 8000)]
    for source, destination, sentence, port in ways:
        with rig.live() as live:
            arrived = live.unsolicited(source, destination, (40000, port), Family.IPV4)
        assert rig.verdicts([probe(sentence)]) == [ACCEPT if arrived else DROP], sentence


def test_a_probe_sentence_says_what_it_means() -> None:
    packet = probe("forward wan0 lan0 udp [2001:db8::1]:53 > [2001:db8::2]:1024")
    assert (packet.hook, packet.in_interface, packet.out_interface) == (Hook.FORWARD, "wan0", "lan0")
    assert (packet.protocol, packet.source_port, packet.destination_port) == (UDP, 53, 1024)
    assert probe("input lo icmp/3/4 127.0.0.1 > 127.0.0.1") == Packet(
        hook=Hook.INPUT,
        family=Family.IPV4,
        protocol=ICMP,
        source=0x7F000001,
        destination=0x7F000001,
        icmp_type=3,
        icmp_code=4,
        in_interface=LOOPBACK,
        state=State.INVALID,
    )
    with pytest.raises(ValueError, match="two families"):
        probe("input wan0 tcp 2001:db8::1 > 192.0.2.1")

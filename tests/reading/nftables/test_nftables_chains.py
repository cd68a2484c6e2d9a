"""What rules do in order: statements, jumps, verdict maps, base chains and their stages."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import Field, Firewall
from fwadvisor.model.walk import Packet

Read = Callable[..., Firewall]
Verdict = Callable[[Firewall, str], str]

_SUB = """
    ct helper ftp-standard { type "ftp" protocol tcp; l3proto inet; }
    limit slow { rate 5/second burst 3 packets; }
    quota much { over 5 kbytes }
    flowtable ft { hook ingress priority 0; devices = { eth0 }; }
    map verdicts { type inet_service : verdict; elements = { 22 : accept, 23 : jump ret, 24 : goto ret } }
    map moving { type inet_service : verdict; flags dynamic; elements = { 22 : accept } }
    map hosts { type inet_service : ipv4_addr; elements = { 80 : 10.0.0.1 } }
    set seen { type ipv4_addr; flags dynamic; }
    set counted { type ipv4_addr; }
    chain ret { tcp sport 1 drop; return; }
    chain mark2 { meta mark set 2; }
    chain mark3 { meta mark set 3; }
"""


def _firewall(read_text: Read, lines: str, policy: str = "drop") -> Firewall:
    return read_text(
        f"table inet t {{ {_SUB} chain c {{ type filter hook input priority 0; policy {policy};\n{lines}\n}} }}"
    )


#: The lines of a chain with policy drop, packets and what becomes of them.
CASES: list[tuple[str, dict[str, str]]] = [
    ("accept", {"4 tcp": "accept"}),
    ("", {"4 tcp": "drop"}),
    ("tcp dport 80 reject; accept", {"4 tcp": "reject", "4 udp": "accept"}),
    ("reject with tcp reset; accept", {"4 tcp": "reject", "4 udp": "accept"}),
    ("reject with icmp type host-unreachable; accept", {"4 tcp": "reject", "6 tcp": "accept"}),
    ("reject with icmpv6 no-route; accept", {"6 tcp": "reject", "4 tcp": "accept"}),
    ("counter packets 5 bytes 6 ip saddr 192.0.2.1 counter accept", {"4 tcp": "accept", "6 tcp": "drop"}),
    ("jump ret; accept", {"4 tcp": "accept", "4 tcp sport 1": "drop"}),
    ("goto ret; accept", {"4 tcp": "drop"}),
    ("tcp dport 80 return; accept", {"4 tcp": "drop", "4 udp": "accept"}),
    ("tcp dport 80 continue; accept", {"4 tcp": "accept"}),
    (
        "tcp dport vmap { 22 : accept, 23 : drop, 24-30 : jump ret, 31 : continue }; tcp dport 24-31 accept",
        {
            "4 tcp dport 22": "accept",
            "4 tcp dport 23": "drop",
            "4 tcp dport 24": "accept",
            "4 tcp dport 31": "accept",
            "4 tcp dport 32": "drop",
            "4 tcp dport 25 sport 1": "drop",
        },
    ),
    ("tcp dport vmap { 22 : drop, * : accept }", {"4 tcp dport 22": "drop", "4 tcp": "accept", "4 udp": "drop"}),
    ("tcp dport vmap { 22 : continue, 23 : drop } accept", {"4 tcp dport 22": "accept", "4 tcp dport 24": "drop"}),
    (
        "tcp dport vmap @verdicts; accept",
        {"4 tcp dport 22": "accept", "4 tcp dport 23": "accept", "4 tcp dport 24": "drop", "4 tcp": "accept"},
    ),
    (
        "ct state vmap { established : accept, related : accept, invalid : drop }; tcp dport 22 accept",
        {"4 tcp established": "accept", "4 tcp dport 22": "accept", "4 tcp dport 22 invalid": "drop"},
    ),
    (
        "ip saddr . tcp dport vmap { 192.0.2.0/24 . 22 : accept, 192.0.2.0/24 . 80 : drop }; accept",
        {"4 tcp": "drop", "4 tcp dport 22": "accept", "6 tcp": "accept"},
    ),
    ("meta mark set 5; meta mark 5 accept", {"4 tcp": "accept"}),
    ("meta mark set 5 meta mark 5 accept", {"4 tcp": "accept"}),
    (
        "meta mark 0 meta mark set 5 tcp dport 80 accept; meta mark 5 tcp dport 81 accept",
        {"4 tcp": "accept", "4 tcp dport 81": "accept", "4 tcp dport 82": "drop"},
    ),
    ("meta mark set meta mark or 0x10; meta mark 0x11 accept", {"4 tcp mark 1": "accept", "4 tcp": "drop"}),
    ("meta mark set meta mark & 0xf0 ^ 0x1; meta mark 0x11 accept", {"4 tcp mark 0x1f": "accept", "4 tcp": "drop"}),
    ("ct mark set 7; ct mark 7 accept", {"4 tcp": "accept"}),
    (
        "meta mark vmap { 0 : jump mark2, 2 : jump mark3 }; meta mark 2 accept",
        {"4 tcp": "accept", "4 tcp mark 2": "drop"},
    ),
    ("meta mark set ct mark; meta mark 0x1 accept", {"4 tcp mark 1": "drop", "4 tcp if mark 0x1": "accept"}),
    ("meta mark set numgen inc mod 2; meta mark { 1, 2 } accept", {"4 tcp if mark 0x2": "accept", "4 tcp": "drop"}),
    ("meta mark set ip saddr map { 192.0.2.1 : 5 } accept", {"4 tcp": "accept", "4 tcp from 10.0.0.1": "drop"}),
    ("ip dscp set cs1; ip dscp cs1 accept", {"4 tcp": "accept", "6 tcp": "drop"}),
    (
        "limit rate 1/second accept; limit rate 1/second accept",
        {"4 tcp": "drop", "4 tcp if limit 1/second burst 5 packets (2)": "accept"},
    ),
    ("limit name slow accept", {"4 tcp if limit 5/second burst 3 packets named slow": "accept", "4 tcp": "drop"}),
    ('quota name "much" accept', {"4 tcp": "accept", "4 tcp if quota 5120 bytes named much": "drop"}),
    ("ip saddr @counted accept; add @counted { ip saddr }", {"4 tcp if set counted (src)": "accept", "4 tcp": "drop"}),
    ("set add ip saddr @counted; ip saddr @counted accept", {"4 tcp if set counted (src)": "accept", "4 tcp": "drop"}),
    (
        "add @seen { ip saddr timeout 5m limit rate over 5/second } drop; accept",
        {"4 tcp": "drop", "4 tcp if limit 5/second burst 5 packets by (src)": "accept", "6 tcp": "accept"},
    ),
    (
        "add @seen { ip saddr ct count over 3 } drop; accept",
        {"4 tcp": "accept", "4 tcp if connections above 3 by source/32": "drop"},
    ),
    (
        "meter m size 5 { ip saddr limit rate 5/second } accept",
        {"4 tcp": "drop", "4 tcp if limit 5/second burst 5 packets by (src)": "accept"},
    ),
    ("tcp dport vmap @moving; accept", {"4 tcp": "accept", "4 tcp if set moving (dst)": "unknown"}),
    ("tcp dport 80 queue num 1 bypass; accept", {"4 tcp": "unknown", "4 udp": "accept"}),
    ("tcp dport 80 synproxy mss 1460 wscale 7; accept", {"4 tcp": "unknown"}),
    ("meta nftrace set 1; meta priority set 1:1; ct zone set 5; flow add @ft; accept", {"4 tcp": "accept"}),
    ("tcp flags syn tcp option maxseg size set rt mtu accept", {"4 tcp": "accept", "4 tcp flags 16": "drop"}),
    ("tcp dport set 22; accept", {"4 tcp if tcp dport set 22": "unknown", "4 udp": "accept"}),
    # A packet of no connection has no mark to compute with; writing a constant is only without effect.
    ("ct mark set ct mark | 0x10 accept", {"4 tcp": "accept", "4 tcp invalid": "drop", "4 tcp untracked": "drop"}),
    ("ct mark set ct mark & 0xf accept", {"4 tcp related": "accept", "4 tcp invalid": "drop"}),
    ("meta mark set ct mark accept", {"4 tcp": "accept", "4 tcp untracked": "drop"}),
    ("meta mark set ct id accept", {"4 tcp": "accept", "4 tcp untracked": "drop"}),
    ("ct mark set 5 accept", {"4 tcp": "accept", "4 tcp invalid": "accept"}),
    ("ct mark set 5; ct mark 5 accept", {"4 tcp": "accept", "4 tcp invalid": "drop", "4 tcp untracked": "drop"}),
    ("ct mark vmap { 0 : accept, 5 : accept }", {"4 tcp": "accept", "4 tcp invalid": "drop"}),
    ('tcp dport 80 accept comment "web # {"', {"4 tcp": "accept"}),
    ("tcp dport 80 \\\n accept # and so on", {"4 tcp": "accept"}),
]


@pytest.mark.parametrize(("lines", "wanted"), CASES, ids=[case[0] for case in CASES])
def test_rules_in_order(read_text: Read, verdict: Verdict, lines: str, wanted: dict[str, str]) -> None:
    firewall = _firewall(read_text, lines)
    assert {words: verdict(firewall, words) for words in wanted} == wanted


def _effects(firewall: Firewall, packet: Packet) -> dict[Field, str]:
    return dict(evaluate(firewall, packet).effects)


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ('log prefix "web: " level info flags tcp sequence,options tcp dport 80 accept', {Field.LOG: "web: "}),
        ("log group 5 accept", {Field.LOG: ""}),
        ('tcp dport 81 log prefix "no" accept', {}),
        ('ct helper set "ftp-standard" accept', {Field.ASSIGNED_HELPER: "ftp"}),
        ("dnat ip to 10.0.0.5", {Field.TRANSLATION: "dnat to 10.0.0.5"}),
        ("tcp dport 80 dnat ip to 10.0.0.5:8080", {Field.TRANSLATION: "dnat to 10.0.0.5:8080"}),
        ("dnat ip6 to [2001:db8::5]:80", {}),
        ("dnat ip to 10.0.0.5-10.0.0.9:80-90 random", {Field.TRANSLATION: "dnat to 10.0.0.5-10.0.0.9:80-90 random"}),
        ("redirect to :8080", {Field.TRANSLATION: "redirect to :8080"}),
        ("masquerade persistent,random", {Field.TRANSLATION: "masquerade persistent random"}),
        ("snat ip to 192.0.2.9", {Field.TRANSLATION: "snat to 192.0.2.9"}),
        ("dnat ip to tcp dport map @hosts", {Field.TRANSLATION: "dnat to tcp dport map @hosts"}),
        ("dnat ip to tcp dport map { 81 : 10.0.0.1 }", {}),
    ],
)
def test_effects(read_text: Read, packet: Callable[[str], Packet], lines: str, wanted: dict[Field, str]) -> None:
    assert _effects(_firewall(read_text, lines, "accept"), packet("4 tcp")) == wanted


def test_chains_of_one_hook_follow_their_priority_and_equal_ones_the_last_first(
    read_text: Read, verdict: Verdict
) -> None:
    """Measured: the kernel asks the chain first that was registered last."""
    text = """
        table inet t {{
            chain a {{ type filter hook input priority {}; policy accept; meta mark set 1
            }}
            chain b {{ type filter hook input priority {}; policy accept; meta mark 1 drop
            }}
        }}"""
    assert verdict(read_text(text.format("filter - 1", "filter")), "4 tcp") == "drop"
    assert verdict(read_text(text.format("filter + 1", "filter")), "4 tcp") == "accept"
    assert verdict(read_text(text.format("mangle", "raw")), "4 tcp") == "accept"
    assert verdict(read_text(text.format("-5", "0")), "4 tcp") == "drop"
    assert verdict(read_text(text.format("0", "0")), "4 tcp") == "accept"


def test_tables_of_all_families_are_asked_together(read_text: Read, verdict: Verdict) -> None:
    firewall = read_text("""
        table ip a { chain c { type filter hook input priority 0; tcp dport 22 drop; } }
        table ip6 b { chain c { type filter hook input priority 0; tcp dport 23 drop; } }
        table inet a { chain c { type filter hook input priority 5; tcp dport 24 drop; } }
        table inet off { flags dormant; chain c { type filter hook input priority 0; policy drop; } }
    """)
    asked = {words: verdict(firewall, words) for words in ("4 tcp dport 22", "4 tcp dport 23", "4 tcp dport 24")}
    assert asked == {"4 tcp dport 22": "drop", "4 tcp dport 23": "accept", "4 tcp dport 24": "drop"}
    assert [verdict(firewall, f"6 tcp dport {port}") for port in (22, 23, 24)] == ["accept", "drop", "drop"]
    assert ["dormant" in each.message for each in firewall.warnings] == [True]


def test_each_declaration_of_a_table_says_all_of_its_flags(read_text: Read, verdict: Verdict) -> None:
    body = "chain c { type filter hook input priority 0; policy drop; }"
    for text, wanted in (
        (f"table inet t {{ flags dormant; {body} }}", "accept"),
        (f"table inet t {{ flags dormant; {body} }}\nadd table inet t", "drop"),
        (f"table inet t {{ flags dormant; {body} }}\ntable inet t {{ chain d {{ }} }}", "drop"),
        (f"table inet t {{ flags dormant; {body} }}\nadd chain inet t d", "accept"),
        (f"table inet t {{ {body} }}\ntable inet t {{ flags dormant; }}", "accept"),
        (f"table inet t {{ flags owner; {body} }}", "drop"),
        (f"table inet t {{ flags owner,dormant; {body} }}", "accept"),
    ):
        assert verdict(read_text(text), "4 tcp") == wanted, text


def test_a_flag_of_a_table_is_known(problems: Callable[..., list[str]]) -> None:
    assert problems("table inet t { flags dormat; }") == [
        '1:22 "dormat" is no flag of a table (did you mean "dormant"?)'
    ]


@pytest.mark.parametrize(
    ("flags", "wanted"),
    [
        ({}, "drop"),
        ({"flags": "dormant"}, "accept"),
        ({"flags": ["owner", "dormant"]}, "accept"),
        ({"flags": "owner"}, "drop"),
        ({"flags": ["owner", "persist"]}, "drop"),
        # nft 1.0.6 lists the table's own name, whatever its flag is.
        ({"flags": "t"}, "unknown"),
        ({"flags": ["owner", "sleeping"]}, "unknown"),
        ({"flags": ""}, "unknown"),
    ],
)
def test_a_flag_of_json_that_is_not_known_leaves_it_open_whether_a_table_sleeps(
    read_text: Read, verdict: Verdict, flags: dict[str, object], wanted: str
) -> None:
    base = {"type": "filter", "hook": "input", "prio": 0, "policy": "drop"}
    table = {"family": "inet", "name": "t"}
    commands = [{"table": table | flags}, {"chain": {"family": "inet", "table": "t", "name": "c"} | base}]
    commands.append({"chain": {"family": "inet", "table": "t", "name": "inner"}})
    firewall = read_text(json.dumps({"nftables": commands}))
    assert verdict(firewall, "4 tcp") == wanted
    assert [each.reason for each in firewall.opaque if "dormant is not known" in each.reason] == [
        each.reason for each in firewall.opaque
    ]
    assert bool(firewall.opaque) is (wanted == "unknown")


def test_a_json_flag_that_is_no_word_is_refused(problems: Callable[..., list[str]]) -> None:
    for flags in (1, [["dormant"]], {"dormant": True}, 'a"b'):
        text = json.dumps({"nftables": [{"table": {"family": "inet", "name": "t", "flags": flags}}]})
        (found,) = problems(text)
        assert "a name is expected" in found


def test_bridge_and_arp_are_opaque_and_decide_nothing(read_text: Read, verdict: Verdict) -> None:
    firewall = read_text("""
        table bridge b { chain c { type filter hook forward priority -200; policy drop; } }
        table arp a { chain c { type filter hook input priority 0; policy drop; } }
    """)
    assert [each.span.line for each in firewall.opaque] == [2, 3]
    assert verdict(firewall, "4 tcp") == "accept"


@pytest.mark.parametrize(
    ("chain", "wanted"),
    [
        ("policy accept; ip saddr 10.0.0.1 drop;", "unknown"),
        ("policy drop;", "unknown"),
        ("policy accept; counter;", "accept"),
    ],
)
def test_what_ingress_may_drop_is_unknown(read_text: Read, verdict: Verdict, chain: str, wanted: str) -> None:
    firewall = read_text(
        f'table netdev n {{ chain in0 {{ type filter hook ingress device "eth0" priority -500; {chain} }} }}'
    )
    assert len(firewall.opaque) == 1
    assert verdict(firewall, "4 tcp if ingress netdev n in0") == wanted
    assert verdict(firewall, "4 tcp in eth1 if ingress netdev n in0") == "accept"


# --- stages ----------------------------------------------------------------------------------------

_STAGED = """
table inet t {{
    chain early {{ type filter hook {hook} priority {priority}; policy accept; {rule}; jump shared; }}
    chain shared {{ ct state new tcp dport 1 drop; }}
    chain late {{ type filter hook input priority 0; policy accept; jump shared; ct state untracked tcp dport 2 drop; }}
    {nat}
}}"""


def _staged(read_text: Read, rule: str, hook: str = "prerouting", priority: str = "raw", nat: str = "") -> Firewall:
    return read_text(_STAGED.format(hook=hook, priority=priority, rule=rule, nat=nat))


@pytest.mark.parametrize(
    ("rule", "words", "wanted"),
    [
        ("ct state invalid drop", "4 tcp", "drop"),
        ("ct state established accept", "4 tcp dport 1 established", "accept"),
        ("ct state new drop", "4 tcp", "accept"),
        ("ct state != new drop", "4 tcp", "drop"),
        ("ct mark != 5 drop", "4 tcp", "accept"),
        ("ct status dnat drop", "4 tcp if connection status dnat", "accept"),
        ('ct helper != "ftp" drop', "4 tcp related helper sip", "accept"),
        ("tcp dport 2 notrack", "4 tcp dport 2", "drop"),
        ("tcp dport 2 notrack ct state untracked accept", "4 tcp dport 2", "drop"),
        ("tcp dport 3 notrack; ct state untracked drop", "4 tcp dport 3", "drop"),
        ("tcp dport 3 notrack; ct state untracked drop", "4 tcp dport 4", "accept"),
        ("oifname != eth1 drop", "4 tcp hook forward out eth1", "drop"),
        ("oifname eth1 drop", "4 tcp hook forward out eth1", "accept"),
    ],
)
def test_before_connection_tracking_no_connection_is_known(
    read_text: Read, verdict: Verdict, rule: str, words: str, wanted: str
) -> None:
    assert verdict(_staged(read_text, rule), words) == wanted


def test_a_chain_that_two_stages_share_is_read_for_each(read_text: Read, verdict: Verdict) -> None:
    firewall = _staged(read_text, "counter")
    assert verdict(firewall, "4 tcp dport 1") == "drop"
    assert {"inet t shared", "inet t shared (prerouting, before tracking)"} <= set(firewall.chains)


def test_notrack_after_tracking_changes_only_what_has_no_connection(read_text: Read, verdict: Verdict) -> None:
    firewall = _staged(read_text, "tcp dport 2 notrack", priority="mangle")
    assert verdict(firewall, "4 tcp dport 2 new") == "accept"
    assert verdict(firewall, "4 tcp dport 2 invalid") == "drop"


_DNAT = "chain nat { type nat hook prerouting priority dstnat; tcp dport 9 redirect to :10; }"
_SNAT = "chain nat { type nat hook postrouting priority srcnat; masquerade; }"


def test_addresses_before_their_translation_are_conditions(read_text: Read, verdict: Verdict) -> None:
    rule = "ip daddr 198.51.100.1 tcp dport 9 drop"
    assert verdict(_staged(read_text, rule, priority="mangle"), "4 tcp dport 9") == "drop"
    firewall = _staged(read_text, rule, priority="mangle", nat=_DNAT)
    assert verdict(firewall, "4 tcp dport 9") == "accept"
    both = "before translation: destination 198.51.100.1; before translation: destination-port 9"
    assert verdict(firewall, f"4 tcp if {both}") == "drop"
    assert any("translation" in each.message for each in firewall.warnings)


@pytest.mark.parametrize(
    ("rule", "words", "exact"),
    [
        ("tcp dport 9 drop", "4 tcp dport 9", False),
        ("tcp dport 10 drop", "4 tcp dport 10", False),
        ("tcp dport 11 drop", "4 tcp dport 11", True),
        ("udp dport 9 drop", "4 udp dport 9", True),
        ("tcp dport { 10, 12 } drop", "4 tcp dport 12", False),
        ("tcp dport != 9 drop", "4 tcp dport 12", False),
    ],
)
def test_what_meets_no_translated_packet_is_asked_exactly(
    read_text: Read, verdict: Verdict, rule: str, words: str, exact: bool
) -> None:
    firewall = _staged(read_text, rule, priority="mangle", nat=_DNAT)
    assert verdict(firewall, words) == ("drop" if exact else "accept")
    assert verdict(firewall, f"{words} established") == "accept"


def test_addresses_after_their_translation_are_conditions(read_text: Read, verdict: Verdict) -> None:
    firewall = _staged(read_text, "ip saddr 192.0.2.1 drop", hook="postrouting", priority="300", nat=_SNAT)
    words = "4 tcp hook forward out eth1"
    assert verdict(firewall, words) == "accept"
    assert verdict(firewall, f"{words} if after translation: source 192.0.2.1") == "drop"


def test_chains_of_type_nat_see_only_what_opens_a_connection(read_text: Read, verdict: Verdict) -> None:
    firewall = read_text("table ip t { chain c { type nat hook input priority 0; policy drop; tcp dport 80 accept; } }")
    assert verdict(firewall, "4 tcp") == "accept"
    assert verdict(firewall, "4 udp") == "drop"
    assert verdict(firewall, "4 udp established") == "accept"


def test_every_rule_says_where_it_stands_and_how_it_reads(read_text: Read) -> None:
    firewall = read_text(
        'table inet t {\n  chain c {\n    tcp dport vmap { 22 : accept,\n 23 : drop } comment "x"\n }\n}\n'
    )
    first, second = firewall.chains["inet t c"].rules
    assert str(first.span) == "test.nft:3:5"
    assert first.text == 'tcp dport vmap { 22 : accept, 23 : drop } comment "x"'
    assert first.comment == second.comment == "x"
    assert first.span.source == "    tcp dport vmap { 22 : accept,"


def test_offloading_is_warned_of(read_text: Read) -> None:
    firewall = _firewall(read_text, "flow add @ft")
    assert any("offload" in each.message for each in firewall.warnings)

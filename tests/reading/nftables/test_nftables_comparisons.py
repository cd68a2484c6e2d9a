"""Each kind of comparison: a rule, packets that it takes and packets that it leaves."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fwadvisor.model.firewall import Firewall

Read = Callable[..., Firewall]
Verdict = Callable[[Firewall, str], str]

#: Table family and the tests of a rule; packets that are taken; packets that are left.
CASES = [
    ("inet", "tcp dport 22", ["4 tcp dport 22", "6 tcp dport 22"], ["4 tcp dport 23", "4 udp dport 22"]),
    ("inet", "tcp dport ssh", ["4 tcp dport 22"], ["4 tcp dport 80"]),
    ("inet", "tcp dport != 22", ["4 tcp dport 23"], ["4 tcp dport 22", "4 udp dport 23"]),
    ("inet", "tcp dport 22-24", ["4 tcp dport 22", "4 tcp dport 24"], ["4 tcp dport 21", "4 tcp dport 25"]),
    ("inet", "tcp dport != 22-24", ["4 tcp dport 21"], ["4 tcp dport 23"]),
    ("inet", "tcp dport > 1000", ["4 tcp dport 1001"], ["4 tcp dport 1000"]),
    ("inet", "tcp dport ge 1000 tcp dport le 1001", ["4 tcp dport 1001"], ["4 tcp dport 1002", "4 tcp dport 999"]),
    ("inet", "tcp sport { 1, 5-6 }", ["4 tcp sport 6"], ["4 tcp sport 4"]),
    ("inet", "tcp dport != { 22, 80 }", ["4 tcp dport 23"], ["4 tcp dport 80", "4 udp dport 23"]),
    ("inet", "udplite dport 5", ["4 udplite dport 5"], ["4 udp dport 5"]),
    ("inet", "sctp dport 5", ["4 sctp dport 5"], ["4 tcp dport 5"]),
    ("inet", "dccp sport 5", ["4 dccp sport 5"], ["4 dccp sport 6"]),
    ("inet", "meta l4proto { tcp, udp } th dport 53", ["4 tcp dport 53", "6 udp dport 53"], ["4 sctp dport 53"]),
    ("inet", "th dport 53", ["4 tcp dport 53", "4 sctp dport 53", "4 gre if th dport 53"], ["4 gre", "4 tcp dport 5"]),
    ("inet", "@th,16,16 53", ["4 tcp dport 53"], ["4 tcp dport 54", "4 gre"]),
    ("inet", "meta l4proto icmp th dport 5", ["4 icmp if th dport 5"], ["4 icmp", "4 tcp dport 5"]),
    ("inet", "meta l4proto != tcp", ["4 udp"], ["4 tcp"]),
    ("inet", "meta l4proto 6-17", ["4 udp", "4 tcp"], ["4 gre"]),
    ("inet", "ip protocol tcp", ["4 tcp"], ["6 tcp", "4 udp"]),
    ("inet", "ip6 nexthdr tcp", ["6 tcp"], ["4 tcp", "6 udp", "6 tcp if IPv6 extension headers"]),
    ("inet", "ip6 nexthdr != tcp", ["6 udp", "6 tcp if IPv6 extension headers"], ["6 tcp", "4 udp"]),
    ("inet", "ip6 nexthdr { tcp, 44 }", ["6 tcp", "6 udp if ip6 nexthdr 44"], ["6 udp"]),
    ("inet", "ip saddr 10.0.0.0/8", ["4 tcp from 10.255.0.1"], ["4 tcp from 11.0.0.1", "6 tcp"]),
    ("inet", "ip saddr 10.1.1.1/8", ["4 tcp from 10.255.0.1"], ["4 tcp from 11.0.0.1"]),
    ("inet", "ip saddr != 10.0.0.0/8", ["4 tcp from 11.0.0.1"], ["4 tcp from 10.255.0.1", "6 tcp"]),
    ("inet", "ip saddr { 10.0.0.1-10.0.0.5, 10.0.0.9 }", ["4 tcp from 10.0.0.5"], ["4 tcp from 10.0.0.6"]),
    ("inet", "ip saddr & 255.0.0.0 == 10.0.0.0", ["4 tcp from 10.9.9.9"], ["4 tcp from 9.9.9.9"]),
    ("inet", "ip saddr & 0.0.0.255 == 5", ["4 tcp if ip saddr & 0xff 0x5"], ["4 tcp"]),
    ("inet", "ip daddr eq 198.51.100.1", ["4 tcp"], ["4 tcp to 198.51.100.2"]),
    ("inet", "ip6 saddr fe80::/10", ["6 tcp from febf::1"], ["6 tcp", "4 tcp"]),
    ("inet", "ip6 daddr != { ::1, 2001:db8::/64 }", ["6 tcp to ::2"], ["6 tcp", "4 tcp"]),
    ("ip", "ip saddr 10.0.0.1", ["4 tcp from 10.0.0.1"], ["4 tcp"]),
    ("inet", "meta nfproto ipv4", ["4 tcp"], ["6 tcp"]),
    ("inet", "meta nfproto 10", ["6 tcp"], ["4 tcp"]),
    ("inet", "meta nfproto != ipv4", ["6 tcp"], ["4 tcp"]),
    ("inet", "meta protocol { ip, ip6 }", ["4 tcp", "6 tcp"], []),
    ("inet", "meta protocol ip6", ["6 tcp"], ["4 tcp"]),
    ("inet", "ip version 4", ["4 tcp"], ["6 tcp"]),
    ("inet", "ct state new", ["4 tcp new"], ["4 tcp established"]),
    # Both ports as one number: how nft lists th sport and th dport after several protocols.
    ("inet", "meta l4proto { tcp, udp } @th,0,32 0x9c400050", ["4 tcp", "6 udp"], ["4 tcp sport 1", "4 udp dport 81"]),
    ("inet", "meta l4proto { tcp, udp } @th,0,32 != 0x9c400050", ["4 tcp sport 1", "4 tcp dport 81"], ["4 tcp"]),
    (
        "inet",
        "meta l4proto tcp @th,0,32 0x9c3fffff-0x9c420050",
        ["4 tcp sport 39999 dport 65535", "4 tcp sport 40001", "4 tcp sport 40002 dport 80", "4 tcp dport 0"],
        ["4 tcp sport 39999", "4 tcp sport 40002 dport 81", "4 tcp sport 40003", "4 icmp"],
    ),
    (
        "inet",
        "meta l4proto udp @th,0,32 { 0x9c400050, 0x10002 }",
        ["4 udp", "4 udp sport 1 dport 2"],
        ["4 udp sport 1"],
    ),
    (
        "inet",
        "@th,0,32 0x9c400050",
        ["4 tcp", "4 icmp if th sport 40000; th dport 80"],
        ["4 tcp sport 1", "4 icmp if th sport 40000"],
    ),
    ("inet", "ct state established,related", ["4 tcp related"], ["4 tcp new", "4 tcp untracked"]),
    ("inet", "ct state established|related", ["4 tcp related"], ["4 tcp new"]),
    ("inet", "ct state { established, related }", ["4 tcp established"], ["4 tcp invalid"]),
    ("inet", "ct state == new", ["4 tcp new"], ["4 tcp related"]),
    ("inet", "ct state != new", ["4 tcp invalid"], ["4 tcp new"]),
    # A packet has one state, so none is two at once: the kernel compares with the bits of both.
    ("inet", "ct state != established,related", ["4 tcp established", "4 tcp new"], []),
    ("inet", "ct state ! established,related", ["4 tcp new"], ["4 tcp established"]),
    ("inet", "ct state & (established|related) == established", ["4 tcp established"], ["4 tcp related"]),
    ("inet", "ct state & new != 0", ["4 tcp new"], ["4 tcp related"]),
    ("inet", "ct state 0x8", ["4 tcp new"], ["4 tcp related"]),
    ("inet", "ct state { new }", ["4 tcp new"], ["4 tcp related"]),
    ("inet", 'ct helper "ftp"', ["4 tcp related helper ftp"], ["4 tcp related", "4 tcp related helper sip"]),
    ("inet", 'ct helper != "ftp"', ["4 tcp related helper sip"], ["4 tcp related", "4 tcp related helper ftp"]),
    ("inet", "ct mark 5", ["4 tcp ctmark 5"], ["4 tcp"]),
    # Without a connection there is nothing to compare, whatever the comparison is.
    ("inet", "ct mark != 5", ["4 tcp", "4 tcp related"], ["4 tcp ctmark 5", "4 tcp invalid", "4 tcp untracked"]),
    ("inet", "ct mark { 0, 5 }", ["4 tcp", "4 tcp ctmark 5"], ["4 tcp invalid", "4 tcp untracked"]),
    ("inet", "ct mark & 0xfffffff0 == 0", ["4 tcp ctmark 5"], ["4 tcp ctmark 16", "4 tcp invalid", "4 tcp untracked"]),
    ("inet", "ct mark & 0xf0 != 0x10", ["4 tcp"], ["4 tcp invalid", "4 tcp if connection mark 0x10/0xf0"]),
    ("inet", "ip saddr . ct mark != { 192.0.2.1 . 5 }", ["4 tcp"], ["4 tcp ctmark 5", "4 tcp invalid"]),
    ("inet", "ct zone != 5", ["4 tcp"], ["4 tcp untracked", "4 tcp if connection zone 5"]),
    ("inet", "ct direction original", ["4 tcp if connection direction original"], ["4 tcp", "4 tcp invalid"]),
    ("inet", "ct direction != reply", ["4 tcp"], ["4 tcp invalid", "4 tcp if connection direction reply"]),
    ("inet", "ct bytes != 0-9", ["6 tcp"], ["6 tcp invalid", "6 tcp if connection bytes both 0-9"]),
    ("inet", "ct protocol != tcp", ["4 tcp"], ["4 tcp invalid", "4 tcp if connection original protocol 6"]),
    ("inet", "ct original protocol != tcp", ["4 tcp"], ["4 tcp if connection original protocol 6"]),
    ("inet", "ct direction reply", ["4 tcp if connection direction reply"], ["4 tcp"]),
    ("inet", "ct status dnat", ["4 tcp if connection status dnat"], ["4 tcp"]),
    ("inet", "ct status dnat,snat", ["4 tcp if connection status snat"], ["4 tcp"]),
    ("inet", "ct status & (dnat|snat) == 0", ["4 tcp"], ["4 tcp invalid", "4 tcp if connection status snat"]),
    ("inet", "ct status ! dnat", ["4 tcp"], ["4 tcp untracked", "4 tcp if connection status dnat"]),
    ("inet", "ct original ip saddr 192.0.2.0/24", ["4 tcp if connection original source 192.0.2.0/24"], ["4 tcp"]),
    # The connection has no address of the other family.
    ("inet", "ct original ip saddr != 192.0.2.0/24", ["4 tcp"], ["6 tcp", "4 tcp invalid"]),
    ("inet", "ct reply ip6 daddr != ::/64", ["6 tcp"], ["4 tcp", "6 tcp if connection reply destination ::/64"]),
    ("inet", "ct reply proto-dst 22", ["4 tcp if connection reply destination port 22"], ["4 tcp"]),
    ("inet", "ct zone 5", ["4 tcp if connection zone 5"], ["4 tcp"]),
    ("inet", "ct bytes < 1001", ["4 tcp if connection bytes both 0-1000"], ["4 tcp"]),
    ("inet", "ct count over 10", ["4 tcp if connections above 10"], ["4 tcp"]),
    ("inet", "ct count 10", ["4 tcp"], ["4 tcp if connections above 10"]),
    ("inet", 'iifname "eth0"', ["4 tcp in eth0"], ["4 tcp in eth1"]),
    ("inet", 'iifname "eth*"', ["4 tcp in eth17"], ["4 tcp in wlan0"]),
    ("inet", 'iifname "l*"', ["4 tcp in lo"], ["4 tcp in eth0"]),
    ("inet", 'iifname != { "eth*", lo }', ["4 tcp in wlan0"], ["4 tcp in eth0", "4 tcp in lo"]),
    ("inet", "iif lo", ["4 tcp in lo"], ["4 tcp in eth0"]),
    ("inet", "iif 1", ["4 tcp in lo"], ["4 tcp in eth0"]),
    ("inet", 'oifname != "eth0"', ["4 tcp"], ["4 tcp hook forward out eth0"]),
    ("inet", "meta mark 0x5", ["4 tcp mark 5"], ["4 tcp"]),
    ("inet", "mark 1-5", ["4 tcp mark 3"], ["4 tcp mark 6"]),
    ("inet", "meta mark & 0xffffff00 == 0x100", ["4 tcp mark 0x1ff"], ["4 tcp mark 0x200"]),
    ("inet", "meta mark & 0xff == 0x1", ["4 tcp if mark 0x1/0xff"], ["4 tcp mark 1"]),
    ("inet", "meta mark 0x10/28", ["4 tcp mark 0x1f"], ["4 tcp mark 0x20"]),
    ("inet", "meta length 100-200", ["4 tcp len 100"], ["4 tcp len 99"]),
    ("inet", "ip length < 100", ["4 tcp len 99"], ["4 tcp len 100", "6 tcp len 99"]),
    ("inet", "ip6 length 20", ["6 tcp len 60"], ["6 tcp len 20"]),
    ("inet", "ip ttl 64", ["4 tcp"], ["4 tcp ttl 63", "6 tcp"]),
    ("inet", "ip6 hoplimit > 5", ["6 tcp ttl 6"], ["6 tcp ttl 5"]),
    ("inet", "ip dscp ef", ["4 tcp dscp 46"], ["4 tcp", "6 tcp dscp 46"]),
    ("inet", "ip6 dscp != { cs0, 5 }", ["6 tcp dscp 46"], ["6 tcp", "6 tcp dscp 5"]),
    ("inet", "tcp flags syn", ["4 tcp flags 2", "4 tcp flags 18"], ["4 tcp flags 16", "4 udp"]),
    ("inet", "tcp flags == syn", ["4 tcp flags 2"], ["4 tcp flags 18"]),
    ("inet", "tcp flags != syn", ["4 tcp flags 18"], ["4 tcp flags 2", "4 udp"]),
    ("inet", "tcp flags & (fin|syn|rst|ack) == syn", ["4 tcp flags 10"], ["4 tcp flags 18"]),
    ("inet", "tcp flags syn / fin,syn,rst,ack", ["4 tcp flags 10"], ["4 tcp flags 18"]),
    ("inet", "tcp flags != syn / fin,syn,rst,ack", ["4 tcp flags 18"], ["4 tcp flags 2", "4 udp"]),
    ("inet", "tcp flags ! syn", ["4 tcp flags 16"], ["4 tcp flags 18"]),
    ("inet", "tcp flags { syn, syn|ack }", ["4 tcp flags 18"], ["4 tcp flags 16"]),
    ("inet", "tcp flags { syn }", ["4 tcp flags 18"], ["4 tcp flags 16"]),
    ("inet", "icmp type echo-request", ["4 icmp icmp 8"], ["4 icmp icmp 0", "6 icmp6 icmp 8", "4 tcp"]),
    ("inet", "icmp type { 3, 8 } icmp code 4", ["4 icmp icmp 3/4"], ["4 icmp icmp 3/3", "4 icmp icmp 0/4"]),
    ("inet", "icmpv6 type 128", ["6 icmp6 icmp 128"], ["6 icmp6 icmp 129", "4 icmp icmp 128"]),
    ("inet", "meta l4proto icmp icmp type 8", ["4 icmp icmp 8", "6 icmp if icmp type 8 in IPv6"], ["6 icmp"]),
    ("ip", "icmpv6 type 128", ["4 icmp6 if icmpv6 type 128 in IPv4"], ["4 icmp6"]),
    ("inet", "ip frag-off & 0x1fff != 0", ["4 tcp if fragment"], ["4 tcp", "6 tcp if fragment"]),
    ("inet", "ip frag-off & 0x1fff == 0", ["4 tcp"], ["4 tcp if fragment"]),
    ("inet", "exthdr frag exists", ["6 tcp if exthdr frag exists"], ["6 tcp", "4 tcp if exthdr frag exists"]),
    ("inet", "tcp option sack missing", ["4 tcp", "4 udp if tcp option 5"], ["4 tcp if tcp option 5"]),
    ("inet", "tcp option maxseg size 1-500", ["4 tcp if tcp maximum segment 1-500"], ["4 tcp"]),
    ("inet", "fib daddr type local", ["4 tcp dst-type 0"], ["4 tcp"]),
    ("inet", "fib saddr type != { local, broadcast }", ["4 tcp"], ["4 tcp src-type 0"]),
    ("inet", "fib daddr type { local, anycast }", ["4 tcp if fib daddr type anycast"], ["4 tcp"]),
    ("inet", "fib saddr . iif oif missing", ["4 tcp"], ["4 tcp if reverse path"]),
    ("inet", "fib saddr oif exists", ["4 tcp if reverse path loose"], ["4 tcp"]),
    ("inet", "ether saddr 00:11:22:33:44:55", ["4 tcp if source mac 00:11:22:33:44:55"], ["4 tcp"]),
    ("inet", "meta skuid 1000-1001", ["4 tcp if owner uid 1000-1001"], ["4 tcp"]),
    (
        "inet",
        "meta skuid != root",
        ["4 tcp if owner socket exists"],
        ["4 tcp", "4 tcp if owner socket exists; owner uid 0"],
    ),
    ("inet", "meta pkttype { broadcast, multicast }", ["4 tcp if pkttype multicast"], ["4 tcp"]),
    ("inet", 'meta hour "09:00"-"17:00"', ["4 tcp if time hour 09:00:00-17:00:00 local"], ["4 tcp"]),
    ("inet", 'meta hour "17:00"-"09:00"', ["4 tcp"], ["4 tcp if time hour 09:00:00-17:00:00 local"]),
    ("inet", 'meta day { "Monday", 0 }', ["4 tcp if time day sunday utc"], ["4 tcp"]),
    ("inet", "limit rate 5/second", ["4 tcp if limit 5/second burst 5 packets"], ["4 tcp"]),
    ("inet", "limit rate over 60/minute burst 9 packets", ["4 tcp"], ["4 tcp if limit 1/second burst 9 packets"]),
    ("inet", "limit rate 1 kbytes/second", ["4 tcp if limit 1024 bytes/second burst 0 bytes"], ["4 tcp"]),
    ("inet", "quota over 5 kbytes", ["4 tcp"], ["4 tcp if quota 5120 bytes"]),
    ("inet", "numgen random mod 10 < 3", ["4 tcp if probability 0.3"], ["4 tcp"]),
    ("inet", "numgen inc mod 3 == 0", ["4 tcp if packet 0 of every 3"], ["4 tcp"]),
    (
        "inet",
        "ip saddr . tcp dport { 192.0.2.0/24 . 22-23, 10.0.0.1 . 80 }",
        ["4 tcp dport 23", "4 tcp from 10.0.0.1"],
        ["4 tcp", "4 udp dport 23", "4 tcp from 10.0.0.1 dport 23"],
    ),
    ("inet", "ip saddr . tcp dport != { 192.0.2.1 . 22 }", ["4 tcp"], ["4 tcp dport 22", "4 udp", "6 tcp"]),
    (
        "inet",
        "meta l4proto . th dport { tcp . 22, udp . 53, icmp . 0 }",
        ["4 tcp dport 22", "6 udp dport 53", "4 icmp if th dport 0"],
        ["4 tcp dport 53", "4 icmp"],
    ),
    ("inet", "iifname . ip saddr { eth0 . 192.0.2.1 }", ["4 tcp"], ["4 tcp in eth1", "6 tcp"]),
    ("inet", "tcp dport @ports", ["4 tcp dport 8080", "4 tcp dport 22"], ["4 tcp dport 80"]),
    ("inet", "tcp dport != @ports", ["4 tcp dport 80"], ["4 tcp dport 22", "4 udp dport 80"]),
    ("inet", "ip saddr @empty", [], ["4 tcp", "6 tcp"]),
    ("inet", "ip saddr != @empty", ["4 tcp"], ["6 tcp"]),
    ("inet", "ip saddr @blocked", ["4 tcp if set blocked (src)"], ["4 tcp from 10.0.0.1"]),
    ("inet", "ip daddr != @blocked", ["4 tcp"], ["4 tcp if set blocked (dst)", "6 tcp"]),
    ("inet", "ip saddr . tcp dport @pairs", ["4 tcp dport 22"], ["4 tcp dport 24"]),
    ("inet", "iifname @links", ["4 tcp in eth0", "4 tcp in ppp7"], ["4 tcp in wlan0"]),
    ("inet", "tcp dport { $web, 22 }", ["4 tcp dport 443", "4 tcp dport 22"], ["4 tcp dport 23"]),
    ("inet", "ip saddr $lan", ["4 tcp"], ["4 tcp from 10.0.0.1"]),
]

_FRAME = """
define web = {{ 80, 443 }}
define lan = 192.0.2.0/24
table {family} t {{
    set ports {{ type inet_service; flags interval; auto-merge; elements = {{ 22, 8000-8100, 8050-8200 comment "x" }} }}
    {sets}
    set links {{ type ifname; flags interval; elements = {{ "eth0", "ppp*" }} }}
    chain c {{
        type filter hook input priority filter; policy drop;
        {rule} accept
    }}
    chain f {{ type filter hook forward priority 0; policy drop; {rule} accept
    }}
}}
"""
_IP_SETS = """set empty { type ipv4_addr; }
    set blocked { type ipv4_addr; flags timeout; elements = { 10.0.0.1 timeout 5m expires 3m } }
    set pairs { typeof ip saddr . tcp dport; flags interval; elements = { 192.0.2.0/24 . 22-23 } }"""


def _text(family: str, rule: str) -> str:
    return _FRAME.format(family=family, rule=rule, sets=_IP_SETS if family == "inet" else "")


@pytest.mark.parametrize(("family", "rule", "taken", "left"), CASES, ids=[f"{case[0]}: {case[1]}" for case in CASES])
def test_a_comparison_takes_its_packets_and_no_others(
    read_text: Read, verdict: Verdict, family: str, rule: str, taken: list[str], left: list[str]
) -> None:
    firewall = read_text(_text(family, rule))
    assert not firewall.opaque
    assert {words: verdict(firewall, words) for words in (*taken, *left)} == {
        **dict.fromkeys(taken, "accept"),
        **dict.fromkeys(left, "drop"),
    }


@pytest.mark.parametrize(
    "rule",
    [
        "tcp dport nosuchservice",
        "ip saddr host.example",
        "meta nosuchkey 5",
        "tcp nosuchfield 5",
        "foo bar",
        "meta skuid alice",
        "iif 7",
        "rt nexthop 1",
        "ct nosuchkey 1",
        "fib saddr . iif nosuch 5",
    ],
)
def test_what_is_not_understood_makes_its_packets_unknown(read_text: Read, verdict: Verdict, rule: str) -> None:
    firewall = read_text(_text("inet", f"ip saddr 192.0.2.1 {rule}"))
    assert len(firewall.opaque) == 2
    assert firewall.opaque[0].span.line == 12
    unknown = next(each for each in firewall.rules() if each.tests and not each.writes)
    assert rule.split()[0] in unknown.text
    condition = f"if ip saddr 192.0.2.1 {rule} accept"
    assert verdict(firewall, f"4 tcp {condition}") == "unknown"
    assert verdict(firewall, f"4 tcp from 192.0.2.2 {condition}") == "drop"
    assert verdict(firewall, "4 tcp") == "drop"

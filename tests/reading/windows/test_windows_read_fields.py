"""Every parameter of New-NetFirewallRule: what it asks of a packet, and what Windows refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import pytest

from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.rule import Verdict

Script = Callable[..., Firewall]

#: Parameters of a rule that allows inbound, packets that it lets in, and packets that it does not.
INBOUND = {
    "-Protocol TCP -LocalPort 80": (
        ["in tcp 192.0.2.1 > 10.0.0.1:80"],
        ["in tcp 192.0.2.1 > 10.0.0.1:81", "in udp 192.0.2.1 > 10.0.0.1:80"],
    ),
    "-Protocol 6 -LocalPort 80,8000-8010": (
        ["in tcp 192.0.2.1 > 10.0.0.1:80", "in tcp 192.0.2.1 > 10.0.0.1:8000", "in tcp 192.0.2.1 > 10.0.0.1:8010"],
        ["in tcp 192.0.2.1 > 10.0.0.1:7999", "in tcp 192.0.2.1 > 10.0.0.1:8011"],
    ),
    "-Protocol UDP -RemotePort 67": (["in udp 192.0.2.1:67 > 10.0.0.1:68"], ["in udp 192.0.2.1:68 > 10.0.0.1:67"]),
    "-Protocol tcp -LocalPort Any": (["in tcp 192.0.2.1 > 10.0.0.1:1"], ["in udp 192.0.2.1 > 10.0.0.1:1"]),
    "-Protocol 47": (["in gre 192.0.2.1 > 10.0.0.1"], ["in tcp 192.0.2.1 > 10.0.0.1:80"]),
    "-Protocol Any": (["in gre 192.0.2.1 > 10.0.0.1", "in tcp [2001:db8::1] > [2001:db8::2]:80"], []),
    "-Protocol ICMPv4 -IcmpType 8": (
        ["in icmp 8:0 192.0.2.1 > 10.0.0.1", "in icmp 8:3 192.0.2.1 > 10.0.0.1"],
        ["in icmp 0:0 192.0.2.1 > 10.0.0.1"],
    ),
    "-Protocol ICMPv4 -IcmpType 3:4,11:*": (
        ["in icmp 3:4 192.0.2.1 > 10.0.0.1", "in icmp 11:1 192.0.2.1 > 10.0.0.1"],
        ["in icmp 3:3 192.0.2.1 > 10.0.0.1", "in icmp 3:4 2001:db8::1 > 2001:db8::2"],
    ),
    "-Protocol ICMPv4 -IcmpType *": (["in icmp 5:1 192.0.2.1 > 10.0.0.1"], ["in icmp 5:1 2001:db8::1 > 2001:db8::2"]),
    "-Protocol ICMPv6": (["in icmp 135:0 2001:db8::1 > 2001:db8::2"], ["in icmp 8:0 192.0.2.1 > 10.0.0.1"]),
    "-RemoteAddress 192.0.2.0/24": (
        ["in tcp 192.0.2.255 > 10.0.0.1:80"],
        ["in tcp 192.0.3.0 > 10.0.0.1:80", "in tcp [2001:db8::1] > [2001:db8::2]:80"],
    ),
    "-RemoteAddress 192.0.2.0/255.255.255.0": (
        ["in tcp 192.0.2.0 > 10.0.0.1:80"],
        ["in tcp 192.0.1.255 > 10.0.0.1:80"],
    ),
    "-RemoteAddress 192.0.2.77/24": (["in tcp 192.0.2.1 > 10.0.0.1:80"], ["in tcp 192.0.3.1 > 10.0.0.1:80"]),
    "-RemoteAddress 192.0.2.5-192.0.2.9": (
        ["in tcp 192.0.2.5 > 10.0.0.1:80", "in tcp 192.0.2.9 > 10.0.0.1:80"],
        ["in tcp 192.0.2.4 > 10.0.0.1:80", "in tcp 192.0.2.10 > 10.0.0.1:80"],
    ),
    "-RemoteAddress 192.0.2.1,2001:db8::/32": (
        ["in tcp 192.0.2.1 > 10.0.0.1:80", "in tcp [2001:db8::1] > [2001:db9::2]:80"],
        ["in tcp 192.0.2.2 > 10.0.0.1:80", "in tcp [2001:db9::1] > [2001:db9::2]:80"],
    ),
    "-RemoteAddress Any -LocalAddress 10.0.0.1": (
        ["in tcp 192.0.2.1 > 10.0.0.1:80"],
        ["in tcp 10.0.0.1 > 10.0.0.2:80"],
    ),
    "-RemoteAddress LocalSubnet": (
        ["in tcp 192.0.2.1 > 10.0.0.1:80 if=remote address LocalSubnet"],
        ["in tcp 192.0.2.1 > 10.0.0.1:80"],
    ),
    "-RemoteAddress LocalSubnet6": (
        ["in tcp [2001:db8::1] > [2001:db8::2]:80 if=remote address LocalSubnet"],
        ["in tcp 192.0.2.1 > 10.0.0.1:80 if=remote address LocalSubnet"],
    ),
    "-RemoteAddress dns,192.0.2.1,DefaultGateway4": (
        [
            "in tcp 192.0.2.1 > 10.0.0.1:80",
            "in tcp 192.0.2.2 > 10.0.0.1:80 if=remote address DNS",
            "in tcp 192.0.2.2 > 10.0.0.1:80 if=remote address DefaultGateway",
        ],
        ["in tcp 192.0.2.2 > 10.0.0.1:80", "in tcp [2001:db8::1] > [2001:db8::2]:80 if=remote address DefaultGateway"],
    ),
    "-Protocol TCP -LocalPort RPC,135": (
        ["in tcp 192.0.2.1 > 10.0.0.1:135", "in tcp 192.0.2.1 > 10.0.0.1:49152 if=local port RPC"],
        ["in tcp 192.0.2.1 > 10.0.0.1:49152", "in udp 192.0.2.1 > 10.0.0.1:49152 if=local port RPC"],
    ),
    "-Protocol TCP -LocalPort rpcepmap": (
        ["in tcp 192.0.2.1 > 10.0.0.1:135 if=local port RPCEPMap"],
        ["in tcp 192.0.2.1 > 10.0.0.1:135"],
    ),
    "-Protocol UDP -LocalPort Teredo": (
        ["in udp 192.0.2.1 > 10.0.0.1:1 if=local port Teredo"],
        ["in udp 192.0.2.1 > 10.0.0.1:1"],
    ),
    "-Profile Domain,Private": (
        ["in tcp 192.0.2.1 > 10.0.0.1:80 profile=domain", "in tcp 192.0.2.1 > 10.0.0.1:80 profile=private"],
        ["in tcp 192.0.2.1 > 10.0.0.1:80 profile=public"],
    ),
    "-Profile 'Domain, Public'": (
        ["in tcp 192.0.2.1 > 10.0.0.1:80 profile=public"],
        ["in tcp 192.0.2.1 > 10.0.0.1:80 profile=private"],
    ),
    "-Profile 6": (
        ["in tcp 192.0.2.1 > 10.0.0.1:80 profile=public"],
        ["in tcp 192.0.2.1 > 10.0.0.1:80 profile=domain"],
    ),
    "-Profile Any": (
        ["in tcp 192.0.2.1 > 10.0.0.1:80 profile=public", "in tcp 192.0.2.1 > 10.0.0.1:80 profile=domain"],
        [],
    ),
    "-InterfaceAlias 'Wi-Fi','Ethernet*'": (
        ["in tcp 192.0.2.1 > 10.0.0.1:80 interface=Wi-Fi", "in tcp 192.0.2.1 > 10.0.0.1:80 interface=Ethernet2"],
        ["in tcp 192.0.2.1 > 10.0.0.1:80 interface=Wi-Fi2"],
    ),
    "-InterfaceType Wired,Wireless": (
        [
            "in tcp 192.0.2.1 > 10.0.0.1:80 if=interface type wired",
            "in tcp 192.0.2.1 > 10.0.0.1:80 if=interface type wireless",
        ],
        ["in tcp 192.0.2.1 > 10.0.0.1:80"],
    ),
    "-Program 'C:\\X\\y.exe'": (
        ["in tcp 192.0.2.1 > 10.0.0.1:80 if=program c:\\x\\y.exe"],
        ["in tcp 192.0.2.1 > 10.0.0.1:80"],
    ),
    "-Program Any -Service Any -InterfaceType Any -InterfaceAlias Any": (["in tcp 192.0.2.1 > 10.0.0.1:80"], []),
    "-Service W32Time": (["in tcp 192.0.2.1 > 10.0.0.1:80 if=service w32time"], ["in tcp 192.0.2.1 > 10.0.0.1:80"]),
    "-Package S-1-15-2-1": (
        ["in tcp 192.0.2.1 > 10.0.0.1:80 if=package S-1-15-2-1"],
        ["in tcp 192.0.2.1 > 10.0.0.1:80"],
    ),
    "-LocalUser 'D:(A;;CC;;;S-1-1-0)'": (
        ["in tcp 192.0.2.1 > 10.0.0.1:80 if=user D:(A;;CC;;;S-1-1-0)"],
        ["in tcp 192.0.2.1 > 10.0.0.1:80"],
    ),
    "-Authentication Required -Encryption Dynamic": (
        ["in tcp 192.0.2.1 > 10.0.0.1:80 if=authentication required+encryption dynamic"],
        ["in tcp 192.0.2.1 > 10.0.0.1:80 if=authentication required"],
    ),
    "-EdgeTraversalPolicy Allow -Protocol TCP": (
        ["in tcp 192.0.2.1 > 10.0.0.1:80"],
        ["in udp 192.0.2.1 > 10.0.0.1:80"],
    ),
    "-Direction 1 -Action 2 -Enabled 1 -Protocol TCP": (
        ["in tcp 192.0.2.1 > 10.0.0.1:80"],
        ["in udp 192.0.2.1 > 10.0.0.1:80"],
    ),
}


@pytest.mark.parametrize("parameters", INBOUND)
def test_what_a_parameter_lets_in(parameters: str, script: Script, ask: ModuleType) -> None:
    firewall = script(f"New-NetFirewallRule -DisplayName r {parameters}")
    inside, outside = INBOUND[parameters]
    assert not firewall.opaque
    for text in inside:
        assert ask.passes(firewall, text), text
    for text in outside:
        assert not ask.passes(firewall, text), text


@pytest.mark.parametrize("parameters", INBOUND)
def test_a_block_of_the_same_wins_over_an_allow_of_everything(parameters: str, script: Script, ask: ModuleType) -> None:
    if "Authentication" in parameters or "-Action" in parameters:
        parameters = "-Protocol TCP"
        inside, outside = ["in tcp 192.0.2.1 > 10.0.0.1:80"], ["in udp 192.0.2.1 > 10.0.0.1:80"]
    else:
        inside, outside = INBOUND[parameters]
    lines = [
        "New-NetFirewallRule -DisplayName all-of-it",
        f"New-NetFirewallRule -DisplayName r -Action Block {parameters}",
    ]
    for text in ("\n".join(lines), "\n".join(reversed(lines))):
        firewall = script(text)
        assert not any(ask.passes(firewall, each) for each in inside)
        assert all(ask.passes(firewall, each) for each in outside)


@pytest.mark.parametrize(("name", "family", "number"), [("ICMPv4", 4, 1), ("ICMPv6", 6, 58)])
def test_icmp_is_of_one_family(name: str, family: int, number: int, script: Script, ask: ModuleType) -> None:
    firewall = script(f"New-NetFirewallRule -DisplayName r -Protocol {name}")
    for text in ("in gre 192.0.2.1 > 10.0.0.1", "in gre 2001:db8::1 > 2001:db8::2"):
        packet = replace(ask.packet(text), protocol=number)
        assert (evaluate(firewall, packet).verdict is Verdict.ACCEPT) is (packet.family == family)


def test_outbound_the_local_side_is_the_source(script: Script, ask: ModuleType) -> None:
    firewall = script(
        "New-NetFirewallRule -DisplayName r -Direction Outbound -Action Block -Protocol TCP -LocalAddress 10.0.0.1 "
        "-RemoteAddress 192.0.2.0/24 -RemotePort 25 -LocalPort 1024-65535 -InterfaceAlias LAN"
    )
    assert not ask.passes(firewall, "out tcp 10.0.0.1:5000 > 192.0.2.9:25 interface=LAN")
    for other in (
        "out tcp 10.0.0.1:5000 > 192.0.2.9:26 interface=LAN",
        "out tcp 10.0.0.1:80 > 192.0.2.9:25 interface=LAN",
        "out tcp 10.0.0.2:5000 > 192.0.2.9:25 interface=LAN",
        "out tcp 10.0.0.1:5000 > 192.0.3.9:25 interface=LAN",
        "out tcp 10.0.0.1:5000 > 192.0.2.9:25 interface=WAN",
    ):
        assert ask.passes(firewall, other), other
    assert not ask.passes(firewall, "in tcp 192.0.2.9:25 > 10.0.0.1:5000 interface=LAN")


def test_authenticated_bypass_wins_over_block(script: Script, ask: ModuleType) -> None:
    firewall = script(
        "New-NetFirewallRule -DisplayName b -Action Block\n"
        "New-NetFirewallRule -DisplayName o -OverrideBlockRules $true -Authentication Required "
        "-RemoteMachine 'O:LSD:(A;;CC;;;S-1-5-21)'"
    )
    everything = "authentication required+remote machine O:LSD:(A;;CC;;;S-1-5-21)"
    assert ask.passes(firewall, f"in tcp 192.0.2.1 > 10.0.0.1:80 if={everything}")
    assert not ask.passes(firewall, "in tcp 192.0.2.1 > 10.0.0.1:80 if=authentication required")


def test_interfaces_that_differ_in_case_are_one(script: Script, ask: ModuleType) -> None:
    firewall = script(
        "New-NetFirewallRule -DisplayName a -InterfaceAlias LAN\n"
        "New-NetFirewallRule -DisplayName b -Action Block -InterfaceAlias lan -Protocol UDP"
    )
    assert ask.passes(firewall, "in tcp 192.0.2.1 > 10.0.0.1:80 interface=LAN")
    assert not ask.passes(firewall, "in udp 192.0.2.1 > 10.0.0.1:80 interface=LAN")


#: Parameters that Windows refuses: what stands under the caret, and a part of the message or hint.
REFUSED = {
    "-LocalPort 80": ("80", "needs -Protocol TCP or UDP"),
    "-Protocol Any -RemotePort 80": ("80", "every protocol"),
    "-Protocol ICMPv4 -LocalPort 8": ("8", "protocol 1"),
    "-Protocol TCP -LocalPort 70000": ("70000", "more than 65535"),
    "-Protocol TCP -LocalPort 90-80": ("90-80", "write 80-90"),
    "-Protocol TCP -LocalPort '80,443'": ("80,443", "'80', '443'"),
    "-Protocol TCP -LocalPort 80,RCP": ("RCP", 'did you mean "RPC"'),
    "-Protocol TCP -LocalPort Any,80": ("Any", "stands for all"),
    "-Protocol UDP -LocalPort RPC": ("RPC", "port of TCP"),
    "-Protocol TCP -LocalPort RPC -Direction Outbound": ("RPC", "inbound rules only"),
    "-Protocol TCP,UDP": ("UDP", "one protocol"),
    "-Protocol TPC": ("TPC", 'did you mean "TCP"'),
    "-Protocol 300": ("300", "more than 255"),
    "-IcmpType 8": ("8", "ICMPv4 or ICMPv6"),
    "-Protocol ICMPv4 -IcmpType 3:": ("3:", "no ICMP type"),
    "-Protocol ICMPv4 -IcmpType 256": ("256", "at most 255"),
    "-RemoteAddress 0.0.0.0/0": ("0.0.0.0/0", "write Any"),
    "-RemoteAddress ::/0": ("::/0", "write Any"),
    "-RemoteAddress 10.0.0.0/33": ("10.0.0.0/33", "at most 32"),
    "-RemoteAddress 10.0.0.0/255.0.255.0": ("10.0.0.0/255.0.255.0", "ones and then zeros"),
    "-RemoteAddress 10.0.0.0/0.0.0.0": ("10.0.0.0/0.0.0.0", "empty mask"),
    "-RemoteAddress 10.0.0.9-10.0.0.5": ("10.0.0.9-10.0.0.5", "ends before it begins"),
    "-RemoteAddress 10.0.0.9-2001:db8::1": ("10.0.0.9-2001:db8::1", "begins in IPv4"),
    "-RemoteAddress 10.0.0.1,'10.0.0.2,10.0.0.3'": ("10.0.0.2,10.0.0.3", "list in one text"),
    "-RemoteAddress LocalSubnt": ("LocalSubnt", 'did you mean "LocalSubnet"'),
    "-RemoteAddress host.example.com": ("host.example.com", "not looked up"),
    "-RemoteAddress 10.1": ("10.1", "address"),
    "-LocalAddress LocalSubnet": ("LocalSubnet", "remote addresses only"),
    "-Direction Inbund": ("Inbund", 'did you mean "Inbound"'),
    "-Action Alow": ("Alow", 'did you mean "Allow"'),
    "-Action NotConfigured": ("NotConfigured", "Allow or Block"),
    "-Enabled Yes": ("Yes", "True, False"),
    "-Enabled $true": ("$true", "without $"),
    "-Profile Home": ("Home", "Domain"),
    "-Protcol TCP": ("-Protcol", 'did you mean "Protocol"'),
    "-D x": ("-D", "may be"),
    "-Protocol TCP -Protocol UDP": ("UDP", "given twice"),
    "-Protocol": ("-Protocol", "needs a value"),
    "stray": ("stray", "name the parameter"),
    "-Action Block -Authentication Required": ("Required", "authenticated peers"),
    "-Encryption Required": ("Required", "-Authentication"),
    "-OverrideBlockRules $true": ("New-Net", "authenticated peers"),
    "-Program 'C:\\x\\*.exe'": ("C:\\x\\*.exe", "without wildcards"),
    "-Service x -LocalUser 'D:'": ("x", "a service and a user"),
    "-Description 'a|b'": ("a|b", '"|"'),
    f"-Name {'n' * 512}": ("n" * 512, "longer than 511"),
    "-Direction Outbound -EdgeTraversalPolicy Allow": ("Allow", "inbound rules only"),
}


@pytest.mark.parametrize("parameters", REFUSED)
def test_what_windows_refuses_is_an_error_with_its_place(parameters: str, ask: ModuleType) -> None:
    wanted, message = REFUSED[parameters]
    (problem,) = ask.refused(f"# first line\nNew-NetFirewallRule -DisplayName title {parameters}\n")
    assert problem.span.line == 2
    assert ask.pointed(problem).startswith(wanted)
    assert message in f"{problem.message} {problem.hint}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("New-NetFirewallRule -Name x -Protocol TCP", "needs a -DisplayName"),
        ("New-NetFirewallRule -DisplayName 'ALL'", 'cannot be called "all"'),
        (
            "New-NetFirewallRule -Name a -DisplayName x\nNew-NetFirewallRule -Name A -DisplayName y",
            'called "A" exists already',
        ),
        ("Set-NetFirewallProfile -Profile Publc -Enabled True", 'no profile is called "Publc"'),
        ("Set-NetFirewallProfile -DefaultInboundAction Blck", '-DefaultInboundAction is "Blck"'),
        ("Set-NetFirewallProfile -Enabled $true", "no boolean"),
    ],
)
def test_what_else_windows_refuses(text: str, message: str, ask: ModuleType) -> None:
    (problem,) = ask.refused(text)
    assert message in problem.message


def test_all_problems_of_a_file_are_shown_from_top_to_bottom(ask: ModuleType) -> None:
    problems = ask.refused(
        "New-NetFirewallRule -DisplayName a -Protocol TPC -Direction Inbund\n"
        "New-NetFirewallRule -DisplayName b -LocalPort 80 -RemoteAddress 10.0.0.0/40\n"
        "New-NetFirewallRule -DisplayName c -Actoin Block\n"
    )
    assert [problem.span.line for problem in problems] == [1, 1, 2, 2, 3]


def test_a_rule_may_be_named_as_keywords_are(script: Script, ask: ModuleType) -> None:
    firewall = script("New-NetFirewallRule -Name Any -DisplayName LocalSubnet -Group all -Protocol TCP")
    assert ask.passes(firewall, "in tcp 192.0.2.1 > 10.0.0.1:80")
    assert not ask.passes(firewall, "in udp 192.0.2.1 > 10.0.0.1:80")


def test_long_lists_are_read_with_a_warning(script: Script, ask: ModuleType) -> None:
    many = ",".join(f"10.{n // 256}.{n % 256}.1" for n in range(1001))
    firewall = script(f"New-NetFirewallRule -DisplayName r -RemoteAddress {many}")
    assert "1001 entries" in ask.warned(firewall)
    assert ask.passes(firewall, "in tcp 10.3.232.1 > 10.0.0.1:80")


def test_a_rule_knows_its_place_and_its_text(script: Script) -> None:
    firewall = script("\n\n  New-NetFirewallRule -DisplayName 'a  b' `\n    -Description why -Protocol TCP")
    (rule,) = firewall.chains["inbound"].rules
    assert (rule.span.file, rule.span.line, rule.span.column) == ("rules.ps1", 3, 3)
    assert rule.span.source == "  New-NetFirewallRule -DisplayName 'a  b' `"
    assert rule.text.startswith("New-NetFirewallRule -DisplayName 'a b' ` -Description why")
    assert rule.comment == "a  b: why"

"""The same rules as a script, an export, registry files and netsh lines decide alike."""

from __future__ import annotations

import csv
import io
import json
import struct
from collections.abc import Callable
from dataclasses import replace
from random import Random
from types import ModuleType

import pytest

from fwadvisor.dialects.reading.source import Source
from fwadvisor.dialects.reading.windows import read, recognize
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import Firewall

Rule = dict[str, str]

#: Rules in the cmdlet's words; lists with ", ".
RULES: list[Rule] = [
    {
        "Name": "r1",
        "DisplayName": "Web in",
        "Protocol": "TCP",
        "LocalPort": "80, 8000-8010",
        "RemoteAddress": "LocalSubnet, 10.0.0.0/255.0.0.0",
    },
    {
        "Name": "r2",
        "DisplayName": 'it\'s "quoted" \\ here',
        "Action": "Block",
        "Protocol": "UDP",
        "RemotePort": "53",
        "Profile": "Domain, Private",
    },
    {
        "Name": "r3",
        "DisplayName": "All",
        "Direction": "Outbound",
        "Action": "Block",
        "Protocol": "TCP",
        "RemotePort": "25",
        "RemoteAddress": "192.0.2.1-192.0.2.9, 2001:db8::/32",
    },
    {"Name": "r4", "DisplayName": "ping", "Protocol": "ICMPv4", "IcmpType": "8, 3:4"},
    {
        "Name": "r5",
        "DisplayName": "neighbours",
        "Protocol": "ICMPv6",
        "IcmpType": "135, 136",
        "LocalAddress": "2001:db8::7",
    },
    {"Name": "r6", "DisplayName": "off", "Enabled": "False"},
    {
        "Name": "r7",
        "DisplayName": "rpc",
        "Protocol": "TCP",
        "LocalPort": "RPC",
        "Program": "%SystemRoot%\\system32\\svchost.exe",
        "Service": "EventLog",
    },
    {"Name": "r8", "DisplayName": "gre", "Protocol": "47", "RemoteAddress": "Internet"},
    {
        "Name": "r9",
        "DisplayName": "user",
        "Direction": "Outbound",
        "Action": "Block",
        "LocalUser": "D:(A;;CC;;;S-1-5-21-1)",
        "InterfaceType": "Wireless",
    },
    {"Name": "r11", "DisplayName": "all of UDP", "Protocol": "UDP"},
    {
        "Name": "r10",
        "DisplayName": "secure",
        "Protocol": "TCP",
        "LocalPort": "5986",
        "Authentication": "Required",
        "Encryption": "Required",
    },
]
DEFAULTS = {
    "Domain": ("True", "Block", "Allow"),
    "Private": ("True", "Block", "Block"),
    "Public": ("True", "Block", "Allow"),
}
EXPORTED = (
    "Name",
    "DisplayName",
    "Description",
    "Group",
    "Enabled",
    "Direction",
    "Action",
    "Profile",
    "Platform",
    "EdgeTraversalPolicy",
    "Owner",
    "Protocol",
    "LocalPort",
    "RemotePort",
    "IcmpType",
    "DynamicTarget",
    "LocalAddress",
    "RemoteAddress",
    "Program",
    "Package",
    "Service",
    "InterfaceAlias",
    "InterfaceType",
    "LocalUser",
    "RemoteUser",
    "RemoteMachine",
    "Authentication",
    "Encryption",
    "OverrideBlockRules",
)
LISTS = {"LocalPort", "RemotePort", "IcmpType", "LocalAddress", "RemoteAddress", "InterfaceAlias", "Platform"}
FULL = {
    "Enabled": "True",
    "Direction": "Inbound",
    "Action": "Allow",
    "Profile": "Any",
    "EdgeTraversalPolicy": "Block",
    "Authentication": "NotRequired",
    "Encryption": "NotRequired",
    "OverrideBlockRules": "False",
    "Description": "",
    "Group": "",
    "Platform": "",
    "Owner": "",
    "DynamicTarget": "Any",
}
NUMBERS = {
    "Enabled": {"True": 1, "False": 2},
    "Direction": {"Inbound": 1, "Outbound": 2},
    "Action": {"Allow": 2, "Block": 4},
    "Profile": {"Any": 0, "Domain, Private": 3},
    "EdgeTraversalPolicy": {"Block": 0},
    "DynamicTarget": {"Any": 0},
    "Authentication": {"NotRequired": 0, "Required": 1},
    "Encryption": {"NotRequired": 0, "Required": 1},
    "InterfaceType": {"Any": 0, "Wireless": 2},
    "OverrideBlockRules": {"False": False},
}


def quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def as_script(rules: list[Rule]) -> bytes:
    lines = []
    for rule in rules:
        title = "all of them" if rule["DisplayName"] == "All" else rule["DisplayName"]
        values = {**rule, "DisplayName": title}
        pairs = [f"-{key} {', '.join(map(quote, value.split(', ')))}" for key, value in values.items()]
        lines.append(f"New-NetFirewallRule {' '.join(pairs)}")
    for name, (enabled, inbound, outbound) in DEFAULTS.items():
        lines.append(
            f"Set-NetFirewallProfile -Name {name} -Enabled {enabled} -DefaultInboundAction {inbound} "
            f"-DefaultOutboundAction {outbound} -AllowInboundRules True"
        )
    return "\r\n".join(lines).encode()


def exported(rule: Rule, *, numbers: bool = False, joined: bool = False) -> dict[str, object]:
    row: dict[str, object] = {}
    for column in EXPORTED:
        text = rule.get(column, FULL.get(column, "Any"))
        if numbers and column in NUMBERS:
            row[column] = NUMBERS[column][text]
        elif column in LISTS and not joined:
            row[column] = text.split(", ") if text else []
        else:
            row[column] = text
    return row


def as_export(rules: list[Rule]) -> bytes:
    profiles = [
        {"Name": name, "Enabled": e, "DefaultInboundAction": i, "DefaultOutboundAction": o, "AllowInboundRules": "True"}
        for name, (e, i, o) in DEFAULTS.items()
    ]
    export = {
        "Format": "fwadvisor-windows-export",
        "Version": 1,
        "Store": "ActiveStore",
        "Profiles": profiles,
        "Rules": [exported(rule) for rule in rules],
    }
    return json.dumps(export, indent=2).encode()


def as_json(rules: list[Rule]) -> bytes:
    return json.dumps([exported(rule, numbers=True) for rule in rules]).encode("utf-16")


def as_csv(rules: list[Rule], delimiter: str = ",") -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, EXPORTED, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(exported(rule, joined=True) for rule in rules)
    return b"\xef\xbb\xbf#TYPE Selected.System.Object\r\n" + out.getvalue().encode()


REGISTRY = {
    "Protocol": {"TCP": "6", "UDP": "17", "ICMPv4": "1", "ICMPv6": "58"},
    "InterfaceType": {"Wireless": "Wireless"},
}
KEYS = {
    "LocalPort": "LPort",
    "RemotePort": "RPort",
    "Program": "App",
    "Service": "Svc",
    "DisplayName": "Name",
    "LocalUser": "LUAuth",
    "InterfaceType": "IFType",
    "Protocol": "Protocol",
}


def as_value(rule: Rule) -> str:
    parts = ["v2.31", f"Action={rule.get('Action', 'Allow')}", f"Active={rule.get('Enabled', 'True').upper()}"]
    parts.append("Dir=In" if rule.get("Direction", "Inbound") == "Inbound" else "Dir=Out")
    parts += [f"Profile={name}" for name in rule.get("Profile", "Any").split(", ") if name != "Any"]
    for key, name in KEYS.items():
        for value in rule[key].split(", ") if key in rule else ():
            mark = f"{name}2_10" if key.endswith("Port") and "-" in value else name
            parts.append(f"{mark}={REGISTRY.get(key, {}).get(value, value)}")
    for value in rule.get("IcmpType", "").split(", ") if "IcmpType" in rule else ():
        parts.append(f"ICMP{rule['Protocol'][-1]}={value if ':' in value else value + ':*'}")
    for key, mark in (("LocalAddress", "LA"), ("RemoteAddress", "RA")):
        for value in rule[key].split(", ") if key in rule else ():
            if value == "Internet":
                parts += [f"{mark}42=IntErnet", f"{mark}62=IntErnet"]
            elif value == "LocalSubnet":
                parts += [f"{mark}4={value}", f"{mark}6={value}"]
            else:
                parts.append(f"{mark}{6 if ':' in value else 4}={value}")
    if "Authentication" in rule:
        parts.append("Security=AuthenticateEncrypt")
    return "|".join(parts) + "|EmbedCtxt=group|"


LOCAL = r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy"
POLICY = r"SOFTWARE\Policies\Microsoft\WindowsFirewall"
SWITCHES = ("EnableFirewall", "DefaultInboundAction", "DefaultOutboundAction", "DoNotAllowExceptions")


def numbers(name: str) -> tuple[int, int, int, int]:
    enabled, inbound, outbound = DEFAULTS[name]
    return enabled == "True", inbound == "Block", outbound == "Block", 0


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def as_reg(rules: list[Rule]) -> bytes:
    lines = ["Windows Registry Editor Version 5.00", "", f"[{LOCAL}\\FirewallRules]"]
    lines += [f'"{escaped(rule["Name"])}"="{escaped(as_value(rule))}"' for rule in rules]
    for name in DEFAULTS:
        lines += ["", f"[{LOCAL}\\{'Standard' if name == 'Private' else name}Profile]"]
        lines += [f'"{switch}"=dword:{number:08x}' for switch, number in zip(SWITCHES, numbers(name), strict=True)]
    return "\r\n".join([*lines, ""]).encode("utf-16")


def entry(key: str, name: str, kind: int, data: bytes) -> bytes:
    def wide(text: str) -> bytes:
        return text.encode("utf-16-le")

    return (
        wide("[")
        + wide(key + "\0")
        + wide(";")
        + wide(name + "\0")
        + wide(";")
        + struct.pack("<I", kind)
        + wide(";")
        + struct.pack("<I", len(data))
        + wide(";")
        + data
        + wide("]")
    )


def as_pol(rules: list[Rule]) -> bytes:
    entries = [entry(r"Software\Microsoft\Other", "x", 1, "y\0".encode("utf-16-le"))]
    entries += [
        entry(rf"{POLICY}\FirewallRules", rule["Name"], 1, (as_value(rule) + "\0").encode("utf-16-le"))
        for rule in rules
    ]
    for name in DEFAULTS:
        for switch, number in zip(SWITCHES, numbers(name), strict=True):
            entries.append(entry(rf"{POLICY}\{name}Profile", switch, 4, struct.pack("<I", number)))
    return b"PReg\x01\0\0\0" + b"".join(entries)


WRITERS: dict[str, Callable[[list[Rule]], bytes]] = {
    "script": as_script,
    "export": as_export,
    "json": as_json,
    "csv": as_csv,
    "csv with semicolons": lambda rules: as_csv(rules, ";"),
    "reg": as_reg,
    "pol": as_pol,
}


def loaded(name: str, rules: list[Rule]) -> Firewall:
    source = Source(f"file.{name[:3]}", WRITERS[name](rules))
    assert recognize(source) >= 70
    return read([source], {})


def packets(ask: ModuleType, count: int) -> list[object]:
    random = Random("formats")
    v4 = ("192.0.2.1", "192.0.2.9", "192.0.2.10", "10.0.0.1", "11.0.0.1")
    v6 = ("[2001:db8::7]", "[2001:db8::8]", "[2001:db9::7]")
    conditions = (
        "remote address LocalSubnet",
        "remote address Internet",
        "local port RPC",
        "service eventlog",
        "program %systemroot%\\system32\\svchost.exe",
        "user D:(A;;CC;;;S-1-5-21-1)",
        "interface type wireless",
        "authentication required",
        "encryption required",
    )
    found = []
    for _ in range(count):
        hosts = random.choice((v4, v6))
        ends = [f"{host}:{random.choice((53, 25, 80, 8005, 5986, 40000))}" for host in random.choices(hosts, k=2)]
        protocol = random.choice(("tcp", "tcp", "udp", "gre"))
        packet = ask.packet(f"{random.choice(('in', 'out'))} {protocol} {ends[0]} > {ends[1]}")
        if random.random() < 0.3:
            kind = random.choice((8, 3, 135, 136))
            packet = replace(
                packet, protocol=1 if packet.family == 4 else 58, icmp_type=kind, icmp_code=random.choice((0, 4))
            )
        given = frozenset(name for name in conditions if random.random() < 0.6)
        found.append(replace(packet, profile=random.randrange(3), conditions=given))
    return found


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "script"])
def test_the_same_rules_decide_alike(name: str, ask: ModuleType) -> None:
    first, second = loaded("script", RULES), loaded(name, RULES)
    assert not first.opaque
    assert not second.opaque
    without_defaults = name.startswith(("json", "csv"))
    differ = set()
    for packet in packets(ask, 3000):
        wanted, found = evaluate(first, packet).verdict, evaluate(second, packet).verdict
        if without_defaults and not evaluate(first, packet).trail[-1].rule:
            continue
        if without_defaults and packet.profile == 1 and packet.hook == "output":
            continue  # the private profile's default, which these do not hold
        assert found is wanted, packet
        differ.add((wanted, packet.hook))
    assert len(differ) == 4


@pytest.mark.parametrize("name", WRITERS)
def test_each_rule_matters(name: str, ask: ModuleType) -> None:
    """The comparison above can fail: leaving out any enabled rule changes what some packet meets."""
    whole = loaded(name, RULES)
    probes = packets(ask, 3000)
    verdicts = [evaluate(whole, packet).verdict for packet in probes]
    for number, rule in enumerate(RULES):
        if rule.get("Enabled") != "False":
            less = loaded(name, RULES[:number] + RULES[number + 1 :])
            assert any(evaluate(less, p).verdict is not v for p, v in zip(probes, verdicts, strict=True)), rule


def test_only_our_export_holds_everything(ask: ModuleType) -> None:
    for name in WRITERS:
        assert ("other rules on the machine" in ask.warned(loaded(name, RULES))) is (name != "export")


def test_netsh_in_a_batch_file(ask: ModuleType) -> None:
    text = (
        "@echo off\r\nrem opens the web\r\n"
        'netsh advfirewall firewall add rule name="Web in" dir=in action=allow protocol=TCP localport=80,8000-8010 '
        "remoteip=localsubnet,10.0.0.0/8 profile=domain,private\r\n"
        "netsh advfirewall firewall add rule name=ping dir=in action=allow protocol=icmpv4:8,any >nul\r\n"
        "netsh advfirewall firewall add rule name=off dir=out action=block enable=no\r\n"
        "netsh advfirewall firewall add rule name=gone dir=out action=block\r\n"
        "netsh advfirewall firewall delete rule name=gone\r\n"
        "netsh advfirewall set allprofiles firewallpolicy blockinbound,allowoutbound\r\n"
        "netsh advfirewall set publicprofile state off\r\nnetsh advfirewall show allprofiles\r\npause\r\n"
    )
    source = Source("open.cmd", text.encode())
    assert recognize(source) >= 70
    firewall = read([source], {})
    assert not firewall.opaque
    assert ask.passes(firewall, "in tcp 10.1.1.1 > 10.0.0.1:8010 profile=domain")
    assert ask.passes(firewall, "in tcp 192.0.2.1 > 10.0.0.1:80 profile=private if=remote address LocalSubnet")
    assert not ask.passes(firewall, "in tcp 192.0.2.1 > 10.0.0.1:80 profile=private")
    assert not ask.passes(firewall, "in tcp 10.1.1.1 > 10.0.0.1:8011 profile=domain")
    assert ask.passes(firewall, "in icmp 8:0 192.0.2.1 > 10.0.0.1 profile=domain")
    assert ask.passes(firewall, "in tcp 192.0.2.1 > 10.0.0.1:22 profile=public")
    assert ask.passes(firewall, "out tcp 10.0.0.1 > 192.0.2.1:25 profile=domain")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("netsh advfirewall firewall add rule name=a dir=in", "a rule needs action="),
        ("netsh advfirewall firewall add rule name=a dir=inn action=allow", 'dir is "inn"'),
        ("netsh advfirewall firewall add rule name=a dir=in action=allow localprt=80", 'no "localprt="'),
        ("netsh advfirewall firewall add rule name=a dir=in action=allow localport=80", "needs -Protocol"),
        ("netsh advfirewall firewall add rule name=a b dir=in action=allow", '"b" is no key=value'),
        ("netsh advfirewall set allprofiles firewallpolicy block,allow", 'firewallpolicy is "block,allow"'),
    ],
)
def test_what_netsh_refuses(line: str, message: str, ask: ModuleType) -> None:
    problems = ask.refused(f"@echo off\n{line}\n", "x.cmd")
    assert message in problems[0].message
    assert problems[0].span.line == 2


@pytest.mark.parametrize(
    "line",
    [
        "netsh advfirewall firewall add rule name=a dir=in action=allow remoteip=%PEERS%",
        "if exist x netsh advfirewall firewall add rule name=a dir=in action=allow",
        "powershell -File more.ps1",
        "netsh advfirewall reset",
        "netsh firewall set opmode disable",
    ],
)
def test_what_a_batch_file_leaves_open(line: str, ask: ModuleType) -> None:
    text = f"@echo off\nnetsh advfirewall set allprofiles state on\n{line}\n"
    firewall = read([Source("x.cmd", text.encode())], {})
    assert firewall.opaque
    assert ask.verdict(firewall, f"in tcp 10.0.0.9 > 10.0.0.1:80 if={line}") is None


# --- what exports lack -----------------------------------------------------------------------------


def test_an_export_without_ports_and_addresses_is_refused(ask: ModuleType) -> None:
    columns = ("Name", "DisplayName", "Enabled", "Profile", "Direction", "Action")
    text = "#TYPE Microsoft.Management.Infrastructure.CimInstance\n" + ",".join(f'"{c}"' for c in columns) + "\n"
    (problem,) = ask.refused(text + '"r1","Web","True","Any","Inbound","Allow"\n', "rules.csv")
    assert problem.span.line == 2
    for missing in ("Protocol", "LocalPort", "RemotePort", "LocalAddress", "RemoteAddress", "Program"):
        assert missing in problem.message
    assert "DisplayName" not in problem.message
    assert "export-rules.ps1" in problem.hint
    rows = json.dumps([{"DisplayName": "Web", "Enabled": 1, "Profile": 0, "Direction": 1, "Action": 2}])
    (problem,) = ask.refused(rows, "rules.json")
    assert "LocalPort" in problem.message


def test_a_list_that_export_csv_lost_is_refused(ask: ModuleType) -> None:
    text = as_csv([{**RULES[0], "LocalPort": "System.String[]"}])
    (problem,) = ask.refused(text, "rules.csv")
    assert "LocalPort is a list that was lost" in problem.message
    assert ask.pointed(problem) == "System.String[]"


def test_columns_by_their_class_names(ask: ModuleType) -> None:
    text = as_csv(RULES).decode("utf-8-sig")
    for name, other in (
        ("LocalAddress", "LocalIP"),
        ("Program", "AppPath"),
        ("Service", "ServiceName"),
        ("Name", "InstanceID"),
    ):
        text = text.replace(f'"{name}"', f'"{other}"', 1)
    first, second = loaded("csv", RULES), read([Source("x.csv", text.encode())], {})
    assert [rule.tests for rule in first.rules()] == [rule.tests for rule in second.rules()]


def test_missing_packages_are_said(ask: ModuleType) -> None:
    rows = [{key: value for key, value in exported(rule).items() if key != "Package"} for rule in RULES]
    firewall = read([Source("x.json", json.dumps(rows).encode())], {})
    assert "no Package" in ask.warned(firewall)
    assert firewall.opaque


def test_wrapped_lists_of_windows_powershell(ask: ModuleType) -> None:
    rows = [exported(rule) for rule in RULES]
    for row in rows:
        row["RemoteAddress"] = {"value": row["RemoteAddress"], "Count": 1}
    firewall = read([Source("x.json", json.dumps({"value": rows, "Count": 10}).encode())], {})
    assert [rule.tests for rule in firewall.rules()] == [rule.tests for rule in loaded("json", RULES).rules()]


def test_icmp_rules_are_exported_with_rpc_as_port(ask: ModuleType) -> None:
    row = exported({"Name": "x", "DisplayName": "x", "Protocol": "ICMPv4", "IcmpType": "8", "LocalPort": "RPC"})
    firewall = read([Source("x.json", json.dumps([row]).encode())], {})
    assert ask.passes(firewall, "in icmp 8:0 10.0.0.9 > 10.0.0.1")


def test_an_exported_word_that_is_not_known_is_opaque(ask: ModuleType) -> None:
    row = exported({"Name": "x", "DisplayName": "x", "RemoteAddress": "Moon"})
    firewall = read([Source("x.json", json.dumps([row]).encode())], {})
    assert "Moon" in firewall.opaque[0].reason
    assert not ask.passes(firewall, "in tcp 10.0.0.9 > 10.0.0.1:80")
    assert ask.passes(firewall, "in tcp 10.0.0.9 > 10.0.0.1:80 if=RemoteAddress Moon")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Version": 2}, "version 2"),
        ({"Format": "other"}, "format"),
        ({"Profiles": [{"Name": "Home"}]}, "a profile with the name"),
        ({"Rules": [5]}, "a rule is expected"),
    ],
)
def test_an_export_that_is_not_ours(change: dict[str, object], message: str, ask: ModuleType) -> None:
    export = {**json.loads(as_export(RULES)), **change}
    assert message in ask.refused(json.dumps(export), "x.json")[0].message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"Rules": [', "no JSON"),
        ('{"Rules": [], "Rules": []}', "comes up twice"),
        ("[" * 100000, "nested too deeply"),
        ('[{"LocalPort": 1, "LocalPort": 2}]', "comes up twice"),
        ("[] x", "the end is expected"),
    ],
)
def test_what_is_no_json(text: str, message: str, ask: ModuleType) -> None:
    assert message in ask.refused(text, "x.json")[0].message


# --- the registry ----------------------------------------------------------------------------------


def reg(*lines: str) -> bytes:
    return "\r\n".join(("Windows Registry Editor Version 5.00", "", *lines, "")).encode("utf-16")


def rule_line(value: str, name: str = "r") -> bytes:
    return reg(f"[{LOCAL}\\FirewallRules]", f'"{name}"="{value}"')


ACTIVE = "v2.31|Action=Allow|Active=TRUE|Dir=In|"

#: Registry values, a packet that they let in and one that they do not.
VALUES = {
    "Protocol=6|LPort=80|LPort2_10=90-99|": ("in tcp 10.0.0.9 > 10.0.0.1:99", "in tcp 10.0.0.9 > 10.0.0.1:81"),
    "Protocol=6|LPort=RPC-EPMap|": (
        "in tcp 10.0.0.9 > 10.0.0.1:1 if=local port RPCEPMap",
        "in tcp 10.0.0.9 > 10.0.0.1:1",
    ),
    "Protocol=6|LPort2_10=IPHTTPSIn|": (
        "in tcp 10.0.0.9 > 10.0.0.1:1 if=local port IPHTTPSIn",
        "in tcp 10.0.0.9 > 10.0.0.1:1",
    ),
    "Protocol=17|LPort2_20=Ply2Disc|": (
        "in udp 10.0.0.9 > 10.0.0.1:1 if=local port PlayToDiscovery",
        "in udp 10.0.0.9 > 10.0.0.1:1",
    ),
    "RA4=LocalSubnet|": (
        "in tcp 10.0.0.9 > 10.0.0.1:1 if=remote address LocalSubnet",
        "in tcp [2001:db8::1] > [2001:db8::2]:1 if=remote address LocalSubnet",
    ),
    "RA42=RmtIntrAnet|RA62=RmtIntrAnet|": (
        "in tcp 10.0.0.9 > 10.0.0.1:1 if=remote address IntranetRemoteAccess",
        "in tcp 10.0.0.9 > 10.0.0.1:1",
    ),
    "LA4=10.0.0.0/255.255.255.0|": ("in tcp 192.0.2.1 > 10.0.0.255:1", "in tcp 192.0.2.1 > 10.0.1.0:1"),
    "Profile=Public|": (
        "in tcp 192.0.2.1 > 10.0.0.1:1 profile=public",
        "in tcp 192.0.2.1 > 10.0.0.1:1 profile=private",
    ),
    "Security=Authenticate|Security2=AnE-Nego|": (
        "in tcp 192.0.2.1 > 10.0.0.1:1 if=authentication required+encryption dynamic",
        "in tcp 192.0.2.1 > 10.0.0.1:1",
    ),
    "IF={AB-1}|": ("in tcp 192.0.2.1 > 10.0.0.1:1 if=interface {ab-1}", "in tcp 192.0.2.1 > 10.0.0.1:1"),
    "Svc=*|": ("in tcp 192.0.2.1 > 10.0.0.1:1 if=service *", "in tcp 192.0.2.1 > 10.0.0.1:1"),
    "Edge=TRUE|Defer=App|SkipVer=2.0|Protocol=6|": ("in tcp 192.0.2.1 > 10.0.0.1:1", "in udp 192.0.2.1 > 10.0.0.1:1"),
    "Protocol=256|EmbedCtxt=@FirewallAPI.dll,-1|Name=@x.dll,-2|RA4=10.0.0.9|": (
        "in gre 10.0.0.9 > 10.0.0.1",
        "in gre 10.0.0.8 > 10.0.0.1",
    ),
}


@pytest.mark.parametrize("value", VALUES)
def test_what_a_registry_value_lets_in(value: str, ask: ModuleType) -> None:
    firewall = read([Source("x.reg", rule_line(ACTIVE + value))], {})
    inside, outside = VALUES[value]
    assert not firewall.opaque
    assert ask.passes(firewall, inside)
    assert not ask.passes(firewall, outside)


def test_tokens_that_are_not_known_are_opaque(ask: ModuleType) -> None:
    firewall = read([Source("x.reg", rule_line(ACTIVE + "Moon=full|"))], {})
    assert "Moon full is not known" in firewall.opaque[0].reason
    assert not ask.passes(firewall, "in tcp 192.0.2.1 > 10.0.0.1:1")
    assert ask.passes(firewall, "in tcp 192.0.2.1 > 10.0.0.1:1 if=Moon full")
    without = read([Source("x.reg", rule_line("v2.31|Active=TRUE|Dir=Out|"))], {})
    assert ask.verdict(without, "out tcp 192.0.2.1 > 10.0.0.1:1 if=* the rule has no Action=") is None


def test_absent_active_is_off(ask: ModuleType) -> None:
    firewall = read([Source("x.reg", rule_line("v2.31|Action=Allow|Dir=In|"))], {})
    assert not ask.passes(firewall, "in tcp 192.0.2.1 > 10.0.0.1:1")
    assert "1 disabled rule decides nothing" in ask.warned(firewall)


def test_later_values_replace_earlier_ones_and_deletions_count(ask: ModuleType) -> None:
    key = f"[{LOCAL}\\FirewallRules]"
    first = f'"A"="{ACTIVE}Protocol=6|"'
    passes = {
        "replaced": (reg(key, first, f'"a"="{ACTIVE}Protocol=17|"'), False),
        "deleted": (reg(key, first, '"a"=-'), False),
        "key deleted": (reg(key, first, f"[-{LOCAL}\\FirewallRules]"), False),
        "another key deleted": (reg(key, first, "[-HKEY_LOCAL_MACHINE\\SOFTWARE\\X]"), True),
        "kept": (reg(key, first, "; a comment", "[HKEY_CURRENT_USER\\X]", '"A"="y"', '@="z"'), True),
    }
    for name, (content, wanted) in passes.items():
        assert ask.passes(read([Source("x.reg", content)], {}), "in tcp 192.0.2.1 > 10.0.0.1:1") is wanted, name


def test_bytes_and_continued_lines(ask: ModuleType) -> None:
    raw = (ACTIVE + "Protocol=6|\0").encode("utf-16-le").hex(",")
    lines = [f'"a"=hex(1):{raw[:60]}\\', f"  {raw[60:]}"]
    content = reg(
        f"[{LOCAL}\\FirewallRules]", *lines, f"[{LOCAL}\\PublicProfile]", '"EnableFirewall"=hex(4):01,00,00,00'
    )
    firewall = read([Source("x.reg", content)], {})
    assert ask.passes(firewall, "in tcp 192.0.2.1 > 10.0.0.1:1")
    assert not ask.passes(firewall, "in udp 192.0.2.1 > 10.0.0.1:1")


def test_group_policy_wins_and_may_shut_local_rules_out(ask: ModuleType) -> None:
    policy = f"HKEY_LOCAL_MACHINE\\{POLICY}"
    lines = [
        f"[{policy}\\PublicProfile]",
        '"DefaultInboundAction"=dword:00000001',
        '"AllowLocalPolicyMerge"=dword:00000000',
        f"[{LOCAL}\\PublicProfile]",
        '"DefaultInboundAction"=dword:00000000',
        '"AllowLocalPolicyMerge"=dword:00000000',
        f"[{LOCAL}\\FirewallRules]",
        f'"a"="{ACTIVE}Protocol=6|"',
        f"[{policy}\\FirewallRules]",
        f'"b"="{ACTIVE}Protocol=17|"',
    ]
    firewall = read([Source("x.reg", reg(*lines))], {})
    assert not ask.passes(firewall, "in tcp 192.0.2.1 > 10.0.0.1:1 profile=public")
    assert ask.passes(firewall, "in udp 192.0.2.1 > 10.0.0.1:1 profile=public")
    assert ask.passes(firewall, "in tcp 192.0.2.1 > 10.0.0.1:1 profile=private")
    assert "local rules not count" in ask.warned(firewall)
    alone = read([Source("x.reg", reg(*lines[3:8]))], {})
    assert ask.passes(alone, "in tcp 192.0.2.1 > 10.0.0.1:1 profile=public"), "local settings cannot shut rules out"


def test_shields_up_counts_wherever_it_is_on(ask: ModuleType) -> None:
    up, down = '"DoNotAllowExceptions"=dword:00000001', '"DoNotAllowExceptions"=dword:00000000'
    for local, policy in ((up, down), (down, up)):
        lines = [f"[{LOCAL}\\FirewallRules]", f'"a"="{ACTIVE}"', f"[{LOCAL}\\PublicProfile]", local]
        lines += [f"[HKEY_LOCAL_MACHINE\\{POLICY}\\PublicProfile]", policy]
        firewall = read([Source("x.reg", reg(*lines))], {})
        assert not ask.passes(firewall, "in tcp 192.0.2.1 > 10.0.0.1:1 profile=public")
        assert ask.passes(firewall, "in tcp 192.0.2.1 > 10.0.0.1:1 profile=domain")


def test_an_export_of_another_store_is_not_everything(ask: ModuleType) -> None:
    text = as_export(RULES).replace(b'"ActiveStore"', b'"PersistentStore"')
    assert "other rules on the machine" in ask.warned(read([Source("x.json", text)], {}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (reg("[HKEY_LOCAL_MACHINE\\X]", '"a"="b"'), "no key of Windows Firewall"),
        (reg(f"[{LOCAL}\\FirewallRules", '"a"="b"'), 'a key ends in "]"'),
        (rule_line("Action=Allow|Dir=In|"), "no firewall rule"),
        (rule_line(ACTIVE + "Dir=Out|"), "comes up twice"),
        (rule_line("v2.31|Action=Alow|Active=TRUE|Dir=In|"), 'Action= is "Alow"'),
        (rule_line(ACTIVE + "broken|"), '"broken" is no Name=value'),
        (reg(f"[{LOCAL}\\FirewallRules]", '"a"="open'), "the text does not end"),
        (reg(f"[{LOCAL}\\FirewallRules]", "a=b"), 'a value as "name"='),
        (reg(f"[{LOCAL}\\PublicProfile]", '"EnableFirewall"=dword:00000007'), "EnableFirewall is 7"),
        (b"REGEDIT4\r\n[firewall]\r\n", "is expected first"),
        (
            rule_line("v2.31|Action=Block|Active=TRUE|Dir=In|Protocol=6|LPort=99999|Name=x|").replace(
                "9".encode("utf-16-le"), b"\x00\xd8", 1
            ),
            "no UTF-16 text",
        ),
    ],
)
def test_registry_files_that_cannot_be_read(content: bytes, message: str, ask: ModuleType) -> None:
    assert message in ask.refused(content, "x.reg")[0].message


def test_places_in_registry_files(ask: ModuleType) -> None:
    (problem,) = ask.refused(rule_line("v2.31|Action=Alow|Active=TRUE|Dir=In|"), "x.reg")
    assert (problem.span.line, ask.pointed(problem)) == (4, "Alow")
    pol = b"PReg\x01\0\0\0" + entry("a", "b", 4, b"1234")
    pol += entry(rf"{POLICY}\FirewallRules", "r", 1, "v2.31|Action=Alow|Dir=In|\0".encode("utf-16-le"))
    (problem,) = ask.refused(pol, "Registry.pol")
    assert (problem.span.line, ask.pointed(problem)) == (2, "Alow")


def test_registry_pol_that_is_damaged(ask: ModuleType) -> None:
    whole = as_pol(RULES)
    (problem,) = ask.refused(whole[: len(whole) // 2], "Registry.pol")
    assert "is damaged" in problem.message
    assert problem.span.line > 1
    assert "is damaged" in ask.refused(b"PReg\x01\0\0\0garbage", "Registry.pol")[0].message


def test_registry_pol_deletes_values(ask: ModuleType) -> None:
    added = as_pol(RULES) + entry(rf"{POLICY}\FirewallRules", "**Del.r1", 1, b"")
    assert len(list(read([Source("r.pol", added)], {}).rules())) == len(list(loaded("pol", RULES[1:]).rules()))

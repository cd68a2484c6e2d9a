"""Checks a PowerShell script of ours without PowerShell: a lexical pass, allowed commands, and the rule table.

`check` knows every cmdlet and parameter that may stand in the script and what New-NetFirewallRule accepts;
`rules` reads the table of rules back, accepting our own form and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from fwadvisor.model.address import Family
from fwadvisor.model.rule import Hook
from fwadvisor.model.walk import Packet

_TOKEN = re.compile(
    r"""(?P<space>[ ]+)|(?P<comment>\#[^\r\n]*)|(?P<line>\r\n)|(?P<string>'(?:[^'\r\n]|'')*')
    |(?P<splat>@[A-Za-z]\w*)|(?P<open>@\(|@\{|\(|\{|\[)|(?P<close>[)}\]])
    |(?P<variable>\$(?:env:)?[A-Za-z_]\w*(?:\.\w+)*)|(?P<number>\d+(?:\.\d+)?)
    |(?P<parameter>-[A-Za-z]+(?::)?)|(?P<word>[A-Za-z][A-Za-z0-9-]*)|(?P<punctuation>[=|&;,+.*])""",
    re.VERBOSE,
)
_KEYWORDS = {"if", "foreach", "function", "param", "return", "throw", "in"}
_OPERATORS = {"-eq", "-ne", "-and", "-or", "-not", "-gt", "-like", "-notlike"}
_COMMON = {"-ErrorAction"}
COMMANDS: dict[str, set[str]] = {
    "New-NetFirewallRule": {"-Group", "-Profile", "-Enabled"},
    "Get-NetFirewallRule": {"-Group", "-PolicyStore"},
    "Enable-NetFirewallRule": {"-InputObject"},
    "Disable-NetFirewallRule": {"-InputObject"},
    "Remove-NetFirewallRule": {"-InputObject"},
    "Set-NetFirewallProfile": {
        "-Name", "-Enabled", "-AllowInboundRules", "-LogBlocked", "-DefaultInboundAction", "-DefaultOutboundAction",
    },
    "Get-ScheduledTask": {"-TaskName"},
    "Register-ScheduledTask": {"-Force"},
    "Unregister-ScheduledTask": {"-TaskName", "-Confirm:"},
    "New-ScheduledTaskAction": {"-Execute", "-Argument"},
    "New-ScheduledTaskTrigger": {"-Once", "-At"},
    "New-ScheduledTaskPrincipal": {"-UserId", "-LogonType", "-RunLevel"},
    "New-ScheduledTaskSettingsSet": {"-AllowStartIfOnBatteries", "-DontStopIfGoingOnBatteries", "-StartWhenAvailable"},
    "Get-Date": set(),
    "Join-Path": {"-Path", "-ChildPath"},
    "New-Item": {"-ItemType", "-Path", "-Force"},
    "Out-Null": set(),
    "Remove-Item": {"-LiteralPath"},
    "Set-StrictMode": {"-Version"},
    "Test-Path": {"-LiteralPath"},
    "Where-Object": set(),
    "Write-Output": set(),
    "Write-Warning": set(),
    "Start-Rollback": set(),
    "Stop-Rollback": set(),
}  # fmt: skip
_ATTRIBUTES = {"CmdletBinding", "Parameter", "ValidateRange", "int", "switch", "string", "char"}
_ATTRIBUTE_WORDS = {"SupportsShouldProcess", "DefaultParameterSetName", "ParameterSetName", "Mandatory"}
_NETSH = {"advfirewall", "import", "export"}
_CHANGES = ("Enable-NetFirewallRule", "Disable-NetFirewallRule", "Remove-NetFirewallRule")
_KEYS = {
    "Name", "Direction", "Action", "Protocol", "LocalPort", "RemotePort", "IcmpType", "LocalAddress",
    "RemoteAddress", "InterfaceAlias", "DisplayName", "Description",
}  # fmt: skip
_TASK_KEYS = {"TaskName", "Trigger", "Principal", "Settings", "DefaultInboundAction", "DefaultOutboundAction"}


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    line: int


def tokens(script: str) -> list[Token]:
    """The script's tokens without blanks and comments; double quotes, backticks and subexpressions have none."""
    found, position, line = [], 0, 1
    while position < len(script):
        match = _TOKEN.match(script, position)
        assert match, f"line {line}: {script[position : position + 40]!r} is no token of ours"
        kind = match.lastgroup or ""
        if kind == "comment":
            before = script[position - 1] if position else "\n"
            assert before in " \n", f"line {line}: a comment starts inside a word"
        if kind not in ("space", "comment"):
            found.append(Token(kind, match[0], line))
        line += kind == "line"
        position = match.end()
    return found


def check(content: bytes) -> list[dict[str, list[str]]]:
    """Fail on anything that may not stand in our script; return the rule table."""
    script = content.decode("ascii")
    assert script.endswith("\r\n")
    assert "\n" not in script.replace("\r\n", "")
    assert "\r" not in script.replace("\r\n", "")
    assert all(c.isprintable() for c in script.replace("\r\n", ""))
    assert script.startswith("#Requires -Version 5.1\r\n#Requires -RunAsAdministrator\r\n")
    every = tokens(script)
    _balanced(every)
    _commands(every)
    for line in (_LITERAL.sub("''", line) for line in script.split("\r\n")):
        for change in _CHANGES:
            if change in line and not line.lstrip().startswith("#"):
                guarded = rf"if \(.*(\$\w+)\.Count -gt 0\) \{{ {change} -InputObject \1 \}}$"
                assert re.search(guarded, line), f"mass change: {line}"
    table = rules(script)
    names = [row["Name"][0] for row in table]
    assert len(names) == len(set(names))
    for row in table:
        check_rule(row)
    return table


def _balanced(every: list[Token]) -> None:
    pairs = {"(": ")", "@(": ")", "{": "}", "@{": "}", "[": "]"}
    stack: list[Token] = []
    for token in every:
        if token.kind == "open":
            stack.append(token)
        elif token.kind == "close":
            assert stack, f"line {token.line}: {token.text} closes nothing"
            assert pairs[stack.pop().text] == token.text, f"line {token.line}: {token.text} closes something else"
        if token.kind == "punctuation" and token.text == ";":
            assert stack, f"line {token.line}: a statement after a semicolon"
            assert stack[-1].text == "@{", f"line {token.line}: a statement after a semicolon"
    assert not stack, f"line {stack[-1].line}: never closed"


def _commands(every: list[Token]) -> None:
    command = ""
    for i, token in enumerate(every):
        if token.kind in ("line", "close") or token.text in ("|", "{", "("):
            command = ""
        if token.kind == "word":
            before = every[i - 1] if i else Token("line", "", 0)
            after = every[i + 1] if i + 1 < len(every) else Token("line", "", 0)
            if token.text in COMMANDS:
                command = token.text
            elif after.text == "=":
                assert token.text in _KEYS | _TASK_KEYS | _ATTRIBUTE_WORDS, f"line {token.line}: key {token.text}"
            elif before.text == "[":
                assert token.text in _ATTRIBUTES, f"line {token.line}: attribute {token.text}"
            elif before.text == "&" or token.text in _NETSH:
                assert token.text in _NETSH, f"line {token.line}: word {token.text}"
            elif before.kind == "punctuation" and before.text == ".":
                assert token.text in ("AddMinutes", "Count"), f"line {token.line}: member {token.text}"
            else:
                assert token.text in _KEYWORDS | _ATTRIBUTE_WORDS, f"line {token.line}: command {token.text}"
        elif token.kind == "parameter":
            allowed = COMMANDS.get(command, set()) | _COMMON if command else set()
            assert token.text in allowed | _OPERATORS, f"line {token.line}: {command} {token.text}"
        elif token.kind == "punctuation" and token.text == "&":
            assert every[i + 1].text == "$Netsh", f"line {token.line}: a call of {every[i + 1].text}"


def unquote(text: str) -> str:
    """The value of a literal of ours."""
    assert re.fullmatch(r"'(?:[^'\u2018-\u201b\r\n]|'')*'", text), text
    return text[1:-1].replace("''", "'")


_VALUE = r"(?:\$Set\d+|'(?:[^'\r\n]|'')*'(?:, '(?:[^'\r\n]|'')*')*)"
_ROW = re.compile(rf"    @\{{ (?P<pairs>\w+ = {_VALUE}(?:; \w+ = {_VALUE})*) \}}")
_PAIR = re.compile(rf"(\w+) = ({_VALUE})(?:; |$)")
_SET = re.compile(r"(\$Set\d+) = @\((.*)\)")
_LITERAL = re.compile(r"'(?:[^'\r\n]|'')*'")


def rules(script: str) -> list[dict[str, list[str]]]:
    """The rule table; every line between its brackets must be a row of ours."""
    lines = script.split("\r\n")
    sets = {m[1]: [unquote(v) for v in _LITERAL.findall(m[2])] for line in lines if (m := _SET.fullmatch(line))}
    start, table = lines.index("$Rules = @("), []
    for line in lines[start + 1 : lines.index(")", start)]:
        row = _ROW.fullmatch(line)
        assert row, line
        values: dict[str, list[str]] = {}
        for key, value in _PAIR.findall(row["pairs"]):
            assert key not in values, f"{key} twice"
            values[key] = sets[value] if value.startswith("$") else [unquote(v) for v in _LITERAL.findall(value)]
        table.append(values)
    return table


def defaults(script: str) -> dict[Hook, str]:
    """The profile defaults that the script sets."""
    return {
        Hook.INPUT: re.search(r"^\$InboundDefault = '(Allow|Block)'\r$", script, re.M)[1],  # type: ignore[index]
        Hook.OUTPUT: re.search(r"^\$OutboundDefault = '(Allow|Block)'\r$", script, re.M)[1],  # type: ignore[index]
    }


def check_rule(row: dict[str, list[str]]) -> None:
    """Fail on what New-NetFirewallRule refuses."""
    assert set(row) <= _KEYS
    for key in ("Name", "Direction", "Action", "Protocol", "DisplayName", "Description"):
        assert len(row[key]) == 1, key
    assert re.fullmatch(r"[a-z0-9-]{1,80}", row["Name"][0])
    assert row["Direction"][0] in ("Inbound", "Outbound")
    assert row["Action"][0] in ("Allow", "Block")
    for key in ("DisplayName", "Description"):
        assert 1 <= len(row[key][0]) <= 1000
        assert "|" not in row[key][0]
    assert row["DisplayName"][0].lower() != "all"
    protocol = row["Protocol"][0]
    assert protocol in ("Any", "TCP", "UDP", "ICMPv4", "ICMPv6") or (protocol.isdigit() and 0 <= int(protocol) <= 255)
    assert protocol not in ("1", "6", "17", "58"), "a protocol with a name goes by it"
    for key, entries in row.items():
        assert 1 <= len(entries) <= 1000, key
        assert len(entries) == len(set(entries)), key
    for key in ("LocalPort", "RemotePort"):
        assert key not in row or protocol in ("TCP", "UDP")
        for entry in row.get(key, []):
            first, last = _port_range(entry)
            assert 0 <= first <= last <= 65535, entry
    assert "IcmpType" not in row or protocol in ("ICMPv4", "ICMPv6")
    for entry in row.get("IcmpType", []):
        assert re.fullmatch(r"\d{1,3}(:\d{1,3})?", entry)
        assert all(int(part) <= 255 for part in entry.split(":")), entry
    families = [{_family(entry) for entry in row.get(key, [])} for key in ("LocalAddress", "RemoteAddress")]
    assert not families[0] or not families[1] or families[0] == families[1], "a family that can never match"
    for entry in (*row.get("LocalAddress", []), *row.get("RemoteAddress", [])):
        _check_address(entry, protocol)
    for name in row.get("InterfaceAlias", []):
        assert not set(name) & set("*?[]|`'\""), name


def _port_range(entry: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)(?:-(\d+))?", entry)
    assert match, entry
    return int(match[1]), int(match[2] or match[1])


def _family(entry: str) -> Family:
    return Family.IPV6 if ":" in entry else Family.IPV4


def _check_address(entry: str, protocol: str) -> None:
    assert protocol != "ICMPv4" or ":" not in entry, entry
    assert protocol != "ICMPv6" or ":" in entry, entry
    if "/" in entry:
        network = ip_network(entry, strict=True)
        assert 1 <= network.prefixlen < network.max_prefixlen, entry
    elif "-" in entry:
        first, last = map(ip_address, entry.split("-"))
        assert first.version == last.version, entry
        assert int(first) < int(last), entry
        assert int(last) - int(first) < (1 << first.max_prefixlen) - 1, entry
    else:
        ip_address(entry)


def _holds(entries: list[str], family: Family, value: int) -> bool:
    for entry in entries:
        if _family(entry) is not family:
            continue
        if "-" in entry:
            first, last = (int(ip_address(end)) for end in entry.split("-"))
        elif "/" in entry:
            network = ip_network(entry)
            first, last = int(network.network_address), int(network.broadcast_address)
        else:
            first = last = int(ip_address(entry))
        if first <= value <= last:
            return True
    return False


_NUMBERS = {"TCP": 6, "UDP": 17, "ICMPv4": 1, "ICMPv6": 58}


def matches(row: dict[str, list[str]], packet: Packet) -> bool:
    """Whether a rule of the table holds for a packet, as Windows Firewall reads it."""
    inbound = packet.hook is Hook.INPUT
    if (row["Direction"][0] == "Inbound") is not inbound:
        return False
    protocol = row["Protocol"][0]
    if protocol != "Any" and packet.protocol != (_NUMBERS.get(protocol) or int(protocol)):
        return False
    ends = (packet.destination, packet.source) if inbound else (packet.source, packet.destination)
    ports = (packet.destination_port, packet.source_port) if inbound else (packet.source_port, packet.destination_port)
    for key, value in zip(("LocalAddress", "RemoteAddress"), ends, strict=True):
        if key in row and not _holds(row[key], packet.family, value):
            return False
    for key, port in zip(("LocalPort", "RemotePort"), ports, strict=True):
        if key in row and not any(a <= port <= b for a, b in map(_port_range, row[key])):
            return False
    if "IcmpType" in row:
        wanted = {str(packet.icmp_type), f"{packet.icmp_type}:{packet.icmp_code}"}
        if not wanted.intersection(row["IcmpType"]):
            return False
    name = packet.in_interface if inbound else packet.out_interface
    return "InterfaceAlias" not in row or name in row["InterfaceAlias"]


def allows(table: list[dict[str, list[str]]], defaults: dict[Hook, str], packet: Packet) -> bool:
    """What Windows Firewall does with a new packet: Block over Allow over the default."""
    actions = {row["Action"][0] for row in table if matches(row, packet)}
    if "Block" in actions:
        return False
    return "Allow" in actions or defaults[packet.hook] == "Allow"

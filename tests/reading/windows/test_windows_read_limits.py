"""Any bytes end in a firewall or a ReadError, soon; large files are fast."""

from __future__ import annotations

import random
import time
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fwadvisor.dialects.reading.source import MOST_BYTES, Source
from fwadvisor.dialects.reading.windows import read, recognize
from fwadvisor.errors import ReadError
from fwadvisor.model.firewall import Firewall

ROOT = Path(__file__).parents[3]
OWN = (ROOT / "tests/cases/main-job/expected/windows.ps1").read_bytes()
SCRIPT = (
    b"param([int] $a = 3, [switch] $b)\n$r = @{ DisplayName = \"x $a\"; Protocol = 'TCP'; LocalPort = 80, 443 }\n"
    b'foreach ($i in 1..3) { if ($i -gt 1 -and -not $b) { New-NetFirewallRule @r -Name "n$i" } '
    b"else { 'a' | Out-Null } }\n"
    b"function F($p) { try { New-NetFirewallRule -DisplayName $p -RemoteAddress 10.0.0.0/8,LocalSubnet } "
    b"catch { throw } }\n"
    b"F 'one'; $t = @'\n'x'\n'@\n"
    b"80..82 | Where-Object { $_ -ne 81 } | % { New-NetFirewallRule -DisplayName ('p{0}' -f $_) }\n"
    b"Get-NetFirewallRule -Name n2 | Set-NetFirewallRule -Enabled False\nnetsh advfirewall set allprofiles state on\n"
    b"$h = [ordered]@{ a = 1 }; $h.b = $h['a'] + 2; $h.Keys -join ','; [string[]]$l = @(); $l += \"`$($h.b)\"; $l[0]\n"
    b"Set-NetFirewallProfile -Name Domain -DefaultInboundAction Block; while ($x -lt 3) { $x++ }\n"
)
REG = (
    "Windows Registry Editor Version 5.00\r\n\r\n"
    "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Microsoft\\WindowsFirewall\\FirewallRules]\r\n"
    '"a"="v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort2_10=80-90|RA4=10.0.0.0/255.0.0.0|Name=x|"\r\n"b"=hex(1):76,00\r\n'
)
CSV = b'"Name","DisplayName","Enabled","LocalPort"\n"a","b","True","80"\n'


def outcome(content: bytes, name: str = "x.ps1") -> Firewall | tuple[str, ...]:
    """The firewall, or the messages; anything else is a failure."""
    source = Source(name, content)
    assert 0 <= recognize(source) <= 100
    try:
        return read([source], {})
    except ReadError as refusal:
        return tuple(each.message for each in refusal.diagnostics)


def mutated(raw: bytes, source: random.Random) -> bytes:
    """A few bytes changed, cut out, or put in twice."""
    content = bytearray(raw)
    for _ in range(source.randint(1, 6)):
        at = source.randrange(len(content) or 1)
        match source.randrange(4):
            case 0:
                content[at : at + 1] = source.choice(
                    (b"'", b'"', b"(", b")", b"{", b"}", b"@", b"$", b"`", b"\n", b"|", b"\xe2\x80\x99")
                )
            case 1:
                del content[at : at + source.randint(1, 40)]
            case 2:
                content[at:at] = content[at : at + source.randint(1, 60)]
            case _:
                content[at : at + 1] = bytes((source.randrange(256),))
    return bytes(content[: source.randint(1, len(content))] if source.random() < 0.2 else content)


@settings(max_examples=500, deadline=None)
@given(seed=st.integers(0, 2**48), which=st.integers(0, 4))
def test_mutations_end_in_a_firewall_or_an_error(seed: int, which: int) -> None:
    raw = (SCRIPT, OWN[3000:9000], REG.encode("utf-16"), REG.encode(), CSV)[which]
    started = time.perf_counter()
    outcome(mutated(raw, random.Random(seed)))
    assert time.perf_counter() - started < 5


@settings(max_examples=150, deadline=None)
@given(
    content=st.one_of(
        st.binary(max_size=200), st.text("$@(){}[]'\"`-|;,=.<>#&+ \nabN1:*\\%!", max_size=120).map(str.encode)
    )
)
def test_any_bytes(content: bytes) -> None:
    outcome(content)
    outcome(b"PReg\x01\0\0\0" + content)
    outcome(b"New-NetFirewallRule " + content)


NEW = "New-NetFirewallRule -DisplayName x "
#: Scripts that would take for ever, or all memory.
ENDLESS = {
    "while": "while ($true) { $a = 1 }",
    "for": "for ($i = 0; $i -lt 1000000000; $i++) { " + NEW + "}",
    "text": "$a = 'aaaaaaaaaa'\nforeach ($i in 1..10000) { $a = $a + $a }\n" + NEW,
    "list": "$a = 1, 2\nforeach ($i in 1..10000) { $a += $a }\n" + NEW,
    "list of rules": "$a = @('10.0.0.1') * 90000\nforeach ($i in 1..90000) { " + NEW + "-RemoteAddress $a }",
    "range": NEW + "-LocalPort (1..1000000000)",
    "recursion": "function f { f; " + NEW + "}\nf",
    "many queries": "foreach ($i in 1..50000) { " + NEW + '-Name "n$i"; Get-NetFirewallRule -DisplayName y }',
    "many conditions": "foreach ($i in 1..90000) { if (Test-Path x) { " + NEW + "} }",
    "interpolation": "$a = 'x' * 90000\nforeach ($i in 1..90000) { $b = \"$a$a$a$a$a\" }",
    "wildcards": "foreach ($i in 1..90000) { if (('a' * 5000) -like '*a*b*c') { } }",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_would_not_end_ends(name: str) -> None:
    started = time.perf_counter()
    outcome(ENDLESS[name].encode())
    assert time.perf_counter() - started < 10


#: Texts nested deeper than anybody writes.
DEEP = (
    "(",
    "@(",
    "@{a=",
    "$(",
    "{",
    "if ($x) {",
    "!",
    "-not ",
    "[int]",
    "$a[",
    "f (",
    '"$(',
    "1+(",
    "@{a=@(",
    "-join ",
)


@pytest.mark.parametrize("mark", DEEP)
def test_deep_nesting_is_a_diagnostic(mark: str) -> None:
    found = outcome(b"$x = " + mark.encode() * 20000)
    assert isinstance(found, tuple)
    assert "nested too deeply" in found[0] or "expected" in found[0]


@pytest.mark.parametrize(
    "text",
    [
        "$x = 1" + " + 1" * 50000,
        "$x" + ".a" * 50000,
        "if ($x) {}" + " elseif ($x) {}" * 3000,
        "'a'" + ",'b'" * 50000,
        "a" + " | a" * 20000,
        "$x" + "[0]" * 20000,
    ],
)
def test_long_chains_are_no_nesting(text: str) -> None:
    started = time.perf_counter()
    outcome(text.encode())
    assert time.perf_counter() - started < 5


def large(count: int) -> bytes:
    """Our own script with many rules."""
    head, _, rest = OWN.partition(b"$Rules = @(\r\n")
    _, _, tail = rest.partition(b"\r\n)\r\n")
    rows = [
        f"    @{{ Name = 'in-{n:05d}'; Direction = 'Inbound'; Action = '{'Block' if n % 7 == 0 else 'Allow'}'; "
        f"Protocol = 'TCP'; LocalPort = '{n % 60000 + 1}', '{n % 60000 + 3}-{n % 60000 + 9}'; "
        f"RemoteAddress = '10.{n // 256 % 256}.{n % 256}.0/24', '192.168.{n % 256}.7'; "
        f"DisplayName = 'in {n:05d} some rule: peers to self'; Description = 'profile:{n}; a reason' }}"
        for n in range(count)
    ]
    return head + b"$Rules = @(\r\n" + "\r\n".join(rows).encode() + b"\r\n)\r\n" + tail


def test_ten_thousand_rules_are_read_in_time() -> None:
    source = Source("x.ps1", large(10000))
    best = 99.0
    for _ in range(3):
        started = time.process_time()
        firewall = read([source], {})
        best = min(best, time.process_time() - started)
        if best < 1.5:
            break
    assert len(firewall.chains["inbound"].rules) == 10000
    assert best < 1.5


#: A quarter of the largest size; beyond, most of these are refused for their parts or rules alone.
_SIZE = MOST_BYTES // 4
LARGE = {
    "our rules": large(16000),
    "one text": b"New-NetFirewallRule -DisplayName '" + b"x" * (_SIZE) + b"'",
    "open quote": b"New-NetFirewallRule -DisplayName '" + b"x\n" * (_SIZE // 2),
    "quotes": b"New-NetFirewallRule -DisplayName " + b"'" * (_SIZE - 1),
    "comments": b"# New-NetFirewallRule\n" + b"<# #> # a\n" * (_SIZE // 10),
    "blanks": b"New-NetFirewallRule " + b" `\n" * (_SIZE // 3),
    "commands": b"New-NetFirewallRule -DisplayName x\n" * (_SIZE // 35),
    "doubled": b'New-NetFirewallRule -DisplayName "' + b"$a" * (_SIZE // 2) + b'"',
    "registry": REG.encode()
    + b'"x"="v2.31|Action=Allow|Active=TRUE|Dir=In|Protocol=6|LPort=80|RA4=10.0.0.1|"\r\n' * 53000,
}


@pytest.mark.parametrize("name", LARGE)
def test_large_files_are_read_or_refused_in_time(name: str) -> None:
    assert len(LARGE[name]) > _SIZE - 100_000
    started = time.process_time()
    outcome(LARGE[name], "x.reg" if name == "registry" else "x.ps1")
    assert time.process_time() - started < 10


def test_recognition() -> None:
    wanted = {
        OWN: True,
        SCRIPT: True,
        REG.encode("utf-16"): True,
        REG.encode(): True,
        b"PReg\x01\0\0\0": True,
        b"netsh advfirewall firewall add rule name=a dir=in action=allow\r\n": True,
        b"[CmdletBinding()]\nparam()\nNew-NetFirewallRule -DisplayName x": True,
        b"": False,
        b"\xff\xfe\x00": False,
        b"table inet filter { }": False,
        b"*filter\n:INPUT DROP [0:0]\nCOMMIT\n": False,
        b"block in all\npass out keep state\n": False,
        b'{"nftables": [{"table": {}}]}': False,
        b"#!/bin/sh\nset -e\n": False,
    }
    for content, windows in wanted.items():
        assert (recognize(Source("x", content)) >= 50) is windows, content[:40]


def test_nothing_of_another_file_is_guessed(ask: ModuleType) -> None:
    for content in (b"", b"\x00\x01", b"plain words", b"{}", b"[]"):
        found = outcome(content, "x")
        assert isinstance(found, tuple) or found.opaque or not list(found.rules())

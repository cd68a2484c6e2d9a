"""PowerShell as people write it: what can be known of it is read, and everything else is said loudly."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from fwadvisor.model.firewall import Field, Firewall, IntegerTest
from fwadvisor.model.rule import Verdict

Script = Callable[..., Firewall]
NEW = "New-NetFirewallRule -DisplayName"
#: The two rules that most scripts here make.
WEB, TLS = f"{NEW} a -Protocol TCP -LocalPort 80", f"{NEW} b -Protocol TCP -LocalPort 443"


def ports(firewall: Firewall, chain: str = "inbound") -> list[int]:
    """The first destination port of each rule."""
    return [
        test.values[0][0]
        for rule in firewall.chains[chain].rules
        for test in rule.tests
        if isinstance(test, IntegerTest) and test.field is Field.DESTINATION_PORT
    ]


#: Scripts that make rules for the ports 80 and 443, and nothing that is not known.
SAME = {
    "two commands": f"{WEB}\n{TLS}",
    "one line": f"{WEB}; {TLS}",
    "any case, short names": "new-netfirewallrule -disp a -prot tcp -localp 80\n"
    "NEW-NETFIREWALLRULE -DISP b -PROT 6 -LOCALP 443",
    "foreach over a list": f'foreach ($p in 80, 443) {{ {NEW} "p $p" -Protocol TCP -LocalPort $p }}',
    "foreach over a variable": "$ports = @(80, 443)\nforeach ($p in $ports)\n"
    f"{{\n  {NEW} p -Protocol TCP -LocalPort $p\n}}",
    "added to a list": f"$ports = @()\n$ports += 80\n$ports += '443'\n"
    f"foreach($p in $ports){{{NEW} p -Protocol TCP -LocalPort $p}}",
    "splatted": "$r = @{\n  DisplayName = 'x'   # why\n  Protocol = 'TCP'\n  LocalPort = 80\n}\n"
    "New-NetFirewallRule @r\n"
    "$r.LocalPort = 443; New-NetFirewallRule @r",
    "splatted with more": "$r = @{ Protocol = 'TCP' }\nNew-NetFirewallRule @r -DisplayName a -LocalPort 80\n"
    "New-NetFirewallRule -DisplayName b @r -LocalPort 443",
    "list of hashtables": "$rules = @(\n @{ DisplayName = 'a'; Protocol = 'TCP'; LocalPort = '80' }\n"
    " @{ DisplayName = 'b'; Protocol = 'TCP'; LocalPort = '443' }\n)\n"
    "foreach ($r in $rules) { New-NetFirewallRule @r | Out-Null }",
    "hashtables with commas": "$rules = @{ DisplayName = 'a'; Protocol = 'TCP'; LocalPort = 80 },\n"
    "@{ DisplayName = 'b'\n"
    "Protocol = 'TCP'\nLocalPort = 443 }\n$rules | ForEach-Object { New-NetFirewallRule @_ }",
    "hashtable of ports": "$p = [ordered]@{ web = 80; tls = 443 }\nforeach ($e in $p.GetEnumerator()) {\n"
    f' {NEW} "$($e.Key) in" -Protocol TCP -LocalPort $e.Value\n}}',
    "keys of a hashtable": f"$p = @{{ web = 80; tls = 443 }}\n"
    f"foreach ($k in $p.Keys) {{ {NEW} $k -Protocol TCP -LocalPort $p[$k] }}",
    "pipeline": f'80, 443 | ForEach-Object {{ {NEW} "p$_" -Protocol TCP -LocalPort $_ }}',
    "pipeline with a filter": f"80, 22, 443 | ? {{ $_ -ne 22 }} | % {{ {NEW} p -Protocol TCP -LocalPort $_ }}",
    "backtick": f"{NEW} a `\n  -Protocol TCP `\n  -LocalPort 80\n{TLS} -Profile `\n Any",
    "comments": f"<# about\n #> {NEW} a <# here #> -Protocol TCP -LocalPort 80 # and {NEW} c\n#{NEW} d\n{TLS}",
    "typographic quotes and dashes": f"{NEW} \u2018a\u2019 \u2013Protocol \u201cTCP\u201d \u2014LocalPort 80\n{TLS}",
    "quotes in quotes": f"{NEW} 'it''s \u2019\u2019 `n $x' -Protocol TCP -LocalPort 80\n"
    f'{NEW} "a ""b"" `$x `" \'c\'" -Protocol TCP -LocalPort 443',
    "here-strings": f"$t = @'\nfirst\n {NEW} x -LocalPort 1 '@ no\n'@\n$u = @\"\nname $t\n\"@\n"
    f"{NEW} a -Description $t -Protocol TCP -LocalPort 80\n"
    f"{NEW} b -Description $u -Protocol TCP -LocalPort 443",
    "casts": f"[string[]] $p = '80', '443'\n[int]$n = '80'\n"
    f"foreach ($x in $p) {{ [void]({NEW} p -Protocol TCP -LocalPort ([string]$x)) }}",
    "assigned": f"$null = {WEB}\n$rule = {TLS} -ErrorAction Stop",
    "redirected": f"{WEB} > $null\n{TLS} 2>&1 | Out-File log.txt",
    "for and arithmetic": f'for ($i = 0; $i -lt 2; $i++) {{ {NEW} "n$i" -Protocol TCP -LocalPort (80 + 363 * $i) }}',
    "range and format": f"foreach ($i in 0..1) {{ {NEW} ('rule {{0}}' -f $i) -Protocol TCP "
    f"-LocalPort @(80, 443)[$i] }}",
    "function": "function Open-Port {\n param([string] $Name, [int] $Port = 443, [switch] $Udp)\n $p = 'TCP'\n"
    " if ($Udp) { $p = 'UDP' }\n"
    f" {NEW} $Name -Protocol $p -LocalPort $Port\n}}\nOpen-Port web 80\nOpen-Port -Name 'tls'",
    "known conditions": f"$tls = $true\n{WEB}\nif ($tls -and 2 -gt 1) {{ {TLS} }} else {{ {NEW} c }}",
    "while": f"$n = 0\n"
    "while ($n -lt 2) { $n += 1; if ($n -eq 1) { $p = 80 } else { $p = 443 }\n"
    f"{NEW} x -Protocol TCP -LocalPort $p }}",
    "try": f"try {{ {WEB} }} catch {{ Write-Error 'no' }} finally {{ {TLS} }}",
    "made disabled, then enabled": f"{NEW} a -Name n1 -Group g -Enabled False -Protocol TCP -LocalPort 80\n"
    f"{NEW} b -Name n2 -Group g -Enabled False -Protocol TCP -LocalPort 443\nEnable-NetFirewallRule -Group g",
    "removed again": f"{WEB}\n{NEW} x -Name gone -Protocol TCP -LocalPort 22\n{TLS}\nRemove-NetFirewallRule -Name gone",
    "removed by a query": f"{NEW} x -Name 'old-1' -Protocol TCP -LocalPort 22\n{WEB}\n{TLS}\n"
    "Get-NetFirewallRule -DisplayName x | Remove-NetFirewallRule -Confirm:$false",
    "changed": f"{NEW} a -Name n -Protocol UDP -LocalPort 1\n"
    f"Set-NetFirewallRule -Name n -Protocol TCP -LocalPort 80 -NewDisplayName z\n{TLS}",
    "taken again after it was removed": f"{NEW} a -Name n -Protocol TCP -LocalPort 1\nRemove-NetFirewallRule -Name N\n"
    f"{NEW} a -Name n -Protocol TCP -LocalPort 80\n{TLS}",
    "disabled": f"{WEB}\n{TLS}\n{NEW} c -Name c -Protocol TCP -LocalPort 22\nDisable-NetFirewallRule c",
    "not created": f"{WEB}\n{TLS}\n{NEW} c -Protocol TCP -LocalPort 22 -WhatIf",
    "said alone": f"{WEB}\n{TLS}\n$WhatIfPreference = $true\n{NEW} c -Protocol TCP -LocalPort 22",
    "around it": "#Requires -RunAsAdministrator\nusing namespace System\nSet-StrictMode -Version 3.0\n"
    "$ErrorActionPreference = 'Stop'\nImport-Module NetSecurity\n"
    f'Write-Host "opening $(Get-Date)" -ForegroundColor Green\nStart-Service W32Time\n{WEB}\n{TLS}\n'
    "netsh advfirewall firewall show rule name=all | Out-File x.txt\nGet-NetFirewallRule | Format-Table",
}


@pytest.mark.parametrize("name", SAME)
def test_what_can_be_known_is_read(name: str, script: Script) -> None:
    firewall = script(SAME[name])
    assert not firewall.opaque
    assert ports(firewall) == [80, 443]
    assert not firewall.chains["outbound"].rules


def test_interpolation_is_exact(script: Script) -> None:
    firewall = script(
        "$a = 'x'; $h = @{ k = 'v' }\n"
        f'{NEW} "$a.b ${{a}}c $($h.k) $($a + \'y\') `$a $ $env:SystemRoot\\z" -Description @"\n1 `"2" $a\n"@'
    )
    assert firewall.chains["inbound"].rules[0].comment == 'x.b xc v xy $a $ %SystemRoot%\\z: 1 "2" x'


def test_typographic_quotes_end_a_text(script: Script) -> None:
    firewall = script(f"{NEW} 'a\u2019; Remove-NetFirewallRule; {NEW} \u2018b' -Protocol TCP -LocalPort 80")
    assert "without a selector removes every rule" in "\n".join(each.message for each in firewall.warnings)
    assert [rule.comment for rule in firewall.chains["inbound"].rules] == ["b"]


def test_two_hundred_characters_with_quotes(script: Script) -> None:
    comment = ("it's \u201cso\u201d \u2019 #> ; | $(x) `n " * 6)[:200]
    quoted = "".join(c * 2 if c in "'\u2018\u2019\u201a\u201b" else c for c in comment)
    firewall = (
        script(f"{NEW} x -Description '{quoted}'")
        if "|" not in comment
        else script(f"{NEW} x -Description '{quoted.replace('|', '/')}'")
    )
    assert firewall.chains["inbound"].rules[0].comment == f"x: {comment.replace('|', '/')}"


# --- what is not known -----------------------------------------------------------------------------

#: Scripts, and which packet to TCP port 80 is not known any more.
NOT_KNOWN = {
    "condition": f"if (Test-Path C:\\x) {{ {WEB} }}",
    "else": f"if (Test-Path C:\\x) {{ }} else {{ {WEB} }}",
    "return before": f"if (Test-Path C:\\x) {{ return }}\n{WEB}",
    "condition on the machine's rules": f"if (-not (Get-NetFirewallRule -DisplayName a -EA 0)) {{ {WEB} }}",
    "loop": f"foreach ($p in Get-Content ports.txt) {{ {NEW} a -Protocol TCP -LocalPort $p }}",
    "pipeline": f"Import-Csv x.csv | ForEach-Object {{ {NEW} $_.Name -Protocol TCP -LocalPort $_.Port }}",
    "number of what is not known": f"$a = @(1) + @(Get-Peer)\nif ($a.Count -gt 1) {{ {WEB} }}",
    "while": f"while (Test-Connection x) {{ {WEB} }}",
    "switch": f"switch ($env:COMPUTERNAME) {{ 'web' {{ {WEB} }} default {{ }} }}",
    "catch": f"try {{ Get-Item x }} catch {{ {WEB} }}",
    "port": f"{NEW} a -Protocol TCP -LocalPort (Get-Port)",
    "address": f"$a = (Resolve-DnsName x).IPAddress\n{NEW} a -Protocol TCP -RemoteAddress $a, 10.0.0.1",
    "protocol": f"{NEW} a -Protocol $p -LocalPort 80",
    "action": f"{WEB} -Action $args[0]",
    "enabled": f"{WEB} -Enabled $on",
    "direction": f"{NEW} a -Protocol TCP -Direction $d",
    "text with a variable": f'{NEW} a -Protocol TCP -LocalPort "$first-90"',
    "splat": "$r = Import-PowerShellDataFile x.psd1\nNew-NetFirewallRule @r",
    "hashtable from elsewhere": "$r = @{ DisplayName = 'a' }\n$r += (Get-More)\nNew-NetFirewallRule @r",
    "enabled perhaps": f"{NEW} a -Name n -Protocol TCP -LocalPort 80 -Enabled False\n"
    f"if (Test-Path x) {{ Enable-NetFirewallRule -Name n }}",
    "removed perhaps": f"{NEW} a -Name n -Protocol TCP -LocalPort 80\n"
    f"if (Test-Path x) {{ Remove-NetFirewallRule -Name n }}",
    "removed by what is not known": f"{NEW} a -Name n -Protocol TCP -LocalPort 80\nRemove-NetFirewallRule -Name $which",
    "changed perhaps": f"{NEW} a -Name n -Protocol UDP\n"
    "if (Test-Path x) { Set-NetFirewallRule -Name n -Protocol TCP }",
    "rules of the machine": "Enable-NetFirewallRule -DisplayGroup 'Remote Desktop'",
    "rules of the machine, by a query": "Get-NetFirewallRule -DisplayGroup RDP | Set-NetFirewallRule -Enabled True",
    "rules of a built-in group": f"{NEW} a -Group '@x.dll,-1'\nEnable-NetFirewallRule -Group '@x.dll,-1'",
    "all rules of the machine": "Enable-NetFirewallRule",
    "default": "Set-NetFirewallProfile -DefaultInboundAction $x",
    "default perhaps": "if (Test-Path x) { Set-NetFirewallProfile -DefaultInboundAction Allow }",
    "profile perhaps off": "if (Test-Path x) { Set-NetFirewallProfile -All -Enabled False }",
    "another script": ". .\\common.ps1",
    "a program": "& $env:TEMP\\setup.exe /S",
    "a cmdlet of the firewall": "Copy-NetFirewallRule -Name x -NewName y",
    "a cmdlet of others": "Install-Everything",
    "registry": "Set-ItemProperty 'HKLM:\\SYSTEM\\CurrentControlSet\\Services\\SharedAccess\\Parameters"
    "\\FirewallPolicy\\PublicProfile' EnableFirewall 0",
    "registry, by a variable": "$k = 'HKLM:\\SOFTWARE\\Policies\\Microsoft\\WindowsFirewall'\n"
    "New-ItemProperty -Path $k -Name x -Value 1",
    "reg.exe": "reg add HKLM\\SOFTWARE\\Policies\\Microsoft\\WindowsFirewall\\PublicProfile /v EnableFirewall /d 0",
    "service": "Stop-Service -Name mpssvc -Force",
    "com": "$fw = New-Object -ComObject HNetCfg.FwPolicy2\n$fw.Rules.Add($r)",
    "text as code": "Invoke-Expression $code",
    "netsh": "netsh advfirewall reset",
    "netsh import": "netsh advfirewall import C:\\policy.wfw",
    "other netsh": 'netsh advfirewall firewall set rule group="remote desktop" new enable=yes',
    "netsh perhaps": "if (Test-Path x) {\n"
    "netsh advfirewall firewall add rule name=a dir=in action=allow protocol=tcp localport=80 }",
}


@pytest.mark.parametrize("name", NOT_KNOWN)
def test_what_cannot_be_known_is_opaque_and_decides_nothing_silently(
    name: str, script: Script, ask: ModuleType
) -> None:
    firewall = script(NOT_KNOWN[name])
    assert firewall.opaque
    assert all(each.reason and each.span.source for each in firewall.opaque)
    doubted = [
        test.condition.name
        for rule in firewall.rules()
        for test in rule.tests
        if hasattr(test, "condition") and not test.condition.understood
    ]
    text = "in tcp 10.0.0.9 > 10.0.0.1:80"
    verdicts = {ask.verdict(firewall, text)}
    verdicts |= {ask.verdict(firewall, f"{text} if={'+'.join(doubted)}")} if doubted else set()
    assert len(verdicts) > 1 or None in verdicts, "whether the packet passes must depend on what is not known"


def test_both_ways_of_a_condition(script: Script, ask: ModuleType) -> None:
    firewall = script(
        f"if (Test-Path x) {{ $p = 80 }} else {{ $p = 81; {NEW} b -Protocol TCP -LocalPort 22 }}\n"
        f"{NEW} a -Protocol TCP -LocalPort $p\n{NEW} c -Protocol TCP -LocalPort 443"
    )
    condition = "if (Test-Path x)"
    assert ask.verdict(firewall, f"in tcp 10.0.0.9 > 10.0.0.1:22 if={condition}") is Verdict.DROP
    assert ask.verdict(firewall, "in tcp 10.0.0.9 > 10.0.0.1:22") is Verdict.ACCEPT
    assert ask.verdict(firewall, "in tcp 10.0.0.9 > 10.0.0.1:443") is Verdict.ACCEPT
    assert ask.verdict(firewall, "in tcp 10.0.0.9 > 10.0.0.1:80 if=-LocalPort $p") is Verdict.ACCEPT


def test_known_conditions_do_not_hide_what_is_not_known(script: Script) -> None:
    firewall = script(f"if ($false -and (Test-Path x)) {{ {NEW} a }}\nif ($true -or (Test-Path x)) {{ {NEW} b }}")
    assert not firewall.opaque
    assert [rule.comment for rule in firewall.chains["inbound"].rules] == ["b"]


@pytest.mark.parametrize(
    "command", ["Remove-NetFirewallRule", "Disable-NetFirewallRule", "Remove-NetFirewallRule -All"]
)
def test_a_mass_change_is_warned_of(command: str, script: Script) -> None:
    firewall = script(f"{NEW} a -Name n -Protocol TCP -LocalPort 80\n{command}\n{TLS}")
    warning = next(each for each in firewall.warnings if "mass change" in each.message)
    assert warning.span is not None
    assert warning.span.line == 2
    assert ports(firewall) == [443]


def test_with_a_selector_it_is_none(script: Script) -> None:
    firewall = script(f"{NEW} a -Name n -Protocol TCP -LocalPort 80\nRemove-NetFirewallRule -Name n")
    assert not any("mass change" in each.message for each in firewall.warnings)
    assert ports(firewall) == []


def test_a_script_is_read_as_run_without_arguments(script: Script, ask: ModuleType) -> None:
    firewall = script(
        "param([string] $Peers = '10.0.0.0/8', [switch] $Open)\n"
        f"{NEW} a -RemoteAddress $Peers\nif ($Open) {{ {NEW} b }}"
    )
    assert "parameter -peers is read with its default" in ask.warned(firewall)
    assert "without arguments" in ask.warned(firewall)
    assert ask.passes(firewall, "in tcp 10.0.0.9 > 10.0.0.1:80")
    assert not ask.passes(firewall, "in tcp 192.0.2.1 > 10.0.0.1:80")


#: Texts that PowerShell refuses, what stands under the caret, and a part of the message.
NO_SCRIPTS = {
    "'a": ("'", "the text does not end"),
    '$x = "a\n b': ('"', "the text does not end"),
    "@'\nabc": ("@'", "here-string does not end"),
    "<# abc": ("<#", "comment does not end"),
    "if ($x) { a": ("{", "block does not end"),
    "$x = @(1, 2": ("@", "does not end"),
    "$x = @{ a = 1": ("@{", "does not end"),
    "$x = @{ a 1 }": ("1", '"=" is expected'),
    "$x = @{ a = 1; A = 2 }": ("2", "comes up twice"),
    "$x = )": (")", "value is expected"),
    "a }": ("}", "closes nothing"),
    "$x = 1 +": ("", "ends where a value"),
    "'a' 'b'": ("'", "end of the statement"),
    "'a' |": ("|", "command is expected"),
    "foreach ($x of 1) { }": ("of", "$variable in"),
    "if $x { }": ("$", '"(" is expected'),
    "foo a, ": (" ", "argument is expected"),
    "5 = 6": ("5", "nothing can be assigned"),
}


@pytest.mark.parametrize("text", NO_SCRIPTS)
def test_what_powershell_refuses_is_an_error_with_its_place(text: str, ask: ModuleType) -> None:
    wanted, message = NO_SCRIPTS[text]
    (problem,) = ask.refused(f"# New-NetFirewallRule\n{text}")
    assert problem.span.line >= 2
    assert ask.pointed(problem).startswith(wanted[:1])
    assert message in problem.message

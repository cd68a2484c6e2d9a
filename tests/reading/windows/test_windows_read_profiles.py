"""Profiles: off, shielded, their defaults, and where they differ."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from fwadvisor.model.firewall import PROFILES, Firewall
from fwadvisor.model.rule import Hook, State, Verdict

Script = Callable[..., Firewall]
IN, OUT = "in tcp 192.0.2.1 > 10.0.0.1:80", "out tcp 10.0.0.1 > 192.0.2.1:80"
SET = "Set-NetFirewallProfile"


def states(firewall: Firewall, ask: ModuleType) -> str:
    """For each profile whether inbound and outbound pass: ``+-`` is in only."""
    return " ".join(
        "".join("+" if ask.passes(firewall, f"{text} profile={name}") else "-" for text in (IN, OUT))
        for name in PROFILES
    )


#: Scripts, and what becomes of packets that no rule matches, for domain, private and public.
DEFAULTS = {
    f"{SET} -Enabled True": "-+ -+ -+",
    f"{SET} -DefaultInboundAction Allow -DefaultOutboundAction Block": "+- +- +-",
    f"{SET} -All -DefaultInboundAction NotConfigured -DefaultOutboundAction NotConfigured": "-+ -+ -+",
    f"{SET} -Profile Public -DefaultOutboundAction Block": "-+ -+ --",
    f"{SET} Domain,Private -DefaultInboundAction Allow": "++ ++ -+",
    f"{SET} -Name Private -Enabled False -DefaultOutboundAction Block": "-+ ++ -+",
    f"{SET} -Enabled False": "++ ++ ++",
    f"{SET} -Enabled 0": "++ ++ ++",
    f"{SET} -Name Public -DefaultInboundAction Allow\n{SET} -Name Public -AllowInboundRules False": "-+ -+ -+",
    f"{SET} -DefaultInboundAction Allow\n{SET} -DefaultInboundAction Block": "-+ -+ -+",
    f"$p = @{{ DefaultInboundAction = 'Allow' }}\n{SET} -Profile 'Domain' @p": "++ -+ -+",
    f"'Domain', 'Public' | ForEach-Object {{ {SET} -Name $_ -DefaultOutboundAction Block }}": "-- -+ --",
    f"{SET} -LogBlocked True -LogFileName x -NotifyOnListen False -AllowUnicastResponseToMulticast False": "-+ -+ -+",
    "netsh advfirewall set allprofiles firewallpolicy blockinbound,blockoutbound": "-- -- --",
    "netsh advfirewall set publicprofile firewallpolicy allowinbound,allowoutbound": "-+ -+ ++",
    "netsh advfirewall set domainprofile state off": "++ -+ -+",
    "netsh advfirewall set allprofiles firewallpolicy blockinboundalways,allowoutbound": "-+ -+ -+",
}


@pytest.mark.parametrize("text", DEFAULTS)
def test_what_no_rule_matches(text: str, script: Script, ask: ModuleType) -> None:
    firewall = script(text)
    assert not firewall.opaque
    assert states(firewall, ask) == DEFAULTS[text]


def test_shields_up_closes_what_rules_open_and_authenticated_bypass_too(script: Script, ask: ModuleType) -> None:
    text = (
        "New-NetFirewallRule -DisplayName a\nNew-NetFirewallRule -DisplayName b -OverrideBlockRules $true "
        "-Authentication Required -RemoteMachine D:\n"
    )
    shielded = script(f"{text}{SET} -Name Public -AllowInboundRules False")
    assert states(shielded, ask) == "++ ++ -+"
    assert not ask.passes(shielded, f"{IN} profile=public if=authentication required+remote machine D:")
    assert ask.passes(shielded, f"{IN} profile=private")


def test_a_profile_that_is_off_blocks_nothing(script: Script, ask: ModuleType) -> None:
    block = "New-NetFirewallRule -DisplayName a -Action Block\n"
    block += "New-NetFirewallRule -DisplayName b -Direction Outbound -Action Block\n"
    assert states(script(f"{block}{SET} -Name Domain -Enabled False"), ask) == "++ -- --"


def test_defaults_that_the_file_does_not_set_are_taken_with_a_warning(script: Script, ask: ModuleType) -> None:
    rule = "New-NetFirewallRule -DisplayName a -Protocol TCP -LocalPort 22\n"
    said = ask.warned(script(rule))
    assert "DefaultInboundAction is not set for any profile, so Block is taken" in said
    assert "DefaultOutboundAction is not set for any profile, so Allow is taken" in said
    said = ask.warned(script(f"{rule}{SET} -Name Public -DefaultInboundAction Block -DefaultOutboundAction Block"))
    assert "DefaultInboundAction is not set for profile domain, private" in said
    said = ask.warned(script(f"{rule}{SET} -DefaultInboundAction Block -DefaultOutboundAction NotConfigured"))
    assert "is not set" not in said
    said = ask.warned(script(f"{rule}{SET} -Enabled False"))
    assert "is not set" not in said, "no default is asked for where the firewall is off"


def test_what_the_firewall_speaks_of(script: Script) -> None:
    firewall = script("New-NetFirewallRule -DisplayName a")
    assert firewall.hooks == {Hook.INPUT, Hook.OUTPUT}
    assert firewall.states == {State.NEW, State.ESTABLISHED}
    assert firewall.implicit == {State.ESTABLISHED}
    assert firewall.opening_only
    assert not firewall.loopback
    assert firewall.dialect == "windows"
    assert [base.default for base in firewall.bases] == [Verdict.DROP, Verdict.ACCEPT]


def test_disabled_rules_are_counted_and_checked(script: Script, ask: ModuleType) -> None:
    off = "New-NetFirewallRule -DisplayName {} -Enabled False -Action Block"
    firewall = script("\n".join(["New-NetFirewallRule -DisplayName on", off.format("b"), off.format("c")]))
    assert "2 disabled rules decide nothing" in ask.warned(firewall)
    assert ask.passes(firewall, IN)
    assert ask.refused(f"{off.format('b')} -Protocol TPC")


def test_several_files_are_one_machine(ask: ModuleType) -> None:
    from fwadvisor.dialects.reading.source import Source
    from fwadvisor.dialects.reading.windows import read

    first = Source("a.ps1", b"New-NetFirewallRule -DisplayName a -Protocol TCP")
    second = Source("b.ps1", b"New-NetFirewallRule -DisplayName b -Action Block -Protocol TCP -LocalPort 22")
    firewall = read([first, second], {})
    assert firewall.name == "a.ps1, b.ps1"
    assert ask.passes(firewall, IN)
    assert not ask.passes(firewall, "in tcp 192.0.2.1 > 10.0.0.1:22")


def test_a_default_stands_where_it_is_set(script: Script) -> None:
    def places(text: str) -> list[int | None]:
        return [base.span and base.span.line for base in script(text).bases]

    assert places(f"{SET} -Enabled True") == [None, None]
    assert places(f"{SET} -Enabled True\n{SET} -DefaultInboundAction Block") == [2, None]
    assert places(f"{SET} -DefaultInboundAction NotConfigured -DefaultOutboundAction Allow") == [None, 1]
    public = f"{SET} -Name Public -DefaultInboundAction Allow\n{SET} -Name Domain -DefaultInboundAction Block"
    assert places(public) == [2, None]

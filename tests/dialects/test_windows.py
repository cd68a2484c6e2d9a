"""The Windows script: its structure, and that its text decides as the policy does."""

from __future__ import annotations

import random
import re
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fwadvisor.dialects.base import Document
from fwadvisor.dialects.windows import DIALECT, quote
from fwadvisor.errors import InexpressibleError
from fwadvisor.model.address import AddressSet
from fwadvisor.model.note import Note, Topic
from fwadvisor.model.rule import (
    SCTP,
    TCP,
    UDP,
    Chain,
    Hook,
    Log,
    Match,
    Origin,
    OriginKind,
    Place,
    Rule,
    Ruleset,
    Verdict,
)
from fwadvisor.model.walk import decide

HOOKS = (Hook.INPUT, Hook.OUTPUT)
ACCEPT, DROP = Verdict.ACCEPT, Verdict.DROP
DOCUMENT = Document(name="test", about=("fwadvisor: policy test",))
PEERS = AddressSet(v4=((0xCB007100, 0xCB0071FF),), name="peers")


def rule(match: Match, verdict: Verdict = ACCEPT, text: str = "a rule", line: int = 1) -> Rule:
    return Rule(match, verdict, Origin(kind=OriginKind.NEED, text=text, profile="p", place=Place("p.yaml", line)))


def port(number: int, **fields: object) -> Match:
    return Match(protocols=(TCP,), destination_ports=((number, number),), **fields)  # type: ignore[arg-type]


def write(*rules: Rule, hook: Hook = Hook.INPUT, default: Verdict = DROP, log: Log | None = None) -> bytes:
    other = Chain(Hook.OUTPUT if hook is Hook.INPUT else Hook.INPUT, (), ACCEPT if hook is Hook.INPUT else DROP)
    ruleset = Ruleset(name="t", chains=(Chain(hook, rules, default, log), other))
    return DIALECT.write(ruleset, DOCUMENT)[0].content


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**48))
def test_the_text_decides_every_new_packet_as_the_policy_does(
    seed: int, powershell: ModuleType, rulesets: ModuleType
) -> None:
    source = random.Random(seed)
    ruleset = rulesets.ruleset(source, HOOKS, (ACCEPT, DROP))
    content = DIALECT.write(ruleset, DOCUMENT)[0].content
    table = powershell.check(content)
    defaults = powershell.defaults(content.decode("ascii"))
    for hook in HOOKS:
        for packet in rulesets.packets(source, ruleset, hook, 60):
            wanted = decide(ruleset, packet)
            assert powershell.allows(table, defaults, packet) is (wanted.verdict is ACCEPT), (packet, wanted)


def test_a_forbid_after_needs_takes_no_rule_where_the_default_blocks(powershell: ModuleType) -> None:
    content = write(rule(port(1720, source=PEERS)), rule(port(1720), DROP, "netmeeting", 9))
    assert [row["Action"] for row in powershell.check(content)] == [["Allow"]]
    assert b"# in-0002 drop netmeeting (p:9): the default does the same\r\n" in content


def test_a_forbid_spares_what_is_needed_where_the_default_allows(powershell: ModuleType) -> None:
    content = write(rule(port(1720, destination=PEERS)), rule(port(1720), DROP), hook=Hook.OUTPUT, default=ACCEPT)
    (row,) = powershell.check(content)
    assert row["Action"] == ["Block"]
    assert row["RemotePort"] == ["1720"]
    assert row["RemoteAddress"] == ["0.0.0.0-203.0.112.255", "203.0.114.0-255.255.255.255", "::/1", "8000::/1"]
    assert row["Description"] == ["p:1; less rule 0001"]
    assert powershell.defaults(content.decode())[Hook.OUTPUT] == "Allow"


def test_a_deny_before_permits_blocks_or_trims_whichever_is_shorter(powershell: ModuleType) -> None:
    blocked = powershell.check(write(rule(port(25), DROP), rule(Match(protocols=(TCP,)))))
    assert [(row["Action"][0], row.get("LocalPort")) for row in blocked] == [("Block", ["25"]), ("Allow", None)]
    web = tuple(rule(port(number, source=PEERS)) for number in (80, 443, 8080))
    trimmed = powershell.check(write(*web, rule(Match(source=PEERS), DROP), rule(Match())))
    assert [row["Action"][0] for row in trimmed] == ["Allow"] * 4
    assert trimmed[-1]["Protocol"] == ["Any"]


def test_an_interface_that_cannot_be_left_out_turns_the_default_over(powershell: ModuleType) -> None:
    content = write(
        rule(port(22, out_interfaces=("Ethernet 2",))), rule(port(22), DROP), hook=Hook.OUTPUT, default=ACCEPT
    )
    assert powershell.defaults(content.decode())[Hook.OUTPUT] == "Block"
    table = powershell.check(content)
    assert table[0]["InterfaceAlias"] == ["Ethernet 2"]
    assert all(row["Action"] == ["Allow"] for row in table)


def test_long_lists_are_split_and_shared_lists_written_once(powershell: ModuleType) -> None:
    many = AddressSet(v4=tuple((n * 4, n * 4 + 1) for n in range(1, 2501)))
    content = write(rule(port(22, source=many)), rule(port(80, source=many)))
    table = powershell.check(content)
    assert [len(row["RemoteAddress"]) for row in table] == [1000, 1000, 500] * 2
    assert content.count(b"$Set1 = @(") == 1
    assert content.count(b"RemoteAddress = $Set1;") == 2
    assert [row["Name"][0] for row in table[:3]] == ["in-0001-p1", "in-0001-p2", "in-0001-p3"]


def test_protocols_are_one_to_a_rule(powershell: ModuleType) -> None:
    table = powershell.check(write(rule(Match(protocols=(TCP, UDP), destination_ports=((53, 53),)))))
    assert [row["Protocol"][0] for row in table] == ["TCP", "UDP"]


def test_a_logged_default_turns_the_profile_log_on() -> None:
    assert b"$LogBlocked = 'False'\r\n" in write()
    assert b"$LogBlocked = 'True'\r\n" in write(log=Log("x"))


def test_the_generation_depends_on_the_rules_alone() -> None:
    one, other = write(rule(port(22))), write(rule(port(23)))
    assert one == write(rule(port(22)))

    def generation(content: bytes) -> bytes:
        return next(line for line in content.split(b"\r\n") if line.startswith(b"$Generation"))

    assert generation(one) != generation(other)
    assert generation(one).startswith(b"$Generation = 'fwa-test-")


def test_ports_of_sctp_are_refused() -> None:
    with pytest.raises(InexpressibleError, match="TCP and UDP"):
        write(rule(Match(protocols=(SCTP,), destination_ports=((3868, 3868),))))


def test_quotes_are_doubled_and_what_is_not_ascii_is_refused() -> None:
    assert quote("it's") == "'it''s'"
    for text in ("a\u2019b", "a\nb", "a\x00b"):
        with pytest.raises(InexpressibleError):
            quote(text)


def test_hostile_texts_neither_break_the_script_nor_change_its_meaning(
    powershell: ModuleType, rulesets: ModuleType
) -> None:
    plain = None
    for text in ("plain", *rulesets.HOSTILE):
        ruleset = rulesets.hostile(text)
        note = Note(id="n", topic=Topic.RISK, text=text, commands=(text,))
        document = Document(name="test", about=(text, text), notes=(note, note))
        table = powershell.check(DIALECT.write(ruleset, document)[0].content)
        meaning = [{k: v for k, v in row.items() if k not in ("DisplayName", "Description")} for row in table]
        plain = plain or meaning
        assert meaning == plain


def test_the_checker_bites(powershell: ModuleType) -> None:
    good = write(rule(port(22)))
    powershell.check(good)
    for old, new in (
        (b"'Inbound'", b"'Inbound\x92; Remove-Item x; '"),
        (b"'Inbound'", b"'Sideways'"),
        (b"if ($Mine.Count -gt 0) { Remove-NetFirewallRule -InputObject $Mine }", b"Remove-NetFirewallRule"),
        (b"$Group = ", b"$Group = $(Get-Date) "),
        (b"$Group = ", b'$Group = "x" + '),
        (b"Stop-Rollback\r\n", b"Stop-Rollback; Stop-Computer\r\n"),
        (b"Stop-Rollback\r\n", b"Invoke-Expression\r\n"),
        (b"LocalPort = '22'", b"LocalPort = '22-'"),
        (b"Protocol = 'TCP'", b"Protocol = 'Any'"),
        (b"LocalPort = '22'", b"RemoteAddress = '0.0.0.0/0'"),
        (b"\r\n", b"\n"),
    ):
        assert old in good
        with pytest.raises((AssertionError, UnicodeDecodeError, KeyError)):
            powershell.check(good.replace(old, new))


@pytest.mark.parametrize(("name", "fits"), [("Any", False), ("any", False), ("Any port", True), ("Anybody", True)])
def test_no_interface_is_called_any(name: str, fits: bool) -> None:
    """``-InterfaceAlias Any`` is every interface."""
    assert (re.fullmatch(DIALECT.capabilities.interface_pattern, name) is not None) is fits

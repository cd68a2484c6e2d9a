"""Rule files against policies and their never statements."""

from __future__ import annotations

from pathlib import Path

import pytest

from fwadvisor.errors import FwadvisorError

from .conftest import nft

KNOWN = "ct state established,related accept"
NEVER = """profile: guard
title: What never opens
never:
  - flow: tcp 23
    from: any
    to: self
    reason: clear text
"""
IPTABLES = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT %s\nCOMMIT\n"
NEED = """profile: ours
title: What we need
need:
  - flow: tcp 22
    from: admins
    to: self
zones:
  admins: 192.0.2.0/24
defaults: {output: accept}
"""


@pytest.fixture
def profile(tmp_path: Path):
    def write(text: str) -> str:
        path = tmp_path / f"{text.split()[1]}.yaml"
        path.write_text(text)
        return str(path)

    return write


def test_a_guardrail_names_the_rule_and_the_line_of_the_profile_and_every_packet(checked, profile) -> None:
    text = nft(KNOWN, "ip saddr 10.0.0.0/8 accept", "tcp dport 20-25 accept")
    done = checked({"a.nft": text}, "shadowed-rule", wanted={"guardrails": [profile(NEVER)]})
    first, second = done.findings
    assert {each.id for each in done.findings} == {"never-violated"}
    assert all(each.severity.value in ("high", "critical") for each in done.findings)
    assert first.span.source.strip() == "ip saddr 10.0.0.0/8 accept"
    assert [label.span.source for label in first.labels] == ["  - flow: tcp 23"]
    assert first.labels[0].span.line == 4
    assert any(each.startswith("packets  tcp 10.0.0.0/8 -> any port 23") for each in first.details)
    assert any(each.startswith("for one  tcp 10.0.0.") for each in first.details)
    assert second.span.source.strip() == "tcp dport 20-25 accept"
    assert [each for each in second.details if each.startswith("packets  IPv4 tcp all except 10.0.0.0/8")]
    assert [each for each in second.details if each.startswith("packets  IPv6 tcp port 23")]


@pytest.mark.parametrize(
    "rules",
    [
        (KNOWN, "tcp dport 22 accept"),
        (KNOWN, 'iifname "lo" accept', "tcp dport != 23 accept"),
        (KNOWN, "tcp dport 23 drop", "accept"),
        ("ct state established accept", "ct state related accept"),
    ],
)
def test_where_it_holds_nothing_is_said_whatever_else_is_open(checked, profile, rules: tuple[str, ...]) -> None:
    assert not checked({"a.nft": nft(*rules)}, "unused-objects", wanted={"guardrails": [profile(NEVER)]}).findings


def test_a_default_that_accepts_breaks_it(checked, profile) -> None:
    done = checked(
        {"a.nft": nft("tcp dport 22 accept", policy="accept")},
        "unused-objects",
        wanted={"guardrails": [profile(NEVER)]},
    )
    (one,) = done.findings
    assert "the default of inet x input: accept accepts" in one.message
    assert one.span.source.strip() == "chain input {"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.rules", IPTABLES % "-p tcp --dport 23 -j ACCEPT"),
        ("pf.conf", "block drop in all\npass in quick proto tcp from any to any port 23\n"),
        ("a.ps1", "New-NetFirewallRule -DisplayName a -Direction Inbound -Action Allow -Protocol TCP -LocalPort 23\n"),
    ],
)  # fmt: skip
def test_it_guards_every_dialect(checked, profile, name: str, text: str) -> None:
    done = checked({name: text}, "unused-objects", wanted={"guardrails": [profile(NEVER)]})
    assert [each.id for each in done.findings] == ["never-violated"]


def test_a_profile_that_only_says_never_demands_nothing_more_as_policy(checked, profile) -> None:
    wanted = {"policies": [profile(NEVER)]}
    assert not checked({"a.nft": nft("tcp dport 22 accept")}, "unused-objects", wanted=wanted).findings
    assert [f.id for f in checked({"a.nft": nft("tcp dport 23 accept")}, "unused-objects", wanted=wanted).findings] == [
        "never-violated"
    ]


def test_guardrails_without_never_are_an_error(checked, profile) -> None:
    with pytest.raises(FwadvisorError, match="has no never statement"):
        checked({"a.nft": nft("accept")}, "unused-objects", wanted={"guardrails": [profile(NEED)]})


def test_what_is_not_understood_is_unknown_not_fine(checked, profile) -> None:
    text = IPTABLES % "-p tcp -j STRANGE --thing"
    done = checked({"a.rules": text}, "unused-objects", wanted={"guardrails": [profile(NEVER)]})
    assert [each.id for each in done.findings] == ["policy-unknown"]


def test_a_policy_is_widened_and_narrowed_with_both_places(checked, profile, tmp_path: Path) -> None:
    from fwadvisor.generate import Request, generate, write_files

    path = profile(NEED)
    made = generate(Request(profiles=[path], settings={}, targets=["nftables"], knowledge=[], profile_dirs=[]))
    write_files(made.outputs["nftables"], tmp_path / "out")
    text = (tmp_path / "out" / "nftables.nft").read_text()
    wanted = {"policies": [path]}
    assert not checked({"a.nft": text}, "unused-objects", wanted=wanted).findings
    wider = checked({"a.nft": text.replace("192.0.2.0/24", "192.0.2.0/23")}, "unused-objects", wanted=wanted).findings
    assert [each.id for each in wider] == ["policy-widened"]
    assert any("192.0.3.0/24 -> any port 22" in each for each in wider[0].details)
    narrower = checked(
        {"a.nft": text.replace("192.0.2.0/24", "192.0.2.0/25")}, "unused-objects", wanted=wanted
    ).findings
    assert [each.id for each in narrower] == ["policy-narrowed"]
    assert [label.span.source.strip() for label in narrower[0].labels] == ["- flow: tcp 22"]
    assert "and the default of inet fwadvisor input: drop" in narrower[0].message


def test_a_violation_can_be_ignored_and_is_counted(checked, profile) -> None:
    text = nft(KNOWN, "# fwadvisor: ignore never-violated until 2027-01-31 -- lab only", "tcp dport 23 accept")
    done = checked({"a.nft": text}, "unused-objects", wanted={"guardrails": [profile(NEVER)]})
    assert not done.findings
    assert [each.reason for each in done.ignored] == ["lab only"]

"""The commands of the HTML report do what it says of them."""

from __future__ import annotations

import shlex

import pytest
from html_reviews import DATABASE, NEW, NFT, OLD, reviewed
from typer.testing import CliRunner

from fwadvisor.cli import app
from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.evaluate import evaluate
from fwadvisor.packets import Budget, Space
from fwadvisor.report.html.cards import cards
from fwadvisor.report.html.commands import plans
from fwadvisor.report.html.flow_spelling import spelled
from fwadvisor.report.html.words import Wording
from fwadvisor.report.review_entries import entries
from fwadvisor.review.diff import review
from fwadvisor.review.flow_file import own_language
from fwadvisor.review.flow_text import parse_flow

RULES = (
    'iifname "eth1" ip saddr 10.0.0.0/8 tcp dport 22 accept',
    "ip6 saddr 2001:db8::/32 udp dport 53 accept",
    "icmp type echo-request accept",
    "icmpv6 type echo-request accept",
    "meta l4proto gre accept",
    "ct state related accept",
    "ct state invalid tcp flags syn,ack accept",
    "meta mark 0x7 tcp dport 80 accept",
    "ip daddr 192.0.2.7 tcp dport 443 accept",
    "ip ttl 1 udp dport 33434 accept",
    "udp sport 67 udp dport 68 accept",
    "limit rate 5/second tcp dport 8080 accept",
    "ip dscp 46 udp dport 5004 accept",
    "meta l4proto 200 accept",
)


def commands(found, heading: str) -> list[str]:
    made = plans(found, cards(entries(found), "", Wording(DATABASE)))
    return [line for plan in made if plan.heading == heading for step in plan.steps for line in step.commands]


#: No packet that is forwarded is one to everybody.
INPUT_ONLY = ("fib daddr type broadcast udp dport 67 accept",)
ALL = [*((rule, chain) for rule in RULES for chain in ("input", "forward")), *((rule, "input") for rule in INPUT_ONLY)]


@pytest.mark.parametrize(("rule", "chain"), ALL)
def test_a_witness_is_spelled_so_that_the_flow_holds_it(rule, chain):
    place = (rule, "") if chain == "input" else ("", rule)
    found = reviewed(NFT % ("", ""), NFT % place)
    assert found.changes
    for change in found.changes:
        flow = parse_flow(spelled(change), own_language(DATABASE))
        assert flow.hook is change.hook
        assert change.family in flow.families

        tests = flow.tests(change.family, ordinary=True)
        space = Space((found.new,), tests=tests)
        assert space.packets(change.hook, change.family, tests).contains(change.witness), spelled(change)
        assert evaluate(found.new, change.witness).verdict.value == change.outcomes[1]


def test_the_tests_that_it_shows_pass(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new.nft").write_text(NEW)
    shown = [line for line in commands(reviewed(OLD, NEW, names=("old.nft", "new.nft")), "Verify") if " test " in line]
    assert len(shown) >= 5
    assert any("accept: 198.51.100.1 -> self:1720/tcp" in line for line in shown)
    assert any("drop: 10.20.0.1 -> self:1718/udp" in line for line in shown)
    for line in shown:
        program, *arguments = shlex.split(line)
        result = CliRunner().invoke(app, arguments)
        assert (program, result.exit_code) == ("fwadvisor", 0), (line, result.output)


@pytest.mark.parametrize(
    ("dialect", "old", "new", "loads", "back"),
    [
        ("nftables", OLD, NEW, "nft -f new", "nft -f /root/firewall-before.nft"),
        (
            "iptables",
            "*filter\n:INPUT DROP [0:0]\nCOMMIT\n",
            "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\nCOMMIT\n",
            "iptables-restore < new",
            "iptables-restore < /root/firewall-before.v4",
        ),
        ("pf", "block in all\n", "block in all\npass in proto tcp to port 22\n", "pfctl -f new",
         "pfctl -f /root/firewall-before.conf"),
        (
            "windows",
            "Set-NetFirewallProfile -All -DefaultInboundAction Block -DefaultOutboundAction Allow\n",
            "Set-NetFirewallProfile -All -DefaultInboundAction Block -DefaultOutboundAction Allow\n"
            "New-NetFirewallRule -DisplayName a -Direction Inbound -Action Allow -Protocol TCP -LocalPort 22\n",
            "Register-ScheduledTask -TaskName firewall-rollback -User SYSTEM -Action $back -Trigger $when",
            "netsh advfirewall import C:\\firewall-before.wfw",
        ),
    ],
)  # fmt: skip
def test_every_dialect_goes_back_by_itself(dialect, old, new, loads, back):
    found = reviewed(old, new, dialect)
    loading = commands(found, "Load with a way back")
    assert loads in loading
    timer = [
        number for number, line in enumerate(loading) if "systemd-run" in line or "at now" in line or "$when" in line
    ]
    load = [number for number, line in enumerate(loading) if line == loads]
    assert min(timer) <= load[0]
    assert back in commands(found, "Go back later")
    assert any(line.startswith("fwadvisor equal new loaded") for line in commands(found, "Verify"))


def test_a_move_to_another_dialect_keeps_what_ran():
    iptables = read_firewall([Source("rules.v4", b"*filter\n:INPUT DROP [0:0]\nCOMMIT\n")], "iptables")
    nft = read_firewall([Source("rules.nft", NEW.encode())], "nftables")
    found = review(iptables, nft, DATABASE, Budget(), name="x")
    loading = commands(found, "Load with a way back")
    assert "iptables-save > /root/firewall-before.v4" in loading
    back = commands(found, "Go back later")
    assert back[0] == "nft flush ruleset"
    assert "iptables-restore < /root/firewall-before.v4" in back


def test_files_of_a_repository_are_taken_out_under_a_name_that_overwrites_nothing():
    found = reviewed(OLD, NEW, names=("HEAD~1:fw/rules.nft", "HEAD:fw/rules.nft"))
    loading = commands(found, "Load with a way back")
    assert loading[0] == "git show HEAD:fw/rules.nft > reviewed-rules.nft"
    assert "nft -f reviewed-rules.nft" in loading


def test_names_are_quoted():
    found = reviewed(OLD, NEW, names=("old", "a b; rm -rf /"))
    assert "nft -f 'a b; rm -rf /'" in commands(found, "Load with a way back")
    for line in commands(found, "Verify"):
        assert "; rm" not in [word[:4] for word in shlex.split(line)]

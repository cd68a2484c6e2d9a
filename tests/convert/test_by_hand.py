"""Files as people write them: jumps, sets, last matches, block over allow, in every other dialect."""

from __future__ import annotations

from pathlib import Path

import pytest

from fwadvisor.dialects import DIALECTS
from fwadvisor.errors import FwadvisorError, InexpressibleError, UnknownNameError
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.rule import Hook, Verdict

from .conftest import assert_alike, firewall, read_again, text_of, to

CHAINS = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:SSH - [0:0]
:LOGDROP - [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT ! -i lo -d 127.0.0.0/8 -j DROP
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -m conntrack --ctstate INVALID -j DROP
-A INPUT -p tcp -m tcp --dport 22 -j SSH
-A INPUT -p tcp -m multiport --dports 80,443 -m comment --comment "web" -j ACCEPT
-A INPUT ! -s 10.0.0.0/8 -p udp -m udp --dport 53 -j DROP
-A INPUT -p udp -m udp --dport 53 -j ACCEPT
-A INPUT ! -i eth0 -p tcp -m tcp --dport 3000 -j ACCEPT
-A INPUT -p icmp -m icmp --icmp-type 8 -j ACCEPT
-A INPUT -j LOGDROP
-A SSH -s 192.0.2.0/24 -j ACCEPT
-A SSH -s 198.51.100.7/32 -m comment --comment "jump host" -j ACCEPT
-A SSH -s 10.0.0.0/8 -j RETURN
-A SSH -j DROP
-A LOGDROP -m limit --limit 5/min -j LOG --log-prefix "dropped: "
-A LOGDROP -j DROP
COMMIT
"""
CHAINS_V6 = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
-A INPUT -p tcp -m multiport --dports 80,443 -m comment --comment "web" -j ACCEPT
COMMIT
"""
SETS = """define office = { 192.0.2.0/24, 198.51.100.0/25 }
table inet fw {
	set admins { type ipv4_addr; elements = { 192.0.2.10, 192.0.2.11 } }
	set admins6 { type ipv6_addr; elements = { 2001:db8::10 } }
	chain tcpin {
		tcp dport { 80, 443 } accept comment "web"
		ip saddr @admins tcp dport 22 accept comment "ssh"
		ip6 saddr @admins6 tcp dport 22 accept comment "ssh"
		ip saddr $office tcp dport 5000-5010 accept
	}
	chain input {
		type filter hook input priority filter; policy drop;
		ct state vmap { established : accept, related : accept, invalid : drop }
		iifname lo accept
		meta l4proto { icmp, icmpv6 } accept
		meta l4proto tcp jump tcpin
		udp dport vmap { 53 : accept, 123 : accept, 161 : drop }
		iifname != "eth0" tcp dport 3000 accept
		log prefix "in-drop "
	}
	chain output {
		type filter hook output priority filter; policy accept;
		ct state established accept
		oifname lo accept
		tcp dport 25 ip daddr != 192.0.2.25 drop
	}
}
"""
LAST = """ext = "em0"
set skip on lo0
table <bad> { 203.0.113.0/24 }
block in log all
pass out all
pass in on $ext proto tcp from any to any port { 80 443 } label "web"
pass in on $ext proto tcp from 192.0.2.0/24 to any port 22
block in from <bad> to any
block out proto tcp from any to any port 25
pass in inet proto icmp all icmp-type echoreq
"""
BLOCKS = """Set-NetFirewallProfile -All -DefaultInboundAction Block -DefaultOutboundAction Allow
New-NetFirewallRule -DisplayName "Web" -Direction Inbound -Protocol TCP -LocalPort 80,443 -Action Allow
New-NetFirewallRule -DisplayName "No bad" -Direction Inbound -RemoteAddress 203.0.113.0/24 -Action Block
New-NetFirewallRule -DisplayName "RDP" -Direction Inbound -Protocol TCP -LocalPort 3389 -RemoteAddress 192.0.2.0/24 `
  -Action Allow
New-NetFirewallRule -DisplayName "No SMTP" -Direction Outbound -Protocol TCP -RemotePort 25 -Action Block
"""
SOURCES = {
    "chains": lambda: firewall("iptables", CHAINS),
    "both families": lambda: firewall("iptables", CHAINS, CHAINS_V6),
    "sets": lambda: firewall("nftables", SETS),
    "last match": lambda: firewall("pf", LAST),
    "block over allow": lambda: firewall("windows", BLOCKS),
}


@pytest.mark.parametrize("target", DIALECTS)
@pytest.mark.parametrize("name", SOURCES)
def test_they_decide_alike_in_every_dialect(name: str, target: str) -> None:
    source = SOURCES[name]()
    if name == "last match" and target == "windows":
        with pytest.raises(InexpressibleError, match="cannot filter forward traffic"):
            to(source, target)
        return
    made = to(source, target)
    assert_alike(source, read_again(made, target))


def test_comments_order_and_logs_are_kept() -> None:
    made = to(firewall("iptables", CHAINS), "nftables")
    text = text_of(made)
    places = [text.index(word) for word in ("jump host (rules:19)", "web (rules:12)", "icmp type 8", "log prefix")]
    assert places == sorted(places)
    assert 'limit rate 5/minute log prefix "dropped: "' in text
    assert "tcp dport { 80, 443 } accept" in text
    assert made.rewritten == (Hook.INPUT,), "an interface that is excepted takes a rule before"


def test_prefixes_of_logs_stay_as_programs_look_for_them_or_that_is_said() -> None:
    given = CHAINS.replace('"dropped: "', '"[UFW BLOCK] "')
    for target in ("nftables", "iptables"):
        made = to(firewall("iptables", given), target)
        assert 'prefix "[UFW BLOCK] "' in text_of(made)
        assert not any("log prefix" in note for note in made.notes)
    long = SETS.replace('"in-drop "', '"what comes in and nobody has asked for "')
    made = to(firewall("nftables", long), "iptables")
    (note,) = [note for note in made.notes if "log prefix" in note]
    assert note.startswith('the log prefix "what comes in and nobody has asked for " becomes "what comes in and nobody')
    assert note.endswith("(input)")


def test_plain_chains_stay_one_by_one() -> None:
    plain = CHAINS.replace("! -i lo -d 127.0.0.0/8", "-d 127.0.0.0/8").replace("! -i eth0", "-i eth1")
    made = to(firewall("iptables", plain), "nftables")
    assert made.rewritten == ()
    ssh = [rule for rule in made.ruleset.chain(Hook.INPUT).rules if rule.match.destination_ports == ((22, 22),)]
    assert [rule.verdict for rule in ssh] == [Verdict.ACCEPT, Verdict.ACCEPT, Verdict.DROP]
    assert ssh[-1].match.source is not None, "what returns is not dropped there"


def test_twins_of_both_families_become_one_rule() -> None:
    rules = to(firewall("iptables", CHAINS, CHAINS_V6), "nftables").ruleset.chain(Hook.INPUT).rules
    web = [rule for rule in rules if rule.origin.text == "web"]
    assert [(rule.match.family, rule.match.destination_ports) for rule in web] == [(None, ((80, 80), (443, 443)))]


def test_exceptions_come_before_what_they_are_excepted_from() -> None:
    text = text_of(to(firewall("nftables", SETS), "nftables"))
    drop, accept = 'iifname "eth0" tcp dport 3000 drop', "\t\ttcp dport 3000 accept"
    assert drop in text
    assert text.index(drop) < text.index(accept)


def test_the_last_match_becomes_the_first() -> None:
    text = text_of(to(firewall("pf", LAST), "nftables"))
    assert text.index("ip saddr 203.0.113.0/24 drop") < text.index("tcp dport { 80, 443 } accept")
    assert "policy drop" in text
    assert 'log prefix "fwadvisor input drop: "' in text, "pf's own log has no prefix"


def test_what_a_source_lets_pass_by_itself_is_written_where_the_target_asks() -> None:
    rules = to(firewall("windows", BLOCKS), "iptables").ruleset.chain(Hook.INPUT).rules
    assert [rule.origin.text for rule in rules][:2] == ["the machine to itself", "replies of accepted connections"]
    to_windows = to(firewall("windows", BLOCKS), "windows").ruleset.chain(Hook.INPUT).rules
    assert len(to_windows) == 3


@pytest.mark.parametrize("target", DIALECTS)
def test_an_ip_version_that_is_not_spoken_of_is_left_alone_or_closed_and_that_is_said(target: str) -> None:
    source = firewall("iptables", CHAINS)
    made = to(source, target)
    (note,) = [note for note in made.notes if note.startswith("IPv6")]
    again = read_again(made, target)
    closed = target in ("pf", "windows")
    assert note.endswith("closed" if closed else "left to other rules")
    if target == "iptables":
        assert [each.name for each in made.files] == ["iptables.v4"]
    else:
        assert ("block drop in quick inet6 all" in text_of(made)) is (target == "pf")
        assert ("meta nfproto ipv6 accept" in text_of(made)) is (target == "nftables")
    opened = to(source, target, rest=Verdict.ACCEPT)
    assert any(note.startswith("IPv6") and note.endswith("accepted") for note in opened.notes)
    assert_alike(source, again, 50)


def test_what_a_target_does_by_its_nature_is_listed() -> None:
    stateless = "*filter\n:INPUT DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport 80 -j ACCEPT\nCOMMIT\n"
    notes = to(firewall("iptables", stateless), "pf").notes
    assert any(
        note.startswith("pf lets packets of known connections pass by itself: it accepts what") for note in notes
    )
    assert any(note.startswith("pf does not filter the loopback interface") for note in notes)
    assert any(note.startswith("not compared: related and invalid") for note in notes)
    forwarding = stateless.replace(":OUTPUT", ":FORWARD DROP [0:0]\n:OUTPUT")
    notes = to(firewall("iptables", forwarding), "windows").notes
    assert "Windows Firewall does not filter forward; rules closes it" in notes


def refusals(source: Firewall, target: str, **how: object) -> list[tuple[int, str]]:
    with pytest.raises(FwadvisorError) as problem:
        to(source, target, **how)
    return [(each.span.line if each.span else 0, each.message) for each in problem.value.diagnostics]


FLAGS = """*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -i lo -j ACCEPT
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN -m conntrack --ctstate NEW -j DROP
-A INPUT -p tcp -m tcp --dport 22 -m limit --limit 3/min -j ACCEPT
-A INPUT -p tcp -m tcp --dport 443 -j ACCEPT
-A INPUT -i eth+ -p tcp -m tcp --dport 8080 -j ACCEPT
COMMIT
"""


@pytest.mark.parametrize("target", DIALECTS)
def test_what_cannot_be_said_is_refused_with_every_place(target: str) -> None:
    found = refusals(firewall("iptables", FLAGS), target)
    limit, prefix = '"limit 3/minute burst 5 packets"', "interfaces by pattern"
    assert [line for line, message in found if limit in message] == [8]
    assert [line for line, message in found if prefix in message] == [10]
    # Where connections begin with a SYN anyway, the flags need not be said.
    assert [line for line, message in found if "TCP flags" in message] == ([7] if "tables" in target else [])


@pytest.mark.parametrize("target", DIALECTS)
def test_with_leave_less_is_accepted_and_that_is_said(target: str) -> None:
    source = firewall("iptables", FLAGS)
    made = to(source, target, allow_approximate=True)
    assert made.narrowed
    assert any(note.startswith("left out, it stays closed: rules:8: ") for note in made.notes)
    assert any(note.startswith("narrowed: input: drop instead of accept: ") for note in made.notes)
    assert_alike(source, read_again(made, target), narrower=True)


def test_rejecting_is_refused_where_there_is_no_such_verdict() -> None:
    source = firewall("nftables", SETS.replace("!= 192.0.2.25 drop", "!= 192.0.2.25 reject"))
    ((line, message),) = refusals(source, "windows")
    assert (line, message) == (25, 'Windows Firewall cannot say the verdict "reject"')
    made = to(source, "windows", allow_approximate=True)
    assert_alike(source, read_again(made, "windows"), narrower=True)


def test_opaque_parts_and_translation_are_refused_with_their_places() -> None:
    opaque = CHAINS.replace("-A INPUT -p icmp", "-A INPUT -m set --match-set friends src -j ACCEPT\n-A INPUT -p icmp")
    ((line, message),) = refusals(firewall("iptables", opaque), "nftables")
    assert (line, message.startswith("not understood: ")) == (16, True)
    assert refusals(firewall("iptables", opaque), "iptables", allow_approximate=True)
    nat = "table ip nat { chain pre { type nat hook prerouting priority -100; tcp dport 8080 redirect to :80 } }\n"
    source = firewall("nftables", nat + SETS)
    ((line, message),) = refusals(source, "pf")
    assert (line, message.startswith("address translation is not converted")) == (1, True)
    notes = to(source, "pf", filters_only=True).notes
    assert any("address translation is left out" in note for note in notes)


def test_marks_are_followed_where_they_can_be_said_in_addresses() -> None:
    marked = """table inet m {
	chain pre {
		type filter hook prerouting priority -150;
		ip saddr 10.0.0.0/8 meta mark set 0x7
		ip saddr != 10.0.0.0/8 meta mark set 0x1
	}
	chain input {
		type filter hook input priority 0; policy drop;
		meta nfproto ipv6 accept
		meta mark 0x7 tcp dport 22 accept
	}
}
"""
    source = firewall("nftables", marked)
    made = to(source, "iptables")
    assert_alike(source, read_again(made, "iptables"))
    assert "-s 10.0.0.0/8" in text_of(made)
    free = marked.replace("ip saddr != 10.0.0.0/8 meta mark set 0x1", "")
    assert any("mark of packets" in message for _, message in refusals(firewall("nftables", free), "iptables"))


def test_helpers_are_assigned_where_the_target_has_them() -> None:
    helped = """table inet h {
	ct helper ras { type "RAS" protocol udp; }
	chain pre { type filter hook input priority -1; ip saddr 192.0.2.0/24 udp dport 1719 ct helper set "ras"; }
	chain input {
		type filter hook input priority 0; policy drop;
		ct state established accept
		ct state related ct helper "RAS" accept
		ip saddr 192.0.2.0/24 udp dport 1719 accept
	}
}
"""
    source = firewall("nftables", helped)
    made = to(source, "iptables")
    assert '-j CT --helper "RAS"' in text_of(made)
    assert any(note.startswith("iptables assigns helpers to forward as well") for note in made.notes)
    assert any('cannot follow connections with the helper "RAS"' in note for note in to(source, "pf").notes)


DUMPS = Path(__file__).parents[1] / "reading" / "dumps"


@pytest.mark.parametrize("target", ["nftables", "pf"])
def test_a_dump_of_a_front_end_is_refused_by_its_rate_limit_and_else_proved_to_accept_no_more(target: str) -> None:
    source = firewall("iptables", (DUMPS / "ufw.save").read_text(), names=("ufw.save",))
    found = refusals(source, target)
    assert {line for line, _ in found} == {99, 100}
    assert all('"recent DEFAULT update seconds 30' in message for _, message in found)
    made = to(source, target, allow_approximate=True)
    assert sum(note.startswith("left out, it stays closed: ufw.save:") for note in made.notes) == 2
    assert_alike(source, read_again(made, target), narrower=True)


def test_a_dump_with_translation_is_refused_as_such() -> None:
    source = firewall("nftables", (DUMPS / "firewalld.nft").read_text())
    assert all("address translation is not converted" in message for _, message in refusals(source, "pf"))


def test_a_dialect_that_there_is_not() -> None:
    with pytest.raises(UnknownNameError) as problem:
        to(firewall("iptables", CHAINS), "nftable")
    assert '"nftables"' in problem.value.diagnostics[0].hint

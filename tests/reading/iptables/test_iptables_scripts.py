"""Shell scripts of iptables commands."""

from __future__ import annotations

import pytest
from iptables_rows import packet

from fwadvisor.dialects.reading.iptables import read, recognize
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import ReadError
from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.rule import Verdict


def script(text: str) -> Firewall:
    source = Source("firewall.sh", f"#!/bin/sh\niptables -F\niptables -P INPUT DROP\n{text}\n".encode())
    assert recognize(source) >= 80
    return read([source], {})


def accepted(found: Firewall, sentence: str, family: Family = Family.IPV4) -> bool | None:
    verdict = evaluate(found, packet(sentence, family)).verdict
    return None if verdict is None else verdict is Verdict.ACCEPT


#: What stands in the script, packets that pass, packets that do not.
@pytest.mark.parametrize(
    ("text", "yes", "no"),
    [
        ("iptables -A INPUT -p tcp --dport 22 -j ACCEPT", "dport=22", "dport=23"),
        ("/usr/sbin/iptables -A INPUT -p tcp --dport 22 -j ACCEPT", "dport=22", "dport=23"),
        ("sudo iptables -w 5 -A INPUT -p tcp --dport 22 -j ACCEPT", "dport=22", "dport=23"),
        ("LC_ALL=C iptables-legacy -t filter -A INPUT -p udp -j ACCEPT", "udp", "tcp"),
        ("iptables -A INPUT -p tcp \\\n   --dport 22 \\\n  -j ACCEPT", "dport=22", "dport=23"),
        ("iptables -A INPUT -p udp -j ACCEPT # and -p tcp", "udp", "tcp"),
        ("iptables -A INPUT -p udp -j ACCEPT; iptables -A INPUT -p 47 -j ACCEPT", "47", "tcp"),
        ("IPT=/sbin/iptables\n$IPT -A INPUT -p udp -j ACCEPT", "udp", "tcp"),
        ("IPT='iptables -w'\n$IPT -A INPUT -p udp -j ACCEPT", "udp", "tcp"),
        ("IPT=$(which iptables)\n\"$IPT\" -A INPUT -p udp -j ACCEPT", "udp", "tcp"),
        ("IPT=`command -v iptables`\n${IPT} -A INPUT -p udp -j ACCEPT", "udp", "tcp"),
        ("export P=22 A=INPUT\niptables -A $A -p tcp --dport ${P} -j ACCEPT", "dport=22", "dport=23"),
        ("NET=10.0.0\niptables -A INPUT -s $NET.0/24 -j ACCEPT", "src=10.0.0.5", "src=10.0.1.5"),
        ("iptables -A INPUT -m comment --comment 'it is \"quoted\" -j DROP' -p udp -j ACCEPT", "udp", "tcp"),
        ("iptables -A INPUT -m comment --comment \"a; b & c\" -p udp -j ACCEPT", "udp", "tcp"),
        ("for p in 22 80; do iptables -A INPUT -p tcp --dport $p -j ACCEPT; done", "dport=80", "dport=81"),
        ("PORTS='22 80'\nfor p in $PORTS 443\ndo\n iptables -A INPUT -p tcp --dport $p -j ACCEPT\ndone", "dport=443",
         "dport=81"),
        ("for t in udp; do for p in 1 2; do iptables -A INPUT -p $t --dport $p -j ACCEPT; done; done", "udp dport=2",
         "udp dport=3"),
        ("iptables -N a\niptables -A a -p udp -j ACCEPT\niptables -A INPUT -j a", "udp", "tcp"),
        ("iptables -C INPUT -p udp -j ACCEPT 2>/dev/null || iptables -A INPUT -p udp -j ACCEPT", "udp", "tcp"),
        ("iptables -N a 2>/dev/null || iptables -F a\niptables -A a -p udp -j ACCEPT\niptables -A INPUT -j a", "udp",
         "tcp"),
        ("iptables -N a && iptables -A a -p udp -j ACCEPT && iptables -A INPUT -j a", "udp", "tcp"),
        ("true || iptables -A INPUT -j ACCEPT\nfalse && iptables -A INPUT -j ACCEPT\n"
         "iptables -A INPUT -p udp -j ACCEPT", "udp", "tcp"),
        ("[ -x /sbin/iptables ] || exit 0\niptables -A INPUT -p udp -j ACCEPT", "udp", "tcp"),
        ("allow() {\n  iptables -A INPUT -p $1 --dport $2 -j ACCEPT\n}\nallow udp 53\nallow tcp 25", "udp dport=53",
         "tcp dport=53"),
        ("function all { iptables -A INPUT -p \"$1\" -j ACCEPT; }\nall udp", "udp", "tcp"),
        ("iptables -A INPUT -p udp -j ACCEPT\nexit 0\niptables -A INPUT -j ACCEPT", "udp", "tcp"),
        ("{ iptables -A INPUT -p udp -j ACCEPT; }", "udp", "tcp"),
        ("( iptables -A INPUT -p udp -j ACCEPT )", "udp", "tcp"),
        ("iptables -A INPUT -p udp -j ACCEPT &", "udp", "tcp"),
        ("iptables-restore -n <<EOF\n*filter\n-A INPUT -p udp -j ACCEPT\nCOMMIT\nEOF", "udp", "tcp"),
        ("P=53\niptables-restore --noflush <<EOF\n*filter\n-A INPUT -p udp --dport $P -j ACCEPT\nCOMMIT\nEOF",
         "udp dport=53", "udp dport=54"),
        ("ipset create s hash:ip\nipset add s 10.0.0.1\niptables -A INPUT -m set --match-set s src -j ACCEPT",
         "src=10.0.0.1", "src=10.0.0.2"),
        ("echo 1 > /proc/sys/net/ipv4/ip_forward\nsysctl -w a=b\nmodprobe nf_conntrack\n"
         "iptables -A INPUT -p udp -j ACCEPT", "udp", "tcp"),
        ("iptables -L -n -v\niptables -nvL | grep DROP\niptables-save > /tmp/x\niptables -A INPUT -p udp -j ACCEPT",
         "udp", "tcp"),
        ("iptables -D INPUT -j ACCEPT\niptables -A INPUT -p udp -j ACCEPT", "udp", "tcp"),
        ("if [ -x /bin/x ]; then echo yes; exit 1; fi\niptables -A INPUT -p udp -j ACCEPT", "udp", "tcp"),
        ("while [ $i -lt 3 ]; do echo; done\niptables -A INPUT -p udp -j ACCEPT", "udp", "tcp"),
        ("iptables -Z\niptables -A INPUT -p udp -j ACCEPT", "udp", "tcp"),
    ],
)  # fmt: skip
def test_a_script(text: str, yes: str, no: str) -> None:
    found = script(text)
    assert not found.opaque
    assert accepted(found, yes) is True
    assert accepted(found, no) is False


def test_both_families() -> None:
    found = script("for c in iptables ip6tables; do $c -P INPUT DROP; $c -A INPUT -p udp -j ACCEPT; done")
    assert found.families == FAMILIES
    assert accepted(found, "udp", Family.IPV6) is True
    assert accepted(found, "tcp", Family.IPV6) is False


@pytest.mark.parametrize(
    "text",
    [
        ". /etc/firewall.conf",
        "source ./more.sh",
        "eval \"$CMD\"",
        "$CMD",
        "/usr/local/bin/open-ports",
        "systemctl restart firewalld",
        "nft -f /etc/nftables.conf",
        "iptables-restore < /etc/iptables.rules",
        "cat rules | iptables-restore",
        "echo 'iptables -F' | sh",
        "case \"$1\" in start) iptables -A INPUT -j ACCEPT;; esac",
        "if [ -f /etc/x ]; then iptables -F; fi",
        "if iptables -C INPUT -j DROP; then iptables -I INPUT -j ACCEPT; fi",
        "iptables -A $CHAIN -j ACCEPT",
        "iptables $ARGUMENTS",
        "iptables -P INPUT $POLICY",
        "P='1,2'\nIFS=,\nfor p in $P; do iptables -I INPUT -j ACCEPT; done",
        "for p in {1..5}; do iptables -I INPUT -j ACCEPT; done",
        "iptables -I INPUT -s $'10.0.0.1' -j ACCEPT",
        "for f in *.rules; do iptables -I INPUT -j ACCEPT; done",
        "trap 'iptables -F' EXIT",
        "xargs -n1 iptables -A INPUT -s < list",
    ],
)  # fmt: skip
def test_what_is_not_followed_makes_every_answer_unknown(text: str) -> None:
    found = script(f"{text}\niptables -A INPUT -p udp -j ACCEPT")
    assert found.opaque
    assert found.opaque[0].span.source in text
    assert accepted(found, "udp") is None


@pytest.mark.parametrize(
    "text",
    [
        "if [ -f /etc/x ]; then\niptables -A INPUT -p udp -j ACCEPT\nfi",
        "[ -f /etc/x ] && iptables -A INPUT -p udp -j ACCEPT",
        "while read p; do iptables -A INPUT -p udp -j ACCEPT; done",
    ],
)
def test_a_rule_that_may_be_there(text: str) -> None:
    found = script(text)
    (rule,) = found.chains["ip filter INPUT"].rules
    (name,) = [each.condition.name for each in rule.tests if hasattr(each, "condition")]
    assert found.opaque
    assert accepted(found, "udp") is False
    assert accepted(found, f"udp {{{name}}}") is True


def test_a_rule_of_which_a_word_is_not_known() -> None:
    found = script("iptables -A INPUT -s $(hostname -I) -j ACCEPT\niptables -A INPUT -p udp -j ACCEPT")
    (opaque,) = found.opaque
    assert opaque.span.line == 4
    condition = "{iptables -A INPUT -s $(hostname -I) -j ACCEPT}"
    assert accepted(found, "udp") is True
    assert accepted(found, f"udp {condition}") is None


def test_what_fails_is_told_and_the_script_goes_on() -> None:
    found = script("iptables -D INPUT -p udp -j DROP\niptables -X nowhere\niptables -A INPUT -p udp -j ACCEPT")
    assert [each.span.line for each in found.warnings if each.span] == [4, 5]
    assert all(each.message.startswith("this fails") for each in found.warnings)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("set -e\niptables -X nowhere", 5, "no chain"),
        ("iptables -A INPUT -p tcp --dprt 22", 4, "not known here"),
        ("iptables -A INPUT -j NOWHERE", 4, "no chain or target"),
        ("iptables -A INPUT -m comment --comment 'open", 4, "is not closed"),
        ("if true; then", 4, "is missing"),
        ("for p in 1 2; do iptables -L", 4, "is missing"),
        ("fi", 4, "not expected"),
        ("cat <<EOF\nx", 4, "here-document"),
        ("f() { f; }\nf", 1, "more than 30 deep"),
        ("for a in 1 2 3 4 5 6 7 8 9 0; do " * 6 + "iptables -L;" + " done;" * 6, 1, "more than 100000 commands"),
        ("A=" + "x" * 60_000 + "\nA=$A$A\niptables -A INPUT -m comment --comment $A", 1, "more than 65536"),
    ],
)
def test_a_script_is_refused_at_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(ReadError) as caught:
        script(text)
    problem = caught.value.diagnostics[0]
    assert message in problem.message
    assert problem.span is not None
    assert problem.span.line == line


def test_the_caret_stands_under_the_word() -> None:
    with pytest.raises(ReadError) as caught:
        script("P='22'; iptables -A INPUT -p tcp --dport \"$P\" --dprt 5 -j ACCEPT")
    span = caught.value.diagnostics[0].span
    assert span is not None
    assert span.source[span.column - 1 :].startswith("--dprt")


def test_a_script_that_only_adds_says_what_it_was_read_as() -> None:
    found = read([Source("x.sh", b"#!/bin/sh\niptables -A INPUT -p udp -j DROP\n")], {})
    assert "as if nothing were" in found.warnings[0].message


def test_the_rule_is_quoted_on_one_line() -> None:
    found = script("iptables -A INPUT \\\n   -p udp \\\n  -j ACCEPT")
    assert [rule.text for rule in found.chains["ip filter INPUT"].rules] == ["iptables -A INPUT -p udp -j ACCEPT"]

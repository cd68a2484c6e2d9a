"""What iptables would refuse is refused: at the word, with what was expected."""

from __future__ import annotations

from itertools import pairwise

import pytest

from fwadvisor.diagnostic import Diagnostic
from fwadvisor.dialects.reading.iptables import read
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import ReadError


def refused(text: str, name: str = "rules.v4") -> tuple[Diagnostic, ...]:
    with pytest.raises(ReadError) as caught:
        read([Source(name, text.encode())], {})
    return caught.value.diagnostics


def under_the_caret(diagnostic: Diagnostic) -> str:
    span = diagnostic.span
    assert span is not None
    return span.source[span.column - 1 : span.column - 1 + span.length]


#: The rule, the word under the caret, a part of the message, a part of the hint.
@pytest.mark.parametrize(
    ("rule", "word", "message", "hint"),
    [
        ("-A INPUT -p tcp --dports 22 -j DROP", "--dports", "is not known here", "-m multiport"),
        ("-A INPUT -p tcp --dprt 22 -j DROP", "--dprt", "is not known here", '"--dport"'),
        ("-A INPUT --dport 22 -j DROP", "--dport", "is not known here", "-p tcp"),
        ("-A INPUT -m conntrak --ctstate NEW", "conntrak", "no match is called", '"conntrack"'),
        ("-A INPUT -m conntrack --ctstate NWE", "NWE", "is no state", "NEW"),
        ("-A INPUT -m conntrack", "conntrack", "needs an option", ""),
        ("-A INPUT -j ACCPT", "ACCPT", "no chain or target", '"ACCEPT"'),
        ("-A INPUT -j blcoked", "blcoked", "no chain or target", '"blocked"'),
        ("-A INPUT -j nowhere", "nowhere", "no chain or target", "-N nowhere"),
        ("-A INPUT -g ACCEPT", "ACCEPT", "no chain or target", ""),
        ("-A INPUT -j INPUT", "INPUT", "built-in", ""),
        ("-A INPTU -j DROP", "INPTU", "has no chain", '"INPUT"'),
        ("-A INPUT -s 10.0.0.300", "10.0.0.300", "is no IPv4 address", ""),
        ("-A INPUT -s 10.0.0.0/33", "10.0.0.0/33", "is no mask", "0 to 32 bits"),
        ("-A INPUT -s 2001:db8::1", "2001:db8::1", "is no IPv4 address", "read as IPv4"),
        ("-A INPUT ! -s 10.0.0.1,10.0.0.2", "10.0.0.1,10.0.0.2", "cannot be negated", "one rule for each"),
        ("-A INPUT -s 10.0.0.1 -s 10.0.0.2", "-s", "only once", ""),
        ("-A INPUT -s", "-s", "needs a value", ""),
        ("-A INPUT -p tpc", "tpc", "no protocol", '"tcp"'),
        ("-A INPUT ! -p all", "all", "none of all protocols", ""),
        ("-A INPUT -p tcp --dport 70000", "70000", "is no port", "65535"),
        ("-A INPUT -p tcp --dport 90:80", "90:80", "ends before it begins", "80:90"),
        ("-A INPUT -p tcp --dport htpp", "htpp", "is no port", '"http"'),
        ("-A INPUT -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16",
         "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", "too many ports", "15 numbers"),
        ("-A INPUT -m multiport --dports 1", "multiport", "needs -p tcp", ""),
        ("-A INPUT -p udp -m tcp", "tcp", "needs -p tcp", ""),
        ("-A INPUT -p tcp --tcp-flags SYN,XXX SYN", "SYN,XXX", "is no TCP flag", "the flags are"),
        ("-A INPUT -p icmp --icmp-type pingg", "pingg", "no ICMP type", '"ping"'),
        ("-A INPUT -p icmp --icmp-type echo-re", "echo-re", "any of the ICMP types", ""),
        ("-A INPUT -m icmp6 --icmpv6-type 1", "icmp6", "is not for IPv4", ""),
        ("-A INPUT -i averyveryverylongname", "averyveryverylongname", "too long for an interface", ""),
        ("-A INPUT -o eth0", "eth0", "have no outgoing interface", ""),
        ("-A OUTPUT -i eth0", "eth0", "have no incoming interface", ""),
        ("-A INPUT ! ! -s 10.0.0.1", "!", "two exclamation marks", ""),
        ("-A INPUT -j DROP !", "!", "nothing follows", ""),
        ("-A INPUT ! -j DROP", "-j", "cannot be negated", ""),
        ("-A INPUT -j DROP -j ACCEPT", "-j", "two targets", ""),
        ("-A INPUT -N a", "-N", "second command", ""),
        ("-A INPUT DROP", "DROP", "is not expected here", "expected an option"),
        ("-A INPUT -j REJECT --reject-with tcp-reset", "REJECT", "only TCP", "-p tcp"),
        ("-A INPUT -j REJECT --reject-with icmp-foo", "icmp-foo", "is no way to reject", "icmp-"),
        ("-A INPUT -j SNAT --to-source 1.2.3.4", "SNAT", "is not for the table filter", "nat"),
        ("-A INPUT -j LOG --log-prefix \"x\" --log-prefx y", "--log-prefx", "is not known here", "--log-prefix"),
        ("-A INPUT -m limit --limit 5/fortnight", "5/fortnight", "is no rate", "10/minute"),
        ("-A INPUT -m mac --mac-source 00:11:22", "00:11:22", "is no hardware address", ""),
        ("-A INPUT -m set --match-set x dest", "dest", "does not say where to look", "src,dst"),
        ("-A INPUT -m statistic --mode random --probability 2", "2", "is no probability", ""),
        ("-A INPUT -m length --length 9:1", "9:1", "ends before it begins", ""),
        ("-A INPUT -m comment --comment \"open", "\"open", "opened and not closed", ""),
        ("-P INPUT REJECT", "REJECT", "is no policy", "ACCEPT or DROP"),
        ("-P blocked DROP", "blocked", "is no built-in chain", ""),
        ("-N blocked", "blocked", "already", ""),
        ("-N ACCEPT", "ACCEPT", "as the target", ""),
        ("-N averyveryverylongchainnamethatislong", "averyveryverylongchainnamethatislong", "no name for a chain", ""),
        ("-X INPUT", "INPUT", "built in", ""),
        ("-X other", "other", "has no chain", ""),
        ("-D INPUT 5", "INPUT", "has no rule 5", ""),
        ("-D INPUT -p udp -j DROP", "INPUT", "has no such rule", ""),
        ("-I INPUT 7 -j DROP", "INPUT", "has only 0 rules", ""),
        ("-R INPUT -j DROP", "INPUT", "needs the number", ""),
        ("-t nat -A INPUT -j ACCEPT", "-t", "has no place here", ""),
        ("nonsense", "nonsense", "is not expected here", ""),
        ("-A INPUT -f6 -j DROP", "-f6", "is not known here", ""),
    ],
)  # fmt: skip
def test_a_rule_is_refused_at_its_word(rule: str, word: str, message: str, hint: str) -> None:
    (problem,) = refused(f"*filter\n:INPUT ACCEPT [0:0]\n:blocked - [0:0]\n  {rule}\nCOMMIT\n")
    assert message in problem.message
    assert hint in problem.hint
    assert problem.span is not None
    assert problem.span.line == 4
    assert under_the_caret(problem).startswith(word)


def test_every_problem_of_a_file_is_told() -> None:
    text = "*filter\n-A INPUT -j NOPE\n-A INPUT -p tcp\n-A INPUT -s x/y\n-A INPUT -p 999\nCOMMIT\n"
    assert [each.span.line for each in refused(text) if each.span] == [2, 4, 5]


def test_problems_are_not_endless() -> None:
    problems = refused("*filter\n" + "-A INPUT -j NOPE\n" * 100_000)
    assert len(problems) == 51


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("*filter\n-A INPUT -j DROP\n", 1, "without COMMIT"),
        ("*filter\n:INPUT ACCEPT\n*nat\nCOMMIT\n", 3, "is not expected here"),
        ("*fliter\nCOMMIT\n", 1, "no table is called"),
        ("-A INPUT\n*filter\nCOMMIT\n", 1, "stands outside of a table"),
        ("*filter\n:INPUT\nCOMMIT\n", 2, "needs a policy"),
        ("*filter\n:INPUT MAYBE [0:0]\nCOMMIT\n", 2, "is no policy"),
        ("*filter\n:INPUT DROP [x:0]\nCOMMIT\n", 2, "no pair of counters"),
        ("*filter\n:a DROP [0:0]\nCOMMIT\n", 2, "no built-in chain"),
        ("*filter\n:a -\n:a -\nCOMMIT\n", 3, "already"),
        ("*filter\n[1:x] -A INPUT\nCOMMIT\n", 2, "no pair of counters"),
        ("*filter\r\nCOMMIT\r\n", 1, "CR LF"),
        ("*filter\n-A INPUT -m comment --comment " + "x" * 1024 + "\nCOMMIT\n", 2, "longer than 1023"),
        ("*filter\n-A INPUT " + "-m tcp " * 2000 + "\nCOMMIT\n", 2, "longer than 10239"),
    ],
)
def test_a_file_is_refused_at_its_line(text: str, line: int, message: str) -> None:
    problem = refused(text)[0]
    assert message in problem.message
    assert problem.span is not None
    assert problem.span.line == line


def test_circles_are_named() -> None:
    chains = "*filter\n:A -\n:B -\n:C -\n-A A -j B\n-A C -j A\n-A B -j C\n-A INPUT -j A\nCOMMIT\n"
    (problem,) = refused(chains)
    assert "A -> B -> C -> A" in problem.message
    (problem,) = refused("*filter\n:A -\n-A A -g A\nCOMMIT\n")
    assert "A -> A" in problem.message


def test_chains_may_not_be_too_deep() -> None:
    names = [f"c{number}" for number in range(150)]
    jumps = [f"-A {one} -j {other}" for one, other in pairwise(names)]
    text = "\n".join(["*filter", *(f":{name} -" for name in names), *jumps, "COMMIT", ""])
    assert "more than 100 deep" in refused(text)[0].message
    backwards = "\n".join(["*filter", *(f":{name} -" for name in reversed(names)), *jumps, "COMMIT", ""])
    assert "more than 100 deep" in refused(backwards)[0].message


def test_what_is_foreign_is_opaque_and_in_its_place() -> None:
    text = "*filter\n-A INPUT -m geoip --src-cc DE -j ACCEPT\n-A INPUT -s www.example.com -j DROP\nCOMMIT\n"
    found = read([Source("rules.v4", text.encode())], {})
    assert [(each.span.line, each.reason) for each in found.opaque] == [
        (2, "the match geoip is not known"),
        (3, '"www.example.com" is a host name, and names are not looked up'),
    ]


def test_the_last_line_end_is_missed() -> None:
    found = read([Source("rules.v4", b"*filter\n-A INPUT -p icmp\nCOMMIT")], {})
    assert ["no line end" in each.message for each in found.warnings] == [True]

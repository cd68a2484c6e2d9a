"""The iptables files: their text, line by line, and what no text may do to it."""

from __future__ import annotations

import re
from types import ModuleType

import pytest

from fwadvisor.dialects.base import Document
from fwadvisor.dialects.iptables import DIALECT
from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.interval import normalize
from fwadvisor.model.rule import (
    DCCP,
    ICMP,
    ICMPV6,
    LOOPBACK,
    SCTP,
    TCP,
    UDP,
    Chain,
    HelperAssignment,
    Hook,
    IcmpType,
    Log,
    Match,
    Origin,
    OriginKind,
    Place,
    Rule,
    Ruleset,
    State,
    Verdict,
)

ACCEPT, DROP, REJECT = Verdict.ACCEPT, Verdict.DROP, Verdict.REJECT
DOCUMENT = Document(name="test", about=("fwadvisor: policy test",))
V4, V6 = Family.IPV4, Family.IPV6
_NET6 = 0x20010DB8 << 96
HOST = AddressSet(v4=((0x0A000001, 0x0A000001),))
BOTH = AddressSet(v4=((0x0A000000, 0x0AFFFFFF),), v6=((_NET6, _NET6 + (1 << 96) - 1),))


def rule(match: Match, verdict: Verdict = ACCEPT, text: str = "why", log: Log | None = None) -> Rule:
    origin = Origin(kind=OriginKind.NEED, text=text, profile="p", place=Place("p.yaml", 7))
    return Rule(match, verdict, origin, log)


def hosts(*numbers: int) -> AddressSet:
    return AddressSet(v4=normalize((number, number) for number in numbers))


def write(
    *rules: Rule, default: Verdict = DROP, log: Log | None = None, hook: Hook = Hook.INPUT, **more: object
) -> dict[Family, str]:
    ruleset = Ruleset(name="t", chains=(Chain(hook, rules, default, log),), **more)  # type: ignore[arg-type]
    files = DIALECT.write(ruleset, DOCUMENT)
    return {family: file.content.decode("ascii") for family, file in zip(Family, files, strict=True)}


def chain(text: str, name: str = "FWA-INPUT", table: str = "filter") -> list[str]:
    part = text.split(f"\n*{table}\n")[1].split("\nCOMMIT")[0]
    return [line.removeprefix(f"-A {name} ") for line in part.splitlines() if line.startswith(f"-A {name} ")]


def lines(match: Match, verdict: Verdict = ACCEPT, family: Family = V4) -> list[str]:
    """The lines for a match, without the comment of each."""
    comment = '-m comment --comment "why (p:7)" '
    found = chain(write(rule(match, verdict))[family])
    assert all(comment in line for line in found)
    return [line.replace(comment, "") for line in found]


@pytest.mark.parametrize(
    ("match", "v4", "v6"),
    [
        (Match(), ["-j ACCEPT"], ["-j ACCEPT"]),
        (Match(in_interfaces=(LOOPBACK,)), ["-i lo -j ACCEPT"], ["-i lo -j ACCEPT"]),
        (Match(in_interfaces=("a", "b"), family=V4), ["-i a -j ACCEPT", "-i b -j ACCEPT"], []),
        (
            Match(states=(State.NEW, State.UNTRACKED), family=V6),
            [],
            ["-m conntrack --ctstate NEW,UNTRACKED -j ACCEPT"],
        ),
        (Match(protocols=(ICMP,)), ["-p icmp -j ACCEPT"], []),
        (
            Match(protocols=(ICMP,), icmp=(IcmpType(8), IcmpType(3, 4))),
            ["-p icmp --icmp-type 8 -j ACCEPT", "-p icmp --icmp-type 3/4 -j ACCEPT"],
            [],
        ),
        (Match(protocols=(ICMPV6,), icmp=(IcmpType(135),)), [], ["-p ipv6-icmp --icmpv6-type 135 -j ACCEPT"]),
        (Match(protocols=(47,), family=V4), ["-p 47 -j ACCEPT"], []),
        (Match(protocols=(0,)), ['-m u32 --u32 "6&0xFF=0" -j ACCEPT'], []),
        (Match(source=HOST), ["-s 10.0.0.1 -j ACCEPT"], []),
        (Match(destination=BOTH), ["-d 10.0.0.0/8 -j ACCEPT"], ["-d 2001:db8::/32 -j ACCEPT"]),
        (Match(source=hosts(5, 6, 7)), ["-s 0.0.0.5 -j ACCEPT", "-s 0.0.0.6/31 -j ACCEPT"], []),
        (Match(source=AddressSet(v4=V4.universe)), ["-j ACCEPT"], []),
    ],
)
def test_a_match_in_words(match: Match, v4: list[str], v6: list[str]) -> None:
    assert lines(match) == v4
    assert lines(match, family=V6) == v6


@pytest.mark.parametrize(
    ("protocols", "source", "destination", "expected"),
    [
        ((TCP,), None, ((22, 22),), ["-p tcp -m tcp --dport 22"]),
        ((TCP,), None, ((0, 65535),), ["-p tcp"]),
        ((UDP,), None, ((5, 9),), ["-p udp -m udp --dport 5:9"]),
        ((TCP, UDP), None, ((53, 53),), ["-p tcp -m tcp --dport 53", "-p udp -m udp --dport 53"]),
        ((TCP,), None, ((1, 1), (3, 9)), ["-p tcp -m multiport --dports 1,3:9"]),
        ((SCTP,), None, ((3868, 3868),), ["-p sctp -m multiport --dports 3868"]),
        ((DCCP,), None, ((5, 5),), ["-p 33 -m multiport --dports 5"]),
        ((UDP,), ((67, 67),), ((68, 68),), ["-p udp -m udp --dport 68 -m udp --sport 67"]),
        ((UDP,), ((1, 1), (3, 3)), ((5, 5),), ["-p udp -m udp --dport 5 -m multiport --sports 1,3"]),
        (
            (UDP,),
            ((1, 1), (3, 3)),
            ((5, 5), (7, 7)),
            [
                "-p udp -m udp --sport 1 -m multiport --dports 5,7",
                "-p udp -m udp --sport 3 -m multiport --dports 5,7",
            ],
        ),
    ],
)
def test_ports_in_words(
    protocols: tuple[int, ...],
    source: tuple[tuple[int, int], ...] | None,
    destination: tuple[tuple[int, int], ...],
    expected: list[str],
) -> None:
    match = Match(protocols=protocols, source_ports=source, destination_ports=destination, family=V4)
    assert lines(match) == [f"{words} -j ACCEPT" for words in expected]


def test_a_list_of_ports_fills_fifteen_slots_and_a_range_takes_two() -> None:
    ports = (*((number, number) for number in range(1, 28, 2)), (100, 109), (200, 200))
    found = lines(Match(protocols=(TCP,), destination_ports=ports, family=V4))
    lists = [re.search(r"--dports (\S+)", line) for line in found]
    assert [each[1] for each in lists if each] == ["1,3,5,7,9,11,13,15,17,19,21,23,25,27", "100:109,200"]


@pytest.mark.parametrize(
    ("protocols", "v4", "v6"),
    [
        ((TCP,), "-p tcp -j REJECT --reject-with tcp-reset", "-p tcp -j REJECT --reject-with tcp-reset"),
        (
            (UDP,),
            "-p udp -j REJECT --reject-with icmp-admin-prohibited",
            "-p udp -j REJECT --reject-with icmp6-adm-prohibited",
        ),
        ((), "-j FWA-REJECT-1", "-j FWA-REJECT-1"),
    ],
)
def test_a_rejection_fits_family_and_protocol(protocols: tuple[int, ...], v4: str, v6: str) -> None:
    match = Match(protocols=protocols)
    assert lines(match, REJECT) == [v4]
    assert lines(match, REJECT, V6) == [v6]


def test_a_log_is_limited_and_decides_nothing() -> None:
    text = write(rule(Match(), ACCEPT, log=Log("a prefix that is much longer than it may be", 7)))[V4]
    assert chain(text) == ['-m comment --comment "why (p:7)" -j FWA-LOG-ACCEPT-1']
    logs, verdict = chain(text, "FWA-LOG-ACCEPT-1")
    assert logs == '-m limit --limit 7/minute -j LOG --log-prefix "a prefix that is much longe: "'
    assert verdict == "-j ACCEPT"


def test_helpers_of_the_master_are_a_line_each() -> None:
    match = Match(
        states=(State.RELATED,), helpers=("Q.931", "H.245"), protocols=(TCP,), destination_ports=((1024, 65535),)
    )
    head = "-p tcp -m tcp --dport 1024:65535 -m conntrack --ctstate RELATED -m helper --helper"
    assert lines(match) == [f'{head} "Q.931" -j ACCEPT', f'{head} "H.245" -j ACCEPT']


def test_both_ends_of_several_networks_are_a_sum_and_no_product() -> None:
    source, destination = hosts(*range(0, 40, 2)), hosts(*range(100, 150, 2))
    text = write(rule(Match(source=source, destination=destination, protocols=(TCP,))))[V4]
    assert chain(text) == ['-p tcp -m comment --comment "why (p:7)" -j FWA-SRC-1']
    ends = [line for line in text.splitlines() if re.match(r"-A FWA-\S+ -[sd] ", line)]
    assert sum("-g FWA-DST-1" in line for line in ends) == 20
    assert sum(line.endswith("-j ACCEPT") for line in ends) == 25
    assert len(ends) < 20 + 25 + 20


def test_all_but_a_few_networks_name_those() -> None:
    text = write(
        rule(Match(source=AddressSet(v4=((0, 0x09FFFFFF), (0x0B000000, 0xC0A7FFFF), (0xC0A90000, 2**32 - 1)))))
    )
    assert chain(text[V4], "FWA-SRC-1") == ["-s 10.0.0.0/8 -j RETURN", "-s 192.168.0.0/16 -j RETURN", "-j ACCEPT"]


def test_a_chain_is_entered_from_the_hook_by_a_jump_that_comes_back() -> None:
    text = write(rule(Match(source=hosts(*range(0, 40, 2)))), rule(Match(protocols=(TCP,))))[V4]
    assert not [line for line in chain(text) if " -g " in line]


def test_each_builtin_chain_has_its_policy_and_one_jump() -> None:
    for default, policy in ((ACCEPT, "ACCEPT"), (DROP, "DROP"), (REJECT, "DROP")):
        text = write(default=default, hook=Hook.FORWARD)[V6]
        table = text.split("*filter\n")[1].splitlines()
        assert table[:4] == [
            f":FORWARD {policy} [0:0]",
            ":FWA-FORWARD - [0:0]",
            "-F FORWARD",
            "-A FORWARD -j FWA-FORWARD",
        ]
        assert len(table) == (7 if default is REJECT else 5)


def test_helpers_are_assigned_in_the_raw_table_and_only_where_the_kernel_has_them() -> None:
    origin = Origin(kind=OriginKind.NEED, text="calls")
    files = write(
        helpers=tuple(
            HelperAssignment(
                helper=name,
                hook=hook,
                match=Match(protocols=(TCP,), destination=BOTH, destination_ports=((port, port),)),
                origin=origin,
            )
            for name, port, hook in (("Q.931", 1720, Hook.OUTPUT), ("pptp", 1723, Hook.FORWARD))
        )
    )
    calls = '-d 10.0.0.0/8 -p tcp -m tcp --dport 1720 -m comment --comment "calls" -j CT --helper "Q.931"'
    assert chain(files[V4], "FWA-OUTPUT", "raw") == [calls]
    assert len(chain(files[V4], "FWA-PREROUTING", "raw")) == 1
    assert len(chain(files[V6], "FWA-OUTPUT", "raw")) == 1
    assert chain(files[V6], "FWA-PREROUTING", "raw") == []


def many(count: int) -> list[Rule]:
    return [
        rule(
            Match(
                protocols=(TCP,),
                source=hosts(*range(number << 8, (number << 8) + 20, 2)),
                destination=hosts(0x0B000000 + number % 100),
                destination_ports=((number % 7, number % 7),),
            )
        )
        for number in range(1, count + 1)
    ]


def longest_walk(text: str) -> int:
    """The most lines that a packet can pass."""
    table: dict[str, list[str]] = {}
    for line in text.split("*filter\n")[1].splitlines():
        if line.startswith("-A "):
            table.setdefault(line.split()[1], []).append(line)
    known: dict[str, int] = {}

    def longest(name: str) -> int:
        if name not in known:
            below = [found[1] for line in table[name] if (found := re.search(r" -[jg] (FWA-\S+)", line))]
            known[name] = len(table[name]) + max((longest(each) for each in below), default=0)
        return known[name]

    return longest("FWA-INPUT")


def test_many_rules_of_a_shape_are_dispatched() -> None:
    text = write(*many(3000))[V4]
    assert chain(text) == ['-m comment --comment "3000 rules from why (p:7)" -j FWA-DST-1']
    assert longest_walk(text) < 80
    assert text.count("\n-A ") < 1.3 * 3000 * 10


def test_a_long_list_of_networks_branches() -> None:
    text = write(rule(Match(source=hosts(*range(0, 20000, 2)))))[V4]
    assert longest_walk(text) < 70
    assert text.count("-j ACCEPT") == 10000


def test_the_same_input_gives_the_same_bytes() -> None:
    assert write(*many(300)) == write(*many(300))


def test_the_head_says_how_to_check_load_and_undo() -> None:
    text = write()[V6]
    for words in (
        "ip6tables-restore --test iptables.v6",
        "ip6tables-save > iptables.v6.before",
        "restore iptables.v6.before",
    ):
        assert words in text
    assert "# fwadvisor: policy test\n" in text


def test_hostile_text_stays_inside_quotes_and_comments(rulesets: ModuleType) -> None:
    def shape(text: str) -> list[str]:
        found = DIALECT.write(rulesets.hostile(text), Document(name="x", about=(text,)))
        words = "\n".join(file.content.decode("ascii") for file in found)
        assert "\\" not in words
        assert max(map(len, re.findall(r'--log-prefix "([^"]*)"', words))) <= 29
        assert max(map(len, re.findall(r'--comment "([^"]*)"', words))) <= 255
        return [re.sub(r'"[^"\n]*"', '""', line) for line in words.splitlines() if not line.startswith("#")]

    for text in rulesets.HOSTILE:
        assert shape(text) == shape("text")


def test_a_helper_for_many_peers_names_the_protocol_in_the_line_that_assigns_it() -> None:
    """The kernel refuses ``-j CT --helper`` in a line without a protocol, even below a line that has one."""
    calls = Match(protocols=(TCP,), destination_ports=((1720, 1720),), source=hosts(*range(1, 99, 2)))
    origin = Origin(kind=OriginKind.NEED, text="calls")
    assignment = HelperAssignment(helper="Q.931", hook=Hook.INPUT, match=calls, origin=origin)
    lines = [line for line in write(helpers=(assignment,))[V4].splitlines() if "-j CT" in line]
    assert len(lines) == 49
    assert all(re.fullmatch(r'-A FWA-SRC-\d+ -s 0\.0\.0\.\d+ -p tcp -j CT --helper "Q.931"', line) for line in lines)

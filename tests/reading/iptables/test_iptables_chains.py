"""Chains, tables and targets: in which order they are asked, and what they do."""

from __future__ import annotations

import pytest
from iptables_rows import packet

from fwadvisor.dialects.reading.iptables import read
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import AnyOf, Field, Firewall, IntegerTest, Point
from fwadvisor.model.rule import Verdict


def firewall(text: str, name: str = "rules.v4") -> Firewall:
    return read([Source(name, text.encode())], {})


def verdict(text: str, sentence: str, **changes: object) -> Verdict | None:
    return evaluate(firewall(text), packet(sentence)).verdict


def names(read_in: Firewall) -> list[str]:
    return sorted({each for rule in read_in.rules() for each in map(repr, rule.tests) if "Condition" in each})


def table(*lines: str, name: str = "filter") -> str:
    return "\n".join([f"*{name}", *lines, "COMMIT", ""])


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([":INPUT DROP [0:0]"], Verdict.DROP),
        ([":INPUT ACCEPT"], Verdict.ACCEPT),
        ([], Verdict.ACCEPT),
        ([":INPUT DROP", ":a - [0:0]", "-A a -j ACCEPT", "-A INPUT -j a"], Verdict.ACCEPT),
        ([":INPUT ACCEPT", ":a -", "-A a -p udp -j ACCEPT", "-A INPUT -j a", "-A INPUT -j DROP"], Verdict.DROP),
        ([":INPUT ACCEPT", ":a -", "-A INPUT -g a", "-A INPUT -j DROP"], Verdict.ACCEPT),
        ([":INPUT DROP", ":a -", ":b -", "-A b -p udp", "-A a -g b", "-A a -j DROP", "-A INPUT -j a",
          "-A INPUT -j ACCEPT"], Verdict.ACCEPT),
        ([":INPUT DROP", ":a -", "-A a -j RETURN", "-A a -j ACCEPT", "-A INPUT -j a"], Verdict.DROP),
        ([":INPUT DROP", "-A INPUT -j RETURN", "-A INPUT -j ACCEPT"], Verdict.DROP),
        (["-A INPUT -j REJECT"], Verdict.REJECT),
        (["-A INPUT -j ACCEPT", "-A INPUT -j DROP"], Verdict.ACCEPT),
        (["-A INPUT -j ACCEPT", "-I INPUT -j DROP"], Verdict.DROP),
        (["-A INPUT -p udp", "-A INPUT -j DROP", "-I INPUT 2 -j ACCEPT"], Verdict.ACCEPT),
        (["-A INPUT -j ACCEPT", "-A INPUT -j DROP", "-D INPUT 1"], Verdict.DROP),
        (["-A INPUT -p tcp -j ACCEPT", "-A INPUT -j DROP", "-D INPUT -p tcp -j ACCEPT"], Verdict.DROP),
        (["-A INPUT -j ACCEPT", "-R INPUT 1 -j DROP"], Verdict.DROP),
        (["-A INPUT -j DROP", "-F INPUT"], Verdict.ACCEPT),
        (["-A INPUT -j DROP", "-F"], Verdict.ACCEPT),
        (["-P INPUT DROP"], Verdict.DROP),
        (["-N a", "-A a -j DROP", "-A INPUT -j a", "-E a b", "-A INPUT -j ACCEPT"], Verdict.DROP),
        (["-N a", "-X a", "-N a", "-A INPUT -j a", "-A a -j DROP"], Verdict.DROP),
        (["[5:300] -A INPUT -j DROP"], Verdict.DROP),
        (["-A INPUT -c 5 300 -j DROP"], Verdict.DROP),
        (["-A INPUT -j LOG --log-prefix x", "-A INPUT -j DROP"], Verdict.DROP),
        (["-A INPUT -j DROP -6", "-A INPUT -j REJECT -4"], Verdict.REJECT),
        (["-A INPUT -j NFQUEUE --queue-num 1"], None),
        (["-A INPUT -j TARPIT --honeypot"], None),
        (["-A INPUT -j CHAOS"], None),
    ],
)  # fmt: skip
def test_what_becomes_of_a_packet(lines: list[str], expected: Verdict | None) -> None:
    assert verdict(table(*lines), "tcp") is expected


def test_base_chains_stand_at_their_points() -> None:
    text = "".join(table(name=name) for name in ("raw", "mangle", "nat", "filter", "security"))
    bases = [(base.point, base.priority, base.chain) for base in firewall(text).bases]
    assert bases == [
        (Point.PREROUTING, -300, "ip raw PREROUTING"), (Point.OUTPUT, -300, "ip raw OUTPUT"),
        (Point.PREROUTING, -150, "ip mangle PREROUTING"), (Point.INPUT, -150, "ip mangle INPUT"),
        (Point.FORWARD, -150, "ip mangle FORWARD"), (Point.OUTPUT, -150, "ip mangle OUTPUT"),
        (Point.POSTROUTING, -150, "ip mangle POSTROUTING"), (Point.PREROUTING, -100, "ip nat PREROUTING"),
        (Point.INPUT, 100, "ip nat INPUT"), (Point.OUTPUT, -100, "ip nat OUTPUT"),
        (Point.POSTROUTING, 100, "ip nat POSTROUTING"), (Point.INPUT, 0, "ip filter INPUT"),
        (Point.FORWARD, 0, "ip filter FORWARD"), (Point.OUTPUT, 0, "ip filter OUTPUT"),
        (Point.INPUT, 50, "ip security INPUT"), (Point.FORWARD, 50, "ip security FORWARD"),
        (Point.OUTPUT, 50, "ip security OUTPUT"),
    ]  # fmt: skip


def test_both_families_in_one_firewall() -> None:
    v4, v6 = table(":INPUT DROP", "-A INPUT -p tcp -j ACCEPT"), table("-A INPUT -p tcp -j REJECT")
    both = read([Source("rules.v4", v4.encode()), Source("rules.v6", v6.encode())], {})
    assert both.families == FAMILIES
    assert evaluate(both, packet("tcp")).verdict is Verdict.ACCEPT
    assert evaluate(both, packet("tcp", Family.IPV6)).verdict is Verdict.REJECT


def test_the_file_speaks_of_its_family_alone() -> None:
    assert firewall(table()).families == (Family.IPV4,)


@pytest.mark.parametrize(
    ("target", "name", "value"),
    [
        ("-j LOG --log-prefix x", "filter", ("log", "x")),
        ("-j NFLOG --nflog-prefix y", "filter", ("log", "y")),
        ("-j CT --helper RAS", "raw", ("assigned-helper", "RAS")),
        ("-p tcp -j DNAT --to-destination 10.0.0.5:80", "nat", ("translation", "dnat to 10.0.0.5:80")),
        ("-p tcp -j DNAT --to-destination 10.0.0.5-10.0.0.9:80-90", "nat",
         ("translation", "dnat to 10.0.0.5-10.0.0.9:80-90")),
        ("-p tcp -j REDIRECT --to-ports 8080", "nat", ("translation", "redirect to :8080")),
        ("-j REDIRECT", "nat", ("translation", "redirect")),
    ],
)  # fmt: skip
def test_effects(target: str, name: str, value: tuple[str, str]) -> None:
    text = table(f"-A {'INPUT' if name == 'filter' else 'PREROUTING'} {target}", name=name)
    assert evaluate(firewall(text), packet("tcp")).effects == {Field(value[0]): value[1]}


@pytest.mark.parametrize(
    ("target", "translation"),
    [
        ("-j MASQUERADE", "masquerade"),
        ("-p udp -j MASQUERADE --to-ports 1-9", "masquerade to :1-9"),
        ("-j SNAT --to-source 198.51.100.7", "snat to 198.51.100.7"),
    ],
)
def test_source_translation(target: str, translation: str) -> None:
    (rule,) = firewall(table(f"-A POSTROUTING {target}", name="nat")).chains["ip nat POSTROUTING"].rules
    assert [write.value for write in rule.writes] == [translation]


def test_ipv6_translation_has_brackets_only_with_a_port() -> None:
    text = table(
        "-A PREROUTING -p tcp -j DNAT --to-destination [fd00::5]:80",
        "-A PREROUTING -j DNAT --to-destination fd00:0::5",
        name="nat",
    )
    rules = firewall(text, "rules.v6").chains["ip6 nat PREROUTING"].rules
    assert [str(write.value) for rule in rules for write in rule.writes] == ["dnat to [fd00::5]:80", "dnat to fd00::5"]


def test_nat_sees_the_first_packet_alone() -> None:
    text = table(":PREROUTING DROP", "-A PREROUTING -p udp -j ACCEPT", name="nat")
    assert verdict(text, "tcp") is Verdict.DROP
    assert verdict(text, "udp") is Verdict.ACCEPT
    assert verdict(text, "tcp state=established") is Verdict.ACCEPT


@pytest.mark.parametrize(
    ("states", "expected"),
    [("INVALID", Verdict.DROP), ("NEW,ESTABLISHED,RELATED", Verdict.ACCEPT), ("UNTRACKED", Verdict.ACCEPT)],
)
@pytest.mark.parametrize("state", ["new", "established", "invalid"])
def test_before_tracking_every_packet_is_invalid(states: str, expected: Verdict, state: str) -> None:
    text = table(f"-A PREROUTING -m conntrack --ctstate {states} -j DROP", name="raw")
    assert verdict(text, f"state={state}") is expected
    inverted = table(f"-A PREROUTING -m state ! --state {states} -j DROP", name="raw")
    assert verdict(inverted, f"state={state}") is (Verdict.ACCEPT if expected is Verdict.DROP else Verdict.DROP)


def test_a_rule_that_untracks_makes_states_before_tracking_a_condition() -> None:
    lines = "-A PREROUTING -p udp -j CT --notrack", "-A PREROUTING -m conntrack --ctstate UNTRACKED -j DROP"
    assert verdict(table(*lines, name="raw"), "tcp {state 4 before tracking}") is Verdict.DROP
    assert verdict(table(*lines, name="raw"), "tcp") is Verdict.ACCEPT


@pytest.mark.parametrize("match", ["-m helper --helper ftp", "-m connmark --mark 0", "-m conntrack --ctproto 6"])
def test_before_tracking_nothing_of_a_connection_is_known(match: str) -> None:
    text = table(f"-A PREROUTING {match} -j DROP", name="raw")
    assert verdict(text, "tcp state=related helper=ftp {connection original protocol 6}") is Verdict.ACCEPT


def test_untracked_packets() -> None:
    text = table("-A PREROUTING -p udp -j NOTRACK", name="raw") + table(
        ":INPUT DROP", "-A INPUT -m conntrack --ctstate UNTRACKED -j ACCEPT"
    )
    assert verdict(text, "udp") is Verdict.ACCEPT
    assert verdict(text, "tcp") is Verdict.DROP


def test_marks_that_are_constants_are_computed() -> None:
    text = table("-A INPUT -p udp -j MARK --set-mark 5", name="mangle") + table(
        ":INPUT DROP", "-A INPUT -m mark --mark 5 -j ACCEPT"
    )
    assert verdict(text, "udp") is Verdict.ACCEPT
    assert verdict(text, "tcp") is Verdict.DROP
    assert verdict(text, "tcp mark=5") is Verdict.ACCEPT


@pytest.mark.parametrize(
    "write", ["CONNMARK --restore-mark", "HMARK --hmark-tuple src --hmark-mod 3 --hmark-rnd 1", "MARK --set-mark 5"]
)
def test_marks_that_cannot_be_computed_are_conditions_that_change(write: str) -> None:
    mask = "" if "CONN" in write or "HMARK" in write else "/0x5"
    text = table(f"-A PREROUTING -j {write}", name="mangle") + table(
        f"-A INPUT -m mark --mark 5{mask} -j DROP", f"-A INPUT -m mark ! --mark 5{mask} -j DROP"
    )
    suffix = "" if not mask else "/0x5"
    assert verdict(text, f"tcp {{mark 0x5{suffix} (2)}}") is Verdict.ACCEPT
    assert verdict(text, "tcp") is Verdict.DROP
    assert not any(rule.writes for rule in firewall(text).rules())


def test_marks_of_others_stay_as_they_are() -> None:
    text = table("-A INPUT -m mark --mark 1/1 -j DROP", "-A INPUT -m mark --mark 1/1 -j REJECT")
    assert names(firewall(text)) == [
        "ConditionTest(condition=Condition(name='mark 0x1/0x1', understood=True), holds=True)"
    ]


def test_hops_that_are_counted_down() -> None:
    text = table("-A INPUT -j TTL --ttl-dec 1", name="mangle") + table("-A INPUT -m ttl --ttl-eq 1 -j DROP")
    assert verdict(text, "tcp ttl=1") is Verdict.ACCEPT
    assert verdict(text, "tcp {ttl 1}") is Verdict.DROP


def test_limits_are_numbered_in_the_order_of_the_file() -> None:
    lines = ":a -", "-A INPUT -p udp -m limit -j DROP", "-A a -m limit -j DROP", "-A INPUT -j a", "-A INPUT -m limit"
    found = firewall(table(*lines)).chains
    tests = [
        str(found[name].rules[place].tests[-1]) for name, place in (("ip filter INPUT", 0), ("ip filter a", 0),
                                                                    ("ip filter INPUT", 2))
    ]  # fmt: skip
    assert [("(2)" in each, "(3)" in each) for each in tests] == [(False, False), (True, False), (False, True)]


def test_limits_of_two_families_are_alike() -> None:
    text = table("-A INPUT -m limit -j DROP").encode()
    both = read([Source("a.v4", text), Source("a.v6", text)], {})
    assert len(names(both)) == 1


DNAT = table("-A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.5", name="nat")
SNAT = table("-A POSTROUTING -j MASQUERADE", name="nat")


def test_destinations_before_translation_are_conditions() -> None:
    text = table("-A PREROUTING ! -d 10.0.0.5 -p tcp --dport 80 -j DROP", name="mangle") + DNAT
    asked = "{before translation: destination-port 80}"
    assert verdict(text, f"tcp dport=8080 {asked}") is Verdict.DROP
    assert verdict(text, f"tcp {asked}{{before translation: destination 10.0.0.5}}") is Verdict.ACCEPT
    assert verdict(text, "tcp") is Verdict.ACCEPT
    assert "before it is translated" in firewall(text).warnings[0].message


@pytest.mark.parametrize(
    ("rule", "nat", "asked"),
    [
        ("-p udp --dport 80", "-p tcp --dport 80 -j DNAT --to-destination 10.0.0.5", None),
        ("-p tcp --dport 1720", "-p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80", None),
        ("-p tcp --dport 8080", "-p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80", "destination-port 8080"),
        ("-p tcp --dport 80", "-p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80", "destination-port 80"),
        ("-p tcp --dport 81", "-p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80-90", "destination-port 81"),
        ("-p tcp --dport 91", "-p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80-90", None),
        ("-p tcp --dport 80", "-p tcp --dport 8080 -j REDIRECT --to-ports 80", "destination-port 80"),
        ("-p tcp --dport 81", "-p tcp --dport 8080 -j REDIRECT --to-ports 80", None),
        ("-p tcp --dport 81", "-p tcp --dport 8080 -j REDIRECT", None),
        ("-p tcp --dport 80", "-p tcp -d 192.0.2.1 -j DNAT --to-destination 10.0.0.5", "destination-port 80"),
        ("-p tcp --dport 80 -i eth0", "-i eth1 -p tcp -j DNAT --to-destination 10.0.0.5", None),
        ("-p tcp --dport 80 -i eth0", "! -i eth1 -p tcp -j DNAT --to-destination 10.0.0.5", "destination-port 80"),
        ("-p tcp --dport 80 -i eth0", "! -i eth+ -p tcp -j DNAT --to-destination 10.0.0.5", None),
        ("-p tcp --dport 80 -s 10.0.0.0/8", "-s 192.0.2.0/24 -p tcp -j DNAT --to-destination 10.0.0.5", None),
        ("-p tcp -d 10.0.0.6", "-d 192.0.2.1 -j DNAT --to-destination 10.0.0.5", None),
        ("-p tcp -d 10.0.0.5", "-d 192.0.2.1 -j DNAT --to-destination 10.0.0.5", "destination 10.0.0.5"),
        ("-p tcp -d 192.0.2.1", "-d 192.0.2.1 -j DNAT --to-destination 10.0.0.5", "destination 192.0.2.1"),
        ("-p tcp -d 10.0.0.6", "-d 192.0.2.1 -j DNAT --to-destination 10.0.0.5-10.0.0.9", "destination 10.0.0.6"),
        ("-p tcp -d 10.0.0.6", "-d 192.0.2.1 -j NETMAP --to 10.0.0.5/32", "destination 10.0.0.6"),
        ("-p tcp -d 10.0.0.6", "-d 192.0.2.1 -p tcp -j REDIRECT --to-ports 80", "destination 10.0.0.6"),
        ("-p tcp -m addrtype --dst-type LOCAL", "-p tcp -j DNAT --to-destination 10.0.0.5", "destination-type local"),
        ("-p tcp --dport 80", "-p tcp --dport 1 -m mark --mark 1 -j DNAT --to-destination 10.0.0.5:80",
         "destination-port 80"),
    ],
)  # fmt: skip
def test_what_meets_no_translated_packet_is_asked_exactly(rule: str, nat: str, asked: str | None) -> None:
    """What is translated must be in the test neither as it comes nor as it goes on."""
    text = table(f"-A PREROUTING {rule} -j DROP", name="mangle") + table(f"-A PREROUTING {nat}", name="nat")
    made = firewall(text).chains["ip mangle PREROUTING"].rules[0]
    if asked is not None:
        assert f"'before translation: {asked}'" in str(made.tests)
        assert not any(isinstance(test, AnyOf) for test in made.tests)
    else:
        (following,) = [test for test in made.tests if isinstance(test, AnyOf)]
        assert following.alternatives[0][0] == IntegerTest(Field.STATE, ((0, 0), (3, 4)))


def test_what_follows_a_translated_packet_is_translated_without_being_asked() -> None:
    text = table("-A PREROUTING -p tcp --dport 1720 -j DROP", name="mangle") + DNAT
    assert verdict(text, "tcp dport=1720") is Verdict.DROP
    assert verdict(text, "tcp dport=1721") is Verdict.ACCEPT
    assert verdict(text, "tcp dport=1720 state=established") is Verdict.ACCEPT
    before = "{before translation: destination-port 1720}"
    assert verdict(text, f"tcp dport=9 state=established {before}") is Verdict.DROP
    assert verdict(text, f"tcp dport=9 {before}") is Verdict.ACCEPT


def test_without_translation_destinations_are_what_they_are() -> None:
    text = table("-A PREROUTING -p tcp --dport 80 -j DROP", name="mangle")
    assert verdict(text, "tcp dport=80") is Verdict.DROP
    assert not firewall(text).warnings


def test_translated_sources_concern_what_comes_back() -> None:
    text = table("-A PREROUTING -p tcp --dport 80 -j DROP", name="mangle") + SNAT
    assert verdict(text, "tcp dport=80") is Verdict.DROP
    assert verdict(text, "tcp dport=81") is Verdict.ACCEPT
    assert verdict(text, "tcp dport=80 state=established") is Verdict.ACCEPT
    again = "{before translation: destination-port 80}"
    assert verdict(text, f"tcp dport=1 state=established {again}") is Verdict.DROP


def test_a_chain_that_is_asked_before_and_after_translation_is_two() -> None:
    text = DNAT + table(
        ":a -", ":b -", "-A b -d 10.0.0.5 -j DROP", "-A a -j b", "-A PREROUTING -j a", "-A INPUT -j a", name="mangle"
    )
    assert verdict(text, "tcp dst=10.0.0.5") is Verdict.DROP
    assert verdict(text, "tcp dst=10.0.0.6") is Verdict.ACCEPT
    assert verdict(text, "tcp dst=10.0.0.6 {before translation: destination 10.0.0.5}") is Verdict.DROP
    assert "ip mangle b (before translation)" in firewall(text).chains


def test_nothing_is_known_of_the_way_out_before_routing() -> None:
    text = table(
        ":a -", "-A a -o eth1 -j DROP", "-A a ! -o eth1 -p udp -j DROP", "-A PREROUTING -j a", "-A FORWARD -j a",
        name="mangle",
    )  # fmt: skip
    assert verdict(text, "tcp hook=forward out=eth1") is Verdict.DROP
    assert verdict(text, "tcp hook=forward out=eth2") is Verdict.ACCEPT
    only_early = text.replace("-A FORWARD -j a\n", "")
    assert verdict(only_early, "tcp hook=forward out=eth1") is Verdict.ACCEPT
    assert verdict(only_early, "udp hook=forward out=eth1") is Verdict.DROP


def test_only_what_is_asked_before_translation_is_warned_of() -> None:
    text = DNAT + table("-A PREROUTING -p udp -j a", "-A a -o eth1 -j DROP", name="mangle").replace(
        "-A PRE", ":a -\n-A PRE"
    )
    lines = [each.span.line for each in firewall(text).warnings if each.span]
    assert lines == [2]


def test_a_table_that_stands_twice_is_emptied() -> None:
    text = table("-A INPUT -j DROP", ":a -") + table(":INPUT ACCEPT", "-A INPUT -p udp -j DROP")
    assert verdict(text, "tcp") is Verdict.ACCEPT
    assert "is emptied here" in firewall(text).warnings[0].message


def test_a_policy_that_the_second_table_leaves_out_is_not_known() -> None:
    text = table(":INPUT DROP") + table("-A INPUT -p udp -j DROP")
    assert verdict(text, "tcp") is None
    assert verdict(text, "udp") is Verdict.DROP
    assert firewall(text).opaque

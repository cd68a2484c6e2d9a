"""Parts that nobody understands: unknown is what an edit can have changed, and what is said holds whatever they do."""

import random
import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from fwadvisor.cli import app
from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import ConditionTest, Continue, Decide, Field, IntegerTest, Return, Unknown, Write
from fwadvisor.model.rule import Verdict
from fwadvisor.packets import Budget
from fwadvisor.packets.overlap_edits import key
from fwadvisor.ports import load
from fwadvisor.review.alike import Text
from fwadvisor.review.changes import Kind
from fwadvisor.review.diff import review

_SPEC = spec_from_file_location("packet_dice", Path(__file__).parents[1] / "packets" / "conftest.py")
_DICE = sys.modules.setdefault(_SPEC.name, module_from_spec(_SPEC))
_SPEC.loader.exec_module(_DICE)
NOTHING = Text((), ()), Text((), ())


@pytest.fixture(scope="module")
def database():
    return load()


def rules(*lines):
    return "\n".join(["*filter", ":INPUT DROP [0:0]", ":FORWARD DROP [0:0]", ":OUTPUT ACCEPT [0:0]", *lines, "COMMIT"])


def found_in(old, new, database, dialect=""):
    old, new = (f"{text}\n" if isinstance(text, str) else text for text in (old, new))
    sides = [read_firewall([Source(name, text.encode())], dialect) for name, text in (("old", old), ("new", new))]
    texts = Text.of([("old", old)]), Text.of([("new", new)])
    return review(*sides, database, Budget(), texts=texts)


SSH, WEB = "-A INPUT -p tcp --dport 22 -j ACCEPT", "-A INPUT -p tcp --dport 8443 -j ACCEPT"
SET = "-A INPUT -m set --match-set blocklist src -j DROP"
QUEUE = "-A INPUT -p udp -j NFQUEUE"
STRANGE = "-A INPUT -p tcp --dport 80 -m nonesuch --level 1 -j ACCEPT"


def test_a_file_is_the_same_as_itself(database):
    text = rules(SET, STRANGE, QUEUE, SSH)
    found = found_in(text, text, database)
    assert found.same
    assert found.opaque == ()
    (said,) = (each for each in found.left_out if "not understood" in each)
    assert said.startswith("3 parts are not understood, and the same in both versions (new:")
    assert "blocklist" in said


def test_without_the_text_nothing_is_known_to_be_the_same(database):
    firewall = read_firewall([Source("f", rules(STRANGE).encode())])
    found = review(firewall, firewall, database, Budget())
    assert not found.same
    assert {each.kind for each in found.changes} == {Kind.UNKNOWN}


def test_packets_are_told_apart_by_a_condition_that_both_ask(database):
    (change,) = found_in(rules(SET, SSH), rules(SET, SSH, WEB), database).changes
    assert change.kind is Kind.WIDENED
    assert [{c.name: holds for c, holds in box.raw.conditions.items()} for box in change.regions] == [
        {"set blocklist (src)": False}
    ]


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        ((STRANGE, SSH), (STRANGE.replace("1 -j", "2 -j"), SSH), {Kind.UNKNOWN}),
        ((SSH,), (SSH, STRANGE), {Kind.UNKNOWN}),
        ((SSH, STRANGE), (SSH,), {Kind.UNKNOWN}),
        ((STRANGE, SSH), (STRANGE, SSH, WEB), {Kind.WIDENED}),
        # What a queue makes of UDP is UDP.
        ((QUEUE, SSH), (QUEUE, SSH, WEB), {Kind.WIDENED}),
        ((QUEUE, SSH), (QUEUE, SSH, "-A INPUT -p udp --dport 53 -j ACCEPT"), {Kind.UNKNOWN}),
        ((QUEUE, SSH), (QUEUE, SSH, "-A INPUT -s 10.0.0.0/8 -j ACCEPT"), {Kind.UNKNOWN, Kind.WIDENED}),
        ((SSH, QUEUE), ("-A INPUT -p udp --dport 53 -j ACCEPT", SSH, QUEUE), {Kind.UNKNOWN}),
        # Decided before anybody asks the queue.
        (
            ("-A INPUT -p udp --dport 53 -j DROP", QUEUE),
            ("-A INPUT -p udp --dport 53 -j ACCEPT", QUEUE),
            {Kind.WIDENED},
        ),
        ((SSH, WEB, QUEUE), (WEB, SSH, QUEUE), set()),
    ],
)
def test_unknown_is_only_what_an_edit_can_have_changed(old, new, kinds, database):
    assert {each.kind for each in found_in(rules(*old), rules(*new), database).changes} == kinds


def test_what_a_queue_passes_on_may_meet_an_edit_in_a_later_chain(database):
    lines = ["*mangle", ":PREROUTING ACCEPT [0:0]", "-A PREROUTING -p tcp --dport 9 -j NFQUEUE", "COMMIT"]
    old, new = ("\n".join([*lines, rules(*each)]) for each in ((SSH,), (SSH, WEB)))
    found = found_in(old, new, database)
    unknown = {each.witness.destination_port for each in found.unknown}
    assert unknown == {9}
    assert {each.kind for each in found.changes} == {Kind.UNKNOWN, Kind.WIDENED}


NFT = """table inet f {{
  set s {{ typeof ct id; elements = {{ {0} }} }}
  chain c {{
    type filter hook input priority 0; policy drop;
    # {1}
    frob frob {2} accept
    tcp dport 22 accept
  }}
}}"""


@pytest.mark.parametrize(("change", "same"), [((1, "b", 5), True), ((2, "a", 5), False), ((1, "a", 6), False)])
def test_lines_that_opaque_parts_may_depend_on_leave_them_unknown(change, same, database):
    old = NFT.format(1, "a", 5)
    assert found_in(old, NFT.format(*change), database, "nftables").same is same


def test_a_rule_that_shares_its_line_is_no_explanation(database):
    old = "$IPT=1\niptables -P INPUT DROP\niptables -A INPUT -m nonesuch --x $Y -j ACCEPT\n"
    new = old.replace("DROP", "DROP; Y=3")
    assert not found_in(old, new, database, "iptables").same


def test_the_command_says_same_and_exits_with_0(tmp_path):
    file = tmp_path / "rules.v4"
    file.write_text(rules(SET, STRANGE, SSH) + "\n")
    result = CliRunner().invoke(app, ["diff", str(file), str(file)])
    assert result.exit_code == 0, result.output
    assert result.output.rstrip().endswith("0 packets; 2 parts not understood, the same in both")
    other = tmp_path / "other.v4"
    other.write_text(rules(SET, STRANGE.replace("80", "81"), SSH) + "\n")
    result = CliRunner().invoke(app, ["diff", str(file), str(other)])
    assert result.exit_code == 1
    assert "UNKNOWN" in result.output


RECENT = "-A INPUT -p tcp --dport {0} -m recent --set --name {1} --rsource"
LIMIT = "-A INPUT -p tcp --dport 22 -m recent --update --seconds 30 --hitcount 6 --name {0} --rsource -j DROP"


@pytest.mark.parametrize(("port", "name", "doubted"), [(2222, "ssh", True), (22, "other", True), (22, "ssh", False)])
def test_an_edited_rule_that_fills_what_others_ask_is_a_doubt(port, name, doubted, database):
    old = rules(RECENT.format(22, "ssh"), LIMIT.format("ssh"), SSH)
    new = rules(RECENT.format(port, name), LIMIT.format("ssh"), SSH)
    found = found_in(old, new, database)
    assert any("fill ssh" in each for each in found.doubts) is doubted
    assert found.same is not doubted


# whatever opaque rules do


def concrete(draw, rule):
    """The same rule with an action and writes that are known, and with conditions that are."""
    tests = [
        ConditionTest(replace(test.condition, understood=True), test.holds) if isinstance(test, ConditionTest) else test
        for test in rule.tests
    ]
    if not isinstance(rule.action, Unknown):
        return replace(rule, tests=tuple(tests))
    if draw.random() < 0.3:
        tests.append(IntegerTest(Field.MARK, ((0, draw.randint(0, 3)),)))
    writes = tuple(
        Write(field, draw.randint(0, 3)) for field in (Field.MARK, Field.CONNECTION_MARK) if draw.random() < 0.6
    )
    action = draw.choice([*map(Decide, Verdict), Continue(), Continue(), Return()])
    return replace(rule, tests=tuple(tests), action=action, writes=writes)


def concretized(draw, firewalls):
    """Both versions with their opaque rules replaced, equal ones by equal ones."""
    known = {}

    def made(rule):
        if key(rule) not in known:
            known[key(rule)] = concrete(draw, rule)
        return known[key(rule)]

    return [
        replace(
            each,
            chains={
                name: replace(chain, rules=tuple(made(rule) for rule in chain.rules))
                for name, chain in each.chains.items()
            },
        )
        for each in firewalls
    ]


def edited(dice, firewall):
    chains = dict(firewall.chains)
    for _ in range(dice.random.randint(1, 2)):
        name = dice.random.choice(list(chains))
        lines = list(chains[name].rules)
        place = dice.random.randint(0, len(lines))
        if place < len(lines) and dice.random.random() < 0.5:
            del lines[place]
        else:
            lines.insert(place, dice.rule([]))
        chains[name] = replace(chains[name], rules=tuple(lines))
    return replace(firewall, chains=chains, name="new")


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6))
def test_what_is_said_holds_whatever_opaque_rules_do(seed, database):
    dice = _DICE.Dice(random.Random(seed))
    old = dice.firewall("old")
    new = edited(dice, old)
    found = review(old, new, database, Budget(), texts=NOTHING)
    sides = [concretized(dice.random, (old, new)) for _ in range(3)]
    for hook, family in found.parts:
        for _ in range(60):
            packet = _DICE.bent(dice.packet(hook, family))
            if not _DICE.is_possible(packet) or not all(_DICE.is_spoken_of(each, packet) for each in (old, new)):
                continue
            said = [change for change in found.changes if change.packets.contains(packet)]
            if said and said[0].kind is Kind.UNKNOWN:
                continue
            for before, after in sides:
                verdicts = evaluate(before, packet).verdict, evaluate(after, packet).verdict
                if said and said[0].kind in (Kind.WIDENED, Kind.NARROWED, Kind.CHANGED):
                    assert tuple(map(str, verdicts)) == said[0].outcomes
                else:
                    assert verdicts[0] is verdicts[1], (packet, said)

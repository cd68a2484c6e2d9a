"""A review is complete, exact and grouped: random firewalls against a walk with every packet, and plain cases."""

import random
import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from fwadvisor.diagnostic import Span
from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import BudgetError, FwadvisorError
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import Field
from fwadvisor.model.rule import Hook, State, Verdict
from fwadvisor.packets import Budget
from fwadvisor.packets.box import readable_boxes
from fwadvisor.ports import load
from fwadvisor.review import diff, pieces
from fwadvisor.review.changes import Kind
from fwadvisor.review.diff import review
from fwadvisor.review.findings import Severity

_SPEC = spec_from_file_location("packet_dice", Path(__file__).parents[1] / "packets" / "conftest.py")
_DICE = sys.modules.setdefault(_SPEC.name, module_from_spec(_SPEC))
_SPEC.loader.exec_module(_DICE)

TREATMENT = (Field.ASSIGNED_HELPER, Field.TRANSLATION)
WAYS = {
    "everything": {},
    "known": {"unknown": False, "conditions": False},
    "plain": {"unknown": False, "conditions": False, "writes": False, "standing": False},
}


@pytest.fixture(scope="module")
def database():
    return load()


def mutated(draw, firewall):
    """A few rules gone, new, moved, or doing something else."""
    chains = dict(firewall.chains)
    for _ in range(draw.random.randint(1, 3)):
        name = draw.random.choice(list(chains))
        rules = list(chains[name].rules)
        place = draw.random.randint(0, len(rules))
        match draw.random.randrange(4):
            case 0 if place < len(rules):
                del rules[place]
            case 1 if place < len(rules):
                rules[place] = replace(rules[place], tests=draw.rule([]).tests)
            case 2 if place < len(rules):
                rules.insert(0, rules.pop(place))
            case _:
                rules.insert(place, draw.rule([]))
        chains[name] = replace(chains[name], rules=tuple(rules))
    bases = firewall.bases
    if draw.random.random() < 0.15:
        bases = (replace(bases[0], default=draw.random.choice(list(Verdict))), *bases[1:])
    return replace(firewall, chains=chains, bases=bases, name="new")


def fate(firewall, packet):
    """What becomes of a packet: the verdict, what is logged, and how the connection is treated that it opens."""
    outcome = evaluate(firewall, packet)
    opens = packet.state is State.NEW and outcome.verdict is Verdict.ACCEPT
    treatment = tuple(outcome.effects.get(field, "") for field in TREATMENT) if opens else ()
    return outcome.verdict, outcome.effects.get(Field.LOG, ""), treatment, outcome.trail


def kind_of(before, after):
    if before[0] is not after[0]:
        if after[0] is Verdict.ACCEPT:
            return Kind.WIDENED
        return Kind.NARROWED if before[0] is Verdict.ACCEPT else Kind.CHANGED
    if before[2] != after[2]:
        return Kind.TREATED
    return Kind.RELOGGED if before[1] != after[1] else None


def held(found, old, new, packet):
    """Whether the review says what the walks say; True where it says that nobody knows."""
    said = [change for change in found.changes if change.packets.contains(packet)]
    assert len(said) <= 1, "two changes have the packet"
    if said and said[0].kind is Kind.UNKNOWN:
        return True
    before, after = fate(old, packet), fate(new, packet)
    kind = kind_of(before, after)
    assert kind is (said[0].kind if said else None), (packet, before, after)
    if said and not said[0].sampled:
        for outcome, deciders in zip((before, after), said[0].deciders, strict=True):
            # What is accepted, every base chain accepts, and what effects are left may be written on the way.
            anywhere = outcome[0] is Verdict.ACCEPT or kind in (Kind.TREATED, Kind.RELOGGED)
            ends = outcome[3] if anywhere else outcome[3][-1:]
            places = [(step.chain, id(step.rule)) for step in ends] or [("", id(None))]
            assert any((each.chain, id(each.rule)) in places for each in deciders)
    return bool(said)


def pairs(way, count, first=0):
    """Versions, and the dice that made them."""
    for seed in range(first, first + count):
        draw = _DICE.Dice(random.Random(seed), **WAYS[way])
        old = draw.firewall("old")
        yield draw, old, mutated(draw, old)


def sampled(found, old, new, draw):
    """How many packets are in changes, of random ones and the witnesses."""
    count = 0
    for hook, family in found.parts:
        for _ in range(80):
            packet = _DICE.bent(draw.packet(hook, family))
            spoken = all(_DICE.is_spoken_of(each, packet) for each in (found.old, found.new))
            if _DICE.is_possible(packet) and spoken:
                count += held(found, old, new, packet)
    for change in found.changes:
        assert held(found, old, new, change.witness)
    return count


@pytest.mark.parametrize("way", WAYS)
def test_every_packet_is_where_the_walks_put_it(way, database):
    assert sum(sampled(review(old, new, database, Budget()), old, new, draw) for draw, old, new in pairs(way, 25)) > 50


@pytest.mark.parametrize("way", WAYS)
def test_it_does_not_matter_how_it_is_computed(way, database, monkeypatch):
    """Bounded by what was edited, or everything; with exact deciders, or sampled ones."""
    expected = [review(old, new, database, Budget()) for _, old, new in pairs(way, 10, 100)]
    monkeypatch.setattr(pieces, "edited_region", lambda *_, **__: None)
    whole = [review(old, new, database, Budget()) for _, old, new in pairs(way, 10, 100)]
    monkeypatch.undo()
    monkeypatch.setattr(pieces, "_MOST_BOXES", 0)
    quick = []
    for draw, old, new in pairs(way, 10, 100):
        quick.append(review(old, new, database, Budget()))
        assert all(each.sampled for each in quick[-1].changes)
        sampled(quick[-1], old, new, draw)
    for one, other, third in zip(expected, whole, quick, strict=True):
        assert kinds(one) == kinds(other) == kinds(third)
        for change in one.changes:
            assert any(each.packets.contains(change.witness) for each in other.changes if each.kind is change.kind)


def kinds(found):
    return {(each.hook, each.family, each.kind, each.outcomes) for each in found.changes}


def test_the_same_is_the_same_and_a_mirror_is_a_mirror(database):
    turned = {Kind.WIDENED: Kind.NARROWED, Kind.NARROWED: Kind.WIDENED}
    for _, old, new in pairs("known", 12, 300):
        assert review(old, old, database, Budget()).changes == ()
        there, back = review(old, new, database, Budget()), review(new, old, database, Budget())
        assert {(turned.get(k, k), h, f, o[::-1]) for h, f, k, o in kinds(there)} == {
            (k, h, f, o) for h, f, k, o in kinds(back)
        }
        for change in there.changes:
            (other,) = (each for each in back.changes if each.packets.contains(change.witness))
            assert other.kind is turned.get(change.kind, change.kind)


# plain cases


def nft(*rules, policy="drop", hook="input", more="", name="f.nft"):
    lines = "\n    ".join(rules)
    text = f"""table inet f {{{more}
  chain c {{
    type filter hook {hook} priority 0; policy {policy};
    {lines}
  }}
}}
"""
    return read_firewall([Source(name, text.encode())], "nftables")


def iptables(*rules):
    text = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n" + "\n".join(rules) + "\nCOMMIT\n"
    return read_firewall([Source("rules.v4", text.encode())], "iptables")


def test_one_edit_is_one_change_with_its_rules(database):
    old = nft("tcp dport 22 accept", "ip saddr 10.0.0.0/8 tcp dport { 80, 443 } accept")
    new = nft("tcp dport 22 accept", "ip saddr 10.0.0.0/7 tcp dport { 80, 443, 8080 } accept")
    (change,) = review(old, new, database, Budget()).changes
    assert (change.kind, change.outcomes, change.severity) == (Kind.WIDENED, ("drop", "accept"), Severity.HIGH)
    (before,), (after,) = change.deciders
    assert (before.text, before.rule, before.edited) == ("the default of inet f c: drop", None, False)
    assert (after.span.line, after.edited) == (5, True)
    assert {use.port.id for use in change.uses} == {"http", "https", "http-alt"}
    assert change.id.startswith("w-")


def test_ids_stay_where_lines_move(database):
    one = review(nft(), nft("tcp dport 22 accept"), database, Budget())
    other = review(nft("# a"), nft("# b", "", "tcp dport 22 accept # c"), database, Budget())
    assert [each.id for each in one.changes] == [each.id for each in other.changes]


def test_opaque_parts_are_unknown_with_all_their_places(database):
    old = iptables("-A INPUT -p tcp --dport 22 -j ACCEPT")
    new = iptables(
        "-A INPUT -p tcp --dport 22 -j ACCEPT",
        "-A INPUT -p tcp --dport 80 -m nonesuch --level 1 -j ACCEPT",
        "-A INPUT -p udp --dport 53 -m nonesuch --level 2 -j ACCEPT",
        "-A INPUT -p tcp --dport 80 -m other --level 3 -j DROP",
    )
    found = review(old, new, database, Budget())
    assert not found.same
    assert {each.kind for each in found.changes} == {Kind.UNKNOWN}
    assert all(each.severity is Severity.HIGH for each in found.changes)
    by_port = {
        each.witness.destination_port: sorted(decider.span.line for decider in each.deciders[1])
        for each in found.changes
    }
    if len(by_port) == 1:
        ((_, lines),) = by_port.items()
        assert lines == [6, 7, 8]
    else:
        assert by_port == {80: [6, 8], 53: [7]}
    assert all(each.deciders[0][0].rule is None for each in found.changes)


def test_what_no_edit_concerns_is_still_unknown_where_it_is_opaque(database):
    opaque = "-A INPUT -p tcp --dport 80 -m nonesuch --level 1 -j ACCEPT"
    found = review(iptables(opaque), iptables(opaque, "-A INPUT -p udp --dport 53 -j ACCEPT"), database, Budget())
    assert sorted(each.kind for each in found.changes) == [Kind.UNKNOWN, Kind.WIDENED]
    assert found.unknown[0].outcomes == ("unknown", "unknown")
    assert [len(side) for side in found.unknown[0].deciders] == [1, 1]


def test_helpers_count_with_the_first_packet(database):
    helper = """
  ct helper q {{ type "Q.931" protocol tcp; }}
  chain p {{ type filter hook prerouting priority -100; policy accept; {0} }}"""
    old = nft("tcp dport 1720 accept", more=helper.format(""))
    new = nft("tcp dport 1720 accept", more=helper.format('tcp dport 1720 ct helper set "q"'))
    changes = review(old, new, database, Budget()).changes
    assert {each.kind for each in changes} == {Kind.TREATED}
    for change in changes:
        assert change.outcomes == ("accept", "accept with helper Q.931")
        assert all(box.raw.integers[Field.STATE] == ((0, 0),) for box in change.regions)


def test_dialects_that_log_in_other_ways_are_compared_without(database):
    pf = read_firewall([Source("pf.conf", b"block log all\npass in quick proto tcp to port 22\n")], "pf")
    found = review(pf, nft("tcp dport 22 accept", 'log prefix "x"'), database, Budget())
    assert not any(each.kind in (Kind.RELOGGED, Kind.TREATED) for each in found.changes)
    assert any(text.startswith("what is logged") for text in found.left_out)


def test_nothing_in_common_is_an_error(database):
    one, other = replace(nft(), hooks=frozenset({Hook.INPUT})), replace(nft(), hooks=frozenset({Hook.OUTPUT}))
    with pytest.raises(FwadvisorError, match="no packet that is in both"):
        review(one, other, database, Budget())


def test_a_budget_that_is_too_small_is_an_error(database):
    rules = [f"ip saddr 10.{n}.0.0/16 tcp dport {n + 1} accept" for n in range(60)]
    with pytest.raises(BudgetError):
        review(nft(*rules), nft(*rules[::2], policy="accept"), database, Budget(nodes=20))


def test_a_change_that_is_too_large_for_deciders_is_sampled(database, monkeypatch):
    old, new = nft("tcp dport 22 accept"), nft("tcp dport { 22, 80 } accept", "udp dport 53 accept")
    exact = review(old, new, database, Budget())
    assert not any(each.sampled for each in exact.changes)
    monkeypatch.setattr(pieces.Parts, "_decided", refuse)
    found = review(old, new, database, Budget())
    assert all(each.sampled for each in found.changes)
    for change in found.changes:
        assert {each.edited for each in change.deciders[1]} == {True}
    ports = lambda each: {p for c in each.changes for b in c.regions for p in b.raw.integers[Field.DESTINATION_PORT]}  # noqa: E731
    assert ports(found) == ports(exact)


def refuse(*_):
    raise BudgetError("too large")


def test_regions_that_are_too_many_are_cut_and_say_so(database, monkeypatch):
    rules = [f"ip saddr 10.{n}.0.{n} tcp dport {n * 3 + 1} accept" for n in range(40)]
    whole = review(nft(), nft("jump x", more="\n  chain x {\n" + "\n".join(rules) + "\n}"), database, Budget())
    monkeypatch.setattr(diff, "_MOST_REGIONS", 5)
    monkeypatch.setattr(pieces, "_MOST_BOXES", 0)
    found = review(nft(), nft(*rules), database, Budget())
    assert [each.cut for each in found.changes] == [True]
    assert len(found.changes[0].regions) <= 5
    assert not any(each.cut for each in whole.changes)


def test_boxes_that_cannot_be_merged_are_shown_as_they_are(database, monkeypatch):
    old, new = nft(), nft("tcp dport { 22, 80 } accept")
    monkeypatch.setattr(diff, "readable_boxes", refuse)
    found = review(old, new, database, Budget())
    for change in found.changes:
        assert readable_boxes(each.raw for each in change.regions) == readable_boxes(change.packets.boxes())


def test_conditions_that_both_ask_are_told(database):
    old = nft("meta skuid 5 accept", "tcp dport 22 accept", hook="output")
    new = nft("meta skuid 5 accept", "meta skuid 6 tcp dport 22 accept", hook="output")
    found = review(old, new, database, Budget())
    assert [each.name for each in found.conditions] == ["owner uid 5"]


def test_ten_edits_among_thousands_of_rules_are_found(database):
    def port(n):
        return f"ip saddr 10.{n % 200}.{n % 7}.0/24 tcp dport {n % 60000 + 1} accept"

    rules = [port(n) for n in range(3000)]
    edited = [*rules[:100], port(70_000), *rules[100:2000], *rules[2001:]]
    found = review(nft(*rules), nft(*edited), database, Budget())
    assert {each.kind for each in found.changes} <= {Kind.WIDENED, Kind.NARROWED}
    assert (found.edits.added, found.edits.removed) == (1, 1)
    lines = {decider.span.line for change in found.changes for side in change.deciders for decider in side
             if decider.edited}  # fmt: skip
    assert lines == {104, 2004}
    assert isinstance(found.changes[0].deciders[0][0].span, Span | None)


def test_rules_of_one_dialect_that_say_one_thing_are_one_change_of_the_other(database):
    types = [f"-A INPUT -p icmp --icmp-type {n} -j ACCEPT" for n in (3, 4, 5)]
    old = iptables(*types, "-A INPUT -p tcp --dport 22 -j ACCEPT")
    found = review(old, nft("ip protocol udp udp dport 5 drop"), database, Budget())
    deciders = sorted(
        len(each.deciders[0]) for each in found.changes if each.hook is Hook.INPUT and each.kind is Kind.NARROWED
    )
    assert deciders == [1, 3]

"""The overlap index against a plain walk with every packet of small universes, and cases an administrator knows."""

import random
from itertools import product

import pytest

from fwadvisor.diagnostic import Span
from fwadvisor.errors import BudgetError
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import (
    AddressTest,
    AnyOf,
    BaseChain,
    Condition,
    ConditionTest,
    Continue,
    Decide,
    FamilyTest,
    Field,
    Firewall,
    FirewallChain,
    FirewallRule,
    IntegerTest,
    Jump,
    Names,
    NameTest,
    Point,
    Return,
    Unknown,
    Write,
)
from fwadvisor.model.interval import contains, normalize
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.model.walk import Packet
from fwadvisor.packets.box import readable_boxes
from fwadvisor.packets.overlap import (
    Correlated,
    Decided,
    Never,
    NeverMatches,
    Overlap,
    Redundant,
    Shadowed,
)
from fwadvisor.packets.overlap_meter import Limits
from fwadvisor.packets.overlap_order import Called
from fwadvisor.packets.overlap_possible import impossible
from fwadvisor.packets.rawbox import RawBox

ACCEPT, DROP = Decide(Verdict.ACCEPT), Decide(Verdict.DROP)
OPEN = Condition("limit 5/second burst 5 packets")
INTERFACES = ("eth0", "eth9", "ppp0", "pan", "wan")


def rule(*tests, action=ACCEPT, writes=()):
    return FirewallRule(tests=tests, action=action, span=Span("rules", 1), text="rule", writes=writes)


def firewall(rules, default, **chains):
    made = {name: FirewallChain(name, tuple(each)) for name, each in {"main": rules, **chains}.items()}
    base = BaseChain(point=Point.INPUT, chain="main", default=default)
    return Firewall(name="f", dialect="d", chains=made, bases=(base,))


#: One packet for each class that the tests below can tell apart; ports from 3 on and marks from 2 on are alike.
PACKETS = [
    Packet(
        hook=Hook.INPUT, family=Family.IPV4, protocol=protocol, source=0, destination=0, destination_port=port,
        in_interface=interface, mark=mark, conditions=frozenset({OPEN.name} if holds else ()),
    )
    for protocol, port, interface, mark, holds in product((6, 17), range(4), INTERFACES, range(3), (False, True))
]  # fmt: skip


def some_values(draw, most):
    chosen = [value for value in range(most + 1) if draw.random() < 0.5]
    top = [(most + 1, 2**16 - 1)] if draw.random() < 0.3 else []
    return normalize([*((v, v) for v in chosen), *top])


def some_tests(draw, depth=0, marks=True):
    tests = []
    if draw.random() < 0.3:
        tests.append(IntegerTest(Field.PROTOCOL, draw.choice((((6, 6),), ((0, 5), (7, 255))))))
    if draw.random() < 0.5:
        tests.append(IntegerTest(Field.DESTINATION_PORT, some_values(draw, 2)))
    if draw.random() < 0.35:
        names = frozenset(n for n in ("eth0", "ppp0") if draw.random() < 0.4)
        prefixes = frozenset(p for p in ("eth", "p") if draw.random() < 0.3)
        tests.append(NameTest(Field.IN_INTERFACE, Names(names, prefixes, draw.random() < 0.5)))
    if draw.random() < 0.15:
        tests.append(ConditionTest(OPEN, draw.random() < 0.5))
    if marks and draw.random() < 0.4:
        top = ((2, 2**32 - 1),) if draw.random() < 0.3 else ()
        tests.append(IntegerTest(Field.MARK, normalize([*((v, v) for v in range(2) if draw.random() < 0.5), *top])))
    if depth < 2 and draw.random() < 0.25:
        several = tuple(some_tests(draw, depth + 1, marks) for _ in range(draw.randint(1, 3)))
        tests.append(AnyOf(several, draw.random() < 0.6))
    if draw.random() < 0.05:
        tests.append(FamilyTest(Family.IPV6))
    draw.shuffle(tests)
    return tuple(tests)


def some_rules(draw, actions, writes=False):
    found = []
    for _ in range(draw.randint(1, 6)):
        action = draw.choice(actions)
        written = ()
        if writes and draw.random() < 0.4:
            mask = draw.choice((None, 1))
            written = (Write(Field.MARK, draw.randrange(3) if mask is None else draw.randrange(2), mask),)
            if draw.random() < 0.3:
                written += (Write(Field.MARK, 1, 1),)
        elif writes and draw.random() < 0.3:
            written = (Write(Field.LOG, draw.choice("ab")),)
        found.append(rule(*some_tests(draw), action=action, writes=written))
    return found


def trails(made):
    """For each packet the rules that it matched, the rule that decided it, and the verdict."""
    for packet in PACKETS:
        outcome = evaluate(made, packet)
        rules = made.chains["main"].rules
        matched = [next(n for n, each in enumerate(rules) if each is step.rule)
                   for step in outcome.trail if step.rule is not None and step.chain == "main"]  # fmt: skip
        decided = matched[-1] if outcome.trail and outcome.trail[-1].rule is not None else None
        yield packet, matched, decided, outcome.verdict


def within(box: RawBox, packet):
    inside = firewall([rule(*box.tests())], Verdict.DROP)
    return evaluate(inside, packet).verdict is Verdict.ACCEPT


def check_shares(made, index, acting):
    """Each share holds exactly the packets for which `acting` names the rule, each of them once."""
    wanted = {number: set() for number in range(len(index.rules))}
    for at, (_, matched, decided, _) in enumerate(trails(made)):
        for number in acting(matched, decided):
            wanted[number].add(at)
    for number, members in wanted.items():
        boxes = index.share(number)
        found = [at for at, packet in enumerate(PACKETS) for box in boxes if within(box, packet)]
        assert sorted(found) == sorted(members)
        few = readable_boxes(boxes)
        readable = [at for at, packet in enumerate(PACKETS) for box in few if within(box.raw, packet)]
        assert sorted(readable) == sorted(members)
        assert len(few) <= len(boxes)
        assert index.reached(number) == bool(members)
    return wanted


def changes_nothing(made, number):
    """Whether every packet has the verdict that it had, without the rule."""
    rules = made.chains["main"].rules
    fewer = firewall([*rules[:number], *rules[number + 1 :]], made.bases[0].default,
                     **{k: c.rules for k, c in made.chains.items() if k != "main"})  # fmt: skip
    return all(evaluate(made, p).verdict is evaluate(fewer, p).verdict for p in PACKETS)


def reject_cover(made, number, by):
    """Whether the rules `by` alone, put before the rule, leave nothing to it."""
    rules = made.chains["main"].rules
    few = firewall([*(rules[n] for n in by), rules[number]], made.bases[0].default)
    return not any(len(by) in matched for _, matched, _, _ in trails(few))


@pytest.mark.parametrize("seed", range(120))
def test_first_match_lists_agree_with_a_walk(seed):
    draw = random.Random(seed)
    default = draw.choice((Verdict.ACCEPT, Verdict.DROP))
    rules = some_rules(draw, (ACCEPT, DROP, ACCEPT, DROP, Return(), Continue()))
    made = firewall(rules, default)
    index = Overlap(rules, Hook.INPUT, Family.IPV4, default)
    wanted = check_shares(made, index, lambda matched, decided: matched)
    for packet, _, decided, _ in trails(made):
        last = decided if decided is not None and not isinstance(rules[decided].action, Return) else None
        answer = index.deciding(packet)
        assert answer.certain
        if answer.rule is None or not isinstance(rules[answer.rule].action, Return):
            assert answer.rule == last
    matching = {n for n in wanted if any(within_tests(rules[n], packet) for packet in PACKETS)}
    dead = {n for n in matching if not wanted[n]}
    shadowed = index.shadowed()
    assert {each.rule for each in shadowed} == dead
    for each in shadowed:
        assert reject_cover(made, each.rule, each.by)
        for missed in each.by:
            assert not reject_cover(made, each.rule, [n for n in each.by if n != missed])
    assert {each.rule for each in index.never_matching()} == set(wanted) - matching
    ending = {n for n in wanted if wanted[n] and not isinstance(rules[n].action, Continue)}
    redundant = index.redundant()
    assert {each.rule for each in redundant} == {n for n in ending if changes_nothing(made, n)}
    for each in redundant:
        assert (set(each.by), each.default) == successors(made, each.rule)
    check_pairs(rules, default, index, wanted)


def within_tests(one, packet):
    accepting = FirewallRule(tests=one.tests, action=ACCEPT, span=one.span, text="")
    return evaluate(firewall([accepting], Verdict.DROP), packet).verdict is Verdict.ACCEPT


def successors(made, number):
    """The rules that decide what the rule decides now, where it is removed; and whether the default does."""
    rules = made.chains["main"].rules
    by, default = set(), False
    for packet in PACKETS:
        first = [
            n for n, each in enumerate(rules) if not isinstance(each.action, Continue) and within_tests(each, packet)
        ]
        if first and first[0] == number:
            if len(first) > 1:
                by.add(first[1])
            else:
                default = True
    return by, default


def check_pairs(rules, default, index, wanted):
    """Correlated pairs by their definition, on sets of packets."""
    sets = [{at for at, packet in enumerate(PACKETS) if within_tests(each, packet)} for each in rules]
    verdicts = [
        each.action.verdict if isinstance(each.action, Decide) else default if isinstance(each.action, Return) else None
        for each in rules
    ]
    expected = {
        Correlated(a, b)
        for a in range(len(rules))
        for b in range(a + 1, len(rules))
        if None not in (verdicts[a], verdicts[b]) and verdicts[a] != verdicts[b]
        and wanted[a] & sets[b] and not sets[a] <= sets[b] and not sets[b] <= sets[a]
    }  # fmt: skip
    pairs, complete = index.correlated()
    assert complete
    assert set(pairs) == expected
    if len(expected) > 1:
        assert index.correlated(1) == (pairs[:1], False)


@pytest.mark.parametrize("seed", range(60))
def test_last_match_lists_agree_with_a_walk(seed):
    """pf: a verdict stands until another one is given, unless the rule is quick."""
    draw = random.Random(seed)
    standing = [Decide(verdict, stands=True) for verdict in (Verdict.ACCEPT, Verdict.DROP)]
    rules = some_rules(draw, (ACCEPT, DROP, *standing, *standing))
    default = draw.choice((Verdict.ACCEPT, Verdict.DROP))
    made = firewall(rules, default)
    index = Overlap(rules, Hook.INPUT, Family.IPV4, default)
    wanted = check_shares(made, index, lambda matched, decided: [decided] if decided is not None else [])
    redundant = {n for n in wanted if wanted[n] and changes_nothing(made, n)}
    assert {each.rule for each in index.redundant()} == redundant
    for packet, _, decided, _ in trails(made):
        assert index.deciding(packet) == Decided(decided)


@pytest.mark.parametrize("seed", range(60))
def test_written_marks_are_followed(seed):
    draw = random.Random(seed)
    standing = Decide(Verdict.DROP, stands=True)
    actions = (ACCEPT, DROP, Continue(), Continue(), *([standing, standing] if seed % 3 == 0 else ()))
    rules = some_rules(draw, actions, writes=True)
    made = firewall(rules, Verdict.DROP)
    index = Overlap(rules, Hook.INPUT, Family.IPV4, Verdict.DROP)

    def acting(matched, decided):
        return [
            n for n in matched
            if not (isinstance(rules[n].action, Decide) and rules[n].action.stands
                    and all(write.field is Field.LOG for write in rules[n].writes))
            or n == decided
        ]  # fmt: skip

    check_shares(made, index, acting)
    for each in index.redundant():
        assert changes_nothing(made, each.rule)


@pytest.mark.parametrize("seed", range(80))
def test_what_is_said_holds_whatever_called_chains_do(seed):
    draw = random.Random(seed)
    callee = some_rules(draw, (ACCEPT, DROP, Continue(), Return()), writes=True)
    rules = some_rules(draw, (ACCEPT, DROP, Jump("callee"), Continue()), writes=True)
    made = firewall(rules, Verdict.DROP, callee=callee)
    index = Overlap(rules, Hook.INPUT, Family.IPV4, Verdict.DROP)
    told = [n for n, each in enumerate(rules) if not index.reached(n)]
    for packet, matched, decided, _ in trails(made):
        assert not set(told) & set(matched)
        answer = index.deciding(packet)
        if answer.certain:
            assert answer.rule == decided
    for each in index.redundant():
        assert changes_nothing(made, each.rule)


@pytest.mark.parametrize("seed", range(50))
def test_called_chains_count_where_they_are_told(seed):
    """With a callee that is told exactly, shares and redundancy are as exact as in one list."""
    draw = random.Random(seed)
    inside = [rule(*some_tests(draw, marks=False), action=draw.choice((ACCEPT, DROP))) for _ in range(2)]
    rules = some_rules(draw, (ACCEPT, DROP, Jump("callee")))
    shares = Overlap(inside, Hook.INPUT, Family.IPV4, None)
    rest = Overlap([*inside, rule()], Hook.INPUT, Family.IPV4, None)
    called = Called(
        decided=tuple((box, each.action.verdict) for n, each in enumerate(inside) for box in shares.share(n)),
        returned=rest.share(2),
    )
    made = firewall(rules, Verdict.DROP, callee=inside)
    index = Overlap(rules, Hook.INPUT, Family.IPV4, Verdict.DROP, called={"callee": called})
    wanted = check_shares(made, index, lambda matched, decided: matched)
    ending = {n for n in wanted if wanted[n] and isinstance(rules[n].action, Decide)}
    assert {each.rule for each in index.redundant()} == {n for n in ending if changes_nothing(made, n)}


def ports(first, last=None, protocol=6):
    values = ((first, last or first),)
    return IntegerTest(Field.PROTOCOL, ((protocol, protocol),)), IntegerTest(Field.DESTINATION_PORT, values)


def network(text, field=Field.SOURCE):
    address, _, prefix = text.partition("/")
    first = int.from_bytes(bytes(map(int, address.split("."))))
    return AddressTest(field, ((first, first + (1 << 32 - int(prefix or 32)) - 1),), ())


def of(*rules, default=Verdict.DROP, **more):
    return Overlap(rules, Hook.INPUT, Family.IPV4, default, **more)


def test_two_halves_shadow_the_whole():
    """10.0.0.0/9 and 10.128.0.0/9 together leave nothing to 10.0.0.0/8; the rule on port 80 takes no part."""
    index = of(
        rule(*ports(80)),
        rule(network("10.0.0.0/9")),
        rule(network("10.128.0.0/9"), action=DROP),
        rule(network("10.0.0.0/8"), *ports(22)),
    )
    assert index.shadowed() == (Shadowed(3, (1, 2)),)


def test_rules_that_are_not_needed_to_shadow_are_not_named():
    index = of(rule(*ports(1, 99)), rule(*ports(50, 149)), rule(*ports(100, 200)), rule(*ports(10, 190)))
    assert index.shadowed() == (Shadowed(3, (0, 2)),)


def test_a_net_a_port_and_the_rest_of_both_shadow():
    index = of(
        rule(network("10.0.0.0/9")),
        rule(*ports(22)),
        rule(network("10.128.0.0/9"), *ports(23)),
        rule(network("10.0.0.0/8"), *ports(22, 23)),
    )
    assert index.shadowed() == (Shadowed(3, (0, 1, 2)),)


def test_a_mark_that_is_written_twice():
    index = of(
        rule(action=Continue(), writes=(Write(Field.MARK, 1),)),
        rule(IntegerTest(Field.MARK, ((1, 1),)), action=Continue(), writes=(Write(Field.MARK, 2),)),
        rule(IntegerTest(Field.MARK, ((1, 1),))),
        rule(IntegerTest(Field.MARK, ((2, 2),))),
    )
    assert [index.reached(n) for n in range(4)] == [True, True, False, True]


@pytest.mark.parametrize("seed", range(40))
def test_masked_writes_are_taken_back_bit_by_bit(seed):
    draw = random.Random(seed)
    wanted = normalize((v, v) for v in draw.sample(range(64), 20))
    write = Write(Field.MARK, draw.randrange(64), draw.randrange(64))
    index = of(rule(action=Continue(), writes=(write,)), rule(IntegerTest(Field.MARK, wanted)))
    before = [box.integers[Field.MARK] for box in index.share(1)]
    for mark in range(64):
        becomes = (mark & ~write.mask) ^ write.value
        assert any(contains(each, mark) for each in before) == contains(wanted, becomes)


@pytest.mark.parametrize("seed", range(40))
def test_many_rules_that_overlap_much(seed, monkeypatch):
    """Enough overlaps for every short cut: wide stretches of the masks, thin parts, gaps."""
    draw = random.Random(seed)
    monkeypatch.setattr("fwadvisor.packets.overlap_bits._MOST", draw.choice((3, 6, 512)))
    few = draw.choice((1, 4, 32))
    monkeypatch.setattr("fwadvisor.packets.overlap_bits.FEW", few)
    monkeypatch.setattr("fwadvisor.packets.overlap.FEW", few)
    fields, sizes = (Field.DSCP, Field.STATE, Field.SOURCE_TYPE), (64, 5, 4)
    everything = set(product(*map(range, sizes)))
    rules, sets, actions = [], [], []
    for _ in range(120):
        tests, members = [], everything
        for axis in draw.sample(range(3), draw.randint(2, 3)):
            first = draw.randrange(sizes[axis])
            last = min(sizes[axis] - 1, first + draw.randrange(sizes[axis] // 4 + 1))
            ranges = [(first, last), *([(0, 0)] if draw.random() < 0.2 else ())]
            values = normalize(ranges)
            tests.append(IntegerTest(fields[axis], values))
            members = {point for point in members if contains(values, point[axis])}
        actions.append(draw.choice((ACCEPT, DROP)))
        rules.append(rule(*tests, action=actions[-1]))
        sets.append(members)
    index = of(*rules, rule())
    taken = set()
    for number, members in enumerate([*sets, everything]):
        assert index.reached(number) == bool(members - taken)
        taken |= members
    decided = {each.rule for each in index.redundant()}
    for number in range(120):
        share = sets[number].difference(*sets[:number])
        next_of = (next((actions[n] for n in range(number + 1, 120) if p in sets[n]), ACCEPT) for p in share)
        assert (number in decided) == (bool(share) and all(each == actions[number] for each in next_of))


def test_a_limited_rule_shadows_only_where_the_limit_holds():
    limited = rule(*ports(22), ConditionTest(OPEN))
    assert of(limited, rule(*ports(22), action=DROP)).shadowed() == ()
    over = rule(*ports(22), ConditionTest(OPEN, False), action=DROP)
    assert of(limited, over, rule(*ports(22))).shadowed() == (Shadowed(2, (0, 1)),)


def test_a_rule_that_the_default_repeats_is_redundant():
    index = of(rule(*ports(22)), rule(*ports(23), action=DROP))
    assert index.redundant() == (Redundant(1, (), True),)


def test_a_log_rule_between_makes_a_rule_matter():
    log = rule(action=Continue(), writes=(Write(Field.LOG, "dropped: "),))
    assert of(rule(*ports(23), action=DROP), log).redundant() == ()
    assert of(log, rule(*ports(23), action=DROP)).redundant() == (Redundant(1, (), True),)


def test_unknown_actions_neither_shadow_nor_hide():
    index = of(rule(action=Unknown("TARPIT")), rule(*ports(22)), rule(*ports(22)))
    assert index.shadowed() == (Shadowed(2, (1,), assuming=(0,)),)
    packet = Packet(hook=Hook.INPUT, family=Family.IPV4, protocol=6, source=0, destination=0)
    assert index.deciding(packet) == Decided(0, certain=False)


def test_rules_that_match_nothing_say_why():
    index = of(
        rule(IntegerTest(Field.STATE, ())),
        rule(FamilyTest(Family.IPV6)),
        rule(NameTest(Field.OUT_INTERFACE, Names(frozenset({"eth0"})))),
        rule(network("224.0.0.0/4", Field.DESTINATION), IntegerTest(Field.DESTINATION_TYPE, ((0, 0),))),
        impossible=tuple(impossible(Hook.INPUT, Family.IPV4)),
    )
    assert index.never_matching() == (
        NeverMatches(0, Never.EMPTY),
        NeverMatches(1, Never.OTHER_FAMILY),
        NeverMatches(2, Never.IMPOSSIBLE),
        NeverMatches(3, Never.IMPOSSIBLE),
    )
    assert index.shadowed() == ()


def test_every_destination_of_input_is_local_broadcast_or_multicast():
    typed = [rule(IntegerTest(Field.DESTINATION_TYPE, ((t, t),))) for t in (0, 2)]
    rules = [*typed, rule(network("224.0.0.0/4", Field.DESTINATION)), rule(*ports(22))]
    assert of(*rules, impossible=tuple(impossible(Hook.INPUT, Family.IPV4))).shadowed() == (Shadowed(3, (0, 1, 2)),)
    assert of(*rules).shadowed() == ()


def test_order_of_allowed_net_and_forbidden_port():
    index = of(rule(network("10.0.0.0/8")), rule(*ports(23), action=DROP))
    assert index.correlated() == ((Correlated(0, 1),), True)


def test_rules_that_meet_a_region():
    index = of(rule(*ports(80, 90)), rule(NameTest(Field.IN_INTERFACE, Names(prefixes=frozenset({"eth"})))))
    assert list(index.overlapping(ports(85))) == [0, 1]
    assert index.first_overlapping((*ports(22), NameTest(Field.IN_INTERFACE, Names(frozenset({"eth7"}))))) == 1
    assert index.first_overlapping((*ports(22), NameTest(Field.IN_INTERFACE, Names(frozenset({"ppp0"}))))) is None
    assert index.first_overlapping((*ports(80), IntegerTest(Field.TTL, ()))) is None


def test_a_jump_with_goto_ends_the_chain():
    index = of(rule(*ports(22), action=Jump("ssh", goto=True)), rule(*ports(22)))
    assert index.shadowed() == (Shadowed(1, (0,)),)


def test_standing_verdicts_and_returns_in_one_chain_are_refused():
    with pytest.raises(ValueError, match="stand"):
        of(rule(action=Decide(Verdict.DROP, stands=True)), rule(action=Return()))


def crossing(count):
    """Rules that each take a slice of one of three fields of every packet but a diagonal."""
    draw = random.Random(count)
    fields = (Field.DESTINATION_PORT, Field.SOURCE_PORT, Field.LENGTH, Field.MARK, Field.TTL)
    for _ in range(count):
        slices = []
        for field in fields:
            first = draw.randrange(80)
            slices.append(IntegerTest(field, ((first, min(255, first + draw.randrange(20, 200))),)))
        yield rule(*slices)


def test_a_budget_ends_with_the_rule_and_no_guess():
    rules = [*crossing(300), rule(IntegerTest(Field.TTL, ((0, 255),)))]
    with pytest.raises(BudgetError, match=r"rule 301 of chain INPUT.*more than 20000 boxes"):
        of(*rules, chain="INPUT", limits=Limits(boxes=20000)).share(300)
    with pytest.raises(BudgetError, match="0 seconds"):
        of(*rules, limits=Limits(seconds=0)).shadowed()


def test_ten_thousand_rules():
    draw = random.Random(7)
    rules = []
    for number in range(9_999):
        net = f"10.{draw.randrange(256)}.{draw.randrange(256)}.0/{draw.choice((24, 28, 32))}"
        tests = (*ports(draw.choice((22, 80, 443, 1720, 5060))), network(net))
        if number % 1000 == 999:
            tests = ports(4000 + number, 65535)
        elif number % 1000 == 499:
            tests = (network(f"10.{number // 1000}.0.0/16"),)
        rules.append(rule(*tests, action=draw.choice((ACCEPT, DROP))))
    index = of(*rules, rule(network("10.0.0.0/8"), *ports(1720), action=DROP))
    shadowed = index.shadowed()
    assert shadowed
    for each in shadowed[:200]:
        assert all(earlier < each.rule for earlier in each.by)
        assert not index.share(each.rule)
    assert index.redundant()
    assert index.correlated(10)[1] is False

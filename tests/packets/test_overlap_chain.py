"""The overlap index of chains in their firewall: defaults, called chains, packets that are spoken of."""

from fwadvisor.diagnostic import Span
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import (
    STATES,
    BaseChain,
    Continue,
    Decide,
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
    Write,
)
from fwadvisor.model.interval import normalize
from fwadvisor.model.rule import LOOPBACK, Hook, State, Verdict
from fwadvisor.packets.overlap import Never, NeverMatches, Redundant, Shadowed
from fwadvisor.packets.overlap_chain import overlap_of, written

ACCEPT, DROP = Decide(Verdict.ACCEPT), Decide(Verdict.DROP)
TCP = IntegerTest(Field.PROTOCOL, ((6, 6),))


def rule(*tests, action=ACCEPT, writes=()):
    return FirewallRule(tests=tests, action=action, span=Span("rules", 1), text="rule", writes=writes)


def firewall(main, sub=(), **more):
    chains = {name: FirewallChain(name, tuple(rules)) for name, rules in (("main", main), ("sub", sub))}
    base = BaseChain(point=Point.INPUT, chain="main", default=Verdict.DROP)
    return Firewall(name="f", dialect="d", chains=chains, bases=(base,), **more)


def of(made, chain="main"):
    return overlap_of(made, chain, Hook.INPUT, Family.IPV4)


def marked(value):
    return IntegerTest(Field.MARK, ((value, value),))


def test_the_default_of_a_base_chain_and_the_end_of_a_called_one():
    made = firewall([rule(TCP, action=DROP), rule(action=Jump("sub"))], [rule(TCP, action=DROP), rule(action=Return())])
    assert of(made).redundant() == ()
    assert of(firewall([rule(TCP, action=DROP)])).redundant() == (Redundant(0, (), True),)
    assert of(made, "sub").redundant() == (Redundant(1, (), True),)


def test_a_called_chain_that_writes_the_mark_makes_later_tests_of_it_open():
    quiet = firewall([rule(marked(1)), rule(action=Jump("sub")), rule(marked(1))], [rule(TCP, action=DROP)])
    assert of(quiet).shadowed() == (Shadowed(2, (0,)),)
    writes = rule(action=Continue(), writes=(Write(Field.MARK, 1),))
    writing = firewall([rule(marked(1)), rule(action=Jump("sub")), rule(marked(1)), rule(marked(1))], [writes])
    assert written(writing, "sub") == {Field.MARK}
    assert of(writing).shadowed() == (Shadowed(3, (2,)),)
    (box,) = of(writing).share(2)
    assert [condition.name for condition in box.conditions] == ["mark 0x1 after rule 2"]


def test_what_a_firewall_does_not_speak_of_reaches_no_rule():
    """pf asks only TCP packets that open a connection, and none on the loopback interface."""
    new, related = ((STATES.index(state),) * 2 for state in (State.NEW, State.RELATED))
    opening = IntegerTest(Field.TCP_FLAGS, normalize((f, f) for f in range(256) if f & 23 == 2))
    made = firewall(
        [
            rule(TCP, opening),
            rule(TCP, action=DROP),
            rule(IntegerTest(Field.STATE, (related,))),
            rule(NameTest(Field.IN_INTERFACE, Names(frozenset({LOOPBACK})))),
            rule(IntegerTest(Field.STATE, (new,))),
        ],
        states=frozenset({State.NEW, State.ESTABLISHED, State.RELATED}),
        implicit=frozenset({State.ESTABLISHED, State.RELATED}),
        opening_only=True,
        loopback=False,
    )
    index = of(made)
    assert index.shadowed() == (Shadowed(1, (0,)),)
    assert index.never_matching() == (NeverMatches(2, Never.IMPOSSIBLE), NeverMatches(3, Never.IMPOSSIBLE))
    assert index.reached(4)
    alone = firewall([rule(TCP, opening), rule(TCP)], states=frozenset({State.NEW}), opening_only=True)
    assert of(alone).shadowed() == (Shadowed(1, (0,)),)

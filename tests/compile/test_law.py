"""Never beats need beats forbid beats default, whatever the order of statements and profiles."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fwadvisor.compile import compile_policy
from fwadvisor.dialects import dialect
from fwadvisor.errors import PolicyError
from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.interval import contains
from fwadvisor.model.policy import DefaultVerdict, InlineFlow, Kind, Policy, Statement, StatementKind, Zone
from fwadvisor.model.rule import TCP, UDP, Hook, Place, Verdict
from fwadvisor.model.walk import Packet, decide
from fwadvisor.ports import load

DATABASE = load()
CAPABILITIES = dialect("nftables").capabilities
ZONES = {
    "a": Zone(name="a", addresses=AddressSet(v4=((10, 19),), name="a")),
    "b": Zone(name="b", addresses=AddressSet(v4=((15, 29),), name="b")),
}
#: An address of each part of the zones, and of none.
ADDRESSES = (12, 17, 25, 40)
STRICTNESS = (Verdict.DROP, Verdict.REJECT, Verdict.ACCEPT)

ends = st.sampled_from([("a", "self"), ("b", "self"), ("any", "self"), ("self", "a"), ("self", "any"), ("a", "b")])
ports = st.tuples(st.integers(1, 8), st.integers(0, 3)).map(lambda pair: ((pair[0], pair[0] + pair[1]),))
flows = st.builds(
    lambda protocols, ports: InlineFlow(protocols=protocols, ports=ports, text="x"),
    st.sampled_from([(TCP,), (UDP,), (TCP, UDP)]),
    ports,
)


@st.composite
def statements(draw, kinds):
    found = []
    for number in range(draw(st.integers(1, 6))):
        source, destination = draw(ends)
        kind = draw(st.sampled_from(kinds))
        found.append(
            Statement(
                kind=kind,
                profile="p",
                place=Place("p.yaml", number + 1),
                flows=(draw(flows),),
                sources=(source,),
                destinations=(destination,),
                verdict=draw(st.sampled_from(STRICTNESS[:2])) if kind is StatementKind.FORBID else None,
                log=draw(st.booleans()),
            )
        )
    return tuple(found)


def policy_of(statements, kind=Kind.GATEWAY, defaults=()):
    return Policy(name="p", kind=kind, profiles=(), zones=ZONES, statements=tuple(statements), defaults=defaults)


def packets():
    for protocol, port in itertools.product((TCP, UDP), range(13)):
        for other in ADDRESSES:
            yield Packet(
                hook=Hook.INPUT, family=Family.IPV4, protocol=protocol, source=other, destination=99,
                source_port=40000, destination_port=port,
            )  # fmt: skip
            yield Packet(
                hook=Hook.OUTPUT, family=Family.IPV4, protocol=protocol, source=99, destination=other,
                source_port=40000, destination_port=port,
            )  # fmt: skip
        for source, destination in ((12, 25), (25, 12), (40, 25)):
            yield Packet(
                hook=Hook.FORWARD, family=Family.IPV4, protocol=protocol, source=source, destination=destination,
                source_port=40000, destination_port=port,
            )  # fmt: skip


PACKETS = list(packets())


def in_zone(name, address):
    zone = ZONES.get(name)
    return zone is None or contains(zone.addresses.v4, address)


def speaks_of(statement, packet):
    """Whether a statement speaks of a packet: written without the compiler's help."""
    (flow,), (source,), (destination,) = statement.flows, statement.sources, statement.destinations
    if packet.protocol not in flow.protocols or not contains(flow.ports, packet.destination_port):
        return False
    if packet.hook is Hook.INPUT:
        return source != "self" and destination == "self" and in_zone(source, packet.source)
    if packet.hook is Hook.OUTPUT:
        return source == "self" and destination != "self" and in_zone(destination, packet.destination)
    if "self" in (source, destination):
        return False
    return in_zone(source, packet.source) and in_zone(destination, packet.destination)


def law(statements, packet, default):
    """What the law says of one packet."""
    spoken = [each for each in statements if speaks_of(each, packet)]
    if any(each.kind is StatementKind.NEVER for each in spoken):
        return Verdict.DROP
    if any(each.kind is StatementKind.NEED for each in spoken):
        return Verdict.ACCEPT
    forbidden = [each.verdict for each in spoken if each.kind is StatementKind.FORBID]
    return min(forbidden, key=STRICTNESS.index) if forbidden else default


def default_of(hook, statements):
    if not any(each.kind is StatementKind.NEED for each in statements):
        return Verdict.ACCEPT
    return Verdict.ACCEPT if hook is Hook.OUTPUT else Verdict.DROP


@given(statements((StatementKind.NEED, StatementKind.FORBID)))
def test_need_beats_forbid_beats_default(found):
    ruleset = compile_policy(policy_of(found), DATABASE, CAPABILITIES).ruleset
    for packet in PACKETS:
        assert decide(ruleset, packet).verdict is law(found, packet, default_of(packet.hook, found)), packet


@given(statements((StatementKind.NEVER, StatementKind.FORBID)))
def test_never_beats_forbid_and_closes_where_the_default_opens(found):
    ruleset = compile_policy(policy_of(found), DATABASE, CAPABILITIES).ruleset
    for packet in PACKETS:
        assert decide(ruleset, packet).verdict is law(found, packet, Verdict.ACCEPT), packet


@given(statements(tuple(StatementKind)), st.randoms(use_true_random=False))
def test_the_order_of_statements_means_nothing(found, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    outcomes = []
    for each in (found, shuffled):
        try:
            ruleset = compile_policy(policy_of(each), DATABASE, CAPABILITIES).ruleset
        except PolicyError as problem:
            outcomes.append({(d.span.line, d.labels[0].span.line) for d in problem.diagnostics})
            continue
        outcomes.append([(decide(ruleset, p).verdict, _logged(ruleset, p)) for p in PACKETS])
    assert outcomes[0] == outcomes[1]


def _logged(ruleset, packet):
    rule = decide(ruleset, packet).rule
    return rule is not None and rule.log is not None


@given(statements((StatementKind.NEED, StatementKind.NEVER)))
def test_a_need_that_meets_a_guardrail_is_an_error_with_both_places(found):
    meeting = {
        (need.place.line, never.place.line)
        for need in found
        for never in found
        if need.kind is StatementKind.NEED and never.kind is StatementKind.NEVER
        if any(speaks_of(need, packet) and speaks_of(never, packet) for packet in PACKETS)
    }
    try:
        compile_policy(policy_of(found), DATABASE, CAPABILITIES)
    except PolicyError as problem:
        named = {(each.span.line, each.labels[0].span.line) for each in problem.diagnostics}
    else:
        named = set()
    # Zones a and b overlap where no packet of the test may lie, so more may be named, never less.
    assert meeting <= named
    assert bool(meeting) == bool(named)


@given(statements((StatementKind.NEED,)), st.permutations(STRICTNESS), st.booleans())
def test_the_strictest_default_wins_and_logs(found, verdicts, log):
    declared = [
        DefaultVerdict(hook=Hook.INPUT, verdict=verdict, log=log, profile=f"p{n}", place=Place(f"p{n}.yaml", 1))
        for n, verdict in enumerate(verdicts)
    ]
    compiled = compile_policy(policy_of(found, defaults=tuple(declared)), DATABASE, CAPABILITIES)
    chain = compiled.ruleset.chain(Hook.INPUT)
    assert chain.default is Verdict.DROP
    assert (chain.default_log is not None) == log
    (note,) = [each for each in compiled.notes if each.id == "strictest-default"]
    assert len(note.places) == 3


def test_equal_defaults_log_where_one_of_them_logs():
    quiet = DefaultVerdict(
        hook=Hook.INPUT, verdict=Verdict.DROP, log=False, profile="a", place=Place("a.yaml", 1)
    )  # fmt: skip
    loud = replace(quiet, log=True, profile="b")
    for declared in ((quiet, loud), (loud, quiet)):
        compiled = compile_policy(policy_of((), defaults=declared), DATABASE, CAPABILITIES)
        assert compiled.ruleset.chain(Hook.INPUT).default_log is not None
        assert not [each for each in compiled.notes if each.id == "strictest-default"]


@pytest.mark.parametrize("kind", Kind)
def test_profiles_that_only_close_leave_the_rest_open(compiled, kind):
    result = compiled(f"kind: {kind}\nforbid: [{{application: netmeeting}}]")
    assert {chain.default for chain in result.ruleset.chains} == {Verdict.ACCEPT}
    assert len(result.ruleset.chains) == 3
    assert "only-closes" in {note.id for note in result.notes}
    with_need = compiled(
        f"kind: {kind}\nforbid: [{{application: netmeeting}}]", "need: [{flow: tcp 22, from: any, to: self}]"
    )
    assert with_need.ruleset.chain(Hook.INPUT).default is Verdict.DROP
    assert "only-closes" not in {note.id for note in with_need.notes}


def test_a_declared_default_is_kept_where_nothing_is_needed(compiled):
    result = compiled("forbid: [{application: netmeeting}]\ndefaults: {input: drop}")
    assert result.ruleset.chain(Hook.INPUT).default is Verdict.DROP
    assert {note.id for note in result.notes} & {"only-closes", "lockout"} == {"lockout"}


def test_conflict_note_names_both_places_and_the_shared_port(compiled):
    text = (
        "zones: {peers: 203.0.113.0/24}\nneed:\n- application: h323-endpoint\n"
        "  roles: {caller: [self, peers], callee: [self, peers]}\n"
    )
    result = compiled(text, "forbid:\n- application: netmeeting\n- application: t120-conference\n")
    (note,) = [each for each in result.notes if each.id == "need-wins"]
    assert "tcp 1720" in note.text
    assert [place.line for place in note.places] == [5, 4]


def test_no_conflict_where_numbers_or_zones_differ(compiled):
    need = "zones: {a: 10.0.0.0/8, b: 192.168.0.0/16}\nneed: [{flow: tcp 5000-5009, from: a, to: self}]\n"
    for forbid in (
        "{flow: tcp 5010, from: any}",
        "{flow: udp 5000}",
        "{flow: tcp 5000, from: b}",
        "{flow: tcp 5000, from: self}",
    ):
        assert "need-wins" not in {note.id for note in compiled(f"{need}forbid: [{forbid}]").notes}, forbid
    assert "need-wins" in {note.id for note in compiled(f"{need}forbid: [{{flow: tcp 5009, from: any}}]").notes}


def test_a_default_whose_parameter_has_no_value_is_not_declared(compiled):
    text = (
        "parameters: {way: {type: choice, choices: [drop, accept], optional: true}}\n"
        "need: [{flow: tcp 80, from: any, to: self}]\ndefaults: {forward: $way}\n"
    )
    assert compiled(text).ruleset.chain(Hook.FORWARD).default is Verdict.DROP
    assert compiled(text, way="accept").ruleset.chain(Hook.FORWARD).default is Verdict.ACCEPT
    other = "need: [{flow: tcp 81, from: any, to: self}]\ndefaults: {forward: accept}\n"
    assert compiled(text, other).ruleset.chain(Hook.FORWARD).default is Verdict.ACCEPT

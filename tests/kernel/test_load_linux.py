"""The Linux files load: every construct, any number of times, over anything of before, whatever the words in it."""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rig import BOX, Rig, agree, probes_for

from fwadvisor.dialects import batches as grouping
from fwadvisor.dialects import dialect
from fwadvisor.dialects.base import Document
from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.interval import Intervals, normalize
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
from fwadvisor.model.walk import decide

LINKS = ("wan0", "lan0")
#: How to load and to list: nftables, and both variants of iptables with and without --noflush.
WAYS = ("nftables", "nft", "nft --noflush", "legacy", "legacy --noflush")
_NET6 = 0x20010DB8 << 96
ORIGIN = Origin(kind=OriginKind.NEED, text="a reason", profile="p", place=Place("p.yaml", 3))
_STRUCTURE = Path(__file__).parent.parent / "dialects" / "structure"


@cache
def structure(name: str) -> ModuleType:
    """Random and hostile rulesets, which the tests of the dialects use as well."""
    spec = spec_from_file_location(f"kernel_structure_{name}", _STRUCTURE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def load(rig: Rig, way: str, ruleset: Ruleset, document: Document | None = None) -> None:
    name = "nftables" if way == "nftables" else "iptables"
    files = dialect(name).write(ruleset, document or Document(name="test"))
    if way == "nftables":
        rig.load_nftables(files[0].content.decode())
        return
    variant, *options = way.split()
    # The rig's own way for the first load, so that it knows what to clear.
    v4, v6 = (file.content.decode() for file in files)
    if not options:
        rig.load_iptables(v4, v6, variant)
    else:
        rig.load_iptables("*filter\nCOMMIT\n" if variant == "legacy" else "", "", variant)
        for command, text in (("iptables", v4), ("ip6tables", v6)):
            rig.places.must(BOX, [f"{command}-{variant}-restore", *options], text)


def listing(rig: Rig, way: str) -> str:
    """What is loaded, without handles, counters and comments of the lister."""
    if way == "nftables":
        return rig.places.must(BOX, ["nft", "list", "ruleset"])
    variant = way.split()[0]
    texts = [rig.places.must(BOX, [f"{each}-{variant}-save"]) for each in ("iptables", "ip6tables")]
    lines = (line for text in texts for line in text.splitlines() if not line.startswith("#"))
    return re.sub(r"\[\d+:\d+\]", "[0:0]", "\n".join(lines))


def rule(match: Match, verdict: Verdict = Verdict.ACCEPT, log: Log | None = None) -> Rule:
    return Rule(match, verdict, ORIGIN, log)


def addresses(*numbers: int) -> AddressSet:
    ranges: Intervals = normalize((number, number + 2) for number in numbers)
    return AddressSet(v4=ranges, v6=tuple((_NET6 + first, _NET6 + last) for first, last in ranges), name="zone")


def every_construct() -> Iterator[Rule]:
    ports: Intervals = ((22, 22), (80, 90))
    log = Log("prefix: ", 10)
    for verdict in Verdict:
        yield rule(Match(), verdict, log if verdict is Verdict.ACCEPT else None)
        for protocols in (
            (TCP,),
            (UDP,),
            (SCTP,),
            (DCCP,),
            (TCP, UDP),
            (47,),
            (0,),
            (255,),
            (ICMP,),
            (ICMPV6,),
            (ICMP, TCP),
        ):
            yield rule(Match(protocols=protocols), verdict)
            yield rule(Match(protocols=protocols, source=addresses(1, 9), destination=addresses(5)), verdict, log)
        for some in ((((0, 0),)), ports, ((0, 65535),), tuple((n, n) for n in range(1, 99, 2))):
            yield rule(Match(protocols=(TCP,), destination_ports=some), verdict)
            yield rule(Match(protocols=(UDP, SCTP, DCCP), destination_ports=some, source_ports=ports), verdict)
    for state in State:
        yield rule(Match(states=(state,)))
        yield rule(Match(states=(state, State.NEW), protocols=(TCP,)))
    yield rule(
        Match(
            states=(State.RELATED,),
            helpers=("Q.931", "RAS", "H.245"),
            protocols=(TCP, UDP),
            destination_ports=((1024, 65535),),
        )
    )
    for number in (0, 8, 254):
        yield rule(Match(protocols=(ICMP,), icmp=(IcmpType(number), IcmpType(3, 4))))
        yield rule(Match(protocols=(ICMPV6,), icmp=(IcmpType(number), IcmpType(1, 3))))
    for names in (("wan0",), ("wan0", LOOPBACK), ("a.b-c_d:1", "0123456789abcde")):
        yield rule(Match(in_interfaces=names))
    for family in Family:
        yield rule(Match(family=family))
        yield rule(Match(source=AddressSet(v4=Family.IPV4.universe, v6=addresses(1).v6)))
    yield rule(Match(source=AddressSet(v4=((0, 0x09FFFFFF), (0x0B000000, 2**32 - 1)))))
    yield rule(Match(source=addresses(*range(0, 900, 6)), destination=addresses(*range(0, 90, 6)), protocols=(TCP,)))


HELPERS = (
    ("Q.931", TCP, 1720),
    ("RAS", UDP, 1719),
    ("ftp", TCP, 21),
    ("tftp", UDP, 69),
    ("sip", UDP, 5060),
    ("sip", TCP, 5060),
    ("pptp", TCP, 1723),
    ("irc", TCP, 6667),
    ("amanda", UDP, 10080),
    ("netbios-ns", UDP, 137),
    ("snmp", UDP, 161),
    ("sane", TCP, 6566),
)


def everything() -> Ruleset:
    rules = tuple(every_construct())
    outward = tuple(each for each in rules if not each.match.in_interfaces)
    out = rule(Match(out_interfaces=(LOOPBACK, "lan0")))
    chains = (
        Chain(Hook.INPUT, rules, Verdict.DROP, Log("end: ", None)),
        Chain(Hook.OUTPUT, (*outward, out), Verdict.REJECT, Log("end: ")),
        Chain(Hook.FORWARD, (*rules, out), Verdict.ACCEPT),
    )
    helpers = tuple(
        HelperAssignment(
            helper=name,
            hook=hook,
            match=Match(protocols=(protocol,), destination_ports=((port, port),), source=addresses(1, 9)),
            origin=ORIGIN,
        )
        for name, protocol, port in HELPERS
        for hook in Hook
    )
    return Ruleset(name="everything", chains=chains, helpers=helpers)


@pytest.mark.parametrize("way", WAYS)
def test_every_construct_loads_twice_with_the_same_result(rig: Rig, way: str) -> None:
    load(rig, way, everything())
    once = listing(rig, way)
    load(rig, way, everything())
    assert listing(rig, way) == once
    assert len(once.splitlines()) > 300


@pytest.mark.parametrize("way", ["nftables", "nft", "legacy"])
def test_nothing_of_before_remains(rig: Rig, way: str) -> None:
    small = Ruleset(name="small", chains=(Chain(Hook.INPUT, (rule(Match(protocols=(TCP,))),), Verdict.DROP),))
    load(rig, way, small)
    wanted = listing(rig, way)
    load(rig, way, everything())
    assert listing(rig, way) != wanted
    load(rig, way, small)
    found = listing(rig, way).splitlines()
    # Legacy tables keep the policy of a chain that a file does not name.
    assert [line for line in found if "POLICY" not in line and not line.startswith(":")] == [
        line for line in wanted.splitlines() if not line.startswith(":")
    ]
    assert {line for line in found if line.startswith(":FWA")} == {
        line for line in wanted.splitlines() if line.startswith(":FWA")
    }


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", range(len(structure("rulesets").HOSTILE)))
def test_hostile_words_load_and_change_nothing(rig: Rig, way: str, number: int) -> None:
    rulesets = structure("rulesets")
    text = rulesets.HOSTILE[number]
    ruleset = rulesets.hostile(text)
    load(rig, way, ruleset, Document(name=text, about=(text,)))
    packets = probes_for(ruleset, LINKS, 40, number)
    for packet, seen in zip(packets, rig.verdicts(packets), strict=True):
        assert agree(decide(ruleset, packet).verdict, seen, packet), packet


@pytest.mark.parametrize("way", ["nftables", "nft", "legacy"])
@pytest.mark.parametrize(("threshold", "count"), [(2, 25), (grouping.THRESHOLD, 150)])
def test_grouped_rules_decide_as_the_walk_does(
    rig: Rig, way: str, threshold: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouping, "THRESHOLD", threshold)
    probes = 0
    for seed in range(5):
        ruleset = structure("many").ruleset(random.Random(seed), tuple(Hook), tuple(Verdict), count, ("wan0",))
        load(rig, way, ruleset)
        packets = probes_for(ruleset, LINKS, 500, seed)
        for packet, seen in zip(packets, rig.verdicts(packets), strict=True):
            decided = decide(ruleset, packet)
            assert agree(decided.verdict, seen, packet), (seed, packet, decided.rule)
        probes += len(packets)
    assert probes > 1000


@pytest.mark.parametrize("way", WAYS)
def test_random_rulesets_always_load(rig: Rig, way: str) -> None:
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(seed=st.integers(0, 2**32), count=st.integers(0, 90), threshold=st.sampled_from((2, 5, grouping.THRESHOLD)))
    def loads(seed: int, count: int, threshold: int) -> None:
        before = grouping.THRESHOLD
        grouping.THRESHOLD = threshold
        try:
            ruleset = structure("many").ruleset(random.Random(seed), tuple(Hook), tuple(Verdict), count, ("wan0",))
            load(rig, way, ruleset)
            once = listing(rig, way)
            load(rig, way, ruleset)
            assert listing(rig, way) == once
        finally:
            grouping.THRESHOLD = before

    loads()


def test_a_large_ruleset_loads_as_few_sets(rig: Rig) -> None:
    """The kernel searches the list of sets for each set it makes: one for each rule would take half a minute."""
    source = random.Random(1)
    rules = []
    for number in range(5000):
        starts = [0x0A000000 + (source.getrandbits(16) << 8) for _ in range(10)]
        networks = normalize((start, start + 255) for start in starts)
        host = 0xAC100000 + number % 500
        port = source.randrange(40)
        match = Match(
            protocols=(TCP,),
            source=AddressSet(v4=networks),
            destination=AddressSet(v4=((host, host),)),
            destination_ports=((port, port),),
        )
        rules.append(rule(match))
    ruleset = Ruleset(name="large", chains=(Chain(Hook.INPUT, tuple(rules), Verdict.DROP),))
    (file,) = dialect("nftables").write(ruleset, Document(name="large"))
    rig.load_nftables(file.content.decode())
    assert file.content.count(b" { ") < 1000

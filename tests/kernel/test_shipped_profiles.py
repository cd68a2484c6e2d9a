"""The shipped profiles in the running kernel: the golden files load, twice, and decide as the policy says.

For each case in tests/cases, with its own settings: a matrix of packets from each zone to each port of interest and
its neighbours, and packets at the edges of every rule; TCP, UDP and ICMP, both families, every direction. And the
sentences of `expect`, which were written by hand and know nothing of the compiler.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from rig import Rig, agree, probe, probes_for, why_not, with_state
from rig.frames import texts
from rig.opening import open_rig

from fwadvisor.generate import Generated, Request, generate
from fwadvisor.model.address import FAMILIES, AddressSet, Family
from fwadvisor.model.interval import PORTS
from fwadvisor.model.policy import Policy, Zone
from fwadvisor.model.rule import ICMP, ICMPV6, TCP, UDP, Hook, Ruleset, Verdict
from fwadvisor.model.walk import Packet, decide

CASES = Path(__file__).parents[1] / "cases"
#: Every interface that a case names.
LINKS = ("eth0", "eth1", "eth2", "eth3", "wg0", "ipsec0")
#: Packets of one case: of the zone matrix, and at the edges of rules.
MATRIX, EDGES = 2500, 1500
TODAY = date(2026, 11, 21)

LOADED = sorted(path.parents[1].name for path in CASES.glob("*/expected/nftables.nft"))
#: Addresses of nobody's zone, on the internet and in private networks.
_STRANGERS = {
    Family.IPV4: (0xC6336407, 0xC0A8FE07),
    Family.IPV6: (0x2A00 << 112 | 7, 0xFD00 << 112 | 0xFE07),
}
_OWN = {Family.IPV4: 0xC0000201, Family.IPV6: 0x20010DB8 << 96 | 1}


@pytest.fixture(scope="module")
def _links() -> Iterator[Rig]:

    with open_rig(LINKS) as made:
        yield made


@pytest.fixture
def box(_links: Rig) -> Iterator[Rig]:
    _links.clear()
    yield _links
    _links.clear()


def of_case(case: str, *without: str) -> Generated:
    """What a case's command comes to on Linux, maybe without some of its profiles."""
    lines = (CASES / case / "command").read_text().splitlines()
    words = shlex.split(" ".join(line.rstrip("\\") for line in lines if line and not line.startswith("#")))[2:]
    profiles, settings = [], {}
    rest = iter(words)
    for word in rest:
        if word == "--set":
            name, _, value = next(rest).partition("=")
            settings[name] = value
        elif word in ("-t", "--target", "-o", "--today", "--profile-dir"):
            next(rest)
        elif not word.startswith("-") and word not in without:
            profiles.append(str(CASES / case / word) if word.endswith(".yaml") else word)
    if without:
        known = {use.name for use in of_case(case).policy.profiles} - set(without)
        settings = {name: value for name, value in settings.items() if _declared(name, known)}
    return generate(
        Request(
            profiles=profiles,
            settings=settings,
            targets=["nftables", "iptables"],
            profile_dirs=[CASES / case],
            today=TODAY,
            allow_approximate="--allow-approximate" in words,
        )
    )


def _declared(setting: str, profiles: set[str]) -> bool:
    from fwadvisor.profile.pages import summaries

    return any(setting in {p.name for p in each.parameters} for each in summaries() if each.name in profiles)


def files(case: str) -> dict[str, str]:
    """The golden files of a case."""
    return {path.name: path.read_text() for path in (CASES / case / "expected").iterdir()}


def load_nftables(rig: Rig, text: dict[str, str]) -> None:
    rig.load_nftables(text["nftables.nft"])


def load_iptables(rig: Rig, text: dict[str, str]) -> None:
    rig.load_iptables(text["iptables.v4"], text["iptables.v6"], "nft")


def load_iptables_legacy(rig: Rig, text: dict[str, str]) -> None:
    rig.load_iptables(text["iptables.v4"], text["iptables.v6"], "legacy")


Loader = Callable[[Rig, dict[str, str]], None]
LOADERS: dict[str, Loader] = {"nftables": load_nftables, "iptables": load_iptables}


# --- which packets ---------------------------------------------------------------------------------


def _neighbours(values: Iterator[int], most: int) -> list[int]:
    found = {value + step for value in values for step in (-1, 0, 1)}
    return sorted(value for value in found if 0 <= value <= most)


def ports_of(ruleset: Ruleset) -> list[int]:
    """The ends of every port range that a rule speaks of, and their neighbours."""
    return _neighbours(
        (
            end
            for chain in ruleset.chains
            for rule in chain.rules
            if rule.match.destination_ports not in (None, PORTS)
            for pair in rule.match.destination_ports or ()
            for end in pair
        ),
        65535,
    )


def addresses_of(zone: AddressSet | None, family: Family) -> list[int]:
    """Both ends of a zone and its neighbours outside, or somebody where the zone is everybody."""
    if zone is None:
        return list(_STRANGERS[family])
    ranges = zone.of(family)
    if not ranges:
        return []
    ends = (end for pair in (ranges[0], ranges[-1]) for end in pair)
    return _neighbours(ends, (1 << family.bits) - 1)


def _ends(policy: Policy, family: Family) -> list[tuple[int, str]]:
    """Addresses with the interface behind which they are, for each zone and for strangers."""
    found: dict[tuple[int, str], None] = {}
    for zone in (*policy.zones.values(), Zone(name="strangers")):
        if not zone.local:
            for address in addresses_of(zone.addresses, family):
                # An interface that only Windows could have is left out of the rules, and of the packets.
                for link in [name for name in zone.interfaces if name in LINKS] or ("eth0",):
                    found[address, link] = None
    return list(found)


def matrix(policy: Policy, ruleset: Ruleset, most: int) -> list[Packet]:
    """From each zone and to each zone, every port of interest by TCP and UDP, and ping.

    Where that is too much, every n-th packet, so that each zone and port keeps its share.
    """
    hooks = {chain.hook for chain in ruleset.chains}
    found = [packet for family in FAMILIES for packet in _of_family(policy, ruleset, family, hooks)]
    possible = list(dict.fromkeys(with_state(packet) for packet in found if not why_not(packet)))
    step = max(1, -(-len(possible) // most))
    return possible[::step]


def _of_family(policy: Policy, ruleset: Ruleset, family: Family, hooks: set[Hook]) -> Iterator[Packet]:
    echo, kind = (ICMP, 8) if family is Family.IPV4 else (ICMPV6, 128)
    contents: list[dict[str, int]] = [{"protocol": echo, "icmp_type": kind}]
    for port in ports_of(ruleset):
        for protocol in (TCP, UDP):
            contents.append({"protocol": protocol, "source_port": 40000, "destination_port": port})
    ends, own = _ends(policy, family), _OWN[family]
    for content in contents:
        for address, link in ends:
            if Hook.INPUT in hooks:
                yield Packet(
                    hook=Hook.INPUT, family=family, source=address, destination=own, in_interface=link, **content
                )
            if Hook.OUTPUT in hooks:
                yield Packet(
                    hook=Hook.OUTPUT, family=family, source=own, destination=address, out_interface=link, **content
                )
            for other, way in ends if Hook.FORWARD in hooks else ():
                if way != link:
                    yield Packet(
                        hook=Hook.FORWARD,
                        family=family,
                        source=address,
                        destination=other,
                        in_interface=link,
                        out_interface=way,
                        **content,
                    )


# --- tests -----------------------------------------------------------------------------------------


def disagreements(rig: Rig, ruleset: Ruleset, packets: list[Packet]) -> list[str]:
    found = []
    for packet, seen in zip(packets, rig.verdicts(packets), strict=True):
        decided = decide(ruleset, packet)
        if not agree(decided.verdict, seen, packet):
            found.append(f"wanted {decided.verdict}, got {seen}: {texts([packet])}\n  by {decided.rule}")
    return found


@pytest.mark.parametrize("dialect", LOADERS)
@pytest.mark.parametrize("case", LOADED)
def test_the_kernel_decides_as_the_policy_says(box: Rig, case: str, dialect: str, count: Callable[[str], None]) -> None:
    generated = of_case(case)
    ruleset = generated.compilations[dialect].ruleset
    packets = matrix(generated.policy, ruleset, MATRIX)
    packets += [p for p in probes_for(ruleset, LINKS, EDGES, 1) if p not in set(packets)]
    golden = files(case)
    for _ in range(2):
        LOADERS[dialect](box, golden)
    wrong = disagreements(box, ruleset, packets)
    assert not wrong, f"{len(wrong)} of {len(packets)} packets:\n" + "\n".join(wrong[:5])
    verdicts = {decide(ruleset, packet).verdict for packet in packets}
    assert Verdict.ACCEPT in verdicts
    assert len(verdicts) > 1
    count(f"{len(packets)} packets")


PROMISED = sorted(path.parent.name for path in CASES.glob("*/expect"))


def sentences(case: str, dialect: str) -> Iterator[tuple[str, str]]:
    for line in (CASES / case / "expect").read_text().splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r"(accept|drop|reject) +(?:\[([a-z ]+)\] )?(.*)", line)
            assert match, line
            if not match[2] or dialect in match[2].split():
                yield match[1], match[3]


@pytest.mark.parametrize("dialect", LOADERS)
@pytest.mark.parametrize("case", PROMISED)
def test_the_kernel_keeps_what_the_profiles_promise(box: Rig, case: str, dialect: str) -> None:
    LOADERS[dialect](box, files(case))
    rows = list(sentences(case, dialect))
    packets = [probe(sentence) for _, sentence in rows]
    for (verdict, sentence), packet, seen in zip(rows, packets, box.verdicts(packets), strict=True):
        assert agree(Verdict(verdict), seen, packet), f"{sentence}: wanted {verdict}, got {seen}"


@pytest.mark.parametrize("case", ["main-job", "web-machine", "home-gateway"])
def test_the_old_iptables_loads_the_same(box: Rig, case: str) -> None:
    generated = of_case(case)
    ruleset = generated.compilations["iptables"].ruleset
    for _ in range(2):
        load_iptables_legacy(box, files(case))
    packets = matrix(generated.policy, ruleset, 800)
    assert not disagreements(box, ruleset, packets)


REMOVED = [
    ("main-job", ("no-netmeeting",)),
    ("web-machine", ("monitoring-target",)),
    ("web-machine", ("web-server", "monitoring-target")),
    ("webrtc", ("webrtc",)),
]


@pytest.mark.parametrize("dialect", LOADERS)
@pytest.mark.parametrize(("case", "removed"), REMOVED)
def test_nothing_stays_of_what_was_removed(box: Rig, case: str, removed: tuple[str, ...], dialect: str) -> None:
    """Load the case, then the same without some of its profiles: the second file alone decides."""
    before, after = of_case(case), of_case(case, *removed)
    old, new = (each.compilations[dialect].ruleset for each in (before, after))
    packets = matrix(before.policy, old, 1200) + probes_for(old, LINKS, 800, 2)
    LOADERS[dialect](box, files(case))
    LOADERS[dialect](box, {each.name: each.content.decode() for each in after.files})
    assert not disagreements(box, new, packets)
    changed = [p for p in packets if decide(old, p).verdict is not decide(new, p).verdict]
    assert changed, "the packets do not tell the two apart"
    LOADERS[dialect](box, files(case))
    assert not disagreements(box, old, packets)


@pytest.mark.parametrize("dialect", LOADERS)
def test_nothing_stays_of_a_removed_line(box: Rig, tmp_path: Path, dialect: str) -> None:
    """One line less in a profile, loaded over the profile with it."""
    text = (
        "profile: one\ntitle: One\nzones: {a: 10.1.0.0/16}\nneed:\n"
        "  - {flow: tcp 4001, from: a, to: self}\n  - {flow: tcp 4003, from: any, to: self}\n"
    )
    path = tmp_path / "one.yaml"
    opened = []
    for content in (text, "\n".join(line for line in text.splitlines() if "4003" not in line) + "\n"):
        path.write_text(content)
        generated = generate(Request(profiles=[str(path)], targets=[dialect], today=TODAY))
        LOADERS[dialect](box, {each.name: each.content.decode() for each in generated.files})
        packets = [probe(f"input eth0 tcp 10.1.0.7 > 192.0.2.1:{port}") for port in range(4000, 4005)]
        opened.append(
            [p.destination_port for p, v in zip(packets, box.verdicts(packets), strict=True) if v == "accept"]
        )
    assert opened == [[4001, 4003], [4001]]

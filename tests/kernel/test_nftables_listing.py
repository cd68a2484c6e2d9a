"""What nft lists of a loaded ruleset, in each of its notations, is read as what was loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from rig import BOX, Rig, probes_for, random_ruleset

from fwadvisor.dialects import nftables as writer
from fwadvisor.dialects.base import Document
from fwadvisor.dialects.reading import nftables
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.address import FAMILIES, Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import AddressTest, AnyOf, ConditionTest, Field, Firewall, IntegerTest, NameTest, Test
from fwadvisor.model.rule import LOOPBACK, Hook, State
from fwadvisor.model.walk import Packet, decide
from fwadvisor.packets import Space, compare

LISTINGS = ("", "-a", "-s", "-n", "-nn", "-y", "-j", "-a -j", "-s -n")
GOLDEN = sorted((Path(__file__).parents[1] / "cases").glob("*/expected/nftables.nft"))
LINKS = ("wan0", "lan0")

#: One rule of each construct that this kernel takes.
RULES = """
ip saddr 10.0.0.0/8 accept
ip saddr != 10.0.0.0/8 accept
ip saddr { 10.0.0.1-10.0.0.5, 10.0.0.9, 192.0.2.0/24 } accept
ip saddr & 255.0.0.0 == 10.0.0.0 accept
ip saddr & 0.0.0.255 == 5 accept
ip6 daddr { ::1, 2001:db8::/64 } accept
ip6 saddr fe80::/10 icmpv6 type { 130, 131 } accept
tcp dport 22 accept
tcp dport != 22 accept
tcp dport 22-24 accept
tcp dport != 22-24 accept
tcp dport > 1000 accept
tcp dport { 22, 80-90 } tcp sport 1024-65535 accept
udp dport 53 accept
sctp dport 5 accept
meta l4proto { tcp, udp } th dport 53 accept
th dport 53 accept
meta l4proto != tcp accept
meta l4proto 89 accept
ip protocol { tcp, udp } accept
ip protocol tcp tcp dport 5 accept
ip6 nexthdr tcp accept
ip6 nexthdr != { tcp, 44 } accept
meta nfproto ipv4 accept
meta protocol ip6 accept
ct state new accept
ct state established,related accept
ct state { established, related } accept
ct state == new accept
ct state != established,related accept
ct state ! established accept
ct state vmap { established : accept, invalid : drop, new : jump sub }
ct status dnat accept
ct status != dnat accept
ct status & (dnat|snat) == 0 accept
ct helper "ftp" accept
ct helper != "ftp" accept
ct direction original accept
ct original ip saddr 1.2.3.4 accept
ct bytes > 100 accept
ct zone 5 accept
ct count over 5 accept
ct helper set "ftp-standard" accept
iifname "wan0" accept
iifname { "wan*", "lo" } accept
iifname != "wan*" accept
iif "lo" accept
oifname "lan0" accept
meta mark 0x5 accept
meta mark 1-5 accept
meta mark and 0xffffff00 0x100 accept
meta mark set 0x5 accept
meta mark set meta mark and 0xff or 0x100 meta mark 0x101 accept
ct mark set 0x7 ct mark 7 accept
meta mark vmap { 1 : accept, 2 : jump sub, 5-9 : drop }
meta length 100-200 accept
ip length < 100 accept
ip ttl 64 accept
ip6 hoplimit > 5 accept
ip dscp ef accept
ip6 dscp { cs1, 5 } accept
ip dscp set cs1 accept
tcp flags syn accept
tcp flags == syn accept
tcp flags != syn accept
tcp flags syn,ack accept
tcp flags & (fin|syn|rst|ack) == syn accept
tcp flags != syn / fin,syn accept
tcp flags ! syn accept
tcp flags { syn, syn|ack } accept
icmp type echo-request accept
icmp type { 3, 8 } icmp code 4 accept
icmpv6 type { nd-neighbor-solicit, nd-router-advert } accept
meta l4proto icmp accept
ip frag-off & 0x1fff != 0 accept
exthdr frag exists accept
tcp option sack exists accept
tcp option maxseg size 1-500 accept
tcp flags syn tcp option maxseg size set rt mtu
fib daddr type { local, broadcast } accept
fib saddr . iif oif missing accept
ether saddr 00:11:22:33:44:55 accept
meta skuid 1000 accept
meta pkttype broadcast accept
meta hour "09:00"-"17:00" accept
meta hour "17:00"-"09:00" accept
meta day { "Monday", "Sunday" } accept
meta time "2026-01-01 00:00:00"-"2026-02-01 00:00:00" accept
meta cpu 1 accept
meta priority 1:1 accept
limit rate 5/second burst 3 packets accept
limit rate over 10 mbytes/second burst 5 kbytes drop
limit name "slow" accept
quota over 5 mbytes accept
quota name "much" accept
numgen random mod 10 < 3 accept
ip saddr . tcp dport { 10.0.0.0/8 . 22-23, 192.0.2.1 . 80 } accept
tcp dport . ip saddr vmap { 22-23 . 10.0.0.0/8 : accept, 80 . 10.0.0.1 : drop }
meta l4proto . th dport vmap { tcp . 22 : accept, udp . 53 : jump sub }
tcp dport vmap { 22 : accept, 23 : drop, 24-30 : goto sub }
tcp dport vmap @verdicts
tcp dport @ports accept
tcp dport != @ports accept
ip saddr @empty accept
ip saddr . tcp dport @pairs accept
iifname @names accept
ip saddr @seen accept
add @seen { ip saddr timeout 5m } accept
log prefix "x: " level info accept
counter packets 3 bytes 4 log group 5 accept
counter name "named" accept
jump sub
tcp dport 22 comment "with a comment"
meta nftrace set 1 accept
""".strip().splitlines()

_MASKED = ["meta mark & 0xff == 1 accept", "ct mark set meta mark", "ct mark 5 accept", "meta mark set 0x1 accept"]

_TABLE = """
table inet t {{
    ct helper ftp-standard {{ type "ftp" protocol tcp; l3proto inet; }}
    counter named {{ packets 0 bytes 0 }}
    limit slow {{ rate over 5/second burst 3 packets; }}
    quota much {{ over 5 kbytes; }}
    set ports {{ type inet_service; flags interval; auto-merge; elements = {{ 22, 8000-8100 }}; }}
    set empty {{ type ipv4_addr; size 5; }}
    set pairs {{ typeof ip saddr . tcp dport; flags interval; elements = {{ 192.0.2.0/24 . 22-23 }}; }}
    set names {{ type ifname; elements = {{ "wan0", "lo" }}; }}
    set seen {{ type ipv4_addr; flags dynamic,timeout; timeout 5m; }}
    map verdicts {{ type inet_service : verdict; flags interval; elements = {{ 22 : accept, 23-25 : jump sub }}; }}
    chain sub {{ tcp sport 1 drop; udp dport 53 accept; }}
{chains}}}
"""


def _corpus(rules: list[str]) -> str:
    chains = "".join(
        f"    chain c{number} {{ type filter hook forward priority {number}; policy drop; {rule}; }}\n"
        for number, rule in enumerate(rules)
    )
    # A helper is assigned, and addresses are translated, in chains of their own.
    return _TABLE.format(chains=chains) + (
        "table ip n { chain p { type nat hook prerouting priority dstnat; tcp dport 80 dnat to 10.0.0.1:8080; }\n"
        "chain q { type nat hook postrouting priority srcnat; oifname wan0 masquerade; }\n}\n"
        "table ip6 six { chain r { type filter hook prerouting priority raw; tcp dport 9 notrack;\n"
        "ct state new drop; }\n}\n"
    )


def _read(text: str, opaque: int = 0) -> Firewall:
    firewall = nftables.read([Source("listing", text.encode())], {})
    assert len(firewall.opaque) == opaque
    return firewall


class _Pools:
    """Values at the edges of what a firewall's tests ask, and its conditions."""

    def __init__(self, firewall: Firewall) -> None:
        self.values: dict[object, set[int]] = {}
        self.names: dict[Field, set[str]] = {}
        self.conditions: set[str] = set()
        for rule in firewall.rules():
            self._add(rule.tests)

    def _add(self, tests: tuple[Test, ...]) -> None:
        for test in tests:
            if isinstance(test, AnyOf):
                for each in test.alternatives:
                    self._add(each)
            elif isinstance(test, IntegerTest):
                for pair in test.values:
                    self.values.setdefault(test.field, set()).update((pair[0] - 1, *pair, pair[1] + 1))
            elif isinstance(test, AddressTest):
                for family in FAMILIES:
                    for pair in test.of(family):
                        self.values.setdefault((test.field, family), set()).update((pair[0] - 1, *pair, pair[1] + 1))
            elif isinstance(test, NameTest):
                known = self.names.setdefault(test.field, {"wan7"})
                known.update(test.names.names, (f"{prefix}9" for prefix in test.names.prefixes))
            elif isinstance(test, ConditionTest):
                self.conditions.add(test.condition.name)

    def packet(self, random: Random) -> Packet:
        """A packet that lies at some of the edges."""
        family = random.choice(FAMILIES)

        def number(field: Field, largest: int, usual: int) -> int:
            known = [each for each in self.values.get(field, ()) if 0 <= each <= largest]
            return random.choice(sorted(known)) if known and random.random() < 0.7 else usual

        def address(field: Field, usual: int) -> int:
            known = [each for each in self.values.get((field, family), ()) if 0 <= each < 1 << family.bits]
            return random.choice(sorted(known)) if known and random.random() < 0.7 else usual

        usual = 0xC0000201 if family is Family.IPV4 else 0x20010DB8 << 96
        icmp = number(Field.ICMP, 65535, 0x800)
        conditions = sorted(self.conditions)
        return Packet(
            hook=Hook.FORWARD,
            family=family,
            protocol=random.choice((6, 6, 17, number(Field.PROTOCOL, 255, 1), 1 if family is Family.IPV4 else 58)),
            source=address(Field.SOURCE, usual),
            destination=address(Field.DESTINATION, usual),
            source_port=number(Field.SOURCE_PORT, 65535, 40000),
            destination_port=number(Field.DESTINATION_PORT, 65535, 80),
            icmp_type=icmp >> 8,
            icmp_code=icmp & 255,
            in_interface=random.choice(["wan0", LOOPBACK, *sorted(self.names.get(Field.IN_INTERFACE, ()))]),
            out_interface=random.choice(["lan0", *sorted(self.names.get(Field.OUT_INTERFACE, ()))]),
            state=random.choice(list(State)),
            helper=random.choice(["", *sorted(self.names.get(Field.HELPER, ()))]),
            tcp_flags=random.choice((2, 18, 16, 1, random.randrange(256))),
            length=number(Field.LENGTH, 65535, 60),
            dscp=number(Field.DSCP, 63, 0),
            ttl=number(Field.TTL, 255, 64),
            mark=number(Field.MARK, 2**32 - 1, 0),
            connection_mark=number(Field.CONNECTION_MARK, 2**32 - 1, 0),
            source_type=random.randrange(4),
            destination_type=random.randrange(4),
            conditions=frozenset(random.sample(conditions, random.randint(0, min(3, len(conditions))))),
        )


def _answers(firewall: Firewall, packets: dict[str, list[Packet]]) -> dict[str, list[object]]:
    """What each base chain alone does with its packets."""
    return {
        base.chain: [
            (found.verdict, sorted(found.effects.items()))
            for each in packets[base.chain]
            for found in (evaluate(alone, each),)
        ]
        for base in firewall.bases
        for alone in (replace(firewall, bases=(base,)),)
    }


def _packets(firewall: Firewall, random: Random, count: int) -> dict[str, list[Packet]]:
    """Packets for each base chain, from its own tests and those of the chain that it may jump to."""
    found = {}
    for base in firewall.bases:
        chains = {name: each for name, each in firewall.chains.items() if name in (base.chain, "inet t sub")}
        pools = _Pools(replace(firewall, chains=chains))
        found[base.chain] = [pools.packet(random) for _ in range(count)]
    return found


@pytest.mark.parametrize(
    ("rules", "opaque"), [(RULES, 0), (_MASKED, 2)], ids=["each construct", "marks that are conditions"]
)
def test_each_construct_is_listed_as_it_was_loaded(rig: Rig, rules: list[str], opaque: int) -> None:
    text = _corpus(rules)
    rig.places.must(BOX, ["nft", "-f", "-"], text)
    loaded = _read(text, opaque)
    packets = _packets(loaded, Random(5), 60)
    wanted = _answers(loaded, packets)
    varied = [chain for chain, answers in wanted.items() if len(set(map(str, answers))) > 1]
    assert len(varied) > len(rules) * 0.8  # The packets tell the constructs apart.
    for options in LISTINGS:
        listed = _read(rig.places.must(BOX, ["nft", *options.split(), "list", "ruleset"]), opaque)
        assert [(base.chain, base.point, base.priority, base.default) for base in listed.bases] == [
            (base.chain, base.point, base.priority, base.default) for base in loaded.bases
        ], options
        found = _answers(listed, packets)
        for chain, answers in wanted.items():
            assert found[chain] == answers, (options, chain, loaded.chains[chain].rules)


def test_chains_of_equal_priority_are_asked_the_last_first(rig: Rig) -> None:
    """The kernel itself: a mark that the second chain writes is seen by the first one."""
    for first, second, verdict in (
        ("meta mark set 1", "meta mark 1 drop", "accept"),
        ("meta mark 1 drop", "meta mark set 1", "drop"),
    ):
        rig.clear()
        text = (
            f"table inet t {{ chain a {{ type filter hook output priority 0; {first}; }}\n"
            f"chain b {{ type filter hook output priority 0; {second}; }}\n }}"
        )
        rig.load_nftables(text)
        packet = Packet(
            hook=Hook.OUTPUT, family=Family.IPV4, protocol=17, source=0xC6120001, destination=0xCB007101,
            source_port=4000, destination_port=9, out_interface="wan0",
        )  # fmt: skip
        (seen,) = rig.verdicts([packet])
        assert str(seen) == verdict == str(evaluate(_read(text), packet).verdict)


def test_a_table_that_sleeps_is_listed_and_its_json_leaves_that_open(rig: Rig) -> None:
    """nft 1.0.6 writes some other word for each flag of a table into its JSON."""
    packet = Packet(
        hook=Hook.OUTPUT, family=Family.IPV4, protocol=17, source=0xC6120001, destination=0xCB007101,
        source_port=4000, destination_port=9, out_interface="wan0",
    )  # fmt: skip
    text = """
        table inet sleeping {
            flags dormant
            chain c { type filter hook output priority 0; policy drop; }
        }
        table inet t {
            chain c { type filter hook output priority 0; policy accept; }
        }
    """
    rig.load_nftables(text)
    found = {
        options: nftables.read([Source("listing", rig.places.must(BOX, command).encode())], {})
        for options in ("-a", "-j")
        for command in (["nft", options, "list", "ruleset"],)
    }
    (seen,) = rig.verdicts([packet])
    verdicts = [evaluate(firewall, packet).verdict for firewall in (_read(text), *found.values())]
    assert [str(seen), *map(str, verdicts)] == ["accept", "accept", "accept", "None"]
    assert ["dormant" in each.reason for each in found["-j"].opaque] == [True]


def _same(rig: Rig, text: str, listings: tuple[str, ...]) -> Firewall:
    """Hold each listing of a text against it, with every packet."""
    loaded = _read(text)
    rig.places.must(BOX, ["nft", "-f", "-"], text)
    for options in listings:
        listed = _read(rig.places.must(BOX, ["nft", *options.split(), "list", "ruleset"]))
        space = Space([loaded, listed], effects=frozenset({Field.ASSIGNED_HELPER, Field.LOG}))
        for part in space.parts:
            changes = list(compare(space.meaning(loaded, *part), space.meaning(listed, *part)))
            assert not changes, (options, part, changes[0].packets.witness(), changes[0].old, changes[0].new)
    return loaded


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.parts[-3])
def test_golden_files_are_listed_as_they_were_written(rig: Rig, path: Path) -> None:
    _same(rig, path.read_text(), ("", "-nn", "-j"))


@pytest.mark.parametrize("seed", [*range(12), 1001, 1093, 1096])
def test_random_rulesets_are_listed_as_they_were_meant(rig: Rig, seed: int) -> None:
    ruleset = random_ruleset(seed, LINKS, most_rules=60 if seed % 4 == 0 else 14)
    (file,) = writer.DIALECT.write(ruleset, Document(name="x"))
    loaded = _same(rig, file.content.decode(), ("-a", "-s -n", "-j"))
    for packet in probes_for(ruleset, LINKS, 150):
        assert evaluate(loaded, packet).verdict is decide(ruleset, packet).verdict

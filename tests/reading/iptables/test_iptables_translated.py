"""Rules that are asked exactly before translation, against every packet and what becomes of it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product

from fwadvisor.dialects.reading.iptables import read
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.firewall import AddressTest, AnyOf, Field, FirewallRule, IntegerTest, NameTest
from fwadvisor.model.interval import contains

#: Protocol, destination, its port, interface, source.
Packet = tuple[int, int, int, str, int]
HOSTS = tuple(range(0x0A000000, 0x0A000005))
PORTS = (79, 80, 81, 82, 83)
PACKETS = tuple(product((6, 17), HOSTS, PORTS, ("eth0", "eth1", "ppp0"), (0x0A000100, 0x0A000101, 5)))
#: A target, and the addresses and ports that packets get; None leaves what they have.
TARGETS = {
    "DNAT --to-destination 10.0.0.1:81": (HOSTS[1:2], (81,)),
    "DNAT --to-destination 10.0.0.2": (HOSTS[2:3], None),
    "DNAT --to-destination 10.0.0.1-10.0.0.2:80-81": (HOSTS[1:3], (80, 81)),
    "DNAT --to-destination :82": (None, (82,)),
    "REDIRECT --to-ports 81": ((*HOSTS, 7), (81,)),
    "REDIRECT": ((*HOSTS, 7), None),
}


def some_tests(draw: random.Random, protocol: bool) -> str:
    def maybe(chance: float, *texts: str) -> Iterator[str]:
        if draw.random() < chance:
            yield draw.choice(("", "! ")) + draw.choice(texts)

    words = [f"-p {draw.choice(('tcp', 'udp'))}"] if protocol or draw.random() < 0.8 else []
    if words:
        words += maybe(0.6, "--dport 80", "--dport 81", "--dport 80:81", "--dport 82")
    words += maybe(0.4, "-d 10.0.0.1", "-d 10.0.0.2", "-d 10.0.0.3")
    words += maybe(0.3, "-i eth0", "-i eth1", "-i eth+")
    words += maybe(0.3, "-s 10.0.1.0", "-s 10.0.1.1")
    return " ".join(words)


def first_rule(text: str, chain: str) -> FirewallRule:
    return read([Source("a.v4", text.encode())], {}).chains[f"ip {chain}"].rules[0]


def matches(rule: FirewallRule, packet: Packet) -> bool:
    protocol, destination, port, interface, source = packet
    values = {
        Field.PROTOCOL: protocol, Field.DESTINATION: destination, Field.DESTINATION_PORT: port, Field.SOURCE: source,
    }  # fmt: skip
    for test in rule.tests:
        match test:
            case IntegerTest(field, wanted):
                held = contains(wanted, values[field])
            case AddressTest(field):
                held = contains(test.v4, values[field])
            case NameTest(_, names):
                held = interface in names
            case _:
                raise AssertionError(test)
        if not held:
            return False
    return True


def test_exact_rules_match_a_packet_before_translation_where_they_match_it_after() -> None:
    draw = random.Random(7)
    exact = 0
    for _ in range(800):
        own, other, target = some_tests(draw, False), some_tests(draw, True), draw.choice(list(TARGETS))
        nat = f"*nat\n-A PREROUTING {other} -j {target}\nCOMMIT\n"
        made = first_rule(f"*mangle\n-A PREROUTING {own} -j DROP\nCOMMIT\n{nat}", "mangle PREROUTING")
        if not any(isinstance(test, AnyOf) for test in made.tests):
            continue
        exact += 1
        # In a filter chain the tests are those of the text.
        rule = first_rule(f"*filter\n-A INPUT {own} -j DROP\nCOMMIT\n", "filter INPUT")
        translating = first_rule(f"*filter\n-A INPUT {other} -j DROP\nCOMMIT\n", "filter INPUT")
        hosts, ports = TARGETS[target]
        for before in PACKETS:
            if matches(translating, before):
                protocol, host, port, interface, source = before
                for to, number in product(hosts or (host,), ports or (port,)):
                    after = (protocol, to, number, interface, source)
                    assert matches(rule, before) is matches(rule, after), (own, nat, before, after)
    assert exact > 200

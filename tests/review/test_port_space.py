"""The port space says of each port exactly to whom connections can begin, as the definition of a firewall does."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from fwadvisor.addresses import predefined
from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import BudgetError
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.interval import contains
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.model.walk import Packet
from fwadvisor.packets import Budget
from fwadvisor.ports.facts import Transport
from fwadvisor.review.port_space import Access, port_spaces

TCP_IN = (Hook.INPUT, Family.IPV4, Transport.TCP)


def nft(rules: str, policy: str = "drop", hook: str = "input"):
    text = f"table inet x {{\n chain c {{\n type filter hook {hook} priority 0; policy {policy};\n{rules}\n }}\n}}\n"
    return read_firewall([Source("x.nft", text.encode())], "nftables")


def spaces(old, new, *wanted):
    return list(port_spaces(old, new, wanted or (TCP_IN,), Budget()))


def test_anyone_somebody_nobody():
    old = nft("ip saddr 10.0.0.0/8 tcp dport 22 accept\ntcp dport 80-81 accept\nudp dport 53 accept")
    (space,) = spaces(old, nft(""))
    assert space.before == Access(((80, 81),), ((22, 22), (80, 81)))
    assert space.after == Access((), ())


def test_a_network_of_the_internet_is_not_anyone():
    old = nft("ip saddr { 0.0.0.0-198.51.99.255, 203.0.113.0/24 } tcp dport 22 accept")
    (space,) = spaces(old, nft("ip saddr != 203.0.113.0/24 tcp dport 22 accept"))
    assert space.before.somebody == space.after.somebody == ((22, 22),)
    assert space.after.anyone == ((22, 22),)


def test_replies_and_loopback_are_left_out():
    (space,) = spaces(nft('ct state established accept\niif "lo" accept'), nft('iifname "lo" tcp dport 80 accept'))
    assert space.before == space.after == Access((), ())


def test_of_what_is_sent_the_destination_counts():
    old = nft("ip daddr 10.0.0.0/8 tcp dport 25 accept\nip saddr 10.0.0.1 tcp dport 443 accept", hook="output")
    (space,) = spaces(old, nft("", hook="output"), (Hook.OUTPUT, Family.IPV4, Transport.TCP))
    assert space.before == Access(((443, 443),), ((25, 25), (443, 443)))


def test_what_is_not_known_is_neither_open_nor_closed():
    old = nft('tcp dport 22 xt match "geoip" accept\ntcp dport 80 accept')
    (space,) = spaces(old, old)
    assert space.before == Access(((80, 80),), ((80, 80),), ((22, 22),))


def test_neighbours_of_windows_are_not_anyone():
    text = (
        "New-NetFirewallRule -DisplayName a -Direction Inbound -Action Allow -Protocol TCP -LocalPort 445 "
        "-RemoteAddress {}\nSet-NetFirewallProfile -All -DefaultInboundAction Block -DefaultOutboundAction Allow\n"
    )
    near, far = (
        read_firewall([Source("x.ps1", text.format(word).encode())], "windows") for word in ("LocalSubnet", "Internet")
    )
    (space,) = spaces(near, far)
    assert space.before == Access((), ((445, 445),))
    assert space.after == Access(((445, 445),), ((445, 445),))


def test_a_budget_is_kept():
    with pytest.raises(BudgetError):
        list(port_spaces(nft("tcp dport 22 accept"), nft(""), (TCP_IN,), Budget(nodes=1)))


@pytest.mark.parametrize("seed", range(12))
def test_it_is_what_the_definition_says(seed):
    """Every port that a stranger or some asked address reaches, by asking about single packets."""
    random = Random(seed)
    networks = ["10.0.0.0/8", "203.0.113.0/24", "198.51.100.7", "0.0.0.0/0"]
    rules = "\n".join(
        f"ip saddr {random.choice(networks)} tcp dport {first}-{first + random.randint(0, 9)} "
        f"{random.choice(['accept', 'accept', 'drop'])}"
        for first in random.sample(range(100), 12)
    )
    firewall = nft(rules, random.choice(["drop", "accept"]))
    (space,) = spaces(firewall, firewall)
    stranger = 0x22222222
    assert contains(predefined("internet").v4, stranger)
    sources = [stranger, 0x0A000001, 0xCB007101, 0xC6336407, 0xC0A80001]
    packet = Packet(
        hook=Hook.INPUT, family=Family.IPV4, protocol=6, source=0, destination=0xC0000201, source_port=40000,
        in_interface="eth0", destination_type=0,
    )  # fmt: skip
    for port in range(130):
        open_to = [
            source
            for source in sources
            if evaluate(firewall, replace(packet, source=source, destination_port=port)).verdict is Verdict.ACCEPT
        ]
        assert contains(space.before.anyone, port) is (stranger in open_to)
        assert contains(space.before.somebody, port) is bool(open_to)

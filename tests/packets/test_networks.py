"""Sets of addresses in few networks: exactly those, and no long list where a short one will do."""

import ipaddress
from random import Random

import pytest

from fwadvisor.model.address import Family
from fwadvisor.model.interval import normalize, subtract
from fwadvisor.packets.networks import networks


def values(text, family=Family.IPV4):
    """What words say: ranges and networks, with exceptions after one word."""
    inside, _, outside = text.replace("everywhere but ", "everywhere except ").partition(" except ")
    found = []
    for each in inside.split(", ") if inside not in ("nowhere", "everywhere") else ():
        if "-" in each:
            found.append(tuple(int(ipaddress.ip_address(end)) for end in each.split("-")))
        else:
            network = ipaddress.ip_network(each)
            found.append((int(network[0]), int(network[-1])))
    found = family.universe if inside == "everywhere" else normalize(found)
    return subtract(found, values(outside, family)) if outside else found


@pytest.mark.parametrize(
    "words",
    [
        "nowhere",
        "everywhere",
        "10.0.0.0/8",
        "10.0.0.0/31, 10.0.0.2",
        "10.0.0.1-10.0.0.254",
        "everywhere but 10.0.0.0/8",
        "everywhere but 10.0.0.0/8, 192.168.0.0/16",
        "203.0.0.0/16 except 203.0.113.0/24",
        "203.0.0.0/16 except 203.0.113.5-203.0.113.90",
        "10.0.0.0/8, 203.0.0.0/16 except 203.0.113.0/24",
        "10.0.0.0/8, 203.0.0.0/16 except 10.1.0.0/16, 203.0.113.0/24",
    ],
)
def test_what_is_short_is_said(words):
    assert networks(values(words), Family.IPV4).words(None) == words


def test_known_sets_have_their_names():
    known = [("ours", values("10.0.0.0/8, 192.168.0.0/16"))]

    def said(text):
        return networks(values(text), Family.IPV4, known).words(None)

    assert said("10.0.0.0/8, 192.168.0.0/16") == "ours"
    assert said("everywhere but 10.0.0.0/8, 192.168.0.0/16") == "everywhere but ours"
    assert (
        said("10.0.0.0/8, 192.168.0.0/16 except 10.1.0.0/16, 192.168.3.0/24")
        == "ours except 10.1.0.0/16, 192.168.3.0/24"
    )
    assert said("10.0.0.0/8") == "10.0.0.0/8"


def test_long_lists_are_cut():
    found = networks(values("10.0.0.0/8, 203.0.0.0/16 except 10.1.0.0/16, 10.3.0.0/16, 203.0.113.0/24"), Family.IPV4)
    assert found.words(2) == "10.0.0.0/8, 203.0.0.0/16 except 10.1.0.0/16, 10.3.0.0/16 and 1 more"


@pytest.mark.parametrize("family", Family)
@pytest.mark.parametrize("seed", range(40))
def test_the_words_are_the_set_and_not_long(seed, family):
    dice = Random(f"{family} {seed}")
    ranges = []
    for _ in range(dice.randint(1, 40)):
        free = dice.randint(0, family.bits)
        first = dice.getrandbits(family.bits) >> free << free
        ranges.append((first, min(first + (1 << free) - 1 + dice.choice([0, 0, 3]), family.universe[0][1])))
    wanted = normalize(ranges[: len(ranges) // 2 + 1])
    wanted = subtract(wanted, normalize(ranges[len(ranges) // 2 + 1 :]))
    found = networks(wanted, family)
    assert values(found.words(None), family) == wanted
    assert found.size <= 4 * len(wanted)

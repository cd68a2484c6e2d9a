"""Witnesses are packets that there may be: from one host to another, over interfaces as machines have them."""

import pytest

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import AddressTest, Field, Names, NameTest
from fwadvisor.model.rule import LOOPBACK, Hook
from fwadvisor.packets import Space

NET = 0xC0000200


def witness(*tests):
    return Space([], tests=tests).packets(Hook.INPUT, Family.IPV4, tests).witness()


def addresses(field, *ranges):
    return AddressTest(field, ranges, ())


@pytest.mark.parametrize("field", [Field.SOURCE, Field.DESTINATION])
@pytest.mark.parametrize("ranges", [((NET, NET + 255),), ((NET + 1, NET + 2),), ((NET, NET + 1),)])
def test_it_goes_from_one_host_to_another(field, ranges):
    other = Field.DESTINATION if field is Field.SOURCE else Field.SOURCE
    found = witness(addresses(field, *ranges), addresses(other, (NET + 1, NET + 1)))
    assert found.source != found.destination
    assert {found.source, found.destination} <= set(range(NET, NET + 256))


def test_where_there_is_one_address_only_it_is_both():
    found = witness(addresses(Field.SOURCE, (NET + 1, NET + 1)), addresses(Field.DESTINATION, (NET + 1, NET + 1)))
    assert found.source == found.destination == NET + 1


def test_over_loopback_a_machine_speaks_to_itself():
    here = (addresses(Field.SOURCE, (NET + 1, NET + 9)), addresses(Field.DESTINATION, (NET + 1, NET + 9)))
    found = witness(*here, NameTest(Field.IN_INTERFACE, Names(frozenset({LOOPBACK}))))
    assert found.source == found.destination


def test_interfaces_have_names_as_on_machines():
    known = ("eth0", "lan0")
    others = Names(frozenset(known), inverted=True)
    assert witness(NameTest(Field.IN_INTERFACE, others)).in_interface == "eth1"
    assert witness(NameTest(Field.IN_INTERFACE, Names(frozenset({"lan0"})))).in_interface == "lan0"
    assert witness(NameTest(Field.IN_INTERFACE, Names(frozenset({"docker0"})))).in_interface == "docker0"


@pytest.mark.parametrize(("known", "taken"), [("lan0", "lan0"), ("docker0", "eth0"), ("br-7f2a", "eth0")])
def test_a_card_is_met_more_often_than_a_container(known, taken):
    tests = tuple(NameTest(Field.IN_INTERFACE, Names(frozenset({each}), inverted=True)) for each in (known, LOOPBACK))
    space = Space([], tests=tests)
    assert space.packets(Hook.INPUT, Family.IPV4, tests[1:]).witness().in_interface == taken

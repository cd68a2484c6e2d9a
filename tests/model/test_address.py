"""Address sets: never empty, exact CIDRs, canonical text."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fwadvisor.model.address import (
    AddressSet,
    Family,
    cidrs,
    describe_addresses,
    format_address,
    format_ranges,
)

v4_ranges = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)).map(lambda p: (min(p), max(p)))
v6_ranges = st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 2**128 - 1)).map(lambda p: (min(p), max(p)))


def test_empty_set_is_refused():
    with pytest.raises(ValueError, match="cannot be empty"):
        AddressSet()


@given(v4_ranges)
def test_cidrs_are_the_fewest_that_cover_exactly(pair):
    ours = list(cidrs((pair,), Family.IPV4))
    theirs = ipaddress.summarize_address_range(ipaddress.IPv4Address(pair[0]), ipaddress.IPv4Address(pair[1]))
    assert ours == [(int(net.network_address), net.prefixlen) for net in theirs]


@given(v6_ranges)
def test_cidrs_of_ipv6(pair):
    ours = list(cidrs((pair,), Family.IPV6))
    theirs = ipaddress.summarize_address_range(ipaddress.IPv6Address(pair[0]), ipaddress.IPv6Address(pair[1]))
    assert ours == [(int(net.network_address), net.prefixlen) for net in theirs]


@given(st.integers(0, 2**128 - 1))
def test_text_reads_back(value):
    text = format_address(value, Family.IPV6)
    assert int(ipaddress.IPv6Address(text)) == value
    assert int(ipaddress.IPv4Address(format_address(value >> 96, Family.IPV4))) == value >> 96


def test_whole_families_and_odd_ranges():
    assert list(format_ranges(Family.IPV4.universe, Family.IPV4)) == ["0.0.0.0/0"]
    assert list(format_ranges(Family.IPV6.universe, Family.IPV6)) == ["::/0"]
    assert list(format_ranges(((1, 2),), Family.IPV4)) == ["0.0.0.1-0.0.0.2"]


def test_set_operations():
    a = AddressSet(v4=((0, 9),), v6=((5, 5),))
    b = AddressSet(v4=((5, 20),))
    assert a.overlaps(b)
    assert a.intersect(b) == AddressSet(v4=((5, 9),))
    assert a.union(b) == AddressSet(v4=((0, 20),), v6=((5, 5),))
    assert a.intersect(AddressSet(v4=((10, 10),))) is None
    assert a.covers(AddressSet(v4=((3, 4),)))
    assert not a.covers(b)


def test_name_is_no_part_of_equality():
    assert AddressSet(v4=((1, 1),), name="peers") == AddressSet(v4=((1, 1),))


def test_description_counts_what_it_does_not_show():
    many = AddressSet(v4=tuple((n, n) for n in range(0, 20, 2)), name="peers")
    assert describe_addresses(many, 2) == "peers (0.0.0.0, 0.0.0.2 and 8 more)"
    assert describe_addresses(None) == "any"

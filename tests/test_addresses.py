"""Address texts: what is read, what is refused, and the predefined sets."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fwadvisor.addresses import PREDEFINED, AddressTextError, address_set, parse_addresses, predefined
from fwadvisor.model.address import EVERYWHERE, Family, format_ranges


@pytest.mark.parametrize(
    ("text", "family", "first", "last"),
    [
        ("192.0.2.1", 4, "192.0.2.1", "192.0.2.1"),
        ("10.0.0.0/8", 4, "10.0.0.0", "10.255.255.255"),
        ("0.0.0.0/0", 4, "0.0.0.0", "255.255.255.255"),
        ("10.0.0.5-10.0.1.7", 4, "10.0.0.5", "10.0.1.7"),
        ("10.0.0.5 - 10.0.1.7", 4, "10.0.0.5", "10.0.1.7"),
        ("2001:db8::1", 6, "2001:db8::1", "2001:db8::1"),
        ("2001:DB8::/32", 6, "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("::/0", 6, "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ("fe80::1-fe80::ff", 6, "fe80::1", "fe80::ff"),
        ("64:ff9b::192.0.2.1", 6, "64:ff9b::c000:201", "64:ff9b::c000:201"),
    ],
)
def test_what_is_read(text: str, family: int, first: str, last: str) -> None:
    found = parse_addresses(text)
    assert found == (Family(family), int(ipaddress.ip_address(first)), int(ipaddress.ip_address(last)))


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("10.0.0.1/8", "host bits", "10.0.0.0/8"),
        ("2001:db8::1/32", "host bits", "2001:db8::/32"),
        ("10.0.0.0/33", "at most 32 bits", ""),
        ("::/129", "at most 128 bits", ""),
        ("10.0.0.0/08", "leading zeros", "10.0.0.0/8"),
        ("10.0.0.0/x", '"x" is not a prefix', ""),
        ("10.0.0.0/", '"" is not a prefix', ""),
        ("10.0.0.0/\u0668", "is not a prefix", ""),
        ("10.0.0.0/" + "9" * 5000, "at most 32 bits", ""),
        ("10.0.0.0/255.0.0.0", "netmask", "write 10.0.0.0/8"),
        ("10.0.0.0/0.255.255.255", "netmask", "write 10.0.0.0/8"),
        ("10.0.0.9-10.0.0.1", "ends before", "10.0.0.1-10.0.0.9"),
        ("10.0.0.1-::1", "begins in IPv4 and ends in IPv6", ""),
        ("10.0.0.1-20", "shortens", "10.0.0.1-10.0.0.20"),
        ("10.0.0.1-10.0.0.300", "300 is more than 255", ""),
        ("10.0.0.*", "uses *", "10.0.0.0/24"),
        ("10/8", "leaves out", "10.0.0.0/8"),
        ("010.1.1.1", "leading zeros", "10.1.1.1"),
        ("256.1.1.1", "256 is more than 255", ""),
        ("1.2.3", "not an IPv4 address", "four numbers"),
        ("1::2::3", "not an IPv6 address", "only once"),
        ("2001:db8:1", "not an IPv6 address", "3 of 8 groups"),
        ("12345::", "not an IPv6 address", "four digits"),
        ("::ffff:10.0.0.1", "IPv4", "write 10.0.0.1"),
        ("fe80::1%eth0", "scope id", "fe80::1"),
        ("www.example.com", "not an address", "host names"),
        ("lan", "not an address", "host names"),
        ("\uff11.1.1.1", "not an address", ""),
        ("a b", "white space", ""),
        ("", "nothing is there", ""),
        ("/8", "not an address", ""),
        ("-", "not an", ""),
        ("10.0.0.1-", "nothing is there", ""),
    ],
)
def test_what_is_refused_and_why(text: str, message: str, hint: str) -> None:
    with pytest.raises(AddressTextError) as caught:
        parse_addresses(text)
    assert message in str(caught.value)
    assert hint in caught.value.hint


@given(st.ip_addresses(), st.data())
def test_networks_agree_with_the_standard_library(address: ipaddress.IPv4Address, data: st.DataObject) -> None:
    prefix = data.draw(st.integers(0, address.max_prefixlen))
    text = f"{address}/{prefix}"
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        network = None
    mapped = address.version == 6 and int(address) >> 32 == 0xFFFF
    if network is None or mapped:
        with pytest.raises(AddressTextError):
            parse_addresses(text)
    else:
        assert parse_addresses(text)[1:] == (int(network[0]), int(network[-1]))


@given(st.one_of(st.text(max_size=40), st.text(alphabet="0123456789abcdef.:/-%* ", max_size=40)))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        family, first, last = parse_addresses(text)
    except AddressTextError:
        return
    assert 0 <= first <= last < 1 << family.bits


def test_a_set_merges_what_touches() -> None:
    found = address_set(["10.0.0.0/9", "10.128.0.0/9", "::1", "::2", "10.0.0.0/8"], "name")
    assert found.name == "name"
    assert list(format_ranges(found.v4, Family.IPV4)) == ["10.0.0.0/8"]
    assert list(format_ranges(found.v6, Family.IPV6)) == ["::1-::2"]
    with pytest.raises(ValueError, match="empty"):
        address_set([])


def test_predefined_sets() -> None:
    assert predefined("any") == EVERYWHERE
    internet, private = predefined("internet"), predefined("private")
    assert not internet.overlaps(private)
    for text in ("8.8.8.8", "2001:4860:4860::8888", "64:ff9b::/96", "203.0.113.0/24", "2001:db8::/32", "100.64.0.1"):
        assert internet.covers(address_set([text])), text
    for text in ("10.1.2.3", "192.168.255.255", "fd00::1", "fe80::1", "169.254.0.1"):
        assert private.covers(address_set([text])), text
    for text in ("127.0.0.1", "0.0.0.0", "::1", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "fec0::1"):
        assert not internet.overlaps(address_set([text])), text
        assert not private.overlaps(address_set([text])), text
    for name in PREDEFINED:
        assert predefined(name).families() == (Family.IPV4, Family.IPV6)


def test_everything_globally_reachable_is_the_internet() -> None:
    """What lies just outside the set, at the end of each range, is nothing that ipaddress calls global unicast."""
    for first, last in predefined("internet").v4:
        for value in (first - 1, last + 1):
            outside = ipaddress.IPv4Address(value)
            assert not outside.is_global or outside.is_multicast, outside
    assert [*format_ranges(predefined("internet").v6, Family.IPV6)] == ["64:ff9b::/96", "2000::/3"]

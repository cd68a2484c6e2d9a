"""Who is at the other end of a region: the internet, a network, a few hosts, or nobody but the machine itself.

| reach | addresses at the other end |
|---|---|
| internet | at least as many public ones as a /8 of IPv4, or a /16 of IPv6 |
| wide | more public ones than a /24 of IPv4, or a /48 of IPv6 |
| network | all others |
| hosts | at most 16 in all |
| link | only link-local ones, or none (0.0.0.0, ::) |
| loopback | the loopback interface |

The other end is the source, of `output` the destination. Where the region is limited to interfaces by name, nobody can
say what is behind them, so it reaches no more than `wide`; where their names are those of inner networks and tunnels,
no more than `network`; names such as ``wan`` and ``ppp0`` change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from fwadvisor.addresses import predefined
from fwadvisor.diagnostic import printable
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Field
from fwadvisor.model.interval import Intervals, intersect, size, subtract
from fwadvisor.model.rule import LOOPBACK, Hook
from fwadvisor.packets import RawBox
from fwadvisor.packets.box_text import cut
from fwadvisor.packets.networks import Networks, networks


class Reach(IntEnum):
    """Who is at the other end, the most strangers first."""

    INTERNET = 0
    WIDE = 1
    NETWORK = 2
    HOSTS = 3
    LINK = 4
    LOOPBACK = 5


@dataclass(frozen=True, slots=True)
class OtherEnd:
    """Who is at the other end of a region, and how to call them."""

    reach: Reach
    text: str


#: A /8 and a /16, a /24 and a /48.
_MANY = {Family.IPV4: 1 << 24, Family.IPV6: 1 << 112}
_SOME = {Family.IPV4: 1 << 8, Family.IPV6: 1 << 80}
_FEW = 16
#: So many networks are named.
_NAMED = 3
#: Predefined zones of profiles whose addresses would be hard to recognize.
_ZONES = {"internet": "the internet", "private": "private addresses"}
_INNER = ("lan", "dmz", "docker", "br-", "virbr", "veth", "vnet", "cni", "flannel", "cali", "lxc", "lxd", "podman",
          "wg", "tun", "tap", "tailscale", "ipsec", "vti", "enc", "gif", "gre")  # fmt: skip
_OUTER = ("wan", "ppp", "egress", "wwan", "pppoe")


def other_end(region: RawBox) -> OtherEnd:
    """Who is at the other end of a region."""
    out = region.hook is Hook.OUTPUT
    field = Field.DESTINATION if out else Field.SOURCE
    interfaces = _interfaces(region, Field.OUT_INTERFACE if out else Field.IN_INTERFACE)
    if interfaces == (LOOPBACK,):
        return OtherEnd(Reach.LOOPBACK, "the machine itself")
    addresses = region.integers.get(field, region.family.universe)
    reach = _of_addresses(addresses, region.family)
    if interfaces and reach < Reach.NETWORK:
        return _over(interfaces, reach, addresses, region.family)
    return OtherEnd(reach, _called(reach, addresses, region.family))


def _interfaces(region: RawBox, field: Field) -> tuple[str, ...]:
    """The interfaces to which a region is limited by name, prefixes with a star; () where it is not."""
    for names in region.names.get(field, ()):
        if not names.inverted:
            return (*sorted(names.names), *(f"{prefix}*" for prefix in sorted(names.prefixes)))
    return ()


def _of_addresses(addresses: Intervals, family: Family) -> Reach:
    public = size(intersect(addresses, predefined("internet").of(family)))
    if public >= _MANY[family]:
        return Reach.INTERNET
    if public > _SOME[family]:
        return Reach.WIDE
    if not subtract(subtract(addresses, predefined("link-local").of(family)), ((0, 0),)):
        return Reach.LINK
    return Reach.HOSTS if size(addresses) <= _FEW else Reach.NETWORK


def _over(interfaces: tuple[str, ...], reach: Reach, addresses: Intervals, family: Family) -> OtherEnd:
    named = printable(cut([name.replace(LOOPBACK, "loopback") for name in interfaces], 3))
    if all(name.startswith(_INNER) for name in interfaces):
        return OtherEnd(Reach.NETWORK, f"whoever is behind {named}")
    if any(name.startswith(_OUTER) for name in interfaces):
        return OtherEnd(reach, f"{_called(reach, addresses, family)} over {named}")
    return OtherEnd(Reach.WIDE, f"whoever is behind {named}")


def _called(reach: Reach, addresses: Intervals, family: Family) -> str:
    if reach is Reach.INTERNET:
        return "the internet"
    found = addresses_of(addresses, family)
    texts, outside = found.inside, found.outside
    if len(texts) <= _NAMED and len(outside) <= _NAMED:
        return printable(found.words(None))
    if len(texts) <= _NAMED:
        return printable(f"{', '.join(texts)} except {len(outside)} networks")
    more = f"{', '.join(texts[:2])} and {len(texts) - 2} more"
    if reach is Reach.WIDE:
        return f"{more} networks, partly of the internet,"
    return f"{more} {'hosts' if reach is Reach.HOSTS else 'networks'}"


@lru_cache(maxsize=4096)
def addresses_of(values: Intervals, family: Family) -> Networks:
    """A set of addresses as reviews say it, everywhere in the same words."""
    return networks(values, family, tuple((text, predefined(name).of(family)) for name, text in _ZONES.items()))

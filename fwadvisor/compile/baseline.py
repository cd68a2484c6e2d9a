"""Rules that every ruleset needs to be right, whatever the profiles say.

Sources: RFC 4890 (ICMPv6 filtering), RFC 4861 (neighbour discovery), RFC 2710 and 3810 (MLD),
RFC 2131 and 8415 (DHCP). Connection tracking leaves neighbour discovery and MLD untracked, so a rule that
asks for state new never sees them.
"""

from __future__ import annotations

from fwadvisor.model.address import AddressSet, Family
from fwadvisor.model.policy import Kind
from fwadvisor.model.rule import (
    ICMP,
    ICMPV6,
    LOOPBACK,
    UDP,
    Hook,
    IcmpType,
    Match,
    Origin,
    OriginKind,
    Rule,
    State,
    Verdict,
)

_LINK_LOCAL = AddressSet(v6=((0xFE80 << 112, (0xFE80 << 112) | (1 << 118) - 1),), name="link-local")
#: Listener reports may come from the unspecified address, before a host has its own (RFC 3810 5.2.13).
_LINK_LOCAL_OR_NONE = AddressSet(v6=((0, 0), *_LINK_LOCAL.v6), name="link-local-or-none")

_NEIGHBOUR_DISCOVERY = tuple(IcmpType(number) for number in (133, 134, 135, 136))
_LISTENER_DISCOVERY = tuple(IcmpType(number) for number in (130, 131, 132, 143))
_V4_ERRORS = (IcmpType(3, 4),)
_V6_ERRORS = tuple(IcmpType(number) for number in (1, 2, 3, 4))


def _rule(text: str, match: Match, verdict: Verdict = Verdict.ACCEPT) -> Rule:
    return Rule(match, verdict, Origin(kind=OriginKind.BASELINE, text=text))


def _known_connections() -> list[Rule]:
    return [
        _rule("replies of accepted connections", Match(states=(State.ESTABLISHED,))),
        _rule("ICMP errors of accepted connections", Match(states=(State.RELATED,), protocols=(ICMP,))),
        _rule("ICMPv6 errors of accepted connections", Match(states=(State.RELATED,), protocols=(ICMPV6,))),
    ]


def _path_mtu() -> list[Rule]:
    return [
        _rule("path MTU errors", Match(protocols=(ICMP,), icmp=_V4_ERRORS)),
        _rule("IPv6 errors that hosts rely on", Match(protocols=(ICMPV6,), icmp=_V6_ERRORS)),
    ]


def _invalid() -> Rule:
    return _rule("packets of no connection", Match(states=(State.INVALID,)), Verdict.DROP)


def _neighbours() -> list[Rule]:
    return [
        _rule("IPv6 neighbour discovery", Match(protocols=(ICMPV6,), icmp=_NEIGHBOUR_DISCOVERY)),
        _rule(
            "IPv6 multicast listener discovery",
            Match(protocols=(ICMPV6,), icmp=_LISTENER_DISCOVERY, source=_LINK_LOCAL_OR_NONE),
        ),
    ]


def _dhcp(hook: Hook) -> list[Rule]:
    """The DHCP client's exchange; requests go to a server or to everybody on the link."""
    servers, client = ((67, 67),), ((68, 68),)
    servers6, client6 = ((547, 547),), ((546, 546),)
    if hook is Hook.INPUT:
        return [
            _rule(
                "DHCP answers",
                Match(
                    protocols=(UDP,),
                    source_ports=servers,
                    destination_ports=client,
                    family=Family.IPV4,
                ),
            ),
            _rule(
                "DHCPv6 answers",
                Match(protocols=(UDP,), source_ports=servers6, destination_ports=client6, source=_LINK_LOCAL),
            ),
        ]
    return [
        _rule(
            "DHCP requests",
            Match(
                protocols=(UDP,),
                source_ports=client,
                destination_ports=servers,
                family=Family.IPV4,
            ),
        ),
        _rule(
            "DHCPv6 requests",
            Match(protocols=(UDP,), source_ports=client6, destination_ports=servers6, source=_LINK_LOCAL),
        ),
    ]


def baseline(hook: Hook, kind: Kind, related: list[Rule], *, dhcp_client: bool) -> list[Rule]:
    """The baseline of one chain; `related` accepts what connection-tracking helpers expect.

    A chain that forwards knows neither loopback nor the link's own protocols.
    """
    if hook is Hook.FORWARD:
        return [*_known_connections(), *related, _invalid()]
    loopback = Match(in_interfaces=(LOOPBACK,)) if hook is Hook.INPUT else Match(out_interfaces=(LOOPBACK,))
    rules = [_rule("the machine to itself", loopback), *_known_connections(), *related, *_path_mtu()]
    if hook is Hook.INPUT:
        rules.append(_invalid())
    rules += _neighbours()
    if dhcp_client and kind is Kind.HOST:
        rules += _dhcp(hook)
    return rules

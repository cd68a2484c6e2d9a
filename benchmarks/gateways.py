"""Seeded configurations of three gateways, in the languages of ufw, firewalld and shorewall.

Each speaks of the same four networks: eth0 is the world, eth1 the office, eth2 the servers, eth3 the guests. Hosts,
services and customers are drawn by a seed, so that a rerun gives the same configuration.
"""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

INTERFACES = ("eth0", "eth1", "eth2", "eth3")
#: The networks behind eth1, eth2 and eth3.
_OFFICE, _SERVERS, _GUESTS = "10.20.0.0/14", "172.20.0.0/16", "192.168.96.0/19"
_OFFICE6, _SERVERS6 = "2001:db8:20::/44", "2001:db8:ac::/48"
_TCP = ("22", "25", "80", "443", "587", "993", "1433", "1720", "3306", "3389", "5061", "5432", "8443", "9200:9300")
_UDP = ("53", "123", "161:162", "514", "1194", "1719", "3230:3253", "5060", "16384:32767", "51820")


class Customers:
    """Draws addresses and services as a gateway's rules name them."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def outside(self, family: int = 4) -> str:
        """A customer's network or host."""
        if family == 6:
            return self._inside("2001:db8:8000::/33", (44, 48, 56, 64))
        base = self.dice.choice(("198.51.100.0/24", "203.0.113.0/24", "100.64.0.0/10", "192.0.2.0/24"))
        return self._inside(base, (24, 26, 28, 29, 30, 32, 32, 32))

    def office(self, family: int = 4) -> str:
        """A department or a workstation."""
        return self._inside(_OFFICE6 if family == 6 else _OFFICE, (56, 64) if family == 6 else (20, 22, 24, 27, 32))

    def server(self, family: int = 4) -> str:
        """A server or a few."""
        return self._inside(_SERVERS6 if family == 6 else _SERVERS, (64,) if family == 6 else (28, 30, 32, 32, 32))

    def guest(self) -> str:
        """Some guests."""
        return self._inside(_GUESTS, (22, 24, 26))

    def service(self) -> tuple[str, str]:
        """A protocol and a port or a range."""
        return ("tcp", self.dice.choice(_TCP)) if self.dice.random() < 0.7 else ("udp", self.dice.choice(_UDP))

    def _inside(self, network: str, prefixes: tuple[int, ...]) -> str:
        space = ipaddress.ip_network(network)
        prefix = max(space.prefixlen, self.dice.choice(prefixes))
        address = int(space.network_address) | self.dice.getrandbits(space.max_prefixlen - space.prefixlen)
        found = ipaddress.ip_network((address, prefix), strict=False)
        return str(found.network_address) if prefix == space.max_prefixlen else str(found)


def ufw(size: int, seed: int = 11) -> list[str]:
    """Arguments of ``ufw``, one command a line, that make about `size` rules."""
    draw = Customers(seed)
    lines = ["default deny incoming", "default deny routed", "limit 22/tcp", "allow in on eth1 to any port 53"]
    for number in range(size):
        family = 6 if number % 10 == 9 else 4
        protocol, port = draw.service()
        ports = port if draw.dice.random() < 0.8 else ",".join(sorted({port, *draw.dice.sample(("7", "9", "13"), 2)}))
        verb = draw.dice.choices(("allow", "deny", "reject", "limit"), (80, 12, 6, 2))[0]
        way = draw.dice.random()
        logged = " log" if draw.dice.random() < 0.05 else ""
        if way < 0.5:
            path = f"in on eth0{logged} from {draw.outside(family)} to any"
        elif way < 0.6:
            path = f"out on eth0{logged} from any to {draw.outside(family)}"
        elif way < 0.9:
            path = f"in on eth0 out on eth2{logged} from {draw.outside(family)} to {draw.server(family)}"
        else:
            path = f"in on eth1 out on eth2{logged} from {draw.office(family)} to {draw.server(family)}"
        route = "route " if way >= 0.6 else ""
        if route and verb == "limit":
            verb = "allow"
        lines.append(f"{route}{verb} {path} port {ports} proto {protocol}")
    return lines


def firewalld(size: int, backend: str, seed: int = 12) -> dict[str, str]:
    """The files below ``/etc/firewalld`` of about `size` rules; `backend` is nftables or iptables."""
    draw = Customers(seed)
    files = {
        "firewalld.conf": f"DefaultZone=world\nFirewallBackend={backend}\nLogDenied=unicast\nIPv6_rpfilter=yes\n"
        "CleanupOnExit=yes\nFlushAllOnReload=yes\nIndividualCalls=no\nLockdown=no\nRFC3964_IPv4=yes\n",
        "ipsets/partners.xml": _ipset("hash:net", "inet", sorted({draw.outside() for _ in range(60)}, key=_order)),
        "ipsets/partners6.xml": _ipset("hash:net", "inet6", sorted({draw.outside(6) for _ in range(20)}, key=_order)),
        "zones/world.xml": _zone(
            "default", "eth0", ("ssh", "http", "https"), _rich(draw, size // 2, draw.outside), "  <masquerade/>\n"
        ),
        "zones/office.xml": _zone(
            "%%REJECT%%", "eth1", ("ssh", "dns", "ntp", "samba", "ldap"), _rich(draw, size // 6, draw.office), ""
        ),
        "zones/servers.xml": _zone("DROP", "eth2", ("dns", "ntp", "syslog"), [], '  <icmp-block name="redirect"/>\n'),
        "zones/guests.xml": _zone("default", "eth3", ("dns", "dhcp"), [], ""),
        "zones/branches.xml": _branches(draw),
        "policies/worldtoservers.xml": _policy("world", "servers", _forwarded(draw, size // 3)),
        "policies/officetoworld.xml": _policy("office", "world", ['  <service name="https"/>\n'], "CONTINUE"),
    }
    return {name: text if name.endswith(".conf") else f'<?xml version="1.0" encoding="utf-8"?>\n{text}'
            for name, text in files.items()}  # fmt: skip


def _order(network: str) -> tuple[int, int]:
    found = ipaddress.ip_network(network)
    return int(found.network_address), found.prefixlen


def _ipset(kind: str, family: str, entries: list[str]) -> str:
    kept: list[str] = []
    for each in entries:
        network = ipaddress.ip_network(each)
        if not any(network.overlaps(ipaddress.ip_network(other)) for other in kept):
            kept.append(each)
    lines = "".join(f"  <entry>{each}</entry>\n" for each in kept)
    return f'<ipset type="{kind}">\n  <option name="family" value="{family}"/>\n{lines}</ipset>\n'


def _zone(target: str, interface: str, services: tuple[str, ...], rules: list[str], more: str) -> str:
    named = "".join(f'  <service name="{name}"/>\n' for name in services)
    about = "" if target == "default" else f' target="{target}"'
    return f'<zone{about}>\n  <interface name="{interface}"/>\n{named}{more}{"".join(rules)}</zone>\n'


def _branches(draw: Customers) -> str:
    sources = "".join(f'  <source address="{address}"/>\n' for address in sorted({draw.guest() for _ in range(12)}))
    ports = '  <port port="8000-8099" protocol="tcp"/>\n  <source-port port="68" protocol="udp"/>\n'
    return f'<zone>\n{sources}  <service name="ipsec"/>\n  <protocol value="gre"/>\n{ports}</zone>\n'


def _policy(ingress: str, egress: str, rules: list[str], target: str = "DROP") -> str:
    zones = f'  <ingress-zone name="{ingress}"/>\n  <egress-zone name="{egress}"/>\n'
    return f'<policy target="{target}" priority="-1">\n{zones}{"".join(rules)}</policy>\n'


def _rich(draw: Customers, size: int, source: object) -> list[str]:
    """Rich rules of a zone: from a source to a port of this machine."""
    rules = []
    for _ in range(size):
        family = 6 if draw.dice.random() < 0.1 else 4
        protocol, port = draw.service()
        action = draw.dice.choices(
            ("<accept/>", "<drop/>", "<reject/>", '<accept><limit value="20/m"/></accept>'), (80, 12, 5, 3)
        )[0]
        logged = f'<log prefix={quoteattr(f"seen {port} ")} level="info"/>' if draw.dice.random() < 0.04 else ""
        address = draw.outside(family) if source == draw.outside else draw.office(family)
        kind = f'<source address="{address}"/>'
        if draw.dice.random() < 0.03:
            kind = f'<source ipset="partners{"6" if family == 6 else ""}"/>'
        rules.append(
            f'  <rule family="ipv{family}">{kind}<port port="{port.replace(":", "-")}" protocol="{protocol}"/>'
            f"{logged}{action}</rule>\n"
        )
    return rules


def _forwarded(draw: Customers, size: int) -> list[str]:
    """Rich rules of a policy between two zones."""
    rules = []
    for _ in range(size):
        family = 6 if draw.dice.random() < 0.1 else 4
        protocol, port = draw.service()
        action = "<accept/>" if draw.dice.random() < 0.9 else "<reject/>"
        rules.append(
            f'  <rule family="ipv{family}"><source address="{draw.outside(family)}"/>'
            f'<destination address="{draw.server(family)}"/>'
            f'<port port="{port.replace(":", "-")}" protocol="{protocol}"/>{action}</rule>\n'
        )
    return rules


def shorewall(size: int, family: int = 4, seed: int = 13) -> dict[str, str]:
    """The files of a shorewall (or, in IPv6, shorewall6) directory of about `size` rules."""
    draw = Customers(seed + family)
    ip = f"ipv{family}"
    options = "tcpflags,nosmurfs,routefilter,logmartians" if family == 4 else "tcpflags"
    files = {
        "zones": f"fw firewall\nnet {ip}\nloc {ip}\nsrv {ip}\n" + ("gst ipv4\n" if family == 4 else ""),
        "interfaces": f"?FORMAT 2\nnet eth0 {options}\nloc eth1 tcpflags\nsrv eth2 tcpflags\n"
        + ("gst eth3 tcpflags,dhcp\n" if family == 4 else ""),
        "policy": "fw net ACCEPT\nloc net ACCEPT\nnet all DROP info\nloc srv REJECT\nall all REJECT info\n",
        "rules": "".join(_shorewall_rules(draw, size, family)),
    }
    if family == 4:
        files["snat"] = "?FORMAT 2\nMASQUERADE 10.20.0.0/14,192.168.96.0/19 eth0\n"
        files["blrules"] = "".join(f"DROP net:{draw.outside()} all\n" for _ in range(max(2, size // 40)))
    return files


def _shorewall_rules(draw: Customers, size: int, family: int) -> Iterator[str]:
    yield "?SECTION ESTABLISHED\n?SECTION RELATED\n?SECTION INVALID\n?SECTION UNTRACKED\n?SECTION NEW\n"
    yield "Invalid(DROP) net all tcp\nPing(ACCEPT) all all\nDNS(ACCEPT) loc $FW\n"
    yield "ACCEPT net $FW tcp 22 - - s:admins:5/min:3\n"

    def at(zone: str, address: str) -> str:
        return f"{zone}:[{address}]" if family == 6 else f"{zone}:{address}"

    for number in range(size):
        protocol, port = draw.service()
        action = draw.dice.choices(("ACCEPT", "DROP", "REJECT", "ACCEPT:info"), (80, 10, 6, 4))[0]
        way = draw.dice.random()
        if way < 0.35:
            pair = f"{at('net', draw.outside(family))} {at('srv', draw.server(family))}"
        elif way < 0.6:
            pair = f"{at('loc', draw.office(family))} {at('srv', draw.server(family))}"
        elif way < 0.75:
            pair = f"{at('srv', draw.server(family))} {at('net', draw.outside(family))}"
        elif way < 0.85:
            pair = f"{at('net', draw.outside(family))} $FW"
        elif way < 0.95 and family == 4:
            pair = f"{at('gst', draw.guest())} {at('srv', draw.server())}"
        else:
            pair = f"{at('loc', draw.office(family))} $FW"
        if number % 40 == 0 and family == 4:
            server, first = draw.server().split("/")[0], port.split(":")[0]
            yield f"DNAT net srv:{server}:{first} {protocol} {number % 5000 + 10000}\n"
        else:
            yield f"{action} {pair} {protocol} {port}\n"

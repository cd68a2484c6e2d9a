"""A language for tests of rules: the words of a rule, and packets that they match or not.

    -p tcp --dport 22   =>  tcp dport=22; not tcp dport=23; not udp dport=22

A packet is the first of a TCP connection from 192.0.2.1:40000 to 198.51.100.1:80 that comes in on eth0, or what the
words make of it; in braces stand the conditions that hold. A line that begins with ``6`` is for ip6tables.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import AddressType
from fwadvisor.model.rule import ICMP, ICMPV6, LOOPBACK, PROTOCOL_NAMES, Hook, State
from fwadvisor.model.walk import Packet

_NUMBERS = {name: number for number, name in PROTOCOL_NAMES.items()}
_HOST = {
    Family.IPV4: (ip_address("192.0.2.1"), ip_address("198.51.100.1")),
    Family.IPV6: (ip_address("2001:db8::1"), ip_address("2001:db8:f::1")),
}
_FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16, "U": 32, "E": 64, "C": 128, "-": 0}
_CONDITION = re.compile(r"\{([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Row:
    """A rule, and packets with whether it matches them."""

    family: Family
    rule: str
    packets: tuple[tuple[str, Packet, bool], ...]

    def text(self, target: str = "ACCEPT") -> str:
        """A file in which this rule alone accepts."""
        return f"*filter\n:INPUT DROP [0:0]\n-A INPUT {self.rule} -j {target}\nCOMMIT\n"


def packet(sentence: str, family: Family = Family.IPV4) -> Packet:
    """The packet of a sentence such as ``udp dport=53 src=10.0.0.1 {source mac 00:11:22:33:44:55}``."""
    source, destination = _HOST[family]
    made = Packet(
        hook=Hook.INPUT, family=family, protocol=6, source=int(source), destination=int(destination),
        source_port=40000, destination_port=80, in_interface="eth0", destination_type=AddressType.LOCAL,
        conditions=frozenset(_CONDITION.findall(sentence)),
    )  # fmt: skip
    for word in _CONDITION.sub(" ", sentence).split():
        key, _, value = word.partition("=")
        made = _with(made, key, value)
    return made


def _with(made: Packet, key: str, value: str) -> Packet:
    if not value:
        number = _NUMBERS[key] if key in _NUMBERS else int(key)
        kind = {ICMP: 8, ICMPV6: 128}.get(number, 0)
        return replace(made, protocol=number, icmp_type=kind)
    match key:
        case "src" | "dst":
            return replace(made, **{{"src": "source", "dst": "destination"}[key]: int(ip_address(value))})
        case "sport" | "dport":
            return replace(made, **{{"s": "source_port", "d": "destination_port"}[key[0]]: int(value)})
        case "in" | "out":
            return replace(made, **{f"{key}_interface": LOOPBACK if value == "lo" else value})
        case "icmp":
            kind, _, code = value.partition("/")
            return replace(made, icmp_type=int(kind), icmp_code=int(code or 0))
        case "flags":
            return replace(made, tcp_flags=sum(_FLAGS[letter] for letter in value))
        case "stype" | "dtype":
            side = {"s": "source_type", "d": "destination_type"}[key[0]]
            return replace(made, **{side: AddressType[value.upper()]})
        case "state":
            return replace(made, state=State(value))
        case "hook":
            return replace(made, hook=Hook(value))
        case "helper":
            return replace(made, helper=value)
        case "mark" | "cmark":
            return replace(made, **{{"mark": "mark", "cmark": "connection_mark"}[key]: int(value, 0)})
        case _:
            return replace(made, **{key: int(value, 0)})


def rows(text: str) -> Iterator[Row]:
    """The rows of a table; comments begin with #, and a line that begins with blanks goes on with the one before."""
    for line in re.sub(r"\n +", " ", text).splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        rule, arrow, rest = line.partition("=>")
        if not arrow:
            raise ValueError(line)
        family = Family.IPV6 if rule.startswith("6") else Family.IPV4
        found = []
        for sentence in rest.split(";"):
            words = sentence.strip()
            found.append((words, packet(words.removeprefix("not "), family), not words.startswith("not ")))
        yield Row(family, rule.removeprefix("6").strip(), tuple(found))

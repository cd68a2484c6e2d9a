"""Where a line of each dialect says ports, networks, interfaces, verdicts, and how it is said otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_network

#: Largest number of ports in one multiport match; a range counts twice.
_MULTIPORT = 15
Ranges = list[tuple[int, int]]

_PORTS = {
    "nftables": re.compile(r"\b(?P<way>[ds]port) (?P<list>\{[^}]*\}|[\d-]+)"),
    "iptables": re.compile(r"-m (?P<module>tcp|udp|multiport) --(?P<way>[ds]port)s? (?P<list>[\d:,]+)"),
    "pf": re.compile(r"\b(?P<way>port) (?P<list>\{[^}]*\}|[\d:]+)"),
    "windows": re.compile(r"(?P<way>LocalPort|RemotePort) = (?P<list>'[\d-]+'(?:, '[\d-]+')*)"),
}
#: What stands between the ends of a range.
_BETWEEN = {"nftables": "-", "iptables": ":", "pf": ":", "windows": "-"}
NETWORK = re.compile(r"(?<![\w.:-])(?:\d+\.\d+\.\d+\.\d+|[0-9a-f]*(?::[0-9a-f]*){2,})(?:/\d+)?(?![\w.:/-])")
INTERFACE = {
    "nftables": re.compile(r'(?P<way>[io]ifname) "(?P<name>\w+)" '),
    "iptables": re.compile(r"(?P<way>-[io]) (?P<name>\w+) "),
    "pf": re.compile(r"(?P<way>on) (?P<name>\w+) "),
}
VERDICT = {
    "nftables": re.compile(r"(?<=\s)(accept|drop|reject)\b"),
    "iptables": re.compile(r"(?<=-j )(ACCEPT|DROP|REJECT)\b"),
    "pf": re.compile(r"^(pass|block drop|block return)\b"),
    "windows": re.compile(r"(?<=Action = ')(Allow|Block)\b"),
}
VERDICTS = {
    "nftables": {"accept": "accept", "drop": "drop", "reject": "reject"},
    "iptables": {"accept": "ACCEPT", "drop": "DROP", "reject": "REJECT"},
    "pf": {"accept": "pass", "drop": "block drop", "reject": "block return"},
    "windows": {"accept": "Allow", "drop": "Block"},
}


@dataclass(frozen=True, slots=True)
class PortList:
    """The ports at one place of a line."""

    line: str
    dialect: str
    found: re.Match[str]

    @property
    def ranges(self) -> Ranges:
        """As they stand."""
        between = _BETWEEN[self.dialect]
        words = re.findall(rf"\d+(?:{between}\d+)?", self.found.group("list"))
        pairs = [word.split(between) for word in words]
        return [(int(pair[0]), int(pair[-1])) for pair in pairs]

    def line_with(self, ranges: Ranges) -> str | None:
        """The line with other ports; None where there is no such line."""
        between = _BETWEEN[self.dialect]
        words = [str(a) if a == b else f"{a}{between}{b}" for a, b in ranges]
        way = self.found.group("way")
        if not words:
            return None
        match self.dialect:
            case "iptables":
                if sum(1 + (a != b) for a, b in ranges) > _MULTIPORT:
                    return None
                module = self.found.group("module")
                single = module != "multiport" and len(words) == 1
                text = f"-m {module} --{way} {words[0]}" if single else f"-m multiport --{way}s {','.join(words)}"
            case "windows":
                text = f"{way} = " + ", ".join(f"'{word}'" for word in words)
            case _:
                text = f"{way} {words[0]}" if len(words) == 1 else f"{way} {{ {', '.join(words)} }}"
        return self.line[: self.found.start()] + text + self.line[self.found.end() :]


def port_lists(line: str, dialect: str) -> list[PortList]:
    """The ports of a rule."""
    return [PortList(line, dialect, found) for found in _PORTS[dialect].finditer(line)]


def with_ports(dialect: str, change: Callable[[Ranges], list[Ranges]]) -> Callable[[str], list[list[str]]]:
    """A change of a line's ports, for `Sample.changed`."""

    def lines(line: str) -> list[list[str]]:
        made = (each.line_with(ranges) for each in port_lists(line, dialect) for ranges in change(each.ranges))
        return [[each] for each in made if each is not None]

    return lines


def substituted(pattern: re.Pattern[str] | str, text: str) -> Callable[[str], list[list[str]]]:
    """A change of one match of a pattern, for `Sample.changed`."""
    compiled = re.compile(pattern)

    def lines(line: str) -> list[list[str]]:
        return [[line[: found.start()] + found.expand(text) + line[found.end() :]] for found in compiled.finditer(line)]

    return lines


def with_networks(change: Callable[[str], list[str]]) -> Callable[[str], list[list[str]]]:
    """A change of one network, for `Sample.changed`."""

    def lines(line: str) -> list[list[str]]:
        return [
            [line[: found.start()] + text + line[found.end() :]]
            for found in NETWORK.finditer(line)
            for text in change(found.group())
        ]

    return lines


def wider(network: str) -> list[str]:
    """Networks around it."""
    known = ip_network(network)
    steps = (1, 4, 8)
    return [str(known.supernet(step)) for step in steps if known.prefixlen - step > 1]


def narrower(network: str) -> list[str]:
    """Networks inside of it."""
    known = ip_network(network)
    return [
        str(each)
        for step in (1, 3)
        if known.prefixlen + step <= known.max_prefixlen
        for each in [list(known.subnets(step))[-1]]
    ]


def swapped(line: str, dialect: str, old: str, new: str) -> list[list[str]]:
    """The line with another verdict, where it has the old one."""
    words = VERDICTS[dialect]
    if old not in words or new not in words or " vmap " in line:
        return []
    found = list(VERDICT[dialect].finditer(line))
    if not found or found[-1].group() != words[old]:
        return []
    return [[line[: found[-1].start()] + words[new] + line[found[-1].end() :]]]

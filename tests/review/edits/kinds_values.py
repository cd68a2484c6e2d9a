"""Edits of what one rule asks: networks, ports, interfaces, protocols, states."""

from __future__ import annotations

import re
from random import Random

from .files import Sample
from .grammar import (
    INTERFACE,
    NETWORK,
    Ranges,
    narrower,
    port_lists,
    substituted,
    wider,
    with_networks,
    with_ports,
)
from .kinds import edit


@edit("widen a network")
def _(sample: Sample, dice: Random) -> Sample | None:
    return sample.anywhere(dice, with_networks(wider))


@edit("narrow a network")
def _(sample: Sample, dice: Random) -> Sample | None:
    return sample.anywhere(dice, with_networks(narrower))


@edit("move a network")
def _(sample: Sample, dice: Random) -> Sample | None:
    def other(network: str) -> list[str]:
        return ["2001:db8:99::/48" if ":" in network else "198.51.100.0/24"]

    return sample.changed(dice, with_networks(other))


@edit("add a port")
def _(sample: Sample, dice: Random) -> Sample | None:
    return sample.changed(dice, with_ports(sample.dialect, lambda old: [[*old, (8081, 8081)], [*old, (7000, 7009)]]))


@edit("remove a port")
def _(sample: Sample, dice: Random) -> Sample | None:
    return sample.changed(dice, with_ports(sample.dialect, lambda old: [old[1:], old[:-1]] if len(old) > 1 else []))


@edit("change a port")
def _(sample: Sample, dice: Random) -> Sample | None:
    def other(old: Ranges) -> list[Ranges]:
        return [[(a + 1, b + 1), *old[1:]] for a, b in old[:1] if a == b and (a + 1, b + 1) not in old]

    return sample.changed(dice, with_ports(sample.dialect, other))


@edit("widen a range of ports")
def _(sample: Sample, dice: Random) -> Sample | None:
    def wide(old: Ranges) -> list[Ranges]:
        (a, b), *rest = old
        return [[(max(0, a - 10), b), *rest], [(a, b + 1), *rest]] if not rest and b < 65535 else []

    return sample.changed(dice, with_ports(sample.dialect, wide))


@edit("narrow a range of ports")
def _(sample: Sample, dice: Random) -> Sample | None:
    def tight(old: Ranges) -> list[Ranges]:
        return [
            [*old[:number], (a + 1, b), *old[number + 1 :]]
            for number, (a, b) in enumerate(old)
            if a < b and len(old) < 9
        ]

    return sample.changed(dice, with_ports(sample.dialect, tight))


@edit("remove a match of ports")
def _(sample: Sample, dice: Random) -> Sample | None:
    patterns = {
        "nftables": (r"\b(tcp|udp) dport (?:\{[^}]*\}|[\d-]+)", r"meta l4proto \1"),
        "iptables": (r" -m \w+ --dports? [\d:,]+", ""),
        "pf": (r"(to \S+) port (?:\{[^}]*\}|[\d:]+)", r"\1"),
        "windows": (r"(?:LocalPort|RemotePort) = (?:'[\d-]+'(?:, )?)+; ", ""),
    }
    return sample.changed(dice, substituted(*patterns[sample.dialect]))


@edit("negate a match")
def _(sample: Sample, dice: Random) -> Sample | None:
    patterns = {
        "nftables": (r"\b([sd]port|[sd]addr|[io]ifname|type) (?=[\w\"@{:.])", r"\1 != "),
        "iptables": (r" (-[sdio]|--dport|--sport|--dports) ", r" ! \1 "),
        "pf": (r"\b(on|from(?= <)|to(?= <)|from(?= \d)|to(?= \d)) ", r"\1 ! "),
    }
    if sample.dialect == "pf" and dice.random() < 0.5:
        return sample.changed(dice, substituted(r"port (\d+)(?= )", r"port != \1"))
    return sample.changed(dice, substituted(*patterns[sample.dialect])) if sample.dialect in patterns else None


@edit("change an interface")
def _(sample: Sample, dice: Random) -> Sample | None:
    text = {"nftables": r'\g<way> "eth9" ', "iptables": r"\g<way> eth9 ", "pf": r"\g<way> eth9 "}.get(sample.dialect)
    return sample.changed(dice, substituted(INTERFACE[sample.dialect], text)) if text else None


@edit("take every interface of a kind")
def _(sample: Sample, dice: Random) -> Sample | None:
    texts = {
        "nftables": (r'([io]ifname) "eth\d" ', r'\1 "eth*" '),
        "iptables": (r"(-[io]) eth\d ", r"\1 eth+ "),
    }
    return sample.changed(dice, substituted(*texts[sample.dialect])) if sample.dialect in texts else None


@edit("remove a match of an interface")
def _(sample: Sample, dice: Random) -> Sample | None:
    pattern = INTERFACE.get(sample.dialect)
    return sample.changed(dice, substituted(pattern, "")) if pattern else None


@edit("add a match of an interface")
def _(sample: Sample, dice: Random) -> Sample | None:
    def lines(line: str) -> list[list[str]]:
        pattern = INTERFACE.get(sample.dialect)
        if pattern is None or pattern.search(line):
            return []
        match sample.dialect:
            case "nftables":
                return [[line.replace("\t\t", '\t\tmeta iifname != "eth9" ', 1)]]
            case "iptables":
                chain = line.split()[1]
                way = "-o" if chain.endswith(("OUTPUT", "DST-1")) else "-i"
                return [[line.replace(chain, f"{chain} {way} eth1", 1)]] if "FWA-" in chain else []
        return [[re.sub(r"^(\w+(?: \w+)? (?:in|out)(?: log)?(?: quick)?) ", r"\1 on eth1 ", line)]]

    return sample.changed(dice, lines)


@edit("add a match of the source")
def _(sample: Sample, dice: Random) -> Sample | None:
    def lines(line: str) -> list[list[str]]:
        if NETWORK.search(line) or "saddr" in line or "<zone" in line:
            return []
        match sample.dialect:
            case "nftables":
                return [[line.replace("\t\t", "\t\tip saddr 198.51.100.0/24 ", 1)]] if "v6" not in line else []
            case "iptables":
                network = "2001:db8:99::/48" if "icmpv6" in line or "ipv6-icmp" in line else "198.51.100.0/24"
                return [[re.sub(r"^(-A \S+)", rf"\1 -s {network}", line)]]
            case "pf":
                return [[line.replace(" from any", " from 198.51.100.0/24")]] if "inet6" not in line else []
        return (
            [[line.replace("Protocol =", "RemoteAddress = '198.51.100.0/24'; Protocol =")]] if "v6" not in line else []
        )

    if sample.dialect != "iptables":
        return sample.changed(dice, lines)
    places = [(each.file, each.at) for each in sample.rules() if each.file == "iptables.v4"]
    return sample.edited_lines(dice, places, lines)


@edit("remove a match of addresses")
def _(sample: Sample, dice: Random) -> Sample | None:
    patterns = {
        "nftables": (r"\bip6? [sd]addr \S+ ", ""),
        "iptables": (r" -[sd] [\d.:a-f/]+", ""),
        "pf": (r"(from|to) (?:[\d.:a-f/]{3,}|<[\w-]+>)", r"\1 any"),
        "windows": (r"RemoteAddress = (?:'[\d.:a-f/-]+'(?:, )?)+; ", ""),
    }
    return sample.changed(dice, substituted(*patterns[sample.dialect]))


@edit("change the protocol")
def _(sample: Sample, dice: Random) -> Sample | None:
    swap = {"tcp": "udp", "udp": "tcp"}
    places = {
        "nftables": r"\b(?P<name>tcp|udp)(?= [ds]port)",
        "iptables": r"-p (?P<name>tcp|udp)\b",
        "pf": r"\bproto (?P<name>tcp|udp)\b",
        "windows": r"Protocol = '(?P<name>TCP|UDP)'",
    }

    def lines(line: str) -> list[list[str]]:
        found = re.search(places[sample.dialect], line)
        if found is None:
            return []
        name = found.group("name")
        other = swap[name.lower()]
        text = re.sub(rf"\b{name}\b", other.upper() if name.isupper() else other, line)
        return [[text]] if " ! " not in text else []

    return sample.changed(dice, lines)


@edit("change a type of ICMP")
def _(sample: Sample, dice: Random) -> Sample | None:
    patterns = {
        "nftables": (r"(icmp(?:v6)?) type \d+", r"\1 type 13"),
        "iptables": (r"(--icmp(?:v6)?-type) \d+(?:/\d+)?", r"\1 13"),
        "pf": (r"(icmp6?-type) \d+", r"\1 13"),
        "windows": (r"IcmpType = '\d+'(?=;)", "IcmpType = '13'"),
    }
    return sample.changed(dice, substituted(*patterns[sample.dialect]))


@edit("add a match of states")
def _(sample: Sample, dice: Random) -> Sample | None:
    patterns = {
        "nftables": (r" (accept|drop)\b", r" ct state new \1"),
        "iptables": (r" -j (ACCEPT|DROP)\b", r" -m conntrack --ctstate NEW -j \1"),
    }

    def lines(line: str) -> list[list[str]]:
        return [] if "state" in line else substituted(*patterns[sample.dialect])(line)

    return sample.changed(dice, lines) if sample.dialect in patterns else None


@edit("remove a match of states")
def _(sample: Sample, dice: Random) -> Sample | None:
    patterns = {"nftables": r"ct state \w+ (?!vmap)", "iptables": r"-m conntrack --ctstate \w+ "}
    return sample.changed(dice, substituted(patterns[sample.dialect], "")) if sample.dialect in patterns else None


@edit("ask for flags")
def _(sample: Sample, dice: Random) -> Sample | None:
    patterns = {
        "nftables": (
            r"(tcp dport (?:\{[^}]*\}|[\d-]+)) accept",
            r"\1 tcp flags & (fin | syn | rst | ack) == syn accept",
        ),
        "iptables": (r"(-p tcp .*) -j ACCEPT", r"\1 -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT"),
        "pf": (r"^(pass .* proto tcp .*?)(?= tagged| \0|$)", r"\1 flags any"),
    }
    return sample.changed(dice, substituted(*patterns[sample.dialect])) if sample.dialect in patterns else None


@edit("add a condition")
def _(sample: Sample, dice: Random) -> Sample | None:
    patterns = {
        "nftables": (r" (accept|drop)\b", r" limit rate 5/second \1"),
        "iptables": (r" -j (ACCEPT|DROP)\b", r" -m limit --limit 5/second -j \1"),
        "pf": (r"^(pass .* proto (?:tcp|udp) .*?)(?= tagged| \0|$)", r"\1 user root"),
        "windows": (r"Protocol =", r"Program = 'C:\\\\srv\\\\web.exe'; Protocol ="),
    }
    return sample.changed(dice, substituted(*patterns[sample.dialect]))


@edit("ask for what nobody understands")
def _(sample: Sample, dice: Random) -> Sample | None:
    patterns = {"iptables": (r" -j (ACCEPT|DROP)\b", r" -m weather --rain 5 -j \1")}
    return sample.changed(dice, substituted(*patterns[sample.dialect])) if sample.dialect in patterns else None


@edit("swap source and destination ports")
def _(sample: Sample, dice: Random) -> Sample | None:
    patterns = {
        "nftables": (r"\bdport (?=\d+ accept)", "sport "),
        "iptables": (r"--dport (?=\d+ -m comment)", "--sport "),
        "pf": (r"from any to any port (\d+)", r"from any port \1 to any"),
        "windows": (r"LocalPort = ('\d+');(?! Remote)", r"RemotePort = \1;"),
    }
    return sample.changed(dice, substituted(*patterns[sample.dialect]))


@edit("put a list in another order", same=True)
def _(sample: Sample, dice: Random) -> Sample | None:
    def lines(line: str) -> list[list[str]]:
        made = (each.line_with(each.ranges[::-1]) for each in port_lists(line, sample.dialect) if len(each.ranges) > 1)
        lists = re.sub(
            r"\{ ([^{}|:=]+(?:, [^{}|:=]+)+) \}",
            lambda found: f"{{ {', '.join(found.group(1).split(', ')[::-1])} }}",
            line,
        )
        return [[each] for each in made if each is not None] + ([] if lists == line else [[lists]])

    return sample.anywhere(dice, lines)

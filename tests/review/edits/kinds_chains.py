"""Edits of chains: renamed, moved out of others, jumped and gone to, asked in another order, translated before."""

from __future__ import annotations

import re
from random import Random

from .files import Rule, Sample
from .grammar import substituted
from .kinds import edit


@edit("rename a chain", same=True)
def _(sample: Sample, dice: Random) -> Sample | None:
    pairs = {
        "nftables": (r"\bchain (input|output|forward) \{", r"chain site_\1 {"),
        "iptables": (r"FWA-(INPUT|OUTPUT|FORWARD)\b", r"SITE-\1"),
        "pf": (r"<zone-([\w-]+)>", r"<site-\1>"),
        "windows": (r"Name = '((?:in|out)-\d+)'", r"Name = 'site-\1'"),
    }
    pattern, text = pairs[sample.dialect]
    for file, lines in sample.texts:
        sample = sample.having(file, [re.sub(pattern, text, line) for line in lines])
    return sample


def _stretch(sample: Sample, dice: Random) -> list[Rule]:
    """Some rules of a chain that stand one after another."""
    chains = [rules for (_, chain), rules in sample.chains().items() if len(rules) > 4 and "SRC" not in chain]
    rules = dice.choice(chains)
    if sample.dialect == "pf":
        rules = [each for each in rules if " quick " in each.text]
    first = dice.randrange(1, len(rules) - 2)
    return rules[first : dice.randint(first + 1, min(first + 6, len(rules)))]


def _moved_out(sample: Sample, rules: list[Rule], jump: str) -> Sample:
    """The rules in a chain of their own, and a jump in their place."""
    file, first, last = rules[0].file, rules[0].at, rules[-1].at + 1
    lines = list(sample.lines[file])
    match sample.dialect:
        case "nftables":
            lines[first:last] = [f"\t\t{jump} moved"]
            head = next(at for at in range(first, 0, -1) if lines[at].startswith("\tchain "))
            lines[head:head] = ["\tchain moved {", *(each.text for each in rules), "\t}", ""]
        case "iptables":
            chain = rules[0].chain
            moved = [each.text.replace(f"-A {chain} ", "-A MOVED ", 1) for each in rules]
            lines[first:last] = [f"-A {chain} -{jump} MOVED"]
            end = lines.index("COMMIT", first)
            lines[end:end] = moved
            head = next(at for at in range(first, 0, -1) if lines[at].startswith(":"))
            lines[head + 1 : head + 1] = [":MOVED - [0:0]"]
        case _:
            between = lines[first:last]
            lines[first:last] = ['anchor "moved" {', *between, "}"]
    return sample.having(file, lines)


@edit("move rules to a chain of their own", same=True)
def _(sample: Sample, dice: Random) -> Sample | None:
    jump = {"nftables": "jump", "iptables": "j", "pf": ""}.get(sample.dialect)
    return None if jump is None else _moved_out(sample, _stretch(sample, dice), jump)


@edit("move rules to a chain and go to it")
def _(sample: Sample, dice: Random) -> Sample | None:
    jump = {"nftables": "goto", "iptables": "g"}.get(sample.dialect)
    return None if jump is None else _moved_out(sample, _stretch(sample, dice), jump)


def _jumping(sample: Sample, dice: Random) -> Sample | None:
    jump = {"nftables": "jump", "iptables": "j"}.get(sample.dialect)
    return None if jump is None else _moved_out(sample, _stretch(sample, dice), jump)


@edit("jump for one protocol only", before=_jumping)
def _(sample: Sample, dice: Random) -> Sample | None:
    old, new = {
        "nftables": ("\t\tjump moved", "\t\tmeta l4proto tcp jump moved"),
        "iptables": (" -j MOVED", " -p tcp -j MOVED"),
    }[sample.dialect]
    for file, lines in sample.texts:
        sample = sample.having(file, [line.replace(old, new) for line in lines])
    return sample


@edit("go instead of jumping", before=_jumping)
def _(sample: Sample, dice: Random) -> Sample | None:
    old, new = {"nftables": ("\t\tjump moved", "\t\tgoto moved"), "iptables": (" -j MOVED", " -g MOVED")}[
        sample.dialect
    ]
    for file, lines in sample.texts:
        sample = sample.having(file, [line.replace(old, new) for line in lines])
    return sample


@edit("delete a jump", before=_jumping)
def _(sample: Sample, dice: Random) -> Sample | None:
    for file, lines in sample.texts:
        sample = sample.having(file, [line for line in lines if not line.endswith(("jump moved", "-j MOVED"))])
    return sample


@edit("return out of a chain", before=_jumping)
def _(sample: Sample, dice: Random) -> Sample | None:
    protocol = dice.choice(("tcp", "udp", "icmpv6" if sample.dialect == "nftables" else "icmp"))
    for file, lines in sample.texts:
        for at, line in enumerate(lines):
            if line == "\tchain moved {":
                return sample.put(file, at + 1, at + 1, [f"\t\tmeta l4proto {protocol} return"])
            if line.startswith("-A MOVED "):
                name = "ipv6-icmp" if protocol == "icmp" and file.endswith("v6") else protocol
                return sample.put(file, at, at, [f"-A MOVED -p {name} -j RETURN"])
    return None


def _marking(sample: Sample, dice: Random) -> Sample | None:
    """With a chain before the others that marks packets, and a rule that accepts by the mark."""
    if sample.dialect != "nftables":
        return None
    (file, lines), *_ = sample.texts
    end = max(at for at, line in enumerate(lines) if line == "}")
    chain = ["\tchain marking {", "\t\ttype filter hook input priority filter - 10; policy accept;"]
    chain += ["\t\tip saddr 198.51.100.0/24 meta mark set 0x7", "\t}"]
    marked = sample.put(file, end, end, chain)
    first = next(each for each in marked.rules() if each.chain == "input")
    return marked.put(file, first.at, first.at, ["\t\tmeta mark 0x7 tcp dport 8443 accept"])


@edit("ask a chain later", before=_marking)
def _(sample: Sample, dice: Random) -> Sample | None:
    return sample.anywhere(dice, substituted(r"priority filter - 10", "priority filter + 10"))


@edit("add a chain that is asked first")
def _(sample: Sample, dice: Random) -> Sample | None:
    match sample.dialect:
        case "nftables":
            (file, lines), *_ = sample.texts
            end = max(at for at, line in enumerate(lines) if line == "}")
            hook = dice.choice(("input", "output", "forward"))
            chain = ["\tchain before {", f"\t\ttype filter hook {hook} priority mangle; policy accept;"]
            chain += ["\t\ttcp dport 443 drop", "\t\tudp sport 0-1023 reject", "\t}"]
            return sample.put(file, end, end, chain)
        case "iptables":
            file = dice.choice(sample.texts)[0]
            point = dice.choice(("INPUT", "FORWARD", "OUTPUT", "PREROUTING"))
            table = ["*mangle", f":{point} ACCEPT [0:0]", f"-A {point} -p tcp -m tcp --dport 443 -j DROP", "COMMIT"]
            return sample.having(file, [*sample.lines[file], *table])
    return None


@edit("track some packets no longer")
def _(sample: Sample, dice: Random) -> Sample | None:
    match sample.dialect:
        case "nftables":
            (file, lines), *_ = sample.texts
            end = max(at for at, line in enumerate(lines) if line == "}")
            chain = ["\tchain raw {", "\t\ttype filter hook prerouting priority raw; policy accept;"]
            return sample.put(file, end, end, [*chain, "\t\tudp dport 53 notrack", "\t}"])
        case "iptables":
            file, lines = dice.choice(sample.texts)
            at = lines.index(":FWA-OUTPUT - [0:0]") + 1
            found = sample.put(file, at, at, [":PREROUTING ACCEPT [0:0]"])
            end = found.lines[file].index("COMMIT")
            return found.put(file, end, end, ["-A PREROUTING -p udp -m udp --dport 53 -j CT --notrack"])
    return None


@edit("translate an address")
def _(sample: Sample, dice: Random) -> Sample | None:
    match sample.dialect:
        case "nftables":
            (file, lines), *_ = sample.texts
            table = ["table ip nat {", "\tchain pre {", "\t\ttype nat hook prerouting priority dstnat;"]
            table += ["\t\ttcp dport 8080 dnat to 192.168.1.80:80", "\t}", "}"]
            return sample.having(file, [*lines, *table])
        case "iptables":
            table = ["*nat", ":PREROUTING ACCEPT [0:0]"]
            table += ["-A PREROUTING -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.168.1.80:80", "COMMIT"]
            return sample.having("iptables.v4", [*sample.lines["iptables.v4"], *table])
    return None

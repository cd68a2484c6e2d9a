"""Edits of whole rules: gone, new, twice, moved, turned, split, merged, and what they leave behind."""

from __future__ import annotations

import re
from itertools import pairwise
from random import Random

from .files import Rule, Sample, masked
from .grammar import port_lists, substituted, swapped
from .kinds import edit
from .writing import BOTTOM, TOP, added

_LOG = re.compile(r"log prefix|-j LOG|limit")


def _turned(sample: Sample, dice: Random, old: str, new: str) -> Sample | None:
    return sample.changed(dice, lambda line: swapped(line, sample.dialect, old, new))


def _rejecting(sample: Sample, dice: Random) -> Sample | None:
    """With `reject` wherever `drop` was."""
    for each in sample.rules():
        line, _ = masked(each.text)
        for made in swapped(line, sample.dialect, "drop", "reject"):
            sample = sample.put(each.file, each.at, each.at + 1, [_restored(each.text, line, made[0])])
    return sample


def _restored(text: str, line: str, made: str) -> str:
    _, words = masked(text)
    return re.sub(r"\0(\d+)\0", lambda mark: words[int(mark.group(1))], made)


@edit("drop becomes reject")
def _(sample: Sample, dice: Random) -> Sample | None:
    return _turned(sample, dice, "drop", "reject")


@edit("reject becomes drop", before=_rejecting)
def _(sample: Sample, dice: Random) -> Sample | None:
    return _turned(sample, dice, "reject", "drop")


@edit("accept becomes drop")
def _(sample: Sample, dice: Random) -> Sample | None:
    return _turned(sample, dice, "accept", "drop")


@edit("drop becomes accept")
def _(sample: Sample, dice: Random) -> Sample | None:
    return _turned(sample, dice, "drop", "accept")


@edit("change a default")
def _(sample: Sample, dice: Random) -> Sample | None:
    patterns = {
        "nftables": r"policy (?:accept|drop);",
        "iptables": r"^(:\w+) (?:ACCEPT|DROP) ",
        "pf": r"^(?:block drop|pass) (in|out) all",
        "windows": r"^(\$\w+boundDefault) = '\w+'",
    }
    texts = {
        "nftables": ("policy accept;", "policy drop;"),
        "iptables": (r"\1 ACCEPT ", r"\1 DROP "),
        "pf": (r"pass \1 all", r"block return \1 all"),
        "windows": (r"\1 = 'Allow'", r"\1 = 'Block'"),
    }
    return sample.anywhere(
        dice,
        lambda line: [
            made for text in texts[sample.dialect] for made in substituted(patterns[sample.dialect], text)(line)
        ],
    )


@edit("accept everything on top")
def _(sample: Sample, dice: Random) -> Sample | None:
    return added(sample, dice, TOP, "accept")


@edit("drop everything at the bottom")
def _(sample: Sample, dice: Random) -> Sample | None:
    return added(sample, dice, BOTTOM, "drop")


@edit("open a port to everybody")
def _(sample: Sample, dice: Random) -> Sample | None:
    return added(sample, dice, TOP, "accept", protocol="tcp", port="3389")


@edit("open a port to one network")
def _(sample: Sample, dice: Random) -> Sample | None:
    return added(sample, dice, TOP, "accept", protocol="tcp", port="22", source="198.51.100.0/24")


@edit("close a network on top")
def _(sample: Sample, dice: Random) -> Sample | None:
    return added(sample, dice, TOP, "drop", source="198.51.100.0/24")


@edit("drop IPv6")
def _(sample: Sample, dice: Random) -> Sample | None:
    if sample.dialect == "iptables":
        rules = [each for each in sample.rules() if each.file == "iptables.v6" and "SRC" not in each.chain]
        at = dice.choice(rules)
        return sample.put(at.file, at.at, at.at, [f"-A {at.chain} -j DROP"])
    if sample.dialect == "windows":
        return added(sample, dice, TOP, "drop", source="::/1', '8000::/1")
    more = {"nftables": "meta nfproto ipv6", "pf": "inet6"}[sample.dialect]
    return added(sample, dice, TOP, "drop", more=more)


@edit("delete a rule")
def _(sample: Sample, dice: Random) -> Sample | None:
    each = dice.choice(sample.rules())
    return sample.put(each.file, each.at, each.at + 1, [])


def _deleted(sample: Sample, pattern: str) -> Sample | None:
    """Without every rule that a pattern finds."""
    for each in reversed(sample.rules()):
        if re.search(pattern, each.text):
            sample = sample.put(each.file, each.at, each.at + 1, [])
    return sample


@edit("delete neighbour discovery")
def _(sample: Sample, dice: Random) -> Sample | None:
    return _deleted(sample, "IPv6 neighbour discovery")


@edit("delete accepting known connections")
def _(sample: Sample, dice: Random) -> Sample | None:
    return _deleted(sample, r"(?:ctstate ESTABLISHED|ct state established) ")


@edit("delete dropping what has no connection")
def _(sample: Sample, dice: Random) -> Sample | None:
    return _deleted(sample, r"ctstate INVALID|ct state invalid")


@edit("filter the machine's own traffic")
def _(sample: Sample, dice: Random) -> Sample | None:
    if sample.dialect == "pf":
        return sample.anywhere(dice, lambda line: [[]] if line == "set skip on lo" else [])
    return _deleted(sample, r'[io]ifname "lo"|-[io] lo ')


@edit("delete a helper's assignment")
def _(sample: Sample, dice: Random) -> Sample | None:
    return sample.changed(
        dice, lambda line: [[]] if re.search(r"ct helper set|--helper .* -j CT|-j CT --helper", line) else []
    )


@edit("assign another helper")
def _(sample: Sample, dice: Random) -> Sample | None:
    if sample.dialect == "iptables":
        return sample.changed(dice, substituted(r'-j CT --helper "Q.931"', '-j CT --helper "RAS"'))
    return sample.anywhere(dice, substituted(r'type "Q.931" protocol', 'type "RAS" protocol'))


@edit("move a rule to the top")
def _(sample: Sample, dice: Random) -> Sample | None:
    return _moved(sample, dice, to_top=True)


@edit("move a rule to the bottom")
def _(sample: Sample, dice: Random) -> Sample | None:
    return _moved(sample, dice, to_top=False)


def _moved(sample: Sample, dice: Random, to_top: bool) -> Sample | None:
    (file, _), rules = dice.choice([each for each in sample.chains().items() if len(each[1]) > 2])
    if sample.dialect == "pf":
        rules = [each for each in rules if " quick " in each.text]
    chosen = dice.choice(rules[1:] if to_top else rules[:-1])
    without = sample.put(file, chosen.at, chosen.at + 1, [])
    place = rules[0].at if to_top else rules[-1].at
    return without.put(file, place, place, [chosen.text])


def _neighbours(sample: Sample) -> list[tuple[Rule, Rule]]:
    return [
        (a, b)
        for rules in sample.chains().values()
        for a, b in pairwise(rules)
        if not any(" vmap " in each.text for each in (a, b))
    ]


@edit("swap two rules")
def _(sample: Sample, dice: Random) -> Sample | None:
    pairs = [(a, b) for a, b in _neighbours(sample) if _verdict(sample, a) != _verdict(sample, b)]
    a, b = dice.choice(pairs or _neighbours(sample))
    return sample.put(a.file, a.at, a.at + 1, [b.text]).put(b.file, b.at, b.at + 1, [a.text])


@edit("swap two rules that commute", same=True)
def _(sample: Sample, dice: Random) -> Sample | None:
    pairs = [
        (a, b) for a, b in _neighbours(sample) if _verdict(sample, a) and _verdict(sample, a) == _verdict(sample, b)
    ]
    a, b = dice.choice(pairs)
    return sample.put(a.file, a.at, a.at + 1, [b.text]).put(b.file, b.at, b.at + 1, [a.text])


def _verdict(sample: Sample, each: Rule) -> str:
    """What a rule says at once and without anything else, or ""."""
    line, _ = masked(each.text)
    if _LOG.search(line) or (sample.dialect == "pf" and (" quick " not in line or " log " in line)):
        return ""
    return next((word for word in ("accept", "drop") if swapped(line, sample.dialect, word, word)), "")


@edit("say a rule twice", same=True)
def _(sample: Sample, dice: Random) -> Sample | None:
    each = dice.choice([each for each in sample.rules() if _verdict(sample, each)])
    return sample.put(each.file, each.at, each.at, [each.text.replace("Name = '", "Name = 'again-", 1)])


@edit("add a remark", same=True)
def _(sample: Sample, dice: Random) -> Sample | None:
    each = dice.choice(sample.rules())
    return sample.put(each.file, each.at, each.at, ["# Asked for by the video team.", ""])


@edit("take the remarks away", same=True)
def _(sample: Sample, dice: Random) -> Sample | None:
    for file, lines in sample.texts:
        sample = sample.having(file, [line for line in lines if line and not line.startswith("#")])
    return sample


@edit("change a comment", same=True)
def _(sample: Sample, dice: Random) -> Sample | None:
    each = dice.choice([each for each in sample.rules() if masked(each.text)[1]])
    word = masked(each.text)[1][-1]
    quote = word[-1]
    other = re.sub(rf"{quote}[^{quote}]*{quote}$", f"{quote}agreed{quote}", word)
    return sample.put(each.file, each.at, each.at + 1, [each.text.replace(word, other)])


@edit("split a rule in two", same=True)
def _(sample: Sample, dice: Random) -> Sample | None:
    def lines(line: str) -> list[list[str]]:
        made = []
        for each in port_lists(line, sample.dialect):
            first, last = each.ranges[0][0], each.ranges[-1][1]
            if len(each.ranges) > 1:
                halves = [each.ranges[:1], each.ranges[1:]]
            elif last - first > 1:
                halves = [[(first, first + 1)], [(first + 2, last)]]
            else:
                continue
            parts = [each.line_with(half) for half in halves]
            made.append([part for part in parts if part is not None])
        return [each for each in made if len(each) == 2 and not _LOG.search(each[0])]

    if sample.dialect != "windows":
        return sample.changed(dice, lines)
    # Two rules need two names, which stand behind the mask.
    found = sample.changed(dice, lines)
    return found and _renamed(sample, found)


def _renamed(old: Sample, new: Sample) -> Sample:
    (file, before), (_, after) = old.texts[0], new.texts[0]
    at = next(number for number, (a, b) in enumerate(zip(before, after, strict=False)) if a != b)
    return new.put(file, at, at + 1, [after[at].replace("Name = '", "Name = 'first-", 1)])


@edit("merge two rules", same=True)
def _(sample: Sample, dice: Random) -> Sample | None:
    found = []
    for a, b in _neighbours(sample):
        one, other = masked(a.text)[0], masked(b.text)[0]
        for each, more in zip(port_lists(one, sample.dialect), port_lists(other, sample.dialect), strict=False):
            merged = each.line_with(sorted({*each.ranges, *more.ranges}))
            if merged and _verdict(sample, a) and each.line_with([(1, 1)]) == more.line_with([(1, 1)]):
                found.append((a, b, _restored(a.text, one, merged)))
    if not found:
        return None
    a, b, line = dice.choice(found)
    return sample.put(b.file, b.at, b.at + 1, []).put(a.file, a.at, a.at + 1, [line])


@edit("log what a rule takes")
def _(sample: Sample, dice: Random) -> Sample | None:
    match sample.dialect:
        case "nftables":
            return sample.changed(dice, substituted(r"(?<=\s)(accept|drop)(?= \0|$)", r'log prefix "seen: " \1'))
        case "pf":
            return sample.changed(dice, substituted(r"^(pass|block drop) (in|out) quick", r"\1 \2 log quick"))
        case "iptables":
            return sample.changed(
                dice,
                lambda line: (
                    [[line[: found.start()] + '-j LOG --log-prefix "seen: "', line]]
                    if (found := re.search(r"-j (ACCEPT|DROP)$", line))
                    else []
                ),
            )
    return None


def _logging(sample: Sample, dice: Random) -> Sample | None:
    """With a limited line in the log, where the files have none."""
    if any(_LOG.search(each.text) for each in sample.rules()):
        return sample
    more = {
        "nftables": 'limit rate 10/minute log prefix "fwadvisor input drop: "',
        "iptables": "-m limit --limit 10/minute",
    }.get(sample.dialect)
    if more is None:
        return None
    verdict = {"nftables": "continue", "iptables": 'LOG --log-prefix "fwadvisor input drop: "'}[sample.dialect]
    return added(sample, dice, BOTTOM, verdict, more=more)


@edit("change the prefix in the log", before=_logging)
def _(sample: Sample, dice: Random) -> Sample | None:
    return sample.changed(dice, substituted(r'prefix "fwadvisor \w+ drop: "', 'prefix "gone: "'))


@edit("change a rate", before=_logging)
def _(sample: Sample, dice: Random) -> Sample | None:
    return sample.changed(dice, substituted(r"(rate|--limit) 10/minute", r"\1 20/minute"))


@edit("drop at a rate")
def _(sample: Sample, dice: Random) -> Sample | None:
    more = {"nftables": "limit rate 3/second", "iptables": "-m limit --limit 3/second"}.get(sample.dialect)
    return added(sample, dice, TOP, "drop", protocol="tcp", port="443", more=more) if more else None


@edit("return early")
def _(sample: Sample, dice: Random) -> Sample | None:
    if sample.dialect not in ("nftables", "iptables"):
        return None
    return added(sample, dice, TOP, "return", protocol="tcp", port="443")


@edit("delete an element of a set")
def _(sample: Sample, dice: Random) -> Sample | None:
    if sample.dialect == "windows":
        return sample.changed(dice, substituted(r"(Address = )'[\d.:a-f/-]+', ", r"\1"))
    return sample.anywhere(dice, substituted(r"((?:elements =|const) \{ )[^,{}]+, ", r"\1"))


@edit("add an element to a set")
def _(sample: Sample, dice: Random) -> Sample | None:
    if sample.dialect == "windows":
        return sample.changed(dice, substituted(r"(Address = )(?=')", r"\1'198.51.100.7', "))
    if dice.random() < 0.5:
        return sample.anywhere(dice, substituted(r"((?:elements =|const) \{ )(?=[^}]*::)", r"\g<1>2001:db8:7::/48, "))
    return sample.anywhere(dice, substituted(r"((?:elements =|const) \{ )(?=[^:}]*\})", r"\g<1>10.20.0.0/16, "))


@edit("let later rules decide (no quick)")
def _(sample: Sample, dice: Random) -> Sample | None:
    return sample.changed(dice, substituted(r" quick ", " ")) if sample.dialect == "pf" else None


@edit("turn a rule off")
def _(sample: Sample, dice: Random) -> Sample | None:
    each = dice.choice(sample.rules())
    return sample.put(each.file, each.at, each.at + 1, ["# " + each.text.strip()])


@edit("empty a chain")
def _(sample: Sample, dice: Random) -> Sample | None:
    (file, _), rules = dice.choice(list(sample.chains().items()))
    for each in reversed(rules):
        sample = sample.put(file, each.at, each.at + 1, [])
    return sample


@edit("put a chain in the reverse order")
def _(sample: Sample, dice: Random) -> Sample | None:
    (file, _), rules = dice.choice([each for each in sample.chains().items() if len(each[1]) > 2])
    for each, other in zip(rules, rules[::-1], strict=True):
        sample = sample.put(file, each.at, each.at + 1, [other.text])
    return sample


@edit("mark packets and ask for the mark")
def _(sample: Sample, dice: Random) -> Sample | None:
    match sample.dialect:
        case "nftables":
            found = added(sample, dice, TOP, "accept", protocol="tcp", port="8443", more="meta mark 0x7")
            return found and added(found, dice, TOP, "meta mark set 0x7", source="198.51.100.0/24")
        case "iptables":
            found = added(sample, dice, TOP, "accept", protocol="tcp", port="8443", more="-m mark --mark 0x7")
            table = ["*mangle", ":PREROUTING ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]"]
            table += ["-A PREROUTING -s 198.51.100.0/24 -j MARK --set-xmark 0x7/0xffffffff"]
            table += ["-A OUTPUT -p tcp -m tcp --sport 1024:2000 -j MARK --set-xmark 0x7/0xff", "COMMIT"]
            lines = found.lines["iptables.v4"] if found else ()
            return found and found.having("iptables.v4", [*lines, *table])
        case "pf":
            found = added(sample, dice, TOP, "accept", protocol="tcp", port="8443", more="")
            if found is None:
                return None
            line = next(each for each in found.rules() if each.text.endswith("to any port 8443"))
            first = next(each for each in found.rules() if " quick " in each.text)
            found = found.put(line.file, line.at, line.at + 1, [line.text + " tagged seen"])
            return found.put(first.file, first.at, first.at, ["match in from 198.51.100.0/24 to any tag seen"])
    return None

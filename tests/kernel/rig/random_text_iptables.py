"""Random files for iptables-restore and ip6tables-restore, with the sets that they name as `ipset save` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fwadvisor.model.address import Family
from fwadvisor.model.firewall import AddressType
from fwadvisor.model.rule import ICMP, ICMPV6, Hook

from .random_text import (
    ADDRESS_TYPES,
    DSCP,
    ICMP_TYPES,
    LENGTHS,
    MARKS,
    OTHERS,
    PROTOCOLS,
    STATES,
    TTLS,
    V4,
    Dice,
    Lead,
    Line,
    RandomText,
    Span,
    Spot,
    address,
    ends,
    leads,
    names_like,
    network,
)

_TABLES = {
    "raw": ("PREROUTING", "OUTPUT"),
    "mangle": ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"),
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "security": ("INPUT", "FORWARD", "OUTPUT"),
}
_HOOKS = {
    "PREROUTING": (Hook.INPUT, Hook.FORWARD),
    "INPUT": (Hook.INPUT,),
    "FORWARD": (Hook.FORWARD,),
    "OUTPUT": (Hook.OUTPUT,),
    "POSTROUTING": (Hook.FORWARD, Hook.OUTPUT),
}
_TCP_FLAGS = {"FIN": 1, "SYN": 2, "RST": 4, "PSH": 8, "ACK": 16, "URG": 32}
_INTERFACES = ("wan0", "lan0", "lo", "wan+", "l+", "la+", "eth0", "+", "eth+")
_ACTIONS = ("ACCEPT",) * 5 + ("DROP",) * 5 + ("REJECT",) * 3 + ("jump",) * 4 + ("goto", "RETURN", "RETURN", "LOG", "")
_REJECTS = {
    Family.IPV4: ("", " --reject-with icmp-port-unreachable", " --reject-with icmp-admin-prohibited"),
    Family.IPV6: ("", " --reject-with icmp6-port-unreachable", " --reject-with adm-prohibited"),
}
_COMMENTS = ("peers", '"a b"', '"-j DROP"', '"it\'s # here"', '"a \\"quoted\\" word"')


@dataclass(frozen=True, slots=True)
class _Set:
    name: str
    family: Family
    #: The packet fields that it looks up, with values to find.
    wanted: dict[str, tuple[int | str, ...]]
    dimensions: str


@dataclass(slots=True)
class _Chain:
    name: str
    #: "" in chains of their own, else a built-in chain's policy.
    policy: str = ""
    lines: list[Line] = field(default_factory=list)


def _word(span: Span, family: Family, dice: Dice) -> str | None:
    """An address or network as these commands write it."""
    text = network(span, family)
    if text and "/" in text and family is V4 and dice.chance(0.2):
        length = int(text.split("/")[1])
        return f"{address(span[0], family)}/{address((0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF, family)}"
    return text


def _ports(spans: Sequence[Span]) -> str:
    return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in spans)


class _Maker:
    """Makes the file of one family."""

    def __init__(self, dice: Dice, family: Family, sets: Sequence[_Set]) -> None:
        self.dice, self.family = dice, family
        self.sets = [each for each in sets if each.family is family]
        self.spots: dict[str, Spot] = {}

    def _not(self, share: float = 0.2) -> str:
        return "! " if self.dice.chance(share) else ""

    # Tests

    def _address(self, line: Line) -> None:
        dice = self.dice
        flag, name = dice.pick([("-s", "source"), ("-d", "destination")])
        spans = dice.addresses(self.family, name, 1)
        line.want(name, ends(spans))
        word = _word(spans[0], self.family, dice)
        if word is None:
            end = "src" if name == "source" else "dst"
            a, b = (address(value, self.family) for value in spans[0])
            line.words.append(f"-m iprange {self._not()}--{end}-range {a}-{b}")
        elif not any(each.startswith((f"{flag} ", f"! {flag} ")) for each in line.words):
            line.words.append(f"{self._not()}{flag} {word}")

    def _interface(self, line: Line, chain: str) -> None:
        flags = [("-i", "in_interface")] if chain not in ("OUTPUT", "POSTROUTING") else []
        flags += [("-o", "out_interface")] if chain not in ("PREROUTING", "INPUT") else []
        flag, name = self.dice.pick(flags)
        if any(flag in each.split() for each in line.words):
            return
        pattern = self.dice.pick(_INTERFACES)
        found = names_like(pattern, "+")
        if found:
            line.want(name, found)
        line.words.append(f"{self._not()}{flag} {pattern}")

    def _state(self, line: Line) -> None:
        dice = self.dice
        if dice.chance(0.08):
            line.want("state", ["related", "established"])
            line.want("helper", ["ftp", "ftp", ""])
            line.words.append(f"-m helper {self._not()}--helper ftp")
            return
        states = dice.some(STATES, 1, 3)
        line.want("state", states)
        listed = ",".join(each.upper() for each in states)
        line.words.append(
            dice.pick([f"-m conntrack {self._not()}--ctstate {listed}", f"-m state {self._not()}--state {listed}"])
        )

    def _mark(self, line: Line, tracked: bool) -> None:
        dice = self.dice
        spans = dice.spans(MARKS, 1, 2**32 - 1, 1)
        module, name = (
            dice.pick([("mark", "mark"), ("mark", "mark"), ("connmark", "connection_mark")])
            if tracked
            else ("mark", "mark")
        )
        dice.edge(name, spans, 2**32 - 1)
        line.want(name, ends(spans))
        mask = dice.mask() if dice.chance(0.5) else 0xFFFFFFFF
        word = "" if mask == 0xFFFFFFFF else f"/{mask:#x}"
        line.words.append(f"-m {module} {self._not()}--mark {spans[0][0] & mask:#x}{word}")

    def _types(self, line: Line) -> None:
        dice = self.dice
        end, name = dice.pick([("src", "source_type"), ("dst", "destination_type"), ("dst", "destination_type")])
        known = ADDRESS_TYPES if self.family is V4 else tuple(each for each in ADDRESS_TYPES if each != "broadcast")
        types = dice.some(known, 1, 2)
        line.want(name, [int(AddressType[each.upper()]) for each in types])
        line.words.append(f"-m addrtype {self._not()}--{end}-type {','.join(types).upper()}")

    def _header(self, line: Line, routed: bool) -> None:
        dice = self.dice
        which = dice.pick(["length", "dscp", "ttl"] if routed else ["length", "dscp"])
        if which == "length":
            spans = dice.spans(LENGTHS, 1, 1500, 30)
            dice.edge("length", spans, 1500)
            line.want("length", ends(spans))
            line.words.append(f"-m length {self._not()}--length {_ports(spans)}")
        elif which == "dscp":
            name = dice.pick(tuple(DSCP))
            dice.edge("dscp", [(DSCP[name], DSCP[name])], 63)
            line.want("dscp", [DSCP[name]])
            form = dice.pick([f"--dscp {DSCP[name]:#04x}", f"--dscp-class {name.upper()}"])
            line.words.append(f"-m dscp {self._not()}{form}")
        else:
            value = dice.pick(TTLS)
            dice.edge("ttl", [(value, value)], 255)
            line.want("ttl", [value, max(0, value - 1), min(255, value + 1)])
            module = "ttl" if self.family is V4 else "hl"
            form = dice.pick([f"{self._not()}--{module}-eq", f"--{module}-lt", f"--{module}-gt"])
            line.words.append(f"-m {module} {form} {value}")

    def _set_test(self, line: Line) -> None:
        if self.sets:
            chosen = self.dice.pick(self.sets)
            line.wanted.update(chosen.wanted)
            line.words.append(f"-m set {self._not()}--match-set {chosen.name} {chosen.dimensions}")

    def _transport(self, line: Line) -> None:
        roll, dice = self.dice.random.random(), self.dice
        if roll < 0.3:
            self._one_port(line)
        elif roll < 0.45:
            name = dice.pick(tuple(PROTOCOLS))
            end = dice.pick(["dport", "dport", "sport", "port"])
            spans = dice.ports("source_port" if end == "sport" else "destination_port", dice.random.choice([1, 2, 4]))
            line.want("protocol", [PROTOCOLS[name]])
            line.want("source_port" if end == "sport" else "destination_port", ends(spans))
            line.words.append(f"-p {name} -m multiport {self._not()}--{end}s {_ports(spans)}")
        elif roll < 0.6:
            self._icmp(line)
        elif roll < 0.72:
            self._flags(line)
        elif roll < 0.82:
            known = {**PROTOCOLS, **OTHERS}
            name = dice.pick(tuple(known))
            line.want("protocol", [known[name]])
            line.words.append(f"{self._not()}-p {name if name in PROTOCOLS and dice.chance(0.6) else known[name]}")

    def _one_port(self, line: Line) -> None:
        dice = self.dice
        name = dice.pick(["tcp", "tcp", "udp", "udp", "sctp", "dccp"])
        words = [f"-p {name} -m {name}"] if dice.chance(0.8) else [f"-p {name}"]
        negated = dice.pick(["sport", "dport"])
        for end, field_name in dice.some(
            [("sport", "source_port"), ("dport", "destination_port")], 1, 1 + dice.chance(0.2)
        ):
            spans = dice.ports(field_name, 1)
            line.want(field_name, ends(spans))
            # Versions of iptables-nft take two negated ports for one negated pair.
            words.append(f"{self._not() if end == negated else ''}--{end} {_ports(spans)}")
        line.want("protocol", [PROTOCOLS[name]])
        line.words.append(" ".join(words))

    def _icmp(self, line: Line) -> None:
        dice = self.dice
        protocol = ICMP if self.family is V4 else ICMPV6
        kind = dice.pick(ICMP_TYPES[protocol])
        line.want("protocol", [protocol])
        line.want("icmp_type", [kind])
        dice.edge("icmp_type", [(kind, kind)], 255)
        code = dice.pick(["", "", "/0", "/1"])
        if code:
            line.want("icmp_code", [0, 1])
        if self.family is V4:
            names = {
                0: "echo-reply",
                3: "destination-unreachable",
                8: "echo-request",
                11: "time-exceeded",
                5: "redirect",
            }
            word = names[kind] if kind in names and not code and dice.chance(0.5) else f"{kind}{code}"
            line.words.append(f"-p icmp -m icmp {self._not()}--icmp-type {word}")
        else:
            names = {
                1: "destination-unreachable",
                128: "echo-request",
                135: "neighbour-solicitation",
                2: "packet-too-big",
            }
            word = names[kind] if kind in names and not code and dice.chance(0.5) else f"{kind}{code}"
            line.words.append(f"-p {dice.pick(['ipv6-icmp', 'icmpv6'])} -m icmp6 {self._not()}--icmpv6-type {word}")

    def _flags(self, line: Line) -> None:
        dice = self.dice
        line.want("protocol", [PROTOCOLS["tcp"]])
        if dice.chance(0.3):
            line.want("tcp_flags", [2, 18, 0x2A, 16])
            line.words.append(f"-p tcp -m tcp {self._not(0.4)}--syn")
            return
        mask = dice.some(tuple(_TCP_FLAGS), 1, 5)
        value = dice.some(mask, 0, 2)
        bits = sum(_TCP_FLAGS[name] for name in value)
        line.want("tcp_flags", [bits, bits, bits | 0x40, sum(_TCP_FLAGS[name] for name in mask)])
        masked = "ALL" if len(mask) > 4 and dice.chance(0.5) else ",".join(mask)
        line.words.append(f"-p tcp -m tcp {self._not()}--tcp-flags {masked} {','.join(value) or 'NONE'}")

    def _tests(self, line: Line, chain: str, early: bool, tracked: bool) -> None:
        dice = self.dice
        for _ in range(dice.random.choice([0, 1, 1, 1, 2, 2])):
            roll = dice.random.random()
            if roll < 0.4:
                self._address(line)
            elif roll < 0.52:
                self._interface(line, chain)
            elif roll < 0.64 and tracked:
                self._state(line)
            elif roll < 0.74:
                self._mark(line, tracked)
            elif roll < 0.82:
                self._types(line)
            elif roll < 0.92:
                self._header(line, not early)
            else:
                self._set_test(line)
        self._transport(line)

    # Rules, chains, tables

    def _rule(self, table: str, chain: str, early: bool, targets: Sequence[_Chain]) -> Line:
        dice, line = self.dice, Line()
        self._tests(line, chain, early, table != "raw")
        if dice.chance(0.08):
            line.words.append(f"-m comment --comment {dice.pick(_COMMENTS)}")
        if (table == "raw" or (table == "mangle" and dice.writes_marks)) and dice.chance(0.3):
            line.words.append(self._write(table))
            return line
        word = dice.pick(_ACTIONS)
        if word in ("jump", "goto"):
            if targets:
                line.target = dice.pick(targets).name
            line.words.append(f"{'-j' if word == 'jump' else '-g'} {line.target}" if targets else "-j ACCEPT")
        elif word == "REJECT":
            forms = _REJECTS[self.family] + ((" --reject-with tcp-reset",) if "-p tcp" in line.words[-1:] else ())
            line.words.append(f"-j REJECT{dice.pick(forms)}" if table == "filter" else "-j DROP")
        elif word == "LOG":
            line.words.append(dice.pick(['-j LOG --log-prefix "a: b " --log-level 4', "-j LOG"]))
        elif word:
            line.words.append(f"-j {word}")
        return line

    def _write(self, table: str) -> str:
        dice = self.dice
        if table == "raw":
            return "-j CT --notrack"
        value, mask = dice.pick(MARKS), dice.pick([0xFF, 0xF0, 0xFFFFFFFF])
        target = dice.pick(["MARK", "MARK", "CONNMARK"])
        plain = [f"--set-mark {value:#x}", f"--or-mark {value:#x}", f"--and-mark {mask:#x}", f"--xor-mark {value:#x}"]
        masked = [f"--{verb} {value:#x}/{mask:#x}" for verb in ("set-mark", "set-xmark")]
        return f"-j {target} {dice.pick(plain + masked)}"

    def table(self, table: str) -> list[str]:
        dice = self.dice
        chains: list[_Chain] = []
        users: dict[bool, list[_Chain]] = {}
        for group in (False, True) if table == "mangle" else ((True,) if table == "raw" else (False,)):
            below: list[_Chain] = []
            for depth in (3, 2, 1):
                layer = []
                for number in range(dice.random.choice([0, 1, 1, 2])):
                    chain = _Chain(f"{'early' if group else 'late'}-{depth}{number}")
                    chain.lines = [self._rule(table, "", group, below) for _ in range(dice.random.randint(0, 4))]
                    layer.append(chain)
                below = [*below, *layer]
            users[group] = below
            chains += below
        for name in _TABLES[table]:
            early = name == "PREROUTING" or table == "raw"
            chain = _Chain(name, "DROP" if dice.chance(0.2) else "ACCEPT")
            chain.lines = [self._rule(table, name, early, users[early]) for _ in range(dice.random.randint(0, 7))]
            chains.append(chain)
        for chain in chains:
            renamed = [Line(each.words, each.wanted, each.target and f"{table} {each.target}") for each in chain.lines]
            self.spots[f"{table} {chain.name}"] = Spot(_HOOKS.get(chain.name, ()), (self.family,), renamed)
        return self._written(table, chains)

    def _written(self, table: str, chains: Sequence[_Chain]) -> list[str]:
        dice, counters = self.dice, self.dice.chance(0.2)
        lines = [f"*{table}", *(f":{each.name} {each.policy or '-'} [0:0]" for each in chains)]
        for chain in chains:
            backwards = dice.chance(0.1)
            for line in reversed(chain.lines) if backwards else chain.lines:
                command = f"{'-I' if backwards else '-A'} {chain.name} {' '.join(line.words)}".rstrip()
                lines.append(f"[1:60] {command}" if counters else command)
        return [*lines, "COMMIT"]

    def file(self) -> tuple[str, list[Lead]]:
        tables = [each for each in _TABLES if each == "filter" or self.dice.chance(0.45)]
        self.dice.random.shuffle(tables)
        lines = [line for each in tables for line in self.table(each)]
        return "\n".join(lines) + "\n", list(leads(self.spots, self.dice.random))


def _sets(dice: Dice) -> tuple[list[str], list[_Set]]:
    lines, made = [], []
    for family, word, suffix in ((V4, "inet", "4"), (Family.IPV6, "inet6", "6")):
        if dice.chance(0.6):
            spans = [span for span in dice.addresses(family, "source", 3) if network(span, family)]
            lines.append(f"create nets{suffix} hash:net family {word} hashsize 1024 maxelem 65536")
            lines += [f"add nets{suffix} {network(span, family)}" for span in spans]
            made.append(_Set(f"nets{suffix}", family, {"source": ends(spans)} if spans else {}, "src"))
        if dice.chance(0.6):
            spans = [(a, a) for a, _ in dice.addresses(family, "destination", 2)]
            which = dice.ports("destination_port", 2)
            lines.append(f"create pairs{suffix} hash:ip,port family {word} hashsize 1024 maxelem 65536")
            for span, (port, _) in zip(spans, which, strict=False):
                lines.append(f"add pairs{suffix} {address(span[0], family)},{dice.pick(['tcp', 'udp', 'sctp'])}:{port}")
            wanted = {"destination": ends(spans), "destination_port": tuple(port for port, _ in which)}
            made.append(_Set(f"pairs{suffix}", family, wanted, "dst,dst"))
    if dice.chance(0.6):
        which = dice.ports("destination_port", 3)
        lines.append("create ports bitmap:port range 0-65535")
        lines += [f"add ports {a}" if a == b else f"add ports {a}-{b}" for a, b in which]
        made += [_Set("ports", family, {"destination_port": ends(which)}, "dst") for family in Family]
    return lines, made


def random_iptables(seed: int) -> RandomText:
    """The texts of a seed: "iptables.v4", "iptables.v6" and, where they name sets, "ipset"."""
    dice = Dice(f"iptables {seed}")
    lines, sets = _sets(dice) if dice.chance(0.5) else ([], [])
    files, found = {}, []
    for name, family in (("iptables.v4", V4), ("iptables.v6", Family.IPV6)):
        files[name], ways = _Maker(dice, family, sets).file()
        found += ways
    if lines:
        files["ipset"] = "\n".join(lines) + "\n"
    return RandomText(seed, files, tuple(found), {name: tuple(values) for name, values in dice.edges.items() if values})

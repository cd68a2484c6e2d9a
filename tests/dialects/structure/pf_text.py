"""Checks a pf.conf of ours without pf, and walks packets through it.

`read` accepts our own form and nothing else: what all of pfctl's parsers take, with none of the traps (undefined
tables, ``any`` in a list, negated lists, ports without protocol, types without family, joined comment lines).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_network

from fwadvisor.model.address import Family
from fwadvisor.model.rule import Hook, Verdict
from fwadvisor.model.walk import Packet

_NAME = r"[A-Za-z][A-Za-z0-9_.]{0,15}"
_SET = re.compile(
    r"set (?:block-policy drop|skip on lo|timeout \{ udp\.multiple 300 \}|reassemble yes"
    r"|limit table-entries \d+|limit tables \d+|ruleset-optimization none)"
)
_SCRUB = re.compile(r"scrub in all fragment reassemble")
_TABLE = re.compile(r"table <([A-Za-z0-9_-]{1,31})> const \{ ([0-9a-f.:/, ]+) \}")
_HOST = r"(?:any|\(self(?::broadcast)?\)|<[A-Za-z0-9_-]{1,31}>|[0-9a-f.:]+(?:/\d+)?|\{ [0-9a-f.:/, ]+ \})"
_PORT = r"(?:\d+(?::\d+)?|\{ \d+(?::\d+)?(?:, \d+(?::\d+)?)+ \})"
_RULE = re.compile(
    rf"(?P<action>pass|block drop|block return) (?P<word>in|out)(?P<log> log)?(?P<quick> quick)?"
    rf"(?: on (?P<on>{_NAME}|\{{ {_NAME}(?:, {_NAME})+ \}}))?"
    rf"(?: (?P<family>inet6?))?"
    rf"(?: proto (?P<proto>[a-z0-9]+|\{{ [a-z0-9]+(?:, [a-z0-9]+)+ \}}))?"
    rf"(?: all| from (?P<source>{_HOST})(?: port (?P<sport>{_PORT}))?"
    rf" to (?P<destination>{_HOST})(?: port (?P<dport>{_PORT}))?)?"
    rf"(?: (?P<icmp>icmp6?-type) (?P<types>\d+(?: code \d+)?|\{{ \d+(?:, \d+)+ \}}))?"
    rf"(?P<stateless> no state)?(?P<options> allow-opts)?"
    rf"(?: tag (?P<tag>[a-z_0-9]{{1,63}}))?(?: tagged (?P<tagged>[a-z_0-9]{{1,63}}))?"
    rf'(?: label "(?P<label>[A-Za-z0-9 ._:/,()+=@-]{{1,63}})")?'
)
_NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "icmp6": 58}
_LIMIT = 900


@dataclass
class PfRule:
    """One line, taken apart. None means any."""

    verdict: Verdict
    word: str
    quick: bool
    log: bool
    on: list[str] | None
    family: Family | None
    protocols: list[int] | None
    source: str
    destination: str
    source_ports: list[tuple[int, int]] | None
    destination_ports: list[tuple[int, int]] | None
    types: list[tuple[int, int | None]] | None
    tag: str
    tagged: str
    label: str


@dataclass
class PfFile:
    """A whole file."""

    options: list[str] = field(default_factory=list)
    tables: dict[str, list[str]] = field(default_factory=dict)
    rules: list[PfRule] = field(default_factory=list)


def _items(text: str) -> list[str]:
    return text[2:-2].split(", ") if text.startswith("{") else [text]


def read(content: bytes, *, table_limit: int = _LIMIT) -> PfFile:
    """Take the file apart; fail on anything that is not our own form."""
    text = content.decode("ascii")
    assert text.endswith("\n")
    assert all(c == "\n" or c.isprintable() for c in text)
    found, stage = PfFile(), 0
    for line in _joined(text):
        if not line:
            continue
        if _SET.fullmatch(line):
            assert stage == 0, "options come first"
            found.options.append(line)
        elif table := _TABLE.fullmatch(line):
            name, entries = table[1], table[2].split(", ")
            assert name not in found.tables, f"table {name} twice"
            _networks(entries)
            found.tables[name] = entries
        elif _SCRUB.fullmatch(line):
            assert stage == 0, "normalization comes before filtering"
            stage = 1
            found.options.append(line)
        else:
            rule = _RULE.fullmatch(line)
            assert rule, f"not ours: {line}"
            stage = 2
            found.rules.append(_rule(rule.groupdict(), found.tables))
    assert found.options[:2] == ["set block-policy drop", "set skip on lo"]
    assert len(found.tables) <= table_limit
    _closed_first(found.rules)
    return found


def _joined(text: str) -> list[str]:
    """Logical lines; only a table may go on over a line end, and a comment never ends in a backslash."""
    lines: list[str] = []
    pending = ""
    for line in text.split("\n"):
        if line.startswith("#"):
            assert not pending, "a comment inside a continued line"
            assert not line.endswith("\\"), line
            continue
        assert "#" not in line, line
        pending += line.strip() if pending else line
        if line.endswith("\\"):
            assert pending.startswith("table "), line
            pending = pending[:-1]
            continue
        assert "\\" not in pending, line
        lines.append(pending)
        pending = ""
    assert not pending
    return lines


def _networks(entries: list[str]) -> None:
    for entry in entries:
        network = ip_network(entry, strict=True)
        assert network.prefixlen > 0, entry
        assert "/" not in entry or network.prefixlen < network.max_prefixlen, entry


def _closed_first(rules: list[PfRule]) -> None:
    """The file starts by closing both directions; from the first quick rule on, all are quick."""
    first = [rule for rule in rules if not rule.quick]
    assert rules[: len(first)] == first
    assert {rule.word for rule in first if rule.source == rule.destination == "any" and not rule.on} == {"in", "out"}
    assert all(rule.verdict is not Verdict.ACCEPT for rule in first)
    for word in ("in", "out"):
        last = [rule for rule in rules if rule.word == word][-1]
        assert (last.source, last.destination, last.protocols, last.on) == ("any", "any", None, None), word


def _rule(parts: dict[str, str | None], tables: dict[str, list[str]]) -> PfRule:
    verdicts = {"pass": Verdict.ACCEPT, "block drop": Verdict.DROP, "block return": Verdict.REJECT}
    names = _items(parts["proto"]) if parts["proto"] else None
    protocols = None if names is None else [_NUMBERS.get(n) or int(n) for n in names]
    assert protocols is None or not {str(p) for p in (1, 6, 17, 58)} & set(names or ()), "known protocols go by name"
    if parts["sport"] or parts["dport"]:
        assert protocols, "ports need a protocol"
        assert set(protocols) <= {6, 17, 132}, "ports need a protocol that has them"
    family = {None: None, "inet": Family.IPV4, "inet6": Family.IPV6}[parts["family"]]
    if parts["icmp"]:
        assert (parts["icmp"], family, parts["proto"]) in (
            ("icmp-type", Family.IPV4, "icmp"),
            ("icmp6-type", Family.IPV6, "icmp6"),
        )
    assert not parts["stateless"] or parts["action"] == "pass"
    source, destination = parts["source"] or "any", parts["destination"] or "any"
    for host in (source, destination):
        _check_host(host, tables, family)
    return PfRule(
        verdict=verdicts[parts["action"] or ""],
        word=parts["word"] or "",
        quick=bool(parts["quick"]),
        log=bool(parts["log"]),
        on=_items(parts["on"]) if parts["on"] else None,
        family=family,
        protocols=protocols,
        source=source,
        destination=destination,
        source_ports=_ports(parts["sport"]),
        destination_ports=_ports(parts["dport"]),
        types=_types(parts["types"]),
        tag=parts["tag"] or "",
        tagged=parts["tagged"] or "",
        label=parts["label"] or "",
    )


def _check_host(host: str, tables: dict[str, list[str]], family: Family | None) -> None:
    if host.startswith("<"):
        assert host[1:-1] in tables, f"{host} is not defined"
    elif host not in ("any", "(self)", "(self:broadcast)"):
        _networks(_items(host))
        if family:
            assert any((":" in entry) is (family is Family.IPV6) for entry in _items(host)), host


def _ports(text: str | None) -> list[tuple[int, int]] | None:
    if text is None:
        return None
    found = []
    for entry in _items(text):
        first, _, last = entry.partition(":")
        found.append((int(first), int(last or first)))
        assert 0 <= found[-1][0] <= found[-1][1] <= 65535, entry
        assert not last or first != last, entry
    return found


def _types(text: str | None) -> list[tuple[int, int | None]] | None:
    if text is None:
        return None
    found = []
    for entry in _items(text):
        kind, _, code = entry.partition(" code ")
        assert int(kind) <= 255
        found.append((int(kind), int(code) if code else None))
    return found


def _in_host(file: PfFile, host: str, family: Family, value: int, own: bool) -> bool:
    if host == "any":
        return True
    if host in ("(self)", "(self:broadcast)"):
        return own
    entries = file.tables[host[1:-1]] if host.startswith("<") else _items(host)
    for entry in entries:
        network = ip_network(entry)
        ends = int(network.network_address), int(network.broadcast_address)
        if network.version == family and ends[0] <= value <= ends[1]:
            return True
    return False


def _matches(file: PfFile, rule: PfRule, packet: Packet, word: str, tag: str) -> bool:
    name = packet.in_interface if word == "in" else packet.out_interface
    own = word == "in" and packet.hook is Hook.INPUT
    return (
        rule.word == word
        and (rule.on is None or name in rule.on)
        and rule.family in (None, packet.family)
        and (rule.protocols is None or packet.protocol in rule.protocols)
        and _in_host(file, rule.source, packet.family, packet.source, False)
        and _in_host(file, rule.destination, packet.family, packet.destination, own)
        and _in_ports(rule.source_ports, packet.source_port)
        and _in_ports(rule.destination_ports, packet.destination_port)
        and (rule.types is None or any(t == packet.icmp_type and c in (None, packet.icmp_code) for t, c in rule.types))
        and (not rule.tagged or rule.tagged == tag)
    )


def _in_ports(ports: list[tuple[int, int]] | None, port: int) -> bool:
    return ports is None or any(first <= port <= last for first, last in ports)


def _walk(file: PfFile, packet: Packet, word: str, tag: str) -> tuple[Verdict, str]:
    """One pass through the rules: the last that matches decides, a quick one at once; marks stick."""
    verdict = Verdict.ACCEPT
    for rule in file.rules:
        if _matches(file, rule, packet, word, tag):
            tag, verdict = rule.tag or tag, rule.verdict
            if rule.quick:
                break
    return verdict, tag


def decide(file: PfFile, packet: Packet) -> Verdict:
    """What pf does with a new packet; one that is forwarded must pass coming in and going out."""
    if packet.hook is Hook.OUTPUT:
        return _walk(file, packet, "out", "")[0]
    verdict, tag = _walk(file, packet, "in", "")
    if packet.hook is Hook.INPUT or verdict is not Verdict.ACCEPT:
        return verdict
    return _walk(file, packet, "out", tag)[0]

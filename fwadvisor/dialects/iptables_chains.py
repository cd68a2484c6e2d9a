"""The chains of one iptables table besides those of the hooks: what logs or rejects, and lists that branch.

iptables has no sets: a list of addresses is a chain with a line for each. Long lists branch by common prefixes,
so that a packet passes a few dozen lines where there are thousands.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from fwadvisor.dialects.base import log_prefix
from fwadvisor.dialects.diagram import Action, Dimension, Node, split_services
from fwadvisor.dialects.iptables_match import port_words, protocol_words
from fwadvisor.dialects.ranges import address_text, networks_in, networks_of
from fwadvisor.model.address import Family
from fwadvisor.model.interval import Intervals, normalize, subtract
from fwadvisor.model.rule import TCP, Log, Verdict

_ICMP_REFUSAL = {Family.IPV4: "icmp-admin-prohibited", Family.IPV6: "icmp6-adm-prohibited"}
#: The option that matches an address.
OPTIONS = {Dimension.SOURCE: "-s", Dimension.DESTINATION: "-d"}
_SHORT = {Dimension.SOURCE: "SRC", Dimension.DESTINATION: "DST", Dimension.SERVICE: "SVC"}
#: A chain with more lines than this branches, into so many chains.
_MOST_LINES, _BRANCHES = 16, 8
#: The kernel's limits: a log prefix with its closing zero, and the resolution of the limit match.
PREFIX_BYTES, _MOST_A_MINUTE = 29, 600_000

#: (network, prefix length, what follows); a chain's entries are sorted and disjoint.
_Entry: TypeAlias = tuple[int, int, str]
#: (protocol, first port, last port, what follows).
_Piece: TypeAlias = tuple[int, int, int, str]


def log_words(log: Log) -> str:
    """The words of a line that logs, at most so often."""
    limit = "" if log.rate is None else f"-m limit --limit {min(max(1, log.rate), _MOST_A_MINUTE)}/minute "
    prefix = log_prefix(log, PREFIX_BYTES)
    return f'{limit}-j LOG --log-prefix "{prefix}"'


class Chains:
    """Chains of one family's table, made on demand; equal ones are made once."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self._lines: dict[str, list[str]] = {}
        self._actions: dict[Action, str] = {}
        self._nodes: dict[Node, str] = {}
        self._lists: dict[tuple[Dimension, Intervals, str], str] = {}
        self._counts: dict[str, int] = {}

    def names(self) -> Iterator[str]:
        """The chains made so far."""
        yield from self._lines

    def lines(self) -> Iterator[str]:
        """Their rules, chain by chain."""
        for name, lines in self._lines.items():
            for line in lines:
                yield f"-A {name} {line}"

    def verdict(self, action: Action, protocol: int | None = None) -> str:
        """The target of a line for packets of the protocol (None: any)."""
        if action.log is not None or (action.verdict is Verdict.REJECT and protocol is None):
            return f"-g {self._action(action)}"
        if action.verdict is Verdict.REJECT:
            return f"-j REJECT --reject-with {'tcp-reset' if protocol == TCP else _ICMP_REFUSAL[self.family]}"
        return f"-j {action.verdict.upper()}"

    def leads(self, child: Node | Action, protocol: int | None = None) -> str:
        """What an edge does, for packets of the protocol (None: any); ``-g`` returns where its chain would."""
        return self.verdict(child, protocol) if isinstance(child, Action) else f"-g {self.decision(child)}"

    def closing(self, verdict: Verdict) -> list[str]:
        """Lines that give a verdict to every packet."""
        if verdict is Verdict.REJECT:
            return ["-p tcp -j REJECT --reject-with tcp-reset", f"-j REJECT --reject-with {_ICMP_REFUSAL[self.family]}"]
        return [f"-j {verdict.upper()}"]

    def one_of(self, dimension: Dimension, ranges: Intervals, target: str) -> str:
        """The name of a chain that leads packets with an address in `ranges` on to `target`.

        Where that is shorter it names the addresses outside, which return.
        """
        key = (dimension, ranges, target)
        known = self._lists.get(key)
        if known is None:
            known = self._lists[key] = self._new(_SHORT[dimension])
            networks, option = networks_of(ranges, self.family), OPTIONS[dimension]
            others = networks_of(subtract(self.family.universe, ranges), self.family)
            if len(others) <= min(_MOST_LINES, len(networks) // 2):
                returning = [self._line(option, *network, "-j RETURN") for network in others]
                self._lines[known] = [*returning, target]
            else:
                self._branch(known, option, [(*network, target) for network in networks])
        return known

    def decision(self, node: Node) -> str:
        """The name of a chain that decides by the node, and returns where the node leaves a packet undecided."""
        known = self._nodes.get(node)
        if known is None:
            known = self._nodes[node] = self._new(_SHORT[node.dimension])
            if node.dimension is Dimension.SERVICE:
                self._branch_services(known, self._pieces(node))
            else:
                leads = {key: self.leads(child) for key, child in node.children().items()}
                entries = [
                    (value, length, leads[id(child)])
                    for first, last, child in node.edges
                    for value, length in networks_in(first, last, self.family)
                ]
                self._branch(known, OPTIONS[node.dimension], entries)
        return known

    def _new(self, kind: str) -> str:
        number = self._counts[kind] = self._counts.get(kind, 0) + 1
        name = f"FWA-{kind}-{number}"
        self._lines[name] = []
        return name

    def _action(self, action: Action) -> str:
        name = self._actions.get(action)
        if name is None:
            kind = f"LOG-{action.verdict.upper()}" if action.log else action.verdict.upper()
            name = self._actions[action] = self._new(kind)
            self._lines[name] = [*([log_words(action.log)] if action.log else []), *self.closing(action.verdict)]
        return name

    def _branch(self, name: str, option: str, entries: Sequence[_Entry]) -> None:
        """Fill a chain with entries, or with lines that lead to chains with a share of them each."""
        lines, bits = self._lines[name], self.family.bits
        if len(entries) <= _MOST_LINES:
            for value, length, target in entries:
                lines.append(self._line(option, value, length, target))
            return
        for group in _by_prefix(entries, bits):
            if len(group) == 1:
                lines.append(self._line(option, *group[0]))
            else:
                below = self._new(name.split("-")[1])
                length = _common_length(group, bits)
                network = group[0][0] >> bits - length << bits - length
                lines.append(self._line(option, network, length, f"-g {below}"))
                self._branch(below, option, group)

    def _line(self, option: str, value: int, length: int, target: str) -> str:
        address = address_text(value, self.family)
        return f"{option} {address} {target}" if length == self.family.bits else f"{option} {address}/{length} {target}"

    def _pieces(self, node: Node) -> list[_Piece]:
        return [
            (protocol, first, last, self.leads(child, protocol))
            for low, high, child in node.edges
            for protocol, first, last in split_services(low, high)
        ]

    def _branch_services(self, name: str, pieces: Sequence[_Piece]) -> None:
        own = list(_service_lines(pieces))
        if len(own) <= _MOST_LINES:
            self._lines[name] += own
            return
        for group in _by_port(pieces):
            if len(group) == 1:
                self._lines[name] += _service_lines(group)
                continue
            below = self._new(_SHORT[Dimension.SERVICE])
            protocol, span = group[0][0], ((group[0][1], group[-1][2]),)
            words = " ".join(filter(None, (protocol_words(protocol), next(port_words(span, "d", protocol)))))
            self._lines[name].append(f"{words} -g {below}")
            self._branch_services(below, group)


def _service_lines(pieces: Iterable[_Piece]) -> Iterator[str]:
    """A line for each protocol and way to go; more where a list of ports is full."""
    ports: dict[tuple[int, str], list[tuple[int, int]]] = {}
    for protocol, first, last, target in pieces:
        ports.setdefault((protocol, target), []).append((first, last))
    for (protocol, target), some in ports.items():
        for words in port_words(normalize(some), "d", protocol):
            yield " ".join(filter(None, (protocol_words(protocol), words, target)))


def _by_port(pieces: Sequence[_Piece]) -> Iterator[Sequence[_Piece]]:
    """Sorted pieces in shares of neighbours of one protocol."""
    size = max(1, -(-len(pieces) // _BRANCHES))
    start = 0
    while start < len(pieces):
        end = start + 1
        while end < len(pieces) and end < start + size and pieces[end][0] == pieces[start][0]:
            end += 1
        yield pieces[start:end]
        start = end


def _common_length(entries: Sequence[_Entry], bits: int) -> int:
    """The length of the prefix that sorted entries share."""
    return bits - (entries[0][0] ^ entries[-1][0]).bit_length()


def _by_prefix(entries: Sequence[_Entry], bits: int) -> list[Sequence[_Entry]]:
    """Sorted entries in shares that each have a prefix of their own, the largest share cut again and again."""
    groups: list[Sequence[_Entry]] = [entries]
    while len(groups) < _BRANCHES:
        position = max(range(len(groups)), key=lambda number: len(groups[number]))
        largest = groups[position]
        if len(largest) == 1:
            break
        cut_bit = bits - _common_length(largest, bits) - 1
        middle = (largest[-1][0] >> cut_bit) << cut_bit
        at = bisect_left(largest, middle, key=lambda entry: entry[0])
        groups[position : position + 1] = [largest[:at], largest[at:]]
    return groups

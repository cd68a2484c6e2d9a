"""The chains of nftables besides the base chains: what logs or rejects, and what decides many rules at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fwadvisor.dialects.base import log_prefix
from fwadvisor.dialects.diagram import Action, Dimension, Node, split_services
from fwadvisor.dialects.nftables_lookup import concatenation, flattened, map_text, selector_of, set_text
from fwadvisor.dialects.nftables_match import RESET, braced, protocol_word
from fwadvisor.dialects.ranges import range_texts
from fwadvisor.model.address import Family
from fwadvisor.model.rule import TCP, Log, Verdict

_REJECTIONS = (f"meta l4proto tcp {RESET}", "reject with icmpx type admin-prohibited")
_ALL_PORTS = (0, 65535)
#: The kernel's limit for a log prefix, with its closing zero.
PREFIX_BYTES = 126
#: More ways to go than this are a map.
_MOST_LINES = 6


def log_statement(log: Log) -> str:
    """The statement that logs, at most so often; it never decides."""
    limit = "" if log.rate is None else f"limit rate {max(1, log.rate)}/minute "
    prefix = log_prefix(log, PREFIX_BYTES)
    return f'{limit}log prefix "{prefix}"'


class Chains:
    """Chains made on demand; equal ones are made once."""

    def __init__(self) -> None:
        self._actions: dict[Action, str] = {}
        self._nodes: dict[tuple[Family | None, Node], str] = {}
        self._texts: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._flat: set[Node] = set()

    def verdict(self, action: Action, protocols: tuple[int, ...] = ()) -> str:
        """The end of a rule, for packets of these protocols (() means any)."""
        if action.log is not None:
            return f"goto {self._action(action)}"
        if action.verdict is not Verdict.REJECT:
            return str(action.verdict)
        if protocols == (TCP,):
            return RESET
        if protocols and TCP not in protocols:
            return "reject with icmpx type admin-prohibited"
        return f"goto {self._action(action)}"

    def decide(self, root: Node, family: Family | None) -> str:
        """The name of a chain that decides by the diagram of `root`."""
        self._flat |= flattened(root)
        return self.decision(root, family)

    def decision(self, node: Node, family: Family | None) -> str:
        """The name of a chain that decides by the node, and returns where the node leaves a packet undecided."""
        known = self._nodes.get((family, node))
        if known is None:
            number = self._counts[node.dimension] = self._counts.get(node.dimension, 0) + 1
            known = self._nodes[family, node] = f"{node.dimension}_{number}"
            self._texts[known] = ""  # Its place in the file is before those that it leads to.
            self._texts[known] = chain_text(known, self._lines(node, family))
        return known

    def texts(self) -> Iterator[str]:
        """The chains, in the order of first use."""
        yield from self._texts.values()

    def _action(self, action: Action) -> str:
        name = self._actions.get(action)
        if name is None:
            words = ["log", str(action.verdict)] if action.log else [str(action.verdict)]
            name = f"{'_'.join(words)}_{len(self._actions) + 1}"
            self._actions[action] = name
            lines = [log_statement(action.log)] if action.log else []
            lines += closing(action.verdict)
            self._texts[name] = chain_text(name, lines)
        return name

    def _leads(self, child: Node | Action, family: Family | None, protocols: tuple[int, ...] = ()) -> str:
        """What an edge does, for packets of these protocols; with () it is fit for a map."""
        if isinstance(child, Action):
            return self.verdict(child, protocols)
        return f"goto {self.decision(child, family)}"

    def _lines(self, node: Node, family: Family | None) -> Iterable[str]:
        if node in self._flat and family is not None:
            return [concatenation(node, family, lambda action: self._leads(action, family))]
        return self._services(node, family) if node.dimension is Dimension.SERVICE else self._addresses(node, family)

    def _addresses(self, node: Node, family: Family | None) -> Iterator[str]:
        if family is None:
            raise ValueError("addresses are decided for one family")
        selector = selector_of(node.dimension, family)
        leads = {key: self._leads(child, family) for key, child in node.children().items()}
        texts = range_texts(((first, last) for first, last, _ in node.edges), family)
        if len(leads) == 1:
            yield f"{selector} {set_text(texts)} {next(iter(leads.values()))}"
        else:
            elements = [f"{text} : {leads[id(child)]}" for text, (_, _, child) in zip(texts, node.edges, strict=True)]
            yield f"{selector} {map_text(elements)}"

    def _services(self, node: Node, family: Family | None) -> Iterator[str]:
        """A line for each way to go and protocol, or a map where those were many."""
        whole: dict[Node | Action, list[int]] = {}
        ports: dict[tuple[Node | Action, int], list[str]] = {}
        for low, high, child in node.edges:
            for protocol, first, last in split_services(low, high):
                if (first, last) == _ALL_PORTS:
                    whole.setdefault(child, []).append(protocol)
                else:
                    port = str(first) if first == last else f"{first}-{last}"
                    ports.setdefault((child, protocol), []).append(port)
        for child, protocols in whole.items():
            names = braced(protocol_word(protocol) for protocol in protocols)
            yield f"meta l4proto {names} {self._leads(child, family, tuple(protocols))}"
        if len(ports) > _MOST_LINES:
            elements = [
                f"{protocol_word(protocol)} . {port} : {self._leads(child, family)}"
                for (child, protocol), some in ports.items()
                for port in some
            ]
            yield f"{selector_of(Dimension.SERVICE, family)} {map_text(elements)}"
            return
        for (child, protocol), some in ports.items():
            yield f"{protocol_word(protocol)} dport {set_text(some)} {self._leads(child, family, (protocol,))}"


def closing(verdict: Verdict) -> tuple[str, ...]:
    """Rules that give a verdict to every packet."""
    return _REJECTIONS if verdict is Verdict.REJECT else (str(verdict),)


def chain_text(name: str, lines: Iterable[str]) -> str:
    """A chain without a hook."""
    return "".join((f"\tchain {name} {{\n", *(f"\t\t{line}\n" for line in lines), "\t}\n"))

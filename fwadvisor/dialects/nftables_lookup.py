"""Lookups of nftables: nodes of a decision diagram as sets and verdict maps, of one dimension or of two at once.

The kernel searches the list of a table's sets for each set that it makes, so ten thousand small sets take half
a minute to load, and the same elements in a thousand sets of two dimensions a second and a half.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from fwadvisor.dialects.diagram import Action, Dimension, Node, split_services
from fwadvisor.dialects.nftables_match import ADDRESS, protocol_word, wrapped
from fwadvisor.dialects.ranges import range_texts
from fwadvisor.model.address import Family
from fwadvisor.model.rule import PORT_PROTOCOLS

_SIDE = {Dimension.SOURCE: "saddr", Dimension.DESTINATION: "daddr"}
_INDENT = "\t\t\t"
#: Larger maps of two dimensions take long to load, because each element is looked up first.
_MOST_ELEMENTS = 4096
#: Nodes that many lead to are written again for each; up to so many times as much in all.
_MOST_REPETITION = 2


def selector_of(dimension: Dimension, family: Family | None) -> str:
    """The packet's value in the dimension."""
    if dimension is Dimension.SERVICE:
        return "meta l4proto . th dport"
    if family is None:
        raise ValueError("addresses are looked up for one family")
    return f"{ADDRESS[family]} {_SIDE[dimension]}"


def set_text(elements: list[str]) -> str:
    """An anonymous set over several lines."""
    return elements[0] if len(elements) == 1 else f"{{ {wrapped(elements, _INDENT)} }}"


def map_text(elements: list[str]) -> str:
    """An anonymous verdict map over several lines."""
    return f"vmap {{ {wrapped(elements, _INDENT, 4)} }}"


def flattened(root: Node) -> set[Node]:
    """The nodes that are looked up together with all they lead to, in one concatenation of two dimensions."""
    level = {root}
    while any(child.below() for node in level for child in node.below()):
        level = set(chain.from_iterable(node.below() for node in level))
    sizes = {node: sum(len(inner.edges) for inner in node.inner()) for node in level}
    single = sum(len(inner.edges) for inner in set(chain.from_iterable(node.below() for node in level)))
    if not single or sum(sizes.values()) > _MOST_REPETITION * single:
        return set()
    return {node for node in level if sizes[node] <= _MOST_ELEMENTS and _has_ports(node)}


def _has_ports(node: Node) -> bool:
    """Whether every service is of a protocol with ports, so that every packet has the bytes to look up."""
    services = [node] if node.dimension is Dimension.SERVICE else [*node.below()]
    if services[0].dimension is not Dimension.SERVICE:
        return True
    return all(
        protocol in PORT_PROTOCOLS
        for each in services
        for first, last, _ in each.edges
        for protocol, _, _ in split_services(first, last)
    )


def concatenation(node: Node, family: Family, leads: Callable[[Action], str]) -> str:
    """The rule that looks up a node of `flattened`."""
    below = node.below()
    actions = {key: child for inner in below for key, child in inner.children().items() if isinstance(child, Action)}
    only = next(iter(actions.values())) if len(actions) == 1 else None
    ends = {key: "" if only else f" : {leads(action)}" for key, action in actions.items()}
    tails = {
        inner: [
            f" . {text}{ends[id(action)]}"
            for texts, (_, _, action) in zip(_texts(inner, family), inner.edges, strict=True)
            for text in texts
        ]
        for inner in below
    }
    elements = [
        head + tail
        for heads, inner in zip(_texts(node, family), node.inner(), strict=True)
        for head in heads
        for tail in tails[inner]
    ]
    selector = f"{selector_of(node.dimension, family)} . {selector_of(next(iter(below)).dimension, family)}"
    # A concatenation is looked up in a set even where that has one element.
    return (
        f"{selector} {{ {wrapped(elements, _INDENT)} }} {leads(only)}" if only else f"{selector} {map_text(elements)}"
    )


def _texts(node: Node, family: Family) -> list[tuple[str, ...]]:
    """The values of each edge."""
    ranges = [(first, last) for first, last, _ in node.edges]
    if node.dimension is not Dimension.SERVICE:
        return [(text,) for text in range_texts(ranges, family)]
    return [
        tuple(
            f"{protocol_word(protocol)} . {low if low == high else f'{low}-{high}'}"
            for protocol, low, high in split_services(first, last)
        )
        for first, last in ranges
    ]

"""Inline flows: ``tcp 8443`` and its relatives as numbers."""

from __future__ import annotations

from difflib import get_close_matches

from fwadvisor.decode import Mapping, Node, Scalar, describe
from fwadvisor.decode.reader import suggestion
from fwadvisor.model.interval import PORTS, Intervals, format_ports
from fwadvisor.model.policy import InlineFlow
from fwadvisor.model.rule import ICMP, ICMPV6, PORT_PROTOCOLS, PROTOCOL_NAMES, IcmpType
from fwadvisor.profile.values import PortTextError, ProfileReader

#: Names of the protocols that a flow can begin with.
PROTOCOLS = {name: number for number, name in PROTOCOL_NAMES.items()}
#: Those of them that carry ports.
TRANSPORTS = tuple(name for name, number in PROTOCOLS.items() if number in PORT_PROTOCOLS)
#: The fields of a flow written as a mapping.
FIELDS = ("transport", "ports", "source_ports")
#: The first words of a flow, for did-you-mean.
WORDS = (*PROTOCOLS, "ping", "protocol", "any")

_IPV4_TYPES = {
    "echo-reply": (0, None), "destination-unreachable": (3, None), "network-unreachable": (3, 0),
    "host-unreachable": (3, 1), "protocol-unreachable": (3, 2), "port-unreachable": (3, 3),
    "fragmentation-needed": (3, 4), "redirect": (5, None), "echo-request": (8, None),
    "router-advertisement": (9, None), "router-solicitation": (10, None), "time-exceeded": (11, None),
    "parameter-problem": (12, None), "timestamp-request": (13, None), "timestamp-reply": (14, None),
}  # fmt: skip
_IPV6_TYPES = {
    "destination-unreachable": (1, None), "no-route": (1, 0), "address-unreachable": (1, 3),
    "port-unreachable": (1, 4), "packet-too-big": (2, None), "time-exceeded": (3, None),
    "parameter-problem": (4, None), "echo-request": (128, None), "echo-reply": (129, None),
    "listener-query": (130, None), "listener-report": (131, None), "listener-done": (132, None),
    "router-solicitation": (133, None), "router-advertisement": (134, None),
    "neighbour-solicitation": (135, None), "neighbor-solicitation": (135, None),
    "neighbour-advertisement": (136, None), "neighbor-advertisement": (136, None), "redirect": (137, None),
}  # fmt: skip
ICMP_TYPES: dict[int, dict[str, tuple[int, int | None]]] = {ICMP: _IPV4_TYPES, ICMPV6: _IPV6_TYPES}


class FlowTextError(PortTextError):
    """A text that is no flow."""


def read_flow(reader: ProfileReader, node: Node, cache: dict[str, tuple[InlineFlow, ...]]) -> tuple[InlineFlow, ...]:
    """A flow as text or mapping; () after a problem, which the reader then holds.

    `cache` keeps what was read from texts without parameters, since large profiles repeat few flows.
    """
    if isinstance(node, Mapping):
        return _from_fields(reader, node)
    if not isinstance(node, Scalar) or not node.text:
        reader.error(node, f'a flow is a text such as "tcp 443", but found {describe(node)}')
        return ()
    if (known := cache.get(node.text)) is not None:
        return known
    before = len(reader.diagnostics)
    try:
        flows = _from_text(reader, node, node.text)
    except PortTextError as problem:
        reader.error(node, str(problem), problem.hint)
        return ()
    if len(reader.diagnostics) > before or any(flow.ports == () for flow in flows):
        return ()
    if "$" not in node.text:
        cache[node.text] = flows
    return flows


def _from_text(reader: ProfileReader, node: Scalar, text: str) -> tuple[InlineFlow, ...]:
    first, _, rest = text.strip().partition(" ")
    rest = rest.strip()
    if first in ("ping", "any"):
        if rest:
            raise FlowTextError(f'"{first}" stands alone in a flow, but "{rest}" follows', _any_hint(first, rest))
        if first == "any":
            return (InlineFlow(text="any"),)
        return tuple(
            InlineFlow(protocols=(protocol,), icmp=(IcmpType(*ICMP_TYPES[protocol]["echo-request"]),), text="ping")
            for protocol in (ICMP, ICMPV6)
        )
    if first == "protocol":
        return (InlineFlow(protocols=(_number(rest),), text=text),)
    names = [name.strip() for name in first.split(",")]
    for name in names:
        if name not in PROTOCOLS:
            raise _unknown_protocol(name, text)
    protocols = tuple(dict.fromkeys(PROTOCOLS[name] for name in names))
    if PORT_PROTOCOLS.issuperset(protocols):
        ports = _ports(reader, node, names, rest, text)
        shown = f"{first} {_said(ports)}" if "$" in rest else text
        return (InlineFlow(protocols=protocols, ports=ports, text=shown),)
    if len(protocols) > 1:
        raise FlowTextError(f'"{first}": only protocols with ports share a flow', "write a list of flows")
    if protocols[0] in ICMP_TYPES:
        return (InlineFlow(protocols=protocols, icmp=_icmp(protocols[0], names[0], rest), text=text),)
    if rest:
        raise FlowTextError(f'{names[0]} has no ports, but "{rest}" follows', f"write {names[0]} alone")
    return (InlineFlow(protocols=protocols, text=text),)


def _any_hint(first: str, rest: str) -> str:
    return f'write "tcp,udp {rest}"' if first == "any" else ""


def _unknown_protocol(name: str, text: str) -> FlowTextError:
    port, slash, transport = text.partition("/")
    if slash and transport in PROTOCOLS:
        return FlowTextError(f'"{text}" is not a flow', f'write "{transport} {port}"')
    if name[:1].isdigit():
        return FlowTextError(f'"{text}" names no transport', f'write "tcp {text}", "udp {text}" or "tcp,udp {text}"')
    hint = suggestion(name.lower(), WORDS, "a flow begins with one of")
    return FlowTextError(f'"{name}" is not a protocol', hint)


def _number(rest: str) -> int:
    if rest in PROTOCOLS:
        raise FlowTextError(f'"protocol {rest}" takes a number', f"write {rest} alone")
    if not (rest.isascii() and rest.isdecimal()) or len(rest) > 3 or int(rest) > 255:
        raise FlowTextError(f'"protocol" takes a number from 0 to 255, but found "{rest}"', "such as: protocol 47")
    return int(rest)


def _ports(reader: ProfileReader, node: Scalar, names: list[str], rest: str, text: str) -> Intervals | None:
    if not rest:
        hint = f'write "{text} any" if every port is meant; in lists, quote what holds a comma: "tcp,udp 53"'
        raise FlowTextError(f'"{text}" names no port', hint)
    return None if rest == "any" else reader.port_list(node, rest, f'the flow "{text}"', names)


def _icmp(protocol: int, name: str, rest: str) -> tuple[IcmpType, ...]:
    if not rest:
        raise FlowTextError(f'"{name}" names no type', f'write "{name} echo-request", or "{name} any" for all types')
    if rest == "any":
        return ()
    return tuple(dict.fromkeys(_icmp_type(protocol, name, part.strip()) for part in rest.split(",")))


def _icmp_type(protocol: int, name: str, text: str) -> IcmpType:
    named = ICMP_TYPES[protocol].get(text)
    if named is not None:
        return IcmpType(*named)
    number, slash, code = text.partition("/")
    parts = [number, code] if slash else [number]
    if all(part.isascii() and part.isdecimal() and len(part) <= 3 and int(part) <= 255 for part in parts):
        return IcmpType(int(number), int(code) if slash else None)
    close = get_close_matches(text, ICMP_TYPES[protocol], n=1)
    hint = f'did you mean "{close[0]}"?' if close else "write a name such as echo-request, or a number 0 to 255"
    raise FlowTextError(f'"{text}" is not a type of {name}', hint)


def _from_fields(reader: ProfileReader, node: Mapping) -> tuple[InlineFlow, ...]:
    """The mapping form, for source ports and for ports that are a parameter of their own."""
    fields = reader.fields(node, "a flow", FIELDS, ("transport",))
    if "transport" not in fields:
        return ()
    names = reader.words(fields["transport"], "transport", TRANSPORTS)
    before = len(reader.diagnostics)
    found: dict[str, Intervals | None] = {}
    for field in ("ports", "source_ports"):
        if field in fields:
            child = fields[field]
            every = isinstance(child, Scalar) and child.text == "any"
            found[field] = None if every else reader.ports(child, field, names) or ()
    if not found:
        reader.error(node, "a flow names neither ports nor source_ports", "write  ports: any  if every port is meant")
    if not names or len(reader.diagnostics) > before or () in found.values():
        return ()
    ports, source = found.get("ports"), found.get("source_ports")
    text = ",".join(names) + f" {_said(ports)}" + (f" from port {_said(source)}" if source else "")
    protocols = tuple(PROTOCOLS[name] for name in names)
    return (InlineFlow(protocols=protocols, ports=ports, source_ports=source, text=text),)


def _said(ports: Intervals | None) -> str:
    return "any" if ports in (None, PORTS) else format_ports(ports or ())

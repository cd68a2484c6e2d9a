"""Short ways to read nftables text and to ask about packets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fwadvisor.dialects.reading import nftables
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import ReadError
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import evaluate
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.rule import LOOPBACK, Hook, State
from fwadvisor.model.walk import Packet

_PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmp6": 58, "sctp": 132, "gre": 47, "udplite": 136, "dccp": 33}


def packet_of(words: str) -> Packet:
    """A packet from words: ``4 tcp from 192.0.2.1 to 198.51.100.1 dport 22 new in eth0``; two are needed.

    Further words: ``icmp 8/0``, ``flags 18``, ``len 60``, ``ttl 64``, ``dscp 0``, ``mark 0``, ``ctmark 0``,
    ``helper ftp``, ``out eth1``, ``hook forward``, ``src-type 0``, ``dst-type 0``, ``if "condition"``.
    """
    from fwadvisor.addresses import parse_addresses

    family, protocol, *rest = words.split(" ")
    version = Family(int(family))
    default = ("192.0.2.1", "198.51.100.1") if version == 4 else ("2001:db8::1", "2001:db8::2")
    fields: dict[str, object] = {
        "hook": Hook.INPUT,
        "family": version,
        "protocol": _PROTOCOLS[protocol] if protocol in _PROTOCOLS else int(protocol),
        "source": parse_addresses(default[0])[1],
        "destination": parse_addresses(default[1])[1],
        "source_port": 40000,
        "destination_port": 80,
        "in_interface": "eth0",
        "state": State.NEW,
    }
    integers = {
        "flags": "tcp_flags", "len": "length", "ttl": "ttl", "dscp": "dscp", "mark": "mark",
        "ctmark": "connection_mark",
        "src-type": "source_type", "dst-type": "destination_type", "sport": "source_port", "dport": "destination_port",
    }  # fmt: skip
    if "if" in rest:
        at = rest.index("if")
        fields["conditions"] = frozenset(" ".join(rest[at + 1 :]).split("; "))
        rest = rest[:at]
    while rest:
        word = rest.pop(0)
        if word in set(State):
            fields["state"] = State(word)
            continue
        value = rest.pop(0)
        if word in ("from", "to"):
            fields["source" if word == "from" else "destination"] = parse_addresses(value)[1]
        elif word in integers:
            fields[integers[word]] = int(value, 0)
        elif word == "icmp":
            kind, _, code = value.partition("/")
            fields |= {"icmp_type": int(kind), "icmp_code": int(code or 0)}
        elif word in ("in", "out"):
            fields[f"{word}_interface"] = LOOPBACK if value == "lo" else value
        elif word == "helper":
            fields["helper"] = value
        elif word == "hook":
            fields["hook"] = Hook(value)
        else:
            raise ValueError(word)
    return Packet(**fields)  # type: ignore[arg-type]


@pytest.fixture
def read_text() -> Callable[..., Firewall]:
    def read(text: str | bytes, name: str = "test.nft", directory: Path | None = None) -> Firewall:
        content = text if isinstance(text, bytes) else text.encode()
        return nftables.read([Source(name, content, directory)], {})

    return read


@pytest.fixture
def problems(read_text: Callable[..., Firewall]) -> Callable[..., list[str]]:
    """The diagnostics of a refused text as ``line:column message (hint)``."""

    def refused(text: str | bytes, directory: Path | None = None) -> list[str]:
        with pytest.raises(ReadError) as caught:
            read_text(text, directory=directory)
        return [
            f"{each.span.line if each.span else 0}:{each.span.column if each.span else 0} {each.message}"
            + (f" ({each.hint})" if each.hint else "")
            for each in caught.value.diagnostics
        ]

    return refused


@pytest.fixture
def packet() -> Callable[[str], Packet]:
    return packet_of


@pytest.fixture
def verdict() -> Callable[[Firewall, str], str]:
    """What a firewall does with the packet of some words; "unknown" where it is not known."""

    def decide(firewall: Firewall, words: str) -> str:
        found = evaluate(firewall, packet_of(words)).verdict
        return str(found) if found else "unknown"

    return decide

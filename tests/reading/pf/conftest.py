"""Shared code of the pf reader's tests: packets as sentences, and what a text does with them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from fwadvisor.dialects.reading import pf
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import ReadError
from fwadvisor.model.address import Family
from fwadvisor.model.evaluate import Outcome, evaluate
from fwadvisor.model.firewall import AddressType, Firewall
from fwadvisor.model.rule import Hook, State
from fwadvisor.model.walk import Packet

# The rig of the kernel tests has packets as sentences and random rulesets.
sys.path.insert(0, str(Path(__file__).parents[2] / "kernel"))

EVERYBODY = 0xFFFFFFFF


def is_group(packet: Packet) -> bool:
    if packet.family is Family.IPV6:
        return packet.destination >> 120 == 0xFF
    return packet.destination >> 28 == 0xE


def with_types(packet: Packet) -> Packet:
    """The packet with the address types that a machine would give to it, as a new one."""
    if is_group(packet):
        kind = AddressType.MULTICAST
    elif packet.destination == EVERYBODY and packet.family is Family.IPV4:
        kind = AddressType.BROADCAST
    else:
        kind = AddressType.LOCAL if packet.hook is Hook.INPUT else AddressType.UNICAST
    own = AddressType.LOCAL if packet.hook is Hook.OUTPUT else AddressType.UNICAST
    return replace(packet, destination_type=int(kind), source_type=int(own), state=State.NEW)


@dataclass(frozen=True)
class Reader:
    """Reads texts and asks them."""

    directory: Path

    def read(self, text: str | bytes, **options: str) -> Firewall:
        content = text.encode() if isinstance(text, str) else text
        return pf.read([Source("pf.conf", content, self.directory)], options)

    def outcome(self, text: str, sentence: str, *conditions: str, **options: str) -> Outcome:
        from rig.sentence import probe

        packet = with_types(probe(sentence))
        return evaluate(self.read(text, **options), replace(packet, conditions=frozenset(conditions)))

    def verdict(self, text: str, sentence: str, *conditions: str, **options: str) -> str:
        """ "accept", "drop", "reject", or "unknown"."""
        return self.outcome(text, sentence, *conditions, **options).verdict or "unknown"

    def problem(self, text: str | bytes, **options: str) -> str:
        """The messages, hints and places of a text that cannot be read."""
        with pytest.raises(ReadError) as refused:
            self.read(text, **options)
        return "\n".join(
            f"{each.span.line if each.span else 0}:{each.span.column if each.span else 0} {each.message} | {each.hint}"
            for each in refused.value.diagnostics
        )

    def warnings(self, text: str, **options: str) -> str:
        return "\n".join(each.message for each in self.read(text, **options).warnings)

    def opaque(self, text: str, **options: str) -> str:
        return "\n".join(each.reason for each in self.read(text, **options).opaque)


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


@pytest.fixture(name="with_types", scope="session")
def _with_types() -> Callable[[Packet], Packet]:
    return with_types


@pytest.fixture(scope="session")
def rulesets() -> ModuleType:
    """Random rulesets of the writers' tests."""
    path = Path(__file__).parents[2] / "dialects" / "structure" / "rulesets.py"
    spec = spec_from_file_location("pf_read_rulesets", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module

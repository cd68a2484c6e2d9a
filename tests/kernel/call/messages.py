"""Messages of a call: octets with slots for the addresses and ports that each call chooses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fwadvisor.model.address import Family

VECTORS = Path(__file__).with_name("vectors")
_SLOT = re.compile(r"<([a-z0-9.]+)>")


@dataclass(frozen=True, slots=True)
class Message:
    """One message of one family: octets, and between them the names of slots."""

    name: str
    family: Family
    parts: tuple[bytes | str, ...]

    def fill(self, values: Mapping[str, str | int]) -> bytes:
        """The octets with addresses (as text) and ports in the slots.

        Raises:
            KeyError: a slot has no value.
        """
        return b"".join(each if isinstance(each, bytes) else self._octets(values[each]) for each in self.parts)

    def _octets(self, value: str | int) -> bytes:
        return value.to_bytes(2) if isinstance(value, int) else ipaddress.ip_address(value).packed

    def read(self, octets: bytes) -> dict[str, str | int]:
        """What stands in the slots of a received message, which a firewall that translates may have rewritten.

        A slot that stands twice has the value of its last place, and of the earlier ones as ``name#1``.

        Raises:
            ValueError: it is another message.
        """
        found: dict[str, str | int] = {}
        at = 0
        for part in self.parts:
            length = len(part) if isinstance(part, bytes) else self._length(part)
            piece = octets[at : at + length]
            if isinstance(part, str):
                if part in found:
                    found[f"{part}#{sum(key.startswith(part) for key in found)}"] = found[part]
                found[part] = int.from_bytes(piece) if part.endswith(".port") else str(ipaddress.ip_address(piece))
            elif piece != part:
                raise ValueError(f"this is no {self.name}: {piece.hex(' ')} at octet {at} instead of {part.hex(' ')}")
            at += length
        if at != len(octets):
            raise ValueError(f"{len(octets) - at} octets follow the {self.name}")
        return found

    def _length(self, slot: str) -> int:
        if slot.endswith(".port"):
            return 2
        return 4 if self.family is Family.IPV4 else 16


@cache
def message(name: str, family: Family) -> Message:
    """A message by the name of its file.

    Raises:
        FileNotFoundError: there is none.
    """
    text = (VECTORS / f"{name}.txt").read_text(encoding="utf-8")
    section = text.split(f"ipv{family.value}:\n", 1)[1].split("\n\n", 1)[0]
    parts: list[bytes | str] = []
    for line in section.splitlines():
        slot = _SLOT.fullmatch(line)
        if slot:
            parts.append(slot.group(1))
        elif parts and isinstance(parts[-1], bytes):
            parts[-1] += bytes.fromhex(line)
        else:
            parts.append(bytes.fromhex(line))
    return Message(name, family, tuple(parts))

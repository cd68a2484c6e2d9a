"""The shape of the data sections ``calls`` and ``call_ends``."""

from __future__ import annotations

from typing import Any

from fwadvisor.decode import Node, Reader, Sequence
from fwadvisor.model.policy import Strategy
from fwadvisor.ports.schema import Required, boolean, keyed, list_of, name, number, record, text, word


def _flows(reader: Reader, node: Node, what: str) -> Any:
    """A flow, or a list of flows of which the first chosen one counts."""
    return (list_of(name) if isinstance(node, Sequence) else name)(reader, node, what)


def _verbatim(reader: Reader, node: Node, what: str) -> Any:
    """A line as a program prints it."""
    return reader.text(node, what)


MESSAGE = record({
    "flow": Required(_flows), "says": Required(text), "means": text, "begins": boolean, "back": boolean,
    "to_group": boolean, "answers": boolean, "by": name, "offset": number(0, 1), "announces": list_of(name),
    "elsewhere": boolean,
    "closes": list_of(name),
})  # fmt: skip
PART = record({"id": Required(name), "title": Required(text), "messages": Required(list_of(MESSAGE))})
FORM = record({
    "id": Required(name), "title": Required(text), "strategies": list_of(word(Strategy)),
    "needs": Required(list_of(name)), "parts": Required(list_of(name)), "always": list_of(name), "note": text,
})  # fmt: skip
CALLS = list_of(record({
    "applications": Required(list_of(name)), "parts": Required(list_of(PART)), "forms": Required(list_of(FORM)),
    "attached": keyed(text), "pending": text,
    "symptoms": list_of(record({"sees": Required(text), "cause": Required(text), "flows": list_of(name)})),
    "watches": list_of(record({
        "run": Required(text), "dialects": Required(list_of(name)), "strategies": list_of(word(Strategy)),
        "healthy": list_of(_verbatim), "means": text,
    })),
    "sources": Required(list_of(text)),
}))  # fmt: skip
CALL_ENDS = list_of(record({"dialects": Required(list_of(name)), "tcp": Required(text), "udp": Required(text)}))

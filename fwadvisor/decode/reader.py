"""Reads fields of known types from nodes, and collects what is wrong instead of stopping at it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from datetime import date

from fwadvisor.decode.nodes import Document, Mapping, Node, Scalar, Sequence
from fwadvisor.diagnostic import Diagnostic, Label, Severity, did_you_mean, error, warning
from fwadvisor.errors import FwadvisorError
from fwadvisor.model.rule import Place

#: More problems than this are counted and not shown.
MOST_SHOWN = 50


def describe(node: Node) -> str:
    """What a node is, for the half sentence "..., but found ...": a list, a mapping, or the text itself."""
    if isinstance(node, Sequence):
        return "a list" if node.children else "an empty list"
    if isinstance(node, Mapping):
        return "a mapping"
    if not node.text:
        return "nothing" if node.plain else "an empty text"
    text = node.text if len(node.text) <= 60 else node.text[:57] + "..."
    return f'"{text}"'


def listing(words: Iterable[str], most: int = 12) -> str:
    """Words as a list for people, the tail counted."""
    words = list(words)
    tail = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + tail


def suggestion(word: str, known: Collection[str], lead: str = "known are") -> str:
    """A did-you-mean, or the known words where nothing is close."""
    return did_you_mean(word, known) or (f"{lead} {listing(known)}" if known else "")


class Reader:
    """Typed reading of one document.

    Every method returns None (or an empty collection) for a wrong node, after adding a diagnostic; so a
    caller goes on to the next field and a user sees all problems at once.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.diagnostics: list[Diagnostic] = list(document.diagnostics)

    # reporting

    def error(self, node: Node, message: str, hint: str = "", *labels: Label) -> None:
        """Add an error at a node."""
        self.diagnostics.append(error(message, self.document.span(node), hint, *labels))

    def warning(self, node: Node, message: str, hint: str = "", *labels: Label) -> None:
        """Add a warning at a node."""
        self.diagnostics.append(warning(message, self.document.span(node), hint, *labels))

    def label(self, node: Node, text: str) -> Label:
        """A second place of a diagnostic."""
        return Label(self.document.span(node), text)

    def place(self, node: Node) -> Place:
        """The place of a node."""
        return self.document.place(node)

    def failed(self) -> bool:
        """Whether there are errors."""
        return any(d.severity is Severity.ERROR for d in self.diagnostics)

    # structure

    def mapping(self, node: Node | None, what: str) -> Mapping | None:
        """The node as a mapping."""
        if isinstance(node, Mapping):
            return node
        if node is not None:
            self.error(node, f"{what} has fields (name: value), but found {describe(node)}")
        return None

    def children(self, node: Node, what: str) -> list[Node]:
        """The elements of a list that is not empty."""
        if not isinstance(node, Sequence):
            self.error(node, f"{what} is a list, but found {describe(node)}", 'begin each element with "- "')
            return []
        if not node.children:
            self.error(node, f"{what} is empty", "leave the field out, or name something")
        return node.children

    def one_or_more(self, node: Node, what: str) -> list[Node]:
        """The elements of a list that is not empty, or the one value that stands for such a list."""
        return self.children(node, what) if isinstance(node, Sequence) else [node]

    def fields(self, node: Node, what: str, known: Collection[str], required: Collection[str] = ()) -> dict[str, Node]:
        """The known fields of a mapping; unknown and missing ones are reported."""
        mapping = self.mapping(node, what)
        found: dict[str, Node] = {}
        if mapping is None:
            return found
        for key, value in mapping.pairs():
            name = key.text
            if name in known:
                found[name] = value
            else:
                self._unknown(key, value, what, known)
        for name in required:
            if name not in found:
                self.error(node, f'{what} needs the field "{name}"')
        return found

    def _unknown(self, key: Scalar, value: Node, what: str, known: Collection[str]) -> None:
        if isinstance(value, Scalar) and value.plain and not value.text and not did_you_mean(key.text, known):
            hint = "inside { } a comma ends a value; put values with commas in quotes"
        else:
            hint = suggestion(key.text, known, "the fields are")
        self.error(key, f'{what} has no field "{key.text}"', hint)

    # values

    def scalar(self, node: Node, what: str) -> Scalar | None:
        """A text with something in it."""
        if isinstance(node, Scalar) and node.text.strip():
            return node
        self.error(node, f"{what} is a text, but found {describe(node)}")
        return None

    def text(self, node: Node, what: str) -> str | None:
        """A text, whatever it looks like: ``NO`` and ``0022`` are themselves."""
        found = self.scalar(node, what)
        return None if found is None else found.text.strip()

    def boolean(self, node: Node, what: str) -> bool | None:
        """``true`` or ``false``, and nothing else."""
        if isinstance(node, Scalar) and node.plain and node.text in ("true", "false"):
            return node.text == "true"
        hint = 'write "true" or "false" without quotes' if isinstance(node, Scalar) else ""
        self.error(node, f"{what} is true or false, but found {describe(node)}", hint)
        return None

    def integer(self, node: Node, what: str, low: int = 0, high: int | None = None) -> int | None:
        """A whole number between two limits."""
        if not isinstance(node, Scalar) or not node.plain or not re.fullmatch(r"-?[0-9]{1,18}", node.text):
            self.error(node, f"{what} is a whole number, but found {describe(node)}")
            return None
        value = int(node.text)
        if str(value) != node.text:
            self.error(node, f"{what} has leading zeros: {node.text}", f"write {value}")
            return None
        if value < low or (high is not None and value > high):
            limits = f"at least {low}" if high is None else f"between {low} and {high}"
            self.error(node, f"{what} is {limits}, but found {value}")
            return None
        return value

    def word(self, node: Node, what: str, known: Collection[str]) -> str | None:
        """One of the known words."""
        found = self.scalar(node, what)
        if found is None:
            return None
        if found.text in known:
            return found.text
        self.error(node, f'{what} cannot be "{found.text}"', suggestion(found.text, known, "it is one of"))
        return None

    def date(self, node: Node, what: str) -> date | None:
        """A day as YYYY-MM-DD."""
        if isinstance(node, Scalar) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", node.text):
            try:
                return date.fromisoformat(node.text)
            except ValueError:
                self.error(node, f"{what}: {node.text} is not a day of the calendar")
                return None
        self.error(node, f"{what} is a day as YYYY-MM-DD, but found {describe(node)}")
        return None


def worst(diagnostics: Iterable[Diagnostic]) -> list[Diagnostic]:
    """The diagnostics without repetition, errors first by count: at most `MOST_SHOWN`, the rest as a number."""
    unique = list(dict.fromkeys(diagnostics))
    if len(unique) <= MOST_SHOWN:
        return unique
    return [*unique[:MOST_SHOWN], error(f"and {len(unique) - MOST_SHOWN} more problems")]


def raise_errors(diagnostics: Iterable[Diagnostic], kind: type[FwadvisorError]) -> None:
    """Raise `kind` with all diagnostics where one of them is an error.

    Raises:
        FwadvisorError: of the given kind.
    """
    diagnostics = list(diagnostics)
    if any(d.severity is Severity.ERROR for d in diagnostics):
        raise kind(worst(diagnostics))

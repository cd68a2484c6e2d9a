"""What an explanation consists of, in no output format."""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A line with a label; long text is wrapped under itself. `style` is a severity word or ""."""

    label: str
    text: str
    style: str = ""
    #: A command to be copied: never wrapped between words of one argument.
    command: bool = False


class Section(NamedTuple):
    """Rows under a heading."""

    heading: str
    rows: tuple[Row, ...]


class Page:
    """One explanation: what it is about, a few marks ("legacy", "risk high"), a lead, and sections."""

    __slots__ = ("lead", "marks", "sections", "subject", "title")

    def __init__(self, subject: str, title: str, marks: tuple[tuple[str, str], ...] = (), lead: str = "") -> None:
        self.subject = subject
        self.title = title
        #: Words shown beside the title, each with the style it is painted in.
        self.marks = marks
        self.lead = lead
        self.sections: list[Section] = []

    def add(self, heading: str, *rows: Row | None) -> None:
        """Add a section of the rows that are there; nothing where none is."""
        present = tuple(row for row in rows if row is not None)
        if present:
            self.sections.append(Section(heading, present))


def row(label: str, text: str, style: str = "") -> Row | None:
    """A row, or None where there is nothing to say."""
    return Row(label, text, style) if text else None

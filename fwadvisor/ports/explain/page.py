"""What an explanation consists of, in no output format."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Row:
    """A line with a label; long text is wrapped under itself. `style` is a severity word or ""."""

    label: str
    text: str
    style: str = ""
    #: A command to be copied: never wrapped between words of one argument.
    command: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Rows under a heading."""

    heading: str
    rows: tuple[Row, ...]


@dataclass(slots=True)
class Page:
    """One explanation: what it is about, a few marks ("legacy", "risk high"), a lead, and sections."""

    subject: str
    title: str
    marks: tuple[tuple[str, str], ...] = ()
    lead: str = ""
    sections: list[Section] = field(default_factory=list)

    def add(self, heading: str, *rows: Row | None) -> None:
        """Add a section of the rows that are there; nothing where none is."""
        present = tuple(row for row in rows if row is not None)
        if present:
            self.sections.append(Section(heading, present))


def row(label: str, text: str, style: str = "") -> Row | None:
    """A row, or None where there is nothing to say."""
    return Row(label, text, style) if text else None

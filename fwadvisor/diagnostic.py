"""Messages for people: place, offending line with a caret, expectation, nearest name."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TextIO


class Severity(StrEnum):
    """How much a diagnostic weighs: an error stops the command, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one line of a file; line and column count from 1, `length` in characters."""

    file: str
    line: int
    column: int = 1
    length: int = 1
    #: The whole offending line, without its line end, or "" where it is not known.
    source: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Label:
    """A second place that takes part, and what it has to do with the first."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One problem."""

    message: str
    severity: Severity = Severity.ERROR
    span: Span | None = None
    #: What would have been right, or what to do.
    hint: str = ""
    labels: tuple[Label, ...] = ()


def error(message: str, span: Span | None = None, hint: str = "", *labels: Label) -> Diagnostic:
    """An error diagnostic."""
    return Diagnostic(message=message, span=span, hint=hint, labels=labels)


def warning(message: str, span: Span | None = None, hint: str = "", *labels: Label) -> Diagnostic:
    """A warning diagnostic."""
    return Diagnostic(message=message, severity=Severity.WARNING, span=span, hint=hint, labels=labels)


def nearest(word: str, known: Iterable[str], most: int = 3) -> tuple[str, ...]:
    """The known names closest to a misspelt one, best first; () where nothing is close."""
    from difflib import get_close_matches

    table = {name.lower(): name for name in known}
    return tuple(table[hit] for hit in get_close_matches(word.lower(), list(table), n=most, cutoff=0.6))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint such as ``did you mean "tcp"?``, or "" where nothing is close."""
    hits = nearest(word, known)
    if not hits:
        return ""
    return "did you mean " + " or ".join(f'"{hit}"' for hit in hits) + "?"


class Color(StrEnum):
    """The user's wish about colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def use_color(stream: TextIO, wish: Color = Color.AUTO) -> bool:
    """The one decision about colour: the user's word, then NO_COLOR (no-color.org), then a terminal."""
    if wish is not Color.AUTO:
        return wish is Color.ALWAYS
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and stream.isatty()


def printable(text: str) -> str:
    """`text` with control and direction-changing characters escaped, so that no input can forge output."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode("ascii") for c in text)


_STYLES = {Severity.ERROR: "31;1", Severity.WARNING: "33;1"}
_WIDEST_SOURCE = 160


def picture(span: Span, note: str = "", paint: str = "") -> list[str]:
    """The source line with its caret; long lines are cut around the caret."""
    if not span.source:
        return [f"   = {note}"] if note else []
    start = span.column - 1
    cut = max(0, start - _WIDEST_SOURCE // 2) if len(span.source) > _WIDEST_SOURCE else 0
    shown = span.source[cut : cut + _WIDEST_SOURCE]
    before = printable(shown[: start - cut]).replace("\t", " ")
    length = max(1, min(span.length, len(shown) - (start - cut)))
    caret = "^" * len(printable(shown[start - cut : start - cut + length]) or "^")
    gutter = f"{span.line:>5} | "
    mark = f"{' ' * len(before)}{caret}"
    if paint:
        mark = f"\x1b[{paint}m{mark}\x1b[0m"
    return [
        gutter + printable(shown).replace("\t", " "),
        f"{' ' * (len(gutter) - 2)}| {mark}{' ' + note if note else ''}",
    ]


def render(diagnostic: Diagnostic, *, color: bool = False) -> str:
    """The diagnostic as text, without a final line feed."""
    paint = _STYLES[diagnostic.severity] if color else ""
    word = diagnostic.severity.value
    head = f"\x1b[{paint}m{word}\x1b[0m" if paint else word
    where = f"{printable(str(diagnostic.span))}: " if diagnostic.span else ""
    lines = [f"{where}{head}: {printable(diagnostic.message)}"]
    if diagnostic.span:
        lines += picture(diagnostic.span, "", paint)
    for label in diagnostic.labels:
        lines.append(f"  {printable(str(label.span))}: {printable(label.text)}")
        lines += picture(label.span, "", "")
    if diagnostic.hint:
        lines.append(f"  hint: {printable(diagnostic.hint)}")
    return "\n".join(lines)


def show(diagnostics: Iterable[Diagnostic], wish: Color = Color.AUTO, stream: TextIO | None = None) -> None:
    """Print diagnostics to standard error (or `stream`)."""
    out = stream or sys.stderr
    color = use_color(out, wish)
    for diagnostic in diagnostics:
        print(render(diagnostic, color=color), file=out)

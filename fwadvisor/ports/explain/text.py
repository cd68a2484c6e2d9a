"""Pages as text for an 80-column terminal; colour only adds, it never carries meaning alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from fwadvisor.diagnostic import printable
from fwadvisor.ports.explain.page import Page, Row, Section

WIDTH = 80
_INDENT = 2
_LABELS = 14
_PAINT = {"critical": "31;1", "high": "31", "medium": "33", "low": "32", "heading": "1", "label": "2", "accept": "32",
          "drop": "31", "reject": "31"}  # fmt: skip


def paint(text: str, style: str, color: bool) -> str:
    """`text` in a style, where colour is wanted and the style has one."""
    code = _PAINT.get(style)
    return f"\x1b[{code}m{text}\x1b[0m" if color and code else text


def fold(text: str, width: int) -> list[str]:
    """`text` in lines of at most `width`, broken at spaces; a longer word is cut, after a slash where it has one."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        while len(word) > width:
            if line:
                lines.append(line)
                line = ""
            cut = word.rfind("/", 1, width) + 1 or width
            lines.append(word[:cut])
            word = word[cut:]
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return [*lines, line] if line or not lines else lines


def fold_command(text: str, width: int) -> list[str]:
    """A command on several lines that can be pasted: after a pipe, else with a backslash before the break."""
    if len(text) <= width:
        return [text]
    lines: list[str] = []
    for stage in text.replace(" | ", " |\n").split("\n"):
        if len(stage) <= width:
            lines.append(stage)
            continue
        pieces = fold(stage, width - 2)
        lines += [piece + (" \\" if index < len(pieces) - 1 else "") for index, piece in enumerate(pieces)]
    return lines


def _label_width(section: Section) -> int:
    widest = max(len(row.label) for row in section.rows)
    return 1 if widest <= 1 else max(_LABELS, min(widest, 26))


def _row(row: Row, width: int, color: bool) -> Iterator[str]:
    label = printable(row.label)
    room = WIDTH - _INDENT - width - 1
    text = printable(row.text)
    lines = fold_command(text, room) if row.command else fold(text, room)
    if len(label) > width:
        yield " " * _INDENT + paint(label, "label", color)
        label = ""
    for index, line in enumerate(lines):
        lead = label if index == 0 else ""
        painted = paint(lead, "label", color) + " " * (width - len(lead))
        yield f"{' ' * _INDENT}{painted} {paint(line, row.style, color)}".rstrip()


def render_page(page: Page, *, color: bool = False) -> list[str]:
    """The page as lines."""
    marks = "  ".join(f"[{text}]" for text, _ in page.marks)
    head = f"{printable(page.subject)}  {printable(page.title)}"
    painted = paint(head, "heading", color)
    shown = "  ".join(paint(f"[{text}]", style, color) for text, style in page.marks)
    if len(head) + 2 + len(marks) <= WIDTH:
        lines = [f"{painted}{' ' * (WIDTH - len(head) - len(marks))}{shown}".rstrip()]
    else:
        lines = [paint(line, "heading", color) for line in fold(head, WIDTH)]
        lines += [f"{' ' * max(0, WIDTH - len(marks))}{shown}"] if marks else []
    lines.append("-" * WIDTH)
    if page.lead:
        lines += fold(printable(page.lead), WIDTH)
    for section in page.sections:
        lines += ["", paint(section.heading, "heading", color)]
        width = _label_width(section)
        for row in section.rows:
            lines += _row(row, width, color)
    return lines


def render_pages(pages: Iterable[Page], *, color: bool = False) -> str:
    """Pages one below the other, with a final line feed."""
    return "\n\n\n".join("\n".join(render_page(page, color=color)) for page in pages) + "\n"

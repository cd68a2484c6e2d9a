"""Pages as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable

from fwadvisor.diagnostic import printable
from fwadvisor.ports.explain.page import Page, Row

_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~&])")


def plain(text: str) -> str:
    """`text` with everything escaped that Markdown would read."""
    return _SPECIAL.sub(r"\\\1", printable(text))


def code(text: str) -> str:
    """`text` as a code span, whatever backticks it holds."""
    text = printable(text)
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}" if longest else f"{fence}{text}{fence}"


def _line(row: Row) -> str:
    text = code(row.text) if row.command else plain(row.text)
    return f"- {text}" if row.label in ("", "-") else f"- **{plain(row.label)}**: {text}"


def render_pages(pages: Iterable[Page]) -> str:
    """Pages as one document."""
    lines: list[str] = []
    for page in pages:
        lines += [f"# {plain(page.subject)}: {plain(page.title)}", ""]
        if page.marks:
            lines += [", ".join(f"*{plain(text)}*" for text, _ in page.marks), ""]
        if page.lead:
            lines += [plain(page.lead), ""]
        for section in page.sections:
            lines += [f"## {plain(section.heading)}", "", *map(_line, section.rows), ""]
    return "\n".join(lines)

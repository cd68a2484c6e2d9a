"""SVG as text: elements whose attributes and contents are escaped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from markupsafe import Markup, escape

from fwadvisor.diagnostic import printable


def shown(text: str) -> Markup:
    """`text` for a page: control and direction-changing characters visible, markup escaped."""
    return escape(printable(text))


def element(name: str, *inside: Markup, **attributes: str | float) -> Markup:
    """One element. Attributes are called as in SVG with ``_`` for ``-``; ``class_`` is ``class``."""
    words = [name]
    for key, value in attributes.items():
        text = f"{value:g}" if isinstance(value, float) else str(value)
        words.append(f'{_attribute(key)}="{shown(text)}"')
    return Markup(f"<{' '.join(words)}>{''.join(inside)}</{name}>")  # noqa: S704 - every part is escaped


def _attribute(key: str) -> str:
    return key if key == "viewBox" else key.rstrip("_").replace("_", "-")


def cut(text: str, most: int) -> str:
    """`text`, or its beginning with an ellipsis where it is longer than `most` characters."""
    text = printable(text)
    return text if len(text) <= most else f"{text[: most - 1].rstrip(' ,(')}…"


@dataclass(slots=True)
class Drawing:
    """A picture with a title and a description, which is drawn from the top."""

    id: str
    width: int
    title: str
    description: str
    height: float = 0
    parts: list[Markup] = field(default_factory=list)

    def add(self, *parts: Markup) -> None:
        """Draw more, on top."""
        self.parts += parts

    def text(self, x: float, y: float, words: str, class_: str = "", anchor: str = "start") -> None:
        """Words at a place; `y` is the line they stand on."""
        self.add(element("text", shown(words), x=x, y=y, text_anchor=anchor, class_=class_))

    def lines(self, x: float, y: float, lines: Iterable[str], class_: str = "", anchor: str = "start") -> None:
        """Lines of words, one below the other."""
        for number, line in enumerate(lines):
            self.text(x, y + 15 * number, line, class_, anchor)

    def drawn(self, class_: str) -> Markup:
        """The whole element; screen readers get its title and description."""
        head = (
            element("title", shown(self.title), id=f"{self.id}-title"),
            element("desc", shown(self.description), id=f"{self.id}-desc"),
        )
        return element(
            "svg",
            *head,
            *self.parts,
            id=self.id,
            class_=class_,
            role="img",
            aria_labelledby=f"{self.id}-title",
            aria_describedby=f"{self.id}-desc",
            viewBox=f"0 0 {self.width} {self.height:g}",
            width=self.width,
            height=self.height,
        )

"""Text of strangers inside Markdown (GitHub's and GitLab's), so that it is shown as it is and does nothing.

No markup, no HTML, no link, no mention, no reference, no command: whatever rule files, profiles and names hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from fwadvisor.diagnostic import printable

#: Characters that begin or end markup in a line, a table or a link; as entities they are only characters.
_MARKUP = re.compile(r"[\\`*_\[\]|~<>&$]|:(?=/)|(?<=mailto):|(?<=xmpp):|(?<=www)\.", re.IGNORECASE)
#: What GitHub and GitLab read in text that is already rendered: mentions, references, symbols.
_READ_LATER = re.compile(r"@|#|(?<=GH)-|:(?=[\w+-]+:)|!(?=\d)|%(?=\w)|~(?=\w)|\$(?=\d)|&(?=\d)", re.IGNORECASE)
_NAMES = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
_ZERO_WIDTH = "\u200b"


def code(text: str) -> str:
    """`text` in a fixed-width face: in a line, a list, a cell of a table, or inside HTML."""
    return f"<code>{_entities(printable(text).replace('@', '@' + _ZERO_WIDTH))}</code>"


def prose(text: str) -> str:
    """`text` as plain words; an invisible space keeps what is read after rendering from being found."""
    return _entities(_READ_LATER.sub(lambda found: found.group() + _ZERO_WIDTH, printable(text)))


def _entities(text: str) -> str:
    return _MARKUP.sub(lambda found: _NAMES.get(found.group()) or f"&#{ord(found.group())};", text)


def fence(lines: Iterable[str], language: str = "") -> str:
    """The lines as they are, in a block that none of them can end."""
    shown = [printable(line) for line in lines]
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    ticks = "`" * max(3, longest + 1)
    return "\n".join([f"{ticks}{language}", *shown, ticks])

"""Text of nftables as tokens with their places, and pieces of it that stand for one rule or one set."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from fwadvisor.diagnostic import Diagnostic, Span, error
from fwadvisor.errors import ReadError

#: Quoted text, colon-separated hexadecimals (IPv6, hardware addresses), IPv4, numbers and times, words, operators.
_TOKEN = re.compile(
    r"""\n
    | "[^"\n]*"
    | [A-Za-z_][\w./-]*(?:\\?\*)?(?![\w:./-])
    | (?:[0-9A-Fa-f]{0,4}:){2,7}(?:\d+\.\d+\.\d+\.\d+|[0-9A-Fa-f]{0,4})(?:/\d+)?(?![\w:])
    | \d+\.\d+\.\d+\.\d+(?:/\d+(?![\d.]))?
    | \d\w*
    | [A-Za-z_][\w./-]*(?:\\?\*)?
    | [@$][A-Za-z_][\w./-]*
    | ==|!=|<=|>=|<<|>>
    | \\\r?\n
    | \#[^\n]*
    | [^\s]
    """,
    re.VERBOSE | re.ASCII,
)
_VARIABLE = re.compile(r"\$[\w./-]+")
#: What is taken apart within a few seconds; a file of the largest size has as many only where it is all marks.
_MOST_TOKENS = 5_000_000
#: A rule with more text than this is quoted from its beginning only.
_MOST_QUOTED = 400


class NotUnderstoodError(Exception):
    """Text that nft may accept and this reader does not know; it becomes opaque."""

    def __init__(self, reason: str, at: int, known: Iterable[str] = ()) -> None:
        super().__init__(reason)
        #: The words that would have been understood.
        self.known = known
        self.reason = reason
        #: Which token of the piece.
        self.at = at


@dataclass(slots=True)
class Text:
    """One file as tokens; the last token is "", which stands for the end.

    Raises:
        ReadError: there are too many.
    """

    name: str
    text: str
    tokens: list[str] = field(default_factory=list)
    #: Where each token begins.
    starts: list[int] = field(default_factory=list)
    #: Where each line begins.
    lines: list[int] = field(default_factory=list)
    #: Where each line came from, if the text was made from something else (JSON).
    places: Sequence[Span] = ()

    def __post_init__(self) -> None:
        kept = list(islice(_TOKEN.finditer(self.text), _MOST_TOKENS + 1))
        if len(kept) > _MOST_TOKENS:
            message = f"the file has more than {_MOST_TOKENS} words, too many for rules"
            raise ReadError(error(message, Span(self.name, 1)))
        if "#" in self.text or "\\" in self.text:
            kept = [each for each in kept if each[0][0] != "#" and each[0] not in ("\\\n", "\\\r\n")]
        self.tokens = [each[0] for each in kept]
        self.starts = [each.start() for each in kept]
        self.tokens += ["\n", ""]
        self.starts += [len(self.text)] * 2
        self.lines = [0, *(each.end() for each in re.finditer("\n", self.text))]

    def place(self, start: int, length: int) -> Span:
        """The stretch of `length` characters at offset `start`."""
        line = bisect_right(self.lines, start) - 1
        if self.places:
            return self.places[min(line, len(self.places) - 1)]
        begin = self.lines[line]
        end = self.lines[line + 1] - 1 if line + 1 < len(self.lines) else len(self.text)
        source = self.text[begin:end].rstrip("\r")
        return Span(self.name, line + 1, start - begin + 1, max(1, min(length, end - start)), source)

    def span(self, at: int) -> Span:
        """The place of a token."""
        return self.place(self.starts[at], max(1, len(self.tokens[at].strip())))

    def piece(self, first: int, last: int) -> Piece:
        """The tokens from `first` up to `last` without line ends."""
        tokens, starts = self.tokens[first:last], self.starts[first:last]
        end = starts[-1] + len(tokens[-1]) if tokens else self.starts[first]
        if "\n" in tokens:
            starts = [start for word, start in zip(tokens, starts, strict=True) if word != "\n"]
            tokens = [word for word in tokens if word != "\n"]
        tokens.append("")
        starts.append(end)
        return Piece(self, tokens, starts)


@dataclass(slots=True)
class Piece:
    """Some tokens, the last of them "", with the places that they came from; variables are replaced already."""

    text: Text
    tokens: list[str]
    starts: list[int]

    def span(self, at: int = 0) -> Span:
        """The place of a token."""
        at = min(at, len(self.tokens) - 1)
        start = self.starts[at]
        written = self.tokens[at] or "x"
        if not self.text.text.startswith(written, start) and (name := _VARIABLE.match(self.text.text, start)):
            written = name[0]
        return self.text.place(start, len(written))

    def whole(self) -> Span:
        """The place from the first token to the last."""
        return self.text.place(self.starts[0], self.starts[-1] - self.starts[0])

    def quote(self) -> str:
        """The text on one line, as it was written; a long one is cut."""
        start, end = self.starts[0], self.starts[-1]
        if end - start > _MOST_QUOTED:
            return f"{' '.join(self.text.text[start : start + _MOST_QUOTED].split())} ..."
        raw = self.text.text[start:end]
        return raw if raw.isprintable() and "  " not in raw else " ".join(raw.split())

    def error(self, message: str, at: int, hint: str = "") -> ReadError:
        """The refusal of a token."""
        return ReadError(self.diagnostic(message, at, hint))

    def diagnostic(self, message: str, at: int, hint: str = "") -> Diagnostic:
        """A problem with a token."""
        return error(message, self.span(at), hint)


def unquoted(word: str) -> str:
    """The text of a string."""
    return word[1:-1] if word[:1] == '"' else word

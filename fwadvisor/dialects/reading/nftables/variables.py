"""Variables of nftables files: replaced by their tokens before anything else is read."""

from __future__ import annotations

from dataclasses import dataclass

from fwadvisor.diagnostic import Span, did_you_mean
from fwadvisor.dialects.reading.nftables.text import Piece

#: No piece grows beyond so many tokens by its variables.
_MOST_TOKENS = 500_000


@dataclass(slots=True)
class Variable:
    """A definition: its tokens, where it stands, and whether anything asked for it so far."""

    name: str
    tokens: tuple[str, ...]
    span: Span
    used: bool = False


class Variables:
    """The definitions that hold in a block, and those around it; `all` are those of every block."""

    def __init__(self, around: Variables | None = None) -> None:
        self._own: dict[str, Variable] = {}
        self._around = around
        self.all: list[Variable] = around.all if around else []

    def _find(self, name: str) -> tuple[str, ...] | None:
        scope: Variables | None = self
        while scope is not None:
            if name in scope._own:
                scope._own[name].used = True
                return scope._own[name].tokens
            scope = scope._around
        return None

    def _names(self) -> set[str]:
        return set(self._own) | (self._around._names() if self._around else set())

    def define(self, name: str, value: Piece, again: bool, span: Span) -> None:
        """``define`` and, with `again`, ``redefine``, which stands at `span`.

        Raises:
            ReadError: it is defined already, or not yet.
        """
        if (name in self._own) is not again:
            message = f'"{name}" is not defined here' if again else f'"{name}" is defined already'
            raise value.error(message, 0, did_you_mean(name, self._own) if again else "change it with redefine")
        tokens = tuple(value.tokens[:-1])
        if again:
            self._own[name].tokens = tokens
            return
        self._own[name] = Variable(name, tokens, span)
        self.all.append(self._own[name])

    def undefine(self, name: str, piece: Piece) -> None:
        """``undefine``.

        Raises:
            ReadError: there is no such variable.
        """
        if name not in self._own:
            raise piece.error(f'"{name}" is not defined here', 0, did_you_mean(name, self._own))
        del self._own[name]

    def replaced(self, piece: Piece) -> Piece:
        """The piece with the tokens of the variables in place of their names.

        Raises:
            ReadError: one is not defined, or the text becomes too long.
        """
        tokens: list[str] = []
        starts: list[int] = []
        for at, (token, start) in enumerate(zip(piece.tokens, piece.starts, strict=True)):
            if token[:1] != "$":
                tokens.append(token)
                starts.append(start)
                continue
            value = self._find(token[1:])
            if value is None:
                names = sorted(f"${name}" for name in self._names())
                raise piece.error(f'"{token}" is not defined', at, did_you_mean(token, names))
            tokens += value
            starts += [start] * len(value)
            if len(tokens) > _MOST_TOKENS:
                raise piece.error(f'with "{token}" the text is longer than {_MOST_TOKENS} words', at)
        return Piece(piece.text, tokens, starts)

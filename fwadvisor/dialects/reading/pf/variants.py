"""Which pf a file is for: told by what only one of them accepts, and never guessed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fwadvisor.diagnostic import Diagnostic, Label, Span, error

#: OpenBSD; FreeBSD 15; FreeBSD 12, whose parser 13 and 14 share for the most part.
OPENBSD, FREEBSD, FREEBSD_12 = "openbsd", "freebsd", "freebsd-12"
ALL = frozenset({OPENBSD, FREEBSD, FREEBSD_12})
#: Sets of variants that accept a construct.
OPENBSD_ONLY = frozenset({OPENBSD})
FREEBSD_ONLY = frozenset({FREEBSD, FREEBSD_12})
FREEBSD_15 = frozenset({FREEBSD})
NEWER = frozenset({OPENBSD, FREEBSD})
OLDER = frozenset({FREEBSD_12})
TITLES = {OPENBSD: "OpenBSD", FREEBSD: "FreeBSD 15", FREEBSD_12: "FreeBSD 12"}


def titles(variants: frozenset[str]) -> str:
    """The variants for people."""
    return " and ".join(TITLES[each] for each in sorted(variants, reverse=True))


@dataclass
class Variants:
    """The variants that accept everything read so far."""

    forced: str = ""
    possible: frozenset[str] = ALL
    #: What ruled variants out: the words, those that stayed possible, and the place.
    told: list[tuple[str, frozenset[str], Span]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.forced:
            self.possible = frozenset({self.forced})

    def only(self, accepting: frozenset[str], what: str, place: Callable[[], Span]) -> Diagnostic | None:
        """Note that only `accepting` accept `what`; the error where none is left."""
        left = self.possible & accepting
        if left == self.possible:
            return None
        span = place()
        if not left:
            if self.forced:
                return error(f"{TITLES[self.forced]} does not accept {what}", span, f"{titles(accepting)} would")
            words, others, other = next(each for each in self.told if not each[1] & accepting or each is self.told[-1])
            label = Label(other, f"only {titles(others)} would accept {words}")
            return error(f"only {titles(accepting)} would accept {what}: no pf loads this file", span, "", label)
        self.possible = left
        self.told.append((what, accepting, span))
        return None

    @property
    def openbsd(self) -> bool:
        """Whether it can only be OpenBSD's."""
        return self.possible == OPENBSD_ONLY

    def certain(self, variants: frozenset[str]) -> bool | None:
        """Whether the file is for one of `variants`; None where nothing tells."""
        if self.possible <= variants:
            return True
        return None if self.possible & variants else False

"""What to convert, how, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass

from fwadvisor.dialects.base import OutputFile
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import Firewall
from fwadvisor.model.rule import Hook, Ruleset, Verdict
from fwadvisor.packets import Budget


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A firewall, and the dialect that it shall be written in."""

    firewall: Firewall
    target: str
    #: Leave out what accepts and cannot be said, widen what closes, and say so.
    allow_approximate: bool = False
    #: Leave out address translation, and say so.
    filters_only: bool = False
    #: What becomes of an IP version of which the firewall does not speak; None: it is left to others where the
    #: target can, else closed.
    rest: Verdict | None = None
    #: Variations of the target's text, such as ("pf-variant", "openbsd").
    options: tuple[tuple[str, str], ...] = ()
    budget: Budget = Budget()  # noqa: RUF009 - frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """The text in the other dialect, and what was shown of it."""

    files: tuple[OutputFile, ...]
    ruleset: Ruleset
    #: Hooks and families that were compared.
    parts: tuple[tuple[Hook, Family], ...]
    #: Rules of the source, and rules of the ruleset that was written.
    rules: tuple[int, int]
    #: Hooks whose rules could not be kept one by one.
    rewritten: tuple[Hook, ...]
    #: Whether less is accepted than before.
    narrowed: bool
    #: What differs by the nature of the target, was left out or is not compared, in sentences.
    notes: tuple[str, ...]

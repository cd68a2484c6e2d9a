"""What the two arguments of a comparison stand for: pairs of firewalls, whatever their words name.

A word is a rule file of any dialect, ``a+b`` (files of one firewall, or several profiles), ``-``, a directory, a
profile (its name, or the path of its YAML file), or ``REV:path`` in the git repository around the current directory.
A file that exists under a word is always meant by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from fwadvisor.diagnostic import Diagnostic, error
from fwadvisor.errors import ReadError
from fwadvisor.model.firewall import Firewall
from fwadvisor.ports.database import Database
from fwadvisor.proof.files import Forced, firewall_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What else a command line says about the words of its arguments."""

    database: Database
    #: What ``--from`` says.
    said: Forced = field(default_factory=Forced)
    #: ``--set``; a setting must be known to the profiles of at least one side.
    settings: Mapping[str, str] = field(default_factory=dict)
    profile_dirs: Sequence[Path] = ()
    today: date | None = None
    allow_approximate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two versions of one firewall, to be reviewed."""

    #: What they are called: "OLD -> NEW", or in directories the files that both have.
    name: str
    old: Firewall
    new: Firewall
    #: How many lines of the text differ.
    lines: int
    #: About the files and the profiles of this pair.
    warnings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Everything that two arguments name."""

    pairs: tuple[Pair, ...]
    #: Files that only one side has, a sentence each: there is nothing to compare them with, which is a difference.
    alone: tuple[str, ...] = ()
    #: About the arguments as a whole.
    warnings: tuple[Diagnostic, ...] = ()


def pairs(old: str, new: str, given: Given) -> Pairs:
    """What `fwadvisor diff OLD NEW` compares; at least one pair, or one sentence in `alone`.

    Raises:
        FwadvisorError: a word names nothing, or what it names cannot be read; all problems of both sides.
    """
    problems: list[Diagnostic] = []
    if not old or not new:
        problems.append(error("a side has no name", hint="an unset shell variable leaves an empty word"))
        raise ReadError(problems)
    before, after = firewall_of(old, given.said), firewall_of(new, given.said)
    found = Pair(name=f"{old} -> {new}", old=before, new=after, lines=0, warnings=(*before.warnings, *after.warnings))
    return Pairs(pairs=(found,))

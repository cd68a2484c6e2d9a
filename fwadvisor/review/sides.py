"""What the two arguments of a comparison stand for: pairs of firewalls, whatever their words name.

A word is a rule file of any dialect, ``a+b`` (files of one firewall, or several profiles), ``-``, a directory, a
profile (its name, or the path of its YAML file), or ``REV:path`` in the git repository around the current directory.
A file that exists under a word is always meant by it.

| one side | the other | what is compared |
|---|---|---|
| rule files | rule files | the two firewalls, whatever their dialects |
| directory | directory | each dialect's files of `generate`, and each other rule file by its name |
| directory | rule files | the directory's files of that dialect, or its only ones |
| profiles | profiles | the policies, with everything that any dialect can say |
| profiles | rule files, directory | each dialect's files, and the policy as that dialect must say it |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import TypeVar

from fwadvisor.diagnostic import Diagnostic, did_you_mean, error
from fwadvisor.dialects.reading import READERS
from fwadvisor.errors import FwadvisorError, ReadError
from fwadvisor.model.firewall import Firewall
from fwadvisor.ports.database import Database
from fwadvisor.proof.files import JOIN, STDIN, Forced
from fwadvisor.review.alike import Texts
from fwadvisor.review.edits import lines_changed
from fwadvisor.review.policies import (
    PolicySide,
    Profiles,
    Settings,
    is_profile,
    load_side,
    profile_files,
    profile_names,
)
from fwadvisor.review.revisions import committed, is_committed
from fwadvisor.review.rule_files import RuleFiles, Version, Word, rule_files

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What else a command line says about the words of its arguments."""

    database: Database
    #: What ``--from`` says.
    said: Forced = field(default_factory=Forced)
    #: ``--set``; a setting must be known to the profiles of at least one side. ``old:NAME`` and ``new:NAME`` bind one
    #: side, which must know them, and go before those of both sides.
    settings: Mapping[str, str] = field(default_factory=dict)
    profile_dirs: Sequence[Path] = ()
    today: date | None = None
    allow_approximate: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two versions of one firewall, to be reviewed."""

    #: What they are called: ``OLD -> NEW``, or in directories the files that both have.
    name: str
    old: Firewall
    new: Firewall
    #: How many lines of the text differ.
    lines: int
    #: What both are written in; None where one is no text of rules.
    texts: Texts | None = None
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
    _check_standard_input(old, new)
    one, other = _all(partial(_named, old, given), partial(_named, new, given))
    _check_said(given.said, (one, other))
    sides: dict[str, RuleFiles | Profiles] = {"old": one, "new": other}
    _check_settings(given.settings, sides)
    if isinstance(one, RuleFiles) and isinstance(other, RuleFiles):
        return _files(one, other)
    policies = {word: side for word, side in sides.items() if isinstance(side, Profiles)}
    loaded = _policies(policies, given)
    _check_same(policies, given)
    warnings = tuple(each for side in loaded for each in side.warnings)
    if isinstance(one, RuleFiles):
        found = [_against(version, loaded[0], one.is_folder, False) for version in one.versions]
        return Pairs(pairs=tuple(found), warnings=(*warnings, *one.warnings))
    if isinstance(other, RuleFiles):
        found = [_against(version, loaded[0], other.is_folder, True) for version in other.versions]
        return Pairs(pairs=tuple(found), warnings=(*warnings, *other.warnings))
    before, after = _all(loaded[0].itself, loaded[1].itself)
    lines = lines_changed(loaded[0].lines, loaded[1].lines)
    return Pairs(pairs=(Pair(name=f"{old} -> {new}", old=before, new=after, lines=lines),), warnings=warnings)


def _all(*jobs: Callable[[], T]) -> list[T]:
    """What the jobs come to.

    Raises:
        FwadvisorError: all problems of all jobs.
    """
    found: list[T] = []
    problems: list[Diagnostic] = []
    for job in jobs:
        try:
            found.append(job())
        except FwadvisorError as refusal:
            problems += (each for each in refusal.diagnostics if each not in problems)
    if problems:
        raise FwadvisorError(problems)
    return found


def _named(argument: str, given: Given) -> RuleFiles | Profiles:
    words = _words(argument)
    forced = given.said.named or {}
    profiles = [word for word in words if str(word) not in forced and is_profile(word, given.profile_dirs)]
    if len(profiles) == len(words):
        return Profiles(argument, tuple(words))
    if profiles:
        message = f"{argument} joins profiles with rule files: {profiles[0]} is a profile"
        raise ReadError(error(message, hint="compare them, do not join them"))
    for word in words:
        if isinstance(word, str) and word != STDIN and "/" not in word and not Path(word).exists():
            hint = did_you_mean(word, profile_names(given.profile_dirs))
            raise ReadError(error(f'there is no file and no profile "{word}"', hint=hint))
    return rule_files(argument, words, given.said)


def _words(argument: str) -> list[Word]:
    """The words of an argument, looked up in the repository where they name a version.

    Raises:
        ReadError: one is empty, or its revision has no such file.
    """
    if not argument:
        raise ReadError(error("a side has no name", hint="an unset shell variable leaves an empty word"))
    if argument == STDIN or Path(argument).exists():
        return [argument]
    words = argument.split(JOIN)
    if len(words) == 1 or not all(words):
        return [committed(argument) if is_committed(argument) else argument]
    return [committed(word) if is_committed(word) else word for word in words]


def _check_standard_input(old: str, new: str) -> None:
    if [*old.split(JOIN), *new.split(JOIN)].count(STDIN) > 1:
        raise FwadvisorError(error("standard input is named twice, and can be read once"))


def _check_said(said: Forced, sides: Iterable[RuleFiles | Profiles]) -> None:
    """That every file which ``--from`` names is there.

    Raises:
        FwadvisorError: it is not.
    """
    versions = [version for side in sides if isinstance(side, RuleFiles) for version in side.versions]
    names = [file.source.name for version in versions for file in version.files]
    for name in said.named or ():
        if name not in names:
            hint = did_you_mean(name, names) or f"the files are {', '.join(names)}"
            raise FwadvisorError(error(f"--from names {name}, which is none of the files", hint=hint))


def _check_settings(settings: Mapping[str, str], sides: Mapping[str, RuleFiles | Profiles]) -> None:
    """That there is a profile for every setting.

    Raises:
        FwadvisorError: there is none on the side, or the sides, that it is for.
    """
    problems = []
    for name, value in settings.items():
        word = _side(name)
        asked = [sides[word]] if word else list(sides.values())
        if not any(isinstance(each, Profiles) for each in asked):
            which = f"{asked[0].argument} is no profile" if word else "neither side is a profile"
            hint = "settings are values of the parameters of profiles; rule files have none"
            problems.append(error(f"--set {name}={value} is for nothing: {which}", hint=hint))
    if problems:
        raise FwadvisorError(problems)


def _check_same(sides: Mapping[str, Profiles], given: Given) -> None:
    """That two policies are not one and the same: who asks what a setting changes must say for which side it is.

    Raises:
        FwadvisorError: they are.
    """
    settings = [_settings_of(word, given.settings) for word in sides]
    files = [profile_files(side, given.profile_dirs) for side in sides.values()]
    if len(sides) > 1 and settings[0] == settings[1] and files[0] == files[1]:
        name = next((name for name in given.settings if not _side(name)), "NAME")
        hint = f"--set new:{name}=VALUE is for the new side alone, --set old:{name}=VALUE for the old one"
        raise FwadvisorError(error("both sides are the same profiles with the same settings", hint=hint))


def _side(name: str) -> str:
    """The side that a setting is for; "" for both."""
    word, colon, _ = name.partition(":")
    return word if colon and word in ("old", "new") else ""


def _settings_of(side: str, settings: Mapping[str, str]) -> dict[str, str]:
    """The settings of one side: those of both, then its own."""
    own = {name.partition(":")[2]: value for name, value in settings.items() if _side(name) == side}
    return {name: value for name, value in settings.items() if not _side(name)} | own


def _policies(sides: Mapping[str, Profiles], given: Given) -> list[PolicySide]:
    """The policies of the sides.

    Raises:
        FwadvisorError: a profile is wrong, or a setting is known to no side, or not to the one that it is for.
    """
    loaded = _all(*(partial(load_side, profiles, _settings(side, given)) for side, profiles in sides.items()))
    unknown = {
        name: problem
        for side, policy in zip(sides, loaded, strict=True)
        for name, problem in policy.unused.items()
        if f"{side}:{name}" in given.settings or all(name in each.unused for each in loaded)
    }
    if unknown:
        raise FwadvisorError(unknown.values())
    return loaded


def _settings(side: str, given: Given) -> Settings:
    return Settings(
        database=given.database,
        values=_settings_of(side, given.settings),
        profile_dirs=given.profile_dirs,
        today=given.today,
        allow_approximate=given.allow_approximate,
    )


def _against(version: Version, policy: PolicySide, in_folder: bool, is_new: bool) -> Pair:
    """Rule files and the policy as their dialect must say it."""
    firewall = version.read()
    wanted = policy.like(firewall)
    old, new = (wanted, firewall) if is_new else (firewall, wanted)
    name = version.key if in_folder else f"{old.name} -> {new.name}"
    lines = lines_changed(version.lines(), policy.lines)
    return Pair(name=name, old=old, new=new, lines=lines, warnings=firewall.warnings)


def _files(one: RuleFiles, other: RuleFiles) -> Pairs:
    warnings = (*one.warnings, *other.warnings)
    if one.is_folder is not other.is_folder:
        one, other = (
            _chosen(one, other.versions[0]) if one.is_folder else one,
            _chosen(other, one.versions[0]) if other.is_folder else other,
        )
    if len(one.versions) == len(other.versions) == 1:
        # Whatever they are called and written in, nothing else can be meant.
        names = (one.argument, other.argument)
        found = [_pair(" -> ".join(names), one.versions[0], other.versions[0])]
        return Pairs(pairs=tuple(found), warnings=warnings)
    before, after = ({version.key: version for version in side.versions} for side in (one, other))
    jobs = [partial(_pair, _called(before[key], after[key]), before[key], after[key]) for key in before if key in after]
    alone = [
        f"{version.name}: {missing.argument} has nothing to compare it with"
        for side, there, missing in ((before, after, other), (after, before, one))
        for key, version in side.items()
        if key not in there
    ]
    return Pairs(pairs=tuple(_all(*jobs)), alone=tuple(alone), warnings=warnings)


def _called(old: Version, new: Version) -> str:
    """The names of the files where both are called alike, else both names."""
    names = [[file.source.name.rpartition("/")[2].rpartition(":")[2] for file in each.files] for each in (old, new)]
    if old.key == new.key and len(old.files) == 1 and old.key not in READERS:
        return old.key
    return f" {JOIN} ".join(names[0]) if names[0] == names[1] else f"{old.name} -> {new.name}"


def _chosen(folder: RuleFiles, other: Version) -> RuleFiles:
    """The version of a folder that can be meant beside a rule file.

    Raises:
        ReadError: there are several.
    """
    dialect = other.dialect.partition(":")[0]
    same = [version for version in folder.versions if version.dialect.partition(":")[0] == dialect]
    found = same if len(same) == 1 else list(folder.versions)
    if len(found) > 1:
        names = ", ".join(version.name for version in found)
        raise ReadError(error(f"{folder.argument} holds several firewalls: {names}", hint="name the files of one"))
    return RuleFiles(folder.argument, tuple(found))


def _pair(name: str, old: Version, new: Version) -> Pair:
    before, after = _all(old.read, new.read)
    return Pair(
        name=name,
        old=before,
        new=after,
        lines=lines_changed(old.lines(), new.lines()),
        texts=(old.text(), new.text()),
        warnings=tuple(dict.fromkeys((*before.warnings, *after.warnings))),
    )

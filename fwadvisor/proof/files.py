"""Rule files as people name them on the command line, read into firewalls."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fwadvisor.diagnostic import Diagnostic, did_you_mean, error
from fwadvisor.dialects import DIALECTS, dialect
from fwadvisor.dialects.reading import read_firewall, recognize
from fwadvisor.dialects.reading.source import MOST_BYTES, Source, load_source
from fwadvisor.errors import FwadvisorError, ReadError
from fwadvisor.model.firewall import Firewall

#: Joins files that are one firewall: ``iptables.v4+iptables.v6``.
JOIN = "+"
STDIN = "-"


@dataclass(frozen=True, slots=True)
class Forced:
    """What ``--from`` says: a dialect for every file, or for some by name."""

    every: str = ""
    named: Mapping[str, str] | None = None

    def of(self, name: str) -> str:
        """The dialect that was said for a file, or ""."""
        return (self.named or {}).get(name, self.every)


def forced(options: Iterable[str]) -> Forced:
    """``--from DIALECT`` and ``--from FILE=DIALECT`` options.

    Raises:
        FwadvisorError: two options say different dialects of the same files.
    """
    every = ""
    named: dict[str, str] = {}
    for option in options:
        name, equals, said = option.rpartition("=")
        if not said or (equals and not name):
            raise FwadvisorError(error(f'--from takes DIALECT or FILE=DIALECT, not "{option}"'))
        if equals:
            if named.setdefault(name, said) != said:
                raise FwadvisorError(error(f"--from says two dialects of {name}: {named[name]} and {said}"))
        elif every and every != option:
            raise FwadvisorError(error(f"--from says {every} and {option} of every file", hint="--from FILE=DIALECT"))
        else:
            every = option
    return Forced(every, named)


def check_named(said: Forced, arguments: Iterable[str]) -> None:
    """That every file which ``--from`` names is one of the arguments, and standard input is named once.

    Raises:
        FwadvisorError: it is not.
    """
    names = [name for argument in arguments for name in paths_of(argument)]
    for name in said.named or ():
        if name not in names:
            hint = did_you_mean(name, names) or f"the files are {', '.join(names)}"
            raise FwadvisorError(error(f"--from names {name}, which is none of the files", hint=hint))
    if names.count(STDIN) > 1:
        raise FwadvisorError(error("standard input is named twice, and can be read once"))


def firewall_of(argument: str, said: Forced) -> Firewall:
    """The firewall that one argument names: a file, files joined with ``+``, a directory, or ``-``.

    Raises:
        FwadvisorError: a file cannot be read, or files that are joined are of several dialects.
    """
    groups = grouped(paths_of(argument), said)
    if len(groups) > 1:
        raise ReadError(
            error(
                f"{argument} holds rules of several dialects: {', '.join(groups)}",
                hint="name the files of one of them",
            )
        )
    ((name, sources),) = groups.items()
    return _named(read_firewall(sources, name), argument)


def firewalls_of(arguments: Sequence[str], said: Forced) -> list[Firewall]:
    """The firewalls that files make, those of one dialect together, in order of appearance.

    Raises:
        FwadvisorError: a file cannot be read; all problems of all files.
    """
    groups = grouped([name for argument in arguments for name in paths_of(argument)], said)
    found: list[Firewall] = []
    problems: list[Diagnostic] = []
    for name, sources in groups.items():
        try:
            found.append(_named(read_firewall(sources, name), f" {JOIN} ".join(each.name for each in sources)))
        except FwadvisorError as refusal:
            problems += refusal.diagnostics
    if problems:
        raise ReadError(problems)
    return found


def grouped(names: Sequence[str], said: Forced) -> dict[str, list[Source]]:
    """The sources by dialect (with its variant where one was said).

    Raises:
        FwadvisorError: a file cannot be read or is recognized as no dialect.
    """
    groups: dict[str, list[Source]] = {}
    problems: list[Diagnostic] = []
    for name in names:
        try:
            source = source_of(name)
            groups.setdefault(said.of(name) or recognize(source), []).append(source)
        except FwadvisorError as refusal:
            problems += refusal.diagnostics
    if problems:
        raise ReadError(problems)
    return groups


def source_of(name: str) -> Source:
    """The bytes of one file, or of standard input.

    Raises:
        ReadError: it cannot be read, or is too large.
    """
    if name != STDIN:
        return load_source(Path(name), name)
    content = sys.stdin.buffer.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ReadError(error(f"standard input is larger than {MOST_BYTES // 2**20} MiB, too large for a rule file"))
    return Source(STDIN, content)


def paths_of(argument: str) -> list[str]:
    """The files that an argument names; of a directory, those that `generate` writes."""
    if not argument:
        raise ReadError(error("a file has no name", hint="an unset shell variable leaves an empty word"))
    if argument != STDIN and Path(argument).is_dir():
        names = [name for each in DIALECTS for name in dialect(each).file_names]
        found = [str(Path(argument) / name) for name in names if (Path(argument) / name).is_file()]
        if not found:
            raise ReadError(error(f"{argument} holds none of the rule files {', '.join(names)}"))
        return found
    if Path(argument).exists():
        return [argument]
    return argument.split(JOIN) if all(argument.split(JOIN)) else [argument]


def _named(firewall: Firewall, name: str) -> Firewall:
    from dataclasses import replace

    return replace(firewall, name=name)

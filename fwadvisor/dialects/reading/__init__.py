"""Rule files of every dialect, read into a `Firewall`.

To add a reader: a package here with `recognize` and `read` as in `Reader`, and its row in `READERS`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Protocol, cast

from fwadvisor.diagnostic import Span, did_you_mean, error
from fwadvisor.dialects.reading.source import Source
from fwadvisor.errors import ReadError, UnknownNameError
from fwadvisor.model.firewall import Firewall

#: Dialect -> the package that reads it.
READERS = {
    "iptables": "fwadvisor.dialects.reading.iptables",
    "nftables": "fwadvisor.dialects.reading.nftables",
    "windows": "fwadvisor.dialects.reading.windows",
    "pf": "fwadvisor.dialects.reading.pf",
}
#: A source that no reader is surer of than this is not guessed.
_LEAST_SURE = 20
#: The beginning of a source that tells what it is.
_LOOKED_AT = 1 << 16
#: A line that nftables and pf have in common.
_INCLUDE = re.compile(rb"include[ \t]+\"([^\"\n]+)\"[ \t]*;?(?:[ \t]*#.*)?")


class Reader(Protocol):
    """What a package of `READERS` offers."""

    def recognize(self, source: Source) -> int:
        """How sure it is that the source is of this dialect: 0 not at all, 100 certain. Never raises, and fast."""

    def read(self, sources: Sequence[Source], options: Mapping[str, str]) -> Firewall:
        """What the files say together; what is only not understood becomes opaque.

        Raises:
            ReadError: the files cannot be read.
        """


def reader(dialect: str) -> Reader:
    """The reader of a dialect.

    Raises:
        KeyError: there is none.
    """
    return cast("Reader", import_module(READERS[dialect]))


def recognize(source: Source) -> str:
    """The dialect that a source is written in.

    Raises:
        ReadError: it looks like none, or like two.
    """
    if _only_includes(source.content):
        return _of_includes(source)
    sure = sorted(((reader(name).recognize(source), name) for name in READERS), reverse=True)
    if sure[0][0] < _LEAST_SURE or sure[0][0] == sure[1][0]:
        raise ReadError(
            error(
                f"{source.name} is recognized as no dialect",
                Span(source.name, 1),
                f"say which it is with --from: {', '.join(READERS)}",
            )
        )
    return sure[0][1]


def _only_includes(content: bytes) -> bool:
    """Whether a source says nothing but which other files are read; a first line ``#!`` says more."""
    if content.startswith(b"#!") or b"include" not in content[:_LOOKED_AT]:
        return False
    lines = (line.strip() for line in content[:_LOOKED_AT].splitlines())
    said = [line for line in lines if line and not line.startswith(b"#")]
    return bool(said) and all(_INCLUDE.fullmatch(line) for line in said)


def _of_includes(source: Source) -> str:
    """The dialect of the first file that a source includes, where nothing else tells nftables from pf.

    Raises:
        ReadError: nothing tells it.
    """
    for line in source.content[:_LOOKED_AT].splitlines():
        found = _INCLUDE.fullmatch(line.strip())
        name = found[1].decode("utf-8", "replace") if found else ""
        if name.endswith((".nft", ".nftables")) or any(mark in name for mark in "*?["):
            return "nftables"  # pf knows no patterns.
        if name:
            try:
                return recognize(replace(source.beside(name, Span(source.name, 1)), directory=None))
            except ReadError:
                continue
    raise ReadError(
        error(
            f"{source.name} only names other files, as nftables and pf both can",
            Span(source.name, 1),
            "say which it is with --from: nftables, pf",
        )
    )


def read_firewall(sources: Sequence[Source], dialect: str = "") -> Firewall:
    """What rule files say together, all of one dialect; `dialect` such as ``pf:openbsd`` forces it.

    Raises:
        ReadError: they cannot be read, or are of several dialects.
        UnknownNameError: there is no such dialect.
    """
    name, _, variant = dialect.partition(":")
    if name and name not in READERS:
        raise UnknownNameError(
            error(
                f'no dialect is called "{name}"',
                hint=did_you_mean(name, READERS) or f"the dialects are {', '.join(READERS)}",
            )
        )
    if not name:
        found = {source.name: recognize(source) for source in sources}
        if len(set(found.values())) > 1:
            each = "; ".join(f"{file}: {of}" for file, of in found.items())
            raise ReadError(error(f"the files are of several dialects ({each})", hint="compare them, do not join them"))
        (name,) = set(found.values())
    return reader(name).read(sources, {"variant": variant} if variant else {})

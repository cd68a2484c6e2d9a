"""Three shipped policies in every dialect, as text that can be edited and read again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random

from fwadvisor.dialects.reading import read_firewall
from fwadvisor.dialects.reading.source import Source
from fwadvisor.model.firewall import Firewall

CASES = Path(__file__).parents[2] / "cases"
#: A web server with its administrators, a video endpoint without NetMeeting, and a router of four networks.
POLICIES = ("web-machine", "main-job", "home-gateway")
FILES = {
    "nftables": ("nftables.nft",),
    "iptables": ("iptables.v4", "iptables.v6"),
    "pf": ("pf.conf",),
    "windows": ("windows.ps1",),
}
#: What people read and no firewall does; it is out of reach for edits of what rules say.
_WORDS = re.compile(
    r'(?:-m comment --)?comment "[^"]*"|label "[^"]*"|(?:Display)?Name = \'[^\']*\'|Description = \'[^\']*\''
)
_NFT_CHAIN = re.compile(r"^\tchain (\S+) \{$")
_NOT_NFT_RULES = ("type ", "flags ", "elements ", "l3proto ")
_FIRST_CHAIN = {"windows": "Inbound"}


def masked(line: str) -> tuple[str, list[str]]:
    """The line with its words for people replaced by marks, and the words."""
    words: list[str] = []

    def take(found: re.Match[str]) -> str:
        words.append(found.group())
        return f"\0{len(words) - 1}\0"

    return _WORDS.sub(take, line), words


def unmasked(line: str, words: list[str]) -> str:
    """The line with its words back."""
    return re.sub(r"\0(\d+)\0", lambda mark: words[int(mark.group(1))], line)


@dataclass(frozen=True, slots=True)
class Rule:
    """A line that states a rule."""

    file: str
    #: Index of the line.
    at: int
    chain: str
    text: str


@dataclass(frozen=True, slots=True)
class Sample:
    """The rule files of a policy in one dialect."""

    policy: str
    dialect: str
    texts: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def lines(self) -> dict[str, tuple[str, ...]]:
        """The lines of each file."""
        return dict(self.texts)

    def read(self) -> Firewall:
        """The firewall that the files are.

        Raises:
            ReadError: an edit made something that no firewall would load.
        """
        sources = [Source(name, ("\n".join(lines) + "\n").encode()) for name, lines in self.texts]
        return read_firewall(sources, self.dialect)

    def having(self, file: str, lines: list[str]) -> Sample:
        """The sample with other lines in one file."""
        return replace(self, texts=tuple((name, tuple(lines) if name == file else old) for name, old in self.texts))

    def put(self, file: str, first: int, last: int, lines: list[str]) -> Sample:
        """The sample with the lines from `first` to before `last` replaced."""
        old = self.lines[file]
        return self.having(file, [*old[:first], *lines, *old[last:]])

    def rules(self) -> list[Rule]:
        """Every rule, in order."""
        return list(self._rules())

    def _rules(self) -> Iterator[Rule]:
        for file, lines in self.texts:
            chain = ""
            for at, line in enumerate(lines):
                if self.dialect == "nftables":
                    if found := _NFT_CHAIN.match(line):
                        chain = found.group(1)
                    elif line.startswith("\t}"):
                        chain = ""
                    elif chain and line.startswith("\t\t") and not line.strip().startswith(_NOT_NFT_RULES):
                        yield Rule(file, at, chain, line)
                elif self.dialect == "iptables" and line.startswith("-A FWA"):
                    yield Rule(file, at, line.split()[1], line)
                elif self.dialect == "pf" and line.startswith(("pass ", "block ")):
                    yield Rule(file, at, "out" if re.match(r"(pass|block \w+) out", line) else "in", line)
                elif self.dialect == "windows" and line.startswith("    @{ Name"):
                    yield Rule(file, at, "Outbound" if "'Outbound'" in line else "Inbound", line)

    def chains(self) -> dict[tuple[str, str], list[Rule]]:
        """The rules of each chain of each file."""
        found: dict[tuple[str, str], list[Rule]] = {}
        for rule in self.rules():
            found.setdefault((rule.file, rule.chain), []).append(rule)
        return found

    def changed(self, dice: Random, change: Callable[[str], list[list[str]]]) -> Sample | None:
        """One rule replaced by one of the lists of lines that `change` makes of it; None where it makes none."""
        return self.edited_lines(dice, [(each.file, each.at) for each in self.rules()], change)

    def anywhere(self, dice: Random, change: Callable[[str], list[list[str]]]) -> Sample | None:
        """The same with any line that is no remark."""
        places = [
            (file, at) for file, lines in self.texts for at, line in enumerate(lines) if line and line[0] not in "#"
        ]
        return self.edited_lines(dice, places, change)

    def edited_lines(
        self, dice: Random, places: list[tuple[str, int]], change: Callable[[str], list[list[str]]]
    ) -> Sample | None:
        """One of the lines at `places` replaced."""
        found = []
        for file, at in places:
            line, words = masked(self.lines[file][at])
            choices = [made for made in change(line) if made != [line]]
            if choices:
                made = [unmasked(each, words) for each in dice.choice(choices)]
                found.append((file, at, made))
        if not found:
            return None
        file, at, made = dice.choice(found)
        return self.put(file, at, at + 1, made)


@cache
def sample(policy: str, dialect: str) -> Sample | None:
    """The files of a policy in a dialect, None where the dialect cannot say it."""
    folder = CASES / policy / "expected"
    paths = [folder / name for name in FILES[dialect]]
    if not all(path.exists() for path in paths):
        return None
    return Sample(
        policy, dialect, tuple((path.name, tuple(path.read_text(encoding="utf-8").splitlines())) for path in paths)
    )


def samples() -> list[Sample]:
    """All of them."""
    found = (sample(policy, dialect) for policy in POLICIES for dialect in FILES)
    return [each for each in found if each is not None]

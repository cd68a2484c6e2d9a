"""Rules one to one: where lines decide by first match and every test can be said, they are the new rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fwadvisor.convert.lines import Line, Lines
from fwadvisor.convert.matching import Matched, matches_of
from fwadvisor.model.address import Family
from fwadvisor.model.firewall import FirewallRule
from fwadvisor.model.rule import Hook, Log, Match, Origin, OriginKind, Place, Rule, Verdict

#: How our own comments and labels end and begin: the place in a profile, and the number in the chain.
_PLACED = re.compile(r"(?P<text>.+) \((?P<profile>[A-Za-z0-9_.@-]+):(?P<line>[1-9][0-9]{0,6})\)")
_NUMBERED = re.compile(r"(?:in|out|fwd) [0-9]{4} ")
#: How our own descriptions on Windows follow the name: the place in a profile, then the reason.
_DESCRIBED = re.compile(
    r"(?P<text>.+): (?:baseline|(?P<profile>[A-Za-z0-9_.@-]+):(?P<line>[1-9][0-9]{0,6}))"
    r"(?:; (?!less rule )(?P<reason>[^;]+))?(?:; less rule [0-9 a-z]+)?"
)
#: Signs of rule texts, and words for them.
_SIGNS = tuple(
    (re.compile(sign), word)
    for sign, word in (
        (r"!=|!", " not "), (r"(?<=\s)>=(?=\s|\d)", "at least "), (r"(?<=\s)<=(?=\s|\d)", "at most "),
        (r"(?<=\s)>(?=\s|\d)", "above "), (r"(?<=\s)<(?=\s|\d)", "below "), (r"><", " between "),
        (r"<>", " outside "), (r"<([^<>\s]+)>", r"\1"), (r"\{", "("), (r"\}", ")"), (r"\(\s+", "("),
        (r"\s+\)", ")"), (r"[\"'`]", ""), (r"&", " and "), (r"\|", " or "), (r";", ","),
    )
)  # fmt: skip
#: What a rule without a comment is called, at most.
_TEXT = 100


@dataclass(frozen=True, slots=True)
class Made:
    """A new rule of one family, and the one that it comes from."""

    match: Match
    verdict: Verdict
    rule: FirewallRule | None
    log: Log | None = None
    #: The rule whose comment says why, where that is another one.
    why: FirewallRule | None = None

    def as_rule(self, match: Match | None = None) -> Rule:
        """The rule as it is written."""
        return Rule(match or self.match, self.verdict, origin_of(self.why or self.rule), self.log)


def origin_of(rule: FirewallRule | None) -> Origin:
    """Why a new rule exists: the comment of the old one, or its text, with its place.

    Comments of ours keep the place that they name, so that what is converted there and back says the same.
    """
    if rule is None:
        return Origin(kind=OriginKind.DEFAULT, text="everything else")
    numbered = _NUMBERED.match(rule.comment.strip())
    text = rule.comment.strip()[numbered.end() if numbered else 0 :]
    found = _PLACED.fullmatch(text) or (_DESCRIBED.fullmatch(text) if numbered else None)
    file, line, reason = rule.span.file, rule.span.line, ""
    profile = file.rpartition("/")[2]
    if found:
        said = found.groupdict("")
        text, reason = said["text"], said.get("reason", "")
        if said["profile"]:
            profile, line = said["profile"], int(said["line"])
        elif "reason" in said:
            return Origin(kind=OriginKind.BASELINE, text=text)
    called = _spelled(rule.text)
    shown = text or (called if len(called) <= _TEXT else f"{called[: _TEXT - 3]}...")
    return Origin(kind=OriginKind.NEED, text=shown, profile=profile, place=Place(file, line), reason=reason)


def _spelled(text: str) -> str:
    """A rule's text without signs that comments cannot keep: what says "not" must still say so."""
    for sign, word in _SIGNS:
        text = sign.sub(word, text)
    return " ".join(text.split())


def straight(lines: Lines, family: Family, hook: Hook) -> list[Made] | None:
    """The lines as rules of one family; None where that would not decide alike, or not all can be said."""
    if not lines.exact:
        return None
    found: list[Made] = []
    for line in lines.lines:
        for matched in matches_of(line.tests, family, hook):
            if matched.unsaid:
                return None
            found.append(_made(line, matched))
    return found


def narrower(lines: Lines, family: Family, hook: Hook) -> Iterator[tuple[Made | None, Line, Matched]]:
    """The lines as rules that accept less where they cannot be said; None for one that is left out."""
    for line in lines.lines:
        for matched in matches_of(line.tests, family, hook):
            left_out = matched.unsaid and line.verdict is Verdict.ACCEPT
            yield None if left_out else _made(line, matched), line, matched


def _made(line: Line, matched: Matched) -> Made:
    return Made(matched.match, line.verdict, line.rule, line.log, line.why)

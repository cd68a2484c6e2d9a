"""Whether parts that nobody understands, and that stand in both versions, mean the same in both.

A rule that is not understood can depend on other lines: on what a set or a table holds, on a variable of a script, on
rules that write marks. Nobody can follow that, so the text is asked. Every line that only one version has must be

- blank, a comment, the head or the end of a chain of rules, or
- nothing but a rule (then it is an edited rule, or it does the same as before), which sets nothing that another line
  could ask for in a way that is not computed.

Then all definitions are the same lines in both versions, and so is what opaque parts make of them. What is kept
elsewhere (sets without contents, anchors, queues) is the same as long as nobody changes it there.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace

from fwadvisor.diagnostic import Span
from fwadvisor.model.firewall import ConditionTest, Firewall, FirewallRule, Opaque, Unknown
from fwadvisor.packets.overlap_axes import flat
from fwadvisor.packets.overlap_edits import aligned
from fwadvisor.review.conditions import conditions_of, understood
from fwadvisor.review.edits import Edited
from fwadvisor.review.naming import Renamed
from fwadvisor.review.pieces_opaque import is_opaque

_COMMENT = re.compile(r"#|::|;|rem\b", re.IGNORECASE)
#: A line that goes on in the next one.
_GOES_ON = ("\\", "`", "^")
#: Heads and ends of chains; what becomes of their rules and defaults is compared.
_CHAIN = re.compile(r":\S+ (?:-|[A-Z]+)(?: \[\d+:\d+\])?|-N \S+|-P \S+ \S+|chain [\w.-]+ \{|\}")
#: Rules with these words may set what others ask for.
_SETS = re.compile(r"mark|ttl|\bhl\b|hoplimit|--set-|(?<!-m )(?<![-\w])set\b|no state", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Text:
    """The lines of the files of one version, with their places."""

    places: tuple[tuple[str, int], ...]
    lines: tuple[str, ...]
    #: Where files lie that the text names; None where it names none. Versions with one such place have the same ones.
    beside: Hashable = None

    @classmethod
    def of(cls, files: Sequence[tuple[str, str]], beside: Hashable = None) -> Text:
        """The text of files, given by name."""
        found = [((name, n), line.rstrip()) for name, text in files for n, line in enumerate(text.splitlines(), 1)]
        return cls(tuple(place for place, _ in found), tuple(line for _, line in found), beside)


#: What both versions are written in.
Texts = tuple[Text, Text]


@dataclass(frozen=True, slots=True)
class Alike:
    """What is the same in both versions although nobody understands it."""

    #: Whether opaque rules that are the same in both versions surely mean the same.
    rules: bool
    #: The opaque parts that both have, with their places in the old and in the new version.
    parts: tuple[tuple[Opaque, ...], tuple[Opaque, ...]] = ((), ())


def alike(edited: Edited, texts: Texts | None) -> Alike:
    """What the versions share; without texts, or between dialects, nothing is known to be shared."""
    old, new = edited.firewalls
    if not old.opaque and not new.opaque and not any(is_opaque(rule) for each in (old, new) for rule in each.rules()):
        return Alike(True)
    if texts is None or old.dialect != new.dialect or texts[0].beside != texts[1].beside:
        return Alike(False)
    pairs = aligned(texts[0].lines, texts[1].lines)
    changed = [sorted(set(range(len(text.lines))) - {pair[side] for pair in pairs}) for side, text in enumerate(texts)]
    if not all(_explained(edited, side, texts[side], numbers) for side, numbers in enumerate(changed)):
        return Alike(False)
    before, after = (
        tuple(each for each in dict.fromkeys(side.opaque) if _place(each.span) not in {text.places[n] for n in numbers})
        for side, text, numbers in zip((old, new), texts, changed, strict=True)
    )
    return Alike(True, (before, after))


def _place(span: Span) -> tuple[str, int]:
    return span.file, span.line


def _explained(edited: Edited, side: int, text: Text, changed: Sequence[int]) -> bool:
    """Whether lines that only one version has say nothing but what its rules say."""
    rules: dict[tuple[str, int], list[FirewallRule]] = defaultdict(list)
    for rule in edited.firewalls[side].rules() if changed else ():
        rules[_place(rule.span)].append(rule)
    opaque = _unedited(edited, side) if changed else frozenset()
    return all(_says_rules(text, number, rules[text.places[number]], opaque) for number in changed)


def _unedited(edited: Edited, side: int) -> frozenset[Span]:
    """The places of opaque rules that both versions have."""
    firewall = edited.firewalls[side]
    return frozenset(rule.span for rule in firewall.rules() if is_opaque(rule) and id(rule) not in edited.rules[side])


def _says_rules(text: Text, number: int, rules: Sequence[FirewallRule], unedited: frozenset[Span]) -> bool:
    line = text.lines[number].strip()
    if number and text.lines[number - 1].endswith(_GOES_ON):
        return False
    if not line or _COMMENT.match(line) or _CHAIN.fullmatch(line):
        return True
    if not rules or line.endswith(_GOES_ON) or _SETS.search(line) or any(rule.span in unedited for rule in rules):
        return False
    return any(_is_all(rule.span, text.lines[number]) for rule in rules)


def _is_all(span: Span, line: str) -> bool:
    """Whether there is nothing on the line but what the span covers, and a comment."""
    if span.source.rstrip() != line:
        return False
    before, after = line[: span.column - 1].strip(), line[span.column - 1 + span.length :].strip()
    return not before and (not after or after.startswith("#"))


def with_shared(edited: Edited) -> Edited:
    """The versions with the conditions that opaque rules share as such of which it is known that they hold or do not.

    Nobody knows when they hold, but a rule that both versions have asks the same in both, so that packets can be told
    apart by them: accepted now, unless the set holds their source. Not so the conditions of edited rules, and of rules
    whose action is not known.
    """
    names: set[str] = set()
    others: set[str] = set()
    for side, firewall in enumerate(edited.firewalls):
        for rule in firewall.rules():
            if is_opaque(rule):
                apart = isinstance(rule.action, Unknown) or id(rule) in edited.rules[side]
                (others if apart else names).update(_asked(rule))
    names -= others
    if not names:
        return edited
    old, new = (_back(each, understood(each.firewall, names)) for each in edited.named)
    return Edited.named_alike(old, new)


def _asked(rule: FirewallRule) -> Iterator[str]:
    """The conditions of a rule that are not understood."""
    for test in flat(rule.tests):
        if isinstance(test, ConditionTest) and not test.condition.understood:
            yield test.condition.name


def _back(named: Renamed, made: Firewall) -> Renamed:
    """The names of a version whose rules were made anew."""
    rules = {
        id(now): named.rule(was)
        for name, chain in named.firewall.chains.items()
        for was, now in zip(chain.rules, made.chains[name].rules, strict=True)
    }
    return replace(named, firewall=made, rules=rules)


# --- in words ----------------------------------------------------------------------------------


_ELSEWHERE = re.compile(
    r"contents|in none of the files|on the machine|only the machine|not in th|user space|program|come and go|cannot"
)


def alike_in_words(found: Alike) -> Iterator[str]:
    """The sentence on what nobody understands and is the same in both."""
    parts = found.parts[1]
    if not parts:
        return
    spans = list(dict.fromkeys(_place(each.span) for each in parts))
    files = dict.fromkeys(file for file, _ in spans)
    where = "; ".join(f"{file}:{', '.join(str(line) for name, line in spans if name == file)}" for file in files)
    are = "1 part is" if len(parts) == 1 else f"{len(parts):,} parts are"
    text = f"{are} not understood, and the same in both versions ({where})"
    reasons = dict.fromkeys(each.reason for each in parts if _ELSEWHERE.search(each.reason))
    if reasons:
        text += f"; what is kept outside of the files may change without them: {'; '.join(reasons)}"
    yield text


#: Rules that put packets' addresses into a list or a set, or take them out, and its name.
_FILLS = re.compile(
    r"-m recent\b(?=.*--(?:set|remove|update)\b)(?:.*--name (?P<recent>\S+))?"
    r"|--(?:add|del)-set (?P<set>\S+)|\b(?:add|update|delete) @(?P<nft>[\w.-]+)"
)


def filled_otherwise(edited: Edited) -> Iterator[str]:
    """Where an edited rule fills a list that rules ask: a sentence that it is not known what they find."""
    # The lists that a rule fills are no part of what is compared of it, so its text is.
    sides = [
        Counter((rule.text, id(rule) in edited.rules[side]) for rule in firewall.rules() if _FILLS.search(rule.text))
        for side, firewall in enumerate(edited.firewalls)
    ]
    texts = [text for text, _ in (sides[0] - sides[1]) + (sides[1] - sides[0])]
    texts += [text for each in sides for text, changed in each if changed]
    fills = {next(filter(None, found.groups()), "DEFAULT") for text in texts for found in _FILLS.finditer(text)}
    if not fills:
        return
    asked = {test.condition.name for firewall in edited.firewalls for test in conditions_of(firewall)}
    for name in sorted(fills):
        if any(name in each.split() for each in asked):
            yield f"edited rules fill {name}, and which packets rules find in it then is not compared"


def doubts_left(found: Alike, doubts: Sequence[str], firewalls: Sequence[Firewall]) -> tuple[str, ...]:
    """The doubts without those about parts that are the same in both, each once."""
    about = {f"{each.name} has parts that are not evaluated" for each in firewalls}
    return tuple(dict.fromkeys(each for each in doubts if each not in about or not found.rules))

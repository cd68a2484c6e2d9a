"""The words of a command that iptables itself knows: what each of them does."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import lru_cache

from fwadvisor.dialects.reading.iptables.command import (
    Command,
    Instance,
    Strange,
    Valued,
    refuse_negation,
    value_follows,
    value_of,
)
from fwadvisor.dialects.reading.iptables.matches import ALIASES, FOREIGN, MATCHES
from fwadvisor.dialects.reading.iptables.numbers import number
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.dialects.reading.iptables.targets import TARGETS
from fwadvisor.model.address import Family

_MODULE = re.compile(r"[A-Za-z][\w-]*")
#: How close a name has to be to a known one to count as misspelt rather than foreign.
_MISSPELT = 0.8
#: A chain's name has so many characters at most.
_LONGEST_CHAIN = 28


def _does(letter: str, *, named: bool = True) -> Callable[[Command], None]:
    """A step for a command with a chain, which may be left out unless `named`."""

    def step(command: Command) -> None:
        _begin(command, letter)
        if named:
            command.chain = value_of(command)
            command.chain_at = command.at - 1
            _check_chain(command.chain, command.chain_at)
        else:
            command.at += 1
            if value_follows(command):
                command.chain, command.chain_at = command.words[command.at], command.at
                command.at += 1

    return step


def _begin(command: Command, letter: str) -> None:
    refuse_negation(command)
    if command.letter and {command.letter, letter} != {"L", "Z"}:
        word = command.words[command.at]
        raise RefusedError(f'"{word}" is a second command', word, "one line does one thing", at=command.at)
    command.letter = letter


@lru_cache(65536)
def _is_chain(name: str) -> bool:
    return 0 < len(name) <= _LONGEST_CHAIN and name[0] not in "-!" and not any(c.isspace() for c in name)


def _check_chain(name: str, at: int) -> None:
    if not _is_chain(name):
        hint = f"up to {_LONGEST_CHAIN} characters, no blanks, and no - or ! in front"
        raise RefusedError(f'"{name}" is no name for a chain', name, hint, at)


def _numbered(letter: str, default: int) -> Callable[[Command], None]:
    """-I, -D and -R: a position in the chain may follow."""
    plain = _does(letter)

    def step(command: Command) -> None:
        plain(command)
        command.number = default
        if value_follows(command):
            command.number = number(command.words[command.at], 2**31, "position in the chain", 1)
            command.at += 1
        elif letter == "R":
            raise RefusedError("-R needs the number of a rule", command.chain, at=command.chain_at)

    return step


def _policy(command: Command) -> None:
    _does("P")(command)
    command.at -= 1
    command.argument = value_of(command)


def _rename(command: Command) -> None:
    _does("E")(command)
    command.at -= 1
    command.argument = value_of(command)
    _check_chain(command.argument, command.at - 1)


def _zero(command: Command) -> None:
    _does("Z", named=False)(command)
    if value_follows(command):
        command.at += 1


def _list(command: Command) -> None:
    _zero(command)
    command.letter = "L"


def _table(command: Command) -> None:
    refuse_negation(command)
    command.table = value_of(command)


def _skip(command: Command) -> None:
    refuse_negation(command)
    command.at += 1


def _wait(command: Command) -> None:
    refuse_negation(command)
    command.at += 1
    if value_follows(command):
        number(command.words[command.at], 2**31, "number of seconds")
        command.at += 1


def _skip_value(command: Command) -> None:
    refuse_negation(command)
    value_of(command)


def _only(family: Family) -> Callable[[Command], None]:
    def step(command: Command) -> None:
        _skip(command)
        command.families = command.families & {family}

    return step


def _plain(letter: str) -> Callable[[Command], None]:
    """-s, -d, -i, -o and -p; the exclamation mark may also stand before the value."""

    def step(command: Command) -> None:
        at, negated = command.at, command.negated
        text = value_of(command)
        if text == "!" and command.at < len(command.words):
            if negated:
                raise RefusedError("negated twice", text, at=command.at - 1)
            negated = True
            command.at -= 1
            text = value_of(command)
        if letter in command.plain:
            word = command.words[at]
            raise RefusedError(f'"{word}" may stand only once', word, at=at)
        command.plain[letter] = Valued(text, negated, command.at - 1)

    return step


def _fragment(command: Command) -> None:
    command.fragment = not command.negated
    command.at += 1


def _counters(command: Command) -> None:
    refuse_negation(command)
    first = value_of(command)
    packets, comma, count = first.partition(",")
    if not comma:
        command.at -= 1
        count = value_of(command)
    for each in (packets, count):
        number(each, 2**64 - 1, "counter")


def _match(command: Command) -> None:
    refuse_negation(command)
    name = value_of(command)
    match = MATCHES.get(name) or MATCHES.get(ALIASES.get(name, ""))
    if match is not None:
        command.matches.append(Instance(match, command.at - 1, []))
        return
    close = [] if name in FOREIGN else get_close_matches(name, MATCHES, 1, _MISSPELT)
    if close or not _MODULE.fullmatch(name):
        hint = f'did you mean "{close[0]}"?' if close else ""
        raise RefusedError(f'no match is called "{name}"', name, hint, command.at - 1)
    command.strange.append(Strange(f"{name}{rest_of(command)}", target=False))


def rest_of(command: Command) -> str:
    """The words up to the next option that iptables itself knows."""
    words, at = command.words, command.at
    while at < len(words) and words[at] not in STEPS:
        if words[at] == "!" and at + 1 < len(words) and words[at + 1] in STEPS:
            break
        at += 1
    text = "".join(f" {word}" for word in words[command.at : at])
    command.at = at
    return text


def _jump(command: Command) -> None:
    _leads(command)
    name = command.words[command.at - 1]
    target = TARGETS.get(name)
    if target is not None:
        command.target, command.leads = Instance(target, command.at - 1, []), None


def _leads(command: Command) -> None:
    refuse_negation(command)
    if command.target or command.leads:
        word = command.words[command.at]
        raise RefusedError("the rule has two targets", word, at=command.at)
    name = value_of(command)
    _check_chain(name, command.at - 1)
    command.leads = Valued(name, False, command.at - 1)


def _goto(command: Command) -> None:
    _leads(command)
    command.goto = True


STEPS: dict[str, Callable[[Command], None]] = {}
for _words, _step in (
    (("-A", "--append"), _does("A")),
    (("-C", "--check"), _does("C")),
    (("-N", "--new-chain"), _does("N")),
    (("-D", "--delete"), _numbered("D", 0)),
    (("-I", "--insert"), _numbered("I", 1)),
    (("-R", "--replace"), _numbered("R", 0)),
    (("-P", "--policy"), _policy),
    (("-F", "--flush"), _does("F", named=False)),
    (("-X", "--delete-chain"), _does("X", named=False)),
    (("-Z", "--zero"), _zero),
    (("-L", "--list", "-S", "--list-rules"), _list),
    (("-E", "--rename-chain"), _rename),
    (("-t", "--table"), _table),
    (("-w", "--wait"), _wait),
    (("-W", "--wait-interval", "--modprobe", "-M"), _skip_value),
    (("-v", "--verbose", "-n", "--numeric", "-x", "--exact", "--line-numbers"), _skip),
    (("-4", "--ipv4"), _only(Family.IPV4)),
    (("-6", "--ipv6"), _only(Family.IPV6)),
    (("-s", "--source", "--src"), _plain("s")),
    (("-d", "--destination", "--dst"), _plain("d")),
    (("-i", "--in-interface"), _plain("i")),
    (("-o", "--out-interface"), _plain("o")),
    (("-p", "--protocol"), _plain("p")),
    (("-f", "--fragments"), _fragment),
    (("-c", "--set-counters"), _counters),
    (("-m", "--match"), _match),
    (("-j", "--jump"), _jump),
    (("-g", "--goto"), _goto),
):
    for _word in _words:
        STEPS[_word] = _step

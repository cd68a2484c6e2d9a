"""The words of one iptables command: what it does, to which chain, and the rule that it speaks of."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple

from fwadvisor.diagnostic import did_you_mean
from fwadvisor.dialects.reading.iptables.matches import ALIASES, FOREIGN, MATCHES, OF_PROTOCOL
from fwadvisor.dialects.reading.iptables.numbers import number, protocol
from fwadvisor.dialects.reading.iptables.parts import Given, Match, Option, Target
from fwadvisor.dialects.reading.iptables.refusal import RefusedError
from fwadvisor.dialects.reading.iptables.targets import TARGETS
from fwadvisor.model.address import Family

_MODULE = re.compile(r"[A-Za-z][\w-]*")
#: How close a name has to be to a known one to count as misspelt rather than foreign.
_MISSPELT = 0.8
#: Names of interfaces and of chains have so many characters at most.
_LONGEST_INTERFACE, _LONGEST_CHAIN = 15, 28


@dataclass(slots=True)
class Instance:
    """One ``-m`` or ``-j`` of a rule, and the options that it was given."""

    module: Match | Target
    #: The number of the word that named it.
    at: int
    given: list[Given]


@dataclass(frozen=True, slots=True)
class Strange:
    """A match or target that is not known, with all its words."""

    text: str
    target: bool


class Valued(NamedTuple):
    """A value of an option, and whether it was negated."""

    text: str
    negated: bool
    at: int


@dataclass(slots=True)
class Command:
    """One command, not yet looked into: options are sorted to the modules that they belong to."""

    words: Sequence[str]
    #: The letter of the command: A, I, D, R, C, P, N, F, X, E, Z, or L for listing; "" where there is none.
    letter: str = ""
    chain: str = ""
    chain_at: int = -1
    #: The position in the chain (0: none given), the policy, or the new name.
    number: int = 0
    argument: str = ""
    table: str = ""
    families: frozenset[Family] = frozenset(Family)
    #: Values of -s, -d, -i, -o and -p by their letter.
    plain: dict[str, Valued] = field(default_factory=dict)
    fragment: bool | None = None
    matches: list[Instance] = field(default_factory=list)
    target: Instance | None = None
    #: The chain of a jump or goto.
    leads: Valued | None = None
    goto: bool = False
    strange: list[Strange] = field(default_factory=list)
    comment: str = ""
    at: int = 0
    negated: bool = False


def parse(words: Sequence[str], start: int) -> Command:
    """The command that the words from `start` on make.

    Raises:
        RefusedError: iptables would refuse it.
    """
    command = Command(words, at=start)
    size = len(words)
    steps = _STEPS
    while command.at < size:
        word = words[command.at]
        step = steps.get(word)
        if step is not None:
            step(command)
        elif word == "!":
            _negate(command)
            continue
        else:
            done = _option(command, word)
            size = len(command.words)
            words = command.words
            if not done:
                # The word is spelt out now; an exclamation mark before it still counts.
                continue
        command.negated = False
    if command.negated:
        raise RefusedError("nothing follows the exclamation mark", "!", at=len(words) - 1)
    return command


def _negate(command: Command) -> None:
    if command.negated:
        raise RefusedError("two exclamation marks follow each other", "!", at=command.at)
    command.negated = True
    command.at += 1


def _value(command: Command) -> str:
    """The word after the present one; both are done with."""
    at = command.at
    words = command.words
    if at + 1 >= len(words):
        raise RefusedError(f'"{words[at]}" needs a value', words[at], at=at)
    command.at = at + 2
    return words[at + 1]


def _follows(command: Command) -> bool:
    """Whether the present word is a value rather than an option."""
    at = command.at
    return at < len(command.words) and command.words[at][:1] not in ("-", "!")


def _not_negated(command: Command) -> None:
    if command.negated:
        word = command.words[command.at]
        raise RefusedError(f'"{word}" cannot be negated', word, at=command.at)


# --- what the command does -------------------------------------------------------------------------


def _does(letter: str, *, named: bool = True) -> Callable[[Command], None]:
    """A step for a command with a chain, which may be left out unless `named`."""

    def step(command: Command) -> None:
        _begin(command, letter)
        if named:
            command.chain = _value(command)
            command.chain_at = command.at - 1
            _check_chain(command.chain, command.chain_at)
        else:
            command.at += 1
            if _follows(command):
                command.chain, command.chain_at = command.words[command.at], command.at
                command.at += 1

    return step


def _begin(command: Command, letter: str) -> None:
    _not_negated(command)
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
        if _follows(command):
            command.number = number(command.words[command.at], 2**31, "position in the chain", 1)
            command.at += 1
        elif letter == "R":
            raise RefusedError("-R needs the number of a rule", command.chain, at=command.chain_at)

    return step


def _policy(command: Command) -> None:
    _does("P")(command)
    command.at -= 1
    command.argument = _value(command)


def _rename(command: Command) -> None:
    _does("E")(command)
    command.at -= 1
    command.argument = _value(command)
    _check_chain(command.argument, command.at - 1)


def _zero(command: Command) -> None:
    _does("Z", named=False)(command)
    if _follows(command):
        command.at += 1


def _list(command: Command) -> None:
    _zero(command)
    command.letter = "L"


def _table(command: Command) -> None:
    _not_negated(command)
    command.table = _value(command)


def _skip(command: Command) -> None:
    _not_negated(command)
    command.at += 1


def _wait(command: Command) -> None:
    _not_negated(command)
    command.at += 1
    if _follows(command):
        number(command.words[command.at], 2**31, "number of seconds")
        command.at += 1


def _skip_value(command: Command) -> None:
    _not_negated(command)
    _value(command)


def _only(family: Family) -> Callable[[Command], None]:
    def step(command: Command) -> None:
        _skip(command)
        command.families = command.families & {family}

    return step


# --- what the rule asks ----------------------------------------------------------------------------


def _plain(letter: str) -> Callable[[Command], None]:
    """-s, -d, -i, -o and -p; the exclamation mark may also stand before the value."""

    def step(command: Command) -> None:
        at, negated = command.at, command.negated
        text = _value(command)
        if text == "!" and command.at < len(command.words):
            if negated:
                raise RefusedError("negated twice", text, at=command.at - 1)
            negated = True
            command.at -= 1
            text = _value(command)
        if letter in command.plain:
            word = command.words[at]
            raise RefusedError(f'"{word}" may stand only once', word, at=at)
        command.plain[letter] = Valued(text, negated, command.at - 1)

    return step


def _fragment(command: Command) -> None:
    command.fragment = not command.negated
    command.at += 1


def _counters(command: Command) -> None:
    _not_negated(command)
    first = _value(command)
    packets, comma, count = first.partition(",")
    if not comma:
        command.at -= 1
        count = _value(command)
    for each in (packets, count):
        number(each, 2**64 - 1, "counter")


def _match(command: Command) -> None:
    _not_negated(command)
    name = _value(command)
    match = MATCHES.get(name) or MATCHES.get(ALIASES.get(name, ""))
    if match is not None:
        command.matches.append(Instance(match, command.at - 1, []))
        return
    close = [] if name in FOREIGN else get_close_matches(name, MATCHES, 1, _MISSPELT)
    if close or not _MODULE.fullmatch(name):
        hint = f'did you mean "{close[0]}"?' if close else ""
        raise RefusedError(f'no match is called "{name}"', name, hint, command.at - 1)
    command.strange.append(Strange(f"{name}{_rest(command)}", target=False))


def _rest(command: Command) -> str:
    """The words up to the next option that iptables itself knows."""
    words, at = command.words, command.at
    while at < len(words) and words[at] not in _STEPS:
        if words[at] == "!" and at + 1 < len(words) and words[at + 1] in _STEPS:
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
    _not_negated(command)
    if command.target or command.leads:
        word = command.words[command.at]
        raise RefusedError("the rule has two targets", word, at=command.at)
    name = _value(command)
    _check_chain(name, command.at - 1)
    command.leads = Valued(name, False, command.at - 1)


def _goto(command: Command) -> None:
    _leads(command)
    command.goto = True


_STEPS: dict[str, Callable[[Command], None]] = {}
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
        _STEPS[_word] = _step


# --- options of matches and targets ----------------------------------------------------------------


def _owner(command: Command, word: str) -> tuple[Instance, Option] | None:
    """The module that an option belongs to: the last one that knows it."""
    if command.target is not None:
        option = command.target.module.options.get(word)
        if option is not None and not (command.matches and command.matches[-1].at > command.target.at):
            return command.target, option
    for instance in reversed(command.matches):
        option = instance.module.options.get(word)
        if option is not None:
            return instance, option
    if command.target is not None and word in command.target.module.options:
        return command.target, command.target.module.options[word]
    return None


def _of_protocol(command: Command) -> Instance | None:
    """The match of the rule's protocol, where no -m named it yet."""
    value = command.plain.get("p")
    if value is None or value.negated:
        return None
    name = OF_PROTOCOL.get(protocol(value.text), "")
    if not name or any(each.module.name == name for each in command.matches):
        return None
    return Instance(MATCHES[name], value.at, [])


def _instances(command: Command) -> list[Instance]:
    return [*command.matches, *([command.target] if command.target else [])]


def _option(command: Command, word: str) -> bool:
    """Give an option to the module that it belongs to; False where it is only spelt out, to be read again."""
    found = _owner(command, word)
    # With -m multiport --dport is short for --dports, whatever else might know it.
    if found is None and not _abbreviated(word.partition("=")[0], _instances(command)):
        own = _of_protocol(command)
        name = word.partition("=")[0]
        if own is not None and (name in own.module.options or _abbreviated(name, [own])):
            command.matches.append(own)
            found = _owner(command, word)
    if found is not None:
        _take(command, word, *found)
        return True
    if _respelt(command, word):
        return False
    _foreign(command, word)
    return True


def _take(command: Command, word: str, instance: Instance, option: Option) -> None:
    """Note an option with its values."""
    at, words = command.at, command.words
    end = at + 1 + option.values
    if end > len(words):
        raise RefusedError(f'"{word}" needs {option.values} value{"s" * (option.values > 1)}', word, at=at)
    if command.negated and (not option.negatable or isinstance(instance.module, Target)):
        raise RefusedError(f'"{word}" cannot be negated', word, at=at)
    if not option.repeats and any(each.name == option.name for each in instance.given):
        raise RefusedError(f'"{word}" may stand only once', word, at=at)
    values = tuple(words[at + 1 : end])
    if option.name == "--comment":
        command.comment = values[0]
    instance.given.append(Given(option.name, values, command.negated))
    command.at = end


#: Letters that may share one dash.
_FLAGS = re.compile(r"-[nvxLSZ]{2,}")
#: Options that iptables wants apart from their value.
_ADDRESSES = frozenset({"--source", "--src", "--destination", "--dst"})


def _respelt(command: Command, word: str) -> bool:
    """Put the usual spelling in place of ``--option=value``, ``-svalue`` or a shortened option, if it is one."""
    at, words = command.at, list(command.words)
    name, equals, value = word.partition("=")
    if word[:2] in ("-s", "-d") or name in _ADDRESSES:
        return False
    if word[:2] == "--" and equals and (name in _STEPS or _owner(command, name)):
        words[at : at + 1] = [name, value]
    elif _FLAGS.fullmatch(word):
        words[at : at + 1] = [f"-{letter}" for letter in word[1:]]
    elif len(word) > 2 and word[:2] in _STEPS and word[1] not in "-46fnvx":
        words[at : at + 1] = [word[:2], word[2:]]
    else:
        full = _abbreviated(name, _instances(command))
        if not full:
            return False
        words[at : at + 1] = [full, value] if equals else [full]
    command.words = words
    return True


def _abbreviated(word: str, instances: Sequence[Instance]) -> str:
    """The one option that begins so, or ""."""
    if word[:2] != "--" or len(word) < 4:
        return ""
    names = {name for name in _STEPS if name.startswith(word)}
    own = {(each.module.name, option.name): name for each in instances for name, option in each.module.options.items()
           if name.startswith(word)}  # fmt: skip
    candidates = [*names, *own.values()]
    return candidates[0] if len(candidates) == 1 else ""


def _foreign(command: Command, word: str) -> None:
    """An option that belongs to nothing known: part of a foreign target, or an error."""
    if command.leads is not None and not command.goto and word.startswith("--"):
        command.strange.append(Strange(f"{command.leads.text}{_rest(command)}", target=True))
        return
    raise _unexpected(command, word)


def _unexpected(command: Command, word: str) -> RefusedError:
    at = command.at
    if not word.startswith("-"):
        return RefusedError(f'"{word}" is not expected here', word, "expected an option", at)
    known = {
        **{name: match.name for match in MATCHES.values() for name in match.options},
        **{name: target.name for target in TARGETS.values() for name in target.options},
    }
    own = _of_protocol(command)
    near = [name for each in (*_instances(command), *([own] if own else [])) for name in each.module.options]
    hint = did_you_mean(word, near) or did_you_mean(word, [name for name in _STEPS if name.startswith("--")])
    if word in known:
        match = known[word]
        wanted = "-p tcp or -p udp" if word in ("--dport", "--sport") else f"-m {match}"
        wanted = f"-j {match}" if match.isupper() else wanted
        hint = f"it needs {wanted} before it"
    elif not hint:
        hint = did_you_mean(word, known)
    return RefusedError(f'option "{word}" is not known here', word, hint, at)
